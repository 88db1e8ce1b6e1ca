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
        rolloutc check --format sarif plans/*.rollout > rolloutc.sarif
      """)

  @OptionGroup var options: PlanOptions

  @Argument(
    help: ArgumentHelp("More plans, each for itself, with the same options.", valueName: "plan"),
    completion: .file(extensions: ["rollout"]))
  var more: [String] = []

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
    if !against.isEmpty, let folder = more.first {
      throw ValidationError(
        "`\(folder)` is one more than the folder that stands after: give each of before as `--against`")
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
    if !more.isEmpty {
      let others = more.map { path in
        var other = request
        other.plan = path
        return other
      }
      return try PlanRequest.check([request] + others)
    }
    if against.isEmpty { return try request.check() }
    var meant = request
    if let intent { meant.plan = intent }
    try FolderRequest(
      folders: against + [request.plan], namespace: namespace ?? "default", clusterDomain: request.clusterDomain,
      intent: intent == nil ? nil : meant, mayDeleteVolumes: withVolumes, diagnostics: request.diagnostics
    ).run()
  }
}

/// A plan that was looked at.
private struct CheckedPlan {
  var plan: Plan?
  var sources: SourceSet
  /// In reading order.
  var found: [Diagnostic]
  var coverage: Coverage?
  /// How many faults the plan itself says are meant.
  var allowed = 0
  /// To take a large plan apart object by object would only cost time.
  var proved: (compiled: Compiled, report: SafetyReport)?

  init(_ request: PlanRequest) throws {
    let resolution = try request.resolved()
    (plan, sources, found) = (resolution.plan, resolution.sources, resolution.diagnostics)
    if let plan = resolution.checked {
      let compiled = compile(plan)
      let report = checkOnTwoProcessors(compiled, plan: plan)
      proved = (compiled, report)
      let faults = resolution.allowances.filter(report.diagnostics)
      allowed = report.diagnostics.count { $0.severity == .error } - faults.count { $0.severity == .error }
      found += resolution.allowances.filter(compiled.problems.compactMap { .init($0) }) + faults
      coverage = report.coverage
    }
    found = found.inReadingOrder
  }

  /// What JSON says of it beside its diagnostics.
  var outcome: Fields {
    var outcome: Fields = [:]
    if let plan { outcome = ["plan": .string(plan.name), "steps": .int(plan.steps.count)] }
    if let coverage, coverage.emptiness == nil, !found.hasErrors {
      outcome["proved"] = coverage.json(allowed: allowed)
    }
    return outcome
  }

  /// What is said to people of a plan that nothing is held against.
  func tell() {
    guard let plan, let coverage else { return }
    let proof = allowed == 0 ? "proved: " : "proved but for \(counted(allowed, "fault")) that the plan allows: "
    let count = found.isEmpty ? "no diagnostics" : counted(found.count, "diagnostic")
    IO.standardError(
      """
      \(plan.name): \(counted(plan.steps.count, "step")), \(count)
      \(coverage.emptiness.map { "nothing to prove: \($0)" } ?? proof + coverage.words)

      """)
    plan.tellOfNoSteps()
  }
}

extension PlanRequest {
  /// Says what is wrong with the plan, or what was proved.
  func check() throws {
    let checked = try CheckedPlan(self)
    diagnostics.show(checked.found, checked.sources, always: true, outcome: checked.outcome)
    if diagnostics.refuses(checked.found) { IO.exit(Exit.usage) }
    if diagnostics.format == .human { checked.tell() }
    // Nothing comes after it.
    withExtendedLifetime(checked.proved) { IO.exit(Exit.done) }
  }

  /// The same of several plans, each for itself, in one result. One that cannot be read keeps no other from its own.
  static func check(_ requests: [PlanRequest]) throws {
    var groups: [(found: [Diagnostic], sources: SourceSet)] = []
    var plans: [Value] = []
    var isRefused = false
    var failures: [String] = []
    for request in requests {
      let output = request.diagnostics
      var about: Fields = ["path": .string(request.plan)]
      do {
        let checked = try CheckedPlan(request)
        for entry in checked.outcome.entries { about[entry.key] = entry.value }
        let refuses = output.refuses(checked.found)
        isRefused = isRefused || refuses
        switch output.format {
        case .human, .github: output.show(checked.found, checked.sources, always: true)
        case .json, .sarif: groups.append((checked.found, checked.sources))
        }
        if output.format == .human, !refuses { checked.tell() }
      } catch let failure as Failure {
        failure.show()
        if output.format == .github { output.show(failure) }
        about["message"] = .string(failure.message)
        failures.append(failure.message)
        isRefused = true
      }
      plans.append(.object(about))
    }
    requests[0].diagnostics.show(groups, outcome: ["plans": .array(plans)], failures: failures)
    IO.exit(isRefused ? Exit.usage : Exit.done)
  }
}
