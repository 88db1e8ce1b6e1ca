internal import KubernetesModel
internal import Lowering
internal import MeshModel
internal import RolloutPlan

/// The cluster while phases run: which versions of each object some proxy may act on, and what that makes of each flow.
///
/// What an object is, and what it may be, are small numbers, so that a run that goes another way, back or into a failure
/// block, begins with a copy. What a flow's requests meet is found by ``VersionedMesh``, for the flows that read what has changed.
package struct TrackedCluster {
  let mesh: VersionedMesh
  private var pending = PendingObjects()
  /// What stands: the newest edition of each object, by its number.
  private var editions: [VersionedMesh.Edition] = []
  /// The writes that made what is pending.
  private var log = WriteLog()
  /// What may be held of each object; and where every proxy has the newest version, and every wanted pod is ready.
  private var held: Superposition.Situation = []
  private var settled: Superposition.Situation = []
  /// By flow: what its requests may meet, as each of these says.
  private(set) var during: Outcomes
  private(set) var nominal: Outcomes
  /// Objects that were written since, or acted on; some perhaps twice.
  private var changed: [Int] = []

  init(_ mesh: VersionedMesh) {
    self.mesh = mesh
    during = Outcomes(mesh)
    nominal = during
    // A namespace or a gateway that the plan only uses is there from the start.
    for object in mesh.model.objectsOfOthers { put(object) }
    refresh()
  }

  /// Places an object that stands before the run.
  mutating func put(_ object: Value) {
    guard let id = ObjectID(object) else { return }
    let n = number(id)
    for n in [n] + (mesh.hint(of: n).map { [$0] } ?? []) {
      editions[n] = mesh.edition(of: n, object)
      settle(n)
    }
  }

  /// It is there, as far as the newest write says.
  func stands(_ id: ObjectID) -> Bool { mesh.known(id).map { $0 < editions.count && editions[$0].isThere } ?? false }

  /// Every workload that stands, with its id.
  var workloads: [(id: ObjectID, value: Value)] {
    mesh.allWorkloads.compactMap { n in
      guard n < editions.count, let value = value(n, editions[n]) else { return nil }
      return (mesh.id(n), value)
    }
  }

  /// Some proxy may have a route to a subset of `host`. O(objects).
  func routesNameSubsets(of host: String) -> Bool {
    editions.indices.contains { n in
      guard mesh.isMeshObject(n), mesh.id(n).kind == "VirtualService" else { return false }
      let held = pending[n].map { $0.variants.map(\.edition) } ?? [editions[n]]
      return held.lazy.map { self.value(n, $0) }.contains { value in
        ["http", "tcp", "tls"].contains { list in
          (value?.at("spec", list)?.array ?? []).contains { rule in
            (rule["route"]?.array ?? []).contains { target in
              target.at("destination", "host")?.string == host && target.at("destination", "subset") != nil
            }
          }
        }
      }
    }
  }

  // MARK: - Writing

  /// Does the writes of a phase.
  mutating func write(_ phase: Phase) {
    log.begin(phase)
    for (w, write) in phase.writes.enumerated() {
      let n = number(write.id)
      guard mesh.isMeshObject(n) else {
        editions[n] = mesh.edition(of: n, write.object)
        continue
      }
      take(write.object, n, log.place(w))
      if let hint = mesh.hint(of: n) { take(write.object, hint, log.place(w)) }
    }
  }

  private mutating func take(_ object: Value?, _ n: Int, _ write: WriteLog.Place) {
    let old = editions[n]
    let new = mesh.edition(of: n, object)
    let least = mesh.isWorkload(n) ? readyDuring(value(n, old), object) : 0
    editions[n] = new
    guard var tracked = pending.remove(n) else { return hold(n, Tracked(old, new, write, least: least)) }
    tracked.add(new, write, least: least)
    hold(n, tracked)
  }

  private func value(_ n: Int, _ edition: VersionedMesh.Edition) -> Value? { mesh.value(of: n, edition.number) }

  /// What the gates of a phase prove.
  mutating func pass(_ gates: [Gate]) {
    for gate in gates {
      switch gate {
      case .ready(let targets): for target in targets { finish(target.deployment) }
      case .stopped(let ids): for id in ids { finish(id) }
      case .settled: for n in pending.numbers where !mesh.isWorkload(n) { settle(n) }
      case .established(let ids): for id in ids where !id.isWorkload { finish(id) }
      case .drained: break
      }
    }
    for n in pending.numbers where !editions[n].isThere && mesh.isWorkload(n) && pending[n]?.ready == 0...0 {
      settle(n)
    }
    if pending.numbers.isEmpty { log.removeAll() }
  }

  private mutating func finish(_ id: ObjectID) {
    guard let n = mesh.known(id), pending.contains(n) else { return }
    settle(n)
    if let hint = mesh.hint(of: n) { settle(hint) }
  }

  /// Whatever was written is taken as acted on: where a run begins that nothing went before.
  mutating func settleAll() { for n in pending.numbers { settle(n) } }

  /// How few pods of a workload may be ready, by the number of its version.
  func leastReady(version: Int) -> Int { ready(version).lowerBound }

  /// How many pods of a workload may be ready at the most, by the number of its version.
  func mostReady(version: Int) -> Int { ready(version).upperBound }

  private func ready(_ version: Int) -> ClosedRange<Int> {
    let n = mesh.workloads[version]
    if let tracked = pending[n] { return tracked.ready }
    let count = n < editions.count ? editions[n].replicas : 0
    return count...count
  }

  /// How many pods the newest version of a workload asks for.
  func declared(_ id: ObjectID) -> Int {
    guard let n = mesh.known(id), n < editions.count else { return 0 }
    return editions[n].replicas
  }

  func pendingWrite(_ id: ObjectID) -> Write? { mesh.known(id).flatMap { pending[$0]?.current.write }.map { log[$0] } }

  private mutating func number(_ id: ObjectID) -> Int {
    let n = mesh.number(id)
    while editions.count <= max(n, mesh.hint(of: n) ?? n) {
      editions.append(VersionedMesh.Edition())
      held.append(0)
      settled.append(0)
    }
    return n
  }

  private mutating func hold(_ n: Int, _ tracked: Tracked) {
    pending.insert(tracked, n)
    let (mayBeEmpty, mayBeReady) = (tracked.ready.lowerBound == 0, tracked.ready.upperBound > 0)
    if let pair = tracked.pair {
      held[n] = mesh.intern(
        VersionedMesh.Held(old: pair.old, new: pair.new, mayBeEmpty: mayBeEmpty, mayBeReady: mayBeReady), of: n)
    } else {
      held[n] = mesh.intern(
        Superposition.Holding(variants: tracked.versions, mayBeEmpty: mayBeEmpty, mayBeReady: mayBeReady), of: n)
    }
    settled[n] = newest(n)
    changed.append(n)
  }

  private mutating func settle(_ n: Int) {
    _ = pending.remove(n)
    settled[n] = newest(n)
    held[n] = settled[n]
    changed.append(n)
  }

  private func newest(_ n: Int) -> Int32 {
    guard mesh.isMeshObject(n) else { return 0 }
    let (version, count) = (editions[n].version, editions[n].replicas)
    return mesh.intern(
      VersionedMesh.Held(old: version, new: version, mayBeEmpty: count == 0, mayBeReady: count > 0), of: n)
  }

  // MARK: - Outcomes

  /// Brings ``during`` and ``nominal`` up to date.
  mutating func refresh() {
    if changed.isEmpty { return }
    let flows = mesh.readers(of: changed)
    changed = []
    during = during.moved(to: held, changed: flows)
    nominal = nominal.moved(to: settled, changed: flows)
  }

  // MARK: - Whose fault it is

  /// The write that makes a fault of a flow possible, or its arrival at `target`: of all configurations that show it,
  /// the one with the least that is new is taken, and of that the route before the rule before the rest.
  func culprit(_ f: Int, _ fault: Fault?, target: Int?) -> Write? {
    var best: [Superposition.Choice]?
    var reads: Set<Int> = []
    mesh.visit(f, in: held) { outcome, choices, workloads in
      reads.formUnion(workloads)
      let shows =
        fault.map { fault in outcome.faults.contains { $0.invariant == fault.invariant } }
        ?? target.map { outcome.targets.contains($0) || outcome.copies.contains($0) } ?? false
      if shows, best.map({ newness($0) > newness(choices) }) ?? true { best = choices }
    }
    guard let best else { return nil }
    let order = ["VirtualService", "Gateway", "DestinationRule", "Service", "PeerAuthentication"]
    func rank(_ n: Int) -> (Int, ObjectID) { (order.firstIndex(of: mesh.id(n).kind) ?? order.count, mesh.id(n)) }
    if let chosen = best.min(by: { rank($0.object) < rank($1.object) }) {
      let variant = pending[chosen.object]?.variants.last { Int($0.edition.version) == chosen.variant }
      return variant?.write.map { log[$0] }
    }
    // Nothing new is needed but pods that are not ready, or that are.
    let unsure = reads.filter { n in
      pending[n].map { $0.ready.lowerBound < $0.ready.upperBound } == true
    }
    return unsure.min { mesh.id($0) < mesh.id($1) }.flatMap { pending[$0]?.current.write }.map { log[$0] }
  }

  private func newness(_ choices: [Superposition.Choice]) -> Int { choices.reduce(0) { $0 + $1.index } }
}
