internal import KubernetesModel
package import Lowering
package import RolloutPlan

/// A cluster on its way through phases, and what must be remembered from one to the next. A copy is a run of its own.
package struct Walk {
  package let model: FlowModel
  private(set) var cluster: TrackedCluster
  /// By version: it may still hold requests.
  private var inUse: [Bool]
  /// Of a version that was waited for: the flows that have reached it since, as those of a ring that runs by itself. Of
  /// every other one that is in use whoever calls it may have.
  private var holders: [Int: Set<Int>] = [:]
  private let judge: Judge
  /// By version: the flows that it sends.
  private var flowsFrom: [[Int]]
  private var atSegmentStart: Outcomes
  /// What may have happened to each flow in the phase that broke off, until every proxy acts on what was written since:
  /// what is served only if a write has arrived is not served yet.
  private var doubt: Outcomes?
  /// By version: requests reach it when the phase that was taken last is over. Nil: nobody waits for it.
  private var reachedAtEnd: [Bool]?
  private var askersAtEnd: [Int: Set<Int>] = [:]

  package init(_ mesh: VersionedMesh) {
    model = mesh.model
    cluster = TrackedCluster(mesh)
    judge = Judge(mesh.model)
    flowsFrom = mesh.model.flowsFrom
    atSegmentStart = cluster.nominal
    inUse = [Bool](repeating: false, count: mesh.model.versions.count)
  }

  /// What may have happened to each flow in the phase that was taken last.
  package var outcomes: Outcomes { cluster.during }

  /// A segment begins.
  ///
  /// - Parameter dialed: which ports callers dial in it, and in the ways out of it; nil: as before.
  package mutating func begin(dialing dialed: [Call: Set<Int>]? = nil) {
    atSegmentStart = doubt ?? cluster.nominal
    if let dialed { flowsFrom = model.flowsFrom(dialing: dialed) }
  }

  /// The phase that was taken last does not come through: any of its writes may have been made, and another way begins.
  package mutating func breakOff() { doubt = cluster.during }

  /// A run begins where everything that was written is acted on.
  mutating func settleAll() {
    cluster.settleAll()
    doubt = nil
  }

  /// Does the writes of `phase` and judges every configuration on the way.
  package mutating func take(
    _ phase: Phase, from: Intent, to: Intent, isLast: Bool, keepsVolumes: Bool = false
  ) -> Judge.Verdict {
    let atStart = doubt ?? cluster.nominal
    cluster.write(phase)
    cluster.refresh()
    let (before, after) = (cluster.mesh.goal(of: from), cluster.mesh.goal(of: to))
    let facts = PhaseFacts(
      before: before, after: after, phase: phase, isLast: isLast, keepsVolumes: keepsVolumes,
      atSegmentStart: atSegmentStart, atStart: atStart, flowsFrom: flowsFrom, inUse: inUse,
      holders: holders, cluster: cluster)
    let verdict = judge.judge(facts)
    for version in verdict.asked.indices where verdict.asked[version] { inUse[version] = true }
    for (version, askers) in verdict.askers { holders[version]?.formUnion(askers) }
    reachedAtEnd = verdict.reachedAtEnd
    askersAtEnd = verdict.askersAtEnd
    return verdict
  }

  /// Goes through the first `count` phases of `segment`, whatever a judge says of them.
  mutating func go(_ segment: CompiledSegment, _ count: Int, in plan: Plan, dialing dialed: [Call: Set<Int>]) {
    let (from, to) = (Intent(plan, segment.before.state), Intent(plan, segment.after.state))
    begin(dialing: dialed)
    for (p, phase) in segment.phases.prefix(count).enumerated() {
      _ = take(phase, from: from, to: to, isLast: p == segment.phases.count - 1)
      pass(phase.gates)
    }
  }

  /// What the gates of the phase prove.
  package mutating func pass(_ gates: [Gate]) {
    if let reachedAtEnd {
      for version in gates.flatMap(\.drained).lazy.compactMap(model.version) {
        holders[version] = askersAtEnd[version] ?? []
        if !reachedAtEnd[version] { inUse[version] = false }
      }
    }
    // Without pods nothing holds a request.
    for case .stopped(let ids) in gates {
      for id in ids {
        guard let version = model.versionOfDeployment[id.name] else { continue }
        inUse[version] = false
        holders[version] = nil
      }
    }
    if gates.contains(where: { if case .settled = $0 { true } else { false } }) { doubt = nil }
    cluster.pass(gates)
  }

  /// The write without which a violation would not be there.
  func culprit(_ violation: Violation, _ phase: Phase) -> Write? {
    if let object = violation.object {
      if let write = phase.writes.first(where: { $0.id == object }) { return write }
      if let write = cluster.pendingWrite(object) { return write }
    }
    guard let f = violation.flow else { return phase.writes.first }
    return cluster.culprit(f, violation.fault, target: violation.version) ?? phase.writes.first
  }
}

extension Gate {
  /// The versions that are to lose their requests, whatever tells it.
  var drained: [WorkloadRef] {
    guard case .drained(let quiet, let byTime) = self else { return [] }
    return quiet + byTime
  }
}
