internal import ClusterAPI
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

/// Finds where visitors of a component come in, from the Gateway that its routes are bound to: the Gateway selects the
/// ingress pods, and the Service that selects the same pods has the addresses.
///
/// In order: the load balancer's address, then a port of a node, then the API server as a proxy. All of them are given,
/// for only trying shows which can be reached from here.
struct GatewayFinder {
  let cluster: any Cluster
  let renderer: Renderer

  /// More than a few would only make the wait long where none of them can be reached.
  private static let triedNodes = 2

  func routes(to component: ComponentID, _ exposure: Exposure) async throws(ProbeError) -> [GatewayRoute] {
    let id = renderer.gatewayID(of: component, exposure)
    let gateway = try await gateway(id)
    let selector = gateway.at("spec", "selector")?.fields ?? [:]
    let server = gateway.at("spec", "servers")?.array?.first { $0.at("port", "number")?.int == exposure.port }
    let isTLS = server.map { ["HTTPS", "TLS"].contains($0.at("port", "protocol")?.string) } ?? exposure.isTLS
    let services = try await cluster.services(near: id.namespace).ingresses(of: selector, port: exposure.port)
    if services.isEmpty {
      throw ProbeError(
        "no Service with port \(exposure.port) selects the pods of `\(id)` (\(selectorText(selector)))", isFinal: true)
    }
    var routes: [GatewayRoute] = []
    for service in services { routes += loadBalancers(service, exposure.port, isTLS) }
    for service in services { routes += await nodePorts(service, exposure.port, isTLS) }
    // The API server names no server when it opens TLS, so that a gateway of several hosts cannot tell which is meant.
    if !isTLS || exposure.hosts.contains("*") {
      for service in services {
        let (namespace, name) = place(of: service)
        routes.append(
          GatewayRoute(
            way: .apiServer(namespace: namespace, service: name, port: front(exposure.port, of: service)), isTLS: isTLS,
            origin: "the API server's proxy to Service/\(name) in \(namespace)"))
      }
    }
    return routes
  }

  private func gateway(_ id: ObjectID) async throws(ProbeError) -> Value {
    do throws(ClusterError) {
      let version = try await cluster.versions(of: id.group).first ?? "v1"
      let type = try await cluster.resourceType(of: id.kind, in: GroupVersion(group: id.group, version: version))
      return try await cluster.get(type.named(id.name, in: id.namespace))
    } catch {
      throw ProbeError(
        "`\(id)` in \(id.namespace) cannot be read: \(error)", isFinal: error.isNotFound || error == .cancelled)
    }
  }

  private func loadBalancers(_ service: Value, _ port: Int, _ isTLS: Bool) -> [GatewayRoute] {
    let (namespace, name) = place(of: service)
    let ingress = service.at("status", "loadBalancer", "ingress")?.array ?? []
    let hosts =
      ingress.compactMap { $0["ip"]?.string ?? $0["hostname"]?.string }
      + (service.at("spec", "externalIPs")?.array ?? []).compactMap(\.string)
    return hosts.map { host in
      GatewayRoute(
        way: .address(authority(host, front(port, of: service))), isTLS: isTLS,
        origin: "load balancer of Service/\(name) in \(namespace)")
    }
  }

  /// The Service's own number of the Gateway's port.
  private func front(_ port: Int, of service: Value) -> Int { service.ingressPort(port)?["port"]?.int ?? port }

  private func nodePorts(_ service: Value, _ port: Int, _ isTLS: Bool) async -> [GatewayRoute] {
    guard let nodePort = service.ingressPort(port)?["nodePort"]?.int else { return [] }
    // Nodes are often not for everybody's eyes, and this is only one of several ways.
    guard let nodes = try? await cluster.list(ResourceType.nodes.collection(in: nil)).items else { return [] }
    let (namespace, name) = place(of: service)
    return nodes.filter(isReady).prefix(Self.triedNodes).compactMap { node in
      let addresses = node.at("status", "addresses")?.array ?? []
      let host = ["ExternalIP", "InternalIP"].lazy.compactMap { kind in
        addresses.first { $0["type"]?.string == kind }?["address"]?.string
      }.first
      return host.map { host in
        GatewayRoute(
          way: .address(authority(host, nodePort)), isTLS: isTLS,
          origin: "node port of Service/\(name) in \(namespace)")
      }
    }
  }

  private func isReady(_ node: Value) -> Bool {
    (node.at("status", "conditions")?.array ?? []).contains {
      $0["type"]?.string == "Ready" && $0["status"]?.string == "True"
    }
  }
}

extension Cluster {
  /// The Services of all namespaces, by namespace and name; without the right to see them all those of `namespace`, and of
  /// where an ingress usually stands.
  func services(near namespace: String) async throws(ProbeError) -> [Value] {
    var all: [Value] = []
    do throws(ClusterError) {
      all = try await list(ResourceType.services.collection(in: nil)).items
    } catch {
      guard error.isForbidden else { throw ProbeError("the Services cannot be listed: \(error)") }
      var isRefusedEverywhere = true
      for namespace in [namespace] + usualNamespaces where namespace != "" {
        guard let items = try? await list(ResourceType.services.collection(in: namespace)).items else { continue }
        isRefusedEverywhere = false
        all += items
      }
      if isRefusedEverywhere {
        throw ProbeError("the ingress gateway's Service cannot be looked for: \(error)", isFinal: true)
      }
    }
    return all.sorted { place(of: $0) < place(of: $1) }
  }
}

/// Where ingress gateways stand where not all namespaces may be looked at: Istio's charts and AKS's add-on.
private let usualNamespaces = ["istio-system", "istio-ingress", "aks-istio-ingress"]

extension [Value] {
  /// Those of these Services that stand in front of the pods that a Gateway selects, with a way to its port.
  func ingresses(of selector: Fields, port: Int) -> [Value] {
    filter { $0.isIngress(of: selector) && $0.ingressPort(port) != nil }
  }
}

extension Value {
  /// Whether this Service stands in front of the pods that a Gateway selects.
  func isIngress(of selector: Fields) -> Bool { selector.selects(at("spec", "selector")) }

  /// The port of this Service by which visitors come to port `number` of a Gateway: the one of that number, else one that
  /// leads to it in the pods, where Istio opens a number that no Service has (`getTargetPortMap` in its `gateway.go`).
  func ingressPort(_ number: Int) -> Value? {
    let ports = (at("spec", "ports")?.array ?? []).filter { $0["protocol"] == nil || $0["protocol"] == "TCP" }
    return ports.first { $0["port"]?.int == number } ?? ports.first { $0["targetPort"]?.int == number }
  }
}

func place(of service: Value) -> (String, String) {
  (service.at("metadata", "namespace")?.string ?? "", service.at("metadata", "name")?.string ?? "")
}

/// `host:port`, with an IPv6 address in brackets.
func authority(_ host: String, _ port: Int) -> String {
  host.contains(":") && !host.hasPrefix("[") ? "[\(host)]:\(port)" : "\(host):\(port)"
}

extension Exposure {
  /// What its gateway speaks, as far as the plan says.
  var isTLS: Bool { tlsSecret != nil || port == 443 }
}
