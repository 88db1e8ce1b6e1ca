import ApplyEngine
import Glibc

/// What the console's thread does: shows events as they come, draws the tree at a bounded rate, reads answers.
struct ConsoleLoop {
  private let console: Console
  private var view: any RunView
  private let isLive: Bool
  private let color: Bool
  private let name: String

  private var screen = Screen()
  private var prompts: [Prompt] = []
  private var keys = KeyReader()
  private var hasKeys = TerminalMode.hasKeys
  private var isSuspended = false
  private var isOutputGone = false
  private var hasBegun = false
  /// Lines that wait to be written.
  private var pending = ""
  private var lastWrite = Duration.zero
  private var lastDraw: Duration?

  private struct Prompt {
    var id: Int
    var question: Question
    var reply: CheckedContinuation<Answer?, Never>
    var hint = ""
  }

  /// Ten draws a second are as smooth as a tree of words can be.
  private static let drawInterval = Duration.milliseconds(100)
  private static let tick = Duration.seconds(1)
  private static let silence = Duration.seconds(30)
  /// Lines that come faster than this are written together: a thousand writes to a pipe cost a run that does a thousand
  /// writes a second more than the lines themselves.
  private static let lineInterval = Duration.milliseconds(5)

  init(_ console: Console, _ view: any RunView, isLive: Bool, color: Bool, name: String) {
    self.console = console
    self.view = view
    self.isLive = isLive
    self.color = color
    self.name = name
  }

  mutating func run() {
    if isLive { TerminalMode.begin() }
    lastWrite = console.moment.elapsed
    while true {
      for message in console.collect() {
        switch message {
        case .event(let event, let moment): show(event, moment)
        case .say(let text): pending += view.say(text, at: console.moment)
        case .abandon(let text): pending += view.abandoned(text, at: console.moment)
        case .ask(let id, let question, let reply): ask(Prompt(id: id, question: question, reply: reply))
        case .withdraw(let id): answer(nil) { $0.id == id }
        case .resized: lastDraw = nil
        case .suspend(let done):
          isSuspended = true
          leaveTerminal()
          done.ring()
        case .resume:
          isSuspended = false
          if isLive { TerminalMode.begin() }
        case .end(let done):
          isSuspended = true
          answer(nil) { _ in true }
          leaveTerminal()
          done.ring()
          return
        }
      }
      let now = console.moment
      if isLive { draw(now) } else { printPending(now) }
      if !isLive, !pending.isEmpty {
        console.pause(Self.lineInterval - (console.moment.elapsed - lastWrite))
      } else if console.wait(milliseconds: patience(now.elapsed), wantsKeys: wantsKeys) {
        readKeys()
      }
    }
  }

  private mutating func show(_ event: RunEvent, _ moment: Moment) {
    if case .started = event { hasBegun = true }
    let text = view.take(event, at: moment)
    if case .ended = event, !hasBegun, view.partsRefusals {
      leaveTerminal()
      IO.standardError(text)
    } else {
      pending += text
    }
  }

  private var wantsKeys: Bool { hasKeys && !isSuspended && (isLive || !prompts.isEmpty) }

  private func patience(_ now: Duration) -> Int {
    var wait = isLive ? Self.tick : Self.silence - (now - lastWrite)
    if isLive, !pending.isEmpty, let lastDraw { wait = Self.drawInterval - (now - lastDraw) }
    return max(10, Int(wait / .milliseconds(1)))
  }

  // MARK: - Writing

  private mutating func printPending(_ now: Moment) {
    if pending.isEmpty, now.elapsed - lastWrite >= Self.silence { pending = view.heartbeat(at: now) }
    guard !pending.isEmpty, now.elapsed - lastWrite >= Self.lineInterval else { return }
    write(pending)
    pending = ""
    lastWrite = now.elapsed
  }

  private mutating func draw(_ now: Moment) {
    if isSuspended { return }
    if let lastDraw, now.elapsed - lastDraw < Self.drawInterval { return }
    guard TerminalMode.isForeground else {
      // The terminal is somebody else's at this moment: what must be said is said, and nothing is drawn over.
      screen.forget()
      if !pending.isEmpty { write(pending) }
      pending = ""
      return
    }
    let size = IO.terminalSize(STDOUT_FILENO)
    var frame = view.frame(rows: size.rows - 2, at: now.elapsed)
    if let prompt = prompts.first {
      frame.append(StyledLine("    \(prompt.hint)[y/n] ", .strong).adding(keys.line))
    }
    write(screen.draw(permanent: pending, frame: frame, size: size, color: color))
    pending = ""
    lastDraw = now.elapsed
  }

  private mutating func leaveTerminal() {
    if isLive {
      let text = screen.draw(permanent: pending, frame: [], size: IO.terminalSize(STDOUT_FILENO), color: color)
      screen.forget()
      write(text)
      TerminalMode.end()
    } else {
      write(pending)
    }
    pending = ""
  }

  private mutating func write(_ text: String) {
    guard !isOutputGone, !text.isEmpty, let problem = IO.output(Array(text.utf8)) else { return }
    isOutputGone = true
    if problem != EPIPE, problem != EIO {
      IO.standardError("warning: the output cannot be written: \(IO.reason(problem)); the run goes on\n")
    }
  }

  // MARK: - Asking

  private mutating func ask(_ prompt: Prompt) {
    guard hasKeys else { return prompt.reply.resume(returning: nil) }
    prompts.append(prompt)
    if !isLive { pending += "  [y/n]\n" }
  }

  private mutating func answer(_ answer: Answer?, where isMeant: (Prompt) -> Bool) {
    for prompt in prompts where isMeant(prompt) { prompt.reply.resume(returning: answer) }
    prompts.removeAll(where: isMeant)
    keys.reset()
  }

  private mutating func readKeys() {
    guard keys.read(STDIN_FILENO) else {
      hasKeys = false
      return answer(nil) { _ in true }
    }
    // What is typed is seen at once.
    lastDraw = nil
    while let line = keys.takeLine() {
      guard let prompt = prompts.first else { continue }
      switch line.lowercased().filter({ $0 != " " }) {
      case "y", "yes": answer(Answer(isYes: true, by: name)) { $0.id == prompt.id }
      case "n", "no": answer(Answer(isYes: false, by: name)) { $0.id == prompt.id }
      default:
        prompts[0].hint = "only yes or no "
        if !isLive { pending += "  only yes or no [y/n]\n" }
      }
    }
  }
}

/// Makes lines of keys.
struct KeyReader {
  private(set) var line = ""
  private var lines: [String] = []
  private var isInSequence = false

  /// False at the end of the input.
  mutating func read(_ descriptor: Int32) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = Glibc.read(descriptor, &buffer, buffer.count)
    if count < 0 { return errno == EINTR || errno == EAGAIN }
    if count == 0 { return false }
    for byte in buffer[..<count] { take(byte) }
    return true
  }

  mutating func take(_ byte: UInt8) {
    if isInSequence {
      // `ESC [ A` and its like: over at a letter.
      isInSequence = !(0x40...0x7E).contains(byte) || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "O")
      return
    }
    switch byte {
    case 0x0A, 0x0D:
      lines.append(line)
      line = ""
    case 0x08, 0x7F: if !line.isEmpty { line.removeLast() }
    // Ctrl-U.
    case 0x15: line = ""
    case 0x1B: isInSequence = true
    case 0x20...0x7E: if line.utf8.count < 40 { line.unicodeScalars.append(Unicode.Scalar(byte)) }
    default: break
    }
  }

  mutating func takeLine() -> String? { lines.isEmpty ? nil : lines.removeFirst() }

  mutating func reset() {
    line = ""
    lines = []
  }
}
