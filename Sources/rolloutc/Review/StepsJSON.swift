import Diagnostics
import KubernetesModel
import Lowering
import RequestTracing
import RolloutPlan
import SafetyChecks

/// The steps of a plan for a program, as `docs/formats.md` describes them: `rolloutc.steps/1`.
struct StepsJSON {
  let plan: Plan
  let compiled: Compiled
  let review: Review

  var bytes: [UInt8] {
    let model = FlowModel(plan)
    var mesh = MeshSnapshot(model)
    var root: Fields = [
      "schema": "rolloutc.steps/1", "plan": .string(plan.name), "namespace": .string(plan.namespace),
    ]
    if let environment = plan.environment { root["environment"] = .string(environment.name) }
    root["steps"] = .array(
      plan.steps.indices.map { index in
        let serving = Serving(compiled.steps[index], &mesh)
        return json(index, ServingJSON(serving: serving, model: model))
      })
    return jsonBytes(.object(root), pretty: true) + [0x0A]
  }

  private func json(_ index: Int, _ serving: ServingJSON) -> Value {
    let step = plan.steps[index]
    let onFailure =
      switch step.onFailure ?? plan.onFailure {
      case .hold: "hold"
      case .rollback: "rollback"
      case .block: "block"
      }
    return [
      "number": .int(index + 1), "name": .string(step.name), "folder": .string(compiled.steps[index].folder),
      "source": .string(review.place(of: step)),
      "segments": .array(zip(step.segments, compiled.steps[index].segments).map(json)),
      "serving": .array(serving.rows), "copies": .array(serving.copies), "dark": .array(serving.dark),
      "onFailure": .string(onFailure),
    ]
  }

  private func json(_ segment: Segment, _ compiled: CompiledSegment) -> Value {
    let summary = WriteSummary(compiled)
    var fields: Fields = [
      "changes": .array(segment.changes.map { .string($0.text) }), "phases": .int(compiled.phases.count),
      "writes": .array(
        summary.groups.map {
          ["action": .string($0.action.rawValue), "kind": .string($0.kind), "count": .int($0.count)]
        }),
      "observations": .array(segment.observations.map { .string(review.words(of: $0)) }),
    ]
    if !summary.destroyed.isEmpty { fields["destroys"] = .array(summary.destroyed.map { .string($0) }) }
    return .object(fields)
  }
}

/// Who is served by what, before a step and after it.
private struct ServingJSON {
  let serving: Serving
  let model: FlowModel

  var rows: [Value] {
    serving.rows.map { row in
      var fields: Fields = [:]
      if case .exposure(let e) = row.start {
        let exposure = model.plan.exposures[e]
        fields["at"] = [
          "component": .string(model.plan[exposure.component].name), "port": .int(exposure.port),
          "path": .string(exposure.path),
        ]
      }
      fields["visitors"] = .string(row.visitors(of: model, isOnly: serving.rows.count { $0.start == row.start } == 1))
      fields["components"] = .array(
        model.plan.components.indices.compactMap { c in
          let (before, after) = (row.before[c], row.after[c])
          if before == nil, after == nil { return nil }
          return [
            "component": .string(model.plan.components[c].name), "before": parts(before), "after": parts(after),
          ]
        })
      return .object(fields)
    }
  }

  var copies: [Value] {
    serving.copies.map { copy in
      var fields = versionJSON(copy.version, model)
      fields["share"] = jsonNumber(copy.probability)
      return .object(fields)
    }
  }

  var dark: [Value] { serving.dark.map { .object(versionJSON($0, model)) } }

  private func parts(_ parts: [Serving.Part]?) -> Value {
    .array(
      (parts ?? []).map { part in
        switch part.end {
        case .version(let version):
          ["version": .string(model.plan[model.versions[version]].name), "share": jsonNumber(part.share)]
        case .failure(let seen): ["failure": .string(seen), "share": jsonNumber(part.share)]
        case .proxy(let status): ["answeredByProxy": .int(status), "share": jsonNumber(part.share)]
        }
      })
  }
}

/// A version by its component and its name.
func versionJSON(_ version: Int, _ model: FlowModel) -> Fields {
  let id = model.versions[version]
  return ["component": .string(model.plan[id.component].name), "version": .string(model.plan[id].name)]
}

/// Without a fraction where there is none.
func jsonNumber(_ value: Double) -> Value { value == value.rounded() ? .int(Int(value)) : .double(value) }
