import Foundation
import TestSupport
import Testing

/// `check AFTER --against BEFORE`: the faults of an order by hand, in YAML that somebody wrote.
@Suite(.enabled(if: Tool.isBuilt)) struct FolderCheckTests {
  private static let base = """
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec: {selector: {app: web}, ports: [{name: http, port: 8080}]}
    ---
    apiVersion: networking.istio.io/v1
    kind: Gateway
    metadata: {name: gate}
    spec:
      selector: {istio: ingressgateway}
      servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]

    """

  private static func pods(_ version: String) -> String {
    """
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web-\(version)}
    spec:
      template:
        metadata: {labels: {app: web, version: "\(version)"}}
        spec: {containers: [{name: web, image: web, ports: [{containerPort: 8080}], readinessProbe: {tcpSocket: {port: 8080}}}]}

    """
  }

  private static func rule(_ versions: String...) -> String {
    let subsets = versions.map { "{name: v\($0), labels: {version: \"\($0)\"}}" }.joined(separator: ", ")
    return """
      ---
      apiVersion: networking.istio.io/v1
      kind: DestinationRule
      metadata: {name: web}
      spec: {host: web, subsets: [\(subsets)]}

      """
  }

  /// The cookie leads to the second version, where there is one; everybody else to the first.
  private static func route(_ version: String?, cookie: String? = nil) -> String {
    func destination(_ version: String?) -> String {
      "route: [{destination: {host: web.default.svc.cluster.local, port: {number: 8080}"
        + (version.map { ", subset: v\($0)" } ?? "") + "}}]"
    }
    let special = cookie.map {
      "  - {match: [{headers: {cookie: {regex: '^(.*?; ?)?(flag=on)(;.*)?$'}}}], \(destination($0))}\n"
    }
    return """
      ---
      apiVersion: networking.istio.io/v1
      kind: VirtualService
      metadata: {name: web}
      spec:
        hosts: ["*"]
        gateways: [gate]
        http:

      """ + (special ?? "") + "  - {\(destination(version))}\n"
  }

  private func check(_ folders: [String]) throws -> Outcome {
    let scratch = try Scratch()
    for (i, text) in folders.enumerated() { try scratch.write(text, to: "\(i).yaml") }
    let before = folders.indices.dropLast().flatMap { ["--against", "\($0).yaml"] }
    return try scratch.run([#require(Tool.path), "check", "\(folders.count - 1).yaml"] + before)
  }

  @Test func aRouteMayNameASubsetBeforeItsRule() throws {
    let outcome = try check([
      Self.base + Self.pods("1") + Self.route(nil), Self.base + Self.pods("1") + Self.rule("1") + Self.route("1"),
    ])
    #expect(outcome.code == 2)
    for words in [
      "error[R0501]", "visitors without a rule", "subset `v1`", "503 NC", "changes VirtualService/web", "1.yaml:",
    ] {
      #expect(outcome.errors.contains(words), "\(words)\n\(outcome.errors)")
    }
  }

  @Test func aCookieRouteMayOpenBeforeItsPodsAreReady() throws {
    let before = Self.base + Self.pods("1") + Self.rule("1", "2")
    let outcome = try check([
      before + Self.route("1"), before + Self.pods("2") + Self.route("1", cookie: "2"),
    ])
    #expect(outcome.code == 2)
    for words in ["error[R0502]", "`cookie: flag=on`", "subset `v2`", "503 UH", "may have no ready pod"] {
      #expect(outcome.errors.contains(words), "\(words)\n\(outcome.errors)")
    }
    #expect(outcome.errors.hasSuffix("\n1 error\n"), "who has no cookie is served: \(outcome.errors)")
  }

  @Test func aRuleMayBeTrimmedBeforeItsRoutes() throws {
    let pods = Self.base + Self.pods("1") + Self.pods("2")
    let outcome = try check([pods + Self.rule("1", "2") + Self.route("1"), pods + Self.rule("2") + Self.route("2")])
    #expect(outcome.code == 2)
    for words in ["error[R0501]", "subset `v1`", "503 NC", "changes DestinationRule/web"] {
      #expect(outcome.errors.contains(words), "\(words)\n\(outcome.errors)")
    }
  }

  /// The same changes one after the other, oldest first.
  @Test func makeBeforeBreakIsSafe() throws {
    let pods = Self.base + Self.pods("1")
    let both = pods + Self.pods("2")
    let outcome = try check([
      pods + Self.rule("1") + Self.route("1"), pods + Self.rule("1", "2") + Self.route("1"),
      both + Self.rule("1", "2") + Self.route("1"), both + Self.rule("1", "2") + Self.route("1", cookie: "2"),
      both + Self.rule("1", "2") + Self.route("2"), both + Self.rule("2") + Self.route("2"),
      Self.base + Self.pods("2") + Self.rule("2") + Self.route("2"),
    ])
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.errors.hasPrefix("no fault on the way: "))
  }

  /// The same plan before and after; the intent knows nothing of the second version.
  @Test func anIntentSaysWhatShouldBe() throws {
    let scratch = try Scratch()
    let pods = Self.base + Self.pods("1") + Self.pods("2") + Self.rule("1", "2")
    try scratch.write(pods + Self.route("1"), to: "a.yaml")
    try scratch.write(pods + Self.route("2"), to: "b.yaml")
    let head = "plan p\nlanguage 1\nnamespace default\nexpose web on port 80\n"
    let web = "component web {\n  port 8080 http\n  version 1, 2\n}\n"
    let step = "step \"one\" {\n  deploy web 1\n}\n"
    try scratch.write(head + web + step, to: "one.rollout")
    try scratch.write(
      head + web + step + "step \"two\" {\n  deploy web 2\n  route web all -> 2\n}\n", to: "two.rollout")
    try scratch.write(head + step, to: "wrong.rollout")
    func check(_ intent: String) throws -> Outcome {
      try scratch.rolloutc("check", "b.yaml", "--against", "a.yaml", "--intent", intent)
    }
    let bad = try check("one.rollout")
    #expect(bad.code == 2)
    #expect(
      bad.errors.contains(
        "error[R0505]: visitors without a rule of their own reach Deployment/web-2, to which the intent does not send them"
      ), "\(bad.errors)")
    #expect(try check("two.rollout").code == 0)
    let wrong = try check("wrong.rollout")
    #expect(wrong.code == 2 && wrong.errors.contains("wrong.rollout:"), "\(wrong.errors)")
    let three = try scratch.rolloutc(
      "check", "b.yaml", "--against", "a.yaml", "--against", "a.yaml", "--intent", "two.rollout")
    #expect(three.code == 2 && three.errors.contains("has 2 steps, and there are 3 folders"), "\(three.errors)")
    #expect(try scratch.rolloutc("check", "plan.rollout", "--intent", "one.rollout").code == 2)
  }

  /// Declarations alone: who calls whom and what belongs together is known, and not who is to be served by what.
  @Test func anIntentWithoutSteps() throws {
    let scratch = try Scratch()
    let pods = Self.base + Self.pods("1") + Self.pods("2") + Self.rule("1", "2")
    let api = (pods + Self.route("1")).replacing("web", with: "api")
      .replacing("hosts: [\"*\"]", with: "hosts: [\"api.example\"]").replacing("name: gate", with: "name: gate-api")
    try scratch.write(pods + Self.route("1") + "---\n" + api, to: "a.yaml")
    try scratch.write(pods + Self.route("2") + "---\n" + api, to: "b.yaml")
    let head = "plan p\nlanguage 1\nnamespace default\nexpose web on port 80\n"
    let web = "component web {\n  port 8080 http\n  calls api\n  version 1, 2\n}\n"
    let callee = "component api {\n  port 8080 http\n  version 1, 2\n}\n"
    try scratch.write(head + web + callee, to: "calls.rollout")
    let releases = "release 1 {\n  web 1\n  api 1\n}\nrelease 2 {\n  web 2\n  api 2\n}\n"
    try scratch.write(head + web + callee + releases, to: "releases.rollout")
    func check(_ intent: String) throws -> Outcome {
      try scratch.rolloutc("check", "b.yaml", "--against", "a.yaml", "--intent", intent)
    }
    let calls = try check("calls.rollout")
    #expect(!calls.errors.contains("has 0 steps") && !calls.errors.contains("error["), "\(calls.errors)")
    let mixed = try check("releases.rollout")
    #expect(mixed.code == 2 && mixed.errors.contains("error[R0504]"), "\(mixed.errors)")
    #expect(!mixed.errors.contains("R0505"), "\(mixed.errors)")
  }

  @Test func volumesGoOnlyWhenAsked() throws {
    let scratch = try Scratch()
    let claim = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n"
    try scratch.write(Self.base + claim, to: "a.yaml")
    try scratch.write(Self.base, to: "b.yaml")
    let kept = try scratch.rolloutc("check", "b.yaml", "--against", "a.yaml")
    #expect(kept.code == 2 && kept.errors.contains("error[R0509]: PersistentVolumeClaim/data"), "\(kept.errors)")
    #expect(try scratch.rolloutc("check", "b.yaml", "--against", "a.yaml", "--with-volumes").code == 0)
  }

  /// Lints are warnings, and a comment with a reason silences them for its object alone.
  @Test func lintsAreWarningsThatACommentSilences() throws {
    let scratch = try Scratch()
    let odd = Self.route("1").replacing("  - {route", with: "  - {match: [{sourceLabels: {app: web}}], route")
    let text = Self.base + Self.pods("1") + Self.rule("1") + odd
    try scratch.write(text, to: "a.yaml")
    let shown = try scratch.rolloutc("check", "a.yaml", "--against", "a.yaml")
    #expect(shown.code == 0 && shown.errors.contains("warning[R0526]"), "\(shown.errors)")
    #expect(try scratch.rolloutc("check", "--strict", "a.yaml", "--against", "a.yaml").code == 2)
    for (reason, isSilent) in [(" -- they come by another gateway", true), ("", false), (" -- ", false)] {
      try scratch.write(text + "  # rolloutc: allow lost-source-labels\(reason)\n", to: "b.yaml")
      let outcome = try scratch.rolloutc("check", "--strict", "b.yaml", "--against", "b.yaml")
      #expect((outcome.code == 0) == isSilent, "\(outcome.errors)")
    }
    try scratch.write("# rolloutc: allow lost-source-labels -- of another object\n" + text, to: "b.yaml")
    #expect(try scratch.rolloutc("check", "--strict", "b.yaml", "--against", "b.yaml").code == 2)
  }

  @Test func whatIsNoFolderOfObjectsIsUsage() throws {
    for text in ["a: [", "just text", "kind: Service\n"] {
      let outcome = try check([Self.base, text])
      #expect(outcome.code == 2)
      #expect(outcome.errors.hasPrefix("error: 1.yaml:"), "\(outcome.errors)")
    }
    let scratch = try Scratch()
    try scratch.write(Self.base, to: "a.yaml")
    #expect(try scratch.rolloutc("check", "a.yaml", "--against", "nothing").code == 2)
  }

  /// A link to a folder may lead back to where it is.
  @Test(.timeLimit(.minutes(5))) func linksAreNotFollowedOutOfTheFolder() throws {
    let scratch = try Scratch()
    for folder in ["before", "after"] {
      _ = try scratch.run(["mkdir", "-p", "\(folder)/inner"])
      try scratch.write(Self.base + Self.pods("1"), to: "\(folder)/base.yaml")
    }
    _ = try scratch.run(["ln", "-s", ".", "after/0x"])
    _ = try scratch.run(["ln", "-s", ".", "after/0y"])
    _ = try scratch.run(["ln", "-s", "/", "after/root"])
    _ = try scratch.run(["ln", "-s", "after", "linked"])
    try scratch.write(Self.rule("1"), to: "after/inner/.rule")
    _ = try scratch.run(["ln", "-s", ".rule", "after/inner/rule.yaml"])
    for after in ["after", "linked"] {
      let outcome = try scratch.rolloutc("check", after, "--against", "before")
      #expect(outcome.code == 0, "\(outcome.errors)")
      for name in ["0x", "0y", "root"] {
        #expect(outcome.errors.contains("note: \(after)/\(name) is a link to a folder, and not followed"))
      }
      #expect(outcome.errors.contains("1 object changed"), "\(outcome.errors)")
    }
    _ = try scratch.run(["ln", "-s", "../../before/base.yaml", "after/inner/out.yaml"])
    let outcome = try scratch.rolloutc("check", "after", "--against", "before")
    #expect(outcome.code == 2)
    #expect(outcome.errors.contains("`after/inner/out.yaml` is a link to a place outside `"), "\(outcome.errors)")
  }

  /// Nobody writes to it, so whoever opens it waits for ever.
  @Test(.timeLimit(.minutes(5))) func aPipeInAFolderIsNoFile() throws {
    let scratch = try Scratch()
    for folder in ["before", "after"] {
      _ = try scratch.run(["mkdir", folder])
      try scratch.write(Self.base + Self.pods("1"), to: "\(folder)/base.yaml")
    }
    let piped = try scratch.shell("cat after/base.yaml | rolloutc check /dev/stdin --against before/base.yaml")
    #expect(piped.code == 0, "\(piped.errors)")
    _ = try scratch.run(["mkfifo", "after/pipe.yaml"])
    let outcome = try scratch.rolloutc("check", "after", "--against", "before")
    #expect(outcome.code == 2)
    #expect(outcome.errors.contains("cannot read `after/pipe.yaml`: it is a pipe or a device, and no file"))
  }

  /// Of our own folders, and of any whose kustomization is only their list, nothing is left out.
  @Test func aListOfTheFolderIsNoKustomizationToFollow() throws {
    let scratch = try Scratch(withPlans: true)
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "review").code == 0)
    let (before, after) = ("review/01-deploy-1-0/state", "review/02-update-analytics-to-1-1/state")
    let plain = try scratch.rolloutc("check", after, "--against", before)
    #expect(!plain.errors.contains("is not followed"), "\(plain.errors)")
    let text = try #require(scratch.text("\(after)/kustomization.yaml"))
    try scratch.write(text + "namePrefix: a-\n", to: "\(after)/kustomization.yaml")
    let patched = try scratch.rolloutc("check", after, "--against", before)
    #expect(patched.errors.contains("\(after)/kustomization.yaml is not followed"), "\(patched.errors)")
  }
}
