import ApplyEngine
import ClusterAPI
import DiagnosticRendering
import Diagnostics
import KubernetesModel
import Lowering

/// A run for machines: one JSON object a line, as `docs/running.md` describes them. The last line is always a `summary`.
struct NDJSONView: RunView {
  static let schema = "rolloutc.run/1"

  let partsRefusals = false
  private var sequence = 0
  private var opening: RunOpening?
  private var writes = 0
  private var isOver = false
  private let diagnostic: @Sendable (Diagnostic) -> Value

  /// - Parameter diagnostic: a diagnostic as `check --format json` has it.
  init(diagnostic: @escaping @Sendable (Diagnostic) -> Value) { self.diagnostic = diagnostic }

  mutating func take(_ event: RunEvent, at moment: Moment) -> String {
    if case .started(let opening) = event { self.opening = opening }
    switch event {
    case .writeEnded(_, _, .created), .writeEnded(_, _, .configured), .writeEnded(_, _, .deleted): writes += 1
    case .ended: isOver = true
    default: break
    }
    let (type, fields) = content(event)
    return line(type, fields, moment)
  }

  mutating func say(_ text: String, at moment: Moment) -> String { line("note", ["message": .string(text)], moment) }

  mutating func heartbeat(at moment: Moment) -> String { line("heartbeat", [:], moment) }

  mutating func abandoned(_ message: String, at moment: Moment) -> String {
    if isOver { return "" }
    let fields: Fields = [
      "outcome": .string(RunResult.Outcome.interrupted.rawValue), "exitCode": .int(Int(Exit.interrupted)),
      "writes": .int(writes), "message": .string(message),
    ]
    return line("summary", fields, moment)
  }

  /// What ends a stream whose run never began.
  /// - Parameter cause: the first diagnostic that says why, as JSON.
  mutating func summary(message: String, cause: Value?, exitCode: Int32, at moment: Moment) -> String {
    let outcome: RunResult.Outcome = exitCode == Exit.refused ? .refused : .failedClean
    var fields: Fields = [
      "outcome": .string(outcome.rawValue), "exitCode": .int(Int(exitCode)), "writes": 0, "message": .string(message),
    ]
    if let cause { fields["diagnostic"] = cause }
    return line("summary", fields, moment)
  }

  private mutating func line(_ type: String, _ content: Fields, _ moment: Moment) -> String {
    sequence += 1
    var fields: Fields = [
      "schema": .string(Self.schema), "seq": .int(sequence), "type": .string(type), "time": .string(moment.time),
      "elapsedMilliseconds": .int(Int(moment.elapsed / .milliseconds(1))),
    ]
    if let opening {
      fields["run"] = .string(opening.run)
      fields["plan"] = .string(opening.plan)
    }
    for entry in content.entries { fields[entry.key] = entry.value }
    return jsonText(.object(fields)) + "\n"
  }

  private func content(_ event: RunEvent) -> (type: String, Fields) {
    switch event {
    case .started(let opening):
      return (
        "started",
        [
          "planHash": .string(opening.planHash), "steps": texts(opening.steps),
          "course": .string(opening.course.words(opening.steps)), "isResumed": .bool(opening.isResumed),
        ]
      )
    case .waitingForLock(let holder):
      return (
        "waiting-for-lock",
        [
          "holder": .string(holder.holder), "who": .string(holder.who), "doing": .string(holder.step),
          "since": .string(holder.acquireTime),
        ]
      )
    case .stepBegan(let step, let name): return ("step-began", self.step(step, name))
    case .stepEnded(let step, let name): return ("step-ended", self.step(step, name))
    case .phaseBegan(let place, let kind, let writes):
      return (
        "phase-began",
        at(place, ["kind": .string(kind.rawValue), "objects": .array(writes.map { object($0.id) })])
      )
    case .phaseEnded(let place): return ("phase-ended", at(place))
    case .writeBegan(let place, let id, let action):
      return ("write-began", at(place, ["object": object(id), "action": .string(action.rawValue)]))
    case .writeEnded(let place, let id, let news):
      var fields: Fields = ["object": object(id)]
      switch news {
      case .failed(let message):
        fields["result"] = "failed"
        fields["message"] = .string(message)
      case .created, .configured, .unchanged, .deleted, .terminating: fields["result"] = .string(news.words)
      }
      return ("write-ended", at(place, fields))
    case .warning(let id, let text): return ("warning", ["object": object(id), "message": .string(text)])
    case .gateBegan(let place, let gate):
      return ("gate-began", at(place, ["until": .string(gate.words(in: opening?.namespace ?? ""))]))
    case .gateEnded(let place, let gate):
      return ("gate-ended", at(place, ["until": .string(gate.words(in: opening?.namespace ?? ""))]))
    case .progress(let place, let id, let progress):
      var fields: Fields = [
        "object": object(id), "message": .string(progress.text), "isReady": .bool(progress.isReady),
      ]
      if let suspect = progress.suspect {
        fields["suspect"] = [
          "reason": .string(suspect.reason), "message": .string(suspect.message), "subject": .string(suspect.subject),
        ]
      }
      return ("progress", at(place, fields))
    case .log(let place, let id, let pod, let container, let lines):
      return (
        "log",
        at(
          place,
          ["object": object(id), "pod": .string(pod), "container": .string(container), "lines": texts(lines)])
      )
    case .observationBegan(let place, let text, _): return ("observation-began", at(place, ["text": .string(text)]))
    case .observationProgress(let place, let text):
      return ("observation-progress", at(place, ["message": .string(text)]))
    case .observationEnded(let place, let text, let result):
      return ("observation-ended", at(place, ["text": .string(text), "result": .string(result)]))
    case .asked(let place, let question): return ("asked", at(place, self.question(question)))
    case .answered(let place, let question, let answer):
      var fields = self.question(question)
      fields["answer"] = .string(answer.isYes ? "yes" : "no")
      fields["answeredBy"] = .string(answer.by)
      return ("answered", at(place, fields))
    case .repeated(let call):
      return (
        "repeated",
        [
          "call": .string(call.call), "attempt": .int(call.attempt), "message": .string("\(call.error)"),
          "waitMilliseconds": .int(Int(call.wait / .milliseconds(1))),
        ]
      )
    case .note(let text): return ("note", ["message": .string(text)])
    case .failed(let failure): return ("failed", at(failure.place, ["diagnostic": diagnostic(failure.diagnostic)]))
    case .turned(let course, let legs):
      return ("turned", ["course": .string(course.words(opening?.steps ?? [])), "legs": .int(legs)])
    case .ended(let result):
      var fields: Fields = [
        "outcome": .string(result.outcome.rawValue), "exitCode": .int(Int(result.exitCode)),
        "writes": .int(result.writes),
      ]
      if let failure = result.failure {
        fields["diagnostic"] = diagnostic(failure.diagnostic)
        fields = at(failure.place, fields)
      }
      if let further = result.further { fields["further"] = diagnostic(further.diagnostic) }
      if result.outcome == .locked { fields["message"] = .string(lockWords(result)) }
      return ("summary", fields)
    }
  }

  private func texts(_ texts: [String]) -> Value { .array(texts.map { .string($0) }) }

  private func object(_ id: ObjectID) -> Value {
    var fields: Fields = ["group": .string(id.group), "kind": .string(id.kind), "name": .string(id.name)]
    if !id.namespace.isEmpty { fields["namespace"] = .string(id.namespace) }
    return .object(fields)
  }

  private func question(_ question: Question) -> Fields {
    [
      "key": .string(question.key), "kind": .string(question.kind.rawValue), "text": .string(question.text),
      "by": texts(question.by),
    ]
  }

  private func step(_ index: Int, _ name: String) -> Fields {
    ["step": .int(index + 1), "stepName": .string(name)]
  }

  /// What never began is at no place.
  private func at(_ place: RunPlace, _ more: Fields = [:]) -> Fields {
    guard let names = opening?.steps else { return more }
    var fields = step(place.step, names.indices.contains(place.step) ? names[place.step] : "")
    fields["leg"] = .int(place.leg + 1)
    if let phase = place.phase { fields["phase"] = .int(phase + 1) }
    for entry in more.entries { fields[entry.key] = entry.value }
    return fields
  }
}
