extension RegularExpression {
  /// A short text that the pattern matches fully, of letters and digits where it can be; empty only where nothing else
  /// matches. Nil where there is none, or where finding one would take too long.
  ///
  /// Walks the automaton breadth first, one byte of each class at a time, up to `limit` states.
  package func example(limit: Int = 5_000) -> String? {
    struct State: Hashable {
      var kernel: [Int32]
      var previous: Neighbor
    }
    let bytes = likelyBytes
    var marks = Program.Marks(program)
    var states = [State(kernel: [program.start], previous: .edge)]
    var origins: [(state: Int, byte: UInt8)] = [(-1, 0)]
    var known: Set<State> = [states[0]]
    var next = 0
    while next < states.count {
      let state = states[next]
      if next > 0, program.acceptsAtEnd(state.kernel, after: state.previous, marks: &marks) {
        var text: [UInt8] = []
        var place = next
        while place > 0 {
          text.append(origins[place].byte)
          place = origins[place].state
        }
        return String(validating: text.reversed(), as: UTF8.self)
      }
      for byte in bytes {
        let kernel = program.step(state.kernel, after: state.previous, over: byte, marks: &marks).kernel
        let successor = State(kernel: kernel, previous: Neighbor(byte))
        if kernel.isEmpty || !known.insert(successor).inserted { continue }
        states.append(successor)
        origins.append((next, byte))
      }
      next += 1
      if states.count > limit || marks.work > limit * 400 { return nil }
    }
    return matchesFully("") ? "" : nil
  }

  /// One byte of each class that a text may hold, the likely ones first; what no header can carry is left out.
  private var likelyBytes: [UInt8] {
    let ranges: [ClosedRange<UInt8>] = [0x61...0x7A, 0x30...0x39, 0x41...0x5A, 0x21...0x7E, 0x20...0x20, 0x80...0xFF]
    var seen: Set<[UInt8]> = []
    return ranges.joined().filter { seen.insert([program.byteClasses[Int($0)], Neighbor($0).rawValue]).inserted }
  }
}
