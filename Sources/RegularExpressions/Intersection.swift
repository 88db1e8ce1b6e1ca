/// Whether some text matches both patterns fully; nil where finding out would take too long.
///
/// Walks both automata side by side over every class of bytes, up to `limit` pairs of states.
package func canBothMatch(_ a: RegularExpression, _ b: RegularExpression, limit: Int = 5_000) -> Bool? {
  struct Pair: Hashable {
    var a: [Int32]
    var b: [Int32]
    var previous: Neighbor
  }
  // A byte of every combination of classes, told apart as well by what assertions see.
  var seen: Set<[UInt8]> = []
  let bytes = (0...255).map(UInt8.init).filter {
    seen.insert([a.program.byteClasses[Int($0)], b.program.byteClasses[Int($0)], Neighbor($0).rawValue]).inserted
  }
  var marksA = Program.Marks(a.program)
  var marksB = Program.Marks(b.program)
  let start = Pair(a: [a.program.start], b: [b.program.start], previous: .edge)
  var known: Set<Pair> = [start]
  var pending = [start]
  while let pair = pending.popLast() {
    if a.program.acceptsAtEnd(pair.a, after: pair.previous, marks: &marksA),
      b.program.acceptsAtEnd(pair.b, after: pair.previous, marks: &marksB)
    {
      return true
    }
    for byte in bytes {
      let nextA = a.program.step(pair.a, after: pair.previous, over: byte, marks: &marksA).kernel
      if nextA.isEmpty { continue }
      let nextB = b.program.step(pair.b, after: pair.previous, over: byte, marks: &marksB).kernel
      if nextB.isEmpty { continue }
      let successor = Pair(a: nextA, b: nextB, previous: Neighbor(byte))
      if known.insert(successor).inserted { pending.append(successor) }
    }
    if known.count > limit || marksA.work + marksB.work > limit * 400 { return nil }
  }
  return false
}
