import KubernetesModel
import Lowering
import MeshModel
import RolloutPlan
import Sandbox
import SandboxMesh
import TestSupport
import Testing

@Suite("The mesh over a sandbox") struct MeshFrontTests {
  private let counts = /Cats: \d+ \| Dogs: \d+/
  private let percent = /Cats: \d+\/\d+ \(\d+%\) \| Dogs: \d+\/\d+ \(\d+%\)/

  /// What five visitors see, one after the other.
  private func results(_ world: inout World, _ count: Int = 5, cookie: String? = nil) -> [String] {
    (0..<count).map { _ in
      let answer = world.get(cookie: cookie)
      #expect(answer.status == 200, "\(answer.body)\(answer.hops)")
      return (element("results", in: answer.body) ?? "none").filter { $0 != " " }
    }
  }

  @Test func theArticleAtADesk() throws {
    let plan = try plan("plans/aks-voting-as-written.rollout")
    let compiled = compile(plan)
    var world = World()
    world.prepare(plan)
    #expect(world.get().failure?.flag == nil)
    #expect(world.get().status == nil, "nothing listens before there is a Gateway")
    world.play(compiled.steps[0], settle: 0)
    #expect(Set(results(&world)) == ["Cats:0|Dogs:0"])
    for vote in ["Cats", "Dogs", "Dogs"] {
      #expect(world.request(MeshRequest("POST", body: "vote=" + vote)).status == 200)
    }
    #expect(Set(results(&world)) == ["Cats:1|Dogs:2"])

    world.play(compiled.steps[1], settle: 0)
    #expect(Set(results(&world, 20)) == ["Cats:1|Dogs:2", "Cats:1/3(33%)|Dogs:2/3(67%)"], "two views by turns")

    world.play(compiled.steps[2], settle: 0)
    #expect(Set(results(&world, 20)) == ["Cats:1/3(33%)|Dogs:2/3(67%)"])

    world.play(compiled.steps[3], settle: 0)
    let stable = world.get()
    #expect(element("footer", in: stable.body)?.contains("voting-app 1.0, store: redis") == true)
    #expect(stable.answeredBy?.version == "1.0")
    // The switch at the bottom of the page sets the cookie that leads to 2.0.
    let flag = world.get("/flag/on")
    #expect(flag.status == 303)
    #expect(flag.header("set-cookie") == "featureflag=on; path=/")
    let canary = world.get(cookie: "theme=dark; featureflag=on")
    #expect(element("footer", in: canary.body)?.contains("voting-app 2.0, store: mysql") == true)
    #expect(element("results", in: canary.body) == " Cats: 0/0 (0%) | Dogs: 0/0 (0%) ", "another database")
    #expect(canary.hops.map(\.callee?.version) == ["2.0", "2.0", "2.0"])
    #expect(canary.hops.map(\.host) == ["localhost", "voting-analytics", "voting-storage"])
    #expect(canary.hops.last?.port == 3306)
    #expect(canary.hops.map(\.decision.rule) == ["cookie-featureflag-on", "lane-voting-app-2.0", nil])

    world.play(compiled.steps[4], settle: 0)
    #expect(Set(results(&world)) == ["Cats:0/0(0%)|Dogs:0/0(0%)"])
    world.play(compiled.steps[5], settle: 0)
    #expect(Set(results(&world)) == ["Cats:0/0(0%)|Dogs:0/0(0%)"])
  }

  /// Votes in Redis live as long as its container, those in MySQL as long as their volume.
  @Test func dataLivesWhereItWould() throws {
    let plan = try plan("plans/aks-voting.rollout")
    let compiled = compile(plan)
    var world = World()
    world.prepare(plan)
    for step in compiled.steps.prefix(3) { world.play(step, settle: 0) }
    func restart(_ name: String) {
      for pod in world.cluster.store.all("pods", namespace: "voting") {
        guard let own = pod.at("metadata", "name")?.string, own.hasPrefix(name) else { continue }
        _ = world.cluster.respond(to: APIRequest("DELETE", "/api/v1/namespaces/voting/pods/" + own))
      }
      world.wait(for: [.ready([ReadyTarget(deployment: deployment(name), withinMilliseconds: nil)])], settle: 2_000)
    }
    _ = world.request(MeshRequest("POST", body: "vote=Cats"))
    _ = world.request(MeshRequest("POST", headers: [("cookie", "featureflag=on")], body: "vote=Dogs"))
    restart("voting-storage-1-0")
    restart("voting-storage-2-0")
    #expect(Set(results(&world)) == ["Cats:0/0(0%)|Dogs:0/0(0%)"])
    #expect(Set(results(&world, cookie: "featureflag=on")) == ["Cats:0/1(0%)|Dogs:1/1(100%)"])
  }

  private func deployment(_ name: String) -> ObjectID {
    ObjectID(group: "apps", kind: "Deployment", namespace: "voting", name: name)
  }

  /// A plan that is right loses no request, however late the proxies learn of it.
  @Test(arguments: ["plans/aks-voting.rollout", "plans/aks-voting-as-written.rollout", "plans/bookinfo.rollout"])
  func noRequestFails(_ path: String) throws {
    let plan = try plan(path)
    let compiled = compile(plan)
    var world = World(propagation: 0...2_000, seed: 7, standIns: edges(of: plan))
    world.prepare(plan)
    world.play(compiled.steps[0], settle: 2_500)
    var asked = 0
    let path = plan.exposures.first?.path ?? "/"
    for step in compiled.steps.dropFirst() {
      world.play(step, settle: 2_500) { world in
        for cookie in [nil, "featureflag=on"] {
          let answer = world.get(path, cookie: cookie)
          asked += 1
          #expect(answer.isServed, "\(step.folder): \(answer.body) \(answer.hops.filter { $0.failure != nil })")
        }
      }
    }
    #expect(asked > 500)
  }

  // MARK: - Wrong orders

  /// Writes of one step that a person makes in a wrong order, and the flags that visitors meet on the way.
  private func flags(
    _ step: Int, of path: String = "plans/aks-voting-as-written.rollout", cookie: String? = nil,
    order: (CompiledStep) -> [[Write]]
  ) throws -> [String: Int] {
    let plan = try plan(path)
    let compiled = compile(plan)
    var world = World(propagation: 0...500, seed: 3)
    world.prepare(plan)
    for step in compiled.steps.prefix(step) { world.play(step, settle: 600) }
    var seen: [String: Int] = [:]
    for writes in order(compiled.steps[step]) {
      for write in writes { world.write(write) }
      world.pass(3_000) { world in
        let answer = world.get(cookie: cookie)
        if answer.isServed { return }
        #expect(answer.status == 503)
        seen[answer.failure?.flag?.rawValue ?? "-", default: 0] += 1
      }
    }
    return seen
  }

  private func writes(_ step: CompiledStep, _ isWanted: (Write) -> Bool) -> [Write] {
    step.segments.flatMap(\.phases).flatMap(\.writes).filter(isWanted)
  }

  @Test func aRouteBeforeItsSubset() throws {
    let seen = try flags(2) { step in
      let routes = writes(step) { $0.id.kind == "VirtualService" }
      let rules = writes(step) { $0.id.kind == "DestinationRule" }
      return [routes, rules]
    }
    #expect(seen["NC"] ?? 0 > 30, "\(seen)")
    #expect(seen.count == 1, "\(seen)")
  }

  @Test func aCanaryBeforeItsPods() throws {
    let seen = try flags(3, cookie: "featureflag=on") { step in
      let pods = writes(step) { $0.id.kind == "Deployment" }
      let others = writes(step) { $0.id.kind != "Deployment" }
      return [others, pods]
    }
    #expect(seen["UH"] ?? 0 > 30, "\(seen)")
    #expect(seen.count == 1, "\(seen)")
  }

  @Test func aSubsetGoneBeforeItsRoute() throws {
    let seen = try flags(5) { step in
      let rules = writes(step) { $0.id.kind == "DestinationRule" }
      // The routes of the step before: they still name what has gone.
      return [rules.map { trimmed($0) }]
    }
    #expect(seen["NC"] ?? 0 > 30, "\(seen)")
    #expect(seen.count == 1, "\(seen)")
  }

  /// Loses every subset.
  private func trimmed(_ write: Write) -> Write {
    var write = write
    write.object = write.object?.mergePatched(by: ["spec": ["subsets": []]])
    return write
  }

  /// Strict servers, and a client that speaks plaintext by order.
  @Test func encryptionThatDoesNotMatch() throws {
    let plan = try plan("plans/aks-voting-as-written.rollout")
    let compiled = compile(plan)
    var world = World()
    world.prepare(plan)
    for step in compiled.steps.prefix(3) { world.play(step, settle: 0) }
    world.apply([
      "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
      "metadata": ["name": "voting-analytics", "namespace": "voting"],
      "spec": [
        "host": "voting-analytics.voting.svc.cluster.local", "trafficPolicy": ["tls": ["mode": "DISABLE"]],
        "subsets": [["name": "v1-1", "labels": ["app": "voting-analytics", "version": "1.1"]]],
      ],
    ])
    let answer = world.get()
    #expect(answer.status == 503)
    #expect(answer.failure?.flag == .upstreamConnectionTermination)
    // A client without a proxy gets no answer at all: its connection is reset.
    let plain = world.request(
      MeshRequest(
        from: .outsider(namespace: "default"),
        .http(HTTPRequest(host: "voting-app.voting.svc.cluster.local", port: 8080))))
    #expect(plain.status == nil)
    #expect(plain.failure != nil)
  }

  /// A pod from before the namespace's label has no sidecar, and strict peers refuse it.
  @Test func aPodFromBeforeTheLabel() throws {
    let plan = try plan("plans/aks-voting.rollout")
    let compiled = compile(plan)
    var world = World()
    world.prepare(plan)
    world.cluster.injectsSidecars = false
    world.play(compiled.steps[0], settle: 0)
    let answer = world.get()
    #expect(answer.status == 503)
    #expect(answer.failure?.flag == .upstreamConnectionFailure)
  }

  /// A crash is seen by proxies that do not know of it yet; they try another pod.
  @Test func aPodThatIsGone() throws {
    let plan = try plan("plans/aks-voting.rollout")
    var world = World(propagation: 5_000...5_000)
    world.prepare(plan)
    world.play(compile(plan).steps[0], settle: 5_500)
    for pod in world.cluster.store.all("pods", namespace: "voting") {
      guard let name = pod.at("metadata", "name")?.string, name.hasPrefix("voting-app") else { continue }
      _ = world.cluster.respond(
        to: APIRequest("DELETE", "/api/v1/namespaces/voting/pods/" + name, query: ["gracePeriodSeconds": "0"]))
      break
    }
    world.pass(1_000)
    let answers = (0..<30).map { _ in world.get() }
    #expect(answers.filter { !$0.isServed }.isEmpty)
    #expect(answers.contains { $0.hops.first?.retries == 1 }, "some came to the pod that is gone")
  }

  // MARK: - Against the model

  /// Without delay the front's hops are those of the model, asked directly.
  @Test func noDelayMeansTheModelItself() throws {
    for path in ["plans/aks-voting.rollout", "plans/aks-voting-as-written.rollout", "plans/bookinfo.rollout"] {
      let plan = try plan(path)
      var world = World(standIns: edges(of: plan))
      world.prepare(plan)
      let target = plan.exposures.first?.path ?? "/"
      var compared = 0
      for step in compile(plan).steps {
        world.play(step, settle: 100) { world in
          let objects = world.cluster.store.resources.filter { $0 != "deployments.apps" }
            .flatMap { world.cluster.store.all($0) }.filter { $0.at("metadata", "deletionTimestamp") == nil }
          let view = MeshView(parsing: objects)
          for headers in [[], [("cookie", "featureflag=on")], [("end-user", "jason")]] {
            let answer = world.request(MeshRequest(path: target, headers: headers))
            for hop in answer.hops {
              let client = client(of: hop.caller, world)
              let traffic: MeshModel.Traffic =
                hop.port == 80 || hop.port == 8080 || hop.port == 9080
                ? .http(
                  HTTPRequest(
                    host: hop.host, port: hop.port, path: hop.depth == 0 ? target : "/",
                    headers: headers.filter { hop.depth == 0 || $0.0 == "cookie" }))
                : .tcp(TCPConnection(host: hop.host, port: hop.port))
              let result = view.route(client, traffic)
              compared += 1
              #expect(result.decision == hop.decision)
              #expect(result.branches.contains { allows($0.outcome, hop) }, "\(result) allows no \(hop)")
            }
          }
        }
      }
      #expect(compared > 500)
    }
  }

  private func client(of party: MeshParty, _ world: World) -> Client {
    guard case .pod(let pod) = party else {
      return .gateway(labels: ["istio": "ingressgateway"], namespace: "istio-system")
    }
    let object = world.cluster.store.object("pods", pod.namespace, pod.name)
    var labels: [String: String] = [:]
    for entry in object?.at("metadata", "labels")?.fields?.entries ?? [] { labels[entry.key] = entry.value.string }
    return .sidecar(labels: labels, namespace: pod.namespace)
  }

  private func allows(_ outcome: Outcome, _ hop: MeshHop) -> Bool {
    switch outcome {
    case .destination(let destination):
      destination.endpoints.contains { $0.workload.name == hop.callee?.name } && destination.subset == hop.subset
    case .failure(let failure): hop.failure?.flag == failure.flag && hop.callee == nil
    case .redirect, .directResponse, .abort, .delegated, .passthrough: hop.callee == nil
    }
  }

  @Test func theSameSeedGivesTheSameDay() throws {
    let plan = try plan("plans/aks-voting-as-written.rollout")
    let compiled = compile(plan)
    func day(_ seed: UInt64) -> [[MeshHop]] {
      var world = World(propagation: 0...2_000, seed: seed)
      world.prepare(plan)
      var seen: [[MeshHop]] = []
      for step in compiled.steps.prefix(3) { world.play(step, settle: 500) { seen.append($0.get().hops) } }
      return seen
    }
    let first = day(1)
    #expect(first == day(1))
    #expect(first != day(2))
  }

  // MARK: - Stand-ins

  /// Of several stubs on a request's way the deepest answers; one that fails makes the whole request fail.
  @Test func stubs() throws {
    let plan = try plan("plans/aks-voting.rollout")
    func world(_ stubs: [(String, Stub.Reply)]) -> World {
      var standIns = StandIns()
      for (app, reply) in stubs {
        let base: any StandIn = app == "voting-app" ? VotingPage() : VotingAnalytics()
        standIns.byVersion[StandIns.Version(namespace: "voting", app: app, version: "1.0")] = Stub([reply], over: base)
      }
      var world = World(standIns: standIns)
      world.prepare(plan)
      world.play(compile(plan).steps[0], settle: 0)
      return world
    }
    var one = world([("voting-app", Stub.Reply(path: "/", body: "page"))])
    #expect(one.get().body == "page")
    #expect(one.get("/other").body.contains("Cats: 0"))
    var two = world([("voting-app", Stub.Reply(body: "page")), ("voting-analytics", Stub.Reply(body: "numbers"))])
    #expect(two.get().body == "numbers")
    #expect(two.get().hops.count == 3, "the stubs still call what they call")
    var bad = world([("voting-app", Stub.Reply(body: "page")), ("voting-analytics", Stub.Reply(status: 500))])
    #expect(bad.get().status == 503)
    #expect(!bad.get().isServed)
  }

  /// Without a stand-in of its own, a component calls the Services that its environment names.
  @Test func theDefaultStandInCallsItsEdges() throws {
    let plan = try plan("plans/bookinfo.rollout")
    var world = World(standIns: edges(of: plan))
    world.prepare(plan)
    for step in compile(plan).steps { world.play(step, settle: 0) }
    let answer = world.get(plan.exposures.first?.path ?? "/")
    #expect(answer.status == 200)
    #expect(answer.hops.count > 1, "\(answer.hops) \(answer.body)")
    let body = try parseJSON(Array(answer.body.utf8))
    #expect(body["app"]?.string == answer.answeredBy?.app)
  }

  // MARK: - Speed

  /// Figures for docs/benchmarks.md; not a gate, since machines differ.
  @Test(.enabled(if: isMeasuring, "ROLLOUTC_MEASURE is unset")) func requestsPerSecond() throws {
    let plan = try plan("plans/aks-voting.rollout")
    for propagation in [0...0, 0...2_000] {
      var world = World(propagation: propagation)
      world.prepare(plan)
      for step in compile(plan).steps.prefix(3) { world.play(step, settle: 2_500) }
      let requests = [MeshRequest(), MeshRequest(headers: [("cookie", "featureflag=on")])]
      let clock = ContinuousClock()
      var hops = 0
      let time = clock.measure {
        for i in 0..<100_000 { hops += world.request(requests[i % 2]).hops.count }
      }
      let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
      print(
        "mesh front, delays \(propagation): \(Int(100_000 / seconds)) requests/s, \(Int(Double(hops) / seconds)) hops/s"
      )
    }
  }
}
