/// Which versions get traffic in a state: from the entries and from components that nobody calls, along `calls`.
package struct Traffic: Sendable {
  /// Versions that requests reach, mirrors included.
  package private(set) var reached: Set<VersionID> = []
  /// Versions that run without being asked; see ``Plan/byThemselves``.
  package private(set) var sources: Set<VersionID> = []

  private let plan: Plan
  private let state: State

  /// - Parameters:
  ///   - byThemselves: ``Plan/byThemselves``, where it is known.
  ///   - leaving: versions that are about to go: they send nothing any more.
  package init(plan: Plan, state: State, byThemselves: [Bool]? = nil, leaving: Set<VersionID> = []) {
    self.plan = plan
    self.state = state
    guard !state.components.isEmpty else { return }
    let isByItself = byThemselves ?? plan.byThemselves
    var isExposed = [Bool](repeating: false, count: plan.components.count)
    for exposure in plan.exposures where isExposed.indices.contains(exposure.component.index) {
      isExposed[exposure.component.index] = true
    }
    reached.reserveCapacity(plan.components.count * 2)
    var queue: [VersionID] = []
    for index in plan.components.indices {
      let id = ComponentID(index)
      let component = state.components[index]
      if isExposed[index], let entry = component.entry {
        component.visitTargets(of: entry) { queue.append(VersionID(id, $0)) }
      } else if isByItself[index] {
        for deployed in component.deployed where deployed.replicas > 0 {
          let version = VersionID(id, deployed.version)
          sources.insert(version)
          if !leaving.contains(version) { follow(version, &queue) }
        }
      }
    }
    while let version = queue.popLast() {
      guard reached.insert(version).inserted else { continue }
      if let mirror = state.components[version.component.index].mirror {
        queue.append(VersionID(version.component, mirror.version))
      }
      follow(version, &queue)
    }
  }

  private func follow(_ caller: VersionID, _ queue: inout [VersionID]) {
    guard plan.components.indices.contains(caller.component.index),
      plan.components[caller.component.index].versions.indices.contains(caller.index)
    else { return }
    for callee in plan.components[caller.component.index].versions[caller.index].calls {
      state.visitTargets(of: callee, for: caller, in: plan) { queue.append(VersionID(callee, $0)) }
    }
  }
}

extension State {
  /// What it says of those for whom no rule is: their shares, and the rest. Where only rules lead anywhere, whoever they
  /// are for is everybody. Nothing is copied.
  var forEverybody: State {
    func withoutRules(_ table: RouteTable) -> RouteTable {
      guard table.fallback != nil else { return table }
      var table = table
      table.rules = []
      return table
    }
    var state = self
    for c in state.components.indices {
      state.components[c].entry = components[c].entry.map(withoutRules)
      state.components[c].lanes = components[c].lanes.map(withoutRules)
      state.components[c].mirror = nil
    }
    return state
  }
}

extension Plan {
  /// By component: it runs without being asked. It is not exposed, and no version of another component calls it; or it is
  /// called in a ring alone, which nothing outside of the ring asks: then each of the ring is taken to begin by itself.
  /// O(components and calls).
  package var byThemselves: [Bool] {
    var callees = [[Int]](repeating: [], count: components.count)
    var isCalled = [Bool](repeating: false, count: components.count)
    for (c, component) in components.enumerated() {
      for version in component.versions {
        for callee in version.calls where callee.index != c {
          callees[c].append(callee.index)
          isCalled[callee.index] = true
        }
      }
    }
    var isAsked = [Bool](repeating: false, count: components.count)
    var queue: [Int] = []
    func ask(_ component: Int) {
      if isAsked[component] { return }
      isAsked[component] = true
      queue.append(component)
    }
    for exposure in exposures where isAsked.indices.contains(exposure.component.index) { ask(exposure.component.index) }
    let begins = components.indices.filter { !isCalled[$0] && !isAsked[$0] }
    for component in begins { ask(component) }
    while let component = queue.popLast() { for callee in callees[component] { ask(callee) } }
    var isByItself = isAsked.map { !$0 }
    for component in begins { isByItself[component] = true }
    return isByItself
  }
}

extension State {
  /// The versions of `callee` that `caller` may reach.
  func targets(of callee: ComponentID, for caller: VersionID, in plan: Plan) -> Set<Int> {
    var result: Set<Int> = []
    visitTargets(of: callee, for: caller, in: plan) { result.insert($0) }
    return result
  }

  /// The versions of `callee` that `caller` may reach, some perhaps twice.
  func visitTargets(of callee: ComponentID, for caller: VersionID, in plan: Plan, _ visit: (Int) -> Void) {
    let component = components[callee.index]
    for lane in laneIndices(of: callee, for: caller, in: plan) where component.lanes.indices.contains(lane) {
      component.visitTargets(of: component.lanes[lane], visit)
    }
  }

  /// The tables by which `caller` reaches `callee`.
  func tables(of callee: ComponentID, for caller: VersionID, in plan: Plan) -> [RouteTable] {
    let lanes = components[callee.index].lanes
    return laneIndices(of: callee, for: caller, in: plan).filter(lanes.indices.contains).map { lanes[$0] }
  }

  /// The lanes of `callee` that `caller` is in: those of its releases; the entry's release for a caller in none.
  private func laneIndices(of callee: ComponentID, for caller: VersionID, in plan: Plan) -> [Int] {
    guard plan.components[callee.index].versions.contains(where: { !$0.releases.isEmpty }) else { return [0] }
    let releases = plan.components[caller.component.index].versions[caller.index].releases
    if !releases.isEmpty { return releases.map(\.index) }
    let own = plan.defaultRelease(of: callee, components[callee.index])
    return (own ?? plan.defaultRelease(in: self)).map { [$0.index] } ?? []
  }
}

extension ComponentState {
  /// What is deployed has no replicas. Requests find nobody then, and go where they went before all the same.
  package var isAsleep: Bool { !deployed.isEmpty && deployed.allSatisfy { $0.replicas == 0 } }

  /// What a table leads to; every deployed version where the component is not pinned and Kubernetes balances.
  package func targets(of table: RouteTable) -> Set<Int> {
    var all: Set<Int> = []
    visitTargets(of: table) { all.insert($0) }
    return all
  }

  func visitTargets(of table: RouteTable, _ visit: (Int) -> Void) {
    if isPinned || table.isEmpty || isAsleep {
      table.visitTargets(visit)
    } else {
      for version in deployed where version.replicas > 0 { visit(version.version) }
    }
  }
}

extension Plan {
  /// The release that callers outside all releases are sent to: the one that the entry's default route leads to; before
  /// there is one, the first that is deployed.
  package func defaultRelease(in state: State) -> ReleaseID? {
    guard hasReleases, !state.components.isEmpty else { return nil }
    for exposure in exposures where state.components.indices.contains(exposure.component.index) {
      if let version = state.components[exposure.component.index].entry?.fallback,
        let release = self[VersionID(exposure.component, version)].releases.first(where: { isServed($0, state) })
          ?? self[VersionID(exposure.component, version)].releases.first
      {
        return release
      }
    }
    // A state that somebody has put together, and not the steps of a plan, says nothing of the order.
    return (state.releases + releases.indices).lazy.map { ReleaseID($0) }.first { isServed($0, state) }
  }

  /// Of a component that is exposed itself: the release that its own entry's default route leads to.
  package func defaultRelease(of component: ComponentID, _ state: ComponentState) -> ReleaseID? {
    guard exposure(of: component) != nil, let version = state.entry?.fallback else { return nil }
    return self[VersionID(component, version)].releases.first
  }

  func isServed(_ release: ReleaseID, _ state: State) -> Bool {
    self[release].members.contains { member in
      state.components.indices.contains(member.component.index)
        && state.components[member.component.index].lanes.indices.contains(release.index)
        && state.components[member.component.index].lanes[release.index].fallback != nil
    }
  }
}
