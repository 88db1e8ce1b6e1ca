import ApplyEngine
import DiagnosticRendering
import Diagnostics
import KubernetesModel
import Lowering

/// A run as lines, each said once: for pipelines, files and terminals that cannot move their cursor.
struct PlainView: RunView {
  private var picture = RunPicture()
  private let diagnostic: @Sendable (Diagnostic) -> String
  private let refusal: @Sendable (Diagnostic) -> String
  private let closing: @Sendable (RunResult) -> [String]
  private var told: [ObjectID: String] = [:]
  private var lastObservation = ""
  private var isFailureBuried = false

  /// - Parameter refusal: a diagnostic of a run that never began, which goes to another place.
  init(
    diagnostic: @escaping @Sendable (Diagnostic) -> String, refusal: (@Sendable (Diagnostic) -> String)? = nil,
    closing: @escaping @Sendable (RunResult) -> [String]
  ) {
    self.diagnostic = diagnostic
    self.refusal = refusal ?? diagnostic
    self.closing = closing
  }

  mutating func take(_ event: RunEvent, at moment: Moment) -> String {
    let before = picture
    picture.take(event, at: moment)
    let text = lines(event, before, moment)
    if case .failed = event {
      isFailureBuried = false
    } else if before.failure != nil, !text.isEmpty {
      isFailureBuried = true
    }
    return text
  }

  private mutating func lines(_ event: RunEvent, _ before: RunPicture, _ moment: Moment) -> String {
    func since(_ began: Duration?) -> String { began.map { " (\(shortText(moment.elapsed - $0)))" } ?? "" }
    let steps = picture.opening?.steps ?? []
    switch event {
    case .started(let opening):
      let resumed = opening.isResumed ? ", from where the last run left it" : ""
      return line("plan \(opening.plan): \(opening.course.words(steps))\(resumed), run \(opening.run)")
    case .waitingForLock(let holder): return line("waiting for the lock of \(words(of: holder))")
    case .stepBegan(let index, let name): return line("step \(index + 1)/\(steps.count): \(name)")
    case .stepEnded(let index, let name):
      return line("step \(index + 1)/\(steps.count): \(name): done\(since(before.step?.began))")
    case .phaseBegan(_, let kind, let writes):
      told = [:]
      return line("  \(kind.name): \(counted(writes.count, "object"))")
    case .phaseEnded:
      guard let phase = before.phase else { return "" }
      let unchanged = phase.rows.count { $0.news == .unchanged }
      return line("  \(phase.kind.name): done\(unchanged > 0 ? ", \(unchanged) unchanged" : "")\(since(phase.began))")
    case .writeEnded(_, let id, let news): return news == .unchanged ? "" : line("    \(id): \(news.words)")
    case .warning(let id, let text): return line("    \(id): the server advises: \(text)")
    case .gateBegan(_, let gate): return line("    waiting until \(gate.words(in: picture.opening?.namespace ?? ""))")
    case .progress(_, let id, let progress):
      let text = progress.text + (progress.suspect.map { "; \($0)" } ?? "")
      guard told[id] != text else { return "" }
      told[id] = text
      return line("    \(id): \(text)")
    case .log(_, _, let pod, let container, let lines):
      return lines.map { line("    log of \(pod), \(container): \($0)") }.joined()
    case .observationBegan(_, let text, _):
      lastObservation = ""
      return line("  \(text)")
    case .observationProgress(_, let text):
      guard lastObservation != text else { return "" }
      lastObservation = text
      return line("    \(text)")
    case .observationEnded where before.observation?.isAnswered == true: return ""
    case .observationEnded(_, let text, let result):
      return line("  \(text): \(result.isEmpty ? "done" : result)\(since(before.observation?.began))")
    case .asked(_, let question):
      let by = question.by.isEmpty ? "" : " (to be answered by \(question.by.joined(separator: " or ")))"
      return line("  asks: \(question.text)\(by)")
    case .answered(_, let question, let answer):
      return line("  \(words(of: answer, to: question))\(since(before.question?.began))")
    case .repeated(let call): return line("    repeating \(words(of: call))")
    case .note(let text): return line("  note: \(text)")
    case .failed(let failure): return diagnostic(failure.diagnostic)
    case .turned(let course, _): return line("going \(course.words(steps))")
    case .ended(let result):
      var text = ""
      if let failure = result.failure, isFailureBuried || before.failure == nil {
        text += picture.opening == nil ? refusal(failure.diagnostic) : diagnostic(failure.diagnostic)
      }
      if let further = result.further { text += diagnostic(further.diagnostic) }
      return text + closing(result).map { line($0) }.joined()
    case .writeBegan, .gateEnded: return ""
    }
  }

  mutating func heartbeat(at moment: Moment) -> String {
    func since(_ began: Duration) -> String { shortText(moment.elapsed - began) }
    if let question = picture.question {
      return line("  … \(since(question.began)), no answer yet: \(question.question.text)")
    }
    if let observation = picture.observation { return line("  … \(since(observation.began)): \(observation.text)") }
    if let phase = picture.phase {
      let waiting = phase.rows.filter { $0.progress?.isReady == false }
      let objects = waiting.prefix(3).map { "\($0.id) \($0.progress?.text ?? "")" }
      let more = waiting.count > 3 ? ", and \(waiting.count - 3) more" : ""
      let gate = phase.gates.first.map { "until \($0.words(in: picture.opening?.namespace ?? ""))" }
      let what = objects.isEmpty ? gate ?? "" : objects.joined(separator: ", ")
      return line("  … \(since(phase.began)), \(phase.kind.name): \(what)\(more)")
    }
    if let holder = picture.holder { return line("  … waiting for the lock of \(words(of: holder))") }
    return line("  … \(shortText(moment.elapsed)) since the run began")
  }

  private func line(_ text: String) -> String { safeText(text) + "\n" }
}
