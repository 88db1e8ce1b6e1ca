import Diagnostics
import Foundation
import RolloutSyntax
import TestSupport
import Testing

@Suite struct FaultTests {
  /// One fault, one diagnostic: the figures of the design's prototype are the bar.
  @Test func singleFaultsCauseOneDiagnostic() {
    let plans = CorpusFile.all(in: "plans", ending: "rollout") + CorpusFile.all(in: "Tests/Corpus/syntax", ending: "rollout")
    var all: [Fault] = []
    for plan in plans {
      let faults = singleFaults(in: plan.bytes)
      if plan.path.hasPrefix("plans/") { all += faults }
      let statistics = FaultStatistics(faults) { parse($0).diagnostics }
      print("\(plan.path): \(statistics.summary)")
      if ProcessInfo.processInfo.environment["ROLLOUTC_SHOW_CASCADES"] != nil {
        for cascade in statistics.cascades { print("  \(cascade)") }
      }
    }
    let statistics = FaultStatistics(all) { parse($0).diagnostics }
    print("plans: \(statistics.summary)")
    #expect(all.count >= 1400)
    #expect(statistics.shareOfOne >= 0.91, "\(statistics.summary)")
    #expect(statistics.shareOfThreeOrMore <= 0.009, "\(statistics.summary)")
  }
}
