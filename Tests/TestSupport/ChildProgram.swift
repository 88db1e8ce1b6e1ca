package import Foundation

/// A server that a test starts for itself, with a directory of its own, and ends with it.
package final class ChildProgram {
  package struct Failed: Error, CustomStringConvertible {
    package var description: String
  }

  package let directory: URL
  private let process: Subprocess
  private let log: String

  /// A new directory below the system's for temporary files.
  package static func temporaryDirectory(_ name: String) throws -> URL {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
      "rolloutc-\(name)-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    return directory
  }

  /// - Parameter directory: becomes the program's own, and is removed with it.
  package init(_ executable: URL, _ arguments: [String], in directory: URL) throws {
    self.directory = directory
    log = directory.appendingPathComponent("log").path
    // `timeout`, so that the program ends by itself where the tests were killed.
    process = try Subprocess(
      ["/usr/bin/timeout", "-k", "1", "600", executable.path] + arguments, streams: .init(error: .file(log)))
  }

  deinit { stop() }

  /// There is no event to wait for: a server is there once it answers. Throws what it wrote when it ended instead.
  package func wait(until isReady: () -> Bool) throws {
    for _ in 0..<3000 where process.poll() == nil {
      if isReady() { return }
      usleep(20_000)
    }
    let text = written
    stop()
    throw Failed(description: text)
  }

  /// For a program that ends by itself: throws what it wrote where it failed.
  package func waitForEnd() throws {
    if process.wait() != 0 { throw Failed(description: written) }
  }

  private var written: String { String(((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").suffix(2000)) }

  package func stop() {
    process.send(SIGTERM)
    _ = process.wait(limit: 10)
    try? FileManager.default.removeItem(at: directory)
  }

  /// A port that nobody listens on at this moment.
  package static func freePort() throws -> Int {
    let server = try LoopbackServer { _ in .init() }
    defer { server.stop() }
    return server.port
  }
}
