package import Glibc

/// Runs programs with `posix_spawnp`, each on a thread of its own: waiting for a person to type a code must not hold up
/// the cooperative pool.
package struct PosixCommandRunner: CommandRunner {
  package init() {}

  package var hasTerminal: Bool { isatty(STDIN_FILENO) == 1 }

  package func run(_ command: Command) async -> CommandResult {
    await withCheckedContinuation { continuation in
      let job = Job(command: command, continuation: continuation)
      var thread = pthread_t()
      let context = Unmanaged.passRetained(job)
      let code = pthread_create(&thread, nil, PosixCommandRunner.threadMain, context.toOpaque())
      guard code == 0 else {
        context.release()
        continuation.resume(returning: .notStarted(String(cString: strerror(code)), isMissing: false))
        return
      }
      pthread_detach(thread)
    }
  }

  private final class Job {
    let command: Command
    let continuation: CheckedContinuation<CommandResult, Never>

    init(command: Command, continuation: CheckedContinuation<CommandResult, Never>) {
      self.command = command
      self.continuation = continuation
    }
  }

  private static let threadMain: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
    guard let context else { return nil }
    let job = Unmanaged<Job>.fromOpaque(context).takeRetainedValue()
    job.continuation.resume(returning: runBlocking(job.command))
    return nil
  }

  /// Far beyond any credential.
  private static let longestOutput = 4 << 20

  private static func runBlocking(_ command: Command) -> CommandResult {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return .notStarted(String(cString: strerror(errno)), isMissing: false) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    if !command.isInteractive {
      posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    }
    var arguments = ([command.program] + command.arguments).map { strdup($0) as UnsafeMutablePointer<CChar>? }
    arguments.append(nil)
    var variables = command.environment.map { strdup("\($0.key)=\($0.value)") as UnsafeMutablePointer<CChar>? }
    variables.append(nil)
    defer {
      for pointer in arguments + variables { free(pointer) }
    }
    var pid = pid_t()
    let code = withSpawnAttributes { posix_spawnp(&pid, command.program, &actions, $0, &arguments, &variables) }
    close(ends[1])
    guard code == 0 else {
      close(ends[0])
      return .notStarted(String(cString: strerror(code)), isMissing: code == ENOENT)
    }
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = read(ends[0], &chunk, chunk.count)
      if count > 0 {
        // The rest is read as well: a program that cannot write would not end.
        if output.count <= longestOutput { output += chunk[..<count] }
      } else if count == 0 || errno != EINTR {
        break
      }
    }
    close(ends[0])
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 {
      if errno != EINTR { return .notStarted(String(cString: strerror(errno)), isMissing: false) }
    }
    let signal = status & 0x7f
    if signal != 0 { return .killed(signal: Int(signal)) }
    return .exited(code: Int(status >> 8 & 0xff), output: Secret(output))
  }
}

/// What a program gets signals with as if a shell had started it: threads of a pool have theirs blocked, and this process
/// ignores SIGPIPE and SIGXFSZ, which programs inherit.
package func withSpawnAttributes<T>(_ body: (UnsafePointer<posix_spawnattr_t>) -> T) -> T {
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var signals = sigset_t()
  sigemptyset(&signals)
  posix_spawnattr_setsigmask(&attributes, &signals)
  sigaddset(&signals, SIGPIPE)
  sigaddset(&signals, SIGXFSZ)
  posix_spawnattr_setsigdefault(&attributes, &signals)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
  return body(&attributes)
}
