/// Reads a pattern as RE2 does with its default options: Perl classes, `^` and `$` at the ends of the text, `.` without
/// newline, negated classes with newline. The rules and their order are those of `re2/parse.cc`.
///
/// `parseAlternatives` reads up to a `)` or the end; `parseAtom` reads one atom and always advances.
struct Parser {
  private let bytes: [UInt8]
  private let encoding: RegularExpression.Encoding
  private var offset = 0
  private var flags = Flags()
  private var depth = 0
  private var names: Set<String> = []

  /// RE2 allows 1,000; this parser is recursive, and no route needs a tenth of it.
  private static let depthLimit = 200
  private static let repeatLimit = 1000

  private struct Flags {
    var ignoresCase = false
    var dotMatchesNewline = false
    var isMultiline = false
  }

  private init(_ bytes: [UInt8], encoding: RegularExpression.Encoding) {
    self.bytes = bytes
    self.encoding = encoding
  }

  static func parse(
    _ bytes: [UInt8], encoding: RegularExpression.Encoding
  ) throws(RegularExpressionError) -> SyntaxNode {
    var parser = Parser(bytes, encoding: encoding)
    let node = try parser.parseAlternatives()
    if parser.offset < bytes.count { throw RegularExpressionError("unexpected `)`", at: parser.offset) }
    return node
  }

  // MARK: - Sequences

  // alternatives = sequence *("|" sequence)
  private mutating func parseAlternatives() throws(RegularExpressionError) -> SyntaxNode {
    var alternatives: [SyntaxNode] = []
    var sequence: [SyntaxNode] = []
    // Where the last repeat operator began, if nothing stands after it: `a**` is an error.
    var lastRepeat: Int?
    while let byte = peek(), byte != UInt8(ascii: ")") {
      let start = offset
      if byte == UInt8(ascii: "|") {
        offset += 1
        alternatives.append(joined(sequence))
        sequence = []
        lastRepeat = nil
      } else if let (minimum, maximum) = try parseRepeatOperator() {
        guard let operand = sequence.popLast() else {
          throw RegularExpressionError("nothing to repeat before `\(text(start, offset))`", at: start)
        }
        if let lastRepeat {
          throw RegularExpressionError("a repeat of a repeat: `\(text(lastRepeat, offset))`", at: lastRepeat)
        }
        let node = SyntaxNode.repeated(operand, minimum: minimum, maximum: maximum)
        if minimum >= 2 || (maximum ?? 0) >= 2, node.repeatProduct > Parser.repeatLimit {
          throw RegularExpressionError("repeats multiply to more than \(Parser.repeatLimit)", at: start)
        }
        sequence.append(node)
        lastRepeat = start
      } else {
        try parseAtom(into: &sequence)
        lastRepeat = nil
      }
    }
    alternatives.append(joined(sequence))
    return alternatives.count == 1 ? alternatives[0] : .alternatives(alternatives)
  }

  private func joined(_ nodes: [SyntaxNode]) -> SyntaxNode {
    switch nodes.count {
    case 0: .empty
    case 1: nodes[0]
    default: .sequence(nodes)
    }
  }

  // repeat = ("*" / "+" / "?" / "{" n ["," [m]] "}") ["?"]
  private mutating func parseRepeatOperator() throws(RegularExpressionError) -> (Int, Int?)? {
    let start = offset
    let bounds: (Int, Int?)
    switch peek() {
    case UInt8(ascii: "*"): bounds = (0, nil)
    case UInt8(ascii: "+"): bounds = (1, nil)
    case UInt8(ascii: "?"): bounds = (0, 1)
    case UInt8(ascii: "{"):
      guard let counted = parseCounts() else { return nil }
      bounds = counted
      if bounds.0 > Parser.repeatLimit || (bounds.1 ?? 0) > Parser.repeatLimit || (bounds.1 ?? bounds.0) < bounds.0 {
        throw RegularExpressionError("repeat count out of range: `\(text(start, offset))`", at: start)
      }
      _ = consume("?")
      return bounds
    default: return nil
    }
    offset += 1
    _ = consume("?")
    return bounds
  }

  /// `{n}`, `{n,}`, `{n,m}`; nil, and nothing read, where the brace is a literal one.
  private mutating func parseCounts() -> (Int, Int?)? {
    let start = offset
    offset += 1
    if let minimum = parseInteger() {
      if consume("}") { return (minimum, minimum) }
      if consume(",") {
        if consume("}") { return (minimum, nil) }
        if let maximum = parseInteger(), consume("}") { return (minimum, maximum) }
      }
    }
    offset = start
    return nil
  }

  private mutating func parseInteger() -> Int? {
    let start = offset
    var value = 0
    while let byte = peek(), (0x30...0x39).contains(byte) {
      value = min(100_000, value * 10 + Int(byte - 0x30))
      offset += 1
    }
    // RE2 disallows leading zeros.
    if offset == start || bytes[start] == 0x30 && offset > start + 1 { return nil }
    return value
  }

  // MARK: - Atoms

  private mutating func parseAtom(into sequence: inout [SyntaxNode]) throws(RegularExpressionError) {
    let start = offset
    switch try next() {
    case UInt32(UInt8(ascii: "(")):
      if let node = try parseGroup(start) { sequence.append(node) }
    case UInt32(UInt8(ascii: "[")): sequence.append(.characters(try parseBracket(start)))
    case UInt32(UInt8(ascii: ".")): sequence.append(.characters(flags.dotMatchesNewline ? .all : .notNewline))
    case UInt32(UInt8(ascii: "^")): sequence.append(.assertion(flags.isMultiline ? .beginLine : .beginText))
    case UInt32(UInt8(ascii: "$")): sequence.append(.assertion(flags.isMultiline ? .endLine : .endText))
    case UInt32(UInt8(ascii: "\\")): try parseEscapedAtom(start, into: &sequence)
    case let scalar: sequence.append(literal(scalar))
    }
  }

  private func literal(_ scalar: UInt32) -> SyntaxNode { .characters(folded(CharacterClass(scalar))) }

  private func folded(_ characters: CharacterClass) -> CharacterClass {
    guard flags.ignoresCase else { return characters }
    // In Latin-1 only ASCII letters have case (`AddFoldedRangeLatin1`).
    return encoding == .latin1 ? characters.asciiFolded : characters.caseFolded
  }

  private mutating func parseEscapedAtom(
    _ start: Int, into sequence: inout [SyntaxNode]
  ) throws(RegularExpressionError) {
    guard let byte = peek() else { throw RegularExpressionError("`\\` at the end", at: start) }
    switch byte {
    case UInt8(ascii: "A"): sequence.append(.assertion(.beginText))
    case UInt8(ascii: "z"): sequence.append(.assertion(.endText))
    case UInt8(ascii: "b"): sequence.append(.assertion(.wordBoundary))
    case UInt8(ascii: "B"): sequence.append(.assertion(.notWordBoundary))
    case UInt8(ascii: "C"):
      throw RegularExpressionError(.unsupported, "`\\C` would match half a character", at: start)
    case UInt8(ascii: "Q"):
      offset += 1
      while offset < bytes.count {
        if consume("\\E") { return }
        sequence.append(literal(try next()))
      }
      return
    default:
      if let characters = try parseClassEscape(start) {
        sequence.append(.characters(characters))
      } else {
        sequence.append(literal(try parseEscapedScalar(start)))
      }
      return
    }
    offset += 1
  }

  /// `\d`, `\pL` and their kind, the `\` being read; nil, and nothing read, where it is another escape.
  private mutating func parseClassEscape(_ start: Int) throws(RegularExpressionError) -> CharacterClass? {
    let named: CharacterClass
    switch peek() {
    case UInt8(ascii: "d"), UInt8(ascii: "D"): named = .digit
    case UInt8(ascii: "s"), UInt8(ascii: "S"): named = .perlSpace
    case UInt8(ascii: "w"), UInt8(ascii: "W"): named = .word
    case UInt8(ascii: "p"), UInt8(ascii: "P"): return try parseUnicodeClass(start)
    default: return nil
    }
    let isNegated = bytes[offset] < 0x61
    offset += 1
    return isNegated ? folded(named).negated : folded(named)
  }

  private mutating func parseUnicodeClass(_ start: Int) throws(RegularExpressionError) -> CharacterClass {
    var isNegated = peek() == UInt8(ascii: "P")
    offset += 1
    guard peek() != nil else { throw RegularExpressionError("a class name is missing after `\\p`", at: start) }
    var name: [UInt8]
    if consume("{") {
      guard let end = bytes[offset...].firstIndex(of: UInt8(ascii: "}")) else {
        throw RegularExpressionError("missing `}` after `\\p{`", at: start)
      }
      name = Array(bytes[offset..<end])
      offset = end + 1
    } else {
      let first = offset
      _ = try next()
      name = Array(bytes[first..<offset])
    }
    if name.first == UInt8(ascii: "^") {
      isNegated.toggle()
      name.removeFirst()
    }
    guard let characters = CharacterClass.category(String(decoding: name, as: UTF8.self)) else {
      throw RegularExpressionError(.unsupported, "no Unicode class `\(text(start, offset))` is known here", at: start)
    }
    return isNegated ? folded(characters).negated : folded(characters)
  }

  /// An escape that stands for one character, the `\` being read.
  private mutating func parseEscapedScalar(_ start: Int) throws(RegularExpressionError) -> UInt32 {
    guard peek() != nil else { throw RegularExpressionError("`\\` at the end", at: start) }
    let scalar = try next()
    switch scalar {
    case UInt32(UInt8(ascii: "1"))...UInt32(UInt8(ascii: "7")):
      guard let byte = peek(), (0x30...0x37).contains(byte) else {
        throw RegularExpressionError("back-references are not part of RE2", at: start)
      }
      return parseOctal(scalar - 0x30)
    case UInt32(UInt8(ascii: "0")): return parseOctal(0)
    case UInt32(UInt8(ascii: "x")): return try parseHexadecimal(start)
    case UInt32(UInt8(ascii: "a")): return 0x07
    case UInt32(UInt8(ascii: "f")): return 0x0C
    case UInt32(UInt8(ascii: "n")): return 0x0A
    case UInt32(UInt8(ascii: "r")): return 0x0D
    case UInt32(UInt8(ascii: "t")): return 0x09
    case UInt32(UInt8(ascii: "v")): return 0x0B
    default:
      if scalar < 0x80, !(0x30...0x39).contains(scalar), !(0x41...0x5A).contains(scalar & ~0x20) { return scalar }
      throw RegularExpressionError("no escape `\(text(start, offset))` in RE2", at: start)
    }
  }

  /// Up to two further octal digits.
  private mutating func parseOctal(_ first: UInt32) -> UInt32 {
    var value = first
    for _ in 0..<2 {
      guard let byte = peek(), (0x30...0x37).contains(byte) else { break }
      value = value * 8 + UInt32(byte - 0x30)
      offset += 1
    }
    return value
  }

  private mutating func parseHexadecimal(_ start: Int) throws(RegularExpressionError) -> UInt32 {
    func value(_ byte: UInt8?) -> UInt32? {
      switch byte {
      case .some(let b) where (0x30...0x39).contains(b): UInt32(b - 0x30)
      case .some(let b) where (0x41...0x46).contains(b & ~0x20): UInt32(b & ~0x20) - 0x41 + 10
      default: nil
      }
    }
    let maximum = encoding == .latin1 ? 0xFF : CharacterClass.maximum
    let isBraced = consume("{")
    var result: UInt32 = 0
    var digits = 0
    while let digit = value(peek()), isBraced || digits < 2 {
      result = result * 16 + digit
      digits += 1
      offset += 1
      if result > maximum { break }
    }
    let isClosed = isBraced ? digits > 0 && consume("}") : digits == 2
    guard isClosed, result <= maximum else {
      throw RegularExpressionError("no escape `\(text(start, min(offset + 1, bytes.count)))` in RE2", at: start)
    }
    return result
  }

  // MARK: - Groups

  /// After `(`; nil for a group that only sets flags.
  private mutating func parseGroup(_ start: Int) throws(RegularExpressionError) -> SyntaxNode? {
    let outer = flags
    if consume("?"), try !parseGroupHeader(start) { return nil }
    depth += 1
    if depth > Parser.depthLimit {
      throw RegularExpressionError(.tooLarge, "groups nested deeper than \(Parser.depthLimit)", at: start)
    }
    let node = try parseAlternatives()
    depth -= 1
    guard consume(")") else { throw RegularExpressionError("missing `)`", at: start) }
    flags = outer
    return node
  }

  /// After `(?`; whether a group follows.
  private mutating func parseGroupHeader(_ start: Int) throws(RegularExpressionError) -> Bool {
    for lookAround in ["=", "!", "<=", "<!"] where consume(lookAround) {
      throw RegularExpressionError("look-around is not part of RE2: `\(text(start, offset))`", at: start)
    }
    if consume("P<") || consume("<") {
      try parseGroupName(start)
      return true
    }
    var changed = flags
    var isNegative = false
    var sawFlag = false
    while let byte = peek() {
      offset += 1
      switch byte {
      case UInt8(ascii: "i"): changed.ignoresCase = !isNegative
      case UInt8(ascii: "m"): changed.isMultiline = !isNegative
      case UInt8(ascii: "s"): changed.dotMatchesNewline = !isNegative
      case UInt8(ascii: "U"): break  // swaps greed, which no yes or no depends on
      case UInt8(ascii: "-") where !isNegative:
        isNegative = true
        sawFlag = false
        continue
      case UInt8(ascii: ":") where !isNegative || sawFlag:
        // The caller has kept the flags from before this group.
        flags = changed
        return true
      case UInt8(ascii: ")") where !isNegative || sawFlag:
        flags = changed
        return false
      default: throw RegularExpressionError("no group `\(text(start, offset))` in RE2", at: start)
      }
      sawFlag = true
    }
    throw RegularExpressionError("missing `)`", at: start)
  }

  private mutating func parseGroupName(_ start: Int) throws(RegularExpressionError) {
    guard let end = bytes[offset...].firstIndex(of: UInt8(ascii: ">")) else {
      throw RegularExpressionError("missing `>` after a group's name", at: start)
    }
    let name = String(decoding: bytes[offset..<end], as: UTF8.self)
    let isWord = name.unicodeScalars.allSatisfy { scalar in
      scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }
    guard isWord, !name.isEmpty else {
      throw RegularExpressionError("a group cannot be named `\(name)`", at: start)
    }
    guard names.insert(name).inserted else {
      throw RegularExpressionError("two groups are named `\(name)`", at: start)
    }
    offset = end + 1
  }

  // MARK: - Brackets

  /// After `[`.
  private mutating func parseBracket(_ start: Int) throws(RegularExpressionError) -> CharacterClass {
    let isNegated = consume("^")
    var ranges: [CharacterClass.Range] = []
    var isFirst = true
    while isFirst || peek() != UInt8(ascii: "]") {
      guard peek() != nil else { throw RegularExpressionError("missing `]`", at: start) }
      isFirst = false
      if let posix = try parsePosixClass() {
        ranges += posix.ranges
        continue
      }
      let item = offset
      if consume("\\") {
        if let characters = try parseClassEscape(item) {
          ranges += characters.ranges
          continue
        }
        offset = item
      }
      let lower = try parseBracketScalar(start)
      var upper = lower
      // `[a-]` is `a` or `-`.
      if peek() == UInt8(ascii: "-"), offset + 1 < bytes.count, bytes[offset + 1] != UInt8(ascii: "]") {
        offset += 1
        upper = try parseBracketScalar(start)
        if upper < lower { throw RegularExpressionError("a range that ends before it begins", at: item) }
      }
      ranges += folded(CharacterClass([lower...upper])).ranges
    }
    offset += 1
    let characters = CharacterClass(ranges)
    return isNegated ? characters.negated : characters
  }

  private mutating func parseBracketScalar(_ bracket: Int) throws(RegularExpressionError) -> UInt32 {
    guard peek() != nil else { throw RegularExpressionError("missing `]`", at: bracket) }
    let start = offset
    if consume("\\") { return try parseEscapedScalar(start) }
    return try next()
  }

  /// `[:name:]` inside a bracket; nil, and nothing read, where the `[` is a literal one.
  private mutating func parsePosixClass() throws(RegularExpressionError) -> CharacterClass? {
    guard offset + 2 < bytes.count, bytes[offset] == UInt8(ascii: "["), bytes[offset + 1] == UInt8(ascii: ":") else {
      return nil
    }
    var end = offset + 2
    while end + 1 < bytes.count, !(bytes[end] == UInt8(ascii: ":") && bytes[end + 1] == UInt8(ascii: "]")) { end += 1 }
    guard end + 1 < bytes.count else { return nil }
    var name = String(decoding: bytes[(offset + 2)..<end], as: UTF8.self)
    let isNegated = name.utf8.first == UInt8(ascii: "^")
    if isNegated { name.removeFirst() }
    guard let characters = CharacterClass.posix(name) else {
      throw RegularExpressionError("no class `\(text(offset, end + 2))`", at: offset)
    }
    offset = end + 2
    return isNegated ? folded(characters).negated : folded(characters)
  }

  // MARK: - Bytes

  private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func consume(_ literal: StaticString) -> Bool { consume(literal.description) }

  private mutating func consume(_ literal: String) -> Bool {
    guard bytes[offset...].starts(with: literal.utf8) else { return false }
    offset += literal.utf8.count
    return true
  }

  /// The scalar at `offset`, which is not at the end.
  private mutating func next() throws(RegularExpressionError) -> UInt32 {
    let first = bytes[offset]
    let length = encoding == .latin1 || first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    guard offset + length <= bytes.count else {
      throw RegularExpressionError("the pattern is not UTF-8", at: offset)
    }
    var value = UInt32(length == 1 ? first : first & (0xFF >> UInt8(length + 1)))
    for i in 1..<max(1, length) { value = value << 6 | UInt32(bytes[offset + i] & 0x3F) }
    offset += length
    return value
  }

  private func text(_ start: Int, _ end: Int) -> String {
    String(decoding: bytes[start..<max(start, end)], as: UTF8.self)
  }
}
