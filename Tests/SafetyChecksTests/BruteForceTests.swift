import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import MeshModel
import RolloutPlan
import SafetyChecks
import Synchronization
import TestSupport
import Testing

/// The fast way and the definition say the same, of plans as they are lowered and of orders that are wrong.
struct BruteForceTests {
  static let seeds: Range<UInt64> = {
    let start = SeededGenerator.seed
    let count = ProcessInfo.processInfo.environment["ROLLOUTC_CASES"].flatMap(UInt64.init) ?? 800
    return start..<(start &+ count)
  }()

  /// Seeds of other runs that found something, which is mended: a caller that is there before and after lost the lane of
  /// its release before the entry had left that release (90116); a new object of one component was not looked at for the
  /// visitors of another one, who came to it while their own route was not there (20252581, 20266704).
  /// An exposed component that a ring calls, which runs by itself, stops with the ring (91202435).
  static let found: [UInt64] = [90116, 20_252_581, 20_266_704, 91_202_435]

  /// What the random plans came to, so that a generator gone stale is seen.
  struct Count {
    var plans = 0
    var phases = 0
    var combinations = 0
    var violations: [Invariant: Int] = [:]
    /// What was found wrong: on the threads of the work there is no test to record it for.
    var issues: [String] = []
  }

  final class Tally: Sendable {
    private let counted = Mutex(Count())

    var count: Count { counted.withLock { $0 } }

    func add(phases: Int, combinations: Int, _ violations: [Invariant]) {
      counted.withLock {
        $0.plans += 1
        $0.phases += phases
        $0.combinations += combinations
        for violation in violations { $0.violations[violation, default: 0] += 1 }
      }
    }

    func record(_ issue: String) { counted.withLock { $0.issues.append(issue) } }
  }

  @Test func theFastWayFindsTheSame() async throws {
    let tally = Tally()
    try await onThreads(2) { part in
      for seed in Self.found + Self.seeds where Int(seed % 2) == part { compare(seed, tally) }
    }
    let count = tally.count
    print("seeds \(Self.seeds): \(count.plans) plans, \(count.phases) phases, \(count.combinations) combinations")
    print("violations:", count.violations.sorted { $0.key < $1.key }.map { "S\($0.key.rawValue) \($0.value)" })
    for issue in count.issues { Issue.record("\(issue)") }
    #expect(count.phases > 1000)
    for invariant in Invariant.allCases where Self.seeds.count == 800 {
      #expect(count.violations[invariant] ?? 0 > 0, "no case for \(invariant)")
    }
  }

  /// And of plans in which every statement stands.
  @Test func theFastWayFindsTheSameOfGrownPlans() async throws {
    let tally = Tally()
    let seeds = Self.seeds.prefix(Self.seeds.count / 4)
    try await onThreads(2) { part in
      for seed in seeds where Int(seed % 2) == part {
        let grown = GrownPlan(seed: seed)
        guard let plan = grown.plan else { continue }
        compare(plan, grown.words, "grown plan \(seed)", grown.random, tally)
      }
    }
    let count = tally.count
    print("grown, \(seeds): \(count.plans) plans, \(count.phases) phases, \(count.combinations) combinations")
    print("violations:", count.violations.sorted { $0.key < $1.key }.map { "S\($0.key.rawValue) \($0.value)" })
    for issue in count.issues { Issue.record("\(issue)") }
    #expect(count.phases > 300)
  }
}

private func compare(_ seed: UInt64, _ tally: BruteForceTests.Tally) {
  var source = RandomText(seed: seed &* 2)
  let words = source.plan()
  guard let plan = resolve(path: "p.rollout", bytes: Array(words.utf8)).checked else { return }
  compare(plan, words, "seed \(seed)", source.random, tally)
}

/// Compares the two in one plan: as it is lowered, and disturbed.
private func compare(
  _ plan: Plan, _ words: String, _ name: String, _ random: SeededGenerator, _ tally: BruteForceTests.Tally
) {
  let compiled = compile(plan)
  guard compiled.problems.isEmpty else { return }
  let model = FlowModel(plan)
  var random = random
  for isDisturbed in [false, true] {
    var fast = Walk(VersionedMesh(model))
    var slow = BruteForce(model, limit: 1500)
    var phases = 0
    var combinations = 0
    var found: [Invariant] = []
    run: for step in compiled.steps {
      for (s, segment) in step.segments.enumerated() {
        // In an order that is wrong, ports count that nobody can mean, too: what is wrong with them is seen as well.
        let dialed = isDisturbed ? [:] : plan.dialed(inStep: step.index, segment: s)
        let order = isDisturbed ? disturbed(segment.phases, &random) : segment.phases
        let (from, to) = (Intent(plan, segment.before.state), Intent(plan, segment.after.state))
        fast.begin(dialing: dialed)
        slow.begin(dialing: dialed)
        for (p, phase) in order.enumerated() {
          let isLast = p == order.count - 1
          guard
            let expected = slow.take(
              phase, from: [segment.before.state], to: segment.after.state, isLast: isLast)
          else { break run }
          let verdict = fast.take(phase, from: from, to: to, isLast: isLast)
          phases += 1
          combinations += slow.combinations
          let place = "\(name), \(isDisturbed ? "disturbed" : "as lowered"), \(segment.stamp), \(phase.kind)"
          for f in model.flows.indices where Fate(fast.outcomes[of: f]) != expected.fates[f] {
            tally.record("\(place): \(model.flows[f])\n\(fast.outcomes[of: f])\n\(expected.fates[f])\n\(words)")
          }
          let (a, b) = (facts(verdict), expected.verdict.findings)
          if a != b {
            tally.record("\(place): missed \(b.subtracting(a)), false \(a.subtracting(b))\n\(words)")
            break run
          }
          found += a.map(\.invariant)
          if !isDisturbed, !a.filter({ !isOfThePlan($0, plan, model) }).isEmpty {
            tally.record("\(place): the transition itself breaks \(a)\n\(words)")
            break run
          }
          if random.chance(0.3) {
            var (back, slowBack) = (fast, slow)
            let isSame = goBack(
              compiled, step, segment, p, &back, &slowBack, place, words, isDisturbed, &found, &combinations, tally)
            if !isSame { break run }
          }
          fast.pass(phase.gates)
          slow.pass(phase.gates)
        }
      }
    }
    tally.add(phases: phases, combinations: combinations, found)
  }
}

/// The run breaks off in phase `p` and goes back.
private func goBack(
  _ compiled: Compiled, _ step: CompiledStep, _ segment: CompiledSegment, _ p: Int,
  _ fast: inout Walk, _ slow: inout BruteForce, _ place: String, _ words: String, _ isDisturbed: Bool,
  _ found: inout [Invariant], _ combinations: inout Int, _ tally: BruteForceTests.Tally
) -> Bool {
  let plan = compiled.renderer.plan
  guard let start = step.segments.first?.before, segment.phases.indices.contains(p) else { return true }
  let back = compiled.renderer.rollback(from: segment, brokenOffIn: p, to: start.state, stamp: "back")
  let from = [segment.before.state, segment.after.state]
  fast.breakOff()
  slow.breakOff()
  fast.begin()
  slow.begin()
  for (q, phase) in back.phases.enumerated() {
    let isLast = q == back.phases.count - 1
    guard let expected = slow.take(phase, from: from, to: start.state, isLast: isLast, keepsVolumes: true) else {
      return true
    }
    let verdict = fast.take(
      phase, from: Intent(plan, from[0], from[1]), to: Intent(plan, start.state), isLast: isLast, keepsVolumes: true)
    combinations += slow.combinations
    let here = "\(place), back, \(phase.kind)"
    for f in fast.model.flows.indices where Fate(fast.outcomes[of: f]) != expected.fates[f] {
      tally.record("\(here): \(fast.model.flows[f])\n\(fast.outcomes[of: f])\n\(expected.fates[f])\n\(words)")
    }
    let (a, b) = (facts(verdict), expected.verdict.findings)
    if a != b {
      tally.record("\(here): missed \(b.subtracting(a)), false \(a.subtracting(b))\n\(words)")
      return false
    }
    found += a.map(\.invariant)
    let unsafe = a.filter { !isOfThePlan($0, plan, fast.model) }
    if !isDisturbed, !unsafe.isEmpty {
      tally.record(
        "\(here): the way back itself breaks \(unsafe)\n\(words)\n\(back.phases.map { ($0.kind, $0.writes.map(\.id), $0.gates) })"
      )
      return false
    }
    fast.pass(phase.gates)
    slow.pass(phase.gates)
  }
  return true
}

/// What no order of writes could avoid: a shared component that calls what only some release has; and without pinned
/// routes, a caller that gets requests as soon as it is ready, be its callee ready or not.
private func isOfThePlan(_ violation: SlowJudge.Finding, _ plan: Plan, _ model: FlowModel) -> Bool {
  // Where a patch takes proxies away, clients ask the Service: every pod that is ready, in plaintext.
  let isPatchedOut = model.flows.contains { flow in
    guard case .caller = flow.source, case .plain = flow.client else { return false }
    return true
  }
  if isPatchedOut, violation.invariant != .routeMatches { return true }
  if let f = violation.flow, case .caller(let n) = model.flows[f].source,
    [.releaseIsolated, .versionRouted].contains(violation.invariant)
  {
    if isEarly(model.versions[n], for: model.flows[f].callee, plan) { return true }
  }
  switch violation.invariant {
  case .releaseIsolated:
    return violation.flow.map { f in
      guard case .caller(let caller) = model.flows[f].source else { return false }
      return plan[model.versions[caller]].releases.isEmpty
    } ?? false
  case .podsReady: return plan.routing == .open && violation.flow.map { !model.flows[$0].isEntry } == true
  // A server that speaks first bears no plaintext client while it takes both, and there is no other way from off to
  // strict (istio/istio#35232).
  case .tlsAgrees: return violation.fault?.reason == .serverFirst
  default: return false
  }
}

/// A member of a release that a step brings in before those of the release that it calls: it asks the others until then.
private func isEarly(_ caller: VersionID, for callee: Int, _ plan: Plan) -> Bool {
  let own = Set(plan[caller].releases)
  if own.isEmpty { return false }
  return plan.steps.flatMap(\.segments).contains { segment in
    let components = segment.after.components
    guard components.indices.contains(callee), components[caller.component.index].deployment(of: caller.index) != nil
    else { return false }
    return !components[callee].deployed.contains {
      let releases = plan.components[callee].versions[$0.version].releases
      return releases.isEmpty || !own.isDisjoint(with: releases)
    }
  }
}

private func facts(_ verdict: Judge.Verdict) -> Set<SlowJudge.Finding> {
  Set(
    verdict.violations.map { violation in
      let fault = violation.fault.map {
        $0.invariant == .routeMatches ? SafetyChecks.Fault(invariant: .routeMatches) : $0
      }
      return SlowJudge.Finding(
        invariant: violation.invariant, flow: violation.flow, version: violation.version, object: violation.object,
        fault: fault, isLasting: violation.isLasting)
    })
}
