internal import RolloutPlan

/// The Gateways that a plan renders itself, and who comes in by which of them.
///
/// Who is exposed at the same port with the same certificate, or with none, shares one server of one Gateway: a browser
/// that has a connection for one host uses it for every other host of its certificate, and two Gateways would give it the
/// routes of the first one alone (Istio: IST0138, "Gateway with duplicate certificate"; IST0145, "conflicting gateways").
/// All ways in of a component are servers of one Gateway, so that its routes are bound to one name.
///
/// A VirtualService is bound to every server of its Gateway, for each host that both have. So a server does not name a
/// host that lies in a wider one of its own, which would bring the wide one's routes into the narrow one's list; and where
/// a Gateway has other ports than a component is exposed at, the component's routes say theirs (``needsPort(_:)``).
struct OwnGateways {
  /// By component: the servers of the Gateway that bears its name.
  private(set) var servers: [Int: [GatewayServer]] = [:]
  /// By component: the one whose Gateway it shares.
  private var owners: [Int: Int] = [:]

  /// Whether the routes of a component say for which port they are: its gateway has ports that it is not exposed at, or
  /// may have.
  func needsPort(_ component: Int, _ exposures: [Exposure]) -> Bool {
    if exposures.contains(where: { $0.gateway != nil }) { return true }
    let ports = Set(exposures.map(\.port))
    return servers[owner(of: component)]?.contains { !ports.contains($0.port) } ?? false
  }

  /// The component whose name the Gateway of `component` bears: the one of the first `expose` line.
  func owner(of component: Int) -> Int { owners[component] ?? component }

  init(_ plan: Plan) {
    struct Place: Hashable {
      let port: Int
      let secret: String?
      let isTCP: Bool
      let passesTLS: Bool

      init(_ exposure: Exposure, _ plan: Plan) {
        port = exposure.port
        secret = exposure.tlsSecret
        isTCP = exposure.isTCP(plan.components[exposure.component.index])
        passesTLS = exposure.passesTLS(plan.components[exposure.component.index])
      }
    }
    let own = plan.exposures.filter { $0.gateway == nil }
    let places = own.map { Place($0, plan) }
    // Lines that share a component or a place are one group; each is named after its first line.
    var parents = Array(own.indices)
    func root(_ line: Int) -> Int {
      var line = line
      while parents[line] != line { line = parents[line] }
      return line
    }
    var lineOf: [Int: Int] = [:]
    var lineAt: [Place: Int] = [:]
    for (e, exposure) in own.enumerated() {
      let place = places[e]
      let known = [lineOf[exposure.component.index], lineAt[place]].compactMap(\.self).map(root)
      let first = known.min() ?? e
      for group in known + [e] { parents[group] = first }
      lineOf[exposure.component.index] = first
      lineAt[place] = first
    }
    var serverAt: [Place: Int] = [:]
    /// By owner: the servers that several lines share.
    var shared: [Int: Set<Int>] = [:]
    for (e, exposure) in own.enumerated() {
      let owner = own[root(e)].component.index
      let place = places[e]
      owners[exposure.component.index] = owner
      var all = servers.removeValue(forKey: owner) ?? []
      if let known = serverAt[place] {
        all[known].hosts += exposure.hosts
        shared[owner, default: []].insert(known)
      } else {
        serverAt[place] = all.count
        let kind = exposure.serverProtocol(plan.components[exposure.component.index])
        // Names of a Gateway's ports must differ (Istio: Gateway validation).
        let names = [kind.lowercased(), "\(kind.lowercased())-\(exposure.port)"]
        let name =
          names.first { name in !all.contains { $0.name == name } } ?? "\(names[1])-\(all.count + 1)"
        all.append(
          GatewayServer(
            port: exposure.port, name: name, proto: kind, hosts: exposure.hosts, tlsSecret: exposure.tlsSecret))
      }
      servers[owner] = all
    }
    for (owner, places) in shared {
      for place in places {
        let hosts = servers[owner]?[place].hosts ?? []
        servers[owner]?[place].hosts = widest(hosts)
      }
    }
  }
}

/// Without those that are there already, or that lie in another one. O(hosts), times those with a wildcard.
func widest(_ hosts: [String]) -> [String] {
  var seen: Set<String> = []
  let all = hosts.filter { seen.insert($0).inserted }
  let wildcards = all.filter { $0.hasPrefix("*") }
  return wildcards.isEmpty
    ? all : all.filter { host in !wildcards.contains { $0 != host && hostsMeet(host, within: $0) } }
}

/// One server of a Gateway.
struct GatewayServer: Sendable {
  var port: Int
  /// Of its port.
  var name: String
  /// What the gateway speaks with those who enter: `HTTP`, `HTTPS`, `TCP`, `TLS`.
  var proto: String
  var hosts: [String]
  var tlsSecret: String?

  /// TLS is not ended here.
  var passesTLS: Bool { proto == "TLS" && tlsSecret == nil }
}

extension Exposure {
  fileprivate func serverProtocol(_ component: Component) -> String {
    switch (isTCP(component), tlsSecret == nil) {
    case (true, true): passesTLS(component) ? "TLS" : "TCP"
    case (true, false): "TLS"
    case (false, true): "HTTP"
    case (false, false): "HTTPS"
    }
  }
}
