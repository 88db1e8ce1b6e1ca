package import ClusterAPI
package import KubernetesModel

/// What a person decided about objects and fields that others hold. Nothing is taken that is not named.
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

  package static func key(_ field: String, of id: ObjectID) -> String { "\(id):\(field)" }

  package func adopt(_ id: ObjectID) -> Bool { adopts.contains("\(id)") }

  package func recreate(_ id: ObjectID) -> Bool { recreates.contains("\(id)") }

  /// Whether every one of `conflicts` may be taken. The API's force takes all or nothing. A field of a controller that
  /// writes it back within minutes is never taken: the two would fight for as long as both live.
  package func take(_ conflicts: [FieldConflict], of id: ObjectID) -> Bool {
    conflicts.allSatisfy { takes.contains(Self.key($0.field, of: id)) && !$0.isWrittenBack }
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
