import Diagnostics
import KubernetesModel
import Lowering
import Rehearsal
import RolloutPlan
import Sandbox
import TestSupport
import Testing

@testable import ApplyEngine

/// The scenario without what it asks the outside.
let quietVoting: String = {
  let text = String(decoding: Goldens.bytes("plans/aks-voting.rollout") ?? [], as: UTF8.self)
  return text.split(separator: "\n", omittingEmptySubsequences: false)
    .filter { line in
      let word = line.drop { $0 == " " }
      return !word.hasPrefix("verify") && !word.hasPrefix("approve") && !word.hasPrefix("probe")
        && !word.hasPrefix("pattern")
    }
    .joined(separator: "\n")
}()

@Suite struct RunTests {
  @Test("the scenario comes through, and a second run writes nothing")
  func scenario() async throws {
    let world = try World(quietVoting)
    #expect(try await world.begin().result.outcome == .done)
    let first = try world.run(.apply(steps: 4))
    #expect(first.result.outcome == .done, "\(first.log.text)")
    let content = await world.content()
    // What stands is what the plan says should stand.
    let wanted = world.itinerary.compiled.end.image.entries
    for entry in wanted where entry.id.kind == "Deployment" {
      #expect(content["deployments/\(entry.id.name)"] != nil, "\(entry.id)")
    }
    #expect(
      content.keys.filter { $0.hasPrefix("deployments/") }.count == wanted.filter { $0.id.kind == "Deployment" }.count)
    let budget = RequestBudget(writes: .max)
    let second = try world.run(.apply(steps: 4), budget: budget, id: "run-2")
    #expect(second.result.outcome == .unchanged)
    #expect(second.result.writes == 0)
    #expect(await world.content() == content)
  }

  @Test("step by step is the same as at once")
  func stepByStep() async throws {
    let once = try World(quietVoting)
    _ = try await once.begin()
    _ = try once.run(.apply(steps: 4))
    let world = try World(quietVoting)
    _ = try await world.begin()
    for step in 2...4 {
      let outcome = try world.run(.apply(steps: step), id: "run-\(step)")
      #expect(outcome.result.outcome == .done)
    }
    #expect(await world.content() == once.content())
  }

  @Test("a rollback undoes the last step, and then the ones before it, to the start")
  func rollback() async throws {
    let world = try World(quietVoting)
    var contents: [[String: Value]] = [await world.content()]
    for step in 1...3 {
      _ = try await step == 1 ? world.begin() : world.run(.apply(steps: step), id: "up-\(step)")
      contents.append(await world.content())
    }
    for step in [2, 1, 0] {
      let outcome = try world.run(.rollback(steps: nil), id: "down-\(step)")
      #expect(outcome.result.outcome == .undone, "\(outcome.log.text)")
      let now = await world.content()
      // The claim of the database stays: a way back never takes data. Stamps say who wrote last.
      #expect(
        kinds(now).subtracting(["persistentvolumeclaims/mysql-pv-claim"])
          == kinds(contents[step]).subtracting(["persistentvolumeclaims/mysql-pv-claim"]))
      for (name, object) in contents[step] { #expect(now[name]?["spec"] == object["spec"], "\(name)") }
    }
    // And forward again.
    let again = try world.run(.apply(steps: 4), id: "again")
    #expect(again.result.outcome == .done, "\(again.log.text)")
  }

  @Test("a Deployment that somebody deleted is made again where a person says so, and is ready before the plan goes on")
  func madeAgain() async throws {
    let world = try World(quietVoting)
    _ = try await world.begin()
    let deployment = "/apis/apps/v1/namespaces/voting/deployments/voting-analytics-1-0"
    _ = await world.sandbox.respond(to: APIRequest("DELETE", deployment))
    await world.sandbox.advance(by: 60)
    let refused = try world.run(.apply(steps: 2), id: "refused")
    #expect(refused.result.failure?.diagnostic.code == .vanished, "\(refused.log.text)")
    #expect(refused.result.writes == 0)
    let resumed = try world.run(.resume, id: "resumed")
    #expect(resumed.result.failure?.diagnostic.code == .vanished, "\(resumed.log.text)")
    let again = try world.run(.apply(steps: 2), id: "again") { $0.recreates = ["Deployment/voting-analytics-1-0"] }
    #expect(again.result.outcome == .done, "\(again.log.text)")
    let places = again.log.events.indices
    let events = again.log.events
    let made = try #require(
      places.first {
        if case .writeEnded(_, let id, .created) = events[$0] { id.name == "voting-analytics-1-0" } else { false }
      })
    let ready = try #require(
      places.first {
        if case .progress(_, let id, let progress) = events[$0] {
          id.name == "voting-analytics-1-0" && progress.isReady
        } else {
          false
        }
      })
    let next = try #require(
      places.first { if case .phaseBegan(_, _, let writes) = events[$0] { !writes.isEmpty } else { false } })
    #expect(made < ready && ready < next, "\(again.log.text)")
  }

  @Test("a way back that meets a deleted object waits for a word, and goes on with it")
  func wayBackMadeWhole() async throws {
    let world = try World(RealClusterTests.shop("shop", existing: true))
    func respond(_ method: String, _ path: String, _ body: Value? = nil) async -> Int {
      await world.sandbox.respond(to: APIRequest(method, path, body: body)).status
    }
    let gateways = "/apis/networking.istio.io/v1/namespaces/shop/gateways"
    #expect(await respond("POST", "/api/v1/namespaces", ["kind": "Namespace", "metadata": ["name": "shop"]]) == 201)
    let foreign: Value = [
      "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": ["name": "web-gateway"],
      "spec": ["servers": [["hosts": ["*"], "port": ["name": "http", "number": 80, "protocol": "HTTP"]]]],
    ]
    #expect(await respond("POST", gateways, foreign) == 201)
    // Somebody else's object stands in the way of the phase, and of the way back from its middle.
    let failed = try world.run(.apply(steps: 1), id: "failed")
    #expect(failed.result.outcome == .held, "\(failed.log.text)")
    #expect(await respond("DELETE", "\(gateways)/web-gateway") == 200)
    #expect(await respond("DELETE", "/api/v1/namespaces/shop/services/web") == 200)
    let stuck = try world.run(.resume, id: "stuck")
    #expect(stuck.result.outcome == .held, "\(stuck.log.text)")
    let failure = try #require(stuck.result.failure?.diagnostic)
    #expect(failure.code == .vanished && failure.help?.contains("--recreate Service/web") == true)
    let freed = try world.run(.resume, id: "freed") { $0.recreates = ["Service/web"] }
    #expect(freed.result.outcome == .rolledBack, "\(freed.log.text)")
    #expect(try world.run(.apply(steps: 2), id: "again").result.outcome == .done)
  }

  private func kinds(_ content: [String: Value]) -> Set<String> { Set(content.keys) }

  @Test("a version that never gets ready is undone, and its cause is the headline")
  func crashLoop() async throws {
    let world = try World(quietVoting)
    _ = try await world.begin()
    _ = try world.run(.apply(steps: 2))
    let before = await world.content()
    await world.sandbox.update {
      $0.setBehaviour(
        PodBehaviour(fate: .crashLoop(exitCode: 3), log: "cannot open the database"), of: "voting-app-2-0",
        namespace: "voting")
    }
    let outcome = try world.run(.apply(steps: 4), id: "run-2")
    #expect(outcome.result.outcome == .rolledBack, "\(outcome.log.text)")
    #expect(outcome.result.exitCode == 4)
    let diagnostic = try #require(outcome.result.failure?.diagnostic)
    #expect(diagnostic.code == .notReady)
    #expect(diagnostic.notes.contains { $0.contains("CrashLoopBackOff") }, "\(diagnostic)")
    #expect(diagnostic.notes.contains { $0.contains("cannot open the database") }, "\(diagnostic)")
    let after = await world.content()
    for (name, object) in before { #expect(after[name]?["spec"] == object["spec"], "\(name)") }
    // Long before the ten minutes of the Deployment's own deadline.
    #expect(outcome.elapsed < .seconds(180))
  }
}
