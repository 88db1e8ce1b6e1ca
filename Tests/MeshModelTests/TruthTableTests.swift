import KubernetesModel
import MeshModel
import Testing

/// The votes example as its second step leaves it, and what Istio's own route builder answers.
@Suite("What Istio answers")
struct TruthTableTests {
  private static let storage = "voting-storage.voting.svc.cluster.local"
  private static let analytics = "voting-analytics.voting.svc.cluster.local"

  private static let base: [Value] = [
    service("voting-app", in: "voting", [("http", 8080, 8080)]),
    service("voting-analytics", in: "voting", [("http", 8080, 8080)]),
    service("voting-storage", in: "voting", [("redis", 6379, "redis"), ("mysql", 3306, "mysql")]),
    deployment("voting-app", "1.0", in: "voting"), deployment("voting-app", "2.0", in: "voting"),
    deployment("voting-analytics", "1.0", in: "voting"), deployment("voting-analytics", "1.1", in: "voting"),
    deployment("voting-storage", "1.0", in: "voting", ports: [("redis", 6379)]),
    deployment("voting-storage", "2.0", in: "voting", ports: [("mysql", 3306)]),
    destinationRule(
      analytics, in: "voting", subsets: ["v1-0": ["version": "1.0"], "v1-1": ["version": "1.1"]]
    ),
    destinationRule(storage, in: "voting", subsets: ["v1-0": ["version": "1.0"], "v2-0": ["version": "2.0"]]),
  ]

  private static func lanes(_ match: Value) -> Value {
    virtualService(
      "voting-analytics", in: "voting", hosts: [.string(analytics)],
      http: [rule([match], [to(analytics, "v1-1", port: 8080)])]
    )
  }

  private static let app1: Value = ["sourceLabels": ["app": "voting-app", "version": "1.0"]]

  private func ask(_ objects: [Value], _ client: Client, _ host: String, _ port: Int, path: String = "/") -> String {
    summary(MeshView(parsing: Self.base + objects).route(client, HTTPRequest(host: host, port: port, path: path)))
  }

  private func connect(_ objects: [Value], _ client: Client, _ host: String, _ port: Int) -> String {
    summary(MeshView(parsing: Self.base + objects).route(client, TCPConnection(host: host, port: port)))
  }

  @Test func aSourceWithoutALaneGetsEveryVersion() {
    let all = "voting-analytics:8080 → voting-analytics-1-0+voting-analytics-1-1"
    let lanes = [Self.lanes(Self.app1)]
    let app1 = sidecar("voting-app", "1.0", in: "voting")
    #expect(ask(lanes, app1, "voting-analytics", 8080) == "voting-analytics:8080/v1-1 → voting-analytics-1-1")
    #expect(ask(lanes, sidecar("voting-app", "2.0", in: "voting"), "voting-analytics", 8080) == all)
    #expect(ask(lanes, .sidecar(labels: [:], namespace: "voting"), "voting-analytics", 8080) == all)
    #expect(ask([], app1, "voting-analytics", 8080) == all)
  }

  @Test(arguments: [
    ("voting-app", "1.0", 6379, "voting-storage:6379/v1-0 → voting-storage-1-0"),
    ("voting-app", "1.0", 3306, "voting-storage:6379/v1-0 → voting-storage-1-0"),
    ("voting-app", "2.0", 6379, "voting-storage:3306/v2-0 → voting-storage-2-0"),
    ("voting-analytics", "1.0", 6379, "voting-storage:6379 → voting-storage-1-0"),
    ("voting-analytics", "1.0", 3306, "voting-storage:3306 → voting-storage-2-0"),
  ])
  func lanesWithoutPortsCross(app: String, version: String, port: Int, expected: String) {
    let rules = virtualService(
      "voting-storage", in: "voting", hosts: [.string(Self.storage)],
      tcp: [
        rule([Self.app1], [to(Self.storage, "v1-0", port: 6379)]),
        rule(
          [["sourceLabels": ["app": "voting-app", "version": "2.0"]]], [to(Self.storage, "v2-0", port: 3306)]
        ),
      ]
    )
    #expect(connect([rules], sidecar(app, version, in: "voting"), "voting-storage", port) == expected)
  }

  @Test func aLaneWithAPortLeavesTheOtherPortsAlone() {
    let rules = virtualService(
      "voting-storage", in: "voting", hosts: [.string(Self.storage)],
      tcp: [
        rule(
          [["port": 6379, "sourceLabels": ["app": "voting-app", "version": "1.0"]]],
          [to(Self.storage, "v1-0", port: 6379)]
        )
      ]
    )
    let app1 = sidecar("voting-app", "1.0", in: "voting")
    #expect(connect([rules], app1, "voting-storage", 3306) == "voting-storage:3306 → voting-storage-2-0")
  }

  @Test func onlyAnotherRuleThatSurvivesMakesA404() {
    let rules = virtualService(
      "voting-analytics", in: "voting", hosts: [.string(Self.analytics)],
      http: [
        rule([Self.app1], [to(Self.analytics, "v1-1")]),
        rule([["uri": ["prefix": "/x"]]], [to(Self.analytics, "v1-0")]),
      ]
    )
    let app2 = sidecar("voting-app", "2.0", in: "voting")
    #expect(ask([rules], app2, "voting-analytics", 8080) == "404 NR")
    #expect(
      ask([rules], app2, "voting-analytics", 8080, path: "/xyz")
        == "voting-analytics:8080/v1-0 → voting-analytics-1-0"
    )
  }

  @Test func gatewaysReplaceSourceLabelsForHTTPOnly() {
    let match: Value = ["gateways": ["mesh"], "sourceLabels": ["app": "voting-app", "version": "1.0"]]
    let http = Self.lanes(match)
    let app2 = sidecar("voting-app", "2.0", in: "voting")
    #expect(ask([http], app2, "voting-analytics", 8080) == "voting-analytics:8080/v1-1 → voting-analytics-1-1")
    let tcp = virtualService(
      "voting-storage", in: "voting", hosts: [.string(Self.storage)],
      tcp: [rule([match], [to(Self.storage, "v1-0", port: 6379)])]
    )
    #expect(connect([tcp], app2, "voting-storage", 3306) == "voting-storage:3306 → voting-storage-2-0")
  }

  @Test func aSubsetThatIsNotDefinedIsNoCluster() {
    let rules = virtualService(
      "voting-analytics", in: "voting", hosts: [.string(Self.analytics)],
      http: [rule([], [to(Self.analytics, "v9", weight: 30), to(Self.analytics, "v1-0", weight: 70)])]
    )
    #expect(
      ask([rules], sidecar("voting-app", "1.0", in: "voting"), "voting-analytics", 8080)
        == "30.0% 503 NC, 70.0% voting-analytics:8080/v1-0 → voting-analytics-1-0"
    )
  }

  @Test func aSubsetWithoutReadyPodsIsUnhealthy() throws {
    var view = MeshView(parsing: Self.base + [Self.lanes(Self.app1)])
    let pods = ObjectID(group: "apps", kind: "Deployment", namespace: "voting", name: "voting-analytics-1-1")
    view.setReady(pods, 0)
    let request = HTTPRequest(host: "voting-analytics", port: 8080)
    #expect(summary(view.route(sidecar("voting-app", "1.0", in: "voting"), request)) == "503 UH")
    view.setReady(pods, 2)
    #expect(
      summary(view.route(sidecar("voting-app", "1.0", in: "voting"), request))
        == "voting-analytics:8080/v1-1 → voting-analytics-1-1"
    )
  }

  @Test func ofTwoVirtualServicesInTheMeshTheOlderOwnsTheHost() {
    let older = virtualService(
      "b", in: "voting", hosts: [.string(Self.analytics)], age: 2, http: [rule([], [to(Self.analytics, "v1-0")])]
    )
    let newer = virtualService(
      "a", in: "voting", hosts: [.string(Self.analytics)], age: 1, http: [rule([], [to(Self.analytics, "v1-1")])]
    )
    let client = sidecar("voting-app", "1.0", in: "voting")
    for order in [[older, newer], [newer, older]] {
      #expect(ask(order, client, "voting-analytics", 8080) == "voting-analytics:8080/v1-0 → voting-analytics-1-0")
    }
  }

  @Test func aSidecarTakesTheListenersPortForAnotherService() {
    let rules = virtualService(
      "other", in: "voting", hosts: ["other"], http: [rule([], [to("voting-app")])]
    )
    let other = service("other", in: "voting", [("http", 9999, 8080)])
    #expect(ask([rules, other], sidecar("x", "1", in: "voting"), "other", 9999) == "503 NC")
  }

  @Test func anHTTPRuleOnATCPPortIsIgnored() {
    let rules = virtualService(
      "voting-storage", in: "voting", hosts: [.string(Self.storage)],
      http: [rule([], [to(Self.storage, "v1-0", port: 6379)])]
    )
    let client = sidecar("voting-app", "1.0", in: "voting")
    #expect(connect([rules], client, "voting-storage", 3306) == "voting-storage:3306 → voting-storage-2-0")
    #expect(ask([rules], client, "voting-storage", 3306) == "voting-storage:3306 → voting-storage-2-0")
  }

  @Test func aPortWithoutAProtocolIsToldApartByItsBytes() {
    let odd = service("odd", in: "voting", [("main", 7000, 8080)], selector: ["app": "voting-app"])
    let rules = virtualService(
      "odd", in: "voting", hosts: ["odd"],
      http: [rule([["uri": ["exact": "/never"]]], [to("voting-analytics", port: 8080)])],
      tcp: [rule([], [to(Self.storage, "v1-0", port: 6379)])]
    )
    let client = sidecar("voting-app", "1.0", in: "voting")
    #expect(connect([odd, rules], client, "odd", 7000) == "voting-storage:6379/v1-0 → voting-storage-1-0")
    #expect(ask([odd, rules], client, "odd", 7000) == "404 NR")
  }
}
