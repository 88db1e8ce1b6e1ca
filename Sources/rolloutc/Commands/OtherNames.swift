/// What other tools call what this one calls otherwise: said where such a word cannot be read.
enum OtherNames {
  /// In place of a command.
  static func command(_ word: String) -> String? { commands[word.lowercased()] }

  /// Beside an option that the command does not have, as ArgumentParser has said: the word as it was typed, and what is
  /// said of it.
  static func option(in arguments: [String], refused message: String) -> String? {
    for (index, argument) in arguments.enumerated() {
      let name = argument.firstIndex(of: "=").map { String(argument[..<$0]) } ?? argument
      if let help = options[name], message.contains("option '\(name)'") { return help }
      guard name == "--format", arguments.contains("graph") else { continue }
      let value = name == argument ? arguments.dropFirst(index + 1).first : String(argument.dropFirst(name.count + 1))
      if let value, PictureFormat(rawValue: value) != nil, message.contains("'\(value)'") {
        return "the form of the pictures is `-o \(value)`; `--format` is that of diagnostics"
      }
    }
    return nil
  }

  private static let commands = table([
    ("validate lint verify prove test", "`rolloutc check PLAN` proves a plan, and says what is wrong with it"),
    ("compile render template generate", "`rolloutc PLAN` compiles a plan, or `rolloutc build PLAN`"),
    ("format", "`rolloutc fmt PLAN` formats it"),
    (
      "diff compare",
      "`rolloutc plan PLAN` compares with what a cluster has, `check AFTER --against BEFORE` two folders"
    ),
    ("dry-run preview", "`rolloutc plan PLAN` says what a run would change"),
    ("run deploy install up upgrade start", "`rolloutc apply PLAN` carries a plan out"),
    (
      "destroy delete uninstall undeploy down", "`rolloutc rollback PLAN --to start` goes back to before the first step"
    ),
    ("undo revert", "`rolloutc rollback PLAN` goes back to before the last step"),
    (
      "promote advance next",
      "`rolloutc approve PLAN` lets a run go on that waits; whom a step sends where is said in the plan, by `route` and `shift`"
    ),
    ("continue retry", "`rolloutc resume PLAN` goes on with a run that has stopped"),
    ("cancel stop", "`rolloutc abort PLAN` stops a run"),
    (
      "list ls ps get describe",
      "`rolloutc status PLAN` says how a run stands, `rolloutc steps PLAN` what its steps are"
    ),
    ("simulate", "`rolloutc rehearse PLAN` runs a plan without a cluster"),
    ("draw diagram", "`rolloutc graph PLAN` draws a plan"),
    ("init new create", "nothing is set up: write a plan, and `rolloutc check PLAN`"),
    ("version", "`rolloutc --version` prints it"),
    (
      "completion completions",
      "`rolloutc --generate-completion-script bash` prints it for bash, and so for zsh and fish"
    ),
    ("man manual", "`rolloutc help COMMAND` explains a command; the manual page is docs/man/rolloutc.1"),
  ])

  private static let options = table([
    ("-f --file --filename", "a plan is named without an option: `rolloutc PLAN`, `rolloutc apply PLAN`"),
    ("--dry-run", "`rolloutc PLAN` prints what the plan means, `rolloutc plan PLAN` what would change in the cluster"),
    ("--var --var-file --values --param --parameter", "a parameter gets another value by `--set NAME=VALUE`"),
    ("--environment", "an environment is chosen by `--env NAME`"),
    (
      "-y --assume-yes --auto-approve --force",
      "`--yes` answers the tool's own question; `rolloutc approve` those of the plan"
    ),
  ])

  private static func table(_ rows: [(words: String, help: String)]) -> [String: String] {
    var table: [String: String] = [:]
    for row in rows { for word in row.words.split(separator: " ") { table[String(word)] = row.help } }
    return table
  }
}

extension OtherNames {
  /// Where it is explained what a request gets.
  static func status(_ word: String) -> String? {
    guard let status = Int(word), (100...599).contains(status) else { return nil }
    return
      "`\(word)` is a status of HTTP: `rolloutc trace PLAN` follows a request, `rolloutc explain R0502` is about a 503"
  }
}
