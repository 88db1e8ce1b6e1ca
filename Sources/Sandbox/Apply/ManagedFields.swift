package import KubernetesModel

/// One entry of `metadata.managedFields`.
package struct ManagedEntry: Hashable, Sendable {
  package enum Operation: String, Hashable, Sendable { case apply = "Apply", update = "Update" }

  package var manager: String
  package var operation: Operation
  package var apiVersion: String
  package var subresource: String
  package var time: String?
  package var fields: FieldSet

  package init(
    manager: String, operation: Operation, apiVersion: String, subresource: String, time: String?, fields: FieldSet
  ) {
    self.manager = manager
    self.operation = operation
    self.apiVersion = apiVersion
    self.subresource = subresource
    self.time = time
    self.fields = fields
  }

  /// Whether two entries are one owner. An applier is told apart by its name, not by the version it applied.
  func isSameOwner(as other: ManagedEntry) -> Bool {
    manager == other.manager && operation == other.operation && subresource == other.subresource
      && (operation == .apply || apiVersion == other.apiVersion)
  }

  package var value: Value {
    var fields: Fields = [
      "manager": .string(manager), "operation": .string(operation.rawValue), "apiVersion": .string(apiVersion),
    ]
    if let time { fields["time"] = .string(time) }
    fields["fieldsType"] = "FieldsV1"
    fields["fieldsV1"] = self.fields.fieldsV1
    if !subresource.isEmpty { fields["subresource"] = .string(subresource) }
    return .object(fields)
  }

  package init?(_ value: Value) {
    guard let operation = value["operation"]?.string.flatMap(Operation.init(rawValue:)) else { return nil }
    self.init(
      manager: value["manager"]?.string ?? "", operation: operation, apiVersion: value["apiVersion"]?.string ?? "",
      subresource: value["subresource"]?.string ?? "", time: value["time"]?.string,
      fields: FieldSet(fieldsV1: value["fieldsV1"] ?? .null))
  }

  /// `"kubectl" with subresource "scale" using apps/v1 at 2026-01-01T00:00:00Z`: Kubernetes `printManager`.
  var shown: String {
    var text = "\"\(manager)\""
    if !subresource.isEmpty { text += " with subresource \"\(subresource)\"" }
    guard operation == .update else { return text }
    text += " using \(apiVersion)"
    if let time { text += " at \(time)" }
    return text
  }
}

/// Reads and writes `metadata.managedFields`.
package func managedFields(of object: Value) -> [ManagedEntry] {
  (object.at("metadata", "managedFields")?.array ?? []).compactMap(ManagedEntry.init)
}

func setManagedFields(_ entries: [ManagedEntry], of object: inout Value) {
  // Kubernetes: `sortEncodedManagedFields`: appliers first, then the oldest.
  let sorted = entries.filter { !$0.fields.isEmpty }.sorted { a, b in
    if a.operation != b.operation { return a.operation == .apply }
    return (a.time ?? "", a.manager, a.apiVersion, a.subresource) < (
      b.time ?? "", b.manager, b.apiVersion, b.subresource
    )
  }
  object.updateMetadata { $0["managedFields"] = sorted.isEmpty ? nil : .array(sorted.map(\.value)) }
}

/// What no manager ever owns. Kubernetes: `managedfields/internal/stripmeta.go`.
private let stripped: [[String]] =
  [["apiVersion"], ["kind"], ["metadata"]]
  + [
    "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields",
    "resourceVersion",
  ].map { ["metadata", $0] }

extension FieldSet {
  /// Without identity and bookkeeping, and without what this endpoint resets (`status` on the object itself, `spec` on
  /// its status).
  func strippingMetadata(resetting reset: [[String]]) -> FieldSet {
    var result = self
    for path in stripped {
      let elements = path.map(PathElement.field)
      if path == ["metadata"] {
        result.remove(.field("metadata"))
      } else {
        result = result.removing(elements)
      }
    }
    for path in reset { result = result.removing(path.map(PathElement.field)) }
    return result
  }
}

/// Who writes, through which endpoint.
struct Writer: Sendable {
  var manager: String
  var apiVersion: String
  var subresource: String = ""
  var time: String
  /// Paths that this endpoint does not let anybody change.
  var reset: [[String]] = []
}

/// After an ordinary write that turned `old` into `new`: the writer owns what it changed, nobody owns what is gone.
/// Kubernetes: structured-merge-diff `Updater.Update`.
func recordUpdate(
  old: Value, new: Value, entries: [ManagedEntry], by writer: Writer, _ schema: Schema
) -> [ManagedEntry] {
  let comparison = Comparison(old, new, schema)
  let changed = comparison.added.union(comparison.modified).strippingMetadata(resetting: writer.reset)
  if changed.isEmpty && comparison.removed.strippingMetadata(resetting: writer.reset).isEmpty { return entries }
  var result: [ManagedEntry] = []
  var mine = ManagedEntry(
    manager: writer.manager, operation: .update, apiVersion: writer.apiVersion, subresource: writer.subresource,
    time: writer.time, fields: FieldSet())
  for var entry in entries {
    if entry.isSameOwner(as: mine) {
      let before = entry.fields
      entry.fields = entry.fields.subtracting(comparison.removed).union(changed)
      mine.fields = entry.fields
      mine.time = before == entry.fields && changed.isEmpty ? entry.time : writer.time
    } else {
      entry.fields = entry.fields.subtracting(comparison.removed).subtracting(changed)
      result.append(entry)
    }
  }
  if mine.fields.isEmpty { mine.fields = changed }
  result.append(mine)
  return result
}

/// The outcome of server-side apply before defaults are set.
struct Applied {
  var object: Value
  var entries: [ManagedEntry]
}

/// Server-side apply of `config` over `live`. Kubernetes: structured-merge-diff `Updater.Apply`.
///
/// The story: what `config` names becomes the applier's set. Live and config are merged; fields of the applier's last
/// set that it no longer names, and that nobody else owns, go. Then live and result are compared: a change to a field
/// that someone else owns is a conflict, unless forced (then that owner loses it) or unless the value is the same (then
/// both own it).
func serverSideApply(
  live: Value, config: Value, entries: [ManagedEntry], by writer: Writer, force: Bool, _ schema: Schema,
  tolerated: FieldSet? = nil
) throws(APIError) -> Applied {
  let wanted = FieldSet(of: config, schema).strippingMetadata(resetting: writer.reset)
  var mine = ManagedEntry(
    manager: writer.manager, operation: .apply, apiVersion: writer.apiVersion, subresource: writer.subresource,
    time: writer.time, fields: wanted)
  var others: [ManagedEntry] = []
  var last = FieldSet()
  for entry in entries {
    if entry.isSameOwner(as: mine) {
      last = last.union(entry.fields)
      if entry.fields == wanted { mine.time = entry.time }
    } else {
      others.append(entry)
    }
  }
  var object = merged(live, with: config, schema)
  if !last.isEmpty {
    let kept = others.reduce(wanted) { $0.union($1.fields) }
    object = pruned(object, last: last, kept: kept, schema)
  }
  let comparison = Comparison(live, object, schema)
  let changed = comparison.added.union(comparison.modified).strippingMetadata(resetting: writer.reset)
  var conflicts: [(owner: ManagedEntry, path: [PathElement])] = []
  for entry in others {
    for path in entry.fields.intersection(changed).paths where !(tolerated?.contains(path) ?? false) {
      conflicts.append((entry, path))
    }
  }
  if !conflicts.isEmpty && !force { throw conflictError(conflicts) }
  for i in others.indices { others[i].fields = others[i].fields.subtracting(changed).subtracting(comparison.removed) }
  others.append(mine)
  return Applied(object: object, entries: others)
}

/// Kubernetes: `managedfields/internal/conflict.go`.
private func conflictError(_ conflicts: [(owner: ManagedEntry, path: [PathElement])]) -> APIError {
  var message = "Apply failed with \(conflicts.count) conflict\(conflicts.count == 1 ? "" : "s"): "
  if conflicts.count == 1 {
    message += "conflict with \(conflicts[0].owner.shown): \(conflicts[0].path.shown)"
  } else {
    var owners: [String] = []
    for conflict in conflicts where !owners.contains(conflict.owner.shown) { owners.append(conflict.owner.shown) }
    message += owners.sorted().map { owner in
      (["conflicts with \(owner):"] + conflicts.filter { $0.owner.shown == owner }.map { "- " + $0.path.shown })
        .joined(separator: "\n")
    }.joined(separator: "\n")
  }
  var error = APIError(409, "Conflict", message)
  error.causes = conflicts.map {
    Cause(reason: "FieldManagerConflict", message: "conflict with \($0.owner.shown)", field: $0.path.shown)
  }
  return error
}
