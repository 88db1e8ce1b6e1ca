import ClusterAPI
import KubernetesModel
import Synchronization

/// A cluster that answers each call with the next thing of a script, and writes down what it was asked.
final class ScriptedCluster: Cluster {
  enum Watch: Sendable {
    case refused(ClusterError)
    /// Events, then the end or an error.
    case events([WatchEvent], end: ClusterError?)
  }

  struct State {
    var lists: [Result<ObjectList, ClusterError>] = []
    var watches: [Watch] = []
    var writes: [Result<WriteResult, ClusterError>] = []
    var deletes: [Result<DeleteResult, ClusterError>] = []
    var gets: [Result<Value, ClusterError>] = []
    var calls: [String] = []
  }

  let state: Mutex<State>

  init(_ state: State) { self.state = Mutex(state) }

  var calls: [String] { state.withLock { $0.calls } }

  private func next<T: Sendable>(
    _ call: String, _ script: any WritableKeyPath<State, [Result<T, ClusterError>]> & Sendable
  ) throws(ClusterError) -> T {
    let result = state.withLock { state -> Result<T, ClusterError> in
      state.calls.append(call)
      guard !state[keyPath: script].isEmpty else { return .failure(.notUnderstood("the script of \(call) is over")) }
      return state[keyPath: script].removeFirst()
    }
    return try result.get()
  }

  func serverVersion() async throws(ClusterError) -> ServerVersion {
    ServerVersion(major: 1, minor: 20, gitVersion: "v1.20.2")
  }
  func versions(of group: String) async throws(ClusterError) -> [String] { ["v1"] }
  func resources(of groupVersion: GroupVersion, refresh: Bool) async throws(ClusterError) -> [ResourceType] { [] }
  func get(_ object: ObjectReference) async throws(ClusterError) -> Value { try next("get", \.gets) }
  func list(_ collection: ObjectCollection) async throws(ClusterError) -> ObjectList { try next("list", \.lists) }
  func apply(_ request: ApplyRequest) async throws(ClusterError) -> WriteResult { try next("apply", \.writes) }
  func create(_ request: CreateRequest) async throws(ClusterError) -> WriteResult { try next("create", \.writes) }
  func patch(_ request: PatchRequest) async throws(ClusterError) -> WriteResult { try next("patch", \.writes) }
  func delete(_ request: DeleteRequest) async throws(ClusterError) -> DeleteResult { try next("delete", \.deletes) }
  func read(_ path: String, query: [(String, String)]) async throws(ClusterError) -> HTTPResponse {
    throw .notUnderstood("not scripted")
  }

  func proxy(_ request: ServiceProxyRequest) async throws(ClusterError) -> HTTPResponse {
    throw .notUnderstood("not scripted")
  }

  func watch(_ collection: ObjectCollection, from resourceVersion: String) async throws(ClusterError) -> WatchStream {
    let watch = state.withLock { state -> Watch in
      state.calls.append("watch \(resourceVersion)")
      return state.watches.isEmpty
        ? .refused(.notUnderstood("the script of watch is over")) : state.watches.removeFirst()
    }
    switch watch {
    case .refused(let error): throw error
    case .events(let events, let end):
      let (stream, continuation) = AsyncStream.makeStream(of: Result<WatchEvent, ClusterError>.self)
      for event in events { continuation.yield(.success(event)) }
      if let end { continuation.yield(.failure(end)) }
      continuation.finish()
      return WatchStream(stream)
    }
  }
}

let configMaps = ResourceType(
  groupVersion: GroupVersion(group: "", version: "v1"), kind: "ConfigMap", plural: "configmaps", isNamespaced: true)

func configMap(_ name: String, version: String, data: [String: String] = [:]) -> Value {
  [
    "apiVersion": "v1", "kind": "ConfigMap",
    "metadata": ["name": .string(name), "resourceVersion": .string(version)],
    "data": .object(
      Fields(data.sorted { $0.key < $1.key }.map { Fields.Entry(key: $0.key, value: .string($0.value)) })),
  ]
}
