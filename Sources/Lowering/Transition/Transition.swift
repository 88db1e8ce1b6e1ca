internal import Diagnostics
package import KubernetesModel
internal import RolloutPlan

/// What a transition is to be, besides its two ends.
package struct TransitionOptions {
  /// Written into every object that the transition changes; nil: no stamps.
  package var stamp: String?
  package var origins: Origins
  /// Claims that the new state does not list stay: a rollback never takes data.
  package var keepsVolumes: Bool
  /// What other transitions of the same plan have rendered.
  package var rendered: RenderedObjects?

  package init(stamp: String?, origins: Origins, keepsVolumes: Bool = false) {
    self.stamp = stamp
    self.origins = origins
    self.keepsVolumes = keepsVolumes
  }
}

package struct Transition: Sendable {
  package var phases: [Phase]
  /// Which configuration each phase leads to; one per phase.
  package var stages: [Stage]
  /// What stands after the last phase.
  package var image: ObjectSet
}

extension Renderer {
  /// The writes that lead from `a` to `b`, make before break: what is needed is made ready first, then requests are
  /// moved, then what nobody needs is taken away. `image` is what stands; an object that is already as it should be is
  /// not written. Only components whose views differ are rendered; the rest costs a comparison.
  ///
  /// `doubtful` names objects that may stand as `image` has them, or as they were before (after a phase that broke
  /// off): they are written once, whatever `image` says. Requests may then have gone where each of `perhaps` leads, too.
  package func transition(
    from image: ObjectSet, _ a: View, to b: View, options: TransitionOptions, doubtful: Set<ObjectID> = [],
    perhaps: [View] = [], begun: Set<ObjectID> = []
  ) -> Transition {
    var builder = TransitionBuilder(self, image, a, b, options, doubtful, perhaps)
    builder.begun = begun
    builder.build()
    return Transition(phases: builder.phases, stages: builder.stages, image: builder.image)
  }

  /// The configuration after `stage` of the transition from `a` to `b`. O(components).
  package func view(_ a: View, _ b: View, after stage: Stage, keepsVolumes: Bool = false) -> View {
    var view = a
    view.exists = stage >= .remove ? b.exists : a.exists || (stage >= .establish && b.exists)
    view.mtls = stage >= .tighten ? b.mtls : stage >= .prepare ? loosened(a, b) : a.mtls
    for i in a.components.differences(from: b.components) {
      view.components[i] = components[i].between(
        a.components[i], b.components[i], after: stage, keepsVolumes: keepsVolumes)
    }
    return view
  }

  /// The mode of the PeerAuthentication while clients change over: everything is taken where one end would refuse
  /// what the other sends.
  func loosened(_ a: View, _ b: View) -> MTLSMode? {
    if a.mtls == b.mtls || b.mtls == .permissive { return b.mtls }
    // Whoever is still there to the end speaks plaintext; and a server that speaks first bears it only while nothing else
    // is taken (istio/istio#35232).
    if a.mtls == .off, !b.exists { return .off }
    // Nor is anybody there yet who sends anything else.
    if b.mtls == .off, !a.exists { return .off }
    return a.mtls == .strict || a.mtls == .off ? .permissive : a.mtls
  }
}

struct TransitionBuilder {
  let renderer: Renderer
  var image: ObjectSet
  let a: View
  let b: View
  /// Wherever requests may have gone when it begins: as `a` says, and besides.
  let starts: [View]
  let options: TransitionOptions
  let rendered: RenderedObjects
  /// By component: the parts of which some object may be another than `a` says.
  let unsure: [Int: Parts]
  /// Workloads that had no pods before the phase that broke off.
  var begun: Set<ObjectID> = []
  var doubtful: Set<ObjectID>
  /// Components that may be written, callees first.
  let changing: [Int]
  var phases: [Phase] = []
  var stages: [Stage] = []

  /// The parts of the component that is walked of which some object may be another than its view says.
  private var doubts: Parts = []
  /// What each of ``passes`` writes.
  private var passed: [Passed]
  private var writes: [Write] = []
  /// What manifests have brought that has pods.
  private var manifestWorkloads: [ReadyTarget] = []

  init(
    _ renderer: Renderer, _ image: ObjectSet, _ a: View, _ b: View, _ options: TransitionOptions,
    _ doubtful: Set<ObjectID>, _ perhaps: [View]
  ) {
    self.renderer = renderer
    self.image = image
    self.a = a
    self.b = b
    starts = [a] + perhaps
    self.options = options
    rendered = options.rendered ?? RenderedObjects(renderer)
    self.doubtful = doubtful
    var unsure: [Int: Parts] = [:]
    for id in doubtful {
      if let place = renderer.slots[id] { unsure[place.component, default: []].formUnion(place.slot.part) }
    }
    self.unsure = unsure
    var isChanging = [Bool](repeating: false, count: renderer.components.count)
    for i in a.components.differences(from: b.components) { isChanging[i] = true }
    for i in unsure.keys { isChanging[i] = true }
    changing = renderer.callOrder.filter { isChanging[$0] }
    passed = [Passed](repeating: Passed(), count: TransitionBuilder.passes.count)
  }

  mutating func build() {
    for i in changing { walk(i) }
    for stage in Stage.allCases where stage != .start {
      switch stage {
      case .start: break
      case .establish: establish()
      case .prepare: prepare()
      case .widen, .open, .switchInner, .detach, .narrow:
        take(stage)
        finish(stage, [.settled(stamp: nil)])
      case .free, .quit, .stop:
        take(stage)
        finish(stage, stopGates())
      case .run:
        take(stage)
        let awaited = writes.filter { !isGivenUp($0.id) }.compactMap(readyTarget) + manifestWorkloads
        finish(stage, awaited.isEmpty ? [] : [.ready(awaited)])
      case .switchEntry, .close:
        take(stage)
        finish(stage, [.settled(stamp: visibleStamp)])
      case .remove: remove()
      case .tighten: tighten()
      }
    }
    addDrainedGates()
  }

  // MARK: - Phases of their own kind

  /// What has no namespace comes first: nothing can be written into a namespace before it is there.
  private mutating func establish() {
    guard b.exists else { return }
    if !renderer.plan.namespaceExists {
      write(shared: renderer.namespaceID, renderer.namespaceObject(), origin: renderer.plan.nameRange)
    }
    for manifest in renderer.manifests where manifest.id.namespace.isEmpty { write(manifest) }
    let created = writes.filter { $0.action == .create }.map(\.id)
    finish(.establish, created.isEmpty ? [] : [.established(created)])
  }

  private mutating func prepare() {
    let manifests = b.exists ? renderer.manifests : []
    if let mode = renderer.loosened(a, b) { writePeerAuthentication(mode) }
    var isMeshTouched = !writes.isEmpty
    let policyCount = writes.count
    for manifest in manifests where !manifest.id.namespace.isEmpty { write(manifest) }
    let manifestCount = writes.count
    manifestWorkloads = writes[policyCount...].filter { $0.id.hasRollout }.map {
      ReadyTarget(deployment: $0.id, withinMilliseconds: nil)
    }
    take(.prepare, .claims)
    let claims = writes[manifestCount...].filter { $0.action == .create }.map(\.id)
    let before = writes.count
    take(.prepare, .service)
    take(.prepare, .gateway)
    isMeshTouched = isMeshTouched || writes.count > before
    // Pods of manifests may need the plan's, as these need them: they are waited for together.
    let isRunning = zip(TransitionBuilder.passes, passed).contains { $0.stage == .run && !$1.writes.isEmpty }
    let alone = isRunning ? [] : manifestWorkloads
    finish(
      .prepare,
      (claims.isEmpty ? [] : [.established(claims)]) + (isMeshTouched ? [.settled(stamp: nil)] : [])
        + (alone.isEmpty ? [] : [.ready(alone)]))
  }

  private mutating func write(_ manifest: ManifestObject) {
    write(shared: manifest.id, renderer.manifestObject(manifest), origin: manifest.range)
  }

  private mutating func remove() {
    take(.remove, .workloads)
    let before = writes.count
    take(.remove, .gateway)
    take(.remove, .service)
    let isMeshTouched = writes.count > before
    take(.remove, .claims)
    if a.exists, !b.exists {
      for manifest in renderer.manifests where !manifest.isKept {
        write(shared: manifest.id, nil, origin: manifest.range)
      }
    }
    finish(.remove, isMeshTouched ? [.settled(stamp: nil)] : [])
  }

  private mutating func tighten() {
    if let mode = b.mtls {
      writePeerAuthentication(mode)
    } else {
      write(shared: renderer.peerAuthenticationID, nil, origin: options.origins.mtls())
    }
    finish(.tighten, [.settled(stamp: nil)])
  }

  private mutating func writePeerAuthentication(_ mode: MTLSMode) {
    write(
      shared: renderer.peerAuthenticationID, renderer.peerAuthentication(mode), origin: options.origins.mtls())
  }

  // MARK: - Components

  /// One round over the components, in which parts of each are written as they are after a stage.
  private struct Pass {
    let stage: Stage
    /// One after another for each component.
    let parts: [Parts]
    let wanted: Parts
    let callersFirst: Bool

    init(stage: Stage, parts: [Parts], callersFirst: Bool = false) {
      self.stage = stage
      self.parts = parts
      self.callersFirst = callersFirst
      wanted = parts.reduce(into: Parts()) { $0.formUnion($1) }
    }
  }

  /// In the order of writing.
  private static let passes = [
    Pass(stage: .prepare, parts: [.claims]),
    Pass(stage: .prepare, parts: [.service]),
    Pass(stage: .prepare, parts: [.gateway]),
    Pass(stage: .widen, parts: [.rule]),
    Pass(stage: .open, parts: [.mesh, .entry]),
    Pass(stage: .free, parts: [.workloads], callersFirst: true),
    Pass(stage: .run, parts: [.workloads]),
    Pass(stage: .switchInner, parts: [.mesh]),
    Pass(stage: .switchEntry, parts: [.entry]),
    Pass(stage: .detach, parts: [.mesh], callersFirst: true),
    Pass(stage: .quit, parts: [.workloads], callersFirst: true),
    Pass(stage: .stop, parts: [.workloads], callersFirst: true),
    Pass(stage: .close, parts: [.entry, .mesh], callersFirst: true),
    Pass(stage: .narrow, parts: [.rule]),
    Pass(stage: .remove, parts: [.workloads], callersFirst: true),
    Pass(stage: .remove, parts: [.gateway], callersFirst: true),
    Pass(stage: .remove, parts: [.service], callersFirst: true),
    Pass(stage: .remove, parts: [.claims], callersFirst: true),
  ]

  /// The writes of one pass, component after component, callees first.
  private struct Passed {
    var writes: [Write] = []
    /// Where the writes of each component begin.
    var starts: [Int] = []
  }

  /// Takes one component through all passes. Passes are the outer loop of what is written, but not of how it is worked
  /// out: what belongs to a component is near to the processor until it is done with it.
  private mutating func walk(_ i: Int) {
    // Taken out once: each look into a view copies a dozen references.
    let (a, b) = (self.a.components[i], self.b.components[i])
    doubts = unsure.isEmpty ? [] : unsure[i].map { looked(at: i, as: a, doubts: $0) } ?? []
    var (current, new) = (a, a)
    // What is not yet as `b` has it. A part that once is stays so: no stage leads away from `b`.
    var differing = TransitionBuilder.differing(current, b)
    for p in TransitionBuilder.passes.indices {
      let wanted = TransitionBuilder.passes[p].wanted
      // Nothing on the way is other than both ends where the ends agree, or where the end is reached.
      if differing.isEmpty, doubts.isEmpty { return }
      if differing.isDisjoint(with: wanted), doubts.isDisjoint(with: wanted) { continue }
      renderer.components[i].advance(
        &new, a, b, to: TransitionBuilder.passes[p].stage, keepsVolumes: options.keepsVolumes, parts: wanted)
      let start = passed[p].writes.count
      for part in TransitionBuilder.passes[p].parts {
        if doubts.isDisjoint(with: part), TransitionBuilder.isSame(part, current, new) { continue }
        // An entry that may be there, was not before, and is to be: it is not taken away only to come back.
        if part == .entry, new.entry == nil, b.entry != nil { continue }
        write(part, i, a, new, b, in: p)
      }
      if passed[p].writes.count > start { passed[p].starts.append(start) }
      for part in TransitionBuilder.passes[p].parts {
        TransitionBuilder.commit(part, &current, new)
        if TransitionBuilder.isSame(part, new, b) { differing.subtract(part) }
      }
    }
  }

  /// The parts of a component that are looked at in every round: those in doubt, and those that do not stand as its view
  /// says. Of the others nothing is written before their view changes.
  private func looked(at i: Int, as view: ComponentView, doubts: Parts) -> Parts {
    let names = renderer.components[i]
    var looked = doubts
    func look(_ slot: ObjectSlot) {
      if !looked.isDisjoint(with: slot.part) { return }
      let standing = image[i, slot]?.plain
      let value = rendered.plain(i, renderer.facts(slot, view), standing: standing) { renderer.render(slot, i, view) }
      if !isSame(standing, value) { looked.formUnion(slot.part) }
    }
    for c in names.claims.indices { look(.claim(c)) }
    look(.service)
    look(.gateway)
    look(.rule)
    look(.mesh)
    look(.entry)
    for v in names.versionOrder { look(.deployment(v)) }
    return looked
  }

  /// Adds what the passes of `stage` have written, of one part where it is said.
  private mutating func take(_ stage: Stage, _ part: Parts? = nil) {
    for (p, pass) in TransitionBuilder.passes.enumerated()
    where pass.stage == stage && (part == nil || pass.parts == [part]) {
      let all = passed[p].writes
      if pass.callersFirst {
        var end = all.count
        for start in passed[p].starts.reversed() {
          writes += all[start..<end]
          end = start
        }
      } else {
        writes += all
      }
      passed[p] = Passed()
    }
  }

  /// The parts in which two views of a component differ.
  private static func differing(_ a: ComponentView, _ b: ComponentView) -> Parts {
    var parts: Parts = []
    if a.claims != b.claims { parts.insert(.claims) }
    if a.ports != b.ports { parts.insert(.service) }
    if a.hasGateway != b.hasGateway { parts.insert(.gateway) }
    if a.hasRule != b.hasRule || a.tls != b.tls || a.subsets != b.subsets { parts.insert(.rule) }
    if !isSame(.mesh, a, b) { parts.insert(.mesh) }
    if a.isEntryPinned != b.isEntryPinned || a.entryMirror != b.entryMirror || a.entry != b.entry {
      parts.insert(.entry)
    }
    if a.workloads != b.workloads { parts.insert(.workloads) }
    return parts
  }

  /// Only what was written counts as done, so that parts of one stage may be written one after another.
  private static func commit(_ part: Parts, _ current: inout ComponentView, _ new: ComponentView) {
    switch part {
    case .claims: current.claims = new.claims
    case .service: current.ports = new.ports
    case .gateway: current.hasGateway = new.hasGateway
    case .rule:
      current.hasRule = new.hasRule
      current.subsets = new.subsets
      current.tls = new.tls
    case .mesh:
      current.lanes = new.lanes
      current.lanePorts = new.lanePorts
      current.isMeshPinned = new.isMeshPinned
      current.meshMirror = new.meshMirror
    case .entry:
      current.entry = new.entry
      current.isEntryPinned = new.isEntryPinned
      current.entryMirror = new.entryMirror
    case .workloads: current.workloads = new.workloads
    default: break
    }
  }

  private static func isSame(_ part: Parts, _ old: ComponentView, _ new: ComponentView) -> Bool {
    switch part {
    case .claims: old.claims == new.claims
    case .service: old.ports == new.ports
    case .gateway: old.hasGateway == new.hasGateway
    case .rule: old.hasRule == new.hasRule && old.tls == new.tls && old.subsets == new.subsets
    case .mesh:
      old.isMeshPinned == new.isMeshPinned && old.meshMirror == new.meshMirror && old.lanes == new.lanes
        && (!new.isMeshPinned || old.lanePorts == new.lanePorts)
    case .entry:
      old.isEntryPinned == new.isEntryPinned && old.entryMirror == new.entryMirror && old.entry == new.entry
    case .workloads: old.workloads == new.workloads
    default: true
    }
  }

  /// Writes a part of a component as `view` has it, on the way from `a` to `b`.
  private mutating func write(
    _ part: Parts, _ i: Int, _ a: ComponentView, _ view: ComponentView, _ b: ComponentView, in pass: Int
  ) {
    let names = renderer.components[i]
    switch part {
    case .claims:
      for c in names.claims.indices {
        // What a way back does not list stays, be its beginning as it may.
        if options.keepsVolumes, !view.claims.contains(c) { continue }
        // In doubt no claim is made: going back does not need it.
        let owners = names.versionOrder.filter { names.versions[$0].claims.contains(c) }
        write(i, .claim(c), names.claims[c].id, view, .workload, versions: owners, inDoubt: false, in: pass)
      }
    case .service: write(i, .service, names.serviceID, view, .workload, in: pass)
    case .gateway: write(i, .gateway, names.gatewayID, view, .exposure, in: pass)
    case .rule:
      // The subsets that go, or those that come: nothing goes while the rule gets wider.
      let old = a.subsets
      let gone = old.filter { !view.subsets.contains($0) }
      let moved = gone.isEmpty ? view.subsets.filter { !old.contains($0) } : gone
      write(i, .rule, names.ruleID, view, .subsets, versions: moved, in: pass)
    case .mesh: write(i, .mesh, names.meshID, view, .routing, in: pass)
    case .entry: write(i, .entry, names.entryID, view, .routing, in: pass)
    case .workloads:
      for v in names.versionOrder {
        let workload = view.workloads.first { $0.version == v }
        // In doubt a workload is written only as it is to be in the end: what never became ready is not tried again. Or
        // when its pods are to be gone: what it may still send needs its lanes until then.
        let last = b.workloads.first { $0.version == v }
        let isEnding =
          TransitionBuilder.passes[pass].stage >= .quit && workload?.replicas == 0 && last?.replicas ?? 0 == 0
        write(
          i, .deployment(v), names.versions[v].deploymentID, view, workload == nil ? .workload : .scale, versions: [v],
          inDoubt: workload == last || isEnding, in: pass)
      }
    default: break
    }
  }

  // MARK: - Writes

  private mutating func write(
    _ i: Int, _ slot: ObjectSlot, _ id: ObjectID, _ view: ComponentView, _ aspect: Origins.Aspect,
    versions: [Int] = [], inDoubt: Bool = true, in pass: Int
  ) {
    let standing = image[i, slot]
    let facts = renderer.facts(slot, view)
    let value = rendered.plain(i, facts, standing: standing?.plain) { renderer.render(slot, i, view) }
    // Nothing is rewritten only to be stamped.
    let mayBeDoubtful = !doubts.isDisjoint(with: slot.part)
    if isSame(standing?.plain, value), !inDoubt || !mayBeDoubtful || !doubtful.contains(id) { return }
    if mayBeDoubtful { doubtful.remove(id) }
    let origin = options.origins.of(i, aspect, versions: versions)
    let entry = entry(id, value, origin: origin) { plain, stamp in
      rendered.stamped(i, facts, plain, stamp, isEntry: slot == .entry)
    }
    passed[pass].writes.append(written(id, standing, entry, origin: origin))
    image[i, slot] = entry
  }

  private mutating func write(shared id: ObjectID, _ value: Value?, origin: SourceRange) {
    let standing = image[shared: id]
    if isSame(standing?.plain, value), !doubtful.contains(id) { return }
    doubtful.remove(id)
    let entry = entry(id, value, origin: origin) { stamped($0, $1, isEntry: false) }
    writes.append(written(id, standing, entry, origin: origin))
    image[shared: id] = entry
  }

  /// `==` of optionals is generic, and finds out at run time how values are compared.
  private func isSame(_ a: Value?, _ b: Value?) -> Bool {
    guard let a, let b else { return a == nil && b == nil }
    return a == b
  }

  private func entry(
    _ id: ObjectID, _ value: Value?, origin: SourceRange, stamped: (Value, String) -> Value
  ) -> ObjectSet.Entry? {
    guard let value else { return nil }
    let object = options.stamp.map { stamped(value, $0) } ?? value
    return ObjectSet.Entry(id: id, object: object, plain: value, origin: origin, stamp: options.stamp)
  }

  private func written(
    _ id: ObjectID, _ old: ObjectSet.Entry?, _ new: ObjectSet.Entry?, origin: SourceRange
  ) -> Write {
    let action: Write.Action = new == nil ? .delete : old == nil ? .create : .update
    return Write(action: action, id: id, object: new?.object, previous: old?.object, origin: origin)
  }

  private mutating func finish(_ stage: Stage, _ gates: [Gate]) {
    guard !writes.isEmpty else { return }
    phases.append(Phase(kind: stage.kind, writes: writes, gates: gates))
    stages.append(stage)
    writes = []
  }

  // MARK: - Gates

  private func readyTarget(_ write: Write) -> ReadyTarget? {
    guard let place = renderer.slots[write.id], case .deployment(let v) = place.slot else { return nil }
    return ReadyTarget(
      deployment: write.id,
      withinMilliseconds: renderer.plan.components[place.component].versions[v].readiness?.withinMilliseconds)
  }

  /// What a phase that broke off may have started, and nobody is led to in the end: it may be the very reason why the phase
  /// broke off, and a way out of it does not wait for it.
  private func isGivenUp(_ id: ObjectID) -> Bool {
    guard begun.contains(id), let place = renderer.slots[id], case .deployment(let v) = place.slot else {
      return false
    }
    return !b.components[place.component].mayReach(v)
  }

  private func stopGates() -> [Gate] {
    var stopped: [ObjectID] = []
    var scaled: [ReadyTarget] = []
    for write in writes {
      if write.object == nil || write.object?.at("spec", "replicas")?.int == 0 {
        stopped.append(write.id)
      } else if let target = readyTarget(write) {
        scaled.append(target)
      }
    }
    return (stopped.isEmpty ? [] : [.stopped(stopped)]) + (scaled.isEmpty ? [] : [.ready(scaled)])
  }

  /// The stamp, where some answer of the entry will show it.
  private var visibleStamp: String? {
    guard let stamp = options.stamp else { return nil }
    return writes.contains { write in
      guard case .entry? = renderer.slots[write.id]?.slot else { return false }
      return write.object?.at("spec", "http") != nil
    } ? stamp : nil
  }
}
