internal import KubernetesModel

extension MeshView {
  /// A request through a sidecar: the Host header finds the service, the first VirtualService that has any rule for this
  /// client owns it, and its first rule that matches decides.
  func sidecarRoute(_ client: Client, _ request: HTTPRequest) -> RouteResult {
    let namespace = client.namespace
    let host = hostForLookup(request)
    guard let host, let service = service(named: host, from: namespace), service.visibility.includes(namespace),
      let port = service.port(request.port)
    else {
      if let host, let result = unregisteredHost(host.lowercased(), client, request) { return result }
      return passthrough(host: request.dialled, port: request.port, from: namespace, isHTTP: true)
    }
    guard port.proto == .http || port.proto == .sniffed else {
      return sidecarRoute(client, TCPConnection(host: request.dialled, port: request.port))
    }
    let proxied = ProxiedRequest(request, atGateway: false)
    // Envoy finds no route for a request whose `x-forwarded-proto` is there and empty.
    if proxied.forwardedProtocol.isEmpty { return noRoute(request, nil) }
    for rules in candidates(for: service.host, client) {
      if let result = apply(rules, client, proxied) { return result }
    }
    // No rule is for this client: every pod of the service, of whatever version.
    let destination = defaultBranches(service, client, request)
    return RouteResult(branches: destination, decision: .none)
  }

  private func defaultBranches(_ service: Service, _ client: Client, _ request: HTTPRequest) -> [Branch] {
    switch cluster(host: service.host, subset: nil, port: request.port, client: client, isHTTP: true) {
    case .failure(let failure): return [Branch(probability: 1, outcome: .failure(failure))]
    case .cluster(let cluster):
      let forwarding = Forwarding(
        path: request.target, authority: request.authority, headers: HeaderOperations(), mirrors: []
      )
      return branches(to: cluster, via: .cluster, isHTTP: true, forwarding: forwarding)
    }
  }

  /// The name that virtual hosts are compared with; nil where the port in it makes it a name of nothing.
  private func hostForLookup(_ request: HTTPRequest) -> String? {
    guard let port = HostName.port(of: request.authority) else { return request.authority }
    // 1.14 writes each name with the listener's port and without; newer ones have Envoy ignore the port.
    if options.version == .istio114, port != request.port { return nil }
    return HostName.withoutPort(request.authority)
  }

  /// A host that is no service can still have rules, on port 80 (Istio: `buildSidecarVirtualHostsForVirtualService`).
  private func unregisteredHost(_ host: String, _ client: Client, _ request: HTTPRequest) -> RouteResult? {
    guard request.port == 80, service(named: host, from: client.namespace) == nil else { return nil }
    for rules in candidates(for: host, client) {
      if let result = apply(rules, client, ProxiedRequest(request, atGateway: false)) { return result }
    }
    return nil
  }

  /// The VirtualServices that may own `host` for this client, in the order in which they are tried.
  func candidates(for host: String, _ client: Client) -> [VirtualService] {
    let namespace = client.namespace
    let exact = visible(meshRules[host] ?? [], in: namespace)
    switch options.version {
    case .newer:
      if meshWildcards.isEmpty || exact.contains(where: holds) { return exact }
      // Only the most specific wildcard counts, and its oldest owner, also where it has no rule for this client.
      for (pattern, rules) in meshWildcards where HostName.matches(host, pattern: pattern) {
        for rule in visible(rules, in: namespace) where holds(rule) { return [rule] }
      }
      return []
    case .istio114:
      // Age alone orders exact names and wildcards.
      var all = exact
      for (pattern, rules) in meshWildcards where HostName.matches(host, pattern: pattern) {
        for rule in rules where rule.visibility.includes(namespace) && !all.contains(where: { $0 === rule }) {
          all.append(rule)
        }
      }
      return ordered(all, in: namespace)
    }
  }

  private func visible(_ rules: [VirtualService], in namespace: String) -> [VirtualService] {
    // The usual case: one rule, which everybody sees.
    if rules.count == 1 { return rules[0].visibility.includes(namespace) ? rules : [] }
    return ordered(rules.filter { $0.visibility.includes(namespace) }, in: namespace)
  }

  private func ordered(_ rules: [VirtualService], in namespace: String) -> [VirtualService] {
    if rules.count < 2 { return rules }
    return rules.sorted { a, b in
      let (rankA, rankB) = (a.visibility.rank(in: namespace), b.visibility.rank(in: namespace))
      return rankA != rankB ? rankA < rankB : a.metadata.precedes(b.metadata)
    }
  }

  /// Nil where no rule of it is for this client: it is then as if it were not there.
  private func apply(
    _ virtualService: VirtualService, _ client: Client, _ proxied: ProxiedRequest
  ) -> RouteResult? {
    let request = proxied.request
    var isPresent = false
    var chosen: (HTTPRule, Int?)?
    virtualService.forEachRoute(client, gateway: VirtualService.mesh, port: request.port) { rule, index in
      isPresent = true
      if let index, !rule.matches[index].matches(proxied, options: options) { return true }
      chosen = (rule, index)
      return false
    }
    guard isPresent, holds(virtualService) else { return nil }
    guard let (rule, index) = chosen else { return noRoute(request, virtualService) }
    return RouteResult(
      branches: perform(rule, match: index.map { rule.matches[$0] }, client, proxied),
      decision: Decision(virtualService, rule: rule.index, name: rule.name, match: index)
    )
  }

  private func noRoute(_ request: HTTPRequest, _ virtualService: VirtualService?) -> RouteResult {
    let failure = Failure(
      flag: .noRouteFound, httpStatus: 404, reason: .noRoute, host: HostName.withoutPort(request.authority),
      port: request.port
    )
    return .certain(
      .failure(failure),
      Decision(virtualService: virtualService?.metadata.id, notSimulated: virtualService?.notSimulated ?? [])
    )
  }

  /// A connection through a sidecar: the first rule that istiod finds for this client and port, else every pod.
  func sidecarRoute(_ client: Client, _ connection: TCPConnection) -> RouteResult {
    let namespace = client.namespace
    guard let service = service(named: connection.host, from: namespace), service.visibility.includes(namespace),
      let port = service.port(connection.port), port.proto != .http
    else {
      // On an HTTP port, bytes that are no HTTP are passed on.
      return passthrough(host: connection.host, port: connection.port, from: namespace, isHTTP: false)
    }
    let rules = service.isHeadless ? [] : candidatesForConnections(service.host, client)
    let usesTLSRules = connection.sni != nil && (port.proto == .tls || port.proto == .sniffed)
    for virtualService in rules {
      let list = usesTLSRules ? virtualService.tls : port.proto == .tls ? [] : virtualService.tcp
      if let (rule, index) = list.firstRule(client, VirtualService.mesh, connection), holds(virtualService) {
        return RouteResult(
          branches: send(rule.destinations, client, connection),
          decision: Decision(virtualService, rule: rule.index, name: rule.name, match: index)
        )
      }
    }
    switch cluster(host: service.host, subset: nil, port: connection.port, client: client, isHTTP: false) {
    case .failure(let failure): return .certain(.failure(failure))
    case .cluster(let cluster):
      return RouteResult(
        branches: branches(to: cluster, via: .cluster, isHTTP: false, forwarding: nil), decision: .none
      )
    }
  }

  /// For connections several VirtualServices are tried one after the other (Istio: `getConfigsForHost`).
  private func candidatesForConnections(_ host: String, _ client: Client) -> [VirtualService] {
    let exact = meshRules[host] ?? []
    if meshWildcards.isEmpty { return visible(exact, in: client.namespace) }
    var all = exact
    for (pattern, rules) in meshWildcards where HostName.matches(host, pattern: pattern) {
      for rule in rules where !all.contains(where: { $0 === rule }) { all.append(rule) }
    }
    return visible(all, in: client.namespace)
  }
}

extension VirtualService {
  /// Calls `body` with each route that istiod gives the proxy, in order, until it returns false. After a route that
  /// takes everything there is none (Istio: `BuildHTTPRoutesForVirtualService`).
  func forEachRoute(_ client: Client, gateway: String, port: Int, _ body: (HTTPRule, Int?) -> Bool) {
    for rule in http {
      if rule.matches.isEmpty {
        _ = body(rule, nil)
        return
      }
      for (index, match) in rule.matches.enumerated() where match.isFor(client, gateway: gateway, port: port) {
        if !body(rule, index) || match.isCatchAll { return }
      }
    }
  }
}

extension [ConnectionRule] {
  /// The first rule for the client and port; a match that names only some destinations is passed over.
  func firstRule(_ client: Client, _ gateway: String, _ connection: TCPConnection) -> (ConnectionRule, Int?)? {
    for rule in self {
      if rule.matches.isEmpty { return (rule, nil) }
      for (index, match) in rule.matches.enumerated()
      where !match.isPartial && match.isFor(client, gateway: gateway, port: connection.port) {
        // The wildcard is no condition: it takes clients that name nobody, too (Istio: a filter chain without a match).
        if !match.sniHosts.isEmpty, !match.sniHosts.contains("*") {
          guard let sni = connection.sni?.lowercased(),
            match.sniHosts.contains(where: { HostName.matches(sni, pattern: $0) })
          else { continue }
        }
        return (rule, index)
      }
    }
    return nil
  }
}
