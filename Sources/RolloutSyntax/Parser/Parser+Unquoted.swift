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

  /// `args --port=8080 --verbose`, as a shell takes them: each is a value of its own, with a comma before the next.
  mutating func takeArguments(_ row: StatementTable.Compiled, into index: Int) -> Bool {
    let start = position
    let end = lineEnd(from: start)
    guard row.head == .args, end > start + 2 else { return false }
    var values: [ClosedRange<Int>] = []
    var missing: [Int] = []
    var isBehindComma = true
    for token in start + 1..<end {
      switch tokens[token].kind {
      case .comma where !isBehindComma: isBehindComma = true
      case .word, .equals, .text, .raw:
        if !isBehindComma, tokens[token - 1].end == tokens[token].start {
          values[values.count - 1] = values[values.count - 1].lowerBound...token
          continue
        }
        if !isBehindComma { missing.append(token) }
        values.append(token...token)
        isBehindComma = false
      default: return false
      }
    }
    // One fault of one kind is mended where it stands.
    let joined = values.filter { $0.count > 1 }
    guard !isBehindComma, !missing.isEmpty, missing.count + joined.count > 1 else { return false }
    // A quote in the middle is another fault.
    guard joined.allSatisfy({ $0.allSatisfy { tokens[$0].kind == .word || tokens[$0].kind == .equals } }) else {
      return false
    }
    report(unquotedArguments(values, missing), at: start)
    for value in joined {
      tokens[value.lowerBound].end = tokens[value.upperBound].end
      tokens[value.lowerBound].kind = .word
      tokens[value.lowerBound].keyword = nil
      for part in value.dropFirst() {
        tokens[part].leading = tokens[value.lowerBound].end
        tokens[part].start = tokens[value.lowerBound].end
        tokens[part].end = tokens[value.lowerBound].end
        tokens[part].keyword = nil
      }
    }
    let captures =
      [Capture(slot: nil, keyword: .args, token: start)]
      + values.map { Capture(slot: .value, keyword: nil, token: $0.lowerBound) }
    accept(captures, [], header: start..<end, into: index)
    position = end
    return true
  }

  private func unquotedArguments(_ values: [ClosedRange<Int>], _ missing: [Int]) -> Diagnostic {
    let ranges = values.map { range($0.lowerBound).joined(range($0.upperBound)) }
    let texts = values.indices.map { i in
      let text = file.text(ranges[i])
      // A parameter is a word of its own.
      return tokens[values[i].lowerBound].kind == .word && !text.hasPrefix("$") ? "\"\(text)\"" : text
    }
    let isPlain = !texts.contains { $0.contains("\\") || $0.hasPrefix("\"") && $0.contains("$") }
    var edits: [Edit] = []
    for i in values.indices {
      let comma = missing.contains(values[i].lowerBound) ? "," : ""
      let before = tokens[values[i].lowerBound - 1].end
      if !comma.isEmpty { edits.append(Edit(SourceRange(file: file.id, start: before, end: before), comma)) }
      if texts[i] != file.text(ranges[i]) { edits.append(Edit(ranges[i], texts[i])) }
    }
    return Diagnostic(
      .unexpectedToken, "each argument is a value of its own, with a comma before the next one",
      at: Label(ranges[0].joined(ranges[ranges.count - 1]), "no commas between them"),
      help: "write `args \(texts.joined(separator: ", "))`", fixIts: isPlain ? [FixIt("write them so", edits)] : [])
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
