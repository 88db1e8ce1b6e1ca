import ArgumentParser
import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import SafetyChecks

/// What every command takes that goes on only with a plan that is proved.
struct ProofOptions: ParsableArguments {
  @Flag(help: "Go on although requests may fail during the run: the faults are warnings, and the output says so.")
  var unproved = false

  var demand: ProofDemand { unproved ? .waived : .required }
}

/// What becomes of a plan during whose run some request may fail.
enum ProofDemand {
  /// It is refused.
  case required
  /// Its faults are warnings.
  case waived
}

/// A plan, its writes, and what a check of every moment of its run has found.
struct ProvedPlan {
  var plan: Plan
  var compiled: Compiled
  var resolution: Resolution
  var coverage: Coverage
  /// How many faults were let pass.
  var faults: Int
  /// What the proof rests on, where nothing comes after the output: kept until the process ends.
  var evidence: SafetyReport.Evidence?

  var isProved: Bool { faults == 0 }

  fileprivate func check() -> SafetyReport { checkOnTwoProcessors(compiled, plan: plan) }
}

extension PlanRequest {
  /// The plan and its writes, where no request can fail at any moment of the run, on the way back or in a failure block.
  /// Where the plan does not check, or is not proved and `demand` asks for it, the diagnostics are shown and the run
  /// ends with 2. Everything that writes to a cluster, or shows what would be written, begins here.
  func proved(_ demand: ProofDemand) throws -> ProvedPlan {
    let candidate = try candidate()
    return judged(candidate, by: candidate.check(), demand)
  }

  /// The same, with `work` done beside the proof, which is most of the time of a large plan: on what the plan is if it is
  /// proved, and for nothing if it is not.
  func proved<T>(
    _ demand: ProofDemand, meanwhile work: (ProvedPlan) throws -> T
  ) throws -> (ProvedPlan, T) {
    let candidate = try candidate()
    // Room for the report and for the end behind it, so that nobody has to ask for that.
    let proof = Ahead(lead: 2) { CollectionOfOne(candidate.check()).makeIterator() }
    let result = Result { try work(candidate) }
    let report = proof.next() ?? candidate.check()
    var proved = judged(candidate, by: report, demand)
    proved.evidence = report.evidence
    return (proved, try result.get())
  }

  private func candidate() throws -> ProvedPlan {
    let (plan, resolution) = try checked()
    return ProvedPlan(
      plan: plan, compiled: compile(plan), resolution: resolution, coverage: Coverage(), faults: 0)
  }

  private func judged(_ candidate: ProvedPlan, by report: SafetyReport, _ demand: ProofDemand) -> ProvedPlan {
    let resolution = candidate.resolution
    let problems = candidate.compiled.problems.compactMap(Diagnostic.init)
    let found = resolution.diagnostics + resolution.allowances.filter(problems)
    var faults = resolution.allowances.filter(report.diagnostics)
    let isRefused = diagnostics.refuses(found) || demand == .required && faults.hasErrors
    if demand == .waived { for i in faults.indices { faults[i].severity = .warning } }
    diagnostics.show((found + faults).inReadingOrder, resolution.sources, always: isRefused)
    if isRefused {
      if diagnostics.format == .human, !diagnostics.refuses(found) {
        IO.standardError("the plan is not proved; `--unproved` goes on all the same\n")
      }
      end(Exit.usage, found + faults, resolution.sources)
    }
    if diagnostics.format == .human { candidate.plan.tellOfNoSteps() }
    var proved = candidate
    proved.coverage = report.coverage
    proved.faults = faults.count
    return proved
  }
}

/// What somebody must know who reads what a plan writes, with so many faults let pass.
func notProved(_ faults: Int) -> String? {
  faults == 0 ? nil : "NOT PROVED: `rolloutc check` finds \(counted(faults, "fault")) on the way through these writes"
}

extension Plan {
  /// A plan of declarations alone is right, and mostly not finished.
  func tellOfNoSteps() {
    if steps.isEmpty { IO.standardError("the plan has no step: nothing is deployed, and nobody is routed\n") }
  }
}

extension Coverage {
  /// Why nothing was there to be proved; nil where some request was followed through some write.
  var emptiness: String? {
    if phases == 0 { return "no step writes anything" }
    return cohorts > 0 || callPaths > 0
      ? nil : "the plan knows of no request, it exposes nothing and nobody calls"
  }

  /// What was looked at, for a program.
  ///
  /// - Parameter allowed: how many faults the plan itself allows.
  func json(allowed: Int) -> Value {
    [
      "allowed": .int(allowed),
      "cohorts": .int(cohorts), "callPaths": .int(callPaths), "waysBack": .int(rollbacks),
      "failureBlocks": .int(failureBlocks), "phases": .int(phases), "configurations": .int(configurations),
    ]
  }

  /// What was looked at, for a person.
  var words: String {
    """
    \(counted(cohorts, "kind")) of visitors, \(counted(callPaths, "call path")), \(counted(rollbacks, "way")) back\
    \(failureBlocks == 0 ? "" : ", " + counted(failureBlocks, "start") + " of a failure block"), \
    \(counted(phases, "phase")), \(counted(configurations, "configuration"))
    """
  }
}
