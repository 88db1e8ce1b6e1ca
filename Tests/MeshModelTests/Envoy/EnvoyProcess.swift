import Foundation
import Glibc
import TestSupport

/// A real Envoy with one static configuration, listening on a socket in a directory of its own.
final class EnvoyProcess {
  static var executable: URL? {
    let path = PythonTools.root.appendingPathComponent(".build-python/bin/envoy")
    return FileManager.default.isExecutableFile(atPath: path.path) ? path : nil
  }

  private let program: ChildProgram
  var directory: URL { program.directory }
  var routesSocket: String { directory.appendingPathComponent("routes").path }

  init(_ executable: URL, configuration: (String) -> String) throws {
    let directory = try ChildProgram.temporaryDirectory("envoy")
    let file = directory.appendingPathComponent("envoy.json")
    try Data(configuration(directory.path).utf8).write(to: file)
    program = try ChildProgram(
      executable, ["-c", file.path, "--concurrency", "1", "--disable-hot-restart", "-l", "error"], in: directory)
    try program.wait { [self] in
      guard let connection = HTTPConnection(path: routesSocket) else { return false }
      connection.close()
      return true
    }
  }

  func stop() { program.stop() }
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
