internal import Diagnostics
internal import KubernetesModel
internal import MeshModel

/// Lanes: rules of a VirtualService that are for the callers with some labels.
extension FolderLints {
  /// Istio gives a caller the rules that are for it. Where none is, the VirtualService is not there for that caller, and
  /// all pods of the service answer (Istio: `BuildHTTPRoutesForVirtualService`).
  mutating func findLanesWithoutDefault(_ routes: FolderObjects.Routes) {
    guard routes.isForMesh else { return }
    for host in routes.hosts {
      guard let service = objects.service(host) else { continue }
      for port in service.service.ports where port.proto != .udp {
        let rules = port.proto == .http ? routes.http : port.proto == .tcp ? routes.tcp : routes.rules
        let fitting = rules.flatMap { rule -> [Value] in
          let all = matches(rule)
          return all.isEmpty ? [.null] : all.filter { $0["port"].map { $0.int == port.number } ?? true }
        }
        guard !fitting.isEmpty, fitting.allSatisfy(isLane) else { continue }
        let lanes = fitting.compactMap { $0["sourceLabels"].map(strings) }
        let strangers = objects.pods.filter { pods in
          objects.mentions(pods, service.id) && !lanes.contains(where: pods.has)
        }
        let callers = strangers.isEmpty ? "callers that no lane names" : names(strangers)
        report(
          .laneWithoutDefault,
          "\(callers) get every version of `\(service.id.name)` on port \(port.number): \(routes.id) has lanes and no default",
          at: routes.object,
          notes: ["where no rule is for a caller, its sidecar has no VirtualService at all, and any pod answers"],
          help: "end it with a rule without `sourceLabels`: the stable version, or a refusal", host: host,
          causes: [.strayTraffic, .mixedReleases])
        break
      }
    }
  }

  /// A tcp rule without a port takes the connections to every port, and leads them to one.
  mutating func findLanesAcrossPorts(_ routes: FolderObjects.Routes) {
    for host in routes.hosts {
      guard let service = objects.service(host) else { continue }
      let ports = service.service.ports.filter { $0.proto != .udp && $0.proto != .http }
      for (n, rule) in routes.tcp.enumerated() {
        let targets = (rule["route"]?.array ?? []).compactMap { route -> Int? in
          let other = route.at("destination", "host")?.string ?? ""
          return objects.fullName(other, routes.id.namespace) == host
            ? route.at("destination", "port", "number")?.int : nil
        }
        let all = matches(rule)
        let open = all.isEmpty || all.contains { $0["port"] == nil }
        let crossed = all.compactMap { $0["port"]?.int }.first { port in targets.contains { $0 != port } }
        let what: String
        if open, ports.count > 1, let target = targets.first {
          what = "connections to any port of `\(service.id.name)` are led to port \(target)"
        } else if let crossed, let target = targets.first(where: { $0 != crossed }) {
          what = "connections to port \(crossed) of `\(service.id.name)` are led to port \(target)"
        } else {
          continue
        }
        report(
          .laneAcrossPorts, "\(what), by tcp[\(n)] of \(routes.id)", at: routes.object,
          notes: ["who dials one protocol is answered in another"],
          help: "write the same `port` in the match and in the destination", host: host, causes: [.wrongPort])
        break
      }
    }
  }

  mutating func findOrphanLanes(_ routes: FolderObjects.Routes) {
    if objects.pods.isEmpty || !routes.isForMesh { return }
    var said: Set<String> = []
    for match in routes.rules.flatMap(matches) {
      guard let labels = match["sourceLabels"].map(strings), !labels.isEmpty,
        !objects.pods.contains(where: { $0.has(labels) }), said.insert(words(labels)).inserted
      else { continue }
      report(
        .orphanLane, "no pod has the labels of a lane of \(routes.id): `\(words(labels))`", at: routes.object,
        notes: ["the lane is for nobody; who was meant takes the rules for everybody, or all versions"],
        help: "write the labels of the pods' template, or take the lane away")
    }
  }

  /// Where two versions of a caller have lanes and a third has none, it was forgotten. One lane beside a default is how
  /// an exception is written, so that is not odd.
  mutating func findCallersWithoutLane() {
    for service in objects.services {
      let routes = objects.routes.filter { $0.isForMesh && $0.hosts.contains(service.service.host) }
      let lanes = routes.flatMap(\.rules).flatMap(matches).compactMap { $0["sourceLabels"].map(strings) }
      let rules = routes.flatMap(\.rules)
      guard let first = routes.first, rules.contains(where: { matches($0).isEmpty || !matches($0).allSatisfy(isLane) })
      else { continue }
      for pods in objects.pods where objects.mentions(pods, service.id) && !lanes.contains(where: pods.has) {
        let siblings = objects.pods.filter { other in
          other.id != pods.id && app(other) != nil && app(other) == app(pods) && lanes.contains(where: other.has)
        }
        guard Set(siblings.map { words($0.labels) }).count > 1 else { continue }
        report(
          .orphanLane,
          "`\(pods.id.name)` calls `\(service.id.name)` and has no lane in \(first.id), as \(names(siblings)) have",
          at: first.object, notes: ["its requests take the default, which may be another release's version"],
          help: "give it a lane of its own", host: service.service.host, causes: [.mixedReleases])
      }
    }
  }

  private func app(_ pods: FolderObjects.Pods) -> String? {
    pods.labels["app"] ?? pods.labels["app.kubernetes.io/name"]
  }

  mutating func findLostSourceLabels(_ routes: FolderObjects.Routes) {
    let all = routes.rules.flatMap(matches)
    if !routes.isForMesh, all.contains(where: isLane) {
      report(
        .lostSourceLabels, "\(routes.id) is for a gateway only, and has `sourceLabels`", at: routes.object,
        notes: ["a gateway compares them with the labels of its own pods, so the rule is for nobody"],
        help: "match a header or a path, or bind it to `mesh`", host: routes.hosts.first, causes: [.noRoute])
    } else if let n = routes.http.firstIndex(where: { matches($0).contains { isLane($0) && $0["gateways"] != nil } }) {
      report(
        .lostSourceLabels, "http[\(n)] of \(routes.id) has `gateways` beside `sourceLabels`", at: routes.object,
        notes: ["an http match that names gateways is for every caller, whatever its labels"],
        help: "write a VirtualService for the gateway and one for the mesh", host: routes.hosts.first,
        causes: [.strayTraffic, .mixedReleases])
    }
  }

  // MARK: - Where lanes do not hold

  mutating func findLanesOverHeadless(_ routes: FolderObjects.Routes) {
    guard routes.isForMesh else { return }
    for host in routes.hosts {
      guard let service = objects.service(host), service.service.isHeadless else { continue }
      let namesSubsets = routes.rules.contains { rule in
        (rule["route"]?.array ?? []).contains { $0.at("destination", "subset") != nil }
      }
      guard namesSubsets || routes.rules.flatMap(matches).contains(where: isLane) else { continue }
      report(
        .lanesUnsupported, "`\(service.id.name)` is headless, so \(routes.id) cannot choose a version of it",
        at: routes.object,
        notes: ["the caller's DNS answer is one pod's address, and its sidecar connects to that one"],
        help: "give the Service an address: leave out `clusterIP: None`", host: host)
    }
  }

  mutating func findAmbient() {
    let lanes = objects.routes.filter { $0.isForMesh && $0.rules.flatMap(matches).contains(where: isLane) }
    func isAmbient(_ labels: [String: String]) -> Bool {
      labels["istio.io/dataplane-mode"] == "ambient" || labels["istio.io/use-waypoint"].map { $0 != "none" } == true
    }
    for routes in lanes {
      let namespace = objects.namespaces[routes.id.namespace].map { strings($0.at("metadata", "labels")) } ?? [:]
      let pods = objects.pods.filter { $0.id.namespace == routes.id.namespace && isAmbient($0.labels) }
      guard isAmbient(namespace) || !pods.isEmpty else { continue }
      let place = isAmbient(namespace) ? "namespace `\(routes.id.namespace)` is" : "\(names(pods)) are"
      report(
        .lanesUnsupported, "\(place) in ambient mode, where the lanes of \(routes.id) do not hold", at: routes.object,
        notes: ["a waypoint drops `sourceLabels`, and without one no VirtualService counts; nothing is proved there"],
        help: "use sidecars for what has lanes")
    }
  }
}
