import Diagnostics
import KubernetesModel
import Rehearsal
import Sandbox
import TestSupport
import Testing

@testable import ApplyEngine

/// Where there are many objects of a kind, lists take the place of single looks; what comes out must be the same.
@Suite struct ManyObjectsTests {
  private static let count = 30

  private static let plan = plan(of: count)

  private static func plan(of count: Int) -> String {
    "plan many\nlanguage 1\n\n"
      + (0..<count).map {
        "component c\($0) {\n  image registry.example.com/c\($0):1\n  port 8080 http\n  version 1\n}\n"
      }.joined()
      + "step \"Deploy\" {\n" + (0..<count).map { "  deploy c\($0) 1\n" }.joined() + "}\n"
  }

  private func path(_ name: String) -> String { "/apis/apps/v1/namespaces/many/deployments/\(name)" }

  @Test("a second run lists what stands, and asks for none of it by itself")
  func unchanged() throws {
    let world = try World(Self.plan)
    #expect(try world.run(.apply(steps: 1)).result.outcome == .done)
    let budget = RequestBudget(writes: .max)
    let second = try world.run(.apply(steps: 1), budget: budget, id: "run-2")
    #expect(second.result.outcome == .unchanged, "\(second.log.text)")
    #expect(budget.labels.count { $0 == "list" } > 0)
    #expect(budget.labels.count { $0 == "get" } < Self.count / 2, "\(budget.labels)")
  }

  @Test("what lost its labels is not in the list, and is found by itself; what differs is written again")
  func changedByOthers() async throws {
    let world = try World(Self.plan)
    #expect(try world.run(.apply(steps: 1)).result.outcome == .done)
    let content = await world.content()
    let changes: [(String, Value)] = [
      ("c3-1", ["metadata": ["labels": ["app.kubernetes.io/managed-by": .null]]]),
      ("c7-1", ["metadata": ["annotations": ["rolloutc.dev/step": .null]]]),
    ]
    for (name, change) in changes {
      let answer = await world.sandbox.respond(
        to: APIRequest("PATCH", path(name), body: change, contentType: "application/merge-patch+json"))
      #expect(answer.status == 200)
    }
    #expect(await world.content() != content)
    let second = try world.run(.apply(steps: 1), id: "run-2")
    #expect(second.result.outcome == .done, "\(second.log.text)")
    #expect(second.result.writes == 2)
    #expect(await world.content() == content)
  }

  @Test("what somebody deleted is missed, whatever the list says")
  func deletedByOthers() async throws {
    let world = try World(Self.plan)
    #expect(try world.run(.apply(steps: 1)).result.outcome == .done)
    _ = await world.sandbox.respond(to: APIRequest("DELETE", path("c5-1")))
    let second = try world.run(.apply(steps: 1), id: "run-2")
    #expect(second.result.writes == 0)
    #expect(second.result.failure?.diagnostic.message.contains("c5-1") == true, "\(second.log.text)")
  }

  @Test("of many that are late the one that crashes is named, with its cause and its log")
  func crash() async throws {
    let world = try World(Self.plan)
    await world.sandbox.update {
      $0.setBehaviour(
        PodBehaviour(fate: .crashLoop(exitCode: 3), log: "cannot open the database"), of: "c17-1", namespace: "many")
    }
    let outcome = try world.run(.apply(steps: 1))
    let failure = try #require(outcome.result.failure, "\(outcome.log.text)")
    #expect(failure.diagnostic.message.contains("c17-1"), "\(failure.diagnostic.message)")
    #expect("\(failure.diagnostic)".contains("cannot open the database"))
    #expect(outcome.log.text.contains("CrashLoopBackOff"))
    // Well before the deadline of readiness: the lists told why.
    #expect(outcome.elapsed < .seconds(180), "\(outcome.elapsed)")
  }

  @Test("where very many are made one list says that they are not there; one that is there is refused all the same")
  func creations() async throws {
    let world = try World(Self.plan(of: 60))
    let budget = RequestBudget(writes: .max)
    #expect(try world.run(.apply(steps: 1), budget: budget).result.outcome == .done)
    #expect(budget.labels.count { $0 == "get" } < 90, "\(budget.labels.count { $0 == "get" })")
    let other = try World(Self.plan(of: 60))
    _ = await other.sandbox.respond(
      to: APIRequest("POST", "/api/v1/namespaces", body: ["metadata": ["name": "many"], "kind": "Namespace"]))
    let labels: Value = ["app": "theirs"]
    let theirs: Value = [
      "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "c9-1", "namespace": "many"],
      "spec": [
        "selector": ["matchLabels": labels],
        "template": [
          "metadata": ["labels": labels], "spec": ["containers": [["name": "web", "image": "example.com/web:1"]]],
        ],
      ],
    ]
    let answer = await other.sandbox.respond(
      to: APIRequest("POST", "/apis/apps/v1/namespaces/many/deployments", body: theirs))
    #expect(answer.status == 201, "\(answer)")
    let refused = try other.run(.apply(steps: 1)) { $0.decisions.adopts = ["Namespace/many"] }
    #expect(refused.result.failure != nil)
    let after = await other.sandbox.respond(to: APIRequest("GET", path("c9-1")))
    #expect(after.value?.at("spec", "template") == answer.value?.at("spec", "template"))
    let applied = (after.value?.at("metadata", "managedFields")?.array ?? []).filter { $0["operation"] == "Apply" }
    #expect(applied.isEmpty, "\(applied)")
  }
}
