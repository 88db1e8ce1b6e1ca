import Foundation
import TestSupport
import Testing

/// Whatever is given for a plan: a clear word, the right code, and an end.
@Suite(.enabled(if: Tool.isBuilt)) struct BadInputTests {
  struct Input: Sendable, CustomTestStringConvertible {
    var name: String
    var code: Int32
    /// What must be said.
    var words: String
    var bytes: @Sendable () -> [UInt8]

    init(_ name: String, _ code: Int32, _ words: String, _ bytes: @escaping @Sendable () -> [UInt8]) {
      self.name = name
      self.code = code
      self.words = words
      self.bytes = bytes
    }

    var testDescription: String { name }
  }

  private static let head = "plan a\nlanguage 1\n"

  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  static let inputs: [Input] = [
    Input("an empty file", 2, "error[R0115]") { [] },
    Input("only blank lines", 2, "error[R0115]") { text("\n\n   \n") },
    Input("CRLF", 0, "no diagnostics") { text("plan a\r\nlanguage 1\r\n") },
    Input("a BOM", 0, "no diagnostics") { [0xEF, 0xBB, 0xBF] + text(head) },
    Input("no last line break", 0, "no diagnostics") { text("plan a\nlanguage 1") },
    Input("a few bad bytes", 2, "error[R0108]") { text(head + "# ") + [0xFF, 0xFE] },
    Input("zeros", 2, "it is no text") { [UInt8](repeating: 0, count: 2_000_000) },
    Input("garbage", 2, "it is no text") {
      var random = SeededGenerator(seed: 1)
      return (0..<500_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    },
    Input("deep nesting", 2, "error[R0103]") { text(head + String(repeating: "step \"s\" { ", count: 20_000)) },
    Input("many lines that open", 2, "error[R0103]") {
      text(head + String(repeating: "component a {\n", count: 2_000))
    },
    Input("a very long line", 2, "error[R0102]") { text(head + String(repeating: "x ", count: 100_000)) },
    Input("a very long text", 0, "no diagnostics") {
      text(head + "pause \"" + String(repeating: "x", count: 1_000_000) + "\"\n")
    },
    Input("thousands of errors", 2, "\nand 4000 more\n\n5000 errors\n") {
      // In a row they would be one.
      text(head + String(repeating: "frob x\nwait 1s\n", count: 5_000))
    },
    Input("a deep patch", 2, "nested deeper than 256") {
      text(
        head + "component a {\n  image x\n  version 1\n}\npatch deployment of a \""
          + String(repeating: "[", count: 50_000) + "\"\n")
    },
    Input("a deep expression", 2, "nested deeper than 200") {
      text(head + "pattern p is '" + String(repeating: "(", count: 50_000) + "'\n")
    },
  ]

  @Test(arguments: inputs) func endsInAWord(_ input: Input) throws {
    let scratch = try Scratch()
    try Data(input.bytes()).write(to: URL(fileURLWithPath: scratch.path + "/a.rollout"))
    let outcome = try scratch.rolloutc("check", "a.rollout")
    #expect(outcome.code == input.code, "\(outcome.errors.prefix(500))")
    #expect(outcome.errors.contains(input.words), "\(outcome.errors.prefix(500))")
    #expect(outcome.output.isEmpty)
  }

  /// Nobody wrote that, and a diagnostic for each of its lines would take all memory.
  @Test func aFileThatIsNoPlanByItsSize() throws {
    let scratch = try Scratch()
    for command in ["check big", "fmt --check big", "check small"] {
      let outcome = try scratch.shell(
        "yes 'a b' | head -c 33554433 >big; printf 'plan a\nlanguage 1\ninclude big\n' >small; rolloutc \(command)")
      #expect(outcome.code == 2 && outcome.errors.contains("it is larger than 32 MiB"), "\(outcome.errors)")
    }
  }

  @Test func namesThatCannotBeRead() throws {
    let scratch = try Scratch(withPlans: true)
    for (path, words) in [
      ("plans", "it is a folder"), ("plans/none.rollout", "no such file"),
      ("plans/aks-voting.rollout/x", "not a directory"),
      (String(repeating: "a/", count: 3000), "file name too long"),
    ] {
      for command in ["build", "check", "steps", "fmt"] {
        let outcome = try scratch.rolloutc(command, path)
        #expect(outcome.code == 2, "\(command) \(path.prefix(40))")
        #expect(outcome.errors.contains(words), "\(outcome.errors.prefix(200))")
        #expect(outcome.output.isEmpty)
      }
    }
  }

  /// Text would have another byte in place of the bad one, and so name another file.
  @Test func aNameThatIsNotUTF8() throws {
    let scratch = try Scratch(withPlans: true)
    for arguments in ["check \"$n\"", "\"$n\"", "fmt \"$n\"", "plans/aks-voting.rollout --out \"$n\""] {
      let outcome = try scratch.shell(
        "n=$(printf 'na\\377me.rollout'); cp plans/bookinfo.rollout \"$n\"; rolloutc \(arguments)")
      #expect(outcome.code == 2, "\(arguments)")
      #expect(outcome.errors.contains("is not UTF-8"), "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
  }

  /// A rehearsal can take long; that its report cannot be written is known before.
  @Test(arguments: ["--report", "--junit"]) func aReportThatCannotBeWritten(_ option: String) throws {
    let scratch = try Scratch(withPlans: true)
    for (path, words) in [("none/file", "no such file or directory"), ("plans", "is a directory")] {
      let outcome = try scratch.rolloutc("rehearse", "plans/bookinfo.rollout", option, path)
      #expect(outcome.code == 1)
      #expect(outcome.output.isEmpty, "the rehearsal was shown: \(outcome.output)")
      #expect(outcome.errors.contains("cannot write `\(path)`: \(words)"), "\(outcome.errors)")
    }
    let names = scratch.files(below: "").filter { !$0.hasPrefix("plans") }
    #expect(names == [], "left behind: \(names)")
  }

  /// What a plan names is a file; the plan itself may come through a pipe.
  @Test(.timeLimit(.minutes(5)), arguments: ["manifest", "include"]) func aPipeThatAPlanNames(_ word: String) throws {
    let scratch = try Scratch()
    _ = try scratch.run(["mkfifo", "pipe.rollout", "pipe.yaml"])
    let name = word == "include" ? "pipe.rollout" : "pipe.yaml"
    let plan = helloPlan.replacing("on failure rollback", with: "\(word) \(name)\non failure rollback")
    try scratch.write(plan, to: "hello.rollout")
    for path in ["hello.rollout", "-"] {
      let outcome = try scratch.shell("cat hello.rollout | rolloutc check \(path)")
      #expect(outcome.code == 2)
      #expect(outcome.errors.contains("it is a pipe or a device, and no file"), "\(outcome.errors)")
    }
    try scratch.write(helloPlan, to: "hello.rollout")
    #expect(try scratch.shell("cat hello.rollout | rolloutc check /dev/stdin").code == 0)
  }
}
