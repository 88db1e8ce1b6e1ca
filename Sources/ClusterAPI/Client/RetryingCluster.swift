package import KubernetesModel

/// One repetition of a call, for the event stream: nothing is repeated that is not told.
package struct RepeatedCall: Hashable, Sendable {
  /// `apply Deployment/web in shop`.
  package var call: String
  /// 1 for the first repetition.
  package var attempt: Int
  package var error: ClusterError
  /// Nil where the credentials were renewed.
  package var reason: RetryReason?
  package var wait: Duration

  package init(call: String, attempt: Int, error: ClusterError, reason: RetryReason?, wait: Duration) {
    self.call = call
    self.attempt = attempt
    self.error = error
    self.reason = reason
    self.wait = wait
  }
}

/// A cluster whose calls are repeated as `RetryDecision` says. Watches pass through: `CollectionObservation` knows better how to go
/// on with them. The caller's deadline is the cancellation of its task.
///
/// The time for which a lost server is asked again is one for all calls together (`Outage`): a server that stays away for
/// two minutes is asked once by each call that comes later.
package struct RetryingCluster<C: Clock>: Cluster where C.Duration == Duration {
  private var base: any Cluster
  private let clock: C
  private let random: @Sendable () -> Double
  private let tell: @Sendable (RepeatedCall) -> Void
  private let outage = Outage<C>()
  /// Kinds whose definitions were written a moment ago: 404 may be another API server's lag.
  package var newKinds: Set<GroupVersion> = []

  /// - Parameters:
  ///   - random: 0..<1, for the jitter of waits.
  ///   - tell: called before each wait.
  package init(
    _ base: any Cluster, clock: C, random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
    tell: @escaping @Sendable (RepeatedCall) -> Void
  ) {
    self.base = base
    self.clock = clock
    self.random = random
    self.tell = tell
  }

  package func serverVersion() async throws(ClusterError) -> ServerVersion {
    try await perform("get /version", .read) { () async throws(ClusterError) in try await base.serverVersion() }.0
  }

  package func versions(of group: String) async throws(ClusterError) -> [String] {
    try await perform("discover \(group)", .read, mayBeRemembered: true) { () async throws(ClusterError) in
      try await base.versions(of: group)
    }.0
  }

  package func resources(of groupVersion: GroupVersion, refresh: Bool) async throws(ClusterError) -> [ResourceType] {
    try await perform("discover \(groupVersion)", .read, groupVersion, mayBeRemembered: true) {
      () async throws(ClusterError) in
      try await base.resources(of: groupVersion, refresh: refresh)
    }.0
  }

  package func get(_ object: ObjectReference) async throws(ClusterError) -> Value {
    // No lag is expected here: a GET is how one finds out whether something exists.
    try await perform("get \(object)", .read) { () async throws(ClusterError) in try await base.get(object) }.0
  }

  package func metadata(of object: ObjectReference) async throws(ClusterError) -> Value {
    try await perform("get \(object)", .read) { () async throws(ClusterError) in
      try await base.metadata(of: object)
    }.0
  }

  package func list(_ collection: ObjectCollection) async throws(ClusterError) -> ObjectList {
    try await perform("list \(collection.type.plural)", .read, collection.type.groupVersion) {
      () async throws(ClusterError) in
      try await base.list(collection)
    }.0
  }

  package func read(_ path: String, query: [(String, String)]) async throws(ClusterError) -> HTTPResponse {
    try await perform("get \(path)", .read) { () async throws(ClusterError) in
      try await base.read(path, query: query)
    }.0
  }

  /// Not repeated for what the Service says: that is for whoever asks to judge.
  package func proxy(_ request: ServiceProxyRequest) async throws(ClusterError) -> HTTPResponse {
    try await perform("\(request.method) \(request.apiPath)", .unrepeatable) { () async throws(ClusterError) in
      try await base.proxy(request)
    }.0
  }

  package func watch(
    _ collection: ObjectCollection, from resourceVersion: String
  ) async throws(ClusterError) -> WatchStream {
    try await base.watch(collection, from: resourceVersion)
  }

  package func guarded(by permission: @escaping WritePermission) -> any Cluster {
    var copy = self
    copy.base = base.guarded(by: permission)
    return copy
  }

  package func apply(_ request: ApplyRequest) async throws(ClusterError) -> WriteResult {
    var (result, attempts) = try await perform(
      "apply \(request.target)", request.dryRun ? .read : .apply, request.target.type.groupVersion
    ) { () async throws(ClusterError) in try await base.apply(request) }
    result.wasRepeated = result.wasRepeated || attempts > 0
    return result
  }

  package func create(_ request: CreateRequest) async throws(ClusterError) -> WriteResult {
    try await perform(
      "create \(request.collection.type.kind)", request.dryRun ? .read : callClass(of: request),
      request.collection.type.groupVersion
    ) { () async throws(ClusterError) in try await base.create(request) }.0
  }

  package func patch(_ request: PatchRequest) async throws(ClusterError) -> WriteResult {
    try await perform("patch \(request.target)", request.dryRun ? .read : callClass(of: request)) {
      () async throws(ClusterError) in
      try await base.patch(request)
    }.0
  }

  package func delete(_ request: DeleteRequest) async throws(ClusterError) -> DeleteResult {
    let call: CallClass = request.dryRun ? .read : request.uid == nil ? .unrepeatable : .pinnedDelete
    var attempts = 0
    do throws(ClusterError) {
      return try await perform("delete \(request.target)", call, attempts: &attempts) {
        () async throws(ClusterError) in
        try await base.delete(request)
      }
    } catch {
      // Gone after a repetition: an attempt before this one did it, or somebody else; either way it is not there.
      if attempts > 0, error.isNotFound { return .gone }
      throw error
    }
  }

  private func perform<T: Sendable>(
    _ name: String, _ call: CallClass, _ groupVersion: GroupVersion? = nil, mayBeRemembered: Bool = false,
    _ operation: () async throws(ClusterError) -> T
  ) async throws(ClusterError) -> (T, attempts: Int) {
    var attempts = 0
    let result = try await perform(
      name, call, groupVersion, mayBeRemembered: mayBeRemembered, attempts: &attempts, operation)
    return (result, attempts)
  }

  /// - Parameter mayBeRemembered: the answer may come from memory; it then says nothing of the server.
  private func perform<T: Sendable>(
    _ name: String, _ call: CallClass, _ groupVersion: GroupVersion? = nil, mayBeRemembered: Bool = false,
    attempts: inout Int, _ operation: () async throws(ClusterError) -> T
  ) async throws(ClusterError) -> T {
    var hasFreshCredentials = false
    var firstFailure: C.Instant?
    var isUncertain = false
    func final(_ error: ClusterError) -> ClusterError { isUncertain ? error.afterUncertainAttempt() : error }
    /// Repetitions by reason: a throttled server does not use up the tries for a lost connection.
    var repetitions: [RetryReason: Int] = [:]
    while true {
      do throws(ClusterError) {
        let result = try await operation()
        if !mayBeRemembered { outage.end() }
        return result
      } catch {
        if Task.isCancelled { throw .cancelled }
        let start = firstFailure ?? clock.now
        firstFailure = start
        let expectsNewKind = groupVersion.map(newKinds.contains) ?? false
        switch RetryDecision.after(
          error, of: call, expectsNewKind: expectsNewKind, hasFreshCredentials: hasFreshCredentials)
        {
        case .giveUp, .lookFirst:
          if let status = error.status, status.code < 500 { outage.end() }
          throw final(error)
        case .refreshCredentials:
          hasFreshCredentials = true
          attempts += 1
          tell(RepeatedCall(call: name, attempt: attempts, error: error, reason: nil, wait: .zero))
        case .retry(let schedule, let reason):
          repetitions[reason, default: 0] += 1
          if call != .read, error.mayHaveTakenEffect { isUncertain = true }
          var elapsed = start.duration(to: clock.now)
          if reason == .transient { elapsed = max(elapsed, outage.length(at: clock.now)) }
          guard
            let wait = schedule.wait(before: repetitions[reason] ?? 1, elapsed: elapsed, random: random())
          else { throw final(error) }
          attempts += 1
          tell(RepeatedCall(call: name, attempt: attempts, error: error, reason: reason, wait: wait))
          do {
            try await clock.sleep(for: wait)
          } catch {
            throw .cancelled
          }
        }
      }
    }
  }
}

private func callClass(of request: CreateRequest) -> CallClass {
  // Reviews only ask.
  if request.collection.type.kind.hasSuffix("Review") { return .read }
  return request.object.at("metadata", "name")?.string == nil ? .unrepeatable : .guarded
}

private func callClass(of request: PatchRequest) -> CallClass {
  switch request.format {
  case .merge: request.patch.at("metadata", "resourceVersion")?.string == nil ? .unrepeatable : .guarded
  case .json:
    (request.patch.array ?? []).contains { $0["path"]?.string == "/metadata/resourceVersion" }
      ? .guarded : .unrepeatable
  }
}
