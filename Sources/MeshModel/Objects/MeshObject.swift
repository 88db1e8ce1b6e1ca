package import KubernetesModel

/// A Kubernetes object as the mesh reads it. Parsing compiles its regular expressions; a parsed object is immutable and
/// can be put into any number of views.
package struct MeshObject: Sendable {
  package enum Content: Sendable {
    case destinationRule(DestinationRule)
    case gateway(Gateway)
    case namespace(Namespace)
    case peerAuthentication(PeerAuthentication)
    case service(Service)
    case virtualService(VirtualService)
    case workload(Workload)
  }

  package let id: ObjectID
  package let content: Content
  /// What is wrong with it so that its effect here is a guess: a regex that is none.
  package let issues: [String]

  /// Nil for an object of a kind that routing does not depend on. Never fails: what cannot be understood matches
  /// nothing and is in `issues`.
  ///
  /// - Parameter isOlder: no server has seen it yet, and it is to be made before all others of which that is true.
  package static func parse(
    _ value: Value, options: MeshOptions = MeshOptions(), isOlder: Bool = false
  ) -> MeshObject? {
    var expressions = ExpressionTable()
    return ObjectID(value).flatMap { parse(value, $0, options: options, isOlder: isOlder, &expressions) }
  }

  /// The same for who knows what the object is called, and reads many.
  package static func parse(
    _ value: Value, _ id: ObjectID, options: MeshOptions, isOlder: Bool = false, _ expressions: inout ExpressionTable
  ) -> MeshObject? {
    var metadata = Metadata(value, id)
    if isOlder { metadata.creation = min(metadata.creation, "}") }
    var reading = Reading(expressions: expressions)
    // Only one holds the table, or it would be copied for each new expression.
    expressions = ExpressionTable()
    defer { expressions = reading.expressions }
    let content: Content
    switch (metadata.id.group, metadata.id.kind) {
    case ("", "Namespace"):
      content = .namespace(Namespace(metadata))
    case ("", "Service"): content = .service(Service(value, metadata, options: options))
    case ("", "Pod"), ("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"):
      content = .workload(Workload(value, metadata))
    case ("networking.istio.io", "DestinationRule"):
      content = .destinationRule(DestinationRule(value, metadata, options: options))
    case ("networking.istio.io", "Gateway"): content = .gateway(Gateway(value, metadata))
    case ("networking.istio.io", "VirtualService"):
      content = .virtualService(VirtualService(value, metadata, options: options, reading: &reading))
    case ("security.istio.io", "PeerAuthentication"):
      content = .peerAuthentication(PeerAuthentication(value, metadata))
    default: return nil
    }
    return MeshObject(id: metadata.id, content: content, issues: reading.issues)
  }

  /// A PeerAuthentication as clients know it; nil for other kinds.
  ///
  /// Where no DestinationRule says how a client connects, its proxy goes by the policy of the server (Istio:
  /// `PushContext.BestEffortInferServiceMTLSMode`). That is another proxy than the server's, which hears of a change at
  /// another time: whoever looks at every moment of a change has the policy twice.
  package var seenByClients: MeshObject? {
    guard case .peerAuthentication(let policy) = content else { return nil }
    return MeshObject(
      id: id.seenByClients, content: .peerAuthentication(PeerAuthentication(hint: policy)), issues: issues)
  }

  /// It stands for what clients know of a policy.
  var isHint: Bool { if case .peerAuthentication(let policy) = content { policy.isHint } else { false } }

  /// Tells this parsed object from every other.
  var token: ObjectIdentifier {
    switch content {
    case .destinationRule(let rule): ObjectIdentifier(rule)
    case .gateway(let gateway): ObjectIdentifier(gateway)
    case .namespace(let namespace): ObjectIdentifier(namespace)
    case .peerAuthentication(let policy): ObjectIdentifier(policy)
    case .service(let service): ObjectIdentifier(service)
    case .virtualService(let rule): ObjectIdentifier(rule)
    case .workload(let workload): ObjectIdentifier(workload)
    }
  }
}

extension ObjectID {
  /// What the policy of this name is called as clients know it: no object of a cluster has such a name.
  package var seenByClients: ObjectID {
    ObjectID(group: group, kind: kind, namespace: namespace, name: name + " as clients know it")
  }
}

package final class Namespace: Sendable {
  /// Whether its pods get a sidecar.
  let injects: Bool

  init(_ metadata: Metadata) { injects = Namespace.injects(metadata.labels) }

  /// Whether new pods of a namespace with these labels get a sidecar.
  package static func injects(_ labels: [String: String]) -> Bool {
    labels["istio-injection"] == "enabled" || labels["istio-injection"] == nil && labels["istio.io/rev"] != nil
  }

  /// Whether a new pod gets a sidecar: its own word first, and of the two forms of it the label; else its namespace's. Istio:
  /// `injectRequired`, and the selectors of its webhook.
  ///
  /// - Parameter asked: `sidecar.istio.io/inject` of the pod, as a label and as an annotation.
  package static func injects(_ labels: [String: String], asked: (label: String?, annotation: String?)) -> Bool {
    if labels["istio-injection"] == "disabled" { return false }
    return (asked.label ?? asked.annotation).map { $0 == "true" } ?? injects(labels)
  }
}
