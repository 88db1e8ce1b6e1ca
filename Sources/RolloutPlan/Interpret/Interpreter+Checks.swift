import Diagnostics
internal import KubernetesModel

/// What the order of the steps tells.
extension Interpreter {
  /// Observations that can never say what they are meant to say.
  func check(_ kind: Observation.Kind, _ statement: StepStatement) {
    switch kind {
    case .verify(let verification): checkVerify(verification, statement)
    case .waitUntilReady(let version, _):
      let isDeployed =
        state.components.indices.contains(version.component.index)
        && state.components[version.component.index].isDeployed(version.index)
      if !isDeployed, !taint.covers(version.component), missed.insert(version).inserted {
        report(.waitForUndeployed(plan[version.component].name, plan[version].name, at: statement.range))
      }
    case .verifyMetric, .wait, .pause, .approve, .hold: break
    }
  }

  private func checkVerify(_ verification: Verification, _ statement: StepStatement) {
    guard plan.probes.indices.contains(verification.probe) else { return }
    let component = plan.probes[verification.probe].component
    guard component.index >= 0, !taint.covers(component), !taint.everything else { return }
    let entry = state.components.indices.contains(component.index) ? state.components[component.index].entry : nil
    guard let entry, entry.fallback != nil || !entry.rules.isEmpty || !entry.shares.isEmpty else {
      report(.unreachableVerify("nothing serves `\(plan[component].name)` yet", at: statement.range))
      return
    }
    guard let visitor = verification.visitor else { return }
    if !isAskedFor(visitor, at: component, entry) {
      report(
        .unreachableVerify(
          "no route asks for `\(describe(visitor))` here: this sees what every visitor sees", at: statement.range))
    }
  }

  /// A rule takes what this visitor asks for: at the entry, or on the way from there. Each caller is taken to hand headers
  /// and cookies on.
  private func isAskedFor(_ visitor: Selector, at component: ComponentID, _ entry: RouteTable) -> Bool {
    if entry.rules.contains(where: { $0.selector.takes(visitor) }) { return true }
    var queue: [VersionID] = []
    state.components[component.index].visitTargets(of: entry) { queue.append(VersionID(component, $0)) }
    var seen: Set<VersionID> = []
    while let caller = queue.popLast() {
      guard seen.insert(caller).inserted else { continue }
      for callee in plan[caller].calls {
        for table in state.tables(of: callee, for: caller, in: plan) {
          if table.rules.contains(where: { $0.selector.takes(visitor) }) { return true }
        }
        state.visitTargets(of: callee, for: caller, in: plan) { queue.append(VersionID(callee, $0)) }
      }
    }
    return false
  }

  /// A route into a release whose called members are not deployed: everything that a version which visitors reach calls,
  /// and so on, must be served where that version looks. And what gets traffic has replicas.
  func checkCompleteness(_ traffic: Traffic, changes: [Change]) {
    guard !taint.everything, let last = changes.last else { return }
    func cause(_ components: ComponentID...) -> Change {
      changes.last { change in components.contains { change.components.contains($0) } } ?? last
    }
    var missed: Set<VersionID> = []
    for version in traffic.reached.union(traffic.sources).sorted() {
      guard !taint.covers(version.component) else { continue }
      for callee in plan[version].calls where !taint.covers(callee) {
        var isServed = false
        var targets: [VersionID] = []
        state.visitTargets(of: callee, for: version, in: plan) { target in
          targets.append(VersionID(callee, target))
          isServed = isServed || state.components[callee.index].deployment(of: target)?.replicas ?? 0 > 0
        }
        if isServed { continue }
        missed.formUnion(targets)
        let key = [version.component.index, version.index, callee.index]
        guard reportedIncomplete.insert(key).inserted else { continue }
        let release = standsInReleases(callee) ? plan[version].releases.first : nil
        report(
          .incompleteRelease(
            caller: plan[version.component].name, version: plan[version].name, callee: plan[callee].name,
            release: release.map { plan[$0].name },
            isMember: release.map { plan[$0].members.contains { $0.component == callee } } ?? true,
            at: cause(version.component, callee).range, calls: plan[version].callsRange))
      }
    }
    for version in traffic.reached.subtracting(missed).sorted()
    where state.components[version.component.index].deployment(of: version.index)?.replicas == 0
      && !taint.covers(version.component) && reportedAsleep.insert(version).inserted
    {
      report(
        .sleepsUnderTraffic(
          plan[version.component].name, plan[version].name, reason: reason(for: version),
          at: cause(version.component).range))
    }
  }

  /// Where the plan says nothing about mutual TLS, servers are permissive, as Istio has it: `mtls permissive` is told with
  /// the ports themselves.
  func checkServerFirst() {
    guard state.mtls == nil, state.exists, !taint.everything else { return }
    for (c, component) in state.components.enumerated() where !taint.covers(ComponentID(c)) {
      for deployed in component.deployed {
        for port in plan[VersionID(ComponentID(c), deployed.version)].ports
        where port.proto.isServerFirst && reportedPlaintext.insert(port.range).inserted {
          report(.serverFirstPlaintext(port.proto.rawValue, at: port.range, mesh: plan.meshRange, isSaid: false))
        }
      }
    }
  }

  /// Who takes over from a version that served everybody, with fewer than half of its pods.
  func checkTakeover(since start: State, changes: [Change]) {
    // A way back is as large as it was.
    guard rollbackLimit == nil, !taint.everything, !changes.contains(where: { $0.kind == .rollback }) else { return }
    // Three pods at least, and half of them more than those of another version.
    let mayShrink = zip(start.components, state.components).contains { old, new in
      let most = old.deployed.map(\.replicas).max() ?? 0
      return new.deployed.contains { $0.replicas > 0 && $0.replicas * 2 < most }
    }
    guard mayShrink else { return }
    /// By component, the versions that serve everybody.
    func served(_ state: State) -> [ComponentID: Set<Int>] {
      let traffic = Traffic(plan: plan, state: state.forEverybody, byThemselves: byThemselves)
      return Dictionary(grouping: traffic.reached, by: \.component).mapValues { Set($0.map(\.index)) }
    }
    let (servedBefore, servedAfter) = (served(start), served(state))
    for (c, component) in plan.components.enumerated() where !taint.covers(ComponentID(c)) {
      func pods(_ version: Int, _ state: State) -> Int { state.components[c].deployment(of: version)?.replicas ?? 0 }
      let (before, after) = (servedBefore[ComponentID(c)] ?? [], servedAfter[ComponentID(c)] ?? [])
      let left = before.subtracting(after).sorted()
      let taking = after.sorted()
      let count = taking.reduce(0) { $0 + pods($1, state) }
      guard let former = left.max(by: { pods($0, start) < pods($1, start) }),
        let version = taking.first(where: { !before.contains($0) }) ?? taking.first,
        count > 0, count * 2 < pods(former, start),
        !(left + taking).contains(where: { isCounted(VersionID(ComponentID(c), $0)) })
      else { continue }
      let about = changes.filter { $0.components.contains(ComponentID(c)) }
      let moves = about.filter { $0.kind != .deploy }
      guard let cause = moves.last ?? about.last ?? changes.last(where: { $0.kind != .deploy }) ?? changes.last else {
        continue
      }
      report(
        .fewerPods(
          component.name, component.versions[version].name, pods: count, of: component.versions[former].name,
          former: pods(former, start), at: cause.range))
    }
  }

  /// Somebody else says how many pods the version has: a patch, or an autoscaler of a manifest.
  private func isCounted(_ id: VersionID) -> Bool {
    let deployment = "\(plan[id.component].service)-\(plan[id].slug)"
    return plan.patches.contains {
      $0.value.at("spec", "replicas") != nil && $0.changes(id, deployment: deployment)
    }
      || plan.manifests.contains { manifest in
        manifest.objects.contains { $0.at("spec", "scaleTargetRef", "name")?.string == deployment }
      }
  }

  /// Deployed, and no step ever sends anybody there.
  func checkNeverRouted() {
    guard !taint.everything else { return }
    // Their first version takes over from nobody; with the second one it matters who asks.
    var unasked: Set<ComponentID> = []
    var warned: Set<ComponentID> = []
    var dark: [(versions: [VersionID], range: SourceRange)] = []
    lazy var calls = CallGraph(plan)
    for (version, range) in deployedAt.sorted(by: { $0.key < $1.key }) where !taint.covers(version.component) {
      // What nobody calls serves nobody, but itself or those in a ring with it: it works on its own.
      if byThemselves[version.component.index], let ring = calls.ringByItself(of: version.component.index) {
        if ring.isEmpty, everServed.contains(version) { continue }
        let isNext = !unasked.insert(version.component).inserted
        // Who is given its address calls it: that was said.
        if calledUnsaid.contains(version.component) || !calledUnsaid.isDisjoint(with: ring.map { ComponentID($0) }) {
          continue
        }
        if isNext, !plan[version].ports.isEmpty, warned.insert(version.component).inserted {
          let callers = calls.callers[version.component.index].sorted().map { plan.components[$0].name }
          report(.nobodyCalls(plan[version.component].name, callers: callers, at: range))
          // One ring, one warning.
          warned.formUnion(ring.map { ComponentID($0) })
        }
        continue
      }
      guard !everServed.contains(version) else { continue }
      // One line, or one release, is one fault.
      let twin = dark.firstIndex { other in
        other.range == range
          || plan[other.versions[0]].releases.first.map { plan[version].releases.first == $0 } ?? false
      }
      if let twin { dark[twin].versions.append(version) } else { dark.append(([version], range)) }
    }
    for (versions, range) in dark { reportDark(versions, at: range) }
  }

  /// - Parameter versions: those of one release, or one.
  private func reportDark(_ versions: [VersionID], at range: SourceRange) {
    let entry = versions.first { plan.exposure(of: $0.component) != nil }
    let version = entry ?? versions[0]
    let name = plan[version.component].name
    let help: String
    var note: String?
    if entry == nil, !deployedAt.keys.contains(where: { plan[$0].calls.contains(version.component) }) {
      let names = plan.callers(of: version.component).map { "`\(plan[$0].name)`" }.joined(separator: ", ")
      note = "nothing that is deployed calls it: `calls \(name)` stands in versions of \(names) that no step deploys"
      help = "deploy a version that calls it, or do not deploy it"
    } else if entry == nil, let release = plan[version].releases.first {
      help = "send visitors into release `\(plan[release].name)`, or do not deploy it"
    } else {
      help = "route to it, as `route \(name) 10% -> \(plan[version].name)`, or do not deploy it"
    }
    let names = versions.map { "`\(plan[$0.component].name)` \(plan[$0].name)" }
    report(.neverRouted(names, at: deployedAt[version] ?? range, note: note, help: help))
  }
}

/// Which component calls which, in some version.
private struct CallGraph {
  private(set) var callers: [Set<Int>]
  private var callees: [Set<Int>]

  init(_ plan: Plan) {
    callers = Array(repeating: [], count: plan.components.count)
    callees = callers
    for (c, component) in plan.components.enumerated() {
      for callee in component.versions.lazy.flatMap(\.calls) where callees.indices.contains(callee.index) {
        callers[callee.index].insert(c)
        callees[c].insert(callee.index)
      }
    }
  }

  /// Those who call `component`, and who call these, and so on, where it calls each of them in turn; empty where nobody
  /// does, and nil where somebody else calls one of them.
  func ringByItself(of component: Int) -> Set<Int>? {
    let above = reached(from: component, by: callers)
    if above.isEmpty { return [] }
    return above.isSubset(of: reached(from: component, by: callees)) ? above : nil
  }

  private func reached(from start: Int, by next: [Set<Int>]) -> Set<Int> {
    var found: Set<Int> = []
    var queue = [start]
    while let component = queue.popLast() {
      for other in next[component] where found.insert(other).inserted { queue.append(other) }
    }
    return found
  }
}
