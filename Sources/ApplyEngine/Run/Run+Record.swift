internal import Diagnostics
internal import RolloutPlan

extension Run {
  /// The course and the place on it, from what the cluster remembers and what the person wants.
  ///
  /// A plan that was edited since goes on only from between two legs, and only where what stands is, object for object, what
  /// the edited plan has standing there too. Everything else is refused: nothing is guessed.
  func record(for goal: RunGoal, remembered: RunRecord?) throws(RunBreak) -> RunRecord {
    var record = try fitting(remembered)
    switch goal {
    case .apply(let steps):
      guard case .forward = record.course else {
        throw refused(
          "a way back is under way", help: "finish it with `rolloutc resume`, then apply again")
      }
      record.course = .forward(steps: steps)
    case .resume: break
    case .rollback(let steps): try turnBack(&record, to: steps)
    }
    if itinerary.legs(of: record.course) == nil {
      throw refused(
        "the run stands at a place that this plan does not have",
        help: "use the plan file as it was when the run began")
    }
    return record
  }

  /// What is remembered, in terms of this plan.
  private func fitting(_ remembered: RunRecord?) throws(RunBreak) -> RunRecord {
    let hash = itinerary.planHash
    guard var record = remembered else {
      return RunRecord(
        run: environment.identity.run, who: environment.identity.who, planHash: hash,
        course: .forward(steps: itinerary.stepCount), steps: itinerary.plan.steps.map(\.name))
    }
    if record.planHash == hash { return record }
    guard case .forward = record.course, record.progress.isAtBoundary else {
      throw refused(
        "the plan was changed while a run of it is in the middle of something",
        notes: record.stepsDone < record.steps.count ? ["it is in the step `\(record.steps[record.stepsDone])`"] : [],
        help: "use the plan file as it was when that run began, and finish or roll back what is under way")
    }
    // Nothing was done by the old plan: the new one begins at its beginning.
    let candidates = [record.progress.leg] + (0...itinerary.forward.count).reversed()
    let place =
      record.progress.leg == 0
      ? 0
      : candidates.first {
        $0 <= itinerary.forward.count && itinerary.standingHash(afterLegs: $0) == record.standingHash
      }
    guard let place else {
      throw refused(
        "the plan was changed, and what stands in the cluster is no state of it",
        notes: ["\(record.stepsDone) of its former \(record.steps.count) steps are done"],
        help: "keep the steps that are done as they were, and change only what follows them")
    }
    if record.progress.leg > 0 {
      environment.tell(.note("the plan was changed after what is done; it goes on from there"))
    }
    record.planHash = hash
    record.course = .forward(steps: itinerary.stepCount)
    record.progress = Progress(leg: place)
    record.steps = itinerary.plan.steps.map(\.name)
    record.stepsDone = itinerary.stepsDone(at: record.progress)
    return record
  }

  private func turnBack(_ record: inout RunRecord, to steps: Int?) throws(RunBreak) {
    switch record.course {
    case .forward:
      let done = itinerary.stepsDone(at: record.progress)
      let isBetween = record.progress == itinerary.progress(afterSteps: done)
      let target = steps ?? max(0, isBetween ? done - 1 : done)
      guard target <= done else {
        throw refused(
          "the run never came so far", notes: ["\(done) of \(itinerary.stepCount) steps are done"],
          help: "`rolloutc apply --to STEP` goes forward")
      }
      // There is nothing to undo; the course is then one without legs.
      if isBetween, target == done {
        record.course = .forward(steps: done)
        return
      }
      record.course = .rollback(from: record.progress, steps: target)
      record.progress = Progress()
    case .rollback(_, let underWay):
      guard steps == nil || steps == underWay else {
        throw refused(
          "a way back to another place is under way", notes: ["it goes to what stood after \(underWay) steps"],
          help: "finish it with `rolloutc resume`, then roll back further")
      }
    case .block:
      throw refused(
        "a failure block is under way", help: "finish it with `rolloutc resume`, then roll back")
    }
  }

  private func refused(_ message: String, notes: [String] = [], help: String) -> RunBreak {
    .refused(
      RunFailure(
        .recordMismatch(message, at: itinerary.plan.nameRange, notes: notes, help: help),
        at: RunPlace(step: 0, leg: 0), isBeforeWriting: true))
  }
}
