package import Diagnostics

/// Parses a file into a lossless tree. Always returns one, whatever the bytes; what is wrong is in its diagnostics.
///
/// The parser knows no statement: it asks the table for the row that begins with a line's first word, and runs the row
/// over the line. Where the row does not fit, one repair is tried (see `Parser+Recovery.swift`), so that one fault is one
/// diagnostic and the lines around it keep their meaning.
package func parse(_ file: SourceFile) -> SyntaxTree {
  var parser = Parser(file)
  return parser.parseFile()
}

struct Parser {
  let file: SourceFile
  let table = StatementTable.shared
  var tokens: [Token]
  var comments: [Comment]
  var diagnostics: [Diagnostic]
  var statements: [StatementNode] = []
  var captures: [Capture] = []
  var position = 0
  /// How many more `{` than `}` the rest of the file has, counting what recovery put in and left out. Only where one is
  /// missing is a block closed by indentation; only where one is too many is a brace left out.
  var braceBalance = 0
  var openBlocks: [OpenBlock] = []
  /// The starts of the lines that something was reported on: one fault, one diagnostic.
  var reportedLines: Set<Int> = []
  private let lineStarts: [Int]
  /// Where the last statement that belongs elsewhere ended: those right behind it are one fault with it.
  var misplacedEnd: Int?
  /// The last report of lines that are comments of another language, and the token behind them.
  var foreignComments: (diagnostic: Int, end: Int)?
  /// The last report of a semicolon, and where its line starts.
  var semicolons: (diagnostic: Int, line: Int)?
  /// The last lines in a row that begin no statement.
  var unknownRun: UnknownRun?
  /// Read where a fault asks for them.
  let declaredNames = DeclaredNames()
  /// A block that was skipped lacks its `}` too: where one belongs is not certain.
  var lostBraces = false
  /// The last report of an unclosed block, and the token at which it ended.
  private var lastUnclosed: (diagnostic: Int, place: Int)?

  /// A block that is being parsed.
  struct OpenBlock {
    var context: Context
    var statement: Int
    var column: Int
    /// The column of the first statement inside.
    var innerColumn: Int?
  }

  /// Lines in a row that begin no statement, and are no near miss of one either.
  struct UnknownRun {
    /// The first token of the first line, and the one behind the last.
    var start: Int
    var end: Int
    var lines: Int
    /// Where their diagnostics begin.
    var firstDiagnostic: Int
  }

  init(_ file: SourceFile) {
    self.file = file
    var lexer = Lexer(file)
    lexer.run()
    tokens = lexer.tokens
    comments = lexer.comments
    diagnostics = lexer.diagnostics
    for token in tokens {
      if token.kind == .openBrace { braceBalance += 1 } else if token.kind == .closeBrace { braceBalance -= 1 }
    }
    captures.reserveCapacity(tokens.count)
    var starts = [0]
    file.bytes.withUnsafeBufferPointer { bytes in
      for i in bytes.indices where bytes[i] == UInt8(ascii: "\n") || bytes[i] == UInt8(ascii: "\r") {
        starts.append(i + 1)
      }
    }
    lineStarts = starts
    for diagnostic in diagnostics where diagnostic.code != .badEscape {
      reportedLines.insert(lineStart(Int(diagnostic.primary.range.start)))
    }
  }

  mutating func parseFile() -> SyntaxTree {
    let roots = parseStatements(in: .file)
    return SyntaxTree(
      file: file, tokens: tokens, comments: comments, captures: captures, statements: statements, roots: roots,
      diagnostics: diagnostics
    )
  }

  var current: Token { tokens[position] }

  // MARK: - Blocks

  /// Parses statements up to the end of the block, which it does not consume.
  private mutating func parseStatements(in context: Context) -> [Int] {
    var result: [Int] = []
    while true {
      switch current.kind {
      case .newline:
        position += 1
      case .endOfFile:
        return result
      case .closeBrace:
        if context != .file, !closeBraceIsSurplus() { return result }
        report(.strayBrace(at: range(position)), at: position)
        braceBalance += 1
        position += 1
      case .openBrace where braceBalance > 0:
        skipSurplusOpenBrace()
      default:
        if context != .file, closesBlocksByIndentation() { return result }
        if openBlocks.last?.innerColumn == nil, !openBlocks.isEmpty {
          openBlocks[openBlocks.count - 1].innerColumn = startsLine(position) ? column(position) : Int.max
        }
        result.append(parseStatement(in: context))
      }
    }
  }

  /// Parses the block of `statement`, whose `{` is the current token, or is missing and was reported.
  mutating func parseBlock(of statement: Int, in context: Context, braceIsMissing: Bool) {
    statements[statement].hasBlock = true
    if braceIsMissing {
      braceBalance += 1
    } else {
      statements[statement].openBrace = position
      position += 1
    }
    openBlocks.append(
      OpenBlock(context: context, statement: statement, column: column(statements[statement].header.lowerBound)))
    let children = parseStatements(in: context)
    openBlocks.removeLast()
    statements[statement].children = children
    if current.kind == .closeBrace {
      statements[statement].closeBrace = position
      position += 1
      finishLine(after: statement)
    } else if let open = statements[statement].openBrace {
      braceBalance -= 1
      reportUnclosed(open)
    }
    statements[statement].tokens = statements[statement].tokens.lowerBound..<position
  }

  /// Blocks that end at one place, inside each other, are one fault: the file's end was lost, or two braces with it.
  private mutating func reportUnclosed(_ open: Int) {
    // A text that is never closed took the `}` in.
    if let last = tokens[..<position].last(where: { $0.kind != .newline }), last.kind == .blockText,
      last.flags.contains(.unterminated)
    {
      return
    }
    if let (index, place) = lastUnclosed, place == position, index < diagnostics.count {
      diagnostics[index].secondary.insert(Label(range(open), "opened here, and not closed either"), at: 0)
      for k in diagnostics[index].fixIts.indices {
        for e in diagnostics[index].fixIts[k].edits.indices {
          diagnostics[index].fixIts[k].edits[e].replacement += "\n}"
        }
      }
      return
    }
    lastUnclosed = (diagnostics.count, position)
    var diagnostic = Diagnostic.unclosedBlock(at: range(open), insertAt: blockEnd())
    if lostBraces { diagnostic.fixIts = [] }
    diagnostics.append(diagnostic)
  }

  /// Where a missing `}` belongs: behind the last token before this place.
  func blockEnd() -> SourceRange {
    var i = position
    while i > 0, tokens[i].kind == .newline || tokens[i].kind == .endOfFile || i == position { i -= 1 }
    return SourceRange(file: file.id, start: tokens[i].end, end: tokens[i].end)
  }

  /// After a `}`: only the end of a line, another `}`, or the end of the file may follow.
  private mutating func finishLine(after statement: Int) {
    switch current.kind {
    case .newline, .closeBrace, .endOfFile: return
    case .openBrace:
      if braceBalance > 0 { skipSurplusOpenBrace() } else { skipBlock(of: statement) }
    case .word where beginsForeignComment(position): takeForeignComment()
    case .word where text(position) == ";" && endsStatement(position + 1, opensBlock: false):
      report(.surplus(";", at: range(position), edit: true), at: position)
      tokens[position].kind = .newline
    case .comma where endsLine(comma: position, in: openBlocks.last?.context ?? .file):
      report(.surplus(",", at: range(position), edit: true), at: position)
      tokens[position].kind = .newline
    default:
      // On a line of its own it must have a place in the block around.
      let outer = openBlocks.last?.context ?? .file
      let splits = current.keyword.map { table.row(for: $0, in: outer) != nil } ?? false
      report(.expectedLineEnd(found: describe(position), at: range(position), splits: splits), at: position)
    }
  }

  /// A missing `}` shows where a line stands that the block cannot hold: see the rules in `Parser+Recovery.swift`.
  private func closesBlocksByIndentation() -> Bool {
    guard braceBalance > 0, startsLine(position), let block = openBlocks.last else { return false }
    let column = column(position)
    let keyword = current.kind == .word ? current.keyword : nil
    if let keyword, table.row(for: keyword, in: block.context) == nil {
      for outer in openBlocks.dropLast().reversed()
      where table.row(for: keyword, in: outer.context) != nil && column <= block.column {
        return true
      }
      if column == 1, table.row(for: keyword, in: .file) != nil { return true }
    }
    guard let inner = block.innerColumn, inner > block.column, inner != Int.max else { return false }
    return column <= block.column
  }

  // MARK: - Statements

  private mutating func parseStatement(in context: Context) -> Int {
    let start = position
    let index = statements.count
    statements.append(
      StatementNode(
        form: nil, context: context, header: start..<start, tokens: start..<start,
        captures: captures.count..<captures.count))
    if let row = row(in: context) {
      parse(row, into: index, in: context)
    } else {
      recoverUnknownStatement(into: index, in: context)
    }
    if statements[index].tokens.upperBound < position {
      statements[index].tokens = start..<position
    }
    return index
  }

  /// The row of the statement at the current token.
  private func row(in context: Context) -> StatementTable.Compiled? {
    guard current.kind == .word || current.kind == .text else { return nil }
    if current.kind == .word, let keyword = current.keyword, let row = table.row(for: keyword, in: context) {
      return row
    }
    guard let row = table.slotRow(in: context) else { return nil }
    // A line of another block is no member.
    if current.kind == .word, let keyword = current.keyword, !nextIsSlotRow(row), isHeadAnywhere(keyword) { return nil }
    return row
  }

  private func isHeadAnywhere(_ keyword: Keyword) -> Bool {
    Context.allCases.contains { table.row(for: keyword, in: $0) != nil }
  }

  private func nextIsSlotRow(_ row: StatementTable.Compiled) -> Bool {
    withMatcher(row, at: position) { $0.run(at: position) != nil }
  }

  func withMatcher<R>(_ row: StatementTable.Compiled, at position: Int, _ body: (inout Matcher) -> R) -> R {
    file.bytes.withUnsafeBufferPointer { bytes in
      tokens.withUnsafeBufferPointer { tokens in
        var matcher = Matcher(row, of: table, tokens: tokens, bytes: bytes)
        return body(&matcher)
      }
    }
  }

  /// Runs `row` at the current token and takes the statement to its end.
  mutating func parse(_ row: StatementTable.Compiled, into index: Int, in context: Context) {
    let start = position
    let outcome = withMatcher(row, at: start) {
      matcher -> (end: Int?, captures: [Capture], equals: [(token: Int, tight: Bool)], block: Context?) in
      let end = matcher.run(at: start)
      return (end, matcher.captures, matcher.equals, matcher.block)
    }
    statements[index].form = row.row.form
    if let end = outcome.end, endsStatement(end, opensBlock: row.block != nil) {
      if endsInSign(end), mendSlips(row, into: index, in: context) { return }
      if row.block != nil, tokens[end].kind == .newline, takeBraceOfNextLine(row, into: index, at: end) { return }
      accept(outcome.captures, outcome.equals, header: start..<end, into: index)
      position = end
      if current.kind == .openBrace, let block = outcome.block ?? row.block {
        parseBlock(of: index, in: block, braceIsMissing: false)
      }
      return
    }
    recover(row, into: index, in: context, matchedTo: outcome.end)
  }

  /// Whether a statement may end before the token at `end`.
  func endsStatement(_ end: Int, opensBlock: Bool) -> Bool {
    switch tokens[end].kind {
    case .newline, .closeBrace, .endOfFile: true
    case .openBrace: opensBlock
    default: false
    }
  }

  mutating func accept(
    _ matched: [Capture], _ equals: [(token: Int, tight: Bool)], header: Range<Int>, into index: Int
  ) {
    let first = captures.count
    captures.append(contentsOf: matched)
    for (token, tight) in equals where tight { tokens[token].flags.insert(.tight) }
    statements[index].captures = first..<captures.count
    statements[index].header = header
    statements[index].tokens = header
  }

  // MARK: - Places

  func range(_ token: Int) -> SourceRange {
    SourceRange(file: file.id, start: tokens[token].start, end: tokens[token].end)
  }

  /// The 1-based byte column of a token.
  func column(_ token: Int) -> Int {
    let start = Int(tokens[token].start)
    return start - lineStart(start) + 1
  }

  func lineStart(_ offset: Int) -> Int {
    // The last one that is not behind it: a file may be one line with a fault at each byte.
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return lineStarts[low]
  }

  /// Reports, unless something was reported on the line of the token: what follows on a line that has a fault mostly
  /// follows from it.
  mutating func report(_ diagnostic: Diagnostic, at token: Int) {
    guard reportedLines.insert(lineStart(Int(tokens[token].start))).inserted else { return }
    diagnostics.append(diagnostic)
  }

  func startsLine(_ token: Int) -> Bool {
    token == 0 || tokens[token - 1].kind == .newline
  }
}
