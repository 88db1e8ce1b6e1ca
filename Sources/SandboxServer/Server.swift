internal import HTTPTypes
internal import Hummingbird
internal import KubernetesModel
internal import Logging
internal import NIOCore
package import Sandbox
internal import YAMLCoding

/// What answers requests to `/api/v1/namespaces/NS/services/NAME:PORT/proxy/PATH`: a simulated mesh, say.
package struct ProxyAnswer: Sendable {
  package var status: Int
  package var contentType: String
  package var headers: [(String, String)]
  package var body: [UInt8]

  package init(status: Int = 200, contentType: String = "text/plain", headers: [(String, String)] = [], body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.headers = headers
    self.body = body
  }
}

/// A request that the API server passes on to a Service.
package struct ProxyRequest: Sendable {
  package var target: ProxyTarget
  package var method: String
  package var headers: [(String, String)]
  package var body: [UInt8]
}

package typealias ProxyHandler = @Sendable (ProxyRequest) async -> ProxyAnswer

/// A sandbox over plain HTTP on 127.0.0.1, for kubectl and for our own client, but for no page of another site in a
/// browser. It moves the cluster's time with the real clock, `speed` times as fast.
package struct SandboxServer: Sendable {
  package var cluster: LiveCluster
  package var port: Int
  private let speed: Double
  private let proxy: ProxyHandler?
  private let limits: ConnectionLimits

  package init(
    cluster: LiveCluster, port: Int = 0, speed: Double = 1, proxy: ProxyHandler? = nil,
    limits: ConnectionLimits = ConnectionLimits()
  ) {
    self.cluster = cluster
    self.port = port
    self.speed = speed
    self.proxy = proxy
    self.limits = limits
  }

  /// Serves until the task is cancelled; calls `ready` with the port once it listens.
  package func run(ready: @escaping @Sendable (Int) async -> Void) async throws {
    let router = Router()
    let cluster = cluster
    let proxy = proxy
    for method: HTTPRequest.Method in [.get, .head, .post, .put, .patch, .delete] {
      router.on("**", method: method) { request, _ in try await respond(request, cluster, proxy) }
      router.on("/", method: method) { request, _ in try await respond(request, cluster, proxy) }
    }
    var logger = Logger(label: "sandbox")
    // A cancelled server says so as an error.
    logger.logLevel = .critical
    let app = Application(
      router: router, server: limits.server(),
      configuration: .init(
        address: .hostname("127.0.0.1", port: port), availableConnectionsDelegate: limits.accepted),
      onServerRunning: { channel in await ready(channel.localAddress?.port ?? 0) }, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { [port] group in
      group.addTask { try await serve(app, on: port) }
      group.addTask { try await drive(cluster, speed) }
      try await group.next()
      group.cancelAll()
    }
  }

  /// A kubeconfig whose only context is this server.
  package static func kubeconfig(port: Int, namespace: String = "default") -> String {
    """
    apiVersion: v1
    kind: Config
    clusters:
    - name: sandbox
      cluster:
        server: http://127.0.0.1:\(port)
    users:
    - name: sandbox
      user: {}
    contexts:
    - name: sandbox
      context:
        cluster: sandbox
        user: sandbox
        namespace: \(namespace)
    current-context: sandbox

    """
  }
}

/// Moves virtual time with the real one, in steps small enough that a person sees no difference.
private func drive(_ cluster: LiveCluster, _ speed: Double) async throws {
  let clock = ContinuousClock()
  let began = clock.now
  let start = await cluster.now
  while !Task.isCancelled {
    try await clock.sleep(for: .milliseconds(10))
    let passed = clock.now - began
    let milliseconds = Double(passed.components.seconds) * 1e3 + Double(passed.components.attoseconds) * 1e-15
    await cluster.advance(to: start.advanced(by: Int(milliseconds * speed)))
  }
}

private let jsonType = "application/json"

private func respond(_ request: Request, _ cluster: LiveCluster, _ proxy: ProxyHandler?) async throws -> Response {
  if isForeign(request) {
    return status(
      403, "Forbidden", "the sandbox answers no page of another site: it is asked by a loopback name or address")
  }
  let path = request.uri.path.removingPercentEncoding
  let accept = request.headers[.accept] ?? "*/*"
  if path == "/openapi/v2" { return await openAPI(accept, cluster) }
  var api = APIRequest(request.method.rawValue, path)
  for (name, value) in request.uri.queryParameters { api.query[String(name)] = String(value) }
  api.accept = accept
  api.contentType = request.headers[.contentType] ?? jsonType
  api.userAgent = request.headers[.userAgent] ?? "unknown"
  let buffer = try await request.body.collect(upTo: 3 * 1024 * 1024)
  let bytes = Array(buffer.readableBytesView)
  // What goes on to a Service is nobody's business here.
  if !bytes.isEmpty, request.method != .get, !api.isProxied {
    if !isReadable(api.contentType, of: request.method) {
      // What is said of a patch depends on its kind.
      guard request.method == .patch else {
        return status(
          415, "UnsupportedMediaType",
          "the body of the request was in an unknown format - accepted media types include: "
            + "application/json, application/yaml, application/vnd.kubernetes.protobuf")
      }
    } else if api.contentType.contains("protobuf") {
      guard let value = decodedProtobuf(bytes) else {
        return status(
          415, "UnsupportedMediaType",
          "the body of the request was in an unknown format - accepted media types include: "
            + "application/json, application/yaml")
      }
      api.body = value
    } else {
      do {
        api.body = try decoded(bytes, api.contentType)
      } catch {
        return status(400, "BadRequest", "error decoding the body of the request: \(error)")
      }
    }
  }
  // A log that is followed goes on from the whole of it at the moment of the answer: no line falls between the two.
  let whole = api.method == "GET" && api.query["follow"] == "true" ? wholeLog(api) : nil
  let (answer, log) = await cluster.update { [api] cluster in
    (cluster.respond(to: api), whole.map { cluster.respond(to: $0) })
  }
  var headers: HTTPFields = [:]
  for warning in answer.warnings { headers.append(HTTPField(name: warningField, value: "299 - \"\(warning)\"")) }
  switch answer.body {
  case .value(let value):
    headers[.contentType] = jsonType
    return Response(status: httpStatus(answer.status), headers: headers, body: body(jsonBytes(value) + [0x0A]))
  case .text(let text):
    headers[.contentType] = "text/plain"
    if answer.status == 200, let whole, let log {
      return Response(status: .ok, headers: headers, body: following(whole, text, logText(log), cluster))
    }
    return Response(status: httpStatus(answer.status), headers: headers, body: body(Array(text.utf8)))
  case .proxy(let target):
    guard let proxy else {
      return status(503, "ServiceUnavailable", "no endpoints available for service \"\(target.service)\"")
    }
    var target = target
    if let query = request.uri.query { target.path += "?" + query }
    let answer = await proxy(
      ProxyRequest(
        target: target, method: request.method.rawValue,
        headers: request.headers.map { ($0.name.rawName, $0.value) }, body: bytes))
    headers[.contentType] = answer.contentType
    for (name, value) in answer.headers {
      if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
    }
    return Response(status: httpStatus(answer.status), headers: headers, body: body(answer.body))
  case .watch(let watch):
    headers[.contentType] = jsonType
    return Response(status: .ok, headers: headers, body: stream(watch, cluster))
  }
}

/// A number that an object says may be none (`precondition` of swift-http-types).
func httpStatus(_ code: Int) -> HTTPResponse.Status {
  (100...599).contains(code) ? .init(code: code) : .internalServerError
}

private let warningField = HTTPField.Name("Warning") ?? .contentType

private func body(_ bytes: [UInt8]) -> ResponseBody { ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)) }

private func status(_ code: Int, _ reason: String, _ message: String) -> Response {
  Response(
    status: .init(code: code), headers: [.contentType: jsonType],
    body: body(jsonBytes(APIError(code, reason, message).status)))
}

/// JSON, or YAML where the media type allows it (an apply patch may be either).
private func decoded(_ bytes: [UInt8], _ contentType: String) throws -> Value {
  let first = bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
  if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") || !contentType.contains("yaml") {
    return try parseJSON(bytes)
  }
  return try parseYAML(bytes).first ?? .null
}

private enum WatchItem: Sendable {
  case event(Value)
  case bookmark, over
}

/// One JSON object a line, until the client leaves, the history is gone or the time is up.
private func stream(_ watch: Watch, _ cluster: LiveCluster) -> ResponseBody {
  ResponseBody { writer in
    let events = await cluster.events(of: watch)
    let seconds = min(max(1, watch.timeoutSeconds ?? 1800), 3600)
    let (items, sink) = AsyncStream<WatchItem>.makeStream()
    let feed = Task {
      for await event in events { sink.yield(.event(event)) }
      sink.finish()
    }
    let timer = Task {
      for second in 1...seconds {
        try await Task.sleep(for: .seconds(1))
        if second % 50 == 0, watch.sendsBookmarks { sink.yield(.bookmark) }
      }
      sink.yield(.over)
      sink.finish()
    }
    defer {
      feed.cancel()
      timer.cancel()
    }
    // The headers go out with the first bytes: an empty chunk makes the client see them at once.
    try await writer.write(ByteBuffer())
    for await item in items {
      switch item {
      case .event(let event): try await writer.write(ByteBuffer(bytes: jsonBytes(event) + [0x0A]))
      case .bookmark:
        try await writer.write(ByteBuffer(bytes: jsonBytes(await cluster.bookmark(watch)) + [0x0A]))
      case .over: break
      }
      if case .over = item { break }
    }
    try await writer.finish(nil)
  }
}

/// A container's log, and what it writes from now on, until it has ended or the client leaves (`kubectl logs --follow`).
/// - Parameters:
///   - whole: asks for all of the log.
///   - shown: the first answer, and `log` the whole log when it was made.
private func following(
  _ whole: APIRequest, _ shown: String, _ log: String?, _ cluster: LiveCluster
) -> ResponseBody {
  ResponseBody { writer in
    try await writer.write(ByteBuffer(string: shown))
    var seen = log
    while let before = seen {
      try await Task.sleep(for: .milliseconds(100))
      seen = logText(await cluster.respond(to: whole))
      // Another text: the container was started again.
      guard let now = seen, now.hasPrefix(before) else { break }
      if now.utf8.count > before.utf8.count {
        try await writer.write(ByteBuffer(string: String(now.dropFirst(before.count))))
      }
    }
    try await writer.finish(nil)
  }
}

private func wholeLog(_ request: APIRequest) -> APIRequest {
  var request = request
  for key in ["tailLines", "sinceSeconds", "sinceTime", "limitBytes"] { request.query[key] = nil }
  return request
}

/// Nil where there is none any more.
private func logText(_ answer: APIResponse) -> String? {
  guard answer.status == 200, case .text(let text) = answer.body else { return nil }
  return text
}

private func openAPI(_ accept: String, _ cluster: LiveCluster) async -> Response {
  let registry = await cluster.snapshot.store.registry
  if accept.contains("proto-openapi") {
    // kubectl asks for `v2@v1.0`, which the mime parser of its newer builds refuses in an answer; older ones do not look.
    let media = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    return Response(status: .ok, headers: [.contentType: media], body: body(openAPIDocument(registry)))
  }
  return Response(
    status: .ok, headers: [.contentType: jsonType],
    body: body(jsonBytes(["swagger": "2.0", "info": ["title": "Kubernetes", "version": "v1.32.4"], "paths": [:]])))
}

extension String {
  fileprivate var removingPercentEncoding: String {
    var bytes: [UInt8] = []
    var rest = Array(utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let decoded = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(decoded)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
