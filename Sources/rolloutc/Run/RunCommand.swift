import ApplyEngine
import ClusterAPI
import DiagnosticRendering
import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import SafetyChecks
import Synchronization

/// `apply`, `resume` and `rollback`: from the plan file to the end of the run.
///
/// First everything that needs no cluster, then everything that only reads, then the question, and only then a run.
struct RunCommand: Sendable {
  enum Verb: Sendable {
    /// - Parameter assumed: what stands is what stood after this step, or `start`.
    case apply(to: String?, ProofDemand, assumed: String? = nil)
    case resume
    /// - Parameter demand: whether a way over several steps is to be proved.
    case rollback(to: String?, ProofDemand)
  }

  let verb: Verb
  var request: PlanRequest
  let connection: ConnectionOptions
  let options: RunOptionGroup
  let observation: ObservationOptions
  /// To be applied as it was approved.
  private var approval: SavedApproval?
  /// The file of a saved plan, and what was decided with it: whoever goes on with a run of it, or takes it back, meets the
  /// same objects of others.
  private var saved: (path: String, decisions: WriteDecisions)?

  init(
    verb: Verb, request: PlanRequest, connection: ConnectionOptions, options: RunOptionGroup,
    observation: ObservationOptions
  ) {
    self.verb = verb
    self.request = request
    self.connection = connection
    self.options = options
    self.observation = observation
    if options.output == .ndjson {
      self.request.willEnd = { Self.summarize("the plan is refused; nothing was changed", $1, code: $0) }
    }
  }

  func run() throws -> Never {
    if saved == nil {
      var command = self
      do {
        if let approval = try SavedApproval(request) {
          if case .apply(let step, _, _) = verb {
            guard step == nil, options.decisions.value == WriteDecisions() else {
              throw Failure(
                "a saved plan has its own --to, --take, --adopt and --recreate; leave them out", code: Exit.usage)
            }
            command.approval = approval
          }
          command.saved = (request.plan, approval.saved.decisions)
          command.request = PlanRequest(approval.saved, diagnostics: request.diagnostics)
          command.request.willEnd = request.willEnd
        }
      } catch let failure as Failure {
        end(failure)
        IO.exit(failure.code)
      }
      if command.saved != nil { try command.run() }
    }
    do {
      let (plan, compiled, resolution) = try plan()
      let goal = try goal(plan, compiled)
      try connection.check(against: plan)
      if !options.yes, !isInteractive {
        throw Failure("there is no terminal to ask at; say --yes to go on without asking", code: Exit.usage)
      }
      let control = RunControl()
      control.run {
        do {
          return try await run(plan, compiled, resolution, goal, control)
        } catch let failure as Failure {
          end(failure)
          return failure.code
        } catch {
          end(Failure("\(error)"))
          return Exit.failed
        }
      }
    } catch let failure as Failure where options.output == .ndjson {
      end(failure)
      IO.exit(failure.code)
    }
  }

  private var isInteractive: Bool { IO.isTerminal(0) && IO.isTerminal(2) }

  /// Before a run there is no console: a stream for machines gets its last line here.
  private func end(_ failure: Failure) {
    failure.show()
    if options.output == .ndjson { Self.summarize(failure.message, failure.cause, code: failure.code) }
  }

  private static func summarize(_ message: String, _ cause: Value?, code: Int32) {
    var view = NDJSONView { _ in .null }
    let moment = Moment(elapsed: .zero, time: IO.wallTime())
    _ = IO.output(Array(view.summary(message: message, cause: cause, exitCode: code, at: moment).utf8))
  }

  // MARK: - Without a cluster

  /// Only what is proved is begun; what was begun must be brought to an end in any case.
  private func plan() throws -> (plan: Plan, compiled: Compiled, resolution: Resolution) {
    let (plan, compiled, resolution): (Plan, Compiled, Resolution)
    switch verb {
    case .apply(_, let demand, _):
      let proved = try request.proved(demand)
      (plan, compiled, resolution) = (proved.plan, proved.compiled, proved.resolution)
    case .resume, .rollback: (plan, compiled, resolution) = try request.compiled()
    }
    try decisions.check(against: compiled)
    return (plan, compiled, resolution)
  }

  private func goal(_ plan: Plan, _ compiled: Compiled) throws -> RunGoal {
    switch verb {
    case .apply(nil, _, _): return .apply(steps: approval?.saved.steps ?? plan.steps.count)
    case .apply(let step?, _, _): return .apply(steps: try steps(step, of: plan, compiled)[0] + 1)
    case .resume: return .resume
    case .rollback(nil, _): return .rollback(steps: nil)
    case .rollback("start", _): return .rollback(steps: 0)
    case .rollback(let step?, _): return .rollback(steps: try steps(step, of: plan, compiled)[0] + 1)
    }
  }

  private func assumedSteps(_ plan: Plan, _ compiled: Compiled) throws -> Int? {
    guard case .apply(_, _, let assumed?) = verb else { return nil }
    return assumed == "start" ? 0 : try steps(assumed, of: plan, compiled)[0] + 1
  }

  // MARK: - With a cluster

  /// - Parameter compiled: for a server of today.
  private func run(
    _ plan: Plan, _ compiled: Compiled, _ resolution: Resolution, _ goal: RunGoal, _ control: RunControl
  ) async throws -> Int32 {
    let repetitions = Relay()
    let target = try ClusterTarget(connection) { repetitions.tell($0) }
    try target.check(against: plan)
    let version = try await target.reach()
    let options = LoweringOptions(apiVersions: try await target.istioVersions())
    let itinerary = Itinerary(plan, options == LoweringOptions() ? compiled : compile(plan, options: options))
    let remembered = try await RememberedRun(plan, in: target.cluster)
    if let approval { try await approval.check(plan, resolution, request, at: saved?.path ?? request.plan, in: target) }
    try await look(itinerary, goal, remembered, resolution.sources, target)
    if !self.options.yes {
      let question = RunQuestion(
        goal: goal, itinerary: itinerary, record: remembered.record, path: request.plan, target: target,
        version: version)
      guard await question.isAnsweredYes() else {
        throw Failure("not confirmed; nothing was changed", code: Exit.failed)
      }
    }
    let identity = IO.identity(plan: plan.name)
    let journal = try openJournal(plan, identity)
    let clock = RunClock.continuous
    // What was approved is gone on with, whatever has become of the plan file.
    let invocation = Invocation(
      plan: request, savedAt: saved?.path, connection: connection, journal: self.options.journal,
      decisions: self.options.decisions.value, observation)
    let closing = Closing(
      goal: goal, steps: plan.steps.map(\.name), wasUnfinished: remembered.isUnfinished(for: goal),
      invocation: invocation)
    let console = try Console(
      view(resolution.sources, closing), isLive: isLive, color: colors, clock: clock, wallTime: IO.wallTime,
      name: IO.userName)
    let chronicle = Chronicle(
      plan: plan.name, namespace: plan.namespace, identity: identity, in: target.client, wallTime: IO.wallTime)
    repetitions.connect { console.tell(.repeated($0)) }
    control.runs(
      on: console,
      farewell: "stopped at once; the journal is intact\n  next: \(invocation.command("resume"))\n"
        + "  or:   \(invocation.command("rollback"))")

    var environment = RunEnvironment(
      cluster: target.cluster, clock: clock, wallTime: IO.wallTime, random: { Double.random(in: 0..<1) },
      journal: journal, identity: identity
    ) { event in
      console.tell(event)
      chronicle.tell(event)
    }
    if case .rollback(_, .required) = verb {
      let (compiled, allowances) = (itinerary.compiled, resolution.allowances)
      environment.faults = { way in
        allowances.filter(check(way, compiled, plan: plan).diagnostics).filter { $0.severity == .error }
      }
    }
    try observation.connect(&environment, to: target.cluster, itinerary.compiled.renderer)
    if isInteractive { environment.decider = TerminalDecider(console: console) }
    var runOptions = runOptions
    runOptions.assumedSteps = try assumedSteps(plan, compiled)
    let result = await Run(itinerary, environment: environment, options: runOptions, stop: control.stop).perform(goal)
    control.ended(result.exitCode)
    await chronicle.finish(within: .seconds(5), clock: clock)
    console.finish()
    return result.exitCode
  }

  /// Everything that can be known to go wrong is said before the first write, all at once.
  private func look(
    _ itinerary: Itinerary, _ goal: RunGoal, _ remembered: RememberedRun, _ sources: SourceSet, _ target: ClusterTarget
  ) async throws {
    let course: Course
    switch goal {
    case .apply(let steps): course = .forward(steps: steps)
    case .resume: course = remembered.record?.course ?? .forward(steps: itinerary.stepCount)
    // Where a way back begins is known under the lock alone.
    case .rollback: return
    }
    // On a way back nothing new comes that could be in somebody's way.
    guard case .forward = course else { return }
    try await lookForMetrics(itinerary, goal, sources, target)
    let isSamePlan = remembered.record?.planHash == itinerary.planHash
    let done = isSamePlan ? remembered.record?.progress.leg ?? 0 : 0
    let legs = Array((itinerary.legs(of: course) ?? []).dropFirst(done))
    let found = await Preflight(
      itinerary, legs: legs, inventory: remembered.inventory ?? Inventory(plan: itinerary.plan.name),
      decisions: runOptions.decisions, cluster: target.cluster, looksForIngress: !observation.isGatewayGiven
    ).findings()
    let findings = (found + (observation.plainGateway(for: itinerary.plan).map { [$0] } ?? [])).inReadingOrder
    request.diagnostics.show(findings, sources)
    if request.diagnostics.refuses(findings) {
      throw Failure("the run would fail; nothing was changed", cause: findings.firstCause(sources))
    }
  }

  /// A run that is to read metrics is told where before it begins, not where it comes to them.
  private func lookForMetrics(
    _ itinerary: Itinerary, _ goal: RunGoal, _ sources: SourceSet, _ target: ClusterTarget
  ) async throws {
    if observation.hasPrometheus || itinerary.plan.metrics.isEmpty { return }
    let planner = Planner(
      itinerary, decisions: runOptions.decisions, planOptions: request.planOptions, cluster: target.cluster)
    // What does not fit the plan the run itself refuses.
    guard case .success(let memory) = await planner.remembered(for: goal),
      let missing = itinerary.unreadableMetric(in: memory.legs, observed: memory.record.progress.observation)
    else { return }
    request.diagnostics.show([missing], sources)
    throw Failure(
      "the run would fail; nothing was changed", code: Exit.usage, cause: [missing].firstCause(sources))
  }

  private var decisions: WriteDecisions {
    let said = options.decisions.value
    return saved.map { $0.decisions.united(with: said) } ?? said
  }

  private var runOptions: RunOptions {
    var run = RunOptions()
    run.settle = options.settle.duration
    run.waitForLock = options.waitLock.duration
    run.isApproved = approval != nil
    run.leavesAtQuestions = options.leaveAtQuestions
    run.planOptions = request.planOptions
    run.decisions = decisions
    return run
  }

  // MARK: - The journal

  private func openJournal(_ plan: Plan, _ identity: RunIdentity) throws -> JournalFile {
    let folder = options.journal ?? (request.plan == "-" ? "\(plan.name).rollout.journal" : "\(request.plan).journal")
    try IO.makeDirectory(folder, mode: 0o700)
    let path = "\(folder)/\(identity.run)"
    do {
      return try JournalFile.open(path).0
    } catch {
      throw Failure(
        "cannot write the journal `\(path)`: \(error); nothing was changed\nname another folder with --journal DIR")
    }
  }

  // MARK: - What is shown

  private var isLive: Bool {
    options.output == .human && IO.isTerminal(1) && IO.environment("TERM") != "dumb"
  }

  private var colors: Bool {
    switch request.diagnostics.color {
    case .always: true
    case .never: false
    case .auto: IO.colorsOutput
    }
  }

  private func view(_ sources: SourceSet, _ closing: Closing) -> any RunView {
    switch options.output {
    case .ndjson:
      let renderer = JSONRenderer(sources: sources)
      return NDJSONView { renderer.value($0) }
    case .human:
      let color = colors
      func rendering(_ color: Bool, for descriptor: Int32) -> @Sendable (Diagnostic) -> String {
        { TerminalRenderer(sources: sources, color: color, width: IO.terminalWidth(descriptor)).rendered($0) }
      }
      let rendered = rendering(color, for: 1)
      let refusal = rendering(request.diagnostics.colorsErrors, for: 2)
      return isLive
        ? TreeView(color: color, diagnostic: rendered, refusal: refusal, closing: closing.lines)
        : PlainView(diagnostic: rendered, refusal: refusal, closing: closing.lines)
    }
  }
}

/// What the cluster remembers of a plan, before a run looks at it under the lock.
struct RememberedRun {
  var inventory: Inventory?
  var record: RunRecord?

  init(_ plan: Plan, in cluster: any Cluster) async throws {
    do {
      let memory = try await InventoryStore(plan: plan.name, namespace: plan.namespace, in: cluster).load()
      (inventory, record) = (memory?.inventory, memory?.record)
    } catch {
      throw Failure("cannot read what this plan did before", error, plan: plan.name)
    }
  }

  /// Whether a run with this goal has something left to do, be it only to ask.
  func isUnfinished(for goal: RunGoal) -> Bool {
    guard let record else { return false }
    switch goal {
    case .apply(let steps): return record.status != .rested || record.stepsDone < steps
    case .resume, .rollback: return record.status != .rested
    }
  }
}

private struct TerminalDecider: Decider {
  let console: Console

  func mayAnswer(_ question: Question) -> Bool { question.mayBeAnswered(by: IO.userName) }

  func answer(to question: Question) async -> Answer? { await console.answer(to: question) }
}

/// Repetitions of requests are told on standard error until there is a console.
private final class Relay: Sendable {
  private let receiver = Mutex<(@Sendable (RepeatedCall) -> Void)?>(nil)

  func connect(_ receiver: @escaping @Sendable (RepeatedCall) -> Void) {
    self.receiver.withLock { $0 = receiver }
  }

  func tell(_ call: RepeatedCall) {
    if let receiver = receiver.withLock({ $0 }) { receiver(call) } else { IO.tell(call) }
  }
}
