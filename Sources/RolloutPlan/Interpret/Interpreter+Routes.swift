import Diagnostics
import RegularExpressions
internal import RolloutSyntax

/// Routes, shares, mirrors and shifts.
extension Interpreter {
  func route(_ component: ComponentID, _ selector: RouteSelector, _ version: VersionID, _ statement: StepStatement)
    -> Bool
  {
    begin()
    guard mayBeLedTo(version, statement) else { return false }
    openShifts[component] = nil
    if case .selected = selector {
    } else {
      checkPorts(version, statement, isForAll: selector.isForEverybody)
    }
    let reported = diagnostics.count
    let c = component.index
    let exposure = plan.exposure(of: component)
    let isExposed = exposure != nil
    if case .selected(let visitor) = selector, exposure?.isTCP(plan[component]) ?? true, !taint.covers(component) {
      report(
        .innerVisitorRoute(
          plan[component].name, isCookie: visitor.isCookie,
          isCalled: plan.callers(of: component).contains { $0 != component }, takesConnections: isExposed,
          at: statement.range))
    }
    let inRelease = standsInReleases(component)
    var changed = !state.components[c].isPinned
    state.components[c].isPinned = true
    if isExposed {
      if case .selected = selector { checkSurrounded(component, statement) }
      var table = state.components[c].entry ?? RouteTable()
      let before = table
      changed = apply(selector, version, to: &table, statement, isFirst: true) || changed
      if case .percent(let percent) = selector, percent > 0, let kept = before.keptByNone(in: table) {
        let old = before.shares.first { $0.version == version.index }?.percent ?? 0
        reportDropped(kept, version) { component, version, duration in
          .stickyDropped(
            component, version, duration: duration,
            shift: percent > old
              ? "shift \(component) -> \(version) through \(percent)% every 10m sticky for \(duration)" : nil,
            at: statement.range)
        }
      }
      state.components[c].entry = table
      if !inRelease {
        // Callers inside the mesh are routed like visitors.
        state.components[c].lanes[0] = table.withoutStickiness
      } else if selector.isForEverybody {
        for lane in lanes(of: version) where state.components[c].lanes[lane].fallback != version.index {
          state.components[c].lanes[lane] = RouteTable(fallback: version.index)
          changed = true
        }
      }
    } else {
      for (i, lane) in lanes(of: version).enumerated() {
        changed = apply(selector, version, to: &state.components[c].lanes[lane], statement, isFirst: i == 0) || changed
      }
    }
    if !changed, diagnostics.count == reported, !taint.covers(component) {
      report(.noEffect(whyRouted(to: version) ?? "this is how it is routed already", at: statement.range))
    }
    return changed
  }

  /// Inside, each release meets its own versions: what callers of another one, or of none, meet is none of this route's.
  private func whyRouted(to version: VersionID) -> String? {
    guard plan.exposure(of: version.component) == nil, standsInReleases(version.component),
      let release = plan[version].releases.first, let other = plan.defaultRelease(in: state),
      !plan[version].releases.contains(other)
    else { return nil }
    return
      "callers in release `\(plan[release].name)` meet it already, and callers in no release meet release `\(plan[other].name)`, whatever is routed inside"
  }

  /// A rule for some visitors of a component that is exposed for more than another one at the same host: it would take
  /// their requests to that one, too, for rules of one host are one list, in order of age; unless it leaves them out.
  private func checkSurrounded(_ component: ComponentID, _ statement: StepStatement) {
    if taint.covers(component) { return }
    let all = plan.exposures.lines(of: component)
    guard let inside = plan.exposures.first(where: { other in all.contains { plan.mayTake($0, from: other) } }) else {
      return
    }
    report(
      .exposeConflict(
        "these visitors of `\(plan[component].name)` would be taken out of `\(inside.path)`, which is `\(plan[inside.component].name)`'s",
        at: statement.range, earlier: inside.range,
        help: "expose both for the same hosts, or one of the two at another host or port"))
  }

  /// A version can get traffic only if it is deployed, with at least one replica, and has somewhere to get it.
  private func mayBeLedTo(_ version: VersionID, _ statement: StepStatement) -> Bool {
    let deployment = state.components[version.component.index].deployment(of: version.index)
    if let deployment, deployment.replicas > 0 { return hasPort(version.component, statement) }
    // It was meant to get traffic: that no step sends anybody there is not to be said as well.
    everServed.insert(version)
    if !taint.covers(version.component), missed.insert(version).inserted {
      report(
        .routeToUndeployed(
          plan[version.component].name, plan[version].name, sleeps: deployment != nil,
          wasThere: deployment == nil && deployedAt[version] != nil, at: statement.subject,
          declared: plan[version].range))
    }
    return false
  }

  /// Without a port there is nothing to route: no object is written for it.
  private func hasPort(_ component: ComponentID, _ statement: StepStatement) -> Bool {
    guard plan[component].versions.allSatisfy(\.ports.isEmpty), !taint.covers(component) else { return true }
    report(.noEffect("`\(plan[component].name)` has no port, so that nobody is led to it", at: statement.range))
    return false
  }

  private func apply(
    _ selector: RouteSelector, _ version: VersionID, to table: inout RouteTable, _ statement: StepStatement,
    isFirst: Bool
  ) -> Bool {
    let before = table
    switch selector {
    case .all:
      noteCleared(table.rules, to: version, statement)
      table = RouteTable(fallback: version.index)
    case .percent(let percent):
      setShare(percent, version, sticky: nil, in: &table, statement, isFirst: isFirst)
    case .selected(let visitor):
      if let i = table.rules.firstIndex(where: { $0.selector == visitor }) {
        if isFirst, table.rules[i].version != version.index {
          checkOverlap(visitor, version, table.rules, winsOver: i, statement)
        }
        table.rules[i].version = version.index
      } else {
        if isFirst { checkMeeting(visitor, version, table, statement) }
        table.rules.append(RouteTable.Rule(selector: visitor, version: version.index))
      }
    }
    return table != before
  }

  /// - Returns: whether the share could be set; where not, it was said why.
  @discardableResult
  private func setShare(
    _ percent: Int, _ version: VersionID, sticky: Int?, in table: inout RouteTable, _ statement: StepStatement,
    isFirst: Bool
  ) -> Bool {
    let old = table.shares.first { $0.version == version.index }?.percent ?? 0
    if percent == 0 {
      if old == 0, isFirst { report(.noEffect("it has no share", at: statement.range)) }
      table.shares.removeAll { $0.version == version.index }
      return true
    }
    if percent == 100 {
      table.fallback = version.index
      table.shares = []
      noteCleared(table.rules.filter { $0.version == version.index }, to: version, statement)
      table.rules.removeAll { $0.version == version.index }
      return true
    }
    if table.fallback == version.index {
      if isFirst {
        report(
          .noEffect("`\(plan[version].name)` is the default, which gets what the shares leave", at: statement.range))
      }
      return false
    }
    let others = table.shares.filter { $0.version != version.index }.reduce(0) { $0 + $1.percent }
    if others + percent > 100 {
      everServed.insert(version)
      if isFirst, !taint.covers(version.component) {
        report(.sharesOver100(plan[version.component].name, sum: others + percent, at: statement.range))
      }
      return false
    }
    if percent < old, isFirst, statement.form == .route, !taint.covers(version.component) {
      report(.shareDoesNotRise(percent, from: old, at: statement.range))
    }
    let share = RouteTable.Share(version: version.index, percent: percent, stickyMilliseconds: sticky)
    if let i = table.shares.firstIndex(where: { $0.version == version.index }) {
      table.shares[i] = share
    } else {
      table.shares.append(share)
    }
    return true
  }

  /// - Parameter milliseconds: how long the share before kept its visitors.
  private func reportDropped(
    _ milliseconds: Int, _ version: VersionID,
    _ diagnostic: (_ component: String, _ version: String, _ duration: String) -> Diagnostic
  ) {
    guard !taint.covers(version.component) else { return }
    report(diagnostic(plan[version.component].name, plan[version].name, durationText(milliseconds)))
  }

  private func noteCleared(_ rules: [RouteTable.Rule], to version: VersionID, _ statement: StepStatement) {
    for rule in rules { clearedRules[version.component, default: [:]][rule.selector] = statement.range }
  }

  /// A rule behind one that takes all its requests, or that meets another: two lints.
  private func checkMeeting(_ visitor: Selector, _ version: VersionID, _ table: RouteTable, _ statement: StepStatement)
  {
    for rule in table.rules where rule.selector != visitor {
      if covers(rule.selector, visitor) {
        report(.shadowedRoute(describe(visitor), by: describe(rule.selector), at: statement.range))
        return
      }
    }
    checkOverlap(visitor, version, table.rules, winsOver: table.rules.count, statement)
  }

  /// A request that the rule of `visitor` and another one both take, to different versions.
  ///
  /// - Parameter place: where that rule stands: the first one wins.
  private func checkOverlap(
    _ visitor: Selector, _ version: VersionID, _ rules: [RouteTable.Rule], winsOver place: Int,
    _ statement: StepStatement
  ) {
    for (i, rule) in rules.enumerated() where rule.version != version.index && rule.selector != visitor {
      if canMeet(rule.selector, visitor) {
        let winner = i < place ? rule.version : version.index
        report(
          .overlappingRoutes(
            describe(visitor), describe(rule.selector), winner: plan[VersionID(version.component, winner)].name,
            at: statement.range))
        return
      }
    }
  }

  /// Every request that `b` matches is matched by `a`.
  private func covers(_ a: Selector, _ b: Selector) -> Bool {
    switch (a, b) {
    case (.cookie(let key, nil), .cookie(let other, _)): return key == other
    case (.headerMatches(let key, let pattern), .header(let other, let value)):
      return key == other && (expression(pattern)?.matchesFully(value) ?? false)
    default: return a == b
    }
  }

  private func canMeet(_ a: Selector, _ b: Selector) -> Bool {
    switch (a, b) {
    case (.cookie(let key, let value), .cookie(let other, let otherValue)):
      return key != other || value == nil || otherValue == nil || value == otherValue
    case (.header(let key, let value), .header(let other, let otherValue)): return key != other || value == otherValue
    case (.header(let key, let value), .headerMatches(let other, let pattern)),
      (.headerMatches(let other, let pattern), .header(let key, let value)):
      return key != other || (expression(pattern)?.matchesFully(value) ?? true)
    case (.headerMatches(let key, let pattern), .headerMatches(let other, let otherPattern)):
      guard key == other, let first = expression(pattern), let second = expression(otherPattern) else { return true }
      return canBothMatch(first, second) ?? true
    default: return true
    }
  }

  /// Compiled once: each rule for a header is compared with all the others.
  private func expression(_ pattern: String) -> RegularExpression? {
    if let known = expressions[pattern] { return known }
    let compiled = try? RegularExpression(pattern)
    expressions[pattern] = .some(compiled)
    return compiled
  }

  func describe(_ selector: Selector) -> String {
    switch selector {
    case .cookie(let key, let value): value.map { "cookie \(key)=\($0)" } ?? "cookie \(key)"
    case .header(let key, let value): "header \(key)=\(value)"
    case .headerMatches(let key, let pattern): "header \(key) matches '\(pattern)'"
    }
  }

  // MARK: - Unroute, mirror, shift

  func unroute(_ component: ComponentID, _ selector: Selector, _ statement: StepStatement) -> Bool {
    begin()
    let c = component.index
    var found = false
    if var entry = state.components[c].entry, let i = entry.rules.firstIndex(where: { $0.selector == selector }) {
      entry.rules.remove(at: i)
      state.components[c].entry = entry
      found = true
    }
    for lane in state.components[c].lanes.indices {
      if let i = state.components[c].lanes[lane].rules.firstIndex(where: { $0.selector == selector }) {
        state.components[c].lanes[lane].rules.remove(at: i)
        found = true
      }
    }
    if found { clearedRules[component]?[selector] = nil }
    if !found, !taint.covers(component) {
      report(
        .nothingToUnroute(
          plan[component].name, describe(selector), cleared: clearedRules[component]?[selector], at: statement.range))
    }
    return found
  }

  func mirror(_ component: ComponentID, _ percent: Int, _ version: VersionID, _ statement: StepStatement) -> Bool {
    begin()
    let c = component.index
    if percent == 0 {
      guard let mirror = state.components[c].mirror else {
        let why =
          endedMirrors.contains(version)
          ? "the mirror ended when everybody was led to `\(plan[component].name)` \(plan[version].name)"
          : "nothing is mirrored"
        report(.noEffect(why, at: statement.range))
        return false
      }
      if mirror.version != version.index {
        let other = plan[VersionID(component, mirror.version)].name
        report(
          .noEffect(
            "requests are mirrored to `\(plan[component].name)` \(other), and not to this one", at: statement.range))
        return false
      }
      state.components[c].mirror = nil
      return true
    }
    guard mayBeLedTo(version, statement) else { return false }
    let mirror = Mirror(version: version.index, percent: percent)
    if state.components[c].mirror == mirror {
      report(.noEffect("this is how it is mirrored already", at: statement.range))
      return false
    }
    let serving = state.components[c].deployed.filter { $0.replicas > 0 }.map { VersionID(component, $0.version) }
    if !state.components[c].isPinned, serving.count > 1, !taint.covers(component) {
      // A copy needs a route that it is made of, and that route has one target.
      let fallback = currentTable(version)?.fallback.map { VersionID(component, $0) } ?? serving[0]
      report(
        .turnsEnd(
          plan[component].name, versions: serving.map { plan[$0].name }, left: plan[fallback].name, at: statement.range)
      )
    }
    if state.components[c].isOnly(version.index) {
      if !taint.covers(component) {
        report(.noEffect("everybody is led to this version already, and nobody's copies are left", at: statement.range))
      }
      return false
    }
    if let former = state.components[c].mirror, former.version != version.index {
      noteReplaced(VersionID(component, former.version), by: version, statement)
    }
    state.components[c].isPinned = true
    state.components[c].mirror = mirror
    mirroredAt[version] = statement.range
    return true
  }

  /// Once everybody is led to the version that got the copies, nobody's are left: the mirror is over, and does not come back
  /// with a later route.
  func endMirrorsToThemselves() {
    // A failure block may begin where nothing is there yet, and know of mirrors that the step is to set.
    for version in mirroredAt.keys where !state.components.isEmpty {
      let component = state.components[version.component.index]
      guard component.mirror?.version == version.index, component.isOnly(version.index) else { continue }
      state.components[version.component.index].mirror = nil
      endedMirrors.insert(version)
    }
  }

  private func noteReplaced(_ former: VersionID, by version: VersionID, _ statement: StepStatement) {
    // A line sends copies there: that no step ever sends anybody is not to be said as well.
    everServed.insert(former)
    guard !taint.covers(version.component) else { return }
    report(
      .mirrorReplaced(
        plan[version.component].name, plan[version].name, former: plan[former].name, line: mirroredAt[former],
        at: statement.range))
  }

  func checkShift(_ shift: Shift, _ statement: StepStatement) {
    begin()
    let table = currentTable(shift.version)
    let current = table?.shares.first { $0.version == shift.version.index }?.percent ?? 0
    if let first = shift.levels.first, first <= current, !taint.covers(shift.component) {
      report(.shareDoesNotRise(first, from: current, at: statement.range))
    }
    openShifts[shift.component] = nil
    checkPorts(shift.version, statement, isForAll: shift.levels.last == 100)
  }

  /// One level; false where it cannot be, which ends the shift.
  func apply(_ shift: Shift, level: Int, _ statement: StepStatement) -> Bool {
    guard mayBeLedTo(shift.version, statement) else { return false }
    let c = shift.component.index
    state.components[c].isPinned = true
    if plan.exposure(of: shift.component) != nil {
      if shift.stickyMilliseconds != nil, level == shift.levels.first { checkSurrounded(shift.component, statement) }
      var table = state.components[c].entry ?? RouteTable()
      let before = table
      guard
        setShare(level, shift.version, sticky: shift.stickyMilliseconds, in: &table, statement, isFirst: true)
      else { return false }
      if let kept = before.keptByNone(in: table) {
        reportDropped(kept, shift.version) {
          .stickyDroppedByShift($0, $1, duration: $2, at: statement.range)
        }
      }
      state.components[c].entry = table
      if !standsInReleases(shift.component) {
        state.components[c].lanes[0] = table.withoutStickiness
      } else if level == 100 {
        for lane in lanes(of: shift.version) {
          state.components[c].lanes[lane] = RouteTable(fallback: shift.version.index)
        }
      }
    } else {
      var isSet = false
      for (i, lane) in lanes(of: shift.version).enumerated() {
        isSet =
          setShare(
            level, shift.version, sticky: nil, in: &state.components[c].lanes[lane], statement, isFirst: i == 0)
          || isSet
      }
      if !isSet { return false }
    }
    if level == shift.levels.last, level < 100 { openShifts[shift.component] = (statement.range, level) }
    return true
  }

  func currentTable(_ version: VersionID) -> RouteTable? {
    let component = state.components[version.component.index]
    if plan.exposure(of: version.component) != nil { return component.entry }
    return lanes(of: version).first.map { component.lanes[$0] }
  }
}

extension ComponentState {
  /// Everybody is led to this version, from outside and inside.
  fileprivate func isOnly(_ version: Int) -> Bool {
    (lanes + (entry.map { [$0] } ?? [])).allSatisfy { $0.isEmpty || $0.isOnly(version) }
  }
}

extension RouteTable {
  /// Everybody is led to this version.
  fileprivate func isOnly(_ version: Int) -> Bool {
    fallback == version && rules.allSatisfy { $0.version == version } && shares.allSatisfy { $0.percent == 0 }
  }

  /// How long visitors stayed with one version, if two at least still serve by shares after a change that keeps nobody.
  fileprivate func keptByNone(in table: RouteTable) -> Int? {
    let sides = Set(table.shares.map(\.version) + [table.fallback].compactMap(\.self))
    guard !table.shares.isEmpty, sides.count > 1, table.shares.allSatisfy({ $0.stickyMilliseconds == nil }) else {
      return nil
    }
    return shares.compactMap(\.stickyMilliseconds).max()
  }

  /// The same table for callers inside the mesh, who keep no cookies.
  var withoutStickiness: RouteTable {
    var table = self
    for i in table.shares.indices { table.shares[i].stickyMilliseconds = nil }
    return table
  }
}
