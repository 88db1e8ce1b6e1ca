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

  @Test("every write counts, also the one that makes the namespace before there is a lock")
  func countedWrites() async throws {
    let world = try World(quietVoting)
    let first = try await world.begin()
    let written = world.itinerary.forward.filter { $0.step == 0 }.flatMap(\.phases).flatMap(\.writes)
    #expect(written.contains { $0.id.kind == "Namespace" })
    #expect(first.result.writes == written.count, "\(first.log.text)")
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

  private static let volumes = """
    plan shop
    language 1
    expose web on port 80
    component web {
      image registry.example.com/web
      port 8080 http
      version 1.0 {
        volume data 1Gi at /data
      }
      version 2.0
    }
    step "one" {
      deploy web 1.0
    }
    step "two" {
      deploy web 2.0
      route web all -> 2.0
    }
    step "three" {
      retire web 1.0 with volumes
      LINE
    }
    """

  @Test("no way back makes a volume again that the plan has destroyed, unless somebody says so")
  func lostData() async throws {
    let world = try World(Self.volumes.replacing("LINE", with: ""))
    #expect(try world.run(.apply(steps: 3), id: "up").result.outcome == .done)
    let refused = try world.run(.rollback(steps: nil), id: "back")
    #expect(refused.result.failure?.diagnostic.code == .rollbackPastDestroyed, "\(refused.log.text)")
    #expect(await world.content()["persistentvolumeclaims/data"] == nil)
    // What went before the deletion is as free to go back as ever.
    let back = try world.run(.rollback(steps: nil), id: "empty") {
      $0.decisions = WriteDecisions(recreates: ["PersistentVolumeClaim/data"])
    }
    #expect(back.result.outcome == .undone, "\(back.log.text)")
    #expect(try world.run(.rollback(steps: 0), id: "start").result.outcome == .undone)
  }

  @Test("a way back over several steps is asked about, and one step is not")
  func backOverSteps() throws {
    let world = try World(quietVoting)
    let asked = AskedWays()
    let fault = Diagnostic(.downtime, "web finds nobody", at: Label(world.itinerary.plan.nameRange, "here"))
    #expect(try world.run(.apply(steps: 1), id: "up").result.outcome == .done)
    #expect(try world.run(.apply(steps: 2), id: "up-2").result.outcome == .done)
    func back(_ steps: Int, finds: [Diagnostic]) throws -> RunResult {
      var world = world
      world.faults = { way in
        asked.add(way)
        return finds
      }
      return try world.run(.rollback(steps: steps), id: "back-\(steps)-\(finds.count)").result
    }
    let refused = try back(0, finds: [fault])
    #expect(refused.failure?.diagnostic.code == .downtime && refused.writes == 0)
    let segments = world.itinerary.plan.steps[1].segments.count
    #expect(asked.all == [LongWayBack(step: 1, segment: segments - 1, phase: nil, steps: 0)])
    #expect(try back(1, finds: [fault]).outcome == .undone)
    #expect(asked.all.count == 1)
    #expect(try back(0, finds: []).outcome == .undone)
  }

  @Test("a gateway that has nobody to lead to says nothing of its routes, and holds no run up for that")
  func nobodyServes() async throws {
    let world = try World(
      """
      plan shop
      language 1
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        version 1.0, 2.0
      }
      step "one" {
        deploy web 1.0
      }
      step "two" {
        deploy web 2.0
        route web 10% -> 2.0
      }
      """)
    // It finds no pod, and answers by itself: most releases of Envoy then leave a route's headers out.
    let unserved = GatewayScript([
      .success(ProbeAnswer(status: 503, headers: [:], body: Array("no healthy upstream".utf8)))
    ])
    #expect(try world.run(.apply(steps: 1), id: "one").result.outcome == .done)
    // Its pods answer: whoever gets no answer then is not told that there is nobody.
    let served = try world.run(.apply(steps: 2), id: "served", prober: unserved)
    #expect(served.result.failure?.diagnostic.code == .gateFailed, "\(served.log.text)")
    _ = try world.run(.rollback(steps: 1), id: "back")
    let path = "/apis/apps/v1/namespaces/shop/deployments/web-1-0"
    var live = try #require(await world.sandbox.respond(to: APIRequest("GET", path)).value?.fields)
    var metadata = live["metadata"]?.fields ?? Fields()
    metadata["annotations"] = ["sandbox.rolloutc.dev/fate": "crash-loop"]
    live["metadata"] = .object(metadata)
    #expect(await world.sandbox.respond(to: APIRequest("PUT", path, body: .object(live))).status == 200)
    let outcome = try world.run(.apply(steps: 2), id: "two", prober: unserved)
    #expect(outcome.result.outcome == .done, "\(outcome.log.text)")
    #expect(outcome.log.text.contains("no pod of `web` 1.0 is ready"))
  }

  @Test("a Deployment that somebody deleted is made again where a person says so, and is ready before the plan goes on")
  func madeAgain() async throws {
    let world = try World(quietVoting)
    _ = try await world.begin()
    let deployment = "/apis/apps/v1/namespaces/voting/deployments/voting-analytics-1-0"
    _ = await world.sandbox.respond(to: APIRequest("DELETE", deployment))
    await world.sandbox.advance(by: 60)
    // A run comes to no step behind the one that it ends with.
    let same = try world.run(.apply(steps: 1), id: "same")
    #expect(same.result.failure?.diagnostic.code == .vanished && same.result.failure?.place.step == 0)
    let refused = try world.run(.apply(steps: 2), id: "refused")
    #expect(refused.result.failure?.diagnostic.code == .vanished, "\(refused.log.text)")
    #expect(refused.result.failure?.place.step == 1)
    #expect(refused.result.writes == 0)
    let resumed = try world.run(.resume, id: "resumed")
    #expect(resumed.result.failure?.diagnostic.code == .vanished, "\(resumed.log.text)")
    let again = try world.run(.apply(steps: 2), id: "again") {
      $0.decisions.recreates = ["Deployment/voting-analytics-1-0"]
    }
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

  private func exists(_ path: String, in world: World) async -> Bool {
    await world.sandbox.respond(to: APIRequest("GET", path)).status == 200
  }

  @Test("a way back does not ask for an object that it would only take away")
  func wayBackFromWhatIsGone() async throws {
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
    // Somebody else's object stands in the way of the phase. The way back from its middle leaves it as it is.
    let failed = try world.run(.apply(steps: 1), id: "failed")
    #expect(failed.result.outcome == .rolledBack, "\(failed.log.text)")
    #expect(await exists("\(gateways)/web-gateway", in: world))
    #expect(await !exists("/api/v1/namespaces/shop/services/web", in: world))
    #expect(await respond("DELETE", "\(gateways)/web-gateway") == 200)
    #expect(try world.run(.apply(steps: 2), id: "again").result.outcome == .done)
    // And of what stands: to the start, over a Deployment that somebody deleted.
    #expect(await respond("DELETE", "/apis/apps/v1/namespaces/shop/deployments/web-2-0") == 200)
    let back = try world.run(.rollback(steps: 0), id: "back")
    #expect(back.result.outcome == .undone, "\(back.log.text)")
    #expect(await !exists("/api/v1/namespaces/shop/services/web", in: world))
  }

  /// What stood before the plan may serve somebody. The plan cannot give it back as it was, so that it stays as it is.
  @Test("no way back deletes what was taken over", arguments: [true, false])
  func wayBackBeforeAdoption(fails: Bool) async throws {
    let world = try World(RealClusterTests.shop("shop", existing: true))
    func respond(_ method: String, _ path: String, _ body: Value? = nil) async -> Int {
      await world.sandbox.respond(to: APIRequest(method, path, body: body)).status
    }
    let services = "/api/v1/namespaces/shop/services"
    #expect(await respond("POST", "/api/v1/namespaces", ["kind": "Namespace", "metadata": ["name": "shop"]]) == 201)
    let service: Value = [
      "apiVersion": "v1", "kind": "Service", "metadata": ["name": "web"],
      "spec": ["selector": ["app": "web"], "ports": [["name": "http-web", "port": 8080]]],
    ]
    #expect(await respond("POST", services, service) == 201)
    func adopting(_ options: inout RunOptions) {
      options.decisions.adopts = ["Service/web"]
      options.decisions.takes = [
        "Service/web:.spec.ports[port=8080,protocol=\"TCP\"].name", "Service/web:.spec.ports",
        "Service/web:.spec.ports[port=8080,protocol=\"TCP\"].targetPort", "Service/web:.spec.selector",
      ]
    }
    // The entry is written after what is taken over.
    let entries = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices"
    let inTheWay: Value = [
      "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": ["name": "web"],
      "spec": ["hosts": ["other.example.com"], "http": [["route": [["destination": ["host": "other"]]]]]],
    ]
    if fails { #expect(await respond("POST", entries, inTheWay) == 201) }
    let first = try world.run(.apply(steps: 1), id: "first") { adopting(&$0) }
    guard fails else {
      #expect(first.result.outcome == .done, "\(first.log.text)")
      let back = try world.run(.rollback(steps: 0), id: "back")
      #expect(back.result.outcome == .refused, "\(back.log.text)")
      #expect(await exists("\(services)/web", in: world))
      // And the plan goes on as if nothing had been asked.
      #expect(try world.run(.apply(steps: 2), id: "on").result.outcome == .done)
      #expect(try world.run(.rollback(steps: 1), id: "one").result.outcome == .undone)
      return
    }
    #expect(first.result.outcome == .held, "\(first.log.text)")
    #expect(await exists("\(services)/web", in: world))
    #expect(await respond("DELETE", "\(entries)/web") == 200)
    let resumed = try world.run(.resume, id: "resumed")
    #expect(resumed.result.outcome == .done, "\(resumed.log.text)")
  }

  /// Also in place of one that the plan had made; and what is gone is in nobody's way.
  @Test("what took the place of an object of the plan is deleted by no way back, either")
  func wayBackBeforeReplacement() async throws {
    let world = try World(RealClusterTests.shop("shop", existing: true))
    func respond(_ method: String, _ path: String, _ body: Value? = nil) async -> Int {
      await world.sandbox.respond(to: APIRequest(method, path, body: body)).status
    }
    let service = "/api/v1/namespaces/shop/services/web"
    #expect(await respond("POST", "/api/v1/namespaces", ["kind": "Namespace", "metadata": ["name": "shop"]]) == 201)
    #expect(try world.run(.apply(steps: 1), id: "first").result.outcome == .done)
    #expect(await respond("DELETE", service) == 200)
    let theirs: Value = [
      "apiVersion": "v1", "kind": "Service", "metadata": ["name": "web"],
      "spec": ["selector": ["app": "web"], "ports": [["name": "old", "port": 9]]],
    ]
    #expect(await respond("POST", "/api/v1/namespaces/shop/services", theirs) == 201)
    let taken = try world.run(.apply(steps: 1), id: "taken") { $0.decisions.adopts = ["Service/web"] }
    #expect(taken.result.failure == nil, "\(taken.log.text)")
    let back = try world.run(.rollback(steps: 0), id: "back")
    #expect(back.result.outcome == .refused, "\(back.log.text)")
    #expect(await exists(service, in: world))
    #expect(await respond("DELETE", service) == 200)
    let free = try world.run(.rollback(steps: 0), id: "free")
    #expect(free.result.outcome == .undone, "\(free.log.text)")
  }

  /// Its pods are none of the plan's: nobody waits until they end.
  @Test("a way back waits for no Deployment that it leaves to somebody else, and forgets it")
  func wayBackPastAnothersDeployment() async throws {
    let world = try World(RealClusterTests.shop("shop", existing: true))
    let namespace: Value = ["kind": "Namespace", "metadata": ["name": "shop"]]
    _ = await world.sandbox.respond(to: APIRequest("POST", "/api/v1/namespaces", body: namespace))
    #expect(try world.run(.apply(steps: 1), id: "first").result.outcome == .done)
    let deployments = "/apis/apps/v1/namespaces/shop/deployments"
    let theirs = Self.inTheWay.mergePatched(by: ["metadata": ["name": "web-2-0"]])
    #expect(await world.sandbox.respond(to: APIRequest("POST", deployments, body: theirs)).status == 201)
    await world.sandbox.advance(by: 60_000)
    let failed = try world.run(.apply(steps: 2), id: "failed")
    #expect(failed.result.outcome == .rolledBack, "\(failed.log.text)")
    #expect(failed.result.failure?.diagnostic.code == .notOurs)
    #expect(failed.elapsed < .seconds(60), "\(failed.elapsed)")
    #expect(await exists("\(deployments)/web-2-0", in: world))
    let store = InventoryStore(plan: "shop", namespace: "shop", in: InProcessTransport.cluster(world.sandbox))
    let inventory = try #require(try await store.load()?.inventory)
    #expect(inventory.entries.contains { $0.id.name == "web-1-0" })
    #expect(!inventory.entries.contains { $0.id.name == "web-2-0" }, "what is another's is none of the plan's")
  }

  /// What the server refused was never there, and is not made only to be deleted.
  @Test("a way back makes nothing")
  func wayBackFromWhatWasRefused() async throws {
    let text =
      RealClusterTests.shop("shop", existing: true)
      + "\npatch deployment of web 1.0 \"{metadata: {labels: {team: 'a b'}}}\"\n"
    let world = try World(text)
    let namespace: Value = ["kind": "Namespace", "metadata": ["name": "shop"]]
    _ = await world.sandbox.respond(to: APIRequest("POST", "/api/v1/namespaces", body: namespace))
    let failed = try world.run(.apply(steps: 1), id: "failed")
    #expect(failed.result.outcome == .rolledBack, "\(failed.log.text)")
    #expect(failed.result.failure?.diagnostic.code == .writeRefused, "\(failed.log.text)")
    #expect(await !exists("/api/v1/namespaces/shop/services/web", in: world))
  }

  private static let inTheWay: Value = [
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "web-1-0"],
    "spec": [
      "selector": ["matchLabels": ["app": "other"]],
      "template": [
        "metadata": ["labels": ["app": "other"]], "spec": ["containers": [["name": "x", "image": "example.com/x:1"]]],
      ],
    ],
  ]

  private static func shop(_ failure: String, _ second: String = "") -> String {
    """
    plan shop
    language 1
    expose web on port 80
    component web {
      image registry.example.com/web
      port 8080 http
      version 1.0, 2.0
    }
    probe home is GET /
    \(failure)
    step "First" {
      deploy web 1.0
    }
    step "Second" {
      deploy web 2.0
      route web 10% -> 2.0
      \(second)
    }

    """
  }

  @Test(
    "out of a failure block, whether it ran to its end or failed, leads a way back",
    arguments: ["verify home contains \"hello\"", "verify home status 500 within 1s"])
  func outOfABlock(last: String) async throws {
    let world = try World(
      Self.shop(
        "on failure {\n  route web all -> 1.0\n  \(last)\n}", "verify home contains \"nothing\" within 1s"))
    let prober = StampProber(
      sandbox: world.sandbox, path: "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/web")
    let held = try world.run(.apply(steps: 2), id: "held", prober: prober)
    #expect(held.result.outcome == .held, "\(held.log.text)")
    let again = try world.run(.resume, id: "resume", prober: prober)
    #expect([.refused, .held].contains(again.result.outcome) && again.result.failure != nil, "\(again.log.text)")
    let refused = try world.run(.apply(steps: 2), id: "apply", prober: prober)
    #expect(refused.result.failure?.diagnostic.help?.contains("rolloutc rollback") == true, "\(refused.result)")
    let back = try world.run(.rollback(steps: nil), id: "back", prober: prober)
    #expect(back.result.outcome == .undone, "\(back.log.text)")
    #expect(await exists("/apis/apps/v1/namespaces/shop/deployments/web-1-0", in: world))
    #expect(await !exists("/apis/apps/v1/namespaces/shop/deployments/web-2-0", in: world))
    let forward = try world.run(.apply(steps: 1), id: "forward", prober: prober)
    #expect(forward.result.outcome == .unchanged, "\(forward.log.text)")
    #expect(try world.run(.rollback(steps: 0), id: "start", prober: prober).result.outcome == .undone)
  }

  @Test(
    "each metric of a level needs a good reading, and readings have the unit of their bound",
    arguments: [
      (["errors": 0.5, "slow": 9, "queue": 3], nil, nil),
      (["slow": 9, "queue": 3], "R8513", "`errors` had nothing to measure for 1 min"),
      (["errors": 0.5, "slow": 9], "R8513", "`queue` had nothing to measure for 1 min"),
      (["errors": 97, "slow": 9, "queue": 3], "R8512", "`errors` is 97%, not below 1%"),
      (["errors": 0.5, "slow": 612.5, "queue": 3], "R8512", "`slow` is 612.5ms, not below 500ms"),
    ] as [([String: Double], String?, String?)])
  func levels(values: [String: Double], code: String?, message: String?) throws {
    let text = Self.shop(
      """
      metric errors is istio error-rate below 1%
      metric slow is istio p99-latency below 500ms
      metric queue is promql "sum(queue)" below 10
      on failure rollback
      """
    ).replacing(
      "  route web 10% -> 2.0\n", with: "  shift web -> 2.0 through 10%, 100% every 1m while errors, slow, queue\n")
    let world = try World(text)
    let run = try world.run(.apply(steps: 2), metrics: FixedMetrics(plan: world.itinerary.plan, values: values))
    #expect(run.result.outcome == (code == nil ? .done : .rolledBack), "\(run.log.text)")
    #expect(run.result.failure?.diagnostic.code.id == code, "\(run.result)")
    #expect(run.result.failure?.diagnostic.message == message, "\(run.result)")
  }

  @Test("what reads metrics is named before a run that has none to read, and not once it is behind it")
  func metricsWithoutASource() throws {
    let text = Self.shop("metric errors is istio error-rate below 1%", "verify errors for 1m")
    let itinerary = try World(text).itinerary
    let missing = itinerary.unreadableMetric(in: itinerary.forward, observed: 0)
    #expect(missing?.message == "nothing says where `errors` is read" && missing?.code == .metricUnreadable)
    let last = try #require(itinerary.forward.last)
    #expect(itinerary.unreadableMetric(in: [last], observed: last.observations.count) == nil)
    let block = try World(
      Self.shop("metric errors is istio error-rate below 1%\non failure {\n  verify errors for 1m\n}"))
    #expect(block.itinerary.unreadableMetric(in: block.itinerary.forward, observed: 0) != nil)
  }

  @Test("a run that goes on in the middle of a step says in its lock which")
  func resumedLock() async throws {
    let world = try World(Self.shop("", "approve \"Is it good?\""))
    for id in ["first", "second"] {
      let left = try world.run(id == "first" ? .apply(steps: 2) : .resume, id: id) { $0.leavesAtQuestions = true }
      #expect(left.result.outcome == .waiting, "\(left.log.text)")
      let lease = await world.sandbox.respond(
        to: APIRequest("GET", "/apis/coordination.k8s.io/v1/namespaces/shop/leases/rolloutc-shop"))
      #expect(lease.value?.at("metadata", "annotations", "rolloutc.dev/step") == "Second", "\(id)")
    }
  }

  @Test("where the record was deleted nothing begins at the beginning, and a word takes what stands for a step")
  func forgotten() async throws {
    let world = try World(Self.shop(""))
    #expect(try world.run(.apply(steps: 2), id: "first").result.outcome == .done)
    let before = await world.content()
    let record = "/api/v1/namespaces/shop/configmaps/rolloutc-shop"
    #expect(await world.sandbox.respond(to: APIRequest("DELETE", record)).status == 200)
    for goal: RunGoal in [.apply(steps: 2), .resume, .rollback(steps: nil)] {
      let refused = try world.run(goal, id: "refused")
      #expect(refused.result.outcome == .refused && refused.result.writes == 0, "\(refused.log.text)")
      #expect(refused.result.failure?.diagnostic.help?.contains("--assume") == true)
    }
    #expect(await world.content() == before)
    let assumed = try world.run(.apply(steps: 2), id: "assumed") { $0.assumedSteps = 2 }
    #expect(assumed.result.outcome == .unchanged, "\(assumed.log.text)")
    #expect(await world.content() == before)
    let twice = try world.run(.apply(steps: 2), id: "twice") { $0.assumedSteps = 1 }
    #expect(twice.result.outcome == .refused, "what is remembered is not assumed")
    let back = try world.run(.rollback(steps: nil), id: "back")
    #expect(back.result.outcome == .undone, "\(back.log.text)")
    #expect(await !exists("/apis/apps/v1/namespaces/shop/deployments/web-2-0", in: world))
  }

  @Test("nothing is resumed where nothing was left, and no step undone where the next one failed before it wrote")
  func nothingToResume() async throws {
    let world = try World(Self.shop(""))
    #expect(try world.run(.resume, id: "never").result.outcome == .refused)
    #expect(try world.run(.rollback(steps: nil), id: "never").result.outcome == .refused)
    #expect(try world.run(.apply(steps: 2), id: "never") { $0.assumedSteps = 1 }.result.outcome == .refused)
    #expect(await !exists("/api/v1/namespaces/shop", in: world), "nothing is made for what is refused")
    #expect(await !exists("/apis/coordination.k8s.io/v1/namespaces/shop/leases/rolloutc-shop", in: world))
    #expect(try world.run(.apply(steps: 2), id: "all").result.outcome == .done)
    #expect(try world.run(.rollback(steps: nil), id: "back").result.outcome == .undone)
    let resumed = try world.run(.resume, id: "resumed")
    #expect(resumed.result.outcome == .unchanged && resumed.result.writes == 0, "\(resumed.log.text)")
    #expect(await !exists("/apis/apps/v1/namespaces/shop/deployments/web-2-0", in: world))
    // The next step finds something amiss before it begins.
    let rule = "/apis/networking.istio.io/v1/namespaces/shop/destinationrules/web"
    #expect(await world.sandbox.respond(to: APIRequest("DELETE", rule)).status == 200)
    #expect(try world.run(.apply(steps: 2), id: "amiss").result.outcome == .failedClean)
    let store = InventoryStore(plan: "shop", namespace: "shop", in: InProcessTransport.cluster(world.sandbox))
    #expect(try await store.load()?.record?.status == .rested, "nobody has to look at anything")
    let back = try world.run(.rollback(steps: nil), id: "nothing") { $0.decisions.recreates = ["DestinationRule/web"] }
    #expect(back.result.outcome != .undone && back.result.failure == nil, "\(back.log.text)")
    #expect(await exists("/apis/apps/v1/namespaces/shop/deployments/web-1-0", in: world))
  }

  @Test("where somebody is about to write the first record, whoever would go on from it waits for them")
  func beforeTheFirstRecord() async throws {
    let world = try World(Self.shop(""))
    // Killed behind the lock, before the record.
    let killed = try world.run(.apply(steps: 1), budget: RequestBudget(writes: 2), id: "killed")
    #expect(await !exists("/api/v1/namespaces/shop/configmaps/rolloutc-shop", in: world), "\(killed.log.text)")
    #expect(await exists("/apis/coordination.k8s.io/v1/namespaces/shop/leases/rolloutc-shop", in: world))
    for goal: RunGoal in [.resume, .rollback(steps: nil)] {
      #expect(try world.run(goal, id: "early") { $0.waitForLock = .zero }.result.outcome == .locked)
    }
    await world.sandbox.advance(by: 100_000)
    #expect(try world.run(.resume, id: "late").result.outcome == .refused)
  }

  @Test("two runs that make the namespace at one moment make it once")
  func namespaceOfTwo() async throws {
    let world = try World(Self.shop(""))
    let sandbox = world.sandbox
    let body = try #require(
      world.itinerary.forward.flatMap(\.phases).flatMap(\.writes).first { $0.id.kind == "Namespace" }?.object)
    let hook = RequestHook { request in
      guard request.method == "PATCH", request.url.contains("/api/v1/namespaces/shop?") else { return }
      _ = await sandbox.respond(
        to: APIRequest(
          "PATCH", "/api/v1/namespaces/shop", query: ["fieldManager": "rolloutc"], body: body,
          contentType: "application/apply-patch+yaml"))
    }
    let outcome = try world.run(.apply(steps: 1), hook: hook)
    #expect(outcome.result.outcome == .done, "\(outcome.log.text)")
  }

  /// It sees neither the namespace itself nor what stands behind Services, and may not watch.
  @Test("rights in the namespace alone are enough, and what may not be seen is not waited for")
  func fewRights() async throws {
    let world = try World(Self.shop(""))
    let namespace: Value = ["kind": "Namespace", "metadata": ["name": "shop"]]
    _ = await world.sandbox.respond(to: APIRequest("POST", "/api/v1/namespaces", body: namespace))
    let existing = try World(
      Self.shop("").replacing("expose", with: "namespace shop existing\nexpose"), on: world.sandbox)
    let outcome = try existing.run(
      .apply(steps: 2),
      rights: MissingRights { request in
        request.url.hasSuffix("/api/v1/namespaces/shop") || request.url.contains("endpointslices")
          || request.url.contains("/pods") || request.url.contains("watch=")
      })
    #expect(outcome.result.outcome == .done, "\(outcome.log.text)")
    #expect(outcome.log.text.contains("there is no right to watch"))
    // The record is gone, and what stood must not be taken for nothing where it may not be read either.
    _ = await world.sandbox.respond(to: APIRequest("DELETE", "/api/v1/namespaces/shop/configmaps/rolloutc-shop"))
    let forgotten = try existing.run(
      .apply(steps: 2), id: "again", rights: MissingRights { $0.url.contains("/services/web") })
    #expect(forgotten.result.outcome == .refused, "\(forgotten.log.text)")
  }

  @Test("the lock of a run that died is waited for until that is sure")
  func locks() async throws {
    let world = try World(Self.shop(""))
    _ = try world.run(.apply(steps: 1), budget: RequestBudget(writes: 9), id: "killed")
    await world.sandbox.advance(by: 100_000)
    let resumed = try world.run(.resume, id: "resumed") { $0.waitForLock = .zero }
    #expect(resumed.result.outcome == .done, "\(resumed.result) \(resumed.log.text)")
    #expect(resumed.elapsed >= .seconds(30))
  }

  @Test("a Deployment that somebody deletes while it is waited for fails at once")
  func deletedWhileWaited() async throws {
    let world = try World(Self.shop(""))
    let sandbox = world.sandbox
    await sandbox.update { $0.setBehaviour(PodBehaviour(fate: .neverReady), of: "web-1-0", namespace: "shop") }
    let hook = RequestHook { request in
      // The first look at why it is late; what is watched is watched by then.
      guard request.label == "list", request.url.contains("/replicasets") else { return }
      _ = await sandbox.respond(to: APIRequest("DELETE", "/apis/apps/v1/namespaces/shop/deployments/web-1-0"))
    }
    let outcome = try world.run(.apply(steps: 1), hook: hook)
    #expect(outcome.result.failure?.diagnostic.code == .notReady, "\(outcome.log.text)")
    #expect(
      outcome.result.failure?.diagnostic.notes.contains { $0.contains("it was deleted while we waited") } == true,
      "\(outcome.log.text)")
    #expect(outcome.elapsed < .seconds(60))
  }

  @Test(
    "a StatefulSet of a manifest is waited for, and its step fails where it does not get ready",
    arguments: [false, true])
  func manifestWorkloads(isBroken: Bool) async throws {
    let cache: Value = [
      "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": ["name": "cache"],
      "spec": [
        "replicas": 1, "serviceName": "cache", "selector": ["matchLabels": ["app": "cache"]],
        "template": [
          "metadata": ["labels": ["app": "cache"]],
          "spec": ["containers": [["name": "cache", "image": "registry.example.com/cache:1"]]],
        ],
      ],
    ]
    let world = try World(Self.shop(""), extra: [cache])
    let sandbox = world.sandbox
    if isBroken {
      await sandbox.update { $0.setBehaviour(PodBehaviour(fate: .neverReady), of: "cache", namespace: "shop") }
    }
    let outcome = try world.run(.apply(steps: 1))
    #expect((outcome.result.outcome == .done) == !isBroken, "\(outcome.log.text)")
    if isBroken {
      #expect(outcome.result.failure?.diagnostic.code == .notReady, "\(outcome.log.text)")
      #expect(outcome.result.failure?.diagnostic.message.contains("StatefulSet/cache") == true, "\(outcome.log.text)")
    }
  }

  @Test(
    "who waits in vain is told what was in the way, and sees the log of what ended and of nothing else",
    arguments: [
      (.unschedulable, "Unschedulable", false), (.imagePullError, "ImagePullBackOff", false),
      (.neverReady, "DeadlineExceeded", false), (.crashLoop(exitCode: 3), "CrashLoopBackOff", true),
    ] as [(PodBehaviour.Fate, String, Bool)])
  func inVain(fate: PodBehaviour.Fate, reason: String, hasLog: Bool) async throws {
    // Only our own clock ends it.
    let patient = "patch deployment of web \"{spec: {progressDeadlineSeconds: 2147483647}}\""
    let world = try World(Self.shop(patient))
    await world.sandbox.update {
      $0.setBehaviour(PodBehaviour(fate: fate, log: "hello"), of: "web-1-0", namespace: "shop")
    }
    let outcome = try world.run(.apply(steps: 1))
    let diagnostic = try #require(outcome.result.failure?.diagnostic)
    #expect(diagnostic.code == .notReady)
    #expect(diagnostic.notes.first { $0.contains(reason) } != nil, "\(diagnostic)")
    #expect(diagnostic.notes.contains { $0.contains("hello") } == hasLog, "\(diagnostic)")
    #expect(
      reason == "DeadlineExceeded" || !diagnostic.notes.contains { $0.contains("DeadlineExceeded") }, "\(diagnostic)")
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
