internal import ApplyEngine
internal import Diagnostics
internal import Lowering
internal import Rehearsal
internal import RolloutPlan

/// What a run did when, by steps.
struct Timeline {
  enum Kind: String {
    case phase, observation, back, failed

    var words: String {
      switch self {
      case .phase: "writes"
      case .observation: "observes"
      case .back: "way back"
      case .failed: "failed"
      }
    }
  }

  struct Bar {
    var step: Int
    var kind: Kind
    /// `switch entry`, `verify results-div percent`
    var name: String
    var begin: Duration
    var end: Duration
    /// Objects that were created, changed or deleted.
    var changes = 0
  }

  private(set) var bars: [Bar] = []
  private(set) var moments: [Duration] = []

  init(_ result: RehearsalResult) {
    var open: Bar?
    var isBack = false
    func close(_ moment: Duration, _ bars: inout [Bar], failed: Bool = false) {
      guard var bar = open else { return }
      bar.end = moment
      if failed { bar.kind = .failed }
      bars.append(bar)
      open = nil
    }
    for (moment, event) in result.events {
      switch event {
      case .phaseBegan(let place, let kind, _):
        close(moment, &bars)
        open = Bar(
          step: place.step, kind: isBack ? .back : .phase, name: kind.rawValue.replacing("-", with: " "), begin: moment,
          end: moment)
      case .observationBegan(let place, let text, _):
        close(moment, &bars)
        open = Bar(step: place.step, kind: .observation, name: text, begin: moment, end: moment)
      case .phaseEnded, .observationEnded: close(moment, &bars)
      case .writeEnded(_, _, .created), .writeEnded(_, _, .configured), .writeEnded(_, _, .deleted):
        open?.changes += 1
      case .failed: close(moment, &bars, failed: true)
      case .turned: isBack = true
      case .started, .stepBegan, .stepEnded, .ended: break
      case .writeBegan, .writeEnded, .warning, .gateBegan, .gateEnded, .progress, .log, .observationProgress, .asked,
        .answered, .repeated, .note, .waitingForLock:
        continue
      }
      moments.append(moment)
    }
    close(result.duration, &bars)
  }
}
