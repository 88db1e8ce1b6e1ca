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
    return conflicts.allSatisfy { conflict in
      let isNamed = takes.contains(Self.key(conflict.field, of: id)) || mayStop && conflict.field == ".spec.replicas"
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
