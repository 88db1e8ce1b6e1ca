import KubernetesModel
import Lowering
import RequestTracing
import RolloutPlan
import SafetyChecks

/// The plan on one screen.
struct StepTable {
  let plan: Plan
  let compiled: Compiled
  let review: Review

  var text: String {
    var text = "plan \(plan.name), namespace \(plan.namespace)"
    if let environment = plan.environment { text += ", environment \(environment.name)" }
    text += "\n"
    let model = FlowModel(plan)
    var mesh = MeshSnapshot(model)
    for (index, step) in plan.steps.enumerated() {
      text += "\n\(index + 1)  \(oneLine(step.name))  (\(review.place(of: step)))\n"
      for (m, segment) in step.segments.enumerated() {
        for change in segment.changes { text += "     \(oneLine(change.text))\n" }
        text += summary(compiled.steps[index].segments[m])
        for observation in segment.observations { text += "     then \(review.words(of: observation))\n" }
      }
      let serving = Serving(compiled.steps[index], &mesh)
      for line in ServingTable(serving: serving, model: model).lines { text += line + "\n" }
      text += "   if it fails: \(failure(step))\n"
    }
    return text
  }

  /// `12 writes in 5 phases: creates 3 Deployment; …`.
  private func summary(_ segment: CompiledSegment) -> String {
    let writes = segment.phases.reduce(0) { $0 + $1.writes.count }
    if writes == 0 { return "" }
    let summary = WriteSummary(segment)
    let lost = summary.destroyed.map { "`\($0)`" }.joined(separator: ", ")
    return
      "     \(counted(writes, "write")) in \(counted(segment.phases.count, "phase")): \(summary.words)\n"
      + (lost.isEmpty ? "" : "     destroys what is in \(lost): no way back brings it again\n")
  }

  private func failure(_ step: Step) -> String {
    switch step.onFailure ?? plan.onFailure {
    case .hold: "hold where it stands"
    case .rollback: "roll back to the state before it"
    case .block: "run its `on failure` block"
    }
  }
}
