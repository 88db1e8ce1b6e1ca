import ApplyEngine
import Diagnostics
import KubernetesModel
import Lowering
import Rehearsal
import RolloutPlan
import Sandbox
import TestSupport
import Testing

@Suite struct RehearsalTests {
  private func plan(_ text: String) throws -> Plan {
    let resolution = resolve(path: "plan.rollout", bytes: Array(text.utf8))
    return try #require(resolution.checked, "\(resolution.diagnostics)")
  }

  private func text(_ name: String) throws -> String {
    String(decoding: try #require(Goldens.bytes("plans/\(name).rollout")), as: UTF8.self)
  }

  private func rehearsed(
    _ itinerary: Itinerary, _ script: RehearsalScript? = nil, seed: UInt64 = 1
  ) throws -> RehearsalResult {
    var options = RehearsalOptions()
    options.seed = seed
    let rehearsal = Rehearsal(itinerary, script: script, options: options)
    return try #require(rehearsal.run(.apply(steps: itinerary.stepCount), in: rehearsal.freshCluster()))
  }

  @Test("in every rehearsal of the plans all goes as their blocks say, and no request fails", arguments: [1, 2, 3])
  func plans(seed: UInt64) throws {
    for name in ["aks-voting", "aks-voting-as-written", "bookinfo"] {
      let plan = try plan(text(name))
      let itinerary = Itinerary(plan, compile(plan))
      for script in plan.rehearsals.isEmpty ? [nil] : plan.rehearsals.map({ $0 }) {
        let result = try rehearsed(itinerary, script, seed: seed)
        #expect(result.unmet.isEmpty, "\(name): \(result.unmet)")
        #expect(result.traffic.failed == 0, "\(name): \(result.traffic.failures.first.map { "\($0)" } ?? "")")
        #expect(result.traffic.requests > 200)
        if script == nil { #expect(result.result.outcome == .done) }
      }
    }
  }

  private static let shop = """
    plan shop
    language 1
    expose web on port 80 hosts a.example.com
    component web {
      image registry.example.com/web
      port 8080 http
      version 1.0
    }
    component queue {
      image registry.example.com/queue
      port 1883 tcp
      version 1.0
    }
    step "All" {
      deploy web 1.0
      deploy queue 1.0
    }

    """

  @Test("a gate asks the entries that speak HTTP, and an entry for connections not")
  func connections() throws {
    let plan = try plan(Self.shop + "expose queue on port 1883\n")
    let result = try rehearsed(Itinerary(plan, compile(plan)))
    #expect(result.result.outcome == .done, "\(result.result)")
    #expect(result.traffic.failed == 0)
  }

  @Test(
    "a gateway of somebody else is there, in its own namespace or in the plan's, also in one that the plan makes",
    arguments: [("istio-ingress/public", false), ("istio-system/public", false), ("public", true), ("public", false)])
  func gatewaysOfOthers(gateway: String, exists: Bool) throws {
    var text = Self.shop.replacing("hosts a.example.com", with: "hosts a.example.com through gateway \(gateway)")
    if exists { text.replace("language 1\n", with: "language 1\nnamespace shared existing\n") }
    let again = "step \"Away\" {\n  rollback to start\n}\nstep \"Again\" {\n  deploy web 1.0\n}\n"
    for text in [text, text + again] {
      let plan = try plan(text)
      let result = try rehearsed(Itinerary(plan, compile(plan)))
      #expect(result.result.outcome == .done, "\(gateway): \(result.result)")
      #expect(result.traffic.failed == 0 && result.traffic.requests > 0)
      #expect(plan.steps.count == 1 || result.traffic.served.keys.contains { $0.step == 2 })
    }
  }

  @Test("without releases a caller dials the ports that are there whenever it calls")
  func portsThatMove() throws {
    let plan = try plan(
      """
      plan shop
      language 1
      mesh istio
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        calls api
        version 1.0, 2.0
      }
      component api {
        image registry.example.com/api
        version 1.0 {
          port 8080 http
        }
        version 2.0 {
          port 80 http target 8080
        }
      }
      step "All" {
        deploy web 1.0
        deploy api 1.0
      }
      step "Both" {
        deploy web 2.0
        deploy api 2.0
        route web all -> 2.0
        route api all -> 2.0
      }
      """)
    let result = try rehearsed(Itinerary(plan, compile(plan)))
    #expect(result.result.outcome == .done, "\(result.result)")
    #expect(result.traffic.failed == 0 && result.traffic.requests > 0)
  }

  @Test("who listens on another port than its Service is asked there, each version where it does")
  func targets() throws {
    let plan = try plan(
      """
      plan shop
      language 1
      mesh istio mtls strict
      expose web on port 80
      cookie flag is flag = on
      component web {
        image registry.example.com/web
        calls api, store
        env API = url of api
        version 1.0 {
          port 80 http
        }
        version 2.0 {
          port 80 http target 8080
        }
      }
      component api {
        image registry.example.com/api
        port 80 http target 9090
        version 1.0
        version 2.0 {
          port 80 http target 3000
        }
      }
      component store {
        image registry.example.com/store
        port 5432 tcp target 15432
        version 1.0
      }
      probe page is GET /
      step "All" {
        deploy store 1.0
        deploy api 1.0
        deploy web 1.0
        verify page status 200
      }
      step "Canary" {
        deploy api 2.0
        deploy web 2.0
        route api 50% -> 2.0
        route web cookie flag -> 2.0
        verify page status 200 as cookie flag
      }
      step "Rest" {
        route api all -> 2.0
        route web all -> 2.0
        retire api 1.0
        retire web 1.0
        verify page status 200
      }
      """)
    let itinerary = Itinerary(plan, compile(plan))
    let result = try rehearsed(itinerary)
    #expect(result.result.outcome == .done, "\(result.result)")
    #expect(result.traffic.failed == 0, "\(result.traffic.failures.first.map { "\($0)" } ?? "")")
    let served = Set(result.traffic.served.keys.map(\.servedBy))
    for version in ["web 1.0", "web 2.0", "api 1.0", "api 2.0", "store 1.0"] {
      #expect(served.contains { $0.contains(version) }, "\(version): \(served)")
    }
  }

  private static let page = """
    plan s
    language 1
    expose web on port 80
    component web {
      image registry.example.com/web
      port 8080 http
      calls auth
      version 1.0
    }
    component auth {
      image registry.example.com/auth
      port 8080 http
      calls web
      version 1.0
    }
    probe results is text of "#results" in GET /
    step "One" {
      deploy auth 1.0
      deploy web 1.0
      verify results contains "Cats: 1"
    }
    rehearsal "All is well" {
      stub web 1.0 answers results ANSWER
      expect done
    }
    """

  @Test(
    "a stub of a probe of an element is its text, or a page; programs may call each other",
    arguments: ["Cats: 1 | Dogs: 2", "<p id=results>Cats: 1</p>"])
  func textsOfElements(answer: String) throws {
    let plan = try plan(Self.page.replacing("ANSWER", with: "\"\(answer)\""))
    let result = try rehearsed(Itinerary(plan, compile(plan)), plan.rehearsals.first)
    #expect(result.unmet.isEmpty && result.traffic.failed == 0, "\(result.unmet)")
    #expect(result.traffic.requests > 0)
  }

  private static func metered(_ metric: String, _ rest: String = "") -> String {
    """
    plan shop
    language 1
    expose web on port 80
    component web {
      image registry.example.com/web
      port 8080 http
      version 1, 10
    }
    probe home is GET /
    metric good is \(metric)
    on failure rollback
    step "One" {
      deploy web 1
    }
    step "Two" {
      deploy web 10
      shift web -> 10 through 1%, 100% every 10s while good
      retire web 1
    }
    \(rest)

    """
  }

  @Test("a level without a reading is no success, and a small share has one all the same")
  func levelsAreMeasured() throws {
    func rehearsed(_ text: String) throws -> RehearsalResult {
      let plan = try plan(text)
      return try self.rehearsed(Itinerary(plan, compile(plan)), plan.rehearsals.first)
    }
    let rate = try rehearsed(Self.metered("istio success-rate at least 99%"))
    #expect(rate.result.outcome == .done, "\(rate.result)")
    let latency = Self.metered("istio p99-latency below 1s")
    let blind = try rehearsed(latency)
    #expect(blind.result.outcome == .rolledBack && blind.result.failure?.diagnostic.code == .metricUnreadable)
    #expect(blind.result.failure?.diagnostic.notes.first?.contains("`stub good is 500ms`") == true, "\(blind.result)")
    let stubbed = try rehearsed(latency + "rehearsal \"quick\" {\n  stub good is 20ms\n}\n")
    #expect(stubbed.result.outcome == .done && stubbed.unmet.isEmpty, "\(stubbed.result)")
  }

  @Test("requests that fail only by a stub's word are counted apart, and the metrics see them")
  func failedAsStubbed() throws {
    let text = Self.metered(
      "istio success-rate at least 99%",
      "rehearsal \"10 is broken\" {\n  stub web 10 answers status 503\n  expect fails at \"Two\"\n  expect web 1 serves all\n}"
    )
    let plan = try plan(text.replacing("through 1%, 100%", with: "through 20%, 100%"))
    let result = try rehearsed(Itinerary(plan, compile(plan)), plan.rehearsals.first)
    #expect(result.unmet.isEmpty, "\(result.unmet)")
    #expect(result.traffic.failed == 0 && result.traffic.failedAsStubbed > 0, "\(result.traffic.failures)")
  }

  @Test("a visitor whom the plan leads somewhere, and who is never served, is told of")
  func neverServed() throws {
    let plan = try plan(
      Self.shop.replacing(
        "component queue",
        with: "patch route of web \"{spec: {http: [{directResponse: {status: 503}}]}}\"\ncomponent queue"))
    let result = try rehearsed(Itinerary(plan, compile(plan)))
    // The gate of the entry fails first where nobody answers well; what matters is that it is no success.
    #expect(!result.unmet.isEmpty || result.result.outcome != .done, "\(result.result)")
    let away = try self.plan(Self.shop + "step \"Away\" {\n  rollback to start\n}\n")
    let gone = try rehearsed(Itinerary(away, compile(away)))
    #expect(
      gone.result.outcome == .done && gone.traffic.failed == 0, "\(gone.result) \(gone.traffic.failures.first as Any)")
  }

  @Test("objects of kinds that the sandbox does not know are kept")
  func unknownKinds() throws {
    var plan = try plan(Self.shop)
    let objects: [Value] = [
      [
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": ["name": "a"],
        "spec": ["minAvailable": 1],
      ],
      ["apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": ["name": "a"], "spec": [:]],
      ["apiVersion": "v1", "kind": "ResourceQuota", "metadata": ["name": "a"], "spec": ["hard": ["pods": "30"]]],
      ["apiVersion": "example.com/v1alpha1", "kind": "Anything", "metadata": ["name": "a"]],
    ]
    plan.manifests = [Manifest(path: "more.yaml", objects: objects, range: plan.nameRange)]
    let result = try rehearsed(Itinerary(plan, compile(plan)))
    #expect(result.result.outcome == .done, "\(result.result)")
  }

  @Test("a failure block that takes everything away owes nobody an answer, as a rollback does")
  func blocksThatClear() throws {
    for failure in ["on failure rollback\n", "on failure {\n  rollback\n}\n"] {
      let plan = try plan(
        Self.shop.replacing("step \"All\" {", with: "probe home is GET /\n" + failure + "step \"All\" {")
          .replacing("deploy queue 1.0\n", with: "deploy queue 1.0\n  verify home status 200\n"))
      let storm = Chaos(Itinerary(plan, compile(plan)), options: RehearsalOptions()).run()
      #expect(storm.faults.isEmpty, "\(failure) \(storm.faults)")
    }
  }

  @Test("the same seed shows the same rehearsal, event for event, and another one another")
  func deterministic() throws {
    let plan = try plan(text("bookinfo"))
    let itinerary = Itinerary(plan, compile(plan))
    func story(_ seed: UInt64) throws -> ([String], RehearsalTraffic) {
      let result = try rehearsed(itinerary, plan.rehearsals.first, seed: seed)
      return (result.events.map { "\($0.moment) \($0.event)" }, result.traffic)
    }
    let (first, second, other) = (try story(7), try story(7), try story(8))
    #expect(first.0 == second.0)
    #expect(first.1 == second.1)
    #expect(first.1 != other.1)
  }

  /// Puts the phase of `kind` of a step in front of that of `other`.
  private func misordered(_ compiled: Compiled, step: Int, _ kind: PhaseKind, before other: PhaseKind) throws
    -> Compiled
  {
    var compiled = compiled
    var segment = compiled.steps[step].segments[0]
    let from = try #require(segment.phases.firstIndex { $0.kind == kind })
    let to = try #require(segment.phases.firstIndex { $0.kind == other })
    segment.phases.insert(segment.phases.remove(at: from), at: to)
    segment.stages.insert(segment.stages.remove(at: from), at: to)
    compiled.steps[step].segments[0] = segment
    return compiled
  }

  @Test("the three faults of the hand-made order hurt the very visitors that the checker names")
  func wrongOrders() throws {
    let plan = try plan(text("aks-voting"))
    let compiled = compile(plan)
    let flagged = "visitors with cookie `featureflag=on`"
    // The cookie's route before the pods that it leads to.
    let early = try rehearsed(
      Itinerary(plan, try misordered(compiled, step: 2, .switchEntry, before: .startWorkloads)))
    #expect(early.traffic.failed > 0)
    #expect(early.traffic.failures.first?.visitor == flagged && early.traffic.failures.first?.flag == "UH")
    // Lanes that name a subset before its DestinationRule has it. The new analytics takes over the lane at once.
    let unnamed = try rehearsed(
      Itinerary(plan, try misordered(compiled, step: 1, .switchInner, before: .widenSubsets)))
    #expect(unnamed.traffic.failures.first?.flag == "NC", "\(unnamed.traffic.failures)")
    // Subsets cut off while the entry still names them.
    var hasty = compiled
    let place = try #require(hasty.steps[3].segments[1].phases.firstIndex { $0.kind == .narrowSubsets })
    hasty.steps[3].segments[0].phases.insert(hasty.steps[3].segments[1].phases.remove(at: place), at: 0)
    hasty.steps[3].segments[0].stages.insert(hasty.steps[3].segments[1].stages.remove(at: place), at: 0)
    let cut = try rehearsed(Itinerary(plan, hasty))
    #expect(cut.traffic.failures.first?.flag == "NC" && cut.traffic.failures.first?.visitor == "everybody else")
  }

  private let hello = """
    plan hello
    language 1
    expose web on port 80
    component web {
      image registry.example.com/web
      port 8080 http
      version 1.0, 2.0
    }
    probe home is GET /
    on failure rollback
    step "Deploy 1.0" {
      deploy web 1.0
      verify home status 200
    }
    step "2.0 for all" {
      deploy web 2.0
      route web all -> 2.0
      approve
      retire web 1.0
    }

    """

  @Test(
    "stubs and expectations: what is not met is said",
    arguments: [
      ("stub web 2.0 never ready\n  expect fails at \"2.0 for all\"\n  expect web 1.0 serves all", true),
      ("stub web 2.0 never ready\n  expect done", false),
      ("stub approve no\n  expect fails at \"2.0 for all\"", true),
      ("stub approve no\n  expect web 2.0 serves all", false),
      ("stub web 1.0 answers home \"hi\"\n  expect done", true),
      ("stub web 1.0 answers status 404\n  expect fails at \"Deploy 1.0\"", true),
      // Whatever the order of the lines.
      ("stub web 1.0 answers home \"hi\"\n  stub web 1.0 answers status 503\n  expect fails at \"Deploy 1.0\"", true),
      ("stub web 1.0 answers status 503\n  stub web 1.0 answers home \"hi\"\n  expect fails at \"Deploy 1.0\"", true),
      ("expect fails at \"Deploy 1.0\"", false),
      ("expect web 2.0 serves all\n  expect done", true),
    ])
  func scripts(_ lines: String, isMet: Bool) throws {
    let plan = try plan(hello + "rehearsal \"r\" {\n  \(lines)\n}\n")
    let result = try rehearsed(Itinerary(plan, compile(plan)), plan.rehearsals.first)
    #expect(result.unmet.isEmpty == isMet, "\(result.unmet)")
    #expect(result.unmet.allSatisfy { $0.code == .unmetExpectation })
  }

  @Test("who serves is asked of those ways in that lead there")
  func expectationsOfSeveralEntries() throws {
    let text =
      hello.replacing("component web {", with: "expose docs on port 80 path /docs\ncomponent web {")
      .replacing(
        "probe home is GET /",
        with: "component docs {\n  image d\n  port 8080 http\n  version 1.0\n}\nprobe home is GET / on web"
      )
      .replacing("  deploy web 1.0\n", with: "  deploy web 1.0\n  deploy docs 1.0\n")
    for (version, isMet) in [("web 2.0", true), ("docs 1.0", true), ("web 1.0", false)] {
      let plan = try plan(text + "rehearsal \"r\" {\n  expect \(version) serves all\n}\n")
      let result = try rehearsed(Itinerary(plan, compile(plan)), plan.rehearsals.first)
      #expect(result.unmet.isEmpty == isMet, "\(version): \(result.unmet)")
    }
  }

  @Test("chaos: killed at every write, refused, failing: each ends where the plan says, and nobody meets an error")
  func chaos() throws {
    let plan = try plan(hello)
    let report = Chaos(Itinerary(plan, compile(plan)), options: RehearsalOptions()).run()
    #expect(report.faults.isEmpty, "\(report.faults)")
    #expect(report.failedRequests == 0)
    #expect(
      Set(report.runs.map(\.kind.rawValue)) == [
        "killed and resumed", "a verify fails", "an approval is refused", "a version never gets ready",
      ])
    #expect(report.count > 80)
  }

  @Test("chaos with a broken way back says so")
  func chaosFindsFaults() throws {
    let plan = try plan(hello)
    let compiled = try misordered(compile(plan), step: 1, .switchEntry, before: .startWorkloads)
    let report = Chaos(Itinerary(plan, compiled), options: RehearsalOptions()).run()
    // The gateway never answers by the new routes, so even the run without faults does not come through.
    #expect(report.faults.map(\.name) == ["a run without faults"], "\(report.faults)")
  }

  private func storm(_ text: String) throws -> Chaos.Report {
    let plan = try plan(text)
    return Chaos(Itinerary(plan, compile(plan)), options: RehearsalOptions()).run()
  }

  @Test("chaos: whom a step takes away on purpose, is owed nothing by a run that goes on in its middle either")
  func chaosOfAStepThatTakesAway() throws {
    let away = """
      step "Away" {
        rollback to start
      }

      """
    let again = """
      step "Again" {
        deploy web 1.0
      }

      """
    // And where the way back from what came after leads there.
    let refused = again.replacing("deploy web 1.0\n", with: "deploy web 1.0\n  approve \"Is it good?\"\n")
    for text in [
      Self.shop + away, Self.shop + away + again, Self.shop + "on failure rollback\n" + away + refused,
    ] {
      let report = try storm(text)
      #expect(report.faults.isEmpty, "\(report.faults)")
      #expect(report.failedRequests == 0)
    }
  }

  @Test("chaos: each verify and each question fails by itself, also one that expects an error")
  func chaosOfEachObservation() throws {
    let text = """
      plan hello
      language 1
      on failure rollback
      expose web on port 80
      patch route of web "{spec: {http: [{name: broken, match: [{uri: {exact: /broken}}], directResponse: {status: 500}}, \
      {route: [{destination: {host: web}}]}]}}"
      component web {
        image registry.example.com/web
        port 8080 http
        version 1.0
      }
      probe broken is GET /broken
      probe home is GET /
      metric good is istio success-rate of web at least 99%
      step "Deploy 1.0" {
        deploy web 1.0
        verify home status 200
        pause "Look"
        verify broken status 500
        verify home status 200
        approve "Is it good?"
        pause 1m
        pause
        approve "Really?"
        verify good for 1m
      }

      """
    let report = try storm(text.replacing("\\\n", with: ""))
    #expect(report.faults.isEmpty, "\(report.faults)")
    let counts = Dictionary(uniqueKeysWithValues: report.runs.map { ($0.kind.rawValue, $0.count) })
    #expect(counts["a verify fails"] == 4)
    #expect(counts["an approval is refused"] == 2)
    #expect(counts["a pause is answered with no"] == 2)
  }

  @Test("chaos: programs and metrics are stubbed as in the block in which all goes well")
  func chaosReadsTheStubs() throws {
    let steps = """
      metric queue is promql "sum(queue_length)" below 100
      on failure rollback
      probe home is GET /
      step "Deploy 1.0" {
        deploy web 1.0
        verify home contains "Hello"
      }
      step "Deploy 2.0" {
        deploy web 2.0
        shift web -> 2.0 through 50%, 100% every 10s while queue
        retire web 1.0
      }

      """
    let text = """
      plan hello
      language 1
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        version 1.0, 2.0
      }

      """
    let bad = """
      rehearsal "bad" {
        stub queue is 500
        stub web 1.0 answers home "Hello"
        stub web 2.0 answers home "Hello"
        expect fails at "Deploy 2.0"
      }

      """
    let good = """
      rehearsal "good" {
        stub queue is 5
        stub web 1.0 answers home "Hello"
        stub web 2.0 answers home "Hello"
        expect done
      }

      """
    #expect(try storm(text + steps + bad + good).faults.isEmpty)
    // Of a metric that the good block does not name, another one knows a good value.
    let other = bad.replacing("\"bad\"", with: "\"other\"").replacing("is 500", with: "is 5")
    #expect(try storm(text + steps + bad + good.replacing("  stub queue is 5\n", with: "") + other).faults.isEmpty)
    let fault = try #require(
      try storm(text + steps.replacing("  verify home contains \"Hello\"\n", with: "")).faults.first)
    #expect(fault.kind == .straight)
    #expect(fault.message.contains("a rehearsal has no numbers for `queue`"), "\(fault)")
    #expect(fault.range != nil)
  }

  @Test("chaos compares every object of the plan, and of a route all but the stamp")
  func chaosCompares() throws {
    var plan = try plan(
      hello.replacing(
        "component web",
        with: "patch route of web \"{spec: {http: [{headers: {request: {set: {x-a: b}}}, "
          + "route: [{destination: {host: web}}]}]}}\"\ncomponent web"))
    plan.manifests = [
      Manifest(
        path: "more.yaml",
        objects: [
          ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "more"], "data": ["a": "b"]],
          [
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": ["name": "more"],
            "spec": ["maxReplicas": 3, "scaleTargetRef": ["kind": "Deployment", "name": "other"]],
          ],
          ["apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": ["name": "more"]],
          [
            "apiVersion": "batch/v1", "kind": "Job", "metadata": ["name": "once"],
            "spec": [
              "template": ["spec": ["restartPolicy": "Never", "containers": [["name": "a", "image": "b"]]]]
            ],
          ],
          [
            "apiVersion": "v1", "kind": "Service", "metadata": ["name": "front"],
            "spec": ["type": "LoadBalancer", "ports": [["port": 80]]],
          ],
        ], range: plan.nameRange)
    ]
    let itinerary = Itinerary(plan, compile(plan))
    let chaos = Chaos(itinerary, options: RehearsalOptions())
    #expect(chaos.run().faults.isEmpty)
    let cluster = try rehearsed(itinerary).sandbox
    func changed(_ path: String, _ patch: Value?) -> String? {
      var other = cluster
      let answer = other.respond(
        to: APIRequest(
          patch == nil ? "DELETE" : "PATCH", path, body: patch, contentType: "application/merge-patch+json"))
      #expect(answer.status == 200, "\(path)")
      return chaos.difference(other, cluster)
    }
    #expect(chaos.difference(cluster, cluster) == nil)
    let core = "/api/v1/namespaces/hello"
    #expect(changed(core + "/configmaps/more", nil) == "`ConfigMap/more`")
    #expect(changed(core + "/configmaps/more", ["data": ["a": "c"]]) == "`ConfigMap/more`")
    #expect(
      changed("/apis/autoscaling/v2/namespaces/hello/horizontalpodautoscalers/more", ["spec": ["maxReplicas": 4]])
        == "`HorizontalPodAutoscaler/more`")
    #expect(changed("/apis/rbac.authorization.k8s.io/v1/clusterroles/more", nil) == "`ClusterRole/more`")
    let route = "/apis/networking.istio.io/v1/namespaces/hello/virtualservices/web"
    let entry = try #require(
      cluster.store.object("virtualservices.networking.istio.io", "hello", "web")?.at("spec", "http")?[0])
    func with(_ part: String, _ values: Value) -> Value {
      var headers = entry["headers"]?.fields ?? Fields()
      headers[part] = ["set": values]
      var fields = entry.fields ?? Fields()
      fields["headers"] = .object(headers)
      return ["spec": ["http": [.object(fields)]]]
    }
    #expect(changed(route, with("request", ["x-a": "c"])) == "`VirtualService/web`")
    #expect(changed(route, with("response", [stampHeader: "02-other", "x-b": "c"])) == "`VirtualService/web`")
    #expect(changed(route, with("response", [stampHeader: "02-other"])) == nil)
  }

  @Test("coverage counts what was gone through")
  func coverage() throws {
    let plan = try plan(hello + "rehearsal \"r\" {\n  stub approve no\n  expect fails at \"2.0 for all\"\n}\n")
    let compiled = compile(plan)
    let result = try rehearsed(Itinerary(plan, compiled), plan.rehearsals.first)
    let coverage = RehearsalCoverage(compiled, [result], nil)
    #expect(coverage.counts.map(\.name) == ["steps", "statements", "route rules", "failure paths"])
    #expect(coverage.counts.map(\.covered) == [1, 5, 1, 1], "\(coverage)")
    #expect(coverage.counts.map(\.total) == [2, 6, 1, 2], "\(coverage)")
  }

  @Test("what was written counts, also in a step that fails behind it")
  func coverageOfFailedSteps() throws {
    let lines = "  deploy web 2.0\n  route web 50% -> 2.0\n  verify home status 200\n  route web all -> 2.0"
    let steps = "step \"Deploy 1.0\" {\n  deploy web 1.0\n}\n\nstep \"Two\" {\n\(lines)\n}\n\n"
    let head = try String(hello[..<#require(hello.firstRange(of: "step ")).lowerBound])
    func missing(_ stub: String) throws -> [String]? {
      let script = "rehearsal \"r\" {\n  stub web 2.0 \(stub)\n  expect fails at \"Two\"\n}\n"
      let plan = try plan(head + steps + script)
      let compiled = compile(plan)
      let result = try rehearsed(Itinerary(plan, compiled), plan.rehearsals.first)
      return RehearsalCoverage(compiled, [result], nil).counts.first { $0.name == "statements" }?.missing
    }
    #expect(try missing("answers status 500") == ["route web all -> 2.0"])
    // The segment was not written to its end.
    #expect(
      try missing("never ready") == [
        "deploy web 2.0", "route web 50% -> 2.0", "verify home status 200", "route web all -> 2.0",
      ])
  }

  @Test("visitors whom only a failure block tells apart ask, too")
  func visitorsOfFailureBlocks() throws {
    let head = try String(hello[..<#require(hello.firstRange(of: "step ")).lowerBound])
    let plan = try plan(
      head + """
        step "Deploy 1.0" {
          deploy web 1.0
        }

        step "Two" {
          deploy web 2.0
          route web 50% -> 2.0
          verify home status 200
          on failure {
            route web 0% -> 2.0
            route web cookie debug=on -> 2.0
          }
        }

        rehearsal "broken" {
          stub web 2.0 answers status 500
          expect fails at "Two"
        }

        """)
    let result = try rehearsed(Itinerary(plan, compile(plan)), plan.rehearsals.first)
    let visitors = Set(result.traffic.served.keys.map(\.visitor))
    #expect(visitors == ["everybody else", "visitors with cookie `debug=on`"])
    #expect(result.result.isBlockDone)
  }

  @Test("every rule of the scenario decides about somebody's request; those of steps that were not reached are named")
  func coverageOfRules() throws {
    let plan = try plan(text("aks-voting"))
    let compiled = compile(plan)
    func rules(_ script: String) throws -> RehearsalCoverage.Count {
      let script = try #require(plan.rehearsals.first { $0.name == script })
      let coverage = RehearsalCoverage(compiled, [try rehearsed(Itinerary(plan, compiled), script)], nil)
      return try #require(coverage.counts.first { $0.name == "route rules" })
    }
    let all = try rules("All goes well")
    #expect(all.missing == [])
    #expect(all.total == 9)
    let some = try rules(try #require(plan.rehearsals.last).name)
    #expect(some.missing.contains("cookie-featureflag-on of VirtualService/voting-app"), "\(some)")
    #expect(some.covered < some.total)
    // A rule inside the mesh on a header that only programs hand on.
    let bookinfo = try self.plan(self.text("bookinfo"))
    let other = compile(bookinfo)
    let coverage = RehearsalCoverage(other, [try rehearsed(Itinerary(bookinfo, other), bookinfo.rehearsals.first)], nil)
    #expect(coverage.counts.first { $0.name == "route rules" }?.missing == [])
  }
}
