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
    model = FlowModel(plan, options: options)
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

  /// The intent says that these pods call the service.
  func calls(_ labels: [String: String], _ service: ObjectID) -> Bool {
    guard let version = version(of: labels), service.namespace == model.plan.namespace,
      let callee = model.componentOfService[service.name]
    else { return false }
    return model.plan[model.versions[version]].calls.contains { $0.index == callee }
  }
}
