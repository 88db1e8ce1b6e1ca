import DiagnosticRendering
import Diagnostics
import KubernetesModel
import Lowering
import RequestTracing
import RolloutPlan
import SafetyChecks

/// Traces as trees for a terminal.
struct TraceText {
  let review: Review
  let model: FlowModel
  let request: TracedRequest
  let colors: Bool

  func text(_ traces: [(step: Int, trace: StepTrace)]) -> String {
    var text = "plan \(model.plan.name): \(request.words(model))\n"
    for (step, trace) in traces { text += "\n" + self.text(of: step, trace) }
    return text
  }

  private func text(of index: Int, _ trace: StepTrace) -> String {
    let step = review.plan.steps[index]
    var text = bold("\(index + 1)  \(oneLine(step.name))") + dim("  (\(review.place(of: step)))") + "\n"
    if trace.changes.isEmpty { return text + section("before, during and after", trace.before) }
    text += section("before", trace.before)
    for (i, change) in trace.changes.enumerated() {
      let isLast = i == trace.changes.count - 1
      let place = words(change.place, of: review.compiled.steps[index])
      text += section("from \(place) on" + (isLast ? ", and after the step" : ""), change.trace)
    }
    return text
  }

  /// `phase 5 of 5, switch the entry`, with the part of the step where it has several.
  private func words(_ place: StepTrace.Place, of step: CompiledStep) -> String {
    let count = step.segments[place.segment].phases.count
    let title = place.kind.title.prefix { $0 != ":" }
    let part = step.segments.count > 1 ? "part \(place.segment + 1) of \(step.segments.count), " : ""
    return "\(part)phase \(place.phase + 1) of \(count) (\(title))"
  }

  private func section(_ title: String, _ trace: Trace) -> String {
    var text = "   \(title)\n"
    if trace.isWithoutSender, case .version(let version) = request.start {
      return text + "     \(name(version)) is not deployed\n"
    }
    let lines = TraceTree(trace, model).lines(request)
    let width = min(lines.map { $0.indent.count + $0.head.count }.max() ?? 0, 44)
    for line in lines {
      let head = line.indent + line.head
      let gap = String(repeating: " ", count: max(2, width - head.count + 2))
      text += "     \(dim(line.indent))\(line.isFailure ? red(line.head) : line.head)"
      let why = line.hop.map(why) ?? ""
      if !why.isEmpty { text += gap + dim(why) }
      text += "\n"
    }
    return text
  }

  /// `cookie-featureflag-on, VirtualService/voting-app, line 123`.
  private func why(_ hop: Trace.Hop) -> String {
    var parts: [String] = []
    if let rule = hop.rule {
      if let name = rule.name { parts.append(oneLine(name)) }
      parts.append(rule.object.description + (rule.origin.map { " (\(review.shortPlace($0)))" } ?? ""))
    } else if case .version = hop.end {
      parts.append("no rule: every pod of the Service")
    }
    if hop.needsPassedHeaders, case .caller(let version) = hop.source {
      parts.append("only if \(model.plan[model.versions[version].component].name) passes the headers on")
    }
    for copy in hop.copies { parts.append("\(percent(copy.probability)) copied to \(name(copy.version))") }
    return parts.joined(separator: ", ")
  }

  private func name(_ version: Int) -> String { model.name(of: version) }

  private func bold(_ text: String) -> String { colored(text, "1") }
  private func dim(_ text: String) -> String { colored(text, "2") }
  private func red(_ text: String) -> String { colored(text, "31") }
  private func colored(_ text: String, _ code: String) -> String {
    colors && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

/// The hops of a trace as lines with their branches.
private struct TraceTree {
  struct Line {
    /// `│  └─ `
    var indent: String
    var head: String
    var isFailure = false
    var hop: Trace.Hop?
  }

  let trace: Trace
  let model: FlowModel
  private let children: [[Int]]

  init(_ trace: Trace, _ model: FlowModel) {
    self.trace = trace
    self.model = model
    var children = [[Int]](repeating: [], count: trace.hops.count)
    for (i, hop) in trace.hops.enumerated() { if let parent = hop.parent { children[parent].append(i) } }
    self.children = children
  }

  func lines(_ request: TracedRequest) -> [Line] {
    var lines: [Line] = []
    let roots = trace.hops.indices.filter { trace.hops[$0].parent == nil }
    if case .version(let version) = request.start {
      lines.append(Line(indent: "", head: model.name(of: version)))
      if roots.isEmpty { lines.append(Line(indent: "", head: "calls nothing")) }
      append(roots, &lines)
      return lines
    }
    var i = 0
    while i < roots.count {
      let source = trace.hops[roots[i]].source
      let group = Array(roots[i...].prefix { trace.hops[$0].source == source })
      lines.append(Line(indent: "", head: gateway(source)))
      append(group, &lines)
      i += group.count
    }
    return lines
  }

  private func append(_ roots: [Int], _ lines: inout [Line]) {
    var open: [(hop: Int, indent: String, isLast: Bool)] = []
    func push(_ hops: [Int], _ indent: String) {
      for (i, hop) in hops.enumerated().reversed() { open.append((hop, indent, i == hops.count - 1)) }
    }
    push(roots, "")
    while let (i, indent, isLast) = open.popLast() {
      lines.append(line(trace.hops[i], indent + (isLast ? "└─ " : "├─ ")))
      push(children[i], indent + (isLast ? "   " : "│  "))
    }
  }

  private func gateway(_ source: Flow.Source) -> String {
    guard case .entry(let e) = source else { return "" }
    let exposure = model.plan.exposures[e]
    return "gateway, port \(exposure.port)"
  }

  private func line(_ hop: Trace.Hop, _ indent: String) -> Line {
    let share = hop.probability < 1 - 1e-9 ? percent(hop.probability) + " " : ""
    let callee = model.plan.components[hop.callee].name
    switch hop.end {
    case .version(let version):
      let mark = hop.shownAt == nil ? "" : " (see above)"
      return Line(indent: indent, head: share + model.name(of: version) + mark, hop: hop)
    case .failure(let failure):
      return Line(indent: indent, head: "\(share)\(callee): \(oneLine(failure.words))", isFailure: true, hop: hop)
    case .proxy(let status):
      return Line(indent: indent, head: "\(share)\(callee): the proxy answers \(status)", hop: hop)
    case .outside:
      return Line(
        indent: indent, head: "\(share)\(callee): there is no such service yet or any more", isFailure: true, hop: hop)
    }
  }
}

extension TracedRequest {
  /// `GET / on port 80, with cookie featureflag=on`.
  func words(_ model: FlowModel) -> String {
    var text = "\(method) \(path.map(oneLine) ?? defaultPath(model))"
    if let host { text += ", host \(oneLine(host))" }
    if case .version(let version) = start { text += " from \(model.name(of: version))" }
    let marks = headers.map { "\($0.0 == "cookie" ? "cookie" : "header \($0.0):") \($0.1)" }
    if !marks.isEmpty { text += " with " + oneLine(marks.joined(separator: ", ")) }
    return text
  }

  private func defaultPath(_ model: FlowModel) -> String {
    guard case .gateways = start else { return "/" }
    let paths = Set(model.plan.exposures.map(\.path))
    return paths.count == 1 ? paths.first ?? "/" : "to every exposed path"
  }
}
