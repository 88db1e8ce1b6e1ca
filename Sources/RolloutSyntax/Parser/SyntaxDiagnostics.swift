internal import Diagnostics

/// Joins alternatives as a person lists them: `a`, `a or b`, `a, b or c`.
package func alternatives(_ items: [String]) -> String {
  switch items.count {
  case 0: "something else"
  case 1: items[0]
  default: items.dropLast().joined(separator: ", ") + " or " + items[items.count - 1]
  }
}

extension Diagnostic {
  static func unexpected(
    found: String, expected: [String], at range: SourceRange, help: String?, fixIts: [FixIt] = []
  ) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "expected \(alternatives(expected)), found \(found)",
      at: Label(range, expected.count == 1 ? "expected \(expected[0])" : "not expected here"), help: help,
      fixIts: fixIts)
  }

  /// - Parameters:
  ///   - found: in backquotes.
  ///   - removed: the second one with the blank before it, where it is certain that it is too much.
  static func standsTwice(_ found: String, at range: SourceRange, earlier: SourceRange, removed: SourceRange?)
    -> Diagnostic
  {
    Diagnostic(
      .unexpectedToken, "\(found) stands twice", at: Label(range, "again here"),
      secondary: [Label(earlier, "first here")], help: "leave one of them out",
      fixIts: removed.map { [FixIt("remove \(found)", [Edit($0, "")])] } ?? [])
  }

  /// - Parameter hasEdit: it is taken away; else a list of edits holds that.
  static func surplus(_ sign: String, at range: SourceRange, edit hasEdit: Bool = false) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "this `\(sign)` is too much", at: Label(range, "means nothing here"),
      help: "remove `\(sign)`", fixIts: hasEdit ? [FixIt("remove `\(sign)`", [Edit(range, "")])] : [])
  }

  static func listEndsInComma(at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "nothing follows this `,`", at: Label(range, "the list goes on, and the line does not"),
      help: "remove `,`, or write what is missing behind it")
  }

  static func writeInstead(of found: String, _ meant: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "expected `\(meant)`, found `\(found)`", at: Label(range, "expected `\(meant)`"),
      help: "write `\(meant)`")
  }

  static func partedUnit(_ amount: String, _ unit: String, whole: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "`\(amount)` and its unit `\(unit)` are not one word", at: Label(range, "one amount"),
      help: "write `\(whole)`")
  }

  static func grownWord(_ word: String, _ meant: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "`\(word)` is two words", at: Label(range, "all one word"), help: "write `\(meant)`")
  }

  static func braceOnNextLine(at range: SourceRange, statement: SourceRange, _ edits: [Edit]) -> Diagnostic {
    Diagnostic(
      .unexpectedToken, "this `{` stands on a line of its own", at: Label(range, "the line before ends without it"),
      secondary: [Label(statement, "opens the block")], help: "write `{` at the end of the line that opens the block",
      fixIts: [FixIt("move `{` up", edits)])
  }

  static func expectedLineEnd(found: String, at range: SourceRange, splits: Bool) -> Diagnostic {
    let start = SourceRange(file: range.file, start: range.start, end: range.start)
    return Diagnostic(
      .unexpectedToken, "expected the end of the line, found \(found)", at: Label(range, "not part of this statement"),
      help: splits ? "begin the next statement on a line of its own" : "each statement stands on a line of its own",
      fixIts: splits ? [FixIt("break the line", [Edit(start, "\n")])] : [])
  }

  static func unknownStatement(
    _ word: String, at range: SourceRange, place: String, similar: String?, heads: [String]
  ) -> Diagnostic {
    Diagnostic(
      .unknownStatement, "there is no statement `\(word)` \(place)", at: Label(range, "not known here"),
      help: similar.map { "a similar word is `\($0)`" }
        ?? (heads.isEmpty ? nil : "\(place), a line begins with \(alternatives(heads.map { "`\($0)`" }))"),
      fixIts: similar.map { [FixIt("write `\($0)`", [Edit(range, $0)])] } ?? [])
  }

  /// - Parameters:
  ///   - first, last: the words that the first and the last of the lines begin with.
  ///   - isYAML: they look like objects of Kubernetes.
  static func unknownLines(from first: SourceRange, to last: SourceRange, isYAML: Bool) -> Diagnostic {
    let (what, help) =
      isYAML
      ? (
        "these lines are YAML, and hold no statement",
        "a plan takes YAML in with `manifest FILE`; `rolloutc check AFTER --against BEFORE` checks folders of it"
      )
      : ("these lines hold no statement", "a comment begins with `#` on each of its lines")
    return Diagnostic(
      .unknownStatement, what, at: Label(first, "the first of them"),
      secondary: [Label(last, "the last of them")], help: help)
  }

  static func misplacedStatement(_ word: String, at range: SourceRange, place: String, homes: [String]) -> Diagnostic {
    Diagnostic(
      .misplacedStatement, "`\(word)` does not belong \(place)", at: Label(range, "not allowed here"),
      help: "it belongs \(alternatives(homes))")
  }

  static func unclosedBlock(at range: SourceRange, insertAt: SourceRange) -> Diagnostic {
    Diagnostic(
      .unclosedBlock, "this block is never closed", at: Label(range, "opened here"),
      secondary: [Label(insertAt, "`}` is missing after this")], help: "close it with `}` on a line of its own",
      fixIts: [FixIt("insert `}`", [Edit(insertAt, "\n}")])])
  }

  static func strayBrace(at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .strayBrace, "this `}` closes nothing", at: Label(range, "no block is open here"), help: "remove it",
      fixIts: [FixIt("remove `}`", [Edit(range, "")])])
  }

  /// - Parameter insertBraceAt: where the block's lines follow already; else only the author knows them.
  static func missingBlock(at range: SourceRange, insertBraceAt place: SourceRange? = nil) -> Diagnostic {
    Diagnostic(
      .missingBlock, "this line must open a block with `{`", at: Label(range, "no `{` at its end"),
      help: place == nil ? "write `{`, the lines of the block, and `}`" : "write `{` at the end of the line",
      fixIts: place.map { [FixIt("insert `{`", [Edit($0, " {")])] } ?? [])
  }

  static func unexpectedBlock(at range: SourceRange, statement: String) -> Diagnostic {
    Diagnostic(
      .unexpectedBlock, "\(statement) opens no block", at: Label(range, "not allowed here"),
      help: "end the statement before the `{`")
  }

  static func reservedWord(_ word: String, at range: SourceRange, expected: [String]) -> Diagnostic {
    Diagnostic(
      .reservedWord, "expected \(alternatives(expected)), found the reserved word `\(word)`",
      at: Label(range, "reserved"),
      notes: ["a few small words are never names, so that a forgotten name is seen where it is missing"],
      help: "if a name is forgotten, write it before `\(word)`; if `\(word)` is the name, quote it: \"\(word)\"")
  }

  static func unterminated(_ quote: String, at range: SourceRange, insertAt: SourceRange? = nil) -> Diagnostic {
    Diagnostic(
      .unterminatedText, "this text is never closed", at: Label(range, "opened here"),
      help: quote == "\"\"\"" ? "close it with `\"\"\"`" : "close it with `\(quote)` on the same line",
      fixIts: insertAt.map { [FixIt("insert `\(quote)`", [Edit($0, quote)])] } ?? [])
  }

  static func badEscape(at range: SourceRange, text: String) -> Diagnostic {
    if text.hasPrefix("\\u{") {
      return Diagnostic(
        .badEscape, "`\(text)` is no character", at: Label(range, "not in Unicode, or not allowed in a text"),
        help:
          "write its number in up to six hexadecimal digits, as `\\u{e9}`; 0, U+FFFE, U+FFFF and the surrogates are none"
      )
    }
    return Diagnostic(
      .badEscape, "`\(text)` is no escape", at: Label(range, "not known"),
      help: #"a text knows `\"`, `\\`, `\n`, `\t`, `\$` and `\u{…}`; for a backslash write `\\`"#,
      fixIts: [
        FixIt(
          "double the backslash", [Edit(SourceRange(file: range.file, start: range.start, end: range.start), #"\"#)])
      ])
  }

  static func oddCharacter(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badCharacter, "\(name) stands here", at: Label(range, "cannot be seen, and means nothing"), help: "remove it",
      fixIts: [FixIt("remove it", [Edit(range, "")])])
  }

  static func oddBlank(at range: SourceRange, scalar: UInt32) -> Diagnostic {
    Diagnostic(
      .badCharacter, "an odd blank (\(OddCharacter.name(scalar))) stands here", at: Label(range, "not a plain space"),
      help: "write a plain space", fixIts: [FixIt("write a plain space", [Edit(range, " ")])])
  }

  /// All of a file: they are there because it was saved so.
  static func loneCarriageReturns(at ranges: [SourceRange]) -> Diagnostic {
    Diagnostic(
      .badCharacter, "a lone carriage return stands here", at: Label(ranges[0], "not a line break"),
      notes: ranges.count > 1 ? ["\(ranges.count) lines of this file end so"] : [],
      help: "end lines with LF or CRLF", fixIts: [FixIt("write line breaks", ranges.map { Edit($0, "\n") })])
  }

  static func typographicQuotes(at range: SourceRange, edits: [Edit]) -> Diagnostic {
    Diagnostic(
      .badCharacter, "typographic quotes stand around this text", at: Label(range, "not in plain quotes"),
      help: "write plain quotes", fixIts: edits.isEmpty ? [] : [FixIt("write plain quotes", edits)])
  }

  /// - Parameter plain: the quote that is meant; nil where the text has no end on its line.
  static func typographicQuote(at range: SourceRange, plain: String?) -> Diagnostic {
    Diagnostic(
      .badCharacter, "a typographic quote stands here", at: Label(range, "not a plain quote"),
      help: plain.map { "write `\($0)`" } ?? "write a plain quote, and one at the end of the text",
      fixIts: plain.map { [FixIt("write `\($0)`", [Edit(range, $0)])] } ?? [])
  }

  static func otherEncoding(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .invalidUTF8, "the file is \(name)", at: Label(range, "no UTF-8 from here"), help: "save the file as UTF-8")
  }

  static func invalidUTF8(at range: SourceRange, count: Int) -> Diagnostic {
    Diagnostic(
      .invalidUTF8, "the file is not UTF-8", at: Label(range, "no UTF-8 from here"),
      notes: count > 1 ? ["\(count) places in this file are no UTF-8"] : [],
      help: "save the file as UTF-8")
  }
}
