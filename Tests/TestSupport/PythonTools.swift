package import Foundation

/// The Python environment that `Tests/tools/python-deps` makes, for second opinions from RE2 and Envoy.
package enum PythonTools {
  package static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// A Python that can import `module`; nil where there is none.
  package static func interpreter(importing module: String) -> URL? {
    let python = root.appendingPathComponent(".build-python/bin/python3")
    guard FileManager.default.isExecutableFile(atPath: python.path) else { return nil }
    let outcome = try? Subprocess.run([python.path, "-c", "import \(module)"])
    return outcome?.code == 0 ? python : nil
  }

  /// Runs a script of `Tests/tools` over `input` and returns what it printed.
  package static func run(_ python: URL, script: String, input: String) throws -> String {
    try Subprocess.run(
      [python.path, root.appendingPathComponent("Tests/tools/\(script)").path], input: Array(input.utf8)
    ).output
  }
}
