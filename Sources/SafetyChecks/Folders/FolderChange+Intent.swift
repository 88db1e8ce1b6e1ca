internal import Diagnostics
internal import KubernetesModel
internal import RolloutPlan

extension FolderChange {
  /// S5 and S4, where somebody says what is meant: who comes in and who calls arrives where the intent leads them, and who
  /// entered a release stays in it, whatever the callers on the way are.
  mutating func judge(_ intent: FolderIntent, _ ways: FolderWays, _ known: [Fates]) {
    let model = intent.model
    var entered: [(way: String, target: ObjectID)] = []
    for (n, f) in model.entryFlows.enumerated() {
      let flow = model.flows[f]
      let who = flow.cohort.description
      let arrival = Arrival(
        flow: flow, request: flows.count + n, who: who, way: "gateway port \(flow.port) (\(who))", key: who)
      let fates = self.fates(arrival.request)
      entered += fates.during.targets.sorted().map { (arrival.way, $0) }
      judge(arrival, fates, intent) { _ in false }
    }
    for (f, flow) in flows.enumerated() where flow.service == nil {
      let way = "\(flow.callee) (\(flow.who))"
      entered += known[f].during.targets.sorted().map { (way, $0) }
      guard let meant = intent.visitors(flow) else { continue }
      let arrival = Arrival(flow: meant, request: f, who: flow.who, way: way, key: meant.cohort.description)
      judge(arrival, known[f], intent) { _ in false }
    }
    for (n, call) in intended.enumerated() {
      let request = flows.count + model.entryFlows.count + n
      judge(call, model.flows[call.flow], request, fates(request), intent, ways)
    }
    for (f, flow) in flows.enumerated() { judge(callsOf: flow, f, known[f], intent, ways) }
    follow(entered, intent, ways)
  }

  private mutating func judge(
    _ call: IntendedCall, _ flow: Flow, _ request: Int, _ fates: Fates, _ intent: FolderIntent, _ ways: FolderWays
  ) {
    let arrival = Arrival(
      flow: flow, request: request,
      who: "calls of `\(call.sender.name)`" + (flow.cohort == .others ? "" : " for \(flow.cohort.description)"),
      way: "\(call.sender.name) -> `\(intent.model.plan.components[flow.callee].service)`",
      key: "\(call.sender) \(flow.cohort.description)", isBefore: call.isBefore, isAfter: call.isAfter)
    judge(arrival, of: call.sender, fates, intent, ways)
  }

  /// The calls that a rule of the folders tells apart, where the intent knows of their like.
  private mutating func judge(
    callsOf flow: FolderFlow, _ f: Int, _ fates: Fates, _ intent: FolderIntent, _ ways: FolderWays
  ) {
    for sender in flow.senders {
      guard let version = versions(of: sender, intent).first,
        let meant = intent.calls(flow, of: version, before, after)
      else { continue }
      let arrival = Arrival(
        flow: meant, request: f, who: flow.who, way: "\(sender.name) -> \(flow.callee)",
        key: "\(sender) \(meant.cohort.description)", isBefore: flow.isBefore, isAfter: flow.isAfter)
      judge(arrival, of: sender, fates, intent, ways)
    }
  }

  private mutating func judge(
    _ arrival: Arrival, of sender: ObjectID, _ fates: Fates, _ intent: FolderIntent, _ ways: FolderWays
  ) {
    let model = intent.model
    let isReached = ways.reach([sender])
    // Who has just been started, or is about to stop, and whom no visitor reaches, may find anything.
    guard isReached || arrival.isBefore && arrival.isAfter else { return }
    let own = Set(versions(of: sender, intent).flatMap(model.releases))
    judge(arrival, fates, intent) { versions in
      let others = Set(versions.flatMap(model.releases))
      // Of visitors who leave their release that is said instead.
      return isReached && !own.isEmpty && !others.isEmpty && own.isDisjoint(with: others)
    }
  }

  /// Requests of which the intent says where they should arrive.
  private struct Arrival {
    var flow: Flow
    var request: Int
    /// Who sends them, for a person.
    var who: String
    /// From where to the callee, for a person.
    var way: String
    var key: String
    /// Which of the two folders has somebody who sends them.
    var isBefore = true
    var isAfter = true
  }

  /// S5: on the way what either folder is meant to be, in the end just what the newer one is.
  private mutating func judge(
    _ arrival: Arrival, _ fates: Fates, _ intent: FolderIntent, except isExempt: ([Int]) -> Bool
  ) {
    let model = intent.model
    let flow = arrival.flow
    guard let between = intent.between(number)?.targets(of: flow, model),
      let end = intent.at(number + 1)?.targets(of: flow, model)
    else { return }
    func isAmong(_ allowed: Set<Int>, _ versions: [Int]) -> Bool {
      versions.contains { version in
        let id = model.versions[version]
        return id.component.index == flow.callee && allowed.contains(id.index)
      }
    }
    func name(_ version: Int) -> String { "`\(model.name(of: model.firstVersion[flow.callee] + version))`" }
    var isStray = false
    for target in fates.during.targets.sorted() {
      let versions = self.versions(of: target, intent)
      let isLasting = fates.after.targets.contains(target) && arrival.isAfter
      let allowed = isLasting ? end : between
      if isAmong(allowed, versions) || isExempt(versions) { continue }
      isStray = true
      add(
        Fault(
          code: .strayTraffic,
          message: "\(arrival.who) reach \(target), to which the intent does not send them",
          notes: [
            "the way of the request: \(arrival.way) -> \(target.name)",
            allowed.isEmpty
              ? "the intent sends them nowhere"
              : "they are meant for " + allowed.sorted().map(name).joined(separator: ", "),
          ],
          key: "intent \(target) \(arrival.key)", kinds: ["VirtualService"], subject: target,
          isLasting: isLasting, isOld: fates.before.targets.contains(target) && arrival.isBefore),
        request: arrival.request
      ) { $0.targets.contains(target) }
    }
    judgeCopies(arrival, fates, intent) { isAmong(between, $0) }
    // Who holds the cookie of a share stays with its version.
    let reached = fates.after.targets.map { versions(of: $0, intent) }
    guard !isStray, arrival.isAfter, !reached.isEmpty, fates.after.faults.isEmpty, flow.cohort.sticky == nil,
      let missing = end.sorted().first(where: { version in !reached.contains { isAmong([version], $0) } })
    else { return }
    let known = fates.before.targets.map { versions(of: $0, intent) }
    let isOld =
      arrival.isBefore && !known.contains { isAmong([missing], $0) }
      && intent.at(number)?.targets(of: flow, model).contains(missing) == true
    add(
      Fault(
        code: .strayTraffic, message: "\(arrival.who) do not reach \(name(missing)), to which the intent sends them",
        notes: [
          "the way of the request: \(arrival.way) -> "
            + fates.after.targets.sorted().map(\.name).joined(separator: ", ")
        ],
        key: "missing \(missing) \(flow.callee) \(arrival.key)", kinds: ["VirtualService"],
        subject: fates.after.targets.min(), isLasting: true,
        isOld: isOld), request: arrival.request
    ) { _ in true }
  }

  /// Nobody waits for what a copy finds; but what it does is done to a version that none was meant for.
  private mutating func judgeCopies(
    _ arrival: Arrival, _ fates: Fates, _ intent: FolderIntent, except isMeant: ([Int]) -> Bool
  ) {
    for target in fates.during.copies.sorted() {
      let versions = self.versions(of: target, intent)
      if isMeant(versions) || versions.contains(where: { intent.mirrors($0, number) }) { continue }
      add(
        Fault(
          code: .strayTraffic,
          message: "copies of what \(arrival.who) send reach \(target), to which the intent sends none",
          notes: ["the way of the request: \(arrival.way) -> \(target.name)", "`mirror` of their rule says so"],
          key: "copies \(target) \(arrival.key)", kinds: ["VirtualService"], subject: target,
          isLasting: fates.after.copies.contains(target) && arrival.isAfter,
          isOld: fates.before.copies.contains(target) && arrival.isBefore),
        request: arrival.request
      ) { $0.copies.contains(target) }
    }
  }

  private func versions(of workload: ObjectID, _ intent: FolderIntent) -> [Int] {
    (before.pods + after.pods).filter { $0.id == workload }.compactMap { intent.version(of: $0.labels) }
  }

  private struct Visit: Hashable {
    var workload: ObjectID
    var releases: [Int]
  }

  /// Each workload once for each set of releases that a request may belong to there.
  private mutating func follow(
    _ entered: [(way: String, target: ObjectID)], _ intent: FolderIntent, _ ways: FolderWays
  ) {
    let model = intent.model
    func releases(of workload: ObjectID) -> [Int] {
      Set(versions(of: workload, intent).flatMap(model.releases)).sorted()
    }
    var queue: [(visit: Visit, way: [String], entry: ObjectID)] = []
    var seen: Set<Visit> = []
    for (way, target) in entered {
      let visit = Visit(workload: target, releases: releases(of: target))
      guard seen.insert(visit).inserted else { continue }
      queue.append((visit, [way, target.name], target))
    }
    var next = 0
    while next < queue.count {
      let (visit, way, entry) = queue[next]
      next += 1
      for f in flows.indices where flows[f].senders.contains(visit.workload) {
        let fates = self.fates(f)
        for target in fates.during.targets.sorted() {
          let own = releases(of: target)
          let common = visit.releases.filter(own.contains)
          let isLeak = !visit.releases.isEmpty && !own.isEmpty && common.isEmpty
          let way = way + ["\(flows[f].callee)", target.name]
          if isLeak { report(leak: f, target, way, entry, fates) }
          let isShared = own.isEmpty || visit.releases.isEmpty
          let after = Visit(workload: target, releases: isShared ? visit.releases : isLeak ? own : common)
          if seen.insert(after).inserted { queue.append((after, way, entry)) }
        }
      }
    }
  }

  private mutating func report(
    leak f: Int, _ target: ObjectID, _ way: [String], _ entry: ObjectID, _ fates: Fates
  ) {
    add(
      Fault(
        code: .mixedReleases,
        message: "a request that entered by `\(entry.name)` reaches \(target) of another release",
        notes: [
          "the way of the request: " + way.joined(separator: " -> "), "one request works on the data of two releases",
        ],
        key: "\(entry) \(flows[f].callee) \(target)", kinds: ["VirtualService"], subject: target,
        isLasting: fates.after.targets.contains(target) && flows[f].isAfter,
        isOld: fates.before.targets.contains(target) && flows[f].isBefore), request: f
    ) { $0.targets.contains(target) }
  }
}
