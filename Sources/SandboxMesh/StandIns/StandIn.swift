package import MeshModel

/// Answers in place of a program: what a component version's pods would say, without its image.
///
/// A stand-in is a value without state of its own. It first says which requests it makes, each through the mesh with
/// its pod's own labels, and then makes its answer of what came back. What it keeps lies in ``StandInData``, which lives
/// as long as the pod's container, or as long as its claim.
package protocol StandIn: Sendable {
  /// What it asks of others before it can answer, in this order.
  func calls(for request: Received, at pod: StandInPod) -> [OutgoingCall]

  /// `replies` has one answer for each of its calls.
  func answer(_ request: Received, at pod: StandInPod, _ replies: [MeshAnswer], data: inout StandInData)
    -> StandInAnswer
}

/// What a stand-in knows of the pod for which it answers.
package struct StandInPod: Sendable {
  package var identity: PodIdentity
  /// The image of its first container.
  package var image: String
  /// The variables whose values stand in the pod; those from Secrets and ConfigMaps are not read.
  package var environment: [String: String]
  /// The Services that the pod says it calls.
  package var calls: [String]

  /// The label `version`, else the image's tag.
  package var version: String {
    if let version = identity.version { return version }
    let name = image.split(separator: "/").last.map(String.init) ?? image
    return name.firstIndex(of: ":").map { String(name[name.index(after: $0)...]) } ?? "latest"
  }

  package init(identity: PodIdentity, image: String, environment: [String: String] = [:], calls: [String] = []) {
    self.identity = identity
    self.image = image
    self.environment = environment
    self.calls = calls
  }
}

/// A request as it arrives at a pod, after the mesh has changed its path and headers.
package struct Received: Sendable {
  /// Nil for a connection.
  package var method: String?
  package var path: String
  package var headers: [HTTPRequest.Header]
  package var body: String
  package var port: Int
  /// How many hops lie behind it, this one counted.
  package var depth: Int

  package func header(_ name: String) -> String? { headers.last { $0.name == name }?.value }
}

extension Traffic {
  var address: (host: String, port: Int) {
    switch self {
    case .http(let request): (request.dialled, request.port)
    case .tcp(let connection): (connection.host, connection.port)
    }
  }

  /// With headers that it has not got already.
  func adding(_ headers: [HTTPRequest.Header]) -> Traffic {
    guard case .http(var request) = self else { return self }
    for header in headers where !request.headers.contains(where: { $0.name == header.name }) {
      request.headers.append(header)
    }
    return .http(request)
  }
}

/// A request that a stand-in sends.
package struct OutgoingCall: Sendable {
  package var traffic: Traffic
  package var body: String

  package init(_ traffic: Traffic, body: String = "") {
    self.traffic = traffic
    self.body = body
  }
}

package struct StandInAnswer: Sendable {
  package var status: Int
  package var headers: [(name: String, value: String)]
  package var body: String
  /// For a connection: it is closed, since the bytes say nothing to this server.
  package var isRefused = false
  /// See ``Stub``.
  package var stubDepth: Int?
  /// Somebody wrote down that this fails: a ``Stub``, here or further down.
  package var isFailingStub = false

  package init(status: Int = 200, headers: [(name: String, value: String)] = [], body: String) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  package static let refused: StandInAnswer = {
    var answer = StandInAnswer(status: 0, body: "")
    answer.isRefused = true
    return answer
  }()

  /// A call has failed, and the program knows nothing better than to say so.
  package static func unavailable(_ pod: StandInPod, because reply: MeshAnswer) -> StandInAnswer {
    let hop = reply.hops.last { $0.failure != nil } ?? reply.hops.last
    let target = hop.map { "\($0.host):\($0.port)" } ?? "what it calls"
    let reason = reply.failure?.flag?.rawValue ?? reply.status.map(String.init) ?? "the connection failed"
    var answer = StandInAnswer(
      status: 503, headers: [("content-type", "text/plain; charset=utf-8")],
      body: "\(pod.identity): no answer from \(target): \(reason)\n")
    answer.isFailingStub = reply.isFailingStub
    return answer
  }
}

/// Numbers by name: enough for votes.
package struct StandInData: Hashable, Sendable {
  package var numbers: [String: Int] = [:]

  package init() {}
}
