internal import KubernetesModel
internal import MeshModel
package import Sandbox

extension Traffic {
  fileprivate var host: String {
    switch self {
    case .http(let request): request.authority
    case .tcp(let connection): connection.host
    }
  }

  fileprivate var port: Int {
    switch self {
    case .http(let request): request.port
    case .tcp(let connection): connection.port
    }
  }
}

extension MeshFront {
  /// What a request may cause, mirrors and all; a request that goes round in circles ends here.
  private static let limits = (depth: 16, hops: 256)
  /// Istio: a request that no connection could be made for is tried on other pods (`retries.attempts` unless given).
  private static let retries = 2

  /// Sends a request at `moment`, which never lies before an earlier one, and follows it to its end.
  package mutating func request(_ request: MeshRequest, at moment: Timestamp) -> MeshAnswer {
    now = max(now, moment)
    timeline.settle(now)
    var trail = Trail()
    let sender: Sender
    switch request.source {
    case .visitor: sender = Sender(party: .gateway, client: gateway, number: 0, delay: gatewayDelay, uid: nil)
    case .outsider(let namespace):
      sender = Sender(
        party: .outsider(namespace: namespace), client: .plain(namespace: namespace),
        number: number(of: .plain(namespace: namespace)), delay: 0, uid: nil)
    case .pod(let namespace, let name):
      let id = ObjectID(group: "", kind: "Pod", namespace: namespace, name: name)
      guard let record = pods[id], record.isRunning else {
        let identity = PodIdentity(namespace: namespace, name: name)
        return MeshAnswer(failure: .podNotRunning(identity))
      }
      sender = Sender(record)
    }
    var answer = send(request.traffic, body: request.body, from: sender, depth: 0, &trail)
    answer.hops = trail.hops
    return answer
  }

  /// The lines for the pods' logs since the last call.
  package mutating func takeLines() -> [PodLine] {
    defer { lines = [] }
    return lines
  }

  private struct Trail {
    var hops: [MeshHop] = []
    /// The hosts that are being called, one for the other.
    var path: [String] = []
  }

  struct Sender {
    var party: MeshParty
    var client: Client
    var number: Int
    var delay: Int
    /// Of the pod, for its proxy's log.
    var uid: String?

    init(party: MeshParty, client: Client, number: Int, delay: Int, uid: String?) {
      self.party = party
      self.client = client
      self.number = number
      self.delay = delay
      self.uid = uid
    }

    init(_ record: PodRecord) {
      self.init(
        party: .pod(record.identity), client: record.client, number: record.clientNumber,
        delay: record.propagationDelay, uid: record.uid)
    }
  }

  // MARK: - One hop

  private mutating func send(
    _ traffic: Traffic, body: String, from sender: Sender, depth: Int, _ trail: inout Trail
  ) -> MeshAnswer {
    let (host, port) = (traffic.host, traffic.port)
    let place = trail.hops.count
    var hop = MeshHop(caller: sender.party, depth: depth, host: host, port: port, decision: .none)
    trail.hops.append(hop)
    guard depth < MeshFront.limits.depth, trail.hops.count < MeshFront.limits.hops else {
      return finish(MeshAnswer(status: traffic.isHTTP ? 508 : nil, failure: .tooManyHops), &hop, place, &trail)
    }
    let seen = now.advanced(by: -sender.delay)
    let result = timeline.route(sender.client, sender.number, traffic, asOf: seen)
    hop.decision = result.decision
    trail.hops[place] = hop
    let outcome = choose(result)
    var answer: MeshAnswer
    switch outcome {
    case .destination(let destination):
      hop.subset = destination.subset
      answer = deliver(traffic, body, to: Arrival(destination), from: sender, &hop, place, &trail)
    case .redirect(let redirect):
      answer = MeshAnswer(status: redirect.status, headers: [("location", redirect.location)])
    case .directResponse(let status, let text): answer = MeshAnswer(status: status, body: text ?? "")
    case .abort(let status): answer = MeshAnswer(status: status, body: "fault filter abort")
    case .failure(let failure):
      hop.subset = failure.subset
      if case .mutualTLS = failure.reason, let recovered = secondOpinion(failure) {
        answer = deliver(traffic, body, to: recovered, from: sender, &hop, place, &trail)
      } else {
        answer = failed(.proxy(failure), status: failure.httpStatus)
      }
    case .delegated(let name):
      answer = MeshAnswer(
        status: traffic.isHTTP ? 501 : nil,
        body: "the rules of VirtualService \(name), a delegate, are not followed here")
    case .passthrough(let host, let port):
      // Nothing is outside of a sandbox.
      let failure = Failure(flag: nil, httpStatus: nil, reason: .unknownHost, host: host, port: port)
      answer = failed(.proxy(failure), status: nil)
    }
    let done = finish(answer, &hop, place, &trail)
    if keepsLines { note(traffic, hop, outcome, done, from: sender) }
    return done
  }

  private func finish(_ answer: MeshAnswer, _ hop: inout MeshHop, _ place: Int, _ trail: inout Trail) -> MeshAnswer {
    hop.status = answer.status
    // A failure further down belongs to the hop on which it happened.
    if answer.answeredBy == nil { hop.failure = answer.failure }
    hop.callee = hop.callee ?? answer.answeredBy
    trail.hops[place] = hop
    return answer
  }

  private func failed(_ failure: MeshFailure, status: Int?) -> MeshAnswer {
    MeshAnswer(
      status: status, headers: status == nil ? [] : [("content-type", "text/plain")], body: failure.text,
      failure: failure)
  }

  private mutating func choose(_ result: RouteResult) -> Outcome {
    if let only = result.only { return only }
    var left = numbers.fraction()
    for branch in result.branches {
      left -= branch.probability
      if left < 0 { return branch.outcome }
    }
    // The rest of a rounding error; a result without any branch cannot be made.
    return result.branches.last?.outcome
      ?? .failure(Failure(flag: .noClusterFound, httpStatus: 503, reason: .noDestination))
  }

  /// A pod refused by the client's word; the pod's own proxy may have later or earlier news.
  private mutating func secondOpinion(_ failure: Failure) -> Arrival? {
    guard !timeline.isSettled, case .mutualTLS(let client, _) = failure.reason, let port = failure.port else {
      return nil
    }
    let candidates = failure.workloads.filter { pods[$0] != nil }
    guard !candidates.isEmpty else { return nil }
    let chosen = candidates[Int(numbers.next() % UInt64(candidates.count))]
    let security: Destination.Security =
      switch client {
      case .plaintext: .plaintext
      case .istioMutual: .mutualTLS
      case .originated: .originatedTLS
      }
    guard refusal(chosen, port, security) == nil else { return nil }
    return Arrival(
      via: .cluster, security: security, endpoints: [Endpoint(workload: chosen, ready: 1, targetPort: port)],
      forwarding: nil)
  }

  /// Why the pod's own proxy refuses a connection; nil where it takes it.
  private mutating func refusal(_ pod: ObjectID, _ port: Int, _ security: Destination.Security) -> Failure? {
    guard let record = pods[pod] else { return nil }
    let client: ClientTLS =
      switch security {
      case .plaintext: .plaintext
      case .mutualTLS: .istioMutual
      case .originatedTLS: .originated
      }
    let seen = now.advanced(by: -record.propagationDelay)
    guard let server = timeline.serverTLS(of: pod, port: port, asOf: seen) else { return nil }
    switch Handshake(client, server, isServerFirst: false) {
    case .served: return nil
    case .refused(let flag, let reason):
      return Failure(flag: flag, httpStatus: 503, reason: reason, port: port, workloads: [pod])
    }
  }

  // MARK: - At the pod

  /// What of a destination counts once the cluster is chosen.
  private struct Arrival {
    var via: Destination.Via
    var security: Destination.Security
    var endpoints: [Endpoint]
    var forwarding: Forwarding?

    init(
      via: Destination.Via, security: Destination.Security, endpoints: [Endpoint], forwarding: Forwarding?
    ) {
      self.via = via
      self.security = security
      self.endpoints = endpoints
      self.forwarding = forwarding
    }

    init(_ destination: Destination) {
      self.init(
        via: destination.via, security: destination.security, endpoints: destination.endpoints,
        forwarding: destination.forwarding)
    }
  }

  private mutating func deliver(
    _ traffic: Traffic, _ body: String, to destination: Arrival, from sender: Sender, _ hop: inout MeshHop,
    _ place: Int, _ trail: inout Trail
  ) -> MeshAnswer {
    copy(traffic, body, destination.forwarding?.mirrors ?? [], from: sender, depth: hop.depth, &trail)
    var candidates = destination.endpoints
    var failure: MeshFailure?
    let attempts = traffic.isHTTP && destination.via == .cluster ? 1 + MeshFront.retries : 1
    for attempt in 0..<attempts {
      guard let index = choose(candidates) else { break }
      let endpoint = candidates.remove(at: index)
      hop.retries = attempt
      guard let record = pods[endpoint.workload], record.isRunning else {
        let identity =
          pods[endpoint.workload]?.identity
          ?? PodIdentity(namespace: endpoint.workload.namespace, name: endpoint.workload.name)
        hop.callee = identity
        failure = .podNotRunning(identity)
        continue
      }
      hop.callee = record.identity
      if !timeline.isSettled, let refused = refusal(endpoint.workload, endpoint.targetPort, destination.security) {
        // No proxy is there to write a flag for a client without one.
        var refused = refused
        if destination.via == .kubeProxy { (refused.flag, refused.httpStatus) = (nil, nil) }
        failure = .proxy(refused)
        continue
      }
      trail.hops[place] = hop
      return answer(traffic, body, endpoint, destination, depth: hop.depth, &hop, &trail)
    }
    let shown = failure ?? .proxy(Failure(flag: .noHealthyUpstream, httpStatus: 503, reason: .noReadyEndpoints))
    return failed(shown, status: traffic.isHTTP && destination.via != .kubeProxy ? 503 : nil)
  }

  /// One of the endpoints, each as likely as it has ready pods.
  private mutating func choose(_ endpoints: [Endpoint]) -> Int? {
    if endpoints.count < 2 { return endpoints.indices.first }
    let total = endpoints.reduce(0) { $0 + $1.ready }
    var left = Int(numbers.next() % UInt64(max(1, total)))
    for (index, endpoint) in endpoints.enumerated() {
      left -= endpoint.ready
      if left < 0 { return index }
    }
    return endpoints.indices.last
  }

  private mutating func answer(
    _ traffic: Traffic, _ body: String, _ endpoint: Endpoint, _ destination: Arrival, depth: Int,
    _ hop: inout MeshHop, _ trail: inout Trail
  ) -> MeshAnswer {
    guard let record = pods[endpoint.workload] else { return MeshAnswer() }
    let received = received(traffic, body, endpoint, destination.forwarding, depth: depth + 1)
    let sender = Sender(record)
    var replies: [MeshAnswer] = []
    let passedOn = received.headers.filter { standIns.passedOn.contains($0.name) }
    for call in record.standIn.calls(for: received, at: record.pod) {
      // Programs that call each other do not answer one request by asking for it again.
      let host = call.traffic.host
      if trail.path.contains(host) { continue }
      trail.path.append(host)
      replies.append(send(call.traffic.adding(passedOn), body: call.body, from: sender, depth: depth + 1, &trail))
      trail.path.removeLast()
    }
    let own = record.standIn.answer(
      received, at: record.pod, replies, data: &data[record.dataKey, default: StandInData()])
    if keepsLines { lines.append(PodLine(uid: record.uid, container: nil, text: line(received, own))) }
    if own.isRefused {
      var refused = failed(.wrongProtocol(record.identity), status: traffic.isHTTP ? 503 : nil)
      refused.isFailingStub = own.isFailingStub
      return refused
    }
    var answer = MeshAnswer(
      status: traffic.isHTTP ? own.status : nil, headers: own.headers, body: own.body,
      failure: replies.lazy.compactMap(\.failure).first, answeredBy: record.identity, stubDepth: own.stubDepth)
    answer.isFailingStub = own.isFailingStub
    // A program that could do without what failed has not failed.
    if own.status < 400 { answer.failure = nil }
    if let forwarding = destination.forwarding { apply(forwarding.headers.response, to: &answer.headers) }
    return answer
  }

  private func received(
    _ traffic: Traffic, _ body: String, _ endpoint: Endpoint, _ forwarding: Forwarding?, depth: Int
  ) -> Received {
    switch traffic {
    case .tcp: return Received(method: nil, path: "", headers: [], body: body, port: endpoint.targetPort, depth: depth)
    case .http(let request):
      var headers = request.headers
      for operation in forwarding?.headers.request ?? [] {
        if operation.kind != .add { headers.removeAll { $0.name == operation.name } }
        if operation.kind != .remove {
          headers.append(HTTPRequest.Header(name: operation.name, value: operation.value))
        }
      }
      return Received(
        method: request.method, path: forwarding?.path ?? request.target, headers: headers, body: body,
        port: endpoint.targetPort, depth: depth)
    }
  }

  private func apply(_ operations: [HeaderOperations.Operation], to headers: inout [(name: String, value: String)]) {
    for operation in operations {
      if operation.kind != .add { headers.removeAll { $0.name == operation.name } }
      if operation.kind != .remove { headers.append((operation.name, operation.value)) }
    }
  }

  /// Copies go where a mirror says; nobody waits for them.
  private mutating func copy(
    _ traffic: Traffic, _ body: String, _ mirrors: [Mirror], from sender: Sender, depth: Int, _ trail: inout Trail
  ) {
    for mirror in mirrors where mirror.probability >= 1 || numbers.fraction() < mirror.probability {
      var hop = MeshHop(
        caller: sender.party, depth: depth, host: mirror.host, port: mirror.port, decision: .none,
        subset: mirror.subset, isMirror: true)
      guard trail.hops.count < MeshFront.limits.hops else { return }
      if let index = choose(mirror.endpoints), let record = pods[mirror.endpoints[index].workload], record.isRunning {
        let endpoint = mirror.endpoints[index]
        let received = received(traffic, body, endpoint, nil, depth: depth + 1)
        let own = record.standIn.answer(
          received, at: record.pod, [], data: &data[record.dataKey, default: StandInData()])
        hop.callee = record.identity
        hop.status = own.status
      } else {
        hop.failure = mirror.failure.map { .proxy($0) }
      }
      trail.hops.append(hop)
    }
  }
}

extension Traffic {
  var isHTTP: Bool { if case .http = self { true } else { false } }
}
