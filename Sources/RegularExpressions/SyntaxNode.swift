/// A parsed pattern. Groups and greed leave no trace: only the language matters.
indirect enum SyntaxNode: Sendable {
  case empty
  case characters(CharacterClass)
  case assertion(Assertion)
  case sequence([SyntaxNode])
  case alternatives([SyntaxNode])
  /// `maximum` nil: without end.
  case repeated(SyntaxNode, minimum: Int, maximum: Int?)

  /// The largest product of counts along any path into nested repeats; RE2 refuses more than 1,000
  /// (`RepetitionWalker`).
  var repeatProduct: Int {
    switch self {
    case .empty, .characters, .assertion: 1
    case .sequence(let nodes), .alternatives(let nodes): nodes.map(\.repeatProduct).max() ?? 1
    case .repeated(let node, let minimum, let maximum):
      min(1_000_000, node.repeatProduct * max(1, maximum ?? minimum))
    }
  }
}

/// What must hold between two bytes.
enum Assertion: Hashable, Sendable {
  case beginText, endText, beginLine, endLine, wordBoundary, notWordBoundary

  /// Whether it holds between `previous` and `next`.
  func holds(between previous: Neighbor, and next: Neighbor) -> Bool {
    switch self {
    case .beginText: previous == .edge
    case .endText: next == .edge
    case .beginLine: previous == .edge || previous == .newline
    case .endLine: next == .edge || next == .newline
    case .wordBoundary: (previous == .word) != (next == .word)
    case .notWordBoundary: (previous == .word) == (next == .word)
    }
  }
}

/// What stands on one side of a position, as far as assertions can tell.
enum Neighbor: UInt8, Hashable, Sendable {
  case edge, newline, word, other

  static let count = 4

  init(_ byte: UInt8) {
    switch byte {
    case 0x0A: self = .newline
    case 0x30...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A: self = .word
    default: self = .other
    }
  }
}
