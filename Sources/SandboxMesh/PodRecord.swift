internal import KubernetesModel
internal import MeshModel

/// A pod as it is now, whatever any proxy believes of it.
struct PodRecord: Sendable {
  let uid: String
  /// What the stand-in may know.
  let pod: StandInPod
  var standIn: any StandIn
  /// Nobody chose it, so its edges follow from the Services that there are.
  let isDefault: Bool
  let client: Client
  /// The number of `client` among all clients.
  let clientNumber: Int
  let propagationDelay: Int
  /// Its application runs: it takes connections, ready or not.
  var isRunning = false
  /// Whose data it reads and writes: its claim's, else those of one run of its own container.
  var dataKey: String

  var identity: PodIdentity { pod.identity }
}

extension Value {
  /// Kubernetes: the Ready condition, and no deletion under way: what puts a pod into an EndpointSlice as ready.
  var isReadyPod: Bool {
    at("metadata", "deletionTimestamp") == nil
      && (at("status", "conditions")?.array ?? []).contains { $0["type"] == "Ready" && $0["status"] == "True" }
  }

  /// Whether the first container runs.
  var isRunningPod: Bool { at("status", "containerStatuses")?[0]?.at("state", "running") != nil }

  var strings: [String: String] {
    var result: [String: String] = [:]
    for entry in fields?.entries ?? [] { result[entry.key] = entry.value.string }
    return result
  }
}
