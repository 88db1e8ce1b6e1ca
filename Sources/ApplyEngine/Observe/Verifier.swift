internal import Diagnostics
package import RolloutPlan

/// Carries out `verify` statements: asks as a visitor, `count` times, until all answers match or the time is over.
///
/// All answers of one round must match. Between rounds it waits, half a second at first and five at most. When the time
/// is over no round begins any more; one that has begun goes on as long as its answers match.
package struct Verifier: Sendable {
  private let plan: Plan
  private let environment: RunEnvironment
  private let progress: @Sendable (String) -> Void

  private static let firstPause = Duration.milliseconds(500)
  private static let longestPause = Duration.seconds(5)

  /// - Parameter progress: takes what is known so far, for people who wait.
  package init(_ plan: Plan, environment: RunEnvironment, progress: @escaping @Sendable (String) -> Void) {
    self.plan = plan
    self.environment = environment
    self.progress = progress
  }

  /// What held, in a few words: `5 of 5 answers, from voting-app 2.0`. Cancelling the task ends the wait.
  package func verify(_ verification: Verification) async throws(VerifyFailure) -> String {
    let probe = plan.probes[verification.probe]
    let request = ProbeRequest(
      component: probe.component, method: probe.method, path: probe.path,
      visitor: verification.visitor ?? probe.visitor, probe: verification.probe)
    let judge = AnswerJudge(plan, verification, request, elementText: environment.elementText)
    guard let prober = environment.prober else {
      throw VerifyFailure("`\(probe.name)` cannot be asked: this run knows no way to the gateway", code: .cannotAsk)
    }
    let start = environment.clock.now
    let deadline = start.advanced(by: .milliseconds(verification.withinMilliseconds))
    var report = VerifyReport(judge, request: request, count: max(1, verification.count))
    var pause = Self.firstPause
    while true {
      let round = await ask(prober, request, judge, report.count, until: deadline)
      if Task.isCancelled { throw VerifyFailure("`\(probe.name)` was not waited for any longer") }
      report.add(round)
      if round.holds { return round.summary }
      let now = environment.clock.now
      let left = now.duration(to: deadline)
      if left <= .zero || round.error?.isFinal == true { throw report.failure(after: start.duration(to: now)) }
      let wait = min(pause, left)
      progress("\(round.summary); asking again in \(shortText(wait))")
      do {
        try await environment.clock.sleep(for: wait)
      } catch {
        throw VerifyFailure("`\(probe.name)` was not waited for any longer")
      }
      pause = min(pause * 2, Self.longestPause)
    }
  }

  private func ask(
    _ prober: any Prober, _ request: ProbeRequest, _ judge: AnswerJudge, _ count: Int, until deadline: RunClock.Instant
  ) async -> VerifyRound {
    var round = VerifyRound(count: count)
    while round.answers.count < count, !Task.isCancelled {
      do throws(ProbeError) {
        round.answers.append(try judge.judged(await prober.answer(to: request)))
      } catch {
        round.error = error
        return round
      }
      if environment.clock.now > deadline, !round.allHold { return round }
    }
    return round
  }
}

/// `count` answers, or fewer where one did not come or the time was over.
struct VerifyRound: Hashable {
  var count: Int
  var answers: [JudgedAnswer] = []
  var error: ProbeError?

  init(count: Int) { self.count = count }

  var allHold: Bool { answers.allSatisfy(\.holds) }
  var holds: Bool { error == nil && answers.count >= count && allHold }

  /// `5 of 5 answers, from voting-app 2.0`; behind a share who gave how many.
  var summary: String {
    let good = answers.filter(\.holds)
    var text = "\(good.count) of \(count) answers"
    let sources = tally(good.compactMap(\.source))
    if sources.count == 1, sources[0].count == good.count {
      text += ", from \(sources[0].value)"
    } else if !sources.isEmpty {
      text += ": " + sources.map { "\($0.count) from \($0.value)" }.joined(separator: ", ")
    }
    if let error { text += "; \(error.message)" }
    return text
  }
}

/// Each value once, in the order in which they came, with how often it came.
func tally<T: Hashable>(_ values: [T]) -> [(value: T, count: Int)] {
  var counts: [T: Int] = [:]
  for value in values { counts[value, default: 0] += 1 }
  var seen: Set<T> = []
  return values.filter { seen.insert($0).inserted }.map { ($0, counts[$0] ?? 0) }
}
