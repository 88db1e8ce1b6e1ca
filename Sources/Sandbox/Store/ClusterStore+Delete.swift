package import KubernetesModel

package struct DeleteOptions: Sendable {
  package enum Propagation: String, Sendable {
    case background = "Background", foreground = "Foreground", orphan = "Orphan"
  }

  package var propagation: Propagation?
  package var gracePeriodSeconds: Int?
  package var uid: String?
  package var resourceVersion: String?
  package var dryRun = false

  package init(propagation: Propagation? = nil, gracePeriodSeconds: Int? = nil, uid: String? = nil) {
    self.propagation = propagation
    self.gracePeriodSeconds = gracePeriodSeconds
    self.uid = uid
  }

  /// Reads a `DeleteOptions` body.
  init(_ body: Value?) {
    propagation = body?["propagationPolicy"]?.string.flatMap(Propagation.init(rawValue:))
    if propagation == nil, body?["orphanDependents"]?.bool == true { propagation = .orphan }
    gracePeriodSeconds = body?["gracePeriodSeconds"]?.int
    uid = body?.at("preconditions", "uid")?.string
    resourceVersion = body?.at("preconditions", "resourceVersion")?.string
    dryRun = body?["dryRun"]?.array?.contains("All") ?? false
  }
}

/// What a DELETE answers: the object, if it has still to go through a finalizer or a grace period.
package enum Deleted: Sendable {
  case gone(Value)
  case pending(Value)
}

extension ClusterStore {
  package mutating func delete(
    _ type: ResourceType, _ namespace: String, _ name: String, _ options: DeleteOptions = DeleteOptions()
  ) throws(APIError) -> Deleted {
    let key = key(type, namespace, name)
    guard var object = self[key] else { throw .notFound(type, name) }
    if let uid = options.uid, uid != object.uid {
      throw .preconditionFailed(type, name, "UID", uid, object.uid)
    }
    if let version = options.resourceVersion, version != object.resourceVersion {
      throw .preconditionFailed(type, name, "ResourceVersion", version, object.resourceVersion)
    }
    if type.resource == "namespaces" {
      if ["default", "kube-system", "kube-public"].contains(name) {
        throw .forbidden(type, name, "this namespace may not be deleted")
      }
      if object.isDeleting {
        return .pending(object)
      }
    }
    var finalizers = object.finalizers
    switch options.propagation {
    case .foreground: if !finalizers.contains("foregroundDeletion") { finalizers.append("foregroundDeletion") }
    case .orphan: if !finalizers.contains("orphan") { finalizers.append("orphan") }
    case .background: finalizers.removeAll { $0 == "foregroundDeletion" || $0 == "orphan" }
    case nil: break
    }
    let isNew = !object.isDeleting
    var grace = 0
    if type.resource == "pods" {
      let isScheduled = !(object.at("spec", "nodeName")?.string ?? "").isEmpty
      let isDone = ["Succeeded", "Failed"].contains(object.at("status", "phase")?.string ?? "")
      grace = options.gracePeriodSeconds ?? object.at("spec", "terminationGracePeriodSeconds")?.int ?? 30
      grace = !isScheduled || isDone ? 0 : min(max(0, grace), 2_147_483_647)
    }
    let waitsForContent =
      type.resource == "namespaces" && !(object.at("spec", "finalizers")?.array ?? []).isEmpty
    if finalizers.isEmpty, grace == 0, !waitsForContent {
      if options.dryRun { return .gone(object) }
      return .gone(remove(key) ?? object)
    }
    object.updateMetadata { metadata in
      metadata["finalizers"] = finalizers.isEmpty ? nil : .array(finalizers.map(Value.string))
      if isNew { metadata["deletionTimestamp"] = .string(now.advanced(by: grace * 1000).rfc3339) }
      let old = metadata["deletionGracePeriodSeconds"]?.int
      metadata["deletionGracePeriodSeconds"] = .int(min(old ?? grace, grace))
    }
    if isNew, type.traits.contains(.generation) {
      object.set(.int(object.generation + 1), at: "metadata", "generation")
    }
    if waitsForContent { object.set("Terminating", at: "status", "phase") }
    if options.dryRun { return .pending(object) }
    if object == self[key] { return .pending(object) }
    return .pending(put(object, at: key))
  }

  /// The kubelet's last word about a pod, or a controller's about an object: removes it whatever its grace, if no
  /// finalizer stands in the way.
  mutating func finish(_ key: ObjectKey) {
    guard let object = self[key], object.finalizers.isEmpty else { return }
    remove(key)
  }
}
