internal import Diagnostics
internal import KubernetesModel
internal import MeshModel

extension FolderChange {
  mutating func judge() {
    let fates = flows.indices.map { self.fates($0) }
    let ways = FolderWays(flows, fates)
    for f in flows.indices { judge(f, fates[f], ways) }
    if let intent = options.intent { judge(intent, ways, fates) }
    judgeDeletions()
  }

  private mutating func judge(_ f: Int, _ fates: Fates, _ ways: FolderWays) {
    let (a, b, during) = (fates.before, fates.after, fates.during)
    let flow = flows[f]
    // Who has just been started may find nobody, as long as no visitor comes to it.
    let isPromised = a.isServed && (flow.isBefore || ways.reach(flow.senders))
    let isNew = flow.isAfter && !isPromised && (!flow.isBefore || a.faults != b.faults)
    if isPromised || isNew {
      let faults = isPromised ? during.faults : b.faults.filter { isNews($0, f, after: a) }
      for fault in faults.sorted(by: { String(describing: $0) < String(describing: $1) }) {
        report(f, fault, ways, isLasting: b.faults.contains(fault) && flow.isAfter)
      }
    }
    if isPromised {
      for answer in during.answers.subtracting(a.answers).sorted(by: { "\($0)" < "\($1)" }) {
        report(f, answer, ways, isLasting: b.answers.contains(answer) && flow.isAfter)
      }
    }
    // Where the end itself fails, what is reached on the way there is no fault of its own.
    if isPromised, b.faults.isEmpty {
      for target in during.targets.subtracting(a.targets).subtracting(b.targets).sorted() {
        report(f, stray: target, ways)
      }
    }
    for target in a.targets.intersection(b.targets).sorted() { reportIfTooFew(f, target, ways) }
  }

  /// What failed altogether fails no more than it did, though in another subset or for want of another rule. And of a
  /// Service that is new, has no pods, and is named by nobody, a lint speaks.
  private func isNews(_ fault: Failure, _ f: Int, after earlier: Fate) -> Bool {
    let flow = flows[f]
    let failed = flow.isBefore && earlier.targets.isEmpty && earlier.answers.isEmpty
    let isKnown = earlier.faults.contains { old in
      old.host == fault.host
        && (old.reason == fault.reason || old.reason.isForWantOfRoute && fault.reason.isForWantOfRoute)
    }
    if failed, isKnown { return false }
    guard let service = flow.service, flow.senders.isEmpty, fault.reason == .noReadyEndpoints, fault.subset == nil
    else { return true }
    return before.services.contains { $0.id == service } || fault.host != serviceHost(of: flow)
  }

  private mutating func report(_ f: Int, _ fault: Failure, _ ways: FolderWays, isLasting: Bool) {
    let flow = flows[f]
    let subset = fault.subset.map { "subset `\($0)`" } ?? "a pod"
    let host = fault.host.map { " of `\($0)`" } ?? ""
    let moment = isLasting ? "" : " at some moment"
    let code: Code
    let message: String
    var kinds: Set<String> = ["VirtualService"]
    switch fault.reason {
    case .undefinedSubset:
      code = .undefinedSubset
      message = "\(flow.who) are led to \(subset)\(host), which no DestinationRule defines\(moment)"
      kinds = ["DestinationRule", "VirtualService"]
    case .noDestination, .unknownHost, .unknownPort:
      code = fault.flag == .noClusterFound ? .undefinedSubset : .wrongPort
      message = "\(flow.who) are led to a service or port that does not exist\(moment)"
    case .noReadyEndpoints:
      code = .noReadyPods
      message = "\(flow.who) are led to \(subset)\(host), which may have no ready pod\(moment)"
    case .noListener, .noVirtualHost, .noRoute, .blackHole:
      code = .noRoute
      message = "\(flow.who) find no route at \(flow.callee)\(moment), which served them before"
    case .portNotServed:
      code = .wrongPort
      message = "\(flow.who) to \(flow.callee) reach pods that do not listen there\(moment)"
      kinds = ["Service", "VirtualService"]
    case .mutualTLS, .serverFirst:
      code = .tlsMismatch
      message = "\(flow.who) and the pods behind \(flow.callee) disagree about mutual TLS\(moment)"
      kinds = ["PeerAuthentication", "DestinationRule"]
    }
    // Which of the two is ahead makes another fault of it, and the same mistake.
    let reason = code == .tlsMismatch ? "tls" : "\(fault.reason)"
    let status = fault.httpStatus.map { "they get \($0)" } ?? "the connection is closed"
    let seen = status + (fault.flag.map { " \($0.rawValue)" } ?? "")
    add(
      Fault(
        code: code, message: message, notes: [ways.words(f, end: nil), seen],
        key: "\(reason) \(fault.host ?? "") \(fault.subset ?? "")", host: fault.host ?? serviceHost(of: flow),
        kinds: kinds, isLasting: isLasting), request: f
    ) { $0.faults.contains(fault) }
  }

  /// An error is a fault. Any other answer may be meant: what comes of it is not followed.
  private mutating func report(_ f: Int, _ answer: Answer, _ ways: FolderWays, isLasting: Bool) {
    let flow = flows[f]
    let callee = flow.service == nil ? "" : " to \(flow.callee)"
    let moment = isLasting ? "" : " at some moment"
    let isError = answer.isError
    let what: String
    let field: String
    switch answer {
    case .abort(let status, let isForAll):
      what = "\(isForAll ? "are" : "are in part") answered with \(status) by the proxies themselves"
      field = "fault.abort"
    case .directResponse(let status):
      what = "are answered with \(status) by the proxies themselves"
      field = "directResponse"
    case .redirect(let status, let location):
      what = "are sent to `\(location)` with \(status)"
      field = "redirect"
    }
    add(
      Fault(
        code: isError ? .noRoute : .notFollowed,
        message: "\(flow.who)\(callee) \(what)\(moment), and were served before",
        notes: [
          ways.words(f, end: nil, fails: isError),
          isError
            ? "`\(field)` of their rule says so; no pod is asked" : "what they find there is not followed: `\(field)`",
        ],
        // The place to which a request is sent has its path in it: each would be another.
        key: "\(field) \(flow.callee)", host: serviceHost(of: flow), kinds: ["VirtualService", "Gateway"],
        isLasting: isLasting,
        help: isError ? nil : "see that they are served there, and say so: `\(Code.notFollowed.allowance)`"),
      request: f
    ) { $0.answers.contains(answer) }
  }

  private func serviceHost(of flow: FolderFlow) -> String? {
    flow.service.flatMap { id in (after.services + before.services).first { $0.id == id }?.service.host }
  }

  private mutating func report(_ f: Int, stray target: ObjectID, _ ways: FolderWays) {
    let flow = flows[f]
    let callee = flow.service == nil ? "" : " to \(flow.callee)"
    add(
      Fault(
        code: .strayTraffic,
        message: "\(flow.who)\(callee) may reach \(target), to which neither folder leads them",
        notes: [ways.words(f, end: target), "some answers come from a version that nobody has chosen"],
        key: "\(target)", host: serviceHost(of: flow), isLasting: false), request: f
    ) { $0.targets.contains(target) }
  }

  private mutating func reportIfTooFew(_ f: Int, _ target: ObjectID, _ ways: FolderWays) {
    guard let change = changes.first(where: { $0.id == target }), change.isChanged, let old = change.old,
      let new = change.new, readyDuring(old.value, new.value) < min(replicas(old.value), replicas(new.value)),
      said.insert("\(target)").inserted
    else { return }
    let diagnostic = Diagnostic(
      isRecreated(new.value) ? .downtime : .tooFewPods,
      "fewer pods of \(target) may be ready than before and after the change",
      at: Label(new.range, "changes \(target)"),
      notes: [
        whereItIs, ways.words(f, end: target),
        new.value["kind"]?.string == "DaemonSet"
          ? "where there is one node, none is left" : "the pods that are left carry all of the load",
      ],
      help: keepingPods(of: new.value, isNoneLeft: readyDuring(old.value, new.value) == 0))
    findings.append(FolderFinding(diagnostic: diagnostic))
  }

  /// How pods stay ready while those of a workload are replaced.
  private func keepingPods(of workload: Value, isNoneLeft: Bool) -> String {
    switch workload["kind"]?.string {
    case "Pod": "let a Deployment run it: whoever replaces a Pod stops it first"
    case "DaemonSet": "let the new pod of each node come first: `maxSurge: 1` and `maxUnavailable: 0`"
    case "StatefulSet" where replicas(workload) > 1 && isNoneLeft:
      "leave out `maxUnavailable`: a StatefulSet then stops one pod at a time"
    case "StatefulSet":
      "a StatefulSet stops a pod before it starts the new one: give it \(isNoneLeft ? "2 replicas or more" : "a replica more than the load needs")"
    default:
      isRecreated(workload)
        ? "`Recreate` stops all pods before it starts new ones: `strategy: {type: RollingUpdate}` keeps them until those are ready"
        : "keep the pods until new ones are ready: `maxUnavailable: 0`, and a `maxSurge` of 1 or more"
    }
  }

  /// Where pods are missing because they are replaced: no order of the writes would help.
  private func keepingPods(for fault: Fault, _ culprit: Culprit) -> String? {
    guard fault.code == .noReadyPods, culprit.held.isEmpty, culprit.change.id.isWorkload,
      let old = culprit.change.old, let new = culprit.change.new, replicas(old.value) > 0, replicas(new.value) > 0
    else { return nil }
    return keepingPods(of: new.value, isNoneLeft: true)
  }

  // MARK: - One finding

  /// What is said about requests that something happens to.
  struct Fault {
    var code: Code
    var message: String
    var notes: [String]
    /// Two faults with one code and key are one.
    var key: String
    var host: String?
    /// What is likely to be at fault, where everything is written.
    var kinds: Set<String> = []
    /// Where nothing that is new is at fault.
    var subject: ObjectID?
    /// Still so when everything is written.
    var isLasting: Bool
    /// So before anything is written.
    var isOld = false
    /// What to do, where it is not to write it in two goes.
    var help: String?
  }

  mutating func add(_ fault: Fault, request: Int, where shows: (Fate) -> Bool) {
    // Whose allowance counts has to be known exactly: what is so in the end is found on the way as well.
    let isWarning = fault.code.severity == .warning
    guard said.insert("\(fault.code.id) \(fault.key) \(fault.isLasting)").inserted,
      let culprit = culprit(
        request, isLasting: fault.isLasting && !isWarning, kinds: fault.kinds, subject: fault.subject, where: shows),
      let range = culprit.range
    else { return }
    if isWarning, culprit.isAllowed(fault.code) { return }
    let held = culprit.held.map(String.init(describing:)).joined(separator: " and ")
    let when =
      switch (fault.isLasting, fault.isOld) {
      case (true, true): "in `\(names.before)` already, and still so in `\(names.after)`"
      case (false, true): "in `\(names.before)` already"
      case (true, false): "\(whereItIs), and still so when everything is written"
      case (false, false):
        held.isEmpty
          ? "\(whereItIs), while pods come and go"
          : "\(whereItIs), once a proxy has the new \(held), and everything else as it was"
      }
    findings.append(
      FolderFinding(
        diagnostic: Diagnostic(
          fault.code, fault.message, at: Label(range, culprit.label), notes: [when] + fault.notes,
          help: fault.help ?? keepingPods(for: fault, culprit)
            ?? (fault.isLasting || fault.isOld
              ? nil : "write it in two goes, and let the first settle before the second")),
        host: fault.host))
  }
}

extension Failure.Reason {
  /// No rule takes the request.
  fileprivate var isForWantOfRoute: Bool {
    switch self {
    case .noListener, .noVirtualHost, .noRoute, .blackHole: true
    default: false
    }
  }
}
