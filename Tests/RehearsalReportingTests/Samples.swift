import ApplyEngine
import Diagnostics
import Lowering
import RolloutPlan
import TestSupport
import Testing

@testable import Rehearsal
@testable import RehearsalReporting

/// Rehearsed plans, each once for all tests.
enum Samples {
  static let scenario = report("plans/aks-voting.rollout", Goldens.bytes("plans/aks-voting.rollout") ?? [])
  static let bookinfo = report("plans/bookinfo.rollout", Goldens.bytes("plans/bookinfo.rollout") ?? [])

  /// Every text that a plan may hold tries to be markup or to end an attribute.
  static let hostile = report(
    "<img src=x>.rollout",
    Array(
      """
      plan p
      language 1
      mesh istio
      expose web on port 80

      component web {
        port 80 http
        version 1.0 {
          image example.com/web:1.0
        }
        version 2.0 {
          image example.com/web:2.0
        }
      }

      step "<script>alert(1)</script>" {
        deploy web 1.0
        approve "\\"><svg onload=alert(2)> & ' <!-- ]]> `"
      }

      step "' onmouseover='alert(3)" {
        deploy web 2.0
        route web all -> 2.0
      }

      rehearsal "</title><b>" {
        stub web 2.0 never ready
        expect done
      }

      """.utf8))

  static let all = [scenario, bookinfo, hostile]

  private static func report(_ path: String, _ bytes: [UInt8]) -> RehearsalReport? {
    let resolution = resolve(path: path, bytes: bytes)
    guard let plan = resolution.checked else {
      Issue.record("\(path): \(resolution.diagnostics.map(\.message))")
      return nil
    }
    let compiled = compile(plan)
    let itinerary = Itinerary(plan, compiled)
    let results = (plan.rehearsals.isEmpty ? [nil] : plan.rehearsals.map { $0 }).compactMap { script in
      let rehearsal = Rehearsal(itinerary, script: script)
      return rehearsal.run(.apply(steps: itinerary.stepCount), in: rehearsal.freshCluster())
    }
    return RehearsalReport(
      plan: plan, compiled: compiled, sources: resolution.sources, results: results,
      coverage: RehearsalCoverage(compiled, results, nil))
  }

  /// With a fault of each kind, as no run of these plans has them.
  static func withFaults(_ report: RehearsalReport) -> RehearsalReport {
    var storm = Chaos.Report()
    storm.runs = [(.killed, 40), (.verifyFails, 3)]
    storm.requests = 12_345
    storm.failedRequests = 7
    storm.faults = [
      Chaos.Fault(
        .killed, "killed before write 3 of 9", step: 1, "the cluster is <not> as \"before\"", failedRequests: 7)
    ]
    var results = report.results
    for n in results.indices {
      results[n].traffic.failed = 120
      results[n].traffic.failures = (0..<100).map { second in
        RehearsalTraffic.Failure(
          step: 0, visitor: "<everybody>\u{202E}\u{1}`", moment: .seconds(second), status: second == 0 ? nil : 503,
          flag: "UH",
          hop: "the gateway → web.p.svc:80")
      }
      results[n].traffic.timeline[3, default: [:]][""] = 120
    }
    return RehearsalReport(
      plan: report.plan, compiled: report.compiled, sources: report.sources, results: results, storm: storm,
      coverage: report.coverage)
  }
}
