internal import KubernetesModel

/// A pod, or a Deployment, StatefulSet or DaemonSet that stands for as many pods as it has ready.
package final class Workload: Sendable {
  package enum Sidecar: Hashable, Sendable {
    case present, absent
    /// As the namespace's injection label says.
    case byNamespace
  }

  package struct Port: Hashable, Sendable {
    package var name: String?
    package var number: Int
  }

  package let metadata: Metadata
  /// The pods' labels.
  package let labels: [String: String]
  /// What the containers declare; empty where they declare nothing, which says nothing about what they listen on.
  package let ports: [Port]
  package let sidecar: Sidecar
  /// What the object itself says: a pod's condition, a Deployment's `readyReplicas`, else its `replicas`.
  package let declaredReady: Int

  init(_ object: Value, _ metadata: Metadata) {
    self.metadata = metadata
    let isPod = metadata.id.kind == "Pod"
    let template = isPod ? object : object.at("spec", "template") ?? .null
    labels = template.at("metadata", "labels")?.strings ?? [:]
    let containers =
      (template.at("spec", "containers")?.array ?? []) + (template.at("spec", "initContainers")?.array ?? [])
    ports = containers.filter { $0["name"]?.string != "istio-proxy" }.flatMap { container in
      (container["ports"]?.array ?? []).compactMap { port in
        port["containerPort"]?.int.map { Port(name: port["name"]?.string, number: $0) }
      }
    }
    let inject =
      labels["sidecar.istio.io/inject"]
      ?? template.at("metadata", "annotations")?.strings["sidecar.istio.io/inject"]
    if containers.contains(where: { $0["name"]?.string == "istio-proxy" }) {
      sidecar = .present
    } else if template.at("spec", "hostNetwork") == .bool(true) {
      // Its network is the node's: nothing of it is led through a proxy (Istio: `injectRequired`).
      sidecar = .absent
    } else if let inject {
      sidecar = inject == "true" ? .present : .absent
    } else {
      // A pod that runs has been injected or has not; a template may be yet.
      sidecar = isPod && object["status"] != nil ? .absent : .byNamespace
    }
    if isPod {
      let conditions = object.at("status", "conditions")?.array
      let isReady = conditions?.contains { $0["type"]?.string == "Ready" && $0["status"]?.string == "True" } ?? true
      declaredReady = isReady ? 1 : 0
    } else {
      let ready = object["status"] == nil ? object.at("spec", "replicas")?.int32 ?? 1 : nil
      let counted = metadata.id.kind == "DaemonSet" ? "numberReady" : "readyReplicas"
      declaredReady = max(0, ready ?? object.at("status", counted)?.int32 ?? 0)
    }
  }

  /// The port that `target` means in this workload; nil where a named one is not declared (EndpointSlices then leave the
  /// pod out).
  func resolve(_ target: Service.TargetPort) -> Int? {
    switch target {
    case .number(let number): number
    case .name(let name): ports.first { $0.name == name }?.number
    }
  }

  /// Whether something may listen on `port`.
  func listens(on port: Int) -> Bool { ports.isEmpty || ports.contains { $0.number == port } }
}
