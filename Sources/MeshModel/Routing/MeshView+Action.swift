internal import KubernetesModel

extension MeshView {
  /// What a rule does with a request that it was chosen for.
  func perform(
    _ rule: HTTPRule, match: HTTPMatch?, _ client: Client, _ proxied: ProxiedRequest
  ) -> [Branch] {
    guard let abort = rule.abort, abort.probability > 0 else {
      return act(rule, match: match, client, proxied, probability: 1)
    }
    let aborted = Branch(probability: abort.probability, outcome: .abort(httpStatus: abort.status))
    if abort.probability >= 1 { return [aborted] }
    return [aborted] + act(rule, match: match, client, proxied, probability: 1 - abort.probability)
  }

  private func act(
    _ rule: HTTPRule, match: HTTPMatch?, _ client: Client, _ proxied: ProxiedRequest, probability: Double
  ) -> [Branch] {
    let request = proxied.request
    switch rule.action {
    case .redirect(let redirect):
      let location = redirect.location(for: proxied)
      return [
        Branch(probability: probability, outcome: .redirect(Redirect(status: redirect.status, location: location)))
      ]
    case .directResponse(let status, let body):
      return [Branch(probability: probability, outcome: .directResponse(status: status, body: body))]
    case .delegate(let name): return [Branch(probability: probability, outcome: .delegated(to: name))]
    case .route(let destinations):
      guard let shares = shares(of: destinations, probability) else {
        return [noDestination(probability, isHTTP: true)]
      }
      var all: [Branch] = []
      for (destination, share) in zip(destinations, shares) where share > 0 {
        let forwarding = Forwarding(
          path: rewrittenPath(rule, match, request), authority: rule.rewriteAuthority ?? request.authority,
          headers: destinations.count == 1
            ? rule.headers.merged(with: destination.headers) : destination.headers.followed(by: rule.headers),
          mirrors: mirrors(rule, client, request)
        )
        all += branches(
          to: destination, client, listener: request.port, isHTTP: true, forwarding: forwarding, probability: share)
      }
      return all
    }
  }

  /// Where the rules for connections lead that was chosen for one.
  func send(_ destinations: [RouteDestination], _ client: Client, _ connection: TCPConnection) -> [Branch] {
    guard let shares = shares(of: destinations, 1) else { return [noDestination(1, isHTTP: false)] }
    var all: [Branch] = []
    for (destination, share) in zip(destinations, shares) where share > 0 {
      all += branches(
        to: destination, client, listener: connection.port, isHTTP: false, forwarding: nil, probability: share)
    }
    return all
  }

  /// One destination takes everything whatever its weight; of several, each its part of the sum. Nil where nothing is
  /// left to take.
  private func shares(of destinations: [RouteDestination], _ probability: Double) -> [Double]? {
    if destinations.count == 1 { return [probability] }
    let total = destinations.reduce(0.0) { $0 + Double($1.weight) }
    return total > 0 ? destinations.map { probability * Double($0.weight) / total } : nil
  }

  private func noDestination(_ probability: Double, isHTTP: Bool) -> Branch {
    let failure = Failure(flag: .noClusterFound, httpStatus: isHTTP ? 503 : nil, reason: .noDestination)
    return Branch(probability: probability, outcome: .failure(failure))
  }

  func branches(
    to destination: RouteDestination, _ client: Client, listener: Int, isHTTP: Bool, forwarding: Forwarding?,
    probability: Double
  ) -> [Branch] {
    let port = port(of: destination, client, listener: listener)
    switch cluster(host: destination.host, subset: destination.subset, port: port, client: client, isHTTP: isHTTP) {
    case .failure(let failure): return [Branch(probability: probability, outcome: .failure(failure))]
    case .cluster(let cluster):
      return branches(
        to: cluster, via: .cluster, isHTTP: isHTTP, forwarding: forwarding, probability: probability
      )
    }
  }

  /// A destination without a port means the listener's; only a gateway knows the one port of a service that has one
  /// (Istio: `GetDestinationCluster`).
  private func port(of destination: RouteDestination, _ client: Client, listener: Int) -> Int {
    if let port = destination.port { return port }
    if case .gateway = client, let service = service(destination.host), service.ports.count == 1 {
      return service.ports[0].number
    }
    return listener
  }

  private func mirrors(_ rule: HTTPRule, _ client: Client, _ request: HTTPRequest) -> [Mirror] {
    rule.mirrors.map { mirror in
      let port = port(of: mirror.destination, client, listener: request.port)
      var result = Mirror(
        host: mirror.destination.host, subset: mirror.destination.subset, port: port, probability: mirror.probability,
        endpoints: [], failure: nil
      )
      switch cluster(
        host: mirror.destination.host, subset: mirror.destination.subset, port: port, client: client, isHTTP: true
      ) {
      case .failure(let failure): result.failure = failure
      case .cluster(let cluster):
        for branch in branches(to: cluster, via: .cluster, isHTTP: true, forwarding: nil) {
          switch branch.outcome {
          case .destination(let destination): result.endpoints += destination.endpoints
          case .failure(let failure): result.failure = failure
          case .redirect, .directResponse, .abort, .delegated, .passthrough: break
          }
        }
      }
      return result
    }
  }

  /// The matched part of the path is replaced, text by text: `/a` → `/` makes `//x` of `/a/x`.
  private func rewrittenPath(_ rule: HTTPRule, _ match: HTTPMatch?, _ request: HTTPRequest) -> String {
    guard let rewrite = rule.rewritePath else { return request.target }
    let length = (match?.path ?? .any).rewrittenLength(of: request.path)
    return rewrite + String(decoding: request.target.utf8.dropFirst(length), as: UTF8.self)
  }
}

extension HTTPRule.RedirectAction {
  /// The `location` header (Envoy: `Http::Utility::newUri`).
  func location(for proxied: ProxiedRequest) -> String {
    let request = proxied.request
    let finalScheme = scheme.isEmpty ? proxied.scheme : scheme
    var finalPort = usesRequestPort ? request.port : port ?? 0
    // Istio leaves out a port that the scheme implies; it knows the request's only from the listener.
    let knownScheme = scheme.isEmpty ? request.scheme : scheme
    if finalPort == 80 && knownScheme == "http" || finalPort == 443 && knownScheme == "https" { finalPort = 0 }
    var host = authority
    if host.isEmpty {
      host = request.authority
      if let own = HostName.port(of: host) {
        let forwarded = proxied.forwardedProtocol
        let isImplied = forwarded == "https" && own == 443 || forwarded == "http" && own == 80
        if finalPort != 0 || finalScheme != forwarded && isImplied { host = HostName.withoutPort(host) }
      }
    }
    var path = request.target
    if !self.path.isEmpty {
      path = self.path
      // The request's query stays, unless the new path brings its own.
      if !path.utf8.contains(UInt8(ascii: "?")), let mark = request.target.firstIndex(of: "?") {
        path += request.target[mark...]
      }
    }
    return "\(finalScheme)://\(host)\(finalPort == 0 ? "" : ":\(finalPort)")\(path)"
  }
}
