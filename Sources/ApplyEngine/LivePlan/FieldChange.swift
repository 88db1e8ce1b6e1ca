package import KubernetesModel

/// One field that two versions of an object have otherwise.
package struct FieldChange: Hashable, Sendable {
  /// `spec.template.spec.containers[name="app"].image`: as a conflict of the server shows it, without its first dot.
  package var path: String
  /// Nil where it is not there.
  package var old: Value?
  package var new: Value?

  package init(_ path: String, old: Value?, new: Value?) {
    self.path = path
    self.old = old
    self.new = new
  }

  package static let hidden = Value.string("‹hidden›")
}

/// What differs, field by field, in the order of `new`. Elements of lists are told apart by their keys where they have some,
/// so that one that moved or was added does not make all that follow it differ; a changed order is a change of its own, as
/// the first route that matches wins. Of a Secret only what its fields are called.
package func fieldChanges(from old: Value, to new: Value) -> [FieldChange] {
  var changes: [FieldChange] = []
  compare(old, new, "", &changes)
  let isSecret = (new["kind"] ?? old["kind"])?.string == "Secret"
  return changes.filter { $0.path != "" }.map { change in
    guard isSecret, ["data", "stringData", "metadata.annotations"].contains(where: change.path.hasPrefix) else {
      return change
    }
    return FieldChange(
      change.path, old: change.old.map { _ in FieldChange.hidden }, new: change.new.map { _ in FieldChange.hidden })
  }
}

private func compare(_ old: Value?, _ new: Value?, _ path: String, _ changes: inout [FieldChange]) {
  if old == new { return }
  switch (old, new) {
  case (.object(let a)?, .object(let b)?): compareMembers(a, b, path, &changes)
  case (.object(let a)?, nil) where !a.isEmpty: compareMembers(a, [:], path, &changes)
  case (nil, .object(let b)?) where !b.isEmpty: compareMembers([:], b, path, &changes)
  case (.array(let a)?, .array(let b)?): compareElements(a, b, path, &changes)
  case (.array(let a)?, nil) where !a.isEmpty: compareElements(a, [], path, &changes)
  case (nil, .array(let b)?) where !b.isEmpty: compareElements([], b, path, &changes)
  default: changes.append(FieldChange(path, old: old, new: new))
  }
}

private func compareMembers(_ old: Fields, _ new: Fields, _ path: String, _ changes: inout [FieldChange]) {
  for entry in old.entries where new[entry.key] == nil {
    compare(entry.value, nil, path.isEmpty ? entry.key : "\(path).\(entry.key)", &changes)
  }
  for entry in new.entries {
    compare(old[entry.key], entry.value, path.isEmpty ? entry.key : "\(path).\(entry.key)", &changes)
  }
}

private func compareElements(_ old: [Value], _ new: [Value], _ path: String, _ changes: inout [FieldChange]) {
  guard let key = listKey(old, new) else { return compareByOrder(old, new, path, &changes) }
  func rest(_ element: Value?) -> Value? {
    guard var fields = element?.fields else { return nil }
    // The path says it already.
    fields[key] = nil
    return .object(fields)
  }
  func label(_ element: Value) -> String { "\(path)[\(key)=\(jsonText(element[key] ?? .null))]" }
  for element in old where !new.contains(where: { $0[key] == element[key] }) {
    compare(rest(element), nil, label(element), &changes)
  }
  for element in new {
    compare(rest(old.first { $0[key] == element[key] }), rest(element), label(element), &changes)
  }
  let before = old.compactMap { $0[key] }.filter { name in new.contains { $0[key] == name } }
  let after = new.compactMap { $0[key] }.filter { name in old.contains { $0[key] == name } }
  if before != after {
    changes.append(FieldChange("\(path) (order)", old: .array(before), new: .array(after)))
  }
}

/// Elements without keys: those that are equal and in order stay, what is between them is compared one by one.
private func compareByOrder(_ old: [Value], _ new: [Value], _ path: String, _ changes: inout [FieldChange]) {
  var removed: Set<Int> = []
  var inserted: Set<Int> = []
  for change in new.difference(from: old) {
    switch change {
    case .remove(let offset, _, _): removed.insert(offset)
    case .insert(let offset, _, _): inserted.insert(offset)
    }
  }
  var (i, j) = (0, 0)
  while i < old.count || j < new.count {
    switch (i < old.count && removed.contains(i), j < new.count && inserted.contains(j)) {
    case (true, true):
      compare(old[i], new[j], "\(path)[\(j)]", &changes)
      (i, j) = (i + 1, j + 1)
    case (true, false):
      compare(old[i], nil, "\(path)[\(i)]", &changes)
      i += 1
    case (false, true):
      compare(nil, new[j], "\(path)[\(j)]", &changes)
      j += 1
    case (false, false): (i, j) = (i + 1, j + 1)
    }
  }
}

/// The member that tells all elements of both lists apart (Kubernetes: `x-kubernetes-list-map-keys`; Istio names its http
/// routes and subsets).
private func listKey(_ old: [Value], _ new: [Value]) -> String? {
  ["name", "containerPort", "port", "mountPath", "topologyKey"].first { key in
    [old, new].allSatisfy { list in
      var seen: Set<Value> = []
      return list.allSatisfy { element in
        guard let name = element[key], name.fields == nil, name.array == nil else { return false }
        return seen.insert(name).inserted
      }
    }
  }
}

extension Value {
  /// The value of a field as the server's messages name it: `.spec.ports[port=80,protocol="TCP"].name`.
  func field(named path: String) -> Value? {
    var value = self
    var rest = path[...]
    while !rest.isEmpty {
      if rest.first == "[" {
        guard let end = closing(rest), let list = value.array,
          let found = element(rest[rest.startIndex..<end], of: list)
        else { return nil }
        value = found
        rest = rest[end...]
        continue
      }
      if rest.first == "." { rest = rest.dropFirst() }
      // Names of labels and annotations have dots of their own: the longest that fits.
      guard
        let entry = (value.fields?.entries ?? []).filter({ fits($0.key, rest) }).max(by: { $0.key.count < $1.key.count }
        )
      else { return nil }
      value = entry.value
      rest = rest.dropFirst(entry.key.count)
    }
    return value
  }

  private func fits(_ key: String, _ rest: Substring) -> Bool {
    guard rest.hasPrefix(key) else { return false }
    let next = rest.dropFirst(key.count).first
    return next == nil || next == "." || next == "["
  }

  /// Behind the bracket that closes the one at the beginning; brackets inside of texts do not count.
  private func closing(_ rest: Substring) -> Substring.Index? {
    var isInText = false
    var isEscaped = false
    for index in rest.indices {
      switch rest[index] {
      case _ where isEscaped: isEscaped = false
      case "\\" where isInText: isEscaped = true
      case "\"": isInText.toggle()
      case "]" where !isInText: return rest.index(after: index)
      default: break
      }
    }
    return nil
  }

  private func element(_ selector: Substring, of list: [Value]) -> Value? {
    let text = selector.dropFirst().dropLast()
    if let index = Int(text) { return list.indices.contains(index) ? list[index] : nil }
    if text.hasPrefix("=") {
      let wanted = try? parseJSON(Array(text.dropFirst().utf8))
      return list.first { $0 == wanted }
    }
    let members = text.split(separator: ",").map { $0.split(separator: "=", maxSplits: 1) }
    return list.first { element in
      members.allSatisfy { pair in
        pair.count == 2 && element[String(pair[0])] == (try? parseJSON(Array(pair[1].utf8)))
      }
    }
  }
}
