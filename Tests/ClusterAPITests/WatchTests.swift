import ClusterAPI
import KubernetesModel
import TestSupport
import Testing

@Suite struct LineFramerTests {
  /// However a stream is cut, the lines are the same.
  @Test(arguments: [1, 2, 3, 5, 7, 64, 4096])
  func `lines do not depend on where the chunks are cut`(size: Int) throws {
    let texts = ["{\"a\":\"é😀\"}", "", "x", String(repeating: "ü", count: 5000), "last\r"]
    let bytes = Array(texts.joined(separator: "\n").utf8) + [0x0a]
    var framer = LineFramer()
    var lines: [String] = []
    var start = 0
    while start < bytes.count {
      let end = min(start + size, bytes.count)
      lines += try framer.lines(after: Array(bytes[start..<end])).map { String(decoding: $0, as: UTF8.self) }
      start = end
    }
    #expect(lines == ["{\"a\":\"é😀\"}", "x", String(repeating: "ü", count: 5000), "last"])
    #expect(try framer.lines(after: [0x0a]).isEmpty, "nothing is left over")
  }

  @Test(arguments: 0..<20) func `random cuts give the same lines`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let lines = (0..<50).map { _ in String(repeating: "a", count: Int.random(in: 1...300, using: &random)) }
    let bytes = Array(lines.joined(separator: "\n").utf8) + [0x0a]
    var framer = LineFramer()
    var seen: [String] = []
    var start = 0
    while start < bytes.count {
      let end = min(start + Int.random(in: 1...400, using: &random), bytes.count)
      seen += try framer.lines(after: Array(bytes[start..<end])).map { String(decoding: $0, as: UTF8.self) }
      start = end
    }
    #expect(seen == lines, "seed \(seed)")
  }

  @Test func `a line beyond the limit is refused, with or without its end`() {
    var framer = LineFramer(limit: 10)
    #expect(throws: LineFramer.LineTooLong(limit: 10)) {
      for _ in 0..<3 { _ = try framer.lines(after: Array("aaaaa".utf8)) }
    }
    var other = LineFramer(limit: 10)
    #expect(throws: LineFramer.LineTooLong(limit: 10)) {
      _ = try other.lines(after: Array("aaaaaaaaaaaaaaa\nb\n".utf8))
    }
  }

  /// 8 MiB in one line, in chunks of 16 KiB: a framer that searches or copies all of it each time takes minutes.
  @Test(.timeLimit(.minutes(20))) func `a huge line is not searched again for each chunk`() throws {
    var framer = LineFramer()
    let chunk = [UInt8](repeating: 0x61, count: 1 << 14)
    for _ in 0..<512 { #expect(try framer.lines(after: chunk).isEmpty) }
    #expect(try framer.lines(after: [0x0a]).first?.count == 8 << 20)
  }
}

@Suite struct WatchStreamTests {
  @Test func `events come out of bytes, one byte at a time`() async throws {
    let text = """
      {"type":"ADDED","object":{"kind":"ConfigMap","metadata":{"name":"ä","resourceVersion":"5"}}}
      {"type":"BOOKMARK","object":{"kind":"ConfigMap","metadata":{"resourceVersion":"9"}}}
      {"type":"DELETED","object":{"kind":"ConfigMap","metadata":{"name":"ä","resourceVersion":"11"}}}
      {"type":"ADDED","object":{"kind":"Conf
      """
    let (stream, continuation) = AsyncStream.makeStream(of: Result<[UInt8], TransportError>.self)
    for byte in text.utf8 { continuation.yield(.success([byte])) }
    continuation.finish()
    var versions: [String?] = []
    for try await event in WatchStream(ByteChunks(stream)) { versions.append(event.resourceVersion) }
    // The event that was cut off did not arrive.
    #expect(versions == ["5", "9", "11"])
  }

  @Test func `an ERROR event is the error it stands for`() async throws {
    let line = """
      {"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version: 1 (5)"}}

      """
    let (stream, continuation) = AsyncStream.makeStream(of: Result<[UInt8], TransportError>.self)
    continuation.yield(.success(Array(line.utf8)))
    var iterator = WatchStream(ByteChunks(stream)).makeAsyncIterator()
    do throws(ClusterError) {
      _ = try await iterator.next()
      Issue.record("no error")
    } catch {
      #expect(error.isExpired)
    }
    // After an error there is nothing more.
    #expect(try await iterator.next() == nil)
  }

  @Test(arguments: ["{", "[]", "{}", #"{"type":"NEW","object":{}}"#, #"{"type":"BOOKMARK","object":{}}"#, "\u{fffd}"])
  func `what is no event is an error`(line: String) {
    #expect(throws: ClusterError.self) { try WatchEvent(line: Array(line.utf8)) }
  }
}

@Suite struct ObservationTests {
  let expired = ClusterError.refused(APIStatus(code: 410, reason: "Expired"))
  let reset = ClusterError.unreachable(TransportError(.reset, "reset", mayHaveTakenEffect: true))

  func changes(
    _ cluster: ScriptedCluster, clock: ManualClock = .init(), count: Int, policy: ObservationPolicy = .init()
  ) async throws -> [ObservedChange] {
    var changes: [ObservedChange] = []
    let observation = CollectionObservation(
      of: configMaps.collection(in: "x"), in: cluster, clock: clock, policy: policy, random: { 0 })
    for try await change in observation {
      changes.append(change)
      if changes.count == count { break }
    }
    return changes
  }

  @Test func `a list, then events, then on from the last version`() async throws {
    let cluster = ScriptedCluster(
      .init(
        lists: [.success(ObjectList(items: [configMap("a", version: "3")], resourceVersion: "10"))],
        watches: [
          .events([.added(configMap("b", version: "11")), .bookmark(resourceVersion: "20")], end: nil),
          .events([.deleted(configMap("b", version: "21"))], end: nil),
        ]))
    let seen = try await changes(cluster, count: 3)
    #expect(
      seen == [
        .listed([configMap("a", version: "3")]), .changed(configMap("b", version: "11")),
        .removed(configMap("b", version: "21")),
      ])
    #expect(cluster.calls == ["list", "watch 10", "watch 20"])
  }

  @Test(arguments: [true, false]) func `410 as an answer or as an event leads to a new list`(inStream: Bool)
    async throws
  {
    let cluster = ScriptedCluster(
      .init(
        lists: [
          .success(ObjectList(items: [], resourceVersion: "10")),
          .success(ObjectList(items: [configMap("a", version: "30")], resourceVersion: "31")),
        ],
        watches: [inStream ? .events([], end: expired) : .refused(expired), .events([], end: nil)]))
    let seen = try await changes(cluster, count: 3)
    #expect(seen == [.listed([]), .note(.relisting), .listed([configMap("a", version: "30")])])
    #expect(cluster.calls == ["list", "watch 10", "list"])
  }

  @Test func `a lost connection keeps the version and backs off longer each time`() async throws {
    let clock = ManualClock()
    let cluster = ScriptedCluster(
      .init(
        lists: [.success(ObjectList(items: [], resourceVersion: "10"))],
        watches: [
          .refused(reset), .refused(reset), .refused(reset),
          .events([.added(configMap("a", version: "11"))], end: reset), .refused(reset),
          .events([.added(configMap("b", version: "12"))], end: nil),
        ]))
    let seen = try await changes(cluster, clock: clock, count: 8)
    #expect(seen.last == .changed(configMap("b", version: "12")))
    #expect(cluster.calls == ["list", "watch 10", "watch 10", "watch 10", "watch 10", "watch 11", "watch 11"])
    // 0.8, 1.6, 3.2, and from the beginning after an event came.
    #expect(
      clock.sleeps == [
        .milliseconds(800), .milliseconds(1600), .milliseconds(3200), .milliseconds(800), .milliseconds(1600),
      ])
  }

  @Test func `a watch that ends at once without an event does not spin`() async throws {
    let clock = ManualClock()
    let cluster = ScriptedCluster(
      .init(
        lists: [.success(ObjectList(items: [], resourceVersion: "10"))],
        watches: Array(repeating: .events([], end: nil), count: 4)))
    _ = try await changes(cluster, clock: clock, count: 4)
    #expect(clock.sleeps.count >= 2)
  }

  @Test func `where no watch lives, lists go on telling`() async throws {
    let lists = (10..<14).map {
      Result<ObjectList, ClusterError>.success(ObjectList(items: [], resourceVersion: "\($0)"))
    }
    let cluster = ScriptedCluster(.init(lists: lists, watches: Array(repeating: .events([], end: nil), count: 4)))
    let seen = try await changes(cluster, clock: ManualClock(), count: 6)
    #expect(seen.count { $0 == .listed([]) } == 3)
    #expect(cluster.calls == ["list", "watch 10", "watch 10", "list", "watch 11", "list"])
  }

  @Test func `without the right to watch it polls, and says so`() async throws {
    let clock = ManualClock()
    let cluster = ScriptedCluster(
      .init(
        lists: (10..<13).map { .success(ObjectList(items: [], resourceVersion: "\($0)")) },
        watches: [.refused(.refused(APIStatus(code: 403, reason: "Forbidden")))]))
    let seen = try await changes(cluster, clock: clock, count: 4)
    #expect(seen == [.listed([]), .note(.polling(every: .seconds(3))), .listed([]), .listed([])])
    #expect(clock.sleeps == [.seconds(3), .seconds(3)])
  }

  @Test func `what polls and is answered again begins its waits anew`() async throws {
    let clock = ManualClock()
    let list = Result<ObjectList, ClusterError>.success(ObjectList(items: [], resourceVersion: "10"))
    let cluster = ScriptedCluster(
      .init(
        lists: [list, .failure(reset), list, .failure(reset), list],
        watches: [.refused(.refused(APIStatus(code: 403, reason: "Forbidden")))]))
    _ = try await changes(cluster, clock: clock, count: 6)
    #expect(clock.sleeps == [.seconds(3), .milliseconds(800), .seconds(3), .milliseconds(800)])
  }

  @Test func `a line that cannot be read leads to a new list`() async throws {
    let cluster = ScriptedCluster(
      .init(
        lists: (10..<12).map { .success(ObjectList(items: [], resourceVersion: "\($0)")) },
        watches: [.events([], end: .notUnderstood("no JSON"))]))
    _ = try await changes(cluster, count: 3)
    #expect(cluster.calls == ["list", "watch 10", "list"])
  }

  @Test func `lists that are too old already do not spin`() async throws {
    let clock = ManualClock()
    let cluster = ScriptedCluster(
      .init(
        lists: [
          .success(ObjectList(items: [], resourceVersion: "10")), .failure(expired),
          .success(ObjectList(items: [], resourceVersion: "11")),
        ], watches: [.refused(expired)]))
    _ = try await changes(cluster, clock: clock, count: 4)
    #expect(clock.sleeps == [.milliseconds(1600)])
  }

  @Test func `Retry-After is obeyed`() async throws {
    let clock = ManualClock()
    let busy = ClusterError.refused(APIStatus(code: 429, retryAfter: .seconds(17)))
    let cluster = ScriptedCluster(
      .init(
        lists: [.failure(busy), .success(ObjectList(items: [], resourceVersion: "10"))], watches: []))
    _ = try await changes(cluster, clock: clock, count: 2)
    #expect(clock.sleeps == [.seconds(17)])
  }

  @Test func `a second 401 in a row ends it, a first does not`() async throws {
    let denied = ClusterError.refused(APIStatus(code: 401))
    let once = ScriptedCluster(
      .init(lists: [.failure(denied), .success(ObjectList(items: [], resourceVersion: "1"))]))
    #expect(try await changes(once, count: 1) == [.listed([])])
    let twice = ScriptedCluster(.init(lists: [.failure(denied), .failure(denied)]))
    await #expect(throws: denied) { _ = try await changes(twice, count: 1) }
  }

  @Test func `a version that is too large leads to a new list`() async throws {
    let ahead = ClusterError.refused(
      APIStatus(
        code: 504, reason: "Timeout",
        causes: [.init(reason: "ResourceVersionTooLarge", message: "Too large resource version")]))
    let cluster = ScriptedCluster(
      .init(
        lists: (1...2).map { .success(ObjectList(items: [], resourceVersion: "\($0)")) }, watches: [.refused(ahead)]))
    #expect(try await changes(cluster, count: 3) == [.listed([]), .note(.relisting), .listed([])])
  }
}
