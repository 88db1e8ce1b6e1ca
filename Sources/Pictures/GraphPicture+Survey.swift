package import RequestTracing
internal import RolloutPlan
internal import SafetyChecks

extension GraphPicture {
  /// The live routes of one moment of a plan.
  package init(_ survey: Survey, title: String, subtitle: String = "") {
    let builder = GraphBuilder(survey)
    self.init(
      title: title, subtitle: subtitle, entries: builder.entries, components: builder.components,
      releases: builder.releases, edges: builder.edges())
  }
}

private struct GraphBuilder {
  let survey: Survey
  let plan: Plan
  private(set) var entries: [GraphPicture.Entry] = []
  private(set) var components: [GraphPicture.Component] = []
  private(set) var releases: [GraphPicture.Release] = []
  /// By version of the model: its place in the picture.
  private var places: [Int: GraphPicture.VersionRef] = [:]

  init(_ survey: Survey) {
    self.survey = survey
    plan = survey.model.plan
    entries = plan.exposures.map { exposure in
      let path = exposure.path == "/" ? "" : exposure.path
      let hosts = exposure.hosts.contains("*") ? [""] : exposure.hosts
      return GraphPicture.Entry(
        name: "port \(exposure.port)", detail: hosts.map { $0 + path }.joined(separator: ", "))
    }
    addComponents()
  }

  // MARK: - Boxes

  private mutating func addComponents() {
    let model = survey.model
    let copied = Set(survey.copies.map(\.version).filter { !survey.isAsked[$0] })
    var releaseOf: [Int: Int] = [:]
    for (r, release) in plan.releases.enumerated() {
      let isDrawn = model.versions.indices.contains { n in
        survey.replicas[n] != nil && plan[model.versions[n]].releases == [ReleaseID(r)]
      }
      guard isDrawn else { continue }
      releaseOf[r] = releases.count
      releases.append(GraphPicture.Release(name: release.name, color: r))
    }
    var placeOf: [Int: Int] = [:]
    for (c, component) in plan.components.enumerated() {
      var drawn = GraphPicture.Component(name: component.name)
      for (v, version) in component.versions.enumerated() {
        let n = model.firstVersion[c] + v
        guard let replicas = survey.replicas[n] else { continue }
        places[n] = GraphPicture.VersionRef(components.count, drawn.versions.count)
        let standing: GraphPicture.Standing =
          copied.contains(n) ? .copies : survey.isReached[n] ? .live : .dark
        let own = version.releases.count == 1 ? version.releases[0].index : nil
        drawn.versions.append(
          GraphPicture.Version(
            name: version.name, detail: detail(version, replicas, standing), standing: standing,
            release: own.flatMap { releaseOf[$0] }))
      }
      if drawn.versions.isEmpty { continue }
      placeOf[c] = components.count
      components.append(drawn)
    }
    for (c, place) in placeOf {
      let callees = Set(plan.components[c].versions.flatMap(\.calls)).sorted()
      components[place].calls = callees.compactMap { placeOf[$0.index] }
    }
  }

  /// `3 pods · http 8080`, `1 pod · no traffic`.
  private func detail(_ version: ComponentVersion, _ replicas: Int, _ standing: GraphPicture.Standing) -> String {
    let pods = replicas == 0 ? "no pods" : replicas == 1 ? "1 pod" : "\(replicas) pods"
    let rest =
      switch standing {
      case .live: version.ports.map { "\($0.proto.rawValue) \($0.number)" }.joined(separator: ", ")
      case .copies: "only copies"
      case .dark: "no traffic"
      }
    return rest.isEmpty ? pods : "\(pods) · \(rest)"
  }

  // MARK: - Arrows

  private struct Call: Hashable {
    var source: Flow.Source
    var callee: Int
    var port: Int
  }

  func edges() -> [GraphPicture.Edge] {
    var order: [Call] = []
    var calls: [Call: [Survey.Route]] = [:]
    for route in survey.routes {
      let flow = survey.model.flows[route.flow]
      let call = Call(source: flow.source, callee: flow.callee, port: flow.port)
      if calls[call] == nil { order.append(call) }
      calls[call, default: []].append(route)
    }
    // Of a callee with several ports, an arrow says which one it is for.
    var portCounts: [Call: Int] = [:]
    for call in order { portCounts[Call(source: call.source, callee: call.callee, port: 0), default: 0] += 1 }
    var edges: [GraphPicture.Edge] = []
    var seen: Set<GraphPicture.Edge> = []
    func draw(_ source: GraphPicture.Source, _ version: Int, _ label: String, _ kind: GraphPicture.Edge.Kind) {
      guard let place = places[version] else { return }
      let edge = GraphPicture.Edge(from: source, to: place, label: label, kind: kind)
      if seen.insert(edge).inserted { edges.append(edge) }
    }
    for call in order {
      guard let source = source(call.source), let routes = calls[call] else { continue }
      let isOneOfSeveral = portCounts[Call(source: call.source, callee: call.callee, port: 0)] != 1
      func add(_ version: Int, _ whose: String, _ kind: GraphPicture.Edge.Kind) {
        let port = isOneOfSeveral ? "port \(call.port)" : ""
        draw(source, version, [whose, port].filter { !$0.isEmpty }.joined(separator: ", "), kind)
      }
      // The rule of the first mark decides for who has several, so that each mark alone shows every rule.
      let special = routes.filter { survey.model.flows[$0.flow].cohort.selectors.count == 1 }
      let others = routes.first { survey.model.flows[$0.flow].cohort == .others }
      var isTold = false
      for route in special where route.answer.ways != others?.answer.ways {
        isTold = true
        let words = survey.model.flows[route.flow].cohort.selectors.map(\.words).joined()
        for way in route.answer.ways {
          guard case .version(let version) = way.end else { continue }
          let share = way.probability < 1 - 1e-9 ? ", \(percent(way.probability))" : ""
          add(version, words + share, .requests)
        }
      }
      guard let others else { continue }
      let sticky = stickyVersions(routes, others)
      for way in others.answer.ways {
        guard case .version(let version) = way.end else { continue }
        add(
          version,
          label(way.probability, call.source, isTold: isTold) + (sticky.contains(version) ? ", sticky" : ""), .requests)
      }
      for copy in others.answer.copies {
        add(copy.version, copy.probability < 1 ? "\(percent(copy.probability)) copied" : "copied", .copies)
      }
    }
    return edges
  }

  private func label(_ probability: Double, _ source: Flow.Source, isTold: Bool) -> String {
    if probability < 1 - 1e-9 { return percent(probability) + (isTold ? " of the rest" : "") }
    switch source {
    case .entry: return isTold ? "everybody else" : "everybody"
    case .caller: return isTold ? "everybody else" : ""
    }
  }

  /// Versions that keep a visitor by a cookie, once they have served one.
  private func stickyVersions(_ routes: [Survey.Route], _ others: Survey.Route) -> Set<Int> {
    guard others.answer.ways.count > 1 else { return [] }
    var kept: Set<Int> = []
    for route in routes where survey.model.flows[route.flow].cohort.sticky != nil && route.answer.ways.count == 1 {
      if case .version(let version) = route.answer.ways[0].end { kept.insert(version) }
    }
    return kept
  }

  private func source(_ source: Flow.Source) -> GraphPicture.Source? {
    switch source {
    case .entry(let e): .entry(e)
    case .caller(let version): places[version].map(GraphPicture.Source.version)
    }
  }
}
