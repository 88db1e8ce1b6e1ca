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

  package init(index: Int, folder: String, segments: [CompiledSegment]) {
    self.index = index
    self.folder = folder
    self.segments = segments
  }
}

extension CompiledStep {
  /// What a way back out of the step is stamped with.
  package var backStamp: String { folder + "/back" }
  /// The same of a way out of that way: an answer of the entry that has the former stamp is not to count as one of it.
  package var outStamp: String { folder + "/back-out" }
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
  /// Objects that may stand otherwise than `before` has them: it begins in the middle of a phase.
  package var doubtful: Set<ObjectID> = []
  /// Where requests may have gone besides: it begins in the middle of a phase.
  package var perhaps: [View] = []
  /// Claims that its end does not list stay: it is a way back.
  package var keepsVolumes = false
}

extension ObjectSet {
  /// Does the writes of `phases`, in their order.
  package mutating func apply(_ phases: some Sequence<Phase>) {
    for phase in phases { for write in phase.writes { apply(write) } }
  }
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
    func lost(_ patch: Patch) -> LoweringProblem? {
      let names = ["http", "tcp", "tls"].flatMap { patch.value.at("spec", $0)?.array ?? [] }.compactMap {
        $0["name"]?.string
      }
      if names.isEmpty { return nil }
      let known = targets(of: patch).reduce(into: Set<String>()) { $0.formUnion(rules[$1] ?? []) }
      return names.first { !known.contains($0) }.map {
        .patchOfUnknownRule($0, known: known.sorted(), patch: patch.range)
      }
    }
    return plan.patches.compactMap { patch in
      targets(of: patch).contains(where: written.contains) ? lost(patch) : .patchWithoutTarget(patch: patch.range)
    }
  }
}

/// What segment `m` of the `count` of a step or a failure block is stamped with. No two of them share a stamp: a gate that
/// waits for one would be answered by what stood before.
package func stamp(in folder: String, segment m: Int, of count: Int) -> String {
  count > 1 ? "\(folder)/\(m + 1)" : folder
}

extension Step {
  /// What its changes are filed and stamped under: `01-deploy-1-0`.
  package var folder: String { Step.folder(index, slug) }

  /// The same of a step of which the name alone is known.
  package static func folder(ofStep index: Int, named name: String) -> String { folder(index, slug(of: name)) }

  private static func folder(_ index: Int, _ slug: String) -> String {
    let number = index + 1
    return (number < 10 ? "0\(number)" : "\(number)") + "-" + slug
  }

  /// The stamp of its segment `m`.
  package func stamp(ofSegment m: Int) -> String { Lowering.stamp(in: folder, segment: m, of: segments.count) }
}
