import KubernetesModel
import Rehearsal
import RolloutPlan
import Sandbox
import SandboxMesh
import Synchronization
import TestSupport
import Testing

@testable import ApplyEngine

/// What visitors met while a run was at work.
final class Visitors: Sendable {
  private struct State {
    var isOpen: Set<String> = []
    var answers = 0
    var failures: [String] = []
  }

  private let state = Mutex(State())

  var answers: Int { state.withLock { $0.answers } }
  var failures: [String] { state.withLock { $0.failures } }

  /// From here on nobody needs to be served: what they were let in by is undone.
  func close() { state.withLock { $0.isOpen = [] } }

  /// Counts an answer. Before the first good one nobody was served, and nobody can be hurt.
  func note(_ answer: MeshAnswer, to visitor: String, at moment: Duration) {
    state.withLock { state in
      state.answers += 1
      if answer.isServed, answer.status == 200 {
        state.isOpen.insert(visitor)
      } else if state.isOpen.contains(visitor), state.failures.count < 20 {
        state.failures.append("\(visitor) at \(moment): \(answer.status ?? 0) \(answer.failure.map { $0.text } ?? "")")
      }
    }
  }

  /// Every visitor asks again and again, until the task is cancelled.
  func ask(
    _ mesh: LiveMesh, _ plan: Plan, _ time: VirtualTime, every interval: Duration = .milliseconds(100)
  ) async {
    while !Task.isCancelled {
      for (name, headers) in [("everybody", []), ("flagged", [("cookie", "a=1; featureflag=on")])] {
        for exposure in plan.exposures {
          let answer = await mesh.request(
            MeshRequest(host: visitorHost(exposure), port: exposure.port, path: "/", headers: headers))
          note(answer, to: "\(name) on \(exposure.port)", at: time.now)
        }
      }
      do { try await time.clock.sleep(for: interval) } catch { return }
    }
  }
}

/// The process dies at every request that changes something, before it reaches the server and after it took effect, and
/// another one resumes: each time the cluster ends as if nothing had happened, and no visitor meets an error on the way.
@Suite struct KillMatrixTests {
  /// One run with visitors, from what `sandbox` holds.
  private func run(
    _ world: World, _ sandbox: LiveCluster, _ goal: RunGoal, id: String, budget: RequestBudget?, _ visitors: Visitors
  ) throws -> RunResult {
    let log = EventLog()
    let time = VirtualTime(sandbox, from: try #require(blocking { await sandbox.now }))
    let plan = world.itinerary.plan
    let mesh = LiveMesh(sandbox, front: MeshFront(propagation: Propagation(0...800)))
    var environment = RunEnvironment(
      cluster: InProcessTransport.cluster(sandbox, requests: budget), clock: time.clock,
      wallTime: { time.timestamp.rfc3339Micro }, random: { 0.5 }, journal: MemoryJournal(),
      identity: RunIdentity(run: id, who: "ann@desk, pid 1"), tell: { log.add($0) })
    environment.prober = MeshProber(mesh, plan: plan)
    var options = RunOptions()
    options.settle = .seconds(1)
    options.waitForLock = .seconds(120)
    let run = Run(world.itinerary, environment: environment, options: options, stop: StopSignal())
    return try #require(
      time.run {
        await withTaskGroup(of: RunResult?.self) { group in
          group.addTask { await run.perform(goal) }
          group.addTask {
            await visitors.ask(mesh, plan, time)
            return nil
          }
          var result: RunResult?
          while result == nil, let next = await group.next() { result = next }
          group.cancelAll()
          return result ?? RunResult(.interrupted)
        }
      }, "it never ended:\n\(log.text)")
  }

  private func fork(_ sandbox: LiveCluster) async -> LiveCluster { LiveCluster(await sandbox.snapshot) }

  @Test(
    "killed at any write of any step and resumed, the scenario ends the same, and nobody meets an error",
    arguments: [false, true])
  func scenario(takesEffect: Bool) async throws {
    let world = try World(quietVoting)
    var start = world.sandbox
    var kills = 0
    for step in 1...4 {
      // The uninterrupted run of this step, from what the step before left.
      let straight = await fork(start)
      let writes = RequestBudget(writes: .max)
      let visitors = Visitors()
      let result = try run(world, straight, .apply(steps: step), id: "straight", budget: writes, visitors)
      #expect(result.outcome == .done && visitors.failures.isEmpty, "\(result) \(visitors.failures)")
      let wanted = await world.content(of: straight)
      for allowed in 0..<writes.count {
        let sandbox = await fork(start)
        let visitors = Visitors()
        let budget = RequestBudget(writes: allowed, lastTakesEffect: takesEffect)
        let killed = try run(world, sandbox, .apply(steps: step), id: "killed", budget: budget, visitors)
        // The last request gives the lock back: without its answer all is done all the same.
        #expect(killed.outcome != .done || allowed == writes.count - 1)
        let resumed = try run(world, sandbox, .apply(steps: step), id: "resumed", budget: nil, visitors)
        kills += 1
        #expect([.done, .unchanged].contains(resumed.outcome), "step \(step), write \(allowed): \(resumed)")
        let content = await world.content(of: sandbox)
        #expect(content == wanted, "step \(step), write \(allowed)")
        #expect(visitors.failures.isEmpty, "step \(step), write \(allowed): \(visitors.failures)")
        if content != wanted || !visitors.failures.isEmpty { return }
      }
      start = straight
      if step == 1 { await world.bringSecret(to: start) }
    }
    #expect(kills > 60)
  }
}
