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

/// What a process left behind.
struct Outcome {
  var code: Int32
  var outputBytes: [UInt8]
  var errorBytes: [UInt8]

  var output: String { String(decoding: outputBytes, as: UTF8.self) }
  var errors: String { String(decoding: errorBytes, as: UTF8.self) }
}

/// A folder of its own for one test, gone with it.
final class Scratch {
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

  /// Runs a program here. Files, not pipes: nobody has to drain them while the process runs.
  /// - Parameter descriptors: what the process gets as standard output and error instead of files.
  func run(
    _ arguments: [String], input: [UInt8] = [], merged: Bool = false, environment: [String: String] = [:],
    errorDescriptor: Int32? = nil
  ) throws -> Outcome {
    let id = UUID().uuidString
    let (inFile, outFile, errFile) = ("\(path)/.in-\(id)", "\(path)/.out-\(id)", "\(path)/.err-\(id)")
    try Data(input).write(to: URL(fileURLWithPath: inFile))
    defer { for file in [inFile, outFile, errFile] { unlink(file) } }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, inFile, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, outFile, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600)
    if let errorDescriptor {
      posix_spawn_file_actions_adddup2(&actions, errorDescriptor, 2)
    } else if merged {
      posix_spawn_file_actions_adddup2(&actions, 1, 2)
    } else {
      posix_spawn_file_actions_addopen(&actions, 2, errFile, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600)
    }

    var variables = ProcessInfo.processInfo.environment
    for name in ["NO_COLOR", "TERM", "SWIFT_DETERMINISTIC_HASHING", "UPDATE_GOLDENS"] { variables[name] = nil }
    let folder = Tool.path.map { ($0 as NSString).deletingLastPathComponent + ":" } ?? ""
    variables["PATH"] = folder + (variables["PATH"] ?? "/usr/bin:/bin")
    variables.merge(environment) { $1 }

    // `env -C` goes into the folder first.
    let words = ["/usr/bin/env", "-C", path] + arguments
    var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid: pid_t = 0
    let problem = posix_spawn(&pid, words[0], &actions, nil, &argv, &envp)
    try #require(problem == 0, "\(arguments[0]): \(String(cString: strerror(problem)))")
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
    return Outcome(
      code: code, outputBytes: FileManager.default.contents(atPath: outFile).map(Array.init) ?? [],
      errorBytes: FileManager.default.contents(atPath: errFile).map(Array.init) ?? [])
  }
}
