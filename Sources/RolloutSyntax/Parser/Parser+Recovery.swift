internal import Diagnostics

/// Recovery: one fault, one diagnostic, and as little lost as possible.
///
/// 1. Where a row does not fit its line, what is often written in its place is looked for (`Parser+Slips.swift`), and then
///    one repair is tried: a token that stands twice is left out; at the place where the match stopped a word that is
///    nearly the expected keyword is taken for it, and so is the word before it, which may have been taken for a name;
///    one missing keyword or sign is put in; one surplus token is left out. If the row then fits the whole line, the line
///    keeps its meaning. The repair is the diagnostic's edit where it is certain: what else is too much, or that a
///    keyword is missing behind a word that should itself be one, the author must say.
/// 2. Else the line is broken: its good beginning is kept (so a broken declaration still declares its name), the rest is
///    skipped, and its block is still parsed.
/// 3. An unknown first word that is nearly a known one is taken for it. Else the line and its block are skipped.
/// 4. A line that must open a block and lacks `{` opens it if the next line is deeper, or is that `{`.
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
    if takeUnquoted(row, into: index, at: failure.furthest) { return }
    if takeArguments(row, into: index) { return }
    if let habit = habit(row, at: failure.furthest, expected: failure.expected) {
      report(habit, at: max(failure.furthest - 1, start))
    } else if let range = commentedValue(at: failure.furthest, expected: failure.expected) {
      let isSelector = failure.expected.contains { if case .slot(.selector) = $0 { true } else { false } }
      report(
        .commentedValue(file.text(range), at: range, expected: describe(failure.expected), isSelector: isSelector),
        at: max(failure.furthest - 1, start))
    } else {
      if repair(row, into: index, in: context, at: failure.furthest, expected: failure.expected) { return }
      reportUnexpected(
        row, at: failure.furthest, expected: failure.expected, lineIsComplete: failure.end == failure.furthest)
    }
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

  func nextLineIsDeeper(than statement: Int, from place: Int? = nil) -> Bool {
    let start = place ?? position
    var i = start
    while tokens[i].kind == .newline { i += 1 }
    guard i > start, tokens[i].kind != .endOfFile, tokens[i].kind != .closeBrace else { return false }
    return column(i) > column(statement)
  }

  // MARK: - Unknown statements

  /// The first word of the line begins no statement here.
  mutating func recoverUnknownStatement(into index: Int, in context: Context) {
    let start = position
    let token = current
    let first = diagnostics.count
    let heads = table.heads(in: context).map(\.text)
    if token.kind == .word {
      if beginsForeignComment(start) {
        takeForeignComment()
        statements[index].isBroken = true
        statements[index].header = start..<position
        return
      }
      if takeHeadBeforeSemicolon(into: index, in: context) { return }
      if takeHabitualHead(into: index, in: context) { return }
      if takeNearHead(into: index, in: context) { return }
      let word = String(decoding: file.bytes[Int(token.start)..<Int(token.end)], as: UTF8.self)
      if let keyword = token.keyword, let home = home(of: keyword) {
        if !continuesMisplacedRun(start) {
          var diagnostic = Diagnostic.misplacedStatement(word, at: range(start), place: context.place, homes: home)
          if let help = Habits.misplaced(keyword, in: context) { diagnostic.help = help }
          report(diagnostic, at: start)
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
    joinUnknownRun(start, diagnostics: first)
  }

  /// Many lines in a row that are no statements are one fault: a text of another kind, or a whole file of one.
  ///
  /// - Parameter first: where the diagnostics of this line begin.
  private mutating func joinUnknownRun(_ start: Int, diagnostics first: Int) {
    guard var run = unknownRun, follows(start, run.end) else {
      unknownRun = UnknownRun(start: start, end: position, lines: 1, firstDiagnostic: first)
      return
    }
    run.lines += 1
    run.end = position
    // What was reported since is of these lines alone.
    if run.lines > 3, diagnostics.count > run.firstDiagnostic {
      diagnostics.removeSubrange(run.firstDiagnostic...)
      diagnostics.append(
        .unknownLines(
          from: range(run.start), to: range(start), isYAML: looksLikeYAML(run.start)))
    }
    unknownRun = run
  }

  /// `kind: Service`, `---` or `- name: web`.
  private func looksLikeYAML(_ start: Int) -> Bool {
    let word = text(start)
    return word.hasSuffix(":") || word == "---" || word == "-"
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

  mutating func skipLine(of index: Int, from start: Int) {
    statements[index].isBroken = true
    var end = lineEnd(from: start)
    if end == start { end += tokens[start].kind == .openBrace ? 0 : 1 }
    statements[index].header = start..<end
    statements[index].tokens = start..<end
    position = end
    if current.kind == .openBrace { skipBlock(of: index) }
  }

  private func continuesMisplacedRun(_ start: Int) -> Bool { misplacedEnd.map { follows(start, $0) } ?? false }

  /// Nothing but line breaks stands between the token and `end`.
  func follows(_ token: Int, _ end: Int) -> Bool {
    end <= token && tokens[end..<token].allSatisfy { $0.kind == .newline }
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
