package import Foundation

/// The Python environment that `Tests/tools/python-deps` makes, for second opinions from RE2 and Envoy.
package enum PythonTools {
  package static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// A Python that can import `module`; nil where there is none.
  package static func interpreter(importing module: String) -> URL? {
    let python = root.appendingPathComponent(".build-python/bin/python3")
    guard FileManager.default.isExecutableFile(atPath: python.path) else { return nil }
    let process = Process()
    process.executableURL = python
    process.arguments = ["-c", "import \(module)"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    process.waitUntilExit()
    return process.terminationStatus == 0 ? python : nil
  }

  /// Says on standard error that a test is skipped: a skipped judge must not look like a judgement.
  package static func announceSkip(_ test: String, missing: String) {
    FileHandle.standardError.write(
      Data("SKIPPED: \(test): \(missing) is not installed; run Tests/tools/python-deps\n".utf8)
    )
  }

  /// Runs a script of `Tests/tools` over `input` and returns what it printed.
  package static func run(_ python: URL, script: String, input: String) throws -> String {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("rolloutc-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let inputFile = directory.appendingPathComponent("input")
    let outputFile = directory.appendingPathComponent("output")
    try Data(input.utf8).write(to: inputFile)
    _ = FileManager.default.createFile(atPath: outputFile.path, contents: nil)
    let process = Process()
    process.executableURL = python
    process.arguments = [root.appendingPathComponent("Tests/tools/\(script)").path]
    process.standardInput = try FileHandle(forReadingFrom: inputFile)
    process.standardOutput = try FileHandle(forWritingTo: outputFile)
    try process.run()
    process.waitUntilExit()
    return try String(decoding: Data(contentsOf: outputFile), as: UTF8.self)
  }
}
