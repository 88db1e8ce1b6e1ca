import KubernetesModel
import MeshModel
import Testing

@Suite("Gateways")
struct GatewayTests {
  private static let base: [Value] = [
    service("web", [("http", 8080, 8080)]),
    service("two", [("http-a", 8080, 8080), ("http-b", 9090, 8080)], selector: ["app": "web"]),
    deployment("web", "1.0"), deployment("web", "2.0"),
    destinationRule("web", subsets: ["v1": ["version": "1.0"], "v2": ["version": "2.0"]]), gateway("edge"),
  ]

  private func ask(_ objects: [Value], host: String = "shop.example", port: Int = 80, cookie: String? = nil) -> String {
    let headers = cookie.map { [("Cookie", $0)] } ?? []
    return summary(
      MeshView(parsing: Self.base + objects).route(ingress, HTTPRequest(host: host, port: port, headers: headers))
    )
  }

  private static let cookieRule = rule([["headers": ["cookie": ["regex": "flag=on"]]]], [to("web", "v2")])
  private static let everything = rule([], [to("web", "v1")])
  private static let v1 = "web:8080/v1 → web-1-0"
  private static let v2 = "web:8080/v2 → web-2-0"

  private static func entry(_ name: String, age: Int = 1, _ http: [Value], exportTo: [Value] = []) -> Value {
    virtualService(name, hosts: ["*"], gateways: ["edge"], age: age, exportTo: exportTo, http: http)
  }

  @Test func catchAllsOfMergedVirtualServicesComeLast() {
    let rules = [Self.entry("old", age: 2, [Self.everything]), Self.entry("new", [Self.cookieRule])]
    #expect(ask(rules, cookie: "flag=on") == Self.v2)
    #expect(ask(rules) == Self.v1)
  }

  @Test func insideOneVirtualServiceNothingFollowsACatchAll() {
    #expect(ask([Self.entry("entry", [Self.everything, Self.cookieRule])], cookie: "flag=on") == Self.v1)
  }

  @Test func sourceLabelsAreTheGatewaysOwn() {
    let foreign = rule([["sourceLabels": ["app": "voting-app"]]], [to("web", "v1")])
    let own = rule([["sourceLabels": ["app": "edge"]]], [to("web", "v2")])
    #expect(ask([Self.entry("entry", [foreign])]) == "404 NR")
    #expect(ask([Self.entry("entry", [own])]) == Self.v2)
  }

  @Test func aBackendWithTwoPortsNeedsOne() {
    #expect(ask([Self.entry("entry", [rule([], [to("two")])])]) == "503 NC")
    #expect(ask([Self.entry("entry", [rule([], [to("two", port: 9090)])])]) == "two:9090 → web-1-0+web-2-0")
  }

  @Test func exportToHidesFromTheGateway() {
    #expect(ask([Self.entry("entry", [Self.everything], exportTo: ["."])]) == "404 NR")
    let hidden = destinationRule("web", subsets: ["v1": ["version": "1.0"]], exportTo: ["."])
    #expect(ask([Self.entry("entry", [Self.everything]), hidden]) == "503 NC")
  }

  @Test func theMoreSpecificHostNeverFallsBack() {
    let special = virtualService(
      "special", hosts: ["shop.example"], gateways: ["edge"],
      http: [rule([["uri": ["exact": "/only"]]], [to("web", "v2")])]
    )
    let rules = [Self.entry("entry", [Self.everything]), special]
    #expect(ask(rules) == "404 NR")
    #expect(ask(rules, host: "SHOP.example:8080") == "404 NR")
    #expect(ask(rules, host: "other.example") == Self.v1)
  }

  /// Where TLS ends, the certificate is chosen first, and with it the gateway whose routes count.
  @Test func aTLSServerHasTheRoutesOfItsGatewayAlone() {
    func secure(_ name: String, _ hosts: [String], age: Int) -> Value {
      [
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": metadata(name, "shop", age: age),
        "spec": [
          "selector": ["istio": "ingressgateway"],
          "servers": [
            [
              "port": ["number": 443, "name": "https", "protocol": "HTTPS"],
              "hosts": .array(hosts.map { .string($0) }), "tls": ["mode": "SIMPLE", "credentialName": "c"],
            ]
          ],
        ],
      ]
    }
    func asks(_ objects: [Value], _ host: String) -> String {
      let request = HTTPRequest(host: host, port: 443, headers: [], scheme: "https")
      return summary(MeshView(parsing: Self.base + objects).route(ingress, request))
    }
    func entry(_ name: String, _ hosts: [Value], _ gateway: Value, _ http: [Value]) -> Value {
      virtualService(name, hosts: hosts, gateways: [gateway], http: http)
    }
    let wide = [secure("wide", ["*.example"], age: 3), entry("wide", ["*.example"], "wide", [Self.everything])]
    #expect(asks(wide, "shop.example") == Self.v1)
    #expect(asks(wide, "shop.test") == "closed -")
    // A narrower certificate takes its host away, and has no routes.
    let narrow = secure("narrow", ["shop.example"], age: 1)
    #expect(asks(wide + [narrow], "shop.example") == "404 NR")
    #expect(asks(wide + [narrow], "other.example") == Self.v1)
    // Of two for one host the older one counts, and the other one is left out whole.
    let own = rule([], [to("web", "v2")])
    let double = [secure("double", ["*.example", "b.test"], age: 1), entry("double", ["*"], "double", [own])]
    #expect(asks(wide + double, "shop.example") == Self.v1)
    #expect(asks(wide + double, "b.test") == "closed -")
    #expect(asks(double, "b.test") == Self.v2)
  }

  @Test func withoutAServerNobodyListens() {
    #expect(ask([Self.entry("entry", [Self.everything])], port: 81) == "closed -")
    #expect(ask([]) == "404 NR")
  }

  @Test func aServerMayLimitNamespacesAndHosts() {
    let other = gateway("edge", hosts: ["elsewhere/*"])
    #expect(ask([other, Self.entry("entry", [Self.everything])]) == "404 NR")
    let named = gateway("edge", hosts: ["shop/*.example"])
    #expect(ask([named, Self.entry("entry", [Self.everything])]) == Self.v1)
    #expect(ask([named, Self.entry("entry", [Self.everything])], host: "shop.test") == "404 NR")
  }

  @Test func connectionsNeedARule() {
    let tcp = gateway("edge", port: 6379, protocol: "TCP")
    let rules = virtualService(
      "tcp", hosts: ["*"], gateways: ["edge"],
      tcp: [rule([["port": 6379, "sourceLabels": ["no": "body"]]], [to("web", "v2", port: 8080)])]
    )
    func connect(_ objects: [Value]) -> String {
      summary(MeshView(parsing: Self.base + objects).route(ingress, TCPConnection(host: "any", port: 6379)))
    }
    #expect(connect([tcp]) == "closed -")
    #expect(connect([tcp, rules]) == Self.v2)
  }

  @Test func connectionsArePassedOnByTheNameThatTheyAskFor() {
    func server(_ name: String, _ hosts: [Value]) -> Value {
      [
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": metadata(name, "shop"),
        "spec": [
          "selector": ["istio": "ingressgateway"],
          "servers": [
            [
              "port": ["number": 443, "name": "tls", "protocol": "TLS"], "hosts": .array(hosts),
              "tls": ["mode": "PASSTHROUGH"],
            ]
          ],
        ],
      ]
    }
    func route(_ name: String, _ gateway: Value, _ host: Value, _ subset: String) -> Value {
      virtualService(
        name, hosts: [host], gateways: [gateway],
        tls: [rule([["port": 443, "sniHosts": [host]]], [to("web", subset, port: 8080)])])
    }
    func connect(_ objects: [Value], _ sni: String?) -> String {
      summary(
        MeshView(parsing: Self.base + objects).route(ingress, TCPConnection(host: "any", port: 443, sni: sni)))
    }
    let both = [
      server("a", ["a.example"]), route("a", "a", "a.example", "v1"),
      server("b", ["b.example"]), route("b", "b", "b.example", "v2"),
    ]
    #expect(connect(both, "a.example") == Self.v1)
    #expect(connect(both, "b.example") == Self.v2)
    #expect(connect(both, "c.example") == "closed -")
    #expect(connect(both, nil) == "closed -")
    // The wildcard takes who names nobody, too.
    let every = [server("every", ["*"]), route("every", "every", "*", "v1")]
    #expect(connect(every, "c.example") == Self.v1)
    #expect(connect(every, nil) == Self.v1)
    // A rule for bytes is none for TLS that is passed on.
    let bytes = virtualService(
      "a", hosts: ["*"], gateways: ["a"], tcp: [rule([["port": 443]], [to("web", "v2", port: 8080)])])
    #expect(connect([server("a", ["*"]), bytes], "a.example") == "closed -")
  }
}
