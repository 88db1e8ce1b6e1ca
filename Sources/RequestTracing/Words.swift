package import MeshModel
package import RolloutPlan

extension Failure {
  /// What a client meets and why: `503 UH: no pod of subset v2-0 is ready`.
  package var words: String { short + ": " + why }

  /// What a client meets: `503 UH`.
  package var short: String {
    let seen = [httpStatus.map(String.init), flag?.rawValue].compactMap(\.self).joined(separator: " ")
    return seen.isEmpty ? "refused" : seen
  }

  private var why: String {
    let pods = subset.map { "subset \($0)" } ?? "the service"
    return switch reason {
    case .noListener: "no gateway listens on the port for this host"
    case .noVirtualHost: "no route is bound to the gateway for this host"
    case .noRoute: "no rule takes this request"
    case .blackHole: "the mesh does not know the host"
    case .unknownHost: "there is no service of that name"
    case .unknownPort: "nobody listens on the port"
    case .undefinedSubset: "no DestinationRule defines \(pods)"
    case .noReadyEndpoints: "no pod of \(pods) is ready"
    case .portNotServed: "the pods do not listen on the port"
    case .mutualTLS: "client and pods disagree about mutual TLS"
    case .serverFirst: "the server speaks first, and its proxy waits for the client"
    case .noDestination: "the rule leads nowhere"
    }
  }
}

extension Selector {
  /// `cookie featureflag=on`, `header end-user=jason`.
  package var words: String {
    switch self {
    case .cookie(let key, let value): "cookie \(key)" + (value.map { "=\($0)" } ?? "")
    case .header(let key, let value): "header \(key)=\(value)"
    case .headerMatches(let key, let pattern): "header \(key) matching '\(pattern)'"
    }
  }
}

/// `10%`, `33.3%`; never 0% or 100% for what is not.
package func percent(_ probability: Double) -> String {
  let tenths = Int((probability * 1000).rounded())
  if tenths <= 0 { return probability > 0 ? "<0.1%" : "0%" }
  if tenths >= 1000 { return probability < 1 - 1e-9 ? ">99.9%" : "100%" }
  return tenths % 10 == 0 ? "\(tenths / 10)%" : "\(tenths / 10).\(tenths % 10)%"
}
