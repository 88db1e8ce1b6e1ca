package import ApplyEngine
package import Sandbox
internal import Synchronization

/// Runs tasks on one thread, in the order in which they become ready, and turns the clock whenever nothing is left to do:
/// to the next moment at which a sleeper wakes or something happens in the sandbox. So a day of waiting takes no time, and
/// the same run is the same every time, job for job. (The idea is FoundationDB's simulator.)
///
/// It works because everything in a run either computes, or waits for this clock, or waits for the sandbox. Whatever ran on
/// another executor would be missed: no task of a rehearsal may be detached or unstructured without this executor.
package final class VirtualTime: TaskExecutor {
  private struct Sleeper {
    var id: Int
    var deadline: Duration
    var turn: CheckedContinuation<Void, Never>
  }

  private struct State {
    var now = Duration.zero
    /// Jobs that are ready; those before `head` have run.
    var jobs: [UnownedJob] = []
    var head = 0
    /// The earliest deadline last; of equal ones the one that came first.
    var sleepers: [Sleeper] = []
    var nextSleeper = 0
    var isOver = false
    /// The driver of time, waiting for quiet.
    var driver: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())
  private let sandbox: LiveCluster
  private let origin: Timestamp

  /// - Parameter sandbox: turned together with the clock; its present moment is the clock's beginning.
  package init(_ sandbox: LiveCluster, from origin: Timestamp = .start) {
    self.sandbox = sandbox
    self.origin = origin
  }

  package var now: Duration { state.withLock { $0.now } }

  /// As the sandbox has it, for people.
  package var timestamp: Timestamp { origin.advanced(by: milliseconds(now)) }

  package var clock: RunClock {
    RunClock(read: { self.now }, wait: { try await self.sleep(until: $0) })
  }

  // MARK: - Running

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    state.withLock { $0.jobs.append(job) }
  }

  /// Runs `operation` and everything that it starts to its end, on this thread. Must not be called from a task.
  ///
  /// - Parameter limit: of virtual time; a run that waits for something that never comes would otherwise never end.
  package func run<T: Sendable>(
    limit: Duration = .seconds(60 * 86_400), _ operation: @escaping @Sendable () async -> T
  ) -> T? {
    let result = Mutex<T?>(nil)
    state.withLock { $0.isOver = false }
    let task = Task(executorPreference: self) {
      let value = await operation()
      result.withLock { $0 = value }
      self.end()
    }
    let driver = Task(executorPreference: self) { await self.drive(limit: limit) { task.cancel() } }
    while let job = nextJob() { job.runSynchronously(on: asUnownedTaskExecutor()) }
    _ = driver
    return result.withLock { $0 }
  }

  /// Nil when all is done.
  private func nextJob() -> UnownedJob? {
    while true {
      let (job, driver) = state.withLock { state -> (UnownedJob?, CheckedContinuation<Void, Never>?) in
        if state.head < state.jobs.count {
          let job = state.jobs[state.head]
          state.head += 1
          if state.head > 4096 {
            state.jobs.removeFirst(state.head)
            state.head = 0
          }
          return (job, nil)
        }
        state.jobs.removeAll(keepingCapacity: true)
        state.head = 0
        let driver = state.driver
        state.driver = nil
        return (nil, driver)
      }
      if let job { return job }
      // All is quiet: the driver turns the clock. It resumes by a job on this very queue.
      guard let driver else { return nil }
      driver.resume()
    }
  }

  private func end() {
    let sleepers = state.withLock { state in
      state.isOver = true
      let sleepers = state.sleepers
      state.sleepers = []
      return sleepers
    }
    for sleeper in sleepers { sleeper.turn.resume() }
  }

  private func drive(limit: Duration, giveUp: @Sendable () -> Void) async {
    while true {
      await withCheckedContinuation { turn in
        state.withLock { $0.driver = turn }
      }
      if state.withLock({ $0.isOver }) { return }
      let world = await sandbox.nextMoment.map { Duration.milliseconds($0.milliseconds - origin.milliseconds) }
      let sleeper = state.withLock { $0.sleepers.last?.deadline }
      guard let next = [world, sleeper].compactMap({ $0 }).min(), next <= limit else {
        // Nothing will ever happen again, or only long after anybody waits for it.
        giveUp()
        end()
        return
      }
      let due = state.withLock { state -> [Sleeper] in
        state.now = max(state.now, next)
        var due: [Sleeper] = []
        while let last = state.sleepers.last, last.deadline <= state.now { due.append(state.sleepers.removeLast()) }
        return due
      }
      await sandbox.advance(to: timestamp)
      for sleeper in due { sleeper.turn.resume() }
    }
  }

  // MARK: - Sleeping

  private func sleep(until deadline: Duration) async throws {
    try Task.checkCancellation()
    let id = state.withLock { state in
      state.nextSleeper += 1
      return state.nextSleeper
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { turn in
        let isOver = state.withLock { state in
          if state.isOver || Task.isCancelled || deadline <= state.now { return true }
          let sleeper = Sleeper(id: id, deadline: deadline, turn: turn)
          let place = state.sleepers.lastIndex { $0.deadline > deadline }.map { $0 + 1 } ?? 0
          state.sleepers.insert(sleeper, at: place)
          return false
        }
        if isOver { turn.resume() }
      }
    } onCancel: {
      let turn = state.withLock { state -> CheckedContinuation<Void, Never>? in
        guard let place = state.sleepers.firstIndex(where: { $0.id == id }) else { return nil }
        return state.sleepers.remove(at: place).turn
      }
      turn?.resume()
    }
    try Task.checkCancellation()
    if state.withLock({ $0.isOver }) { throw CancellationError() }
  }
}

/// Whole milliseconds, rounded up: the sandbox's time has no finer grain, and nobody must wake before their moment.
func milliseconds(_ duration: Duration) -> Int {
  let (seconds, attoseconds) = duration.components
  return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
}
