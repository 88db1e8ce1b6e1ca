import ApplyEngine
import Glibc
import Synchronization

/// Stops a run when a person or a machine wants it: the first signal lets it finish what is under way, the second ends the
/// process at once. The run is over within 5 seconds either way: who ends containers waits no longer.
final class RunControl: Sendable {
  private struct State {
    var console: Console?
    var task: Task<Void, Never>?
    /// What to say where the process ends in the middle.
    var farewell = "stopped; nothing was changed"
    /// Of a run that is over, while it is told to others.
    var exitCode: Int32?
  }

  let stop = StopSignal()
  private let state = Mutex(State())

  private static let patience = Duration.seconds(4)
  private static let lastPatience = Duration.milliseconds(800)

  /// From now on there is something to finish.
  func runs(on console: Console, farewell: String) {
    state.withLock { state in
      state.console = console
      state.farewell = farewell
    }
  }

  /// From now on there is nothing left to stop.
  func ended(_ exitCode: Int32) { state.withLock { $0.exitCode = exitCode } }

  /// Runs `body` and ends the process with its code. The main thread stays here and takes the signals.
  func run(_ body: @escaping @Sendable () async -> Int32) -> Never {
    var signals = Signals()
    let task = Task<Void, Never>.detached { IO.exitAtOnce(await body()) }
    state.withLock { $0.task = task }
    var deadline: ContinuousClock.Instant?
    while true {
      switch signals.next(within: deadline.map { $0 - .now }) {
      case SIGWINCH?: state.withLock { $0.console }?.resized()
      case SIGTSTP?: suspend()
      case nil:
        // The time is over: requests that are still under way are given up, and then everything.
        guard let given = state.withLock({ $0.task.take() }) else { leave() }
        given.cancel()
        deadline = .now + Self.lastPatience
      default:
        guard let console = state.withLock({ $0.console }), deadline == nil else { leave() }
        deadline = .now + Self.patience
        console.say("stopping: nothing new is written, what is under way is finished; once more stops at once")
        stop.raise()
      }
    }
  }

  private func suspend() {
    let console = state.withLock { $0.console }
    console?.suspend(within: 500)
    kill(getpid(), SIGSTOP)
    // Here the process goes on.
    console?.resume()
  }

  private func leave() -> Never {
    let (console, farewell, exitCode) = state.withLock { ($0.console, $0.farewell, $0.exitCode) }
    let isOver = exitCode != nil
    if !isOver { console?.abandon(String(farewell.prefix { $0 != "\n" })) }
    console?.suspend(within: 200)
    TerminalMode.end()
    if !isOver { IO.standardError("\n\(farewell)\n") }
    IO.exitAtOnce(exitCode ?? Exit.interrupted)
  }
}
