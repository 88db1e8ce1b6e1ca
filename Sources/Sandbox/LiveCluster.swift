package import KubernetesModel

/// A ``SandboxCluster`` that several tasks use at once, and that watchers follow. Time moves only by ``advance(to:)``:
/// a server drives it by its clock, a rehearsal by its plan.
package actor LiveCluster {
  private var cluster: SandboxCluster
  private var watchers: [Watcher] = []
  private var followers: [Int: AsyncStream<Void>.Continuation] = [:]
  private var nextFollower = 0

  package init(_ cluster: SandboxCluster = SandboxCluster()) { self.cluster = cluster }

  /// The whole cluster as it is now: a copy to look at, or to go back to.
  package var snapshot: SandboxCluster { cluster }
  package var now: Timestamp { cluster.now }
  package var nextMoment: Timestamp? { cluster.nextMoment }

  package func respond(to request: APIRequest) -> APIResponse {
    let before = cluster.store.version
    let response = cluster.respond(to: request)
    announce(since: before)
    return response
  }

  /// Changes the cluster in one step: behaviours, compaction, anything.
  package func update<T: Sendable>(_ change: @Sendable (inout SandboxCluster) -> T) -> T {
    let before = cluster.store.version
    let result = change(&cluster)
    announce(since: before)
    return result
  }

  package func advance(to time: Timestamp) {
    let before = cluster.store.version
    cluster.advance(to: time)
    announce(since: before)
  }

  /// What has changed after `version`, for somebody who follows without watching; the whole store where that is
  /// forgotten.
  package func news(after version: Int) -> ClusterNews {
    ClusterNews(cluster.store, after: version)
  }

  package func advance(by milliseconds: Int) { advance(to: cluster.now.advanced(by: milliseconds)) }

  /// The events of a watch, beginning with those that open it; it ends with a 410 if its history is dropped.
  package func events(of watch: Watch) -> AsyncStream<Value> {
    let (stream, continuation) = AsyncStream<Value>.makeStream()
    follow(watch) { event in
      guard let event else {
        continuation.finish()
        return false
      }
      if case .terminated = continuation.yield(event) { return false }
      return true
    }
    return stream
  }

  /// Hands each event of a watch to `deliver`, and nil at its end, until it returns false. Whoever changes the cluster
  /// delivers, with no task in between, so that a rehearsal knows when all is delivered.
  package func follow(_ watch: Watch, _ deliver: @escaping @Sendable (Value?) -> Bool) {
    for event in cluster.server.opening(of: watch) where !deliver(event) { return }
    var watcher = Watcher(watch: watch, deliver: deliver)
    if forward(&watcher) { watchers.append(watcher) }
  }

  /// A bookmark for a watch at the present version.
  package func bookmark(_ watch: Watch) -> Value { cluster.server.bookmark(watch, after: cluster.store.version) }

  /// A tick for each change of the store, coalesced.
  package func ticks() -> AsyncStream<Void> {
    let id = nextFollower
    nextFollower += 1
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    followers[id] = continuation
    continuation.onTermination = { _ in Task { await self.forget(id) } }
    return stream
  }

  private func forget(_ id: Int) { followers[id] = nil }

  private func announce(since version: Int) {
    guard cluster.store.version != version else { return }
    for follower in followers.values { follower.yield() }
    var standing: [Watcher] = []
    for var watcher in watchers where forward(&watcher) { standing.append(watcher) }
    watchers = standing
  }

  private struct Watcher {
    var watch: Watch
    let deliver: @Sendable (Value?) -> Bool
  }

  /// Hands over what is new. False when the watch is over, or nobody listens any more.
  private func forward(_ watcher: inout Watcher) -> Bool {
    let (events, after, isOver) = cluster.server.next(of: watcher.watch)
    watcher.watch.after = after
    for event in events where !watcher.deliver(event) { return false }
    return isOver ? watcher.deliver(nil) : true
  }
}

/// The changes of a store after some version, and the moment.
package struct ClusterNews: Sendable {
  package enum Content: Sendable {
    case changes(ArraySlice<StoreEvent>)
    /// The history was dropped: all there is.
    case everything(ClusterStore)
  }

  package var version: Int
  package var now: Timestamp
  package var content: Content

  package init(_ store: ClusterStore, after version: Int) {
    self.version = store.version
    now = store.now
    content = store.changes(after: version).map { .changes($0) } ?? .everything(store)
  }
}
