internal import KubernetesModel

extension MeshView {
  /// A request through a gateway: the port's servers and their VirtualServices make virtual hosts, the most specific one
  /// owns the host, and in it the rules of all its VirtualServices stand one after the other.
  func gatewayRoute(_ client: Client, _ request: HTTPRequest) -> RouteResult {
    let servers = servers(of: client, port: request.port)
    let http = servers.filter { $0.server.proto == .http }
    // Which gateways are there is asked as late as possible: of many that share a port, few have a say.
    if http.count < servers.count || http.isEmpty {
      guard servers.contains(where: { holds($0.gateway) }) else { return refused(request.dialled, request.port) }
      guard http.contains(where: { holds($0.gateway) }) else {
        return gatewayRoute(client, TCPConnection(host: request.dialled, port: request.port))
      }
    }
    let host = HostName.withoutPort(request.authority).lowercased()
    let redirects = http.contains { gateway, server in
      server.redirectsToHTTPS && request.scheme == "http" && server.covers(host) && holds(gateway)
    }
    if redirects {
      let location = "https://\(HostName.withoutPort(request.authority))\(request.target)"
      return .certain(.redirect(Redirect(status: 301, location: location)))
    }
    // Where TLS ends, each server is a listener of its own, with the routes that are bound to its gateway alone.
    var asked = http
    if request.scheme == "https", http.contains(where: \.server.isHTTPS) {
      guard let chosen = server(for: host, among: http.filter(\.server.isHTTPS)) else {
        return refused(request.dialled, request.port)
      }
      asked = [chosen]
    }
    var virtualHosts: [(name: String, attachments: [Attachment])] = []
    for (gateway, server) in asked {
      for attachment in attachments(gateway, server, client, for: host) {
        if let known = virtualHosts.firstIndex(where: { $0.name == attachment.host }) {
          virtualHosts[known].attachments.append(attachment)
        } else {
          let place = virtualHosts.firstIndex { isMoreSpecific(attachment.host, than: $0.name) }
          virtualHosts.insert((attachment.host, [attachment]), at: place ?? virtualHosts.count)
        }
      }
    }
    let proxied = ProxiedRequest(request, atGateway: true)
    for virtualHost in virtualHosts {
      if let result = walk(virtualHost.attachments, client, proxied) { return result }
    }
    return http.contains { holds($0.gateway) }
      ? notFound(request, .noVirtualHost, nil) : refused(request.dialled, request.port)
  }

  /// The server whose host is the closest to the name that the client asks for (SNI); nil where none takes it. A server that
  /// names a host which an older one has is left out as a whole (Istio: `MergeGateways`, `CheckDuplicates`).
  private func server(
    for host: String, among servers: [(gateway: Gateway, server: Gateway.Server)]
  ) -> (gateway: Gateway, server: Gateway.Server)? {
    var fitting: [(name: String, place: Int)] = []
    for (place, candidate) in servers.enumerated() {
      let names = candidate.server.hosts(covering: host).map(\.name)
      if let name = names.min(by: { isMoreSpecific($0, than: $1) }) { fitting.append((name, place)) }
    }
    // The oldest stand first, and stay in front of their like.
    let ordered = fitting.sorted {
      isMoreSpecific($0.name, than: $1.name) || !isMoreSpecific($1.name, than: $0.name) && $0.place < $1.place
    }
    for (_, place) in ordered where holds(servers[place].gateway) {
      let names = Set(servers[place].server.hosts.map(\.name))
      let isLeftOut = servers[..<place].contains { older in
        older.gateway !== servers[place].gateway && older.server.hosts.contains { names.contains($0.name) }
          && holds(older.gateway)
      }
      if !isLeftOut { return servers[place] }
    }
    return nil
  }

  /// One VirtualService in one virtual host.
  private struct Attachment {
    var host: String
    var virtualService: VirtualService
    var gateway: Gateway
  }

  /// What one VirtualService has for a request.
  private struct Answer {
    var attachment: Attachment
    /// The first of its rules that matches and does not take everything.
    var match: (rule: HTTPRule, index: Int?)?
    /// The first that takes everything, among those before the match.
    var fallback: (rule: HTTPRule, index: Int?)?
    var hasRoutes = false
  }

  /// All routes of a virtual host, the oldest VirtualService first, those that take everything last (Istio:
  /// `SortVHostRoutes`); nil where no VirtualService makes it.
  private func walk(_ attachments: [Attachment], _ client: Client, _ proxied: ProxiedRequest) -> RouteResult? {
    let request = proxied.request
    var answers: [Answer] = []
    for attachment in attachments.sorted(by: { $0.virtualService.metadata.precedes($1.virtualService.metadata) }) {
      // Two servers of one gateway may both carry it.
      let isSeen = answers.contains { known in
        known.attachment.virtualService === attachment.virtualService && known.attachment.gateway === attachment.gateway
      }
      if isSeen { continue }
      var answer = Answer(attachment: attachment)
      attachment.virtualService.forEachRoute(client, gateway: attachment.gateway.name, port: request.port) {
        rule, index in
        answer.hasRoutes = true
        let match = index.map { rule.matches[$0] }
        if match?.isCatchAll ?? true {
          if answer.fallback == nil { answer.fallback = (rule, index) }
          return true
        }
        if let match, match.matches(proxied, options: options) {
          answer.match = (rule, index)
          return false
        }
        return true
      }
      answers.append(answer)
    }
    if let answer = answers.first(where: { $0.match != nil && holds($0.attachment) }), let match = answer.match {
      return result(answer.attachment, match.rule, match.index, client, proxied)
    }
    if let answer = answers.first(where: { $0.fallback != nil && holds($0.attachment) }), let match = answer.fallback {
      return result(answer.attachment, match.rule, match.index, client, proxied)
    }
    if answers.contains(where: { $0.hasRoutes && holds($0.attachment) }) {
      return notFound(request, .noRoute, attachments.first(where: holds)?.virtualService)
    }
    // What has no rule for this port makes no virtual host (Istio: `BuildHTTPRoutesForVirtualService`, "no routes matched").
    return nil
  }

  private func holds(_ attachment: Attachment) -> Bool { holds(attachment.virtualService) && holds(attachment.gateway) }

  private func result(
    _ attachment: Attachment, _ rule: HTTPRule, _ index: Int?, _ client: Client, _ proxied: ProxiedRequest
  ) -> RouteResult {
    RouteResult(
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

  /// The virtual hosts of a server that a request for `host` may meet. A host lies in what two patterns share where both
  /// cover it, so that nothing else needs to be looked at.
  private func attachments(
    _ gateway: Gateway, _ server: Gateway.Server, _ client: Client, for host: String
  ) -> [Attachment] {
    guard let rules = gatewayRules[gateway.name] else { return [] }
    let serverHosts = server.hosts(covering: host)
    if serverHosts.isEmpty { return [] }
    var result: [Attachment] = []
    for (host, virtualService) in rules.covering(host) where virtualService.visibility.includes(client.namespace) {
      for serverHost in serverHosts where serverHost.isFor(virtualService) {
        guard let shared = HostName.intersection(host, serverHost.name) else { continue }
        result.append(Attachment(host: shared, virtualService: virtualService, gateway: gateway))
      }
    }
    return result
  }

  /// Some host of a VirtualService is one of the server.
  private func isAttached(_ virtualService: VirtualService, to server: Gateway.Server, _ client: Client) -> Bool {
    virtualService.visibility.includes(client.namespace)
      && server.hosts.contains { serverHost in
        serverHost.isFor(virtualService)
          && virtualService.hosts.contains { HostName.intersection($0, serverHost.name) != nil }
      }
  }

  /// Exact before wildcard, longer before shorter.
  private func isMoreSpecific(_ a: String, than b: String) -> Bool {
    let (wildA, wildB) = (HostName.isWildcard(a), HostName.isWildcard(b))
    return wildA != wildB ? !wildA : a.utf8.count > b.utf8.count
  }

  /// A connection through a gateway: the first rule for the port; without one there is nothing to accept it.
  func gatewayRoute(_ client: Client, _ connection: TCPConnection) -> RouteResult {
    for (gateway, server) in servers(of: client, port: connection.port) where server.proto != .http {
      // Each server that ends TLS has a filter chain of its own, for the names that it has a certificate for.
      let name = (connection.sni ?? connection.host).lowercased()
      if server.endsTLS, !server.covers(name) { continue }
      for virtualService in gatewayRules[gateway.name]?.all ?? [] {
        let list = server.proto == .tls ? virtualService.tls : virtualService.tcp
        guard let (rule, index) = list.firstRule(client, gateway.name, connection),
          isAttached(virtualService, to: server, client), holds(virtualService), holds(gateway)
        else { continue }
        return RouteResult(
          branches: send(rule.destinations, client, connection),
          decision: Decision(virtualService, rule: rule.index, name: rule.name, match: index, gateway: gateway)
        )
      }
    }
    return refused(connection.host, connection.port)
  }
}
