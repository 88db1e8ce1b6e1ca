/// Names one object in a cluster, whatever version of its API is used: group, kind, namespace and name.
///
/// One reference: identities are copied with every write, and far more often than they are made.
package struct ObjectID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The API group; empty for the core group.
  package var group: String { parts.group }
  package var kind: String { parts.kind }
  /// Empty for cluster-scoped kinds.
  package var namespace: String { parts.namespace }
  package var name: String { parts.name }

  private let parts: Parts

  private final class Parts: Sendable {
    let group: String
    let kind: String
    let namespace: String
    let name: String
    /// Of name and kind: one component has half a dozen objects of its name, and few others share that much.
    let hash: Int

    init(group: String, kind: String, namespace: String, name: String) {
      self.group = group
      self.kind = kind
      self.namespace = namespace
      self.name = name
      var hasher = Hasher()
      hasher.combine(name)
      hasher.combine(kind)
      hash = hasher.finalize()
    }
  }

  package init(group: String, kind: String, namespace: String, name: String) {
    parts = Parts(group: group, kind: kind, namespace: namespace, name: name)
  }

  /// What `kubectl rollout status` waits for.
  package var hasRollout: Bool { group == "apps" && ["Deployment", "StatefulSet", "DaemonSet"].contains(kind) }

  package var isVolumeClaim: Bool { kind == "PersistentVolumeClaim" && group.isEmpty }

  /// Reads the identity of `object`; nil where `kind` or `metadata.name` is missing.
  package init?(_ object: Value) {
    guard let kind = object["kind"]?.string, let name = object.at("metadata", "name")?.string else { return nil }
    let apiVersion = object["apiVersion"]?.string ?? "v1"
    let group = apiVersion.utf8.firstIndex(of: UInt8(ascii: "/")).map { String(apiVersion[..<$0]) } ?? ""
    self.init(
      group: group, kind: kind, namespace: object.at("metadata", "namespace")?.string ?? "", name: name
    )
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(parts.hash) }

  package static func == (a: ObjectID, b: ObjectID) -> Bool {
    if a.parts === b.parts { return true }
    return a.parts.hash == b.parts.hash && a.name == b.name && a.kind == b.kind && a.namespace == b.namespace
      && a.group == b.group
  }

  /// By group, kind, namespace and name. Spelled out: a comparison of tuples is generic, and takes ten times as long.
  package static func < (a: ObjectID, b: ObjectID) -> Bool {
    if a.parts === b.parts { return false }
    if a.group != b.group { return a.group < b.group }
    if a.kind != b.kind { return a.kind < b.kind }
    if a.namespace != b.namespace { return a.namespace < b.namespace }
    return a.name < b.name
  }

  /// `Deployment/voting-app-1-0`.
  package var description: String { "\(kind)/\(name)" }
}
