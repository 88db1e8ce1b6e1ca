import Foundation
import TestSupport
import Testing

private let plan = """
  plan shop
  language 1
  mesh istio
  include shared/parts.rollout
  parameter size number = 2
  parameter domain text = shop.example.com
  environment production {
    size = 5
    require approve before retire
  }
  expose web on port 80 hosts $domain
  step "Deploy" {
    deploy web 1 replicas $size
  }
  step "Change" {
    deploy web 2 replicas $size
    route web all -> 2
    retire web 1
  }

  """

private let parts = """
  component web {
    image registry.example.com/web
    port 8080 http
    version 1, 2
  }

  """

/// `--env`, `--set`, `--root`, `--cluster-domain`.
@Suite(.enabled(if: Tool.isBuilt)) struct OptionTests {
  private func shop() throws -> Scratch {
    let scratch = try Scratch()
    try FileManager.default.createDirectory(atPath: scratch.path + "/shop/shared", withIntermediateDirectories: true)
    try scratch.write(plan, to: "shop/shop.rollout")
    try scratch.write(parts, to: "shop/shared/parts.rollout")
    return scratch
  }

  @Test func environmentsAndSettings() throws {
    let scratch = try shop()
    let standard = try scratch.rolloutc("shop/shop.rollout")
    #expect(standard.code == 0, "\(standard.errors)")
    #expect(standard.output.contains("replicas: 2\n"))
    #expect(standard.output.contains("- shop.example.com\n"))
    let production = try scratch.rolloutc("shop/shop.rollout", "--env", "production")
    #expect(production.output.contains("replicas: 5\n"))
    #expect(!production.output.contains("replicas: 2\n"))
    #expect(production.output.contains("# environment production\n"))
    // The approval that this environment requires divides the step.
    #expect(production.output.contains("# then approve"))
    #expect(!standard.output.contains("# then approve"))
    // What is given last wins, over the environment too.
    let set = try scratch.rolloutc(
      "shop/shop.rollout", "--env", "production", "--set", "size=7", "--set", "domain=a.example.com", "--set", "size=3")
    #expect(set.code == 0, "\(set.errors)")
    #expect(set.output.contains("replicas: 3\n"))
    #expect(set.output.contains("- a.example.com\n"))
    let wrong = try scratch.rolloutc("shop/shop.rollout", "--set", "size=many")
    #expect(wrong.code == 2)
    #expect(wrong.errors.contains("error[R03"), "\(wrong.errors)")
  }

  @Test func includesStayInside() throws {
    let scratch = try shop()
    try scratch.write(parts, to: "parts.rollout")
    try scratch.write(plan.replacing("shared/parts", with: "../parts"), to: "shop/outside.rollout")
    let refused = try scratch.rolloutc("check", "shop/outside.rollout")
    #expect(refused.code == 2)
    #expect(refused.errors.contains("error[R0217]"), "\(refused.errors)")
    #expect(try scratch.rolloutc("check", "shop/outside.rollout", "--root", ".").code == 0)
    // Neither does a link lead out.
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path + "/shop/link.rollout", withDestinationPath: scratch.path + "/parts.rollout")
    try scratch.write(plan.replacing("shared/parts", with: "link"), to: "shop/linked.rollout")
    let linked = try scratch.rolloutc("check", "shop/linked.rollout")
    #expect(linked.code == 2)
    #expect(
      linked.errors.contains("error[R0215]") && linked.errors.contains("a link to a place outside"), "\(linked.errors)")
    #expect(try scratch.rolloutc("check", "shop/linked.rollout", "--root", ".").code == 0)
    // What is wrong in an included file is shown there.
    try scratch.write(parts.replacing("8080", with: "80800"), to: "shop/shared/parts.rollout")
    let broken = try scratch.rolloutc("check", "shop/shop.rollout")
    #expect(broken.code == 2)
    #expect(broken.errors.contains("--> shop/shared/parts.rollout:3:"), "\(broken.errors)")
  }

  /// What names nothing is refused, and nothing is done as if it had not been said.
  @Test(
    arguments: [
      (["shop/shop.rollout", "--cluster-domain", "a b"], "is no domain"),
      (["shop/shop.rollout", "--root", "nowhere"], "`--root nowhere` is not a folder"),
      (["shop/shop.rollout", "--step", "-1"], "the plan has no step `-1`"),
      (["graph", "shop/shop.rollout", "--out", "release.png"], "write `release.png/`"),
      (["rehearse", "shop/shop.rollout", "--threshold", "90"], "--threshold is a share of what --coverage counts"),
      (["plan", "shop/shop.rollout", "--adopt", "Deployment/web-11"], "a similar one is `Deployment/web-1`"),
      (["plan", "shop/shop.rollout", "--recreate", "Deployment/web-11"], "a similar one is `Deployment/web-1`"),
      (["apply", "shop/shop.rollout", "--yes", "--settle", "5"], "`--settle 5` has no unit: write `5s` or `5m`"),
      (["apply", "shop/shop.rollout", "--yes", "--wait-lock", "1 hour"], "`--wait-lock 1 hour` is no time"),
      (["apply", "shop/shop.rollout", "--yes", "--settle", "-5s"], "`--settle -5s` is no time"),
      (["status", "shop", "--request-timeout", "-1"], "`--request-timeout -1` is no time"),
      (["status", "shop", "--request-timeout", "1.5x"], "`--request-timeout 1.5x` is no time"),
      (["fmt", "--strict", "shop/shop.rollout"], "`--strict` is about warnings"),
      (["sandbox", "--port", "-1"], "-1 is no port"),
      (["rbac", "shop/shop.rollout", "--user", ""], "`--user` names nobody"),
      (["rbac", "shop/shop.rollout", "--group", ""], "`--group` names nobody"),
      (["rbac", "shop/shop.rollout", "--service-account", "A B/c"], "`A B` is no namespace"),
      (["rbac", "shop/shop.rollout", "--service-account", "ci/c_d"], "`c_d` is no name of an account"),
      (["check", "shop/shop.rollout", "--namespace", "x"], "give `--against`, too"),
      (["check", "shop", "--against", "shop", "--env", "production"], "are about a plan"),
      (["check", "shop", "--against", "shop", "--namespace", "A"], "is no namespace"),
      (["apply", "shop/shop.rollout", "--yes", "--take", "Deployment/web-1"], "is not OBJECT:FIELD"),
      (["apply", "shop/shop.rollout", "--yes", "--take", "Deployment/db:.spec"], "writes no object `Deployment/db`"),
    ])
  func whatNamesNothing(_ arguments: [String], _ message: String) throws {
    let scratch = try shop()
    let outcome = try scratch.run([#require(Tool.path)] + arguments)
    #expect(outcome.code == 2, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "/release.png"))
  }

  /// Of namesakes one is named, with its namespace; and the name of a role may have colons.
  @Test func decisionsAreAboutOneObject() throws {
    let scratch = try shop()
    func object(_ kind: String, _ metadata: String, _ more: String) -> String {
      "apiVersion: rbac.authorization.k8s.io/v1\nkind: \(kind)\nmetadata:\n  \(metadata)\n\(more)"
    }
    let role = "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: view\nsubjects: []\n"
    try scratch.write(
      object("RoleBinding", "{name: app, namespace: a}", role) + "---\n"
        + object("RoleBinding", "{name: app, namespace: b}", role) + "---\n"
        + object("ClusterRole", "name: shop:read", "rules: []\n"), to: "shop/rbac.yaml")
    try scratch.write(plan.replacing("expose web", with: "manifest rbac.yaml\nexpose web"), to: "shop/shop.rollout")
    func errors(_ verb: String, _ option: String, _ value: String) throws -> String {
      try scratch.run(
        [#require(Tool.path), verb, "shop/shop.rollout", option, value, "--server", "http://127.0.0.1:1"]
          + (verb == "plan" ? [] : ["--yes"])
      ).errors
    }
    for verb in ["plan", "apply", "resume", "rollback"] {
      let refused = try errors(verb, "--adopt", "RoleBinding/app")
      #expect(refused.contains("several objects of that name: `RoleBinding/a/app`, `RoleBinding/b/app`"), "\(refused)")
    }
    for (option, value) in [
      ("--adopt", "RoleBinding/b/app"), ("--recreate", "rolebinding.rbac.authorization.k8s.io/b/app"),
      ("--take", "ClusterRole/shop:read:.rules"), ("--take", "Deployment.apps/web-1:.spec.replicas"),
    ] {
      let accepted = try errors("plan", option, value)
      #expect(accepted.contains("cannot reach the cluster"), "\(option) \(value): \(accepted)")
    }
    #expect(try errors("plan", "--take", "ClusterRole/shop:write:.rules").contains("writes no object"))
  }

  /// As kubectl takes them: joined to their value, and times in seconds or parts of them.
  @Test func optionsAsKubectlHasThem() throws {
    let scratch = try shop()
    let json = try scratch.rolloutc("shop/shop.rollout", "-ojson")
    #expect(json.code == 0 && json.output.hasPrefix("{"), "\(json.errors)")
    #expect(try scratch.rolloutc("trace", "shop/shop.rollout", "-ojson").output.hasPrefix("{"))
    for time in ["30", "1.5s", "1m30s", "0", "100ms"] {
      let outcome = try scratch.rolloutc("status", "shop", "--server", "http://127.0.0.1:1", "--request-timeout", time)
      #expect(outcome.code == 1 && outcome.errors.contains("cannot reach the cluster"), "\(time): \(outcome.errors)")
    }
  }

  /// Standard input is the plan's alone.
  @Test func noFileIsReadFromStandardInput() throws {
    let scratch = try shop()
    let text = "plan a\nlanguage 1\ninclude \"-\"\n"
    let outcome = try scratch.rolloutc("check", "-", input: text)
    #expect(outcome.code == 2 && outcome.errors.contains("no such file"), "\(outcome.errors)")
    try scratch.write(text, to: "a.rollout")
    let file = try scratch.rolloutc("check", "a.rollout", input: parts)
    #expect(file.code == 2 && file.errors.contains("no such file"), "\(file.errors)")
  }

  @Test func misspeltCommands() throws {
    let scratch = try shop()
    #expect(
      try scratch.rolloutc("chek", "shop/shop.rollout").errors
        == "error: there is no command `chek`; a similar one is `check`\n")
    let help = try scratch.rolloutc("help", "nothing")
    #expect(help.code == 2 && help.output.isEmpty, "\(help.output)")
    // A file of that name is a plan.
    try scratch.write(plan.replacing("shared/parts", with: "shop/shared/parts"), to: "chek")
    #expect(try scratch.rolloutc("chek").code == 0)
    #expect(try scratch.rolloutc("explain", "UNDECLARED-COOKIE").code == 0)
  }

  /// Words of other tools, in place of a command, of an option or of a code.
  @Test func otherNames() throws {
    let scratch = try shop()
    func errors(_ arguments: String...) throws -> String {
      let outcome = try scratch.run([#require(Tool.path)] + arguments, input: [])
      #expect(outcome.code == 2 && outcome.output.isEmpty, "\(outcome)")
      return outcome.errors
    }
    for (word, help) in [
      ("validate", "`rolloutc check PLAN`"), ("lint", "`rolloutc check PLAN`"), ("diff", "`rolloutc plan PLAN`"),
      ("destroy", "`rolloutc rollback PLAN --to start`"), ("version", "`rolloutc --version`"), ("init", "write a plan"),
      ("promote", "`rolloutc approve PLAN`"), ("completion", "`rolloutc --generate-completion-script bash`"),
      ("man", "`rolloutc help COMMAND`"),
    ] {
      let text = try errors(word, "shop/shop.rollout")
      #expect(text.hasPrefix("error: there is no command `\(word)`: ") && text.contains(help), "\(text)")
      #expect(try errors("help", word) == text)
    }
    #expect(try errors("apply", "-f", "shop/shop.rollout").contains("`rolloutc apply PLAN`"))
    #expect(try errors("apply", "shop/shop.rollout", "-y").contains("`--yes`"))
    #expect(try errors("completion", "bash").contains("`rolloutc --generate-completion-script bash`"))
    #expect(try errors("shop/shop.rollout", "--dry-run").contains("`rolloutc plan PLAN`"))
    #expect(try errors("shop/shop.rollout", "--var=a=1").contains("`--set NAME=VALUE`"))
    #expect(try errors("graph", "shop/shop.rollout", "--format", "mermaid").contains("`-o mermaid`"))
    #expect(try errors("explain", "503").contains("`rolloutc trace PLAN`"))
    let deploy = try scratch.rolloutc("explain", "deploy")
    #expect(deploy.code == 0 && deploy.output.hasPrefix("### `deploy`\n"), "\(deploy)")
  }

  @Test func aPlanWithoutSteps() throws {
    let scratch = try shop()
    for command in ["check", "build"] {
      let outcome = try scratch.rolloutc(command, "-", input: "plan a\nlanguage 1\n")
      #expect(
        outcome.code == 0
          && outcome.errors.hasSuffix("the plan has no step: nothing is deployed, and nobody is routed\n"))
    }
  }

  @Test func theDomainOfTheCluster() throws {
    let scratch = try shop()
    let outcome = try scratch.rolloutc("shop/shop.rollout", "--cluster-domain", "corp.internal")
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("host: web.shop.svc.corp.internal\n"))
    #expect(!outcome.output.contains("cluster.local"))
  }
}
