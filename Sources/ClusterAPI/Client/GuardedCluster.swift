internal import KubernetesModel

/// A cluster that asks for leave before each request that changes something. Reads and dry runs need none.
private struct GuardedCluster: Cluster {
  let base: any Cluster
  let permission: WritePermission

  func serverVersion() async throws(ClusterError) -> ServerVersion { try await base.serverVersion() }

  func versions(of group: String) async throws(ClusterError) -> [String] { try await base.versions(of: group) }

  func resources(of groupVersion: GroupVersion, refresh: Bool) async throws(ClusterError) -> [ResourceType] {
    try await base.resources(of: groupVersion, refresh: refresh)
  }

  func get(_ object: ObjectReference) async throws(ClusterError) -> Value { try await base.get(object) }

  func metadata(of object: ObjectReference) async throws(ClusterError) -> Value { try await base.metadata(of: object) }

  func list(_ collection: ObjectCollection) async throws(ClusterError) -> ObjectList {
    try await base.list(collection)
  }

  func read(_ path: String, query: [(String, String)]) async throws(ClusterError) -> HTTPResponse {
    try await base.read(path, query: query)
  }

  func proxy(_ request: ServiceProxyRequest) async throws(ClusterError) -> HTTPResponse {
    try await base.proxy(request)
  }

  func watch(_ collection: ObjectCollection, from resourceVersion: String) async throws(ClusterError) -> WatchStream {
    try await base.watch(collection, from: resourceVersion)
  }

  func apply(_ request: ApplyRequest) async throws(ClusterError) -> WriteResult {
    if !request.dryRun { try await permission() }
    return try await base.apply(request)
  }

  func create(_ request: CreateRequest) async throws(ClusterError) -> WriteResult {
    if !request.dryRun { try await permission() }
    return try await base.create(request)
  }

  func patch(_ request: PatchRequest) async throws(ClusterError) -> WriteResult {
    if !request.dryRun { try await permission() }
    return try await base.patch(request)
  }

  func delete(_ request: DeleteRequest) async throws(ClusterError) -> DeleteResult {
    if !request.dryRun { try await permission() }
    return try await base.delete(request)
  }
}

extension Cluster {
  package func guarded(by permission: @escaping WritePermission) -> any Cluster {
    GuardedCluster(base: self, permission: permission)
  }
}
