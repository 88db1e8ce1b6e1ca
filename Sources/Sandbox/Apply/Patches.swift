package import KubernetesModel

/// RFC 6902. Whatever operation does not apply is refused with one and the same 422: the API server does not pass on
/// what evanphx/json-patch says about it. Operations that copy may copy 3 MiB of JSON in all (`--json-patch-max-copy-bytes`
/// of kube-apiserver), since each can double what is there.
package func jsonPatched(_ target: Value, _ patch: Value) throws(APIError) -> Value {
  guard let operations = patch.array else {
    throw .badRequest("json: cannot unmarshal \(kind(of: patch)) into Go value of type jsonpatch.Patch")
  }
  guard operations.count <= 10_000 else {
    throw APIError(
      413, "RequestEntityTooLarge",
      "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got \(operations.count)")
  }
  var result = target
  var copied = 0
  for operation in operations {
    let name = operation["op"]?.string ?? ""
    let path = try pointer(operation["path"]?.string ?? "")
    switch name {
    case "add":
      guard let value = operation["value"], fits(value, at: path) else { throw .unprocessable }
      result = try edited(result, path[...], .add(value))
    case "replace":
      guard let value = operation["value"], fits(value, at: path) else { throw .unprocessable }
      result = try edited(result, path[...], .replace(value))
    case "remove": result = try edited(result, path[...], .remove)
    case "test":
      let found = try? lookedUp(result, path)
      guard (found ?? .null) == (operation["value"] ?? .null) else {
        throw .unprocessable
      }
    case "copy", "move":
      let from = try pointer(operation["from"]?.string ?? "")
      let value = try lookedUp(result, from)
      guard fits(value, at: path) else { throw .unprocessable }
      if name == "move" {
        result = try edited(result, from[...], .remove)
      } else {
        copied += jsonBytes(value).count
        guard copied <= maximumCopy else { throw .unprocessable }
      }
      result = try edited(result, path[...], .add(value))
    default: throw .unprocessable
    }
  }
  return result
}

/// How much JSON the operations of one patch may copy.
private let maximumCopy = 3 << 20

/// Whether a value put at `path` lies no deeper than one in a body may.
private func fits(_ value: Value, at path: [String]) -> Bool {
  path.count < maximumDepth && depth(of: value, limit: maximumDepth - path.count)
}

private enum Edit {
  case add(Value)
  case replace(Value)
  case remove
}

/// What Go's decoder calls a JSON value that is not a list.
private func kind(of value: Value) -> String {
  switch value {
  case .object: "object"
  case .string: "string"
  case .bool: "bool"
  default: "number"
  }
}

private func pointer(_ text: String) throws(APIError) -> [String] {
  if text.isEmpty { return [] }
  guard text.hasPrefix("/") else { throw .unprocessable }
  return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
    var name = ""
    var escaped = false
    for character in $0 {
      if escaped {
        name.append(character == "1" ? "/" : "~")
        escaped = false
      } else if character == "~" {
        escaped = true
      } else {
        name.append(character)
      }
    }
    return name
  }
}

private func lookedUp(_ value: Value, _ path: [String]) throws(APIError) -> Value {
  var result = value
  for key in path {
    guard let next = Int(key).flatMap({ result[$0] }) ?? result[key] else {
      throw .unprocessable
    }
    result = next
  }
  return result
}

private func edited(_ value: Value, _ path: ArraySlice<String>, _ edit: Edit) throws(APIError) -> Value {
  guard let key = path.first else {
    switch edit {
    case .add(let new), .replace(let new): return new
    case .remove: return .null
    }
  }
  let isLast = path.count == 1
  switch value {
  case .object(var fields):
    if isLast {
      switch edit {
      case .add(let new): fields[key] = new
      case .replace(let new):
        guard fields[key] != nil else {
          throw .unprocessable
        }
        fields[key] = new
      case .remove:
        guard fields[key] != nil else {
          throw .unprocessable
        }
        fields[key] = nil
      }
    } else {
      guard let inner = fields[key] else {
        throw .unprocessable
      }
      fields[key] = try edited(inner, path.dropFirst(), edit)
    }
    return .object(fields)
  case .array(var items):
    if isLast, case .add(let new) = edit {
      if key == "-" {
        items.append(new)
      } else if let index = Int(key), index >= 0, index <= items.count {
        items.insert(new, at: index)
      } else {
        throw .unprocessable
      }
      return .array(items)
    }
    guard let index = Int(key), items.indices.contains(index) else {
      throw .unprocessable
    }
    if isLast {
      if case .replace(let new) = edit { items[index] = new } else { items.remove(at: index) }
    } else {
      items[index] = try edited(items[index], path.dropFirst(), edit)
    }
    return .array(items)
  default: throw .unprocessable
  }
}

/// Kubernetes: apimachinery `strategicpatch`: a merge patch that knows lists by their keys, with the directives
/// `$patch`, `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…`.
package func strategicMergePatched(_ target: Value?, _ patch: Value, _ schema: Schema) throws(APIError) -> Value {
  guard case .object(var changes) = patch else { return patch }
  switch changes["$patch"]?.string {
  case "replace":
    changes["$patch"] = nil
    return .object(changes)
  case "delete": return .object(Fields())
  default: break
  }
  var fields = target?.fields ?? Fields()
  if let retained = changes["$retainKeys"]?.array?.compactMap(\.string) {
    fields.entries.removeAll { !retained.contains($0.key) }
  }
  for entry in changes.entries {
    if entry.key == "$patch" || entry.key == "$retainKeys" || entry.key.hasPrefix("$setElementOrder/") { continue }
    if let (_, key) = entry.key.split(at: "$deleteFromPrimitiveList/") {
      let gone = entry.value.array ?? []
      if let items = fields[key]?.array { fields[key] = .array(items.filter { !gone.contains($0) }) }
      continue
    }
    if entry.value == .null {
      fields[entry.key] = nil
      continue
    }
    let inner = schema.member(entry.key).schema
    switch (inner, entry.value) {
    case (.keyed(_, let key, _, let element), .array(let items)):
      let live = fields[entry.key]?.array ?? []
      fields[entry.key] = .array(try patchedItems(live, items, key, element))
    case (.set, .array(let items)):
      let old = fields[entry.key]?.array ?? []
      fields[entry.key] = .array(ordered(old + items.filter { !old.contains($0) }, by: items, live: old) { $0 })
    case (_, .object):
      fields[entry.key] = try strategicMergePatched(fields[entry.key], entry.value, inner)
    default: fields[entry.key] = entry.value
    }
  }
  for entry in changes.entries {
    guard let (_, name) = entry.key.split(at: "$setElementOrder/"), let order = entry.value.array,
      let items = fields[name]?.array
    else { continue }
    let live = target?[name]?.array ?? []
    if case .keyed(_, let key, _, _) = schema.member(name).schema {
      fields[name] = .array(ordered(items, by: order, live: live) { $0[key] ?? .null })
    } else {
      fields[name] = .array(ordered(items, by: order, live: live) { $0 })
    }
  }
  return .object(fields)
}

private func patchedItems(
  _ old: [Value], _ patch: [Value], _ key: String, _ element: Schema
) throws(APIError) -> [Value] {
  if patch.contains(where: { $0["$patch"]?.string == "replace" }) {
    return patch.filter { $0["$patch"] == nil }
  }
  var result = old
  for item in patch {
    guard let id = item[key] else {
      throw .badRequest("map: \(compactJSON(item)) does not contain declared merge key: \(key)")
    }
    let index = result.firstIndex { $0[key] == id }
    if item["$patch"]?.string == "delete" {
      result.removeAll { $0[key] == id }
    } else if let index {
      result[index] = try strategicMergePatched(result[index], item, element)
    } else {
      result.append(try strategicMergePatched(nil, item, element))
    }
  }
  let named = patch.filter { $0["$patch"]?.string != "delete" }
  return ordered(result, by: named, live: old) { $0[key] ?? .null }
}

/// Merges the items that `order` names, in its order, with the others, in that of the `live` list. An item that is not
/// named goes before the next named one only if the live list says so: what is new comes first.
/// Kubernetes: `strategicpatch.normalizeElementOrder`.
private func ordered(_ items: [Value], by order: [Value], live: [Value], _ id: (Value) -> Value) -> [Value] {
  let wanted = positions(order, id)
  let found = positions(live, id)
  var named: [(rank: Int, item: Value)] = []
  var others: [(rank: Int, item: Value)] = []
  for item in items {
    if let rank = wanted[id(item)] {
      named.append((rank, item))
    } else {
      others.append((found[id(item)] ?? .max, item))
    }
  }
  named.sort { $0.rank < $1.rank }
  others.sort { $0.rank < $1.rank }
  var result: [Value] = []
  var left = others[...]
  for (_, item) in named {
    if let place = found[id(item)] {
      while let other = left.first, other.rank < place {
        result.append(other.item)
        left.removeFirst()
      }
    }
    result.append(item)
  }
  return result + left.map(\.item)
}

private func positions(_ items: [Value], _ id: (Value) -> Value) -> [Value: Int] {
  Dictionary(items.enumerated().map { (id($1), $0) }) { first, _ in first }
}
