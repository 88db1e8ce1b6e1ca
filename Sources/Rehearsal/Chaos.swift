package import ApplyEngine
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
package import RolloutPlan
internal import Sandbox

/// Everything that can go wrong, one after another, each from where the plan stands before the step that it hits: the run
/// is killed at every request that changes something and resumed, every verify fails, every question is answered with no,
/// every version never gets ready. Each must end where the plan says.
package struct Chaos: Sendable {
  /// What is tried.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    case straight = "a run without faults"
    case killed = "killed and resumed"
    case verifyFails = "a verify fails"
    case neverReady = "a version never gets ready"
    case refused = "an approval is refused"
    case paused = "a pause is answered with no"
  }

  /// One thing that went wrong in another way than it should.
  package struct Fault: Hashable, Sendable {
    package var kind: Kind
    /// What exactly was tried: `killed before write 3 of 9`.
    package var name: String
    package var step: Int
    package var message: String
    package var failedRequests = 0

    package init(_ kind: Kind, _ name: String, step: Int, _ message: String, failedRequests: Int = 0) {
      self.kind = kind
      self.name = name
      self.step = step
      self.message = message
      self.failedRequests = failedRequests
    }
  }

  package struct Report: Hashable, Sendable {
    /// What was tried, by kind, in order.
    package var runs: [(kind: Kind, count: Int)] = []
    package var requests = 0
    package var failedRequests = 0
    package var faults: [Fault] = []
    /// Steps whose failure path was taken.
    package var failedSteps: Set<Int> = []

    package var count: Int { runs.reduce(0) { $0 + $1.count } }

    package static func == (a: Report, b: Report) -> Bool {
      a.faults == b.faults && a.requests == b.requests && a.count == b.count
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(faults) }
  }

  private let rehearsal: Rehearsal
  private var itinerary: Itinerary { rehearsal.itinerary }

  package init(_ itinerary: Itinerary, options: RehearsalOptions) {
    rehearsal = Rehearsal(itinerary, script: nil, options: options)
  }

  package func run() -> Report {
    var report = Report()
    var cluster = rehearsal.freshCluster()
    for step in 0..<itinerary.stepCount {
      let tally = RequestBudget(writes: .max)
      guard
        let straight = rehearsal.run(.apply(steps: step + 1), in: cluster, id: "straight", budget: tally),
        [.done, .unchanged].contains(straight.result.outcome)
      else {
        report.faults.append(
          Fault(.straight, Kind.straight.rawValue, step: step, "the step does not come through"))
        return report
      }
      kill(step, cluster, straight, writes: tally.count, &report)
      fail(step, cluster, straight, &report)
      cluster = straight.sandbox
    }
    return report
  }

  // MARK: - Killed

  private func kill(
    _ step: Int, _ cluster: SandboxCluster, _ straight: RehearsalResult, writes: Int, _ report: inout Report
  ) {
    let wanted = content(straight.sandbox)
    for takesEffect in [false, true] {
      for allowed in 0..<writes {
        let name = "killed \(takesEffect ? "after" : "before") write \(allowed + 1) of \(writes)"
        let budget = RequestBudget(writes: allowed, lastTakesEffect: takesEffect)
        guard let killed = rehearsal.run(.apply(steps: step + 1), in: cluster, id: "killed", budget: budget),
          let resumed = rehearsal.run(
            .apply(steps: step + 1), in: killed.sandbox, after: killed, id: "resumed", budget: .unlimited)
        else {
          report.faults.append(Fault(.killed, name, step: step, "it never ended"))
          continue
        }
        add(.killed, [killed, resumed], &report)
        if ![.done, .unchanged].contains(resumed.result.outcome) {
          report.faults.append(
            Fault(.killed, name, step: step, "the resumed run ended `\(resumed.result.outcome.rawValue)`"))
        } else if content(resumed.sandbox) != wanted {
          report.faults.append(
            Fault(.killed, name, step: step, "the cluster is not as after an uninterrupted run"))
        }
        note(.killed, name, step, [killed, resumed], &report)
      }
    }
  }

  // MARK: - Failing

  private func fail(_ step: Int, _ cluster: SandboxCluster, _ straight: RehearsalResult, _ report: inout Report) {
    let plan = itinerary.plan
    let before = step == 0 ? nil : content(cluster)
    let observations = plan.steps[step].segments.flatMap(\.observations)
    for observation in observations {
      let (kind, words): (Kind, String)
      switch observation.kind {
      case .verify, .verifyMetric: (kind, words) = (.verifyFails, "fails")
      case .approve: (kind, words) = (.refused, "is refused")
      case .pause(milliseconds: nil, message: _): (kind, words) = (.paused, "is answered with no")
      case .pause, .hold, .wait, .waitUntilReady: continue
      }
      var faults = RehearsalFaults()
      faults.failingObservation = observation.range
      attempt(faults, "`\(observation.text)` \(words)", kind, step, cluster, before, &report)
    }
    let old = plan.steps[step].before
    let new = plan.steps[step].after
    for (i, component) in new.components.enumerated() {
      for deployed in component.deployed where deployed.replicas > 0 {
        let wasThere = old.components.indices.contains(i) && old.components[i].isDeployed(deployed.version)
        if wasThere { continue }
        let version = VersionID(ComponentID(i), deployed.version)
        var faults = RehearsalFaults()
        faults.neverReady = [version]
        let name = "\(plan.components[i].name) \(plan.components[i].versions[deployed.version].name)"
        attempt(faults, "\(name) never gets ready", .neverReady, step, cluster, before, &report)
      }
    }
  }

  private func attempt(
    _ faults: RehearsalFaults, _ name: String, _ kind: Kind, _ step: Int, _ cluster: SandboxCluster,
    _ before: [String: Value]?, _ report: inout Report
  ) {
    guard let run = rehearsal.run(.apply(steps: step + 1), in: cluster, id: "failing", faults: faults) else {
      report.faults.append(Fault(kind, name, step: step, "it never ended"))
      return
    }
    add(kind, [run], &report)
    report.failedSteps.insert(step)
    let path = itinerary.plan.steps[step].onFailure ?? itinerary.plan.onFailure
    let outcome = run.result.outcome
    // Where the step had written nothing there is nothing to undo, or to hold.
    if outcome == .failedClean, run.result.writes == 0 {
      note(kind, name, step, [run], &report)
      return
    }
    switch path {
    case .hold:
      if outcome != .held {
        report.faults.append(
          Fault(kind, name, step: step, "it ended `\(outcome.rawValue)`; the plan says to hold"))
      }
    case .rollback:
      if outcome != .rolledBack {
        report.faults.append(
          Fault(kind, name, step: step, "it ended `\(outcome.rawValue)`; the plan says to roll back"))
      } else if let before, !contains(content(run.sandbox), before) {
        report.faults.append(Fault(kind, name, step: step, "the state before the step was not restored"))
      }
    case .block:
      if outcome != .rolledBack, outcome != .held {
        report.faults.append(
          Fault(kind, name, step: step, "it ended `\(outcome.rawValue)` instead of by the failure block"))
      }
    }
    note(kind, name, step, [run], &report)
  }

  // MARK: - Counting

  private func add(_ kind: Kind, _ runs: [RehearsalResult], _ report: inout Report) {
    if let place = report.runs.firstIndex(where: { $0.kind == kind }) {
      report.runs[place].count += 1
    } else {
      report.runs.append((kind, 1))
    }
    for run in runs {
      report.requests += run.traffic.requests
      report.failedRequests += run.traffic.failed
    }
  }

  private func note(_ kind: Kind, _ name: String, _ step: Int, _ runs: [RehearsalResult], _ report: inout Report) {
    guard let failure = runs.lazy.flatMap(\.traffic.failures).first else { return }
    let status = failure.status.map { "\($0)" } ?? "no answer"
    report.faults.append(
      Fault(
        kind, name, step: step,
        "\(failure.visitor) met \(status) \(failure.flag) at \(failure.hop), after \(shortText(failure.moment))",
        failedRequests: runs.reduce(0) { $0 + $1.traffic.failed }))
  }

  /// What stands in the plan's namespace, without what each write changes by itself.
  private func content(_ cluster: SandboxCluster) -> [String: Value] {
    var content: [String: Value] = [:]
    let store = cluster.store
    for resource in Self.resources {
      for key in store.keys(resource) where key.namespace == itinerary.plan.namespace {
        guard let object = store[key] else { continue }
        content["\(resource)/\(key.name)"] = [
          "spec": settled(object["spec"] ?? .null), "labels": object.at("metadata", "labels") ?? .null,
        ]
      }
    }
    return content
  }

  private static let resources = [
    "deployments.apps", "services", "persistentvolumeclaims", "virtualservices.networking.istio.io",
    "destinationrules.networking.istio.io", "gateways.networking.istio.io", "peerauthentications.security.istio.io",
  ]

  /// Without addresses, and without the header that says which step wrote last.
  private func settled(_ spec: Value) -> Value {
    guard var fields = spec.fields else { return spec }
    for key in ["clusterIP", "clusterIPs", "volumeName"] { fields[key] = nil }
    if let routes = fields["http"]?.array {
      fields["http"] = .array(
        routes.map { route in
          guard var fields = route.fields, fields["headers"]?.at("response", "set", stampHeader) != nil else {
            return route
          }
          fields["headers"] = nil
          return .object(fields)
        })
    }
    return .object(fields)
  }

  /// Claims that a way back keeps may stand besides.
  private func contains(_ all: [String: Value], _ wanted: [String: Value]) -> Bool {
    all.filter { !$0.key.hasPrefix("persistentvolumeclaims/") }
      == wanted.filter { !$0.key.hasPrefix("persistentvolumeclaims/") }
  }
}

extension RequestBudget {
  /// A process that does not die. With a budget a run keeps its lock as one does that others wait for.
  static var unlimited: RequestBudget { RequestBudget(writes: .max) }
}
