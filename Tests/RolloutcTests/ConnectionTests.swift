import Foundation
import Glibc
import TestSupport
import Testing

/// How a command gets to a cluster, and what it says where it does not.
@Suite(.enabled(if: Tool.isBuilt)) struct ConnectionTests {
  private func scratch() throws -> Scratch {
    let scratch = try Scratch()
    try scratch.write(helloPlan, to: "hello.rollout")
    return scratch
  }

  private func run(_ scratch: Scratch, _ arguments: [String], _ environment: [String: String] = [:]) throws -> Outcome {
    try scratch.run(
      [#require(Tool.path)] + arguments,
      environment: environment.merging(["KUBECONFIG": scratch.path + "/nowhere", "HOME": scratch.path]) { a, _ in a })
  }

  @Test func noPasswordIsPrinted() throws {
    let scratch = try scratch()
    for (arguments, environment, says) in [
      (["status", "hello", "--server", "https://a:hunter2@h"], [:], "‹hidden›@h: it holds a user name"),
      (["status", "hello", "--server", "https://h?token=hunter2"], [:], "https://h?‹hidden›: it has a query"),
      (["apply", "hello.rollout", "--yes", "--prometheus", "http://u:hunter2@h"], [:], "it holds a user name"),
      (["apply", "hello.rollout", "--yes", "--gateway", "http://u:hunter2@h"], [:], "it holds a user name"),
      (["apply", "hello.rollout", "--yes", "--gateway", "!!"], [:], "no address of a gateway"),
      (["apply", "hello.rollout", "--yes"], ["ROLLOUTC_GATEWAY": "http://u:hunter2@h"], "$ROLLOUTC_GATEWAY"),
    ] as [([String], [String: String], String)] {
      let outcome = try run(scratch, arguments, environment)
      #expect(outcome.code == (arguments[0] == "status" ? 1 : 2), "\(arguments): \(outcome.errors)")
      #expect(!(outcome.output + outcome.errors).contains("hunter2"), "\(outcome.errors)")
      #expect(outcome.errors.contains(says), "\(outcome.errors)")
    }
  }

  @Test func anAddressIsEnough() throws {
    let scratch = try scratch()
    let server = try LoopbackServer { request in
      if request.path == "/version" { return .init(200, #"{"gitVersion": "v1.32.4"}"#) }
      return .init(404, #"{"kind": "Status", "code": 404, "message": "not found"}"#)
    }
    let outcome = try run(scratch, ["status", "hello", "--server", "http://\(server.authority)", "--token", "t-1"])
    #expect(outcome.output.contains("in      http://\(server.authority)\n"), "\(outcome.output)\(outcome.errors)")
    #expect(server.requests.allSatisfy { $0["authorization"] == "Bearer t-1" })
  }

  @Test func aDeadServerEndsEveryQuestion() throws {
    let scratch = try scratch()
    for command in [["status", "hello"], ["approve", "hello"], ["unlock", "hello", "--run", "r", "--yes"]] {
      let start = ContinuousClock.now
      let outcome = try run(scratch, command + ["--server", "http://127.0.0.1:1"])
      #expect(outcome.code == 1 && outcome.errors.contains("cannot reach the cluster"), "\(outcome.errors)")
      #expect(start.duration(to: .now) < .seconds(20))
    }
  }

  /// Whose certificate it should be is said, by the address or by the name that was asked for.
  @Test(.needs("openssl")) func aCertificateOfAnother() throws {
    let scratch = try scratch()
    let outcome = try scratch.shell(
      """
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key -out certificate -days 3 \
        -subj /CN=other.example -addext subjectAltName=DNS:other.example 2>/dev/null
      openssl s_server -accept 127.0.0.1:0 -cert certificate -key key -www >log 2>&1 & server=$!
      i=0
      until grep -q ACCEPT log || [ $i -gt 200 ]; do sleep 0.05; i=$((i + 1)); done
      at=$(sed -n 's/^ACCEPT //p' log | head -1)
      for name in '' '--tls-server-name foo.example' '--tls-server-name other.example'; do
        KUBECONFIG=nowhere rolloutc status hello --server https://$at --certificate-authority certificate $name
      done
      kill $server
      """)
    let lines = outcome.errors.split(separator: "\n").filter { $0.contains("error:") }
    try #require(lines.count == 3, "\(outcome.errors)")
    #expect(lines[0].contains("the server's certificate is not for `127.0.0.1`"), "\(lines[0])")
    #expect(lines[1].contains("the server's certificate is not for `foo.example`"), "\(lines[1])")
    #expect(lines[2].contains("is no JSON"), "\(lines[2])")
  }

  /// What is no HTTP, and what is too much of it.
  @Test func answersThatAreNone() throws {
    let scratch = try scratch()
    let server = try LoopbackServer { _ in
      .init(200, "{}", headers: [("X-Long", String(repeating: "x", count: 3 << 20))])
    }
    let long = try run(scratch, ["status", "hello", "--server", "http://\(server.authority)"])
    #expect(long.errors.contains("sends a header that is too large"), "\(long.errors)")
    let banner = try Banner("SSH-2.0-OpenSSH_9.6\r\n")
    let other = try run(scratch, ["status", "hello", "--server", "http://127.0.0.1:\(banner.port)"])
    #expect(other.errors.contains("127.0.0.1:\(banner.port) answers, and not in HTTP"), "\(other.errors)")
  }
}

/// A server that greets everybody with the same bytes.
private final class Banner: Sendable {
  let port: Int
  private let listener: Int32

  init(_ text: String) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isOpen = withUnsafeMutablePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(listener, pointer, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, pointer, &size) == 0
      }
    }
    guard isOpen else { throw POSIXError(.EADDRNOTAVAIL) }
    self.listener = listener
    port = Int(UInt16(bigEndian: name.sin_port))
    Thread.detachNewThread {
      while true {
        let descriptor = accept(listener, nil, nil)
        guard descriptor >= 0 else { return }
        _ = text.withCString { send(descriptor, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        _ = recv(descriptor, &buffer, buffer.count, 0)
        close(descriptor)
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }
}
