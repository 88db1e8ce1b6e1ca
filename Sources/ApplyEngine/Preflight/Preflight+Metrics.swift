package import Diagnostics
internal import Lowering
internal import RolloutPlan

extension Itinerary {
  /// What the legs to come, and the failure blocks of their steps, read of metrics, where nothing says where these are read:
  /// such a run would come to the statement and fail. Nil where no metric is read.
  ///
  /// - Parameters:
  ///   - legs: from the one that is under way on.
  ///   - observed: how many statements of the first of them have looked already.
  package func unreadableMetric(in legs: [Leg], observed: Int) -> Diagnostic? {
    let steps = Set(legs.map(\.step))
    let blocks = steps.sorted().flatMap { step -> [Observation] in
      guard case .block(let block) = plan.steps[step].onFailure ?? plan.onFailure else { return [] }
      return block.starts.filter { $0.place.step == step }.flatMap(\.segments).flatMap(\.observations)
    }
    let observations = legs.flatMap(\.observations).dropFirst(observed) + blocks
    for observation in observations {
      if let metric = observation.metrics.first {
        return .noMetricSource(plan.metrics[metric].name, at: observation.range)
      }
    }
    return nil
  }
}

extension Observation {
  fileprivate var metrics: [Int] {
    switch kind {
    case .verifyMetric(let metric, _): [metric]
    case .hold(_, let metrics, _, _): metrics
    case .verify, .wait, .waitUntilReady, .pause, .approve: []
    }
  }
}

extension Diagnostic {
  fileprivate static func noMetricSource(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .metricUnreadable, "nothing says where `\(name)` is read", at: Label(range, "would read it"),
      help: "name the Prometheus with `--prometheus URL` or $ROLLOUTC_PROMETHEUS")
  }
}
