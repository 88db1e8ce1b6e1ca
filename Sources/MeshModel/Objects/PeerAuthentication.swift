internal import KubernetesModel

package final class PeerAuthentication: Sendable {
  package let metadata: Metadata
  /// Nil: for the whole namespace, or in the root namespace the whole mesh.
  let selector: [String: String]?
  /// Nil: unset, which inherits.
  let mode: ServerTLS?
  /// By container port.
  let byPort: [Int: ServerTLS]
  /// It stands for what clients know of the policy: see ``MeshObject/seenByClients``.
  let isHint: Bool

  init(_ object: Value, _ metadata: Metadata) {
    self.metadata = metadata
    let labels = object.at("spec", "selector", "matchLabels")?.strings ?? [:]
    selector = labels.isEmpty ? nil : labels
    mode = PeerAuthentication.mode(object.at("spec", "mtls", "mode")?.string)
    var byPort: [Int: ServerTLS] = [:]
    for entry in object.at("spec", "portLevelMtls")?.fields?.entries ?? [] {
      if let port = Int(entry.key), let mode = PeerAuthentication.mode(entry.value["mode"]?.string) {
        byPort[port] = mode
      }
    }
    self.byPort = byPort
    isHint = false
  }

  /// The same as what clients know of it.
  init(hint policy: PeerAuthentication) {
    metadata = policy.metadata
    selector = policy.selector
    mode = policy.mode
    byPort = policy.byPort
    isHint = true
  }

  private static func mode(_ text: String?) -> ServerTLS? {
    switch text {
    case "STRICT": .strict
    case "PERMISSIVE": .permissive
    case "DISABLE": .disabled
    default: nil
    }
  }
}
