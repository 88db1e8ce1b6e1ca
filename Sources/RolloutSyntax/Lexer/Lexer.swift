package import Diagnostics

/// Cuts bytes into tokens. Works on bytes alone: a byte of 0x80 or more is part of a word, once it is known to be UTF-8.
///
/// Every byte of the input lies in exactly one token or its trivia, so that the tokens print back the input whatever it
/// is. What cannot be part of a plan (a control character, an odd blank, broken UTF-8) is reported with an edit and then
/// left out of the token's value, so that one bad byte is one diagnostic.
package struct Lexer {
  package private(set) var tokens: [Token] = []
  package private(set) var comments: [Comment] = []
  package internal(set) var diagnostics: [Diagnostic] = []

  let file: SourceFile
  let bytes: [UInt8]
  var offset = 0
  private var leading = 0
  private var lineHasToken = false
  /// Where the line begins that is being read.
  private var lineBegin = 0
  private var continued = false
  private var firstInvalidUTF8: Range<Int>?
  private var invalidUTF8Count = 0
  private var loneCarriageReturns: [SourceRange] = []

  package init(_ file: SourceFile) {
    self.file = file
    self.bytes = file.bytes
    tokens.reserveCapacity(bytes.count / 5 + 4)
  }

  /// Runs the lexer to the end of the file. The last token is always `.endOfFile`.
  package mutating func run() {
    if let encoding = OtherEncoding(of: bytes) {
      takeWhole(encoding)
      return
    }
    if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { offset = 3 }
    while lexToken() {}
    if let place = firstInvalidUTF8 {
      diagnostics.append(.invalidUTF8(at: SourceRange(file: file.id, place), count: invalidUTF8Count))
    }
    if !loneCarriageReturns.isEmpty { diagnostics.append(.loneCarriageReturns(at: loneCarriageReturns)) }
  }

  /// Nothing of the file can be read: it is one word, and one fault.
  private mutating func takeWhole(_ encoding: OtherEncoding) {
    diagnostics.append(.otherEncoding(encoding.name, at: range(0, encoding.unit)))
    offset = bytes.count
    add(.word, from: 0, flags: .dirty)
    add(.endOfFile, from: offset)
  }

  // MARK: - Tokens

  private mutating func lexToken() -> Bool {
    skipTrivia()
    guard offset < bytes.count else {
      add(.endOfFile, from: offset)
      return false
    }
    let start = offset
    switch bytes[offset] {
    case UInt8(ascii: "\n"):
      offset += 1
      add(.newline, from: start)
    case UInt8(ascii: "\r"):
      lexCarriageReturn()
    case UInt8(ascii: "{"):
      offset += 1
      add(.openBrace, from: start)
    case UInt8(ascii: "}"):
      offset += 1
      add(.closeBrace, from: start)
    case UInt8(ascii: ","):
      offset += 1
      add(.comma, from: start)
    case UInt8(ascii: "="):
      offset += 1
      add(.equals, from: start)
    case UInt8(ascii: "\""):
      if starts(with: "\"\"\"") { lexBlockText() } else { lexText() }
    case UInt8(ascii: "'"):
      lexRaw()
    default:
      if starts(with: "->") {
        offset += 2
        add(.arrow, from: start)
      } else if !lexTypographic() {
        lexWord()
      }
    }
    return true
  }

  mutating func add(_ kind: TokenKind, from start: Int, flags: Token.Flags = [], keyword: Keyword? = nil) {
    var flags = flags
    if continued {
      flags.insert(.continued)
      continued = false
    }
    tokens.append(
      Token(
        kind: kind, flags: flags, keyword: keyword, leading: UInt32(truncatingIfNeeded: leading),
        start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: offset)
      ))
    leading = offset
    lineHasToken = kind != .newline
    if kind == .newline { lineBegin = offset }
  }

  private mutating func lexCarriageReturn() {
    let start = offset
    if offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: "\n") {
      offset += 2
    } else {
      offset += 1
      loneCarriageReturns.append(range(start, offset))
    }
    add(.newline, from: start)
  }

  private mutating func lexWord() {
    let start = offset
    var flags: Token.Flags = []
    while offset < bytes.count {
      let byte = bytes[offset]
      let c = Lexer.classes[Int(byte)]
      if c == .word {
        offset += 1
      } else if c == .minus {
        if offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: ">") { break }
        offset += 1
      } else if c == .end {
        break
      } else if c == .high {
        guard let scalar = decodeScalar() else {
          flags.insert(.dirty)
          continue
        }
        switch OddCharacter(scalar.value) {
        case nil:
          offset += scalar.length
        case .blank:
          // Not at the start of a word: `skipTrivia` has taken the blanks in front of it.
          finishWord(start, flags)
          return
        case .other(let name):
          reportOdd(name, length: scalar.length)
          offset += scalar.length
          flags.insert(.dirty)
        }
      } else if OddCharacter.isOddBlank(byte) {
        finishWord(start, flags)
        return
      } else {
        reportOdd(OddCharacter.controlName(byte), length: 1)
        offset += 1
        flags.insert(.dirty)
      }
    }
    finishWord(start, flags)
  }

  private mutating func finishWord(_ start: Int, _ flags: Token.Flags) {
    if flags.contains(.dirty) {
      let clean = cleaned(bytes[start..<offset])
      // A word of nothing but bad bytes says nothing: it stays in the trivia.
      if clean.isEmpty { return }
      add(.word, from: start, flags: flags, keyword: clean.withUnsafeBufferPointer { Keyword.spelled(by: $0) })
    } else {
      let keyword = bytes.withUnsafeBufferPointer {
        Keyword.spelled(by: UnsafeBufferPointer(rebasing: $0[start..<offset]))
      }
      add(.word, from: start, flags: flags, keyword: keyword)
    }
  }

  private mutating func lexText() {
    let start = offset
    offset += 1
    var flags: Token.Flags = []
    while true {
      guard offset < bytes.count, bytes[offset] != UInt8(ascii: "\n"), bytes[offset] != UInt8(ascii: "\r") else {
        if !endTypographic(start, kind: .text, flags: flags) {
          endUnterminated(start, quote: "\"", kind: .text, flags: flags)
        }
        return
      }
      let byte = bytes[offset]
      if byte == UInt8(ascii: "\"") {
        offset += 1
        add(.text, from: start, flags: flags)
        return
      }
      if byte == UInt8(ascii: "\\") {
        if let length = escapeLength() {
          offset += length
        } else {
          let end = min(offset + 2, bytes.count)
          let isLineEnd =
            end > offset + 1 && (bytes[offset + 1] == UInt8(ascii: "\n") || bytes[offset + 1] == UInt8(ascii: "\r"))
          if !isLineEnd, offset + 1 < bytes.count {
            var stop = offset + 2
            while stop < bytes.count, bytes[stop] & 0xC0 == 0x80 { stop += 1 }
            if stop < bytes.count, bytes[offset + 1] == UInt8(ascii: "u"), bytes[stop] == UInt8(ascii: "{") {
              // With its braces, if they are closed on the way.
              var close = stop
              while close < bytes.count, close - stop < 12, bytes[close] != UInt8(ascii: "}"),
                bytes[close] != UInt8(ascii: "\""), bytes[close] >= 0x20
              { close += 1 }
              if close < bytes.count, bytes[close] == UInt8(ascii: "}") { stop = close + 1 }
            }
            diagnostics.append(
              .badEscape(at: range(offset, stop), text: String(decoding: bytes[offset..<stop], as: UTF8.self)))
            flags.insert(.badEscape)
            offset = stop
          } else {
            offset += 1
          }
        }
        continue
      }
      lexInnerByte(byte, &flags)
    }
  }

  private mutating func lexRaw() {
    let start = offset
    offset += 1
    var flags: Token.Flags = []
    while true {
      guard offset < bytes.count, bytes[offset] != UInt8(ascii: "\n"), bytes[offset] != UInt8(ascii: "\r") else {
        if !endTypographic(start, kind: .raw, flags: flags) {
          endUnterminated(start, quote: "'", kind: .raw, flags: flags)
        }
        return
      }
      if bytes[offset] == UInt8(ascii: "'") {
        offset += 1
        add(.raw, from: start, flags: flags)
        return
      }
      lexInnerByte(bytes[offset], &flags)
    }
  }

  private mutating func lexBlockText() {
    let start = offset
    offset += 3
    var flags: Token.Flags = []
    var lineStart = false
    let indentation = bytes[lineBegin...].prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.count
    while offset < bytes.count {
      if starts(with: "\"\"\"") {
        offset += 3
        add(.blockText, from: start, flags: flags)
        return
      }
      // A line that is no deeper than the one that opens the text and begins with a keyword, or ends a block, cannot be
      // meant as text of a block that nobody closed: what follows is parsed again, so that one missing quote is one
      // diagnostic.
      if lineStart, endsUnclosedText(at: offset, openedAt: indentation), !closesLater() {
        break
      }
      let byte = bytes[offset]
      if byte == UInt8(ascii: "\n") {
        offset += 1
        lineStart = true
        lineBegin = offset
        continue
      }
      lineStart = false
      if byte == UInt8(ascii: "\r") {
        offset += 1
        if offset >= bytes.count || bytes[offset] != UInt8(ascii: "\n") {
          loneCarriageReturns.append(range(offset - 1, offset))
        }
        continue
      }
      lexInnerByte(byte, &flags)
    }
    diagnostics.append(.unterminated("\"\"\"", at: range(start, start + 3)))
    flags.insert(.unterminated)
    // The line break before the keyword ends the statement.
    if offset < bytes.count, offset > start + 3 {
      offset -= 1
      if offset > start + 3, bytes[offset - 1] == UInt8(ascii: "\r") { offset -= 1 }
    }
    add(.blockText, from: start, flags: flags)
  }

  private func closesLater() -> Bool {
    var i = offset
    while i + 2 < bytes.count {
      if bytes[i] == UInt8(ascii: "\""), bytes[i + 1] == UInt8(ascii: "\""), bytes[i + 2] == UInt8(ascii: "\"") {
        // An opening `"""` stands behind other tokens of its line; a closing one begins its line.
        var j = i
        while j > 0, bytes[j - 1] == UInt8(ascii: " ") || bytes[j - 1] == UInt8(ascii: "\t") { j -= 1 }
        return j == 0 || bytes[j - 1] == UInt8(ascii: "\n")
      }
      i += 1
    }
    return false
  }

  private func endsUnclosedText(at line: Int, openedAt limit: Int) -> Bool {
    var start = line
    while start < bytes.count, bytes[start] == UInt8(ascii: " ") || bytes[start] == UInt8(ascii: "\t") { start += 1 }
    guard start < bytes.count, start - line <= limit else { return false }
    if bytes[start] == UInt8(ascii: "}") { return start - line < limit }
    var end = start
    while end < bytes.count, Lexer.classes[Int(bytes[end])] == .word { end += 1 }
    guard end > start else { return false }
    let keyword = bytes.withUnsafeBufferPointer { Keyword.spelled(by: UnsafeBufferPointer(rebasing: $0[start..<end])) }
    let contexts = start == line ? [.file] : Context.allCases
    return keyword.map { word in contexts.contains { StatementTable.shared.row(for: word, in: $0) != nil } } ?? false
  }

  /// One byte or scalar inside quotes: anything is text, but what nobody can see is reported.
  private mutating func lexInnerByte(_ byte: UInt8, _ flags: inout Token.Flags) {
    if byte < 0x20 && byte != UInt8(ascii: "\t") || byte == 0x7F {
      reportOdd(OddCharacter.controlName(byte), length: 1)
      offset += 1
      flags.insert(.dirty)
    } else if byte < 0x80 {
      offset += 1
    } else if let scalar = decodeScalar() {
      if case .other(let name) = OddCharacter(scalar.value),
        OddCharacter.isDirectional(scalar.value) || scalar.value < 0xA0 || scalar.value >= 0xFFFE
      {
        reportOdd(name, length: scalar.length)
        flags.insert(.dirty)
      }
      offset += scalar.length
    } else {
      flags.insert(.dirty)
    }
  }

  /// The text ends at the end of its line, but a `{` that ends the line still opens its block.
  private mutating func endUnterminated(_ start: Int, quote: String, kind: TokenKind, flags: Token.Flags) {
    var end = offset
    while end > start + 1, bytes[end - 1] == UInt8(ascii: " ") || bytes[end - 1] == UInt8(ascii: "\t") { end -= 1 }
    let opensBlock = end > start + 1 && bytes[end - 1] == UInt8(ascii: "{")
    if opensBlock {
      end -= 1
      while end > start + 1, bytes[end - 1] == UInt8(ascii: " ") || bytes[end - 1] == UInt8(ascii: "\t") { end -= 1 }
    }
    offset = end
    // Where the text ends is certain where it is one word, or where only the `{` of a block can follow it. Behind a
    // backslash a quote would be an escape; and a quote at the end of a line may rather be the one that closes.
    let text = bytes[(start + 1)..<end]
    let isCertain =
      !text.isEmpty && (opensBlock || !text.contains(UInt8(ascii: " ")))
      && (kind == .raw || text.last != UInt8(ascii: "\\"))
    diagnostics.append(
      .unterminated(quote, at: range(start, start + 1), insertAt: isCertain ? range(end, end) : nil))
    add(kind, from: start, flags: flags.union(.unterminated))
  }

  /// The length of the escape at `offset`, or nil if it is none: `\" \\ \n \t \$ \u{…}`.
  private func escapeLength() -> Int? {
    guard offset + 1 < bytes.count else { return nil }
    switch bytes[offset + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "n"), UInt8(ascii: "t"), UInt8(ascii: "$"):
      return 2
    case UInt8(ascii: "u"):
      guard offset + 2 < bytes.count, bytes[offset + 2] == UInt8(ascii: "{") else { return nil }
      var value: UInt32 = 0
      var i = offset + 3
      while i < bytes.count, i < offset + 10, let digit = hexDigit(bytes[i]) {
        value = value &* 16 &+ UInt32(digit)
        i += 1
      }
      guard i > offset + 3, i < bytes.count, bytes[i] == UInt8(ascii: "}") else { return nil }
      guard value != 0, value != 0xFFFE, value != 0xFFFF, Unicode.Scalar(value) != nil else { return nil }
      return i + 1 - offset
    default:
      return nil
    }
  }

  // MARK: - Trivia

  private mutating func skipTrivia() {
    while offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"):
        offset += 1
      case UInt8(ascii: "#"):
        lexComment()
      case UInt8(ascii: "\n") where tokens.last?.kind == .comma:
        offset += 1
        continued = true
        lineHasToken = false
      case UInt8(ascii: "\r")
      where tokens.last?.kind == .comma && offset + 1 < bytes.count && bytes[offset + 1] == UInt8(ascii: "\n"):
        offset += 2
        continued = true
        lineHasToken = false
      case let byte where OddCharacter.isOddBlank(byte):
        skipOddBlank((UInt32(byte), 1))
      case 0x80...:
        guard let scalar = decodeScalar() else { continue }
        guard case .blank = OddCharacter(scalar.value) else { return }
        skipOddBlank(scalar)
      default:
        return
      }
    }
  }

  private mutating func skipOddBlank(_ scalar: (value: UInt32, length: Int)) {
    diagnostics.append(.oddBlank(at: range(offset, offset + scalar.length), scalar: scalar.value))
    offset += scalar.length
  }

  private mutating func lexComment() {
    let start = offset
    while offset < bytes.count, bytes[offset] != UInt8(ascii: "\n"), bytes[offset] != UInt8(ascii: "\r") {
      var ignored: Token.Flags = []
      lexInnerByte(bytes[offset], &ignored)
    }
    comments.append(Comment(range: range(start, offset), isAlone: !lineHasToken, token: tokens.count))
  }

  // MARK: - Characters

  enum Class: UInt8 { case word, minus, end, high, control }

  static let classes: [Class] = (0..<256).map { byte in
    switch UInt8(byte) {
    case UInt8(ascii: "-"): .minus
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "{"),
      UInt8(ascii: "}"), UInt8(ascii: ","), UInt8(ascii: "="), UInt8(ascii: "\""), UInt8(ascii: "'"):
      .end
    case 0..<0x20, 0x7F: .control
    case 0x80...: .high
    default: .word
    }
  }

  func range(_ start: Int, _ end: Int) -> SourceRange { SourceRange(file: file.id, start..<end) }

  private func starts(with text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard offset + count <= bytes.count else { return false }
    for i in 0..<count where bytes[offset + i] != text.utf8Start[i] { return false }
    return true
  }

  private mutating func reportOdd(_ name: String, length: Int) {
    diagnostics.append(.oddCharacter(name, at: range(offset, offset + length)))
  }

  /// The scalar at `offset`, which is at a byte of 0x80 or more; nil, and `offset` moved past the broken sequence, where
  /// the bytes are no UTF-8.
  private mutating func decodeScalar() -> (value: UInt32, length: Int)? {
    if let scalar = UTF8Scalar.decode(bytes, at: offset) { return scalar }
    let start = offset
    offset += 1
    while offset < bytes.count, bytes[offset] & 0xC0 == 0x80 { offset += 1 }
    if firstInvalidUTF8 == nil { firstInvalidUTF8 = start..<offset }
    invalidUTF8Count += 1
    return nil
  }

  private func cleaned(_ slice: ArraySlice<UInt8>) -> [UInt8] { TokenText.cleaned(slice) }
}

func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}
