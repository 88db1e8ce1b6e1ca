internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension Preflight {
  /// Routes and rules of others in the plan's namespace for the hosts of the plan's own. Istio makes one list of routes of all
  /// VirtualServices of a host at a gateway, the oldest first, and takes one of them inside the mesh (`istio.md`: merging); so
  /// what stands already is asked before what the plan writes, or in place of it.
  func routeFindings() async -> [Diagnostic] {
    var found: [Diagnostic] = []
    for kind in ["VirtualService", "DestinationRule"] {
      // The first write of each; what it is for does not change.
      var own: [ObjectID: Write] = [:]
      var order: [ObjectID] = []
      for write in writes where write.id.kind == kind && write.id.group == "networking.istio.io" && write.object != nil
      {
        if own[write.id] == nil { order.append(write.id) }
        own[write.id] = own[write.id] ?? write
      }
      guard let object = order.first.flatMap({ own[$0]?.object }),
        let type = try? await cluster.resourceType(of: object),
        let items = try? await cluster.list(type.collection(in: plan.namespace)).items
      else { continue }
      let reaches = order.compactMap { id in own[id].flatMap { write in write.object.map { (write, reach(of: $0)) } } }
      for live in items where planName(of: live) != plan.name {
        let name = live.at("metadata", "name")?.string ?? ""
        let id = ObjectID(group: "networking.istio.io", kind: kind, namespace: plan.namespace, name: name)
        // What stands where the plan writes is told by `ownerFindings`.
        guard own[id] == nil, inventory[id] == nil else { continue }
        let theirs = reach(of: live)
        for (write, ours) in reaches {
          guard let host = sharedHost(theirs, ours) else { continue }
          found.append(.routeBeside(id, write.id, host: host, at: write.origin))
          break
        }
      }
    }
    return found
  }

  /// A host that both are for, at a gateway or inside the mesh.
  private func sharedHost(_ theirs: Reach, _ own: Reach) -> String? {
    guard theirs.isMesh && own.isMesh || theirs.isGateway && own.isGateway else { return nil }
    return theirs.hosts.first { host in
      own.hosts.contains { hostsMeet($0, within: host) || hostsMeet(host, within: $0) }
    }
  }

  private typealias Reach = (hosts: [String], isMesh: Bool, isGateway: Bool)

  private func reach(of object: Value) -> Reach {
    let spec = object["spec"]
    if let host = spec?["host"]?.string { return ([fullName(host)], true, false) }
    let gateways = (spec?["gateways"]?.array ?? []).compactMap(\.string)
    let hosts = (spec?["hosts"]?.array ?? []).compactMap(\.string).map(fullName)
    return (hosts, gateways.isEmpty || gateways.contains("mesh"), gateways.contains { $0 != "mesh" })
  }

  /// Istio: a host without a dot is a Service of the object's own namespace.
  private func fullName(_ host: String) -> String {
    host == "*" || host.contains(".") ? host : "\(host).\(plan.namespace).svc.\(plan.clusterDomain)"
  }
}
