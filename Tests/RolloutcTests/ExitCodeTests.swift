import Foundation
import KubernetesModel
import TestSupport
import Testing

/// The codes of `docs/exit-codes.md`.
@Suite(.enabled(if: Tool.isBuilt)) struct ExitCodeTests {
  @Test func aGoodPlanIsDone() throws {
    let scratch = try Scratch(withPlans: true)
    for plan in ["plans/aks-voting.rollout", "plans/bookinfo.rollout"] {
      let outcome = try scratch.rolloutc("check", plan)
      #expect(outcome.code == 0)
      #expect(outcome.output.isEmpty)
      #expect(outcome.errors.contains(" steps, no diagnostics\nproved: "), "\(outcome.errors)")
    }
  }

  /// A plan without a step has visitors and no moment at which one could meet an error.
  @Test func nothingIsProvedWithoutSteps() throws {
    let scratch = try Scratch()
    let plan =
      "plan p\nlanguage 1\nexpose web on port 80\ncomponent web {\n  image a\n  port 8080 http\n  version 1\n}\n"
    try scratch.write(plan, to: "p.rollout")
    let outcome = try scratch.rolloutc("check", "p.rollout")
    #expect(outcome.code == 0)
    #expect(outcome.errors.contains("\nnothing to prove: no step writes anything\n"), "\(outcome.errors)")
    #expect(!outcome.errors.contains("proved: 1"))
    #expect(try !scratch.rolloutc("check", "p.rollout", "--format", "json").output.contains("\"proved\""))
    let graph = try scratch.rolloutc("graph", "p.rollout", "--out", "p.svg")
    #expect(graph.code == 2 && graph.errors.contains("nothing to draw"), "\(graph.errors)")
    #expect(scratch.text("p.svg") == nil)
    // A version that never gets ready ends the run before anybody comes in.
    let last =
      "step \"One\" {\n  deploy web 1\n}\nrehearsal \"r\" {\n  stub web 1 never ready\n  expect fails at \"One\"\n}\n"
    try scratch.write(plan + "on failure rollback\n" + last, to: "p.rollout")
    let rehearsal = try scratch.rolloutc("rehearse", "p.rollout")
    #expect(
      rehearsal.output.contains("\nnobody was served: 0 requests, 0 failed\n"), "\(rehearsal.output)\(rehearsal.errors)"
    )
  }

  /// Each for itself, in one result; what cannot be read keeps no other from its own.
  @Test func severalPlans() throws {
    let scratch = try Scratch(withPlans: true)
    let names = ["aks-voting", "bookinfo"].map { "plans/\($0).rollout" }
    let good = try scratch.run([#require(Tool.path), "check"] + names)
    #expect(good.code == 0, "\(good.errors)")
    #expect(good.errors.hasPrefix("voting: ") && good.errors.contains("\nbookinfo: "), "\(good.errors)")
    try scratch.write("plan p\nlanguage 1\ncomponent web {\n  imag x\n}\n", to: "bad.rollout")
    let mixed = try scratch.rolloutc("check", "none.rollout", "./bad.rollout", names[0])
    #expect(mixed.code == 2)
    #expect(
      mixed.errors.contains("cannot read `none.rollout`") && mixed.errors.contains("\nvoting: "), "\(mixed.errors)")
    let log = try parseJSON(
      scratch.rolloutc("check", "--format", "sarif", names[0], "./bad.rollout", "plans/aks-voting-as-written.rollout")
        .outputBytes)
    let runs = try #require(log["runs"]?.array)
    let places = (runs[0]["results"]?.array ?? []).map { result in
      result["locations"]?.array?.first?.at("physicalLocation", "artifactLocation", "uri")
    }
    #expect(runs.count == 1 && places.count > 1)
    #expect(Set(places) == ["bad.rollout", "plans/aks-voting-as-written.rollout"], "\(places)")
    let lines = try scratch.rolloutc("check", "--format", "github", "./bad.rollout", names[1]).output
    #expect(lines.contains("file=bad.rollout,") && !lines.contains("./"), "\(lines)")
    #expect(try scratch.rolloutc("check", "a", "b", "--against", "c").code == 2)
  }

  /// The plan that does it as the article does earns its warning, and only that one.
  @Test func aWarningIsNoErrorUnlessStrict() throws {
    let scratch = try Scratch(withPlans: true)
    let plan = "plans/aks-voting-as-written.rollout"
    let outcome = try scratch.rolloutc("check", plan)
    #expect(outcome.code == 0)
    #expect(outcome.errors.components(separatedBy: "warning[").count == 2)
    #expect(outcome.errors.contains("warning[R0425]"))
    #expect(outcome.errors.components(separatedBy: "1 warning\n").count == 2, "the summary stands once")
    for arguments in [["check", "--strict", plan], ["build", "--strict", plan], ["steps", "--strict", plan]] {
      let strict = try scratch.run([#require(Tool.path)] + arguments)
      #expect(strict.code == 2)
      #expect(strict.output.isEmpty, "a plan that is refused has no output")
    }
  }

  static let usage: [[String]] = [
    [], ["--nope"], ["build"], ["build", "a", "b"], ["check"], ["nosuch.rollout"], ["check", "nosuch.rollout"],
    ["steps", "nosuch.rollout"], ["fmt", "nosuch.rollout"], ["plans"], ["explain", "R9999"],
    ["explain", "no-such-slug"], ["plans/aks-voting.rollout", "--step", "5"],
    ["plans/aks-voting.rollout", "--step", "0"], ["plans/aks-voting.rollout", "--step", "-1"],
    ["plans/aks-voting.rollout", "--step", "Nothing"], ["plans/aks-voting.rollout", "-o", "xml"],
    ["plans/aks-voting.rollout", "--set", "=1"], ["plans/aks-voting.rollout", "--set", "unknown=1"],
    ["plans/aks-voting.rollout", "--env", "unknown"], ["plans/aks-voting.rollout", "--out", "x", "-o", "json"],
    ["plans/aks-voting.rollout", "--out", "x", "--state"], ["check", "plans/aks-voting.rollout", "--color", "maybe"],
  ]

  @Test(arguments: usage) func usageErrorsAreTwo(_ arguments: [String]) throws {
    let scratch = try Scratch(withPlans: true)
    let outcome = try scratch.run([#require(Tool.path)] + arguments)
    #expect(outcome.code == 2, "\(arguments): \(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(!outcome.errors.isEmpty)
    #expect(scratch.files(below: ".").allSatisfy { $0.hasPrefix("plans/") }, "nothing is written")
  }

  @Test func anErrorInThePlanIsTwoAndPrintsNoObjects() throws {
    let scratch = try Scratch()
    try scratch.write("plan p\nlanguage 1\nroute nothing all -> 1\n", to: "bad.rollout")
    for command in ["build", "check", "steps"] {
      let outcome = try scratch.rolloutc(command, "bad.rollout")
      #expect(outcome.code == 2)
      #expect(outcome.output.isEmpty)
      #expect(outcome.errors.contains("error[R0201]"), "\(outcome.errors)")
      #expect(outcome.errors.hasSuffix("\n1 error\n"), "\(outcome.errors)")
    }
  }

  @Test func everyCodeThatIsListedIsExplained() throws {
    let scratch = try Scratch()
    let list = try scratch.rolloutc("explain")
    #expect(list.code == 0)
    for line in list.output.split(separator: "\n") {
      let code = String(line.prefix { $0 != " " })
      let outcome = try scratch.rolloutc("explain", code)
      #expect(outcome.code == 0)
      #expect(outcome.output.contains(code))
      #expect(try scratch.rolloutc("explain", code.lowercased()).output == outcome.output)
    }
  }

  /// A heading of the reference is explained as it is written there.
  @Test(arguments: ["on failure", "on", "deploy"]) func headingsAreExplained(_ heading: String) throws {
    let outcome = try Scratch().rolloutc("explain", heading)
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("### `\(heading == "on" ? "on failure" : heading)`\n"), "\(outcome.output)")
  }

  @Test func versionAndHelp() throws {
    let scratch = try Scratch()
    let version = try scratch.rolloutc("--version")
    #expect(version.code == 0)
    #expect(version.output.wholeMatch(of: /rolloutc \d+\.\d+\.\d+\n/) != nil, "\(version.output)")
    #expect(version.errors.isEmpty)
    for arguments in [["--help"], ["help"], ["build", "--help"], ["fmt", "-h"], ["help", "check"]] {
      let help = try scratch.run([#require(Tool.path)] + arguments)
      #expect(help.code == 0)
      #expect(help.output.contains("USAGE: rolloutc"))
      #expect(help.errors.isEmpty)
    }
  }
}
