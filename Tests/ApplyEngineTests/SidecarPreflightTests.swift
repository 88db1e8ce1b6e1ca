import ClusterAPI
import Diagnostics
import KubernetesModel
import Lowering
import Rehearsal
import RolloutPlan
import Sandbox
import SandboxMesh
import TestSupport
import Testing

@testable import ApplyEngine

@Suite struct SidecarPreflightTests {
  /// `web` calls `api`; the first step brings both, the second leaves `web` 1.0 behind.
  private func itinerary(_ declarations: String = "", web: String = "calls api", last: String = "") throws -> Itinerary
  {
    try .of(
      """
      plan shop
      language 1
      namespace shop existing
      \(declarations)
      expose web on port 80

      component web {
        image registry.example.com/web
        port 8080 http
        version 1.0, 2.0
        \(web)
      }

      component api {
        image registry.example.com/api
        port 8080 http
        version 1.0
      }

      step "Start" {
        deploy api 1.0
        deploy web 1.0
      }

      step "Next" {
        deploy web 2.0
        route web all -> 2.0
        retire web 1.0
      }
      \(last)
      """)
  }

  private enum Proxy { case none, container, native }

  private func pod(
    _ workload: String, app: String, _ proxy: Proxy = .none, kind: String = "ReplicaSet", with changes: Value = [:]
  ) -> Value {
    let own: Value = ["name": .string(app)]
    var spec: Fields = ["containers": [own]]
    switch proxy {
    case .none: break
    case .container: spec["containers"] = [own, ["name": "istio-proxy"]]
    case .native: spec["initContainers"] = [["name": "istio-proxy", "restartPolicy": "Always"]]
    }
    let owner = kind == "ReplicaSet" ? "\(workload)-5d4f" : workload
    let pod: Value = [
      "apiVersion": "v1", "kind": "Pod",
      "metadata": [
        "name": .string("\(owner)-x"), "namespace": "shop",
        "labels": ["app": .string(app), "pod-template-hash": "5d4f"],
        "ownerReferences": [["kind": .string(kind), "name": .string(owner), "controller": true]],
      ], "spec": .object(spec), "status": ["phase": "Running"],
    ]
    return pod.mergePatched(by: changes)
  }

  private func namespace(_ labels: Fields = ["istio-injection": "enabled"]) -> Value {
    ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "shop", "labels": .object(labels)]]
  }

  private func webhook(_ name: String, _ labels: Fields = [:]) -> Value {
    [
      "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
      "metadata": ["name": .string(name), "labels": .object(labels)],
    ]
  }

  private var injector: Value { webhook("istio-sidecar-injector") }

  /// What the plan writes first as this Deployment, with changes: as it may stand when the plan comes to it.
  private func deployment(_ name: String, of itinerary: Itinerary, _ changes: Value = [:]) throws -> Value {
    let writes = itinerary.forward.flatMap(\.phases).flatMap(\.writes)
    let object = try #require(writes.first { $0.id.name == name && $0.id.kind == "Deployment" }?.object)
    return object.mergePatched(by: changes)
  }

  private func found(
    _ itinerary: Itinerary, after legs: Int = 0, of count: Int = .max, _ objects: [Value], forbidden: Set<String> = []
  ) async -> [Diagnostic] {
    await Preflight(
      itinerary, legs: Array(itinerary.forward.dropFirst(legs).prefix(count)), inventory: Inventory(plan: "shop"),
      cluster: FixedCluster(objects, forbidden: forbidden)
    ).sidecarFindings()
  }

  @Test("pods of a caller that stand without a proxy are told by their workloads, with what gives them one")
  func mixedNamespace() async throws {
    let plan = try itinerary()
    let objects = [
      namespace(), try deployment("web-1-0", of: plan), pod("web-1-0", app: "web"),
      pod("web-1-0", app: "web", with: ["metadata": ["name": "second"]]), pod("old", app: "web", kind: "StatefulSet"),
      pod("api-1-0", app: "api", .container), pod("cron", app: "cron", kind: "Job"),
    ]
    let found = await found(plan, objects)
    #expect(
      found.map(\.message) == ["3 pods of `Deployment/web-1-0`, `StatefulSet/old` have no proxy of Istio"])
    let first = try #require(found.first)
    #expect(first.code == .withoutProxy && first.severity == .warning)
    #expect(first.primary.range == plan.plan.components.first { $0.name == "web" }?.nameRange)
    #expect(
      first.notes == [
        "without a proxy a caller follows no route: it reaches all versions",
        "a pod is given its proxy when it is made: one that is older than the namespace's label has none",
      ])
    #expect(first.help == "`kubectl rollout restart deployment/web-1-0 statefulset/old -n shop`")
  }

  @Test("a proxy may be a native sidecar or the node's, and only pods that run and call count")
  func whoHasOne() async throws {
    let plan = try itinerary()
    let ambient: Fields = ["istio.io/dataplane-mode": "ambient"]
    for (labels, pod, isTold): (Fields, Value, Bool) in [
      ([:], pod("web-1-0", app: "web"), true),
      ([:], pod("web-1-0", app: "web", .container), false),
      ([:], pod("web-1-0", app: "web", .native), false),
      ([:], pod("web-1-0", app: "web", with: ["metadata": ["deletionTimestamp": "2026-01-02T10:00:00Z"]]), false),
      ([:], pod("web-1-0", app: "web", with: ["status": ["phase": "Succeeded"]]), false),
      ([:], pod("web-1-0", app: "web", with: ["metadata": ["labels": .object(ambient)]]), false),
      (
        [:],
        pod("web-1-0", app: "web", with: ["metadata": ["annotations": ["ambient.istio.io/redirection": "enabled"]]]),
        false
      ),
      (ambient, pod("web-1-0", app: "web"), false),
      (ambient, pod("web-1-0", app: "web", with: ["metadata": ["labels": ["istio.io/dataplane-mode": "none"]]]), true),
      ([:], pod("api-1-0", app: "api"), false),
      ([:], pod("cron", app: "cron"), false),
    ] {
      var all: Fields = ["istio-injection": "enabled"]
      for entry in labels.entries { all[entry.key] = entry.value }
      let objects = [namespace(all), injector, try deployment("web-1-0", of: plan), pod]
      #expect(await found(plan, objects).map(\.code) == (isTold ? [.withoutProxy] : []), "\(labels) \(pod)")
    }
  }

  @Test("where nothing shows that proxies are injected, or pods may not be seen, nothing is said")
  func noInjector() async throws {
    for plan in [try itinerary(), try itinerary("mesh istio mtls strict")] {
      let objects = [namespace(), try deployment("web-1-0", of: plan), pod("web-1-0", app: "web")]
      for (more, forbidden, isTold): ([Value], Set<String>, Bool) in [
        ([], [], false), ([webhook("cert-manager-webhook")], [], false), ([injector], [], true),
        ([webhook("istio-revision-tag-default")], [], true), ([webhook("istio-sidecar-injector-1-20")], [], true),
        ([webhook("istiod-managed", ["app": "sidecar-injector"])], [], true),
        ([injector], ["mutatingwebhookconfigurations"], false), ([injector], ["pods"], false),
        ([pod("other", app: "other", .native)], ["mutatingwebhookconfigurations"], true),
      ] {
        let found = await found(plan, objects + more, forbidden: forbidden)
        #expect(found.isEmpty != isTold, "\(more) \(forbidden) \(found)")
      }
    }
  }

  @Test("what the first leg replaces or takes away is not told, nor what the plan itself wants without a proxy")
  func notWorthAWord() async throws {
    let plan = try itinerary()
    let (mesh, web) = ([namespace(), injector], pod("web-1-0", app: "web"))
    let probeless: Value = [
      "spec": ["template": ["spec": ["containers": [["name": "web", "image": "registry.example.com/web:1.0"]]]]]
    ]
    // An adopted Deployment whose pods are as the plan wants them keeps them; any other one starts new ones.
    #expect(await found(plan, mesh + [try deployment("web-1-0", of: plan), web]).map(\.code) == [.withoutProxy])
    #expect(await found(plan, mesh + [try deployment("web-1-0", of: plan, probeless), web]) == [])
    // The second step takes it away; with a third one before that it stands for a while.
    #expect(await found(plan, after: 1, mesh + [web]) == [])
    let longer = try itinerary(
      last: "step \"Back\" {\n  deploy web 1.0\n  route web all -> 1.0\n}\nstep \"Off\" {\n  retire web 2.0\n}")
    let two = pod("web-2-0", app: "web")
    #expect(await found(longer, after: 2, mesh + [two]).map(\.code) == [.withoutProxy])
    #expect(await found(longer, after: 3, mesh + [two]) == [])

    let plain = try itinerary(
      "patch deployment of web \"{spec: {template: {metadata: {annotations: {sidecar.istio.io/inject: 'false'}}}}}\"")
    let standing = try deployment("web-1-0", of: plain)
    #expect(standing.at("spec", "template", "metadata", "annotations") != nil)
    #expect(await found(plain, mesh + [standing, web]) == [])
  }

  @Test("a namespace that asks for no proxies is told of by itself")
  func unlabelled() async throws {
    let plan = try itinerary()
    let objects = [namespace([:]), injector, try deployment("web-1-0", of: plan), pod("web-1-0", app: "web")]
    #expect(await found(plan, objects) == [])
    let strict = try itinerary("mesh istio mtls strict")
    let found = await found(strict, objects)
    #expect(found.map(\.code) == [.cutOff])
    #expect(
      found.first?.help
        == "`kubectl label namespace shop istio-injection=enabled`, then `kubectl rollout restart deployment/web-1-0 -n shop`; until then, `mtls permissive`"
    )
  }

  @Test("under `mtls strict` a pod of the plan without a proxy stops the run, one beside the plan is a warning")
  func strict() async throws {
    let plan = try itinerary("mesh istio mtls strict")
    let mesh = [namespace(), injector]
    let web = [try deployment("web-1-0", of: plan), pod("web-1-0", app: "web")]
    // It calls nobody, but callers of it send mTLS.
    let api = [try deployment("api-1-0", of: plan), pod("api-1-0", app: "api")]
    for (objects, expected): ([Value], [String]) in [
      (web, ["error: `mtls strict` cuts off 1 pod of `Deployment/web-1-0`, which has no proxy of Istio"]),
      (api, ["error: `mtls strict` cuts off 1 pod of `Deployment/api-1-0`, which has no proxy of Istio"]),
      (
        [pod("old", app: "web"), pod("cron", app: "cron", kind: "Job")],
        ["warning: `mtls strict` may cut off 2 pods of `Deployment/old`, `Job/cron`, which have no proxy of Istio"]
      ),
      // No route leads to it yet.
      (
        [try deployment("web-2-0", of: plan), pod("web-2-0", app: "web")],
        ["warning: `mtls strict` may cut off 1 pod of `Deployment/web-2-0`, which has no proxy of Istio"]
      ),
      (
        web + [pod("old", app: "web")],
        [
          "error: `mtls strict` cuts off 1 pod of `Deployment/web-1-0`, which has no proxy of Istio",
          "warning: `mtls strict` may cut off 1 pod of `Deployment/old`, which has no proxy of Istio",
        ]
      ),
    ] {
      let found = await found(plan, mesh + objects)
      #expect(found.map { "\($0.severity): \($0.message)" } == expected)
      #expect(found.allSatisfy { $0.code == .cutOff && $0.primary.range == plan.plan.meshRange })
    }
    // An adopted Deployment gets new pods in time: it is only sent mTLS before it can take it.
    let probeless: Value = [
      "spec": ["template": ["spec": ["containers": [["name": "web", "image": "registry.example.com/web:1.0"]]]]]
    ]
    let replaced = await found(plan, mesh + [try deployment("web-1-0", of: plan, probeless), web[1]])
    #expect(replaced.map(\.severity) == [.warning], "\(replaced)")
    // A run that was stopped after it had written the policy goes on.
    let policy = try #require(
      plan.forward.flatMap(\.phases).flatMap(\.writes).first {
        $0.object.map { $0["kind"] == "PeerAuthentication" } ?? false
      }?.object)
    #expect(await found(plan, mesh + web + [policy]).map(\.severity) == [.warning])
    let permissive = try itinerary("mesh istio mtls permissive")
    #expect(await found(permissive, mesh + web).map(\.code) == [.withoutProxy])
  }

  @Test("`mtls strict` of a later step concerns what still stands then")
  func strictLater() async throws {
    let plan = try itinerary("mesh istio mtls permissive", last: "step \"Strict\" {\n  mtls strict\n}")
    let mesh = [namespace(), injector]
    let line = try #require(plan.plan.steps.last?.segments.first?.changes.first?.range)
    let first = [try deployment("web-1-0", of: plan), pod("web-1-0", app: "web")]
    // The second step retires it.
    #expect(await found(plan, mesh + first).map(\.code) == [.withoutProxy])
    let second = await found(plan, after: 1, mesh + [try deployment("web-2-0", of: plan), pod("web-2-0", app: "web")])
    #expect(second.map(\.severity) == [.error])
    #expect(second.first?.primary.range == line)
    // A run that ends before is not stopped.
    let short = await found(
      plan, after: 1, of: 1, mesh + [try deployment("web-2-0", of: plan), pod("web-2-0", app: "web")])
    #expect(short.map(\.code) == [.withoutProxy])
  }

  @Test("whom nobody calls is cut off from those that it calls, unless these have no proxy either")
  func strictCaller() async throws {
    let plan = try itinerary(
      """
      mesh istio mtls permissive
      component worker {
        image registry.example.com/worker
        calls api
        version 1.0
      }
      """, last: "step \"Worker\" {\n  deploy worker 1.0\n}\n\nstep \"Strict\" {\n  mtls strict\n}")
    let worker = [namespace(), injector, try deployment("worker-1-0", of: plan), pod("worker-1-0", app: "worker")]
    #expect(await found(plan, worker).map(\.severity) == [.error])
    let both = await found(plan, worker + [try deployment("api-1-0", of: plan), pod("api-1-0", app: "api")])
    #expect(
      both.map { "\($0.severity): \($0.message)" } == [
        "error: `mtls strict` cuts off 1 pod of `Deployment/api-1-0`, which has no proxy of Istio",
        "warning: `mtls strict` may cut off 1 pod of `Deployment/worker-1-0`, which has no proxy of Istio",
      ])
  }

  @Test("who was cut off before the run is told of the plan's own alone, and does not stop it")
  func strictBefore() async throws {
    let plan = try itinerary(
      "mesh istio mtls strict", last: "step \"Back\" {\n  deploy web 1.0\n  route web all -> 1.0\n}")
    let mesh = [namespace(), injector, pod("cron", app: "cron")]
    let found = await found(plan, after: 2, mesh + [pod("web-2-0", app: "web")])
    #expect(
      found.map { "\($0.severity): \($0.message)" } == [
        "warning: `mtls strict` cuts off 1 pod of `Deployment/web-2-0`, which has no proxy of Istio"
      ])
    #expect(await self.found(plan, after: 2, mesh) == [])
  }

  @Test("many workloads are three names and a number, and who wants no proxy is told so")
  func many() async throws {
    let plan = try itinerary("mesh istio mtls strict")
    let refusing: Value = ["metadata": ["annotations": ["sidecar.istio.io/inject": "false"]]]
    let found = await found(
      plan,
      [namespace(), injector] + ["a", "b", "c", "d", "e"].map { pod($0, app: $0, with: $0 == "b" ? refusing : [:]) })
    #expect(
      found.map(\.message) == [
        "`mtls strict` may cut off 5 pods of `Deployment/a`, `Deployment/b`, `Deployment/c` and 2 more, which have no proxy of Istio"
      ])
    #expect(
      found.first?.notes.last
        == "the pods of `Deployment/b` want none: `sidecar.istio.io/inject: \"false\"` or `hostNetwork`")
    #expect(
      found.first?.help?.hasPrefix(
        "`kubectl rollout restart deployment/a deployment/b deployment/c -n shop`, and the others likewise") == true)
  }

  @Test("pods that controllers made before and after proxies were injected are told apart, by the whole preflight")
  func made() async throws {
    let sandbox = LiveCluster()
    let plan = try itinerary()
    let path = "/apis/apps/v1/namespaces/shop/deployments"
    func post(_ object: Value, to path: String) async {
      let answer = await sandbox.respond(to: APIRequest("POST", path, query: ["fieldManager": "helm"], body: object))
      #expect(answer.status == 201, "\(answer)")
    }
    func look() async -> [Diagnostic] {
      await sandbox.advance(by: 60_000)
      return await Preflight(
        plan, legs: plan.forward, inventory: Inventory(plan: "shop"),
        decisions: WriteDecisions(adopts: ["Deployment/web-1-0", "Deployment/api-1-0"]),
        cluster: InProcessTransport.cluster(sandbox)
      ).findings()
    }
    await post(namespace(), to: "/api/v1/namespaces")
    await post(try deployment("web-1-0", of: plan), to: path)
    // Nothing here injects yet.
    #expect(await look() == [])
    await sandbox.update { $0.injectsSidecars = true }
    await post(try deployment("api-1-0", of: plan), to: path)
    #expect(await look().map(\.message) == ["1 pod of `Deployment/web-1-0` has no proxy of Istio"])
    // What the help says.
    _ = await sandbox.respond(
      to: APIRequest(
        "PATCH", path + "/web-1-0", query: ["fieldManager": "kubectl"],
        body: [
          "spec": [
            "template": ["metadata": ["annotations": ["kubectl.kubernetes.io/restartedAt": "2026-01-02T10:00:00Z"]]]
          ]
        ], contentType: "application/merge-patch+json"))
    #expect(await look() == [])
  }
}
