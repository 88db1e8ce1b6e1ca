package import KubernetesModel

/// One collection of the API: `deployments.apps`.
package struct ResourceType: Sendable {
  package enum Scope: Sendable { case cluster, namespaced }

  /// What happens beyond storing an object.
  package struct Traits: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }
    /// `status` is written through its own endpoint only.
    package static let status = Traits(rawValue: 1)
    /// `metadata.generation` counts changes of the spec.
    package static let generation = Traits(rawValue: 2)
    package static let scale = Traits(rawValue: 4)
    package static let log = Traits(rawValue: 8)
    /// Stored nowhere: a POST is answered.
    package static let review = Traits(rawValue: 16)
    package static let custom = Traits(rawValue: 32)
    package static let proxy = Traits(rawValue: 64)
  }

  package var group: String
  /// The versions served, the preferred one first.
  package var versions: [String]
  package var plural: String
  package var kind: String
  package var scope: Scope
  package var shortNames: [String] = []
  package var categories: [String] = []
  package var traits: Traits = []
  package var schema: Schema = .plain
  /// Fields of a new, empty object of the Go type: they never count as added.
  package var baseline: Value = ["metadata": [:]]
  package var selectableFields: [String] = []
  /// `additionalPrinterColumns` of a custom resource.
  package var columns: [Value] = []
  package var singularName: String?

  package var singular: String { singularName ?? kind.lowercased() }
  package var isNamespaced: Bool { scope == .namespaced }
  /// `deployments.apps`, the form in messages.
  package var resource: String { group.isEmpty ? plural : "\(plural).\(group)" }
  package var listKind: String { kind + "List" }
  package var apiVersion: String { apiVersion(versions.first ?? "v1") }
  package func apiVersion(_ version: String) -> String { group.isEmpty ? version : "\(group)/\(version)" }
}

/// The collections that the server knows, by group and plural.
package struct Registry: Sendable {
  package private(set) var types: [ResourceType]
  private var index: [String: Int]

  package init(_ types: [ResourceType] = Registry.builtIn) {
    self.types = []
    index = [:]
    for type in types { register(type) }
  }

  package mutating func register(_ type: ResourceType) {
    if let i = index[type.resource] {
      types[i] = type
    } else {
      index[type.resource] = types.count
      types.append(type)
    }
  }

  /// Keeps objects of a kind that nothing here acts on. A kind that is known stays as it is.
  package mutating func keep(group: String, version: String, kind: String, scope: ResourceType.Scope) {
    if type(group: group, kind: kind) != nil { return }
    let word = kind.lowercased()
    let plural =
      word.hasSuffix("y") ? word.dropLast() + "ies" : word.hasSuffix("s") ? word + "es" : word + "s"
    register(
      ResourceType(
        group: group, versions: [version], plural: plural, kind: kind, scope: scope,
        traits: [.custom, .generation], schema: Schema.custom(openAPI: nil)))
  }

  package mutating func unregister(_ resource: String) {
    types.removeAll { $0.resource == resource }
    index = [:]
    for (i, type) in types.enumerated() { index[type.resource] = i }
  }

  /// `deployments.apps`, or a core plural alone.
  package subscript(resource: String) -> ResourceType? { index[resource].map { types[$0] } }

  package func type(group: String, version: String, plural: String) -> ResourceType? {
    guard let type = self[group.isEmpty ? plural : "\(plural).\(group)"], type.versions.contains(version) else {
      return nil
    }
    return type
  }

  package func type(group: String, kind: String) -> ResourceType? {
    types.first { $0.group == group && $0.kind == kind }
  }

  package func type(apiVersion: String, kind: String) -> ResourceType? {
    let parts = apiVersion.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    return type(group: parts.count == 2 ? parts[0] : "", kind: kind)
  }

  /// Groups in the order of their registration, each with its versions, the preferred one first.
  package var groups: [(name: String, versions: [String])] {
    var result: [(name: String, versions: [String])] = []
    for type in types {
      if let i = result.firstIndex(where: { $0.name == type.group }) {
        for version in type.versions where !result[i].versions.contains(version) { result[i].versions.append(version) }
      } else {
        result.append((type.group, type.versions))
      }
    }
    return result
  }
}
