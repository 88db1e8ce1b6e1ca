import Lowering
import RolloutPlan
import Testing

/// What is waited for before something stops, and how.
@Suite struct DrainedGateTests {
  private static let head = """
    plan shop
    language 1
    mesh istio
    expose web on port 80

    """

  private static func component(_ name: String, calls: String = "", port: Bool = true, _ versions: String = "1, 2")
    -> String
  {
    "component \(name) {\n  image \(name)\n" + (port ? "  port 8080 http\n" : "")
      + (calls.isEmpty ? "" : "  calls \(calls)\n") + "  version \(versions)\n}\n"
  }

  private static let releases = """
    release r1 {
      web 1
      api 1
    }
    release r2 {
      web 2
      api 2
    }

    """

  /// The phases of the last segment that stop something or wait until something is empty.
  private func gates(_ text: String) throws -> [String] {
    let resolution = resolve(path: "plan.rollout", bytes: Array((Self.head + text).utf8))
    let plan = try #require(resolution.checked, "\(resolution.diagnostics.map(\.message))")
    let compiled = compile(plan)
    let last = try #require(compiled.steps.last?.segments.last)
    return last.phases.flatMap { phase in
      phase.gates.compactMap { gate -> String? in
        func names(_ versions: [WorkloadRef]) -> String {
          versions.map { "\($0.app) \($0.version)" }.sorted().joined(separator: ", ")
        }
        switch gate {
        case .drained(let quiet, let byTime): return "\(phase.kind.rawValue): drained \(names(quiet)); \(names(byTime))"
        case .stopped(let ids):
          return "\(phase.kind.rawValue): stopped " + ids.map(\.name).sorted().joined(separator: ", ")
        default: return nil
        }
      }
    }
  }

  @Test("what nobody in the plan calls may be called from outside: it is drained before it stops")
  func uncalled() throws {
    let found = try gates(
      Self.component("web", "1") + Self.component("payments")
        + "step \"a\" {\n  deploy web 1\n  deploy payments 1\n}\n"
        + "step \"b\" {\n  deploy payments 2\n  route payments all -> 2\n  retire payments 1\n}\n")
    #expect(found == ["switch-inner: drained payments 1; ", "stop-workloads: stopped payments-1"])
  }

  @Test("nobody asks what has no port, or no pods any more")
  func nothingToAsk() throws {
    let found = try gates(
      Self.component("web", "1") + Self.component("worker", port: false)
        + "step \"a\" {\n  deploy web 1\n  deploy worker 1\n}\n"
        + "step \"b\" {\n  deploy worker 2\n  retire worker 1\n}\n")
    #expect(found == ["stop-workloads: stopped worker-1"])
    let asleep = try gates(
      Self.component("web", calls: "api", "1") + Self.component("api")
        + "step \"a\" {\n  deploy web 1\n  deploy api 1\n  deploy api 2 replicas 0\n}\n"
        + "step \"b\" {\n  retire api 2\n}\n")
    #expect(asleep == [])
  }

  @Test("what a dark release still calls is waited for by time alone, be it that all of it stays")
  func darkCallers() throws {
    let plan =
      Self.component("web", calls: "api") + Self.component("api") + Self.releases
      + "step \"a\" {\n  deploy release r1\n}\nstep \"b\" {\n  deploy release r2\n  route web all -> 2\n"
    #expect(try gates(plan + "}\n") == ["switch-entry: drained web 1; api 1"])
    #expect(
      try gates(plan + "  retire r1\n}\n") == [
        "switch-entry: drained web 1; api 1", "stop-workloads: stopped api-1, web-1",
      ])
  }

  @Test("visitors are looked for where they come in, though something behind calls back")
  func callbacks() throws {
    let found = try gates(
      Self.component("web", calls: "api") + Self.component("api", calls: "web") + Self.releases
        + "step \"a\" {\n  deploy release r1\n}\nstep \"b\" {\n  deploy release r2\n  route web all -> 2\n  retire r1\n}\n"
    )
    #expect(found == ["switch-entry: drained web 1; api 1", "stop-workloads: stopped api-1, web-1"])
  }

  @Test("a caller that stays lets go of what leaves its release, which is drained after that")
  func detached() throws {
    let found = try gates(
      Self.component("web", calls: "api") + Self.component("api") + Self.releases
        + "step \"a\" {\n  deploy release r1\n}\n"
        + "step \"b\" {\n  deploy release r2\n  route web all -> 2\n  retire api 1\n}\n")
    #expect(
      found == [
        "switch-entry: drained web 1; api 1", "close-lanes: drained api 1; ", "stop-workloads: stopped api-1",
      ])
  }

  @Test("what a worker called is waited for when the worker is gone")
  func behindAWorker() throws {
    let found = try gates(
      Self.component("web", "1") + Self.component("worker", calls: "store", port: false) + Self.component("store")
        + "release r1 {\n  worker 1\n  store 1\n}\nrelease r2 {\n  worker 2\n  store 2\n}\n"
        + "step \"a\" {\n  deploy web 1\n  deploy release r1\n}\n"
        + "step \"b\" {\n  deploy release r2\n  retire worker 1\n}\n")
    #expect(found == ["stop-workloads: stopped worker-1", "stop-workloads: drained store 1; "])
  }
}
