import Foundation
package import Testing

/// A real Kubernetes API server with its controllers and one hollow node, started once for a test run by
/// `Tests/tools/control-plane` and ended with the test process, however that ends.
package struct ControlPlane: Sendable {
  /// Holds `kubeconfig` (admin), `limited.kubeconfig` (may do nothing), `ca.crt`, `client.crt`, `client.key`,
  /// `admin.token`, `limited.token`, and a log for each program.
  package let directory: String

  package var kubeconfig: String { "\(directory)/kubeconfig" }

  package func text(_ file: String) throws -> String {
    try String(contentsOfFile: "\(directory)/\(file)", encoding: .utf8)
  }

  /// `https://127.0.0.1:PORT`.
  package func server() throws -> String {
    for line in try text("kubeconfig").split(separator: "\n") {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.hasPrefix("server: ") { return String(line.dropFirst("server: ".count)) }
    }
    throw ControlPlaneError(message: "the kubeconfig has no server")
  }

  /// Whether the binaries are there: in `$ROLLOUTC_CONTROL_PLANE` or in the cache.
  package static let isAvailable: Bool = {
    guard let result = try? runTool(["status"]), result.code == 0 else {
      FileHandle.standardError.write(
        Data(
          """

          *** SKIPPING ALL TESTS AGAINST A REAL API SERVER: there are no binaries.
          *** `Tests/tools/control-plane build` makes them (Debian, root, about 6 minutes, once).


          """.utf8))
      return false
    }
    return true
  }()

  /// The one of this test run.
  package static func shared() async throws -> ControlPlane { try await Starter.shared.controlPlane() }

  private static let tool = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "tools/control-plane").path

  fileprivate static func start() throws -> ControlPlane {
    let pid = ProcessInfo.processInfo.processIdentifier
    let name = NSTemporaryDirectory() + "rolloutc-control-plane-\(pid)"
    var failures: [(directory: String, output: String)] = []
    // Somebody may have taken a port meanwhile, or the machine was too slow: once more, in a directory of its own.
    for directory in [name, name + "-2", name + "-3"] {
      var arguments = ["start", directory, "--owner", String(pid)]
      for file in crds { arguments += ["--crds", file] }
      let result = try runTool(arguments)
      if result.code == 0 {
        for failure in failures { try? FileManager.default.removeItem(atPath: failure.directory) }
        return ControlPlane(directory: directory)
      }
      failures.append((directory, result.output))
      FileHandle.standardError.write(Data("the control plane does not start: \(result.output)\n".utf8))
    }
    throw ControlPlaneError(message: failures.map(\.output).joined(separator: "\n"))
  }

  /// Istio's own definitions where they are at hand, else its kinds without their schemas.
  private static var crds: [String] {
    let root = URL(filePath: tool).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let candidates = [
      root.deletingLastPathComponent().appending(path: "shared/reference/crds/istio.yaml"),
      root.appending(path: "Tests/Corpus/crds/istio.yaml"),
    ]
    return candidates.map(\.path).first { FileManager.default.isReadableFile(atPath: $0) }.map { [$0] } ?? []
  }

  private static func runTool(_ arguments: [String]) throws -> (code: Int32, output: String) {
    let outcome = try Subprocess.run(["bash", tool] + arguments, merged: true, limit: 1800)
    return (outcome.code, outcome.output)
  }
}

package struct ControlPlaneError: Error, CustomStringConvertible {
  package var message: String
  package var description: String { "no control plane: \(message)" }
}

/// Starts it for the first test that asks; the others wait for the same one.
private actor Starter {
  static let shared = Starter()
  private var task: Task<ControlPlane, any Error>?

  func controlPlane() async throws -> ControlPlane {
    if let task { return try await task.value }
    let task = Task.detached {
      try await withCheckedThrowingContinuation { continuation in
        // On a thread of its own: starting takes 15 seconds.
        Thread.detachNewThread { continuation.resume(with: Result { try ControlPlane.start() }) }
      }
    }
    self.task = task
    return try await task.value
  }
}

extension Trait where Self == ConditionTrait {
  /// For tests that need a real API server.
  package static var controlPlane: Self {
    .enabled(
      if: ControlPlane.isAvailable,
      "there are no binaries of a control plane; `Tests/tools/control-plane build` makes them")
  }
}
