package import KubernetesModel

/// A Kubernetes API server, real or in memory.
///
/// The calls are those of the API, one request each, with nothing repeated in secret: `RetryingCluster` repeats in the
/// open, and `CollectionObservation` turns LIST and WATCH into something that does not end. An implementation must be safe to call
/// from many tasks at once. A test that wants faults wraps one `Cluster` in another.
package protocol Cluster: Sendable {
  func serverVersion() async throws(ClusterError) -> ServerVersion
  /// The versions of a group that the server serves, the preferred one first; empty where it knows no such group.
  func versions(of group: String) async throws(ClusterError) -> [String]
  /// The kinds of one group and version. 404 where the server does not have it. Answers may come from memory unless
  /// `refresh` is set, as it must be after a CustomResourceDefinition was written.
  func resources(of groupVersion: GroupVersion, refresh: Bool) async throws(ClusterError) -> [ResourceType]

  func get(_ object: ObjectReference) async throws(ClusterError) -> Value
  /// Its metadata and nothing else of it: what a Secret holds is not sent.
  func metadata(of object: ObjectReference) async throws(ClusterError) -> Value
  /// The whole collection, over as many pages as it takes, as of now (`resourceVersion` unset: never from a cache that
  /// may be older than our own write).
  func list(_ collection: ObjectCollection) async throws(ClusterError) -> ObjectList
  func apply(_ request: ApplyRequest) async throws(ClusterError) -> WriteResult
  func create(_ request: CreateRequest) async throws(ClusterError) -> WriteResult
  func patch(_ request: PatchRequest) async throws(ClusterError) -> WriteResult
  func delete(_ request: DeleteRequest) async throws(ClusterError) -> DeleteResult
  /// One watch from a version on: it ends when the server or the connection ends it. 410 comes either as an error of this
  /// call or as one of the stream; it is `isExpired` both ways.
  func watch(_ collection: ObjectCollection, from resourceVersion: String) async throws(ClusterError) -> WatchStream
  /// A GET of any path, for logs and the service proxy. An answer of 400 or more is an error.
  func read(_ path: String, query: [(String, String)]) async throws(ClusterError) -> HTTPResponse
  /// A request to a Service by way of the API server: whatever the Service answers, with any status. What the API server
  /// itself says instead is an error.
  func proxy(_ request: ServiceProxyRequest) async throws(ClusterError) -> HTTPResponse
  /// The same cluster, which asks `permission` before each request that changes something, each repetition anew.
  func guarded(by permission: @escaping WritePermission) -> any Cluster
}

/// Throws where a request that changes something must not leave now: `withheld`, or what kept it from finding out.
package typealias WritePermission = @Sendable () async throws(ClusterError) -> Void

package struct ServerVersion: Hashable, Sendable, CustomStringConvertible {
  package var major: Int
  package var minor: Int
  /// `v1.20.2`.
  package var gitVersion: String

  package init(major: Int, minor: Int, gitVersion: String) {
    self.major = major
    self.minor = minor
    self.gitVersion = gitVersion
  }

  package var description: String { gitVersion }
}

package struct ObjectList: Hashable, Sendable {
  package var items: [Value]
  /// Where a watch goes on from.
  package var resourceVersion: String

  package init(items: [Value], resourceVersion: String) {
    self.items = items
    self.resourceVersion = resourceVersion
  }
}

/// A server-side apply: the whole intent of one field manager for one object.
package struct ApplyRequest: Hashable, Sendable {
  package var target: ObjectReference
  /// Without `managedFields`; `uid` and `resourceVersion` below are put into its metadata.
  package var object: Value
  /// Never with a version or a run in it: a new name is a new owner, and the old one keeps removed fields for ever.
  package var fieldManager: String
  /// Takes the fields that others manage. Only together with `resourceVersion`, so that nothing else slips in.
  package var force: Bool
  package var dryRun: Bool
  /// The object must be this one: an object deleted meanwhile is not brought back (409).
  package var uid: String?
  /// The object must be unchanged since (409).
  package var resourceVersion: String?

  package init(
    _ object: Value, to target: ObjectReference, fieldManager: String = "rolloutc", force: Bool = false,
    dryRun: Bool = false, uid: String? = nil, resourceVersion: String? = nil
  ) {
    self.target = target
    self.object = object
    self.fieldManager = fieldManager
    self.force = force
    self.dryRun = dryRun
    self.uid = uid
    self.resourceVersion = resourceVersion
  }
}

/// A POST. For what has no other way: reviews, events, and a Lease that must not exist yet.
package struct CreateRequest: Hashable, Sendable {
  package var collection: ObjectCollection
  package var object: Value
  package var fieldManager: String
  package var dryRun: Bool

  package init(
    _ object: Value, in collection: ObjectCollection, fieldManager: String = "rolloutc", dryRun: Bool = false
  ) {
    self.collection = collection
    self.object = object
    self.fieldManager = fieldManager
    self.dryRun = dryRun
  }
}

package struct PatchRequest: Hashable, Sendable {
  package enum Format: String, Hashable, Sendable {
    /// RFC 6902; with a `test` or a `replace` of `/metadata/resourceVersion` it is safe against races.
    case json = "application/json-patch+json"
    /// RFC 7386.
    case merge = "application/merge-patch+json"
  }

  package var target: ObjectReference
  /// `scale`, `status`; nil for the object itself.
  package var subresource: String?
  package var format: Format
  package var patch: Value
  package var fieldManager: String
  package var dryRun: Bool

  package init(
    _ patch: Value, _ format: Format, to target: ObjectReference, subresource: String? = nil,
    fieldManager: String = "rolloutc", dryRun: Bool = false
  ) {
    self.target = target
    self.subresource = subresource
    self.format = format
    self.patch = patch
    self.fieldManager = fieldManager
    self.dryRun = dryRun
  }
}

package struct DeleteRequest: Hashable, Sendable {
  package enum Propagation: String, Hashable, Sendable {
    case background = "Background"
    case foreground = "Foreground"
    case orphan = "Orphan"
  }

  package var target: ObjectReference
  /// The object must be this one (409): its successor of the same name is spared.
  package var uid: String?
  package var resourceVersion: String?
  package var propagation: Propagation
  package var gracePeriod: Int?
  package var dryRun: Bool

  package init(
    _ target: ObjectReference, uid: String?, resourceVersion: String? = nil, propagation: Propagation = .background,
    gracePeriod: Int? = nil, dryRun: Bool = false
  ) {
    self.target = target
    self.uid = uid
    self.resourceVersion = resourceVersion
    self.propagation = propagation
    self.gracePeriod = gracePeriod
    self.dryRun = dryRun
  }
}

package struct WriteResult: Hashable, Sendable {
  package var object: Value
  /// 201: the request made the object. 200: it was there before.
  package var wasCreated: Bool
  /// What the server advises (`Warning: 299`), each once.
  package var warnings: [String]
  /// The request was sent more than once, so 200 may be the trace of our own first attempt.
  package var wasRepeated = false

  package init(object: Value, wasCreated: Bool, warnings: [String] = []) {
    self.object = object
    self.wasCreated = wasCreated
    self.warnings = warnings
  }
}

package enum DeleteResult: Hashable, Sendable {
  /// It is gone.
  case gone
  /// It has a `deletionTimestamp` and goes when its finalizers or its grace period are done.
  case terminating(Value)
}

// MARK: - Compositions of calls

extension Cluster {
  /// The kind of `object` as this server serves it. 404 where it does not.
  package func resourceType(of object: Value) async throws(ClusterError) -> ResourceType {
    guard let apiVersion = object["apiVersion"]?.string, let kind = object["kind"]?.string,
      let groupVersion = GroupVersion(apiVersion)
    else { throw .notUnderstood("the object has no usable `apiVersion` and `kind`") }
    return try await resourceType(of: kind, in: groupVersion)
  }

  package func resourceType(of kind: String, in groupVersion: GroupVersion) async throws(ClusterError) -> ResourceType {
    if let type = try await resources(of: groupVersion, refresh: false).first(where: { $0.kind == kind }) {
      return type
    }
    // The kind may be younger than what was remembered.
    if let type = try await resources(of: groupVersion, refresh: true).first(where: { $0.kind == kind }) { return type }
    throw .refused(
      APIStatus(code: 404, reason: "NotFound", message: "the server has no kind \(kind) in \(groupVersion)", kind: kind)
    )
  }

  package func metadata(of object: ObjectReference) async throws(ClusterError) -> Value {
    ["metadata": try await get(object)["metadata"] ?? .null]
  }

  /// Whether we may do `verb`. An answer the server does not want to give (`denied` unset, evaluation errors) counts as no.
  package func isAllowed(
    _ verb: String, on type: ResourceType, namespace: String, name: String = "", subresource: String = ""
  ) async throws(ClusterError) -> AccessAnswer {
    var attributes: Fields = [
      "group": .string(type.groupVersion.group), "resource": .string(type.plural), "verb": .string(verb),
    ]
    if type.isNamespaced { attributes["namespace"] = .string(namespace) }
    if !name.isEmpty { attributes["name"] = .string(name) }
    if !subresource.isEmpty { attributes["subresource"] = .string(subresource) }
    let review: Value = [
      "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
      "spec": ["resourceAttributes": .object(attributes)],
    ]
    let answer = try await create(CreateRequest(review, in: ResourceType.selfSubjectAccessReviews.collection(in: nil)))
      .object
    return AccessAnswer(
      isAllowed: answer.at("status", "allowed")?.bool ?? false, reason: answer.at("status", "reason")?.string ?? "")
  }
}

package struct AccessAnswer: Hashable, Sendable {
  package var isAllowed: Bool
  package var reason: String

  package init(isAllowed: Bool, reason: String) {
    self.isAllowed = isAllowed
    self.reason = reason
  }
}
