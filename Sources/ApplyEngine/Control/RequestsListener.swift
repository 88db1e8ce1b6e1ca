internal import ClusterAPI
internal import Synchronization

/// Follows what people on other machines ask of a run, for as long as it runs.
final class RequestsListener: Sendable {
  private struct State {
    var latest = RunRequests()
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    var nextWaiter = 0
  }

  private let cluster: any Cluster
  private let reference: ObjectReference
  private let run: String
  private let state = Mutex(State())

  init(plan: String, namespace: String, run: String, in cluster: any Cluster) {
    self.cluster = cluster
    self.run = run
    reference = RunRequests.reference(plan: plan, namespace: namespace)
  }

  /// Listens until the task is cancelled. What cannot be read is only not heard: the run goes on.
  func listen(clock: RunClock, random: @escaping @Sendable () -> Double, abort: @Sendable (String) -> Void) async {
    let changes = CollectionObservation(
      of: reference.collection.only(reference.name), in: cluster, clock: clock, random: random
    ).makeAsyncIterator()
    var iterator = changes
    while true {
      let change: ObservedChange?
      do throws(ClusterError) { change = try await iterator.next(isolation: nil) } catch { return }
      guard let change else { return }
      switch change {
      case .listed(let objects): if let object = objects.first { take(RunRequests(object), abort) }
      case .changed(let object): take(RunRequests(object), abort)
      case .removed, .note: break
      }
    }
  }

  private func take(_ requests: RunRequests, _ abort: @Sendable (String) -> Void) {
    // What was asked of an earlier run is not asked of this one.
    guard requests.run == run else { return }
    let waiters = state.withLock { state in
      state.latest = requests
      let waiters = Array(state.waiters.values)
      state.waiters = [:]
      return waiters
    }
    for waiter in waiters { waiter.resume() }
    if !requests.abortBy.isEmpty { abort(requests.abortBy) }
  }

  /// The answer to a question, when somebody gives one. Nil when the task is cancelled.
  func answer(to question: Question) async -> Answer? {
    while !Task.isCancelled {
      if let answer = state.withLock({ $0.latest.answers[question.key] }),
        question.by.isEmpty || question.by.contains(answer.by)
      {
        return answer
      }
      await change()
    }
    return nil
  }

  private func change() async {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if Task.isCancelled { return true }
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
