import ApplyEngine
import Diagnostics
import KubernetesModel
import Lowering

/// When something was told.
struct Moment: Hashable, Sendable {
  /// Since the run began; it never goes back.
  var elapsed: Duration
  /// The clock on the wall, RFC 3339.
  var time: String
}

/// What a run is doing at this moment, made of its events alone.
struct RunPicture {
  /// One object of a phase.
  struct Row: Hashable {
    var id: ObjectID
    var action: Write.Action?
    var isUnderWay = false
    var news: WriteNews?
    var progress: ObjectProgress?
    var log: Log?
  }

  struct Log: Hashable {
    var pod: String
    var container: String
    var lines: [String]
  }

  struct Phase: Hashable {
    var kind: PhaseKind
    var began: Duration
    /// In the order of writing.
    private(set) var rows: [Row]
    /// The gates that are waited for at this moment.
    var gates: [Gate] = []
    private var places: [ObjectID: Int] = [:]

    init(kind: PhaseKind, began: Duration, writes: [Write]) {
      self.kind = kind
      self.began = began
      rows = writes.map { Row(id: $0.id, action: $0.action) }
      for (place, row) in rows.enumerated() { places[row.id] = place }
    }

    /// The row of an object; made where nothing is written to it but it is waited for.
    mutating func change(_ id: ObjectID, _ edit: (inout Row) -> Void) {
      let place = places[id] ?? rows.count
      if place == rows.count {
        places[id] = place
        rows.append(Row(id: id))
      }
      edit(&rows[place])
    }
  }

  struct Observation: Hashable {
    var text: String
    var began: Duration
    var progress = ""
    /// It was a question, and its answer was told.
    var isAnswered = false
  }

  private(set) var opening: RunOpening?
  private(set) var step: (name: String, began: Duration)?
  private(set) var phase: Phase?
  private(set) var observation: Observation?
  private(set) var question: (place: RunPlace, question: Question, began: Duration)?
  private(set) var holder: LeaseRecord?
  /// A repetition of a request, for as long as nothing else was told.
  private(set) var repeated: String?
  /// The first cause.
  private(set) var failure: RunFailure?

  mutating func take(_ event: RunEvent, at moment: Moment) {
    if case .repeated(let call) = event {
      repeated = words(of: call)
      return
    }
    repeated = nil
    switch event {
    case .started(let opening):
      self.opening = opening
      holder = nil
    case .waitingForLock(let record): holder = record
    case .stepBegan(_, let name): step = (name, moment.elapsed)
    case .stepEnded: step = nil
    case .phaseBegan(_, let kind, let writes):
      phase = Phase(kind: kind, began: moment.elapsed, writes: writes)
    case .phaseEnded: phase = nil
    case .writeBegan(_, let id, let action):
      phase?.change(id) { row in
        row.action = action
        row.isUnderWay = true
      }
    case .writeEnded(_, let id, let news):
      phase?.change(id) { row in
        row.isUnderWay = false
        row.news = news
      }
    case .gateBegan(_, let gate): phase?.gates.append(gate)
    case .gateEnded(_, let gate): phase?.gates.removeAll { $0 == gate }
    case .progress(_, let id, let progress): phase?.change(id) { $0.progress = progress }
    case .log(_, let id, let pod, let container, let lines):
      phase?.change(id) { $0.log = Log(pod: pod, container: container, lines: lines) }
    case .observationBegan(_, let text, _): observation = Observation(text: text, began: moment.elapsed)
    case .observationProgress(_, let text): observation?.progress = text
    case .observationEnded: observation = nil
    case .asked(let place, let question): self.question = (place, question, moment.elapsed)
    case .answered:
      question = nil
      observation?.isAnswered = true
    case .failed(let failure):
      if self.failure == nil { self.failure = failure }
      (phase, observation, question) = (nil, nil, nil)
    case .turned, .ended:
      phase = nil
      observation = nil
      question = nil
      step = nil
    case .warning, .note, .repeated: break
    }
  }
}
