internal import KubernetesModel
internal import MeshModel
internal import SandboxMesh
internal import Synchronization

/// What the visitors of a rehearsal met.
package struct RehearsalTraffic: Hashable, Sendable {
  /// Who asked, in which step, and who answered.
  package struct Key: Hashable, Sendable {
    package var step: Int
    package var visitor: String
    /// `voting-app 2.0, voting-analytics 2.0, voting-storage 2.0`: every version that the request came by, in order.
    package var servedBy: String
  }

  /// A request that was not served although its visitor had been served before.
  package struct Failure: Hashable, Sendable {
    package var step: Int
    package var visitor: String
    package var moment: Duration
    package var status: Int?
    /// Envoy's response flag: `UH`.
    package var flag: String
    /// Where it broke: `voting-app 1.0 → voting-storage.voting.svc.cluster.local:6379`.
    package var hop: String
  }

  package var requests = 0
  package var served: [Key: Int] = [:]
  package var failed = 0
  /// Requests that failed only because a stub says that their version fails: what the rehearsal is about, and no fault of the
  /// plan's.
  package var failedAsStubbed = 0
  /// The first ones; `failed` counts all.
  package var failures: [Failure] = []
  /// Which version called which: `voting-app 1.0` and `voting-storage 1.0`.
  package var calls: Set<[String]> = []
  /// The rules that decided: VirtualService and name of the rule.
  package var rules: Set<[String]> = []
  /// By whole seconds of virtual time and by the entry's version; failures under the empty name.
  package var timeline: [Int: [String: Int]] = [:]

  package init() {}
}

/// Who is owed an answer.
struct Promises: Sendable {
  /// Visitors who have been served: from then on they must be.
  var open: Set<String> = []
  /// The entry is being taken away: nobody has to be served.
  var isClosing = false
}

/// Counts answers, from several tasks.
final class TrafficCounter: Sendable {
  private struct State {
    var traffic = RehearsalTraffic()
    var promises: Promises
    var step = 0
    var lastNews = Duration.zero
    /// A visitor who sleeps through a quiet time, and wakes when something happens.
    var sleeper: CheckedContinuation<Void, Never>?
  }

  private let state: Mutex<State>

  init(_ promises: Promises) { state = Mutex(State(promises: promises)) }

  var promises: Promises { state.withLock { $0.promises } }
  var traffic: RehearsalTraffic { state.withLock { $0.traffic } }
  /// Whether the visitor was ever served.
  func hasServed(_ visitor: String) -> Bool { state.withLock { $0.promises.open.contains(visitor) } }

  var lastNews: Duration { state.withLock { $0.lastNews } }

  /// - Parameter isClosing: the step takes the entry away. One after it opens it anew: who was served before is owed
  ///   nothing until then.
  func begin(_ step: Int, isClosing: Bool) {
    state.withLock { state in
      state.step = step
      if state.promises.isClosing, !isClosing { state.promises.open = [] }
      state.promises.isClosing = isClosing
    }
  }

  func news(at moment: Duration) {
    let sleeper = state.withLock { state in
      state.lastNews = moment
      let sleeper = state.sleeper
      state.sleeper = nil
      return sleeper
    }
    sleeper?.resume()
  }

  /// Returns when something happens in the run, or the task is cancelled. One task at a time waits.
  func somethingHappens() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if Task.isCancelled { return true }
          state.sleeper = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      let sleeper = state.withLock { state in
        let sleeper = state.sleeper
        state.sleeper = nil
        return sleeper
      }
      sleeper?.resume()
    }
  }

  /// From now on the plan takes the entry away: nobody has to be served.
  func close() { state.withLock { $0.promises.isClosing = true } }

  func count(_ answer: MeshAnswer, to visitor: String, at moment: Duration) {
    state.withLock { state in
      let second = Int(moment.components.seconds)
      var chain: [String] = []
      for hop in answer.hops where !hop.isMirror {
        guard let callee = hop.callee else { continue }
        let name = "\(callee)"
        if !chain.contains(name) { chain.append(name) }
        if let service = hop.decision.virtualService, let rule = hop.decision.rule {
          state.traffic.rules.insert([service.name, rule])
        }
        if let caller = hop.caller.pod { state.traffic.calls.insert(["\(caller)", name]) }
      }
      if answer.isServed {
        state.promises.open.insert(visitor)
        state.traffic.requests += 1
        let key = RehearsalTraffic.Key(
          step: state.step, visitor: visitor, servedBy: chain.isEmpty ? "nobody" : chain.joined(separator: ", "))
        state.traffic.served[key, default: 0] += 1
        state.traffic.timeline[second, default: [:]][chain.first ?? "", default: 0] += 1
        return
      }
      guard state.promises.open.contains(visitor), !state.promises.isClosing else { return }
      state.traffic.requests += 1
      state.traffic.timeline[second, default: [:]]["", default: 0] += 1
      if answer.isFailingStub {
        state.traffic.failedAsStubbed += 1
        return
      }
      state.traffic.failed += 1
      guard state.traffic.failures.count < 100 else { return }
      let broken = answer.hops.first { $0.failure != nil }
      let caller = broken.map { hop in hop.caller.pod.map { "\($0)" } ?? "the gateway" } ?? "the gateway"
      state.traffic.failures.append(
        RehearsalTraffic.Failure(
          step: state.step, visitor: visitor, moment: moment, status: answer.status,
          flag: answer.failure?.flag?.rawValue ?? "",
          hop: broken.map { "\(caller) → \($0.host):\($0.port)" } ?? caller))
    }
  }
}
