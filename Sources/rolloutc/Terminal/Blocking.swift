import Synchronization

/// Runs `body` and waits for it, on the main thread of a command that does nothing else.
func blocking<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) throws -> T {
  let done = try Bell()
  let result = Mutex<Result<T, any Error>?>(nil)
  Task.detached {
    let outcome: Result<T, any Error>
    do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
    result.withLock { $0 = outcome }
    done.ring()
  }
  while true {
    done.wait()
    if let outcome = result.withLock({ $0 }) { return try outcome.get() }
  }
}
