internal import Diagnostics

/// The canonical form of a plan; nil where the tree has syntax errors, because a guess is not worth a diff.
///
/// Two blanks of indentation per block, one blank between tokens, none before a comma or around the `=` of a
/// `cookie KEY=VALUE`; ` {` ends its line and `}` has one of its own; a run of blank lines becomes one, and none stands
/// at the edge of a block or of the file. Lines that were broken after a comma stay broken. Comments stay where they
/// are, but for `# rolloutc: …` behind a block that is opened up, which goes before its statement; text blocks and the quotes of words are left alone. A file whose first line break is CRLF keeps CRLF.
///
/// Formatting twice is formatting once, and the tree stays the same.
package func formatted(_ tree: SyntaxTree) -> [UInt8]? {
  guard !tree.diagnostics.hasErrors else { return nil }
  var formatter = Formatter(tree)
  return formatter.run()
}

/// Walks the tokens once. A tree without errors has balanced braces, each of which is a block's, so that the tokens alone
/// say how deep a line stands.
private struct Formatter {
  private let tree: SyntaxTree
  private let bytes: [UInt8]
  private let lineBreak: [UInt8]
  private var out: [UInt8] = []
  private var line: [UInt8] = []
  private var depth = 0
  /// A blank line stood in the source before what comes next.
  private var blankIsPending = false
  /// Nothing was written yet in this block, or in the file: no blank line comes first.
  private var isFirst = true
  /// The next token begins a line: a brace was written.
  private var mustBreak = false
  private var nextComment = 0
  /// Comments that were written ahead of their place, by index.
  private var written: Set<Int> = []
  /// Comments that are to stand before the statement that begins at a token.
  private var hoisted: [Int: [Int]] = [:]

  init(_ tree: SyntaxTree) {
    self.tree = tree
    bytes = tree.file.bytes
    lineBreak = Formatter.lineBreak(of: tree)
    out.reserveCapacity(bytes.count + bytes.count / 8)
  }

  mutating func run() -> [UInt8] {
    hoistDirectives()
    let closing = closingBraces()
    for index in tree.tokens.indices {
      let token = tree.tokens[index]
      writeComments(before: index)
      for comment in hoisted[index] ?? [] {
        flush()
        begin(continued: false)
        append(tree.comments[comment])
        flush()
      }
      switch token.kind {
      case .newline:
        if line.isEmpty { blankIsPending = true } else { flush() }
      case .endOfFile:
        flush()
      case .openBrace:
        line.append(contentsOf: " {".utf8)
        writeTrailingComment(ofBlockEnding: closing[index], from: index)
        depth += 1
        isFirst = true
        blankIsPending = false
        mustBreak = true
      case .closeBrace:
        flush()
        depth -= 1
        blankIsPending = false
        begin(continued: false)
        line.append(UInt8(ascii: "}"))
        mustBreak = true
      case .word, .text, .raw, .blockText, .comma, .equals, .arrow:
        write(token, after: index > 0 ? tree.tokens[index - 1] : nil)
      }
    }
    return out
  }

  private mutating func write(_ token: Token, after previous: Token?) {
    let continued = token.flags.contains(.continued)
    if mustBreak || continued { flush() }
    if line.isEmpty {
      begin(continued: continued)
    } else if needsBlank(before: token, after: previous) {
      line.append(UInt8(ascii: " "))
    }
    line.append(contentsOf: bytes[Int(token.start)..<Int(token.end)])
  }

  private func needsBlank(before token: Token, after previous: Token?) -> Bool {
    if token.kind == .comma { return false }
    if token.kind == .equals, token.flags.contains(.tight) { return false }
    if let previous, previous.kind == .equals, previous.flags.contains(.tight) { return false }
    return true
  }

  // MARK: - Comments

  private mutating func writeComments(before index: Int) {
    while nextComment < tree.comments.count, tree.comments[nextComment].token == index {
      let comment = tree.comments[nextComment]
      if !written.contains(nextComment) { write(comment, continued: tree.tokens[index].flags.contains(.continued)) }
      nextComment += 1
    }
  }

  private mutating func write(_ comment: Comment, continued: Bool) {
    if comment.isAlone {
      flush()
      begin(continued: continued)
    } else {
      line.append(contentsOf: "  ".utf8)
    }
    append(comment)
  }

  private mutating func append(_ comment: Comment) {
    line.append(contentsOf: bytes[Int(comment.range.start)..<Int(comment.range.end)])
    while line.last == UInt8(ascii: " ") || line.last == UInt8(ascii: "\t") { line.removeLast() }
  }

  /// `step "a" { deploy web 1.0 }  # rolloutc: allow …` is about all that stands on its line. Opened up, that is several
  /// lines, and alone before the statement the comment is about the statement with its block.
  private mutating func hoistDirectives() {
    for (index, comment) in tree.comments.enumerated() where !comment.isAlone && isDirective(comment) {
      var first = comment.token
      var closes = false
      while first > 0, tree.tokens[first - 1].kind != .newline, !tree.tokens[first].flags.contains(.continued) {
        first -= 1
        // A brace that ends a line of its own is not about that line.
        if tree.tokens[first].kind == .closeBrace { closes = true }
      }
      guard closes, tree.tokens[first].kind != .closeBrace else { continue }
      // The line may go on with a statement that began on an earlier one.
      guard let statement = tree.statements.last(where: { $0.header.lowerBound <= first && $0.header.contains(first) })
      else { continue }
      hoisted[statement.header.lowerBound, default: []].append(index)
      written.insert(index)
    }
  }

  private func isDirective(_ comment: Comment) -> Bool {
    let text = bytes[Int(comment.range.start)..<Int(comment.range.end)].dropFirst()
    return text.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.starts(with: "rolloutc:".utf8)
  }

  /// A comment behind a block on one line is about that line: it goes with the header when the block is opened up, so
  /// that a lint that it silences stays silenced.
  private mutating func writeTrailingComment(ofBlockEnding close: Int?, from open: Int) {
    guard let close, close + 1 < tree.tokens.count else { return }
    let between = open..<(close + 1)
    guard !tree.tokens[between].contains(where: { $0.kind == .newline || $0.flags.contains(.continued) }) else {
      return
    }
    // The brace of an outer block may stand in between: `a { b { } } # comment`.
    var end = close + 1
    while tree.tokens[end].kind == .closeBrace, end + 1 < tree.tokens.count { end += 1 }
    var low = nextComment
    while low < tree.comments.count, tree.comments[low].token < end { low += 1 }
    guard low < tree.comments.count, tree.comments[low].token == end, !tree.comments[low].isAlone,
      !written.contains(low)
    else { return }
    written.insert(low)
    write(tree.comments[low], continued: false)
  }

  private func closingBraces() -> [Int: Int] {
    var result: [Int: Int] = [:]
    var open: [Int] = []
    for (index, token) in tree.tokens.enumerated() {
      if token.kind == .openBrace {
        open.append(index)
      } else if token.kind == .closeBrace, let start = open.popLast() {
        result[start] = index
      }
    }
    return result
  }

  // MARK: - Lines

  private mutating func begin(continued: Bool) {
    if blankIsPending, !isFirst, !continued { out.append(contentsOf: lineBreak) }
    blankIsPending = false
    isFirst = false
    let indentation = max(0, depth) * 2 + (continued ? 4 : 0)
    line.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indentation))
  }

  private mutating func flush() {
    mustBreak = false
    guard !line.isEmpty else { return }
    out.append(contentsOf: line)
    out.append(contentsOf: lineBreak)
    line.removeAll(keepingCapacity: true)
  }

  /// The first line break outside of a text block decides: those inside are left alone.
  private static func lineBreak(of tree: SyntaxTree) -> [UInt8] {
    let bytes = tree.file.bytes
    for token in tree.tokens {
      let end = token.kind == .newline ? Int(token.end) : Int(token.start)
      for i in Int(token.leading)..<end where bytes[i] == UInt8(ascii: "\n") {
        return i > 0 && bytes[i - 1] == UInt8(ascii: "\r") ? [0x0D, 0x0A] : [0x0A]
      }
    }
    return [0x0A]
  }
}
