internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension RunSession {
  /// Follows the course to its end, and where it fails the plan's failure path to its end.
  func follow() async -> RunResult {
    do throws(RunBreak) {
      return try await followCourse()
    } catch {
      return await ended(by: error)
    }
  }

  private func followCourse() async throws(RunBreak) -> RunResult {
    var first: RunFailure?
    if case .forward = record.course { try await lookAtWhatStands() }
    if let failure = await wouldTakeAdopted(by: record.course) { throw .refused(failure) }
    while true {
      do throws(RunBreak) {
        try await goOn()
      } catch {
        switch error {
        case .failed(let failure):
          tell(.failed(failure))
          switch await comeTo(failure, after: first) {
          case .turned:
            first = failure
            continue
          case .ended(let result): return result
          case .broke(.failed(let further)), .broke(.cutOff(let further)):
            tell(.failed(further))
            return RunResult(.held, failure: first ?? failure, further: further, writes: writeCount)
          case .broke(let error): throw error
          }
        case .cutOff(let failure):
          guard let cause = first else { throw error }
          tell(.failed(failure))
          return RunResult(.held, failure: cause, further: failure, writes: writeCount)
        case .stopped, .leftAtQuestion, .lock, .refused: throw error
        }
      }
      return try await arrived(after: first)
    }
  }

  private enum Consequence {
    case turned
    case ended(RunResult)
    /// What follows from the failure could not be done, or not be recorded.
    case broke(RunBreak)
  }

  /// What follows from a failure: the plan's failure path, or the end where it stands.
  private func comeTo(_ failure: RunFailure, after first: RunFailure?) async -> Consequence {
    do throws(RunBreak) {
      if let first { return .ended(try await hold(first, further: failure)) }
      // A way back that a person asked for, or that an earlier run began, has no way back of its own.
      guard case .forward = record.course else { return .ended(try await hold(failure, further: nil)) }
      return try await turn(after: failure).map { .ended($0) } ?? .turned
    } catch {
      return .broke(error)
    }
  }

  /// Every leg of the course that is still to come.
  private func goOn() async throws(RunBreak) {
    let legs = itinerary.legs(of: record.course) ?? []
    while record.progress.leg < legs.count {
      let leg = legs[record.progress.leg]
      place = RunPlace(step: leg.step, leg: record.progress.leg)
      if case .forward = leg.role, record.legHash.isEmpty {
        record.legHash = itinerary.changesHash(ofLeg: record.progress.leg)
      }
      if isBeginning(of: leg) {
        if options.isApproved, case .forward = leg.role { try await reviewStep(legs[record.progress.leg...]) }
        try await beginStep(leg)
      }
      if case .rollback = leg.role, record.progress == Progress() { try await lookAtWhatIsGoneBackTo(leg) }
      while record.progress.phase < leg.phases.count { try await perform(leg.phases[record.progress.phase], of: leg) }
      place.phase = nil
      try await observe(leg)
      // A question may have waited for days; what follows it relies on what stands.
      if !leg.observations.isEmpty { forgetLooks() }
      let next = record.progress.leg + 1
      record.progress = Progress(leg: next)
      record.legHash = ""
      let isStepDone = next == legs.count || legs[next].step != leg.step
      if case .forward = leg.role {
        record.stepsDone = itinerary.stepsDone(at: record.progress)
        record.standingHash = itinerary.standingHash(afterLegs: next)
        if isStepDone {
          record.status = .rested
          record.cause = nil
          // The next step's first phase is recorded in a moment, and this with it; a run that is killed before does the
          // last phase again. Between steps of an approved plan the run may end.
          if next == legs.count || legs[next].phases.isEmpty || options.isApproved { try await save() }
        }
      }
      if isStepDone, case .forward = leg.role { tell(.stepEnded(step: leg.step, name: plan.steps[leg.step].name)) }
    }
  }

  private func isBeginning(of leg: Leg) -> Bool {
    guard record.progress.phase == 0, !record.progress.isPhaseBegun else { return false }
    switch leg.role {
    case .forward(_, let segment), .block(_, let segment): return segment == 0
    case .rollback: return true
    }
  }

  private func beginStep(_ leg: Leg) async throws(RunBreak) {
    let name = plan.steps[leg.step].name
    if case .forward = leg.role { tell(.stepBegan(step: leg.step, name: name)) }
    // For whoever waits for the lock.
    do throws(LockError) { try await lock.renew(step: name) } catch { throw broken(by: error) }
  }

  private func perform(_ phase: Phase, of leg: Leg) async throws(RunBreak) {
    place.phase = record.progress.phase
    if stop.isRaised { throw .stopped }
    do throws(LockError) { try await lock.confirm(within: options.lockLookAge) } catch { throw broken(by: error) }
    let isLookDue = lastLook.map { $0.duration(to: environment.clock.now) >= options.lookAge } ?? true
    if case .forward = leg.role, isLookDue { try await lookAtWhatStands() }
    var phase = phase
    let held = try await heldBack(from: record.progress.phase, of: leg)
    if !held.isEmpty {
      let services = held.filter { $0.kind == "Service" }.sorted()
      for id in services { tell(.note("`\(id)` stays as it is until the plan's own pods are ready")) }
      phase.writes.removeAll { held.contains($0.id) }
      if phase.writes.isEmpty { return try await phaseIsDone() }
    }
    if phase.movesRequests { try await lookAtWhoServes(leg, before: phase) }
    tell(.phaseBegan(place, phase.kind, writes: phase.writes))
    try await write(phase)
    try await awaitDeletions(phase)
    for gate in phase.gates {
      tell(.gateBegan(place, gate))
      try await wait(for: gate, of: phase, in: leg)
      tell(.gateEnded(place, gate))
    }
    try await takeOver(in: leg)
    try await phaseIsDone()
    tell(.phaseEnded(place))
  }

  private func phaseIsDone() async throws(RunBreak) {
    try await journal(.phaseDone(record.progress.phase))
    record.progress.phase += 1
    record.progress.isPhaseBegun = false
  }

  /// What stands is looked at before anything is added to it: an object that somebody changed back is written again, one
  /// that somebody deleted or took stops the run before it does harm. What was put back must work before others rely on it:
  /// a Deployment that is made again has no pods yet, and routes come after it.
  private func lookAtWhatStands() async throws(RunBreak) {
    lastLook = environment.clock.now
    let progress = record.progress
    place.step = itinerary.step(at: progress)
    // A run that ends before the next step comes to no other one.
    if case .forward(let steps) = record.course { place.step = min(place.step, max(0, steps - 1)) }
    place.leg = progress.leg
    // What was begun is written again, whatever stands of it.
    let begun =
      progress.isPhaseBegun && itinerary.forward.indices.contains(progress.leg)
      ? Set(itinerary.forward[progress.leg].phases[progress.phase].writes.map(\.id)) : []
    let writes = itinerary.image(of: record.course, at: progress).entries
      .filter { inventory[$0.id] != nil && !begun.contains($0.id) }
    let routes: Set = ["VirtualService", "DestinationRule"]
    try await putBack(writes.filter { !routes.contains($0.id.kind) })
    for kind in ["DestinationRule", "VirtualService"] { try await putBack(writes.filter { $0.id.kind == kind }) }
  }

  /// Requests are led to pods that were ready once: they may have died since, while a person was asked or a metric looked at.
  /// Before they take over, and before others are stopped, they are looked at.
  private func lookAtWhoServes(_ leg: Leg, before phase: Phase) async throws(RunBreak) {
    guard let end = leg.after ?? itinerary.end(of: record.course), end.state.exists else { return }
    let wanted = try await whoMustServe(leg, end, before: phase)
    let live = try await standing(wanted.keys.sorted())
    var unready: [ReadyTarget] = []
    var empty: [ObjectID] = []
    for (id, count) in wanted {
      guard let object = live[id] else { continue }
      let declared = object.at("spec", "replicas")?.int ?? 1
      let ready = readyPods(of: object)
      if declared == 0 { empty.append(id) }
      if declared > 0, ready < (count == .all ? declared : 1) {
        unready.append(ReadyTarget(deployment: id, withinMilliseconds: nil))
      }
    }
    if unready.isEmpty, empty.isEmpty { return }
    for id in (unready.map(\.deployment) + empty).sorted() {
      tell(.note("`\(id)` is to serve, and is not ready any more"))
    }
    let origins = Dictionary(
      end.image.entries.lazy.map { ($0.id, $0.origin) }, uniquingKeysWith: { first, _ in first })
    let fallback = plan.nameRange
    try await awaitReady(unready.sorted { $0.deployment < $1.deployment }) { origins[$0] ?? fallback }
    for id in empty.sorted() { try await awaitPods(of: id, origins[id] ?? fallback) }
  }

  private enum Pods { case all, one }

  /// Whose pods must be there before `phase`, and how many of them. Forward each that takes over is to have all; on a way
  /// back one is enough, as what is there may be worse, and so it is where only a caller takes over. Who serves no more than
  /// before is no reason to lead requests nowhere: what is on its way may be the mending of just that. But nobody is stopped
  /// who serves while those that stay do not.
  private func whoMustServe(
    _ leg: Leg, _ end: Standing, before phase: Phase
  ) async throws(RunBreak) -> [ObjectID: Pods] {
    let renderer = itinerary.compiled.renderer
    let start = itinerary.led(by: record.course, at: record.progress)
    let reached = renderer.reached(in: end.view)
    var taking: [VersionID] = []
    var wanted: [ObjectID: Pods] = [:]
    let stopped = try await losing(in: phase)
    for (c, component) in end.state.components.enumerated() {
      let before = start.flatMap { $0.state.components.indices.contains(c) ? $0.state.components[c] : nil }
      for deployed in component.deployed where deployed.replicas > 0 {
        let version = VersionID(ComponentID(c), deployed.version)
        guard reached.contains(version) else { continue }
        let isTaking = before != component && before.map { component.takesMore(deployed.version, than: $0) } ?? true
        if isTaking { taking.append(version) }
        if isTaking || stopped.contains(c) { wanted[renderer.deploymentID(of: version)] = isForward ? .all : .one }
      }
    }
    if !taking.isEmpty {
      let behind = renderer.reached(in: end.view, from: taking)
      for (c, component) in end.state.components.enumerated() {
        for deployed in component.deployed where deployed.replicas > 0 {
          let version = VersionID(ComponentID(c), deployed.version)
          let id = renderer.deploymentID(of: version)
          if behind.contains(version), wanted[id] == nil { wanted[id] = .one }
        }
      }
    }
    return wanted.filter { inventory[$0.key] != nil && !wasReadyJustNow($0.key) }
  }

  /// The components of which `phase` stops pods that serve: those that serve nobody are no loss.
  private func losing(in phase: Phase) async throws(RunBreak) -> Set<Int> {
    guard phase.kind == .stopWorkloads else { return [] }
    let lowered = phase.writes.filter { write in
      write.id.kind == "Deployment"
        && write.previous?.at("spec", "replicas")?.int ?? 0 > write.object?.at("spec", "replicas")?.int ?? 0
    }
    let serving = try await standing(lowered.map(\.id)).values.filter { readyPods(of: $0) > 0 }
    let services = Set(serving.compactMap { $0.at("metadata", "labels", "app")?.string })
    return Set(plan.components.indices.filter { services.contains(plan.components[$0].service) })
  }

  private func readyPods(of deployment: Value) -> Int { deployment.at("status", "readyReplicas")?.int ?? 0 }

  /// What stands of `deployments`; those that are gone are told of elsewhere.
  private func standing(_ deployments: [ObjectID]) async throws(RunBreak) -> [ObjectID: Value] {
    do throws(UnreadObject) {
      let found = try await environment.cluster.standing(of: deployments, isOurs: true)
      return Dictionary(found.map { ($0.id, $0.live) }, uniquingKeysWith: { first, _ in first })
    } catch { throw unreadable("`\(error.id)`", error.error) }
  }

  /// A way back leads requests to what stood before, which nobody has looked at since: what it leads them to must be there.
  private func lookAtWhatIsGoneBackTo(_ leg: Leg) async throws(RunBreak) {
    guard let end = itinerary.end(of: record.course) else { return }
    let writes = leg.phases.flatMap(\.writes)
    let written = Set(writes.map(\.id))
    let routed = Set(
      writes.filter { $0.id.kind == "VirtualService" }
        .compactMap { ($0.object ?? $0.previous)?.at("metadata", "labels", "app")?.string })
    var gone: [ObjectSet.Entry] = []
    for entry in end.image.entries where entry.id.kind == "Deployment" && !written.contains(entry.id) {
      guard inventory[entry.id] != nil, entry.object.at("spec", "replicas")?.int != 0,
        let app = entry.object.at("metadata", "labels", "app")?.string, routed.contains(app)
      else { continue }
      let live = try await anchor(entry.id)
      if live == nil || live?.at("spec", "replicas")?.int == 0 { gone.append(entry) }
    }
    try await putBack(gone)
  }

  /// Writes again what does not stand as it was written, and waits for the pods of what was.
  private func putBack(_ entries: [ObjectSet.Entry]) async throws(RunBreak) {
    if entries.isEmpty { return }
    let restored = try await restore(
      entries.map {
        Write(action: .update, id: $0.id, object: asLastWritten($0.object, $0.id), previous: nil, origin: $0.origin)
      })
    let deployments = restored.filter { $0.id.kind == "Deployment" }
    if deployments.isEmpty { return }
    let origins = Dictionary(deployments.map { ($0.id, $0.origin) }, uniquingKeysWith: { first, _ in first })
    let fallback = plan.nameRange
    try await awaitReady(deployments.map { ReadyTarget(deployment: $0.id, withinMilliseconds: nil) }) {
      origins[$0] ?? fallback
    }
  }

  /// What a way back wrote has its stamp, and is no other object for that: there is nothing to restore.
  private func asLastWritten(_ object: Value, _ id: ObjectID) -> Value {
    guard let known = inventory[id]?.intent, Inventory.fingerprint(of: object) != known else { return object }
    for stamp in stampsOfWaysBack {
      let candidate = restamped(object, stamp)
      if Inventory.fingerprint(of: candidate) == known { return candidate }
    }
    return object
  }

  // MARK: - Turning

  /// Nil where the course was turned; the result where there is no way to go.
  private func turn(after failure: RunFailure) async throws(RunBreak) -> RunResult? {
    if isUntouched {
      record.progress.isPhaseBegun = false
      record.status = .rested
      record.cause = cause(failure)
      try await save()
      var clean = failure
      clean.isBeforeWriting = true
      return RunResult(.failedClean, failure: clean)
    }
    record.cause = cause(failure)
    let from = record.progress
    let course: Course
    switch itinerary.failurePath(at: from) {
    case .hold: return try await hold(failure, further: nil)
    case .rollback: course = .rollback(from: from, steps: itinerary.step(at: from))
    case .block:
      let owed = servicesOwed(at: from)
      if !owed.isEmpty { return try await hold(failure, further: RunFailure(.notTakenOverYet(owed), at: place)) }
      course = .block(from: from)
    }
    guard let legs = itinerary.legs(of: course) else { return try await hold(failure, further: nil) }
    if let lost = claimsLost(by: course, from: from) { return try await hold(failure, further: lost) }
    if let further = await wouldTakeAdopted(by: course) { return try await hold(failure, further: further) }
    record.course = course
    record.isAsked = false
    record.progress = Progress()
    record.status = .running
    record.asksNothing()
    try await save()
    tell(.turned(course, legs: legs.count))
    return nil
  }

  /// A way back would run with new and empty volumes: a phase that broke off may have destroyed what was in them.
  private func claimsLost(by course: Course, from progress: Progress) -> RunFailure? {
    let lost = itinerary.lostClaims(of: .forward(steps: itinerary.stepCount), at: progress, on: course)
    return lost.isEmpty ? nil : RunFailure(.dataIsGone(lost, at: plan.nameRange), at: place)
  }

  /// What stood before the plan would be deleted by a way back, to where it never was: the plan cannot give it back as it was,
  /// and somebody may be served by it. Nil where that is not so.
  private func wouldTakeAdopted(by course: Course) async -> RunFailure? {
    if case .forward = course { return nil }
    let writes = (itinerary.legs(of: course) ?? []).flatMap(\.phases).flatMap(\.writes)
    var adopted: [Write] = []
    for write in writes where write.action == .delete && inventory[write.id]?.isAdopted == true {
      // What is gone, or another's again, is not deleted either.
      do throws(ClusterError) {
        let live = try await environment.cluster.get(try await environment.cluster.reference(to: write.id))
        let uid = inventory[write.id]?.uid
        if !isMade(live, by: plan.name) || uid != nil && live.at("metadata", "uid")?.string != uid { continue }
      } catch {
        if error.isNotFound { continue }
      }
      adopted.append(write)
    }
    return adopted.isEmpty ? nil : RunFailure(.wouldTakeAdopted(adopted), at: place)
  }

  private func hold(_ failure: RunFailure, further: RunFailure?) async throws(RunBreak) -> RunResult {
    record.status = .held
    keepCause(failure)
    try await save()
    return RunResult(.held, failure: failure, further: further, writes: writeCount)
  }

  /// Of a way back the cause is why it is gone. What held an earlier run on its way forward is over.
  private func keepCause(_ failure: RunFailure) {
    if isForward, hasOldCause || record.cause == nil { record.cause = cause(failure) }
    record.cause = record.cause ?? cause(failure)
    hasOldCause = false
  }

  private func cause(_ failure: RunFailure) -> RunRecord.Cause {
    RunRecord.Cause(
      code: failure.diagnostic.code.id, message: failure.diagnostic.message, notes: failure.diagnostic.notes,
      step: plan.steps.indices.contains(failure.place.step) ? plan.steps[failure.place.step].name : "",
      time: environment.wallTime())
  }

  // MARK: - Ends

  private func arrived(after failure: RunFailure?) async throws(RunBreak) -> RunResult {
    let outcome: RunResult.Outcome
    var stepsLeft: Int?
    switch record.course {
    case .forward:
      stepsLeft = itinerary.stepsDone(at: record.progress)
      outcome = writeCount == 0 ? .unchanged : .done
      record.status = .rested
    case .rollback(_, let steps), .leaveBlock(_, _, let steps), .leaveRollback(_, _, _, let steps):
      stepsLeft = steps
      outcome = failure == nil && (record.isAsked || record.cause == nil) ? .undone : .rolledBack
      // What it was held by on the way is over.
      if outcome == .undone { record.cause = nil }
      rest(afterSteps: steps)
    case .block(let from):
      // A block that ends in a state of the plan is a way back; any other end is for a person to look at.
      let legs = itinerary.legs(of: record.course) ?? []
      let end =
        legs.last?.after.map { standing in
          (0...itinerary.stepCount).first {
            itinerary.standing(afterSteps: $0).image.holdsSame(as: standing.image)
          }
        } ?? (from.isAtBoundary ? itinerary.stepsDone(at: from) : nil)
      if let steps = end ?? nil {
        rest(afterSteps: steps)
        outcome = .rolledBack
      } else {
        record.status = .held
        outcome = .held
        record.isBlockDone = true
      }
    }
    try await save()
    var result = RunResult(outcome, failure: failure, writes: writeCount)
    result.stepsLeft = stepsLeft
    result.isBlockDone = record.isBlockDone
    return result
  }

  private func rest(afterSteps steps: Int) {
    // Nothing is left to be resumed, and what comes next nobody has asked for.
    record.isAsked = false
    record.course = .forward(steps: steps)
    record.progress = itinerary.progress(afterSteps: steps)
    record.stepsDone = steps
    record.standingHash = itinerary.standingHash(afterLegs: record.progress.leg)
    record.status = .rested
  }

  private func ended(by error: RunBreak) async -> RunResult {
    switch error {
    case .stopped where lostLock != nil: return await ended(by: .lock(lostLock ?? .stale))
    case .stopped:
      record.status = .interrupted
      // What cannot be stored is found out by the next run: the phase that was begun is recorded already.
      _ = try? await save()
      return RunResult(.interrupted, writes: writeCount)
    // The record says already what is asked; the next run asks it again.
    case .leftAtQuestion: return RunResult(.waiting, writes: writeCount)
    case .lock(.lost(to: nil)):
      // Nobody else has it: it was deleted, or its namespace is.
      let failure = RunFailure(.lockDeleted(plan), at: place)
      tell(.failed(failure))
      return RunResult(isUntouched ? .failedClean : .held, failure: failure, writes: writeCount)
    case .lock(let error):
      if case .lost(let holder?) = error, !holder.holder.isEmpty {
        tell(.note("the lock went to \(holder.who), run \(holder.run)"))
      }
      var result = RunResult(.locked, writes: writeCount)
      result.lock = error.end
      return result
    case .cutOff(let failure):
      var told = failure
      told.isBeforeWriting = isClean
      told.diagnostic.notes += isClean ? [] : whereItStands
      tell(.failed(told))
      return RunResult(isClean ? .failedClean : .held, failure: told, writes: writeCount)
    case .refused(let failure): return RunResult(.refused, failure: failure, writes: writeCount)
    case .failed(let failure):
      tell(.failed(failure))
      let isClean = isClean
      if case .forward = record.course, isClean { record.status = .rested } else { record.status = .held }
      keepCause(failure)
      _ = try? await save()
      return RunResult(isClean ? .failedClean : .held, failure: failure, writes: writeCount)
    }
  }

  /// Nothing of the leg that is under way was written, by this run or one before it: there is nothing to undo.
  private var isUntouched: Bool {
    writeCount == 0 && record.progress.phase == 0 && record.progress.observation == 0 && !wasBegunBefore
  }

  /// Besides, nothing was sent whose answer is not known.
  private var isClean: Bool { isUntouched && !record.progress.isPhaseBegun }

  /// What the last record in the cluster says, as none can be stored now.
  private var whereItStands: [String] {
    let legs = itinerary.legs(of: record.course) ?? []
    let name = plan.steps.indices.contains(place.step) ? plan.steps[place.step].name : ""
    var place = "it stands in step \(place.step + 1) of \(plan.steps.count), \(name)"
    if legs.indices.contains(record.progress.leg), record.progress.phase < legs[record.progress.leg].phases.count {
      place += ", in phase \(record.progress.phase + 1) of \(legs[record.progress.leg].phases.count)"
    }
    return [
      place, "nothing is undone: that, too, needs the server",
      "the cluster remembers the place, and the lock ends by itself after \(options.leaseSeconds) s",
    ]
  }

  /// The lock went to somebody else: every wait ends, and nothing more is written.
  func loseLock(_ error: LockError) {
    lostLock = error
    stop.raise()
  }
}

extension Phase {
  /// Visitors, or callers, are led elsewhere by it, or lose pods.
  fileprivate var movesRequests: Bool {
    switch kind {
    case .switchInner, .switchEntry, .closeLanes, .stopWorkloads: true
    case .establish, .prepare, .widenSubsets, .openLanes, .freeVolumes, .startWorkloads, .narrowSubsets, .remove,
      .tighten:
      false
    }
  }
}

extension ComponentState {
  /// Some requests come to `version` that did not in `before`.
  fileprivate func takesMore(_ version: Int, than before: ComponentState) -> Bool {
    if before.isPinned != isPinned || before.lanes.count != lanes.count { return true }
    let (new, old) = ([entry ?? RouteTable()] + lanes, [before.entry ?? RouteTable()] + before.lanes)
    return zip(new, old).contains { new, old in
      new.percent(of: version) > old.percent(of: version)
        || new.rules.contains { $0.version == version && !old.rules.contains($0) }
    }
  }
}

extension RouteTable {
  /// Of the requests that rules leave.
  fileprivate func percent(of version: Int) -> Int {
    let own = shares.reduce(0) { $0 + ($1.version == version ? $1.percent : 0) }
    return own + (fallback == version ? 100 - shares.reduce(0) { $0 + $1.percent } : 0)
  }
}
