import Diagnostics
import RolloutSyntax

/// The third pass: steps and their statements. Only the plan's own file has any.
extension Resolver {
  func resolveSteps() -> ResolvedSteps {
    var result = readSteps()
    // A step that stands nowhere is a wrong name; one that comes later is a wrong target, which the interpreter tells.
    let known = result.steps.map(\.name)
    func look(_ statements: inout [StepStatement], behind earlier: [String]) {
      for i in statements.indices {
        guard case .rollback(.after(let name, let range)) = statements[i].kind, !known.contains(name) else { continue }
        reportUnknownStep(SpannedText(value: name, range: range), known: known, near: earlier)
        statements[i].kind = .unknown
        statements[i].taint = Taint(everything: true)
        stepTaint.everything = true
      }
    }
    for i in result.steps.indices {
      let earlier = Array(known.prefix(i))
      look(&result.steps[i].statements, behind: earlier)
      if case .block(var statements, let range)? = result.steps[i].failure {
        look(&statements, behind: earlier)
        result.steps[i].failure = .block(statements, range)
      }
    }
    if case .block(var statements, let range)? = result.failure {
      look(&statements, behind: [])
      result.failure = .block(statements, range)
    }
    return result
  }

  private func readSteps() -> ResolvedSteps {
    var result = ResolvedSteps()
    guard let tree = trees.first else { return result }
    var planFailure: SourceRange?
    for index in tree.roots {
      let statement = tree[index]
      switch statement.form {
      case .step:
        let name = statement.first(.text).flatMap { text($0, in: tree)?.value } ?? "step \(result.steps.count + 1)"
        result.steps.append(resolveStep(statement, name: name, behind: result.steps.last?.statements.last))
      case .onFailure:
        if let planFailure {
          report(.duplicateSetting("`on failure` stands twice", at: statement.range, earlier: planFailure))
          continue
        }
        planFailure = statement.range
        result.failure = resolveFailure(statement)
      case let form? where form.isStepStatement:
        let resolved = resolve(statement)
        let last = result.steps.last
        let earlier = last.flatMap { $0.isTopLevel ? $0.statements.last : nil }
        if form.isChange || result.steps.isEmpty {
          result.steps.append(
            ResolvedStep(
              name: tree.text(of: statement.node), range: statement.range,
              statements: approvals(before: resolved, behind: last?.statements.last) + resolved,
              failure: nil, isTopLevel: true))
        } else {
          if let earlier, earlier.form == .rollback { report(.notLast(at: earlier.range)) }
          result.steps[result.steps.count - 1].statements += resolved
        }
      default: break
      }
    }
    return result
  }

  /// - Parameter previous: the last line of the step before.
  private func resolveStep(_ statement: StatementView, name: String, behind previous: StepStatement?) -> ResolvedStep {
    var step = ResolvedStep(name: name, range: statement.range, statements: [], failure: nil, isTopLevel: false)
    var failureRange: SourceRange?
    for child in statement.node.children {
      let line = statement.tree[child]
      if line.form == .onFailure {
        if let failureRange {
          report(.duplicateSetting("`on failure` stands twice", at: line.range, earlier: failureRange))
          continue
        }
        failureRange = line.range
        step.failure = resolveFailure(line)
        continue
      }
      if let last = step.statements.last, last.form == .rollback, line.form?.isStepStatement ?? false {
        report(.notLast(at: last.range))
      }
      let resolved = resolve(line)
      step.statements += approvals(before: resolved, behind: step.statements.last ?? previous)
      step.statements += resolved
    }
    return step
  }

  private func resolveFailure(_ statement: StatementView) -> ResolvedFailure? {
    if statement.has(.rollback) { return .rollback(statement.range) }
    guard statement.node.hasBlock else {
      // The lines of the block may stand somewhere else.
      taint.everything = true
      return nil
    }
    var statements: [StepStatement] = []
    for child in statement.node.children {
      let line = statement.tree[child]
      if line.form == .approve {
        report(.notInFailureBlock("approve", at: line.range))
        continue
      }
      if let last = statements.last, last.form == .rollback { report(.notLast(at: last.range)) }
      statements += resolve(line)
    }
    return .block(statements, statement.range)
  }

  /// `require approve before …`: an approval where the environment wants one and none stands just before.
  private func approvals(before statements: [StepStatement], behind earlier: StepStatement?) -> [StepStatement] {
    guard let next = statements.first, requiredApprovals.contains(next.form), earlier?.form != .approve else {
      return []
    }
    let environment = plan.environment?.name ?? ""
    return [
      StepStatement(
        kind: .observe(.approve(message: "\(environment): \(next.text)", by: [], withinMilliseconds: nil)),
        form: .approve,
        range: next.range, text: "approve (required in \(environment))", subject: next.range)
    ]
  }

  // MARK: - Statements

  private func resolve(_ statement: StatementView) -> [StepStatement] {
    let tree = statement.tree
    var subject = statement.range
    if let token = statement.first(.version) ?? statement.first(.target) ?? statement.first(.release)
      ?? statement.first(.component)
    {
      subject = tree.range(ofToken: token)
    }
    var taint = Taint()
    func made(_ kind: StepStatement.Kind) -> [StepStatement] {
      stepTaint.formUnion(taint)
      return [
        StepStatement(
          kind: kind, form: statement.form ?? .step, range: statement.range, text: valuedText(of: statement),
          subject: subject, taint: taint)
      ]
    }
    guard let form = statement.form, !statement.node.isBroken else {
      taint = doubt(statement)
      resolveGoodPrefix(statement)
      return made(.unknown)
    }
    if isFaulty(statement) { taint = doubt(statement) }
    let before = diagnostics.count
    let kind = kind(of: form, statement)
    guard let kind else {
      if diagnostics.count == before || form.isChange { taint = doubt(statement) }
      return made(.unknown)
    }
    return made(kind)
  }

  /// The line with the values of its parameters: what is done, and for how long, where the plan's names do not say it.
  private func valuedText(of statement: StatementView) -> String {
    let tree = statement.tree
    return tree.text(of: statement.node) { token in
      guard usesParameter(token, in: tree) else { return nil }
      let isWord = tree.tokens[token].kind == .word
      if isWord, names.parameters[String(tree.word(token).dropFirst())] == nil { return nil }
      return text(token, in: tree).map { isWord ? $0.value : "\"\($0.value)\"" }
    }
  }

  /// Who may approve: the name that somebody has logged in by, which has no blanks.
  private func approver(_ token: Int, in tree: SyntaxTree) -> String? {
    guard let name = text(token, in: tree) else { return nil }
    if !name.value.isEmpty, !name.value.contains(where: \.isWhitespace) { return name.value }
    report(.badApprover(name.value, at: name.range))
    return nil
  }

  /// A line that is not understood may have been about the component that it names, or about any.
  private func doubt(_ statement: StatementView) -> Taint {
    guard statement.form?.isChange ?? true else { return Taint() }
    if let token = statement.first(.component), let name = text(token, in: statement.tree),
      case .known(let index)? = binding(of: name, in: \.components), statement.form != .retire
    {
      return Taint(components: [ComponentID(index)])
    }
    return Taint(everything: true)
  }

  private func kind(of form: Form, _ statement: StatementView) -> StepStatement.Kind? {
    let tree = statement.tree
    let component = { self.component(statement.first(.component), in: tree) }
    switch form {
    case .deploy:
      if statement.has(.release) {
        guard let token = statement.first(.release) else { return nil }
        return lookUp(.release, token, in: tree).map { .deployRelease(ReleaseID($0)) }
      }
      if let token = statement.first(.component), let release = statement.first(.version),
        tree.tokens[token].keyword == .all, names.components["all"] == nil
      {
        let name = text(release, in: tree)?.value
        report(
          .deployAll(
            release: name.flatMap { names.releases[$0] == nil || statement.has(.replicas) ? nil : $0 },
            at: tree.range(ofToken: token)))
        return nil
      }
      if let token = statement.first(.component), let release = releaseByMisspelling(token, statement) {
        report(release)
        return nil
      }
      // What is wrong in a line is said in one run: everything is read before anything is given up.
      let replicas = statement.first(.int).flatMap { integer($0, in: tree, 0...10_000, what: "number of replicas") }
      guard let version = version(statement.first(.version), of: component(), in: tree) else { return nil }
      return .deploy(version, replicas: replicas)
    case .route:
      let id = component()
      let selector = routeSelector(statement)
      guard let version = version(statement.first(.version), of: id, in: tree), let id, let selector else { return nil }
      if case .selected(let visitor) = selector {
        let what = visitor.isCookie ? "a cookie rule reads requests" : "a header rule reads requests"
        let help = "move all connections or a share of them, as `route \(plan[id].name) 10% -> \(plan[version].name)`"
        guard speaksHTTP(version, what: what, help: help, at: statement) else { return nil }
      }
      return .route(id, selector, version)
    case .unroute:
      guard let id = component(),
        let selector = selector(statement, isCookie: statement.first(of: .cookie, .header) == .cookie)
      else { return nil }
      return .unroute(id, selector)
    case .mirror:
      let id = component()
      let percent = percent(statement.first(.percent), in: tree)
      guard let version = version(statement.first(.version), of: id, in: tree), let id, let percent else { return nil }
      let help = "leave it out; connections cannot be copied"
      guard speaksHTTP(version, what: "a mirror copies requests", help: help, at: statement) else { return nil }
      return .mirror(id, percent: percent, version)
    case .shift: return shift(statement, component())
    case .verify: return verify(statement).map { .observe($0) }
    case .wait:
      if statement.has(.until) {
        let within = duration(.duration, after: .within, of: statement, allowsZero: false)
        guard let version = version(statement.first(.version), of: component(), in: tree) else { return nil }
        return .observe(.waitUntilReady(version, withinMilliseconds: within))
      }
      return duration(statement.first(.duration), in: tree).map { .observe(.wait(milliseconds: $0)) }
    case .pause:
      if let token = statement.first(.duration), let words = text(token, in: tree) {
        // In quotes, or by a parameter, it is a time only if it reads like one.
        let mayBeText = tree.tokens[token].kind == .text || tree.word(token).hasPrefix("$")
        if mayBeText, parseDuration(words.value) == nil {
          return .observe(.pause(milliseconds: nil, message: words.value))
        }
        return duration(token, in: tree).map { .observe(.pause(milliseconds: $0, message: nil)) }
      }
      return .observe(.pause(milliseconds: nil, message: text(.text, of: statement)?.value))
    case .approve:
      let by = members(statement.all(.word), in: tree) { approver($0, in: tree) }
      return .observe(
        .approve(
          message: text(.text, of: statement)?.value, by: by,
          withinMilliseconds: duration(.duration, after: .within, of: statement, allowsZero: false)))
    case .retire: return retire(statement)
    case .rollback:
      if statement.has(.start) { return .rollback(.start) }
      guard statement.has(.to) else { return .rollback(.step) }
      guard let token = statement.first(.text), let name = text(token, in: tree) else { return nil }
      return .rollback(.after(stepNamed: name.value, range: name.range))
    case .mtls: return mtlsMode(statement).map { .mtls($0) }
    default: return nil
    }
  }

  /// `deploy releas 2.0`: a word that is nearly `release`, and no component's name, before the name of a release.
  private func releaseByMisspelling(_ token: Int, _ statement: StatementView) -> Diagnostic? {
    let tree = statement.tree
    guard tree.tokens[token].kind == .word, !statement.has(.replicas), let name = text(token, in: tree),
      let release = statement.first(.version).flatMap({ text($0, in: tree) }),
      names.components[name.value] == nil, names.releases[release.value] != nil,
      nearest(to: name.value, in: names.components.order, allowsOne: false) == nil,
      nearest(to: name.value.lowercased(), in: ["release"]) != nil
    else { return nil }
    return .misspelledRelease(name.value, release: release.value, at: name.range)
  }

  /// Whether the mesh sees requests to `version`; reported where it does not.
  private func speaksHTTP(_ version: VersionID, what: String, help: String, at statement: StatementView) -> Bool {
    let ports = plan[version].ports
    if ports.isEmpty || ports.contains(where: \.proto.isHTTP) { return true }
    report(
      .needsHTTP(
        plan[version.component].name, plan[version].name, what: what, help: help, at: statement.range, ports: ports))
    return false
  }

  private func routeSelector(_ statement: StatementView) -> RouteSelector? {
    if statement.has(.all) { return .all }
    if let token = statement.first(.percent) { return percent(token, in: statement.tree).map { .percent($0) } }
    return selector(statement, isCookie: statement.first(of: .cookie, .header) == .cookie).map { .selected($0) }
  }

  private func shift(_ statement: StatementView, _ component: ComponentID?) -> StepStatement.Kind? {
    let tree = statement.tree
    let tokens = statement.all(.percent)
    var levels: [Int] = []
    var isWhole = true
    for token in tokens {
      guard let level = percent(token, in: tree) else {
        isWhole = false
        continue
      }
      if let last = levels.last ?? (level == 0 ? 0 : nil), level <= last {
        report(.levelsDoNotRise(level, after: levels.last, at: tree.range(ofToken: token)))
        isWhole = false
      }
      levels.append(level)
    }
    let every = duration(.duration, after: .every, of: statement, allowsZero: false)
    let metrics = members(statement.all(.metric), in: tree) { token in
      let metric = lookUp(.metric, token, in: tree)
      if metric == nil { isWhole = false }
      return metric
    }
    guard let version = version(statement.first(.version), of: component, in: tree), let component, let every, isWhole
    else { return nil }
    var sticky: Int?
    if statement.has(.sticky) {
      sticky = duration(.duration, after: .sticky, of: statement, allowsZero: false)
      let isHTTP = plan[version].ports.contains { $0.proto.isHTTP }
      if plan.exposure(of: component)?.isTCP(plan[component]) ?? true || !isHTTP, !hasBrokenExposure {
        report(
          .stickyNotPossible(
            plan[component].name, at: statement.token(of: .sticky).map { tree.range(ofToken: $0) } ?? statement.range))
      }
    }
    return .shift(
      Shift(
        component: component, version: version, levels: levels, everyMilliseconds: every, metrics: metrics,
        stickyMilliseconds: sticky))
  }

  private func verify(_ statement: StatementView) -> Observation.Kind? {
    let tree = statement.tree
    guard let subject = statement.first(.subject) else { return nil }
    if statement.has(.for) {
      guard let metric = lookUp(.metric, subject, in: tree), let time = duration(.duration, after: .for, of: statement)
      else { return nil }
      if case .istio(_, of: nil)? = plan.metrics.indices.contains(metric) ? plan.metrics[metric].source : nil,
        plan.exposures.isEmpty, !hasBrokenExposure
      {
        report(.nothingMeasured(plan.metrics[metric].name, at: statement.range))
        return nil
      }
      return .verifyMetric(metric: metric, forMilliseconds: time)
    }
    if let pattern = statement.first(.pattern), Slot.methods.contains(tree.word(subject)),
      tree.word(pattern).hasPrefix("/"), names.probes[tree.word(subject)] == nil
    {
      let request = tree.range(ofToken: subject).joined(tree.range(ofToken: pattern))
      report(.verifyByPath(.unknownProbe, request: tree.file.text(request), rest: "", at: request))
      return nil
    }
    let probe = lookUp(.probe, subject, in: tree)
    let expectation: Verification.Expectation?
    if statement.has(.matches) {
      expectation = regex(statement.first(.regex), in: tree).map { .matches(pattern: $0, name: nil) }
    } else if statement.has(.contains) {
      expectation = text(.text, of: statement).map { .contains($0.value) }
    } else if statement.has(.equals) {
      expectation = text(.text, of: statement).map { .equals($0.value) }
    } else if statement.has(.status) {
      expectation = integer(statement.first(.status), in: tree, 100...599, what: "HTTP status", code: .badStatus).map {
        .status($0)
      }
    } else if let token = statement.first(.pattern), let meant = expectationWithoutWord(token, in: tree) {
      report(meant)
      expectation = nil
    } else if let token = statement.first(.pattern) {
      expectation = lookUp(.pattern, token, in: tree, onlyIfClose: probe == nil).flatMap { index in
        plan.patterns.indices.contains(index)
          ? .matches(pattern: plan.patterns[index].pattern, name: plan.patterns[index].name) : nil
      }
    } else {
      expectation = nil
    }
    let count = statement.first(.int).flatMap { integer($0, in: tree, 1...1000, what: "number of times") } ?? 5
    let within = duration(.duration, after: .within, of: statement, allowsZero: false) ?? 60_000
    let asker = askingVisitor(statement)
    if plan.exposures.isEmpty, !hasBrokenExposure {
      report(.nothingExposed(at: statement.range))
      return nil
    }
    guard let probe, let expectation, plan.probes.indices.contains(probe) else { return nil }
    return .verify(
      Verification(
        probe: probe, expectation: expectation, count: count, withinMilliseconds: within,
        visitor: asker ?? plan.probes[probe].visitor))
  }

  /// `verify home 200`, `verify home "Hello"`: what stands in place of a pattern, where none has that name.
  private func expectationWithoutWord(_ token: Int, in tree: SyntaxTree) -> Diagnostic? {
    guard let name = text(token, in: tree), names.patterns[name.value] == nil else { return nil }
    if tree.tokens[token].kind == .word, let status = Int(name.value), (100...599).contains(status) {
      return .statusWithoutWord(name.value, at: name.range)
    }
    guard tree.tokens[token].kind == .text else { return nil }
    return .textWithoutWord(name.value, at: name.range)
  }

  private func retire(_ statement: StatementView) -> StepStatement.Kind? {
    let tree = statement.tree
    let volumes = statement.has(.with)
    if let token = statement.first(.target), let second = statement.first(.version),
      tree.tokens[token].keyword == .release, names.components["release"] == nil
    {
      report(
        .retireWithoutRelease(
          tree.word(second), at: tree.range(ofToken: token), upTo: tree.range(ofToken: second)))
      return nil
    }
    guard let token = statement.first(.target), let name = text(token, in: tree) else { return nil }
    if let second = statement.first(.version) {
      guard let id = component(token, in: tree), let version = version(second, of: id, in: tree) else { return nil }
      return .retireVersions([version], name: "`\(plan[id].name)` \(plan[version].name)", volumes: volumes)
    }
    if case .known(let index)? = names.releases[name.value]?.binding {
      return .retireRelease(ReleaseID(index), volumes: volumes)
    }
    if names.releases[name.value]?.binding == .poisoned { return nil }
    let versions = plan.components.indices.compactMap { c -> VersionID? in
      guard case .known(let v)? = names.versions[c][name.value]?.binding else { return nil }
      return VersionID(ComponentID(c), v)
    }
    if versions.isEmpty {
      if doubtfulWords.contains(name.value)
        || names.versions.contains(where: { $0[name.value] != nil || $0.hasNamelessDeclaration })
        || names.releases.hasNamelessDeclaration
      {
        return nil
      }
      var seen: Set<String> = []
      let known = (names.releases.declared + names.versions.flatMap(\.declared)).filter { seen.insert($0).inserted }
      reportOnce(name.value, in: \.releases, at: name.range) {
        if let parts = componentAndVersion(name.value) {
          return .joinedByColon(name.value, component: parts.component, version: parts.version, at: name.range)
        }
        let similar = nearest(to: name.value, in: known, allowsOne: false)
        return .unknownName(
          .unknownRelease, "release or version", name.value, at: name.range, similar: similar,
          declared: similar.flatMap { names.releases[$0]?.range }, known: known)
      }
      return nil
    }
    return .retireVersions(versions, name: "version `\(name.value)`", volumes: volumes)
  }

  /// `web:1.0`, as an image is named: a component and one of its versions.
  private func componentAndVersion(_ name: String) -> (component: String, version: String)? {
    guard let colon = name.firstIndex(of: ":") else { return nil }
    let (component, version) = (String(name[..<colon]), String(name[name.index(after: colon)...]))
    guard case .known(let c)? = names.components[component]?.binding, names.versions[c][version] != nil else {
      return nil
    }
    return (component, version)
  }

  // MARK: - Rehearsals

  func resolveRehearsals() {
    guard !trees.isEmpty else { return }
    let asked = whatIsAsked()
    for tree in trees {
      for index in tree.roots where tree.statements[index].form == .rehearsal {
        let statement = tree[index]
        let name = statement.first(.text).flatMap { text($0, in: tree)?.value } ?? "rehearsal"
        var script = RehearsalScript(name: name, range: statement.range)
        for child in statement.node.children {
          let line = tree[child]
          guard !line.node.isBroken else {
            resolveGoodPrefix(line)
            continue
          }
          if line.form == .stub, let stub = stub(line) {
            if let earlier = script.stubs.first(where: { $0.0.isAbout(sameAs: stub) }) {
              report(
                .duplicateSetting("two stubs answer the same question", at: line.range, earlier: earlier.1))
              continue
            }
            check(stub, at: line.range, asked)
            script.stubs.append((stub, line.range))
          }
          if line.form == .expect, let expectation = expectation(line) {
            script.expectations.append((expectation, line.range))
          }
        }
        plan.rehearsals.append(script)
      }
    }
  }

  private func stub(_ line: StatementView) -> RehearsalScript.Stub? {
    let tree = line.tree
    if line.has(.approve) { return .approve(line.has(.yes)) }
    if let token = line.first(.metric) {
      guard let metric = lookUp(.metric, token, in: tree), let number = text(.number, of: line) else { return nil }
      let source = plan.metrics.indices.contains(metric) ? plan.metrics[metric].source : .promql("")
      let value: Double?
      if case .istio(let kind, _) = source {
        value =
          kind.isRate
          ? Double(number.value.hasSuffix("%") ? String(number.value.dropLast()) : number.value)
          : parseDuration(number.value).map(Double.init)
      } else {
        value = Double(number.value)
      }
      guard let value else {
        report(.metricUnit(number.value, wanted: "a value in the metric's unit", at: number.range))
        return nil
      }
      guard value.isFinite else {
        report(.numberTooLarge(number.value, at: number.range))
        return nil
      }
      return .metric(metric, value)
    }
    guard let version = version(line.first(.version), of: component(line.first(.component), in: tree), in: tree) else {
      return nil
    }
    if line.has(.never) { return .neverReady(version) }
    if line.has(.status) {
      return integer(line.first(.status), in: tree, 100...599, what: "HTTP status", code: .badStatus).map {
        .status(version, $0)
      }
    }
    guard let token = line.first(.probe), let probe = lookUp(.probe, token, in: tree), let text = text(.text, of: line)
    else { return nil }
    return .answers(version, probe: probe, text: text.value)
  }

  private func expectation(_ line: StatementView) -> RehearsalScript.Expectation? {
    let tree = line.tree
    if line.has(.done) { return .done }
    if line.has(.fails) {
      guard let token = line.first(.text), let name = text(token, in: tree) else { return nil }
      if let index = plan.steps.firstIndex(where: { $0.name == name.value }) { return .failsAt(step: index) }
      let known = plan.steps.map(\.name)
      reportUnknownStep(name, known: known, near: known)
      return nil
    }
    let components = line.all(.component)
    let versions = line.all(.version)
    if line.has(.never) {
      guard components.count == 2, versions.count == 2,
        let caller = version(versions[0], of: component(components[0], in: tree), in: tree),
        let callee = version(versions[1], of: component(components[1], in: tree), in: tree)
      else { return nil }
      return .neverCalls(caller, callee)
    }
    guard let version = version(versions.first, of: component(components.first, in: tree), in: tree) else { return nil }
    if line.has(.all) { return .serves(version, to: .all) }
    let isCookie = line.first(of: .cookie, .header) == .cookie
    guard let token = line.first(.cookie) ?? line.first(.header),
      let selector = visitor(token, isCookie: isCookie, in: tree)
    else { return nil }
    return .serves(version, to: .selected(selector))
  }

  /// - Parameter near: those that may be meant.
  private func reportUnknownStep(_ name: SpannedText, known: [String], near: [String]) {
    guard !names.steps.hasNamelessDeclaration, !doubtfulWords.contains(name.value) else { return }
    // Two steps of one name are another fault.
    var seen: Set<String> = []
    let known = known.filter { seen.insert($0).inserted }
    reportOnce(name.value, in: \.steps, at: name.range) {
      .unknownName(
        .unknownStep, "step", name.value, at: name.range, similar: nearest(to: name.value, in: near), declared: nil,
        known: known, isText: true)
    }
  }
}
