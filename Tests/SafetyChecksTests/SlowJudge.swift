import KubernetesModel
import Lowering
import MeshModel
import RolloutPlan
import SafetyChecks

/// What may become of a flow's requests, as plain sets.
struct Fate: Equatable {
  var targets: Set<Int> = []
  var copies: Set<Int> = []
  var faults: Set<SafetyChecks.Fault> = []

  var isServed: Bool { !targets.isEmpty && faults.isEmpty }

  init() {}

  init(_ outcome: FlowOutcome) {
    targets = Set(outcome.targets)
    copies = Set(outcome.copies)
    // Whether a gateway refuses or answers 404 depends on other gateways of its port: one fault to us.
    faults = Set(
      outcome.faults.map { $0.invariant == .routeMatches ? SafetyChecks.Fault(invariant: .routeMatches) : $0 })
  }

  mutating func formUnion(_ other: Fate) {
    targets.formUnion(other.targets)
    copies.formUnion(other.copies)
    faults.formUnion(other.faults)
  }
}

/// The invariants as they read, without a thought for time: every way of a request is walked, nothing is shared with the
/// checker's own judge but what a plan means (``Intent`` is not used; states are read here once more).
struct SlowJudge {
  let plan: Plan
  let model: FlowModel

  struct Facts {
    var before: [State]
    var after: State
    var phase: Phase
    var isLast: Bool
    var keepsVolumes: Bool
    var atSegmentStart: [Fate]
    var atStart: [Fate]
    var atEnd: [Fate]
    var during: [Fate]
    /// The ports that a caller dials; of others all.
    var dialed: [Call: Set<Int>]
    var inUse: Set<Int>
    /// By version that was waited for: the flows that have reached it since.
    var askedSince: [Int: Set<Int>]
    /// By version: pods that are ready at the least and at the most.
    var leastReady: [Int]
    var mostReady: [Int]
    /// By version: pods that its newest Deployment asks for.
    var declared: [Int]
    /// Every version of every VirtualService that somebody may hold.
    var routes: [Value]
  }

  struct Finding: Hashable {
    var invariant: Invariant
    var flow: Int?
    var version: Int?
    var object: ObjectID?
    var fault: SafetyChecks.Fault?
    var isLasting = false
  }

  struct Verdict {
    var findings: Set<Finding> = []
    /// By version: the flows that may have reached it, and those that reach it in the end.
    var askers: [Int: Set<Int>] = [:]
    var askersAtEnd: [Int: Set<Int>] = [:]
  }

  /// One request on its way: the version that it is at, and the releases that it may belong to; none: no matter.
  private struct Stop: Hashable {
    var version: Int
    var releases: Set<Int>?
  }

  private func releases(_ version: Int) -> Set<Int>? {
    let all = plan[model.versions[version]].releases.map(\.index)
    return all.isEmpty ? nil : Set(all)
  }

  /// Every stop of every request, with each crossing from one release into another.
  private func walk(
    _ entries: [Int], _ sources: [Int], _ fates: [Fate], _ dialed: [Int], copies: Bool
  ) -> (stops: Set<Stop>, crossings: Set<[Int]>, arrivals: [(flow: Int, version: Int)]) {
    var stops: Set<Stop> = []
    var crossings: Set<[Int]> = []
    var arrivals: [(Int, Int)] = []
    func stop(_ here: Stop) {
      guard stops.insert(here).inserted else { return }
      for f in dialed where model.flows[f].source == .caller(here.version) {
        for next in fates[f].targets {
          arrivals.append((f, next))
          let own = releases(next)
          if let mine = here.releases, let own {
            if mine.isDisjoint(with: own) {
              crossings.insert([f, next])
              stop(Stop(version: next, releases: own))
            } else {
              stop(Stop(version: next, releases: mine.intersection(own)))
            }
          } else {
            stop(Stop(version: next, releases: here.releases))
          }
        }
        if copies {
          for next in fates[f].copies {
            arrivals.append((f, next))
            stop(Stop(version: next, releases: releases(next)))
          }
        }
      }
    }
    for version in sources { stop(Stop(version: version, releases: releases(version))) }
    for f in entries {
      for next in fates[f].targets.union(copies ? fates[f].copies : []) {
        arrivals.append((f, next))
        stop(Stop(version: next, releases: releases(next)))
      }
    }
    return (stops, crossings, arrivals)
  }

  func judge(_ facts: Facts) -> Verdict {
    var verdict = Verdict()
    let entries = model.flows.indices.filter { model.flows[$0].isEntry }
    func component(_ state: State, _ c: Int) -> ComponentState? {
      c < state.components.count ? state.components[c] : nil
    }
    func wanted(_ state: State, _ v: Int) -> Int {
      let id = model.versions[v]
      return component(state, id.component.index)?.deployed.first { $0.version == id.index }?.replicas ?? 0
    }
    func isCalled(_ c: ComponentID, by callers: [ComponentID]) -> Bool {
      model.versions.contains { $0.component != c && callers.contains($0.component) && plan[$0].calls.contains(c) }
    }
    let dialed = model.flows.indices.filter { f in
      let flow = model.flows[f]
      guard case .caller(let v) = flow.source else { return true }
      let call = Call(caller: model.versions[v], callee: ComponentID(flow.callee))
      return facts.dialed[call]?.contains(flow.port) ?? true
    }
    let components = plan.components.indices.map { ComponentID($0) }
    let exposed = components.filter { c in plan.exposures.contains { $0.component == c } }
    let first = components.filter { !exposed.contains($0) && !isCalled($0, by: components) }
    var asked = exposed + first
    while let next = components.first(where: { !asked.contains($0) && isCalled($0, by: asked) }) { asked.append(next) }
    // Those of a ring that nobody outside of it asks begin by themselves, too.
    let uncalled = model.versions.indices.filter { v in
      let c = model.versions[v].component
      return first.contains(c) || !asked.contains(c)
    }
    let running = uncalled.filter { v in facts.before.allSatisfy { wanted($0, v) > 0 } && wanted(facts.after, v) > 0 }
    let started = uncalled.filter { facts.mostReady[$0] > 0 }
    func targets(_ state: State, _ f: Int) -> Set<Int> { Meaning(plan, state, model).targets(model.flows[f]) }
    func allowed(_ f: Int) -> Set<Int> {
      facts.before.reduce(targets(facts.after, f)) { $0.union(targets($1, f)) }
    }
    /// The new state gives this way up: its caller stays, and nothing is there for it.
    func isGivenUp(_ f: Int) -> Bool {
      guard case .caller(let v) = model.flows[f].source else { return false }
      return wanted(facts.after, v) > 0 && targets(facts.after, f).isEmpty
    }
    func isPromised(_ f: Int) -> Bool { facts.atStart[f].isServed || facts.atSegmentStart[f].isServed }

    // What a request meets.
    func meet(_ f: Int) {
      for fault in facts.during[f].faults {
        if fault.invariant == .routeMatches {
          guard model.flows[f].isHTTP, facts.atStart[f].faults.isEmpty else { continue }
        }
        verdict.findings.insert(Finding(invariant: fault.invariant, flow: f, fault: fault))
      }
    }
    let promised = entries.filter(isPromised)
    for f in promised where !targets(facts.after, f).isEmpty { meet(f) }
    let old = Set(
      walk(entries.filter { facts.atStart[$0].isServed }, running, facts.atStart, dialed, copies: false).stops.map(
        \.version))
    let live = Set(walk(promised, running, facts.during, dialed, copies: false).stops.map(\.version))
    for version in live {
      for f in dialed where model.flows[f].source == .caller(version) && !isGivenUp(f) {
        if isPromised(f) || !old.contains(version) && !allowed(f).isEmpty { meet(f) }
      }
    }

    // Whose data it works on, and where it must not arrive.
    let all = walk(entries, started, facts.during, dialed, copies: true)
    for crossing in all.crossings {
      verdict.findings.insert(Finding(invariant: .releaseIsolated, flow: crossing[0], version: crossing[1]))
    }
    // Who runs asks by itself, too, visited or not, if each state in which it runs has an answer for it.
    let visited = Set(all.stops.map(\.version))
    let unvisited = dialed.flatMap { f -> [(Int, Int)] in
      guard case .caller(let v) = model.flows[f].source, !visited.contains(v), facts.mostReady[v] > 0,
        !allowed(f).isEmpty,
        (facts.before + [facts.after]).allSatisfy({ wanted($0, v) == 0 || !targets($0, f).isEmpty })
      else { return [] }
      return facts.during[f].targets.union(facts.during[f].copies).map { (f, $0) }
    }
    // And it is answered as long as it stays, if the new state has pods for all that it leads to.
    for f in dialed where isPromised(f) && !targets(facts.after, f).isEmpty {
      guard case .caller(let v) = model.flows[f].source, !visited.contains(v), facts.mostReady[v] > 0,
        facts.before.allSatisfy({ wanted($0, v) > 0 && !targets($0, f).isEmpty }), wanted(facts.after, v) > 0,
        targets(facts.after, f).allSatisfy({ wanted(facts.after, model.firstVersion[model.flows[f].callee] + $0) > 0 })
      else { continue }
      meet(f)
    }
    for (f, version) in all.arrivals + unvisited {
      let id = model.versions[version]
      let flow = model.flows[f]
      if id.component.index == flow.callee {
        if allowed(f).contains(id.index) { continue }
        let mirrored = (facts.before + [facts.after]).contains {
          component($0, flow.callee)?.mirror?.version == id.index
        }
        if mirrored, facts.during[f].copies.contains(version), !facts.during[f].targets.contains(version) { continue }
      } else if flow.isEntry {
        // Another exposure of the same port may take what this one does not.
        let theirs = plan.exposures.indices.filter { e in
          let exposure = plan.exposures[e]
          return exposure.component == id.component && exposure.port == flow.port
            && exposure.hosts.contains { host in
              let asked: String?
              switch flow.traffic {
              case .http(let request): asked = request.authority
              case .tcp(let connection): asked = connection.sni
              }
              guard let asked else { return true }
              return host == "*" || host == asked || host.hasPrefix("*") && asked.hasSuffix(host.dropFirst())
            }
            && (exposure.path == "/" || flow.path == exposure.path || flow.path.hasPrefix(exposure.path + "/"))
        }
        let isCopy = facts.during[f].copies.contains(version) && !facts.during[f].targets.contains(version)
        let isMirrored = (facts.before + [facts.after]).contains {
          component($0, id.component.index)?.mirror?.version == id.index
        }
        if isCopy, isMirrored, !theirs.isEmpty { continue }
        let isTheirs = theirs.contains { e in
          // A line's rules leave out what another line takes; its default does not.
          return [flow.cohort, Cohort.others].contains { cohort in
            var other = flow
            other.source = .entry(e)
            other.callee = id.component.index
            other.cohort = cohort
            return (facts.before + [facts.after]).contains {
              Meaning(plan, $0, model).targets(other).contains(id.index)
            }
          }
        }
        if isTheirs { continue }
      }
      verdict.findings.insert(Finding(invariant: .versionRouted, flow: f, version: version))
    }

    // Enough pods, and nothing stopped under somebody's hands.
    let reached = Set(all.stops.map(\.version))
    for version in reached {
      let need = min(facts.before.map { wanted($0, version) }.min() ?? 0, wanted(facts.after, version))
      if facts.leastReady[version] < need {
        verdict.findings.insert(
          Finding(invariant: .replicasKept, version: version, object: model.deployment(version)))
      }
    }
    for (flow, version) in all.arrivals where !isGivenUp(flow) { verdict.askers[version, default: []].insert(flow) }
    for write in facts.phase.writes {
      let id = write.id
      func pods(_ value: Value?) -> Int { value?.at("spec", "replicas")?.int ?? 0 }
      if id.kind == "Deployment" {
        guard let version = model.versions.indices.first(where: { model.deployment($0) == id }),
          pods(write.previous) > 0, pods(write.object) == 0,
          facts.inUse.contains(version) || verdict.askers[version] != nil
        else { continue }
        let c = model.versions[version].component.index
        let askers = model.flows.indices.filter { model.flows[$0].callee == c }
        let known = facts.askedSince[version].map { $0.union(verdict.askers[version] ?? []) }
        let stopsWithAskers = (known.map(Array.init) ?? askers).allSatisfy { f in
          if case .caller(let v) = model.flows[f].source { return facts.declared[v] == 0 }
          if known != nil { return false }
          let fate = facts.during[f]
          return !facts.inUse.contains(version) && !fate.targets.union(fate.copies).contains(version)
        }
        if stopsWithAskers { continue }
        let isPinned = (facts.before + [facts.after]).contains { component($0, c)?.isPinned == true }
        // Where no route names a subset, Kubernetes takes a pod that ends out of its Service by itself.
        let host = "\(plan.components[c].service).\(plan.namespace).svc.\(plan.clusterDomain)"
        if isPinned, facts.routes.contains(where: { namesSubset(of: host, $0) }) {
          verdict.findings.insert(Finding(invariant: .inUseKept, version: version, object: id))
        }
      } else if write.action == .delete, id.kind == "PersistentVolumeClaim" || id.kind == "Namespace" {
        let isGivenAway = id.kind != "Namespace" && !facts.keepsVolumes && !facts.after.volumes.contains(id.name)
        if !isGivenAway { verdict.findings.insert(Finding(invariant: .inUseKept, object: id)) }
      }
    }

    // What stays broken.
    let remaining = uncalled.filter { wanted(facts.after, $0) > 0 }
    let end = walk(entries, remaining, facts.atEnd, dialed, copies: false)
    if facts.isLast {
      let callers = Set(end.stops.map(\.version))
      for f in dialed where !targets(facts.after, f).isEmpty {
        switch model.flows[f].source {
        case .entry: break
        case .caller(let version): if !callers.contains(version) { continue }
        }
        let served = facts.atEnd[f].targets
        if facts.atEnd[f].faults.isEmpty {
          if served.isEmpty || model.flows[f].cohort.sticky != nil { continue }
          let wanted = targets(facts.after, f).compactMap { v in
            model.versions.firstIndex(of: VersionID(ComponentID(model.flows[f].callee), v))
          }
          if let missing = wanted.filter({ !served.contains($0) }).min() {
            verdict.findings.insert(
              Finding(invariant: .versionRouted, flow: f, version: missing, isLasting: true))
          }
          continue
        }
        let wasMeant = facts.before.contains { !targets($0, f).isEmpty }
        if !facts.atSegmentStart[f].isServed, wasMeant { continue }
        for fault in facts.atEnd[f].faults {
          verdict.findings.insert(Finding(invariant: fault.invariant, flow: f, fault: fault, isLasting: true))
        }
      }
    }
    for (flow, version) in walk(entries, running, facts.atEnd, dialed, copies: true).arrivals where !isGivenUp(flow) {
      verdict.askersAtEnd[version, default: []].insert(flow)
    }
    return verdict
  }
}

/// Who is to reach what, as `language.md` says it of one state: rules by their order, then shares, then the default.
private struct Meaning {
  let plan: Plan
  let state: State
  let model: FlowModel

  init(_ plan: Plan, _ state: State, _ model: FlowModel) {
    self.plan = plan
    self.state = state
    self.model = model
  }

  func targets(_ flow: Flow) -> Set<Int> {
    guard flow.callee < state.components.count else { return [] }
    let component = state.components[flow.callee]
    let versions = plan.components[flow.callee].versions
    switch flow.source {
    case .entry: return component.entry.map { targets(flow, $0) } ?? []
    case .caller(let caller):
      guard versions.contains(where: { !$0.releases.isEmpty }) else {
        return component.lanes.first.map { targets(flow, $0) } ?? []
      }
      let own = plan[model.versions[caller]].releases.map(\.index)
      let chosen = own.isEmpty ? [plan.defaultRelease(in: state)?.index].compactMap { $0 } : own
      var all: Set<Int> = []
      for lane in chosen where lane < component.lanes.count { all.formUnion(targets(flow, component.lanes[lane])) }
      if all.isEmpty, own.isEmpty { for lane in component.lanes { all.formUnion(targets(flow, lane)) } }
      return all
    }
  }

  private func targets(_ flow: Flow, _ table: RouteTable) -> Set<Int> {
    let component = state.components[flow.callee]
    let versions = plan.components[flow.callee].versions
    func has(_ v: Int) -> Bool {
      versions[v].ports.contains { flow.isEntry ? $0.proto.isHTTP == flow.isHTTP : $0.number == flow.port }
    }
    if table.isEmpty { return [] }
    if !component.isPinned {
      return Set(component.deployed.filter { $0.replicas > 0 && has($0.version) }.map(\.version))
    }
    if flow.isHTTP {
      for rule in table.rules where has(rule.version) {
        // The random plans' selectors are all of them exact.
        if flow.cohort.selectors.contains(rule.selector) { return [rule.version] }
      }
    }
    var all: Set<Int> = []
    var shared = 0
    for share in table.shares where has(share.version) {
      if share.percent > 0 { all.insert(share.version) }
      shared += share.percent
    }
    if let fallback = table.fallback, has(fallback), shared < 100 { all.insert(fallback) }
    return all
  }
}

extension FlowModel {
  /// The Deployment of a version, as the naming rules of `semantics.md` say it.
  func deployment(_ version: Int) -> ObjectID {
    let id = versions[version]
    return ObjectID(
      group: "apps", kind: "Deployment", namespace: plan.namespace,
      name: "\(plan[id.component].service)-\(plan[id].slug)")
  }
}

/// Some destination in it is a subset of `host`.
private func namesSubset(of host: String, _ value: Value) -> Bool {
  if value["host"]?.string == host, value["subset"] != nil { return true }
  if let fields = value.fields { return fields.entries.contains { namesSubset(of: host, $0.value) } }
  return value.array?.contains { namesSubset(of: host, $0) } ?? false
}
