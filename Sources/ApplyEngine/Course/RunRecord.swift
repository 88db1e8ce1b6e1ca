internal import ClusterAPI
package import KubernetesModel

/// What a cluster remembers of a plan's run, beside what it owns: enough for any machine to go on, or to say where things
/// stand. It is stored in the head of the inventory, so that both change with one write.
package struct RunRecord: Hashable, Sendable {
  package enum Status: String, Hashable, Sendable {
    /// A run is at work, or died: the lock tells which.
    case running
    /// It stands between two steps, all of it.
    case rested
    /// It waits for an answer.
    case waiting
    /// Stopped in the middle, to be resumed.
    case interrupted
    /// Stopped by a failure, to be looked at by a person.
    case held
  }

  /// What a failure leaves behind for those who come later.
  package struct Cause: Hashable, Sendable {
    package var code: String
    package var message: String
    package var notes: [String]
    package var step: String
    package var time: String

    package init(code: String, message: String, notes: [String], step: String, time: String) {
      self.code = code
      self.message = message
      self.notes = notes
      self.step = step
      self.time = time
    }
  }

  package var run: String
  package var who: String
  package var planHash: String
  /// What the command line made of the plan: `--env prod`, `--set copies=3`.
  package var options: [String] = []
  /// Of everything that stands after the legs that are done: with it, an edited plan can prove that it goes on from there.
  package var standingHash: String
  /// Of what the leg that is under way writes: so it can in the middle of one.
  package var legHash = ""
  package var course: Course
  package var progress: Progress
  package var status: Status
  /// The names of the steps that the plan had; for `status` without the plan.
  package var steps: [String]
  /// For how many steps of them everything stands.
  package var stepsDone: Int
  package var cause: Cause?
  /// A person asked for the way back that is under way; else it follows from a failure.
  package var isAsked = false
  /// `3.1 Does 2.0 work?` while it waits.
  package var question: String?
  /// Who may answer it; nobody in particular: everybody.
  package var approvers: [String] = []
  /// The run that asked first, where another one goes on: what was answered to it counts.
  package var asker: String?
  /// When the present wait began, as the clock of the wall had it; for deadlines of days.
  package var waitingSince: String?
  /// For how many seconds since then it may be answered; nil: as long as it takes.
  package var waitsSeconds: Int?
  /// The `on failure` block has run to its end, which is no state of the plan.
  package var isBlockDone = false
  package var updated: String

  package init(run: String, who: String, planHash: String, course: Course, steps: [String]) {
    self.run = run
    self.who = who
    self.planHash = planHash
    standingHash = ""
    self.course = course
    progress = Progress()
    status = .running
    self.steps = steps
    stepsDone = 0
    updated = ""
  }

  /// Whatever it asked is answered, or is asked no more.
  package mutating func asksNothing() {
    question = nil
    approvers = []
    asker = nil
    waitingSince = nil
    waitsSeconds = nil
  }

  /// How many seconds are left for an answer, less than none where it comes too late; nil: as many as it takes.
  package func secondsLeft(at wallTime: String) -> Int? {
    guard let waitsSeconds, let waited = secondsWaited(at: wallTime) else { return nil }
    return waitsSeconds - waited
  }

  /// Nil where nothing is waited for.
  func secondsWaited(at wallTime: String) -> Int? {
    guard let since = waitingSince.flatMap(secondsSince1970), let now = secondsSince1970(wallTime) else { return nil }
    return now - since
  }
}

// MARK: - Wire format

extension Progress {
  var value: Value {
    ["leg": .int(leg), "phase": .int(phase), "begun": .bool(isPhaseBegun), "observation": .int(observation)]
  }

  init?(_ value: Value?) {
    guard let leg = value?["leg"]?.int, let phase = value?["phase"]?.int, leg >= 0, phase >= 0 else { return nil }
    self.init(
      leg: leg, phase: phase, isPhaseBegun: value?["begun"]?.bool ?? false,
      observation: max(0, value?["observation"]?.int ?? 0))
  }
}

extension Course {
  var value: Value {
    switch self {
    case .forward(let steps): ["t": "forward", "steps": .int(steps)]
    case .rollback(let from, let steps): ["t": "rollback", "from": from.value, "steps": .int(steps)]
    case .block(let from): ["t": "block", "from": from.value]
    case .leaveBlock(let from, let at, let steps):
      ["t": "leave-block", "from": from.value, "at": at.value, "steps": .int(steps)]
    case .leaveRollback(let from, let toward, let at, let steps):
      [
        "t": "leave-rollback", "from": from.value, "toward": .int(toward), "at": at.value, "steps": .int(steps),
      ]
    }
  }

  init?(_ value: Value?) {
    switch value?["t"]?.string {
    case "forward":
      guard let steps = value?["steps"]?.int else { return nil }
      self = .forward(steps: steps)
    case "rollback":
      guard let from = Progress(value?["from"]), let steps = value?["steps"]?.int else { return nil }
      self = .rollback(from: from, steps: steps)
    case "block":
      guard let from = Progress(value?["from"]) else { return nil }
      self = .block(from: from)
    case "leave-block":
      guard let from = Progress(value?["from"]), let at = Progress(value?["at"]), let steps = value?["steps"]?.int
      else {
        return nil
      }
      self = .leaveBlock(from: from, at: at, steps: steps)
    case "leave-rollback":
      guard let from = Progress(value?["from"]), let toward = value?["toward"]?.int, let at = Progress(value?["at"]),
        let steps = value?["steps"]?.int
      else { return nil }
      self = .leaveRollback(from: from, toward: toward, at: at, steps: steps)
    default: return nil
    }
  }
}

extension RunRecord {
  static let schema = 1

  package var value: Value {
    var fields: Fields = [
      "schema": .int(Self.schema), "run": .string(run), "who": .string(who), "planHash": .string(planHash),
      "standingHash": .string(standingHash), "course": course.value, "progress": progress.value,
      "status": .string(status.rawValue), "steps": .array(steps.map { .string($0) }), "stepsDone": .int(stepsDone),
      "updated": .string(updated),
    ]
    if !legHash.isEmpty { fields["legHash"] = .string(legHash) }
    if isAsked { fields["asked"] = .bool(true) }
    if let question { fields["question"] = .string(question) }
    if !approvers.isEmpty { fields["approvers"] = .array(approvers.map { .string($0) }) }
    if !options.isEmpty { fields["options"] = .array(options.map { .string($0) }) }
    if let asker { fields["asker"] = .string(asker) }
    if let waitingSince { fields["waitingSince"] = .string(waitingSince) }
    if let waitsSeconds { fields["waitsSeconds"] = .int(waitsSeconds) }
    if isBlockDone { fields["blockDone"] = .bool(true) }
    if let cause {
      fields["cause"] = [
        "code": .string(cause.code), "message": .string(cause.message),
        "notes": .array(cause.notes.map { .string($0) }), "step": .string(cause.step), "time": .string(cause.time),
      ]
    }
    return .object(fields)
  }

  /// Nil for anything that this version did not write.
  package init?(_ value: Value) {
    guard value["schema"]?.int == Self.schema, let run = value["run"]?.string, let hash = value["planHash"]?.string,
      let course = Course(value["course"]), let progress = Progress(value["progress"]),
      let status = value["status"]?.string.flatMap(Status.init)
    else { return nil }
    self.init(
      run: run, who: value["who"]?.string ?? "", planHash: hash, course: course,
      steps: (value["steps"]?.array ?? []).compactMap(\.string))
    standingHash = value["standingHash"]?.string ?? ""
    self.progress = progress
    self.status = status
    stepsDone = value["stepsDone"]?.int ?? 0
    legHash = value["legHash"]?.string ?? ""
    isAsked = value["asked"]?.bool ?? false
    question = value["question"]?.string
    approvers = (value["approvers"]?.array ?? []).compactMap(\.string)
    options = (value["options"]?.array ?? []).compactMap(\.string)
    asker = value["asker"]?.string
    waitingSince = value["waitingSince"]?.string
    waitsSeconds = value["waitsSeconds"]?.int
    isBlockDone = value["blockDone"]?.bool ?? false
    updated = value["updated"]?.string ?? ""
    if let cause = value["cause"] {
      self.cause = Cause(
        code: cause["code"]?.string ?? "", message: cause["message"]?.string ?? "",
        notes: (cause["notes"]?.array ?? []).compactMap(\.string), step: cause["step"]?.string ?? "",
        time: cause["time"]?.string ?? "")
    }
  }
}
