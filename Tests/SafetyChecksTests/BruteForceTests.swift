import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import RolloutPlan
import SafetyChecks
import TestSupport
import Testing

/// The fast way and the definition say the same, of plans as they are lowered and of orders that are wrong.
struct BruteForceTests {
  static let seeds: Range<UInt64> = {
    let start = SeededGenerator.seed
    let count = ProcessInfo.processInfo.environment["ROLLOUTC_CASES"].flatMap(UInt64.init) ?? 800
    return start..<(start &+ count)
  }()

  /// What the random plans came to, so that a generator gone stale is seen.
  actor Tally {
    var plans = 0
    var phases = 0
    var combinations = 0
    var violations: [Invariant: Int] = [:]

    func add(phases: Int, combinations: Int, _ violations: [Invariant]) {
      plans += 1
      self.phases += phases
      self.combinations += combinations
      for violation in violations { self.violations[violation, default: 0] += 1 }
    }
  }

  @Test func theFastWayFindsTheSame() async throws {
    let tally = Tally()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for part in 0..<2 {
        group.addTask {
          for seed in Self.seeds where Int(seed % 2) == part { await compare(seed, tally) }
        }
      }
      try await group.waitForAll()
    }
    let (plans, phases) = (await tally.plans, await tally.phases)
    print("seeds \(Self.seeds): \(plans) plans, \(phases) phases, \(await tally.combinations) combinations")
    print("violations:", await tally.violations.sorted { $0.key < $1.key }.map { "S\($0.key.rawValue) \($0.value)" })
    #expect(phases > 1000)
    for invariant in Invariant.allCases where Self.seeds.count >= 400 {
      let count = await tally.violations[invariant] ?? 0
      #expect(count > 0, "no case for \(invariant)")
    }
  }
}

/// Compares the two in one plan: as it is lowered for even seeds, disturbed for odd ones.
private func compare(_ seed: UInt64, _ tally: BruteForceTests.Tally) async {
  var source = RandomText(seed: seed &* 2)
  let words = source.plan()
  let resolution = resolve(path: "p.rollout", bytes: Array(words.utf8))
  guard let plan = resolution.checked else { return }
  let compiled = compile(plan)
  guard compiled.problems.isEmpty else { return }
  let model = FlowModel(plan)
  var random = source.random
  for isDisturbed in [false, true] {
    var fast = Walk(model)
    fast.isRecording = true
    var slow = BruteForce(model, limit: 1500)
    var phases = 0
    var combinations = 0
    var found: [Invariant] = []
    run: for step in compiled.steps {
      for segment in step.segments {
        let order = isDisturbed ? disturbed(segment.phases, &random) : segment.phases
        let (from, to) = (Intent(plan, segment.before.state), Intent(plan, segment.after.state))
        fast.begin()
        slow.begin()
        for (p, phase) in order.enumerated() {
          let isLast = p == order.count - 1
          guard let expected = slow.take(phase, from: from, to: to, isLast: isLast) else { break run }
          let verdict = fast.take(phase, from: from, to: to, isLast: isLast)
          phases += 1
          combinations += slow.combinations
          let place = "seed \(seed), \(isDisturbed ? "disturbed" : "as lowered"), \(segment.stamp), \(phase.kind)"
          for f in model.flows.indices {
            let isSame =
              fast.outcomes[f].targets == expected.outcomes[f].targets
              && kinds(fast.outcomes[f]) == kinds(expected.outcomes[f])
            if !isSame {
              Issue.record("\(place): \(model.flows[f])\n\(fast.outcomes[f])\n\(expected.outcomes[f])\n\(words)")
            }
          }
          let (a, b) = (facts(verdict), facts(expected.verdict))
          if a != b {
            Issue.record("\(place): missed \(b.subtracting(a)), false \(a.subtracting(b))\n\(words)")
            break run
          }
          found += a.map(\.invariant)
          if !isDisturbed, !a.isEmpty {
            Issue.record("\(place): the transition itself breaks \(a)\n\(words)")
            break run
          }
          fast.pass(phase.gates)
          slow.pass(phase.gates)
        }
      }
    }
    await tally.add(phases: phases, combinations: combinations, found)
  }
}

/// Whether a gateway refuses or answers 404 depends on other gateways of its port: one fault to us.
private func kind(_ fault: SafetyChecks.Fault) -> SafetyChecks.Fault {
  fault.invariant == .routeMatches ? SafetyChecks.Fault(invariant: .routeMatches) : fault
}

private func kinds(_ outcome: FlowOutcome) -> Set<SafetyChecks.Fault> { Set(outcome.faults.map(kind)) }

private func facts(_ verdict: Judge.Verdict) -> Set<Violation> {
  Set(
    verdict.violations.map { violation in
      var violation = violation
      violation.path = []
      violation.fault = violation.fault.map(kind)
      return violation
    })
}

/// Phases in an order in which nobody should write them.
private func disturbed(_ phases: [Phase], _ random: inout SeededGenerator) -> [Phase] {
  var phases = phases
  for _ in 0..<(1 + random.below(3)) where !phases.isEmpty {
    let i = random.below(phases.count)
    switch random.below(6) {
    case 0: phases.shuffle(using: &random)
    case 1 where i + 1 < phases.count:
      phases[i].writes += phases[i + 1].writes.filter { write in !phases[i].writes.contains { $0.id == write.id } }
      phases[i].gates += phases[i + 1].gates
      phases.remove(at: i + 1)
    case 2 where !phases[i].gates.isEmpty: phases[i].gates.remove(at: random.below(phases[i].gates.count))
    case 3: phases[i].writes.remove(at: random.below(phases[i].writes.count))
    case 4: phases.swapAt(i, random.below(phases.count))
    default: phases.remove(at: i)
    }
    phases.removeAll { $0.writes.isEmpty }
  }
  return phases
}
