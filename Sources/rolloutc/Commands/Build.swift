import ArgumentParser
import DiagnosticRendering
import Diagnostics
import Lowering
import RolloutPlan

enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case yaml, json }

struct Build: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build",
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

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Only this step: its number, its name or its folder.", valueName: "step"))
  var step: String?

  @Flag(help: "The full desired state after each step, instead of what changes.")
  var state = false

  @Option(name: [.customShort("o", allowingJoined: true), .long], help: "The form of the output.")
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
    if let folder { return try write(to: folder) }
    // What is not proved has the number of its faults in its first lines; what is proved is written while it is.
    guard demand == .required else {
      let proved = try plan.proved(demand)
      return end(with: try pieces(proved), proved)
    }
    let (proved, pieces) = try plan.proved(demand, meanwhile: pieces)
    end(with: pieces, proved)
  }

  private func review(_ proved: ProvedPlan) throws -> Review {
    let chosen = try steps(step, of: proved.plan, proved.compiled)
    var review = Review(
      plan: proved.plan, compiled: proved.compiled, sources: proved.resolution.sources, steps: chosen)
    review.faults = proved.faults
    return review
  }

  private func write(to folder: String) throws {
    try Outputs.check(folder, "--out")
    let proved = try plan.proved(demand)
    let review = try review(proved)
    let count = try ReviewFolders(review: review).write(to: folder)
    IO.standardError(
      "wrote \(count) files for \(counted(review.steps.count, "step")) to \(safeText(folder))"
        + (proved.isProved ? "\n" : ", which are not proved\n"))
  }

  private func pieces(_ proved: ProvedPlan) throws -> [[UInt8]] {
    let review = try review(proved)
    return switch output {
    case .yaml: review.yaml(state: state)
    case .json: [review.json(state: state)]
    }
  }

  private func end(with pieces: [[UInt8]], _ proved: ProvedPlan) {
    for piece in pieces { IO.standardOutput(piece) }
    // The process ends here: taking a large plan apart object by object would only cost time.
    withExtendedLifetime(proved) { IO.exit(Exit.done) }
  }
}
