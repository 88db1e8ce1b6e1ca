import ClusterAPI
import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import Sandbox
import Synchronization
import TestSupport
import Testing

@testable import ApplyEngine

/// One plan in a namespace of its own on the real control plane.
struct RealWorld {
  let plane: ControlPlane
  let itinerary: Itinerary
  let namespace: String

  /// - Parameter text: the plan, for a namespace.
  init(_ text: (_ namespace: String) -> String, namespaceIsThere: Bool = false) async throws {
    plane = try await ControlPlane.shared()
    namespace = "r-\(UInt32.random(in: .min ... .max))"
    let plain = try plane.client()
    let versions = try #require(
      APIVersions(
        networking: try await plain.versions(of: "networking.istio.io"),
        security: try await plain.versions(of: "security.istio.io")), "the control plane has no definitions of Istio's")
    let resolution = resolve(path: "plan.rollout", bytes: Array(text(namespace).utf8))
    let plan = try #require(resolution.checked, "\(resolution.diagnostics)")
    itinerary = Itinerary(plan, compile(plan, options: LoweringOptions(apiVersions: versions)))
    if namespaceIsThere {
      try await apply([
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": ["name": .string(namespace), "labels": ["istio-injection": "enabled"]],
      ])
    }
  }

  var admin: any Cluster { get throws { try plane.client() } }

  // MARK: - Objects

  func reference(_ kind: String, _ apiVersion: String, _ name: String) async throws -> ObjectReference {
    let version = try #require(GroupVersion(apiVersion))
    return try await admin.resourceType(of: kind, in: version).named(name, in: namespace)
  }

  func deployment(_ name: String) async throws -> ObjectReference {
    try await reference("Deployment", "apps/v1", name)
  }

  /// Server-side apply as somebody; of ours where nobody is named.
  func apply(_ object: Value, by manager: String = "kubectl", force: Bool = false) async throws {
    try await admin.apply(object, by: manager, force: force)
  }

  func patch(_ target: ObjectReference, _ change: Value, by manager: String = "kubectl-edit") async throws {
    _ = try await admin.patch(PatchRequest(change, .merge, to: target, fieldManager: manager))
  }

  /// Nil where it is gone.
  func get(_ target: ObjectReference) async throws -> Value? {
    do { return try await admin.get(target) } catch let error as ClusterError {
      if error.isNotFound { return nil }
      throw error
    }
  }

  /// What the plan made, as far as it is the same on every server and in every run.
  func content() async throws -> [String: Value] { try await contentOfPlan(in: namespace, of: admin) }

  /// The namespace goes in its own time.
  func remove() async throws {
    let type = try await admin.resourceType(of: "Namespace", in: GroupVersion(group: "", version: "v1"))
    _ = try await admin.delete(DeleteRequest(type.named(namespace, in: ""), uid: nil))
  }

  // MARK: - Runs

  struct Outcome {
    var result: RunResult
    var log: EventLog
    var requests: [String]
  }

  func run(
    _ goal: RunGoal? = nil, as file: String = "kubeconfig", id: String = "run-1", stop: StopSignal = StopSignal(),
    through wrap: (any HTTPTransport) -> any HTTPTransport = { $0 },
    hook: @escaping @Sendable (HTTPRequest) async -> Void = { _ in },
    tell: @escaping @Sendable (RunEvent) -> Void = { _ in }, options change: (inout RunOptions) -> Void = { _ in }
  ) async throws -> Outcome {
    let log = EventLog()
    let requests = Mutex<[String]>([])
    let seen = RequestHook { request in
      let path = request.url.split(separator: "?")[0].split(separator: "/", maxSplits: 2).last.map(String.init) ?? ""
      requests.withLock { $0.append("\(request.label) \(path)") }
      await hook(request)
    }
    let cluster = try plane.client(file) { HookedTransport(base: wrap($0), hook: seen) }
    let environment = RunEnvironment(
      cluster: RetryingCluster(cluster, clock: ContinuousClock()) { log.add(.repeated($0)) }, clock: .continuous,
      wallTime: { "2026-01-01T00:00:00.000000Z" }, random: { 0.5 }, journal: MemoryJournal(),
      identity: RunIdentity(run: id, who: "ann@desk, pid 1")
    ) { event in
      log.add(event)
      tell(event)
    }
    var options = RunOptions()
    options.settle = .zero
    change(&options)
    let result = try await withEndpoints(of: namespace, in: admin) {
      await Run(itinerary, environment: environment, options: options, stop: stop)
        .perform(goal ?? .apply(steps: itinerary.stepCount))
    }
    return Outcome(result: result, log: log, requests: requests.withLock { $0 })
  }

  func preflight(as file: String = "kubeconfig") async throws -> [Diagnostic] {
    await Preflight(
      itinerary, legs: itinerary.forward, inventory: Inventory(plan: itinerary.plan.name),
      cluster: try plane.client(file)
    ).findings()
  }

  func plan(_ decisions: WriteDecisions = WriteDecisions()) async throws -> LivePlan {
    let planner = Planner(itinerary, decisions: decisions, cluster: try admin)
    return await planner.plan(try await planner.remembered(for: .apply(steps: itinerary.stepCount)).get())
  }
}

struct RequestHook: Sendable {
  let call: @Sendable (HTTPRequest) async -> Void

  init(_ call: @escaping @Sendable (HTTPRequest) async -> Void) { self.call = call }
}

/// Tells somebody of each request before it leaves.
struct HookedTransport: HTTPTransport {
  let base: any HTTPTransport
  let hook: RequestHook

  func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse {
    await hook.call(request)
    return try await base.send(request)
  }

  func stream(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponseStream {
    await hook.call(request)
    return try await base.stream(request)
  }
}
