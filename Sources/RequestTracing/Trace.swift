internal import MeshModel
package import SafetyChecks

/// One request as a person describes it, and where it begins.
package struct TracedRequest: Sendable {
  package enum Start: Hashable, Sendable {
    /// Through the gateways, by every `expose` of the plan.
    case gateways
    /// Through the gateways, by one `expose`: index into the plan's exposures.
    case exposure(Int)
    /// A version calls what it calls: index into the model's versions.
    case version(Int)
  }

  package var start: Start
  package var method: String
  /// Nil: the path that is exposed; `/` where a version calls.
  package var path: String?
  /// Nil: the name that is exposed.
  package var host: String?
  /// All cookies in one header, as browsers send them.
  package var headers: [(String, String)]

  package init(
    start: Start = .gateways, method: String = "GET", path: String? = nil, host: String? = nil,
    headers: [(String, String)] = []
  ) {
    self.start = start
    self.method = method
    self.path = path
    self.host = host
    self.headers = headers
  }
}

/// Where a request goes, hop by hop, and the requests that it causes.
package struct Trace: Hashable, Sendable {
  /// One call, and one of the ways that it may go.
  package struct Hop: Hashable, Sendable {
    /// The hop whose version sends this; nil where the request begins.
    package var parent: Int?
    package var source: Flow.Source
    /// Index of the component that is called.
    package var callee: Int
    /// What the sender dials.
    package var port: Int
    package var isHTTP: Bool
    /// Of the ways of this call; those of one call add up to 1.
    package var probability: Double
    package var end: Answer.End
    package var rule: DecidingRule?
    package var copies: [Answer.Copy]
    /// The way is this one only if the sender passes on the headers of the request that it serves.
    package var needsPassedHeaders = false
    /// The version's own calls stand under this hop, which comes earlier; -1: under the version that all began at.
    package var shownAt: Int?
  }

  /// Callers before what they call, calls in the order of the plan.
  package var hops: [Hop] = []
  /// The version that the request was to begin at is not deployed.
  package var isWithoutSender = false

  /// Sends `request` and follows it. What a version does with a request is the same whoever asked, so each version's
  /// calls are followed once: the number of hops is that of the live routes.
  package init(_ request: TracedRequest, in mesh: MeshSnapshot) {
    let model = mesh.model
    var firstHop: [Int: Int] = [:]
    var open: [Open] = []
    switch request.start {
    case .gateways: open = Trace.entries(request, model, nil)
    case .exposure(let e): open = Trace.entries(request, model, e)
    case .version(let version):
      guard mesh.replicas(of: version) != nil else {
        isWithoutSender = true
        return
      }
      firstHop[version] = -1
      open = Trace.calls(of: version, parent: nil, request.path ?? "/", request, mesh)
    }
    // Depth first, with a stack of its own: a chain of calls may be as long as the plan.
    open.reverse()
    while let next = open.popLast() {
      switch next {
      case .call(let call):
        let answer = call.answer ?? mesh.answer(call.client, call.traffic, isHTTP: call.isHTTP)
        for way in answer.ways.reversed() { open.append(.way(call, answer, way)) }
      case .way(let call, let answer, let way):
        var hop = Hop(
          parent: call.parent, source: call.source, callee: call.callee, port: call.port, isHTTP: call.isHTTP,
          probability: way.probability, end: way.end, rule: answer.rule, copies: answer.copies,
          needsPassedHeaders: call.needsPassedHeaders)
        if case .version(let version) = way.end {
          if let first = firstHop[version] {
            hop.shownAt = model.flowsFrom[version].isEmpty ? nil : first
          } else {
            firstHop[version] = hops.count
            open += Trace.calls(of: version, parent: hops.count, "/", request, mesh).reversed()
          }
        }
        hops.append(hop)
      }
    }
  }

  private enum Open {
    case call(Call)
    case way(Call, Answer, Answer.Way)
  }

  private struct Call {
    var parent: Int?
    var source: Flow.Source
    var callee: Int
    var port: Int
    var isHTTP: Bool
    var client: Client
    var traffic: Traffic
    var answer: Answer?
    var needsPassedHeaders = false
  }

  /// The request at each gateway that it may come in by. Two `expose` lines that it meets in the same way are one.
  private static func entries(_ request: TracedRequest, _ model: FlowModel, _ only: Int?) -> [Open] {
    var seen: Set<Traffic> = []
    var exposures: Set<Int> = []
    var all: [Open] = []
    for f in model.entryFlows {
      let flow = model.flows[f]
      guard case .entry(let e) = flow.source, only == nil || only == e, exposures.insert(e).inserted else { continue }
      var traffic = flow.traffic
      if case .http(let given) = flow.traffic {
        traffic = .http(
          HTTPRequest(
            host: request.host ?? given.authority, port: flow.port, path: request.path ?? given.target,
            method: request.method, headers: request.headers, scheme: given.scheme))
      }
      guard seen.insert(traffic).inserted else { continue }
      all.append(
        .call(
          Call(
            parent: nil, source: flow.source, callee: flow.callee, port: flow.port, isHTTP: flow.isHTTP,
            client: flow.client, traffic: traffic)))
    }
    return all
  }

  /// What a version sends while it serves the request. Headers go along; whether a rule looked at them is found out by
  /// asking without. Which of a callee's ports a version outside of releases dials is not known: those where nobody
  /// listens are left out as long as there is another.
  private static func calls(
    of version: Int, parent: Int?, _ path: String, _ request: TracedRequest, _ mesh: MeshSnapshot
  ) -> [Open] {
    let model = mesh.model
    var calls: [Call] = []
    for f in model.flowsFrom[version] where model.flows[f].cohort == .others {
      let flow = model.flows[f]
      var call = Call(
        parent: parent, source: flow.source, callee: flow.callee, port: flow.port, isHTTP: flow.isHTTP,
        client: flow.client, traffic: flow.traffic)
      if case .http(let given) = flow.traffic {
        call.traffic = .http(
          HTTPRequest(
            host: given.authority, port: flow.port, path: path, method: parent == nil ? request.method : "GET",
            headers: request.headers))
      }
      let answer = mesh.answer(call.client, call.traffic, isHTTP: call.isHTTP)
      call.answer = answer
      if parent != nil, !request.headers.isEmpty, call.isHTTP {
        call.needsPassedHeaders = mesh.answer(flow.client, flow.traffic, isHTTP: true).ways != answer.ways
      }
      calls.append(call)
    }
    let answered = calls.filter { $0.answer?.isUnanswered == false }
    var kept: [Call] = []
    for call in calls {
      let isOnly = !answered.contains { $0.callee == call.callee } && !kept.contains { $0.callee == call.callee }
      if call.answer?.isUnanswered == false || isOnly { kept.append(call) }
    }
    return kept.map { .call($0) }
  }

  /// The same ways by the same rules: what a person would tell apart.
  package func goesTheSameWay(as other: Trace) -> Bool {
    func plain(_ hops: [Hop]) -> [Hop] {
      hops.map { hop in
        var hop = hop
        hop.rule?.origin = nil
        return hop
      }
    }
    return isWithoutSender == other.isWithoutSender && plain(hops) == plain(other.hops)
  }
}
