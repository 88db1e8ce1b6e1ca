internal import RolloutPlan

/// The configurations that a transition passes through, from A to B. Each is the one before it with a few objects
/// written; what is written where is what keeps every request on its way.
package enum Stage: Int, Comparable, CaseIterable, Sendable {
  case start, establish, prepare, widen, open, free, run, switchInner, switchEntry
  /// Who stays, and whose own release has no version of a callee any more, takes the callee's default when no visitor
  /// comes by it.
  case detach
  /// Versions that nobody calls, and that leave, stop before what they call: they send requests as long as they run.
  case quit
  case stop
  /// Lanes go after the pods that they are for, and are there as long as any of these may send something. With
  /// `routing open` a component that is no longer pinned loses all routes only now: no pod of a version is left that
  /// requests must not reach.
  case close, narrow
  case remove, tighten

  package static func < (a: Stage, b: Stage) -> Bool { a.rawValue < b.rawValue }

  var kind: PhaseKind {
    switch self {
    case .start, .establish: .establish
    case .prepare: .prepare
    case .widen: .widenSubsets
    case .open: .openLanes
    case .free: .freeVolumes
    case .run: .startWorkloads
    case .switchInner: .switchInner
    case .switchEntry: .switchEntry
    case .detach, .close: .closeLanes
    case .narrow: .narrowSubsets
    case .quit, .stop: .stopWorkloads
    case .remove: .remove
    case .tighten: .tighten
    }
  }
}

/// The objects of a component, by what they depend on.
struct Parts: OptionSet {
  let rawValue: UInt8

  static let claims = Parts(rawValue: 1)
  static let service = Parts(rawValue: 2)
  static let gateway = Parts(rawValue: 4)
  static let rule = Parts(rawValue: 8)
  static let mesh = Parts(rawValue: 16)
  static let entry = Parts(rawValue: 32)
  static let workloads = Parts(rawValue: 64)
  static let all = Parts(rawValue: 127)
}

extension ComponentNames {
  /// The configuration of this component after `stage` of a transition from `a` to `b`.
  func between(_ a: ComponentView, _ b: ComponentView, after stage: Stage, keepsVolumes: Bool) -> ComponentView {
    var view = a
    advance(&view, a, b, to: stage, keepsVolumes: keepsVolumes)
    return view
  }

  /// Makes of `view`, which is `a` or the configuration after an earlier stage, the one after `stage`. What only other
  /// parts than `parts` depend on may be left as it is.
  func advance(
    _ view: inout ComponentView, _ a: ComponentView, _ b: ComponentView, to stage: Stage, keepsVolumes: Bool,
    parts: Parts = .all
  ) {
    if stage >= .prepare, !parts.isDisjoint(with: [.claims, .service, .gateway]) {
      let isLast = stage >= .remove
      view.ports = isLast ? b.ports : union(a.ports, b.ports)
      view.claims = isLast && !keepsVolumes ? b.claims : union(a.claims, b.claims)
      view.hasGateway = isLast ? b.hasGateway : a.hasGateway || b.hasGateway
    }
    if stage >= .widen, parts.contains(.rule) {
      view.subsets = stage >= .narrow ? b.subsets : ordered(a.subsets, b.subsets)
      view.hasRule = stage >= .narrow ? b.hasRule : a.hasRule || b.hasRule
      // A rule that only waits for its removal goes on as it was.
      if !b.workloads.isEmpty { view.tls = b.tls }
    }
    if stage >= .open {
      // From the first new pod to the last old one, whatever is pinned at one end is pinned.
      let isPinned = stage < .close
      view.isMeshPinned = isPinned ? a.isMeshPinned || b.isMeshPinned : b.isMeshPinned
      view.isEntryPinned = isPinned ? a.isEntryPinned || b.isEntryPinned : b.isEntryPinned
      if parts.contains(.mesh) {
        view.lanes =
          stage >= .close
          ? b.lanes
          : stage >= .detach
            ? joined(b.lanes, a.lanes)
            : stage >= .switchInner
              ? joined(b.lanes, a.lanes, lastToGo: evicted(a.workloads, b.workloads)) : joined(a.lanes, b.lanes)
        view.lanePorts = stage >= .close ? b.lanePorts : union(a.lanePorts, b.lanePorts)
      }
    }
    if stage >= .free, parts.contains(.workloads), a.workloads != b.workloads {
      if stage >= .remove {
        view.workloads = b.workloads
      } else {
        let evicted = evicted(a.workloads, b.workloads)
        let standing =
          stage >= .run
          ? workloads(
            a.workloads, b.workloads, isQuitting: stage >= .stop || stage >= .quit && isUncalled,
            isStopping: stage >= .stop) : a.workloads
        view.workloads =
          evicted.isEmpty
          ? standing
          : standing.map { evicted.contains($0.version) ? DeployedVersion(version: $0.version, replicas: 0) : $0 }
      }
    }
    if stage >= .switchInner { view.meshMirror = b.meshMirror }
    if stage >= .switchEntry {
      view.entry = b.entry
      view.entryMirror = b.entryMirror
    }
  }

  /// Every caller of either; where both have it, what the first one says of it, be it nothing but the default. Defaults:
  /// the first one's, then the second's for ports that the first has not.
  ///
  /// A caller that has a lane in the second and only the default in the first loses what its own release has here. With
  /// `lastToGo` it keeps its lane all the same, but for one to these versions, which are gone already: as long as the
  /// entry leads to that release, requests come by way of this caller, and the default would take them out of it.
  private func joined(_ first: LaneList?, _ second: LaneList?, lastToGo gone: Set<Int>? = nil) -> LaneList? {
    guard let first else { return second }
    guard let second, first != second else { return first }
    var list = LaneList()
    list.others = first.others
    var i = 0
    var j = 0
    while i < first.lanes.count || j < second.lanes.count {
      if j == second.lanes.count || (i < first.lanes.count && first.lanes[i].caller <= second.lanes[j].caller) {
        if j < second.lanes.count, second.lanes[j].caller == first.lanes[i].caller { j += 1 }
        list.lanes.append(first.lanes[i])
        i += 1
      } else {
        let lane = second.lanes[j]
        if !first.others.contains(lane.caller) {
          list.lanes.append(lane)
        } else if let gone, gone.isDisjoint(with: lane.table.targets) {
          list.lanes.append(lane)
          list.others.removeAll { $0 == lane.caller }
        }
        j += 1
      }
    }
    list.defaults = first.defaults
    for table in second.defaults where !list.defaults.contains(table) { list.defaults.append(table) }
    return list
  }

  /// Versions that end in `b` while another one that mounts the same volume begins: the volume is for one pod at a time.
  func evicted(_ a: [DeployedVersion], _ b: [DeployedVersion]) -> Set<Int> {
    if claims.isEmpty { return [] }
    func isRunning(_ version: Int, _ workloads: [DeployedVersion]) -> Bool {
      workloads.contains { $0.version == version && $0.replicas > 0 }
    }
    let taken = Set(
      versionOrder.filter { isRunning($0, b) && !isRunning($0, a) }.flatMap { versions[$0].claims })
    return Set(
      versionOrder.filter { isRunning($0, a) && !isRunning($0, b) && !taken.isDisjoint(with: versions[$0].claims) })
  }

  /// Nobody calls it, from inside or from outside, be it another one of a ring that runs by itself.
  var isUncalled: Bool { callers.isEmpty && exposures.isEmpty }

  private func workloads(
    _ a: [DeployedVersion], _ b: [DeployedVersion], isQuitting: Bool, isStopping: Bool
  ) -> [DeployedVersion] {
    if a == b { return a }
    return versionOrder.compactMap { version in
      let old = a.first { $0.version == version }
      let new = b.first { $0.version == version }
      switch (old, new) {
      case (nil, nil): return nil
      case (let old?, nil): return DeployedVersion(version: version, replicas: isQuitting ? 0 : old.replicas)
      case (nil, let new?): return new
      case (let old?, let new?):
        let ends = isStopping || isQuitting && new.replicas == 0
        return DeployedVersion(version: version, replicas: ends ? new.replicas : max(old.replicas, new.replicas))
      }
    }
  }

  private func ordered(_ a: [Int], _ b: [Int]) -> [Int] {
    a == b ? a : versionOrder.filter { a.contains($0) || b.contains($0) }
  }

  private func union(_ a: [Int], _ b: [Int]) -> [Int] {
    if a == b || b.isEmpty { return a }
    if a.isEmpty { return b }
    return (a + b.filter { !a.contains($0) }).sorted()
  }
}
