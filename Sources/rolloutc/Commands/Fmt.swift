import ArgumentParser
import DiagnosticRendering
import Diagnostics
import RolloutSyntax

struct Fmt: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fmt",
    abstract: "Format plans in place; standard input to standard output.",
    discussion: """
      With `--check` or `--diff` nothing is written; the exit code is 1 if a file would change.

      EXAMPLES:
        rolloutc fmt --check plans/aks-voting.rollout plans/bookinfo.rollout
        rolloutc fmt --diff plans/bookinfo.rollout
      """)

  @Argument(help: "Plan files; `-` or nothing for standard input.", completion: .file(extensions: ["rollout"]))
  var files: [String] = []

  @Flag(help: "Only say which files would change.")
  var check = false

  @Flag(help: "Print what would change.")
  var diff = false

  @OptionGroup var diagnostics: DiagnosticOptions

  func validate() throws {
    if diagnostics.strict {
      throw ValidationError("`--strict` is about warnings, and a plan that is only formatted has none; use `check`")
    }
  }

  func run() throws {
    var changed = 0
    var broken = false
    for path in files.isEmpty ? ["-"] : files {
      let bytes: [UInt8]
      switch IO.read(path).flatMap({ $0.count <= longestPlan ? .success($0) : .failure(PlanFiles.tooLarge) }) {
      case .success(let read): bytes = read
      case .failure(let error):
        IO.standardError("error: cannot read `\(safeText(path))`: \(error.message)\n")
        broken = true
        continue
      }
      var sources = SourceSet()
      let id = sources.add(path: path == "-" ? "<stdin>" : path, bytes: bytes)
      guard let file = sources[id] else { continue }
      let tree = RolloutSyntax.parse(file)
      guard let formatted = formatted(tree) else {
        diagnostics.output.show(tree.diagnostics.inReadingOrder, sources)
        broken = true
        continue
      }
      if diff, formatted != bytes {
        IO.standardOutput(unifiedDiff(from: bytes, to: formatted, path: diffName(file.path)))
      }
      if formatted != bytes { changed += 1 }
      if check || diff {
        if formatted != bytes, check { IO.standardError("would format \(safeText(file.path))\n") }
      } else if path == "-" {
        IO.standardOutput(formatted)
      } else if formatted != bytes {
        try IO.write(formatted, toFile: path)
        IO.standardError("formatted \(safeText(path))\n")
      }
    }
    if broken { IO.exit(Exit.usage) }
    if check || diff, changed > 0 { IO.exit(Exit.failed) }
  }
}

/// The name of a file in the head of a diff, as `patch` reads it: what a terminal must not get is written in C's escapes,
/// and a TAB ends a name with blanks.
func diffName(_ path: String) -> String {
  let needsQuotes = path.contains { $0 == "\"" || $0 == "\\" } || safeText(path) != path
  guard needsQuotes else { return path.contains(" ") ? path + "\t" : path }
  var text = "\""
  for byte in path.utf8 {
    switch byte {
    case 0x22, 0x5C: text += "\\" + String(UnicodeScalar(byte))
    case 0x20..<0x7F: text.unicodeScalars.append(UnicodeScalar(byte))
    default:
      let digits = String(byte, radix: 8)
      text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
    }
  }
  return text + "\""
}
