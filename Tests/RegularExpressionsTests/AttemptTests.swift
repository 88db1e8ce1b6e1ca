import RegularExpressions
import TestSupport
import Testing

/// Where a text comes nearest to a match.
@Suite struct AttemptTests {
  @Test(arguments: [
    (#"Cats: \d+ \| Dogs"#, "Cats: 3 / Dogs", "Cats: 3 "),
    (#"\d+/\d+"#, "1 2/x 3", "2/"),
    (#"^abc"#, "xabc", ""),
    (#"a.*z"#, "bcab\nz", "ab"),
    (#"\bcat\b"#, "concat cats", "cat"),
    (#"x"#, "", ""),
    (#"abc"#, "abab", "ab"),
  ])
  func attempts(_ pattern: String, _ text: String, _ longest: String) throws {
    let bytes = Array(text.utf8)
    let range = try RegularExpression(pattern).longestAttempt(in: bytes)
    #expect(String(decoding: bytes[range], as: UTF8.self) == longest)
  }

  /// A text with a match has an attempt that is at least as long, and every attempt can be gone on with: cut to it, the
  /// text still does not fail before its end.
  @Test func randomTexts() throws {
    var random = SeededGenerator(environment: "ROLLOUTC_SEED")
    let patterns = [#"a+b"#, #"(ab|ba)*c"#, #"a[^b]c"#, #"\bab"#, #"(a|b){2,3}c$"#]
    for _ in 0..<500 {
      let expression = try RegularExpression(random.pick(patterns))
      let text = (0..<random.below(12)).map { _ in random.pick(Array("abc ".utf8)) }
      let range = expression.longestAttempt(in: text)
      let cut = Array(text[..<range.upperBound])
      #expect(expression.longestAttempt(in: cut).count == range.count, "\(expression.pattern) \(text) \(random.seed)")
      for end in text.indices {
        for start in 0...end where expression.matchesFully(Array(text[start...end])) && !expression.hasEdges {
          #expect(range.count >= end - start + 1, "\(expression.pattern) \(text) \(random.seed)")
        }
      }
    }
  }
}

extension RegularExpression {
  fileprivate var hasEdges: Bool { pattern.contains("$") || pattern.contains("\\b") }
}
