internal import Diagnostics

/// Typographic quotes, as word processors and chats put them in: one fault for each text, which keeps its meaning.
extension Lexer {
  /// Lexes a text that begins with a typographic quote; false where none begins here.
  mutating func lexTypographic() -> Bool {
    guard bytes[offset] >= 0x80, let opening = quote(at: offset) else { return false }
    let start = offset
    let content = start + opening.length
    guard let close = closingQuote(isDouble: opening.isDouble, from: content) else {
      diagnostics.append(.typographicQuote(at: range(start, content), plain: nil))
      return false
    }
    let plain = isRegexPlace ? "'" : "\""
    offset = close.upperBound
    add(plain == "'" ? .raw : .text, from: start, flags: .typographic)
    let inner = String(decoding: bytes[content..<close.lowerBound], as: UTF8.self)
    guard !inner.contains(plain) else {
      let edit = Edit(range(start, offset), "\"" + inner.replacing("\"", with: "\\\"") + "\"")
      diagnostics.append(.typographicQuotes(at: range(start, offset), edits: plain == "'" ? [] : [edit]))
      return true
    }
    diagnostics.append(
      .typographicQuotes(
        at: range(start, offset),
        edits: [Edit(range(start, content), plain), Edit(range(close.lowerBound, close.upperBound), plain)]))
    return true
  }

  /// Ends a text that begins with a plain quote and whose line has no other, where a typographic one closes it.
  mutating func endTypographic(_ start: Int, kind: TokenKind, flags: Token.Flags) -> Bool {
    let isDouble = kind == .text
    guard let close = closingQuote(isDouble: isDouble, from: start + 1), bytes[close.lowerBound] >= 0x80 else {
      return false
    }
    offset = close.upperBound
    add(kind, from: start, flags: flags.union(.typographic))
    diagnostics.append(
      .typographicQuote(at: range(close.lowerBound, close.upperBound), plain: isDouble ? "\"" : "'"))
    return true
  }

  /// A regular expression stands in single quotes, all else in double ones.
  private var isRegexPlace: Bool {
    guard let last = tokens.last?.keyword else { return false }
    if last == .matches { return true }
    return last == .is && tokens.count > 2 && tokens[tokens.count - 3].keyword == .pattern
  }

  private func quote(at place: Int) -> (isDouble: Bool, length: Int)? {
    guard let scalar = UTF8Scalar.decode(bytes, at: place) else { return nil }
    switch scalar.value {
    case 0x201C...0x201F, 0xAB, 0xBB: return (true, scalar.length)
    case 0x2018...0x201B: return (false, scalar.length)
    default: return nil
    }
  }

  /// The first quote on the line that something else than a word follows: a typographic one, or else a plain one.
  private func closingQuote(isDouble: Bool, from start: Int) -> Range<Int>? {
    let plain = isDouble ? UInt8(ascii: "\"") : UInt8(ascii: "'")
    var plainClose: Range<Int>?
    var i = start
    while i < bytes.count, bytes[i] != UInt8(ascii: "\n"), bytes[i] != UInt8(ascii: "\r") {
      let length =
        bytes[i] == plain
        ? 1 : bytes[i] < 0x80 ? nil : quote(at: i).flatMap { $0.isDouble == isDouble ? $0.length : nil }
      if let length, i + length >= bytes.count || Lexer.classes[Int(bytes[i + length])] == .end {
        if length > 1 { return i..<i + length }
        plainClose = plainClose ?? i..<i + 1
      }
      i += max(1, length ?? 1)
    }
    return plainClose
  }
}
