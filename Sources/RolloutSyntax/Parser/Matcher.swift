/// The shapes of rows as flat code: nodes that point at each other by number.
struct MatchCode: Sendable {
  enum Op: Sendable {
    case keyword(Keyword)
    case slot(Slot)
    case arrow, comma
    case equals(tight: Bool)
    case sequence, choice, optional, list, repeated
    case block(Context)
  }

  struct Node: Sendable {
    var op: Op
    var firstChild: Int
    var childCount: Int
    /// The node that sees the first token: of a sequence that of its first part.
    var lead: Int
  }

  private(set) var nodes: [Node] = []
  private(set) var children: [Int] = []

  mutating func add(_ op: Op, _ items: some Collection<Int> = EmptyCollection()) -> Int {
    var lead = nodes.count
    if case .sequence = op, let first = items.first { lead = nodes[first].lead }
    nodes.append(Node(op: op, firstChild: children.count, childCount: items.count, lead: lead))
    children.append(contentsOf: items)
    return nodes.count - 1
  }

  /// The keyword that the row at `root` begins with, where it begins with one.
  func head(of root: Int) -> Keyword? {
    let node = nodes[root]
    guard case .sequence = node.op, node.childCount > 0 else { return nil }
    if case .keyword(let keyword) = nodes[children[node.firstChild]].op { return keyword }
    return nil
  }

  /// The block that the row at `root` opens, and whether it must.
  func block(in root: Int) -> (context: Context?, isRequired: Bool) {
    let node = nodes[root]
    switch node.op {
    case .block(let context): return (context, true)
    case .sequence, .choice, .optional:
      let blocks = children[node.firstChild..<node.firstChild + node.childCount].lazy.map { block(in: $0) }
      guard let (context, isRequired) = blocks.first(where: { $0.context != nil }) else { return (nil, false) }
      if case .sequence = node.op { return (context, isRequired) }
      return (context, false)
    case .keyword, .slot, .arrow, .comma, .equals, .list, .repeated: return (nil, false)
    }
  }

  func shape(at index: Int) -> Shape {
    let node = nodes[index]
    let inner = children[node.firstChild..<node.firstChild + node.childCount].map { shape(at: $0) }
    return switch node.op {
    case .keyword(let keyword): .keyword(keyword)
    case .slot(let slot): .slot(slot)
    case .arrow: .arrow
    case .comma: .comma
    case .equals(let tight): .equals(tight: tight)
    case .block(let context): .block(context)
    case .sequence: .sequence(inner)
    case .choice: .choice(inner)
    case .optional: .optional(inner[0])
    case .list: .list(inner[0])
    case .repeated: .repeated(inner[0])
    }
  }
}

/// Runs a row over tokens: ordered choice, no backtracking into what matched, and a note of the furthest place where
/// something else was expected: that is what the error says (Ford, "Packrat Parsing", 2002, on farthest failure).
struct Matcher {
  private let code: MatchCode
  private let row: StatementTable.Compiled
  private let bytes: UnsafeBufferPointer<UInt8>
  var tokens: UnsafeBufferPointer<Token>
  var captures: [Capture] = []
  /// The `=` tokens that matched, and whether the row writes them tight.
  var equals: [(token: Int, tight: Bool)] = []
  /// The block that the row opens here.
  var block: Context?
  private(set) var furthest = 0
  private(set) var expected: [MatchCode.Op] = []
  /// Keep what the best attempt captured, for the good beginning of a broken statement.
  var recordsBest = false
  private(set) var best: [Capture] = []

  init(
    _ row: StatementTable.Compiled, of table: StatementTable, tokens: UnsafeBufferPointer<Token>,
    bytes: UnsafeBufferPointer<UInt8>
  ) {
    code = table.code
    self.row = row
    self.tokens = tokens
    self.bytes = bytes
    captures.reserveCapacity(8)
    expected.reserveCapacity(8)
  }

  mutating func run(at position: Int) -> Int? {
    furthest = position
    expected.removeAll(keepingCapacity: true)
    captures.removeAll(keepingCapacity: true)
    equals.removeAll(keepingCapacity: true)
    block = nil
    return match(row.root, position)
  }

  private mutating func fail(_ op: MatchCode.Op, _ position: Int) -> Int? {
    if position > furthest {
      furthest = position
      expected.removeAll(keepingCapacity: true)
    }
    if position == furthest {
      expected.append(op)
      if recordsBest, captures.count >= best.count { best = captures }
    }
    return nil
  }

  private mutating func match(_ index: Int, _ position: Int) -> Int? {
    let node = code.nodes[index]
    switch node.op {
    case .keyword(let keyword):
      let token = tokens[position]
      guard token.kind == .word, token.keyword == keyword else { return fail(node.op, position) }
      captures.append(Capture(slot: nil, keyword: keyword, token: position))
      return position + 1
    case .slot(let slot):
      guard slot.accepts(tokens[position], bytes) else { return fail(node.op, position) }
      captures.append(Capture(slot: slot, keyword: nil, token: position))
      return position + 1
    case .arrow:
      return tokens[position].kind == .arrow ? position + 1 : fail(node.op, position)
    case .comma:
      return tokens[position].kind == .comma ? position + 1 : fail(node.op, position)
    case .equals(let tight):
      guard tokens[position].kind == .equals else { return fail(node.op, position) }
      equals.append((position, tight))
      return position + 1
    case .block(let context):
      guard tokens[position].kind == .openBrace else { return fail(node.op, position) }
      block = context
      return position
    case .sequence:
      let count = captures.count
      let equalsCount = equals.count
      var at = position
      for k in 0..<node.childCount {
        guard let next = match(code.children[node.firstChild + k], at) else {
          captures.removeLast(captures.count - count)
          equals.removeLast(equals.count - equalsCount)
          return nil
        }
        at = next
      }
      return at
    case .choice:
      var isTaken = false
      for k in 0..<node.childCount {
        let child = code.children[node.firstChild + k]
        // Unquoted, the keyword wins: what it began is no name.
        let lead = code.nodes[code.nodes[child].lead].op
        if isTaken, case .slot(let slot) = lead, slot.isReference { continue }
        if let next = match(child, position) { return next }
        if case .keyword(let keyword) = lead, tokens[position].kind == .word, tokens[position].keyword == keyword {
          isTaken = true
        }
      }
      return nil
    case .optional:
      let child = code.children[node.firstChild]
      // Unquoted, the keyword wins.
      if case .slot = code.nodes[child].op, tokens[position].kind == .word, let keyword = tokens[position].keyword,
        row.keywords.contains(keyword)
      {
        _ = fail(code.nodes[child].op, position)
        return position
      }
      return match(child, position) ?? position
    case .list:
      let child = code.children[node.firstChild]
      guard var at = match(child, position) else { return nil }
      while tokens[at].kind == .comma {
        guard let next = match(child, at + 1) else { return nil }
        at = next
      }
      _ = fail(.comma, at)
      return at
    case .repeated:
      let child = code.children[node.firstChild]
      var at = position
      while let next = match(child, at), next > at { at = next }
      return at
    }
  }
}
