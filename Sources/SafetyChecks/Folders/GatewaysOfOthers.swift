internal import Diagnostics
internal import KubernetesModel
internal import RolloutPlan

/// The gateways that routes are bound to and that neither folder has: somebody else keeps them.
///
/// Each is taken for one that takes in all hosts, requests on port 80 and on each port that a match names, and whose pods
/// are those of Istio's ingress. But where another gateway has routes for one of its hosts, or had them, or will have
/// them, the two are two proxies: nobody knows that who comes to one is served by the other.
struct GatewaysOfOthers {
  private(set) var objects: [PlacedObject] = []
  /// Of connections through them that no match names a port for, nothing is asked.
  private(set) var unfollowed: [Diagnostic] = []

  init(_ before: FolderObjects, _ after: FolderObjects) {
    let known = Set((before.gateways + after.gateways).map { "\($0.id.namespace)/\($0.id.name)" })
    let routes = after.routes + before.routes
    for name in Set(routes.flatMap(\.gateways)).subtracting(known).subtracting(["mesh"]).sorted() {
      let bound = routes.filter { $0.gateways.contains(name) && !$0.hosts.isEmpty }
      guard let first = bound.first else { continue }
      let isAlone = !Self.hasRival(name, in: routes)
      add(name, bound, at: first.object.range, labels: isAlone ? Plan.istioIngressLabels : ["gateway": name])
    }
  }

  func added(to stage: FolderStage) -> FolderStage {
    var stage = stage
    for object in objects { stage.objects[object.id] = object }
    return stage
  }

  private static func hasRival(_ name: String, in routes: [FolderObjects.Routes]) -> Bool {
    let own = Set(routes.filter { $0.gateways.contains(name) }.flatMap(\.hosts))
    return routes.contains { routes in
      !routes.gateways.contains(name) && routes.gateways.contains { $0 != "mesh" }
        && routes.hosts.contains { host in
          own.contains { hostsMeet(host, $0) }
        }
    }
  }

  private mutating func add(
    _ name: String, _ bound: [FolderObjects.Routes], at range: SourceRange, labels: [String: String]
  ) {
    guard let slash = name.firstIndex(of: "/") else { return }
    var protocols: [Int: String] = [:]
    for routes in bound {
      for (rules, word) in [(routes.http, "HTTP"), (routes.tls, "TLS"), (routes.tcp, "TCP")] where !rules.isEmpty {
        let usual: Int? = word == "HTTP" ? 80 : word == "TLS" ? 443 : nil
        var ports = rules.flatMap { $0["match"]?.array ?? [] }.compactMap { $0["port"]?.int }
        if let usual { ports.append(usual) }
        for port in ports where protocols[port] == nil { protocols[port] = word }
        if usual == nil, rules.contains(where: Self.isForAnyPort) { addUnfollowed(name, routes) }
      }
    }
    let servers = protocols.sorted { $0.key < $1.key }.map { port, word -> Value in
      var server: Fields = [
        "port": ["number": .int(port), "name": .string("port-\(port)"), "protocol": .string(word)], "hosts": ["*"],
      ]
      if word == "TLS" { server["tls"] = ["mode": "PASSTHROUGH"] }
      return .object(server)
    }
    let value: Value = [
      "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
      "metadata": [
        "name": .string(String(name[name.index(after: slash)...])), "namespace": .string(String(name[..<slash])),
      ],
      "spec": [
        "selector": .object(labels.reduce(into: Fields()) { $0[$1.key] = .string($1.value) }),
        "servers": .array(servers),
      ],
    ]
    if let id = ObjectID(value) { objects.append(PlacedObject(id: id, value: value, range: range)) }
  }

  private mutating func addUnfollowed(_ name: String, _ routes: FolderObjects.Routes) {
    let diagnostic = Diagnostic.notFollowed(
      "connections that \(routes.id) takes in at the gateway `\(name)`",
      "the gateway is in neither folder, and no match says at which port they come", at: routes.object.range)
    if !routes.object.allowed.contains(Code.notFollowed.slug), !unfollowed.contains(diagnostic) {
      unfollowed.append(diagnostic)
    }
  }

  private static func isForAnyPort(_ rule: Value) -> Bool {
    let matches = rule["match"]?.array ?? []
    return matches.isEmpty || matches.contains { $0["port"] == nil }
  }
}
