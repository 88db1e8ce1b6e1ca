internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension RunSession {
  /// The trial of an approved plan, again before each step: what stands must be what the approval was given on top of, and
  /// the server must still take what is to come.
  ///
  /// The legs themselves cannot have changed, as the plan's hash is in the approval. What can is what they meet: a field of
  /// ours that somebody else wrote since the last step, or an owner of a field that we are about to write. Versions, status
  /// and the fields of others may move.
  func reviewStep(_ legs: ArraySlice<Leg>) async throws(RunBreak) {
    guard let first = legs.first else { return }
    let step = Array(legs.prefix { $0.step == first.step })
    let planner = Planner(itinerary, decisions: options.decisions, cluster: environment.cluster)
    let live = await planner.plan(
      Planner.Memory(inventory: inventory, record: record, notes: [], legs: step))
    var notes = live.drift.flatMap(note)
    for problem in live.problems { notes += [problem.message] + problem.notes }
    if notes.isEmpty { return }
    throw .refused(
      RunFailure(
        .approvalMismatch(
          "the step `\(plan.steps[first.step].name)` would not do any more what was approved",
          at: plan.steps[first.step].range, notes: notes), at: place))
  }

  /// Each field that is not as it was written, and who may have written it.
  private func note(_ change: LivePlan.Change) -> [String] {
    let writers = change.writers.isEmpty ? "" : ", written by \(change.writers.joined(separator: ", "))"
    return change.fields.map { field in
      let (live, ours) = (field.old.map { jsonText($0) } ?? "absent", field.new.map { jsonText($0) } ?? "absent")
      return "\(change.id): \(field.path) is \(live) and was \(ours)\(writers)"
    }
  }
}
