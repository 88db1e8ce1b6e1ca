internal import Diagnostics
internal import Lowering
package import RolloutPlan

/// A line that brings YAML of its author's, and without which something would not be found.
struct Suspect {
  var range: SourceRange
  /// Nil: a manifest.
  var patch: Patch?
}

/// What findings have in common that are about one thing, in whatever phase they show.
struct FindingSubject: Hashable {
  var step: Int
  var invariant: Invariant
  /// Of the callee, or of the version that it is about.
  var component: Int?

  init(_ finding: Finding, _ model: FlowModel) {
    step = finding.moment.step
    invariant = finding.violation.invariant
    component = model.component(finding.violation)
  }
}

extension FlowModel {
  func component(_ violation: Violation) -> Int? {
    if let f = violation.flow { return flows[f].callee }
    return violation.version.map { versions[$0].component.index }
  }
}

/// Asks of each patch and each manifest what would be found without it. Only where something was found, and in plans that
/// are small enough to be proved a few times over.
func suspects(of findings: [Finding], _ compiled: Compiled, _ model: FlowModel) -> [FindingSubject: Suspect] {
  let plan = model.plan
  let lines = plan.patches.count + plan.manifests.count
  guard !findings.isEmpty, lines > 0, lines <= 16, lines * model.versions.count <= 2_000 else { return [:] }
  let found = Set(findings.map { FindingSubject($0, model) })
  var suspects: [FindingSubject: Suspect] = [:]
  func look(_ plan: Plan, _ suspect: Suspect) {
    let model = FlowModel(plan, options: model.options)
    var checker = Checker(compile(plan, options: compiled.renderer.options), model)
    checker.run(nil)
    let left = Set(checker.findings.map { FindingSubject($0, model) })
    for subject in found.subtracting(left) where suspects[subject] == nil { suspects[subject] = suspect }
  }
  for p in plan.patches.indices {
    var other = plan
    let patch = other.patches.remove(at: p)
    look(other, Suspect(range: patch.range, patch: patch))
  }
  for m in plan.manifests.indices {
    var other = plan
    let manifest = other.manifests.remove(at: m)
    look(other, Suspect(range: manifest.range, patch: nil))
  }
  return suspects
}
