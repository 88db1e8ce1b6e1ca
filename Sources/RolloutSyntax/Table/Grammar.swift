/// A node of a row's shape.
package indirect enum Shape: Hashable, Sendable {
  case keyword(Keyword)
  case slot(Slot)
  case arrow
  case comma
  /// `=`; tight where the notation writes it without blanks.
  case equals(tight: Bool)
  case sequence([Shape])
  case choice([Shape])
  case optional(Shape)
  /// A comma list of one or more.
  case list(Shape)
  /// Zero or more in a row.
  case repeated(Shape)
  case block(Context)
}

/// The rows, compiled: looked up by context and first word.
///
/// Every start of the tool compiles them, so that this is done in one pass and into one array; trees are made of the
/// rows only for what is exported.
package struct StatementTable: Sendable {
  package static let shared = StatementTable()

  package struct Compiled: Sendable {
    package var row: Row
    /// Where the row begins in the table's code, and the keywords that it uses.
    var root: Int
    var keywords: [Keyword]
    /// The block that the row opens, and whether it must.
    package var block: Context?
    package var blockIsRequired: Bool
    /// The keyword that begins the row; nil where it begins with a slot.
    package var head: Keyword?
    /// The row declares a name: the first slot after the head.
    package var declares: Slot?
  }

  package let compiled: [Compiled]
  /// What the matcher runs, for all rows.
  let code: MatchCode
  private let byKeyword: [[UInt8]]
  private let bySlot: [UInt8]

  private init() {
    var compiled: [Compiled] = []
    compiled.reserveCapacity(StatementTable.rows.count)
    var byKeyword = [[UInt8]](
      repeating: [UInt8](repeating: 0xFF, count: Keyword.allCases.count), count: Context.allCases.count)
    var bySlot = [UInt8](repeating: 0xFF, count: Context.allCases.count)
    var notation = Notation()
    for (index, row) in StatementTable.rows.enumerated() {
      let (root, keywords) = notation.compile(row.notation)
      let head = notation.code.head(of: root)
      let (block, required) = notation.code.block(in: root)
      compiled.append(
        Compiled(
          row: row, root: root, keywords: keywords, block: block, blockIsRequired: required, head: head,
          declares: StatementTable.declared(row.form)
        ))
      for context in row.contexts {
        if let head {
          byKeyword[Int(context.rawValue)][Int(head.rawValue)] = UInt8(index)
        } else {
          bySlot[Int(context.rawValue)] = UInt8(index)
        }
      }
    }
    self.compiled = compiled
    code = notation.code
    self.byKeyword = byKeyword
    self.bySlot = bySlot
  }

  /// The tree of a row.
  package func shape(of compiled: Compiled) -> Shape { code.shape(at: compiled.root) }

  package subscript(form: Form) -> Compiled { compiled[Int(form.rawValue)] }

  /// The row that a statement beginning with `keyword` has in `context`.
  package func row(for keyword: Keyword, in context: Context) -> Compiled? {
    let index = byKeyword[Int(context.rawValue)][Int(keyword.rawValue)]
    return index == 0xFF ? nil : compiled[Int(index)]
  }

  /// The row of `context` that begins with a name, where there is one.
  package func slotRow(in context: Context) -> Compiled? {
    let index = bySlot[Int(context.rawValue)]
    return index == 0xFF ? nil : compiled[Int(index)]
  }

  /// The words that may begin a statement in `context`, in the order of the table.
  package func heads(in context: Context) -> [Keyword] {
    compiled.filter { $0.row.contexts.contains(context) }.compactMap(\.head)
  }

  private static func declared(_ form: Form) -> Slot? {
    switch form {
    case .plan, .parameter, .environment, .secret, .component, .cookie, .header, .probe, .pattern, .metric: .name
    case .release, .version: .newVersion
    default: nil
    }
  }
}

/// Reads the table's notation into flat code. The table is ours: what it cannot read is a bug that the tests find.
struct Notation {
  private(set) var code = MatchCode()
  private var bytes: [UInt8] = []
  private var i = 0
  private var keywords: [Keyword] = []
  /// The nodes of sequences and choices that are not complete yet.
  private var pending: [Int] = []

  mutating func compile(_ notation: String) -> (root: Int, keywords: [Keyword]) {
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: notation.utf8)
    i = 0
    keywords = []
    return (parseSequence(), keywords)
  }

  private mutating func parseChoice(until close: UInt8) -> Int {
    let first = pending.count
    pending.append(parseSequence())
    while at("|") {
      i += 1
      pending.append(parseSequence())
    }
    if at(close) { i += 1 }
    return gather(.choice, from: first)
  }

  private mutating func parseSequence() -> Int {
    let first = pending.count
    while true {
      while at(" ") { i += 1 }
      guard i < bytes.count, !at("|"), !at(")"), !at("]") else { break }
      pending.append(parseItem())
    }
    return gather(.sequence, from: first)
  }

  /// One node of the pending ones: a single one stays itself.
  private mutating func gather(_ op: MatchCode.Op, from first: Int) -> Int {
    let node = pending.count - first == 1 ? pending[first] : code.add(op, pending[first...])
    pending.removeLast(pending.count - first)
    return node
  }

  private mutating func parseItem() -> Int {
    let start = i
    i += 1
    var item: Int
    switch bytes[start] {
    case UInt8(ascii: "("): item = parseChoice(until: UInt8(ascii: ")"))
    case UInt8(ascii: "["):
      let inner = parseChoice(until: UInt8(ascii: "]"))
      // What is repeated may be left out anyway.
      item = isRepeated ? inner : code.add(.optional, [inner])
    case UInt8(ascii: "="):
      return code.add(.equals(tight: start > 0 && UInt8(ascii: "A")...UInt8(ascii: "Z") ~= bytes[start - 1]))
    case UInt8(ascii: ","): return code.add(.comma)
    case UInt8(ascii: "-") where at(">"):
      i += 1
      return code.add(.arrow)
    case UInt8(ascii: "{"):
      let name = word(from: i)
      return code.add(.block(Context.allCases.first { $0.name == name } ?? .file))
    default:
      let name = word(from: start)
      if name.isEmpty { i += 1 }
      if let keyword = Keyword(name) {
        keywords.append(keyword)
        item = code.add(.keyword(keyword))
      } else {
        item = code.add(.slot(Slot.allCases.first { $0.notation == name } ?? .word))
      }
    }
    if at("*") {
      i += 1
      item = code.add(.list, [item])
    } else if isRepeated {
      i += 3
      item = code.add(.repeated, [item])
    }
    return item
  }

  private var isRepeated: Bool { i + 1 < bytes.count && at(".") && bytes[i + 1] == UInt8(ascii: ".") }

  private func at(_ byte: UInt8) -> Bool { i < bytes.count && bytes[i] == byte }
  private func at(_ sign: Unicode.Scalar) -> Bool { at(UInt8(ascii: sign)) }

  /// The word, or `@word`, that begins at `start`.
  private mutating func word(from start: Int) -> String {
    i = start
    if at("@") { i += 1 }
    while i < bytes.count {
      switch bytes[i] {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
        i += 1
      default: return String(decoding: bytes[start..<i], as: UTF8.self)
      }
    }
    return String(decoding: bytes[start..<i], as: UTF8.self)
  }
}
