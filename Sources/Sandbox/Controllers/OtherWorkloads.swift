internal import KubernetesModel

/// StatefulSets, DaemonSets and Jobs, as far as a release meets them.
extension SandboxCluster {
  private func podsOwned(by object: Value) -> [Value] {
    store.all("pods", namespace: object.namespace).filter { $0.controller?["uid"]?.string == object.uid }
  }

  /// Ordered, one pod at a time; a pod that never becomes ready stops everything behind it (Kubernetes:
  /// `pkg/controller/statefulset`, issue 67250).
  mutating func reconcileStatefulSet(_ key: ObjectKey) {
    guard let set = store[key], !set.isDeleting else { return }
    let wanted = set.at("spec", "replicas")?.int ?? 1
    let revision = "\(set.name)-\(templateHash(set.at("spec", "template") ?? .null))"
    let partition = set.at("spec", "updateStrategy", "rollingUpdate", "partition")?.int ?? 0
    let isParallel = set.at("spec", "podManagementPolicy")?.string == "Parallel"
    let owned = podsOwned(by: set)
    func pod(_ index: Int) -> Value? { owned.first { $0.name == "\(set.name)-\(index)" } }
    var isBlocked = false
    for index in 0..<min(max(0, wanted), 1000) where !isBlocked {
      if let pod = pod(index) {
        if !isReady(pod) || pod.isDeleting { isBlocked = !isParallel }
      } else {
        for template in set.at("spec", "volumeClaimTemplates")?.array ?? [] {
          makeClaim(template, set, index)
        }
        var parent = set
        for template in set.at("spec", "volumeClaimTemplates")?.array ?? [] {
          let name = template.name
          parent.update("spec") {
            $0.update("template") {
              $0.update("spec") { spec in
                let volumes = (spec["volumes"]?.array ?? []).filter { $0["name"]?.string != name }
                spec["volumes"] = .array(
                  volumes + [
                    [
                      "name": .string(name),
                      "persistentVolumeClaim": ["claimName": .string("\(name)-\(set.name)-\(index)")],
                    ]
                  ])
              }
            }
          }
        }
        startPod(
          for: parent, named: "\(set.name)-\(index)",
          labels: [
            "controller-revision-hash": revision, "statefulset.kubernetes.io/pod-name": "\(set.name)-\(index)",
            "apps.kubernetes.io/pod-index": String(index),
          ])
        isBlocked = !isParallel
      }
    }
    if !isBlocked {
      let surplus = owned.filter { pod in
        Int(pod.name.dropFirst(set.name.count + 1)).map { $0 >= wanted } ?? false
      }
      if let last = surplus.max(by: { $0.name < $1.name }) {
        if !last.isDeleting { erase(ObjectKey("pods", key.namespace, last.name)) }
      } else if set.at("spec", "updateStrategy", "type")?.string == "RollingUpdate" {
        for index in stride(from: wanted - 1, through: max(0, partition), by: -1) {
          guard let pod = pod(index) else { break }
          if pod.labels["controller-revision-hash"] != revision {
            if !pod.isDeleting { erase(ObjectKey("pods", key.namespace, pod.name)) }
            break
          }
          if !isReady(pod) { break }
        }
      }
    }
    guard var fresh = store[key] else { return }
    let all = podsOwned(by: fresh).filter { !$0.isDeleting }
    let updated = all.filter { $0.labels["controller-revision-hash"] == revision }
    let ready = all.filter(isReady)
    let old = fresh.at("status", "currentRevision")?.string ?? revision
    let isDone = updated.count == wanted && ready.count == wanted
    var status: Fields = [
      "observedGeneration": .int(fresh.generation), "replicas": .int(all.count), "collisionCount": 0,
      "currentRevision": .string(isDone ? revision : old), "updateRevision": .string(revision),
      "availableReplicas": .int(ready.count),
    ]
    if !ready.isEmpty { status["readyReplicas"] = .int(ready.count) }
    if !updated.isEmpty { status["updatedReplicas"] = .int(updated.count) }
    if isDone, wanted > 0 { status["currentReplicas"] = .int(wanted) }
    fresh.set(.object(status), at: "status")
    write(fresh, key, by: "kube-controller-manager", subresource: "status")
  }

  private mutating func makeClaim(_ template: Value, _ set: Value, _ index: Int) {
    let name = "\(template.name)-\(set.name)-\(index)"
    guard store.object("persistentvolumeclaims", set.namespace, name) == nil else { return }
    make(
      "persistentvolumeclaims", set.namespace,
      [
        "kind": "PersistentVolumeClaim", "apiVersion": "v1",
        "metadata": [
          "name": .string(name),
          "labels": set.at("spec", "selector", "matchLabels") ?? [:],
        ],
        "spec": template["spec"] ?? [:],
      ], by: "kube-controller-manager")
  }

  /// One pod on the one node.
  mutating func reconcileDaemonSet(_ key: ObjectKey) {
    guard let set = store[key], !set.isDeleting else { return }
    let hash = templateHash(set.at("spec", "template") ?? .null)
    let owned = podsOwned(by: set).filter { !$0.isDeleting }
    if let old = owned.first(where: { $0.labels["controller-revision-hash"] != hash }) {
      erase(ObjectKey("pods", key.namespace, old.name))
    } else if owned.isEmpty {
      startPod(for: set, named: nil, labels: ["controller-revision-hash": hash])
    }
    guard var fresh = store[key] else { return }
    let all = podsOwned(by: fresh).filter { !$0.isDeleting }
    let ready = all.filter(isReady).count
    let updated = all.filter { $0.labels["controller-revision-hash"] == hash }.count
    var status: Fields = [
      "currentNumberScheduled": .int(min(1, all.count)), "desiredNumberScheduled": 1, "numberMisscheduled": 0,
      "numberReady": .int(ready), "observedGeneration": .int(fresh.generation),
      "updatedNumberScheduled": .int(updated),
    ]
    if ready > 0 { status["numberAvailable"] = .int(ready) } else { status["numberUnavailable"] = 1 }
    fresh.set(.object(status), at: "status")
    write(fresh, key, by: "kube-controller-manager", subresource: "status")
  }

  /// Runs pods until enough have succeeded; gives up after `backoffLimit` crashes.
  mutating func reconcileJob(_ key: ObjectKey) {
    guard let job = store[key], !job.isDeleting else { return }
    if (job.at("status", "conditions")?.array ?? []).contains(where: {
      ["Complete", "Failed"].contains($0["type"]?.string ?? "") && $0["status"] == "True"
    }) {
      return
    }
    let wanted = job.at("spec", "completions")?.int ?? 1
    let owned = podsOwned(by: job)
    let done = owned.filter { $0.at("status", "phase")?.string == "Succeeded" }.count
    let active = owned.filter {
      !$0.isDeleting && !["Succeeded", "Failed"].contains($0.at("status", "phase")?.string ?? "")
    }
    let crashes = owned.reduce(0) {
      $0 + (($1.at("status", "containerStatuses")?[0]?["restartCount"])?.int ?? 0)
    }
    let isFailed = crashes > job.at("spec", "backoffLimit")?.int ?? 6
    if !isFailed, job.at("spec", "suspend")?.bool != true {
      let room = min(job.at("spec", "parallelism")?.int ?? 1, wanted - done) - active.count
      for _ in 0..<min(max(0, room), 100) { startPod(for: job, named: nil) }
    }
    guard var fresh = store[key] else { return }
    var status: Fields = ["startTime": fresh.at("status", "startTime") ?? .string(now.rfc3339)]
    if done > 0 { status["succeeded"] = .int(done) }
    if !active.isEmpty, !isFailed { status["active"] = .int(active.count) }
    func condition(_ type: String, _ reason: String, _ message: String) -> Value {
      [
        "type": .string(type), "status": "True", "lastProbeTime": .string(now.rfc3339),
        "lastTransitionTime": .string(now.rfc3339), "reason": .string(reason), "message": .string(message),
      ]
    }
    if done >= wanted {
      status["completionTime"] = .string(now.rfc3339)
      status["conditions"] = [condition("Complete", "CompletionsReached", "Reached expected number of succeeded pods")]
    } else if isFailed {
      status["failed"] = .int(crashes)
      status["conditions"] = [
        condition("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
      ]
      for pod in active { erase(ObjectKey("pods", key.namespace, pod.name)) }
    }
    fresh.set(.object(status), at: "status")
    write(fresh, key, by: "kube-controller-manager", subresource: "status")
  }
}
