package import Diagnostics

/// Diagnostics as a person reads them in a terminal, with the lines of the source they speak of.
///
/// ```
/// error[R0202]: there is no cookie named `falg`
///   --> plans/aks-voting.rollout:111:27
///  88 | cookie flag is featureflag = on
///     |        ---- `flag` is declared here
///     …
/// 111 |   route voting-app cookie falg -> 2.0
///     |                           ^^^^ not declared
///     = help: a similar name is `flag`
/// ```
/// Whatever the source and the messages hold, no control character of theirs reaches the output.
package struct TerminalRenderer: Sendable {
  package let sources: SourceSet
  /// Whether to colour by ANSI sequences.
  package let color: Bool
  /// The terminal's columns: longer source lines are cropped around their labels. Nil stands for 200.
  package let width: Int?
  private let maps: [LineMap]

  package init(sources: SourceSet, color: Bool, width: Int? = nil) {
    self.sources = sources
    self.color = color
    self.width = width
    maps = sources.files.map(LineMap.init)
  }

  /// Nobody reads more in a terminal, and each takes its lines out of the source.
  package static let limit = 1000

  /// `diagnostics` in the order given, with an empty line after each, and the summary of all.
  package func rendered(_ diagnostics: [Diagnostic]) -> String {
    var output = ""
    for diagnostic in diagnostics.prefix(Self.limit) { output += rendered(diagnostic) + "\n" }
    if diagnostics.count > Self.limit { output += "and \(diagnostics.count - Self.limit) more\n\n" }
    if let summary = Self.summary(diagnostics) { output += summary + "\n" }
    return output
  }

  /// `2 errors, 1 warning`; nil if there are neither.
  package static func summary(_ diagnostics: [Diagnostic]) -> String? {
    func counted(_ severity: Severity, _ noun: String) -> String? {
      let count = diagnostics.count { $0.severity == severity }
      return count == 0 ? nil : "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
    let parts = [counted(.error, "error"), counted(.warning, "warning")].compactMap(\.self)
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// One diagnostic; every line ends with a line break.
  package func rendered(_ diagnostic: Diagnostic) -> String {
    let tint: Tint =
      switch diagnostic.severity {
      case .error: .error
      case .warning: .warning
      case .note: .note
      }
    let head = "\(diagnostic.severity.rawValue)[\(safeText(diagnostic.code.id))]"
    var output = paint(head, tint) + paint(": " + indented(diagnostic.message, by: 2), .strong) + "\n"

    let files = snippets(of: diagnostic, tint)
    let gutter = max(1, files.flatMap { $0.lines.map { String($0.number).count } }.max() ?? 1)
    for (i, file) in files.enumerated() {
      output += paint(i == 0 ? "  --> " : "  ::: ", .frame) + file.place + "\n"
      output += rendered(file.lines, gutter: gutter)
    }
    for note in diagnostic.notes { output += remark("note", note, gutter) }
    if let help = diagnostic.help { output += remark("help", help, gutter) }
    for fixIt in diagnostic.fixIts {
      output += remark("fix", fixIt.message, gutter)
      for lines in suggestions(fixIt) { output += rendered(lines, gutter: gutter) }
    }
    return output
  }

  private func remark(_ kind: String, _ text: String, _ gutter: Int) -> String {
    let margin = String(repeating: " ", count: gutter + 1)
    return margin + paint("=", .frame) + " " + paint(kind + ":", .strong) + " "
      + indented(text, by: gutter + 5 + kind.count) + "\n"
  }

  /// Further lines of a text begin below its first.
  private func indented(_ text: String, by columns: Int) -> String {
    safeText(clipped(text), keepsLines: true)
      .split(separator: "\n", omittingEmptySubsequences: false)
      .joined(separator: "\n" + String(repeating: " ", count: columns))
  }
}

// MARK: - Snippets

extension TerminalRenderer {
  /// The lines of one file that a diagnostic speaks of.
  private struct Snippet {
    var place: String
    var lines: [MarkedLine]
  }

  private func snippets(of diagnostic: Diagnostic, _ tint: Tint) -> [Snippet] {
    let labels = [(diagnostic.primary, true)] + diagnostic.secondary.map { ($0, false) }
    var order: [FileID] = []
    for (label, _) in labels where !order.contains(label.range.file) { order.append(label.range.file) }
    return order.map { file in
      let own = labels.filter { $0.0.range.file == file }
      guard let source = sources[file] else { return Snippet(place: "(unknown file)", lines: []) }
      let map = maps[Int(file.index)]
      let position = map.position(at: own.first.map { clamped($0.0.range, source).start } ?? 0)
      var lines: [Int: MarkedLine] = [:]
      for (label, isPrimary) in own {
        for (number, mark) in marks(label, isPrimary ? "^" : "-", isPrimary ? tint : .secondary, source, map) {
          lines[number, default: line(number, source, map, hidden: diagnostic.hidden)].marks.append(mark)
        }
      }
      // A single line between two that are shown costs no more than the sign for its absence.
      for number in lines.keys where lines[number + 1] == nil && lines[number + 2] != nil {
        lines[number + 1] = line(number + 1, source, map, hidden: diagnostic.hidden)
      }
      return Snippet(
        place: "\(safeText(source.path)):\(position.line):\(position.column)",
        lines: lines.values.sorted { $0.number < $1.number }
      )
    }
  }

  private func line(
    _ number: Int, _ source: SourceFile, _ map: LineMap, hidden: SourceRange? = nil
  ) -> MarkedLine {
    let own = hidden.flatMap { $0.file == source.id ? clamped($0, source) : nil }
    let bytes = own.map { Int($0.start)..<Int($0.end) }
    return MarkedLine(number: number, content: DisplayLine(source.bytes, map.bytes(ofLine: number), hidden: bytes))
  }

  private func clamped(_ range: SourceRange, _ source: SourceFile) -> SourceRange {
    let end = UInt32(truncatingIfNeeded: source.bytes.count)
    return SourceRange(file: range.file, start: min(range.start, end), end: min(range.end, end))
  }

  /// The marks of a label by line: one, or two where it spans several lines; the text stands at the last.
  private func marks(
    _ label: Label, _ sign: Character, _ tint: Tint, _ source: SourceFile, _ map: LineMap
  ) -> [(Int, MarkedLine.Mark)] {
    let range = clamped(label.range, source)
    let text = safeText(clipped(label.text))
    let first = map.line(at: range.start)
    var last = map.line(at: range.end)
    var end = Int(range.end)
    // A range that takes its line break along ends on the line it began.
    while last > first, map.bytes(ofLine: last).lowerBound >= end {
      last -= 1
      end = map.bytes(ofLine: last).upperBound
    }
    func mark(_ number: Int, _ start: Int, _ end: Int, _ text: String) -> (Int, MarkedLine.Mark) {
      let columns = DisplayLine(source.bytes, map.bytes(ofLine: number)).columns(start..<max(start, end))
      return (number, MarkedLine.Mark(columns: columns, sign: sign, text: text, tint: tint))
    }
    if first == last { return [mark(first, Int(range.start), end, text)] }
    let tail = map.bytes(ofLine: last)
    let blanks = source.bytes[tail.lowerBound..<end].prefix { $0 == 0x20 || $0 == 0x09 }.count
    return [
      mark(first, Int(range.start), map.bytes(ofLine: first).upperBound, ""),
      mark(last, min(tail.lowerBound + blanks, end), end, text),
    ]
  }

  /// The lines that a fix-it touches as they will be, for each file.
  private func suggestions(_ fixIt: FixIt) -> [[MarkedLine]] {
    var order: [FileID] = []
    for edit in fixIt.edits where !order.contains(edit.range.file) { order.append(edit.range.file) }
    return order.compactMap { file in
      guard let source = sources[file] else { return nil }
      let edits = fixIt.edits.filter { $0.range.file == file }
      guard let ordered = SourceSet.inOrder(edits, length: source.bytes.count),
        let bytes = SourceSet.applying(edits, to: source.bytes)
      else { return nil }
      let changed = SourceFile(id: file, path: source.path, bytes: bytes)
      let map = LineMap(changed)
      var lines: [Int: MarkedLine] = [:]
      var shift = 0
      for edit in ordered {
        let start = Int(edit.range.start) + shift
        let length = edit.replacement.utf8.count
        shift += length - Int(edit.range.end - edit.range.start)
        let first = map.line(at: UInt32(truncatingIfNeeded: start))
        let last = map.line(at: UInt32(truncatingIfNeeded: start + length))
        for number in first...min(max(first, last), first + 5) {
          let content = map.bytes(ofLine: number)
          let from = max(start, content.lowerBound)
          let to = min(start + length, content.upperBound)
          if number > first, from >= to { continue }
          var marked = lines[number] ?? line(number, changed, map)
          if from < to {
            let sign: Character = edit.range.isEmpty ? "+" : "~"
            marked.marks.append(.init(columns: marked.content.columns(from..<to), sign: sign, text: "", tint: .fix))
          }
          lines[number] = marked
        }
      }
      return lines.values.sorted { $0.number < $1.number }
    }
  }

  private func rendered(_ lines: [MarkedLine], gutter: Int) -> String {
    var output = ""
    let available = max(20, min(max(width ?? 200, 0), 10_000) - gutter - 3)
    let margin = String(repeating: " ", count: gutter + 1)
    for (i, line) in lines.enumerated() {
      if i > 0, line.number > lines[i - 1].number + 1 { output += margin + paint("…", .frame) + "\n" }
      let number = String(line.number)
      let window = line.window(available)
      let padding = String(repeating: " ", count: max(0, gutter - number.count))
      let content = trimmedEnd(line.content.text(window))
      output += paint(padding + number + " |", .frame) + (content.isEmpty ? "" : " " + content) + "\n"
      for row in line.rows(window) {
        output += margin + paint("|", .frame) + " " + row.map { paint($0.text, $0.tint) }.joined() + "\n"
      }
    }
    return output
  }

  private func trimmedEnd(_ text: String) -> String {
    var text = text
    while text.last == " " { text.removeLast() }
    return text
  }

  fileprivate func paint(_ text: String, _ tint: Tint?) -> String {
    guard color, let tint, !text.isEmpty else { return text }
    return "\u{1B}[\(tint.rawValue)m\(text)\u{1B}[0m"
  }
}

/// The ANSI attributes in use.
enum Tint: String {
  case error = "1;31"
  case warning = "1;33"
  case note = "1;36"
  case secondary = "1;34"
  case fix = "1;32"
  case frame = "34"
  case strong = "1"
}
