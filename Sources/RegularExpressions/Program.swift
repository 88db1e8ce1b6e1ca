/// A Thompson automaton over bytes. `closure` and `Frontier` are the only place where it is run.
struct Program: Sendable {
  enum Instruction: Sendable {
    case bytes(UInt8, UInt8, next: Int32)
    case either(Int32, Int32)
    case assertion(Assertion, next: Int32)
    case match
  }

  var instructions: [Instruction]
  var start: Int32
  /// Bytes that no instruction tells apart have the same class.
  var byteClasses: [UInt8]
  /// One byte of each class.
  var classBytes: [UInt8]
  var hasAssertions: Bool

  init(instructions: [Instruction], start: Int32) {
    self.instructions = instructions
    self.start = start
    var isBoundary = [Bool](repeating: false, count: 257)
    var hasAssertions = false
    isBoundary[0] = true
    for instruction in instructions {
      switch instruction {
      case .bytes(let lower, let upper, _):
        isBoundary[Int(lower)] = true
        isBoundary[Int(upper) + 1] = true
      case .assertion: hasAssertions = true
      case .either, .match: break
      }
    }
    if hasAssertions {
      for byte in 1...255 where Neighbor(UInt8(byte)) != Neighbor(UInt8(byte - 1)) { isBoundary[byte] = true }
    }
    var classes = [UInt8](repeating: 0, count: 256)
    var representatives: [UInt8] = []
    for byte in 0...255 {
      if isBoundary[byte] { representatives.append(UInt8(byte)) }
      classes[byte] = UInt8(representatives.count - 1)
    }
    byteClasses = classes
    classBytes = representatives
    self.hasAssertions = hasAssertions
  }

  func neighbor(_ byte: UInt8) -> Neighbor { hasAssertions ? Neighbor(byte) : .other }

  /// The byte instructions and `match` that can be reached from `kernel` without reading, between `previous` and
  /// `next`. Calls `visit` with each; the order is of no meaning.
  @inline(__always)
  func closure(
    of kernel: [Int32], between previous: Neighbor, and next: Neighbor, marks: inout Marks,
    visit: (Int32, Instruction) -> Void
  ) {
    marks.begin()
    var pending = marks.stack
    pending.removeAll(keepingCapacity: true)
    for pc in kernel where marks.insert(pc) { pending.append(pc) }
    while let pc = pending.popLast() {
      let instruction = instructions[Int(pc)]
      switch instruction {
      case .bytes, .match: visit(pc, instruction)
      case .either(let a, let b):
        if marks.insert(a) { pending.append(a) }
        if marks.insert(b) { pending.append(b) }
      case .assertion(let assertion, let target):
        if assertion.holds(between: previous, and: next), marks.insert(target) { pending.append(target) }
      }
    }
    marks.stack = pending
  }

  /// What can be read from `kernel`, between `previous` and a byte like `next`.
  func frontier(of kernel: [Int32], after previous: Neighbor, before next: Neighbor, marks: inout Marks) -> Frontier {
    var frontier = Frontier()
    closure(of: kernel, between: previous, and: next, marks: &marks) { _, instruction in
      switch instruction {
      case .bytes(let lower, let upper, let next): frontier.reads.append((lower, upper, next))
      case .match: frontier.matches = true
      case .either, .assertion: break
      }
    }
    return frontier
  }

  /// The byte instructions that come next, and whether a match ends before them.
  struct Frontier {
    fileprivate(set) var reads: [(lower: UInt8, upper: UInt8, next: Int32)] = []
    fileprivate(set) var matches = false

    /// The kernel after reading `byte`, sorted.
    func kernel(over byte: UInt8) -> [Int32] {
      var kernel: [Int32] = []
      for (lower, upper, next) in reads where lower <= byte && byte <= upper { kernel.append(next) }
      if kernel.count < 2 { return kernel }
      kernel.sort()
      var unique: [Int32] = []
      unique.reserveCapacity(kernel.count)
      for pc in kernel where unique.last != pc { unique.append(pc) }
      return unique
    }
  }

  /// The kernel after reading `byte`, sorted, and whether a match ended before it.
  func step(
    _ kernel: [Int32], after previous: Neighbor, over byte: UInt8, marks: inout Marks
  ) -> (kernel: [Int32], matched: Bool) {
    let frontier = frontier(of: kernel, after: previous, before: neighbor(byte), marks: &marks)
    return (frontier.kernel(over: byte), frontier.matches)
  }

  func acceptsAtEnd(_ kernel: [Int32], after previous: Neighbor, marks: inout Marks) -> Bool {
    var matched = false
    closure(of: kernel, between: previous, and: .edge, marks: &marks) { _, instruction in
      if case .match = instruction { matched = true }
    }
    return matched
  }

  /// A set of instructions that is emptied in constant time.
  struct Marks {
    fileprivate var generation: UInt32 = 0
    fileprivate var marks: [UInt32]
    fileprivate var stack: [Int32] = []
    /// The instructions inserted so far, over all generations: the work done.
    private(set) var work = 0

    init(_ program: Program) { marks = [UInt32](repeating: 0, count: program.instructions.count) }

    fileprivate mutating func begin() {
      generation &+= 1
      if generation == 0 {
        for i in marks.indices { marks[i] = 0 }
        generation = 1
      }
    }

    fileprivate mutating func insert(_ pc: Int32) -> Bool {
      if marks[Int(pc)] == generation { return false }
      marks[Int(pc)] = generation
      work += 1
      return true
    }
  }
}

/// A run of a program that keeps the set of all its possible states: time is text times program.
struct Simulation {
  private let program: Program
  private let restarts: Bool
  private var kernel: [Int32]
  private var previous: Neighbor
  private var marks: Program.Marks
  /// A match has ended before the last byte read.
  private(set) var sawMatch = false

  /// `restarting`: a match may begin anywhere.
  /// - Parameter previous: what stands before the text.
  init(_ program: Program, restarting: Bool = false, after previous: Neighbor = .edge) {
    self.program = program
    self.previous = previous
    restarts = restarting
    kernel = [program.start]
    marks = Program.Marks(program)
  }

  /// Reads one byte; false where nothing can match any more.
  mutating func advance(over byte: UInt8) -> Bool {
    let (next, matched) = program.step(kernel, after: previous, over: byte, marks: &marks)
    kernel = next
    sawMatch = matched
    previous = program.neighbor(byte)
    if restarts { kernel.append(program.start) }
    return !kernel.isEmpty
  }

  mutating func acceptsAtEnd() -> Bool { program.acceptsAtEnd(kernel, after: previous, marks: &marks) }
}
