import DiagnosticRendering
import Diagnostics
import RolloutPlan
import TestSupport
import Testing

/// `Tests/Corpus/resolve`: small plans about one rule each. Under a line with a fault stands `#~ R0401 text`; a plan without
/// errors is compared with its dump beside it, and what is said about a plan with `NAME.diagnostics`. `#! env NAME`, `#! set NAME VALUE` and `#! root DIR` in the first lines are
/// the command line's options.
@Suite struct CorpusTests {
  static let plans = CorpusFile.all(in: "Tests/Corpus/resolve", ending: "rollout")

  @Test(arguments: plans) func casesSayWhatTheyEarn(_ plan: CorpusFile) {
    let bytes = plan.bytes
    let resolution = resolved(bytes, path: plan.path, options: options(bytes))
    for file in resolution.sources.files {
      let found = resolution.diagnostics.filter { $0.primary.range.file == file.id }
      if let problem = Expectations(file.bytes).mismatch(with: found, in: file) {
        Issue.record("\(file.path): \(problem)\n--- all:\n\(resolution.problems)")
      }
    }
    #expect(resolution.badRanges.isEmpty)
    if let checked = resolution.checked { Goldens.check(PlanDump(checked).text, against: plan.sibling("txt")) }
    if !resolution.diagnostics.isEmpty {
      let renderer = TerminalRenderer(sources: resolution.sources, color: false, width: 100)
      Goldens.check(renderer.rendered(resolution.diagnostics), against: plan.sibling("diagnostics"))
    }
  }

  @Test(arguments: plans) func editsRemoveWhatTheyMend(_ plan: CorpusFile) {
    let bytes = plan.bytes
    let options = options(bytes)
    let problems = resolved(bytes, path: plan.path, options: options).uselessFixIts {
      resolved($0, path: plan.path, options: options)
    }
    #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
  }

  /// The same for plans that the parser already refuses.
  @Test(arguments: CorpusFile.all(in: "Tests/Corpus/errors", ending: "rollout"))
  func editsRemoveWhatTheyMendInBrokenPlans(_ plan: CorpusFile) {
    let resolution = resolved(plan.bytes, path: plan.path)
    let problems = resolution.uselessFixIts(counting: { $0.id.hasPrefix("R01") }) { resolved($0, path: plan.path) }
    #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
  }

  @Test func thereAreManyCases() { #expect(Self.plans.count >= 60) }

  private func options(_ bytes: [UInt8]) -> ResolutionOptions {
    var options = ResolutionOptions()
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      guard line.hasPrefix("#! ") else { break }
      let words = line.dropFirst(3).split(separator: " ").map(String.init)
      switch words.first {
      case "env" where words.count == 2: options.environment = words[1]
      case "set" where words.count == 3: options.settings.append((words[1], words[2]))
      case "root" where words.count == 2: options.root = words[1]
      default: Issue.record("no such option: \(line)")
      }
    }
    return options
  }
}
