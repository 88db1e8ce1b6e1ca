import DiagnosticRendering
import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan

/// A compiled plan as text to review.
struct Review {
  let plan: Plan
  let compiled: Compiled
  let sources: SourceSet
  /// Indices of the steps to show.
  let steps: [Int]
  /// How many faults the check found that somebody let pass; with any, the plan is not proved and the review says so.
  var faults = 0
  private let lines: [LineMap]

  init(plan: Plan, compiled: Compiled, sources: SourceSet, steps: [Int]) {
    self.plan = plan
    self.compiled = compiled
    self.sources = sources
    self.steps = steps
    lines = sources.files.map { LineMap($0) }
  }

  // MARK: - Places

  /// `plans/aks-voting.rollout:84`.
  func place(_ range: SourceRange) -> String {
    guard let file = sources[range.file] else { return "" }
    return "\(oneLine(file.path)):\(lines[Int(range.file.index)].line(at: range.start))"
  }

  /// `line 84` in the plan's own file, with the path in another.
  func shortPlace(_ range: SourceRange) -> String {
    guard range.file.index == 0 else { return place(range) }
    return lines.isEmpty ? "" : "line \(lines[0].line(at: range.start))"
  }

  /// `plans/aks-voting.rollout:84-87`: from the step's line to its last statement.
  func place(of step: Step) -> String {
    guard let file = sources[step.range.file] else { return "" }
    let map = lines[Int(step.range.file.index)]
    let first = map.line(at: step.range.start)
    var last = first
    for segment in step.segments {
      for change in segment.changes { last = max(last, map.line(at: change.range.start)) }
      for observation in segment.observations { last = max(last, map.line(at: observation.range.start)) }
    }
    return "\(oneLine(file.path)):\(first)" + (last > first ? "-\(last)" : "")
  }

  /// What is looked at or waited for, as the plan says it; a level of `shift` says what it does.
  func words(of observation: Observation) -> String {
    guard case .hold(let milliseconds, let metrics, _, _) = observation.kind else { return oneLine(observation.text) }
    let names = metrics.map { plan.metrics[$0].name }
    return "hold for \(durationText(milliseconds))" + (names.isEmpty ? "" : " while \(names.joined(separator: ", "))")
  }

  // MARK: - YAML

  /// The YAML stream, in pieces that follow each other.
  func yaml(state: Bool) -> [[UInt8]] {
    var writer = ReviewStream()
    let path = oneLine(sources.files.first?.path ?? "")
    writer.write(line: "# plan \(plan.name): \(counted(plan.steps.count, "step")), from \(path)")
    if let environment = plan.environment { writer.write(line: "# environment \(environment.name)") }
    if let warning { writer.write(line: "# \(warning)") }
    var lines = ReviewLines(review: self)
    for index in steps { write(index, state: state, &lines, to: &writer) }
    return writer.pieces()
  }

  /// What a reviewer must know of a plan that is not proved.
  var warning: String? { notProved(faults) }

  private func write(_ index: Int, state: Bool, _ lines: inout ReviewLines, to writer: inout ReviewStream) {
    let step = plan.steps[index]
    let compiledStep = compiled.steps[index]
    writer.write(line: "#")
    writer.write(line: "# " + String(repeating: "=", count: 98))
    writer.write(line: "# Step \(index + 1) of \(plan.steps.count): \(oneLine(step.name))  (\(place(of: step)))")
    writer.write(line: "# " + String(repeating: "=", count: 98))
    if state {
      let image = compiledStep.segments.last?.after.image ?? standing(before: index).image
      writer.write(line: "# The full state after this step: \(counted(image.count, "object"))")
      lines.advance(to: index, segment: step.segments.count - 1)
      for entry in image.entries {
        write(entry.object, from: lines.places(entry.id, entry.origin), to: &writer)
      }
      return
    }
    for (m, segment) in step.segments.enumerated() {
      lines.advance(to: index, segment: m)
      if step.segments.count > 1 { writer.write(line: "# Part \(m + 1) of \(step.segments.count)") }
      for change in segment.changes { writer.write(line: "#   \(oneLine(change.text))") }
      let phases = compiledStep.segments[m].phases
      for (p, phase) in phases.enumerated() {
        writer.write(line: "#")
        writer.write(line: "# Phase \(p + 1) of \(phases.count), \(phase.kind.title)")
        for write in phase.writes {
          if let object = write.object {
            self.write(object, from: lines.places(write.id, write.origin), to: &writer)
          } else {
            let loss =
              write.destroysData ? ", and what is in it: no way back brings it again" : ""
            writer.write(line: "# delete \(write.id)\(loss)  (\(place(write.origin)))")
          }
        }
        for gate in phase.gates { writer.write(line: "# then wait until \(gate.words(in: plan.namespace))") }
      }
      for observation in segment.observations {
        writer.write(line: "# then \(words(of: observation))  (\(place(observation.range)))")
      }
    }
  }

  private func write(_ object: Value, from places: [String], to writer: inout ReviewStream) {
    writer.write(line: "---")
    for line in ReviewLines.comments(places) { writer.write(line: line) }
    writer.write(document: object)
  }

  private func standing(before index: Int) -> Standing {
    compiled.steps[..<index].last { !$0.segments.isEmpty }?.segments.last?.after ?? compiled.start
  }

  func image(after index: Int) -> ObjectSet {
    compiled.steps[index].segments.last?.after.image ?? standing(before: index).image
  }

  // MARK: - JSON

  func json(state: Bool) -> [UInt8] {
    var lines = ReviewLines(review: self)
    let items = steps.map { index -> Value in
      let step = plan.steps[index]
      var fields: Fields = [
        "name": .string(step.name), "folder": .string(compiled.steps[index].folder), "source": .string(place(of: step)),
      ]
      if state {
        fields["objects"] = .array(image(after: index).entries.map(\.object))
      } else {
        fields["segments"] = .array(
          zip(step.segments, compiled.steps[index].segments).enumerated().map { m, pair in
            let (segment, compiled) = pair
            lines.advance(to: index, segment: m)
            return [
              "changes": .array(segment.changes.map { .string($0.text) }),
              "phases": .array(compiled.phases.map { json($0, lines) }),
              "observations": .array(segment.observations.map { .string(words(of: $0)) }),
            ]
          })
      }
      return .object(fields)
    }
    let root: Value = [
      "schema": "rolloutc.build/1", "plan": .string(plan.name), "namespace": .string(plan.namespace),
      "proved": .bool(faults == 0), "steps": .array(items),
    ]
    return jsonBytes(root, pretty: true) + [0x0A]
  }

  private func json(_ phase: Phase, _ lines: ReviewLines) -> Value {
    [
      "phase": .string(phase.kind.rawValue),
      "writes": .array(
        phase.writes.map { write in
          var fields: Fields = [
            "action": .string(write.action.rawValue), "kind": .string(write.id.kind), "name": .string(write.id.name),
            "source": .string(place(write.origin)),
          ]
          let places = lines.places(write.id, write.origin)
          if places.count > 1 { fields["sources"] = .array(places.map { .string($0) }) }
          if !write.id.namespace.isEmpty { fields["namespace"] = .string(write.id.namespace) }
          if let object = write.object { fields["object"] = object }
          return .object(fields)
        }),
      "gates": .array(phase.gates.map { .string($0.words(in: plan.namespace)) }),
    ]
  }
}

/// `1 step`, `2 steps`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

/// A name or a statement for a comment: a line break would end it, and no control may steer a terminal.
func oneLine(_ text: String) -> String { safeText(text) }

extension PhaseKind {
  /// What the phase does, in a few words.
  var title: String {
    switch self {
    case .establish: "establish: the namespace, and what belongs to none"
    case .prepare: "prepare: what everything else stands on"
    case .widenSubsets: "widen subsets: every version, old and new, can be named"
    case .openLanes: "open lanes: new callers get their routes, old ones stay where they are"
    case .freeVolumes: "free volumes: the pods that hold them end, so that others can begin"
    case .startWorkloads: "start workloads: callees first"
    case .switchInner: "switch inside: routes between components, callees first"
    case .switchEntry: "switch the entry: last"
    case .closeLanes: "close lanes: nothing refers to what leaves"
    case .narrowSubsets: "narrow subsets: only what stays can be named"
    case .stopWorkloads: "stop workloads: to the replicas that stay"
    case .remove: "remove: what nothing uses any more"
    case .tighten: "tighten: mTLS"
    }
  }
}

extension Gate {
  /// What is waited for, in a few words.
  ///
  /// - Parameter namespace: the plan's; it is a part of the header that is asked for.
  func words(in namespace: String) -> String {
    switch self {
    case .ready(let targets):
      let names = targets.map { target in
        target.deployment.name + (target.withinMilliseconds.map { " within \(durationText($0))" } ?? "")
      }
      return said(of: names, "is ready", "are ready")
    case .settled(let stamp):
      return "every proxy has it"
        + (stamp.map { " (\(stampHeader): \(stampHeaderText($0, namespace: namespace)))" } ?? "")
    case .drained(let versions, let byTime):
      func said(_ versions: [WorkloadRef], _ one: String, _ several: String) -> [String] {
        versions.isEmpty ? [] : [self.said(of: versions.map { "\($0.app) \($0.version)" }, one, several)]
      }
      return
        (said(versions, "gets no traffic any more", "get no traffic any more")
        + said(byTime, "has had time to finish", "have had time to finish")).joined(separator: "; ")
    case .stopped(let objects): return said(of: objects.map(\.name), "has no pods any more", "have no pods any more")
    case .established(let objects): return said(of: objects.map(\.description), "exists", "exist")
    }
  }

  private func said(of names: [String], _ one: String, _ several: String) -> String {
    names.joined(separator: ", ") + " " + (names.count == 1 ? one : several)
  }
}
