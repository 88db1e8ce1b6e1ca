import DiagnosticRendering
import Diagnostics
import RolloutSyntax
import TestSupport
import Testing

@Suite struct CorpusTests {
  /// The tree of every statement; with CRLF the tree is the same.
  @Test(arguments: CorpusFile.all(in: "Tests/Corpus/syntax", ending: "rollout"))
  func trees(_ file: CorpusFile) {
    let tree = parse(file.bytes)
    Goldens.check(tree.problems + tokens(of: tree) + "\n" + tree.dump, against: file.sibling("tree"))
    #expect(tree.printed == file.bytes)
    let withCRLF = file.bytes.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
    let other = parse(withCRLF)
    #expect(other.printed == withCRLF)
    #expect(other.diagnostics.count == tree.diagnostics.count)
    #expect(other.dump.replacing("\\r\\n", with: "\\n") == tree.dump)
    expectStable(tree)
    expectStable(other)
  }

  /// Every statement of the table stands in the corpus.
  @Test func everyFormIsInTheCorpus() {
    var forms: Set<Form> = []
    for file in CorpusFile.all(in: "Tests/Corpus/syntax", ending: "rollout") {
      for node in parse(file.bytes).statements { if let form = node.form { forms.insert(form) } }
    }
    for form in Form.allCases { #expect(forms.contains(form), "no \(form) in Tests/Corpus/syntax") }
  }

  /// Each diagnostic stands under its line in the file itself, as `#~ R0101 the beginning of its message`; what is
  /// printed for all of them stands beside it, for people and for machines.
  @Test(arguments: CorpusFile.all(in: "Tests/Corpus/errors", ending: "rollout"))
  func errors(_ file: CorpusFile) {
    let tree = parse(file.bytes)
    let syntax = tree.diagnostics.inReadingOrder
    let expectations = Expectations(file.bytes)
    let problem = expectations.mismatch(with: syntax, in: tree.file)
    #expect(problem == nil, "\(problem ?? "")\n\(tree.problems)")
    var sources = SourceSet()
    _ = sources.add(path: file.path, bytes: file.bytes)
    let text = TerminalRenderer(sources: sources, color: false, width: 100).rendered(syntax)
    Goldens.check(text, against: file.sibling("txt"))
    Goldens.check(JSONRenderer(sources: sources).rendered(syntax), against: file.sibling("json"))
  }

  private func tokens(of tree: SyntaxTree) -> String {
    var out = ""
    for (index, token) in tree.tokens.enumerated() {
      var line = "\(token.kind)"
      if token.kind != .newline, token.kind != .endOfFile {
        line += " " + tree.file.text(tree.range(ofToken: index)).debugDescription
      }
      if let keyword = token.keyword { line += " keyword \(keyword.text)" }
      if token.flags.contains(.tight) { line += " tight" }
      if token.flags.contains(.continued) { line += " continued" }
      if token.flags.contains(.dirty) { line += " dirty" }
      if token.flags.contains(.unterminated) { line += " unterminated" }
      if token.flags.contains(.badEscape) { line += " bad-escape" }
      out += line + "\n"
    }
    return out
  }
}
