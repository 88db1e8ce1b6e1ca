package import Diagnostics
internal import RolloutSyntax

/// A plan with one fault in it, as a person makes them.
package struct Fault: Sendable {
  package enum Kind: String, Sendable, CaseIterable {
    case dropped, doubled, swapped, misspelled
    case braceAdded = "brace added"
    case quoteDropped = "quote dropped"
    case lineDeleted = "line deleted"
    case linesJoined = "lines joined"
  }

  package var kind: Kind
  /// What was done, and where: `dropped "->" at 12:7`.
  package var description: String
  package var bytes: [UInt8]
}

/// Every single fault of these kinds, in the order of the plan:
/// each token dropped, doubled, swapped with its neighbour on the line; each word of three letters or more misspelled by
/// one edit, in two ways; each quote dropped; a brace added behind each line; a line that only closes a block deleted; two lines joined.
///
/// Some leave a plan that is well formed (an optional word dropped, a name misspelled when nobody looks names up): who
/// counts must count those apart.
package func singleFaults(in plan: [UInt8]) -> [Fault] {
  let file = SourceFile(id: FileID(0), path: "plan.rollout", bytes: plan)
  let map = LineMap(file)
  let tokens = parse(file).tokens
  var faults: [Fault] = []

  func add(_ kind: Fault.Kind, _ token: Token, _ replaced: Range<Int>, by text: [UInt8]) {
    let at = map.position(at: token.start)
    let what = String(decoding: plan[Int(token.start)..<Int(token.end)], as: UTF8.self)
    let bytes = Array(plan[..<replaced.lowerBound]) + text + Array(plan[replaced.upperBound...])
    guard bytes != plan else { return }
    faults.append(
      Fault(
        kind: kind, description: "\(kind.rawValue) \(what.debugDescription) at \(at.line):\(at.column)", bytes: bytes))
  }

  for (index, token) in tokens.enumerated() {
    let start = Int(token.start)
    let end = Int(token.end)
    let text = Array(plan[start..<end])
    switch token.kind {
    case .endOfFile: continue
    case .newline:
      guard index > 0, tokens[index - 1].kind != .newline, index + 1 < tokens.count else { continue }
      add(.braceAdded, token, start..<start, by: Array(" {".utf8))
      add(.braceAdded, token, start..<start, by: Array(" }".utf8))
      if ![.newline, .endOfFile].contains(tokens[index + 1].kind) {
        add(.linesJoined, token, start..<end, by: [UInt8(ascii: " ")])
      }
      continue
    default: break
    }
    add(.dropped, token, start..<end, by: [])
    add(.doubled, token, end..<end, by: [UInt8(ascii: " ")] + text)
    let next = tokens[index + 1]
    if next.kind != .newline, next.kind != .endOfFile {
      let gap = Array(plan[end..<Int(next.start)])
      let other = Array(plan[Int(next.start)..<Int(next.end)])
      // Without blanks around them the two might run into one word, with each other or with the one before.
      let blank: [UInt8] = gap.isEmpty ? [UInt8(ascii: " ")] : gap
      let before: [UInt8] = start > 0 && plan[start - 1] > UInt8(ascii: " ") ? [UInt8(ascii: " ")] : []
      if other != text { add(.swapped, token, start..<Int(next.end), by: before + other + blank + text) }
    }
    if token.kind == .word, text.count >= 3 {
      add(.misspelled, token, start..<end, by: misspelled(text, index))
      add(.misspelled, token, start..<end, by: misspelled(text, index + 4))
    }
    if token.kind == .text || token.kind == .raw {
      add(.quoteDropped, token, start..<(start + 1), by: [])
      add(.quoteDropped, token, (end - 1)..<end, by: [])
    }
    if token.kind == .closeBrace, index > 0, tokens[index - 1].kind == .newline, next.kind == .newline {
      add(.lineDeleted, token, Int(tokens[index - 1].end)..<Int(next.end), by: [])
    }
  }
  return faults
}

/// One edit, each kind in turn: neighbours swapped, a letter left out, doubled, or another one.
private func misspelled(_ word: [UInt8], _ turn: Int) -> [UInt8] {
  var word = word
  let at = 1 + turn % (word.count - 2)
  switch turn / 3 % 4 {
  case 0 where word[at] != word[at + 1]: word.swapAt(at, at + 1)
  case 1: word.remove(at: at)
  case 2: word.insert(word[at], at: at)
  default: word[at] = word[at] == UInt8(ascii: "x") ? UInt8(ascii: "y") : UInt8(ascii: "x")
  }
  return word
}

/// How many diagnostics single faults cause.
package struct FaultStatistics: Sendable {
  /// No diagnostic: what the fault left is a plan that may be written.
  package private(set) var unnoticed = 0
  package private(set) var one = 0
  package private(set) var two = 0
  package private(set) var more = 0
  /// The faults with several diagnostics, for a person to read.
  package private(set) var cascades: [String] = []

  /// - Parameter diagnose: what the plan's diagnostics are, however much of the compiler that takes.
  package init(_ faults: [Fault], diagnose: ([UInt8]) -> [Diagnostic]) {
    for fault in faults {
      let diagnostics = diagnose(fault.bytes).filter { $0.severity == .error }
      switch diagnostics.count {
      case 0: unnoticed += 1
      case 1: one += 1
      case 2: two += 1
      default: more += 1
      }
      if diagnostics.count > 1 {
        let map = LineMap(SourceFile(id: FileID(0), path: "", bytes: fault.bytes))
        let lines = diagnostics.map {
          "    \(map.position(at: $0.primary.range.start).line): \($0.code.id) \($0.message)"
        }
        cascades.append("\(fault.description): \(diagnostics.count)\n" + lines.joined(separator: "\n"))
      }
    }
  }

  package mutating func add(_ other: FaultStatistics) {
    unnoticed += other.unnoticed
    one += other.one
    two += other.two
    more += other.more
    cascades += other.cascades
  }

  package var noticed: Int { one + two + more }
  package var shareOfOne: Double { noticed == 0 ? 1 : Double(one) / Double(noticed) }
  package var shareOfThreeOrMore: Double { noticed == 0 ? 0 : Double(more) / Double(noticed) }

  package var summary: String {
    func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
    return """
      \(noticed + unnoticed) single faults, \(unnoticed) of them leave a plan without errors; of the other \(noticed): \
      one diagnostic \(one) (\(percent(shareOfOne))), two \(two), three or more \(more) (\(percent(shareOfThreeOrMore)))
      """
  }
}
