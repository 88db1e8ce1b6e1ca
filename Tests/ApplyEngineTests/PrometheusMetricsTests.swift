import ApplyEngine
import ClusterAPI
import CurlTransport
import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import RolloutPlan
import TestSupport
import Testing

/// Metrics from a Prometheus server: what is asked, and what its answers mean.
struct PrometheusMetricsTests {
  private static func plan() throws -> Plan {
    let text = """
      plan shop
      language 1

      expose web on port 80

      component web service storefront {
        image registry.example.com/web
        port 8080 http
        version 1.0, 2.0
      }

      component quiet {
        image registry.example.com/quiet
        port 8080 http
        version 1.0
      }

      metric errors is istio error-rate of web below 1%
      metric good is istio success-rate of web above 99%
      metric slow is istio p95-latency of web below 500ms
      metric middle is istio p50-latency below 500ms
      metric quiet-errors is istio error-rate of quiet below 1%
      metric total is promql "sum(istio_requests_total)" below 10
      metric several is promql "istio_requests_total" below 10
      metric scalar is promql "scalar(vector(7))" below 10
      metric range is promql "istio_requests_total[5m]" below 10
      metric broken is promql "sum(" below 10
      metric infinite is promql "vector(1) / 0" below 10
      """
    let resolution = resolve(path: "plan.rollout", bytes: Array(text.utf8))
    let plan = resolution.plan
    return try #require(plan, "\(resolution.diagnostics.map(\.message))")
  }

  private func read(
    _ source: PrometheusMetrics, _ plan: Plan, _ metric: String, _ version: WorkloadRef? = nil
  ) async throws -> Result<MetricReading, MetricError> {
    let index = try #require(plan.metrics.firstIndex { $0.name == metric })
    do throws(MetricError) {
      return .success(try await source.reading(of: index, for: version))
    } catch {
      return .failure(error)
    }
  }

  private func source(_ plan: Plan, _ url: String, _ change: (inout PrometheusMetrics.Options) -> Void = { _ in })
    throws -> PrometheusMetrics
  {
    var options = PrometheusMetrics.Options()
    change(&options)
    return try #require(PrometheusMetrics(plan, url: url, transport: CurlTransport(), options: options))
  }

  // MARK: - A stand-in

  private func answer(_ body: String, _ status: Int = 200) async throws -> Result<MetricReading, MetricError> {
    let server = try LoopbackServer { _ in .init(status, body, type: "application/json") }
    let plan = try Self.plan()
    return try await read(source(plan, "http://\(server.authority)/prom/"), plan, "total")
  }

  @Test(
    arguments: [
      (#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1.5,"0.25"]}]}}"#, 0.25),
      (#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"+Inf"]}]}}"#, .infinity),
      (#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1e-05"]}]}}"#, 1e-5),
      (#"{"status":"success","data":{"resultType":"scalar","result":[1,"12"]}}"#, 12),
      (#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"NaN"]}]}}"#, nil),
      (#"{"status":"success","warnings":["w"],"data":{"resultType":"vector","result":[]}}"#, nil),
    ] as [(String, Double?)])
  func readings(_ body: String, _ value: Double?) async throws {
    #expect(try await answer(body) == .success(value.map { .value($0) } ?? .noData))
  }

  @Test(arguments: [
    (
      #"{"status":"error","errorType":"bad_data","error":"parse error at char 4"}"#, 400,
      "Prometheus refuses `sum(istio_requests_total)`: parse error at char 4"
    ),
    ("<html>", 502, " answers with status 502, and not as Prometheus does"),
    ("{}", 200, " answers with status 200, and not as Prometheus does"),
    (
      #"{"status":"success","data":{"resultType":"matrix","result":[]}}"#, 200,
      "`sum(istio_requests_total)` gives a matrix, and one number is needed"
    ),
    (
      #"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"1"},"value":[1,"2"]},{"metric":{"a":"2"},"value":[1,"2"]}]}}"#,
      200, #"`sum(istio_requests_total)` gives 2 series, and one number is needed: {"a":"1"}, {"a":"2"}"#
    ),
    (
      #"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}}"#, 200,
      "`sum(istio_requests_total)` gives no number that can be read"
    ),
  ])
  func errors(_ body: String, _ status: Int, _ message: String) async throws {
    guard case .failure(let error) = try await answer(body, status) else { return #expect(Bool(false)) }
    #expect(error.message.hasSuffix(message), "\(error.message)")
  }

  @Test func whatIsSent() async throws {
    let server = try LoopbackServer { _ in .init(200, "{}") }
    let plan = try Self.plan()
    let source = try source(plan, "http://\(server.authority)/prom/") { $0.authorization = Secret("Bearer hunter2") }
    _ = try await read(source, plan, "total")
    let request = try #require(server.requests.first)
    #expect(request.path == "/prom/api/v1/query?query=sum%28istio_requests_total%29")
    #expect(request["authorization"] == "Bearer hunter2")
    server.stop()
    guard case .failure(let error) = try await read(source, plan, "total") else { return #expect(Bool(false)) }
    #expect(error.message.hasPrefix("Prometheus cannot be asked: ") && !error.message.contains("hunter2"))
  }

  @Test(arguments: ["", "prometheus:9090", "ftp://x", "http://user:pw@x", "http://x?a=1"])
  func urlsThatAreNone(_ url: String) throws {
    #expect(PrometheusMetrics(try Self.plan(), url: url, transport: CurlTransport()) == nil)
  }

  // MARK: - The real one

  /// What Istio's proxies would have counted in the last quarter of an hour, a sample each 15 s: of version 1.0 ten
  /// requests a second, of 2.0 four, one of which fails; of gRPC one in a second fails; durations in three buckets. It goes
  /// on for as long again: a rate over a window that the samples do not fill would depend on when it is asked for.
  private static func openMetrics(now: Int) -> String {
    func lines(_ name: String, _ labels: String, perSecond: Double) -> [String] {
      stride(from: now - 900, through: now + 900, by: 15).map { time in
        "\(name){\(labels)} \(perSecond * Double(time - now + 900)) \(time)"
      }
    }
    func target(_ app: String, _ version: String, _ reporter: String = "destination") -> String {
      "reporter=\"\(reporter)\",destination_workload_namespace=\"shop\",destination_app=\"\(app)\",destination_version=\"\(version)\""
    }
    var text = ["# TYPE istio_requests counter"]
    let counts: [(String, String, String, Double)] = [
      (target("storefront", "1.0"), "200", "", 10), (target("storefront", "2.0"), "200", "", 2),
      (target("storefront", "2.0"), "404", "", 1), (target("storefront", "2.0"), "503", "", 1),
      // As the caller counts it, and of another namespace: neither counts here.
      (target("storefront", "2.0", "source"), "503", "", 50),
      (target("storefront", "2.0").replacingOccurrences(of: "shop", with: "other"), "503", "", 50),
      (target("caller", "1.0"), "200", "0", 3), (target("caller", "1.0"), "200", "14", 1),
      (target("caller", "1.0"), "200", "5", 4), (target("quiet", "1.0"), "200", "", 0),
    ]
    for (target, code, grpc, rate) in counts {
      text += lines(
        "istio_requests_total", "\(target),response_code=\"\(code)\",grpc_response_status=\"\(grpc)\"", perSecond: rate)
    }
    text.append("# TYPE istio_tcp_sent_bytes counter")
    text += lines("istio_tcp_sent_bytes_total", target("store", "1.0"), perSecond: 100)
    text.append("# TYPE istio_request_duration_milliseconds histogram")
    for (le, rate) in [("100", 2.0), ("200", 4.0), ("+Inf", 4.0)] {
      text += lines(
        "istio_request_duration_milliseconds_bucket", "\(target("storefront", "2.0")),le=\"\(le)\"", perSecond: rate)
    }
    return text.joined(separator: "\n") + "\n# EOF\n"
  }

  @Test(
    .enabled(
      if: installed("prometheus") != nil && installed("promtool") != nil,
      "prometheus is not installed; run Tests/tools/python-deps"))
  func aRealPrometheus() async throws {
    let prometheus = try #require(Self.installed("prometheus"))
    let promtool = try #require(Self.installed("promtool"))
    let directory = try ChildProgram.temporaryDirectory("prometheus")
    let now = Int(Date().timeIntervalSince1970)
    let samples = directory.appendingPathComponent("samples.txt")
    try Data(Self.openMetrics(now: now).utf8).write(to: samples)
    let data = directory.appendingPathComponent("data")
    let conversion = try ChildProgram(
      promtool, ["tsdb", "create-blocks-from", "openmetrics", samples.path, data.path],
      in: ChildProgram.temporaryDirectory("promtool"))
    // It ends when it is done, and says what it made.
    try conversion.waitForEnd()
    let configuration = directory.appendingPathComponent("prometheus.yml")
    try Data("{}\n".utf8).write(to: configuration)
    let port = try ChildProgram.freePort()
    let server = try ChildProgram(
      prometheus,
      [
        "--config.file=\(configuration.path)", "--storage.tsdb.path=\(data.path)",
        "--web.listen-address=127.0.0.1:\(port)",
      ], in: directory)
    defer { server.stop() }
    let url = "http://127.0.0.1:\(port)"
    let transport = CurlTransport()
    var isReady = false
    for _ in 0..<2000 where !isReady {
      isReady = (try? await transport.send(HTTPRequest(url: url + "/-/ready")))?.status == 200
      if !isReady { usleep(20_000) }
    }
    try #require(isReady, "Prometheus does not start")

    let plan = try Self.plan()
    // Wide enough that it does not matter how long all this takes.
    let source = try source(plan, url) { $0.window = .seconds(600) }
    func value(_ metric: String, _ version: String? = nil, app: String = "storefront") async throws -> Double? {
      let result = try await read(source, plan, metric, version.map { WorkloadRef(app: app, version: $0) })
      if case .value(let value) = try result.get() { return value }
      return nil
    }
    func isNear(_ value: Double?, _ expected: Double) -> Bool { value.map { abs($0 - expected) < 0.01 } ?? false }

    #expect(isNear(try await value("errors", "2.0"), 25))
    #expect(isNear(try await value("good", "2.0"), 75))
    #expect(isNear(try await value("errors", "1.0"), 0), "no series of failures is no failure")
    #expect(isNear(try await value("good", "1.0"), 100))
    #expect(isNear(try await value("errors"), 100.0 / 14), "all versions of the component")
    #expect(isNear(try await value("errors", "1.0", app: "caller"), 12.5), "gRPC's own codes")
    #expect(isNear(try await value("slow", "2.0"), 190))
    #expect(isNear(try await value("middle"), 100), "without a component the entry")
    #expect(try await value("quiet-errors") == nil, "no requests")
    #expect(try await value("errors", "3.0") == nil, "no such version")
    #expect(try await value("scalar") == 7)
    #expect(try await value("infinite") == .infinity)
    for (metric, words) in [
      ("several", "series, and one number is needed"), ("range", "gives a matrix"), ("broken", "parse error"),
    ] {
      guard case .failure(let error) = try await read(source, plan, metric) else {
        Issue.record("\(metric) gave a reading")
        continue
      }
      #expect(error.message.contains(words), "\(error.message)")
    }

    func traffic(_ app: String, _ version: String) async throws -> MetricReading {
      try await source.traffic(to: WorkloadRef(app: app, version: version))
    }
    if case .value(let value) = try await traffic("storefront", "2.0") { #expect(isNear(value, 4)) }
    if case .value(let value) = try await traffic("store", "1.0") { #expect(isNear(value, 100)) }
    #expect(try await traffic("quiet", "1.0") == .value(0), "known, and without traffic")
    #expect(try await traffic("store", "9.9") == .noData, "nothing is known of it")
  }

  private static func installed(_ name: String) -> URL? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    return folders.map { URL(fileURLWithPath: "\($0)/\(name)") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }
}
