package import Diagnostics
package import KubernetesModel
package import Lowering
package import RolloutPlan

/// Where a run is heading. Together with the plan it says every write that is still to come, so it is all that a run has
/// to remember besides how far it came.
package enum Course: Hashable, Sendable {
  /// The plan's steps, up to `steps` of them.
  case forward(steps: Int)
  /// Back to what stood after `steps` steps, from where a forward course had come to.
  case rollback(from: Progress, steps: Int)
  /// The failure block that is for the place where a forward course broke off.
  case block(from: Progress)
  /// Out of that block, from the place that it had come to, back to what stood after `steps` steps.
  case leaveBlock(from: Progress, at: Progress, steps: Int)
  /// Out of a way back to what stood after `toward` steps, from the place that it had come to, to what stood after `steps`.
  case leaveRollback(from: Progress, toward: Int, at: Progress, steps: Int)
}

extension Course {
  package var isForward: Bool { if case .forward = self { true } else { false } }
}

/// How far along its legs a course is.
package struct Progress: Hashable, Sendable, Comparable {
  /// Legs that are done.
  package var leg: Int
  /// Phases of the next leg that are done.
  package var phase: Int
  /// Something of the next phase may have been written.
  package var isPhaseBegun: Bool
  /// Observations of the next leg that held; more than 0 only after all its phases.
  package var observation: Int

  package init(leg: Int = 0, phase: Int = 0, isPhaseBegun: Bool = false, observation: Int = 0) {
    self.leg = leg
    self.phase = phase
    self.isPhaseBegun = isPhaseBegun
    self.observation = observation
  }

  package static func < (a: Progress, b: Progress) -> Bool {
    (a.leg, a.phase, a.isPhaseBegun ? 1 : 0, a.observation) < (b.leg, b.phase, b.isPhaseBegun ? 1 : 0, b.observation)
  }

  /// As if what was begun had come through: a way out of it counts with all of it.
  fileprivate var withPhaseDone: Progress {
    Progress(leg: leg, phase: phase + (isPhaseBegun ? 1 : 0))
  }

  /// The phase of the next leg that was begun last, in the middle of the leg.
  fileprivate var lastBegunPhase: Int { isPhaseBegun ? phase : phase - 1 }

  /// Between two legs: nothing is half done.
  package var isAtBoundary: Bool { phase == 0 && !isPhaseBegun && observation == 0 }
}

/// One transition of a course, and what is observed after it.
package struct Leg: Sendable {
  package enum Role: Hashable, Sendable {
    /// Segment `segment` of step `step`.
    case forward(step: Int, segment: Int)
    case rollback(leaving: Int)
    case block(step: Int, segment: Int)
  }

  package var role: Role
  package var stamp: String
  package var phases: [Phase]
  package var observations: [Observation]
  /// What stands after it; nil where nothing more follows.
  package var after: Standing?

  /// The step that the leg belongs to, counted from 0.
  package var step: Int {
    switch role {
    case .forward(let step, _), .rollback(let step), .block(let step, _): step
    }
  }
}

extension Leg {
  init(role: Role, _ segment: CompiledSegment, observations: [Observation]) {
    self.init(
      role: role, stamp: segment.stamp, phases: segment.phases, observations: observations, after: segment.after)
  }
}

/// A plan, ready to run: every course's legs, derived and never stored.
package struct Itinerary: Sendable {
  package let plan: Plan
  package let compiled: Compiled
  /// The legs of the forward course, all steps.
  package let forward: [Leg]
  /// How many forward legs the first `i` steps have.
  private let legCounts: [Int]
  /// What tells this plan from others: `hash(of:_:)`, worked out once, as it reads every object.
  package let planHash: String

  package init(_ plan: Plan, _ compiled: Compiled) {
    self.plan = plan
    self.compiled = compiled
    var legs: [Leg] = []
    var counts = [0]
    for (index, step) in compiled.steps.enumerated() {
      for (m, segment) in step.segments.enumerated() {
        legs.append(
          Leg(
            role: .forward(step: index, segment: m), segment,
            observations: plan.steps[index].segments[m].observations))
      }
      counts.append(legs.count)
    }
    forward = legs
    legCounts = counts
    planHash = Self.hash(of: plan, legs)
  }

  package var stepCount: Int { plan.steps.count }

  /// Progress after `steps` steps.
  package func progress(afterSteps steps: Int) -> Progress {
    Progress(leg: legCounts[min(max(steps, 0), legCounts.count - 1)])
  }

  /// Steps that are wholly done at `progress` of the forward course.
  package func stepsDone(at progress: Progress) -> Int {
    var done = 0
    while done < stepCount, legCounts[done + 1] <= progress.leg { done += 1 }
    return done
  }

  /// The step that a forward course is in at `progress`; the last one at the end.
  package func step(at progress: Progress) -> Int {
    forward.indices.contains(progress.leg) ? forward[progress.leg].step : max(0, stepCount - 1)
  }

  /// What stands between two legs of the forward course.
  package func standing(afterLegs legs: Int) -> Standing {
    legs == 0 ? compiled.start : forward[min(legs, forward.count) - 1].after ?? compiled.start
  }

  package func standing(afterSteps steps: Int) -> Standing {
    standing(afterLegs: progress(afterSteps: steps).leg)
  }

  /// Everything that `course` does, from its beginning. Nil for a course that this plan does not have.
  package func legs(of course: Course) -> [Leg]? {
    switch course {
    case .forward(let steps): Array(forward.prefix(progress(afterSteps: steps).leg))
    case .rollback(let from, let steps): rollback(from: from, to: standing(afterSteps: steps).state).map { [$0] }
    case .block(let from): block(from: from)?.map(\.leg)
    case .leaveBlock(let from, let at, let steps):
      leaveBlock(from: from, at: at, to: standing(afterSteps: steps).state).map { [$0] }
    case .leaveRollback(let from, let toward, let at, let steps):
      leaveRollback(from: from, toward: toward, at: at, to: standing(afterSteps: steps).state).map { [$0] }
    }
  }

  /// Where requests are led when the leg of `course` that is under way begins; nil where that is not known.
  func led(by course: Course, at progress: Progress) -> Standing? {
    switch course {
    case .forward: return standing(afterLegs: progress.leg)
    case .block where progress.leg > 0: return legs(of: course)?[progress.leg - 1].after
    case .rollback(let from, _), .block(let from):
      let phases = forward.indices.contains(from.leg) ? forward[from.leg].phases : []
      let first = phases.firstIndex { [.switchInner, .switchEntry].contains($0.kind) } ?? phases.count
      let isSwitched = from.phase > first || from.phase == first && from.isPhaseBegun
      return standing(afterLegs: isSwitched ? from.leg + 1 : from.leg)
    case .leaveBlock, .leaveRollback: return nil
    }
  }

  /// What stands at the end of `course`; nil where that is not known.
  func end(of course: Course) -> Standing? {
    switch course {
    case .forward(let steps), .rollback(_, let steps), .leaveBlock(_, _, let steps), .leaveRollback(_, _, _, let steps):
      standing(afterSteps: steps)
    case .block(let from): block(from: from)?.last?.leg.after
    }
  }

  /// What stands where `course` has come to, as it was written. What a phase that was begun brings is not counted.
  func image(of course: Course, at progress: Progress) -> ObjectSet {
    var image: ObjectSet
    switch course {
    case .forward:
      image = standing(afterLegs: progress.leg).image
      if forward.indices.contains(progress.leg) {
        image.apply(forward[progress.leg].phases.prefix(progress.phase))
      }
      return image
    case .rollback(let from, _), .block(let from):
      image = self.image(of: .forward(steps: stepCount), at: from.withPhaseDone)
    case .leaveBlock(let from, let at, _):
      image = self.image(of: .block(from: from), at: at.withPhaseDone)
    case .leaveRollback(let from, let toward, let at, _):
      image = self.image(of: .rollback(from: from, steps: toward), at: at.withPhaseDone)
    }
    let legs = legs(of: course) ?? []
    image.apply(legs.prefix(progress.leg).flatMap(\.phases))
    if legs.indices.contains(progress.leg) { image.apply(legs[progress.leg].phases.prefix(progress.phase)) }
    return image
  }

  /// A way back from `progress` of the forward course that leads past a state in between; nil: it undoes one step, or a part.
  func longWayBack(from progress: Progress, to steps: Int) -> LongWayBack? {
    let isBroken = progress.phase > 0 || progress.isPhaseBegun
    let leg = isBroken || progress.observation > 0 ? progress.leg : progress.leg - 1
    guard forward.indices.contains(leg), case .forward(let step, let segment) = forward[leg].role, steps < step else {
      return nil
    }
    let isMiddle = isBroken && progress.phase < forward[leg].phases.count
    return LongWayBack(
      step: step, segment: segment, phase: isMiddle ? progress.lastBegunPhase : nil, steps: steps)
  }

  /// Claims that a run at `progress` of `course` has deleted, or may have, and that `back` makes again: what was in them is
  /// gone.
  package func lostClaims(of course: Course, at progress: Progress, on back: Course) -> [ObjectID] {
    let made = (legs(of: back) ?? []).flatMap(\.phases).flatMap(\.writes).filter {
      $0.action == .create && $0.id.isVolumeClaim
    }
    if made.isEmpty { return [] }
    // What was never made is not lost.
    let leg =
      switch course {
      case .forward: progress.leg
      case .rollback(let from, _), .block(let from), .leaveBlock(let from, _, _), .leaveRollback(let from, _, _, _):
        from.leg
      }
    let known = Set(forward.prefix(leg + 1).flatMap(\.phases).flatMap(\.writes).map(\.id))
    let image = image(of: course, at: progress.withPhaseDone)
    return made.map(\.id).filter { image[$0] == nil && known.contains($0) }
  }

  /// The failure path of the step at `progress`.
  package func failurePath(at progress: Progress) -> FailurePath {
    plan.steps.isEmpty ? .hold : plan.steps[step(at: progress)].onFailure ?? plan.onFailure
  }

  // MARK: - Ways back

  private func rollback(from: Progress, to state: State) -> Leg? { wayBack(from: from, to: state).map(leg) }

  private func leg(_ way: WayBack) -> Leg {
    Leg(
      role: .rollback(leaving: way.step), stamp: way.segment.stamp, phases: way.segment.phases, observations: [],
      after: nil)
  }

  /// Out of a step, from wherever a run has come to.
  private struct WayBack {
    var step: Int
    var segment: CompiledSegment
  }

  /// From where a forward course stands. Nil where no way leads out of that place.
  private func wayBack(from: Progress, to state: State) -> WayBack? {
    guard from.leg <= forward.count else { return nil }
    let step = from.isAtBoundary && from.leg > 0 ? forward[from.leg - 1].step : self.step(at: from)
    if from.leg < forward.count, from.phase > 0 || from.isPhaseBegun {
      return segment(of: from.leg).flatMap { wayBack(leaving: step, $0, at: from, to: state) }
    }
    return wayBack(leaving: step, from: standing(afterLegs: from.leg), to: state)
  }

  private func wayBack(leaving step: Int, from standing: Standing, to state: State, stamp: String? = nil) -> WayBack {
    WayBack(
      step: step, segment: compiled.renderer.wayBack(from: standing, to: state, stamp: stamp ?? backStamp(of: step)))
  }

  /// From the middle of a leg, where `progress` stands, or from its end. Nil where no way leads out of that place.
  private func wayBack(
    leaving step: Int, _ segment: CompiledSegment, at progress: Progress, to state: State, stamp: String? = nil
  ) -> WayBack? {
    guard progress.phase <= segment.phases.count else { return nil }
    if progress.phase == segment.phases.count {
      return wayBack(leaving: step, from: segment.after, to: state, stamp: stamp)
    }
    return WayBack(
      step: step,
      segment: compiled.renderer.wayBack(
        from: segment, brokenOffIn: progress.lastBegunPhase, to: state, stamp: stamp ?? backStamp(of: step)))
  }

  private func backStamp(of step: Int) -> String {
    compiled.steps.isEmpty ? "back" : compiled.steps[step].backStamp
  }

  /// One leg of a failure block.
  private struct BlockLeg {
    var leg: Leg
    var segment: CompiledSegment
  }

  private func leaveBlock(from: Progress, at: Progress, to state: State) -> Leg? {
    guard let legs = block(from: from), at.leg <= legs.count else { return nil }
    if at.leg == 0, at.isAtBoundary { return rollback(from: from, to: state) }
    let step = step(at: from)
    if at.isAtBoundary { return leg(wayBack(leaving: step, from: legs[at.leg - 1].segment.after, to: state)) }
    return at.leg < legs.count ? wayBack(leaving: step, legs[at.leg].segment, at: at, to: state).map(leg) : nil
  }

  private func leaveRollback(from: Progress, toward steps: Int, at: Progress, to state: State) -> Leg? {
    if at == Progress() { return rollback(from: from, to: state) }
    guard at.leg == 0, let former = wayBack(from: from, to: standing(afterSteps: steps).state) else { return nil }
    return wayBack(
      leaving: former.step, former.segment, at: at, to: state,
      stamp: compiled.steps.isEmpty ? nil : compiled.steps[former.step].outStamp
    )
    .map(leg)
  }

  private func block(from: Progress) -> [BlockLeg]? {
    guard case .block(let block) = failurePath(at: from), from.leg <= forward.count else { return nil }
    let step = self.step(at: from)
    let isBegun = from.leg < forward.count && (from.phase > 0 || from.isPhaseBegun || from.observation > 0)
    let isIdle = from.leg < forward.count && forward[from.leg].phases.isEmpty
    let reachedLegs = isBegun || isIdle ? from.leg + 1 : from.leg
    let reached = reachedLegs - progress(afterSteps: step).leg
    // Nothing of the step was written: there is nothing that a block could be for.
    if reached <= 0 { return [] }
    guard let segment = segment(of: reachedLegs - 1) else { return nil }
    let isBroken = isBegun && from.phase < segment.phases.count
    guard let start = block.start(at: .init(step: step, segments: reached, isBroken: isBroken)) else { return nil }
    let segments = compiled.renderer.block(
      start, of: compiled.steps[step], brokenOffIn: isBroken ? from.lastBegunPhase : nil)
    return zip(segments, start.segments).enumerated().map { m, made in
      BlockLeg(
        leg: Leg(role: .block(step: step, segment: m), made.0, observations: made.1.observations), segment: made.0)
    }
  }

  /// Every stamp that a way back out of a step, or its failure block, may leave on an object.
  var stampsOfWaysBack: Set<String> {
    var stamps: Set<String> = []
    for (index, step) in compiled.steps.enumerated() {
      stamps.formUnion([step.backStamp, step.outStamp])
      guard case .block(let block) = plan.steps[index].onFailure ?? plan.onFailure else { continue }
      let counts = Set(block.starts.filter { $0.place.step == index }.map(\.segments.count))
      for count in counts {
        for m in 0..<count { stamps.insert(stamp(in: step.blockStamp, segment: m, of: count)) }
      }
    }
    return stamps
  }

  private func segment(of leg: Int) -> CompiledSegment? {
    guard case .forward(let step, let m) = forward[leg].role else { return nil }
    return compiled.steps[step].segments[m]
  }
}
