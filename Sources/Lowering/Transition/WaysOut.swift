package import KubernetesModel
package import RolloutPlan

/// What somebody who goes back from many places of a plan has at hand. Nothing of it changes what is written; all of it
/// would have to be worked out again.
package struct RollbackFacts {
  /// Which statements the writes are for; nil: the declarations.
  package var origins: Origins?
  /// The view of the state that is gone back to.
  package var target: View?
  /// What stands after the writes of the phase that was begun.
  package var image: ObjectSet?
  /// The configurations before the phase that was begun and after it.
  package var around: (before: View, after: View)?
  package var rendered: RenderedObjects?

  package init() {}
}

/// A way back over several steps at once, which leads past states that are in between. The proof of a plan does not ask about
/// these: there are as many as pairs of steps.
package struct LongWayBack: Hashable, Sendable {
  /// Where it begins: in step number `step`, from 0, in or after its segment number `segment`.
  package var step: Int
  package var segment: Int
  /// The phase that broke off; nil: the whole segment came through.
  package var phase: Int?
  /// To what stood after so many steps.
  package var steps: Int

  package init(step: Int, segment: Int, phase: Int?, steps: Int) {
    (self.step, self.segment, self.phase, self.steps) = (step, segment, phase, steps)
  }
}

// The ways out of a place where a run broke off, each said once: a run goes them, and the proof asks about them.
extension Renderer {
  /// Back to `state` from what stands. Volumes stay, whatever `state` says: a rollback never takes data.
  package func rollback(
    from standing: Standing, to state: State, stamp: String?, known: RollbackFacts = RollbackFacts()
  ) -> Transition {
    let target = known.target ?? view(of: state, near: (standing.state, standing.view))
    return transition(from: standing.image, standing.view, to: target, options: options(stamp, known))
  }

  /// Back to `state` from the middle of `segment`: phase number `phase` (from 0) was begun and did not come through.
  ///
  /// What the phase was to bring into being may be there, so it is taken into account; where requests go is taken
  /// back to what held before the phase, which was safe, before anything else moves.
  package func rollback(
    from segment: CompiledSegment, brokenOffIn phase: Int, to state: State, stamp: String?,
    known: RollbackFacts = RollbackFacts()
  ) -> Transition {
    guard let (from, new) = views(of: segment, brokenOffIn: phase, known.around) else {
      return rollback(from: segment.after, to: state, stamp: stamp, known: known)
    }
    let image = known.image ?? segment.image(afterPhases: phase + 1)
    let target = known.target ?? view(of: state, near: (segment.after.state, segment.after.view))
    let written = segment.phases[phase].writes.map(\.id)
    return transition(
      from: image, from, to: target, options: options(stamp, known),
      doubtful: segment.doubts(beforePhase: phase).union(written), perhaps: [new] + segment.starts,
      begun: Set(written.filter { $0.kind == "Deployment" && !segment.before.image.hasPods(of: $0) }))
  }

  /// A failure block, from the place that it is for: segments of `step` were begun, and of the last one phase number `phase`
  /// did not come through; nil: all did. Its first segment leads out of the middle of that phase then, and may break off in
  /// turn.
  package func block(
    _ start: FailureStart, of step: CompiledStep, brokenOffIn phase: Int?, known: RollbackFacts = RollbackFacts()
  ) -> [CompiledSegment] {
    let broken = step.segments[start.place.segments - 1]
    var standing = broken.after
    var made: [CompiledSegment] = []
    var rest = start.segments[...]
    if let phase, broken.stages.indices.contains(phase), let first = rest.popFirst() {
      // What it undoes is the broken segment's.
      let undone = plan.step(numbered: step.index)?.segments[start.place.segments - 1].changes ?? []
      var facts = known
      facts.origins = Origins(plan, changes: undone + first.changes)
      facts.target = view(of: first.after, near: (broken.after.state, broken.after.view))
      let way = wayBack(
        from: broken, brokenOffIn: phase, to: first.after,
        stamp: stamp(in: step.blockStamp, segment: 0, of: start.segments.count), known: facts)
      standing = way.after
      made.append(way)
    }
    return made
      + compiled(
        Array(rest), from: standing, folder: step.blockStamp, after: made.count, rendered: known.rendered)
  }

  /// A way back as a segment of its own, which may break off in turn.
  package func wayBack(from standing: Standing, to state: State, stamp: String) -> CompiledSegment {
    var facts = RollbackFacts()
    let target = view(of: state, near: (standing.state, standing.view))
    facts.target = target
    let way = rollback(from: standing, to: state, stamp: stamp, known: facts)
    return CompiledSegment(
      stamp: stamp, before: standing, phases: way.phases, stages: way.stages,
      after: Standing(state: state, view: target, image: way.image), keepsVolumes: true)
  }

  /// The same from the middle of `broken`; from its end where it has no such phase.
  package func wayBack(
    from broken: CompiledSegment, brokenOffIn phase: Int, to state: State, stamp: String,
    known: RollbackFacts = RollbackFacts()
  ) -> CompiledSegment {
    guard let (from, new) = views(of: broken, brokenOffIn: phase, known.around) else {
      return wayBack(from: broken.after, to: state, stamp: stamp)
    }
    let target = known.target ?? view(of: state, near: (broken.after.state, broken.after.view))
    let image = known.image ?? broken.image(afterPhases: phase + 1)
    var facts = known
    (facts.target, facts.image) = (target, image)
    let way = rollback(from: broken, brokenOffIn: phase, to: state, stamp: stamp, known: facts)
    return CompiledSegment(
      stamp: stamp, before: Standing(state: broken.after.state, view: from, image: image), phases: way.phases,
      stages: way.stages, after: Standing(state: state, view: target, image: way.image),
      doubtful: Set(broken.phases[phase].writes.map(\.id)), perhaps: [new] + broken.starts, keepsVolumes: true)
  }

  /// Where a way out of the middle of `segment` begins, and where requests may have gone besides: what the phase was to
  /// bring into being may be there, and requests go where they went before it. Nil where there is no such phase.
  private func views(
    of segment: CompiledSegment, brokenOffIn phase: Int, _ known: (before: View, after: View)?
  ) -> (from: View, perhaps: View)? {
    guard segment.stages.indices.contains(phase) else { return nil }
    let old = known?.before ?? view(in: segment, before: phase)
    let new = known?.after ?? view(in: segment, before: phase + 1)
    var from = new
    for i in old.components.differences(from: new.components) {
      from.components[i].lanes = old.components[i].lanes
      from.components[i].lanePorts = old.components[i].lanePorts
      from.components[i].isMeshPinned = old.components[i].isMeshPinned
      from.components[i].meshMirror = old.components[i].meshMirror
      from.components[i].entry = old.components[i].entry
      from.components[i].isEntryPinned = old.components[i].isEntryPinned
      from.components[i].entryMirror = old.components[i].entryMirror
    }
    return (from, new)
  }

  /// The configuration in which phase number `phase` of `segment` begins; that of its end for the number after the last.
  package func view(in segment: CompiledSegment, before phase: Int) -> View {
    view(
      segment.before.view, segment.after.view, after: phase == 0 ? Stage.start : segment.stages[phase - 1],
      keepsVolumes: segment.keepsVolumes)
  }

  private func options(_ stamp: String?, _ known: RollbackFacts) -> TransitionOptions {
    var options = TransitionOptions(
      stamp: stamp, origins: known.origins ?? Origins(plan, changes: []), keepsVolumes: true)
    options.rendered = known.rendered
    return options
  }
}

extension ObjectSet {
  fileprivate func hasPods(of deployment: ObjectID) -> Bool {
    self[deployment].map { $0.object.at("spec", "replicas")?.int != 0 } ?? false
  }
}

extension CompiledSegment {
  /// Where requests may have gone when it began, and may still be: they are waited for when it comes through.
  fileprivate var starts: [View] { [before.view] + perhaps }

  /// What stands after the writes of the first `count` phases.
  fileprivate func image(afterPhases count: Int) -> ObjectSet {
    var image = before.image
    for phase in phases.prefix(count) { for write in phase.writes { image.apply(write, knownIn: after.image) } }
    return image
  }

  /// Objects that the segment set out in doubt of, and that no phase before number `phase` has written.
  fileprivate func doubts(beforePhase phase: Int) -> Set<ObjectID> {
    doubtful.isEmpty ? [] : doubtful.subtracting(phases.prefix(phase).flatMap(\.writes).map(\.id))
  }
}
