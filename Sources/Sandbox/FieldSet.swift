package import KubernetesModel

/// One step of a path into an object, as `fieldsV1` writes it: `f:name`, `k:{"name":"app"}`, `v:"x"`.
package enum PathElement: Hashable, Sendable, Comparable {
  case field(String)
  case key([Fields.Entry])
  case value(Value)
  case index(Int)

  private var rank: Int {
    switch self {
    case .field: 0
    case .key: 1
    case .value: 2
    case .index: 3
    }
  }

  package static func < (a: PathElement, b: PathElement) -> Bool {
    a.rank != b.rank ? a.rank < b.rank : a.wire < b.wire
  }

  /// `f:replicas`.
  package var wire: String {
    switch self {
    case .field(let name): "f:" + name
    case .key(let entries): "k:" + compactJSON(.object(Fields(entries)))
    case .value(let value): "v:" + compactJSON(value)
    case .index(let i): "i:\(i)"
    }
  }

  /// `.replicas`, `[name="app"]`: the form of a conflict's `field`.
  package var shown: String {
    switch self {
    case .field(let name): "." + name
    case .key(let entries): "[" + entries.map { "\($0.key)=\(compactJSON($0.value))" }.joined(separator: ",") + "]"
    case .value(let value): "[=\(compactJSON(value))]"
    case .index(let i): "[\(i)]"
    }
  }

  package init?(wire: String) {
    let rest = String(wire.dropFirst(2))
    if wire.hasPrefix("f:") {
      self = .field(rest)
    } else if wire.hasPrefix("k:"), case .object(let fields)? = try? parseJSON(Array(rest.utf8)) {
      self = .key(fields.entries.sorted { $0.key < $1.key })
    } else if wire.hasPrefix("v:"), let value = try? parseJSON(Array(rest.utf8)) {
      self = .value(value)
    } else if wire.hasPrefix("i:"), let index = Int(rest) {
      self = .index(index)
    } else {
      return nil
    }
  }
}

/// A set of paths: what a field manager owns. Kubernetes: structured-merge-diff `fieldpath.Set`.
package struct FieldSet: Hashable, Sendable {
  package fileprivate(set) var members: Set<PathElement> = []
  package fileprivate(set) var children: [PathElement: FieldSet] = [:]

  package init() {}

  package var isEmpty: Bool { members.isEmpty && children.isEmpty }

  package mutating func insert(_ element: PathElement) { members.insert(element) }

  mutating func remove(_ element: PathElement) { members.remove(element) }

  package mutating func insert(_ child: FieldSet, under element: PathElement) {
    guard !child.isEmpty else { return }
    children[element] = children[element].map { $0.union(child) } ?? child
  }

  package mutating func insert(_ path: [PathElement]) { insert(path[...]) }

  private mutating func insert(_ path: ArraySlice<PathElement>) {
    guard let first = path.first else { return }
    if path.count == 1 {
      members.insert(first)
    } else {
      children[first, default: FieldSet()].insert(path.dropFirst())
    }
  }

  package func union(_ other: FieldSet) -> FieldSet {
    var result = self
    result.members.formUnion(other.members)
    for (element, child) in other.children { result.insert(child, under: element) }
    return result
  }

  package func intersection(_ other: FieldSet) -> FieldSet {
    var result = FieldSet()
    result.members = members.intersection(other.members)
    for (element, child) in children {
      if let theirs = other.children[element] { result.insert(child.intersection(theirs), under: element) }
    }
    return result
  }

  package func subtracting(_ other: FieldSet) -> FieldSet {
    var result = FieldSet()
    result.members = members.subtracting(other.members)
    for (element, child) in children {
      result.insert(other.children[element].map { child.subtracting($0) } ?? child, under: element)
    }
    return result
  }

  /// Without `path` and everything below it.
  package func removing(_ path: [PathElement]) -> FieldSet {
    guard let first = path.first else { return FieldSet() }
    var result = self
    if path.count == 1 {
      result.members.remove(first)
      result.children[first] = nil
    } else if let child = children[first] {
      let rest = child.removing(Array(path.dropFirst()))
      result.children[first] = rest.isEmpty ? nil : rest
    }
    return result
  }

  package func contains(_ path: [PathElement]) -> Bool {
    guard let first = path.first else { return false }
    if path.count == 1 { return members.contains(first) }
    return children[first]?.contains(Array(path.dropFirst())) ?? false
  }

  /// Whether the set holds `element` or anything below it.
  func touches(_ element: PathElement) -> Bool { members.contains(element) || children[element] != nil }

  /// All paths, in the order of `fieldsV1`.
  package var paths: [[PathElement]] {
    var result: [[PathElement]] = []
    for element in members.union(children.keys).sorted() {
      if members.contains(element) { result.append([element]) }
      if let child = children[element] { result += child.paths.map { [element] + $0 } }
    }
    return result
  }

  /// The `fieldsV1` object.
  package var fieldsV1: Value {
    var fields = Fields()
    for element in members.union(children.keys).sorted() {
      var value = Fields()
      if let child = children[element] {
        if members.contains(element) { value["."] = .object(Fields()) }
        if case .object(let inner) = child.fieldsV1 { value.entries += inner.entries }
      }
      fields.entries.append(Fields.Entry(key: element.wire, value: .object(value)))
    }
    return .object(fields)
  }

  package init(fieldsV1: Value) {
    guard case .object(let fields) = fieldsV1 else { return }
    for entry in fields.entries where entry.key != "." {
      guard let element = PathElement(wire: entry.key), case .object(let inner) = entry.value else { continue }
      if inner.isEmpty || inner["."] != nil { members.insert(element) }
      if !inner.isEmpty {
        let child = FieldSet(fieldsV1: entry.value)
        if !child.isEmpty { children[element] = child }
      }
    }
  }
}

extension [PathElement] {
  /// `.spec.template.spec.containers[name="app"].image`
  package var shown: String { map(\.shown).joined() }
}

/// JSON without spaces, members in their order.
func compactJSON(_ value: Value) -> String { jsonText(value) }
