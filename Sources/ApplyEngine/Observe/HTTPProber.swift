package import ClusterAPI
package import Lowering
package import RolloutPlan
internal import Synchronization

/// Asks over HTTP, through the gateway, as a visitor does: with the host of the `expose` line, a cookie or a header, and a
/// connection of its own, so that behind a load balancer each question may reach another gateway. Redirects are answers
/// like any other and are not followed.
package final class HTTPProber: Prober {
  package struct Options: Hashable, Sendable {
    /// Where visitors come in; nil to find out from the cluster.
    package var gateway: GatewayAddress?
    /// Who said so, for messages: `--gateway`.
    package var gatewaySource = "--gateway"
    /// The certificates that may sign the gateway's; nil for the system's.
    package var certificateAuthority: [UInt8]?
    package var verification = ConnectionOptions.Verification.full
    package var timeout: Duration = .seconds(10)
    package var connectTimeout: Duration = .seconds(3)
    /// A page beyond that is none that anybody reads.
    package var largestBody = 8 << 20

    package init() {}
  }

  private let plan: Plan
  private let cluster: any Cluster
  private let transport: any HTTPTransport
  private let finder: GatewayFinder
  private let options: Options
  /// The way that worked last, by component.
  private let known = Mutex<[ComponentID: GatewayRoute]>([:])

  package init(_ renderer: Renderer, cluster: any Cluster, transport: any HTTPTransport, options: Options = .init()) {
    plan = renderer.plan
    self.cluster = cluster
    self.transport = transport
    finder = GatewayFinder(cluster: cluster, renderer: renderer)
    self.options = options
  }

  package func answer(to request: ProbeRequest) async throws(ProbeError) -> ProbeAnswer {
    guard let exposure = plan.exposure(of: request.component) else {
      throw ProbeError("`\(plan[request.component].name)` is not exposed", isFinal: true)
    }
    let remembered = known.withLock { $0[request.component] }
    let routes =
      if let remembered { [remembered] } else { try await routes(to: request.component, exposure) }
    var failures: [String] = []
    for route in routes {
      do throws(ProbeFailure) {
        let answer = try await ask(request, exposure, by: route)
        known.withLock { $0[request.component] = route }
        return answer
      } catch {
        // It may be gone for good; then the next question looks for another.
        known.withLock { $0[request.component] = nil }
        if error.isFinal { throw ProbeError(error.message, isFinal: true) }
        failures.append(route.description + ": " + error.message)
        // Whoever took the question may be at work on it.
        if error.mayHaveTakenEffect { break }
      }
    }
    throw ProbeError(failures.joined(separator: "; "))
  }

  private func routes(to component: ComponentID, _ exposure: Exposure) async throws(ProbeError) -> [GatewayRoute] {
    guard let gateway = options.gateway else { return try await finder.routes(to: component, exposure) }
    let isTLS = gateway.isTLS ?? exposure.isTLS
    return [
      GatewayRoute(
        way: .address(authority(gateway.host, gateway.port ?? exposure.port)), isTLS: isTLS,
        origin: options.gatewaySource)
    ]
  }

  // MARK: - One question

  private struct ProbeFailure: Error {
    var message: String
    var mayHaveTakenEffect: Bool
    var isFinal = false

    init(_ error: TransportError) {
      message = error.message
      mayHaveTakenEffect = error.mayHaveTakenEffect
      isFinal = error.kind == .badRequest || error.kind == .libraryMissing
    }

    init(_ error: ClusterError) {
      message = "\(error)"
      // Refused by the API server itself: the question went no further.
      mayHaveTakenEffect = error.status == nil && error.mayHaveTakenEffect
    }
  }

  private func ask(
    _ request: ProbeRequest, _ exposure: Exposure, by route: GatewayRoute
  ) async throws(ProbeFailure) -> ProbeAnswer {
    let response: HTTPResponse
    switch route.way {
    case .address(let address):
      response = try await send(httpRequest(request, exposure, address, isTLS: route.isTLS))
    case .apiServer(let namespace, let service, let port):
      var proxied = ServiceProxyRequest(
        namespace: namespace, service: service, port: port, method: request.method, path: request.path,
        headers: Self.headers)
      proxied.isTLS = route.isTLS
      if let host = exposure.visitedHost { proxied.headers.add("Host", host) }
      proxied.secretHeaders = visitorHeaders(request)
      proxied.timeout = options.timeout
      do throws(ClusterError) {
        response = try await cluster.proxy(proxied)
      } catch {
        throw ProbeFailure(error)
      }
    }
    let version = response.headers[versionHeader].map { "\(plan[request.component].name) \($0)" }
    return ProbeAnswer(
      status: response.status, headers: response.headers, body: response.body, servedBy: version)
  }

  private func httpRequest(
    _ request: ProbeRequest, _ exposure: Exposure, _ address: String, isTLS: Bool
  ) -> HTTPRequest {
    var connection = ConnectionOptions()
    connection.isAlone = true
    connection.verification = options.verification
    connection.certificateAuthority = options.certificateAuthority
    var authority = address
    if let host = exposure.visitedHost {
      // The port in `Host` is the one that visitors use, whatever leads there from here.
      let isUsual = exposure.port == (isTLS ? 443 : 80)
      authority = isUsual ? host : "\(host):\(exposure.port)"
      connection.connectTo = address
    }
    var http = HTTPRequest(
      method: request.method, url: "\(isTLS ? "https" : "http")://\(authority)\(request.path)", headers: Self.headers,
      timeout: options.timeout, connectTimeout: options.connectTimeout, options: connection)
    http.secretHeaders = visitorHeaders(request)
    http.label = "probe"
    return http
  }

  /// Caches on the way would show a page of before.
  private static let headers: HTTPHeaders = [
    "Accept": "*/*", "Cache-Control": "no-cache", "User-Agent": "rolloutc",
  ]

  private func visitorHeaders(_ request: ProbeRequest) -> [Secret<HTTPHeaders.Field>] {
    switch request.visitor {
    case .cookie(let key, let value):
      [Secret(HTTPHeaders.Field(name: "Cookie", value: "\(key)=\(value ?? Selector.anyCookieValue)"))]
    case .header(let key, let value): [Secret(HTTPHeaders.Field(name: key, value: value))]
    // The plan is refused before: nobody knows a value that matches.
    case .headerMatches, nil: []
    }
  }

  private func send(_ request: HTTPRequest) async throws(ProbeFailure) -> HTTPResponse {
    do throws(TransportError) {
      let stream = try await transport.stream(request)
      var body: [UInt8] = []
      for try await chunk in stream.chunks {
        body += chunk
        if body.count > options.largestBody {
          throw TransportError(
            .tooLarge, "the page has more than \(options.largestBody >> 20) MiB", mayHaveTakenEffect: true)
        }
      }
      return HTTPResponse(head: stream.head, body: body)
    } catch {
      throw ProbeFailure(error)
    }
  }
}

extension Exposure {
  /// The host that a visitor asks for; nil where any will do.
  var visitedHost: String? {
    if hosts.contains("*") { return nil }
    if let host = hosts.first(where: { !$0.hasPrefix("*.") }) { return host }
    return hosts.first.map { "rolloutc" + $0.dropFirst() }
  }
}
