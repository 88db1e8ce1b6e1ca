package import ClusterAPI
internal import KubernetesModel

/// The right to write, as a Lease that expires and fences.
///
/// No clock but our own counts: a holder is dead when its lease has not changed for one whole duration *while we looked*,
/// whatever times it writes. And we ourselves stop writing well before others may think us dead: a renewal counts from
/// the moment it was sent, and for two thirds of the duration.
///
/// Every change of the lease names the version it was read at, so of two takers one gets 409.
package actor RunLock<C: Clock> where C.Duration == Duration {
  private let cluster: any Cluster
  private let target: ObjectReference
  private let clock: C
  private let wallTime: @Sendable () -> String
  private var record: LeaseRecord
  /// What the server answered last; nil while we do not hold it.
  private var live: Value?
  private var renewed: C.Instant
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
    target = leaseType.named(name, in: namespace)
  }

  /// The fence of our hold: goes up with each holder.
  package var fence: Int { record.transitions }

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
    guard let theirs = LeaseRecord(found) else { throw .cluster("the lease cannot be read") }
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

  /// Throws unless we surely hold it at this moment. Before every write; no request is made.
  package func check() throws(LockError) {
    guard live != nil else { throw .stale }
    if renewed.duration(to: clock.now) >= duration * 2 / 3 { throw .stale }
  }

  /// Asks the server whether the fence is still ours. Before every step.
  package func verify() async throws(LockError) {
    try check()
    let found = try await look().flatMap { LeaseRecord($0) }
    guard let found, found.holder == record.holder, found.transitions == record.transitions else {
      live = nil
      throw .lost(to: found)
    }
    try check()
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
      throw .cluster("\(error)")
    }
  }

  private func hasExpired(_ found: Value, _ theirs: LeaseRecord) -> Bool {
    let version = found.at("metadata", "resourceVersion")?.string ?? ""
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
  }

  /// Afterwards `live` is what the server has. 409 is another taker's success.
  private func replace(_ old: Value?, with new: LeaseRecord) async throws(LockError) {
    let lease = new.lease(name: target.name, namespace: target.namespace)
    do throws(ClusterError) {
      if let old {
        var patch = lease.fields ?? Fields()
        patch["apiVersion"] = nil
        patch["kind"] = nil
        var metadata: Fields = [:]
        metadata["annotations"] = lease.at("metadata", "annotations")
        metadata["uid"] = old.at("metadata", "uid")
        metadata["resourceVersion"] = old.at("metadata", "resourceVersion")
        patch["metadata"] = .object(metadata)
        let result = try await cluster.patch(PatchRequest(.object(patch), .merge, to: target))
        live = new.holder.isEmpty ? nil : result.object
      } else {
        live = try await cluster.create(CreateRequest(lease, in: target.collection)).object
      }
    } catch {
      guard error.status?.code == 409 || error.mayHaveTakenEffect || error.isNotFound else {
        throw .cluster("\(error)")
      }
      // Ours, if the answer to our own write was lost: nobody else writes our identity and this fence.
      let found = try await look()
      guard let found, let seen = LeaseRecord(found) else { throw .lost(to: nil) }
      guard seen.holder == new.holder, seen.transitions == new.transitions, seen.renewTime == new.renewTime else {
        throw .held(by: seen)
      }
      live = new.holder.isEmpty ? nil : found
    }
  }
}

let leaseType = ResourceType(
  groupVersion: GroupVersion(group: "coordination.k8s.io", version: "v1"), kind: "Lease", plural: "leases",
  isNamespaced: true)
