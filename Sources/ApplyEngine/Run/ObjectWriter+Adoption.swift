internal import ClusterAPI
package import KubernetesModel

extension ObjectWriter {
  /// `live`, as it is once it is ours; nil where nobody decided that it shall be.
  ///
  /// What client-side apply wrote is handed over first, or fields that the plan does not have would stay for ever, as their
  /// old owner still wants them (kubernetes/kubernetes#99003). The rest of the object stays with whoever holds it. Nothing is
  /// handed over for an `object` that the server would not take then.
  func adopted(
    _ id: ObjectID, writing object: Value, _ target: ObjectReference, _ live: Value?, _ place: JournalPlace
  ) async throws(WriteFailure) -> Value? {
    guard let live, decisions.adopt(id) else { return nil }
    if live.at("metadata", "deletionTimestamp")?.string != nil { throw .terminating(id) }
    guard let patch = takeOver(of: live, apiVersion: target.type.groupVersion.description) else { return live }
    try await tryAdoption(of: id, writing: object, target, over: live)
    let intent = WriteIntent(
      number: place.number, phase: place.phase, method: .patch, apiVersion: target.type.groupVersion.description,
      id: id, uid: live.at("metadata", "uid")?.string, body: patch, preImage: live)
    let request = PatchRequest(patch, .json, to: target, fieldManager: Self.fieldManager)
    return try await journaled(intent) { cluster async throws(ClusterError) in
      try await cluster.patch(request).object
    } outcome: { object in
      .done(
        uid: object.at("metadata", "uid")?.string ?? "",
        resourceVersion: object.at("metadata", "resourceVersion")?.string ?? "", wasCreated: false)
    }
  }

  /// Writes `object` without effect, as if what client-side apply holds of it were ours.
  private func tryAdoption(
    of id: ObjectID, writing object: Value, _ target: ObjectReference, over live: Value
  ) async throws(WriteFailure) {
    var trial = ApplyRequest(object, to: target, fieldManager: Self.fieldManager)
    trial.uid = live.at("metadata", "uid")?.string
    trial.dryRun = true
    do throws(ClusterError) {
      _ = try await cluster.apply(trial)
      return
    } catch {
      guard let conflicts = error.status?.fieldConflicts, !conflicts.isEmpty else { throw failure(error, id) }
      let others = conflicts.filter { !$0.isClientSide(in: live) }
      guard decisions.take(others, of: id, writing: object, over: live) else { throw .conflicts(id, others) }
    }
    trial.force = true
    trial.resourceVersion = live.at("metadata", "resourceVersion")?.string
    do throws(ClusterError) {
      _ = try await cluster.apply(trial)
    } catch {
      throw failure(error, id)
    }
  }
}

/// The managers under which `kubectl apply` without `--server-side` writes.
private let clientSideManagers: Set<String> = ["kubectl", "kubectl-client-side-apply", "before-first-apply"]
private let lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

extension FieldConflict {
  /// Its owner is client-side apply, whose fields an adoption takes over. A conflict does not say how its owner wrote `live`:
  /// `kubectl apply --server-side` goes by the same name.
  func isClientSide(in live: Value) -> Bool {
    clientSideManagers.contains(manager) && subresource == nil
      && !(live.at("metadata", "managedFields")?.array ?? []).contains { isApply($0, by: manager) }
  }
}

/// Whether `entry` of `managedFields` is what client-side apply left.
private func isClientSide(_ entry: Value) -> Bool {
  entry["operation"]?.string == "Update" && entry["subresource"] == nil
    && clientSideManagers.contains(entry["manager"]?.string ?? "")
}

/// How many fields of `live` client-side apply holds, and an adoption would take over.
package func clientSideFieldCount(_ live: Value) -> Int {
  func leaves(_ fields: Value) -> Int {
    guard let members = fields.fields, !members.isEmpty else { return 1 }
    return members.entries.reduce(0) { $0 + ($1.key == "." ? 0 : leaves($1.value)) }
  }
  return (live.at("metadata", "managedFields")?.array ?? []).filter(isClientSide)
    .reduce(0) { $0 + leaves($1["fieldsV1"] ?? .null) }
}

/// `trial`, which the server made of `object` before anything was handed over, without what our apply removes once we hold
/// what client-side apply wrote: fields that the plan does not have, and that nobody else holds. What the server added to
/// those that a person wrote, as `kubectl apply` remembers them, it adds again.
func withoutHandedOver(_ trial: Value, writing object: Value, over live: Value) -> Value {
  let entries = live.at("metadata", "managedFields")?.array ?? []
  let old = entries.filter(isClientSide)
  if old.isEmpty { return trial }
  func all(_ entries: [Value]) -> Value { entries.reduce(.object([:])) { union($0, $1["fieldsV1"]) } }
  let kept = all(entries.filter { !isClientSide($0) && !isApply($0, by: ObjectWriter.fieldManager) })
  let said = live.at("metadata", "annotations", lastApplied)?.string.flatMap { try? parseJSON(Array($0.utf8)) }
  return without(all(old), kept: kept, wanted: object, said: said ?? trial, trial) ?? trial
}

/// `value` without `fields` that somebody `said` and that are neither `kept` nor `wanted`; nil where nothing else is left.
private func without(_ fields: Value, kept: Value?, wanted: Value?, said: Value?, _ value: Value) -> Value? {
  let isOurs = kept != nil || wanted != nil || said == nil
  guard let members = fields.fields, members.entries.contains(where: { $0.key != "." }) else {
    return isOurs ? value : nil
  }
  var rest = value
  for entry in members.entries where entry.key != "." {
    let kept = kept?[entry.key]
    if entry.key.hasPrefix("f:"), var object = rest.fields {
      let name = String(entry.key.dropFirst(2))
      guard let member = object[name] else { continue }
      object[name] = without(entry.value, kept: kept, wanted: wanted?[name], said: said?[name], member)
      rest = .object(object)
    } else if let key = ItemKey(entry.key), let list = rest.array {
      let wanted = wanted?.array?.first(where: key.isOf)
      let said = said?.array?.first(where: key.mayBeOf)
      rest = .array(
        list.compactMap { key.isOf($0) ? without(entry.value, kept: kept, wanted: wanted, said: said, $0) : $0 })
    } else if entry.key.hasPrefix("v:"), let list = rest.array,
      let element = try? parseJSON(Array(entry.key.dropFirst(2).utf8))
    {
      let isWanted = kept != nil || said == nil || wanted?.array?.contains(element) == true
      rest = .array(list.filter { isWanted || $0 != element })
    }
  }
  let isEmpty = rest.fields?.isEmpty ?? rest.array?.isEmpty ?? false
  let isWhole = fields["."] != nil && rest.array == nil
  return isOurs || !(isEmpty || isWhole) ? rest : nil
}

/// A JSON patch that makes everything that client-side apply wrote ours; nil where there is nothing. It is for this version
/// of the object only. client-go: `util/csaupgrade`.
func takeOver(of live: Value, apiVersion: String) -> Value? {
  let entries = live.at("metadata", "managedFields")?.array ?? []
  let old = entries.filter(isClientSide)
  guard !old.isEmpty, let version = live.at("metadata", "resourceVersion") else { return nil }
  var fields = old.reduce(ownFields(live, ObjectWriter.fieldManager) ?? .object([:])) { union($0, $1["fieldsV1"]) }
  fields = without(["f:metadata", "f:annotations", "f:\(lastApplied)"], fields)
  var ours: Fields = [
    "manager": .string(ObjectWriter.fieldManager), "operation": "Apply", "apiVersion": .string(apiVersion),
    "fieldsType": "FieldsV1", "fieldsV1": fields,
  ]
  ours["time"] = old.compactMap { $0["time"]?.string }.max().map { .string($0) }
  let rest = entries.filter { !isClientSide($0) && !isApply($0, by: ObjectWriter.fieldManager) }
  var patch: [Value] = [
    ["op": "replace", "path": "/metadata/managedFields", "value": .array([.object(ours)] + rest)],
    ["op": "replace", "path": "/metadata/resourceVersion", "value": version],
  ]
  if live.at("metadata", "annotations", lastApplied) != nil {
    // RFC 6901: `/` in a name is `~1`.
    patch.append([
      "op": "remove", "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
    ])
  }
  return .array(patch)
}

/// Two sets of fields in the form of `fieldsV1`.
private func union(_ a: Value, _ b: Value?) -> Value {
  guard var fields = a.fields, let others = b?.fields else { return a }
  for entry in others.entries { fields[entry.key] = fields[entry.key].map { union($0, entry.value) } ?? entry.value }
  return .object(fields)
}

private func without(_ path: ArraySlice<String>, _ fields: Value) -> Value {
  guard let first = path.first, var members = fields.fields, let child = members[first] else { return fields }
  members[first] = path.count == 1 ? nil : without(path.dropFirst(), child)
  return .object(members)
}
