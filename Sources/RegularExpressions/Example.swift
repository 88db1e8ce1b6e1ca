extension RegularExpression {
  /// A short text that the pattern matches fully and `accepts` takes, of letters and digits where it can be; empty only where
  /// nothing else matches. Nil where there is none, or where finding one would take too long. It neither begins nor ends
  /// with a blank, which HTTP takes away.
  ///
  /// Walks the automaton breadth first, a few bytes of each class at a time, up to `limit` texts. A state is come to a few
  /// times only: by the shortest texts, and some others.
  package func example(limit: Int = 5_000, where accepts: (String) -> Bool = { _ in true }) -> String? {
    struct State: Hashable {
      var kernel: [Int32]
      var previous: Neighbor
    }
    let bytes = likelyBytes
    var marks = Program.Marks(program)
    var states = [State(kernel: [program.start], previous: .edge)]
    var origins: [Origin] = [Origin(place: -1, byte: 0)]
    var visits: [State: Int] = [states[0]: 1]
    var next = 0
    while next < states.count {
      let state = states[next]
      if next > 0, program.acceptsAtEnd(state.kernel, after: state.previous, marks: &marks),
        let example = text(to: next, origins), accepts(example)
      {
        return example
      }
      for byte in bytes {
        let kernel = program.step(state.kernel, after: state.previous, over: byte, marks: &marks).kernel
        let successor = State(kernel: kernel, previous: Neighbor(byte))
        if kernel.isEmpty || visits[successor, default: 0] >= 4 { continue }
        visits[successor, default: 0] += 1
        states.append(successor)
        origins.append(Origin(place: next, byte: byte))
      }
      next += 1
      if states.count > limit || marks.work > limit * 400 { return plainExample(over: bytes, where: accepts) }
    }
    return matchesFully("") && accepts("") ? "" : nil
  }

  /// Where a walk came to a place from, and over which byte.
  private struct Origin {
    var place: Int
    var byte: UInt8
  }

  /// What leads from the first place to `end`; nil where it is no text, or a blank at its ends would be taken away.
  private func text(to end: Int, _ origins: [Origin]) -> String? {
    var bytes: [UInt8] = []
    var place = end
    while place > 0 {
      bytes.append(origins[place].byte)
      place = origins[place].place
    }
    let blank = UInt8(ascii: " ")
    return bytes.first == blank || bytes.last == blank ? nil : String(validating: bytes.reversed(), as: UTF8.self)
  }

  /// A shortest text, found by following one thread of the program at a time: there are few of them, however many sets of
  /// them there may be. Nil where `accepts` does not take it.
  private func plainExample(over bytes: [UInt8], where accepts: (String) -> Bool) -> String? {
    struct Thread: Hashable {
      var instruction: Int32
      var previous: Neighbor
    }
    var marks = Program.Marks(program)
    var threads = [Thread(instruction: program.start, previous: .edge)]
    var origins: [Origin] = [Origin(place: -1, byte: 0)]
    var seen = Set(threads)
    var next = 0
    while next < threads.count {
      let thread = threads[next]
      if next > 0, program.acceptsAtEnd([thread.instruction], after: thread.previous, marks: &marks),
        let example = text(to: next, origins), accepts(example)
      {
        return example
      }
      for byte in bytes {
        let kernel = program.step([thread.instruction], after: thread.previous, over: byte, marks: &marks).kernel
        for instruction in kernel {
          let successor = Thread(instruction: instruction, previous: Neighbor(byte))
          if seen.insert(successor).inserted {
            threads.append(successor)
            origins.append(Origin(place: next, byte: byte))
          }
        }
      }
      next += 1
    }
    return nil
  }

  /// Up to three bytes of each class that a text may hold, from its begin, its end and its middle, the likely classes first;
  /// what no header can carry is left out.
  private var likelyBytes: [UInt8] {
    let ranges: [ClosedRange<UInt8>] = [0x61...0x7A, 0x30...0x39, 0x41...0x5A, 0x21...0x7E, 0x20...0x20, 0x80...0xFF]
    var order: [[UInt8]] = []
    var members: [[UInt8]: [UInt8]] = [:]
    for byte in ranges.joined() {
      let key = [program.byteClasses[Int(byte)], Neighbor(byte).rawValue]
      if members[key] == nil { order.append(key) }
      members[key, default: []].append(byte)
    }
    var bytes: [UInt8] = []
    for key in order {
      guard let all = members[key] else { continue }
      // A class that holds small letters is best shown by them.
      let likely = ranges.lazy.map { range in all.filter(range.contains) }.first { !$0.isEmpty } ?? all
      for byte in [likely[0], likely[likely.count - 1], likely[likely.count / 2]] where !bytes.contains(byte) {
        bytes.append(byte)
      }
    }
    return bytes
  }
}
