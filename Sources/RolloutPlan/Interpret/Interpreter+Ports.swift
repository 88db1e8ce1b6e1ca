import Diagnostics

/// Ports by which requests come, and the versions that they are led to.
extension Interpreter {
  /// Part of what is led to `version` comes by a port that it has not. A port of several may be one that nobody calls: a
  /// warning. Where none is left, `checkServedPorts` tells.
  func checkPorts(_ version: VersionID, _ statement: StepStatement, isForAll: Bool) {
    let component = version.component
    guard !taint.covers(component), let serving = currentTable(version)?.fallback, serving != version.index else {
      return
    }
    let ports = plan[version].ports.map(\.number)
    let old = plan[VersionID(component, serving)].ports
    guard let lost = old.first(where: { !ports.contains($0.number) }) else { return }
    if isForAll, Set(old.map(\.number)).isDisjoint(with: ports) { return }
    // Callers of the releases that the new version is in are to know its ports.
    let own = plan[version].releases
    for (c, caller) in plan.components.enumerated() where c < state.components.count {
      for deployed in state.components[c].deployed {
        let id = VersionID(ComponentID(c), deployed.version)
        let theirs = plan[id].releases
        guard plan[id].calls.contains(component), own.isEmpty || theirs.isEmpty || theirs.contains(where: own.contains)
        else { continue }
        report(
          .portLost(
            plan[component].name, plan[version].name, port: lost.number, isGone: false, isShare: !isForAll,
            serving: plan[VersionID(component, serving)].name, caller: "\(caller.name) \(plan[id].name)",
            at: statement.range, declared: lost.range))
        return
      }
    }
  }

  /// Who was served when this part of the step began, and stays, still finds a port by which it comes: callers, and
  /// visitors. Whoever begins in this part begins with what is there. One report for each component.
  func checkServedPorts(since start: State, _ traffic: Traffic, changes: [Change]) {
    guard !taint.everything, !state.components.isEmpty, let last = changes.last else { return }
    func cause(_ component: ComponentID) -> SourceRange {
      (changes.last { $0.components.contains(component) } ?? last).range
    }
    var said: Set<ComponentID> = []
    for (c, component) in plan.components.enumerated() {
      for (v, version) in component.versions.enumerated() where !version.calls.isEmpty {
        let caller = VersionID(ComponentID(c), v)
        // Whom nobody asks any more calls nobody; who has just begun dials what is there.
        let isAsked = traffic.reached.contains(caller) || traffic.sources.contains(caller)
        guard state.components[c].isServing(v), isAsked else { continue }
        let isNew = start.components.isEmpty || !start.components[c].isServing(v)
        for callee in version.calls where !said.contains(callee) && !taint.covers(callee) {
          if isNew {
            if hasUnlikePorts[callee.index] {
              dialedPorts[Call(caller: caller, callee: callee)] = ports(of: callee, for: caller)
            }
            continue
          }
          guard let lost = portLost(by: caller, of: callee, since: start) else { continue }
          said.insert(callee)
          report(
            .portLost(
              plan[callee].name, plan[lost.new].name, port: lost.port.number, isGone: lost.isLast,
              serving: plan[lost.old].name, caller: "\(component.name) \(version.name)", at: cause(callee),
              declared: lost.port.range))
        }
      }
    }
    for exposure in plan.exposures where !said.contains(exposure.component) && !taint.covers(exposure.component) {
      guard plan.components.indices.contains(exposure.component.index),
        let lost = entryPortLost(exposure, since: start), portlessEntries.insert(lost.new).inserted
      else { continue }
      said.insert(exposure.component)
      report(
        .entryPortGone(
          plan[exposure.component].name, plan[lost.new].name, port: exposure.port, speaks: lost.speaks,
          needs: lost.needs, serving: lost.old.map { plan[$0].name }, isForAll: lost.isForAll,
          other: plan[lost.new].ports.first { $0.proto == lost.needs }?.number,
          at: cause(exposure.component), exposed: exposure.range))
    }
  }

  private func portLost(
    by caller: VersionID, of callee: ComponentID, since start: State
  ) -> (port: Port, old: VersionID, new: VersionID, isLast: Bool)? {
    if let lost = dialedPortLost(by: caller, of: callee, since: start) { return lost }
    let (old, new) = (start.components[callee.index], state.components[callee.index])
    if old == new { return nil }
    let before = start.servers(of: callee, for: caller, in: plan)
    let after = state.servers(of: callee, for: caller, in: plan)
    if let lost = firstLost(callee, from: before, to: after, isPinned: old.isPinned) {
      return (lost.port, lost.old, lost.new, true)
    }
    // Of pinned ones each `route` tells. One port of several may be one that nobody calls.
    if old.isPinned || new.isPinned { return nil }
    let versions = plan[callee].versions
    let left = Set(after.flatMap { versions[$0].ports.map(\.number) })
    for version in before.sorted() {
      if let port = versions[version].ports.first(where: { !left.contains($0.number) }), let next = after.min() {
        return (port, VersionID(callee, version), VersionID(callee, next), false)
      }
    }
    return nil
  }

  /// The caller dials a port that was there whenever it called: one of these is to stay. Where two versions are open, each
  /// with a port of its own, the ports that are there do not tell that it came before one of them, and cannot mean it.
  private func dialedPortLost(
    by caller: VersionID, of callee: ComponentID, since start: State
  ) -> (port: Port, old: VersionID, new: VersionID, isLast: Bool)? {
    guard hasUnlikePorts[callee.index] else { return nil }
    let there = ports(of: callee, for: caller)
    if there.isEmpty { return nil }
    let call = Call(caller: caller, callee: callee)
    guard let dialed = dialedPorts[call] else {
      dialedPorts[call] = there
      return nil
    }
    let left = dialed.intersection(there)
    if left == dialed { return nil }
    dialedPorts[call] = left.isEmpty ? there : left
    guard left.isEmpty, let next = state.servers(of: callee, for: caller, in: plan).min() else { return nil }
    let versions = plan[callee].versions
    for version in start.servers(of: callee, for: caller, in: plan).sorted() + Array(versions.indices) {
      guard let port = versions[version].ports.first(where: { dialed.contains($0.number) }) else { continue }
      return (port, VersionID(callee, version), VersionID(callee, next), true)
    }
    return nil
  }

  /// The ports of `callee` at which `caller` finds somebody.
  private func ports(of callee: ComponentID, for caller: VersionID) -> Set<Int> {
    Set(state.servers(of: callee, for: caller, in: plan).flatMap { plan[callee].versions[$0].ports.map(\.number) })
  }

  /// Visitors of a line, and a version that they are led to and that does not understand them.
  private struct EntryPortLost {
    /// What they speak.
    var needs: PortProtocol
    /// What the version speaks instead; nil: it has no port for them.
    var speaks: PortProtocol?
    /// Who understood them when this part of the step began; nil: nobody did.
    var old: VersionID?
    var new: VersionID
    /// Nobody is left who understands them.
    var isForAll: Bool
  }

  private func entryPortLost(_ exposure: Exposure, since start: State) -> EntryPortLost? {
    let c = exposure.component.index
    let former = start.components.isEmpty ? nil : start.components[c]
    if former == state.components[c] { return nil }
    let serving = entryTargets(of: state.components[c])
    guard let first = serving.first else { return nil }
    let old = former.flatMap { entryTargets(of: $0).first { entryPort(of: $0, c, exposure) != nil } }
    let isPinned = state.components[c].isPinned
    let ruled = state.components[c].entry?.rules.map(\.version).filter(state.components[c].isServing) ?? []
    let led = serving + (isPinned ? ruled : [])
    let ports = led.map { (version: $0, proto: entryPort(of: $0, c, exposure)?.proto) }
    let understood = old.map { [$0] } ?? led + plan.components[c].versions.indices
    guard let needs = understood.lazy.compactMap({ self.entryPort(of: $0, c, exposure)?.proto }).first else {
      return nil
    }
    let isForAll = ports.allSatisfy { $0.proto.map { isForeign($0, to: needs) } ?? true }
    let stranger = ports.first { $0.proto.map { isForeign($0, to: needs) } ?? false }
    // Of open ones the Service knows who has the port; their route has that of the version that it leads to by itself.
    let fallback = state.components[c].entry?.fallback
    let portless =
      isForAll ? first : ports.first { $0.proto == nil && (isPinned || $0.version == fallback) }?.version
    guard let new = stranger?.version ?? portless else { return nil }
    return EntryPortLost(
      needs: needs, speaks: stranger?.proto, old: old.map { VersionID(exposure.component, $0) },
      new: VersionID(exposure.component, new), isForAll: isForAll)
  }

  /// What speaks only its own language. Any bytes pass a port of plain `tcp`, and what is encrypted looks alike.
  private func isForeign(_ proto: PortProtocol, to needs: PortProtocol) -> Bool {
    if proto.isHTTP { return (proto == .grpc) != (needs == .grpc) }
    let isOpaque = [.tls, .https].contains(proto) && [.tls, .https].contains(needs)
    return proto != needs && !isOpaque && proto != .tcp && needs != .tcp
  }

  /// A port of a version of `old` that has none in common with `new`. Where no route said who is to come to it, all must be
  /// so: a caller of several open versions may mean the one that stays.
  private func firstLost(
    _ callee: ComponentID, from old: Set<Int>, to new: Set<Int>, isPinned: Bool
  ) -> (port: Port, old: VersionID, new: VersionID)? {
    let versions = plan[callee].versions
    let ports = Set(new.flatMap { versions[$0].ports.map(\.number) })
    let lost = old.filter { version in !versions[version].ports.contains { ports.contains($0.number) } }
    guard let first = lost.min(), let next = new.min(), let port = versions[first].ports.first,
      isPinned || lost.count == old.count
    else { return nil }
    return (port, VersionID(callee, first), VersionID(callee, next))
  }

  /// The versions that visitors reach by no rule of their own.
  private func entryTargets(of component: ComponentState) -> [Int] {
    guard let entry = component.entry, !entry.isEmpty else { return [] }
    if !component.isPinned { return component.deployed.map(\.version).filter(component.isServing) }
    return entry.withoutRules.filter(component.isServing)
  }

  /// The port of a version that visitors of `exposure` are led to: the one of its number and kind, else the first of its kind.
  private func entryPort(of version: Int, _ c: Int, _ exposure: Exposure) -> Port? {
    let component = plan.components[c]
    let isTCP = exposure.isTCP(component)
    let ports = component.versions[version].ports.filter { $0.proto.isHTTP != isTCP }
    return ports.first { $0.number == exposure.port } ?? ports.first
  }
}

/// A version that calls a component.
package struct Call: Hashable, Sendable {
  package var caller: VersionID
  package var callee: ComponentID

  package init(caller: VersionID, callee: ComponentID) { (self.caller, self.callee) = (caller, callee) }
}

extension Component {
  /// Its versions do not all have the same ports.
  var hasUnlikePorts: Bool {
    let numbers = versions.map { Set($0.ports.map(\.number)) }
    return numbers.contains { $0 != numbers[0] }
  }
}

extension State {
  /// The versions of `callee` that `caller` may reach, and that have pods.
  fileprivate func servers(of callee: ComponentID, for caller: VersionID, in plan: Plan) -> Set<Int> {
    targets(of: callee, for: caller, in: plan).filter(components[callee.index].isServing)
  }
}

extension ComponentState {
  func isServing(_ version: Int) -> Bool { deployment(of: version)?.replicas ?? 0 > 0 }
}
