import KubernetesModel
import Sandbox
import Testing

private let configs = "/api/v1/namespaces/default/configmaps"

private func config(_ name: String, _ data: Value = [:], labels: Value = [:]) -> Value {
  [
    "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(name), "labels": labels], "data": data,
  ]
}

@Suite("API semantics") struct StoreTests {
  @Test func aStaleVersionIsRefused() throws {
    var cluster = SandboxCluster()
    let made = try #require(cluster.post(configs, config("a")).value)
    cluster.merge(configs + "/a", ["data": ["x": "1"]])
    let refused = cluster.respond(to: APIRequest("PUT", configs + "/a", body: made))
    #expect(refused.status == 409)
    #expect(
      message(refused)
        == #"Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes "#
        + "to the latest version and try again")
  }

  @Test func anEqualWriteKeepsTheVersion() {
    var cluster = SandboxCluster()
    cluster.post(configs, config("a", ["x": "1"]))
    let version = cluster.store.version
    cluster.merge(configs + "/a", ["data": ["x": "1"]])
    #expect(cluster.store.version == version)
  }

  @Test func pagesAreOneSnapshot() throws {
    var cluster = SandboxCluster()
    for i in 0..<7 { cluster.post(configs, config("c\(i)")) }
    let first = cluster.get(configs, ["limit": "3"])
    let token = try #require(first.at("metadata", "continue")?.string)
    cluster.post(configs, config("c0a"))
    cluster.delete(configs + "/c5")
    let second = cluster.get(configs, ["limit": "100", "continue": token])
    let names = ((first["items"]?.array ?? []) + (second["items"]?.array ?? [])).compactMap {
      $0.at("metadata", "name")?.string
    }
    #expect(names == (0..<7).map { "c\($0)" } + ["kube-root-ca.crt"])
    cluster.compact()
    let expired = cluster.get(configs, ["limit": "3", "continue": token])
    #expect(expired["code"] == 410)
    #expect(expired["reason"] == "Expired")
    #expect(expired.at("metadata", "continue") != nil, "a token to go on with, inconsistently")
  }

  @Test("pages go over every namespace, also over one whose name begins with another's")
  func pagesGoOverNamespaces() throws {
    var cluster = SandboxCluster()
    for namespace in ["shop", "shop-test"] {
      cluster.post(
        "/api/v1/namespaces",
        ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(namespace)]])
      for name in ["a", "b"] {
        cluster.post("/api/v1/namespaces/\(namespace)/configmaps", config(name, labels: ["app": "x"]))
      }
    }
    var found: [String] = []
    var query = ["limit": "1", "labelSelector": "app=x"]
    repeat {
      let page = cluster.get("/api/v1/configmaps", query)
      for item in page["items"]?.array ?? [] {
        found.append("\(item.at("metadata", "namespace")?.string ?? "")/\(item.at("metadata", "name")?.string ?? "")")
      }
      query["continue"] = page.at("metadata", "continue")?.string
    } while query["continue"] != nil && found.count < 20
    // In the order of etcd's keys.
    #expect(found == ["shop-test/a", "shop-test/b", "shop/a", "shop/b"])
  }

  @Test func aWatchSeesObjectsEnterAndLeaveItsSelector() {
    var cluster = SandboxCluster()
    cluster.post(configs, config("a", labels: ["app": "x"]))
    let version = String(cluster.store.version)
    let answer = cluster.respond(
      to: APIRequest(
        "GET", configs, query: ["watch": "true", "resourceVersion": version, "labelSelector": "app=x"]))
    guard case .watch(let watch) = answer.body else {
      Issue.record("no watch")
      return
    }
    cluster.merge(configs + "/a", ["data": ["k": "v"]])
    cluster.merge(configs + "/a", ["metadata": ["labels": ["app": "y"]]])
    cluster.merge(configs + "/a", ["metadata": ["labels": ["app": "x"]]])
    cluster.delete(configs + "/a")
    let (events, _, isOver) = cluster.server.next(of: watch)
    #expect(events.compactMap { $0["type"]?.string } == ["MODIFIED", "DELETED", "ADDED", "DELETED"])
    #expect(!isOver)
    cluster.compact()
    let (late, _, lateIsOver) = cluster.server.next(of: watch)
    #expect(late.first?["type"] == "ERROR")
    #expect(late.first?.at("object", "code") == 410)
    #expect(lateIsOver)
  }

  @Test func mistakesAreNamedAsTheServerNamesThem() {
    var cluster = SandboxCluster()
    let selector = deployment(extra: ["selector": ["matchLabels": ["app": "other"]]])
    _ = selector
    cluster.apply(deployments + "/web", deployment())
    let immutable = cluster.merge(
      deployments + "/web",
      [
        "spec": [
          "selector": ["matchLabels": ["app": "b"]], "template": ["metadata": ["labels": ["app": "b"]]],
        ]
      ])
    #expect(immutable.status == 422)
    #expect(
      message(immutable)
        == #"Deployment.apps "web" is invalid: spec.selector: Invalid value: "#
        + #"v1.LabelSelector{MatchLabels:map[string]string{"app":"b"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}"#
        + ": field is immutable")
    let name = cluster.post(configs, config("Bad_Name"))
    #expect(
      message(name).hasPrefix(
        #"ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123"#))
    let empty = cluster.post(
      deployments,
      [
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "x"],
        "spec": [
          "selector": ["matchLabels": ["a": "b"]], "template": ["metadata": ["labels": ["a": "b"]], "spec": [:]],
        ],
      ])
    #expect(
      message(empty) == #"Deployment.apps "x" is invalid: spec.template.spec.containers: Required value"#)
    #expect(cluster.get(configs + "/none")["message"] == #"configmaps "none" not found"#)
    #expect(
      message(cluster.post("/api/v1/namespaces/nowhere/configmaps", config("a"))) == #"namespaces "nowhere" not found"#)
  }

  @Test func statusAndSpecHaveTheirOwnEndpoints() {
    var cluster = SandboxCluster()
    cluster.apply(deployments + "/web", deployment())
    cluster.merge(deployments + "/web", ["status": ["replicas": 99]])
    #expect(cluster.get(deployments + "/web").at("status", "replicas") != 99)
    let answer = cluster.merge(deployments + "/web/status", ["spec": ["replicas": 9], "status": ["replicas": 42]])
    #expect(answer.value?.at("spec", "replicas") == 1)
    #expect(answer.value?.at("status", "replicas") == 42)
    #expect(answer.value?.at("metadata", "generation") == 1)
  }

  @Test func aFinalizerHoldsAnObject() {
    var cluster = SandboxCluster()
    cluster.post(configs, config("a"))
    cluster.merge(configs + "/a", ["metadata": ["finalizers": ["example.com/hold"]]])
    cluster.delete(configs + "/a")
    #expect(cluster.get(configs + "/a").at("metadata", "deletionTimestamp") != nil)
    cluster.merge(configs + "/a", ["metadata": ["finalizers": .null]])
    #expect(cluster.get(configs + "/a")["code"] == 404)
  }

  @Test func aUIDPreconditionProtectsTheNewcomer() {
    var cluster = SandboxCluster()
    cluster.post(configs, config("a"))
    let refused = cluster.delete(configs + "/a", ["preconditions": ["uid": "someone-else"]])
    #expect(refused.status == 409)
    #expect(cluster.get(configs + "/a")["kind"] == "ConfigMap")
  }

  @Test func aStrategicMergePatchKnowsContainersByName() {
    var cluster = SandboxCluster()
    cluster.apply(deployments + "/web", deployment())
    let patch: Value = [
      "spec": [
        "template": [
          "spec": [
            "$setElementOrder/containers": [["name": "side"], ["name": "app"]],
            "containers": [["name": "side", "image": "side:1"], ["name": "app", "image": "web:9"]],
          ]
        ]
      ]
    ]
    let answer = cluster.respond(
      to: APIRequest(
        "PATCH", deployments + "/web", body: patch, contentType: "application/strategic-merge-patch+json"))
    let containers = answer.value?.at("spec", "template", "spec", "containers")?.array ?? []
    #expect(containers.compactMap { $0["name"]?.string } == ["side", "app"])
    #expect(containers.last?["ports"]?[0]?["containerPort"] == 8080, "what the patch does not name stays")
  }

  /// The real server's answers (1.20.2), one patch after the other.
  @Test func aStrategicMergePatchOrdersAsTheServerDoes() {
    var cluster = SandboxCluster()
    cluster.apply(deployments + "/web", deployment())
    func patch(_ spec: Value) -> [String] {
      let answer = cluster.respond(
        to: APIRequest(
          "PATCH", deployments + "/web", body: ["spec": ["template": ["spec": spec]]],
          contentType: "application/strategic-merge-patch+json"))
      let containers = answer.value?.at("spec", "template", "spec", "containers")?.array ?? []
      return containers.compactMap { $0["name"]?.string }
    }
    func added(_ names: String...) -> Value {
      .array(names.map { ["name": .string($0), "image": .string($0)] })
    }
    #expect(patch(["containers": added("d")]) == ["d", "app"])
    #expect(patch(["containers": added("f", "app", "e")]) == ["f", "d", "app", "e"])
    #expect(
      patch(["containers": [["name": "d", "$patch": "delete"], added("g")[0] ?? .null]]) == ["g", "f", "app", "e"])
    #expect(
      patch([
        "$setElementOrder/containers": [["name": "f"], ["name": "h"], ["name": "e"]], "containers": added("h"),
      ]) == ["g", "f", "h", "app", "e"])
    #expect(patch(["$setElementOrder/containers": [["name": "e"], ["name": "f"]]]) == ["g", "h", "app", "e", "f"])
  }

  @Test(arguments: ["remove", "test", "move", "frob"]) func aJSONPatchThatDoesNotApplyIsRefused(operation: String) {
    var cluster = SandboxCluster()
    cluster.apply(deployments + "/web", deployment())
    let answer = cluster.respond(
      to: APIRequest(
        "PATCH", deployments + "/web",
        body: [["op": .string(operation), "path": "/spec/none", "from": "/spec/no", "value": 1]],
        contentType: "application/json-patch+json"))
    #expect(answer.status == 422)
    #expect(answer.value?["message"] == "the server rejected our request due to an error in our request")
    #expect(answer.value?["details"] == [:])
  }

  /// Each copy doubles what is there.
  @Test func aJSONPatchMayNotCopyMuch() {
    var cluster = SandboxCluster()
    let path = "/apis/networking.istio.io/v1/namespaces/default/virtualservices"
    cluster.post(
      path,
      [
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": ["name": "v"],
        "spec": ["hosts": ["a"], "x": ["a"]],
      ])
    func patch(_ copies: [Value]) -> APIResponse {
      cluster.respond(
        to: APIRequest(
          "PATCH", path + "/v", body: .array(copies), contentType: "application/json-patch+json"))
    }
    let version = cluster.store.version
    let doubled: Value = ["op": "copy", "from": "/spec/x", "path": "/spec/x/-"]
    #expect(patch(Array(repeating: doubled, count: 30)).status == 422)
    let deep: Value = ["op": "copy", "from": "/spec", "path": "/spec/x"]
    #expect(patch(Array(repeating: deep, count: 300)).status == 422)
    let nest: [Value] = (0..<100).map { n in
      let inner = "/spec" + String(repeating: "/x", count: n)
      return ["op": "copy", "from": "/spec", "path": .string(inner + "/x")]
    }
    #expect(patch(nest).status == 422)
    #expect(cluster.store.version == version)
    #expect(patch(Array(repeating: doubled, count: 3)).status == 200)
  }

  /// What Go decodes into an int32 holds no larger number.
  @Test func numbersHaveTheirSize() {
    var cluster = SandboxCluster()
    cluster.post(deployments, deployment())
    cluster.advance(by: 5000)
    let pods = "/api/v1/namespaces/default/pods"
    let pod = cluster.get(pods)["items"]?[0]?.at("metadata", "name")?.string ?? ""
    let sets = "/apis/apps/v1/namespaces/default/replicasets"
    let set = cluster.get(sets)["items"]?[0]?.at("metadata", "name")?.string ?? ""
    let events = "/api/v1/namespaces/default/events"
    let event = cluster.get(events)["items"]?[0]?.at("metadata", "name")?.string ?? ""
    let large: [(String, Value)] = [
      ("\(pods)/\(pod)/status", ["status": ["containerStatuses": [["name": "app", "restartCount": .int(.max)]]]]),
      ("\(sets)/\(set)/status", ["status": ["replicas": .int(.max)]]),
      ("\(deployments)/web/status", ["status": ["updatedReplicas": .int(.min)]]),
      ("\(deployments)/web/scale", ["spec": ["replicas": .int(1 << 31)]]),
      ("\(events)/\(event)", ["count": .int(.max)]),
    ]
    for (path, patch) in large {
      let answer = cluster.merge(path, patch)
      #expect(answer.status == 400, "\(path)")
      #expect(message(answer).hasSuffix("of type int32"), "\(message(answer))")
    }
    let refused = cluster.merge(large[0].0, large[0].1)
    #expect(
      message(refused)
        == #"Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number 9223372036854775807 into Go "#
        + "struct field ContainerStatus.status.containerStatuses.restartCount of type int32")
  }

  @Test func aDefinitionServesItsKind() {
    var cluster = SandboxCluster()
    let path = "/apis/example.com/v1/namespaces/default/widgets"
    #expect(cluster.get(path)["code"] == 404)
    cluster.post(
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
      [
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": ["name": "widgets.example.com"],
        "spec": [
          "group": "example.com", "scope": "Namespaced", "names": ["plural": "widgets", "kind": "Widget"],
          "versions": [
            [
              "name": "v1", "served": true, "storage": true,
              "schema": ["openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]],
            ]
          ],
        ],
      ])
    let made = cluster.post(
      path, ["apiVersion": "example.com/v1", "kind": "Widget", "metadata": ["name": "w"], "spec": ["size": 1]])
    #expect(made.status == 201)
    let definition = cluster.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com")
    #expect(condition(definition, "Established")?["status"] == "True")
  }

  /// Nothing that a client sends stops the server.
  @Test(arguments: UInt64(1)...60) func oddBodiesAreAnswered(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func random(_ n: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(n))
    }
    func odd(_ value: Value) -> Value {
      if random(9) == 0 {
        let choices: [Value] = [.null, .bool(true), .int(.max), .int(-1), .double(1e300), "", "💥", [], [:], [.null]]
        return choices[random(choices.count)]
      }
      switch value {
      case .object(let fields): return .object(Fields(fields.entries.map { .init(key: $0.key, value: odd($0.value)) }))
      case .array(let items): return .array(items.map(odd))
      default: return value
      }
    }
    var cluster = SandboxCluster()
    cluster.apply(deployments + "/web", deployment(replicas: 2))
    cluster.advance(by: 5000)
    for type in [
      "application/apply-patch+yaml", "application/merge-patch+json", "application/strategic-merge-patch+json",
    ] {
      for _ in 0..<5 {
        let answer = cluster.respond(
          to: APIRequest(
            "PATCH", deployments + "/web",
            query: ["fieldManager": "odd", "force": type.contains("apply") ? "true" : ""],
            body: odd(deployment(replicas: 2)), contentType: type))
        #expect((200...599).contains(answer.status), "seed \(seed)")
      }
    }
    cluster.advance(by: 1000)
    #expect(cluster.get(deployments + "/web") != .null, "seed \(seed)")
  }
}
