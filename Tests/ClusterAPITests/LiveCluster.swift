import ClusterAPI
import CurlTransport
import Foundation
import KubernetesModel
import TestSupport
import Testing

/// A client of the shared control plane, and a namespace of its own for one test.
struct LiveCluster {
  var plane: ControlPlane
  var cluster: APIClient
  var namespace: String

  static let transport = CurlTransport()

  init(namespaced: Bool = true) async throws {
    plane = try await ControlPlane.shared()
    cluster = try Self.client(try Self.connection(plane.kubeconfig))
    namespace = "t-\(UInt32.random(in: .min ... .max))"
    if namespaced {
      let type = try await cluster.resourceType(of: "Namespace", in: GroupVersion(group: "", version: "v1"))
      _ = try await cluster.apply(
        ApplyRequest(
          ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(namespace)]],
          to: type.named(namespace, in: "")))
    }
  }

  static func connection(
    _ path: String, _ overrides: ConnectionOverrides = .init(), environment: [String: String] = [:]
  ) throws -> ClusterConnection {
    try KubeconfigSources(explicitPath: path, environment: environment, files: .disk).connection(overrides)
  }

  static func client(
    _ connection: ClusterConnection, transport: any HTTPTransport = LiveCluster.transport
  ) throws -> APIClient {
    APIClient(
      endpoint: connection.endpoint,
      credentials: connection.credentialSource(environment: ProcessInfo.processInfo.environment), transport: transport)
  }

  func type(_ kind: String, _ apiVersion: String) async throws -> ResourceType {
    try await cluster.resourceType(of: kind, in: #require(GroupVersion(apiVersion)))
  }

  func configMap(_ name: String) async throws -> ObjectReference {
    try await type("ConfigMap", "v1").named(name, in: namespace)
  }

  func object(_ name: String, _ data: Fields = ["a": "1"]) -> Value {
    [
      "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(name), "namespace": .string(namespace)],
      "data": .object(data),
    ]
  }

  func deployment(_ name: String, replicas: Int) -> Value {
    [
      "apiVersion": "apps/v1", "kind": "Deployment",
      "metadata": ["name": .string(name), "namespace": .string(namespace)],
      "spec": [
        "replicas": .int(replicas), "selector": ["matchLabels": ["app": .string(name)]],
        "template": [
          "metadata": ["labels": ["app": .string(name)]],
          "spec": [
            "containers": [
              ["name": "app", "image": "registry.example/app:1", "ports": [["containerPort": 80, "protocol": "TCP"]]]
            ]
          ],
        ],
      ],
    ]
  }
}

/// The error of an operation that must give one.
func refusal<T>(
  sourceLocation: SourceLocation = #_sourceLocation, _ operation: () async throws(ClusterError) -> T
) async throws -> ClusterError {
  let result: Result<T, ClusterError>
  do throws(ClusterError) {
    result = .success(try await operation())
  } catch {
    result = .failure(error)
  }
  switch result {
  case .failure(let error): return error
  case .success(let value):
    Issue.record("no error but \(value)", sourceLocation: sourceLocation)
    throw CancellationError()
  }
}
