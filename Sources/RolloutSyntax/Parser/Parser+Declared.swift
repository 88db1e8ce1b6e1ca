package import Diagnostics

/// What only the names that a file declares can tell of a line: `as staff` lacks the word that says what `staff` is.
final class DeclaredNames {
  private var names: [Keyword: Set<String>]?

  /// What lines that begin with `keyword` name, all through the file. What it includes is not known.
  func named(by keyword: Keyword, in parser: Parser) -> Set<String> {
    if names == nil { names = read(parser) }
    return names?[keyword] ?? []
  }

  private func read(_ parser: Parser) -> [Keyword: Set<String>] {
    var names: [Keyword: Set<String>] = [:]
    for token in parser.tokens.indices.dropLast() where parser.startsLine(token) {
      guard let keyword = parser.tokens[token].keyword, DeclaredNames.keywords.contains(keyword),
        parser.tokens[token + 1].kind == .word
      else { continue }
      names[keyword, default: []].insert(parser.text(token + 1))
    }
    return names
  }

  private static let keywords: Set<Keyword> = [.cookie, .header, .include, .pattern]
}

extension Parser {
  func isDeclared(_ name: String, by keyword: Keyword) -> Bool {
    declaredNames.named(by: keyword, in: self).contains(name)
  }

  /// `verify page matches counts`: a declared pattern stands alone.
  func needlessMatches(before place: Int, in line: TrialLine, of row: StatementTable.Compiled) -> Slip? {
    guard row.head == .verify, place > 1, line.tokens[place].kind == .word,
      line.tokens[place - 1].keyword == .matches, isDeclared(text(line.original[place]), by: .pattern)
    else { return nil }
    let (word, name) = (line.original[place - 1], line.original[place])
    let removed = SourceRange(file: file.id, start: tokens[word].start, end: tokens[name].start)
    return Slip(
      diagnostic: .needlessMatches(text(name), at: range(word)), edits: [Edit(removed, "")], change: .removed,
      token: word)
  }

  /// `as staff`, `route web staff -> 2.0`: a declared name without the word that says what it is.
  func missingVisitorWord(at place: Int, _ expected: [MatchCode.Op], in line: TrialLine, among keywords: [Keyword])
    -> Slip?
  {
    guard line.tokens[place].kind == .word, keywords.contains(.cookie), keywords.contains(.header) else { return nil }
    let token = line.original[place]
    let meant = [Keyword.cookie, .header].filter { isDeclared(text(token), by: $0) }
    guard meant.count == 1 else { return nil }
    let start = SourceRange(file: file.id, start: tokens[token].start, end: tokens[token].start)
    return Slip(
      diagnostic: .unexpected(
        found: describe(token), expected: describe(expected), at: range(token),
        help: "write `\(meant[0].text) \(text(token))`"),
      edits: [Edit(start, meant[0].text + " ")], change: .missing(meant[0]), token: token)
  }

  /// `port http 8080`: the number comes first; `port 80 target 8080 http`: the protocol is the Service's port's.
  func latePort(at place: Int, in line: TrialLine, of row: StatementTable.Compiled) -> Slip? {
    if let slip = lateProtocol(at: place, in: line, of: row) { return slip }
    guard row.head == .port, place == 1, let word = line.tokens[1].keyword, row.keywords.contains(word),
      line.tokens[2].kind == .word, beginsWithDigit(line.original[2])
    else { return nil }
    let (first, number) = (line.original[1], line.original[2])
    let whole = range(first).joined(range(number))
    let mended = "\(text(number)) \(text(first))"
    return Slip(
      diagnostic: .unexpected(
        found: describe(first), expected: [Slot.int.description], at: range(first), help: "write `\(mended)`"),
      edits: [Edit(whole, mended)], change: .late(to: 1), token: number)
  }

  private func lateProtocol(at place: Int, in line: TrialLine, of row: StatementTable.Compiled) -> Slip? {
    guard row.head == .port, place == 4, line.tokens[2].keyword == .target, let word = line.tokens[4].keyword,
      row.keywords.contains(word), word != .port, word != .target
    else { return nil }
    let (target, proto) = (line.original[2], line.original[4])
    let moved = SourceRange(file: file.id, start: tokens[proto - 1].end, end: tokens[proto].end)
    let start = SourceRange(file: file.id, start: tokens[target].start, end: tokens[target].start)
    let mended = "port \(text(line.original[1])) \(word.text) target \(text(line.original[3]))"
    return Slip(
      diagnostic: .unexpected(
        found: describe(proto), expected: ["the end of the line"], at: range(proto), help: "write `\(mended)`"),
      edits: [Edit(start, word.text + " "), Edit(moved, "")], change: .late(to: 2), token: proto)
  }

  func beginsWithDigit(_ token: Int) -> Bool {
    let first = file.bytes[Int(tokens[token].start)]
    return first >= UInt8(ascii: "0") && first <= UInt8(ascii: "9")
  }

  // MARK: - What is said only

  /// What a line asks for that its statement cannot do, where the words alone tell it.
  func impossible(_ row: StatementTable.Compiled, at place: Int, expected: [MatchCode.Op]) -> Diagnostic? {
    let start = position
    switch row.head {
    case .port:
      if tokens[place].keyword == .target, tokens[place - 1].keyword != .target,
        let first = (start..<place).first(where: { tokens[$0].keyword == .target })
      {
        return .standsTwice("`target`", at: range(place), earlier: range(first), removed: nil)
      }
      return portMapping(row, at: place)
    case .unroute:
      guard place == start + 2, tokens[place].kind == .word else { return secondCondition(at: place) }
      if text(place).hasSuffix("%") {
        return .notUnrouted("a share", text(start + 1), "0%", at: range(place))
      }
      if tokens[place].keyword == .all { return .notUnrouted("the default", text(start + 1), "all", at: range(place)) }
      return nil
    case .route: return secondCondition(at: place)
    case .verify:
      // `verify GET / status 200`
      let end = lineEnd(from: start)
      guard place > start + 2, Slot.methods.contains(text(start + 1)), text(start + 2).hasPrefix("/") else {
        return nil
      }
      let request = range(start + 1).joined(range(start + 2))
      return .verifyByPath(
        request: file.text(request), rest: end > start + 3 ? file.text(range(start + 3).joined(range(end - 1))) : "",
        at: request
      )
    case .ready, .live:
      guard place > start + 2, Habits.isCommand(text(start + 2)) else { return nil }
      return .checkByCommand(isLive: row.head == .live, at: range(start + 2))
    case .patch:
      // `patch virtualservice of web`
      guard place > start, place <= start + 3, tokens.indices.contains(start + 2), text(start + 2) == "of",
        let word = Habits.patched(text(start + 1)), word != tokens[start + 1].keyword
      else { return nil }
      var diagnostic = Diagnostic.writeInstead(of: text(start + 1), word.text, at: range(start + 1))
      diagnostic.fixIts = [FixIt("write `\(word.text)`", [Edit(range(start + 1), word.text)])]
      return diagnostic
    case .env:
      // `env LEVEL = config app LEVEL`
      guard place == start + 4, tokens[place].kind == .word, Habits.isConfigMap(text(start + 3)) else { return nil }
      return .configMap(at: range(start + 3))
    case .wait:
      // `wait until web done`: the version is what is missing.
      guard place == start + 4, tokens[start + 1].keyword == .until, isEnd(place),
        Habits.isReady(text(start + 3))
      else { return nil }
      return .waitWithoutVersion(text(start + 2), found: text(start + 3), at: range(start + 3))
    default: return nil
    }
  }

  /// `route web header a=1 cookie b=2 -> 2.0`, also with `and` or a comma between the two.
  private func secondCondition(at place: Int) -> Diagnostic? {
    func isSelector(_ token: Int) -> Bool { tokens[token].keyword == .header || tokens[token].keyword == .cookie }
    let isJoined =
      tokens[place].kind == .comma || ["and", "&&", "&", "or", "||", "with"].contains(text(place).lowercased())
    let second = isJoined ? place + 1 : place
    guard isSelector(second), place > position + 3, isSelector(position + 2) else { return nil }
    return .secondCondition(
      isTakenAway: tokens[position].keyword == .unroute, at: range(second), first: range(position + 2))
  }

  /// `port 80 -> 8080`, with the protocol before the arrow or behind the numbers.
  private func portMapping(_ row: StatementTable.Compiled, at place: Int) -> Diagnostic? {
    let (service, end) = (position + 1, lineEnd(from: place))
    func proto(_ token: Int) -> String? {
      guard token < end, let word = tokens[token].keyword, row.keywords.contains(word), word != .port, word != .target
      else { return nil }
      return word.text
    }
    let early = place == service + 2 ? proto(service + 1) : nil
    guard place == service + 1 || early != nil, beginsWithDigit(service),
      [.arrow, .equals].contains(tokens[place].kind) || tokens[place].keyword == .to,
      let container = (place + 1..<end).first(where: { beginsWithDigit($0) })
    else { return nil }
    let late = early == nil ? proto(container + 1) : nil
    let last = late == nil ? container : container + 1
    return .portMapping(
      service: text(service), container: text(container), speaks: early ?? late,
      at: range(service).joined(range(container)),
      replaced: container == place + 1 && isEnd(last + 1) ? range(service).joined(range(last)) : nil)
  }

  private func isEnd(_ place: Int) -> Bool {
    switch tokens[place].kind {
    case .newline, .endOfFile, .closeBrace: true
    default: false
    }
  }
}

extension Diagnostic {
  fileprivate static func needlessMatches(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "`\(name)` is a declared pattern, and stands alone", at: Label(range, "too much here"),
      notes: ["`matches` comes before a regular expression in single quotes"], help: "leave `matches` out")
  }

  /// - Parameters:
  ///   - service, container: the two numbers as they stand.
  ///   - proto: the protocol, where the line says it.
  ///   - replaced: what stands for all of it; nil where more is on the line, so that no edit is certain.
  package static func portMapping(
    _ code: Code = .unexpectedToken, service: String, container: String, speaks proto: String?, at range: SourceRange,
    replaced: SourceRange?
  ) -> Diagnostic {
    func written(_ proto: String?) -> String {
      service + (proto.map { " " + $0 } ?? "") + (service == container ? "" : " target \(container)")
    }
    let isRight = [service, container].allSatisfy { (1...65535).contains(Int($0) ?? 0) }
    return Diagnostic(
      code, "the container's port stands behind `target`", at: Label(range, "two numbers"),
      notes: ["`port` says what callers dial, and `expose … on port` where visitors come in"],
      help: proto == nil
        ? "write `port \(written(nil))`, with what it speaks, as in `port \(written("http"))`"
        : "write `port \(written(proto))`",
      fixIts: replaced.map { isRight ? [FixIt("write `port \(written(proto))`", [Edit($0, written(proto))])] : [] }
        ?? []
    )
  }

  fileprivate static func notUnrouted(_ what: String, _ component: String, _ selector: String, at range: SourceRange)
    -> Diagnostic
  {
    Diagnostic(
      .unexpectedToken, "`unroute` takes a cookie or a header rule away, and not \(what)",
      at: Label(range, "not expected here"),
      help: selector == "all"
        ? "another version takes everybody: `route \(component) all -> VERSION`"
        : "a share ends with `route \(component) 0% -> VERSION`, which names the version that has it")
  }

  fileprivate static func secondCondition(isTakenAway: Bool, at range: SourceRange, first: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "a rule has one condition", at: Label(range, "a second one"),
      secondary: [Label(first, "the first one")],
      help: isTakenAway
        ? "each rule is taken away by a line of its own"
        : "leave one of them out; who has either is led by two lines, and who has both by a header that something before the mesh sets for them"
    )
  }

  /// - Parameters:
  ///   - request: the method and the path.
  ///   - rest: what stands behind them.
  package static func verifyByPath(
    _ code: Code = .unexpectedToken, request: String, rest: String, at range: SourceRange
  ) -> Diagnostic {
    let isStatus = rest.utf8.count == 3 && Int(rest) != nil
    let expectation = isStatus ? "status \(rest)" : rest.isEmpty ? "status 200" : rest
    let isShort = expectation.utf8.count <= 60 && !expectation.contains { $0 == "`" || $0.isNewline }
    return Diagnostic(
      code, "`verify` reads a probe, which is declared before", at: Label(range, "a request, and no probe"),
      help:
        "declare `probe NAME is \(request)` at the top level, and write `verify NAME\(isShort ? " " + expectation : "")`\(isShort ? "" : " in its place")"
    )
  }

  package static func checkByCommand(_ code: Code = .unexpectedToken, isLive: Bool, at range: SourceRange) -> Diagnostic
  {
    Diagnostic(
      code, "a check asks by http, tcp or grpc, and by no command", at: Label(range, "not expected here"),
      help:
        "write `patch deployment of COMPONENT` with \(isLive ? "a `livenessProbe`" : "a `readinessProbe`") of your own (docs/recipes.md, \"Check a pod by a command\")"
    )
  }

  package static func configMap(_ code: Code = .unexpectedToken, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      code, "`env` takes values, addresses and keys of Secrets, and nothing of a ConfigMap",
      at: Label(range, "not expected here"),
      help:
        "write `patch deployment of COMPONENT` with `envFrom` (docs/recipes.md, \"Take values from a ConfigMap\"), or the values as `env NAME = VALUE`"
    )
  }

  fileprivate static func waitWithoutVersion(_ component: String, found: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "expected a version, found `\(found)`", at: Label(range, "expected a version"),
      notes: ["a plan waits for the pods of a version; for a Job it does not wait"],
      help: "write `wait until \(component) VERSION ready`")
  }
}
