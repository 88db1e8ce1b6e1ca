/// How a request gets to its server: what a connection is made of, apart from the URL.
package struct ConnectionOptions: Hashable, Sendable {
  /// The certificates that may sign the server's; nil for the system's.
  package var certificateAuthority: [UInt8]?
  /// The client's certificate chain, PEM.
  package var clientCertificate: [UInt8]?
  /// The key of `clientCertificate`, PEM (PKCS#1, PKCS#8 or SEC1).
  package var clientKey: Secret<[UInt8]>?
  package var verification = Verification.full
  /// The name to send (SNI) and to check in place of the URL's host.
  package var serverName: String?
  /// Connect to this address whatever the URL's host is: `127.0.0.1:8080`, `[::1]:8080`.
  package var connectTo: String?
  /// `http://`, `https://` or `socks5://`; nil for a direct connection. The environment is not read here.
  package var proxy: Secret<String>?
  package var compression = true
  /// A connection for this request alone. Behind a load balancer a kept one always ends at the same server.
  package var isAlone = false
  /// Requests on different channels never share a connection, so that a dead watch cannot hold up a write.
  package var channel = Channel.requests

  package enum Verification: Hashable, Sendable { case full, none }
  package enum Channel: Hashable, Sendable { case requests, watches }

  package init() {}
}

/// One HTTP request. Authorization is apart from the other headers so that a request can be printed.
package struct HTTPRequest: Hashable, Sendable {
  package var method: String
  package var url: String
  package var headers: HTTPHeaders
  package var secretHeaders: [Secret<HTTPHeaders.Field>]
  package var body: [UInt8]?
  /// For the whole exchange; nil for none (a watch).
  package var timeout: Duration?
  /// For name resolution, connecting and the TLS handshake.
  package var connectTimeout: Duration
  /// A stream that brings no byte for this long is dead; nil for no such limit.
  package var idleTimeout: Duration?
  package var options: ConnectionOptions
  /// What kind of request it is, for comparing latencies: `get`, `list`, `apply`.
  package var label = ""

  package init(
    method: String = "GET", url: String, headers: HTTPHeaders = [:], body: [UInt8]? = nil,
    timeout: Duration? = .seconds(65), connectTimeout: Duration = .seconds(15), options: ConnectionOptions = .init()
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.secretHeaders = []
    self.body = body
    self.timeout = timeout
    self.connectTimeout = connectTimeout
    self.idleTimeout = nil
    self.options = options
  }
}

package struct HTTPResponseHead: Hashable, Sendable {
  package var status: Int
  package var headers: HTTPHeaders
  /// "1.1", "2".
  package var version: String

  package init(status: Int, headers: HTTPHeaders, version: String = "1.1") {
    self.status = status
    self.headers = headers
    self.version = version
  }
}

package struct HTTPResponse: Hashable, Sendable {
  package var head: HTTPResponseHead
  package var body: [UInt8]

  package var status: Int { head.status }
  package var headers: HTTPHeaders { head.headers }

  package init(head: HTTPResponseHead, body: [UInt8]) {
    self.head = head
    self.body = body
  }
}

/// A response whose body goes on: its chunks as they come, of any size, split anywhere.
package struct HTTPResponseStream: Sendable {
  package var head: HTTPResponseHead
  package var chunks: ByteChunks

  package init(head: HTTPResponseHead, chunks: ByteChunks) {
    self.head = head
    self.chunks = chunks
  }
}

/// The chunks of a body. Ending the iteration, or cancelling its task, ends the transfer.
package struct ByteChunks: AsyncSequence, Sendable {
  package typealias Element = [UInt8]
  package typealias Failure = TransportError

  private let stream: AsyncStream<Result<[UInt8], TransportError>>

  package init(_ stream: AsyncStream<Result<[UInt8], TransportError>>) { self.stream = stream }

  package func makeAsyncIterator() -> Iterator { Iterator(base: stream.makeAsyncIterator()) }

  package struct Iterator: AsyncIteratorProtocol {
    var base: AsyncStream<Result<[UInt8], TransportError>>.Iterator

    package mutating func next() async throws(TransportError) -> [UInt8]? { try await next(isolation: #isolation) }

    package mutating func next(isolation actor: isolated (any Actor)?) async throws(TransportError) -> [UInt8]? {
      guard let result = await base.next(isolation: actor) else { return nil }
      return try result.get()
    }
  }
}

/// Sends HTTP requests. `CurlTransport` does it over the network; a test may answer by itself or break on purpose.
package protocol HTTPTransport: Sendable {
  func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse
  /// Returns when the response's headers are there.
  func stream(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponseStream
}

/// Why there was no answer, or no whole one.
package struct TransportError: Error, Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable {
    /// The URL, the certificates or an option cannot be used at all.
    case badRequest
    case cancelled
    case connect
    /// A line or a body beyond all measure.
    case tooLarge
    case libraryMissing
    case other
    /// Bytes that are not HTTP, or HTTP/2 stream errors.
    case protocolViolation
    case proxy
    case refused
    case reset
    /// No byte for the idle time of a stream.
    case stalled
    case timeout
    case tls
    case unresolvedHost
  }

  package var kind: Kind
  package var message: String
  /// False where the request surely never reached the server: then a repetition cannot do anything twice.
  package var mayHaveTakenEffect: Bool

  package init(_ kind: Kind, _ message: String, mayHaveTakenEffect: Bool) {
    self.kind = kind
    self.message = message
    self.mayHaveTakenEffect = mayHaveTakenEffect
  }
}
