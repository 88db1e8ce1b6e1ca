import Foundation
import Glibc
import KubernetesModel
import Sandbox
import SandboxServer
import Synchronization
import TestSupport
import Testing

/// A sandbox over HTTP, and the built tool pointed at it. Tools run while the test waits without holding up a thread of
/// the pool: the server of the same process needs it.
final class SandboxSession: Sendable {
  let cluster: LiveCluster
  let scratch: Scratch

  private init(cluster: LiveCluster, scratch: Scratch) {
    self.cluster = cluster
    self.scratch = scratch
  }

  /// Serves until `body` is done.
  static func run(
    _ files: [String: String] = ["hello.rollout": helloPlan], _ body: (SandboxSession) async throws -> Void
  ) async throws {
    let session = SandboxSession(cluster: LiveCluster(), scratch: try Scratch())
    for (name, text) in files { try session.scratch.write(text, to: name) }
    let (ports, port) = AsyncStream<Int>.makeStream()
    let server = Task { try await SandboxServer(cluster: session.cluster).run { port.yield($0) } }
    defer { server.cancel() }
    for await number in ports {
      try session.scratch.write(SandboxServer.kubeconfig(port: number), to: "kubeconfig")
      break
    }
    try await body(session)
  }

  func rolloutc(_ arguments: String..., environment: [String: String] = [:]) async throws -> Outcome {
    try await run([#require(Tool.path)] + arguments, environment: environment)
  }

  /// - Parameter ended: called when it has ended, whether a thread of the pool is free or not.
  func shell(_ script: String, ended: @escaping @Sendable () -> Void = {}) async throws -> Outcome {
    try await run(["/bin/sh", "-c", script], ended: ended)
  }

  /// The tool on a terminal, and a person at it; see `Tests/tools/terminal`.
  func terminal(_ steps: [[Any]], _ arguments: String...) async throws -> TerminalOutcome {
    let file = "steps-\(UUID().uuidString).json"
    try scratch.write(String(decoding: JSONSerialization.data(withJSONObject: steps), as: UTF8.self), to: file)
    let outcome = try await run(
      ["python3", "\(Goldens.root)/Tests/tools/terminal", file, #require(Tool.path)] + arguments,
      environment: ["TERM": "xterm-256color", "NO_COLOR": ""], limit: 900)
    let object = try JSONSerialization.jsonObject(with: Data(outcome.outputBytes)) as? [String: Any]
    let result = try #require(object, "\(outcome.errors)")
    #expect(result["failure"] is NSNull, "\(result["failure"] ?? ""): \(result["text"] ?? "")")
    return TerminalOutcome(
      code: Int32(result["code"] as? Int ?? -1), text: result["text"] as? String ?? "",
      isRestored: result["isRestored"] as? Bool ?? false)
  }

  func run(
    _ arguments: [String], environment: [String: String] = [:], limit: Int = 600,
    ended: @escaping @Sendable () -> Void = {}
  ) async throws -> Outcome {
    let scratch = scratch
    let variables = environment.merging(["KUBECONFIG": scratch.path + "/kubeconfig"]) { first, _ in first }
    return try await Subprocess.running { started in
      defer { ended() }
      return try scratch.run(arguments, environment: variables, limit: limit, started: started)
    }
  }

  /// Asks `rolloutc status` until the plan is as `isSo` wants it.
  func status(until isSo: ([String: Any]) -> Bool) async throws {
    var last = ""
    for _ in 0..<600 {
      let outcome = try await rolloutc("status", "hello", "-o", "json")
      last = outcome.output + outcome.errors
      let object = try? JSONSerialization.jsonObject(with: Data(outcome.outputBytes)) as? [String: Any]
      // Before it has begun nothing is known of it.
      try #require(outcome.code == 0 || object?["ran"] as? Bool == false, "\(last)")
      if let object, isSo(object) { return }
      // Each answer is a process; what is waited for needs the processor, too.
      try await Task.sleep(for: .milliseconds(100))
    }
    throw NeverSo(last: last)
  }

  func names(_ path: String) async -> [String] {
    let answer = await cluster.respond(to: APIRequest("GET", path))
    return (answer.value?["items"]?.array ?? []).compactMap { $0.at("metadata", "name")?.string }
  }

  var deployments: [String] { get async { await names("/apis/apps/v1/namespaces/hello/deployments") } }

  /// Every event of the plan's story: `RunStarted`, `StepDone`, …
  var story: [String] {
    get async {
      let answer = await cluster.respond(to: APIRequest("GET", "/api/v1/namespaces/hello/events"))
      return (answer.value?["items"]?.array ?? []).filter {
        $0.at("involvedObject", "name")?.string == "rolloutc-hello"
      }.compactMap { $0["reason"]?.string }
    }
  }
}

struct TerminalOutcome {
  var code: Int32
  var text: String
  var isRestored: Bool
}

/// Two versions, and a question in between.
let helloPlan = """
  plan hello
  language 1
  mesh istio
  expose web on port 80
  component web {
    image registry.example.com/web
    port 8080 http
    replicas 2
    version 1.0, 2.0
  }
  on failure rollback
  step "Deploy 1.0" {
    deploy web 1.0
  }
  step "One in ten gets 2.0" {
    deploy web 2.0
    route web 10% -> 2.0
    approve "Is 2.0 good?"
  }
  step "Everybody gets 2.0" {
    route web all -> 2.0
    retire web 1.0
  }

  """
