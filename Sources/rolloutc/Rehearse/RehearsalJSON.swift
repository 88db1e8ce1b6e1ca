import ApplyEngine
import Diagnostics
import KubernetesModel
import Rehearsal
import RolloutPlan

/// The same for a program, as `docs/formats.md` describes it. Times are milliseconds of the rehearsal's own clock.
func rehearsalJSON(
  _ plan: Plan, _ results: [RehearsalResult], _ storm: Chaos.Report?, _ coverage: RehearsalCoverage?
) -> Value {
  func time(_ duration: Duration?) -> Value {
    guard let duration else { return .null }
    let (seconds, attoseconds) = duration.components
    return .int(Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
  }
  func value(_ result: RehearsalResult) -> Value {
    let steps = result.steps(of: plan).map { step -> Value in
      [
        "number": .int(step.index + 1), "name": .string(step.name), "status": .string(step.status.rawValue),
        "begin": time(step.begin), "end": time(step.end), "writes": .int(step.writes),
        "observations": .array(
          step.observations.map {
            ["text": .string($0.text), "result": .string($0.result), "holds": .bool($0.holds)]
          }),
      ]
    }
    let keys = result.traffic.served.keys
      .sorted { ($0.step, $0.visitor, $0.servedBy) < ($1.step, $1.visitor, $1.servedBy) }
    return [
      "rehearsal": result.script.map { .string($0) } ?? .null, "outcome": .string(result.result.outcome.rawValue),
      "failure": result.result.failure.map { .string($0.diagnostic.message) } ?? .null, "steps": .array(steps),
      "requests": .int(result.traffic.requests), "failed": .int(result.traffic.failed),
      "failedAsStubbed": .int(result.traffic.failedAsStubbed),
      "served": .array(
        keys.map { key in
          [
            "step": .int(key.step + 1), "visitor": .string(key.visitor), "servedBy": .string(key.servedBy),
            "count": .int(result.traffic.served[key] ?? 0),
          ]
        }),
      "failures": .array(
        result.traffic.failures.map { failure in
          [
            "step": .int(failure.step + 1), "visitor": .string(failure.visitor), "at": time(failure.moment),
            "status": failure.status.map { .int($0) } ?? .null, "flag": .string(failure.flag),
            "hop": .string(failure.hop),
          ]
        }),
      "unmet": .array(result.unmet.map { .string($0.message) }), "duration": time(result.duration),
    ]
  }
  var fields: Fields = [
    "schema": "rolloutc.rehearsal/1", "plan": .string(plan.name), "rehearsals": .array(results.map(value)),
  ]
  if let storm {
    fields["chaos"] = [
      "runs": .array(storm.runs.map { ["kind": .string($0.kind.rawValue), "count": .int($0.count)] }),
      "requests": .int(storm.requests), "failed": .int(storm.failedRequests),
      "faults": .array(
        storm.faults.map {
          [
            "kind": .string($0.kind.rawValue), "name": .string($0.name), "step": .int($0.step + 1),
            "message": .string($0.message), "failed": .int($0.failedRequests),
          ]
        }),
    ]
  }
  if let coverage {
    fields["coverage"] = [
      "percent": .int(coverage.percent),
      "parts": .array(
        coverage.counts.map {
          [
            "name": .string($0.name), "covered": .int($0.covered), "total": .int($0.total),
            "missing": .array($0.missing.map { .string($0) }),
          ]
        }),
    ]
  }
  return .object(fields)
}
