import ApplyEngine
import DiagnosticRendering
import Rehearsal
import RolloutPlan

/// A rehearsal on one screen: the steps, what was observed, who was served by what, and how many requests failed.
struct RehearsalText {
  let plan: Plan
  /// Of the wall's clock, for the last line.
  let elapsed: Duration
  let colors: Bool

  func rendered(_ results: [RehearsalResult], _ storm: Chaos.Report?, _ coverage: RehearsalCoverage?) -> String {
    var text = ""
    for result in results { text += rendered(result) + "\n" }
    if let storm { text += rendered(storm) + "\n" }
    if let coverage { text += rendered(coverage) + "\n" }
    let virtual = results.reduce(Duration.zero) { $0 + $1.duration }
    text += "\(shortText(virtual)) of a cluster's time, rehearsed in \(shortText(elapsed))\n"
    return text
  }

  private func rendered(_ result: RehearsalResult) -> String {
    var text = "plan \(plan.name)" + (result.script.map { ", rehearsal \"\(safeText($0))\"" } ?? "") + "\n\n"
    let steps = result.steps(of: plan)
    let width = min(60, steps.map { $0.name.count }.max() ?? 0)
    for step in steps {
      let mark: String
      switch step.status {
      case .done: mark = paint("✓", 32)
      case .failed: mark = paint("✗", 31)
      case .undone: mark = paint("↶", 33)
      case .notReached: mark = paint("·", 2)
      }
      let number = "\(step.index + 1)".leftPadded(to: 2)
      let name = safeText(step.name)
      guard let begin = step.begin, let end = step.end else {
        text += "\(mark) \(number)  \(name)\n"
        continue
      }
      text += "\(mark) \(number)  \(name.padded(to: width))  \(shortText(end - begin).leftPadded(to: 11))"
      text += "  \(counted(step.writes, "write"))" + (step.status == .undone ? ", undone" : "") + "\n"
      for observation in step.observations {
        text +=
          "\(observation.holds ? paint("✓", 32) : paint("✗", 31))       \(safeText(observation.text))"
          + "  \(paint("→ " + safeText(observation.result), 2))\n"
      }
    }
    if result.result.outcome == .rolledBack { text += "\(paint("↶", 33))     rolled back\n" }
    if result.result.outcome == .held { text += "\(paint("■", 33))     held where it failed\n" }
    text += "\n" + served(result.traffic)
    let failed = result.traffic.failed
    if result.traffic.requests == 0 { text += "no visitor comes in over http: " }
    text += "\(result.traffic.requests) requests, " + paint("\(failed) failed", failed == 0 ? 32 : 31) + "\n"
    return text
  }

  /// Who was served by what, in each step that had visitors.
  private func served(_ traffic: RehearsalTraffic) -> String {
    var text = ""
    for step in plan.steps.indices {
      let keys = traffic.served.keys.filter { $0.step == step }
        .sorted { ($0.visitor, $0.servedBy) < ($1.visitor, $1.servedBy) }
      for key in keys {
        let count = "\(traffic.served[key] ?? 0)".leftPadded(to: 6)
        text += "\("\(step + 1)".leftPadded(to: 4)) \(count) × \(safeText(key.visitor)) → \(safeText(key.servedBy))\n"
      }
    }
    return text.isEmpty ? "" : "step  answers\n" + text + "\n"
  }

  private func rendered(_ storm: Chaos.Report) -> String {
    var text = "chaos: \(counted(storm.count, "run"))\n"
    for (kind, count) in storm.runs { text += "\("\(count)".leftPadded(to: 6)) × \(kind.rawValue)\n" }
    text += "\(storm.requests) requests, "
    text += paint("\(storm.failedRequests) failed", storm.failedRequests == 0 ? 32 : 31)
    let faults = storm.faults.count
    text += faults == 0 ? "; each ended where the plan says\n" : "; \(paint("\(faults) ended otherwise", 31))\n"
    return text
  }

  private func rendered(_ coverage: RehearsalCoverage) -> String {
    var text = "coverage \(coverage.percent)%\n"
    for count in coverage.counts {
      text += "  \(count.name.padded(to: 14))\(count.covered) of \(count.total)\n"
      for missing in count.missing.prefix(10) { text += "    not: \(safeText(missing))\n" }
    }
    return text
  }

  private func paint(_ text: String, _ code: Int) -> String { colors ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
}

extension String {
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
  func leftPadded(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
