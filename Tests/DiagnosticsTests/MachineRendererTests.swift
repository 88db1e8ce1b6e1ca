import DiagnosticRendering
import Diagnostics
import KubernetesModel
import Testing

@Suite struct MachineRendererTests {
  private let fixture = Fixture(("dir/ä b.rollout", "ü one\ntwo\n"))
  private var diagnostic: Diagnostic {
    Diagnostic(
      Code("R0202", "undeclared-cookie"), "100% wrong: a,b", at: Label(fixture.range("one"), "here"),
      secondary: [Label(fixture.range("two"), "there")], notes: ["first\nsecond"], help: "do",
      fixIts: [FixIt("write 1", [Edit(fixture.range("one"), "1")])]
    )
  }

  @Test func json() throws {
    let value = try parseJSON(JSONRenderer(sources: fixture.sources).rendered([diagnostic]))
    let location: Value = [
      "file": "dir/ä b.rollout", "bytes": [3, 6], "start": ["line": 1, "column": 3], "end": ["line": 1, "column": 6],
    ]
    let there: Value = [
      "file": "dir/ä b.rollout", "bytes": [7, 10], "start": ["line": 2, "column": 1], "end": ["line": 2, "column": 4],
    ]
    #expect(
      value == [
        "schema": "rolloutc.diagnostics/1",
        "diagnostics": [
          [
            "code": "R0202", "slug": "undeclared-cookie", "severity": "error", "message": "100% wrong: a,b",
            "label": "here", "location": location, "labels": [["text": "there", "location": there]],
            "notes": ["first\nsecond"], "help": "do",
            "fixes": [["message": "write 1", "edits": [["location": location, "replacement": "1"]]]],
          ]
        ],
      ]
    )
  }

  /// A file of nothing but mistakes, and a word as long as a file: what nobody reads is left off, and counted.
  @Test func endless() throws {
    var long = diagnostic
    long.message = "a \(String(repeating: "x", count: 5000)) word"
    let many = Array(repeating: long, count: longestResult + 7)
    let value = try parseJSON(JSONRenderer(sources: fixture.sources).rendered(many))
    #expect(value["diagnostics"]?.array?.count == longestResult && value["leftOff"] == 7)
    let message = "a \(String(repeating: "x", count: 400))… word"
    #expect(value["diagnostics"]?[0]?["message"] == .string(message))
    let log = try parseJSON(SARIFRenderer(sources: fixture.sources, pages: [], version: "1").rendered(many))
    let run = try #require(log["runs"]?[0])
    #expect(run["results"]?.array?.count == longestResult)
    #expect(
      run["invocations"]?[0]?["toolExecutionNotifications"]?[0]?.at("message", "text") == "7 more results are left off")
    let lines = GitHubRenderer(sources: fixture.sources).rendered(many).split(separator: "\n")
    #expect(lines.count == longestResult + 1 && lines.last == "::warning::7 more are left off")
    let text = TerminalRenderer(sources: fixture.sources, color: false).rendered([long])
    #expect(text.contains(message) && !text.contains(String(repeating: "x", count: 401)))
  }

  @Test func github() {
    #expect(
      GitHubRenderer(sources: fixture.sources).rendered([diagnostic])
        == "::error file=dir/ä b.rollout,line=1,endLine=1,col=3,endColumn=6,title=R0202 undeclared-cookie"
        + "::100%25 wrong: a,b (here)%0Anote: first%0Asecond%0Ahelp: do\n"
    )
  }

  @Test func sarif() throws {
    let page = CodePage(
      Code("R0101", "other"), "title", why: "why", bad: "bad", good: "good", fix: "fix"
    )
    let renderer = SARIFRenderer(
      sources: fixture.sources, pages: [page], version: "1.2.3", helpBase: "https://example.org/codes/"
    )
    let value = try parseJSON(renderer.rendered([diagnostic]))
    let run = try #require(value["runs"]?[0])
    let rules = try #require(run.at("tool", "driver", "rules"))
    #expect(value["version"] == "2.1.0" && run["columnKind"] == "unicodeCodePoints")
    #expect(run.at("tool", "driver", "version") == "1.2.3")
    #expect(rules[0]?["id"] == "R0101" && rules[0]?["shortDescription"] == ["text": "title"])
    #expect(rules[1]?["helpUri"] == "https://example.org/codes/R0202")
    let uri: Value = ["uri": "dir/%C3%A4%20b.rollout"]
    let region: Value = ["startLine": 1, "startColumn": 3, "endLine": 1, "endColumn": 6]
    let result = try #require(run["results"]?[0])
    #expect(result["ruleIndex"] == 1 && result["level"] == "error")
    #expect(result["locations"]?[0]?["physicalLocation"] == ["artifactLocation": uri, "region": region])
    #expect(result["relatedLocations"]?[0]?["message"] == ["text": "there"])
    #expect(
      result["fixes"]?[0]?["artifactChanges"]?[0] == [
        "artifactLocation": uri,
        "replacements": [["deletedRegion": region, "insertedContent": ["text": "1"]]],
      ]
    )
  }
}
