package import Diagnostics
package import RolloutSyntax

/// `# rolloutc: allow SLUG -- reason`: where lints are silenced.
///
/// At the end of a line it is about that line; alone before a statement it is about the statement with its block; before
/// `plan` it is about the file.
package struct Allowances: Sendable {
  struct Allowance: Sendable {
    var slug: String
    var scope: SourceRange
    var hasReason: Bool
    var comment: SourceRange
    /// The comment with the blanks before it, or with its line; nil where it allows something else, too.
    var removed: SourceRange?

    func covers(_ diagnostic: Diagnostic) -> Bool {
      // An error is not silenced without a word why.
      (hasReason || diagnostic.severity != .error) && slug == diagnostic.code.slug
        && scope.file == diagnostic.primary.range.file && scope.start <= diagnostic.primary.range.start
        && diagnostic.primary.range.start <= scope.end
    }
  }

  private var list: [Allowance] = []
  /// What is wrong with the comments themselves.
  package private(set) var diagnostics: [Diagnostic] = []

  package init(_ trees: [SyntaxTree]) {
    for tree in trees {
      for comment in tree.comments { read(comment, in: tree) }
    }
  }

  /// The diagnostics that are left when the silenced ones are gone.
  package func filter(_ found: [Diagnostic]) -> [Diagnostic] {
    found.filter { diagnostic in
      !diagnostic.code.canBeAllowed || !list.contains { $0.covers(diagnostic) }
    }
  }

  /// Those of `file` that silence nothing of what reading a plan can find; what the proof finds is not known yet.
  func unused(in file: FileID, _ found: [Diagnostic]) -> [Diagnostic] {
    list.filter { allowance in
      allowance.scope.file == file && !found.contains { allowance.slug == $0.code.slug && allowance.covers($0) }
        && Catalogue.pages.contains { $0.code.slug == allowance.slug && $0.stage == .plan }
    }.map { .unusedAllow($0.slug, at: $0.comment, line: $0.removed) }
  }

  private mutating func read(_ comment: Comment, in tree: SyntaxTree) {
    let text = tree.file.text(comment.range).dropFirst().trimmed
    guard text.hasPrefix("rolloutc:") else { return }
    let directive = text.dropFirst("rolloutc:".count).trimmed
    guard directive.hasPrefix("allow"), directive.dropFirst(5).first.map({ $0 == " " || $0 == "\t" }) ?? true else {
      diagnostics.append(.unknownDirective(String(directive), at: comment.range))
      return
    }
    var rest = directive.dropFirst(5).trimmed
    var reason = ""
    if let dashes = rest.firstRange(of: "--") {
      reason = String(rest[dashes.upperBound...].trimmed)
      rest = rest[..<dashes.lowerBound].trimmed
    }
    var slugs = rest.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" })
    let unmarked = reason.isEmpty ? unmarkedReason(in: slugs) : nil
    if let unmarked { slugs.removeSubrange(unmarked.word...) }
    if slugs.isEmpty { diagnostics.append(.unknownSlug("", at: comment.range)) }
    let scope = scope(of: comment, in: tree)
    for word in slugs {
      let slug = String(word)
      guard let code = Catalogue.code(slug: slug), code.canBeAllowed else {
        diagnostics.append(.unknownSlug(slug, at: comment.range, word: place(of: word, in: comment, of: tree)))
        continue
      }
      if reason.isEmpty {
        diagnostics.append(
          .allowWithoutReason(
            slug, at: comment.range,
            mark: unmarked.map { Edit(place(of: $0.mark, in: comment, of: tree), $0.mark.isEmpty ? "-- " : "--") }))
      }
      list.append(
        Allowance(
          slug: slug, scope: scope, hasReason: !reason.isEmpty, comment: comment.range,
          removed: slugs.count == 1 ? wholeLine(comment, in: tree) : nil))
    }
  }

  /// Where a reason begins that stands behind slugs without `--`: the number of its first word, and what stands there in
  /// place of `--`, which may be nothing.
  private func unmarkedReason(in words: [Substring]) -> (word: Int, mark: Substring)? {
    if let dash = words.firstIndex(where: { ["-", "\u{2013}", "\u{2014}", ":"].contains($0) }), dash > 0 {
      return (dash, words[dash])
    }
    // One unknown word may be a misspelt slug; several that follow a known one are no list.
    guard let first = words.firstIndex(where: { Catalogue.code(slug: String($0)) == nil }), first > 0,
      words.count - first > 1, !words[first...].contains(where: { Catalogue.code(slug: String($0)) != nil })
    else { return nil }
    return (first, words[first].prefix(0))
  }

  /// Where a part of the comment stands that was read out of its text.
  private func place(of part: Substring, in comment: Comment, of tree: SyntaxTree) -> SourceRange {
    let text = part.base.utf8
    let start = Int(comment.range.start) + text.distance(from: text.startIndex, to: part.startIndex)
    return SourceRange(file: tree.file.id, start..<(start + part.utf8.count))
  }

  private func wholeLine(_ comment: Comment, in tree: SyntaxTree) -> SourceRange {
    let bytes = tree.file.bytes
    var (start, end) = (Int(comment.range.start), Int(comment.range.end))
    while start > 0, [UInt8(ascii: " "), UInt8(ascii: "\t")].contains(bytes[start - 1]) { start -= 1 }
    if comment.isAlone {
      if end < bytes.count, bytes[end] == UInt8(ascii: "\r") { end += 1 }
      if end < bytes.count, bytes[end] == UInt8(ascii: "\n") { end += 1 }
    }
    return SourceRange(file: tree.file.id, start..<end)
  }

  private func scope(of comment: Comment, in tree: SyntaxTree) -> SourceRange {
    let file = tree.file.id
    if comment.isAlone {
      // The statement that follows: the innermost or outermost that starts at the next word.
      var token = comment.token
      while token < tree.tokens.count, tree.tokens[token].kind == .newline { token += 1 }
      if let node = tree.statements.first(where: { $0.tokens.lowerBound == token }) {
        if node.form == .plan { return SourceRange(file: file, 0..<tree.file.bytes.count) }
        return SourceRange(
          file: file, start: tree.tokens[token].start, end: tree.tokens[max(token, node.tokens.upperBound - 1)].end)
      }
      return comment.range
    }
    var start = Int(comment.range.start)
    while start > 0, tree.file.bytes[start - 1] != UInt8(ascii: "\n") { start -= 1 }
    return SourceRange(file: file, start: UInt32(start), end: comment.range.end)
  }
}

extension StringProtocol {
  /// Without blanks at both ends.
  var trimmed: SubSequence {
    var slice = self[...]
    while let first = slice.first, first == " " || first == "\t" { slice = slice.dropFirst() }
    while let last = slice.last, last == " " || last == "\t" { slice = slice.dropLast() }
    return slice
  }

  func firstRange(of text: String) -> Range<Index>? {
    var i = startIndex
    while i < endIndex {
      if self[i...].hasPrefix(text) { return i..<index(i, offsetBy: text.count) }
      i = index(after: i)
    }
    return nil
  }
}
