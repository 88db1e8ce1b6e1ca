import ClusterAPI
import KubernetesModel
import Rehearsal
import Sandbox
import TestSupport
import Testing

@testable import ApplyEngine

@Suite struct RunLockTests {
  private let sandbox = LiveCluster()
  private let clock = ManualClock()

  private func lock(
    _ holder: String, clock other: ManualClock? = nil, seconds: Int = 30
  ) -> RunLock<ManualClock> {
    RunLock(
      "rolloutc-shop", namespace: "default",
      as: LeaseRecord(
        holder: holder, who: "\(holder)@host, pid 1", run: "run-\(holder)", planHash: "p", step: "1",
        durationSeconds: seconds),
      in: InProcessTransport.cluster(sandbox), clock: other ?? clock,
      // A wall clock that says the same for ever: nothing may depend on it.
      wallTime: { "2026-01-01T00:00:00.000000Z" })
  }

  private func error(_ body: () async throws(LockError) -> Void) async -> LockError? {
    do throws(LockError) {
      try await body()
      return nil
    } catch {
      return error
    }
  }

  /// How many have held the lease.
  private var holders: Int? {
    get async {
      let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/rolloutc-shop"
      return await sandbox.respond(to: APIRequest("GET", path)).value?.at("spec", "leaseTransitions")?.int
    }
  }

  private func holder(_ error: LockError?) -> String? {
    switch error {
    case .held(let record), .lost(let record?): record.holder
    case .lost(nil), .stale, .cluster, nil: nil
    }
  }

  @Test func oneHoldsItAndSaysWho() async throws {
    let (a, b) = (lock("a"), lock("b"))
    try await a.acquire()
    try await a.verify()
    guard case .held(let record) = await error({ () async throws(LockError) in try await b.acquire() }) else {
      Issue.record("two hold the lock")
      return
    }
    #expect(record.who == "a@host, pid 1" && record.run == "run-a" && record.step == "1")
    try await a.renew(step: "2")
    try await a.release()
    try await b.acquire()
    #expect(await holders == 2)
    #expect(await error { () async throws(LockError) in try await a.verify() } == .stale)
  }

  @Test("a dead holder's lease is taken after one whole duration without a change, on our own clock")
  func expiry() async throws {
    let (a, b) = (lock("a", clock: ManualClock()), lock("b"))
    try await a.acquire()
    #expect(holder(await error { () async throws(LockError) in try await b.acquire() }) == "a")
    clock.advance(by: .seconds(29))
    // A sign of life begins the wait anew.
    try await a.renew(step: "3")
    #expect(holder(await error { () async throws(LockError) in try await b.acquire() }) == "a")
    clock.advance(by: .seconds(29))
    #expect(holder(await error { () async throws(LockError) in try await b.acquire() }) == "a")
    clock.advance(by: .seconds(1))
    try await b.acquire()
    #expect(await holders == 2)
    // The old holder, back from its long sleep, is fenced off.
    #expect(holder(await error { () async throws(LockError) in try await a.verify() }) == "b")
    #expect(await error { () async throws(LockError) in try await a.check() } == .stale)
  }

  @Test("of two terms the longer one counts; and who has it takes it again at once")
  func terms() async throws {
    try await lock("a", clock: ManualClock()).acquire()
    try await lock("a").acquire()
    let patient = lock("b", seconds: 60)
    #expect(holder(await error { () async throws(LockError) in try await patient.acquire() }) == "a")
    clock.advance(by: .seconds(59))
    #expect(holder(await error { () async throws(LockError) in try await patient.acquire() }) == "a")
    clock.advance(by: .seconds(1))
    try await patient.acquire()
    let hasty = lock("c", seconds: 1)
    #expect(holder(await error { () async throws(LockError) in try await hasty.acquire() }) == "b")
    clock.advance(by: .seconds(59))
    #expect(holder(await error { () async throws(LockError) in try await hasty.acquire() }) == "b")

    // The clocks on the walls are a reason to look for a while, by the same term.
    let record = LeaseRecord(
      holder: "a", who: "a", run: "a", planHash: "p", step: "1", renewTime: "2026-01-01T00:00:00.000000Z")
    #expect(record.isOverdue(at: "2026-01-01T00:00:31.000000Z"))
    #expect(!record.isOverdue(at: "2026-01-01T00:00:30.000000Z"))
    #expect(!record.isOverdue(at: "2026-01-01T00:01:00.000000Z", leaseSeconds: 60))
  }

  @Test("a person takes the lock from the run that they name, and not from one that shows life meanwhile")
  func unlocked() async throws {
    let a = lock("a")
    let renewing = RequestHook { request in if request.label == "patch" { try? await a.renew(step: "2") } }
    func keeper(_ hook: RequestHook? = nil) -> LockKeeper {
      let transport = InProcessTransport(sandbox: sandbox)
      return LockKeeper(
        plan: "shop", namespace: "default",
        in: APIClient(
          endpoint: ClusterEndpoint(server: "http://sandbox"), credentials: FixedCredentials(Credentials()),
          transport: hook.map { HookedTransport(base: transport, hook: $0) as any HTTPTransport } ?? transport))
    }
    func unlock(_ keeper: LockKeeper, _ run: String) async -> LockKeeper.UnlockError? {
      do throws(LockKeeper.UnlockError) {
        try await keeper.unlock(run: run)
        return nil
      } catch {
        return error
      }
    }
    #expect(await unlock(keeper(), "run-a") == .free)
    try await a.acquire()
    #expect(try await keeper().holder()?.run == "run-a")
    guard case .heldByAnother(let other) = await unlock(keeper(), "run-b") else {
      Issue.record("it was taken from a run that nobody named")
      return
    }
    #expect(other.run == "run-a")
    guard case .alive = await unlock(keeper(renewing), "run-a") else {
      Issue.record("it was taken from a run that lives")
      return
    }
    try await a.verify()
    #expect(await unlock(keeper(), "run-a") == nil)
    #expect(try await keeper().holder() == nil)
    #expect(await error { () async throws(LockError) in try await a.verify() } != nil)
    try await lock("b").acquire()
  }

  @Test("a holder that could not renew stops writing before others may take over")
  func staleness() async throws {
    let a = lock("a")
    try await a.acquire()
    clock.advance(by: .seconds(19))
    try await a.check()
    clock.advance(by: .seconds(1))
    #expect(await error { () async throws(LockError) in try await a.check() } == .stale)
    try await a.renew()
    try await a.check()
  }

  @Test("after a time without a connection it is renewed before the next write, unless somebody took it")
  func ensured() async throws {
    let a = lock("a")
    try await a.acquire()
    clock.advance(by: .seconds(1000))
    try await a.ensure()
    try await a.check()
    let b = lock("b")
    _ = await error { () async throws(LockError) in try await b.acquire() }
    clock.advance(by: .seconds(30))
    try await b.acquire()
    #expect(holder(await error { () async throws(LockError) in try await a.ensure() }) == "b")
  }

  @Test("renewals of two tasks at once do not take the lock from each other")
  func concurrentRenewals() async throws {
    let a = lock("a")
    try await a.acquire()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for step in 0..<4 { group.addTask { try await a.renew(step: "\(step)") } }
      try await group.waitForAll()
    }
    try await a.verify()
    try await a.release()
  }

  @Test("a lease that could not be made is not lost: there was none")
  func notMade() async throws {
    let cluster = InProcessTransport.cluster(sandbox, requests: RequestBudget(writes: 0))
    let a = RunLock(
      "rolloutc-shop", namespace: "default",
      as: LeaseRecord(holder: "a", who: "a", run: "a", planHash: "p", step: "1"), in: cluster, clock: clock,
      wallTime: { "2026-01-01T00:00:00.000000Z" })
    guard case .cluster = await error({ () async throws(LockError) in try await a.acquire() }) else {
      Issue.record("a failure of the server is taken for somebody's hold")
      return
    }
  }

  @Test("of many that take an expired lease at once, one gets it")
  func race() async throws {
    try await lock("dead").acquire()
    let takers = (0..<8).map { lock("t\($0)") }
    for taker in takers { _ = await error { () async throws(LockError) in try await taker.acquire() } }
    clock.advance(by: .seconds(30))
    let won = await withTaskGroup(of: Bool.self) { group in
      for taker in takers {
        group.addTask {
          do {
            try await taker.acquire()
            return true
          } catch {
            return false
          }
        }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(won == 1)
  }

  @Test func aLeaseThatWasDeletedIsLost() async throws {
    let a = lock("a")
    try await a.acquire()
    _ = await sandbox.respond(
      to: APIRequest("DELETE", "/apis/coordination.k8s.io/v1/namespaces/default/leases/rolloutc-shop"))
    #expect(await error { () async throws(LockError) in try await a.renew() } == .lost(to: nil))
    #expect(await error { () async throws(LockError) in try await a.verify() } != nil)
  }
}
