/// Why a run does not simply go on.
enum RunBreak: Error {
  /// Somebody wants it to stop.
  case stopped
  /// A question is open, nobody here can answer it, and the run is not to wait for somebody elsewhere.
  case leftAtQuestion
  /// The right to write is gone; from here on nothing may be written, not even a record.
  case lock(LockError)
  /// The plan's failure path is next.
  case failed(RunFailure)
  /// The API server gives no answer: neither could a record be stored, nor a way back be begun.
  case cutOff(RunFailure)
  /// What is remembered or approved does not fit: nothing was written.
  case refused(RunFailure)
}

/// Runs `operation` until it ends, or the signal is raised: then it is cancelled and `stopped` is thrown. For waits only: a
/// request that changes something is never broken off.
func interruptible<T: Sendable>(
  by stop: StopSignal, _ operation: @escaping @Sendable () async throws(RunBreak) -> T
) async throws(RunBreak) -> T {
  if stop.isRaised { throw .stopped }
  let result = await withTaskGroup(of: Result<T, RunBreak>.self) { group in
    group.addTask {
      do throws(RunBreak) {
        return .success(try await operation())
      } catch {
        return .failure(error)
      }
    }
    group.addTask {
      await stop.raised()
      return .failure(.stopped)
    }
    let first = await group.next() ?? .failure(.stopped)
    group.cancelAll()
    return first
  }
  return try result.get()
}
