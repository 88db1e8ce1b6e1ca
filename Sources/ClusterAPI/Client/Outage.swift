internal import Synchronization

/// For how long a server has given no good answer, to whatever call.
///
/// Calls follow each other, and stand inside of waits that make more of them: were each to ask a server that is gone for
/// two minutes, a run would go on for a quarter of an hour with nothing to show. So the time counts from the first failure
/// of any call since the last good answer.
final class Outage<C: Clock>: Sendable where C.Duration == Duration {
  private let state = Mutex<(began: C.Instant, last: C.Instant)?>(nil)

  /// Failures further apart say nothing of the time between them, in which nobody asked. Longer than an attempt that is
  /// not answered and the wait after it.
  private static var longestPause: Duration { .seconds(120) }

  /// Another failure: how long they have gone on.
  func length(at now: C.Instant) -> Duration {
    state.withLock { state in
      guard let known = state, known.last.duration(to: now) <= Self.longestPause else {
        state = (now, now)
        return .zero
      }
      state = (known.began, max(known.last, now))
      return known.began.duration(to: now)
    }
  }

  /// The server answered.
  func end() { state.withLock { $0 = nil } }
}
