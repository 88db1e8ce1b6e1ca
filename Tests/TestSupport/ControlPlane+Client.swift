package import ClusterAPI
import CurlTransport
package import KubernetesModel

extension ControlPlane {
  private static let transport = CurlTransport()

  /// A client with the rights of one of its kubeconfigs.
  package func client(
    _ file: String = "kubeconfig", through wrap: (any HTTPTransport) -> any HTTPTransport = { $0 }
  ) throws -> any Cluster {
    let sources = KubeconfigSources(explicitPath: "\(directory)/\(file)", environment: [:], files: .disk)
    let connection = try sources.connection(ConnectionOverrides())
    return APIClient(
      endpoint: connection.endpoint, credentials: connection.credentialSource(environment: [:]),
      transport: wrap(Self.transport))
  }
}

extension Cluster {
  /// Server-side apply as somebody.
  package func apply(_ object: Value, by manager: String, force: Bool = false) async throws {
    let type = try await resourceType(of: object)
    let target = type.named(
      object.at("metadata", "name")?.string ?? "", in: object.at("metadata", "namespace")?.string ?? "")
    _ = try await apply(ApplyRequest(object, to: target, fieldManager: manager, force: force))
  }
}
