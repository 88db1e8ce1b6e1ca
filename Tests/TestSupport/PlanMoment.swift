internal import KubernetesModel
internal import Lowering
package import RequestTracing
package import RolloutPlan
package import SafetyChecks

/// A plan in one of the states that it goes through, with the mesh as it then is.
package struct PlanMoment {
  package var model: FlowModel
  package var state: State
  package var mesh: MeshSnapshot
  /// `seed 17, after part 1 of step 2`
  package var name: String

  /// Every state of a random plan that checks.
  package static func all(seed: UInt64) -> [PlanMoment] {
    var source = RandomText(seed: seed)
    guard let plan = resolve(path: "p.rollout", bytes: Array(source.plan().utf8)).checked else { return [] }
    let model = FlowModel(plan)
    var mesh = MeshSnapshot(model)
    var moments: [PlanMoment] = []
    for step in compile(plan).steps {
      for (s, segment) in step.segments.enumerated() {
        for phase in segment.phases { mesh.apply(phase) }
        moments.append(
          PlanMoment(
            model: model, state: segment.after.state, mesh: mesh,
            name: "seed \(seed), after part \(s + 1) of step \(step.index + 1)"))
      }
    }
    return moments
  }

  /// A random state of a random plan, which no step has to lead to.
  package static func any(seed: UInt64) -> PlanMoment {
    var source = RandomPlan(seed: seed)
    let state = source.state()
    let model = FlowModel(source.plan)
    var mesh = MeshSnapshot(model)
    let renderer = Renderer(source.plan)
    for entry in renderer.objects(renderer.view(of: state)).entries {
      mesh.apply(Write(action: .create, id: entry.id, object: entry.object, previous: nil, origin: entry.origin))
    }
    return PlanMoment(model: model, state: state, mesh: mesh, name: "seed \(seed)")
  }

  /// What the state says of a flow: versions by their place in the model, those that have pods.
  package func wanted(_ flow: Flow) -> Set<Int> {
    let targets = Intent(model.plan, state).targets(of: flow, model).map { model.firstVersion[flow.callee] + $0 }
    return Set(targets.filter { mesh.replicas(of: $0) ?? 0 > 0 })
  }

  package var starts: [TracedRequest.Start] { [.gateways] + model.versions.indices.map(TracedRequest.Start.version) }
}
