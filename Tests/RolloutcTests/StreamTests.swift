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

  /// Where the exit code is the result, it is the same for who read only its beginning.
  @Test(arguments: ["json", "sarif", "github"]) func aVerdictOutlivesItsReader(_ format: String) throws {
    let scratch = try Scratch()
    try scratch.write("plan shop\nlanguage 1\ndeploy web 1.0\n", to: "bad.rollout")
    _ = try scratch.shell(
      "{ sleep 0.1; rolloutc check --format \(format) bad.rollout; echo $? >code; } | true; while ! [ -s code ]; do :; done"
    )
    #expect(scratch.text("code") == "2\n")
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

  /// No file that is opened later takes the place of a stream that is closed.
  @Test func closedStreams() throws {
    let scratch = try Scratch(withPlans: true)
    let plan = "plans/aks-voting.rollout"
    for closed in ["<&-", "2>&-", "<&- 2>&-"] {
      let outcome = try scratch.shell("rolloutc \(plan) \(closed)")
      #expect(outcome.code == 0 && outcome.output.contains("kind: VirtualService"), "\(closed): \(outcome.errors)")
      #expect(try scratch.shell("rolloutc graph \(plan) --out pictures \(closed)").code == 0)
      #expect(scratch.text("pictures/04-finish-part-1.svg")?.hasPrefix("<svg") == true)
    }
    let input = try scratch.shell("rolloutc - <&-")
    #expect(input.code == 2 && input.errors.contains("cannot read `-`: bad file descriptor"), "\(input.errors)")
    for command in ["rolloutc \(plan)", "rolloutc --help", "rolloutc fmt - <\(plan)"] {
      let output = try scratch.shell("\(command) >&-")
      #expect(output.code == 1 && output.errors.contains("cannot write the output: bad file desc"), "\(output.errors)")
    }
    #expect(try scratch.shell("rolloutc check \(plan) >&- 2>&- <&-").code == 0)
  }

  /// The limit on the size of a file is an error as a full disk is, and leaves nothing half written.
  @Test(arguments: [
    "graph plans/aks-voting.rollout --out picture.svg", "fmt untidy.rollout", "plans/aks-voting.rollout >stream",
  ])
  func aFileThatGetsTooLarge(_ arguments: String) throws {
    let scratch = try Scratch(withPlans: true)
    let untidy = "plan   a\n" + String(repeating: "# a comment of some length\n", count: 100)
    try scratch.write(untidy, to: "untidy.rollout")
    let outcome = try scratch.shell("ulimit -f 1; rolloutc \(arguments)")
    #expect(outcome.code == 1 && outcome.errors.contains("file too large"), "\(outcome.errors)")
    let beside = scratch.files(below: ".").filter { !$0.hasPrefix("plans/") && $0 != "stream" }
    #expect(beside == ["untidy.rollout"] && scratch.text("untidy.rollout") == untidy)
  }

  /// What is no width is no reason to say nothing.
  @Test(arguments: ["0", "-5", "1", ""]) func narrowHelp(_ columns: String) throws {
    let help = try Scratch().rolloutc("--help", environment: ["COLUMNS": columns])
    #expect(help.code == 0 && help.output.contains("OPTIONS:"), "\(help.output)")
    #expect(help.output.filter { $0 != " " && $0 != "\n" }.contains("Exitcodes"), "\(help.output)")
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
