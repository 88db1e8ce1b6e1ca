internal import ApplyEngine
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan
internal import SandboxMesh

/// What a `rehearsal` block says: stubs in place of the programs, and what must come of it.
extension Rehearsal {
  var neverReady: [VersionID] {
    (script?.stubs ?? []).compactMap { if case .neverReady(let version) = $0.stub { version } else { nil } }
  }

  var answer: Bool {
    for stub in script?.stubs ?? [] { if case .approve(let answer) = stub.stub { return answer } }
    return true
  }

  var metrics: [Int: Double] {
    var values: [Int: Double] = [:]
    for stub in script?.stubs ?? [] { if case .metric(let metric, let value) = stub.stub { values[metric] = value } }
    return values
  }

  /// Stubs lie over whatever stands in for the version otherwise.
  func standIns() -> StandIns {
    var replies: [VersionID: [Stub.Reply]] = [:]
    var order: [VersionID] = []
    for entry in script?.stubs ?? [] {
      let (version, reply): (VersionID, Stub.Reply)
      switch entry.stub {
      case .answers(let stubbed, let probe, let text):
        let declared = plan.probes[probe]
        (version, reply) = (
          stubbed,
          Stub.Reply(
            method: declared.method, path: String(declared.path.prefix { $0 != "?" }), contentType: "text/plain",
            body: text)
        )
      case .status(let stubbed, let status): (version, reply) = (stubbed, Stub.Reply(status: status, body: "stub"))
      case .metric, .approve, .neverReady: continue
      }
      if replies[version] == nil { order.append(version) }
      replies[version, default: []].append(reply)
    }
    var standIns = StandIns()
    for (i, component) in plan.components.enumerated() {
      for (v, version) in component.versions.enumerated() {
        let id = VersionID(ComponentID(i), v)
        let (place, calls) = (place(id), calls(of: id))
        standIns.edges[place] = calls
        standIns.byVersion[place] = StandIns.known(version.image).map { Thorough($0, edges: calls) }
      }
    }
    for version in order {
      let place = place(version)
      let base = standIns.byVersion[place] ?? DefaultStandIn(edges: standIns.edges[place] ?? [])
      // Whatever the order of the lines: a version that fails does so whatever else it is to answer, and what it answers
      // to one probe wins over what it answers to all.
      let all = replies[version] ?? []
      let failing = all.filter { $0.status >= 400 }
      let rest = all.filter { $0.status < 400 }
      standIns.byVersion[place] = Stub(
        failing + rest.filter { $0.path != nil } + rest.filter { $0.path == nil }, over: base)
    }
    // A rule inside the mesh that looks at a header says that the callers hand it on.
    for selector in selectors {
      switch selector {
      case .header(let name, _), .headerMatches(let name, _): standIns.passedOn.insert(name.lowercased())
      case .cookie: break
      }
    }
    return standIns
  }

  private func place(_ version: VersionID) -> StandIns.Version {
    let workload = itinerary.compiled.renderer.workload(version)
    return StandIns.Version(namespace: plan.namespace, app: workload.app, version: workload.version)
  }

  /// Whom a program calls of which only the plan knows: every port of each callee, in the caller's release where it has one;
  /// else those that are there whenever it calls.
  private func calls(of caller: VersionID) -> [CallEdge] {
    let version = plan[caller]
    return version.calls.flatMap { callee -> [CallEdge] in
      let component = plan[callee]
      let inRelease = component.versions.first { other in other.releases.contains { version.releases.contains($0) } }
      var ports = (inRelease ?? component.versions.first)?.ports ?? []
      if inRelease == nil, let dialed = plan.dialedPorts[Call(caller: caller, callee: callee)] {
        ports = []
        for port in component.versions.flatMap(\.ports)
        where dialed.contains(port.number) && !ports.contains(where: { $0.number == port.number }) {
          ports.append(port)
        }
      }
      return ports.map { CallEdge(host: component.service, port: $0.number, isHTTP: $0.proto.isHTTP) }
    }
  }

  private var plan: Plan { itinerary.plan }

  // MARK: - Expectations

  func unmetExpectations(
    _ script: RehearsalScript, _ result: RunResult, _ mesh: LiveMesh, _ traffic: RehearsalTraffic, _ time: VirtualTime
  ) -> [Diagnostic] {
    let expectations =
      script.expectations.isEmpty ? [(expectation: .done, range: script.range)] : script.expectations
    return expectations.compactMap { expectation, range in
      problem(expectation, result, mesh, traffic, time).map { message, notes in
        Diagnostic(.unmetExpectation, message, at: Label(range, "expected here"), notes: notes)
      }
    }
  }

  private func problem(
    _ expectation: RehearsalScript.Expectation, _ result: RunResult, _ mesh: LiveMesh, _ traffic: RehearsalTraffic,
    _ time: VirtualTime
  ) -> (String, [String])? {
    switch expectation {
    case .done:
      if result.outcome == .done || result.outcome == .unchanged { return nil }
      return (
        "the rehearsal ended `\(result.outcome.rawValue)`, not done",
        result.failure.map { ["\($0.diagnostic.message)"] + $0.diagnostic.notes } ?? []
      )
    case .failsAt(let step):
      let name = plan.steps[step].name
      guard let failure = result.failure else { return ("nothing failed; `\(name)` was to fail", []) }
      if failure.place.step == step { return nil }
      return ("`\(plan.steps[failure.place.step].name)` failed, not `\(name)`", [failure.diagnostic.message])
    case .serves(let version, let visitor):
      let workload = itinerary.compiled.renderer.workload(version)
      let wanted = "\(workload.app) \(workload.version)"
      let headers: [(String, String)] =
        switch visitor {
        case .all: []
        case .selected(let selector): visitorHeaders(selector)
        }
      let callers = plan.callers(of: version.component)
      for exposure in plan.exposures where callers.contains(exposure.component) {
        let request = MeshRequest(
          host: visitorHost(exposure), port: exposure.port, path: exposure.path, headers: headers)
        // Several, for shares.
        for _ in 0..<20 {
          guard let answer = time.run({ await mesh.request(request) }) else { continue }
          let chain = answer.hops.compactMap { hop in hop.isMirror ? nil : hop.callee.map { "\($0)" } }
          if chain.contains(wanted) { continue }
          return (
            "\(wanted) does not serve \(visitor.words)",
            ["the request came by \(chain.isEmpty ? "nobody" : chain.joined(separator: ", "))"]
          )
        }
      }
      return nil
    case .neverCalls(let caller, let callee):
      let renderer = itinerary.compiled.renderer
      let pair = [renderer.workload(caller), renderer.workload(callee)].map { "\($0.app) \($0.version)" }
      return traffic.calls.contains(pair) ? ("\(pair[0]) called \(pair[1])", []) : nil
    }
  }
}

extension RehearsalScript.Visitor {
  fileprivate var words: String {
    switch self {
    case .all: "everybody"
    case .selected(.cookie(let key, let value)): "visitors with the cookie `\(key)\(value.map { "=\($0)" } ?? "")`"
    case .selected(.header(let key, let value)): "visitors with the header `\(key): \(value)`"
    case .selected(.headerMatches(let key, _)): "visitors with the header `\(key)`"
    }
  }
}

struct StubDecider: Decider {
  let answer: Bool

  func answer(to question: Question) async -> Answer? {
    Answer(isYes: answer, by: question.by.first ?? "the rehearsal")
  }
}

/// What stubs say; rates else from the requests that were really made. Latencies are not simulated, and of other programs'
/// numbers nothing is known: without a stub there is nothing to read.
struct StubMetrics: MetricSource {
  let values: [Int: Double]
  let counter: TrafficCounter
  let plan: Plan
  /// Lets every visitor ask once.
  let ask: @Sendable () async -> Void

  /// A share of 1 % is met by one of so many with near certainty, at one of several readings.
  private static let mostRounds = 200

  func reading(of metric: Int, for version: WorkloadRef?) async throws(MetricError) -> MetricReading {
    if let value = values[metric] { return .value(value) }
    guard case .istio(let kind, let component) = plan.metrics[metric].source, kind.isRate else {
      let declared = plan.metrics[metric]
      throw MetricError(
        "a rehearsal has no numbers for `\(declared.name)`: say in its block what it reads, as in `stub \(declared.name) is \(declared.goodValue)`"
      )
    }
    // A rehearsal has a few visitors, and a small share may have met none of them yet.
    var rounds = 0
    while rounds < Self.mostRounds, case .noData = rate(kind, component, version) {
      await ask()
      rounds += 1
    }
    return rate(kind, component, version)
  }

  private func rate(_ kind: Metric.IstioMetric, _ component: ComponentID?, _ version: WorkloadRef?) -> MetricReading {
    let traffic = counter.traffic
    let good = traffic.served.reduce(0) { sum, entry in
      let isMeant = entry.key.servedBy.split(separator: ", ").contains { server in
        if let version { return server == "\(version.app) \(version.version)" }
        return component.map { server.hasPrefix(plan[$0].service + " ") } ?? true
      }
      return isMeant ? sum + entry.value : sum
    }
    let bad = traffic.failed + traffic.failedAsStubbed
    guard good + bad > 0 else { return .noData }
    let success = 100 * Double(good) / Double(good + bad)
    return .value(kind == .successRate ? success : 100 - success)
  }

  func traffic(to version: WorkloadRef) async throws(MetricError) -> MetricReading { .noData }
}

extension Plan {
  /// Who may send requests on to `component`, by whatever way; it itself is one of them.
  fileprivate func callers(of component: ComponentID) -> Set<ComponentID> {
    var all: Set = [component]
    var queue = [component]
    while let callee = queue.popLast() {
      for c in components.indices where components[c].versions.contains(where: { $0.calls.contains(callee) }) {
        if all.insert(ComponentID(c)).inserted { queue.append(ComponentID(c)) }
      }
    }
    return all
  }
}

extension Metric {
  /// A value that keeps the bound, as a plan has it.
  fileprivate var goodValue: String {
    var (isRate, isLatency) = (false, false)
    if case .istio(let kind, _) = source { (isRate, isLatency) = (kind.isRate, !kind.isRate) }
    let value =
      switch comparison {
      case .atLeast, .atMost: threshold
      case .below: threshold > 0 ? threshold / 2 : threshold - 1
      case .above: isRate ? (threshold + 100) / 2 : threshold > 0 ? threshold * 2 : threshold + 1
      }
    if isLatency { return "\(Int(value.rounded(comparison == .above ? .up : .down)))ms" }
    return shown(value)
  }
}
