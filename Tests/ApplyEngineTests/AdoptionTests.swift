import ClusterAPI
import Diagnostics
import KubernetesModel
import Rehearsal
import Sandbox
import Synchronization
import TestSupport
import Testing

@testable import ApplyEngine

/// A plan takes over the Service of an application that runs.
@Suite struct AdoptionTests {
  private static let services = "/api/v1/namespaces/shop/services"
  private static let deployments = "/apis/apps/v1/namespaces/shop/deployments"
  private static let takes: Set = ["Service/web:.spec.ports", "Service/web:.spec.selector"]

  /// The application: two pods, with labels of its own, whose port has no name.
  private static func application(_ world: World, labels: Value) async {
    func post(_ path: String, _ object: Value) async {
      let answer = await world.sandbox.respond(
        to: APIRequest("POST", path, query: ["fieldManager": "kubectl-expose"], body: object))
      #expect(answer.status == 201, "\(answer)")
    }
    await post("/api/v1/namespaces", ["kind": "Namespace", "metadata": ["name": "shop"]])
    await post(
      deployments,
      [
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "old"],
        "spec": [
          "replicas": 2, "selector": ["matchLabels": labels],
          "template": [
            "metadata": ["labels": labels],
            "spec": ["containers": [["name": "x", "image": "example.com/x:1", "ports": [["containerPort": 8080]]]]],
          ],
        ],
      ])
    await post(
      services,
      [
        "apiVersion": "v1", "kind": "Service", "metadata": ["name": "web"],
        "spec": ["selector": labels, "ports": [["name": "http", "port": 8080, "targetPort": 8080]]],
      ])
    await world.sandbox.advance(by: 60_000)
  }

  /// What the preflight says of a run that adopts the Service.
  private static func findings(_ world: World, taking takes: Set<String>) async -> [Diagnostic] {
    await Preflight(
      world.itinerary, legs: world.itinerary.forward, inventory: Inventory(plan: "shop"),
      decisions: WriteDecisions(takes: takes, adopts: ["Service/web"]),
      cluster: InProcessTransport.cluster(world.sandbox)
    ).findings()
  }

  /// The pods that requests to the Service come to: by the port that it has, and by the routes that there are.
  private static func served(_ sandbox: LiveCluster) async -> [String] {
    var cluster = await sandbox.snapshot
    func items(_ path: String) -> [Value] { cluster.respond(to: APIRequest("GET", path)).value?["items"]?.array ?? [] }
    let slices = items("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices").filter {
      $0.at("metadata", "labels", "kubernetes.io/service-name") == "web" && $0["ports"]?.array?.isEmpty == false
    }
    let names = slices.flatMap { $0["endpoints"]?.array ?? [] }.filter { $0.at("conditions", "ready") != false }
      .compactMap { $0.at("targetRef", "name")?.string }
    let isRouted = !items("/apis/networking.istio.io/v1/namespaces/shop/virtualservices").isEmpty
    return isRouted ? names.filter { $0.hasPrefix("web-1-0-") } : names
  }

  /// Which pods were served by at each request of a run.
  private final class Watch: Sendable {
    private let all = Mutex<[[String]]>([])
    var seen: [[String]] { all.withLock { $0 } }
    func hook(_ sandbox: LiveCluster) -> RequestHook {
      RequestHook { _ in
        let names = await AdoptionTests.served(sandbox)
        self.all.withLock { $0.append(names) }
      }
    }
  }

  private static func shop() throws -> World { try World(RealClusterTests.shop("shop", existing: true)) }

  private static func adopting(_ options: inout RunOptions) {
    options.decisions.adopts = ["Service/web"]
    options.decisions.takes = takes
  }

  @Test(
    "who is served by a Service that is taken over goes on to be, until the plan's own pods are ready",
    arguments: [
      ["app": "web"], ["app.kubernetes.io/name": "web"],
    ] as [Value])
  func takenOver(labels: Value) async throws {
    let world = try Self.shop()
    await Self.application(world, labels: labels)
    let watch = Watch()
    let outcome = try world.run(.apply(steps: 1), hook: watch.hook(world.sandbox)) { Self.adopting(&$0) }
    #expect(outcome.result.outcome == .done, "\(outcome.log.text)")
    #expect(watch.seen.first?.allSatisfy { $0.hasPrefix("old-") } == true)
    #expect(watch.seen.allSatisfy { !$0.isEmpty }, "\(watch.seen)")
    let served = await Self.served(world.sandbox)
    #expect(!served.isEmpty && served.allSatisfy { $0.hasPrefix("web-1-0-") }, "\(served)")
    // Everything is the plan's, as after any run.
    #expect(try world.run(.apply(steps: 1), id: "again").result.outcome == .unchanged)
    #expect(try world.run(.apply(steps: 2), id: "on").result.outcome == .done)
  }

  @Test("a Service whose plan's pods never get ready is never taken over, and the way back leaves it")
  func neverReady() async throws {
    let world = try Self.shop()
    await Self.application(world, labels: ["app": "web"])
    let before = await world.sandbox.respond(to: APIRequest("GET", "\(Self.services)/web")).value
    await world.sandbox.update { $0.setBehaviour(PodBehaviour(fate: .neverReady), of: "web-1-0", namespace: "shop") }
    let watch = Watch()
    let outcome = try world.run(.apply(steps: 1), hook: watch.hook(world.sandbox)) { Self.adopting(&$0) }
    #expect(outcome.result.outcome == .rolledBack, "\(outcome.log.text)")
    #expect(watch.seen.allSatisfy { names in names.count == 2 && names.allSatisfy { $0.hasPrefix("old-") } })
    #expect(await world.sandbox.respond(to: APIRequest("GET", "\(Self.services)/web")).value == before)
    #expect(await Self.served(world.sandbox).count == 2)
  }

  @Test("a failure block does not lead to the plan's pods behind a Service that does not")
  func failureBlock() async throws {
    let world = try World(
      RealClusterTests.shop("shop", existing: true).replacing(
        "  deploy web 1.0\n",
        with: "  deploy web 1.0\n  on failure {\n    deploy web 2.0\n    route web all -> 2.0\n  }\n"))
    await Self.application(world, labels: ["app": "old"])
    await world.sandbox.update { $0.setBehaviour(PodBehaviour(fate: .neverReady), of: "web-1-0", namespace: "shop") }
    let watch = Watch()
    let outcome = try world.run(.apply(steps: 1), hook: watch.hook(world.sandbox)) { Self.adopting(&$0) }
    #expect(outcome.result.outcome == .held, "\(outcome.log.text)")
    #expect(outcome.result.further?.diagnostic.message.contains("does not lead to yet") == true, "\(outcome.log.text)")
    #expect(watch.seen.allSatisfy { $0.count == 2 }, "\(watch.seen)")
  }

  /// Its new pods have not all the labels by which the old Service finds them, and the plan's finds both.
  @Test("where the pods of a Deployment are replaced where they stand, the Service of the plan comes first")
  func deploymentTakenOver() async throws {
    let world = try Self.shop()
    let own: Value = ["app": "web", "version": "1.0"]
    let labels: Value = ["app": "web", "version": "1.0", "tier": "front"]
    func post(_ path: String, _ object: Value) async {
      let answer = await world.sandbox.respond(
        to: APIRequest("POST", path, query: ["fieldManager": "kubectl-client-side-apply"], body: object))
      #expect(answer.status == 201, "\(answer)")
    }
    await post("/api/v1/namespaces", ["kind": "Namespace", "metadata": ["name": "shop"]])
    await post(
      Self.deployments,
      [
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "web-1-0"],
        "spec": [
          "replicas": 1, "selector": ["matchLabels": own],
          "template": [
            "metadata": ["labels": labels],
            "spec": [
              "containers": [
                ["name": "web", "image": "example.com/x:1", "ports": [["name": "http", "containerPort": 8080]]]
              ]
            ],
          ],
        ],
      ])
    await post(
      Self.services,
      [
        "apiVersion": "v1", "kind": "Service", "metadata": ["name": "web"],
        "spec": [
          "selector": ["app": "web", "tier": "front"], "ports": [["name": "http", "port": 8080, "targetPort": 8080]],
        ],
      ])
    await world.sandbox.advance(by: 60_000)
    let watch = Watch()
    let outcome = try world.run(.apply(steps: 1), hook: watch.hook(world.sandbox)) {
      $0.decisions.adopts = ["Service/web", "Deployment/web-1-0"]
    }
    #expect(outcome.result.outcome == .done, "\(outcome.log.text)")
    #expect(watch.seen.allSatisfy { !$0.isEmpty }, "\(watch.seen)")
  }

  /// What was left before is known by the run that goes on, wherever the first one ended.
  @Test("a run that takes a Service over may be killed anywhere, and nobody is dropped", arguments: 3..<24)
  func killed(afterWrites writes: Int) async throws {
    let world = try Self.shop()
    await Self.application(world, labels: ["app": "web"])
    let watch = Watch()
    let hook = watch.hook(world.sandbox)
    _ = try world.run(.apply(steps: 1), budget: RequestBudget(writes: writes), id: "killed", hook: hook) {
      Self.adopting(&$0)
    }
    await world.sandbox.advance(by: 100_000)
    // What is owed is shown by no plan, so that there is none.
    let planner = Planner(
      world.itinerary, decisions: WriteDecisions(adopts: ["Service/web"]),
      cluster: InProcessTransport.cluster(world.sandbox))
    let memory = await planner.remembered(for: .apply(steps: 1))
    if case .success(let memory) = memory, memory.record.progress.phase > 0, memory.record.progress.leg == 0 {
      #expect(
        memory.inventory[ObjectID(group: "", kind: "Service", namespace: "shop", name: "web")]?.outcome == .applied)
    }
    if case .failure(let error) = memory {
      #expect(error.diagnostic.message == "a run is about to take over `Service/web`", "\(error.diagnostic)")
    }
    let resumed = try world.run(.apply(steps: 1), id: "resumed", hook: hook) { Self.adopting(&$0) }
    #expect([.done, .unchanged].contains(resumed.result.outcome), "\(resumed.log.text)")
    #expect(watch.seen.allSatisfy { !$0.isEmpty }, "\(watch.seen)")
    let served = await Self.served(world.sandbox)
    #expect(!served.isEmpty && served.allSatisfy { $0.hasPrefix("web-1-0-") }, "\(served)")
    #expect(try world.run(.apply(steps: 1), id: "again").result.outcome == .unchanged)
  }

  private static let labelled: Value = [
    "apiVersion": "v1", "kind": "Service",
    "metadata": ["name": "web", "namespace": "shop", "labels": ["team": "front", "tier": "shop"]],
    "spec": [
      "selector": ["app": "web"],
      "ports": [["name": "a", "port": 8080, "targetPort": 8080], ["name": "b", "port": 9]],
    ],
  ]

  private func plan(_ world: World) async throws -> LivePlan {
    let planner = Planner(
      world.itinerary, decisions: WriteDecisions(adopts: ["Service/web"]),
      cluster: InProcessTransport.cluster(world.sandbox))
    return await planner.plan(try await planner.remembered(for: .apply(steps: 1)).get())
  }

  @Test("what goes with an adoption is shown before: fields that client-side apply alone holds, and no others")
  func handedOver() async throws {
    let world = try Self.shop()
    await Self.application(world, labels: ["app": "web"])
    _ = await world.sandbox.respond(to: APIRequest("DELETE", "\(Self.services)/web"))
    func respond(_ method: String, _ path: String, _ manager: String, _ body: Value, _ type: String? = nil) async {
      let answer = await world.sandbox.respond(
        to: APIRequest(
          method, path, query: ["fieldManager": manager], body: body,
          contentType: type ?? (method == "POST" ? "application/json" : "application/merge-patch+json")))
      #expect((200...201).contains(answer.status), "\(answer)")
    }
    let lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
    await respond(
      "POST", Self.services, "kubectl-client-side-apply",
      Self.labelled.mergePatched(by: [
        "metadata": ["annotations": .object([lastApplied: .string(jsonText(Self.labelled))])]
      ]))
    await respond("PATCH", "\(Self.services)/web", "helm", ["metadata": ["labels": ["kept": "yes"]]])
    await respond(
      "PATCH", "\(Self.services)/web", "staff",
      ["apiVersion": "v1", "kind": "Service", "metadata": ["name": "web", "labels": ["tier": "shop"]]],
      "application/apply-patch+yaml")
    let plan = try await plan(world)
    #expect(plan.problems.isEmpty, "\(plan.problems)")
    let shown = try #require(plan.changes.first { $0.id.kind == "Service" }).fields
    let gone = shown.filter { $0.new == nil }.map(\.path)
    #expect(
      gone.contains("metadata.labels.team") && gone.contains { $0.hasPrefix("spec.ports[name=\"b\"]") }, "\(gone)")
    let before = await world.sandbox.respond(to: APIRequest("GET", "\(Self.services)/web")).value ?? .null
    let outcome = try world.run(.apply(steps: 1)) { $0.decisions.adopts = ["Service/web"] }
    #expect(outcome.result.outcome == .done, "\(outcome.log.text)")
    let after = await world.sandbox.respond(to: APIRequest("GET", "\(Self.services)/web")).value ?? .null
    #expect(after.at("metadata", "labels", "tier") == "shop" && after.at("metadata", "labels", "kept") == "yes")
    let done = fieldChanges(from: content(before), to: content(after)).filter { $0.new == nil }.map(\.path)
    #expect(done.filter { !$0.hasSuffix(lastApplied) } == gone)
  }

  @Test("a headless Service stays what it is, and is refused before the first write")
  func headless() async throws {
    let world = try Self.shop()
    await Self.application(world, labels: ["app": "web"])
    _ = await world.sandbox.respond(to: APIRequest("DELETE", "\(Self.services)/web"))
    let made = await world.sandbox.respond(
      to: APIRequest(
        "POST", Self.services, query: ["fieldManager": "kubectl-create"],
        body: [
          "apiVersion": "v1", "kind": "Service", "metadata": ["name": "web"],
          "spec": ["clusterIP": "None", "selector": ["app": "web"], "ports": [["name": "http", "port": 8080]]],
        ]))
    #expect(made.status == 201, "\(made)")
    let found = await Self.findings(world, taking: Self.takes).filter { $0.code == .notOurs }
    #expect(found.map(\.severity) == [.error] && found[0].message.contains("headless"), "\(found)")
  }

  @Test("what `kubectl apply --server-side` holds is told before the first write, and taken by name")
  func serverSide() async throws {
    let world = try Self.shop()
    await Self.application(world, labels: ["app": "web"])
    _ = await world.sandbox.respond(to: APIRequest("DELETE", "\(Self.services)/web"))
    let made = await world.sandbox.respond(
      to: APIRequest(
        "PATCH", "\(Self.services)/web", query: ["fieldManager": "kubectl"], body: Self.labelled,
        contentType: "application/apply-patch+yaml"))
    #expect(made.status == 201, "\(made)")
    #expect(try await plan(world).problems.map(\.code) == [.fieldConflict])
    func findings(_ takes: Set<String>) async -> [Code] {
      await Self.findings(world, taking: takes).map(\.code).filter { $0 == .fieldConflict }
    }
    #expect(await findings([]) == [.fieldConflict])
    // A field is named with all that is in it, and not by the beginning of its name.
    #expect(await findings(["Service/web:.spec.port", "Service/web:."]) == [.fieldConflict])
    #expect(await findings(["Service/web:.spec.ports"]).isEmpty)
    let outcome = try world.run(.apply(steps: 1)) { Self.adopting(&$0) }
    #expect(outcome.result.outcome == .done, "\(outcome.log.text)")
  }
}
