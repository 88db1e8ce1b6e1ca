import Foundation

/// A clock that only sleeping moves: each sleep ends at once, is written down, and lets its time go by.
package final class ManualClock: Clock, @unchecked Sendable {
  package struct Instant: InstantProtocol {
    package var offset: Duration

    package init(offset: Duration) { self.offset = offset }

    package func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    package func duration(to other: Instant) -> Duration { other.offset - offset }
    package static func < (a: Instant, b: Instant) -> Bool { a.offset < b.offset }
  }

  private let lock = NSLock()
  private var offset = Duration.zero
  private var recorded: [Duration] = []

  package init() {}

  package var now: Instant { lock.withLock { Instant(offset: offset) } }
  package var minimumResolution: Duration { .zero }
  /// Every sleep so far.
  package var sleeps: [Duration] { lock.withLock { recorded } }

  package func advance(by duration: Duration) { lock.withLock { offset += duration } }

  package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    try Task.checkCancellation()
    lock.withLock {
      recorded.append(deadline.offset - offset)
      offset = max(offset, deadline.offset)
    }
    await Task.yield()
  }
}
