internal import Diagnostics

/// What people bring along from other languages and tools, where it stands in a line (`Table/Habits.swift` has the words).
extension Parser {
  // MARK: - The first word

  /// Takes the first word of the line for the statement that it means elsewhere: with the line where that fits it, else
  /// only for what is said.
  mutating func takeHabitualHead(into index: Int, in context: Context) -> Bool {
    let start = position
    let word = text(start)
    guard let habit = Habits.head(word, in: context) else { return false }
    var diagnostic = Diagnostic.unknownStatement(word, at: range(start), place: context.place, similar: nil, heads: [])
    diagnostic.help = habit.help
    if habit.keyword == nil, Habits.isTarget(word), tokens[start + 1].kind == .word, beginsWithDigit(start + 1) {
      diagnostic.help = Habits.targetHelp(text(start + 1))
    }
    if let keyword = habit.keyword, let row = table.row(for: keyword, in: context) {
      let head = Slip(
        diagnostic: diagnostic, edits: [Edit(range(start), keyword.text)], change: .keyword(keyword), token: start)
      statements[index].form = row.row.form
      if mendSlips(row, into: index, in: context, head: head) { return true }
      statements[index].form = nil
      diagnostic.help = "\(habit.help), whose form is `\(row.row.notation.replacingBlocks())`"
    }
    report(diagnostic, at: start)
    skipLine(of: index, from: start)
    return true
  }

  // MARK: - Comments

  /// `// like this`, and `-- like this` at the start of a line: nothing in a plan begins so.
  func beginsForeignComment(_ token: Int) -> Bool {
    guard tokens[token].kind == .word else { return false }
    let word = text(token)
    return word.hasPrefix("//") || word == "--" && beginsLine(token)
  }

  /// The first word of its line in the file: a comma may stand before it.
  private func beginsLine(_ token: Int) -> Bool { startsLine(token) || tokens[token].flags.contains(.continued) }

  /// Comments of another language on lines in a row are one fault.
  mutating func takeForeignComment() {
    let sign = SourceRange(file: file.id, start: tokens[position].start, end: tokens[position].start + 2)
    if let last = foreignComments, follows(position, last.end), beginsLine(position) {
      if last.diagnostic < diagnostics.count {
        diagnostics[last.diagnostic].fixIts[0].edits.append(Edit(sign, "#"))
      }
    } else {
      let first = diagnostics.count
      report(.foreignComment(file.text(sign), at: sign), at: position)
      foreignComments = first < diagnostics.count ? (first, position) : nil
    }
    skipToLineBreak()
    foreignComments?.end = position
  }

  /// To where the line ends in the file, whatever stands there.
  mutating func skipToLineBreak() {
    let start = position
    while current.kind != .newline, current.kind != .endOfFile,
      position == start || !current.flags.contains(.continued)
    {
      if current.kind == .openBrace { braceBalance -= 1 } else if current.kind == .closeBrace { braceBalance += 1 }
      position += 1
    }
  }

  // MARK: - The rest of the line

  /// The last sign of the line may be one that other languages have there: `component web:`, `deploy web 1.0;`.
  func endsInSign(_ end: Int) -> Bool {
    guard end > position + 1, tokens[end - 1].kind == .word, !tokens[end - 1].flags.contains(.dirty) else {
      return false
    }
    return ends(tokens[end - 1], in: ":") || ends(tokens[end - 1], in: ";")
  }

  /// The last byte of the token.
  func ends(_ token: Token, in sign: Unicode.Scalar) -> Bool { file.bytes[Int(token.end) - 1] == UInt8(ascii: sign) }

  /// A colon at the end of a line that opens a block, or a semicolon at the end of one whose last word takes none.
  func lastSign(of line: TrialLine, _ row: StatementTable.Compiled, _ context: Context) -> Slip? {
    let end = line.tokens.count - 2
    guard end > 1, endsInSign(line.original[end]) else { return nil }
    let token = line.original[end - 1]
    let sign = SourceRange(file: file.id, start: tokens[token].end - 1, end: tokens[token].end)
    if file.text(sign) == ";" {
      guard tokens[token].start < sign.start,
        let capture = withMatcher(
          row, at: position,
          { matcher in
            matcher.run(at: position).flatMap { _ in matcher.captures.last }
          }), capture.token == token, let slot = capture.slot, slot.isReference || slot.isName || slot.isAmount
      else { return nil }
      return semicolon(token, next: nil)
    }
    guard row.block != nil else { return nil }
    let isAlone = tokens[token].start == sign.start
    if tokens[line.original[end]].kind == .openBrace || !row.blockIsRequired && !opensDeeper(line.original[end]) {
      return Slip(
        diagnostic: .surplus(":", at: sign), edits: [Edit(sign, "")], change: .blockColon(isBrace: false), token: token)
    }
    guard opensDeeper(line.original[end]) else { return nil }
    // Where a blank stands before it, the brace has one already.
    let isParted = isAlone && tokens[token].leading < tokens[token].start
    return Slip(
      diagnostic: .writeInstead(of: ":", "{", at: sign), edits: [Edit(sign, isParted ? "{" : " {")],
      change: .blockColon(isBrace: true), token: token)
  }

  private func opensDeeper(_ end: Int) -> Bool {
    tokens[end].kind == .newline && nextLineIsDeeper(than: position, from: end)
  }

  /// A word that another tool has for an expected one: `port 5432 postgres`, `below` as `<`.
  func otherWord(at place: Int, in line: TrialLine, among keywords: [Keyword]) -> Slip? {
    guard line.tokens[place].kind == .word, !keywords.isEmpty else { return nil }
    let token = line.original[place]
    let word = text(token)
    let next = line.tokens[place + 1]
    if word == "<" || word == ">", keywords.contains(.at), next.kind == .equals, next.start == tokens[token].end {
      let bound: Keyword = word == "<" ? .most : .least
      let whole = range(token).joined(range(token + 1))
      let isTight = line.tokens[place + 2].start == next.end
      return Slip(
        diagnostic: .writeInstead(of: file.text(whole), "at \(bound.text)", at: whole),
        edits: [Edit(whole, "at \(bound.text)\(isTight ? " " : "")")], change: .bound(bound), token: token)
    }
    guard let (keyword, note) = Habits.keyword(word, among: keywords) else { return nil }
    var diagnostic = Diagnostic.writeInstead(of: word, keyword.text, at: range(token))
    if let note { diagnostic.notes = [note] }
    return Slip(
      diagnostic: diagnostic, edits: [Edit(range(token), keyword.text)], change: .keyword(keyword), token: token)
  }

  /// `deploy web 1.0; verify page contains "a"`: the semicolon is what is too much.
  func semicolon(at place: Int, in line: TrialLine, _ context: Context) -> Slip? {
    for candidate in [place, place - 1] where candidate > 0 {
      let token = line.original[candidate]
      guard line.tokens[candidate].kind == .word, !tokens[token].flags.contains(.dirty), ends(tokens[token], in: ";")
      else { continue }
      let next = token + 1
      switch tokens[next].kind {
      case .newline, .endOfFile, .closeBrace: return semicolon(token, next: nil)
      case .word:
        guard let keyword = keywordBeforeSemicolon(next) ?? tokens[next].keyword,
          table.row(for: keyword, in: context) != nil
        else { continue }
        return semicolon(token, next: next)
      default: continue
      }
    }
    return nil
  }

  /// `rollback;`
  private func keywordBeforeSemicolon(_ token: Int) -> Keyword? {
    guard tokens[token].kind == .word, !tokens[token].flags.contains(.dirty), ends(tokens[token], in: ";") else {
      return nil
    }
    return Keyword(String(text(token).dropLast()))
  }

  /// A statement of one word, with a semicolon behind it.
  mutating func takeHeadBeforeSemicolon(into index: Int, in context: Context) -> Bool {
    let start = position
    guard let keyword = keywordBeforeSemicolon(start), let row = table.row(for: keyword, in: context),
      endsStatement(start + 1, opensBlock: false)
    else { return false }
    statements[index].form = row.row.form
    if mendSlips(row, into: index, in: context, head: semicolon(start, next: nil)) { return true }
    statements[index].form = nil
    return false
  }

  private func semicolon(_ token: Int, next: Int?) -> Slip {
    let sign = SourceRange(file: file.id, start: tokens[token].end - 1, end: tokens[token].end)
    let isAlone = tokens[token].start == sign.start
    var diagnostic = Diagnostic.surplus(";", at: sign)
    var edit = Edit(SourceRange(file: file.id, start: isAlone ? tokens[token].leading : sign.start, end: sign.end), "")
    if let next {
      diagnostic.notes = ["a statement ends with its line"]
      diagnostic.help = "begin the next statement on a line of its own"
      edit.range.end = tokens[next].start
      edit.replacement = "\n" + indentation(of: token)
    }
    return Slip(diagnostic: diagnostic, edits: [edit], change: .semicolon(isAlone: isAlone), token: token)
  }

  /// `deploy web 1.0 // the first`.
  func slashComment(at place: Int, in line: TrialLine) -> Slip? {
    let token = line.original[place]
    guard place > 0, beginsForeignComment(token) else { return nil }
    let sign = SourceRange(file: file.id, start: tokens[token].start, end: tokens[token].start + 2)
    return Slip(
      diagnostic: .foreignComment("//", at: sign), edits: [Edit(sign, "#")], change: .comment, token: token)
  }

  /// `ready when http GET /healthz`: a method is one of HTTP.
  func needlessWord(before place: Int, in line: TrialLine) -> Slip? {
    for candidate in 1..<max(place, 1) {
      let token = line.original[candidate]
      guard line.tokens[candidate].kind == .word, line.tokens[candidate + 1].kind == .word,
        ["http", "https", "httpget"].contains(text(token).lowercased()),
        Slot.methods.contains(text(token + 1))
      else { continue }
      let removed = SourceRange(file: file.id, start: tokens[token].start, end: tokens[token + 1].start)
      return Slip(
        diagnostic: .surplus(text(token), at: range(token)), edits: [Edit(removed, "")], change: .removed, token: token)
    }
    return nil
  }

  /// `approve by alice "Does it work?"`: the text comes first.
  func lateText(at place: Int, in line: TrialLine, of row: StatementTable.Compiled) -> Slip? {
    guard place > 1, row.head != nil, line.tokens[place].kind == .text else { return nil }
    var moved = line
    moved.move(place, to: 1)
    let token = line.original[place]
    guard run(row, over: moved).trial?.captures.contains(where: { $0.token == token && $0.slot == .text }) ?? false
    else { return nil }
    let before = SourceRange(file: file.id, start: tokens[token - 1].end, end: tokens[token].end)
    let head = range(position)
    let rest = file.text(range(position + 1).joined(range(token - 1)))
    let mended = "\(file.text(head)) \(text(token)) \(rest)"
    return Slip(
      diagnostic: .lateText(behind: file.text(head), mended: mended, at: range(token)),
      edits: [Edit(SourceRange(file: file.id, start: head.end, end: head.end), " " + text(token)), Edit(before, "")],
      change: .late(to: 1), token: token)
  }

  /// What is said of a line whose fault is known, and whose meaning is not, or not by these tokens.
  func habit(_ row: StatementTable.Compiled, at place: Int, expected: [MatchCode.Op]) -> Diagnostic? {
    func expects(_ keyword: Keyword) -> Bool {
      expected.contains { if case .keyword(keyword) = $0 { true } else { false } }
    }
    // A component stands near the beginning of its line, and a line may be long.
    for token in position..<min(place, position + 8) {
      if let parts = parted(token, row) { return .joinedVersion(text(token), parts: parts, at: range(token)) }
    }
    if let impossible = impossible(row, at: place, expected: expected) { return impossible }
    if tokens[place].kind == .comma, let share = shareOfSome(row, at: place) { return share }
    guard tokens[place].kind == .word || tokens[place].kind == .raw else { return nil }
    let word = text(place)
    // `metric errors is istio error-rate <1%`
    if expects(.below), let sign = word.first, sign == "<" || sign == ">", word.utf8.count > 1 {
      let keyword = sign == "<" ? Keyword.below : .above
      let at = SourceRange(file: file.id, start: tokens[place].start, end: tokens[place].start + 1)
      var diagnostic = Diagnostic.writeInstead(of: String(sign), keyword.text, at: at)
      diagnostic.fixIts = [FixIt("write `\(keyword.text)`", [Edit(at, keyword.text + " ")])]
      return diagnostic
    }
    guard row.head == .route || row.head == .unroute else { return nil }
    if ["path", "uri", "prefix", "url"].contains(word.lowercased()), expects(.header) {
      return .routeByPath(at: range(place))
    }
    if let share = shareOfSome(row, at: place) { return share }
    // `route web weight 10 -> 2.0`, `route web weight=10 -> 2.0`
    if ["weight", "percent", "percentage", "share", "traffic"].contains(word.lowercased()), expects(.header) {
      let number = self.text(place + 1) == "=" ? place + 2 : place + 1
      guard tokens.indices.contains(number), let percent = Int(trimmingPercent(text(number))) else { return nil }
      return .routeByWeight(percent, at: range(place).joined(range(number)))
    }
    // `header x-user matches '…'`, `header x-user =~ '…'`
    if place > position + 2, tokens[place].keyword == .matches, tokens[place - 2].keyword == .header {
      return .routeByPattern(text(place - 1), tokens[place + 1].kind == .raw ? text(place + 1) : nil, at: range(place))
    }
    if place > position + 4, tokens[place].kind == .raw, text(place - 1) == "~", tokens[place - 4].keyword == .header {
      return .routeByPattern(text(place - 3), word, at: range(place - 2).joined(range(place - 1)))
    }
    return nil
  }

  /// `route web header staff 50% -> 2.0`, or the percentage before it: a rule takes all of its visitors.
  private func shareOfSome(_ row: StatementTable.Compiled, at place: Int) -> Diagnostic? {
    guard row.head == .route, place > position + 2 else { return nil }
    let end = lineEnd(from: position)
    let arrow = (position..<end).first { tokens[$0].kind == .arrow } ?? end
    let selector = (position + 2..<arrow).first { tokens[$0].keyword == .header || tokens[$0].keyword == .cookie }
    let share = (position + 2..<arrow).first { token in
      text(token).hasSuffix("%") && Int(trimmingPercent(text(token))) != nil && text(token - 1) != "="
    }
    guard let selector, let share, place < arrow else { return nil }
    return .shareOfSome(file.text(range(selector)), text(share), at: range(share))
  }

  private func trimmingPercent(_ text: String) -> Substring { text.hasSuffix("%") ? text.dropLast() : text[...] }

  /// `web:2.0` or `web@2.0`: the two parts of the word, where the row fits the line with both.
  private func parted(_ token: Int, _ row: StatementTable.Compiled) -> (String, String)? {
    guard tokens[token].kind == .word, !tokens[token].flags.contains(.dirty) else { return nil }
    let parts = text(token).split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "@" }
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    var line = TrialLine(tokens, from: position, upTo: lineEnd(from: position))
    line.tokens[token - position].keyword = nil
    line.insert(line.tokens[token - position], at: token - position + 1)
    guard let trial = run(row, over: line).trial,
      trial.captures.contains(where: { $0.token == token && $0.slot == .component }),
      trial.captures.contains(where: { $0.token == token + 1 && ($0.slot == .version || $0.slot == .newVersion) })
    else { return nil }
    return (String(parts[0]), String(parts[1]))
  }

  /// The blanks that the token's line begins with.
  func indentation(of token: Int) -> String {
    let start = lineStart(Int(tokens[token].start))
    let blanks = file.bytes[start...].prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    return String(decoding: blanks, as: UTF8.self)
  }
}

extension Slot {
  /// A number, with or without a unit, or an image: no semicolon can stand in it.
  fileprivate var isAmount: Bool {
    switch self {
    case .int, .percent, .duration, .size, .cpu, .number, .status, .image: true
    default: false
    }
  }
}

extension Diagnostic {
  static func foreignComment(_ sign: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "a comment begins with `#`, and not with `\(sign)`", at: Label(range, "no comment"),
      help: "write `#`", fixIts: [FixIt("write `#`", [Edit(range, "#")])])
  }

  static func lateText(behind head: String, mended: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "the text stands right behind `\(head)`", at: Label(range, "too late here"),
      help: mended.utf8.count <= 80 && !mended.contains("`") ? "write `\(mended)`" : "move it there")
  }

  static func joinedVersion(_ word: String, parts: (String, String), at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "`\(word)` is a component and its version in one word", at: Label(range, "two words"),
      help: "write `\(parts.0) \(parts.1)`",
      fixIts: [FixIt("write `\(parts.0) \(parts.1)`", [Edit(range, "\(parts.0) \(parts.1)")])])
  }

  static func routeByPath(at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "a route does not look at paths", at: Label(range, "not expected here"),
      help: "a path leads to a component by `expose COMPONENT on port INT path PATH`; a route chooses its version")
  }

  static func shareOfSome(_ selector: String, _ share: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "a route cannot lead a share of the visitors with a \(selector)",
      at: Label(range, "not expected here"),
      help: "without `\(share)` it leads all of them; without the \(selector), \(share) of everybody")
  }

  static func routeByWeight(_ percent: Int, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "a share is said by its percentage alone", at: Label(range, "not expected here"),
      help: "write `\(percent)%`", fixIts: [FixIt("write `\(percent)%`", [Edit(range, "\(percent)%")])])
  }

  static func routeByPattern(_ key: String, _ pattern: String?, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "a pattern is not written in a route, but declared with a name",
      at: Label(range, "not expected here"),
      help: "declare `header NAME is \(key) matches \(pattern ?? "'REGEX'")`, and route `header NAME`")
  }
}
