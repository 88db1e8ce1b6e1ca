internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

/// What fails while a plan runs, as diagnostics: the plan's line, what was tried, the server's own causes one by one, and
/// what was and was not changed. Servers quote values in their messages; a Secret's never get here, as none is written.
extension Diagnostic {
  static func writeFailed(_ failure: WriteFailure, _ write: Write) -> Diagnostic {
    let verb = write.action == .delete ? "deleted" : "written"
    switch failure {
    case .foreign(let id):
      return Diagnostic(
        .notOurs, "`\(id)` exists, and this plan did not make it", at: Label(write.origin, "would have \(verb) it"),
        notes: ["it is left as it is"],
        help: wayAround(id))
    case .vanished(let id, let successor):
      return Diagnostic(
        .vanished, "`\(id)` was deleted by somebody else", at: Label(write.origin, "would have \(verb) it"),
        notes: successor == nil ? [] : ["another object of its name stands there now; it is not touched"],
        help: successor == nil
          ? "find out why, then have it made again with `--recreate \(id)`"
          : "find out why, then take the other one over with `--adopt \(id)`, or remove it")
    case .terminating(let id):
      return Diagnostic(
        .vanished, "`\(id)` is being deleted", at: Label(write.origin, "would have \(verb) it"),
        notes: ["what is written to it would be lost"],
        help: "find out why; when it is gone, have it made again with `--recreate \(id)`")
    case .conflicts(let id, let conflicts):
      let keepers = conflicts.filter(\.isWrittenBack)
      return Diagnostic(
        .fieldConflict, "others manage fields of `\(id)` that the plan wants otherwise",
        at: Label(write.origin, "not \(verb)"), notes: conflicts.map(note),
        help: keepers.first.map {
          "`\($0.manager)` follows a repository and would write it back within minutes, so that it cannot be taken: change it there, or have it leave the \(keepers.count == 1 ? "field" : "fields") to the plan"
        }
          ?? "let the owner give \(conflicts.count == 1 ? "the field" : "them") up, or take \(conflicts.count == 1 ? "it" : "them") with `\(takes(conflicts, of: id))`"
      )
    case .appeared(let id, _):
      return Diagnostic(
        .notOurs, "somebody made `\(id)` at the moment at which the plan did", at: Label(write.origin, "wrote into it"),
        help: "look at it: its fields are now a mixture of both")
    case .moved(let id, let error):
      return Diagnostic(
        .writeRefused, "`\(id)` changes faster than it can be written", at: Label(write.origin, "not \(verb)"),
        notes: ["the API server: \(error)"], help: "find out who writes it again and again")
    case .unusable(let id):
      return Diagnostic(
        .writeRefused, "`\(id)` cannot be sent", at: Label(write.origin, "comes from here"),
        notes: ["its write has no object"])
    case .lock: return Diagnostic(.lockLost, "the lock was lost", at: Label(write.origin, "not \(verb)"))
    case .journal(let error):
      return Diagnostic(
        .journalFailed, "the journal cannot be written: \(error)", at: Label(write.origin, "not \(verb)"),
        notes: ["nothing is sent that was not written down before"],
        help: "make room for it, then `rolloutc resume`")
    case .cluster(let id, let error):
      return Diagnostic(
        .writeRefused, "`\(id)` could not be \(verb)", at: Label(write.origin, "comes from here"),
        notes: ["the API server: \(error)"] + (error.status?.causes.map(note) ?? [])
          + (error.mayHaveTakenEffect ? ["it may have been done all the same; `rolloutc resume` looks"] : []),
        help: error.isForbidden ? "`rolloutc rbac` prints the rights that the plan needs" : nil)
    }
  }

  /// What to do about an object of somebody else that stands where the plan would write.
  static func wayAround(_ id: ObjectID) -> String {
    id.kind == "Namespace" && id.group.isEmpty
      ? "write `namespace \(id.name) existing` if the plan is to work in it, or take it over with `--adopt \(id)`"
      : "remove it, rename ours, or take it over with `--adopt \(id)`"
  }

  /// - Parameter adopted: deletions of what was there before; not empty.
  static func wouldTakeAdopted(_ adopted: [Write]) -> Diagnostic {
    let others = adopted.count - 1
    return Diagnostic(
      .notOurs,
      "the way back would delete `\(adopted[0].id)`\(others > 0 ? " and \(others) more" : ""), which stood before this plan",
      at: Label(adopted[0].origin, "took it over"), notes: ["it is left as it is; so is all the rest"],
      help:
        "mend what failed, then `rolloutc resume`; what is really to go is deleted by hand, or by a `retire` of the plan"
    )
  }

  static func notTakenOverYet(_ services: [Write]) -> Diagnostic {
    let others = services.count - 1
    return Diagnostic(
      .notOurs,
      "the failure block would lead to pods that `\(services[0].id)`\(others > 0 ? " and \(others) more" : "") does not lead to yet",
      at: Label(services[0].origin, "was to be taken over when the pods are ready"),
      notes: ["it is as it was, and who it led to serves; so is all the rest left as it is"],
      help: "mend what failed, then `rolloutc resume`; or go back with `rolloutc rollback`")
  }

  static func takeOverUnderWay(_ services: [Write]) -> Diagnostic {
    let others = services.count - 1
    return Diagnostic(
      .notOurs, "a run is about to take over `\(services[0].id)`\(others > 0 ? " and \(others) more" : "")",
      at: Label(services[0].origin, "is taken over when the pods are ready"),
      notes: ["what is left of it cannot be planned apart from the run"],
      help: "go on with `rolloutc resume`, or back with `rolloutc rollback`, and plan then")
  }

  static func unprovedWayBack(_ faults: [Diagnostic], at range: SourceRange) -> Diagnostic {
    Diagnostic(
      faults[0].code, "on the way back over several steps at once \(faults[0].message)",
      at: Label(range, "this way is not proved"),
      notes: faults[0].notes + (faults.count > 1 ? ["and \(faults.count - 1) more"] : []),
      help: "go back one step at a time with `rolloutc rollback`, which is proved; `--unproved` goes all the same")
  }

  static func dataIsGone(_ claims: [ObjectID], at range: SourceRange) -> Diagnostic {
    let names = claims.map { "`\($0)`" }.joined(separator: ", ")
    return Diagnostic(
      .rollbackPastDestroyed, "the way back leads past a `retire … with volumes`: what was in \(names) is gone",
      at: Label(range, "would run with new and empty volumes"),
      help: "go back less far, with `--to STEP`; or say that it may begin with empty ones: "
        + claims.map { "`--recreate \($0)`" }.joined(separator: " "))
  }

  /// As a shell reads it.
  private static func takes(_ conflicts: [FieldConflict], of id: ObjectID) -> String {
    conflicts.map { "--take '\(WriteDecisions.key($0.field, of: id).replacing("'", with: #"'\''"#))'" }
      .joined(separator: " ")
  }

  private static func note(_ conflict: FieldConflict) -> String {
    let through = conflict.subresource.map { " through `\($0)`" } ?? ""
    let since = conflict.time.map { ", since \($0)" } ?? ""
    return "\(conflict.field) is managed by `\(conflict.manager)`\(through)\(since)"
  }

  private static func note(_ cause: APIStatus.Cause) -> String {
    cause.field.map { "\($0): \(cause.message)" } ?? cause.message
  }

  static func notReady(_ id: ObjectID, _ cause: Cause, after: Duration, at range: SourceRange, lines: [String])
    -> Diagnostic
  {
    Diagnostic(
      .notReady, "`\(id)` does not get ready", at: Label(range, "waits for it"),
      notes: ["\(cause)", "after \(shortText(after))"] + lines)
  }

  static func gateFailed(_ message: String, at range: SourceRange, notes: [String] = [], help: String? = nil)
    -> Diagnostic
  {
    Diagnostic(.gateFailed, message, at: Label(range, "waits for it"), notes: notes, help: help)
  }

  static func observationFailed(_ code: Code, _ message: String, at range: SourceRange, notes: [String], help: String?)
    -> Diagnostic
  {
    Diagnostic(code, message, at: Label(range, "does not hold"), notes: notes, help: help)
  }

  static func notAnswered(_ message: String, at range: SourceRange, notes: [String] = []) -> Diagnostic {
    Diagnostic(.notApproved, message, at: Label(range, "asks here"), notes: notes)
  }

  static func clusterFailed(_ what: String, _ error: String, at range: SourceRange, help: String? = nil) -> Diagnostic {
    Diagnostic(.clusterFailed, what, at: Label(range, "for this plan"), notes: [error], help: help)
  }

  static func lockDeleted(_ plan: Plan) -> Diagnostic {
    Diagnostic(
      .lockLost, "the lock of the plan was deleted by somebody else", at: Label(plan.nameRange, "for this plan"),
      notes: [
        "Lease \(PlanNames.lock(plan.name)) in the namespace `\(plan.namespace)` is gone; nothing more was written"
      ],
      help: "find out by whom, and whether the namespace still stands; then `rolloutc status`")
  }

  static func approvalMismatch(_ message: String, at range: SourceRange, notes: [String]) -> Diagnostic {
    Diagnostic(
      .recordMismatch, message, at: Label(range, "nothing of it was done"), notes: notes,
      help: "look at `rolloutc plan` again, and approve what it shows")
  }

  static func recordMismatch(_ message: String, at range: SourceRange, notes: [String] = [], help: String) -> Diagnostic
  {
    Diagnostic(.recordMismatch, message, at: Label(range, "this plan"), notes: notes, help: help)
  }
}

extension String {
  /// What to do where a cluster does not remember what a plan did in it.
  static let assumption =
    "find out what happened to it; `rolloutc apply PLAN --assume STEP` takes what stands for what stood after a step"
}
