internal import KubernetesModel

/// What Envoy calls a cluster: `outbound|port|subset|host`.
struct Cluster {
  var service: Service
  var port: Service.Port
  var subset: DestinationRule.Subset?
  var destinationRule: ObjectID?
  /// Nil: as the server takes it (auto mTLS).
  var clientTLS: ClientTLS?
}

extension MeshView {
  enum ClusterResult {
    case cluster(Cluster)
    case failure(Failure)
  }

  /// The cluster that a destination names for `client`, or why it has none (Envoy: NC).
  func cluster(
    host: String, subset name: String?, port number: Int, client: Client, isHTTP: Bool
  ) -> ClusterResult {
    func missing(_ reason: Failure.Reason) -> ClusterResult {
      .failure(
        Failure(
          flag: .noClusterFound, httpStatus: isHTTP ? 503 : nil, reason: reason, host: host, subset: name, port: number
        )
      )
    }
    guard let service = service(host), service.visibility.includes(client.namespace) else {
      return missing(.unknownHost)
    }
    guard let port = service.port(number) else { return missing(.unknownPort) }
    let rule = destinationRule(for: service, client: client)
    var subset: DestinationRule.Subset?
    if let name {
      guard let found = rule.subset(name) else { return missing(.undefinedSubset) }
      subset = found
    }
    var tls = rule.tls(port: number, subset: subset)
    if tls == nil, !options.autoMutualTLS { tls = .plaintext }
    return .cluster(
      Cluster(service: service, port: port, subset: subset, destinationRule: rule.id, clientTLS: tls)
    )
  }

  /// The ready workloads of a cluster with the port that each is reached on.
  func endpoints(of cluster: Cluster) -> [(slot: Slot, port: Int)] {
    let service = cluster.service
    guard let key = service.selectorKey, let candidates = workloadsByLabel[key] else { return [] }
    // A sidecar sends a headless service's traffic where the client's own look-up of the name said, which no subset
    // changes.
    let labels = service.isHeadless ? [:] : cluster.subset?.labels ?? [:]
    var result: [(Slot, Int)] = []
    for number in candidates {
      var slot = slots[number]
      guard choices != nil || slot.ready > 0, service.selector.isSubset(of: slot.workload.labels),
        labels.isSubset(of: slot.workload.labels), let port = slot.workload.resolve(cluster.port.target)
      else { continue }
      if let choices {
        guard choices.mayBeReady(ObjectIdentifier(slot.workload)) else { continue }
        slot.ready = 1
      }
      result.append((slot, port))
    }
    return result
  }

  /// What happens to traffic that was sent to `cluster`: each endpoint takes its share, and some may refuse it.
  func branches(
    to cluster: Cluster, via: Destination.Via, isHTTP: Bool, forwarding: Forwarding?, probability: Double = 1
  ) -> [Branch] {
    func failure(_ flag: EnvoyFlag, _ reason: Failure.Reason, _ workloads: [ObjectID] = []) -> Failure {
      Failure(
        flag: via == .kubeProxy ? nil : flag, httpStatus: isHTTP ? 503 : nil, reason: reason,
        host: cluster.service.host,
        subset: cluster.subset?.name, port: cluster.port.number, workloads: workloads
      )
    }
    let endpoints = endpoints(of: cluster)
    let total = endpoints.reduce(0) { $0 + $1.slot.ready }
    guard total > 0 else {
      return [Branch(probability: probability, outcome: .failure(failure(.noHealthyUpstream, .noReadyEndpoints)))]
    }
    // Where pods only may be ready, none may be.
    let isSure = choices?.isSomeSurelyReady(endpoints.map { ObjectIdentifier($0.slot.workload) }) ?? true
    let none = isSure ? [] : [Branch(probability: 0, outcome: .failure(failure(.noHealthyUpstream, .noReadyEndpoints)))]
    // Endpoints with the same fate share a branch; there are few fates.
    var good: [(security: Destination.Security, endpoints: [Endpoint], ready: Int)] = []
    var bad: [(flag: EnvoyFlag, reason: Failure.Reason, workloads: [ObjectID], ready: Int)] = []
    for (slot, port) in endpoints {
      let id = slot.workload.metadata.id
      switch fate(of: slot.workload, port: port, cluster: cluster) {
      case .served(let security):
        let endpoint = Endpoint(workload: id, ready: slot.ready, targetPort: port)
        if let i = good.firstIndex(where: { $0.security == security }) {
          good[i].endpoints.append(endpoint)
          good[i].ready += slot.ready
        } else {
          good.append((security, [endpoint], slot.ready))
        }
      case .refused(let flag, let reason):
        if let i = bad.firstIndex(where: { $0.flag == flag && $0.reason == reason }) {
          bad[i].workloads.append(id)
          bad[i].ready += slot.ready
        } else {
          bad.append((flag, reason, [id], slot.ready))
        }
      }
    }
    let share = probability / Double(total)
    return good.map { group in
      Branch(
        probability: share * Double(group.ready),
        outcome: .destination(
          Destination(
            host: cluster.service.host, service: cluster.service.metadata.id, subset: cluster.subset?.name,
            port: cluster.port.number, via: via, security: group.security, endpoints: group.endpoints,
            destinationRule: cluster.destinationRule, forwarding: forwarding
          )
        )
      )
    }
      + bad.map { group in
        Branch(
          probability: share * Double(group.ready),
          outcome: .failure(failure(group.flag, group.reason, group.workloads))
        )
      }
      + none
  }

  private func fate(of workload: Workload, port: Int, cluster: Cluster) -> Handshake {
    guard workload.listens(on: port) else { return .refused(.upstreamConnectionFailure, .portNotServed) }
    let server = serverTLS(workload, port: port)
    let client = cluster.clientTLS ?? inferredTLS(workload, port: port)
    return Handshake(client, server, isServerFirst: cluster.port.isServerFirst)
  }
}

extension MeshView {
  /// How a client connects that no DestinationRule tells it (auto mTLS).
  private func inferredTLS(_ workload: Workload, port: Int) -> ClientTLS {
    switch expectedTLS(workload, port: port) {
    case .strict, .permissive: .istioMutual
    case .disabled, .noSidecar: .plaintext
    }
  }
}

/// What becomes of a connection between a client's proxy and a server's.
package enum Handshake: Hashable, Sendable {
  case served(Destination.Security)
  case refused(EnvoyFlag, Failure.Reason)

  /// The table of client and server modes.
  package init(_ client: ClientTLS, _ server: ServerTLS, isServerFirst: Bool) {
    let mismatch = Failure.Reason.mutualTLS(client: client, server: server)
    self =
      switch (client, server) {
      case (.istioMutual, .strict), (.istioMutual, .permissive): .served(.mutualTLS)
      case (.istioMutual, .disabled), (.istioMutual, .noSidecar): .refused(.upstreamConnectionFailure, mismatch)
      case (.plaintext, .strict): .refused(.upstreamConnectionTermination, mismatch)
      case (.plaintext, .permissive):
        // The server's proxy waits for bytes to tell TLS from plaintext, and the client for the server's greeting.
        isServerFirst ? .refused(.upstreamConnectionFailure, .serverFirst) : .served(.plaintext)
      case (.plaintext, .disabled), (.plaintext, .noSidecar): .served(.plaintext)
      case (.originated, .strict), (.originated, .permissive): .refused(.upstreamConnectionFailure, mismatch)
      case (.originated, .disabled), (.originated, .noSidecar): .served(.originatedTLS)
      }
  }
}
