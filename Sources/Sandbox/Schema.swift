package import KubernetesModel

/// What server-side apply and strategic merge patch must know of a type: which maps and lists are merged, by which
/// keys, and which are replaced whole. Kubernetes: `x-kubernetes-list-type`, `-list-map-keys`, `-map-type`, and the
/// struct tags `patchMergeKey`, `patchStrategy`.
package indirect enum Schema: Sendable {
  /// Members with names known to the type. What is not declared here is a structure too if it is an object, and an
  /// atomic list if it is one.
  case structure([String: Schema])
  /// Members with names that the user chose (labels, data): each is an item of its own.
  case map
  /// An object or list that has one owner as a whole.
  case atomic
  /// A list of distinct scalars.
  case set
  /// A list of objects told apart by `keys`; strategic merge patch uses `patchKey` alone.
  case keyed([String], patchKey: String, defaults: [String: Value], Schema)
  /// A type nobody described (`x-kubernetes-preserve-unknown-fields`): objects merge, lists are atomic.
  case deduced

  static let leaf = Schema.structure([:])

  static func list(by key: String, _ element: Schema = .leaf) -> Schema {
    .keyed([key], patchKey: key, defaults: [:], element)
  }

  /// The schema of member `name`, and whether the type declares it (so that it is not an item by itself).
  func member(_ name: String) -> (schema: Schema, isDeclared: Bool) {
    switch self {
    case .structure(let fields): (fields[name] ?? .leaf, true)
    case .map: (.leaf, false)
    case .deduced: (.deduced, false)
    case .atomic, .set, .keyed: (.leaf, true)
    }
  }

  /// How a value of this type is merged.
  enum Shape {
    case leaf
    case members(Fields)
    case set([Value])
    case keyed([Value], keys: [String], defaults: [String: Value], element: Schema)
  }

  func shape(of value: Value) -> Shape {
    switch (self, value) {
    case (.atomic, _): .leaf
    case (_, .object(let fields)): .members(fields)
    case (.set, .array(let items)): .set(items)
    case (.keyed(let keys, _, let defaults, let element), .array(let items)):
      .keyed(items, keys: keys, defaults: defaults, element: element)
    default: .leaf
    }
  }

  /// The path element of a list item: its keys, with defaults where it leaves them out.
  static func element(of item: Value, keys: [String], defaults: [String: Value]) -> PathElement {
    var entries: [Fields.Entry] = []
    for key in keys.sorted() {
      if let value = item[key] ?? defaults[key] { entries.append(Fields.Entry(key: key, value: value)) }
    }
    return .key(entries)
  }
}

/// The most that a body may nest. Kubernetes bounds it by the size of the request alone; deeper bodies than this are
/// refused before anything walks them.
package let maximumDepth = 200

func depth(of value: Value, limit: Int) -> Bool {
  if limit == 0 { return false }
  switch value {
  case .array(let items): return items.allSatisfy { depth(of: $0, limit: limit - 1) }
  case .object(let fields): return fields.entries.allSatisfy { depth(of: $0.value, limit: limit - 1) }
  default: return true
  }
}
