/// `text` without anything that could steer a terminal or turn the reading direction: controls (C0, DEL, C1), bidirectional
/// overrides (CVE-2021-42574) and separators of lines and paragraphs are shown as `\u{1b}`. Line breaks stay if `keepsLines`.
package func safeText(_ text: String, keepsLines: Bool = false) -> String {
  guard text.unicodeScalars.contains(where: { isUnsafe($0) }) || hasCommand(text) else { return text }
  var output = String.UnicodeScalarView()
  // Whether nothing but blanks stands before on the line, and what came last.
  var isLineStart = false
  var last: (Unicode.Scalar, Unicode.Scalar) = (" ", " ")
  for scalar in text.unicodeScalars {
    if scalar == ":", last.0 == ":", isLineStart {
      // `::error::…` and `##[error]…` are commands to the program that runs a pipeline's job.
      output.removeLast()
      output.append(contentsOf: "\\u{3a}:".unicodeScalars)
      isLineStart = false
    } else if scalar == "[", last.0 == "#", last.1 == "#" {
      output.append(contentsOf: "\\u{5b}".unicodeScalars)
    } else if !isUnsafe(scalar) || keepsLines && scalar == "\n" {
      output.append(scalar)
    } else if scalar == "\n" || scalar == "\t" {
      output.append(" ")
    } else {
      output.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
    }
    if scalar == "\n" { isLineStart = keepsLines } else if scalar != " ", scalar != ":" { isLineStart = false }
    last = (scalar, last.0)
  }
  return String(output)
}

/// `text` with words that nobody reads cut short: of a word of more than `longestWord` characters its beginning is left.
func clipped(_ text: String) -> String {
  guard text.utf8.count > longestWord else { return text }
  var output = String.UnicodeScalarView()
  var length = 0
  for scalar in text.unicodeScalars {
    length = scalar == " " || scalar == "\n" ? 0 : length + 1
    if length <= longestWord { output.append(scalar) }
    if length == longestWord + 1 { output.append("…") }
  }
  return String(output)
}

/// Longer than any name, path or host.
private let longestWord = 400

/// More diagnostics than these no program needs of one run; what is left off is counted.
package let longestResult = 10_000

func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0...0x1F, 0x7F...0x9F, 0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
  default: false
  }
}

/// The columns that a scalar takes in a terminal: 0 for what combines, 2 for East Asian wide characters and emoji
/// (the wide ranges of Unicode's EastAsianWidth.txt, merged across gaps that hold nothing narrow in use).
package func displayWidth(_ scalar: Unicode.Scalar) -> Int {
  let value = scalar.value
  if value < 0x300 { return 1 }
  switch scalar.properties.generalCategory {
  case .nonspacingMark, .enclosingMark: return 0
  case .format: return 0
  default: break
  }
  switch value {
  case 0x1100...0x115F, 0x231A...0x231B, 0x2329...0x232A, 0x23E9...0x23EC, 0x23F0, 0x23F3, 0x25FD...0x25FE,
    0x2614...0x2615, 0x2648...0x2653, 0x267F, 0x2693, 0x26A1, 0x26AA...0x26AB, 0x26BD...0x26BE, 0x26C4...0x26C5,
    0x26CE, 0x26D4, 0x26EA, 0x26F2...0x26F3, 0x26F5, 0x26FA, 0x26FD, 0x2705, 0x270A...0x270B, 0x2728, 0x274C, 0x274E,
    0x2753...0x2755, 0x2757, 0x2795...0x2797, 0x27B0, 0x27BF, 0x2B1B...0x2B1C, 0x2B50, 0x2B55, 0x2E80...0x303E,
    0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
    0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18CFF,
    0x1AFF0...0x1B2FF, 0x1F004, 0x1F0CF, 0x1F18E, 0x1F191...0x1F19A, 0x1F1E6...0x1F202, 0x1F210...0x1F23B,
    0x1F240...0x1F248, 0x1F250...0x1F251, 0x1F260...0x1F265, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F7E0...0x1F7EB,
    0x1F900...0x1F9FF, 0x1FA70...0x1FAFF, 0x20000...0x3FFFD:
    return 2
  default: return 1
  }
}

package func displayWidth(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + displayWidth($1) } }

/// `##[`, byte by byte: a search for characters goes through every text as Unicode has it, and here through every line.
private func hasCommand(_ text: String) -> Bool {
  var marks = 0
  for byte in text.utf8 {
    if byte == UInt8(ascii: "["), marks >= 2 { return true }
    marks = byte == UInt8(ascii: "#") ? marks + 1 : 0
  }
  return false
}
