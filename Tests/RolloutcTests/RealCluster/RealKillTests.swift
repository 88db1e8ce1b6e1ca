import Foundation
import KubernetesModel
import TestSupport
import Testing

private let isWhole = ProcessInfo.processInfo.environment["ROLLOUTC_WHOLE_MATRIX"] != nil

/// The built tool runs the scenario on the real control plane and is killed at its requests; another one resumes. All end in
/// the same state, and at no moment does what the server holds break S1, S2 or S9.
///
/// A sample, spread over the run, is always taken; ROLLOUTC_WHOLE_MATRIX=1 takes every request, before and after it.
@Suite(
  .controlPlane, .enabled(if: Tool.isBuilt && Tool.installed("python3") != nil), .serialized,
  .timeLimit(.minutes(isWhole ? 180 : 10)))
struct RealKillTests {
  private static let atOnce = 6

  @Test("killed before and after requests and resumed, the scenario ends the same") func scenario() async throws {
    let begin = ContinuousClock.now
    // The runs of a sample need not wait for the undisturbed one, as long as it has about this many requests.
    let expected = 135
    async let undisturbed = straight()
    let cases = isWhole ? Self.cases(of: try await undisturbed.requests.count) : Self.cases(of: expected)
    let ends = try await withThrowingTaskGroup(of: (Kill, RealPlan.Proxied, [String: Value]).self) { group in
      var ends: [(Kill, RealPlan.Proxied, [String: Value])] = []
      for (index, kill) in cases.enumerated() {
        if index >= Self.atOnce, let end = try await group.next() { ends.append(end) }
        group.addTask { try await killed(kill, isPatient: index == 0) }
      }
      for try await end in group { ends.append(end) }
      return ends
    }
    let (requests, wanted) = try await undisturbed
    #expect(abs(requests.count - expected) < 20)
    for (kill, run, content) in ends {
      for name in Set(content.keys).union(wanted.keys).sorted() where content[name] != wanted[name] {
        Issue.record(
          "\(kill), \(run.requests.last ?? ""): \(name) is \(content[name] as Any), not \(wanted[name] as Any)")
      }
    }
    print(
      "kill matrix: \(requests.count) requests, \(ends.count) kills in \(begin.duration(to: .now)), seed",
      SeededGenerator.seed)
  }

  /// Every one, or one in each part of the run, before and after by turns.
  private static func cases(of count: Int) -> [Kill] {
    if isWhole { return (1...count).flatMap { [Kill(request: $0, isAfter: false), Kill(request: $0, isAfter: true)] } }
    var generator = SeededGenerator(seed: SeededGenerator.seed)
    let parts = 4
    return (0..<parts).map { part in
      let (first, next) = (count * part / parts, count * (part + 1) / parts)
      return Kill(request: first + 1 + generator.below(next - first), isAfter: part % 2 == 1)
    }
  }

  private func straight() async throws -> (requests: [String], content: [String: Value]) {
    let voting = try await RealPlan.quietVoting()
    let history = try await ServerHistory(voting.namespace, in: voting.cluster)
    let run = try await voting.withOthers {
      try await voting.proxied(["apply", "plan.rollout", "--yes", "--settle", "0"])
    }
    try #require(run.code == 0, "\(run.output)")
    let content = try await voting.content()
    let events = try await history.caughtUp()
    #expect(events.count > 50)
    #expect(ServedMesh.violations(of: voting.plan, in: events) == [])
    history.stop()
    await voting.remove()
    return (run.requests, content)
  }

  /// - Parameter isPatient: the one who resumes waits until the dead run's lock has expired.
  private func killed(
    _ kill: Kill, isPatient: Bool
  ) async throws -> (Kill, RealPlan.Proxied, [String: Value]) {
    let voting = try await RealPlan.quietVoting()
    let history = try await ServerHistory(voting.namespace, in: voting.cluster)
    let (run, resumed) = try await voting.withOthers {
      let run = try await voting.proxied(["apply", "plan.rollout", "--yes", "--settle", "0"], kill: kill)
      // Writes of one phase go in any order, so that a run may have one more or less; then nobody was killed.
      #expect(run.code == -9 || run.code == 0, "\(kill): \(run.output)")
      if run.code == -9, !isPatient { try await voting.unlock() }
      return (
        run,
        try await voting.rolloutc("resume", "plan.rollout", "--yes", "--settle", "0", "--wait-lock", "90s")
      )
    }
    #expect(resumed.code == 0, "\(kill), \(run.requests.last ?? ""): \(resumed.output)\(resumed.errors)")
    let content = try await voting.content()
    let violations = ServedMesh.violations(of: voting.plan, in: try await history.caughtUp())
    #expect(violations == [], "\(kill), \(run.requests.last ?? "")")
    history.stop()
    await voting.remove()
    return (kill, run, content)
  }
}
