package import ClusterAPI
package import Diagnostics
package import KubernetesModel
package import Lowering

/// Where in a run something happens.
package struct RunPlace: Hashable, Sendable {
  /// The step, counted from 0; for a rollback the one that is left.
  package var step: Int
  /// The part of the run: an index into its legs.
  package var leg: Int
  /// The phase, counted from 0; nil outside of phases.
  package var phase: Int?

  package init(step: Int, leg: Int, phase: Int? = nil) {
    self.step = step
    self.leg = leg
    self.phase = phase
  }
}

/// What happens in a run, in order, for people and for machines: the terminal's tree, plain lines and NDJSON are views of
/// these events and know nothing else.
package enum RunEvent: Sendable {
  case started(RunOpening)
  /// Somebody else holds the lock.
  case waitingForLock(LeaseRecord)
  case stepBegan(step: Int, name: String)
  case stepEnded(step: Int, name: String)
  case phaseBegan(RunPlace, PhaseKind, writes: [Write])
  case phaseEnded(RunPlace)
  case writeBegan(RunPlace, ObjectID, Write.Action)
  case writeEnded(RunPlace, ObjectID, WriteNews)
  /// The server advises against something.
  case warning(ObjectID, String)
  case gateBegan(RunPlace, Gate)
  /// How far one object is; also where nothing changed for a while, as a sign of life.
  case progress(RunPlace, ObjectID, ObjectProgress)
  /// The last lines of a container that fails.
  case log(RunPlace, ObjectID, pod: String, container: String, lines: [String])
  case gateEnded(RunPlace, Gate)
  case observationBegan(RunPlace, text: String, SourceRange)
  case observationProgress(RunPlace, text: String)
  case observationEnded(RunPlace, text: String, result: String)
  case asked(RunPlace, Question)
  case answered(RunPlace, Question, Answer)
  case repeated(RepeatedCall)
  case note(String)
  /// The cause of everything that follows; it stays the headline.
  case failed(RunFailure)
  /// The run turns: from now on these steps are undone, or a failure block runs.
  case turned(Course, legs: Int)
  case ended(RunResult)
}

package struct RunOpening: Hashable, Sendable {
  package var plan: String
  package var namespace: String
  package var planHash: String
  package var run: String
  /// The names of all steps.
  package var steps: [String]
  package var course: Course
  package var progress: Progress
  package var isResumed: Bool

  package init(
    plan: String, namespace: String, planHash: String, run: String, steps: [String], course: Course,
    progress: Progress, isResumed: Bool
  ) {
    self.plan = plan
    self.namespace = namespace
    self.planHash = planHash
    self.run = run
    self.steps = steps
    self.course = course
    self.progress = progress
    self.isResumed = isResumed
  }
}

package enum WriteNews: Hashable, Sendable {
  case created, configured, unchanged, deleted, terminating
  case failed(String)
}

package struct ObjectProgress: Hashable, Sendable {
  /// `2 of 3 available`, `ready`.
  package var text: String
  package var isReady: Bool
  /// What makes it look as if it will never be ready.
  package var suspect: Cause?

  package init(_ text: String, isReady: Bool, suspect: Cause? = nil) {
    self.text = text
    self.isReady = isReady
    self.suspect = suspect
  }
}

/// Why a run, or a part of it, failed.
package struct RunFailure: Error, Hashable, Sendable {
  /// With the plan's line; the notes are the server's own causes, one each, and what was and was not changed.
  package var diagnostic: Diagnostic
  package var place: RunPlace
  /// The run never wrote anything.
  package var isBeforeWriting = false
  /// What is remembered of the plan is gone: neither forward nor back can be gone on from it.
  package var isForgotten = false

  package init(_ diagnostic: Diagnostic, at place: RunPlace, isBeforeWriting: Bool = false) {
    self.diagnostic = diagnostic
    self.place = place
    self.isBeforeWriting = isBeforeWriting
  }
}

/// How a run ended.
package struct RunResult: Hashable, Sendable {
  package enum Outcome: String, Hashable, Sendable, CaseIterable {
    /// Everything up to the target stands.
    case done
    /// It stood already; nothing was written.
    case unchanged
    /// A rollback that was asked for came through.
    case undone
    /// An error before anything was written.
    case failedClean = "failed"
    /// A failure, and the way back came through.
    case rolledBack = "rolled-back"
    /// A failure, and the plan says to stop there, or the way back failed, too.
    case held
    /// Somebody else holds the lock, or took it.
    case locked
    /// What was approved, or what the cluster remembers, is not what would be done.
    case refused
    /// Stopped in the middle by a signal or by `abort`; it can be resumed.
    case interrupted
    /// It waits for an answer, and nobody is here to give one.
    case waiting
  }

  /// What became of the lock of a run that may not write.
  package enum LockEnd: Hashable, Sendable {
    /// Another run has it, and this one never began: `ann@build-7, pid 4711`.
    case held(by: String)
    /// Another run took it, or may have.
    case taken
    /// `unlock` took it away, and nobody has it.
    case freed
  }

  package var outcome: Outcome
  /// The first cause, also after a clean rollback.
  package var failure: RunFailure?
  /// What went wrong on the way back.
  package var further: RunFailure?
  /// For how many steps everything stands, where the course came to its end in a state of the plan.
  package var stepsLeft: Int?
  /// The `on failure` block has run to its end: there is nothing to resume.
  package var isBlockDone = false
  /// Requests that changed something.
  package var writes = 0
  /// Of `locked`: what became of the lock.
  package var lock: LockEnd?

  package init(_ outcome: Outcome, failure: RunFailure? = nil, further: RunFailure? = nil, writes: Int = 0) {
    self.outcome = outcome
    self.failure = failure
    self.further = further
    self.writes = writes
  }

  /// As `docs/exit-codes.md` lists them.
  package var exitCode: Int32 {
    switch outcome {
    case .done, .unchanged, .undone: 0
    case .failedClean: 1
    case .rolledBack: 4
    case .held: 5
    case .locked: 6
    case .refused: 7
    case .interrupted, .waiting: 130
    }
  }
}
