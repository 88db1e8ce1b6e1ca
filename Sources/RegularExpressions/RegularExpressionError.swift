/// Why a pattern is not a regular expression of RE2.
package struct RegularExpressionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of fault it is, for callers that treat "too large" unlike "wrong".
  package enum Kind: Hashable, Sendable {
    /// RE2 refuses the pattern too.
    case syntax
    /// RE2 knows the construct, this engine does not (a Unicode script, `\C`).
    case unsupported
    /// Correct, but its program would be larger than ``RegularExpression/programLimit`` or is nested too deeply.
    case tooLarge
  }

  package var kind: Kind
  /// A lower-case clause, without the pattern: "missing `]`".
  package var message: String
  /// Where in the pattern, in bytes of its UTF-8 form.
  package var offset: Int

  package init(_ message: String, at offset: Int) { self.init(.syntax, message, at: offset) }

  package init(_ kind: Kind, _ message: String, at offset: Int) {
    self.kind = kind
    self.message = message
    self.offset = offset
  }

  package var description: String { "\(message) (at byte \(offset))" }
}
