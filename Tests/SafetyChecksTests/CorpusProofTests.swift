import Diagnostics
import Lowering
import RolloutPlan
import SafetyChecks
import TestSupport
import Testing

/// The samples of the language, proved: what a plan may say must also be possible.
struct CorpusProofTests {
  @Test func whatIsRightIsProved() {
    var lines: [String] = []
    var count = 0
    for file in CorpusFile.all(in: "Tests/Corpus/resolve", ending: "rollout") {
      let resolution = file.resolution
      guard let plan = resolution.checked else { continue }
      let compiled = compile(plan)
      guard compiled.problems.isEmpty else { continue }
      count += 1
      let found = resolution.allowances.filter(check(compiled, plan: plan).diagnostics)
      for diagnostic in found.inReadingOrder {
        let name = file.path.split(separator: "/").last ?? ""
        lines.append("\(name): \(diagnostic.code.id) \(diagnostic.message)")
      }
    }
    #expect(count > 50)
    #expect(lines.isEmpty, "\(lines.joined(separator: "\n"))")
  }
}
