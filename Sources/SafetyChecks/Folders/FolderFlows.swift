internal import KubernetesModel
internal import MeshModel

/// Requests of one kind, as the objects themselves suggest them: there is no plan that says who calls whom.
struct FolderFlow {
  /// Who sends them, for a person.
  var who: String
  /// What they are for: the gateway, or the service.
  var callee: String
  var client: Client
  var traffic: Traffic
}

/// Every request that some rule tells apart, through each gateway and to each service.
///
/// A rule's own conditions make a request that meets them, and one request meets none. Callers of a service are the
/// workloads that its lanes name and those whose environment names it; where there are none, one that has no labels.
struct FolderFlows {
  private let objects: [Value]
  private let services: [Service]
  private(set) var flows: [FolderFlow] = []

  init(_ objects: [Value], options: MeshOptions) {
    self.objects = objects
    services = objects.compactMap { value in
      guard case .service(let service)? = MeshObject.parse(value, options: options)?.content else { return nil }
      return service
    }
    var seen: Set<ObjectID> = []
    for gateway in objects where gateway["kind"]?.string == "Gateway" { addEntries(gateway) }
    for service in services where seen.insert(service.metadata.id).inserted { addCalls(service, options) }
  }

  // MARK: - From outside

  private mutating func addEntries(_ gateway: Value) {
    guard let id = ObjectID(gateway) else { return }
    let selector = strings(gateway.at("spec", "selector"))
    let client = Client.gateway(labels: selector, namespace: "istio-system")
    let routes = virtualServices { $0.contains("\(id.namespace)/\(id.name)") }
    for server in gateway.at("spec", "servers")?.array ?? [] {
      guard let port = server.at("port", "number")?.int else { continue }
      let word = (server.at("port", "protocol")?.string ?? "HTTP").uppercased()
      let isHTTP = ["HTTP", "HTTP2", "HTTPS", "GRPC"].contains(word)
      for host in Set(routes.flatMap { texts($0.at("spec", "hosts")) }).sorted() {
        let own = routes.filter { texts($0.at("spec", "hosts")).contains(host) }
        let name = host == "*" ? "example.com" : host.hasPrefix("*.") ? "any" + host.dropFirst() : host
        let callee = "gateway port \(port)"
        guard isHTTP else {
          add(
            FolderFlow(
              who: "connections", callee: callee, client: client,
              traffic: .tcp(TCPConnection(host: name, port: port))))
          continue
        }
        for kind in kinds(of: own) {
          let request = HTTPRequest(
            host: name, port: port, path: kind.path, headers: kind.headers, scheme: word == "HTTPS" ? "https" : "http")
          add(FolderFlow(who: kind.visitors, callee: callee, client: client, traffic: .http(request)))
        }
      }
    }
  }

  // MARK: - Inside

  private mutating func addCalls(_ service: Service, _ options: MeshOptions) {
    let namespace = service.metadata.namespace
    let routes = virtualServices { $0.contains("mesh") }.filter { route in
      let own = route.at("metadata", "namespace")?.string ?? ""
      return texts(route.at("spec", "hosts")).contains { full($0, own, options) == service.host }
    }
    var callers: [(name: String, labels: [String: String])] = []
    for workload in objects where isWorkload(workload) {
      let labels = podLabels(workload)
      let isNamed = lanes(of: routes).contains { lane in lane.allSatisfy { labels[$0.key] == $0.value } }
      let isOwn = !service.selector.isEmpty && service.selector.allSatisfy { labels[$0.key] == $0.value }
      if isNamed || !isOwn && mentions(workload, service.metadata.id.name),
        !callers.contains(where: { $0.labels == labels })
      {
        callers.append((workload.at("metadata", "name")?.string ?? "a workload", labels))
      }
    }
    if callers.isEmpty { callers = [("", [:])] }
    let ports = services.filter { $0.metadata.id == service.metadata.id }.flatMap(\.ports)
    for caller in callers.sorted(by: { $0.name < $1.name }) {
      let who = caller.name.isEmpty ? "calls" : "calls of `\(caller.name)`"
      let client = Client.sidecar(labels: caller.labels, namespace: namespace)
      for port in ports {
        let callee = "`\(service.metadata.id.name)` port \(port.number)"
        switch port.proto {
        case .udp: continue
        case .http:
          for kind in kinds(of: routes) {
            let request = HTTPRequest(host: service.host, port: port.number, path: kind.path, headers: kind.headers)
            add(
              FolderFlow(
                who: who + kind.words, callee: callee, client: client, traffic: .http(request)))
          }
        case .tcp, .tls, .sniffed:
          add(
            FolderFlow(
              who: who, callee: callee, client: client,
              traffic: .tcp(TCPConnection(host: service.host, port: port.number))))
        }
      }
    }
  }

  private mutating func add(_ flow: FolderFlow) {
    if !flows.contains(where: { $0.client == flow.client && $0.traffic == flow.traffic }) { flows.append(flow) }
  }

  // MARK: - Requests

  private struct Kind: Hashable {
    struct Header: Hashable {
      var name: String
      var value: String
    }

    var path = "/"
    var own: [Header] = []

    var headers: [(String, String)] { own.map { ($0.name, $0.value) } }

    var words: String {
      let parts = (path == "/" ? [] : ["path `\(path)`"]) + own.map { "`\($0.name): \($0.value)`" }
      return parts.isEmpty ? "" : " with " + parts.joined(separator: " and ")
    }

    var visitors: String { words.isEmpty ? "visitors without a rule of their own" : "visitors" + words }
  }

  /// One request that meets nothing, and one for each match.
  private func kinds(of routes: [Value]) -> [Kind] {
    var kinds = [Kind()]
    for rule in routes.flatMap({ $0.at("spec", "http")?.array ?? [] }) {
      for match in rule["match"]?.array ?? [] {
        var kind = Kind()
        if let path = match["uri"].flatMap(sample) { kind.path = path.hasPrefix("/") ? path : "/" + path }
        for header in match["headers"]?.fields?.entries ?? [] {
          kind.own.append(Kind.Header(name: header.key, value: sample(header.value) ?? "any"))
        }
        if !kinds.contains(kind) { kinds.append(kind) }
      }
    }
    return kinds
  }

  /// Some text that a string match takes.
  private func sample(_ match: Value) -> String? {
    if let exact = match["exact"]?.string { return exact }
    if let prefix = match["prefix"]?.string { return prefix }
    return match["regex"]?.string.flatMap(witness)
  }

  // MARK: - Objects

  private func virtualServices(where isBound: ([String]) -> Bool) -> [Value] {
    objects.filter { object in
      guard object["kind"]?.string == "VirtualService" else { return false }
      let namespace = object.at("metadata", "namespace")?.string ?? ""
      let gateways = texts(object.at("spec", "gateways"))
      return isBound(
        gateways.isEmpty ? ["mesh"] : gateways.map { $0 == "mesh" || $0.contains("/") ? $0 : "\(namespace)/\($0)" })
    }
  }

  private func lanes(of routes: [Value]) -> [[String: String]] {
    routes.flatMap { route in
      ["http", "tcp", "tls"].flatMap { route.at("spec", $0)?.array ?? [] }.flatMap { $0["match"]?.array ?? [] }
        .compactMap { $0["sourceLabels"] }.map(strings)
    }
  }

  private func isWorkload(_ object: Value) -> Bool {
    ["Deployment", "StatefulSet", "Pod"].contains(object["kind"]?.string ?? "")
  }

  private func podLabels(_ workload: Value) -> [String: String] {
    let template = workload["kind"]?.string == "Pod" ? workload : workload.at("spec", "template") ?? .null
    return strings(template.at("metadata", "labels"))
  }

  /// Some environment variable or argument names the service as a host.
  private func mentions(_ workload: Value, _ service: String) -> Bool {
    let template = workload["kind"]?.string == "Pod" ? workload : workload.at("spec", "template") ?? .null
    let texts = (template.at("spec", "containers")?.array ?? []).flatMap { container in
      (container["env"]?.array ?? []).compactMap { $0["value"]?.string } + self.texts(container["args"])
    }
    return texts.contains { text in
      text.utf8.split { byte in ![0x2D, 0x2E].contains(byte) && !isWord(byte) }.contains { part in
        let name = String(Substring(part))
        return name == service || name.hasPrefix(service + ".")
      }
    }
  }

  private func isWord(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }

  private func full(_ host: String, _ namespace: String, _ options: MeshOptions) -> String {
    host.utf8.contains(UInt8(ascii: ".")) ? host : "\(host).\(namespace).svc.\(options.clusterDomain)"
  }

  private func texts(_ value: Value?) -> [String] { (value?.array ?? []).compactMap(\.string) }

  private func strings(_ value: Value?) -> [String: String] {
    var all: [String: String] = [:]
    for entry in value?.fields?.entries ?? [] { if let text = entry.value.string { all[entry.key] = text } }
    return all
  }
}
