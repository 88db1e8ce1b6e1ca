internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension RunSession {
  /// What the plan looks at after a leg: each must hold before the run goes on.
  func observe(_ leg: Leg) async throws(RunBreak) {
    while record.progress.observation < leg.observations.count {
      if stop.isRaised { throw .stopped }
      let observation = leg.observations[record.progress.observation]
      tell(.observationBegan(place, text: observation.text, observation.range))
      let result = try await held(observation)
      tell(.observationEnded(place, text: observation.text, result: result))
      record.progress.observation += 1
      record.waitingSince = nil
      // An answer is not to be asked for twice.
      if observation.isQuestion { try await save() }
    }
  }

  private func held(_ observation: Observation) async throws(RunBreak) -> String {
    let range = observation.range
    switch observation.kind {
    case .verify(let verification): return try await verify(verification, observation)
    case .verifyMetric(let metric, let milliseconds):
      return try await measure(.milliseconds(milliseconds), [metric], of: nil, needsData: true, observation)
    case .hold(let milliseconds, let metrics, let version, _):
      return try await measure(.milliseconds(milliseconds), metrics, of: version, needsData: false, observation)
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

  /// Reads the metrics again and again for as long as it takes; each reading must be good. Where there were no requests a
  /// reading is neither good nor bad: a quiet night must not roll a release back. A metric that cannot be read is asked
  /// for up to three times, also beyond the end.
  private func measure(
    _ duration: Duration, _ metrics: [Int], of version: VersionID?, needsData: Bool, _ observation: Observation
  ) async throws(RunBreak) -> String {
    let clock = environment.clock
    let end = clock.now.advanced(by: duration)
    let interval = max(.seconds(1), min(.seconds(10), duration / 10))
    var readings = 0
    /// By metric: how often in a row it could not be read.
    var failures: [Int: Int] = [:]
    while true {
      for metric in metrics {
        switch await reading(of: metric, for: version) {
        case .success(.value(let value)):
          failures[metric] = nil
          readings += 1
          let declared = plan.metrics[metric]
          tell(.observationProgress(place, text: "\(declared.name) is \(floatText(value))"))
          if !declared.holds(value) {
            throw failed(
              .metricBreached, "`\(declared.name)` is \(floatText(value)), not \(declared.bound)", observation,
              notes: ["for `\(observation.text)`"])
          }
        case .success(.noData):
          failures[metric] = nil
          tell(.observationProgress(place, text: "\(plan.metrics[metric].name): no requests yet"))
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
    if needsData, readings == 0, !metrics.isEmpty {
      throw failed(
        .metricUnreadable, "there was nothing to measure for \(shortText(duration))", observation,
        notes: ["no request reached the version while the run looked"])
    }
    return metrics.isEmpty ? "held" : "\(readings) readings were good"
  }

  private func reading(of metric: Int, for version: VersionID?) async -> Result<MetricReading, MetricError> {
    guard let source = environment.metrics else {
      return .failure(MetricError("no source of metrics was given (`--prometheus URL`)"))
    }
    do throws(MetricError) {
      return .success(try await source.reading(of: metric, for: version.map(itinerary.compiled.renderer.workload)))
    } catch {
      return .failure(error)
    }
  }

  private func failed(_ code: Code, _ message: String, _ observation: Observation, notes: [String]) -> RunBreak {
    .failed(
      RunFailure(.observationFailed(code, message, at: observation.range, notes: notes, help: nil), at: place))
  }

  // MARK: - Questions

  private func ask(
    _ kind: Question.Kind, _ text: String, by: [String], within: Duration?, _ observation: Observation
  ) async throws(RunBreak) -> String {
    let question = Question(
      kind: kind, text: text, step: place.step, number: questionNumber(observation), by: by)
    let waited = waitedSoFar()
    record.status = .waiting
    record.question = "\(question.key) \(question.text)"
    record.approvers = by
    record.waitingSince = record.waitingSince ?? environment.wallTime()
    try await save()
    tell(.asked(place, question))
    let left = within.map { max(.zero, $0 - waited) }
    let reply = try await firstReply(to: question, within: left)
    if case .nobodyHere = reply { throw .leftAtQuestion }
    record.status = .running
    record.question = nil
    record.approvers = []
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
    guard let since = record.waitingSince.flatMap(secondsSince1970), let now = secondsSince1970(environment.wallTime())
    else { return .zero }
    return .seconds(max(0, now - since))
  }

  private enum Reply {
    case answer(Answer)
    case timeIsOver
    case nobodyHere
  }

  /// Whoever answers first: somebody here, or somebody elsewhere through the cluster.
  private func firstReply(to question: Question, within: Duration?) async throws(RunBreak) -> Reply {
    let (environment, requests, options) = (environment, requests, options)
    return try await interruptible(by: stop) { () async throws(RunBreak) in
      await withTaskGroup(of: Reply?.self) { group in
        group.addTask { await requests.answer(to: question).map { .answer($0) } }
        if let decider = environment.decider {
          group.addTask {
            if let answer = await decider.answer(to: question) { return .answer(answer) }
            return options.leavesAtQuestions ? .nobodyHere : nil
          }
        } else if options.leavesAtQuestions {
          group.addTask {
            await requests.hasLooked()
            return .nobodyHere
          }
        }
        if let within {
          group.addTask {
            do { try await environment.clock.sleep(for: within) } catch { return nil }
            return .timeIsOver
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
  func holds(_ value: Double) -> Bool {
    switch comparison {
    case .below: value < threshold
    case .above: value > threshold
    case .atLeast: value >= threshold
    case .atMost: value <= threshold
    }
  }

  var bound: String { "\(comparison.rawValue) \(floatText(threshold))" }
}
