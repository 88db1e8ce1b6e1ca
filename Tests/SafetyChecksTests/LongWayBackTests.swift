import Diagnostics
import Lowering
import RolloutPlan
import SafetyChecks
import TestSupport
import Testing

/// Ways back over several steps at once.
struct LongWayBackTests {
  /// Each way of one step is proved; versions 1.0 and 3.0 share a volume, so that the way from the one to the other stops
  /// the one before the other begins.
  @Test func aSharedVolumeIsFound() throws {
    let one = try Case(
      """
      plan shop
      language 1
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        calls db
        version 1.0
      }
      component db {
        image registry.example.com/db
        port 9090 http
        version 1.0 {
          volume data 1Gi at /data
        }
        version 2.0 {
          volume other 1Gi at /data
        }
        version 3.0 {
          volume data 1Gi at /data
        }
      }
      step "one" {
        deploy db 1.0
        deploy web 1.0
      }
      step "two" {
        deploy db 2.0
        route db all -> 2.0
        retire db 1.0
      }
      step "three" {
        deploy db 3.0
        route db all -> 3.0
        retire db 2.0
      }
      """)
    #expect(one.report().diagnostics.isEmpty)
    func found(_ steps: Int, phase: Int? = nil) -> [Code] {
      check(LongWayBack(step: 2, segment: 0, phase: phase, steps: steps), one.compiled, plan: one.plan).diagnostics
        .map(\.code)
    }
    #expect(found(2).isEmpty)
    #expect(found(1) == [.downtime])
    #expect(found(0).isEmpty)
    let last = one.compiled.steps[2].segments[0].phases.count - 1
    #expect(found(1, phase: last) == [.downtime])
    #expect(found(1, phase: 0).isEmpty)
  }

  /// From every place of the plans that are shipped a way leads back to every step before.
  @Test(arguments: ["aks-voting", "bookinfo"])
  func ofPlans(_ name: String) throws {
    let text = String(decoding: try #require(Goldens.bytes("plans/\(name).rollout")), as: UTF8.self)
    let one = try Case(text, path: "plans/\(name).rollout")
    var ways = 0
    for (s, step) in one.compiled.steps.enumerated() {
      for (m, segment) in step.segments.enumerated() {
        for phase in [nil] + segment.phases.indices.map(Optional.some) {
          for steps in 0..<s {
            ways += 1
            let report = check(
              LongWayBack(step: s, segment: m, phase: phase, steps: steps), one.compiled, plan: one.plan)
            let found = one.resolution.allowances.filter(report.diagnostics).filter { $0.severity == .error }
            #expect(found.isEmpty, "\(s).\(m) \(phase ?? -1) -> \(steps): \(found.map(\.message))")
          }
        }
      }
    }
    #expect(ways > 20)
  }
}
