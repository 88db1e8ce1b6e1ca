import ClusterAPI
package import Foundation
import Synchronization

package struct SubprocessError: Error, CustomStringConvertible {
  package var description: String
}

/// Another program. Not Foundation's `Process`: that one notices an end by a run loop, which the thread of a test need not
/// have, and takes a program for running as long as anything that it started is.
package final class Subprocess: Sendable {
  /// What a process left behind.
  package struct Outcome: Sendable {
    /// The exit code; the negative number of the signal that ended it.
    package var code: Int32
    package var outputBytes: [UInt8]
    package var errorBytes: [UInt8]

    package var output: String { String(decoding: outputBytes, as: UTF8.self) }
    package var errors: String { String(decoding: errorBytes, as: UTF8.self) }
  }

  /// Where a stream of the process leads.
  package enum Stream: Sendable {
    case file(String)
    case descriptor(Int32)
    /// Where standard output leads.
    case output
    case nothing
  }

  package struct Streams: Sendable {
    package var input: Stream = .nothing
    package var output: Stream = .nothing
    package var error: Stream = .nothing

    package init(input: Stream = .nothing, output: Stream = .nothing, error: Stream = .nothing) {
      self.input = input
      self.output = output
      self.error = error
    }
  }

  package let pid: pid_t
  /// Set with the same lock under which signals are sent: once it is reaped, its number may be another's.
  private let code = Mutex<Int32?>(nil)

  /// Starts a program, looked up on the `PATH`, without waiting for its end.
  /// - Parameter environment: all its variables; those of this process unless given.
  package init(
    _ arguments: [String], in folder: String? = nil, streams: Streams = Streams(),
    environment: [String: String]? = nil
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, stream) in [(Int32(0), streams.input), (1, streams.output), (2, streams.error)] {
      switch stream {
      case .file(let path):
        let mode = descriptor == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC | O_APPEND
        posix_spawn_file_actions_addopen(&actions, descriptor, path, mode, 0o600)
      case .descriptor(let other): posix_spawn_file_actions_adddup2(&actions, other, descriptor)
      case .output: posix_spawn_file_actions_adddup2(&actions, 1, descriptor)
      case .nothing: posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
      }
    }
    // What this process has open is none of the other's business: a lock that it inherits would stay locked.
    for descriptor in Int32(3)..<512 { posix_spawn_file_actions_addclose(&actions, descriptor) }

    // `env -C` goes into the folder first.
    let words = folder.map { ["/usr/bin/env", "-C", $0] + arguments } ?? arguments
    let variables = environment ?? ProcessInfo.processInfo.environment
    var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid: pid_t = 0
    let problem = withSpawnAttributes { posix_spawnp(&pid, words[0], &actions, $0, &argv, &envp) }
    guard problem == 0 else {
      throw SubprocessError(description: "\(words[0]): \(String(cString: strerror(problem)))")
    }
    self.pid = pid
  }

  /// Waits for its end. Whatever is wrong with it, that comes: after `limit` seconds it is killed.
  package func wait(limit: Int = 600) -> Int32 {
    let killer = DispatchWorkItem { [self] in send(SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(limit), execute: killer)
    defer { killer.cancel() }
    var info = siginfo_t()
    while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    return reap(0) ?? -SIGKILL
  }

  /// The exit code where it has ended; nil where it still runs.
  package func poll() -> Int32? { reap(WNOHANG) }

  private func reap(_ options: Int32) -> Int32? {
    code.withLock { code in
      var status: Int32 = 0
      if code == nil, waitpid(pid, &status, options) == pid { code = Self.code(status) }
      return code
    }
  }

  /// Does nothing once it has ended.
  package func send(_ signal: Int32) {
    code.withLock { if $0 == nil { kill(pid, signal) } }
  }

  private static func code(_ status: Int32) -> Int32 { status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F) }

  /// Runs a program to its end. Files, not pipes: nobody has to drain them while it runs.
  /// - Parameters:
  ///   - started: gets it before its end is waited for.
  ///   - merged: both streams as a terminal shows them, as the output.
  ///   - errorDescriptor: what it gets as standard error instead of a file.
  ///   - limit: seconds after which it is killed.
  package static func run(
    _ arguments: [String], in folder: String? = nil, input: [UInt8] = [], merged: Bool = false,
    environment: [String: String]? = nil, errorDescriptor: Int32? = nil, limit: Int = 600,
    started: (Subprocess) -> Void = { _ in }
  ) throws -> Outcome {
    let scratch = FileManager.default.temporaryDirectory.path + "/rolloutc-run-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    try Data(input).write(to: URL(fileURLWithPath: scratch + "/in"))
    let streams = Streams(
      input: .file(scratch + "/in"), output: .file(scratch + "/out"),
      error: errorDescriptor.map { .descriptor($0) } ?? (merged ? .output : .file(scratch + "/err")))
    let process = try Subprocess(arguments, in: folder, streams: streams, environment: environment)
    started(process)
    let code = process.wait(limit: limit)
    func bytes(_ name: String) -> [UInt8] {
      FileManager.default.contents(atPath: scratch + "/" + name).map(Array.init) ?? []
    }
    return Outcome(code: code, outputBytes: bytes("out"), errorBytes: bytes("err"))
  }

  /// The same on a thread of its own, so that the pool's stay free for a server in this process. Where the test is cancelled
  /// or goes on without it, the program is killed: a test that failed half-way must not wait for one that waits for it.
  package static func running(
    _ run: @escaping @Sendable (_ started: (Subprocess) -> Void) throws -> Outcome
  ) async throws -> Outcome {
    let process = Mutex<Subprocess?>(nil)
    let isCancelled = Atomic(false)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
          continuation.resume(
            with: Result {
              try run { started in
                process.withLock { $0 = started }
                if isCancelled.load(ordering: .sequentiallyConsistent) { started.send(SIGKILL) }
              }
            })
        }
      }
    } onCancel: {
      isCancelled.store(true, ordering: .sequentiallyConsistent)
      process.withLock { $0 }?.send(SIGKILL)
    }
  }
}
