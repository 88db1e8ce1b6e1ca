import ClusterAPI
import Diagnostics
import KubernetesModel
import Sandbox
import Synchronization
import TestSupport
import Testing

@testable import ApplyEngine

/// A journal that takes so many records, and then no more: the disk is full.
private actor ShortJournal: Journal {
  private var left: Int
  private(set) var records = 0

  init(records: Int) { left = records }

  func append(_ record: JournalRecord) throws(JournalError) {
    if left == 0 { throw .system("write", 28) }
    left -= 1
    records += 1
  }
}

/// What others do, and what happens to the process, at any request of a run.
@Suite struct HappeningTests {
  private let shop: FaultyShop

  init() throws { shop = try FaultyShop.shared.get() }

  private func object(_ path: String, in sandbox: LiveCluster) -> Value? {
    blocking { await sandbox.respond(to: APIRequest("GET", path)) }.flatMap { $0.status == 200 ? $0.value : nil }
  }

  private func patch(_ path: String, _ change: Value) -> APIRequest {
    APIRequest("PATCH", path, body: change, contentType: "application/merge-patch+json")
  }

  @Test("the disk is full at any record: nothing is sent that was not written down, and the next run ends the same")
  func fullDisk() throws {
    let whole = ShortJournal(records: .max)
    _ = try shop.run(.apply(steps: 2), in: LiveCluster(shop.start), id: "whole", Visitors(), journal: whole)
    let records = try #require(blocking { await whole.records })
    #expect(records > 10)
    for count in FaultyShop.isWhole ? Array(0..<records) : [0, 1, 2, 3, records / 2, records - 2, records - 1] {
      let sandbox = LiveCluster(shop.start)
      let visitors = Visitors()
      let outcome = try shop.run(
        .apply(steps: 2), in: sandbox, id: "full", visitors, journal: ShortJournal(records: count))
      #expect(outcome.result.failure?.diagnostic.code == .journalFailed, "\(count): \(outcome.result)")
      try shop.expectTheSame(outcome.result, in: sandbox, visitors, "the disk is full after \(count) records")
    }
  }

  /// A laptop that is closed for an hour: nothing is sent meanwhile, the lease has run out, and nobody took it.
  @Test("the process sleeps for an hour at any request, and goes on") func sleep() throws {
    for place in shop.places(sample: 8, salt: 1, where: { !$0.isWatch }) {
      let sandbox = LiveCluster(shop.start)
      let visitors = Visitors()
      let began = Mutex<RunClock.Instant?>(nil)
      let outcome = try shop.run(.apply(steps: 2), in: sandbox, id: "asleep", visitors) { index, clock in
        guard index >= place else { return }
        let start = began.withLock { began in
          began = began ?? clock.now
          return began ?? clock.now
        }
        try? await clock.sleep(until: start.advanced(by: .seconds(3600)), tolerance: nil)
      }
      // Until pods are ready ten minutes may go by, not an hour.
      try shop.expectTheSame(outcome.result, in: sandbox, visitors, "asleep at \(place), \(shop.marks[place])")
    }
  }

  @Test("somebody takes the lock at any request: the loser stops, and the lock stays theirs") func theft() throws {
    let lease = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/rolloutc-shop"
    let lastLook = shop.marks.lastIndex { $0.kind == "get leases" } ?? 0
    for place in shop.places(sample: 8, salt: 2, where: { !$0.isWatch }) where place > 4 {
      let sandbox = LiveCluster(shop.start)
      let visitors = Visitors()
      let theft = patch(lease, ["spec": ["holderIdentity": "thief", "leaseTransitions": 99]])
      let outcome = try shop.run(.apply(steps: 2), in: sandbox, id: "loser", visitors) { index, _ in
        if index == place { _ = await sandbox.respond(to: theft) }
      }
      let name = "stolen at \(place), \(shop.marks[place])"
      #expect(object(lease, in: sandbox)?.at("spec", "holderIdentity") == "thief", "\(name)")
      // The lock is looked at before each phase; who loses it in the last one may have done everything before it shows.
      #expect(outcome.result.outcome == .locked || place > lastLook, "\(name): \(outcome.result)")
      _ = blocking { [self] in await sandbox.respond(to: patch(lease, ["spec": ["holderIdentity": .null]])) }
      try shop.expectTheSame(outcome.result, in: sandbox, visitors, name)
    }
  }

  @Test("somebody replaces what we made at any request: theirs is never touched") func successor() throws {
    let path = "/apis/apps/v1/namespaces/shop/deployments"
    let later = shop.marks.firstIndex { $0.label == "apply" && $0.path.hasSuffix("web-2-0") } ?? 0
    for place in shop.places(sample: 8, salt: 3, where: { !$0.isWatch }) where place > later {
      let sandbox = LiveCluster(shop.start)
      let outcome = try shop.run(.apply(steps: 2), in: sandbox, id: "ours", Visitors()) { index, _ in
        guard index == place, let ours = await sandbox.respond(to: APIRequest("GET", "\(path)/web-2-0")).value,
          let spec = ours["spec"]
        else { return }
        _ = await sandbox.respond(
          to: APIRequest("DELETE", "\(path)/web-2-0", body: ["propagationPolicy": "Background"]))
        _ = await sandbox.respond(
          to: APIRequest(
            "POST", path,
            body: [
              "apiVersion": "apps/v1", "kind": "Deployment",
              "metadata": ["name": "web-2-0", "namespace": "shop", "labels": ["team": "other"]], "spec": spec,
            ]))
      }
      let left = object("\(path)/web-2-0", in: sandbox)
      #expect(
        left?.at("metadata", "labels") == ["team": "other"] && left?.at("metadata", "generation") == 1,
        "replaced at \(place), \(shop.marks[place]): \(outcome.result) \(left as Any)")
    }
  }

  @Test("the namespace begins to go at any request: the run ends, and says why") func namespaceGoes() throws {
    // Once everything is written a run may come to its end before the namespace does.
    let last = try #require(shop.marks.lastIndex { $0.isWrite })
    for place in shop.places(sample: 8, salt: 4, where: { !$0.isWatch }) where place <= last {
      let sandbox = LiveCluster(shop.start)
      let outcome = try shop.run(.apply(steps: 2), in: sandbox, id: "ours", Visitors()) { index, _ in
        if index == place { _ = await sandbox.respond(to: APIRequest("DELETE", "/api/v1/namespaces/shop")) }
      }
      let result = outcome.result
      #expect(
        result.failure != nil || result.outcome == .locked,
        "going at \(place), \(shop.marks[place]): \(result)")
      #expect(outcome.elapsed < .seconds(3600))
    }
  }
}
