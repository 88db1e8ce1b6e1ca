package import Diagnostics
internal import KubernetesModel
package import Lowering
package import MeshModel
package import RolloutPlan

/// Where in the life of a plan a phase stands.
package struct Moment: Hashable, Sendable {
  package enum Course: Hashable, Sendable {
    case forward
    /// Back to the state before the step.
    case rollback(from: Place)
    case failureBlock(from: Place)
    /// Out of a failure block, back to the state before the step.
    case leavingBlock(from: Place, at: Place)
  }

  /// Where a way ended: the one forward, or a failure block.
  package struct Place: Hashable, Sendable {
    /// Segments of the step, or of the block, that were begun.
    package var segments: Int
    /// The phase of the last one that did not come through; nil: all did.
    package var phase: PhaseKind?
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
  /// Configurations that the requests of some flow can tell apart and that were gone through.
  package var configurations = 0
  package var phases = 0
  /// Ways back to the state before a step: from each place where a run may break off.
  package var rollbacks = 0
  /// Failure blocks, from each place where they may begin.
  package var failureBlocks = 0

  package init() {}
}

package struct SafetyReport: Sendable {
  package var diagnostics: [Diagnostic]
  package var coverage: Coverage
  package var findings: [Finding]
  /// All that was looked at. Of a large plan it takes a while to be taken apart, and who ends soon may keep it until then.
  package var evidence: Evidence

  /// Nobody can ask it for anything, from whatever thread.
  package final class Evidence: @unchecked Sendable {
    private let mesh: VersionedMesh

    init(_ mesh: VersionedMesh) { self.mesh = mesh }
  }
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
/// off, and for the failure blocks.
///
/// Time is near-linear in the components, in what they call, in the hosts that they are exposed for and in the objects of
/// manifests: a phase costs what it changes, plus a walk over the versions that requests reach. So it is steps × reached
/// versions. It is not linear in the rules of one component: from five selectors on, each pair of them is a kind of
/// visitors that is followed through the list of rules, cubic in their number. Lines that are exposed for one host, and
/// versions of one component that steps go through one after the other, are looked at in pairs.
///
/// - Parameter waysBack: works the ways back out, if not one after the other when they are needed.
package func check(
  _ compiled: Compiled, plan: Plan, options: MeshOptions? = nil, waysBack: WaysBackSource? = nil
) -> SafetyReport {
  var checker = Checker(compiled, FlowModel(plan, options: options))
  checker.run(waysBack)
  return checker.report()
}

/// Proves that no request is lost or led astray on this way back, or says whose.
package func check(_ way: LongWayBack, _ compiled: Compiled, plan: Plan) -> SafetyReport {
  var checker = Checker(compiled, FlowModel(plan, options: nil))
  checker.run(way)
  return checker.report()
}

struct Checker {
  let compiled: Compiled
  let model: FlowModel
  private let mesh: VersionedMesh
  private let needs: Needs
  private(set) var findings: [Finding] = []
  private var coverage = Coverage()

  init(_ compiled: Compiled, _ model: FlowModel) {
    self.compiled = compiled
    self.model = model
    mesh = VersionedMesh(model)
    needs = Needs(compiled, model)
    coverage.cohorts = Set(model.entryFlows.map { model.flows[$0].cohort }).count
  }

  mutating func run(_ source: WaysBackSource?) {
    let (compiled, plan) = (compiled, model.plan)
    let next: () -> WayBack?
    if let source {
      // A few of a large plan, which hold its objects; many of a small one, where threads would only wake each other.
      next = source(3 + 500 / (1 + plan.components.count)) { WaysBack(compiled, plan) }
    } else {
      var ways = WaysBack(compiled, plan)
      next = { ways.next() }
    }
    var run = Walk(mesh)
    var latest = IntentOfState(model.plan, compiled.start.state)
    /// States follow each other, and what is known of one is worth keeping.
    func intent(_ state: State) -> IntentOfState {
      if latest.state != state { latest = IntentOfState(model.plan, state) }
      return latest
    }
    for step in compiled.steps {
      guard let start = step.segments.first?.before else { continue }
      let origin = Origin(step: step, start: Intent(intent(start.state)))
      for (s, segment) in step.segments.enumerated() {
        run.begin(dialing: plan.dialed(inStep: step.index, segment: s))
        let (from, to) = (intent(segment.before.state), intent(segment.after.state))
        for (p, phase) in segment.phases.enumerated() {
          let isLast = p == segment.phases.count - 1
          judge(
            phase, p, Way(step: step.index, segment: s, course: .forward), Intent(from), Intent(to), isLast: isLast,
            &run)
          if let way = next() {
            var run = run
            run.breakOff()
            leave(origin, from: Moment.Place(segments: s + 1, phase: phase.kind), by: way, Intent(from, to), run)
          }
          run.pass(phase.gates)
        }
        var run = run
        run.settleAll()
        if let way = next() { leave(origin, from: Moment.Place(segments: s + 1), by: way, Intent(to), run) }
      }
    }
    coverage.configurations = mesh.configurations
  }

  mutating func run(_ way: LongWayBack) {
    guard compiled.steps.indices.contains(way.step),
      compiled.steps[way.step].segments.indices.contains(way.segment)
    else { return }
    let step = compiled.steps[way.step]
    let segment = step.segments[way.segment]
    let goal = compiled.steps[..<way.steps].last { !$0.segments.isEmpty }?.segments.last?.after ?? compiled.start
    let origin = Origin(step: step, start: Intent(model.plan, goal.state))
    var run = Walk(mesh)
    for earlier in compiled.steps[...way.step] {
      for (s, one) in earlier.segments.enumerated() {
        if earlier.index == step.index, s >= way.segment { break }
        run.go(one, one.phases.count, in: model.plan, dialing: model.plan.dialed(inStep: earlier.index, segment: s))
      }
    }
    let (from, to) = (segment.before.state, segment.after.state)
    run.go(
      segment, way.phase ?? segment.phases.count, in: model.plan,
      dialing: model.plan.dialed(inStep: step.index, segment: way.segment))
    var place = Moment.Place(segments: way.segment + 1)
    var between = Intent(model.plan, to)
    if let phase = way.phase {
      place.phase = segment.phases[phase].kind
      between = Intent(model.plan, from, to)
      _ = run.take(
        segment.phases[phase], from: Intent(model.plan, from), to: Intent(model.plan, to),
        isLast: phase == segment.phases.count - 1)
      run.breakOff()
    } else {
      run.settleAll()
    }
    let back =
      way.phase.map {
        compiled.renderer.rollback(from: segment, brokenOffIn: $0, to: goal.state, stamp: step.backStamp)
      } ?? compiled.renderer.rollback(from: segment.after, to: goal.state, stamp: step.backStamp)
    rollBack(
      origin, by: back, Way(step: step.index, segment: way.segment, course: .rollback(from: place)), between, run)
  }

  func report() -> SafetyReport {
    SafetyReport(
      diagnostics: Explanation(model, compiled, suspects: suspects(of: findings, compiled, model)).diagnostics(
        findings),
      coverage: coverage, findings: findings, evidence: SafetyReport.Evidence(mesh))
  }

  // MARK: - Ways back

  /// The step that a way leads back from.
  private struct Origin {
    var step: CompiledStep
    /// What the state before it says.
    var start: Intent
  }

  /// The ways that lead out of `place`: back, and by the failure block, out of which each place leads back in turn.
  ///
  /// - Parameter run: as it stands there. In the middle of a phase any of its writes may have been made, and any proxy may
  ///   have seen it.
  private mutating func leave(
    _ origin: Origin, from place: Moment.Place, by way: WayBack, _ between: Intent, _ run: Walk
  ) {
    let step = origin.step.index
    rollBack(
      origin, by: way.back, Way(step: step, segment: place.segments - 1, course: .rollback(from: place)), between, run)
    guard let block = way.block else { return }
    coverage.failureBlocks += 1
    var run = run
    var from = between
    for (s, segment) in block.segments.enumerated() {
      let to = Intent(model.plan, segment.after.state)
      run.begin()
      for (p, phase) in segment.phases.enumerated() {
        judge(
          phase, p, Way(step: step, segment: s, course: .failureBlock(from: place)), from, to,
          isLast: p == segment.phases.count - 1, &run)
        var broken = run
        broken.breakOff()
        let at = Moment.Place(segments: s + 1, phase: phase.kind)
        rollBack(
          origin, by: block.back[s][p], Way(step: step, segment: s, course: .leavingBlock(from: place, at: at)),
          from.united(with: to), broken)
        run.pass(phase.gates)
      }
      var settled = run
      settled.settleAll()
      let at = Moment.Place(segments: s + 1)
      rollBack(
        origin, by: block.back[s][segment.phases.count],
        Way(step: step, segment: s, course: .leavingBlock(from: place, at: at)), to, settled)
      from = to
    }
  }

  private mutating func rollBack(
    _ origin: Origin, by back: Transition, _ way: Way, _ from: Intent, _ run: Walk
  ) {
    coverage.rollbacks += 1
    var run = run
    run.begin()
    for (p, phase) in back.phases.enumerated() {
      judge(phase, p, way, from, origin.start, isLast: p == back.phases.count - 1, keepsVolumes: true, &run)
      run.pass(phase.gates)
    }
  }

  // MARK: - Phases

  /// Whose phases are judged.
  private struct Way {
    var step: Int
    var segment: Int
    var course: Moment.Course
  }

  private mutating func judge(
    _ phase: Phase, _ p: Int, _ way: Way, _ from: Intent, _ to: Intent, isLast: Bool, keepsVolumes: Bool = false,
    _ run: inout Walk
  ) {
    let early = needs.violations(phase, run.cluster, to: to)
    let verdict = run.take(phase, from: from, to: to, isLast: isLast, keepsVolumes: keepsVolumes)
    coverage.phases += 1
    coverage.callPaths = max(coverage.callPaths, verdict.followed)
    let moment = Moment(step: way.step, segment: way.segment, course: way.course, phase: p, kind: phase.kind)
    for violation in early + verdict.violations {
      findings.append(Finding(moment: moment, violation: violation, write: run.culprit(violation, phase)))
    }
  }
}
