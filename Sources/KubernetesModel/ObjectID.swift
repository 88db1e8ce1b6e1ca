/// Names one object in a cluster, whatever version of its API is used: group, kind, namespace and name.
package struct ObjectID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The API group; empty for the core group.
  package var group: String
  package var kind: String
  /// Empty for cluster-scoped kinds.
  package var namespace: String
  package var name: String

  package init(group: String, kind: String, namespace: String, name: String) {
    self.group = group
    self.kind = kind
    self.namespace = namespace
    self.name = name
  }

  /// Reads the identity of `object`; nil where `kind` or `metadata.name` is missing.
  package init?(_ object: Value) {
    guard let kind = object["kind"]?.string, let name = object.at("metadata", "name")?.string else { return nil }
    let apiVersion = object["apiVersion"]?.string ?? "v1"
    let group = apiVersion.firstIndex(of: "/").map { String(apiVersion[..<$0]) } ?? ""
    self.init(
      group: group, kind: kind, namespace: object.at("metadata", "namespace")?.string ?? "", name: name
    )
  }

  /// The name tells objects apart well enough; hashing all four would only cost time.
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }

  /// By group, kind, namespace and name. Spelled out: a comparison of tuples is generic, and takes ten times as long.
  package static func < (a: ObjectID, b: ObjectID) -> Bool {
    if a.group != b.group { return a.group < b.group }
    if a.kind != b.kind { return a.kind < b.kind }
    if a.namespace != b.namespace { return a.namespace < b.namespace }
    return a.name < b.name
  }

  /// `Deployment/voting-app-1-0`.
  package var description: String { "\(kind)/\(name)" }
}
