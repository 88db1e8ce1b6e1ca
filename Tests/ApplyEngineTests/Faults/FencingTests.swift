import ClusterAPI
import Diagnostics
import KubernetesModel
import Sandbox
import Synchronization
import TestSupport
import Testing

@testable import ApplyEngine

/// A lock that is lost in the middle of a phase, and a server that is gone in the middle of anything.
@Suite struct FencingTests {
  private let shop: FaultyShop

  init() throws { shop = try FaultyShop.shared.get() }

  private static let lease = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/rolloutc-shop"

  /// One write after the other, so that nothing is on its way when the thief comes.
  private static let oneByOne = {
    var options = FaultyShop.options
    options.concurrency = 1
    options.lockLookAge = .zero
    return options
  }()

  @Test("somebody takes the lock between two requests of a phase: no write leaves after that")
  func thiefBetweenWrites() throws {
    let straight = FaultScript()
    _ = try shop.run(
      .apply(steps: 2), in: LiveCluster(shop.start), id: "straight", script: straight, Visitors(),
      options: Self.oneByOne)
    // Dry runs are labelled apart, so these are what changes an object; each is preceded by its own look at the lease.
    let writes = straight.marks.indices.filter { straight.marks[$0].isWrite }
    #expect(writes.count > 10)
    for write in writes {
      #expect(straight.marks[write - 1].kind == "get leases", "\(straight.marks[write])")
    }
    let between = (writes[0]..<writes[writes.count - 1]).filter { !straight.marks[$0].isWrite }
    var generator = SeededGenerator(seed: SeededGenerator.seed)
    let places = FaultyShop.isWhole ? between : Array(between.shuffled(using: &generator).prefix(12)).sorted()
    for place in places {
      let sandbox = LiveCluster(shop.start)
      let script = FaultScript()
      let outcome = try shop.run(
        .apply(steps: 2), in: sandbox, id: "loser", script: script, Visitors(), options: Self.oneByOne
      ) { index, _ in
        guard index == place else { return }
        _ = await sandbox.respond(
          to: APIRequest(
            "PATCH", Self.lease, body: ["spec": ["holderIdentity": "thief", "leaseTransitions": 99]],
            contentType: "application/merge-patch+json"))
      }
      let late = script.marks[place...].filter(\.isWrite)
      #expect(late.isEmpty, "stolen at \(place), \(straight.marks[place]), seed \(SeededGenerator.seed): \(late)")
      #expect(outcome.result.outcome == .locked, "\(outcome.result)")
    }
  }

  @Test("a write that is repeated for a while asks for the lock before each repetition")
  func thiefBetweenAttempts() throws {
    let fault = try #require(Fault.ofRequests.first { $0.name == "503" })
    let write = try #require(shop.marks.firstIndex { $0.isWrite && $0.path.hasSuffix("web-2-0") })
    let sandbox = LiveCluster(shop.start)
    let script = FaultScript(fault, .requests(from: write, count: 1))
    let outcome = try shop.run(.apply(steps: 2), in: sandbox, id: "loser", script: script, Visitors()) { index, _ in
      guard index == write + 1 else { return }
      _ = await sandbox.respond(
        to: APIRequest(
          "PATCH", Self.lease, body: ["spec": ["holderIdentity": "thief", "leaseTransitions": 99]],
          contentType: "application/merge-patch+json"))
    }
    #expect(outcome.result.outcome == .locked, "\(outcome.result)")
    // The first attempt was answered with 503; there is no second one.
    let path = script.marks[write].path
    #expect(script.marks[(write + 1)...].filter { $0.isWrite && $0.path == path }.isEmpty)
  }

  @Test(
    "a server that is gone for good ends a run within minutes, whatever it was doing, and says how to go on",
    arguments: ["connection refused", "no address", "timeout without effect"])
  func goneForGood(_ name: String) throws {
    let fault = try #require(Fault.ofRequests.first { $0.name == name })
    for place in shop.places(sample: 10, salt: 9, where: { _ in true }) {
      let sandbox = LiveCluster(shop.start)
      let script = FaultScript(fault, .outage(from: place, .seconds(1_000_000)))
      let began = Mutex<RunClock.Instant?>(nil)
      let outcome = try shop.run(.apply(steps: 2), in: sandbox, id: "cut off", script: script, Visitors()) {
        index, clock in
        if index == place { began.withLock { $0 = clock.now } }
      }
      let result = outcome.result
      let what = "\(name) from \(place), \(shop.marks[place]): \(result)"
      let left = outcome.elapsed - (began.withLock { $0?.offset } ?? .zero)
      // Two minutes, the attempt that ends them, and no attempt takes longer than 65 s.
      #expect(left < .seconds(name.hasPrefix("timeout") ? 280 : 150), "\(what) after \(left)")
      if result.outcome == .done { continue }
      #expect([.held, .failedClean].contains(result.outcome), "\(what)")
      let diagnostic = result.failure?.diagnostic
      #expect(diagnostic?.notes.contains { $0.contains("injected") } == true, "\(what)")
      if result.outcome == .held {
        #expect(result.exitCode == 5)
        #expect(diagnostic?.notes.contains { $0.hasPrefix("it stands in step") } == true, "\(what)")
      }
    }
  }

  @Test("the way back makes again what the way forward is still deleting, once that is gone")
  func backOverDeletion() throws {
    // The Deployment that is retired goes, and whether it is gone may not be asked: the step fails while it goes.
    let begin = try #require(
      shop.marks.firstIndex { $0.label == "delete" && $0.path.hasSuffix("/deployments/web-1-0") })
    let place = try #require(
      shop.marks[begin...].firstIndex { $0.label == "get" && $0.path.hasSuffix("/deployments/web-1-0") })
    let fault = try #require(Fault.ofRequests.first { $0.name == "403" })
    let sandbox = LiveCluster(shop.start)
    let visitors = Visitors()
    let script = FaultScript(fault, .requests(from: place, count: 1))
    // Somebody's finalizer keeps it for a while.
    func finalizers(_ value: Value) -> APIRequest {
      APIRequest(
        "PATCH", "/apis/apps/v1/namespaces/shop/deployments/web-1-0", body: ["metadata": ["finalizers": value]],
        contentType: "application/merge-patch+json")
    }
    let (held, free) = (finalizers(["example.com/hold"]), finalizers([]))
    let outcome = try shop.run(.apply(steps: 2), in: sandbox, id: "turned", script: script, visitors) { index, _ in
      if index == begin { _ = await sandbox.respond(to: held) }
      if index == place + 20 { _ = await sandbox.respond(to: free) }
    }
    #expect(script.hits == 1)
    #expect(outcome.result.outcome == .rolledBack, "\(outcome.result)\n\(outcome.log.text)")
    #expect(outcome.log.text.contains("is being deleted, and made again when it is gone"), "\(outcome.log.text)")
    let deletion = try #require(script.marks.firstIndex { $0.label == "delete" && $0.path.hasSuffix("/web-1-0") })
    #expect(script.marks[deletion...].contains { $0.label == "apply" && $0.path.hasSuffix("/deployments/web-1-0") })
    try shop.expectTheSame(outcome.result, in: sandbox, visitors, "turned over a deletion")
  }
}
