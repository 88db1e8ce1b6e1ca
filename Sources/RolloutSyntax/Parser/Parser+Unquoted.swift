internal import Diagnostics

/// Values that need quotes and have none: `=` is a sign of its own, and `#` at the start of a word begins a comment.
extension Parser {
  /// `probe page is GET /x?a=b`, `args --x=y`: what stands around the `=` without a blank is one value. Where the row then
  /// fits the line, the line keeps its meaning.
  mutating func takeUnquoted(_ row: StatementTable.Compiled, into index: Int, at place: Int) -> Bool {
    let start = position
    guard tokens[place].kind == .equals, place > start + 1 else { return false }
    var line = TrialLine(tokens, from: start, upTo: lineEnd(from: place))
    // The values of a line, by their tokens: each may need quotes.
    var values: [ClosedRange<Int>] = []
    var i = place - start
    while i < line.tokens.count {
      guard line.tokens[i].kind == .equals, isTight(line.tokens[i - 1], .word, line.tokens[i]) else {
        i += 1
        continue
      }
      let first = line.original[i - 1]
      var last = line.original[i]
      line.tokens[i - 1].keyword = nil
      while true {
        last = line.original[i]
        line.tokens[i - 1].end = line.tokens[i].end
        line.remove(i)
        guard isTight(line.tokens[i - 1], .word, line.tokens[i]),
          line.tokens[i].kind == .word || line.tokens[i].kind == .equals
        else { break }
      }
      values.append(first...last)
    }
    guard !values.isEmpty, let trial = run(row, over: line).trial else { return false }
    let ranges = values.map { range($0.lowerBound).joined(range($0.upperBound)) }
    report(.unquotedEquals(ranges.map { ($0, file.text($0)) }), at: place)
    for value in values {
      let end = tokens[value.upperBound].end
      tokens[value.lowerBound].end = end
      tokens[value.lowerBound].keyword = nil
      // The tokens that were parts of it are empty from now on.
      for part in value.dropFirst() {
        tokens[part].leading = end
        tokens[part].start = end
        tokens[part].end = end
        tokens[part].keyword = nil
      }
    }
    accept(trial.captures, trial.equals, header: start..<trial.end, into: index)
    position = trial.end
    if current.kind == .openBrace, let block = trial.block ?? row.block {
      parseBlock(of: index, in: block, braceIsMissing: false)
    }
    return true
  }

  private func isTight(_ token: Token, _ kind: TokenKind, _ next: Token) -> Bool {
    token.kind == kind && token.end == next.start && next.end > next.start
  }

  /// The word that a comment begins with, where a value is missing: `text of #results in GET /`.
  func commentedValue(at place: Int, expected: [MatchCode.Op]) -> SourceRange? {
    guard tokens[place].kind == .newline || tokens[place].kind == .endOfFile, place > position,
      let comment = comments.last(where: { $0.token == place && !$0.isAlone }),
      expected.contains(where: { op in
        if case .slot(let slot) = op { !slot.isReference } else { false }
      })
    else { return nil }
    let bytes = file.bytes[Int(comment.range.start)..<Int(comment.range.end)]
    let word = bytes.dropFirst().prefix { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: ",") }
    guard let sign = word.first, sign >= 0x80 || sign.isLetterOrDigit else { return nil }
    // `#footer"`: only the first of its quotes is missing.
    let isQuoted = word.endIndex < bytes.endIndex && bytes[word.endIndex] == UInt8(ascii: "\"")
    let length = 1 + word.count + (isQuoted ? 1 : 0)
    return SourceRange(file: file.id, Int(comment.range.start)..<(Int(comment.range.start) + length))
  }

  // MARK: - Order

  /// Two parts of a line that stand in another order than the row has: the one that comes first, and what it stands
  /// before.
  func misordered(_ row: StatementTable.Compiled, at place: Int, expected: [MatchCode.Op]) -> (String, String)? {
    func order(_ keyword: Keyword) -> Int? { row.keywords.dropFirst().firstIndex(of: keyword) }
    guard tokens[place].kind == .word else { return nil }
    let end = lineEnd(from: place)
    // What is missing here stands further on: `every 1m through 10%`.
    if let found = tokens[place].keyword, order(found) != nil {
      for case .keyword(let wanted) in expected where tokens[place..<end].contains(where: { $0.keyword == wanted }) {
        if wanted != found { return (wanted.text, found.text) }
      }
    }
    // What is too late here belongs before something: `as cookie x on web`, `within 1m 3 times`.
    for late in [place, place + 1] where late < end {
      guard let keyword = tokens[late].keyword, let own = order(keyword) else { continue }
      let others = tokens[(position + 1)..<place].compactMap(\.keyword).compactMap { other in
        order(other).map { (keyword: other, place: $0) }
      }
      guard !others.contains(where: { $0.keyword == keyword }) else { return nil }
      if let next = others.filter({ $0.place > own }).min(by: { $0.place < $1.place }) {
        return (keyword.text, next.keyword.text)
      }
    }
    return nil
  }
}

extension UInt8 {
  fileprivate var isLetterOrDigit: Bool {
    (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
  }
}

extension Diagnostic {
  /// - Parameter values: where they stand, and as they stand.
  static func unquotedEquals(_ values: [(range: SourceRange, text: String)]) -> Diagnostic {
    // Behind a backslash stands an escape.
    let isPlain = values.allSatisfy { !$0.text.contains("\\") }
    return Diagnostic(
      .unexpectedToken, "`\(values[0].text)` is one value only in quotes: `=` is a sign of its own",
      at: Label(values[0].range, "no quotes"), secondary: values.dropFirst().map { Label($0.range, "nor here") },
      help: "put it in quotes: `\"\(values[0].text)\"`",
      fixIts: isPlain ? [FixIt("add the quotes", values.map { Edit($0.range, "\"\($0.text)\"") })] : [])
  }

  static func commentedValue(_ text: String, at range: SourceRange, expected: [String], isSelector: Bool) -> Diagnostic
  {
    let text = text.filter { $0 != "\"" }
    return Diagnostic(
      .unexpectedToken, "expected \(alternatives(expected)), found a comment",
      at: Label(range, "`#` at the start of a word begins a comment"), help: "put it in quotes: `\"\(text)\"`",
      fixIts: isSelector ? [FixIt("add the quotes", [Edit(range, "\"\(text)\"")])] : [])
  }
}
