import Diagnostics
import RegularExpressions

/// Runs the steps over states: after each changing statement there is a full desired state.
///
/// Changing statements with no observing one between them form one segment. What a statement may not do in the state it
/// meets is reported at the statement, and the state stays as it was. What the order of steps alone can tell (a version
/// that never gets traffic, a route that nothing can match) is found here too.
final class Interpreter {
  let plan: Plan
  private(set) var taint: Taint
  var diagnostics: [Diagnostic] = []
  private(set) var steps: [Step] = []
  private(set) var planFailure: FailurePath = .hold
  /// All steps, also those that are still to come.
  private var places: [(name: String, range: SourceRange)] = []
  var state = State()
  /// Every version that was ever deployed, with its first `deploy`, and every version that ever got traffic.
  var deployedAt: [VersionID: SourceRange] = [:]
  var everServed: Set<VersionID> = []
  /// Claims that a `retire … with volumes` destroyed, and where.
  var destroyed: [String: SourceRange] = [:]
  /// Shifts that end below 100%, until something follows.
  var openShifts: [ComponentID: (range: SourceRange, percent: Int)] = [:]
  /// By the version that gets the copies: the line that asked for them.
  var mirroredAt: [VersionID: SourceRange] = [:]
  /// Versions that got copies until everybody was led to them.
  var endedMirrors: Set<VersionID> = []
  /// `routing open`: a second version was deployed, and both serve if nothing of the same part routes them.
  private var openPairs: [(ComponentID, Diagnostic)] = []
  /// Versions that were said not to understand visitors: once is enough for each.
  var portlessEntries: Set<VersionID> = []
  /// Lines for requests, and those of other components within them.
  private(set) lazy var innerLines: [(outer: Exposure, inner: Exposure)] = plan.exposures.flatMap { outer in
    outer.isTCP(plan[outer.component]) ? [] : plan.lines(within: outer).map { (outer, $0) }
  }
  /// Inner lines of which it was said who gets their visitors while nobody answers: once is enough for each.
  var saidInnerPaths: Set<SourceRange> = []
  /// A lint says that somebody calls them, and that `calls` does not say so.
  var calledUnsaid: Set<ComponentID> = []
  /// In a failure block: only steps before this one can be gone back to.
  var rollbackLimit: Int?
  /// Versions that were said not to run, until a line changes that: a forgotten `deploy` is one fault.
  var missed: Set<VersionID> = []
  var reportedIncomplete: Set<[Int]> = []
  var reportedAsleep: Set<VersionID> = []
  /// Ports whose server speaks first, where nothing is said about mutual TLS.
  var reportedPlaintext: Set<SourceRange> = []
  private(set) lazy var byThemselves: [Bool] = plan.byThemselves
  /// Of each component: do its versions not all have the same ports?
  private(set) lazy var hasUnlikePorts: [Bool] = plan.components.map(\.hasUnlikePorts)
  /// The ports of which a caller dials one: those that were there whenever it called. Only of what has unlike ports.
  var dialedPorts: [Call: Set<Int>] = [:]
  /// `dialedPorts` by step: as it begins, and after each of its segments. A failure block begins with them.
  private(set) var dialedIn: [[[Call: Set<Int>]]] = []
  /// Rules that went with others when everybody was led to one version, and the line that did it.
  var clearedRules: [ComponentID: [Selector: SourceRange]] = [:]
  /// Patterns of headers by their text; nil: it is none.
  var expressions: [String: RegularExpression?] = [:]

  init(plan: Plan, taint: Taint) {
    self.plan = plan
    self.taint = taint
  }

  func report(_ diagnostic: Diagnostic) { diagnostics.append(diagnostic) }

  func run(_ resolved: ResolvedSteps) {
    places = resolved.steps.map { ($0.name, $0.range) }
    var stepStatements: [[StepStatement]] = []
    for (index, step) in resolved.steps.enumerated() {
      var made = Step(index: index, name: step.name, slug: Step.slug(of: step.name), range: step.range)
      made.start = state
      dialedIn.append([dialedPorts])
      made.segments = segments(of: step.statements, stepStart: made.start, stepName: step.name)
      steps.append(made)
      stepStatements.append(step.statements)
    }
    for (index, step) in resolved.steps.enumerated() {
      if let failure = step.failure { steps[index].onFailure = path(failure, covering: [index]) }
    }
    if let failure = resolved.failure {
      planFailure = path(failure, covering: steps.indices.filter { steps[$0].onFailure == nil })
    }
    checkRollbacks(planFailureRange: resolved.failure)
    checkNeverRouted()
    for (component, shift) in openShifts where !taint.covers(component) {
      report(.shiftEndsEarly(plan[component].name, percent: shift.percent, at: shift.range))
    }
  }

  // MARK: - Segments

  func segments(of statements: [StepStatement], stepStart: State, stepName: String) -> [Segment] {
    var segments: [Segment] = []
    var changes: [Change] = []
    var start = state
    func close() {
      guard !changes.isEmpty else { return }
      for (component, found) in openPairs where !state.components[component.index].isPinned {
        if state.components[component.index].deployed.count > 1 { report(found) }
      }
      openPairs = []
      segments.append(Segment(before: start, after: state, changes: changes))
      let traffic = Traffic(plan: plan, state: state, byThemselves: byThemselves)
      checkCompleteness(traffic, changes: changes)
      checkServedPorts(since: start, traffic, changes: changes)
      checkTakeover(since: start, changes: changes)
      checkInnerPaths(changes)
      checkServerFirst()
      everServed.formUnion(traffic.reached)
      noteDialed()
      changes = []
      start = state
    }
    // Failure blocks come when all steps are known, and leave no trace.
    func noteDialed() {
      guard rollbackLimit == nil, let before = dialedIn.last?.last else { return }
      dialedIn[dialedIn.count - 1].append(dialedPorts)
      // Who begins anew dials what is there now.
      segments[segments.count - 1].dialed = before.merging(dialedPorts) { $0.union($1) }
    }
    func observe(_ kind: Observation.Kind, _ statement: StepStatement) {
      close()
      if segments.isEmpty {
        segments.append(Segment(before: state, after: state, changes: []))
        noteDialed()
      }
      segments[segments.count - 1].observations.append(Observation(kind, range: statement.range, text: statement.text))
    }
    for statement in statements {
      taint.formUnion(statement.taint)
      switch statement.kind {
      case .unknown: continue
      case .observe(let kind):
        close()
        check(kind, statement)
        observe(kind, statement)
      case .shift(let shift):
        checkShift(shift, statement)
        for level in shift.levels {
          guard apply(shift, level: level, statement) else { break }
          endMirrorsToThemselves()
          var change = change(.shift, statement, [shift.version], text: "\(statement.text) [\(level)%]")
          change.isForEverybody = level == 100
          changes.append(change)
          close()
          if let last = segments.indices.last {
            segments[last].observations.append(
              Observation(
                .hold(
                  milliseconds: shift.everyMilliseconds, metrics: shift.metrics, version: shift.version, percent: level),
                range: statement.range, text: statement.text))
          }
        }
      default:
        guard let change = apply(statement, stepStart: stepStart) else { continue }
        endMirrorsToThemselves()
        changes.append(change)
      }
    }
    close()
    return segments
  }

  func change(_ kind: Change.Kind, _ statement: StepStatement, _ components: [ComponentID]) -> Change {
    Change(kind: kind, range: statement.range, text: statement.text, components: components)
  }

  func change(_ kind: Change.Kind, _ statement: StepStatement, _ versions: [VersionID], text: String? = nil) -> Change {
    Change(kind: kind, range: statement.range, text: text ?? statement.text, versions: versions)
  }

  /// The namespace and everything without a version exists from the first change on.
  func begin() {
    if state.exists { return }
    state.exists = true
    if state.mtls == nil { state.mtls = plan.mtls }
    if state.components.count < plan.components.count {
      state.components = plan.components.map { component in
        var made = ComponentState()
        made.lanes = Array(repeating: RouteTable(), count: standsInReleases(component) ? plan.releases.count : 1)
        return made
      }
    }
  }

  func standsInReleases(_ component: Component) -> Bool { component.versions.contains { !$0.releases.isEmpty } }

  func standsInReleases(_ id: ComponentID) -> Bool { standsInReleases(plan[id]) }

  /// The lanes of `version`'s component that its routes count in: its releases, or the one table of a shared component.
  func lanes(of version: VersionID) -> [Int] {
    standsInReleases(version.component) ? plan[version].releases.map(\.index) : [0]
  }

  // MARK: - Statements

  /// Applies one changing statement; nil where it changes nothing.
  private func apply(_ statement: StepStatement, stepStart: State) -> Change? {
    switch statement.kind {
    case .deployRelease(let release):
      begin()
      var versions: [VersionID] = []
      for member in plan[release].members {
        guard let first = member.versions.first else { continue }
        // What runs already stays as it is.
        if member.versions.contains(where: { state.components[member.component.index].isDeployed($0.index) }) {
          continue
        }
        deploy(first, replicas: plan[first].replicas, statement)
        versions.append(first)
      }
      if versions.isEmpty {
        if !plan[release].members.isEmpty {
          report(.noEffect("everything of release `\(plan[release].name)` is deployed already", at: statement.range))
        }
        return nil
      }
      return change(.deploy, statement, versions)
    case .deploy(let version, let replicas):
      begin()
      let wanted = replicas ?? plan[version].replicas
      let former = state.components[version.component.index].deployment(of: version.index)?.replicas
      // Stopping it, and starting it again, stay the plan's.
      if let replicas, let former, replicas > 0, former > 0, plan.isAutoscaled(version, deployment: nil) {
        report(.noEffect("a patch leaves the number of its pods to an autoscaler", at: statement.range))
        return nil
      }
      if let replicas, replicas > 0, let patch = plan.autoscalingPatch(of: version) {
        report(.replicasLeft(replicas, isLine: false, patch: patch.range, at: statement.range))
      }
      if replicas == nil, let former, former > wanted, !taint.covers(version.component) {
        report(
          .shrinksUnsaid(
            plan[version.component].name, plan[version].name, from: former, to: wanted, at: statement.range))
      }
      if former == wanted {
        report(
          .noEffect(
            "`\(plan[version.component].name)` \(plan[version].name) is deployed already, with \(wanted) replica\(wanted == 1 ? "" : "s")",
            at: statement.range))
        return nil
      }
      deploy(version, replicas: wanted, statement)
      return change(.deploy, statement, [version])
    case .route(let component, let selector, let version):
      guard route(component, selector, version, statement) else { return nil }
      var change = change(.route, statement, [version])
      change.isForEverybody = selector.isForEverybody
      return change
    case .unroute(let component, let selector):
      return unroute(component, selector, statement) ? change(.unroute, statement, [component]) : nil
    case .mirror(let component, let percent, let version):
      return mirror(component, percent, version, statement) ? change(.mirror, statement, [version]) : nil
    case .retireRelease(let release, let volumes):
      return retire(release, volumes, statement)
    case .retireVersions(let versions, let name, let volumes):
      return retire(versions, named: name, volumes, statement)
    case .rollback(let target):
      return rollback(target, stepStart: stepStart, statement)
    case .mtls(let mode):
      begin()
      if state.mtls == mode {
        report(.noEffect("mTLS is \(mode.rawValue) already", at: statement.range))
        return nil
      }
      state.mtls = mode
      return change(.mtls, statement, Array(plan.components.indices.map { ComponentID($0) }))
    case .shift, .observe, .unknown: return nil
    }
  }

  private func deploy(_ version: VersionID, replicas: Int, _ statement: StepStatement) {
    let c = version.component.index
    if let i = state.components[c].deployed.firstIndex(where: { $0.version == version.index }) {
      state.components[c].deployed[i].replicas = replicas
    } else {
      let others = state.components[c].deployed.map { VersionID(version.component, $0.version) }
      state.components[c].deployed.append(DeployedVersion(version: version.index, replicas: replicas))
      state.components[c].deployed.sort { $0.version < $1.version }
      if plan.routing == .pinned { state.components[c].isPinned = true }
      if !state.components[c].isPinned, !others.isEmpty {
        let known = Set(others.flatMap { plan[$0].releases })
        if !plan[version].releases.isEmpty, known.isDisjoint(with: plan[version].releases) {
          state.components[c].isPinned = true
        } else if !taint.covers(version.component) {
          openPairs.append(
            (
              version.component,
              .roundRobin(
                plan[version.component].name, versions: others.map { plan[$0].name } + [plan[version].name],
                at: statement.range)
            ))
        }
      }
    }
    keepDefaultAwake(version.component)
    missed.remove(version)
    if deployedAt[version] == nil { deployedAt[version] = statement.range }
    for volume in plan[version].volumes {
      state.volumes.insert(volume.claim)
      checkVolume(volume, of: version, replicas: replicas, statement)
    }
    guard replicas > 0 else { return }
    for lane in lanes(of: version) where state.components[c].lanes[lane].fallback == nil {
      state.components[c].lanes[lane].fallback = version.index
    }
    for release in plan[version].releases where !state.releases.contains(release.index) {
      state.releases.append(release.index)
    }
    if plan.exposure(of: version.component) != nil, state.components[c].entry?.fallback == nil {
      var table = state.components[c].entry ?? RouteTable()
      table.fallback = version.index
      state.components[c].entry = table
    }
  }

  /// `routing open`: every pod that is there serves, and the default counts only once routes are written. It is one that
  /// serves until then: routes begin with it.
  func keepDefaultAwake(_ component: ComponentID) {
    let c = component.index
    if state.components[c].isPinned { return }
    let awake = state.components[c].deployed.filter { $0.replicas > 0 }.map { VersionID(component, $0.version) }
    func kept(_ table: RouteTable, _ candidates: [VersionID]) -> RouteTable {
      guard let first = candidates.first, !candidates.contains(where: { $0.index == table.fallback }) else {
        return table
      }
      return RouteTable(fallback: first.index)
    }
    for lane in state.components[c].lanes.indices {
      let inside = awake.filter { lanes(of: $0).contains(lane) }
      state.components[c].lanes[lane] = kept(state.components[c].lanes[lane], inside)
    }
    if let entry = state.components[c].entry { state.components[c].entry = kept(entry, awake) }
  }

  /// One ReadWriteOnce volume, one pod.
  private func checkVolume(_ volume: Volume, of version: VersionID, replicas: Int, _ statement: StepStatement) {
    guard !taint.covers(version.component) else { return }
    if replicas > 1 {
      report(
        .sharedVolume(volume.claim, "\(replicas) replicas would mount it", at: statement.range, declared: volume.range))
      return
    }
    for deployed in state.components[version.component.index].deployed
    where deployed.version != version.index && deployed.replicas > 0 {
      let other = VersionID(version.component, deployed.version)
      if replicas > 0, plan[other].volumes.contains(where: { $0.claim == volume.claim }) {
        report(
          .sharedVolume(
            volume.claim, "version \(plan[other].name), which is deployed, mounts it too", at: statement.range,
            declared: volume.range))
      }
    }
  }

  // MARK: - Rollback and failure

  private func rollback(_ target: RollbackTarget, stepStart: State, _ statement: StepStatement) -> Change? {
    let goal: State
    switch target {
    case .step: goal = stepStart
    case .start: goal = State()
    case .after(let name, let range):
      let earlier = steps.prefix(rollbackLimit ?? steps.count)
      guard let step = earlier.first(where: { $0.name == name }) else {
        let known = earlier.map(\.name)
        // One that no step has was told by its name.
        if !taint.everything, let place = places.firstIndex(where: { $0.name == name }) {
          report(
            .rollbackTarget(
              name, known: known, step: places[place].range, isThis: place == earlier.count, at: range))
        }
        return nil
      }
      goal = step.after
      if rollbackLimit == nil, refusesLoss(by: goal, of: name, at: range) { return nil }
    }
    refuseDestroyed(goal, at: statement.range)
    let all = plan.components.indices.map { ComponentID($0) }
    if goal == state {
      report(.noEffect("nothing has changed since that state", at: statement.range))
      return nil
    }
    state = goal.keeping(volumesOf: state)
    missed = []
    openShifts = [:]
    openPairs = []
    return change(.rollback, statement, all)
  }

  /// Who is exposed, and has visitors, is there in `goal`, too: no step of a release takes it away. It may be undone by the
  /// way back of a step that brought it.
  private func refusesLoss(by goal: State, of name: String, at range: SourceRange) -> Bool {
    let live = state.components.indices.compactMap { c -> (component: String, reason: String)? in
      let id = ComponentID(c)
      guard let entry = state.components[c].entry, plan.exposure(of: id) != nil, !taint.covers(id),
        let version = entry.targets.sorted().first(where: state.components[c].isServing)
      else { return nil }
      let isThere =
        c < goal.components.count && goal.components[c].deployed.contains { $0.replicas > 0 }
        || isAnsweredAround(id, in: goal)
      return isThere ? nil : (plan[id].name, reason(for: VersionID(id, version)))
    }
    if live.isEmpty { return false }
    report(.rollbackTakesLive(name, live: live, at: range))
    return true
  }

  /// A rollback cannot bring back what `retire … with volumes` has destroyed.
  func refuseDestroyed(_ goal: State, at range: SourceRange) {
    let lost = goal.volumes.filter { destroyed[$0] != nil && !state.volumes.contains($0) }.sorted()
    if let first = lost.first, let place = destroyed[first] {
      report(.rollbackPastDestroyed(lost, at: range, destroyed: place))
    }
  }

  /// `on failure rollback` where a step destroys data and can still fail afterwards.
  private func checkRollbacks(planFailureRange: ResolvedFailure?) {
    for step in steps {
      let isRollback: Bool
      switch step.onFailure ?? planFailure {
      case .rollback: isRollback = true
      case .hold, .block: isRollback = false
      }
      guard isRollback else { continue }
      for (i, segment) in step.segments.enumerated() {
        let lost = step.before.volumes.subtracting(segment.after.volumes).sorted()
        guard !lost.isEmpty else { continue }
        let canFailLater = !segment.observations.isEmpty || i + 1 < step.segments.count
        if canFailLater, let place = lost.compactMap({ destroyed[$0] }).first {
          let at: SourceRange
          if case .rollback(let range)? = planFailureRange, step.onFailure == nil {
            at = range
          } else {
            at = step.range
          }
          report(.rollbackPastDestroyed(lost, at: at, destroyed: place, step: step.name))
        }
        break
      }
    }
  }
}

extension State {
  /// A state to roll back to: data that exists by now stays, with its claims.
  package func keeping(volumesOf current: State) -> State {
    var kept = self
    kept.volumes.formUnion(current.volumes)
    return kept
  }
}
