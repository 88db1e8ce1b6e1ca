import KubernetesModel
import MeshModel
import Testing

@Suite("Who speaks TLS to whom")
struct MutualTLSTests {
  /// `client`: the DestinationRule's mode, `auto`, or `none` for a client without a sidecar.
  private func ask(
    _ client: String, _ server: String, port: (String, Int) = ("http", 8080), more: [Value] = [], auto: Bool = true
  ) -> String {
    var objects: [Value] = [
      service("web", [(port.0, port.1, .int(port.1))]), deployment("web", "1.0", sidecar: server != "NO SIDECAR"),
    ]
    if server != "NO SIDECAR" { objects.append(peerAuthentication(server, in: "shop")) }
    if client != "auto", client != "none" { objects.append(destinationRule("web", tls: client)) }
    let view = MeshView(parsing: objects + more, options: MeshOptions(autoMutualTLS: auto))
    let from: Client = client == "none" ? .plain(namespace: "shop") : sidecar("caller", "1.0")
    let result =
      port.1 == 8080
      ? view.route(from, HTTPRequest(host: "web", port: 8080))
      : view.route(from, TCPConnection(host: "web", port: port.1))
    guard case .destination(let destination) = result.only else { return summary(result) }
    switch destination.security {
    case .plaintext: return "plain"
    case .mutualTLS: return "mutual"
    case .originatedTLS: return "own"
    }
  }

  @Test(arguments: [
    ("ISTIO_MUTUAL", ["mutual", "mutual", "503 UF", "503 UF"]), ("DISABLE", ["503 UC", "plain", "plain", "plain"]),
    ("SIMPLE", ["503 UF", "503 UF", "own", "own"]), ("MUTUAL", ["503 UF", "503 UF", "own", "own"]),
    ("auto", ["mutual", "mutual", "plain", "plain"]), ("none", ["closed -", "plain", "plain", "plain"]),
  ])
  func table(client: String, expected: [String]) {
    let servers = ["STRICT", "PERMISSIVE", "DISABLE", "NO SIDECAR"]
    for (server, answer) in zip(servers, expected) {
      #expect(ask(client, server) == answer, "\(client) to \(server)")
    }
  }

  @Test func aServerThatSpeaksFirstMustNotWait() {
    #expect(ask("DISABLE", "PERMISSIVE", port: ("mysql", 3306)) == "closed UF")
    #expect(ask("none", "PERMISSIVE", port: ("mysql", 3306)) == "closed -")
    #expect(ask("auto", "PERMISSIVE", port: ("mysql", 3306)) == "mutual")
    #expect(ask("DISABLE", "DISABLE", port: ("mysql", 3306)) == "plain")
  }

  @Test func withoutAutoTheClientIsPlain() { #expect(ask("auto", "STRICT", auto: false) == "503 UC") }

  @Test func policiesInherit() {
    let strictMesh = peerAuthentication("STRICT", in: "istio-system")
    #expect(ask("DISABLE", "UNSET", more: [strictMesh]) == "503 UC")
    #expect(ask("DISABLE", "PERMISSIVE", more: [strictMesh]) == "plain")
    let own = peerAuthentication("UNSET", in: "shop", name: "web", selector: ["app": "web"], ports: ["8080": "STRICT"])
    #expect(ask("DISABLE", "PERMISSIVE", more: [own]) == "503 UC")
    let other = peerAuthentication("STRICT", in: "shop", name: "other", selector: ["app": "other"])
    #expect(ask("DISABLE", "PERMISSIVE", more: [other]) == "plain")
    // A policy with a selector in the root namespace is not for the mesh.
    let root = peerAuthentication("STRICT", in: "istio-system", name: "web", selector: ["app": "web"])
    #expect(ask("DISABLE", "UNSET", more: [root]) == "plain")
  }

  @Test func theOldestPolicyOfANamespaceWins() {
    let older = peerAuthentication("STRICT", in: "shop", name: "z", age: 5)
    #expect(ask("DISABLE", "PERMISSIVE", more: [older]) == "503 UC")
  }

  @Test func portLevelSettingsReplaceTheRest() {
    let spec: Value = [
      "host": "web",
      "trafficPolicy": [
        "tls": ["mode": "DISABLE"],
        "portLevelSettings": [["port": ["number": 8080], "loadBalancer": ["simple": "RANDOM"]]],
      ],
    ]
    let rule: Value = [
      "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": metadata("web", "shop"),
      "spec": spec,
    ]
    #expect(ask("auto", "STRICT", more: [rule]) == "mutual")
  }

  @Test func halfOfThePodsMayRefuse() {
    let objects: [Value] = [
      service("web", [("http", 8080, 8080)]), deployment("web", "1.0", replicas: 3),
      deployment("web", "2.0", sidecar: false), destinationRule("web", tls: "ISTIO_MUTUAL"),
    ]
    let result = MeshView(parsing: objects).route(sidecar("caller", "1.0"), HTTPRequest(host: "web", port: 8080))
    #expect(summary(result) == "25.0% 503 UF, 75.0% web:8080 → web-1-0")
  }

  @Test func podsThatDoNotListenRefuse() {
    // The Service of the votes example over redis and mysql pods, with numeric target ports.
    let objects: [Value] = [
      service("storage", [("redis", 6379, 6379), ("mysql", 3306, 3306)]),
      deployment("storage", "1.0", ports: [("redis", 6379)]), deployment("storage", "2.0", ports: [("mysql", 3306)]),
    ]
    let result = MeshView(parsing: objects).route(sidecar("caller", "1.0"), TCPConnection(host: "storage", port: 6379))
    #expect(summary(result) == "50.0% closed UF, 50.0% storage:6379 → storage-1-0")
  }
}
