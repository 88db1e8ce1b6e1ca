import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import RolloutPlan
import SafetyChecks
import Testing

/// A plan from text, with its writes.
struct Case {
  var plan: Plan
  var compiled: Compiled
  var resolution: Resolution

  init(_ text: String, path: String = "plan.rollout") throws {
    resolution = resolve(path: path, bytes: Array(text.utf8))
    let errors = resolution.diagnostics.filter { $0.severity == .error }
    #expect(errors.isEmpty, "\(errors.map(\.message))")
    plan = try #require(resolution.plan)
    compiled = compile(plan)
  }

  /// The plan of the AKS voting scenario.
  static func voting() throws -> Case {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "plans/aks-voting.rollout"), encoding: .utf8)
    return try Case(text, path: "aks-voting.rollout")
  }

  func report() -> SafetyReport { check(compiled, plan: plan) }

  /// The place of a phase of the way forward.
  func phase(_ step: Int, _ segment: Int, _ kind: PhaseKind) throws -> Int {
    try #require(compiled.steps[step].segments[segment].phases.firstIndex { $0.kind == kind })
  }

  subscript(_ step: Int, _ segment: Int) -> [Phase] {
    get { compiled.steps[step].segments[segment].phases }
    set { compiled.steps[step].segments[segment].phases = newValue }
  }
}

/// All that a diagnostic says, for looking up words.
func text(_ diagnostic: Diagnostic) -> String {
  ([diagnostic.code.id, diagnostic.message, diagnostic.primary.text] + diagnostic.notes + [diagnostic.help ?? ""])
    .joined(separator: "\n")
}

func text(_ report: SafetyReport) -> String { report.diagnostics.map(text).joined(separator: "\n---\n") }
