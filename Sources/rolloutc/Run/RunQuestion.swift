import ApplyEngine
import ClusterAPI
import DiagnosticRendering
import Glibc
import Lowering
import RolloutPlan

/// What a person is shown and asked before the first write: where, and what.
struct RunQuestion: Sendable {
  let goal: RunGoal
  let itinerary: Itinerary
  let record: RunRecord?
  let path: String
  let target: ClusterTarget
  let version: ServerVersion?

  var text: String {
    let plan = itinerary.plan
    var text = "plan \(plan.name), from \(safeText(path))\n"
    text += "  in   \(safeText(target.words))\(version.map { ", \($0)" } ?? ""), namespace \(plan.namespace)\n"
    if let environment = plan.environment { text += "  for  environment \(environment.name)\n" }
    if let record { text += "  now  \(safeText(words(of: record)))\n" }
    text += "\n"
    for index in steps { text += "  \(index + 1)  \(safeText(plan.steps[index].name))  (\(writes(index)))\n" }
    return text + (steps.isEmpty ? "" : "\n") + safeText(question) + " only `yes` goes on: "
  }

  /// The steps that an `apply` is about to do, as far as can be told before the lock is held.
  private var steps: [Int] {
    guard case .apply(let count) = goal else { return [] }
    let names = itinerary.plan.steps.map(\.name)
    let done =
      record.map { $0.steps.prefix($0.stepsDone).elementsEqual(names.prefix($0.stepsDone)) ? $0.stepsDone : 0 } ?? 0
    return done < count ? Array(done..<count) : []
  }

  private var question: String {
    let names = itinerary.plan.steps.map(\.name)
    switch goal {
    case .apply:
      return steps.isEmpty ? "look whether everything stands?" : "apply \(counted(steps.count, "step"))?"
    case .resume:
      return record.map { "go on, \($0.course.words($0.steps))?" } ?? "apply \(counted(names.count, "step"))?"
    case .rollback(let count):
      let steps = count ?? record.map(itinerary.usualTarget) ?? 0
      return steps == 0
        ? "go back to the start, and delete what the plan made?"
        : "go back to what stood after \(stepWords(steps - 1, names))?"
    }
  }

  private func writes(_ step: Int) -> String {
    let segments = itinerary.compiled.steps[step].segments
    let phases = segments.flatMap(\.phases)
    return "\(counted(phases.reduce(0) { $0 + $1.writes.count }, "write")) in \(counted(phases.count, "phase"))"
  }

  /// On standard error: standard output may go into a file.
  func isAnsweredYes() async -> Bool {
    IO.standardError(text)
    return await withCheckedContinuation { continuation in
      do {
        // On a thread of its own: a person takes their time.
        try startThread { continuation.resume(returning: IO.isConfirmed()) }
      } catch {
        continuation.resume(returning: false)
      }
    }
  }
}

/// `3 of 4 steps are done, step 4, Finish, is under way`
func words(of record: RunRecord) -> String {
  let done = "\(record.stepsDone) of \(counted(record.steps.count, "step")) done"
  let isForward = record.course.isForward
  // On a way back the course says where it leads.
  let place = isForward ? stepWords(record.stepsDone, record.steps) : "a way \(record.course.words(record.steps))"
  switch record.status {
  case .running: return "\(done); \(place)\(isForward ? "," : "") is under way, or its run died"
  case .rested: return done
  case .waiting: return "\(done); waits for an answer: \(record.question ?? "")"
  case .interrupted: return "\(done); stopped in \(place)"
  case .held where record.isBlockDone: return "\(done); its `on failure` block has run"
  case .held: return "\(done); held in \(place)"
  }
}
