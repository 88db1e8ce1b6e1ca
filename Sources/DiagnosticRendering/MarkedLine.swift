/// A source line and what to say below it.
struct MarkedLine {
  struct Mark {
    var columns: Range<Int>
    var sign: Character
    var text: String
    var tint: Tint
  }

  /// A stretch of one colour.
  struct Stretch {
    var text: String
    var tint: Tint?
  }

  var number: Int
  var content: DisplayLine
  /// The primary mark comes first.
  var marks: [Mark] = []

  /// The columns to show where only `available` fit: those around the first mark.
  func window(_ available: Int) -> Range<Int> {
    guard content.width > available else { return 0..<max(content.width, available) }
    guard let first = marks.first, first.columns.upperBound + 1 >= available else { return 0..<available }
    let start = max(0, min(first.columns.lowerBound - available / 3, content.width + 1 - available))
    return start..<(start + available)
  }

  /// The rows below the line. The first has all the marks and the text of the last one; each further text hangs from
  /// its mark:
  /// ```
  /// ---- ^^^^ not declared
  /// |
  /// `flag` is declared here
  /// ```
  func rows(_ window: Range<Int>) -> [[Stretch]] {
    let shown = marks.map { mark in
      var mark = mark
      let start = min(max(mark.columns.lowerBound, window.lowerBound), window.upperBound)
      let end = max(start + 1, min(mark.columns.upperBound, window.upperBound))
      mark.columns = (start - window.lowerBound)..<(end - window.lowerBound)
      return mark
    }
    guard !shown.isEmpty else { return [] }
    var first = Row()
    for mark in shown.reversed() { first.put(String(repeating: mark.sign, count: mark.columns.count), mark) }

    // From left to right; of marks at one place the first one said is the last one hung, nearest to the left margin.
    var hanging = shown.enumerated().filter { !$0.element.text.isEmpty }
      .sorted { ($0.element.columns.lowerBound, -$0.offset) < ($1.element.columns.lowerBound, -$1.offset) }
      .map(\.element)
    if let last = hanging.last, !shown.contains(where: { $0.columns.upperBound > last.columns.upperBound }) {
      first.cells.append((" ", nil))
      first.append(last.text, last.tint)
      hanging.removeLast()
    }
    var rows = [first]
    if !hanging.isEmpty { rows.append(stems(hanging)) }
    while let mark = hanging.popLast() {
      var row = stems(hanging.filter { $0.columns.lowerBound < mark.columns.lowerBound })
      row.pad(to: mark.columns.lowerBound)
      row.append(mark.text, mark.tint)
      rows.append(row)
    }
    return rows.map(\.stretches)
  }

  private func stems(_ marks: [Mark]) -> Row {
    var row = Row()
    for mark in marks { row.put("|", mark) }
    return row
  }

  private struct Row {
    var cells: [(Character, Tint?)] = []

    mutating func pad(to column: Int) {
      while cells.count < column { cells.append((" ", nil)) }
    }

    mutating func put(_ text: String, _ mark: Mark) {
      pad(to: mark.columns.lowerBound + text.count)
      for (i, character) in text.enumerated() { cells[mark.columns.lowerBound + i] = (character, mark.tint) }
    }

    mutating func append(_ text: String, _ tint: Tint?) {
      for character in text { cells.append((character, tint)) }
    }

    var stretches: [Stretch] {
      var stretches: [Stretch] = []
      for (character, tint) in cells {
        if let last = stretches.last, last.tint == tint {
          stretches[stretches.count - 1].text.append(character)
        } else {
          stretches.append(Stretch(text: String(character), tint: tint))
        }
      }
      return stretches
    }
  }
}
