internal import KubernetesModel
internal import MeshModel

/// The objects of a folder as routing sees them, beside what was written: a parsed object keeps only what it can use, and
/// a lint is about the rest.
struct FolderObjects {
  struct Routes {
    var object: PlacedObject
    /// Full names.
    var hosts: [String]
    /// `namespace/name`, or `mesh`.
    var gateways: [String]

    var id: ObjectID { object.id }
    var isForMesh: Bool { gateways.contains("mesh") }

    func covers(_ host: String) -> Bool { hosts.contains { takes($0, host) } }

    var http: [Value] { object.value.at("spec", "http")?.array ?? [] }
    var tcp: [Value] { object.value.at("spec", "tcp")?.array ?? [] }
    var tls: [Value] { object.value.at("spec", "tls")?.array ?? [] }
    var rules: [Value] { http + tcp + tls }
  }

  struct Rule {
    var object: PlacedObject
    var host: String
    var subsets: [(name: String, labels: [String: String])]

    var id: ObjectID { object.id }
    var policies: [Value] {
      ([object.value.at("spec", "trafficPolicy")]
        + (object.value.at("spec", "subsets")?.array ?? []).map { $0["trafficPolicy"] }).compactMap(\.self)
    }
  }

  struct Pods {
    var object: PlacedObject
    var labels: [String: String]
    var replicas: Int
    /// Where pods declare nothing, nothing is known about what they listen on.
    var ports: [(name: String?, number: Int)]
    var hasSidecar: Bool

    var id: ObjectID { object.id }
    var template: Value { isPod ? object.value : object.value.at("spec", "template") ?? .null }
    var isPod: Bool { id.kind == "Pod" }

    func has(_ wanted: [String: String]) -> Bool { wanted.allSatisfy { labels[$0.key] == $0.value } }
  }

  struct Front {
    var object: PlacedObject
    var service: Service

    var id: ObjectID { object.id }
    /// Somebody else says which endpoints it has, or none are wanted.
    var hasSelector: Bool { !service.selector.isEmpty }
  }

  let options: MeshOptions
  private(set) var routes: [Routes] = []
  private(set) var rules: [Rule] = []
  private(set) var pods: [Pods] = []
  private(set) var services: [Front] = []
  private(set) var gateways: [PlacedObject] = []
  private(set) var namespaces: [String: Value] = [:]
  /// Names of workloads of which something else says how many pods they have, by namespace.
  private var scaled: [String: Set<String>] = [:]

  init(_ stage: FolderStage, options: MeshOptions) {
    self.options = options
    let objects = stage.objects.values.sorted { $0.id < $1.id }
    for object in objects where object.id.kind == "Namespace" { namespaces[object.id.name] = object.value }
    for object in objects { add(object) }
  }

  private mutating func add(_ object: PlacedObject) {
    let spec = object.value["spec"] ?? .null
    let namespace = object.id.namespace
    if let target = spec.at("scaleTargetRef", "name")?.string { scaled[namespace, default: []].insert(target) }
    switch MeshObject.parse(object.value, options: options)?.content {
    case .service(let service): services.append(Front(object: object, service: service))
    case .gateway: gateways.append(object)
    case .workload(let workload):
      pods.append(
        Pods(
          object: object, labels: workload.labels, replicas: replicas(object.value),
          ports: workload.ports.map { ($0.name, $0.number) }, hasSidecar: hasSidecar(workload, namespace)))
    case .virtualService:
      let names = texts(spec["gateways"])
      routes.append(
        Routes(
          object: object, hosts: texts(spec["hosts"]).map { fullName($0, namespace) },
          gateways: names.isEmpty
            ? ["mesh"] : names.map { $0 == "mesh" || $0.contains("/") ? $0 : "\(namespace)/\($0)" }))
    case .destinationRule:
      rules.append(
        Rule(
          object: object, host: fullName(spec["host"]?.string ?? "", namespace),
          subsets: (spec["subsets"]?.array ?? []).compactMap { subset in
            subset["name"]?.string.map { ($0, strings(subset["labels"])) }
          }))
    case .namespace, .peerAuthentication, nil: break
    }
  }

  private func hasSidecar(_ workload: Workload, _ namespace: String) -> Bool {
    switch workload.sidecar {
    case .present: true
    case .absent: false
    case .byNamespace: injects(namespace)
    }
  }

  /// A namespace of which no file speaks has sidecars.
  private func injects(_ namespace: String) -> Bool {
    guard let object = namespaces[namespace] else { return true }
    return Namespace.injects(strings(object.at("metadata", "labels")))
  }

  // MARK: - Looking things up

  func service(_ host: String) -> Front? { services.first { $0.service.host == host } }

  func pods(behind service: Front) -> [Pods] {
    guard service.hasSelector else { return [] }
    return pods.filter { $0.id.namespace == service.id.namespace && $0.has(service.service.selector) }
  }

  /// It has no pods, and nothing else gives it some.
  func isAsleep(_ pods: Pods) -> Bool {
    pods.replicas == 0 && scaled[pods.id.namespace]?.contains(pods.id.name) != true
  }

  func rules(for host: String) -> [Rule] { rules.filter { $0.host == host } }

  /// Where the pods of a gateway are: of the workload that it selects, else where Istio puts its own.
  func namespace(ofGateway gateway: Value) -> String {
    let selector = strings(gateway.at("spec", "selector"))
    return pods.first { !selector.isEmpty && $0.has(selector) }?.id.namespace ?? "istio-system"
  }

  func gateway(_ name: String) -> PlacedObject? { gateways.first { "\($0.id.namespace)/\($0.id.name)" == name } }

  func fullName(_ host: String, _ namespace: String) -> String {
    host.utf8.contains(UInt8(ascii: ".")) || host == "*"
      ? host : "\(host).\(namespace).svc.\(options.clusterDomain)"
  }

  /// Whether some environment variable or argument of a workload names the service as a host.
  func mentions(_ pods: Pods, _ service: ObjectID) -> Bool {
    var said: [String] = []
    for container in pods.template.at("spec", "containers")?.array ?? [] {
      said += (container["env"]?.array ?? []).compactMap { $0["value"]?.string }
      said += texts(container["args"])
      said += texts(container["command"])
    }
    // From another namespace the bare name is another service.
    let isNear = pods.id.namespace == service.namespace
    return said.contains { text in
      text.utf8.split { byte in ![0x2D, 0x2E].contains(byte) && !isWord(byte) }.contains { part in
        let parts = String(Substring(part)).split(separator: ".")
        guard parts.first.map(String.init) == service.name else { return false }
        return parts.count == 1 ? isNear : parts[1] == service.namespace
      }
    }
  }

  private func isWord(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }
}

/// The strings of a list.
func texts(_ value: Value?) -> [String] { (value?.array ?? []).compactMap(\.string) }

/// The members of an object that are strings.
func strings(_ value: Value?) -> [String: String] {
  var all: [String: String] = [:]
  for entry in value?.fields?.entries ?? [] { if let text = entry.value.string { all[entry.key] = text } }
  return all
}

/// `a: b, c: d`, sorted.
func words(_ labels: [String: String]) -> String {
  labels.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
}

/// Whether a host as an object names it, `*` for any text before the rest, takes requests for `host`.
func takes(_ pattern: String, _ host: String) -> Bool {
  pattern == host || pattern.hasPrefix("*") && host.hasSuffix(pattern.dropFirst())
}
