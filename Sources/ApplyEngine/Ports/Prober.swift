package import ClusterAPI
package import Lowering
package import RolloutPlan

/// A request as a visitor makes it, through the gateway of an exposed component.
package struct ProbeRequest: Hashable, Sendable {
  package var component: ComponentID
  package var method: String
  /// With its query; it begins with `/`.
  package var path: String
  /// The cookie or header that the visitor has.
  package var visitor: Selector?
  /// The declared probe that this is for; nil for a request of the engine's own (the settled gate).
  package var probe: Int?

  package init(
    component: ComponentID, method: String = "GET", path: String, visitor: Selector? = nil, probe: Int? = nil
  ) {
    self.component = component
    self.method = method
    self.path = path
    self.visitor = visitor
    self.probe = probe
  }
}

/// What came back.
package struct ProbeAnswer: Hashable, Sendable {
  package var status: Int
  package var headers: HTTPHeaders
  package var body: [UInt8]
  /// The text of the probe's element, where the answerer knows it without a page (a stub of a rehearsal).
  package var text: String?
  /// Who answered, as far as the prober can tell: `voting-app 2.0 → analytics 2.0`; nil where it cannot.
  package var servedBy: String?

  package init(
    status: Int, headers: HTTPHeaders = [:], body: [UInt8] = [], text: String? = nil, servedBy: String? = nil
  ) {
    self.status = status
    self.headers = headers
    self.body = body
    self.text = text
    self.servedBy = servedBy
  }
}

/// Why there was no answer.
package struct ProbeError: Error, Hashable, Sendable {
  package var message: String
  /// Asking again is of no use: there is no address to ask at.
  package var isFinal: Bool

  package init(_ message: String, isFinal: Bool = false) {
    self.message = message
    self.isFinal = isFinal
  }
}

/// Makes the requests of visitors. Over HTTP in a cluster; through the simulated mesh in a rehearsal.
package protocol Prober: Sendable {
  func answer(to request: ProbeRequest) async throws(ProbeError) -> ProbeAnswer
}

/// What a metric says at this moment.
package enum MetricReading: Hashable, Sendable {
  /// In the unit of `Metric.threshold`.
  case value(Double)
  /// There were no requests to measure: neither good nor bad.
  case noData
}

package struct MetricError: Error, Hashable, Sendable {
  package var message: String

  package init(_ message: String) { self.message = message }
}

/// Reads metrics: Prometheus in a cluster, stubs in a rehearsal.
package protocol MetricSource: Sendable {
  /// - Parameter version: the workload that the metric is about, where it is about one.
  func reading(of metric: Int, for version: WorkloadRef?) async throws(MetricError) -> MetricReading
  /// Requests per second that reach `version`, over the last while.
  func traffic(to version: WorkloadRef) async throws(MetricError) -> MetricReading
}
