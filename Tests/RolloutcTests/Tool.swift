import Foundation
import Glibc
import TestSupport
import Testing

/// The built `rolloutc`, run as a person runs it: as a process, with its exit code and what it wrote.
enum Tool {
  /// Beside the test bundle; nil where the product was not built.
  static let path: String? = {
    var candidates: [String] = []
    if let test = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
      candidates.append((test as NSString).deletingLastPathComponent + "/rolloutc")
    }
    candidates.append((CommandLine.arguments[0] as NSString).deletingLastPathComponent + "/rolloutc")
    candidates.append(Goldens.root + "/.build/debug/rolloutc")
    return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  static let isBuilt: Bool = {
    if path == nil { announce("rolloutc is not built; run `swift build`") }
    return path != nil
  }()

  /// A skipped test must not look like a passed one.
  static func announce(_ reason: String) {
    FileHandle.standardError.write(Data("SKIPPED: \(reason)\n".utf8))
  }

  /// The program of that name on the `PATH`; nil where it is not installed.
  static func installed(_ name: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}

typealias Outcome = Subprocess.Outcome

/// A folder of its own for one test, gone with it.
final class Scratch: Sendable {
  let path: String

  /// With the repository's plans in `plans/`, if `withPlans`.
  init(withPlans: Bool = false) throws {
    path = FileManager.default.temporaryDirectory.path + "/rolloutc-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    if withPlans { try FileManager.default.copyItem(atPath: Goldens.root + "/plans", toPath: path + "/plans") }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
  }

  func read(_ name: String) -> [UInt8]? { FileManager.default.contents(atPath: path + "/" + name).map(Array.init) }

  func text(_ name: String) -> String? { read(name).map { String(decoding: $0, as: UTF8.self) } }

  /// Every file below, by its relative path; names of folders end in `/`.
  func files(below folder: String) -> [String] {
    guard let names = FileManager.default.enumerator(atPath: path + "/" + folder) else { return [] }
    return names.compactMap { $0 as? String }.map { name in
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: "\(path)/\(folder)/\(name)", isDirectory: &isFolder)
      return isFolder.boolValue ? name + "/" : name
    }.sorted()
  }

  /// The content of every file below a folder.
  func tree(_ folder: String) -> [String: [UInt8]] {
    var tree: [String: [UInt8]] = [:]
    for name in files(below: folder) { tree[name] = name.hasSuffix("/") ? [] : read(folder + "/" + name) ?? [] }
    return tree
  }

  func rolloutc(_ arguments: String..., input: String = "", environment: [String: String] = [:]) throws -> Outcome {
    try run([#require(Tool.path)] + arguments, input: Array(input.utf8), environment: environment)
  }

  /// A line of shell, with the built `rolloutc` on the `PATH`; with `merged`, both streams as a terminal shows them.
  func shell(_ script: String, merged: Bool = false, environment: [String: String] = [:]) throws -> Outcome {
    try run(["/bin/sh", "-c", script], merged: merged, environment: environment)
  }

  /// Runs a program here, and holds no thread of the pool meanwhile.
  func running(_ arguments: [String]) async throws -> Outcome {
    try await Subprocess.running { [self] started in try run(arguments, started: started) }
  }

  /// Runs a program here.
  /// - Parameter errorDescriptor: what the process gets as standard error instead of a file.
  func run(
    _ arguments: [String], input: [UInt8] = [], merged: Bool = false, environment: [String: String] = [:],
    errorDescriptor: Int32? = nil, limit: Int = 600, started: (Subprocess) -> Void = { _ in }
  ) throws -> Outcome {
    var variables = ProcessInfo.processInfo.environment
    for name in ["NO_COLOR", "TERM", "SWIFT_DETERMINISTIC_HASHING", "UPDATE_GOLDENS"] { variables[name] = nil }
    let folder = Tool.path.map { ($0 as NSString).deletingLastPathComponent + ":" } ?? ""
    variables["PATH"] = folder + (variables["PATH"] ?? "/usr/bin:/bin")
    variables.merge(environment) { $1 }
    return try Subprocess.run(
      arguments, in: path, input: input, merged: merged, environment: variables, errorDescriptor: errorDescriptor,
      limit: limit, started: started)
  }
}
