/// A program made deterministic, where that is cheap: one look-up per byte.
struct TransitionTable: Sendable {
  private let classes: [UInt8]
  private let classCount: Int
  /// `state * classCount + class` → state; state 0 is dead, state 1 the start.
  private let next: [UInt16]
  private let isAccepting: [Bool]

  private static let stateLimit = 400
  private static let workLimit = 50_000

  private struct State: Hashable {
    var kernel: [Int32]
    var previous: Neighbor
  }

  /// Nil where the automaton is too large; the simulation takes its place.
  init?(_ program: Program) {
    classes = program.byteClasses
    classCount = program.classBytes.count
    var marks = Program.Marks(program)
    var states = [State(kernel: [], previous: .other), State(kernel: [program.start], previous: .edge)]
    var numbers: [State: UInt16] = [states[1]: 1]
    var next = [UInt16](repeating: 0, count: classCount)
    var isAccepting = [false]
    var index = 1
    while index < states.count {
      let state = states[index]
      isAccepting.append(program.acceptsAtEnd(state.kernel, after: state.previous, marks: &marks))
      // What can be read next depends on the byte only as far as assertions see it.
      var frontiers = [Program.Frontier?](repeating: nil, count: Neighbor.count)
      for byte in program.classBytes {
        let neighbor = program.neighbor(byte)
        let frontier =
          frontiers[Int(neighbor.rawValue)]
          ?? program.frontier(of: state.kernel, after: state.previous, before: neighbor, marks: &marks)
        frontiers[Int(neighbor.rawValue)] = frontier
        let kernel = frontier.kernel(over: byte)
        if kernel.isEmpty {
          next.append(0)
          continue
        }
        let successor = State(kernel: kernel, previous: neighbor)
        if let number = numbers[successor] {
          next.append(number)
        } else {
          let number = UInt16(states.count)
          numbers[successor] = number
          states.append(successor)
          next.append(number)
        }
      }
      if states.count > TransitionTable.stateLimit || marks.work > TransitionTable.workLimit { return nil }
      index += 1
    }
    self.next = next
    self.isAccepting = isAccepting
  }

  func matchesFully(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var state = 1
    for byte in text {
      state = Int(next[state * classCount + Int(classes[Int(byte)])])
      if state == 0 { return false }
    }
    return isAccepting[state]
  }
}
