internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import MeshModel
internal import RolloutPlan

/// Says findings in words: what breaks for whom, when, on which way, and what a user would see.
struct Explanation {
  let model: FlowModel
  let compiled: Compiled
  /// The patch or manifest without which something would not be found.
  let suspects: [FindingSubject: Suspect]

  init(_ model: FlowModel, _ compiled: Compiled, suspects: [FindingSubject: Suspect]) {
    self.model = model
    self.compiled = compiled
    self.suspects = suspects
  }

  /// One diagnostic for one violation. What breaks one component in one phase is one: the first invariant is the
  /// diagnostic, the others are its notes; what lasts into later phases, and what a rollback meets in the same way, is
  /// not said again.
  func diagnostics(_ findings: [Finding]) -> [Diagnostic] {
    var order: [Group] = []
    var groups: [Group: [Finding]] = [:]
    var said: Set<Said> = []
    for finding in findings {
      let violation = finding.violation
      let said_ = Said(
        step: finding.moment.step, invariant: violation.invariant, component: model.component(violation),
        version: violation.flow == nil ? violation.version : nil, object: violation.object,
        isBack: finding.moment.course != .forward)
      let isKnown =
        said.contains(said_)
        || said_.isBack
          && said.contains { known in
            !known.isBack && known.step == said_.step && known.invariant == said_.invariant
              && known.component == said_.component
          }
      let group = Group(moment: finding.moment, component: model.component(violation))
      if isKnown {
        if groups[group] != nil { groups[group]?.append(finding) }
        continue
      }
      said.insert(said_)
      if groups[group] == nil { order.append(group) }
      groups[group, default: []].append(finding)
    }
    var blamed: Set<Blame> = []
    return order.compactMap { key -> Diagnostic? in
      guard let group = groups[key], let diagnostic = diagnostic(group) else { return nil }
      // A line of its author's own is told once what it does, and not for each step and each visitor.
      if let first = group.first, suspects[FindingSubject(first, model)] != nil,
        !blamed.insert(Blame(code: diagnostic.code, range: diagnostic.primary.range)).inserted
      {
        return nil
      }
      return diagnostic
    }.inReadingOrder
  }

  private struct Group: Hashable {
    var moment: Moment
    var component: Int?
  }

  private struct Blame: Hashable {
    var code: Code
    var range: SourceRange
  }

  private struct Said: Hashable {
    var step: Int
    var invariant: Invariant
    var component: Int?
    var version: Int?
    var object: ObjectID?
    var isBack: Bool
  }

  // MARK: - One diagnostic

  private func diagnostic(_ findings: [Finding]) -> Diagnostic? {
    let sorted = findings.enumerated().sorted { a, b in
      (a.element.violation.invariant, a.offset) < (b.element.violation.invariant, b.offset)
    }.map(\.element)
    guard let first = sorted.first else { return nil }
    let suspect = suspects[FindingSubject(first, model)]
    let range =
      suspect?.range ?? policy(first) ?? first.write?.origin
      ?? model.plan.steps.first { $0.index == first.moment.step }?.range
    guard let range else { return nil }
    var notes = [moment(first), way(first.violation)]
    if let seen = seen(first) { notes.append(seen) }
    var others: [String] = []
    for finding in sorted.dropFirst() {
      let text = message(finding)
      if text != message(first), !others.contains(text) { others.append(text) }
    }
    if others.count > 4 { others = Array(others.prefix(4)) + ["and \(others.count - 4) more like these"] }
    notes += others.map { "also: " + $0 }
    let label =
      suspect != nil
      ? "without this, it would not be so"
      : first.write.map { "\(verb($0)) \($0.id)" } ?? "in this step"
    return Diagnostic(
      code(first), message(first), at: Label(range, label), notes: notes.filter { !$0.isEmpty }, help: help(first))
  }

  /// The `mtls` of the step where the two ends do not agree: a rule may be written for a subset as well, and that is not
  /// what is wrong about it.
  private func policy(_ finding: Finding) -> SourceRange? {
    guard finding.violation.invariant == .tlsAgrees else { return nil }
    return model.plan.step(numbered: finding.moment.step)?.segments.lazy.flatMap(\.changes)
      .first { $0.kind == .mtls }?.range
  }

  private func code(_ finding: Finding) -> Code {
    switch finding.violation.invariant {
    case .subsetDefined: .undefinedSubset
    case .podsReady: isRecreation(finding) ? .downtime : .noReadyPods
    case .routeMatches: .noRoute
    case .releaseIsolated: .mixedReleases
    case .versionRouted: .strayTraffic
    case .portFits: .wrongPort
    case .tlsAgrees: .tlsMismatch
    case .replicasKept: isRecreation(finding) ? .downtime : .tooFewPods
    case .inUseKept: .stillInUse
    }
  }

  /// A Deployment on a volume whose pods all stop before the ones that take their place may start.
  private func isRecreation(_ finding: Finding) -> Bool {
    guard let write = finding.write, write.id.kind == "Deployment", let object = write.object,
      let previous = write.previous, isRecreated(object), replicas(previous) > 0
    else { return false }
    return replicas(object) > 0 || finding.moment.kind == .freeVolumes
  }

  private func verb(_ write: Write) -> String {
    switch write.action {
    case .create: "creates"
    case .update: "changes"
    case .delete: "deletes"
    }
  }

  // MARK: - Words

  private func isPlain(_ flow: Flow) -> Bool { if case .plain = flow.client { true } else { false } }

  /// Who suffers: `visitors with cookie …`, or `calls of \`web 2.0\` to \`store\``.
  private func who(_ f: Int) -> String {
    let flow = model.flows[f]
    switch flow.source {
    case .entry: return flow.cohort.description
    case .caller(let version):
      let sidecar = isPlain(flow) ? ", which has no sidecar," : ""
      return "calls of `\(model.name(of: version))`\(sidecar) to `\(model.plan.components[flow.callee].name)`"
    }
  }

  private func message(_ finding: Finding) -> String {
    let violation = finding.violation
    let who = violation.flow.map(who) ?? ""
    let callee = violation.flow.map { "`\(model.plan.components[model.flows[$0].callee].name)`" } ?? ""
    let version = violation.version.map { "`\(model.name(of: $0))`" } ?? ""
    let subset = violation.fault?.subset.map { "subset `\($0)`" } ?? "a pod"
    let isFlow = violation.flow != nil
    switch violation.invariant {
    case .subsetDefined:
      if violation.fault?.subset != nil, violation.fault?.reason == .undefinedSubset {
        return "\(who) are led to \(subset) of \(callee), which no DestinationRule defines\(when(finding))"
      }
      return "\(who) are led to a service or port that does not exist\(when(finding))"
    case .podsReady:
      if isRecreation(finding) {
        return "\(who) find no ready pod of \(callee) while its pods are replaced"
      }
      return "\(who) are led to \(subset) of \(callee), which has no ready pod\(when(finding))"
    case .routeMatches: return "\(who) find no route to \(callee), which served them before"
    case .releaseIsolated:
      let entered = violation.path.first.map { "`\(model.name(of: $0.version))`" } ?? "one release"
      return "a request that entered by \(entered) reaches \(version) of another release"
    case .versionRouted where violation.isUnserved:
      return "\(version) gets nothing of \(who), whom the plan leads there"
    case .versionRouted: return "\(who) reach \(version), to which no state routes them"
    case .portFits: return "\(who) on port \(violation.fault?.port ?? 0) reach pods that do not speak it"
    case .tlsAgrees where violation.fault?.reason == .serverFirst:
      return "\(who) wait for the server to speak first, and its proxy waits for them (mTLS is permissive)"
    case .tlsAgrees: return "\(who) and the pods of \(callee) disagree about mutual TLS"
    case .replicasKept: return "fewer pods of \(version) may be ready than before and after the change"
    case .inUseKept:
      if let needed = violation.needed, let object = violation.object {
        return needed.isWorkload
          ? "\(object) is started while \(needed) may still have its volume"
          : "\(object) is written before \(needed), which it needs"
      }
      if isFlow { return "\(who) call a service that is not there" }
      if let object = violation.object, violation.version != nil {
        return object.isWorkload
          ? "\(object) is stopped while requests may still be with it"
          : "\(object) is deleted while \(version) needs it"
      }
      return "\(violation.object.map(String.init(describing:)) ?? "an object") is deleted while it is still needed"
    }
  }

  private func when(_ finding: Finding) -> String {
    if finding.violation.isLasting { return "" }
    switch finding.violation.invariant {
    case .subsetDefined: return " at that moment"
    case .podsReady: return " yet or any more"
    default: return ""
    }
  }

  private func moment(_ finding: Finding) -> String {
    let moment = finding.moment
    let name = model.plan.steps.first { $0.index == moment.step }?.name ?? "\(moment.step + 1)"
    let course =
      switch moment.course {
      case .forward: "in step \"\(name)\""
      case .rollback(let place): "rolling step \"\(name)\" back \(words(place))"
      case .failureBlock(let place): "in the failure block of step \"\(name)\", reached \(words(place))"
      case .leavingBlock(let place, let at):
        "rolling back, \(words(at)), the failure block of step \"\(name)\", reached \(words(place))"
      }
    let after = finding.write.map { ", once \($0.id) is written" } ?? ""
    if finding.violation.isLasting { return "\(course), and still so when phase `\(moment.kind.rawValue)` is over" }
    return "\(course), phase `\(moment.kind.rawValue)`\(after)"
  }

  private func words(_ place: Moment.Place) -> String {
    let part = place.segments == 1 ? "its first part" : "its part \(place.segments)"
    if let phase = place.phase { return "from the middle of phase `\(phase.rawValue)` of \(part)" }
    return place.segments == 0 ? "after nothing was changed" : "after \(part)"
  }

  /// `the way of the request: gateway port 80 (everybody) -> web 1.0 -> store port 6379, which fails`
  private func way(_ violation: Violation) -> String {
    var parts: [String] = []
    for hop in violation.path {
      if hop.flow >= 0, case .entry = model.flows[hop.flow].source {
        let flow = model.flows[hop.flow]
        parts.append("gateway port \(flow.port) (\(flow.cohort.description))")
      }
      parts.append(model.name(of: hop.version))
    }
    if let f = violation.flow {
      let flow = model.flows[f]
      if parts.isEmpty, case .caller(let caller) = flow.source { parts.append(model.name(of: caller)) }
      if flow.isEntry { parts.append("gateway port \(flow.port)\(flow.path.isEmpty ? "" : " " + flow.path)") }
      if violation.isUnserved {
        parts.append("not \(violation.version.map(model.name) ?? "")")
      } else if let version = violation.version {
        parts.append(model.name(of: version))
      } else {
        let port = flow.isEntry ? "" : " port \(flow.port)"
        parts.append("\(model.plan.components[flow.callee].name)\(port), which fails")
      }
    }
    return parts.isEmpty ? "" : "the way of the request: " + parts.joined(separator: " -> ")
  }

  /// What the user gets: `503 UH`.
  private func seen(_ finding: Finding) -> String? {
    let violation = finding.violation
    guard let fault = violation.fault else {
      if violation.needed != nil {
        return "the run gets stuck there" + (violation.flow.map { ", and \(who($0)) wait for it" } ?? "")
      }
      if let owner = owner(of: violation) { return owner }
      if let version = violation.version, violation.object?.isWorkload == true, violation.invariant == .inUseKept,
        let users = users(of: version, finding.moment)
      {
        return "open requests and connections of \(users) are cut"
      }
      return switch violation.invariant {
      case .releaseIsolated: "one request works on the data of two releases"
      case .versionRouted where violation.isUnserved: "the line that leads them there has no effect"
      case .versionRouted: "some answers come from a version that nobody has chosen"
      case .replicasKept: "the pods that are left carry all of the load"
      case .inUseKept: "open requests and connections are cut, or data is lost"
      default: nil
      }
    }
    let flag = fault.flag.map { " \($0.rawValue)" } ?? ""
    if let status = fault.httpStatus { return "they get \(status)\(flag)" }
    return fault.flag == nil ? "the connection is refused or misunderstood" : "the connection is reset:\(flag)"
  }

  /// Who was led to a version last, before this moment: whose requests may still be with it.
  private func users(of version: Int, _ moment: Moment) -> String? {
    let id = model.versions[version]
    let segments = compiled.steps.filter { $0.index <= moment.step }.flatMap(\.segments)
    for state in segments.reversed().flatMap({ [$0.after.state, $0.before.state] }) {
      let intent = Intent(model.plan, state)
      let all = model.flowsInto[id.component.index].filter {
        intent.targets(of: model.flows[$0], model).contains(id.index)
      }
      if let first = all.first { return who(first) + (all.count > 1 ? " and others" : "") }
    }
    return nil
  }

  /// Whose data is on a claim, and whose requests need it.
  private func owner(of violation: Violation) -> String? {
    guard let object = violation.object, object.kind == "PersistentVolumeClaim",
      let version = model.versions.indices.first(where: { n in
        model.plan[model.versions[n]].volumes.contains { $0.claim == object.name }
      })
    else { return nil }
    let callers = model.flowsInto[model.versions[version].component.index].map(who)
    return "the data of `\(model.name(of: version))` is on it" + (callers.first.map { ", which \($0) need" } ?? "")
  }

  private func help(_ suspect: Suspect) -> String {
    guard let patch = suspect.patch else { return "see what of its objects is about the same hosts, ports or pods" }
    let lists = patch.value["spec"]?.fields?.entries.filter { $0.value.array != nil }.map(\.key) ?? []
    switch patch.target.kind {
    case "VirtualService" where lists.contains { ["http", "tcp", "tls"].contains($0) }:
      let isMerged = lists.allSatisfy { patch.value.at("spec", $0)?.array?.contains(where: isRoutingRule) == false }
      return isMerged
        ? "what a rule says is merged into the plan's own of its `name`, and its `match` replaces theirs: change it, or leave it out"
        : "a list of rules with a `route` replaces the plan's; without one, what a rule says is merged into the plan's own"
    case "DestinationRule", "Gateway", "VirtualService":
      guard let list = lists.first else { break }
      return "`\(list)` of a patch replaces the plan's: repeat in it what the plan says, or leave it out"
    default: break
    }
    return "change what the patch says, or leave it out"
  }

  private func help(_ finding: Finding) -> String? {
    if let suspect = suspects[FindingSubject(finding, model)] { return help(suspect) }
    if finding.violation.invariant == .tlsAgrees, let f = finding.violation.flow, isPlain(model.flows[f]) {
      return "whoever has no sidecar speaks plaintext: give it one, or let its servers be permissive"
    }
    if finding.violation.fault?.reason == .serverFirst {
      return "leave `mtls` as it was for this component, or allow no plaintext client while the server is permissive"
    }
    if let needed = finding.violation.needed {
      return needed.isWorkload ? "stop the one and wait, then start the other" : "write it first, and let it settle"
    }
    return switch finding.violation.invariant {
    case .subsetDefined: "define the subset, and let it settle, before a route names it"
    case .podsReady:
      isRecreation(finding)
        ? "keep the data in a component that stays, or say `\(Code.downtime.allowance)`"
        : "route there only when the pods are ready, and stop them only when no route leads there"
    case .routeMatches: "keep a route for everybody who was served"
    case .releaseIsolated: "pin every caller to its own release"
    case .versionRouted where finding.violation.isUnserved:
      "see what hides its route: a VirtualService of your own for the same host?"
    case .versionRouted where finding.violation.flow.map { model.flows[$0].isEntry } ?? false:
      "see what leads visitors there, or route them to the version"
    case .versionRouted: "give the callers an explicit route, or route to the version"
    case .portFits: "match the port in every tcp route, and name a target port that the pods have"
    case .tlsAgrees: "loosen the server before its clients change, and tighten it after"
    case .replicasKept: "keep the replicas until the traffic has moved"
    case .inUseKept: "drain it first, and delete it last"
    }
  }
}
