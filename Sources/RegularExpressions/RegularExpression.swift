/// A regular expression of RE2's language, matched in linear time.
///
/// Envoy matches with RE2, and a route must mean here what it means there: a backtracking engine has another language
/// and another running time. A match is a plain yes or no; there are no captures, so greed and order of alternatives
/// do not matter.
///
/// How it works: `Parser` makes a `SyntaxNode`, `Compiler` a Thompson automaton over *bytes* (a class of characters
/// becomes sequences of byte ranges, so invalid UTF-8 never matches `.`, as in RE2's UTF-8 mode). Small automata are
/// made deterministic once, at `init`, within a budget of work; the others are simulated. Both take time linear in the
/// text, and both go through `Program.Frontier`, so they cannot differ.
///
/// https://github.com/google/re2/wiki/Syntax
package struct RegularExpression: Sendable {
  /// The number of instructions a program may have. RE2 has such a limit as well (8 MiB by default).
  package static let programLimit = 20_000
  /// Istio's webhook refuses longer patterns (`validateStringMatchRegexp`).
  package static let istioLengthLimit = 1024

  /// What RE2 takes for one character.
  package enum Encoding: Hashable, Sendable {
    case utf8
    /// Every byte is one, in the pattern and in the text. Envoy's matchers (measured with 1.40) work so: `.` matches half
    /// of an `é`, and bytes that are no UTF-8 match like any others.
    case latin1
  }

  /// The text it was made from.
  package let pattern: String
  let program: Program
  private let table: TransitionTable?

  /// Compiles `pattern`; takes time in proportion to the size of the pattern with its repeats written out.
  package init(_ pattern: String, encoding: Encoding = .utf8) throws(RegularExpressionError) {
    let syntax = try Parser.parse(Array(pattern.utf8), encoding: encoding)
    let program = try Compiler.compile(syntax, encoding: encoding)
    self.pattern = pattern
    self.program = program
    self.table = TransitionTable(program)
  }

  /// Throws what ``init(_:encoding:)`` would, without making the automaton deterministic: for patterns that are only
  /// checked.
  package static func check(_ pattern: String) throws(RegularExpressionError) {
    _ = try Compiler.compile(Parser.parse(Array(pattern.utf8), encoding: .utf8), encoding: .utf8)
  }

  /// Whether the pattern is longer than Istio accepts; counted in characters of the source, as the webhook does.
  package static func isTooLongForIstio(_ pattern: String) -> Bool {
    pattern.utf8.count > istioLengthLimit
  }

  /// Whether the whole of `text` matches (RE2 `FullMatch`, which is what Envoy asks).
  package func matchesFully(_ text: [UInt8]) -> Bool {
    text.withUnsafeBufferPointer { matchesFully($0) }
  }

  package func matchesFully(_ text: String) -> Bool {
    text.utf8.withContiguousStorageIfAvailable { matchesFully($0) } ?? matchesFully(Array(text.utf8))
  }

  /// Whether some part of `text` matches (RE2 `PartialMatch`).
  package func isFound(in text: [UInt8]) -> Bool {
    text.withUnsafeBufferPointer { isFound(in: $0) }
  }

  package func isFound(in text: String) -> Bool {
    text.utf8.withContiguousStorageIfAvailable { isFound(in: $0) } ?? isFound(in: Array(text.utf8))
  }

  private func matchesFully(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    if let table { return table.matchesFully(text) }
    var simulation = Simulation(program)
    for byte in text where !simulation.advance(over: byte) { return false }
    return simulation.acceptsAtEnd()
  }

  private func isFound(in text: UnsafeBufferPointer<UInt8>) -> Bool {
    var simulation = Simulation(program, restarting: true)
    for byte in text {
      _ = simulation.advance(over: byte)
      if simulation.sawMatch { return true }
    }
    return simulation.acceptsAtEnd()
  }
}

/// `literal` as a pattern that matches exactly it: `\` before ``\.+*?()|[]{}^$``, and nothing else, so that the
/// pattern stays readable.
package func quoted(_ literal: String) -> String {
  var result = ""
  for scalar in literal.unicodeScalars {
    if "\\.+*?()|[]{}^$".unicodeScalars.contains(scalar) { result.unicodeScalars.append("\\") }
    result.unicodeScalars.append(scalar)
  }
  return result
}
