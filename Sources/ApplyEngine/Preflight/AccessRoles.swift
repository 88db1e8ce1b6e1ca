package import KubernetesModel
internal import Lowering
internal import RolloutPlan

/// Whom roles are bound to.
package enum AccessSubject: Hashable, Sendable {
  case serviceAccount(namespace: String, name: String)
  case user(String)
  case group(String)

  fileprivate var value: Value {
    switch self {
    case .serviceAccount(let namespace, let name):
      ["kind": "ServiceAccount", "name": .string(name), "namespace": .string(namespace)]
    case .user(let name): ["apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": .string(name)]
    case .group(let name): ["apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": .string(name)]
    }
  }
}

/// The smallest rights that a plan needs, as objects: its Namespace where the plan makes one, a Role, a ClusterRole where
/// something belongs to no namespace, and bindings where somebody is named.
package struct AccessRoles: Sendable {
  package var objects: [Value] = []

  package init(_ itinerary: Itinerary, subject: AccessSubject?) {
    let plan = itinerary.plan
    let needs = itinerary.accessNeeds { _, kind in guessedPlural(kind) }
    let first = itinerary.forward.lazy.flatMap(\.phases).flatMap(\.writes).first {
      $0.id.kind == "Namespace" && $0.id.name == plan.namespace
    }
    if !plan.namespaceExists, let object = first?.object { objects.append(object) }
    let inside = needs.filter { $0.namespace != nil }
    let outside = needs.filter { $0.namespace == nil }
    let name = PlanNames.role(plan.name)
    // Names of cluster roles are the cluster's: a plan of this name may stand in another namespace, too.
    let clusterName = "\(name)-\(plan.namespace)"
    let labels: Value = ["app.kubernetes.io/managed-by": "rolloutc", "app.kubernetes.io/part-of": .string(plan.name)]
    func add(_ kind: String, _ name: String, _ namespace: String?, _ rest: Fields) {
      var metadata: Fields = ["name": .string(name)]
      metadata["namespace"] = namespace.map { .string($0) }
      metadata["labels"] = labels
      let head: Fields = [
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": .string(kind), "metadata": .object(metadata),
      ]
      objects.append(.object(Fields(head.entries + rest.entries)))
    }
    func bind(_ kind: String, _ name: String, _ namespace: String?) {
      guard let subject else { return }
      add(
        "\(kind)Binding", name, namespace,
        [
          "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": .string(kind), "name": .string(name)],
          "subjects": [subject.value],
        ])
    }
    add("Role", name, plan.namespace, ["rules": .array(rules(inside))])
    bind("Role", name, plan.namespace)
    if !outside.isEmpty {
      add("ClusterRole", clusterName, nil, ["rules": .array(rules(outside))])
      bind("ClusterRole", clusterName, nil)
    }
  }
}

/// One rule for what has the same group, verbs and names; two verbs on one thing in one rule.
private func rules(_ needs: [AccessNeed]) -> [Value] {
  struct Thing: Hashable {
    var group: String
    var resource: String
    var names: [String]
  }
  struct Key: Hashable {
    var group: String
    var verbs: [String]
    var names: [String]
  }
  var verbs: [Thing: Set<String>] = [:]
  var things: [Thing] = []
  for need in needs {
    let thing = Thing(group: need.group, resource: need.resource, names: need.names)
    if verbs[thing] == nil { things.append(thing) }
    verbs[thing, default: []].formUnion(need.verbs)
  }
  // What may be done to all of a kind need not be said again for some of it.
  for thing in things where !thing.names.isEmpty {
    let all = verbs[Thing(group: thing.group, resource: thing.resource, names: [])] ?? []
    verbs[thing]?.subtract(all)
  }
  var resources: [Key: [String]] = [:]
  var order: [Key] = []
  for thing in things {
    guard let allowed = verbs[thing]?.sorted(), !allowed.isEmpty else { continue }
    let key = Key(group: thing.group, verbs: allowed, names: thing.names)
    if resources[key] == nil { order.append(key) }
    resources[key, default: []].append(thing.resource)
  }
  return order.map { key in
    var rule: Fields = [
      "apiGroups": [.string(key.group)], "resources": .array((resources[key] ?? []).sorted().map { .string($0) }),
    ]
    if !key.names.isEmpty { rule["resourceNames"] = .array(key.names.map { .string($0) }) }
    rule["verbs"] = .array(key.verbs.map { .string($0) })
    return .object(rule)
  }
}
