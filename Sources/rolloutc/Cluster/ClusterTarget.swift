import ApplyEngine
import ClusterAPI
import CurlTransport
import Lowering
import RolloutPlan

/// The cluster that a command works on, and what a person must see of it before anything is written: a wrong
/// current-context is the classic accident.
struct ClusterTarget {
  let cluster: any Cluster
  /// Nil inside a pod.
  let context: String?
  let server: String
  /// The context's, or `-n`.
  let namespace: String?

  /// Nothing is sent yet.
  /// - Parameter tell: is told of each repetition of a request.
  init(_ options: ConnectionOptions, tell: @escaping @Sendable (RepeatedCall) -> Void = { _ in }) throws {
    let environment = IO.environment
    let sources = KubeconfigSources(explicitPath: options.kubeconfig, environment: environment, files: .disk)
    let connection: ClusterConnection
    do {
      connection = try sources.connection(options.overrides)
    } catch {
      throw Failure("\(error)")
    }
    let client = APIClient(
      endpoint: connection.endpoint, credentials: connection.credentialSource(environment: environment),
      transport: LimitedTransport(CurlTransport(), clock: ContinuousClock()), userAgent: "rolloutc/\(toolVersion)")
    cluster = RetryingCluster(client, clock: ContinuousClock(), tell: tell)
    context = connection.context
    server = connection.endpoint.server
    namespace = connection.namespace
  }

  /// `context aks-prod, https://aks-prod.example:443`.
  var words: String { (context.map { "context \($0), " } ?? "this pod's own cluster, ") + server }

  /// An environment of a plan may say in which context alone it runs.
  func check(against plan: Plan) throws {
    guard let environment = plan.environment, let pinned = environment.context, pinned != context else { return }
    throw Failure(
      """
      environment `\(environment.name)` runs in context `\(pinned)` alone, and this is \(words); nothing was changed
      choose it with --context \(pinned)
      """, code: Exit.refused)
  }

  /// The versions of Istio's API to write in: the best that the server has.
  func istioVersions() async throws -> APIVersions {
    do {
      let networking = try await cluster.versions(of: "networking.istio.io")
      let security = try await cluster.versions(of: "security.istio.io")
      if let versions = APIVersions(networking: networking, security: security) { return versions }
    } catch {
      throw Failure("cannot ask the server for its APIs: \(error)\n\(words)")
    }
    throw Failure("the cluster has no API of Istio that rolloutc can write: is Istio installed?\n\(words)")
  }
}
