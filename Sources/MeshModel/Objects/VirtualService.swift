internal import KubernetesModel

package final class VirtualService: Sendable {
  /// The reserved name for "every sidecar".
  static let mesh = "mesh"

  package let metadata: Metadata
  /// Full names and wildcards, in lower case.
  package let hosts: [String]
  /// `namespace/name`, or `mesh`.
  let gateways: [String]
  let visibility: Visibility
  let http: [HTTPRule]
  let tcp: [ConnectionRule]
  let tls: [ConnectionRule]
  /// What it says that this model does not follow.
  package let notSimulated: [String]

  init(_ object: Value, _ metadata: Metadata, options: MeshOptions, reading: inout Reading) {
    let spec = object["spec"] ?? .null
    let namespace = metadata.namespace
    self.metadata = metadata
    hosts = (spec["hosts"]?.stringArray ?? []).map {
      HostName.resolved($0, namespace: namespace, domain: options.clusterDomain).lowercased()
    }
    let gateways = spec["gateways"]?.stringArray ?? []
    self.gateways =
      gateways.isEmpty
      ? [VirtualService.mesh] : gateways.map { VirtualService.gatewayName($0, namespace: namespace) }
    visibility = Visibility(spec["exportTo"]?.stringArray, namespace: namespace)
    http = (spec["http"]?.array ?? []).enumerated().map {
      HTTPRule($0.element, index: $0.offset, namespace: namespace, options: options, reading: &reading)
    }
    tcp = (spec["tcp"]?.array ?? []).enumerated().map {
      ConnectionRule($0.element, index: $0.offset, namespace: namespace, options: options)
    }
    tls = (spec["tls"]?.array ?? []).enumerated().map {
      ConnectionRule($0.element, index: $0.offset, namespace: namespace, options: options)
    }
    var notSimulated: [String] = []
    if hosts.isEmpty { notSimulated.append("a delegate: VirtualService without hosts") }
    for (i, rule) in (spec["http"]?.array ?? []).enumerated() {
      if rule["delegate"] != nil { notSimulated.append("http[\(i)].delegate") }
      if rule.at("rewrite", "uriRegexRewrite") != nil { notSimulated.append("http[\(i)].rewrite.uriRegexRewrite") }
      if rule.at("headers", "request", "set", ":authority") != nil {
        notSimulated.append("http[\(i)].headers.request.set of :authority")
      }
    }
    self.notSimulated = notSimulated
  }

  static func gatewayName(_ name: String, namespace: String) -> String {
    if name == mesh || name.utf8.contains(UInt8(ascii: "/")) { return name }
    return "\(namespace)/\(name)"
  }
}

/// Where a rule sends traffic.
struct RouteDestination: Sendable {
  var host: String
  var subset: String?
  var port: Int?
  var weight: Int
  var headers: HeaderOperations

  init(_ route: Value, namespace: String, options: MeshOptions) {
    self.init(destination: route["destination"] ?? .null, namespace: namespace, options: options)
    weight = max(0, route["weight"]?.int32 ?? 0)
    headers = HeaderOperations(route["headers"])
  }

  init(destination: Value, namespace: String, options: MeshOptions) {
    host = HostName.resolved(
      destination["host"]?.string ?? "", namespace: namespace, domain: options.clusterDomain
    )
    subset = destination["subset"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    port = destination.at("port", "number")?.int
    weight = 0
    headers = HeaderOperations()
  }
}

final class HTTPRule: Sendable {
  enum Action: Sendable {
    case route([RouteDestination])
    case redirect(RedirectAction)
    case directResponse(status: Int, body: String?)
    /// `namespace/name`
    case delegate(String)
  }

  struct RedirectAction: Sendable {
    var status: Int
    var path: String
    var authority: String
    var port: Int?
    var usesRequestPort: Bool
    var scheme: String
  }

  struct MirrorTarget: Sendable {
    var destination: RouteDestination
    var probability: Double
  }

  struct Abort: Sendable {
    var status: Int
    var probability: Double
  }

  let index: Int
  let name: String?
  /// Empty: everything matches.
  let matches: [HTTPMatch]
  let action: Action
  let abort: Abort?
  let headers: HeaderOperations
  let rewritePath: String?
  let rewriteAuthority: String?
  let mirrors: [MirrorTarget]

  init(_ rule: Value, index: Int, namespace: String, options: MeshOptions, reading: inout Reading) {
    self.index = index
    name = rule["name"]?.string
    matches = (rule["match"]?.array ?? []).map {
      HTTPMatch($0, namespace: namespace, options: options, reading: &reading)
    }
    headers = HeaderOperations(rule["headers"])
    rewritePath = rule.at("rewrite", "uri")?.string.flatMap { $0.isEmpty ? nil : $0 }
    rewriteAuthority = rule.at("rewrite", "authority")?.string.flatMap { $0.isEmpty ? nil : $0 }
    if let redirect = rule["redirect"] {
      action = .redirect(
        RedirectAction(
          status: redirect["redirectCode"]?.int ?? 301, path: redirect["uri"]?.string ?? "",
          authority: redirect["authority"]?.string ?? "", port: redirect["port"]?.int,
          usesRequestPort: redirect["derivePort"]?.string == "FROM_REQUEST_PORT",
          scheme: redirect["scheme"]?.string ?? ""
        )
      )
    } else if let response = rule["directResponse"] {
      action = .directResponse(status: response["status"]?.int ?? 200, body: response.at("body", "string")?.string)
    } else if let delegate = rule["delegate"], delegate != .null {
      let home = delegate["namespace"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? namespace
      action = .delegate("\(home)/\(delegate["name"]?.string ?? "")")
    } else {
      action = .route(
        (rule["route"]?.array ?? []).map { RouteDestination($0, namespace: namespace, options: options) }
      )
    }
    // Without a percentage an abort never happens.
    if let fault = rule.at("fault", "abort"), let percentage = fault.at("percentage", "value")?.number {
      // An abort with a gRPC status answers 200 and says the rest in trailers.
      abort = Abort(status: fault["httpStatus"]?.int ?? 200, probability: min(1, max(0, percentage / 100)))
    } else {
      abort = nil
    }
    var mirrors: [MirrorTarget] = []
    func addMirror(_ target: Value, percent: Double?) {
      let probability = min(1, (percent ?? 100) / 100)
      guard probability > 0 else { return }
      mirrors.append(
        MirrorTarget(
          destination: RouteDestination(destination: target, namespace: namespace, options: options),
          probability: probability
        )
      )
    }
    if let mirror = rule["mirror"] {
      let percent = rule.at("mirrorPercentage", "value")?.number ?? rule["mirrorPercent"]?.number
      addMirror(mirror, percent: rule["mirrorPercentage"] != nil ? percent ?? 0 : percent)
    }
    for mirror in rule["mirrors"]?.array ?? [] {
      let percent = mirror["percentage"].map { $0["value"]?.number ?? 0 }
      if let destination = mirror["destination"] { addMirror(destination, percent: percent) }
    }
    self.mirrors = mirrors
  }
}

/// A rule of `tcp` or `tls`.
struct ConnectionRule: Sendable {
  struct Match: Sendable {
    var port: Int?
    var gateways: [String]
    var sourceLabels: [String: String]
    var sourceNamespace: String?
    /// Only `tls`.
    var sniHosts: [String]
    /// Only some destinations: what follows is still reached.
    var isPartial: Bool

    /// Whether istiod gives it to the proxy: every condition counts, other than for HTTP (Istio: `matchTCP`).
    func isFor(_ client: Client, gateway: String, port listener: Int) -> Bool {
      if let port, port != listener { return false }
      if !gateways.isEmpty, !gateways.contains(gateway) { return false }
      // A gateway's own labels are not compared.
      if case .gateway = client { return true }
      return sourceLabels.isSubset(of: client.labels) && (sourceNamespace ?? client.namespace) == client.namespace
    }
  }

  var index: Int
  var name: String?
  var matches: [Match]
  var destinations: [RouteDestination]

  init(_ rule: Value, index: Int, namespace: String, options: MeshOptions) {
    self.index = index
    name = rule["name"]?.string
    matches = (rule["match"]?.array ?? []).map { match in
      Match(
        port: match["port"]?.int,
        gateways: (match["gateways"]?.stringArray ?? []).map {
          VirtualService.gatewayName($0, namespace: namespace)
        },
        sourceLabels: match["sourceLabels"]?.strings ?? [:],
        sourceNamespace: match["sourceNamespace"]?.string.flatMap { $0.isEmpty ? nil : $0 },
        sniHosts: match["sniHosts"]?.stringArray?.map { $0.lowercased() } ?? [],
        isPartial: !(match["destinationSubnets"]?.array ?? []).isEmpty
      )
    }
    destinations = (rule["route"]?.array ?? []).map {
      RouteDestination($0, namespace: namespace, options: options)
    }
  }
}

extension HeaderOperations {
  /// Envoy removes first; Istio then writes `set` before `add`.
  init(_ headers: Value?) {
    func operations(_ side: String) -> [Operation] {
      let part = headers?[side]
      var result: [Operation] = []
      for name in part?["remove"]?.stringArray ?? [] {
        result.append(Operation(kind: .remove, name: name.lowercased(), value: ""))
      }
      for (key, kind) in [("set", Operation.Kind.set), ("add", .add)] {
        for (name, value) in (part?[key]?.strings ?? [:]).sorted(by: { $0.key < $1.key }) {
          result.append(Operation(kind: kind, name: name.lowercased(), value: value))
        }
      }
      return result
    }
    self.init(request: operations("request"), response: operations("response"))
  }
}
