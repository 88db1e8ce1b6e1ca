import ApplyEngine
import Diagnostics
import Lowering
import RolloutPlan

/// A saved plan, to be applied: what was approved, and nothing else.
struct SavedApproval: Sendable {
  let saved: SavedPlan

  /// Nil where `request` is of a plan file.
  init?(_ request: PlanRequest) throws {
    guard request.plan != "-", case .success(let bytes) = request.files.read(request.plan), SavedPlan.isSaved(bytes)
    else { return nil }
    do {
      saved = try SavedPlan.read(bytes)
    } catch {
      let why =
        switch error {
        case .notSaved: "it is neither a plan file nor one that `rolloutc plan -o` saved"
        case .newer: "it was saved by a newer version of rolloutc"
        case .damaged(let text): text
        }
      throw Failure("`\(request.plan)` cannot be applied: \(why)", code: Exit.usage)
    }
    guard request.env == nil, request.settings.isEmpty, request.root == nil else {
      throw Failure.savedPlanHasItsOptions
    }
  }

  /// Refuses where the cluster is another one, or anything would become otherwise than it was approved.
  ///
  /// - Parameter path: of the saved plan.
  func check(
    _ plan: Plan, _ resolution: Resolution, _ request: PlanRequest, at path: String, in target: ClusterTarget
  ) async throws {
    let look = try await LiveLook.at(
      plan, resolution, request, .apply(steps: saved.steps), saved.decisions, target)
    if !saved.cluster.isEmpty, !look.cluster.isEmpty, saved.cluster != look.cluster {
      throw Failure(
        "the plan was saved for another cluster: \(saved.server); this is \(target.words); nothing was changed",
        code: Exit.refused)
    }
    // It was carried out already: a run that looks whether all of it stands changes nothing that nobody approved.
    if look.plan.changes.isEmpty, look.plan.gone.isEmpty, look.plan.stepsDone == saved.steps,
      look.itinerary.planHash == saved.planHash
    {
      return
    }
    var differences = saved.differences(from: look.plan)
    if look.itinerary.planHash != saved.planHash {
      differences.append("this version of rolloutc would write it otherwise")
    }
    guard differences.isEmpty else {
      if !look.plan.isBetweenSteps {
        differences.append("a run of it is half done: `rolloutc resume \(shellWord(path))` goes on with it")
      }
      IO.standardError(LivePlanText(look.plan, plan, target: target.words, color: IO.colorsErrors).text)
      throw Failure(
        "what was approved is not what would be done now; nothing was changed\n"
          + differences.map { "  \($0)" }.joined(separator: "\n"), code: Exit.refused)
    }
  }
}

extension Failure {
  static var savedPlanHasItsOptions: Failure {
    Failure("a saved plan has its own --env, --set and --root; leave them out", code: Exit.usage)
  }
}
