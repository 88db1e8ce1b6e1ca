import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import RolloutPlan
import TestSupport
import Testing

/// Every run looks at the same plans; `ROLLOUTC_LAW_SEEDS=1-5000` looks at others. Seed 324 is a mirror whose version has
/// another port than it is for.
private let seeds: [UInt64] = {
  let given = ProcessInfo.processInfo.environment["ROLLOUTC_LAW_SEEDS"] ?? ""
  let bounds = given.split(separator: "-").compactMap { UInt64($0) }
  guard bounds.count == 2, bounds[0] <= bounds[1] else { return Array(1...120) + [324] }
  return Array(bounds[0]...bounds[1])
}()

/// Laws that hold between any two states of any plan.
struct TransitionLaws {
  @Test(arguments: seeds) func leadsToTheImageOfTheNewStateAndBack(seed: UInt64) {
    var source = RandomPlan(seed: seed)
    let (a, b) = (source.state(), source.state())
    let renderer = Renderer(source.plan)
    let (viewA, viewB) = (renderer.view(of: a), renderer.view(of: b))
    let imageA = renderer.objects(viewA)

    let there = renderer.transition(from: imageA, viewA, to: viewB, options: options(source.plan, "there"))
    var applied = imageA
    for (p, phase) in there.phases.enumerated() {
      let onlyWaits = phase.gates.count == 1 && phase.gates.allSatisfy { if case .drained = $0 { true } else { false } }
      #expect(!phase.writes.isEmpty || p == 0 && onlyWaits && there.phases[1].kind == .stopWorkloads)
      #expect(Set(phase.writes.map(\.id)).count == phase.writes.count, "one object twice in a phase")
      for write in phase.writes {
        #expect(applied[write.id]?.object == write.previous)
        #expect(write.object.map(unstamped) != write.previous.map(unstamped), "rewritten only to be stamped")
        applied.apply(write)
      }
    }
    #expect(applied.entries == there.image.entries)
    expectSame(there.image, renderer.objects(viewB), but: kept(renderer, b))

    let back = renderer.transition(from: there.image, viewB, to: viewA, options: options(source.plan, "back"))
    expectSame(back.image, imageA, but: kept(renderer, a))
  }

  @Test(arguments: seeds) func everyReferenceHoldsBeforeAndAfterEveryPhase(seed: UInt64) {
    var source = RandomPlan(seed: seed)
    let (a, b) = (source.state(), source.state())
    let renderer = Renderer(source.plan)
    let (viewA, viewB) = (renderer.view(of: a), renderer.view(of: b))
    var image = renderer.objects(viewA)
    let ends = [Mesh(image), Mesh(renderer.objects(viewB))]
    let served = ends[0].hosts.intersection(ends[1].hosts)
    for phase in renderer.transition(from: image, viewA, to: viewB, options: options(source.plan, "s")).phases {
      let before = Mesh(image)
      for write in phase.writes { image.apply(write) }
      let after = Mesh(image)
      // A proxy may act on either version of a route together with either version of a rule, of a Service, and with
      // the pods of either moment.
      for route in before.references + after.references {
        for mesh in [before, after] {
          let (hasPort, hasSubset, hasPods) = (
            mesh.has(route), mesh.defines(route), mesh.runs(route)
          )
          #expect(hasPort, "\(phase.kind): no port for \(route)")
          if route.subset == nil { continue }
          #expect(hasSubset, "\(phase.kind): no subset for \(route)")
          // A caller that is itself not there yet, or not any more, calls nobody.
          let caller = route.caller
          if let caller, !before.workloads.contains(caller) || !after.workloads.contains(caller) { continue }
          // The default of a port that one end has not waits for the pods that bring it.
          if caller == nil, !route.isEntry, !ends.allSatisfy({ $0.has(route) }) { continue }
          // A component that one end has not at all serves nobody there; its lanes wait for its first pods.
          if !served.isSuperset(of: [route.host]) { continue }
          #expect(hasPods, "\(phase.kind): no pods for \(route)")
        }
      }
    }
  }

  /// Without a default istiod gives an unmatched caller the pods of every version. (An http port that only rules lead
  /// to has those: whoever they do not match gets 404.)
  @Test(arguments: seeds) func everyPortOfAPinnedHostHasADefault(seed: UInt64) {
    var source = RandomPlan(seed: seed)
    let state = source.state()
    let renderer = Renderer(source.plan)
    let image = renderer.objects(renderer.view(of: state))
    for (component, now) in zip(source.plan.components, state.components) where !now.deployed.isEmpty && now.isPinned {
      let exposed = source.plan.exposures.contains { source.plan[$0.component].name == component.name }
      let route = image[id("networking.istio.io", "VirtualService", component.service + (exposed ? "-mesh" : ""))]
      let http = route?.plain.at("spec", "http")?.array ?? []
      let tcp = route?.plain.at("spec", "tcp")?.array ?? []
      for port in image[id("", "Service", component.service)]?.plain.at("spec", "ports")?.array ?? [] {
        let number = port["port"]
        let isHTTP = ["http", "grpc"].contains(port["appProtocol"]?.string)
        let found = (isHTTP ? http : tcp).contains { route in
          guard let match = route["match"]?.array else { return isHTTP }
          return match.contains {
            $0["sourceLabels"] == nil && ($0["port"] == number || isHTTP && $0["port"] == nil)
          }
        }
        #expect(found, "\(component.service):\(number?.int ?? 0)")
      }
    }
    func id(_ group: String, _ kind: String, _ name: String) -> ObjectID {
      ObjectID(group: group, kind: kind, namespace: "demo", name: name)
    }
  }

  @Test(arguments: seeds) func aViewNearAnotherIsTheSameView(seed: UInt64) {
    var source = RandomPlan(seed: seed)
    let renderer = Renderer(source.plan)
    var a = source.state()
    for _ in 0..<4 {
      var b = source.state()
      if source.random.chance(0.7), a.exists {
        // A neighbour that differs in one component only.
        let changed = b
        b = a
        let i = source.random.below(source.plan.components.count)
        if i < changed.components.count { b.components[i] = changed.components[i] }
      }
      #expect(renderer.view(of: b, near: (a, renderer.view(of: a))) == renderer.view(of: b))
      a = b
    }
  }

  @Test(arguments: seeds) func rollsBackFromAnyPhase(seed: UInt64) {
    var source = RandomPlan(seed: seed)
    let (a, b) = (source.state(), source.state())
    let renderer = Renderer(source.plan)
    let viewA = renderer.view(of: a)
    let imageA = renderer.objects(viewA)
    let start = Standing(state: a, view: viewA, image: imageA)
    let segment = renderer.compiled([Segment(before: a, after: b, changes: [])], from: start, folder: "s")[0]
    for phase in segment.phases.indices {
      let back = renderer.rollback(from: segment, brokenOffIn: phase, to: a, stamp: "back")
      expectSame(back.image, imageA, but: kept(renderer, a).union(claims(back.image)))
      // However far the phase came, the same writes lead back.
      var partial = segment.before.image
      for earlier in segment.phases[..<phase] { for write in earlier.writes { partial.apply(write) } }
      for write in segment.phases[phase].writes.prefix(source.random.below(segment.phases[phase].writes.count)) {
        partial.apply(write)
      }
      for phase in back.phases { for write in phase.writes { partial.apply(write) } }
      expectSame(partial, back.image, but: kept(renderer, a).union(claims(back.image)))
    }
  }

  /// Where no state has two versions on one volume, no moment between two states has, forward or back.
  @Test(arguments: seeds) func aVolumeIsForOneVersionAtATime(seed: UInt64) {
    var source = RandomPlan(seed: seed)
    for c in source.plan.components.indices where source.random.chance(0.5) {
      for v in source.plan.components[c].versions.indices {
        let range = source.plan.components[c].range
        source.plan.components[c].versions[v].volumes = [
          Volume(claim: "claim-\(c)", size: "1Gi", path: "/data", range: range)
        ]
      }
    }
    let renderer = Renderer(source.plan)
    func alone(_ state: State) -> State {
      var state = state
      for c in state.components.indices {
        var taken: Set<String> = []
        for i in state.components[c].deployed.indices {
          let version = state.components[c].deployed[i].version
          let claims = source.plan.components[c].versions[version].volumes.map(\.claim)
          if !taken.isDisjoint(with: claims) { state.components[c].deployed[i].replicas = 0 }
          taken.formUnion(claims)
        }
      }
      return state
    }
    let (a, b) = (alone(source.state()), alone(source.state()))
    let viewA = renderer.view(of: a)
    let start = Standing(state: a, view: viewA, image: renderer.objects(viewA))
    let segment = renderer.compiled([Segment(before: a, after: b, changes: [])], from: start, folder: "s")[0]
    let back = renderer.rollback(from: segment.after, to: a, stamp: "back")
    var running: [ObjectID: Value] = [:]
    func isRunning(_ object: Value?) -> Bool { (object?.at("spec", "replicas")?.int ?? 0) > 0 }
    for entry in start.image.entries where isRunning(entry.plain) { running[entry.id] = entry.plain }
    for phase in segment.phases + back.phases {
      // In the middle of a phase, what ends there may still run, and what begins there may run already.
      for write in phase.writes where isRunning(write.object) { running[write.id] = write.object }
      var owners: [String: [ObjectID]] = [:]
      for (id, object) in running {
        for volume in object.at("spec", "template", "spec", "volumes")?.array ?? [] {
          if let claim = volume.at("persistentVolumeClaim", "claimName")?.string {
            owners[claim, default: []].append(id)
          }
        }
      }
      for (claim, ids) in owners { #expect(ids.count == 1, "\(claim) in \(phase.kind): \(ids)") }
      for write in phase.writes where !isRunning(write.object) { running[write.id] = nil }
    }
  }

  @Test(arguments: seeds) func theOrderOfDeclarationsDoesNotMatter(seed: UInt64) {
    var source = RandomPlan(seed: seed)
    let state = source.state()
    let renderer = Renderer(source.plan)
    let order = source.plan.components.indices.shuffled(using: &source.random)
    let (plan, reordered) = permuted(source.plan, state, order)
    let other = Renderer(plan)
    let expected = renderer.objects(renderer.view(of: state))
    let actual = other.objects(other.view(of: reordered))
    #expect(objects(expected) == objects(actual))
  }

  @Test(arguments: seeds) func objectsAreClean(seed: UInt64) {
    var source = RandomPlan(seed: seed)
    let renderer = Renderer(source.plan)
    let view = renderer.view(of: source.state())
    for entry in renderer.objects(view).entries {
      let object = stampedForTest(entry, renderer)
      #expect(unstamped(object) == entry.plain)
      let isCustom = entry.id.group.hasSuffix("istio.io")
      #expect(!hasFault(entry.plain, isCustom: isCustom), "\(entry.id): null or an empty string")
      #expect(ObjectID(entry.plain) == entry.id)
      for route in (entry.plain.at("spec", "http")?.array ?? []) + (entry.plain.at("spec", "tcp")?.array ?? []) {
        let weights = (route["route"]?.array ?? []).compactMap { $0["weight"]?.int }
        #expect(weights.isEmpty || weights.reduce(0, +) == 100)
        #expect(entry.plain.at("spec", "tcp") == nil || route["name"] != nil || route["match"]?[0]?["port"] != nil)
      }
      let names = (entry.plain.at("spec", "http")?.array ?? []).compactMap { $0["name"]?.string }
      #expect(Set(names).count == names.count)
    }
  }
}

// MARK: - What the laws are told in

private func options(_ plan: Plan, _ stamp: String) -> TransitionOptions {
  TransitionOptions(stamp: stamp, origins: Origins(plan, changes: []))
}

private func objects(_ set: ObjectSet) -> [ObjectID: Value] {
  Dictionary(uniqueKeysWithValues: set.entries.map { ($0.id, $0.plain) })
}

private func expectSame(_ actual: ObjectSet, _ wanted: ObjectSet, but kept: Set<ObjectID>) {
  let (x, y) = (objects(actual), objects(wanted))
  for id in Set(x.keys).union(y.keys) where !kept.contains(id) {
    let isSame = x[id] == y[id]
    #expect(isSame, "\(id)")
  }
}

/// Namespaces are never deleted.
private func kept(_ renderer: Renderer, _ state: State) -> Set<ObjectID> {
  state.exists ? [] : [ObjectID(group: "", kind: "Namespace", namespace: "", name: renderer.plan.namespace)]
}

private func claims(_ image: ObjectSet) -> Set<ObjectID> {
  Set(image.entries.map(\.id).filter { $0.kind == "PersistentVolumeClaim" })
}

private func stampedForTest(_ entry: ObjectSet.Entry, _ renderer: Renderer) -> Value {
  // Stamps are only written by transitions: one from nothing stamps everything.
  var image = renderer.nothing
  image.apply(
    Write(action: .create, id: entry.id, object: entry.object, previous: nil, origin: entry.origin))
  return image[entry.id]?.object ?? .null
}

private func hasFault(_ value: Value, isCustom: Bool) -> Bool {
  switch value {
  case .null: true
  case .string(let s): isCustom && s.isEmpty
  case .array(let items): items.contains { hasFault($0, isCustom: isCustom) }
  case .object(let fields): fields.entries.contains { hasFault($0.value, isCustom: isCustom) }
  case .bool, .int, .double: false
  }
}

/// What routes refer to, read from the objects themselves.
private struct Mesh {
  struct Reference: CustomStringConvertible {
    var host: String
    var subset: String?
    var port: Int
    /// `host/subset` of the caller whose lane it is.
    var caller: String?
    var isEntry: Bool
    var description: String { "\(caller ?? (isEntry ? "entry" : "any")) -> \(host)/\(subset ?? "*"):\(port)" }
  }

  var references: [Reference] = []
  var subsets: Set<String> = []
  var ports: Set<String> = []
  var workloads: Set<String> = []
  /// Hosts with at least one Deployment.
  var hosts: Set<String> { Set(workloads.map { String($0.prefix { $0 != "/" }) }) }

  init(_ image: ObjectSet) {
    for entry in image.entries {
      let object = entry.plain
      switch entry.id.kind {
      case "Service":
        for port in object.at("spec", "ports")?.array ?? [] {
          ports.insert("\(entry.id.name).demo.svc.cluster.local:\(port["port"]?.int ?? 0)")
        }
      case "DestinationRule":
        for subset in object.at("spec", "subsets")?.array ?? [] {
          subsets.insert("\(object.at("spec", "host")?.string ?? "")/\(subset["name"]?.string ?? "")")
        }
      case "Deployment":
        workloads.insert(Mesh.workload(object.at("spec", "selector", "matchLabels")))
      case "VirtualService":
        for route in (object.at("spec", "http")?.array ?? []) + (object.at("spec", "tcp")?.array ?? []) {
          let labels = route["match"]?[0]?["sourceLabels"]
          for target in (route["route"]?.array ?? []) + [object2(route["mirror"])].compactMap({ $0 }) {
            references.append(
              Reference(
                host: target.at("destination", "host")?.string ?? "",
                subset: target.at("destination", "subset")?.string,
                port: target.at("destination", "port", "number")?.int ?? 0,
                caller: labels.map { Mesh.workload($0) },
                isEntry: object.at("spec", "gateways") != nil))
          }
        }
      default: break
      }
    }
    func object2(_ mirror: Value?) -> Value? { mirror.map { ["destination": $0] } }
  }

  func has(_ route: Reference) -> Bool { ports.contains("\(route.host):\(route.port)") }
  func defines(_ route: Reference) -> Bool { subsets.contains("\(route.host)/\(route.subset ?? "")") }
  func runs(_ route: Reference) -> Bool { workloads.contains("\(route.host)/\(route.subset ?? "")") }

  private static func workload(_ labels: Value?) -> String {
    let app = labels?["app"]?.string ?? ""
    return "\(app).demo.svc.cluster.local/\("v" + ComponentVersion.slug(of: labels?["version"]?.string ?? ""))"
  }
}

/// The plan and the state with the components in another order.
private func permuted(_ plan: Plan, _ state: State, _ order: [Int]) -> (Plan, State) {
  var place = [Int](repeating: 0, count: order.count)
  for (new, old) in order.enumerated() { place[old] = new }
  func moved(_ id: ComponentID) -> ComponentID { ComponentID(place[id.index]) }
  var result = plan
  result.components = order.map { old in
    var component = plan.components[old]
    for v in component.versions.indices { component.versions[v].calls = component.versions[v].calls.map(moved) }
    return component
  }
  for r in result.releases.indices {
    for m in result.releases[r].members.indices {
      let member = plan.releases[r].members[m]
      result.releases[r].members[m].component = moved(member.component)
      result.releases[r].members[m].versions = member.versions.map { VersionID(moved($0.component), $0.index) }
    }
  }
  for e in result.exposures.indices { result.exposures[e].component = moved(plan.exposures[e].component) }
  var newState = state
  if !state.components.isEmpty { newState.components = order.map { state.components[$0] } }
  return (result, newState)
}
