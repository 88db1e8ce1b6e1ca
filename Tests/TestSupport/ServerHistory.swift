package import ClusterAPI
package import KubernetesModel
import Synchronization
import Testing

/// Everything that happened to the objects of one namespace that matter to requests, as the API server tells it.
///
/// Each kind has a watch of its own; the server's versions are those of one store, so that sorted by them the events of all
/// kinds are what the server held from moment to moment.
package final class ServerHistory: Sendable {
  package struct Event: Sendable {
    package var version: Int
    package var object: Value
    package var isGone: Bool
  }

  private static let kinds = [
    ("apps/v1", "Deployment"), ("v1", "Service"), ("v1", "Pod"), ("v1", "PersistentVolumeClaim"),
    ("networking.istio.io/v1beta1", "VirtualService"), ("networking.istio.io/v1beta1", "DestinationRule"),
    ("networking.istio.io/v1beta1", "Gateway"), ("security.istio.io/v1beta1", "PeerAuthentication"),
  ]

  package let namespace: String
  private let cluster: any Cluster
  private let collections: [ObjectCollection]
  private let seen = Mutex<[Event]>([])
  private let tasks = Mutex<[Task<Void, Never>]>([])

  package init(_ namespace: String, in cluster: any Cluster) async throws {
    self.namespace = namespace
    self.cluster = cluster
    var collections: [ObjectCollection] = []
    for (version, kind) in Self.kinds {
      let type = try await cluster.resourceType(of: kind, in: try #require(GroupVersion(version)))
      collections.append(type.collection(in: namespace))
    }
    self.collections = collections
    for collection in collections {
      let task = Task { await self.follow(collection) }
      tasks.withLock { $0.append(task) }
    }
  }

  deinit { stop() }

  package func stop() { tasks.withLock { for task in $0 { task.cancel() } } }

  private func follow(_ collection: ObjectCollection) async {
    var changes = CollectionObservation(of: collection, in: cluster, clock: ContinuousClock()).makeAsyncIterator()
    while let change = try? await changes.next(isolation: nil) {
      switch change {
      case .listed(let objects): for object in objects { note(object, isGone: false) }
      case .changed(let object): note(object, isGone: false)
      case .removed(let object): note(object, isGone: true)
      case .note: break
      }
    }
  }

  private func note(_ object: Value, isGone: Bool) {
    let version = object.at("metadata", "resourceVersion")?.string.flatMap { Int($0) } ?? 0
    seen.withLock { $0.append(Event(version: version, object: object, isGone: isGone)) }
  }

  /// What is known by now, in the order in which the server stored it.
  package var events: [Event] { seen.withLock { $0 }.sorted { $0.version < $1.version } }

  /// The same once it has come to what the server holds now.
  package func caughtUp() async throws -> [Event] {
    for _ in 0..<600 {
      // Anew each time: what was there may go while this waits.
      var wanted: [ObjectID: String] = [:]
      for collection in collections {
        for object in try await cluster.list(collection).items {
          guard let id = ObjectID(object) else { continue }
          wanted[id] = object.at("metadata", "resourceVersion")?.string
        }
      }
      let events = events
      var known: [ObjectID: Int] = [:]
      for event in events {
        guard let id = ObjectID(event.object) else { continue }
        known[id] = event.isGone ? nil : event.version
      }
      // Controllers go on writing status, so newer is good, too.
      let isThere = wanted.allSatisfy { id, version in known[id].map { $0 >= Int(version) ?? 0 } ?? false }
      if isThere, known.keys.allSatisfy({ wanted[$0] != nil }) { return events }
      try await Task.sleep(for: .milliseconds(200))
    }
    throw NeverSo(last: "the watches of \(namespace) do not come to what is there")
  }
}

/// What was waited for did not come.
package struct NeverSo: Error, CustomStringConvertible {
  package var last: String
  package var description: String { "it never came to that: \(last)" }

  package init(last: String) { self.last = last }
}
