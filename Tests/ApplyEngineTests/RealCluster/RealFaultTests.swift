import ClusterAPI
import Foundation
import KubernetesModel
import Synchronization
import TestSupport
import Testing

@testable import ApplyEngine

/// What can go wrong between the tool and its server, with a real server behind it: each fault of the list strikes a request
/// of a run, in the end all is as if it had not, and at no moment does what the server holds break S1, S2 or S9.
///
/// A request is named by what it asks and how often that was asked before, so that runs which ask something once more than
/// others, as runs in real time do, are struck at the same place. One request for each fault, spread over the run;
/// ROLLOUTC_WHOLE_MATRIX=1 takes every request that can meet it.
@Suite(.controlPlane, .timeLimit(.minutes(FaultyShop.isWhole ? 180 : 60)))
struct RealFaultTests {
  private static let atOnce = 8

  @Test("a fault strikes one request of a run on a real server") func faults() async throws {
    let begin = ContinuousClock.now
    let (straight, wanted) = try await undisturbed()
    let counts = straight.counts
    var cases: [(fault: Fault, place: RequestOccurrence)] = []
    for fault in Fault.ofRequests + Fault.ofWatches {
      // The last times that something is asked again and again are not reached by every run.
      let able = zip(straight.marks, straight.occurrences).filter { mark, place in
        fault.strikes(mark) && place.number < (counts[place.identity, default: 0] + 1) / 2
      }.map(\.1)
      if FaultyShop.isWhole {
        cases += able.map { (fault, $0) }
      } else {
        // The one whose draw is lowest: requests that come or go in another run draw for themselves alone.
        let place = able.min { Self.draw(fault, $0) < Self.draw(fault, $1) }
        cases.append((fault, try #require(place, "\(fault.name) strikes nothing")))
      }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, (fault, place)) in cases.enumerated() {
        if index >= Self.atOnce { try await group.next() }
        group.addTask {
          try await endure(fault, at: place, wanted, "\(fault.name) at \(place)")
        }
      }
      try await group.waitForAll()
    }
    print("fault matrix: \(straight.marks.count) requests, \(cases.count) faults in \(begin.duration(to: .now))")
  }

  private static func draw(_ fault: Fault, _ place: RequestOccurrence) -> UInt64 {
    let text = "\(fault.name) \(place.identity) \(place.number)"
    var generator = SeededGenerator(
      seed: text.utf8.reduce(SeededGenerator.seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
    return generator.next()
  }

  private func undisturbed() async throws -> (script: FaultScript, content: [String: Value]) {
    let world = try await RealWorld { RealClusterTests.shop($0) }
    let script = FaultScript()
    let outcome = try await run(world, .apply(steps: 2), "straight", script)
    try #require(outcome.result.outcome == .done, "\(outcome.log.text)")
    let content = try await world.content()
    try await world.remove()
    return (script, content)
  }

  /// A run that meets a fault, and as many more as it takes.
  private func endure(_ fault: Fault, at place: RequestOccurrence, _ wanted: [String: Value], _ name: String)
    async throws
  {
    let world = try await RealWorld { RealClusterTests.shop($0) }
    let history = try await ServerHistory(world.namespace, in: world.admin)
    defer { history.stop() }
    let script = FaultScript(fault, .occurrence(place))
    let disturbed = try await run(world, .apply(steps: 2), "disturbed", script)
    #expect(script.hits > 0, "\(name): it never struck")
    var last = disturbed.result
    if fault.isOvercome { #expect(last.outcome == .done, "\(name): \(disturbed.log.text)") }
    if last.outcome != .done {
      #expect(
        last.failure != nil || [.locked, .interrupted].contains(last.outcome), "\(name): \(last) says nothing of why")
    }
    for attempt in 0..<4 where ![.done, .unchanged].contains(last.outcome) {
      last = try await run(world, FaultyShop.goal(after: last.outcome), "next-\(attempt)", FaultScript()).result
    }
    #expect([.done, .unchanged].contains(last.outcome), "\(name): it cannot be brought to an end: \(last)")
    let content = try await world.content()
    #expect(content == wanted, "\(name): \(disturbed.log.text)")
    let violations = ServedMesh.violations(of: world.itinerary.plan, in: try await history.caughtUp())
    #expect(violations == [], "\(name): \(disturbed.log.text)")
    try await world.remove()
  }

  private func run(
    _ world: RealWorld, _ goal: RunGoal, _ id: String, _ script: FaultScript
  ) async throws -> RealWorld.Outcome {
    try await world.run(
      goal, id: id, through: { FaultyTransport(base: $0, script: script, clock: Self.hastyClock) },
      options: {
        $0.waitForLock = .seconds(60)
        $0.leaseSeconds = 10
      })
  }

  /// What a fault takes its time for is over soon: a minute and a half of silence in 3 s.
  private static let hastyClock: RunClock = {
    let (start, haste) = (ContinuousClock.now, 30)
    return RunClock(
      read: { start.duration(to: .now) * haste },
      wait: { try await ContinuousClock().sleep(until: start.advanced(by: $0 / haste), tolerance: .zero) })
  }()
}
