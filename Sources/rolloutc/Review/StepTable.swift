import KubernetesModel
import Lowering
import RolloutPlan

/// The plan on one screen.
struct StepTable {
  let plan: Plan
  let compiled: Compiled
  let review: Review

  var text: String {
    var text = "plan \(plan.name), namespace \(plan.namespace)"
    if let environment = plan.environment { text += ", environment \(environment.name)" }
    text += "\n"
    for (index, step) in plan.steps.enumerated() {
      text += "\n\(index + 1)  \(oneLine(step.name))  (\(review.place(of: step)))\n"
      for (m, segment) in step.segments.enumerated() {
        for change in segment.changes { text += "     \(oneLine(change.text))\n" }
        text += summary(compiled.steps[index].segments[m])
        for observation in segment.observations { text += "     then \(review.words(of: observation))\n" }
      }
      for line in serving(step.after) { text += "   → \(oneLine(line))\n" }
      text += "   if it fails: \(failure(step))\n"
    }
    return text
  }

  /// `12 writes in 5 phases: 3 Deployment, …`.
  private func summary(_ segment: CompiledSegment) -> String {
    let writes = segment.phases.flatMap(\.writes)
    if writes.isEmpty { return "" }
    var created: [String] = []
    var updated: [String] = []
    var deleted: [String] = []
    var seen: Set<String> = []
    for write in writes {
      let name = write.id.description
      switch write.action {
      case .create: if seen.insert("+" + name).inserted { created.append(write.id.kind) }
      case .update: if !seen.contains("+" + name), seen.insert("~" + name).inserted { updated.append(write.id.kind) }
      case .delete: if seen.insert("-" + name).inserted { deleted.append(write.id.kind) }
      }
    }
    var parts: [String] = []
    if !created.isEmpty { parts.append("creates " + kinds(created)) }
    if !updated.isEmpty { parts.append("changes " + kinds(updated)) }
    if !deleted.isEmpty { parts.append("deletes " + kinds(deleted)) }
    return
      "     \(counted(writes.count, "write")) in \(counted(segment.phases.count, "phase")): \(parts.joined(separator: "; "))\n"
  }

  private func kinds(_ kinds: [String]) -> String {
    var order: [String] = []
    var counts: [String: Int] = [:]
    for kind in kinds {
      if counts[kind] == nil { order.append(kind) }
      counts[kind, default: 0] += 1
    }
    return order.map { "\(counts[$0] ?? 0) \($0)" }.joined(separator: ", ")
  }

  private func failure(_ step: Step) -> String {
    switch step.onFailure ?? plan.onFailure {
    case .hold: "hold where it stands"
    case .rollback: "roll back to the state before it"
    case .block: "run its `on failure` block"
    }
  }

  // MARK: - Who is served by what

  /// One line per kind of visitor of each exposed component: what serves them, hop by hop.
  private func serving(_ state: State) -> [String] {
    guard !state.components.isEmpty else { return ["nothing is served"] }
    let traffic = Traffic(plan: plan, state: state)
    var lines: [String] = []
    for exposure in plan.exposures {
      let component = state.components[exposure.component.index]
      guard let table = component.entry else {
        lines.append("\(plan[exposure.component].name): nobody is served")
        continue
      }
      func line(_ who: String, _ version: Int) {
        lines.append("\(who): \(path(VersionID(exposure.component, version), traffic, state))")
      }
      for rule in table.rules { line(visitors(rule.selector), rule.version) }
      let others = table.rules.isEmpty ? "everybody" : "everybody else"
      for share in table.shares { line("\(share.percent)% of \(others)", share.version) }
      let left = 100 - table.shares.reduce(0) { $0 + $1.percent }
      if !component.isPinned, component.deployed.count > 1 {
        for deployed in component.deployed { line("\(others), by turns", deployed.version) }
      } else if let fallback = table.fallback, left > 0 {
        line(table.shares.isEmpty ? others : "\(left)% of \(others)", fallback)
      }
      if let mirror = component.mirror {
        lines.append("\(mirror.percent)% is copied to \(name(VersionID(exposure.component, mirror.version)))")
      }
    }
    lines += inner(state)
    let dark = darkVersions(state, traffic)
    if !dark.isEmpty { lines.append("dark: \(dark.joined(separator: ", "))") }
    return lines
  }

  /// `reviews: v2 for requests with header end-user=jason, else v1`: where requests inside the mesh are told apart.
  private func inner(_ state: State) -> [String] {
    var lines: [String] = []
    let exposed = Set(plan.exposures.map(\.component.index))
    for (c, component) in state.components.enumerated() where !exposed.contains(c) {
      func version(_ index: Int) -> String { plan[VersionID(ComponentID(c), index)].name }
      for table in component.lanes where !table.rules.isEmpty || !table.shares.isEmpty {
        var parts = table.rules.map { "\(version($0.version)) for \(visitors($0.selector))" }
        parts += table.shares.map { "\(version($0.version)) for \($0.percent)%" }
        if let fallback = table.fallback { parts.append("else \(version(fallback))") }
        let line = "\(plan.components[c].name): \(parts.joined(separator: ", "))"
        if !lines.contains(line) { lines.append(line) }
      }
    }
    return lines
  }

  private func visitors(_ selector: Selector) -> String {
    switch selector {
    case .cookie(let key, let value): "visitors with cookie \(key)" + (value.map { "=\($0)" } ?? "")
    case .header(let key, let value): "requests with header \(key)=\(value)"
    case .headerMatches(let key, let pattern): "requests with header \(key) matching '\(pattern)'"
    }
  }

  private func name(_ version: VersionID) -> String { "\(plan[version.component].name) \(plan[version].name)" }

  /// `voting-app 1.0 → analytics 1.1 → storage 1.0`: every version that a visitor's request may reach, callers first;
  /// `reviews v1 or v2` where it may reach several of one component.
  private func path(_ entry: VersionID, _ traffic: Traffic, _ state: State) -> String {
    var order: [VersionID] = []
    var seen: Set<VersionID> = []
    var queue = [entry]
    while !queue.isEmpty {
      let version = queue.removeFirst()
      guard seen.insert(version).inserted else { continue }
      order.append(version)
      for callee in plan[version].calls {
        for target in traffic.targets(of: callee, for: version).sorted() { queue.append(VersionID(callee, target)) }
      }
    }
    var components: [ComponentID] = []
    var versions: [ComponentID: [Int]] = [:]
    for version in order {
      if versions[version.component] == nil { components.append(version.component) }
      versions[version.component, default: []].append(version.index)
    }
    return components.map { component in
      let names = (versions[component] ?? []).map { plan[VersionID(component, $0)].name }
      return "\(plan[component].name) \(names.joined(separator: " or "))"
    }.joined(separator: " → ")
  }

  private func darkVersions(_ state: State, _ traffic: Traffic) -> [String] {
    var dark: [String] = []
    for (c, component) in state.components.enumerated() {
      for deployed in component.deployed {
        let version = VersionID(ComponentID(c), deployed.version)
        if !traffic.reached.contains(version), !traffic.sources.contains(version) { dark.append(name(version)) }
      }
    }
    return dark
  }
}
