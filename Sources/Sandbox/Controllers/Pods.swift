internal import KubernetesModel

/// Where a pod stands on its way.
enum PodStep: Hashable, Sendable {
  case schedule, start, ready, crash, restart, stop
}

/// What the kubelet remembers of a pod.
struct PodRuntime: Sendable {
  var key: ObjectKey
  /// `namespace/workload`: whose behaviour it has.
  var workload: String
  var isStopping = false
  var isRunning = false
  var restarts = 0
  var startedAt: Timestamp?
  /// Counts changes of behaviour: steps planned before one are void.
  var pullTries = 0
}

/// Scheduler and kubelet in one.
extension SandboxCluster {
  mutating func notePod(_ event: StoreEvent) {
    let pod = event.object
    let uid = pod.uid
    if event.kind == .deleted {
      pods[uid] = nil
      server.logs[uid] = nil
      return
    }
    if pods[uid] == nil {
      pods[uid] = PodRuntime(key: event.key, workload: event.key.namespace + "/" + workload(of: pod))
      schedule(.pod(event.key, uid: uid, .schedule), after: behaviour(pod).scheduleDelay)
    }
    if pod.isDeleting, pods[uid]?.isStopping == false {
      pods[uid]?.isStopping = true
      let grace = min(86_400, pod.at("metadata", "deletionGracePeriodSeconds")?.int ?? 30) * 1000
      schedule(.pod(event.key, uid: uid, .stop), after: min(behaviour(pod).stopDelay, max(0, grace)))
      tell(pod, "Killing", "Stopping container \(containerNames(pod).first ?? "")", by: "kubelet")
    }
  }

  /// The name of the workload at the root of a pod's owners.
  private func workload(of pod: Value) -> String {
    guard let owner = pod.controller else { return pod.name }
    let name = owner["name"]?.string ?? ""
    if owner["kind"]?.string == "ReplicaSet", let set = store.object("replicasets.apps", pod.namespace, name),
      let top = set.controller?["name"]?.string
    {
      return top
    }
    return name
  }

  private func behaviour(_ pod: Value) -> PodBehaviour {
    let workload = pods[pod.uid]?.workload ?? "\(pod.namespace)/\(self.workload(of: pod))"
    let parts = workload.split(separator: "/", maxSplits: 1).map(String.init)
    return behaviour(of: parts.last ?? "", namespace: parts.first ?? "")
  }

  /// A workload's behaviour changed: a pod that stands still is set going.
  mutating func revise(_ uid: String, _ runtime: PodRuntime) {
    guard let pod = store[runtime.key], !runtime.isStopping else { return }
    let behaviour = behaviour(pod)
    guard !(pod.at("spec", "nodeName")?.string ?? "").isEmpty else {
      schedule(.pod(runtime.key, uid: uid, .schedule), after: behaviour.scheduleDelay)
      return
    }
    switch behaviour.fate {
    case .healthy:
      if runtime.isRunning {
        schedule(.pod(runtime.key, uid: uid, .ready), after: behaviour.readyDelay)
      } else {
        schedule(.pod(runtime.key, uid: uid, .restart), after: behaviour.startDelay)
      }
    case .neverReady: if runtime.isRunning { setReady(runtime.key, false) }
    case .crashLoop: if runtime.isRunning { schedule(.pod(runtime.key, uid: uid, .crash), after: 100) }
    case .imagePullError, .unschedulable: break
    }
  }

  mutating func advancePod(_ key: ObjectKey, _ uid: String, _ step: PodStep) {
    guard let pod = store[key], pod.uid == uid, let runtime = pods[uid] else { return }
    if step == .stop {
      stop(pod, key)
      return
    }
    guard !pod.isDeleting else { return }
    let behaviour = behaviour(pod)
    switch step {
    case .schedule: place(pod, key, behaviour)
    case .start: start(pod, key, behaviour)
    case .restart: start(pod, key, behaviour)
    case .ready:
      if runtime.isRunning, behaviour.fate == .healthy { setReady(key, true) }
    case .crash: crash(pod, key, behaviour)
    case .stop: break
    }
  }

  func claims(of pod: Value) -> [String] {
    (pod.at("spec", "volumes")?.array ?? []).compactMap {
      $0.at("persistentVolumeClaim", "claimName")?.string
    }
  }

  private func containerNames(_ pod: Value) -> [String] {
    (pod.at("spec", "containers")?.array ?? []).compactMap { $0["name"]?.string }
  }

  /// Adds a line to what a container has printed, the first one where none is named; nothing where the pod is gone.
  package mutating func log(_ line: String, pod uid: String, container: String?) {
    guard let key = pods[uid]?.key, let pod = store[key] else { return }
    server.logs[uid, default: PodLogs()].append(line, container: container ?? containerNames(pod).first ?? "")
  }

  // MARK: - Scheduler

  private mutating func place(_ pod: Value, _ key: ObjectKey, _ behaviour: PodBehaviour) {
    guard (pod.at("spec", "nodeName")?.string ?? "").isEmpty else { return }
    var obstacle: String?
    if behaviour.fate == .unschedulable { obstacle = "0/1 nodes are available: 1 Insufficient cpu." }
    var isWaiting = false
    for name in claims(of: pod) {
      let claimKey = ObjectKey("persistentvolumeclaims", key.namespace, name)
      guard var claim = store[claimKey] else {
        obstacle = "0/1 nodes are available: persistentvolumeclaim \"\(name)\" not found."
        continue
      }
      if claim.isDeleting {
        obstacle = "0/1 nodes are available: persistentvolumeclaim \"\(name)\" is being deleted."
      } else if claim.at("status", "phase")?.string != "Bound" {
        isWaiting = true
        if claim.annotations["volume.kubernetes.io/selected-node"] == nil {
          claim.updateMetadata {
            $0.update("annotations") {
              $0["volume.kubernetes.io/selected-node"] = .string(SandboxCluster.nodeName)
            }
          }
          write(claim, claimKey, by: "kube-scheduler")
        }
      }
    }
    if let obstacle {
      var changed = pod
      setConditions(&changed, [("PodScheduled", "False", "Unschedulable", obstacle)])
      write(changed, key, by: "kube-scheduler", subresource: "status")
      tell(pod, "FailedScheduling", obstacle, by: "default-scheduler", isWarning: true)
      schedule(.pod(key, uid: pod.uid, .schedule), after: 1000)
      return
    }
    if isWaiting {
      schedule(.pod(key, uid: pod.uid, .schedule), after: max(10, timing.volumeDelay))
      return
    }
    var changed = pod
    changed.set(.string(SandboxCluster.nodeName), at: "spec", "nodeName")
    setConditions(
      &changed,
      [
        ("PodScheduled", "True", "", ""), ("Initialized", "True", "", ""),
        ("Ready", "False", "ContainersNotReady", unready(pod)),
        ("ContainersReady", "False", "ContainersNotReady", unready(pod)),
      ])
    changed.set(
      .array(containerStatuses(pod, state: ["waiting": ["reason": "ContainerCreating"]], ready: false, started: false)),
      at: "status", "containerStatuses")
    changed.set("10.0.0.1", at: "status", "hostIP")
    changed.set(.string(now.rfc3339), at: "status", "startTime")
    write(changed, key, by: "kube-scheduler")
    tell(
      pod, "Scheduled", "Successfully assigned \(key.namespace)/\(key.name) to \(SandboxCluster.nodeName)",
      by: "default-scheduler")
    schedule(.pod(key, uid: pod.uid, .start), after: behaviour.startDelay)
  }

  private func unready(_ pod: Value) -> String {
    "containers with unready status: [\(containerNames(pod).joined(separator: " "))]"
  }

  // MARK: - Kubelet

  private func missingReference(_ pod: Value) -> String? {
    for container in pod.at("spec", "containers")?.array ?? [] {
      for variable in container["env"]?.array ?? [] {
        for (field, resource, word) in [
          ("secretKeyRef", "secrets", "secret"), ("configMapKeyRef", "configmaps", "configmap"),
        ] {
          guard let reference = variable.at("valueFrom", field), reference["optional"]?.bool != true else { continue }
          let name = reference["name"]?.string ?? ""
          guard let source = store.object(resource, pod.namespace, name) else { return "\(word) \"\(name)\" not found" }
          let entry = reference["key"]?.string ?? ""
          if source.at("data", entry) == nil {
            let word = word == "secret" ? "Secret" : "ConfigMap"
            return "couldn't find key \(entry) in \(word) \(pod.namespace)/\(name)"
          }
        }
      }
      for source in container["envFrom"]?.array ?? [] {
        for (field, resource, word) in [
          ("secretRef", "secrets", "secret"), ("configMapRef", "configmaps", "configmap"),
        ] {
          guard let reference = source[field], reference["optional"]?.bool != true else { continue }
          let name = reference["name"]?.string ?? ""
          if store.object(resource, pod.namespace, name) == nil { return "\(word) \"\(name)\" not found" }
        }
      }
    }
    return nil
  }

  private mutating func start(_ pod: Value, _ key: ObjectKey, _ behaviour: PodBehaviour) {
    let image = pod.at("spec", "containers")?[0]?["image"]?.string ?? ""
    if let missing = missingReference(pod) {
      wait(pod, key, "CreateContainerConfigError", missing)
      tell(pod, "Failed", "Error: \(missing)", by: "kubelet", isWarning: true)
      schedule(.pod(key, uid: pod.uid, .start), after: 2000)
      return
    }
    if behaviour.fate == .imagePullError {
      let tries = pods[pod.uid]?.pullTries ?? 0
      pods[pod.uid]?.pullTries = tries + 1
      if tries % 2 == 0 {
        let message = "failed to pull and unpack image \"\(image)\": not found"
        wait(pod, key, "ErrImagePull", message)
        tell(pod, "Failed", "Failed to pull image \"\(image)\": \(message)", by: "kubelet", isWarning: true)
      } else {
        wait(pod, key, "ImagePullBackOff", "Back-off pulling image \"\(image)\"")
        tell(pod, "BackOff", "Back-off pulling image \"\(image)\"", by: "kubelet")
      }
      let pause = tries % 2 == 0 ? 1000 : min(300_000, 5000 << min(tries / 2, 6))
      schedule(.pod(key, uid: pod.uid, .start), after: pause)
      return
    }
    var changed = pod
    if pod.at("status", "podIP") == nil {
      nextPodAddress += 1
      let address = "10.244.\(nextPodAddress / 250 % 250).\(nextPodAddress % 250 + 1)"
      changed.set(.string(address), at: "status", "podIP")
      changed.set([["ip": .string(address)]], at: "status", "podIPs")
    }
    changed.set("Running", at: "status", "phase")
    changed.set(
      .array(
        containerStatuses(
          pod, state: ["running": ["startedAt": .string(now.rfc3339)]], ready: false, started: true)),
      at: "status", "containerStatuses")
    pods[pod.uid]?.isRunning = true
    let moment = now
    pods[pod.uid]?.startedAt = moment
    log(
      behaviour.log ?? "\(moment.rfc3339) \(workload(of: pod)) started", pod: pod.uid,
      container: containerNames(pod).first ?? "")
    write(changed, key, by: "kubelet", subresource: "status")
    tell(pod, "Pulled", "Container image \"\(image)\" already present on machine", by: "kubelet")
    tell(pod, "Started", "Started container \(containerNames(pod).first ?? "")", by: "kubelet")
    switch behaviour.fate {
    case .healthy: schedule(.pod(key, uid: pod.uid, .ready), after: behaviour.readyDelay)
    case .crashLoop: schedule(.pod(key, uid: pod.uid, .crash), after: 200)
    case .neverReady:
      tell(pod, "Unhealthy", "Readiness probe failed: connection refused", by: "kubelet", isWarning: true)
    case .imagePullError, .unschedulable: break
    }
  }

  private mutating func wait(_ pod: Value, _ key: ObjectKey, _ reason: String, _ message: String) {
    var changed = pod
    changed.set(
      .array(
        containerStatuses(
          pod, state: ["waiting": ["reason": .string(reason), "message": .string(message)]], ready: false,
          started: false)),
      at: "status", "containerStatuses")
    write(changed, key, by: "kubelet", subresource: "status")
  }

  private mutating func setReady(_ key: ObjectKey, _ ready: Bool) {
    guard var pod = store[key] else { return }
    let state: Value = ["running": ["startedAt": .string((pods[pod.uid]?.startedAt ?? now).rfc3339)]]
    pod.set(
      .array(containerStatuses(pod, state: state, ready: ready, started: true)), at: "status", "containerStatuses")
    let word = ready ? "True" : "False"
    let (reason, message) = ready ? ("", "") : ("ContainersNotReady", unready(pod))
    setConditions(&pod, [("Ready", word, reason, message), ("ContainersReady", word, reason, message)])
    if pod.controller?["kind"] == "Job", ready {
      pod.set("Succeeded", at: "status", "phase")
    }
    write(pod, key, by: "kubelet", subresource: "status")
  }

  private mutating func crash(_ pod: Value, _ key: ObjectKey, _ behaviour: PodBehaviour) {
    guard case .crashLoop(let exitCode) = behaviour.fate, let runtime = pods[pod.uid] else { return }
    let restarts = runtime.restarts + 1
    pods[pod.uid]?.restarts = restarts
    pods[pod.uid]?.isRunning = false
    let pause = min(300_000, 10_000 << min(restarts - 1, 5))
    let name = containerNames(pod).first ?? ""
    server.logs[pod.uid, default: PodLogs()].end(container: name)
    let message = "back-off \(pause / 1000)s restarting failed container=\(name) pod=\(key.name)_\(key.namespace)"
    var changed = pod
    let ended: Value = [
      "exitCode": .int(exitCode), "reason": "Error", "startedAt": .string((runtime.startedAt ?? now).rfc3339),
      "finishedAt": .string(now.rfc3339),
    ]
    changed.set(
      .array(
        containerStatuses(
          changed, state: ["waiting": ["reason": "CrashLoopBackOff", "message": .string(message)]], ready: false,
          started: false, last: ["terminated": ended])),
      at: "status", "containerStatuses")
    setConditions(
      &changed,
      [
        ("Ready", "False", "ContainersNotReady", unready(pod)),
        ("ContainersReady", "False", "ContainersNotReady", unready(pod)),
      ])
    write(changed, key, by: "kubelet", subresource: "status")
    tell(pod, "BackOff", "Back-off restarting failed container \(name)", by: "kubelet", isWarning: true)
    schedule(.pod(key, uid: pod.uid, .restart), after: pause)
  }

  private mutating func stop(_ pod: Value, _ key: ObjectKey) {
    if pod.finalizers.isEmpty {
      server.store.remove(key)
    } else {
      var changed = pod
      changed.set("Succeeded", at: "status", "phase")
      changed.set(0, at: "metadata", "deletionGracePeriodSeconds")
      write(changed, key, by: "kubelet", subresource: "status")
    }
  }

  private func containerStatuses(
    _ pod: Value, state: Value, ready: Bool, started: Bool, last: Value = [:]
  ) -> [Value] {
    let restarts = pods[pod.uid]?.restarts ?? 0
    return (pod.at("spec", "containers")?.array ?? []).map { container in
      let image = container["image"]?.string ?? ""
      return [
        "name": container["name"] ?? "", "image": .string(image), "imageID": .string(started ? image : ""),
        "ready": .bool(ready), "started": .bool(started), "restartCount": .int(restarts), "state": state,
        "lastState": last,
      ]
    }
  }

  private func setConditions(_ pod: inout Value, _ changes: [(String, String, String, String)]) {
    var conditions = pod.at("status", "conditions")?.array ?? []
    for (type, status, reason, message) in changes {
      let old = conditions.first { $0["type"]?.string == type }
      let since = old?["status"]?.string == status ? old?["lastTransitionTime"] : nil
      var condition: Fields = [
        "type": .string(type), "status": .string(status), "lastProbeTime": .null,
        "lastTransitionTime": since ?? .string(now.rfc3339),
      ]
      condition["lastProbeTime"] = nil
      if !reason.isEmpty { condition["reason"] = .string(reason) }
      if !message.isEmpty { condition["message"] = .string(message) }
      if let i = conditions.firstIndex(where: { $0["type"]?.string == type }) {
        conditions[i] = .object(condition)
      } else {
        conditions.append(.object(condition))
      }
    }
    pod.set(.array(conditions), at: "status", "conditions")
  }
}
