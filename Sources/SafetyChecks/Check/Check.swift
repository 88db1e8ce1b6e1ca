package import Diagnostics
internal import KubernetesModel
package import Lowering
package import MeshModel
package import RolloutPlan

/// Where in the life of a plan a phase stands.
package struct Moment: Hashable, Sendable {
  package enum Course: Hashable, Sendable {
    case forward
    /// From after this many segments of the step, back to the state before it.
    case rollback(reached: Int)
    /// A failure block, from after this many segments.
    case failureBlock(reached: Int)
  }

  /// `Step.index`
  package var step: Int
  package var segment: Int
  package var course: Course
  package var phase: Int
  package var kind: PhaseKind
}

/// What a check looked at.
package struct Coverage: Hashable, Sendable {
  /// Kinds of visitors that some rule tells apart.
  package var cohorts = 0
  /// Ways of a request from one hop to the next.
  package var callPaths = 0
  /// Combinations of versions of objects and sets of ready pods that were gone through.
  package var configurations = 0
  package var phases = 0
  package var rollbacks = 0
  /// Some phase changes so many objects of one component that not every combination was looked at.
  package var isSampled = false

  package init() {}
}

package struct SafetyReport: Sendable {
  package var diagnostics: [Diagnostic]
  package var coverage: Coverage
  package var findings: [Finding]
}

/// A violation with its place and the write that makes it possible.
package struct Finding: Sendable {
  package var moment: Moment
  package var violation: Violation
  package var write: Write?
}

/// Proves that no request is lost or led astray while `compiled` runs, or says when and whose.
///
/// For each phase every configuration that some proxy may hold is taken with every set of pods that may be ready, and
/// each request is followed through the mesh; then the same for the way back from every place where a run may break
/// off, and for the failure blocks. Time is near-linear in the plan's size: a phase costs what it changes, plus a walk
/// over the versions that requests reach.
package func check(_ compiled: Compiled, plan: Plan, options: MeshOptions? = nil) -> SafetyReport {
  var checker = Checker(compiled, FlowModel(plan, options: options))
  checker.run()
  return checker.report()
}

struct Checker {
  let compiled: Compiled
  let model: FlowModel
  private(set) var findings: [Finding] = []
  private var coverage = Coverage()
  private var intents: [State: Intent] = [:]

  init(_ compiled: Compiled, _ model: FlowModel) {
    self.compiled = compiled
    self.model = model
    coverage.cohorts = Set(model.entryFlows.map { model.flows[$0].cohort }).count
  }

  mutating func run() {
    var run = Walk(model)
    let plan = model.plan
    for step in compiled.steps {
      guard let planned = plan.steps.first(where: { $0.index == step.index }) else { continue }
      let start = step.segments.first?.before
      failures(planned, reached: 0, from: start ?? compiled.end(before: step.index), run)
      for (s, segment) in step.segments.enumerated() {
        walk(segment, at: (step.index, s, .forward), &run)
        if let start { rollBack(step, planned, reached: s + 1, from: segment.after, to: start.state, run) }
        failures(planned, reached: s + 1, from: segment.after, run)
      }
    }
    coverage.configurations += run.cluster.configurations
    coverage.isSampled = coverage.isSampled || run.cluster.isSampled
  }

  func report() -> SafetyReport {
    SafetyReport(
      diagnostics: Explanation(model, compiled).diagnostics(findings), coverage: coverage, findings: findings)
  }

  // MARK: - Ways

  private mutating func rollBack(
    _ step: CompiledStep, _ planned: Step, reached: Int, from standing: Standing, to state: State, _ run: Walk
  ) {
    let changes = planned.segments.prefix(reached).flatMap(\.changes)
    let back = compiled.renderer.rollback(
      from: standing, to: state, stamp: step.folder + "/rollback", changes: changes)
    coverage.rollbacks += 1
    if back.phases.isEmpty { return }
    var run = run
    run.cluster.settleAll()
    let counted = run.cluster.configurations
    walk(
      back.phases, before: standing.state, after: state, keepsVolumes: true,
      at: (step.index, reached - 1, .rollback(reached: reached)), &run)
    coverage.configurations += run.cluster.configurations - counted
  }

  /// The failure blocks that may start where the run stands.
  private mutating func failures(_ step: Step, reached: Int, from standing: Standing, _ run: Walk) {
    let path = step.onFailure ?? model.plan.onFailure
    guard case .block(let block) = path else { return }
    for start in block.starts where start.step == step.index && start.reachedSegments == reached {
      let segments = compiled.renderer.compiled(start.segments, from: standing, folder: step.slug + "/on-failure")
      var run = run
      run.cluster.settleAll()
      let counted = run.cluster.configurations
      for (s, segment) in segments.enumerated() {
        walk(segment, at: (step.index, s, .failureBlock(reached: reached)), &run)
      }
      coverage.configurations += run.cluster.configurations - counted
    }
  }

  private mutating func walk(
    _ segment: CompiledSegment, at place: (step: Int, segment: Int, course: Moment.Course), _ run: inout Walk
  ) {
    walk(
      segment.phases, before: segment.before.state, after: segment.after.state, keepsVolumes: false, at: place, &run)
  }

  private mutating func walk(
    _ phases: [Phase], before: State, after: State, keepsVolumes: Bool,
    at place: (step: Int, segment: Int, course: Moment.Course), _ run: inout Walk
  ) {
    let (from, to) = (Intent(model.plan, before), Intent(model.plan, after))
    run.begin()
    for (p, phase) in phases.enumerated() {
      let verdict = run.take(phase, from: from, to: to, isLast: p == phases.count - 1, keepsVolumes: keepsVolumes)
      coverage.phases += 1
      coverage.callPaths = max(coverage.callPaths, verdict.liveFlows)
      let moment = Moment(
        step: place.step, segment: place.segment, course: place.course, phase: p, kind: phase.kind)
      for violation in verdict.violations {
        findings.append(
          Finding(moment: moment, violation: violation, write: culprit(violation, phase, run.cluster)))
      }
      run.pass(phase.gates)
    }
    if run.cluster.isSampled { coverage.isSampled = true }
  }

  /// The write without which the violation would not be there: of the configuration that shows it, as much as possible
  /// is taken back.
  private func culprit(_ violation: Violation, _ phase: Phase, _ cluster: TrackedCluster) -> Write? {
    if let object = violation.object, let write = phase.writes.first(where: { $0.id == object }) { return write }
    if let object = violation.object, let tracked = cluster.pending[object] { return tracked.current.write }
    guard let f = violation.flow else { return phase.writes.first }
    return cluster.culprit(f, violation.fault, target: violation.version) ?? phase.writes.first
  }
}

extension Compiled {
  /// What stands before a step that changes nothing.
  fileprivate func end(before step: Int) -> Standing {
    steps.last { $0.index < step && !$0.segments.isEmpty }?.segments.last?.after ?? start
  }
}
