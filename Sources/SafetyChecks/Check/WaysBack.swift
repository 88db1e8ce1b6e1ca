package import Lowering
package import RolloutPlan

/// How a run goes back that broke off in one place of a step.
package struct WayBack: Sendable {
  /// To the state before the step.
  var back: Transition
  /// The failure block that is for this place, if there is one.
  var block: Block?

  struct Block: Sendable {
    var segments: [CompiledSegment]
    /// To the state before the step, when the block failed in its turn or is done: by segment, out of the middle of each
    /// phase and then from the end.
    var back: [[Transition]]
  }
}

/// The ways back of a plan, in the order in which a check walks them: of each segment from the middle of each phase, and
/// then from its end.
///
/// They follow from the plan alone and not from what the check finds, so that they can be worked out beside it: see
/// ``WaysBackSource``.
package struct WaysBack: IteratorProtocol {
  private let compiled: Compiled
  private let plan: Plan
  private let rendered: RenderedObjects
  /// Whether the writes are stamped. The proof reads past stamps, and without them whatever is as it was at some other
  /// place is the very same value. But a stamp leaves no trace of an empty map of annotations that somebody may have asked
  /// for: where there are objects or parts of objects that are not ours, the writes are those of a run to the last byte.
  private let isStamped: Bool
  /// What comes next: a place in `compiled.steps`, one of its segments, and a phase of that.
  private var step = 0
  private var segment = 0
  private var phase = 0
  /// What the ways back from the segment have in common, and what stands after the phase before.
  private var known = RollbackFacts()

  init(_ compiled: Compiled, _ plan: Plan) {
    self.compiled = compiled
    self.plan = plan
    rendered = RenderedObjects(compiled.rendered)
    isStamped = !plan.patches.isEmpty || !plan.manifests.isEmpty
  }

  package mutating func next() -> WayBack? {
    while step < compiled.steps.count, segment >= compiled.steps[step].segments.count {
      step += 1
      segment = 0
    }
    guard step < compiled.steps.count else { return nil }
    let current = compiled.steps[step]
    let from = current.segments[segment]
    let planned = plan.step(numbered: current.index)
    let start = current.segments[0].before
    if phase == 0 {
      let changes = planned?.segments.prefix(segment + 1).flatMap(\.changes) ?? []
      known.origins = Origins(plan, changes: changes)
      known.target = start.view
      known.rendered = rendered
      known.image = from.before.image
      known.around = nil
    }
    guard phase < from.phases.count else {
      phase = 0
      defer { segment += 1 }
      return WayBack(
        back: compiled.renderer.rollback(
          from: from.after, to: start.state, stamp: stamp(current.backStamp), known: known),
        block: block(in: nil))
    }
    for write in from.phases[phase].writes { known.image?.apply(write, knownIn: from.after.image) }
    known.around =
      from.stages.indices.contains(phase)
      ? (
        known.around?.after ?? compiled.renderer.view(in: from, before: phase),
        compiled.renderer.view(in: from, before: phase + 1)
      ) : nil
    defer { phase += 1 }
    return WayBack(
      back: compiled.renderer.rollback(
        from: from, brokenOffIn: phase, to: start.state, stamp: stamp(current.backStamp), known: known),
      block: block(in: phase))
  }

  private func block(in phase: Int?) -> WayBack.Block? {
    let current = compiled.steps[step]
    guard let planned = plan.step(numbered: current.index),
      let start = plan.failureBlock(of: planned, reached: segment + 1, isBroken: phase != nil)
    else { return nil }
    var facts = RollbackFacts()
    facts.rendered = known.rendered
    if phase != nil { (facts.image, facts.around) = (known.image, known.around) }
    let segments = compiled.renderer.block(start, of: current, brokenOffIn: phase, known: facts)
    (facts.target, facts.around) = (known.target, nil)
    let goal = current.segments[0].before.state
    let back = segments.enumerated().map { s, segment in
      facts.origins = Origins(plan, changes: start.segments.prefix(s + 1).flatMap(\.changes))
      facts.image = segment.before.image
      var ways = segment.phases.indices.map { p in
        for write in segment.phases[p].writes { facts.image?.apply(write) }
        return compiled.renderer.rollback(
          from: segment, brokenOffIn: p, to: goal, stamp: stamp(current.backStamp), known: facts)
      }
      ways.append(
        compiled.renderer.rollback(from: segment.after, to: goal, stamp: stamp(current.backStamp), known: facts))
      return ways
    }
    return WayBack.Block(segments: segments, back: back)
  }

  private func stamp(_ stamp: String) -> String? { isStamped ? stamp : nil }
}

/// Where a check has the ways back from. It gets a maker, which may be used on another thread, and how many ways may be
/// ready before they are asked for; what it gives is asked for one after the other, until there are no more.
package typealias WaysBackSource = (_ lead: Int, _ make: @escaping @Sendable () -> WaysBack) -> () -> WayBack?

extension Plan {
  /// The failure block of a step, as it begins where this many segments were begun, and the last one broke off or not.
  func failureBlock(of step: Step, reached: Int, isBroken: Bool) -> FailureStart? {
    guard case .block(let block) = step.onFailure ?? onFailure else { return nil }
    return block.start(at: .init(step: step.index, segments: reached, isBroken: isBroken))
  }
}
