import ArgumentParser
import DiagnosticRendering
import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import SafetyChecks

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Prove a plan, or say what is wrong with it.",
    discussion: """
      Every configuration that some proxy of the mesh may hold while the plan runs is gone through, with every set of \
      pods that may be ready, for each phase of each step, of its rollback and of its failure block: no request may \
      meet an error, and none may reach a version that it should not.

      With `--against` there is no plan: two folders of plain YAML, or several, are what stands one after the other. \
      Nothing says in which order their objects are written, so each may be held as it was or as it will be. Callers \
      are the workloads that the lanes of a service name, or whose environment names it. `--intent` says who should be \
      served by what: a plan without images, one step for each folder or one for all; without a step it says only who \
      calls whom, and what belongs to one release.

      EXAMPLES:
        rolloutc check plans/aks-voting.rollout
        rolloutc check --strict --format github plans/bookinfo.rollout
      """)

  @OptionGroup var options: PlanOptions

  @Option(
    help: ArgumentHelp(
      "What stood before, as a folder or a file of YAML; PLAN is then what stands after it. Several: the oldest first.",
      valueName: "dir"),
    completion: .directory)
  var against: [String] = []

  @Option(
    help: ArgumentHelp(
      "With --against: where an object stands that does not say it; `default` unless given.", valueName: "name")
  )
  var namespace: String?

  @Option(
    help: ArgumentHelp("With --against: a plan that says who should be served by what.", valueName: "plan"),
    completion: .file(extensions: ["rollout"]))
  var intent: String?

  @Flag(help: "With --against: volumes may be deleted, and the data on them.")
  var withVolumes = false

  func validate() throws {
    if against.isEmpty, intent != nil || withVolumes || namespace != nil {
      throw ValidationError("`--intent`, `--with-volumes` and `--namespace` are about folders: give `--against`, too")
    }
    if let namespace, let problem = namespaceProblem(namespace) {
      throw ValidationError("`--namespace \(namespace)` is no namespace: \(problem)")
    }
    if !against.isEmpty, intent == nil, options.env != nil || !options.settings.isEmpty || options.root != nil {
      throw ValidationError("`--env`, `--set` and `--root` are about a plan, and folders have none without `--intent`")
    }
  }

  func run() throws {
    do {
      try check(options.request)
    } catch let failure as Failure {
      options.diagnostics.output.show(failure)
      throw failure
    }
  }

  private func check(_ request: PlanRequest) throws {
    if against.isEmpty { return try request.check() }
    var meant = request
    if let intent { meant.plan = intent }
    try FolderRequest(
      folders: against + [request.plan], namespace: namespace ?? "default", clusterDomain: request.clusterDomain,
      intent: intent == nil ? nil : meant, mayDeleteVolumes: withVolumes, diagnostics: request.diagnostics
    ).run()
  }
}

extension PlanRequest {
  /// Says what is wrong with the plan, or what was proved.
  func check() throws {
    let resolution = try resolved()
    var found = resolution.diagnostics
    var coverage: Coverage?
    /// Faults that the plan itself says are meant.
    var allowed = 0
    var proved: (compiled: Compiled, report: SafetyReport)?
    if let plan = resolution.checked {
      let compiled = compile(plan)
      let report = checkOnTwoProcessors(compiled, plan: plan)
      proved = (compiled, report)
      let faults = resolution.allowances.filter(report.diagnostics)
      allowed = report.diagnostics.count { $0.severity == .error } - faults.count { $0.severity == .error }
      found += resolution.allowances.filter(compiled.problems.compactMap { .init($0) }) + faults
      coverage = report.coverage
    }
    var outcome: Fields = [:]
    if let plan = resolution.plan { outcome = ["plan": .string(plan.name), "steps": .int(plan.steps.count)] }
    if let coverage, coverage.emptiness == nil, !found.hasErrors {
      outcome["proved"] = coverage.json(allowed: allowed)
    }
    diagnostics.show(found.inReadingOrder, resolution.sources, always: true, outcome: outcome)
    if diagnostics.refuses(found) { IO.exit(Exit.usage) }
    if diagnostics.format == .human, let plan = resolution.plan, let coverage {
      let proof = allowed == 0 ? "proved: " : "proved but for \(counted(allowed, "fault")) that the plan allows: "
      let count = found.isEmpty ? "no diagnostics" : counted(found.count, "diagnostic")
      IO.standardError(
        """
        \(plan.name): \(counted(plan.steps.count, "step")), \(count)
        \(coverage.emptiness.map { "nothing to prove: \($0)" } ?? proof + coverage.words)

        """)
      plan.tellOfNoSteps()
    }
    // Nothing comes after it; to take a large plan apart object by object would only cost time.
    withExtendedLifetime(proved) { IO.exit(Exit.done) }
  }
}
