package import Diagnostics

/// What a slot or a keyword of a statement's row was filled with.
package struct Capture: Hashable, Sendable {
  /// The slot; nil for a keyword.
  package var slot: Slot?
  package var keyword: Keyword?
  /// Index into ``SyntaxTree/tokens``. For a keyword that a repair put in, the token before which it belongs.
  package var token: Int
}

/// One statement: the tokens of its line or lines, what they fill, and its block.
package struct StatementNode: Sendable {
  /// nil where no row of the table fits.
  package var form: Form?
  package var context: Context
  /// The tokens of the statement up to its end or its `{`, without either.
  package var header: Range<Int>
  /// Everything that belongs to it, block and closing brace included.
  package var tokens: Range<Int>
  package var captures: Range<Int>
  package var openBrace: Int?
  package var closeBrace: Int?
  /// Indices of the statements in its block.
  package var children: [Int] = []
  /// The line has a fault that was reported: what it captured is its good beginning.
  package var isBroken = false
  /// It has a block, with braces or without one of them.
  package var hasBlock = false
}

/// A file, parsed. Lossless: ``printed`` gives the bytes back, whatever they are.
///
/// A class: views of its statements are handed around by the thousand, each for one reference count.
package final class SyntaxTree: Sendable {
  package let file: SourceFile
  package let tokens: [Token]
  package let comments: [Comment]
  package let captures: [Capture]
  package let statements: [StatementNode]
  /// The statements of the top level.
  package let roots: [Int]
  package let diagnostics: [Diagnostic]

  init(
    file: SourceFile, tokens: [Token], comments: [Comment], captures: [Capture], statements: [StatementNode],
    roots: [Int], diagnostics: [Diagnostic]
  ) {
    self.file = file
    self.tokens = tokens
    self.comments = comments
    self.captures = captures
    self.statements = statements
    self.roots = roots
    self.diagnostics = diagnostics
  }

  /// The bytes of the tree, by walking it: each statement's tokens with their trivia, in order, blocks inside.
  package var printed: [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(file.bytes.count)
    var next = 0
    func emit(upTo end: Int) {
      while next < end {
        out.append(contentsOf: file.bytes[Int(tokens[next].leading)..<Int(tokens[next].end)])
        next += 1
      }
    }
    func visit(_ index: Int) {
      let node = statements[index]
      emit(upTo: node.tokens.lowerBound)
      for child in node.children { visit(child) }
      emit(upTo: node.tokens.upperBound)
    }
    for root in roots { visit(root) }
    emit(upTo: tokens.count)
    return out
  }

  package func range(ofToken index: Int) -> SourceRange {
    let token = tokens[min(index, tokens.count - 1)]
    return SourceRange(file: file.id, start: token.start, end: token.end)
  }

  /// The range of the statement's header.
  package func range(of node: StatementNode) -> SourceRange { range(ofHeader: node.header) }

  fileprivate func range(ofHeader header: Range<Int>) -> SourceRange {
    guard !header.isEmpty else { return range(ofToken: header.lowerBound) }
    return range(ofToken: header.lowerBound).joined(range(ofToken: header.upperBound - 1))
  }

  /// The text of an unquoted word, without what the lexer reported in it; of an amount, with its unit.
  package func word(_ index: Int) -> String {
    let token = tokens[index]
    if token.flags.contains(.parted) { return file.text(range(ofToken: index)) + (Unit(word(index + 1))?.text ?? "") }
    let slice = file.bytes[Int(token.start)..<Int(token.end)]
    if token.flags.contains(.dirty) { return String(decoding: TokenText.cleaned(slice), as: UTF8.self) }
    return String(decoding: slice, as: UTF8.self)
  }

  /// The source text of the statement's header, blanks folded: for titles and messages.
  /// - Parameter spelling: how a token is written that is not to stand as it is in the source.
  package func text(of node: StatementNode, spelling: (Int) -> String? = { _ in nil }) -> String {
    var text = ""
    for i in node.header {
      let token = tokens[i]
      if i > node.header.lowerBound, token.kind != .comma, !(token.kind == .equals && token.flags.contains(.tight)),
        !(tokens[i - 1].kind == .equals && tokens[i - 1].flags.contains(.tight))
      {
        text += " "
      }
      text += spelling(i) ?? file.text(range(ofToken: i))
    }
    return text
  }

  package subscript(index: Int) -> StatementView { StatementView(tree: self, index: index) }
}

/// A statement and the tree that it is from: the typed view over the untyped captures.
package struct StatementView: Sendable {
  package let tree: SyntaxTree
  let index: Int

  package var node: StatementNode { tree.statements[index] }

  package var form: Form? { tree.statements[index].form }
  package var range: SourceRange { tree.range(ofHeader: tree.statements[index].header) }
  package var captures: ArraySlice<Capture> { tree.captures[tree.statements[index].captures] }

  /// The token that fills the first slot of this kind.
  package func first(_ slot: Slot) -> Int? { captures.first { $0.slot == slot }?.token }

  package func all(_ slot: Slot) -> [Int] { captures.lazy.filter { $0.slot == slot }.map(\.token) }

  package func has(_ keyword: Keyword) -> Bool { captures.contains { $0.keyword == keyword } }

  /// The first of these keywords that the statement holds.
  package func first(of keywords: Keyword...) -> Keyword? {
    captures.first { $0.keyword.map(keywords.contains) ?? false }?.keyword
  }

  /// The token of the first capture of `slot` behind the keyword.
  package func first(_ slot: Slot, after keyword: Keyword) -> Int? {
    guard let start = captures.firstIndex(where: { $0.keyword == keyword }) else { return nil }
    return captures[start...].first { $0.slot == slot }?.token
  }

  package func token(of keyword: Keyword) -> Int? { captures.first { $0.keyword == keyword }?.token }
}
