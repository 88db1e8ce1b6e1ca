import ApplyEngine
import Diagnostics
import KubernetesModel
import Lowering

/// A run on a terminal: what is over as lines for the scrollback, and what goes on as a tree below them.
///
/// ```
/// 3/4 Canary 2.0 for flagged users
///   ✓ widen subsets  0.4 s
///     └ DestinationRule/storage  changed
///   ▸ start workloads  12 s
///     ├ Deployment/storage-2-0  created, ready
///     └ Deployment/voting-app-2-0  created, 0 of 1 available
///         Pod/voting-app-2-0-x, container app: CrashLoopBackOff: exit code 1
///         │ Traceback (most recent call last):
///     waits until storage-2-0, voting-app-2-0 are ready
/// ```
struct TreeView: RunView {
  private var picture = RunPicture()
  private let color: Bool
  private let diagnostic: @Sendable (Diagnostic) -> String
  private let refusal: @Sendable (Diagnostic) -> String
  private let closing: @Sendable (RunResult) -> [String]
  /// Something was printed since the first cause was, so that it has to be said again.
  private var isFailureBuried = false

  /// In the scrollback. More objects than these are counted.
  private static let longestList = 40

  /// - Parameters:
  ///   - diagnostic: a diagnostic with the plan's lines, each line with its line break.
  ///   - refusal: the same of a run that never began, which goes to another place.
  ///   - closing: what the person reads last: how it ended, and what to do next.
  init(
    color: Bool, diagnostic: @escaping @Sendable (Diagnostic) -> String,
    refusal: (@Sendable (Diagnostic) -> String)? = nil,
    closing: @escaping @Sendable (RunResult) -> [String]
  ) {
    self.color = color
    self.diagnostic = diagnostic
    self.refusal = refusal ?? diagnostic
    self.closing = closing
  }

  // MARK: - The scrollback

  mutating func take(_ event: RunEvent, at moment: Moment) -> String {
    let before = picture
    picture.take(event, at: moment)
    let text = permanent(event, before, moment)
    if case .failed = event {
      isFailureBuried = false
    } else if before.failure != nil, !text.isEmpty {
      isFailureBuried = true
    }
    return text
  }

  private func permanent(_ event: RunEvent, _ before: RunPicture, _ moment: Moment) -> String {
    func since(_ began: Duration) -> String { "  " + shortText(moment.elapsed - began) }
    switch event {
    case .started(let opening): return printed(Self.head(opening))
    case .stepBegan(let index, let name):
      let count = picture.opening?.steps.count ?? 0
      return printed([StyledLine("\(index + 1)/\(count) \(name)", .strong)])
    case .stepEnded:
      let time = before.step.map { since($0.began) } ?? ""
      return printed([StyledLine("  ✓ ", .good).adding("done").adding(time, .faint)])
    case .phaseEnded:
      guard let phase = before.phase else { return "" }
      return printed(Self.finished(phase, "✓", .good, since(phase.began)))
    case .observationEnded where before.observation?.isAnswered == true: return ""
    case .observationEnded(_, let text, let result):
      let time = before.observation.map { since($0.began) } ?? ""
      let said = result.isEmpty ? text : "\(text): \(result)"
      return printed([StyledLine("  ✓ ", .good).adding(said).adding(time, .faint)])
    case .answered(_, let question, let answer):
      let time = before.question.map { since($0.began) } ?? ""
      let mark = answer.isYes ? StyledLine("  ✓ ", .good) : StyledLine("  ✗ ", .bad)
      return printed([mark.adding(words(of: answer, to: question)).adding(time, .faint)])
    case .warning(let id, let text):
      return printed([StyledLine("  ! ", .doubtful).adding("\(id): the server advises: \(text)")])
    case .note(let text): return printed([StyledLine("  · ", .faint).adding(text)])
    case .failed(let failure):
      var lines: [StyledLine] = []
      if let phase = before.phase { lines += Self.finished(phase, "✗", .bad, since(phase.began)) }
      if let observation = before.observation {
        lines.append(StyledLine("  ✗ ", .bad).adding(observation.text).adding(since(observation.began), .faint))
      }
      return printed(lines) + "\n" + diagnostic(failure.diagnostic) + "\n"
    case .turned(let course, _):
      return printed([StyledLine("goes ", .strong).adding(course.words(picture.opening?.steps ?? []), .strong)])
    case .ended(let result):
      var text = ""
      if let phase = before.phase { text += printed(Self.finished(phase, "–", .doubtful, since(phase.began))) }
      if let failure = result.failure, isFailureBuried || before.failure == nil {
        text += "\n" + (picture.opening == nil ? refusal(failure.diagnostic) : diagnostic(failure.diagnostic))
      }
      if let further = result.further { text += "\n" + diagnostic(further.diagnostic) }
      return text + "\n" + printed(closing(result).map { StyledLine($0) })
    case .waitingForLock, .phaseBegan, .writeBegan, .writeEnded, .gateBegan, .progress, .log, .gateEnded,
      .observationBegan, .observationProgress, .asked, .repeated:
      return ""
    }
  }

  private func printed(_ lines: [StyledLine]) -> String {
    lines.map { $0.text(color: color) + "\n" }.joined()
  }

  private static func head(_ opening: RunOpening) -> [StyledLine] {
    var line = StyledLine("plan \(opening.plan)", .strong).adding(": \(opening.course.words(opening.steps))")
    if opening.isResumed { line.add(", from where the last run left it") }
    return [line.adding("  \(opening.run)", .faint)]
  }

  /// A phase that is over: what it changed, and how many objects it left as they were.
  private static func finished(_ phase: RunPicture.Phase, _ mark: String, _ ink: Ink, _ time: String) -> [StyledLine] {
    let changed = phase.rows.filter { $0.news != .unchanged || $0.progress != nil }
    let unchanged = phase.rows.count - changed.count
    var head = StyledLine("  \(mark) ", ink).adding(phase.kind.name)
    if unchanged > 0 { head.add("  \(unchanged) unchanged", .faint) }
    head.add(time, .faint)
    let shown = changed.prefix(longestList)
    var lines = [head] + rows(Array(shown), hasMore: changed.count > shown.count)
    if changed.count > shown.count { lines.append(StyledLine("    └ … \(changed.count - shown.count) more")) }
    return lines
  }

  // MARK: - The tree

  func frame(rows limit: Int, at elapsed: Duration) -> [StyledLine] {
    func since(_ began: Duration) -> String {
      // Whole seconds: the tree is drawn anew when they change.
      let seconds = Int((elapsed - began) / .seconds(1))
      return seconds < 1 ? "" : "  " + shortText(.seconds(seconds))
    }
    var tail: [StyledLine] = []
    if let holder = picture.holder {
      tail.append(StyledLine("waits for the lock of ", .doubtful).adding(words(of: holder)))
    }
    if let observation = picture.observation {
      tail.append(StyledLine("  ▸ ", .strong).adding(observation.text).adding(since(observation.began), .faint))
      if !observation.progress.isEmpty { tail.append(StyledLine("    \(observation.progress)")) }
    }
    if let repeated = picture.repeated { tail.append(StyledLine("    ↻ \(repeated)", .doubtful)) }
    if let question = picture.question {
      var line = StyledLine("  ? ", .strong).adding(question.question.text, .strong).adding(
        since(question.began), .faint)
      if !question.question.by.isEmpty { line.add("  (\(question.question.by.joined(separator: ", ")))", .faint) }
      tail.append(line)
    }
    guard let phase = picture.phase else { return tail.suffix(max(1, limit)) }
    let rows = phase.rows.filter { $0.news != .unchanged || $0.progress != nil }
    var head = StyledLine("  ▸ ", .strong).adding(phase.kind.name)
    if rows.count < phase.rows.count { head.add("  \(phase.rows.count - rows.count) unchanged", .faint) }
    head.add(since(phase.began), .faint)
    for gate in phase.gates.reversed() {
      let words = gate.words(in: picture.opening?.namespace ?? "")
      tail.insert(StyledLine("    waits until \(words)", .faint), at: 0)
    }
    return [head] + Self.fitting(rows, limit - 1 - tail.count) + tail
  }

  /// As many rows as there is room for, the ones that a person waits for first; in the order of writing.
  private static func fitting(_ all: [RunPicture.Row], _ room: Int) -> [StyledLine] {
    let lines = rows(all, hasMore: false)
    if lines.count <= room { return lines }
    let order = all.indices.sorted { (all[$0].urgency, $0) < (all[$1].urgency, $1) }
    var chosen: Set<Int> = []
    var used = 1
    for i in order {
      let height = all[i].height
      if used + height > room { break }
      used += height
      chosen.insert(i)
    }
    let left = all.indices.filter { !chosen.contains($0) }
    let ready = left.count { all[$0].urgency == RunPicture.Row.settled }
    let done = ready == left.count ? ", all done" : ready > 0 ? ", \(ready) of them done" : ""
    let rest = "    └ … \(left.count) more\(done)"
    return rows(all.indices.filter(chosen.contains).map { all[$0] }, hasMore: true) + [StyledLine(rest, .faint)]
  }

  private static func rows(_ rows: [RunPicture.Row], hasMore: Bool) -> [StyledLine] {
    var lines: [StyledLine] = []
    for (i, row) in rows.enumerated() {
      let isLast = i == rows.count - 1 && !hasMore
      lines.append(StyledLine(isLast ? "    └ " : "    ├ ").adding("\(row.id)").adding(row.state, row.ink))
      let margin = isLast ? "        " : "    │   "
      if let suspect = row.suspect { lines.append(StyledLine(margin).adding("\(suspect)", .doubtful)) }
      for line in row.shownLog { lines.append(StyledLine(margin).adding("│ \(line)", .faint)) }
    }
    return lines
  }
}

extension RunPicture.Row {
  fileprivate static let settled = 4

  /// Broken, suspect, on its way, not begun, done.
  fileprivate var urgency: Int {
    if case .failed = news { return 0 }
    if let progress { return progress.isReady ? Self.settled : progress.suspect == nil ? 2 : 1 }
    if isUnderWay { return 2 }
    return news == nil ? 3 : Self.settled
  }

  fileprivate var state: String {
    var words: [String] = []
    if let news { words.append(news.words) }
    if let progress { words.append(progress.text) }
    if words.isEmpty, isUnderWay { words.append("…") }
    return words.isEmpty ? "" : "  " + words.joined(separator: ", ")
  }

  fileprivate var ink: Ink? {
    switch urgency {
    case 0: .bad
    case 1: .doubtful
    case Self.settled: .good
    default: nil
    }
  }

  fileprivate var suspect: Cause? { progress.flatMap { $0.isReady ? nil : $0.suspect } }

  /// Only while something is wrong: the log of a container that came back tells nothing any more.
  fileprivate var shownLog: ArraySlice<String> {
    progress?.isReady == true ? [] : (log?.lines ?? []).suffix(5)
  }

  fileprivate var height: Int { 1 + (suspect == nil ? 0 : 1) + shownLog.count }
}
