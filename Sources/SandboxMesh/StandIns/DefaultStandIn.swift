internal import KubernetesModel
internal import MeshModel

/// A Service that a component calls.
package struct CallEdge: Hashable, Sendable {
  package var host: String
  package var port: Int
  package var isHTTP: Bool

  package init(host: String, port: Int, isHTTP: Bool) {
    self.host = host
    self.port = port
    self.isHTTP = isHTTP
  }
}

/// Says who it is, calls everything that it has an edge to, and tells what came back.
package struct DefaultStandIn: StandIn {
  package var edges: [CallEdge]

  package init(edges: [CallEdge] = []) { self.edges = edges }

  package func calls(for request: Received, at pod: StandInPod) -> [OutgoingCall] {
    guard request.method != nil else { return [] }
    return edges.map { edge in
      edge.isHTTP
        ? OutgoingCall(.http(HTTPRequest(host: edge.host, port: edge.port, headers: request.passedOn)))
        : OutgoingCall(.tcp(TCPConnection(host: edge.host, port: edge.port)))
    }
  }

  package func answer(
    _ request: Received, at pod: StandInPod, _ replies: [MeshAnswer], data: inout StandInData
  ) -> StandInAnswer {
    if let failed = replies.first(where: { !$0.isServed }) { return .unavailable(pod, because: failed) }
    // What a stub said further down is the answer of everybody on the way.
    if let stub = deepestStub(replies) { return stub }
    var report: Fields = ["app": .string(pod.identity.app ?? pod.identity.name)]
    report["version"] = .string(pod.version)
    report["pod"] = .string(pod.identity.name)
    if request.method != nil { report["path"] = .string(request.path) }
    if !replies.isEmpty {
      report["calls"] = .array(
        replies.map { reply in
          ["app": .string(reply.answeredBy?.description ?? "a proxy"), "status": .int(reply.status ?? 0)]
        })
    }
    return StandInAnswer(
      headers: [("content-type", "application/json")],
      body: String(decoding: jsonBytes(.object(report)), as: UTF8.self) + "\n")
  }
}

/// The answer that a stub gave somewhere below, the one that stood deepest if there are several.
func deepestStub(_ replies: [MeshAnswer]) -> StandInAnswer? {
  guard let deepest = replies.filter({ $0.stubDepth != nil }).max(by: { ($0.stubDepth ?? 0) < ($1.stubDepth ?? 0) })
  else { return nil }
  var answer = StandInAnswer(status: deepest.status ?? 200, headers: deepest.headers, body: deepest.body)
  answer.stubDepth = deepest.stubDepth
  answer.isFailingStub = deepest.isFailingStub
  return answer
}
