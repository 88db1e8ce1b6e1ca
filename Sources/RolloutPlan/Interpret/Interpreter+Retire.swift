import Diagnostics

/// `retire`: what only a release used, a version of every component, or one component's version. Refused as a whole
/// where traffic still reaches any of it.
extension Interpreter {
  func retire(_ release: ReleaseID, _ volumes: Bool, _ statement: StepStatement) -> Change? {
    begin()
    let leaving = plan[release].members.flatMap(\.versions).filter { version in
      plan[version].releases == [release] && state.components[version.component.index].isDeployed(version.index)
    }
    guard take(leaving, named: "release `\(plan[release].name)`", volumes, statement) else { return nil }
    // The release's lanes go with it.
    for index in state.components.indices where state.components[index].lanes.count == plan.releases.count {
      let stays = state.components[index].deployed.contains {
        plan[VersionID(ComponentID(index), $0.version)].releases.contains(release)
      }
      if !stays, standsInReleases(ComponentID(index)) { state.components[index].lanes[release.index] = RouteTable() }
    }
    return change(.retire, statement, leaving)
  }

  func retire(_ versions: [VersionID], named name: String, _ volumes: Bool, _ statement: StepStatement) -> Change? {
    begin()
    let leaving = versions.filter { state.components[$0.component.index].isDeployed($0.index) }
    guard take(leaving, named: name, volumes, statement) else { return nil }
    return change(.retire, statement, leaving)
  }

  private func take(_ leaving: [VersionID], named name: String, _ volumes: Bool, _ statement: StepStatement) -> Bool {
    if leaving.isEmpty {
      if !taint.everything, taint.components.isEmpty { report(.nothingToRetire(name, at: statement.range)) }
      return false
    }
    let gone = Set(leaving)
    let traffic = Traffic(plan: plan, state: state, byThemselves: byThemselves, leaving: gone)
    let live = leaving.filter { traffic.reached.contains($0) && !isMergedBack($0, gone) }
    if !live.isEmpty {
      let isTainted = taint.everything || live.contains { taint.covers($0.component) } || !taint.components.isEmpty
      if !isTainted {
        report(
          .retireLive(
            name, live: live.map { (plan[$0.component].name, plan[$0].name, reason(for: $0)) },
            help: wayOut(of: live.first(where: isEntered) ?? live[0]), at: statement.subject))
      }
      return false
    }
    for version in leaving { remove(version) }
    state.releases = state.releases.filter { plan.isServed(ReleaseID($0), state) }
    if volumes {
      var claims = Set(leaving.flatMap { plan[$0].volumes.map(\.claim) })
      for (index, component) in state.components.enumerated() {
        for deployed in component.deployed {
          claims.subtract(plan[VersionID(ComponentID(index), deployed.version)].volumes.map(\.claim))
        }
      }
      for claim in claims where state.volumes.remove(claim) != nil { destroyed[claim] = statement.range }
    }
    return true
  }

  /// The last version of a component that only visitors come to, and whose paths others answer once it is gone.
  private func isMergedBack(_ version: VersionID, _ gone: Set<VersionID>) -> Bool {
    let id = version.component
    let component = state.components[id.index]
    return component.mirror == nil
      && component.deployed.allSatisfy { gone.contains(VersionID(id, $0.version)) }
      && isAnsweredAround(id, in: state)
      && !plan.components.enumerated().contains { c, caller in
        state.components[c].deployed.contains {
          caller.versions[$0.version].calls.contains(id) && !gone.contains(VersionID(ComponentID(c), $0.version))
        }
      }
  }

  /// The line that takes its traffic away.
  private func wayOut(of version: VersionID) -> String {
    let name = plan[version.component].name
    let component = state.components[version.component.index]
    let others = Traffic(
      plan: plan, state: state.withoutMirror(of: version.component), byThemselves: byThemselves)
    if component.mirror?.version == version.index, !others.reached.contains(version) {
      return "end the mirror before this line, as `mirror \(name) 0% -> \(plan[version].name)`"
    }
    // A component that is to go with its visitors is no change without an error for somebody.
    return component.deployed.count == 1
      ? "deploy a version that takes over, and route everybody to it before this line; nobody else could answer"
      : "route everybody elsewhere before this line, as `route \(name) all -> VERSION`"
  }

  /// Visitors come to it, and not to a caller of it alone, from which its traffic goes with the caller's.
  private func isEntered(_ version: VersionID) -> Bool {
    plan.exposure(of: version.component) != nil
      && state.components[version.component.index].entry?.leads(to: version.index) ?? false
  }

  /// Why a version still gets traffic, in a few words.
  func reason(for version: VersionID) -> String {
    let component = state.components[version.component.index]
    if let entry = component.entry, plan.exposure(of: version.component) != nil {
      if let rule = entry.rules.first(where: { $0.version == version.index }) {
        return "`\(describe(rule.selector))` leads to it"
      }
      if let share = entry.shares.first(where: { $0.version == version.index }) {
        return "\(share.percent)% of the visitors reach it"
      }
      if entry.fallback == version.index {
        return entry.rules.isEmpty && entry.shares.isEmpty ? "every visitor reaches it" : "all other visitors reach it"
      }
    }
    if component.mirror?.version == version.index { return "requests are mirrored to it" }
    let callers = plan.callers(of: version.component).map { "`\(plan[$0].name)`" }
    return callers.isEmpty ? "it gets traffic" : "it is called by \(callers.joined(separator: ", "))"
  }

  private func remove(_ version: VersionID) {
    let c = version.component.index
    missed.remove(version)
    state.components[c].deployed.removeAll { $0.version == version.index }
    func clean(_ table: RouteTable) -> RouteTable {
      var table = table
      table.rules.removeAll { $0.version == version.index }
      table.shares.removeAll { $0.version == version.index }
      if table.fallback == version.index { table.fallback = nil }
      return table
    }
    state.components[c].lanes = state.components[c].lanes.map(clean)
    state.components[c].entry = state.components[c].entry.map(clean)
    if state.components[c].mirror?.version == version.index { state.components[c].mirror = nil }
    if state.components[c].deployed.isEmpty {
      state.components[c].isPinned = false
      state.components[c].entry = nil
    }
    keepDefaultAwake(version.component)
  }
}

extension State {
  fileprivate func withoutMirror(of component: ComponentID) -> State {
    var state = self
    state.components[component.index].mirror = nil
    return state
  }
}
