import KubernetesModel
import TestSupport
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct JSONTests {
  @Test(arguments: [1, 2, 3] as [UInt64])
  func whatIsWrittenIsReadBack(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<2000 {
      let value = generator.value()
      for pretty in [false, true] {
        let text = jsonBytes(value, pretty: pretty)
        let back = try parseJSON(text)
        #expect(isIdentical(back, value), "seed \(seed) round \(round): \(String(decoding: text, as: UTF8.self))")
      }
    }
  }

  /// As they are to a server, whatever they read like.
  @Test func textsAreEqualByteByByte() {
    let (one, two) = ("\u{E9}", "e\u{301}")
    #expect(one == two)
    #expect(Value.string(one) != Value.string(two))
    #expect(Value.string(one) == Value.string(String(decoding: Array(one.utf8), as: UTF8.self)))
    #expect(["a": .string(one)] != (["a": .string(two)] as Value))
    #expect((.object([one: 1]) as Value) != .object([two: 1]))
    #expect((.object(["a": 1, one: 2]) as Value) == .object([one: 2, "a": 1]))
    let long = String(repeating: "x", count: 40)
    #expect(Value.string(long + "y") == .string(long + "y"))
    #expect(Value.string("a\u{323}\u{307}") != .string("a\u{307}\u{323}"))
  }

  @Test func nothingIsWrittenThatAYAMLReaderRefuses() {
    for string in nastyStrings {
      let text = jsonText(.string(string))
      for scalar in text.unicodeScalars {
        let isPrintable =
          switch scalar.value {
          case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...: true
          default: false
          }
        #expect(isPrintable, "U+\(String(scalar.value, radix: 16)) stands raw in \(text)")
      }
      // Backslashes that stand for themselves are not escapes of what follows.
      let escapes = text.split(separator: "\\\\", omittingEmptySubsequences: false)
      #expect(!escapes.contains { $0.contains("\\/") || $0.contains("\\ud8") }, "\(text)")
    }
  }

  @Test(arguments: [
    (#"{"a":1,"a":2}"#, #"{"a":2}"#), (#""\u00e9\/\ud83d\ude00""#, #""é/😀""#), ("[ ]", "[]"), ("{ }", "{}"),
    ("-0", "0"), ("1e3", "1000.0"), ("1E+2", "100.0"), ("-9223372036854775808", "-9223372036854775808"),
    ("9223372036854775808", "9.223372036854776e+18"), (" \t\r\n[1 , 2]\n", "[1,2]"),
    (#""\b\f\n\r\t\"\\""#, #""\b\f\n\r\t\"\\""#),
    (#""\u007f\u0085\u2028\ufeff""#, #""\u007f\u0085\u2028\ufeff""#), ("1e20", "1.0e+20"),
    // What turns the reading direction.
    (#""\u061c\u200e\u200f\u202a\u202e\u2066\u2069\u2065""#, #""\u061c\u200e\u200f\u202a\u202e\u2066\u2069\#u{2065}""#),
  ])
  func texts(input: String, expected: String) throws {
    #expect(jsonText(try parseJSON(bytes(input))) == expected)
  }

  @Test(arguments: [
    ("", 0), ("  ", 2), ("[1,]", 3), ("[1 2]", 3), ("{\"a\" 1}", 5), ("{a:1}", 1), ("{\"a\":1,}", 7), ("01", 1),
    ("-", 1),
    ("1.", 2), (".5", 0), ("1e", 2), ("+1", 0), ("nul", 0), ("truee", 4), ("\"a", 2), ("\"\\x\"", 2),
    ("\"\\u12g4\"", 5),
    ("\"\\ud800\"", 3), ("\"\\ud800\\u0041\"", 3), ("\"\\udc00\"", 3), ("\"a\nb\"", 2), ("1e400", 0), ("[1]]", 3),
    ("NaN", 0),
    ("'a'", 0), ("{\"a\":1", 6), ("/**/1", 0),
  ])
  func faultsAndTheirPlaces(input: String, offset: Int) {
    let error = #expect(throws: JSONError.self) { try parseJSON(bytes(input)) }
    #expect(error?.offset == offset, "\(input): \(String(describing: error))")
  }

  @Test func bytesThatAreNoUTF8AreRefused() {
    for tail: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC3]] {
      #expect(throws: JSONError.self) { try parseJSON([0x22] + tail + [0x22]) }
      #expect(throws: JSONError.self) { try parseJSON([0x22, 0x5C, 0x6E] + tail + [0x22]) }
    }
  }

  @Test func nestingIsLimited() throws {
    _ = try parseJSON(bytes(String(repeating: "[", count: 512) + String(repeating: "]", count: 512)))
    #expect(throws: JSONError.self) { try parseJSON(bytes(String(repeating: "[", count: 513))) }
    #expect(throws: JSONError.self) { try parseJSON(bytes(String(repeating: "{\"a\":", count: 100_000))) }
  }

  @Test(arguments: [11, 12] as [UInt64])
  func mutatedBytesNeverStopTheReader(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var accepted = 0
    for _ in 0..<3000 {
      var text = jsonBytes(generator.value(), pretty: Bool.random(using: &generator))
      for _ in 0..<Int.random(in: 1...4, using: &generator) where !text.isEmpty {
        let i = Int.random(in: 0..<text.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: text[i] = UInt8.random(in: 0...255, using: &generator)
        case 1: text.remove(at: i)
        default: text.removeSubrange(i...)
        }
      }
      // Whatever is accepted must be a value that survives writing.
      if let value = try? parseJSON(text) {
        accepted += 1
        #expect(isIdentical(try parseJSON(jsonBytes(value)), value), "seed \(seed)")
      }
    }
    #expect(accepted > 0)
  }

  @Test func prettyFormIsKubectls() {
    let value: Value = ["a": [1, ["b": true]], "c": [:], "d": []]
    let expected = """
      {
        "a": [
          1,
          {
            "b": true
          }
        ],
        "c": {},
        "d": []
      }
      """
    #expect(jsonText(value, pretty: true) == expected)
  }

  @Test func largeObjectsKeepTheLastOfTwoMembers() throws {
    var text = (0..<100).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
    text = "{\(text),\"k3\":\"last\",\"k99\":\"last\"}"
    let fields = try #require(try parseJSON(bytes(text)).fields)
    #expect(fields.count == 100)
    #expect(fields["k3"] == "last" && fields["k99"] == "last" && fields.entries[3].key == "k3")
  }

  /// The examples of RFC 7386, appendix A.
  @Test(arguments: [
    (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
    (#"{"a":"b"}"#, #"{"a":null}"#, "{}"), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
    (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
    (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
    (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
    (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"), (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
    (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#), ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
    ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
  ])
  func mergePatch(target: String, patch: String, result: String) throws {
    let merged = try parseJSON(bytes(target)).mergePatched(by: try parseJSON(bytes(patch)))
    #expect(jsonText(merged) == result)
  }

  @Test func canonicalFormForgetsTheOrderOfMembers() {
    let a: Value = ["b": 1, "a": ["d": 1, "c": [["z": 1, "y": 2]]]]
    let b: Value = ["a": ["c": [["y": 2, "z": 1]], "d": 1], "b": 1]
    #expect(canonicalJSONBytes(a) == canonicalJSONBytes(b))
    #expect(String(decoding: canonicalJSONBytes(a), as: UTF8.self) == #"{"a":{"c":[{"y":2,"z":1}],"d":1},"b":1}"#)
  }
}
