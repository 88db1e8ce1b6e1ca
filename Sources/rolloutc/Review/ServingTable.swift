import KubernetesModel
import RequestTracing
import RolloutPlan
import SafetyChecks

/// Who is served by what, before a step and after it, in 80 columns:
///
/// ```
///    served by              voting-app  analytics  storage
///    cookie featureflag=on  1.0 → 2.0   1.1 → 2.0  1.0 → 2.0
///    everybody else         1.0         1.1        1.0
///    dark: analytics 1.0
/// ```
/// Components that do not fit side by side stand in a second block. Of a plan with many components only those are
/// shown that change, or that serve one kind of visitors by another version than the rest.
struct ServingTable {
  let serving: Serving
  let model: FlowModel

  private static let width = 80
  private static let indent = "   "
  /// Longer names of visitors get a line of their own.
  private static let labelWidth = 30

  var lines: [String] {
    var lines: [String] = []
    var starts: [Serving.Start] = []
    for row in serving.rows where !starts.contains(row.start) { starts.append(row.start) }
    for start in starts {
      let rows = serving.rows.filter { $0.start == start }
      let cells = rows.map(cells)
      let all = model.plan.components.indices.filter { c in cells.contains { $0[c] != nil } }
      if !all.isEmpty { lines += table(start, rows, cells, all) }
    }
    if lines.isEmpty { lines.append("nobody is served") }
    for copy in serving.copies {
      lines.append("copies of requests: \(percent(copy.probability)) to \(model.name(of: copy.version))")
    }
    if !serving.dark.isEmpty { lines.append("dark: " + serving.dark.map(model.name).joined(separator: ", ")) }
    return lines.map { ServingTable.indent + oneLine($0) }
  }

  // MARK: - Table

  private func table(
    _ start: Serving.Start, _ rows: [Serving.Row], _ cells: [[Int: String]], _ all: [Int]
  ) -> [String] {
    let title = title(start)
    let labels = rows.map { $0.visitors(of: model, isOnly: rows.count == 1) }
    let left = min(max(title.count, labels.map(\.count).max() ?? 0), ServingTable.labelWidth)
    var columns = all
    if blocks(columns, cells, left).count > 1 {
      columns = all.filter { c in
        Set(cells.map { $0[c] }).count > 1 || rows.contains { $0.before[c] != $0.after[c] }
      }
    }
    let hidden = all.count - columns.count
    var lines: [String] = []
    for block in blocks(columns, cells, left) {
      let widths = block.map { width(of: $0, cells) }
      lines.append(line(title, block.map { model.plan.components[$0].name }, left, widths))
      for (row, label) in labels.enumerated() {
        let texts = block.map { cells[row][$0] ?? "–" }
        if label.count > left {
          lines.append(label)
          lines.append(line("", texts, left, widths))
        } else {
          lines.append(line(label, texts, left, widths))
        }
      }
    }
    if hidden > 0 {
      let name = columns.isEmpty ? title + ": " : ""
      lines.append("\(name)as before: \(columns.isEmpty ? counted(hidden, "component") : "\(hidden) more")")
    }
    return lines
  }

  /// Components side by side as long as they fit; at least one in each block.
  private func blocks(_ columns: [Int], _ cells: [[Int: String]], _ left: Int) -> [[Int]] {
    var blocks: [[Int]] = []
    var used = 0
    for c in columns {
      let width = width(of: c, cells) + 2
      if blocks.isEmpty || used + width > ServingTable.width - ServingTable.indent.count - left {
        blocks.append([])
        used = 0
      }
      blocks[blocks.count - 1].append(c)
      used += width
    }
    return blocks
  }

  private func width(of c: Int, _ cells: [[Int: String]]) -> Int {
    cells.reduce(model.plan.components[c].name.count) { max($0, $1[c]?.count ?? 1) }
  }

  private func line(_ label: String, _ texts: [String], _ left: Int, _ widths: [Int]) -> String {
    var line = padded(label, left)
    for (text, width) in zip(texts, widths) { line += "  " + padded(text, width) }
    while line.last == " " { line.removeLast() }
    return line
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  // MARK: - Words

  private func cells(_ row: Serving.Row) -> [Int: String] {
    var cells: [Int: String] = [:]
    for c in model.plan.components.indices {
      let (before, after) = (row.before[c], row.after[c])
      if before == nil, after == nil { continue }
      cells[c] = before == after ? words(after) : "\(words(before)) → \(words(after))"
    }
    return cells
  }

  /// `1.0`, or `10% 2.0, 90% 1.0`.
  private func words(_ parts: [Serving.Part]?) -> String {
    guard let parts, !parts.isEmpty else { return "–" }
    return parts.map { part in
      let name =
        switch part.end {
        case .version(let version): model.plan[model.versions[version]].name
        case .failure(let seen): "✗ \(seen)"
        case .proxy(let status): "the proxy: \(status)"
        }
      return parts.count == 1 ? name : "\(percent(part.share)) \(name)"
    }.joined(separator: ", ")
  }

  /// `served by`; where there are several ways in, `by web`.
  private func title(_ start: Serving.Start) -> String {
    switch start {
    case .unasked: return "unasked"
    case .exposure(let e):
      if model.plan.exposures.count == 1 { return "served by" }
      let exposure = model.plan.exposures[e]
      let isAlone = model.plan.exposures.count { $0.component == exposure.component } == 1
      let detail = isAlone ? "" : ":\(exposure.port)\(exposure.path == "/" ? "" : exposure.path)"
      return "by \(model.plan[exposure.component].name)\(detail)"
    }
  }
}

extension Serving.Row {
  /// Whom the row is about, in words: `cookie featureflag=on`, `everybody else`.
  ///
  /// - Parameter isOnly: no other row is about those who come in there.
  func visitors(of model: FlowModel, isOnly: Bool) -> String {
    guard case .exposure(let e) = start else { return "by itself" }
    if let sticky = cohort.sticky {
      let component = model.plan[model.plan.exposures[e].component]
      let version = component.versions.first { $0.subset == sticky.value }?.name ?? sticky.value
      return "kept on \(version)"
    }
    if cohort.selectors.isEmpty { return isOnly ? "everybody" : "everybody else" }
    return cohort.selectors.map(\.words).joined(separator: " and ")
  }
}
