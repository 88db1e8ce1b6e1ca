import Foundation
import KubernetesModel
import TestSupport
import Testing
import YAMLCoding

/// Python's own readers, written by others, judge what we write: PyYAML's pure loader (not its binding to libyaml)
/// and `json`. Each case is one line of JSON: what we mean, as JSON text, and as YAML text. Python says for each line
/// which reader disagrees, and gives back the value as Python's JSON writer has it.
private let judge = """
  import json, sys, yaml

  def same(a, b):
      if isinstance(a, dict):
          return isinstance(b, dict) and len(a) == len(b) and all(k in b and same(a[k], b[k]) for k in a)
      if isinstance(a, list):
          return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
      return type(a) is type(b) and a == b

  for line in sys.stdin.buffer:
      meant, as_yaml = json.loads(line)
      verdict = []
      try:
          got = yaml.load(as_yaml, yaml.SafeLoader)
          if not same(meant, got): verdict.append("yaml: " + repr(got))
      except Exception as e:
          verdict.append("yaml: " + str(e))
      sys.stdout.write(json.dumps([verdict, meant]) + "\\n")
  """

@Suite struct PythonJudgeTests {
  private static let hasPython = (try? Subprocess.run(["python3", "-c", "import yaml"]).code) == 0

  @Test(.enabled(if: hasPython, "python3 with the module yaml is not installed"))
  func pythonReadsTheSameData() throws {
    var values: [Value] = nastyStrings.map { .string($0) }
    values += nastyStrings.map { ["list": .array([.string($0), .array([.string($0)])])] }
    values += nastyStrings.map { .object(Fields([.init(key: $0, value: .object(Fields([.init(key: $0, value: 1)])))])) }
    let seed = SeededGenerator.seed
    print("seed of the values that Python judges: \(seed)")
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<1500 { values.append(generator.value()) }

    var input: [UInt8] = []
    for value in values {
      input += jsonBytes([value, .string(String(decoding: yamlBytes(value), as: UTF8.self))])
      input.append(0x0A)
    }
    let outcome = try Subprocess.run(["python3", "-X", "utf8", "-c", judge], input: input)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let answers = outcome.outputBytes.split(separator: 0x0A)
    #expect(answers.count == values.count)
    for (value, answer) in zip(values, answers) {
      let pair = try parseJSON(answer)
      #expect(
        pair[0] == [],
        "seed \(seed): \(pair[0] ?? .null)\nmeant: \(jsonText(value))\n\(String(decoding: yamlBytes(value), as: UTF8.self))"
      )
      #expect(pair[1].map { isIdentical($0, value) } == true, "seed \(seed): JSON \(jsonText(value))")
    }
  }

  /// Our JSON as YAML, as the API server's reader takes apply bodies.
  @Test(.enabled(if: hasPython, "python3 with the module yaml is not installed"))
  func jsonIsYAMLToPythonToo() throws {
    var generator = SeededGenerator(seed: 41)
    var input: [UInt8] = []
    var count = 0
    for string in nastyStrings + (0..<300).map({ _ in generator.string() }) {
      let value: Value = ["key": .string(string), "n": .array([1, .double(1e20), true, .null])]
      input += jsonBytes([value, .string(jsonText(value))])
      input.append(0x0A)
      count += 1
    }
    let answers = try Subprocess.run(["python3", "-X", "utf8", "-c", judge], input: input).outputBytes.split(
      separator: 0x0A)
    #expect(answers.count == count)
    for answer in answers {
      let pair = try parseJSON(answer)
      #expect(pair[0] == [], "\(pair[0] ?? .null): \(pair[1].map { jsonText($0) } ?? "")")
    }
  }

  private static let reference = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("shared/reference")

  private static let manifests: [String] = {
    let names = FileManager.default.enumerator(atPath: reference.path)?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix(".yaml") }
  }()

  /// Public manifests and CRDs: they are read, and what we write of them is read as the same.
  @Test(.enabled(if: !manifests.isEmpty, "../shared/reference is not here"))
  func referenceManifestsAreRead() throws {
    for name in Self.manifests {
      let documents = try parseYAMLDocuments(Array(try Data(contentsOf: Self.reference.appendingPathComponent(name))))
      #expect(!documents.isEmpty, "\(name)")
      var lines = 0
      for document in documents {
        #expect(document.line > lines, "\(name)")
        lines = document.line
        #expect(document.value.fields != nil || document.value == .null, "\(name):\(document.line)")
        #expect(try parseYAML(yamlBytes(document.value)) == [document.value], "\(name):\(document.line)")
        #expect(try parseJSON(jsonBytes(document.value)) == document.value, "\(name):\(document.line)")
      }
    }
  }
}
