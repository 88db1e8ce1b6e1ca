import RegularExpressions
import Testing

@Suite("Patterns of RE2, by hand")
struct TableTests {
  @Test(arguments: [
    // The cookie table: the header, whether the flag is on, and what the pattern without blanks says.
    ("featureflag=on", true), ("a=1; featureflag=on", true), ("a=1;  featureflag=on", true),
    ("a=1;\tfeatureflag=on", true), ("featureflag=on ; b=2", true), ("featureflag=on; b=2", true),
    ("featureflag=only", false), ("xfeatureflag=on", false), ("a=featureflag=on", false),
    ("a=\"x; featureflag=on\"", false), ("", false), ("featureflag=ON", false),
  ])
  func cookies(header: String, isOn: Bool) throws {
    let pattern = try RegularExpression(#"(?:.*;[ \t]*)?featureflag=on(?:[ \t]*;.*)?"#)
    #expect(pattern.matchesFully(header) == isOn)
  }

  @Test(arguments: [
    ("a|b", "a", true), ("a|b", "ab", false), ("", "", true), ("", "x", false), (".", "\n", false),
    ("(?s).", "\n", true),
    ("[^a]", "\n", true), ("(?i)straSSe", "STRAßE", false), ("(?i)k", "\u{212A}", true), (#"\pL+"#, "Größe", true),
    (#"\p{Lu}\p{Ll}"#, "Äö", true), (#"\Qa.b\E*"#, "a.bbb", true), (#"\x{1F600}"#, "😀", true),
    ("a{2,3}", "aaaa", false),
    ("a{,2}", "a{,2}", true), (#"^a$"#, "a", true), (#"(?m)a$\n^b"#, "a\nb", true), (#"a\b.b"#, "a b", true),
    ("[[:alpha:]-]+", "a-b", true), ("(?P<x>a)(?<y>b)", "ab", true), ("(a*)*", "aaaa", true), ("[]a]+", "a]", true),
  ])
  func matches(pattern: String, text: String, expected: Bool) throws {
    #expect(try RegularExpression(pattern).matchesFully(text) == expected)
  }

  @Test(arguments: [
    ("(?=a)", "look-around", 0), ("x(?!a)", "look-around", 1), ("(?<=a)b", "look-around", 0),
    (#"(a)\1"#, "back-references", 3),
    ("a++", "a repeat of a repeat", 1), (#"a\Z"#, #"no escape `\Z`"#, 1), (#"\C"#, #"\C"#, 0),
    ("*a", "nothing to repeat", 0),
    ("[a", "missing `]`", 0), ("(a", "missing `)`", 0), ("ab)", "unexpected `)`", 2), ("a{1001}", "out of range", 1),
    ("(a{100}){11}", "multiply to more than 1000", 8), ("é[z-a]", "before it begins", 3),
    (#"\p{Klingon}"#, "no Unicode class", 0),
    ("[[:alfa:]]", "no class", 1), ("(?P<a>.)(?P<a>.)", "two groups", 8), ("a\\", "at the end", 1),
  ])
  func refuses(pattern: String, message: String, offset: Int) throws {
    let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(pattern) }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    #expect(error?.offset == offset)
  }

  @Test func whatIsTooLargeIsAnErrorAndNotAnExplosion() {
    #expect(throws: RegularExpressionError.self) { try RegularExpression(#"(\pL{500}){2}"#) }
    #expect(throws: RegularExpressionError.self) {
      try RegularExpression(String(repeating: "(", count: 5000) + String(repeating: ")", count: 5000))
    }
  }

  @Test func quotingMatchesExactlyTheLiteral() throws {
    let literal = (1...126).map { String(Unicode.Scalar(UInt8($0))) }.joined() + "é😀"
    let pattern = try RegularExpression(quoted(literal))
    #expect(pattern.matchesFully(literal))
    #expect(!pattern.matchesFully(literal + "x"))
    #expect(quoted("a.b=1") == #"a\.b=1"#)
  }

  @Test(arguments: [
    ("a*b", "ab*", true), ("a+", "b+", false), (".*;x=1", "x=1|y", false), (".*x=1.*", "y=2; x=1", true),
    (#"(?:.*;[ \t]*)?f=on(?:[ \t]*;.*)?"#, #"(?:.*;[ \t]*)?f=off(?:[ \t]*;.*)?"#, true), (#"\ba"#, "a", true),
    (#"a\B"#, "a", false),
  ])
  func intersections(a: String, b: String, expected: Bool) throws {
    #expect(canBothMatch(try RegularExpression(a), try RegularExpression(b)) == expected)
  }

  @Test(arguments: [
    ("user-[0-9]+", "user-0"), ("[A-Z]{2}", "AA"), ("(.*;)?flag=on(;.*)?", "flag=on"), (".*", "a"), ("", ""),
    ("a^", nil), (#"\bon\b.x"#, "on!x"), ("[a-f0-9-]{36}", String(repeating: "a", count: 36)), ("[é-ü]", "é"),
    ("(a|b){0,3}c{2}", "cc"),
    // Thousands of sets of states, and few states.
    ("[ab]*a[ab]{15}", "a" + String(repeating: "a", count: 15)),
  ])
  func examples(pattern: String, expected: String?) throws {
    let expression = try RegularExpression(pattern)
    let example = expression.example()
    #expect(example == expected)
    if let example { #expect(expression.matchesFully(example)) }
  }
}
