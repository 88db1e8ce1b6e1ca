/// How a string is written so that every reader (YAML 1.1 or 1.2, Go's, Python's, ours) gives back the same string.
///
/// Plain is for what no reader can take for anything but text. The rules are stricter than each reader's own: a string
/// that begins with a digit, a sign or a dot is plain only if it cannot be a number, a date or a sexagesimal in any of
/// them. Quoting too much costs two bytes; quoting too little changes a release.
package enum ScalarStyle: Hashable, Sendable {
  case plain, doubleQuoted, literal

  /// The style for a value. A key, or the root of a document, must not be literal.
  package init(for text: String) {
    var text = text
    self = text.withUTF8 { Self(for: $0) }
  }

  init(for bytes: UnsafeBufferPointer<UInt8>) {
    guard let first = bytes.first, let last = bytes.last else {
      self = .doubleQuoted
      return
    }
    // Nearly every scalar is one word of ASCII, in which nothing but its beginning and its end can need quotes.
    if bytes.allSatisfy({ $0 &- 0x21 < 0x5E }) {
      self = last != UInt8(ascii: ":") && Self.startsPlain(bytes, first: first) ? .plain : .doubleQuoted
      return
    }
    var breaks = false
    var isPlain = true
    var previous: UInt8 = 0
    for byte in bytes {
      if byte &- 0x20 < 0x5F {
        if byte == UInt8(ascii: " ") {
          if previous == UInt8(ascii: ":") { isPlain = false }
        } else if byte == UInt8(ascii: "#") {
          if previous == UInt8(ascii: " ") { isPlain = false }
        }
      } else if byte == 0x0A {
        // Blanks before a line break are lost by some readers.
        if previous == UInt8(ascii: " ") {
          self = .doubleQuoted
          return
        }
        breaks = true
      } else if byte < 0x80 || !Self.isPrintableLead(byte) {
        self = .doubleQuoted
        return
      } else {
        isPlain = false
      }
      previous = byte
    }
    if breaks {
      self = Self.isLiteral(bytes, first: first, last: last) ? .literal : .doubleQuoted
    } else if isPlain, last != UInt8(ascii: " "), last != UInt8(ascii: ":"), Self.startsPlain(bytes, first: first) {
      self = .plain
    } else {
      self = .doubleQuoted
    }
  }

  /// Whether a byte beyond ASCII can be part of a literal block. Excluded are the lead bytes of the C1 controls and
  /// NEL (C2), of LS and PS (E2), of the byte order mark and the non-characters (EF), and of everything beyond the
  /// basic plane, which libyaml escapes.
  private static func isPrintableLead(_ byte: UInt8) -> Bool {
    byte < 0xC0 || byte > 0xC2 && byte < 0xEF && byte != 0xE2
  }

  /// Several lines: literal if neither the detection of the indentation nor the final line breaks need an indicator
  /// that readers treat differently.
  private static func isLiteral(_ bytes: UnsafeBufferPointer<UInt8>, first: UInt8, last: UInt8) -> Bool {
    if first == 0x20 || first == 0x0A || last == 0x20 { return false }
    return last != 0x0A || bytes.count > 1 && bytes[bytes.count - 2] != 0x0A
  }

  private static func startsPlain(_ bytes: UnsafeBufferPointer<UInt8>, first: UInt8) -> Bool {
    switch first {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): !isReservedWord(bytes)
    case UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "$"), UInt8(ascii: "("): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"): !couldBeNumber(bytes)
    case UInt8(ascii: "."):
      bytes.count > 1 && (isLetter(bytes[1]) || bytes[1] == UInt8(ascii: "/"))
        && !isReservedWord(UnsafeBufferPointer(rebasing: bytes[1...]))
    case UInt8(ascii: "-"):
      bytes.count > 1
        && (isLetter(bytes[1]) || bytes[1] == UInt8(ascii: "-") && bytes.count > 2 && isLetter(bytes[2]))
    default: false
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

  /// A string that begins with a digit could be a number unless it holds a letter that no number has. `0x1f`, `0o17`,
  /// `0b1`, `1_000`, `1:30`, `1e3`, `1.10` and all dates stay quoted; `250m`, `64Mi` and `2.0-rc1` are plain.
  private static func couldBeNumber(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    if bytes.count > 1, bytes[0] == UInt8(ascii: "0"), isLetter(bytes[1]) { return true }
    if bytes.count > 4, bytes[4] == UInt8(ascii: "-") { return true }
    var hasLetter = false
    for byte in bytes {
      if byte == UInt8(ascii: "_") || byte == UInt8(ascii: ":") { return true }
      if isLetter(byte), byte | 0x20 != UInt8(ascii: "e") { hasLetter = true }
    }
    return !hasLetter
  }

  /// The words that some reader takes for a truth value, null or a number, in any case.
  private static func isReservedWord(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    func reads(_ word: StaticString) -> Bool {
      guard word.utf8CodeUnitCount == bytes.count else { return false }
      for i in 0..<bytes.count where bytes[i] | 0x20 != word.utf8Start[i] { return false }
      return true
    }
    switch bytes.count {
    case 1: return reads("y") || reads("n")
    case 2: return reads("on") || reads("no")
    case 3: return reads("yes") || reads("off") || reads("nan") || reads("inf")
    case 4: return reads("true") || reads("null")
    case 5: return reads("false")
    case 8: return reads("infinity")
    default: return false
    }
  }
}
