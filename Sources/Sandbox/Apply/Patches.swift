package import KubernetesModel

/// RFC 6902. The errors are those of evanphx/json-patch, which the API server uses: 422 where a path is missing.
package func jsonPatched(_ target: Value, _ patch: Value) throws(APIError) -> Value {
  guard let operations = patch.array else { throw .badRequest("error decoding patch: json patch must be an array") }
  guard operations.count <= 10_000 else {
    throw APIError(
      413, "RequestEntityTooLarge",
      "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got \(operations.count)")
  }
  var result = target
  for operation in operations {
    let name = operation["op"]?.string ?? ""
    let path = try pointer(operation["path"]?.string ?? "")
    switch name {
    case "add":
      guard let value = operation["value"] else { throw .badRequest("add operation does not hold a value") }
      result = try edited(result, path[...], name, .add(value))
    case "replace":
      guard let value = operation["value"] else { throw .badRequest("replace operation does not hold a value") }
      result = try edited(result, path[...], name, .replace(value))
    case "remove": result = try edited(result, path[...], name, .remove)
    case "test":
      let found = try? lookedUp(result, path)
      guard (found ?? .null) == (operation["value"] ?? .null) else {
        throw unprocessable("testing path \(operation["path"]?.string ?? "") failed: test failed")
      }
    case "copy", "move":
      let from = try pointer(operation["from"]?.string ?? "")
      let value = try lookedUp(result, from)
      if name == "move" { result = try edited(result, from[...], name, .remove) }
      result = try edited(result, path[...], name, .add(value))
    default: throw .badRequest("Unexpected kind: \(name)")
    }
  }
  return result
}

private enum Edit {
  case add(Value)
  case replace(Value)
  case remove
}

private func unprocessable(_ message: String) -> APIError {
  APIError(422, "Invalid", "the server rejected our request due to an error in our request: \(message)")
}

private func pointer(_ text: String) throws(APIError) -> [String] {
  if text.isEmpty { return [] }
  guard text.hasPrefix("/") else { throw .badRequest("a JSON pointer begins with a slash: \(text)") }
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
      throw unprocessable("jsonpatch path does not exist: \(key)")
    }
    result = next
  }
  return result
}

private func edited(_ value: Value, _ path: ArraySlice<String>, _ name: String, _ edit: Edit) throws(APIError) -> Value
{
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
          throw unprocessable("\(name) operation does not apply: doc is missing key: /\(key)")
        }
        fields[key] = new
      case .remove:
        guard fields[key] != nil else {
          throw unprocessable("\(name) operation does not apply: doc is missing key: /\(key)")
        }
        fields[key] = nil
      }
    } else {
      guard let inner = fields[key] else {
        throw unprocessable("\(name) operation does not apply: doc is missing path: /\(key)")
      }
      fields[key] = try edited(inner, path.dropFirst(), name, edit)
    }
    return .object(fields)
  case .array(var items):
    if isLast, case .add(let new) = edit {
      if key == "-" {
        items.append(new)
      } else if let index = Int(key), index >= 0, index <= items.count {
        items.insert(new, at: index)
      } else {
        throw unprocessable("\(name) operation does not apply: invalid array index \(key)")
      }
      return .array(items)
    }
    guard let index = Int(key), items.indices.contains(index) else {
      throw unprocessable("\(name) operation does not apply: invalid array index \(key)")
    }
    if isLast {
      if case .replace(let new) = edit { items[index] = new } else { items.remove(at: index) }
    } else {
      items[index] = try edited(items[index], path.dropFirst(), name, edit)
    }
    return .array(items)
  default: throw unprocessable("\(name) operation does not apply: doc is missing path: /\(key)")
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
      fields[entry.key] = .array(try patchedItems(fields[entry.key]?.array ?? [], items, key, element))
    case (.set, .array(let items)):
      let old = fields[entry.key]?.array ?? []
      fields[entry.key] = .array(old + items.filter { !old.contains($0) })
    case (_, .object):
      fields[entry.key] = try strategicMergePatched(fields[entry.key], entry.value, inner)
    default: fields[entry.key] = entry.value
    }
  }
  for entry in changes.entries {
    guard let (_, name) = entry.key.split(at: "$setElementOrder/"), let order = entry.value.array,
      let items = fields[name]?.array
    else { continue }
    if case .keyed(_, let key, _, _) = schema.member(name).schema {
      fields[name] = .array(ordered(items, by: order.map { $0[key] ?? .null }) { $0[key] ?? .null })
    } else {
      fields[name] = .array(ordered(items, by: order) { $0 })
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
  return result
}

/// Items named by `order` in that order; the others stay where they are relative to their neighbours before them.
private func ordered(_ items: [Value], by order: [Value], _ id: (Value) -> Value) -> [Value] {
  let named = order.compactMap { wanted in items.first { id($0) == wanted } }
  var result: [Value] = []
  var next = 0
  for item in items {
    if order.contains(id(item)) {
      if next < named.count {
        result.append(named[next])
        next += 1
      }
    } else {
      result.append(item)
    }
  }
  return result
}
