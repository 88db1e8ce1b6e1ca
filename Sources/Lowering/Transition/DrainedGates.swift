internal import RolloutPlan

extension TransitionBuilder {
  /// Versions that lose their last traffic must be empty before they are stopped: what requests only entered by when the
  /// entry has moved, what is called inside when the last caller has let go.
  mutating func addDrainedGates() {
    var entered: [WorkloadRef] = []
    var called: [WorkloadRef] = []
    // Nobody comes to what only a version calls that lost its last visitors, be its lanes as they were.
    let forsaken = forsaken()
    for i in forsaken.keys.sorted() {
      let names = renderer.components[i]
      for v in names.versionOrder where forsaken[i]?.contains(v) == true {
        called.append(WorkloadRef(app: names.service, version: names.versions[v].name))
      }
    }
    for i in changing where !a.components[i].workloads.isEmpty {
      let (old, new) = (a.components[i], b.components[i])
      let names = renderer.components[i]
      let doubted = perhaps.components[i]
      for v in names.versionOrder where old.mayReach(v) || doubted.mayReach(v) {
        if new.mayReach(v) || forsaken[i]?.contains(v) == true { continue }
        let version = WorkloadRef(app: names.service, version: names.versions[v].name)
        // Who is also called inside is empty only when the callers have let go, too.
        let isEntered = old.mayEnter(by: v) || doubted.mayEnter(by: v)
        if isEntered, names.callers.isEmpty { entered.append(version) } else { called.append(version) }
      }
    }
    // The last phase but stopping itself that takes requests away; a route in doubt is taken back when the lanes open.
    let end = phases[..<(stages.firstIndex(of: .stop) ?? phases.count)]
    let last = end.lastIndex {
      [.openLanes, .switchInner, .switchEntry, .stopWorkloads, .closeLanes].contains($0.kind)
    }
    let moved = end.lastIndex { $0.kind == .switchEntry } ?? last
    // One wait for what is drained at one time.
    if moved == last { (entered, called) = ([], entered + called) }
    if !entered.isEmpty, let moved { phases[moved].gates.append(.drained(entered)) }
    if !called.isEmpty, let last { phases[last].gates.append(.drained(called)) }
  }

  /// Versions by component that requests reached, and reach no more though some lane still leads there: all that called
  /// them is dark. O(versions) where an entry leaves a version, else O(components that change).
  private func forsaken() -> [Int: Set<Int>] {
    let leaves = changing.contains { i in
      renderer.components[i].versionOrder.contains { v in
        (a.components[i].mayEnter(by: v) || perhaps.components[i].mayEnter(by: v)) && !b.components[i].mayEnter(by: v)
      }
    }
    guard leaves, b.exists else { return [:] }
    var lost = renderer.reached(in: a)
    if !a.components.differences(from: perhaps.components).isEmpty {
      for (i, versions) in renderer.reached(in: perhaps) { lost[i, default: []].formUnion(versions) }
    }
    for (i, versions) in renderer.reached(in: b) { lost[i]?.subtract(versions) }
    // What no lane leads to either is found beside its component.
    for i in lost.keys { lost[i]?.formIntersection(b.components[i].targets) }
    return lost.filter { !$0.value.isEmpty }
  }
}

extension Renderer {
  /// The versions, by component, that requests reach in `view`: from the entries, from what runs by itself, and on along
  /// the lanes of whoever is reached; copies too.
  fileprivate func reached(in view: View) -> [Int: Set<Int>] {
    var reached: [Int: Set<Int>] = [:]
    var queue: [(component: Int, version: Int)] = []
    func visit(_ component: Int, _ versions: Set<Int>) {
      for version in versions where reached[component, default: []].insert(version).inserted {
        queue.append((component, version))
      }
    }
    for i in components.indices {
      let component = view.components[i]
      if component.entry != nil {
        visit(i, component.entryTargets)
      } else if components[i].callers.isEmpty, components[i].exposures.isEmpty {
        visit(i, Set(component.workloads.lazy.filter { $0.replicas > 0 }.map(\.version)))
      }
    }
    while let (component, version) = queue.popLast() {
      for callee in plan.components[component].versions[version].calls.map(\.index) {
        visit(callee, lane(of: VersionID(ComponentID(component), version), into: callee, view.components[callee]))
      }
    }
    return reached
  }

  /// Where a caller is led.
  private func lane(of caller: VersionID, into callee: Int, _ view: ComponentView) -> Set<Int> {
    guard view.isMeshPinned, let lanes = view.lanes else { return Set(view.workloads.lazy.map(\.version)) }
    let callers = components[callee].callers
    var targets =
      lanes.lanes.first { callers[$0.caller].id == caller }.map(\.table.targets)
      ?? lanes.defaults.reduce(into: Set()) { $0.formUnion($1.targets) }
    if let mirror = view.meshMirror { targets.insert(mirror.version) }
    return targets
  }
}
