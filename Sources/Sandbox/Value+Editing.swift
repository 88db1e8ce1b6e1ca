internal import KubernetesModel

extension Value {
  /// Changes the members of an object in place; a value that is no object becomes one.
  mutating func update(_ change: (inout Fields) -> Void) {
    var fields = self.fields ?? Fields()
    self = .null
    change(&fields)
    self = .object(fields)
  }

  mutating func updateMetadata(_ change: (inout Fields) -> Void) { update("metadata", change) }

  mutating func update(_ key: String, _ change: (inout Fields) -> Void) {
    update { fields in
      var inner = fields[key] ?? .object(Fields())
      inner.update(change)
      fields[key] = inner
    }
  }

  /// Sets the value at `path`, making objects on the way; nil removes it.
  mutating func set(_ value: Value?, at path: String...) { set(value, at: path[...]) }

  mutating func set(_ value: Value?, at path: ArraySlice<String>) {
    guard let first = path.first else { return }
    update { fields in
      if path.count == 1 {
        fields[first] = value
      } else {
        if fields[first] == nil && value == nil { return }
        var inner = fields[first] ?? .object(Fields())
        inner.set(value, at: path.dropFirst())
        fields[first] = inner
      }
    }
  }

  /// Sets a default: does nothing where the member is there.
  mutating func setDefault(_ value: Value, _ key: String) {
    update { fields in
      if fields[key] == nil || fields[key] == .null { fields[key] = value }
    }
  }

  mutating func updateItems(_ key: String, _ change: (inout Value) -> Void) {
    guard case .array(var items)? = self[key] else { return }
    for i in items.indices { change(&items[i]) }
    set(.array(items), at: key)
  }

  /// Without nulls in objects: what decoding into a Go struct and encoding again does.
  var withoutNulls: Value {
    switch self {
    case .object(let fields):
      .object(
        Fields(
          fields.entries.filter { $0.value != .null }.map { Fields.Entry(key: $0.key, value: $0.value.withoutNulls) }))
    case .array(let items): .array(items.map(\.withoutNulls))
    default: self
    }
  }

  var metadata: Value { self["metadata"] ?? .object(Fields()) }
  var name: String { at("metadata", "name")?.string ?? "" }
  var namespace: String { at("metadata", "namespace")?.string ?? "" }
  var uid: String { at("metadata", "uid")?.string ?? "" }
  var kind: String { self["kind"]?.string ?? "" }
  var resourceVersion: String { at("metadata", "resourceVersion")?.string ?? "" }
  var generation: Int { at("metadata", "generation")?.int ?? 0 }
  var isDeleting: Bool { at("metadata", "deletionTimestamp")?.string != nil }
  var labels: [String: String] { strings(at("metadata", "labels")) }
  var annotations: [String: String] { strings(at("metadata", "annotations")) }
  var ownerReferences: [Value] { at("metadata", "ownerReferences")?.array ?? [] }
  var finalizers: [String] { (at("metadata", "finalizers")?.array ?? []).compactMap(\.string) }

  /// The owner that controls this object.
  var controller: Value? { ownerReferences.first { $0["controller"]?.bool == true } }
}

extension Int {
  /// One more, or the same where there is none: what clients write may be the largest number.
  var next: Int { self == .max ? self : self + 1 }
}

func strings(_ value: Value?) -> [String: String] {
  var result: [String: String] = [:]
  for entry in value?.fields?.entries ?? [] { result[entry.key] = entry.value.string }
  return result
}
