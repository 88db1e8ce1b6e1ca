import ApplyEngine
import ArgumentParser
import Lowering
import RolloutPlan

struct Approve: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve",
    abstract: "Answer the question that a run waits for, from this machine or any other.",
    discussion: "The answer is `yes` unless `--reject` is given, and is left in the cluster, where the run reads it.")

  @OptionGroup var plan: PlanOptions

  @Flag(help: "Answer no: the step fails, and the plan's failure path is gone.")
  var reject = false

  @Option(
    help: ArgumentHelp(
      "Answer only if the run asks in this step: its number, its name or its folder.", valueName: "step"))
  var step: String?

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let place = try PlanInCluster(plan.request, connection)
    let (step, answer) = (step, Answer(isYes: !reject, by: IO.userName))
    let question = try blocking {
      let record = try await place.record()
      guard record.status == .waiting, let question = record.question else {
        throw Failure("the run \(record.run) asks nothing at this moment: \(words(of: record))")
      }
      // `3.1 Does 2.0 work?`
      let key = String(question.prefix { $0 != " " })
      let number = Int(key.prefix { $0 != "." }) ?? 0
      if !record.approvers.isEmpty, !record.approvers.contains(answer.by) {
        throw Failure(
          "\(oneLine(question)): only \(oneLine(record.approvers.joined(separator: ", "))) may answer, and you are \(oneLine(answer.by)); nothing was answered"
        )
      }
      if let left = record.secondsLeft(at: IO.wallTime()), left < 0 {
        throw Failure(
          "\(oneLine(question)): the time to answer is over since \(counted(-left, "second")); nothing was answered\n"
            + "the run takes its failure path: `\(place.invocation.with(record.options).command("resume"))`")
      }
      if let step {
        let name = record.steps.indices.contains(number - 1) ? record.steps[number - 1] : ""
        let folder = Step.folder(ofStep: number - 1, named: name)
        guard step == String(number) || step == name || step == folder else {
          throw Failure(
            "the run asks in \(stepWords(number - 1, record.steps)), not in `\(step)`; nothing was answered")
        }
      }
      let given: Answer?
      do { given = try await place.requests.answer(to: key, run: record.run) } catch {
        throw Failure("what was answered before cannot be read: \(error)")
      }
      if let given, given.isYes != answer.isYes {
        throw Failure(
          "\(oneLine(question)): \(given.isYes ? "yes" : "no") was answered already, by \(oneLine(given.by)); nothing was answered"
        )
      }
      do {
        try await place.requests.answer(key, with: answer, run: record.run)
      } catch {
        throw Failure("the answer cannot be left in the cluster: \(error)")
      }
      return question
    }
    IO.standardError("\(oneLine(question)): \(answer.isYes ? "yes" : "no"), by \(answer.by)\n")
  }
}

struct Abort: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "abort",
    abstract: "Ask a run on whatever machine to stop, as Ctrl-C does there.",
    discussion: "What is under way is finished. `rolloutc resume` goes on, `rolloutc rollback` goes back.")

  @OptionGroup var plan: PlanOptions
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let place = try PlanInCluster(plan.request, connection)
    let who = IO.userName
    let (record, isSilent) = try blocking {
      let record = try await place.record()
      guard let holder = try await place.holder() else {
        throw Failure("no run of the plan is at work: \(words(of: record))")
      }
      do {
        try await place.requests.abort(by: who, run: record.run)
      } catch {
        throw Failure("the request cannot be left in the cluster: \(error)")
      }
      return (record, holder.isOverdue(at: IO.wallTime()))
    }
    IO.standardError("the run \(oneLine(record.run)) of \(oneLine(record.who)) was asked to stop\n")
    if isSilent {
      IO.standardError(
        "it has shown no sign of life for longer than its lock lasts, and may be dead: "
          + "`\(place.invocation.with(record.options).command("resume"))` takes over, once it is sure of that\n")
    }
  }
}

struct Unlock: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unlock",
    abstract: "Take the lock of a plan from a run that is surely no more.",
    discussion: """
      A lock expires by itself half a minute after the last sign of life, so this is seldom needed. Should the run live \
      after all, it stops before its next write.
      """)

  @OptionGroup var plan: PlanOptions

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp("The run that holds the lock, as `rolloutc status` shows it.", valueName: "id"))
  var id: String

  @Flag(help: "Do not ask. Needed where there is no terminal to ask at.")
  var yes = false

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let place = try PlanInCluster(plan.request, connection)
    let id = id
    let found = try blocking {
      // An address where nobody answers is said at once.
      _ = try await place.target.reach()
      return try await place.holder()
    }
    guard let holder = found else {
      throw Failure("nobody holds the lock of the plan `\(place.name)`")
    }
    guard holder.run == id else { throw Failure.heldByAnother(holder) }
    if !yes {
      guard IO.isTerminal(0), IO.isTerminal(2) else {
        throw Failure("there is no terminal to ask at; say --yes to go on without asking", code: Exit.usage)
      }
      IO.standardError("take the lock from \(oneLine(words(of: holder)))? only `yes` goes on: ")
      guard IO.isConfirmed() else { throw Failure("not confirmed; nothing was changed") }
    }
    try blocking {
      do throws(LockKeeper.UnlockError) {
        try await place.lock.unlock(run: id)
      } catch {
        switch error {
        case .free: throw Failure("nobody holds the lock any more")
        case .heldByAnother(let other): throw Failure.heldByAnother(other)
        case .alive(let record):
          throw Failure(
            "the run \(record.run) lives: it renewed the lock at this moment; nothing was changed",
            code: Exit.locked)
        case .cluster(let error): throw Failure("the lock cannot be taken: \(error)")
        }
      }
    }
    IO.standardError("the lock is free\n")
  }
}

extension Failure {
  fileprivate static func heldByAnother(_ holder: LeaseRecord) -> Failure {
    Failure("another run holds the lock: \(holder.run), \(words(of: holder)); nothing was changed", code: Exit.locked)
  }
}
