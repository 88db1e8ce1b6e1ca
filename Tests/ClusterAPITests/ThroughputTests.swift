import ClusterAPI
import Foundation
import KubernetesModel
import TestSupport
import Testing

/// Figures, not checks: run with ROLLOUTC_MEASURE=1 on a quiet machine.
@Suite(
  .controlPlane,
  .enabled(if: ProcessInfo.processInfo.environment["ROLLOUTC_MEASURE"] != nil, "ROLLOUTC_MEASURE is unset"),
  .serialized)
struct ThroughputTests {
  @Test func `creates, unchanged applies and gets per second`() async throws {
    let live = try await LiveCluster()
    let limited = LimitedTransport(LiveCluster.transport, clock: ContinuousClock())
    let cluster = try LiveCluster.client(LiveCluster.connection(live.plane.kubeconfig), transport: limited)
    let type = try await live.type("ConfigMap", "v1")
    let count = 2000

    func measure(_ name: String, _ call: @escaping @Sendable (ObjectReference, Value) async throws -> Void) async throws
    {
      let start = ContinuousClock.now
      try await withThrowingTaskGroup(of: Void.self) { group in
        for i in 0..<count {
          let (reference, object) = (type.named("m\(i)", in: live.namespace), live.object("m\(i)"))
          group.addTask { try await call(reference, object) }
          if i >= 64 { try await group.next() }
        }
        try await group.waitForAll()
      }
      let seconds =
        Double(start.duration(to: .now).components.attoseconds) / 1e18
        + Double(start.duration(to: .now).components.seconds)
      print("MEASURED \(name): \(Int(Double(count) / seconds)) per second, window \(limited.window.size)")
    }
    try await measure("creates") { _ = try await cluster.apply(ApplyRequest($1, to: $0)) }
    try await measure("unchanged applies") { _ = try await cluster.apply(ApplyRequest($1, to: $0)) }
    try await measure("dry runs") { _ = try await cluster.apply(ApplyRequest($1, to: $0, dryRun: true)) }
    try await measure("gets") { reference, _ in _ = try await cluster.get(reference) }
  }
}
