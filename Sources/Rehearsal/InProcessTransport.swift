package import ClusterAPI
internal import KubernetesModel
package import Sandbox
internal import Synchronization

/// How many requests that change something go through before the process seems to die.
package final class RequestBudget: Sendable {
  /// Where the one on which it dies still reaches the server, and only its answer is lost.
  private let lastTakesEffect: Bool
  private let left: Mutex<Int>
  private let asked = Mutex<Int>(0)

  package init(writes: Int, lastTakesEffect: Bool = false) {
    left = Mutex(writes)
    self.lastTakesEffect = lastTakesEffect
  }

  private let seen = Mutex<[String]>([])

  /// The labels of all requests so far, also of those that change nothing.
  package var labels: [String] { seen.withLock { $0 } }

  func note(_ request: HTTPRequest) { seen.withLock { $0.append(request.label) } }

  /// Requests that change something so far, also those that failed.
  package var count: Int { asked.withLock { $0 } }

  /// Whether the request is sent, and whether its answer comes back.
  package func spend() -> (isSent: Bool, isAnswered: Bool) {
    asked.withLock { $0 += 1 }
    return left.withLock { count in
      count -= 1
      return (count >= 0 || (count == -1 && lastTakesEffect), count >= 0)
    }
  }
}

/// A sandbox as an HTTP server without a network: the real client talks to it.
package struct InProcessTransport: HTTPTransport {
  private let sandbox: LiveCluster
  private let budget: RequestBudget?

  package init(sandbox: LiveCluster, budget: RequestBudget? = nil) {
    self.sandbox = sandbox
    self.budget = budget
  }

  package static func cluster(_ sandbox: LiveCluster, requests budget: RequestBudget? = nil) -> any Cluster {
    APIClient(
      endpoint: ClusterEndpoint(server: "http://sandbox"), credentials: FixedCredentials(Credentials()),
      transport: InProcessTransport(sandbox: sandbox, budget: budget))
  }

  package func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse {
    budget?.note(request)
    let isTrial = request.url.contains("dryRun=All")
    let fate = request.method == "GET" || isTrial ? nil : budget?.spend()
    let lost = TransportError(.reset, "the process died here", mayHaveTakenEffect: true)
    if fate?.isSent == false { throw lost }
    let answer = await sandbox.respond(to: try decoded(request))
    if fate?.isAnswered == false { throw lost }
    var headers: HTTPHeaders = ["Content-Type": "application/json"]
    for warning in answer.warnings { headers.add("Warning", "299 - \"\(warning)\"") }
    let body: [UInt8] =
      switch answer.body {
      case .value(let value): jsonBytes(value)
      case .text(let text): Array(text.utf8)
      case .watch, .proxy: []
      }
    return HTTPResponse(head: HTTPResponseHead(status: answer.status, headers: headers), body: body)
  }

  package func stream(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponseStream {
    let answer = await sandbox.respond(to: try decoded(request))
    let head = HTTPResponseHead(status: answer.status, headers: ["Content-Type": "application/json"])
    guard case .watch(let watch) = answer.body else {
      let (stream, continuation) = AsyncStream<Result<[UInt8], TransportError>>.makeStream()
      if let value = answer.value { continuation.yield(.success(jsonBytes(value))) }
      continuation.finish()
      return HTTPResponseStream(head: head, chunks: ByteChunks(stream))
    }
    let (stream, continuation) = AsyncStream<Result<[UInt8], TransportError>>.makeStream()
    await sandbox.follow(watch) { event in
      guard let event else {
        continuation.finish()
        return false
      }
      if case .terminated = continuation.yield(.success(jsonBytes(event) + [0x0a])) { return false }
      return true
    }
    return HTTPResponseStream(head: head, chunks: ByteChunks(stream))
  }

  private func decoded(_ request: HTTPRequest) throws(TransportError) -> APIRequest {
    let path = request.url.dropFirst("http://sandbox".count)
    let parts = path.split(separator: "?", maxSplits: 1)
    var query: [String: String] = [:]
    for pair in parts.count > 1 ? parts[1].split(separator: "&") : [] {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      query[plain(sides[0])] = sides.count > 1 ? plain(sides[1]) : ""
    }
    var body: Value?
    if let bytes = request.body {
      do {
        body = try parseJSON(bytes)
      } catch {
        throw TransportError(.badRequest, "\(error)", mayHaveTakenEffect: false)
      }
    }
    return APIRequest(
      request.method, plain(parts.first ?? "/"), query: query, body: body,
      contentType: request.headers["Content-Type"] ?? "application/json")
  }

  private func plain(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == 0x25, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
