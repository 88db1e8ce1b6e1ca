internal import Glibc

/// Runs `body` on a thread of its own, for what blocks.
///
/// - Returns: 0, or the number of the error for which there is no thread.
package func startDetachedThread(_ body: @escaping @Sendable () -> Void) -> Int32 {
  var thread = pthread_t()
  let job = Unmanaged.passRetained(Job(body))
  let code = pthread_create(
    &thread, nil,
    { pointer in
      if let pointer { Unmanaged<Job>.fromOpaque(pointer).takeRetainedValue().body() }
      return nil
    }, job.toOpaque())
  if code == 0 { pthread_detach(thread) } else { job.release() }
  return code
}

private final class Job: Sendable {
  let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
