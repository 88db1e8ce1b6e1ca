internal import KubernetesModel

extension MeshView {
  /// A request through a gateway: the port's servers and their VirtualServices make virtual hosts, the most specific one
  /// owns the host, and in it the rules of all its VirtualServices stand one after the other.
  func gatewayRoute(_ client: Client, _ request: HTTPRequest) -> RouteResult {
    let servers = servers(of: client, port: request.port)
    guard !servers.isEmpty else { return refused(request.dialled, request.port) }
    guard servers.contains(where: { $0.server.proto == .http }) else {
      return gatewayRoute(client, TCPConnection(host: request.dialled, port: request.port))
    }
    let host = HostName.withoutPort(request.authority).lowercased()
    var best: (name: String, attachments: [Attachment])?
    var redirects = false
    for (gateway, server) in servers where server.proto == .http {
      for attachment in attachments(gateway, server, client) {
        guard HostName.matches(host, pattern: attachment.host) else { continue }
        if let current = best, !isMoreSpecific(attachment.host, than: current.name) {
          if current.name == attachment.host { best?.attachments.append(attachment) }
        } else {
          best = (attachment.host, [attachment])
        }
      }
      if server.redirectsToHTTPS, server.hosts.contains(where: { HostName.matches(host, pattern: $0.name) }) {
        redirects = true
      }
    }
    if redirects, request.scheme == "http" {
      let location = "https://\(HostName.withoutPort(request.authority))\(request.target)"
      return .certain(.redirect(Redirect(status: 301, location: location)))
    }
    guard let best else { return notFound(request, .noVirtualHost, nil) }
    return walk(best.attachments, client, request) ?? notFound(request, .noVirtualHost, nil)
  }

  /// One VirtualService in one virtual host.
  private struct Attachment {
    var host: String
    var virtualService: VirtualService
    var gateway: Gateway
  }

  /// All routes of a virtual host, the oldest VirtualService first, those that take everything last (Istio:
  /// `SortVHostRoutes`); nil where istiod makes none.
  private func walk(_ attachments: [Attachment], _ client: Client, _ request: HTTPRequest) -> RouteResult? {
    let proxied = ProxiedRequest(request, atGateway: true)
    var seen: [(VirtualService, Gateway)] = []
    let ordered = attachments.sorted { $0.virtualService.metadata.precedes($1.virtualService.metadata) }
    var isPresent = false
    var chosen: (Attachment, HTTPRule, Int?)?
    var fallback: (Attachment, HTTPRule, Int?)?
    for attachment in ordered {
      // Two servers of one gateway may both carry it.
      if seen.contains(where: { $0.0 === attachment.virtualService && $0.1 === attachment.gateway }) { continue }
      seen.append((attachment.virtualService, attachment.gateway))
      attachment.virtualService.forEachRoute(client, gateway: attachment.gateway.name, port: request.port) {
        rule, index in
        isPresent = true
        let match = index.map { rule.matches[$0] }
        if match?.isCatchAll ?? true {
          if fallback == nil { fallback = (attachment, rule, index) }
          return true
        }
        if let match, match.matches(proxied, options: options) {
          chosen = (attachment, rule, index)
          return false
        }
        return true
      }
      if chosen != nil { break }
    }
    guard isPresent else { return nil }
    guard let (attachment, rule, index) = chosen ?? fallback else {
      return notFound(request, .noRoute, attachments.first?.virtualService)
    }
    return RouteResult(
      branches: perform(rule, match: index.map { rule.matches[$0] }, client, proxied),
      decision: Decision(
        attachment.virtualService, rule: rule.index, name: rule.name, match: index, gateway: attachment.gateway
      )
    )
  }

  private func notFound(
    _ request: HTTPRequest, _ reason: Failure.Reason, _ virtualService: VirtualService?
  ) -> RouteResult {
    let failure = Failure(
      flag: .noRouteFound, httpStatus: 404, reason: reason, host: HostName.withoutPort(request.authority),
      port: request.port
    )
    return .certain(.failure(failure), Decision(virtualService: virtualService?.metadata.id))
  }

  private func refused(_ host: String, _ port: Int) -> RouteResult {
    .certain(.failure(Failure(flag: nil, httpStatus: nil, reason: .noListener, host: host, port: port)))
  }

  private func servers(of client: Client, port: Int) -> [(gateway: Gateway, server: Gateway.Server)] {
    gateways.filter { $0.selector.isSubset(of: client.labels) }.flatMap { gateway in
      gateway.servers.filter { $0.port == port }.map { (gateway, $0) }
    }
  }

  private func attachments(_ gateway: Gateway, _ server: Gateway.Server, _ client: Client) -> [Attachment] {
    var result: [Attachment] = []
    for virtualService in gatewayRules[gateway.name] ?? [] {
      guard virtualService.visibility.includes(client.namespace) else { continue }
      for host in virtualService.hosts {
        for serverHost in server.hosts
        where serverHost.namespace == nil || serverHost.namespace == virtualService.metadata.namespace {
          guard let shared = HostName.intersection(host, serverHost.name) else { continue }
          result.append(Attachment(host: shared, virtualService: virtualService, gateway: gateway))
        }
      }
    }
    return result
  }

  /// Exact before wildcard, longer before shorter.
  private func isMoreSpecific(_ a: String, than b: String) -> Bool {
    let (wildA, wildB) = (HostName.isWildcard(a), HostName.isWildcard(b))
    return wildA != wildB ? !wildA : a.utf8.count > b.utf8.count
  }

  /// A connection through a gateway: the first rule for the port; without one there is nothing to accept it.
  func gatewayRoute(_ client: Client, _ connection: TCPConnection) -> RouteResult {
    for (gateway, server) in servers(of: client, port: connection.port) where server.proto != .http {
      var seen: [VirtualService] = []
      for attachment in attachments(gateway, server, client) {
        if seen.contains(where: { $0 === attachment.virtualService }) { continue }
        seen.append(attachment.virtualService)
        let virtualService = attachment.virtualService
        let list = server.proto == .tls ? virtualService.tls : virtualService.tcp
        guard let (rule, index) = list.firstRule(client, gateway.name, connection) else { continue }
        return RouteResult(
          branches: distribute(rule.destinations, probability: 1, isHTTP: false) { destination, share in
            branches(
              to: destination, client, listener: connection.port, isHTTP: false, forwarding: nil, probability: share
            )
          },
          decision: Decision(virtualService, rule: rule.index, name: rule.name, match: index, gateway: gateway)
        )
      }
    }
    return refused(connection.host, connection.port)
  }
}
