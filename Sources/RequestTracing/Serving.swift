package import Lowering
internal import MeshModel
internal import RolloutPlan
package import SafetyChecks

/// Who is served by what before a step and after it: kinds of visitors by components. Each row is a trace.
package struct Serving: Sendable {
  package struct Row: Hashable, Sendable {
    package var start: Start
    package var cohort: Cohort
    package var before: Served
    package var after: Served
  }

  package enum Start: Hashable, Sendable {
    /// Index into the plan's exposures.
    case exposure(Int)
    /// What runs without being asked, and what it calls.
    case unasked
  }

  /// By component: what answers, and which part of the calls.
  package typealias Served = [Int: [Part]]

  package struct Part: Hashable, Sendable {
    package enum End: Hashable, Sendable {
      case version(Int)
      /// `503 UH`
      case failure(String)
      case proxy(status: Int)
    }

    package var end: End
    /// Of the calls to this component.
    package var share: Double
  }

  /// For each start the cohorts that a rule tells apart, the rest of the visitors last.
  package private(set) var rows: [Row] = []
  /// Deployed after the step and reached by nothing, copies included.
  package private(set) var dark: [Int] = []
  /// After the step: versions that get copies of requests, be it beside requests or not.
  package private(set) var copies: [Answer.Copy] = []

  /// Does the writes of `step` in `mesh`, and compares.
  package init(_ step: CompiledStep, _ mesh: inout MeshSnapshot) {
    let before = mesh
    for segment in step.segments { for phase in segment.phases { mesh.apply(phase) } }
    let after = mesh
    let model = mesh.model
    let states = [step.segments.first?.before.state, step.segments.last?.after.state].compactMap(\.self)
    let cohorts = Serving.cohorts(states, model)
    for start in Serving.starts(model, before, after) {
      var known: [Cohort: Row] = [:]
      var special: [Row] = []
      for cohort in start == .unasked ? [.others] : cohorts {
        let row = Row(
          start: start, cohort: cohort, before: Serving.served(start, cohort, before),
          after: Serving.served(start, cohort, after))
        known[cohort] = row
        // Whoever is served like visitors with fewer marks is one of them.
        let isLikeFewer = cohort.withOneLess.contains { fewer in
          known[fewer].map { $0.before == row.before && $0.after == row.after } ?? false
        }
        if cohort != .others, !isLikeFewer { special.append(row) }
      }
      rows += special
      if let others = known[.others] { rows.append(others) }
    }
    let survey = Survey(after)
    dark = survey.dark
    copies = survey.copies
  }

  /// What serves visitors of a cohort, of all that come in by one start.
  package static func served(_ start: Start, _ cohort: Cohort, _ mesh: MeshSnapshot) -> Served {
    switch start {
    case .exposure(let e):
      let trace = Trace(TracedRequest(start: .exposure(e), headers: cohort.headers), in: mesh)
      return shares(of: trace, from: [:], mesh)
    case .unasked:
      var served: Served = [:]
      for version in mesh.model.sources {
        guard let replicas = mesh.replicas(of: version), replicas > 0 else { continue }
        let trace = Trace(TracedRequest(start: .version(version)), in: mesh)
        for (component, parts) in shares(of: trace, from: [version: Double(replicas)], mesh) {
          for part in parts { add(part, to: &served[component, default: []]) }
        }
      }
      return served.mapValues(normalised)
    }
  }

  private static func starts(_ model: FlowModel, _ meshes: MeshSnapshot...) -> [Start] {
    var starts = model.plan.exposures.indices.map(Start.exposure)
    if model.sources.contains(where: { version in meshes.contains { $0.replicas(of: version) ?? 0 > 0 } }) {
      starts.append(.unasked)
    }
    return starts
  }

  /// What the rules of these states tell apart: every set of marks for a few of them, each alone for many.
  private static func cohorts(_ states: [State], _ model: FlowModel) -> [Cohort] {
    var selectors: [Selector] = []
    var isSticky = false
    for state in states {
      for component in state.components {
        for table in component.lanes + [component.entry].compactMap(\.self) {
          for rule in table.rules where !selectors.contains(rule.selector) { selectors.append(rule.selector) }
          if table.shares.contains(where: { $0.stickyMilliseconds != nil }) { isSticky = true }
        }
      }
    }
    var cohorts =
      selectors.count <= 4
      ? Cohort.all(selectors).sorted { $0.selectors.count < $1.selectors.count }
      : [.others] + selectors.map { Cohort(selectors: [$0]) }
    if isSticky {
      for f in model.entryFlows {
        let cohort = model.flows[f].cohort
        if cohort.sticky != nil, !cohorts.contains(cohort) { cohorts.append(cohort) }
      }
    }
    return cohorts
  }

  // MARK: - Shares

  /// How the calls to each component divide over its versions. Versions are taken callers first; a call back, against
  /// that order, counts where it arrives and is not followed again.
  private static func shares(of trace: Trace, from start: [Int: Double], _ mesh: MeshSnapshot) -> Served {
    let model = mesh.model
    var hopsOf: [Int: [Trace.Hop]] = [:]
    var entries: [Trace.Hop] = []
    for hop in trace.hops {
      switch hop.source {
      case .entry: entries.append(hop)
      case .caller(let version): hopsOf[version, default: []].append(hop)
      }
    }
    var weights = start
    var served: Served = [:]
    // By which version visitors come in is what their cell says; who else calls that component is not about them.
    let entered = Set(entries.map(\.callee))
    func deliver(_ hop: Trace.Hop, _ weight: Double) {
      let end: Part.End
      var component = hop.callee
      switch hop.end {
      case .version(let version):
        weights[version, default: 0] += weight
        end = .version(version)
        // Of two components behind one port and path, one gets what was meant for the other.
        component = model.versions[version].component.index
        if case .caller = hop.source, entered.contains(component) { return }
      case .failure(let failure):
        // Nobody is missed where nothing is deployed.
        guard isDeployed(hop.callee, mesh) else { return }
        end = .failure(failure.short)
      case .proxy(let status): end = .proxy(status: status)
      case .outside:
        guard isDeployed(hop.callee, mesh) else { return }
        end = .failure("not found")
      }
      add(Part(end: end, share: weight), to: &served[component, default: []])
    }
    for (version, weight) in start {
      add(
        Part(end: .version(version), share: weight), to: &served[model.versions[version].component.index, default: []])
    }
    for hop in entries { deliver(hop, hop.probability) }
    let roots = entries.compactMap { hop in if case .version(let version) = hop.end { version } else { nil } }
    for version in callersFirst(roots + start.keys.sorted(), hopsOf) {
      guard let weight = weights[version], let hops = hopsOf[version] else { continue }
      for hop in hops { deliver(hop, weight * hop.probability) }
    }
    return served.mapValues(normalised)
  }

  /// Depth first, the last to finish first.
  private static func callersFirst(_ roots: [Int], _ hopsOf: [Int: [Trace.Hop]]) -> [Int] {
    var order: [Int] = []
    var seen: Set<Int> = []
    for root in roots where seen.insert(root).inserted {
      var path: [(version: Int, next: Int)] = [(root, 0)]
      while let top = path.last {
        let hops = hopsOf[top.version] ?? []
        guard top.next < hops.count else {
          order.append(top.version)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        if case .version(let target) = hops[top.next].end, seen.insert(target).inserted { path.append((target, 0)) }
      }
    }
    return order.reversed()
  }

  private static func isDeployed(_ component: Int, _ mesh: MeshSnapshot) -> Bool {
    mesh.model.plan.components[component].versions.indices.contains {
      mesh.replicas(of: mesh.model.firstVersion[component] + $0) != nil
    }
  }

  private static func add(_ part: Part, to parts: inout [Part]) {
    if let i = parts.firstIndex(where: { $0.end == part.end }) {
      parts[i].share += part.share
    } else {
      parts.append(part)
    }
  }

  /// Shares that add up to 1, versions in the order of the plan and faults behind them. Rounded, so that equal shares
  /// that were added up in another order are equal.
  private static func normalised(_ parts: [Part]) -> [Part] {
    let total = parts.reduce(0) { $0 + $1.share }
    let scaled = parts.map { Part(end: $0.end, share: total > 0 ? ($0.share / total * 1e6).rounded() / 1e6 : 0) }
    return scaled.sorted { a, b in
      switch (a.end, b.end) {
      case (.version(let x), .version(let y)): x < y
      case (.version, _): true
      case (_, .version): false
      case (.failure(let x), .failure(let y)): x < y
      case (.proxy(let x), .proxy(let y)): x < y
      case (.proxy, .failure): true
      case (.failure, .proxy): false
      }
    }
  }
}

extension Cohort {
  /// The cohorts that hold one mark less.
  fileprivate var withOneLess: [Cohort] {
    if sticky != nil { return [.others] }
    return selectors.indices.map(without(selectorAt:))
  }
}
