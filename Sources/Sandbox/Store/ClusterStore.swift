package import KubernetesModel

/// Where an object lives: `deployments.apps`, namespace, name.
package struct ObjectKey: Hashable, Sendable, Comparable {
  package var resource: String
  package var namespace: String
  package var name: String

  package init(_ resource: String, _ namespace: String, _ name: String) {
    self.resource = resource
    self.namespace = namespace
    self.name = name
  }

  package static func < (a: ObjectKey, b: ObjectKey) -> Bool {
    (a.resource, a.namespace, a.name) < (b.resource, b.namespace, b.name)
  }
}

/// One change, as a watcher may see it.
package struct StoreEvent: Sendable {
  package enum Kind: String, Sendable { case added = "ADDED", modified = "MODIFIED", deleted = "DELETED" }

  package var version: Int
  /// The moment of the change.
  package var at: Timestamp
  package var kind: Kind
  package var key: ObjectKey
  /// The object after the change; for a deletion its last form, with the version of the deletion.
  package var object: Value
  package var previous: Value?
}

/// The objects of a cluster and the history of their changes: etcd and the generic registry of the API server in one
/// value. Copying it takes a snapshot. It runs no controllers: see ``SandboxCluster``.
package struct ClusterStore: Sendable {
  package var registry: Registry
  package private(set) var version: Int
  private var objects: [String: [ObjectKey: Value]] = [:]
  /// The changes after ``compactedVersion``, oldest first.
  package private(set) var history: [StoreEvent] = []
  package private(set) var compactedVersion: Int
  private var uidCounter = 0
  private var nameCounter: UInt64
  private var nextServiceAddress = 1
  package var now: Timestamp
  /// Whether new pods of a namespace that asks for it get a sidecar, as from a mesh's admission webhook.
  package var injectsSidecars = false
  /// How many changes are kept for watchers and for pages of a list.
  package var historyLimit = 20_000

  package init(registry: Registry = Registry(), now: Timestamp = .start, seed: UInt64 = 1) {
    self.registry = registry
    self.now = now
    version = 1
    compactedVersion = 0
    nameCounter = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  }

  // MARK: - Reading

  package subscript(key: ObjectKey) -> Value? { objects[key.resource]?[key] }

  package func object(_ resource: String, _ namespace: String, _ name: String) -> Value? {
    self[ObjectKey(resource, namespace, name)]
  }

  /// All objects of a collection in the order of namespace and name, in one namespace unless that is nil.
  package func all(_ resource: String, namespace: String? = nil) -> [Value] {
    let all = objects[resource] ?? [:]
    let chosen = namespace.map { wanted in all.filter { $0.key.namespace == wanted } } ?? all
    return chosen.sorted { $0.key < $1.key }.map(\.value)
  }

  package func keys(_ resource: String) -> [ObjectKey] { (objects[resource] ?? [:]).keys.sorted() }

  package var resources: [String] { objects.keys.sorted() }

  /// The collection as it was at `version`; nil if that is compacted away.
  func all(_ resource: String, at version: Int) -> [ObjectKey: Value]? {
    guard version >= compactedVersion, version <= self.version else { return nil }
    var result = objects[resource] ?? [:]
    for event in history.reversed() {
      if event.version <= version { break }
      if event.key.resource == resource { result[event.key] = event.previous }
    }
    return result
  }

  /// The changes of a collection after `version`; nil if some of them are compacted away.
  package func changes(_ resource: String, after version: Int) -> [StoreEvent]? {
    changes(after: version)?.filter { $0.key.resource == resource }
  }

  /// All changes after `version`, oldest first; nil if some of them are compacted away.
  package func changes(after version: Int) -> ArraySlice<StoreEvent>? {
    guard version >= compactedVersion else { return nil }
    var low = 0
    var high = history.count
    while low < high {
      let middle = (low + high) / 2
      if history[middle].version <= version { low = middle + 1 } else { high = middle }
    }
    return history[low...]
  }

  // MARK: - Raw writing

  /// Forgets the history up to the present: watches and pages that began earlier get 410.
  package mutating func compact() {
    history = []
    compactedVersion = version
  }

  /// Stores `object` under `key` with the next version, and returns it so.
  @discardableResult
  mutating func put(_ object: Value, at key: ObjectKey) -> Value {
    version += 1
    var object = object
    object.updateMetadata { $0["resourceVersion"] = .string(String(version)) }
    let previous = objects[key.resource]?[key]
    objects[key.resource, default: [:]][key] = object
    record(
      StoreEvent(
        version: version, at: now, kind: previous == nil ? .added : .modified, key: key, object: object,
        previous: previous))
    return object
  }

  @discardableResult
  mutating func remove(_ key: ObjectKey) -> Value? {
    guard var object = objects[key.resource]?.removeValue(forKey: key) else { return nil }
    let previous = object
    version += 1
    object.updateMetadata { $0["resourceVersion"] = .string(String(version)) }
    record(StoreEvent(version: version, at: now, kind: .deleted, key: key, object: object, previous: previous))
    return object
  }

  private mutating func record(_ event: StoreEvent) {
    history.append(event)
    if history.count > historyLimit + historyLimit / 4 {
      let dropped = history.count - historyLimit
      compactedVersion = history[dropped - 1].version
      history.removeFirst(dropped)
    }
  }

  // MARK: - Names

  mutating func makeUID() -> String {
    uidCounter += 1
    let hex = String(uidCounter, radix: 16)
    return "5a9db0c5-0000-4000-8000-" + String(repeating: "0", count: max(0, 12 - hex.count)) + hex
  }

  /// Five letters and digits that cannot form a word. Kubernetes: apimachinery `rand.String`.
  mutating func makeSuffix(_ length: Int = 5) -> String {
    let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")
    var text = ""
    for _ in 0..<length {
      nameCounter ^= nameCounter << 13
      nameCounter ^= nameCounter >> 7
      nameCounter ^= nameCounter << 17
      text.append(alphabet[Int(nameCounter % UInt64(alphabet.count))])
    }
    return text
  }

  mutating func makeServiceAddress() -> String {
    nextServiceAddress += 1
    return "10.96.\(nextServiceAddress / 250 % 250).\(nextServiceAddress % 250 + 1)"
  }
}
