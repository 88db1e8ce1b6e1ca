import DiagnosticRendering
import Diagnostics
import Testing

private let code = Code("R0202", "undeclared-cookie")
private let lint = Code("R0901", "style", .warning)

/// A set of files, and ranges found by their text.
struct Fixture {
  var sources = SourceSet()

  init(_ files: (String, String)...) {
    for (path, text) in files { sources.add(path: path, bytes: Array(text.utf8)) }
  }

  /// The `occurrence`th place of `text` in a file.
  func range(_ text: String, _ occurrence: Int = 1, in file: Int = 0) -> SourceRange {
    let bytes = sources.files[file].bytes
    let wanted = Array(text.utf8)
    var seen = 0
    for start in 0...max(0, bytes.count - wanted.count) where bytes[start...].starts(with: wanted) {
      seen += 1
      if seen == occurrence { return SourceRange(file: FileID(file), start..<(start + wanted.count)) }
    }
    Issue.record("`\(text)` is not in file \(file)")
    return SourceRange(file: FileID(file), 0..<0)
  }

  func rendered(_ diagnostic: Diagnostic, width: Int? = nil, color: Bool = false) -> String {
    TerminalRenderer(sources: sources, color: color, width: width).rendered(diagnostic)
  }
}

@Suite struct TerminalRendererTests {
  @Test func designExample() {
    var lines = Array(repeating: "# filler", count: 111)
    lines[87] = "cookie flag is featureflag = on"
    lines[110] = "  route voting-app cookie falg -> 2.0"
    let f = Fixture(("plans/aks-voting.rollout", lines.joined(separator: "\n")))
    let diagnostic = Diagnostic(
      code, "there is no cookie named `falg`", at: Label(f.range("falg"), "not declared"),
      secondary: [Label(f.range("flag"), "`flag` is declared here")], help: "a similar name is `flag`",
      fixIts: [FixIt("write `flag`", [Edit(f.range("falg"), "flag")])]
    )
    #expect(
      f.rendered(diagnostic) == """
        error[R0202]: there is no cookie named `falg`
          --> plans/aks-voting.rollout:111:27
         88 | cookie flag is featureflag = on
            |        ---- `flag` is declared here
            …
        111 |   route voting-app cookie falg -> 2.0
            |                           ^^^^ not declared
            = help: a similar name is `flag`
            = fix: write `flag`
        111 |   route voting-app cookie flag -> 2.0
            |                           ~~~~

        """
    )
  }

  @Test func severalLabelsInOneLineAndInOtherFiles() {
    let f = Fixture(("a.rollout", "one two three\nx\ny\n"), ("b.rollout", "\n\n  other\n"))
    let diagnostic = Diagnostic(
      lint, "they clash", at: Label(f.range("two"), "second"),
      secondary: [
        Label(f.range("one"), "first"), Label(f.range("three"), "third"), Label(f.range("y"), "near"),
        Label(f.range("other", in: 1), "elsewhere"),
      ], notes: ["a first line\nand a second"]
    )
    #expect(
      f.rendered(diagnostic) == """
        warning[R0901]: they clash
          --> a.rollout:1:5
        1 | one two three
          | --- ^^^ ----- third
          | |   |
          | |   second
          | first
        2 | x
        3 | y
          | - near
          ::: b.rollout:3:3
        3 |   other
          |   ----- elsewhere
          = note: a first line
                  and a second

        """
    )
  }

  @Test func tabsWideCharactersAndControls() {
    let f = Fixture(("a", "\ta\tname 日本 e\u{301}x \u{1B}[31m end\r\n"))
    func line(_ text: String) -> String { f.rendered(Diagnostic(code, "m", at: Label(f.range(text), "here"))) }
    #expect(
      line("name") == """
        error[R0202]: m
          --> a:1:4
        1 |     a   name 日本 e\u{301}x ␛[31m end
          |         ^^^^ here

        """
    )
    #expect(line("日本").hasSuffix("  |              ^^^^ here\n"))
    #expect(line("x").hasSuffix("  |                    ^ here\n"))
    #expect(line("\u{1B}").hasSuffix("  |                      ^ here\n"))
    #expect(line("end").hasSuffix("  |                            ^^^ here\n"))
    #expect(line("\ta").hasSuffix("  | ^^^^^ here\n"))
  }

  @Test func emptyRangesAreCarets() {
    let f = Fixture(("a", "ab\n\ncd"))
    func rows(_ offset: Int) -> [Substring] {
      let range = SourceRange(file: FileID(0), offset..<offset)
      return f.rendered(Diagnostic(code, "m", at: Label(range, "here"))).split(separator: "\n").suffix(2)
    }
    #expect(rows(0) == ["1 | ab", "  | ^ here"])
    #expect(rows(2) == ["1 | ab", "  |   ^ here"])
    #expect(rows(3) == ["2 |", "  | ^ here"])
    #expect(rows(6) == ["3 | cd", "  |   ^ here"])
    #expect(rows(99) == ["3 | cd", "  |   ^ here"])
  }

  @Test func rangesOverSeveralLines() {
    let f = Fixture(("a", "step {\n  one\n  two\n  three\n  }\nend\n"))
    let range = f.range("{").joined(f.range("}"))
    #expect(
      f.rendered(Diagnostic(code, "m", at: Label(range, "all of this"))) == """
        error[R0202]: m
          --> a:1:6
        1 | step {
          |      ^
          …
        5 |   }
          |   ^ all of this

        """
    )
    // The line break belongs to the line it ends.
    let line = Diagnostic(code, "m", at: Label(f.range("  one\n"), "a line"))
    #expect(f.rendered(line).hasSuffix("2 |   one\n  | ^^^^^ a line\n"))
  }

  @Test func longLinesAreCroppedAroundTheLabel() {
    let f = Fixture(("a", String(repeating: "x", count: 300) + "HERE" + String(repeating: "y", count: 300) + "\n"))
    let text = f.rendered(Diagnostic(code, "m", at: Label(f.range("HERE"), "")), width: 44)
    #expect(
      text == """
        error[R0202]: m
          --> a:1:301
        1 | …xxxxxxxxxxxxHEREyyyyyyyyyyyyyyyyyyyyyy…
          |              ^^^^

        """
    )
  }

  @Test func fixItsShowTheLinesAsTheyWillBe() {
    let f = Fixture(("a", "one\ntwo\n"))
    let two = f.range("two")
    let after = SourceRange(file: two.file, start: two.end, end: two.end)
    let diagnostic = Diagnostic(
      code, "m", at: Label(two, "here"),
      fixIts: [FixIt("close it", [Edit(f.range("one"), ""), Edit(after, " }\nthree")])]
    )
    #expect(
      f.rendered(diagnostic).hasSuffix(
        """
          = fix: close it
        1 |
        2 | two }
          |    ++
        3 | three
          | +++++

        """
      )
    )
  }

  @Test func summary() {
    let range = SourceRange(file: FileID(0), 0..<0)
    let error = Diagnostic(code, "e", at: Label(range, ""))
    let warning = Diagnostic(lint, "w", at: Label(range, ""))
    #expect(TerminalRenderer.summary([]) == nil)
    #expect(TerminalRenderer.summary([error]) == "1 error")
    #expect(TerminalRenderer.summary([warning, error, error]) == "2 errors, 1 warning")
  }

  @Test func colourIsOnlyPaint() {
    let f = Fixture(("a", "one two\n"))
    let diagnostic = Diagnostic(
      code, "m", at: Label(f.range("two"), "b"), secondary: [Label(f.range("one"), "a")], notes: ["n"], help: "h"
    )
    let painted = f.rendered(diagnostic, color: true)
    #expect(painted.contains("\u{1B}[1;31merror[R0202]\u{1B}[0m"))
    #expect(painted.replacing(/\u{1B}\[[0-9;]*m/, with: "") == f.rendered(diagnostic))
  }
}
