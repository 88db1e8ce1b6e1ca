package import ClusterAPI
internal import KubernetesModel

/// The right to write, as a Lease that expires and fences.
///
/// No clock but our own counts: a holder is dead when its lease has not changed for one whole duration *while we looked*,
/// whatever times it writes. And we ourselves stop writing well before others may think us dead: a renewal counts from
/// the moment it was sent, and for two thirds of the duration.
///
/// Every change of the lease names the version it was read at, so of two takers one gets 409.
///
/// A lock that goes to somebody else while a phase is written, by `unlock` or because we seemed dead, stops us before the
/// next write: `confirm` looks at the lease before each request that changes something, each repetition anew. A look that
/// is younger than an instant serves all writes of that instant, so that a thousand of them cost a few looks, and a GET
/// costs a server a fourth of a write; a deletion, which nobody can take back, always has its own. A watch would tell as
/// soon, but never that it tells in time, and would need one more right. Whoever takes the lock reads the inventory and
/// looks at what stands before it writes, which takes longer than that instant.
package actor RunLock<C: Clock> where C.Duration == Duration {
  private let cluster: any Cluster
  private let target: ObjectReference
  private let clock: C
  private let wallTime: @Sendable () -> String
  private var record: LeaseRecord
  /// What the server answered last; nil while we do not hold it.
  private var live: Value?
  private var renewed: C.Instant
  /// When the last request left whose answer said that the lease is ours.
  private var seenOurs: C.Instant
  /// What we saw of another holder, and when first: version and moment.
  private var watched: (version: String, since: C.Instant)?

  /// - Parameters:
  ///   - record: who we are; `transitions` and times are filled in.
  ///   - wallTime: now as RFC 3339 with microseconds. It is written for people, and never read by us.
  package init(
    _ name: String, namespace: String, as record: LeaseRecord, in cluster: any Cluster, clock: C,
    wallTime: @escaping @Sendable () -> String
  ) {
    self.cluster = cluster
    self.clock = clock
    self.wallTime = wallTime
    self.record = record
    renewed = clock.now
    seenOurs = clock.now
    target = ResourceType.leases.named(name, in: namespace)
  }

  private var duration: Duration { .seconds(record.durationSeconds) }

  /// One attempt. `held` where somebody else has it and may be alive; call again after a while, with the same lock, which
  /// remembers since when it has looked.
  package func acquire() async throws(LockError) {
    let start = clock.now
    guard let found = try await look() else {
      record.transitions = 1
      stamp(isNew: true)
      return try await write(nil, start)
    }
    guard let theirs = LeaseRecord(found) else { throw .cluster(.notUnderstood("the lease cannot be read")) }
    if theirs.holder.isEmpty || theirs.holder == record.holder || hasExpired(found, theirs) {
      record.transitions = theirs.transitions &+ 1
      stamp(isNew: true)
      return try await write(found, start)
    }
    throw .held(by: theirs)
  }

  /// Shows that we live, and what we do. To be called every third of the duration, and at each step.
  package func renew(step: String? = nil) async throws(LockError) {
    guard let live else { throw .stale }
    let start = clock.now
    if let step { record.step = step }
    stamp(isNew: false)
    do throws(LockError) {
      try await write(live, start)
    } catch {
      switch error {
      case .held(let other):
        self.live = nil
        throw .lost(to: other)
      case .lost:
        self.live = nil
        throw error
      // It may come through the next time, as long as the lease lasts.
      case .cluster, .stale: throw error
      }
    }
  }

  /// Says in the lock what we do, where it does not say so yet: a run that goes on in the middle of a step began none.
  package func say(step: String) async throws(LockError) {
    if record.step != step { try await renew(step: step) }
  }

  /// Throws unless the server said within the last `age` that the lease is ours, or says so now. Before every write.
  package func confirm(within age: Duration) async throws(LockError) {
    try await ensure()
    if age == .zero || seenOurs.duration(to: clock.now) > age { try await verify() }
  }

  /// Throws unless nobody else can think it theirs by the clock.
  ///
  /// A request is made only where the last renewal is too long ago, as after a time without a connection: it comes through
  /// only if nobody took the lock meanwhile.
  package func ensure() async throws(LockError) {
    // One that took long because the server was away for a while may be overdue when it comes through.
    for _ in 0..<3 where live != nil && isOverdue { try await renew() }
    try check()
  }

  /// The same by what is known, without a request.
  package func check() throws(LockError) {
    if live == nil || isOverdue { throw .stale }
  }

  private var isOverdue: Bool { renewed.duration(to: clock.now) >= duration * 2 / 3 }

  /// Asks the server whether the fence is still ours. Before every step.
  package func verify() async throws(LockError) {
    try await ensure()
    let start = clock.now
    let found = try await look().flatMap { LeaseRecord($0) }
    guard let found, found.holder == record.holder, found.transitions == record.transitions else {
      live = nil
      throw .lost(to: found)
    }
    seenOurs = max(seenOurs, start)
    // The answer may have taken long.
    try await ensure()
  }

  /// Gives it back, if it is still ours; the lease stays, with its count.
  package func release() async throws(LockError) {
    guard let live else { return }
    self.live = nil
    var free = record
    free.holder = ""
    free.renewTime = wallTime()
    try await replace(live, with: free)
  }

  // MARK: - Requests

  private func look() async throws(LockError) -> Value? {
    do throws(ClusterError) {
      return try await cluster.get(target)
    } catch {
      if error.isNotFound { return nil }
      throw .cluster(error)
    }
  }

  private func hasExpired(_ found: Value, _ theirs: LeaseRecord) -> Bool {
    let version = version(of: found) ?? ""
    let term = max(theirs.durationSeconds, record.durationSeconds)
    guard let watched, watched.version == version else {
      watched = (version, clock.now)
      return false
    }
    return watched.since.duration(to: clock.now) >= .seconds(term)
  }

  private func stamp(isNew: Bool) {
    let now = wallTime()
    record.renewTime = now
    if isNew { record.acquireTime = now }
  }

  private func write(_ old: Value?, _ start: C.Instant) async throws(LockError) {
    try await replace(old, with: record)
    // From when it was sent: the answer may have taken long.
    renewed = start
    seenOurs = max(seenOurs, start)
  }

  /// Afterwards `live` is what the server has.
  ///
  /// Without an answer, and where somebody wrote meanwhile, what stands there tells: nobody else writes our identity and
  /// this fence. 409 may also be a renewal of ours that another task sent; then this one is for the version after that.
  private func replace(_ old: Value?, with new: LeaseRecord) async throws(LockError) {
    var base = old
    for _ in 0..<Self.attempts {
      do throws(ClusterError) {
        let object = try await send(new, over: base)
        live = new.holder.isEmpty ? nil : object
        return
      } catch {
        let isConflict = error.status?.code == 409
        // Who gives no answer to the change gives none to a look; what became of it shows with the next change.
        guard isConflict || error.isNotFound || (error.mayHaveTakenEffect && !error.isSilence) else {
          throw .cluster(error)
        }
        guard let found = try await look(), let seen = LeaseRecord(found) else {
          // What we held was deleted; where there was nothing we made nothing.
          if base != nil { throw .lost(to: nil) }
          if isConflict { continue }
          throw .cluster(error)
        }
        let isOurs = seen.holder == new.holder && seen.transitions == new.transitions
        if isOurs, seen.renewTime == new.renewTime {
          live = new.holder.isEmpty ? nil : found
          return
        }
        let isUntouched = base.map { version(of: found) == version(of: $0) } ?? false
        guard isUntouched || isOurs || seen.holder == record.holder else { throw .held(by: seen) }
        // The server is in trouble, and nobody has taken the lock: the caller may try again later.
        if !isConflict { throw .cluster(error) }
        base = found
      }
    }
    throw .cluster(.notUnderstood("the lease changes faster than it can be written"))
  }

  private func send(_ new: LeaseRecord, over old: Value?) async throws(ClusterError) -> Value {
    let lease = new.lease(name: target.name, namespace: target.namespace)
    guard let old else { return try await cluster.create(CreateRequest(lease, in: target.collection)).object }
    return try await cluster.patch(PatchRequest(lease, over: old, to: target)).object
  }

  private func version(of lease: Value) -> String? { lease.at("metadata", "resourceVersion")?.string }

  /// Tries to write over what changes under our eyes.
  private static var attempts: Int { 5 }
}
