package import ApplyEngine
internal import Diagnostics
package import RolloutPlan

/// What a rehearsal showed of one step, put together from the events of its run.
package struct RehearsedStep: Hashable, Sendable {
  package enum Status: String, Hashable, Sendable {
    case done, failed, undone
    case notReached = "not reached"
  }

  package struct Observation: Hashable, Sendable {
    package var text: String
    /// What held, or what did not.
    package var result: String
    package var holds: Bool
  }

  package var index: Int
  package var name: String
  package var status: Status
  package var begin: Duration?
  package var end: Duration?
  /// Objects that were created, changed or deleted.
  package var writes: Int
  package var observations: [Observation]
}

extension RehearsalResult {
  /// The segments of the forward course that were written as a whole, as step and number in it.
  func segmentsWritten(in itinerary: Itinerary) -> Set<[Int]> {
    let legs = itinerary.forward
    // Legs come one after another: those before the one that was begun are done.
    var written = 0
    walk: for (_, event) in events {
      switch event {
      case .phaseBegan(let place, _, _): written = max(written, place.leg)
      case .phaseEnded(let place)
      where legs.indices.contains(place.leg) && place.phase == legs[place.leg].phases.count - 1:
        written = max(written, place.leg + 1)
      case .observationBegan(let place, _, _): written = max(written, place.leg + 1)
      case .turned: break walk
      default: break
      }
    }
    return legs.prefix(written).reduce(into: []) { written, leg in
      if case .forward(let step, let segment) = leg.role { written.insert([step, segment]) }
    }
  }

  package func steps(of plan: Plan) -> [RehearsedStep] {
    var steps = plan.steps.map {
      RehearsedStep(
        index: $0.index, name: $0.name, status: .notReached, begin: nil, end: nil, writes: 0, observations: [])
    }
    var open: String?
    var isBack = false
    for (moment, event) in events {
      switch event {
      case .stepBegan(let step, _): steps[step].begin = steps[step].begin ?? moment
      case .stepEnded(let step, _):
        steps[step].end = moment
        steps[step].status = .done
      case .writeEnded(let place, _, let news) where !isBack:
        switch news {
        case .created, .configured, .deleted: steps[place.step].writes += 1
        case .unchanged, .terminating, .failed: break
        }
      case .observationBegan(_, let text, _): open = text
      case .observationEnded(let place, let text, let result):
        open = nil
        steps[place.step].observations.append(.init(text: text, result: result, holds: true))
      case .failed(let failure):
        let step = failure.place.step
        guard steps.indices.contains(step) else { continue }
        if let text = open {
          steps[step].observations.append(.init(text: text, result: failure.diagnostic.message, holds: false))
        }
        open = nil
        if steps[step].status == .notReached { steps[step].status = .failed }
        steps[step].end = moment
      case .turned(.rollback(_, let target), _):
        isBack = true
        for step in steps.indices where step >= target && steps[step].status == .done { steps[step].status = .undone }
      case .turned(.block, _): isBack = true
      default: break
      }
    }
    return steps
  }
}
