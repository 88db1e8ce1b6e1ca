internal import Diagnostics

/// What is said about a line that its row does not fit.
extension Parser {
  /// - Parameters:
  ///   - isCertain: the repaired line is what was meant, as far as one can see.
  ///   - isInstead: what stands there cannot follow a word that is put in before it.
  mutating func report(
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
      // Nothing is special in single quotes: a parameter would not be one any more.
      let isParameter = kind == .raw && text(place).hasPrefix("$")
      // A pattern may be declared in a file that is included.
      let mayBePattern =
        row.head == .verify && kind == .raw && !declaredNames.named(by: .include, in: self).isEmpty
        && text(place).utf8.allSatisfy { isWordByte($0) }
      report(
        .unexpected(
          found: describe(place), expected: describe(expected), at: range(place),
          help: isParameter
            ? "a regular expression takes no parameters: write it here"
            : mayBePattern
              ? "put it in single quotes; if it names a pattern, leave `matches` out"
              : "put it in \(kind == .raw ? "single" : "double") quotes",
          fixIts: isCertain && !isParameter && !mayBePattern
            ? [FixIt("add the quotes", [Edit(range(place), quote + text(place) + quote)])] : []), at: place)
    case .deleteDouble:
      // With the blank before it, so that none is left over.
      let removed = SourceRange(file: file.id, start: tokens[place - 1].end, end: tokens[place].end)
      // Between two commas something may be missing.
      let edit = isCertain && tokens[place].kind != .comma ? removed : nil
      report(.standsTwice(describe(place), at: range(place), earlier: range(place - 1), removed: edit), at: place)
    case .delete where row.head == .port && place == position + 2 && tokens[place - 1].kind == .word:
      // Without a word it is passed on as tcp, and that is to be said, too.
      report(
        .unexpected(
          found: describe(place), expected: describe(expected), at: range(place),
          help: text(place).lowercased() == "udp"
            ? "a plan has no udp ports: bring their Service by `manifest FILE`"
            : "write `http` where it speaks http, and `tcp` for what none of these names"), at: place)
    case .delete where row.head == .env && place > position + 4 && tokens[place - 2].keyword == .of:
      report(
        .unexpected(
          found: describe(place), expected: ["the end of the line"], at: range(place),
          help: "leave it out: all versions of `\(text(place - 1))` are one Service, with one address"), at: place)
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

  /// What may stand in the name of a pattern.
  private func isWordByte(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == UInt8(ascii: "-")
  }

  func text(_ place: Int) -> String { file.text(range(place)) }

  func fixedText(_ op: MatchCode.Op) -> String {
    switch op {
    case .arrow: "->"
    case .comma: ","
    case .equals: "="
    case .keyword(let keyword): keyword.text
    case .block: "{"
    default: ""
    }
  }

  mutating func reportUnexpected(
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
    if let (first, second) = misordered(row, at: place, expected: expected) {
      report(
        .unexpected(
          found: describe(place), expected: describe(expected) + (lineIsComplete ? ["the end of the line"] : []),
          at: range(place), help: "`\(first)` stands before `\(second)`: `\(row.row.notation.replacingBlocks())`"),
        at: place)
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
  func placeRange(_ place: Int) -> SourceRange {
    switch tokens[place].kind {
    case .newline, .endOfFile:
      let end = place > 0 ? tokens[place - 1].end : tokens[place].start
      return SourceRange(file: file.id, start: end, end: end)
    default: return range(place)
    }
  }

  func describe(_ ops: [MatchCode.Op]) -> [String] {
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
