package import KubernetesModel

/// `live` with everything that `config` says. Members and items that `config` does not name stay. Kubernetes:
/// structured-merge-diff `TypedValue.Merge`.
package func merged(_ live: Value, with config: Value, _ schema: Schema) -> Value {
  switch (schema.shape(of: live), schema.shape(of: config)) {
  case (.members(var fields), .members(let wanted)):
    for entry in wanted.entries {
      if let old = fields[entry.key] {
        fields[entry.key] = merged(old, with: entry.value, schema.member(entry.key).schema)
      } else {
        fields[entry.key] = entry.value
      }
    }
    return .object(fields)
  case (.set(let old), .set(let wanted)):
    return .array(old.filter { !wanted.contains($0) } + wanted)
  case (.keyed(let old, let keys, let defaults, let element), .keyed(let wanted, _, _, _)):
    return .array(mergedItems(keyed(old, keys, defaults), keyed(wanted, keys, defaults), element))
  default: return config
  }
}

/// Items of both, shared ones in the order of `wanted`, foreign ones where they stood before their next neighbour.
/// Kubernetes: structured-merge-diff `mergeListItems`.
private func mergedItems(
  _ old: [(PathElement, Value)], _ wanted: [(PathElement, Value)], _ schema: Schema
) -> [Value] {
  let oldKeys = Set(old.map(\.0))
  let wantedKeys = Set(wanted.map(\.0))
  let shared = wanted.map(\.0).filter { oldKeys.contains($0) }
  var nextShared = 0
  var (l, r) = (0, 0)
  var result: [Value] = []
  while l < old.count || r < wanted.count {
    if l < old.count {
      let key = old[l].0
      if r < wanted.count, key == wanted[r].0 {
        result.append(merged(old[l].1, with: wanted[r].1, schema))
        if nextShared < shared.count, shared[nextShared] == key { nextShared += 1 }
        l += 1
        r += 1
        continue
      }
      if !wantedKeys.contains(key) {
        result.append(old[l].1)
        l += 1
        continue
      }
      if r >= wanted.count || nextShared >= shared.count || shared[nextShared] != key {
        // A shared item whose turn is later: it comes with `wanted`.
        l += 1
        continue
      }
    }
    if r < wanted.count {
      let key = wanted[r].0
      if let match = old.first(where: { $0.0 == key }) {
        result.append(merged(match.1, with: wanted[r].1, schema))
        if nextShared < shared.count, shared[nextShared] == key { nextShared += 1 }
      } else {
        result.append(wanted[r].1)
      }
      r += 1
    } else {
      l += 1
    }
  }
  return result
}

/// `value` without the fields of `last` that nobody in `kept` owns, itself or anything below. Kubernetes:
/// structured-merge-diff `Updater.prune`.
func pruned(_ value: Value, last: FieldSet, kept: FieldSet, _ schema: Schema, isTop: Bool = true) -> Value {
  func survives(_ element: PathElement, _ item: Value, _ inner: Schema) -> Value? {
    guard last.touches(element) else { return item }
    // The containers of every object are not fields that a manager can take away.
    let isFixed = isTop && (element == .field("metadata") || element == .field("spec"))
    if !kept.touches(element), !isFixed { return nil }
    guard let child = last.children[element] else { return item }
    return pruned(item, last: child, kept: kept.children[element] ?? FieldSet(), inner, isTop: false)
  }
  switch schema.shape(of: value) {
  case .leaf: return value
  case .members(let fields):
    // Only members that a type declares go with their last owned child; a map stays, perhaps empty.
    var result = Fields()
    for entry in fields.entries {
      let element = PathElement.field(entry.key)
      let (inner, isDeclared) = schema.member(entry.key)
      if !isDeclared, !last.members.contains(element), !kept.touches(element), last.children[element] != nil {
        // Owned through its children only: remove those.
        let child = last.children[element] ?? FieldSet()
        result.entries.append(
          Fields.Entry(
            key: entry.key, value: pruned(entry.value, last: child, kept: FieldSet(), inner, isTop: false)))
      } else if let kept = survives(element, entry.value, inner) {
        result.entries.append(Fields.Entry(key: entry.key, value: kept))
      }
    }
    return .object(result)
  case .set(let items):
    return .array(items.filter { !last.touches(.value($0)) || kept.touches(.value($0)) })
  case .keyed(let items, let keys, let defaults, let element):
    return .array(keyed(items, keys, defaults).compactMap { survives($0.0, $0.1, element) })
  }
}
