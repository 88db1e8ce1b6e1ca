import Foundation
import KubernetesModel
import TestSupport
import Testing

private let isWhole = ProcessInfo.processInfo.environment["ROLLOUTC_WHOLE_MATRIX"] != nil

/// The built tool runs the scenario on the real control plane and is killed at its requests; another one resumes. All end in
/// the same state, and at no moment does what the server holds break S1, S2 or S9.
///
/// Two runs are killed at every request, one before and one after it, and resumed each time. Of runs that are killed once
/// a sample is taken; ROLLOUTC_WHOLE_MATRIX=1 takes every request, before and after it.
@Suite(
  .controlPlane, .enabled(if: Tool.isBuilt && Tool.installed("python3") != nil),
  .timeLimit(.minutes(isWhole ? 180 : 90)))
struct RealKillTests {
  private static let atOnce = 6
  private static let apply = ["apply", "plan.rollout", "--yes", "--settle", "0"]
  private static let undisturbed = Task { try await straight() }

  @Test(
    "killed at every request of a run, and resumed each time, the scenario ends the same", arguments: [false, true])
  func stuttering(isAfter: Bool) async throws {
    let begin = ContinuousClock.now
    let (run, content) = try await Self.observed("killed at each request") { voting in
      try await voting.proxied(Self.apply, kill: .each(isAfter: isAfter))
    }
    #expect(run.code == 0, "\(run.output)")
    let (requests, wanted) = try await Self.undisturbed.value
    expectSame(content, wanted, "killed \(isAfter ? "after" : "before") each request")
    let missing = Set(requests.map(Self.place)).subtracting(run.kills.map(Self.place))
    #expect(missing.isEmpty, "nothing was killed at \(missing.sorted())")
    print("kill matrix:", run.kills.count, "kills in one run, in \(begin.duration(to: .now))")
  }

  /// A request without what differs from namespace to namespace and from run to run.
  private static func place(_ request: String) -> String {
    request.replacing(/\/v-\d+/, with: "/NAMESPACE").replacing(/-[0-9a-f]{12}$/, with: "-CONTENT")
  }

  @Test("killed before or after one request and resumed, the scenario ends the same") func once() async throws {
    let begin = ContinuousClock.now
    // The runs of a sample need not wait for the undisturbed one, as long as it has about this many requests.
    let expected = 79
    let cases = isWhole ? Self.cases(of: try await Self.undisturbed.value.requests.count) : Self.cases(of: expected)
    let ends = try await withThrowingTaskGroup(of: (Kill, RealPlan.Proxied, [String: Value]).self) { group in
      var ends: [(Kill, RealPlan.Proxied, [String: Value])] = []
      for (index, kill) in cases.enumerated() {
        if index >= Self.atOnce, let end = try await group.next() { ends.append(end) }
        group.addTask { try await killed(kill, isPatient: index == 0) }
      }
      for try await end in group { ends.append(end) }
      return ends
    }
    let (requests, wanted) = try await Self.undisturbed.value
    // The slower the machine, the more often the lock is renewed.
    let lasting = requests.count { !$0.contains("/leases") }
    #expect(abs(lasting - 72) < 20)
    for (kill, run, content) in ends { expectSame(content, wanted, "\(kill), \(run.kills.last ?? "")") }
    print(
      "kill matrix: \(requests.count) requests, \(lasting) without those for the lock, \(ends.count) kills in \(begin.duration(to: .now)), seed",
      SeededGenerator.seed)
  }

  private func expectSame(_ content: [String: Value], _ wanted: [String: Value], _ name: String) {
    for object in Set(content.keys).union(wanted.keys).sorted() where content[object] != wanted[object] {
      Issue.record("\(name): \(object) is \(content[object] as Any), not \(wanted[object] as Any)")
    }
  }

  /// Every one, or one in each part of the run, before and after by turns.
  private static func cases(of count: Int) -> [Kill] {
    if isWhole { return (1...count).flatMap { [Kill.at($0, isAfter: false), .at($0, isAfter: true)] } }
    var generator = SeededGenerator(seed: SeededGenerator.seed)
    let parts = 2
    return (0..<parts).map { part in
      let (first, next) = (count * part / parts, count * (part + 1) / parts)
      return .at(first + 1 + generator.below(next - first), isAfter: part % 2 == 1)
    }
  }

  private static func straight() async throws -> (requests: [String], content: [String: Value]) {
    let (run, content) = try await observed("undisturbed") { try await $0.proxied(apply) }
    try #require(run.code == 0, "\(run.output)")
    return (run.requests, content)
  }

  /// - Parameter isPatient: the one who resumes waits until the dead run's lock has expired.
  private func killed(
    _ kill: Kill, isPatient: Bool
  ) async throws -> (Kill, RealPlan.Proxied, [String: Value]) {
    let (run, content) = try await Self.observed("\(kill)") { voting in
      let run = try await voting.proxied(Self.apply, kill: kill)
      // Writes of one phase go in any order, so that a run may have one more or less; then nobody was killed.
      #expect(run.code == -9 || run.code == 0, "\(kill): \(run.output)")
      if run.code == -9, !isPatient { try await voting.unlock() }
      let more = Self.apply.dropFirst() + ["--wait-lock", "90s"]
      var resumed = try await voting.rolloutc(["resume"] + more)
      // Killed before it had begun: there is nothing to resume.
      if resumed.code == 7 { resumed = try await voting.rolloutc(["apply"] + more) }
      #expect(resumed.code == 0, "\(kill), \(run.kills.last ?? ""): \(resumed.output)\(resumed.errors)")
      return run
    }
    return (kill, run, content)
  }

  /// Runs the scenario in a namespace of its own, and looks at every moment of what the server held.
  private static func observed(
    _ name: String, _ body: @Sendable (RealPlan) async throws -> RealPlan.Proxied
  ) async throws -> (RealPlan.Proxied, [String: Value]) {
    let voting = try await RealPlan.quietVoting()
    let history = try await ServerHistory(voting.namespace, in: voting.cluster)
    defer { history.stop() }
    let run = try await voting.withOthers { try await body(voting) }
    let content = try await voting.content()
    let events = try await history.caughtUp()
    #expect(events.count > 50)
    #expect(ServedMesh.violations(of: voting.plan, in: events) == [], "\(name), \(run.kills.last ?? "")")
    await voting.remove()
    return (run, content)
  }
}
