package import Diagnostics

/// A part of a TEXT: what stands there, or a parameter to put there.
package enum TextPart: Hashable, Sendable {
  case literal(String)
  case parameter(name: String, range: SourceRange)
  /// `${` and what follows it to the end of the text, without a `}`.
  case unclosed(range: SourceRange)
}

/// The values of tokens.
package enum TokenText {
  /// `slice` without the characters that the lexer reported.
  static func cleaned(_ slice: ArraySlice<UInt8>) -> [UInt8] {
    let bytes = Array(slice)
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var i = 0
    while i < bytes.count {
      let byte = bytes[i]
      if byte < 0x80 {
        if byte >= 0x20 && byte != 0x7F || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n") {
          result.append(byte)
        }
        i += 1
      } else if let scalar = UTF8Scalar.decode(bytes, at: i) {
        if OddCharacter(scalar.value) == nil { result.append(contentsOf: bytes[i..<i + scalar.length]) }
        i += scalar.length
      } else {
        i += 1
        while i < bytes.count, bytes[i] & 0xC0 == 0x80 { i += 1 }
      }
    }
    return result
  }

  /// The lengths of the quotes around a text.
  static func quotes(_ token: Token, _ bytes: some Collection<UInt8>) -> (open: Int, close: Int) {
    guard token.flags.contains(.typographic) else { return token.kind == .blockText ? (3, 3) : (1, 1) }
    func byte(_ offset: Int) -> UInt8 { bytes[bytes.index(bytes.startIndex, offsetBy: offset)] }
    var (open, close) = (1, 1)
    while byte(Int(token.start) + open) & 0xC0 == 0x80 { open += 1 }
    while byte(Int(token.end) - close) & 0xC0 == 0x80 { close += 1 }
    return (open, close)
  }

  /// The bytes between the quotes, cleaned where the lexer reported something.
  package static func inner(_ token: Token, _ bytes: [UInt8]) -> (bytes: ArraySlice<UInt8>, offset: Int) {
    let quotes = quotes(token, bytes)
    let start = min(Int(token.start) + quotes.open, Int(token.end))
    let end = token.flags.contains(.unterminated) ? Int(token.end) : max(start, Int(token.end) - quotes.close)
    let slice = bytes[start..<end]
    return token.flags.contains(.dirty) ? (cleaned(slice)[...], start) : (slice, start)
  }

  /// The value of a TEXT: escapes resolved, parameters named.
  package static func parts(_ token: Token, in file: SourceFile) -> [TextPart] {
    let (inner, base) = inner(token, file.bytes)
    let first = inner.startIndex
    var parts: [TextPart] = []
    var literal: [UInt8] = []
    var i = inner.startIndex
    func flush() {
      if !literal.isEmpty { parts.append(.literal(String(decoding: literal, as: UTF8.self))) }
      literal = []
    }
    while i < inner.endIndex {
      let byte = inner[i]
      if byte == UInt8(ascii: "\\"), i + 1 < inner.endIndex {
        switch inner[i + 1] {
        case UInt8(ascii: "n"):
          literal.append(0x0A)
          i += 2
        case UInt8(ascii: "t"):
          literal.append(0x09)
          i += 2
        case UInt8(ascii: "u") where i + 2 < inner.endIndex && inner[i + 2] == UInt8(ascii: "{"):
          var value: UInt32 = 0
          i += 3
          while i < inner.endIndex, let digit = hexDigit(inner[i]) {
            value = value &* 16 &+ UInt32(digit)
            i += 1
          }
          if i < inner.endIndex { i += 1 }
          if let scalar = Unicode.Scalar(value) { literal.append(contentsOf: Array(String(Character(scalar)).utf8)) }
        default:
          literal.append(inner[i + 1])
          i += 2
        }
      } else if byte == UInt8(ascii: "$"), i + 1 < inner.endIndex, inner[i + 1] == UInt8(ascii: "{"),
        let close = inner[(i + 2)...].firstIndex(of: UInt8(ascii: "}"))
      {
        flush()
        let at = base + (i - first)
        parts.append(
          .parameter(
            name: String(decoding: inner[(i + 2)..<close], as: UTF8.self),
            range: SourceRange(file: file.id, at..<(base + (close + 1 - first)))
          ))
        i = close + 1
      } else if byte == UInt8(ascii: "$"), i + 1 < inner.endIndex, inner[i + 1] == UInt8(ascii: "{") {
        flush()
        let at = base + (i - first)
        parts.append(.unclosed(range: SourceRange(file: file.id, at..<(base + (inner.endIndex - first)))))
        i = inner.endIndex
      } else {
        literal.append(byte)
        i += 1
      }
    }
    flush()
    return parts
  }

  /// The value of a BLOCKTEXT: the first line break dropped, the indentation that all lines share removed, CRLF as LF.
  package static func block(_ token: Token, in file: SourceFile) -> String {
    var text = Array(inner(token, file.bytes).bytes).filter { $0 != 0x0D }
    if text.first == 0x0A { text.removeFirst() }
    var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
    let isBlank: ([UInt8]) -> Bool = { $0.allSatisfy { $0 == 0x20 || $0 == 0x09 } }
    // The closing quotes stand on a line of their own: its blanks belong to them.
    if let last = lines.last, lines.count > 1, isBlank(last) { lines[lines.count - 1] = [] }
    // The same bytes: a tab is as wide as nobody knows how many blanks.
    let blanks = lines.filter { !isBlank($0) }.map { $0.prefix { $0 == 0x20 || $0 == 0x09 } }
    let shared = blanks.dropFirst().reduce(blanks.first ?? []) { shared, next in
      shared.prefix(zip(shared, next).prefix { $0 == $1 }.count)
    }
    let indentation = shared.count
    let stripped = lines.map { isBlank($0) ? [] : Array($0.dropFirst(indentation)) }
    return String(decoding: Array(stripped.joined(separator: [0x0A])), as: UTF8.self)
  }
}
