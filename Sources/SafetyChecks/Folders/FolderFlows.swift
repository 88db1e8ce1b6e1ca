internal import KubernetesModel
internal import MeshModel

/// Requests of one kind, as the objects themselves suggest them: there is no plan that says who calls whom.
struct FolderFlow {
  /// Who sends them, for a person.
  var who: String
  /// What they are for: the gateway, or the service.
  var callee: String
  /// The service that is called; nil at a gateway.
  var service: ObjectID?
  /// The workloads that send them; none where they come from outside, or from somebody of whom nothing is known.
  var senders: [ObjectID] = []
  /// Which of the two folders has somebody who sends them.
  var isBefore = true
  var isAfter = true
  var client: Client
  var traffic: Traffic
}

/// Every request that some rule tells apart, through each gateway and to each service.
///
/// See ``FolderRequests`` for what a rule's conditions make. Callers of a service are the
/// workloads that its lanes name, those whose environment names it, and those that `calls` knows of; where there are
/// none, one that has no labels. Who has no pods calls nobody.
struct FolderFlows {
  private let before: FolderObjects
  private let after: FolderObjects
  private let calls: (FolderObjects.Pods, ObjectID) -> Bool
  /// Hosts of every route and server of a gateway.
  private var known: Set<String>
  /// Rules that are not in both folders, or at another place.
  private let changed: Set<Value>
  private(set) var flows: [FolderFlow] = []
  /// VirtualServices whose rules tell apart more requests than are asked about.
  private(set) var cut: [ObjectID] = []
  private var seen: Set<Key> = []

  private struct Key: Hashable {
    var client: Client
    var traffic: Traffic
    var senders: [ObjectID]
  }

  init(
    _ before: FolderObjects, _ after: FolderObjects, calls: @escaping (FolderObjects.Pods, ObjectID) -> Bool
  ) {
    self.before = before
    self.after = after
    self.calls = calls
    changed = FolderFlows.changedRules(before, after)
    // At a gateway nobody asks for what only the mesh has routes for.
    known = Set((before.routes + after.routes).filter { $0.gateways != ["mesh"] }.flatMap(\.hosts))
    for gateway in before.gateways + after.gateways {
      for server in gateway.value.at("spec", "servers")?.array ?? [] {
        known.formUnion((server["hosts"]?.array ?? []).compactMap(\.string))
      }
    }
    for stage in [before, after] { for gateway in stage.gateways { addEntries(gateway, stage) } }
    var seen: Set<ObjectID> = []
    for service in before.services + after.services where seen.insert(service.id).inserted { addCalls(service) }
  }

  private func routes(where isBound: (FolderObjects.Routes) -> Bool) -> [FolderObjects.Routes] {
    (before.routes + after.routes).filter(isBound)
  }

  private static func changedRules(_ before: FolderObjects, _ after: FolderObjects) -> Set<Value> {
    var changed: Set<Value> = []
    let old = Dictionary(before.routes.map { ($0.id, $0) }) { first, _ in first }
    let new = Dictionary(after.routes.map { ($0.id, $0) }) { first, _ in first }
    for id in Set(old.keys).union(new.keys) {
      guard let old = old[id], let new = new[id], old.hosts == new.hosts, old.gateways == new.gateways else {
        changed.formUnion((old[id]?.http ?? []) + (new[id]?.http ?? []))
        continue
      }
      for change in new.http.difference(from: old.http) {
        switch change {
        case .insert(_, let rule, _), .remove(_, let rule, _): changed.insert(rule)
        }
      }
    }
    return changed
  }

  private mutating func kinds(of routes: [FolderObjects.Routes]) -> [FolderRequest] {
    let requests = FolderRequests(of: routes.flatMap(\.http), changed: changed)
    if requests.isCut { cut += routes.map(\.id).filter { !cut.contains($0) } }
    return requests.all
  }

  // MARK: - From outside

  private mutating func addEntries(_ gateway: PlacedObject, _ stage: FolderObjects) {
    let client = Client.gateway(
      labels: strings(gateway.value.at("spec", "selector")), namespace: stage.namespace(ofGateway: gateway.value))
    let routes = routes { $0.gateways.contains("\(gateway.id.namespace)/\(gateway.id.name)") }
    for server in gateway.value.at("spec", "servers")?.array ?? [] {
      guard let port = server.at("port", "number")?.int else { continue }
      let word = (server.at("port", "protocol")?.string ?? "HTTP").uppercased()
      let isPassedOn = ["PASSTHROUGH", "AUTO_PASSTHROUGH"].contains(server.at("tls", "mode")?.string)
      let isHTTP = ["HTTP", "HTTP2", "HTTPS", "GRPC"].contains(word) && !isPassedOn
      let asked = Set(routes.flatMap(\.hosts)).sorted().flatMap { host in
        hostWitnesses(of: host, known: known).map { (host, $0) }
      }
      for (host, name) in asked {
        let own = routes.filter { $0.hosts.contains(host) }
        let callee = "gateway port \(port)"
        guard isHTTP else {
          add(
            FolderFlow(
              who: "connections", callee: callee, client: client,
              traffic: .tcp(TCPConnection(host: name, port: port, sni: isPassedOn ? name : nil))))
          continue
        }
        for kind in kinds(of: own) {
          let request = HTTPRequest(
            host: kind.authority ?? name, port: port, path: kind.target, method: kind.method, headers: kind.fields,
            scheme: word == "HTTPS" ? "https" : "http")
          add(FolderFlow(who: kind.visitors, callee: callee, client: client, traffic: .http(request)))
        }
      }
    }
  }

  // MARK: - Inside

  /// Workloads whose pods no rule can tell apart.
  private struct Caller {
    var ids: [ObjectID] = []
    var client: Client
    var isBefore: Bool
    var isAfter: Bool

    var who: String {
      guard let first = ids.first else { return "calls" }
      if case .plain = client { return "calls of `\(first.name)`, which has no sidecar," }
      return "calls of `\(first.name)`"
    }
  }

  private mutating func addCalls(_ service: FolderObjects.Front) {
    let routes = routes { $0.isForMesh && $0.covers(service.service.host) }
    let variants = (before.services + after.services).filter { $0.id == service.id }
    let kinds = kinds(of: routes)
    for caller in callers(of: service, routes) {
      for port in variants.flatMap(\.service.ports) {
        var flow = FolderFlow(
          who: caller.who, callee: "`\(service.id.name)` port \(port.number)", service: service.id,
          senders: caller.ids, isBefore: caller.isBefore, isAfter: caller.isAfter, client: caller.client,
          traffic: .tcp(TCPConnection(host: service.service.host, port: port.number)))
        switch port.proto {
        case .udp: continue
        case .http:
          for kind in kinds {
            flow.who = caller.who + kind.words
            flow.traffic = .http(
              HTTPRequest(
                host: kind.authority ?? service.service.host, port: port.number, path: kind.target,
                method: kind.method, headers: kind.fields, dialled: service.service.host))
            add(flow)
          }
        case .tcp, .tls, .sniffed: add(flow)
        }
      }
    }
  }

  private func callers(of service: FolderObjects.Front, _ routes: [FolderObjects.Routes]) -> [Caller] {
    let lanes = routes.flatMap(\.rules).flatMap { $0["match"]?.array ?? [] }.compactMap { $0["sourceLabels"] }
      .map(strings)
    var callers: [Caller] = []
    var isNamedBySleepers = false
    for (stage, isBefore) in [(before, true), (after, false)] {
      for pods in stage.pods {
        let isOwn = service.hasSelector && pods.has(service.service.selector)
        let isNamed = calls(pods, service.id) || !isOwn && stage.mentions(pods, service.id)
        guard isNamed || lanes.contains(where: pods.has) else { continue }
        if stage.isAsleep(pods) {
          isNamedBySleepers = isNamedBySleepers || isNamed
          continue
        }
        let namespace = pods.id.namespace
        let client: Client =
          pods.hasSidecar ? .sidecar(labels: pods.labels, namespace: namespace) : .plain(namespace: namespace)
        if let place = callers.firstIndex(where: { $0.client == client && (pods.hasSidecar || $0.ids == [pods.id]) }) {
          if !callers[place].ids.contains(pods.id) { callers[place].ids.append(pods.id) }
          if isBefore { callers[place].isBefore = true } else { callers[place].isAfter = true }
        } else {
          callers.append(Caller(ids: [pods.id], client: client, isBefore: isBefore, isAfter: !isBefore))
        }
      }
    }
    if callers.isEmpty {
      if isNamedBySleepers { return [] }
      let client = Client.sidecar(labels: [:], namespace: service.id.namespace)
      return [Caller(client: client, isBefore: true, isAfter: true)]
    }
    return callers.sorted { ($0.ids.first?.name ?? "") < ($1.ids.first?.name ?? "") }
  }

  private mutating func add(_ flow: FolderFlow) {
    if seen.insert(Key(client: flow.client, traffic: flow.traffic, senders: flow.senders)).inserted {
      flows.append(flow)
    }
  }
}
