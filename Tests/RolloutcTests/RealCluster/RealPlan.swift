import ClusterAPI
import Foundation
import KubernetesModel
import Lowering
import RolloutPlan
import TestSupport
import Testing

/// A plan of the project in a namespace of its own on the real control plane, with everything around it that is not the
/// plan's: a volume, the database's Secret that somebody keeps, and a folder with the plan for the built tool.
final class RealPlan: Sendable {
  let plane: ControlPlane
  let namespace: String
  let plan: Plan
  let scratch: Scratch
  let cluster: any Cluster

  /// The scenario, or another of `plans/`, as `edit` changes it line by line; nil leaves a line out.
  init(_ file: String = "aks-voting", edit: (Substring) -> String? = { String($0) }) async throws {
    plane = try await ControlPlane.shared()
    let name = "v-\(UInt32.random(in: .min ... .max))"
    namespace = name
    scratch = try Scratch()
    let lines = String(decoding: Goldens.bytes("plans/\(file).rollout") ?? [], as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    let hasNamespace = lines.contains { $0.hasPrefix("namespace ") }
    let text =
      lines.compactMap { line in
        if line.hasPrefix("namespace ") { return "namespace \(name)" }
        return line == "language 1" && !hasNamespace ? "language 1\nnamespace \(name)" : edit(line)
      }
      .joined(separator: "\n")
    let resolution = resolve(path: "plan.rollout", bytes: Array(text.utf8))
    plan = try #require(resolution.checked, "\(resolution.diagnostics)")
    try scratch.write(text, to: "plan.rollout")
    cluster = try plane.client()
    try await apply([
      "apiVersion": "v1", "kind": "PersistentVolume", "metadata": ["name": .string(namespace)],
      "spec": [
        "capacity": ["storage": "1Gi"], "accessModes": ["ReadWriteOnce"], "hostPath": ["path": "/nowhere"],
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": [
          "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": "mysql-pv-claim",
          "namespace": .string(namespace),
        ],
      ],
    ])
  }

  /// The scenario without what asks the outside.
  static func quietVoting() async throws -> RealPlan {
    let outside = ["verify", "approve", "probe", "pattern"]
    return try await RealPlan { line in
      let word = line.drop { $0 == " " }
      return outside.contains { word.hasPrefix($0) } ? nil : String(line)
    }
  }

  // MARK: - What others do

  func apply(_ object: Value) async throws {
    try await cluster.apply(object, by: "somebody")
  }

  /// As soon as the plan has made the namespace, and whether or not it does.
  func bringSecret() async throws {
    let secret: Value = [
      "apiVersion": "v1", "kind": "Secret",
      "metadata": ["name": "voting-storage-secret", "namespace": .string(namespace)],
      "stringData": [
        "MYSQL_USER": "u", "MYSQL_PASSWORD": "p", "MYSQL_DATABASE": "d", "MYSQL_ROOT_PASSWORD": "r",
      ],
    ]
    for _ in 0..<4000 where !Task.isCancelled {
      if (try? await apply(secret)) != nil { return }
      try await Task.sleep(for: .milliseconds(30))
    }
  }

  /// Does both for as long as `body` takes.
  func withOthers<T: Sendable>(_ body: () async throws -> T) async throws -> T {
    let secret = Task { try await bringSecret() }
    defer { secret.cancel() }
    return try await withEndpoints(of: namespace, in: cluster, body)
  }

  /// The namespace goes in its own time.
  func remove() async {
    for (kind, version) in [("Namespace", "v1"), ("PersistentVolume", "v1")] {
      guard let version = GroupVersion(version), let type = try? await cluster.resourceType(of: kind, in: version)
      else {
        continue
      }
      _ = try? await cluster.delete(DeleteRequest(type.named(namespace, in: ""), uid: nil))
    }
  }

  // MARK: - The tool

  struct Proxied {
    var requests: [String]
    /// Those of them at which it was killed.
    var kills: [String]
    var code: Int
    var output: String
  }

  /// Runs the tool through the proxy that kills it; see `Tests/tools/kill-proxy`.
  func proxied(_ arguments: [String], kill: Kill? = nil) async throws -> Proxied {
    let outcome = try await run(
      ["python3", "\(Goldens.root)/Tests/tools/kill-proxy", plane.directory] + (kill?.arguments ?? []) + [
        "--", #require(Tool.path),
      ]
        + arguments,
      // Hundreds of runs, where it is killed at each request.
      limit: 3600)
    let object = try JSONSerialization.jsonObject(with: Data(outcome.outputBytes)) as? [String: Any]
    let answer = try #require(object, "\(outcome.errors)")
    let requests = answer["requests"] as? [String] ?? []
    return Proxied(
      requests: requests, kills: (answer["kills"] as? [Int] ?? []).map { requests[$0 - 1] },
      code: answer["code"] as? Int ?? -1, output: answer["output"] as? String ?? "")
  }

  func rolloutc(_ arguments: String...) async throws -> Outcome { try await rolloutc(arguments) }

  func rolloutc(_ arguments: [String]) async throws -> Outcome {
    try await run([try #require(Tool.path)] + arguments)
  }

  /// Any program, with the cluster as its own.
  func run(_ arguments: [String], limit: Int = 600) async throws -> Outcome {
    let (scratch, variables) = (scratch, ["KUBECONFIG": plane.kubeconfig])
    return try await Subprocess.running { started in
      try scratch.run(arguments, environment: variables, limit: limit, started: started)
    }
  }

  /// Takes the lock from a run that was killed, as a person does who knows that it is dead.
  func unlock() async throws {
    let status = try await rolloutc("status", plan.name, "-n", namespace, "-o", "json")
    let object = try JSONSerialization.jsonObject(with: Data(status.outputBytes)) as? [String: Any]
    guard let run = (object?["lock"] as? [String: Any])?["run"] as? String else { return }
    let outcome = try await rolloutc("unlock", plan.name, "-n", namespace, "--run", run, "--yes")
    // It may have been given back meanwhile.
    #expect(outcome.code <= 1, "\(outcome.errors)")
  }

  // MARK: - What stands

  /// What the plan made, as far as it is the same on every server and in every run.
  func content() async throws -> [String: Value] { try await contentOfPlan(in: namespace, of: cluster) }
}

/// At which of the requests that change something a process is killed: before it, or when the server has answered it and
/// the tool has not heard of it.
enum Kill: Hashable, Sendable, CustomStringConvertible {
  /// Counted from 1.
  case at(Int, isAfter: Bool)
  /// At every one that it was not killed at before, and resumed each time.
  case each(isAfter: Bool)

  var isAfter: Bool {
    switch self {
    case .at(_, let isAfter), .each(let isAfter): isAfter
    }
  }

  fileprivate var arguments: [String] {
    let place =
      switch self {
      case .at(let number, _): ["--kill", "\(number)"]
      case .each: ["--each"]
      }
    return place + (isAfter ? ["--after"] : [])
  }

  var description: String {
    let place =
      switch self {
      case .at(let number, _): "request \(number)"
      case .each: "each request"
      }
    return "\(isAfter ? "after" : "before") \(place)"
  }
}
