import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import RolloutPlan
import SafetyChecks
import Testing

private let nowhere = SourceRange(file: FileID(0), 0..<1)

/// A chain of `count` components in two releases, brought up in one step; each step after it changes one of them.
private func chain(_ count: Int, steps: Int) -> Plan {
  var plan = Plan(name: "big", nameRange: nowhere)
  plan.releases = [Release(name: "1.0", range: nowhere), Release(name: "2.0", range: nowhere)]
  var state = State()
  state.exists = true
  for c in 0..<count {
    var next = Component(name: "component-\(c)", service: "component-\(c)", range: nowhere, nameRange: nowhere)
    for (v, name) in ["1.0", "2.0"].enumerated() {
      var version = ComponentVersion(name: name, range: nowhere, image: "i:" + name, imageRange: nowhere)
      version.ports = [Port(number: 8080, proto: .http, range: nowhere)]
      version.releases = [ReleaseID(v)]
      if c + 1 < count { version.calls = [ComponentID(c + 1)] }
      next.versions.append(version)
      plan.releases[v].members.append(
        Release.Member(component: ComponentID(c), versions: [VersionID(ComponentID(c), v)], range: nowhere))
    }
    plan.components.append(next)
    var component = ComponentState()
    component.deployed = [DeployedVersion(version: 0, replicas: 1), DeployedVersion(version: 1, replicas: 1)]
    component.lanes = [RouteTable(fallback: 0), RouteTable(fallback: 1)]
    component.isPinned = true
    if c == 0 {
      var entry = RouteTable(fallback: 0)
      entry.rules = [RouteTable.Rule(selector: .cookie(key: "flag", value: "on"), version: 1)]
      component.entry = entry
    }
    state.components.append(component)
  }
  plan.exposures = [
    Exposure(
      component: ComponentID(0), port: 80, hosts: ["*"], path: "/", tlsSecret: nil, gateway: nil, range: nowhere)
  ]
  for s in 0..<steps {
    var step = Step(index: s, name: "s\(s)", slug: "s\(s)", range: nowhere)
    let before = s == 0 ? State() : state
    if s > 0 { state.components[s % count].deployed[0].replicas += 1 }
    step.segments = [Segment(before: before, after: state, changes: [])]
    plan.steps.append(step)
  }
  return plan
}

struct ScaleTests {
  /// What is enumerated grows with what changes, not with what is there.
  @Test func aPhaseCostsWhatItChanges() {
    let (small, large) = (chain(40, steps: 10), chain(80, steps: 10))
    let (a, b) = (check(compile(small), plan: small), check(compile(large), plan: large))
    #expect(a.diagnostics.isEmpty, "\(text(a))")
    #expect(b.diagnostics.isEmpty, "\(text(b))")
    #expect(b.coverage.configurations < a.coverage.configurations * 2 + 100)
    #expect(b.coverage.callPaths == 2 + 2 * 79)
  }

  /// Each component has its own host: who asks for it depends on its routes alone.
  @Test func anExposedComponentCostsTheSameBesideMany() throws {
    try expectLine(of: [8, 16, 32], of: \.configurations) { n in
      let components = (0..<n).map { "expose c\($0) on port 80 hosts h\($0).example.com\n" + component("c\($0)") }
      return components.joined() + "step \"a\" {\n" + (0..<n).map { "  deploy c\($0) 1.0\n" }.joined() + "}\n"
    }
  }

  /// The same where each is exposed in a step of its own: what one brings is no news for the others.
  @Test func exposingOneAfterTheOtherCostsTheSame() throws {
    try expectLine(of: [8, 16, 32], of: \.configurations) { n in
      (0..<n).map { "expose c\($0) on port 80 hosts h\($0).example.com\n" + component("c\($0)") }.joined()
        + (0..<n).map { "step \"s\($0)\" {\n  deploy c\($0) 1.0\n}\n" }.joined()
    }
  }

  @Test func aHostCostsTheSameBesideMany() throws {
    try expectLine(of: [8, 16, 32], of: \.configurations) { n in
      "expose web on port 80 hosts \((0..<n).map { "h\($0).example.com" }.joined(separator: ", "))\n"
        + component("web") + "step \"a\" {\n  deploy web 1.0\n}\n"
    }
  }

  /// Each pair of rules is a kind of visitors, and each kind is followed as often as any other.
  @Test func aKindOfVisitorsCostsTheSameBesideMany() throws {
    func plan(_ n: Int) -> String {
      (0..<n).map { "cookie k\($0) is k\($0) = on\n" }.joined() + "expose web on port 80\n"
        + component("web", versions: "1.0, 2.0") + "step \"a\" {\n  deploy web 1.0\n  deploy web 2.0\n"
        + (0..<n).map { "  route web cookie k\($0) -> 2.0\n" }.joined() + "}\n"
    }
    let reports = try [8, 16, 32].map { try proved(plan($0)) }
    #expect(reports.map(\.cohorts) == [8, 16, 32].map { 1 + $0 + $0 * ($0 - 1) / 2 })
    let each = reports.map { $0.configurations / $0.cohorts }
    #expect(Set(each).count == 1, "\(reports)")
  }

  /// One version after the other, the last one taken away.
  @Test func aVersionCostsTheSameAfterMany() throws {
    try expectLine(of: [8, 16, 32], of: \.configurations) { n in
      "expose web on port 80\n" + component("web", versions: (0..<n).map { "1.\($0)" }.joined(separator: ", "))
        + "step \"a\" {\n  deploy web 1.0\n}\n"
        + (1..<n).map { v in
          "step \"s\(v)\" {\n  deploy web 1.\(v)\n  route web all -> 1.\(v)\n  retire web 1.\(v - 1)\n}\n"
        }.joined()
    }
  }

  /// No request depends on objects that the mesh does not read, nor on what values are made of.
  @Test func manifestsAndParametersCostNoConfigurations() throws {
    func plan(parameters n: Int) -> String {
      (0..<n).map { "parameter p\($0) = \"${p\($0 + 1)}\"\n" }.joined() + "parameter p\(n) = \"on\"\n"
        + "expose web on port 80\n" + component("web", with: "env FLAG = \"${p0}\"\n")
        + "step \"a\" {\n  deploy web 1.0\n}\n"
    }
    let few = try proved(plan(parameters: 1))
    #expect(try proved(plan(parameters: 100)).configurations == few.configurations)
    let objects: [Value] = (0..<100).map { i in
      ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string("m\(i)")], "data": ["a": "b"]]
    }
    let many = try proved(plan(parameters: 1)) {
      $0.manifests = [Manifest(path: "m.yaml", objects: objects, range: nowhere)]
    }
    #expect(many.configurations == few.configurations)
  }

  private func component(_ name: String, versions: String = "1.0", with line: String = "") -> String {
    "component \(name) {\n  image r.example.com/\(name)\n  port 8080 http\n  \(line)  version \(versions)\n}\n"
  }

  private func proved(_ lines: String, _ change: (inout Plan) -> Void = { _ in }) throws -> Coverage {
    let resolution = resolve(
      path: "p.rollout", bytes: Array(("plan large\nlanguage 1\nmesh istio mtls strict\n" + lines).utf8))
    var plan = try #require(resolution.checked, "\(resolution.diagnostics.map(\.message))")
    change(&plan)
    let report = check(compile(plan), plan: plan)
    #expect(report.diagnostics.isEmpty, "\(text(report))")
    return report.coverage
  }

  /// A counter of plans of these sizes, each twice the one before, grows by as much as they do.
  private func expectLine(of sizes: [Int], of counter: KeyPath<Coverage, Int>, _ plan: (Int) -> String) throws {
    let counts = try sizes.map { try proved(plan($0))[keyPath: counter] }
    #expect(counts[2] - counts[1] == 2 * (counts[1] - counts[0]), "\(counts)")
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["ROLLOUTC_MEASURE"] != nil)) func measures() {
    let clock = ContinuousClock()
    let plan = chain(1000, steps: 50)
    let compiled = compile(plan)
    for _ in 0..<3 {
      var report = SafetyReport?.none
      let time = clock.measure { report = check(compiled, plan: plan) }
      print("1,000 components, 50 steps: \(time)", report.map { "\($0.coverage)" } ?? "")
      #expect(report?.diagnostics.isEmpty == true)
    }
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    print(status.split(separator: "\n").first { $0.hasPrefix("VmHWM") } ?? "")
  }
}
