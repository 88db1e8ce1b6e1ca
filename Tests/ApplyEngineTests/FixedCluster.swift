import ClusterAPI
import KubernetesModel
import Synchronization

/// A cluster that holds some objects and can only be read; whoever asks a Service through it is answered by `service`.
final class FixedCluster: Cluster {
  private let objects: [Value]
  /// Collections that may not be listed: `services`, `services everywhere`, `services in shop`.
  private let forbidden: Set<String>
  private let service: @Sendable (ServiceProxyRequest) -> Result<HTTPResponse, ClusterError>
  private let proxied = Mutex<[ServiceProxyRequest]>([])

  init(
    _ objects: [Value], forbidden: Set<String> = [],
    service: @escaping @Sendable (ServiceProxyRequest) -> Result<HTTPResponse, ClusterError> = { _ in
      .failure(.refused(APIStatus(code: 503, message: "no endpoints available for service")))
    }
  ) {
    self.objects = objects
    self.forbidden = forbidden
    self.service = service
  }

  var proxyRequests: [ServiceProxyRequest] { proxied.withLock { $0 } }

  func serverVersion() async throws(ClusterError) -> ServerVersion {
    ServerVersion(major: 1, minor: 30, gitVersion: "v1.30.0")
  }

  func versions(of group: String) async throws(ClusterError) -> [String] { ["v1"] }

  func resources(of groupVersion: GroupVersion, refresh: Bool) async throws(ClusterError) -> [ResourceType] {
    [("Gateway", "gateways"), ("PeerAuthentication", "peerauthentications")].map {
      ResourceType(groupVersion: groupVersion, kind: $0, plural: $1, isNamespaced: true)
    }
  }

  func get(_ object: ObjectReference) async throws(ClusterError) -> Value {
    guard let found = objects.first(where: { ObjectID($0) == object.id }) else {
      throw .refused(APIStatus(code: 404, message: "\(object.type.plural) \"\(object.name)\" not found"))
    }
    return found
  }

  func list(_ collection: ObjectCollection) async throws(ClusterError) -> ObjectList {
    let place = collection.namespace.map { " in \($0)" } ?? " everywhere"
    if forbidden.contains(collection.type.plural) || forbidden.contains(collection.type.plural + place) {
      throw .refused(APIStatus(code: 403, message: "\(collection.type.plural) is forbidden\(place)"))
    }
    let items = objects.filter {
      $0["kind"]?.string == collection.type.kind
        && (collection.namespace == nil || $0.at("metadata", "namespace")?.string == collection.namespace)
    }
    return ObjectList(items: items, resourceVersion: "1")
  }

  func proxy(_ request: ServiceProxyRequest) async throws(ClusterError) -> HTTPResponse {
    proxied.withLock { $0.append(request) }
    return try service(request).get()
  }

  func apply(_ request: ApplyRequest) async throws(ClusterError) -> WriteResult { throw Self.readOnly }
  func create(_ request: CreateRequest) async throws(ClusterError) -> WriteResult { throw Self.readOnly }
  func patch(_ request: PatchRequest) async throws(ClusterError) -> WriteResult { throw Self.readOnly }
  func delete(_ request: DeleteRequest) async throws(ClusterError) -> DeleteResult { throw Self.readOnly }
  func read(_ path: String, query: [(String, String)]) async throws(ClusterError) -> HTTPResponse {
    throw Self.readOnly
  }

  func watch(_ collection: ObjectCollection, from resourceVersion: String) async throws(ClusterError) -> WatchStream {
    throw Self.readOnly
  }

  private static let readOnly = ClusterError.notUnderstood("this cluster can only be read")
}
