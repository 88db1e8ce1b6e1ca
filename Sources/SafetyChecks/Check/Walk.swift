package import Lowering
internal import RolloutPlan

/// A cluster on its way through phases, and what must be remembered from one to the next.
package struct Walk {
  package let model: FlowModel
  var cluster: TrackedCluster
  /// Versions that may still hold requests.
  private(set) var inUse: Set<Int> = []
  private let judge: Judge
  private var atSegmentStart: [FlowOutcome]
  private var reachedAtEnd: [Bool] = []
  /// What may have happened to each flow in the phase that was taken last.
  package private(set) var outcomes: [FlowOutcome] = []

  package init(_ model: FlowModel) {
    self.model = model
    cluster = TrackedCluster(model)
    judge = Judge(model)
    atSegmentStart = cluster.nominal
  }

  /// A segment begins.
  package mutating func begin() { atSegmentStart = cluster.nominal }

  /// Does the writes of `phase` and judges every configuration on the way.
  package mutating func take(
    _ phase: Phase, from: Intent, to: Intent, isLast: Bool, keepsVolumes: Bool = false
  ) -> Judge.Verdict {
    let atStart = cluster.nominal
    for write in phase.writes { cluster.write(write) }
    let during = cluster.outcomes()
    let facts = PhaseFacts(
      before: from, after: to, phase: phase, isLast: isLast, keepsVolumes: keepsVolumes,
      atSegmentStart: atSegmentStart, atStart: atStart, atEnd: cluster.nominal, during: during, inUse: inUse,
      leastReady: cluster.leastReady, standing: cluster.current)
    let verdict = judge.judge(facts)
    if isRecording { outcomes = model.flows.indices.map(facts.outcome) }
    for version in verdict.asked.indices where verdict.asked[version] { inUse.insert(version) }
    reachedAtEnd = verdict.reachedAtEnd
    return verdict
  }

  /// Keeps ``outcomes``.
  package var isRecording = false

  /// What the gates of the phase prove.
  package mutating func pass(_ gates: [Gate]) {
    for case .drained(let drained) in gates {
      for version in Array(inUse) where !reachedAtEnd[version] {
        let id = model.versions[version]
        let ref = WorkloadRef(app: model.plan[id.component].service, version: model.plan[id].name)
        if drained.contains(ref) { inUse.remove(version) }
      }
    }
    cluster.pass(gates)
  }
}
