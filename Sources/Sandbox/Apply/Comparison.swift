package import KubernetesModel

/// What changed between two forms of an object, path by path. Kubernetes: structured-merge-diff `typed.Comparison`.
package struct Comparison: Sendable {
  package var added = FieldSet()
  package var modified = FieldSet()
  package var removed = FieldSet()

  package var isSame: Bool { added.isEmpty && modified.isEmpty && removed.isEmpty }

  package init(_ old: Value, _ new: Value, _ schema: Schema) {
    var path: [PathElement] = []
    compare(old, new, schema, &path)
  }

  private mutating func compare(_ old: Value, _ new: Value, _ schema: Schema, _ path: inout [PathElement]) {
    switch (schema.shape(of: old), schema.shape(of: new)) {
    case (.members(let before), .members(let after)):
      for entry in before.entries {
        let element = PathElement.field(entry.key)
        step(element, entry.value, after[entry.key], schema.member(entry.key).schema, &path)
      }
      for entry in after.entries where before[entry.key] == nil {
        step(.field(entry.key), nil, entry.value, schema.member(entry.key).schema, &path)
      }
    case (.set(let before), .set(let after)):
      for item in before where !after.contains(item) { removed.insert(path + [.value(item)]) }
      for item in after where !before.contains(item) { added.insert(path + [.value(item)]) }
    case (.keyed(let before, let keys, let defaults, let element), .keyed(let after, _, _, _)):
      let old = keyed(before, keys, defaults)
      let new = keyed(after, keys, defaults)
      for (key, item) in old { step(key, item, new.first { $0.0 == key }?.1, element, &path) }
      for (key, item) in new where !old.contains(where: { $0.0 == key }) { step(key, nil, item, element, &path) }
    default:
      if old != new { modified.insert(path) }
    }
  }

  private mutating func step(
    _ element: PathElement, _ old: Value?, _ new: Value?, _ schema: Schema, _ path: inout [PathElement]
  ) {
    path.append(element)
    defer { path.removeLast() }
    switch (old, new) {
    case (let old?, let new?): compare(old, new, schema, &path)
    case (nil, let new?):
      added.insert(path)
      everyPath(new, schema, &path) { added.insert($0) }
    case (let old?, nil):
      removed.insert(path)
      everyPath(old, schema, &path) { removed.insert($0) }
    case (nil, nil): break
    }
  }

  private func everyPath(
    _ value: Value, _ schema: Schema, _ path: inout [PathElement], _ visit: ([PathElement]) -> Void
  ) {
    func descend(_ element: PathElement, _ value: Value, _ schema: Schema) {
      path.append(element)
      visit(path)
      everyPath(value, schema, &path, visit)
      path.removeLast()
    }
    switch schema.shape(of: value) {
    case .leaf: break
    case .members(let fields):
      for entry in fields.entries { descend(.field(entry.key), entry.value, schema.member(entry.key).schema) }
    case .set(let items):
      for item in items { descend(.value(item), item, .leaf) }
    case .keyed(let items, let keys, let defaults, let element):
      for (key, item) in keyed(items, keys, defaults) { descend(key, item, element) }
    }
  }
}

func keyed(_ items: [Value], _ keys: [String], _ defaults: [String: Value]) -> [(PathElement, Value)] {
  items.map { (Schema.element(of: $0, keys: keys, defaults: defaults), $0) }
}

extension FieldSet {
  /// The fields that applying `value` owns. Kubernetes: structured-merge-diff `toFieldSetWalker`: leaves, items of
  /// lists and of maps, and empty structures; a structure with members is not owned by itself.
  package init(of value: Value, _ schema: Schema) {
    self.init()
    collect(value, schema)
  }

  private mutating func collect(_ value: Value, _ schema: Schema) {
    switch schema.shape(of: value) {
    case .leaf: break
    case .members(let fields):
      for entry in fields.entries {
        let (inner, isDeclared) = schema.member(entry.key)
        add(.field(entry.key), entry.value, inner, isItem: !isDeclared)
      }
    case .set(let items):
      for item in items { insert(.value(item)) }
    case .keyed(let items, let keys, let defaults, let element):
      for (key, item) in keyed(items, keys, defaults) { add(key, item, element, isItem: true) }
    }
  }

  private mutating func add(_ element: PathElement, _ value: Value, _ schema: Schema, isItem: Bool) {
    var isEmptyStructure = false
    var isLeaf = false
    switch schema.shape(of: value) {
    case .leaf: isLeaf = true
    case .members(let fields): isEmptyStructure = fields.isEmpty
    case .set, .keyed: break
    }
    if isItem || isLeaf || isEmptyStructure { insert(element) }
    insert(FieldSet(of: value, schema), under: element)
  }
}
