package import ClusterAPI
internal import Diagnostics
package import KubernetesModel
internal import Lowering
internal import RolloutPlan

/// What one run has in hand while it holds the lock: the record and the inventory as they are to be stored, and the
/// connection to both.
///
/// The story of a run (`Run.perform`): the namespace is made sure of, because lock and record live in it; the lock is taken;
/// what the cluster remembers is read; a course and a place on it follow from that and from what the person wants. Then,
/// leg by leg and phase by phase, the record says what is about to be written, the writes are done side by side, the gates
/// are waited for, and the record moves on. When something fails, the course turns: the way back is a course like any
/// other. A run that is killed anywhere leaves a record that says which phase was begun, and doing a phase again is safe.
actor RunSession {
  let itinerary: Itinerary
  let environment: RunEnvironment
  let options: RunOptions
  let stop: StopSignal
  let lock: RunLock<RunClock>
  let requests: RequestsListener

  private let store: InventoryStore
  private let writer: ObjectWriter
  var inventory: Inventory
  var record: RunRecord
  /// Objects as the server answered them, by our last write of each in this run: what readiness is anchored on.
  private(set) var answers: [ObjectID: Value] = [:]
  private(set) var writeCount = 0
  /// What a way out met and left as it is, for it is another's: nothing waits for it.
  private(set) var left: Set<ObjectID> = []
  /// As the itinerary has them: worked out once, and not for each object.
  private(set) lazy var stampsOfWaysBack = itinerary.stampsOfWaysBack
  private var nextNumber = 1
  private var phaseNumber = 0
  private var lastPending: (id: ObjectID, text: String)?
  /// An earlier run began the phase at which this one starts, so something of it may stand.
  let wasBegunBefore: Bool
  /// When what stands was last looked at.
  var lastLook: RunClock.Instant?
  /// When Deployments were seen to be ready.
  private var readyAt: [ObjectID: RunClock.Instant] = [:]
  /// The cause that is remembered is of an earlier run.
  var hasOldCause: Bool
  /// Set when the lock went to somebody else.
  var lostLock: LockError?
  /// Where in the course the run is, for events and failures.
  var place = RunPlace(step: 0, leg: 0)

  init(
    _ run: Run, lock: RunLock<RunClock>, store: InventoryStore, inventory: Inventory, record: RunRecord,
    requests: RequestsListener
  ) {
    itinerary = run.itinerary
    environment = run.environment
    options = run.options
    stop = run.stop
    self.lock = lock
    self.store = store
    self.inventory = inventory
    self.record = record
    self.requests = requests
    wasBegunBefore = record.progress.isPhaseBegun
    hasOldCause = record.cause != nil
    let tell = run.environment.tell
    let age = run.options.lockLookAge
    writer = ObjectWriter(
      run.environment.cluster, journal: run.environment.journal, decisions: run.options.decisions,
      warn: { tell(.warning($0, $1)) }
    ) { method async throws(LockError) in
      try await lock.confirm(within: method == .delete ? .zero : age)
    }
  }

  var plan: Plan { itinerary.plan }

  func tell(_ event: RunEvent) { environment.tell(event) }

  /// For whoever waits for the lock.
  func sayStep() async throws(RunBreak) {
    do throws(LockError) { try await lock.say(step: plan.steps[place.step].name) } catch { throw broken(by: error) }
  }

  /// What an object lacks while it is looked at again and again: told where it has changed.
  func tellPending(_ id: ObjectID, _ text: String) {
    if lastPending?.id == id, lastPending?.text == text { return }
    lastPending = (id, text)
    tell(.progress(place, id, ObjectProgress(text, isReady: false)))
  }

  // MARK: - The record

  /// Stores record and inventory with one write. Only with the lock: the store refuses where somebody else wrote, and where
  /// they have not yet they would find theirs refused.
  func save() async throws(RunBreak) {
    do throws(LockError) { try await lock.confirm(within: options.lockLookAge) } catch { throw broken(by: error) }
    record.updated = environment.wallTime()
    inventory.run = record.run
    inventory.planHash = record.planHash
    do throws(InventoryError) {
      try await store.save(inventory, record: record)
    } catch {
      switch error {
      case .changed: throw .lock(.stale)
      case .cluster(let error) where error.isNotFound:
        var failure = RunFailure(
          .clusterFailed(
            "the record of the run is gone", "ConfigMap \(PlanNames.record(plan.name)) was deleted by somebody else",
            at: plan.nameRange, help: .assumption), at: place)
        failure.isForgotten = true
        throw .failed(failure)
      case .unreadable(let what): throw .failed(RunFailure(unstored(what), at: place))
      case .cluster(let error): throw broken(unstored("\(error)"), by: error)
      }
    }
  }

  private func unstored(_ why: String) -> Diagnostic {
    .clusterFailed(
      "the record of the run cannot be stored", why, at: plan.nameRange,
      help: "when the cluster takes writes again, `rolloutc resume`")
  }

  func journal(_ entry: JournalRecord) async throws(RunBreak) {
    do throws(JournalError) {
      try await environment.journal.append(entry)
    } catch {
      throw .failed(
        RunFailure(
          Diagnostic(
            .journalFailed, "the journal cannot be written: \(error)", at: Label(plan.nameRange, "for this plan"),
            notes: ["nothing is sent that was not written down before"],
            help: "make room for it, then `rolloutc resume`"), at: place))
    }
  }

  // MARK: - A phase

  /// Writes the objects of a phase side by side. The first failure keeps further writes from beginning; those under way
  /// are finished. Afterwards the inventory knows what became of each.
  func write(_ phase: Phase) async throws(RunBreak) {
    try await sayStep()
    try await awaitOwnDeletions(before: phase)
    phaseNumber += 1
    let decisions = options.decisions
    inventory.expect(phase.writes.filter { $0.action != .delete }.map(\.id), phase: phaseNumber) {
      decisions.adopt($0) && isForward
    }
    inventory.expectDeletion(of: phase.writes.filter { $0.action == .delete }.map(\.id), phase: phaseNumber)
    record.progress.isPhaseBegun = true
    record.status = .running
    try await save()
    let failures = await perform(phase.writes, seen: await writer.glance(at: phase.writes, isOurs: false))
    if let first = failures.first { throw first }
    if stop.isRaised { throw .stopped }
  }

  /// Writes `writes` as if they were one phase that the record does not speak of: what stands is looked at, and restored
  /// where it is no longer what we wrote.
  ///
  /// - Returns: those that were restored.
  func restore(_ writes: [Write]) async throws(RunBreak) -> [Write] {
    phaseNumber += 1
    let failures = await perform(writes, seen: await writer.glance(at: writes, isOurs: true), isKept: false)
    if let first = failures.first { throw first }
    return writes.filter { answers[$0.id] != nil }
  }

  func wasReady(_ deployments: [ObjectID]) { for id in deployments { readyAt[id] = environment.clock.now } }

  func forgetLooks() {
    lastLook = nil
    readyAt = [:]
  }

  func wasReadyJustNow(_ deployment: ObjectID) -> Bool {
    readyAt[deployment].map { $0.duration(to: environment.clock.now) < .seconds(5) } ?? false
  }

  /// An object that a list did not have is made without another look only this soon after: one that appears meanwhile
  /// would be found out by the answer, but only then.
  private static let freshness = Duration.seconds(1)

  /// - Parameters:
  ///   - seen: what a list told of some of them, just now.
  ///   - isKept: what stands as it should is kept as an anchor for gates.
  private func perform(
    _ writes: [Write], seen: [ObjectID: Glance], isKept: Bool = true
  ) async -> [RunBreak] {
    let place = place
    let begin = environment.clock.now
    var failures: [RunBreak] = []
    await withTaskGroup(of: (Write, Result<WriteVerdict, WriteFailure>).self) { group in
      var waiting = writes[...]
      var running = 0
      while true {
        while running < options.concurrency, failures.isEmpty, !stop.isRaised, let write = waiting.popFirst() {
          running += 1
          let (number, phase, inventory) = (nextNumber, phaseNumber, inventory.only(write.id))
          let (writer, makes) = (isForward ? writer : writer.goingBack, !isToGo(write.id))
          var live = seen[write.id]
          if case .absent = live, begin.duration(to: environment.clock.now) > Self.freshness { live = nil }
          nextNumber += 1
          tell(.writeBegan(place, write.id, write.action))
          group.addTask { [live] in
            do throws(WriteFailure) {
              return (
                write,
                .success(
                  try await writer.perform(
                    write, makes: makes, phase: phase, number: number, inventory: inventory, seen: live))
              )
            } catch {
              return (write, .failure(error))
            }
          }
        }
        guard let (write, result) = await group.next() else { break }
        running -= 1
        switch result {
        case .success(let verdict): note(verdict, of: write, isKept: isKept)
        // What a way back would only take away in the end is gone already.
        case .failure(.vanished(let id, successor: nil)) where isToGo(id):
          note(.gone(wasDeleted: false), of: write, isKept: isKept)
        case .failure(.foreign) where isWayBack || isToGo(write.id): leave(write)
        case .failure(let failure): failures.append(note(failure, of: write))
        }
      }
    }
    return failures
  }

  /// Whether the course leads away from where it came, to where there is no such object.
  func isToGo(_ id: ObjectID) -> Bool {
    if isForward { return false }
    guard let end = itinerary.end(of: record.course) else { return false }
    return end.image[id] == nil
  }

  /// To where the run came from. What it undoes is what it did: an object that never became the plan's, or that is another's
  /// now, is none of it.
  var isWayBack: Bool {
    switch record.course {
    case .rollback, .leaveBlock, .leaveRollback: true
    case .forward, .block: false
    }
  }

  var isForward: Bool { record.course.isForward }

  private func leave(_ write: Write) {
    left.insert(write.id)
    inventory.gone(write.id)
    answers[write.id] = nil
    tell(.note("`\(write.id)` is not this plan's, and is left as it is"))
    tell(.writeEnded(place, write.id, .unchanged))
  }

  private func note(_ verdict: WriteVerdict, of write: Write, isKept: Bool) {
    let news: WriteNews
    inventory.record(verdict, of: write, phase: phaseNumber)
    switch verdict {
    case .known(let object), .unchanged(let object):
      // Of thousands that stand as they did, few are ever waited for; those are read again (`anchor`).
      answers[write.id] = isKept ? object : nil
      news = .unchanged
    case .written(let object, _), .adopted(let object):
      answers[write.id] = object
      writeCount += 1
      news = if case .written(_, wasCreated: true) = verdict { .created } else { .configured }
    case .gone(let wasDeleted):
      answers[write.id] = nil
      news = .deleted
      if wasDeleted { writeCount += 1 }
    case .terminating:
      writeCount += 1
      news = .terminating
    }
    tell(.writeEnded(place, write.id, news))
  }

  private func note(_ failure: WriteFailure, of write: Write) -> RunBreak {
    if case .lock(let error) = failure { return broken(by: error) }
    inventory.failed(write.id, phase: phaseNumber)
    let diagnostic = Diagnostic.writeFailed(failure, write)
    tell(.writeEnded(place, write.id, .failed(diagnostic.message)))
    guard case .cluster(_, let error) = failure else { return .failed(RunFailure(diagnostic, at: place)) }
    return broken(diagnostic, by: error)
  }

  /// The object as we know it best: our own answer, or what stands now where an earlier run wrote it. Nil where it is gone.
  func anchor(_ id: ObjectID) async throws(RunBreak) -> Value? {
    if let answer = answers[id] { return answer }
    guard let live = try await live(id) else { return nil }
    answers[id] = live
    return live
  }

  /// The object as it is now; nil where there is none.
  func live(_ id: ObjectID) async throws(RunBreak) -> Value? {
    do throws(ClusterError) {
      return try await environment.cluster.get(try await environment.cluster.reference(to: id))
    } catch {
      if error.isNotFound { return nil }
      throw unreadable("`\(id)`", error)
    }
  }

  func unreadable(_ what: String, _ error: ClusterError) -> RunBreak {
    broken(
      .clusterFailed(
        "\(what) cannot be read", "\(error)", at: plan.nameRange,
        help: "when the cluster answers again, `rolloutc resume`"), by: error)
  }

  /// What comes of a failure of the cluster: a failure of the step, or, where there is no answer at all, the end.
  func broken(_ diagnostic: Diagnostic, by error: ClusterError) -> RunBreak {
    // Who stopped the run gave up what it still waited for: nothing failed.
    if error == .cancelled, stop.isRaised { return .stopped }
    let failure = RunFailure(diagnostic, at: place)
    return error.isSilence ? .cutOff(failure) : .failed(failure)
  }

  func broken(by error: LockError) -> RunBreak {
    guard case .cluster(let why) = error else { return .lock(error) }
    return broken(
      .clusterFailed(
        "whether the lock is still ours cannot be told", "\(why)", at: plan.nameRange,
        help: "when the cluster answers again, `rolloutc resume`"), by: why)
  }
}

extension Cluster {
  /// Where the object stands, in whatever version of its group the server prefers.
  package func reference(to id: ObjectID) async throws(ClusterError) -> ObjectReference {
    guard let version = try await versions(of: id.group).first else {
      throw .notUnderstood("the server has no group \(id.group)")
    }
    return try await resourceType(of: id.kind, in: GroupVersion(group: id.group, version: version))
      .named(id.name, in: id.namespace)
  }
}
