internal import RolloutPlan

extension TransitionBuilder {
  /// Versions that lose their last requests must be empty before they are stopped.
  mutating func addDrainedGates() {
    let left = left()
    if left.isEmpty { return }
    // The last phase but stopping itself that takes requests away; a route in doubt is taken back when the lanes open.
    let stop = stages.firstIndex(of: .stop)
    let takers: [PhaseKind] = [.openLanes, .switchInner, .switchEntry, .stopWorkloads, .closeLanes]
    guard let last = phases[..<(stop ?? phases.count)].lastIndex(where: { takers.contains($0.kind) }) else {
      if let stop { waitAlone(for: left, before: stop) }
      return
    }
    // Who takes the default of a callee from now on has no visitors any more, who would leave their release by it.
    if let detaching = stages[...last].firstIndex(of: .detach), detaching > 0 {
      let still = renderer.reached(in: renderer.view(a, b, after: .switchEntry, keepsVolumes: options.keepsVolumes))
      let isDone = { (version: VersionID) in still[version.component.index]?.contains(version.index) != true }
      wait(for: left.filter(isDone), after: detaching - 1)
      wait(for: left.filter { !isDone($0) }, after: last)
    } else {
      wait(for: left, after: last)
    }
  }

  /// Routes that lead to what leaves are given up with it, and nothing goes before. On a way back from pods that have just
  /// come this is a port that only they have.
  private mutating func waitAlone(for left: [VersionID], before stop: Int) {
    let reached = [a, perhaps].map(renderer.reached)
    let held = left.filter { version in
      reached.contains { $0[version.component.index]?.contains(version.index) == true }
    }
    if held.isEmpty { return }
    if stop > 0 { return wait(for: held, after: stop - 1) }
    // Nothing is written before: a phase that only waits.
    phases.insert(Phase(kind: .stopWorkloads, writes: [], gates: []), at: 0)
    stages.insert(.quit, at: 0)
    wait(for: held, after: 0)
  }

  private mutating func wait(for versions: [VersionID], after phase: Int) {
    if versions.isEmpty { return }
    let view = renderer.view(a, b, after: .quit, keepsVolumes: options.keepsVolumes)
    var (quiet, asked): ([WorkloadRef], [WorkloadRef]) = ([], [])
    for version in versions {
      if mayBeAsked(version, in: view) { asked.append(reference(version)) } else { quiet.append(reference(version)) }
    }
    phases[phase].gates.append(.drained(quiet, byTime: asked))
  }

  /// Something that runs, though no visitor comes by it, may ask this version as long as it runs.
  private func mayBeAsked(_ version: VersionID, in view: View) -> Bool {
    let (i, v) = (version.component.index, version.index)
    if view.components[i].mayEnter(by: v) { return true }
    if !view.components[i].mayReach(v) { return false }
    return renderer.components[i].callers.contains { caller in
      view.components[caller.id.component.index].workloads.contains {
        $0.version == caller.id.index && $0.replicas > 0
      } && renderer.lane(of: caller.id, into: i, view.components[i]).contains(v)
    }
  }

  private func reference(_ version: VersionID) -> WorkloadRef {
    let names = renderer.components[version.component.index]
    return WorkloadRef(app: names.service, version: names.versions[version.index].name)
  }

  /// Versions that requests may have reached, and reach no more.
  private func left() -> [VersionID] {
    // Nobody comes to what only a version calls that lost its last visitors, be its lanes as they were.
    let forsaken = forsaken()
    var left: [VersionID] = []
    for i in forsaken.isEmpty ? changing : renderer.callOrder {
      let (old, new, doubted) = (a.components[i], b.components[i], perhaps.components[i])
      for v in renderer.components[i].versionOrder {
        let isForsaken = forsaken[i]?.contains(v) == true
        if isForsaken || (old.mayReach(v) || doubted.mayReach(v)) && !new.mayReach(v) {
          left.append(VersionID(ComponentID(i), v))
        }
      }
    }
    return left
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
      } else if components[i].runsByItself {
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
  fileprivate func lane(of caller: VersionID, into callee: Int, _ view: ComponentView) -> Set<Int> {
    guard view.isMeshPinned, let lanes = view.lanes else { return Set(view.workloads.lazy.map(\.version)) }
    let names = components[callee]
    var targets: Set<Int> = []
    if let own = lanes.lanes.first(where: { names.callers[$0.caller].id == caller }) {
      // It dials no port that its release does not have.
      targets = own.table.targets
    } else {
      for p in view.lanePorts {
        let fits = { (version: Int) in names.versions[version].ports.contains(p) }
        guard let table = lanes.defaults.first(where: { $0.leads(isHTTP: names.ports[p].isHTTP, fits) }) else {
          continue
        }
        targets.formUnion(table.targets.filter(fits))
      }
    }
    if let mirror = view.meshMirror { targets.insert(mirror.version) }
    return targets
  }
}
