import Diagnostics
import RolloutSyntax

/// The first pass over the trees: every name is known before anything looks one up, so declarations come in any order.
extension Resolver {
  func declare() {
    if hasMissingFile {
      for path in Resolver.allTables { names[keyPath: path].hasNamelessDeclaration = true }
    }
    declareParameters()
    var planRange: SourceRange?
    var languageRange: SourceRange?
    for (position, tree) in trees.enumerated() {
      for index in tree.roots {
        let statement = tree[index]
        guard let form = statement.form else { continue }
        switch form {
        case .plan:
          hasPlanStatement = true
          declarePlan(statement, earlier: &planRange)
        case .language:
          if let languageRange {
            report(.duplicateSetting("`language` stands twice", at: statement.range, earlier: languageRange))
          } else {
            languageRange = statement.range
            checkEdition(statement)
          }
        case .component: declareComponent(statement)
        case .release: declareRelease(statement)
        case .cookie: declare(statement, in: \.cookies, "cookie")
        case .header: declare(statement, in: \.headers, "header")
        case .secret: declare(statement, in: \.secrets, "secret")
        case .probe: declare(statement, in: \.probes, "probe")
        case .pattern: declare(statement, in: \.patterns, "pattern")
        case .metric: declare(statement, in: \.metrics, "metric")
        case .rehearsal: declareRehearsal(statement)
        case .step, .onFailure:
          if position > 0 { report(.includeNotDeclaration(statement.range)) }
          if form == .step, position == 0 { declareStep(statement) }
        case _ where form.isStepStatement:
          if position > 0 { report(.includeNotDeclaration(statement.range)) }
        default: break
        }
      }
    }
    checkParameterNames()
    if !hasPlanStatement, !trees.isEmpty, !trees[0].statements.contains(where: { $0.form == nil }) {
      report(.missingPlan(at: SourceRange(file: trees[0].file.id, 0..<0)))
    }
    if hasPlanStatement, languageRange == nil, let planRange { report(.missingLanguage(at: planRange)) }
  }

  /// Parameters and what sets them come before all else: every other name and value may be made of them.
  private func declareParameters() {
    for tree in trees {
      for index in tree.roots where tree.statements[index].form == nil { poisonEverythingNamed(in: tree[index]) }
    }
    for tree in trees {
      for index in tree.roots {
        switch tree.statements[index].form {
        case .parameter: declareParameter(tree[index])
        case .environment:
          declare(tree[index], in: \.environments, "environment")
          checkTwice(in: tree[index])
        default: break
        }
      }
    }
    // What is wrong with an option is shown at the plan's name.
    for tree in trees.reversed() {
      for index in tree.roots.reversed() where tree.statements[index].form == .plan {
        if let token = tree[index].first(.name) { plan.nameRange = tree.range(ofToken: token) }
      }
    }
    let defaults = names.parameterValues
    chooseEnvironment()
    applySettings()
    for index in defaults.indices {
      _ = parameter(numbered: index)
      // A default is of the kind, also where something else is chosen.
      guard let source = defaults[index].source, !isSame(source, names.parameterValues[index].source),
        let value = text(source.token, in: source.tree)
      else { continue }
      check(value.value, is: defaults[index].kind, for: defaults[index].name, at: value.range)
    }
  }

  private func isSame(_ a: (token: Int, tree: SyntaxTree), _ b: (token: Int, tree: SyntaxTree)?) -> Bool {
    a.token == b?.token && a.tree.file.id == b?.tree.file.id
  }

  /// Nothing is known about the line, so nothing is said about the names in it.
  private func poisonEverythingNamed(in statement: StatementView) {
    taint.everything = true
    for token in statement.node.header where statement.tree.tokens[token].kind == .word {
      let word = statement.tree.word(token)
      let range = statement.tree.range(ofToken: token)
      for path in Resolver.allTables where names[keyPath: path][word] == nil {
        _ = names[keyPath: path].declare(word, .poisoned, at: range)
      }
    }
  }

  static var allTables: [KeyPath<NameTables, NameTable>] {
    [
      \.components, \.releases, \.cookies, \.headers, \.secrets, \.probes, \.patterns, \.metrics, \.parameters,
      \.environments,
    ]
  }

  private func declarePlan(_ statement: StatementView, earlier: inout SourceRange?) {
    guard let token = statement.first(.name) else { return }
    let range = statement.tree.range(ofToken: token)
    checkIsWrittenOut(token, in: statement.tree, "plan")
    if let earlier {
      report(.duplicate("the plan is named twice", at: range, earlier: earlier))
      return
    }
    earlier = range
    plan.nameRange = range
    plan.meshRange = range
    if let name = text(token, in: statement.tree), let label = dnsLabel(name, what: "name of a plan") {
      plan.name = label
      plan.namespace = label
    }
  }

  private func checkEdition(_ statement: StatementView) {
    guard let token = statement.first(.int), let text = text(token, in: statement.tree) else { return }
    if text.value != "1" { report(.unsupportedEdition(text.value, at: text.range)) }
  }

  /// Declares what a statement names. A broken line still declares the name it seems to declare.
  private func declare(_ statement: StatementView, in path: KeyPath<NameTables, NameTable>, _ noun: String) {
    _ = declare(statement, slot: .name, in: path, noun, index: names[keyPath: path].order.count)
  }

  /// Gives the name that is now known, or nil.
  private func declare(
    _ statement: StatementView, slot: Slot, in path: KeyPath<NameTables, NameTable>, _ noun: String, index: Int,
    brokenIsKnown: Bool = false
  ) -> SpannedText? {
    guard let token = statement.first(slot), let name = text(token, in: statement.tree) else {
      names[keyPath: path].hasNamelessDeclaration = true
      return nil
    }
    if slot == .name {
      checkIsWrittenOut(token, in: statement.tree, noun)
    }
    // `secret has TOKEN`: the name is what is missing.
    if statement.node.isBroken, Keyword(name.value) != nil { names[keyPath: path].hasNamelessDeclaration = true }
    let binding: Binding = statement.node.isBroken && !brokenIsKnown ? .poisoned : .known(index)
    if let earlier = names[keyPath: path].declare(name.value, binding, at: name.range) {
      report(.duplicate("the \(noun) `\(name.value)` is declared twice", at: name.range, earlier: earlier))
      // What the second one lists would be missing in all of them.
      if path == \NameTables.releases { hasBrokenRelease = true }
      return nil
    }
    withdrawMendedName(name.value, in: path)
    if slot == .name { checkIsName(name, noun, in: path, statement) }
    return binding == .poisoned ? nil : name
  }

  /// A declared name is what everything else looks up, so it stands in the plan as it is. Versions are values.
  private func checkIsWrittenOut(_ token: Int, in tree: SyntaxTree, _ noun: String) {
    guard usesParameter(token, in: tree) else { return }
    let range = tree.range(ofToken: token)
    report(.nameFromParameter(tree.file.text(range), noun: noun, value: text(token, in: tree)?.value, at: range))
  }

  /// A parameter gives the token its value, or a part of it.
  func usesParameter(_ token: Int, in tree: SyntaxTree) -> Bool {
    switch tree.tokens[token].kind {
    case .word: tree.word(token).utf8.count > 1 && tree.word(token).hasPrefix("$")
    case .text:
      TokenText.parts(tree.tokens[token], in: tree.file).contains {
        if case .parameter = $0 { true } else { false }
      }
    default: false
    }
  }

  /// The names of components and secrets are names in the cluster, too; a component may have another one there.
  private func checkIsName(
    _ name: SpannedText, _ noun: String, in path: KeyPath<NameTables, NameTable>, _ statement: StatementView
  ) {
    let problem: String?
    var (what, label) = ("name of \(Diagnostic.withArticle(noun))", "not a name for Kubernetes")
    switch noun {
    case "component":
      if statement.first(.name, after: .service) != nil { return }
      problem = dnsLabelProblem(name.value, startsWithLetter: true)
    case "secret":
      what = "name of a Secret"
      problem = dnsSubdomainProblem(name.value)
    default:
      label = "not a name"
      problem = dnsLabelProblem(name.value, startsWithLetter: false)
    }
    if let problem { reportBadName(name, what: what, problem: problem, in: path, label: label) }
  }

  private func declareComponent(_ statement: StatementView) {
    let index = plan.components.count
    guard
      let name = declare(statement, slot: .name, in: \.components, "component", index: index, brokenIsKnown: true)
    else { return }
    var service = name.value
    if let token = statement.first(.name, after: .service), let text = text(token, in: statement.tree) {
      if dnsLabel(text, what: "name of a Service", startsWithLetter: true) != nil { service = text.value }
    }
    plan.components.append(
      Component(name: name.value, service: service, range: statement.range, nameRange: name.range))
    names.versions.append(NameTable())
    let id = ComponentID(index)
    if statement.node.isBroken { taint.components.insert(id) }
    componentStatements.append((id, statement))
    for child in statement.node.children {
      let line = statement.tree[child]
      guard line.form == .version else { continue }
      let tokens = line.all(.newVersion)
      if tokens.isEmpty || isFaulty(line) { names.versions[index].hasNamelessDeclaration = true }
      for token in tokens {
        guard let name = text(token, in: line.tree) else { continue }
        let next = plan.components[index].versions.count
        if let earlier = names.versions[index].declare(name.value, .known(next), at: name.range) {
          report(
            .duplicate(
              "version `\(name.value)` of `\(plan.components[index].name)` is declared twice", at: name.range,
              earlier: earlier))
          continue
        }
        if versionName(name) == nil {
          names.versions[index].hasNamelessDeclaration = true
          brokenVersions.insert(VersionID(id, next))
        }
        plan.components[index].versions.append(
          ComponentVersion(name: name.value, range: name.range, image: "", imageRange: name.range))
      }
    }
  }

  private func declareRelease(_ statement: StatementView) {
    let index = plan.releases.count
    guard
      let name = declare(statement, slot: .newVersion, in: \.releases, "release", index: index, brokenIsKnown: true)
    else { return }
    if versionName(name) == nil { names.releases.hasNamelessDeclaration = true }
    plan.releases.append(Release(name: name.value, range: name.range))
    releaseStatements.append((ReleaseID(index), statement))
  }

  private func declareStep(_ statement: StatementView) {
    guard let token = statement.first(.text), let name = text(token, in: statement.tree) else {
      names.steps.hasNamelessDeclaration = true
      return
    }
    if !name.value.contains(where: { !$0.isWhitespace }) { report(.emptyStepName(at: name.range)) }
    if let earlier = names.steps.declare(name.value, .known(names.steps.order.count), at: name.range) {
      report(.duplicate("two steps are named `\(name.value)`", at: name.range, earlier: earlier))
    }
  }

  private func declareRehearsal(_ statement: StatementView) {
    guard let token = statement.first(.text), let name = text(token, in: statement.tree) else { return }
    if let earlier = names.rehearsals.declare(name.value, .known(names.rehearsals.order.count), at: name.range) {
      report(.duplicate("two rehearsals are named `\(name.value)`", at: name.range, earlier: earlier))
    }
  }

  // MARK: - Parameters and environments

  private func declareParameter(_ statement: StatementView) {
    let index = names.parameterValues.count
    guard let name = declare(statement, slot: .name, in: \.parameters, "parameter", index: index) else { return }
    if Keyword(name.value) != nil {
      report(.parameterNameTaken(name.value, isKeyword: true, at: name.range))
      // The name may be what is missing.
      names.parameters.hasNamelessDeclaration = true
    }
    let written = statement.first(of: .number, .percent, .duration, .text, .version)
      .flatMap { Parameter.Kind(rawValue: $0.text) }
    var parameter = Parameter(
      name: name.value, kind: written ?? .text, isTyped: written != nil, nameRange: name.range)
    parameter.source = statement.first(.value).map { ($0, statement.tree) }
    names.parameterValues.append(parameter)
  }

  /// Reads the value of a parameter, once; nil where there is none of its kind, which is said here.
  func parameter(numbered index: Int) -> Parameter? {
    switch names.parameterValues[index].reading {
    case .done: break
    case .begun:
      let parameter = names.parameterValues[index]
      report(.parameterCircle(parameter.name, at: parameter.nameRange))
      names.parameterValues[index].isFaulty = true
      names.parameterValues[index].reading = .done
    case .unread where parameterDepth == 256:
      let parameter = names.parameterValues[index]
      report(.parametersTooDeep(parameter.name, at: parameter.nameRange))
      names.parameterValues[index].isFaulty = true
      names.parameterValues[index].reading = .done
    case .unread:
      parameterDepth += 1
      defer { parameterDepth -= 1 }
      names.parameterValues[index].reading = .begun
      let parameter = names.parameterValues[index]
      let value = parameter.source.flatMap { text($0.token, in: $0.tree) }
      let isGood = value.map { check($0.value, is: parameter.kind, for: parameter.name, at: $0.range) } ?? false
      if isGood, let value { names.parameterValues[index].value = value.value }
      if !isGood { names.parameterValues[index].isFaulty = true }
      names.parameterValues[index].reading = .done
    }
    return names.parameterValues[index].isFaulty ? nil : names.parameterValues[index]
  }

  /// - Parameter isOption: the value was given on the command line; the range is that of the default.
  @discardableResult
  private func check(
    _ value: String, is kind: Parameter.Kind, for name: String, at range: SourceRange, isOption: Bool = false
  ) -> Bool {
    let isGood =
      switch kind {
      case .text: true
      case .number: Double(value) != nil
      case .percent: value.hasSuffix("%") && Int(value.dropLast()).map { (0...100).contains($0) } ?? false
      case .duration: parseDuration(value) != nil
      case .version: isVersion(value)
      }
    if !isGood { report(.parameterType(value, of: name, kind: kind.rawValue, at: range, isOption: isOption)) }
    return isGood
  }

  private func chooseEnvironment() {
    guard let chosen = options.environment else { return }
    var found = false
    for tree in trees {
      for index in tree.roots where tree.statements[index].form == .environment {
        let statement = tree[index]
        guard let token = statement.first(.name), let name = text(token, in: tree), name.value == chosen else {
          continue
        }
        found = true
        readEnvironment(statement, name: chosen)
      }
    }
    if !found {
      let similar = nearest(to: chosen, in: names.environments.order)
      report(
        .unknownName(
          .unknownEnvironment, "environment", chosen, at: plan.nameRange, similar: similar,
          declared: similar.flatMap { names.environments[$0]?.range }, known: names.environments.declared,
          isOption: true))
    }
  }

  /// Whether or not the environment is chosen: nothing in it stands twice.
  private func checkTwice(in environment: StatementView) {
    var seen: [String: SourceRange] = [:]
    for child in environment.node.children {
      let line = environment.tree[child]
      let subject: String
      switch line.form {
      case .context: subject = "`context`"
      case .require:
        guard let verb = line.first(of: .retire, .shift, .route) else { continue }
        subject = "`require approve before \(verb.text)`"
      case .override:
        guard let token = line.first(.name) else { continue }
        checkIsWrittenOut(token, in: line.tree, "parameter")
        subject = "`\(line.tree.word(token))`"
      default: continue
      }
      if let earlier = seen[subject] {
        report(.duplicateSetting("\(subject) stands twice", at: line.range, earlier: earlier))
      } else {
        seen[subject] = line.range
      }
    }
  }

  private func readEnvironment(_ statement: StatementView, name: String) {
    var choice = EnvironmentChoice(name: name, context: nil)
    for child in statement.node.children {
      let line = statement.tree[child]
      switch line.form {
      case .context: choice.context = text(.word, of: line)?.value
      case .require:
        switch line.first(of: .retire, .shift, .route) {
        case .retire?: requiredApprovals.insert(.retire)
        case .shift?: requiredApprovals.insert(.shift)
        case .route?: requiredApprovals.insert(.route)
        default: break
        }
      case .override:
        guard let nameToken = line.first(.name), let parameter = text(nameToken, in: line.tree),
          let value = line.first(.value)
        else { continue }
        guard case .known(let index)? = binding(of: parameter, in: \.parameters) else {
          checkParameterExists(parameter.value, at: parameter.range, beside: overridden(in: statement))
          continue
        }
        names.parameterValues[index].source = (value, line.tree)
      default: break
      }
    }
    plan.environment = choice
  }

  private func applySettings() {
    for (name, value) in options.settings { set(name, to: value) }
    // Environments that were not chosen are checked all the same.
    for tree in trees {
      for index in tree.roots where tree.statements[index].form == .environment {
        let statement = tree[index]
        if let token = statement.first(.name), text(token, in: tree)?.value == options.environment { continue }
        for child in statement.node.children {
          let line = tree[child]
          guard line.form == .override, let token = line.first(.name), let name = text(token, in: tree) else {
            continue
          }
          checkParameterExists(name.value, at: name.range, beside: overridden(in: statement))
          if case .known(let index)? = binding(of: name, in: \.parameters), let token = line.first(.value),
            let value = text(token, in: tree)
          {
            check(value.value, is: names.parameterValues[index].kind, for: name.value, at: value.range)
          }
        }
      }
    }
  }

  private func checkParameterNames() {
    for name in names.parameters.order where names.parameters[name]?.binding != .poisoned {
      for (table, noun) in [(names.components, "component"), (names.releases, "release"), (names.cookies, "cookie")] {
        if let other = table[name], let range = names.parameters[name]?.range, other.binding != .poisoned {
          report(.parameterNameTaken(name, isKeyword: false, at: range, other: other.range, noun: noun))
        }
      }
    }
  }

  /// The parameters that an environment gives values to.
  private func overridden(in environment: StatementView) -> Set<String> {
    var names: Set<String> = []
    for child in environment.node.children {
      let line = environment.tree[child]
      if line.form == .override, let token = line.first(.name) { names.insert(line.tree.word(token)) }
    }
    return names
  }

  /// - Parameter others: what the same environment gives values to: none of these can be meant.
  private func checkParameterExists(_ name: String, at range: SourceRange?, beside others: Set<String>) {
    guard names.parameters[name] == nil, !names.parameters.hasNamelessDeclaration, !doubtfulWords.contains(name)
    else { return }
    reportOnce(name, in: \.parameters, at: range ?? plan.nameRange) {
      let similar = nearest(to: name, in: names.parameters.order.filter { !others.contains($0) })
      return .unknownName(
        .environmentUnknownParameter, "parameter", name, at: range ?? plan.nameRange, similar: similar,
        declared: similar.flatMap { names.parameters[$0]?.range }, known: names.parameters.declared,
        isOption: range == nil
      )
    }
  }

  /// The command line gives a value: it is text, whatever stands in it.
  private func set(_ name: String, to value: String) {
    guard case .known(let index)? = names.parameters[name]?.binding else {
      checkParameterExists(name, at: nil, beside: [])
      return
    }
    let parameter = names.parameterValues[index]
    let at = parameter.source.map { $0.tree.range(ofToken: $0.token) } ?? parameter.nameRange
    names.parameterValues[index].source = nil
    names.parameterValues[index].value = value
    names.parameterValues[index].reading = .done
    names.parameterValues[index].isFaulty = !check(value, is: parameter.kind, for: name, at: at, isOption: true)
  }
}
