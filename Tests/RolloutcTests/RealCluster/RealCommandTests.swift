import KubernetesModel
import RolloutPlan
import TestSupport
import Testing

/// The built tool from the first step to the last and back, on the real control plane. A stand-in for the gateway answers
/// as the objects that the server holds would have it, with the pages of the versions that they lead to.
@Suite(.controlPlane, .enabled(if: Tool.isBuilt), .serialized, .timeLimit(.minutes(40)))
struct RealCommandTests {
  /// Pages of the two applications, by the versions that a request meets.
  private static func page(_ versions: [String: String]) -> String {
    if versions["productpage"] != nil { return "<html><body>Book Details</body></html>" }
    let results = versions["analytics"] == "1.0" ? "Cats: 3 | Dogs: 4" : "Cats: 3/7 (42%) | Dogs: 4/7 (57%)"
    let store = versions["voting-app"] == "2.0" ? "mysql" : "redis"
    return "<html><body><div id=results>\(results)</div><div id=footer>store: \(store)</div></body></html>"
  }

  private static func gateway(_ plan: Plan, _ history: ServerHistory) throws -> LoopbackServer {
    try LoopbackServer { request in
      let cookies = request.headers.filter { $0.name == "cookie" || $0.name == "end-user" }.map { ($0.name, $0.value) }
      let (versions, stamp) = ServedMesh.answer(to: cookies, of: plan, in: history.events)
      if versions.isEmpty { return .init(404, "") }
      return .init(200, page(versions), type: "text/html", headers: stamp.map { [("x-rollout-step", $0)] } ?? [])
    }
  }

  /// Says yes to whatever is asked, until the task is cancelled.
  private func approve(_ real: RealPlan) async throws {
    while !Task.isCancelled {
      _ = try await real.rolloutc("approve", real.plan.name, "-n", real.namespace)
      try await Task.sleep(for: .milliseconds(300))
    }
  }

  /// `kubectl describe` of what the plan owns tells each step. (It sorts by whole seconds, so no order is looked at.)
  private func expectStory(of real: RealPlan) async throws {
    guard Tool.installed("kubectl") != nil else { return Tool.announce("kubectl is not installed") }
    let described = try await real.run(
      ["kubectl", "describe", "configmap", "rolloutc-\(real.plan.name)", "-n", real.namespace])
    #expect(described.code == 0, "\(described.errors)")
    let story = try #require(described.output.split(separator: "\nEvents:").last, "\(described.output)")
    let lines = story.split(separator: "\n").filter { $0.contains("rolloutc") }
    for (index, step) in real.plan.steps.enumerated() {
      for reason in ["StepStarted", "StepDone"] {
        let text = "step \(index + 1) of \(real.plan.steps.count): \(step.name)"
        #expect(lines.contains { $0.contains(reason) && $0.hasSuffix(text) }, "no \(reason), \(text):\n\(story)")
      }
    }
    #expect(lines.allSatisfy { $0.contains("Normal") }, "\(story)")
  }

  private func upAndBack(_ real: RealPlan) async throws {
    let history = try await ServerHistory(real.namespace, in: real.cluster)
    let server = try Self.gateway(real.plan, history)
    defer {
      server.stop()
      history.stop()
    }
    let steps = real.plan.steps.count
    let common = ["plan.rollout", "--yes", "--settle", "0", "--gateway", "127.0.0.1:\(server.port)"]
    try await real.withOthers {
      let approver = Task { try await approve(real) }
      defer { approver.cancel() }
      let first = try await real.rolloutc(["apply"] + common)
      try #require(first.code == 0, "\(first.output)\(first.errors)")
      let status = try await real.rolloutc(["status", real.plan.name, "-n", real.namespace])
      #expect(status.output.contains("\(steps) of \(steps) steps done"), "\(status.output)")
      try await expectStory(of: real)
      let content = try await real.content()

      let second = try await real.proxied(["apply"] + common)
      #expect(second.code == 0 && second.output.contains("nothing was written"), "\(second.output)")
      let others = second.requests.filter { !$0.contains("/leases") && !$0.contains("/configmaps") }
      #expect(others.isEmpty, "\(others)")
      #expect(try await real.content() == content)

      let back = try await real.rolloutc(["rollback"] + common)
      #expect(back.code == 0, "\(back.output)\(back.errors)")
      let after = try await real.rolloutc(["status", real.plan.name, "-n", real.namespace])
      #expect(after.output.contains("\(steps - 1) of \(steps) steps done"), "\(after.output)")
    }
    #expect(ServedMesh.violations(of: real.plan, in: try await history.caughtUp()) == [])
    await real.remove()
  }

  @Test("the scenario, with its verifications and its question") func voting() async throws {
    try await upAndBack(try await RealPlan())
  }

  @Test("Bookinfo, with seconds for minutes") func bookinfo() async throws {
    try await upAndBack(
      try await RealPlan("bookinfo") {
        String($0.replacing("pause 10m", with: "pause 1s").replacing("every 10m", with: "every 1s"))
      })
  }
}
