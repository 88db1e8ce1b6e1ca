import DiagnosticRendering
import Diagnostics
import RolloutPlan
import RolloutSyntax
import TestSupport
import Testing

/// `Tests/Corpus/resolve`: small plans about one rule each. Under a line with a fault stands `#~ R0401 text`; a plan without
/// errors is compared with its dump beside it, and what is said about a plan with `NAME.diagnostics`. `#! env NAME`, `#! set NAME VALUE` and `#! root DIR` in the first lines are
/// the command line's options.
@Suite struct CorpusTests {
  static let plans = CorpusFile.all(in: "Tests/Corpus/resolve", ending: "rollout")

  @Test(arguments: plans) func casesSayWhatTheyEarn(_ plan: CorpusFile) {
    let resolution = plan.resolution
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
      let json = JSONRenderer(sources: resolution.sources).rendered(resolution.diagnostics)
      Goldens.check(json, against: plan.sibling("json"))
    }
  }

  /// So that each of them is a golden of the formatter, too: the ones that the parser takes stand as it writes them.
  @Test(arguments: plans) func casesStandAsTheFormatterWritesThem(_ plan: CorpusFile) {
    guard let text = formatted(parse(SourceFile(id: FileID(0), path: plan.path, bytes: plan.bytes))) else { return }
    #expect(text == plan.bytes, "run `rolloutc fmt \(plan.path)`")
  }

  @Test(arguments: plans) func editsRemoveWhatTheyMend(_ plan: CorpusFile) {
    let bytes = plan.bytes
    let options = plan.options
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
}
