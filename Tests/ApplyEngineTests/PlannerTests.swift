import ClusterAPI
import Diagnostics
import KubernetesModel
import Lowering
import Rehearsal
import RolloutPlan
import Sandbox
import TestSupport
import Testing

@testable import ApplyEngine

/// What a run would do, against what it then does.
@Suite struct PlannerTests {
  private func plan(
    _ world: World, _ goal: RunGoal? = nil, decisions: WriteDecisions = WriteDecisions(),
    budget: RequestBudget? = nil
  ) async throws -> LivePlan {
    let planner = Planner(
      world.itinerary, decisions: decisions,
      cluster: InProcessTransport.cluster(world.sandbox, requests: budget ?? RequestBudget(writes: 0)))
    let memory = try await planner.remembered(for: goal ?? .apply(steps: world.itinerary.stepCount)).get()
    return await planner.plan(memory)
  }

  private func lines(_ plan: LivePlan, step: Int) -> [String] {
    (plan.steps.first { $0.index == step }?.changes ?? []).map { "\($0.action.rawValue) \($0.id)" }
  }

  private func patch(_ world: World, _ path: String, _ change: Value, by manager: String) async {
    let answer = await world.sandbox.respond(
      to: APIRequest(
        "PATCH", path, query: ["fieldManager": manager], body: change, contentType: "application/merge-patch+json"))
    #expect(answer.status == 200)
  }

  private let deployment = "/apis/apps/v1/namespaces/voting/deployments/voting-app-1-0"

  @Test("before the first run everything is to be made, and nothing is asked of the server that changes anything")
  func first() async throws {
    let world = try World(quietVoting)
    let budget = RequestBudget(writes: 0)
    let plan = try await plan(world, budget: budget)
    #expect(budget.count == 0)
    #expect(plan.problems.isEmpty)
    #expect(plan.drift.isEmpty && plan.stepsDone == 0)
    #expect(plan.steps.map(\.index) == [0, 1, 2, 3])
    #expect(plan.steps[0].changes.allSatisfy { $0.action == .create })
    // The namespace alone can be tried; what is to stand in it not before it is there.
    for change in plan.steps[0].changes {
      #expect(change.check == (change.id.kind == "Namespace" ? .server : .notBefore(step: 0)), "\(change.id)")
    }
    #expect(lines(plan, step: 3).contains("delete Deployment/voting-app-1-0"))
    #expect(!plan.steps[3].changes.contains { $0.id.kind == "PersistentVolumeClaim" })
  }

  @Test("what the plan shows is what the run then does, and afterwards there is nothing")
  func agreesWithTheRun() async throws {
    let world = try World(quietVoting)
    _ = try await world.begin()
    for step in 2...4 {
      let plan = try await plan(world, .apply(steps: step))
      #expect(plan.problems.isEmpty && plan.drift.isEmpty)
      #expect(plan.steps.map(\.index) == [step - 1])
      let before = await world.content()
      _ = try world.run(.apply(steps: step), id: "run-\(step)")
      let after = await world.content()
      let created = Set(after.keys).subtracting(before.keys)
      let deleted = Set(before.keys).subtracting(after.keys)
      func names(_ action: Write.Action) -> Set<String> {
        Set(
          plan.changes.filter { $0.action == action }.map { "\(guessedPlural($0.id.kind))/\($0.id.name)" })
      }
      #expect(names(.create) == created)
      #expect(names(.delete) == deleted)
      let changed = Set(before.keys.filter { after[$0] != nil && before[$0]?["spec"] != after[$0]?["spec"] })
      #expect(changed.isSubset(of: names(.update)))
    }
    let plan = try await plan(world)
    #expect(plan.isEmpty && plan.problems.isEmpty)
    #expect(plan.stepsDone == 4)
  }

  @Test("drift is shown apart, with who wrote it; a conflict has both values")
  func drift() async throws {
    let world = try World(quietVoting)
    _ = try await world.begin()
    await patch(world, deployment, ["spec": ["replicas": 7]], by: "kubectl-scale")
    let plan = try await plan(world)
    #expect(plan.drift.map(\.id.name) == ["voting-app-1-0"])
    let change = try #require(plan.drift.first)
    #expect(change.fields == [FieldChange("spec.replicas", old: 7, new: 3)])
    #expect(change.writers.contains("kubectl-scale"))
    let conflict = try #require(change.conflicts.first)
    #expect(conflict.conflict.manager == "kubectl-scale" && conflict.live == 7 && conflict.ours == 3)
    #expect(!conflict.isTaken)
    #expect(plan.problems.map(\.code) == [.fieldConflict])
    let taking = try await self.plan(
      world, decisions: WriteDecisions(takes: ["Deployment/voting-app-1-0:.spec.replicas"]))
    #expect(taking.problems.isEmpty)
    #expect(taking.drift.first?.conflicts.allSatisfy(\.isTaken) == true)
  }

  @Test("wherever a run broke off, what it wrote itself is no drift")
  func brokenOff() async throws {
    var broken = 0
    // Where it is killed behind a write, what it wrote is noted as begun alone.
    for allowed in 1..<60 {
      let world = try World(quietVoting)
      _ = try await world.begin()
      let budget = RequestBudget(writes: allowed)
      let killed = try world.run(.apply(steps: 2), budget: budget, id: "killed")
      if killed.result.outcome == .done { break }
      let plan = try await plan(world, .resume)
      #expect(plan.drift.map(\.id) == [], "after \(allowed) writes")
      broken += 1
    }
    #expect(broken > 3)
  }

  @Test("what somebody adds to a list or a selector of ours is drift, and what they add beside it is not")
  func fieldsAsAWhole() async throws {
    let world = try World(quietVoting)
    _ = try await world.begin()
    #expect(try await plan(world, .apply(steps: 1)).drift.isEmpty)
    let routes = "/apis/networking.istio.io/v1/namespaces/voting/virtualservices/voting-app"
    let live = try #require(await world.sandbox.respond(to: APIRequest("GET", routes)).value)
    var rules = try #require(live.at("spec", "http")?.array)
    var rule = try #require(rules[0].fields)
    rule["fault"] = ["abort": ["httpStatus": 503, "percentage": ["value": 100]]]
    rules[0] = .object(rule)
    await patch(world, routes, ["spec": ["http": .array(rules)]], by: "kubectl-edit")
    await patch(world, deployment, ["metadata": ["annotations": ["seen": "yes"]]], by: "kubectl-edit")
    let service = "/api/v1/namespaces/voting/services/voting-app"
    await patch(world, service, ["spec": ["selector": ["more": "x"]]], by: "kubectl-edit")
    let changed = try await plan(world, .apply(steps: 1))
    #expect(
      Set((changed.drift.map(\.id) + changed.gone.map(\.id)).map { "\($0)" })
        == ["VirtualService/voting-app", "Service/voting-app"], "\(changed.problems)")
  }

  @Test("an object that somebody deleted is a problem, not a change")
  func vanished() async throws {
    let world = try World(quietVoting)
    _ = try await world.begin()
    _ = await world.sandbox.respond(to: APIRequest("DELETE", deployment))
    await world.sandbox.advance(by: 60)
    let plan = try await plan(world)
    #expect(plan.problems.map(\.code).contains(.vanished))
    #expect(!plan.changes.contains { $0.id.name == "voting-app-1-0" && $0.action == .create })
    #expect(plan.gone.map(\.id.name) == ["voting-app-1-0"] && plan.gone.first?.way == .deleted)
    let rest = try await self.plan(world, .apply(steps: 1))
    #expect(rest.changes.isEmpty && !rest.isEmpty, "what is gone is a difference")
    let again = try await self.plan(world, decisions: WriteDecisions(recreates: ["Deployment/voting-app-1-0"]))
    #expect(again.problems.isEmpty)
    #expect(again.drift.map(\.id.name) == ["voting-app-1-0"] && again.drift.first?.action == .create)
  }

  @Test("the second change of an object is worked out on top of the first")
  func overlay() async throws {
    let world = try World(quietVoting)
    _ = try await world.begin()
    let plan = try await plan(world)
    let entry = ObjectID(
      group: "networking.istio.io", kind: "VirtualService", namespace: "voting", name: "voting-app")
    let changes = plan.steps.flatMap { step in step.changes.filter { $0.id == entry }.map { (step.index, $0) } }
    #expect(changes.count >= 2, "\(changes.map(\.0))")
    #expect(changes.first?.1.check == .server)
    #expect(changes.dropFirst().allSatisfy { $0.1.check == .local })
  }

  // MARK: - Saved plans

  private func saved(_ world: World, _ plan: LivePlan) -> SavedPlan {
    SavedPlan(
      tool: "test", sources: [.init(path: "plan.rollout", bytes: Array(quietVoting.utf8))], environment: nil,
      settings: [], root: nil, clusterDomain: "cluster.local", steps: 4, planHash: world.itinerary.planHash,
      cluster: "c", server: "s", decisions: WriteDecisions(), plan: plan)
  }

  @Test(
    "an approval holds whatever happens to versions, status and the fields of others; not when an owned field moves")
  func approval() async throws {
    let world = try World(quietVoting)
    _ = try await world.begin()
    let first = try await plan(world)
    let approved = try SavedPlan.read(try #require(saved(world, first).bytes))
    #expect(approved == saved(world, first))
    #expect(approved.differences(from: first).isEmpty)
    // Versions and status move by themselves; a label is somebody else's.
    await world.sandbox.advance(by: 1000)
    await patch(
      world, deployment, ["metadata": ["labels": ["team": "a"]], "spec": ["paused": false]], by: "somebody")
    #expect(approved.differences(from: try await plan(world)).isEmpty)
    await patch(world, deployment, ["spec": ["replicas": 9]], by: "somebody")
    #expect(
      approved.differences(from: try await plan(world)) == ["drift: Deployment/voting-app-1-0: update was not approved"]
    )
    await patch(world, deployment, ["spec": ["replicas": 3]], by: "somebody")
    #expect(approved.differences(from: try await plan(world)).isEmpty)
    // Another step has been done meanwhile.
    _ = try world.run(.apply(steps: 2), id: "another")
    #expect(!approved.differences(from: try await plan(world)).isEmpty)
  }

  @Test("two objects of one name in one step are two in an approval")
  func approvalOfNamesakes() async throws {
    let world = try World(quietVoting)
    _ = try await world.begin()
    var plan = try await plan(world)
    let index = try #require(plan.steps.indices.first { !plan.steps[$0].changes.isEmpty })
    let change = plan.steps[index].changes[0]
    var namesake = change
    namesake.id = ObjectID(group: change.id.group, kind: change.id.kind, namespace: "elsewhere", name: change.id.name)
    namesake.uid = "another"
    plan.steps[index].changes.append(namesake)
    let approved = try SavedPlan.read(try #require(saved(world, plan).bytes))
    #expect(approved.differences(from: plan) == [])
    var gone = plan
    gone.steps[index].changes.removeLast()
    #expect(approved.differences(from: gone).count == 1)
    // One that was saved before it told objects apart.
    var old = saved(world, gone)
    for place in old.entries.indices { old.entries[place].object = "" }
    #expect(try SavedPlan.read(try #require(old.bytes)).differences(from: gone) == [])
  }

  @Test("a saved plan is read whole or not at all")
  func damaged() async throws {
    let world = try World(quietVoting)
    let bytes = try #require(saved(world, try await plan(world)).bytes)
    #expect(SavedPlan.isSaved(bytes) && !SavedPlan.isSaved(Array("plan shop\n".utf8)))
    for cut in stride(from: 0, to: bytes.count - 1, by: 997) {
      #expect(throws: SavedPlanError.self) { try SavedPlan.read(Array(bytes.prefix(cut))) }
    }
    for place in stride(from: 40, to: bytes.count - 4, by: 1009) {
      var changed = bytes
      changed[place] = changed[place] == UInt8(ascii: "x") ? UInt8(ascii: "y") : UInt8(ascii: "x")
      #expect(throws: SavedPlanError.self, "byte \(place)") { try SavedPlan.read(changed) }
    }
    #expect(throws: SavedPlanError.notSaved) { try SavedPlan.read(Array("{\"a\": 1}".utf8)) }
    #expect(throws: SavedPlanError.newer) {
      try SavedPlan.read(Array("{\"format\": \"rolloutc.saved-plan\", \"version\": 2}".utf8))
    }
  }

  // MARK: - Fields

  @Test(
    "fields are told apart by the keys of their lists",
    arguments: [
      (["a": 1], ["a": 2], ["a: 1 → 2"]),
      (["a": ["b": 1]], ["a": ["c": 1]], ["a.b: 1 → -", "a.c: - → 1"]),
      (["l": [["name": "x", "v": 1], ["name": "y"]]], ["l": [["name": "y"]]], ["l[name=\"x\"].v: 1 → -"]),
      (["l": [["name": "y"]]], ["l": [["name": "y"], ["name": "x"]]], ["l[name=\"x\"]: - → {}"]),
      (["l": [["m": 1], ["m": 2], ["m": 3]]], ["l": [["m": 2], ["m": 4]]], ["l[0].m: 1 → -", "l[1].m: 3 → 4"]),
      (
        ["l": [["name": "x", "v": 1], ["name": "y", "v": 2]]], ["l": [["name": "y", "v": 2], ["name": "x", "v": 3]]],
        [
          "l[name=\"x\"].v: 1 → 3", "l (order): [\"x\",\"y\"] → [\"y\",\"x\"]",
        ]
      ),
      (["l": [1, 2]], ["l": [1, 3]], ["l[1]: 2 → 3"]),
      (["a": [:]], [:], ["a: {} → -"]),
    ] as [(Value, Value, [String])])
  func fields(_ old: Value, _ new: Value, _ expected: [String]) {
    let shown = fieldChanges(from: old, to: new).map { change in
      "\(change.path): \(change.old.map { jsonText($0) } ?? "-") → \(change.new.map { jsonText($0) } ?? "-")"
    }
    #expect(shown == expected)
    #expect(fieldChanges(from: new, to: new).isEmpty)
  }

  @Test("of a Secret nothing is shown but what its fields are called")
  func secrets() {
    let changes = fieldChanges(
      from: ["kind": "Secret", "data": ["a": "c2VjcmV0"], "metadata": ["annotations": ["last-applied": "secret"]]],
      to: ["kind": "Secret", "data": ["a": "b3RoZXI="], "type": "Opaque"])
    #expect(changes.map(\.path) == ["metadata.annotations.last-applied", "data.a", "type"])
    #expect(!"\(changes)".contains("c2Vj") && !"\(changes)".contains("secret\""))
  }

  @Test(
    arguments: [
      (".spec.replicas", 2), (".spec.containers[name=\"app\"].image", "i"), (".metadata.labels.a.b/c", "x"),
      (".spec.ports[port=80,protocol=\"TCP\"].n", 1), (".f[=\"v]\"]", "v]"), (".spec.none", nil),
      (".spec.containers[name=\"no\"].image", nil),
    ] as [(String, Value?)])
  func conflictPaths(_ path: String, _ expected: Value?) {
    let object: Value = [
      "metadata": ["labels": ["a.b/c": "x", "a": "y"]], "f": ["v]"],
      "spec": [
        "replicas": 2, "containers": [["name": "other"], ["name": "app", "image": "i"]],
        "ports": [["port": 80, "protocol": "UDP"], ["port": 80, "protocol": "TCP", "n": 1]],
      ],
    ]
    #expect(object.field(named: path) == expected)
  }
}
