import ClusterAPI
import Diagnostics
import KubernetesModel
import Lowering
import Rehearsal
import RolloutPlan
import Sandbox
import Synchronization
import TestSupport
import Testing

@testable import ApplyEngine

/// Events as they came, for tests to look at.
final class EventLog: Sendable {
  private let all = Mutex<[RunEvent]>([])

  var events: [RunEvent] { all.withLock { $0 } }

  func add(_ event: RunEvent) { all.withLock { $0.append(event) } }

  var text: String { events.map { "\($0)".prefix(400) + "\n" }.joined() }
}

/// A prober that shows the stamp that the entry's VirtualService has in the sandbox, and answers 200.
struct StampProber: Prober {
  let sandbox: LiveCluster
  let path: String

  func answer(to request: ProbeRequest) async throws(ProbeError) -> ProbeAnswer {
    let answer = await sandbox.respond(to: APIRequest("GET", path))
    let stamp = answer.value?.at("spec", "http")?[0]?.at("headers", "response", "set", stampHeader)?.string
    return ProbeAnswer(status: 200, headers: stamp.map { [stampHeader: $0] } ?? [:], body: Array("hello".utf8))
  }
}

/// What a run has asked about its ways back.
final class AskedWays: Sendable {
  private let ways = Mutex<[LongWayBack]>([])

  var all: [LongWayBack] { ways.withLock { $0 } }

  func add(_ way: LongWayBack) { ways.withLock { $0.append(way) } }
}

/// Answers of a gateway, one after the other, and the last of them for ever.
final class GatewayScript: Prober {
  private let answers: Mutex<[Result<ProbeAnswer, ProbeError>]>
  private let asked = Mutex(0)

  init(_ answers: [Result<ProbeAnswer, ProbeError>]) { self.answers = Mutex(answers) }

  var count: Int { asked.withLock { $0 } }

  func answer(to request: ProbeRequest) async throws(ProbeError) -> ProbeAnswer {
    asked.withLock { $0 += 1 }
    return try answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }.get()
  }
}

/// Metrics by their names; one without a number has none.
struct FixedMetrics: MetricSource {
  let plan: Plan
  let values: [String: Double]

  func reading(of metric: Int, for version: WorkloadRef?) async throws(MetricError) -> MetricReading {
    values[plan.metrics[metric].name].map { .value($0) } ?? .noData
  }

  func traffic(to version: WorkloadRef) async throws(MetricError) -> MetricReading { .noData }
}

/// One plan, one sandbox, and as many runs of the one on the other as a test wants.
struct World {
  private(set) var sandbox: LiveCluster = {
    var cluster = SandboxCluster()
    cluster.injectsSidecars = true
    return LiveCluster(cluster)
  }()
  let itinerary: Itinerary
  /// Asked about ways back over several steps.
  var faults: (@Sendable (LongWayBack) -> [Diagnostic])?

  /// - Parameter extra: objects of a manifest beside the plan.
  init(_ text: String, extra: [Value] = []) throws {
    let resolution = resolve(path: "plan.rollout", bytes: Array(text.utf8))
    var plan = try #require(resolution.checked, "\(resolution.diagnostics)")
    if !extra.isEmpty { plan.manifests = [Manifest(path: "extra.yaml", objects: extra, range: plan.nameRange)] }
    itinerary = Itinerary(plan, compile(plan))
  }

  /// On a cluster that other plans, or other editions of this one, have used before.
  init(_ text: String, on sandbox: LiveCluster) throws {
    try self.init(text)
    self.sandbox = sandbox
  }

  init(plan name: String) throws {
    try self.init(String(decoding: try #require(Goldens.bytes("plans/\(name).rollout")), as: UTF8.self))
  }

  /// The same, with a cluster of its own from here on.
  func forked() async -> World {
    var copy = self
    copy.sandbox = LiveCluster(await sandbox.snapshot)
    return copy
  }

  /// The first step, and then what somebody else keeps in the namespace: the database's Secret.
  func begin() async throws -> Outcome {
    let outcome = try run(.apply(steps: 1), id: "run-0")
    await bringSecret(to: sandbox)
    return outcome
  }

  func bringSecret(to sandbox: LiveCluster) async {
    let secret: Value = [
      "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "voting-storage-secret", "namespace": "voting"],
      "stringData": [
        "MYSQL_USER": "u", "MYSQL_PASSWORD": "p", "MYSQL_DATABASE": "d", "MYSQL_ROOT_PASSWORD": "r",
      ],
    ]
    _ = await sandbox.respond(to: APIRequest("POST", "/api/v1/namespaces/voting/secrets", body: secret))
  }

  /// What the sandbox holds of the plan's namespace, without what each write changes.
  func content() async -> [String: Value] { await content(of: sandbox) }

  func content(of sandbox: LiveCluster) async -> [String: Value] {
    let snapshot = await sandbox.snapshot
    var content: [String: Value] = [:]
    for (resource, path) in [
      ("deployments", "/apis/apps/v1"), ("services", "/api/v1"), ("persistentvolumeclaims", "/api/v1"),
      ("virtualservices", "/apis/networking.istio.io/v1"), ("destinationrules", "/apis/networking.istio.io/v1"),
      ("gateways", "/apis/networking.istio.io/v1"), ("peerauthentications", "/apis/security.istio.io/v1"),
    ] {
      var copy = snapshot
      let answer = copy.respond(
        to: APIRequest("GET", "\(path)/namespaces/\(itinerary.plan.namespace)/\(resource)"))
      for item in answer.value?["items"]?.array ?? [] {
        content["\(resource)/\(item.at("metadata", "name")?.string ?? "?")"] = [
          "spec": withoutAddresses(item["spec"] ?? .null), "labels": item.at("metadata", "labels") ?? .null,
          "annotations": item.at("metadata", "annotations", "rolloutc.dev/step") ?? .null,
        ]
      }
    }
    return content
  }

  private func withoutAddresses(_ spec: Value) -> Value {
    guard var fields = spec.fields else { return spec }
    for key in ["clusterIP", "clusterIPs", "volumeName"] { fields[key] = nil }
    // The header says who wrote last.
    if let routes = fields["http"]?.array {
      fields["http"] = .array(
        routes.map { route in
          guard var fields = route.fields, fields["headers"]?.at("response", "set", stampHeader) != nil else {
            return route
          }
          fields["headers"] = nil
          return .object(fields)
        })
    }
    return .object(fields)
  }

  struct Outcome {
    var result: RunResult
    var log: EventLog
    var elapsed: Duration
    var requests: Int
  }

  /// Runs `goal` to its end, in virtual time.
  func run(
    _ goal: RunGoal, budget: RequestBudget? = nil, id: String = "run-1", prober: (any Prober)? = nil,
    decider: (any Decider)? = nil, metrics: (any MetricSource)? = nil, hook: RequestHook? = nil,
    rights: MissingRights? = nil, stop: StopSignal = StopSignal(),
    options change: (inout RunOptions) -> Void = { _ in }
  ) throws -> Outcome {
    let log = EventLog()
    let time = VirtualTime(sandbox, from: try #require(blocking { await sandbox.now }))
    var transport: any HTTPTransport = InProcessTransport(sandbox: sandbox, budget: budget)
    if let hook { transport = HookedTransport(base: transport, hook: hook) }
    if let rights { transport = ForbiddingTransport(base: transport, rights: rights) }
    let cluster = APIClient(
      endpoint: ClusterEndpoint(server: "http://sandbox"), credentials: FixedCredentials(Credentials()),
      transport: transport)
    var environment = RunEnvironment(
      cluster: cluster, clock: time.clock, wallTime: { time.timestamp.rfc3339Micro }, random: { 0.5 },
      journal: MemoryJournal(), identity: RunIdentity(run: id, who: "ann@desk, pid 1"), tell: { log.add($0) })
    environment.prober = prober
    environment.decider = decider
    environment.faults = faults
    environment.metrics = metrics
    var options = RunOptions()
    options.settle = .seconds(1)
    options.waitForLock = .seconds(120)
    change(&options)
    let run = Run(itinerary, environment: environment, options: options, stop: stop)
    let result = try #require(time.run { await run.perform(goal) }, "it never ended:\n\(log.text)")
    return Outcome(result: result, log: log, elapsed: time.now, requests: budget?.count ?? 0)
  }
}

/// What nobody may ask.
struct MissingRights: Sendable {
  let forbid: @Sendable (HTTPRequest) -> Bool

  init(_ forbid: @escaping @Sendable (HTTPRequest) -> Bool) { self.forbid = forbid }
}

/// Refuses what there is no right to.
struct ForbiddingTransport: HTTPTransport {
  let base: any HTTPTransport
  let rights: MissingRights

  private static let head = HTTPResponseHead(status: 403, headers: ["Content-Type": "application/json"])
  private static let status = jsonBytes(
    ["kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403])

  func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse {
    rights.forbid(request) ? HTTPResponse(head: Self.head, body: Self.status) : try await base.send(request)
  }

  func stream(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponseStream {
    if !rights.forbid(request) { return try await base.stream(request) }
    let (stream, continuation) = AsyncStream<Result<[UInt8], TransportError>>.makeStream()
    continuation.yield(.success(Self.status))
    continuation.finish()
    return HTTPResponseStream(head: Self.head, chunks: ByteChunks(stream))
  }
}

/// Waits for an async call from a thread that is no task's.
func blocking<T: Sendable>(_ operation: @escaping @Sendable () async -> T) -> T? {
  let time = VirtualTime(LiveCluster())
  return time.run(operation)
}
