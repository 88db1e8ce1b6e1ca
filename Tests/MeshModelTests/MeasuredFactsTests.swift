import KubernetesModel
import MeshModel
import Testing

/// Facts measured with Istio 1.14's routes in a real Envoy.
@Suite("Measured facts")
struct MeasuredFactsTests {
  private static let base: [Value] = [
    service("web", [("http", 8080, 8080)]), service("odd", [("http", 9999, 8080)]),
    service("private", [("http", 8080, 8080)], selector: ["app": "web"], exportTo: "."),
    deployment("web", "1.0"), deployment("web", "2.0", replicas: 3),
    destinationRule("web", subsets: ["v1": ["version": "1.0"], "v2": ["version": "2.0"]]),
  ]
  private static let v1 = "web:8080/v1 → web-1-0"
  private static let v2 = "web:8080/v2 → web-2-0"
  private static let client = sidecar("caller", "1.0")

  private func ask(
    _ objects: [Value], version: MeshOptions.Version = .newer, client: Client = client, _ request: HTTPRequest
  ) -> String {
    summary(MeshView(parsing: Self.base + objects, options: MeshOptions(version: version)).route(client, request))
  }

  /// `match` → v2, everything else → v1.
  private static func split(_ match: Value) -> Value {
    virtualService("web", hosts: ["web"], http: [rule([match], [to("web", "v2")]), rule([], [to("web", "v1")])])
  }

  private func takes(
    _ match: Value, version: MeshOptions.Version = .newer, path: String = "/", host: String = "web",
    _ headers: [(String, String)] = []
  ) -> Bool {
    let answer = ask(
      [Self.split(match)], version: version, HTTPRequest(host: host, port: 8080, path: path, headers: headers))
    #expect(answer == Self.v1 || answer == Self.v2, "\(answer)")
    return answer == Self.v2
  }

  @Test func headersNamedLikePartsOfTheRequestAreHeaders() {
    for name in ["uri", "scheme", "method", "authority"] {
      let match = fields([("headers", fields([(name, ["exact": "a"])]))])
      #expect(takes(match, [(name, "a")]))
      #expect(!takes(match, path: "/a", host: "web"))
    }
  }

  @Test func anAbsentHeaderCountsAsEmptyOnlyInNewerVersions() {
    let match: Value = ["withoutHeaders": ["x": ["exact": "a"]]]
    #expect(takes(match))
    #expect(!takes(match, version: .istio114))
    #expect(takes(match, version: .istio114, [("x", "b")]))
    #expect(!takes(match, [("x", "a")]))
    #expect(!takes(["withoutHeaders": ["x": ["regex": ".*"]]]))
    #expect(takes(["withoutHeaders": ["x": [:]]], version: .istio114))
    #expect(takes(["withoutHeaders": ["x": ["regex": "*"]]]))
    #expect(!takes(["withoutHeaders": ["x": ["regex": "*"]]], [("x", "")]))
  }

  @Test func repeatedHeadersAreComparedOneByOne() {
    let match: Value = ["headers": ["x": ["exact": "ann"]]]
    #expect(takes(match, [("x", "ann"), ("x", "bob")]))
    #expect(!takes(match, [("x", "ann,bob")]))
    #expect(takes(["headers": ["cookie": ["regex": "flag=on"]]], [("Cookie", "a=1"), ("cookie", "flag=on")]))
  }

  @Test func aWrongPortInTheHost() {
    let rules = Self.split(["uri": ["exact": "/"]])
    let request = HTTPRequest(host: "web.shop.svc.cluster.local:9999", port: 8080)
    #expect(ask([rules], request) == Self.v2)
    #expect(ask([rules], version: .istio114, request) == "passthrough web:8080 → web-1-0+web-2-0")
    #expect(ask([rules], version: .istio114, HTTPRequest(host: "web:8080", port: 8080)) == Self.v2)
  }

  @Test func anOlderWildcardAgainstANewerName() {
    let wild = virtualService("wild", hosts: ["*.shop.svc.cluster.local"], age: 2, http: [rule([], [to("web", "v2")])])
    let exact = virtualService("exact", hosts: ["web"], age: 1, http: [rule([], [to("web", "v1")])])
    let request = HTTPRequest(host: "web", port: 8080)
    #expect(ask([wild, exact], request) == Self.v1)
    #expect(ask([wild, exact], version: .istio114, request) == Self.v2)
  }

  @Test func prefixesOfQueryParameters() {
    let match: Value = ["queryParams": ["q": ["prefix": "ab"]]]
    #expect(takes(match, path: "/?q=abc"))
    #expect(!takes(match, path: "/?q=xyz"))
    #expect(takes(match, version: .istio114, path: "/?q=xyz"))
    #expect(!takes(match, version: .istio114, path: "/?p=ab"))
  }

  @Test func anAbortWithoutAPercentageNeverAborts() {
    func answer(_ abort: Value) -> String {
      let rules = virtualService(
        "web", hosts: ["web"], http: [rule([], [to("web", "v1")], [("fault", ["abort": abort])])]
      )
      return ask([rules], HTTPRequest(host: "web", port: 8080))
    }
    #expect(answer(["httpStatus": 418]) == Self.v1)
    #expect(answer(["httpStatus": 418, "percentage": ["value": 100]]) == "abort 418")
    #expect(answer(["httpStatus": 418, "percentage": ["value": 25]]) == "25.0% abort 418, 75.0% \(Self.v1)")
  }

  @Test func whatIsPassedOn() {
    let view = MeshView(parsing: Self.base)
    let every = "passthrough web:8080 → web-1-0+web-2-0"
    #expect(summary(view.route(Self.client, TCPConnection(host: "web", port: 8080))) == every)
    // The name of one service on the port of another: nobody listens there.
    #expect(ask([], HTTPRequest(host: "web", port: 9999)) == "503 UF")
    let elsewhere = sidecar("caller", "1.0", in: "elsewhere")
    #expect(
      ask([], client: elsewhere, HTTPRequest(host: "private.shop", port: 8080))
        == "passthrough private:8080 → web-1-0+web-2-0"
    )
    #expect(ask([], HTTPRequest(host: "example.com", port: 443)) == "passthrough example.com:443")
  }

  @Test func halfQualifiedNamesNameNothing() {
    let request = HTTPRequest(host: "web.shop", port: 8080)
    for name in ["web.shop", "web.shop.svc"] {
      let rules = virtualService("web", hosts: [.string(name)], http: [rule([], [to("web", "v2")])])
      #expect(ask([rules], request) == "web:8080 → web-1-0+web-2-0")
      let destination = virtualService("web", hosts: ["web"], http: [rule([], [to(name)])])
      #expect(ask([destination], request) == "503 NC")
      let subsets = destinationRule(name, name: "web", subsets: ["v1": ["version": "1.0"]])
      #expect(ask([subsets, Self.split(["uri": ["prefix": "/none"]])], request) == "503 NC")
    }
  }

  @Test func whoseDestinationRuleIsUsed() {
    let rules = virtualService("web", hosts: ["web"], http: [rule([], [to("web", "mine")])])
    let mine = ["mine": ["version": "2.0"]]
    let host = "web.shop.svc.cluster.local"
    let request = HTTPRequest(host: host, port: 8080)
    let elsewhere = sidecar("caller", "1.0", in: "elsewhere")
    let route = "web:8080/mine → web-2-0"
    #expect(ask([rules, destinationRule(host, in: "third", subsets: mine)], client: elsewhere, request) == "503 NC")
    #expect(ask([rules, destinationRule(host, in: "elsewhere", subsets: mine)], client: elsewhere, request) == route)
    #expect(ask([rules, destinationRule(host, in: "elsewhere", subsets: mine)], request) == "503 NC")
    // The service's own namespace comes before the root.
    #expect(ask([rules, destinationRule(host, in: "istio-system", subsets: mine)], request) == "503 NC")
  }

  @Test func theClientsOwnForwardedProtocol() {
    let match: Value = ["scheme": ["exact": "https"]]
    #expect(!takes(match))
    #expect(takes(match, [("X-Forwarded-Proto", "https")]))
  }

  @Test(arguments: [
    ("/def", nil as String?, "/none/x", "/defnone/x"), ("/", "/a", "/a/x", "//x"), ("/b", "/a", "/a?q=1", "/b?q=1"),
  ])
  func rewritesReplaceTextByText(rewrite: String, prefix: String?, path: String, expected: String) {
    let match: [Value] = prefix.map { [["uri": ["prefix": .string($0)]]] } ?? []
    let rules = virtualService(
      "web", hosts: ["web"], http: [rule(match, [to("web", "v1")], [("rewrite", ["uri": .string(rewrite)])])]
    )
    let result = MeshView(parsing: Self.base + [rules]).route(
      Self.client, HTTPRequest(host: "web", port: 8080, path: path))
    guard case .destination(let destination) = result.only else {
      Issue.record("\(summary(result))")
      return
    }
    #expect(destination.forwarding?.path == expected)
  }

  @Test func caseCountsForAuthorityButNotForTheHost() {
    let match: Value = ["authority": ["exact": "web"]]
    #expect(takes(match, host: "web"))
    #expect(!takes(match, host: "WEB"))
  }

  @Test func weightsAreNormalised() {
    let rules = virtualService(
      "web", hosts: ["web"], http: [rule([], [to("web", "v1", weight: 80), to("web", "v2", weight: 10)])]
    )
    #expect(ask([rules], HTTPRequest(host: "web", port: 8080)) == "11.1% \(Self.v2), 88.9% \(Self.v1)")
  }

  // What follows was found by the comparison with Envoy 1.40.

  @Test func someHeadersAreJoinedAllTheSame() {
    let agents: [(String, String)] = [("User-Agent", "GET"), ("user-agent", "a b")]
    #expect(takes(["headers": ["user-agent": ["exact": "GET,a b"]]], agents))
    #expect(!takes(["headers": ["user-agent": ["exact": "GET"]]], agents))
    let accepted = [("accept", "GET"), ("accept", "a b")]
    #expect(takes(["headers": ["accept": ["exact": "GET,a b"]]], accepted))
    #expect(!takes(["headers": ["accept": ["prefix": "a"]]], accepted))
    #expect(takes(["headers": ["x-a": ["exact": "GET"]]], [("x-a", "GET"), ("x-a", "a b")]))
  }

  @Test func theForwardedProtocolIsAlwaysThere() {
    #expect(takes(["headers": ["x-forwarded-proto": ["exact": "http"]]]))
    #expect(!takes(["withoutHeaders": ["x-forwarded-proto": [:]]]))
    let empty = HTTPRequest(host: "web", port: 8080, headers: [("x-forwarded-proto", "")])
    #expect(ask([Self.split(["uri": ["prefix": "/"]])], empty) == "404 NR")
  }

  @Test func envoysRegexesReadBytes() {
    #expect(!takes(["headers": ["x": ["regex": "."]]], [("x", "é")]))
    #expect(takes(["headers": ["x": ["regex": ".."]]], [("x", "é")]))
    #expect(takes(["headers": ["x": ["regex": "é"]]], [("x", "é")]))
  }

  @Test func headersAreRemovedThenSetThenAdded() throws {
    let destination: Value = [
      "destination": ["host": "web", "subset": "v1"], "headers": ["response": ["set": ["x": "set"]]],
    ]
    let rules = virtualService(
      "web", hosts: ["web"],
      http: [rule([], [destination], [("headers", ["response": ["add": ["x": "added"], "remove": ["x"]]])])]
    )
    let result = MeshView(parsing: Self.base + [rules]).route(Self.client, HTTPRequest(host: "web", port: 8080))
    guard case .destination(let arrived) = result.only, let forwarding = arrived.forwarding else {
      Issue.record("\(summary(result))")
      return
    }
    #expect(HeaderOperations.values(of: "x", after: forwarding.headers.response, given: ["up"]) == ["set", "added"])
  }

  @Test func aRegexThatIsNoneMatchesNothingAndIsReported() throws {
    let bad = Self.split(["headers": ["x": ["regex": "(?=a)"]]])
    let parsed = try #require(MeshObject.parse(bad))
    #expect(parsed.issues.count == 1 && parsed.issues[0].contains("look-around"))
    #expect(ask([bad], HTTPRequest(host: "web", port: 8080, headers: [("x", "a")])) == Self.v1)
  }

  @Test func delegatesAreNotSimulated() throws {
    let rules = virtualService("web", hosts: ["web"], http: [rule([], [], [("delegate", ["name": "other"])])])
    let result = MeshView(parsing: Self.base + [rules]).route(Self.client, HTTPRequest(host: "web", port: 8080))
    #expect(result.decision.notSimulated == ["http[0].delegate"])
    // Not a rule without a destination: another object has them.
    #expect(result.only == .delegated(to: "shop/other"))
  }
}
