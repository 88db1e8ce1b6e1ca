import Diagnostics
import Foundation
import KubernetesModel
import RolloutPlan
import TestSupport
import Testing

/// `Tests/Corpus/rules.txt`: what the language promises, each promise with the tests that hold it.
@Suite struct RuleTests {
  private struct Rule {
    var names: [String]
    var text: String
  }

  private func rules() -> [Rule] {
    let text = String(decoding: Goldens.bytes("Tests/Corpus/rules.txt") ?? [], as: UTF8.self)
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      let parts = line.components(separatedBy: " | ")
      return Rule(names: parts[0].components(separatedBy: ", "), text: parts.dropFirst().joined(separator: " | "))
    }
  }

  @Test func everyRuleHasATest() throws {
    let rules = rules()
    #expect(rules.count >= 60)
    let samples = Set(CorpusTests.plans.map { String($0.path.split(separator: "/").last?.dropLast(8) ?? "") })
    let suites = try functions()
    for rule in rules {
      #expect(!rule.text.isEmpty, "\(rule.names) stands for nothing")
      for name in rule.names {
        let parts = name.split(separator: ".").map(String.init)
        let exists = parts.count == 2 ? suites[parts[0]]?.contains(parts[1]) ?? false : samples.contains(name)
        #expect(exists, "there is no `\(name)`: \(rule.text)")
      }
    }
    let named = Set(rules.flatMap(\.names))
    for sample in samples where !named.contains(sample) {
      Issue.record("the sample `\(sample)` stands for no rule of Tests/Corpus/rules.txt")
    }
  }

  /// The functions in each suite's file.
  private func functions() throws -> [String: Set<String>] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    var found: [String: Set<String>] = [:]
    for case let file as URL in FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil) ?? .init()
    where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      let names = text.matches(of: /func ([A-Za-z0-9]+)\(/).map { String($0.1) }
      found[file.deletingPathExtension().lastPathComponent, default: []].formUnion(names)
    }
    return found
  }

  /// A name is close to another where at most a third of it differs.
  @Test(arguments: [
    ("fla", "flag", true), ("flga", "flag", true), ("flags", "flag", true), ("beta", "flag", false),
    ("featurefalg", "featureflag", true), ("featxxxx", "featureflag", false), ("a", "b", false),
    ("c1", "c2", false), ("ab", "ac", false), ("abc", "abd", true),
  ]) func closeIsAThird(_ name: String, _ declared: String, _ isClose: Bool) {
    let found = resolved(
      """
      plan shop
      language 1
      expose web on port 80
      component web {
        image web
        port 8080 http
        version 1.0, 2.0
      }
      cookie \(declared) is key = on
      deploy web 1.0
      deploy web 2.0
      route web cookie \(name) -> 2.0
      """)
    #expect(found.diagnostics.map(\.code) == [isClose ? .undeclaredCookie : .cookieNotDeclared])
  }

  /// A field that is null is left out, and an empty text where only a text can stand.
  @Test func nullsOfManifests() throws {
    let sample = try #require(CorpusTests.plans.first { $0.path.hasSuffix("/manifests-with-nulls.rollout") })
    let objects = try #require(sample.resolution.checked).manifests.flatMap(\.objects)
    try #require(objects.count == 2)
    #expect(objects[0]["metadata"] == ["name": "app"])
    #expect(objects[0]["data"] == ["LEVEL": "info", "EXTRA": ""])
    #expect(objects[1].at("spec", "egress") == [["ports": [["port": 443]]]])
  }
}
