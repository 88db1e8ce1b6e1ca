import Foundation
import RolloutPlan
import TestSupport
import Testing

@testable import RehearsalReporting

struct PageTests {
  /// By Python's own parser: everything is closed where it was opened, names are unique, places in the page exist,
  /// pictures and tables have names, nothing runs, and nothing comes from elsewhere.
  private static let judge = """
    import html.parser, re, sys
    VOID = {"meta"}
    class Page(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.open, self.ids, self.links, self.outline, self.level = [], set(), [], [], 0
            self.rows = self.images = 0
            self.words = None
        def handle_starttag(self, tag, attributes):
            values = dict(attributes)
            assert len(values) == len(attributes), (tag, attributes)
            assert tag not in ("script", "iframe", "img", "link", "object", "embed", "base", "form", "b"), tag
            for key, value in attributes:
                assert not key.startswith("on"), (tag, key)
                assert key not in ("src", "srcset", "action", "poster"), (tag, key)
                if key != "xmlns":
                    assert "://" not in value, (tag, key, value)
            if "id" in values:
                assert values["id"] not in self.ids, values["id"]
                self.ids.add(values["id"])
            if tag == "a":
                assert values["href"].startswith("#"), values
                self.links.append(values["href"][1:])
            if "aria-labelledby" in values:
                self.links.append(values["aria-labelledby"])
            if values.get("role") == "img" and tag != "svg":
                assert values["aria-label"], values
            if tag == "svg":
                assert values["role"] == "img"
                self.images += 1
            if tag == "table":
                self.rows = 0
            if tag == "tr":
                self.rows += 1
            if re.fullmatch("h[1-6]", tag):
                assert int(tag[1]) <= self.level + 1, (tag, self.level)
                self.level = int(tag[1])
            if tag in ("h1", "h2", "h3", "h4", "caption", "summary", "title"):
                self.words = ""
            if tag not in VOID:
                self.open.append(tag)
            if tag in ("header", "nav", "main", "footer", "section", "article", "figure"):
                self.outline.append("  " * len(self.open) + "<" + tag + ">")
        def handle_startendtag(self, tag, attributes):
            self.handle_starttag(tag, attributes)
            if tag not in VOID:
                self.handle_endtag(tag)
        def handle_data(self, data):
            if self.words is not None:
                self.words += data
        def handle_endtag(self, tag):
            if tag in ("h1", "h2", "h3", "h4", "caption", "summary") or tag == "title" and "svg" not in self.open:
                depth = "  " * len(self.open)
                assert self.words.strip(), tag
                self.outline.append(depth + tag + ": " + " ".join(self.words.split()))
                self.words = None
            if tag == "table":
                self.outline.append("  " * len(self.open) + "%d rows" % (self.rows - 1))
            assert self.open and self.open[-1] == tag, (tag, self.open)
            self.open.pop()
    for path in sys.argv[1:]:
        text = open(path, encoding="utf-8").read()
        assert text.startswith("<!DOCTYPE html>\\n")
        assert not re.search(r"@import|url\\(", text)
        assert not re.search("[\\u202a-\\u202e\\u2066-\\u2069\\x00-\\x08\\x0e-\\x1f]", text)
        page = Page()
        page.feed(text)
        page.close()
        assert not page.open, page.open
        for link in page.links:
            assert link in page.ids, link
        assert page.images, "no pictures"
        print("\\n".join(page.outline))
    """

  private func outline(_ page: String) throws -> String {
    let python = try #require(Programs.installed("python3"))
    let outcome = try Programs.run(python, ["-c", Self.judge], on: [page])
    try #require(outcome.code == 0, "\(outcome.words.suffix(2000))")
    return outcome.words
  }

  @Test(.needs("python3")) func theScenarioHasItsParts() throws {
    let report = try #require(Samples.scenario)
    let outline = try outline(report.html)
    Goldens.check(outline, against: "Tests/Corpus/rehearsals/aks-voting-report.txt")
  }

  @Test(.needs("python3")) func everyPageIsWhole() throws {
    for report in Samples.all {
      let report = try #require(report)
      _ = try outline(report.html)
      _ = try outline(Samples.withFaults(report).html)
    }
  }

  @Test func theSameReportGivesTheSameBytes() throws {
    let report = try #require(Samples.scenario)
    #expect(report.html == report.html)
    #expect(Samples.withFaults(report).html == Samples.withFaults(report).html)
  }

  @Test func whatFailedIsSaid() throws {
    let page = Samples.withFaults(try #require(Samples.scenario)).html
    for words in [
      "✗ 240 requests failed, 1 fault under chaos", "The first 100 of 120.", "killed before write 3 of 9",
      "the cluster is &lt;not&gt; as &quot;before&quot;", "no answer",
    ] { #expect(page.contains(words), "\(words)") }
    #expect(!(try #require(Samples.scenario).html.contains("class=\"failed\"")))
  }

  /// With what a browser makes of it: its own tree has no script, and every part that a reader looks for.
  @Test(.needs("chromium")) func chromiumReadsIt() throws {
    let chromium = try #require(Programs.installed("chromium"))
    for report in [Samples.scenario, Samples.hostile] {
      let report = try #require(report)
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rolloutc-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let page = folder.appendingPathComponent("report.html")
      try Data(report.html.utf8).write(to: page)
      let outcome = try Programs.run(
        chromium,
        [
          "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
          "--user-data-dir=\(folder.path)/profile", "--virtual-time-budget=1000", "--dump-dom", page.absoluteString,
        ], on: [])
      let words = outcome.words
      #expect(outcome.code == 0)
      #expect(words.contains("<main id=\"main\">") && words.contains("</footer>"), "\(words.prefix(500))")
      #expect(!words.contains("<script") && !words.contains("<img") && !words.contains("onload=alert(2)>"))
      // An id that a stray tag had cut off would be missing here.
      for step in report.plan.steps { #expect(words.contains("<article id=\"step-\(step.index + 1)\"")) }
    }
  }
}

struct AxisTests {
  @Test func longWaitsAreCut() {
    let axis = TimeAxis([.seconds(10), .seconds(20), .seconds(86_420), .seconds(86_430)], end: .seconds(86_440))
    #expect(axis.stretches.map(\.isCut) == [false, false, true, false, false])
    #expect(axis.length == 44)
    #expect(axis.place(.zero) == 0)
    #expect(axis.place(.seconds(86_440)) == 1)
    #expect(axis.ticks.contains { $0.isCut && $0.label == "⋯ 24:00:00" })
  }

  /// Whatever happens, later moments are not drawn before earlier ones, and no two labels lie on each other.
  @Test func theAxisOnlyGoesOn() {
    var random = SeededGenerator(seed: 5)
    for _ in 0..<300 {
      let moments = (0..<Int.random(in: 0..<20, using: &random)).map { _ in
        let limit = [10, 60_000, 4_000_000][Int.random(in: 0..<3, using: &random)]
        return Duration.milliseconds(Int.random(in: 0..<limit, using: &random))
      }
      let end = (moments.max() ?? .zero) + .milliseconds(Int.random(in: 0..<50_000, using: &random))
      let axis = TimeAxis(moments, end: end)
      let places = (moments + [end]).sorted().map { axis.place($0) }
      #expect(places == places.sorted() && places.allSatisfy { (0...1).contains($0) }, "\(moments)")
      let ticks = axis.ticks
      for (a, b) in zip(ticks, ticks.dropFirst()) where !b.isCut || !a.isCut {
        #expect(b.place - a.place > 0.05, "\(moments)")
      }
    }
  }
}
