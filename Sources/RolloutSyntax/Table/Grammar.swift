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
package struct StatementTable: Sendable {
  package static let shared = StatementTable()

  package struct Compiled: Sendable {
    package var row: Row
    package var shape: Shape
    /// The flat form that the matcher runs.
    var code: MatchCode
    /// The block that the row opens, and whether it must.
    package var block: Context?
    package var blockIsRequired: Bool
    /// The keyword that begins the row; nil where it begins with a slot.
    package var head: Keyword?
    /// The row declares a name: the first slot after the head.
    package var declares: Slot?
  }

  package let compiled: [Compiled]
  private let byKeyword: [[UInt8]]
  private let bySlot: [UInt8]

  private init() {
    var compiled: [Compiled] = []
    var byKeyword = [[UInt8]](
      repeating: [UInt8](repeating: 0xFF, count: Keyword.allCases.count), count: Context.allCases.count)
    var bySlot = [UInt8](repeating: 0xFF, count: Context.allCases.count)
    for (index, row) in StatementTable.rows.enumerated() {
      var notation = Notation(row.notation)
      let shape = notation.parse()
      let head: Keyword? = if case .sequence(let items) = shape, case .keyword(let k)? = items.first { k } else { nil }
      let (block, required) = StatementTable.block(in: shape)
      compiled.append(
        Compiled(
          row: row, shape: shape, code: MatchCode(shape), block: block, blockIsRequired: required, head: head,
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
    self.byKeyword = byKeyword
    self.bySlot = bySlot
  }

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

  private static func block(in shape: Shape) -> (Context?, Bool) {
    switch shape {
    case .block(let context): return (context, true)
    case .sequence(let items):
      for item in items {
        let (context, required) = block(in: item)
        if context != nil { return (context, required) }
      }
      return (nil, false)
    case .choice(let items):
      for item in items {
        if let context = block(in: item).0 { return (context, false) }
      }
      return (nil, false)
    case .optional(let inner): return (block(in: inner).0, false)
    default: return (nil, false)
    }
  }

  private static func declared(_ form: Form) -> Slot? {
    switch form {
    case .plan, .parameter, .environment, .secret, .component, .cookie, .header, .probe, .pattern, .metric: .name
    case .release, .version: .newVersion
    default: nil
    }
  }
}

/// Reads the table's notation. The table is ours: what it cannot read is a bug that the tests find.
struct Notation {
  private let bytes: [UInt8]
  private var i = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  mutating func parse() -> Shape { parseSequence() }

  private mutating func skipBlanks() { while i < bytes.count, bytes[i] == 0x20 { i += 1 } }

  private mutating func parseChoice(until close: UInt8) -> Shape {
    var items = [parseSequence()]
    while i < bytes.count, bytes[i] == UInt8(ascii: "|") {
      i += 1
      items.append(parseSequence())
    }
    if i < bytes.count, bytes[i] == close { i += 1 }
    return items.count == 1 ? items[0] : .choice(items)
  }

  private mutating func parseSequence() -> Shape {
    var items: [Shape] = []
    while true {
      skipBlanks()
      guard i < bytes.count else { break }
      let byte = bytes[i]
      if byte == UInt8(ascii: "|") || byte == UInt8(ascii: ")") || byte == UInt8(ascii: "]") { break }
      items.append(parseItem())
    }
    return items.count == 1 ? items[0] : .sequence(items)
  }

  private mutating func parseItem() -> Shape {
    var item: Shape
    switch bytes[i] {
    case UInt8(ascii: "("):
      i += 1
      item = parseChoice(until: UInt8(ascii: ")"))
    case UInt8(ascii: "["):
      i += 1
      item = .optional(parseChoice(until: UInt8(ascii: "]")))
    case UInt8(ascii: "="):
      let tight = i > 0 && bytes[i - 1] >= UInt8(ascii: "A") && bytes[i - 1] <= UInt8(ascii: "Z")
      i += 1
      return .equals(tight: tight)
    case UInt8(ascii: ","):
      i += 1
      return .comma
    case UInt8(ascii: "-") where i + 1 < bytes.count && bytes[i + 1] == UInt8(ascii: ">"):
      i += 2
      return .arrow
    case UInt8(ascii: "{"):
      i += 1
      let name = word()
      return .block(Context.allCases.first { $0.name == name } ?? .file)
    case UInt8(ascii: "@"):
      i += 1
      let name = "@" + word()
      item = .slot(Slot.allCases.first { $0.notation == name } ?? .word)
    default:
      let name = word()
      if name.isEmpty { i += 1 }
      item =
        if let keyword = Keyword(name) { .keyword(keyword) } else {
          .slot(Slot.allCases.first { $0.notation == name } ?? .word)
        }
    }
    if i < bytes.count, bytes[i] == UInt8(ascii: "*") {
      i += 1
      item = .list(item)
    } else if i + 2 < bytes.count, bytes[i] == UInt8(ascii: "."), bytes[i + 1] == UInt8(ascii: ".") {
      i += 3
      if case .optional(let inner) = item { item = inner }
      item = .repeated(item)
    }
    return item
  }

  private mutating func word() -> String {
    let start = i
    while i < bytes.count {
      switch bytes[i] {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"):
        i += 1
      default: return String(decoding: bytes[start..<i], as: UTF8.self)
      }
    }
    return String(decoding: bytes[start..<i], as: UTF8.self)
  }
}
