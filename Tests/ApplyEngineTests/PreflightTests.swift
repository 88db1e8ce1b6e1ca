import ClusterAPI
import Diagnostics
import KubernetesModel
import Lowering
import Rehearsal
import RolloutPlan
import Sandbox
import SandboxMesh
import Synchronization
import TestSupport
import Testing

@testable import ApplyEngine

extension Itinerary {
  /// A plan from its text, which must be right.
  static func of(
    _ text: String, files: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Itinerary {
    let loader = FileLoader { path in
      files[path].map { .success(Array($0.utf8)) } ?? .failure(FileError("no such file"))
    }
    let resolution = resolve(path: "plan.rollout", bytes: Array(text.utf8), loader: loader)
    let problems = resolution.diagnostics.filter { $0.severity == .error }.map(\.message)
    let plan = try #require(resolution.checked, "\(problems)", sourceLocation: sourceLocation)
    return Itinerary(plan, compile(plan))
  }

  static func shop(_ declarations: String = "", web: String = "", steps: String = "deploy web 1.0") throws -> Itinerary
  {
    try of(
      """
      plan shop
      language 1

      \(declarations)
      expose web on port 80

      component web {
        image registry.example.com/web
        port 8080 http
        version 1.0, 2.0
      \(web)
      }

      \(steps)
      """)
  }
}

@Suite struct PreflightTests {
  private let sandbox = LiveCluster()

  private func findings(
    _ itinerary: Itinerary, inventory: Inventory = Inventory(plan: "shop"), adopts: Set<String> = [],
    on sandbox: LiveCluster? = nil, lists: [String: [Value]] = [:]
  ) async -> [Diagnostic] {
    await Preflight(
      itinerary, legs: itinerary.forward, inventory: inventory, decisions: WriteDecisions(adopts: adopts),
      cluster: Guarded(base: InProcessTransport.cluster(sandbox ?? self.sandbox), lists: lists)
    ).findings()
  }

  private func post(_ object: Value, to path: String) async {
    let answer = await sandbox.respond(to: APIRequest("POST", path, query: ["fieldManager": "helm"], body: object))
    #expect(answer.status == 201, "\(answer)")
  }

  private func namespace(_ labels: Fields = ["istio-injection": "enabled"]) async {
    await post(
      ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "shop", "labels": .object(labels)]],
      to: "/api/v1/namespaces")
  }

  @Test func whereNothingIsInTheWayNothingIsFound() async throws {
    #expect(await findings(try .shop()).map(\.message) == [])
    await namespace()
    #expect(await findings(try .shop("namespace shop existing")).map(\.message) == [])
  }

  @Test("a namespace that somebody else makes must be there, and give pods their proxies")
  func existingNamespace() async throws {
    let itinerary = try Itinerary.shop("namespace shop existing")
    #expect(await findings(itinerary).map(\.code) == [.namespaceUnusable])
    for (labels, isFine): (Fields, Bool) in [
      ([:], false), (["istio-injection": "disabled"], false), (["istio.io/rev": "1-20"], true),
      (["istio.io/dataplane-mode": "ambient"], true), (["istio-injection": "disabled", "istio.io/rev": "1-20"], false),
    ] {
      let other = LiveCluster()
      _ = await other.respond(
        to: APIRequest(
          "POST", "/api/v1/namespaces",
          body: ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "shop", "labels": .object(labels)]]))
      #expect(await findings(itinerary, on: other).map(\.code) == (isFine ? [] : [.notInjected]), "\(labels)")
    }
  }

  @Test("an object that stands in the way is named with its owner, until it is ours or adopted")
  func foreign() async throws {
    await namespace()
    let itinerary = try Itinerary.shop("namespace shop existing")
    let service: Value = [
      "apiVersion": "v1", "kind": "Service",
      "metadata": [
        "name": "web", "namespace": "shop", "annotations": ["meta.helm.sh/release-name": "old-shop"],
      ], "spec": ["ports": [["name": "old", "port": 80]]],
    ]
    await post(service, to: "/api/v1/namespaces/shop/services")
    let found = await findings(itinerary)
    #expect(found.map(\.code) == [.notOurs])
    #expect(found.first?.message == "`Service/web` exists, and this plan did not make it")
    #expect(found.first?.notes.first == "it belongs to the Helm release `old-shop`")
    #expect(found.first?.help?.hasPrefix("remove it, rename ours") == true)
    #expect(await findings(itinerary, adopts: ["Service/web"]).isEmpty)
    var inventory = Inventory(plan: "shop")
    inventory.expect([ObjectID(group: "", kind: "Service", namespace: "shop", name: "web")], phase: 0)
    #expect(await findings(itinerary, inventory: inventory).isEmpty)
  }

  @Test("what keeps an adoption from being done is told before the first write")
  func adoptionInTheWay() async throws {
    await namespace()
    let itinerary = try Itinerary.shop("namespace shop existing")
    let path = "/apis/apps/v1/namespaces/shop/deployments"
    let broken = try Itinerary.shop(
      "namespace shop existing\npatch deployment of web \"{metadata: {labels: {team: 'a b'}}}\""
    )
    let writes = itinerary.forward.flatMap(\.phases).flatMap(\.writes)
    let ours = try #require(writes.first { $0.id.name == "web-1-0" }?.object)
    for (plan, change, codes): (Itinerary, Value, [Code]) in [
      (itinerary, [:], []), (itinerary, ["spec": ["replicas": 5]], [.fieldConflict]), (broken, [:], [.writeRefused]),
    ] {
      await post(ours.mergePatched(by: change), to: path)
      let found = await findings(plan, adopts: ["Deployment/web-1-0"])
      #expect(found.map(\.code) == codes, "\(change): \(found)")
      _ = await sandbox.respond(to: APIRequest("DELETE", path + "/web-1-0"))
      await sandbox.advance(by: 60_000)
    }
    // What client-side apply wrote is taken over without a word; but no word makes another selector of it.
    let other = ours.mergePatched(by: [
      "spec": [
        "selector": ["matchLabels": ["app": "other", "version": "1.0"]],
        "template": ["metadata": ["labels": ["app": "other"]]],
      ]
    ])
    let made = await sandbox.respond(
      to: APIRequest("POST", path, query: ["fieldManager": "kubectl-client-side-apply"], body: other))
    #expect(made.status == 201, "\(made)")
    #expect(await findings(itinerary, adopts: ["Deployment/web-1-0"]).map(\.code) == [.writeRefused])
  }

  @Test("routes and rules of others for a host of the plan are told, those for other hosts are not")
  func routesBeside() async throws {
    await namespace()
    let itinerary = try Itinerary.shop("namespace shop existing")
    let networking = "/apis/networking.istio.io/v1/namespaces/shop"
    func route(_ name: String, _ spec: Value) async {
      await post(
        [
          "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
          "metadata": ["name": .string(name), "namespace": "shop"], "spec": spec,
        ], to: "\(networking)/virtualservices")
    }
    await route("other-mesh", ["hosts": ["api"], "http": [["route": [["destination": ["host": "api"]]]]]])
    await route(
      "other-gateway", ["hosts": ["web"], "gateways": ["x/y"], "http": [["route": [["destination": ["host": "api"]]]]]])
    let none = await findings(itinerary).filter { $0.code == .routeBeside && $0.message.contains("other-mesh") }
    #expect(none.isEmpty)
    await route("old-mesh", ["hosts": ["web"], "http": [["route": [["destination": ["host": "web"]]]]]])
    await route(
      "old-entry",
      ["hosts": ["shop.example.com"], "gateways": ["old"], "http": [["route": [["destination": ["host": "web"]]]]]])
    await post(
      [
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": ["name": "old-rule", "namespace": "shop"], "spec": ["host": "web.shop.svc.cluster.local"],
      ], to: "\(networking)/destinationrules")
    let told = await findings(itinerary).filter { $0.code == .routeBeside }.map(\.message)
    for name in ["VirtualService/old-mesh", "VirtualService/old-entry", "DestinationRule/old-rule"] {
      #expect(told.contains { $0.hasPrefix("`\(name)`") }, "\(name): \(told)")
    }
    // One that the plan is known to have made, in another edition, is none of others, whatever became of its labels.
    var inventory = Inventory(plan: "shop")
    let id = ObjectID(group: "networking.istio.io", kind: "VirtualService", namespace: "shop", name: "old-mesh")
    inventory.expect([id], phase: 0)
    let rest = await findings(itinerary, inventory: inventory).filter { $0.code == .routeBeside }.map(\.message)
    #expect(rest.count == told.count - 1 && !rest.contains { $0.contains("old-mesh") }, "\(rest)")
  }

  @Test("routes of another namespace for a host at the same gateway are told, those at other gateways are not")
  func routesOfOtherNamespaces() async throws {
    await namespace()
    for name in ["staging", "apart"] {
      await post(
        ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)]], to: "/api/v1/namespaces")
      let networking = "/apis/networking.istio.io/v1/namespaces/\(name)"
      let ingress: Value = .string(name == "apart" ? "other" : "ingressgateway")
      await post(
        [
          "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
          "metadata": ["name": "web-gateway", "namespace": .string(name)],
          "spec": [
            "selector": ["istio": ingress],
            "servers": [["port": ["number": 80, "name": "http", "protocol": "HTTP"], "hosts": ["*"]]],
          ],
        ], to: "\(networking)/gateways")
      await post(
        [
          "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
          "metadata": ["name": "web-entry", "namespace": .string(name)],
          "spec": [
            "hosts": ["*"], "gateways": ["web-gateway"], "http": [["route": [["destination": ["host": "web"]]]]],
          ],
        ], to: "\(networking)/virtualservices")
    }
    let told = await findings(try .shop("namespace shop existing")).filter { $0.code == .routeBeside }
    #expect(
      told.map(\.message) == [
        "`VirtualService/web-entry` in the namespace `staging`, which is not the plan's, is for `*`, too"
      ])
  }

  @Test("a Gateway of others must be there, and have the port and the host")
  func gatewaysOfOthers() async throws {
    await namespace()
    await post(
      ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "edge"]], to: "/api/v1/namespaces")
    func found(_ clause: String) async throws -> [String] {
      await findings(
        try .of(
          """
          plan shop
          language 1
          namespace shop existing
          expose web on port \(clause) through gateway edge/public
          component web {
            image registry.example.com/web
            port 8080 http
            version 1.0
          }
          deploy web 1.0
          """)
      ).filter { $0.code == .gatewayUnusable }.map { "\($0.severity): \($0.message)" }
    }
    #expect(
      try await found("8080 hosts a.example.com") == ["error: there is no `Gateway/public` in the namespace `edge`"])
    await post(
      [
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": ["name": "public", "namespace": "edge"],
        "spec": [
          "selector": ["istio": "ingressgateway"],
          "servers": [
            [
              "port": ["number": 8080, "name": "http", "protocol": "HTTP"],
              "hosts": ["*.example.com", "./b.example.org"],
            ]
          ],
        ],
      ], to: "/apis/networking.istio.io/v1/namespaces/edge/gateways")
    #expect(try await found("8080 hosts a.example.com") == [])
    #expect(
      try await found("8081 hosts a.example.com")
        == ["warning: `Gateway/public` in the namespace `edge` has no server for port 8081"])
    #expect(
      try await found("8080 hosts a.example.com, b.example.org")
        == ["warning: `Gateway/public` in the namespace `edge` does not listen for `b.example.org`"])
  }

  private static let ownIngress = """
    apiVersion: v1
    kind: Service
    metadata:
      name: mine
    spec:
      selector: {app: mine, istio: mine}
      ports: [{name: http2, port: 80, targetPort: 9080}]

    """

  @Test("visitors come in where a Service with the port stands in front of the pods that a Gateway selects")
  func waysIn() async throws {
    func found(_ declarations: String = "", port: Int = 80) async throws -> [String] {
      let itinerary = try Itinerary.of(
        """
        plan shop
        language 1
        expose web on port \(port)
        component web {
          image registry.example.com/web
          port 8080 http
          version 1.0
        }
        \(declarations)
        deploy web 1.0
        """, files: ["ingress.yaml": Self.ownIngress])
      let found = await Preflight(
        itinerary, legs: itinerary.forward, inventory: Inventory(plan: "shop"),
        cluster: InProcessTransport.cluster(sandbox), looksForIngress: true
      ).findings()
      return found.filter { $0.code == .gatewayUnusable }.flatMap { found in
        ["\(found.severity): \(found.message)"] + found.notes + (found.help.map { [$0] } ?? [])
      }
    }
    #expect(
      try await found() == [
        "warning: no Service stands in front of the pods that `Gateway/web-gateway` selects",
        "it selects `istio=ingressgateway`",
        "install an ingress gateway, or say with `--gateway` or `ROLLOUTC_GATEWAY` where visitors come in",
      ])
    // One that comes with the plan is there when it is needed.
    let own = "manifest \"ingress.yaml\"\npatch Gateway web-gateway \"spec: {selector: {istio: mine}}\""
    #expect(try await found(own) == [])
    #expect(
      try await found(own, port: 8080).first == "warning: no Service in front of `Gateway/web-gateway` has port 8080")
    await post(
      ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "aks-istio-ingress"]], to: "/api/v1/namespaces")
    let label = "aks-istio-ingressgateway-external"
    await post(
      [
        "apiVersion": "v1", "kind": "Service", "metadata": ["name": .string(label)],
        "spec": [
          "selector": ["app": .string(label), "istio": .string(label)],
          "ports": [["name": "http2", "port": 80, "targetPort": 8080]],
        ],
      ], to: "/api/v1/namespaces/aks-istio-ingress/services")
    let patch = "patch Gateway web-gateway \"spec: {selector: {istio: \(label)}}\""
    #expect(
      try await found() == [
        "warning: no Service stands in front of the pods that `Gateway/web-gateway` selects",
        "it selects `istio=ingressgateway`",
        "Service/\(label) in aks-istio-ingress has those of `app=\(label),istio=\(label)`",
        "let the Gateway select them: `\(patch)`",
      ])
    #expect(try await found(patch) == [])
    // Where no Service has the number Istio listens on it itself, and 80 of the Service leads there.
    #expect(try await found(patch, port: 8080) == [])
    #expect(
      try await found(patch, port: 8081) == [
        "warning: no Service in front of `Gateway/web-gateway` has port 8081",
        "Service/\(label) in aks-istio-ingress has 80",
        "add the port to it, expose on one that it has, or say with `--gateway` or `ROLLOUTC_GATEWAY` where visitors come in",
      ])
  }

  @Test(
    "whoever holds an object is told by what tools write on it",
    arguments: [
      (["metadata": ["labels": ["argocd.argoproj.io/instance": "shop"]]], "Argo CD's application `shop`"),
      (
        ["metadata": ["annotations": ["argocd.argoproj.io/tracking-id": "shop:apps/Deployment:a/b"]]],
        "Argo CD's application `shop`"
      ),
      (
        [
          "metadata": [
            "labels": ["kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"]
          ]
        ], "Flux's Kustomization `flux/apps`"
      ),
      (["metadata": ["labels": ["kapp.k14s.io/app": "17"]]], "the kapp app `17`"),
      (
        [
          "metadata": [
            "labels": ["app.kubernetes.io/managed-by": "rolloutc", "app.kubernetes.io/part-of": "other"]
          ]
        ], "the plan `other`"
      ),
      (
        ["metadata": ["ownerReferences": [["kind": "Rollout", "name": "web", "controller": true]]]], "`Rollout/web`"
      ),
      (["metadata": ["managedFields": [["manager": "kubectl-create"]]]], "written by `kubectl-create`"),
    ] as [(Value, String)])
  func owners(_ object: Value, _ expected: String) { #expect(owner(of: object) == expected) }

  @Test("of a namespace that stands in the way the help is how a plan works in it")
  func foreignNamespace() async throws {
    await namespace()
    let found = await findings(try .shop()).filter { $0.code == .notOurs }
    #expect(
      found.map(\.help) == [
        "write `namespace shop existing` if the plan is to work in it, or take it over with `--adopt Namespace/shop`"
      ])
  }

  @Test("a Secret whose namespace is still to be made is told so")
  func secretBeforeItsNamespace() async throws {
    let itinerary = try Itinerary.shop(
      "secret mail has user, password", web: "  env PASSWORD = secret mail password")
    let found = await findings(itinerary).filter { $0.code == .secretMissing }
    #expect(found.map(\.severity) == [.warning])
    #expect(found.first?.notes.last == "the namespace is not there yet, either: the plan makes it in its first step")
  }

  @Test("a field that a follower of a repository holds is not offered to be taken")
  func fieldsThatAreWrittenBack() throws {
    let id = ObjectID(group: "apps", kind: "Deployment", namespace: "shop", name: "web-1-0")
    let write = Write(
      action: .update, id: id, object: [:], previous: nil,
      origin: try Itinerary.shop().plan.nameRange)
    func help(_ manager: String) -> String {
      let conflict = FieldConflict(field: ".spec.replicas", manager: manager)
      return Diagnostic.writeFailed(.conflicts(id, [conflict]), write).help ?? ""
    }
    #expect(help("kubectl-edit").contains("--take"))
    #expect(help("argocd-controller").hasPrefix("`argocd-controller` follows a repository and would write it back"))
    #expect(!help("argocd-controller").contains("--take"))
  }

  @Test("declared Secrets must be there with their keys, and no value is asked for")
  func secrets() async throws {
    await namespace()
    let itinerary = try Itinerary.shop(
      "namespace shop existing\nsecret mail has user, password", web: "  env PASSWORD = secret mail password")
    #expect(await findings(itinerary).map(\.code) == [.secretMissing])
    await post(
      [
        "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "mail", "namespace": "shop"],
        "data": ["user": "YQ=="],
      ],
      to: "/api/v1/namespaces/shop/secrets")
    let found = await findings(itinerary)
    #expect(found.map(\.message) == ["the Secret `mail` has no `password`"])
    #expect(found.first?.notes == ["it has `user`"])
    let metadata = try await InProcessTransport.cluster(sandbox).metadata(
      of: ClusterAPI.ResourceType(
        groupVersion: GroupVersion(group: "", version: "v1"), kind: "Secret", plural: "secrets", isNamespaced: true
      ).named("mail", in: "shop"))
    #expect(metadata.fields?.keys == ["metadata"])
    // Nothing takes variables from it.
    #expect(await findings(try .shop("namespace shop existing\nsecret mail has user, password")).map(\.message) == [])
    // Who wrote it is not known, and so neither are its keys.
    let silent = FixedCluster([
      ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "mail", "namespace": "shop"]]
    ])
    let unknown = await Preflight(
      itinerary, legs: itinerary.forward, inventory: Inventory(plan: "shop"), cluster: silent
    ).secretFindings()
    #expect(unknown.isEmpty, "\(unknown)")
  }

  @Test("a Secret cannot be there before its namespace; once the plan has begun, it must be")
  func secretsOfANewNamespace() async throws {
    let itinerary = try Itinerary.shop("secret mail has user", web: "  env USER = secret mail user")
    #expect(await findings(itinerary).map(\.severity) == [.warning])
    var begun = Inventory(plan: "shop")
    begun.expect([ObjectID(group: "", kind: "Namespace", namespace: "", name: "shop")], phase: 0)
    #expect(await findings(itinerary, inventory: begun).map(\.severity) == [.error])
  }

  @Test("a kind that the server does not have is named before anything is written")
  func missingKinds() async throws {
    let cluster = Guarded(base: InProcessTransport.cluster(sandbox), missing: ["networking.istio.io"])
    let itinerary = try Itinerary.shop()
    let found = await Preflight(
      itinerary, legs: itinerary.forward, inventory: Inventory(plan: "shop"), cluster: cluster
    ).findings()
    #expect(
      Set(found.map(\.message)) == [
        "the server has no `DestinationRule` in `networking.istio.io/v1`",
        "the server has no `Gateway` in `networking.istio.io/v1`",
        "the server has no `VirtualService` in `networking.istio.io/v1`",
      ])
    #expect(found.allSatisfy { $0.code == .missingKind && $0.severity == .error })
  }

  // MARK: - Rights

  /// Answers reviews by a list of what is not allowed, and everything else like the cluster behind it.
  private struct Guarded: Cluster {
    var base: any Cluster
    var denied: @Sendable (_ attributes: Value) -> Bool = { _ in false }
    /// By plural: lists of kinds that the sandbox does not have.
    var lists: [String: [Value]] = [:]
    /// Groups that the server does not have.
    var missing: Set<String> = []

    func serverVersion() async throws(ClusterError) -> ServerVersion { try await base.serverVersion() }
    func versions(of group: String) async throws(ClusterError) -> [String] { try await base.versions(of: group) }
    func resources(of version: GroupVersion, refresh: Bool) async throws(ClusterError) -> [ClusterAPI.ResourceType] {
      if missing.contains(version.group) { throw .refused(APIStatus(code: 404)) }
      return try await base.resources(of: version, refresh: refresh)
    }
    func get(_ object: ObjectReference) async throws(ClusterError) -> Value { try await base.get(object) }
    func list(_ collection: ObjectCollection) async throws(ClusterError) -> ObjectList {
      if let items = lists[collection.type.plural] { return ObjectList(items: items, resourceVersion: "1") }
      return try await base.list(collection)
    }
    func apply(_ request: ApplyRequest) async throws(ClusterError) -> WriteResult { try await base.apply(request) }
    func create(_ request: CreateRequest) async throws(ClusterError) -> WriteResult {
      guard let attributes = request.object.at("spec", "resourceAttributes") else {
        return try await base.create(request)
      }
      return WriteResult(
        object: ["status": ["allowed": .bool(!denied(attributes)), "reason": "RBAC: no rule"]], wasCreated: true)
    }
    func patch(_ request: PatchRequest) async throws(ClusterError) -> WriteResult { try await base.patch(request) }
    func delete(_ request: DeleteRequest) async throws(ClusterError) -> DeleteResult { try await base.delete(request) }
    func watch(_ collection: ObjectCollection, from version: String) async throws(ClusterError) -> WatchStream {
      try await base.watch(collection, from: version)
    }
    func read(_ path: String, query: [(String, String)]) async throws(ClusterError) -> HTTPResponse {
      try await base.read(path, query: query)
    }
    func proxy(_ request: ServiceProxyRequest) async throws(ClusterError) -> HTTPResponse {
      try await base.proxy(request)
    }
  }

  @Test("with any one verb less, exactly that verb is named")
  func everyVerb() async throws {
    await namespace()
    let itinerary = try Itinerary.shop(
      "namespace shop existing\nsecret mail has user",
      steps:
        "on failure rollback\n\nstep \"One\" {\n  deploy web 1.0\n}\n\nstep \"Two\" {\n  deploy web 2.0\n  route web all -> 2.0\n  retire web 1.0\n}"
    )
    let needs = itinerary.accessNeeds { _, kind in guessedPlural(kind) }
    #expect(needs.contains { $0.resource == "deployments" && $0.verbs.contains("delete") })
    for need in needs {
      for verb in need.verbs {
        let cluster = Guarded(
          base: InProcessTransport.cluster(sandbox),
          denied: { attributes in
            let resource = need.resource.split(separator: "/").map(String.init)
            return attributes["verb"]?.string == verb && attributes["resource"]?.string == resource[0]
              && attributes["group"]?.string == need.group
              && attributes["subresource"]?.string == (resource.count > 1 ? resource[1] : nil)
              && (need.names.isEmpty || need.names.contains(attributes["name"]?.string ?? ""))
          })
        let found = await Preflight(
          itinerary, legs: itinerary.forward, inventory: Inventory(plan: "shop"), cluster: cluster
        ).accessFindings()
        #expect(!found.isEmpty, "\(verb) \(need.resource)")
        #expect(
          found.allSatisfy { $0.message.contains("`\(verb)") && $0.message.contains(need.resource) },
          "\(found.map(\.message))")
        let isRequired = needs.contains {
          $0.resource == need.resource && $0.group == need.group && $0.verbs.contains(verb) && $0.weight == .required
        }
        #expect(found.hasErrors == isRequired, "\(verb) \(need.resource)")
      }
    }
  }

  @Test("the roles hold what blocks and mounted volumes need, and whoever makes the namespace is asked for that")
  func otherRights() async throws {
    func resources(_ itinerary: Itinerary) -> Set<String> {
      Set(itinerary.accessNeeds { _, kind in guessedPlural(kind) }.map(\.resource))
    }
    #expect(!resources(try .shop()).contains("peerauthentications"))
    let block = try Itinerary.shop(
      steps: "step \"One\" {\n  on failure {\n    mtls permissive\n  }\n  deploy web 1.0\n}")
    #expect(resources(block).contains("peerauthentications"))
    #expect(!resources(try .shop()).contains("persistentvolumeclaims"))
    let mount =
      "patch deployment of web \"{spec: {template: {spec: {volumes: [{name: d, persistentVolumeClaim: {claimName: theirs}}]}}}}\""
    #expect(resources(try .shop(mount)).contains("persistentvolumeclaims"))

    let cluster = Guarded(
      base: InProcessTransport.cluster(sandbox),
      denied: { $0["resource"] == "namespaces" && $0["verb"] == "create" })
    let itinerary = try Itinerary.shop()
    func found() async -> [Diagnostic] {
      await Preflight(
        itinerary, legs: itinerary.forward, inventory: Inventory(plan: "shop"), cluster: cluster
      ).accessFindings()
    }
    #expect(await found().map(\.message) == ["there is no right to `create` namespaces"])
    await namespace()
    #expect(await found().isEmpty)
  }

  @Test(arguments: [
    ("Gateway", "gateways"), ("NetworkPolicy", "networkpolicies"), ("Ingress", "ingresses"), ("Service", "services"),
    ("Endpoints", "endpoints"), ("DestinationRule", "destinationrules"), ("PeerAuthentication", "peerauthentications"),
    ("StorageClass", "storageclasses"), ("ServiceEntry", "serviceentries"),
  ]) func plurals(_ kind: String, _ plural: String) { #expect(guessedPlural(kind) == plural) }

  // MARK: - Quota

  @Test(
    arguments: [
      ("0", 0.0), ("100m", 0.1), ("1.5", 1.5), ("1Ki", 1024), ("2Gi", 0x1p31), ("1k", 1000), ("3M", 3e6), ("1e3", 1000),
      ("1E", 1e18), ("12E2", 1200),
    ] as [(String, Double)])
  func quantities(_ text: String, _ number: Double) { #expect(quantity(.string(text)) == number) }

  @Test("what stands side by side must fit into the quota, with the pod of a rolling update")
  func quotas() async throws {
    let itinerary = try Itinerary.shop(
      "namespace shop existing", web: "  replicas 2\n  resources cpu 100m memory 64Mi",
      steps: "deploy web 1.0\n\ndeploy web 2.0\n\nroute web all -> 2.0")
    await namespace()
    // Two versions with two pods each, and one more each: 6 pods, 600m.
    for (hard, expected): (Fields, [String]) in [
      (["pods": "6", "requests.cpu": "600m", "requests.memory": "384Mi"], []),
      (["pods": "5"], ["the plan needs 6 of pods, and the quota `small` leaves 5"]),
      (["cpu": "500m"], ["the plan needs 600m of requests.cpu, and the quota `small` leaves 500m"]),
      (
        ["requests.memory": "383Mi"],
        ["the plan needs 384Mi of requests.memory, and the quota `small` leaves 383Mi"]
      ),
    ] {
      let quota: Value = [
        "kind": "ResourceQuota", "metadata": ["name": "small"], "spec": ["hard": .object(hard)],
        "status": ["hard": .object(hard), "used": [:]],
      ]
      #expect(await findings(itinerary, lists: ["resourcequotas": [quota]]).map(\.message) == expected)
    }
  }

  @Test("only what is still to come counts, and only what a pod is asked for")
  func quotasOfOtherPlans() async throws {
    await namespace()
    func needed(_ itinerary: Itinerary, after legs: Int = 0, _ change: Value = [:]) async -> [String] {
      let quota: Value = [
        "kind": "ResourceQuota", "metadata": ["name": "small"], "spec": ["hard": ["pods": "0"]],
        "status": ["hard": ["pods": "0"], "used": [:]],
      ]
      return await Preflight(
        itinerary, legs: Array(itinerary.forward.dropFirst(legs)), inventory: Inventory(plan: "shop"),
        cluster: Guarded(
          base: InProcessTransport.cluster(sandbox), lists: ["resourcequotas": [quota.mergePatched(by: change)]])
      ).quotaFindings().map(\.message)
    }
    func words(_ count: Int) -> [String] { ["the plan needs \(count) of pods, and the quota `small` leaves 0"] }
    let steps = "deploy web 1.0\n\ndeploy web 2.0\n\nroute web all -> 2.0"
    let two = try Itinerary.shop("namespace shop existing", web: "  replicas 2", steps: steps)
    #expect(await needed(two) == words(6))
    // The two pods of 1.0 are there, and have their room.
    #expect(await needed(two, after: 1) == words(3))
    #expect(await needed(two, after: 2) == [])
    // A version that sleeps has no pod, not even one that a rolling update adds; nor has one with a volume such a pod.
    let asleep = try Itinerary.shop("namespace shop existing", steps: "deploy web 1.0\n\ndeploy web 2.0 replicas 0")
    #expect(await needed(asleep) == words(2))
    let single = try Itinerary.shop("namespace shop existing", web: "  volume data 5Gi at /data")
    #expect(await needed(single) == words(1))
    // A quota for some pods only may not be for these.
    #expect(await needed(two, ["spec": ["scopes": ["BestEffort"]]]) == [])
    #expect(await needed(two, ["spec": ["scopeSelector": ["matchExpressions": []]]]) == [])
  }

  // MARK: - Limits

  @Test("what a LimitRange refuses is told before the first write, and what it gives is counted")
  func limits() async throws {
    await namespace()
    func shop(_ web: String) throws -> Itinerary { try .shop("namespace shop existing", web: web) }
    let small = "  resources cpu 100m memory 64Mi"
    for (web, limit, expected): (String, Value, String?) in [
      (small, ["type": "Container", "max": ["cpu": "1", "memory": "64Mi"]], nil),
      (
        small, ["type": "Container", "max": ["cpu": "50m"]], "wants 100m of cpu for a container, and allows at most 50m"
      ),
      (
        small, ["type": "Container", "min": ["memory": "128Mi"]],
        "wants 64Mi of memory for a container, and wants at least 128Mi"
      ),
      (
        small, ["type": "Container", "default": ["cpu": "20m"]],
        "wants 100m of cpu for a container, and gives it a limit of 20m"
      ),
      (small, ["type": "Container", "default": ["cpu": "100m"]], nil),
      // Who has a limit of its own is given none; and without a request it asks for its limit.
      ("  resources cpu 100m to 200m", ["type": "Container", "default": ["cpu": "20m"]], nil),
      (
        "  resources cpu 100m to 200m", ["type": "Container", "max": ["cpu": "150m"]],
        "wants 200m of cpu for a container, and allows at most 150m"
      ),
      (small, ["type": "Pod", "max": ["cpu": "99m"]], "wants 100m of cpu for a pod, and allows at most 99m"),
      (small, ["type": "Pod", "max": ["cpu": "0.1"]], nil),
      (small, ["type": "PersistentVolumeClaim", "max": ["storage": "1"]], nil),
      ("", ["type": "Container", "max": ["cpu": "1m"], "min": ["cpu": "1m"]], nil),
    ] {
      let range: Value = ["kind": "LimitRange", "metadata": ["name": "small"], "spec": ["limits": [limit]]]
      let found = await findings(try shop(web), lists: ["limitranges": [range]])
      let wanted = expected.map { text in
        ["`Deployment/web-1-0` " + text.replacing(", and ", with: ", and the LimitRange `small` ")]
      }
      #expect(found.map(\.message) == wanted ?? [])
      #expect(found.allSatisfy { $0.code == .outsideLimits && $0.severity == .error })
    }
  }

  @Test("a volume's size is held against the LimitRange, too")
  func volumeLimits() async throws {
    await namespace()
    let itinerary = try Itinerary.shop(
      "namespace shop existing", web: "  volume data 5Gi at /data")
    for (limit, count): (Value, Int) in [
      (["max": ["storage": "5Gi"]], 0), (["max": ["storage": "4Gi"]], 1), (["min": ["storage": "6Gi"]], 1),
    ] {
      let range: Value = [
        "kind": "LimitRange", "metadata": ["name": "disks"],
        "spec": ["limits": [limit.mergePatched(by: ["type": "PersistentVolumeClaim"])]],
      ]
      let found = await findings(itinerary, lists: ["limitranges": [range]]).filter { $0.code == .outsideLimits }
      #expect(found.count == count, "\(found)")
    }
  }

  // MARK: - Certificates

  @Test("a gateway's certificate must lie where the gateway's pods are, not where the plan is")
  func certificates() async throws {
    await sandbox.update { $0.installIngressGateway(port: 443) }
    await namespace()
    let itinerary = try Itinerary.of(
      """
      plan shop
      language 1

      namespace shop existing
      expose web on port 443 hosts shop.example.com tls secret shop-cert

      component web {
        image registry.example.com/web
        port 8080 http
        version 1.0
      }

      deploy web 1.0
      """)
    func secret(in namespace: String) async {
      await post(
        ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "shop-cert", "namespace": .string(namespace)]],
        to: "/api/v1/namespaces/\(namespace)/secrets")
    }
    let wanted = ["there is no Secret `shop-cert` in `istio-system`, where the gateway's pods run"]
    #expect(await findings(itinerary).map(\.message) == wanted)
    await secret(in: "shop")
    let found = await findings(itinerary)
    #expect(found.map(\.message) == wanted && found.map(\.code) == [.secretMissing])
    await secret(in: "istio-system")
    #expect(await findings(itinerary).map(\.message) == [])
  }

  @Test("where many objects are to be made, lists tell what stands there, with the same result")
  func manyOwners() async throws {
    let count = 60
    let itinerary = try Itinerary.of(
      "plan shop\nlanguage 1\nnamespace shop existing\n"
        + (0..<count).map { "component c\($0) {\n  image registry.example.com/c\($0):1\n  version 1\n}\n" }.joined()
        + (0..<count).map { "deploy c\($0) 1\n" }.joined())
    await namespace()
    let labels: Value = ["app": "theirs"]
    await post(
      [
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "c9-1", "namespace": "shop"],
        "spec": [
          "selector": ["matchLabels": labels],
          "template": [
            "metadata": ["labels": labels], "spec": ["containers": [["name": "web", "image": "example.com/web:1"]]],
          ],
        ],
      ], to: "/apis/apps/v1/namespaces/shop/deployments")
    let asked = Mutex(0)
    let transport = HookedTransport(
      base: InProcessTransport(sandbox: sandbox),
      hook: RequestHook { request in
        if request.label == "get", request.url.contains("/deployments/") { asked.withLock { $0 += 1 } }
      })
    let client = APIClient(
      endpoint: ClusterEndpoint(server: "http://sandbox"), credentials: FixedCredentials(Credentials()),
      transport: transport)
    let found = await Preflight(
      itinerary, legs: itinerary.forward, inventory: Inventory(plan: "shop"), decisions: WriteDecisions(),
      cluster: client
    ).findings()
    #expect(found.map(\.message) == ["`Deployment/c9-1` exists, and this plan did not make it"])
    #expect(asked.withLock { $0 } == 0)
  }

  // MARK: - Webhooks

  @Test("a webhook whose service is not there is in the way, and so is one with side effects")
  func webhooks() async throws {
    await namespace()
    let itinerary = try Itinerary.shop("namespace shop existing")
    func configuration(_ changes: Value) -> Value {
      let webhook: Value = [
        "name": "check.example.com", "sideEffects": "None", "failurePolicy": "Fail",
        "clientConfig": ["service": ["namespace": "guards", "name": "check"]],
        "rules": [["apiGroups": ["apps"], "resources": ["deployments"], "operations": ["*"]]],
      ]
      return ["webhooks": [webhook.mergePatched(by: changes)]]
    }
    for (changes, expected): (Value, [String]) in [
      ([:], ["nobody answers for the webhook `check.example.com`"]),
      (["failurePolicy": "Ignore"], []),
      (["rules": [["apiGroups": ["batch"], "resources": ["*"]]]], []),
      (["rules": [["apiGroups": ["*"], "resources": ["*"]]]], ["nobody answers for the webhook `check.example.com`"]),
      (["namespaceSelector": ["matchLabels": ["kubernetes.io/metadata.name": "other"]]], []),
      (
        ["rules": [["apiGroups": ["apps"], "resources": ["*/*"]]]],
        ["nobody answers for the webhook `check.example.com`"]
      ),
      (["sideEffects": "NoneOnDryRun", "failurePolicy": "Ignore"], []),
      (
        ["sideEffects": "Some", "failurePolicy": "Ignore"],
        ["the webhook `check.example.com` has side effects, so that the server refuses trials"]
      ),
    ] {
      let lists = ["validatingwebhookconfigurations": [configuration(changes)], "mutatingwebhookconfigurations": []]
      #expect(await findings(itinerary, lists: lists).map(\.message) == expected, "\(changes)")
    }
  }

  @Test("proxies of a revision that is not installed are no proxies")
  func revisions() async throws {
    await namespace(["istio.io/rev": "1-20"])
    let itinerary = try Itinerary.shop("namespace shop existing")
    for (labels, isKnown): (Value, Bool) in [
      (["istio.io/rev": "1-20"], true), (["istio.io/rev": "1-19", "istio.io/tag": "1-20"], true),
      (["istio.io/rev": "1-19"], false),
    ] {
      let lists: [String: [Value]] = [
        "validatingwebhookconfigurations": [], "mutatingwebhookconfigurations": [["metadata": ["labels": labels]]],
      ]
      #expect(await findings(itinerary, lists: lists).map(\.code) == (isKnown ? [] : [.notInjected]))
    }
  }
}
