package import KubernetesModel
internal import Lowering
internal import RolloutPlan

/// What is known about one phase when it is judged.
struct PhaseFacts {
  var before: Intent
  var after: Intent
  var phase: Phase
  var isLast: Bool
  /// A transition that must keep every volume: a rollback.
  var keepsVolumes: Bool
  /// Outcomes where every proxy has the newest version and every wanted pod is ready: at the start of the segment, at
  /// the start of the phase, and at its end.
  var atSegmentStart: Outcomes
  var atStart: Outcomes
  var atEnd: Outcomes
  /// Over all configurations that some proxy may hold.
  var during: Outcomes
  /// Versions that requests may have reached since they were last drained.
  var inUse: Set<Int>
  /// The cluster after the writes.
  var cluster: TrackedCluster
}

/// One invariant that does not hold in a phase.
package struct Violation: Hashable, Sendable {
  package var invariant: Invariant
  /// The flow whose requests suffer; nil where it is about an object alone.
  package var flow: Int?
  /// The version that should not have been reached, or that is too small, or that is deleted.
  package var version: Int?
  package var object: ObjectID?
  package var fault: Fault?
  /// The hops before `flow`: each flow and the version that it ended at.
  package var path: [Hop] = []
  /// Only seen once the phase is over.
  package var isLasting = false

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
    /// Versions that requests reach when the phase is over.
    package var reachedAtEnd: [Bool]
    /// Flows that were followed.
    package var liveFlows: Int
  }

  func judge(_ facts: PhaseFacts) -> Verdict {
    let running = runningSources(facts)
    let everywhere = Reachability(
      model, entries: model.entryFlows, sources: startedSources(facts), facts.during, followsCopies: true,
      isAbandoned: { isAbandoned($0, facts) })
    let promised = model.entryFlows.filter { isPromised($0, facts) }
    let live = Reachability(model, entries: promised, sources: running, facts.during)
    let old = Reachability(
      model, entries: model.entryFlows.filter { facts.atStart[of: $0].isServed }, sources: running, facts.atStart)
    var found: [Violation] = []

    // S1, S2, S3, S6, S7: what a request meets on its way.
    var followed = 0
    for f in model.entryFlows where isPromised(f, facts) {
      followed += 1
      if !facts.after.targets(of: model.flows[f], model).isEmpty { meet(f, [], facts, &found) }
    }
    for (n, node) in live.nodes.enumerated() {
      for f in model.flowsFrom[node.version] {
        followed += 1
        let outcome = facts.during[of: f]
        if outcome.faults.isEmpty || isAbandoned(f, facts) { continue }
        let isNew = !old.isReached[node.version] && isIntended(f, facts)
        if isPromised(f, facts) || isNew { meet(f, hops(live.path(to: n)), facts, &found) }
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
    for f in model.entryFlows { arrive(f, [], facts, &found) }
    var visited: Set<Int> = []
    for (n, node) in everywhere.nodes.enumerated() where visited.insert(node.version).inserted {
      for f in model.flowsFrom[node.version] { arrive(f, hops(everywhere.path(to: n)), facts, &found) }
    }

    // S8: enough pods for who is served in both states.
    for version in model.versions.indices where everywhere.isReached[version] {
      let id = model.versions[version]
      let wanted = min(facts.before.replicas(id), facts.after.replicas(id))
      if wanted == 0 { continue }
      if facts.cluster.leastReady(version: version) < wanted {
        found.append(
          Violation(
            invariant: .replicasKept, version: version, object: model.deployments[version],
            path: hops(everywhere.path(toVersion: version))))
      }
    }

    found += deletions(facts, everywhere)
    if facts.isLast { found += lasting(facts, running) }
    let end = Reachability(
      model, entries: model.entryFlows, sources: running, facts.atEnd, followsCopies: true,
      isAbandoned: { isAbandoned($0, facts) })
    return Verdict(
      violations: found, asked: everywhere.isAsked, reachedAtEnd: end.isAsked, liveFlows: followed)
  }

  // MARK: - On the way

  private func meet(_ f: Int, _ path: [Violation.Hop], _ facts: PhaseFacts, _ found: inout [Violation]) {
    for fault in facts.during[of: f].faults {
      // A connection is not matched by anything that could say 404; and a request counts as long as it was served when
      // the phase began.
      if fault.invariant == .routeMatches, !model.flows[f].isHTTP || !facts.atStart[of: f].isAnswered { continue }
      found.append(Violation(invariant: fault.invariant, flow: f, fault: fault, path: path))
    }
  }

  /// It was served before, in this segment.
  private func isPromised(_ f: Int, _ facts: PhaseFacts) -> Bool {
    facts.atStart[of: f].isServed || facts.atSegmentStart[of: f].isServed
  }

  /// The caller stays, and the new state serves it no longer by that port: the plan takes a protocol away.
  private func isAbandoned(_ f: Int, _ facts: PhaseFacts) -> Bool {
    guard case .caller(let caller) = model.flows[f].source else { return false }
    return facts.after.replicas(model.versions[caller]) > 0 && facts.after.targets(of: model.flows[f], model).isEmpty
  }

  private func isIntended(_ f: Int, _ facts: PhaseFacts) -> Bool {
    !facts.after.targets(of: model.flows[f], model).isEmpty
      || !facts.before.targets(of: model.flows[f], model).isEmpty
  }

  private func arrive(_ f: Int, _ path: [Violation.Hop], _ facts: PhaseFacts, _ found: inout [Violation]) {
    let outcome = facts.during[of: f]
    if outcome.targets.isEmpty, outcome.copies.isEmpty { return }
    let flow = model.flows[f]
    let allowed = facts.before.targets(of: flow, model).union(facts.after.targets(of: flow, model))
    for target in outcome.targets {
      let id = model.versions[target]
      if id.component.index == flow.callee, allowed.contains(id.index) { continue }
      // Two exposures may share a gateway's port: what one of them does not take yet may be the other's.
      if flow.isEntry, id.component.index != flow.callee, isExposed(flow, as: id, facts) { continue }
      found.append(Violation(invariant: .versionRouted, flow: f, version: target, path: path))
    }
    for target in outcome.copies {
      let id = model.versions[target]
      let isWanted =
        id.component.index == flow.callee
        && (allowed.contains(id.index) || facts.before.mirrors(id) || facts.after.mirrors(id))
      if !isWanted { found.append(Violation(invariant: .versionRouted, flow: f, version: target, path: path)) }
    }
  }

  private func isExposed(_ flow: Flow, as id: VersionID, _ facts: PhaseFacts) -> Bool {
    model.plan.exposures.enumerated().contains { e, exposure in
      guard exposure.component == id.component, exposure.port == flow.port,
        exposure.path == "/" || flow.path == exposure.path || flow.path.hasPrefix(exposure.path + "/")
      else { return false }
      var other = flow
      other.source = .entry(e)
      other.callee = id.component.index
      return facts.before.targets(of: other, model).contains(id.index)
        || facts.after.targets(of: other, model).contains(id.index)
    }
  }

  // MARK: - By themselves

  /// Versions that run by themselves, before and after.
  private func runningSources(_ facts: PhaseFacts) -> [Int] {
    model.sources.filter { version in
      let id = model.versions[version]
      return facts.before.replicas(id) > 0 && facts.after.replicas(id) > 0
    }
  }

  /// One that has just been started, or that is about to stop, may find nobody, which it must bear; but what it finds
  /// must be its own, as long as any of its pods may be up.
  private func startedSources(_ facts: PhaseFacts) -> [Int] {
    model.sources.filter { facts.cluster.mostReady(version: $0) > 0 }
  }

  /// What still fails when everything is written and ready, though the state says that it is served.
  private func lasting(_ facts: PhaseFacts, _ running: [Int]) -> [Violation] {
    var found: [Violation] = []
    func look(_ f: Int, _ path: [Violation.Hop]) {
      let flow = model.flows[f]
      if facts.atEnd[of: f].faults.isEmpty || facts.after.targets(of: flow, model).isEmpty { return }
      let wasServed = facts.atSegmentStart[of: f].isServed
      if !wasServed, !facts.before.targets(of: flow, model).isEmpty { return }
      for fault in facts.atEnd[of: f].faults {
        found.append(
          Violation(invariant: fault.invariant, flow: f, fault: fault, path: path, isLasting: true))
      }
    }
    for f in model.entryFlows { look(f, []) }
    let end = Reachability(model, entries: model.entryFlows, sources: running, facts.atEnd)
    for (n, node) in end.nodes.enumerated() {
      for f in model.flowsFrom[node.version] where !facts.atEnd[of: f].faults.isEmpty { look(f, hops(end.path(to: n))) }
    }
    return found
  }

  // MARK: - Deleting

  private func deletions(_ facts: PhaseFacts, _ everywhere: Reachability) -> [Violation] {
    var found: [Violation] = []
    for write in facts.phase.writes {
      if write.id.isWorkload {
        guard let version = model.versionOfDeployment[write.id.name], write.previous.map(replicas) ?? 0 > 0,
          write.object.map(replicas) ?? 0 == 0, facts.inUse.contains(version) || everywhere.isAsked[version],
          isPinned(version, facts)
        else { continue }
        found.append(
          Violation(
            invariant: .inUseKept, version: version, object: write.id,
            path: hops(everywhere.path(toVersion: version))))
        continue
      }
      guard write.action == .delete else { continue }
      switch write.id.kind {
      case "Namespace", "PersistentVolume":
        found.append(Violation(invariant: .inUseKept, object: write.id))
      case "PersistentVolumeClaim":
        let isConsented = !facts.keepsVolumes && !facts.after.keeps(volume: write.id.name)
        if !isConsented || isMounted(write.id, facts) {
          found.append(Violation(invariant: .inUseKept, object: write.id))
        }
      case "ConfigMap", "Secret", "ServiceAccount":
        if isMounted(write.id, facts) { found.append(Violation(invariant: .inUseKept, object: write.id)) }
      default: break
      }
    }
    return found
  }

  /// Routes say who gets its requests. Where none does, Kubernetes takes a pod that ends out of its Service by itself.
  private func isPinned(_ version: Int, _ facts: PhaseFacts) -> Bool {
    let c = model.versions[version].component.index
    return facts.before.isPinned(c) || facts.after.isPinned(c)
  }

  /// Some workload that runs, or that may still run, names it.
  private func isMounted(_ id: ObjectID, _ facts: PhaseFacts) -> Bool {
    facts.cluster.workloads.contains { other, value in
      guard other.namespace == id.namespace, replicas(value) > 0 else { return false }
      let spec = value.at("spec", "template", "spec") ?? .null
      switch id.kind {
      case "ServiceAccount": return spec["serviceAccountName"]?.string == id.name
      case "PersistentVolumeClaim":
        return (spec["volumes"]?.array ?? []).contains {
          $0.at("persistentVolumeClaim", "claimName")?.string == id.name
        }
      default:
        let volumes = (spec["volumes"]?.array ?? []).contains {
          $0.at("configMap", "name")?.string == id.name || $0.at("secret", "secretName")?.string == id.name
        }
        return volumes
          || (spec["containers"]?.array ?? []).contains { container in
            (container["envFrom"]?.array ?? []).contains {
              $0.at("configMapRef", "name")?.string == id.name || $0.at("secretRef", "name")?.string == id.name
            }
          }
      }
    }
  }

  private func hops(_ path: [(flow: Int, version: Int)]) -> [Violation.Hop] {
    path.map { Violation.Hop(flow: $0.flow, version: $0.version) }
  }
}
