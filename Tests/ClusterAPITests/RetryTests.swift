import ClusterAPI
import KubernetesModel
import Synchronization
import TestSupport
import Testing

@Suite struct RetryDecisionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var error: ClusterError
    /// read, apply, pinnedDelete, unrepeatable.
    var decisions: [RetryDecision]
    var testDescription: String { name }
  }

  static func refused(
    _ code: Int, _ reason: String = "", _ message: String = "", causes: [APIStatus.Cause] = [], kind: String = "",
    retryAfter: Duration? = nil
  ) -> ClusterError {
    .refused(
      APIStatus(code: code, reason: reason, message: message, causes: causes, kind: kind, retryAfter: retryAfter))
  }

  static func all(_ decision: RetryDecision) -> [RetryDecision] { Array(repeating: decision, count: 4) }
  static let transient: [RetryDecision] =
    Array(repeating: .retry(.transient, .transient), count: 3) + [.lookFirst(.transient)]
  static func lost(_ kind: TransportError.Kind, sent: Bool) -> ClusterError {
    .unreachable(TransportError(kind, "x", mayHaveTakenEffect: sent))
  }

  static let cases: [Case] = [
    Case(
      name: "429 with Retry-After", error: refused(429, retryAfter: .seconds(7)),
      decisions: all(.retry(.throttled(.seconds(7)), .throttled))),
    Case(name: "429", error: refused(429), decisions: all(.retry(.throttled(nil), .throttled))),
    Case(
      name: "429 of a disruption budget",
      error: refused(429, causes: [.init(reason: "DisruptionBudget", message: "")]),
      decisions: all(.retry(.throttled(nil), .disruptionBudget))),
    Case(
      name: "webhook",
      error: refused(500, "InternalError", "Internal error occurred: failed calling webhook \"x.example\": EOF"),
      decisions: all(.retry(.webhook, .webhook))),
    Case(name: "500", error: refused(500, "InternalError", "etcdserver: leader changed"), decisions: transient),
    Case(name: "503", error: refused(503), decisions: transient),
    Case(name: "504", error: refused(504, "Timeout"), decisions: transient),
    Case(name: "reset after sending", error: lost(.reset, sent: true), decisions: transient),
    Case(name: "timeout", error: lost(.timeout, sent: true), decisions: transient),
    Case(
      name: "refused connection", error: lost(.refused, sent: false), decisions: all(.retry(.transient, .transient))),
    Case(name: "TLS", error: lost(.tls, sent: false), decisions: all(.giveUp(.unusableConnection))),
    Case(
      name: "field conflict",
      error: refused(
        409, "Conflict",
        causes: [.init(reason: "FieldManagerConflict", message: "conflict with \"kubectl\"", field: ".spec.replicas")]),
      decisions: all(.giveUp(.fieldConflict))),
    Case(
      name: "quota race", error: refused(409, "Conflict", kind: "resourcequotas"),
      decisions: all(.retry(.quota, .quotaRace))),
    Case(name: "version race", error: refused(409, "Conflict"), decisions: all(.giveUp(.versionConflict))),
    Case(
      name: "namespace terminating",
      error: refused(403, "Forbidden", causes: [.init(reason: "NamespaceTerminating", message: "")]),
      decisions: all(.giveUp(.namespaceTerminating))),
    Case(name: "403", error: refused(403, "Forbidden"), decisions: all(.giveUp(.forbidden))),
    Case(name: "404", error: refused(404, "NotFound"), decisions: all(.giveUp(.notFound))),
    Case(name: "410", error: refused(410, "Expired"), decisions: all(.giveUp(.expired))),
    Case(name: "413", error: refused(413), decisions: all(.giveUp(.tooLarge))),
    Case(name: "422", error: refused(422, "Invalid"), decisions: all(.giveUp(.invalid))),
    Case(name: "400", error: refused(400), decisions: all(.giveUp(.badRequest))),
    Case(name: "401", error: refused(401), decisions: all(.refreshCredentials)),
    Case(name: "cancelled", error: .cancelled, decisions: all(.giveUp(.cancelled))),
  ]

  @Test(arguments: cases) func `the taxonomy`(_ row: Case) {
    let calls: [CallClass] = [.read, .apply, .pinnedDelete, .unrepeatable]
    #expect(calls.map { RetryDecision.after(row.error, of: $0) } == row.decisions)
  }

  @Test func `a second 401 is final, and 404 of a new kind is not`() {
    #expect(RetryDecision.after(Self.refused(401), of: .read, hasFreshCredentials: true) == .giveUp(.credentials))
    #expect(RetryDecision.after(Self.refused(404), of: .apply, expectsNewKind: true) == .retry(.newKind, .newKind))
  }

  @Test func `waits grow to the longest, stay within the budget, and never undercut the server`() {
    let waits = (1...8).map { RetrySchedule.transient.wait(before: $0, elapsed: .zero, random: 0) }
    #expect(waits == [500, 1000, 2000, 4000, 8000, 10000, 10000, 10000].map { .milliseconds($0) })
    #expect(RetrySchedule.transient.wait(before: 1, elapsed: .seconds(120), random: 0) == nil)
    #expect(RetrySchedule.quota.wait(before: 6, elapsed: .zero, random: 0) == nil)
    for random in [0, 0.3, 0.99] {
      let wait = RetrySchedule.throttled(.seconds(9)).wait(before: 3, elapsed: .seconds(500), random: random)
      #expect((wait ?? .zero) >= .seconds(9) && (wait ?? .zero) < .seconds(11))
    }
  }
}

@Suite struct RetryingClusterTests {
  let target = configMaps.named("a", in: "x")
  let reset = ClusterError.unreachable(TransportError(.reset, "reset", mayHaveTakenEffect: true))
  let made = WriteResult(object: ["kind": "ConfigMap"], wasCreated: true)

  func retrying(_ cluster: ScriptedCluster, _ clock: ManualClock, told: Told = .init()) -> RetryingCluster<ManualClock>
  {
    RetryingCluster(cluster, clock: clock, random: { 0 }, tell: { call in told.calls.withLock { $0.append(call) } })
  }

  final class Told: Sendable { let calls = Mutex<[RepeatedCall]>([]) }

  @Test func `an apply is repeated, told, and marked`() async throws {
    let cluster = ScriptedCluster(.init(writes: [.failure(reset), .failure(reset), .success(made)]))
    let clock = ManualClock()
    let told = Told()
    let result = try await retrying(cluster, clock, told: told).apply(ApplyRequest(["kind": "ConfigMap"], to: target))
    #expect(result.wasRepeated)
    #expect(clock.sleeps == [.milliseconds(500), .seconds(1)])
    #expect(told.calls.withLock { $0.map(\.call) } == ["apply ConfigMap/a in x", "apply ConfigMap/a in x"])
    #expect(told.calls.withLock { $0.map(\.attempt) } == [1, 2])
  }

  @Test func `a create that may have happened is not repeated`() async throws {
    let cluster = ScriptedCluster(.init(writes: [.failure(reset), .success(made)]))
    await #expect(throws: reset) {
      try await retrying(cluster, ManualClock()).create(
        CreateRequest(["kind": "ConfigMap"], in: configMaps.collection(in: "x")))
    }
    #expect(cluster.calls == ["create"])
  }

  @Test func `a delete that an earlier attempt did is done`() async throws {
    let gone = ClusterError.refused(APIStatus(code: 404))
    let cluster = ScriptedCluster(.init(deletes: [.failure(reset), .failure(gone)]))
    #expect(try await retrying(cluster, ManualClock()).delete(DeleteRequest(target, uid: "u")) == .gone)
    let absent = ScriptedCluster(.init(deletes: [.failure(gone)]))
    await #expect(throws: gone) { try await retrying(absent, ManualClock()).delete(DeleteRequest(target, uid: "u")) }
  }

  @Test func `throttling is waited out, but not for ever`() async throws {
    let busy = ClusterError.refused(APIStatus(code: 429, retryAfter: .seconds(20)))
    let cluster = ScriptedCluster(.init(gets: Array(repeating: .failure(busy), count: 20) + [.success("x")]))
    let clock = ManualClock()
    #expect(try await retrying(cluster, clock).get(target) == "x")
    #expect(clock.sleeps.count == 20)
    let never = ScriptedCluster(.init(gets: Array(repeating: .failure(busy), count: 100)))
    let patient = ManualClock()
    await #expect(throws: busy) { try await retrying(never, patient).get(target) }
    #expect((25...31).contains(patient.sleeps.count), "\(patient.sleeps.count)")
  }

  @Test func `a server that stays away is given up after two minutes`() async throws {
    let cluster = ScriptedCluster(.init(gets: Array(repeating: .failure(reset), count: 100)))
    let clock = ManualClock()
    await #expect(throws: reset) { try await retrying(cluster, clock).get(target) }
    #expect(clock.now.offset >= .seconds(120) && clock.now.offset < .seconds(135))
  }

  @Test func `an expired token is renewed once`() async throws {
    let denied = ClusterError.refused(APIStatus(code: 401))
    let once = ScriptedCluster(.init(gets: [.failure(denied), .success("x")]))
    #expect(try await retrying(once, ManualClock()).get(target) == "x")
    let twice = ScriptedCluster(.init(gets: [.failure(denied), .failure(denied), .success("x")]))
    await #expect(throws: denied) { try await retrying(twice, ManualClock()).get(target) }
  }
}

@Suite struct APIStatusTests {
  @Test(
    arguments: [
      (
        #"conflict with "kubectl" using apps/v1 at 2026-03-01T10:00:00Z"#, "kubectl", nil, "apps/v1",
        "2026-03-01T10:00:00Z"
      ),
      (#"conflict with "kubectl" with subresource "scale" using apps/v1"#, "kubectl", "scale", "apps/v1", nil),
      (#"conflict with "a \"quoted\" one""#, #"a "quoted" one"#, nil, nil, nil),
      (#"conflict with "k" using v1"#, "k", nil, "v1", nil),
      ("something else", "", nil, nil, nil),
      (#"conflict with "unclosed"#, "", nil, nil, nil),
    ] as [(String, String, String?, String?, String?)])
  func `who owns a field`(message: String, manager: String, subresource: String?, version: String?, time: String?) {
    let status = APIStatus(
      code: 409, causes: [.init(reason: "FieldManagerConflict", message: message, field: ".spec.replicas")])
    #expect(
      status.fieldConflicts == [
        FieldConflict(
          field: ".spec.replicas", manager: manager, subresource: subresource, apiVersion: version, time: time)
      ])
  }

  @Test func `nothing secret is left in a status`() {
    let status = APIStatus(
      code: 422, message: "Invalid value: \"hunter2\"", causes: [.init(reason: "x", message: "hunter2 and hunter2")])
    let masked = status.masking(["hunter2"])
    #expect(!"\(masked)".contains("hunter2"))
  }

  @Test func `a secret shows in no way of printing`() {
    let secret = Secret("hunter2")
    var text = "\(secret) \(String(reflecting: secret)) "
    dump(secret, to: &text)
    dump(ClusterConnection.Authentication.token(secret), to: &text)
    dump(Credentials(authorization: secret), to: &text)
    #expect(!text.contains("hunter2"), "\(text)")
  }
}
