internal import RolloutPlan

/// The Gateways that a plan renders itself, and who comes in by which of them.
///
/// Who is exposed at the same port with the same certificate, or with none, shares one server of one Gateway: a browser
/// that has a connection for one host uses it for every other host of its certificate, and two Gateways would give it the
/// routes of the first one alone (Istio: IST0138, "Gateway with duplicate certificate"; IST0145, "conflicting gateways").
/// All ways in of a component are servers of one Gateway, so that its routes are bound to one name.
struct OwnGateways {
  /// By component: the servers of the Gateway that bears its name.
  private(set) var servers: [Int: [GatewayServer]] = [:]
  /// By component: the one whose Gateway it shares.
  private var owners: [Int: Int] = [:]

  /// The component whose name the Gateway of `component` bears: the one of the first `expose` line.
  func owner(of component: Int) -> Int { owners[component] ?? component }

  init(_ plan: Plan) {
    struct Place: Hashable {
      let port: Int
      let secret: String?
    }
    let own = plan.exposures.filter { $0.gateway == nil }
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
      let place = Place(port: exposure.port, secret: exposure.tlsSecret)
      let known = [lineOf[exposure.component.index], lineAt[place]].compactMap(\.self).map(root)
      let first = known.min() ?? e
      for group in known + [e] { parents[group] = first }
      lineOf[exposure.component.index] = first
      lineAt[place] = first
    }
    var serverAt: [Place: Int] = [:]
    for (e, exposure) in own.enumerated() {
      let owner = own[root(e)].component.index
      let place = Place(port: exposure.port, secret: exposure.tlsSecret)
      owners[exposure.component.index] = owner
      var all = servers[owner] ?? []
      if let known = serverAt[place] {
        for host in exposure.hosts where !all[known].hosts.contains(host) { all[known].hosts.append(host) }
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
  }
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
}

extension Exposure {
  /// Connections are passed on, and not requests.
  func isTCP(_ component: Component) -> Bool {
    let ports = component.versions.lazy.flatMap(\.ports)
    return ports.contains { $0.number == port && !$0.proto.isHTTP } || !ports.contains { $0.proto.isHTTP }
  }

  fileprivate func serverProtocol(_ component: Component) -> String {
    switch (isTCP(component), tlsSecret == nil) {
    case (true, true): "TCP"
    case (true, false): "TLS"
    case (false, true): "HTTP"
    case (false, false): "HTTPS"
    }
  }
}
