package import ApplyEngine
package import Diagnostics
internal import KubernetesModel
internal import Lowering
package import RolloutPlan
package import Sandbox

/// Everything that can go wrong, one after another, each from where the plan stands before the step that it hits: the run
/// is killed at every request that changes something and resumed, every verify fails, every question is answered with no,
/// every version never gets ready. Each must end where the plan says.
package struct Chaos: Sendable {
  /// What is tried.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    case straight = "a run without faults"
    case killed = "killed and resumed"
    case verifyFails = "a verify fails"
    case metricFails = "a metric of a shift fails"
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
    /// The statement that failed, where one did.
    package var range: SourceRange?

    package init(
      _ kind: Kind, _ name: String, step: Int, _ message: String, failedRequests: Int = 0, at range: SourceRange? = nil
    ) {
      self.kind = kind
      self.name = name
      self.step = step
      self.message = message
      self.failedRequests = failedRequests
      self.range = range
    }
  }

  package struct Report: Sendable {
    /// What was tried, by kind, in order.
    package var runs: [(kind: Kind, count: Int)] = []
    package var requests = 0
    package var failedRequests = 0
    package var faults: [Fault] = []
    /// Steps whose failure path was taken.
    package var failedSteps: Set<Int> = []

    package var count: Int { runs.reduce(0) { $0 + $1.count } }
  }

  private let rehearsal: Rehearsal
  /// Every object that stands after some part of the plan.
  private let objects: [ObjectID]
  private var itinerary: Itinerary { rehearsal.itinerary }

  /// - Parameter scenario: the block whose stubs are taken; nil: the first in which all goes well.
  package init(_ itinerary: Itinerary, options: RehearsalOptions, scenario: RehearsalScript? = nil) {
    rehearsal = Rehearsal(itinerary, script: Self.stubs(itinerary.plan, scenario), options: options)
    objects = Set(itinerary.forward.flatMap { $0.after?.image.entries.map(\.id) ?? [] }).sorted()
  }

  /// What programs answer and metrics read, as the first block says in which all goes well; metrics that it does not have
  /// read what another block says, best a value that is good. Nil where no block says anything.
  private static func stubs(_ plan: Plan, _ scenario: RehearsalScript?) -> RehearsalScript? {
    var script = RehearsalScript(name: "chaos", range: plan.nameRange)
    let good =
      scenario
      ?? plan.rehearsals.first { block in
        !block.expectations.contains { if case .failsAt = $0.expectation { true } else { false } }
      }
    var read: Set<Int> = []
    for entry in good?.stubs ?? [] {
      switch entry.stub {
      case .answers, .status: script.stubs.append(entry)
      case .metric(let metric, _):
        script.stubs.append(entry)
        read.insert(metric)
      case .approve, .neverReady: continue
      }
    }
    let others = plan.rehearsals.flatMap(\.stubs)
    for takesAny in [false, true] {
      for entry in others {
        guard case .metric(let metric, let value) = entry.stub, plan.metrics.indices.contains(metric),
          takesAny || plan.metrics[metric].holds(value), read.insert(metric).inserted
        else { continue }
        script.stubs.append(entry)
      }
    }
    return script.stubs.isEmpty ? nil : script
  }

  package func run() -> Report {
    var report = Report()
    var cluster = rehearsal.freshCluster()
    for step in 0..<itinerary.stepCount {
      let tally = RequestBudget(writes: .max)
      guard let straight = rehearsal.run(.apply(steps: step + 1), in: cluster, id: "straight", budget: tally) else {
        report.faults.append(Fault(.straight, Kind.straight.rawValue, step: step, "it never ended"))
        return report
      }
      if ![.done, .unchanged].contains(straight.result.outcome) {
        let failure = straight.result.failure?.diagnostic
        let why = failure.map { ": \(([$0.message] + $0.notes.prefix(1)).joined(separator: "; "))" } ?? ""
        report.faults.append(
          Fault(
            .straight, Kind.straight.rawValue, step: step, "the step does not come through\(why)",
            at: failure?.primary.range))
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
          let why = resumed.result.failure.map { ": \($0.diagnostic.message)" } ?? ""
          report.faults.append(
            Fault(.killed, name, step: step, "the resumed run ended `\(resumed.result.outcome.rawValue)`\(why)"))
        } else if let other = difference(content(resumed.sandbox), wanted) {
          report.faults.append(
            Fault(.killed, name, step: step, "\(other) is not as after an uninterrupted run"))
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
    /// How many levels of a shift were tried.
    var seen: [SourceRange: Int] = [:]
    for observation in observations {
      let (kind, words): (Kind, String)
      switch observation.kind {
      case .verify, .verifyMetric: (kind, words) = (.verifyFails, "fails")
      case .approve: (kind, words) = (.refused, "is refused")
      case .pause(milliseconds: nil, message: _): (kind, words) = (.paused, "is answered with no")
      case .hold(_, let metrics, _, _) where !metrics.isEmpty: (kind, words) = (.metricFails, "finds its metric bad")
      case .pause, .hold, .wait, .waitUntilReady: continue
      }
      var faults = RehearsalFaults()
      faults.failingObservation = observation.range
      faults.holdingObservations = seen[observation.range, default: 0]
      seen[observation.range, default: 0] += 1
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
    _ before: [ObjectID: Value]?, _ report: inout Report
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
    if outcome == .failedClean {
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
      } else if let before, let other = difference(withoutClaims(content(run.sandbox)), withoutClaims(before)) {
        report.faults.append(Fault(kind, name, step: step, "\(other) is not as it was before the step"))
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

  /// What of `cluster` counts: the plan's objects wherever they stand, and all that is in its namespace of the kinds that
  /// it makes by itself; without what each write or the cluster changes.
  private func content(_ cluster: SandboxCluster) -> [ObjectID: Value] {
    var content: [ObjectID: Value] = [:]
    let store = cluster.store
    for id in objects {
      guard let type = store.registry.type(group: id.group, kind: id.kind) else { continue }
      content[id] = store[store.key(type, id.namespace, id.name)].map(settled)
    }
    for resource in Self.resources {
      for key in store.keys(resource) where key.namespace == itinerary.plan.namespace {
        guard let object = store[key], let id = ObjectID(object) else { continue }
        content[id] = settled(object)
      }
    }
    return content
  }

  private static let resources = [
    "deployments.apps", "services", "persistentvolumeclaims", "virtualservices.networking.istio.io",
    "destinationrules.networking.istio.io", "gateways.networking.istio.io", "peerauthentications.security.istio.io",
  ]

  /// Without what the cluster itself keeps in it, and without the stamp that says which step wrote last.
  private func settled(_ object: Value) -> Value {
    let object = unstamped(object)
    guard var fields = object.fields else { return object }
    var metadata = Fields()
    metadata["labels"] = object.at("metadata", "labels")
    let annotations = (object.at("metadata", "annotations")?.fields?.entries ?? []).filter { annotation in
      !Self.annotationsOfControllers.contains { annotation.key.hasPrefix($0) }
    }
    if !annotations.isEmpty { metadata["annotations"] = .object(Fields(annotations)) }
    fields["metadata"] = .object(metadata)
    fields["status"] = nil
    if var spec = fields["spec"]?.fields {
      for key in ["clusterIP", "clusterIPs", "volumeName"] { spec[key] = nil }
      if object["kind"] == "Service", let ports = spec["ports"]?.array {
        spec["ports"] = .array(
          ports.map { port in
            var fields = port.fields ?? Fields()
            fields["nodePort"] = nil
            return .object(fields)
          })
      }
      fields["spec"] = .object(spec)
    }
    let uid = object.at("metadata", "uid") ?? .null
    return without(uid, .object(fields))
  }

  /// A Job's pods are chosen by its uid.
  private func without(_ uid: Value, _ value: Value) -> Value {
    switch value {
    case uid: .null
    case .object(let fields): .object(Fields(fields.entries.map { .init(key: $0.key, value: without(uid, $0.value)) }))
    case .array(let items): .array(items.map { without(uid, $0) })
    case .null, .bool, .int, .double, .string: value
    }
  }

  private static let annotationsOfControllers = ["deployment.kubernetes.io/", "pv.kubernetes.io/", "volume."]

  /// One of the objects that are not alike in both: the first by name.
  package func difference(_ a: SandboxCluster, _ b: SandboxCluster) -> String? { difference(content(a), content(b)) }

  private func difference(_ a: [ObjectID: Value], _ b: [ObjectID: Value]) -> String? {
    Set(a.keys).union(b.keys).filter { a[$0] != b[$0] }.min().map { "`\($0)`" }
  }

  /// Claims that a way back keeps may stand besides.
  private func withoutClaims(_ all: [ObjectID: Value]) -> [ObjectID: Value] {
    all.filter { $0.key.kind != "PersistentVolumeClaim" }
  }
}

extension RequestBudget {
  /// A process that does not die. With a budget a run keeps its lock as one does that others wait for.
  static var unlimited: RequestBudget { RequestBudget(writes: .max) }
}
