internal import Diagnostics
package import KubernetesModel
package import RolloutPlan

/// Turns states of one plan into objects, and pairs of states into phases.
///
/// Building it works out every name once, O(plan). After that a view of a state, the objects of a view and the phases
/// of a transition are pure functions of their arguments.
package final class Renderer: Sendable {
  package let plan: Plan
  package let options: LoweringOptions
  /// What is wrong with the names; patches are judged by ``Renderer/compiled()``.
  package let problems: [LoweringProblem]
  /// Indices of components, callees before callers.
  package let callOrder: [Int]

  let components: [ComponentNames]
  let networking: String
  let security: String
  let namespaceID: ObjectID
  let peerAuthenticationID: ObjectID
  /// Where each object stands that the plan may ever render.
  let slots: [ObjectID: ObjectPlace]
  package let manifests: [ManifestObject]
  /// Where each stands among ``manifests``.
  let manifestNumbers: [ObjectID: Int]
  /// Patches of objects by kind and name, in the order of the plan.
  let objectPatches: [Patch.Target: [Int]]
  /// And the objects that they are about.
  let patchedObjects: [Patch.Target: [ObjectID]]
  /// Per component, the components that it calls.
  let callees: [[Int]]

  package init(_ plan: Plan, options: LoweringOptions = LoweringOptions()) {
    self.plan = plan
    self.options = options
    let versions = options.apiVersions ?? APIVersions(istio: plan.meshVersion)
    networking = "networking.istio.io/" + versions.networking.rawValue
    security = "security.istio.io/" + versions.security.rawValue
    namespaceID = ObjectID(group: "", kind: "Namespace", namespace: "", name: plan.namespace)
    peerAuthenticationID = ObjectID(
      group: "security.istio.io", kind: "PeerAuthentication", namespace: plan.namespace, name: "default")
    callOrder = Lowering.callOrder(plan)

    var naming = Naming(plan)
    components = naming.components()
    manifests = naming.manifests()
    slots = naming.slots
    problems = naming.problems
    manifestNumbers = Dictionary(
      manifests.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    var objectPatches: [Patch.Target: [Int]] = [:]
    for (i, patch) in plan.patches.enumerated() {
      if case .object = patch.target { objectPatches[patch.target, default: []].append(i) }
    }
    var patchedObjects: [Patch.Target: [ObjectID]] = [:]
    if !objectPatches.isEmpty {
      for id in Array(slots.keys) + [namespaceID, peerAuthenticationID] + manifests.map(\.id) {
        let target = Patch.Target.object(kind: id.kind, name: id.name)
        if objectPatches[target] != nil { patchedObjects[target, default: []].append(id) }
      }
    }
    self.objectPatches = objectPatches
    self.patchedObjects = patchedObjects
    callees = plan.components.map { component in
      Array(Set(component.versions.flatMap { $0.calls.map(\.index) })).filter { $0 < plan.components.count }.sorted()
    }
  }
}

/// A document of a manifest, as it is written: with its namespace and our labels.
package struct ManifestObject: Sendable {
  package var id: ObjectID
  package var value: Value
  var range: SourceRange
  /// Somebody's data or somebody else's objects hang on it: it is never deleted.
  var isKept: Bool
}
