internal import KubernetesModel
package import MeshModel
package import RolloutPlan

/// A call of which an intent says where it should arrive.
struct IntendedCall {
  /// Its place among the flows of the intent.
  var flow: Int
  var sender: ObjectID
  /// Which of the two folders has the sender.
  var isBefore: Bool
  var isAfter: Bool
  var client: Client
  var traffic: MeshModel.Traffic
}

/// Who should be served by what, for folders that have no plan: a plan that says nothing else. Its steps are the folders,
/// the oldest first; a single step holds for all of them. Without a step it says who calls whom and what belongs to one
/// release, and who is served by what the folders say alone.
package struct FolderIntent: Sendable {
  let model: FlowModel
  private let states: [State]
  private let entrances: Entrances
  /// What the intent's own rules ask for.
  private let selectors: [Selector]
  private let stickyCookies: [Cohort.StickyCookie]

  /// Nil where the plan has steps, and neither one nor one for each folder.
  package init?(_ plan: Plan, folders: Int, options: MeshOptions = MeshOptions()) {
    var states: [State] = []
    var last = State()
    for step in plan.steps {
      last = step.segments.last?.after ?? last
      states.append(last)
    }
    if states.count == 1, let only = states.first { states = Array(repeating: only, count: folders) }
    guard states.isEmpty || states.count == folders else { return nil }
    self.states = states
    let model = FlowModel(plan, options: options)
    self.model = model
    entrances = Entrances(plan)
    var selectors: [Selector] = []
    var stickyCookies: [Cohort.StickyCookie] = []
    for cohort in model.flows.map(\.cohort) {
      selectors += cohort.selectors.filter { !selectors.contains($0) }
      if let cookie = cohort.sticky, !stickyCookies.contains(cookie) { stickyCookies.append(cookie) }
    }
    self.selectors = selectors
    self.stickyCookies = stickyCookies
  }

  /// What the folders `n` and `n + 1` are to do: any moment between them may be either. Nil where no step says it.
  func between(_ n: Int) -> Intent? { states.isEmpty ? nil : Intent(model.plan, states[n], states[n + 1]) }

  /// What the folder `n` is to be when everything is written. Nil where no step says it.
  func at(_ n: Int) -> Intent? { states.isEmpty ? nil : Intent(model.plan, states[n]) }

  /// The version that a workload is, by its pods' labels.
  func version(of labels: [String: String]) -> Int? {
    guard let app = labels["app"] ?? labels["app.kubernetes.io/name"],
      let version = labels["version"] ?? labels["app.kubernetes.io/version"],
      let c = model.componentOfService[app],
      let v = model.plan.components[c].versions.firstIndex(where: { $0.name == version })
    else { return nil }
    return model.firstVersion[c] + v
  }

  /// What the folders ``between(_:)`` are to send copies of requests to.
  func mirrors(_ version: Int, _ n: Int) -> Bool { between(n)?.mirrors(model.versions[version]) == true }

  /// The calls that the intent knows of, as pods of the folders send them: by a workload that is one of its versions.
  func calls(_ before: FolderObjects, _ after: FolderObjects) -> [IntendedCall] {
    if states.isEmpty { return [] }
    var all: [IntendedCall] = []
    for (stage, isAfter) in [(before, false), (after, true)] {
      for pods in stage.pods where pods.replicas > 0 && pods.id.namespace == model.plan.namespace {
        guard let version = version(of: pods.labels) else { continue }
        let namespace = pods.id.namespace
        let client: Client =
          pods.hasSidecar ? .sidecar(labels: pods.labels, namespace: namespace) : .plain(namespace: namespace)
        for f in model.flowsFrom[version] {
          for traffic in traffic(of: model.flows[f], stage) {
            let known = all.firstIndex {
              $0.flow == f && $0.sender == pods.id && $0.client == client && $0.traffic == traffic
            }
            if let known {
              all[known].isAfter = all[known].isAfter || isAfter
            } else {
              all.append(
                IntendedCall(
                  flow: f, sender: pods.id, isBefore: !isAfter, isAfter: isAfter, client: client, traffic: traffic))
            }
          }
        }
      }
    }
    return all
  }

  /// A call at the ports of the folder's Service, which need not be those of its pods.
  private func traffic(of flow: Flow, _ stage: FolderObjects) -> [MeshModel.Traffic] {
    guard let service = stage.service(model.hosts[flow.callee])?.service else { return [] }
    var ports = service.ports.filter { $0.number == flow.port || $0.target == .number(flow.port) }
    if ports.isEmpty, service.ports.count == 1 { ports = service.ports }
    return ports.map { port in
      switch flow.traffic {
      case .http(let request):
        .http(
          HTTPRequest(
            host: service.host, port: port.number, path: flow.path, headers: request.headers.map { ($0.name, $0.value) }
          ))
      case .tcp: .tcp(TCPConnection(host: service.host, port: port.number))
      }
    }
  }

  // MARK: - Requests that the folders tell apart

  /// What the intent says of visitors whom a rule of the folders tells apart: those whom it has no rule for are among
  /// the others. Nil where it exposes nothing to them.
  func visitors(_ flow: FolderFlow) -> Flow? {
    guard case .http(let request) = flow.traffic else { return nil }
    let path = request.path
    let lines = model.plan.exposures.indices.filter { model.plan.exposures[$0].port == request.port }
    // A gateway that the intent does not speak of is meant for the same.
    let own = lines.filter { model.plan.ingressLabels(of: model.plan.exposures[$0]) == flow.client.labels }
    for e in own.isEmpty ? lines : own {
      guard let line = entrances.line(beside: e, host: request.dialled, path: path) else { continue }
      return Flow(
        source: .entry(line), callee: model.plan.exposures[line].component.index, port: request.port, isHTTP: true,
        cohort: cohort(of: request), path: path, client: flow.client, traffic: flow.traffic)
    }
    return nil
  }

  /// What the intent says of calls that a rule of the folders tells apart. Nil where it knows of none.
  func calls(_ flow: FolderFlow, of version: Int, _ stages: FolderObjects...) -> Flow? {
    guard case .http(let request) = flow.traffic, let service = flow.service,
      service.namespace == model.plan.namespace, let callee = model.componentOfService[service.name]
    else { return nil }
    let known = model.flowsFrom[version].map { model.flows[$0] }.first { known in
      known.callee == callee && known.isHTTP
        && stages.contains { stage in
          traffic(of: known, stage).contains {
            if case .http(let meant) = $0 { meant.port == request.port } else { false }
          }
        }
    }
    guard var meant = known else { return nil }
    meant.cohort = cohort(of: request)
    return meant
  }

  /// By the conditions of the intent's own rules that a request meets.
  private func cohort(of request: HTTPRequest) -> Cohort {
    func values(_ name: String) -> [String] { request.headers.filter { $0.name == name }.map(\.value) }
    let cookies = values("cookie").flatMap { $0.split(separator: ";") }.map { cookie in
      let sides = cookie.drop { $0 == " " }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (name: String(sides[0]), value: sides.count > 1 ? String(sides[1]) : "")
    }
    let met = selectors.filter { selector in
      selector.isCookie
        ? cookies.contains { $0.name == selector.key && selector.takes($0.value) }
        : values(selector.key).contains { selector.takes($0) }
    }
    let sticky = stickyCookies.first { sticky in
      cookies.contains { $0.name == sticky.name && $0.value == sticky.value }
    }
    return Cohort(selectors: met, sticky: sticky)
  }

  /// The intent says that these pods call the service.
  func calls(_ labels: [String: String], _ service: ObjectID) -> Bool {
    guard let version = version(of: labels), service.namespace == model.plan.namespace,
      let callee = model.componentOfService[service.name]
    else { return false }
    return model.plan[model.versions[version]].calls.contains { $0.index == callee }
  }
}
