import Diagnostics
import RolloutPlan
import TestSupport
import Testing

/// Whatever the input, `resolve` ends, and what it says can be shown.
@Suite struct FuzzTests {
  static let plans =
    CorpusFile.all(in: "plans", ending: "rollout") + CorpusFile.all(in: "Tests/Corpus/faults", ending: "rollout")
    + CorpusFile.all(in: "Tests/Corpus/resolve", ending: "rollout")

  @Test(arguments: plans) func mutatedPlans(_ plan: CorpusFile) {
    let bytes = plan.bytes
    var mutator = Mutator(seed: SeededGenerator.seed &+ UInt64(bytes.count))
    for _ in 0..<(bytes.count > 1_500 ? 120 : 40) { expectLaws(mutator.mutated(bytes), plan.path) }
  }

  @Test func tokenSoups() {
    var mutator = Mutator(seed: SeededGenerator.seed &+ 11)
    for _ in 0..<1_000 { expectLaws(mutator.soup(upTo: 80), "plan.rollout") }
    for _ in 0..<500 { expectLaws(mutator.randomBytes(upTo: 200), "plan.rollout") }
  }

  /// Soups behind a sound beginning reach further than soups alone.
  @Test func soupsBehindAPlan() {
    var mutator = Mutator(seed: SeededGenerator.seed &+ 12)
    let head = Array((Catalogue.pages.first?.good.plan ?? "").utf8)
    for _ in 0..<1_000 { expectLaws(head + mutator.soup(upTo: 60), "plan.rollout") }
  }

  /// Lines of pages, put together at random: every statement in every context and order.
  @Test func shuffledLines() {
    var generator = SeededGenerator(seed: SeededGenerator.seed &+ 13)
    let lines = Catalogue.pages.flatMap { ($0.bad.plan + $0.good.plan).split(separator: "\n").map { Array($0.utf8) } }
    for _ in 0..<1_000 {
      var bytes: [UInt8] = []
      for _ in 0..<generator.below(60) { bytes += generator.pick(lines) + [0x0A] }
      expectLaws(bytes, "plan.rollout")
    }
  }

  private func expectLaws(_ bytes: [UInt8], _ path: String) {
    let resolution = resolved(bytes, path: path)
    let text = "(seed \(SeededGenerator.seed)) \(String(decoding: bytes, as: UTF8.self).debugDescription)"
    if !resolution.badRanges.isEmpty { Issue.record("\(resolution.badRanges) \(text)") }
    if resolution.diagnostics.count > bytes.count + 8 {
      Issue.record("\(resolution.diagnostics.count) diagnostics \(text)")
    }
    // The same input gives the same output.
    if resolved(bytes, path: path).problems != resolution.problems { Issue.record("two runs differ \(text)") }
    var seen: Set<Diagnostic> = []
    for diagnostic in resolution.diagnostics where !seen.insert(diagnostic).inserted {
      Issue.record("\(diagnostic.code.id) \(diagnostic.message) stands twice \(text)")
    }
    guard let plan = resolution.checked else { return }
    for segment in plan.steps.flatMap(\.segments) {
      for (index, component) in segment.after.components.enumerated() {
        for table in component.lanes + [component.entry].compactMap({ $0 }) {
          for version in table.targets where !component.isDeployed(version) {
            Issue.record("`\(plan.components[index].name)` is routed to a version that does not exist \(text)")
          }
          if table.shares.reduce(0, { $0 + $1.percent }) > 100 { Issue.record("shares over 100% \(text)") }
        }
      }
    }
  }
}
