import DiagnosticRendering

/// The bottom of a terminal, redrawn in place: lines that stay go above it into the scrollback.
///
/// A value that gives the bytes to write. Each write leaves the cursor shown and all colours off, so that a process that
/// ends between two writes leaves nothing to restore. Between two draws the cursor stands at the end of the last line.
struct Screen {
  struct Size: Hashable {
    var columns: Int
    var rows: Int
  }

  /// The widths of the lines that stand there, from the top.
  private var drawn: [Int] = []
  private var last: [StyledLine] = []
  private var lastSize: Size?

  /// - Parameters:
  ///   - permanent: whole lines for the scrollback; each ends with a line break.
  ///   - frame: what is to stand below them; cropped to the terminal.
  /// - Returns: nothing where nothing changes.
  mutating func draw(permanent: String, frame: [StyledLine], size: Size, color: Bool) -> String {
    // The last column stays free: what is written there makes some terminals wrap at once, and others later.
    let columns = max(1, size.columns - 1)
    let lines = frame.suffix(max(1, size.rows - 1)).map { $0.cropped(to: columns) }
    if permanent.isEmpty, lines == last, size == lastSize { return "" }
    var output = begin + toTop(size)
    if permanent.isEmpty, size == lastSize {
      // Over the old lines, so that nothing is seen to vanish and come back.
      output += lines.map { $0.text(color: color) + "\u{1B}[K" }.joined(separator: "\r\n")
      output += "\u{1B}[J"
    } else {
      output += "\u{1B}[J" + permanent.replacing("\n", with: "\r\n")
      output += lines.map { $0.text(color: color) }.joined(separator: "\r\n")
    }
    drawn = lines.map(\.width)
    last = lines
    lastSize = size
    return output + end
  }

  /// Somebody else wrote since: what was drawn is left as it is.
  mutating func forget() {
    drawn = []
    last = []
    lastSize = nil
  }

  /// Synchronized output (mode 2026): terminals that know it show the whole draw at once; others ignore it.
  private let begin = "\u{1B}[?2026h\u{1B}[?25l"
  private let end = "\u{1B}[?25h\u{1B}[?2026l"

  /// To the first column of the first line of the frame. In a terminal that was made narrower, its lines were broken.
  private func toTop(_ size: Size) -> String {
    let rows = drawn.reduce(0) { $0 + max(1, ($1 + size.columns - 1) / max(1, size.columns)) }
    return rows > 1 ? "\r\u{1B}[\(min(rows, size.rows) - 1)A" : "\r"
  }
}
