package import ClusterAPI
package import KubernetesModel

/// What a person decided about objects and fields that others hold. Nothing is taken that is not named.
///
/// Objects are named as `names(of:)` has it. Which object a name means that fits several of a plan nobody can tell: it is
/// refused before a run (`meant(by:among:)`).
package struct WriteDecisions: Hashable, Sendable {
  /// Fields, as a conflict shows them: `Deployment/web-1-0:.spec.replicas`.
  package var takes: Set<String>
  /// Objects that are there and become ours: `Deployment/web-1-0`.
  package var adopts: Set<String>

  /// Objects of the plan that somebody deleted, and that are made again: `Deployment/web-1-0`.
  package var recreates: Set<String>

  package init(takes: Set<String> = [], adopts: Set<String> = [], recreates: Set<String> = []) {
    self.takes = takes
    self.adopts = adopts
    self.recreates = recreates
  }

  package func united(with other: WriteDecisions) -> WriteDecisions {
    WriteDecisions(
      takes: takes.union(other.takes), adopts: adopts.union(other.adopts),
      recreates: recreates.union(other.recreates))
  }

  package static func key(_ field: String, of id: ObjectID) -> String { "\(id):\(field)" }

  /// How a person may name an object, the shortest name first: `RoleBinding/app`, with its namespace
  /// `RoleBinding/shop/app`, with its group, as kubectl has it, `RoleBinding.rbac.authorization.k8s.io/app`, and with both.
  /// The core group is empty, as in `Service./web`. The kind may be in small letters, as kubectl prints it.
  package static func names(of id: ObjectID) -> [String] {
    let places = id.namespace.isEmpty ? [id.name] : [id.name, "\(id.namespace)/\(id.name)"]
    return ["", ".\(id.group)"].flatMap { group in
      places.flatMap { place in [id.kind, id.kind.lowercased()].map { "\($0)\(group)/\(place)" } }
    }
  }

  /// Those of `ids` that `name` fits.
  package static func meant(by name: String, among ids: some Sequence<ObjectID>) -> [ObjectID] {
    ids.filter { names(of: $0).contains(name) }
  }

  /// The shortest name of `id` that fits no other of `ids`.
  package static func name(of id: ObjectID, among ids: some Sequence<ObjectID>) -> String {
    let others = Set(ids.lazy.filter { $0 != id && $0.name == id.name && $0.kind == id.kind }.flatMap(names))
    let names = names(of: id)
    return names.first { !others.contains($0) } ?? names[0]
  }

  package func adopt(_ id: ObjectID) -> Bool { Self.isNamed(id, in: adopts) }

  package func recreate(_ id: ObjectID) -> Bool { Self.isNamed(id, in: recreates) }

  private static func isNamed(_ id: ObjectID, in names: Set<String>) -> Bool {
    !names.isEmpty && self.names(of: id).contains { names.contains($0) }
  }

  /// A field is named with all that is in it: `.spec.ports` is every port.
  private func isTaken(_ field: String, of name: String) -> Bool {
    let key = "\(name):\(field)"
    return takes.contains { take in
      key == take
        || take.count > name.count + 2 && key.hasPrefix(take) && ".[".contains(key.dropFirst(take.count).first ?? "-")
    }
  }

  /// Whether every one of `conflicts` may be taken. The API's force takes all or nothing. A field of a controller that
  /// writes it back within minutes is never taken: the two would fight for as long as both live.
  ///
  /// Where the plan leaves the number of pods to an autoscaler, stopping a Deployment is the one thing that it says about
  /// it: no autoscaler wakes what has none (Kubernetes: a HorizontalPodAutoscaler rests at 0 replicas).
  ///
  /// - Parameters:
  ///   - object: what is written.
  ///   - live: what it is written over.
  package func take(_ conflicts: [FieldConflict], of id: ObjectID, writing object: Value, over live: Value?) -> Bool {
    let mayStop =
      id.kind == "Deployment" && object.at("spec", "replicas") == .int(0)
      && live.flatMap { ownFields($0, ObjectWriter.fieldManager) }?.at("f:spec", "f:replicas") == nil
    let names = Self.names(of: id)
    return conflicts.allSatisfy { conflict in
      let isNamed =
        names.contains { isTaken(conflict.field, of: $0) } || mayStop && conflict.field == ".spec.replicas"
      return isNamed && !conflict.isWrittenBack
    }
  }
}

extension FieldConflict {
  /// Its owner follows a repository, and puts back what it finds changed.
  package var isWrittenBack: Bool { repositoryFollowers.contains(manager) }
}

/// The field managers of Argo CD, of Flux's two controllers, and of kapp-controller.
private let repositoryFollowers: Set<String> = [
  "argocd-application-controller", "argocd-controller", "helm-controller", "kapp-controller", "kustomize-controller",
]
