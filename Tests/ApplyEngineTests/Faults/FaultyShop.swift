import ClusterAPI
import Foundation
import KubernetesModel
import Rehearsal
import RolloutPlan
import Sandbox
import SandboxMesh
import TestSupport
import Testing

@testable import ApplyEngine

/// A plan of two steps in a namespace where others have objects, too: what each line of the fault matrix is tried on.
struct FaultyShop: Sendable {
  static let text = RealClusterTests.shop("shop", existing: true)

  static let shared = Result { try FaultyShop() }

  let world: World
  /// What stands before the plan's first run.
  let start: SandboxCluster
  /// What others have, as it is and as it must stay.
  let foreign: [String: Value]
  /// Every request of a run that nothing disturbs.
  let marks: [RequestMark]
  /// What such a run leaves.
  let wanted: [String: Value]

  private init() throws {
    world = try World(Self.text)
    var cluster = SandboxCluster()
    cluster.injectsSidecars = true
    cluster.installIngressGateway()
    for object in Self.foreignObjects { _ = Self.create(object, in: &cluster) }
    start = cluster
    foreign = Self.foreign(in: cluster)
    let sandbox = LiveCluster(cluster)
    let script = FaultScript()
    let visitors = Visitors()
    let result = try Self.run(world, .apply(steps: 2), in: sandbox, id: "straight", script: script, visitors).result
    try #require(result.outcome == .done && visitors.failures.isEmpty, "\(result) \(visitors.failures)")
    marks = script.marks
    let world = world
    wanted = try #require(blocking { await world.versionedContent(of: sandbox) })
  }

  // MARK: - Others

  /// One carries our labels: what is ours is not told by labels alone.
  private static var foreignObjects: [Value] {
    func metadata(_ name: String, isLookalike: Bool) -> Value {
      [
        "name": .string(name), "namespace": "shop",
        "labels": isLookalike
          ? ["app.kubernetes.io/managed-by": "rolloutc", "app.kubernetes.io/part-of": "shop", "app": "other"]
          : ["team": "other"],
      ]
    }
    return [
      [
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": ["name": "shop", "labels": ["istio-injection": "enabled"]],
      ],
      [
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("lookalike", isLookalike: true),
        "data": ["a": "b"],
      ],
      [
        "apiVersion": "v1", "kind": "Service", "metadata": metadata("theirs", isLookalike: false),
        "spec": ["ports": [["port": 1, "protocol": "TCP"]]],
      ],
    ]
  }

  private static func create(_ object: Value, in cluster: inout SandboxCluster) -> APIResponse {
    let plural =
      switch object["kind"]?.string {
      case "Namespace": "namespaces"
      case "Service": "namespaces/shop/services"
      default: "namespaces/shop/configmaps"
      }
    return cluster.respond(to: APIRequest("POST", "/api/v1/\(plural)", body: object))
  }

  private static func foreign(in cluster: SandboxCluster) -> [String: Value] {
    var cluster = cluster
    var found: [String: Value] = [:]
    for path in ["configmaps/lookalike", "services/theirs"] {
      found[path] = cluster.respond(to: APIRequest("GET", "/api/v1/namespaces/shop/\(path)")).value
    }
    return found
  }

  func foreign(in sandbox: LiveCluster) -> [String: Value] {
    blocking { await sandbox.snapshot }.map(Self.foreign) ?? [:]
  }

  // MARK: - Runs

  func run(
    _ goal: RunGoal, in sandbox: LiveCluster, id: String, script: FaultScript = FaultScript(), _ visitors: Visitors,
    journal: any Journal = MemoryJournal(), options: RunOptions = FaultyShop.options,
    before: @escaping Happening = { _, _ in }
  ) throws -> World.Outcome {
    try Self.run(
      world, goal, in: sandbox, id: id, script: script, visitors, journal: journal, options: options, before: before)
  }

  static let options = {
    var options = RunOptions()
    options.settle = .seconds(1)
    options.waitForLock = .seconds(120)
    return options
  }()

  /// What happens before a request leaves: its number, and the run's clock.
  typealias Happening = @Sendable (Int, RunClock) async -> Void

  private static func run(
    _ world: World, _ goal: RunGoal, in sandbox: LiveCluster, id: String, script: FaultScript, _ visitors: Visitors,
    journal: any Journal = MemoryJournal(), options: RunOptions = FaultyShop.options,
    before: @escaping Happening = { _, _ in }
  ) throws -> World.Outcome {
    let log = EventLog()
    let time = VirtualTime(sandbox, from: try #require(blocking { await sandbox.now }))
    let faulty = FaultyTransport(base: InProcessTransport(sandbox: sandbox), script: script, clock: time.clock)
    let hook = RequestHook { _ in await before(script.marks.count, time.clock) }
    let client = APIClient(
      endpoint: ClusterEndpoint(server: "http://sandbox"), credentials: FixedCredentials(Credentials()),
      transport: HookedTransport(base: faulty, hook: hook))
    let environment = RunEnvironment(
      cluster: RetryingCluster(client, clock: time.clock, random: { 0.5 }) { log.add(.repeated($0)) },
      clock: time.clock, wallTime: { time.timestamp.rfc3339Micro }, random: { 0.5 }, journal: journal,
      identity: RunIdentity(run: id, who: "ann@desk, pid 1")
    ) { event in
      log.add(event)
      // Going back to the start takes everything away, whether this run began that or goes on with it.
      switch event {
      case .turned(.rollback(_, steps: 0), _): visitors.close()
      case .started(let opening): if case .rollback(_, steps: 0) = opening.course { visitors.close() }
      default: break
      }
    }
    let run = Run(world.itinerary, environment: environment, options: options, stop: StopSignal())
    let mesh = LiveMesh(sandbox, front: MeshFront(propagation: Propagation(0...800)))
    let plan = world.itinerary.plan
    let result = try #require(
      time.run(limit: .seconds(86_400)) {
        await withTaskGroup(of: RunResult?.self) { group in
          group.addTask { await run.perform(goal) }
          group.addTask {
            await visitors.ask(mesh, plan, time, every: .milliseconds(500))
            return nil
          }
          var result: RunResult?
          while result == nil, let next = await group.next() { result = next }
          group.cancelAll()
          return result ?? RunResult(.interrupted)
        }
      }, "it never ended:\n\(log.text)")
    return World.Outcome(result: result, log: log, elapsed: time.now, requests: script.marks.count)
  }

  // MARK: - One case

  /// A run that meets a fault, and as many more as it takes. Issues are recorded for everything that is not as it must be.
  func endure(_ fault: Fault, _ strikes: FaultScript.Strikes, isOvercome: Bool, _ name: String) throws {
    let sandbox = LiveCluster(start)
    let script = FaultScript(fault, strikes)
    let visitors = Visitors()
    let disturbed = try run(.apply(steps: 2), in: sandbox, id: "disturbed", script: script, visitors)
    #expect(script.hits > 0, "\(name): it never struck")
    let result = disturbed.result
    let isDone = result.outcome == .done
    if isOvercome { #expect(isDone, "\(name): \(result.outcome) \(result.failure?.diagnostic as Any)") }
    if !isDone {
      #expect(
        result.failure != nil || [.locked, .interrupted].contains(result.outcome),
        "\(name): \(result) says nothing of why")
    }
    #expect(disturbed.elapsed < .seconds(3600), "\(name): it took \(disturbed.elapsed)")
    try expectTheSame(result, in: sandbox, visitors, name)
  }

  /// After as many more runs as it takes all is as if nothing had happened.
  func expectTheSame(_ result: RunResult, in sandbox: LiveCluster, _ visitors: Visitors, _ name: String) throws {
    try finish(result, in: sandbox, visitors, name)
    let content = blocking { await world.versionedContent(of: sandbox) }
    // Where all went through at once, nothing was written twice either: every generation is the same.
    let isSame = result.outcome == .done ? content == wanted : content.map(plain) == plain(wanted)
    #expect(isSame, "\(name): \(result.outcome)")
    #expect(foreign(in: sandbox) == foreign, "\(name): something of others was touched")
    #expect(visitors.failures.isEmpty, "\(name): \(visitors.failures)")
  }

  /// What a person does after a run that stopped: resumes, and applies again.
  /// - Parameter result: of the run that stopped; nothing happens where it came through.
  func finish(_ result: RunResult, in sandbox: LiveCluster, _ visitors: Visitors, _ name: String) throws {
    var last = result
    for attempt in 0..<4 where ![.done, .unchanged].contains(last.outcome) {
      last = try run(Self.goal(after: last.outcome), in: sandbox, id: "next-\(attempt)", visitors).result
    }
    #expect(
      [.done, .unchanged].contains(last.outcome), "\(name): it cannot be brought to an end: \(last)")
  }

  static func goal(after outcome: RunResult.Outcome) -> RunGoal {
    switch outcome {
    case .held, .locked, .interrupted, .waiting: .resume
    case .done, .unchanged, .undone, .failedClean, .rolledBack, .refused: .apply(steps: 2)
    }
  }

  private func plain(_ content: [String: Value]) -> [String: Value] {
    content.mapValues { object in
      var fields = object.fields ?? Fields()
      fields["generation"] = nil
      return .object(fields)
    }
  }

  /// Every case of the matrix with ROLLOUTC_WHOLE_MATRIX, else some of each line, spread over the run.
  static let isWhole = ProcessInfo.processInfo.environment["ROLLOUTC_WHOLE_MATRIX"] != nil

  /// The places of a run at which `fault` can strike: all of them, or one for each of `count` kinds of requests.
  func places(for fault: Fault, sample count: Int) -> [Int] {
    places(sample: count, salt: fault.name.utf8.count) { fault.strikes($0) }
  }

  func places(sample count: Int, salt: Int, where isWanted: (RequestMark) -> Bool) -> [Int] {
    let all = marks.indices.filter { isWanted(marks[$0]) }
    if Self.isWhole { return all }
    var generator = SeededGenerator(seed: SeededGenerator.seed &+ UInt64(truncatingIfNeeded: salt))
    var byKind: [String: [Int]] = [:]
    for place in all { byKind[marks[place].kind, default: []].append(place) }
    let kinds = byKind.keys.sorted().shuffled(using: &generator).prefix(count)
    return kinds.compactMap { byKind[$0]?.randomElement(using: &generator) }.sorted()
  }
}

extension World {
  /// With the number of changes that each object has seen.
  func versionedContent(of sandbox: LiveCluster) async -> [String: Value] {
    var content = await content(of: sandbox)
    var snapshot = await sandbox.snapshot
    for (name, object) in content {
      let group = name.hasPrefix("deployments") ? "/apis/apps/v1" : "/apis/networking.istio.io/v1"
      let answer = snapshot.respond(to: APIRequest("GET", "\(group)/namespaces/\(itinerary.plan.namespace)/\(name)"))
      guard var fields = object.fields, let generation = answer.value?.at("metadata", "generation") else { continue }
      fields["generation"] = generation
      content[name] = .object(fields)
    }
    return content
  }
}
