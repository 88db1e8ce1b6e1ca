internal import CCurl
internal import ClusterAPI

extension EasyHandle {
  /// Sets everything that `request` asks for.
  mutating func configure(_ request: HTTPRequest) throws(TransportError) {
    let options = request.options
    guard let url = URLParts(request.url) else {
      throw TransportError(.badRequest, "this is no http or https URL: \(request.url)", mayHaveTakenEffect: false)
    }
    // Signals would be for the whole process, and the resolver's alarm is not needed on a thread of its own.
    try set(CURLOPT_NOSIGNAL, 1)
    try set(CURLOPT_FOLLOWLOCATION, 0)
    // Newer than the oldest libcurl accepted; redirects are off, and the scheme was checked above.
    _ = try? set(CURLOPT_PROTOCOLS_STR, "http,https")
    try set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
    // Wait for the first connection to say that it multiplexes rather than open one for each request of a burst.
    try set(CURLOPT_PIPEWAIT, 1)
    if options.compression { try set(CURLOPT_ACCEPT_ENCODING, "gzip") }

    if options.isAlone {
      try set(CURLOPT_FRESH_CONNECT, 1)
      try set(CURLOPT_FORBID_REUSE, 1)
    }
    try configureTimeouts(request)
    try configureTLS(options)
    try configureRoute(url, options)

    var lines: [String] = []
    // libcurl asks leave before it sends a large body, which costs a round trip and confuses some proxies.
    lines.append("Expect:")
    if options.serverName != nil, request.headers["Host"] == nil { lines.append("Host: \(url.authority)") }
    for field in request.headers.fields + request.secretHeaders.map(\.revealed) {
      guard isFieldSafe(field) else {
        throw TransportError(
          .badRequest, "the header field \(field.name) holds a line break or another control character",
          mayHaveTakenEffect: false)
      }
      // "Name;" is libcurl's way to send a field without a value.
      lines.append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
    }

    if request.method == "HEAD" {
      try set(CURLOPT_NOBODY, 1)
    } else if let body = request.body {
      try set(body: body)
      try set(CURLOPT_CUSTOMREQUEST, request.method)
      if request.headers["Content-Type"] == nil { lines.append("Content-Type:") }
    } else if request.method != "GET" {
      try set(CURLOPT_CUSTOMREQUEST, request.method)
    }
    try set(CURLOPT_HTTPHEADER, list: lines)
  }

  private func configureTimeouts(_ request: HTTPRequest) throws(TransportError) {
    try set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request.connectTimeout))
    if let timeout = request.timeout { try set(CURLOPT_TIMEOUT_MS, milliseconds(timeout)) }
    if let idle = request.idleTimeout {
      // Less than one byte a second for that long.
      try set(CURLOPT_LOW_SPEED_LIMIT, 1)
      try set(CURLOPT_LOW_SPEED_TIME, max(1, milliseconds(idle) / 1000))
    }
    // Load balancers drop idle flows after 4 minutes without a word (AKS#1052).
    try set(CURLOPT_TCP_KEEPALIVE, 1)
    try set(CURLOPT_TCP_KEEPIDLE, 30)
    try set(CURLOPT_TCP_KEEPINTVL, 15)
    try set(CURLOPT_TCP_NODELAY, 1)
    try check(ccurl_set_user_timeout(raw, 60_000), CURLOPT_SOCKOPTFUNCTION)
  }

  private func configureTLS(_ options: ConnectionOptions) throws(TransportError) {
    if let authority = options.certificateAuthority {
      try set(CURLOPT_CAINFO_BLOB, bytes: authority)
      // Otherwise the system's directory of certificates would be trusted as well.
      try unset(CURLOPT_CAPATH)
    }
    if options.verification == .none {
      try set(CURLOPT_SSL_VERIFYPEER, 0)
      try set(CURLOPT_SSL_VERIFYHOST, 0)
    }
    if let certificate = options.clientCertificate, let key = options.clientKey {
      try set(CURLOPT_SSLCERTTYPE, "PEM")
      try set(CURLOPT_SSLCERT_BLOB, bytes: certificate)
      try set(CURLOPT_SSLKEYTYPE, "PEM")
      try set(CURLOPT_SSLKEY_BLOB, bytes: key.revealed)
    }
  }

  private mutating func configureRoute(_ url: URLParts, _ options: ConnectionOptions) throws(TransportError) {
    var host = url.host
    if let name = options.serverName {
      // libcurl takes SNI and the name to check from the URL alone, so the name goes there, and the connection elsewhere.
      host = name
      try set(CURLOPT_URL, url.replacingHost(name))
    } else {
      try set(CURLOPT_URL, url.text)
    }
    if let target = options.connectTo ?? (options.serverName == nil ? nil : "\(url.host):\(url.port)") {
      try set(CURLOPT_CONNECT_TO, list: ["\(host):\(url.port):\(target)"])
    }
    // The environment decides nothing here: an empty string turns libcurl's own look at it off.
    try set(CURLOPT_PROXY, options.proxy?.revealed ?? "")
    try set(CURLOPT_NOPROXY, "")
    // The headers of a proxy's own answer to CONNECT are no answer of the server.
    try set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
  }

  private func milliseconds(_ duration: Duration) -> Int {
    let parts = duration.components
    let whole = min(max(parts.seconds, 0), 1_000_000) * 1000
    return Int(whole) + Int(max(parts.attoseconds, 0) / 1_000_000_000_000_000)
  }

  private func isFieldSafe(_ field: HTTPHeaders.Field) -> Bool {
    !field.name.isEmpty && !field.name.utf8.contains(where: { $0 <= 0x20 || $0 == 0x3a || $0 == 0x7f })
      && !field.value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f })
  }
}
