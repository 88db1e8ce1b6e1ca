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
    let cells = serving.rows.map(cells)
    let all = model.plan.components.indices.filter { c in cells.contains { $0[c] != nil } }
    if all.isEmpty {
      lines.append("nobody is served")
    } else {
      lines += table(cells, all)
    }
    for copy in serving.copies {
      lines.append("copies of requests: \(percent(copy.probability)) to \(model.name(of: copy.version))")
    }
    if !serving.dark.isEmpty { lines.append("dark: " + serving.dark.map(model.name).joined(separator: ", ")) }
    return lines.map { ServingTable.indent + oneLine($0) }
  }

  // MARK: - Table

  private func table(_ cells: [[Int: String]], _ all: [Int]) -> [String] {
    let labels = serving.rows.map(label)
    let left = min(max("served by".count, labels.map(\.count).max() ?? 0), ServingTable.labelWidth)
    var columns = all
    var hidden = 0
    if blocks(columns, cells, left).count > 1 {
      let telling = all.filter { c in Set(serving.rows.indices.map { cells[$0][c] }).count > 1 || changes(c) }
      hidden = all.count - telling.count
      columns = telling
    }
    var lines: [String] = []
    for block in blocks(columns, cells, left) {
      let widths = block.map { width(of: $0, cells) }
      lines.append(line("served by", block.map { model.plan.components[$0].name }, left, widths))
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
      lines.append(columns.isEmpty ? "as before: \(counted(hidden, "component"))" : "as before: \(hidden) more")
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

  private func changes(_ c: Int) -> Bool { serving.rows.contains { $0.before[c] != $0.after[c] } }

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

  private func label(_ row: Serving.Row) -> String {
    switch row.start {
    case .unasked: return "nobody asks"
    case .exposure(let e):
      let isOnly = model.plan.exposures.count == 1
      let exposure = model.plan.exposures[e]
      let twins = model.plan.exposures.filter { $0.component == exposure.component }
      let by =
        model.plan[exposure.component].name
        + (twins.count > 1 ? ":\(exposure.port)\(exposure.path == "/" ? "" : exposure.path)" : "")
      let who = who(row, exposure.component)
      return isOnly ? who : "\(by): \(who)"
    }
  }

  private func who(_ row: Serving.Row, _ component: ComponentID) -> String {
    if let sticky = row.cohort.sticky {
      let version = model.plan[component].versions.first { $0.subset == sticky.value }?.name ?? sticky.value
      return "kept on \(version)"
    }
    if row.cohort.selectors.isEmpty {
      return serving.rows.contains { $0.start == row.start && $0.cohort != .others } ? "everybody else" : "everybody"
    }
    return row.cohort.selectors.map(\.words).joined(separator: " and ")
  }
}
