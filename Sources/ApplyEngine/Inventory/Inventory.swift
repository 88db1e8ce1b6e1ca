package import KubernetesModel
package import Lowering

/// What a plan owns in a cluster: what it may change and remove, and nothing else.
///
/// It is a superset at every moment: an object enters before it is written, and leaves only when it was seen to be gone.
/// So a crash leaves an entry too many, never an object that nobody knows of.
package struct Inventory: Hashable, Sendable {
  package enum Outcome: String, Hashable, Sendable {
    /// It is to be written; it may or may not be there.
    case pending
    case applied
    case failed
    /// It is to be deleted; it may still be there.
    case deleting
  }

  package struct Entry: Hashable, Sendable {
    /// By group and kind, without a version: one that the cluster no longer serves must not stand in the way.
    package var id: ObjectID
    /// Nil until the server told it.
    package var uid: String?
    package var outcome: Outcome
    /// The phase that touched it last.
    package var phase: Int
    /// Of what we applied last; nil while something else may stand there. What makes an unchanged object cost one look.
    package var intent: String?
    /// It stood before the plan, and somebody decided that it becomes the plan's: what it was then, nobody remembers.
    package var isAdopted = false

    package init(
      id: ObjectID, uid: String?, outcome: Outcome, phase: Int, intent: String? = nil, isAdopted: Bool = false
    ) {
      self.intent = intent
      self.isAdopted = isAdopted
      self.id = id
      self.uid = uid
      self.outcome = outcome
      self.phase = phase
    }
  }

  package var plan: String
  package var planHash: String
  package var run: String
  /// In the order of their first writes: the order to undo is its reverse. What left leaves a hole, so that the places of
  /// the others stay as they are.
  private var slots: [Entry?]
  private var places: [ObjectID: Int]

  package init(plan: String, planHash: String = "", run: String = "", entries: [Entry] = []) {
    self.plan = plan
    self.planHash = planHash
    self.run = run
    slots = []
    places = [:]
    for entry in entries { self[entry.id] = entry }
  }

  package var entries: [Entry] { slots.compactMap { $0 } }

  package subscript(id: ObjectID) -> Entry? {
    get { places[id].flatMap { slots[$0] } }
    set {
      guard let newValue else {
        if let place = places.removeValue(forKey: id) { slots[place] = nil }
        return
      }
      if let place = places[id] {
        slots[place] = newValue
      } else {
        places[id] = slots.count
        slots.append(newValue)
      }
    }
  }

  package static func == (a: Inventory, b: Inventory) -> Bool {
    a.plan == b.plan && a.planHash == b.planHash && a.run == b.run && a.entries == b.entries
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(plan)
    hasher.combine(planHash)
    hasher.combine(run)
    hasher.combine(entries)
  }

  /// What is known of one object: enough to judge whose it is. A copy of everything for each of thousands of writes would
  /// be copied again with each answer.
  func only(_ id: ObjectID) -> Inventory {
    Inventory(plan: plan, planHash: planHash, run: run, entries: self[id].map { [$0] } ?? [])
  }

  // MARK: - The life of an entry

  /// Before writes of these objects leave. A UID that is known stays known; what stood there is not, from now on.
  ///
  /// Of one that was to be deleted nobody knows whether it is still that one: the deletion may have been done and its answer
  /// lost, and its absence is then no deed of others.
  ///
  /// - Parameter adopts: whether what stands there, if it is not ours, is to become ours.
  package mutating func expect(_ ids: [ObjectID], phase: Int, adopts: (ObjectID) -> Bool = { _ in false }) {
    for id in ids {
      if self[id]?.outcome == .deleting { self[id]?.uid = nil }
      touch(id, .pending, phase)
      if self[id]?.uid == nil, adopts(id) { self[id]?.isAdopted = true }
    }
  }

  /// After a write came to something.
  package mutating func record(_ verdict: WriteVerdict, of write: Write, phase: Int) {
    switch verdict {
    // What was applied then stands now: the entry is as it was, and a second run stores what the first one did.
    case .known where self[write.id]?.outcome == .applied: break
    case .known(let object), .unchanged(let object), .written(let object, _), .adopted(let object):
      let isAdopted =
        switch verdict {
        case .adopted: true
        case .written(_, wasCreated: true): false
        default: self[write.id]?.isAdopted == true
        }
      self[write.id] = Entry(
        id: write.id, uid: object.at("metadata", "uid")?.string, outcome: .applied, phase: phase,
        intent: write.object.flatMap(Self.fingerprint),
        isAdopted: isAdopted)
    case .gone: gone(write.id)
    case .terminating: break
    }
  }

  /// A deletion that failed may have been done all the same: it stays one.
  package mutating func failed(_ id: ObjectID, phase: Int) {
    if let entry = self[id], entry.outcome != .deleting { touch(id, .failed, phase) }
  }

  /// Before deletions leave. A deletion that is refused keeps its entry (kustomize-controller#1664 lost it).
  package mutating func expectDeletion(of ids: [ObjectID], phase: Int) {
    for id in ids where self[id] != nil { touch(id, .deleting, phase) }
  }

  /// What is known of it stays known; what was applied last is not known any more until the server answers.
  private mutating func touch(_ id: ObjectID, _ outcome: Outcome, _ phase: Int) {
    self[id] = Entry(
      id: id, uid: self[id]?.uid, outcome: outcome, phase: phase, isAdopted: self[id]?.isAdopted == true)
  }

  /// After it was seen to be gone.
  package mutating func gone(_ id: ObjectID) { self[id] = nil }
}

/// Whose an object is, as far as one plan is concerned.
package enum Ownership: Hashable, Sendable {
  /// Nothing stands there: it may be made.
  case absent
  case ours(uid: String)
  /// It stands there, and this plan did not make it.
  case foreign
  /// Ours was deleted, and somebody made another of its name.
  case replaced(ours: String, live: String)
  /// We were about to make it when the last run ended, so it may be ours: what is in it must tell.
  case unproven(uid: String)
  case terminating(uid: String)
}

extension Inventory {
  /// - Parameter live: the object in the cluster; nil where there is none.
  package func ownership(of id: ObjectID, live: Value?) -> Ownership {
    guard let live else { return .absent }
    let uid = live.at("metadata", "uid")?.string ?? ""
    guard let entry = self[id] else { return .foreign }
    guard let ours = entry.uid else { return .unproven(uid: uid) }
    if ours != uid { return .replaced(ours: ours, live: uid) }
    if let other = planName(of: live), other != plan, isLabelOurs(live) { return .foreign }
    return live.at("metadata", "deletionTimestamp")?.string == nil ? .ours(uid: uid) : .terminating(uid: uid)
  }
}
