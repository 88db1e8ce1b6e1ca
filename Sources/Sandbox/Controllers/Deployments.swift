internal import KubernetesModel

private let revisionKey = "deployment.kubernetes.io/revision"
private let hashKey = "pod-template-hash"

/// The deployment controller. Kubernetes: `pkg/controller/deployment/{sync,rolling,recreate,progress}.go`.
extension SandboxCluster {
  mutating func reconcileDeployment(_ key: ObjectKey) {
    guard let deployment = store[key], !deployment.isDeleting else { return }
    let sets = replicaSets(of: deployment)
    let template = deployment.at("spec", "template") ?? .null
    var current = sets.first { withoutHash($0.at("spec", "template") ?? .null) == template }
    let isPaused = deployment.at("spec", "paused")?.bool == true
    var reason: (String, String)?
    if !isPaused {
      if let found = current {
        promote(found, among: sets)
        current = store[ObjectKey("replicasets.apps", key.namespace, found.name)]
        if condition(deployment, "Progressing") == nil {
          reason = ("FoundNewReplicaSet", "Found new replica set \"\(found.name)\"")
        }
      } else if deployment.at("spec", "strategy", "type")?.string != "Recreate" || !hasPods(of: sets) {
        current = createReplicaSet(for: deployment, template, sets)
        if let current { reason = ("NewReplicaSetCreated", "Created new replica set \"\(current.name)\"") }
      }
    }
    let others = sets.filter { $0.uid != current?.uid }
    if let current, !isPaused || others.isEmpty {
      if deployment.at("spec", "strategy", "type")?.string == "Recreate" {
        recreate(deployment, current, others)
      } else {
        roll(deployment, current, others)
      }
    } else if !isPaused {
      for set in others { resize(set, to: 0, of: deployment) }
    }
    updateStatus(key, current?.name, reason)
  }

  private func withoutHash(_ template: Value) -> Value {
    var result = template
    result.set(nil, at: "metadata", "labels", hashKey)
    return result
  }

  private func replicaSets(of deployment: Value) -> [Value] {
    store.all("replicasets.apps", namespace: deployment.namespace).filter {
      $0.controller?["uid"]?.string == deployment.uid
    }.sorted {
      ($0.at("metadata", "creationTimestamp")?.string ?? "", $0.name) < (
        $1.at("metadata", "creationTimestamp")?.string ?? "", $1.name
      )
    }
  }

  private func pods(of set: Value) -> [Value] {
    store.all("pods", namespace: set.namespace).filter { $0.controller?["uid"]?.string == set.uid }
  }

  private func hasPods(of sets: [Value]) -> Bool {
    sets.contains { set in
      (set.at("spec", "replicas")?.int ?? 0) > 0
        || pods(of: set).contains { !["Succeeded", "Failed"].contains($0.at("status", "phase")?.string ?? "") }
    }
  }

  private func revision(_ object: Value) -> Int { object.annotations[revisionKey].flatMap { Int($0) } ?? 0 }

  /// Makes `set` the newest revision.
  private mutating func promote(_ set: Value, among sets: [Value]) {
    let newest = sets.filter { $0.uid != set.uid }.map(revision).max() ?? 0
    guard revision(set) <= newest else { return }
    var changed = set
    changed.updateMetadata { $0.update("annotations") { $0[revisionKey] = .string(String(newest.next)) } }
    write(changed, ObjectKey("replicasets.apps", set.namespace, set.name), by: "kube-controller-manager")
  }

  private mutating func createReplicaSet(for deployment: Value, _ template: Value, _ sets: [Value]) -> Value? {
    let hash = templateHash(template)
    var labels = template.at("metadata", "labels") ?? .object(Fields())
    labels.update { $0[hashKey] = .string(hash) }
    var selector = deployment.at("spec", "selector") ?? .null
    selector.update("matchLabels") { $0[hashKey] = .string(hash) }
    var marked = template
    marked.set(labels, at: "metadata", "labels")
    var annotations = Fields()
    for (name, value) in deployment.annotations.sorted(by: { $0.key < $1.key })
    where name != revisionKey && name != "kubectl.kubernetes.io/last-applied-configuration" {
      annotations[name] = .string(value)
    }
    let wanted = deployment.at("spec", "replicas")?.int ?? 1
    annotations["deployment.kubernetes.io/desired-replicas"] = .string(String(wanted))
    annotations["deployment.kubernetes.io/max-replicas"] = .string(String(wanted + surge(deployment)))
    annotations[revisionKey] = .string(String((sets.map(revision).max() ?? 0).next))
    let total = sets.reduce(0) { $0 + ($1.at("spec", "replicas")?.int ?? 0) }
    let isRecreate = deployment.at("spec", "strategy", "type")?.string == "Recreate"
    let first = isRecreate ? wanted : max(0, min(wanted, wanted + surge(deployment) - total))
    let name = "\(deployment.name)-\(hash)"
    var spec: Fields = ["replicas": .int(first), "selector": selector, "template": marked]
    spec["minReadySeconds"] = deployment.at("spec", "minReadySeconds")
    let made = make(
      "replicasets.apps", deployment.namespace,
      [
        "kind": "ReplicaSet", "apiVersion": "apps/v1",
        "metadata": [
          "name": .string(name), "labels": labels, "annotations": .object(annotations),
          "ownerReferences": [owner(deployment)],
        ],
        "spec": .object(spec),
      ], by: "kube-controller-manager")
    if made != nil, first > 0 { tellScaling(deployment, name, from: 0, to: first) }
    return made
  }

  func owner(_ object: Value) -> Value {
    [
      "apiVersion": object["apiVersion"] ?? "apps/v1", "kind": .string(object.kind), "name": .string(object.name),
      "uid": .string(object.uid), "controller": true, "blockOwnerDeletion": true,
    ]
  }

  /// Ten letters and digits of the template's hash. Kubernetes: `controller.ComputeHash`.
  func templateHash(_ template: Value) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in jsonBytes(template) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")
    var text = ""
    for _ in 0..<10 {
      text.append(alphabet[Int(hash % 27)])
      hash /= 27
    }
    return text
  }

  // MARK: - Scaling

  private func share(_ value: Value?, of total: Int, roundingUp: Bool) -> Int {
    if let number = value?.int { return min(max(0, number), 1_000_000) }
    guard let text = value?.string, text.hasSuffix("%"), let percent = Int(text.dropLast()),
      (0...1000).contains(percent)
    else { return 0 }
    let product = min(total, 1_000_000) * percent
    return roundingUp ? (product + 99) / 100 : product / 100
  }

  private func surge(_ deployment: Value) -> Int {
    guard deployment.at("spec", "strategy", "type")?.string != "Recreate" else { return 0 }
    return share(
      deployment.at("spec", "strategy", "rollingUpdate", "maxSurge"),
      of: deployment.at("spec", "replicas")?.int ?? 1, roundingUp: true)
  }

  private func unavailable(_ deployment: Value) -> Int {
    let wanted = deployment.at("spec", "replicas")?.int ?? 1
    guard deployment.at("spec", "strategy", "type")?.string != "Recreate", wanted > 0 else { return 0 }
    let share = share(
      deployment.at("spec", "strategy", "rollingUpdate", "maxUnavailable"), of: wanted, roundingUp: false)
    return min(share == 0 && surge(deployment) == 0 ? 1 : share, wanted)
  }

  private mutating func resize(_ set: Value, to count: Int, of deployment: Value) {
    let old = set.at("spec", "replicas")?.int ?? 0
    guard old != count else { return }
    var changed = set
    changed.set(.int(count), at: "spec", "replicas")
    changed.set(.int(set.generation + 1), at: "metadata", "generation")
    let wanted = deployment.at("spec", "replicas")?.int ?? 1
    changed.updateMetadata {
      $0.update("annotations") {
        $0["deployment.kubernetes.io/desired-replicas"] = .string(String(wanted))
        $0["deployment.kubernetes.io/max-replicas"] = .string(String(wanted + surge(deployment)))
      }
    }
    write(changed, ObjectKey("replicasets.apps", set.namespace, set.name), by: "kube-controller-manager")
    tellScaling(deployment, set.name, from: old, to: count)
  }

  private mutating func tellScaling(_ deployment: Value, _ name: String, from old: Int, to count: Int) {
    tell(
      deployment, "ScalingReplicaSet",
      "Scaled \(count > old ? "up" : "down") replica set \(name) from \(old) to \(count)", by: "deployment-controller")
  }

  private mutating func recreate(_ deployment: Value, _ current: Value, _ others: [Value]) {
    for set in others { resize(set, to: 0, of: deployment) }
    let left = others.contains { set in
      pods(of: set).contains { !["Succeeded", "Failed"].contains($0.at("status", "phase")?.string ?? "") }
    }
    if !left { resize(current, to: deployment.at("spec", "replicas")?.int ?? 1, of: deployment) }
  }

  private mutating func roll(_ deployment: Value, _ current: Value, _ others: [Value]) {
    func replicas(_ set: Value) -> Int { set.at("spec", "replicas")?.int ?? 0 }
    func available(_ set: Value) -> Int { set.at("status", "availableReplicas")?.int ?? 0 }
    let wanted = deployment.at("spec", "replicas")?.int ?? 1
    let total = others.reduce(replicas(current)) { $0 + replicas($1) }
    if replicas(current) > wanted {
      resize(current, to: wanted, of: deployment)
      return
    }
    if replicas(current) < wanted {
      let room = wanted + surge(deployment) - total
      if room > 0 {
        resize(current, to: replicas(current) + min(room, wanted - replicas(current)), of: deployment)
        return
      }
    }
    let olds = others.filter { replicas($0) > 0 }
    guard !olds.isEmpty else { return }
    let minimum = wanted - unavailable(deployment)
    var spare = total - minimum - (replicas(current) - available(current))
    guard spare > 0 else { return }
    // Broken pods of old sets go first: they cost no availability.
    for set in olds where spare > 0 {
      let broken = min(spare, replicas(set) - available(set))
      if broken > 0 {
        resize(set, to: replicas(set) - broken, of: deployment)
        return
      }
    }
    spare = others.reduce(available(current)) { $0 + available($1) } - minimum
    for set in olds where spare > 0 {
      let count = min(spare, replicas(set))
      resize(set, to: replicas(set) - count, of: deployment)
      spare -= count
    }
  }

  // MARK: - Status

  private func condition(_ object: Value, _ type: String) -> Value? {
    (object.at("status", "conditions")?.array ?? []).first { $0["type"]?.string == type }
  }

  private mutating func updateStatus(_ key: ObjectKey, _ currentName: String?, _ change: (String, String)?) {
    guard var deployment = store[key] else { return }
    let sets = replicaSets(of: deployment)
    let current = sets.first { $0.name == currentName }
    func sum(_ field: String) -> Int { sets.reduce(0) { $0 + ($1.at("status", field)?.int ?? 0) } }
    let wanted = deployment.at("spec", "replicas")?.int ?? 1
    let (total, ready, available) = (sum("replicas"), sum("readyReplicas"), sum("availableReplicas"))
    let updated = current?.at("status", "replicas")?.int ?? 0
    let old = deployment["status"] ?? .null
    var status: Fields = ["observedGeneration": .int(deployment.generation)]
    for (name, count) in [
      ("replicas", total), ("updatedReplicas", updated), ("readyReplicas", ready), ("availableReplicas", available),
      ("unavailableReplicas", max(0, sets.reduce(0) { $0 + ($1.at("spec", "replicas")?.int ?? 0) } - available)),
    ] where count > 0 {
      status[name] = .int(count)
    }
    var conditions = old["conditions"]?.array ?? []
    let isAvailable = available >= wanted - unavailable(deployment)
    set(
      &conditions, "Available", isAvailable ? "True" : "False",
      isAvailable ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
      isAvailable ? "Deployment has minimum availability." : "Deployment does not have minimum availability.")
    let deadline = deployment.at("spec", "progressDeadlineSeconds")?.int ?? 600
    if deadline != 2_147_483_647 {
      progress(
        &conditions, deployment, old, current, change, deadline,
        counts: (wanted, total, updated, ready, available), key)
    }
    status["conditions"] = .array(conditions)
    deployment.set(.object(status), at: "status")
    if let current, revision(current) > 0, revision(deployment) != revision(current) {
      deployment.updateMetadata { $0.update("annotations") { $0[revisionKey] = .string(String(revision(current))) } }
    }
    write(deployment, key, by: "kube-controller-manager", subresource: "status")
    let isComplete = updated == wanted && total == wanted && available == wanted
    if isComplete {
      let limit = deployment.at("spec", "revisionHistoryLimit")?.int ?? 10
      let retired = sets.filter {
        $0.name != currentName && $0.at("spec", "replicas")?.int == 0 && $0.at("status", "replicas")?.int == 0
      }.sorted { revision($0) < revision($1) }
      for set in retired.dropLast(min(retired.count, max(0, limit))) {
        erase(ObjectKey("replicasets.apps", key.namespace, set.name))
      }
    }
  }

  private mutating func progress(
    _ conditions: inout [Value], _ deployment: Value, _ old: Value, _ current: Value?, _ change: (String, String)?,
    _ deadline: Int, counts: (wanted: Int, total: Int, updated: Int, ready: Int, available: Int), _ key: ObjectKey
  ) {
    let before = conditions.first { $0["type"] == "Progressing" }
    let subject = current.map { "ReplicaSet \"\($0.name)\"" } ?? "Deployment \"\(deployment.name)\""
    if deployment.at("spec", "paused")?.bool == true {
      if before?["reason"] != "DeploymentPaused" {
        set(&conditions, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
      }
      return
    }
    if before?["reason"] == "DeploymentPaused" {
      set(&conditions, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")
    }
    if let change {
      set(&conditions, "Progressing", "True", change.0, change.1)
      recheck(key, after: deadline * 1000 + 1000)
      return
    }
    if before?["reason"] == "NewReplicaSetAvailable", counts.total == counts.updated { return }
    func was(_ field: String) -> Int { old[field]?.int ?? 0 }
    let isComplete =
      counts.updated == counts.wanted && counts.total == counts.wanted && counts.available == counts.wanted
    let moved =
      counts.updated > was("updatedReplicas")
      || counts.total - counts.updated < was("replicas") - was("updatedReplicas") || counts.ready > was("readyReplicas")
      || counts.available > was("availableReplicas")
    if isComplete {
      set(&conditions, "Progressing", "True", "NewReplicaSetAvailable", "\(subject) has successfully progressed.")
    } else if moved {
      set(
        &conditions, "Progressing", "True", "ReplicaSetUpdated", "\(subject) is progressing.", refreshing: true)
      recheck(key, after: deadline * 1000 + 1000)
    } else if let before, before["reason"] != "ProgressDeadlineExceeded",
      before["reason"] != "NewReplicaSetAvailable",
      let since = before["lastUpdateTime"]?.string.flatMap({ Timestamp(rfc3339: $0) }),
      now.milliseconds - since.milliseconds > deadline * 1000
    {
      set(
        &conditions, "Progressing", "False", "ProgressDeadlineExceeded", "\(subject) has timed out progressing.")
    } else if before == nil {
      set(&conditions, "Progressing", "True", "ReplicaSetUpdated", "\(subject) is progressing.")
      recheck(key, after: deadline * 1000 + 1000)
    }
  }

  /// Sets a Deployment's condition; its transition time moves only with its status.
  private func set(
    _ conditions: inout [Value], _ type: String, _ status: String, _ reason: String, _ message: String,
    refreshing: Bool = false
  ) {
    let old = conditions.first { $0["type"]?.string == type }
    if !refreshing, let old, old["status"]?.string == status, old["reason"]?.string == reason { return }
    let transition = old?["status"]?.string == status ? old?["lastTransitionTime"] : nil
    let condition: Value = [
      "type": .string(type), "status": .string(status), "lastUpdateTime": .string(now.rfc3339),
      "lastTransitionTime": transition ?? .string(now.rfc3339), "reason": .string(reason), "message": .string(message),
    ]
    if let i = conditions.firstIndex(where: { $0["type"]?.string == type }) { conditions.remove(at: i) }
    conditions.append(condition)
  }

  // MARK: - ReplicaSets

  mutating func reconcileReplicaSet(_ key: ObjectKey) {
    guard let set = store[key] else { return }
    let all = pods(of: set)
    let active = all.filter {
      !$0.isDeleting && !["Succeeded", "Failed"].contains($0.at("status", "phase")?.string ?? "")
    }
    if !set.isDeleting {
      // The one node of the sandbox holds so many pods, no more.
      let wanted = min(500, set.at("spec", "replicas")?.int ?? 1)
      if active.count < wanted {
        for _ in active.count..<wanted { startPod(for: set, named: nil) }
      } else if active.count > wanted {
        // Kubernetes: `ActivePodsWithRanks`: the least useful go first.
        func rank(_ pod: Value) -> (Int, Int, String) {
          (
            (pod.at("spec", "nodeName")?.string ?? "").isEmpty ? 0 : 1, isReady(pod) ? 1 : 0,
            pod.at("metadata", "creationTimestamp")?.string ?? ""
          )
        }
        let doomed = active.sorted { a, b in
          let (x, y) = (rank(a), rank(b))
          if (x.0, x.1) != (y.0, y.1) { return (x.0, x.1) < (y.0, y.1) }
          return (x.2, a.name) > (y.2, b.name)
        }.prefix(active.count - wanted)
        for pod in doomed {
          erase(ObjectKey("pods", key.namespace, pod.name))
          tell(set, "SuccessfulDelete", "Deleted pod: \(pod.name)", by: "replicaset-controller")
        }
      }
    }
    guard var fresh = store[key] else { return }
    let counted = pods(of: fresh).filter {
      !$0.isDeleting && !["Succeeded", "Failed"].contains($0.at("status", "phase")?.string ?? "")
    }
    let ready = counted.filter(isReady)
    let patience = (fresh.at("spec", "minReadySeconds")?.int ?? 0) * 1000
    var available = 0
    for pod in ready {
      let since = readySince(pod) ?? now
      if patience == 0 || now.milliseconds - since.milliseconds >= patience {
        available += 1
      } else {
        recheck(key, after: patience - (now.milliseconds - since.milliseconds))
      }
    }
    var status: Fields = ["replicas": .int(counted.count)]
    if !counted.isEmpty { status["fullyLabeledReplicas"] = .int(counted.count) }
    if !ready.isEmpty { status["readyReplicas"] = .int(ready.count) }
    if available > 0 { status["availableReplicas"] = .int(available) }
    status["observedGeneration"] = .int(fresh.generation)
    fresh.set(.object(status), at: "status")
    write(fresh, key, by: "kube-controller-manager", subresource: "status")
  }

  /// Creates a pod from the template of `parent`.
  @discardableResult
  mutating func startPod(for parent: Value, named name: String?, labels extra: [String: String] = [:]) -> Bool {
    let template = parent.at("spec", "template") ?? .null
    var metadata = template["metadata"]?.fields ?? Fields()
    if let name { metadata["name"] = .string(name) } else { metadata["generateName"] = .string(parent.name + "-") }
    for (key, value) in extra.sorted(by: { $0.key < $1.key }) {
      metadata.update("labels") { $0[key] = .string(value) }
    }
    metadata["ownerReferences"] = [owner(parent)]
    let pod: Value = [
      "kind": "Pod", "apiVersion": "v1", "metadata": .object(metadata), "spec": template["spec"] ?? .object(Fields()),
    ]
    let source = parent.kind.lowercased() + "-controller"
    guard let type = store.registry["pods"] else { return false }
    do throws(APIError) {
      let made = try server.store.create(
        type, parent.namespace, pod, WriteOptions(manager: "kube-controller-manager", apiVersion: "v1"))
      tell(parent, "SuccessfulCreate", "Created pod: \(made.name)", by: source)
      return true
    } catch {
      tell(parent, "FailedCreate", "Error creating: \(error.message)", by: source, isWarning: true)
      return false
    }
  }

  func isReady(_ pod: Value) -> Bool { condition(pod, "Ready")?["status"] == "True" }

  private func readySince(_ pod: Value) -> Timestamp? {
    condition(pod, "Ready")?["lastTransitionTime"]?.string.flatMap { Timestamp(rfc3339: $0) }
  }
}
