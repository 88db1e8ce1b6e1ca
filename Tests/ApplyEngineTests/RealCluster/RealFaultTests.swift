import ClusterAPI
import Foundation
import KubernetesModel
import Synchronization
import TestSupport
import Testing

@testable import ApplyEngine

/// What can go wrong between the tool and its server, with a real server behind it: each fault of the list strikes a request
/// of a run, and in the end all is as if it had not.
///
/// Which request is the one that is struck depends on how often a run had to ask again, so that two runs try different
/// places, and each may find something new: not a part of the normal run, whose matrix is that of `FaultMatrixTests`.
/// ROLLOUTC_REAL_FAULTS=1 takes one request for each fault, spread over the run, and ROLLOUTC_WHOLE_MATRIX=1 every request
/// that can meet it.
@Suite(
  .controlPlane, .enabled(if: FaultyShop.isWhole || isWanted),
  .timeLimit(.minutes(FaultyShop.isWhole ? 120 : 10)))
struct RealFaultTests {
  private static let atOnce = 8

  @Test("a fault strikes one request of a run on a real server") func faults() async throws {
    let begin = ContinuousClock.now
    let (marks, wanted) = try await undisturbed()
    var cases: [(fault: Fault, place: Int)] = []
    for fault in Fault.ofRequests + Fault.ofWatches {
      // A run may have a few requests less than another, and then nothing would be struck.
      let able = marks.indices.filter { fault.strikes(marks[$0]) }.dropLast(2)
      if FaultyShop.isWhole {
        cases += able.map { (fault, $0) }
      } else {
        var generator = SeededGenerator(seed: SeededGenerator.seed &+ UInt64(cases.count))
        cases.append((fault, try #require(able.randomElement(using: &generator), "\(fault.name) strikes nothing")))
      }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, (fault, place)) in cases.enumerated() {
        if index >= Self.atOnce { try await group.next() }
        group.addTask {
          try await endure(fault, from: place, wanted, "\(fault.name) at \(place), \(marks[place])")
        }
      }
      try await group.waitForAll()
    }
    print("fault matrix: \(marks.count) requests, \(cases.count) faults in \(begin.duration(to: .now))")
  }

  private func undisturbed() async throws -> (marks: [RequestMark], content: [String: Value]) {
    let world = try await RealWorld { RealClusterTests.shop($0) }
    let script = FaultScript()
    let outcome = try await run(world, .apply(steps: 2), "straight", script)
    try #require(outcome.result.outcome == .done, "\(outcome.log.text)")
    let content = try await world.content()
    try await world.remove()
    return (script.marks, content)
  }

  /// A run that meets a fault, and as many more as it takes.
  private func endure(_ fault: Fault, from place: Int, _ wanted: [String: Value], _ name: String) async throws {
    let world = try await RealWorld { RealClusterTests.shop($0) }
    let script = FaultScript(fault, .requests(from: place, count: 1))
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

private let isWanted = ProcessInfo.processInfo.environment["ROLLOUTC_REAL_FAULTS"] != nil
