import Glibc

/// A terminal whose keys are read one by one and not shown, while a tree is drawn on it: a typed line break would move
/// what stands there.
///
/// The mode found is put back at the end, while the process is suspended, and by a handler when the process crashes.
enum TerminalMode {
  private static let terminal: Int32 = 0

  /// For the handler of crashes, which may call nothing but `tcsetattr`: where the mode found is kept, or nil.
  nonisolated(unsafe) private static var saved: UnsafeMutablePointer<termios>?

  /// Whether keys can be read one by one.
  static var hasKeys: Bool { isatty(terminal) == 1 }

  /// Whether what this process writes is meant to be seen: in the background the terminal belongs to somebody else.
  static var isForeground: Bool {
    let group = tcgetpgrp(1)
    return group < 0 || group == getpgrp()
  }

  /// To be called by one thread alone.
  static func begin() {
    guard hasKeys, isForeground else { return }
    if saved == nil {
      let mode = UnsafeMutablePointer<termios>.allocate(capacity: 1)
      guard tcgetattr(terminal, mode) == 0 else {
        mode.deallocate()
        return
      }
      saved = mode
      catchCrashes()
    }
    guard var mode = saved?.pointee else { return }
    // Ctrl-C stays a signal: ISIG is left alone.
    mode.c_lflag &= ~tcflag_t(ICANON | ECHO)
    tcsetattr(terminal, TCSADRAIN, &mode)
  }

  /// Puts back what was found; again and again, from any thread.
  static func end() {
    guard let saved, isForeground else { return }
    tcsetattr(terminal, TCSADRAIN, saved)
  }

  private static func catchCrashes() {
    for number in [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGTRAP] {
      signal(number) { number in
        if let saved = TerminalMode.saved { tcsetattr(TerminalMode.terminal, TCSANOW, saved) }
        // Colours off, the cursor shown, drawing as it comes.
        let restoring: StaticString = "\u{1B}[0m\u{1B}[?25h\u{1B}[?2026l\r\n"
        _ = write(1, restoring.utf8Start, restoring.utf8CodeUnitCount)
        signal(number, SIG_DFL)
        raise(number)
      }
    }
  }
}
