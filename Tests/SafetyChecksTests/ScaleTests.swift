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
