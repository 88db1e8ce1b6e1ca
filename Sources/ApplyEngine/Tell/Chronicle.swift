package import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Synchronization

/// Tells the story of a run in the cluster, as Kubernetes Events on the plan's inventory: `kubectl describe configmap
/// rolloutc-PLAN` shows it for as long as the cluster keeps events.
///
/// It does what it can. A cluster that takes no events, or slowly, neither fails a run nor holds it up.
package final class Chronicle: Sendable {
  private struct Entry: Sendable {
    var isWarning = false
    var reason: String
    var message: String
    var time: String
  }

  /// API server: `ValidateEvent` takes no longer message.
  private static let longestMessage = 1024
  private static let longestQueue = 256

  private let wallTime: @Sendable () -> String
  private let opening = Mutex<RunOpening?>(nil)
  private let entries: AsyncStream<Entry>.Continuation
  private let work: Task<Void, Never>

  /// - Parameters:
  ///   - cluster: without repetitions, best.
  ///   - identity: who tells.
  package init(
    plan: String, namespace: String, identity: RunIdentity, in cluster: any Cluster,
    wallTime: @escaping @Sendable () -> String
  ) {
    self.wallTime = wallTime
    let (stream, continuation) = AsyncStream.makeStream(
      of: Entry.self, bufferingPolicy: .bufferingNewest(Self.longestQueue))
    entries = continuation
    let writer = Writer(cluster: cluster, plan: plan, namespace: namespace, identity: identity)
    work = Task {
      for await entry in stream { await writer.post(entry) }
    }
  }

  package func tell(_ event: RunEvent) {
    guard var entry = entry(for: event) else { return }
    entry.time = wallTime()
    entries.yield(entry)
  }

  /// Comes back when everything was told, or `limit` is over.
  package func finish(within limit: Duration, clock: RunClock) async {
    entries.finish()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.work.value }
      group.addTask { try? await clock.sleep(for: limit) }
      await group.next()
      work.cancel()
      group.cancelAll()
    }
  }

  private func entry(for event: RunEvent) -> Entry? {
    func entry(_ reason: String, _ message: String, isWarning: Bool = false) -> Entry {
      Entry(isWarning: isWarning, reason: reason, message: message, time: "")
    }
    let steps = opening.withLock { $0?.steps ?? [] }
    func step(_ index: Int, _ name: String) -> String { "step \(index + 1) of \(steps.count): \(name)" }
    switch event {
    case .started(let opening):
      self.opening.withLock { $0 = opening }
      return entry("RunStarted", "run \(opening.run): \(opening.course.words(opening.steps))")
    case .stepBegan(let index, let name): return entry("StepStarted", step(index, name))
    case .stepEnded(let index, let name): return entry("StepDone", step(index, name))
    case .asked(_, let question): return entry("Asked", question.text)
    case .answered(_, let question, let answer):
      let by = answer.by.isEmpty ? "" : ", by \(answer.by)"
      return entry("Answered", "\(question.text) \(answer.isYes ? "yes" : "no")\(by)", isWarning: !answer.isYes)
    case .failed(let failure):
      let notes = failure.diagnostic.notes.prefix(3).map { "; \($0)" }.joined()
      return entry("Failed", "\(failure.diagnostic.code.id): \(failure.diagnostic.message)\(notes)", isWarning: true)
    case .turned(let course, _): return entry("TurnedBack", "goes \(course.words(steps))", isWarning: true)
    case .ended(let result):
      return entry(
        "RunEnded", "\(result.outcome.rawValue), after \(result.writes) writes", isWarning: result.exitCode != 0)
    case .waitingForLock, .phaseBegan, .phaseEnded, .writeBegan, .writeEnded, .warning, .gateBegan, .progress, .log,
      .gateEnded, .observationBegan, .observationProgress, .observationEnded, .repeated, .note:
      return nil
    }
  }

  /// Posts one event after another.
  private actor Writer {
    private let cluster: any Cluster
    private let namespace: String
    private let identity: RunIdentity
    private let inventory: ObjectReference
    /// Nil until the inventory was seen: an event is of an object that exists.
    private var uid: Value?
    /// What was told before that.
    private var waiting: [Entry] = []
    private var number = 0

    init(cluster: any Cluster, plan: String, namespace: String, identity: RunIdentity) {
      self.cluster = cluster
      self.namespace = namespace
      self.identity = identity
      inventory = ResourceType.configMaps.named(PlanNames.record(plan), in: namespace)
    }

    func post(_ entry: Entry) async {
      waiting.append(entry)
      if uid == nil { uid = try? await cluster.get(inventory).at("metadata", "uid") }
      guard let uid else { return }
      let entries = waiting
      waiting = []
      for entry in entries { await post(entry, uid) }
    }

    private func post(_ entry: Entry, _ uid: Value) async {
      number += 1
      let seconds = entry.time.prefix { $0 != "." }
      let time = Value.string(seconds.hasSuffix("Z") ? String(seconds) : "\(seconds)Z")
      let event: Value = [
        "apiVersion": "v1", "kind": "Event",
        "metadata": [
          "name": .string("\(inventory.name).\(identity.run)-\(number)"), "namespace": .string(namespace),
        ],
        "involvedObject": [
          "apiVersion": "v1", "kind": "ConfigMap", "namespace": .string(namespace), "name": .string(inventory.name),
          "uid": uid,
        ],
        "type": .string(entry.isWarning ? "Warning" : "Normal"), "reason": .string(entry.reason),
        "message": .string(cut(entry.message)), "count": 1, "firstTimestamp": time, "lastTimestamp": time,
        "source": ["component": "rolloutc"], "reportingComponent": "rolloutc",
        "reportingInstance": .string(identity.run),
      ]
      _ = try? await cluster.create(CreateRequest(event, in: ResourceType.events.collection(in: namespace)))
    }

    private func cut(_ message: String) -> String {
      if message.utf8.count <= Chronicle.longestMessage { return message }
      var text = message
      while text.utf8.count > Chronicle.longestMessage - 3 { text.removeLast() }
      return text + "…"
    }
  }
}
