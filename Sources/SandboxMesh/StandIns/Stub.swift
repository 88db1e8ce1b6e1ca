/// Answers that a person wrote down, laid over another stand-in. Of several stubs on the way of a request the deepest
/// one answers; one that fails makes the whole request fail.
package struct Stub: StandIn {
  package struct Reply: Hashable, Sendable {
    /// Nil: every one.
    package var method: String?
    /// Without the query; nil: every one.
    package var path: String?
    package var status: Int
    package var contentType: String
    package var body: String

    package init(
      method: String? = nil, path: String? = nil, status: Int = 200, contentType: String = "text/html; charset=utf-8",
      body: String = ""
    ) {
      self.method = method
      self.path = path
      self.status = status
      self.contentType = contentType
      self.body = body
    }

    func answers(_ request: Received) -> Bool {
      guard let asked = request.method else { return method == nil && path == nil }
      return (method ?? asked) == asked && (path.map { request.path.prefix { $0 != "?" } == $0 } ?? true)
    }
  }

  /// The first that fits counts.
  package var replies: [Reply]
  /// Makes the calls, and answers what no reply is for.
  package var base: any StandIn

  package init(_ replies: [Reply], over base: any StandIn = DefaultStandIn()) {
    self.replies = replies
    self.base = base
  }

  package func calls(for request: Received, at pod: StandInPod) -> [OutgoingCall] {
    base.calls(for: request, at: pod)
  }

  package func answer(
    _ request: Received, at pod: StandInPod, _ replies: [MeshAnswer], data: inout StandInData
  ) -> StandInAnswer {
    guard let reply = self.replies.first(where: { $0.answers(request) }) else {
      return base.answer(request, at: pod, replies, data: &data)
    }
    if reply.status < 400 {
      if let failed = replies.first(where: { !$0.isServed }) { return .unavailable(pod, because: failed) }
      if let deeper = deepestStub(replies) { return deeper }
    }
    var answer = StandInAnswer(
      status: reply.status, headers: [("content-type", reply.contentType)], body: reply.body)
    answer.stubDepth = request.depth
    answer.isFailingStub = reply.status >= 400
    if request.method == nil, reply.status >= 400 { answer.isRefused = true }
    return answer
  }
}
