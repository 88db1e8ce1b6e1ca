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
    #expect(first.primary.text == "changes its routes", "\(first.primary)")
    // A redirect is an answer that somebody has meant.
    let redirect = "patch route of web \"{spec: {http: [{redirect: {uri: /moved}}]}}\"\n"
    #expect(try found("mesh istio\nexpose web on port 80", redirect + Self.both).isEmpty)
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

  private func findings(_ text: String) throws -> [Diagnostic] {
    try Case(text).report().diagnostics
  }
}
