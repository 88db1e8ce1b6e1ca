internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension Run {
  /// Does what `goal` says, and comes back when that stands, when it failed and the plan's failure path was gone, or when
  /// it was stopped. Never throws: the result says everything, and `environment.tell` has heard it as its last event.
  package func perform(_ goal: RunGoal) async -> RunResult {
    var result: RunResult
    var making: [RunEvent] = []
    do throws(RunBreak) {
      result = try await attempt(goal, &making)
    } catch {
      result = Self.result(of: error)
    }
    // What was made before there was a lock was written, too.
    let made = making.count { if case .writeEnded = $0 { true } else { false } }
    result.writes += made
    if made > 0, result.outcome == .unchanged { result.outcome = .done }
    environment.tell(.ended(result))
    return result
  }

  static func result(of error: RunBreak) -> RunResult {
    switch error {
    case .stopped: RunResult(.interrupted)
    case .leftAtQuestion: RunResult(.waiting)
    case .lock(let error): locked(by: error)
    case .refused(let failure): RunResult(.refused, failure: failure)
    case .failed(let failure), .cutOff(let failure): RunResult(.failedClean, failure: failure)
    }
  }

  private static func locked(by error: LockError) -> RunResult {
    var result = RunResult(.locked)
    result.lock = if case .held(let holder) = error { .held(by: holder.who) } else { error.end }
    return result
  }

  private var plan: Plan { itinerary.plan }
  private var start: RunPlace { RunPlace(step: 0, leg: 0) }

  /// - Parameter making: becomes what was done before there was a lock.
  private func attempt(_ goal: RunGoal, _ making: inout [RunEvent]) async throws(RunBreak) -> RunResult {
    let cluster = environment.cluster
    try await journal(
      .started(
        RunStart(run: environment.identity.run, planHash: itinerary.planHash, cluster: try await clusterIdentity())))
    try await refuseUnrecorded(goal)
    making = try await ensureNamespace()
    let lock = RunLock(
      PlanNames.lock(plan.name), namespace: plan.namespace,
      as: LeaseRecord(
        holder: environment.identity.run, who: environment.identity.who, run: environment.identity.run,
        planHash: itinerary.planHash, step: "", durationSeconds: options.leaseSeconds),
      in: cluster, clock: environment.clock, wallTime: environment.wallTime)
    let result: RunResult
    do throws(RunBreak) {
      try await take(lock)
    } catch {
      for event in making { environment.tell(event) }
      throw error
    }
    do throws(RunBreak) {
      result = try await underLock(lock, goal, after: making)
    } catch {
      await giveBack(lock)
      throw error
    }
    await giveBack(lock)
    return result
  }

  /// It ends by itself, so nobody waits long for a server that does not answer.
  private func giveBack(_ lock: RunLock<RunClock>) async {
    let clock = environment.clock
    let isGivenBack = await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        do throws(LockError) { try await lock.release() } catch { return false }
        return true
      }
      group.addTask {
        do { try await clock.sleep(for: .seconds(5)) } catch {}
        return false
      }
      let first = await group.next() ?? false
      group.cancelAll()
      return first
    }
    if !isGivenBack { environment.tell(.note("the lock could not be given back; it expires by itself")) }
  }

  // MARK: - Before the lock

  /// The journal is bound to it; to the plan alone, where it may not be read.
  private func clusterIdentity() async throws(RunBreak) -> String {
    do throws(ClusterError) { return try await environment.cluster.identity() } catch {
      throw failed("the cluster cannot be reached", error)
    }
  }

  /// What goes on from a record, or takes its place, is refused before namespace and lock are made for it. Under the lock it
  /// is looked at again.
  private func refuseUnrecorded(_ goal: RunGoal) async throws(RunBreak) {
    if case .apply = goal, options.assumedSteps == nil { return }
    let remembered = try await remembered(by: store())?.record
    if remembered == nil {
      // Whoever has it may be about to write the record.
      let keeper = LockKeeper(plan: plan.name, namespace: plan.namespace, in: environment.cluster)
      if (try? await keeper.holder()) != nil { return }
    }
    try await refuseUnfounded(remembered)
    // A record that is there may be another one once the lock is held.
    if remembered == nil, options.assumedSteps == nil { _ = try record(for: goal, remembered: nil) }
  }

  /// Lock and record live in the plan's namespace, so it comes first, made exactly as the plan's first phase would.
  ///
  /// - Returns: what is to be told of it, once the run has begun.
  private func ensureNamespace() async throws(RunBreak) -> [RunEvent] {
    let cluster = environment.cluster
    let target = ResourceType.namespaces.named(plan.namespace, in: "")
    let end = environment.clock.now.advanced(by: options.readyWithin)
    var hasSaidSo = false
    while true {
      let live: Value
      do throws(ClusterError) {
        live = try await cluster.get(target)
      } catch {
        guard error.isNotFound else {
          // With rights in the namespace alone, it cannot be seen; whether it is there shows at the lock.
          if error.isForbidden { return [] }
          throw failed("the namespace `\(plan.namespace)` cannot be read", error)
        }
        break
      }
      if live.at("metadata", "deletionTimestamp")?.string == nil {
        try refuseForeign(live)
        return []
      }
      if !hasSaidSo {
        environment.tell(.note("the namespace \(plan.namespace) is being deleted; waiting until it is gone"))
      }
      hasSaidSo = true
      if environment.clock.now >= end {
        throw .refused(
          RunFailure(
            .gateFailed(
              "the namespace `\(plan.namespace)` is being deleted and does not go away", at: plan.nameRange,
              notes: pendingFinalizers(of: live).map { "finalizer \($0)" },
              help: "`kubectl describe namespace \(plan.namespace)` says what is left in it"), at: start,
            isBeforeWriting: true))
      }
      try await pause(.seconds(1))
    }
    let first = itinerary.forward.lazy.flatMap(\.phases).flatMap(\.writes).first {
      $0.id.kind == "Namespace" && $0.id.name == plan.namespace
    }
    guard !plan.namespaceExists, let write = first, let object = write.object else {
      let (label, help) =
        plan.namespaceExists
        ? ("the plan says that it exists", "create it, or leave out `existing`")
        : ("no step of the plan writes anything, not even that", "`deploy` what is to stand there")
      throw .failed(
        RunFailure(
          .clusterFailed("there is no namespace `\(plan.namespace)`", label, at: plan.nameRange, help: help),
          at: start, isBeforeWriting: true))
    }
    if stop.isRaised { throw .stopped }
    let writer = ObjectWriter(cluster, journal: environment.journal) { _ async throws(LockError) in }
    var inventory = Inventory(plan: plan.name)
    inventory.expect([write.id], phase: 0)
    do throws(WriteFailure) {
      // Somebody of this plan may be at the same point: the same object, written by both, is made once.
      _ = try await writer.perform(
        Write(action: .create, id: write.id, object: object, previous: nil, origin: write.origin), phase: 0, number: 0,
        inventory: inventory)
    } catch {
      guard case .appeared = error else {
        throw .failed(RunFailure(.writeFailed(error, write), at: start, isBeforeWriting: true))
      }
    }
    return [.writeBegan(start, write.id, .create), .writeEnded(start, write.id, .created)]
  }

  private func refuseForeign(_ live: Value) throws(RunBreak) {
    if plan.namespaceExists || live.at("metadata", "labels", "app.kubernetes.io/part-of")?.string == plan.name {
      return
    }
    if options.decisions.adopt(ObjectID(group: "", kind: "Namespace", namespace: "", name: plan.namespace)) { return }
    throw .failed(
      RunFailure(
        Diagnostic(
          .notOurs, "the namespace `\(plan.namespace)` exists, and this plan did not make it",
          at: Label(plan.nameRange, "this plan"), notes: ["it is left as it is"],
          help: Diagnostic.wayAround(ObjectID(group: "", kind: "Namespace", namespace: "", name: plan.namespace))),
        at: start, isBeforeWriting: true))
  }

  private func take(_ lock: RunLock<RunClock>) async throws(RunBreak) {
    let begin = environment.clock.now
    var lastTold: String?
    var patience = options.waitForLock
    while true {
      do throws(LockError) {
        try await lock.acquire()
        return
      } catch {
        switch error {
        case .held(let holder):
          // One that seems to be dead by the clock is looked at for as long as it takes to be sure; one that shows life
          // meanwhile is not.
          let isSilent = holder.isOverdue(at: environment.wallTime(), leaseSeconds: options.leaseSeconds)
          let term = Duration.seconds(max(holder.durationSeconds, options.leaseSeconds) + 1)
          if isSilent, patience < term {
            environment.tell(
              .note(
                "the run \(holder.run) has the lock, and shows no life since \(holder.renewTime); it is dead if that stays so for \(shortText(term))"
              ))
            patience = term
          } else if !isSilent {
            patience = options.waitForLock
          }
          if begin.duration(to: environment.clock.now) >= patience { throw .lock(error) }
          if !isSilent, lastTold != holder.step { environment.tell(.waitingForLock(holder)) }
          lastTold = holder.step
          try await pause(min(.seconds(1), patience))
        case .lost, .stale: throw .lock(error)
        case .cluster(let why):
          throw .failed(
            RunFailure(
              .clusterFailed(
                "the lock cannot be taken", "\(why)", at: plan.nameRange,
                help: "`rolloutc rbac` prints the rights that the plan needs"), at: start, isBeforeWriting: true))
        }
      }
    }
  }

  // MARK: - What is remembered, and what is not

  private func store() -> InventoryStore {
    InventoryStore(plan: plan.name, namespace: plan.namespace, in: environment.cluster)
  }

  private func remembered(
    by store: InventoryStore
  ) async throws(RunBreak) -> (inventory: Inventory, record: RunRecord?)? {
    do throws(InventoryError) {
      return try await store.load()
    } catch {
      throw .failed(
        RunFailure(
          .clusterFailed(
            "what this plan owns cannot be read", "\(error)", at: plan.nameRange, help: error.wayOut(plan.name)),
          at: start, isBeforeWriting: true))
    }
  }

  /// Refuses to begin where what stands is not known, and to assume what is known, or plainly not so.
  private func refuseUnfounded(_ remembered: RunRecord?) async throws(RunBreak) {
    switch (remembered, options.assumedSteps) {
    case (nil, let steps?): try await refuseWrongAssumption(steps)
    case (nil, nil): try await refuseForgotten()
    case (_?, _?):
      throw .refused(
        RunFailure(
          .recordMismatch(
            "what the plan did is remembered, and nothing is to be assumed", at: plan.nameRange,
            help: "leave out `--assume`"), at: start, isBeforeWriting: true))
    case (_?, nil): break
    }
  }

  /// What stands, where somebody says so and nothing else is known.
  private func assumed(_ steps: Int, _ inventory: inout Inventory) throws(RunBreak) -> RunRecord {
    var record = try record(for: .apply(steps: steps), remembered: nil)
    let steps = min(max(0, steps), itinerary.stepCount)
    inventory.expect(itinerary.standing(afterSteps: steps).image.entries.map(\.id), phase: 0) {
      options.decisions.adopt($0)
    }
    record.progress = itinerary.progress(afterSteps: steps)
    record.stepsDone = steps
    record.standingHash = itinerary.standingHash(afterLegs: record.progress.leg)
    record.status = .rested
    let asked = plan.steps.prefix(steps).flatMap(\.segments).flatMap(\.observations).count
    if asked > 0 {
      environment.tell(
        .note(
          "what \(steps == 1 ? "step 1 asks" : "steps 1 to \(steps) ask") and verif\(steps == 1 ? "ies" : "y") is taken as answered and seen, whatever came of it: so `--assume` says"
        ))
    }
    return record
  }

  /// Refuses to assume what is plainly not so: objects of the assumed state that are not there, unless they are to be made
  /// again, or objects of this plan that the state does not have.
  private func refuseWrongAssumption(_ steps: Int) async throws(RunBreak) {
    // What every state of the plan has, or what a way back leaves, tells no state from another.
    func tells(_ id: ObjectID) -> Bool { !id.namespace.isEmpty && id.kind != "PersistentVolumeClaim" }
    func objects(_ steps: Int) -> Set<ObjectID> {
      Set(itinerary.standing(afterSteps: steps).image.entries.map(\.id).filter(tells))
    }
    let all = (0...itinerary.stepCount).map(objects)
    let candidates = all.reduce(into: Set<ObjectID>()) { $0.formUnion($1) }
    let found = try await thoseThatStand(among: candidates, isOurs: false)
    let standing = Set(
      found.filter { isMade($0.live, by: plan.name) || options.decisions.adopt($0.id) }.map(\.id))
    let strange = Set(found.map(\.id)).subtracting(standing)
    let wanted = all[min(max(0, steps), itinerary.stepCount)]
    let missing = wanted.subtracting(standing).filter { !options.decisions.recreate($0) }.sorted()
    let surplus = standing.subtracting(wanted).sorted()
    if missing.isEmpty, surplus.isEmpty { return }
    let fitting = all.indices.filter { all[$0] == standing }.map { $0 == 0 ? "start" : String($0) }
    throw .refused(
      RunFailure(
        .recordMismatch(
          "what stands is not what stands after \(steps == 0 ? "the start" : "step \(steps)")", at: plan.nameRange,
          notes: missing.prefix(3).map {
            strange.contains($0) ? "`\($0)` is there, and no run of this plan made it" : "`\($0)` is not there"
          }
            + surplus.prefix(3).map { "`\($0)` stands, and that state has none" },
          help: !strange.isDisjoint(with: missing)
            ? "what somebody else made is taken over with "
              + missing.filter { strange.contains($0) }.map { "`--adopt \($0)`" }.joined(separator: " ")
            : fitting.isEmpty
              ? "no step leaves just these objects; `--recreate KIND/NAME` makes a missing one again"
              : "what stands has the objects of `--assume \(fitting.joined(separator: "` or `"))`"),
        at: start, isBeforeWriting: true))
  }

  /// Refuses to begin at the beginning where objects of this plan stand already, as they do when its record was deleted: the
  /// first step would take from visitors what the last one gave them.
  func refuseForgotten() async throws(RunBreak) {
    // The first ones tell; thousands of objects need no look each.
    var ids: [ObjectID] = []
    var known: Set<ObjectID> = []
    search: for leg in itinerary.forward {
      for write in leg.phases.lazy.flatMap(\.writes)
      where write.action != .delete && ["Deployment", "Service"].contains(write.id.kind) {
        if known.insert(write.id).inserted { ids.append(write.id) }
        if ids.count == 20 { break search }
      }
    }
    var standing: [ObjectID] = []
    for id in ids {
      do throws(ClusterError) {
        let live = try await environment.cluster.get(try await environment.cluster.reference(to: id))
        if isLabelled(live, plan.name) { standing.append(id) }
      } catch {
        if error.isNotFound || error.isForbidden { continue }
        throw failed("`\(id)` cannot be read", error)
      }
    }
    guard let first = standing.first else { return }
    throw .refused(
      RunFailure(
        .recordMismatch(
          "objects of this plan stand in the cluster, and what the plan did there is not remembered",
          at: plan.nameRange,
          notes: [
            "`\(first)`\(standing.count > 1 ? " and others carry" : " carries") its labels",
            "ConfigMap \(PlanNames.record(plan.name)) in the namespace `\(plan.namespace)`, which holds the record of a run, is not there",
          ], help: .assumption), at: start, isBeforeWriting: true))
  }

  // MARK: - Under the lock

  /// - Parameter making: what was done before there was a lock.
  private func underLock(
    _ lock: RunLock<RunClock>, _ goal: RunGoal, after making: [RunEvent]
  ) async throws(RunBreak) -> RunResult {
    let store = store()
    let memory = try await remembered(by: store)
    var inventory = memory?.inventory ?? Inventory(plan: plan.name)
    var remembered = memory?.record
    try await refuseUnfounded(remembered)
    if remembered == nil, let steps = options.assumedSteps { remembered = try assumed(steps, &inventory) }
    try await learnUIDs(&inventory)
    var record = try record(for: goal, remembered: remembered, inventory: inventory)
    record.run = environment.identity.run
    record.who = environment.identity.who
    // An answer is told by the number of its question, which another edition of the plan gives to another one.
    let left = memory?.record.flatMap {
      $0.question != nil && $0.planHash == itinerary.planHash ? [$0.asker ?? $0.run, $0.run] : nil
    }
    let requests = RequestsListener(
      plan: plan.name, namespace: plan.namespace, run: record.run, formerRuns: Set(left ?? []), in: environment.cluster)
    let session = RunSession(
      self, lock: lock, store: store, inventory: inventory, record: record, requests: requests)
    environment.tell(
      .started(
        RunOpening(
          plan: plan.name, namespace: plan.namespace, planHash: record.planHash, run: record.run,
          steps: plan.steps.map(\.name),
          course: record.course, progress: record.progress, isResumed: remembered != nil)))
    for event in making { environment.tell(event) }
    return await withTaskGroup(of: RunResult?.self) { group in
      group.addTask {
        await self.keepLock(lock, session)
        return nil
      }
      group.addTask {
        let deafness = await requests.listen(clock: environment.clock, random: environment.random) { who in
          environment.tell(.note("\(who) wants the run to stop"))
          stop.raise()
        }
        if let deafness { environment.tell(.note("answers from elsewhere are not heard any more: \(deafness)")) }
        return nil
      }
      group.addTask { await session.follow() }
      var result: RunResult?
      while result == nil, let next = await group.next() { result = next }
      group.cancelAll()
      return result ?? RunResult(.interrupted)
    }
  }

  /// Shows every third of the lease's time that we live. A lock that is lost stops the run before its next write.
  private func keepLock(_ lock: RunLock<RunClock>, _ session: RunSession) async {
    while !Task.isCancelled {
      do { try await environment.clock.sleep(for: .seconds(options.leaseSeconds) / 3) } catch { return }
      do throws(LockError) {
        try await lock.renew()
      } catch {
        if case .lost = error {
          await session.loseLock(error)
          return
        }
      }
    }
  }

  /// A run that was killed between a request and its answer does not know the UIDs of what it made. What carries our label
  /// and our manager's entry, and is expected by the inventory, is ours.
  private func learnUIDs(_ inventory: inout Inventory) async throws(RunBreak) {
    let unknown = inventory.entries.filter { $0.uid == nil }.map(\.id)
    for (id, live) in try await ownObjects(among: unknown, isOurs: true) {
      inventory[id]?.uid = live.at("metadata", "uid")?.string
      // It was to be adopted if it was there, and was not: the run made it.
      if isMadeByApply(live) { inventory[id]?.isAdopted = false }
    }
  }

  /// Those of `ids` that stand, and that this plan made.
  ///
  /// - Parameter isOurs: as `Cluster.glance` has it.
  private func ownObjects(
    among ids: some Sequence<ObjectID>, isOurs: Bool
  ) async throws(RunBreak) -> [(id: ObjectID, live: Value)] {
    try await thoseThatStand(among: ids, isOurs: isOurs).filter { isMade($0.live, by: plan.name) }
  }

  /// - Parameter isOurs: as `Cluster.glance` has it.
  private func thoseThatStand(
    among ids: some Sequence<ObjectID>, isOurs: Bool
  ) async throws(RunBreak) -> [(id: ObjectID, live: Value)] {
    do throws(UnreadObject) {
      return try await environment.cluster.standing(of: ids, isOurs: isOurs)
    } catch {
      throw failed("`\(error.id)` cannot be read", error.error)
    }
  }

  // MARK: - Helpers

  func pause(_ duration: Duration) async throws(RunBreak) {
    let clock = environment.clock
    try await interruptible(by: stop) { () async throws(RunBreak) in
      do { try await clock.sleep(for: duration) } catch { throw .stopped }
    }
  }

  private func journal(_ entry: JournalRecord) async throws(RunBreak) {
    do throws(JournalError) {
      try await environment.journal.append(entry)
    } catch {
      throw .failed(
        RunFailure(
          Diagnostic(
            .journalFailed, "the journal cannot be written: \(error)", at: Label(plan.nameRange, "for this plan"),
            notes: ["nothing was changed"], help: "make room for it, or name another folder with `--journal`"),
          at: start, isBeforeWriting: true))
    }
  }

  private func failed(_ what: String, _ error: ClusterError) -> RunBreak {
    .failed(
      RunFailure(.clusterFailed(what, "\(error)", at: plan.nameRange), at: start, isBeforeWriting: true))
  }
}
