import KubernetesModel
import Lowering
import RequestTracing
import RolloutPlan
import SafetyChecks
import TestSupport
import Testing

private let seeds: [UInt64] = (0..<300).map { SeededGenerator.seed &+ $0 }

/// What holds of every trace of every plan. States are taken from tables and traces from objects, so that neither can
/// repeat the other's mistake.
struct TraceLaws {
  /// The laws are about plans that check; of random ones a quarter does.
  @Test func manySeedsGiveAPlan() {
    #expect(seeds.count { !PlanMoment.all(seed: $0).isEmpty } > seeds.count / 6)
  }

  @Test(arguments: seeds) func theWaysOfACallAddUpToOne(seed: UInt64) {
    for moment in PlanMoment.all(seed: seed) + [.any(seed: seed)] {
      for start in moment.starts {
        for headers in [[], [("cookie", "flag=on")], [("x-who", "ann")]] {
          let trace = Trace(TracedRequest(start: start, headers: headers), in: moment.mesh)
          var sums: [[Int]: Double] = [:]
          for hop in trace.hops { sums[call(hop), default: 0] += hop.probability }
          for (call, sum) in sums { #expect(abs(sum - 1) < 1e-9, "\(moment.name), \(start), \(call): \(sum)") }
        }
      }
    }
  }

  /// A trace and the state's tables name the same versions, on every hop of a request that comes in by the gateway.
  @Test(arguments: seeds) func aTraceGoesWhereTheStateSays(seed: UInt64) {
    for moment in PlanMoment.all(seed: seed) {
      let model = moment.model
      let trace = Trace(TracedRequest(), in: moment.mesh)
      for hops in Dictionary(grouping: trace.hops, by: call).values {
        let hop = hops[0]
        guard
          let flow = model.flows.first(where: {
            $0.source == hop.source && $0.callee == hop.callee && $0.port == hop.port && $0.cohort == .others
          })
        else {
          Issue.record("\(moment.name): a hop that is no flow")
          continue
        }
        let found = Set(hops.compactMap { hop in if case .version(let version) = hop.end { version } else { nil } })
        #expect(found == moment.wanted(flow), "\(moment.name): \(flow.source) to \(flow.callee):\(flow.port)")
      }
    }
  }

  /// Every version that a trace reaches is followed once; where it is met again, the hop says where.
  @Test(arguments: seeds) func everyVersionIsFollowedOnce(seed: UInt64) {
    for moment in PlanMoment.all(seed: seed) + [.any(seed: seed)] {
      for start in moment.starts {
        let trace = Trace(TracedRequest(start: start), in: moment.mesh)
        for (i, hop) in trace.hops.enumerated() {
          if let parent = hop.parent, case .caller(let caller) = hop.source {
            #expect(parent < i)
            #expect(trace.hops[parent].end == .version(caller))
            #expect(trace.hops[parent].shownAt == nil)
          }
          if let shown = hop.shownAt, shown >= 0 { #expect(shown < i && trace.hops[shown].end == hop.end) }
        }
      }
    }
  }

  /// The survey holds every live route of the state and no other, and what it does not reach is dark.
  @Test(arguments: seeds) func theSurveyIsTheStatesRoutes(seed: UInt64) {
    for moment in PlanMoment.all(seed: seed) {
      let survey = Survey(moment.mesh)
      for route in survey.routes {
        let flow = moment.model.flows[route.flow]
        #expect(
          versions(route.answer) == moment.wanted(flow),
          "\(moment.name): \(flow.source) to \(flow.callee):\(flow.port) with \(flow.cohort)")
      }
      let traffic = RolloutPlan.Traffic(plan: moment.model.plan, state: moment.state)
      for (n, id) in moment.model.versions.enumerated() where moment.mesh.replicas(of: n) ?? 0 > 0 {
        let isLive = traffic.reached.contains(id) || traffic.sources.contains(id)
        #expect(survey.isReached[n] == isLive, "\(moment.name): \(moment.model.name(of: n))")
      }
    }
  }

  /// A row of the table is what a trace of such a request shows.
  @Test(arguments: seeds) func theTableIsTheTraces(seed: UInt64) {
    for moment in PlanMoment.all(seed: seed) + [.any(seed: seed)] {
      for e in moment.model.plan.exposures.indices {
        for cohort in [Cohort.others, Cohort(selectors: [.cookie(key: "flag", value: "on")])] {
          let served = Serving.served(.exposure(e), cohort, moment.mesh)
          let trace = Trace(TracedRequest(start: .exposure(e), headers: cohort.headers), in: moment.mesh)
          var reached: [Int: Set<Int>] = [:]
          let entered = Set(trace.hops.filter { $0.parent == nil }.map(\.callee))
          for hop in trace.hops {
            guard case .version(let version) = hop.end else { continue }
            // Calls back to where visitors came in are not about them.
            let component = moment.model.versions[version].component.index
            if hop.parent != nil, entered.contains(component) { continue }
            reached[moment.model.versions[version].component.index, default: []].insert(version)
          }
          var listed: [Int: Set<Int>] = [:]
          for (component, parts) in served {
            #expect(abs(parts.reduce(0) { $0 + $1.share } - 1) < 1e-5)
            for case .version(let version) in parts.map(\.end) { listed[component, default: []].insert(version) }
          }
          #expect(listed == reached, "\(moment.name)")
        }
      }
    }
  }

  /// The call that a hop is one way of.
  private func call(_ hop: Trace.Hop) -> [Int] {
    let source =
      switch hop.source {
      case .entry(let e): -1 - e
      case .caller(let version): version
      }
    return [hop.parent ?? -1, source, hop.callee, hop.port]
  }
}

private func versions(_ answer: Answer) -> Set<Int> {
  Set(answer.ways.compactMap { way in if case .version(let version) = way.end { version } else { nil } })
}
