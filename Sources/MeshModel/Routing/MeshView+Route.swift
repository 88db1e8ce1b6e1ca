extension MeshView {
  /// Where `traffic` of `client` goes, in time proportional to the rules of the hosts concerned.
  package func route(_ client: Client, _ traffic: Traffic) -> RouteResult {
    switch traffic {
    case .http(let request): route(client, request)
    case .tcp(let connection): route(client, connection)
    }
  }

  package func route(_ client: Client, _ request: HTTPRequest) -> RouteResult {
    switch client {
    case .sidecar: sidecarRoute(client, request)
    case .gateway: gatewayRoute(client, request)
    case .plain(let namespace): plainRoute(namespace, host: request.dialled, port: request.port)
    }
  }

  package func route(_ client: Client, _ connection: TCPConnection) -> RouteResult {
    switch client {
    case .sidecar: sidecarRoute(client, connection)
    case .gateway: gatewayRoute(client, connection)
    case .plain(let namespace): plainRoute(namespace, host: connection.host, port: connection.port)
    }
  }

  /// No proxy: any endpoint of the port, unencrypted.
  private func plainRoute(_ namespace: String, host: String, port: Int) -> RouteResult {
    guard let service = service(named: host, from: namespace) else {
      return .certain(.passthrough(host: host, port: port))
    }
    return unrouted(service, port: port, via: .kubeProxy, isHTTP: false)
  }

  /// What a sidecar does with an address that it has no route for.
  func passthrough(host: String, port: Int, from namespace: String, isHTTP: Bool) -> RouteResult {
    if options.outboundTraffic == .registryOnly {
      return .certain(
        .failure(Failure(flag: nil, httpStatus: isHTTP ? 502 : nil, reason: .blackHole, host: host, port: port))
      )
    }
    guard let service = service(named: host, from: namespace) else {
      return .certain(.passthrough(host: host, port: port))
    }
    return unrouted(service, port: port, via: .passthrough, isHTTP: isHTTP)
  }

  private func unrouted(_ service: Service, port: Int, via: Destination.Via, isHTTP: Bool) -> RouteResult {
    guard let servicePort = service.port(port) else {
      // Nobody listens there.
      let flag: EnvoyFlag? = via == .kubeProxy ? nil : .upstreamConnectionFailure
      return .certain(
        .failure(
          Failure(
            flag: flag, httpStatus: isHTTP ? 503 : nil, reason: .unknownPort, host: service.host, port: port
          )
        )
      )
    }
    let cluster = Cluster(service: service, port: servicePort, subset: nil, destinationRule: nil, clientTLS: .plaintext)
    return RouteResult(
      branches: branches(to: cluster, via: via, isHTTP: isHTTP, forwarding: nil), decision: .none
    )
  }
}

extension RouteResult {
  static func certain(_ outcome: Outcome, _ decision: Decision = .none) -> RouteResult {
    RouteResult(branches: [Branch(probability: 1, outcome: outcome)], decision: decision)
  }
}

extension Decision {
  init(_ virtualService: VirtualService, rule: Int, name: String?, match: Int?, gateway: Gateway? = nil) {
    self.init(
      virtualService: virtualService.metadata.id, rule: name, ruleIndex: rule, matchIndex: match,
      gateway: gateway?.metadata.id, notSimulated: virtualService.notSimulated
    )
  }
}
