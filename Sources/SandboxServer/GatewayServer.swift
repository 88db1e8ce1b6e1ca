internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import MeshModel
internal import NIOCore
internal import Sandbox
package import SandboxMesh

/// The ingress gateway of a sandbox's mesh over plain HTTP on 127.0.0.1, for browsers and curl.
///
/// A visitor who meets an error of the mesh sees what Envoy would show, and Envoy's flag in `x-sandbox-flag`; a
/// connection that a cluster would reset is closed without an answer.
package struct GatewayServer: Sendable {
  private let mesh: LiveMesh
  private let port: Int

  package init(mesh: LiveMesh, port: Int = 0) {
    self.mesh = mesh
    self.port = port
  }

  /// Serves until the task is cancelled; calls `ready` with the port once it listens.
  package func run(ready: @escaping @Sendable (Int) async -> Void) async throws {
    let router = Router(context: VisitorContext.self)
    let mesh = mesh
    let limits = ConnectionLimits()
    for method: HTTPRequest.Method in [.get, .head, .post, .put, .patch, .delete, .options] {
      for path: RouterPath in ["/", "**"] {
        router.on(path, method: method) { request, context in try await answer(request, context, mesh) }
      }
    }
    var logger = Logger(label: "gateway")
    // A cancelled server says so as an error.
    logger.logLevel = .critical
    let app = Application(
      router: router, server: limits.server(),
      configuration: .init(
        address: .hostname("127.0.0.1", port: port), availableConnectionsDelegate: limits.accepted),
      onServerRunning: { channel in await ready(channel.localAddress?.port ?? 0) }, logger: logger)
    try await serve(app, on: port)
  }
}

/// Knows the connection, so that it can be closed.
private struct VisitorContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }
}

private struct ConnectionClosed: Error {}

private let flagField = HTTPField.Name("x-sandbox-flag") ?? .server

private func answer(_ request: Request, _ context: VisitorContext, _ mesh: LiveMesh) async throws -> Response {
  let body = String(decoding: try await request.body.collect(upTo: 1 << 20).readableBytesView, as: UTF8.self)
  let authority = request.head.authority ?? "localhost"
  let headers = request.headers.map { ($0.name.canonicalName, $0.value) }
  let target = request.uri.description
  let answer = await mesh.visit { port in
    MeshRequest(
      request.method.rawValue, host: authority, port: port, path: target, headers: headers, body: body)
  }
  guard let status = answer.status else {
    try await context.channel.close()
    throw ConnectionClosed()
  }
  var fields: HTTPFields = [.server: "istio-envoy"]
  for (name, value) in answer.headers {
    if let name = HTTPField.Name(name), HTTPField.isValidValue(value) {
      fields.append(HTTPField(name: name, value: value))
    }
  }
  if let flag = answer.failure?.flag { fields[flagField] = flag.rawValue }
  return Response(
    status: httpStatus(status), headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(string: answer.body)))
}

extension LiveMesh {
  /// Answers the API server's service proxy: a client without a sidecar, which kube-proxy sends to any pod.
  package nonisolated func answer(_ proxied: ProxyRequest) async -> ProxyAnswer {
    let target = proxied.target
    let host = "\(target.service).\(target.namespace).svc.cluster.local"
    let request = MeshRequest(
      from: .outsider(namespace: "kube-system"),
      .http(
        MeshModel.HTTPRequest(
          host: host, port: target.port, path: target.path, method: proxied.method, headers: proxied.headers)),
      body: String(decoding: proxied.body, as: UTF8.self))
    let answer = await self.request(request)
    guard let status = answer.status else {
      let reason = answer.failure?.isReset == true ? "connection reset by peer" : "connection refused"
      let text = "Error trying to reach service: '\(host):\(target.port): \(reason)'"
      return ProxyAnswer(status: 503, body: Array(text.utf8))
    }
    return ProxyAnswer(
      status: status, contentType: answer.header("content-type") ?? "text/plain",
      headers: answer.headers.filter { $0.name.lowercased() != "content-type" }, body: Array(answer.body.utf8))
  }
}
