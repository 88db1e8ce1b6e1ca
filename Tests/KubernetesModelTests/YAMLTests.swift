import KubernetesModel
import TestSupport
import Testing
import YAMLCoding

private func text(_ value: Value) -> String { String(decoding: yamlBytes(value), as: UTF8.self) }

@Suite struct YAMLTests {
  @Test(arguments: [1, 2, 3] as [UInt64])
  func whatIsWrittenIsReadBack(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<2000 {
      let value = generator.value()
      let back = try parseYAML(yamlBytes(value))
      #expect(back.count == 1 && isIdentical(back[0], value), "seed \(seed) round \(round):\n\(text(value))")
    }
  }

  @Test func nastyStringsAreTextAsKeysAndAsValues() throws {
    for string in nastyStrings {
      let value: Value = .object(["m": .object(Fields([.init(key: string, value: .array([.string(string)]))]))])
      let back = try parseYAML(yamlBytes(value))
      #expect(back.count == 1 && isIdentical(back[0], value), "\(text(value))")
    }
  }

  @Test func form() {
    let value: Value = [
      "apiVersion": "v1",
      "kind": "ConfigMap",
      "metadata": ["name": "a", "labels": ["version": "1.10", "on": "yes", "app.kubernetes.io/name": "a"]],
      "empty": [:],
      "none": [],
      "list": [["name": "a", "args": ["--port=8080", "-v"]], 1, true, .null, .double(1e20), .double(.infinity)],
      "script": "#!/bin/sh\necho hi\n",
      "open": "a\nb",
      "host": "*.example.com",
      "image": "nginx:1.25",
    ]
    #expect(
      text(value) == """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: a
          labels:
            version: "1.10"
            "on": "yes"
            app.kubernetes.io/name: a
        empty: {}
        none: []
        list:
        - name: a
          args:
          - --port=8080
          - -v
        - 1
        - true
        - null
        - 1.0e+20
        - .inf
        script: |
          #!/bin/sh
          echo hi
        open: |-
          a
          b
        host: "*.example.com"
        image: nginx:1.25

        """
    )
  }

  @Test func commentsAndSeparatorsAreTheCallers() throws {
    var writer = YAMLWriter()
    var lines: [Int] = []
    for value: Value in [["a": 1], "text", ["b": "x\ny\n"], .null, []] {
      writer.write(line: "---")
      writer.write(line: "# a comment")
      lines.append(writer.lineCount + 1)
      writer.write(document: value)
    }
    let bytes = writer.finish()
    #expect(writer.lineCount == 0 && writer.count == 0)
    #expect(
      String(decoding: bytes, as: UTF8.self) == """
        ---
        # a comment
        a: 1
        ---
        # a comment
        text
        ---
        # a comment
        b: |
          x
          y
        ---
        # a comment
        null
        ---
        # a comment
        []

        """
    )
    let documents = try parseYAMLDocuments(bytes)
    #expect(documents.map(\.line) == lines)
    #expect(documents.map(\.value) == [["a": 1], "text", ["b": "x\ny\n"], .null, []])
  }

  @Test(arguments: [
    ("a: yes", #"{"a":true}"#), ("on: 1", #"{"true":1}"#), ("1: a", #"{"1":"a"}"#), ("a: 1:30", #"{"a":"1:30"}"#),
    ("a: 017", #"{"a":15}"#), ("a: 0o17", #"{"a":15}"#), ("a: 0x1F", #"{"a":31}"#), ("a: -0b11", #"{"a":-3}"#),
    ("a: 1_000", #"{"a":1000}"#), ("a: 1e3", #"{"a":1000.0}"#), ("a: 2001-12-14", #"{"a":"2001-12-14"}"#),
    ("a: 089", #"{"a":89.0}"#), ("a: 1.10", #"{"a":1.1}"#), ("a: 10.0.0.1", #"{"a":"10.0.0.1"}"#),
    ("a:", #"{"a":null}"#),
    ("a: ~", #"{"a":null}"#), ("a: '~'", #"{"a":"~"}"#), ("a: !!str 1", #"{"a":"1"}"#), ("a: !!int '1'", #"{"a":1}"#),
    ("a: !!binary aGk=", #"{"a":"hi"}"#), ("a: !!float 1", #"{"a":1.0}"#), ("a: ! 1", #"{"a":"1"}"#),
    ("a: &x {b: 1}\nc: *x", #"{"a":{"b":1},"c":{"b":1}}"#),
    ("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3", #"{"a":{"b":1,"c":2},"d":{"b":1,"c":3}}"#),
    ("- &x {b: 1}\n- &y {b: 2, c: 2}\n- {c: 3, <<: [*x, *y]}", #"[{"b":1},{"b":2,"c":2},{"c":3,"b":1}]"#),
    ("'<<': 1", #"{"<<":1}"#), ("a: >\n  b\n  c\n", #"{"a":"b c\n"}"#), ("{\"a\":\"b\\u0085\"}", #"{"a":"b\u0085"}"#),
    ("a: 9223372036854775808", #"{"a":9.223372036854776e+18}"#),
    ("a: -9223372036854775808", #"{"a":-9223372036854775808}"#),
  ])
  func resolution(input: String, expected: String) throws {
    let values = try parseYAML(Array(input.utf8))
    #expect(values.map { jsonText($0) } == [expected])
  }

  @Test(arguments: [
    ("a: 1\nb: 2\na: 3\n", 3, 1, "`a` stands twice"), ("a: *x\n", 1, 4, "no anchor `x`"),
    ("a: [1, 2\n", 2, 1, "flow sequence"),
    ("a: !foo b", 1, 4, "tag !foo"), ("a: !!int b", 1, 4, "does not fit"), ("? [a]\n: b\n", 1, 3, "a key must be text"),
    ("a: b: c", 1, 5, "mapping values"), ("\ta: 1", 1, 1, "token"), ("~: 1", 1, 1, "a key must be text"),
    ("a: &x [*x]", 1, 8, "no anchor `x`"), ("<<: 1", 1, 1, "takes a mapping"),
    ("1: a\n'1': b", 2, 1, "`1` stands twice"),
    ("a: \u{7}", 1, 4, "control characters"), ("a: !!binary ///", 1, 4, "base64"),
  ])
  func faultsAndTheirPlaces(input: String, line: Int, column: Int, message: String) {
    let error = #expect(throws: YAMLError.self) { try parseYAML(Array(input.utf8)) }
    #expect(
      error?.line == line && error?.column == column && error?.message.contains(message) == true, "\(error as Any)")
  }

  @Test func streamsAndEmptyDocuments() throws {
    #expect(try parseYAML([]).isEmpty)
    #expect(try parseYAML(Array("# nothing\n\n".utf8)).isEmpty)
    #expect(try parseYAML(Array("---\n---\na: 1\n...\n---\nb\n".utf8)) == [.null, ["a": 1], "b"])
  }

  @Test func aliasesCannotExplode() {
    var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in 1...12 {
      bomb += "a\(i): &a\(i) [" + repeatElement("*a\(i - 1)", count: 10).joined(separator: ", ") + "]\n"
    }
    let error = #expect(throws: YAMLError.self) { try parseYAML(Array(bomb.utf8)) }
    #expect(error?.message.contains("aliases repeat") == true)
    // A long text is more than one value.
    let long = "x: &x \"" + String(repeating: "x", count: 100_000) + "\"\n"
    let texts = long + (0..<1_000).map { "k\($0): *x\n" }.joined()
    #expect(throws: YAMLError.self) { try parseYAML(Array(texts.utf8)) }
    #expect(throws: Never.self) { try parseYAML(Array((long + "a: *x\nb: *x\n").utf8)) }
    var tower = "a0: &a0 [x]\n"
    for i in 1...300 { tower += "a\(i): &a\(i) [*a\(i - 1)]\n" }
    #expect(throws: YAMLError.self) { try parseYAML(Array(tower.utf8)) }
    #expect(throws: YAMLError.self) { try parseYAML(Array(String(repeating: "[", count: 50_000).utf8)) }
    #expect(throws: YAMLError.self) { try parseYAML(Array(String(repeating: "- ", count: 5_000).utf8)) }
  }

  @Test(arguments: [21, 22] as [UInt64])
  func mutatedBytesNeverStopTheReader(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<2000 {
      var bytes = yamlBytes(generator.value())
      for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
        let i = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[i] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes[i] = "-:&*!|>[]{}#?,'\"%".utf8.randomElement(using: &generator) ?? 0
        default: bytes.remove(at: i)
        }
      }
      guard let values = try? parseYAML(bytes) else { continue }
      for value in values {
        let back = try parseYAML(yamlBytes(value))
        #expect(back.count == 1 && isIdentical(back[0], value), "seed \(seed) round \(round)")
      }
    }
  }

  /// What the API server does with an apply body: our JSON, read as YAML.
  @Test func jsonIsYAML() throws {
    var generator = SeededGenerator(seed: 31)
    for round in 0..<1000 {
      let value: Value = ["v": .array([.string(generator.string()), .int(Int(truncatingIfNeeded: generator.next()))])]
      let back = try parseYAML(jsonBytes(value))
      #expect(back.count == 1 && isIdentical(back[0], value), "round \(round): \(jsonText(value))")
    }
  }
}

/// What turns the direction of text is escaped, so that a review shows what is there (Unicode TR 36).
@Test(arguments: ["a\u{202E}b", "x: \u{2066}y", "\u{061C}", "line\nwith \u{200F}mark"])
func directionalCharactersNeverReachTheReader(text: String) throws {
  let bytes = yamlBytes(["key": .string(text), "other": "\u{E4}"])
  let shown = String(decoding: bytes, as: UTF8.self)
  #expect(!shown.unicodeScalars.contains { [0x202E, 0x2066, 0x061C, 0x200F].contains($0.value) })
  #expect(try parseYAML(bytes) == [["key": .string(text), "other": "\u{E4}"]])
  // The next document is not concerned.
  #expect(String(decoding: yamlBytes(["other": "\u{E4}"]), as: UTF8.self).contains("\u{E4}"))
}
