/// The clock of a run: the machine's, or one that a rehearsal turns by hand.
///
/// A run never reads any other clock, so that a rehearsal of a day takes milliseconds and is the same every time.
package struct RunClock: Clock {
  /// Time since the clock began.
  package struct Instant: InstantProtocol {
    package var offset: Duration

    package init(offset: Duration) { self.offset = offset }

    package func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    package func duration(to other: Instant) -> Duration { other.offset - offset }
    package static func < (a: Instant, b: Instant) -> Bool { a.offset < b.offset }
  }

  private let read: @Sendable () -> Duration
  private let wait: @Sendable (_ until: Duration) async throws -> Void

  /// - Parameters:
  ///   - read: the time since the beginning; it must not go backwards.
  ///   - wait: returns when that time has come, or throws when the task is cancelled.
  package init(
    read: @escaping @Sendable () -> Duration, wait: @escaping @Sendable (_ until: Duration) async throws -> Void
  ) {
    self.read = read
    self.wait = wait
  }

  package var now: Instant { Instant(offset: read()) }
  package var minimumResolution: Duration { .zero }

  package func sleep(until deadline: Instant, tolerance: Duration?) async throws { try await wait(deadline.offset) }

  /// The machine's clock; it goes on while the machine sleeps.
  package static var continuous: RunClock {
    let clock = ContinuousClock()
    let start = clock.now
    return RunClock(
      read: { start.duration(to: clock.now) },
      wait: { try await clock.sleep(until: start.advanced(by: $0), tolerance: .zero) })
  }
}
