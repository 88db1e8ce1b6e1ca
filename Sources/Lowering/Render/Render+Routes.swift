internal import KubernetesModel
internal import RolloutPlan

/// One http route of a VirtualService before it is written: its name, what it asks of the request, where it leads.
private struct RouteBuilder {
  let renderer: Renderer
  let names: ComponentNames
  let isPinned: Bool
  let mirror: Mirror?
  var routes: [Value] = []
  private var used: Set<String> = []

  init(_ renderer: Renderer, _ names: ComponentNames, isPinned: Bool, mirror: Mirror?) {
    self.renderer = renderer
    self.names = names
    self.isPinned = isPinned
    self.mirror = mirror
  }

  func destination(_ version: Int, _ port: Int) -> Value {
    var fields = [text("host", names.host)]
    fields.reserveCapacity(3)
    if isPinned { fields.append(text("subset", names.versions[version].subset)) }
    fields.append(record("port", number("number", names.ports[port].number)))
    return .object(Fields(fields))
  }

  /// Where one route leads. Weights add up to 100 (Istio up to 1.14 asks for it), and a single target has none.
  ///
  /// - Parameter tells: whether answers say which of several versions they are from.
  func targets(
    _ weighted: [WeightedTarget], cookie: Int? = nil, tells: Bool = false, port: (Int) -> Int?
  ) -> [Value] {
    weighted.compactMap { target in
      guard let port = port(target.version) else { return nil }
      var fields = [field("destination", destination(target.version, port))]
      if weighted.count > 1 { fields.append(number("weight", target.weight)) }
      var response: [Fields.Entry] = []
      if tells, weighted.count > 1 {
        response.append(record("set", text(versionHeader, names.versions[target.version].name)))
      }
      if let cookie {
        // `add`, for `set` would take away the cookies of the application itself.
        let value =
          "\(names.stickyCookie)=\(names.versions[target.version].subset); Path=/; Max-Age=\(cookie); HttpOnly; "
          + "SameSite=Lax"
        response.append(record("add", text("set-cookie", value)))
      }
      if !response.isEmpty { fields.append(record("headers", field("response", .object(Fields(response))))) }
      return .object(Fields(fields))
    }
  }

  mutating func add(_ name: String, match: [Value], to targets: [Value], versions: [Int], port: (Int) -> Int?) {
    guard !targets.isEmpty else { return }
    var unique = name
    var count = 1
    while !used.insert(unique).inserted {
      count += 1
      unique = "\(name)-\(count)"
    }
    var fields = [text("name", unique)]
    fields.reserveCapacity(5)
    if !match.isEmpty { fields.append(list("match", match)) }
    fields.append(list("route", targets))
    // A mirror of what goes there anyway would only double it.
    if let mirror, isPinned, versions != [mirror.version], let port = port(mirror.version) {
      fields.append(field("mirror", destination(mirror.version, port)))
      fields.append(record("mirrorPercentage", number("value", mirror.percent)))
    }
    routes.append(.object(Fields(fields)))
  }

  /// The routes of one table: rules in their order, visitors of sticky shares, then everybody else.
  ///
  /// - Parameter selecting: the conditions of all but the last, where they are others.
  mutating func add(
    _ table: RouteTable, prefix: String, fallbackName: String, suffix: String, conditions: [[Fields.Entry]],
    selecting: [[Fields.Entry]]? = nil, isEntry: Bool, port: (Int) -> Int?
  ) {
    let selecting = selecting ?? conditions
    func match(_ key: String, _ value: Value) -> [Value] {
      let header = record("headers", field(key, value))
      return selecting.isEmpty
        ? [object(header)] : selecting.map { .object(Fields(headed($0, by: header))) }
    }
    for rule in table.rules {
      guard let target = port(rule.version) else { continue }
      let (key, condition) = rule.selector.headerMatch
      add(
        prefix + rule.selector.routeName + suffix, match: match(key, condition),
        to: [object(field("destination", destination(rule.version, target)))], versions: [rule.version], port: port)
    }
    let weighted = table.weighted { port($0) != nil }
    guard !weighted.isEmpty else { return }
    let cookie = isEntry && weighted.count > 1 ? table.stickySeconds : nil
    if cookie != nil {
      for target in weighted {
        guard let entry = port(target.version) else { continue }
        let subset = names.versions[target.version].subset
        let (key, condition) = Selector.cookie(key: names.stickyCookie, value: subset).headerMatch
        add(
          "\(prefix)sticky-\(names.versions[target.version].name)\(suffix)", match: match(key, condition),
          to: [object(field("destination", destination(target.version, entry)))], versions: [target.version],
          port: port)
      }
    }
    add(
      fallbackName + suffix, match: conditions.map { .object(Fields($0)) },
      to: targets(weighted, cookie: cookie, tells: isEntry, port: port), versions: weighted.map(\.version), port: port)
  }

  /// `uri` stands before `headers`, `sourceLabels` and `port` behind them.
  private func headed(_ condition: [Fields.Entry], by header: Fields.Entry) -> [Fields.Entry] {
    var fields = condition
    fields.insert(header, at: condition.first?.key == "uri" ? 1 : 0)
    return fields
  }
}

struct WeightedTarget {
  var version: Int
  var weight: Int
}

extension RouteTable {
  /// What rules leave: shares, and the rest to the default. Versions that `fits` refuses take no part. Weights add up
  /// to 100; empty where nothing is left.
  func weighted(_ fits: (Int) -> Bool) -> [WeightedTarget] {
    var rest = 100
    var targets: [WeightedTarget] = []
    func add(_ version: Int, _ weight: Int) {
      if let i = targets.firstIndex(where: { $0.version == version }) {
        targets[i].weight += weight
      } else {
        targets.append(WeightedTarget(version: version, weight: weight))
      }
    }
    for share in shares where fits(share.version) {
      let weight = max(0, min(share.percent, rest))
      rest -= weight
      if weight > 0 { add(share.version, weight) }
    }
    if rest > 0 {
      if let fallback, fits(fallback) {
        add(fallback, rest)
      } else if let last = targets.indices.last {
        targets[last].weight += rest
      }
    }
    return targets
  }

  /// How long a visitor is kept, in seconds; nil where no share is sticky.
  var stickySeconds: Int? {
    shares.compactMap(\.stickyMilliseconds).max().map { max(1, $0 / 1000) }
  }
}

extension Renderer {
  /// The VirtualService that binds a component to its gateways.
  func entryRoute(_ i: Int, _ view: ComponentView) -> Value? {
    let names = components[i]
    guard let table = view.entry, !names.exposures.isEmpty else { return nil }
    var http = RouteBuilder(self, names, isPinned: view.isEntryPinned, mirror: view.entryMirror)
    var tls: [Value] = []
    var tcp: [Value] = []
    /// Of requests at one port, all paths in one condition.
    var conditionsAt: [(exposure: Int, all: [[Fields.Entry]], selecting: [[Fields.Entry]])] = []
    for (e, exposure) in names.exposures.enumerated() where e == 0 || names.splitsExposures {
      let port = { (version: Int) in names.versions[version].entryPorts[e] }
      if exposure.isTCP {
        let targets = http.targets(unpinned(table, view).weighted { port($0) != nil }, port: port)
        if targets.isEmpty { continue }
        let port = number("port", exposure.port)
        // A server that passes TLS on asks `tls` alone, every other one `tcp` (Istio:
        // `buildGatewayNetworkFiltersFromTLSRoutes`). Which of them a gateway of others has the plan does not know; what
        // `tcp` says would be for the connections of all hosts.
        if exposure.passesTLS {
          let names = list("sniHosts", exposure.hosts.map { .string($0) })
          tls.append(object(list("match", [object(port, names)]), list("route", targets)))
        }
        if !exposure.passesTLS || exposure.mayEndTLS {
          tcp.append(object(list("match", [object(port)]), list("route", targets)))
        }
        continue
      }
      var conditions =
        exposure.path == "/"
        ? [[record("uri", text("prefix", "/"))]]
        : [[record("uri", text("exact", exposure.path))], [record("uri", text("prefix", exposure.path + "/"))]]
      // Everything is asked last (Istio: catch-all routes); whatever asks for more would come before the inner path's route
      // wherever its VirtualService is the older one.
      var selecting = conditions
      if let leftOut = exposure.leftOut {
        let rest = record("withoutHeaders", record(":path", text("regex", leftOut)))
        selecting[selecting.count - 1].append(rest)
        if exposure.path != "/" { conditions = selecting }
      }
      if names.needsPort {
        for c in conditions.indices {
          conditions[c].append(number("port", exposure.port))
          selecting[c].append(number("port", exposure.port))
        }
      }
      if let known = conditionsAt.firstIndex(where: { names.exposures[$0.exposure].port == exposure.port }) {
        conditionsAt[known].all += conditions
        conditionsAt[known].selecting += selecting
      } else {
        conditionsAt.append((e, conditions, selecting))
      }
    }
    for (e, conditions, selecting) in conditionsAt {
      http.add(
        unpinned(table, view), prefix: "", fallbackName: "default",
        suffix: names.splitsPorts ? "-\(names.exposures[e].port)" : "", conditions: conditions, selecting: selecting,
        isEntry: true, port: { names.versions[$0].entryPorts[e] })
    }
    return routes(
      names.entryID.name, i, hosts: entryHosts(names),
      gateways: distinct(names.exposures.map(\.gateway)), http: http.routes, tls: tls, tcp: tcp, id: names.entryID)
  }

  /// Those of all ways in, none within another: Istio refuses a VirtualService whose hosts overlap. Where connections are
  /// taken for every host, any host of the VirtualService is one of them; names that clients ask for must be among them.
  private func entryHosts(_ names: ComponentNames) -> [String] {
    let named = names.exposures.filter { !$0.isTCP || $0.passesTLS || $0.hosts != ["*"] }
    return widest((named.isEmpty ? names.exposures : named).flatMap(\.hosts))
  }

  /// Without subsets every destination is the Service, whatever the table says: one default is all.
  private func unpinned(_ table: RouteTable, _ view: ComponentView) -> RouteTable {
    guard !view.isEntryPinned else { return table }
    return RouteTable(fallback: table.fallback ?? table.shares.first?.version ?? table.rules.first?.version)
  }

  /// The VirtualService of a component's mesh host: the lanes, and the explicit default of every port.
  ///
  /// A list of `sourceLabels` without a default would give an unmatched caller all pods of all versions: istiod drops
  /// the whole VirtualService for that caller (istio/istio#60367).
  func meshRoute(_ i: Int, _ view: ComponentView) -> Value? {
    guard view.isMeshPinned, let lanes = view.lanes else { return nil }
    let names = components[i]
    var http = RouteBuilder(self, names, isPinned: true, mirror: view.meshMirror)
    var tcp: [Value] = []
    for lane in lanes.lanes {
      let caller = names.callers[lane.caller]
      for p in view.lanePorts {
        let port = { (version: Int) in names.versions[version].ports.contains(p) ? p : nil }
        let labels = field("sourceLabels", caller.labels)
        if names.ports[p].isHTTP {
          var condition = [labels]
          if names.hasSeveralHTTPPorts { condition.append(number("port", names.ports[p].number)) }
          http.add(
            lane.table, prefix: caller.lane + "-", fallbackName: caller.lane, suffix: suffix(names, p),
            conditions: [condition], isEntry: false, port: port)
        } else {
          let targets = http.targets(lane.table.weighted { port($0) != nil }, port: port)
          if targets.isEmpty { continue }
          let match = object(number("port", names.ports[p].number), labels)
          tcp.append(object(list("match", [match]), list("route", targets)))
        }
      }
    }
    for p in view.lanePorts {
      let port = { (version: Int) in names.versions[version].ports.contains(p) ? p : nil }
      guard let table = lanes.defaults.first(where: { $0.leads(isHTTP: names.ports[p].isHTTP) { port($0) != nil } })
      else { continue }
      if names.ports[p].isHTTP {
        let condition = names.hasSeveralHTTPPorts ? [[number("port", names.ports[p].number)]] : []
        http.add(
          table, prefix: "", fallbackName: "default", suffix: suffix(names, p), conditions: condition,
          isEntry: false, port: port)
      } else {
        let targets = http.targets(table.weighted { port($0) != nil }, port: port)
        if targets.isEmpty { continue }
        tcp.append(
          object(list("match", [object(number("port", names.ports[p].number))]), list("route", targets)))
      }
    }
    return routes(
      names.meshID.name, i, hosts: [names.host], gateways: [], http: http.routes, tls: [], tcp: tcp, id: names.meshID)
  }

  private func suffix(_ names: ComponentNames, _ port: Int) -> String {
    names.hasSeveralHTTPPorts ? "-\(names.ports[port].number)" : ""
  }

  private func routes(
    _ name: String, _ i: Int, hosts: [String], gateways: [String], http: [Value], tls: [Value], tcp: [Value],
    id: ObjectID
  ) -> Value? {
    if http.isEmpty, tls.isEmpty, tcp.isEmpty { return nil }
    let names = components[i]
    var spec = [list("hosts", hosts.map { .string($0) })]
    spec.reserveCapacity(5)
    if !gateways.isEmpty { spec.append(list("gateways", gateways.map { .string($0) })) }
    if !http.isEmpty { spec.append(list("http", http)) }
    if !tls.isEmpty { spec.append(list("tls", tls)) }
    if !tcp.isEmpty { spec.append(list("tcp", tcp)) }
    return patched(
      object(
        text("apiVersion", networking), text("kind", "VirtualService"),
        record("metadata", text("name", name), text("namespace", plan.namespace), field("labels", names.labels)),
        field("spec", .object(Fields(spec)))
      ), by: names.routePatches, id: id)
  }
}

extension RouteTable {
  /// Some request finds its way by this table to a version that `fits`. A connection has no cookies or headers: for a
  /// tcp port rules lead nowhere.
  func leads(isHTTP: Bool, _ fits: (Int) -> Bool) -> Bool {
    if let fallback, fits(fallback) { return true }
    return shares.contains { fits($0.version) } || isHTTP && rules.contains { fits($0.version) }
  }
}

private func distinct(_ names: [String]) -> [String] {
  var seen: [String] = []
  for name in names where !seen.contains(name) { seen.append(name) }
  return seen
}
