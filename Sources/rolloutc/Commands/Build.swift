import ArgumentParser
import DiagnosticRendering
import Diagnostics
import Lowering
import RolloutPlan

enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case yaml, json }

struct Build: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compile a plan to the objects that it means, for review. No cluster is needed.",
    discussion: """
      Prints one YAML stream: each step under a header, its writes phase by phase in the order of writing, each \
      object behind the line of the plan that it comes from, deletions as comments. A plan during whose run some \
      request may fail is refused, as `check` refuses it.

      EXAMPLES:
        rolloutc plans/aks-voting.rollout
        rolloutc plans/aks-voting.rollout --step 2
        rolloutc build plans/aks-voting.rollout --state --step Finish -o json
        rolloutc build plans/aks-voting.rollout --out review
      """)

  @OptionGroup var options: PlanOptions

  @OptionGroup var proof: ProofOptions

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
    try BuildRequest(
      plan: options.request, demand: proof.demand, step: step, state: state, output: output, folder: folder
    ).run()
  }
}

/// `build` with its options as plain values.
struct BuildRequest {
  var plan: PlanRequest
  var demand = ProofDemand.required
  var step: String?
  var state = false
  var output: OutputFormat = .yaml
  var folder: String?

  func run() throws {
    let proved = try plan.proved(demand)
    let (plan, compiled) = (proved.plan, proved.compiled)
    let chosen = try steps(step, of: plan, compiled)
    var review = Review(plan: plan, compiled: compiled, sources: proved.resolution.sources, steps: chosen)
    review.faults = proved.faults
    if let folder {
      let count = try ReviewFolders(review: review).write(to: folder)
      IO.standardError(
        "wrote \(count) files for \(counted(chosen.count, "step")) to \(safeText(folder))"
          + (proved.isProved ? "\n" : ", which are not proved\n"))
      return
    }
    switch output {
    case .yaml: for piece in review.yaml(state: state) { IO.standardOutput(piece) }
    case .json: IO.standardOutput(review.json(state: state))
    }
    // The process ends here: taking a large plan apart object by object would only cost time.
    withExtendedLifetime((review, proved)) { IO.exit(Exit.done) }
  }
}
