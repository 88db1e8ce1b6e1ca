package import Foundation
package import Testing

/// Programs that some tests ask for a second opinion: Graphviz, a Python.
package enum Programs {
  /// The program of that name on the `PATH`; nil where it is not installed.
  package static func installed(_ name: String) -> URL? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    return folders.map { URL(fileURLWithPath: "\($0)/\(name)") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }

  /// Writes each text to a file and runs `program` with `arguments` and the files' names; gives what it said, and its
  /// exit code.
  package static func run(
    _ program: URL, _ arguments: [String], on texts: [String]
  ) throws -> (code: Int32, words: String) {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("rolloutc-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    var files: [String] = []
    for (n, text) in texts.enumerated() {
      let file = directory.appendingPathComponent("\(n)")
      try Data(text.utf8).write(to: file)
      files.append(file.path)
    }
    let words = directory.appendingPathComponent("words")
    _ = FileManager.default.createFile(atPath: words.path, contents: nil)
    let handle = try FileHandle(forWritingTo: words)
    let process = Process()
    process.executableURL = program
    process.arguments = arguments + files
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, try String(decoding: Data(contentsOf: words), as: UTF8.self))
  }
}

extension Trait where Self == ConditionTrait {
  /// Skipped, for everybody to see, where a program is not on the `PATH`: a missing judge must not look like a judgement.
  package static func needs(_ program: String) -> ConditionTrait {
    .enabled(if: Programs.installed(program) != nil, "\(program) is not installed")
  }
}
