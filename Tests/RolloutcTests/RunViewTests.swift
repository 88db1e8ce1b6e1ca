import ApplyEngine
import ArgumentParser
import DiagnosticRendering
import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import TestSupport
import Testing

@testable import rolloutc

/// What people and machines see of a run: goldens of recorded events.
@Suite struct RunViewTests {
  private static func moment(_ milliseconds: Int) -> Moment {
    let seconds = milliseconds / 1000
    let time = [14, seconds / 60, seconds % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    return Moment(elapsed: .milliseconds(milliseconds), time: "2026-11-24T\(time).\(1000 + milliseconds % 1000)Z")
  }

  private static func rendered(_ diagnostic: Diagnostic) -> String {
    TerminalRenderer(sources: RunRecording.sources, color: false, width: 80).rendered(diagnostic)
  }

  private static func closing(_ result: RunResult) -> [String] { ["ended: \(result.outcome.rawValue)"] }

  private static func tree() -> TreeView { TreeView(color: false, diagnostic: rendered, closing: closing) }

  /// The frame is shown where something changed, a second later; it stands in a box.
  private static func transcript(_ recording: RunRecording, columns: Int, rows: Int) -> String {
    var view = tree()
    var text = ""
    var last: [String] = []
    for (i, (at, event)) in recording.events.enumerated() {
      text += view.take(event, at: moment(at))
      let next = i + 1 < recording.events.count ? recording.events[i + 1].at : at + 2000
      guard next - at >= 1000 else { continue }
      let frame = view.frame(rows: rows, at: .milliseconds(at + 999))
      #expect(frame.count <= rows)
      let lines = frame.map { $0.cropped(to: columns) }
      #expect(lines.allSatisfy { $0.width <= columns })
      let shown = lines.map { $0.text(color: false) }
      if shown != last, !shown.isEmpty { text += shown.map { "┊\($0)\n" }.joined() + "┊\n" }
      last = shown
    }
    return text
  }

  @Test(arguments: RunRecording.all) func theTree(_ recording: RunRecording) {
    let text = [(100, 40), (44, 10)].map { columns, rows in
      "=== \(columns) × \(rows)\n" + Self.transcript(recording, columns: columns, rows: rows)
    }.joined(separator: "\n")
    Goldens.check(text, against: "Tests/Corpus/runs/\(recording.name).tree")
  }

  @Test(arguments: RunRecording.all) func theLines(_ recording: RunRecording) {
    var view = PlainView(diagnostic: Self.rendered, closing: Self.closing)
    var text = ""
    var last = 0
    for (at, event) in recording.events {
      while at - last >= 30_000 {
        last += 30_000
        text += view.heartbeat(at: Self.moment(last))
      }
      let more = view.take(event, at: Self.moment(at))
      if !more.isEmpty { last = at }
      text += more
    }
    Goldens.check(text, against: "Tests/Corpus/runs/\(recording.name).txt")
  }

  @Test(arguments: RunRecording.all) func theJSON(_ recording: RunRecording) throws {
    let renderer = JSONRenderer(sources: RunRecording.sources)
    var view = NDJSONView { renderer.value($0) }
    var text = recording.events.map { view.take($0.event, at: Self.moment($0.at)) }.joined()
    text += view.heartbeat(at: Self.moment(200_000))
    Goldens.check(text, against: "Tests/Corpus/runs/\(recording.name).ndjson")
    for (number, line) in text.split(separator: "\n").enumerated() {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(object["seq"] as? Int == number + 1)
      for key in ["schema", "type", "time"] { #expect(object[key] is String, "\(key): \(line)") }
    }
  }

  @Test("a stream whose run is left in the middle ends with a summary, too", arguments: RunRecording.all)
  func abandoned(_ recording: RunRecording) throws {
    let renderer = JSONRenderer(sources: RunRecording.sources)
    var view = NDJSONView { renderer.value($0) }
    var lines = 0
    for (at, event) in recording.events {
      if case .ended = event { break }
      lines += view.take(event, at: Self.moment(at)).isEmpty ? 0 : 1
    }
    let last = try parseJSON(Array(view.abandoned("stopped at once", at: Self.moment(300_000)).utf8))
    #expect(last["type"] == "summary" && last["outcome"] == "interrupted" && last["exitCode"] == 130)
    #expect(last["seq"] == .int(lines + 1))
    let written = recording.events.count {
      if case .writeEnded(_, _, let news) = $0.event {
        [.created, .configured, .deleted].contains(news)
      } else {
        false
      }
    }
    #expect(last["writes"] == .int(written))
    // Of one that has ended there is a summary already.
    let isOver = recording.events.contains { if case .ended = $0.event { true } else { false } }
    for (at, event) in recording.events { _ = view.take(event, at: Self.moment(at)) }
    #expect(view.abandoned("stopped at once", at: Self.moment(300_000)).isEmpty == isOver)
  }

  /// Whatever a server, a log or a plan says, nothing of it steers the terminal.
  @Test("what is done is told by what stands, whichever command came to it")
  func lastWords() throws {
    let request = PlanRequest(plan: "p.rollout")
    let connection = try ConnectionOptions.parse([])
    func lines(_ goal: RunGoal, standing: Int) -> [String] {
      var result = RunResult(.done, writes: 2)
      result.stepsLeft = standing
      return Closing(goal: goal, steps: ["a", "b", "c"], invocation: Invocation(plan: request, connection: connection))
        .lines(result)
    }
    #expect(
      lines(.resume, standing: 2) == [
        "done: steps 1 to 2 of 3 stand, after 2 writes", "  next: rolloutc apply p.rollout",
      ]
    )
    #expect(lines(.resume, standing: 3) == ["done: all 3 steps stand, after 2 writes"])
    #expect(
      lines(.apply(steps: 1), standing: 1) == [
        "done: step 1 of 3 stands, after 2 writes", "  next: rolloutc apply p.rollout",
      ])
    func ending(_ outcome: RunResult.Outcome, _ goal: RunGoal, _ change: (inout RunResult) -> Void) -> [String] {
      var result = RunResult(outcome)
      change(&result)
      return Closing(goal: goal, steps: ["a", "b", "c"], invocation: Invocation(plan: request, connection: connection))
        .lines(result)
    }
    #expect(
      ending(.locked, .resume) {
        $0.lock = .freed
        $0.writes = 1
      } == [
        "the lock was taken away by `rolloutc unlock`; nothing more was written", "  next: rolloutc resume p.rollout",
      ])
    #expect(ending(.locked, .resume) { $0.lock = .taken }[0].hasPrefix("another run of the plan took the lock"))
    #expect(ending(.locked, .resume) { $0.lock = .held(by: "ann") }[0].contains("has the lock, by ann; nothing was"))
    #expect(ending(.unchanged, .rollback(steps: nil)) { $0.stepsLeft = 0 }.count == 1, "nothing lies further back")
    #expect(ending(.unchanged, .rollback(steps: nil)) { $0.stepsLeft = 1 }.count == 2)
    #expect(ending(.failedClean, .apply(steps: 1)) { _ in } == ["failed; nothing was changed"])
    #expect(
      ending(.failedClean, .apply(steps: 1)) { $0.writes = 1 } == ["failed; nothing was made but the namespace"])
  }

  @Test func nothingSteersTheTerminal() {
    let nasty = "a\u{1B}[2Jb\u{9B}31m\u{202E}\u{7}"
    let place = RunPlace(step: 0, leg: 0, phase: 0)
    let id = ObjectID(group: "", kind: "Pod\u{1B}", namespace: nasty, name: nasty)
    let cause = Cause(nasty, nasty, in: nasty)
    let question = Question(kind: .approve, text: nasty, step: 0, number: 0, by: [nasty])
    let events: [RunEvent] = [
      .started(
        RunOpening(
          plan: nasty, namespace: nasty, planHash: nasty, run: nasty, steps: [nasty], course: .forward(steps: 1),
          progress: Progress(),
          isResumed: true)),
      .waitingForLock(LeaseRecord(holder: nasty, who: nasty, run: nasty, planHash: nasty, step: nasty)),
      .stepBegan(step: 0, name: nasty), .phaseBegan(place, .prepare, writes: []),
      .writeEnded(place, id, .failed(nasty)), .warning(id, nasty),
      .progress(place, id, ObjectProgress(nasty, isReady: false, suspect: cause)),
      .log(place, id, pod: nasty, container: nasty, lines: [nasty]),
      .asked(place, question), .answered(place, question, Answer(isYes: false, by: nasty)), .note(nasty),
    ]
    func isClean(_ text: String) -> Bool {
      text.unicodeScalars.allSatisfy {
        $0 == "\n" || ($0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && $0.value != 0x202E)
      }
    }
    var views: [any RunView] = [
      Self.tree(), PlainView(diagnostic: Self.rendered, closing: Self.closing), NDJSONView { _ in .null },
    ]
    for event in events {
      for i in views.indices {
        let text = views[i].take(event, at: Self.moment(0)) + views[i].heartbeat(at: Self.moment(1))
        // JSON has its own escapes; an override is data there.
        #expect(isClean(i == 2 ? text.replacing("\u{202E}", with: "").replacing("\u{9B}", with: "") : text), "\(event)")
        #expect(views[i].frame(rows: 20, at: .seconds(2)).allSatisfy { isClean($0.text(color: false)) }, "\(event)")
      }
    }
  }
}
