import ArgumentParser
import Diagnostics
import Lowering
import RequestTracing
import RolloutPlan
import SafetyChecks

enum TextOrJSON: String, ExpressibleByArgument, CaseIterable { case text, json }

struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Show where a request goes before, during and after a step, hop by hop, and which rule decides.",
    discussion: """
      The request comes in at the gateway, by every `expose` of the plan, or begins at a version with `--from`, and is \
      followed along what each version calls. It is shown as it goes before the step, and from each phase on that \
      changes it. While a phase is being written a request may still go the way before it; that neither way fails is \
      what `rolloutc check` proves.

      Headers are taken to be passed on from hop to hop; where that decides, the output says so.

      EXAMPLES:
        rolloutc trace plans/aks-voting.rollout --step 3
      """)

  @OptionGroup var options: PlanOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Only this step: its number, its name or its folder.", valueName: "step"))
  var step: String?

  @Option(
    name: .customLong("cookie"),
    help: ArgumentHelp("A cookie of the request, or the name of one that the plan declares.", valueName: "name=value"))
  var cookies: [String] = []

  @Option(
    name: .customLong("header"),
    help: ArgumentHelp("A header of the request, or the name of one that the plan declares.", valueName: "name=value"))
  var headers: [String] = []

  @Option(help: ArgumentHelp("The path of the request; what is exposed unless said.", valueName: "path"))
  var path: String?

  @Option(help: ArgumentHelp("The method of the request.", valueName: "method"))
  var method = "GET"

  @Option(help: ArgumentHelp("The host that the request is for; the exposed one unless said.", valueName: "host"))
  var host: String?

  @Option(
    name: .customLong("from"),
    help: ArgumentHelp("Begin at this version instead of at the gateway.", valueName: "component@version"))
  var sender: String?

  @Option(name: [.customShort("o", allowingJoined: true), .long], help: "The form of the output.")
  var output: TextOrJSON = .text

  func run() throws {
    let (plan, compiled, resolution) = try options.request.compiled()
    let chosen = try steps(step, of: plan, compiled)
    let model = FlowModel(plan)
    let request = try request(model)
    if request.start == .gateways, plan.exposures.isEmpty {
      throw Failure("the plan exposes nothing; say where the request begins with `--from`", code: Exit.usage)
    }
    var mesh = MeshSnapshot(model)
    var traces: [(step: Int, trace: StepTrace)] = []
    for index in 0...(chosen.last ?? 0) where compiled.steps.indices.contains(index) {
      if chosen.contains(index) {
        traces.append((index, StepTrace(request, compiled.steps[index], &mesh)))
      } else {
        for segment in compiled.steps[index].segments { for phase in segment.phases { mesh.apply(phase) } }
      }
    }
    let review = Review(plan: plan, compiled: compiled, sources: resolution.sources, steps: chosen)
    switch output {
    case .text:
      let color = options.diagnostics.color
      let text = TraceText(
        review: review, model: model, request: request, colors: color == .always || color == .auto && IO.colorsOutput)
      IO.standardOutput(text.text(traces))
    case .json: IO.standardOutput(TraceJSON(review: review, model: model, request: request).bytes(traces))
    }
  }

  // MARK: - What was asked

  private func request(_ model: FlowModel) throws -> TracedRequest {
    var request = TracedRequest(method: method, path: path, host: host)
    guard !method.isEmpty, method.utf8.allSatisfy(isTokenByte) else { throw usage("`\(method)` is not an HTTP method") }
    if let path, !path.hasPrefix("/") || path.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) {
      throw usage("`\(path)` is not a path: it begins with `/` and has no blanks")
    }
    if let host, host.isEmpty || host.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F || $0 == 0x2F }) {
      throw usage("`\(host)` is not the name of a host")
    }
    var crumbs: [String] = []
    var fields: [(String, String)] = []
    for text in cookies {
      let pair = try pair(text, "cookie", model.plan.cookies.map { ($0.name, $0.selector) })
      crumbs.append(pair.count == 2 ? "\(pair[0])=\(pair[1])" : pair[0])
    }
    for text in headers {
      let pair = try pair(text, "header", model.plan.headers.map { ($0.name, $0.selector) })
      if pair[0].lowercased() == "cookie" { crumbs.append(pair[1]) } else { fields.append((pair[0], pair[1])) }
    }
    request.headers = (crumbs.isEmpty ? [] : [("cookie", crumbs.joined(separator: "; "))]) + fields
    if let sender { request.start = .version(try version(sender, model)) }
    return request
  }

  /// `name=value` as two texts; without `=`, what the plan's declaration of that name stands for.
  private func pair(_ text: String, _ noun: String, _ declared: [(name: String, selector: Selector)]) throws -> [String]
  {
    if let equals = text.firstIndex(of: "="), equals != text.startIndex {
      let (name, value) = (String(text[..<equals]), String(text[text.index(after: equals)...]))
      guard name.utf8.allSatisfy(isTokenByte) else { throw usage("`\(name)` is not the name of a \(noun)") }
      guard !value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) else {
        throw usage("the value of \(noun) `\(name)` has control characters")
      }
      return [name, value]
    }
    guard let found = declared.first(where: { $0.name == text }) else {
      let similar = nearest(to: text, in: declared.map(\.name))
      throw usage(
        "`--\(noun) \(text)` is neither NAME=VALUE nor a \(noun) that the plan declares"
          + (similar.map { "; a similar one is `\($0)`" } ?? ""))
    }
    let header = Cohort(selectors: [found.selector]).headers[0]
    guard noun == "cookie" else { return [header.0, header.1] }
    return header.1.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
  }

  private func version(_ text: String, _ model: FlowModel) throws -> Int {
    let plan = model.plan
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
      throw usage("`--from \(text)` is not COMPONENT@VERSION")
    }
    guard let component = plan.components.firstIndex(where: { $0.name == parts[0] }) else {
      let similar = nearest(to: parts[0], in: plan.components.map(\.name))
      throw usage("there is no component named `\(parts[0])`" + (similar.map { "; a similar name is `\($0)`" } ?? ""))
    }
    let versions = plan.components[component].versions
    guard let version = versions.firstIndex(where: { $0.name == parts[1] }) else {
      let known = versions.map { "`\($0.name)`" }.joined(separator: ", ")
      throw usage("`\(parts[0])` has no version `\(parts[1])`; it has \(known)")
    }
    return model.firstVersion[component] + version
  }

  private func usage(_ message: String) -> Failure { Failure(message, code: Exit.usage) }
}

/// RFC 9110: `tchar`.
private func isTokenByte(_ byte: UInt8) -> Bool {
  switch byte {
  case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
  default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }
}
