import ClusterAPI
import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import Rehearsal
import RolloutPlan
import Sandbox
import TestSupport
import Testing

@testable import ApplyEngine

/// However a run ends: some command goes on from there, to the end and to the start, and each refusal names one that does.
@Suite struct NextCommandTests {
  private static func components(versions: String) -> String {
    """
    plan shop
    language 1
    expose web on port 80
    component api {
      image registry.example.com/api
      port 8081 http
      version 1.0
    }
    component web {
      image registry.example.com/web
      port 8080 http
      calls api
      ready when GET / within 2m
      version \(versions)
    }

    """
  }

  private static func plan(_ failure: String, _ second: String = "") -> String {
    components(versions: "1.0, 2.0") + """
      \(failure)
      step "First" {
        deploy api 1.0
        deploy web 1.0
      }
      step "Second" {
        deploy web 2.0
        route web 10% -> 2.0
        \(second)
      }
      step "Third" {
        route web all -> 2.0
        retire web 1.0
      }

      """
  }

  enum Trouble: CaseIterable { case none, crashes }

  private func world(_ failure: String, _ trouble: Trouble) async throws -> World {
    let world = try World(Self.plan(failure))
    if trouble == .crashes {
      await world.sandbox.update {
        $0.setBehaviour(PodBehaviour(fate: .crashLoop(exitCode: 3), log: "no"), of: "web-2-0", namespace: "shop")
      }
    }
    return world
  }

  private func deployments(_ world: World) async -> Set<String> {
    Set(await world.content().keys.filter { $0.hasPrefix("deployments/") })
  }

  /// Says the commands one after the other until one of them has come to where it should, three times at the most.
  private func reach(_ goals: [RunGoal], from world: World, _ isThere: (World) async -> Bool) async throws -> String? {
    var said: [String] = []
    for goal in goals {
      let outcome = try world.run(goal, id: "next-\(said.count)")
      said.append("\(goal): \(outcome.result.outcome) \(outcome.result.failure?.diagnostic.message ?? "")")
      if await isThere(world) { return nil }
    }
    return said.joined(separator: "\n")
  }

  @Test(
    "killed at any write, with a version that works or that crashes, a run can be brought to the end and to the start",
    arguments: ["", "on failure rollback", "on failure {\n  route web all -> 1.0\n}"],
    Trouble.allCases)
  func killed(failure: String, trouble: Trouble) async throws {
    let start = try await world(failure, trouble)
    let writes = RequestBudget(writes: .max)
    let straight = try await start.forked().run(.apply(steps: 3), budget: writes, id: "straight")
    #expect(trouble == .crashes || straight.result.outcome == .done, "\(straight.log.text)")
    let step = ProcessInfo.processInfo.environment["ROLLOUTC_EVERY_KILL"] == nil ? 3 : 1
    for allowed in stride(from: trouble == .none ? 1 : 2, to: writes.count, by: step) {
      let dead = await start.forked()
      _ = try dead.run(
        .apply(steps: 3), budget: RequestBudget(writes: allowed, lastTakesEffect: allowed.isMultiple(of: 2)), id: "dead"
      )
      await dead.sandbox.advance(by: 100_000)
      // Back to the start: at once, and after somebody tried to go on, or back by one step.
      for goals: [RunGoal] in [
        // A way back that is under way is finished first, as it says.
        [.rollback(steps: 0), .resume, .rollback(steps: 0)], [.resume, .rollback(steps: 0)],
        [.rollback(steps: nil), .rollback(steps: 0)], [.apply(steps: 1), .resume, .rollback(steps: 0)],
      ] {
        let world = await dead.forked()
        let stuck = try await reach(goals, from: world) { await deployments($0).isEmpty }
        #expect(stuck == nil, "\(failure), \(trouble), killed at write \(allowed): \(stuck ?? "")")
      }
      // And to the end, once what was wrong is mended.
      let mended = await dead.forked()
      await mended.sandbox.update { $0.setBehaviour(PodBehaviour(), of: "web-2-0", namespace: "shop") }
      for goals: [RunGoal] in [
        [.resume, .apply(steps: 3)], [.rollback(steps: nil), .apply(steps: 3)],
        [.resume, .rollback(steps: nil), .apply(steps: 3)],
      ] {
        let world = await mended.forked()
        let stuck = try await reach(goals, from: world) {
          await deployments($0) == ["deployments/api-1-0", "deployments/web-2-0"]
        }
        // A block that has come through is left by `rollback` alone, and says so.
        if failure.contains("route"), stuck?.contains("on failure") == true { continue }
        #expect(stuck == nil, "\(failure), \(trouble), killed at write \(allowed): \(stuck ?? "")")
      }
    }
  }

  private func weights(_ world: World) async -> [Int?] {
    let entry = await world.content()["virtualservices/web"]
    return (entry?.at("spec", "http")?[0]?["route"]?.array ?? []).map { $0["weight"]?.int }
  }

  /// Answers yes, after something has happened to the cluster.
  private struct LateDecider: Decider {
    let sandbox: LiveCluster
    let path: String

    func answer(to question: Question) async -> Answer? {
      _ = await sandbox.respond(to: APIRequest("DELETE", path))
      return Answer(isYes: true, by: "ann")
    }
  }

  @Test("what the next phase relies on is looked at again after a question, by the same run or by the next")
  func goneMeanwhile() async throws {
    let deployment = "/apis/apps/v1/namespaces/shop/deployments/web-2-0"
    for isLive in [true, false] {
      let world = try World(Self.plan("", "approve \"good?\""))
      if isLive {
        let decider = LateDecider(sandbox: world.sandbox, path: deployment)
        let result = try world.run(.apply(steps: 3), id: "live", decider: decider)
        #expect(result.result.failure?.diagnostic.code == .vanished, "\(result.log.text)")
      } else {
        let left = try world.run(.apply(steps: 3), id: "left") { $0.leavesAtQuestions = true }
        #expect(left.result.outcome == .waiting, "\(left.log.text)")
        _ = await world.sandbox.respond(to: APIRequest("DELETE", deployment))
        let result = try world.run(
          .resume, id: "resumed", decider: LateDecider(sandbox: world.sandbox, path: deployment))
        #expect(result.result.failure?.diagnostic.code == .vanished, "\(result.log.text)")
      }
      #expect(await weights(world) == [10, 90], "nobody is switched to what is gone")
    }
  }

  @Test("a way back leads nobody to a version that somebody deleted")
  func nothingToGoBackTo() async throws {
    let world = try World(Self.plan(""))
    #expect(try world.run(.apply(steps: 2), id: "up").result.outcome == .done)
    let deployment = "/apis/apps/v1/namespaces/shop/deployments/web-1-0"
    _ = await world.sandbox.respond(to: APIRequest("DELETE", deployment))
    let held = try world.run(.rollback(steps: nil), id: "back")
    #expect(held.result.failure?.diagnostic.code == .vanished, "\(held.log.text)")
    #expect(await weights(world) == [10, 90])
    let freed = try world.run(.resume, id: "freed") { $0.decisions.recreates = ["Deployment/web-1-0"] }
    #expect(freed.result.outcome == .undone && freed.result.exitCode == 0, "\(freed.log.text)")
    #expect(freed.result.stepsLeft == 1)
  }

  @Test("the step that is under way is not forgotten for one before it")
  func applyToBefore() async throws {
    let world = try World(Self.plan("", "approve \"good?\""))
    let left = try world.run(.apply(steps: 3), id: "left") { $0.leavesAtQuestions = true }
    #expect(left.result.outcome == .waiting, "\(left.log.text)")
    let before = await world.content()
    let refused = try world.run(.apply(steps: 1), id: "refused")
    #expect(refused.result.outcome == .refused, "\(refused.log.text)")
    #expect(refused.result.failure?.diagnostic.help?.contains("rolloutc rollback --to 1") == true)
    #expect(await world.content() == before)
    #expect(try world.run(.rollback(steps: 1), id: "back").result.outcome == .undone)
  }

  @Test("nothing is assumed that is plainly not so")
  func assumed() async throws {
    let world = try World(Self.plan(""))
    let record = "/api/v1/namespaces/shop/configmaps/rolloutc-shop"
    for (steps, fitting) in [(1, "1"), (2, "2"), (3, "3")] {
      #expect(try world.run(.apply(steps: steps), id: "up-\(steps)").result.outcome == .done)
      _ = await world.sandbox.respond(to: APIRequest("DELETE", record))
      let before = await world.content()
      for wrong in 0...3 where wrong != steps {
        let refused = try world.run(.apply(steps: 3), id: "wrong-\(wrong)") { $0.assumedSteps = wrong }
        #expect(refused.result.outcome == .refused && refused.result.writes == 0, "\(refused.log.text)")
        #expect(refused.result.failure?.diagnostic.help?.contains("`--assume \(fitting)`") == true)
      }
      #expect(await world.content() == before)
      let right = try world.run(.apply(steps: steps), id: "right-\(steps)") { $0.assumedSteps = steps }
      #expect(right.result.outcome == .unchanged, "\(right.log.text)")
    }
  }

  @Test("what kubectl applied is taken for what stood after a step where each object is named, and not without")
  func assumedOfOthers() async throws {
    let world = try World(Self.plan(""))
    let cluster = InProcessTransport.cluster(world.sandbox)
    let entries = world.itinerary.standing(afterSteps: 1).image.entries
    for entry in entries {
      let target = try await cluster.resourceType(of: entry.object).named(entry.id.name, in: entry.id.namespace)
      _ = try await cluster.create(
        CreateRequest(entry.object, in: target.collection, fieldManager: "kubectl-client-side-apply"))
    }
    await world.sandbox.advance(by: 60_000)
    let refused = try world.run(.apply(steps: 2), id: "refused") { $0.assumedSteps = 1 }
    #expect(refused.result.outcome == .refused && refused.result.writes == 0, "\(refused.log.text)")
    let diagnostic = try #require(refused.result.failure?.diagnostic)
    #expect(diagnostic.notes.allSatisfy { $0.hasSuffix("is there, and no run of this plan made it") })
    #expect(diagnostic.help?.contains("`--adopt Deployment/web-1-0`") == true)
    let taken = try world.run(.apply(steps: 2), id: "taken") {
      $0.assumedSteps = 1
      $0.decisions.adopts = Set(entries.map { "\($0.id)" })
    }
    #expect(taken.result.outcome == .done, "\(taken.log.text)")
    #expect(await weights(world) == [10, 90])
  }

  @Test("a claim that a way back has left is no object of a later state that nobody expects")
  func assumedBesideAClaim() async throws {
    let text = Self.plan("").replacing(
      "  version 1.0, 2.0", with: "  version 1.0\n  version 2.0 {\n    volume data 1Gi at /data\n  }")
    let world = try World(text)
    #expect(try world.run(.apply(steps: 2), id: "up").result.outcome == .done)
    #expect(try world.run(.rollback(steps: 1), id: "back").result.outcome == .undone)
    let content = await world.content()
    #expect(content.keys.contains { $0.hasPrefix("persistentvolumeclaims/") })
    _ = await world.sandbox.respond(to: APIRequest("DELETE", "/api/v1/namespaces/shop/configmaps/rolloutc-shop"))
    let right = try world.run(.apply(steps: 1), id: "right") { $0.assumedSteps = 1 }
    #expect([.done, .unchanged].contains(right.result.outcome), "\(right.log.text)")
  }

  @Test("who had come to the end goes on to a new step only when asked, and who was to come there goes on to it")
  func editedBehindTheEnd() async throws {
    let longer = Self.plan("") + "step \"Fourth\" {\n  deploy web 2.0 replicas 2\n}\n"
    let done = try World(Self.plan(""))
    #expect(try done.run(.apply(steps: 3), id: "all").result.outcome == .done)
    let after = try World(longer, on: done.sandbox)
    let resumed = try after.run(.resume, id: "resumed")
    #expect(resumed.result.outcome == .unchanged && resumed.result.stepsLeft == 3, "\(resumed.log.text)")
    let asked = try after.run(.apply(steps: 4), id: "asked")
    #expect(asked.result.outcome == .done && asked.result.stepsLeft == 4, "\(asked.log.text)")

    let stopped = try World(Self.plan(""))
    #expect(try stopped.run(.apply(steps: 1), id: "first").result.outcome == .done)
    let rule = "/apis/networking.istio.io/v1/namespaces/shop/destinationrules/web"
    _ = await stopped.sandbox.respond(to: APIRequest("DELETE", rule))
    #expect(try stopped.run(.apply(steps: 3), id: "stopped").result.outcome == .failedClean)
    let all = try World(longer, on: stopped.sandbox).run(.resume, id: "all") {
      $0.decisions.recreates = ["DestinationRule/web"]
    }
    #expect(all.result.outcome == .done && all.result.stepsLeft == 4, "\(all.log.text)")
  }

  @Test(
    "a way back that is under way is finished before another one begins, or left without a proof",
    arguments: [false, true])
  func otherWayBack(outOfABlock: Bool) async throws {
    let failure = outOfABlock ? "on failure {\n  route web all -> 1.0\n}" : ""
    let world = try await world(failure, outOfABlock ? .crashes : .none)
    _ = try world.run(.apply(steps: 2), id: "up")
    let dead = try world.run(
      .rollback(steps: 0), budget: RequestBudget(writes: 8, lastTakesEffect: true), id: "dead")
    #expect(![.undone, .refused].contains(dead.result.outcome), "\(dead.log.text)")
    await world.sandbox.advance(by: 100_000)
    var proving = world
    proving.faults = { _ in [] }
    let other = try proving.run(.rollback(steps: 1), id: "other")
    #expect(other.result.outcome == .refused, "\(other.log.text)")
    // Who gives up the proof leaves it where it has come to.
    let left = await world.forked()
    let gone = try left.run(.rollback(steps: 1), id: "left")
    #expect(gone.result.outcome == .undone && gone.result.stepsLeft == 1, "\(gone.log.text)")
    #expect(await deployments(left) == ["deployments/api-1-0", "deployments/web-1-0"])
    #expect(other.result.failure?.diagnostic.message == "a way back to another place is under way")
    let same = try world.run(.rollback(steps: 0), id: "same")
    #expect(same.result.outcome == .undone, "\(same.log.text)")
    #expect(await deployments(world).isEmpty)
  }

  @Test("what a held step asks may be mended, and later steps edited; what it writes may not")
  func mendedWhileHeld() async throws {
    func plan(_ verify: String, _ third: String = "  retire web 1.0", share: String = "10%") -> String {
      Self.plan("probe home is GET /", "verify home \(verify) within 1s")
        .replacing("  retire web 1.0", with: third).replacing("10% -> 2.0", with: "\(share) -> 2.0")
    }
    let world = try World(plan("contains \"nothing\""))
    func run(_ text: String, _ goal: RunGoal, id: String) async throws -> World.Outcome {
      let edited = try World(text, on: world.sandbox)
      let prober = StampProber(
        sandbox: world.sandbox, path: "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/web")
      return try edited.run(goal, id: id, prober: prober)
    }
    let held = try await run(plan("contains \"nothing\""), .apply(steps: 3), id: "held")
    #expect(held.result.outcome == .held, "\(held.log.text)")
    let other = try await run(plan("contains \"hello\"", share: "20%"), .resume, id: "other")
    #expect(other.result.outcome == .refused, "\(other.log.text)")
    let back = try await World(plan("contains \"hello\""), on: world.forked().sandbox).run(
      .rollback(steps: nil), id: "back")
    #expect(back.result.outcome == .undone, "\(back.log.text)")
    let mended = try await run(plan("contains \"hello\"", "  wait 1s\n  retire web 1.0"), .resume, id: "mended")
    #expect(mended.result.outcome == .done, "\(mended.log.text)")
    #expect(await deployments(world) == ["deployments/api-1-0", "deployments/web-2-0"])
  }

  @Test(
    "who wanted some steps gets no more of them from an edited plan, whether the run stopped between steps or in one")
  func editedShortOfTheEnd() async throws {
    let edited = Self.plan("").replacing("  retire web 1.0", with: "  wait 1s\n  retire web 1.0")
    for isBetween in [true, false] {
      let world = try World(Self.plan(""))
      #expect(try world.run(.apply(steps: 1), id: "first").result.outcome == .done)
      let rule = "/apis/networking.istio.io/v1/namespaces/shop/destinationrules/web"
      if isBetween {
        _ = await world.sandbox.respond(to: APIRequest("DELETE", rule))
        #expect(try world.run(.apply(steps: 2), id: "stopped").result.outcome == .failedClean)
      } else {
        _ = try world.run(.apply(steps: 2), budget: RequestBudget(writes: 5), id: "killed")
        await world.sandbox.advance(by: 100_000)
      }
      let resumed = try World(edited, on: world.sandbox).run(.resume, id: "resumed") {
        $0.decisions.recreates = ["DestinationRule/web"]
      }
      #expect(resumed.result.outcome == .done && resumed.result.stepsLeft == 2, "\(resumed.log.text)")
      #expect(await weights(world) == [10, 90])
    }
  }

  @Test("an answer to a question is none to the one that an edited plan asks in its place")
  func answeredBeforeTheEdit() async throws {
    for isEdited in [false, true] {
      let world = try World(Self.plan("", "approve \"good?\""))
      let left = try world.run(.apply(steps: 2), id: "left") { $0.leavesAtQuestions = true }
      #expect(left.result.outcome == .waiting, "\(left.log.text)")
      let store = RequestsStore(plan: "shop", namespace: "shop", in: InProcessTransport.cluster(world.sandbox))
      try await store.answer("2.1", with: Answer(isYes: true, by: "bob"), run: "left")
      let asking = isEdited ? try World(Self.plan("", "approve \"drop the data?\""), on: world.sandbox) : world
      let resumed = try asking.run(.resume, id: "resumed") { $0.leavesAtQuestions = true }
      #expect(resumed.result.outcome == (isEdited ? .waiting : .unchanged), "\(resumed.log.text)")
    }
  }

  @Test("a step that is held in its middle is not whole because the next run wrote nothing")
  func heldAndThenFailed() async throws {
    let world = try await world("", .crashes)
    let held = try world.run(.apply(steps: 3), id: "held")
    #expect(held.result.outcome == .held, "\(held.log.text)")
    let api = "/apis/apps/v1/namespaces/shop/deployments/api-1-0"
    _ = await world.sandbox.respond(to: APIRequest("DELETE", api))
    let resumed = try world.run(.resume, id: "resumed")
    #expect(resumed.result.failure?.diagnostic.code == .vanished, "\(resumed.log.text)")
    #expect(resumed.result.outcome == .held && resumed.result.writes == 0, "\(resumed.result)")
  }

  @Test(
    "wherever a step breaks off, no two legs of its failure block share a stamp, and each is known again",
    arguments: [1, 2, 3])
  func stampsOfABlock(segments: Int) throws {
    let routes = ["route web 5% -> 2.0", "route web 2% -> 2.0", "route web all -> 1.0"].suffix(segments)
    let itinerary = try World(Self.plan("on failure {\n\(routes.joined(separator: "\nwait 1s\n"))\n}")).itinerary
    var lengths: Set<Int> = []
    for (leg, forward) in itinerary.forward.enumerated() {
      for phase in 0...forward.phases.count {
        for isBegun in [false, true] where !isBegun || phase < forward.phases.count {
          let from = Progress(leg: leg, phase: phase, isPhaseBegun: isBegun)
          let legs = itinerary.legs(of: .block(from: from)) ?? []
          let stamps = Set(legs.map(\.stamp))
          #expect(stamps.count == legs.count, "\(from): \(legs.map(\.stamp))")
          #expect(itinerary.stampsOfWaysBack.isSuperset(of: stamps))
          lengths.insert(legs.count)
        }
      }
    }
    #expect(lengths.contains(segments))
  }

  @Test("what a way out of a way back writes bears no stamp of the way that it leaves, and is known again")
  func stampsOfAWayOut() throws {
    let itinerary = try World(Self.plan("on failure rollback")).itinerary
    var ways = 0
    for (leg, forward) in itinerary.forward.enumerated() where leg > 0 {
      for phase in 0..<forward.phases.count {
        let from = Progress(leg: leg, phase: phase, isPhaseBegun: true)
        let back = try #require(itinerary.legs(of: .rollback(from: from, steps: 0))?.first)
        let out = try #require(
          itinerary.legs(
            of: .leaveRollback(from: from, toward: 0, at: Progress(leg: 0, phase: 0, isPhaseBegun: true), steps: 1))?
            .first)
        #expect(out.stamp != back.stamp)
        #expect(itinerary.stampsOfWaysBack.isSuperset(of: [back.stamp, out.stamp]))
        ways += 1
      }
    }
    #expect(ways > 0)
  }

  @Test("what stands where a course has come to is what its phases have left, from where it began to its end")
  func standing() throws {
    let itinerary = try World(Self.plan("on failure {\n  route web all -> 1.0\n  wait 1s\n  retire web 2.0\n}"))
      .itinerary
    func places(_ legs: [Leg]) -> [ApplyEngine.Progress] {
      legs.enumerated().flatMap { n, leg in
        leg.phases.indices.flatMap {
          [ApplyEngine.Progress(leg: n, phase: $0), ApplyEngine.Progress(leg: n, phase: $0, isPhaseBegun: true)]
        }
      }
    }
    /// With all of what was begun.
    func left(_ course: Course, _ at: ApplyEngine.Progress) -> [ObjectSet.Entry] {
      itinerary.image(of: course, at: ApplyEngine.Progress(leg: at.leg, phase: at.phase + (at.isPhaseBegun ? 1 : 0)))
        .entries
    }
    /// No way back takes the namespace.
    func things(_ set: ObjectSet) -> [ObjectID: Value] {
      Dictionary(uniqueKeysWithValues: set.entries.filter { $0.id.kind != "Namespace" }.map { ($0.id, $0.plain) })
    }
    var ends = 0
    func check(_ course: Course, beginsWith entries: [ObjectSet.Entry]) {
      guard let legs = itinerary.legs(of: course) else { return }
      #expect(itinerary.image(of: course, at: ApplyEngine.Progress()).entries == entries, "\(course)")
      guard let end = itinerary.end(of: course) else { return }
      let last = itinerary.image(of: course, at: ApplyEngine.Progress(leg: legs.count))
      #expect(things(last) == things(end.image), "\(course)")
      ends += 1
    }
    for from in places(itinerary.forward) {
      let here = left(.forward(steps: 3), from)
      for steps in 0...itinerary.step(at: from) { check(.rollback(from: from, steps: steps), beginsWith: here) }
      let block = Course.block(from: from)
      check(block, beginsWith: here)
      for at in places(itinerary.legs(of: block) ?? []) {
        check(.leaveBlock(from: from, at: at, steps: 0), beginsWith: left(block, at))
      }
    }
    #expect(ends > 50)
  }

  /// Has the run stopped from another machine, and gives no answer.
  private struct DeafProber: Prober {
    let sandbox: LiveCluster

    func answer(to request: ProbeRequest) async throws(ProbeError) -> ProbeAnswer {
      let store = RequestsStore(plan: "shop", namespace: "shop", in: InProcessTransport.cluster(sandbox))
      try? await store.abort(by: "bob", run: "run-1")
      for await _ in AsyncStream<Never>.makeStream().stream {}
      throw ProbeError("")
    }
  }

  @Test("a gateway that gives no answer holds up nobody who wants the run to stop")
  func stoppedAtTheStamp() async throws {
    let world = try World(Self.plan(""))
    let stopped = try world.run(.apply(steps: 1), prober: DeafProber(sandbox: world.sandbox))
    #expect(stopped.result.outcome == .interrupted, "\(stopped.log.text)")
  }

  @Test("a plan with other values is no changed file, and says with which it was begun")
  func otherValues() async throws {
    func world(_ copies: String, like other: World? = nil) throws -> World {
      let swapped = Self.plan("").replacing(
        "  version 1.0, 2.0", with: "  replicas \(copies)\n  version 1.0, 2.0")
      return try other.map { try World(swapped, on: $0.sandbox) } ?? World(swapped)
    }
    let three = try world("3")
    _ = try three.run(.apply(steps: 2), budget: RequestBudget(writes: 22), id: "dead") {
      $0.planOptions = ["--set copies=3"]
    }
    await three.sandbox.advance(by: 100_000)
    let one = try world("1", like: three)
    let refused = try one.run(.resume, id: "forgotten")
    #expect(refused.result.outcome == .refused, "\(refused.log.text)")
    #expect(
      refused.result.failure?.diagnostic.notes.contains { $0.contains("--set copies=3") } == true,
      "\(refused.log.text)")
  }

  /// Another environment may ask for no approval where this one does: what is begun with one goes on with it.
  @Test("a plan that was begun with an environment goes on with no other", arguments: [nil, 22])
  func otherEnvironment(dyingAfter writes: Int?) async throws {
    let world = try World(Self.plan(""))
    let first = try world.run(
      .apply(steps: writes == nil ? 1 : 2), budget: writes.map { RequestBudget(writes: $0) }, id: "first"
    ) { $0.planOptions = ["--env prod"] }
    #expect(writes != nil || first.result.outcome == .done, "\(first.log.text)")
    await world.sandbox.advance(by: 100_000)
    // Other values make another plan of the same file; here only its last step says something else.
    let edited = try World(
      Self.plan("").replacing("  retire web 1.0", with: "  wait 1s\n  retire web 1.0"), on: world.sandbox)
    let forgotten = try edited.run(.resume, id: "forgotten")
    #expect(forgotten.result.outcome == .refused, "\(forgotten.log.text)")
    #expect(forgotten.result.failure?.diagnostic.message.contains("--env prod") == true, "\(forgotten.log.text)")
  }

  @Test("a plan that was edited where it is done is refused, with the object that does not fit")
  func editedWhereItIsDone() throws {
    let world = try World(Self.plan(""))
    #expect(try world.run(.apply(steps: 1), id: "first").result.outcome == .done)
    let edited = Self.plan("").replacing("  version 1.0, 2.0", with: "  replicas 3\n  version 1.0, 2.0")
    let refused = try World(edited, on: world.sandbox).run(.apply(steps: 3), id: "edited")
    #expect(refused.result.outcome == .refused, "\(refused.log.text)")
    #expect(
      refused.result.failure?.diagnostic.notes.contains("`Deployment/web-1-0` would be another object") == true,
      "\(refused.log.text)")
  }

  /// A text for the next release says in its first step what stands: under another name, after another number of steps.
  @Test("a new text that does not say what stands is refused, with the object that does not fit")
  func newTextForTheNextRelease() throws {
    let world = try World(Self.plan(""))
    #expect(try world.run(.apply(steps: world.itinerary.stepCount), id: "first").result.outcome == .done)
    func next(_ replicas: String) -> String {
      Self.components(versions: "2.0, 3.0") + """
        step "As it is" {
          deploy api 1.0
          deploy web 2.0\(replicas)
        }
        step "3.0" {
          deploy web 3.0
          route web all -> 3.0
        }
        """
    }
    let refused = try World(next(" replicas 3"), on: world.sandbox).run(.apply(steps: 2), id: "wrong")
    #expect(refused.result.outcome == .refused, "\(refused.log.text)")
    #expect(
      refused.result.failure?.diagnostic.notes.filter { $0.contains("would") }
        == ["`Deployment/web-2-0` would be another object"], "\(refused.log.text)")
    #expect(try World(next(""), on: world.sandbox).run(.apply(steps: 2), id: "right").result.outcome == .done)
  }
}
