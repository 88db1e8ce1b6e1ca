internal import Diagnostics

/// Recovery: one fault, one diagnostic, and as little lost as possible.
///
/// 1. Where a row does not fit its line, one repair is tried: a token that stands twice is left out; at the place where
///    the match stopped a word that is nearly the expected keyword is taken for it, and so is the word before it, which
///    may have been taken for a name; one missing keyword or sign is put in; one surplus token is left out. If the row
///    then fits the whole line, the line keeps its meaning. The repair is the diagnostic's edit where it is certain:
///    what else is too much, or that a keyword is missing behind a word that should itself be one, the author must say.
/// 2. Else the line is broken: its good beginning is kept (so a broken declaration still declares its name), the rest is
///    skipped, and its block is still parsed.
/// 3. An unknown first word that is nearly a known one is taken for it. Else the line and its block are skipped.
/// 4. A line that must open a block and lacks `{` opens it if the next line is deeper.
/// 5. In a file that has a brace too many, a `{` that nothing asks for is left out, and so is a `}` that stands deeper
///    than the line it would close, or behind a statement of a block that began on another line.
/// 6. What else is wrong on a line that has a fault already, or in a run of statements that all belong elsewhere, is one
///    fault with it.
/// 7. In a file that lacks a `}`, a line that the open block cannot hold, or that stands no deeper than the block's own
///    first line, closes the block. A keyword of the top level in column 1 closes all of them.
extension Parser {
  /// Finds out why `row` does not fit at the current token, reports it, and takes the statement to its end.
  mutating func recover(_ row: StatementTable.Compiled, into index: Int, in context: Context, matchedTo: Int?) {
    let start = position
    // A misspelt first word, taken for the name that begins a line where names may.
    if row.head == nil, takeNearHead(into: index, in: context) { return }
    if mendSlips(row, into: index, in: context) { return }
    var failure = withMatcher(row, at: start) {
      matcher -> (furthest: Int, expected: [MatchCode.Op], best: [Capture], end: Int?) in
      matcher.recordsBest = true
      let end = matcher.run(at: start)
      return (matcher.furthest, matcher.expected, end == nil ? matcher.best : matcher.captures, end)
    }
    if let end = failure.end, failure.furthest <= end {
      if failure.furthest < end { failure.expected = [] }
      failure.furthest = end
      // The line is complete and the next statement begins on it: a line break is missing.
      if doubles(from: start, upTo: end).last != end, beginsStatement(end, in: context),
        !row.blockIsRequired || tokens[end - 1].kind == .openBrace
      {
        report(.expectedLineEnd(found: describe(end), at: range(end), splits: true), at: end)
        acceptMatched(row, into: index, from: start)
        return
      }
    }
    if takeBraceOfNextLine(row, into: index, at: failure.furthest) { return }
    if repair(row, into: index, in: context, at: failure.furthest, expected: failure.expected) { return }

    reportUnexpected(
      row, at: failure.furthest, expected: failure.expected, lineIsComplete: failure.end == failure.furthest)
    statements[index].isBroken = true
    let end = lineEnd(from: max(start, failure.furthest))
    accept(failure.best.filter { $0.token < end }, [], header: start..<end, into: index)
    position = end
    if let block = row.block {
      if current.kind == .openBrace {
        parseBlock(of: index, in: block, braceIsMissing: false)
      } else if row.blockIsRequired, nextLineIsDeeper(than: start) {
        parseBlock(of: index, in: block, braceIsMissing: true)
      }
    } else if current.kind == .openBrace {
      if braceBalance > 0, !nextLineIsDeeper(than: start, from: position + 1) {
        position += 1
        braceBalance -= 1
      } else {
        skipBlock(of: index)
      }
    }
  }

  // MARK: - Braces

  /// A `{` that no statement opens, in a file that has one too many.
  mutating func skipSurplusOpenBrace() {
    report(
      .unexpected(
        found: "`{`", expected: ["a statement"], at: range(position), help: "remove it",
        fixIts: [FixIt("remove `{`", [Edit(range(position), "")])]), at: position)
    braceBalance -= 1
    position += 1
  }

  /// A `{` on a line of its own, behind a statement that may open a block.
  mutating func takeBraceOfNextLine(_ row: StatementTable.Compiled, into index: Int, at place: Int) -> Bool {
    guard row.block != nil, tokens[place].kind == .newline,
      let brace = tokens[place...].firstIndex(where: { $0.kind != .newline }), tokens[brace].kind == .openBrace,
      let token = insertedToken(.block(.file), before: place),
      let trial = attempt(row, .insert(token), at: place, from: position), let block = trial.block
    else { return false }
    let end = tokens[place - 1].end
    let isCommented = comments.contains { $0.range.start >= end && $0.range.end <= tokens[brace].start }
    let removed = SourceRange(file: file.id, start: isCommented ? tokens[brace].start : end, end: tokens[brace].end)
    let edits =
      isCommented
      ? [Edit(SourceRange(file: file.id, start: end, end: end), " {"), Edit(removed, "")] : [Edit(removed, " {")]
    report(.braceOnNextLine(at: range(brace), statement: range(position).joined(range(place - 1)), edits), at: brace)
    accept(trial.captures, trial.equals, header: position..<place, into: index)
    position = brace
    parseBlock(of: index, in: block, braceIsMissing: false)
    return true
  }

  /// Whether the `}` at the current token is one too many: the block goes on behind it.
  func closeBraceIsSurplus() -> Bool {
    guard braceBalance < 0, let block = openBlocks.last else { return false }
    if startsLine(position) { return column(position) > block.column }
    let header = statements[block.statement].header.lowerBound
    let opensHere = lineStart(Int(tokens[header].start)) == lineStart(Int(tokens[position].start))
    return !opensHere || nextLineIsDeeper(than: header, from: position + 1)
  }

  private mutating func acceptMatched(_ row: StatementTable.Compiled, into index: Int, from start: Int) {
    let outcome = withMatcher(row, at: start) {
      matcher -> (end: Int?, captures: [Capture], equals: [(token: Int, tight: Bool)]) in
      let end = matcher.run(at: start)
      return (end, matcher.captures, matcher.equals)
    }
    let end = outcome.end ?? start + 1
    accept(outcome.captures, outcome.equals, header: start..<end, into: index)
    position = end
  }

  /// The end of the line from `from`: a line break, a brace, or the end of the file.
  func lineEnd(from: Int) -> Int {
    var i = from
    while true {
      switch tokens[i].kind {
      case .newline, .endOfFile, .openBrace, .closeBrace: return i
      default: i += 1
      }
    }
  }

  /// Whether the rest of the line is a statement.
  private func beginsStatement(_ token: Int, in context: Context) -> Bool {
    guard tokens[token].kind == .word, let keyword = tokens[token].keyword,
      let row = table.row(for: keyword, in: context)
    else { return false }
    return fits(row, at: token)
  }

  func fits(_ row: StatementTable.Compiled, at token: Int) -> Bool {
    withMatcher(row, at: token) { matcher in
      guard let end = matcher.run(at: token) else { return false }
      return endsStatement(end, opensBlock: row.block != nil)
    }
  }

  private func nextLineIsDeeper(than statement: Int, from place: Int? = nil) -> Bool {
    let start = place ?? position
    var i = start
    while tokens[i].kind == .newline { i += 1 }
    guard i > start, tokens[i].kind != .endOfFile, tokens[i].kind != .closeBrace else { return false }
    return column(i) > column(statement)
  }

  // MARK: - Repairs

  private enum Repair {
    /// One of two neighbours that are the same.
    case deleteDouble
    case replace(Keyword)
    case insert(Token)
    /// A word that should be a text or a regular expression.
    case quote(TokenKind)
    case delete
  }

  /// Tries the repairs at token `place`, the likeliest first; on success reports and accepts the statement.
  private mutating func repair(
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
  private func doubles(from start: Int, upTo place: Int) -> [Int] {
    guard place > start else { return [] }
    return (start + 1...place).filter { i in
      switch tokens[i].kind {
      case .newline, .endOfFile, .openBrace, .closeBrace: false
      case .word, .text, .raw, .blockText, .comma, .equals, .arrow:
        tokens[i].kind == tokens[i - 1].kind && text(i) == text(i - 1)
      }
    }
  }

  private func keyword(near place: Int, among keywords: [Keyword]) -> Keyword? {
    let word = String(decoding: file.bytes[Int(tokens[place].start)..<Int(tokens[place].end)], as: UTF8.self)
    return nearest(to: word, in: keywords.map(\.text)).flatMap { Keyword($0) }
  }

  private mutating func openMissingBlock(
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
    parseBlock(of: index, in: block, braceIsMissing: true)
    return true
  }

  private func insertedToken(_ op: MatchCode.Op, before place: Int) -> Token? {
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
  private func attempt(_ row: StatementTable.Compiled, _ repair: Repair, at place: Int, from start: Int) -> Trial? {
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
  private func isPlausible(_ capture: Capture, in row: StatementTable.Compiled) -> Bool {
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

  /// - Parameters:
  ///   - isCertain: the repaired line is what was meant, as far as one can see.
  ///   - isInstead: what stands there cannot follow a word that is put in before it.
  private mutating func report(
    _ repair: Repair, of row: StatementTable.Compiled, at place: Int, expected: [MatchCode.Op], isCertain: Bool,
    isInstead: Bool
  ) {
    switch repair {
    case .replace(let keyword):
      report(
        .unexpected(
          found: describe(place), expected: ["`\(keyword.text)`"], at: range(place),
          help: "a similar word is `\(keyword.text)`",
          fixIts: isCertain ? [FixIt("write `\(keyword.text)`", [Edit(range(place), keyword.text)])] : []), at: place)
    case .insert(let token):
      let text =
        switch token.kind {
        case .arrow: "->"
        case .comma: ","
        case .equals: "="
        default: token.keyword?.text ?? ""
        }
      let at = place > 0 ? tokens[place - 1].end : tokens[place].start
      let insertion = SourceRange(file: file.id, start: at, end: at)
      // One that stands there already, a place too late, is not missing.
      let isThere = [place, place + 1].contains { tokens.indices.contains($0) && self.text($0) == text }
      // One that stands there too early was taken for a name or a value.
      let help =
        token.keyword != nil && place > 0 && self.text(place - 1) == text
        ? "the form is `\(row.row.notation.replacingBlocks())`"
        : isInstead && expected.count == 1 && token.keyword != nil
          ? "only `\(text)` can stand here" : "write `\(text)` before it"
      report(
        .unexpected(
          found: describe(place), expected: describe(expected), at: range(place), help: help,
          fixIts: isCertain && !isThere
            ? [FixIt("insert `\(text)`", [Edit(insertion, (token.kind == .comma ? "" : " ") + text)])] : []),
        at: max(place - 1, 0))
    case .quote(let kind):
      let quote = kind == .raw ? "'" : "\""
      report(
        .unexpected(
          found: describe(place), expected: describe(expected), at: range(place),
          help: "put it in \(kind == .raw ? "single" : "double") quotes",
          fixIts: isCertain
            ? [FixIt("add the quotes", [Edit(range(place), quote + text(place) + quote)])] : []), at: place)
    case .deleteDouble:
      // With the blank before it, so that none is left over.
      let removed = SourceRange(file: file.id, start: tokens[place - 1].end, end: tokens[place].end)
      // Between two commas something may be missing.
      let edit = isCertain && tokens[place].kind != .comma ? removed : nil
      report(.standsTwice(describe(place), at: range(place), earlier: range(place - 1), removed: edit), at: place)
    case .delete:
      report(
        .unexpected(
          found: describe(place), expected: expected.isEmpty ? ["the end of the line"] : describe(expected),
          at: range(place),
          // What is behind an image or a value may be the rest of it.
          help: expected.isEmpty && place > 0 && tokens[place - 1].kind == .word && tokens[place].kind == .word
            ? "leave it out, or put both words in quotes" : "leave it out"), at: place)
    }
  }

  func text(_ place: Int) -> String { file.text(range(place)) }

  private func fixedText(_ op: MatchCode.Op) -> String {
    switch op {
    case .arrow: "->"
    case .comma: ","
    case .equals: "="
    case .keyword(let keyword): keyword.text
    case .block: "{"
    default: ""
    }
  }

  // MARK: - Reports

  private mutating func reportUnexpected(
    _ row: StatementTable.Compiled, at place: Int, expected: [MatchCode.Op], lineIsComplete: Bool
  ) {
    let token = tokens[place]
    let wantsName = expected.contains { op in if case .slot(let slot) = op { slot.isName } else { false } }
    if wantsName, token.kind == .word, let keyword = token.keyword, keyword.isReserved {
      let text = keyword.text
      diagnostics.append(
        .reservedWord(
          text, at: range(place), expected: describe(expected.filter { if case .slot = $0 { true } else { false } })))
      return
    }
    if expected.contains(where: { op in if case .block = op { true } else { false } }), expected.count == 1 {
      report(.missingBlock(at: range(position).joined(range(max(place - 1, position)))), at: max(place - 1, position))
      return
    }
    if token.kind == .openBrace, row.block == nil {
      report(.unexpectedBlock(at: range(place), statement: row.head.map { "`\($0.text)`" } ?? "this line"), at: place)
      return
    }
    if lineIsComplete && expected.isEmpty {
      report(.expectedLineEnd(found: describe(place), at: range(place), splits: false), at: place)
      return
    }
    report(
      .unexpected(
        found: describe(place), expected: describe(expected) + (lineIsComplete ? ["the end of the line"] : []),
        at: placeRange(place), help: "the form is `\(row.row.notation.replacingBlocks())`"),
      at: max(position, isLineEnd(place) ? place - 1 : place))
  }

  /// Where something is missing at the end of a line, the caret stands right behind the last token.
  private func placeRange(_ place: Int) -> SourceRange {
    switch tokens[place].kind {
    case .newline, .endOfFile:
      let end = place > 0 ? tokens[place - 1].end : tokens[place].start
      return SourceRange(file: file.id, start: end, end: end)
    default: return range(place)
    }
  }

  private func describe(_ ops: [MatchCode.Op]) -> [String] {
    var seen: Set<String> = []
    return ops.map { op in
      switch op {
      case .keyword(let keyword): "`\(keyword.text)`"
      case .slot(let slot): slot.description
      case .arrow: "`->`"
      case .comma: "`,`"
      case .equals: "`=`"
      case .block: "`{`"
      case .sequence, .choice, .optional, .list, .repeated: ""
      }
    }.filter { !$0.isEmpty && seen.insert($0).inserted }
  }

  private func isLineEnd(_ place: Int) -> Bool { tokens[place].kind == .newline || tokens[place].kind == .endOfFile }

  func describe(_ place: Int) -> String {
    let token = tokens[place]
    switch token.kind {
    case .newline: return "the end of the line"
    case .endOfFile: return "the end of the file"
    case .openBrace: return "`{`"
    case .closeBrace: return "`}`"
    case .comma: return "`,`"
    case .equals: return "`=`"
    case .arrow: return "`->`"
    case .blockText: return "a text block"
    case .word, .text, .raw:
      let text = String(decoding: file.bytes[Int(token.start)..<Int(token.end)].prefix(60), as: UTF8.self)
      return "`\(text)`"
    }
  }

  // MARK: - Unknown statements

  /// The first word of the line begins no statement here.
  mutating func recoverUnknownStatement(into index: Int, in context: Context) {
    let start = position
    let token = current
    let heads = table.heads(in: context).map(\.text)
    if token.kind == .word {
      if takeNearHead(into: index, in: context) { return }
      let word = String(decoding: file.bytes[Int(token.start)..<Int(token.end)], as: UTF8.self)
      if let keyword = token.keyword, let home = home(of: keyword) {
        if !continuesMisplacedRun(start) {
          report(.misplacedStatement(word, at: range(start), place: context.place, homes: home), at: start)
        }
        skipLine(of: index, from: start)
        misplacedEnd = position
        return
      }
      report(.unknownStatement(word, at: range(start), place: context.place, similar: nil, heads: heads), at: start)
    } else {
      report(.unexpected(found: describe(start), expected: ["a statement"], at: range(start), help: nil), at: start)
    }
    skipLine(of: index, from: start)
  }

  /// Takes the first word of the line for the keyword that it nearly is; false where it is near none, or the line does
  /// not fit that one.
  private mutating func takeNearHead(into index: Int, in context: Context) -> Bool {
    let start = position
    let token = current
    let heads = table.heads(in: context).map(\.text)
    if let keyword = keywordWithoutCapitals(start), let row = table.row(for: keyword, in: context) {
      takeHead(keyword, of: row, into: index, in: context)
      return true
    }
    let word = String(decoding: file.bytes[Int(token.start)..<Int(token.end)], as: UTF8.self)
    guard token.kind == .word, let near = nearest(to: word, in: heads), let keyword = Keyword(near),
      token.keyword.map({ !isHeadElsewhere($0, than: context) }) ?? true,
      let row = table.row(for: keyword, in: context)
    else { return false }
    tokens[start].keyword = keyword
    // `voting` may be a name whose `plan` is missing: only a row that fits makes the near word certain.
    guard fits(row, at: start) || row.block != nil && tokens[lineEnd(from: start)].kind == .openBrace else {
      tokens[start].keyword = token.keyword
      return false
    }
    report(.unknownStatement(word, at: range(start), place: context.place, similar: near, heads: heads), at: start)
    parse(row, into: index, in: context)
    return true
  }

  /// `DEPLOY`: the line is a statement, whatever else is wrong with it.
  private mutating func takeHead(
    _ keyword: Keyword, of row: StatementTable.Compiled, into index: Int, in context: Context
  ) {
    let start = position
    var diagnostic = Diagnostic.unknownStatement(
      text(start), at: range(start), place: context.place, similar: keyword.text, heads: [])
    diagnostic.help = "write `\(keyword.text)`"
    let head = Slip(
      diagnostic: diagnostic, edits: [Edit(range(start), keyword.text)], change: .keyword(keyword), token: start)
    statements[index].form = row.row.form
    if mendSlips(row, into: index, in: context, head: head) { return }
    tokens[start].keyword = keyword
    report(diagnostic, at: start)
    parse(row, into: index, in: context)
  }

  private mutating func skipLine(of index: Int, from start: Int) {
    statements[index].isBroken = true
    var end = lineEnd(from: start)
    if end == start { end += tokens[start].kind == .openBrace ? 0 : 1 }
    statements[index].header = start..<end
    statements[index].tokens = start..<end
    position = end
    if current.kind == .openBrace { skipBlock(of: index) }
  }

  private func continuesMisplacedRun(_ start: Int) -> Bool {
    guard let misplacedEnd, misplacedEnd <= start else { return false }
    return tokens[misplacedEnd..<start].allSatisfy { $0.kind == .newline }
  }

  private func isHeadElsewhere(_ keyword: Keyword, than context: Context) -> Bool {
    Context.allCases.contains { $0 != context && table.row(for: keyword, in: $0) != nil }
  }

  private func home(of keyword: Keyword) -> [String]? {
    var homes: [String] = []
    for context in Context.allCases where table.row(for: keyword, in: context) != nil && context != .failure {
      homes.append(context.place)
    }
    return homes.isEmpty ? nil : homes
  }

  /// Skips a block that belongs to nothing known, braces balanced. Where a `}` is missing, a line that stands no deeper
  /// than the statement ends it.
  mutating func skipBlock(of index: Int) {
    statements[index].isBroken = true
    let column = column(statements[index].header.lowerBound)
    var depth = 0
    repeat {
      if current.kind == .openBrace { depth += 1 }
      if current.kind == .closeBrace { depth -= 1 }
      if current.kind == .endOfFile { break }
      if braceBalance > 0, current.kind != .newline, current.kind != .closeBrace, startsLine(position),
        self.column(position) <= column
      {
        braceBalance -= depth
        break
      }
      position += 1
    } while depth > 0
    if depth > 0 { lostBraces = true }
    statements[index].tokens = statements[index].tokens.lowerBound..<position
  }
}

extension String {
  /// The notation as a person reads it: `{step` is `{ … }`.
  func replacingBlocks() -> String {
    var result = ""
    var skipping = false
    for character in self {
      if skipping {
        if character.isLetter { continue }
        skipping = false
      }
      if character == "{" {
        result += "{ … }"
        skipping = true
      } else {
        result.append(character)
      }
    }
    return result
  }
}
