import DiagnosticRendering
import Diagnostics
import KubernetesModel
import RolloutPlan
import TestSupport
import Testing

/// The rules of SARIF 2.1.0 (OASIS) that a log of ours can break, over everything that the corpus reports.
@Suite struct SARIFTests {
  static let plans =
    CorpusFile.all(in: "Tests/Corpus/resolve", ending: "rollout")
    + CorpusFile.all(in: "Tests/Corpus/errors", ending: "rollout")

  @Test(arguments: plans) func logsAreWellFormed(_ plan: CorpusFile) throws {
    let resolution = resolved(plan.bytes, path: plan.path)
    let renderer = SARIFRenderer(
      sources: resolution.sources, pages: Catalogue.pages, version: "1.0.0", helpBase: "https://example.org/")
    let log = try parseJSON(renderer.rendered(resolution.diagnostics))
    expectNoNull(log, "")
    // 3.13: the version and, of the schema, its address.
    #expect(log["version"] == "2.1.0" && log["$schema"]?.string?.hasPrefix("https://") == true)
    let runs = try #require(log["runs"]?.array)
    #expect(runs.count == 1)
    let driver = try #require(runs[0].at("tool", "driver"))
    // 3.19.8: a name that is not empty; 3.49.3: rules are told apart by their ids.
    #expect(driver["name"]?.string?.isEmpty == false)
    let rules = try #require(driver["rules"]?.array)
    let ids = rules.compactMap { $0["id"]?.string }
    #expect(ids.count == rules.count && Set(ids).count == ids.count)
    for rule in rules {
      // 3.11.8: a text of a message is not empty.
      for key in ["shortDescription", "fullDescription"] { #expect(rule.at(key, "text")?.string?.isEmpty == false) }
      expectLevel(rule.at("defaultConfiguration", "level"))
      #expect(rule["helpUri"]?.string?.contains(" ") == false)
    }
    #expect(["utf16CodeUnits", "unicodeCodePoints"].contains(runs[0]["columnKind"]?.string ?? ""))
    let results = try #require(runs[0]["results"]?.array)
    #expect(results.count == resolution.diagnostics.count)
    for result in results {
      // 3.27.5 to 3.27.7: the index leads to the rule of the id.
      let index = try #require(result["ruleIndex"]?.int)
      #expect(rules.indices.contains(index) && rules[index]["id"] == result["ruleId"])
      #expect(result.at("message", "text")?.string?.isEmpty == false)
      expectLevel(result["level"])
      for location in (result["locations"]?.array ?? []) + (result["relatedLocations"]?.array ?? []) {
        let physical = try #require(location["physicalLocation"])
        expectURI(physical.at("artifactLocation", "uri"))
        expectRegion(physical["region"])
      }
      for fix in result["fixes"]?.array ?? [] {
        // 3.55.3: at least one change, of which each has at least one replacement of a region.
        let changes = try #require(fix["artifactChanges"]?.array)
        #expect(!changes.isEmpty && fix.at("description", "text")?.string?.isEmpty == false)
        for change in changes {
          expectURI(change.at("artifactLocation", "uri"))
          let replacements = try #require(change["replacements"]?.array)
          #expect(!replacements.isEmpty)
          for replacement in replacements { expectRegion(replacement["deletedRegion"]) }
        }
      }
    }
  }

  /// 3.27.10.
  private func expectLevel(_ level: Value?) {
    #expect(["none", "note", "warning", "error"].contains(level?.string ?? ""), "\(level?.string ?? "no level")")
  }

  /// 3.4.3: a relative reference of RFC 3986.
  private func expectURI(_ uri: Value?) {
    let text = uri?.string ?? ""
    let allowed = Set("-._~/%!$&'()*+,;=:@".utf8)
    #expect(
      !text.isEmpty && !text.hasPrefix("/")
        && text.utf8.allSatisfy { byte in
          allowed.contains(byte) || (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
        }, "\(text)")
  }

  /// 3.30.5 to 3.30.8: all count from 1, and the end is not before the start.
  private func expectRegion(_ region: Value?) {
    let start = (region?["startLine"]?.int ?? 0, region?["startColumn"]?.int ?? 0)
    let end = (region?["endLine"]?.int ?? 0, region?["endColumn"]?.int ?? 0)
    #expect(start.0 >= 1 && start.1 >= 1 && end.1 >= 1 && start <= end, "\(start) to \(end)")
  }

  /// 3.6: what is not there is left out.
  private func expectNoNull(_ value: Value, _ path: String) {
    switch value {
    case .null: Issue.record("\(path) is null")
    case .object(let fields): for entry in fields.entries { expectNoNull(entry.value, path + "/" + entry.key) }
    case .array(let items): for item in items { expectNoNull(item, path + "/*") }
    case .string, .int, .double, .bool: break
    }
  }
}
