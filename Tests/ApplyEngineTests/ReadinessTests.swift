import ClusterAPI
import KubernetesModel
import Testing

@testable import ApplyEngine

/// A Deployment that is complete, with the changes given by path.
private func deployment(
  generation: Int = 2, observed: Int? = 2, replicas: Int = 3, counts: [String: Int] = [:],
  progress: (status: String, reason: String, time: String) = ("True", "NewReplicaSetAvailable", "t1"),
  available: String = "True", spec: Fields = Fields(), more: [Value] = [], uid: String = "u1"
) -> Value {
  var status: Fields = [:]
  if let observed { status["observedGeneration"] = .int(observed) }
  for key in ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"] {
    status[key] = .int(counts[key] ?? replicas)
  }
  if let ending = counts["terminatingReplicas"] { status["terminatingReplicas"] = .int(ending) }
  status["conditions"] = .array(
    [
      [
        "type": "Progressing", "status": .string(progress.status), "reason": .string(progress.reason),
        "lastUpdateTime": .string(progress.time),
      ], ["type": "Available", "status": .string(available)],
    ] + more)
  var fields: Fields = ["replicas": .int(replicas), "progressDeadlineSeconds": 600]
  for entry in spec.entries { fields[entry.key] = entry.value }
  return [
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": ["name": "web", "namespace": "d", "uid": .string(uid), "generation": .int(generation)],
    "spec": .object(fields), "status": .object(status),
  ]
}

private let late = (status: "False", reason: "ProgressDeadlineExceeded", time: "t0")

@Suite struct DeploymentReadinessTests {
  @Test(
    "each rule alone holds up a Deployment that is otherwise complete",
    arguments: [
      (deployment(observed: 1), "its controller has not looked at it yet"),
      (deployment(observed: nil), "its controller has not looked at it yet"),
      (deployment(generation: 1), "an older version was seen"),
      (deployment(counts: ["updatedReplicas": 2]), "2 of 3 updated"),
      (deployment(counts: ["replicas": 4]), "1 old replicas left"),
      (deployment(counts: ["availableReplicas": 0]), "0 of 3 available"),
      (deployment(counts: ["readyReplicas": 1]), "1 of 3 ready"),
      (deployment(progress: ("True", "ReplicaSetUpdated", "t1")), "the rollout is not complete yet"),
      (deployment(available: "False"), "not available yet"),
      // One replica that may be unavailable is still one that must come (helm#8660).
      (
        deployment(
          replicas: 1, counts: ["availableReplicas": 0, "readyReplicas": 0],
          spec: ["strategy": ["rollingUpdate": ["maxUnavailable": 1]]]), "0 of 1 available"
      ),
    ])
  func waits(_ object: Value, _ text: String) {
    #expect(readiness(of: object, after: deployment(observed: 1)) == .waiting(text))
  }

  @Test func completeIsReady() {
    #expect(readiness(of: deployment(), after: deployment(observed: 1)) == .ready)
    #expect(readiness(of: deployment(replicas: 0), after: deployment()) == .ready)
    // Without a deadline the controller writes no Progressing condition.
    let silent = deployment(progress: ("", "", ""), spec: ["progressDeadlineSeconds": .int(Int(Int32.max))])
    #expect(readiness(of: silent, after: silent) == .ready)
  }

  @Test func anotherObjectOrOneThatGoesFails() {
    #expect(reason(readiness(of: deployment(uid: "u2"), after: deployment())) == "Replaced")
    var going = deployment()
    if case .object(var fields) = going, var metadata = fields["metadata"]?.fields {
      metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
      fields["metadata"] = .object(metadata)
      going = .object(fields)
    }
    #expect(reason(readiness(of: going, after: deployment())) == "Terminating")
    #expect(reason(readiness(of: deployment(spec: ["paused": true]), after: deployment())) == "Paused")
  }

  @Test("trap 1: a deadline that stood before our write is no news; it gets its own clock")
  func staleDeadline() {
    let written = deployment(observed: 1, progress: late)
    let stalled = deployment(counts: ["availableReplicas": 1], progress: late)
    var tracker = ReadinessTracker(written: written)
    tracker.saw(stalled)
    for second in [0, 300, 599] {
      guard case .waiting = tracker.verdict(at: .seconds(second + 100)) else {
        Issue.record("failed after \(second) s by a deadline of the rollout before")
        return
      }
    }
    #expect(reason(tracker.verdict(at: .seconds(700))) == "ProgressDeadlineExceeded")
    // The same condition, written anew, is our own rollout's.
    let fresh = deployment(counts: ["availableReplicas": 1], progress: (late.status, late.reason, "t9"))
    #expect(reason(readiness(of: fresh, after: written)) == "ProgressDeadlineExceeded")
  }

  @Test("who is to have no pods fails by nothing that they lacked, also where that is said after our write")
  func stoppedAfterItsDeadline() {
    let written = deployment(observed: 1, replicas: 0)
    var tracker = ReadinessTracker(written: written)
    tracker.saw(
      deployment(
        replicas: 0, counts: ["replicas": 2], progress: (late.status, late.reason, "t9"),
        more: [["type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"]]))
    tracker.learned([Cause("FailedCreate", "denied", in: "ReplicaSet/web")])
    for second in [0, 700] { #expect(tracker.verdict(at: .seconds(second)) == .waiting("2 old replicas left")) }
    tracker.saw(deployment(replicas: 0))
    #expect(tracker.verdict(at: .seconds(701)) == .ready)
  }

  @Test("trap 2: the controller goes on after its deadline, and so may we")
  func deadlineHeals() {
    var tracker = ReadinessTracker(written: deployment(observed: 1))
    tracker.saw(deployment(counts: ["availableReplicas": 1], progress: (late.status, late.reason, "t9")))
    #expect(reason(tracker.verdict(at: .zero)) == "ProgressDeadlineExceeded")
    tracker.saw(deployment())
    #expect(tracker.verdict(at: .seconds(1)) == .ready)
  }

  @Test("trap 3: pods that still end are waited for only when asked")
  func oldPodsGone() {
    let object = deployment(counts: ["terminatingReplicas": 2])
    #expect(readiness(of: object, after: object) == .ready)
    var options = ReadinessOptions()
    options.wantsOldPodsGone = true
    #expect(readiness(of: object, after: object, options: options) == .waiting("2 pods still end"))
  }

  @Test func replicaFailureHealsWithinItsGrace() {
    let failing = deployment(
      counts: ["availableReplicas": 1],
      more: [["type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"]])
    var tracker = ReadinessTracker(written: deployment(observed: 1))
    tracker.saw(failing)
    #expect(reason(tracker.verdict(at: .zero)) == nil)
    tracker.saw(deployment(counts: ["availableReplicas": 2]))
    #expect(reason(tracker.verdict(at: .seconds(29))) == nil)
    // It comes back: the grace begins anew.
    tracker.saw(failing)
    #expect(reason(tracker.verdict(at: .seconds(31))) == nil)
    #expect(reason(tracker.verdict(at: .seconds(61))) == "FailedCreate")
  }

  @Test("an autoscaler's new generation is no takeover, a lost field is")
  func generations() {
    func owned(_ object: Value, _ entries: [(String, Value)]) -> Value {
      object.mergePatched(by: [
        "metadata": [
          "managedFields": .array(
            entries.map {
              [
                "manager": .string($0.0), "operation": $0.0 == "rolloutc" ? "Apply" : "Update", "fieldsV1": $0.1,
              ]
            })
        ]
      ])
    }
    let image: Value = ["f:spec": ["f:image": [:]]]
    let written = owned(deployment(), [("rolloutc", image)])
    let scaled = owned(
      deployment(generation: 3, observed: 3), [("rolloutc", image), ("hpa", ["f:spec": ["f:replicas": [:]]])])
    #expect(readiness(of: scaled, after: written) == .ready)
    let taken = owned(deployment(generation: 3, observed: 3), [("rolloutc", [:]), ("argocd", image)])
    guard case .failed(let cause) = readiness(of: taken, after: written) else {
      Issue.record("a takeover went unnoticed")
      return
    }
    #expect(cause.reason == "Superseded" && cause.message.contains("argocd"))
  }
}

@Suite struct OtherReadinessTests {
  private func object(_ kind: String, _ apiVersion: String = "v1", _ rest: Fields) -> Value {
    var fields: Fields = [
      "apiVersion": .string(apiVersion), "kind": .string(kind),
      "metadata": ["name": "x", "namespace": "d", "uid": "u"],
    ]
    for entry in rest.entries { fields[entry.key] = entry.value }
    return .object(fields)
  }

  @Test("a Job's conditions count with their status (gitops-engine reads the type alone)")
  func jobs() {
    func job(_ type: String, _ status: String) -> Value {
      object(
        "Job", "batch/v1",
        ["status": ["conditions": [["type": .string(type), "status": .string(status), "reason": "R"]]]])
    }
    #expect(jobReadiness(job("Complete", "True")) == .ready)
    #expect(jobReadiness(job("Complete", "False")) != .ready)
    #expect(reason(jobReadiness(job("Failed", "True"))) == "R")
    #expect(reason(jobReadiness(job("Failed", "False"))) == nil)
    #expect(jobReadiness(job("Suspended", "False")) == .waiting("0 succeeded, 0 running"))
    #expect(jobReadiness(job("Suspended", "True")) == .waiting("it is suspended"))
    #expect(reason(jobReadiness(job("FailureTarget", "True"))) == nil)
  }

  @Test func volumes() {
    func claim(_ phase: String, class name: String? = nil, placed: Bool = false, volume: String = "") -> Value {
      var spec: Fields = ["volumeName": .string(volume)]
      if let name { spec["storageClassName"] = .string(name) }
      let base = object("PersistentVolumeClaim", "v1", ["spec": .object(spec), "status": ["phase": .string(phase)]])
      if !placed { return base }
      return base.mergePatched(by: ["metadata": ["annotations": ["volume.kubernetes.io/selected-node": "n1"]]])
    }
    func storage(_ name: String, _ mode: String, made: String = "", isDefault: Bool = false) -> Value {
      [
        "metadata": [
          "name": .string(name), "creationTimestamp": .string(made),
          "annotations": ["storageclass.kubernetes.io/is-default-class": .string(isDefault ? "true" : "false")],
        ], "volumeBindingMode": .string(mode),
      ]
    }
    let classes = [
      storage("old", "Immediate", made: "2020", isDefault: true),
      storage("new", "WaitForFirstConsumer", made: "2024", isDefault: true), storage("now", "Immediate"),
    ]
    func isOwed(_ r: Readiness) -> Bool { if case .readyForNow = r { true } else { false } }
    #expect(claimReadiness(claim("Bound"), storageClasses: nil) == .ready)
    #expect(reason(claimReadiness(claim("Lost"), storageClasses: classes)) == "Lost")
    #expect(isOwed(claimReadiness(claim("Pending", class: "new"), storageClasses: classes)))
    #expect(isOwed(claimReadiness(claim("Pending"), storageClasses: classes)), "the newest default class waits")
    #expect(!isOwed(claimReadiness(claim("Pending", class: "new", placed: true), storageClasses: classes)))
    #expect(!isOwed(claimReadiness(claim("Pending", class: "now"), storageClasses: classes)))
    #expect(!isOwed(claimReadiness(claim("Pending", class: ""), storageClasses: classes)))
    #expect(!isOwed(claimReadiness(claim("Pending", class: "new", volume: "pv1"), storageClasses: classes)))
    #expect(!isOwed(claimReadiness(claim("Pending", class: "new"), storageClasses: nil)))
    func failed(_ message: String, _ time: String) -> Value {
      [
        "reason": "ProvisioningFailed", "message": .string(message), "involvedObject": ["uid": "u"],
        "lastTimestamp": .string(time),
      ]
    }
    let failures = [failed("no space", "2026-01-01T00:01:00Z"), failed("no right", "2026-01-01T00:00:00Z")]
    guard
      case .waiting(_, let suspect) = claimReadiness(
        claim("Pending", class: "now"), storageClasses: classes, events: failures)
    else {
      Issue.record("it is not waited for")
      return
    }
    #expect(suspect?.message == "no space")
    let event: Value = ["reason": "WaitForFirstConsumer", "involvedObject": ["uid": "u"]]
    #expect(isOwed(claimReadiness(claim("Pending", class: "new"), storageClasses: nil, events: [event])))
  }

  @Test func statefulSets() {
    func set(_ status: Fields, partition: Int = 0, type: String = "RollingUpdate") -> Value {
      object(
        "StatefulSet", "apps/v1",
        [
          "spec": [
            "replicas": 3, "updateStrategy": ["type": .string(type), "rollingUpdate": ["partition": .int(partition)]],
          ], "status": .object(status),
        ])
    }
    let done: Fields = [
      "replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "updatedReplicas": 3, "currentRevision": "b",
      "updateRevision": "b",
    ]
    func changed(_ key: String, _ value: Value?) -> Fields {
      var copy = done
      copy[key] = value
      return copy
    }
    let options = ReadinessOptions()
    #expect(statefulSetReadiness(set(done), options: options) == .ready)
    for key in ["replicas", "readyReplicas", "availableReplicas", "updatedReplicas"] {
      #expect(statefulSetReadiness(set(changed(key, 2)), options: options) != .ready, "\(key)")
    }
    #expect(statefulSetReadiness(set(changed("currentRevision", "a")), options: options) != .ready)
    var partitioned = changed("currentRevision", "a")
    partitioned["updatedReplicas"] = 1
    #expect(statefulSetReadiness(set(partitioned, partition: 2), options: options) == .ready)
    #expect(statefulSetReadiness(set(partitioned, partition: 1), options: options) != .ready)
    #expect(statefulSetReadiness(set(partitioned, type: "OnDelete"), options: options) == .ready)
  }

  @Test func servicesAndEndpoints() {
    func service(_ type: String, _ spec: Fields = Fields(), ingress: [Value] = []) -> Value {
      var fields: Fields = [
        "type": .string(type), "selector": ["app": "x"],
        "ports": [["name": "a", "port": 1], ["name": "b", "port": 2]],
      ]
      for entry in spec.entries { fields[entry.key] = entry.value }
      return object(
        "Service", "v1", ["spec": .object(fields), "status": ["loadBalancer": ["ingress": .array(ingress)]]])
    }
    #expect(serviceReadiness(service("ExternalName")) == .ready)
    #expect(serviceReadiness(service("ClusterIP")) != .ready)
    #expect(serviceReadiness(service("ClusterIP", ["clusterIP": "None"])) == .ready)
    #expect(serviceReadiness(service("LoadBalancer", ["clusterIP": "10.0.0.1"])) != .ready)
    #expect(
      serviceReadiness(service("LoadBalancer", ["clusterIP": "10.0.0.1"], ingress: [["hostname": "h"]])) == .ready)
  }

  @Test func podsBehindServices() {
    func slice(_ uid: String, _ conditions: Fields = Fields()) -> Value {
      ["endpoints": [["conditions": .object(conditions), "targetRef": ["uid": .string(uid)]]]]
    }
    #expect(standsBehind(["1"], slices: [slice("2"), slice("1")]))
    #expect(standsBehind(["1"], slices: [slice("1", ["ready": true])]))
    #expect(!standsBehind(["1"], slices: [slice("1", ["ready": false])]))
    #expect(!standsBehind(["1"], slices: [slice("1", ["ready": true, "terminating": true])]))
    #expect(!standsBehind(["2"], slices: [slice("1"), [:]]))
    #expect(!standsBehind([], slices: [["endpoints": [[:]]]]))
  }

  @Test func namespacesAndDefinitions() {
    #expect(namespaceReadiness(object("Namespace", "v1", ["status": ["phase": "Active"]])) == .ready)
    #expect(
      reason(namespaceReadiness(object("Namespace", "v1", ["status": ["phase": "Terminating"]]))) == "Terminating")
    #expect(namespaceReadiness(object("Namespace", "v1", [:])) != .ready)
    func definition(_ type: String, _ status: String) -> Value {
      object(
        "CustomResourceDefinition", "apiextensions.k8s.io/v1",
        ["status": ["conditions": [["type": .string(type), "status": .string(status)]]]])
    }
    #expect(definitionReadiness(definition("Established", "True")) == .ready)
    #expect(definitionReadiness(definition("Established", "False")) != .ready)
    #expect(reason(definitionReadiness(definition("NamesAccepted", "False"))) == "NamesNotAccepted")
  }
}

@Suite struct CauseTests {
  private func pod(
    waiting: String = "", restarts: Int = 0, ended: Value? = nil, unschedulable: Bool = false, ready: Bool = false
  ) -> Value {
    var status: Fields = ["name": "app", "restartCount": .int(restarts), "ready": .bool(ready)]
    status["state"] = waiting.isEmpty ? ["running": [:]] : ["waiting": ["reason": .string(waiting)]]
    if let ended { status["lastState"] = ["terminated": ended] }
    var conditions: [Value] = [["type": "Ready", "status": ready ? "True" : "False"]]
    if unschedulable { conditions.append(["type": "PodScheduled", "status": "False", "reason": "Unschedulable"]) }
    return [
      "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p", "uid": "p1"],
      "status": ["conditions": .array(conditions), "containerStatuses": [.object(status)]],
    ]
  }

  private func event(_ reason: String, _ message: String = "", of uid: String = "p1", at time: String = "") -> Value {
    [
      "reason": .string(reason), "message": .string(message), "involvedObject": ["uid": .string(uid)],
      "lastTimestamp": .string(time),
    ]
  }

  @Test func classes() {
    func certainty(_ pod: Value, _ events: [Value] = []) -> Cause.Certainty? {
      causes(pods: [pod], events: events, since: nil).first?.certainty
    }
    let probable = Cause.Certainty.probable(grace: .seconds(60))
    #expect(certainty(pod(waiting: "InvalidImageName")) == .definite)
    #expect(certainty(pod(waiting: "ErrImagePull")) == nil, "the first failed pull is often a flake")
    #expect(certainty(pod(waiting: "ImagePullBackOff")) == probable)
    #expect(certainty(pod(waiting: "CrashLoopBackOff", restarts: 2, ended: ["exitCode": 1])) == nil)
    #expect(certainty(pod(waiting: "CrashLoopBackOff", restarts: 3, ended: ["exitCode": 1])) == probable)
    #expect(certainty(pod(restarts: 3, ended: ["exitCode": 1])) == probable, "between two crashes")
    #expect(certainty(pod(restarts: 9, ended: ["exitCode": 1], ready: true)) == nil)
    #expect(certainty(pod(restarts: 2, ended: ["reason": "OOMKilled"])) == probable)
    #expect(certainty(pod(restarts: 1, ended: ["reason": "OOMKilled"])) == nil)
    // Of two containers one works again, and the other keeps the pod from being ready.
    let status = pod(restarts: 9, ended: ["exitCode": 1], ready: true).at("status", "containerStatuses") ?? .null
    #expect(certainty(pod().mergePatched(by: ["status": ["containerStatuses": status]])) == nil)
    let broken = pod(waiting: "InvalidImageName").at("status", "containerStatuses") ?? .null
    #expect(certainty(pod().mergePatched(by: ["status": ["initContainerStatuses": broken]])) == .definite)
    let going: Value = ["metadata": ["deletionTimestamp": "2026-01-01T00:00:00Z"]]
    #expect(certainty(pod(waiting: "InvalidImageName").mergePatched(by: going)) == nil, "a pod that ends anyway")
    #expect(
      causes(pods: [pod(waiting: "ImagePullBackOff"), pod(waiting: "InvalidImageName")], since: nil).map(\.certainty)
        == [.definite, probable], "the surest first")
    #expect(certainty(pod(unschedulable: true)) == .slow)
    #expect(certainty(pod(unschedulable: true), [event("NotTriggerScaleUp")]) == probable)
    #expect(certainty(pod(unschedulable: true), [event("NotTriggerScaleUp"), event("TriggeredScaleUp")]) == .slow)
    // Lists have events by their names; what was said last counts.
    let (early, late) = ("2026-01-01T00:00:09Z", "2026-01-01T00:01:00Z")
    #expect(
      certainty(
        pod(unschedulable: true), [event("TriggeredScaleUp", at: late), event("NotTriggerScaleUp", at: early)]) == .slow
    )
    let series: Value = ["series": ["lastObservedTime": .string(late)], "eventTime": .string(early)]
    #expect(
      certainty(
        pod(unschedulable: true),
        [event("NotTriggerScaleUp").mergePatched(by: series), event("TriggeredScaleUp", at: early)]) == probable)
    #expect(certainty(pod(), [event("FailedMount", of: "other")]) == nil)
    #expect(certainty(pod(), [event("FailedMount")]) == probable)
  }

  @Test func aReplicaSetThatMakesNoPods() {
    let set: Value = ["apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": ["name": "r", "uid": "r1"]]
    func cause(_ message: String, at time: String = "") -> Cause? {
      causes(
        pods: [], events: [event("FailedCreate", message, of: "r1", at: time)], owners: [set],
        since: secondsSince1970("2026-01-01T00:00:10Z")
      ).first
    }
    #expect(cause("admission webhook \"x\" denied the request")?.certainty == .definite)
    #expect(cause("pods \"x\" is forbidden: exceeded quota: q")?.certainty == .probable(grace: .seconds(30)))
    #expect(
      cause("pods \"x\" is forbidden: error looking up service account d/s")?.certainty
        == .probable(grace: .seconds(60)))
    #expect(
      cause("pods \"x\" is forbidden: unable to create new content in namespace d because it is being terminated")?
        .reason
        == "NamespaceTerminating")
    #expect(cause("denied", at: "2026-01-01T00:00:09Z") == nil, "an event from before our write")
    #expect(cause("denied", at: "2026-01-01T00:00:10.500000Z") != nil)
  }

  @Test("a crash loop is one cause, whichever pod has it and whatever it does between two crashes")
  func graceOutlivesTheMoment() {
    let object = deployment(counts: ["availableReplicas": 0])
    var tracker = ReadinessTracker(written: object)
    tracker.saw(object)
    let crashed = pod(waiting: "CrashLoopBackOff", restarts: 3, ended: ["exitCode": 1])
    let running = pod(restarts: 4, ended: ["exitCode": 1])
    for second in stride(from: 0, to: 60, by: 5) {
      tracker.learned(causes(pods: [second % 10 == 0 ? crashed : running], since: nil))
      #expect(reason(tracker.verdict(at: .seconds(second))) == nil)
    }
    #expect(reason(tracker.verdict(at: .seconds(60))) == "CrashLoopBackOff")
  }
}

func reason(_ readiness: Readiness) -> String? {
  if case .failed(let cause) = readiness { cause.reason } else { nil }
}
