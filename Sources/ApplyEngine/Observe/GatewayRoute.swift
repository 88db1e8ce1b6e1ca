package import ClusterAPI

/// A way from here to where visitors come in.
struct GatewayRoute: Hashable, Sendable {
  enum Way: Hashable, Sendable {
    /// `10.0.0.5:80`, `[::1]:8080`, `lb.example.com:443`.
    case address(String)
    /// By way of the API server, to a port of a Service.
    case apiServer(namespace: String, service: String, port: Int)
  }

  var way: Way
  var isTLS: Bool
  /// What it is the address of, for people: `load balancer of Service/istio-ingressgateway in istio-system`.
  var origin: String

  var description: String {
    switch way {
    case .address(let address): "\(address) (\(origin))"
    case .apiServer: origin
    }
  }
}

/// `--gateway`: `HOST`, `HOST:PORT` or a URL without a path.
package struct GatewayAddress: Hashable, Sendable {
  /// Nil where the text does not say.
  package let isTLS: Bool?
  package let host: String
  package let port: Int?

  package init?(_ text: String) {
    let hasScheme = text.firstRange(of: "://") != nil
    guard let parts = URLParts(hasScheme ? text : "http://" + text), parts.path.isEmpty || parts.path == "/" else {
      return nil
    }
    isTLS = hasScheme ? parts.scheme == "https" : nil
    host = parts.host
    port = parts.hasPort || hasScheme ? parts.port : nil
  }
}
