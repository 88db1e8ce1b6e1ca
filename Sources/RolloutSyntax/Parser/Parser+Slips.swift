internal import Diagnostics

/// The slips that are made most: what is written is not what the language has, and what is meant is certain. All of a
/// line are one diagnostic, and its edit mends them; the line keeps its meaning.
///
/// 1. A keyword in capitals: `port 5432 TCP`.
/// 2. A blank between an amount and its unit, or a unit that is spelled out: `wait 10 minutes`.
/// 3. Another arrow: `=>`, `→`, `to`.
/// 4. A colon behind a word, or in place of `=`: `env A: b`.
/// 5. A comma behind the last word of the line, which takes in the next line.
/// 6. A colon in place of the brace that opens a block, or before it: `component web:`.
/// 7. A semicolon behind a statement, and `//` before a comment.
/// 8. A word that says what the next one says already, one of another language, or a text that stands too late.
/// 9. An amount and the word behind it in one: `20times`.
/// 10. A declared name with a word too much or too few before it: `as staff`, `matches counts`.
extension Parser {
  struct Slip {
    var diagnostic: Diagnostic
    var edits: [Edit]
    var change: Change
    /// The token that it is about.
    var token: Int

    enum Change {
      case keyword(Keyword)
      /// The next token is the unit of this one.
      case parted
      /// This many tokens are an arrow.
      case arrow(Int)
      /// The last byte is a colon that means nothing, or `=`.
      case colon(isEquals: Bool)
      /// The token is a colon and means `=`.
      case equals
      case lineEnd
      /// The colon behind the line that opens a block; with its `{` where that is missing.
      case blockColon(isBrace: Bool)
      /// The statement ends with the word, but for its last byte, or before it.
      case semicolon(isAlone: Bool)
      /// The statement ends before the token, which begins a comment.
      case comment
      case removed
      /// It belongs at this place of the line.
      case late(to: Int)
      /// This word is missing before it.
      case missing(Keyword)
      /// It ends with this word, which stands alone.
      case grown(Keyword)
      /// It and the next token are `at` and this word.
      case bound(Keyword)
    }
  }

  /// Takes the line for what it is without its slips; false where it has none, or another fault.
  /// - Parameter head: the slip in its first word, where that is one.
  mutating func mendSlips(
    _ row: StatementTable.Compiled, into index: Int, in context: Context, head: Slip? = nil
  ) -> Bool {
    let start = position
    guard let end = trialEnd(from: start) else { return false }
    var line = TrialLine(tokens, from: start, upTo: end)
    var slips: [Slip] = []
    if let head {
      slips.append(head)
      change(&line, by: head)
    }
    if let last = lastSign(of: line, row, context) {
      slips.append(last)
      change(&line, by: last)
    }
    while slips.count < 16 {
      let outcome = run(row, over: line)
      if let trial = outcome.trial {
        guard !slips.isEmpty, trial.captures.allSatisfy({ unitFits($0, of: row, in: trial, slips) }) else {
          return false
        }
        let first = diagnostics.count
        take(slips)
        accept(trial.captures, trial.equals, header: start..<trial.end, into: index)
        position = trial.end
        if slips.contains(where: { if case .comment = $0.change { true } else { false } }) { skipToLineBreak() }
        let opensBlock = slips.contains { if case .blockColon(isBrace: true) = $0.change { true } else { false } }
        if opensBlock, let block = trial.block ?? row.block {
          parseUnopenedBlock(of: index, in: block, diagnostic: first < diagnostics.count ? first : nil)
        } else if current.kind == .openBrace, let block = trial.block ?? row.block {
          parseBlock(of: index, in: block, braceIsMissing: false)
        }
        return true
      }
      guard let next = slip(at: outcome.furthest, outcome.expected, in: line, of: row, context) else { return false }
      slips.append(next)
      change(&line, by: next)
    }
    return false
  }

  /// How far a line is looked at: to its end; of a very long one, to the first semicolon. Nil where it has none.
  private func trialEnd(from start: Int) -> Int? {
    let limit = start + 1_000
    var i = start
    while i < limit {
      switch tokens[i].kind {
      case .newline, .endOfFile, .openBrace, .closeBrace: return i
      default: i += 1
      }
    }
    let semicolon = tokens[start..<limit].firstIndex { $0.kind == .word && ends($0, in: ";") }
    return semicolon.map { $0 + 1 }
  }

  /// Reports the slips of a line as one, and makes the tokens what they mean.
  private mutating func take(_ found: [Slip]) {
    let slips = found.sorted { $0.token < $1.token }
    var diagnostic = slips[0].diagnostic
    var titles: [String] = []
    for slip in slips where !titles.contains(slip.diagnostic.help ?? "") { titles.append(slip.diagnostic.help ?? "") }
    diagnostic.help = titles.joined(separator: ", ")
    for slip in slips.dropFirst() where !slip.diagnostic.notes.isEmpty { diagnostic.notes += slip.diagnostic.notes }
    diagnostic.secondary += slips.dropFirst().map { Label($0.diagnostic.primary.range, $0.diagnostic.primary.text) }
    if slips.allSatisfy({ !$0.edits.isEmpty }) {
      diagnostic.fixIts = [FixIt(diagnostic.help ?? "", slips.flatMap(\.edits))]
    }
    reportSlips(diagnostic, slips)
    for slip in slips {
      switch slip.change {
      case .keyword(let keyword): tokens[slip.token].keyword = keyword
      case .parted: tokens[slip.token].flags.insert(.parted)
      case .blockColon where tokens[slip.token].end - tokens[slip.token].start == 1: break
      case .semicolon(isAlone: true): tokens[slip.token].kind = .newline
      case .colon, .blockColon, .semicolon:
        tokens[slip.token].end -= 1
        tokens[slip.token + 1].leading -= 1
        tokens[slip.token].keyword = Keyword(text(slip.token))
      case .lineEnd: tokens[slip.token].kind = .newline
      case .grown(let keyword):
        let length = UInt32(keyword.text.utf8.count)
        tokens[slip.token].end -= length
        tokens[slip.token + 1].leading -= length
      case .bound(let keyword):
        tokens[slip.token].keyword = .at
        tokens[slip.token + 1].kind = .word
        tokens[slip.token + 1].keyword = keyword
      case .arrow, .equals, .comment, .removed, .late, .missing: break
      }
    }
  }

  /// The semicolons of a line are one fault, with one edit.
  private mutating func reportSlips(_ diagnostic: Diagnostic, _ slips: [Slip]) {
    let isSemicolon = slips.count == 1 && file.text(slips[0].diagnostic.primary.range) == ";"
    let line = lineStart(Int(tokens[slips[0].token].start))
    if isSemicolon, let first = semicolons, first.line == line, first.diagnostic < diagnostics.count {
      diagnostics[first.diagnostic].fixIts[0].edits += slips[0].edits
      return
    }
    let count = diagnostics.count
    report(diagnostic, at: slips[0].token)
    if isSemicolon, count < diagnostics.count { semicolons = (count, line) }
  }

  // MARK: - Finding them

  /// The slip that keeps the row from fitting at `place` of the line.
  private func slip(
    at place: Int, _ expected: [MatchCode.Op], in line: TrialLine, of row: StatementTable.Compiled, _ context: Context
  ) -> Slip? {
    if place > 0, let slip = trailingComma(at: place, in: line, context, isInList: false) { return slip }
    if place > 1, let slip = trailingComma(at: place - 1, in: line, context, isInList: true) { return slip }
    let keywords = expected.compactMap { op -> Keyword? in if case .keyword(let keyword) = op { keyword } else { nil } }
    if let slip = capitals(at: place, in: line, among: keywords) { return slip }
    if let slip = otherWord(at: place, in: line, among: keywords) { return slip }
    if let slip = grownWord(before: place, in: line, among: keywords) { return slip }
    if let slip = needlessMatches(before: place, in: line, of: row) { return slip }
    if let slip = missingVisitorWord(at: place, expected, in: line, among: keywords) { return slip }
    if let slip = latePort(at: place, in: line, of: row) { return slip }
    if let slip = semicolon(at: place, in: line, context) { return slip }
    if let slip = slashComment(at: place, in: line) { return slip }
    if let slip = needlessWord(before: place, in: line) { return slip }
    if let slip = lateText(at: place, in: line, of: row) { return slip }
    if expected.contains(where: { if case .arrow = $0 { true } else { false } }) {
      for candidate in [place - 2, place - 1, place] where candidate > 0 {
        if let slip = otherArrow(at: candidate, upTo: place, in: line) { return slip }
      }
    }
    if let slip = partedUnit(at: place, in: line) { return slip }
    let wantsEquals = expected.contains { if case .equals = $0 { true } else { false } }
    for candidate in [place, place - 1] where candidate >= 0 {
      if let slip = colon(at: candidate, in: line, wantsEquals: wantsEquals, among: keywords) { return slip }
    }
    for earlier in (1..<max(place, 1)).reversed() {
      if let slip = capitals(at: earlier, in: line, among: row.keywords) { return slip }
    }
    // The next line was taken for more of the list, up to where it did not fit.
    let ends = (1..<max(place, 1)).reversed().lazy.filter {
      line.tokens[$0].kind == .comma && line.tokens[$0 + 1].flags.contains(.continued)
    }
    for earlier in ends.prefix(16) where beginsLine(line.original[earlier] + 1, in: context) {
      if let slip = trailingComma(at: earlier, in: line, context, isInList: true) { return slip }
    }
    return nil
  }

  /// The keyword that the word at `token` is but for its capitals.
  func keywordWithoutCapitals(_ token: Int) -> Keyword? {
    guard tokens[token].kind == .word, tokens[token].keyword == nil, tokens[token].end - tokens[token].start <= 12
    else {
      return nil
    }
    return Keyword(text(token).lowercased())
  }

  private func capitals(at place: Int, in line: TrialLine, among keywords: [Keyword]) -> Slip? {
    let token = line.original[place]
    guard line.tokens[place].kind == .word, line.tokens[place].keyword == nil,
      let keyword = keywordWithoutCapitals(token), keywords.contains(keyword)
    else { return nil }
    return Slip(
      diagnostic: .writeInstead(of: text(token), keyword.text, at: range(token)),
      edits: [Edit(range(token), keyword.text)], change: .keyword(keyword), token: token)
  }

  /// A number with the word that is expected behind it: `20times`.
  private func grownWord(before place: Int, in line: TrialLine, among keywords: [Keyword]) -> Slip? {
    guard place > 0, line.tokens[place - 1].kind == .word else { return nil }
    let token = line.original[place - 1]
    let word = text(token)
    let number = word.prefix { $0.isASCII && $0.isNumber }
    guard !number.isEmpty, let keyword = Keyword(String(word.dropFirst(number.count))), keywords.contains(keyword)
    else {
      return nil
    }
    return Slip(
      diagnostic: .grownWord(word, "\(number) \(keyword.text)", at: range(token)),
      edits: [Edit(range(token), "\(number) \(keyword.text)")], change: .grown(keyword), token: token)
  }

  private func partedUnit(at place: Int, in line: TrialLine) -> Slip? {
    guard place > 0, line.tokens[place].kind == .word, line.tokens[place - 1].kind == .word else { return nil }
    let (amount, unit) = (line.original[place - 1], line.original[place])
    guard unit == amount + 1, let short = Unit(text(unit)), isPlainNumber(amount) else { return nil }
    let whole = text(amount) + short.text
    return Slip(
      diagnostic: .partedUnit(text(amount), text(unit), whole: whole, at: range(amount).joined(range(unit))),
      edits: [Edit(range(amount).joined(range(unit)), whole)], change: .parted, token: amount)
  }

  private func isPlainNumber(_ token: Int) -> Bool {
    file.bytes[Int(tokens[token].start)..<Int(tokens[token].end)].allSatisfy { byte in
      byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") || byte == UInt8(ascii: ".")
    }
  }

  private func otherArrow(at place: Int, upTo end: Int, in line: TrialLine) -> Slip? {
    guard let length = otherArrowLength(at: place, in: line), place + length >= end,
      place > 0, length > 1 || line.tokens[place].keyword == nil || place == end
    else { return nil }
    let whole = range(line.original[place]).joined(range(line.original[place + length - 1]))
    return Slip(
      diagnostic: .writeInstead(of: file.text(whole), "->", at: whole), edits: [Edit(whole, "->")],
      change: .arrow(length), token: line.original[place])
  }

  private func otherArrowLength(at place: Int, in line: TrialLine) -> Int? {
    let token = line.tokens[place]
    let next = line.tokens[place + 1]
    let isHead = next.kind == .word && text(line.original[place + 1]) == ">"
    switch token.kind {
    case .equals: return isHead ? 2 : nil
    case .word:
      let word = text(line.original[place])
      if word == "-", isHead { return 2 }
      if word.allSatisfy({ $0 == "-" }), next.kind == .arrow, next.start == token.end { return 2 }
      return ["→", "⇒", "⟶", "➔", "➜", "–>", "—>", "−>", "~>", ">", "to"].contains(word) ? 1 : nil
    default: return nil
    }
  }

  private func colon(at place: Int, in line: TrialLine, wantsEquals: Bool, among keywords: [Keyword]) -> Slip? {
    let token = line.original[place]
    guard line.tokens[place].kind == .word, !tokens[token].flags.contains(.dirty),
      file.bytes[Int(tokens[token].end) - 1] == UInt8(ascii: ":")
    else { return nil }
    let colon = SourceRange(file: file.id, start: tokens[token].end - 1, end: tokens[token].end)
    let isAlone = tokens[token].start == colon.start
    let isKeyword = !isAlone && Keyword(String(text(token).dropLast())).map(keywords.contains) ?? false
    if wantsEquals, !(line.tokens[place + 1].kind == .equals) {
      return Slip(
        diagnostic: .writeInstead(of: ":", "=", at: colon), edits: [Edit(colon, isAlone ? "=" : " =")],
        change: isAlone ? .equals : .colon(isEquals: true), token: token)
    }
    guard isKeyword || wantsEquals && !isAlone else { return nil }
    return Slip(
      diagnostic: .surplus(":", at: colon), edits: [Edit(colon, "")], change: .colon(isEquals: false), token: token)
  }

  /// A comma at the end of a line takes in the next one: where a statement begins there, it does not belong here.
  /// - Parameter isInList: another item could follow it, and may be what is missing.
  private func trailingComma(at place: Int, in line: TrialLine, _ context: Context, isInList: Bool) -> Slip? {
    guard line.tokens[place].kind == .comma else { return nil }
    let token = line.original[place]
    guard endsLine(comma: token, in: context) else { return nil }
    return Slip(
      diagnostic: isInList ? .listEndsInComma(at: range(token)) : .surplus(",", at: range(token)),
      edits: isInList ? [] : [Edit(range(token), "")], change: .lineEnd, token: token)
  }

  /// Whether the line may end at the comma: what stands on the next line is a statement, or the end of a block.
  func endsLine(comma token: Int, in context: Context) -> Bool {
    let next = tokens[token + 1]
    switch next.kind {
    case .closeBrace, .endOfFile: return true
    case .word, .text:
      guard next.flags.contains(.continued) else { return false }
      let contexts = [context] + openBlocks.map(\.context)
      if let keyword = next.keyword ?? keywordWithoutCapitals(token + 1),
        contexts.contains(where: { table.row(for: keyword, in: $0) != nil })
      {
        return true
      }
      return table.slotRow(in: context).map { fits($0, at: token + 1) } ?? false
    default: return false
    }
  }

  /// Whether a whole statement stands there, or at least the beginning of a block.
  private func beginsLine(_ token: Int, in context: Context) -> Bool {
    guard let keyword = tokens[token].keyword,
      let row = ([context] + openBlocks.reversed().map(\.context) + [.file]).lazy.compactMap({
        table.row(for: keyword, in: $0)
      }).first
    else { return false }
    return fits(row, at: token)
  }

  // MARK: - Making them good

  private func change(_ line: inout TrialLine, by slip: Slip) {
    guard let place = line.original.firstIndex(of: slip.token) else { return }
    switch slip.change {
    case .keyword(let keyword): line.tokens[place].keyword = keyword
    case .parted: line.remove(place + 1)
    case .arrow(let length):
      line.tokens[place].kind = .arrow
      for _ in 1..<length { line.remove(place + 1) }
    case .colon(let isEquals):
      line.tokens[place].end -= 1
      line.tokens[place].keyword = Keyword(String(text(slip.token).dropLast()))
      if isEquals { line.insertEquals(at: place + 1) }
    case .equals: line.tokens[place].kind = .equals
    case .lineEnd, .comment: line.end(at: place)
    case .blockColon(let isBrace):
      let isAlone = line.tokens[place].end - line.tokens[place].start == 1
      if isAlone {
        line.remove(place)
      } else {
        line.tokens[place].end -= 1
        line.tokens[place].keyword = Keyword(String(text(slip.token).dropLast()))
      }
      if isBrace, let brace = insertedToken(.block(.file), before: slip.token + 1) {
        line.insert(brace, at: isAlone ? place : place + 1)
      }
    case .semicolon(isAlone: true): line.end(at: place)
    case .semicolon:
      line.tokens[place].end -= 1
      line.tokens[place].keyword = Keyword(String(text(slip.token).dropLast()))
      line.end(at: place + 1)
    case .removed: line.remove(place)
    case .late(let earlier): line.move(place, to: earlier)
    case .missing(let keyword):
      if let token = insertedToken(.keyword(keyword), before: slip.token) { line.insert(token, at: place) }
    case .grown(let keyword):
      line.tokens[place].end -= UInt32(keyword.text.utf8.count)
      if let token = insertedToken(.keyword(keyword), before: slip.token + 1) { line.insert(token, at: place + 1) }
    case .bound(let keyword):
      line.tokens[place].keyword = .at
      line.tokens[place + 1].kind = .word
      line.tokens[place + 1].keyword = keyword
    }
  }

  /// Whether an amount that stood apart from its unit fills a slot that has such units.
  private func unitFits(
    _ capture: Capture, of row: StatementTable.Compiled, in trial: Trial, _ slips: [Slip]
  ) -> Bool {
    let isParted = slips.contains { slip in
      guard case .parted = slip.change else { return false }
      return slip.token == capture.token
    }
    guard isParted else { return true }
    guard let slot = capture.slot, let unit = Unit(text(capture.token + 1)) else { return false }
    // The value of a parameter is what the word before it says.
    if slot == .value, row.row.form == .parameter {
      return trial.captures.contains { $0.keyword == .percent && unit.kind == .percent }
        || trial.captures.contains { $0.keyword == .duration && unit.kind == .time }
    }
    return unit.fits(slot)
  }
}
