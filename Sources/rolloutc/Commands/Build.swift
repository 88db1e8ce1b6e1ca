import ArgumentParser
import DiagnosticRendering
import Diagnostics
import Lowering
import RolloutPlan
import SafetyChecks

enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case yaml, json }

struct Build: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compile a plan to the objects that it means, for review. No cluster is needed.",
    discussion: """
      Prints one YAML stream: each step under a header, its writes phase by phase in the order of writing, each \
      object behind the line of the plan that it comes from, deletions as comments.
      """)

  @OptionGroup var options: PlanOptions

  @Option(help: ArgumentHelp("Only this step: its number, its name or its folder.", valueName: "step"))
  var step: String?

  @Flag(help: "The full desired state after each step, instead of what changes.")
  var state = false

  @Option(name: [.customShort("o"), .long], help: "The form of the output.")
  var output: OutputFormat = .yaml

  @Option(
    name: .customLong("out"),
    help: ArgumentHelp("Write one folder per step, with kustomizations, instead of printing.", valueName: "dir"),
    completion: .directory)
  var folder: String?

  func validate() throws {
    if folder != nil, state || output == .json {
      throw ValidationError("--out writes folders of YAML, the full state among them; leave out --state and --output")
    }
  }

  func run() throws {
    try BuildRequest(plan: options.request, step: step, state: state, output: output, folder: folder).run()
  }
}

/// `build` with its options as plain values.
struct BuildRequest {
  var plan: PlanRequest
  var step: String?
  var state = false
  var output: OutputFormat = .yaml
  var folder: String?

  func run() throws {
    let (plan, compiled, resolution) = try plan.compiled()
    let chosen = try steps(of: plan, compiled)
    let review = Review(plan: plan, compiled: compiled, sources: resolution.sources, steps: chosen)
    if let folder {
      let count = try ReviewFolders(review: review).write(to: folder)
      IO.standardError("wrote \(count) files for \(counted(chosen.count, "step")) to \(safeText(folder))\n")
      return
    }
    switch output {
    case .yaml: IO.standardOutput(review.yaml(state: state))
    case .json: IO.standardOutput(review.json(state: state))
    }
    // The process ends here: taking a large plan apart object by object would only cost time.
    withExtendedLifetime((review, resolution)) { IO.exit(Exit.done) }
  }

  private func steps(of plan: Plan, _ compiled: Compiled) throws -> [Int] {
    guard let step else { return Array(plan.steps.indices) }
    if let index = stepIndex(step, plan, compiled) { return [index] }
    let known = plan.steps.map { "  \($0.index + 1)  \($0.name)" }.joined(separator: "\n")
    throw Failure("the plan has no step `\(step)`; its steps are\n\(known)", code: Exit.usage)
  }
}

/// A step by its number, its name or its folder.
func stepIndex(_ text: String, _ plan: Plan, _ compiled: Compiled) -> Int? {
  if let number = Int(text), plan.steps.indices.contains(number - 1) { return number - 1 }
  return plan.steps.firstIndex { $0.name == text } ?? compiled.steps.firstIndex { $0.folder == text }
}

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check a plan and print its diagnostics, and nothing else.",
    discussion: """
      With `--prove`, every configuration that some proxy of the mesh may hold while the plan runs is gone through, with \
      every set of pods that may be ready, for each phase of each step and of its rollback: no request may meet an \
      error, and none may reach a version that it should not.
      """)

  @OptionGroup var options: PlanOptions

  @Flag(help: "Prove that no request meets an error at any moment of the change.")
  var prove = false

  func run() throws {
    let request = options.request
    let resolution = try request.resolved()
    var found = resolution.diagnostics
    var coverage: Coverage?
    if let plan = resolution.checked {
      let compiled = compile(plan)
      found += resolution.allowances.filter(compiled.problems.compactMap { .init($0) })
      if prove {
        let report = SafetyChecks.check(compiled, plan: plan)
        found += resolution.allowances.filter(report.diagnostics)
        coverage = report.coverage
      }
    }
    request.diagnostics.show(found.inReadingOrder, resolution.sources, always: true)
    if request.diagnostics.refuses(found) { IO.exit(Exit.usage) }
    if request.diagnostics.format == .human, found.isEmpty, let plan = resolution.plan {
      IO.standardError("\(plan.name): \(counted(plan.steps.count, "step")), no diagnostics\n")
    }
    if request.diagnostics.format == .human, let coverage, !found.hasErrors {
      IO.standardError(
        """
        \(coverage.isSampled ? "no fault found, but not every combination was tried" : "proved"): \
        \(counted(coverage.cohorts, "kind")) of visitors, \(counted(coverage.callPaths, "call path")), \
        \(counted(coverage.phases, "phase")) with \(counted(coverage.rollbacks, "rollback")), \
        \(counted(coverage.configurations, "configuration"))

        """)
    }
  }
}
