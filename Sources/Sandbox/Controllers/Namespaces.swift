internal import KubernetesModel

extension SandboxCluster {
  /// Gives a namespace its service account and its ``companions``, or empties it if it goes. Kubernetes:
  /// `pkg/controller/{serviceaccount, namespace}`.
  mutating func reconcileNamespace(_ key: ObjectKey) {
    guard let namespace = store[key] else { return }
    if namespace.isDeleting {
      empty(namespace, key)
      return
    }
    if store.object("serviceaccounts", key.name, "default") == nil {
      make(
        "serviceaccounts", key.name, ["kind": "ServiceAccount", "apiVersion": "v1", "metadata": ["name": "default"]],
        by: "kube-controller-manager")
    }
    if store.object("configmaps", key.name, "kube-root-ca.crt") == nil {
      make(
        "configmaps", key.name,
        [
          "kind": "ConfigMap", "apiVersion": "v1", "metadata": ["name": "kube-root-ca.crt"],
          "data": ["ca.crt": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"],
        ], by: "kube-controller-manager")
    }
    for object in companions where object.namespace == key.name {
      guard let type = store.registry.type(apiVersion: object["apiVersion"]?.string ?? "", kind: object.kind),
        store[store.key(type, key.name, object.name)] == nil
      else { continue }
      make(type.resource, key.name, object, by: "somebody")
    }
  }

  private mutating func empty(_ namespace: Value, _ key: ObjectKey) {
    var remaining = 0
    for type in store.registry.types where type.isNamespaced {
      for object in store.keys(type.resource) where object.namespace == key.name {
        if let live = store[object], !live.isDeleting { erase(object, DeleteOptions(propagation: .background)) }
        if store[object] != nil { remaining += 1 }
      }
    }
    if remaining > 0 {
      recheck(key, after: max(20, timing.garbageDelay))
      return
    }
    guard namespace.finalizers.isEmpty else { return }
    server.store.remove(key)
  }

  /// Deletes what only a vanished owner owned. Kubernetes: `pkg/controller/garbagecollector`.
  mutating func collectDependents(of uid: String, _ namespace: String) {
    guard !uid.isEmpty else { return }
    for (key, object) in dependents(of: uid) where !object.isDeleting {
      let owners = object.ownerReferences.filter { $0["uid"]?.string != uid }
      let hasLiving = owners.contains { owner in
        store.registry.type(apiVersion: owner["apiVersion"]?.string ?? "", kind: owner["kind"]?.string ?? "").map {
          store[store.key($0, key.namespace, owner["name"]?.string ?? "")]?.uid == owner["uid"]?.string
        } ?? false
      }
      if hasLiving {
        var kept = object
        kept.updateMetadata { $0["ownerReferences"] = .array(owners) }
        write(kept, key, by: "kube-controller-manager")
      } else {
        erase(key, DeleteOptions(propagation: .background))
      }
    }
  }

  private func dependents(of uid: String) -> [(ObjectKey, Value)] {
    var result: [(ObjectKey, Value)] = []
    for resource in store.resources where resource != "events" {
      for key in store.keys(resource) {
        if let object = store[key], object.ownerReferences.contains(where: { $0["uid"]?.string == uid }) {
          result.append((key, object))
        }
      }
    }
    return result
  }

  /// Works off the finalizers `foregroundDeletion` and `orphan`.
  mutating func finalize(_ key: ObjectKey) {
    guard var object = store[key], object.isDeleting else { return }
    let uid = object.uid
    let dependents = dependents(of: uid)
    var finalizers = object.finalizers
    if finalizers.contains("orphan") {
      for (key, dependent) in dependents {
        var freed = dependent
        let owners = dependent.ownerReferences.filter { $0["uid"]?.string != uid }
        freed.updateMetadata { $0["ownerReferences"] = owners.isEmpty ? nil : .array(owners) }
        write(freed, key, by: "kube-controller-manager")
      }
      finalizers.removeAll { $0 == "orphan" }
    }
    if finalizers.contains("foregroundDeletion") {
      for (key, dependent) in dependents where !dependent.isDeleting {
        erase(key, DeleteOptions(propagation: key.resource == "pods" ? .background : .foreground))
      }
      let blocking = self.dependents(of: uid).contains { _, dependent in
        dependent.ownerReferences.contains { $0["uid"]?.string == uid && $0["blockOwnerDeletion"]?.bool == true }
      }
      if blocking {
        return schedule(.finalize(key), after: max(20, timing.garbageDelay))
      }
      finalizers.removeAll { $0 == "foregroundDeletion" }
    }
    guard finalizers != object.finalizers else { return }
    object.updateMetadata { $0["finalizers"] = finalizers.isEmpty ? nil : .array(finalizers.map(Value.string)) }
    write(object, key, by: "kube-controller-manager")
  }
}
