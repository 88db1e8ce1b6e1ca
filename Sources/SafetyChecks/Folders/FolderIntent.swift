internal import KubernetesModel
package import MeshModel
package import RolloutPlan

/// Who should be served by what, for folders that have no plan: a plan that says nothing else. Its steps are the folders,
/// the oldest first; a single step holds for all of them. Without a step it says who calls whom and what belongs to one
/// release, and who is served by what the folders say alone.
package struct FolderIntent: Sendable {
  let model: FlowModel
  private let states: [State]

  /// Nil where the plan has steps, and neither one nor one for each folder.
  package init?(_ plan: Plan, folders: Int, options: MeshOptions = MeshOptions()) {
    var states: [State] = []
    var last = State()
    for step in plan.steps {
      last = step.segments.last?.after ?? last
      states.append(last)
    }
    if states.count == 1, let only = states.first { states = Array(repeating: only, count: folders) }
    guard states.isEmpty || states.count == folders else { return nil }
    self.states = states
    model = FlowModel(plan, options: options)
  }

  /// What the folders `n` and `n + 1` are to do: any moment between them may be either. Nil where no step says it.
  func between(_ n: Int) -> Intent? { states.isEmpty ? nil : Intent(model.plan, states[n], states[n + 1]) }

  /// The version that a workload is, by its pods' labels.
  func version(of labels: [String: String]) -> Int? {
    guard let app = labels["app"] ?? labels["app.kubernetes.io/name"],
      let version = labels["version"] ?? labels["app.kubernetes.io/version"],
      let c = model.componentOfService[app],
      let v = model.plan.components[c].versions.firstIndex(where: { $0.name == version })
    else { return nil }
    return model.firstVersion[c] + v
  }

  /// The intent says that these pods call the service.
  func calls(_ labels: [String: String], _ service: ObjectID) -> Bool {
    guard let version = version(of: labels), service.namespace == model.plan.namespace,
      let callee = model.componentOfService[service.name]
    else { return false }
    return model.plan[model.versions[version]].calls.contains { $0.index == callee }
  }
}
