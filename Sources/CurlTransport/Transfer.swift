internal import CCurl
internal import ClusterAPI
internal import Synchronization

/// A request on its way, as both sides see it.
final class Transfer: Sendable {
  /// Who waits for the answer. Each continuation is resumed exactly once, by the loop's thread.
  enum Sink {
    case whole(CheckedContinuation<Result<HTTPResponse, TransportError>, Never>)
    case streamed(
      head: CheckedContinuation<Result<HTTPResponseHead, TransportError>, Never>?,
      chunks: AsyncStream<Result<[UInt8], TransportError>>.Continuation)
  }

  struct State {
    var sink: Sink?
    var isCancelled = false
  }

  let request: HTTPRequest
  let state = Mutex(State())
  /// The easy handle while it runs. Only the loop's thread reads or writes it.
  nonisolated(unsafe) var handle: UnsafeMutableRawPointer?

  init(request: HTTPRequest) { self.request = request }

  func takeSink() -> Sink? {
    state.withLock { state in
      defer { state.sink = nil }
      return state.sink
    }
  }

  func fail(_ error: TransportError) {
    switch takeSink() {
    case .whole(let continuation): continuation.resume(returning: .failure(error))
    case .streamed(let head?, let chunks):
      head.resume(returning: .failure(error))
      chunks.finish()
    case .streamed(nil, let chunks):
      chunks.yield(.failure(error))
      chunks.finish()
    case nil: break
    }
  }
}

/// What the loop's thread keeps of a transfer: the handle and what has come so far.
final class RunningTransfer {
  /// Far beyond any LIST page; a body without end must not take all memory.
  private static let largestBody = 96 << 20

  let transfer: Transfer
  private var easy: EasyHandle
  private var status = 0
  private var version = ""
  private var headers = HTTPHeaders()
  private var body: [UInt8] = []
  private var isHeadComplete = false
  private var isTooLarge = false

  var handle: UnsafeMutableRawPointer { easy.raw }

  init(_ transfer: Transfer) throws(TransportError) {
    self.transfer = transfer
    easy = try EasyHandle()
    try easy.configure(transfer.request)
    let context = Unmanaged.passUnretained(self).toOpaque()
    try easy.check(
      ccurl_set_data_callback(easy.raw, CURLOPT_HEADERFUNCTION, Self.headerCallback), CURLOPT_HEADERFUNCTION)
    try easy.check(ccurl_set_pointer(easy.raw, CURLOPT_HEADERDATA, context), CURLOPT_HEADERDATA)
    try easy.check(ccurl_set_data_callback(easy.raw, CURLOPT_WRITEFUNCTION, Self.bodyCallback), CURLOPT_WRITEFUNCTION)
    try easy.check(ccurl_set_pointer(easy.raw, CURLOPT_WRITEDATA, context), CURLOPT_WRITEDATA)
  }

  private static let headerCallback: ccurl_data_callback = { bytes, size, count, context in
    guard let context else { return 0 }
    let active = Unmanaged<RunningTransfer>.fromOpaque(context).takeUnretainedValue()
    active.receive(header: UnsafeRawBufferPointer(start: bytes, count: size * count))
    return size * count
  }

  private static let bodyCallback: ccurl_data_callback = { bytes, size, count, context in
    guard let context else { return 0 }
    let active = Unmanaged<RunningTransfer>.fromOpaque(context).takeUnretainedValue()
    return active.receive(body: UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
  }

  /// libcurl gives one whole line each time; the lines of an interim response or a proxy's come before the real ones and
  /// begin with a status line like them.
  private func receive(header line: UnsafeRawBufferPointer) {
    var line = line[...]
    while let last = line.last, last == 0x0a || last == 0x0d { line.removeLast() }
    let text = String(decoding: line, as: UTF8.self)
    if text.hasPrefix("HTTP/") {
      let parts = text.split(separator: " ", maxSplits: 2)
      version = String(parts[0].dropFirst("HTTP/".count))
      status = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
      headers = HTTPHeaders()
      return
    }
    if text.isEmpty {
      // The head of a watch is there long before its first event.
      if status >= 200 { giveHead() }
      return
    }
    guard let colon = text.firstIndex(of: ":") else { return }
    let value = text[text.index(after: colon)...]
    headers.add(String(text[..<colon]), String(trimmed(value)))
  }

  private func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first == " " || text.first == "\t" { text.removeFirst() }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return text
  }

  private func receive(body bytes: UnsafeRawBufferPointer) -> Bool {
    giveHead()
    let stream: AsyncStream<Result<[UInt8], TransportError>>.Continuation? = transfer.state.withLock { state in
      guard case .streamed(_, let chunks) = state.sink else { return nil }
      return chunks
    }
    // Not under the lock: who cancels a task holds what a yield waits for, and waits for the lock (``TransferLoop/cancel``).
    if let stream {
      stream.yield(.success([UInt8](bytes)))
      return true
    }
    guard body.count + bytes.count <= Self.largestBody else {
      isTooLarge = true
      return false
    }
    body.append(contentsOf: bytes)
    return true
  }

  /// Tells the reader of a stream that its response has begun: at the blank line after its headers.
  private func giveHead() {
    guard !isHeadComplete else { return }
    isHeadComplete = true
    let head = HTTPResponseHead(status: status, headers: headers, version: version)
    let waiting = transfer.state.withLock { state in
      guard case .streamed(let waiting?, let chunks) = state.sink else {
        return nil as CheckedContinuation<Result<HTTPResponseHead, TransportError>, Never>?
      }
      state.sink = .streamed(head: nil, chunks: chunks)
      return waiting
    }
    waiting?.resume(returning: .success(head))
  }

  func outcome(_ code: CURLcode) -> Result<HTTPResponse, TransportError> {
    if isTooLarge {
      return .failure(TransportError(.tooLarge, "the answer is longer than 512 MiB", mayHaveTakenEffect: true))
    }
    guard code == CURLE_OK else { return .failure(easy.error(code, request: transfer.request)) }
    return .success(
      HTTPResponse(head: HTTPResponseHead(status: status, headers: headers, version: version), body: body))
  }

  func finish(_ outcome: Result<HTTPResponse, TransportError>) {
    if case .success = outcome { giveHead() }
    switch outcome {
    case .failure(let error): transfer.fail(error)
    case .success(let response):
      switch transfer.takeSink() {
      case .whole(let continuation): continuation.resume(returning: .success(response))
      case .streamed(_, let chunks): chunks.finish()
      case nil: break
      }
    }
  }
}
