import ClusterAPI
import Diagnostics
import KubernetesModel
import Lowering
import Rehearsal
import Sandbox
import TestSupport
import Testing

@testable import ApplyEngine

/// What the writer saves, takes and takes over.
@Suite struct WriteDecisionTests {
  private let sandbox = LiveCluster()
  private let journal = MemoryJournal()
  private let path = "/apis/apps/v1/namespaces/default/deployments/web"

  private func deployment(_ changes: Value = [:]) -> Value {
    let object: Value = [
      "apiVersion": "apps/v1", "kind": "Deployment",
      "metadata": [
        "name": "web", "namespace": "default",
        "labels": ["app.kubernetes.io/managed-by": "rolloutc", "app.kubernetes.io/part-of": "shop"],
      ],
      "spec": [
        "replicas": 2, "selector": ["matchLabels": ["app": "web"]],
        "template": [
          "metadata": ["labels": ["app": "web"]],
          "spec": ["containers": [["name": "app", "image": "example.com/a:1"]]],
        ],
      ],
    ]
    return object.mergePatched(by: changes)
  }

  private func write(_ object: Value, _ action: Write.Action = .update) throws -> Write {
    Write(
      action: action, id: try #require(ObjectID(object)), object: action == .delete ? nil : object, previous: nil,
      origin: SourceRange(file: FileID(0), start: 0, end: 0))
  }

  private func perform(
    _ object: Value, _ inventory: inout Inventory, _ budget: RequestBudget = RequestBudget(writes: .max),
    takes: Set<String> = [], adopts: Set<String> = []
  ) async throws -> WriteVerdict {
    let writer = ObjectWriter(
      InProcessTransport.cluster(sandbox, requests: budget), journal: journal,
      decisions: WriteDecisions(takes: takes, adopts: adopts), permission: { _ in })
    let write = try write(object)
    let verdict = try await writer.perform(write, phase: 0, number: 1, inventory: inventory)
    inventory.record(verdict, of: write, phase: 0)
    return verdict
  }

  private func patch(_ change: Value, by manager: String) async {
    _ = await sandbox.respond(
      to: APIRequest(
        "PATCH", path, query: ["fieldManager": manager], body: change, contentType: "application/merge-patch+json"))
  }

  private func stored() async throws -> Value { try #require(await sandbox.respond(to: APIRequest("GET", path)).value) }

  private func made() async throws -> Inventory {
    var inventory = Inventory(plan: "shop")
    inventory.expect([try #require(ObjectID(deployment()))], phase: 0)
    _ = try await perform(deployment(), &inventory)
    return inventory
  }

  // MARK: - Compare first

  @Test("an unchanged object costs one GET; anything that could be a change costs a trial")
  func comparedFirst() async throws {
    var inventory = try await made()
    func requests(_ object: Value, _ inventory: inout Inventory) async throws -> [String] {
      let budget = RequestBudget(writes: .max)
      _ = try await perform(object, &inventory, budget)
      return budget.labels
    }
    // Discovery, then the look.
    #expect(try await requests(deployment(), &inventory) == ["get", "get"])
    await patch(["metadata": ["annotations": ["theirs": "x"]], "spec": ["paused": true]], by: "other")
    #expect(try await requests(deployment(), &inventory) == ["get", "get"], "what others add does not matter")
    // A field that we do not want any more is still in the live object: only our memory tells.
    let smaller = deployment(["spec": ["replicas": .null]])
    #expect(try await requests(smaller, &inventory) == ["get", "get", "apply-dry-run", "apply"])
    #expect(try await requests(smaller, &inventory) == ["get", "get"])
    // A pending entry remembers nothing: a write may have left.
    inventory.expect([try #require(ObjectID(deployment()))], phase: 1)
    #expect(try await requests(smaller, &inventory) == ["get", "get", "apply-dry-run"])
    // It survives the cluster's memory.
    let document = InventoryDocument(inventory, namespace: "default")
    var read = try InventoryDocument.read(head: document.head, chunks: document.chunks)
    #expect(read == inventory)
    #expect(try await requests(smaller, &read) == ["get", "get"])
  }

  @Test("a live object that lost something of ours is never called unchanged")
  func containment() {
    let live: Value = ["a": 1, "list": [["n": 1, "default": true], ["n": 2]], "more": "x"]
    for part: Value in [[:], ["a": 1], ["list": [["n": 1], ["n": 2]]], ["list": [["default": true], [:]]]] {
      #expect(live.holds(part), "\(part)")
    }
    for part: Value in [
      ["a": 2], ["a": "1"], ["b": 1], ["list": [["n": 1]]], ["list": [["n": 2], ["n": 1]]], ["a": ["x": 1]],
      ["list": ["0": ["n": 1]]], ["more": .null],
    ] { #expect(!live.holds(part), "\(part)") }
  }

  // MARK: - Conflicts

  @Test("fields are taken where each was named, and from the object as it was seen")
  func taken() async throws {
    var inventory = try await made()
    await patch(
      ["spec": ["replicas": 5], "metadata": ["labels": ["app.kubernetes.io/part-of": "theirs"]]], by: "kubectl-edit")
    let replicas = "Deployment/web:.spec.replicas"
    let label = "Deployment/web:.metadata.labels.app.kubernetes.io/part-of"
    for takes: Set<String> in [[], [replicas], [label], ["Deployment/web:.spec", "Deployment/web-1:.spec.replicas"]] {
      do {
        _ = try await perform(deployment(), &inventory, takes: takes)
        Issue.record("taken with \(takes)")
      } catch let error as WriteFailure {
        guard case .conflicts(_, let conflicts) = error else {
          Issue.record("\(error)")
          continue
        }
        #expect(Set(conflicts.map { WriteDecisions.key($0.field, of: inventory.entries[0].id) }) == [replicas, label])
        #expect(conflicts.allSatisfy { $0.manager == "kubectl-edit" })
      }
      #expect(try await stored().at("spec", "replicas") == 5)
    }
    guard case .written = try await perform(deployment(), &inventory, takes: [replicas, label]) else {
      Issue.record("not taken")
      return
    }
    #expect(try await stored().at("spec", "replicas") == 2)
  }

  @Test("who left the number of pods to an autoscaler stops them all the same")
  func stopsWhatAnAutoscalerKeeps() async throws {
    let scaled = deployment(["spec": ["replicas": .null]])
    var inventory = Inventory(plan: "shop")
    inventory.expect([try #require(ObjectID(scaled))], phase: 0)
    _ = try await perform(scaled, &inventory)
    await patch(["spec": ["replicas": 9]], by: "kube-controller-manager")
    #expect(try await stored().at("spec", "replicas") == 9)
    // Any other number is its business.
    await #expect(throws: WriteFailure.self) { _ = try await perform(deployment(), &inventory) }
    let stopped = deployment(["spec": ["replicas": 0]])
    guard case .written = try await perform(stopped, &inventory) else {
      Issue.record("not stopped")
      return
    }
    #expect(try await stored().at("spec", "replicas") == 0)
    // Awake again, it has as many as the server gives it, and then what the autoscaler says.
    _ = try await perform(scaled, &inventory)
    #expect(try await stored().at("spec", "replicas") == 1)
  }

  @Test("who says the number of pods takes it from nobody else who says it, be it to stop them")
  func stopsNothingThatOthersKeep() async throws {
    var inventory = try await made()
    _ = await sandbox.respond(
      to: APIRequest(
        "PATCH", path, query: ["fieldManager": "somebody", "force": "true"], body: deployment(),
        contentType: "application/apply-patch+yaml"))
    await #expect(throws: WriteFailure.self) {
      _ = try await perform(deployment(["spec": ["replicas": 0]]), &inventory)
    }
    #expect(try await stored().at("spec", "replicas") == 2)
  }

  @Test("what changes between the trial and the write is not taken with what was named")
  func takenAsSeen() async throws {
    let inventory = try await made()
    await patch(["spec": ["replicas": 5]], by: "kubectl-edit")
    let decider = self
    let writer = ObjectWriter(
      InProcessTransport.cluster(sandbox), journal: journal,
      decisions: WriteDecisions(takes: ["Deployment/web:.spec.replicas"]),
      permission: { _ in
        await decider.patch(["metadata": ["labels": ["app.kubernetes.io/part-of": "theirs"]]], by: "somebody")
      })
    let change = try write(deployment())
    do throws(WriteFailure) {
      _ = try await writer.perform(change, phase: 0, number: 1, inventory: inventory)
      Issue.record("a field was taken that nobody named")
    } catch {
      guard case .conflicts = error else {
        Issue.record("\(error)")
        return
      }
    }
    #expect(try await stored().at("metadata", "labels", "app.kubernetes.io/part-of") == "theirs")
  }

  @Test("a field that a GitOps controller writes back is not taken")
  func writtenBack() async throws {
    var inventory = try await made()
    await patch(["spec": ["replicas": 5]], by: "argocd-controller")
    await #expect(throws: WriteFailure.self) {
      _ = try await perform(deployment(), &inventory, takes: ["Deployment/web:.spec.replicas"])
    }
    #expect(try await stored().at("spec", "replicas") == 5)
  }

  // MARK: - Adoption

  @Test("an object is adopted only by name, and what client-side apply wrote can then be removed")
  func adopted() async throws {
    let theirs = deployment([
      "metadata": [
        "labels": ["app.kubernetes.io/managed-by": .null, "app.kubernetes.io/part-of": .null, "old": "yes"],
        "annotations": ["kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "theirs"],
      ], "spec": ["replicas": 5],
    ])
    _ = await sandbox.respond(
      to: APIRequest(
        "POST", "/apis/apps/v1/namespaces/default/deployments", query: ["fieldManager": "kubectl-client-side-apply"],
        body: theirs))
    await patch(["metadata": ["labels": ["team": "a"]]], by: "somebody")
    let before = try await stored()
    #expect(clientSideFieldCount(before) > 5)
    var inventory = Inventory(plan: "shop")
    inventory.expect([try #require(ObjectID(deployment()))], phase: 0)
    for adopts: Set<String> in [[], ["Deployment/web-1", "web", "Service/web"]] {
      await #expect(throws: WriteFailure.self) { _ = try await perform(deployment(), &inventory, adopts: adopts) }
    }
    // A way back has no use for it.
    let back = ObjectWriter(
      InProcessTransport.cluster(sandbox), journal: journal, decisions: WriteDecisions(adopts: ["Deployment/web"]),
      permission: { _ in }
    ).goingBack
    for known in [inventory, Inventory(plan: "shop")] {
      await #expect(throws: WriteFailure.foreign(try #require(ObjectID(deployment())))) {
        _ = try await back.perform(try write(deployment()), phase: 0, number: 1, inventory: known)
      }
    }
    #expect(try await stored() == before)
    guard
      case .adopted(let after) = try await perform(
        deployment(), &inventory, adopts: ["Deployment/web"])
    else {
      Issue.record("not adopted")
      return
    }
    #expect(after.at("metadata", "uid") == before.at("metadata", "uid"))
    #expect(after.at("spec", "replicas") == 2, "what client-side apply holds needs no word of its own")
    #expect(
      after.at("metadata", "labels") == [
        "app.kubernetes.io/managed-by": "rolloutc", "app.kubernetes.io/part-of": "shop", "team": "a",
      ], "what they wrote and we do not want is gone; what others wrote is not")
    #expect(after.at("metadata", "annotations") == nil)
    #expect(clientSideFieldCount(after) == 0)
    // From now on it is ours, without anybody saying so again.
    guard case .known = try await perform(deployment(), &inventory) else {
      Issue.record("not ours")
      return
    }
    #expect(await journal.open.isEmpty)
  }

  @Test("what kubectl wrote by `scale`, or into the status, is none of client-side apply's")
  func otherWritesOfKubectl() {
    func isClientSide(_ manager: String, _ subresource: String? = nil, operation: Value = "Update") -> Bool {
      let entry: Value = ["manager": .string(manager), "operation": operation, "fieldsV1": [:]]
      return FieldConflict(field: ".spec.replicas", manager: manager, subresource: subresource)
        .isClientSide(in: ["metadata": ["managedFields": [entry]]])
    }
    #expect(isClientSide("kubectl") && isClientSide("kubectl-client-side-apply"))
    #expect(!isClientSide("kubectl", "scale") && !isClientSide("helm"))
    // `kubectl apply --server-side`.
    #expect(!isClientSide("kubectl", operation: "Apply"))
    func count(_ change: Value) -> Int {
      let entry: Value = ["manager": "kubectl", "operation": "Update", "fieldsV1": ["f:spec": ["f:replicas": [:]]]]
      return clientSideFieldCount(["metadata": ["managedFields": .array([entry.mergePatched(by: change)])]])
    }
    #expect(count([:]) == 1)
    #expect(count(["subresource": "scale"]) == 0 && count(["operation": "Apply"]) == 0)
  }

  @Test("nothing is handed over where the write would be refused, or would be lost")
  func notHandedOver() async throws {
    let theirs = deployment(["metadata": ["finalizers": ["example.com/wait"], "labels": .null]])
    _ = await sandbox.respond(
      to: APIRequest(
        "POST", "/apis/apps/v1/namespaces/default/deployments", query: ["fieldManager": "kubectl-client-side-apply"],
        body: theirs))
    await patch(["metadata": ["annotations": ["note": "theirs"]]], by: "somebody")
    var inventory = Inventory(plan: "shop")
    inventory.expect([try #require(ObjectID(deployment()))], phase: 0)
    let adopts: Set = ["Deployment/web"]
    let refused: [Value] = [
      ["spec": ["selector": ["matchLabels": ["app": "other"]]]], ["metadata": ["annotations": ["note": "ours"]]],
    ]
    for change in refused {
      await #expect(throws: WriteFailure.self) {
        _ = try await perform(deployment(change), &inventory, adopts: adopts)
      }
      #expect(clientSideFieldCount(try await stored()) > 5, "\(change)")
    }
    _ = await sandbox.respond(to: APIRequest("DELETE", path))
    await #expect(throws: WriteFailure.terminating(try #require(ObjectID(deployment())))) {
      _ = try await perform(deployment(), &inventory, adopts: adopts)
    }
    #expect(clientSideFieldCount(try await stored()) > 5)
    #expect(await journal.open.isEmpty)
  }

  // MARK: - Names

  @Test("an object is named by as much of it as tells it from others")
  func names() {
    func binding(_ namespace: String, group: String = "rbac.authorization.k8s.io") -> ObjectID {
      ObjectID(group: group, kind: "RoleBinding", namespace: namespace, name: "app")
    }
    let (a, b, c) = (binding("a"), binding("b"), binding("a", group: ""))
    let all = [a, b, c]
    #expect(WriteDecisions.name(of: a, among: [a]) == "RoleBinding/app")
    #expect(WriteDecisions.name(of: b, among: all) == "RoleBinding/b/app")
    #expect(WriteDecisions.name(of: a, among: all) == "RoleBinding.rbac.authorization.k8s.io/a/app")
    #expect(WriteDecisions.name(of: c, among: all) == "RoleBinding./app")
    #expect(WriteDecisions.meant(by: "RoleBinding/app", among: all) == all)
    for id in all {
      let name = WriteDecisions.name(of: id, among: all)
      #expect(WriteDecisions.meant(by: name, among: all) == [id])
      for other in all { #expect(WriteDecisions(adopts: [name]).adopt(other) == (other == id)) }
    }
    #expect(WriteDecisions(recreates: ["rolebinding.rbac.authorization.k8s.io/a/app"]).recreate(a))
    let conflict = FieldConflict(field: ".spec.replicas", manager: "kubectl-edit")
    let takes = WriteDecisions(takes: ["RoleBinding/b/app:.spec.replicas"])
    #expect(takes.take([conflict], of: b, writing: [:], over: nil))
    #expect(!takes.take([conflict], of: a, writing: [:], over: nil))
  }

  // MARK: - A run that ended before it heard

  @Test("an object of ours is no older than our apply, to the second")
  func madeByApply() {
    func object(made: String?, applied: String?) -> Value {
      var entry: Fields = ["manager": "rolloutc", "operation": "Apply"]
      entry["time"] = applied.map { .string($0) }
      var metadata: Fields = ["managedFields": [.object(entry)]]
      metadata["creationTimestamp"] = made.map { .string($0) }
      return ["metadata": .object(metadata)]
    }
    let (early, late) = ("2026-01-01T00:00:09Z", "2026-01-01T00:00:10Z")
    #expect(isMadeByApply(object(made: early, applied: early)))
    #expect(isMadeByApply(object(made: late, applied: early)))
    #expect(!isMadeByApply(object(made: early, applied: late)))
    #expect(isMadeByApply(object(made: nil, applied: late)) && isMadeByApply(object(made: early, applied: nil)))
  }

  @Test("an end that is under way is not asked for once more by a run that does not know what it made")
  func unheardAndEnding() async throws {
    let object = deployment(["metadata": ["finalizers": ["example.com/wait"]]])
    let id = try #require(ObjectID(object))
    var lost = Inventory(plan: "shop")
    lost.expect([id], phase: 0)
    var other = lost
    _ = try await perform(object, &other)
    _ = await sandbox.respond(to: APIRequest("DELETE", path))
    let before = await journal.records
    let writer = ObjectWriter(InProcessTransport.cluster(sandbox), journal: journal, permission: { _ in })
    let verdict = try await writer.perform(try write(object, .delete), phase: 0, number: 2, inventory: lost)
    guard case .terminating = verdict else {
      Issue.record("\(verdict)")
      return
    }
    #expect(await journal.records == before)
  }

  @Test("what an interrupted run made is recognised by our manager and the plan's name, also to be changed and deleted")
  func unheard() async throws {
    for (change, isOurs): (Value, Bool) in [
      ([:], true), (["metadata": ["labels": ["app.kubernetes.io/part-of": "another"]]], false),
    ] {
      var lost = Inventory(plan: "shop")
      let id = try #require(ObjectID(deployment()))
      lost.expect([id], phase: 0)
      var other = lost
      _ = try await perform(deployment(change), &other)
      var known = lost
      if isOurs {
        _ = try await perform(deployment(["spec": ["replicas": 7]]), &known)
        #expect(try await stored().at("spec", "replicas") == 7)
      } else {
        await #expect(throws: WriteFailure.foreign(id)) {
          _ = try await perform(deployment(["spec": ["replicas": 7]]), &known)
        }
      }
      let writer = ObjectWriter(InProcessTransport.cluster(sandbox), journal: journal, permission: { _ in })
      let removal = try write(deployment(), .delete)
      if isOurs {
        _ = try await writer.perform(removal, phase: 0, number: 2, inventory: lost)
        await sandbox.advance(by: 60)
        #expect(await sandbox.respond(to: APIRequest("GET", path)).status == 404)
      } else {
        await #expect(throws: WriteFailure.foreign(id)) {
          _ = try await writer.perform(removal, phase: 0, number: 2, inventory: lost)
        }
      }
    }
  }
}
