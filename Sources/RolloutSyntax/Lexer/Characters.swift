/// Decodes one scalar of UTF-8 as RFC 3629 has it: no surrogates, nothing overlong, nothing above U+10FFFF.
enum UTF8Scalar {
  static func decode(_ bytes: [UInt8], at i: Int) -> (value: UInt32, length: Int)? {
    let first = bytes[i]
    let length: Int
    var value: UInt32
    let minimum: UInt32
    switch first {
    case 0..<0x80: return (UInt32(first), 1)
    case 0xC2..<0xE0: (length, value, minimum) = (2, UInt32(first & 0x1F), 0x80)
    case 0xE0..<0xF0: (length, value, minimum) = (3, UInt32(first & 0x0F), 0x800)
    case 0xF0..<0xF5: (length, value, minimum) = (4, UInt32(first & 0x07), 0x10000)
    default: return nil
    }
    guard i + length <= bytes.count else { return nil }
    for k in 1..<length {
      guard bytes[i + k] & 0xC0 == 0x80 else { return nil }
      value = value << 6 | UInt32(bytes[i + k] & 0x3F)
    }
    guard value >= minimum, value <= 0x10FFFF, !(0xD800..<0xE000).contains(value) else { return nil }
    return (value, length)
  }
}

/// Characters that look like nothing or like a blank, and so make a plan read otherwise than it is.
enum OddCharacter {
  /// Looks like a space; a space is meant.
  case blank
  /// Cannot be seen, or turns the direction of text (Unicode TR 36, "Trojan Source").
  case other(String)

  init?(_ scalar: UInt32) {
    switch scalar {
    case 0x00A0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: self = .blank
    case 0x0080...0x009F: self = .other("the control character \(OddCharacter.name(scalar))")
    case 0x00AD: self = .other("a soft hyphen (\(OddCharacter.name(scalar)))")
    case 0x200B...0x200D, 0x2060, 0xFEFF: self = .other("an invisible character (\(OddCharacter.name(scalar)))")
    // YAML has no way to write these two (`c-printable`).
    case 0xFFFE, 0xFFFF: self = .other("a code that is no character (\(OddCharacter.name(scalar)))")
    case _ where OddCharacter.isDirectional(scalar):
      self = .other("a character that turns the direction of text (\(OddCharacter.name(scalar)))")
    default: return nil
    }
  }

  static func isDirectional(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x200E, 0x200F, 0x061C, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  /// A vertical tab or a form feed: a control character that parts words.
  static func isOddBlank(_ byte: UInt8) -> Bool { byte == 0x0B || byte == 0x0C }

  static func controlName(_ byte: UInt8) -> String {
    byte == 0 ? "a NUL byte" : "the control character \(name(UInt32(byte)))"
  }

  static func name(_ scalar: UInt32) -> String {
    let hex = String(scalar, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
  }
}

/// An encoding of Unicode in units of two or four bytes: with a mark at the file's start, or seen by the zeros in it.
package struct OtherEncoding {
  package let name: String
  /// The bytes of one character of ASCII.
  let unit: Int

  package init?(of bytes: [UInt8]) {
    guard bytes.count >= 4 else { return nil }
    let head = Array(bytes.prefix(256))
    if head.starts(with: [0xFF, 0xFE, 0, 0]) || head.starts(with: [0, 0, 0xFE, 0xFF]) || Self.zeros(head, of: 4) {
      (name, unit) = ("UTF-32", 4)
    } else if head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF]) || Self.zeros(head, of: 2) {
      (name, unit) = ("UTF-16", 2)
    } else {
      return nil
    }
  }

  /// Whether nearly all characters are ASCII in units of `unit` bytes: one byte that says which, and zeros.
  private static func zeros(_ bytes: [UInt8], of unit: Int) -> Bool {
    let count = bytes.count / unit
    guard count >= 4 else { return false }
    return [0, unit - 1].contains { place in
      let hits = (0..<count).count { i in
        (0..<unit).allSatisfy { (bytes[i * unit + $0] == 0) == ($0 != place) }
      }
      return hits * 10 >= count * 9
    }
  }
}
