import DiagnosticRendering

/// The few colours of a run.
enum Ink: String {
  case good = "32"
  case bad = "1;31"
  case doubtful = "33"
  case strong = "1"
  case faint = "2"
}

/// A line of a terminal in parts, so that it can be cropped to columns before it is coloured.
///
/// Whatever it is made of, no control character reaches the terminal.
struct StyledLine: Hashable {
  private struct Part: Hashable {
    var text: String
    var ink: Ink?
  }

  private var parts: [Part] = []

  init(_ text: String = "", _ ink: Ink? = nil) { add(text, ink) }

  mutating func add(_ text: String, _ ink: Ink? = nil) {
    if !text.isEmpty { parts.append(Part(text: safeText(text), ink: ink)) }
  }

  func adding(_ text: String, _ ink: Ink? = nil) -> StyledLine {
    var line = self
    line.add(text, ink)
    return line
  }

  /// Columns.
  var width: Int { parts.reduce(0) { $0 + displayWidth($1.text) } }

  /// At most `columns` wide, with `…` where something was cut off.
  func cropped(to columns: Int) -> StyledLine {
    guard width > columns else { return self }
    var line = StyledLine()
    var left = max(0, columns - 1)
    for part in parts {
      var text = String.UnicodeScalarView()
      for scalar in part.text.unicodeScalars {
        left -= displayWidth(scalar)
        if left < 0 { break }
        text.append(scalar)
      }
      line.add(String(text), part.ink)
      if left < 0 { break }
    }
    if columns > 0 { line.add("…", .faint) }
    return line
  }

  func text(color: Bool) -> String {
    parts.map { part in
      guard color, let ink = part.ink else { return part.text }
      return "\u{1B}[\(ink.rawValue)m\(part.text)\u{1B}[0m"
    }.joined()
  }
}
