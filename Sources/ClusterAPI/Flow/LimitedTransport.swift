internal import Synchronization

/// A transport that keeps the number of requests under way within a window that it learns. Streams are not counted: a
/// watch is under way for minutes and costs the server little.
package final class LimitedTransport<C: Clock>: HTTPTransport where C.Duration == Duration {
  private typealias Turn = CheckedContinuation<ConcurrencyWindow.Ticket?, Never>

  private struct State {
    var window: ConcurrencyWindow
    /// Who waits for room, in the order of coming.
    var waiters: [(id: Int, label: String, turn: Turn)] = []
    var nextID = 0
    /// Waiters whose task was cancelled before they came to wait.
    var cancelled: Set<Int> = []
  }

  private let base: any HTTPTransport
  private let clock: C
  private let state: Mutex<State>

  package init(_ base: any HTTPTransport, clock: C, window: ConcurrencyWindow = .init()) {
    self.base = base
    self.clock = clock
    state = Mutex(State(window: window))
  }

  /// The window as it is now.
  package var window: ConcurrencyWindow { state.withLock { $0.window } }

  package func stream(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponseStream {
    try await base.stream(request)
  }

  package func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse {
    let ticket = try await enter(request.label)
    let start = clock.now
    do throws(TransportError) {
      let response = try await base.send(request)
      leave(ticket, response.status == 429 ? .throttled : .answered(in: start.duration(to: clock.now)))
      return response
    } catch {
      leave(ticket, .failed)
      throw error
    }
  }

  private func enter(_ label: String) async throws(TransportError) -> ConcurrencyWindow.Ticket {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    let ticket = await withTaskCancellationHandler {
      await withCheckedContinuation { turn in
        wait(id, label, turn)
      }
    } onCancel: {
      cancel(id)
    }
    state.withLock { _ = $0.cancelled.remove(id) }
    guard let ticket else { throw TransportError(.cancelled, "cancelled", mayHaveTakenEffect: false) }
    return ticket
  }

  private func wait(_ id: Int, _ label: String, _ turn: Turn) {
    let answer = state.withLock { state -> ConcurrencyWindow.Ticket?? in
      if state.cancelled.contains(id) { return .some(nil) }
      if state.window.hasRoom, state.waiters.isEmpty { return .some(state.window.begin(label)) }
      state.waiters.append((id, label, turn))
      return .none
    }
    if let answer { turn.resume(returning: answer) }
  }

  private func cancel(_ id: Int) {
    let turn = state.withLock { state -> Turn? in
      if let i = state.waiters.firstIndex(where: { $0.id == id }) { return state.waiters.remove(at: i).turn }
      state.cancelled.insert(id)
      return nil
    }
    turn?.resume(returning: nil)
  }

  private func leave(_ ticket: ConcurrencyWindow.Ticket, _ outcome: ConcurrencyWindow.Outcome) {
    let next = state.withLock { state -> [(Turn, ConcurrencyWindow.Ticket)] in
      state.window.end(ticket, outcome)
      var next: [(Turn, ConcurrencyWindow.Ticket)] = []
      while state.window.hasRoom, !state.waiters.isEmpty {
        let waiter = state.waiters.removeFirst()
        next.append((waiter.turn, state.window.begin(waiter.label)))
      }
      return next
    }
    for (turn, ticket) in next { turn.resume(returning: ticket) }
  }
}
