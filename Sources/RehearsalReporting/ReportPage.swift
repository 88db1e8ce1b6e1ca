internal import ApplyEngine
internal import Diagnostics
internal import Rehearsal
internal import RolloutPlan

extension RehearsalReport {
  /// One page that stands for itself: no script, and nothing is loaded from anywhere.
  package var html: String {
    var page = Markup()
    page.raw("<!DOCTYPE html>\n")
    page.element("html", ["lang": "en"]) { html in
      html.element("head") { head in
        head.empty("meta", ["charset": "utf-8"])
        head.empty("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
        head.empty(
          "meta",
          ["http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'"])
        head.empty("meta", ["name": "color-scheme", "content": "light dark"])
        head.element("title", "\(isGood ? "✓" : "✗") Rehearsal of \(plan.name)")
        head.style(reportStyle)
      }
      html.element("body") { body in
        body.element("a", ["class": "skip", "href": "#main"], "To the rehearsals")
        writeHeader(&body)
        writeContents(&body)
        body.element("main", ["id": "main"]) { main in
          for (n, result) in results.enumerated() { write(result, n, &main) }
          writeSteps(&main)
          if let storm { write(storm, &main) }
          if let coverage { write(coverage, &main) }
        }
        body.element("footer") { footer in
          footer.element(
            "p",
            "Made by rolloutc rehearse. Times are those of the rehearsal’s own clock: it turns as far as the run waits, "
              + "so the same plan and seed give the same page.")
        }
      }
    }
    return page.text
  }

  private func writeHeader(_ body: inout Markup) {
    body.element("header", ["class": "top"]) { header in
      header.element("p", ["class": "kicker"], "Rehearsal")
      header.element("h1") { $0.write(plan.name) }
      header.element("p", ["class": "verdict \(isGood ? "good" : "bad")"], verdict)
      if let file = sources.files.first {
        let environment = plan.environment.map { ", environment \($0.name)" } ?? ""
        header.element("p", ["class": "quiet"], "\(file.path)\(environment), namespace \(plan.namespace)")
      }
      header.element("dl", ["class": "tiles"]) { tiles in
        tile(&tiles, "requests", grouped(requests))
        tile(&tiles, "failed", grouped(failedRequests), failedRequests == 0 ? "good" : "bad")
        tile(&tiles, "steps", "\(plan.steps.count)")
        tile(&tiles, "rehearsals", "\(results.count)")
        tile(&tiles, "of a cluster’s time", shortText(results.reduce(.zero) { $0 + $1.duration }))
        if let storm {
          tile(&tiles, "chaos runs", grouped(storm.count))
          tile(
            &tiles, "of them ended otherwise", "\(storm.faults.count)", storm.faults.isEmpty ? "good" : "bad")
        }
        if let coverage { tile(&tiles, "of the plan gone through", "\(coverage.percent)%") }
      }
    }
  }

  private var verdict: String {
    if isGood { return "✓ All went as expected, and every visitor was served" }
    var problems: [String] = []
    let unmet = results.reduce(0) { $0 + expectations(of: $1).count { $0.problem != nil } }
    if unmet > 0 { problems.append("\(counted(unmet, "expectation")) not met") }
    if failedRequests > 0 { problems.append("\(counted(failedRequests, "request")) failed") }
    if let faults = storm?.faults.count, faults > 0 { problems.append("\(counted(faults, "fault")) under chaos") }
    return "✗ " + problems.joined(separator: ", ")
  }

  private func tile(_ tiles: inout Markup, _ name: String, _ value: String, _ kind: String = "plain") {
    tiles.element("div", ["class": kind]) { tile in
      tile.element("dt", name)
      tile.element("dd", value)
    }
  }

  private func writeContents(_ body: inout Markup) {
    body.element("nav", ["aria-label": "Contents"]) { nav in
      nav.element("ul") { list in
        for (n, result) in results.enumerated() {
          list.element("li") {
            $0.element("a", ["href": "#rehearsal-\(n + 1)"], "\(result.isAsExpected ? "✓" : "✗") \(name(of: result))")
          }
        }
        list.element("li") { $0.element("a", ["href": "#steps"], "Steps and differences") }
        if let storm {
          list.element("li") { $0.element("a", ["href": "#chaos"], "\(storm.faults.isEmpty ? "✓" : "✗") Chaos") }
        }
        if coverage != nil { list.element("li") { $0.element("a", ["href": "#coverage"], "Coverage") } }
      }
    }
  }

  // MARK: - Pieces of several sections

  /// A table that can be scrolled by keys where it is wider than the page.
  func writeTable(
    _ markup: inout Markup, _ caption: String, _ columns: [String], numbers: Set<Int> = [], _ rows: [[String]],
    bad: (([String]) -> Bool)? = nil
  ) {
    markup.element("div", ["class": "scroll", "role": "region", "aria-label": caption, "tabindex": "0"]) { region in
      region.element("table") { table in
        table.element("caption", caption)
        table.element("thead") { head in
          head.element("tr") { row in
            for (c, column) in columns.enumerated() {
              row.element("th", ["scope": "col", "class": numbers.contains(c) ? "number" : "text"], column)
            }
          }
        }
        table.element("tbody") { body in
          for cells in rows {
            body.element("tr", ["class": bad?(cells) == true ? "bad" : "plain"]) { row in
              for (c, cell) in cells.enumerated() {
                row.element("td", ["class": numbers.contains(c) ? "number" : "text"]) { $0.prose(cell) }
              }
            }
          }
        }
      }
    }
  }

  func stepWords(_ step: Int) -> String {
    plan.steps.indices.contains(step) ? "\(step + 1) \(plan.steps[step].name)" : "\(step + 1)"
  }

  // MARK: - Coverage

  private func write(_ coverage: RehearsalCoverage, _ main: inout Markup) {
    main.element("section", ["id": "coverage", "aria-labelledby": "coverage-title"]) { section in
      section.element("h2", ["id": "coverage-title"], "Coverage: \(coverage.percent)%")
      writeTable(
        &section, "What was gone through", ["part", "gone through", "of", "not"], numbers: [1, 2],
        coverage.counts.map {
          [$0.name, "\($0.covered)", "\($0.total)", $0.missing.joined(separator: "; ")]
        })
    }
  }
}
