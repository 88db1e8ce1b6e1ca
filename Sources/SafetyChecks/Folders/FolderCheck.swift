package import Diagnostics
internal import KubernetesModel
package import MeshModel

/// What a check of folders looked at.
package struct FolderCoverage: Hashable, Sendable {
  package var flows = 0
  package var configurations = 0
  package var changes = 0
}

/// Whether every request that was served stays so while the objects of one folder become those of the next.
///
/// Nothing says in which order they are written, and a mesh learns of them in any order anyway. So each object may be
/// held as it was or as it will be, whatever the others are, and the pods that come and go may be ready or not.
package func check(
  folders stages: [FolderStage], options: MeshOptions = MeshOptions()
) -> (diagnostics: [Diagnostic], coverage: FolderCoverage) {
  var diagnostics: [Diagnostic] = []
  var coverage = FolderCoverage()
  for (before, after) in zip(stages, stages.dropFirst()) {
    var change = FolderChange(before, after, options)
    change.judge()
    diagnostics += change.diagnostics
    coverage.flows += change.flows.count
    coverage.configurations += change.configurations
    coverage.changes += change.count
  }
  return (diagnostics, coverage)
}

private struct FolderChange {
  /// What requests of a flow meet.
  private struct Fate: Hashable {
    var targets: Set<ObjectID> = []
    var faults: Set<Failure> = []
    var isServed: Bool { !targets.isEmpty && faults.isEmpty }

    mutating func formUnion(_ other: Fate) {
      targets.formUnion(other.targets)
      faults.formUnion(other.faults)
    }
  }

  /// An object in its two versions.
  private struct Change {
    var id: ObjectID
    var old: PlacedObject?
    var new: PlacedObject?
    var isChanged: Bool { old?.value != new?.value }
  }

  private let before: FolderStage
  private let after: FolderStage
  let flows: [FolderFlow]
  private(set) var diagnostics: [Diagnostic] = []
  private let mesh: Superposition
  private var changes: [Change] = []
  private var fates: [Fate] = []
  private var held: Superposition.Situation = []
  private var old: Superposition.Situation = []
  private var new: Superposition.Situation = []
  private var said: Set<String> = []

  var configurations: Int { mesh.leaves }
  var count: Int { changes.filter(\.isChanged).count }

  init(_ before: FolderStage, _ after: FolderStage, _ options: MeshOptions) {
    self.before = before
    self.after = after
    mesh = Superposition(options: options)
    let ids = Set(before.objects.keys).union(after.objects.keys).sorted()
    changes = ids.map { Change(id: $0, old: before.objects[$0], new: after.objects[$0]) }
    let values = changes.flatMap { [$0.old?.value, $0.new?.value].compactMap { $0 } }
    flows = FolderFlows(values, options: options).flows
    for flow in flows { _ = mesh.addRequest(flow.client, flow.traffic) }
    for change in changes { add(change, options) }
    addNamespaces(options)
  }

  // MARK: - The mesh

  private mutating func add(_ change: Change, _ options: MeshOptions) {
    let n = mesh.addObject(isWorkload: change.id.isWorkload)
    var variants: [Int] = []
    for (value, variant) in [(change.old?.value, 0), (change.isChanged ? change.new?.value : nil, 1)] {
      if let value, let object = MeshObject.parse(value, options: options) {
        mesh.add(object, of: n, as: variant, for: [])
        variants.append(variant)
      }
    }
    let (a, b) = (change.old.map { replicas($0.value) } ?? 0, change.new.map { replicas($0.value) } ?? 0)
    let oldVariant = change.old == nil ? -1 : 0
    let newVariant = change.new == nil ? -1 : change.isChanged ? 1 : 0
    let least = change.isChanged ? readyDuring(change.old?.value, change.new?.value) : a
    func place(_ variants: [Int], _ least: Int, _ most: Int) -> Int32 {
      mesh.intern(Superposition.Holding(variants: variants, mayBeEmpty: least == 0, mayBeReady: most > 0), of: n)
    }
    old.append(place([oldVariant], a, a))
    new.append(place([newVariant], b, b))
    held.append(place(oldVariant == newVariant ? [oldVariant] : [oldVariant, newVariant], least, max(a, b)))
  }

  /// Of a namespace that no folder speaks of, the sidecars are taken for granted.
  private mutating func addNamespaces(_ options: MeshOptions) {
    let known = Set(changes.lazy.filter { $0.id.kind == "Namespace" }.map(\.id.name))
    for name in Set(changes.map(\.id.namespace)).subtracting(known).sorted() where !name.isEmpty {
      let value: Value = [
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": ["name": .string(name), "labels": ["istio-injection": "enabled"]],
      ]
      guard let id = ObjectID(value), let object = MeshObject.parse(value, options: options) else { continue }
      let n = mesh.addObject(isWorkload: false)
      mesh.add(object, of: n, as: 0, for: [])
      let place = mesh.intern(Superposition.Holding(variants: [0]), of: n)
      old.append(place)
      new.append(place)
      held.append(place)
      changes.append(Change(id: id))
    }
  }

  private mutating func explore(_ f: Int, _ situation: Superposition.Situation, _ visit: (Fate) -> Void) {
    mesh.explore(f, in: situation, answer: { number(Self.fate($0)) }, visit: { visit(fates[Int($0)]) })
  }

  private mutating func number(_ fate: Fate) -> Int32 {
    if let known = fates.firstIndex(of: fate) { return Int32(known) }
    fates.append(fate)
    return Int32(fates.count - 1)
  }

  private static func fate(_ result: RouteResult) -> Fate {
    var fate = Fate()
    for branch in result.branches {
      switch branch.outcome {
      case .destination(let destination): fate.targets.formUnion(destination.endpoints.map(\.workload))
      case .failure(var failure):
        failure.workloads = []
        fate.faults.insert(failure)
      case .passthrough, .redirect, .directResponse, .abort: break
      }
    }
    return fate
  }

  private mutating func all(_ f: Int, _ situation: Superposition.Situation) -> Fate {
    var all = Fate()
    explore(f, situation) { all.formUnion($0) }
    return all
  }

  // MARK: - Judging

  mutating func judge() {
    for f in flows.indices {
      let (a, b, during) = (all(f, old), all(f, new), all(f, held))
      let isNew = !a.isServed && a.faults != b.faults
      if a.isServed || isNew {
        let faults = a.isServed ? during.faults : b.faults
        for fault in faults.sorted(by: { String(describing: $0) < String(describing: $1) }) {
          report(f, fault, isLasting: b.faults.contains(fault))
        }
      }
      if a.isServed {
        for target in during.targets.subtracting(a.targets).subtracting(b.targets).sorted() { report(f, stray: target) }
      }
      for target in a.targets.intersection(b.targets).sorted() { reportIfTooFew(f, target) }
    }
    diagnostics = diagnostics.inReadingOrder
  }

  private mutating func report(_ f: Int, _ fault: Failure, isLasting: Bool) {
    let flow = flows[f]
    let subset = fault.subset.map { "subset `\($0)`" } ?? "a pod"
    let host = fault.host.map { " of `\($0)`" } ?? ""
    let moment = isLasting ? "" : " at some moment"
    let code: Code
    let message: String
    switch fault.reason {
    case .undefinedSubset:
      code = .undefinedSubset
      message = "\(flow.who) are led to \(subset)\(host), which no DestinationRule defines\(moment)"
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
    case .mutualTLS, .serverFirst:
      code = .tlsMismatch
      message = "\(flow.who) and the pods behind \(flow.callee) disagree about mutual TLS\(moment)"
    }
    let status = fault.httpStatus.map { "they get \($0)" } ?? "the connection is closed"
    let seen = status + (fault.flag.map { " \($0.rawValue)" } ?? "")
    add(
      code, message, f, isLasting: isLasting, notes: [seen],
      key: "\(fault.reason) \(fault.host ?? "") \(fault.subset ?? "")"
    ) {
      $0.faults.contains(fault)
    }
  }

  private mutating func report(_ f: Int, stray target: ObjectID) {
    add(
      .strayTraffic, "\(flows[f].who) to \(flows[f].callee) may reach \(target), to which neither folder leads them", f,
      isLasting: false, notes: ["some answers come from a version that nobody has chosen"], key: "\(target)"
    ) { $0.targets.contains(target) }
  }

  private mutating func reportIfTooFew(_ f: Int, _ target: ObjectID) {
    guard let change = changes.first(where: { $0.id == target }), change.isChanged, let old = change.old,
      let new = change.new, readyDuring(old.value, new.value) < min(replicas(old.value), replicas(new.value)),
      said.insert("\(target)").inserted
    else { return }
    let isRecreated = isRecreated(new.value)
    diagnostics.append(
      Diagnostic(
        isRecreated ? .downtime : .tooFewPods, "fewer pods of \(target) may be ready than before and after the change",
        at: Label(new.range, "changes \(target)"), notes: [where_, "the pods that are left carry all of the load"],
        help: "keep the pods until new ones are ready: `maxUnavailable: 0`"))
  }

  private var where_: String { "between `\(before.name)` and `\(after.name)`" }

  /// Points at the object whose new version makes it possible, with as little new as there can be.
  private mutating func add(
    _ code: Code, _ message: String, _ f: Int, isLasting: Bool, notes: [String], key: String,
    where shows: (Fate) -> Bool
  ) {
    guard said.insert("\(code.id) \(key) \(isLasting)").inserted else { return }
    var best: [Superposition.Choice]?
    var pods: Set<Int> = []
    let mesh = mesh
    explore(f, isLasting ? new : held) { fate in
      pods.formUnion(mesh.workloads)
      let seen = mesh.chosen
      if shows(fate), best.map({ $0.count > seen.count }) ?? true { best = seen }
    }
    let seen = (best ?? []).map(\.object).filter { changes[$0].isChanged }
    let short = pods.sorted().filter { changes[$0].isChanged }
    guard let culprit = seen.first ?? short.first ?? changes.indices.first(where: { changes[$0].isChanged }),
      let range = (changes[culprit].new ?? changes[culprit].old)?.range
    else { return }
    let verb = changes[culprit].new == nil ? "deletes" : changes[culprit].old == nil ? "creates" : "changes"
    let names = seen.map { String(describing: changes[$0].id) }
    let when =
      isLasting
      ? "\(where_), and still so when everything is written"
      : names.isEmpty
        ? "\(where_), while pods come and go"
        : "\(where_), once a proxy has the new \(names.joined(separator: " and ")), and everything else as it was"
    diagnostics.append(
      Diagnostic(
        code, message, at: Label(range, "\(verb) \(changes[culprit].id)"),
        notes: [when, "the way of the request: \(flows[f].callee)"] + notes,
        help: isLasting ? nil : "write it in two goes, and let the first settle before the second"))
  }
}
