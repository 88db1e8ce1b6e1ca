internal import Diagnostics
package import KubernetesModel
internal import Lowering
package import MeshModel
package import RolloutPlan

/// Requests of one kind on one hop: who sends them, to what, with which conditions met. Whatever the mesh's objects
/// say, all requests of a flow are treated alike.
package struct Flow: Sendable {
  package enum Source: Hashable, Sendable {
    /// Index into the plan's exposures.
    case entry(Int)
    /// Index into the model's versions.
    case caller(Int)
  }

  package var source: Source
  /// Index of the component that is called.
  package var callee: Int
  /// What the client dials: the gateway's port, or the Service's.
  package var port: Int
  package var isHTTP: Bool
  package var cohort: Cohort
  package var path: String
  package var client: Client
  package var traffic: MeshModel.Traffic

  package var isEntry: Bool { if case .entry = source { true } else { false } }

  /// Whom a request asks for; nil for a connection.
  var host: String? { if case .http(let request) = traffic { request.authority } else { nil } }

  /// Whom a gateway sees that it asks for: by its host, or by the name in the client's TLS; nil where it sees nothing.
  var seenHost: String? {
    switch traffic {
    case .http(let request): request.authority
    case .tcp(let connection): connection.sni
    }
  }
}

/// What the checker knows of a plan before it looks at any object: versions, releases and every flow. A class: everything
/// in the checker holds it.
package final class FlowModel: Sendable {
  package let plan: Plan
  package let options: MeshOptions
  /// Every version of every component; the rest of the checker counts them by their place here.
  package let versions: [VersionID]
  /// By component: the place of its first version.
  package let firstVersion: [Int]
  package let flows: [Flow]
  /// By component: the flows that lead to it.
  package let flowsInto: [[Int]]
  package let entryFlows: [Int]
  /// Those of requests, by the host that they ask for, in lower case.
  let entryFlowsOfHost: [String: [Int]]
  /// By version: the flows that it sends.
  package let flowsFrom: [[Int]]
  /// Versions that run without being asked; see ``Plan/byThemselves``.
  package let sources: [Int]

  /// By component: flows through a gateway that are meant for another one, and may come to this one while that one's own
  /// route is not there.
  let strayEntries: [[Int]]

  let hosts: [String]
  let componentOfHost: [String: Int]
  let componentOfService: [String: Int]
  /// The sets of releases that some version stands in, each sorted as in the plan; and by version, the place of its own:
  /// -1 for none.
  let releaseSets: [[Int]]
  let releaseSet: [Int]
  /// By version: its Deployment.
  let deployments: [ObjectID]
  /// By version: something else than the plan says how many pods it has.
  let isAutoscaled: [Bool]
  /// What the plan takes from files.
  private let manifests: Set<ObjectID>
  /// `SERVICE-1-0` → version
  package let versionOfDeployment: [String: Int]

  package init(_ plan: Plan, options: MeshOptions? = nil) {
    self.plan = plan
    self.options = options ?? MeshOptions(clusterDomain: plan.clusterDomain)
    var versions: [VersionID] = []
    var firstVersion: [Int] = []
    var hosts: [String] = []
    var componentOfHost: [String: Int] = [:]
    var componentOfService: [String: Int] = [:]
    var versionOfDeployment: [String: Int] = [:]
    for (c, component) in plan.components.enumerated() {
      firstVersion.append(versions.count)
      let host = "\(component.service).\(plan.namespace).svc.\(plan.clusterDomain)"
      hosts.append(host)
      componentOfHost[host] = c
      componentOfService[component.service] = c
      for (v, version) in component.versions.enumerated() {
        versionOfDeployment["\(component.service)-\(version.slug)"] = versions.count
        versions.append(VersionID(ComponentID(c), v))
      }
    }
    self.versions = versions
    var releaseSets: [[Int]] = []
    var placeOfSet: [[Int]: Int] = [[]: -1]
    releaseSet = versions.map { id in
      let releases = plan[id].releases.map(\.index)
      if let known = placeOfSet[releases] { return known }
      placeOfSet[releases] = releaseSets.count
      releaseSets.append(releases)
      return releaseSets.count - 1
    }
    self.releaseSets = releaseSets
    deployments = versions.map { id in
      ObjectID(
        group: "apps", kind: "Deployment", namespace: plan.namespace,
        name: "\(plan[id.component].service)-\(plan[id].slug)")
    }
    isAutoscaled = zip(versions, deployments).map { plan.isAutoscaled($0, deployment: $1.name) }
    var manifests: Set<ObjectID> = []
    for object in plan.manifests.flatMap(\.objects) {
      guard let id = ObjectID(object) else { continue }
      manifests.insert(id)
      // Where it says no namespace it has the plan's, if its kind has any.
      if id.namespace.isEmpty {
        manifests.insert(ObjectID(group: id.group, kind: id.kind, namespace: plan.namespace, name: id.name))
      }
    }
    self.manifests = manifests
    self.firstVersion = firstVersion
    self.hosts = hosts
    self.componentOfHost = componentOfHost
    self.componentOfService = componentOfService
    self.versionOfDeployment = versionOfDeployment

    let rules = RulesOfPlan(plan)
    var builder = FlowBuilder(plan: plan, hosts: hosts, rules: rules)
    for e in plan.exposures.indices { builder.addEntry(e) }
    for (n, id) in versions.enumerated() {
      if plan[id].calls.isEmpty { continue }
      let client = builder.client(of: id)
      for callee in Set(plan[id].calls).sorted() where callee.index < plan.components.count {
        builder.addCalls(of: n, id, by: client, to: callee)
      }
    }
    flows = builder.flows
    var flowsInto = [[Int]](repeating: [], count: plan.components.count)
    var flowsFrom = [[Int]](repeating: [], count: versions.count)
    var entryFlows: [Int] = []
    for (f, flow) in builder.flows.enumerated() {
      flowsInto[flow.callee].append(f)
      switch flow.source {
      case .entry: entryFlows.append(f)
      case .caller(let version): flowsFrom[version].append(f)
      }
    }
    self.flowsInto = flowsInto
    self.flowsFrom = flowsFrom
    self.entryFlows = entryFlows
    entryFlowsOfHost = entryFlows.reduce(into: [:]) { flowsOf, f in
      if let host = builder.flows[f].host { flowsOf[host.lowercased(), default: []].append(f) }
    }
    var strayEntries = [[Int]](repeating: [], count: plan.components.count)
    for (c, peers) in peers(of: plan).enumerated() {
      let own = flowsInto[c].filter { builder.flows[$0].isEntry }
      for peer in peers { strayEntries[peer] += own }
    }
    self.strayEntries = strayEntries
    let isByItself = plan.byThemselves
    sources = versions.indices.filter { isByItself[versions[$0].component.index] }
  }

  /// An object as the mesh reads it. What manifests bring is there before what the plan makes of its own, and of two
  /// objects that say different things the older one counts.
  package func meshObject(_ value: Value) -> MeshObject? {
    var expressions = ExpressionTable()
    return meshObject(value, &expressions)
  }

  /// The same for who reads many.
  func meshObject(_ value: Value, _ expressions: inout ExpressionTable) -> MeshObject? {
    guard let id = ObjectID(value) else { return nil }
    return MeshObject.parse(
      value, id, options: options, isOlder: !manifests.isEmpty && manifests.contains(id),
      &expressions)
  }

  /// ``flowsFrom`` without what nobody sends: a caller dials a port that was there when it began.
  ///
  /// - Parameter dialed: as ``Segment/dialed``; of calls that are not in it every port counts.
  func flowsFrom(dialing dialed: [Call: Set<Int>]) -> [[Int]] {
    var flowsFrom = flowsFrom
    for (call, ports) in dialed {
      flowsFrom[firstVersion[call.caller.component.index] + call.caller.index].removeAll {
        flows[$0].callee == call.callee.index && !ports.contains(flows[$0].port)
      }
    }
    return flowsFrom
  }

  func releases(of version: Int) -> [Int] { releaseSet[version] < 0 ? [] : releaseSets[releaseSet[version]] }

  /// The version that its pods' labels name so.
  func version(_ ref: WorkloadRef) -> Int? {
    guard let c = componentOfService[ref.app] else { return nil }
    return plan.components[c].versions.firstIndex { $0.name == ref.version }.map { firstVersion[c] + $0 }
  }

  /// `voting-app 2.0`
  package func name(of version: Int) -> String {
    let id = versions[version]
    return "\(plan[id.component].name) \(plan[id].name)"
  }
}

/// By component: those whose entry routes may take a request that is meant for it. At which port does not matter: they may
/// be bound to one gateway, if only of one proxy.
private func peers(of plan: Plan) -> [[Int]] {
  var peers = [Set<Int>](repeating: [], count: plan.components.count)
  let exposures = plan.exposures.filter { plan.components.indices.contains($0.component.index) }
  let isTCP = exposures.map { $0.isTCP(plan[$0.component]) }
  let ingresses = exposures.map { plan.ingressLabels(of: $0) }
  let hosts = HostIndex(exposures.map(\.hosts))
  for (e, exposure) in exposures.enumerated() {
    for o in hosts.meeting(exposure.hosts) {
      let other = exposures[o]
      guard other.component != exposure.component, ingresses[o] == ingresses[e] else { continue }
      // On a port that carries connections there are no paths.
      let isCovered =
        isTCP[e] || isTCP[o] || exposure.path == other.path || exposure.surrounds(other) || other.surrounds(exposure)
      if isCovered { peers[exposure.component.index].insert(other.component.index) }
    }
  }
  return peers.map { $0.sorted() }
}

/// The selectors that some state's tables use, and the sticky cookies that they hand out.
struct RulesOfPlan {
  var entry: [[Selector]]
  var inner: [[Selector]]
  var sticky: [[Cohort.StickyCookie]]

  init(_ plan: Plan) {
    let count = plan.components.count
    entry = [[Selector]](repeating: [], count: count)
    inner = [[Selector]](repeating: [], count: count)
    sticky = [[Cohort.StickyCookie]](repeating: [], count: count)
    func states(_ path: FailurePath?) -> [State] {
      guard case .block(let block)? = path else { return [] }
      return block.starts.flatMap { $0.segments.map(\.after) }
    }
    var last = State()
    func read(_ state: State) {
      for c in state.components.indices where c < count {
        let component = state.components[c]
        if c < last.components.count, last.components[c] == component { continue }
        if let table = component.entry {
          note(table, &entry[c])
          if table.shares.contains(where: { $0.stickyMilliseconds != nil }) {
            for version in table.targets.sorted() where plan.components[c].versions.indices.contains(version) {
              let cookie = Cohort.StickyCookie(
                name: "rolloutc-\(plan.name)-\(plan.components[c].name)",
                value: plan.components[c].versions[version].subset)
              if !sticky[c].contains(cookie) { sticky[c].append(cookie) }
            }
          }
        }
        for table in component.lanes { note(table, &inner[c]) }
      }
      last = state
    }
    func note(_ table: RouteTable, _ list: inout [Selector]) {
      for rule in table.rules where !list.contains(rule.selector) { list.append(rule.selector) }
    }
    for step in plan.steps {
      for segment in step.segments {
        read(segment.before)
        read(segment.after)
      }
      for state in states(step.onFailure) { read(state) }
    }
    for state in states(plan.onFailure) { read(state) }
  }
}

private struct FlowBuilder {
  let plan: Plan
  let hosts: [String]
  let rules: RulesOfPlan
  let entrances: Entrances
  /// Hosts of routes and servers that the plan takes from files and patches, and of its `expose` lines.
  let knownHosts: Set<String>
  var flows: [Flow] = []

  init(plan: Plan, hosts: [String], rules: RulesOfPlan) {
    self.plan = plan
    self.hosts = hosts
    self.rules = rules
    entrances = Entrances(plan)
    var knownHosts = entrances.hosts
    for object in plan.manifests.flatMap(\.objects) + plan.patches.map(\.value) {
      let servers = object.at("spec", "servers")?.array ?? []
      for list in [object.at("spec", "hosts")] + servers.map({ $0["hosts"] }) {
        knownHosts.formUnion((list?.array ?? []).compactMap(\.string))
      }
    }
    self.knownHosts = knownHosts
  }

  mutating func addEntry(_ e: Int) {
    let exposure = plan.exposures[e]
    let c = exposure.component.index
    guard plan.components.indices.contains(c) else { return }
    let client = Client.gateway(labels: plan.ingressLabels(of: exposure), namespace: "istio-system")
    let names = exposure.hosts.isEmpty ? ["*"] : exposure.hosts
    // Whom the rules around it tell apart comes here, too, and must not be taken away.
    let around = Set(plan.exposures.lines(beside: exposure).filter { $0.leavesOut(exposure) }.map(\.component.index))
      .sorted()
    let selectors = around.reduce(rules.entry[c]) { all, o in all + rules.entry[o].filter { !all.contains($0) } }
    let sticky = around.reduce(rules.sticky[c]) { all, o in all + rules.sticky[o].filter { !all.contains($0) } }
    let cohorts = Cohort.all(selectors, sticky: sticky)
    for host in names.flatMap({ hostWitnesses(of: $0, known: knownHosts) }) {
      guard !exposure.isTCP(plan[exposure.component]) else {
        let sni = exposure.passesTLS(plan[exposure.component]) ? host : nil
        flows.append(
          Flow(
            source: .entry(e), callee: c, port: exposure.port, isHTTP: false, cohort: .others, path: "",
            client: client, traffic: .tcp(TCPConnection(host: host, port: exposure.port, sni: sni))))
        continue
      }
      for path in entrances.paths(of: e) where entrances.line(beside: e, host: host, path: path) == e {
        for cohort in cohorts {
          let request = HTTPRequest(
            host: host, port: exposure.port, path: path, headers: cohort.headers,
            scheme: exposure.tlsSecret == nil ? "http" : "https")
          flows.append(
            Flow(
              source: .entry(e), callee: c, port: exposure.port, isHTTP: true, cohort: cohort, path: path,
              client: client, traffic: .http(request)))
        }
      }
    }
  }

  /// A caller dials the ports of the versions in its own releases; outside of releases, any port.
  mutating func addCalls(of n: Int, _ caller: VersionID, by client: Client, to callee: ComponentID) {
    let releases = Set(plan[caller].releases)
    var ports: [Port] = []
    for version in plan[callee].versions {
      let isReachable =
        releases.isEmpty || version.releases.isEmpty || version.releases.contains(where: releases.contains)
      for port in version.ports where isReachable && !ports.contains(where: { $0.number == port.number }) {
        ports.append(port)
      }
    }
    let host = hosts[callee.index]
    for port in ports {
      let cohorts = port.proto.isHTTP ? Cohort.all(rules.inner[callee.index]) : [.others]
      for cohort in cohorts {
        let traffic: MeshModel.Traffic =
          port.proto.isHTTP
          ? .http(HTTPRequest(host: host, port: port.number, headers: cohort.headers))
          : .tcp(TCPConnection(host: host, port: port.number))
        flows.append(
          Flow(
            source: .caller(n), callee: callee.index, port: port.number, isHTTP: port.proto.isHTTP, cohort: cohort,
            path: "/", client: client, traffic: traffic))
      }
    }
  }
}

extension FlowBuilder {
  func client(of id: VersionID) -> Client {
    let labels = ["app": plan[id.component].service, "version": plan[id].name]
    return hasSidecar(id)
      ? .sidecar(labels: labels, namespace: plan.namespace) : .plain(namespace: plan.namespace)
  }

  /// Whether Istio gives the pods of a version a proxy: what is rendered has one, unless a patch says otherwise.
  private func hasSidecar(_ id: VersionID) -> Bool {
    let deployment = "\(plan[id.component].service)-\(plan[id].slug)"
    var namespace = ["istio-injection": "enabled"]
    var asked: (label: String?, annotation: String?) = (nil, nil)
    var isOnHostNetwork = false
    for patch in plan.patches {
      switch patch.target {
      case .object(kind: "Namespace", name: plan.namespace):
        for entry in patch.value.at("metadata", "labels")?.fields?.entries ?? [] {
          namespace[entry.key] = text(entry.value)
        }
      case .deployment(id.component, let version) where version == nil || version == id: read(patch.value)
      case .object(kind: "Deployment", name: deployment): read(patch.value)
      default: break
      }
    }
    func text(_ value: Value) -> String? {
      switch value {
      case .string(let text): text
      case .bool(let flag): flag ? "true" : "false"
      default: nil
      }
    }
    func read(_ patch: Value) {
      let template = patch.at("spec", "template")
      let key = "sidecar.istio.io/inject"
      if let label = template?.at("metadata", "labels")?[key] { asked.label = text(label) }
      if let annotation = template?.at("metadata", "annotations")?[key] { asked.annotation = text(annotation) }
      if case .bool(let flag)? = template?.at("spec", "hostNetwork") { isOnHostNetwork = flag }
    }
    return !isOnHostNetwork && MeshModel.Namespace.injects(namespace, asked: asked)
  }
}
