import Diagnostics
import RolloutSyntax
import TestSupport
import Testing

@Suite struct ParserTests {
  @Test(arguments: CorpusFile.all(in: "plans", ending: "rollout"))
  func plansParse(_ file: CorpusFile) {
    let tree = parse(file.bytes)
    #expect(tree.diagnostics.isEmpty, "\(tree.problems)")
    #expect(tree.printed == file.bytes)
    #expect(tree.statements.allSatisfy { $0.form != nil && !$0.isBroken })
  }

  /// A file in another encoding cannot be read at all: that is one fault, whether or not a mark says so.
  @Test(arguments: [
    ("UTF-16", 2, false, [UInt8]()), ("UTF-16", 2, true, []), ("UTF-16", 2, false, [0xFF, 0xFE]),
    ("UTF-16", 2, true, [0xFE, 0xFF]), ("UTF-32", 4, false, []), ("UTF-32", 4, true, []),
    ("UTF-32", 4, false, [0xFF, 0xFE, 0, 0]), ("UTF-32", 4, true, [0, 0, 0xFE, 0xFF]),
  ])
  func otherEncodings(_ name: String, _ unit: Int, _ isBigEndian: Bool, _ mark: [UInt8]) {
    let text = "plan shop\nlanguage 1\ncomponent web {\n  image web\n}\n"
    let zeros = [UInt8](repeating: 0, count: unit - 1)
    let bytes = mark + text.utf8.flatMap { isBigEndian ? zeros + [$0] : [$0] + zeros }
    let tree = parse(bytes)
    #expect(tree.printed == bytes)
    #expect(tree.diagnostics.map(\.message) == ["the file is \(name)"])
    #expect(tree.diagnostics.first?.help == "save the file as UTF-8")
  }

  /// A NUL here and there is a character to point at.
  @Test func nulsAreNoEncoding() {
    let tree = parse("plan shop\nlanguage 1\0\nnamespace shop\n")
    #expect(tree.diagnostics.map(\.message) == ["a NUL byte stands here"])
  }

  /// Lines as very old systems end them: one fault for the file, and its edit mends all of them.
  @Test func loneCarriageReturns() {
    let text = "# A shop.\rplan shop\rlanguage 1\rdeploy web 1.0 # first\r"
    let tree = parse(text)
    #expect(tree.printed == Array(text.utf8))
    #expect(tree.diagnostics.map(\.message) == ["a lone carriage return stands here"])
    #expect(tree.diagnostics.first?.notes == ["4 lines of this file end so"])
    #expect(tree.diagnostics.first?.fixIts.first?.edits.count == 4)
    #expect(tree.statements.map(\.form) == [.plan, .language, .deploy])
  }

  /// A slip is one fault, the line keeps its meaning, and so do the lines around it.
  @Test(arguments: [
    ("wait 10 minutes\npause", [Form.wait, .pause]), ("wait 10m,\npause", [.wait, .pause]),
    ("DEPLOY web 1.0\npause", [.deploy, .pause]), ("route web all => 2.0\npause", [.route, .pause]),
    ("route web cookie a → 2.0\npause", [.route, .pause]), ("step “a” {\n}\npause", [.step, .pause]),
    ("step \"a\"\n{\n}\npause", [.step, .pause]), ("secret a has B,\nwait 5m", [.secret, .wait]),
    ("ON FAILURE {\n}\npause", [.onFailure, .pause]), ("component web: {\n}\npause", [.component, .pause]),
    ("component web:\n  version 1\npause", [.component, .pause]), ("step \"a\":\n  pause\npause", [.step, .pause]),
    ("component web:\n  version 1\n}\npause", [.component, .pause]), ("deploy web 1.0; pause", [.deploy, .pause]),
    ("  deploy web 1.0 ; pause;", [.deploy, .pause]), ("on failure {\n};\npause", [.onFailure, .pause]),
    ("rollback;\npause", [.rollback, .pause]),
    ("sleep 5m\npause", [.wait, .pause]),
    ("approve by a \"b\"\npause", [.approve, .pause]), ("wait 5m // a {\npause", [.wait, .pause]),
    ("metric m is promql \"a\" >=1\npause", [.metric, .pause]),
    ("service web:\n  port 1 tcp\npause", [.component, .pause]),
  ])
  func slipsAreOneFault(_ text: String, _ forms: [Form]) {
    let tree = parse(text)
    #expect(tree.printed == Array(text.utf8))
    #expect(tree.diagnostics.count == 1, "\(tree.problems)")
    #expect(tree.roots.map { tree[$0].form } == forms)
    #expect(tree.statements.allSatisfy { !$0.isBroken })
    for fixIt in tree.diagnostics.flatMap(\.fixIts) {
      let mended = SourceSet.applying(fixIt.edits, to: Array(text.utf8)) ?? []
      #expect(parse(mended).diagnostics.isEmpty, "\(String(decoding: mended, as: UTF8.self))")
    }
  }
}
