import ApplyEngine
import Diagnostics
import Foundation
import Lowering
import Rehearsal
import RolloutPlan
import SafetyChecks
import Synchronization
import TestSupport
import Testing

/// The proof and the rehearsal are two models of one mesh, made apart from each other: what the one proves must not fail in
/// the other. Of random plans, as they are lowered and in orders in which nobody should write them.
struct RandomRehearsalTests {
  /// Plans, by their seeds. `ROLLOUTC_REHEARSALS` takes more of them.
  static let seeds: Range<UInt64> = {
    let start = SeededGenerator.seed
    let count = ProcessInfo.processInfo.environment["ROLLOUTC_REHEARSALS"].flatMap(UInt64.init) ?? 60
    return start..<(start &+ count)
  }()

  struct Count {
    var plans = 0
    var requests = 0
    var failing = 0
  }

  /// What the random plans came to, so that a generator gone stale is seen.
  final class Tally: Sendable {
    private let counted = Mutex<[String: Count]>([:])
    /// What was found wrong: on the threads of the work there is no test to record it for.
    private let found = Mutex<[String]>([])

    var counts: [String: Count] { counted.withLock { $0 } }
    var issues: [String] { found.withLock { $0 } }

    func add(_ kind: String, _ requests: Int, isFailing: Bool) {
      counted.withLock {
        $0[kind, default: Count()].plans += 1
        $0[kind, default: Count()].requests += requests
        if isFailing { $0[kind, default: Count()].failing += 1 }
      }
    }

    func record(_ issue: String) { found.withLock { $0.append(issue) } }
  }

  @Test("what is proved does not fail in a rehearsal, whatever the order of the writes")
  func proved() async throws {
    let tally = Tally()
    try await onThreads(2) { part in
      for seed in Self.seeds where Int(seed % 2) == part { compare(seed, tally) }
    }
    let counts = tally.counts
    for (kind, count) in counts.sorted(by: { $0.key < $1.key }) {
      print(
        "rehearsals, \(kind): \(count.plans) plans, \(count.requests) requests, \(count.failing) with a failing one")
    }
    for issue in tally.issues { Issue.record("\(issue)") }
    #expect(counts["proved"]?.requests ?? 0 > 1000 && counts["refused"]?.failing ?? 0 > 0)
  }

  @Test("nor does it of plans in which every statement stands")
  func grown() async throws {
    let tally = Tally()
    try await onThreads(2) { part in
      for seed in Self.seeds.prefix(Self.seeds.count / 2) where Int(seed % 2) == part {
        let grown = GrownPlan(seed: seed)
        guard let plan = grown.plan else { continue }
        compare(plan, grown.words, seed, grown.random, tally)
      }
    }
    let counts = tally.counts
    for (kind, count) in counts.sorted(by: { $0.key < $1.key }) {
      print("grown, \(kind): \(count.plans) plans, \(count.requests) requests, \(count.failing) with a failing one")
    }
    for issue in tally.issues { Issue.record("\(issue)") }
    #expect(counts["proved"]?.requests ?? 0 > 500)
  }
}

/// One plan, as it is lowered and disturbed; it also fails and goes back, and is killed and taken up again.
private func compare(_ seed: UInt64, _ tally: RandomRehearsalTests.Tally) {
  var words: String
  var random: SeededGenerator
  if seed % 4 < 2 {
    var source = RandomText(seed: seed &* 2)
    words = source.plan()
    random = source.random
    if random.chance(0.5) {
      words.replace("language 1\n", with: "language 1\non failure rollback\n", maxReplacements: 1)
    }
  } else {
    var source = RandomScenario(seed: seed &* 2)
    words = source.plan()
    random = source.random
  }
  let resolution = resolve(path: "p.rollout", bytes: Array(words.utf8))
  guard let plan = resolution.checked else {
    tally.add(
      "not checked: \(resolution.diagnostics.first { $0.severity == .error }?.code.slug ?? "")", 0, isFailing: false)
    return
  }
  compare(plan, words, seed, random, tally)
}

private func compare(
  _ plan: Plan, _ words: String, _ seed: UInt64, _ random: SeededGenerator, _ tally: RandomRehearsalTests.Tally
) {
  var random = random
  let compiled = compile(plan)
  guard compiled.problems.isEmpty, !plan.exposures.isEmpty else { return }
  // A way back is worked out from the phases as they should be.
  let canBeDisturbed: Bool = if case .hold = plan.onFailure { true } else { false }
  for isDisturbed in canBeDisturbed ? [false, true] : [false] {
    var written = compiled
    if isDisturbed {
      for s in written.steps.indices {
        for m in written.steps[s].segments.indices {
          written.steps[s].segments[m].phases = disturbed(written.steps[s].segments[m].phases, &random)
        }
      }
    }
    let isProved = !check(written, plan: plan).diagnostics.hasErrors
    var options = RehearsalOptions()
    options.seed = seed
    options.interval = .milliseconds(300)
    var faults = RehearsalFaults()
    faults.answer = true
    let fails = !canBeDisturbed && random.chance(0.6)
    if fails {
      let c = random.below(plan.components.count)
      faults.neverReady = [VersionID(ComponentID(c), plan.components[c].versions.count - 1)]
    }
    let rehearsal = Rehearsal(Itinerary(plan, written), script: nil, options: options)
    let goal = RunGoal.apply(steps: written.steps.count)
    let budget = !isDisturbed && random.chance(0.4) ? RequestBudget(writes: 5 + random.below(60)) : nil
    var results: [RehearsalResult] = []
    if let result = rehearsal.run(goal, in: rehearsal.freshCluster(), budget: budget, faults: faults) {
      results.append(result)
      if budget != nil, let next = rehearsal.run(.resume, in: result.sandbox, after: result, id: "next", faults: faults)
      {
        results.append(next)
      }
    }
    for result in results {
      let traffic = result.traffic
      tally.add(isProved ? "proved" : "refused", traffic.requests, isFailing: traffic.failed > 0)
      let place =
        "seed \(seed), \(isDisturbed ? "disturbed" : "as lowered"), \(fails ? "failing" : ""), \(budget == nil ? "" : "killed")"
      if isProved, let first = traffic.failures.first(where: { !isOfAnEndingPod($0, plan) }) {
        tally.record("\(place): \(traffic.failed) of \(traffic.requests) requests fail: \(first)\n\(words)")
      }
      for key in traffic.served.keys where isProved && !isOfOneRelease(key.servedBy, plan) {
        tally.record("\(place): \(key)\n\(words)")
      }
    }
    if !isDisturbed, !fails, budget == nil, isProved, let result = results.first?.result, result.outcome != .done,
      result.outcome != .unchanged, !isOfAnAnswer(result.failure?.diagnostic.code)
    {
      tally.record("seed \(seed): \(result)\n\(words)")
    }
  }
}

/// What a verify or a question comes to depends on what nobody knows: a program, a metric, a person.
private func isOfAnAnswer(_ code: Code?) -> Bool {
  code.map { [.metricUnreadable, .metricBreached, .verifyFailed, .notApproved].contains($0) } ?? false
}

/// Whether some release holds every version that a request came by: `c0 1, c1 2`. Who stands in none is in all.
private func isOfOneRelease(_ chain: String, _ plan: Plan) -> Bool {
  var releases: Set<ReleaseID>?
  for hop in chain.split(separator: ", ").map({ $0.split(separator: " ") }) where hop.count == 2 {
    guard let component = plan.components.first(where: { $0.service == hop[0] }),
      let version = component.versions.first(where: { $0.name == hop[1] }), !version.releases.isEmpty
    else { continue }
    releases = releases?.intersection(version.releases) ?? Set(version.releases)
  }
  return releases?.isEmpty != true
}

/// A connection to a pod that was told to end before the proxies heard of it, where a step lowers the number of pods: no
/// part of the proof (docs/proof.md).
private func isOfAnEndingPod(_ failure: RehearsalTraffic.Failure, _ plan: Plan) -> Bool {
  guard failure.flag == "UF", plan.steps.indices.contains(failure.step) else { return false }
  return plan.steps[failure.step].segments.contains { segment in
    segment.before.components.indices.contains { c in
      guard segment.after.components.indices.contains(c) else { return false }
      return segment.before.components[c].deployed.contains { old in
        segment.after.components[c].deployed.contains { $0.version == old.version && $0.replicas < old.replicas }
      }
    }
  }
}
