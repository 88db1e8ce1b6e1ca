import ArgumentParser
import DiagnosticRendering
import Diagnostics
import KubernetesModel

/// The version of the tool, as `rolloutc --version` prints it.
let toolVersion = "0.1.0"

/// Exit codes, as `docs/exit-codes.md` lists them.
enum Exit {
  static let done: Int32 = 0
  /// An error, and nothing was changed.
  static let failed: Int32 = 1
  /// Usage, or a plan that does not check.
  static let usage: Int32 = 2
  /// Something would change (`plan --exit-code`).
  static let changes: Int32 = 3
  /// Somebody else holds the lock.
  static let locked: Int32 = 6
  /// What was approved, or pinned, is not what would be done.
  static let refused: Int32 = 7
  /// A rehearsal did not go as expected.
  static let rehearsalFailed: Int32 = 8
  /// Stopped by a signal; what was begun can be resumed.
  static let interrupted: Int32 = 130
}

struct Rolloutc: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rolloutc",
    abstract: "Checks plans for releases on Kubernetes with Istio, compiles them for review, and carries them out.",
    usage: """
      rolloutc PLAN [options of build]
      rolloutc <subcommand>
      """,
    discussion: """
      A plan file says, in the order in which things happen, how a set of components goes from one version to the \
      next. `rolloutc PLAN` compiles it to the YAML that it means, step by step, without a cluster.

      Exit codes: 0 done · 1 an error, nothing changed · 2 usage, or a plan that does not check · \
      3 `plan --exit-code`: something would change · 4 failed and rolled back · 5 failed and held · \
      6 another run has the lock · 7 refused · 8 a rehearsal failed · 130 stopped, to be resumed.
      """,
    version: "rolloutc \(toolVersion)",
    subcommands: [
      Build.self, Check.self, Steps.self, TraceCommand.self, Graph.self, Rehearse.self, Fmt.self, PlanCommand.self,
      Rbac.self, Apply.self, Resume.self, Rollback.self, Status.self, Approve.self, Abort.self, Unlock.self,
      Explain.self, SandboxCommand.self,
    ],
    defaultSubcommand: Build.self
  )
}

@main
enum Main {
  static func main() {
    IO.begin()
    do {
      try checkArguments()
      if let plan = solePlan {
        try BuildRequest(plan: PlanRequest(plan: plan)).run()
      } else if let plan = soleCheckedPlan {
        try PlanRequest(plan: plan).check()
      } else {
        try checkCommand()
        var command = try Rolloutc.parseAsRoot()
        try command.run()
      }
    } catch let failure as Failure {
      failure.show()
      IO.exit(failure.code)
    } catch {
      let code = Rolloutc.exitCode(for: error)
      let text = Rolloutc.fullMessage(for: error)
      if code == .success {
        let isScript = CommandLine.arguments.contains("--generate-completion-script")
        IO.standardOutput(Array(((isScript ? completionScript(text) : text) + "\n").utf8))
        IO.exit(Exit.done)
      }
      // The text repeats what was typed; nothing of it may steer the terminal.
      if !text.isEmpty { IO.standardError(safeText(text, keepsLines: true) + "\n") }
      if let help = OtherNames.option(in: Array(CommandLine.arguments.dropFirst()), refused: text) {
        IO.standardError("  \(help)\n")
      }
      // ArgumentParser says 64 (EX_USAGE); ours is 2, as documented.
      IO.exit(code == .validationFailure ? Exit.usage : code.rawValue)
    }
    IO.exit(Exit.done)
  }

  /// Arguments reach us as text, with what is no UTF-8 replaced: it would be another file that is read or written.
  private static func checkArguments() throws {
    for index in 0..<Int(CommandLine.argc) {
      guard let argument = CommandLine.unsafeArgv[index], String(validatingCString: argument) == nil else { continue }
      throw Failure("`\(String(cString: argument))` is not UTF-8: rolloutc takes no such names", code: Exit.usage)
    }
  }

  /// A word that is no command is taken for a plan, for which `rolloutc PLAN` stands; who misspelt a command would only
  /// hear of a file.
  private static func checkCommand() throws {
    let words = CommandLine.arguments.dropFirst()
    let isHelp = words.first == "help"
    guard let word = isHelp ? words.dropFirst().first : words.first, !word.hasPrefix("-") else { return }
    let commands = Rolloutc.configuration.subcommands.compactMap { $0._commandName } + ["help"]
    if commands.contains(word) { return }
    if let help = OtherNames.command(word), isHelp || !IO.exists(word) {
      throw Failure("there is no command `\(word)`: \(help)", code: Exit.usage)
    }
    let similar = nearest(to: word, in: commands)
    if isHelp || similar != nil && !word.contains("/") && !word.contains(".") && !IO.exists(word) {
      throw Failure(
        "there is no command `\(word)`"
          + (similar.map { "; a similar one is `\($0)`" } ?? "; `rolloutc help` lists all"), code: Exit.usage)
    }
  }

  /// `rolloutc PLAN`, the main job, with nothing to parse: ArgumentParser would take more time to say so than the whole
  /// compilation takes.
  private static var solePlan: String? { plan(after: []) }

  /// `rolloutc check PLAN`, which an editor may run with each key.
  private static var soleCheckedPlan: String? { plan(after: ["check"]) }

  private static func plan(after words: [String]) -> String? {
    let arguments = CommandLine.arguments
    guard arguments.dropFirst().dropLast().elementsEqual(words), arguments.count == words.count + 2,
      let plan = arguments.last, plan.hasSuffix(".rollout"), !plan.hasPrefix("-")
    else { return nil }
    return plan
  }
}

/// Ends the run with a message for the person.
struct Failure: Error {
  var code: Int32
  var message: String
  /// The first diagnostic that says why, as JSON: for streams, whose last line has it.
  var cause: Value?

  init(_ message: String, code: Int32 = Exit.failed, cause: Value? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  func show() {
    let head = IO.colorsErrors ? "\u{1B}[1;31merror\u{1B}[0m" : "error"
    IO.standardError("\(head): \(safeText(message, keepsLines: true))\n")
  }
}
