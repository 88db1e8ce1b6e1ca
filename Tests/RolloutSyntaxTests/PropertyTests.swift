import Diagnostics
import Foundation
import RolloutSyntax
import TestSupport
import Testing

/// What holds for every input, whatever it is.
@Suite struct PropertyTests {
  static let plans =
    CorpusFile.all(in: "plans", ending: "rollout") + CorpusFile.all(in: "Tests/Corpus/syntax", ending: "rollout")
    + CorpusFile.all(in: "Tests/Corpus/errors", ending: "rollout") + CorpusFile.all(in: "Tests/Corpus/format", ending: "in")

  @Test func randomBytes() {
    var mutator = Mutator(seed: SeededGenerator.seed)
    for _ in 0..<2000 { expectLaws(mutator.randomBytes(upTo: 200)) }
  }

  @Test func tokenSoups() {
    var mutator = Mutator(seed: SeededGenerator.seed &+ 1)
    for _ in 0..<2000 { expectLaws(mutator.soup(upTo: 60)) }
  }

  @Test(arguments: plans) func mutatedPlans(_ plan: CorpusFile) {
    let bytes = plan.bytes
    var mutator = Mutator(seed: SeededGenerator.seed &+ 2)
    for _ in 0..<150 { expectLaws(mutator.mutated(bytes)) }
  }

  /// A file that is still being written, or whose end was lost.
  @Test(arguments: plans) func cutAtEveryByte(_ plan: CorpusFile) {
    let bytes = plan.bytes
    for end in 0...min(bytes.count, 4000) { expectLaws(Array(bytes[..<end]), fixes: end % 7 == 0) }
  }

  /// Nesting is as deep as the grammar and no deeper, whatever the input: nothing runs out of stack.
  @Test func deepNestingAndLongLines() {
    for piece in ["{", "component a {\n", "on failure {", "step \"s\" { on failure { ", "}", "a,\n", "\"\"\"", "'", "->"] {
      expectLaws(Array(String(repeating: piece, count: 3000).utf8), fixes: false)
    }
  }
}

/// The laws: the tree prints back; its tokens lie one behind the other and reach the end; every range lies in the file;
/// there is at most one diagnostic per token and one per bad byte; an edit that a diagnostic offers removes it; a tree
/// without errors has no broken statement; and what can be formatted is formatted once and for all.
func expectLaws(_ bytes: [UInt8], fixes: Bool = true, sourceLocation: SourceLocation = #_sourceLocation) {
  let tree = parse(bytes)
  func fail(_ law: String) {
    Issue.record(
      "\(law) (seed \(SeededGenerator.seed))\n\(tree.problems)\n\(String(decoding: bytes, as: UTF8.self).debugDescription)",
      sourceLocation: sourceLocation)
  }
  if tree.printed != bytes { fail("the tree does not print back") }
  var end: UInt32 = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? tree.tokens[0].leading : 0
  for token in tree.tokens {
    if token.leading != end || token.start < token.leading || token.end < token.start { return fail("tokens overlap or leave a gap") }
    end = token.end
  }
  if Int(end) != bytes.count { fail("the tokens do not reach the end") }
  if tree.diagnostics.count > tree.tokens.count + bytes.count { fail("\(tree.diagnostics.count) diagnostics") }
  for diagnostic in tree.diagnostics {
    let ranges =
      [diagnostic.primary.range] + diagnostic.secondary.map(\.range) + diagnostic.fixIts.flatMap { $0.edits.map(\.range) }
    for range in ranges where Int(range.end) > bytes.count || range.start > range.end { fail("a range outside of the file") }
    if fixes {
      for fixIt in diagnostic.fixIts where isStillThere(diagnostic, after: fixIt, in: bytes) {
        fail("`\(fixIt.message)` does not remove \(diagnostic.code.id) at \(diagnostic.primary.range.start)")
      }
    }
  }
  if tree.diagnostics.isEmpty {
    if tree.statements.contains(where: { $0.isBroken || $0.form == nil }) { fail("a broken statement without a diagnostic") }
    expectStable(tree, sourceLocation: sourceLocation)
  }
}

/// Whether the file with the edits made has the same diagnostic at the same place.
private func isStillThere(_ diagnostic: Diagnostic, after fixIt: FixIt, in bytes: [UInt8]) -> Bool {
  var fixed = bytes
  var place = Int(diagnostic.primary.range.start)
  for edit in fixIt.edits.sorted(by: { $0.range > $1.range }) {
    let range = Int(edit.range.start)..<Int(edit.range.end)
    fixed.replaceSubrange(range, with: Array(edit.replacement.utf8))
    if range.upperBound <= place { place += edit.replacement.utf8.count - range.count }
  }
  return parse(fixed).diagnostics.contains {
    $0.code == diagnostic.code && $0.message == diagnostic.message && Int($0.primary.range.start) == place
  }
}
