/// Where a cluster is and how to get there; without credentials, which change.
package struct ClusterEndpoint: Hashable, Sendable {
  /// Without a slash at the end; may hold a path (`https://rancher.example/k8s/clusters/c-1`).
  package var server: String
  package var options: ConnectionOptions
  /// `Impersonate-…`.
  package var impersonation: HTTPHeaders
  /// Where the caller gives none; nil for the client's own.
  package var requestTimeout: Duration?

  package init(
    server: String, options: ConnectionOptions = .init(), impersonation: HTTPHeaders = [:],
    requestTimeout: Duration? = nil
  ) {
    self.server = server
    self.options = options
    self.impersonation = impersonation
    self.requestTimeout = requestTimeout
  }
}

/// All that a kubeconfig (or the pod's service account) says about one context.
package struct ClusterConnection: Hashable, Sendable {
  package enum Authentication: Hashable, Sendable {
    case none
    case token(Secret<String>)
    case tokenFile(String)
    case basic(user: String, password: Secret<String>)
    case plugin(ExecPlugin)
  }

  /// Nil inside a pod, and where the command line alone says where the server is.
  package var context: String?
  package var endpoint: ClusterEndpoint
  package var authentication: Authentication
  /// Goes with any kind of authentication.
  package var clientCertificate: [UInt8]?
  package var clientKey: Secret<[UInt8]>?
  /// The context's namespace; nil where it names none.
  package var namespace: String?
  /// The service account of the pod that this runs in.
  package var isOfThisPod: Bool

  package init(
    context: String? = nil, endpoint: ClusterEndpoint, authentication: Authentication = .none,
    clientCertificate: [UInt8]? = nil, clientKey: Secret<[UInt8]>? = nil, namespace: String? = nil,
    isOfThisPod: Bool = false
  ) {
    self.context = context
    self.endpoint = endpoint
    self.authentication = authentication
    self.clientCertificate = clientCertificate
    self.clientKey = clientKey
    self.namespace = namespace
    self.isOfThisPod = isOfThisPod
  }
}

/// What the command line sets in place of the kubeconfig's.
package struct ConnectionOverrides: Hashable, Sendable {
  package var context: String?
  package var cluster: String?
  package var user: String?
  package var namespace: String?
  package var server: String?
  package var token: Secret<String>?
  package var asUser: String?
  package var asGroups: [String] = []
  package var asUID: String?
  package var requestTimeout: Duration?
  package var tlsServerName: String?
  package var insecureSkipTLSVerify: Bool?
  /// A path.
  package var certificateAuthority: String?
  package var allowsPlugins = true

  package init() {}
}
