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
  }

  /// Where the way forward ended.
  package struct Place: Hashable, Sendable {
    /// Segments of the step that were begun.
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
    /// What stands before a step that changes nothing.
    var standing = compiled.start
    for step in compiled.steps {
      let start = step.segments.first?.before ?? standing
      standing = step.segments.last?.after ?? standing
      let planned = model.plan.step(numbered: step.index)
      let origin = Origin(step: step, planned: planned, start: Intent(intent(start.state)))
      fail(origin, from: Moment.Place(segments: 0), start, run)
      for (s, segment) in step.segments.enumerated() {
        run.begin()
        let (from, to) = (intent(segment.before.state), intent(segment.after.state))
        for (p, phase) in segment.phases.enumerated() {
          let isLast = p == segment.phases.count - 1
          judge(
            phase, p, Way(step: step.index, segment: s, course: .forward), Intent(from), Intent(to), isLast: isLast,
            &run)
          if let way = next() { breakOff(origin, by: way, in: p, of: s, Intent(from, to), run) }
          run.pass(phase.gates)
        }
        var run = run
        run.settleAll()
        let place = Moment.Place(segments: s + 1)
        if let way = next() { rollBack(origin, way.back, from: place, Intent(to), run) }
        fail(origin, from: place, segment.after, run)
      }
    }
    coverage.configurations = mesh.configurations
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
    var planned: Step?
    /// What the state before it says.
    var start: Intent
  }

  /// The run ends in the middle of a phase: any of its writes may have been made, and any proxy may have seen it.
  private mutating func breakOff(
    _ origin: Origin, by way: WayBack, in p: Int, of s: Int, _ between: Intent, _ run: Walk
  ) {
    let segment = origin.step.segments[s]
    let place = Moment.Place(segments: s + 1, phase: segment.phases[p].kind)
    var run = run
    run.breakOff()
    rollBack(origin, way.back, from: place, between, run)
    guard let block = way.block else { return }
    coverage.failureBlocks += 1
    let after = block.first.after
    walk(
      block.transition.phases, Way(step: origin.step.index, segment: 0, course: .failureBlock(from: place)), between,
      Intent(model.plan, after), &run)
    let view = compiled.renderer.view(of: after, near: (segment.after.state, segment.after.view))
    let standing = Standing(state: after, view: view, image: block.transition.image)
    continueBlock(origin, block.rest, from: standing, place, done: 1, &run)
  }

  private mutating func rollBack(
    _ origin: Origin, _ back: Transition, from place: Moment.Place, _ from: Intent, _ run: Walk
  ) {
    coverage.rollbacks += 1
    var run = run
    let way = Way(step: origin.step.index, segment: place.segments - 1, course: .rollback(from: place))
    walk(back.phases, way, from, origin.start, keepsVolumes: true, &run)
  }

  /// The failure block that may start between two segments.
  private mutating func fail(_ origin: Origin, from place: Moment.Place, _ standing: Standing, _ run: Walk) {
    guard let block = origin.planned.flatMap({ model.plan.failureBlock(of: $0, reached: place.segments) }) else {
      return
    }
    coverage.failureBlocks += 1
    var run = run
    run.settleAll()
    continueBlock(origin, block.segments, from: standing, place, done: 0, &run)
  }

  private mutating func continueBlock(
    _ origin: Origin, _ segments: [Segment], from standing: Standing, _ place: Moment.Place, done: Int,
    _ run: inout Walk
  ) {
    let all = compiled.renderer.compiled(segments, from: standing, folder: origin.step.blockStamp, after: done)
    for (s, segment) in all.enumerated() {
      walk(
        segment.phases, Way(step: origin.step.index, segment: done + s, course: .failureBlock(from: place)),
        Intent(model.plan, segment.before.state), Intent(model.plan, segment.after.state), &run)
    }
  }

  // MARK: - Phases

  /// Whose phases are judged.
  private struct Way {
    var step: Int
    var segment: Int
    var course: Moment.Course
  }

  private mutating func walk(
    _ phases: [Phase], _ way: Way, _ from: Intent, _ to: Intent, keepsVolumes: Bool = false, _ run: inout Walk
  ) {
    run.begin()
    for (p, phase) in phases.enumerated() {
      judge(phase, p, way, from, to, isLast: p == phases.count - 1, keepsVolumes: keepsVolumes, &run)
      run.pass(phase.gates)
    }
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
