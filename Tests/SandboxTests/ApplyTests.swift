import KubernetesModel
import Sandbox
import Testing

@Suite("Server-side apply") struct ApplyTests {
  @Test func createsWith201AndRepeatsWithoutAChange() {
    var cluster = SandboxCluster()
    let first = cluster.apply(deployments + "/web", deployment())
    #expect(first.status == 201)
    let before = cluster.get(deployments + "/web").at("metadata", "resourceVersion")
    let second = cluster.apply(deployments + "/web", deployment())
    #expect(second.status == 200)
    #expect(second.value?.at("metadata", "resourceVersion") == before)
  }

  @Test func setsTheDefaultsAndDoesNotOwnThem() throws {
    var cluster = SandboxCluster()
    let made = try #require(cluster.apply(deployments + "/web", deployment(replicas: nil)).value)
    #expect(made.at("spec", "replicas") == 1)
    #expect(made.at("spec", "strategy", "rollingUpdate", "maxSurge") == "25%")
    #expect(made.at("spec", "template", "spec", "containers")?[0]?["ports"]?[0]?["protocol"] == "TCP")
    let mine = try #require(owned(made, by: "rolloutc"))
    #expect(mine.at("f:spec", "f:replicas") == nil)
    #expect(mine.at("f:spec", "f:strategy") == nil)
    let ports = mine.at("f:spec", "f:template", "f:spec", "f:containers", #"k:{"name":"app"}"#, "f:ports")
    #expect(ports?[#"k:{"containerPort":8080,"protocol":"TCP"}"#]?["f:name"] == [:])
    #expect(mine["f:metadata"] == nil, "no manager owns the name")
  }

  @Test func aStatefulSetMountsWhatItClaims() throws {
    var cluster = SandboxCluster()
    func set(_ mount: String) -> Value {
      [
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": ["name": "db", "namespace": "default"],
        "spec": [
          "serviceName": "db", "selector": ["matchLabels": ["app": "db"]],
          "template": [
            "metadata": ["labels": ["app": "db"]],
            "spec": [
              "containers": [
                ["name": "db", "image": "db", "volumeMounts": [["name": .string(mount), "mountPath": "/data"]]]
              ]
            ],
          ],
          "volumeClaimTemplates": [
            [
              "metadata": ["name": "data"],
              "spec": ["accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1Gi"]]],
            ]
          ],
        ],
      ]
    }
    let path = "/apis/apps/v1/namespaces/default/statefulsets"
    #expect(message(cluster.apply(path + "/db", set("other"))).contains("Not found: \"other\""))
    #expect(cluster.apply(path + "/db", set("data")).status == 201)
  }

  @Test func portsOfAServiceHaveNamesOfTheirOwn() throws {
    var cluster = SandboxCluster()
    let path = "/api/v1/namespaces/default/services/web"
    func service(_ names: [String?]) -> Value {
      let ports: [Value] = names.enumerated().map { i, name in
        name.map { ["name": .string($0), "port": .int(80 + i)] } ?? ["port": .int(80 + i)]
      }
      return [
        "apiVersion": "v1", "kind": "Service", "metadata": ["name": "web", "namespace": "default"],
        "spec": ["ports": .array(ports)],
      ]
    }
    #expect(
      message(cluster.apply(path, service(["http", "http"]))).contains("spec.ports[1].name: Duplicate value: \"http\""))
    #expect(message(cluster.apply(path, service(["http", nil]))).contains("spec.ports[1].name: Required value"))
    #expect(cluster.apply(path, service([nil])).status == 201)
    #expect(cluster.apply(path, service(["http", "admin"])).status == 200)
  }

  @Test func refusesAForeignFieldInTheServersWords() throws {
    var cluster = SandboxCluster()
    cluster.apply(deployments + "/web", deployment(replicas: 1))
    cluster.merge(deployments + "/web", ["spec": ["replicas": 5]], manager: "kubectl")
    let refused = cluster.apply(deployments + "/web", deployment(replicas: 2))
    #expect(refused.status == 409)
    let text =
      #"Apply failed with 1 conflict: conflict with "kubectl" using apps/v1 at 2026-01-01T00:00:00Z: .spec.replicas"#
    #expect(message(refused) == text)
    let cause = try #require(refused.value?.at("details", "causes")?[0])
    #expect(cause["reason"] == "FieldManagerConflict")
    #expect(cause["field"] == ".spec.replicas")
    // The same value is no conflict: both own it.
    #expect(cluster.apply(deployments + "/web", deployment(replicas: 5)).status == 200)
    let forced = cluster.apply(deployments + "/web", deployment(replicas: 2), force: true)
    #expect(forced.status == 200)
    #expect(forced.value?.at("spec", "replicas") == 2)
    #expect(owned(try #require(forced.value), by: "kubectl") == nil)
  }

  @Test func namesItemsOfListsInConflicts() {
    var cluster = SandboxCluster()
    cluster.apply(deployments + "/web", deployment(image: "web:1"))
    let refused = cluster.apply(deployments + "/web", deployment(image: "web:2"), manager: "other")
    #expect(
      message(refused)
        == #"Apply failed with 1 conflict: conflict with "rolloutc": .spec.template.spec.containers[name="app"].image"#)
  }

  @Test func dropsWhatIsNoLongerApplied() {
    var cluster = SandboxCluster()
    let path = "/api/v1/namespaces/default/configmaps/settings"
    func config(_ data: Value) -> Value {
      ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "settings"], "data": data]
    }
    cluster.apply(path, config(["a": "1", "b": "2"]))
    cluster.apply(path, config(["b": "2", "c": "3"]), manager: "other")
    cluster.apply(path, config(["a": "1"]))
    #expect(cluster.get(path)["data"] == ["a": "1", "b": "2", "c": "3"], "`b` belongs to `other` too")
    cluster.apply(path, config(["c": "3"]), manager: "other")
    #expect(cluster.get(path)["data"] == ["a": "1", "c": "3"])
  }

  @Test func aDroppedFieldFallsBackToItsDefault() {
    var cluster = SandboxCluster()
    cluster.apply(deployments + "/web", deployment(replicas: 4, extra: ["strategy": ["type": "Recreate"]]))
    #expect(cluster.get(deployments + "/web").at("spec", "strategy") == ["type": "Recreate"])
    let now = cluster.apply(deployments + "/web", deployment(replicas: nil)).value
    #expect(now?.at("spec", "replicas") == 1, "kubernetes/kubernetes#67135")
    #expect(now?.at("spec", "strategy", "type") == "RollingUpdate")
  }

  @Test func keepsPortsApartByNumberAndProtocol() {
    var cluster = SandboxCluster()
    let path = "/api/v1/namespaces/default/services/dns"
    func service(_ ports: Value) -> Value {
      [
        "apiVersion": "v1", "kind": "Service", "metadata": ["name": "dns"],
        "spec": ["selector": ["app": "dns"], "ports": ports],
      ]
    }
    let udp: Value = ["name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53]
    let tcp: Value = ["name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53]
    cluster.apply(path, service([udp]))
    cluster.apply(path, service([tcp]), manager: "other")
    #expect(cluster.get(path).at("spec", "ports")?.array?.count == 2)
    let doubled = cluster.apply(path, service([tcp, tcp]))
    #expect(doubled.status == 500)
    #expect(message(doubled).contains("duplicate entries for key [port=53,protocol=\"TCP\"]"))
  }

  @Test func aListOfACustomResourceHasOneOwner() {
    var cluster = SandboxCluster()
    let path = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/web"
    func routes(_ weight: Int) -> Value {
      [
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": ["name": "web"],
        "spec": ["hosts": ["web"], "http": [["route": [["destination": ["host": "web"], "weight": .int(weight)]]]]],
      ]
    }
    cluster.apply(path, routes(100))
    let refused = cluster.apply(path, routes(90), manager: "flagger")
    #expect(refused.value?.at("details", "causes")?[0]?["field"] == ".spec.http")
  }

  @Test func doesNotBringBackADeletedObject() throws {
    var cluster = SandboxCluster()
    let made = try #require(cluster.apply(deployments + "/web", deployment()).value)
    cluster.delete(deployments + "/web", ["propagationPolicy": "Background"])
    var body = deployment()
    if case .object(var fields) = body, case .object(var metadata)? = fields["metadata"] {
      metadata["uid"] = made.at("metadata", "uid")
      fields["metadata"] = .object(metadata)
      body = .object(fields)
    }
    let refused = cluster.apply(deployments + "/web", body)
    #expect(refused.status == 409)
    #expect(message(refused).contains("uid mismatch"))
  }

  @Test func aDryRunChangesNothing() {
    var cluster = SandboxCluster()
    #expect(cluster.apply(deployments + "/web", deployment(), dryRun: true).status == 201)
    #expect(cluster.get(deployments + "/web")["code"] == 404)
    cluster.apply(deployments + "/web", deployment())
    let version = cluster.store.version
    let shown = cluster.apply(deployments + "/web", deployment(image: "web:2"), dryRun: true).value
    #expect(shown?.at("metadata", "generation") == 2)
    #expect(cluster.store.version == version)
  }

  /// Applying any sequence of configurations as one manager leaves exactly the last one's data.
  @Test(arguments: UInt64(1)...40) func theLastApplyWins(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func random(_ n: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(n))
    }
    var cluster = SandboxCluster()
    let path = "/api/v1/namespaces/default/services/s"
    var wanted: [Int] = []
    for _ in 0..<6 {
      wanted = (1...5).filter { _ in random(2) == 0 }
      if wanted.isEmpty { wanted = [1] }
      let ports = wanted.map { port -> Value in
        ["name": .string("p\(port)"), "port": .int(port), "protocol": "TCP", "targetPort": .int(port)]
      }
      let answer = cluster.apply(
        path,
        [
          "apiVersion": "v1", "kind": "Service", "metadata": ["name": "s"],
          "spec": ["selector": ["app": "s"], "ports": .array(ports)],
        ])
      #expect(answer.status < 300, "seed \(seed)")
    }
    let live = (cluster.get(path).at("spec", "ports")?.array ?? []).compactMap { $0["port"]?.int }
    #expect(live.sorted() == wanted, "seed \(seed)")
  }

  @Test func ownershipSurvivesTheWire() throws {
    var cluster = SandboxCluster()
    let made = try #require(cluster.apply(deployments + "/web", deployment()).value)
    for entry in managedFields(of: made) {
      #expect(FieldSet(fieldsV1: entry.fields.fieldsV1) == entry.fields)
    }
  }
}
