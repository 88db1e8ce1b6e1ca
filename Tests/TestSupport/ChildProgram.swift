package import Foundation
import Glibc

/// A server that a test starts for itself, with a directory of its own, and ends with it.
package final class ChildProgram {
  package struct Failed: Error, CustomStringConvertible {
    package var description: String
  }

  package let directory: URL
  private var pid: pid_t = 0
  private var log: URL { directory.appendingPathComponent("log") }

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
    _ = FileManager.default.createFile(atPath: log.path, contents: nil)
    // Not Foundation's `Process`: its end is noticed by a run loop, which the thread of a test need not have.
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, log.path, O_WRONLY, 0)
    // What this process has open is none of the program's business: a lock that it inherits would stay locked.
    for descriptor in Int32(3)..<512 { posix_spawn_file_actions_addclose(&actions, descriptor) }
    // The thread of a test may have signals blocked, and a child would keep them so and never hear of its end.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    // `timeout`, so that the program ends by itself where the tests were killed.
    let wrapper = "/usr/bin/timeout"
    var pointers: [UnsafeMutablePointer<CChar>?] = ([wrapper, "-k", "1", "600", executable.path] + arguments)
      .map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    guard posix_spawn(&pid, wrapper, &actions, &attributes, pointers, environ) == 0 else {
      throw Failed(description: "cannot start \(executable.path)")
    }
  }

  deinit { stop() }

  /// There is no event to wait for: a server is there once it answers. Throws what it wrote when it ended instead.
  package func wait(until isReady: () -> Bool) throws {
    for _ in 0..<3000 {
      if isReady() { return }
      var status: Int32 = 0
      if waitpid(pid, &status, WNOHANG) == pid {
        pid = 0
        break
      }
      usleep(20_000)
    }
    let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
    stop()
    throw Failed(description: String(text.suffix(2000)))
  }

  /// For a program that ends by itself: throws what it wrote where it failed.
  package func waitForEnd() throws {
    var status: Int32 = 0
    let ended = waitpid(pid, &status, 0)
    pid = 0
    let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
    if ended < 0 || status != 0 { throw Failed(description: String(text.suffix(2000))) }
  }

  package func stop() {
    if pid > 0 {
      var status: Int32 = 0
      kill(pid, SIGTERM)
      waitpid(pid, &status, 0)
      pid = 0
    }
    try? FileManager.default.removeItem(at: directory)
  }

  /// A port that nobody listens on at this moment.
  package static func freePort() throws -> Int {
    let server = try LoopbackServer { _ in .init() }
    defer { server.stop() }
    return server.port
  }
}
