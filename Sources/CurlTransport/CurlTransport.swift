internal import CCurl
package import ClusterAPI
internal import Synchronization

/// HTTP/2 and HTTP/1.1 over libcurl's multi interface.
///
/// Each channel (requests, watches) has one thread and one set of connections. The threads are started by the first
/// request, so a command that never talks to a cluster neither loads libcurl nor starts anything. Requests of one channel
/// to one server share one HTTP/2 connection; the cooperative pool is never blocked.
package final class CurlTransport: HTTPTransport {
  private let loops = Mutex<[ConnectionOptions.Channel: TransferLoop]>([:])

  package init() {}

  deinit {
    loops.withLock { loops in
      for loop in loops.values { loop.stop() }
    }
  }

  package func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse {
    let loop = try loop(for: request.options.channel)
    let transfer = Transfer(request: request)
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        loop.start(transfer, sink: .whole(continuation))
      }
    } onCancel: {
      loop.cancel(transfer)
    }
    return try result.get()
  }

  package func stream(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponseStream {
    let loop = try loop(for: request.options.channel)
    let transfer = Transfer(request: request)
    let (stream, chunks) = AsyncStream.makeStream(of: Result<[UInt8], TransportError>.self)
    // Whoever stops reading (a wait that is over, a cancelled task) ends the transfer at once.
    chunks.onTermination = { reason in
      if case .cancelled = reason { loop.cancel(transfer) }
    }
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        loop.start(transfer, sink: .streamed(head: continuation, chunks: chunks))
      }
    } onCancel: {
      loop.cancel(transfer)
    }
    return HTTPResponseStream(head: try result.get(), chunks: ByteChunks(stream))
  }

  private func loop(for channel: ConnectionOptions.Channel) throws(TransportError) -> TransferLoop {
    let result: Result<TransferLoop, TransportError> = loops.withLock { loops in
      if let loop = loops[channel] { return .success(loop) }
      do throws(TransportError) {
        let loop = try TransferLoop()
        loops[channel] = loop
        return .success(loop)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
