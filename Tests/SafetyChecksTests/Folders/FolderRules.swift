import Diagnostics
import Testing

/// One of the rules that no other tool checks, in YAML that somebody wrote: where it fires, as one diagnostic, and where
/// it must not.
struct FolderRule: Sendable, CustomTestStringConvertible {
  /// The rule's letter in the list of rules.
  var letter: Character
  var name: String
  var code: Code
  /// Words of the diagnostic.
  var words: [String]
  var before: String
  var after: String
  /// What comes after `before` where all is well, in one go or in several.
  var fine: [String]

  var testDescription: String { "\(letter): \(name)" }

  init(
    _ letter: Character, _ name: String, _ code: Code, _ words: [String], _ before: String, to after: String,
    fine: [String]
  ) {
    (self.letter, self.name, self.code, self.words) = (letter, name, code, words)
    (self.before, self.after, self.fine) = (before, after, fine)
  }

  /// It is so in both folders.
  init(_ letter: Character, _ name: String, _ code: Code, _ words: [String], in folder: String, fine: String) {
    self.init(letter, name, code, words, folder, to: folder, fine: [fine])
    before = folder
  }
}

private typealias S = Shop

extension FolderRule {
  static let all: [FolderRule] = lanes + order + tls + shadows + services + values

  private static let v1 = "route: [\(S.to("api", "1"))]"
  private static let v2 = "route: [\(S.to("api", "2"))]"
  private static let shop = S.front + S.back
  private static let everybody = "route: [\(S.to("web", "1"))]"
  private static let flagged = "\(S.cookie)route: [\(S.to("web", "2"))]}\n  - {\(everybody)"
  private static let both = S.back + S.pods("api", "2")

  static let lanes: [FolderRule] = [
    FolderRule(
      "a", "http lanes without a default", .laneWithoutDefault,
      ["callers that no lane names get every version of `api` on port 80", "VirtualService/api"],
      in: shop + S.routes("api", S.lane("web", "1") + v1), fine: shop + S.routes("api", S.lane("web", "1") + v1, v1)),
    FolderRule(
      "a", "who falls through is named", .laneWithoutDefault, ["`batch-1` get every version of `api`"],
      in: shop + S.pods("batch", "1", calls: "api") + S.routes("api", S.lane("web", "1") + v1),
      fine: shop + S.pods("batch", "1", calls: "api") + S.routes("api", S.lane("web", "1") + v1, v1)),
    FolderRule(
      "a", "tcp lanes without a default on one of two ports", .laneWithoutDefault, ["`store` on port 3306"],
      in: S.front + store
        + S.routes(
          "store", kind: "tcp", laneAt(6379), "match: [{port: 6379}], route: [\(S.to("store", nil, port: 6379))]",
          laneAt(3306)),
      fine: S.front + store
        + S.routes(
          "store", kind: "tcp", laneAt(6379), "match: [{port: 6379}], route: [\(S.to("store", nil, port: 6379))]",
          laneAt(3306), "match: [{port: 3306}], route: [\(S.to("store", nil, port: 3306))]")),
    FolderRule(
      "a", "tcp lanes without a default beside http routes", .laneWithoutDefault, ["`api` on port 3306"],
      in: S.front + twoFaced + S.routes("api", v1) + "  tcp:\n  - {\(dialled(lanes: true))}\n",
      fine: S.front + twoFaced + S.routes("api", v1)
        + "  tcp:\n  - {\(dialled(lanes: true))}\n  - {\(dialled(lanes: false))}\n"),
    FolderRule(
      "b", "a tcp match without a port", .laneAcrossPorts, ["connections to any port of `store` are led to port 6379"],
      in: S.front + store + S.routes("store", kind: "tcp", "route: [\(S.to("store", nil, port: 6379))]"),
      fine: S.front + store
        + S.routes(
          "store", kind: "tcp", "match: [{port: 6379}], route: [\(S.to("store", nil, port: 6379))]",
          "match: [{port: 3306}], route: [\(S.to("store", nil, port: 3306))]")),
    FolderRule(
      "b", "a tcp match that crosses ports", .laneAcrossPorts,
      ["connections to port 3306 of `store` are led to port 6379"],
      in: S.front + store
        + S.routes("store", kind: "tcp", "match: [{port: 3306}], route: [\(S.to("store", nil, port: 6379))]"),
      fine: S.front + store
        + S.routes("store", kind: "tcp", "match: [{port: 3306}], route: [\(S.to("store", nil, port: 3306))]")),
    FolderRule(
      "c", "a lane for nobody", .orphanLane, ["`app: web, version: 9`"],
      in: shop + S.routes("api", S.lane("web", "9") + v1, v1), fine: shop + S.routes("api", S.lane("web", "1") + v1, v1)
    ),
    FolderRule(
      "c", "a caller without a lane, where its like have some", .orphanLane,
      ["`web-3` calls `api` and has no lane", "`web-1`, `web-2`"],
      in: S.front + both + S.pods("web", "2", calls: "api") + S.pods("web", "3", calls: "api")
        + S.routes("api", S.lane("web", "1") + v1, S.lane("web", "2") + v2, v1),
      fine: S.front + both + S.pods("web", "2", calls: "api") + S.pods("web", "3", calls: "api")
        + S.routes("api", S.lane("web", "1") + v1, S.lane("web", "2") + v2, S.lane("web", "3") + v2, v1)),
    FolderRule(
      "d", "visitors come to a version whose lane leads nowhere", .noReadyPods,
      [
        "calls of `web-2` are led to subset `v2` of `api.shop.svc.cluster.local`", "503 UH",
        "gateway port 80 (visitors with `cookie: flag=on`) -> web-2 -> `api` port 80, which fails",
      ], shop + S.pods("web", "2", calls: "api") + S.routes("api", v1),
      to: shop.replacing(everybody, with: flagged) + S.pods("web", "2", calls: "api")
        + S.routes("api", S.lane("web", "2") + v2, v1),
      fine: [shop.replacing(everybody, with: flagged) + S.pods("web", "2", calls: "api") + S.routes("api", v1)]),
  ]

  private static let store =
    S.service("store", ports: "{name: redis, port: 6379}, {name: mysql, port: 3306}")
    + S.pods("store", "1", container: "ports: [{containerPort: 6379}, {containerPort: 3306}]")

  private static let twoFaced =
    S.service("api", ports: "{name: http, port: 80, targetPort: 8080}, {name: mysql, port: 3306}")
    + S.pods(
      "api", "1",
      container: "ports: [{containerPort: 8080}, {containerPort: 3306}], readinessProbe: {tcpSocket: {port: 8080}}")
    + S.rule("api", "1")

  private static func dialled(lanes: Bool) -> String {
    "match: [{port: 3306\(lanes ? ", sourceLabels: {app: web}" : "")}], route: [\(S.to("api", "1", port: 3306))]"
  }

  private static func laneAt(_ port: Int) -> String {
    "match: [{port: \(port), sourceLabels: {app: web}}], route: [\(S.to("store", nil, port: port))]"
  }

  static let order: [FolderRule] = [
    FolderRule(
      "e", "a route names a subset before its rule", .undefinedSubset,
      [
        "calls of `web-1`", "subset `v2`", "503 NC", "changes VirtualService/api", "gateway port 80",
        "web-1 -> `api` port 80",
      ],
      S.front + both.replacing(S.rule("api", "1", "2"), with: S.rule("api", "1")) + S.routes("api", v1),
      to: S.front + both + S.routes("api", v2),
      fine: [S.front + both + S.routes("api", v1), S.front + both + S.routes("api", v2)]),
    FolderRule(
      "e", "a rule drops a subset that is still named", .undefinedSubset,
      ["subset `v1`", "changes DestinationRule/api"],
      S.front + both + S.routes("api", v1),
      to: S.front + both.replacing(S.rule("api", "1", "2"), with: S.rule("api", "2")) + S.routes("api", v2),
      fine: [
        S.front + both + S.routes("api", v2),
        S.front + both.replacing(S.rule("api", "1", "2"), with: S.rule("api", "2")) + S.routes("api", v2),
      ]),
    FolderRule(
      "e", "a route opens before its pods are ready", .noReadyPods, ["subset `v2`", "503 UH"],
      shop + S.routes("api", v1), to: S.front + both + S.routes("api", v2),
      fine: [S.front + both + S.routes("api", v1), S.front + both + S.routes("api", v2)]),
    FolderRule(
      "e", "pods go while a route names them", .noReadyPods, ["subset `v1`", "deletes Deployment/api-1"],
      S.front + both + S.routes("api", v1),
      to: S.front + both.replacing(S.pods("api", "1"), with: "") + S.routes("api", v2),
      fine: [
        S.front + both + S.routes("api", v2),
        S.front + both.replacing(S.pods("api", "1"), with: "") + S.routes("api", v2),
      ]),
  ]

  private static func peers(_ mode: String) -> String {
    """
    ---
    apiVersion: security.istio.io/v1
    kind: PeerAuthentication
    metadata: {name: default, namespace: shop}
    spec: {mtls: {mode: \(mode)}}

    """
  }

  private static let bare = #"sidecar.istio.io/inject: "false""#

  static let tls: [FolderRule] = [
    FolderRule(
      "f", "STRICT while a client has no sidecar", .tlsMismatch,
      ["calls of `batch-1`, which has no sidecar,", "`api` port 80", "PeerAuthentication/default"],
      shop + peers("PERMISSIVE") + S.pods("batch", "1", calls: "api", annotations: bare),
      to: shop + peers("STRICT") + S.pods("batch", "1", calls: "api", annotations: bare),
      fine: [
        shop + peers("PERMISSIVE") + S.pods("batch", "1", calls: "api"),
        shop + peers("STRICT") + S.pods("batch", "1", calls: "api"),
      ]),
    FolderRule(
      "f", "DISABLE before the clients, which go by the policy, have heard of it", .tlsMismatch,
      ["calls of `web-1`", "PeerAuthentication/default", "between `0` and `1`"],
      pair + peers("STRICT"), to: pair + peers("DISABLE"), fine: [pair + peers("PERMISSIVE")]),
    FolderRule(
      "f", "ISTIO_MUTUAL to pods without a sidecar", .tlsMismatch, ["calls of `web-1`", "DestinationRule/api"],
      S.front + S.back.replacing(S.pods("api", "1"), with: S.pods("api", "1", annotations: bare)),
      to: S.front
        + S.back.replacing(S.pods("api", "1"), with: S.pods("api", "1", annotations: bare))
        .replacing("subsets:", with: "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}, subsets:"),
      fine: [S.front + S.back.replacing(S.pods("api", "1"), with: S.pods("api", "1", annotations: bare))]),
    FolderRule(
      "f", "a rule of the caller's namespace hides the service's", .undefinedSubset,
      [
        "calls of `job-1`", "subset `v1`", "because DestinationRule/api of namespace `jobs` hides the subsets of `api`",
      ],
      shop + S.pods("job", "1", calls: "api.shop", namespace: "jobs") + S.routes("api", v1),
      to: shop + S.pods("job", "1", calls: "api.shop", namespace: "jobs") + S.routes("api", v1)
        + S.rule("api.shop.svc.cluster.local", namespace: "jobs"),
      fine: [shop + S.pods("job", "1", calls: "api.shop", namespace: "jobs") + S.routes("api", v1)]),
    FolderRule(
      "o", "a server that speaks first, behind PERMISSIVE, and a client without a sidecar", .tlsMismatch,
      ["calls of `batch-1`", "`db` port 3306"],
      database + peers("DISABLE") + S.pods("batch", "1", calls: "db", annotations: bare),
      to: database + peers("PERMISSIVE") + S.pods("batch", "1", calls: "db", annotations: bare),
      fine: [
        // To PERMISSIVE it may not go on: a client that has not heard of it speaks plaintext yet.
        database + peers("DISABLE") + S.pods("batch", "1", calls: "db")
      ]),
  ]

  private static let pair = S.pods("web", "1", calls: "api") + S.service("api") + S.pods("api", "1")

  private static let database =
    S.service("db", ports: "{name: mysql, port: 3306}") + S.pods("db", "1", container: "ports: [{containerPort: 3306}]")

  static let shadows: [FolderRule] = [
    FolderRule(
      "g", "two VirtualServices for a host of the mesh", .shadowed,
      ["VirtualService/other and VirtualService/api both"],
      in: shop + S.routes("api", v1) + S.routes("api", name: "other", v1), fine: shop + S.routes("api", v1)),
    FolderRule(
      "g", "a VirtualService that the gateway cannot see, now", .noRoute,
      ["visitors", "because VirtualService/web-entry is not exported to `istio-system`"], shop,
      to: shop.replacing("  gateways: [edge]\n", with: "  gateways: [edge]\n  exportTo: [\".\"]\n"), fine: [shop]),
    FolderRule(
      "g", "a VirtualService that the gateway could never see", .shadowed, ["VirtualService/web-entry is not exported"],
      in: shop.replacing("  gateways: [edge]\n", with: "  gateways: [edge]\n  exportTo: [\".\"]\n"), fine: shop),
    FolderRule(
      "g", "a DestinationRule that the gateway cannot see", .undefinedSubset,
      ["503 NC", "because DestinationRule/web is not exported to `istio-system`"], shop,
      to: shop.replacing("spec: {host: web,", with: "spec: {exportTo: [\".\"], host: web,"), fine: [shop]),
    FolderRule(
      "g", "a subset that is defined twice", .shadowed, ["subset `v1` of `api` is defined twice"],
      in: shop.replacing(
        "metadata: {name: api, namespace: shop}\nspec: {host: api, subsets: [",
        with: "metadata: {name: api, namespace: shop}\nspec: {host: api, subsets: [{name: v1, labels: {app: api}}, "),
      fine: shop),
    FolderRule(
      "i", "source labels at a gateway", .lostSourceLabels, ["VirtualService/web-entry is for a gateway only"],
      in: shop.replacing(everybody, with: "\(S.lane("web", "1"))\(everybody)}\n  - {\(everybody)"),
      fine: shop),
    FolderRule(
      "i", "source labels beside gateways", .lostSourceLabels, ["http[0] of VirtualService/api has `gateways` beside"],
      in: shop
        + S.routes("api", "match: [{gateways: [mesh], sourceLabels: {app: web}}], " + v1, v1),
      fine: shop + S.routes("api", S.lane("web", "1") + v1, v1)),
    FolderRule(
      "j", "lanes over a headless Service", .lanesUnsupported, ["`api` is headless"],
      in: shop.replacing("spec: {selector: {app: api}", with: "spec: {clusterIP: None, selector: {app: api}")
        + S.routes("api", v1),
      fine: shop + S.routes("api", v1)),
    FolderRule(
      "j", "lanes in ambient mode", .lanesUnsupported, ["namespace `shop` is in ambient mode"],
      in: shop + namespace("istio-injection: enabled, istio.io/dataplane-mode: ambient")
        + S.routes("api", S.lane("web", "1") + v1, v1),
      fine: shop + namespace("istio-injection: enabled") + S.routes("api", S.lane("web", "1") + v1, v1)),
    FolderRule(
      "j", "lanes behind a waypoint", .lanesUnsupported, ["namespace `shop` is in ambient mode"],
      in: laned + namespace("istio-injection: enabled, istio.io/use-waypoint: shop"),
      fine: laned + namespace("istio-injection: enabled, istio.io/use-waypoint: none")),
  ]

  private static let laned = shop + S.routes("api", S.lane("web", "1") + v1, v1)

  private static func namespace(_ labels: String) -> String {
    "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {\(labels)}}\n"
  }

  static let services: [FolderRule] = [
    FolderRule(
      "h", "a Service that selects nobody", .serviceSelector, ["Service/api selects `app: apy`"],
      in: shop.replacing("selector: {app: api}, ports", with: "selector: {app: apy}, ports"), fine: shop),
    FolderRule(
      "h", "a Service that selects nobody, now", .noReadyPods,
      ["calls of `web-1`", "because Service/api selects `app: apy`, and no pod has these labels"], shop,
      to: shop.replacing("selector: {app: api}, ports", with: "selector: {app: apy}, ports"), fine: [shop]),
    FolderRule(
      "h", "a Service that selects a version", .serviceSelector, ["subset `v2` of `api` is always empty"],
      in: shop.replacing("selector: {app: api}, ports", with: "selector: {app: api, version: \"1\"}, ports"), fine: shop
    ),
    FolderRule(
      "h", "pods of two kinds behind one number", .serviceSelector,
      ["Service/api leads port 80 to `api-2`, which does not listen on 8080"],
      in: S.front + S.back
        + S.pods("api", "2", container: "ports: [{containerPort: 9090}], readinessProbe: {tcpSocket: {port: 9090}}")
        + S.routes("api", v1),
      fine: S.front + both + S.routes("api", v1)),
    FolderRule(
      "m", "a version without a readiness probe", .noReadinessProbe, ["Deployment/api-1 has no readiness probe"],
      in: S.front + S.service("api") + S.pods("api", "1", container: "ports: [{containerPort: 8080}]")
        + S.rule("api", "1"),
      fine: S.front + S.service("api") + S.pods("api", "1", container: "ports: [{containerPort: 8080}]")),
    FolderRule(
      "m", "a version without pods", .noReadyPods, ["subset `v2`", "503 UH"],
      S.front + S.back + S.pods("api", "2", replicas: 0) + S.routes("api", v1),
      to: S.front + S.back + S.pods("api", "2", replicas: 0) + S.routes("api", v2),
      fine: [S.front + S.back + S.pods("api", "2", replicas: 0) + S.routes("api", v1)]),
    FolderRule(
      "o", "a port without a protocol", .undeclaredProtocol, ["port 80 of Service/api does not say"],
      in: shop.replacing("selector: {app: api}, ports: [{name: http, ", with: "selector: {app: api}, ports: [{"),
      fine: shop),
  ]

  private static func cookie(_ match: String) -> String {
    shop + S.routes("api", "match: [{headers: {cookie: {\(match)}}}], " + v1, v1)
  }

  private static let right = cookie(#"regex: '^(.*?; ?)?(flag=1\.5)(;.*)?$'"#)

  static let values: [FolderRule] = [
    FolderRule(
      "k", "any cookie whose end fits", .looseCookie, ["takes a cookie of another name too: `xflag=on`"],
      in: cookie("regex: '.*flag=on.*'"), fine: right),
    FolderRule(
      "k", "any value whose beginning fits", .looseCookie, ["takes other values too: `flag=onx`"],
      in: cookie("regex: '^(.*; )?flag=on.*$'"), fine: right),
    FolderRule(
      "k", "no other cookie beside it", .looseCookie, ["misses `flag=on` beside other cookies"],
      in: cookie("regex: 'flag=on'"), fine: right),
    FolderRule(
      "k", "no other cookie before it", .looseCookie, ["misses `flag=on` beside other cookies"],
      in: cookie("regex: '^flag=on;.*$'"), fine: right),
    FolderRule(
      "k", "the whole header", .looseCookie, ["misses `flag=on` when the browser sends another cookie"],
      in: cookie("exact: flag=on"), fine: right),
    FolderRule(
      "k", "a value with a point", .looseCookie, ["takes `flag=1x5` for `flag=1.5`"],
      in: cookie("regex: '^(.*?; ?)?(flag=1.5)(;.*)?$'"), fine: right),
    FolderRule(
      "l", "weights of 90", .oddWeights, ["http[0] of VirtualService/api add up to 90"],
      in: S.front + both + S.routes("api", "route: [\(S.to("api", "1", weight: 80)), \(S.to("api", "2", weight: 10))]"),
      fine: S.front + both
        + S.routes("api", "route: [\(S.to("api", "1", weight: 90)), \(S.to("api", "2", weight: 10))]")),
    FolderRule(
      "l", "weights that no number can hold", .oddWeights, ["http[0] of VirtualService/api add up to 21"],
      in: S.front + both
        + S.routes("api", "route: [\(S.to("api", "1", weight: .max)), \(S.to("api", "2", weight: 1))]"),
      fine: S.front + both
        + S.routes("api", "route: [\(S.to("api", "1", weight: 99)), \(S.to("api", "2", weight: 1))]")),
    FolderRule(
      "l", "weights and a promise to keep visitors", .oddWeights, ["DestinationRule/api hashes visitors to pods"],
      in: S.front
        + both.replacing(
          "spec: {host: api, ",
          with: "spec: {host: api, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}, ")
        + S.routes("api", "route: [\(S.to("api", "1", weight: 90)), \(S.to("api", "2", weight: 10))]"),
      fine: S.front
        + both.replacing(
          "spec: {host: api, ",
          with: "spec: {host: api, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}, ")
        + S.routes("api", v1)),
    FolderRule(
      "n", "a version that YAML takes for a number", .unquotedText,
      ["`version` in the `sourceLabels` of VirtualService/api is a number"],
      in: shop + S.routes("api", "match: [{sourceLabels: {app: web, version: 1.0}}], " + v1, v1),
      fine: shop + S.routes("api", S.lane("web", "1") + v1, v1)),
    FolderRule(
      "n", "a label that YAML takes for a truth value", .unquotedText, ["`canary` in the `labels` of Deployment/job-1"],
      in: shop + S.pods("job", "1", labels: "app: job, canary: on"),
      fine: shop + S.pods("job", "1", labels: "app: job, canary: \"on\"")),
  ]
}
