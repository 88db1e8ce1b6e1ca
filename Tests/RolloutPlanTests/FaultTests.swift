import Diagnostics
import Foundation
import RolloutPlan
import TestSupport
import Testing

/// One fault, one diagnostic, through the whole of `resolve`: parser, names, values, and the order of the steps.
@Suite struct FaultTests {
  static let plans =
    CorpusFile.all(in: "plans", ending: "rollout") + CorpusFile.all(in: "Tests/Corpus/faults", ending: "rollout")

  @Test(arguments: plans) func theirPlansHaveNoErrors(_ plan: CorpusFile) {
    let resolution = resolved(plan.bytes, path: plan.path)
    #expect(!resolution.diagnostics.hasErrors, "\(resolution.problems)")
  }

  @Test func singleFaultsCauseOneDiagnostic() throws {
    let isMeasuring = ProcessInfo.processInfo.environment["ROLLOUTC_MEASURE"] == "1"
    var errors = FaultStatistics([]) { _ in [] }
    var withLints = errors
    for plan in Self.plans {
      let faults = singleFaults(in: plan.bytes)
      var known: [[UInt8]: [Diagnostic]] = [:]
      let ofPlan = FaultStatistics(faults) { bytes in
        let found = resolved(bytes, path: plan.path).diagnostics
        known[bytes] = found
        return found
      }
      let before = Set(resolved(plan.bytes, path: plan.path).diagnostics.map { $0.code.id + $0.message })
      errors.add(ofPlan)
      // Lints that the plan had before are not the fault's.
      withLints.add(
        FaultStatistics(faults) { bytes in
          (known[bytes] ?? []).filter { !before.contains($0.code.id + $0.message) }.map { diagnostic in
            var counted = diagnostic
            counted.severity = .error
            return counted
          }
        })
      if isMeasuring { print("\(plan.path): \(ofPlan.summary)") }
    }
    if isMeasuring {
      print("errors: \(errors.summary)")
      print("with lints: \(withLints.summary)")
      if let path = ProcessInfo.processInfo.environment["ROLLOUTC_CASCADES"] {
        try Data(errors.cascades.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
        let lints = withLints.cascades.joined(separator: "\n")
        try Data(lints.utf8).write(to: URL(fileURLWithPath: path + ".lints"))
      }
    }
    #expect(errors.noticed + errors.unnoticed >= 1_400)
    #expect(errors.shareOfOne >= 0.91, "\(errors.summary)\n\(errors.cascades.prefix(40).joined(separator: "\n"))")
    #expect(errors.shareOfThreeOrMore <= 0.009, "\(errors.summary)")
    #expect(withLints.shareOfOne >= 0.91, "\(withLints.summary)\n\(withLints.cascades.prefix(40))")
    #expect(withLints.shareOfThreeOrMore <= 0.009, "\(withLints.summary)")
  }

  /// An edit is offered only where it is certain: made, its diagnostic is gone and no other error has come. Of the many
  /// faults every fourth is tried, and all of them with `ROLLOUTC_MEASURE=1`.
  @Test(arguments: plans) func editsMendSingleFaults(_ plan: CorpusFile) {
    let step = ProcessInfo.processInfo.environment["ROLLOUTC_MEASURE"] == "1" ? 1 : 4
    let faults = singleFaults(in: plan.bytes)
    var tried = 0
    for index in stride(from: 0, to: faults.count, by: step) {
      let resolution = resolved(faults[index].bytes, path: plan.path)
      guard resolution.diagnostics.contains(where: { !$0.fixIts.isEmpty }) else { continue }
      tried += 1
      let problems = resolution.uselessFixIts { resolved($0, path: plan.path) }
      #expect(problems.isEmpty, "\(faults[index].description):\n\(problems.joined(separator: "\n"))")
    }
    #expect(tried >= 40)
  }
}
