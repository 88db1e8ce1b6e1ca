internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

/// S9 the other way round: nothing is used before it is there.
///
/// A namespace stands before what is in it, a claim or a ConfigMap before the pods that use it, and a volume that one
/// version hands to another is free before the other starts. Only what the plan itself writes can be late; what stands
/// already, or is somebody else's, is the preflight's business.
struct Needs {
  /// What the plan writes, and others need.
  private let managed: Set<ObjectID>
  private let hasNamespace: Bool
  private let hasVolumes: Bool
  private let model: FlowModel

  init(_ compiled: Compiled, _ model: FlowModel) {
    self.model = model
    var managed: Set<ObjectID> = []
    for phase in compiled.steps.lazy.flatMap(\.segments).flatMap(\.phases) {
      for write in phase.writes where Needs.isNeeded(write.id) { managed.insert(write.id) }
    }
    self.managed = managed
    hasNamespace = managed.contains { $0.kind == "Namespace" }
    hasVolumes = model.plan.components.contains { $0.versions.contains { !$0.volumes.isEmpty } }
  }

  private static func isNeeded(_ id: ObjectID) -> Bool {
    ["ConfigMap", "Namespace", "PersistentVolumeClaim", "Secret", "ServiceAccount"].contains(id.kind)
  }

  /// What `phase` writes too early, in the cluster before it. Writes of one phase may be made in any order, so they
  /// cannot rest on each other. Time: the writes of workloads, times what they use.
  func violations(_ phase: Phase, _ cluster: TrackedCluster, to: Intent) -> [Violation] {
    if managed.isEmpty, !hasVolumes { return [] }
    let after = cluster.mesh.goal(of: to)
    var found: [Violation] = []
    var standing: Set<String> = []
    for write in phase.writes {
      guard let object = write.object else { continue }
      let name = write.id.namespace
      if hasNamespace, found.isEmpty, !name.isEmpty, !standing.contains(name) {
        let namespace = ObjectID(group: "", kind: "Namespace", namespace: "", name: name)
        if managed.contains(namespace), !cluster.stands(namespace) {
          found.append(violation(write, needs: namespace, after))
        } else {
          standing.insert(name)
        }
      }
      guard write.id.isWorkload, replicas(object) > 0 else { continue }
      for id in used(by: object) where managed.contains(id) && !cluster.stands(id) {
        found.append(violation(write, needs: id, after))
      }
      for other in holders(beside: write.id, cluster, after) { found.append(violation(write, needs: other, after)) }
    }
    return found
  }

  private func used(by workload: Value) -> [ObjectID] {
    let namespace = workload.at("metadata", "namespace")?.string ?? ""
    return managed.filter { $0.namespace == namespace && uses(workload, $0) }.sorted()
  }

  /// Workloads that leave, and may still have pods on a volume of this one.
  private func holders(beside deployment: ObjectID, _ cluster: TrackedCluster, _ after: Goal) -> [ObjectID] {
    guard let version = model.versionOfDeployment[deployment.name], cluster.mostReady(version: version) == 0 else {
      return []
    }
    let id = model.versions[version]
    let c = id.component
    let claims = model.plan[id].volumes.map(\.claim)
    if claims.isEmpty { return [] }
    return model.plan[c].versions.indices.compactMap { v in
      let other = model.firstVersion[c.index] + v
      guard other != version, after.replicas(other) == 0, cluster.mostReady(version: other) > 0,
        model.plan[c].versions[v].volumes.contains(where: { claims.contains($0.claim) })
      else { return nil }
      return model.deployments[other]
    }
  }

  /// Somebody whom the new state sends there, for whom it comes too late.
  private func violation(_ write: Write, needs id: ObjectID, _ after: Goal) -> Violation {
    let version = model.versionOfDeployment[write.id.name]
    let component = version.map { model.versions[$0].component.index } ?? model.componentOfService[write.id.name]
    let inner = component.map { model.flowsInto[$0] } ?? []
    let flows = id.kind == "Namespace" ? model.entryFlows + inner : inner
    let flow = flows.first { f in
      version.map { after.leads(f, to: $0) } ?? false || id.kind == "Namespace" && !after.isEmpty(f)
    }
    return Violation(invariant: .inUseKept, flow: flow, version: version, object: write.id, needed: id)
  }
}
