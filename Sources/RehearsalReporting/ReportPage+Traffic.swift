internal import Lowering
internal import Rehearsal
internal import RolloutPlan

/// Requests: a chart over time, and who was served by what.
extension RehearsalReport {
  private static let (width, height, bottom) = (1000, 190, 24)

  func writeChart(_ traffic: RehearsalTraffic, _ axis: TimeAxis, _ end: Duration, _ section: inout Markup) {
    let chart = TrafficChart(traffic, axis, order: versionOrder)
    if chart.columns.isEmpty {
      section.element("p", "Nobody asked.")
      return
    }
    let (width, height) = (Self.width, Self.height)
    let column = Double(width) / Double(chart.columnCount)
    let unit = Double(height) / max(0.001, chart.highest)
    section.element("figure") { figure in
      figure.element("div", ["class": "scroll", "role": "region", "aria-label": "Chart", "tabindex": "0"]) { region in
        region.element(
          "svg",
          ["class": "chart", "role": "img", "viewBox": "-34 -8 \(width + 44) \(height + Self.bottom + 12)"]
        ) { svg in
          svg.element("title", "Requests per second, by the version that answered at the entry")
          svg.element("desc", chart.words)
          for level in chart.levels {
            let y = "\(height - Int((Double(level) * unit).rounded()))"
            svg.empty("path", ["class": "grid", "d": "M0 \(y)H\(width)"])
            svg.element("text", ["class": "level", "x": "-6", "y": y, "dy": "4"], "\(level)")
          }
          for place in chart.columns {
            var y = height
            for (series, count) in place.counts.enumerated() where count > 0 {
              let tall = max(2, Int((Double(count) / place.seconds * unit).rounded()))
              y -= tall
              svg.empty(
                "rect",
                [
                  "class": chart.series[series].className, "x": tenths(Double(place.index) * column), "y": "\(y)",
                  "width": tenths(max(1, column - 1)), "height": "\(tall)",
                ])
            }
          }
          for tick in axis.ticks {
            let x = tenths(tick.place * Double(width))
            if !tick.isCut { svg.empty("path", ["class": "grid", "d": "M\(x) \(height)v5"]) }
            svg.element(
              "text", ["class": tick.isCut ? "time cut" : "time", "x": x, "y": "\(height + 18)"], tick.label)
          }
        }
      }
      figure.element("figcaption") { caption in
        for series in chart.series {
          caption.element("span", ["class": "key"]) { key in
            key.element("span", ["class": "swatch \(series.className)"], "")
            key.write("\(series.name): \(grouped(series.total))")
          }
        }
        caption.element(
          "span", ["class": "quiet"],
          "Answers per second. Visitors ask in rounds, the more rarely the longer nothing has happened.")
      }
    }
    section.element("details") { details in
      details.element("summary", "The chart as a table")
      writeTable(
        &details, "Answers by time and version", ["from"] + chart.series.map(\.name),
        numbers: Set(0...chart.series.count),
        chart.columns.map { [clock(Double($0.firstSecond))] + $0.counts.map { "\($0)" } })
    }
  }

  /// `voting-app 1.0`, with the accent that its release has in the pictures.
  private var versionOrder: [(name: String, release: Int?)] {
    plan.components.indices.flatMap { c in
      plan.components[c].versions.indices.map { v in
        let workload = compiled.renderer.workload(VersionID(ComponentID(c), v))
        let releases = plan.components[c].versions[v].releases
        return ("\(workload.app) \(workload.version)", releases.count == 1 ? releases[0].index : nil)
      }
    }
  }

  func writeServed(_ traffic: RehearsalTraffic, _ section: inout Markup) {
    let keys = traffic.served.keys
      .sorted { ($0.step, $0.visitor, $0.servedBy) < ($1.step, $1.visitor, $1.servedBy) }
    section.element("h3", "Who was served by what")
    if keys.isEmpty {
      section.element("p", "Nobody was served.")
      return
    }
    writeTable(
      &section, "Answers by step, visitors and versions", ["step", "visitors", "served by", "answers"], numbers: [3],
      keys.map { [stepWords($0.step), $0.visitor, $0.servedBy, grouped(traffic.served[$0] ?? 0)] })
  }

  func writeFailures(_ traffic: RehearsalTraffic, _ section: inout Markup) {
    section.element("h3", "Failed requests")
    if traffic.failures.count < traffic.failed {
      section.element("p", "The first \(traffic.failures.count) of \(grouped(traffic.failed)).")
    }
    writeTable(
      &section, "When, who and why", ["at", "step", "visitors", "status", "Envoy’s flag", "where"], numbers: [0],
      traffic.failures.map { failure in
        [
          clock(seconds(failure.moment)), stepWords(failure.step), failure.visitor,
          failure.status.map { "\($0)" } ?? "no answer", failure.flag, failure.hop,
        ]
      }, bad: { _ in true })
  }
}

/// Counts by columns of time and by who answered.
private struct TrafficChart {
  struct Series {
    var name: String
    var className: String
    var total = 0
  }

  struct Column {
    var index: Int
    var firstSecond: Int
    /// How much time the column stands for; more where the axis is cut.
    var seconds: Double
    var counts: [Int]
  }

  private(set) var series: [Series] = []
  /// Only those with requests.
  private(set) var columns: [Column] = []
  let columnCount: Int

  init(_ traffic: RehearsalTraffic, _ axis: TimeAxis, order: [(name: String, release: Int?)]) {
    let perColumn = max(1, Int((axis.length / 120).rounded(.up)))
    columnCount = max(1, Int((axis.length / Double(perColumn)).rounded(.up)))
    let names = Set(traffic.timeline.values.flatMap(\.keys))
    let known = order.filter { names.contains($0.name) }
    let others = names.subtracting(known.map(\.name)).subtracting([""]).sorted()
    var free = (known.compactMap(\.release).max() ?? -1) + 1
    var keys: [String] = []
    for (name, release) in known + others.map({ ($0, nil) }) {
      keys.append(name)
      series.append(Series(name: name, className: "s\((release ?? free) % 4)"))
      if release == nil { free += 1 }
    }
    if names.contains("") {
      keys.append("")
      series.append(Series(name: "failed", className: "failed"))
    }
    for second in traffic.timeline.keys.sorted() {
      let index = min(columnCount - 1, Int(axis.place(Double(second)) * Double(columnCount)))
      if columns.last?.index != index {
        let (begin, end) = (Double(index) / Double(columnCount), Double(index + 1) / Double(columnCount))
        columns.append(
          Column(
            index: index, firstSecond: second, seconds: max(1, axis.moment(end) - axis.moment(begin)),
            counts: keys.map { _ in 0 }))
      }
      for (k, key) in keys.enumerated() {
        let count = traffic.timeline[second]?[key] ?? 0
        columns[columns.count - 1].counts[k] += count
        series[k].total += count
      }
    }
  }

  /// Answers per second.
  var highest: Double { columns.map { Double($0.counts.reduce(0, +)) / $0.seconds }.max() ?? 0 }

  /// Round numbers for the lines of the grid.
  var levels: [Int] {
    let unit = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].first { highest / Double($0) <= 4 } ?? 5000
    return Array(stride(from: 0, through: Int(highest), by: unit))
  }

  var words: String { series.map { "\($0.name): \(grouped($0.total)) answers" }.joined(separator: "; ") }
}

/// One digit after the point.
private func tenths(_ number: Double) -> String {
  let all = Int((number * 10).rounded())
  return "\(all / 10).\(all % 10)"
}
