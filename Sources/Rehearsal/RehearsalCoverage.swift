internal import ApplyEngine
internal import KubernetesModel
package import Lowering
package import RolloutPlan

/// Which parts of a plan its rehearsals went through.
package struct RehearsalCoverage: Hashable, Sendable {
  package struct Count: Hashable, Sendable {
    package var name: String
    package var covered: Int
    package var total: Int
    /// What nobody went through, in a few words each.
    package var missing: [String]
  }

  package var counts: [Count]

  /// Of everything together, rounded down.
  package var percent: Int {
    let total = counts.reduce(0) { $0 + $1.total }
    return total == 0 ? 100 : 100 * counts.reduce(0) { $0 + $1.covered } / total
  }

  package init(_ compiled: Compiled, _ results: [RehearsalResult], _ storm: Chaos.Report?) {
    let plan = compiled.renderer.plan
    let itinerary = Itinerary(plan, compiled)
    let steps = results.map { $0.steps(of: plan) }
    let reached = Set(steps.flatMap { $0.filter { $0.status == .done || $0.status == .undone }.map(\.index) })
    var failed = storm?.failedSteps ?? []
    for run in steps { for step in run where step.status == .failed { failed.insert(step.index) } }
    func count(_ name: String, _ all: [(String, Bool)]) -> Count {
      Count(
        name: name, covered: all.count { $0.1 }, total: all.count, missing: all.filter { !$0.1 }.map(\.0))
    }
    let observed = Set(
      steps.flatMap { run in run.flatMap { step in step.observations.map { "\(step.index) \($0.text)" } } })
    // What was written was gone through, also where the step failed behind it.
    let written = results.reduce(into: Set<[Int]>()) { $0.formUnion($1.segmentsWritten(in: itinerary)) }
    var statements: [(String, Bool)] = []
    var paths: [(String, Bool)] = []
    for step in plan.steps {
      for (number, segment) in step.segments.enumerated() {
        let isWritten = reached.contains(step.index) || written.contains([step.index, number])
        for change in segment.changes { statements.append((change.text, isWritten)) }
        for observation in segment.observations {
          statements.append((observation.text, observed.contains("\(step.index) \(observation.text)")))
        }
      }
      paths.append((step.name, failed.contains(step.index)))
    }
    counts = [
      count("steps", plan.steps.map { ($0.name, reached.contains($0.index)) }), count("statements", statements),
      count("route rules", Self.rules(compiled, results.map(\.traffic))), count("failure paths", paths),
    ]
  }

  // MARK: - Route rules

  /// Each rule that some state of the plan has, by VirtualService and name, and whether it decided about a request. Not
  /// among them: what a VirtualService inside the mesh holds for callers that the plan does not know.
  private static func rules(_ compiled: Compiled, _ traffic: [RehearsalTraffic]) -> [(String, Bool)] {
    let taken = traffic.reduce(into: Set<[String]>()) { $0.formUnion($1.rules) }
    let calls = traffic.reduce(into: Set<[String]>()) { $0.formUnion($1.calls) }
    var seen: Set<[String]> = []
    var rules: [(String, Bool)] = []
    for segment in compiled.steps.flatMap(\.segments) {
      for entry in segment.after.image.entries where entry.id.kind == "VirtualService" {
        let (id, object) = (entry.id, entry.object)
        let isEntry = !(object.at("spec", "gateways")?.array ?? []).isEmpty
        for rule in object.at("spec", "http")?.array ?? [] {
          guard let name = rule["name"]?.string, isEntry || rule["match"] != nil, seen.insert([id.name, name]).inserted
          else { continue }
          rules.append(("\(name) of VirtualService/\(id.name)", taken.contains([id.name, name])))
        }
        // Rules for connections have no names: they are told by whom they are for.
        for rule in object.at("spec", "tcp")?.array ?? [] {
          let labels = rule["match"]?.array?.first?["sourceLabels"]
          guard let app = labels?["app"]?.string, let version = labels?["version"]?.string,
            seen.insert([id.name, app, version]).inserted
          else { continue }
          let isTaken = calls.contains { $0[0] == "\(app) \(version)" && $0[1].hasPrefix("\(id.name) ") }
          rules.append(("for \(app) \(version) of VirtualService/\(id.name)", isTaken))
        }
      }
    }
    return rules
  }
}
