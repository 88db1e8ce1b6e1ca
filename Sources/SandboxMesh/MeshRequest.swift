package import MeshModel

/// A request or connection on its way into the mesh, or inside of it.
package struct MeshRequest: Hashable, Sendable {
  package enum Source: Hashable, Sendable {
    /// From outside, through the ingress gateway; the port of the traffic is that of the gateway's server.
    case visitor
    case pod(namespace: String, name: String)
    /// From something in the cluster that has no proxy, such as the API server's service proxy.
    case outsider(namespace: String)
  }

  package var source: Source
  package var traffic: Traffic
  package var body: String

  package init(from source: Source = .visitor, _ traffic: Traffic, body: String = "") {
    self.source = source
    self.traffic = traffic
    self.body = body
  }

  /// A visitor's request.
  package init(
    _ method: String = "GET", host: String = "localhost", port: Int = 80, path: String = "/",
    headers: [(String, String)] = [], body: String = ""
  ) {
    self.init(
      .http(HTTPRequest(host: host, port: port, path: path, method: method, headers: headers)), body: body)
  }
}

/// Who stands at an end of a hop.
package enum MeshParty: Hashable, Sendable {
  case gateway
  /// Without a proxy.
  case outsider(namespace: String)
  case pod(PodIdentity)

  package var pod: PodIdentity? { if case .pod(let pod) = self { pod } else { nil } }
}

/// A pod as a person knows it.
package struct PodIdentity: Hashable, Sendable, CustomStringConvertible {
  package var namespace: String
  package var name: String
  /// The labels `app` and `version`, where it has them.
  package var app: String?
  package var version: String?

  /// `voting-app 1.0`, or the pod's name.
  package var description: String { app.map { app in version.map { "\(app) \($0)" } ?? app } ?? name }
}

/// One request from one proxy to another, or to nobody.
package struct MeshHop: Hashable, Sendable {
  package var caller: MeshParty
  /// How many hops lie before it.
  package var depth: Int
  /// What was dialled.
  package var host: String
  package var port: Int
  /// Which VirtualService and which of its rules chose.
  package var decision: Decision
  package var subset: String?
  /// Nil where nobody was reached.
  package var callee: PodIdentity?
  /// What the caller got back; nil for a connection, and where it broke.
  package var status: Int?
  package var failure: MeshFailure?
  /// A copy that nobody waits for.
  package var isMirror = false
  /// Pods that did not answer before one did.
  package var retries = 0
}

/// What went wrong on a hop.
package enum MeshFailure: Hashable, Sendable {
  /// A proxy says so.
  case proxy(Failure)
  /// The pod that a proxy chose is gone, or its container is not running (Envoy: UF).
  case podNotRunning(PodIdentity)
  /// The server closed a connection whose bytes it does not understand (Envoy: UC).
  case wrongProtocol(PodIdentity)
  /// A request went round in circles, or called more than the front follows.
  case tooManyHops

  /// Envoy's response flag; nil where no proxy is there to write one.
  package var flag: EnvoyFlag? {
    switch self {
    case .proxy(let failure): failure.flag
    case .podNotRunning: .upstreamConnectionFailure
    case .wrongProtocol: .upstreamConnectionTermination
    case .tooManyHops: nil
    }
  }

  /// Whether a peer closed the connection, rather than that there was none.
  package var isReset: Bool {
    if case .proxy(let failure) = self, case .mutualTLS = failure.reason { return true }
    if case .wrongProtocol = self { return true }
    return false
  }

  /// What Envoy writes into the body of its own answer.
  package var text: String {
    switch self {
    case .proxy(let failure):
      switch failure.flag {
      case .noHealthyUpstream: "no healthy upstream"
      case .upstreamConnectionFailure:
        "upstream connect error or disconnect/reset before headers. reset reason: connection failure"
      case .upstreamConnectionTermination:
        "upstream connect error or disconnect/reset before headers. reset reason: connection termination"
      case .noClusterFound, .noRouteFound, nil: ""
      }
    case .podNotRunning:
      "upstream connect error or disconnect/reset before headers. reset reason: connection failure"
    case .wrongProtocol:
      "upstream connect error or disconnect/reset before headers. reset reason: connection termination"
    case .tooManyHops: "loop detected"
    }
  }
}

/// What the sender of a request sees, and how it came about.
package struct MeshAnswer: Sendable {
  /// Nil for a connection, and where the connection was refused or reset.
  package var status: Int?
  package var headers: [(name: String, value: String)] = []
  package var body = ""
  /// Of the first hop that failed, in the order of sending; nil where each was served.
  package var failure: MeshFailure?
  /// Every hop, in the order of sending; copies that nobody waits for are among them.
  package var hops: [MeshHop] = []
  /// The pod whose answer this is; nil where a proxy answered itself.
  package var answeredBy: PodIdentity?
  /// How deep the stub stood whose text this is; nil where no stub had a say. See ``Stub``.
  package var stubDepth: Int?
  /// It fails because a stub says so. See ``Stub``.
  package var isFailingStub = false

  /// Whether the sender got what it asked for.
  package var isServed: Bool { failure == nil && (status ?? 200) < 500 }

  package func header(_ name: String) -> String? { headers.last { $0.name.lowercased() == name }?.value }
}
