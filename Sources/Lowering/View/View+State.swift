package import RolloutPlan

extension Renderer {
  /// The view of `state`. Where the view of a neighbouring state is given, only components that the difference can
  /// touch are looked at again.
  package func view(of state: State, near neighbour: (state: State, view: View)? = nil) -> View {
    var view = View(components: Chunked())
    view.exists = state.exists
    view.mtls = state.exists ? state.mtls : nil
    let release = plan.defaultRelease(in: state)?.index

    if let neighbour, neighbour.view.components.count == components.count, neighbour.state.exists == state.exists,
      neighbour.state.mtls == state.mtls, neighbour.state.volumes == state.volumes,
      plan.defaultRelease(in: neighbour.state)?.index == release
    {
      view.components = neighbour.view.components
      let nothing = ComponentState()
      var isTouched = [Bool](repeating: false, count: components.count)
      for i in components.indices {
        let old = i < neighbour.state.components.count ? neighbour.state.components[i] : nothing
        let new = i < state.components.count ? state.components[i] : nothing
        if old == new { continue }
        isTouched[i] = true
        // The lanes of what it calls depend on which of its versions are there.
        if old.deployed != new.deployed { for callee in callees[i] { isTouched[callee] = true } }
      }
      for i in components.indices where isTouched[i] { view.components[i] = component(i, state, release) }
      return view
    }
    view.components = Chunked(components.indices.map { component($0, state, release) })
    return view
  }

  private func component(_ i: Int, _ state: State, _ release: Int?) -> ComponentView {
    let names = components[i]
    var view = ComponentView()
    view.hasGateway = state.exists && !names.exposures.isEmpty
    if !names.claims.isEmpty, !state.volumes.isEmpty {
      view.claims = names.claims.indices.filter { state.volumes.contains(names.claims[$0].name) }
    }
    guard i < state.components.count else { return view }
    let component = state.components[i]
    guard !component.deployed.isEmpty else { return view }

    view.workloads =
      names.isOrdered
      ? component.deployed
      : names.versionOrder.compactMap { version in component.deployed.first { $0.version == version } }
    guard !names.ports.isEmpty else { return view }
    view.tls = state.mtls
    view.subsets = view.workloads.map(\.version)
    // Without a rule clients go by the server's policy, and hear of a change at another time than it does; what `off`
    // leads from or to is the only pair that does not bear it.
    view.hasRule = component.isPinned || state.mtls == .off
    view.isMeshPinned = component.isPinned
    view.isEntryPinned = component.isPinned
    view.meshMirror = component.mirror
    view.entryMirror = component.mirror
    if let entry = component.entry, !entry.isEmpty, !names.exposures.isEmpty { view.entry = entry }
    view.ports = ports(names, component, view)
    view.lanePorts = view.ports
    let entered = plan.defaultRelease(of: ComponentID(i), component)?.index
    view.lanes = lanes(names, component, state, entered ?? release, view.ports)
    return view
  }

  /// The ports by which some version serves: a port that only a dark version has stays out of the Service, for no
  /// route would keep a caller of it away from that version.
  private func ports(_ names: ComponentNames, _ component: ComponentState, _ view: ComponentView) -> [Int] {
    if names.ports.count == 1 { return [0] }
    let deployed = component.deployed.map(\.version)
    let all = names.ports.indices.filter { p in deployed.contains { names.versions[$0].ports.contains(p) } }
    guard component.isPinned else { return all }
    let served = all.filter { p in
      let isHTTP = names.ports[p].isHTTP
      let fits = { (version: Int) in deployed.contains(version) && names.versions[version].ports.contains(p) }
      return component.lanes.contains { $0.leads(isHTTP: isHTTP, fits) }
        || component.entry?.leads(isHTTP: isHTTP, fits) == true
        // Copies of visitors' requests go to the port by which the version would take these.
        || isHTTP
          && component.mirror.map { fits($0.version) && names.versions[$0.version].entryPorts.contains(p) } == true
    }
    return served.isEmpty ? all : served
  }

  private func lanes(
    _ names: ComponentNames, _ component: ComponentState, _ state: State, _ release: Int?, _ ports: [Int]
  ) -> LaneList {
    var list = LaneList()
    let isSplit = names.standsInReleases && plan.hasReleases
    if isSplit {
      for (c, caller) in names.callers.enumerated() {
        let from = caller.id.component.index
        guard from < state.components.count, state.components[from].isDeployed(caller.id.index) else { continue }
        // A shared caller calls only what is the same in every release: the default is its lane.
        let releases = plan[caller.id].releases
        guard
          let table = releases.lazy.compactMap({ r in
            r.index < component.lanes.count && !component.lanes[r.index].isEmpty ? component.lanes[r.index] : nil
          }).first
        else {
          // Who sleeps calls nobody, and may get its lane back at once when it wakes.
          if state.components[from].deployment(of: caller.id.index)?.replicas != 0 { list.others.append(c) }
          continue
        }
        list.lanes.append(LaneList.Lane(caller: c, table: table))
      }
    }

    // In the order of preference; each port takes the first that leads to a version which has it.
    var uncovered = ports
    func offer(_ table: RouteTable) {
      if uncovered.isEmpty || table.isEmpty { return }
      let left = uncovered.filter { p in
        !table.leads(isHTTP: names.ports[p].isHTTP) { names.versions[$0].ports.contains(p) }
      }
      if left.count < uncovered.count {
        list.defaults.append(table)
        uncovered = left
      }
    }
    if isSplit {
      if let release, release < component.lanes.count { offer(component.lanes[release]) }
      for r in component.lanes.indices.reversed() where r != release { offer(component.lanes[r]) }
    } else {
      for table in component.lanes { offer(table) }
    }
    if !uncovered.isEmpty, let entry = component.entry { offer(entry) }
    if !uncovered.isEmpty, let mirror = component.mirror { offer(RouteTable(fallback: mirror.version)) }
    if !component.isPinned {
      // The Service alone decides, and serves by every version, also those that no table leads to. A transition that
      // begins to pin goes on with them until what it brings is ready.
      for sleeps in [false, true] {
        for deployed in component.deployed where (deployed.replicas == 0) == sleeps {
          offer(RouteTable(fallback: deployed.version))
        }
      }
    }
    return list
  }
}
