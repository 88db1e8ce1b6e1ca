import ApplyEngine
import Foundation
import KubernetesModel
import TestSupport
import Testing

/// `docs/formats.md` says of every member that is written what it is, and of none that is not.
@Suite(.enabled(if: Tool.isBuilt)) struct FormatDocumentTests {
  /// A line of a table: the types that the member may have, and whether it is always there.
  private struct Row {
    var types: Set<String>
    var isAlways: Bool
  }

  /// The tables of a section, by member.
  private func tables(of section: String) throws -> [String: Row] {
    let page = String(decoding: Goldens.bytes("docs/formats.md") ?? [], as: UTF8.self)
    let start = try #require(page.range(of: "\n## \(section)\n")).upperBound
    let end = page.range(of: "\n## ", range: start..<page.endIndex)?.lowerBound ?? page.endIndex
    var rows: [String: Row] = [:]
    var isLocation = false
    for line in page[start..<end].split(separator: "\n") {
      if line == "A location:" { isLocation = true }
      let cells = line.split(separator: "|", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      guard line.hasPrefix("| `"), cells.count == 5 else { continue }
      for match in cells[1].matches(of: /`([^`]+)`/) {
        rows[(isLocation ? "location:" : "") + match.1] = Row(
          types: Set(cells[2].components(separatedBy: " or ")), isAlways: !cells[1].hasSuffix("?"))
      }
    }
    return rows
  }

  /// Every member of a value with its type; what the tables call an object or a location is not gone into.
  private func members(_ value: Any, _ path: String, _ rows: [String: Row]) -> [(path: String, type: String)] {
    if rows[path]?.types.contains("object") ?? false { return [(path, value is [String: Any] ? "object" : "?")] }
    switch value {
    case let fields as [String: Any]:
      if rows[path]?.types.contains("location") ?? false {
        return [(path, "location")]
          + members(fields, "", [:]).map { ("location:" + $0.path, $0.type) }
      }
      return fields.flatMap { members($0.value, path.isEmpty ? $0.key : path + "." + $0.key, rows) }
    case let items as [Any]: return items.flatMap { members($0, path + "[]", rows) }
    case is String: return [(path, "string")]
    case is NSNull: return [(path, "null")]
    case let number as NSNumber:
      if isBool(number) { return [(path, "bool")] }
      return [(path, number.doubleValue == number.doubleValue.rounded() ? "int" : "number")]
    default: return [(path, "?")]
    }
  }

  /// JSONSerialization makes numbers of truth values; only their type tells them apart.
  private func isBool(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }

  private func check(_ section: String, _ outputs: [[UInt8]]) throws {
    let rows = try tables(of: section)
    #expect(rows.count >= 5, "\(section) has no table")
    var seen: Set<String> = []
    for output in outputs {
      let value = try JSONSerialization.jsonObject(with: Data(output))
      for member in members(value, "", rows) {
        seen.insert(member.path)
        let row = rows[member.path]
        #expect(row != nil, "\(section): `\(member.path)` is written, and not in docs/formats.md")
        guard let row else { continue }
        let isOfType = row.types.contains(member.type) || member.type == "int" && row.types.contains("number")
        #expect(isOfType, "\(section): `\(member.path)` is \(member.type)")
      }
    }
    for (path, row) in rows where row.isAlways {
      #expect(seen.contains(path), "\(section): `\(path)` is in docs/formats.md, and not written")
    }
  }

  @Test func objects() throws {
    let scratch = try Scratch(withPlans: true)
    try check(
      "Objects",
      [
        scratch.rolloutc("plans/bookinfo.rollout", "-o", "json").outputBytes,
        scratch.rolloutc("plans/aks-voting.rollout", "-o", "json", "--state").outputBytes,
      ])
  }

  @Test func steps() throws {
    let scratch = try Scratch(withPlans: true)
    let outputs = try ["aks-voting", "aks-voting-as-written", "bookinfo"].map {
      try scratch.rolloutc("steps", "plans/\($0).rollout", "-o", "json").outputBytes
    }
    try check("Steps", outputs)
    // The same as the table says: the flagged users of the scenario's third step.
    let steps: Value = try parseJSON(outputs[0])
    let third = try #require(steps["steps"]?.array?[2])
    let flagged = try #require(third["serving"]?.array?.first)
    #expect(flagged["visitors"] == "cookie featureflag=on")
    #expect(flagged.at("at", "component") == "voting-app")
    #expect(
      flagged["components"]?.array?[1] == [
        "component": "analytics", "before": [["version": "1.1", "share": 1]],
        "after": [["version": "2.0", "share": 1]],
      ])
    #expect(third["dark"] == [["component": "analytics", "version": "1.0"]])
    #expect(
      third["segments"]?.array?[0]["writes"]?.array?[0] == [
        "action": "create", "kind": "PersistentVolumeClaim", "count": 1,
      ])
  }

  @Test func diagnostics() throws {
    let scratch = try Scratch()
    try scratch.write("plan a\nlanguage 1\ncomponent web {\n  imag x\n  version 1\n  version 1\n}\n", to: "a.rollout")
    try scratch.write("language 1\n", to: "b.rollout")
    try scratch.write(
      "plan a\nlanguage 1\ncomponent web {\n  image x\n  version 1\n}\nroute web all -> 1\n", to: "c.rollout")
    try scratch.write(
      """
      plan a
      language 1
      routing open
      mesh istio mtls strict

      component web {
        image nginx
        port 80 http
        version 1.0, 2.0
      }
      expose web on port 80 hosts "*" path /
      step "one" {
        deploy web 1.0
        route web all -> 1.0
      }
      """, to: "good.rollout")
    let outputs = try ["a.rollout", "b.rollout", "c.rollout", "good.rollout"].map {
      try scratch.rolloutc("check", "--format", "json", $0).outputBytes
    }
    let several = try scratch.rolloutc("check", "--format", "json", "c.rollout", "none.rollout", "good.rollout")
    try check("Diagnostics", outputs + [several.outputBytes])
    #expect(try parseJSON(outputs[2])["proved"] == nil, "a plan with errors is not proved")
    let good: Value = try parseJSON(outputs[3])
    #expect(good["plan"] == "a" && good["steps"] == 1 && (good.at("proved", "phases")?.int ?? 0) > 1)
  }

  @Test func rehearsals() throws {
    let scratch = try Scratch(withPlans: true)
    try check(
      "Rehearsals",
      [
        scratch.rolloutc("rehearse", "plans/aks-voting.rollout", "-o", "json", "--coverage").outputBytes,
        scratch.rolloutc("rehearse", "plans/bookinfo.rollout", "-o", "json").outputBytes,
      ])
  }

  /// The words of `outcome`, of a step of a rehearsal, and of an object's state.
  @Test func wordsOfTheTables() {
    let page = String(decoding: Goldens.bytes("docs/formats.md") ?? [], as: UTF8.self)
    for outcome in RunResult.Outcome.allCases {
      #expect(page.contains("| `\(outcome.rawValue)` | "), "\(outcome)")
    }
    for status in ["done", "failed", "undone", "not reached"] { #expect(page.contains("`\(status)`")) }
    for state in ["pending", "applied", "failed", "deleting"] {
      #expect(Inventory.Outcome(rawValue: state) != nil && page.contains("`\(state)`"))
    }
  }

  @Test func runsAndTheirStatus() async throws {
    try await SandboxSession.run { session in
      let before = try await session.rolloutc("status", "hello", "-o", "json")
      let run = try await session.shell(
        "rolloutc apply hello.rollout --yes --settle 0 --leave-at-questions --output ndjson")
      let waiting = try await session.rolloutc("status", "hello", "-o", "json")
      #expect(try await session.rolloutc("approve", "hello", "--reject").code == 0)
      let back = try await session.shell("rolloutc resume hello.rollout --yes --settle 0 --output ndjson")
      #expect(back.code == 4, "\(back.output)\(back.errors)")
      let after = try await session.rolloutc("status", "hello", "-o", "json")
      // The step that failed is the one after the last that stands again.
      let last = try #require(back.output.split(separator: "\n").last)
      let summary: Value = try parseJSON(Array(last.utf8))
      let status: Value = try parseJSON(Array(after.output.utf8))
      let done = try #require(status["stepsDone"]?.int)
      #expect(summary["step"]?.int == done + 1)
      #expect(summary["stepName"] != nil && summary["stepName"] == status.at("cause", "step"), "\(after.output)")
      _ = try await session.shell("kubectl --namespace hello delete configmap rolloutc-hello")
      let forgotten = try await session.rolloutc("status", "hello", "-o", "json")
      #expect(forgotten.output.contains("--assume"), "\(forgotten.output)")
      let words = try await session.rolloutc("status", "hello")
      #expect(words.output.contains("and 1 Deployment of it stands"), "\(words.output)")
      try check(
        "Status", [before.outputBytes, waiting.outputBytes, after.outputBytes, forgotten.outputBytes])
      try checkLines(run.output + back.output)
    }
  }

  /// The lines of runs: what every line has stands in `docs/running.md`, the rest by type in `docs/formats.md`.
  private func checkLines(_ output: String) throws {
    let common: Set<String> = [
      "schema", "seq", "type", "time", "elapsedMilliseconds", "run", "plan", "step", "stepName", "leg", "phase",
      "object",
    ]
    let running = String(decoding: Goldens.bytes("docs/running.md") ?? [], as: UTF8.self)
    for member in common { #expect(running.contains("`\(member)`"), "\(member)") }
    let page = String(decoding: Goldens.bytes("docs/formats.md") ?? [], as: UTF8.self)
    let section = try page[#require(page.range(of: "\n## Runs\n")).upperBound...]
    var known: [String: Set<String>] = [:]
    for line in section.split(separator: "\n").prefix(while: { $0 != "## Status" }) where line.hasPrefix("| `") {
      let cells = line.split(separator: "|", omittingEmptySubsequences: false)
      let words = cells[2].matches(of: /`([^`]+)`/).map { String($0.1) }
      for type in cells[1].matches(of: /`([^`]+)`/) { known[String(type.1)] = Set(words) }
    }
    var types: Set<String> = []
    for line in output.split(separator: "\n") {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let type = try #require(object["type"] as? String)
      types.insert(type)
      let documented = try #require(known[type], "docs/formats.md does not know the type `\(type)`")
      for member in object.keys where !common.contains(member) {
        #expect(documented.contains(member), "`\(type)` has `\(member)`, which is not in docs/formats.md")
      }
    }
    #expect(types.isSuperset(of: ["started", "write-ended", "gate-began", "asked", "answered", "failed", "summary"]))
    for type in known.keys { #expect(running.contains("`\(type)`"), "docs/running.md does not know `\(type)`") }
  }
}
