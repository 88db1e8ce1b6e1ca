internal import ClusterAPI
internal import Synchronization

/// Follows what people on other machines ask of a run, for as long as it runs.
final class RequestsListener: Sendable {
  private struct State {
    var latest = RunRequests()
    /// It was looked once what is asked, whether or not that could be read.
    var hasLooked = false
    /// Counts what was heard, so that nothing is missed between a look and the wait for the next change.
    var version = 0
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    var nextWaiter = 0
  }

  private let cluster: any Cluster
  private let reference: ObjectReference
  private let run: String
  private let formerRuns: Set<String>
  private let state = Mutex(State())

  /// - Parameter formerRuns: those before, which were left at the question: what was answered to them meanwhile counts.
  init(plan: String, namespace: String, run: String, formerRuns: Set<String>, in cluster: any Cluster) {
    self.cluster = cluster
    self.run = run
    self.formerRuns = formerRuns
    reference = RunRequests.reference(plan: plan, namespace: namespace)
  }

  /// Listens until the task is cancelled. What cannot be read is only not heard: the run goes on.
  /// - Returns: why nothing can be heard any more; nil when the task was cancelled.
  func listen(
    clock: RunClock, random: @escaping @Sendable () -> Double, abort: @Sendable (String) -> Void
  ) async -> ClusterError? {
    let changes = CollectionObservation(
      of: reference.collection.only(reference.name), in: cluster, clock: clock, random: random
    ).makeAsyncIterator()
    var iterator = changes
    while true {
      let change: ObservedChange?
      do throws(ClusterError) { change = try await iterator.next(isolation: nil) } catch {
        looked()
        return Task.isCancelled ? nil : error
      }
      guard let change else {
        looked()
        return nil
      }
      switch change {
      case .listed(let objects): if let object = objects.first { take(RunRequests(object), abort) }
      case .changed(let object): take(RunRequests(object), abort)
      case .removed, .note: break
      }
      looked()
    }
  }

  private func looked() {
    wake { state in
      if state.hasLooked { return false }
      state.hasLooked = true
      return true
    }
  }

  /// Lets everybody look again, where `change` says that there is something to see.
  private func wake(_ change: (inout sending State) -> Bool) {
    let waiters = state.withLock { state in
      guard change(&state) else { return [CheckedContinuation<Void, Never>]() }
      state.version += 1
      let waiters = state.waiters.sorted { $0.key < $1.key }.map(\.value)
      state.waiters = [:]
      return waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  private func take(_ requests: RunRequests, _ abort: @Sendable (String) -> Void) {
    // What was asked of an earlier run is not asked of this one.
    guard requests.run == run || formerRuns.contains(requests.run) else { return }
    wake { state in
      state.latest = requests
      return true
    }
    if requests.run == run, !requests.abortBy.isEmpty { abort(requests.abortBy) }
  }

  /// The answer to a question, when somebody gives one. Nil when the task is cancelled.
  func answer(to question: Question) async -> Answer? {
    while !Task.isCancelled {
      let version = state.withLock { $0.version }
      if let answer = given(to: question) { return answer }
      await change(after: version)
    }
    return nil
  }

  /// What was answered until it was looked for the first time. Whoever ends a wait for an answer asks this: the task
  /// that waits for one wakes at the same look, and may come second.
  func answerSoFar(to question: Question) async -> Answer? {
    await hasLooked()
    return given(to: question)
  }

  private func given(to question: Question) -> Answer? {
    state.withLock { $0.latest.answers[question.key] }.flatMap { question.mayBeAnswered(by: $0.by) ? $0 : nil }
  }

  private func hasLooked() async {
    while !Task.isCancelled {
      let (hasLooked, version) = state.withLock { ($0.hasLooked, $0.version) }
      if hasLooked { return }
      await change(after: version)
    }
  }

  private func change(after version: Int) async {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if Task.isCancelled || state.version != version { return true }
          state.waiters[id] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
  }
}
