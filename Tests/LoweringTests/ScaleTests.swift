import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import RolloutPlan
import Testing

private let nowhere = SourceRange(file: FileID(0), 0..<0)

/// A chain of `count` components with two versions each in two releases.
private func chain(_ count: Int) -> (plan: Plan, both: State) {
  var plan = Plan(name: "big", nameRange: nowhere)
  plan.mtls = .strict
  plan.releases = [Release(name: "1.0", range: nowhere), Release(name: "2.0", range: nowhere)]
  var state = State()
  state.exists = true
  state.mtls = .strict
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
    state.components.append(
      component(
        [(0, 1), (1, 1)], lanes: [RouteTable(fallback: 0), RouteTable(fallback: 1)],
        entry: c == 0 ? RouteTable(fallback: 0) : nil))
  }
  plan.exposures = [
    Exposure(
      component: ComponentID(0), port: 80, hosts: ["*"], path: "/", tlsSecret: nil, gateway: nil, range: nowhere)
  ]
  return (plan, state)
}

struct ScaleTests {
  /// Each step changes one component: what is rendered does not grow with the plan.
  @Test func aSmallChangeInALargePlanIsSmall() {
    var (plan, state) = chain(200)
    for s in 0..<50 {
      var step = Step(index: s, name: "s\(s)", slug: "s\(s)", range: nowhere)
      let before = s == 0 ? State() : state
      if s > 0 { state.components[s].deployed[0].replicas = 3 }
      step.segments = [Segment(before: before, after: state, changes: [])]
      plan.steps.append(step)
    }
    let compiled = compile(plan)
    #expect(compiled.steps[0].segments[0].phases.count == 7)
    for step in compiled.steps.dropFirst() {
      #expect(step.segments[0].phases.map(\.kind) == [.startWorkloads])
      #expect(step.segments[0].phases[0].writes.count == 1)
    }
    #expect(compiled.renderer.callOrder == Array((0..<200).reversed()))
  }

  /// Of many objects of manifests each is written once, and found by its name.
  @Test func manifestsAreWrittenOnceEach() {
    var (plan, state) = chain(1)
    let objects: [Value] = (0..<200).map { i in
      ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string("m\(i)")], "data": ["a": "b"]]
    }
    plan.manifests = [Manifest(path: "m.yaml", objects: objects, range: nowhere)]
    var step = Step(index: 0, name: "s", slug: "s", range: nowhere)
    step.segments = [Segment(before: State(), after: state, changes: [])]
    plan.steps = [step]
    let segment = compile(plan).steps[0].segments[0]
    let written = segment.phases.flatMap(\.writes).filter { $0.id.kind == "ConfigMap" }
    #expect(written.map(\.id.name) == (0..<200).map { "m\($0)" })
    #expect(segment.after.image.entries.filter { $0.id.kind == "ConfigMap" }.map(\.id) == written.map(\.id))
    #expect(written.allSatisfy { segment.after.image[$0.id]?.object == $0.object })
  }

  /// Values are known by their numbers, whether they are compared or found by hash.
  @Test func numberedValuesAreFoundAmongFewAndMany() {
    var numbered = Numbered<String>()
    for n in 0..<40 {
      #expect(numbered.number(of: "v\(n)") == nil)
      numbered.append("v\(n)")
      #expect(numbered.count == n + 1)
      for known in 0...n { #expect(numbered.number(of: "v\(known)") == known) }
    }
  }

  /// Hosts of lines that share a server: each once, and none within a wildcard of another.
  @Test func aServerOfManyLinesNamesEachHostOnce() {
    var (plan, state) = chain(100)
    for c in 0..<100 { state.components[c].entry = RouteTable(fallback: 0) }
    func hosts(_ plan: Plan) -> [Value?] {
      let renderer = Renderer(plan)
      let gateways = renderer.objects(renderer.view(of: state)).entries.filter { $0.id.kind == "Gateway" }
      return gateways.flatMap { ($0.object.at("spec", "servers")?.array ?? []).map { $0["hosts"] } }
    }
    plan.exposures = []
    for c in 0..<100 {
      plan.exposures.append(
        Exposure(
          component: ComponentID(c), port: 80, hosts: ["h\(c / 2).example.com"], path: "/p\(c)", tlsSecret: nil,
          gateway: nil, range: nowhere))
    }
    #expect(plan.exposures.indices(of: ComponentID(7)) == [7])
    #expect(plan.exposures.lines(beside: plan.exposures[7]).map(\.component.index) == [6, 7])
    #expect(hosts(plan) == [.array((0..<50).map { .string("h\($0).example.com") })])
    plan.exposures[99].hosts = ["*.example.com"]
    #expect(plan.exposures.lines(beside: plan.exposures[98]).count == 1)
    #expect(hosts(plan) == [["*.example.com"]])
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["ROLLOUTC_MEASURE"] != nil)) func measures() {
    let clock = ContinuousClock()
    var (plan, state) = chain(2000)
    for _ in 0..<5 {
      var renderer = Renderer(plan)
      let naming = clock.measure { renderer = Renderer(plan) }
      var view = renderer.view(of: State())
      let viewing = clock.measure { view = renderer.view(of: state) }
      var set = renderer.nothing
      let rendering = clock.measure { set = renderer.objects(view) }
      let first = clock.measure {
        _ = renderer.transition(
          from: renderer.nothing, renderer.view(of: State()), to: view,
          options: TransitionOptions(stamp: "s", origins: Origins(plan, changes: [])))
      }
      print("2,000 x 2: names \(naming), view \(viewing), \(set.count) objects \(rendering), all phases \(first)")
    }
    (plan, state) = chain(1000)
    for s in 0..<50 {
      var step = Step(index: s, name: "s\(s)", slug: "s\(s)", range: nowhere)
      let before = s == 0 ? State() : state
      if s > 0 { state.components[s].deployed[0].replicas = 3 }
      step.segments = [Segment(before: before, after: state, changes: [])]
      plan.steps.append(step)
    }
    for _ in 0..<5 { print("1,000 x 50 steps:", clock.measure { _ = compile(plan) }) }
  }
}
