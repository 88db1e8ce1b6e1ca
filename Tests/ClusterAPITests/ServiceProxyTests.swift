import ClusterAPI
import CurlTransport
import Foundation
import KubernetesModel
import TestSupport
import Testing

/// What the API server does to a request that it passes on to a Service.
@Suite(.controlPlane, .timeLimit(.minutes(20))) struct ServiceProxyTests {
  /// An address of this machine that the API server agrees to connect to: none of the loopback.
  private static let ownAddress: String? = {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return nil }
    defer { freeifaddrs(first) }
    var next = first
    while let entry = next {
      next = entry.pointee.ifa_next
      guard let address = entry.pointee.ifa_addr, address.pointee.sa_family == UInt16(AF_INET),
        entry.pointee.ifa_flags & UInt32(IFF_LOOPBACK) == 0
      else { continue }
      var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      if getnameinfo(
        address, socklen_t(MemoryLayout<sockaddr_in>.size), &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0
      {
        return name.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
      }
    }
    return nil
  }()

  private func service(_ live: LiveCluster, _ name: String, port: Int?) async throws {
    let metadata: Value = ["name": .string(name), "namespace": .string(live.namespace)]
    let service: Value = [
      "apiVersion": "v1", "kind": "Service", "metadata": metadata,
      "spec": ["ports": [["name": "http", "port": 80, "protocol": "TCP"]]],
    ]
    let reference = try await live.type("Service", "v1").named(name, in: live.namespace)
    _ = try await live.cluster.apply(ApplyRequest(service, to: reference))
    guard let port, let address = Self.ownAddress else { return }
    // The API server connects to addresses of pods alone: there is one that nobody runs.
    let pod: Value = [
      "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
      "spec": ["schedulerName": "nobody", "containers": [["name": "app", "image": "registry.example/app:1"]]],
    ]
    let place = try await live.type("Pod", "v1").named(name, in: live.namespace)
    _ = try await live.cluster.apply(ApplyRequest(pod, to: place))
    _ = try await live.cluster.patch(
      PatchRequest(
        [
          "status": ["phase": "Running", "podIP": .string(address), "podIPs": [["ip": .string(address)]]]
        ], .merge, to: place, subresource: "status"))
    let target: Value = ["kind": "Pod", "name": .string(name), "namespace": .string(live.namespace)]
    let endpoints: Value = [
      "apiVersion": "v1", "kind": "Endpoints", "metadata": metadata,
      "subsets": [
        [
          "addresses": [["ip": .string(address), "targetRef": target]],
          "ports": [["name": "http", "port": .int(port), "protocol": "TCP"]],
        ]
      ],
    ]
    _ = try await live.cluster.apply(
      ApplyRequest(endpoints, to: live.type("Endpoints", "v1").named(name, in: live.namespace)))
  }

  @Test(.enabled(if: ownAddress != nil, "there is no network interface beside the loopback"))
  func `headers, host and cookies pass, credentials do not, and any status is an answer`() async throws {
    let address = try #require(Self.ownAddress)
    let server = try LoopbackServer(on: address) { request in
      request.path.hasPrefix("/missing")
        ? .init(404, "no such page")
        : .init(
          200, "<div id=\"x\"><a href=\"/next\">one &amp; two</a></div>", type: "text/html",
          headers: [("X-Rollout-Step", "01-a")])
    }
    let live = try await LiveCluster()
    try await service(live, "edge", port: server.port)
    var request = ServiceProxyRequest(
      namespace: live.namespace, service: "edge", port: 80, path: "/a/b?c=d%20e",
      headers: ["Host": "shop.example.com", "X-Team": "web", "User-Agent": "rolloutc"])
    request.secretHeaders = [Secret(HTTPHeaders.Field(name: "Cookie", value: "flag=on; other=1"))]
    let answer = try await live.cluster.proxy(request)
    #expect(answer.status == 200 && answer.headers["x-rollout-step"] == "01-a")
    // Links lead through the API server; what a person reads is as it was.
    #expect(String(decoding: answer.body, as: UTF8.self).contains("one &amp; two"))
    let seen = try #require(server.requests.last)
    #expect(seen.method == "GET" && seen.path == "/a/b?c=d%20e" && seen["host"] == "shop.example.com")
    #expect(seen["cookie"] == "flag=on; other=1" && seen["x-team"] == "web" && seen["authorization"] == nil)

    request.method = "POST"
    request.path = "/missing"
    let missing = try await live.cluster.proxy(request)
    #expect(missing.status == 404 && missing.body == Array("no such page".utf8))
    #expect(server.requests.last?.method == "POST")
  }

  @Test func `what the API server says itself is an error`() async throws {
    let live = try await LiveCluster()
    try await service(live, "nobody", port: nil)
    let empty = try await refusal { () async throws(ClusterError) in
      try await live.cluster.proxy(
        ServiceProxyRequest(namespace: live.namespace, service: "nobody", port: 80, path: "/"))
    }
    #expect([404, 503].contains(empty.status?.code), "\(empty)")
    let absent = try await refusal { () async throws(ClusterError) in
      try await live.cluster.proxy(
        ServiceProxyRequest(namespace: live.namespace, service: "absent", port: 80, path: "/"))
    }
    #expect(absent.isNotFound)
  }
}
