import Foundation

/// A small HTTP/1.1 server for tests, on a port that the system chooses. Each connection has a thread of its own, so that
/// a test which blocks the cooperative pool cannot starve it.
package final class LoopbackServer: @unchecked Sendable {
  package struct Request: Sendable {
    package var method: String
    package var path: String
    /// Names in lower case, in order.
    package var headers: [(name: String, value: String)]
    package var body: String
    /// Which connection it came by, counted from 1.
    package var connection: Int

    package subscript(name: String) -> String? { headers.first { $0.name == name }?.value }
  }

  package struct Response: Sendable {
    package var status = 200
    package var headers: [(String, String)] = [("Content-Type", "text/plain")]
    package var body: [UInt8] = []

    package init(
      _ status: Int = 200, _ body: String = "", type: String = "text/plain", headers: [(String, String)] = []
    ) {
      self.status = status
      self.body = Array(body.utf8)
      self.headers = [("Content-Type", type)] + headers
    }
  }

  package let port: Int
  package let address: String
  private let listener: Int32
  private let handler: @Sendable (Request) -> Response
  private let lock = NSLock()
  private var seen: [Request] = []
  private var open: Set<Int32> = []
  private var connections = 0
  private var isStopped = false
  /// Once nobody can connect any more.
  private let closed = DispatchSemaphore(value: 0)

  package init(on address: String = "127.0.0.1", handler: @escaping @Sendable (Request) -> Response) throws {
    self.address = address
    self.handler = handler
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var one: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    inet_pton(AF_INET, address, &name.sin_addr)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(listener, pointer, size) == 0 && listen(listener, 64) == 0
          && getsockname(listener, pointer, &size) == 0
      }
    }
    guard code else {
      close(listener)
      throw POSIXError(.EADDRNOTAVAIL)
    }
    self.listener = listener
    port = Int(UInt16(bigEndian: name.sin_port))
    Thread.detachNewThread { [self] in accept() }
  }

  deinit { stop() }

  /// `127.0.0.1:PORT`.
  package var authority: String { "\(address):\(port)" }
  package var requests: [Request] { lock.withLock { seen } }

  package func stop() {
    let isFirst = lock.withLock { () -> Bool in
      if isStopped { return false }
      isStopped = true
      // Whoever reads from a descriptor closes it: its number may be another's as soon as it is closed.
      for descriptor in open.union([listener]) { shutdown(descriptor, Int32(SHUT_RDWR)) }
      return true
    }
    if isFirst { _ = closed.wait(timeout: .now() + 10) }
  }

  private func accept() {
    defer {
      close(listener)
      closed.signal()
    }
    while true {
      let descriptor = Foundation.accept(listener, nil, nil)
      guard descriptor >= 0 else {
        if lock.withLock({ isStopped }) { return }
        // A client that has left again, or too many files for a moment.
        usleep(1000)
        continue
      }
      let number = lock.withLock { () -> Int? in
        if isStopped { return nil }
        connections += 1
        open.insert(descriptor)
        return connections
      }
      guard let number else {
        close(descriptor)
        return
      }
      Thread.detachNewThread { [self] in
        serve(descriptor, number)
        lock.withLock {
          open.remove(descriptor)
          close(descriptor)
        }
      }
    }
  }

  private func serve(_ descriptor: Int32, _ number: Int) {
    var buffer: [UInt8] = []
    func fill() -> Bool {
      var chunk = [UInt8](repeating: 0, count: 65536)
      let count = recv(descriptor, &chunk, chunk.count, 0)
      if count > 0 { buffer += chunk[..<count] }
      return count > 0
    }
    while true {
      while buffer.firstRange(of: Array("\r\n\r\n".utf8)) == nil { if !fill() { return } }
      guard let end = buffer.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
      var lines = String(decoding: buffer[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
      buffer.removeFirst(end.upperBound)
      let words = lines.removeFirst().split(separator: " ").map(String.init)
      guard words.count == 3 else { return }
      let headers = lines.compactMap { line -> (name: String, value: String)? in
        guard let colon = line.firstIndex(of: ":") else { return nil }
        return (
          line[..<colon].lowercased(), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        )
      }
      let length = headers.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
      while buffer.count < length { if !fill() { return } }
      let body = String(decoding: buffer.prefix(length), as: UTF8.self)
      buffer.removeFirst(length)
      let request = Request(method: words[0], path: words[1], headers: headers, body: body, connection: number)
      lock.withLock { seen.append(request) }
      let response = handler(request)
      var head = "HTTP/1.1 \(response.status) Status\r\n"
      for (name, value) in response.headers { head += "\(name): \(value)\r\n" }
      head += "Content-Length: \(response.body.count)\r\n\r\n"
      let bytes = Array(head.utf8) + (request.method == "HEAD" ? [] : response.body)
      var sent = 0
      while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count <= 0 { return }
        sent += count
      }
    }
  }
}
