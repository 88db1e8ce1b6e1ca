import ArgumentParser
import DiagnosticRendering
import Diagnostics
import Lowering
import RolloutPlan
import SafetyChecks

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prove a plan, or say what is wrong with it.",
    discussion: """
      Every configuration that some proxy of the mesh may hold while the plan runs is gone through, with every set of \
      pods that may be ready, for each phase of each step, of its rollback and of its failure block: no request may \
      meet an error, and none may reach a version that it should not.
      """)

  @OptionGroup var options: PlanOptions

  func run() throws {
    let request = options.request
    let resolution = try request.resolved()
    var found = resolution.diagnostics
    var coverage: Coverage?
    if let plan = resolution.checked {
      let compiled = compile(plan)
      let report = SafetyChecks.check(compiled, plan: plan)
      found += resolution.allowances.filter(compiled.problems.compactMap { .init($0) } + report.diagnostics)
      coverage = report.coverage
    }
    request.diagnostics.show(found.inReadingOrder, resolution.sources, always: true)
    if request.diagnostics.refuses(found) { IO.exit(Exit.usage) }
    guard request.diagnostics.format == .human, let plan = resolution.plan, let coverage else { return }
    let count = found.isEmpty ? "no diagnostics" : counted(found.count, "diagnostic")
    IO.standardError(
      """
      \(plan.name): \(counted(plan.steps.count, "step")), \(count)
      proved: \(coverage.words)

      """)
  }
}
