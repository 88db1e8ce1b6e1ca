package import ClusterAPI
package import KubernetesModel
package import Lowering

/// What one write came to.
package enum WriteVerdict: Hashable, Sendable {
  /// The cluster has it already, and it is ours: no request that changes something was sent.
  case unchanged(Value)
  case written(Value, wasCreated: Bool)
  case gone
  /// It goes when its finalizers or its grace period are done.
  case terminating(Value)
}

/// Why one write was not done, or may not have been.
package enum WriteFailure: Error, Hashable, Sendable {
  /// It stands there, and this plan did not make it.
  case foreign(ObjectID)
  /// Ours was deleted, by somebody else; it is not brought back unasked. Its successor's UID, if there is one.
  case vanished(ObjectID, successor: String?)
  /// It is being deleted: what is written to it is lost.
  case terminating(ObjectID)
  /// Other managers own fields that we want otherwise.
  case conflicts(ObjectID, [FieldConflict])
  /// It was made by somebody between our look and our write, which took it over: a person must look at it.
  case appeared(ObjectID, uid: String)
  /// The plan's write lacks an object or an identity that can be sent.
  case unusable(ObjectID)
  case lock(LockError)
  case journal(JournalError)
  case cluster(ObjectID, ClusterError)
}

/// Does single writes: looks, tries without effect, and only where that shows a difference writes it down and does it.
///
/// Doing a write again is always safe: what was done is found to be there. That is all that a resumed run relies on.
package struct ObjectWriter: Sendable {
  private let cluster: any Cluster
  private let journal: any Journal
  /// Throws unless we may write at this moment.
  private let permission: @Sendable () async throws(LockError) -> Void

  static let fieldManager = "rolloutc"

  package init(
    _ cluster: any Cluster, journal: any Journal, permission: @escaping @Sendable () async throws(LockError) -> Void
  ) {
    self.cluster = cluster
    self.journal = journal
    self.permission = permission
  }

  /// - Parameters:
  ///   - number: of the intent in the journal; used up even where nothing is written.
  ///   - inventory: saved with the object in it before, or the object could become one that nobody knows of.
  package func perform(
    _ write: Write, phase: Int, number: Int, inventory: Inventory
  ) async throws(WriteFailure) -> WriteVerdict {
    let target = try await target(of: write)
    let live = try await look(target, write.id)
    switch (write.action, write.object) {
    case (.delete, _): return try await delete(write, target, live, phase, number, inventory)
    case (.create, let object?), (.update, let object?):
      return try await apply(write, object, target, live, phase, number, inventory)
    case (.create, nil), (.update, nil): throw .unusable(write.id)
    }
  }

  // MARK: - Apply

  private func apply(
    _ write: Write, _ object: Value, _ target: ObjectReference, _ live: Value?, _ phase: Int, _ number: Int,
    _ inventory: Inventory
  ) async throws(WriteFailure) -> WriteVerdict {
    let id = write.id
    var request = ApplyRequest(object, to: target, fieldManager: Self.fieldManager)
    switch inventory.ownership(of: id, live: live) {
    case .absent:
      // We had seen it, and it is gone: whoever deleted it may have had a reason.
      if inventory[id]?.uid != nil { throw .vanished(id, successor: nil) }
    case .ours(let uid): request.uid = uid
    case .unproven(let uid):
      // Made by a run that ended before it heard so, if it is what we would make, by our manager.
      guard let live, isApplied(by: Self.fieldManager, live) else { throw .foreign(id) }
      request.uid = uid
    case .foreign: throw .foreign(id)
    case .replaced(_, let successor): throw .vanished(id, successor: successor)
    case .terminating: throw .terminating(id)
    }
    if let live {
      if live.at("metadata", "deletionTimestamp")?.string != nil { throw .terminating(id) }
      var trial = request
      trial.dryRun = true
      let result: WriteResult
      do throws(ClusterError) {
        result = try await cluster.apply(trial)
      } catch {
        throw failure(error, id)
      }
      if isSame(result.object, live) { return .unchanged(live) }
      if case .unproven = inventory.ownership(of: id, live: live) { throw .foreign(id) }
    }
    let intent = WriteIntent(
      number: number, phase: phase, method: .apply, apiVersion: target.type.groupVersion.description, id: id,
      uid: request.uid, body: object, preImage: live)
    let result = try await journaled(intent) { () async throws(ClusterError) in
      try await cluster.apply(request)
    } outcome: { result in
      .done(
        uid: result.object.at("metadata", "uid")?.string ?? "",
        resourceVersion: result.object.at("metadata", "resourceVersion")?.string ?? "", wasCreated: result.wasCreated)
    }
    // 200 where nothing stood a moment ago: somebody made it meanwhile, unless an attempt of ours did.
    if live == nil, !result.wasCreated, !result.wasRepeated {
      throw .appeared(id, uid: result.object.at("metadata", "uid")?.string ?? "")
    }
    return .written(result.object, wasCreated: result.wasCreated)
  }

  // MARK: - Delete

  private func delete(
    _ write: Write, _ target: ObjectReference, _ live: Value?, _ phase: Int, _ number: Int, _ inventory: Inventory
  ) async throws(WriteFailure) -> WriteVerdict {
    guard let live else { return .gone }
    let uid: String
    switch inventory.ownership(of: write.id, live: live) {
    case .absent, .replaced: return .gone
    case .terminating: return .terminating(live)
    case .foreign, .unproven: throw .foreign(write.id)
    case .ours(let ours): uid = ours
    }
    let intent = WriteIntent(
      number: number, phase: phase, method: .delete, apiVersion: target.type.groupVersion.description, id: write.id,
      uid: uid, body: nil, preImage: live)
    let request = DeleteRequest(target, uid: uid, propagation: .foreground)
    let result = try await journaled(intent) { () async throws(ClusterError) in
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
    case .gone: return .gone
    case .terminating(let object): return .terminating(object)
    }
  }

  // MARK: - Parts

  /// Intent, permission, request, result: in this order. Without an answer the intent stays open.
  private func journaled<T: Sendable>(
    _ intent: WriteIntent, _ send: () async throws(ClusterError) -> T, outcome: (T) -> WriteOutcome
  ) async throws(WriteFailure) -> T {
    try await record(.intent(intent))
    do throws(LockError) {
      try await permission()
    } catch {
      try await record(.result(number: intent.number, .refused("the lock was not ours any more")))
      throw .lock(error)
    }
    let result: T
    do throws(ClusterError) {
      result = try await send()
    } catch {
      if !error.mayHaveTakenEffect { try await record(.result(number: intent.number, .refused("\(error)"))) }
      throw failure(error, intent.id)
    }
    try await record(.result(number: intent.number, outcome(result)))
    return result
  }

  private func record(_ record: JournalRecord) async throws(WriteFailure) {
    do throws(JournalError) {
      try await journal.append(record)
    } catch {
      throw .journal(error)
    }
  }

  private func failure(_ error: ClusterError, _ id: ObjectID) -> WriteFailure {
    if let conflicts = error.status?.fieldConflicts, !conflicts.isEmpty { return .conflicts(id, conflicts) }
    return .cluster(id, error)
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

/// Whether a trial would leave the object as it is: its content, and what of it is ours.
private func isSame(_ trial: Value, _ live: Value) -> Bool {
  content(trial) == content(live)
    && ownFields(trial, ObjectWriter.fieldManager) == ownFields(live, ObjectWriter.fieldManager)
}

private func isApplied(by manager: String, _ object: Value) -> Bool { ownFields(object, manager) != nil }

private func ownFields(_ object: Value, _ manager: String) -> Value? {
  (object.at("metadata", "managedFields")?.array ?? []).first {
    $0["manager"]?.string == manager && $0["operation"]?.string == "Apply" && $0["subresource"] == nil
  }?["fieldsV1"]
}

/// Without what the server counts by itself.
private func content(_ object: Value) -> Value {
  guard var fields = object.fields else { return object }
  fields["status"] = nil
  if var metadata = fields["metadata"]?.fields {
    for key in ["managedFields", "resourceVersion", "generation"] { metadata[key] = nil }
    fields["metadata"] = .object(metadata)
  }
  return .object(fields)
}
