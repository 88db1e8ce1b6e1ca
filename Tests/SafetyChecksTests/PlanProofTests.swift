import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import SafetyChecks
import TestSupport
import Testing

/// Plans whose objects do not do what the plan says, or not at every moment.
@Suite struct PlanProofTests {
  private static let parts = """
    component web {
      image registry.example.com/web
      port 8080 http
      calls api
      version 1.0, 2.0
    }
    component api {
      image registry.example.com/api
      port 8080 http
      version 1.0, 2.0
    }

    """

  private func found(_ head: String, _ rest: String) throws -> [Diagnostic] {
    try findings("plan shop\nlanguage 1\n" + head + "\n" + Self.parts + rest)
  }

  private static let both = """
    step "All" {
      deploy api 1.0
      deploy web 1.0
    }
    step "Next" {
      deploy web 2.0
      route web all -> 2.0
    }
    """

  /// With lists replaced whole, a patch of a route freezes it.
  @Test func aPatchThatFreezesARoute() throws {
    let patch = """
      patch route of web "{spec: {http: [{route: [{destination: \
      {host: web.shop.svc.cluster.local, subset: v1-0, port: {number: 8080}}}]}]}}"

      """
    let diagnostics = try found("mesh istio\nexpose web on port 80", patch + Self.both)
    #expect(diagnostics.map(\.code) == [.strayTraffic], "\(diagnostics)")
    let first = try #require(diagnostics.first)
    #expect(first.message.hasPrefix("`web 2.0` gets nothing of"), "\(first.message)")
    #expect(first.primary.text == "without this, it would not be so", "\(first.primary)")
    // A redirect is an answer that somebody has meant.
    let redirect = "patch route of web \"{spec: {http: [{redirect: {uri: /moved}}]}}\"\n"
    #expect(try found("mesh istio\nexpose web on port 80", redirect + Self.both).isEmpty)
  }

  /// A rule of the plan's keeps its route, and takes what the patch's `match` lets in: the proof asks by it.
  @Test func aPatchThatNarrowsARule() throws {
    func judged(_ match: String) throws -> [Diagnostic] {
      try found(
        "mesh istio\nexpose web on port 80 path /shop",
        "patch VirtualService web \"{spec: {http: [{name: default, match: [\(match)]}]}}\"\n" + Self.both)
    }
    #expect(try judged("{uri: {exact: /shop}}, {uri: {prefix: /shop/}}, {uri: {exact: /login}}").isEmpty)
    let narrow = try judged("{uri: {exact: /login}}")
    #expect(narrow.map(\.code) == [.noRoute], "\(narrow)")
    #expect(narrow.first?.help?.contains("`match` replaces theirs") == true, "\(narrow)")
  }

  /// Without a DestinationRule clients go by the server's policy, and hear of it at another time.
  @Test(arguments: ["mesh istio mtls off\nrouting open", "mesh istio mtls strict\nrouting open"])
  func mutualTLSWithoutPinnedRoutes(_ head: String) throws {
    let change = head.contains("off") ? "strict" : "off"
    let diagnostics = try found(
      head + "\nexpose web on port 80",
      "step \"All\" {\n  deploy api 1.0\n  deploy web 1.0\n}\nstep \"Change\" {\n  mtls \(change)\n}\n")
    #expect(diagnostics.isEmpty, "\(diagnostics)")
  }

  /// A rule that is written for a subset as well is not wrong for its subset.
  @Test func mutualTLSIsToBlame() throws {
    let words = """
      plan shop
      language 1
      mesh istio mtls strict
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        calls db
        version 1.0
      }
      component db {
        image registry.example.com/db
        port 3306 mysql
        version 1.0
        version 2.0
      }
      step "Start" {
        deploy web 1.0
        deploy db 1.0
      }
      step "Off" {
        deploy db 2.0
        mtls off
        route db all -> 2.0
      }
      """
    let diagnostics = try findings(words)
    #expect(diagnostics.map(\.code) == [.tlsMismatch], "\(diagnostics)")
    let range = try #require(diagnostics.first?.primary.range)
    #expect(String(decoding: Array(words.utf8)[Int(range.start)..<Int(range.end)], as: UTF8.self) == "mtls off")
  }

  /// Who has no proxy follows no route and speaks no mutual TLS.
  @Test(arguments: [
    "{spec: {template: {metadata: {labels: {sidecar.istio.io/inject: 'false'}}}}}",
    "{spec: {template: {metadata: {annotations: {sidecar.istio.io/inject: 'false'}}}}}",
    "{spec: {template: {spec: {hostNetwork: true}}}}",
  ])
  func callersWithoutAProxy(_ patch: String) throws {
    let job = """
      component job {
        image registry.example.com/job
        calls api
        version 1.0
      }
      patch deployment of job "\(patch)"
      step "All" {
        deploy api 1.0
        deploy web 1.0
        deploy job 1.0
      }

      """
    let strict = try found("mesh istio mtls strict\nexpose web on port 80", job)
    #expect(strict.map(\.code) == [.tlsMismatch], "\(strict)")
    #expect(try found("mesh istio\nexpose web on port 80", job).isEmpty)
    // The dark version would be reached.
    let dark = try found(
      "mesh istio\nexpose web on port 80", job + "step \"Dark\" {\n  deploy api 2.0\n  route api header a=b -> 2.0\n}\n"
    )
    #expect(dark.contains { $0.code == .strayTraffic }, "\(dark)")
  }

  /// A certificate of the user's own takes a host out of a wider one.
  @Test func aNarrowerGatewayOfAManifest() throws {
    let narrow: Value = [
      "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": ["name": "own"],
      "spec": [
        "selector": ["istio": "ingressgateway"],
        "servers": [
          [
            "port": ["number": 443, "name": "https", "protocol": "HTTPS"], "hosts": ["shop.example.com"],
            "tls": ["mode": "SIMPLE", "credentialName": "own"],
          ]
        ],
      ],
    ]
    var subject = try Case(
      "plan shop\nlanguage 1\nmesh istio\nexpose web on port 443 hosts \"*.example.com\" tls secret wide\n" + Self.parts
        + "step \"All\" {\n  deploy api 1.0\n  deploy web 1.0\n}\nstep \"Later\" {\n  deploy web 1.0 replicas 2\n}\n")
    #expect(subject.report().diagnostics.isEmpty)
    subject.plan.manifests = [Manifest(path: "own.yaml", objects: [narrow], range: subject.plan.nameRange)]
    subject.compiled = compile(subject.plan)
    let found = subject.report().diagnostics
    #expect(!found.isEmpty && found.allSatisfy { $0.code == .noRoute }, "\(found)")
  }

  /// What a manifest brings is older than what the plan makes of its own, whatever it is called: its word counts where two
  /// speak (Istio: `SortConfigByCreationTime`).
  @Test(arguments: ["aa", "zz"]) func aManifestIsOlder(name: String) throws {
    func object(_ kind: String, _ group: String, _ spec: Value) -> Value {
      ["apiVersion": .string("\(group)/v1"), "kind": .string(kind), "metadata": ["name": .string(name)], "spec": spec]
    }
    let host: Value = "api.shop.svc.cluster.local"
    let objects = [
      object("DestinationRule", "networking.istio.io", ["host": host, "trafficPolicy": ["tls": ["mode": "DISABLE"]]]),
      object("PeerAuthentication", "security.istio.io", ["mtls": ["mode": "DISABLE"]]),
      object(
        "VirtualService", "networking.istio.io",
        ["hosts": [host], "http": [["route": [["destination": ["host": host, "subset": "v2-0"]]]]]]),
    ]
    for object in objects {
      var subject = try Case(
        "plan shop\nlanguage 1\nmesh istio mtls strict\nexpose web on port 80\n" + Self.parts + Self.both)
      subject.plan.manifests = [Manifest(path: "own.yaml", objects: [object], range: subject.plan.nameRange)]
      subject.compiled = compile(subject.plan)
      #expect(subject.report().diagnostics.hasErrors, "\(object["kind"] ?? "")")
    }
  }

  /// Of the two forms in which a pod says whether it wants a proxy, the label counts; a namespace that wants none has none.
  @Test func whoHasNoProxy() throws {
    let no =
      "patch deployment of web \"{spec: {template: {metadata: {labels: {sidecar.istio.io/inject: 'false'}}}}}\"\n"
    let yes =
      "patch deployment of web \"{spec: {template: {metadata: {annotations: {sidecar.istio.io/inject: 'true'}}}}}\"\n"
    let steps = """
      step "All" {
        deploy api 1.0
        deploy web 1.0
      }
      step "Next" {
        deploy api 2.0
        route api all -> 2.0
        retire api 1.0
      }

      """
    for patches in [no, no + yes, yes + no] {
      #expect(try found("mesh istio\nexpose web on port 80", patches + steps).hasErrors, "\(patches)")
    }
    let off = "patch Namespace shop \"{metadata: {labels: {istio-injection: disabled, istio.io/rev: canary}}}\"\n"
    #expect(try found("mesh istio\nexpose web on port 80", off + steps).hasErrors)
    #expect(try found("mesh istio\nexpose web on port 80", yes + steps).isEmpty)
  }

  /// Whoever asks by a pattern is asked for with a text that fits it.
  @Test(arguments: [
    "user-[0-9]+", "[A-Z]{2}", "v[0-9]+\\.[0-9]+", "(de|at|ch)-[A-Z]+", "(?:a|b)c", "[4-6][0-9]{2}", "[a-f0-9-]{36}",
    "Mozilla/5\\.0 .*Chrome/1[0-9]{2}.*", ".*@example\\.com",
  ]) func headersByPattern(pattern: String) throws {
    let rest = """
      header some is x-user matches '\(pattern)'
      step "All" {
        deploy api 1.0
        deploy web 1.0
      }
      step "Some" {
        deploy web 2.0
        route web header some -> 2.0
      }

      """
    #expect(try found("mesh istio\nexpose web on port 80", rest).isEmpty)
  }

  /// Two rules for one header: whoever is asked for by a pattern has a value that the other rule does not take.
  @Test(arguments: ["= a", "matches '[a-f]+'"]) func aPatternBesideAnotherRule(rule: String) throws {
    let rest = """
      header one is x-group \(rule)
      header others is x-group matches '[a-z]+'
      patch rule of web "{spec: {subsets: [{name: v1-0, labels: {app: web, version: '1.0'}}, {name: v2-0, labels: {version: none}}]}}"
      step "All" {
        deploy api 1.0
        deploy web 1.0
      }
      step "Some" {
        deploy web 2.0
        route web header one -> 1.0
        route web header others -> 2.0
      }

      """
    let found = try found("mesh istio\nexpose web on port 80", rest)
    #expect(found.contains { $0.code == .noReadyPods }, "\(found)")
  }

  /// One Gateway by two names, and one of a manifest in another namespace.
  @Test func gatewaysByTheirNames() throws {
    let steps = "step \"All\" {\n  deploy api 1.0\n  deploy web 1.0\n}\n"
    let twice =
      "mesh istio\nexpose web on port 80 hosts a.example.com through gateway public\nexpose api on port 80 hosts b.example.com through gateway shop/public"
    #expect(try found(twice, steps).isEmpty)
    var subject = try Case(
      "plan shop\nlanguage 1\nmesh istio\nexpose web on port 80 through gateway ingress/public\n" + Self.parts + steps)
    let gateway: Value = [
      "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
      "metadata": ["name": "public", "namespace": "ingress"],
      "spec": [
        "selector": ["istio": "ingressgateway"],
        "servers": [["port": ["number": 80, "name": "http", "protocol": "HTTP"], "hosts": ["*"]]],
      ],
    ]
    subject.plan.manifests = [Manifest(path: "own.yaml", objects: [gateway], range: subject.plan.nameRange)]
    subject.compiled = compile(subject.plan)
    #expect(subject.report().diagnostics.isEmpty)
  }

  /// Rules for some visitors of `/`, and every rule of `/shop`, leave out what another component has inside; whichever
  /// VirtualService is the older one.
  @Test func innerPathsAreLeftOut() throws {
    for (outer, inner) in [("app", "zap"), ("zap", "app")] {
      let text = """
        plan shop
        language 1
        mesh istio
        expose \(outer) on port 80
        expose mid on port 80 path /shop
        expose \(inner) on port 80 path /shop/api
        cookie beta is beta = on
        component \(outer) {
          image registry.example.com/outer
          port 8080 http
          version 1.0, 2.0
        }
        component mid {
          image registry.example.com/mid
          port 8080 http
          version 1.0, 2.0
        }
        component \(inner) {
          image registry.example.com/inner
          port 8080 http
          version 1.0, 2.0
        }
        step "All" {
          deploy \(outer) 1.0
          deploy mid 1.0
          deploy \(inner) 1.0
        }
        step "Some" {
          deploy \(outer) 2.0
          route \(outer) cookie beta -> 2.0
          deploy mid 2.0
          route mid cookie beta -> 2.0
        }
        step "Share by share" {
          shift \(outer) -> 2.0 through 20%, 100% every 5m sticky for 1h
          deploy \(inner) 2.0
          route \(inner) cookie beta -> 2.0
        }

        """
      var subject = try Case(text)
      #expect(subject.report().diagnostics.isEmpty, "\(outer): \(subject.report().diagnostics)")
      for step in subject.compiled.steps.indices {
        for segment in subject.compiled.steps[step].segments.indices {
          for phase in subject[step, segment].indices {
            for write in subject[step, segment][phase].writes.indices {
              let object = subject[step, segment][phase].writes[write].object
              subject[step, segment][phase].writes[write].object = object.map { without("withoutHeaders", $0) }
            }
          }
        }
      }
      // All are equally old to the proof, so that names decide: it sees only one of the two orders go wrong.
      #expect(subject.report().diagnostics.contains { $0.code == .strayTraffic } == (outer == "app"), "\(outer)")
    }
  }

  private func without(_ key: String, _ value: Value) -> Value {
    switch value {
    case .object(let fields):
      .object(
        Fields(
          fields.entries.filter { $0.key != key }.map { Fields.Entry(key: $0.key, value: without(key, $0.value)) }))
    case .array(let items): .array(items.map { without(key, $0) })
    default: value
    }
  }

  private func findings(_ text: String) throws -> [Diagnostic] {
    try Case(text).report().diagnostics
  }

  /// The patch or manifest without which all were well is where to look, and not the step that writes the object.
  @Test(arguments: [
    ("patch rule of web \"{spec: {subsets: [{name: v1-0, labels: {version: '1.0'}}]}}\"", Code.undefinedSubset),
    ("patch service of api \"{spec: {ports: [{port: 8080, targetPort: 9091}]}}\"", .wrongPort),
    (
      "patch Gateway web-gateway \"{spec: {servers: [{port: {number: 81, name: a, protocol: HTTP}, hosts: ['*']}]}}\"",
      .noRoute
    ),
    ("patch deployment of web 2.0 \"{spec: {replicas: 0}}\"", .noReadyPods),
  ])
  func aPatchIsBlamed(_ patch: String, _ code: Code) throws {
    let text =
      "plan shop\nlanguage 1\nmesh istio\nexpose web on port 80\n" + Self.parts + patch + "\n" + Self.both
    let diagnostics = try findings(text)
    let first = try #require(diagnostics.first)
    #expect(diagnostics.map(\.code) == [code], "\(diagnostics.map(\.message))")
    #expect(first.primary.text == "without this, it would not be so")
    #expect(Int(first.primary.range.start) == text.utf8.count - Self.both.utf8.count - patch.utf8.count - 1)
    #expect(try findings(text.replacing(patch, with: "# " + patch)).isEmpty)
  }

  /// Callers dial the Service's port, and each pod is asked where its version listens, by the name of the port. With the
  /// number of one version for all, the others are deaf.
  @Test(arguments: ["http target 8080", "tcp target 8080", "http", "tcp"])
  func aVersionListensElsewhere(_ first: String) throws {
    let second = first.contains("target") ? first.replacing("8080", with: "9090") : first + " target 8080"
    let text = """
      plan shop
      language 1
      mesh istio
      expose web on port 80
      component web {
        image registry.example.com/web
        port 80 http target 8080
        calls api
        version 1.0, 2.0
      }
      component api {
        image registry.example.com/api
        version 1.0 {
          port 80 \(first)
        }
        version 2.0 {
          port 80 \(second)
        }
      }
      # the patch
      step "All" {
        deploy api 1.0
        deploy web 1.0
      }
      step "Some" {
        deploy api 2.0
        route api 10% -> 2.0
      }
      step "Rest" {
        route api all -> 2.0
        retire api 1.0
      }

      """
    #expect(try findings(text).isEmpty)
    let target = first.contains("target") ? 8080 : 80
    for (number, isDeaf) in [("http", false), (String(target), true), ("9999", true)] {
      let name = first.hasPrefix("tcp") ? number.replacing("http", with: "tcp") : number
      let patch = "patch service of api \"{spec: {ports: [{port: 80, targetPort: \(name)}]}}\""
      let diagnostics = try findings(text.replacing("# the patch", with: patch))
      #expect(diagnostics.isEmpty != isDeaf, "\(name): \(diagnostics.map(\.message))")
      #expect(diagnostics.allSatisfy { $0.code == .wrongPort }, "\(name): \(diagnostics.map(\.message))")
    }
  }

  /// A rule for any value of a cookie, beside one for the very value that a proof would take for any.
  @Test(arguments: ["any", "any-0", "other"])
  func aCookieOfAnyValue(_ value: String) throws {
    let cookies = "mesh istio\nexpose web on port 80\ncookie every is k\ncookie special is k = \(value)\n"
    let diagnostics = try found(
      cookies,
      """
      step "All" {
        deploy api 1.0
        deploy web 1.0
        deploy web 2.0
      }
      step "Some" {
        route web cookie special -> 1.0
        route web cookie every -> 2.0
      }
      """)
    #expect(diagnostics.isEmpty, "\(diagnostics.map(\.message))")
  }

  /// What only a dark version calls may sleep with it, though its lane stays.
  @Test func whatNobodyReachesMaySleep() throws {
    let releases = """
      release 1 {
        web 1.0
        api 1.0
      }
      release 2 {
        web 2.0
        api 2.0
      }

      """
    func asleep(_ way: String) throws -> [Diagnostic] {
      try found(
        "mesh istio\nexpose web on port 80",
        releases + "deploy release 1\ndeploy release 2\n" + way
          + "step \"Sleep\" {\n  deploy web 1.0 replicas 0\n  deploy api 1.0 replicas 0\n}\nretire 1\n")
    }
    #expect(try asleep("route web all -> 2.0\n").isEmpty)
    // Before the visitors are led away the interpreter refuses it; in one step with it the order of writes does it.
    let once = try found(
      "mesh istio\nexpose web on port 80",
      releases + "deploy release 1\ndeploy release 2\nstep \"Sleep\" {\n  route web all -> 2.0\n"
        + "  deploy web 1.0 replicas 0\n  deploy api 1.0 replicas 0\n}\n")
    #expect(once.isEmpty, "\(once.map(\.message))")
  }

  /// Who called it stops in a step before, or sleeps: what it was asked has ended with that.
  @Test(arguments: [
    "retire worker 1", "deploy worker 1 replicas 0\n  deploy web 1 replicas 0\n  deploy db 1 replicas 0",
    "retire worker 1\n  wait 1h",
  ])
  func aReleaseLeavesInParts(first: String) throws {
    let plan = """
      plan shop
      language 1
      mesh istio
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        calls db
        version 1, 2
      }
      component worker {
        image registry.example.com/worker
        calls db
        version 1, 2
      }
      component db {
        image registry.example.com/db
        port 9090 http
        version 1, 2
      }
      release r1 {
        web 1
        worker 1
        db 1
      }
      release r2 {
        web 2
        worker 2
        db 2
      }
      step "Start" {
        deploy release r1
      }
      step "Switch" {
        deploy release r2
        route web all -> 2
      }
      step "First" {
        \(first)
      }
      step "Last" {
        retire r1
      }
      """
    let found = try findings(plan)
    #expect(found.isEmpty, "\(found.map { ($0.message, $0.notes) })")
  }

  /// A way out of a segment waits for requests that the phases before have led elsewhere, and so does a way out of that one.
  @Test(arguments: [
    (
      "",
      "on failure {\n    route api all -> 1\n  }\n  deploy api 2\n  wait until api 2 ready\n"
        + "  shift api -> 2 through 10%, 100% every 5m"
    ),
    ("", "on failure {\n    wait 1m\n    route api all -> 2\n  }\n  deploy api 2\n  wait 1m\n  route api all -> 2"),
    ("routing open", "deploy api 2\n  wait 10m\n  deploy web 2\n  route api all -> 2\n  route web all -> 2"),
  ])
  func waysOutWaitForWhatWentElsewhere(routing: String, step: String) throws {
    let found = try findings(
      """
      plan shop
      language 1
      mesh istio
      \(routing)
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        calls api
        version 1, 2
      }
      component api {
        image registry.example.com/api
        port 8080 http
        version 1, 2
      }
      step "Start" {
        deploy api 1
        deploy web 1
      }
      step "Change" {
        \(step)
      }
      """)
    #expect(found.isEmpty, "\(found.map { ($0.message, $0.notes) })")
  }

  /// Who sends a version to sleep answers for the pause, and not who retires it afterwards.
  @Test func theLineThatScalesAnswers() throws {
    let words = """
      plan shop
      language 1
      mesh istio
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        calls db
        version 1
      }
      component db {
        image registry.example.com/db
        port 3306 mysql
        volume data 1Gi at /data
        version 1, 2
      }
      step "Start" {
        deploy db 1
        deploy web 1
      }
      step "Change" {
        deploy db 1 replicas 0
        deploy db 2
        route db all -> 2
        retire db 1
      }
      """
    let found = try findings(words)
    #expect(found.map(\.code) == [.downtime], "\(found)")
    let range = try #require(found.first?.primary.range)
    let text = String(decoding: Array(words.utf8)[Int(range.start)..<Int(range.end)], as: UTF8.self)
    #expect(text == "deploy db 1 replicas 0")
  }

  /// Whoever may have asked it sleeps at the same moment.
  @Test func callerAndCalleeSleepTogether() throws {
    let plan = """
      plan shop
      language 1
      mesh istio
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        version 1.0
      }
      component front {
        image registry.example.com/front
        port 8080 http
        calls api
        version 1.0
      }
      component api {
        image registry.example.com/api
        port 9090 http
        version 1.0
      }
      step "Start" {
        deploy web 1.0
        deploy front 1.0
        deploy api 1.0
      }

      """
    let together = "step \"Sleep\" {\n  deploy front 1.0 replicas 0\n  deploy api 1.0 replicas 0\n}\n"
    #expect(try findings(plan + together).isEmpty)
  }

  /// How many pods an autoscaler keeps, nobody promises.
  @Test func podsOfAnAutoscaler() throws {
    let patch = "patch deployment of web \"{spec: {replicas: null}}\"\n"
    let parts = Self.parts.replacing("  calls api\n", with: "  calls api\n  replicas 3\n")
    let diagnostics = try findings(
      "plan shop\nlanguage 1\nmesh istio\nexpose web on port 80\n" + parts + patch + Self.both + "\nretire web 1.0\n")
    #expect(diagnostics.isEmpty, "\(diagnostics.map(\.message))")
  }

  /// Whoever asks for a host that only a patch or a manifest names is asked about, however it is written.
  @Test(arguments: ["other.com", "Other.COM", "*.other.com"])
  func hostsOfPatches(_ host: String) throws {
    let diagnostics = try findings(
      """
      plan shop
      language 1
      mesh istio
      expose web on port 80
      expose front on port 80 hosts api.com
      component web {
        image registry.example.com/web
        port 8080 http
        version 1.0
      }
      component front {
        image registry.example.com/front
        port 8080 http
        version 1.0
      }
      patch VirtualService front "{spec: {hosts: [api.com, '\(host)']}}"
      step "Start" {
        deploy web 1.0
        deploy front 1.0
      }
      """)
    #expect(diagnostics.map(\.code) == [.strayTraffic], "\(diagnostics.map(\.message))")
  }

  /// A way back that meets a version on its way out of the plan: its pods may still be there, and keep their lanes until
  /// they are gone.
  @Test(arguments: ["wait 1m\n  retire r2", "wait 1m\n  rollback"])
  func whatIsTriedIsTakenBack(_ ending: String) throws {
    let diagnostics = try findings(
      """
      plan shop
      language 1
      component worker {
        image registry.example.com/worker
        port 8090 http
        calls store
        version 1, 2
      }
      component store {
        image registry.example.com/store
        port 9090 http
        version 1, 2
      }
      release r1 {
        worker 1
        store 1
      }
      release r2 {
        worker 2
        store 2
      }
      deploy release r1
      step "Try" {
        deploy release r2
        \(ending)
      }
      """)
    #expect(diagnostics.isEmpty, "\(diagnostics.map(\.message))")
  }

  /// `routing open`: the first route begins with a version that serves, and not with one that sleeps or is gone.
  @Test(
    arguments: ["deploy api 1.0 replicas 0", "deploy api 1.0 replicas 0\nretire api 1.0"],
    ["route api all -> 2.0", "mirror api 10% -> 2.0"])
  func openRoutingBeginsWithWhoServes(_ change: String, _ route: String) throws {
    let diagnostics = try findings(
      "plan shop\nlanguage 1\nrouting open\nexpose web on port 80\n" + Self.parts
        + "step \"All\" {\n  deploy api 1.0\n  deploy web 1.0\n}\ndeploy api 2.0\n\(change)\n\(route)\n")
    #expect(diagnostics.filter { $0.severity == .error }.isEmpty, "\(diagnostics.map(\.message))")
  }

  /// What a version without pods held is over, also where nothing waited for it to be drained.
  @Test func whatStoppedIsNotInUse() throws {
    let diagnostics = try findings(
      "plan shop\nlanguage 1\nrouting open\nexpose web on port 80\n" + Self.parts
        + """
        step "All" {
          deploy api 1.0
          deploy web 1.0
        }
        step "Other" {
          deploy web 2.0
          deploy web 1.0 replicas 0
          retire web 1.0
        }
        route web all -> 2.0
        deploy web 1.0
        """)
    #expect(diagnostics.filter { $0.severity == .error }.isEmpty, "\(diagnostics.map(\.message))")
  }

  /// A way out of a failure block begins with what the block keeps, volumes too, and takes none of them.
  @Test(arguments: ["rollback to start", "rollback", "wait 1m", "route web all -> 1.0"])
  func aWayOutOfABlockKeepsVolumes(_ block: String) throws {
    let diagnostics = try findings(
      """
      plan shop
      language 1
      mesh istio
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        calls db
        version 1.0, 2.0
      }
      component db {
        image registry.example.com/db
        port 5432 tcp
        volume data 8Gi at /data
        version 16.4
      }
      on failure {
        \(block)
      }
      step "base" {
        deploy db 16.4
        deploy web 1.0
      }
      step "new" {
        deploy web 2.0
        route web all -> 2.0
      }
      """)
    #expect(diagnostics.filter { $0.severity == .error }.isEmpty, "\(diagnostics.map(\.message))")
  }

  private static let morePorts = """
    component api {
      image registry.example.com/api
      port 8081 http
      version 1
      version 1.1, 2, 3 {
        port 8081 http
        port 9090 http
      }
    }

    """

  /// A caller dials a port that was there when it began: what newer versions have besides is open to nobody for a moment,
  /// and nobody comes by it.
  @Test(arguments: [
    "deploy api 2\nstep \"b\" {\n  route api cookie flag=1 -> 2\n}\nstep \"c\" {\n  route api all -> 2\n}",
    "deploy api 2\ndeploy api 3\nstep \"b\" {\n  route api all -> 2\n}\nstep \"c\" {\n  route api 10% -> 3\n}",
    "deploy api 2\nmirror api 100% -> 2\nstep \"b\" {\n  mirror api 0% -> 2\n  route api all -> 2\n}",
  ])
  func portsThatNobodyDials(_ change: String) throws {
    let diagnostics = try findings(
      "plan shop\nlanguage 1\nmesh istio\n" + Self.morePorts
        + "component job {\n  image registry.example.com/job\n  calls api\n  version 1\n}\n"
        + "step \"a\" {\n  deploy api 1\n  deploy job 1\n}\n\(change)\n")
    #expect(diagnostics.filter { $0.severity == .error }.isEmpty, "\(diagnostics.map(\.message))")
  }

  /// But who begins when it is there may dial it, and must find it.
  @Test func aPortThatACallerBeganWith() throws {
    let diagnostics = try findings(
      "plan shop\nlanguage 1\nmesh istio\n" + Self.morePorts
        + "component job {\n  image registry.example.com/job\n  calls api\n  version 1\n}\n"
        + "patch route of api \"{spec: {http: [{name: lane-9090, match: [{port: 9090}], route: [{destination: "
        + "{host: nowhere.shop.svc.cluster.local}}]}]}}\"\n"
        + "step \"a\" {\n  deploy api 2\n  deploy job 1\n}\n")
    #expect(!diagnostics.filter { $0.severity == .error }.isEmpty)
  }

  /// Ports of successors that no step has deployed yet are none that the release's callers know.
  @Test func portsOfSuccessorsToCome() throws {
    let diagnostics = try findings(
      "plan shop\nlanguage 1\nmesh istio\nexpose web on port 80\n"
        + Self.morePorts.replacing("1.1, 2, 3", with: "1.1, 2")
          + """
          component web {
            image registry.example.com/web
            port 80 http
            calls api
            version 1, 2
          }
          release r1 {
            web 1
            api 1 -> 1.1
          }
          release r2 {
            web 2
            api 2
          }
          step "a" {
            deploy release r1
          }
          step "b" {
            deploy release r2
            route web cookie beta -> 2
          }
          step "c" {
            deploy api 1.1
            route api all -> 1.1
          }

          """)
    #expect(diagnostics.filter { $0.severity == .error }.isEmpty, "\(diagnostics.map(\.message))")
  }

  /// The wider line's visitors come to a narrower host as long as its own component is not there, and so do their copies.
  @Test func copiesOfVisitorsOfANarrowerHost() throws {
    let diagnostics = try findings(
      """
      plan shop
      language 1
      mesh istio
      expose a on port 80
      expose b on port 80 hosts docs.example.com
      component a {
        image registry.example.com/a
        port 80 http
        version 1, 2
      }
      component b {
        image registry.example.com/b
        port 80 http
        version 1
      }
      step "s0" {
        deploy a 1
      }
      step "s1" {
        deploy a 2
        mirror a 50% -> 2
      }
      """)
    #expect(diagnostics.filter { $0.severity == .error }.isEmpty, "\(diagnostics.map(\.message))")
  }

  /// Copies reach a version by the port by which visitors would come to it: the Service has it.
  @Test func copiesToAPortOfTheirOwn() throws {
    let resolution = resolve(
      path: "p.rollout",
      bytes: Array(
        """
        plan shop
        language 1
        mesh istio
        expose web on port 80
        component web {
          image registry.example.com/web
          port 80 http
          version 1.0, 3.0
          version 2.0 {
            port 9090 http
          }
        }
        step "One" {
          deploy web 1.0
        }
        step "Two" {
          deploy web 2.0
          mirror web 10% -> 2.0
        }

        """.utf8))
    let plan = try #require(resolution.checked, "\(resolution.diagnostics.map(\.message))")
    let image = try #require(compile(plan).steps.last?.segments.last?.after.image)
    let service = image.entries.first { $0.id.kind == "Service" }?.object
    #expect(service?.at("spec", "ports")?.array?.compactMap { $0["port"]?.int } == [80, 9090])
    #expect(check(compile(plan), plan: plan).diagnostics.filter { $0.severity == .error }.isEmpty)
  }

  /// `routing open`: what sleeps gets nothing, and its waking is taken back like any other.
  @Test func aVersionThatWakes() throws {
    let diagnostics = try findings(
      "plan shop\nlanguage 1\nrouting open\nexpose web on port 80\n" + Self.parts
        + """
        step "All" {
          deploy api 1.0
          deploy web 1.0
          deploy api 2.0 replicas 0
        }
        step "Wake" {
          deploy api 2.0
          route api 50% -> 2.0
        }
        """)
    #expect(diagnostics.filter { $0.severity == .error }.isEmpty, "\(diagnostics.map(\.message))")
  }

  /// A second version, and all taken back in the same part of a step.
  @Test func aSecondVersionAndBackToTheStart() throws {
    let diagnostics = try findings(
      "plan shop\nlanguage 1\nrouting open\nexpose web on port 80\n" + Self.parts
        + "step \"All\" {\n  deploy web 1.0\n  deploy api 1.0\n}\n"
        + "step \"Back\" {\n  deploy web 2.0\n  rollback to start\n}\n")
    #expect(diagnostics.filter { $0.severity == .error }.isEmpty, "\(diagnostics.map(\.message))")
  }

  /// Whoever calls itself, or is one of a ring, and whom nobody else calls: its last requests end with it.
  @Test(arguments: ["peer", "other"])
  func whatCallsItself(_ callee: String) throws {
    let diagnostics = try findings(
      """
      plan shop
      language 1
      mesh istio
      component peer {
        image registry.example.com/peer
        port 8080 http
        calls \(callee)
        version 1, 2
      }
      component other {
        image registry.example.com/other
        port 8080 http
        calls peer
        version 1, 2
      }
      release r1 {
        peer 1
        other 1
      }
      release r2 {
        peer 2
        other 2
      }
      step "First" {
        deploy release r1
      }
      step "Second" {
        deploy release r2
      }
      step "Away" {
        retire r2
      }
      """)
    #expect(diagnostics.filter { $0.severity == .error }.isEmpty, "\(diagnostics.map(\.message))")
  }

  /// The gateway passes TLS on by the name that clients ask for: of one port several components have each its own.
  @Test(arguments: ["", " through gateway istio-ingress/public"])
  func passingTLSOn(_ gateway: String) throws {
    let diagnostics = try findings(
      """
      plan shop
      language 1
      mesh istio mtls strict
      expose vault on port 443 hosts vault.example.com\(gateway)
      expose web on port 443 hosts "*.example.org" tls secret web\(gateway)
      expose mail on port 443 hosts mail.example.com\(gateway)
      component vault {
        image registry.example.com/vault
        port 8200 tls
        version 1.15.0, 1.16.0
      }
      component mail {
        image registry.example.com/mail
        port 993 tls
        version 1
      }
      component web {
        image registry.example.com/web
        port 8080 http
        version 1
      }
      step "All" {
        deploy vault 1.15.0
        deploy mail 1
        deploy web 1
      }
      step "Next" {
        deploy vault 1.16.0
        route vault all -> 1.16.0
        retire vault 1.15.0
      }
      """)
    #expect(diagnostics.filter { $0.severity == .error }.isEmpty, "\(diagnostics.map(\.message))")
  }
}
