import ApplyEngine
import ClusterAPI
import CurlTransport
import Lowering
import RolloutPlan

/// The cluster that a command works on, and what a person must see of it before anything is written: a wrong
/// current-context is the classic accident.
struct ClusterTarget: Sendable {
  /// With repetitions.
  let cluster: any Cluster
  /// Without: for what must not take long.
  let client: any Cluster
  /// Nil inside a pod, and where `--server` alone says where the cluster is.
  let context: String?
  let server: String
  /// The context's, or `-n`.
  let namespace: String?
  private let isOfThisPod: Bool

  /// Nothing is sent yet.
  /// - Parameter tell: is told of each repetition of a request.
  init(
    _ options: ConnectionOptions,
    tell: @escaping @Sendable (RepeatedCall) -> Void = IO.tell
  ) throws {
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
    self.client = client
    cluster = RetryingCluster(client, clock: ContinuousClock(), tell: tell)
    context = connection.context
    server = connection.endpoint.server
    namespace = connection.namespace
    isOfThisPod = connection.isOfThisPod
  }

  /// `context aks-prod, https://aks-prod.example:443`.
  var words: String { (context.map { "context \($0), " } ?? (isOfThisPod ? "this pod's own cluster, " : "")) + server }

  /// An environment of a plan may say in which context alone it runs.
  func check(against plan: Plan) throws {
    guard let environment = plan.environment, let pinned = environment.context, pinned != context else { return }
    throw Failure(
      """
      environment `\(environment.name)` runs in context `\(pinned)` alone, and this is \(words); nothing was changed
      choose it with --context \(pinned)
      """, code: Exit.refused)
  }

  /// The first request, made once: an address that is wrong is said at once. Nil where the server does not say its version.
  func reach() async throws -> ServerVersion? {
    do {
      return try await client.serverVersion()
    } catch {
      if case .refused(let status) = error, status.code == 403 { return nil }
      throw Failure("cannot reach the cluster: \(error)\n\(words)")
    }
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

extension IO {
  /// A repetition of a request, where there is no better place to say so.
  static func tell(_ call: RepeatedCall) { standardError("repeating \(oneLine(words(of: call)))\n") }
}
