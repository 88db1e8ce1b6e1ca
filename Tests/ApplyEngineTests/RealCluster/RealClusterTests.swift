import ClusterAPI
import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import Synchronization
import TestSupport
import Testing

@testable import ApplyEngine

/// What a run promises about objects, fields, locks and rights of others, on a real API server with its controllers.
@Suite(.controlPlane, .timeLimit(.minutes(20))) struct RealClusterTests {
  static func shop(_ namespace: String, _ extra: String = "", existing: Bool = false) -> String {
    """
    plan shop
    language 1

    namespace \(namespace)\(existing ? " existing" : "")
    expose web on port 80

    component web {
      image registry.example.com/web
      port 8080 http
      version 1.0, 2.0
    }

    \(extra)
    on failure rollback

    step "Deploy 1.0" {
      deploy web 1.0
    }

    step "Move to 2.0" {
      deploy web 2.0
      route web all -> 2.0
      retire web 1.0
    }
    """
  }

  /// Of the plan's own objects, not of the record and the lock.
  private func writes(_ outcome: RealWorld.Outcome) -> [String] {
    outcome.requests.filter { request in
      ["apply ", "create ", "patch ", "delete "].contains { request.hasPrefix($0) }
        && !request.contains("/configmaps") && !request.contains("/leases") && !request.contains("reviews")
    }
  }

  @Test("it comes through, and a second run looks at each object once and writes nothing")
  func secondRun() async throws {
    let world = try await RealWorld { Self.shop($0) }
    let first = try await world.run()
    #expect(first.result.outcome == .done, "\(first.log.text)")
    let second = try await world.run(id: "run-2")
    #expect(second.result.outcome == .unchanged)
    #expect(second.result.writes == 0)
    #expect(writes(second).isEmpty, "\(writes(second))")
    #expect(try await world.plan().isEmpty)
    #expect(try await world.get(world.deployment("web-1-0")) == nil)
    #expect(try await world.get(world.deployment("web-2-0")) != nil)
  }

  @Test("an object of somebody else's is refused and left as it is")
  func foreign() async throws {
    let world = try await RealWorld({ Self.shop($0, existing: true) }, namespaceIsThere: true)
    let service: Value = [
      "apiVersion": "v1", "kind": "Service", "metadata": ["name": "web", "namespace": .string(world.namespace)],
      "spec": ["ports": [["port": 1, "name": "theirs", "protocol": "TCP"]]],
    ]
    try await world.apply(service)
    let target = try await world.reference("Service", "v1", "web")
    let before = try await world.get(target)
    let found = try await world.preflight().filter { $0.severity == .error }
    #expect(found.map(\.code) == [.notOurs])
    #expect(found.first?.notes.first == "it was written by `kubectl`")
    let outcome = try await world.run()
    #expect(outcome.result.failure?.diagnostic.code == .notOurs)
    #expect(try await world.get(target) == before)
    #expect(try await world.get(world.deployment("web-1-0")) == nil)
  }

  @Test("a field that kubectl took is a conflict with its owner, until somebody says that it may be taken")
  func conflict() async throws {
    let world = try await RealWorld { Self.shop($0) }
    _ = try await world.run(.apply(steps: 1))
    let target = try await world.deployment("web-1-0")
    try await world.patch(target, ["spec": ["replicas": 2]], by: "kubectl-scale")
    let plan = try await world.plan()
    let conflict = try #require(plan.drift.first?.conflicts.first)
    #expect(conflict.conflict.manager == "kubectl-scale" && conflict.conflict.field == ".spec.replicas")
    #expect(conflict.live == 2 && conflict.ours == 1)
    let refused = try await world.run(id: "run-2")
    #expect(refused.result.failure?.diagnostic.code == .fieldConflict)
    #expect(refused.result.failure?.diagnostic.notes.contains { $0.contains("kubectl-scale") } == true)
    #expect(writes(refused).filter { !$0.hasPrefix("apply-dry-run") }.isEmpty)
    #expect(try await world.get(target)?.at("spec", "replicas") == 2)
    let taken = try await world.run(
      id: "run-3", options: { $0.decisions.takes = ["Deployment/web-1-0:.spec.replicas"] })
    #expect(taken.result.outcome == .done, "\(taken.log.text)")
  }

  @Test("a lock that was stolen stops the loser before its next write")
  func stolenLock() async throws {
    let world = try await RealWorld { Self.shop($0) }
    let lease = try await world.reference("Lease", "coordination.k8s.io/v1", "rolloutc-shop")
    let isStolen = Mutex(false)
    let after = Mutex<[String]>([])
    let outcome = try await world.run(hook: { request in
      // A renewal names the version that it is for, and the thief's is another: it is refused, and how the loser learns.
      let isWrite =
        ["apply", "create", "patch", "delete"].contains(request.label) && !request.url.contains("/leases/rolloutc-shop")
      if isStolen.withLock({ $0 }) {
        if isWrite { after.withLock { $0.append("\(request.method) \(request.url)") } }
        return
      }
      // While it waits for the first pods.
      guard request.label == "list", request.url.contains("/pods") else { return }
      if isStolen.withLock({ stolen in
        defer { stolen = true }
        return stolen
      }) {
        return
      }
      try? await world.patch(
        lease, ["spec": ["holderIdentity": "thief", "leaseTransitions": 99]], by: "thief")
    })
    #expect(isStolen.withLock { $0 })
    #expect(outcome.result.outcome == .locked, "\(outcome.log.text)")
    #expect(after.withLock { $0 }.isEmpty, "\(after.withLock { $0 })")
    #expect(try await world.get(lease)?.at("spec", "holderIdentity") == "thief")
  }

  @Test("an approved plan does not hold once an owned field was changed by others")
  func approval() async throws {
    let world = try await RealWorld { Self.shop($0) }
    _ = try await world.run(.apply(steps: 1))
    let plan = try await world.plan()
    let saved = SavedPlan(
      tool: "test", sources: [.init(path: "p", bytes: [])], environment: nil, settings: [], root: nil,
      clusterDomain: "cluster.local", steps: 2, planHash: world.itinerary.planHash,
      cluster: try await (try world.admin).identity(), server: "", decisions: WriteDecisions(), plan: plan)
    #expect(!saved.cluster.isEmpty)
    let target = try await world.deployment("web-1-0")
    try await world.patch(target, ["metadata": ["labels": ["team": "a"]]])
    #expect(saved.differences(from: try await world.plan()).isEmpty)
    try await world.patch(target, ["spec": ["replicas": 2]])
    #expect(saved.differences(from: try await world.plan()) == ["drift: Deployment/web-1-0: update was not approved"])
  }

  @Test("retire removes what the plan made, by its UID, and spares a successor of its name")
  func successor() async throws {
    let world = try await RealWorld { Self.shop($0) }
    _ = try await world.run(.apply(steps: 1))
    let target = try await world.deployment("web-1-0")
    let ours = try #require(try await world.get(target))
    // Somebody's object that carries our labels is nobody of ours.
    let lookalike: Value = [
      "apiVersion": "v1", "kind": "ConfigMap",
      "metadata": [
        "name": "lookalike", "namespace": .string(world.namespace), "labels": ours.at("metadata", "labels") ?? [:],
      ],
    ]
    try await world.apply(lookalike)
    let isReplaced = Mutex(false)
    let outcome = try await world.run(
      id: "run-2",
      hook: { request in
        guard request.label == "delete", request.url.contains("/deployments/web-1-0"),
          isReplaced.withLock({ replaced in
            defer { replaced = true }
            return !replaced
          })
        else { return }
        _ = try? await world.admin.delete(
          DeleteRequest(target, uid: ours.at("metadata", "uid")?.string, propagation: .background))
        var metadata: Fields = ["name": "web-1-0", "namespace": .string(world.namespace)]
        metadata["labels"] = ["team": "other"]
        try? await world.apply([
          "apiVersion": "apps/v1", "kind": "Deployment", "metadata": .object(metadata), "spec": ours["spec"] ?? .null,
        ])
      })
    #expect(isReplaced.withLock { $0 })
    let left = try await world.get(target)
    #expect(left?.at("metadata", "labels", "team") == "other", "\(outcome.log.text)")
    #expect(try await world.get(world.reference("ConfigMap", "v1", "lookalike")) != nil)
  }

  @Test("a crash-looping 2.0 is rolled back: 1.0 serves, and the first cause stays the headline")
  func crashLoop() async throws {
    let world = try await RealWorld {
      // No node has this label, so no hollow kubelet calls the pod ready; its status is ours to write.
      Self.shop(
        $0, "patch deployment of web 2.0 \"{spec: {template: {spec: {nodeSelector: {nowhere: 'yes'}}}}}\"\n")
    }
    _ = try await world.run(.apply(steps: 1))
    let pods = try await world.reference("Pod", "v1", "x").collection
    let isWritten = Mutex(false)
    let outcome = try await world.run(
      id: "run-2",
      hook: { request in
        guard request.label == "list", request.url.contains("/pods"), !isWritten.withLock({ $0 }) else { return }
        var mine = pods
        mine.labelSelector = "app=web,version=2.0"
        for pod in (try? await world.admin.list(mine).items) ?? [] {
          guard let name = pod.at("metadata", "name")?.string else { continue }
          let status: Value = [
            "status": [
              "containerStatuses": [
                [
                  "name": "web", "image": "i", "imageID": "", "ready": false, "restartCount": 5,
                  "state": ["waiting": ["reason": "CrashLoopBackOff", "message": "back-off 1m20s"]],
                  "lastState": ["terminated": ["exitCode": 3, "reason": "Error"]],
                ]
              ]
            ]
          ]
          let written = try? await world.admin.patch(
            PatchRequest(
              status, .merge, to: pods.type.named(name, in: world.namespace), subresource: "status",
              fieldManager: "kubelet"))
          if written != nil { isWritten.withLock { $0 = true } }
        }
      },
      options: { options in
        options.readiness.grace = .seconds(1)
        options.readyWithin = .seconds(60)
      })
    #expect(outcome.result.outcome == .rolledBack, "\(outcome.log.text)")
    let failure = try #require(outcome.result.failure)
    #expect(failure.diagnostic.code == .notReady)
    #expect(failure.diagnostic.notes.contains { $0.contains("CrashLoopBackOff") }, "\(failure.diagnostic.notes)")
    #expect(outcome.result.further == nil)
    #expect(try await world.get(world.deployment("web-2-0")) == nil)
    let kept = try #require(try await world.get(world.deployment("web-1-0")))
    #expect(kept.at("status", "readyReplicas") == 1)
  }

  // MARK: - Rights

  @Test("with exactly the printed roles the run succeeds; with any one verb less the preflight names it")
  func roles() async throws {
    let world = try await RealWorld { Self.shop($0) }
    let roles = AccessRoles(world.itinerary, subject: .user("limited")).objects
    for object in roles { try await world.apply(object, by: "rolloutc") }
    try await expectGranted(in: world)
    #expect(try await world.preflight(as: "limited.kubeconfig").map(\.message) == [])
    let outcome = try await world.run(as: "limited.kubeconfig")
    #expect(outcome.result.outcome == .done, "\(outcome.log.text)")
    let back = try await world.run(.rollback(steps: 0), as: "limited.kubeconfig", id: "run-2")
    #expect(back.result.outcome == .undone, "\(back.log.text)")

    try await expectEachVerbNamed(of: roles, in: world)
    try await withdraw(roles, in: world)
    // The scenario has volumes, a Secret, a Gateway and mTLS as well.
    let voting = try await RealWorld { namespace in
      String(decoding: Goldens.bytes("plans/aks-voting.rollout") ?? [], as: UTF8.self)
        .replacing("\nnamespace voting\n", with: "\nnamespace \(namespace)\n")
    }
    let more = AccessRoles(voting.itinerary, subject: .user("limited")).objects
    for object in more { try await voting.apply(object, by: "rolloutc") }
    try await expectGranted(in: voting)
    try await expectEachVerbNamed(of: more, in: voting)
    try await withdraw(more, in: voting)
  }

  /// Waits until the authorizer, which learns of roles by a watch, knows.
  private func settled(
    _ expected: Bool, _ verb: String, _ resource: String, _ group: String, _ name: String, in world: RealWorld
  ) async throws {
    let limited = try world.plane.client("limited.kubeconfig")
    let parts = resource.split(separator: "/").map(String.init)
    let type = ClusterAPI.ResourceType(
      groupVersion: GroupVersion(group: group, version: "v1"), kind: "", plural: parts[0],
      isNamespaced: !["namespaces", "nodes", "storageclasses"].contains(resource))
    for _ in 0..<5000 {
      let answer = try await limited.isAllowed(
        verb, on: type, namespace: world.namespace, name: name, subresource: parts.count > 1 ? parts[1] : "")
      if answer.isAllowed == expected { return }
    }
    Issue.record("the server never learned that \(verb) \(resource) \(name) is \(expected)")
  }

  private func expectGranted(in world: RealWorld) async throws {
    for need in world.itinerary.accessNeeds(plural: { _, kind in guessedPlural(kind) }) {
      for verb in need.verbs {
        try await settled(true, verb, need.resource, need.group, need.names.first ?? "", in: world)
      }
    }
  }

  /// Takes one verb after the other away and gives it back.
  private func expectEachVerbNamed(of roles: [Value], in world: RealWorld) async throws {
    for role in roles where ["Role", "ClusterRole"].contains(role["kind"]?.string) {
      let rules = role["rules"]?.array ?? []
      for (index, rule) in rules.enumerated() {
        for verb in (rule["verbs"]?.array ?? []).compactMap(\.string) {
          var less = role.fields ?? [:]
          var changed = rules
          var fields = rule.fields ?? [:]
          fields["verbs"] = .array((rule["verbs"]?.array ?? []).filter { $0.string != verb })
          changed[index] = .object(fields)
          if fields["verbs"]?.array?.isEmpty == true { changed.remove(at: index) }
          less["rules"] = .array(changed)
          try await world.apply(.object(less), by: "rolloutc")
          let group = rule["apiGroups"]?[0]?.string ?? ""
          let resource = rule["resources"]?[0]?.string ?? ""
          let name = rule["resourceNames"]?[0]?.string ?? ""
          try await settled(false, verb, resource, group, name, in: world)
          let found = try await world.preflight(as: "limited.kubeconfig")
          #expect(
            found.contains { $0.message.contains("`\(verb)") && $0.message.contains(resource) },
            "\(verb) \(resource): \(found.map(\.message))")
          try await world.apply(role, by: "rolloutc")
          try await settled(true, verb, resource, group, name, in: world)
        }
      }
    }
  }

  private func withdraw(_ roles: [Value], in world: RealWorld) async throws {
    for role in roles where role.at("metadata", "namespace") == nil {
      let type = try await world.admin.resourceType(of: role)
      let name = role.at("metadata", "name")?.string ?? ""
      _ = try await world.admin.delete(DeleteRequest(type.named(name, in: ""), uid: nil))
    }
  }
}
