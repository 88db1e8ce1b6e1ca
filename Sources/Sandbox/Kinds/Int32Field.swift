internal import KubernetesModel

/// A field that Go decodes into an int32.
struct Int32Field: Sendable {
  /// The Go struct that has it.
  var owner: String
  private var path: [Step]

  private enum Step: Sendable {
    case member(String)
    case everyItem
  }

  /// - Parameter path: `status.containerStatuses[].restartCount`.
  private init(_ owner: String, _ path: String) {
    self.owner = owner
    self.path = path.split(separator: ".").flatMap { part -> [Step] in
      part.hasSuffix("[]") ? [.member(String(part.dropLast(2))), .everyItem] : [.member(String(part))]
    }
  }

  /// As Go names it: without a mark for the items of a list.
  var name: String {
    path.compactMap { if case .member(let name) = $0 { name } else { nil } }.joined(separator: ".")
  }

  /// Those of `object`; one that is absent or null has none.
  func values(in object: Value) -> [Value] {
    path.reduce([object]) { values, step in
      switch step {
      case .member(let name): values.compactMap { $0[name] }
      case .everyItem: values.flatMap { $0.array ?? [] }
      }
    }.filter { $0 != .null }
  }

  /// Of those that a controller or a table calculates with.
  static func all(of type: ResourceType) -> [Int32Field] { fields[type.resource] ?? [] }

  private static let fields: [String: [Int32Field]] = [
    "deployments.apps": of(
      "Deployment", spec: ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"],
      status: [
        "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas", "collisionCount",
      ]),
    "replicasets.apps": of(
      "ReplicaSet", spec: ["replicas", "minReadySeconds"],
      status: ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"]),
    "statefulsets.apps": of(
      "StatefulSet", spec: ["replicas", "minReadySeconds", "revisionHistoryLimit"],
      status: [
        "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas", "collisionCount",
      ]) + [
        Int32Field("RollingUpdateStatefulSetStrategy", "spec.updateStrategy.rollingUpdate.partition"),
        Int32Field("StatefulSetOrdinals", "spec.ordinals.start"),
      ],
    "daemonsets.apps": of(
      "DaemonSet", spec: ["minReadySeconds", "revisionHistoryLimit"],
      status: [
        "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
        "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount",
      ]),
    "jobs.batch": of(
      "Job", spec: ["completions", "parallelism", "backoffLimit", "ttlSecondsAfterFinished"],
      status: ["active", "succeeded", "failed", "ready"]),
    "pods": ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"].map {
      Int32Field("ContainerStatus", "status.\($0)[].restartCount")
    },
    "services": [
      Int32Field("ServicePort", "spec.ports[].port"), Int32Field("ServicePort", "spec.ports[].nodePort"),
    ],
    "endpoints": [Int32Field("EndpointPort", "subsets[].ports[].port")],
    "endpointslices.discovery.k8s.io": [Int32Field("EndpointPort", "ports[].port")],
    "events": [Int32Field("Event", "count"), Int32Field("EventSeries", "series.count")],
    "events.events.k8s.io": [
      Int32Field("Event", "deprecatedCount"), Int32Field("EventSeries", "series.count"),
    ],
  ]

  private static func of(_ kind: String, spec: [String], status: [String]) -> [Int32Field] {
    spec.map { Int32Field(kind + "Spec", "spec." + $0) } + status.map { Int32Field(kind + "Status", "status." + $0) }
  }
}
