import ClusterAPI
import CurlTransport
import TestSupport
import Testing

/// Streams that nobody wants any more while a chunk arrives: who cancels and who reads wait for each other's locks if one
/// of them holds on to its own.
@Suite struct CancelledStreamTests {
  @Test(.timeLimit(.minutes(10))) func cancelledWhileChunksArrive() async throws {
    let body = String(repeating: "x", count: 1 << 20)
    let server = try LoopbackServer { _ in LoopbackServer.Response(200, body) }
    defer { server.stop() }
    let transport = CurlTransport()
    let request = HTTPRequest(method: "GET", url: "http://127.0.0.1:\(server.port)/")
    var whole: Duration = .milliseconds(500)
    for _ in 0..<3 {
      whole = min(
        whole,
        try await ContinuousClock().measure {
          for try await _ in try await transport.stream(request).chunks {}
        })
    }
    var seen = 0
    for round in 0..<60 {
      seen += await withTaskGroup(of: Int.self) { group in
        for _ in 0..<4 {
          group.addTask {
            var count = 0
            guard let stream = try? await transport.stream(request) else { return 0 }
            do {
              for try await chunk in stream.chunks { count += chunk.count }
            } catch {}
            return count
          }
        }
        // Sooner and later, so that the cancellation meets every moment of a transfer, however fast the machine is.
        try? await Task.sleep(for: whole * round / 60)
        group.cancelAll()
        return await group.reduce(0, +)
      }
    }
    #expect(seen > 0)
    #expect(seen < 240 * body.utf8.count, "none was cancelled")
  }
}
