internal import KubernetesModel
internal import RolloutPlan

/// Which flows an object may have a say in.
struct Scope: Hashable {
  enum Kind: Hashable {
    /// Flows into these components.
    case components
    /// Flows through a gateway, whatever they lead to; of some hosts alone where they are known.
    case entries
    case everything
    case nothing
  }

  var kind: Kind
  var components: Set<Int> = []
  /// Nil: all. In lower case, without wildcards.
  var hosts: Set<String>?

  static let everything = Scope(kind: .everything)
  static let nothing = Scope(kind: .nothing)
}

extension FlowModel {
  /// The flows of a scope.
  func flows(in scope: Scope) -> [Int] {
    switch scope.kind {
    case .components: scope.components.sorted().flatMap { flowsInto[$0] + strayEntries[$0] }
    case .entries: scope.hosts.map { $0.sorted().flatMap { entryFlowsOfHost[$0] ?? [] } } ?? entryFlows
    case .everything: Array(flows.indices)
    case .nothing: []
    }
  }

  /// The flows that `value`, an object as somebody wrote it, may change. An object that could reach further than we can
  /// tell counts for everything.
  func scope(_ id: ObjectID, _ value: Value) -> Scope {
    switch id.kind {
    case "VirtualService": return scope(ofRoute: value, id)
    case "DestinationRule": return scope(ofHosts: [value.at("spec", "host")?.string ?? ""], id)
    case "Service": return componentOfService[id.name].map { Scope(kind: .components, components: [$0]) } ?? .nothing
    case "Deployment", "StatefulSet", "Pod":
      let template = id.kind == "Pod" ? value : value.at("spec", "template") ?? .null
      let app = template.at("metadata", "labels", "app")?.string
      if let c = app.flatMap({ componentOfService[$0] }) { return Scope(kind: .components, components: [c]) }
      return app == nil ? .everything : .nothing
    case "Gateway": return Scope(kind: .entries)
    case "PeerAuthentication", "Namespace": return .everything
    default: return .nothing
    }
  }

  private func scope(ofRoute value: Value, _ id: ObjectID) -> Scope {
    let spec = value["spec"] ?? .null
    let gateways = (spec["gateways"]?.array ?? []).compactMap(\.string)
    var scope = Scope(kind: .entries, hosts: hosts(ofEntryRoute: spec, id))
    if gateways.isEmpty || gateways.contains("mesh") {
      if gateways.contains(where: { $0 != "mesh" }) { return .everything }
      scope = self.scope(ofHosts: (spec["hosts"]?.array ?? []).compactMap(\.string), id)
    }
    // A route to another component's host depends on that component's objects too.
    let own: Set<Int> =
      scope.kind == .components
      ? scope.components : componentOfService[id.name].map { [$0] } ?? []
    for key in ["http", "tcp", "tls"] {
      for rule in spec[key]?.array ?? [] {
        for route in rule["route"]?.array ?? [] {
          let host = fullName(route.at("destination", "host")?.string ?? "", id.namespace)
          if let c = componentOfHost[host], !own.contains(c) { return .everything }
        }
      }
    }
    return scope
  }

  /// The hosts of a route whose requests alone may meet it; nil where others may. Connections are taken whatever they ask
  /// for.
  private func hosts(ofEntryRoute spec: Value, _ id: ObjectID) -> Set<String>? {
    let hosts = (spec["hosts"]?.array ?? []).compactMap(\.string)
    if spec["tcp"] != nil || spec["tls"] != nil || hosts.contains(where: { $0.hasPrefix("*") }) { return nil }
    return Set(hosts.map { fullName($0, id.namespace).lowercased() })
  }

  private func scope(ofHosts hosts: [String], _ id: ObjectID) -> Scope {
    var components: Set<Int> = []
    for host in hosts {
      if host.hasPrefix("*") { return .everything }
      if let c = componentOfHost[fullName(host, id.namespace)] { components.insert(c) }
    }
    return components.isEmpty ? .nothing : Scope(kind: .components, components: components)
  }

  private func fullName(_ host: String, _ namespace: String) -> String {
    host.utf8.contains(UInt8(ascii: ".")) ? host : "\(host).\(namespace).svc.\(plan.clusterDomain)"
  }
}
