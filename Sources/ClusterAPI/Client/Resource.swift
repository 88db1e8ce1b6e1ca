package import KubernetesModel

/// A version of an API group: `apps/v1`, or `v1` for the core group.
package struct GroupVersion: Hashable, Sendable, CustomStringConvertible {
  /// Empty for the core group.
  package var group: String
  package var version: String

  package init(group: String, version: String) {
    self.group = group
    self.version = version
  }

  /// Reads an `apiVersion`. Nil where it could not stand in a path: each part must be letters, digits, `-` and `.`.
  package init?(_ apiVersion: String) {
    let parts = apiVersion.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2, parts.allSatisfy(isPathSafe) else { return nil }
    self.init(group: parts.count == 2 ? parts[0] : "", version: parts[parts.count - 1])
  }

  package var description: String { group.isEmpty ? version : "\(group)/\(version)" }

  /// `/api/v1`, `/apis/apps/v1`.
  package var path: String { group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)" }
}

/// A kind as one server serves it: what discovery says of it.
package struct ResourceType: Hashable, Sendable {
  package var groupVersion: GroupVersion
  package var kind: String
  /// The word in paths: `deployments`.
  package var plural: String
  package var isNamespaced: Bool
  package var verbs: [String]
  /// `status`, `scale`.
  package var subresources: [String]

  package init(
    groupVersion: GroupVersion, kind: String, plural: String, isNamespaced: Bool, verbs: [String] = [],
    subresources: [String] = []
  ) {
    self.groupVersion = groupVersion
    self.kind = kind
    self.plural = plural
    self.isNamespaced = isNamespaced
    self.verbs = verbs
    self.subresources = subresources
  }

  package func named(_ name: String, in namespace: String) -> ObjectReference {
    ObjectReference(type: self, namespace: namespace, name: name)
  }

  /// The objects of a namespace, or of all namespaces where it is nil or the kind has none.
  package func collection(in namespace: String?) -> ObjectCollection {
    ObjectCollection(type: self, namespace: isNamespaced ? namespace : nil)
  }
}

/// One object of a kind, by its path.
package struct ObjectReference: Hashable, Sendable, CustomStringConvertible {
  package var type: ResourceType
  /// Empty for cluster-scoped kinds.
  package var namespace: String
  package var name: String

  package init(type: ResourceType, namespace: String, name: String) {
    self.type = type
    self.namespace = type.isNamespaced ? namespace : ""
    self.name = name
  }

  package var id: ObjectID {
    ObjectID(group: type.groupVersion.group, kind: type.kind, namespace: namespace, name: name)
  }

  /// `/apis/apps/v1/namespaces/NS/deployments/NAME`.
  package var path: String { "\(collection.path)/\(percentEncoded(name))" }
  package var collection: ObjectCollection {
    ObjectCollection(type: type, namespace: type.isNamespaced ? namespace : nil)
  }
  package var description: String { namespace.isEmpty ? "\(id)" : "\(id) in \(namespace)" }
}

/// The objects of one kind, optionally of one namespace and chosen by selectors.
package struct ObjectCollection: Hashable, Sendable {
  package var type: ResourceType
  /// Nil for all namespaces.
  package var namespace: String?
  package var labelSelector: String?
  package var fieldSelector: String?

  package init(
    type: ResourceType, namespace: String?, labelSelector: String? = nil, fieldSelector: String? = nil
  ) {
    self.type = type
    self.namespace = namespace
    self.labelSelector = labelSelector
    self.fieldSelector = fieldSelector
  }

  package var path: String {
    let scope = namespace.map { "/namespaces/\(percentEncoded($0))" } ?? ""
    return "\(type.groupVersion.path)\(scope)/\(type.plural)"
  }

  package var query: [(String, String)] {
    var query: [(String, String)] = []
    if let labelSelector { query.append(("labelSelector", labelSelector)) }
    if let fieldSelector { query.append(("fieldSelector", fieldSelector)) }
    return query
  }

  /// The collection that holds just `name`: a watch or LIST of it needs the verbs `list` and `watch` on the kind.
  package func only(_ name: String) -> ObjectCollection {
    var copy = self
    copy.fieldSelector = "metadata.name=\(name)"
    return copy
  }
}

private func isPathSafe(_ text: String) -> Bool {
  !text.isEmpty
    && text.utf8.allSatisfy { byte in
      (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2d
        || byte == 0x2e
    } && text != "." && text != ".."
}

/// Percent-encodes all but the unreserved characters of RFC 3986, so that no name can leave its place in a path or query.
package func percentEncoded(_ text: String) -> String {
  let digits = Array("0123456789ABCDEF".utf8)
  var bytes: [UInt8] = []
  for byte in text.utf8 {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: bytes.append(byte)
    default: bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
  }
  // A path segment of only dots would be resolved away by servers and proxies.
  if bytes == [0x2e] { return "%2E" }
  if bytes == [0x2e, 0x2e] { return "%2E%2E" }
  return String(decoding: bytes, as: UTF8.self)
}
