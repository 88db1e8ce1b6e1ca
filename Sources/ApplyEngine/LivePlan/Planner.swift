package import ClusterAPI
internal import Diagnostics
package import KubernetesModel
package import Lowering
internal import RolloutPlan
internal import Synchronization

/// Works out what a run would do, and writes nothing.
///
/// What a run begins with is tried on the server, without effect. What comes after it is worked out here, on top of what
/// comes before it: the server cannot try a change of what is not there yet. So the first change of each object is the
/// server's word, and each later one is the difference of two of our own intents, which is exactly what we will send.
package struct Planner: Sendable {
  private let itinerary: Itinerary
  private let cluster: any Cluster
  private let decisions: WriteDecisions
  private let planOptions: [String]

  /// - Parameter planOptions: as `RunOptions.planOptions`.
  package init(
    _ itinerary: Itinerary, decisions: WriteDecisions = WriteDecisions(), planOptions: [String] = [],
    cluster: any Cluster
  ) {
    self.itinerary = itinerary
    self.decisions = decisions
    self.planOptions = planOptions
    self.cluster = cluster
  }

  /// One object in one step: what we had there, and what we want.
  private struct Item: Sendable {
    var step: Int
    var id: ObjectID
    var before: Value?
    var after: Value?
    var origin: SourceRange
    /// Something before it changes the object first.
    var isTouched: Bool
    /// In a phase that was begun: any part of it may stand.
    var isDoubtful: Bool
  }

  private struct Outcome: Sendable {
    var change: LivePlan.Change?
    var gone: LivePlan.Gone?
    var problem: Diagnostic?
  }

  /// Everything that is read of the cluster before anything is tried.
  package struct Memory: Sendable {
    package var inventory: Inventory
    package var record: RunRecord
    package var notes: [String]
    /// The legs that are still to come, the first from where the run stands.
    package var legs: [Leg]
  }

  // MARK: - What a run would begin with

  package func remembered(for goal: RunGoal) async -> Result<Memory, LivePlanError> {
    do throws(LivePlanError) { return .success(try await memory(for: goal)) } catch { return .failure(error) }
  }

  private func memory(for goal: RunGoal) async throws(LivePlanError) -> Memory {
    let plan = itinerary.plan
    let loaded: (inventory: Inventory, record: RunRecord?)?
    do throws(InventoryError) {
      loaded = try await InventoryStore(plan: plan.name, namespace: plan.namespace, in: cluster).load()
    } catch {
      throw LivePlanError(
        diagnostic: .clusterFailed(
          "what this plan owns cannot be read", "\(error)", at: plan.nameRange, help: error.wayOut(plan.name)),
        isRefused: false)
    }
    let notes = Notes()
    let environment = RunEnvironment(
      cluster: cluster, clock: .continuous, wallTime: { "" }, random: { 0 }, journal: NoJournal(),
      identity: RunIdentity(run: "plan", who: "")
    ) { event in
      if case .note(let text) = event { notes.add(text) }
    }
    let record: RunRecord
    do throws(RunBreak) {
      var options = RunOptions()
      options.planOptions = planOptions
      let run = Run(itinerary, environment: environment, options: options, stop: StopSignal())
      if loaded == nil { try await run.refuseForgotten() }
      record = try run.record(for: goal, remembered: loaded?.record, inventory: loaded?.inventory)
    } catch {
      throw LivePlanError(
        diagnostic: Run.result(of: error).failure?.diagnostic
          ?? .clusterFailed("there is nothing to plan", "\(error)", at: plan.nameRange), isRefused: true)
    }
    var legs = Array((itinerary.legs(of: record.course) ?? []).dropFirst(record.progress.leg))
    // What the run has left of its earlier phases is in none of those to come.
    if let inventory = loaded?.inventory, let owed = legs.first?.servicesOwed(before: record.progress.phase, inventory),
      !owed.isEmpty
    {
      throw LivePlanError(diagnostic: .takeOverUnderWay(owed), isRefused: true)
    }
    if !legs.isEmpty { legs[0].phases.removeFirst(min(record.progress.phase, legs[0].phases.count)) }
    return Memory(
      inventory: loaded?.inventory ?? Inventory(plan: plan.name), record: record, notes: notes.all, legs: legs)
  }

  package func plan(_ memory: Memory) async -> LivePlan {
    let standing = itinerary.image(of: memory.record.course, at: memory.record.progress)
    let looked = await drift(standing, memory)
    let drifted = Set(looked.compactMap { $0.change?.id })
    let namespaceIsThere = await isNamespaceThere()
    let items = items(memory, standing, drifted)
    let missingKinds = await missingKinds(items)
    let outcomes = await concurrently(items) { item in
      await outcome(of: item, memory.inventory, namespaceIsThere, missingKinds)
    }
    var steps: [LivePlan.Step] = []
    for (item, outcome) in zip(items, outcomes) {
      guard let change = outcome.change else { continue }
      if steps.last?.index != item.step {
        steps.append(LivePlan.Step(index: item.step, name: itinerary.plan.steps[item.step].name, changes: []))
      }
      steps[steps.count - 1].changes.append(change)
    }
    // A step that would write it finds it gone once more.
    var gone: [LivePlan.Gone] = []
    for found in (looked + outcomes).compactMap(\.gone) where !gone.contains(where: { $0.id == found.id }) {
      gone.append(found)
    }
    return LivePlan(
      course: memory.record.course, stepsDone: itinerary.stepsDone(at: memory.record.progress),
      isBetweenSteps: memory.record.progress.isAtBoundary, drift: looked.compactMap(\.change),
      gone: gone, steps: steps,
      problems: (looked + outcomes).compactMap(\.problem), notes: memory.notes)
  }

  // MARK: - What stands, and what is to come

  /// The net change of each object in each step, in the order of the first writes.
  private func items(_ memory: Memory, _ standing: ObjectSet, _ drifted: Set<ObjectID>) -> [Item] {
    var intents = Dictionary(standing.entries.map { ($0.id, $0.object) }, uniquingKeysWith: { first, _ in first })
    var touched = drifted
    var items: [Item] = []
    var isFirstPhase = memory.record.progress.isPhaseBegun
    var rest = memory.legs[...]
    while let first = rest.first {
      var order: [ObjectID] = []
      var last: [ObjectID: Write] = [:]
      var doubtful: Set<ObjectID> = []
      while let leg = rest.first, leg.step == first.step {
        rest = rest.dropFirst()
        for write in leg.phases.flatMap(\.writes) {
          if last[write.id] == nil { order.append(write.id) }
          last[write.id] = write
        }
        if isFirstPhase, let phase = leg.phases.first {
          doubtful.formUnion(phase.writes.map(\.id))
          isFirstPhase = false
        }
      }
      for id in order {
        guard let write = last[id] else { continue }
        let before = intents[id]
        let item = Item(
          step: first.step, id: id, before: before, after: write.object, origin: write.origin,
          isTouched: touched.contains(id), isDoubtful: doubtful.contains(id))
        if before != nil || write.object != nil { items.append(item) }
        touched.insert(id)
        intents[id] = write.object
      }
    }
    return items
  }

  // MARK: - Drift

  private func drift(_ standing: ObjectSet, _ memory: Memory) async -> [Outcome] {
    let inventory = memory.inventory
    // What the plan itself began to delete is no drift.
    let known = standing.entries.filter { inventory[$0.id]?.uid != nil && inventory[$0.id]?.outcome != .deleting }
    // Nor is what the phase wrote that was begun and has not come through.
    let begun = memory.record.progress.isPhaseBegun ? memory.legs.first?.phases.first?.writes ?? [] : []
    let written = Dictionary(
      begun.compactMap { write in write.object.map { (write.id, $0) } }, uniquingKeysWith: { first, _ in first })
    return await concurrently(known) { entry in
      let target: ObjectReference
      do throws(ClusterError) { target = try await cluster.reference(to: entry.object, entry.id) } catch {
        guard error.isNotFound else { return Outcome(problem: unread(entry.id, error, entry.origin)) }
        return gone(.deleted, .vanished(entry.id, successor: nil), write(entry))
      }
      let live: Value
      do throws(ClusterError) { live = try await cluster.get(target) } catch {
        guard error.isNotFound else { return Outcome(problem: unread(entry.id, error, entry.origin)) }
        guard decisions.recreate(entry.id) else {
          return gone(.deleted, .vanished(entry.id, successor: nil), write(entry))
        }
        return await creation(entry.object, target, entry.id, entry.origin)
      }
      switch inventory.ownership(of: entry.id, live: live) {
      case .replaced(_, let successor):
        if decisions.adopt(entry.id) { break }
        return gone(.replaced, .vanished(entry.id, successor: successor), write(entry))
      case .terminating: return gone(.terminating, .terminating(entry.id), write(entry))
      case .ours, .absent, .foreign, .unproven: break
      }
      if inventory.holds(entry.object, as: entry.id, in: live) { return Outcome() }
      if let object = written[entry.id], inventory.holdsOrMay(object, as: entry.id, in: live) {
        return Outcome()
      }
      var outcome = await trial(entry.object, target, over: live, entry.id, .update, entry.origin)
      if outcome.change?.fields.isEmpty == true { outcome.change = nil }
      outcome.change?.writers = writers(of: live)
      return outcome
    }
  }

  private func gone(_ way: LivePlan.Gone.Way, _ failure: WriteFailure, _ write: Write) -> Outcome {
    Outcome(gone: LivePlan.Gone(id: write.id, way: way), problem: .writeFailed(failure, write))
  }

  private func write(_ entry: ObjectSet.Entry) -> Write {
    Write(action: .update, id: entry.id, object: entry.object, previous: nil, origin: entry.origin)
  }

  /// Who, besides us and the controllers that keep a status, wrote the object.
  private func writers(of live: Value) -> [String] {
    var names: [String] = []
    for entry in live.at("metadata", "managedFields")?.array ?? [] {
      guard let name = entry["manager"]?.string, name != ObjectWriter.fieldManager,
        name != "kube-controller-manager", !names.contains(name)
      else { continue }
      names.append(name)
    }
    return names
  }

  /// Rights that are missing are for the preflight to tell, all together.
  private func unread(_ id: ObjectID, _ error: ClusterError, _ origin: SourceRange) -> Diagnostic? {
    error.isForbidden ? nil : .clusterFailed("`\(id)` cannot be read", "\(error)", at: origin)
  }

  // MARK: - One object

  private func outcome(
    of item: Item, _ inventory: Inventory, _ namespaceIsThere: Bool, _ missingKinds: [String: Int]
  ) async -> Outcome {
    let action: Write.Action = item.after == nil ? .delete : item.before == nil ? .create : .update
    var change = LivePlan.Change(
      id: item.id, action: action, origin: item.origin, fields: localFields(item), check: .local,
      uid: inventory[item.id]?.uid)
    guard let object = item.after else { return Outcome(change: item.before == nil ? nil : change) }
    if let step = missingKinds[kindKey(object)] {
      change.check = .notBefore(step: step)
      return Outcome(change: change)
    }
    if !namespaceIsThere, !item.id.namespace.isEmpty {
      change.check = .notBefore(step: itinerary.forward.first?.step ?? 0)
      return Outcome(change: change)
    }
    if item.isTouched { return Outcome(change: change) }
    let target: ObjectReference
    do throws(ClusterError) { target = try await cluster.reference(to: object, item.id) } catch {
      // A kind that the server does not have is for the preflight to tell.
      return Outcome(change: change, problem: error.isNotFound ? nil : unread(item.id, error, item.origin))
    }
    let live: Value?
    do throws(ClusterError) { live = try await cluster.get(target) } catch {
      guard error.isNotFound else { return Outcome(change: change, problem: unread(item.id, error, item.origin)) }
      live = nil
    }
    switch (live, action) {
    case (nil, .update) where !item.isDoubtful && !decisions.recreate(item.id):
      return gone(
        .deleted, .vanished(item.id, successor: nil),
        Write(action: .update, id: item.id, object: object, previous: nil, origin: item.origin))
    case (nil, _):
      return await creation(object, target, item.id, item.origin)
    case (let live?, _):
      // An object that stands in the way of a creation is for the preflight to tell.
      if action == .create, !item.isDoubtful, !decisions.adopt(item.id), !isMade(live, by: itinerary.plan.name) {
        return Outcome(change: change)
      }
      var outcome = await trial(object, target, over: live, item.id, .update, item.origin)
      if outcome.change?.fields.isEmpty == true, item.isDoubtful { outcome.change = nil }
      if decisions.adopt(item.id) { outcome.change?.takeOver = clientSideFieldCount(live) }
      return outcome
    }
  }

  /// What making it where nothing stands would come to.
  private func creation(_ object: Value, _ target: ObjectReference, _ id: ObjectID, _ origin: SourceRange) async
    -> Outcome
  {
    var outcome = await trial(object, target, over: nil, id, .create, origin)
    outcome.change?.fields = createdFields(object)
    return outcome
  }

  private func localFields(_ item: Item) -> [FieldChange] {
    guard let after = item.after else { return [] }
    guard let before = item.before else { return createdFields(after) }
    return fieldChanges(from: unstamped(before), to: unstamped(after))
  }

  /// What we would send; what the server adds to it is not decided yet (an address, a UID).
  private func createdFields(_ object: Value) -> [FieldChange] {
    let plain = unstamped(object)
    return fieldChanges(from: [:], to: plain).filter { change in
      !["apiVersion", "kind", "metadata.name", "metadata.namespace"].contains(change.path)
    }
  }

  /// Asks the server what it would make of `object`.
  private func trial(
    _ object: Value, _ target: ObjectReference, over live: Value?, _ id: ObjectID, _ action: Write.Action,
    _ origin: SourceRange
  ) async -> Outcome {
    let uid = live?.at("metadata", "uid")?.string
    var change = LivePlan.Change(id: id, action: action, origin: origin, fields: [], check: .server, uid: uid)
    var request = ApplyRequest(object, to: target, fieldManager: ObjectWriter.fieldManager, dryRun: true, uid: uid)
    var conflicts: [FieldConflict] = []
    // What client-side apply holds is handed over first (`ObjectWriter.adopted`).
    let isAdopted = live.map { decisions.adopt(id) && !isMade($0, by: itinerary.plan.name) } ?? false
    func made(_ trial: Value) -> Value {
      live.map { isAdopted ? withoutHandedOver(trial, writing: object, over: $0) : trial } ?? trial
    }
    do throws(ClusterError) {
      let result = try await cluster.apply(request)
      change.warnings = result.warnings
      change.fields = differences(live, made(result.object))
      return Outcome(change: change)
    } catch {
      conflicts = error.status?.fieldConflicts ?? []
      if conflicts.isEmpty {
        if error.status?.hasCause("NamespaceTerminating") == true { return Outcome(change: change) }
        let write = Write(action: action, id: id, object: object, previous: nil, origin: origin)
        return Outcome(change: change, problem: .writeFailed(.cluster(id, error), write))
      }
    }
    if isAdopted, let live { conflicts.removeAll { $0.isClientSide(in: live) } }
    let isTaken = decisions.take(conflicts, of: id, writing: object, over: live)
    change.conflicts = conflicts.map { conflict in
      LivePlan.Conflict(
        conflict: conflict, live: shown(live?.field(named: conflict.field), id),
        ours: shown(object.field(named: conflict.field), id), isTaken: isTaken)
    }
    request.force = true
    do throws(ClusterError) {
      let result = try await cluster.apply(request)
      change.warnings = result.warnings
      change.fields = differences(live, made(result.object))
    } catch {
      change.fields = live.map { fieldChanges(from: comparable($0), to: comparable(object)) } ?? []
    }
    if isTaken { return Outcome(change: change) }
    let write = Write(action: action, id: id, object: object, previous: nil, origin: origin)
    return Outcome(change: change, problem: .writeFailed(.conflicts(id, conflicts), write))
  }

  private func shown(_ value: Value?, _ id: ObjectID) -> Value? {
    id.kind == "Secret" ? value.map { _ in FieldChange.hidden } : value
  }

  private func differences(_ live: Value?, _ trial: Value) -> [FieldChange] {
    live.map { fieldChanges(from: comparable($0), to: comparable(trial)) } ?? createdFields(trial)
  }

  /// Without status, bookkeeping and our stamp.
  private func comparable(_ object: Value) -> Value {
    guard var fields = unstamped(content(object)).fields, var metadata = fields["metadata"]?.fields else {
      return object
    }
    for key in ["uid", "creationTimestamp", "selfLink"] { metadata[key] = nil }
    fields["metadata"] = .object(metadata)
    return .object(fields)
  }

  // MARK: - What is not there yet

  private func isNamespaceThere() async -> Bool {
    do throws(ClusterError) {
      let live = try await cluster.get(ResourceType.namespaces.named(itinerary.plan.namespace, in: ""))
      return live.at("metadata", "deletionTimestamp")?.string == nil
    } catch {
      return !error.isNotFound
    }
  }

  private func kindKey(_ object: Value) -> String {
    "\(object["apiVersion"]?.string ?? "") \(object["kind"]?.string ?? "")"
  }

  /// Kinds that the server does not have yet, with the step that brings their definition.
  private func missingKinds(_ items: [Item]) async -> [String: Int] {
    var definitions: [String: Int] = [:]
    for item in items {
      guard item.id.kind == "CustomResourceDefinition", let spec = item.after?["spec"] else { continue }
      for version in spec["versions"]?.array ?? [] {
        let group = spec["group"]?.string ?? ""
        definitions["\(group)/\(version["name"]?.string ?? "") \(spec.at("names", "kind")?.string ?? "")"] = item.step
      }
    }
    var missing: [String: Int] = [:]
    for object in items.compactMap(\.after) {
      let key = kindKey(object)
      guard let step = definitions[key], missing[key] == nil else { continue }
      do throws(ClusterError) { _ = try await cluster.resourceType(of: object) } catch {
        if error.isNotFound { missing[key] = step }
      }
    }
    return missing
  }
}

extension Cluster {
  /// What a cluster is known by: the UID of `kube-system`. Empty where it may not be read, as by whoever has rights in one
  /// namespace alone.
  package func identity() async throws(ClusterError) -> String {
    do throws(ClusterError) {
      return try await get(ResourceType.namespaces.named("kube-system", in: "")).at("metadata", "uid")?.string ?? ""
    } catch {
      if error.isForbidden || error.isNotFound { return "" }
      throw error
    }
  }
}

private final class Notes: Sendable {
  private let texts = Mutex<[String]>([])

  var all: [String] { texts.withLock { $0 } }

  func add(_ text: String) { texts.withLock { $0.append(text) } }
}
