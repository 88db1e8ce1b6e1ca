import Foundation

/// Work on a thread of its own: what computes or blocks for long would hold a thread of the pool, of which there may be but
/// two, and servers in this process could not answer meanwhile.
///
/// What the work finds must be recorded afterwards: this thread belongs to no test.
package func onThread<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
  try await withCheckedThrowingContinuation { continuation in
    let thread = Thread { continuation.resume(with: Result { try work() }) }
    // That of a main thread: others get half a megabyte on some systems, and plans are gone through by recursion.
    thread.stackSize = 8 << 20
    thread.start()
  }
}

/// The same for each of the parts `0..<parts`, at once.
package func onThreads(_ parts: Int, _ work: @escaping @Sendable (_ part: Int) -> Void) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    for part in 0..<parts { group.addTask { try await onThread { work(part) } } }
    try await group.waitForAll()
  }
}
