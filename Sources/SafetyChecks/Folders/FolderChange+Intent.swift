internal import Diagnostics
internal import KubernetesModel
internal import RolloutPlan

extension FolderChange {
  /// S5 and S4, where somebody says what is meant: who comes in arrives where the intent sends them, and who entered a
  /// release stays in it, whatever the callers on the way are.
  mutating func judge(_ intent: FolderIntent, _ ways: FolderWays) {
    let meant = intent.between(number)
    let model = intent.model
    var entered: [(f: Int, target: ObjectID)] = []
    for (n, f) in model.entryFlows.enumerated() {
      let flow = model.flows[f]
      let request = flows.count + n
      let fates = self.fates(request)
      let allowed = meant?.targets(of: flow, model)
      for target in fates.during.targets.sorted() {
        entered.append((f, target))
        guard let allowed else { continue }
        let versions = self.versions(of: target, intent)
        let isMeant = versions.contains { version in
          let id = model.versions[version]
          return id.component.index == flow.callee && allowed.contains(id.index)
        }
        if isMeant { continue }
        let wanted = allowed.sorted().map { "`\(model.name(of: model.firstVersion[flow.callee] + $0))`" }
        add(
          Fault(
            code: .strayTraffic,
            message: "\(flow.cohort.description) reach \(target), to which the intent does not send them",
            notes: [
              "the way of the request: gateway port \(flow.port) (\(flow.cohort.description)) -> \(target.name)",
              wanted.isEmpty ? "the intent sends them nowhere" : "they are meant for " + wanted.joined(separator: ", "),
            ],
            key: "intent \(target) \(flow.cohort.description)", kinds: ["VirtualService"], subject: target,
            isLasting: fates.after.targets.contains(target), isOld: fates.before.targets.contains(target)),
          request: request
        ) { $0.targets.contains(target) }
      }
    }
    for (n, call) in intended.enumerated() { judge(call, flows.count + model.entryFlows.count + n, intent, ways) }
    follow(entered, intent, ways)
  }

  /// S5 of a call: its callee is the version that the intent leads the caller to.
  private mutating func judge(_ call: IntendedCall, _ request: Int, _ intent: FolderIntent, _ ways: FolderWays) {
    let model = intent.model
    let isReached = ways.reach([call.sender])
    // Who has just been started, or is about to stop, and whom no visitor reaches, may find anything.
    guard let meant = intent.between(number), isReached || call.isBefore && call.isAfter else { return }
    let flow = model.flows[call.flow]
    let allowed = meant.targets(of: flow, model)
    let fates = self.fates(request)
    let own = Set(versions(of: call.sender, intent).flatMap(model.releases))
    for target in fates.during.targets.sorted() {
      let versions = self.versions(of: target, intent)
      let isMeant = versions.contains { version in
        let id = model.versions[version]
        return id.component.index == flow.callee && allowed.contains(id.index)
      }
      let others = Set(versions.flatMap(model.releases))
      // Of visitors who leave their release that is said instead.
      let isLeak = isReached && !own.isEmpty && !others.isEmpty && own.isDisjoint(with: others)
      if isMeant || isLeak { continue }
      let who = "calls of `\(call.sender.name)`" + (flow.cohort == .others ? "" : " for \(flow.cohort.description)")
      let callee = model.plan.components[flow.callee].service
      let wanted = allowed.sorted().map { "`\(model.name(of: model.firstVersion[flow.callee] + $0))`" }
      add(
        Fault(
          code: .strayTraffic, message: "\(who) reach \(target), to which the intent does not send them",
          notes: [
            "the way of the request: \(call.sender.name) -> `\(callee)` -> \(target.name)",
            wanted.isEmpty ? "the intent sends them nowhere" : "they are meant for " + wanted.joined(separator: ", "),
          ],
          key: "intent \(target) \(call.sender) \(flow.cohort.description)", kinds: ["VirtualService"], subject: target,
          isLasting: fates.after.targets.contains(target) && call.isAfter,
          isOld: fates.before.targets.contains(target) && call.isBefore), request: request
      ) { $0.targets.contains(target) }
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
    _ entered: [(f: Int, target: ObjectID)], _ intent: FolderIntent, _ ways: FolderWays
  ) {
    let model = intent.model
    func releases(of workload: ObjectID) -> [Int] {
      Set(versions(of: workload, intent).flatMap(model.releases)).sorted()
    }
    var queue: [(visit: Visit, way: [String], entry: ObjectID)] = []
    var seen: Set<Visit> = []
    for (f, target) in entered {
      let visit = Visit(workload: target, releases: releases(of: target))
      guard seen.insert(visit).inserted else { continue }
      let flow = model.flows[f]
      queue.append((visit, ["gateway port \(flow.port) (\(flow.cohort.description))", target.name], target))
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
