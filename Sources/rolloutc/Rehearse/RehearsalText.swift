import ApplyEngine
import DiagnosticRendering
import Diagnostics
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
      // What failed between two observations says why by itself.
      if step.status == .failed, step.observations.allSatisfy(\.holds), let failure = result.result.failure,
        failure.place.step == step.index
      {
        text += "\(paint("✗", 31))       \(safeText(failure.diagnostic.message))\n"
      }
    }
    if result.result.outcome == .rolledBack { text += "\(paint("↶", 33))     rolled back\n" }
    if result.result.outcome == .held {
      let words = result.result.isBlockDone ? "failed, and its `on failure` block has run" : "held where it failed"
      text += "\(paint("■", 33))     \(words)\n"
    }
    text += "\n" + served(result.traffic)
    let failed = result.traffic.failed
    if result.traffic.requests == 0 { text += hasVisitors ? "nobody was served: " : "no visitor comes in over http: " }
    text += "\(result.traffic.requests) requests, " + paint("\(failed) failed", failed == 0 ? 32 : 31)
    let stubbed = result.traffic.failedAsStubbed
    text += stubbed == 0 ? "\n" : ", \(stubbed) failed as stubbed\n"
    return text
  }

  private var hasVisitors: Bool {
    plan.exposures.contains { exposure in
      plan[exposure.component].versions.contains { $0.ports.contains { $0.proto.isHTTP } }
    }
  }

  /// Who was served by what, in each step that had visitors.
  private func served(_ traffic: RehearsalTraffic) -> String {
    var text = ""
    // Who served anybody in the last step that had visitors, by component.
    var former: [Substring: Set<Substring>] = [:]
    for step in plan.steps.indices {
      let keys = traffic.served.keys.filter { $0.step == step }
        .sorted { ($0.visitor, $0.servedBy) < ($1.visitor, $1.servedBy) }
      if keys.isEmpty { continue }
      var present: [Substring: Set<Substring>] = [:]
      for key in keys {
        for server in key.servedBy.split(separator: ", ") { present[component(server), default: []].insert(server) }
      }
      let same = Set(present.filter { $0.value.count == 1 && former[$0.key] == $0.value }.keys)
      let whole = keys.map { line($0, traffic, $0.servedBy) }
      // Of long chains only what is not as before is shown, as `steps` does it.
      if whole.allSatisfy({ $0.count <= Self.width }) {
        text += whole.map { $0 + "\n" }.joined()
      } else {
        text += keys.map { line($0, traffic, shortened($0.servedBy, without: same)) + "\n" }.joined()
      }
      former = present
    }
    return text.isEmpty ? "" : "step  answers\n" + text + "\n"
  }

  private static let width = 80

  private func line(_ key: RehearsalTraffic.Key, _ traffic: RehearsalTraffic, _ servedBy: String) -> String {
    let (step, count) = ("\(key.step + 1)".leftPadded(to: 4), "\(traffic.served[key] ?? 0)".leftPadded(to: 6))
    return "\(step) \(count) × \(safeText(key.visitor)) → \(safeText(servedBy))"
  }

  /// `voting-app` of `voting-app 2.0`.
  private func component(_ server: Substring) -> Substring { server.prefix { $0 != " " } }

  /// `web 2.0; as before: 8 more`.
  private func shortened(_ servedBy: String, without same: Set<Substring>) -> String {
    let all = servedBy.split(separator: ", ")
    let shown = all.filter { !same.contains(component($0)) }
    let hidden = all.count - shown.count
    if hidden < 2 { return servedBy }
    if shown.isEmpty { return "as before: \(counted(hidden, "component"))" }
    return shown.joined(separator: ", ") + "; as before: \(hidden) more"
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
