import Glibc
import Synchronization

/// The signals that people and machines stop a run with. They are taken one by one by the main thread, so that a handler
/// never runs in the middle of anything: every other thread has them blocked.
struct Signals {
  private var set = sigset_t()

  /// To be called before any other thread is started. A signal that was ignored by whoever started us (`nohup`) stays so.
  init() {
    sigemptyset(&set)
    for number in [SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH] {
      var action = sigaction()
      sigaction(number, nil, &action)
      let isIgnored = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
      if !isIgnored { sigaddset(&set, number) }
    }
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// The next signal; nil when the time is over.
  mutating func next(within time: Duration?) -> Int32? {
    var info = siginfo_t()
    guard let time else {
      while true {
        let number = sigwaitinfo(&set, &info)
        if number > 0 { return number }
      }
    }
    let end = ContinuousClock.now.advanced(by: time)
    while true {
      let milliseconds = max(0, Int(ContinuousClock.now.duration(to: end) / .milliseconds(1)))
      var limit = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
      let number = sigtimedwait(&set, &info, &limit)
      if number > 0 { return number }
      // A process that was stopped and goes on is woken, too (signal(7)).
      if errno != EINTR { return nil }
    }
  }
}

/// The last of the signals that are kept back; 0: none has come.
private let heldSignal = Atomic<Int32>(0)

/// The signals that stop a run, kept back in all threads while something half done stands on the disk. They take effect
/// on release.
struct HeldSignals {
  private var before: [(number: Int32, action: sigaction)] = []

  /// A signal that was ignored by whoever started us (`nohup`) stays so.
  init() {
    heldSignal.store(0, ordering: .sequentiallyConsistent)
    for number in [SIGHUP, SIGINT, SIGTERM] {
      var old = sigaction()
      sigaction(number, nil, &old)
      guard unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) != 1 else { continue }
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { heldSignal.store($0, ordering: .sequentiallyConsistent) }
      action.sa_flags = SA_RESTART
      sigaction(number, &action, nil)
      before.append((number, old))
    }
  }

  /// Whether one of them has come.
  var isPending: Bool { heldSignal.load(ordering: .sequentiallyConsistent) != 0 }

  func release() {
    for case (let number, var action) in before { sigaction(number, &action, nil) }
    let number = heldSignal.load(ordering: .sequentiallyConsistent)
    if number != 0 { raise(number) }
  }
}
