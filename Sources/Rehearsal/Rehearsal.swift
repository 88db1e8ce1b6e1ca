package import ApplyEngine
internal import CSSSelectors
package import ClusterAPI
package import Diagnostics
internal import HTMLText
internal import KubernetesModel
package import Lowering
package import RolloutPlan
internal import SafetyChecks
package import Sandbox
internal import SandboxMesh
internal import Synchronization

/// How a rehearsal is set up.
package struct RehearsalOptions: Sendable {
  package var seed: UInt64 = 1
  /// How late proxies learn of a change, in milliseconds; the settle time covers the slowest.
  package var propagation = 0...2000
  package var settle = Duration.seconds(3)
  /// Between two rounds of requests, while something happens.
  package var interval = Duration.milliseconds(250)
  /// How many steps are run; nil for all.
  package var steps: Int?

  package init() {}
}

/// What a rehearsal showed.
package struct RehearsalResult: Sendable {
  package var script: String?
  package var result: RunResult
  package var events: [(moment: Duration, event: RunEvent)]
  package var traffic: RehearsalTraffic
  /// Expectations that were not met, one diagnostic each.
  package var unmet: [Diagnostic]
  /// Virtual time from the first request to the end.
  package var duration: Duration
  /// The cluster as it was left.
  package var sandbox: SandboxCluster
  /// Requests of the run that changed something, also those that failed.
  package var writes: Int
  /// Who was owed an answer in the end.
  var promises: Promises
}

/// Runs a plan in a sandbox, in virtual time, with visitors asking all the while: the engine is the one that runs it against
/// a cluster, the cluster answers as a real one does, and requests go through the simulated mesh, hop by hop.
package struct Rehearsal: Sendable {
  package let itinerary: Itinerary
  package let script: RehearsalScript?
  package let options: RehearsalOptions

  package init(_ itinerary: Itinerary, script: RehearsalScript?, options: RehearsalOptions = .init()) {
    self.itinerary = itinerary
    self.script = script
    self.options = options
  }

  private var plan: Plan { itinerary.plan }

  /// A cluster with a mesh, in which the plan has not run yet.
  package func freshCluster() -> SandboxCluster {
    var cluster = SandboxCluster(seed: options.seed)
    cluster.injectsSidecars = true
    cluster.installIngressGateway()
    if plan.namespaceExists {
      _ = cluster.respond(
        to: APIRequest(
          "POST", "/api/v1/namespaces",
          body: [
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": ["name": .string(plan.namespace), "labels": ["istio-injection": "enabled"]],
          ]))
    }
    // One ingress plays them all.
    let gateways = FlowModel(plan).objectsOfOthers(ingress: { _ in plan.ingressLabels }).filter {
      $0["kind"] == "Gateway"
    }
    let own = Set(itinerary.compiled.renderer.manifests.map(\.id))
    for object in gateways + secrets {
      guard let id = ObjectID(object), !own.contains(id) else { continue }
      if id.namespace != plan.namespace {
        _ = cluster.respond(
          to: APIRequest(
            "POST", "/api/v1/namespaces",
            body: ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(id.namespace)]]))
      }
      cluster.accompany(object)
    }
    // What the sandbox does not know has no effect in it: no reason not to keep it.
    for manifest in itinerary.compiled.renderer.manifests {
      let version = manifest.value["apiVersion"]?.string?.split(separator: "/").last.map(String.init) ?? "v1"
      cluster.keepKind(
        group: manifest.id.group, version: version, kind: manifest.id.kind,
        scope: manifest.id.namespace.isEmpty ? .cluster : .namespaced)
    }
    return cluster
  }

  /// Secrets that the plan only names, with values that are nobody's.
  private var secrets: [Value] {
    plan.secrets.map { secret in
      var data = Fields()
      for key in secret.keys { data[key] = "rehearsal" }
      return [
        "apiVersion": "v1", "kind": "Secret",
        "metadata": ["name": .string(secret.name), "namespace": .string(plan.namespace)], "stringData": .object(data),
      ]
    }
  }

  /// What `course` does ends where nothing is left. Such a course owes nobody an answer.
  private func takesAllAway(_ course: Course) -> Bool {
    switch course {
    // Also back to what a `rollback to start` has left.
    case .rollback(_, let steps), .leaveBlock(_, _, let steps), .leaveRollback(_, _, _, let steps):
      !itinerary.standing(afterSteps: steps).state.exists
    case .block:
      itinerary.legs(of: course)?.last?.after.map {
        !$0.state.exists || $0.state.components.allSatisfy(\.deployed.isEmpty)
      } ?? false
    case .forward: false
    }
  }

  /// A step that takes everything away on purpose: `rollback to start`.
  private func takesAllAway(_ step: Int) -> Bool {
    plan.steps[step].segments.last.map { !$0.after.exists } ?? false
  }

  /// One run, from what `cluster` holds.
  ///
  /// - Parameters:
  ///   - earlier: the run that this one goes on from: the same visitors go on asking.
  ///   - budget: after so many requests that change something the process dies.
  ///   - change: what else is to go wrong.
  /// - Returns: nil where the run waits for something that never comes.
  package func run(
    _ goal: RunGoal, in cluster: SandboxCluster, after earlier: RehearsalResult? = nil, id: String = "rehearsal",
    budget: RequestBudget? = nil, faults: RehearsalFaults = RehearsalFaults()
  ) -> RehearsalResult? {
    var cluster = cluster
    for version in neverReady + faults.neverReady {
      var behaviour = PodBehaviour()
      behaviour.fate = .neverReady
      cluster.setBehaviour(
        behaviour, of: itinerary.compiled.renderer.deploymentID(of: version).name, namespace: plan.namespace)
    }
    let sandbox = LiveCluster(cluster)
    let time = VirtualTime(sandbox, from: cluster.now)
    let mesh = LiveMesh(
      sandbox,
      front: MeshFront(
        propagation: Propagation(options.propagation, seed: options.seed), seed: options.seed, standIns: standIns(),
        gatewayLabels: plan.ingressLabels))
    let counter = TrafficCounter(earlier?.promises ?? Promises())
    let log = RunLog(failing: faults.failingObservation, after: faults.holdingObservations)
    let tally = budget ?? RequestBudget(writes: .max)
    var environment = RunEnvironment(
      cluster: InProcessTransport.cluster(sandbox, requests: tally), clock: time.clock,
      wallTime: { time.timestamp.rfc3339Micro }, random: { 0.5 }, journal: NoJournal(),
      identity: RunIdentity(run: id, who: "rehearsal"), tell: { self.note($0, at: time.now, log, counter) })
    environment.prober = Faulty(base: MeshProber(mesh, plan: plan), log: log)
    environment.decider = Faulty(base: StubDecider(answer: faults.answer ?? answer), log: log)
    let visitors = visitors
    environment.metrics = Faulty(
      base: StubMetrics(values: metrics, counter: counter, plan: plan) {
        await self.ask(visitors, mesh, counter, time)
      },
      log: log)
    environment.elementText = Self.elementText
    var options = RunOptions()
    options.settle = self.options.settle
    options.waitForLock = .seconds(120)
    // Nobody competes for the lock; showing every ten seconds that one lives would only take time.
    options.leaseSeconds = budget == nil ? 86_400 : 30
    options.leavesAtQuestions = true
    let run = Run(itinerary, environment: environment, options: options, stop: StopSignal())
    guard let result = play(run, goal, visitors, mesh, counter, time) else { return nil }
    let duration = time.now
    var unmet = script.map { unmetExpectations($0, result, mesh, counter.traffic, time) } ?? []
    if result.outcome == .done, case .apply(let steps) = goal, budget == nil {
      unmet += neverServed(after: steps, counter)
    }
    guard let snapshot = time.run({ await sandbox.snapshot }) else { return nil }
    return RehearsalResult(
      script: script?.name, result: result, events: log.events, traffic: counter.traffic, unmet: unmet,
      duration: duration, sandbox: snapshot, writes: tally.count, promises: counter.promises)
  }

  private func note(_ event: RunEvent, at moment: Duration, _ log: RunLog, _ counter: TrafficCounter) {
    log.add(event, at: moment)
    counter.news(at: moment)
    switch event {
    case .started(let opening): goOn(opening, counter)
    case .stepBegan(let step, _): counter.begin(step, isClosing: takesAllAway(step))
    case .turned(let course, _): if takesAllAway(course) { counter.close() }
    default: break
    }
  }

  /// A run that goes on in the middle of a step, or on a way back, does not say that these begin.
  private func goOn(_ opening: RunOpening, _ counter: TrafficCounter) {
    switch opening.course {
    case .forward:
      let step = itinerary.step(at: opening.progress)
      guard plan.steps.indices.contains(step), opening.progress > itinerary.progress(afterSteps: step) else { return }
      counter.begin(step, isClosing: takesAllAway(step))
    case .rollback(let from, _), .block(let from), .leaveBlock(let from, _, _), .leaveRollback(let from, _, _, _):
      counter.begin(itinerary.step(at: from), isClosing: takesAllAway(opening.course))
    }
  }

  /// What a stub says of a probe is the text that the probe looks at, or the page around it.
  private static func elementText(_ page: ProbeAnswer, _ selector: String) throws(ProbeError) -> String? {
    if let text = page.text { return text }
    if page.headers["content-type"] == "text/plain", !page.body.contains(UInt8(ascii: "<")) {
      return String(decoding: page.body, as: UTF8.self)
    }
    do {
      return try HTMLText.elementText(
        in: page.body, contentType: page.headers["content-type"], selector: try ElementSelector(selector))
    } catch {
      throw ProbeError("\(error)", isFinal: true)
    }
  }

  /// The run, with visitors asking all the while; nil where it waits for something that never comes.
  private func play(
    _ run: Run, _ goal: RunGoal, _ visitors: [Visitor], _ mesh: LiveMesh, _ counter: TrafficCounter, _ time: VirtualTime
  ) -> RunResult? {
    time.run { () async -> RunResult in
      await withTaskGroup(of: RunResult?.self) { group in
        group.addTask { await run.perform(goal) }
        group.addTask {
          await self.goOnAsking(visitors, mesh, counter, time)
          return nil
        }
        var result: RunResult?
        while result == nil, let next = await group.next() { result = next }
        group.cancelAll()
        return result ?? RunResult(.interrupted)
      }
    }
  }

  /// Who was never served met no error either; where the plan leads them somewhere in the end, that is no success.
  private func neverServed(after steps: Int, _ counter: TrafficCounter) -> [Diagnostic] {
    let end = plan.steps.prefix(steps).last { !$0.segments.isEmpty }?.segments.last?.after
    return visitors.compactMap { visitor in
      let index = visitor.component.index
      guard let end, end.components.indices.contains(index), end.components[index].entry?.fallback != nil,
        !counter.hasServed(visitor.name)
      else { return nil }
      return Diagnostic(
        .failedRequests, "\(visitor.name) were never served",
        at: Label(plan.exposure(of: visitor.component)?.range ?? plan.nameRange, "come in here"),
        help: "`rolloutc trace` shows where their requests go")
    }
  }

  // MARK: - Visitors

  /// What the plan's rules look at, in the order of its steps, and then of its failure blocks.
  var selectors: [Selector] {
    var selectors: [Selector] = []
    func take(_ segments: [Segment]) {
      for component in segments.lazy.flatMap(\.after.components) {
        for table in component.lanes + [component.entry].compactMap(\.self) {
          for rule in table.rules where !selectors.contains(rule.selector) { selectors.append(rule.selector) }
        }
      }
    }
    for step in plan.steps { take(step.segments) }
    for path in plan.steps.compactMap(\.onFailure) + [plan.onFailure] {
      guard case .block(let block) = path else { continue }
      for start in block.starts { take(start.segments) }
    }
    return selectors
  }

  private struct Visitor: Sendable {
    var name: String
    var component: ComponentID
    var request: MeshRequest
  }

  /// Every cohort that the plan's rules tell apart, at every exposed http port.
  private var visitors: [Visitor] {
    let selectors = selectors
    var all: [Visitor] = []
    for exposure in plan.exposures {
      let component = plan[exposure.component]
      guard component.versions.contains(where: { $0.ports.contains { $0.proto.isHTTP } }) else { continue }
      for cohort in Cohort.all(selectors) {
        let name = cohort.selectors.isEmpty ? "everybody else" : cohort.description
        let place = plan.exposures.count > 1 ? " at \(component.name):\(exposure.port)" : ""
        all.append(
          Visitor(
            name: (selectors.isEmpty ? "everybody" : name) + place, component: exposure.component,
            request: MeshRequest(
              host: visitorHost(exposure), port: exposure.port, path: exposure.path, headers: cohort.headers)))
      }
    }
    return all
  }

  private func ask(
    _ visitors: [Visitor], _ mesh: LiveMesh, _ counter: TrafficCounter, _ time: VirtualTime
  ) async {
    for visitor in visitors {
      counter.count(await mesh.request(visitor.request), to: visitor.name, at: time.now)
    }
  }

  /// Asks round after round; the longer nothing has happened, the more rarely, or a day of waiting would take all day.
  private func goOnAsking(
    _ visitors: [Visitor], _ mesh: LiveMesh, _ counter: TrafficCounter, _ time: VirtualTime
  ) async {
    while !Task.isCancelled {
      await ask(visitors, mesh, counter, time)
      let quiet = time.now - counter.lastNews
      if quiet / 20 <= options.interval {
        do { try await time.clock.sleep(for: options.interval) } catch { return }
        continue
      }
      // Whatever happens wakes the visitors: the first moments after a long wait are the ones that matter.
      await withTaskGroup(of: Void.self) { group in
        group.addTask { try? await time.clock.sleep(for: quiet / 20) }
        group.addTask { await counter.somethingHappens() }
        await group.next()
        group.cancelAll()
      }
    }
  }
}

/// What goes wrong in one run of `--chaos`, besides what the plan's own stubs say.
package struct RehearsalFaults: Hashable, Sendable {
  package var neverReady: [VersionID] = []
  /// The observing statement that stands here fails: a `verify` gets no answer and no reading, a question is answered with
  /// no.
  package var failingObservation: SourceRange?
  /// How often it is to hold before: a `shift` looks at its metrics at each of its levels.
  package var holdingObservations = 0
  /// What is said to all other questions; nil for what the script says.
  package var answer: Bool?

  package init() {}
}

/// What a run told, and whether what it looks at now is to fail.
private final class RunLog: Sendable {
  private let failing: SourceRange?
  private let holding: Int
  private let state = Mutex<(events: [(Duration, RunEvent)], observed: SourceRange?, begun: Int)>(([], nil, 0))

  init(failing: SourceRange?, after holding: Int) {
    self.failing = failing
    self.holding = holding
  }

  var events: [(Duration, RunEvent)] { state.withLock { $0.events } }
  var isToFail: Bool { failing != nil && state.withLock { $0.observed == failing && $0.begun > holding } }

  func add(_ event: RunEvent, at moment: Duration) {
    state.withLock { state in
      state.events.append((moment, event))
      switch event {
      case .observationBegan(_, _, let range):
        state.observed = range
        if range == failing { state.begun += 1 }
      case .observationEnded, .failed: state.observed = nil
      default: break
      }
    }
  }
}

/// What a run asks, failing while the run looks at what is to fail.
private struct Faulty<Base: Sendable>: Sendable {
  let base: Base
  let log: RunLog
}

extension Faulty: Prober where Base: Prober {
  func answer(to request: ProbeRequest) async throws(ProbeError) -> ProbeAnswer {
    if log.isToFail { throw ProbeError("this verify was made to fail") }
    return try await base.answer(to: request)
  }
}

extension Faulty: Decider where Base: Decider {
  func answer(to question: Question) async -> Answer? {
    log.isToFail ? Answer(isYes: false, by: "the rehearsal") : await base.answer(to: question)
  }
}

extension Faulty: MetricSource where Base: MetricSource {
  func reading(of metric: Int, for version: WorkloadRef?) async throws(MetricError) -> MetricReading {
    if log.isToFail { throw MetricError("this verify was made to fail") }
    return try await base.reading(of: metric, for: version)
  }

  func traffic(to version: WorkloadRef) async throws(MetricError) -> MetricReading {
    try await base.traffic(to: version)
  }
}
