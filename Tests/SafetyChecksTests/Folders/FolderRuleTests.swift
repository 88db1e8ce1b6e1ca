import Diagnostics
import KubernetesModel
import RolloutPlan
import SafetyChecks
import TestSupport
import Testing

/// Folders of YAML: every rule fires where it must, once, and nowhere else.
@Suite struct FolderRuleTests {
  @Test func everyRuleHasACase() {
    #expect(Set(FolderRule.all.map(\.letter)) == Set("abcdefghijklmno"))
    let covered = Set(FolderRule.all.map(\.code))
    for code in Code.folders { #expect(covered.contains(code), "\(code.id)") }
  }

  @Test(arguments: FolderRule.all) func fires(_ rule: FolderRule) throws {
    let found = try found([rule.before, rule.after])
    let shown = found.map(text).joined(separator: "\n---\n")
    #expect(found.map(\.code.id) == [rule.code.id], "\(shown)")
    for words in rule.words { #expect(shown.contains(words), "\(words)\n\(shown)") }
  }

  @Test(arguments: FolderRule.all) func isSilent(_ rule: FolderRule) throws {
    let isStanding = rule.before == rule.after
    let found = try found((isStanding ? rule.fine : [rule.before]) + rule.fine)
    #expect(found.isEmpty, "\(found.map(text).joined(separator: "\n---\n"))")
  }

  @Test func aLintIsSilencedForItsObject() throws {
    let rule = try #require(FolderRule.lanes.first)
    var after = try stage(rule.after, "after")
    let lint = try #require(check(folders: [after, after]).diagnostics.first)
    for (id, object) in after.objects where object.range == lint.primary.range {
      after.objects[id]?.allowed = ["lane-without-default"]
    }
    #expect(check(folders: [after, after]).diagnostics.isEmpty)
  }

  /// What may stop requests and is not followed is said where it changes, unless its object is allowed to.
  @Test func whatIsNotFollowedIsSaid() throws {
    let deny = """
      ---
      apiVersion: security.istio.io/v1
      kind: AuthorizationPolicy
      metadata: {name: deny, namespace: shop}
      spec: {}

      """
    let plain = Shop.front + Shop.back
    #expect(try found([plain, plain + deny]).map(\.code) == [.notFollowed])
    #expect(try found([plain + deny, plain + deny]).isEmpty)
    var after = try stage(plain + deny, "after")
    for id in after.objects.keys where id.kind == "AuthorizationPolicy" {
      after.objects[id]?.allowed = ["not-followed"]
    }
    #expect(try check(folders: [stage(plain, "before"), after]).diagnostics.isEmpty)
  }

  /// A server or a route for one host of a wildcard takes its visitors.
  @Test func aNarrowerHostTakesVisitorsAway() throws {
    let wide = (Shop.front + Shop.back)
    let narrow = """
      ---
      apiVersion: networking.istio.io/v1
      kind: VirtualService
      metadata: {name: narrow, namespace: shop}
      spec:
        hosts: [shop.example.com]
        gateways: [edge]
        http: [{match: [{uri: {prefix: /admin}}], route: [{destination: {host: web}}]}]

      """
    let found = try found([wide, wide + narrow])
    #expect(found.contains { $0.code == .noRoute }, "\(found.map(\.message))")
  }

  /// A rule for every port is no fault where there is one; and pods that say of no port that they listen say nothing.
  @Test func whatIsNotOdd() throws {
    let store =
      Shop.service("store", ports: "{name: redis, port: 6379}")
      + Shop.pods("store", "1", container: "ports: [{containerPort: 6379}]")
    let open = Shop.routes("store", kind: "tcp", "route: [\(Shop.to("store", nil, port: 6379))]")
    #expect(try found([Shop.front + store + open, Shop.front + store + open]).map(text) == [])
    let deaf = Shop.front + Shop.back.replacing("containerPort: 8080", with: "containerPort: 9090")
    #expect(try !found([deaf, deaf]).contains { $0.code == .serviceSelector })
  }

  /// Who has just been started calls others, too, once visitors come to it: also what they meet only on the way counts.
  @Test func aCallerThatBeginsWithItsVisitors() throws {
    let plain = Shop.front + Shop.back + Shop.routes("api", "route: [\(Shop.to("api", "1"))]")
    let before = Shop.entry("route: [\(Shop.to("web", "1"))]")
    let flagged = Shop.entry(Shop.cookie + "route: [\(Shop.to("web", "2"))]", "route: [\(Shop.to("web", "1"))]")
    let after =
      (Shop.front + Shop.back).replacing(before, with: flagged) + Shop.pods("web", "2", calls: "api")
      + Shop.pods("api", "2")
      + Shop.routes(
        "api", Shop.lane("web", "2") + "route: [\(Shop.to("api", "2"))]", "route: [\(Shop.to("api", "1"))]")
    let words = try found([plain, after]).filter { $0.code == .noReadyPods }.map(text)
    #expect(words.contains { $0.contains("calls of `web-2` are led to subset `v2` of `api") }, "\(words)")
  }

  /// What fails otherwise than before is told; what fails as it did is not this change's; and who leaves meets it for a
  /// moment only.
  @Test func whatFailedBefore() throws {
    let undefined = Shop.front + Shop.back + Shop.routes("api", "route: [\(Shop.to("api", "9"))]")
    let empty = Shop.front + Shop.back + Shop.routes("api", "route: [\(Shop.to("api", "2"))]")
    #expect(try found([undefined, empty]).map(\.code) == [.noReadyPods])
    #expect(try found([empty, empty]).map(text) == [])

    func folder(_ mode: String, _ more: String = "") -> String {
      Shop.front + Shop.back + more + """
        ---
        apiVersion: security.istio.io/v1
        kind: PeerAuthentication
        metadata: {name: default, namespace: shop}
        spec: {mtls: {mode: \(mode)}}

        """
    }
    let bare = Shop.pods("batch", "1", calls: "api", annotations: "sidecar.istio.io/inject: \"false\"")
    let words = try found([folder("PERMISSIVE", bare), folder("STRICT")]).map(text)
    #expect(words.count == 1 && words.allSatisfy { $0.contains("mutual TLS at some moment") }, "\(words)")
  }

  /// A Service without pods that is new and that nobody names is odd, and costs nobody anything.
  @Test func whomNobodyAsks() throws {
    let plain = Shop.front + Shop.back
    for ports in ["{name: http, port: 80, targetPort: 8080}", "{name: tcp-x, port: 80}"] {
      let found = try found([plain, plain + Shop.service("fresh", ports: ports)])
      #expect(found.map(\.code) == [.serviceSelector], "\(found.map(text))")
    }
    // Somebody names it.
    let caller = Shop.pods("batch", "1", calls: "fresh")
    #expect(try found([plain + caller, plain + caller + Shop.service("fresh")]).map(\.code) == [.noReadyPods])
    // Who lost its pods had some.
    let served = plain + Shop.service("fresh") + Shop.pods("fresh", "1")
    #expect(try found([served, plain + Shop.service("fresh")]).map(\.code) == [.noReadyPods])
  }

  /// Who has no pods asks nobody, unless somebody else says how many it has.
  @Test func aCallerThatSleeps() throws {
    func folder(_ replicas: Int, _ more: String) -> String {
      Shop.front + Shop.back + Shop.pods("old", "1", calls: "legacy", replicas: replicas) + more
    }
    let legacy =
      Shop.service("legacy") + Shop.pods("legacy", "1") + Shop.rule("legacy", "1")
      + Shop.routes("legacy", "route: [\(Shop.to("legacy", "1"))]")
    #expect(try found([folder(0, legacy), folder(0, "")]).map(text) == [])
    #expect(try !found([folder(1, legacy), folder(1, "")]).isEmpty)
    #expect(try !found([folder(1, legacy), folder(0, "")]).isEmpty)
    let scaled = """
      ---
      apiVersion: keda.sh/v1alpha1
      kind: ScaledObject
      metadata: {name: old, namespace: shop}
      spec: {scaleTargetRef: {name: old-1}}

      """
    #expect(try !found([folder(0, legacy + scaled), folder(0, scaled)]).isEmpty)
    // What failed before fails no more than before, though for another version.
    let asleep = legacy.replacing("replicas: 1", with: "replicas: 0")
    let without = Shop.service("legacy") + Shop.pods("legacy", "1", replicas: 0) + Shop.rule("legacy", "1")
    for count in [0, 1] { #expect(try found([folder(count, asleep), folder(count, without)]).map(text) == []) }
  }

  // MARK: - What answers in the place of pods

  private static let everybody = Shop.front + Shop.back
  private static let toWeb = "route: [\(Shop.to("web", "1"))]"

  /// The same with other rules for visitors.
  private static func entry(_ rules: String...) -> String {
    everybody.replacing(
      Shop.entry(toWeb), with: Shop.entry("ROUTES").replacing("ROUTES", with: rules.joined(separator: "}\n  - {")))
  }

  @Test(
    arguments: [
      ("fault: {abort: {percentage: {value: 100}, httpStatus: 503}}, " + toWeb, "are answered with 503"),
      ("fault: {abort: {percentage: {value: 10}, httpStatus: 500}}, " + toWeb, "are in part answered with 500"),
      ("directResponse: {status: 503}", "`directResponse` of their rule says so"),
    ]) func anErrorThatARuleAnswers(_ rule: String, _ words: String) throws
  {
    let broken = Self.entry(rule)
    let found = try found([Self.everybody, broken])
    #expect(found.map(\.code) == [.noRoute], "\(found.map(text))")
    #expect(found.map(text).joined().contains(words), "\(found.map(text))")
    // What did so before is nobody's fault now, and what stops doing so is none.
    #expect(try SafetyChecksTests.found([broken, broken]).map(text) == [])
    #expect(try SafetyChecksTests.found([broken, Self.everybody]).map(text) == [])
  }

  @Test func anErrorForCallers() throws {
    let plain = Self.everybody + Shop.routes("api", "route: [\(Shop.to("api", "1"))]")
    let broken = Self.everybody + Shop.routes("api", "directResponse: {status: 500}")
    let found = try found([plain, broken])
    #expect(found.map(\.code) == [.noRoute], "\(found.map(text))")
    #expect(found.map(text).joined().contains("calls of `web-1` to `api` port 80 are answered with 500"))
    let wide = Shop.routes("\"*.shop.svc.cluster.local\"", name: "wide", "directResponse: {status: 500}")
    let all = try SafetyChecksTests.found([Self.everybody, Self.everybody + wide])
    #expect(Set(all.map(\.code)) == [.noRoute], "\(all.map(text))")
  }

  /// Whoever is sent elsewhere may be served there: that is said, and can be allowed.
  @Test func aRedirectIsSaid() throws {
    let led = Self.entry("redirect: {uri: /nowhere}")
    let found = try found([Self.everybody, led])
    #expect(found.map(\.code) == [.notFollowed], "\(found.map(text))")
    #expect(found.map(text).joined().contains("are sent to `http://example.com/nowhere` with 301"))
    var after = try stage(led, "after")
    for id in after.objects.keys where id.kind == "VirtualService" { after.objects[id]?.allowed = ["not-followed"] }
    #expect(try check(folders: [stage(Self.everybody, "before"), after]).diagnostics.isEmpty)
    // Another object's allowance is for that one.
    after = try stage(led + Shop.routes("api", "route: [\(Shop.to("api", "1"))]"), "after")
    for id in after.objects.keys where id.name == "api" { after.objects[id]?.allowed = ["not-followed"] }
    #expect(try check(folders: [stage(Self.everybody, "before"), after]).diagnostics.map(\.code) == [.notFollowed])
    let ended = try SafetyChecksTests.found([led, Self.entry("match: [{uri: {prefix: /other}}], " + Self.toWeb)])
    #expect(ended.contains { $0.code == .noRoute }, "\(ended.map(text))")
  }

  @Test(
    arguments: [
      ("connectionPool", "connectionPool: {http: {http1MaxPendingRequests: 1}}"),
      ("outlierDetection", "outlierDetection: {maxEjectionPercent: 100}"),
      ("PASSTHROUGH", "loadBalancer: {simple: PASSTHROUGH}"),
    ]) func aPolicyThatIsNotFollowedIsSaid(_ field: String, _ policy: String) throws
  {
    func folder(_ policy: String, _ subset: String = "") -> String {
      Self.everybody.replacing(
        Shop.rule("api", "1", "2"),
        with: Shop.rule("api", "1", "2", policy: policy.isEmpty ? "" : "trafficPolicy: {\(policy)}, ")
          .replacing("{name: v1, ", with: "{name: v1, " + subset))
    }
    for after in [folder(policy), folder("", "trafficPolicy: {\(policy)}, ")] {
      let found = try found([Self.everybody, after])
      #expect(found.map(\.code) == [.notFollowed], "\(found.map(text))")
      #expect(found.map(text).joined().contains("`\(field)` of DestinationRule/api"), "\(found.map(text))")
      #expect(try SafetyChecksTests.found([after, after + Shop.pods("api", "2")]).map(text) == [])
      #expect(try SafetyChecksTests.found([after, Self.everybody]).map(text) == [])
    }
  }

  /// The rules of a delegate are in no VirtualService of the host: that is said as long as it is so, and nothing is claimed
  /// of who meets it.
  @Test func aDelegateIsNotFollowed() throws {
    let led = Self.entry("delegate: {name: inner}")
    let inner = """
      ---
      apiVersion: networking.istio.io/v1
      kind: VirtualService
      metadata: {name: inner, namespace: shop}
      spec: {http: [{\(Self.toWeb)}]}

      """
    let other = inner.replacing("subset: v1", with: "subset: v2")
    let narrow = led.replacing(
      "delegate: {name: inner}", with: "match: [{uri: {prefix: /a}}], delegate: {name: inner}}\n  - {" + Self.toWeb)
    let moved = Shop.pods("web", "1").replacing("image: web", with: "image: web:2")
    for (before, after) in [
      (Self.everybody, led + inner), (led + inner, led), (led, led), (led + inner, led + other),
      (led + inner, narrow + inner), (led + inner, led + inner + moved),
    ] {
      let found = try found([before, after])
      #expect(found.map(\.code) == [.notFollowed], "\(found.map(text))")
      #expect(found.map(text).joined().contains("`delegate` of VirtualService/web-entry"), "\(found.map(text))")
    }
    #expect(try found([Self.everybody, Self.everybody + inner]).map(\.code) == [.notFollowed])
    // What stands as it was, and leads to what is as it was, does what it did.
    let later = led.replacing(
      "delegate: {name: inner}", with: "delegate: {name: inner}}\n  - {match: [{uri: {prefix: /a}}], " + Self.toWeb)
    for after in [led + inner, later + inner, led + inner + Shop.pods("api", "2")] {
      #expect(try found([led + inner, after]).map(text) == [])
    }
  }

  /// Pods that nobody here knows may be all that answered.
  @Test func otherPodsAreNotFollowed() throws {
    func pods(_ group: String, _ kind: String) -> String {
      Shop.pods("api", "1").replacing("apiVersion: apps/v1", with: "apiVersion: \(group)")
        .replacing("kind: Deployment", with: "kind: \(kind)")
    }
    for (group, kind) in [("argoproj.io/v1alpha1", "Rollout"), ("apps/v1", "ReplicaSet")] {
      let with = Shop.front + Shop.service("api") + Shop.rule("api", "1", "2") + pods(group, kind)
      let without = Shop.front + Shop.service("api") + Shop.rule("api", "1", "2")
      #expect(try found([with, without]).map(\.code).contains(.notFollowed), "\(kind)")
    }
  }

  // MARK: - What is asked

  /// Visitors that a rule of either folder tells apart from the others, and who lose their way.
  @Test(
    arguments: [
      ("uri: {prefix: /shop}", "uri: {prefix: /shop}, method: {exact: GET}", "method `POST`"),
      ("uri: {prefix: /shop}", "uri: {prefix: /shop}, method: {regex: 'GET|POST|PUT'}", "method `DELETE`"),
      ("uri: {prefix: /shop}", "uri: {exact: /shop}", "path `/shop/page`"),
      ("uri: {prefix: /shop}", "uri: {prefix: /shop/}", "path `/shop`"),
      ("uri: {regex: '/sh.p.*'}", "uri: {regex: '/sh.p'}", "/page`"),
      (
        "uri: {prefix: /shop}", "uri: {prefix: /shop}, withoutHeaders: {x-debug: {exact: '1'}}",
        "path `/shop` and `x-debug: 1`"
      ),
      ("uri: {prefix: /shop}", "uri: {prefix: /shop}, headers: {x-user: {}}", "path `/shop`"),
      ("uri: {prefix: /shop}", "uri: {prefix: /shop}, queryParams: {a: {exact: b}}", "path `/shop`"),
      ("uri: {prefix: /shop}", "uri: {prefix: /shop}, authority: {exact: shop.org}", "path `/shop`"),
      ("uri: {exact: /shop}, ignoreUriCase: true", "uri: {exact: /shop}", "path `/SHOP`"),
      ("headers: {x: {prefix: v}}", "headers: {x: {exact: v}}", "`x: vx`"),
      ("queryParams: {x: {prefix: v}}", "queryParams: {x: {exact: v}}", "`?x=vx`"),
    ]) func aVisitorWithoutARouteIsFound(_ before: String, _ after: String, _ words: String) throws
  {
    func folder(_ match: String) -> String { Self.entry("match: [{\(match)}], " + Self.toWeb) }
    let found = try found([folder(before), folder(after)])
    #expect(found.map(\.code) == [.noRoute], "\(found.map(text))")
    #expect(found.map(text).joined().contains(words), "\(found.map(text))")
    #expect(try SafetyChecksTests.found([folder(after), folder(before)]).map(text) == [])
  }

  /// A gateway that somebody else keeps takes in requests on port 80, and on the ports that matches name.
  @Test(arguments: [
    ("edge", ""), ("istio-system/edge", ""), ("edge", "match: [{port: 8443}], "), ("edge", "match: [{port: 443}], "),
  ])
  func aGatewayOfOthers(_ name: String, _ match: String) throws {
    func folder(_ version: String) -> String {
      Self.entry(match + "route: [\(Shop.to("web", version))]").replacing(Shop.gateway, with: "")
        .replacing("gateways: [edge]", with: "gateways: [\(name)]")
    }
    let found = try found([folder("1"), folder("9")])
    #expect(found.map(\.code) == [.undefinedSubset], "\(found.map(text))")
    #expect(try SafetyChecksTests.found([folder("1"), folder("1")]).map(text) == [])
    // A gateway that goes is no gateway of others.
    let gone = try SafetyChecksTests.found([folder("1") + Shop.gateway, folder("1")])
    if match.isEmpty, name == "edge" { #expect(gone.contains { $0.code == .noRoute }, "\(gone.map(text))") }
  }

  /// Routes that leave a gateway for one that nobody knows leave its visitors.
  @Test func aGatewayWithAnotherName() throws {
    let wrong = Self.everybody.replacing("gateways: [edge]", with: "gateways: [egde]")
    #expect(try found([Self.everybody, wrong]).map(\.code) == [.noRoute])
    let named = Self.everybody.replacing(
      "hosts: [\"*\"]\n  gateways: [edge]", with: "hosts: [a.org]\n  gateways: [egde]")
    #expect(named != Self.everybody)
    #expect(Set(try found([Self.everybody, named]).map(\.code)) == [.noRoute])
  }

  /// Two gateways with routes of their own for one host are two proxies: each loses visitors of its own.
  @Test func twoGatewaysOfOthers() throws {
    func entry(_ name: String, _ version: String) -> String {
      Shop.entry("route: [\(Shop.to("web", version))]").replacing("name: web-entry", with: "name: \(name)-entry")
        .replacing("gateways: [edge]", with: "gateways: [\(name)]")
    }
    let rest = Self.everybody.replacing(Shop.gateway, with: "").replacing(Shop.entry(Self.toWeb), with: "")
    for (a, b) in [("9", "1"), ("1", "9")] {
      let found = try found([rest + entry("a", "1") + entry("b", "1"), rest + entry("a", a) + entry("b", b)])
      #expect(found.map(\.code) == [.undefinedSubset], "\(found.map(text))")
    }
  }

  @Test func connectionsAtAGatewayOfOthers() throws {
    func folder(_ match: String, _ version: String) -> String {
      Self.everybody.replacing(Shop.gateway, with: "").replacing(
        Shop.entry(Self.toWeb), with: Shop.entry(match + "route: [\(Shop.to("web", version))]")
      )
      .replacing("  http:\n  - {\(match)", with: "  tcp:\n  - {\(match)")
    }
    let at = "match: [{port: 9000}], "
    #expect(try found([folder(at, "1"), folder(at, "9")]).map(\.code).contains(.undefinedSubset))
    let anywhere = try found([folder("", "1"), folder("", "9")])
    #expect(anywhere.contains { $0.code == .notFollowed }, "\(anywhere.map(text))")
  }

  /// One rule's path with another's header.
  @Test func aRuleInFrontOfAnother() throws {
    let plain = Self.entry("match: [{uri: {prefix: /shop}}], " + Self.toWeb)
    let covered = Self.entry(
      "match: [{headers: {x: {exact: w}}}], directResponse: {status: 503}",
      "match: [{uri: {prefix: /shop}}], " + Self.toWeb)
    let found = try found([plain, covered])
    #expect(found.map(\.code) == [.noRoute], "\(found.map(text))")
    #expect(found.map(text).joined().contains("path `/shop` and `x: w`"), "\(found.map(text))")
  }

  /// Where rules ask for very much, what is new is asked with all of the rest, and what is left out is said.
  @Test(arguments: [(12, false), (40, true)]) func veryManyKinds(_ count: Int, _ isTooMany: Bool) throws {
    let headers = (0..<count).map { "match: [{headers: {x-\($0): {exact: '1'}}}], " + Self.toWeb }
    let paths = (0..<count).map { "match: [{uri: {prefix: /p\($0)/}}], " + Self.toWeb }
    let deny = "match: [{uri: {prefix: /internal}}], directResponse: {status: 403}"
    func folder(_ rules: [String]) -> String {
      Self.everybody.replacing(
        Shop.entry(Self.toWeb),
        with: Shop.entry("ROUTES").replacing("ROUTES", with: (rules + [Self.toWeb]).joined(separator: "}\n  - {")))
    }
    let before = folder(headers + [deny] + paths)
    let after = folder([deny] + headers + paths)
    let found = try found([before, after])
    #expect(found.contains { $0.code == .noRoute }, "\(found.map(text))")
    #expect(found.map(text).joined().contains("path `/internal` and `x-"), "\(found.map(text))")
    #expect(found.contains { $0.code == .notFollowed } == isTooMany, "\(found.map(text))")
    #expect(try SafetyChecksTests.found([after, after]).map(text) == [])
  }

  // MARK: - The pages of the codes

  private static let pages = Catalogue.pages.filter { $0.stage == .folder }

  @Test(arguments: pages) func theExamplesOfAPage(_ page: CodePage) throws {
    let bad = try found([page.bad.plan, page.bad.plan])
    #expect(bad.map(\.code.id) == [page.code.id], "\(bad.map(text))")
    let good = try found([page.good.plan, page.good.plan])
    #expect(good.isEmpty, "\(good.map(text))")
  }
}

/// S9 between folders.
@Suite struct FolderDeletionTests {
  private static let claim = """
    ---
    apiVersion: v1
    kind: PersistentVolumeClaim
    metadata: {name: data, namespace: shop}
    spec: {accessModes: [ReadWriteOnce]}

    """
  private static let user = Shop.pods(
    "db", "1", pod: "volumes: [{name: data, persistentVolumeClaim: {claimName: data}}], ")

  @Test func aClaimGoesOnlyWhenAsked() throws {
    let diagnostics = try found([Self.claim, ""])
    #expect(diagnostics.map(\.code) == [.stillInUse])
    #expect(diagnostics.first?.message == "PersistentVolumeClaim/data is deleted, and the data on it")
    #expect(try found([Self.claim, ""], FolderCheckOptions(mayDeleteVolumes: true)).isEmpty)
  }

  @Test func whatIsUsedGoesNeverInOneGo() throws {
    let options = FolderCheckOptions(mayDeleteVolumes: true)
    let diagnostics = try found([Self.claim + Self.user, ""], options)
    #expect(diagnostics.map(\.code) == [.stillInUse])
    #expect(
      diagnostics.first?.message
        == "PersistentVolumeClaim/data is deleted while pods of Deployment/db-1 may still use it")
    #expect(try found([Self.claim + Self.user, Self.claim, ""], options).isEmpty)
    for (kind, field) in [
      ("ConfigMap", "envFrom: [{configMapRef: {name: data}}]"), ("Secret", "envFrom: [{secretRef: {name: data}}]"),
    ] {
      let object = "---\napiVersion: v1\nkind: \(kind)\nmetadata: {name: data, namespace: shop}\n"
      let pods = Shop.pods("db", "1", container: field)
      #expect(try found([object + pods, pods]).map(\.code) == [.stillInUse], "\(kind)")
      #expect(try found([object, ""]).isEmpty, "\(kind)")
      // Another namespace has its own, and what sleeps uses nothing.
      let others = Shop.pods("db", "1", container: field, namespace: "other")
      #expect(try found([object + others, others]).isEmpty, "\(kind)")
      let asleep = Shop.pods("db", "1", replicas: 0, container: field)
      #expect(try found([object + asleep, asleep]).isEmpty, "\(kind)")
    }
  }

  /// However pods name it.
  @Test(arguments: [
    ("ConfigMap", "", "volumes: [{name: v, configMap: {name: data}}], "),
    ("Secret", "", "volumes: [{name: v, secret: {secretName: data}}], "),
    ("ConfigMap", "env: [{name: A, valueFrom: {configMapKeyRef: {name: data, key: a}}}]", ""),
    ("Secret", "env: [{name: A, valueFrom: {secretKeyRef: {name: data, key: a}}}]", ""),
    ("ServiceAccount", "", "serviceAccountName: data, "),
    (
      "Secret", "", "initContainers: [{name: i, image: i, envFrom: [{secretRef: {name: data}}]}], "
    ),
  ])
  func ways(_ kind: String, _ container: String, _ pod: String) throws {
    let object = "---\napiVersion: v1\nkind: \(kind)\nmetadata: {name: data, namespace: shop}\n"
    let pods = Shop.pods("db", "1", container: container.isEmpty ? "command: [x]" : container, pod: pod)
    #expect(try found([object + pods, pods]).map(\.code) == [.stillInUse])
    let other = pods.replacing(" data", with: " more")
    #expect(try found([object + other, other]).isEmpty)
  }

  @Test func aNamespaceTakesEverythingWithIt() throws {
    let namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    #expect(try found([namespace, ""]).map(\.code) == [.stillInUse])
    #expect(try found([namespace, namespace]).isEmpty)
  }

  /// What a roll-out takes away before it brings the next one.
  @Test(arguments: [
    ("Deployment", 1, "", false), ("Deployment", 3, "", false),
    ("Deployment", 4, "strategy: {rollingUpdate: {maxUnavailable: 25%}}", true),
    ("Deployment", 3, "strategy: {rollingUpdate: {maxUnavailable: 25%}}", false),
    // Both round to nothing, and something has to go.
    ("Deployment", 1, "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 25%}}", true),
    ("Deployment", 2, "strategy: {rollingUpdate: {maxSurge: 0%, maxUnavailable: 25%}}", true),
    ("Deployment", 2, "strategy: {rollingUpdate: {maxSurge: 1%, maxUnavailable: 25%}}", false),
    ("StatefulSet", 1, "", true), ("StatefulSet", 3, "", true),
    ("StatefulSet", 3, "updateStrategy: {rollingUpdate: {maxUnavailable: 0%}}", true),
    ("StatefulSet", 3, "updateStrategy: {type: OnDelete}", false),
    ("StatefulSet", 3, "updateStrategy: {rollingUpdate: {partition: 3}}", false),
    ("StatefulSet", 3, "updateStrategy: {rollingUpdate: {partition: 2, maxUnavailable: 100%}}", true),
    // One on each node, however many there are.
    ("DaemonSet", 1, "", true), ("DaemonSet", 1, "updateStrategy: {rollingUpdate: {maxUnavailable: 100%}}", true),
    ("DaemonSet", 1, "updateStrategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}", false),
    ("DaemonSet", 1, "updateStrategy: {type: OnDelete}", false),
  ])
  func rollingUpdates(_ kind: String, _ replicas: Int, _ strategy: String, _ takesAway: Bool) throws {
    func folder(_ image: String) -> String {
      let pods = Shop.pods("api", "1", replicas: replicas).replacing("kind: Deployment", with: "kind: \(kind)")
        .replacing("image: api", with: "image: \(image)")
        .replacing("replicas: \(replicas)", with: "replicas: \(replicas)\(strategy.isEmpty ? "" : "\n  " + strategy)")
      #expect(pods.contains("replicas: \(replicas)") && pods.contains(image))
      return Shop.front + Shop.service("api") + pods + Shop.rule("api", "1", "2")
    }
    let codes = Set(try found([folder("api:1"), folder("api:2")]).map(\.code))
    #expect(codes.isEmpty != takesAway, "\(codes)")
    #expect(codes.isSubset(of: [.noReadyPods, .tooFewPods]), "\(codes)")
  }

  @Test func aDaemonSetIsFollowed() throws {
    let rest = Shop.front + Shop.service("api") + Shop.rule("api", "1", "2")
    let pods = Shop.pods("api", "1").replacing("kind: Deployment", with: "kind: DaemonSet")
    #expect(try found([rest + pods, rest]).map(\.code) == [.noReadyPods])
    #expect(try found([rest + pods, rest + pods]).map(text) == [])
  }

  /// What is said of pods that are replaced can be done with a workload of this kind.
  @Test(arguments: [
    ("Deployment", 1, "strategy: {type: Recreate}", ["`strategy: {type: RollingUpdate}` keeps them"]),
    ("Deployment", 4, "strategy: {rollingUpdate: {maxUnavailable: 1}}", ["`maxUnavailable: 0`, and a `maxSurge`"]),
    ("Deployment", 1, "strategy: {rollingUpdate: {maxUnavailable: 1}}", ["`maxUnavailable: 0`, and a `maxSurge`"]),
    ("StatefulSet", 1, "", ["give it 2 replicas or more"]),
    ("StatefulSet", 3, "", ["give it a replica more than the load needs"]),
    (
      "StatefulSet", 3, "updateStrategy: {rollingUpdate: {maxUnavailable: 3}}",
      ["a StatefulSet then stops one pod at a time"]
    ),
    ("DaemonSet", 1, "", ["`maxSurge: 1` and `maxUnavailable: 0`", "where there is one node, none is left"]),
  ])
  func helps(_ kind: String, _ replicas: Int, _ strategy: String, _ words: [String]) throws {
    func folder(_ image: String) -> String {
      let pods = Shop.pods("api", "1", replicas: replicas).replacing("kind: Deployment", with: "kind: \(kind)")
        .replacing("image: api", with: "image: \(image)")
        .replacing("replicas: \(replicas)", with: "replicas: \(replicas)\(strategy.isEmpty ? "" : "\n  " + strategy)")
      return Shop.front + Shop.service("api") + pods + Shop.rule("api", "1", "2")
    }
    let found = try found([folder("api:1"), folder("api:2")])
    #expect(!found.isEmpty)
    for diagnostic in found {
      for words in words { #expect(text(diagnostic).contains(words), "\(text(diagnostic))") }
      #expect(!text(diagnostic).contains("two goes"), "\(text(diagnostic))")
    }
  }

  @Test func aStatefulSetMayTakeItsClaimsAlong() throws {
    func set(_ policy: String) -> String {
      """
      ---
      apiVersion: apps/v1
      kind: StatefulSet
      metadata: {name: db, namespace: shop}
      spec:
        persistentVolumeClaimRetentionPolicy: {whenDeleted: \(policy)}
        volumeClaimTemplates: [{metadata: {name: data}}]
        template: {metadata: {labels: {app: db}}}

      """
    }
    #expect(try found([set("Delete"), ""]).map(\.code) == [.stillInUse])
    #expect(try found([set("Retain"), ""]).isEmpty)
    // Without claims of its own it takes none.
    let bare = set("Delete").replacing("  volumeClaimTemplates: [{metadata: {name: data}}]\n", with: "")
    #expect(try found([bare, ""]).isEmpty)
  }
}

/// S4 and S5 between folders, by an intent.
@Suite struct FolderIntentTests {
  private static let head = """
    plan shop
    language 1
    namespace shop
    expose web on port 80
    component web {
      port 8080 http
      calls api
      version 1, 2
    }
    component api {
      port 80 http
      version 1, 2
    }
    cookie flag is flag = on
    release 1 {
      web 1
      api 1
    }
    release 2 {
      web 2
      api 2
    }

    """

  private static let steps = """
    step "before" {
      deploy release 1
    }
    step "after" {
      deploy release 2
      route web cookie flag -> 2
    }
    """

  private func intent(_ steps: String, folders: Int = 2) throws -> FolderIntent? {
    let resolution = resolve(path: "intent.rollout", bytes: Array((Self.head + steps).utf8))
    let errors = resolution.diagnostics.filter { $0.severity == .error && $0.code != .missingImage }
    #expect(errors.isEmpty, "\(errors.map(\.message))")
    return FolderIntent(try #require(resolution.plan), folders: folders)
  }

  private typealias S = Shop

  private static let pods =
    S.gateway + S.service("web") + S.service("api") + S.pods("web", "1") + S.pods("api", "1") + S.rule("web", "1", "2")
    + S.rule("api", "1", "2")
  private static let more = pods + S.pods("web", "2") + S.pods("api", "2")
  private static let plain = S.entry("route: [\(S.to("web", "1"))]")
  private static let flagged = S.entry(
    S.cookie + "route: [\(S.to("web", "2"))]", "route: [\(S.to("web", "1"))]")
  private static let straight = S.routes("api", "route: [\(S.to("api", "1"))]")
  private static let lanes = S.routes(
    "api", S.lane("web", "2") + "route: [\(S.to("api", "2"))]", "route: [\(S.to("api", "1"))]")

  private func found(_ folders: String..., steps: String = steps) throws -> [Diagnostic] {
    try SafetyChecksTests.found(folders, FolderCheckOptions(intent: intent(steps, folders: folders.count)))
  }

  @Test func whatIsMeantIsFine() throws {
    let one = "step \"before\" {\n  deploy release 1\n}\n"
    let dark = "step \"dark\" {\n  deploy release 2\n}\n"
    let canary = "step \"canary\" {\n  route web cookie flag -> 2\n}\n"
    let found = try found(
      Self.pods + Self.plain + Self.straight, Self.more + Self.plain + Self.lanes,
      Self.more + Self.flagged + Self.lanes,
      steps: one + dark + canary)
    #expect(found.isEmpty, "\(found.map(text))")
  }

  @Test func whoIsNotMeantForAVersionDoesNotReachIt() throws {
    let wrong = S.entry("route: [\(S.to("web", "2"))]")
    let found = try found(Self.more + Self.plain + Self.lanes, Self.more + wrong + Self.lanes)
    let stray = found.filter { $0.code == .strayTraffic }
    #expect(stray.count == 1, "\(found.map(text))")
    let words = stray.map(text).joined()
    for expected in [
      "visitors without a rule of their own reach Deployment/web-2, to which the intent does not send them",
      "they are meant for `web 1`", "gateway port 80 (visitors without a rule of their own) -> web-2",
    ] { #expect(words.contains(expected), "\(words)") }
  }

  @Test func aReleaseIsNotLeft() throws {
    let found = try found(Self.more + Self.plain + Self.lanes, Self.more + Self.flagged + Self.straight)
    let mixed = found.filter { $0.code == .mixedReleases }
    #expect(mixed.count == 1, "\(found.map(text))")
    let words = mixed.map(text).joined()
    for expected in [
      "a request that entered by `web-2` reaches Deployment/api-1 of another release",
      "gateway port 80 (visitors with cookie `flag=on`) -> web-2 -> `api` port 80 -> api-1",
    ] { #expect(words.contains(expected), "\(words)") }
  }

  /// A version of both releases does not say which of them a visitor is in; the next one does.
  @Test func aReleaseIsNotLeftThoughItBeginsLate() throws {
    let head = """
      plan shop
      language 1
      namespace shop
      expose web on port 80
      component web {
        port 8080 http
        calls mid
        version 1
      }
      component mid {
        port 80 http
        calls api
        version 1, 2
      }
      component api {
        port 80 http
        version 1, 2
      }
      release 1 {
        web 1
        mid 1
        api 1
      }
      release 2 {
        web 1
        mid 2
        api 2
      }
      step "all" {
        deploy release 1
        deploy release 2
      }
      """
    let plan = try #require(resolve(path: "intent.rollout", bytes: Array(head.utf8)).plan)
    func folder(mid: String, api: String) -> String {
      var text = S.gateway + S.service("web") + S.pods("web", "1", calls: "mid") + S.rule("web", "1") + Self.plain
      for (name, callee) in [("mid", "api"), ("api", nil as String?)] {
        text += S.service(name) + S.rule(name, "1", "2")
        for version in ["1", "2"] { text += S.pods(name, version, calls: callee) }
      }
      return text + S.routes("mid", "route: [\(S.to("mid", mid))]") + S.routes("api", "route: [\(S.to("api", api))]")
    }
    for (mid, api, isLeft) in [("2", "2", false), ("2", "1", true), ("1", "2", true), ("1", "1", false)] {
      let folder = folder(mid: mid, api: api)
      let found = try SafetyChecksTests.found(
        [folder, folder], FolderCheckOptions(intent: FolderIntent(plan, folders: 2)))
      #expect(found.contains { $0.code == .mixedReleases } == isLeft, "\(mid) \(api): \(found.map(text))")
    }
  }

  /// A call arrives where the intent leads its caller, also where the two are of no release, whatever the Service's port is.
  @Test func aCallArrivesWhereItIsMeantTo() throws {
    let head = """
      plan shop
      language 1
      namespace shop
      expose web on port 80
      component web {
        port 8080 http
        calls api
        version 1
      }
      component api {
        port 8080 http
        version 1, 2
      }
      header beta is x-beta = yes

      """
    let before = "step \"before\" {\n  deploy web 1\n  deploy api 1\n}\n"
    let after = "step \"after\" {\n  deploy api 2\n  route api header beta -> 2\n}\n"
    let plan = try #require(resolve(path: "intent.rollout", bytes: Array((head + before + after).utf8)).plan)
    let rest =
      S.gateway + S.service("web") + S.service("api") + S.pods("web", "1") + S.rule("web", "1", "2") + Self.plain
      + S.pods("api", "1") + S.pods("api", "2") + S.rule("api", "1", "2")
    func found(_ rules: String) throws -> [Diagnostic] {
      try SafetyChecksTests.found(
        [rest + Self.straight, rest + rules], FolderCheckOptions(intent: FolderIntent(plan, folders: 2)))
    }
    let beta = "match: [{headers: {x-beta: {exact: 'yes'}}}], route: [\(S.to("api", "2"))]"
    let meant = try found(S.routes("api", beta, "route: [\(S.to("api", "1"))]"))
    #expect(meant.isEmpty, "\(meant.map(text))")
    let wrong = try found(S.routes("api", "route: [\(S.to("api", "2"))]")).filter { $0.code == .strayTraffic }
    #expect(wrong.count == 1, "\(wrong.map(text))")
    let words = wrong.map(text).joined()
    for expected in [
      "calls of `web-1` reach Deployment/api-2, to which the intent does not send them", "they are meant for `api 1`",
    ] { #expect(words.contains(expected), "\(words)") }
    let split = try found(
      S.routes("api", "route: [\(S.to("api", "1", weight: 50)), \(S.to("api", "2", weight: 50))]"))
    #expect(split.contains { $0.code == .strayTraffic }, "\(split.map(text))")
    let page = "match: [{uri: {prefix: /page}}], route: [\(S.to("api", "2"))]"
    let pages = try found(S.routes("api", beta, page, "route: [\(S.to("api", "1"))]"))
    #expect(pages.map(\.code) == [.strayTraffic], "\(pages.map(text))")
    #expect(
      pages.map(text).joined().contains("calls of `web-1` with path `/page` reach Deployment/api-2"),
      "\(pages.map(text))")
    // In the end nobody may still go where the older folder was meant to lead them.
    let late = try found(Self.straight)
    #expect(late.map(\.code) == [.strayTraffic], "\(late.map(text))")
    #expect(late.map(text).joined().contains("with header `x-beta: yes` reach Deployment/api-1"), "\(late.map(text))")
  }

  /// Whom a rule of the folder tells apart, and the intent does not, is one of the others.
  @Test(arguments: [
    ("headers: {x-beta: {exact: '1'}}", "`x-beta: 1`"), ("uri: {prefix: /beta}", "path `/beta`"),
    ("method: {exact: POST}", "method `POST`"), ("queryParams: {beta: {exact: '1'}}", "`?beta=1`"),
    ("headers: {cookie: {regex: '^(.*?; ?)?(beta=1)(;.*)?$'}}", "`cookie: beta=1`"),
  ])
  func whomOnlyTheFolderTellsApart(_ match: String, _ words: String) throws {
    let one = "step \"all\" {\n  deploy release 1\n  deploy release 2\n}\n"
    let led = S.entry("match: [{\(match)}], route: [\(S.to("web", "2"))]", "route: [\(S.to("web", "1"))]")
    let stray = try found(Self.more + Self.plain + Self.lanes, Self.more + led + Self.lanes, steps: one)
    #expect(stray.map(\.code) == [.strayTraffic], "\(stray.map(text))")
    #expect(
      stray.map(text).joined().contains("visitors with \(words) reach Deployment/web-2, to which the intent does not"),
      "\(stray.map(text))")
    // Whom visitors should reach is not said without steps; what belongs together is.
    let mixed = try found(Self.more + Self.plain + Self.straight, Self.more + led + Self.straight, steps: "")
    #expect(mixed.map(\.code) == [.mixedReleases], "\(mixed.map(text))")
    #expect(mixed.map(text).joined().contains("gateway port 80 (visitors with \(words)) -> web-2"))
    #expect(try found(Self.more + Self.plain + Self.lanes, Self.more + led + Self.lanes, steps: "").map(text) == [])
  }

  /// The intent's own rule takes them, whatever the folder's is called.
  @Test func whomTheIntentTellsApartToo() throws {
    let led = S.entry(
      "match: [{uri: {prefix: /beta}, headers: {cookie: {regex: '^(.*?; ?)?(flag=on)(;.*)?$'}}}], "
        + "route: [\(S.to("web", "2"))]", S.cookie + "route: [\(S.to("web", "2"))]", "route: [\(S.to("web", "1"))]")
    let steps = Self.steps.replacing("deploy release 1\n", with: "deploy release 1\n  deploy release 2\n")
      .replacing("step \"after\" {\n  deploy release 2\n", with: "step \"after\" {\n")
    let fine = try found(Self.more + Self.plain + Self.lanes, Self.more + led + Self.lanes, steps: steps)
    #expect(fine.map(text) == [])
  }

  @Test func copiesAreMeantToo() throws {
    let one = "step \"all\" {\n  deploy release 1\n  deploy release 2\n}\n"
    let copied = S.entry(
      "mirror: {host: web, subset: v2, port: {number: 80}}, mirrorPercentage: {value: 10}, "
        + "route: [\(S.to("web", "1"))]")
    let found = try found(Self.more + Self.plain + Self.lanes, Self.more + copied + Self.lanes, steps: one)
    #expect(found.map(\.code) == [.strayTraffic], "\(found.map(text))")
    #expect(found.map(text).joined().contains("reach Deployment/web-2, to which the intent sends none"))
    let steps = one.replacing("release 2\n", with: "release 2\n  mirror web 10% -> 2\n")
    #expect(
      try self.found(Self.more + Self.plain + Self.lanes, Self.more + copied + Self.lanes, steps: steps).map(text) == []
    )
  }

  /// Whoever the intent leads visitors to has to get some.
  @Test func nobodyIsLeftOut() throws {
    let before = "step \"before\" {\n  deploy release 1\n  deploy release 2\n  route web all -> 1\n}\n"
    let after = "step \"after\" {\n  route web 50% -> 2\n}\n"
    let rules = Self.more + Self.lanes
    let split = S.entry("route: [\(S.to("web", "1", weight: 50)), \(S.to("web", "2", weight: 50))]")
    #expect(try found(rules + Self.plain, rules + split, steps: before + after).map(text) == [])
    let found = try found(rules + Self.plain, rules + Self.plain, steps: before + after)
    #expect(found.map(\.code) == [.strayTraffic], "\(found.map(text))")
    #expect(found.map(text).joined().contains("do not reach `web 2`, to which the intent sends them"))
  }

  @Test func thereIsAStepForEachFolder() throws {
    #expect(try intent(Self.steps, folders: 3) == nil)
    #expect(try intent("step \"all\" {\n  deploy release 1\n}\n", folders: 3) != nil)
  }
}
