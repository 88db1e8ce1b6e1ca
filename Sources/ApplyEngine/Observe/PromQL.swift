internal import Lowering
internal import RolloutPlan

/// The queries of Istio's standard metrics (istio.io: Istio Standard Metrics). Each gives one number, or nothing where
/// there were no requests.
struct IstioQueries {
  let namespace: String
  /// Over which time rates are taken; it should hold four scrapes or more.
  let window: Duration

  /// What an answer of the server's making counts as an error: statuses of 500 and above, and for gRPC, whose status is
  /// 200, the codes that are no fault of the caller (UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE,
  /// DATA_LOSS).
  private static let failures = [
    #"response_code=~"5..""#, #"response_code!~"5..",grpc_response_status=~"2|4|12|13|14|15""#,
  ]

  func query(_ metric: Metric.IstioMetric, of target: String) -> String {
    switch metric {
    case .errorRate: "100 * \(failed(target)) / \(requests(target))"
    case .successRate: "100 - 100 * \(failed(target)) / \(requests(target))"
    case .p50Latency: latency(0.5, target)
    case .p95Latency: latency(0.95, target)
    case .p99Latency: latency(0.99, target)
    }
  }

  /// Requests per second, and for tcp the bytes that are sent: more than nothing is traffic.
  func traffic(to target: String) -> String {
    // Both at once: a version has the one or the other, and where it has neither nobody can tell.
    #"sum(rate({__name__=~"istio_requests_total|istio_tcp_sent_bytes_total",\#(matchers(target))}[\#(range)]))"#
  }

  /// One version, by the labels `app` and `version` of its pods.
  func target(_ version: WorkloadRef) -> String {
    "destination_app=\(literal(version.app)),destination_version=\(literal(version.version))"
  }

  /// All versions of some components.
  func target(_ apps: [String]) -> String {
    // Names of Services have nothing in them that means something in a pattern.
    apps.count == 1
      ? "destination_app=\(literal(apps[0]))" : "destination_app=~\(literal(apps.joined(separator: "|")))"
  }

  private func requests(_ target: String) -> String { sum("istio_requests_total", matchers(target)) }

  /// Where nothing failed there is no series of failures, and that is none of them, not an unknown number.
  private func failed(_ target: String) -> String {
    let parts = Self.failures.map { "(\(sum("istio_requests_total", "\(matchers(target)),\($0)")) or vector(0))" }
    return "(\(parts.joined(separator: " + ")))"
  }

  private func latency(_ quantile: Double, _ target: String) -> String {
    let buckets = "istio_request_duration_milliseconds_bucket{\(matchers(target))}[\(range)]"
    return "histogram_quantile(\(quantile), sum by (le) (rate(\(buckets))))"
  }

  private func sum(_ name: String, _ matchers: String) -> String { "sum(rate(\(name){\(matchers)}[\(range)]))" }

  /// As the receiving side counts: it is there for every version, whoever calls.
  private func matchers(_ target: String) -> String {
    "reporter=\"destination\",destination_workload_namespace=\(literal(namespace)),\(target)"
  }

  private var range: String { "\(max(1, window.components.seconds))s" }

  private func literal(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { result.unicodeScalars.append("\\") }
      result.unicodeScalars.append(scalar)
    }
    return result + "\""
  }
}
