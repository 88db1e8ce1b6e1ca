internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension Preflight {
  /// Routes, rules and gateways of others for the hosts of the plan's own. Istio makes one list of routes of all
  /// VirtualServices of a host at a gateway, the oldest first, and takes one of them inside the mesh (`istio.md`: merging); so
  /// what stands already is asked before what the plan writes, or in place of it. Whose namespace it is in does not matter;
  /// who may not see the others is told of the plan's own alone.
  func routeFindings() async -> [Diagnostic] {
    var found: [Diagnostic] = []
    let gateways = await gateways()
    for kind in ["VirtualService", "DestinationRule", "Gateway"] {
      // The first write of each; what it is for does not change.
      var own: [ObjectID: Write] = [:]
      var order: [ObjectID] = []
      for write in writes where write.id.kind == kind && write.id.group == networking && write.object != nil {
        if own[write.id] == nil { order.append(write.id) }
        own[write.id] = own[write.id] ?? write
      }
      guard let object = order.first.flatMap({ own[$0]?.object }) else { continue }
      let reaches = order.compactMap { id in own[id].flatMap { write in write.object.map { (write, reach(of: $0)) } } }
      for live in await standing(like: object) where !isOwn(live) {
        guard let id = ObjectID(live) else { continue }
        // What stands where the plan writes is told by `ownerFindings`.
        guard own[id] == nil, inventory[id] == nil else { continue }
        let theirs = reach(of: live)
        for (write, ours) in reaches {
          guard let host = sharedHost(theirs, ours, gateways) else { continue }
          found.append(.routeBeside(id, write.id, host: host, at: write.origin))
          break
        }
      }
    }
    return found
  }

  /// All of a kind that may be seen: everywhere, else in the plan's namespace.
  private func standing(like object: Value) async -> [Value] {
    guard let type = try? await cluster.resourceType(of: object) else { return [] }
    if object["kind"] != "DestinationRule", let all = try? await cluster.list(type.collection(in: nil)).items {
      return all
    }
    return (try? await cluster.list(type.collection(in: plan.namespace)).items) ?? []
  }

  /// A plan of the same name in another namespace is another one.
  private func isOwn(_ live: Value) -> Bool {
    planName(of: live) == plan.name && live.at("metadata", "namespace")?.string == plan.namespace
  }

  /// Every Gateway that is known: those that stand, and the plan's own.
  private func gateways() async -> [ObjectID: Value] {
    var known: [ObjectID: Value] = [:]
    guard let example = writes.first(where: { $0.id.group == networking && $0.object != nil })?.object,
      let apiVersion = example["apiVersion"]
    else { return known }
    for live in await standing(like: ["apiVersion": apiVersion, "kind": "Gateway"]) {
      if let id = ObjectID(live) { known[id] = live }
    }
    for write in writes where write.id.kind == "Gateway" && write.id.group == networking {
      known[write.id] = write.object ?? known[write.id]
    }
    return known
  }

  /// A host that both are for, at a gateway or inside the mesh.
  private func sharedHost(_ theirs: Reach, _ own: Reach, _ gateways: [ObjectID: Value]) -> String? {
    let isShared =
      theirs.isMesh && own.isMesh
      || theirs.gateways.contains { theirs in
        own.gateways.contains { meet(theirs, $0, gateways) }
      }
    return isShared ? theirs.hosts.first { host in own.hosts.contains { hostsMeet($0, host) } } : nil
  }

  /// Whether two Gateways may be one listener: the same, or of the same pods with a port in common. One that is not known may
  /// be any where it stands beside the plan's own.
  private func meet(_ theirs: ObjectID, _ own: ObjectID, _ gateways: [ObjectID: Value]) -> Bool {
    if theirs == own { return true }
    guard let a = gateways[theirs], let b = gateways[own] else { return theirs.namespace == plan.namespace }
    let (x, y) = (a.at("spec", "selector")?.fields ?? [:], b.at("spec", "selector")?.fields ?? [:])
    guard x.entries.allSatisfy({ y[$0.key] == nil || y[$0.key] == $0.value }) else { return false }
    func ports(_ gateway: Value) -> Set<Int> {
      Set((gateway.at("spec", "servers")?.array ?? []).compactMap { $0.at("port", "number")?.int })
    }
    return !ports(a).isDisjoint(with: ports(b))
  }

  private struct Reach {
    var hosts: [String]
    var isMesh = false
    var gateways: [ObjectID] = []
  }

  private func reach(of object: Value) -> Reach {
    let spec = object["spec"]
    let namespace = object.at("metadata", "namespace")?.string ?? plan.namespace
    if object["kind"] == "Gateway" {
      // Only certificates are in each other's way: of servers without one Istio makes one.
      let secured = (spec?["servers"]?.array ?? []).filter { $0.at("tls", "mode")?.string == "SIMPLE" }
      let name = object.at("metadata", "name")?.string ?? ""
      return Reach(
        hosts: secured.flatMap { listenedHosts(of: $0, in: namespace, for: plan.namespace) },
        gateways: [ObjectID(group: networking, kind: "Gateway", namespace: namespace, name: name)])
    }
    if let host = spec?["host"]?.string { return Reach(hosts: [fullName(host, namespace)], isMesh: true) }
    let gateways = (spec?["gateways"]?.array ?? []).compactMap(\.string)
    let hosts = (spec?["hosts"]?.array ?? []).compactMap(\.string).map { fullName($0, namespace) }
    return Reach(
      hosts: hosts, isMesh: gateways.isEmpty || gateways.contains("mesh"),
      gateways: gateways.filter { $0 != "mesh" }.map { text in
        let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
        return ObjectID(
          group: networking, kind: "Gateway", namespace: parts.count == 2 ? parts[0] : namespace,
          name: parts.last ?? text)
      })
  }

  /// Istio: a host without a dot is a Service of the object's own namespace.
  private func fullName(_ host: String, _ namespace: String) -> String {
    host == "*" || host.contains(".") ? host : "\(host).\(namespace).svc.\(plan.clusterDomain)"
  }
}
