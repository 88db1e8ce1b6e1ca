import Foundation
import Glibc
import KubernetesModel
import Sandbox
import SandboxServer
import TestSupport
import Testing

/// A client's end of a connection to 127.0.0.1, closed with it.
private final class Socket: Sendable {
  private let descriptor: Int32

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(descriptor >= 0 && result == 0)
    var limit = timeval(tv_sec: 300, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  func send(_ text: String) {
    _ = Array(text.utf8).withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
  }

  /// What comes next; empty at the end, nil where nothing comes for a long time.
  func receive() -> String? {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count < 0, errno == EAGAIN { return nil }
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
  }

  /// Whether the server has closed it.
  var isClosed: Bool {
    var byte: UInt8 = 0
    let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    return count == 0 || count < 0 && errno != EAGAIN
  }
}

/// Expects the status of an answer.
private func expect(
  _ status: Int, _ port: Int, _ line: String, _ headers: [String], _ body: String = "",
  at location: SourceLocation = #_sourceLocation
) async throws {
  let answer = try await onThread { () -> Int? in
    let socket = try Socket(port: port)
    let length = body.isEmpty ? [] : ["Content-Length: \(body.utf8.count)"]
    socket.send((["\(line) HTTP/1.1", "Connection: close"] + headers + length + ["", body]).joined(separator: "\r\n"))
    return Int((socket.receive() ?? "").split(separator: " ").dropFirst().first ?? "")
  }
  #expect(answer == status, "\(line) \(headers)", sourceLocation: location)
}

@Suite("The sandbox over HTTP") struct ServerTests {
  /// A browser lets any page send requests to this computer, and says whose they are.
  @Test(.timeLimit(.minutes(20))) func pagesOfOtherSitesGetNothing() async throws {
    try await withServer(LiveCluster()) { _, port in
      let own = "127.0.0.1:\(port)"
      let cases: [([String], Int)] = [
        (["Host: \(own)"], 200), (["Host: localhost:\(port)"], 200), (["Host: LOCALHOST"], 200),
        (["Host: [::1]:\(port)"], 200), (["Host: localhost:8001"], 200),
        (["Host: \(own)", "Origin: http://\(own)"], 200),
        (["Host: evil.example:\(port)"], 403), (["Host: 127.0.0.1.evil.example"], 403),
        (["Host: localhost:x@evil.example"], 403), (["Host: localhost.evil.example"], 403),
        (["Host: \(own)", "Origin: http://evil.example"], 403), (["Host: \(own)", "Origin: null"], 403),
        (["Host: \(own)", "Origin: http://127.0.0.1:1"], 403),
        (["Host: evil.example", "Origin: http://evil.example"], 403),
      ]
      for (headers, status) in cases {
        try await expect(status, port, "GET /api/v1/secrets", headers)
        try await expect(status, port, "GET /openapi/v2", headers)
      }
      let made = #"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"made"}}"#
      let json = "Content-Type: application/json"
      try await expect(
        403, port, "POST /api/v1/namespaces", ["Host: \(own)", "Origin: http://evil.example", json], made)
      try await expect(404, port, "GET /api/v1/namespaces/made", ["Host: \(own)"])
    }
  }

  @Test(.timeLimit(.minutes(20))) func onlyKnownMediaTypesAreRead() async throws {
    try await withServer(LiveCluster()) { _, port in
      let host = "Host: 127.0.0.1:\(port)"
      let maps = "/api/v1/namespaces/default/configmaps"
      func body(_ name: String) -> String {
        #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"\#(name)"}}"#
      }
      let types = [
        ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("multipart/form-data; boundary=a", 415),
        ("application/merge-patch+json", 415), ("application/json", 201), ("Application/JSON; charset=utf-8", 201),
        ("application/yaml", 201),
      ]
      for (n, (type, status)) in types.enumerated() {
        try await expect(status, port, "POST \(maps)", [host, "Content-Type: \(type)"], body("m\(n)"))
      }
      try await expect(201, port, "POST \(maps)", [host], body("none"))
      try await expect(415, port, "PUT \(maps)/none", [host, "Content-Type: text/plain"], body("none"))
      for (type, status) in [("text/plain", 415), ("application/json", 415), ("application/merge-patch+json", 200)] {
        try await expect(status, port, "PATCH \(maps)/none", [host, "Content-Type: \(type)"], body("none"))
      }
      try await expect(415, port, "DELETE \(maps)/none", [host, "Content-Type: text/plain"], "{}")
      try await expect(200, port, "DELETE \(maps)/none", [host])
    }
  }

  /// The one that has waited the longest makes room; one that is being answered does not.
  @Test(.timeLimit(.minutes(20))) func idleConnectionsMakeRoom() async throws {
    try await withServer(LiveCluster(), limits: ConnectionLimits(count: 8)) { _, port in
      let watch = try Socket(port: port)
      watch.send("GET /api/v1/namespaces?watch=true HTTP/1.1\r\nHost: localhost\r\n\r\n")
      let first = try await onThread { watch.receive() }
      #expect(first?.hasPrefix("HTTP/1.1 200") == true)
      let idle = try await onThread { () -> [Socket] in
        try (0..<60).map { n in
          let socket = try Socket(port: port)
          if n % 2 == 0 { socket.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ") }
          return socket
        }
      }
      try await expect(200, port, "GET /healthz", ["Host: localhost"])
      var open = idle.count
      for _ in 0..<200 where open > 8 {
        try await Task.sleep(for: .milliseconds(50))
        open = idle.count { !$0.isClosed }
      }
      #expect(open <= 8)
      #expect(!watch.isClosed || watch.receive() != "", "the watch goes on")
    }
  }

  @Test(.timeLimit(.minutes(20))) func whoSendsNothingIsNotWaitedFor() async throws {
    try await withServer(LiveCluster(), limits: ConnectionLimits(patience: .milliseconds(200))) { _, port in
      let silent = try Socket(port: port)
      let slow = try Socket(port: port)
      slow.send("POST /api/v1/namespaces HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
      let ends = try await onThread { [silent.receive(), slow.receive()] }
      #expect(ends.allSatisfy { $0 != nil })
      #expect(silent.isClosed && slow.isClosed)
    }
  }
}
