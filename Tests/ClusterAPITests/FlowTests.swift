import ClusterAPI
import Synchronization
import TestSupport
import Testing

@Suite struct ConcurrencyWindowTests {
  /// Runs rounds of a full window whose answers take `latency`.
  func run(_ window: inout ConcurrencyWindow, rounds: Int, latency: Duration, label: String = "get") {
    for _ in 0..<rounds {
      let tickets = (0..<window.size).map { _ in window.begin(label) }
      for ticket in tickets { window.end(ticket, .answered(in: latency)) }
    }
  }

  @Test func `one more for each full round, up to the cap`() {
    var window = ConcurrencyWindow()
    #expect(window.size == 8)
    run(&window, rounds: 1, latency: .milliseconds(5))
    #expect(window.size == 9)
    run(&window, rounds: 100, latency: .milliseconds(5))
    #expect(window.size == 32)
  }

  @Test func `a 429 halves it once, however many of that burst come`() {
    var window = ConcurrencyWindow(size: 16)
    let tickets = (0..<16).map { _ in window.begin("get") }
    for ticket in tickets { window.end(ticket, .throttled) }
    #expect(window.size == 8)
    #expect(window.underWay == 0)
    for _ in 0..<10 { window.end(window.begin("get"), .throttled) }
    #expect(window.size == 1)
    // From one it can grow again.
    run(&window, rounds: 5, latency: .milliseconds(5))
    #expect(window.size == 6)
  }

  @Test func `answers three times as slow as the best halve it, small differences do not`() {
    var window = ConcurrencyWindow(size: 16)
    run(&window, rounds: 4, latency: .milliseconds(40))
    let before = window.size
    run(&window, rounds: 6, latency: .milliseconds(400))
    #expect(window.size < before)
    var fast = ConcurrencyWindow(size: 16)
    run(&fast, rounds: 4, latency: .milliseconds(2))
    run(&fast, rounds: 4, latency: .milliseconds(30))
    #expect(fast.size == 24)
  }

  @Test func `a slow kind of request is not compared with a fast one`() {
    var window = ConcurrencyWindow(size: 16)
    for _ in 0..<10 {
      run(&window, rounds: 1, latency: .milliseconds(5), label: "get")
      run(&window, rounds: 1, latency: .milliseconds(900), label: "list")
    }
    #expect(window.size == 32)
  }

  @Test func `what is not used does not grow`() {
    var window = ConcurrencyWindow()
    for _ in 0..<200 { window.end(window.begin("get"), .answered(in: .milliseconds(5))) }
    #expect(window.size == 8)
  }

  @Test(arguments: 0..<20) func `whatever happens it stays within its bounds`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var window = ConcurrencyWindow()
    var tickets: [ConcurrencyWindow.Ticket] = []
    for _ in 0..<5000 {
      if window.hasRoom, Bool.random(using: &random) {
        tickets.append(window.begin(Bool.random(using: &random) ? "a" : "b"))
      } else if let i = tickets.indices.randomElement(using: &random) {
        let ticket = tickets.remove(at: i)
        let outcomes: [ConcurrencyWindow.Outcome] = [
          .answered(in: .milliseconds(Int.random(in: 1...3000, using: &random))), .answered(in: .milliseconds(3)),
          .failed,
          .throttled,
        ]
        window.end(ticket, outcomes[Int.random(in: 0..<100, using: &random) / 33])
      }
      #expect((1...32).contains(window.size) && window.underWay == tickets.count, "seed \(seed)")
    }
  }
}

@Suite struct LimitedTransportTests {
  /// Answers when told to; knows how many requests were there at once.
  final class Held: HTTPTransport {
    struct State {
      var here = 0
      var most = 0
      var total = 0
    }
    let state = Mutex(State())
    let status: Int

    init(status: Int = 200) { self.status = status }

    func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse {
      state.withLock { state in
        state.here += 1
        state.total += 1
        state.most = max(state.most, state.here)
      }
      for _ in 0..<20 { await Task.yield() }
      state.withLock { $0.here -= 1 }
      return HTTPResponse(head: HTTPResponseHead(status: status, headers: [:]), body: [])
    }

    func stream(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponseStream {
      throw TransportError(.other, "none", mayHaveTakenEffect: false)
    }
  }

  @Test func `never more than the window, and all are answered`() async throws {
    let held = Held()
    let limited = LimitedTransport(held, clock: ContinuousClock())
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<500 { group.addTask { _ = try await limited.send(HTTPRequest(url: "http://x")) } }
      try await group.waitForAll()
    }
    let state = held.state.withLock { $0 }
    #expect(state.total == 500 && state.most <= 32)
    #expect(limited.window.underWay == 0)
  }

  @Test func `those whose task is cancelled give up their place`() async throws {
    let held = Held(status: 429)
    let limited = LimitedTransport(held, clock: ContinuousClock())
    await withTaskGroup(of: Void.self) { group in
      for i in 0..<300 {
        group.addTask {
          let task = Task { try await limited.send(HTTPRequest(url: "http://x")) }
          if i % 3 == 0 { task.cancel() }
          _ = await task.result
        }
      }
    }
    #expect(limited.window.underWay == 0 && limited.window.size == 1)
  }
}
