import Diagnostics
import RolloutSyntax

/// Comma lists of what counts once, such as the components after `calls`.
extension Resolver {
  /// The members that the tokens stand for, each once. One that comes again is reported: it was meant to be another, or it
  /// is too much.
  ///
  /// - Parameter member: what a token stands for; nil where it is wrong, which `member` has reported.
  func members<Member: Hashable>(
    _ tokens: [Int], in tree: SyntaxTree, _ member: (Int) -> Member?
  ) -> [Member] {
    var members: [Member] = []
    var first: [Member: Int] = [:]
    for (i, token) in tokens.enumerated() {
      guard let next = member(token) else { continue }
      guard let earlier = first[next] else {
        first[next] = token
        members.append(next)
        continue
      }
      report(
        .memberTwice(
          tree.word(token), at: tree.range(ofToken: token), earlier: tree.range(ofToken: earlier),
          // With the comma before it, unless that stands on another line, where a comment may be between them.
          removing: i > 0 ? onOneLine(from: tokens[i - 1], to: token, in: tree) : nil))
    }
    return members
  }

  /// From the end of one token to the end of another, if they stand on one line.
  private func onOneLine(from first: Int, to last: Int, in tree: SyntaxTree) -> SourceRange? {
    let (start, end) = (tree.range(ofToken: first).end, tree.range(ofToken: last).end)
    let range = SourceRange(file: tree.file.id, start: start, end: end)
    return tree.file.text(range).contains(where: \.isNewline) ? nil : range
  }
}
