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
    let lost = writes.filter(\.destroysData).map { "`\($0.id.name)`" }
    let loss =
      lost.isEmpty
      ? "" : "     destroys what is in \(lost.joined(separator: ", ")): no way back brings it again\n"
    return
      "     \(counted(writes.count, "write")) in \(counted(segment.phases.count, "phase")): \(parts.joined(separator: "; "))\n"
      + loss
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
}
