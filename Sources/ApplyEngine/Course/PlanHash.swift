internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension Itinerary {
  /// Of everything that the plan would do: each write of each leg, and what is observed. Two plans with one hash can be
  /// taken for each other at any point of a run.
  static func hash(of plan: Plan, _ forward: [Leg]) -> String {
    var legs: [Value] = []
    for leg in forward {
      legs.append([
        "s": .string(leg.stamp), "p": phases(of: leg), "o": .array(leg.observations.map { .string($0.text) }),
      ])
    }
    return contentHash([
      "plan": .string(plan.name), "namespace": .string(plan.namespace),
      "steps": .array(plan.steps.map { .string($0.name) }), "legs": .array(legs),
    ])
  }

  /// Of what forward leg `leg` writes: an edited plan that writes the same there can go on from the middle of it.
  func changesHash(ofLeg leg: Int) -> String {
    forward.indices.contains(leg)
      ? contentHash(["s": .string(forward[leg].stamp), "p": Self.phases(of: forward[leg])]) : ""
  }

  private static func phases(of leg: Leg) -> Value {
    .array(
      leg.phases.map { phase in
        .array(
          phase.writes.map { write in
            ["a": .string(write.action.rawValue), "id": .string(key(write.id)), "o": write.object ?? .null]
          })
      })
  }

  /// Of what stands after `legs` legs, whoever wrote it and by which plan: the objects without stamps.
  package func standingHash(afterLegs legs: Int) -> String {
    let entries = standing(afterLegs: legs).image.entries.sorted { key($0.id) < key($1.id) }
    return contentHash(.array(entries.map { ["id": .string(key($0.id)), "o": $0.plain] }))
  }
}

private func key(_ id: ObjectID) -> String { "\(id.group)/\(id.kind)/\(id.namespace)/\(id.name)" }
