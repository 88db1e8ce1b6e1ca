import Diagnostics
import Lowering
import RolloutPlan

/// A step by its number, its name or its folder.
func stepIndex(_ text: String, _ plan: Plan, _ compiled: Compiled) -> Int? {
  if let number = Int(text), plan.steps.indices.contains(number - 1) { return number - 1 }
  return plan.steps.firstIndex { $0.name == text } ?? compiled.steps.firstIndex { $0.folder == text }
}

/// The steps that `--step` chooses: all without it.
func steps(_ text: String?, of plan: Plan, _ compiled: Compiled) throws -> [Int] {
  guard let text else { return Array(plan.steps.indices) }
  if let index = stepIndex(text, plan, compiled) { return [index] }
  let similar = nearest(to: text, in: plan.steps.map(\.name) + compiled.steps.map(\.folder))
  let known = plan.steps.map { "  \($0.index + 1)  \($0.name)" }.joined(separator: "\n")
  throw Failure(
    "the plan has no step `\(text)`" + (similar.map { "; a similar one is `\($0)`" } ?? "")
      + "; its steps are\n\(known)",
    code: Exit.usage)
}
