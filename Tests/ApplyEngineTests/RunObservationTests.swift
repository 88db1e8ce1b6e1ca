import ClusterAPI
import Diagnostics
import KubernetesModel
import Lowering
import Rehearsal
import RolloutPlan
import Sandbox
import Synchronization
import TestSupport
import Testing

@testable import ApplyEngine

/// Metrics that say one thing after the other, and the last of them for ever.
private final class ScriptedMetrics: MetricSource {
  typealias Reading = Result<MetricReading, MetricError>

  private let readings: Mutex<[Reading]>
  private let rates: Mutex<[Double]>

  init(_ readings: [Reading], rates: [Double] = [0]) {
    self.readings = Mutex(readings)
    self.rates = Mutex(rates)
  }

  /// How many readings were not asked for.
  var left: Int { readings.withLock { $0.count } }

  func reading(of metric: Int, for version: WorkloadRef?) async throws(MetricError) -> MetricReading {
    try readings.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }.get()
  }

  func traffic(to version: WorkloadRef) async throws(MetricError) -> MetricReading {
    .value(rates.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] })
  }
}

/// Leaves an answer, or stays away.
private struct Person: Decider {
  var isYes: Bool?

  func answer(to question: Question) async -> Answer? { isYes.map { Answer(isYes: $0, by: "ann") } }
}

/// What a run looks at between its writes: metrics, the gateway's answers, and people.
@Suite struct RunObservationTests {
  private static func plan(_ second: String = "", head: String = "") -> String {
    """
    plan shop
    language 1
    expose web on port 80
    component web {
      image registry.example.com/web
      port 8080 http
      version 1.0, 2.0
    }
    metric errors is istio error-rate of web below 1%
    \(head)
    step "First" {
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

  // MARK: - Metrics

  @Test(
    "a bound says by its word whether it belongs to what is good",
    arguments: [("below", false), ("above", false), ("at least", true), ("at most", true)])
  func bounds(_ word: String, isIncluded: Bool) throws {
    let plan = try Itinerary.of(
      Self.plan("verify own for 1m", head: "metric own is promql \"up\" \(word) 3")
        .replacing("metric errors is istio error-rate of web below 1%\n", with: "")
    ).plan
    let metric = try #require(plan.metrics.first)
    #expect(metric.holds(3) == isIncluded)
    #expect(metric.holds(2.9) == ["below", "at most"].contains(word))
    #expect(metric.holds(3.1) == ["above", "at least"].contains(word))
  }

  private static let unread = ScriptedMetrics.Reading.failure(MetricError("no answer"))
  private static let good = ScriptedMetrics.Reading.success(.value(0.5))

  /// One reading in six seconds, so eleven of a minute.
  @Test(
    "readings are good, or none; what cannot be read three times in a row is a failure",
    arguments: [
      ([good], nil), ([good, .success(.noData), good], nil),
      ([.success(.noData), .success(.value(1))], .metricBreached), ([.success(.noData)], .metricUnreadable),
      ([unread], .metricUnreadable), ([good, unread, unread, good], nil),
      // Not in a row: a good reading, or a quiet moment, begins the count anew.
      ([unread, unread, good, unread, unread, good], nil),
      ([unread, unread, .success(.noData), unread, unread, good], nil),
      // The last one could not be read: it is asked for beyond the end.
      (Array(repeating: good, count: 10) + [unread, .success(.value(7))], .metricBreached),
    ] as [([Result<MetricReading, MetricError>], Code?)])
  func measured(_ readings: [Result<MetricReading, MetricError>], _ code: Code?) throws {
    let world = try World(Self.plan("verify errors for 1m"))
    let metrics = ScriptedMetrics(readings)
    let outcome = try world.run(.apply(steps: 2), metrics: metrics)
    #expect(outcome.result.outcome == (code == nil ? .done : .held), "\(outcome.log.text)")
    #expect(outcome.result.failure?.diagnostic.code == code)
    #expect(metrics.left == 1, "each was asked for")
  }

  @Test("a version that leaves is stopped when nothing comes to it any more, however little that is")
  func drained() throws {
    let world = try World(Self.plan())
    #expect(try world.run(.apply(steps: 2), id: "up").result.outcome == .done)
    let quiet = try world.run(.apply(steps: 2), id: "none", metrics: ScriptedMetrics([Self.good]))
    #expect(quiet.result.outcome == .unchanged)
    let patient = try World(Self.plan())
    _ = try patient.run(.apply(steps: 2), id: "up")
    let once = try patient.run(.apply(steps: 3), id: "on", metrics: ScriptedMetrics([Self.good], rates: [0.1, 0.1, 0]))
    #expect(once.result.outcome == .done, "\(once.log.text)")
    #expect(once.log.text.contains("web 1.0 still has traffic"), "\(once.log.text)")
    let busy = try world.run(.apply(steps: 3), id: "busy", metrics: ScriptedMetrics([Self.good], rates: [0.1]))
    #expect(busy.result.failure?.diagnostic.code == .gateFailed, "\(busy.log.text)")
    #expect(busy.result.failure?.diagnostic.message == "`web` 1.0 still gets 0.1 requests per second")
  }

  @Test(
    "where nothing measures, a version that leaves has the settle time to end what it was asked", arguments: [0, 7])
  func drainedByTime(settle: Int) throws {
    let world = try World(Self.plan())
    _ = try world.run(.apply(steps: 2), id: "up")
    let outcome = try world.run(.apply(steps: 3), id: "on") { $0.settle = .seconds(settle) }
    #expect(outcome.result.outcome == .done, "\(outcome.log.text)")
    var isDraining = false
    var waits: [Bool] = []
    for event in outcome.log.events {
      switch event {
      case .gateBegan(_, .drained): isDraining = true
      case .gateEnded(_, .drained):
        waits.append(isDraining)
        isDraining = false
      default: break
      }
    }
    #expect(waits == [true])
    // Moved, drained, closed, narrowed: each of them settles.
    #expect(outcome.elapsed >= .seconds(settle * 4), "\(outcome.elapsed)")
  }

  // MARK: - The gateway

  private static let step = "shop/02-second"
  private static func answer(
    _ status: Int = 200, _ stamp: String? = nil, to location: String? = nil
  ) -> Result<ProbeAnswer, ProbeError> {
    var headers = HTTPHeaders()
    if let stamp { headers.add(stampHeader, stamp) }
    if let location { headers.add("location", location) }
    return .success(ProbeAnswer(status: status, headers: headers))
  }

  @Test("the new routes show in several answers in a row before the run goes on")
  func stamps() throws {
    let (new, old) = (Self.answer(200, Self.step), Self.answer(200, "shop/01-first"))
    let silent: Result<ProbeAnswer, ProbeError> = .failure(ProbeError("no answer"))
    for (answers, count): ([Result<ProbeAnswer, ProbeError>], Int) in [
      ([new], 5), ([old, new], 6), ([new, new, new, new, old, new], 10), ([new, new, silent, new], 8),
    ] {
      let world = try World(Self.plan())
      _ = try world.run(.apply(steps: 1), id: "first")
      let prober = GatewayScript(answers)
      let outcome = try world.run(.apply(steps: 2), id: "second", prober: prober)
      #expect(outcome.result.outcome == .done, "\(outcome.log.text)")
      #expect(prober.count == count, "\(answers)")
    }
  }

  @Test("a gateway that sends everybody to https by itself has nothing to show; one that leads elsewhere has")
  func redirects() throws {
    for (answer, isDone): (Result<ProbeAnswer, ProbeError>, Bool) in [
      (Self.answer(301, to: "https://shop.example.com/"), true), (Self.answer(302, to: "/login"), false),
      (Self.answer(301, "shop/01-first", to: "https://shop.example.com/"), false), (Self.answer(200), false),
      (.failure(ProbeError("the gateway has no address", isFinal: true)), true), (.failure(ProbeError("")), false),
    ] {
      let world = try World(Self.plan())
      _ = try world.run(.apply(steps: 1), id: "first")
      let prober = GatewayScript([answer])
      let outcome = try world.run(.apply(steps: 2), id: "second", prober: prober)
      #expect(outcome.result.outcome == (isDone ? .done : .held), "\(answer): \(outcome.log.text)")
      if case .failure(let error) = answer, error.isFinal { #expect(prober.count == 1) }
    }
  }

  // MARK: - Questions

  private func record(_ world: World) async throws -> RunRecord? {
    let cluster = InProcessTransport.cluster(world.sandbox)
    return try await InventoryStore(plan: "shop", namespace: "shop", in: cluster).load()?.record
  }

  @Test("a run that takes over from one that waited does not give everybody the whole time again")
  func deadlines() async throws {
    for (gone, outcome): (Int, RunResult.Outcome) in [(60, .waiting), (3601, .held)] {
      let world = try World(Self.plan("approve \"good?\" within 1h"))
      let left = try world.run(.apply(steps: 2), id: "left") { $0.leavesAtQuestions = true }
      #expect(left.result.outcome == .waiting, "\(left.log.text)")
      let since = try await record(world)?.waitingSince
      #expect(since != nil)
      await world.sandbox.advance(by: gone * 1000)
      // Nobody is here, and it is not left: only its time can end it.
      let resumed = try world.run(.resume, id: "resumed") { $0.leavesAtQuestions = gone == 60 }
      #expect(resumed.result.outcome == outcome, "\(resumed.log.text)")
      #expect(resumed.elapsed < .seconds(600), "\(resumed.elapsed)")
      if gone == 60 { #expect(try await record(world)?.waitingSince == since) }
    }
  }

  @Test("each asking has its own time: a question that nobody answered in time can be answered when it is asked again")
  func askedAgain() async throws {
    let world = try World(Self.plan("approve \"good?\" within 1h", head: "on failure rollback"))
    let first = try world.run(.apply(steps: 2), id: "first")
    #expect(first.result.outcome == .rolledBack, "\(first.log.text)")
    let again = try world.run(.apply(steps: 2), id: "again") { $0.leavesAtQuestions = true }
    #expect(again.result.outcome == .waiting, "\(again.log.text)")
    let record = try #require(try await record(world))
    #expect(record.waitsSeconds == 3600 && record.asker == "again")
    // Given up, and begun once more.
    await world.sandbox.advance(by: 3_000_000)
    #expect(try world.run(.rollback(steps: 1), id: "back").result.outcome == .undone)
    #expect(try await self.record(world)?.question == nil)
    await world.sandbox.advance(by: 3_000_000)
    let third = try world.run(.apply(steps: 2), id: "third") { $0.leavesAtQuestions = true }
    #expect(third.result.outcome == .waiting, "\(third.log.text)")
  }

  @Test("what was answered in time counts, however late it is read, and whatever held the run up on the way to it")
  func answeredInTime() async throws {
    let world = try World(Self.plan("approve \"good?\" within 1h"))
    #expect(try world.run(.apply(steps: 2), id: "left") { $0.leavesAtQuestions = true }.result.outcome == .waiting)
    let store = RequestsStore(plan: "shop", namespace: "shop", in: InProcessTransport.cluster(world.sandbox))
    try await store.answer("2.1", with: Answer(isYes: true, by: "bob"), run: "left")
    await world.sandbox.advance(by: 7_200_000)
    // It comes to something else first.
    let deployment = "/apis/apps/v1/namespaces/shop/deployments/web-2-0"
    _ = await world.sandbox.respond(to: APIRequest("DELETE", deployment))
    await world.sandbox.advance(by: 60_000)
    let held = try world.run(.resume, id: "held")
    #expect(held.result.failure?.diagnostic.code == .vanished, "\(held.log.text)")
    let resumed = try world.run(.resume, id: "resumed") { $0.decisions.recreates = ["Deployment/web-2-0"] }
    #expect(resumed.result.outcome == .done, "\(resumed.log.text)")
    #expect(resumed.log.text.contains("bob"))
  }

  @Test("who looks whether it was answered in time can be stopped while the server says nothing")
  func stoppedAfterItsTime() async throws {
    let world = try World(Self.plan("approve \"good?\" within 1h"))
    #expect(try world.run(.apply(steps: 2), id: "left") { $0.leavesAtQuestions = true }.result.outcome == .waiting)
    await world.sandbox.advance(by: 3_601_000)
    let stop = StopSignal()
    let renewals = Mutex(0)
    let hook = RequestHook { request in
      if request.method == "GET", request.url.contains(PlanNames.requests("shop")) {
        for await _ in AsyncStream(Void.self, { _ in }) {}
      }
      // By then it waits for nothing else.
      let isLate = renewals.withLock { count in
        if request.method != "GET", request.url.contains("/leases") { count += 1 }
        return count == 5
      }
      if isLate { stop.raise() }
    }
    let stopped = try world.run(.resume, id: "stopped", hook: hook, stop: stop)
    #expect(stopped.result.outcome == .interrupted, "\(stopped.log.text)")
    #expect(stopped.log.events.contains { if case .asked = $0 { true } else { false } }, "\(stopped.log.text)")
  }

  @Test("it is asked again and again: the answer to any of those who asked counts, and the end of its time is the end")
  func askedByMany() async throws {
    let world = try World(Self.plan("approve \"good?\" within 1h"))
    for (goal, id): (RunGoal, String) in [(.apply(steps: 2), "first"), (.resume, "second")] {
      #expect(try world.run(goal, id: id) { $0.leavesAtQuestions = true }.result.outcome == .waiting)
    }
    for asked in ["first", "second"] {
      let other = await world.forked()
      let store = RequestsStore(plan: "shop", namespace: "shop", in: InProcessTransport.cluster(other.sandbox))
      try await store.answer("2.1", with: Answer(isYes: true, by: "bob"), run: asked)
      let third = try other.run(.resume, id: "third") { $0.leavesAtQuestions = true }
      #expect(third.log.text.contains("bob"), "\(third.log.text)")
    }
    await world.sandbox.advance(by: 4_000_000)
    let late = try world.run(.resume, id: "late") { $0.leavesAtQuestions = true }
    #expect(late.result.failure?.diagnostic.code == .notApproved, "\(late.log.text)")
  }

  @Test("who is here and may not answer is not asked, and those who may are waited for")
  func notHere() throws {
    struct Guest: Decider {
      func mayAnswer(_ question: Question) -> Bool { question.mayBeAnswered(by: "root") }
      func answer(to question: Question) async -> Answer? { Answer(isYes: true, by: "root") }
    }
    let world = try World(Self.plan("approve \"good?\" by alice within 1h"))
    let outcome = try world.run(.apply(steps: 2), decider: Guest())
    #expect(outcome.result.failure?.diagnostic.code == .notApproved, "\(outcome.log.text)")
    let other = try World(Self.plan("approve \"good?\" by root within 1h"))
    #expect(try other.run(.apply(steps: 2), decider: Guest()).result.outcome == .done)
  }

  /// Says yes after the pods of a version have died.
  private struct Sleeper: Decider {
    let sandbox: LiveCluster
    let workload: String

    func answer(to question: Question) async -> Answer? {
      await sandbox.update {
        $0.setBehaviour(PodBehaviour(fate: .crashLoop(exitCode: 3), log: "no"), of: workload, namespace: "shop")
      }
      let path = "/api/v1/namespaces/shop/pods"
      for pod in await sandbox.respond(to: APIRequest("GET", path)).value?["items"]?.array ?? [] {
        let name = pod.at("metadata", "name")?.string ?? ""
        if name.hasPrefix(workload) { _ = await sandbox.respond(to: APIRequest("DELETE", "\(path)/\(name)")) }
      }
      await sandbox.advance(by: 60_000)
      return Answer(isYes: true, by: "ann")
    }
  }

  @Test("nobody is led to pods that have died meanwhile, and what serves is not stopped for them, forward and back")
  func diedMeanwhile() async throws {
    func versions(_ world: World) async -> Set<String> {
      Set(await world.content().keys.filter { $0.hasPrefix("deployments/") })
    }
    for head in ["", "on failure rollback"] {
      let world = try World(Self.plan("approve \"good?\"", head: head))
      let outcome = try world.run(.apply(steps: 3), decider: Sleeper(sandbox: world.sandbox, workload: "web-2-0"))
      #expect(outcome.result.failure?.diagnostic.code == .notReady, "\(outcome.log.text)")
      #expect(await versions(world).contains("deployments/web-1-0"))
      #expect(outcome.log.text.contains("is to serve, and is not ready any more"))
    }
    let world = try World(Self.plan("approve \"good?\""))
    let decider = Sleeper(sandbox: world.sandbox, workload: "web-1-0")
    #expect(try world.run(.apply(steps: 2), decider: decider).result.outcome == .done)
    let before = await world.content()
    let back = try world.run(.rollback(steps: 1), id: "back")
    #expect(back.result.outcome == .held, "\(back.log.text)")
    #expect(await versions(world).contains("deployments/web-2-0"))
    // Who cannot wait for the old version goes to what stood, or elsewhere.
    for (steps, wanted) in [(2, before), (0, [:])] {
      let other = await world.forked()
      let left = try other.run(.rollback(steps: steps), id: "left")
      #expect(left.result.outcome == .undone && left.result.stepsLeft == steps, "\(left.log.text)")
      #expect(await other.content().keys.sorted() == wanted.keys.sorted())
      #expect(await other.content()["virtualservices/web"]?["spec"] == wanted["virtualservices/web"]?["spec"])
      if steps == 2 { #expect(try other.run(.apply(steps: 2), id: "again").result.outcome == .unchanged) }
    }
    var proving = world
    proving.faults = { _ in [] }
    let refused = try proving.run(.rollback(steps: 2), id: "refused")
    #expect(refused.result.outcome == .refused, "\(refused.log.text)")
    await world.sandbox.update { $0.setBehaviour(PodBehaviour(), of: "web-1-0", namespace: "shop") }
    #expect(try world.run(.resume, id: "mended").result.outcome == .undone)
  }

  @Test("nobody is stopped while those that stay are dead, nor are visitors led to a release with a dead component")
  func deadBehind() async throws {
    let retire = try World(
      Self.plan("route web all -> 2.0\n  approve \"good?\"")
        .replacing("  route web all -> 2.0\n  retire", with: "  retire"))
    let decider = Sleeper(sandbox: retire.sandbox, workload: "web-2-0")
    let stopped = try retire.run(.apply(steps: 3), decider: decider)
    #expect(stopped.result.failure?.diagnostic.code == .notReady, "\(stopped.log.text)")
    #expect(await retire.content()["deployments/web-1-0"]?["spec"]?["replicas"]?.int == 1)

    let release = try World(
      """
      plan shop
      language 1
      on failure rollback
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        calls store
        version 1.0, 2.0
      }
      component store {
        image registry.example.com/store
        port 8080 http
        version 1.0, 2.0
      }
      release 1 {
        web 1.0
        store 1.0
      }
      release 2 {
        web 2.0
        store 2.0
      }
      step "First" {
        deploy release 1
      }
      step "Second" {
        deploy release 2
        approve "good?"
      }
      step "Third" {
        route web all -> 2.0
      }

      """)
    let dead = try release.run(
      .apply(steps: 3), decider: Sleeper(sandbox: release.sandbox, workload: "store-2-0"))
    #expect(dead.result.failure?.diagnostic.code == .notReady, "\(dead.log.text)")
  }

  @Test("a version whose pods an autoscaler has taken away does not take over")
  func scaledToNothing() async throws {
    struct Scaler: Decider {
      let sandbox: LiveCluster
      func answer(to question: Question) async -> Answer? {
        let path = "/apis/apps/v1/namespaces/shop/deployments/web-2-0/scale"
        var scale = await sandbox.respond(to: APIRequest("GET", path)).value?.fields ?? Fields()
        scale["spec"] = ["replicas": 0]
        _ = await sandbox.respond(to: APIRequest("PUT", path, body: .object(scale)))
        await sandbox.advance(by: 60_000)
        return Answer(isYes: true, by: "ann")
      }
    }
    let world = try World(
      Self.plan("approve \"good?\"", head: "patch deployment of web \"{spec: {replicas: null}}\""))
    let outcome = try world.run(.apply(steps: 3), decider: Scaler(sandbox: world.sandbox))
    #expect(outcome.result.failure?.diagnostic.code == .gateFailed, "\(outcome.log.text)")
    #expect(await world.content().keys.contains("deployments/web-1-0"))
  }

  @Test("a question that is answered is not asked again, and the next one has its own number and time")
  func severalQuestions() async throws {
    let world = try World(Self.plan("approve \"one?\"\n  wait 1m\n  approve \"two?\""))
    let left = try world.run(.apply(steps: 2), id: "left") { $0.leavesAtQuestions = true }
    #expect(left.result.outcome == .waiting)
    #expect(try await record(world)?.question == "2.1 one?")
    let store = RequestsStore(plan: "shop", namespace: "shop", in: InProcessTransport.cluster(world.sandbox))
    try await store.answer("2.1", with: Answer(isYes: true, by: "bob"), run: "left")
    let since = try await record(world)?.waitingSince
    let next = try world.run(.resume, id: "next") { $0.leavesAtQuestions = true }
    #expect(next.result.outcome == .waiting, "\(next.log.text)")
    let record = try #require(try await record(world))
    #expect(record.question == "2.2 two?" && record.progress.observation == 2)
    #expect(record.waitingSince != nil && record.waitingSince != since)
    let asked = next.log.events.compactMap { if case .asked(_, let question) = $0 { question.text } else { nil } }
    #expect(asked == ["one?", "two?"])
    // Killed right behind the answer: the answer is in the record.
    let yes = try world.run(.resume, id: "yes", decider: Person(isYes: true))
    #expect(yes.result.outcome == .unchanged, "\(yes.log.text)")
  }
}
