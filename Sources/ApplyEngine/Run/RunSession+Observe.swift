internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
package import RolloutPlan

extension RunSession {
  /// What the plan looks at after a leg: each must hold before the run goes on.
  func observe(_ leg: Leg) async throws(RunBreak) {
    if !leg.observations.isEmpty { try await sayStep() }
    while record.progress.observation < leg.observations.count {
      if stop.isRaised { throw .stopped }
      let observation = leg.observations[record.progress.observation]
      tell(.observationBegan(place, text: observation.text, observation.range))
      let result = try await held(observation)
      tell(.observationEnded(place, text: observation.text, result: result))
      record.progress.observation += 1
      record.asksNothing()
      // An answer is not to be asked for twice.
      if observation.isQuestion { try await save() }
    }
  }

  private func held(_ observation: Observation) async throws(RunBreak) -> String {
    let range = observation.range
    switch observation.kind {
    case .verify(let verification): return try await verify(verification, observation)
    case .verifyMetric(let metric, let milliseconds):
      return try await measure(.milliseconds(milliseconds), [metric], of: nil, observation)
    case .hold(let milliseconds, let metrics, let version, _):
      return try await measure(.milliseconds(milliseconds), metrics, of: version, observation)
    case .wait(let milliseconds):
      try await sleep(.milliseconds(milliseconds))
      return "waited"
    case .waitUntilReady(let version, let milliseconds):
      let target = ReadyTarget(
        deployment: itinerary.compiled.renderer.deploymentID(of: version), withinMilliseconds: milliseconds)
      try await awaitReady([target], origin: { _ in range })
      return "ready"
    case .pause(let milliseconds?, _):
      try await sleep(.milliseconds(milliseconds))
      return "went on"
    case .pause(nil, let message):
      return try await ask(.pause, message ?? observation.text, by: [], within: nil, observation)
    case .approve(let message, let by, let milliseconds):
      return try await ask(
        .approve, message ?? observation.text, by: by, within: milliseconds.map { .milliseconds($0) }, observation)
    }
  }

  func sleep(_ duration: Duration) async throws(RunBreak) {
    let clock = environment.clock
    try await interruptible(by: stop) { () async throws(RunBreak) in
      do { try await clock.sleep(for: duration) } catch { throw .stopped }
    }
  }

  // MARK: - Verify

  private func verify(_ verification: Verification, _ observation: Observation) async throws(RunBreak) -> String {
    let place = place
    let tell = environment.tell
    let verifier = Verifier(plan, environment: environment) { text in
      tell(.observationProgress(place, text: text))
    }
    return try await interruptible(by: stop) { () async throws(RunBreak) in
      do throws(VerifyFailure) {
        return try await verifier.verify(verification)
      } catch {
        throw .failed(
          RunFailure(
            .observationFailed(
              .verifyFailed, error.message, at: observation.range, notes: error.notes, help: error.help),
            at: place))
      }
    }
  }

  // MARK: - Metrics

  /// Reads the metrics again and again for as long as it takes; each reading must be good, and each metric must have one.
  /// Where there were no requests a reading is neither good nor bad, and where there never were any nobody knows whether the
  /// version is good: a wrong label looks just like that. A metric that cannot be read is asked for up to three times, also
  /// beyond the end.
  private func measure(
    _ duration: Duration, _ metrics: [Int], of version: VersionID?, _ observation: Observation
  ) async throws(RunBreak) -> String {
    let clock = environment.clock
    let end = clock.now.advanced(by: duration)
    let interval = max(.seconds(1), min(.seconds(10), duration / 10))
    var readings = 0
    var measured: Set<Int> = []
    /// By metric: how often in a row it could not be read.
    var failures: [Int: Int] = [:]
    while true {
      for metric in metrics {
        switch await reading(of: metric, for: version) {
        case .success(.value(let value)):
          failures[metric] = nil
          readings += 1
          measured.insert(metric)
          let declared = plan.metrics[metric]
          tell(.observationProgress(place, text: "\(declared.name) is \(declared.shown(value))"))
          if !declared.holds(value) {
            throw failed(
              .metricBreached, "`\(declared.name)` is \(declared.shown(value)), not \(declared.bound)", observation,
              notes: ["for `\(observation.text)`"])
          }
        case .success(.noData):
          failures[metric] = nil
          let declared = plan.metrics[metric]
          tell(
            .observationProgress(
              place, text: "\(declared.name): no \(declared.isOfRequests ? "requests" : "number") yet"))
        case .failure(let error):
          failures[metric, default: 0] += 1
          tell(.observationProgress(place, text: error.message))
          if failures[metric, default: 0] >= 3 {
            throw failed(
              .metricUnreadable, "`\(plan.metrics[metric].name)` cannot be read", observation, notes: [error.message])
          }
        }
      }
      let left = clock.now.duration(to: end)
      if left <= .zero, failures.isEmpty { break }
      try await sleep(left > .zero ? min(interval, left) : interval)
    }
    if let silent = metrics.first(where: { !measured.contains($0) }) {
      throw failed(
        .metricUnreadable, "`\(plan.metrics[silent].name)` had nothing to measure for \(shortText(duration))",
        observation,
        notes: [
          whyNothing(silent, of: version),
          "without one good reading nobody knows whether \(version.map(name) ?? "what is measured") is good",
        ],
        help: "look whether Prometheus has the series, and under these labels; where few visitors come, look for longer"
      )
    }
    return metrics.isEmpty ? "held" : readings == 1 ? "1 reading was good" : "\(readings) readings were good"
  }

  /// What a source said that never had a number.
  private func whyNothing(_ metric: Int, of version: VersionID?) -> String {
    switch plan.metrics[metric].source {
    case .promql(let query): return "no number came of `\(query)`"
    case .istio(_, let component):
      let target = version.map(name) ?? component.map { "`\(plan[$0].name)`" } ?? "what visitors enter by"
      return "no request to \(target) was counted while the run looked"
    }
  }

  private func name(_ version: VersionID) -> String { "`\(plan[version.component].name)` \(plan[version].name)" }

  private func reading(of metric: Int, for version: VersionID?) async -> Result<MetricReading, MetricError> {
    guard let source = environment.metrics else {
      return .failure(MetricError("nothing says where metrics are read: `--prometheus URL` or $ROLLOUTC_PROMETHEUS"))
    }
    do throws(MetricError) {
      return .success(try await source.reading(of: metric, for: version.map(itinerary.compiled.renderer.workload)))
    } catch {
      return .failure(error)
    }
  }

  private func failed(
    _ code: Code, _ message: String, _ observation: Observation, notes: [String], help: String? = nil
  ) -> RunBreak {
    .failed(
      RunFailure(.observationFailed(code, message, at: observation.range, notes: notes, help: help), at: place))
  }

  // MARK: - Questions

  private func ask(
    _ kind: Question.Kind, _ text: String, by: [String], within: Duration?, _ observation: Observation
  ) async throws(RunBreak) -> String {
    let question = Question(
      kind: kind, text: text, step: place.step, number: questionNumber(observation), by: by)
    let words = "\(question.key) \(question.text)"
    if record.question != words { record.asksNothing() }
    let waited = waitedSoFar()
    let left = within.map { max(.zero, $0 - waited) }
    record.status = .waiting
    record.question = words
    record.approvers = by
    record.asker = record.asker ?? record.run
    record.waitingSince = record.waitingSince ?? environment.wallTime()
    record.waitsSeconds = within.map { Int($0.components.seconds) }
    try await save()
    tell(.asked(place, question))
    let reply = try await firstReply(to: question, within: left)
    if case .nobodyHere = reply { throw .leftAtQuestion }
    record.status = .running
    record.asksNothing()
    guard case .answer(let answer) = reply else {
      throw .failed(
        RunFailure(
          .notAnswered("nobody answered `\(text)` within \(shortText(within ?? .zero))", at: observation.range),
          at: place))
    }
    tell(.answered(place, question, answer))
    if !answer.isYes {
      throw .failed(
        RunFailure(.notAnswered("\(answer.by) said no to `\(text)`", at: observation.range), at: place))
    }
    return "\(kind == .approve ? "approved" : "continued") by \(answer.by)"
  }

  /// Which question of its step it is, counting from 0, in the order of the text.
  private func questionNumber(_ observation: Observation) -> Int {
    plan.steps[place.step].segments.flatMap(\.observations).filter(\.isQuestion)
      .firstIndex { $0.range == observation.range } ?? 0
  }

  /// A run that took over from another one does not give everybody the whole time again.
  private func waitedSoFar() -> Duration {
    .seconds(max(0, record.secondsWaited(at: environment.wallTime()) ?? 0))
  }

  private enum Reply {
    case answer(Answer)
    case timeIsOver
    case nobodyHere
  }

  /// Whoever answers first: somebody here, or somebody elsewhere through the cluster.
  private func firstReply(to question: Question, within: Duration?) async throws(RunBreak) -> Reply {
    let (environment, requests, options) = (environment, requests, options)
    if let within, within <= .zero {
      return try await interruptible(by: stop) { () async throws(RunBreak) in
        await requests.answerSoFar(to: question).map { .answer($0) } ?? .timeIsOver
      }
    }
    return try await interruptible(by: stop) { () async throws(RunBreak) in
      await withTaskGroup(of: Reply?.self) { group in
        group.addTask { await requests.answer(to: question).map { .answer($0) } }
        if let decider = environment.decider, decider.mayAnswer(question) {
          group.addTask {
            if let answer = await decider.answer(to: question) { return .answer(answer) }
            if !options.leavesAtQuestions { return nil }
            return await requests.answerSoFar(to: question).map { .answer($0) } ?? .nobodyHere
          }
        } else if options.leavesAtQuestions {
          group.addTask {
            return await requests.answerSoFar(to: question).map { .answer($0) } ?? .nobodyHere
          }
        }
        if let within {
          group.addTask {
            do { try await environment.clock.sleep(for: within) } catch { return nil }
            // Who went on from a run that was left at the question looks first whether it was answered in time.
            return await requests.answerSoFar(to: question).map { .answer($0) } ?? .timeIsOver
          }
        }
        while let next = await group.next() {
          guard let reply = next else { continue }
          group.cancelAll()
          return reply
        }
        return .timeIsOver
      }
    }
  }
}

extension Observation {
  var isQuestion: Bool {
    switch kind {
    case .approve, .pause(milliseconds: nil, message: _): true
    case .verify, .verifyMetric, .wait, .waitUntilReady, .pause, .hold: false
    }
  }
}

extension Metric {
  package func holds(_ value: Double) -> Bool {
    switch comparison {
    case .below: value < threshold
    case .above: value > threshold
    case .atLeast: value >= threshold
    case .atMost: value <= threshold
    }
  }

  /// Counted from requests: without them there is nothing to read.
  var isOfRequests: Bool { if case .istio = source { true } else { false } }

  var bound: String { "\(comparison.rawValue) \(shown(threshold))" }

  /// A number with the unit that the plan gives it: `97.5%`, `9ms`. A bound of whole seconds keeps them: `1.2s`.
  package func shown(_ value: Double) -> String {
    guard case .istio(let kind, _) = source else { return numberText(value) }
    if kind.isRate { return numberText(value) + "%" }
    let isInSeconds = threshold >= 1000 && threshold.truncatingRemainder(dividingBy: 1000) == 0
    return isInSeconds ? numberText(value / 1000) + "s" : numberText(value) + "ms"
  }

  private func numberText(_ value: Double) -> String {
    let text = floatText(value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
