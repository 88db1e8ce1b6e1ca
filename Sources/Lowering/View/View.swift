package import RolloutPlan

/// Exactly the facts that objects depend on. Between a `State` and its objects stands a view, and every configuration
/// in the middle of a transition is a view too, combined from those of its two ends.
package struct View: Hashable, Sendable {
  /// The namespace and the manifests exist.
  package var exists = false
  /// The mode of the PeerAuthentication; nil where there is none.
  package var mtls: MTLSMode?
  /// Indexed by `ComponentID.index`.
  package var components: Chunked<ComponentView>
}

/// What the objects of one component depend on. Versions, ports, claims and callers are indices into the renderer's
/// tables, in the order in which they are emitted.
package struct ComponentView: Hashable, Sendable {
  /// The ports of the Service; none: no Service.
  package var ports: [Int] = []
  package var claims: [Int] = []
  package var hasGateway = false
  package var workloads: [DeployedVersion] = []
  /// The subsets of the DestinationRule.
  package var subsets: [Int] = []
  package var hasRule = false
  package var tls: MTLSMode?
  /// Who is led where inside the mesh; kept also while nothing is pinned, for what a transition makes of it.
  package var lanes: LaneList?
  /// The ports that the lanes are for: those of the Service, but for a port that is about to leave it. Lanes may lead to
  /// a version that has that port too, and the Service has it still, so that neither says when its route ends.
  package var lanePorts: [Int] = []
  package var isMeshPinned = false
  package var meshMirror: Mirror?
  package var entry: RouteTable?
  /// Entry routes name a subset; without it they lead to the Service.
  package var isEntryPinned = false
  package var entryMirror: Mirror?

  package init() {}

  /// Every version that may get requests, mirrored ones too.
  package var targets: Set<Int> {
    var all = entryTargets
    if isMeshPinned, let lanes {
      for lane in lanes.lanes { all.formUnion(lane.table.targets) }
      for table in lanes.defaults { all.formUnion(table.targets) }
    } else {
      all.formUnion(running)
    }
    if let meshMirror { all.insert(meshMirror.version) }
    return all
  }

  /// Whether `version` is one of ``targets``.
  func mayReach(_ version: Int) -> Bool {
    if mayEnter(by: version) || meshMirror?.version == version { return true }
    guard isMeshPinned, let lanes else { return hasPods(version) }
    return lanes.lanes.contains { $0.table.leads(to: version) } || lanes.defaults.contains { $0.leads(to: version) }
  }

  /// Whether `version` is one of ``entryTargets``.
  func mayEnter(by version: Int) -> Bool {
    guard let entry else { return false }
    if entryMirror?.version == version { return true }
    return isEntryPinned ? entry.leads(to: version) : hasPods(version)
  }

  /// Every version that requests may enter by.
  package var entryTargets: Set<Int> {
    guard let entry else { return [] }
    var all = isEntryPinned ? entry.targets : Set(running)
    if let entryMirror { all.insert(entryMirror.version) }
    return all
  }

  /// Whether `version` has pods, or is to have some.
  func hasPods(_ version: Int) -> Bool { workloads.contains { $0.version == version && $0.replicas > 0 } }

  /// What a Service without routes leads to.
  var running: some Sequence<Int> { workloads.lazy.filter { $0.replicas > 0 }.map(\.version) }
}

/// What the VirtualService of a mesh host says: one table per caller version, and the explicit default behind them.
package struct LaneList: Hashable, Sendable {
  package struct Lane: Hashable, Sendable {
    /// Index into the callers of the component.
    package var caller: Int
    package var table: RouteTable
  }

  /// Sorted by caller.
  package var lanes: [Lane] = []
  /// For each port, the first of these that leads to a version with that port.
  package var defaults: [RouteTable] = []
  /// Deployed callers without a table of their own: they take the default.
  package var others: [Int] = []
}
