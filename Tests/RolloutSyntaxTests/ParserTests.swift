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
}
