package import KubernetesModel

/// What routing reads of an object's metadata.
package struct Metadata: Hashable, Sendable {
  package var id: ObjectID
  /// As it is written: of most kinds nobody asks what is in it.
  private let value: Value?
  package var labels: [String: String] { value?["labels"]?.strings ?? [:] }
  package var annotations: [String: String] { value?["annotations"]?.strings ?? [:] }
  /// RFC 3339, so that the order of text is the order of time. An object that no server has seen yet is the newest (`~`).
  var creation: String

  package var namespace: String { id.namespace }

  init(_ object: Value, _ id: ObjectID) {
    self.id = id
    value = object["metadata"]
    creation = value?["creationTimestamp"]?.string ?? "~"
  }

  /// Istio's order of configurations: the oldest first, then by name and namespace (`SortConfigByCreationTime`).
  func precedes(_ other: Metadata) -> Bool {
    if creation != other.creation { return creation < other.creation }
    return "\(id.name).\(id.namespace)" < "\(other.id.name).\(other.id.namespace)"
  }
}

/// Who may see an object: `exportTo`.
struct Visibility: Hashable, Sendable {
  private var isPublic: Bool
  private var namespaces: Set<String>
  private let own: String

  /// No `exportTo` means everybody; `.` the object's own namespace, `~` nobody.
  init(_ exportTo: [String]?, namespace: String) {
    own = namespace
    let list = exportTo ?? []
    isPublic = list.isEmpty || list.contains("*")
    namespaces = Set(list.map { $0 == "." ? namespace : $0 })
  }

  func includes(_ namespace: String) -> Bool { isPublic || namespaces.contains(namespace) }

  /// Private ones come before those that were exported to a namespace, and these before public ones.
  func rank(in namespace: String) -> Int {
    if isPublic { return 2 }
    return namespace == own ? 0 : 1
  }

  var isPrivate: Bool { !isPublic && namespaces == [own] }
}

extension Value {
  /// An object of strings as a dictionary; members of other types are left out.
  var strings: [String: String] {
    var result: [String: String] = [:]
    for entry in fields?.entries ?? [] {
      if let text = entry.value.string { result[entry.key] = text }
    }
    return result
  }

  var number: Double? {
    switch self {
    case .int(let i): Double(i)
    case .double(let d): d
    case .null, .bool, .string, .array, .object: nil
    }
  }

  var stringArray: [String]? { array?.compactMap(\.string) }
}

extension Dictionary where Key == String, Value == String {
  func isSubset(of other: [String: String]) -> Bool { allSatisfy { other[$0.key] == $0.value } }
}
