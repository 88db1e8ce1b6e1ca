import ArgumentParser
import Lowering
import RolloutPlan

struct Steps: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "steps",
    abstract:
      "Show the steps of a plan on one screen: what each changes, and who is served by what before and after it.",
    discussion: """
      EXAMPLES:
        rolloutc steps plans/aks-voting.rollout
        rolloutc steps plans/aks-voting.rollout -o json
      """)

  @OptionGroup var options: PlanOptions

  @Option(name: [.customShort("o", allowingJoined: true), .long], help: "The form of the output.")
  var output: TextOrJSON = .text

  func run() throws {
    let (plan, compiled, resolution) = try options.request.compiled()
    let review = Review(plan: plan, compiled: compiled, sources: resolution.sources, steps: Array(plan.steps.indices))
    switch output {
    case .text: IO.standardOutput(StepTable(plan: plan, compiled: compiled, review: review).text)
    case .json: IO.standardOutput(StepsJSON(plan: plan, compiled: compiled, review: review).bytes)
    }
  }
}
