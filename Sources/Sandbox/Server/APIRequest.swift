package import KubernetesModel

/// One request to the API server, decoded.
package struct APIRequest: Sendable {
  package var method: String
  /// Percent-decoded, without the query.
  package var path: String
  package var query: [String: String]
  package var accept: String
  package var contentType: String
  package var userAgent: String
  package var body: Value?

  package init(
    _ method: String, _ path: String, query: [String: String] = [:], body: Value? = nil,
    contentType: String = "application/json", accept: String = "application/json", userAgent: String = "rolloutc"
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.body = body
    self.contentType = contentType
    self.accept = accept
    self.userAgent = userAgent
  }

  /// `kubectl/v1.32.0 (linux/amd64)` writes as `kubectl`.
  var manager: String {
    if let name = query["fieldManager"], !name.isEmpty { return name }
    return String(userAgent.prefix { $0 != "/" })
  }

  /// What a table must show of each object: nothing unless `as=Table` is accepted.
  var wantsTable: Bool { accept.contains("as=Table") }

  /// Asks for metadata only (`as=PartialObjectMetadata`).
  /// To a Service, through the API server.
  package var isProxied: Bool {
    let parts = path.split(separator: "/", maxSplits: 7, omittingEmptySubsequences: true)
    return parts.count >= 7 && parts[0] == "api" && parts[4] == "services" && parts[6] == "proxy"
  }

  var isDryRun: Bool { query["dryRun"] == "All" }
}

/// A watch to be opened: the resource, what to show, and the version after which changes count.
package struct Watch: Sendable {
  package var type: ResourceType
  package var apiVersion: String
  package var query: ListQuery
  package var after: Int
  /// Objects to announce as ADDED first.
  package var initial: [Value]
  package var sendsBookmarks: Bool
  /// Ends the initial events with a bookmark that says so (`sendInitialEvents`).
  package var marksInitialEnd: Bool
  package var timeoutSeconds: Int?
  package var wantsTable: Bool
}

package struct APIResponse: Sendable {
  package enum Body: Sendable {
    case value(Value)
    case text(String)
    case watch(Watch)
    /// A request to a service or pod through the API server: namespace, service, port, path.
    case proxy(ProxyTarget)
  }

  package var status: Int
  package var body: Body
  package var warnings: [String] = []

  package init(_ status: Int, _ value: Value, warnings: [String] = []) {
    self.status = status
    body = .value(value)
    self.warnings = warnings
  }

  package init(_ status: Int, body: Body) {
    self.status = status
    self.body = body
  }

  package var value: Value? { if case .value(let value) = body { value } else { nil } }
}

/// `/api/v1/namespaces/NS/services/NAME:PORT/proxy/PATH`.
package struct ProxyTarget: Hashable, Sendable {
  package var namespace: String
  package var service: String
  /// Of the Service.
  package var port: Int
  package var path: String
}

/// A path of the API taken apart.
struct ResourcePath {
  var type: ResourceType
  var version: String
  var namespace: String?
  var name: String?
  var subresource: String?
  var rest: [String] = []

  init?(_ path: String, _ registry: Registry) {
    var parts = path.split(separator: "/").map(String.init)[...]
    guard let root = parts.popFirst() else { return nil }
    var group = ""
    if root == "apis" {
      guard let name = parts.popFirst() else { return nil }
      group = name
    } else if root != "api" {
      return nil
    }
    guard let version = parts.popFirst(), let first = parts.popFirst() else { return nil }
    self.version = version
    // `namespaces/x/pods` is a collection of x, `namespaces/x` and `namespaces/x/status` are the namespace itself.
    if first == "namespaces", parts.count >= 2, let plural = parts.dropFirst().first,
      let type = registry.type(group: group, version: version, plural: plural), type.isNamespaced
    {
      namespace = parts.removeFirst()
      parts.removeFirst()
      self.type = type
    } else if let type = registry.type(group: group, version: version, plural: first) {
      self.type = type
    } else {
      return nil
    }
    name = parts.popFirst()
    subresource = parts.popFirst()
    rest = Array(parts)
  }
}
