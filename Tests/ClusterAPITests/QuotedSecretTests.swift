import ClusterAPI
import CurlTransport
import KubernetesModel
import TestSupport
import Testing

/// A server may quote what it was sent; nobody is shown it.
@Suite struct QuotedSecretTests {
  private let token = "hunter2-and-more"

  private func client(_ server: LoopbackServer, _ authorization: String) -> APIClient {
    APIClient(
      endpoint: ClusterEndpoint(server: "http://\(server.authority)"),
      credentials: FixedCredentials(Credentials(authorization: Secret(authorization))), transport: CurlTransport())
  }

  @Test(arguments: [0, 290, 70_000]) func `a refusal without the token, wherever it stands`(offset: Int) async throws {
    let token = token
    let server = try LoopbackServer { _ in
      .init(401, String(repeating: "-", count: offset) + "echo: Bearer \(token)\n")
    }
    do {
      _ = try await client(server, "Bearer \(token)").serverVersion()
      Issue.record("no error")
    } catch {
      #expect(!"\(error)".contains("hunter2"), "\(error)")
      if offset == 0 { #expect("\(error)".hasSuffix("echo: Bearer ‹hidden›"), "\(error)") }
    }
  }

  @Test func `statuses, versions and passwords`() async throws {
    let token = token
    let server = try LoopbackServer { request in
      request.path == "/version"
        ? .init(200, "{\"gitVersion\": \"v1-\(token)\"}")
        : .init(403, "{\"kind\": \"Status\", \"message\": \"no, \(token)\", \"reason\": \"\(token)\"}")
    }
    let sent = encodeBase64(Array("ann:\(token)".utf8))
    for authorization in ["Bearer \(token)", "Basic \(sent)"] {
      let client = client(server, authorization)
      let version = try await client.serverVersion()
      #expect(version.gitVersion == "v1-‹hidden›")
      do {
        _ = try await client.list(ResourceType.configMaps.collection(in: "shop"))
        Issue.record("no error")
      } catch {
        #expect("\(error)" == "no, ‹hidden›" && error.status?.reason == "‹hidden›")
      }
    }
  }

  @Test func `events of a watch`() async throws {
    let token = token
    let server = try LoopbackServer { _ in
      .init(
        200,
        "{\"type\": \"ERROR\", \"object\": {\"kind\": \"Status\", \"code\": 500, \"message\": \"of \(token)\"}}\n")
    }
    let stream = try await client(server, "Bearer \(token)").watch(
      ResourceType.configMaps.collection(in: "shop"), from: "1")
    do {
      for try await _ in stream { Issue.record("an event") }
      Issue.record("no error")
    } catch {
      #expect("\(error)" == "of ‹hidden›")
    }
  }
}
