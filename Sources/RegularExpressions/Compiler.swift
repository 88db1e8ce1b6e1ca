/// Makes a program from a syntax tree, from its end to its beginning: each node is compiled knowing what follows it.
struct Compiler {
  private var instructions: [Program.Instruction] = [.match]
  /// Byte instructions that are the same and lead to the same place are shared; Unicode classes shrink a lot by that.
  private var shared: [ByteRange: Int32] = [:]

  private struct ByteRange: Hashable {
    var lower: UInt8
    var upper: UInt8
    var next: Int32
  }

  private let encoding: RegularExpression.Encoding

  private init(_ encoding: RegularExpression.Encoding) { self.encoding = encoding }

  static func compile(
    _ node: SyntaxNode, encoding: RegularExpression.Encoding
  ) throws(RegularExpressionError) -> Program {
    var compiler = Compiler(encoding)
    let start = try compiler.emit(node, before: 0)
    return Program(instructions: compiler.instructions, start: start)
  }

  private mutating func append(_ instruction: Program.Instruction) throws(RegularExpressionError) -> Int32 {
    guard instructions.count < RegularExpression.programLimit else {
      throw RegularExpressionError(.tooLarge, "the pattern is too large once its repeats are written out", at: 0)
    }
    instructions.append(instruction)
    return Int32(instructions.count - 1)
  }

  /// Where to begin so that `node` is read and then `next` follows.
  private mutating func emit(_ node: SyntaxNode, before next: Int32) throws(RegularExpressionError) -> Int32 {
    switch node {
    case .empty: return next
    case .characters(let characters): return try emit(characters, before: next)
    case .assertion(let assertion): return try append(.assertion(assertion, next: next))
    case .sequence(let nodes):
      var next = next
      for node in nodes.reversed() { next = try emit(node, before: next) }
      return next
    case .alternatives(let nodes):
      var result: Int32?
      for node in nodes.reversed() {
        let start = try emit(node, before: next)
        if let other = result { result = try append(.either(start, other)) } else { result = start }
      }
      return result ?? next
    case .repeated(let node, let minimum, let maximum):
      var next = next
      if let maximum {
        // x{0,2} is (x(x)?)?: each further one is reached only through the one before.
        let end = next
        for _ in 0..<max(0, maximum - minimum) {
          next = try append(.either(try emit(node, before: next), end))
        }
      } else {
        let loop = try append(.either(next, next))
        let body = try emit(node, before: loop)
        instructions[Int(loop)] = .either(body, next)
        next = loop
      }
      for _ in 0..<minimum { next = try emit(node, before: next) }
      return next
    }
  }

  private mutating func emit(
    _ lower: UInt8, _ upper: UInt8, before next: Int32
  ) throws(RegularExpressionError) -> Int32 {
    let key = ByteRange(lower: lower, upper: upper, next: next)
    if let existing = shared[key] { return existing }
    let instruction = try append(.bytes(lower, upper, next: next))
    shared[key] = instruction
    return instruction
  }

  private func sequences(for range: CharacterClass.Range) -> [UTF8Ranges.Sequence] {
    switch encoding {
    case .utf8: UTF8Ranges.sequences(for: range)
    case .latin1:
      range.lowerBound > 0xFF ? [] : [[(UInt8(range.lowerBound), UInt8(min(0xFF, range.upperBound)))]]
    }
  }

  private mutating func emit(_ characters: CharacterClass, before next: Int32) throws(RegularExpressionError) -> Int32 {
    // As nearly every character of a pattern: one instruction, and no lists on the way to it.
    if characters.ranges.count == 1, let range = characters.ranges.first, range.upperBound <= 0x7F {
      return try emit(UInt8(range.lowerBound), UInt8(range.upperBound), before: next)
    }
    var heads: [Int32] = []
    var seen: Set<Int32> = []
    for range in characters.ranges {
      for sequence in sequences(for: range) {
        var pc = next
        for (lower, upper) in sequence.reversed() { pc = try emit(lower, upper, before: pc) }
        if seen.insert(pc).inserted { heads.append(pc) }
      }
    }
    guard var result = heads.popLast() else {
      // Nothing can be read here: a byte range that is empty.
      return try append(.bytes(1, 0, next: next))
    }
    while let head = heads.popLast() { result = try append(.either(head, result)) }
    return result
  }
}

/// The UTF-8 forms of a range of scalars as few sequences of byte ranges.
enum UTF8Ranges {
  typealias Sequence = [(UInt8, UInt8)]

  /// The last scalars of one, two and three bytes.
  private static let boundaries: [UInt32] = [0x7F, 0x7FF, 0xFFFF]

  static func sequences(for range: CharacterClass.Range) -> [Sequence] {
    var result: [Sequence] = []
    var pending = [range]
    while let range = pending.popLast() {
      if range == 0x80...CharacterClass.maximum {
        // As RE2 (`Add_80_10ffff`): lets overlong and surrogate forms pass, for a much smaller program.
        result.append([(0xC2, 0xDF), (0x80, 0xBF)])
        result.append([(0xE0, 0xEF), (0x80, 0xBF), (0x80, 0xBF)])
        result.append([(0xF0, 0xF4), (0x80, 0xBF), (0x80, 0xBF), (0x80, 0xBF)])
        continue
      }
      if let boundary = boundaries.first(where: { range.lowerBound <= $0 && $0 < range.upperBound }) {
        pending.append((boundary + 1)...range.upperBound)
        pending.append(range.lowerBound...boundary)
        continue
      }
      if range.upperBound <= 0x7F {
        result.append([(UInt8(range.lowerBound), UInt8(range.upperBound))])
        continue
      }
      if let (first, second) = split(range) {
        pending.append(second)
        pending.append(first)
        continue
      }
      result.append(Array(zip(encoded(range.lowerBound), encoded(range.upperBound))))
    }
    return result
  }

  /// Both halves, where the range's continuation bytes are not whole.
  private static func split(_ range: CharacterClass.Range) -> (CharacterClass.Range, CharacterClass.Range)? {
    for i in 1..<4 {
      let mask = (UInt32(1) << (6 * UInt32(i))) - 1
      guard range.lowerBound & ~mask != range.upperBound & ~mask else { continue }
      if range.lowerBound & mask != 0 {
        return (range.lowerBound...(range.lowerBound | mask), ((range.lowerBound | mask) + 1)...range.upperBound)
      }
      if range.upperBound & mask != mask {
        return (range.lowerBound...((range.upperBound & ~mask) - 1), (range.upperBound & ~mask)...range.upperBound)
      }
    }
    return nil
  }

  private static func encoded(_ scalar: UInt32) -> [UInt8] {
    func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | (scalar >> shift) & 0x3F) }
    return switch scalar {
    case 0...0x7F: [UInt8(scalar)]
    case 0x80...0x7FF: [UInt8(0xC0 | scalar >> 6), tail(0)]
    case 0x800...0xFFFF: [UInt8(0xE0 | scalar >> 12), tail(6), tail(0)]
    default: [UInt8(0xF0 | scalar >> 18), tail(12), tail(6), tail(0)]
    }
  }
}
