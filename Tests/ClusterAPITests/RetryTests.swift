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
  static func busy(_ wait: Duration) -> RetrySchedule {
    var schedule = RetrySchedule.transient
    schedule.serverWait = wait
    return schedule
  }
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
    Case(
      name: "503 with Retry-After", error: refused(503, retryAfter: .seconds(7)),
      decisions: Array(repeating: .retry(busy(.seconds(7)), .transient), count: 3) + [.lookFirst(.transient)]),
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
    Case(
      name: "quota race, told by its message",
      error: refused(409, "Conflict", "Operation cannot be fulfilled on resourcequotas \"small\""),
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
    Case(
      name: "an answer that is none", error: .notUnderstood("half a page"),
      decisions: Array(repeating: .giveUp(.other), count: 3) + [.lookFirst(.transient)]),
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

  @Test func `what says which version it is for is repeated, what would hit whatever stands there is not`() async throws
  {
    let patch: Value = ["spec": ["replicas": 1]]
    let pinned: Value = ["metadata": ["resourceVersion": "7"], "spec": ["replicas": 1]]
    let script = ScriptedCluster.State(
      writes: [.failure(reset), .success(made)], deletes: [.failure(reset), .success(.gone)])
    let loose = ScriptedCluster(script)
    await #expect(throws: reset) {
      try await retrying(loose, ManualClock()).patch(PatchRequest(patch, .merge, to: target))
    }
    await #expect(throws: reset) { try await retrying(loose, ManualClock()).delete(DeleteRequest(target, uid: nil)) }
    #expect(loose.calls == ["patch", "delete"])
    let guarded = ScriptedCluster(script)
    _ = try await retrying(guarded, ManualClock()).patch(PatchRequest(pinned, .merge, to: target))
    #expect(guarded.calls == ["patch", "patch"])
    // A review has no name, and changes nothing.
    let reviews = ResourceType(
      groupVersion: GroupVersion(group: "authorization.k8s.io", version: "v1"), kind: "SelfSubjectAccessReview",
      plural: "selfsubjectaccessreviews", isNamespaced: false)
    let asked = ScriptedCluster(script)
    _ = try await retrying(asked, ManualClock()).create(
      CreateRequest(["kind": "SelfSubjectAccessReview"], in: reviews.collection(in: nil)))
    #expect(asked.calls == ["create", "create"])
  }

  @Test func `what follows an attempt that may have been done may have been done`() async throws {
    let refusals: [ClusterError] = [
      .refused(APIStatus(code: 409)), .withheld(),
      .unreachable(TransportError(.refused, "refused", mayHaveTakenEffect: false)),
    ]
    for refusal in refusals {
      for isUncertain in [true, false] {
        let first = ClusterError.unreachable(TransportError(.reset, "reset", mayHaveTakenEffect: isUncertain))
        let script = [.failure(first)] + Array(repeating: Result<WriteResult, ClusterError>.failure(refusal), count: 99)
        let cluster = retrying(ScriptedCluster(.init(writes: script)), ManualClock())
        do throws(ClusterError) {
          _ = try await cluster.apply(ApplyRequest(["kind": "ConfigMap"], to: target))
          Issue.record("\(refusal) was no failure")
        } catch {
          #expect(error.mayHaveTakenEffect == isUncertain, "\(refusal)")
        }
      }
    }
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

  /// Tries once where the server is taken for gone, and for two minutes where it has shown life.
  private func tries(_ cluster: RetryingCluster<ManualClock>, _ clock: ManualClock) async -> Duration {
    let begin = clock.now
    _ = try? await cluster.get(target)
    return begin.duration(to: clock.now)
  }

  @Test func `a server that is gone is gone for every call, until it answers`() async throws {
    let script = ScriptedCluster(.init(gets: Array(repeating: .failure(reset), count: 100)))
    let clock = ManualClock()
    let cluster = retrying(script, clock)
    #expect(await tries(cluster, clock) >= .seconds(120))
    #expect(await tries(cluster, clock) == .zero)
    // What is known without the server is no sign of life.
    #expect(try await cluster.versions(of: "apps") == ["v1"])
    #expect(await tries(cluster, clock) == .zero)
    // A refusal is one.
    script.state.withLock { $0.gets.insert(.failure(.refused(APIStatus(code: 404))), at: 0) }
    #expect(await tries(cluster, clock) == .zero)
    #expect(await tries(cluster, clock) >= .seconds(120))
    // Nobody has asked for a while: it may have been there.
    clock.advance(by: .seconds(200))
    #expect(await tries(cluster, clock) >= .seconds(120))
  }

  @Test func `a server that was gone for long and is busy now is waited for`() async throws {
    let busy = ClusterError.refused(APIStatus(code: 429))
    let script = ScriptedCluster(.init(gets: Array(repeating: .failure(reset), count: 40)))
    let clock = ManualClock()
    let cluster = retrying(script, clock)
    while clock.now.offset < .seconds(700) {
      _ = await tries(cluster, clock)
      clock.advance(by: .seconds(60))
    }
    script.state.withLock { $0.gets = [.failure(busy), .success("x")] }
    #expect(try await cluster.get(target) == "x")
  }

  @Test func `leave is asked before whatever changes something, and for nothing else`() async throws {
    let script = ScriptedCluster(
      .init(writes: Array(repeating: .success(made), count: 9), deletes: Array(repeating: .success(.gone), count: 3)))
    let closed = Mutex(true)
    let asked = Mutex(0)
    let cluster = script.guarded { () async throws(ClusterError) in
      asked.withLock { $0 += 1 }
      if closed.withLock({ $0 }) { throw ClusterError.withheld() }
    }
    func all(dryRun: Bool) async -> [Bool] {
      let object: Value = ["kind": "ConfigMap", "metadata": ["name": "a"]]
      let (target, dryRun) = (target, dryRun)
      let calls: [() async throws -> Void] = [
        { _ = try await cluster.apply(ApplyRequest(object, to: target, dryRun: dryRun)) },
        { _ = try await cluster.create(CreateRequest(object, in: target.collection, dryRun: dryRun)) },
        { _ = try await cluster.patch(PatchRequest(object, .merge, to: target, dryRun: dryRun)) },
        { _ = try await cluster.delete(DeleteRequest(target, uid: "u", dryRun: dryRun)) },
      ]
      var passed: [Bool] = []
      for call in calls { passed.append((try? await call()) != nil) }
      return passed
    }
    #expect(await all(dryRun: false) == [false, false, false, false])
    #expect(script.calls.isEmpty && asked.withLock { $0 } == 4)
    #expect(await all(dryRun: true) == [true, true, true, true])
    #expect(asked.withLock { $0 } == 4)
    closed.withLock { $0 = false }
    #expect(await all(dryRun: false) == [true, true, true, true])
    #expect(asked.withLock { $0 } == 8)
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
