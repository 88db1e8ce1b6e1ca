import Foundation
import Glibc
import TestSupport

/// A real Envoy with one static configuration, listening on a socket in a directory of its own.
final class EnvoyProcess {
  struct Failed: Error { var reason: String }

  static var executable: URL? {
    let path = PythonTools.root.appendingPathComponent(".build-python/bin/envoy")
    return FileManager.default.isExecutableFile(atPath: path.path) ? path : nil
  }

  let directory: URL
  private var pid: pid_t = 0
  var routesSocket: String { directory.appendingPathComponent("routes").path }

  init(_ executable: URL, configuration: (String) -> String) throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent(
      "rolloutc-envoy-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let file = directory.appendingPathComponent("envoy.json")
    try Data(configuration(directory.path).utf8).write(to: file)
    let log = directory.appendingPathComponent("log")
    _ = FileManager.default.createFile(atPath: log.path, contents: nil)
    // Not Foundation's `Process`: its end is noticed by a run loop, which the thread of a test need not have.
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, log.path, O_WRONLY, 0)
    // What this process has open is none of Envoy's business: a lock that it inherits would stay locked.
    for descriptor in Int32(3)..<512 { posix_spawn_file_actions_addclose(&actions, descriptor) }
    // The thread of a test may have signals blocked, and a child would keep them so and never hear of its end.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    // `timeout`, so that Envoy ends by itself where the tests were killed.
    let wrapper = "/usr/bin/timeout"
    let arguments = [
      wrapper, "-k", "1", "600", executable.path, "-c", file.path, "--concurrency", "1", "--disable-hot-restart", "-l",
      "error",
    ]
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    guard posix_spawn(&pid, wrapper, &actions, &attributes, pointers, environ) == 0 else {
      throw Failed(reason: "cannot start \(executable.path)")
    }
    // There is no event to wait for: the socket is there once the listener is.
    for _ in 0..<3000 {
      if let connection = HTTPConnection(path: routesSocket) {
        connection.close()
        return
      }
      var status: Int32 = 0
      if waitpid(pid, &status, WNOHANG) == pid {
        pid = 0
        break
      }
      usleep(20_000)
    }
    let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
    stop()
    throw Failed(reason: String(text.suffix(2000)))
  }

  func stop() {
    if pid > 0 {
      var status: Int32 = 0
      kill(pid, SIGTERM)
      waitpid(pid, &status, 0)
      pid = 0
    }
    try? FileManager.default.removeItem(at: directory)
  }
}

/// An HTTP/1.1 connection over a Unix socket that is kept open.
final class HTTPConnection {
  struct Response {
    var status: Int
    var headers: [(String, String)]
    var body: String

    func values(_ name: String) -> [String] { headers.filter { $0.0 == name }.map(\.1) }
    subscript(name: String) -> String? { values(name).first }
  }

  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var position = 0

  init?(path: String) {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { target in
      for (i, byte) in bytes.prefix(target.count - 1).enumerated() { target[i] = byte }
    }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
    }
    if status != 0 {
      Glibc.close(descriptor)
      return nil
    }
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  func close() { Glibc.close(descriptor) }

  func send(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      sent += count
    }
    return true
  }

  /// The next response; nil where the connection ends or stays silent.
  func receive() -> Response? {
    guard let head = readHead() else { return nil }
    var lines = head.components(separatedBy: "\r\n")
    let status = Int(lines.removeFirst().split(separator: " ").dropFirst().first ?? "") ?? 0
    let headers = lines.compactMap { line -> (String, String)? in
      guard let colon = line.firstIndex(of: ":") else { return nil }
      return (line[..<colon].lowercased(), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
    }
    let length = headers.first { $0.0 == "content-length" }.flatMap { Int($0.1) } ?? 0
    while buffer.count - position < length { if !fill() { return nil } }
    let body = String(decoding: buffer[position..<(position + length)], as: UTF8.self)
    position += length
    return Response(status: status, headers: headers, body: body)
  }

  private func readHead() -> String? {
    var scanned = position
    while true {
      while scanned + 3 < buffer.count {
        if buffer[scanned] == 13, buffer[scanned + 1] == 10, buffer[scanned + 2] == 13, buffer[scanned + 3] == 10 {
          let head = String(decoding: buffer[position..<scanned], as: UTF8.self)
          position = scanned + 4
          return head
        }
        scanned += 1
      }
      let consumed = position
      if !fill() { return nil }
      scanned -= consumed - position
    }
  }

  private func fill() -> Bool {
    buffer.removeFirst(position)
    position = 0
    var chunk = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    if count <= 0 { return false }
    buffer += chunk[..<count]
    return true
  }
}
