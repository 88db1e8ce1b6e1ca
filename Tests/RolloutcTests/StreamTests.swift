import Foundation
import Glibc
import TestSupport
import Testing

/// 200 components: more YAML than a pipe holds, and than is emitted in one part.
let bigPlan: String = {
  var plan = "plan big\nlanguage 1\nmesh istio\n"
  for i in 0..<200 {
    plan += "component c\(i) {\n  image registry.example.com/c\(i)\n  port 80 http\n  version 1\n}\n"
  }
  return plan + "step \"All\" {\n" + (0..<200).map { "  deploy c\($0) 1\n" }.joined() + "}\n"
}()

/// Standard input and output, pipes, full disks.
@Suite(.enabled(if: Tool.isBuilt)) struct StreamTests {
  @Test func standardInput() throws {
    let scratch = try Scratch(withPlans: true)
    let plan = try #require(scratch.text("plans/aks-voting.rollout"))
    let file = try scratch.rolloutc("plans/aks-voting.rollout")
    let piped = try scratch.rolloutc("-", input: plan)
    #expect(piped.code == 0)
    #expect(piped.output == file.output.replacing("plans/aks-voting.rollout", with: "<stdin>"))
  }

  /// A reader that has seen enough is not an error, and nothing is said about it.
  @Test(arguments: ["plans/aks-voting.rollout", "-o json plans/aks-voting.rollout", "steps plans/aks-voting.rollout"])
  func aClosedPipeIsSilent(_ arguments: String) throws {
    let scratch = try Scratch(withPlans: true)
    // `exec >&-` would be a closed descriptor; here the reader is gone before the first byte.
    let outcome = try scratch.shell(
      "{ sleep 0; rolloutc \(arguments); echo $? >code; } | true; while ! [ -s code ]; do :; done")
    #expect(scratch.text("code") == "0\n")
    #expect(outcome.errors.isEmpty)
    let head = try scratch.shell("{ rolloutc \(arguments); echo $? >code2; } | head -1")
    #expect(head.output.split(separator: "\n").count == 1)
    #expect(head.errors.isEmpty)
  }

  @Test(arguments: [
    "plans/aks-voting.rollout", "-o json plans/aks-voting.rollout", "steps plans/aks-voting.rollout", "--help",
    "check --format json plans/aks-voting.rollout", "fmt - <plans/aks-voting.rollout",
  ])
  func aFullDiskIsAnError(_ arguments: String) throws {
    let scratch = try Scratch(withPlans: true)
    let outcome = try scratch.shell("rolloutc \(arguments) >/dev/full")
    #expect(outcome.code == 1)
    #expect(outcome.errors.hasPrefix("error: cannot write the output: no space left on device"), "\(outcome.errors)")
  }

  @Test func aBigPlanIsWrittenWhole() throws {
    let scratch = try Scratch()
    try scratch.write(bigPlan, to: "big.rollout")
    let file = try scratch.rolloutc("big.rollout")
    #expect(file.code == 0)
    #expect(file.outputBytes.count > 200_000)
    let piped = try scratch.shell("rolloutc big.rollout | cat")
    #expect(piped.outputBytes == file.outputBytes)
  }
}
