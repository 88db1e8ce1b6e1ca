import Diagnostics
import KubernetesModel
import Lowering
import MeshModel
import RequestTracing
import RolloutPlan
import SafetyChecks

/// Traces for a program, as `docs/pictures.md` describes them: `rolloutc.trace/1`.
struct TraceJSON {
  let review: Review
  let model: FlowModel
  let request: TracedRequest

  func bytes(_ traces: [(step: Int, trace: StepTrace)]) -> [UInt8] {
    var asked: Fields = ["method": .string(request.method)]
    if let path = request.path { asked["path"] = .string(path) }
    if let host = request.host { asked["host"] = .string(host) }
    if case .version(let version) = request.start { asked["from"] = .object(versionJSON(version, model)) }
    asked["headers"] = .array(request.headers.map { ["name": .string($0.0), "value": .string($0.1)] })
    let root: Value = [
      "schema": "rolloutc.trace/1", "plan": .string(model.plan.name), "request": .object(asked),
      "steps": .array(traces.map(json)),
    ]
    return jsonBytes(root, pretty: true) + [0x0A]
  }

  private func json(_ step: Int, _ trace: StepTrace) -> Value {
    let planned = review.plan.steps[step]
    var moments: [Value] = [moment(["moment": "before"], trace.before)]
    for change in trace.changes {
      let fields: Fields = [
        "moment": "during", "part": .int(change.place.segment + 1), "phase": .int(change.place.phase + 1),
        "kind": .string(change.place.kind.rawValue),
      ]
      moments.append(moment(fields, change.trace))
    }
    moments.append(moment(["moment": "after"], trace.after))
    return [
      "step": .int(step + 1), "name": .string(planned.name), "source": .string(review.place(of: planned)),
      "moments": .array(moments),
    ]
  }

  private func moment(_ fields: Fields, _ trace: Trace) -> Value {
    var fields = fields
    if trace.isWithoutSender { fields["isDeployed"] = false }
    fields["hops"] = .array(trace.hops.enumerated().map { hop($0, $1) })
    return .object(fields)
  }

  private func hop(_ number: Int, _ hop: Trace.Hop) -> Value {
    var fields: Fields = ["hop": .int(number)]
    if let parent = hop.parent { fields["after"] = .int(parent) }
    switch hop.source {
    case .entry(let e): fields["from"] = ["gatewayPort": .int(model.plan.exposures[e].port)]
    case .caller(let version): fields["from"] = .object(versionJSON(version, model))
    }
    fields["component"] = .string(model.plan.components[hop.callee].name)
    fields["port"] = .int(hop.port)
    fields["protocol"] = hop.isHTTP ? "http" : "tcp"
    fields["probability"] = jsonNumber(hop.probability)
    switch hop.end {
    case .version(let version): fields["version"] = .string(model.plan[model.versions[version]].name)
    case .failure(let failure):
      var found: Fields = ["text": .string(failure.words)]
      if let flag = failure.flag { found["flag"] = .string(flag.rawValue) }
      if let status = failure.httpStatus { found["status"] = .int(status) }
      fields["failure"] = .object(found)
    case .proxy(let status): fields["answeredByProxy"] = .int(status)
    case .outside(let host, let port): fields["outside"] = ["host": .string(host), "port": .int(port)]
    }
    if let rule = hop.rule {
      var found: Fields = ["object": .string(rule.object.description)]
      if let name = rule.name { found["route"] = .string(name) }
      if let origin = rule.origin { found["source"] = .string(review.place(origin)) }
      fields["rule"] = .object(found)
    }
    if hop.needsPassedHeaders { fields["needsPassedHeaders"] = true }
    if let shown = hop.shownAt { fields["callsShownAt"] = .int(shown) }
    if !hop.copies.isEmpty {
      fields["copies"] = .array(
        hop.copies.map { copy in
          var fields = versionJSON(copy.version, model)
          fields["probability"] = .double(copy.probability)
          return .object(fields)
        })
    }
    return .object(fields)
  }
}
