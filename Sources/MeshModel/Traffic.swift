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

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The Host header, with its port if it has one.
  package let authority: String
  /// The address that was dialled, where it is not the authority's: a service's name or VIP.
  package let dialled: String
  package let port: Int
  package let method: String
  /// With the query.
  package let target: String
  package var headers: [Header]
  /// `https` where a gateway ended TLS for it.
  package let scheme: String

  /// Without the query.
  package let path: String
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
    self.headers = HTTPRequest.received(headers)
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

extension HTTPRequest {
  /// Headers for which Envoy has one place only (`http/header_map.h`, `INLINE_REQ_STRING_HEADERS`): several lines become
  /// one value, without the empty ones; `accept` is joined too, as extensions register it (seen in Envoy 1.40). All
  /// others are kept line by line.
  private static let joinedHeaders: Set<String> = [
    "accept", "content-type", "grpc-timeout", "te", "user-agent", "via", "x-client-trace-id", "x-forwarded-client-cert",
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-request-id",
  ]

  fileprivate static func received(_ headers: [(String, String)]) -> [Header] {
    var result: [Header] = []
    for (name, value) in headers {
      let header = Header(name: name.lowercased(), value: value)
      if joinedHeaders.contains(header.name), let i = result.firstIndex(where: { $0.name == header.name }) {
        if value.isEmpty { continue }
        result[i].value += result[i].value.isEmpty ? value : "," + value
      } else {
        result.append(header)
      }
    }
    return result
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
