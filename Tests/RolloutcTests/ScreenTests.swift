import DiagnosticRendering
import TestSupport
import Testing

@testable import rolloutc

/// Drawing in place, judged by a terminal.
@Suite struct ScreenTests {
  /// As much of a terminal as is needed: it breaks long lines, and breaks them anew when it is resized, as most do.
  private struct Terminal {
    /// Whole lines, from the first ever written; the cursor is in one of them, `column` cells from its start.
    private(set) var lines: [[String]] = [[]]
    private var line = 0
    private var column = 0
    var columns: Int

    init(columns: Int) { self.columns = columns }

    var text: [String] { lines.map { $0.joined().trimmed } }

    mutating func write(_ text: String) throws {
      var rest = Array(text.unicodeScalars)[...]
      while let scalar = rest.popFirst() {
        switch scalar {
        case "\r":
          column =
            column / columns * columns == column && column > 0 && isPending
            ? column - columns : column / columns * columns
        case "\n":
          // Down a row of the screen; within a line that was broken that is not the next line.
          line += 1
          if line == lines.count { lines.append([]) }
          column %= columns
        case "\u{1B}":
          try #require(rest.popFirst() == "[")
          var parameters = ""
          while let next = rest.first, !("@"..."~").contains(next) {
            parameters.unicodeScalars.append(next)
            rest = rest.dropFirst()
          }
          switch rest.popFirst() {
          case "A": for _ in 0..<(Int(parameters) ?? 1) { up() }
          case "J":
            lines.removeSubrange((line + 1)...)
            erase()
          case "K": erase()
          case "h", "l", "m": break
          case let other: Issue.record("\(String(describing: other)) is not understood")
          }
        default:
          while lines[line].count <= column { lines[line].append(" ") }
          lines[line][column] = String(scalar)
          column += 1
        }
      }
    }

    private var isPending: Bool { column == lines[line].count }

    private mutating func up() {
      if column >= columns {
        column -= columns
      } else if line > 0 {
        line -= 1
        let last = max(0, lines[line].count - 1) / columns * columns
        column += last
      }
    }

    private mutating func erase() { if column < lines[line].count { lines[line].removeSubrange(column...) } }
  }

  @Test func whatStaysStaysAndWhatChangesIsDrawnOver() throws {
    for round in 0..<200 {
      var random = SeededGenerator(seed: SeededGenerator.seed &+ UInt64(round))
      var size = Screen.Size(columns: 60, rows: 200)
      var terminal = Terminal(columns: size.columns)
      var screen = Screen()
      var permanent: [String] = []
      var number = 0
      func line() -> String {
        number += 1
        return "\(number)" + String(repeating: "x", count: Int.random(in: 0..<70, using: &random))
      }
      for _ in 0..<30 {
        if Int.random(in: 0..<4, using: &random) == 0 {
          size.columns = Int.random(in: 8...90, using: &random)
          terminal.columns = size.columns
        }
        let new = (0..<max(0, Int.random(in: -3...3, using: &random))).map { _ in line() }
        let frame = (0..<Int.random(in: 0...6, using: &random)).map { _ in line() }
        permanent += new
        try terminal.write(
          screen.draw(
            permanent: new.map { $0 + "\n" }.joined(), frame: frame.map { StyledLine($0, .good) }, size: size,
            color: Bool.random(using: &random)))
        let shown = frame.map { $0.utf8.count < size.columns ? $0 : $0.prefix(size.columns - 2) + "…" }
        let expected = permanent + (shown.isEmpty ? [""] : shown)
        #expect(terminal.text == expected, "round \(round), seed \(SeededGenerator.seed)")
        if terminal.text != expected { return }
      }
      try terminal.write(screen.draw(permanent: "", frame: [], size: size, color: false))
      #expect(terminal.text == permanent + [""])
    }
  }

  @Test func nothingIsWrittenWhereNothingChanged() {
    var screen = Screen()
    let size = Screen.Size(columns: 20, rows: 10)
    let frame = [StyledLine("a"), StyledLine("b")]
    #expect(!screen.draw(permanent: "", frame: frame, size: size, color: false).isEmpty)
    #expect(screen.draw(permanent: "", frame: frame, size: size, color: false).isEmpty)
    #expect(!screen.draw(permanent: "", frame: frame, size: Screen.Size(columns: 30, rows: 10), color: false).isEmpty)
  }

  /// A process that ends between two writes leaves nothing to restore.
  @Test func everyWriteRestoresWhatItChanged() {
    var screen = Screen()
    let size = Screen.Size(columns: 20, rows: 10)
    let texts = [
      screen.draw(permanent: "a\n", frame: [StyledLine("b", .bad)], size: size, color: true),
      screen.draw(permanent: "", frame: [StyledLine("c", .good)], size: size, color: true),
      screen.draw(permanent: "", frame: [], size: size, color: true),
    ]
    for text in texts {
      #expect(text.hasSuffix("\u{1B}[?25h\u{1B}[?2026l"))
      #expect(text.components(of: "\u{1B}[?25l") == text.components(of: "\u{1B}[?25h"))
      #expect(text.ranges(of: /\u{1B}\[[1-9][0-9;]*m/).count == text.components(of: "\u{1B}[0m"))
    }
  }

  @Test func aFrameFitsItsTerminal() {
    var screen = Screen()
    let text = screen.draw(
      permanent: "", frame: (0..<50).map { StyledLine("line \($0)") }, size: Screen.Size(columns: 40, rows: 10),
      color: false)
    #expect(text.components(of: "line") == 9)
    #expect(text.contains("line 49"), "the end is what is asked and waited for")
  }

  @Test func wideCharactersAreCroppedByColumns() {
    #expect(StyledLine("日本語").width == 6)
    #expect(StyledLine("日本語").cropped(to: 4).text(color: false) == "日…")
    #expect(StyledLine("日本語").cropped(to: 6).text(color: false) == "日本語")
    #expect(
      StyledLine("abc", .good).adding("def", .bad).cropped(to: 4).text(color: true)
        == "\u{1B}[32mabc\u{1B}[0m\u{1B}[2m…\u{1B}[0m")
  }

  @Test func keysBecomeLines() {
    var keys = KeyReader()
    for byte in "yse\u{7F}\u{7F}\u{7F}no\u{15}y\u{1B}[A\u{1B}OBes\u{3}\n\n".utf8 { keys.take(byte) }
    #expect(keys.takeLine() == "yes")
    #expect(keys.takeLine() == "")
    #expect(keys.takeLine() == nil)
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }

  fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
