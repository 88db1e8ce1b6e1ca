package import RolloutPlan

extension TransitionBuilder {
  /// Versions that lose their last requests must be empty before they are stopped.
  mutating func addDrainedGates() {
    let left = left()
    if left.isEmpty { return }
    // What nobody in the plan calls stops first, and may be called from outside all the same.
    if let quit = stages.firstIndex(of: .quit), let last = lastTaker(before: quit) {
      wait(for: left.filter(quits), after: last)
    }
    let rest = left.filter { !quits($0) }
    if rest.isEmpty { return }
    let stop = stages.firstIndex(of: .stop)
    guard let last = lastTaker(before: stop ?? phases.count) else {
      if let stop { waitAlone(for: rest, before: stop) }
      return
    }
    guard let detaching = stages[...last].firstIndex(of: .detach), detaching > 0 else {
      return wait(for: rest, after: last)
    }
    // Who takes the default of a callee from now on has no visitors any more, who would leave their release by it.
    let (before, after) = (view(after: stages[detaching - 1]), view(after: .detach))
    let still = renderer.reached(in: before)
    wait(for: rest.filter { !still.contains($0) }, after: detaching - 1)
    wait(
      for: rest.filter { still.contains($0) || isAsked($0, in: before) && !isAsked($0, in: after) }, after: last)
  }

  /// The last phase before number `end`, but stopping itself, that takes requests away; a route in doubt is taken back when
  /// the lanes open.
  private func lastTaker(before end: Int) -> Int? {
    stages[..<end].lastIndex { [.open, .switchInner, .switchEntry, .detach, .quit].contains($0) }
  }

  /// It stops with what runs by itself.
  private func quits(_ version: VersionID) -> Bool {
    let (i, v) = (version.component.index, version.index)
    return renderer.components[i].isUncalled && !b.components[i].hasPods(v)
  }

  /// Routes that lead to what leaves are given up with it, and nothing goes before. On a way back from pods that have just
  /// come this is a port that only they have.
  private mutating func waitAlone(for left: [VersionID], before stop: Int) {
    let reached = starts.map { renderer.reached(in: $0) }
    let held = left.filter { version in reached.contains { $0.contains(version) } }
    if held.isEmpty { return }
    if stop > 0 { return wait(for: held, after: stop - 1) }
    // Nothing is written before: a phase that only waits.
    phases.insert(Phase(kind: .stopWorkloads, writes: [], gates: []), at: 0)
    stages.insert(.quit, at: 0)
    wait(for: held, after: 0)
  }

  private mutating func wait(for versions: [VersionID], after phase: Int) {
    if versions.isEmpty { return }
    let view = view(after: stages[phase])
    var (quiet, asked): ([WorkloadRef], [WorkloadRef]) = ([], [])
    for version in versions {
      if mayBeAsked(version, in: view) { asked.append(reference(version)) } else { quiet.append(reference(version)) }
    }
    phases[phase].gates.append(.drained(quiet, byTime: asked))
  }

  /// Something that runs, though no visitor comes by it, may ask this version as long as it runs. Where visitors came in they
  /// are looked for all the same.
  private func mayBeAsked(_ version: VersionID, in view: View) -> Bool {
    let (i, v) = (version.component.index, version.index)
    let component = view.components[i]
    if component.mayEnter(by: v) { return true }
    if !component.mayReach(v) || starts.contains(where: { $0.components[i].mayEnter(by: v) }) { return false }
    return isAsked(version, in: view)
  }

  /// Some caller that has pods is led there.
  private func isAsked(_ version: VersionID, in view: View) -> Bool {
    let (i, v) = (version.component.index, version.index)
    let component = view.components[i]
    return renderer.components[i].callers.contains { caller in
      guard view.components[caller.id.component.index].hasPods(caller.id.index) else { return false }
      var isLed = false
      renderer.visitLane(of: caller.id, into: i, component) { if $0 == v { isLed = true } }
      return isLed
    }
  }

  private func reference(_ version: VersionID) -> WorkloadRef {
    let names = renderer.components[version.component.index]
    return WorkloadRef(app: names.service, version: names.versions[version.index].name)
  }

  private func view(after stage: Stage) -> View {
    renderer.view(a, b, after: stage, keepsVolumes: options.keepsVolumes)
  }

  /// Versions that requests may have reached, and reach no more, and that have pods which requests may be with.
  private func left() -> [VersionID] {
    // Nobody comes to what only a version calls that lost its last visitors, be its lanes as they were.
    let forsaken = forsaken()
    var left: [VersionID] = []
    for i in forsaken == nil ? changing : renderer.callOrder {
      let names = renderer.components[i]
      if names.ports.isEmpty { continue }
      let new = b.components[i]
      let evicted = names.evicted(a.components[i].workloads, new.workloads)
      for v in names.versionOrder {
        let isLost =
          new.mayReach(v)
          ? forsaken?.contains(VersionID(ComponentID(i), v)) == true
          : starts.contains { $0.components[i].mayReach(v) }
        if isLost, !evicted.contains(v), starts.contains(where: { $0.components[i].hasPods(v) }) {
          left.append(VersionID(ComponentID(i), v))
        }
      }
    }
    return left
  }

  /// Versions that requests reached, and reach no more, whatever lanes still lead there: all that called them is dark, or
  /// gone. Nil where nobody leaves from whom others had their requests. O(versions) where somebody does, else O(components
  /// that change).
  private func forsaken() -> Reached? {
    let leaves = changing.contains { i in
      let (names, new) = (renderer.components[i], b.components[i])
      return names.versionOrder.contains { v in
        starts.contains { $0.components[i].mayEnter(by: v) } && !new.mayEnter(by: v)
          || names.runsByItself && !new.hasPods(v) && starts.contains { $0.components[i].hasPods(v) }
      }
    }
    guard leaves, b.exists else { return nil }
    var lost = renderer.reached(in: a)
    for view in starts.dropFirst() where !a.components.differences(from: view.components).isEmpty {
      lost.formUnion(renderer.reached(in: view))
    }
    lost.subtract(renderer.reached(in: b))
    return lost
  }
}

/// A set of versions.
package struct Reached: Sendable {
  /// By component: the place of its first version.
  private var first: [Int] = []
  private var flags: [Bool]

  fileprivate init(_ renderer: Renderer) {
    var count = 0
    for names in renderer.components {
      first.append(count)
      count += names.versions.count
    }
    flags = [Bool](repeating: false, count: count)
  }

  package func contains(_ version: VersionID) -> Bool { flags[first[version.component.index] + version.index] }

  /// - Returns: whether it was not there.
  fileprivate mutating func insert(_ component: Int, _ version: Int) -> Bool {
    let place = first[component] + version
    if flags[place] { return false }
    flags[place] = true
    return true
  }

  fileprivate mutating func formUnion(_ other: Reached) {
    for i in flags.indices where other.flags[i] { flags[i] = true }
  }

  fileprivate mutating func subtract(_ other: Reached) {
    for i in flags.indices where other.flags[i] { flags[i] = false }
  }
}

extension Renderer {
  /// The versions that requests reach in `view`: from the entries, from what runs by itself, and on along the lanes of
  /// whoever is reached; copies too.
  ///
  /// - Parameter seeds: only what is reached by way of these, and they themselves; nil: from all that requests come to.
  package func reached(in view: View, from seeds: [VersionID]? = nil) -> Reached {
    var reached = Reached(self)
    var queue: [VersionID] = []
    func visit(_ component: Int, _ version: Int) {
      if reached.insert(component, version) { queue.append(VersionID(ComponentID(component), version)) }
    }
    for seed in seeds ?? [] { visit(seed.component.index, seed.index) }
    for i in components.indices where seeds == nil {
      if view.components[i].entry != nil {
        for version in view.components[i].entryTargets { visit(i, version) }
      } else if components[i].runsByItself {
        for workload in view.components[i].workloads where workload.replicas > 0 { visit(i, workload.version) }
      }
    }
    while let version = queue.popLast() {
      for callee in plan[version].calls {
        visitLane(of: version, into: callee.index, view.components[callee.index]) { visit(callee.index, $0) }
      }
    }
    return reached
  }

  /// Where a caller is led; some versions perhaps twice.
  fileprivate func visitLane(
    of caller: VersionID, into callee: Int, _ view: ComponentView, _ visit: (Int) -> Void
  ) {
    guard view.isMeshPinned, let lanes = view.lanes else {
      for version in view.running { visit(version) }
      return
    }
    let names = components[callee]
    if let own = lanes.lanes.first(where: { names.callers[$0.caller].id == caller }) {
      // It dials no port that its release does not have.
      own.table.visitTargets(visit)
    } else {
      for p in view.lanePorts {
        let fits = { (version: Int) in names.versions[version].ports.contains(p) }
        guard let table = lanes.defaults.first(where: { $0.leads(isHTTP: names.ports[p].isHTTP, fits) }) else {
          continue
        }
        table.visitTargets { if fits($0) { visit($0) } }
      }
    }
    if let mirror = view.meshMirror { visit(mirror.version) }
  }
}
