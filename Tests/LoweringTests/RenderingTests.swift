import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import Testing

private let nowhere = SourceRange(file: FileID(0), 0..<0)

/// One exposed component `web` with versions 1 and 2, both deployed.
private struct Web {
  var plan = Plan(name: "shop", nameRange: nowhere)
  var state = State()

  init(ports: [PortProtocol] = [.http]) {
    var web = Component(name: "web", service: "web", range: nowhere, nameRange: nowhere)
    for name in ["1", "2"] {
      var version = ComponentVersion(name: name, range: nowhere, image: "web:" + name, imageRange: nowhere)
      version.ports = ports.enumerated().map { Port(number: 8080 + $0, proto: $1, range: nowhere) }
      web.versions.append(version)
    }
    plan.components = [web]
    expose()
    state.exists = true
    state.components = [component([(0, 1), (1, 1)], lanes: [RouteTable(fallback: 0)], entry: RouteTable(fallback: 0))]
  }

  mutating func expose(_ port: Int = 80, path: String = "/", tls: String? = nil, gateway: String? = nil) {
    plan.exposures = [
      Exposure(
        component: ComponentID(0), port: port, hosts: ["*"], path: path, tlsSecret: tls, gateway: gateway,
        range: nowhere)
    ]
  }

  var image: ObjectSet {
    let renderer = Renderer(plan)
    return renderer.objects(renderer.view(of: state))
  }

  func object(_ kind: String, _ name: String) -> Value? {
    image.entries.first { $0.id.kind == kind && $0.id.name == name }?.plain
  }

  var entry: [Value] { object("VirtualService", "web")?.at("spec", "http")?.array ?? [] }
}

struct RenderingTests {
  @Test func sharesAddUpToOneHundredAndKeepTheirVisitors() throws {
    var web = Web()
    web.state.components[0].entry?.shares = [
      RouteTable.Share(version: 1, percent: 10, stickyMilliseconds: 3_600_000)
    ]
    let routes = web.entry
    #expect(routes.compactMap { $0["name"]?.string } == ["sticky-2", "sticky-1", "default"])
    #expect(routes[2]["route"]?.array?.compactMap { $0["weight"]?.int } == [10, 90])
    let cookie = routes[2]["route"]?[0]?.at("headers", "response", "add", "set-cookie")?.string
    #expect(cookie == "rolloutc-shop-web=v2; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax")
    #expect(
      routes[0]["match"]?[0]?.at("headers", "cookie", "regex")
        == #"(?:.*;[ \t]*)?rolloutc-shop-web=v2(?:[ \t]*;.*)?"#)
  }

  @Test func aPathIsASegmentPrefix() {
    var web = Web()
    web.expose(path: "/shop/")
    #expect(web.entry[0]["match"] == [["uri": ["exact": "/shop"]], ["uri": ["prefix": "/shop/"]]])
  }

  @Test func aMirrorGoesBesideWhatIsNotItself() {
    var web = Web()
    web.state.components[0].entry?.rules = [
      RouteTable.Rule(selector: .header(key: "x-user", value: "ann"), version: 1)
    ]
    web.state.components[0].mirror = Mirror(version: 1, percent: 25)
    let routes = web.entry
    #expect(routes[0]["name"] == "header-x-user-ann")
    #expect(routes[0]["mirror"] == nil)
    #expect(routes[1].at("mirror", "subset") == "v2")
    #expect(routes[1].at("mirrorPercentage", "value") == 25)
  }

  @Test func gatewaysSpeakWhatIsExposed() {
    var web = Web()
    web.expose(443, tls: "web-tls")
    #expect(
      web.object("Gateway", "web-gateway")?.at("spec", "servers")?[0] == [
        "port": ["number": 443, "name": "https", "protocol": "HTTPS"], "hosts": ["*"],
        "tls": ["mode": "SIMPLE", "credentialName": "web-tls"],
      ])
    web = Web(ports: [.mysql])
    web.expose(8080)
    #expect(web.object("Gateway", "web-gateway")?.at("spec", "servers")?[0]?.at("port", "protocol") == "TCP")
    #expect(web.object("VirtualService", "web")?.at("spec", "tcp")?[0]?["match"] == [["port": 8080]])
    // What speaks TLS itself is told apart by the name that clients ask for, and nothing of it is ended.
    web = Web(ports: [.tls])
    web.expose(443)
    #expect(
      web.object("Gateway", "web-gateway")?.at("spec", "servers")?[0] == [
        "port": ["number": 443, "name": "tls", "protocol": "TLS"], "hosts": ["*"], "tls": ["mode": "PASSTHROUGH"],
      ])
    let passed = web.object("VirtualService", "web")
    #expect(passed?.at("spec", "tls")?[0]?["match"] == [["port": 443, "sniHosts": ["*"]]])
    #expect(passed?.at("spec", "tcp") == nil && passed?.at("spec", "hosts") == ["*"])
    // Whether a gateway of others ends the connection or reads its name nobody knows.
    web.expose(443, gateway: "edge/shared")
    let foreign = web.object("VirtualService", "web")
    #expect(foreign?.at("spec", "tcp")?[0]?["match"] == [["port": 443]])
    #expect(foreign?.at("spec", "tls")?[0]?["route"] == foreign?.at("spec", "tcp")?[0]?["route"])
    web = Web()
    web.expose(gateway: "edge/shared")
    #expect(web.object("Gateway", "web-gateway") == nil)
    #expect(web.object("VirtualService", "web")?.at("spec", "gateways") == ["edge/shared"])
    // What other ports it has nobody knows.
    #expect(web.entry.first?["match"] == [["uri": ["prefix": "/"], "port": 80]])
  }

  @Test("paths of one port are conditions of one rule")
  func pathsOfOnePortAreOneRule() {
    var web = Web()
    web.plan.exposures = []
    for (port, path) in [(80, "/shop"), (80, "/static"), (8080, "/shop")] {
      web.plan.exposures.append(
        Exposure(
          component: ComponentID(0), port: port, hosts: ["*"], path: path, tlsSecret: nil, gateway: nil, range: nowhere)
      )
    }
    #expect(web.entry.map { $0["name"]?.string } == ["default-80", "default-8080"])
    #expect(
      web.entry.first?["match"] == [
        ["uri": ["exact": "/shop"], "port": 80], ["uri": ["prefix": "/shop/"], "port": 80],
        ["uri": ["exact": "/static"], "port": 80], ["uri": ["prefix": "/static/"], "port": 80],
      ])
    var one = Web()
    one.plan.exposures = []
    for path in ["/shop", "/static"] {
      one.plan.exposures.append(
        Exposure(
          component: ComponentID(0), port: 80, hosts: ["*"], path: path, tlsSecret: nil, gateway: nil, range: nowhere))
    }
    #expect(one.entry.map { $0["name"]?.string } == ["default"])
    #expect(one.entry.first?["match"]?.array?.count == 4)
    #expect(one.object("Gateway", "web-gateway")?.at("spec", "servers")?.array?.count == 1)
  }

  @Test("a browser uses its connection for all hosts of a certificate, so that they share one server")
  func oneServerForEachPortAndCertificate() {
    var web = Web()
    web.plan.components.append(web.plan.components[0])
    web.plan.components[1].name = "api"
    web.plan.components[1].service = "api"
    web.state.components.append(web.state.components[0])
    func expose(_ component: Int, _ port: Int, _ hosts: [String], _ secret: String? = nil) -> Exposure {
      Exposure(
        component: ComponentID(component), port: port, hosts: hosts, path: "/", tlsSecret: secret, gateway: nil,
        range: nowhere)
    }
    func servers(_ name: String) -> [String]? {
      web.object("Gateway", name)?.at("spec", "servers")?.array?.map { server in
        "\(server.at("port", "name")?.string ?? "?") \((server["hosts"]?.array ?? []).compactMap(\.string).joined(separator: " "))"
      }
    }
    web.plan.exposures = [
      expose(1, 443, ["api.example.com"], "cert"), expose(0, 443, ["example.com", "api.example.com"], "cert"),
    ]
    #expect(servers("api-gateway") == ["https api.example.com example.com"])
    #expect(servers("web-gateway") == nil)
    #expect(web.object("VirtualService", "web")?.at("spec", "gateways") == ["api-gateway"])

    // Two certificates are two servers; a component keeps all its ways in in one Gateway.
    web.plan.exposures = [
      expose(0, 80, ["*"]), expose(1, 443, ["api.example.com"], "other"), expose(0, 443, ["example.com"], "cert"),
    ]
    #expect(servers("web-gateway") == ["http *", "https example.com"])
    #expect(servers("api-gateway") == ["https api.example.com"])
    #expect(web.object("VirtualService", "api")?.at("spec", "gateways") == ["api-gateway"])

    // A host within a wider one stays out, or the wide one's routes would be asked for it, too.
    web.plan.exposures = [expose(1, 80, ["a.example.com", "b.org"]), expose(0, 80, ["*.example.com"])]
    #expect(servers("api-gateway") == ["http b.org *.example.com"])

    // Who shares with two others joins all three.
    web.plan.exposures = [
      expose(1, 8080, ["a.example.com"]), expose(0, 443, ["example.com"], "cert"),
      expose(1, 443, ["a.example.com"], "other"), expose(0, 8080, ["b.example.com"]),
    ]
    #expect(
      servers("api-gateway") == [
        "http a.example.com b.example.com", "https example.com", "https-443 a.example.com",
      ])
    #expect(servers("web-gateway") == nil)
  }

  @Test("who is exposed for different hosts at two ports has the routes of each at its port alone")
  func eachPortHasItsHosts() {
    var web = Web()
    web.plan.exposures = [
      Exposure(
        component: ComponentID(0), port: 80, hosts: ["*"], path: "/", tlsSecret: nil, gateway: nil, range: nowhere),
      Exposure(
        component: ComponentID(0), port: 443, hosts: ["shop.example.com"], path: "/", tlsSecret: "cert", gateway: nil,
        range: nowhere),
    ]
    let entry = web.object("VirtualService", "web")
    // Hosts of a VirtualService may not overlap.
    #expect(entry?.at("spec", "hosts") == ["*"])
    #expect(entry?.at("spec", "gateways") == ["web-gateway"])
    #expect(
      web.entry.map { $0["match"] } == [
        [["uri": ["prefix": "/"], "port": 80]], [["uri": ["prefix": "/"], "port": 443]],
      ])
    #expect(web.entry.compactMap { $0["name"]?.string } == ["default-80", "default-443"])
  }

  @Test("`Recreate` in a patch takes the settings of the other strategy away")
  func strategiesKeepTheirOwnSettings() {
    var web = Web()
    web.plan.patches = [
      Patch(
        target: .deployment(ComponentID(0), version: nil), value: ["spec": ["strategy": ["type": "Recreate"]]],
        range: nowhere)
    ]
    #expect(web.object("Deployment", "web-1")?.at("spec", "strategy") == ["type": "Recreate"])
  }

  @Test func portsOfOneProtocolHaveNamesOfTheirOwn() {
    let web = Web(ports: [.http, .http, .https])
    let ports = web.object("Service", "web")?.at("spec", "ports")?.array ?? []
    #expect(ports.compactMap { $0["name"]?.string } == ["http", "http-2", "tcp-https"])
    #expect(ports.compactMap { $0["targetPort"]?.string } == ["http", "http-2", "tcp-https"])
    #expect(ports.last?["appProtocol"] == "tcp")
    let mesh = web.object("VirtualService", "web-mesh")
    #expect(mesh?.at("spec", "http")?.array?.compactMap { $0["name"]?.string } == ["default-8080", "default-8081"])
  }

  @Test func eachVersionHasItsOwnTarget() {
    var web = Web(ports: [.http, .https])
    web.plan.components[0].versions[0].ports[0].target = 3000
    web.plan.components[0].versions[1].ports[0].target = 8081
    web.plan.components[0].versions[1].ports[1].target = 8080
    web.plan.components[0].versions[1].readiness = HealthCheck(
      action: .http(method: "GET", path: "/", port: 8080), withinMilliseconds: nil, range: nowhere)
    func container(_ version: String) -> Value? {
      web.object("Deployment", "web-" + version)?.at("spec", "template", "spec", "containers")?[0]
    }
    func ports(_ version: String) -> [String] {
      (container(version)?["ports"]?.array ?? []).map {
        "\($0["name"]?.string ?? "-") \($0["containerPort"]?.int ?? 0)"
      }
    }
    #expect(ports("1") == ["http 3000", "tcp-https 8081"])
    #expect(ports("2") == ["http 8081", "tcp-https 8080"])
    #expect(container("1")?["readinessProbe"] == ["tcpSocket": ["port": 3000]])
    // The kubelet asks the container, at the port that speaks TLS there.
    #expect(container("2")?["readinessProbe"] == ["httpGet": ["path": "/", "port": 8080, "scheme": "HTTPS"]])
    let service = web.object("Service", "web")?.at("spec", "ports")?.array ?? []
    #expect(service.compactMap { $0["port"]?.int } == [8080, 8081])
    #expect(service.compactMap { $0["targetPort"]?.string } == ["http", "tcp-https"])
    #expect(web.entry.first?["route"]?[0]?.at("destination", "port", "number") == 8080)
  }

  @Test func aDarkVersionsOwnPortStaysOut() {
    var web = Web()
    web.plan.components[0].versions[1].ports = [Port(number: 9000, proto: .tcp, range: nowhere)]
    let ports = { web.object("Service", "web")?.at("spec", "ports")?.array?.compactMap { $0["port"]?.int } }
    #expect(ports() == [8080])
    web.state.components[0].lanes = [RouteTable(fallback: 1)]
    #expect(ports() == [8080, 9000])
  }

  @Test func tlsModes() {
    for (mode, client, server) in [
      (MTLSMode.strict, "ISTIO_MUTUAL", "STRICT"), (.permissive, nil, "PERMISSIVE"), (.off, "DISABLE", "DISABLE"),
    ] {
      var web = Web()
      web.state.mtls = mode
      #expect(
        web.object("DestinationRule", "web")?.at("spec", "trafficPolicy", "tls", "mode")?.string == client)
      #expect(web.object("PeerAuthentication", "default")?.at("spec", "mtls", "mode")?.string == server)
    }
    #expect(Web().object("PeerAuthentication", "default") == nil)
  }

  @Test func patchesMergeByKeyAndNeverTouchIdentity() {
    var web = Web()
    web.plan.patches = [
      Patch(
        target: .deployment(ComponentID(0), version: VersionID(ComponentID(0), 1)),
        value: [
          "metadata": ["name": "other", "labels": ["team": "a", "app.kubernetes.io/part-of": "x"]],
          "spec": [
            "strategy": .null,
            "template": [
              "metadata": ["labels": ["version": "9"]],
              "spec": ["containers": [["name": "web", "env": [["name": "A", "value": "1"]]], ["name": "side"]]],
            ],
          ],
        ], range: nowhere),
      Patch(target: .route(ComponentID(0)), value: ["spec": ["exportTo": ["."]]], range: nowhere),
      Patch(target: .object(kind: "ConfigMap", name: "none"), value: ["data": ["a": "b"]], range: nowhere),
    ]
    let first = web.object("Deployment", "web-1")
    let second = web.object("Deployment", "web-2")
    #expect(first?.at("spec", "strategy") != nil)
    #expect(second?.at("spec", "strategy") == nil)
    #expect(second?.at("metadata", "labels", "team") == "a")
    #expect(second?.at("metadata", "labels", "app.kubernetes.io/part-of") == "shop")
    #expect(second?.at("spec", "template", "metadata", "labels", "version") == "2")
    let containers = second?.at("spec", "template", "spec", "containers")?.array
    #expect(containers?.count == 2)
    #expect(containers?[0]["image"] == "web:2")
    #expect(containers?[0]["env"] == [["name": "A", "value": "1"]])
    #expect(web.object("VirtualService", "web")?.at("spec", "exportTo") == ["."])
    #expect(web.object("VirtualService", "web-mesh")?.at("spec", "exportTo") == ["."])

    var step = Step(index: 0, name: "s", slug: "s", range: nowhere)
    step.segments = [Segment(before: State(), after: web.state, changes: [])]
    web.plan.steps = [step]
    let problems = compile(web.plan).problems
    #expect(problems.contains(.patchWithoutTarget(patch: nowhere)))
    #expect(problems.filter { if case .patchWithoutTarget = $0 { true } else { false } }.count == 1)

    web.plan.patches = [
      Patch(
        target: .route(ComponentID(0)), value: ["spec": ["http": [["name": "defualt", "timeout": "5s"]]]],
        range: nowhere)
    ]
    guard case .patchOfUnknownRule("defualt", let known, _)? = compile(web.plan).problems.first else {
      Issue.record("a rule of no object is not told")
      return
    }
    #expect(known.contains("default"))
  }

  /// A probe asks in one way: what a patch has it ask takes the place of what the plan has.
  @Test func patchesOfProbes() {
    /// - Parameter probe: what a patch says of the readiness of `web`.
    func readiness(_ probes: Value...) -> Value? {
      var web = Web()
      web.plan.patches = probes.map { probe in
        Patch(
          target: .deployment(ComponentID(0), version: nil),
          value: ["spec": ["template": ["spec": ["containers": [["name": "web", "readinessProbe": probe]]]]]],
          range: nowhere)
      }
      return web.object("Deployment", "web-1")?.at("spec", "template", "spec", "containers")?.array?[0][
        "readinessProbe"]
    }
    let plain = readiness()
    #expect(plain?["tcpSocket"] != nil)
    let exec: Value = ["command": ["/bin/ready"]]
    #expect(readiness(["exec": exec]) == ["exec": exec])
    #expect(readiness(["exec": exec, "tcpSocket": .null]) == ["exec": exec])
    #expect(readiness(["exec": exec], ["periodSeconds": 3]) == ["exec": exec, "periodSeconds": 3])
    #expect(readiness(["exec": exec], ["grpc": ["port": 9000]]) == ["grpc": ["port": 9000]])
    // The same handler is merged, and of no handler nothing is said.
    #expect(readiness(["tcpSocket": ["host": "a"]])?.at("tcpSocket", "port") == plain?.at("tcpSocket", "port"))
    #expect(readiness(["periodSeconds": 3])?["tcpSocket"] == plain?["tcpSocket"])
  }

  /// A rule without an action goes into the rules that are there; one with an action takes their place.
  @Test func patchesOfRoutes() {
    /// - Parameter name: "web" is the route of visitors, where there are some.
    func rules(_ list: Value, of name: String = "web", isExposed: Bool = false) -> [Value]? {
      var web = Web()
      web.plan.exposures = []
      if isExposed { web.expose() }
      web.plan.patches = [
        Patch(target: .route(ComponentID(0)), value: ["spec": ["http": list, "exportTo": ["."]]], range: nowhere)
      ]
      let route = web.object("VirtualService", name)
      #expect(route?.at("spec", "exportTo") == ["."])
      return route?.at("spec", "http")?.array
    }
    let plain = rules([["retries": .null]]) ?? []
    let all = rules([["timeout": "5s"]])
    #expect(all?.count == plain.count)
    for (rule, old) in zip(all ?? [], plain) {
      #expect(rule["timeout"] == "5s")
      #expect(rule["route"] == old["route"])
    }
    let name = plain[0]["name"] ?? .null
    let named = rules([["name": name, "timeout": "5s"], ["retries": ["attempts": 2]]])
    #expect(named?.filter { $0["timeout"] == "5s" }.map { $0["name"] } == [name])
    #expect(named?.allSatisfy { $0["retries"] == ["attempts": 2] } == true)
    let match: Value = [["uri": ["prefix": "/static"]]]
    let matched = rules([["name": name, "match": match]])
    #expect(matched?.filter { $0["match"] == match }.map { $0["name"] } == [name])
    #expect(matched?.map { $0["route"] } == plain.map { $0["route"] })
    // Where there are visitors it is asked of them, and not of callers.
    let visitors = rules([["name": "default", "match": match, "timeout": "5s"]], isExposed: true)
    #expect(visitors?.map { $0["match"] } == [match])
    let callers = rules([["name": "default", "match": match, "timeout": "5s"]], of: "web-mesh", isExposed: true)
    #expect(callers?.allSatisfy { $0["match"] != match } == true)
    #expect(callers?.contains { $0["timeout"] == "5s" } == true)
    #expect(rules([["match": match]]) == [["match": match]])
    #expect(rules([["route": []], ["timeout": "5s"]]) == [["route": []], ["timeout": "5s"]])
  }

  /// The kubelet asks in plaintext unless told otherwise.
  @Test func healthOfTLSPorts() {
    for (proto, scheme) in [(PortProtocol.https, "HTTPS"), (.http, nil)] {
      var web = Web()
      web.plan.components[0].versions[0].ports = [Port(number: 8443, proto: proto, range: nowhere)]
      web.plan.components[0].versions[0].readiness = HealthCheck(
        action: .http(method: "GET", path: "/up", port: 8443), withinMilliseconds: nil, range: nowhere)
      let container = web.object("Deployment", "web-1")?.at("spec", "template", "spec", "containers")?.array?.first
      #expect(container?.at("readinessProbe", "httpGet", "port") == 8443)
      #expect(container?.at("readinessProbe", "httpGet", "scheme")?.string == scheme)
    }
  }

  @Test func manifestsAreOursToDelete() throws {
    var web = Web()
    web.plan.manifests = [
      Manifest(
        path: "extra.yaml",
        objects: [
          ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "extra"], "data": ["a": "b"]],
          ["apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": ["name": "data"]],
        ], range: nowhere)
    ]
    let renderer = Renderer(web.plan)
    let there = renderer.compiled(
      [Segment(before: State(), after: web.state, changes: [])], from: renderer.start, folder: "01-s")[0].after
    let map = try #require(there.image.entries.first { $0.id.kind == "ConfigMap" })
    #expect(map.plain.at("metadata", "namespace") == "shop")
    #expect(map.plain.at("metadata", "labels", "app.kubernetes.io/managed-by") == "rolloutc")
    let back = renderer.rollback(from: there, to: State(), stamp: "back")
    #expect(Set(back.image.entries.map(\.id.kind)) == ["Namespace", "PersistentVolumeClaim"])
  }

  /// Together with the plan's own pods, which may need each other; alone where the plan starts none.
  @Test func workloadsOfManifestsAreWaitedFor() throws {
    var web = Web()
    let object: (String, Value) -> Value = { kind, spec in
      [
        "apiVersion": "apps/v1", "kind": .string(kind), "metadata": ["name": .string("m-\(kind.lowercased())")],
        "spec": spec,
      ]
    }
    web.plan.manifests = [
      Manifest(
        path: "extra.yaml",
        objects: [object("StatefulSet", ["replicas": 2]), object("DaemonSet", [:]), object("ReplicaSet", [:])],
        range: nowhere)
    ]
    let renderer = Renderer(web.plan)
    func gates(_ state: State) -> [(PhaseKind, [String])] {
      renderer.compiled([Segment(before: State(), after: state, changes: [])], from: renderer.start, folder: "01-s")[0]
        .phases.compactMap { phase in
          for case .ready(let targets) in phase.gates { return (phase.kind, targets.map(\.deployment.name)) }
          return nil
        }
    }
    let together = gates(web.state)
    #expect(together.map(\.0) == [.startWorkloads])
    #expect(together.first?.1.suffix(2) == ["m-statefulset", "m-daemonset"], "\(together)")
    #expect(together.first?.1.first == "web-1", "\(together)")
    var empty = State()
    empty.exists = true
    let alone = gates(empty)
    #expect(alone.map(\.0) == [.prepare])
    #expect(alone.first?.1 == ["m-statefulset", "m-daemonset"], "\(alone)")
  }

  @Test func olderServersGetOlderVersions() {
    let web = Web()
    let versions = APIVersions(networking: ["v1alpha3", "v1beta1"], security: ["v1beta1"])
    #expect(versions == APIVersions(networking: .v1beta1, security: .v1beta1))
    #expect(APIVersions(networking: [], security: ["v1"]) == nil)
    let renderer = Renderer(web.plan, options: LoweringOptions(apiVersions: versions ?? APIVersions()))
    let image = renderer.objects(renderer.view(of: web.state))
    #expect(image.entries.first { $0.id.kind == "Gateway" }?.plain["apiVersion"] == "networking.istio.io/v1beta1")
  }

  /// STRICT to DISABLE: the server takes everything while its clients change over.
  @Test func mtlsChangesOverThroughPermissive() {
    var web = Web()
    web.state.mtls = .strict
    let renderer = Renderer(web.plan)
    let view = renderer.view(of: web.state)
    var off = web.state
    off.mtls = .off
    let transition = renderer.transition(
      from: renderer.objects(view), view, to: renderer.view(of: off),
      options: TransitionOptions(stamp: "s", origins: Origins(web.plan, changes: [])))
    let modes = transition.phases.map { phase in
      phase.kind.rawValue + " "
        + (phase.writes[0].object?.at("spec", "mtls", "mode")?.string
          ?? phase.writes[0].object?.at("spec", "trafficPolicy", "tls", "mode")?.string ?? "-")
    }
    #expect(modes == ["prepare PERMISSIVE", "widen-subsets DISABLE", "tighten DISABLE"])
  }

  /// With open routing a dark version must get nothing while it comes and while it goes.
  @Test func pinsBeforeASecondVersionComesAndUnpinsAfterItIsGone() {
    var web = Web()
    web.plan.routing = .open
    var one = web.state
    one.components = [component([(0, 1)], lanes: [RouteTable(fallback: 0)], entry: RouteTable(fallback: 0))]
    one.components[0].isPinned = false
    let renderer = Renderer(web.plan)
    let (a, b) = (renderer.view(of: one), renderer.view(of: web.state))
    let options = TransitionOptions(stamp: "s", origins: Origins(web.plan, changes: []))
    let there = renderer.transition(from: renderer.objects(a), a, to: b, options: options)
    #expect(there.phases.map(\.kind) == [.widenSubsets, .openLanes, .startWorkloads])
    let back = renderer.transition(from: there.image, b, to: a, options: options)
    #expect(back.phases.map(\.kind) == [.stopWorkloads, .closeLanes, .narrowSubsets, .remove])
  }
}
