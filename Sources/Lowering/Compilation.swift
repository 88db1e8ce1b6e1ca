package import KubernetesModel
package import RolloutPlan

/// A plan as writes: every step, every segment, every phase, and what stands after each.
package struct Compiled: Sendable {
  package var renderer: Renderer
  package var steps: [CompiledStep]
  package var problems: [LoweringProblem]
  /// What was rendered for them.
  package var rendered: RenderedObjects.Stock

  /// Where the plan begins: nothing stands.
  package var start: Standing

  /// What stands after the last step.
  package var end: Standing { steps.last(where: { !$0.segments.isEmpty })?.segments.last?.after ?? start }
}

package struct CompiledStep: Sendable {
  /// `Step.index`
  package var index: Int
  /// The folder of the step: `01-deploy-1-0`.
  package var folder: String
  package var segments: [CompiledSegment]
}

extension CompiledStep {
  /// What a way back out of the step is stamped with.
  package var backStamp: String { folder + "/back" }
  /// The same of its failure block; see ``stamp(in:segment:of:)``.
  package var blockStamp: String { folder + "/on-failure" }
}

package struct CompiledSegment: Sendable {
  /// The step's folder, with `/M` where the step has several segments; what changed objects are stamped with.
  package var stamp: String
  package var before: Standing
  package var phases: [Phase]
  /// Which configuration each phase leads to; one per phase.
  package var stages: [Stage]
  package var after: Standing
}

extension CompiledSegment {
  /// What stands after the writes of the first `count` phases.
  fileprivate func image(afterPhases count: Int) -> ObjectSet {
    var image = before.image
    for phase in phases.prefix(count) { for write in phase.writes { image.apply(write, knownIn: after.image) } }
    return image
  }
}

extension ObjectSet {
  /// Does the writes of `phases`, in their order.
  package mutating func apply(_ phases: some Sequence<Phase>) {
    for phase in phases { for write in phase.writes { apply(write) } }
  }
}

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
  /// Objects that may stand otherwise than the image has them, besides those of the phase that was begun.
  package var doubtful: Set<ObjectID> = []

  package init() {}
}

/// A state with what stands in the cluster while it holds.
package struct Standing: Sendable {
  package var state: State
  package var view: View
  package var image: ObjectSet

  package init(state: State, view: View, image: ObjectSet) {
    self.state = state
    self.view = view
    self.image = image
  }
}

/// All steps of `plan`, each segment from what the one before it left. Cost: the objects that change, and O(components)
/// per segment.
package func compile(_ plan: Plan, options: LoweringOptions = LoweringOptions()) -> Compiled {
  Renderer(plan, options: options).compiled()
}

extension Renderer {
  /// The state before the first step.
  package var start: Standing {
    Standing(state: State(), view: view(of: State()), image: nothing)
  }

  package func compiled() -> Compiled {
    let start = start
    var standing = start
    var steps: [CompiledStep] = []
    let rendered = RenderedObjects(self)
    for step in plan.steps {
      let folder = step.folder
      let segments = compiled(step.segments, from: standing, folder: folder, rendered: rendered)
      if let last = segments.last { standing = last.after }
      steps.append(CompiledStep(index: step.index, folder: folder, segments: segments))
    }
    return Compiled(
      renderer: self, steps: steps, problems: problems + patchProblems(steps), rendered: rendered.stock, start: start)
  }

  /// `segments` one after another from what stands: the steps of a plan, or a failure block from wherever the run
  /// broke off. `folder` and the number of the segment make its stamp.
  ///
  /// - Parameters:
  ///   - done: how many segments of the same block come before these.
  ///   - rendered: what others of the same plan have rendered.
  package func compiled(
    _ segments: [Segment], from standing: Standing, folder: String, after done: Int = 0,
    rendered: RenderedObjects? = nil
  ) -> [CompiledSegment] {
    var before = standing
    var all: [CompiledSegment] = []
    for (m, segment) in segments.enumerated() {
      let stamp = Lowering.stamp(in: folder, segment: done + m, of: done + segments.count)
      let after = view(of: segment.after, near: (before.state, before.view))
      var options = TransitionOptions(stamp: stamp, origins: Origins(plan, changes: segment.changes))
      options.rendered = rendered
      let transition = transition(from: before.image, before.view, to: after, options: options)
      let next = Standing(state: segment.after, view: after, image: transition.image)
      all.append(
        CompiledSegment(stamp: stamp, before: before, phases: transition.phases, stages: transition.stages, after: next)
      )
      before = next
    }
    return all
  }

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
    return transition(
      from: image, from, to: target, options: options(stamp, known),
      doubtful: known.doubtful.union(segment.phases[phase].writes.map(\.id)), perhaps: new)
  }

  /// A failure block's first transition, out of the middle of `segment`, as a segment of its own: it may break off in turn.
  package func segment(
    outOf segment: CompiledSegment, brokenOffIn phase: Int, to after: Standing, by way: Transition, stamp: String
  ) -> CompiledSegment? {
    guard let (from, _) = views(of: segment, brokenOffIn: phase) else { return nil }
    let before = Standing(
      state: segment.after.state, view: from, image: segment.image(afterPhases: phase + 1))
    return CompiledSegment(stamp: stamp, before: before, phases: way.phases, stages: way.stages, after: after)
  }

  /// Where a way out of the middle of `segment` begins, and where requests may have gone besides: what the phase was to
  /// bring into being may be there, and requests go where they went before it. Nil where there is no such phase.
  private func views(
    of segment: CompiledSegment, brokenOffIn phase: Int, _ known: (before: View, after: View)? = nil
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
    view(segment.before.view, segment.after.view, after: phase == 0 ? Stage.start : segment.stages[phase - 1])
  }

  private func options(_ stamp: String?, _ known: RollbackFacts) -> TransitionOptions {
    var options = TransitionOptions(
      stamp: stamp, origins: known.origins ?? Origins(plan, changes: []), keepsVolumes: true)
    options.rendered = known.rendered
    return options
  }

  private func patchProblems(_ steps: [CompiledStep]) -> [LoweringProblem] {
    if plan.patches.isEmpty { return [] }
    var written = Set<ObjectID>()
    var rules: [ObjectID: Set<String>] = [:]
    for step in steps {
      for segment in step.segments {
        for phase in segment.phases {
          for write in phase.writes {
            guard let object = write.object else { continue }
            written.insert(write.id)
            guard write.id.kind == "VirtualService" else { continue }
            for list in ["http", "tcp", "tls"] {
              for rule in object.at("spec", list)?.array ?? [] {
                if let name = rule["name"]?.string { rules[write.id, default: []].insert(name) }
              }
            }
          }
        }
      }
    }
    // A rule's name that no rule has: what is said of it would go nowhere.
    func isLost(_ patch: Patch) -> Bool {
      let names = ["http", "tcp", "tls"].flatMap { patch.value.at("spec", $0)?.array ?? [] }.compactMap {
        $0["name"]?.string
      }
      if names.isEmpty { return false }
      let known = targets(of: patch).reduce(into: Set<String>()) { $0.formUnion(rules[$1] ?? []) }
      return !known.isSuperset(of: names)
    }
    return plan.patches.filter { patch in !targets(of: patch).contains { written.contains($0) } || isLost(patch) }
      .map { .patchWithoutTarget(patch: $0.range) }
  }
}

/// What segment `m` of the `count` of a step or a failure block is stamped with. No two of them share a stamp: a gate that
/// waits for one would be answered by what stood before.
package func stamp(in folder: String, segment m: Int, of count: Int) -> String {
  count > 1 ? "\(folder)/\(m + 1)" : folder
}

extension Step {
  /// What its changes are filed and stamped under: `01-deploy-1-0`.
  package var folder: String {
    let number = index + 1
    return (number < 10 ? "0\(number)" : "\(number)") + "-" + slug
  }

  /// The stamp of its segment `m`.
  package func stamp(ofSegment m: Int) -> String { Lowering.stamp(in: folder, segment: m, of: segments.count) }
}
