import Foundation
import Glibc
import TestSupport
import Testing

private let warned = "plans/aks-voting-as-written.rollout"

/// Colours, and what may reach a terminal.
@Suite(.enabled(if: Tool.isBuilt)) struct TerminalTests {
  @Test func noColourIntoAFile() throws {
    let scratch = try Scratch(withPlans: true)
    #expect(try !scratch.rolloutc("check", warned).errors.contains("\u{1B}"))
    #expect(try scratch.rolloutc("check", "--color", "always", warned).errors.contains("\u{1B}["))
    // What is asked for on the command line wins over the environment.
    let both = try scratch.rolloutc("check", "--color", "always", warned, environment: ["NO_COLOR": "1"])
    #expect(both.errors.contains("\u{1B}["))
  }

  @Test func colourOnATerminalUnlessToldOtherwise() throws {
    let scratch = try Scratch(withPlans: true)
    func onATerminal(_ arguments: String..., environment: [String: String] = ["TERM": "xterm"]) throws -> String {
      // What posix_openpt, unlockpt and ptsname do (Linux: ioctl_tty(2)); Swift's Glibc does not show them.
      let primary = open("/dev/ptmx", O_RDWR | O_NOCTTY)
      try #require(primary >= 0)
      defer { close(primary) }
      var (unlocked, number): (Int32, UInt32) = (0, 0)
      try #require(ioctl(primary, 0x4004_5431, &unlocked) == 0)
      try #require(ioctl(primary, 0x8004_5430, &number) == 0)
      let secondary = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
      try #require(secondary >= 0)
      let outcome = try scratch.run(
        [#require(Tool.path)] + arguments, environment: environment, errorDescriptor: secondary)
      #expect(outcome.code == 0)
      close(secondary)
      // What was written waits in the terminal; after it, reading gives an error, for nobody holds the other end.
      var text: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 4096)
      while case let count = read(primary, &buffer, buffer.count), count > 0 { text += buffer[..<count] }
      return String(decoding: text, as: UTF8.self)
    }
    #expect(try onATerminal("check", warned).contains("\u{1B}["))
    let plain = try onATerminal("check", "--color", "never", warned)
    #expect(plain.contains("warning[R0425]"))
    #expect(!plain.contains("\u{1B}"))
    #expect(try !onATerminal("check", warned, environment: ["TERM": "xterm", "NO_COLOR": "1"]).contains("\u{1B}"))
    #expect(try !onATerminal("check", warned, environment: ["TERM": "dumb"]).contains("\u{1B}"))
    // An empty NO_COLOR is none (no-color.org).
    #expect(try onATerminal("check", warned, environment: ["TERM": "xterm", "NO_COLOR": ""]).contains("\u{1B}["))
  }

  /// Escape sequences and bidirectional overrides in a plan, in its path and in what is typed are shown, never sent.
  @Test func nothingSteersATerminal() throws {
    let scratch = try Scratch(withPlans: true)
    let nasty = "a\u{1B}]0;owned\u{7}b\u{9B}31mc\u{202E}d"
    let escaped = #"a\u{1b}]0;owned\u{7}b\u{9b}31mc\u{202e}d"#
    // In a value, YAML has its own escapes.
    let controls = #"a\u{1b}]0;owned\u{7}b\u{9b}31m"#
    let plan = """
      plan p
      language 1
      mesh istio
      expose web on port 80
      component web {
        image registry.example.com/web
        port 80 http
        env TEXT = "\(controls)"
        version 1, 2
      }
      probe page is GET /
      step "\(escaped)" {
        deploy web 1
        verify page contains "\(escaped)"
        approve "\(escaped)"
      }
      """
    try scratch.write(plan, to: nasty + ".rollout")
    try scratch.write(plan + "\n\(nasty) x\n", to: "broken.rollout")
    let runs: [[String]] = [
      [nasty + ".rollout"], [nasty + ".rollout", "--state"], ["steps", nasty + ".rollout"],
      ["graph", nasty + ".rollout"], ["graph", "-o", "dot", nasty + ".rollout"], ["trace", nasty + ".rollout"],
      ["trace", nasty + ".rollout", "--cookie", nasty], ["trace", nasty + ".rollout", "--from", nasty],
      ["trace", nasty + ".rollout", "--header", "x=" + nasty], ["graph", nasty + ".rollout", "--out", nasty],
      ["check", nasty + ".rollout"],
      ["fmt", "--check", nasty + ".rollout"], ["fmt", "--diff", nasty + ".rollout"], ["check", "broken.rollout"],
      ["fmt", "broken.rollout"], [nasty], ["check", nasty], ["fmt", nasty], ["explain", nasty], ["--" + nasty],
      [nasty + ".rollout", "--step", nasty], [nasty + ".rollout", "--set", nasty],
      ["check", "broken.rollout", "--env", nasty],
      [nasty + ".rollout", "--out", nasty], [nasty + ".rollout", "--out", "plans"],
      ["check", "--color", nasty, "plans"],
      ["check", "--format", "github", "broken.rollout"], ["fmt", nasty + ".rollout"],
    ]
    for arguments in runs {
      let outcome = try scratch.run([#require(Tool.path)] + arguments)
      for text in [outcome.output, outcome.errors] {
        for scalar in text.unicodeScalars where scalar != "\n" {
          let steers =
            scalar.properties.generalCategory == .control
            || (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
          #expect(!steers, "U+\(String(scalar.value, radix: 16)) in the output of \(arguments.map(\.debugDescription))")
          if steers { break }
        }
      }
    }
  }

  /// A path with a line break cannot add a line to the YAML.
  @Test func aPathStaysInItsComment() throws {
    let scratch = try Scratch()
    let name = "a\nkind: Injected\n---\nb.rollout"
    try scratch.write(
      "plan p\nlanguage 1\nmesh istio\ncomponent c {\n  image i\n  port 80 http\n  version 1\n}\ndeploy c 1\n", to: name
    )
    let outcome = try scratch.rolloutc(name)
    #expect(outcome.code == 0)
    #expect(!outcome.output.contains("\nkind: Injected"))
  }

  @Test(arguments: ["json", "sarif"]) func machineFormatsAreJSON(_ format: String) throws {
    let scratch = try Scratch(withPlans: true)
    try scratch.write("plan p\nlanguage 1\n\"\u{202E}\" falg {\n", to: "bad.rollout")
    for (plan, code) in [("plans/aks-voting.rollout", 0), (warned, 0), ("bad.rollout", 2)] {
      let outcome = try scratch.rolloutc("check", "--format", format, plan)
      #expect(outcome.code == code)
      #expect(outcome.errors.isEmpty)
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(outcome.outputBytes)) }
    }
  }

  @Test func githubAnnotatesLines() throws {
    let scratch = try Scratch(withPlans: true)
    let outcome = try scratch.rolloutc("check", "--format", "github", warned)
    #expect(outcome.code == 0)
    #expect(outcome.output.hasPrefix("::warning file=\(warned),line="))
    #expect(outcome.output.split(separator: "\n").count == 1)
  }
}
