import Foundation
import RegularExpressions
import TestSupport
import Testing

/// RE2 itself is the judge: the same patterns are valid, and the same texts match.
@Suite("The same answers as RE2")
struct DifferentialTests {
  private static let pieces = [
    "a", "b", "é", "_", "1", " ", "-", "\n", ".", "^", "$", #"\A"#, #"\z"#, #"\b"#, #"\B"#, #"\d"#, #"\D"#, #"\w"#,
    #"\W"#, #"\s"#,
    #"\S"#, "[ab]", "[^a]", "[a-c-]", "[^é]", "[[:alpha:]]", "[[:^space:]_]", "[-a]", "[]b]", #"[\d-]"#, #"\x61"#,
    #"\x{e9}"#, #"\141"#,
    #"\Qa.\E"#, #"\pL"#, #"\PN"#, #"\p{Lu}"#, "K", "s", "A", ";", "=", #"\."#, #"[^\n]"#, #"[\W]"#, "ſ",
  ]
  private static let soup = [
    "(", ")", "[", "]", "{", "}", "*", "+", "?", "|", "^", "$", ".", "\\", "-", ":", "a", "b", "1", "2", ",", "é",
    "(?:", "(?i)", "(?P<n>", "(?",
    "[^", "[:alpha:]", #"\p"#, #"\x"#, #"\Q"#, #"\E"#, #"\b"#, #"\1"#, "{2}", "{2,", "<", ">", "=", "!", "s", "m", "U",
    "-", " ", "_", "0", "\n",
    #"\_"#, #"\-"#, #"\8"#, #"\e"#, #"\07"#, #"\é"#, "(?<", "(?-i:", "(?i-s)", "^*",
  ]

  private static func pattern(_ depth: Int, _ random: inout SeededGenerator) -> String {
    if depth == 0 { return random.pick(pieces) }
    switch random.below(9) {
    case 0...2: return pattern(depth - 1, &random) + pattern(depth - 1, &random)
    case 3: return "(?:" + pattern(depth - 1, &random) + "|" + pattern(depth - 1, &random) + ")"
    case 4, 5:
      return "(" + pattern(depth - 1, &random) + ")"
        + random.pick(["*", "+", "?", "*?", "{2}", "{0,2}", "{1,}", "{0}"])
    case 6:
      return "(?" + random.pick(["i", "s", "m", "U", "im", "-i", "i-s", "ms"]) + ":" + pattern(depth - 1, &random) + ")"
    case 7: return pattern(depth - 1, &random) + "|" + pattern(depth - 1, &random)
    default: return random.pick(pieces) + pattern(depth - 1, &random)
    }
  }

  private static func text(_ random: inout SeededGenerator) -> [UInt8] {
    let parts = [
      "a", "b", "é", "A", "B", "_", "1", " ", "-", "\n", ";", "=", "k", "K", "\u{212A}", "s", "ſ", "É", "c", ".", "😀",
      "0",
    ]
    var bytes = (0..<random.below(9)).flatMap { _ in Array(random.pick(parts).utf8) }
    // Sometimes text that is not UTF-8.
    if random.chance(0.08), !bytes.isEmpty { bytes[random.below(bytes.count)] = UInt8(128 + random.below(128)) }
    return bytes
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  private static let python = PythonTools.interpreter(importing: "re2")

  @Test(
    .enabled(if: python != nil, "google-re2 is not installed; run Tests/tools/python-deps"),
    arguments: [RegularExpression.Encoding.utf8, .latin1])
  func randomPatternsAndTexts(encoding: RegularExpression.Encoding) throws {
    let python = try #require(Self.python)
    var random = SeededGenerator(environment: "ROLLOUTC_SEED")
    let count = ProcessInfo.processInfo.environment["ROLLOUTC_PATTERNS"].flatMap { Int($0) } ?? 2000
    var patterns: [(String, [[UInt8]])] = []
    var input = ""
    for i in 0..<count {
      let pattern =
        i % 3 == 0
        ? (0..<(1 + random.below(7))).map { _ in random.pick(Self.soup) }.joined()
        : Self.pattern(random.below(5), &random)
      let texts = (0..<12).map { _ in Self.text(&random) }
      patterns.append((pattern, texts))
      input += "\(encoding == .utf8 ? "P" : "L")\(Self.hex(pattern.utf8))\n"
      for text in texts { input += "T\(Self.hex(text))\n" }
    }
    var answers = try PythonTools.run(python, script: "re2-judge.py", input: input)
      .split(separator: "\n").makeIterator()
    var counts = (valid: 0, refused: 0, undecided: 0, texts: 0, matched: 0)
    for (pattern, texts) in patterns {
      let verdict = answers.next() ?? ""
      var expression: RegularExpression?
      do {
        expression = try RegularExpression(pattern, encoding: encoding)
      } catch {
        if error.kind == .syntax {
          counts.refused += 1
          #expect(verdict.hasPrefix("error"), "RE2 takes \(pattern.debugDescription): \(error), seed \(random.seed)")
        } else {
          counts.undecided += 1
        }
      }
      if expression != nil {
        counts.valid += 1
        #expect(verdict == "ok", "RE2 refuses \(pattern.debugDescription): \(verdict), seed \(random.seed)")
      }
      for text in texts {
        let answer = answers.next() ?? ""
        guard let expression, verdict == "ok" else { continue }
        let ours = (expression.matchesFully(text) ? "1" : "0") + (expression.isFound(in: text) ? "1" : "0")
        counts.texts += 1
        if ours.hasPrefix("1") { counts.matched += 1 }
        #expect(
          ours == answer,
          "\(pattern.debugDescription) on \(String(decoding: text, as: UTF8.self).debugDescription), seed \(random.seed)"
        )
      }
    }
    print("RE2, \(encoding): \(counts), seed \(random.seed)")
    #expect(counts.valid > count / 3 && counts.refused > count / 20 && counts.matched > counts.texts / 50)
  }
}
