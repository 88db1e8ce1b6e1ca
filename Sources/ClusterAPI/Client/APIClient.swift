package import KubernetesModel
internal import Synchronization

/// The API of one server over an `HTTPTransport`: makes requests of calls and results of answers. Repeats nothing.
package final class APIClient: Cluster {
  package let endpoint: ClusterEndpoint
  private let transport: any HTTPTransport
  private let credentials: any CredentialSource
  private let userAgent: String
  private let discovered = Mutex<[GroupVersion: [ResourceType]]>([:])
  /// Of groups that the server has; one that it has not may come with a definition.
  private let groups = Mutex<[String: [String]]>([:])

  /// The credentials that were sent, as a server may quote them: no text of it may.
  private let sent = Mutex<Set<Secret<String>>>([])

  /// As large as kubectl's and client-go's chunks.
  private static let pageSize = 500

  package init(
    endpoint: ClusterEndpoint, credentials: any CredentialSource, transport: any HTTPTransport,
    userAgent: String = "rolloutc"
  ) {
    self.endpoint = endpoint
    self.credentials = credentials
    self.transport = transport
    self.userAgent = userAgent
  }

  // MARK: Discovery

  package func serverVersion() async throws(ClusterError) -> ServerVersion {
    let value = try json(await send(request("GET", "/version", label: "get"))).value
    guard let git = value["gitVersion"]?.string else {
      throw .notUnderstood("the server's /version has no `gitVersion`; is this a Kubernetes API server?")
    }
    // Some providers write the minor version as "24+".
    func number(_ key: String) -> Int {
      Int((value[key]?.string ?? "").prefix { $0.isASCII && $0.isNumber }) ?? 0
    }
    return ServerVersion(major: number("major"), minor: number("minor"), gitVersion: masked(git))
  }

  package func versions(of group: String) async throws(ClusterError) -> [String] {
    if group.isEmpty { return ["v1"] }
    if let known = groups.withLock({ $0[group] }) { return known }
    let value: Value
    do throws(ClusterError) {
      value = try json(await send(request("GET", "/apis/\(percentEncoded(group))", label: "get"))).value
    } catch {
      if error.isNotFound { return [] }
      throw error
    }
    let all = (value["versions"]?.array ?? []).compactMap { $0["version"]?.string }
    let preferred = value.at("preferredVersion", "version")?.string
    let sorted = all.filter { $0 == preferred } + all.filter { $0 != preferred }
    if !sorted.isEmpty { groups.withLock { $0[group] = sorted } }
    return sorted
  }

  package func resources(of groupVersion: GroupVersion, refresh: Bool) async throws(ClusterError) -> [ResourceType] {
    if !refresh, let known = discovered.withLock({ $0[groupVersion] }) { return known }
    let value = try json(await send(request("GET", groupVersion.path, label: "get"))).value
    var types: [ResourceType] = []
    var subresources: [String: [String]] = [:]
    for entry in value["resources"]?.array ?? [] {
      guard let name = entry["name"]?.string, let kind = entry["kind"]?.string else { continue }
      if let slash = name.firstIndex(of: "/") {
        subresources[String(name[..<slash]), default: []].append(String(name[name.index(after: slash)...]))
        continue
      }
      types.append(
        ResourceType(
          groupVersion: groupVersion, kind: kind, plural: name, isNamespaced: entry["namespaced"]?.bool ?? false,
          verbs: (entry["verbs"]?.array ?? []).compactMap(\.string)))
    }
    for i in types.indices { types[i].subresources = subresources[types[i].plural] ?? [] }
    let found = types
    discovered.withLock { $0[groupVersion] = found }
    return found
  }

  // MARK: Reading

  package func get(_ object: ObjectReference) async throws(ClusterError) -> Value {
    try json(await send(request("GET", object.path, label: "get"))).value
  }

  package func metadata(of object: ObjectReference) async throws(ClusterError) -> Value {
    let request = request(
      "GET", object.path, label: "get", accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
    // A server that does not know the form sends everything; it goes no further than this.
    return ["metadata": try json(await send(request)).value["metadata"] ?? .null]
  }

  package func list(_ collection: ObjectCollection) async throws(ClusterError) -> ObjectList {
    var items: [Value] = []
    var continuation: String?
    var restarts = 0
    while true {
      var query = collection.query + [("limit", String(Self.pageSize))]
      if let continuation { query.append(("continue", continuation)) }
      let page: Value
      do throws(ClusterError) {
        page = try json(await send(request("GET", collection.path, query: query, label: "list"))).value
      } catch {
        // A continue token lives for about 5 minutes; after that the list starts over.
        guard error.isExpired, continuation != nil, restarts < 3 else { throw error }
        restarts += 1
        items = []
        continuation = nil
        continue
      }
      // Items of a list carry no kind of their own (they do on some servers); ours always do.
      let apiVersion = page["apiVersion"]?.string ?? collection.type.groupVersion.description
      for item in page["items"]?.array ?? [] {
        guard case .object(var fields) = item else { continue }
        if fields["kind"] == nil {
          fields.entries.insert(Fields.Entry(key: "kind", value: .string(collection.type.kind)), at: 0)
        }
        if fields["apiVersion"] == nil {
          fields.entries.insert(Fields.Entry(key: "apiVersion", value: .string(apiVersion)), at: 0)
        }
        items.append(.object(fields))
      }
      guard let version = page.at("metadata", "resourceVersion")?.string else {
        throw .notUnderstood("the server's list of \(collection.type.plural) has no resourceVersion")
      }
      if let next = page.at("metadata", "continue")?.string, !next.isEmpty {
        continuation = next
      } else {
        return ObjectList(items: items, resourceVersion: version)
      }
    }
  }

  package func read(_ path: String, query: [(String, String)]) async throws(ClusterError) -> HTTPResponse {
    try await send(request("GET", path, query: query, label: "read"))
  }

  package func proxy(_ proxied: ServiceProxyRequest) async throws(ClusterError) -> HTTPResponse {
    var request = request(proxied.method, proxied.apiPath, label: "proxy")
    request.headers.fields.removeAll { $0.name == "Accept" || $0.name == "User-Agent" }
    request.headers.fields += proxied.headers.fields
    request.secretHeaders += proxied.secretHeaders
    request.timeout = proxied.timeout
    let used = try await authenticate(&request)
    let response: HTTPResponse
    do throws(TransportError) {
      response = try await transport.send(request)
    } catch {
      throw ClusterError(error)
    }
    // A page of the application is hardly ever a `Status`; the API server's refusals always are.
    if response.status >= 400, let value = try? parseJSON(response.body), APIStatus(value) != nil {
      throw await refusal(response, used, secrets: [])
    }
    return response
  }

  package func watch(
    _ collection: ObjectCollection, from resourceVersion: String
  ) async throws(ClusterError) -> WatchStream {
    // A random end spreads the reconnections of many clients.
    let seconds = Int.random(in: 300...600)
    let query =
      collection.query + [
        ("watch", "true"), ("resourceVersion", resourceVersion), ("allowWatchBookmarks", "true"),
        ("timeoutSeconds", String(seconds)),
      ]
    var request = request("GET", collection.path, query: query, label: "watch")
    request.options.channel = .watches
    request.timeout = .seconds(seconds + 60)
    // Bookmarks come each minute, so a silence of 90 s is a dead connection.
    request.idleTimeout = .seconds(90)
    let used = try await authenticate(&request)
    let stream: HTTPResponseStream
    do throws(TransportError) {
      stream = try await transport.stream(request)
    } catch {
      throw ClusterError(error)
    }
    if stream.head.status == 200 {
      return WatchStream(stream.chunks, secrets: sentTexts)
    }
    var body: [UInt8] = []
    do throws(TransportError) {
      for try await chunk in stream.chunks {
        body += chunk
        if body.count >= 1 << 20 { break }
      }
    } catch {
      // The status alone says enough.
    }
    throw await refusal(HTTPResponse(head: stream.head, body: body), used, secrets: [])
  }

  // MARK: Writing

  package func apply(_ request: ApplyRequest) async throws(ClusterError) -> WriteResult {
    guard case .object(var object) = request.object else { throw .notUnderstood("only objects can be applied") }
    var metadata = object["metadata"]?.fields ?? [:]
    metadata["managedFields"] = nil
    metadata["uid"] = request.uid.map { .string($0) }
    metadata["resourceVersion"] = request.resourceVersion.map { .string($0) }
    object["metadata"] = .object(metadata)
    let query =
      [
        ("fieldManager", request.fieldManager), ("force", request.force ? "true" : "false"),
        ("fieldValidation", "Strict"),
      ] + dryRun(request.dryRun)
    var http = self.request(
      "PATCH", request.target.path, query: query, label: request.dryRun ? "apply-dry-run" : "apply")
    http.headers.add("Content-Type", "application/apply-patch+yaml")
    // JSON is YAML, and our writer keeps to what the server's YAML 1.1 parser takes.
    http.body = jsonBytes(.object(object))
    return try await write(http, secrets: secretTexts(.object(object)))
  }

  package func create(_ request: CreateRequest) async throws(ClusterError) -> WriteResult {
    let query = [("fieldManager", request.fieldManager), ("fieldValidation", "Strict")] + dryRun(request.dryRun)
    var http = self.request("POST", request.collection.path, query: query, label: "create")
    http.headers.add("Content-Type", "application/json")
    http.body = jsonBytes(request.object)
    return try await write(http, secrets: secretTexts(request.object))
  }

  package func patch(_ request: PatchRequest) async throws(ClusterError) -> WriteResult {
    let query = [("fieldManager", request.fieldManager), ("fieldValidation", "Strict")] + dryRun(request.dryRun)
    let path = request.target.path + (request.subresource.map { "/\(percentEncoded($0))" } ?? "")
    var http = self.request("PATCH", path, query: query, label: "patch")
    http.headers.add("Content-Type", request.format.rawValue)
    http.body = jsonBytes(request.patch)
    let isSecret = request.target.type.kind == "Secret" && request.target.type.groupVersion.group.isEmpty
    return try await write(http, secrets: isSecret ? allTexts(request.patch) : [])
  }

  package func delete(_ request: DeleteRequest) async throws(ClusterError) -> DeleteResult {
    var preconditions: Fields = [:]
    preconditions["uid"] = request.uid.map { .string($0) }
    preconditions["resourceVersion"] = request.resourceVersion.map { .string($0) }
    var options: Fields = [
      "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": .string(request.propagation.rawValue),
    ]
    if !preconditions.isEmpty { options["preconditions"] = .object(preconditions) }
    options["gracePeriodSeconds"] = request.gracePeriod.map { .int($0) }
    if request.dryRun { options["dryRun"] = ["All"] }
    var http = self.request("DELETE", request.target.path, label: "delete")
    http.headers.add("Content-Type", "application/json")
    http.body = jsonBytes(.object(options))
    let value = try json(await send(http)).value
    // A `Status` says that it is gone; otherwise the answer is the object on its way out.
    if value["kind"]?.string == "Status" || value.at("metadata", "deletionTimestamp") == nil { return .gone }
    return .terminating(value)
  }

  private func write(_ request: HTTPRequest, secrets: [String]) async throws(ClusterError) -> WriteResult {
    let response = try await send(request, secrets: secrets)
    return WriteResult(
      object: try json(response).value, wasCreated: response.status == 201,
      warnings: warnings(response.headers).map(masked))
  }

  private func dryRun(_ isDryRun: Bool) -> [(String, String)] { isDryRun ? [("dryRun", "All")] : [] }

  // MARK: Requests and answers

  private func request(
    _ method: String, _ path: String, query: [(String, String)] = [], label: String,
    accept: String = "application/json"
  ) -> HTTPRequest {
    let text = query.map { "\(percentEncoded($0.0))=\(percentEncoded($0.1))" }.joined(separator: "&")
    var url = endpoint.server + path
    if !text.isEmpty { url += (path.contains("?") ? "&" : "?") + text }
    var request = HTTPRequest(method: method, url: url, options: endpoint.options)
    request.label = label
    if let timeout = endpoint.requestTimeout { request.timeout = timeout }
    request.headers.add("Accept", accept)
    request.headers.add("User-Agent", userAgent)
    for field in endpoint.impersonation.fields { request.headers.add(field.name, field.value) }
    return request
  }

  /// Puts the credentials of this moment into `request`.
  private func authenticate(_ request: inout HTTPRequest) async throws(ClusterError) -> Credentials {
    let current = try await credentials.current()
    sent.withLock { $0.formUnion(current.quotable.map { Secret($0) }) }
    if let authorization = current.authorization {
      request.secretHeaders.append(
        Secret(HTTPHeaders.Field(name: "Authorization", value: authorization.revealed)))
    }
    if let certificate = current.clientCertificate, let key = current.clientKey {
      request.options.clientCertificate = certificate
      request.options.clientKey = key
    }
    return current
  }

  private func send(_ request: HTTPRequest, secrets: [String] = []) async throws(ClusterError) -> HTTPResponse {
    var request = request
    let used = try await authenticate(&request)
    let response: HTTPResponse
    do throws(TransportError) {
      response = try await transport.send(request)
    } catch {
      throw ClusterError(error)
    }
    guard (200..<300).contains(response.status) else { throw await refusal(response, used, secrets: secrets) }
    return response
  }

  private func refusal(_ response: HTTPResponse, _ used: Credentials, secrets: [String]) async -> ClusterError {
    // The next call asks the source anew; whether there is a next call is for the caller to decide.
    if response.status == 401 { await credentials.discard(used) }
    let retryAfter = response.headers["Retry-After"].flatMap { Int($0) }.flatMap { seconds in
      seconds >= 0 ? Duration.seconds(min(seconds, 3600)) : nil
    }
    let secrets = secrets + sentTexts
    if let value = try? parseJSON(response.body), var status = APIStatus(value, retryAfter: retryAfter) {
      status.code = response.status
      return .refused(status.masking(secrets))
    }
    // Proxies and load balancers answer with pages of their own; the first line is what a person can use.
    // Masked before it is cut: half a token is still too much of it.
    let text =
      String(decoding: response.body.prefix(1 << 16), as: UTF8.self).masking(secrets)
      .split(whereSeparator: \.isNewline).first.map { ": \(printable($0.prefix(300)))" } ?? ""
    return .refused(
      APIStatus(
        code: response.status, message: "the server answered with HTTP status \(response.status)\(text)",
        retryAfter: retryAfter
      ).masking(secrets))
  }

  private var sentTexts: [String] { sent.withLock { $0.map(\.revealed) } }
  private func masked(_ text: String) -> String { text.masking(sentTexts) }

  private func json(_ response: HTTPResponse) throws(ClusterError) -> (value: Value, response: HTTPResponse) {
    do throws(JSONError) {
      return (try parseJSON(response.body), response)
    } catch {
      // Cut short on its way, or the page of something in between: the next answer may be whole.
      let message = "the server's answer is no JSON (\(error)); is \(endpoint.server) a Kubernetes API server?"
      throw .unreachable(TransportError(.protocolViolation, message, mayHaveTakenEffect: true))
    }
  }

  /// `Warning: 299 - "text"` (RFC 7234, 5.5), each text once.
  private func warnings(_ headers: HTTPHeaders) -> [String] {
    var texts: [String] = []
    for value in headers.values(of: "Warning") {
      guard value.hasPrefix("299 "), let open = value.firstIndex(of: "\"") else { continue }
      var text = ""
      var isEscaped = false
      for character in value[value.index(after: open)...] {
        if isEscaped {
          text.append(character)
          isEscaped = false
        } else if character == "\\" {
          isEscaped = true
        } else if character == "\"" {
          break
        } else {
          text.append(character)
        }
      }
      if !text.isEmpty, !texts.contains(text) { texts.append(text) }
    }
    return texts
  }
}

/// What must not be quoted back from an error about `object`: the data of a Secret, plain and as it was sent.
private func secretTexts(_ object: Value) -> [String] {
  guard object["kind"]?.string == "Secret" else { return [] }
  var texts: [String] = []
  for key in ["data", "stringData"] { texts += allTexts(object[key] ?? .null) }
  return texts
}

private func allTexts(_ value: Value) -> [String] {
  switch value {
  case .string(let text): text.utf8.count < 3 ? [] : [text]
  case .array(let items): items.flatMap(allTexts)
  case .object(let fields): fields.entries.flatMap { allTexts($0.value) }
  case .null, .bool, .int, .double: []
  }
}

/// `text` without control characters, which could steer a terminal.
package func printable(_ text: some StringProtocol) -> String {
  String(
    String.UnicodeScalarView(
      text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f && !(0x80...0x9f).contains($0.value) }))
}
