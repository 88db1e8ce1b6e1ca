internal import Diagnostics
internal import KubernetesModel
internal import MeshModel

/// Objects that another one hides, or that are hidden from who should see them.
extension FolderLints {
  /// A sidecar takes the rules of the oldest VirtualService for a host; only gateways merge them.
  mutating func findShadowedRoutes() {
    var first: [String: FolderObjects.Routes] = [:]
    for routes in objects.routes where routes.isForMesh {
      for host in routes.hosts {
        guard let other = first[host] else {
          first[host] = routes
          continue
        }
        let isApart =
          isPrivate(routes.object) && isPrivate(other.object) && routes.id.namespace != other.id.namespace
        if isApart { continue }
        report(
          .shadowed, "\(routes.id) and \(other.id) both have rules for `\(host)` in the mesh", at: routes.object,
          notes: ["sidecars take those of the older one; the others are never used"],
          help: "write all rules for a host into one VirtualService", host: host)
      }
    }
  }

  /// A caller uses the rules of the first namespace that has any for the host: its own, the service's, the root.
  mutating func findShadowedRules() {
    for service in objects.services {
      let rules = objects.rules(for: service.service.host)
      let own = rules.filter { $0.id.namespace == service.id.namespace }
      for rule in rules where rule.id.namespace != service.id.namespace && !own.isEmpty {
        if rule.id.namespace == "istio-system" { continue }
        report(
          .shadowed,
          "\(rule.id) of namespace `\(rule.id.namespace)` hides the subsets of `\(service.id.name)` from callers there",
          at: rule.object, notes: ["the first namespace that has a rule for the host is all that a caller sees"],
          help: "keep the rules for a service in its own namespace", host: service.service.host,
          causes: [.undefinedSubset, .tlsMismatch])
      }
      var defined: Set<String> = []
      for rule in own {
        for subset in rule.subsets where !defined.insert(subset.name).inserted {
          report(
            .shadowed, "subset `\(subset.name)` of `\(service.id.name)` is defined twice", at: rule.object,
            notes: ["the older definition counts, the other is dropped"], help: "define each subset once",
            host: service.service.host)
        }
      }
    }
  }

  mutating func findHiddenFromGateways() {
    for routes in objects.routes {
      for name in routes.gateways where name != "mesh" {
        let gateway = objects.gateway(name)
        let place = gateway.map { objects.namespace(ofGateway: $0.value) } ?? "istio-system"
        if !isSeen(routes.object, from: place) {
          report(
            .shadowed, "\(routes.id) is not exported to `\(place)`, where the pods of gateway `\(name)` are",
            at: routes.object, notes: ["the gateway does not know its hosts: visitors get 404"],
            help: "leave `exportTo` out, or add `\(place)`", host: routes.hosts.first, causes: [.noRoute])
        }
        for host in destinations(routes) {
          for rule in objects.rules(for: host) where !isSeen(rule.object, from: place) {
            report(
              .shadowed, "\(rule.id) is not exported to `\(place)`, where the pods of gateway `\(name)` are",
              at: rule.object, notes: ["the gateway does not know its subsets: visitors get 503 NC"],
              help: "leave `exportTo` out, or add `\(place)`", host: host, causes: [.undefinedSubset])
          }
        }
      }
    }
  }

  /// The hosts of which some rule names a subset.
  private func destinations(_ routes: FolderObjects.Routes) -> [String] {
    let all = routes.rules.flatMap { $0["route"]?.array ?? [] }.compactMap { route -> String? in
      guard route.at("destination", "subset") != nil, let host = route.at("destination", "host")?.string else {
        return nil
      }
      return objects.fullName(host, routes.id.namespace)
    }
    return Set(all).sorted()
  }

  private func exports(_ object: PlacedObject) -> [String] { texts(object.value.at("spec", "exportTo")) }

  private func isPrivate(_ object: PlacedObject) -> Bool { exports(object) == ["."] }

  private func isSeen(_ object: PlacedObject, from namespace: String) -> Bool {
    let list = exports(object)
    return list.isEmpty || list.contains("*") || list.contains(namespace)
      || list.contains(".") && object.id.namespace == namespace
  }
}
