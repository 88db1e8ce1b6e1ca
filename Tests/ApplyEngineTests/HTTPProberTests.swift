import ApplyEngine
import ClusterAPI
import CurlTransport
import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import Synchronization
import TestSupport
import Testing

/// Answers for some addresses; every other one refuses. Writes down what was sent where.
final class AddressTransport: HTTPTransport {
  private let answers: [String: HTTPResponse]
  private let sent = Mutex<[HTTPRequest]>([])

  /// - Parameter answers: by `host:port` that would be connected to.
  init(_ answers: [String: HTTPResponse]) { self.answers = answers }

  var requests: [HTTPRequest] { sent.withLock { $0 } }
  var addresses: [String] { requests.map(address) }

  private func address(_ request: HTTPRequest) -> String {
    guard let url = URLParts(request.url) else { return request.url }
    return request.options.connectTo ?? "\(url.host):\(url.port)"
  }

  func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse {
    sent.withLock { $0.append(request) }
    guard let answer = answers[address(request)] else {
      throw TransportError(.refused, "it refuses connections", mayHaveTakenEffect: false)
    }
    if answer.status == 0 {
      throw TransportError(.timeout, "it gave no whole answer in time", mayHaveTakenEffect: true)
    }
    return answer
  }

  func stream(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponseStream {
    let answer = try await send(request)
    let (stream, continuation) = AsyncStream<Result<[UInt8], TransportError>>.makeStream()
    for byte in answer.body { continuation.yield(.success([byte])) }
    continuation.finish()
    return HTTPResponseStream(head: answer.head, chunks: ByteChunks(stream))
  }
}

struct HTTPProberTests {
  // MARK: - Objects

  private static func plan(_ expose: String = "on port 80") throws -> (plan: Plan, renderer: Renderer) {
    let text = """
      plan shop
      language 1

      expose web \(expose)

      component web {
        image registry.example.com/web
        port 8080 http
        version 1.0
      }

      deploy web 1.0
      """
    let resolution = resolve(path: "plan.rollout", bytes: Array(text.utf8))
    let plan = resolution.plan
    let found = try #require(plan, "\(resolution.diagnostics.map(\.message))")
    return (found, Renderer(found))
  }

  private static func gateway(
    _ name: String = "web-gateway", in namespace: String = "shop", port: Int = 80, proto: String = "HTTP",
    selector: Value = ["istio": "ingressgateway"]
  ) -> Value {
    [
      "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
      "metadata": ["name": .string(name), "namespace": .string(namespace)],
      "spec": [
        "selector": selector,
        "servers": [["port": ["number": .int(port), "name": "x", "protocol": .string(proto)], "hosts": ["*"]]],
      ],
    ]
  }

  private static func service(
    _ name: String = "istio-ingressgateway", in namespace: String = "istio-system",
    selector: Value = ["app": "istio-ingressgateway", "istio": "ingressgateway"], port: Int = 80,
    nodePort: Int? = nil, ingress: [Value] = [], externalIPs: [Value] = []
  ) -> Value {
    var entry: Fields = ["name": "http2", "port": .int(port), "targetPort": 8080]
    if let nodePort { entry["nodePort"] = .int(nodePort) }
    var spec: Fields = ["selector": selector, "ports": [["port": 15021], .object(entry)]]
    if !externalIPs.isEmpty { spec["externalIPs"] = .array(externalIPs) }
    return [
      "apiVersion": "v1", "kind": "Service", "metadata": ["name": .string(name), "namespace": .string(namespace)],
      "spec": .object(spec), "status": ["loadBalancer": ["ingress": .array(ingress)]],
    ]
  }

  private static func node(_ addresses: [(String, String)], isReady: Bool = true) -> Value {
    [
      "apiVersion": "v1", "kind": "Node", "metadata": ["name": "n"],
      "status": [
        "conditions": [["type": "Ready", "status": .string(isReady ? "True" : "Unknown")]],
        "addresses": .array(addresses.map { ["type": .string($0.0), "address": .string($0.1)] }),
      ],
    ]
  }

  private static func page(_ text: String = "page", status: Int = 200, headers: HTTPHeaders = [:]) -> HTTPResponse {
    HTTPResponse(head: HTTPResponseHead(status: status, headers: headers), body: Array(text.utf8))
  }

  private static let web = ProbeRequest(component: ComponentID(0), path: "/a?b=1")

  private func failure(_ prober: HTTPProber, _ request: ProbeRequest = web) async -> ProbeError? {
    do throws(ProbeError) {
      _ = try await prober.answer(to: request)
      return nil
    } catch {
      return error
    }
  }

  // MARK: - Where to ask

  /// The load balancer, external addresses, a node, the API server: in this order, until one can be reached; then that one.
  @Test func waysInTheirOrder() async throws {
    let (_, renderer) = try Self.plan()
    let objects = [
      Self.gateway(),
      Self.service(
        nodePort: 31380, ingress: [["ip": "203.0.113.7"], ["hostname": "lb.example.com"], ["ip": "2001:db8::1"]],
        externalIPs: ["203.0.113.9"]),
      Self.node([("InternalIP", "10.0.0.1")], isReady: false),
      Self.node([("Hostname", "n1"), ("InternalIP", "10.0.0.4"), ("ExternalIP", "198.51.100.4")]),
      Self.node([("InternalIP", "10.0.0.5")]), Self.node([("InternalIP", "10.0.0.6")]),
    ]
    let all = [
      "203.0.113.7:80", "lb.example.com:80", "[2001:db8::1]:80", "203.0.113.9:80", "198.51.100.4:31380",
      "10.0.0.5:31380",
    ]
    for (index, address) in all.enumerated() {
      let transport = AddressTransport([address: Self.page()])
      let prober = HTTPProber(renderer, cluster: FixedCluster(objects), transport: transport)
      #expect(try await prober.answer(to: Self.web).status == 200)
      #expect(transport.addresses == Array(all[...index]))
      _ = try await prober.answer(to: Self.web)
      #expect(transport.addresses.last == address && transport.addresses.count == index + 2)
    }
    let cluster = FixedCluster(objects) { _ in .success(Self.page("by the server")) }
    let answer = try await HTTPProber(renderer, cluster: cluster, transport: AddressTransport([:]))
      .answer(to: Self.web)
    #expect(answer.body == Array("by the server".utf8))
    #expect(
      cluster.proxyRequests.map(\.apiPath)
        == ["/api/v1/namespaces/istio-system/services/istio-ingressgateway:80/proxy/a?b=1"])
  }

  /// A number that no Service has the pods open themselves, and visitors come by the port that leads there.
  @Test func thePortThatLeadsThere() async throws {
    let (_, renderer) = try Self.plan("on port 8080")
    let transport = AddressTransport(["203.0.113.7:80": Self.page()])
    let objects = [Self.gateway(port: 8080), Self.service(ingress: [["ip": "203.0.113.7"]])]
    let prober = HTTPProber(renderer, cluster: FixedCluster(objects), transport: transport)
    #expect(try await prober.answer(to: Self.web).status == 200)
    #expect(transport.addresses == ["203.0.113.7:80"])
  }

  @Test func allThatWasTriedIsNamed() async throws {
    let (_, renderer) = try Self.plan()
    let objects = [
      Self.gateway(), Self.service(nodePort: 31380, ingress: [["ip": "203.0.113.7"]]),
      Self.node([("InternalIP", "10.0.0.4")]),
    ]
    let transport = AddressTransport([:])
    let prober = HTTPProber(renderer, cluster: FixedCluster(objects), transport: transport)
    let error = await failure(prober)
    #expect(
      error?.message == """
        203.0.113.7:80 (load balancer of Service/istio-ingressgateway in istio-system): it refuses connections; \
        10.0.0.4:31380 (node port of Service/istio-ingressgateway in istio-system): it refuses connections; \
        the API server's proxy to Service/istio-ingressgateway in istio-system: no endpoints available for service
        """)
    #expect(error?.isFinal == false)
  }

  /// A question that may be at work is not asked elsewhere as well.
  @Test func aQuestionThatArrivedIsNotRepeated() async throws {
    let (_, renderer) = try Self.plan()
    let objects = [Self.gateway(), Self.service(ingress: [["ip": "203.0.113.7"], ["ip": "203.0.113.8"]])]
    let transport = AddressTransport(["203.0.113.7:80": Self.page(status: 0), "203.0.113.8:80": Self.page()])
    let error = await failure(HTTPProber(renderer, cluster: FixedCluster(objects), transport: transport))
    #expect(error?.message.hasSuffix("it gave no whole answer in time") == true && transport.requests.count == 1)
  }

  /// The one that worked is gone: the next question finds another.
  @Test func anAddressThatMoves() async throws {
    let server = try LoopbackServer { _ in .init(200, "one") }
    let (_, renderer) = try Self.plan("on port \(server.port)")
    let objects = [
      Self.gateway(port: server.port), Self.service(port: server.port, ingress: [["ip": "127.0.0.1"]]),
    ]
    let cluster = FixedCluster(objects) { _ in .success(Self.page("two")) }
    let prober = HTTPProber(renderer, cluster: cluster, transport: CurlTransport())
    #expect(try await prober.answer(to: Self.web).body == Array("one".utf8))
    server.stop()
    #expect(await failure(prober) != nil)
    #expect(try await prober.answer(to: Self.web).body == Array("two".utf8))
  }

  @Test(
    arguments: [
      // The labels of the ingress pods say which Service it is.
      (
        [gateway(), service(selector: ["istio": "egressgateway"])],
        "no Service with port 80 selects the pods of `Gateway/web-gateway` (istio=ingressgateway)"
      ),
      (
        [gateway(), service(port: 8080)],
        "no Service with port 80 selects the pods of `Gateway/web-gateway` (istio=ingressgateway)"
      ),
      ([gateway(selector: [:]), service()], "no Service with port 80 selects the pods of `Gateway/web-gateway` ()"),
      ([], "`Gateway/web-gateway` in shop cannot be read: gateways \"web-gateway\" not found"),
    ] as [([Value], String)])
  func nothingToAskAt(_ objects: [Value], _ message: String) async throws {
    let (_, renderer) = try Self.plan()
    let error = await failure(HTTPProber(renderer, cluster: FixedCluster(objects), transport: AddressTransport([:])))
    #expect(error == ProbeError(message, isFinal: true))
  }

  @Test func aGatewayOfSomebodyElse() async throws {
    for (clause, namespace) in [("edge/public", "edge"), ("public", "shop")] {
      let (_, renderer) = try Self.plan("on port 443 hosts shop.example.com through gateway \(clause)")
      let objects = [
        Self.gateway("public", in: namespace, port: 443, proto: "HTTPS", selector: ["istio": "edge"]),
        Self.service("edge", in: "edge", selector: ["istio": "edge"], port: 443, ingress: [["ip": "203.0.113.7"]]),
        Self.service(port: 443, ingress: [["ip": "203.0.113.66"]]),
      ]
      let transport = AddressTransport(["203.0.113.7:443": Self.page()])
      _ = try await HTTPProber(renderer, cluster: FixedCluster(objects), transport: transport).answer(to: Self.web)
      #expect(transport.requests.map(\.url) == ["https://shop.example.com/a?b=1"])
    }
  }

  /// Without the right to see all Services, those of the usual namespaces; without nodes, no node ports.
  @Test func fewRights() async throws {
    let (_, renderer) = try Self.plan()
    let objects = [
      Self.gateway(), Self.service(nodePort: 31380, ingress: [["ip": "203.0.113.7"]]),
      Self.service("other", in: "elsewhere", ingress: [["ip": "203.0.113.8"]]), Self.node([("InternalIP", "10.0.0.4")]),
    ]
    let transport = AddressTransport([:])
    let few = FixedCluster(objects, forbidden: ["services everywhere", "services in shop", "nodes everywhere"])
    _ = await failure(HTTPProber(renderer, cluster: few, transport: transport))
    #expect(transport.addresses == ["203.0.113.7:80"])
    let none = FixedCluster(objects, forbidden: ["services"])
    let error = await failure(HTTPProber(renderer, cluster: none, transport: transport))
    #expect(
      error
        == ProbeError(
          "the ingress gateway's Service cannot be looked for: services is forbidden everywhere", isFinal: true))
  }

  // MARK: - What is asked

  @Test(
    arguments: [
      ("on port 80", "http://127.0.0.1:9000/a?b=1", nil),
      ("on port 8081", "http://127.0.0.1:9000/a?b=1", nil),
      ("on port 80 hosts shop.example.com", "http://shop.example.com/a?b=1", "127.0.0.1:9000"),
      ("on port 8081 hosts shop.example.com", "http://shop.example.com:8081/a?b=1", "127.0.0.1:9000"),
      ("on port 80 hosts \"*.example.com\", a.example.org", "http://a.example.org/a?b=1", "127.0.0.1:9000"),
      ("on port 80 hosts \"*.example.com\"", "http://rolloutc.example.com/a?b=1", "127.0.0.1:9000"),
      ("on port 443 hosts shop.example.com tls secret cert", "https://shop.example.com/a?b=1", "127.0.0.1:9000"),
      ("on port 443 tls secret cert", "https://127.0.0.1:9000/a?b=1", nil),
      ("on port 8443 hosts a.example.org tls secret cert", "https://a.example.org:8443/a?b=1", "127.0.0.1:9000"),
    ] as [(String, String, String?)])
  func hostsAndSchemes(_ expose: String, _ url: String, _ connectTo: String?) async throws {
    let (_, renderer) = try Self.plan(expose)
    let transport = AddressTransport(["127.0.0.1:9000": Self.page()])
    var options = HTTPProber.Options()
    options.gateway = GatewayAddress("127.0.0.1:9000")
    _ = try await HTTPProber(renderer, cluster: FixedCluster([]), transport: transport, options: options)
      .answer(to: Self.web)
    #expect(transport.requests.map(\.url) == [url] && transport.requests.map(\.options.connectTo) == [connectTo])
    #expect(transport.requests[0].options.isAlone)
  }

  @Test(
    arguments: [
      ("10.0.0.5", nil, "10.0.0.5", nil), ("10.0.0.5:81", nil, "10.0.0.5", 81),
      ("lb.example.com", nil, "lb.example.com", nil),
      ("http://lb", false, "lb", 80), ("https://lb/", true, "lb", 443), ("https://[::1]:8443", true, "[::1]", 8443),
      ("[::1]:80", nil, "[::1]", 80),
    ] as [(String, Bool?, String, Int?)])
  func gatewayAddresses(_ text: String, _ isTLS: Bool?, _ host: String, _ port: Int?) throws {
    let address = try #require(GatewayAddress(text))
    #expect(address.isTLS == isTLS && address.host == host && address.port == port)
  }

  @Test(arguments: ["", "http://", "ftp://x", "http://x/path", "x:y", "x:0", "a b", "user@host", "http://u:p@h", "::1"])
  func noGatewayAddresses(_ text: String) { #expect(GatewayAddress(text) == nil) }

  /// What a visitor has goes where printing a request does not show it.
  @Test func visitors() async throws {
    let (_, renderer) = try Self.plan()
    let transport = AddressTransport(["127.0.0.1:80": Self.page()])
    var options = HTTPProber.Options()
    options.gateway = GatewayAddress("127.0.0.1")
    let prober = HTTPProber(renderer, cluster: FixedCluster([]), transport: transport, options: options)
    for visitor in [
      Selector.cookie(key: "flag", value: "on"), .cookie(key: "flag", value: nil), .header(key: "x-team", value: "web"),
    ] {
      _ = try await prober.answer(to: ProbeRequest(component: ComponentID(0), path: "/", visitor: visitor))
    }
    #expect(
      transport.requests.map { $0.secretHeaders.map { "\($0.revealed.name): \($0.revealed.value)" } }
        == [["Cookie: flag=on"], ["Cookie: flag=1"], ["x-team: web"]])
    #expect(!transport.requests.contains { "\($0)".contains("flag=on") })
  }

  @Test func throughTheAPIServer() async throws {
    let (_, renderer) = try Self.plan("on port 80 hosts shop.example.com")
    let cluster = FixedCluster([Self.gateway(), Self.service()]) { _ in
      .success(Self.page(status: 404, headers: ["x-rollout-version": "2.0"]))
    }
    let request = ProbeRequest(
      component: ComponentID(0), method: "POST", path: "/", visitor: .cookie(key: "flag", value: "on"))
    let answer = try await HTTPProber(renderer, cluster: cluster, transport: AddressTransport([:])).answer(to: request)
    #expect(answer.status == 404 && answer.servedBy == "web 2.0")
    let sent = try #require(cluster.proxyRequests.first)
    #expect(sent.method == "POST" && sent.headers["Host"] == "shop.example.com" && !sent.isTLS)
    #expect(sent.secretHeaders.first?.revealed.value == "flag=on")
  }

  /// It would name no server to a gateway that has a certificate for each of its hosts.
  @Test func noTLSByNameThroughTheAPIServer() async throws {
    for (expose, count) in [("hosts a.example.org tls secret c", 0), ("tls secret c", 1)] {
      let (_, renderer) = try Self.plan("on port 443 \(expose)")
      let cluster = FixedCluster([Self.gateway(port: 443, proto: "HTTPS"), Self.service(port: 443)])
      _ = await failure(HTTPProber(renderer, cluster: cluster, transport: AddressTransport([:])))
      #expect(cluster.proxyRequests.count == count)
      #expect(cluster.proxyRequests.allSatisfy { $0.apiPath.contains("/https:istio-ingressgateway:443/proxy/") })
    }
  }

  // MARK: - Over the network

  private func probe(
    _ server: LoopbackServer, _ request: ProbeRequest = web, _ change: (inout HTTPProber.Options) -> Void = { _ in }
  ) async throws -> ProbeAnswer {
    let (_, renderer) = try Self.plan("on port 80 hosts shop.example.com")
    var options = HTTPProber.Options()
    options.gateway = GatewayAddress(server.authority)
    change(&options)
    let prober = HTTPProber(renderer, cluster: FixedCluster([]), transport: CurlTransport(), options: options)
    return try await prober.answer(to: request)
  }

  @Test func aRequestAsItArrives() async throws {
    let server = try LoopbackServer { request in
      .init(200, "hello", headers: [("X-Rollout-Step", "01-a"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    }
    let answer = try await probe(
      server,
      ProbeRequest(
        component: ComponentID(0), method: "POST", path: "/a?b=1", visitor: .cookie(key: "flag", value: "on")))
    #expect(answer.status == 200 && answer.body == Array("hello".utf8))
    #expect(answer.headers["x-rollout-step"] == "01-a" && answer.headers.values(of: "set-cookie") == ["a=1", "b=2"])
    let request = try #require(server.requests.first)
    #expect(request.method == "POST" && request.path == "/a?b=1" && request["host"] == "shop.example.com")
    #expect(request["cookie"] == "flag=on" && request["cache-control"] == "no-cache" && request["authorization"] == nil)
  }

  /// Each question by a connection of its own: a kept one would always end at the same gateway.
  @Test func connectionsAreNotKept() async throws {
    let server = try LoopbackServer { _ in .init(200) }
    let (_, renderer) = try Self.plan()
    var options = HTTPProber.Options()
    options.gateway = GatewayAddress(server.authority)
    let prober = HTTPProber(renderer, cluster: FixedCluster([]), transport: CurlTransport(), options: options)
    for _ in 0..<3 { _ = try await prober.answer(to: Self.web) }
    #expect(Set(server.requests.map(\.connection)).count == 3)
  }

  @Test func redirectsAreAnswers() async throws {
    let server = try LoopbackServer { _ in .init(302, headers: [("Location", "/login")]) }
    let answer = try await probe(server)
    #expect(answer.status == 302 && answer.headers["location"] == "/login" && server.requests.count == 1)
  }

  @Test func headHasNoBody() async throws {
    let server = try LoopbackServer { _ in .init(200, "hello") }
    let answer = try await probe(server, ProbeRequest(component: ComponentID(0), method: "HEAD", path: "/"))
    #expect(answer.status == 200 && answer.body.isEmpty)
  }

  @Test func aPageWithoutEnd() async throws {
    let server = try LoopbackServer { _ in .init(200, String(repeating: "x", count: 3 << 20)) }
    let error = await #expect(throws: ProbeError.self) { try await probe(server) { $0.largestBody = 1 << 20 } }
    #expect(error?.message.hasSuffix("the page has more than 1 MiB") == true)
    #expect(try await probe(server).body.count == 3 << 20)
  }

  @Test func nobodyListens() async throws {
    let server = try LoopbackServer { _ in .init(200) }
    server.stop()
    let error = await #expect(throws: ProbeError.self) { try await probe(server) }
    #expect(error?.message.contains("\(server.authority) (--gateway): ") == true, "\(error?.message ?? "")")
  }
}
