package import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

/// One right that a run uses: some verbs on one kind of thing.
package struct AccessNeed: Hashable, Sendable {
  package enum Weight: Hashable, Sendable {
    /// Without it a run fails, sooner or later.
    case required
    /// Without it a run tells less.
    case helpful
  }

  /// Empty for the core group.
  package var group: String
  /// As discovery and roles name it: `deployments`, `pods/log`.
  package var resource: String
  package var verbs: [String]
  /// Only objects of these names; empty for all.
  package var names: [String] = []
  /// Nil for what belongs to no namespace.
  package var namespace: String?
  /// What it is for, to be read after "to".
  package var purpose: String
  package var weight = Weight.required
  /// The first line of the plan that uses it; nil for what every run uses.
  package var origin: SourceRange?

  package init(
    _ resource: String, group: String = "", verbs: [String], names: [String] = [], namespace: String?,
    purpose: String, weight: Weight = .required, origin: SourceRange? = nil
  ) {
    self.group = group
    self.resource = resource
    self.verbs = verbs
    self.names = names
    self.namespace = namespace
    self.purpose = purpose
    self.weight = weight
    self.origin = origin
  }
}

extension Itinerary {
  /// Every right that some course of this plan uses: forward, back from any step, and the failure blocks. The one table
  /// from which the roles are printed and the preflight asks.
  ///
  /// - Parameter plural: the plural of a kind, by its group; the roles are printed without a cluster to ask.
  package func accessNeeds(plural: (_ group: String, _ kind: String) -> String) -> [AccessNeed] {
    let legs = everyLeg
    return records + objects(of: legs, plural) + gates(of: legs) + looks
  }

  private var namespace: String { plan.namespace }

  // MARK: - What every run keeps in the cluster

  private var records: [AccessNeed] {
    let lock = PlanNames.lock(plan.name)
    return [
      AccessNeed(
        "configmaps", verbs: ["create", "delete", "get", "list", "patch", "watch"], namespace: namespace,
        purpose: "remember how far it came, and to hear answers"),
      AccessNeed(
        "leases", group: "coordination.k8s.io", verbs: ["create"], namespace: namespace, purpose: "take the lock"),
      AccessNeed(
        "leases", group: "coordination.k8s.io", verbs: ["get", "patch"], names: [lock], namespace: namespace,
        purpose: "hold the lock"),
      AccessNeed(
        "events", verbs: ["create"], namespace: namespace, purpose: "tell `kubectl describe` what it does",
        weight: .helpful),
    ]
  }

  // MARK: - The plan's own objects

  private func objects(of legs: [Leg], _ plural: (_ group: String, _ kind: String) -> String) -> [AccessNeed] {
    struct Use {
      var resource: String
      var origin: SourceRange
      var isDeleted = false
      var isWaitedFor = false
    }
    struct Kind: Hashable {
      var group: String
      var kind: String
      var isNamespaced: Bool
    }
    var uses: [Kind: Use] = [:]
    var order: [Kind] = []
    for phase in legs.lazy.flatMap(\.phases) {
      let awaited = Set(phase.gates.flatMap(\.objects))
      for write in phase.writes where !isOwnNamespace(write.id) {
        let kind = Kind(group: write.id.group, kind: write.id.kind, isNamespaced: !write.id.namespace.isEmpty)
        if uses[kind] == nil {
          order.append(kind)
          uses[kind] = Use(resource: plural(kind.group, kind.kind), origin: write.origin)
        }
        if write.action == .delete { uses[kind]?.isDeleted = true }
        if awaited.contains(write.id) { uses[kind]?.isWaitedFor = true }
      }
    }
    return order.compactMap { kind in
      guard let use = uses[kind] else { return nil }
      var verbs = ["create", "get", "patch"]
      if use.isDeleted { verbs.append("delete") }
      if use.isWaitedFor { verbs += ["list", "watch"] }
      return AccessNeed(
        use.resource, group: kind.group, verbs: verbs.sorted(), namespace: kind.isNamespaced ? namespace : nil,
        purpose: use.isDeleted ? "write and remove each \(kind.kind)" : "write each \(kind.kind)", origin: use.origin)
    } + ownNamespace(in: legs)
  }

  private func isOwnNamespace(_ id: ObjectID) -> Bool {
    id.kind == "Namespace" && id.group.isEmpty && id.name == namespace
  }

  /// The namespace that the plan makes. Whoever gives the rights makes it first, as rights in a namespace cannot be given
  /// before it is there; so making it is no part of them.
  private func ownNamespace(in legs: [Leg]) -> [AccessNeed] {
    guard !plan.namespaceExists else { return [] }
    let writes = legs.flatMap { $0.phases.flatMap { $0.writes.filter { isOwnNamespace($0.id) } } }
    guard let first = writes.first else { return [] }
    let isDeleted = writes.contains { $0.action == .delete }
    return [
      AccessNeed(
        "namespaces", verbs: (isDeleted ? ["delete"] : []) + ["get", "list", "patch", "watch"], names: [namespace],
        namespace: nil, purpose: "write its Namespace", origin: first.origin)
    ]
  }

  // MARK: - What it looks at

  private func gates(of legs: [Leg]) -> [AccessNeed] {
    let deploys = legs.lazy.flatMap(\.phases).flatMap(\.gates).contains { gate in
      switch gate {
      case .ready, .stopped: true
      case .settled, .drained, .established: false
      }
    }
    guard deploys else { return [] }
    return claimsOfOthers(in: legs) + [
      AccessNeed("pods", verbs: ["list"], namespace: namespace, purpose: "wait until pods are ready, and gone"),
      AccessNeed(
        "endpointslices", group: "discovery.k8s.io", verbs: ["list"], namespace: namespace,
        purpose: "wait until ready pods stand behind their Service"),
      AccessNeed(
        "replicasets", group: "apps", verbs: ["list"], namespace: namespace,
        purpose: "find the pods of a new version, and why they are not ready", weight: .helpful),
      AccessNeed(
        "events", verbs: ["list"], namespace: namespace, purpose: "say why something is not ready", weight: .helpful),
      AccessNeed(
        "pods/log", verbs: ["get"], namespace: namespace, purpose: "show the last lines of a container that fails",
        weight: .helpful),
    ]
  }

  /// Claims that pods mount and the plan does not write, as a patch may say it: pods wait for them, too.
  private func claimsOfOthers(in legs: [Leg]) -> [AccessNeed] {
    let writes = legs.flatMap { $0.phases.flatMap(\.writes) }
    let own = Set(writes.map(\.id))
    let mount = writes.first { write in
      guard write.id.kind == "Deployment", let object = write.object else { return false }
      return mountedClaims(of: object, in: write.id.namespace).contains { !own.contains($0) }
    }
    guard let mount else { return [] }
    return [
      AccessNeed(
        "persistentvolumeclaims", verbs: ["get", "list", "watch"], namespace: namespace,
        purpose: "wait for the volumes that its pods mount", origin: mount.origin)
    ]
  }

  private var looks: [AccessNeed] {
    var needs: [AccessNeed] = []
    if !plan.secrets.isEmpty {
      needs.append(
        AccessNeed(
          "secrets", verbs: ["get"], names: plan.secrets.map(\.name).sorted(), namespace: namespace,
          purpose: "see that its Secrets have their keys; values are not asked for", weight: .helpful,
          origin: plan.secrets.first?.range))
    }
    needs.append(
      AccessNeed(
        "resourcequotas", verbs: ["list"], namespace: namespace, purpose: "see whether there is room for its pods",
        weight: .helpful))
    needs.append(
      AccessNeed(
        "limitranges", verbs: ["list"], namespace: namespace, purpose: "see whether its pods would be refused",
        weight: .helpful))
    if plan.components.contains(where: { $0.versions.contains { !$0.volumes.isEmpty } }) {
      needs.append(
        AccessNeed(
          "storageclasses", group: "storage.k8s.io", verbs: ["list"], namespace: nil,
          purpose: "know which volumes wait for a pod", weight: .helpful))
    }
    if let exposure = plan.exposures.first {
      // The way through the API server needs `services/proxy` in the gateway's namespace, which a plan does not know; for
      // all namespaces that would be the right to talk to everything.
      needs += [
        AccessNeed(
          "services", verbs: ["list"], namespace: nil,
          purpose: "find the ingress gateway that it asks; `--gateway` says where it is", weight: .helpful,
          origin: exposure.range),
        AccessNeed(
          "nodes", verbs: ["list"], namespace: nil, purpose: "ask the ingress gateway by the port of a node",
          weight: .helpful, origin: exposure.range),
      ]
    }
    needs.append(
      AccessNeed(
        "namespaces", verbs: ["get"], names: ["kube-system"] + (plan.namespaceExists ? [namespace] : []),
        namespace: nil, purpose: "know this cluster from others", weight: .helpful))
    return needs
  }

  // MARK: - Courses

  /// The legs of every course that a run of this plan may take: forward, back by one step or by all, and each block.
  var everyLeg: [Leg] {
    var courses: [Course] = []
    for step in 0..<stepCount {
      courses.append(.rollback(from: progress(afterSteps: step + 1), steps: step))
      if case .block = failurePath(at: progress(afterSteps: step)) {
        for leg in progress(afterSteps: step).leg..<progress(afterSteps: step + 1).leg {
          courses.append(.block(from: Progress(leg: leg, phase: forward[leg].phases.count)))
          courses.append(.block(from: Progress(leg: leg, isPhaseBegun: true)))
        }
      }
    }
    courses.append(.rollback(from: progress(afterSteps: stepCount), steps: 0))
    return forward + courses.flatMap { legs(of: $0) ?? [] }
  }
}

extension Gate {
  /// What is watched until it is ready.
  fileprivate var objects: [ObjectID] {
    switch self {
    case .ready(let targets): targets.map(\.deployment)
    case .stopped(let ids), .established(let ids): ids
    case .settled, .drained: []
    }
  }
}

/// The plural of a kind by the rules of English, as `kubebuilder` makes it: right for every kind that Kubernetes and Istio
/// bring. Roles are printed without a server to ask.
package func guessedPlural(_ kind: String) -> String {
  let name = kind.lowercased()
  if name.hasSuffix("endpoints") { return name }
  if ["s", "x", "ch", "sh"].contains(where: name.hasSuffix) { return name + "es" }
  if name.hasSuffix("y"), let before = name.dropLast().last, !"aeiou".contains(before) {
    return name.dropLast() + "ies"
  }
  return name + "s"
}
