internal import Diagnostics
internal import RolloutSyntax

/// Random changes to a plan: as tokens, and as bytes.
package struct Mutator {
  package var generator: SeededGenerator

  package init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  /// Words, signs and oddities that a plan might hold, for soups and replacements.
  private static let pieces: [[UInt8]] =
    (Keyword.allCases.map { Array($0.text.utf8) }
      + [
        "{", "}", ",", "=", "->", "\n", "\r\n", "\r", "\"", "'", "\"\"\"", "\"a\"", "'a'", "\"\"\"\na\n\"\"\"", "#",
        "# c\n", "$",
        "$x", "${x}", "\\", "\\n", "\\u{41}", "\\u{}", "\\q", "1.0", "10%", "5m", "1Gi", "250m", "-", ">", "web", "a-b",
        "/", "*", "\t",
        " ", "  ", "\u{FEFF}", "\u{A0}", "\u{200B}", "\u{202E}", "\u{85}", "é", "日本", "\u{1F600}", "\0", "\u{7F}",
      ].map { Array($0.utf8) }) + [[0xFF], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]]

  package mutating func randomBytes(upTo limit: Int) -> [UInt8] {
    let count = generator.below(limit)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
  }

  package mutating func soup(upTo limit: Int) -> [UInt8] {
    var out: [UInt8] = []
    for _ in 0..<generator.below(limit) {
      out += generator.pick(Mutator.pieces)
      switch generator.below(8) {
      case 0: out.append(UInt8(ascii: "\n"))
      case 1: break
      default: out.append(UInt8(ascii: " "))
      }
    }
    return out
  }

  /// One to three changes: a token dropped, doubled, swapped, replaced; or bytes flipped, cut, put in.
  package mutating func mutated(_ plan: [UInt8]) -> [UInt8] {
    var plan = plan
    for _ in 0...generator.below(3) {
      plan = generator.below(3) == 0 ? bytesMutated(plan) : tokensMutated(plan)
    }
    return plan
  }

  private mutating func bytesMutated(_ plan: [UInt8]) -> [UInt8] {
    guard !plan.isEmpty else { return plan }
    var plan = plan
    let at = generator.below(plan.count)
    switch generator.below(4) {
    case 0: plan[at] ^= UInt8(1 << generator.below(8))
    case 1: plan.removeSubrange(at..<min(plan.count, at + 1 + generator.below(12)))
    case 2: plan.insert(contentsOf: generator.pick(Mutator.pieces), at: at)
    default: plan.removeSubrange(at...)
    }
    return plan
  }

  private mutating func tokensMutated(_ plan: [UInt8]) -> [UInt8] {
    let tokens = parse(SourceFile(id: FileID(0), path: "", bytes: plan)).tokens
    guard tokens.count > 2 else { return plan }
    let index = generator.below(tokens.count - 1)
    let range = Int(tokens[index].start)..<Int(tokens[index].end)
    var out = plan
    switch generator.below(4) {
    case 0: out.removeSubrange(range)
    case 1: out.insert(contentsOf: [UInt8(ascii: " ")] + plan[range], at: range.upperBound)
    case 2:
      let next = Int(tokens[index + 1].start)..<Int(tokens[index + 1].end)
      out.replaceSubrange(
        range.lowerBound..<next.upperBound, with: plan[next] + plan[range.upperBound..<next.lowerBound] + plan[range])
    default: out.replaceSubrange(range, with: generator.pick(Mutator.pieces))
    }
    return out
  }
}
