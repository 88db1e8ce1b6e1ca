internal import DiagnosticRendering

/// Text in a picture: how wide it is, and how it is written without becoming markup.
package enum Text {
  /// Widths of Helvetica's ASCII glyphs in thousandths of the font size (Adobe's AFM files; Arial and Liberation Sans
  /// have the same), from the blank on. Bold ones are about a tenth wider.
  private static let widths: [Int] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
  ]

  /// The width of one line in pixels, rounded up, with room for the wider of the fonts that stand in where there is no
  /// Helvetica (DejaVu Sans takes about a sixth more).
  static func width(_ text: String, size: Int, isBold: Bool = false) -> Int {
    var thousandths = 0
    for scalar in text.unicodeScalars {
      let glyph = Int(scalar.value) - 0x20
      thousandths += widths.indices.contains(glyph) ? widths[glyph] : 1000
    }
    return (thousandths * size * (isBold ? 132 : 118) + 99_999) / 100_000
  }

  /// `text`, or as much of it as fits, with an ellipsis.
  static func fitted(_ text: String, size: Int, isBold: Bool = false, to limit: Int) -> String {
    if width(text, size: size, isBold: isBold) <= limit { return text }
    var kept = text
    while !kept.isEmpty, width(kept + "…", size: size, isBold: isBold) > limit { kept.removeLast() }
    while kept.last == " " { kept.removeLast() }
    return kept + "…"
  }

  /// As the content of an element or of an attribute. What XML 1.0 has no place for is shown, not written.
  package static func xml(_ text: String) -> String {
    var output = ""
    for scalar in safeText(text).unicodeScalars {
      switch scalar {
      case "&": output += "&amp;"
      case "<": output += "&lt;"
      case ">": output += "&gt;"
      case "\"": output += "&quot;"
      case "'": output += "&#39;"
      case "\u{FFFE}", "\u{FFFF}": output += "\u{FFFD}"
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }

  /// Inside the double quotes of a Mermaid label: entities keep quotes, markup and Markdown out of it.
  static func mermaid(_ text: String) -> String {
    var output = ""
    for scalar in safeText(text).unicodeScalars {
      switch scalar {
      case "#": output += "#35;"
      case "\"": output += "#quot;"
      case "<": output += "#lt;"
      case ">": output += "#gt;"
      case "&": output += "#amp;"
      case "`": output += "#96;"
      case "*": output += "#42;"
      case "_": output += "#95;"
      case "\\": output += "#92;"
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }

  /// Inside the double quotes of a DOT string, where a backslash begins an escape.
  static func dot(_ text: String) -> String {
    var output = ""
    for scalar in safeText(text).unicodeScalars {
      switch scalar {
      case "\\": output += "\\\\"
      case "\"": output += "\\\""
      // Graphviz reads HTML entities in labels.
      case "&": output += "&amp;"
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }
}
