/// Whose proxy decides. Only the client's side evaluates VirtualServices and DestinationRules.
package enum Client: Hashable, Sendable {
  /// A pod with a sidecar.
  case sidecar(labels: [String: String], namespace: String)
  /// A gateway's pod; a request's `port` is the port of the gateway's server.
  case gateway(labels: [String: String], namespace: String)
  /// A pod or machine without a proxy: kube-proxy picks an endpoint.
  case plain(namespace: String)

  package var namespace: String {
    switch self {
    case .sidecar(_, let namespace), .gateway(_, let namespace), .plain(let namespace): namespace
    }
  }

  package var labels: [String: String] {
    switch self {
    case .sidecar(let labels, _), .gateway(let labels, _): labels
    case .plain: [:]
    }
  }
}

/// One HTTP request as it leaves the client. Making one parses its path and headers; routing it again does not.
package struct HTTPRequest: Hashable, Sendable {
  package struct Header: Hashable, Sendable {
    /// In lower case.
    package var name: String
    package var value: String
  }

  /// The Host header, with its port if it has one.
  package let authority: String
  /// The address that was dialled, where it is not the authority's: a service's name or VIP.
  package let dialled: String
  package let port: Int
  package let method: String
  /// With the query.
  package let target: String
  package let headers: [Header]
  /// `https` where a gateway ended TLS for it.
  package let scheme: String

  let path: String
  let query: [QueryParameter]

  struct QueryParameter: Hashable, Sendable {
    var name: String
    var value: String
  }

  /// `headers` may name one header several times. `dialled` nil: the authority's host.
  package init(
    host authority: String, port: Int, path target: String = "/", method: String = "GET",
    headers: [(String, String)] = [], scheme: String = "http", dialled: String? = nil
  ) {
    self.authority = authority
    self.dialled = dialled ?? HostName.withoutPort(authority)
    self.port = port
    self.method = method
    self.target = target
    self.headers = headers.map { Header(name: $0.0.lowercased(), value: $0.1) }
    self.scheme = scheme
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = parts.first.map(String.init) ?? ""
    // Envoy keeps names and values as they are written, undecoded (`QueryParamsMulti::parseQueryString`).
    query =
      parts.count < 2
      ? []
      : parts[1].split(separator: "&").map { pair in
        let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return QueryParameter(name: String(sides[0]), value: sides.count > 1 ? String(sides[1]) : "")
      }
  }
}

/// One TCP connection; `sni` where the client speaks TLS of its own.
package struct TCPConnection: Hashable, Sendable {
  package var host: String
  package var port: Int
  package var sni: String?

  package init(host: String, port: Int, sni: String? = nil) {
    self.host = host
    self.port = port
    self.sni = sni
  }
}

package enum Traffic: Hashable, Sendable {
  case http(HTTPRequest)
  case tcp(TCPConnection)
}
