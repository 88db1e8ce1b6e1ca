package import ApplyEngine
internal import ClusterAPI
package import RolloutPlan
package import SandboxMesh

/// Asks as a visitor through the simulated mesh.
package struct MeshProber: Prober {
  private let mesh: LiveMesh
  private let plan: Plan

  package init(_ mesh: LiveMesh, plan: Plan) {
    self.mesh = mesh
    self.plan = plan
  }

  package func answer(to request: ProbeRequest) async throws(ProbeError) -> ProbeAnswer {
    guard let exposure = plan.exposure(of: request.component) else {
      throw ProbeError("`\(plan[request.component].name)` is not exposed", isFinal: true)
    }
    let answer = await mesh.request(
      MeshRequest(
        request.method, host: visitorHost(exposure), port: exposure.port, path: request.path,
        headers: request.visitor.map(visitorHeaders) ?? []))
    guard let status = answer.status else {
      throw ProbeError(answer.failure.map { "\($0.text)" } ?? "the connection was closed")
    }
    var headers: HTTPHeaders = [:]
    for header in answer.headers { headers.add(header.name, header.value) }
    return ProbeAnswer(
      status: status, headers: headers, body: Array(answer.body.utf8), servedBy: answer.answeredBy.map { "\($0)" })
  }
}

/// A host that the exposure's gateway listens for.
package func visitorHost(_ exposure: Exposure) -> String {
  let host = exposure.hosts.first ?? "*"
  return host == "*" ? "localhost" : host.hasPrefix("*.") ? "www" + host.dropFirst() : host
}

/// What a visitor sends who has this cookie or header. A cookie without a value is sent as `NAME=1`.
package func visitorHeaders(_ selector: Selector) -> [(String, String)] {
  switch selector {
  case .cookie(let key, let value): [("cookie", "\(key)=\(value ?? "1")")]
  case .header(let key, let value): [(key, value)]
  // What only has to match a pattern cannot be made up; the checker refuses such a visitor.
  case .headerMatches: []
  }
}
