import ApplyEngine
import ArgumentParser
import ClusterAPI
import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show what applying a plan would change in the cluster, object by object and field by field.",
    discussion: """
      The server tries the first change of each object without keeping it; what follows is worked out on top of that. \
      Drift, what stands and is no longer as it was written, is shown apart. Nothing is written, and no value of a Secret \
      is shown.

      With `-o FILE` the plan is saved: `rolloutc apply FILE` does just that, or refuses with what changed meanwhile. \
      Exit code 0, or 3 with `--exit-code` where something would change.

      EXAMPLES:
        rolloutc plan hello.rollout
        rolloutc plan hello.rollout --to 1 -o hello.plan
      """)

  @OptionGroup var options: PlanOptions

  @Option(help: ArgumentHelp("Only up to this step: its number, its name or its folder.", valueName: "step"))
  var to: String?

  @Option(
    name: [.customShort("o", allowingJoined: true), .customLong("out")],
    help: ArgumentHelp("Save the plan to this file.", valueName: "file"),
    completion: .file())
  var file: String?

  @Flag(name: .customLong("exit-code"), help: "Exit with 3 where something would change.")
  var usesExitCode = false

  @OptionGroup var proof: ProofOptions

  @OptionGroup var decisions: WriteDecisionOptions

  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if let file, ["human", "json", "ndjson", "text", "yaml"].contains(file) {
      throw ValidationError(
        "`-o \(file)`: here -o names the file that the plan is saved to, and what is shown has one form; for a file of that name write `-o ./\(file)`"
      )
    }
  }

  func run() throws {
    var request = options.request
    if let file {
      request.willEnd = { _, _ in IO.standardError("nothing was saved to \(oneLine(file))\n") }
    }
    let outputs = try Outputs([("--out", file)])
    let proved = try request.proved(proof.demand)
    let (plan, offline, resolution) = (proved.plan, proved.compiled, proved.resolution)
    try outputs.refuse(over: request)
    try file.map(refuseForeign)
    try connection.check(against: plan)
    let count = try to.map { try steps($0, of: plan, offline)[0] + 1 } ?? plan.steps.count
    try decisions.check(against: offline)
    let target = try ClusterTarget(connection)
    try target.check(against: plan)
    let decisions = decisions.value
    let reading = request
    let look = try blocking {
      // An address where nobody answers is said at once; what fails later is tried again.
      _ = try await target.reach()
      return try await LiveLook.at(plan, resolution, reading, .apply(steps: count), decisions, target)
    }
    var findings = look.findings
    if !ObservationOptions.hasPrometheusByEnvironment {
      // The run may be given one.
      var metric = look.itinerary.unreadableMetric(in: look.legs, observed: look.observed)
      metric?.severity = .warning
      findings += metric.map { [$0] } ?? []
    }
    request.diagnostics.show(findings.inReadingOrder, resolution.sources)
    let text = LivePlanText(look.plan, plan, target: target.words, color: IO.colorsOutput)
    IO.standardOutput(text.text + (notProved(proved.faults).map { $0 + "\n" } ?? ""))
    if findings.hasErrors { request.end(Exit.failed, findings, resolution.sources) }
    if let file {
      let saved = SavedPlan(
        tool: toolVersion, sources: request.files.all, environment: request.env, settings: request.settings,
        root: request.root, clusterDomain: request.clusterDomain, steps: count, planHash: look.itinerary.planHash,
        cluster: look.cluster, server: target.words, decisions: decisions, plan: look.plan)
      guard let bytes = saved.bytes else { throw Failure("the plan is not UTF-8 and cannot be saved") }
      try IO.write(bytes, toFile: file, isPrivate: true)
      IO.standardError(
        "saved to \(oneLine(file)); `rolloutc apply \(oneLine(shellWord(file)))\(proved.isProved ? "" : " --unproved")` does just that, or refuses\n"
      )
    }
    if usesExitCode, !look.plan.isEmpty { IO.exit(Exit.changes) }
  }
}

/// Throws where there is a file that no saved plan would replace.
private func refuseForeign(_ path: String) throws {
  guard IO.exists(path), !IO.isSpecial(path), !IO.isDirectory(path) else { return }
  if case .success(let bytes) = IO.read(path), bytes.isEmpty || SavedPlan.isOurs(bytes) { return }
  throw Failure(
    "`\(path)` is there, and is no plan that was saved; name another file, or remove it; nothing was changed",
    code: Exit.usage)
}

/// A plan, looked at against a cluster: what a run would do, and what is in its way.
struct LiveLook: Sendable {
  var itinerary: Itinerary
  var plan: LivePlan
  var findings: [Diagnostic]
  /// The UID of `kube-system`; empty where it may not be read.
  var cluster: String
  /// The legs that are still to come, and how many statements of the first have looked already.
  var legs: [Leg]
  var observed: Int

  /// Ends the process where what the cluster remembers does not fit the plan.
  static func at(
    _ plan: Plan, _ resolution: Resolution, _ request: PlanRequest, _ goal: RunGoal, _ decisions: WriteDecisions,
    _ target: ClusterTarget
  ) async throws -> LiveLook {
    let versions = try await target.istioVersions()
    let itinerary = Itinerary(
      plan, compile(plan, options: LoweringOptions(apiVersions: versions)))
    let identity = (try? await target.cluster.identity()) ?? ""
    let planner = Planner(
      itinerary, decisions: decisions, planOptions: request.planOptions, cluster: target.cluster)
    switch await planner.remembered(for: goal) {
    case .failure(let error):
      request.diagnostics.show([error.diagnostic], resolution.sources)
      request.end(error.isRefused ? Exit.refused : Exit.failed, [error.diagnostic], resolution.sources)
    case .success(let memory):
      let preflight = Preflight(
        itinerary, legs: memory.legs, inventory: memory.inventory, decisions: decisions, cluster: target.cluster,
        looksForIngress: !ObservationOptions.isGatewayGivenByEnvironment)
      let found = await preflight.findings()
      let live = await planner.plan(memory)
      return LiveLook(
        itinerary: itinerary, plan: live, findings: found + live.problems.filter { !found.contains($0) },
        cluster: identity, legs: memory.legs,
        observed: memory.record.progress.observation)
    }
  }
}
