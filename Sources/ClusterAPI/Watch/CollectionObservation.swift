package import KubernetesModel

/// What becomes known about a collection.
package enum ObservedChange: Hashable, Sendable {
  /// The whole collection: at the beginning, and whenever events may have been missed.
  case listed([Value])
  case changed(Value)
  case removed(Value)
  /// Nothing about the collection, but about how well we can see it.
  case note(ObservationNote)
}

package enum ObservationNote: Hashable, Sendable {
  /// The connection was lost, or the server was busy; it goes on after the wait.
  case reconnecting(after: Duration, ClusterError)
  /// The versions we had are too old; a new list follows.
  case relisting
  /// We may list but not watch: the collection is listed again and again.
  case polling(every: Duration)
}

/// How an observation waits and when it starts anew.
package struct ObservationPolicy: Hashable, Sendable {
  package var firstBackoff = Duration.milliseconds(800)
  package var longestBackoff = Duration.seconds(30)
  /// A watch that lived so long makes the backoff start from the beginning.
  package var healthyAfter = Duration.seconds(120)
  /// A watch that ended sooner without any event counts as a failure, or it would spin.
  package var shortestWatch = Duration.seconds(1)
  package var pollInterval = Duration.seconds(3)
  /// Failures in a row before it gives up; nil for never, which leaves it to the caller's deadline.
  package var failureLimit: Int?
  /// For how long the server may give no answer before it gives up; nil for ever.
  package var patience: Duration?

  package init() {}
}

/// A collection, seen for as long as somebody looks: LIST, then WATCH, then whatever it takes to go on.
///
/// The iterator does the work inside `next()`: it starts no task, so nothing is left behind when the caller has seen
/// enough, and a test with its own clock sees every step. The rules are those of client-go's reflector, with the
/// differences that a command-line tool needs: the list is never served from a cache that may be older than our own write,
/// and without the right to watch it polls.
///
/// ```
///            ┌────────────── 410 (either way), version too large ──────────────┐
///            ▼                                                                 │
///   list ──▶ connect ──▶ watching ── end of stream, reset, 429, 5xx ──▶ back off ──▶ connect
///              └─ 403 ─▶ poll ──▶ list …
/// ```
///
/// Watches that fail again and again without an event are not believed in: each further try begins with a list.
package struct CollectionObservation<C: Clock>: AsyncSequence where C.Duration == Duration {
  package typealias Element = ObservedChange
  package typealias Failure = ClusterError

  private let cluster: any Cluster
  private let collection: ObjectCollection
  private let clock: C
  private let policy: ObservationPolicy
  private let random: @Sendable () -> Double

  /// - Parameter random: 0..<1, for the jitter of waits.
  package init(
    of collection: ObjectCollection, in cluster: any Cluster, clock: C, policy: ObservationPolicy = .init(),
    random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
  ) {
    self.cluster = cluster
    self.collection = collection
    self.clock = clock
    self.policy = policy
    self.random = random
  }

  package func makeAsyncIterator() -> Iterator {
    Iterator(cluster: cluster, collection: collection, clock: clock, policy: policy, random: random)
  }

  package struct Iterator: AsyncIteratorProtocol {
    private enum State {
      case list
      case connect
      case watching(WatchStream.Iterator, since: C.Instant, hadEvents: Bool)
      case poll
    }

    private let cluster: any Cluster
    private let collection: ObjectCollection
    private let clock: C
    private let policy: ObservationPolicy
    private let random: @Sendable () -> Double

    private var state = State.list
    private var version = ""
    private var failures = 0
    /// A wait that has been announced by a note and is still to be done.
    private var pendingWait: Duration?
    private var hasFreshCredentials = false
    private var isPolling = false
    /// Since when the server has answered nothing.
    private var silentSince: C.Instant?

    init(
      cluster: any Cluster, collection: ObjectCollection, clock: C, policy: ObservationPolicy,
      random: @escaping @Sendable () -> Double
    ) {
      self.cluster = cluster
      self.collection = collection
      self.clock = clock
      self.policy = policy
      self.random = random
    }

    package mutating func next() async throws(ClusterError) -> ObservedChange? {
      try await next(isolation: #isolation)
    }

    package mutating func next(isolation actor: isolated (any Actor)?) async throws(ClusterError) -> ObservedChange? {
      while true {
        if let wait = pendingWait {
          pendingWait = nil
          try await pause(wait)
        }
        if let change = try await step() { return change }
      }
    }

    /// One request or one event. Nil where it brought nothing to tell.
    private mutating func step() async throws(ClusterError) -> ObservedChange? {
      switch state {
      case .list:
        let begin = clock.now
        do throws(ClusterError) {
          let list = try await cluster.list(collection)
          version = list.resourceVersion
          state = isPolling ? .poll : .connect
          if isPolling { failures = 0 }
          hasFreshCredentials = false
          silentSince = nil
          return .listed(list.items)
        } catch {
          return try recover(from: error, to: .list, since: begin)
        }
      case .connect:
        do throws(ClusterError) {
          let stream = try await cluster.watch(collection, from: version)
          state = .watching(stream.makeAsyncIterator(), since: clock.now, hadEvents: false)
          hasFreshCredentials = false
          silentSince = nil
          return nil
        } catch {
          if error.isForbidden {
            isPolling = true
            state = .poll
            return .note(.polling(every: policy.pollInterval))
          }
          return try recover(from: error, to: .connect)
        }
      case .watching(let iterator, let since, let hadEvents):
        return try await readEvent(iterator, since: since, hadEvents: hadEvents)
      case .poll:
        try await pause(policy.pollInterval)
        state = .list
        return nil
      }
    }

    private mutating func readEvent(
      _ iterator: WatchStream.Iterator, since: C.Instant, hadEvents: Bool
    ) async throws(ClusterError) -> ObservedChange? {
      var iterator = iterator
      // The stream must not be held twice: the one in `state` would keep a finished connection open.
      state = .connect
      do throws(ClusterError) {
        guard let event = try await iterator.next() else {
          try throwIfCancelled()
          let age = since.duration(to: clock.now)
          if age >= policy.healthyAfter { failures = 0 }
          if age < policy.shortestWatch, !hadEvents {
            let end = TransportError(.reset, "the watch ended at once", mayHaveTakenEffect: false)
            return try recover(from: .unreachable(end), to: .connect, wasOpen: true)
          }
          return nil
        }
        if let newer = event.resourceVersion { version = newer }
        failures = 0
        state = .watching(iterator, since: since, hadEvents: true)
        switch event {
        case .added(let object), .modified(let object): return .changed(object)
        case .deleted(let object): return .removed(object)
        case .bookmark: return nil
        }
      } catch {
        if since.duration(to: clock.now) >= policy.healthyAfter { failures = 0 }
        return try recover(from: error, to: .connect, wasOpen: true)
      }
    }

    /// Decides how to go on after `error`, or throws it.
    /// - Parameters:
    ///   - begin: when the call began that gave it, where that was a while ago.
    ///   - wasOpen: the watch had been opened.
    private mutating func recover(
      from error: ClusterError, to next: State, since begin: C.Instant? = nil, wasOpen: Bool = false
    ) throws(ClusterError) -> ObservedChange? {
      try throwIfCancelled()
      state = next
      if error.isExpired || error.status?.hasCause("ResourceVersionTooLarge") == true {
        state = .list
        // A server whose every list is too old already would make this spin.
        failures += 1
        if failures > 1 { pendingWait = backoff() }
        try giveUpIfTired(error)
        return .note(.relisting)
      }
      // A line that cannot be read would come again from the same version.
      if case .notUnderstood = error { state = .list }
      switch RetryDecision.after(error, of: .read, hasFreshCredentials: hasFreshCredentials) {
      case .giveUp(.other):
        if case .refused = error { throw error }
      case .giveUp: throw error
      case .refreshCredentials:
        // The client has dropped the old ones with the 401.
        hasFreshCredentials = true
        return nil
      case .retry, .lookFirst: break
      }
      failures += 1
      silentSince = silentSince ?? begin ?? clock.now
      // Something between here and the server does not let watches live: a list shows what they would have told.
      if failures >= (wasOpen ? 2 : 4) { state = .list }
      try giveUpIfTired(error)
      let wait = Swift.max(backoff(), error.status?.retryAfter ?? .zero)
      pendingWait = wait
      return .note(.reconnecting(after: wait, error))
    }

    private func giveUpIfTired(_ error: ClusterError) throws(ClusterError) {
      if let limit = policy.failureLimit, failures > limit { throw error }
      guard let patience = policy.patience, let silentSince else { return }
      if silentSince.duration(to: clock.now) >= patience { throw error }
    }

    private func backoff() -> Duration {
      let schedule = RetrySchedule(first: policy.firstBackoff, longest: policy.longestBackoff, budget: nil)
      return schedule.wait(before: failures, elapsed: .zero, random: random()) ?? policy.longestBackoff
    }

    private func throwIfCancelled() throws(ClusterError) {
      if Task.isCancelled { throw .cancelled }
    }

    private func pause(_ duration: Duration) async throws(ClusterError) {
      do {
        try await clock.sleep(for: duration)
      } catch {
        throw .cancelled
      }
    }
  }
}
