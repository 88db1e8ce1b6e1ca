internal import Diagnostics

/// Repairs of a line that its row does not fit: one change of one token, the likeliest first.
extension Parser {
  enum Repair {
    /// One of two neighbours that are the same.
    case deleteDouble
    case replace(Keyword)
    case insert(Token)
    /// A word that should be a text or a regular expression.
    case quote(TokenKind)
    case delete
  }

  /// Tries the repairs at token `place`, the likeliest first; on success reports and accepts the statement.
  mutating func repair(
    _ row: StatementTable.Compiled, into index: Int, in context: Context, at place: Int, expected: [MatchCode.Op]
  ) -> Bool {
    let start = position
    let found = tokens[place]
    var candidates = doubles(from: start, upTo: place).map { (repair: Repair.deleteDouble, place: $0) }
    if found.kind == .word {
      let keywords = expected.compactMap { op -> Keyword? in if case .keyword(let k) = op { k } else { nil } }
      if let keyword = keyword(near: place, among: keywords) { candidates.append((.replace(keyword), place)) }
      for case .slot(let slot) in expected where [.text, .selector, .regex].contains(slot) {
        candidates.append((.quote(slot == .regex ? .raw : .text), place))
      }
    }
    for earlier in (start..<place).dropFirst().reversed()
    where tokens[earlier].kind == .word && tokens[earlier].keyword == nil {
      if let keyword = keyword(near: earlier, among: row.keywords) { candidates.append((.replace(keyword), earlier)) }
    }
    let signs = expected.filter { op in
      switch op {
      case .arrow, .equals, .keyword, .block: true
      default: false
      }
    }
    var seen: Set<String> = []
    for op in signs {
      guard let token = insertedToken(op, before: place), seen.insert(fixedText(op)).inserted else { continue }
      candidates.append((.insert(token), place))
    }
    if found.kind != .newline, found.kind != .endOfFile, found.kind != .closeBrace, found.kind != .openBrace,
      place > start
    {
      // Without its comma the next item of a list is not what is too much.
      if expected.contains(where: { if case .comma = $0 { true } else { false } }),
        let comma = insertedToken(.comma, before: place)
      {
        candidates.append((.insert(comma), place))
      }
      candidates.append((.delete, place))
    }
    // Two different words that would both fit are a choice that only the author can make.
    var accepted: (repair: Repair, place: Int, result: Trial)?
    for candidate in candidates {
      guard let result = attempt(row, candidate.repair, at: candidate.place, from: start) else { continue }
      if let first = accepted {
        guard case .insert = first.repair, case .insert(let token) = candidate.repair else { continue }
        if token.kind != .comma { return false }
        // `hosts a.com b.com`: what follows is no path, so that it is the comma that is missing.
        func isPlausible(_ result: Trial) -> Bool {
          result.captures.allSatisfy { capture in self.isPlausible(capture, in: row) }
        }
        if !isPlausible(first.result), isPlausible(result) { accepted = (candidate.repair, candidate.place, result) }
        continue
      }
      accepted = (candidate.repair, candidate.place, result)
      switch candidate.repair {
      case .replace, .deleteDouble: break
      case .insert, .quote, .delete: continue
      }
      break
    }
    guard let accepted else { return false }
    if case .insert(let token) = accepted.repair, token.kind == .openBrace {
      return openMissingBlock(row, into: index, accepted.result, from: start, at: place)
    }
    // In `staging context`, two words are in the wrong order, where `NAME = VALUE` would fit with a sign put in.
    let isMisplaced = row.head == nil && found.keyword.map { table.row(for: $0, in: context) != nil } ?? false
    let implausible = accepted.result.captures.filter { !isPlausible($0, in: row) }
    report(
      accepted.repair, of: row, at: accepted.place, expected: expected,
      isCertain: !isMisplaced && implausible.isEmpty,
      isInstead: implausible.contains { $0.token == accepted.place })
    accept(accepted.result.captures, accepted.result.equals, header: start..<accepted.result.end, into: index)
    position = accepted.result.end
    if current.kind == .openBrace, let block = accepted.result.block ?? row.block {
      parseBlock(of: index, in: block, braceIsMissing: false)
    }
    return true
  }

  /// Tokens that are the same as the one before them.
  func doubles(from start: Int, upTo place: Int) -> [Int] {
    guard place > start else { return [] }
    return (start + 1...place).filter { i in
      switch tokens[i].kind {
      case .newline, .endOfFile, .openBrace, .closeBrace: false
      case .word, .text, .raw, .blockText, .comma, .equals, .arrow:
        tokens[i].kind == tokens[i - 1].kind && text(i) == text(i - 1)
      }
    }
  }

  func keyword(near place: Int, among keywords: [Keyword]) -> Keyword? {
    let word = String(decoding: file.bytes[Int(tokens[place].start)..<Int(tokens[place].end)], as: UTF8.self)
    return nearest(to: word, in: keywords.map(\.text)).flatMap { Keyword($0) }
  }

  mutating func openMissingBlock(
    _ row: StatementTable.Compiled, into index: Int, _ result: Trial, from start: Int, at place: Int
  ) -> Bool {
    guard let block = result.block else { return false }
    position = place
    guard tokens[place].kind == .newline, nextLineIsDeeper(than: start) else {
      position = start
      return false
    }
    let end = tokens[place - 1].end
    diagnostics.append(
      .missingBlock(
        at: range(start).joined(range(place - 1)), insertBraceAt: SourceRange(file: file.id, start: end, end: end)))
    accept(result.captures, result.equals, header: start..<place, into: index)
    position = place
    parseUnopenedBlock(of: index, in: block, diagnostic: diagnostics.count - 1)
    return true
  }

  /// Parses the block of a line without its `{`. Where its `}` is missing, too, as in a language that has indentation
  /// for braces, the edit that puts in the one puts in the other.
  ///
  /// - Parameter diagnostic: the one with that edit.
  mutating func parseUnopenedBlock(of index: Int, in block: Context, diagnostic: Int?) {
    parseBlock(of: index, in: block, braceIsMissing: true)
    guard statements[index].closeBrace == nil else { return }
    // The two of them leave the file as it was.
    braceBalance -= 1
    guard let diagnostic, diagnostics.indices.contains(diagnostic), !lostBraces else { return }
    let header = statements[index].header.lowerBound
    for k in diagnostics[diagnostic].fixIts.indices {
      diagnostics[diagnostic].fixIts[k].edits.append(Edit(blockEnd(), "\n\(indentation(of: header))}"))
    }
  }

  func insertedToken(_ op: MatchCode.Op, before place: Int) -> Token? {
    var token = Token(
      kind: .word, flags: [], keyword: nil, leading: tokens[place].leading, start: tokens[place].start,
      end: tokens[place].start)
    switch op {
    case .arrow: token.kind = .arrow
    case .comma: token.kind = .comma
    case .equals: token.kind = .equals
    case .keyword(let keyword): token.keyword = keyword
    case .block: token.kind = .openBrace
    default: return nil
    }
    return token
  }

  /// Runs the row over the line with the repair made.
  func attempt(_ row: StatementTable.Compiled, _ repair: Repair, at place: Int, from start: Int) -> Trial? {
    var line = TrialLine(tokens, from: start, upTo: lineEnd(from: place))
    let at = place - start
    switch repair {
    case .replace(let keyword): line.tokens[at].keyword = keyword
    case .insert(let token): line.insert(token, at: at)
    case .quote(let kind): line.tokens[at].kind = kind
    case .delete, .deleteDouble: line.remove(at)
    }
    let outcome = run(row, over: line)
    // A repair that changes nothing at its place repaired nothing.
    guard let end = outcome.end, end >= at else { return nil }
    return outcome.trial
  }

  /// Whether the token is what stands in such a slot: `route all -> 2.0` has a word of the language for its component,
  /// and then it may rather be the component that is missing.
  func isPlausible(_ capture: Capture, in row: StatementTable.Compiled) -> Bool {
    guard let slot = capture.slot else { return true }
    let token = tokens[capture.token]
    if token.kind == .word, let keyword = token.keyword, row.keywords.contains(keyword) { return false }
    let bytes = Array(file.bytes[Int(token.start)..<Int(token.end)])
    let isParameter = bytes.first == UInt8(ascii: "$")
    func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    switch slot {
    case .int: return isParameter || bytes.allSatisfy(isDigit)
    case .percent: return isParameter || bytes.last == UInt8(ascii: "%")
    case .duration: return isParameter || bytes.first.map(isDigit) ?? false
    case .path: return isParameter || token.kind == .text || bytes.first == UInt8(ascii: "/")
    case .newVersion where row.row.form == .mesh: return isParameter || bytes.first.map(isDigit) ?? false
    default:
      if !slot.isName { return true }
      let name = token.kind == .text ? bytes.dropFirst().dropLast() : bytes[...]
      return token.kind != .raw
        && name.allSatisfy { byte in
          isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || "-._$".utf8.contains(byte)
        }
    }
  }
}
