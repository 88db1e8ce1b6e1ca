import Diagnostics

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
      if !isDeployed, !taint.covers(version.component) {
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
        report(
          .incompleteRelease(
            caller: plan[version.component].name, version: plan[version].name, callee: plan[callee].name,
            release: standsInReleases(callee) ? plan[version].releases.first.map { plan[$0].name } : nil,
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

  /// Deployed, and no step ever sends anybody there.
  func checkNeverRouted() {
    guard !taint.everything else { return }
    let called = Set(plan.components.flatMap { $0.versions.flatMap(\.calls) })
    // Their first version takes over from nobody; with the second one it matters who asks.
    var unasked: Set<ComponentID> = []
    var warned: Set<ComponentID> = []
    for (version, range) in deployedAt.sorted(by: { $0.key < $1.key }) {
      guard !everServed.contains(version), !taint.covers(version.component) else { continue }
      // What nobody calls serves nobody: it works on its own.
      if plan.exposure(of: version.component) == nil, !called.contains(version.component) {
        let isNext = !unasked.insert(version.component).inserted
        if isNext, !plan[version].ports.isEmpty, warned.insert(version.component).inserted {
          report(.nobodyCalls(plan[version.component].name, at: range))
        }
        continue
      }
      let release = plan.exposure(of: version.component) == nil ? plan[version].releases.first : nil
      report(
        .neverRouted(
          plan[version.component].name, plan[version].name, release: release.map { plan[$0].name }, at: range))
    }
  }
}
