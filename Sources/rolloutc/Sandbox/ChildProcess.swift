import ClusterAPI
import Glibc

/// The signals that the main thread waits for, in place of handlers: what happens then is ordinary code.
enum AwaitedSignals {
  static let all: [Int32] = [SIGINT, SIGTERM, SIGHUP, SIGCHLD]

  static var set: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in all { sigaddset(&set, signal) }
    return set
  }

  /// For this thread, and for all that it starts.
  static func block() {
    var set = set
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Waits for one; children that end are no reason.
  static func wait() { while next() == SIGCHLD {} }

  static func next() -> Int32 { nextOfWhom().signal }

  /// - Returns: the next one, and whether a process sent it: what is typed at a terminal the kernel sends to all who run there.
  static func nextOfWhom() -> (signal: Int32, isOfProcess: Bool) {
    var set = set
    var news = siginfo_t()
    while sigwaitinfo(&set, &news) <= 0 {}
    return (news.si_signo, news.si_code == SI_USER)
  }
}

/// A command that runs beside this process.
struct ChildProcess {
  private let process: pid_t

  init(_ command: [String], environment: [String: String]) throws {
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] =
      environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in arguments + variables { free(pointer) } }
    var process = pid_t()
    let problem = withSpawnAttributes { posix_spawnp(&process, command[0], nil, $0, &arguments, &variables) }
    guard problem == 0 else { throw Failure("cannot run `\(command[0])`: \(IO.reason(problem))") }
    self.process = process
  }

  /// Waits for its end, and gives its exit code: 128 and the number of the signal that killed it, as shells do. What asks
  /// this process to end is passed on; Ctrl-C reaches the command by itself.
  func wait() -> Int32 {
    while true {
      var status: Int32 = 0
      if waitpid(process, &status, WNOHANG) == process {
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 128 + signal
      }
      switch AwaitedSignals.nextOfWhom() {
      case (SIGTERM, _), (SIGHUP, _): kill(process, SIGTERM)
      case (SIGINT, isOfProcess: true): kill(process, SIGINT)
      default: break
      }
    }
  }
}
