internal import MeshModel

/// Makes with every request each call that the plan says its program makes, so that visitors who only look at a page find
/// a broken way that only a vote would have gone. What the base calls itself is not called twice.
package struct Thorough: StandIn {
  package var base: any StandIn
  package var edges: [CallEdge]

  package init(_ base: any StandIn, edges: [CallEdge]) {
    self.base = base
    self.edges = edges
  }

  package func calls(for request: Received, at pod: StandInPod) -> [OutgoingCall] {
    let own = base.calls(for: request, at: pod)
    let others = edges.filter { edge in
      !own.contains { $0.traffic.address.port == edge.port && service($0.traffic.address.host) == service(edge.host) }
    }
    return own + DefaultStandIn(edges: others).calls(for: request, at: pod)
  }

  package func answer(
    _ request: Received, at pod: StandInPod, _ replies: [MeshAnswer], data: inout StandInData
  ) -> StandInAnswer {
    let count = base.calls(for: request, at: pod).count
    if let failed = replies.dropFirst(count).first(where: { !$0.isServed }) {
      return .unavailable(pod, because: failed)
    }
    return base.answer(request, at: pod, Array(replies.prefix(count)), data: &data)
  }

  /// `voting-storage` of `voting-storage.voting.svc.cluster.local`.
  private func service(_ host: String) -> Substring { host.prefix { $0 != "." } }
}
