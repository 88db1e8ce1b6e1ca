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
    let milliseconds = max(0, Int(time / .milliseconds(1)))
    var limit = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
    let number = sigtimedwait(&set, &info, &limit)
    return number > 0 ? number : nil
  }
}
