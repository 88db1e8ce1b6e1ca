internal import Diagnostics
internal import KubernetesModel
internal import MeshModel

extension FolderChange {
  mutating func judge() {
    let fates = flows.indices.map { self.fates($0) }
    let ways = FolderWays(flows, fates)
    for f in flows.indices { judge(f, fates[f], ways) }
    if let intent = options.intent { judge(intent, ways) }
    judgeDeletions()
  }

  private mutating func judge(_ f: Int, _ fates: Fates, _ ways: FolderWays) {
    let (a, b, during) = (fates.before, fates.after, fates.during)
    let flow = flows[f]
    // Who has just been started may find nobody, as long as no visitor comes to it.
    let isPromised = a.isServed && (flow.isBefore || ways.reach(flow.senders))
    let isNew = flow.isAfter && !isPromised && (!flow.isBefore || a.faults != b.faults)
    if isPromised || isNew {
      let faults = isPromised ? during.faults : b.faults
      for fault in faults.sorted(by: { String(describing: $0) < String(describing: $1) }) {
        report(f, fault, ways, isLasting: b.faults.contains(fault) && flow.isAfter)
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
      notes: [whereItIs, ways.words(f, end: target), "the pods that are left carry all of the load"],
      help: "keep the pods until new ones are ready: `maxUnavailable: 0`")
    findings.append(FolderFinding(diagnostic: diagnostic))
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
  }

  mutating func add(_ fault: Fault, request: Int, where shows: (Fate) -> Bool) {
    guard said.insert("\(fault.code.id) \(fault.key) \(fault.isLasting)").inserted,
      let culprit = culprit(
        request, isLasting: fault.isLasting, kinds: fault.kinds, subject: fault.subject, where: shows),
      let range = culprit.range
    else { return }
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
          help: fault.isLasting || fault.isOld
            ? nil : "write it in two goes, and let the first settle before the second"),
        host: fault.host))
  }
}
