package import KubernetesModel
internal import Lowering
internal import RolloutPlan

/// What is known about one phase when it is judged. A class, for it is handed to every question about a flow.
final class PhaseFacts {
  let before: Goal
  let after: Goal
  let phase: Phase
  let isLast: Bool
  /// A transition that must keep every volume: a rollback.
  let keepsVolumes: Bool
  /// Outcomes where every proxy has the newest version and every wanted pod is ready: at the start of the segment, at
  /// the start of the phase, and at its end.
  let atSegmentStart: Outcomes
  let atStart: Outcomes
  let atEnd: Outcomes
  /// Over all configurations that some proxy may hold.
  let during: Outcomes
  /// By version: the flows that it sends.
  let flowsFrom: [[Int]]
  /// By version: requests may have reached it since it was last drained.
  let inUse: [Bool]
  /// ``Walk/holders``
  let holders: [Int: Set<Int>]
  /// The cluster after the writes.
  let cluster: TrackedCluster

  init(
    before: Goal, after: Goal, phase: Phase, isLast: Bool, keepsVolumes: Bool, atSegmentStart: Outcomes,
    atStart: Outcomes, flowsFrom: [[Int]], inUse: [Bool], holders: [Int: Set<Int>], cluster: TrackedCluster
  ) {
    self.before = before
    self.after = after
    self.phase = phase
    self.isLast = isLast
    self.keepsVolumes = keepsVolumes
    self.atSegmentStart = atSegmentStart
    self.atStart = atStart
    atEnd = cluster.nominal
    during = cluster.during
    self.flowsFrom = flowsFrom
    self.inUse = inUse
    self.holders = holders
    self.cluster = cluster
  }
}

/// One invariant that does not hold in a phase.
package struct Violation: Hashable, Sendable {
  package var invariant: Invariant
  /// The flow whose requests suffer; nil where it is about an object alone.
  package var flow: Int?
  /// The version that should not have been reached, or that is too small, or that is deleted.
  package var version: Int?
  package var object: ObjectID?
  /// What `object` needs, and what is not there yet, or not free.
  package var needed: ObjectID?
  package var fault: Fault?
  /// The hops before `flow`: each flow and the version that it ended at.
  package var path: [Hop] = []
  /// Only seen once the phase is over.
  package var isLasting = false

  /// A version does not get what the state leads to it.
  var isUnserved: Bool { invariant == .versionRouted && isLasting }

  package struct Hop: Hashable, Sendable {
    package var flow: Int
    package var version: Int
  }
}

/// Applies the invariants to the outcomes of a phase.
///
/// Not everything that fails is a violation: a component that is just being brought up answers nobody yet, and one that
/// the plan takes away answers nobody any more. So a request counts from the moment that it was served.
package struct Judge {
  let model: FlowModel

  init(_ model: FlowModel) { self.model = model }

  package struct Verdict {
    package var violations: [Violation]
    /// Versions that requests may have reached in this phase.
    package var asked: [Bool]
    /// Versions that requests reach when the phase is over; nil where nothing waits for one to be drained.
    package var reachedAtEnd: [Bool]?
    /// Of each version that is waited for, and asked all the same: the flows that reach it when the phase is over.
    var askersAtEnd: [Int: Set<Int>] = [:]
    /// Of each version that was waited for, and is asked: the flows that may have reached it in this phase.
    var askers: [Int: Set<Int>] = [:]
    /// Flows that were followed.
    package var followed: Int
  }

  func judge(_ facts: PhaseFacts) -> Verdict {
    let running = runningSources(facts)
    let flowsFrom = facts.flowsFrom
    let everywhere = Reachability(
      model, flowsFrom, entries: model.entryFlows, sources: startedSources(facts), facts.during, followsCopies: true,
      isAbandoned: { isAbandoned($0, facts) })
    var found: [Violation] = []

    // S1, S2, S3, S6, S7: what a request meets on its way. Where nothing that is followed meets a fault, no part of it
    // does: what is promised is followed too.
    for f in model.entryFlows where isPromised(f, facts) && !facts.after.isEmpty(f) { meet(f, [], facts, &found) }
    if everywhere.meetsFaults || !running.allSatisfy({ facts.cluster.mostReady(version: $0) > 0 }) {
      let promised = model.entryFlows.filter { isPromised($0, facts) }
      let live = Reachability(model, flowsFrom, entries: promised, sources: running, facts.during)
      let old = Reachability(
        model, flowsFrom, entries: model.entryFlows.filter { facts.atStart.isServed($0) }, sources: running,
        facts.atStart)
      for (n, node) in live.nodes.enumerated() {
        for f in flowsFrom[node.version] {
          if facts.during.isAnswered(f) || isAbandoned(f, facts) { continue }
          let isNew = !old.isReached[node.version] && isIntended(f, facts)
          if isPromised(f, facts) || isNew { meet(f, hops(live.path(to: n)), facts, &found) }
        }
      }
    }

    // S4: who entered a release leaves it.
    for leak in everywhere.leaks {
      found.append(
        Violation(
          invariant: .releaseIsolated, flow: leak.flow, version: leak.target, path: hops(everywhere.path(to: leak.node))
        ))
    }

    // S5: nothing arrives where no state leads.
    for f in model.entryFlows { arrive(f, { [] }, facts, &found) }
    var visited = [Bool](repeating: false, count: model.versions.count)
    for (n, node) in everywhere.nodes.enumerated() where !visited[node.version] {
      visited[node.version] = true
      for f in flowsFrom[node.version] { arrive(f, { hops(everywhere.path(to: n)) }, facts, &found) }
    }
    // Whoever runs may ask by itself, visited or not: what its own release has, or nobody.
    for version in model.versions.indices where !visited[version] && facts.cluster.mostReady(version: version) > 0 {
      let stays = facts.before.replicas(version) > 0 && facts.after.replicas(version) > 0
      for f in flowsFrom[version] where !isAsSaid(f, facts) && hasAnswer(f, of: version, facts) {
        arrive(f, { [] }, facts, &found)
        // It has its answer before and after, and so between.
        if stays, !facts.during.isAnswered(f), isPromised(f, facts), facts.after.answers(f) {
          meet(f, [], facts, &found)
        }
      }
    }

    // S8: enough pods for who is served in both states.
    for version in model.versions.indices where everywhere.isReached[version] {
      let wanted = min(facts.before.replicas(version), facts.after.replicas(version))
      if wanted == 0 { continue }
      if facts.cluster.leastReady(version: version) < wanted {
        found.append(
          Violation(
            invariant: .replicasKept, version: version, object: model.deployments[version],
            path: hops(everywhere.path(toVersion: version))))
      }
    }

    found += deletions(facts, everywhere)
    if facts.isLast { found += lasting(facts) }
    var verdict = Verdict(violations: found, asked: everywhere.isAsked, followed: everywhere.followed)
    for version in facts.holders.keys where everywhere.isAsked[version] {
      verdict.askers[version] = askers(of: version, everywhere, facts.during, facts)
    }
    let drained = facts.phase.gates.flatMap(\.drained).compactMap(model.version)
    if drained.isEmpty { return verdict }
    let end = Reachability(
      model, flowsFrom, entries: model.entryFlows, sources: running, facts.atEnd, followsCopies: true,
      isAbandoned: { isAbandoned($0, facts) })
    verdict.reachedAtEnd = end.isAsked
    for version in drained where end.isAsked[version] {
      verdict.askersAtEnd[version] = askers(of: version, end, facts.atEnd, facts)
    }
    return verdict
  }

  // MARK: - On the way

  private func meet(_ f: Int, _ path: [Violation.Hop], _ facts: PhaseFacts, _ found: inout [Violation]) {
    for fault in facts.during[of: f].faults {
      // A connection is not matched by anything that could say 404; and a request counts as long as it was served when
      // the phase began.
      if fault.invariant == .routeMatches, !model.flows[f].isHTTP || !facts.atStart.isAnswered(f) { continue }
      found.append(Violation(invariant: fault.invariant, flow: f, fault: fault, path: path))
    }
  }

  /// It was served before, in this segment.
  private func isPromised(_ f: Int, _ facts: PhaseFacts) -> Bool {
    facts.atStart.isServed(f) || facts.atSegmentStart.isServed(f)
  }

  /// The caller stays, and the new state serves it no longer by that port: the plan takes a protocol away.
  private func isAbandoned(_ f: Int, _ facts: PhaseFacts) -> Bool {
    guard case .caller(let caller) = model.flows[f].source else { return false }
    return facts.after.isEmpty(f) && facts.after.replicas(caller) > 0
  }

  private func isIntended(_ f: Int, _ facts: PhaseFacts) -> Bool {
    !facts.after.isEmpty(f) || !facts.before.isEmpty(f)
  }

  /// As one of the states says it, word for word: that is nearly always so.
  private func isAsSaid(_ f: Int, _ facts: PhaseFacts) -> Bool {
    let number = facts.during.number(of: f)
    return facts.after.says(number, of: f) || facts.before.says(number, of: f)
  }

  /// Each state in which the caller runs leads it somewhere, and one of them does.
  private func hasAnswer(_ f: Int, of caller: Int, _ facts: PhaseFacts) -> Bool {
    isIntended(f, facts) && facts.before.hasAnswer(f, of: caller) && facts.after.hasAnswer(f, of: caller)
  }

  private func arrive(
    _ f: Int, _ path: () -> [Violation.Hop], _ facts: PhaseFacts, _ found: inout [Violation]
  ) {
    if isAsSaid(f, facts) { return }
    let outcome = facts.during[of: f]
    if outcome.targets.isEmpty, outcome.copies.isEmpty { return }
    let flow = model.flows[f]
    func isAllowed(_ target: Int) -> Bool { facts.before.leads(f, to: target) || facts.after.leads(f, to: target) }
    for target in outcome.targets where !isAllowed(target) {
      let id = model.versions[target]
      // Two exposures may share a gateway's port: what one of them does not take yet may be the other's.
      if flow.isEntry, id.component.index != flow.callee, isExposed(flow, as: id, facts) { continue }
      found.append(Violation(invariant: .versionRouted, flow: f, version: target, path: path()))
    }
    for target in outcome.copies where !isAllowed(target) {
      let id = model.versions[target]
      let isMirrored = facts.before.intent.mirrors(id) || facts.after.intent.mirrors(id)
      let isMeant =
        id.component.index == flow.callee || flow.isEntry && lines(for: flow, to: id.component).contains { _ in true }
      if isMirrored, isMeant { continue }
      found.append(Violation(invariant: .versionRouted, flow: f, version: target, path: path()))
    }
  }

  private func isExposed(_ flow: Flow, as id: VersionID, _ facts: PhaseFacts) -> Bool {
    lines(for: flow, to: id.component).contains { e in
      // Rules of a line leave out what is another's: such requests come to its default.
      [flow.cohort, .others].contains { cohort in
        var other = flow
        other.source = .entry(e)
        other.callee = id.component.index
        other.cohort = cohort
        return facts.before.intent.targets(of: other, model).contains(id.index)
          || facts.after.intent.targets(of: other, model).contains(id.index)
      }
    }
  }

  /// The lines of a component by which a flow might come in: its port, host and path are theirs.
  private func lines(for flow: Flow, to component: ComponentID) -> some Sequence<Int> {
    let exposures = model.plan.exposures
    return exposures.indices.lazy.filter { e in
      exposures[e].component == component && exposures[e].port == flow.port
        && flow.seenHost.map { host in exposures[e].hosts.contains { hostsMeet(host, within: $0) } } ?? true
        && exposures[e].covers(flow.path)
    }
  }

  // MARK: - By themselves

  /// Versions that run by themselves, before and after.
  private func runningSources(_ facts: PhaseFacts) -> [Int] {
    model.sources.filter { facts.before.replicas($0) > 0 && facts.after.replicas($0) > 0 }
  }

  /// One that has just been started, or that is about to stop, may find nobody, which it must bear; but what it finds
  /// must be its own, as long as any of its pods may be up.
  private func startedSources(_ facts: PhaseFacts) -> [Int] {
    model.sources.filter { facts.cluster.mostReady(version: $0) > 0 }
  }

  /// What is not as the state says when everything is written and ready: who still fails, and who is not led where the
  /// state leads.
  private func lasting(_ facts: PhaseFacts) -> [Violation] {
    // Those too that were started on the way.
    let running = model.sources.filter { facts.after.replicas($0) > 0 }
    var found: [Violation] = []
    func look(_ f: Int, _ path: () -> [Violation.Hop]) {
      if facts.after.isEmpty(f) { return }
      if facts.atEnd.isAnswered(f) {
        // Who is served, and not by all that the state leads to: some object says otherwise. What an object answers by
        // itself, such as a redirect, is meant.
        if facts.after.says(facts.atEnd.number(of: f), of: f) { return }
        let targets = facts.atEnd[of: f].targets
        // Who holds the cookie of a share stays with its version.
        if model.flows[f].cohort.sticky != nil { return }
        if let missing = targets.isEmpty ? nil : facts.after.missing(f, in: targets) {
          found.append(
            Violation(invariant: .versionRouted, flow: f, version: missing, path: path(), isLasting: true))
        }
        return
      }
      if !facts.atSegmentStart.isServed(f), !facts.before.isEmpty(f) { return }
      for fault in facts.atEnd[of: f].faults {
        found.append(
          Violation(invariant: fault.invariant, flow: f, fault: fault, path: path(), isLasting: true))
      }
    }
    for f in model.entryFlows { look(f, { [] }) }
    let end = Reachability(model, facts.flowsFrom, entries: model.entryFlows, sources: running, facts.atEnd)
    for (n, node) in end.nodes.enumerated() {
      for f in facts.flowsFrom[node.version] { look(f, { hops(end.path(to: n)) }) }
    }
    return found
  }

  // MARK: - Deleting

  private func deletions(_ facts: PhaseFacts, _ everywhere: Reachability) -> [Violation] {
    var found: [Violation] = []
    let writes = facts.phase.writes
    // A write is copied only where it may matter: most are neither.
    for i in writes.indices where writes[i].action == .delete || writes[i].id.isWorkload {
      let write = writes[i]
      if write.id.isWorkload {
        guard facts.cluster.declared(write.id) == 0, let version = model.versionOfDeployment[write.id.name],
          facts.inUse[version] || everywhere.isAsked[version], write.previous.map(replicas) ?? 0 > 0,
          isPinned(version, facts), !stopsWithCallers(version, everywhere, facts)
        else { continue }
        found.append(
          Violation(
            invariant: .inUseKept, version: version, object: write.id,
            path: hops(everywhere.path(toVersion: version))))
        continue
      }
      switch write.id.kind {
      case "Namespace", "PersistentVolume":
        found.append(Violation(invariant: .inUseKept, object: write.id))
      case "PersistentVolumeClaim":
        let isConsented = !facts.keepsVolumes && !facts.after.intent.keeps(volume: write.id.name)
        if !isConsented || user(of: write.id, facts) != nil {
          found.append(Violation(invariant: .inUseKept, object: write.id))
        }
      case "ConfigMap", "Secret", "ServiceAccount":
        guard let user = user(of: write.id, facts) else { continue }
        let version = model.versionOfDeployment[user.name]
        found.append(
          Violation(
            invariant: .inUseKept, version: version, object: write.id,
            path: version.map { hops(everywhere.path(toVersion: $0)) } ?? []))
      default: break
      }
    }
    return found
  }

  /// Whoever may have asked it stops no later: what it still has to answer goes with who waits for it. Visitors were waited
  /// for, and none comes any more.
  private func stopsWithCallers(_ version: Int, _ everywhere: Reachability, _ facts: PhaseFacts) -> Bool {
    if let known = facts.holders[version] {
      return known.union(askers(of: version, everywhere, facts.during, facts)).allSatisfy { f in
        guard case .caller(let caller) = model.flows[f].source else { return false }
        return facts.cluster.declared(model.deployments[caller]) == 0
      }
    }
    return model.flowsInto[model.versions[version].component.index].allSatisfy { f in
      guard case .caller(let caller) = model.flows[f].source else {
        let outcome = facts.during[of: f]
        return !facts.inUse[version] && !outcome.targets.contains(version) && !outcome.copies.contains(version)
      }
      return facts.cluster.declared(model.deployments[caller]) == 0
    }
  }

  /// The flows that are followed, and by which requests come to `version`.
  private func askers(
    of version: Int, _ reachability: Reachability, _ outcomes: Outcomes, _ facts: PhaseFacts
  ) -> Set<Int> {
    Set(
      model.flowsInto[model.versions[version].component.index].filter { f in
        if case .caller(let caller) = model.flows[f].source,
          !reachability.isReached[caller] || !facts.flowsFrom[caller].contains(f)
        {
          return false
        }
        let outcome = outcomes[of: f]
        return !isAbandoned(f, facts) && (outcome.targets.contains(version) || outcome.copies.contains(version))
      })
  }

  /// Routes say who gets its requests. Where none does, Kubernetes takes a pod that ends out of its Service by itself;
  /// a run may break off before the first of them is there.
  private func isPinned(_ version: Int, _ facts: PhaseFacts) -> Bool {
    let c = model.versions[version].component.index
    guard facts.before.intent.isPinned(c) || facts.after.intent.isPinned(c) else { return false }
    return facts.cluster.routesNameSubsets(of: model.hosts[c])
  }

  /// Some workload that runs, or that may still run, names it.
  private func user(of id: ObjectID, _ facts: PhaseFacts) -> ObjectID? {
    facts.cluster.workloads.first { other, value in
      other.namespace == id.namespace && replicas(value) > 0 && uses(value, id)
    }?.id
  }

  private func hops(_ path: [(flow: Int, version: Int)]) -> [Violation.Hop] {
    path.map { Violation.Hop(flow: $0.flow, version: $0.version) }
  }
}
