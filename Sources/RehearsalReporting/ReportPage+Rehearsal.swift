internal import ApplyEngine
internal import Diagnostics
internal import Rehearsal
internal import RolloutPlan

/// One rehearsal: what was expected, when what happened, and what the visitors met.
extension RehearsalReport {
  func write(_ result: RehearsalResult, _ number: Int, _ main: inout Markup) {
    let id = "rehearsal-\(number + 1)"
    main.element("section", ["id": id, "aria-labelledby": "\(id)-title"]) { section in
      section.element("h2", ["id": "\(id)-title"], name(of: result))
      let (failed, stubbed) = (result.traffic.failed, result.traffic.failedAsStubbed)
      section.element("p", ["class": "verdict \(result.isAsExpected ? "good" : "bad")"]) { verdict in
        verdict.write(
          "\(result.isAsExpected ? "✓" : "✗") \(result.outcomeWords) after \(shortText(result.duration)) · "
            + "\(counted(result.traffic.requests, "request")), \(grouped(failed)) failed"
            + (stubbed == 0 ? "" : ", \(grouped(stubbed)) failed as stubbed"))
      }
      writeExpectations(result, &section)
      let timeline = Timeline(result)
      let axis = TimeAxis(timeline.moments, end: result.duration)
      section.element("h3", "Timeline")
      write(timeline, result, axis, &section)
      section.element("h3", "Requests over time")
      writeChart(result.traffic, axis, result.duration, &section)
      if failed > 0 { writeFailures(result.traffic, &section) }
      writeObservations(result, &section)
      writeServed(result.traffic, &section)
    }
  }

  private func writeExpectations(_ result: RehearsalResult, _ section: inout Markup) {
    section.element("ul", ["class": "expectations"]) { list in
      for expectation in expectations(of: result) {
        list.element("li", ["class": expectation.problem == nil ? "good" : "bad"]) { item in
          item.write(expectation.problem == nil ? "✓ " : "✗ ")
          item.element("code", expectation.words)
          guard let problem = expectation.problem else { return }
          item.prose(problem.message)
          writeNotes(problem, &item)
        }
      }
    }
    guard let failure = result.result.failure, script(of: result) != nil else { return }
    section.element("p") { line in
      line.prose("The run failed in step \(stepWords(failure.place.step)): \(failure.diagnostic.message)")
    }
    writeNotes(failure.diagnostic, &section)
  }

  private func writeNotes(_ diagnostic: Diagnostic, _ markup: inout Markup) {
    let notes = diagnostic.notes
    if notes.isEmpty { return }
    markup.element("ul", ["class": "notes"]) { list in for note in notes { list.element("li") { $0.prose(note) } } }
  }

  // MARK: - Timeline

  private func write(
    _ timeline: Timeline, _ result: RehearsalResult, _ axis: TimeAxis, _ section: inout Markup
  ) {
    let steps = result.steps(of: plan)
    let words = steps.map { step in
      guard let begin = step.begin, let end = step.end else { return "\(step.name) was not reached" }
      return "\(step.name) \(step.status.rawValue) from \(clock(seconds(begin))) to \(clock(seconds(end)))"
    }
    section.element("figure") { figure in
      figure.element(
        "div", ["class": "timeline", "role": "img", "aria-label": "Timeline: \(words.joined(separator: "; "))"]
      ) { chart in
        for step in steps { write(step, timeline.bars.filter { $0.step == step.index }, axis, &chart) }
        chart.element("div", ["class": "row axis"]) { row in
          row.element("div", ["class": "name"], "")
          row.element("div", ["class": "track"]) { track in
            for tick in axis.ticks {
              track.element(
                "span", ["class": tick.isCut ? "tick cut" : "tick", "style": "left:\(percent(tick.place))"], tick.label)
            }
          }
        }
      }
      figure.element("figcaption") { caption in
        for kind in [Timeline.Kind.phase, .observation, .back, .failed]
        where kind == .phase || timeline.bars.contains(where: { $0.kind == kind }) {
          caption.element("span", ["class": "key"]) { key in
            key.element("span", ["class": "swatch \(kind.rawValue)"], "")
            key.write(kind.words)
          }
        }
      }
    }
    section.element("details") { details in
      details.element("summary", "The timeline as a table")
      writeTable(
        &details, "What happened when", ["step", "what", "kind", "from", "took", "changes"], numbers: [3, 4, 5],
        timeline.bars.map { bar in
          [
            stepWords(bar.step), bar.name, bar.kind.words, clock(seconds(bar.begin)), shortText(bar.end - bar.begin),
            bar.kind == .observation ? "" : "\(bar.changes)",
          ]
        }, bad: { $0[2] == Timeline.Kind.failed.words })
    }
  }

  private func write(
    _ step: RehearsedStep, _ bars: [Timeline.Bar], _ axis: TimeAxis, _ chart: inout Markup
  ) {
    chart.element("div", ["class": "row"]) { row in
      row.element("div", ["class": "name"]) { name in
        name.element("span", ["class": "mark \(step.status.className)"], step.status.mark)
        name.write("\(step.index + 1)  \(step.name)")
      }
      row.element("div", ["class": "track"]) { track in
        if let begin = step.begin, let end = step.end {
          track.element("span", ["class": "whole", "style": place(begin, end, axis)], "")
        }
        for bar in bars {
          let title = "\(bar.name), \(clock(seconds(bar.begin))), \(shortText(bar.end - bar.begin))"
          track.element(
            "span",
            ["class": "bar \(bar.kind.rawValue)", "style": place(bar.begin, bar.end, axis), "title": title], "")
        }
      }
    }
  }

  private func place(_ begin: Duration, _ end: Duration, _ axis: TimeAxis) -> String {
    let left = axis.place(begin)
    return "left:\(percent(left));width:\(percent(axis.place(end) - left))"
  }

  // MARK: - Observations

  private func writeObservations(_ result: RehearsalResult, _ section: inout Markup) {
    let rows = result.steps(of: plan).flatMap { step in
      step.observations.map { [$0.holds ? "✓" : "✗", stepWords(step.index), $0.text, $0.result] }
    }
    section.element("h3", "Verifications")
    if rows.isEmpty {
      section.element("p", "Nothing was observed.")
      return
    }
    writeTable(
      &section, "What was looked at, and what came back", ["", "step", "statement", "what came back"], rows,
      bad: { $0[0] == "✗" })
  }
}

extension RehearsedStep.Status {
  var mark: String {
    switch self {
    case .done: "✓"
    case .failed: "✗"
    case .undone: "↶"
    case .notReached: "·"
    }
  }

  var className: String {
    switch self {
    case .done: "good"
    case .failed: "bad"
    case .undone: "back"
    case .notReached: "quiet"
    }
  }
}

/// `12.34%`: with two digits, so that no rounding of a platform shows.
func percent(_ share: Double) -> String {
  let hundredths = Int((share * 10_000).rounded())
  let rest = hundredths % 100
  return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)%"
}
