internal import KubernetesModel
internal import RegularExpressions

/// One entry of `http[].match`: what istiod decides when it writes a proxy's routes, and what the proxy then asks of
/// each request (Istio: `sourceMatchHTTP`, `TranslateRouteMatch`).
final class HTTPMatch: Sendable {
  // Decided by istiod.
  let port: Int?
  /// Given, they replace the tests of labels and namespace.
  let gateways: [String]
  let sourceLabels: [String: String]
  let sourceNamespace: String?

  // Decided by the proxy.
  let path: PathPredicate
  let headers: [NamedPredicate]
  let withoutHeaders: [NamedPredicate]
  let method: StringPredicate?
  let authority: StringPredicate?
  let scheme: StringPredicate?
  let query: [NamedPredicate]

  /// Nothing behind it in its VirtualService is ever reached.
  let isCatchAll: Bool

  init(_ match: Value, namespace: String, options: MeshOptions, reading: inout Reading) {
    port = match["port"]?.int
    gateways = (match["gateways"]?.stringArray ?? []).map { VirtualService.gatewayName($0, namespace: namespace) }
    sourceLabels = match["sourceLabels"]?.strings ?? [:]
    sourceNamespace = match["sourceNamespace"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    var path = PathPredicate.any
    if let uri = match["uri"] {
      let ignoresCase = match["ignoreUriCase"]?.bool ?? false
      switch StringPredicate(uri, reading: &reading) {
      case .exact(let text): path = .exact(text, ignoresCase: ignoresCase)
      case .prefix(let text): path = .prefix(text, ignoresCase: ignoresCase)
      case .regex(let regex): path = .regex(regex)
      case .presence: path = .any
      case .never: path = .never
      }
    }
    self.path = path
    func predicates(_ key: String, lowercased: Bool) -> [NamedPredicate] {
      (match[key]?.fields?.entries ?? []).map {
        NamedPredicate(
          name: lowercased ? $0.key.lowercased() : $0.key, predicate: StringPredicate($0.value, reading: &reading)
        )
      }
    }
    headers = predicates("headers", lowercased: true)
    withoutHeaders = predicates("withoutHeaders", lowercased: true)
    query = predicates("queryParams", lowercased: false).map { parameter in
      // 1.14 writes a prefix of a query parameter as mere presence.
      guard options.version == .istio114, case .prefix = parameter.predicate else { return parameter }
      return NamedPredicate(name: parameter.name, predicate: .presence)
    }
    method = match["method"].map { StringPredicate($0, reading: &reading) }
    authority = match["authority"].map { StringPredicate($0, reading: &reading) }
    scheme = match["scheme"].map { StringPredicate($0, reading: &reading) }
    isCatchAll =
      path.isEverything && headers.isEmpty && withoutHeaders.isEmpty && query.isEmpty && method == nil
      && authority == nil && scheme == nil
  }

  /// Whether istiod gives this match to the proxy at all.
  func isFor(_ client: Client, gateway: String, port listener: Int) -> Bool {
    if let port, port != listener { return false }
    if !gateways.isEmpty { return gateways.contains(gateway) }
    return sourceLabels.isSubset(of: client.labels) && (sourceNamespace ?? client.namespace) == client.namespace
  }

  /// Whether the proxy takes it for `request`.
  func matches(_ proxied: ProxiedRequest, options: MeshOptions) -> Bool {
    let request = proxied.request
    guard path.matches(request.path) else { return false }
    if let method, !method.matches(request.method) { return false }
    if let authority, !authority.matches(request.authority) { return false }
    if let scheme, !scheme.matches(proxied.scheme) { return false }
    for header in headers where !proxied.satisfies(header) { return false }
    for header in withoutHeaders where !isAbsent(header, proxied, options) { return false }
    for parameter in query {
      guard let found = request.query.first(where: { sameBytes($0.name, parameter.name) }),
        parameter.predicate.matches(found.value)
      else { return false }
    }
    return true
  }

  private func isAbsent(_ header: NamedPredicate, _ proxied: ProxiedRequest, _ options: MeshOptions) -> Bool {
    if proxied.has(header.name) { return !proxied.satisfies(header) }
    if header.predicate.isPresence { return true }
    // A missing header counts as an empty one, or in 1.14 as one about which nothing can be said.
    return options.version == .newer && !header.predicate.matches("")
  }
}

extension PathPredicate {
  fileprivate var isEverything: Bool {
    switch self {
    case .any: true
    case .prefix(let text, _): text == "/"
    case .regex(let regex): regex.pattern == ".*"
    case .exact, .never: false
    }
  }
}

/// A request as the routes of a proxy see it.
struct ProxiedRequest {
  let request: HTTPRequest
  let scheme: String
  /// Envoy adds the header where the client sent none, so that it is always there.
  let forwardedProtocol: String

  private static let forwardedProtocolName = "x-forwarded-proto"

  /// A sidecar believes what its client says; a gateway stands at the edge and says it itself.
  init(_ request: HTTPRequest, atGateway: Bool) {
    self.request = request
    let given = atGateway ? nil : request.headers.first { $0.name == ProxiedRequest.forwardedProtocolName }?.value
    forwardedProtocol = given ?? request.scheme
    scheme = given == "http" || given == "https" ? forwardedProtocol : request.scheme
  }

  func has(_ name: String) -> Bool {
    name.utf8.first == UInt8(ascii: ":") || sameBytes(name, ProxiedRequest.forwardedProtocolName)
      || request.headers.contains { sameBytes($0.name, name) }
  }

  /// Whether some value of the header satisfies the predicate: values are not joined.
  func satisfies(_ header: NamedPredicate) -> Bool {
    if header.name.utf8.first == UInt8(ascii: ":") {
      return switch header.name {
      case ":method": header.predicate.matches(request.method)
      case ":path": header.predicate.matches(request.target)
      case ":authority": header.predicate.matches(request.authority)
      case ":scheme": header.predicate.matches(scheme)
      default: false
      }
    }
    if sameBytes(header.name, ProxiedRequest.forwardedProtocolName) {
      return header.predicate.matches(forwardedProtocol)
    }
    return request.headers.contains { sameBytes($0.name, header.name) && header.predicate.matches($0.value) }
  }
}
