internal import Diagnostics
internal import Lowering
internal import RolloutPlan

extension Run {
  /// The course and the place on it, from what the cluster remembers and what the person wants.
  ///
  /// A plan that was edited since goes on only from between two legs, and only where what stands is, object for object, what
  /// the edited plan has standing there too. Everything else is refused: nothing is guessed.
  ///
  /// - Parameter inventory: what stands, as far as it is known, to name what does not fit.
  func record(
    for goal: RunGoal, remembered: RunRecord?, inventory: Inventory? = nil
  ) throws(RunBreak) -> RunRecord {
    var record = try fitting(remembered, inventory)
    record.options = options.planOptions
    switch goal {
    case .apply(let steps):
      switch record.course {
      case .forward:
        let done = itinerary.stepsDone(at: record.progress)
        if steps <= done, record.progress != itinerary.progress(afterSteps: done) {
          throw refused(
            "\(stepWords(done, record.steps)), is under way, and lies behind what is to stand",
            help: "finish it with `rolloutc resume`, or go back with `rolloutc rollback --to \(steps)`")
        }
        record.course = .forward(steps: steps)
      case .block where hasRun(record):
        throw refused(
          "its `on failure` block has run, and what stands is no state of the plan",
          help: "go back with `rolloutc rollback`, then apply again")
      case .block:
        throw refused(
          "its `on failure` block is under way",
          help: "finish it with `rolloutc resume`, or go back with `rolloutc rollback`; then apply again")
      case .rollback, .leaveBlock, .leaveRollback:
        throw refused("a way back is under way", help: "finish it with `rolloutc resume`, then apply again")
      }
    case .resume:
      if remembered == nil {
        throw refused(
          "there is nothing to resume", notes: ["this plan never ran here"],
          help: "`rolloutc apply` begins with the first step")
      }
      if case .block = record.course, hasRun(record) {
        throw refused(
          "there is nothing to resume", notes: ["its `on failure` block has run to its end"],
          help: "go back with `rolloutc rollback`")
      }
    case .rollback(let steps):
      if remembered == nil {
        throw refused(
          "there is nothing to go back from", notes: ["this plan never ran here"],
          help: "`rolloutc apply` begins with the first step")
      }
      if let remembered, remembered.progress > Progress() || !remembered.course.isForward,
        remembered.options != options.planOptions
      {
        throw refused(
          "what stands was made with \(remembered.options.isEmpty ? "no --env and --set" : "`\(remembered.options.joined(separator: " "))`")",
          notes: ["with other values the states that are gone back to never stood"],
          help: "give the same as before")
      }
      let former = record
      try turnBack(&record, to: steps)
      try refuseLostData(former, by: record.course)
      record.isAsked = true
      record.isBlockDone = false
      record.asksNothing()
    }
    if itinerary.legs(of: record.course) == nil {
      throw refused(
        "the run stands at a place that this plan does not have",
        help: "use the plan file as it was when the run began")
    }
    return record
  }

  /// What is remembered, in terms of this plan.
  private func fitting(_ remembered: RunRecord?, _ inventory: Inventory?) throws(RunBreak) -> RunRecord {
    let hash = itinerary.planHash
    guard var record = remembered else {
      return RunRecord(
        run: environment.identity.run, who: environment.identity.who, planHash: hash,
        course: .forward(steps: itinerary.stepCount), steps: itinerary.plan.steps.map(\.name))
    }
    if record.planHash == hash { return record }
    // Another environment may ask for no approval where this one does.
    if record.progress > Progress(), environmentName(record.options) != environmentName(options.planOptions) {
      throw refused(
        "what stands was made with \(environmentName(record.options).map { "`--env \($0)`" } ?? "no environment")",
        notes: otherOptions(record),
        help: "give the same `--env` as before; what belongs to another environment is another plan, or another cluster"
      )
    }
    guard case .forward(let wanted) = record.course else { throw inTheMiddle(record) }
    guard record.progress.isAtBoundary else {
      let leg = record.progress.leg
      guard leg < itinerary.forward.count, !record.legHash.isEmpty,
        itinerary.changesHash(ofLeg: leg) == record.legHash,
        itinerary.standingHash(afterLegs: leg) == record.standingHash || leg == 0
      else { throw inTheMiddle(record) }
      environment.tell(.note("the plan was changed, but not what the step under way writes; it goes on from there"))
      let steps = stepsWanted(wanted, of: record)
      record.planHash = hash
      record.steps = itinerary.plan.steps.map(\.name)
      // What is asked may be something else now.
      record.progress.observation = 0
      record.course = .forward(steps: steps)
      return record
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
        notes: ["\(record.stepsDone) of its former \(record.steps.count) steps are done"]
          + otherObjects(than: inventory, record) + otherOptions(record),
        help:
          "keep what is done as it was, and add what is to change in a step behind it; or let the first step of the new text say what stands"
      )
    }
    if record.progress.leg > 0 {
      environment.tell(.note("the plan was changed after what is done; it goes on from there"))
    }
    let isDone = record.stepsDone >= wanted
    let steps = stepsWanted(wanted, of: record)
    record.planHash = hash
    record.progress = Progress(leg: place)
    record.steps = itinerary.plan.steps.map(\.name)
    record.stepsDone = itinerary.stepsDone(at: record.progress)
    // What was come to is no reason to go on by itself to what is new.
    record.course = .forward(steps: isDone ? record.stepsDone : max(steps, record.stepsDone))
    return record
  }

  /// For how many steps of this plan a run is to go on that was to do `wanted` steps of the plan as it was: who wanted all
  /// of them wants all, who wanted some no more than those.
  private func stepsWanted(_ wanted: Int, of record: RunRecord) -> Int {
    wanted >= record.steps.count ? itinerary.stepCount : min(wanted, itinerary.stepCount)
  }

  /// Which objects the plan would have standing otherwise than they were written, after the part of it behind which the fewest
  /// are. Where most are others, no single one is the reason.
  private func otherObjects(than inventory: Inventory?, _ record: RunRecord) -> [String] {
    guard let inventory else { return [] }
    let stamps = formerStamps(record)
    var best: [String]?
    for leg in (0...itinerary.forward.count).reversed() {
      let entries = itinerary.standing(afterLegs: leg).image.entries
      if entries.isEmpty { continue }
      let others = entries.filter { entry in
        guard let written = inventory[entry.id] else { return true }
        guard let intent = written.intent, intent != Inventory.fingerprint(of: entry.object) else { return false }
        return !stamps.contains { Inventory.fingerprint(of: restamped(entry.object, $0)) == intent }
      }.map { "`\($0.id)` would be another object" }
      let wanted = Set(entries.map(\.id))
      let gone = inventory.entries.filter { !wanted.contains($0.id) }.map { "`\($0.id)` would not be there" }
      let all = others + gone
      if all.count * 2 <= entries.count, all.count < best?.count ?? .max { best = all }
    }
    return best.map { Array($0.prefix(5)) } ?? []
  }

  /// What objects may be stamped with that an earlier text wrote, of which the steps' names alone are known.
  private func formerStamps(_ record: RunRecord) -> [String] {
    record.steps.enumerated().flatMap { index, name in
      let step = CompiledStep(index: index, folder: Step.folder(ofStep: index, named: name), segments: [])
      return [step.folder, step.backStamp, step.outStamp, step.blockStamp]
        + (0..<9).map { stamp(in: step.folder, segment: $0, of: 9) }
    }
  }

  private func inTheMiddle(_ record: RunRecord) -> RunBreak {
    refused(
      "the plan was changed while a run of it is in the middle of something",
      notes: (record.stepsDone < record.steps.count
        ? ["it is in the step `\(record.steps[record.stepsDone])`"] : []) + otherOptions(record),
      help: "use the plan file as it was when that run began, and finish or roll back what is under way")
  }

  /// A plan is another one with other values, though its file is the same.
  private func otherOptions(_ record: RunRecord) -> [String] {
    if record.options == options.planOptions { return [] }
    let former = record.options.joined(separator: " ")
    return [former.isEmpty ? "it was begun without --env and --set" : "it was begun with `\(former)`"]
  }

  private func environmentName(_ options: [String]) -> String? {
    let prefix = "--env "
    return options.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }

  private func hasRun(_ record: RunRecord) -> Bool {
    record.progress.leg >= (itinerary.legs(of: record.course)?.count ?? .max)
  }

  private func turnBack(_ record: inout RunRecord, to steps: Int?) throws(RunBreak) {
    switch record.course {
    case .forward:
      let done = itinerary.stepsDone(at: record.progress)
      let isBetween = record.progress == itinerary.progress(afterSteps: done)
      let target = steps ?? itinerary.usualTarget(of: record)
      // That it failed is no news any more: it is gone back from because somebody wants it.
      record.cause = nil
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
      if let way = itinerary.longWayBack(from: record.progress, to: target) { try refuseUnproved(way) }
      record.course = .rollback(from: record.progress, steps: target)
      record.progress = Progress()
    case .rollback(let from, let underWay):
      guard let steps, steps != underWay else { break }
      guard environment.faults == nil else {
        throw refused(
          "a way back to another place is under way",
          notes: ["it goes \(record.course.words(record.steps))"],
          help:
            "finish it with `rolloutc resume`, then go further; where it cannot be finished, `--unproved` leaves it as it is, with no proof that every request on that way is answered"
        )
      }
      guard steps <= itinerary.stepsDone(at: from) else {
        throw refused(
          "the run never came so far",
          notes: ["\(itinerary.stepsDone(at: from)) of \(itinerary.stepCount) steps were done"],
          help: "go to one that was done, then `rolloutc apply --to STEP`")
      }
      record.course = .leaveRollback(from: from, toward: underWay, at: record.progress, steps: steps)
      record.progress = Progress()
      record.cause = nil
    case .block(let from):
      let done = itinerary.stepsDone(at: from)
      let target = steps ?? done
      guard target <= done else {
        throw refused(
          "the run never came so far", notes: ["\(done) of \(itinerary.stepCount) steps are done"],
          help: "go back first, then `rolloutc apply --to STEP`")
      }
      guard target == done || environment.faults == nil else {
        throw refused(
          "its `on failure` block leads to what stood before the step, and no further",
          help: "go back with `rolloutc rollback`, then further with `--to`")
      }
      let course = Course.leaveBlock(from: from, at: record.progress, steps: target)
      guard itinerary.legs(of: course) != nil else {
        throw refused(
          "its `on failure` block is in the middle of a change",
          help: "finish it with `rolloutc resume`, then roll back")
      }
      record.course = course
      record.progress = Progress()
      record.cause = nil
    case .leaveBlock(_, _, let underWay), .leaveRollback(_, _, _, let underWay):
      guard steps == nil || steps == underWay else {
        throw refused(
          "a way back to another place is under way", notes: ["it goes \(record.course.words(record.steps))"],
          help: "finish it with `rolloutc resume`, then roll back further")
      }
    }
  }

  /// One step back is proved with the plan; several at once lead past the states in between.
  private func refuseUnproved(_ way: LongWayBack) throws(RunBreak) {
    guard let faults = environment.faults?(way), !faults.isEmpty else { return }
    throw refused(.unprovedWayBack(faults, at: itinerary.plan.nameRange))
  }

  /// What `retire … with volumes` has destroyed no way back brings again.
  private func refuseLostData(_ record: RunRecord, by back: Course) throws(RunBreak) {
    if record.course == back { return }
    let lost = itinerary.lostClaims(of: record.course, at: record.progress, on: back).filter {
      !options.decisions.recreate($0)
    }
    if !lost.isEmpty { throw refused(.dataIsGone(lost, at: itinerary.plan.nameRange)) }
  }

  private func refused(_ message: String, notes: [String] = [], help: String) -> RunBreak {
    refused(.recordMismatch(message, at: itinerary.plan.nameRange, notes: notes, help: help))
  }

  private func refused(_ diagnostic: Diagnostic) -> RunBreak {
    .refused(RunFailure(diagnostic, at: RunPlace(step: 0, leg: 0), isBeforeWriting: true))
  }
}

extension Itinerary {
  /// Where `rollback` goes unless somebody says it: before the step that is under way, or the last one that is done. A step
  /// that failed before anything of it was written leaves nothing to undo.
  package func usualTarget(of record: RunRecord) -> Int {
    switch record.course {
    case .forward:
      let done = stepsDone(at: record.progress)
      let isBetween = record.progress == progress(afterSteps: done)
      return max(0, isBetween && record.cause == nil ? done - 1 : done)
    case .rollback(_, let steps), .leaveBlock(_, _, let steps), .leaveRollback(_, _, _, let steps): return steps
    case .block(let from): return stepsDone(at: from)
    }
  }
}
