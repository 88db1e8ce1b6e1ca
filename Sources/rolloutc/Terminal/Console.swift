import ApplyEngine
import Glibc
import Synchronization

/// Where a run is shown and asks. One thread owns the terminal, and everybody else leaves messages for it.
///
/// Telling never waits: a terminal that was stopped, or a pipe that nobody reads, holds up the thread and not the run; and
/// a pipe that was closed ends the output and not the run.
final class Console: Sendable {
  enum Message: Sendable {
    case event(RunEvent, Moment)
    /// A line of the tool's own.
    case say(String)
    case ask(Int, Question, CheckedContinuation<Answer?, Never>)
    /// The question was answered elsewhere.
    case withdraw(Int)
    /// Nothing comes behind it.
    case abandon(String)
    case resized
    case suspend(Bell)
    case resume
    case end(Bell)
  }

  private struct Inbox {
    var messages: [Message] = []
    var questions = 0
  }

  private let inbox = Mutex(Inbox())
  private let bell: Bell
  private let clock: RunClock
  private let wallTime: @Sendable () -> String

  /// - Parameters:
  ///   - isLive: a tree is drawn on the terminal that standard output is.
  ///   - name: who answers at this terminal.
  init(
    _ view: any RunView, isLive: Bool, color: Bool, clock: RunClock, wallTime: @escaping @Sendable () -> String,
    name: String
  ) throws {
    self.clock = clock
    self.wallTime = wallTime
    bell = try Bell()
    try startThread { [self] in
      var loop = ConsoleLoop(self, view, isLive: isLive, color: color, name: name)
      loop.run()
    }
  }

  // MARK: - For everybody

  func tell(_ event: RunEvent) { leave(.event(event, moment)) }

  func say(_ text: String) { leave(.say(text)) }

  /// The answer of whoever sits here; nil where nobody does, or when the task is cancelled.
  func answer(to question: Question) async -> Answer? {
    guard TerminalMode.hasKeys else { return nil }
    let id = inbox.withLock { inbox in
      inbox.questions += 1
      return inbox.questions
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { leave(.ask(id, question, $0)) }
    } onCancel: {
      leave(.withdraw(id))
    }
  }

  /// The run is left in the middle; what follows is not shown any more.
  func abandon(_ text: String) { leave(.abandon(text)) }

  func resized() { leave(.resized) }

  /// Writes what was told and puts the terminal back, if that takes no longer than `milliseconds`.
  func suspend(within milliseconds: Int) {
    if let done = try? Bell() {
      leave(.suspend(done))
      done.wait(milliseconds: milliseconds)
    }
    TerminalMode.end()
  }

  func resume() { leave(.resume) }

  /// Comes back when everything was written. It blocks: to be called where nothing else has to go on.
  func finish() {
    guard let done = try? Bell() else { return }
    leave(.end(done))
    done.wait()
  }

  var moment: Moment { Moment(elapsed: clock.now.offset, time: wallTime()) }

  private func leave(_ message: Message) {
    inbox.withLock { $0.messages.append(message) }
    bell.ring()
  }

  // MARK: - For the thread

  func collect() -> [Message] {
    inbox.withLock { inbox in
      defer { inbox.messages.removeAll(keepingCapacity: true) }
      return inbox.messages
    }
  }

  /// Whatever comes meanwhile is there afterwards.
  func pause(_ duration: Duration) {
    if duration > .zero { _ = poll(nil, 0, Int32(clamping: Int(duration / .milliseconds(1)) + 1)) }
  }

  /// Until there is a message, a key where `wantsKeys`, or the time is over.
  /// - Returns: whether there is a key to read.
  func wait(milliseconds: Int, wantsKeys: Bool) -> Bool {
    var descriptors = [
      pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: wantsKeys ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
    ]
    _ = poll(&descriptors, 2, Int32(clamping: max(0, milliseconds)))
    if descriptors[0].revents != 0 { bell.quiet() }
    return descriptors[1].revents != 0
  }
}
