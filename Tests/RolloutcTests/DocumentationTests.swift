import Foundation
import TestSupport
import Testing
import YAMLCoding

/// Everything in the documentation that could be wrong is tried: plans are compiled, commands are run, YAML is
/// compared with what comes out, and links lead somewhere.
@Suite(.enabled(if: Tool.isBuilt)) struct DocumentationTests {
  /// What is not tried is written as `sh` or `text`, so that nobody takes it for tried.
  static let languages: Set<String> = ["console", "json", "rollout", "sh", "text", "yaml"]

  /// Made from tables whose examples other tests try: the statements' (RolloutSyntaxTests) and the codes'
  /// (RolloutPlanTests), of which the bad ones are meant to be refused.
  static let generatedPages: Set<String> = ["docs/diagnostics.md", "docs/language-reference.md"]

  @Test func thereAreBlocksOfEveryKind() {
    for language in Self.languages { #expect(MarkdownBlock.all.contains { $0.language == language }, "\(language)") }
    for block in MarkdownBlock.all where !Self.generatedPages.contains(block.page) {
      #expect(Self.languages.contains(block.language), "\(block.testDescription): ```\(block.language)")
    }
  }

  private static let planBlocks = MarkdownBlock.all.filter {
    $0.language == "rollout" && !generatedPages.contains($0.page)
  }

  @Test(arguments: planBlocks) func plans(_ block: MarkdownBlock) throws {
    let scratch = try Scratch()
    switch block.mark {
    case "":
      try scratch.write(block.text, to: "plan.rollout")
      let outcome = try scratch.rolloutc("check", "--strict", "plan.rollout")
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(try scratch.rolloutc("fmt", "--check", "plan.rollout").code == 0)
    case "excerpt":
      // Its pieces stand in one of the repository's plans, in their order.
      let texts = CorpusFile.all(in: "plans", ending: "rollout").map { String(decoding: $0.bytes, as: UTF8.self) }
      #expect(texts.contains { stand(block.pieces, in: $0) }, "in no plan of plans/:\n\(block.text)")
    case "fragment":
      // Lines for the voting app, in which every name is known. What they do to its traffic is not the point.
      let text = String(decoding: Goldens.bytes("plans/aks-voting.rollout") ?? [], as: UTF8.self)
      let declarations = try text[..<#require(text.range(of: "\nstep ")).lowerBound]
      try scratch.write(
        declarations + "\ndeploy release 1.0\ndeploy release 2.0\n" + block.text, to: "plan.rollout")
      let outcome = try scratch.rolloutc("check", "--format", "json", "plan.rollout")
      #expect(!outcome.output.isEmpty)
      #expect(outcome.output.matches(of: #/"R0[123]\d\d"/#).isEmpty, "\(outcome.output)")
    case "intent":
      // What should be, without images: it is no plan to check, and well formed.
      try scratch.write(block.text, to: "intent.rollout")
      let outcome = try scratch.rolloutc("fmt", "--check", "intent.rollout")
      #expect(outcome.code == 0, "\(outcome.errors)")
    default:
      Issue.record("\(block.testDescription): ```rollout \(block.mark)")
    }
  }

  /// The commands of a page, one after another in one folder, with the repository's plans and the page's own.
  @Test(arguments: MarkdownBlock.pages) func commands(_ page: String) throws {
    let blocks = MarkdownBlock.all(in: page)
    guard blocks.contains(where: { $0.language == "console" }) else { return }
    let scratch = try Scratch(withPlans: true)
    var code: Int32 = 0
    for block in blocks {
      if block.language == "rollout", let name = block.fileName { try scratch.write(block.text, to: name) }
      guard block.language == "console", block.mark != "sandbox" else { continue }
      var rest = block.lines[...]
      while let line = rest.popFirst() {
        guard line.hasPrefix("$ ") else {
          Issue.record("\(block.testDescription): no command begins here: \(line)")
          break
        }
        let expected = Array(rest.prefix { !$0.hasPrefix("$ ") })
        rest = rest.dropFirst(expected.count)
        let command = String(line.dropFirst(2))
        if command == "echo $?" {
          #expect(expected == ["\(code)"], "\(block.testDescription): \(command)")
          continue
        }
        let first = command.prefix { $0 != " " }
        #expect(
          ["cat", "ls", "mkdir", "printf", "rolloutc", "sed"].contains(first), "\(block.testDescription): \(command)")
        // The C locale, so that `ls` and `sort` have one order everywhere.
        let outcome = try scratch.shell(command, merged: true, environment: ["LC_ALL": "C"])
        code = outcome.code
        #expect(
          matches(expected, outcome.output),
          "\(block.testDescription): \(command)\nprints\n\(outcome.output.prefix(4000))")
      }
    }
  }

  /// The commands of a page's `console sandbox` blocks, one after another in one sandbox, after those that need none.
  @Test(.needs("curl"), .needs("kubectl"), arguments: MarkdownBlock.pages)
  func commandsInASandbox(_ page: String) throws {
    let blocks = MarkdownBlock.all(in: page).filter { $0.language == "console" && $0.mark == "sandbox" }
    guard !blocks.isEmpty else { return }
    let scratch = try Scratch(withPlans: true)
    for block in MarkdownBlock.all(in: page) {
      if block.language == "rollout", let name = block.fileName { try scratch.write(block.text, to: name) }
    }
    for block in MarkdownBlock.all(in: page) where block.language == "console" && block.mark.isEmpty {
      for line in block.lines where line.hasPrefix("$ rolloutc ") { _ = try scratch.shell(String(line.dropFirst(2))) }
    }
    var expectations: [(place: String, command: String, lines: [String])] = []
    for block in blocks {
      for line in block.lines {
        if line.hasPrefix("$ ") {
          expectations.append((block.testDescription, String(line.dropFirst(2)), []))
        } else if !expectations.isEmpty {
          expectations[expectations.count - 1].lines.append(line)
        } else {
          Issue.record("\(block.testDescription): no command begins here: \(line)")
        }
      }
    }
    let end = "=== the end of a command ==="
    let script = expectations.map { "\($0.command) 2>&1\necho; echo '\(end)'\n" }.joined()
    try scratch.write(script, to: "script.sh")
    let tool = try #require(Tool.path)
    let outcome = try scratch.run(
      [tool, "sandbox", "--propagation", "0", "--speed", "10", "--", "sh", "script.sh"], environment: ["LC_ALL": "C"])
    var outputs = outcome.output.components(separatedBy: end + "\n")
    #expect(outputs.popLast() == "", "\(outcome.errors)")
    #expect(outputs.count == expectations.count)
    for (expectation, output) in zip(expectations, outputs) {
      // The empty line is the script's own, or ends a line that the command left open.
      var output = output
      if output.hasSuffix("\n\n") || output == "\n" { output.removeLast() }
      #expect(
        matches(expectation.lines, output),
        "\(expectation.place): \(expectation.command)\nprints\n\(output.prefix(4000))")
    }
  }

  /// What cannot be run here is only what runs the tests themselves, or runs until somebody ends it.
  @Test(arguments: MarkdownBlock.all.filter { $0.language == "sh" }) func shell(_ block: MarkdownBlock) throws {
    let makefile = String(decoding: Goldens.bytes("Makefile") ?? [], as: UTF8.self)
    let gate = String(decoding: Goldens.bytes(".ci/run") ?? [], as: UTF8.self)
    for line in block.lines {
      let words = line.prefix { $0 != "#" }.split(separator: " ").map(String.init)
      if words == ["rolloutc", "sandbox"] { continue }
      #expect(words.count == 2 && words.first == "make", "\(block.testDescription): a test could run `\(line)`")
      let target = words.last ?? ""
      #expect(makefile.contains("\n\(target):"), "\(block.testDescription): the Makefile has no `\(target)`")
      #expect(gate.contains("make \(target)"), "\(block.testDescription): the gate does not run `make \(target)`")
    }
  }

  /// YAML under a comment with a command is a part of what the command prints.
  @Test(arguments: MarkdownBlock.all.filter { $0.language == "yaml" && !generatedPages.contains($0.page) })
  func yaml(_ block: MarkdownBlock) throws {
    #expect(throws: Never.self) { try parseYAML(Array(block.text.utf8)) }
    let command = try #require(block.command, "\(block.testDescription) says no command")
    let scratch = try Scratch(withPlans: true)
    for block in MarkdownBlock.all(in: block.page) {
      if block.language == "rollout", let name = block.fileName { try scratch.write(block.text, to: name) }
    }
    let outcome = try scratch.shell(command)
    #expect(outcome.code == 0)
    #expect(stand(block.pieces, in: outcome.output), "\(block.testDescription): not what \(command) prints")
  }

  @Test(arguments: MarkdownBlock.all.filter { $0.language == "json" }) func json(_ block: MarkdownBlock) throws {
    #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(block.text.utf8)) }
  }

  @Test(arguments: MarkdownBlock.pages) func linksLeadSomewhere(_ page: String) throws {
    let text = String(decoding: Goldens.bytes(page) ?? [], as: UTF8.self)
    #expect(!text.isEmpty)
    let folder = (page as NSString).deletingLastPathComponent
    for match in text.matches(of: /\]\(([^)\s]+)\)/) {
      let link = String(match.1)
      if link.hasPrefix("https://") { continue }
      let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let target =
        parts[0].isEmpty ? page : ((folder as NSString).appendingPathComponent(parts[0]) as NSString).standardizingPath
      let path = Goldens.root + "/" + target
      #expect(FileManager.default.fileExists(atPath: path), "\(page): \(link)")
      if parts.count == 2 {
        let headings = String(decoding: Goldens.bytes(target) ?? [], as: UTF8.self).components(separatedBy: "\n")
          .filter { $0.hasPrefix("#") }
          .map { heading in
            heading.drop { $0 == "#" }.dropFirst().lowercased().filter {
              $0.isLetter || $0.isNumber || " -_".contains($0)
            }
            .replacing(" ", with: "-")
          }
        #expect(headings.contains(parts[1]), "\(page): \(link)")
      }
    }
  }

  /// A command that is added is described.
  @Test func theCommandsOfTheHelpAreInTheReadme() throws {
    let scratch = try Scratch()
    let readme = String(decoding: Goldens.bytes("README.md") ?? [], as: UTF8.self)
    let help = try scratch.rolloutc("--help").output
    let commands = try help[#require(help.range(of: "SUBCOMMANDS:")).upperBound...].matches(of: #/\n  ([a-z]+) /#)
      .map { String($0.1) }
    #expect(commands.count >= 5)
    for command in commands { #expect(readme.contains("`rolloutc \(command) "), "\(command)") }
  }

  /// The manual page is what the tool says of itself.
  @Test(.needs("python3")) func theManualPage() throws {
    let scratch = try Scratch()
    let version = try scratch.rolloutc("--version").output.trimmingCharacters(in: .newlines)
    try scratch.write(try scratch.rolloutc("--experimental-dump-help").output, to: "help.json")
    let page = try scratch.shell("python3 '\(Goldens.root)/Tests/tools/make-man' '\(version)' <help.json")
    #expect(page.code == 0, "\(page.errors)")
    Goldens.check(page.outputBytes, against: "docs/man/rolloutc.1")
  }

  @Test func theExamplesOfTheManualPage() throws {
    let page = String(decoding: Goldens.bytes("docs/man/rolloutc.1") ?? [], as: UTF8.self)
    let examples = try page[#require(page.range(of: "\n.SH EXAMPLES\n")).upperBound...]
      .matches(of: #/\n\\fB(rolloutc .*)\\fR/#).map { String($0.1).replacing("\\", with: "") }
    #expect(examples.count >= 8)
    let scratch = try Scratch(withPlans: true)
    for example in examples where Tool.installed("kubectl") != nil || !example.contains("kubectl") {
      let outcome = try scratch.shell(example)
      #expect(outcome.code == 0, "\(example): \(outcome.errors)")
      #expect(!(outcome.output + outcome.errors).isEmpty, "\(example)")
    }
  }

  /// Whoever asks for help gets a word on every option and every command.
  @Test func everyOptionHasAWord() throws {
    func check(_ command: [String: Any], _ path: String) {
      #expect(command["abstract"] is String, "\(path)")
      for argument in command["arguments"] as? [[String: Any]] ?? [] where argument["shouldDisplay"] as? Bool ?? false {
        #expect(argument["abstract"] is String, "\(path) \(argument["valueName"] ?? "")")
      }
      // `help` is the argument parser's own.
      for inner in command["subcommands"] as? [[String: Any]] ?? [] where inner["commandName"] as? String != "help" {
        check(inner, "\(path) \(inner["commandName"] ?? "")")
      }
    }
    let dump = try Scratch().rolloutc("--experimental-dump-help").outputBytes
    let root = try #require(try JSONSerialization.jsonObject(with: Data(dump)) as? [String: Any])
    check(try #require(root["command"] as? [String: Any]), "rolloutc")
  }

  // MARK: - Comparing

  private func stand(_ pieces: [String], in text: String) -> Bool {
    var rest = text[...]
    for piece in pieces {
      guard let range = rest.range(of: piece),
        range.lowerBound == rest.startIndex || rest[..<range.lowerBound].last == "\n"
      else { return false }
      rest = rest[range.upperBound...]
    }
    return !pieces.isEmpty
  }

  /// `…` alone in a line stands for any lines, inside a line for any text.
  private func matches(_ expected: [String], _ actual: String) -> Bool {
    var lines = actual.components(separatedBy: "\n")
    if lines.last == "" { lines.removeLast() }
    return matches(expected[...], lines[...])
  }

  private func matches(_ expected: ArraySlice<String>, _ lines: ArraySlice<String>) -> Bool {
    var (expected, lines) = (expected, lines)
    while let first = expected.first {
      if first == "…" {
        let after = expected.dropFirst()
        if after.isEmpty { return true }
        return (lines.startIndex...lines.endIndex).contains { matches(after, lines[$0...]) }
      }
      guard let line = lines.first, matches(first, line) else { return false }
      expected = expected.dropFirst()
      lines = lines.dropFirst()
    }
    return lines.isEmpty
  }

  private func matches(_ pattern: String, _ line: String) -> Bool {
    if pattern == line { return true }
    let parts = pattern.components(separatedBy: "…")
    guard parts.count > 1, line.hasPrefix(parts[0]) else { return false }
    var rest = line.dropFirst(parts[0].count)
    for part in parts[1..<(parts.count - 1)] {
      guard let range = rest.range(of: part) else { return false }
      rest = rest[range.upperBound...]
    }
    return rest.hasSuffix(parts[parts.count - 1])
  }
}
