import Diagnostics
import KubernetesModel
import Lowering
import MeshModel
import RequestTracing
package import RolloutPlan
import SafetyChecks

/// What requests of a plan would meet at every moment of a server's history: by the objects that it held, and the pods
/// that were ready then.
package struct ServedMesh {
  private let plan: Plan
  private var mesh: MeshSnapshot
  private var deployments: [ObjectID: Value] = [:]
  /// By app and version: names of pods that are ready and stay.
  private var ready: [[String]: Set<String>] = [:]
  private var labels: [String: [String]] = [:]
  private(set) var violations: [String] = []
  private var served: Set<Int> = []

  init(_ plan: Plan) {
    self.plan = plan
    mesh = MeshSnapshot(FlowModel(plan))
    // Pods of a namespace without this label have no sidecars.
    let namespace: Value = [
      "apiVersion": "v1", "kind": "Namespace",
      "metadata": ["name": .string(plan.namespace), "labels": ["istio-injection": "enabled"]],
    ]
    if let id = ObjectID(namespace) { apply(id, namespace) }
  }

  /// Breaches of S1 (no subset), S2 (no pod behind it) and S9 (gone, and still asked for; data that is gone).
  package static func violations(of plan: Plan, in events: [ServerHistory.Event]) -> [String] {
    var served = ServedMesh(plan)
    for event in events { served.take(event) }
    // Where no entry answers nothing is asked of what stands behind it, and nothing was looked at.
    let entries = Set(served.mesh.model.entryFlows)
    return served.violations + (served.served.isDisjoint(with: entries) ? ["nobody was ever served"] : [])
  }

  /// Who answers a visitor by what the server holds now, the caller before what it calls, and the stamp of the route that the
  /// gateway takes. Empty where nobody does.
  package static func answer(to headers: [(String, String)], of plan: Plan, in events: [ServerHistory.Event])
    -> (versions: [String: String], stamp: String?)
  {
    var served = ServedMesh(plan)
    var objects: [ObjectID: Value] = [:]
    for event in events {
      served.take(event, isLooking: false)
      if let id = ObjectID(event.object) { objects[id] = event.isGone ? nil : event.object }
    }
    let trace = Trace(TracedRequest(headers: headers), in: served.mesh)
    var versions: [String: String] = [:]
    var stamp: String?
    for hop in trace.hops {
      guard case .version(let version) = hop.end else { continue }
      let id = served.mesh.model.versions[version]
      versions[plan[id.component].name] = plan[id].name
      guard hop.parent == nil, let rule = hop.rule else { continue }
      let routes = objects[rule.object]?.at("spec", "http")?.array ?? []
      stamp =
        routes.first { $0["name"]?.string == rule.name }?.at("headers", "response", "set", "x-rollout-step")?.string
    }
    return (versions, stamp)
  }

  private mutating func take(_ event: ServerHistory.Event, isLooking: Bool = true) {
    guard let id = ObjectID(event.object) else { return }
    let moment = "version \(event.version), \(event.isGone ? "without " : "")\(id)"
    switch id.kind {
    case "Pod": note(pod: event.object, isGone: event.isGone)
    case "PersistentVolumeClaim":
      if event.isGone { violations.append("\(moment): data is gone") }
      return
    case "Deployment":
      deployments[id] = event.isGone ? nil : event.object
      apply(id, event.isGone ? nil : withReadyPods(event.object))
    default: apply(id, event.isGone ? nil : event.object)
    }
    if isLooking { look(moment) }
  }

  private mutating func apply(_ id: ObjectID, _ object: Value?) {
    mesh.apply(
      Write(action: object == nil ? .delete : .update, id: id, object: object, previous: nil, origin: plan.nameRange))
  }

  private mutating func note(pod: Value, isGone: Bool) {
    guard let name = pod.at("metadata", "name")?.string else { return }
    let key = ["app", "version"].map { pod.at("metadata", "labels", $0)?.string ?? "" }
    let isReady = (pod.at("status", "conditions")?.array ?? []).contains {
      $0["type"]?.string == "Ready" && $0["status"]?.string == "True"
    }
    if isReady, !isGone, pod.at("metadata", "deletionTimestamp") == nil {
      ready[key, default: []].insert(name)
    } else {
      ready[key]?.remove(name)
    }
    for (id, deployment) in deployments where key == Self.key(of: deployment) { apply(id, withReadyPods(deployment)) }
  }

  private static func key(of deployment: Value) -> [String] {
    ["app", "version"].map { deployment.at("spec", "template", "metadata", "labels", $0)?.string ?? "" }
  }

  /// The model takes a Deployment's replicas for its ready pods where it has no status.
  private func withReadyPods(_ deployment: Value) -> Value {
    var fields = deployment.fields ?? Fields()
    var spec = fields["spec"]?.fields ?? Fields()
    spec["replicas"] = .int(ready[Self.key(of: deployment)]?.count ?? 0)
    fields["spec"] = .object(spec)
    fields["status"] = nil
    return .object(fields)
  }

  private mutating func look(_ moment: String) {
    for route in Survey(mesh).routes {
      var isServed = true
      for way in route.answer.ways {
        guard case .failure(let failure) = way.end else { continue }
        isServed = false
        let isBreach =
          switch failure.reason {
          case .undefinedSubset, .noReadyEndpoints: true
          // Before a route was there nobody could be hurt by its absence.
          default: served.contains(route.flow)
          }
        if isBreach, violations.count < 20 {
          violations.append(
            "\(moment): \(failure.reason) for \(mesh.model.flows[route.flow].source) to \(failure.host ?? "?")")
        }
      }
      if isServed { served.insert(route.flow) }
    }
  }
}
