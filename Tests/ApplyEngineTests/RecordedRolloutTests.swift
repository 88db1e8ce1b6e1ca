import KubernetesModel
import Rehearsal
import Sandbox
import TestSupport
import Testing

@testable import ApplyEngine

/// Rollouts as a watch of a Deployment shows them, recorded from the sandbox, and shown again late, twice and out of
/// order.
@Suite struct RecordedRolloutTests {
  struct Recording: Sendable {
    /// Versions from before our write.
    var past: [Value]
    /// The answer to our write.
    var written: Value
    /// Versions since, in order.
    var events: [Value]
  }

  private static let path = "/apis/apps/v1/namespaces/default/deployments/web"

  private static func body(_ image: String, _ replicas: Int) -> Value {
    [
      "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "web", "namespace": "default"],
      "spec": [
        "replicas": .int(replicas), "progressDeadlineSeconds": 20, "selector": ["matchLabels": ["app": "web"]],
        "template": [
          "metadata": ["labels": ["app": "web"]],
          "spec": ["containers": [["name": "app", "image": .string(image)]]],
        ],
      ],
    ]
  }

  private static func apply(_ cluster: inout SandboxCluster, _ image: String, _ replicas: Int) -> Value {
    cluster.respond(
      to: APIRequest(
        "PATCH", path, query: ["fieldManager": "rolloutc"], body: body(image, replicas),
        contentType: "application/apply-patch+yaml")
    ).value ?? .null
  }

  private static func play(_ cluster: inout SandboxCluster, for milliseconds: Int) -> [Value] {
    var seen: [Value] = []
    let end = cluster.now.advanced(by: milliseconds)
    while let next = cluster.nextMoment, next <= end {
      cluster.advance(to: next)
      let object = cluster.respond(to: APIRequest("GET", path)).value ?? .null
      if seen.last != object { seen.append(object) }
    }
    return seen
  }

  /// An update that works, one that crashes, and the return from it.
  static func recordings() -> [Recording] {
    var cluster = SandboxCluster()
    let first = apply(&cluster, "web:1", 3)
    let start = play(&cluster, for: 60_000)
    let second = apply(&cluster, "web:2", 4)
    let update = play(&cluster, for: 60_000)
    cluster.setBehaviour(PodBehaviour(fate: .crashLoop(exitCode: 7)), of: "web", namespace: "default")
    let third = apply(&cluster, "web:3", 4)
    let crash = play(&cluster, for: 60_000)
    cluster.setBehaviour(nil, of: "web", namespace: "default")
    let fourth = apply(&cluster, "web:2", 4)
    let back = play(&cluster, for: 60_000)
    return [
      Recording(past: [], written: first, events: start),
      Recording(past: start, written: second, events: update),
      Recording(past: start + update, written: third, events: crash),
      Recording(past: update + crash, written: fourth, events: back),
    ]
  }

  @Test func inOrder() {
    let all = Self.recordings()
    let ends = all.map { recording in
      var tracker = ReadinessTracker(written: recording.written)
      var last = Readiness.waiting("")
      for event in recording.events {
        tracker.saw(event)
        last = tracker.verdict(at: .zero)
      }
      return last
    }
    #expect(ends[0] == .ready)
    #expect(ends[1] == .ready)
    #expect(ends[2] != .ready)
    #expect(ends[3] == .ready, "the return from a failed rollout must not be called failed: \(ends[3])")
    for recording in all { #expect(recording.events.count > 1, "a recording of nothing proves nothing") }
  }

  @Test("late, twice and out of order: the verdict is that of the newest version seen", arguments: 0..<4)
  func perturbed(_ which: Int) {
    let recording = Self.recordings()[which]
    for round in 0..<40 {
      var random = SeededGenerator(seed: SeededGenerator.seed &+ UInt64(round))
      var stream: [Value] = []
      for event in recording.events where Int.random(in: 0..<4, using: &random) > 0 {
        stream.append(event)
        if Bool.random(using: &random), let old = stream.randomElement(using: &random) { stream.append(old) }
        if let old = recording.past.randomElement(using: &random) { stream.append(old) }
      }
      for _ in 0..<3 where stream.count > 1 {
        stream.swapAt(
          Int.random(in: 0..<stream.count, using: &random), Int.random(in: 0..<stream.count, using: &random))
      }
      var tracker = ReadinessTracker(written: recording.written)
      var newest: Value?
      for (index, event) in stream.enumerated() {
        tracker.saw(event)
        if version(event) >= version(newest ?? recording.written) { newest = event }
        let expected =
          newest.map { readiness(of: $0, after: recording.written) } ?? .waiting("it was not seen since it was written")
        #expect(
          tracker.verdict(at: .zero) == expected, "event \(index) of round \(round), seed \(SeededGenerator.seed)")
      }
    }
  }

  private func version(_ object: Value) -> Int {
    Int(object.at("metadata", "resourceVersion")?.string ?? "") ?? 0
  }

  @Test("what came before our write never makes it ready, and the end of a predecessor does not end it")
  func history() {
    for recording in Self.recordings().dropFirst() {
      var tracker = ReadinessTracker(written: recording.written)
      for old in recording.past {
        tracker.saw(old)
        #expect(tracker.verdict(at: .zero) == .waiting("it was not seen since it was written"))
      }
      let predecessor = recording.written.mergePatched(by: ["metadata": ["uid": "before"]])
      tracker.sawRemoval(of: predecessor)
      #expect(reason(tracker.verdict(at: .zero)) == nil)
      tracker.sawRemoval(of: recording.written)
      #expect(reason(tracker.verdict(at: .zero)) == "Deleted")
      for event in recording.events { tracker.saw(event) }
      #expect(reason(tracker.verdict(at: .zero)) == "Deleted", "what comes late does not bring it back")
    }
  }
}
