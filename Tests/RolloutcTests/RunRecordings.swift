import ApplyEngine
import ClusterAPI
import Diagnostics
import KubernetesModel
import Lowering
import TestSupport
import Testing

@testable import rolloutc

/// Lists of events as a run tells them, for the views.
struct RunRecording: Sendable, CustomTestStringConvertible {
  var name: String
  /// With the milliseconds since the run began.
  var events: [(at: Int, event: RunEvent)]

  var testDescription: String { name }

  static let all = [canary, firstRun, secondRun, elsewhere]

  static let sources: SourceSet = {
    var sources = SourceSet()
    _ = sources.add(path: "plans/aks-voting.rollout", bytes: Goldens.bytes("plans/aks-voting.rollout") ?? [])
    return sources
  }()

  private static func range(of text: String) -> SourceRange {
    let file = sources.files[0]
    let start = file.bytes.firstRange(of: Array(text.utf8))?.lowerBound ?? 0
    return SourceRange(file: file.id, start: UInt32(start), end: UInt32(start + text.utf8.count))
  }

  private static let steps = ["Deploy 1.0", "Update analytics to 1.1", "Canary 2.0 for flagged users", "Finish"]

  private static func opening(_ course: Course, isResumed: Bool = false) -> RunOpening {
    RunOpening(
      plan: "voting", namespace: "voting", planHash: "5f3a", run: "voting-5e0c1a2b", steps: steps, course: course,
      progress: Progress(),
      isResumed: isResumed)
  }

  private static func deployment(_ name: String) -> ObjectID {
    ObjectID(group: "apps", kind: "Deployment", namespace: "voting", name: name)
  }

  private static func destinationRule(_ name: String) -> ObjectID {
    ObjectID(group: "networking.istio.io", kind: "DestinationRule", namespace: "voting", name: name)
  }

  private static func write(_ action: Write.Action, _ id: ObjectID) -> Write {
    Write(action: action, id: id, object: ["kind": "x"], previous: nil, origin: range(of: "deploy release 2.0"))
  }

  private static func ready(_ id: ObjectID) -> ReadyTarget { ReadyTarget(deployment: id, withinMilliseconds: 120_000) }

  private static func progress(_ place: RunPlace, _ id: ObjectID, _ text: String, _ isReady: Bool = false) -> RunEvent {
    .progress(place, id, ObjectProgress(text, isReady: isReady))
  }

  /// A version that does not start, and the way back.
  static let canary: RunRecording = {
    let (widen, start) = (RunPlace(step: 2, leg: 3, phase: 0), RunPlace(step: 2, leg: 3, phase: 1))
    let back = RunPlace(step: 2, leg: 0, phase: 0)
    let (storage, app, rule) = (deployment("storage-2-0"), deployment("voting-app-2-0"), destinationRule("storage"))
    let gate = Gate.ready([ready(storage), ready(app)])
    let cause = Cause(
      "CrashLoopBackOff", "exit code 1, Error", in: "Pod/voting-app-2-0-7c9d-x2x, container voting-app",
      .probable(grace: .seconds(60)))
    let failure = RunFailure(
      Diagnostic(
        .notReady, "`\(app)` does not get ready", at: Label(range(of: "deploy release 2.0"), "waits for it"),
        notes: ["\(cause)", "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379"]), at: start)
    return RunRecording(
      name: "canary-fails",
      events: [
        (12, .started(opening(.forward(steps: 4), isResumed: true))),
        (15, .stepBegan(step: 2, name: steps[2])),
        (16, .phaseBegan(widen, .widenSubsets, writes: [write(.update, rule)])),
        (17, .writeBegan(widen, rule, .update)),
        (60, .writeEnded(widen, rule, .configured)),
        (61, .gateBegan(widen, .settled(stamp: nil))),
        (5061, .gateEnded(widen, .settled(stamp: nil))),
        (5062, .phaseEnded(widen)),
        (5070, .phaseBegan(start, .startWorkloads, writes: [write(.create, storage), write(.create, app)])),
        (5071, .writeBegan(start, storage, .create)),
        (5072, .writeBegan(start, app, .create)),
        (
          5100,
          .repeated(
            RepeatedCall(
              call: "apply \(app)", attempt: 1,
              error: .refused(APIStatus(code: 429, message: "too many requests")), reason: .throttled,
              wait: .seconds(1)))
        ),
        (5140, .writeEnded(start, storage, .created)),
        (6180, .writeEnded(start, app, .created)),
        (6181, .warning(app, "spec.template: deprecated since v1.19")),
        (6190, .gateBegan(start, gate)),
        (6200, progress(start, storage, "0 of 1 available")),
        (6210, progress(start, app, "0 of 2 available")),
        (9000, progress(start, app, "0 of 2 available")),
        (12_000, progress(start, storage, "ready", true)),
        (20_000, .progress(start, app, ObjectProgress("0 of 2 available", isReady: false, suspect: cause))),
        (
          20_100,
          .log(
            start, app, pod: "voting-app-2-0-7c9d-x2x", container: "voting-app",
            lines: [
              "Traceback (most recent call last):", "  File \"main.py\", line 12, in <module>",
              "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379",
            ])
        ),
        (80_000, .failed(failure)),
        (80_010, .turned(.rollback(from: Progress(leg: 3, phase: 1, isPhaseBegun: true), steps: 2), legs: 1)),
        (80_020, .phaseBegan(back, .remove, writes: [write(.delete, storage), write(.delete, app)])),
        (80_100, .writeEnded(back, storage, .terminating)),
        (80_110, .writeEnded(back, app, .deleted)),
        (80_120, .gateBegan(back, .stopped([storage]))),
        (82_000, progress(back, storage, "gone", true)),
        (82_001, .gateEnded(back, .stopped([storage]))),
        (82_002, .phaseEnded(back)),
        (82_010, .ended(RunResult(.rolledBack, failure: failure, writes: 5))),
      ])
  }()

  /// With questions and looks.
  static let firstRun: RunRecording = {
    let place = RunPlace(step: 2, leg: 4)
    let verify = "verify results-div percent as cookie flag"
    let question = Question(
      kind: .approve, text: "Does 2.0 work for the flagged users?", step: 2, number: 0, by: ["ann", "bob"])
    let pause = Question(kind: .pause, text: "pause", step: 2, number: 1)
    return RunRecording(
      name: "questions",
      events: [
        (1, .started(opening(.forward(steps: 3)))),
        (2, .note("the plan was changed after what is done; it goes on from there")),
        (3, .stepBegan(step: 2, name: steps[2])),
        (4, .observationBegan(place, text: verify, range(of: verify))),
        (1000, .observationProgress(place, text: "2 of 5 answers, the last from voting-app 2.0")),
        (1001, .observationProgress(place, text: "2 of 5 answers, the last from voting-app 2.0")),
        (3000, .observationEnded(place, text: verify, result: "5 of 5 answers")),
        (3001, .asked(place, question)),
        (125_000, .answered(place, question, Answer(isYes: true, by: "ann"))),
        (125_001, .asked(place, pause)),
        (126_000, .answered(place, pause, Answer(isYes: true, by: ""))),
        (126_001, .stepEnded(step: 2, name: steps[2])),
        (126_010, .ended(RunResult(.done, writes: 11))),
      ])
  }()

  /// Of many objects, all of which stand already, but for a few.
  static let secondRun: RunRecording = {
    let place = RunPlace(step: 0, leg: 0, phase: 0)
    let ids = (1...60).map { deployment("component-\($0)") }
    let gate = Gate.ready(ids.suffix(3).map { ReadyTarget(deployment: $0, withinMilliseconds: nil) })
    var events: [(at: Int, event: RunEvent)] = [
      (1, .started(opening(.forward(steps: 1)))),
      (2, .stepBegan(step: 0, name: steps[0])),
      (3, .phaseBegan(place, .startWorkloads, writes: ids.map { write(.create, $0) })),
    ]
    for (i, id) in ids.enumerated() {
      events.append((10 + i, .writeBegan(place, id, .create)))
      events.append((11 + i, .writeEnded(place, id, i < 12 ? .unchanged : i == 12 ? .configured : .created)))
    }
    events += [
      (100, .gateBegan(place, gate)),
      (101, progress(place, ids[58], "1 of 3 available")),
      (102, progress(place, ids[59], "0 of 3 available")),
      (2102, progress(place, ids[58], "ready", true)),
      (3102, progress(place, ids[59], "ready", true)),
      (3103, .gateEnded(place, gate)),
      (3104, .phaseEnded(place)),
      (3105, .stepEnded(step: 0, name: steps[0])),
      (3106, .ended(RunResult(.done, writes: 48))),
    ]
    return RunRecording(name: "many", events: events)
  }()

  /// Somebody else is at work.
  static let elsewhere: RunRecording = {
    let holder = LeaseRecord(
      holder: "voting-1", who: "bob@build-7, pid 4711", run: "voting-1", planHash: "5f3a", step: "Finish",
      acquireTime: "2026-11-24T13:00:00.000000Z")
    var result = RunResult(.locked)
    result.lock = .held(by: holder.who)
    return RunRecording(name: "locked", events: [(400, .waitingForLock(holder)), (60_400, .ended(result))])
  }()
}
