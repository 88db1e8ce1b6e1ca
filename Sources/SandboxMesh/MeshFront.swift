internal import KubernetesModel
package import MeshModel
package import Sandbox

/// Plays the ingress gateway, every sidecar and the programs behind them, over the objects of a sandbox.
///
/// ``follow(_:)`` takes in what has changed; ``request(_:at:)`` sends a request from hop to hop. Each proxy decides by
/// the objects as they were when its own delay had not passed yet, so a wrong order of writes hurts here as it does in a
/// cluster; whether a pod answers depends on the pod as it is now. The same changes and requests give the same answers.
package struct MeshFront: Sendable {
  package let options: MeshOptions
  package let propagation: Propagation
  package var standIns: StandIns {
    didSet { chooseStandIns() }
  }
  /// The version of the store up to which this front has followed.
  package private(set) var version = 0
  /// Whether lines are kept for the pods' logs, to be had from ``takeLines()``.
  package var keepsLines = false

  var timeline: MeshTimeline
  var pods: [ObjectID: PodRecord] = [:]
  var numbers: SeededNumbers
  var lines: [PodLine] = []
  /// What the stand-ins keep.
  var data: [String: StandInData] = [:]
  var now = Timestamp(milliseconds: 0)
  let gatewayDelay: Int
  /// The ingress gateway, by whatever labels it goes.
  let gateway: Client
  private var clients: [Client: Int] = [:]
  /// As last seen, to tell what has changed.
  private var objects: [ObjectID: Value] = [:]
  private var services: [String: Service] = [:]
  private var areEdgesStale = false
  /// Pods that play the gateway, for its log.
  var gatewayPods: [ObjectID: String] = [:]

  package init(
    options: MeshOptions = MeshOptions(), propagation: Propagation = Propagation(), seed: UInt64 = 1,
    standIns: StandIns = StandIns(), gatewayLabels: [String: String] = SandboxCluster.ingressLabels
  ) {
    gateway = Client.gateway(labels: gatewayLabels, namespace: options.rootNamespace)
    self.options = options
    self.propagation = propagation
    self.standIns = standIns
    timeline = MeshTimeline(options: options, slowest: propagation.delays.upperBound)
    numbers = SeededNumbers(seed: seed)
    gatewayDelay = propagation.delay(of: "istio-ingressgateway." + options.rootNamespace)
    _ = number(of: gateway)
  }

  // MARK: - Following the cluster

  package mutating func follow(_ store: ClusterStore) { follow(ClusterNews(store, after: version)) }

  /// Takes in what has changed. News that came in before are passed over.
  package mutating func follow(_ news: ClusterNews) {
    now = max(now, news.now)
    switch news.content {
    case .changes(let events):
      for event in events where event.version > version {
        note(event.key.resource, event.object, isGone: event.kind == .deleted, at: event.at)
      }
    case .everything(let store): followAfresh(store)
    }
    version = max(version, news.version)
    if areEdgesStale { chooseEdges() }
  }

  /// On a pod: the Services that its program calls, where its environment does not name them.
  package static let callsAnnotation = "sandbox.rolloutc.dev/calls"

  private static let resources = [
    "namespaces", "pods", "services", "persistentvolumeclaims", "destinationrules.networking.istio.io",
    "gateways.networking.istio.io", "virtualservices.networking.istio.io", "peerauthentications.security.istio.io",
  ]

  /// The history is gone: what is there counts as written now.
  private mutating func followAfresh(_ store: ClusterStore) {
    var present: Set<ObjectID> = []
    for resource in MeshFront.resources {
      for object in store.all(resource) {
        if let id = ObjectID(object) { present.insert(id) }
        note(resource, object, isGone: false, at: now)
      }
    }
    for (id, object) in objects.sorted(by: { $0.key < $1.key }) where !present.contains(id) {
      note(id.kind == "Pod" ? "pods" : "", object, isGone: true, at: now)
    }
  }

  private mutating func note(_ resource: String, _ object: Value, isGone: Bool, at moment: Timestamp) {
    switch resource {
    case "pods": notePod(object, isGone: isGone, at: moment)
    case "persistentvolumeclaims":
      if isGone, let id = ObjectID(object) { data["claim \(id.namespace)/\(id.name)"] = nil }
    case "", "namespaces", "services", "destinationrules.networking.istio.io", "gateways.networking.istio.io",
      "virtualservices.networking.istio.io", "peerauthentications.security.istio.io":
      noteObject(object, isGone: isGone, at: moment)
    default: break
    }
  }

  private mutating func noteObject(_ object: Value, isGone: Bool, at moment: Timestamp) {
    guard let id = ObjectID(object) else { return }
    if isGone {
      if let service = objects.removeValue(forKey: id).flatMap({ parsedService($0) }) { services[service.host] = nil }
      timeline.append(.remove(id), at: moment)
    } else {
      if let known = objects[id], meaning(known) == meaning(object) { return }
      objects[id] = object
      guard let parsed = MeshObject.parse(object, options: options) else { return }
      if case .service(let service) = parsed.content { services[service.host] = service }
      timeline.append(.put(parsed), at: moment)
    }
    if id.group.isEmpty, id.kind == "Service" { areEdgesStale = true }
  }

  /// All of an object that a proxy could know of.
  private func meaning(_ object: Value) -> [Value?] {
    [
      object["spec"], object.at("metadata", "labels"), object.at("metadata", "annotations"),
      object.at("metadata", "uid"),
    ]
  }

  private func parsedService(_ object: Value) -> Service? {
    if case .service(let service)? = MeshObject.parse(object, options: options)?.content { service } else { nil }
  }

  // MARK: - Pods

  private mutating func notePod(_ object: Value, isGone: Bool, at moment: Timestamp) {
    guard let id = ObjectID(object), let uid = object.at("metadata", "uid")?.string else { return }
    if isGone || ["Succeeded", "Failed"].contains(object.at("status", "phase")?.string ?? "") {
      guard let record = pods.removeValue(forKey: id) else { return }
      objects[id] = nil
      gatewayPods[id] = nil
      if record.dataKey.hasPrefix("run ") { data[record.dataKey] = nil }
      timeline.append(.remove(id), at: moment)
      return
    }
    let labels = object.at("metadata", "labels")
    let isKnown = objects[id].map { $0.at("metadata", "labels") == labels && pods[id]?.uid == uid } ?? false
    let wasReady = objects[id]?.isReadyPod ?? false
    if !isKnown {
      pods[id] = record(of: object, id: id, uid: uid, labels: labels?.strings ?? [:])
      if let parsed = MeshObject.parse(object, options: options) { timeline.append(.put(parsed), at: moment) }
      if id.namespace == options.rootNamespace, SandboxCluster.ingressLabels.allSatisfy({ labels?[$0]?.string == $1 }) {
        gatewayPods[id] = uid
      }
    }
    let isReady = object.isReadyPod
    if !isKnown || isReady != wasReady { timeline.append(.ready(id, isReady ? 1 : 0), at: moment) }
    objects[id] = object
    pods[id]?.isRunning = object.isRunningPod
    let key = dataKey(of: object, uid: uid)
    if let old = pods[id]?.dataKey, old != key {
      // A container that was restarted has lost what it kept in memory.
      if old.hasPrefix("run ") { data[old] = nil }
      pods[id]?.dataKey = key
    }
  }

  private func dataKey(of pod: Value, uid: String) -> String {
    for volume in pod.at("spec", "volumes")?.array ?? [] {
      guard let name = volume.at("persistentVolumeClaim", "claimName")?.string else { continue }
      let namespace = pod.at("metadata", "namespace")?.string ?? ""
      return "claim \(namespace)/\(name)"
    }
    return "run \(uid) \(pod.at("status", "containerStatuses")?[0]?["restartCount"]?.int ?? 0)"
  }

  private mutating func record(of object: Value, id: ObjectID, uid: String, labels: [String: String]) -> PodRecord {
    let container = object.at("spec", "containers")?[0]
    var environment: [String: String] = [:]
    for variable in container?["env"]?.array ?? [] {
      if let name = variable["name"]?.string, let value = variable["value"]?.string { environment[name] = value }
    }
    let pod = StandInPod(
      identity: PodIdentity(namespace: id.namespace, name: id.name, app: labels["app"], version: labels["version"]),
      image: container?["image"]?.string ?? "", environment: environment,
      calls: (object.at("metadata", "annotations", MeshFront.callsAnnotation)?.string ?? "").split(separator: ",").map {
        $0.filter { $0 != " " }
      })
    let hasSidecar = (object.at("spec", "containers")?.array ?? []).contains { $0["name"] == "istio-proxy" }
    let client: Client =
      hasSidecar ? .sidecar(labels: labels, namespace: id.namespace) : .plain(namespace: id.namespace)
    let chosen = standIns.standIn(for: pod)
    return PodRecord(
      uid: uid, pod: pod, standIn: chosen ?? DefaultStandIn(edges: edges(of: pod)), isDefault: chosen == nil,
      client: client, clientNumber: number(of: client),
      propagationDelay: propagation.delay(of: id.name + "." + id.namespace), dataKey: dataKey(of: object, uid: uid))
  }

  mutating func number(of client: Client) -> Int {
    if let known = clients[client] { return known }
    clients[client] = clients.count
    return clients.count - 1
  }

  private mutating func chooseStandIns() {
    for (id, record) in pods {
      let chosen = standIns.standIn(for: record.pod)
      pods[id] = PodRecord(
        uid: record.uid, pod: record.pod, standIn: chosen ?? DefaultStandIn(edges: edges(of: record.pod)),
        isDefault: chosen == nil, client: record.client, clientNumber: record.clientNumber,
        propagationDelay: record.propagationDelay, isRunning: record.isRunning, dataKey: record.dataKey)
    }
  }

  private mutating func chooseEdges() {
    areEdgesStale = false
    for (id, record) in pods where record.isDefault {
      let standIn = DefaultStandIn(edges: edges(of: record.pod))
      pods[id]?.standIn = standIn
    }
  }

  /// What somebody said, else the Services that a pod names: in its annotation, `reviews:9080,details`, and in its
  /// environment, `RATINGS_HOST=ratings`, `REVIEWS=http://reviews:9080/`.
  private func edges(of pod: StandInPod) -> [CallEdge] {
    if let version = pod.componentVersion, let known = standIns.edges[version] { return known }
    var edges: [CallEdge] = []
    let stated = pod.calls.map { ("", $0) }
    for (variable, value) in stated + pod.environment.sorted(by: { $0.key < $1.key }) {
      let target = StandInPod.target(value, port: 0)
      guard let service = service(target.host, from: pod.identity.namespace) else { continue }
      let word = variable.lowercased()
      // Without a port, the one whose name the variable begins with (`REDIS_HOST`), else the first.
      let port =
        target.port > 0
        ? service.port(target.port)
        : service.ports.first { $0.name.map { word.hasPrefix($0.lowercased()) } ?? false } ?? service.ports.first
      guard let port else { continue }
      let edge = CallEdge(host: target.host, port: port.number, isHTTP: port.proto == .http || port.proto == .sniffed)
      if !edges.contains(edge) { edges.append(edge) }
    }
    return edges
  }

  private func service(_ host: String, from namespace: String) -> Service? {
    let domain = options.clusterDomain
    return services[host] ?? services["\(host).\(namespace).svc.\(domain)"] ?? services["\(host).svc.\(domain)"]
      ?? services["\(host).\(domain)"]
  }

  /// The port of the gateway's server that a single listener for visitors plays: 80, else the least that carries HTTP.
  package var visitorsPort: Int {
    var ports: Set<Int> = []
    for object in objects.values where object["kind"] == "Gateway" {
      for server in object.at("spec", "servers")?.array ?? [] {
        guard let port = server.at("port", "number")?.int else { continue }
        let proto = server.at("port", "protocol")?.string?.uppercased() ?? "HTTP"
        if ["GRPC", "HTTP", "HTTP2"].contains(proto) { ports.insert(port) }
      }
    }
    return ports.contains(80) ? 80 : ports.min() ?? 80
  }
}

/// A line for a pod's log.
package struct PodLine: Hashable, Sendable {
  package var uid: String
  /// Nil: the first container.
  package var container: String?
  package var text: String
}
