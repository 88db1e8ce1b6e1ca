import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import RolloutPlan
import SafetyChecks
import Testing

struct VotingTests {
  @Test func thePlanIsSafe() throws {
    let report = try Case.voting().report()
    #expect(report.diagnostics.isEmpty, "\(text(report))")
    #expect(report.coverage.cohorts == 2)
    #expect(report.coverage.rollbacks >= 5)
    #expect(report.coverage.phases > 20)
    print("coverage:", report.coverage)
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["ROLLOUTC_MEASURE"] != nil)) func measures() throws {
    let voting = try Case.voting()
    let clock = ContinuousClock()
    for _ in 0..<5 { print("voting:", clock.measure { _ = voting.report() }) }
  }
}
