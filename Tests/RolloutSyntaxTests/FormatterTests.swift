import Diagnostics
import RolloutSyntax
import TestSupport
import Testing

@Suite struct FormatterTests {
  @Test(arguments: CorpusFile.all(in: "Tests/Corpus/format", ending: "in"))
  func formatsAsExpected(_ file: CorpusFile) throws {
    let tree = parse(file.bytes)
    let once = try #require(formatted(tree), "\(tree.problems)")
    Goldens.check(once, against: file.sibling("out"))
    expectStable(tree)
  }

  @Test(arguments: CorpusFile.all(in: "plans", ending: "rollout"))
  func plansAreFormatted(_ file: CorpusFile) throws {
    let tree = parse(file.bytes)
    let once = try #require(formatted(tree), "\(tree.problems)")
    #expect(once == file.bytes, "\(unifiedDiff(from: file.bytes, to: once, path: file.path))")
    expectStable(tree)
  }

  @Test func aBrokenPlanIsLeftAlone() {
    #expect(formatted(parse("plan")) == nil)
    #expect(formatted(parse("plan a\n\u{0}\n")) == nil)
  }
}

/// Formatting twice is formatting once, and the tree stays the same.
func expectStable(_ tree: SyntaxTree, sourceLocation: SourceLocation = #_sourceLocation) {
  guard let once = formatted(tree) else { return }
  let again = parse(once)
  let source = String(decoding: tree.file.bytes, as: UTF8.self)
  #expect(
    again.diagnostics.isEmpty, "\(again.problems)\n\(String(decoding: once, as: UTF8.self))\n--- from:\n\(source)",
    sourceLocation: sourceLocation)
  #expect(again.dump == tree.dump, "\(source)", sourceLocation: sourceLocation)
  let twice = formatted(again) ?? []
  #expect(
    twice == once, "\(unifiedDiff(from: once, to: twice, path: "twice"))\n--- from:\n\(source)",
    sourceLocation: sourceLocation)
}
