package import ClusterAPI
internal import KubernetesModel
package import Lowering
package import RolloutPlan

/// Reads metrics from a Prometheus server, or what answers like one (`GET /api/v1/query`).
package struct PrometheusMetrics: MetricSource {
  package struct Options: Hashable, Sendable {
    /// Over which time rates are taken; four scrapes or more. Queries of the plan's own say theirs.
    package var window: Duration = .seconds(60)
    /// `Bearer …`.
    package var authorization: Secret<String>?
    package var certificateAuthority: [UInt8]?
    package var verification = ConnectionOptions.Verification.full
    package var timeout: Duration = .seconds(10)

    package init() {}
  }

  private let plan: Plan
  private let base: String
  private let transport: any HTTPTransport
  private let options: Options
  private let queries: IstioQueries

  /// - Parameter url: with the path under which Prometheus is served, if it is not `/`. Nil where it is no address
  ///   (``addressProblem(_:)``).
  package init?(_ plan: Plan, url: String, transport: any HTTPTransport, options: Options = .init()) {
    guard addressProblem(url) == nil else { return nil }
    self.plan = plan
    base = url.last == "/" ? String(url.dropLast()) : url
    self.transport = transport
    self.options = options
    queries = IstioQueries(namespace: plan.namespace, window: options.window)
  }

  package func reading(of metric: Int, for version: WorkloadRef?) async throws(MetricError) -> MetricReading {
    switch plan.metrics[metric].source {
    case .promql(let query): try await number(query)
    case .istio(let kind, let component): try await number(queries.query(kind, of: target(version, component)))
    }
  }

  package func traffic(to version: WorkloadRef) async throws(MetricError) -> MetricReading {
    try await number(queries.traffic(to: queries.target(version)))
  }

  /// The version that is shifted to; else the component that the metric names; else all of what visitors enter by.
  private func target(_ version: WorkloadRef?, _ component: ComponentID?) -> String {
    if let version { return queries.target(version) }
    let components = component.map { [$0] } ?? plan.exposures.map(\.component)
    return queries.target(components.map { plan[$0].service })
  }

  // MARK: - One query

  private func number(_ query: String) async throws(MetricError) -> MetricReading {
    // What answers may quote what it was sent.
    let secrets = (options.authorization?.revealed.split(separator: " ").last).map { [String($0)] } ?? []
    do throws(MetricError) { return try await asked(query) } catch {
      throw MetricError(error.message.masking(secrets))
    }
  }

  private func asked(_ query: String) async throws(MetricError) -> MetricReading {
    var request = HTTPRequest(
      url: "\(base)/api/v1/query?query=\(percentEncoded(query))", headers: ["Accept": "application/json"],
      timeout: options.timeout, connectTimeout: .seconds(5))
    request.options.certificateAuthority = options.certificateAuthority
    request.options.verification = options.verification
    if let authorization = options.authorization {
      request.secretHeaders = [Secret(HTTPHeaders.Field(name: "Authorization", value: authorization.revealed))]
    }
    request.label = "metrics"
    let response: HTTPResponse
    do throws(TransportError) {
      response = try await transport.send(request)
    } catch {
      throw MetricError("Prometheus cannot be asked: \(error.message)")
    }
    guard let answer = try? parseJSON(response.body), answer["status"]?.string != nil else {
      throw MetricError("\(base) answers with status \(response.status), and not as Prometheus does")
    }
    guard answer["status"]?.string == "success", let data = answer["data"] else {
      let why = answer["error"]?.string ?? "status \(response.status)"
      throw MetricError("Prometheus refuses `\(query)`: \(printed(why))")
    }
    return try reading(data, of: query)
  }

  private func reading(_ data: Value, of query: String) throws(MetricError) -> MetricReading {
    let pair: Value?
    switch data["resultType"]?.string {
    case "scalar": pair = data["result"]
    case "vector":
      let series = data["result"]?.array ?? []
      if series.isEmpty { return .noData }
      guard series.count == 1 else {
        let names = series.prefix(3).map { printed(jsonText($0["metric"] ?? [:])) } + (series.count > 3 ? ["…"] : [])
        throw MetricError(
          "`\(query)` gives \(series.count) series, and one number is needed: \(names.joined(separator: ", "))")
      }
      pair = series[0]["value"]
    default:
      throw MetricError("`\(query)` gives a \(data["resultType"]?.string ?? "value"), and one number is needed")
    }
    guard let text = pair?.array?.last?.string, let value = number(text) else {
      throw MetricError("`\(query)` gives no number that can be read")
    }
    // 0/0: there were no requests.
    return value.isNaN ? .noData : .value(value)
  }

  /// Prometheus writes numbers as Go does.
  private func number(_ text: String) -> Double? {
    switch text {
    case "NaN": .nan
    case "+Inf": .infinity
    case "-Inf": -.infinity
    default: Double(text)
    }
  }
}
