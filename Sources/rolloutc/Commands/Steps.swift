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
      """)

  @OptionGroup var options: PlanOptions

  func run() throws {
    let (plan, compiled, resolution) = try options.request.compiled()
    let review = Review(plan: plan, compiled: compiled, sources: resolution.sources, steps: Array(plan.steps.indices))
    IO.standardOutput(StepTable(plan: plan, compiled: compiled, review: review).text)
  }
}
