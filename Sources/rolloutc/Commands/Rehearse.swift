import ApplyEngine
import ArgumentParser
import DiagnosticRendering
import Diagnostics
import KubernetesModel
import Rehearsal
import RehearsalReporting
import RolloutPlan

struct Rehearse: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rehearse",
    abstract: "Run a plan without a cluster, in virtual time, with visitors asking all the while.",
    discussion: """
      The engine that runs plans against a cluster runs this one against a sandbox in memory: an API server with its \
      controllers, and a mesh whose proxies learn of every change late. Visitors of every kind send requests the whole \
      time, and each answer is counted: a good plan shows none that failed. The plan's `rehearsal` blocks say what the \
      stand-ins answer and what must come of it; without one, everything goes well.

      Exit codes: 0 all went as expected · 2 usage, or a plan that does not check · 8 a request failed, or an expectation \
      was not met.

      EXAMPLES:
        rolloutc rehearse plans/aks-voting.rollout --scenario "All goes well"
      """)

  @OptionGroup var options: PlanOptions

  @Option(
    name: .customLong("scenario"), help: ArgumentHelp("Only the rehearsal block of this name.", valueName: "name"))
  var scenario: String?

  @Option(help: ArgumentHelp("Of delays and weighted choices; the same seed shows the same rehearsal.", valueName: "n"))
  var seed: UInt64 = 1

  @Flag(
    help: """
      Also kill the run at every write and resume it, let each verify fail, every version never get ready, and every \
      approval and open pause be answered with no.
      """)
  var chaos = false

  @Flag(help: "Show which steps, statements, route rules and failure paths were gone through.")
  var coverage = false

  @Option(help: ArgumentHelp("With --coverage: fail below this share.", valueName: "percent"))
  var threshold: Int?

  @Option(
    help: ArgumentHelp(
      "Write a page for people: timeline, pictures, differences, answers, chaos.", valueName: "file.html"),
    completion: .file(extensions: ["html"]))
  var report: String?

  @Option(
    help: ArgumentHelp("Write the results as JUnit's XML, for pipelines.", valueName: "file.xml"),
    completion: .file(extensions: ["xml"]))
  var junit: String?

  @Option(name: [.customShort("o", allowingJoined: true), .long], help: "The form of the output.")
  var output: TextOrJSON = .text

  @OptionGroup var proof: ProofOptions

  func validate() throws {
    if threshold != nil, !coverage {
      throw ValidationError("--threshold is a share of what --coverage counts: give both")
    }
    if let threshold, !(0...100).contains(threshold) { throw ValidationError("--threshold is a share from 0 to 100") }
  }

  func run() throws {
    let begin = ContinuousClock.now
    let request = options.request
    let outputs = try Outputs([("--report", report), ("--junit", junit)])
    let proved = try request.proved(proof.demand)
    let (plan, compiled, resolution) = (proved.plan, proved.compiled, proved.resolution)
    try outputs.refuse(over: request)
    if plan.steps.isEmpty { throw Failure("the plan has no steps: there is nothing to rehearse", code: Exit.usage) }
    let itinerary = Itinerary(plan, compiled)
    for path in [report, junit].compactMap({ $0 }) { try IO.checkWritable(path) }
    let scripts = try chosenScripts(plan)
    var settings = RehearsalOptions()
    settings.seed = seed
    var found: [Diagnostic] = []
    var results: [RehearsalResult] = []
    for script in scripts {
      let rehearsal = Rehearsal(itinerary, script: script, options: settings)
      guard let result = rehearsal.run(.apply(steps: itinerary.stepCount), in: rehearsal.freshCluster()) else {
        throw Failure("the rehearsal waits for something that never comes")
      }
      results.append(result)
      found += result.unmet
      if let diagnostic = Diagnostic(failedRequests: result.traffic, plan) { found.append(diagnostic) }
      // Without a block that says otherwise, all is expected to go well.
      if script == nil, let failure = result.result.failure { found.append(failure.diagnostic) }
    }
    let chosen = scenario == nil ? nil : scripts[0]
    let storm = chaos ? Chaos(itinerary, options: settings, scenario: chosen).run() : nil
    for fault in storm?.faults ?? [] { found.append(Diagnostic(chaos: fault, plan)) }
    // A step that is to fail requests says so, as it does for the proof.
    found = resolution.allowances.filter(found)
    let covered = coverage ? RehearsalCoverage(compiled, results, storm) : nil
    let papers = RehearsalReport(
      plan: plan, compiled: compiled, sources: resolution.sources, results: results, storm: storm, coverage: covered)
    if let report { try IO.write(Array(papers.html.utf8), toFile: report) }
    if let junit { try IO.write(Array(papers.junit.utf8), toFile: junit) }
    switch output {
    case .text:
      let text = RehearsalText(plan: plan, elapsed: begin.duration(to: .now), colors: IO.colorsOutput)
      IO.standardOutput(text.rendered(results, storm, covered))
    case .json: IO.standardOutput(jsonBytes(rehearsalJSON(plan, results, storm, covered), pretty: true) + [0x0A])
    }
    request.diagnostics.show(found.inReadingOrder, resolution.sources)
    if !found.isEmpty { IO.exit(Exit.rehearsalFailed) }
    if let threshold, let covered, covered.percent < threshold {
      throw Failure(
        "\(covered.percent)% of the plan was gone through, less than \(threshold)%", code: Exit.rehearsalFailed)
    }
  }

  private func chosenScripts(_ plan: Plan) throws -> [RehearsalScript?] {
    guard let scenario else { return plan.rehearsals.isEmpty ? [nil] : plan.rehearsals.map { $0 } }
    if let script = plan.rehearsals.first(where: { $0.name == scenario }) { return [script] }
    let known = plan.rehearsals.map { "  \($0.name)" }.joined(separator: "\n")
    throw Failure(
      plan.rehearsals.isEmpty
        ? "the plan has no rehearsal block" : "the plan has no rehearsal `\(scenario)`; it has\n\(known)",
      code: Exit.usage)
  }
}

extension Diagnostic {
  /// Nil where every request was served.
  init?(failedRequests traffic: RehearsalTraffic, _ plan: Plan) {
    guard traffic.failed > 0 else { return nil }
    let notes = traffic.failures.prefix(5).map { failure in
      let status = failure.status.map { "\($0)" } ?? "no answer"
      let flag = failure.flag.isEmpty ? "" : " (Envoy: \(failure.flag))"
      return "\(failure.visitor), after \(shortText(failure.moment)): \(status)\(flag) at \(failure.hop)"
    }
    let step = traffic.failures.first?.step ?? 0
    let range = plan.steps.indices.contains(step) ? plan.steps[step].range : plan.nameRange
    self.init(
      .failedRequests, "\(counted(traffic.failed, "request")) of \(traffic.requests) failed",
      at: Label(range, "the first one in this step"), notes: Array(notes),
      help: traffic.failures.contains { $0.flag == "UF" && plan.stopsPods(inStep: $0.step) }
        ? "a pod that is told to end is asked until every proxy has heard of it: let it wait before it ends, as `Let pods end slowly` of docs/recipes.md does"
        : nil)
  }

  init(chaos fault: Chaos.Fault, _ plan: Plan) {
    let step = plan.steps.indices.contains(fault.step) ? plan.steps[fault.step].range : plan.nameRange
    let range = fault.range ?? step
    self.init(
      fault.failedRequests > 0 ? .failedRequests : .unmetExpectation, "\(fault.name): \(fault.message)",
      at: Label(range, range == step ? "in this step" : "here"))
  }
}

extension Plan {
  /// Some version has fewer pods behind a part of the step than before it.
  fileprivate func stopsPods(inStep step: Int) -> Bool {
    guard steps.indices.contains(step) else { return false }
    return steps[step].segments.contains { segment in
      zip(segment.before.components, segment.after.components).contains { before, after in
        before.deployed.contains { $0.replicas > after.deployment(of: $0.version)?.replicas ?? 0 }
      }
    }
  }
}
