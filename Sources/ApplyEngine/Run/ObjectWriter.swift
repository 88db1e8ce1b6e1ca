package import ClusterAPI
package import KubernetesModel
package import Lowering
internal import Synchronization

/// What one write came to.
package enum WriteVerdict: Hashable, Sendable {
  /// It is what we applied last, and all of that still stands.
  case known(Value)
  /// The cluster has it already, and it is ours: no request that changes something was sent.
  case unchanged(Value)
  case written(Value, wasCreated: Bool)
  /// It stood there as somebody else's, and is ours now.
  case adopted(Value)
  /// - Parameter wasDeleted: by this request, or by one before that nobody heard the answer of.
  case gone(wasDeleted: Bool)
  /// It goes when its finalizers or its grace period are done.
  case terminating(Value)
}

/// Why one write was not done, or may not have been.
package enum WriteFailure: Error, Hashable, Sendable {
  /// It stands there, and this plan did not make it.
  case foreign(ObjectID)
  /// Ours was deleted, by somebody else; it is not brought back unasked (`WriteDecisions.recreates`). Its successor's UID,
  /// if there is one.
  case vanished(ObjectID, successor: String?)
  /// It is being deleted: what is written to it is lost.
  case terminating(ObjectID)
  /// Other managers own fields that we want otherwise.
  case conflicts(ObjectID, [FieldConflict])
  /// It was made by somebody between our look and our write, which took it over: a person must look at it.
  case appeared(ObjectID, uid: String)
  /// It changed again and again between our looks and the write that was for what we saw.
  case moved(ObjectID, ClusterError)
  /// The plan's write lacks an object or an identity that can be sent.
  case unusable(ObjectID)
  case lock(LockError)
  case journal(JournalError)
  case cluster(ObjectID, ClusterError)
}

/// Does single writes: looks, tries without effect, and only where that shows a difference writes it down and does it.
///
/// The cheapest look comes first. An object whose entry remembers this very intent, and which still holds all of it, costs
/// one GET: a trial costs the server as much as a real write.
///
/// Doing a write again is always safe: what was done is found to be there. That is all that a resumed run relies on.
package struct ObjectWriter: Sendable {
  let cluster: any Cluster
  private let journal: any Journal
  let decisions: WriteDecisions
  /// Objects that are not the plan's yet may become so, where somebody decided it. A way back has no use for them.
  private var adoptsStrangers = true
  private let permission: Permission
  /// Takes what the server advises.
  private let warn: @Sendable (ObjectID, String) -> Void

  /// Throws unless we may send a request of this method at this moment.
  package typealias Permission = @Sendable (WriteIntent.Method) async throws(LockError) -> Void

  static let fieldManager = "rolloutc"
  /// Looks at an object that changes under our eyes (csaupgrade tries as often).
  private static let mostLooks = 5

  package init(
    _ cluster: any Cluster, journal: any Journal, decisions: WriteDecisions = WriteDecisions(),
    warn: @escaping @Sendable (ObjectID, String) -> Void = { _, _ in },
    permission: @escaping Permission
  ) {
    self.cluster = cluster
    self.journal = journal
    self.decisions = decisions
    self.warn = warn
    self.permission = permission
  }

  /// The same, on a way back.
  var goingBack: ObjectWriter {
    var writer = self
    writer.adoptsStrangers = false
    return writer
  }

  /// - Parameters:
  ///   - makes: what is not there is made; not on a way to where it is not, which it would only be made for to be deleted.
  ///   - number: of the intent in the journal; used up even where nothing is written.
  ///   - inventory: saved with the object in it before, or the object could become one that nobody knows of.
  ///   - seen: what a list told a moment ago, in place of a first look.
  package func perform(
    _ write: Write, makes: Bool = true, phase: Int, number: Int, inventory: Inventory, seen: Glance? = nil
  ) async throws(WriteFailure) -> WriteVerdict {
    let target = try await target(of: write)
    let place = JournalPlace(phase: phase, number: number)
    var looks = 1
    while true {
      let live: Value?
      switch seen {
      case .there(let object) where looks == 1: live = object
      case .absent where looks == 1: live = nil
      default: live = try await look(target, write.id)
      }
      do throws(WriteFailure) {
        switch (write.action, write.object) {
        case (.delete, _): return try await delete(write, target, live, place, inventory)
        case (.create, let object?), (.update, let object?):
          if live == nil, !makes { return .gone(wasDeleted: false) }
          return try await apply(write.id, object, target, live, place, inventory)
        case (.create, nil), (.update, nil): throw .unusable(write.id)
        }
      } catch {
        guard case .moved = error, looks < Self.mostLooks else { throw error }
        looks += 1
      }
    }
  }

  /// What stands of what is to be written, as far as lists tell (`Cluster.glance`).
  package func glance(at writes: [Write], isOurs: Bool) async -> [ObjectID: Glance] {
    if writes.count <= Glance.few(isOurs) { return [:] }
    var targets: [(ObjectID, ObjectReference)] = []
    for write in writes {
      do throws(WriteFailure) {
        targets.append((write.id, try await target(of: write)))
      } catch {
        // Each of them would wait for the same silent server; the writes say so.
        if case .cluster(_, let error) = error, error.isSilence { return [:] }
      }
    }
    return await cluster.glance(at: targets, isOurs: isOurs)
  }

  // MARK: - Apply

  private func apply(
    _ id: ObjectID, _ object: Value, _ target: ObjectReference, _ found: Value?, _ place: JournalPlace,
    _ inventory: Inventory
  ) async throws(WriteFailure) -> WriteVerdict {
    var request = ApplyRequest(object, to: target, fieldManager: Self.fieldManager)
    var live = found
    var isUnproven = false
    var isAdopted = false
    switch inventory.ownership(of: id, live: live) {
    case .absent:
      // We had seen it, and it is gone: whoever deleted it may have had a reason.
      if inventory[id]?.uid != nil, !decisions.recreate(id) { throw .vanished(id, successor: nil) }
    case .ours(let uid):
      request.uid = uid
      if let live, inventory.holds(object, as: id, in: live) { return .known(live) }
    case .unproven(let uid):
      request.uid = uid
      let isOurs = live.map { isMade($0, by: inventory.plan) } ?? false
      if !isOurs, adoptsStrangers, let adopted = try await adopted(id, writing: object, target, live, place) {
        live = adopted
        isAdopted = true
      } else {
        guard let live, isApplied(by: Self.fieldManager, live) else { throw .foreign(id) }
        isUnproven = !isLabelled(live, inventory.plan)
      }
    case .foreign:
      guard adoptsStrangers, let adopted = try await adopted(id, writing: object, target, live, place) else {
        throw .foreign(id)
      }
      request.uid = adopted.at("metadata", "uid")?.string
      live = adopted
      isAdopted = true
    case .replaced(_, let successor):
      guard let adopted = try await adopted(id, writing: object, target, live, place) else {
        throw .vanished(id, successor: successor)
      }
      request.uid = successor
      live = adopted
      isAdopted = true
    case .terminating: throw .terminating(id)
    }
    if let live {
      if live.at("metadata", "deletionTimestamp")?.string != nil { throw .terminating(id) }
      let trial = try await trial(&request, writing: object, over: live, id)
      if isSame(trial, live) { return isAdopted ? .adopted(live) : .unchanged(live) }
      // Made by a run that ended before it heard so, if it is what we would make; this is something else.
      if isUnproven { throw .foreign(id) }
    }
    let intent = WriteIntent(
      number: place.number, phase: place.phase, method: .apply, apiVersion: target.type.groupVersion.description,
      id: id, uid: request.uid, body: object, preImage: live)
    let final = request
    let result = try await journaled(intent) { cluster async throws(ClusterError) in
      try await cluster.apply(final)
    } outcome: { result in
      .done(
        uid: result.object.at("metadata", "uid")?.string ?? "",
        resourceVersion: result.object.at("metadata", "resourceVersion")?.string ?? "", wasCreated: result.wasCreated)
    }
    for warning in result.warnings { warn(id, warning) }
    // 200 where nothing stood a moment ago: somebody made it meanwhile, unless an attempt of ours did.
    if live == nil, !result.wasCreated, !(result.wasRepeated && isMadeByApply(result.object)) {
      throw .appeared(id, uid: result.object.at("metadata", "uid")?.string ?? "")
    }
    return isAdopted ? .adopted(result.object) : .written(result.object, wasCreated: result.wasCreated)
  }

  /// What the server would make of it. Fields of others are taken only where a person named every one of them, and then
  /// only from the object as we saw it.
  private func trial(
    _ request: inout ApplyRequest, writing object: Value, over live: Value, _ id: ObjectID
  ) async throws(WriteFailure) -> Value {
    var trial = request
    trial.dryRun = true
    do throws(ClusterError) {
      return try await cluster.apply(trial).object
    } catch {
      guard let conflicts = error.status?.fieldConflicts, !conflicts.isEmpty,
        decisions.take(conflicts, of: id, writing: object, over: live)
      else {
        throw failure(error, id)
      }
    }
    request.force = true
    request.resourceVersion = live.at("metadata", "resourceVersion")?.string
    trial = request
    trial.dryRun = true
    do throws(ClusterError) {
      return try await cluster.apply(trial).object
    } catch {
      throw failure(error, id)
    }
  }

  // MARK: - Delete

  private func delete(
    _ write: Write, _ target: ObjectReference, _ live: Value?, _ place: JournalPlace, _ inventory: Inventory
  ) async throws(WriteFailure) -> WriteVerdict {
    guard let live else { return .gone(wasDeleted: false) }
    let uid: String
    switch inventory.ownership(of: write.id, live: live) {
    case .absent, .replaced: return .gone(wasDeleted: false)
    case .terminating: return .terminating(live)
    case .foreign: throw .foreign(write.id)
    case .unproven(let found):
      // Made by a run that ended before it heard so: nobody else writes our manager and this plan's name.
      guard isMade(live, by: inventory.plan) else { throw .foreign(write.id) }
      if live.at("metadata", "deletionTimestamp")?.string != nil { return .terminating(live) }
      uid = found
    case .ours(let ours): uid = ours
    }
    let intent = WriteIntent(
      number: place.number, phase: place.phase, method: .delete, apiVersion: target.type.groupVersion.description,
      id: write.id, uid: uid, body: nil, preImage: live)
    let request = DeleteRequest(target, uid: uid, propagation: .foreground)
    let result = try await journaled(intent) { cluster async throws(ClusterError) in
      do throws(ClusterError) {
        return try await cluster.delete(request)
      } catch {
        if error.isNotFound { return .gone }
        throw error
      }
    } outcome: { _ in
      .done(uid: "", resourceVersion: "", wasCreated: false)
    }
    switch result {
    case .gone:
      // A Service's registry said so of one that still waited for its finalizers, up to Kubernetes 1.22
      // (registry/core/service/storage/rest.go).
      guard let left = try await look(target, write.id), left.at("metadata", "uid")?.string == uid else {
        return .gone(wasDeleted: true)
      }
      return .terminating(left)
    case .terminating(let object): return .terminating(object)
    }
  }

  // MARK: - Parts

  /// Intent, permission, request, result: in this order, and permission again before each repetition of the request. Without
  /// an answer the intent stays open.
  func journaled<T: Sendable>(
    _ intent: WriteIntent, _ send: (any Cluster) async throws(ClusterError) -> T,
    outcome: (T) -> WriteOutcome
  ) async throws(WriteFailure) -> T {
    try await record(.intent(intent))
    let (permission, refusal) = (permission, Refusal())
    let guarded = cluster.guarded { () async throws(ClusterError) in
      do throws(LockError) {
        try await permission(intent.method)
      } catch {
        refusal.error.withLock { $0 = error }
        throw .withheld()
      }
    }
    let result: T
    do throws(ClusterError) {
      result = try await send(guarded)
    } catch {
      if case .withheld(false) = error {
        try await record(.result(number: intent.number, .refused("the lock was not ours any more")))
      } else if !error.mayHaveTakenEffect {
        try await record(.result(number: intent.number, .refused("\(error)")))
      }
      if let lock = refusal.error.withLock({ $0 }) { throw .lock(lock) }
      throw failure(error, intent.id)
    }
    try await record(.result(number: intent.number, outcome(result)))
    return result
  }

  /// Why a request was not sent.
  private final class Refusal: Sendable {
    let error = Mutex<LockError?>(nil)
  }

  private func record(_ record: JournalRecord) async throws(WriteFailure) {
    do throws(JournalError) {
      try await journal.append(record)
    } catch {
      throw .journal(error)
    }
  }

  /// A plain 409 says that what we saw is not what stands there: another look tells what does.
  func failure(_ error: ClusterError, _ id: ObjectID) -> WriteFailure {
    guard let status = error.status, status.code == 409 else { return .cluster(id, error) }
    if !status.fieldConflicts.isEmpty { return .conflicts(id, status.fieldConflicts) }
    return status.hasCause("NamespaceTerminating") ? .cluster(id, error) : .moved(id, error)
  }

  private func look(_ target: ObjectReference, _ id: ObjectID) async throws(WriteFailure) -> Value? {
    do throws(ClusterError) {
      return try await cluster.get(target)
    } catch {
      if error.isNotFound { return nil }
      throw .cluster(id, error)
    }
  }

  /// A deletion has no object of its own; any version of the group that the server has will do.
  private func target(of write: Write) async throws(WriteFailure) -> ObjectReference {
    do throws(ClusterError) {
      let type: ResourceType
      if let object = write.object {
        type = try await cluster.resourceType(of: object)
      } else {
        guard let version = try await cluster.versions(of: write.id.group).first else {
          throw .notUnderstood("no such group")
        }
        type = try await cluster.resourceType(
          of: write.id.kind, in: GroupVersion(group: write.id.group, version: version))
      }
      return type.named(write.id.name, in: write.id.namespace)
    } catch {
      throw .cluster(write.id, error)
    }
  }
}

/// Where a write stands in the journal.
struct JournalPlace {
  var phase: Int
  var number: Int
}

/// Whether a trial would leave the object as it is: its content, and what of it is ours.
private func isSame(_ trial: Value, _ live: Value) -> Bool {
  content(trial) == content(live)
    && ownFields(trial, ObjectWriter.fieldManager) == ownFields(live, ObjectWriter.fieldManager)
}

func isApplied(by manager: String, _ object: Value) -> Bool { ownFields(object, manager) != nil }

/// Whether our apply may have made it: what we added to an object that was there already is younger than that. The server
/// notes both moments in seconds, ours first.
func isMadeByApply(_ object: Value) -> Bool {
  let own = managedEntry(of: object, by: ObjectWriter.fieldManager)
  guard let applied = own?["time"]?.string, let made = object.at("metadata", "creationTimestamp")?.string else {
    return true
  }
  return applied <= made
}

func isLabelled(_ object: Value, _ plan: String) -> Bool { planName(of: object) == plan }

/// Whether a run of some plan wrote the label that names it, and not a person who edits labels.
func isLabelOurs(_ object: Value) -> Bool {
  ownFields(object, ObjectWriter.fieldManager)?.at("f:metadata", "f:labels", "f:app.kubernetes.io/part-of") != nil
}

/// The plan whose labels an object carries.
func planName(of object: Value) -> String? {
  let labels = object.at("metadata", "labels")
  guard labels?["app.kubernetes.io/managed-by"]?.string == "rolloutc" else { return nil }
  return labels?["app.kubernetes.io/part-of"]?.string
}

func ownFields(_ object: Value, _ manager: String) -> Value? { managedEntry(of: object, by: manager)?["fieldsV1"] }

/// What the server notes of the manager's applies: of the object itself, not of a subresource.
private func managedEntry(of object: Value, by manager: String) -> Value? {
  (object.at("metadata", "managedFields")?.array ?? []).first { isApply($0, by: manager) }
}

func isApply(_ entry: Value, by manager: String) -> Bool {
  entry["manager"]?.string == manager && entry["operation"]?.string == "Apply" && entry["subresource"] == nil
}

/// Without what the server counts by itself.
func content(_ object: Value) -> Value {
  guard var fields = object.fields else { return object }
  fields["status"] = nil
  if var metadata = fields["metadata"]?.fields {
    for key in ["managedFields", "resourceVersion", "generation"] { metadata[key] = nil }
    fields["metadata"] = .object(metadata)
  }
  return .object(fields)
}
