import ApplyEngine
import Diagnostics

/// The last words of a run: how it ended, and what to do next.
struct Closing: Sendable {
  let goal: RunGoal
  /// The names of all steps.
  let steps: [String]
  /// Something was left to do as the run began: a step was under way, or is still to come.
  var wasUnfinished = false
  let invocation: Invocation

  func lines(_ result: RunResult) -> [String] {
    [head(result)] + advice(result).enumerated().map { ($0.offset == 0 ? "  next: " : "  or:   ") + $0.element }
  }

  private func head(_ result: RunResult) -> String {
    switch result.outcome {
    case .done: return "done: \(target(result)), after \(counted(result.writes, "write"))"
    case .unchanged:
      // What was left were answers and looks.
      if wasUnfinished, !isRollback { return "done: \(target(result)); nothing had to be written" }
      if case .resume = goal { return "nothing to do: no run was left unfinished; nothing was written" }
      if case .rollback(nil) = goal {
        return "nothing to do: nothing of a step is left to undo; nothing was written"
      }
      return "nothing to do: \(target(result)); nothing was written"
    case .undone: return "gone \(back(result)), after \(counted(result.writes, "write"))"
    case .failedClean:
      return result.writes == 0 ? "failed; nothing was changed" : "failed; nothing was made but the namespace"
    case .rolledBack:
      if result.stepsLeft == 0, steps.count > 1 { return "failed, and rolled back to the start" }
      return "failed, and rolled back: what stood before the step stands again"
    case .held where result.isBlockDone: return "failed; its `on failure` block has run"
    case .held: return "failed, and held where it stands"
    case .locked: return lockWords(result)
    case .refused:
      return result.writes == 0
        ? "refused; nothing was changed"
        : "refused before the next step; what is done stands, and nothing else was changed"
    case .interrupted: return "stopped; what was begun is written down, and can be resumed from any machine"
    case .waiting: return "waits for an answer"
    }
  }

  private func target(_ result: RunResult) -> String {
    switch goal {
    case .apply(let count): standing(count)
    case .resume: standing(result.stepsLeft ?? steps.count)
    case .rollback(nil): "back to what stood before the step"
    case .rollback(let count?): back(count)
    }
  }

  private func standing(_ count: Int) -> String {
    if count >= steps.count, count == 1 { return "its one step stands" }
    if count >= steps.count { return "all \(counted(steps.count, "step")) stand" }
    if count == 0 { return "no step of \(steps.count) stands" }
    return count == 1 ? "step 1 of \(steps.count) stands" : "steps 1 to \(count) of \(steps.count) stand"
  }

  private func back(_ result: RunResult) -> String {
    result.stepsLeft.map(back) ?? "back to what stood before the step"
  }

  private func back(_ count: Int) -> String {
    count == 0 ? "back to the start" : "back to what stood after \(stepWords(count - 1, steps))"
  }

  private var isRollback: Bool { if case .rollback = goal { true } else { false } }

  private func onward(_ result: RunResult) -> [String] {
    !isRollback && result.stepsLeft ?? steps.count < steps.count ? [invocation.onward] : []
  }

  private func advice(_ result: RunResult) -> [String] {
    switch result.outcome {
    case .done:
      return onward(result)
    case .unchanged:
      if wasUnfinished { return onward(result) }
      if case .rollback(nil) = goal, result.stepsLeft != 0 {
        return [invocation.command("rollback", "--to", "STEP") + "  # goes back further"]
      }
      return []
    case .undone, .failedClean, .refused: return []
    case .rolledBack: return ["remove the cause, then " + invocation.command("apply")]
    case .held where result.isBlockDone:
      return ["look at what its `on failure` block left, then " + invocation.command("rollback")]
    // The record is gone, and with it all that could be gone on from; the message says what is left to do.
    case .held where result.failure?.isForgotten == true: return []
    case .held:
      let on = "remove the cause, then " + invocation.command("resume")
      // No way back leads past what was taken over.
      return result.further?.diagnostic.code == .notOurs ? [on] : [on, invocation.command("rollback")]
    case .locked where result.lock == .freed: return [invocation.command("resume")]
    case .locked:
      return [
        invocation.command("status") + "  # shows whose",
        "--wait-lock 5m waits for its end; the lock of a run that died goes after half a minute",
      ]
    case .interrupted: return [invocation.command("resume"), invocation.command("rollback")]
    case .waiting: return [invocation.command("approve") + ", then " + invocation.command("resume")]
    }
  }
}
