package import Diagnostics

/// What a token is. White space and comments are no tokens: they are the leading trivia of the token after them.
package enum TokenKind: UInt8, Hashable, Sendable {
  /// The longest run without blanks and `{ } , = " '`, never across `->`.
  case word
  /// `"…"` with escapes and `${parameter}`.
  case text
  /// `'…'`: nothing is special.
  case raw
  /// `"""…"""`: common indentation removed, no escapes.
  case blockText
  case openBrace
  case closeBrace
  case comma
  case equals
  case arrow
  /// A line break that ends a statement. The one after a comma is trivia.
  case newline
  case endOfFile
}

/// A token by its place in the file: `leading..<start` is its trivia, `start..<end` its text.
package struct Token: Hashable, Sendable {
  package struct Flags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Bytes that were reported stand inside; they are not part of the value.
    package static let dirty = Flags(rawValue: 1)
    /// The closing quote is missing.
    package static let unterminated = Flags(rawValue: 2)
    /// An `=` that the formatter writes without blanks, as in `cookie KEY=VALUE`.
    package static let tight = Flags(rawValue: 4)
    /// A line break stands in the trivia before it: the line was continued after a comma.
    package static let continued = Flags(rawValue: 8)
    /// An escape in it was reported.
    package static let badEscape = Flags(rawValue: 16)
    /// A blank parts an amount from its unit, which is the next token.
    package static let parted = Flags(rawValue: 32)
    /// One of its quotes, or both, are typographic ones.
    package static let typographic = Flags(rawValue: 64)
  }

  package var kind: TokenKind
  package var flags: Flags = []
  /// The keyword that an unquoted word spells, whether or not it is one here: keywords are contextual.
  package var keyword: Keyword?
  package var leading: UInt32
  package var start: UInt32
  package var end: UInt32
}

/// A comment: `#` at the start of a token, to the end of the line.
package struct Comment: Hashable, Sendable {
  package var range: SourceRange
  /// Nothing but blanks stands before it on its line.
  package var isAlone: Bool
  /// The index of the token whose trivia holds it.
  package var token: Int
}
