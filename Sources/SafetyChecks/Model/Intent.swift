internal import MeshModel
package import RolloutPlan

/// What states say about who is to reach what. Read from the states alone, not from any object. Several states: a run
/// that broke off in a phase stands between two, and may have been either.
package struct Intent: Sendable {
  private(set) var parts: [IntentOfState]

  package init(_ plan: Plan, _ states: State...) { parts = states.map { IntentOfState(plan, $0) } }

  init(_ parts: IntentOfState...) { self.parts = parts }

  /// What either says.
  func united(with other: Intent) -> Intent {
    var all = self
    all.parts += other.parts
    return all
  }

  /// Routes say who gets the requests of component `c`.
  func isPinned(_ c: Int) -> Bool { parts.contains { $0.component(c)?.isPinned == true } }

  /// Copies of requests are sent to this version.
  func mirrors(_ id: VersionID) -> Bool {
    parts.contains { $0.component(id.component.index)?.mirror?.version == id.index }
  }

  func keeps(volume: String) -> Bool { parts.contains { $0.state.volumes.contains(volume) } }

  /// The versions of the callee, by index in their component, that the states route `flow` to.
  package func targets(of flow: Flow, _ model: FlowModel) -> Set<Int> {
    var all: Set<Int> = []
    for part in parts { all.formUnion(part.targets(of: flow, model)) }
    return all
  }
}

/// What one state says. A class, so that what was found out about it can be kept under its identity.
final class IntentOfState: Sendable {
  let state: State
  /// The release that callers outside of all releases are sent to.
  let defaultRelease: Int?

  init(_ plan: Plan, _ state: State) {
    self.state = state
    defaultRelease = plan.defaultRelease(in: state)?.index
  }

  func component(_ c: Int) -> ComponentState? {
    state.components.indices.contains(c) ? state.components[c] : nil
  }

  /// The versions of the callee, by index in their component.
  func targets(of flow: Flow, _ model: FlowModel) -> Set<Int> {
    guard let component = component(flow.callee) else { return [] }
    let versions = model.plan.components[flow.callee].versions
    func fits(_ version: Int) -> Bool {
      guard versions.indices.contains(version) else { return false }
      return versions[version].ports.contains { port in
        flow.isEntry ? port.proto.isHTTP == flow.isHTTP : port.number == flow.port
      }
    }
    func targets(_ table: RouteTable) -> Set<Int> {
      if table.isEmpty { return [] }
      if !component.isPinned, !component.isAsleep {
        return Set(component.deployed.lazy.filter { $0.replicas > 0 && fits($0.version) }.map(\.version))
      }
      if flow.isHTTP, let rule = table.rules.first(where: { fits($0.version) && flow.cohort.meets($0.selector) }) {
        return [rule.version]
      }
      var all = Set(table.shares.lazy.filter { $0.percent > 0 }.map(\.version).filter(fits))
      if let fallback = table.fallback, fits(fallback),
        table.shares.reduce(0, { $0 + (fits($1.version) ? $1.percent : 0) }) < 100
      {
        all.insert(fallback)
      }
      return all
    }
    guard case .caller(let caller) = flow.source else { return component.entry.map(targets) ?? [] }

    let isSplit = model.plan.hasReleases && versions.contains { !$0.releases.isEmpty }
    guard isSplit else { return component.lanes.first.map(targets) ?? [] }
    let own = model.releases(of: caller)
    let entered = model.plan.defaultRelease(of: ComponentID(flow.callee), component)?.index
    let lanes = own.isEmpty ? (entered ?? defaultRelease).map { [$0] } ?? [] : own
    var all: Set<Int> = []
    for lane in lanes where component.lanes.indices.contains(lane) { all.formUnion(targets(component.lanes[lane])) }
    // A port that the default release has not is served by a release that has it.
    if all.isEmpty, own.isEmpty { for table in component.lanes { all.formUnion(targets(table)) } }
    return all
  }
}
