import ClusterAPI
import KubernetesModel
import Synchronization

@testable import ApplyEngine

/// One of the requests of a run that look the same: the first is number 0.
struct RequestOccurrence: Hashable, Sendable, CustomStringConvertible {
  var identity: String
  var number: Int

  var description: String { number == 0 ? identity : "\(identity), time \(number + 1)" }
}

/// Which requests of a run meet which fault, and everything that was asked.
final class FaultScript: Sendable {
  enum Strikes: Sendable {
    case never
    /// So many of the requests that can meet it, from this one on.
    case requests(from: Int, count: Int)
    /// One, whatever else was asked before it: a run in real time asks some things more or less often than another.
    case occurrence(RequestOccurrence)
    /// Everything, for a time, from this request on.
    case outage(from: Int, Duration)
  }

  private struct State {
    var marks: [RequestMark] = []
    var occurrences: [RequestOccurrence] = []
    var counts: [String: Int] = [:]
    var hits = 0
    var outageBegan: RunClock.Instant?
    var lists: [String: HTTPResponse] = [:]
  }

  let fault: Fault?
  private let strikes: Strikes
  private let state = Mutex(State())

  init(_ fault: Fault? = nil, _ strikes: Strikes = .never) {
    self.fault = fault
    self.strikes = strikes
  }

  var marks: [RequestMark] { state.withLock { $0.marks } }
  /// Which one of its like each of them is.
  var occurrences: [RequestOccurrence] { state.withLock { $0.occurrences } }
  /// How many requests of each identity there were.
  var counts: [String: Int] { state.withLock { $0.counts } }
  var hits: Int { state.withLock { $0.hits } }

  /// Nil where the request goes its way.
  func fault(for request: HTTPRequest, isWatch: Bool, at now: RunClock.Instant) -> Fault? {
    let mark = RequestMark(request, isWatch: isWatch)
    return state.withLock { state in
      let index = state.marks.count
      state.marks.append(mark)
      let identity = mark.identity
      let occurrence = RequestOccurrence(identity: identity, number: state.counts[identity, default: 0])
      state.occurrences.append(occurrence)
      state.counts[identity] = occurrence.number + 1
      guard let fault, fault.strikes(mark) else { return nil }
      switch strikes {
      case .never: return nil
      case .requests(let first, let count):
        guard index >= first, state.hits < count else { return nil }
      case .occurrence(let wanted):
        guard occurrence == wanted else { return nil }
      case .outage(let first, let length):
        guard index >= first else { return nil }
        let began = state.outageBegan ?? now
        state.outageBegan = began
        guard began.duration(to: now) < length else { return nil }
      }
      state.hits += 1
      return fault
    }
  }

  /// The answer to this list when it was asked for before; this one's from now on.
  func former(_ url: String, now response: HTTPResponse) -> HTTPResponse? {
    state.withLock { state in
      defer { state.lists[url] = response }
      return state.lists[url]
    }
  }
}

/// Stands between a client and its server, and spoils what the script says.
struct FaultyTransport: HTTPTransport {
  let base: any HTTPTransport
  let script: FaultScript
  let clock: RunClock

  func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse {
    guard let fault = script.fault(for: request, isWatch: false, at: clock.now) else {
      let response = try await base.send(request)
      if request.label == "list" { _ = script.former(request.url, now: response) }
      return response
    }
    switch fault.kind {
    case .lost(let kind, let reaches, let isSure):
      if reaches { _ = try await base.send(request) }
      // A time-out takes its time.
      if kind == .timeout, let timeout = request.timeout { await sleep(timeout) }
      throw TransportError(kind, "injected: \(fault.name)", mayHaveTakenEffect: !isSure)
    case .answered(let code, let body, let retryAfter, let reaches):
      if reaches { _ = try await base.send(request) }
      return answer(code, body, retryAfter)
    case .garbled(let change):
      var response = try await base.send(request)
      response.body = change(response.body)
      return response
    case .late(let delay):
      let response = try await base.send(request)
      // The client gives up at its own limit; what it asked for was done.
      if let timeout = request.timeout, timeout < delay {
        await sleep(timeout)
        throw TransportError(.timeout, "injected: \(fault.name)", mayHaveTakenEffect: true)
      }
      await sleep(delay)
      return response
    case .stale:
      let response = try await base.send(request)
      return script.former(request.url, now: response) ?? response
    case .toldDone:
      let response = try await base.send(request)
      return response.status == 200
        ? answer(200, ["kind": "Status", "apiVersion": "v1", "status": "Success"], nil) : response
    case .watch: return try await base.send(request)
    }
  }

  func stream(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponseStream {
    guard let fault = script.fault(for: request, isWatch: true, at: clock.now) else {
      return try await base.stream(request)
    }
    switch fault.kind {
    case .lost(let kind, _, let isSure):
      throw TransportError(kind, "injected: \(fault.name)", mayHaveTakenEffect: !isSure)
    case .answered(let code, let body, let retryAfter, _):
      let response = answer(code, body, retryAfter)
      let (chunks, continuation) = AsyncStream<Result<[UInt8], TransportError>>.makeStream()
      continuation.yield(.success(response.body))
      continuation.finish()
      return HTTPResponseStream(head: response.head, chunks: ByteChunks(chunks))
    case .garbled, .late, .stale, .toldDone: return try await base.stream(request)
    case .watch(let watch):
      var stream = try await base.stream(request)
      let spoiled = SpoiledEvents(stream.chunks, watch, idle: request.idleTimeout ?? .seconds(90), clock)
      stream.chunks = ByteChunks(AsyncStream { await spoiled.next() })
      return stream
    }
  }

  private func answer(_ code: Int, _ body: Value, _ retryAfter: Int?) -> HTTPResponse {
    var headers: HTTPHeaders = ["Content-Type": "application/json"]
    if let retryAfter { headers.add("Retry-After", String(retryAfter)) }
    return HTTPResponse(
      head: HTTPResponseHead(status: code, headers: headers),
      body: body.string.map { Array($0.utf8) } ?? jsonBytes(body))
  }

  private func sleep(_ duration: Duration) async { try? await clock.sleep(for: duration) }
}

/// The events of one watch, spoiled on their way. Everything happens in the task that reads.
private actor SpoiledEvents {
  private typealias Piece = Result<[UInt8], TransportError>

  private var chunks: ByteChunks.Iterator?
  private let fault: WatchFault
  private let idle: Duration
  private let clock: RunClock
  private let begin: RunClock.Instant
  private var framer = LineFramer()
  /// To be read before anything else.
  private var waiting: [Piece] = []
  private var events = 0
  private var former: [UInt8]?

  init(_ chunks: ByteChunks, _ fault: WatchFault, idle: Duration, _ clock: RunClock) {
    self.chunks = chunks.makeAsyncIterator()
    self.fault = fault
    self.idle = idle
    self.clock = clock
    begin = clock.now
  }

  func next() async -> Result<[UInt8], TransportError>? {
    while true {
      if !waiting.isEmpty { return waiting.removeFirst() }
      guard chunks != nil else { return nil }
      switch fault {
      case .endsAtOnce: return end()
      case .silent:
        try? await clock.sleep(for: idle)
        return end(.failure(TransportError(.stalled, "injected: silence", mayHaveTakenEffect: true)))
      case .breaks(after: events):
        return end(.failure(TransportError(.reset, "injected: broken", mayHaveTakenEffect: true)))
      case .errorEvent(let code, let reason, after: events):
        let status: Value = [
          "type": "ERROR",
          "object": [
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": .int(code), "reason": .string(reason),
            "message": "injected",
          ],
        ]
        return end(.success(jsonBytes(status) + [0x0a]))
      case .garbageLine where events == 0:
        events += 1
        return .success(Array("<html>\n".utf8))
      default: break
      }
      guard let lines = await lines() else { return end() }
      for line in lines { spoil(line) }
    }
  }

  /// Gives `last` as the last piece, and lets go of the watch.
  private func end(_ last: Piece? = nil) -> Piece? {
    chunks = nil
    return last
  }

  /// Nil at the end.
  private func lines() async -> [[UInt8]]? {
    var chunk: [UInt8]?
    if case .endsAfter(let limit) = fault {
      let rest = limit - begin.duration(to: clock.now)
      guard rest > .zero, let next = await first(within: rest) else { return nil }
      chunk = next
    } else {
      chunk = await read()
    }
    return chunk.flatMap { try? framer.lines(after: $0) }
  }

  private func read() async -> [UInt8]? {
    guard var iterator = chunks else { return nil }
    do throws(TransportError) {
      let chunk = try await iterator.next(isolation: self)
      if chunks != nil { chunks = iterator }
      return chunk
    } catch {
      return nil
    }
  }

  private func first(within limit: Duration) async -> [UInt8]? {
    let clock = clock
    return await withTaskGroup(of: [UInt8]?.self) { group in
      group.addTask { await self.read() }
      group.addTask {
        try? await clock.sleep(for: limit)
        return nil
      }
      let result = await group.next() ?? nil
      group.cancelAll()
      return result
    }
  }

  private func spoil(_ line: [UInt8]) {
    events += 1
    let whole = line + [0x0a]
    switch fault {
    case .cutLine:
      waiting.append(.success(Array(line.prefix(line.count / 2))))
      chunks = nil
    case .hugeLine: waiting.append(.success(Array(repeating: 0x20, count: 256 << 10) + whole))
    case .drips:
      var rest = whole[...]
      while !rest.isEmpty {
        waiting.append(.success(Array(rest.prefix(61))))
        rest = rest.dropFirst(61)
      }
    case .noBookmarks:
      if !String(decoding: line.prefix(40), as: UTF8.self).contains("BOOKMARK") { waiting.append(.success(whole)) }
    case .twice: waiting += [.success(whole), .success(whole)]
    case .replays: waiting += [.success(whole)] + (former.map { [.success($0), .success(whole)] } ?? [])
    case .endsAtOnce, .silent, .endsAfter, .breaks, .errorEvent, .garbageLine: waiting.append(.success(whole))
    }
    former = whole
  }
}
