import ClusterAPI
import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import TestSupport
import Testing

@testable import ApplyEngine
@testable import rolloutc

/// What the documentation shows of live output is what is printed.
@Suite struct TranscriptTests {
  /// The `text` block of a page that begins so.
  private func block(_ page: String, beginning: String) throws -> [String] {
    try #require(
      MarkdownBlock.all(in: page).first { $0.language == "text" && $0.lines.first?.hasPrefix(beginning) == true },
      "\(page) has no such block"
    ).lines
  }

  @Test("a plan, in docs/plan-and-preflight.md") func plan() throws {
    let file = try #require(Goldens.bytes("plans/aks-voting.rollout"))
    let plan = try #require(resolve(path: "aks-voting.rollout", bytes: file).checked)
    func id(_ group: String, _ kind: String, _ name: String) -> ObjectID {
      ObjectID(group: group, kind: kind, namespace: "voting", name: name)
    }
    func change(_ action: Write.Action, _ id: ObjectID, _ fields: [FieldChange]) -> LivePlan.Change {
      LivePlan.Change(id: id, action: action, origin: plan.nameRange, fields: fields, check: .server, uid: nil)
    }
    var drift = change(
      .update, id("apps", "Deployment", "voting-app-1-0"), [FieldChange("spec.replicas", old: 7, new: 3)])
    drift.writers = ["kubectl-scale"]
    drift.conflicts = [
      LivePlan.Conflict(
        conflict: FieldConflict(field: ".spec.replicas", manager: "kubectl-scale", time: "2026-01-02T10:00:00Z"),
        live: 7, ours: 3, isTaken: false)
    ]
    let subset = #"spec.http[name="voting-app"].route[0].destination.subset"#
    let live = LivePlan(
      course: .forward(steps: 2), stepsDone: 1, isBetweenSteps: true, drift: [drift],
      steps: [
        LivePlan.Step(
          index: 1, name: plan.steps[1].name,
          changes: [
            change(
              .create, id("apps", "Deployment", "voting-analytics-1-1"),
              [FieldChange("spec.replicas", old: nil, new: 1), FieldChange("spec.template", old: nil, new: "…")]),
            change(
              .update, id("networking.istio.io", "VirtualService", "voting-analytics"),
              [FieldChange(subset, old: "v1-0", new: "v1-1")]),
          ])
      ], problems: [], notes: [])
    let text = LivePlanText(live, plan, target: "context prod, https://prod.example:6443", color: false).text
    let printed = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    let shown = try block("docs/plan-and-preflight.md", beginning: "plan voting")
    #expect(printed.count == shown.count, "\(text)")
    for (printed, shown) in zip(printed, shown) where shown.drop(while: { $0 == " " }) != "…" {
      #expect(printed == shown)
    }
  }

  @Test("the tree, in docs/running.md") func tree() throws {
    var view = TreeView(color: false, diagnostic: { $0.message }, closing: { _ in [] })
    let rule = ObjectID(group: "networking.istio.io", kind: "DestinationRule", namespace: "hello", name: "web")
    let deployment = ObjectID(group: "apps", kind: "Deployment", namespace: "hello", name: "web-2-0")
    let range = SourceRange(file: FileID(0), start: 0, end: 0)
    func write(_ action: Write.Action, _ id: ObjectID) -> Write {
      Write(action: action, id: id, object: ["kind": "x"], previous: nil, origin: range)
    }
    let (widen, start) = (RunPlace(step: 1, leg: 1, phase: 0), RunPlace(step: 1, leg: 1, phase: 1))
    let opening = RunOpening(
      plan: "hello", namespace: "hello", planHash: "", run: "hello-1",
      steps: ["Deploy 1.0", "One in ten gets 2.0", "Everybody gets 2.0"],
      course: .forward(steps: 3), progress: Progress(), isResumed: true)
    let gate = Gate.ready([ReadyTarget(deployment: deployment, withinMilliseconds: nil)])
    let events: [(Int, RunEvent)] = [
      (0, .started(opening)), (1, .stepBegan(step: 1, name: opening.steps[1])),
      (2, .phaseBegan(widen, .widenSubsets, writes: [write(.update, rule)])),
      (3, .writeBegan(widen, rule, .update)), (8, .writeEnded(widen, rule, .configured)), (9, .phaseEnded(widen)),
      (10, .phaseBegan(start, .startWorkloads, writes: [write(.create, deployment)])),
      (11, .writeBegan(start, deployment, .create)), (20, .writeEnded(start, deployment, .created)),
      (21, .gateBegan(start, gate)),
      (30, .progress(start, deployment, ObjectProgress("0 of 2 available", isReady: false))),
    ]
    var lines: [String] = []
    for (at, event) in events {
      let text = view.take(event, at: Moment(elapsed: .milliseconds(at), time: ""))
      lines += text.split(separator: "\n").map(String.init)
    }
    lines += view.frame(rows: 20, at: .milliseconds(1100)).map { $0.text(color: false) }
    #expect(Array(lines.dropFirst()) == (try block("docs/running.md", beginning: "2/3 One in ten")))
  }
}
