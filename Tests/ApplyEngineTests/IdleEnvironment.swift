import ApplyEngine
import Rehearsal
import Sandbox
import TestSupport

extension RunEnvironment {
  /// What a part of a run needs that touches neither cluster nor journal.
  static func idle(_ clock: ManualClock) -> RunEnvironment {
    RunEnvironment(
      cluster: InProcessTransport.cluster(LiveCluster()), clock: RunClock(clock),
      wallTime: { "2026-01-01T00:00:00.000000Z" }, random: { 0.5 }, journal: MemoryJournal(),
      identity: RunIdentity(run: "test", who: "test"), tell: { _ in })
  }
}

extension RunClock {
  /// Turned by sleeping alone.
  init(_ clock: ManualClock) {
    self.init(
      read: { clock.now.offset },
      wait: { try await clock.sleep(until: ManualClock.Instant(offset: $0), tolerance: nil) })
  }
}
