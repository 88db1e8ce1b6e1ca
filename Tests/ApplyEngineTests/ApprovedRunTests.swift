import Diagnostics
import KubernetesModel
import Rehearsal
import Sandbox
import TestSupport
import Testing

@testable import ApplyEngine

/// What was approved, step after step: before each it is looked whether it would still be just that.
@Suite struct ApprovedRunTests {
  /// Lets something happen when the first step is done, and nothing else.
  private final class Meddler: Decider {
    let sandbox: LiveCluster
    let deed: APIRequest

    init(_ sandbox: LiveCluster, _ deed: APIRequest) {
      self.sandbox = sandbox
      self.deed = deed
    }

    func answer(to question: Question) async -> Answer? {
      _ = await sandbox.respond(to: deed)
      return Answer(isYes: true, by: "ann")
    }
  }

  private static let plan = """
    plan shop
    language 1

    mesh istio
    expose web on port 80

    component web {
      image registry.example.com/web
      port 8080 http
      replicas 2
      version 1.0, 2.0
    }

    step "Deploy 1.0" {
      deploy web 1.0
      approve "Go on?"
    }

    step "Move to 2.0" {
      deploy web 2.0
      route web all -> 2.0
      retire web 1.0
    }
    """

  private func run(_ body: Value, manager: String, in given: World? = nil) async throws -> World.Outcome {
    let world = try given ?? World(Self.plan)
    let deed = APIRequest(
      "PATCH", "/apis/apps/v1/namespaces/shop/deployments/web-1-0", query: ["fieldManager": manager],
      body: body, contentType: "application/merge-patch+json")
    return try world.run(.apply(steps: 2), decider: Meddler(world.sandbox, deed)) { $0.isApproved = true }
  }

  @Test("a field of ours that somebody changed between two steps stops the run before the second, with the difference")
  func foreignChange() async throws {
    let world = try World(Self.plan)
    let outcome = try await run(["spec": ["replicas": 5]], manager: "kubectl-scale", in: world)
    #expect(outcome.result.outcome == .refused, "\(outcome.log.text)")
    #expect(outcome.result.exitCode == 7)
    let notes = outcome.result.failure?.diagnostic.notes ?? []
    #expect(notes.contains { $0.contains("spec.replicas is 5 and was 2, written by kubectl-scale") }, "\(notes)")
    // Nothing of the second step was begun.
    let begun = outcome.log.events.compactMap { if case .stepBegan(let step, _) = $0 { step } else { nil } }
    #expect(begun == [0])
    // And the first is remembered as done.
    let store = InventoryStore(plan: "shop", namespace: "shop", in: InProcessTransport.cluster(world.sandbox))
    let record = try #require(try await store.load()?.record)
    #expect(record.stepsDone == 1 && record.status == .rested && record.progress.isAtBoundary)
  }

  @Test("fields of others may move") func fieldsOfOthers() async throws {
    let outcome = try await run(["metadata": ["annotations": ["team": "other"]]], manager: "kubectl")
    #expect(outcome.result.outcome == .done, "\(outcome.log.text)")
  }
}
