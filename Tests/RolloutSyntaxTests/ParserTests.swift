import Diagnostics
import RolloutSyntax
import Testing

@Test func theScenarioParsesCleanly() throws {
  let path = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  let bytes = try readBytes("/" + path + "/plans/aks-voting.rollout")
  let tree = parse(SourceFile(id: FileID(0), path: "a.rollout", bytes: bytes))
  for d in tree.diagnostics { Issue.record("\(d.code.id) \(d.message)") }
  #expect(tree.printed == bytes)
  #expect(tree.statements.allSatisfy { $0.form != nil && !$0.isBroken })
}
