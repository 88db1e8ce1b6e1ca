import ApplyEngine
import ClusterAPI
import DiagnosticRendering
import KubernetesModel
import Lowering
import RolloutPlan

/// A live plan for people, in the layout of Terraform's.
struct LivePlanText {
  private let live: LivePlan
  private let plan: Plan
  private let target: String
  private let color: Bool

  init(_ live: LivePlan, _ plan: Plan, target: String, color: Bool) {
    self.live = live
    self.plan = plan
    self.target = target
    self.color = color
  }

  var text: String {
    var text = "plan \(plan.name), namespace \(plan.namespace), \(oneLine(target))\n\(whereItStands)\n"
    for note in live.notes { text += "\(oneLine(note))\n" }
    if !live.drift.isEmpty || !live.gone.isEmpty {
      let isPutBack = live.drift.isEmpty ? "" : ", and is put back first"
      text += "\n\(bold("Drift: what stands is no longer as it was written\(isPutBack)"))\n"
      for change in live.drift { text += shown(change) }
      for gone in live.gone { text += shown(gone) }
    }
    for step in live.steps {
      text += "\n\(bold("Step \(step.index + 1)  \(oneLine(step.name))"))\n"
      for change in step.changes { text += shown(change) }
    }
    return text + "\n" + summary + "\n"
  }

  private var whereItStands: String {
    let all = plan.steps.count
    switch live.course {
    case .forward:
      if live.stepsDone == 0, live.isBetweenSteps { return "nothing of it stands yet" }
      if live.isBetweenSteps { return "\(live.stepsDone) of \(counted(all, "step")) stand" }
      return "\(live.stepsDone) of \(counted(all, "step")) stand, and step \(live.stepsDone + 1) is half done"
    case .rollback(_, let steps), .leaveBlock(_, _, let steps), .leaveRollback(_, _, _, let steps):
      return "a way back to what stood after \(counted(steps, "step")) is under way"
    case .block: return "a failure block is under way"
    }
  }

  private var summary: String {
    if live.isEmpty, live.problems.isEmpty { return "No changes. What stands is what the plan says." }
    if live.changes.isEmpty { return "Nothing would be changed: a run would end at what is in its way." }
    // What is put back is no part of a step.
    let changes = live.steps.flatMap(\.changes)
    func count(_ action: Write.Action) -> Int { changes.count { $0.action == action } }
    var line = "Plan: \(count(.create)) to create, \(count(.update)) to change, \(count(.delete)) to delete"
    if !live.drift.isEmpty { line += ", \(live.drift.count) to put back" }
    if !live.gone.isEmpty { line += "; \(live.gone.count) gone" }
    return line + "."
  }

  // MARK: - One object

  private func shown(_ change: LivePlan.Change) -> String {
    let mark = mark(change.action)
    var remarks: [String] = []
    switch change.check {
    case .server: break
    case .local: if change.action != .delete { remarks.append("after the steps before it") }
    case .notBefore(let step): remarks.append("not checked by the server until step \(step + 1)")
    }
    if !change.writers.isEmpty { remarks.append("written by \(change.writers.joined(separator: ", "))") }
    if change.takeOver > 0 { remarks.append("takes over \(counted(change.takeOver, "field")) from kubectl") }
    if change.action == .delete, change.id.isVolumeClaim {
      remarks.append("what is in it is gone for good")
    }
    if change.action == .update, change.fields.isEmpty { remarks.append("in between; it ends as it was") }
    let remark = remarks.isEmpty ? "" : "  (\(remarks.map(oneLine).joined(separator: "; ")))"
    var text = "  \(mark) \(oneLine("\(change.id)"))\(remark)\n"
    for field in change.fields { text += "      \(shown(field))\n" }
    if !change.conflicts.isEmpty { text += conflicts(change) }
    for warning in change.warnings { text += "      warning: \(oneLine(warning))\n" }
    return text
  }

  /// It is not made again unasked; the diagnostic says what to do.
  private func shown(_ gone: LivePlan.Gone) -> String {
    let words =
      switch gone.way {
      case .deleted: "deleted by somebody else"
      case .replaced: "replaced by somebody else"
      case .terminating: "being deleted by somebody else"
      }
    return "  \(mark(.delete)) \(oneLine("\(gone.id)"))  (\(words))\n"
  }

  private func shown(_ field: FieldChange) -> String {
    let path = oneLine(field.path)
    switch (field.old, field.new) {
    case (nil, let new): return "\(mark(.create)) \(path): \(value(new))"
    case (let old, nil): return "\(mark(.delete)) \(path): \(value(old))"
    case (let old, let new): return "\(mark(.update)) \(path): \(value(old)) → \(value(new))"
    }
  }

  private func value(_ value: Value?) -> String {
    guard let value else { return "nothing" }
    if value == FieldChange.hidden { return "‹hidden›" }
    let text = oneLine(jsonText(value))
    return text.count > 200 ? "\(text.prefix(199))…" : text
  }

  /// `field | owner | live | ours`, as a table.
  private func conflicts(_ change: LivePlan.Change) -> String {
    let rows =
      [["others manage", "owner", "live", "ours"]]
      + change.conflicts.map { conflict in
        let owner = conflict.conflict
        let since = owner.time.map { " since \($0)" } ?? ""
        let through = owner.subresource.map { " through \($0)" } ?? ""
        return [
          oneLine(owner.field), oneLine(owner.manager + through + since), value(conflict.live), value(conflict.ours),
        ]
      }
    let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
    var text = ""
    for row in rows {
      let cells = row.enumerated().map { column, cell in
        cell + String(repeating: " ", count: max(0, widths[column] - cell.count))
      }
      var line = "      ! " + cells.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      text += line + "\n"
    }
    if change.conflicts.allSatisfy(\.isTaken) { return text + "        they are taken, as `--take` says\n" }
    for conflict in change.conflicts {
      text +=
        conflict.conflict.isWrittenBack
        ? "        \(oneLine(conflict.conflict.manager)) writes it back within minutes: change it where it takes it from\n"
        : "        leave it out of the plan, or --take '\(oneLine(WriteDecisions.key(conflict.conflict.field, of: change.id)))'\n"
    }
    return text
  }

  // MARK: - Colour

  private func mark(_ action: Write.Action) -> String {
    switch action {
    case .create: painted("+", 32)
    case .update: painted("~", 33)
    case .delete: painted("-", 31)
    }
  }

  private func bold(_ text: String) -> String { painted(text, 1) }

  private func painted(_ text: String, _ code: Int) -> String { color ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
}
