package import Lowering
internal import RolloutPlan

/// A cluster on its way through phases, and what must be remembered from one to the next. A copy is a run of its own.
package struct Walk {
  package let model: FlowModel
  private(set) var cluster: TrackedCluster
  /// Versions that may still hold requests.
  private(set) var inUse: Set<Int> = []
  private let judge: Judge
  private var atSegmentStart: Outcomes
  private var reachedAtEnd: [Bool] = []

  package init(_ mesh: VersionedMesh) {
    model = mesh.model
    cluster = TrackedCluster(mesh)
    judge = Judge(mesh.model)
    atSegmentStart = cluster.nominal
  }

  /// What may have happened to each flow in the phase that was taken last.
  package var outcomes: Outcomes { cluster.during }

  /// A segment begins.
  package mutating func begin() { atSegmentStart = cluster.nominal }

  /// A run begins where everything that was written is acted on.
  mutating func settleAll() { cluster.settleAll() }

  /// Does the writes of `phase` and judges every configuration on the way.
  package mutating func take(
    _ phase: Phase, from: Intent, to: Intent, isLast: Bool, keepsVolumes: Bool = false
  ) -> Judge.Verdict {
    let atStart = cluster.nominal
    for write in phase.writes { cluster.write(write) }
    cluster.refresh()
    let facts = PhaseFacts(
      before: from, after: to, phase: phase, isLast: isLast, keepsVolumes: keepsVolumes,
      atSegmentStart: atSegmentStart, atStart: atStart, atEnd: cluster.nominal, during: cluster.during, inUse: inUse,
      cluster: cluster)
    let verdict = judge.judge(facts)
    for version in verdict.asked.indices where verdict.asked[version] { inUse.insert(version) }
    reachedAtEnd = verdict.reachedAtEnd
    return verdict
  }

  /// What the gates of the phase prove.
  package mutating func pass(_ gates: [Gate]) {
    for case .drained(let versions) in gates {
      let drained = Set(versions)
      for version in Array(inUse) where !reachedAtEnd[version] {
        let id = model.versions[version]
        let ref = WorkloadRef(app: model.plan[id.component].service, version: model.plan[id].name)
        if drained.contains(ref) { inUse.remove(version) }
      }
    }
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
