internal import ApplyEngine
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

  package init(_ plan: Plan, _ results: [RehearsalResult], _ storm: Chaos.Report?) {
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
    var statements: [(String, Bool)] = []
    var paths: [(String, Bool)] = []
    for step in plan.steps {
      for segment in step.segments {
        for change in segment.changes { statements.append((change.text, reached.contains(step.index))) }
        for observation in segment.observations {
          statements.append((observation.text, observed.contains("\(step.index) \(observation.text)")))
        }
      }
      paths.append((step.name, failed.contains(step.index)))
    }
    counts = [
      count("steps", plan.steps.map { ($0.name, reached.contains($0.index)) }), count("statements", statements),
      count("failure paths", paths),
    ]
  }
}
