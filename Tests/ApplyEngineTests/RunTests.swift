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
