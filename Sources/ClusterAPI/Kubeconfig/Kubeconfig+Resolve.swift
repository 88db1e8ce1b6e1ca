internal import KubernetesModel

extension Kubeconfig {
  /// The connection that a context describes, with the files it names read.
  package func connection(
    _ overrides: ConnectionOverrides = .init(), environment: [String: String], files: FileReader
  ) throws(KubeconfigError) -> ClusterConnection {
    let place = self.files.joined(separator: ":")
    let contextName = overrides.context ?? currentContext
    // As kubectl: the address is all that is needed, and a context that is chosen may have the rest.
    let none = Entry(name: "", body: [:], file: place.isEmpty ? "the command line" : place)
    guard contextName != nil || overrides.server != nil else {
      let names = contexts.keys.sorted()
      throw KubeconfigError(
        file: place,
        names.isEmpty
          ? "there are no contexts in it"
          : "no `current-context` is set; choose one with --context: \(names.joined(separator: ", "))")
    }
    func missing(_ what: String, _ name: String, _ names: some Sequence<String>) -> KubeconfigError {
      let names = names.sorted()
      return KubeconfigError(
        file: place.isEmpty ? nil : place,
        "there is no \(what) \"\(name)\"" + (names.isEmpty ? "" : "; there are: \(names.joined(separator: ", "))"))
    }
    guard let context = contextName.map({ contexts[$0] }) ?? none else {
      throw missing("context", contextName ?? "", contexts.keys)
    }
    let reader = EntryReader(kind: "context", entry: context)
    let (namedCluster, namedUser, namespace) = try (
      reader.text("cluster"), reader.text("user"), reader.text("namespace")
    )
    let clusterName = overrides.cluster ?? namedCluster
    guard clusterName != nil || overrides.server != nil else { throw reader.error("it names no `cluster`") }
    guard let cluster = clusterName.map({ clusters[$0] }) ?? none else {
      if let name = overrides.cluster { throw missing("cluster", name, clusters.keys) }
      throw reader.error("it names cluster \"\(clusterName ?? "")\", which no file defines")
    }
    let (endpoint, hasTLS) = try self.endpoint(
      EntryReader(kind: "cluster", entry: cluster), overrides, environment: environment, files: files)
    var connection = ClusterConnection(
      context: contextName, endpoint: endpoint, namespace: overrides.namespace ?? namespace)
    if let userName = overrides.user ?? namedUser {
      guard let user = users[userName] else {
        if overrides.user != nil { throw missing("user", userName, users.keys) }
        throw reader.error("it names user \"\(userName)\", which no file defines")
      }
      try authenticate(
        &connection, EntryReader(kind: "user", entry: user), overrides, files: files, isSecure: hasTLS,
        execConfig: EntryReader(kind: "cluster", entry: cluster).execExtension())
    } else {
      connection.authentication = overrides.token.map { .token($0) } ?? .none
      connection.endpoint.impersonation = try Impersonation(overrides, nil).headers()
    }
    connection.endpoint.requestTimeout = overrides.requestTimeout
    return connection
  }

  private func endpoint(
    _ cluster: EntryReader, _ overrides: ConnectionOverrides, environment: [String: String], files: FileReader
  ) throws(KubeconfigError) -> (ClusterEndpoint, isSecure: Bool) {
    let (namedServer, namedTLS, isFlagged) = try (
      cluster.text("server"), cluster.text("tls-server-name"), cluster.flag("insecure-skip-tls-verify")
    )
    guard var server = overrides.server ?? namedServer else { throw cluster.error("it has no `server`") }
    if !server.contains("://") { server = "https://\(server)" }
    while server.hasSuffix("/") { server.removeLast() }
    guard addressProblem(server) == nil, let url = URLParts(server) else {
      let problem = "\(withoutSecrets(server)): \(addressProblem(server) ?? "it is no http or https URL")"
      if overrides.server != nil { throw KubeconfigError("`--server` is no address of a server, \(problem)") }
      throw cluster.error("`server` is no address of a server, \(problem)")
    }
    let isSecure = url.scheme == "https"
    var options = ConnectionOptions()
    // A name that was right for the file's server says nothing about another one.
    options.serverName = overrides.tlsServerName ?? (overrides.server == nil ? namedTLS : nil)
    let isInsecure = overrides.insecureSkipTLSVerify ?? isFlagged
    if let path = overrides.certificateAuthority {
      options.certificateAuthority = try cluster.pem(contentOf: path, files: files, field: "--certificate-authority")
    } else if overrides.insecureSkipTLSVerify != true {
      options.certificateAuthority = try cluster.pem("certificate-authority", files: files)
    }
    if isInsecure {
      guard options.certificateAuthority == nil else {
        throw cluster.error("`insecure-skip-tls-verify` and a certificate authority exclude each other; remove one")
      }
      options.verification = .none
    }
    options.compression = try !cluster.flag("disable-compression")
    if let proxy = try cluster.text("proxy-url") {
      guard isProxy(proxy) else { throw cluster.error("`proxy-url` must begin with http://, https:// or socks5://") }
      options.proxy = Secret(proxy)
    } else {
      options.proxy = proxyFromEnvironment(for: url, environment).map { Secret($0) }
    }
    return (ClusterEndpoint(server: server, options: options), isSecure)
  }

  private func authenticate(
    _ connection: inout ClusterConnection, _ user: EntryReader, _ overrides: ConnectionOverrides, files: FileReader,
    isSecure: Bool, execConfig: Value?
  ) throws(KubeconfigError) {
    connection.clientCertificate = try user.pem("client-certificate", files: files)
    connection.clientKey = try user.pem("client-key", files: files).map { Secret($0) }
    if connection.clientCertificate != nil, connection.clientKey == nil {
      throw user.error("it has a client certificate but no `client-key` or `client-key-data`")
    }
    if connection.clientKey != nil, connection.clientCertificate == nil {
      throw user.error("it has a client key but no `client-certificate` or `client-certificate-data`")
    }
    connection.endpoint.impersonation = try Impersonation(overrides, user).headers()
    let token = try user.text("token")
    let tokenFile = try user.text("tokenFile")
    let name = try user.text("username")
    let password = try user.text("password")
    let exec = user.value("exec")
    if overrides.token == nil {
      if token != nil || tokenFile != nil, name != nil || password != nil {
        throw user.error("it has a token and a user name; only one way of authentication is allowed")
      }
      if exec != nil, user.value("auth-provider") != nil {
        throw user.error("`exec` and `auth-provider` exclude each other")
      }
    }
    if let token = overrides.token {
      connection.authentication = .token(token)
    } else if let tokenFile {
      connection.authentication = .tokenFile(user.path(tokenFile))
    } else if let token {
      connection.authentication = .token(Secret(token))
    } else if name != nil || password != nil {
      connection.authentication = .basic(user: name ?? "", password: Secret(password ?? ""))
    } else if let provider = user.value("auth-provider") {
      throw user.error(authProviderHelp(provider["name"]?.string))
    } else if let exec, connection.clientCertificate == nil {
      guard overrides.allowsPlugins else {
        throw user.error("it runs a credential plugin (`exec`), and plugins are switched off")
      }
      // Over http a token would go in the clear; client-go does not run the plugin either.
      guard isSecure else { throw user.error("a credential plugin is only run for an https server") }
      connection.authentication = .plugin(
        try ExecPlugin(exec, user: user, endpoint: connection.endpoint, clusterConfig: execConfig))
    }
  }

  /// Kubernetes took these out in 1.26.
  private func authProviderHelp(_ name: String?) -> String {
    let way =
      switch name {
      case "gcp": "install gke-gcloud-auth-plugin and run `gcloud container clusters get-credentials` again"
      case "azure": "install kubelogin and run `kubelogin convert-kubeconfig`"
      case "oidc": "use the plugin kubectl-oidc_login (kubelogin) in an `exec` section"
      default: "use a credential plugin in an `exec` section"
      }
    return "`auth-provider`\(name.map { " \($0)" } ?? "") is no longer part of Kubernetes (since 1.26); \(way)"
  }
}

/// One entry while it is read: every error names it and its file.
struct EntryReader {
  let kind: String
  let entry: Kubeconfig.Entry

  func error(_ message: String) -> KubeconfigError {
    KubeconfigError(file: entry.file, entry: "\(kind) \"\(entry.name)\"", message)
  }

  func value(_ key: String) -> Value? {
    guard let value = entry.body[key], value != .null else { return nil }
    return value
  }

  /// Nil where it is missing or empty.
  func text(_ key: String) throws(KubeconfigError) -> String? {
    switch value(key) {
    case nil: return nil
    case .string(let text)?: return text.isEmpty ? nil : text
    // Numbers are common for tokens and passwords that were not quoted.
    case .int(let number)?: return String(number)
    default: throw error("`\(key)` is no text")
    }
  }

  func flag(_ key: String) throws(KubeconfigError) -> Bool {
    switch value(key) {
    case nil: return false
    case .bool(let flag)?: return flag
    default: throw error("`\(key)` must be true or false")
    }
  }

  func texts(_ key: String) throws(KubeconfigError) -> [String] {
    guard let value = value(key) else { return [] }
    guard let items = value.array else { throw error("`\(key)` is no list") }
    var texts: [String] = []
    for item in items {
      guard let text = item.string else { throw error("`\(key)` holds something that is no text") }
      texts.append(text)
    }
    return texts
  }

  /// A path of the entry counts from the directory of its file.
  func path(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    guard let slash = entry.file.lastIndex(of: "/") else { return path }
    return String(entry.file[...slash]) + path
  }

  /// `key-data` (base64) or the file that `key` names; the data wins.
  func pem(_ key: String, files: FileReader) throws(KubeconfigError) -> [UInt8]? {
    if let data = try text("\(key)-data") {
      guard let bytes = decodeBase64(data) else { throw error("`\(key)-data` is no base64") }
      return try checked(bytes, "\(key)-data")
    }
    guard let path = try text(key) else { return nil }
    return try pem(contentOf: self.path(path), files: files, field: key)
  }

  func pem(contentOf path: String, files: FileReader, field: String) throws(KubeconfigError) -> [UInt8] {
    switch files.read(path) {
    case .success(let bytes): return try checked(bytes, field)
    case .failure(let problem): throw error("`\(field)` names \(path): \(problem)")
    }
  }

  private func checked(_ bytes: [UInt8], _ field: String) throws(KubeconfigError) -> [UInt8] {
    let mark = Array("-----BEGIN ".utf8)
    guard bytes.firstRange(of: mark) != nil else { throw error("`\(field)` holds no PEM block") }
    return bytes
  }

  /// What the cluster's entry has for plugins (`client.authentication.k8s.io/exec`).
  func execExtension() -> Value? {
    for item in value("extensions")?.array ?? []
    where item["name"]?.string == "client.authentication.k8s.io/exec" {
      return item["extension"]
    }
    return nil
  }
}

/// Acting as another user.
private struct Impersonation {
  var user: String?
  var uid: String?
  var groups: [String]
  var extra: [(key: String, value: String)] = []
  let entry: EntryReader?

  init(_ overrides: ConnectionOverrides, _ entry: EntryReader?) throws(KubeconfigError) {
    self.entry = entry
    let (namedUser, namedUID, namedGroups) = try (entry?.text("as"), entry?.text("as-uid"), entry?.texts("as-groups"))
    user = overrides.asUser ?? namedUser
    uid = overrides.asUID ?? namedUID
    groups = overrides.asGroups.isEmpty ? namedGroups ?? [] : overrides.asGroups
    for field in entry?.value("as-user-extra")?.fields?.entries ?? [] {
      for value in field.value.array ?? [] {
        if let text = value.string { extra.append((field.key, text)) }
      }
    }
  }

  func headers() throws(KubeconfigError) -> HTTPHeaders {
    var headers = HTTPHeaders()
    guard let user else {
      guard uid == nil, groups.isEmpty, extra.isEmpty else {
        let message = "groups, a uid and extra fields to act with need a user to act as (`as`, --as)"
        throw entry?.error(message) ?? KubeconfigError(message)
      }
      return headers
    }
    headers.add("Impersonate-User", user)
    if let uid { headers.add("Impersonate-Uid", uid) }
    for group in groups { headers.add("Impersonate-Group", group) }
    for (key, value) in extra { headers.add("Impersonate-Extra-\(percentEncoded(key.lowercased()))", value) }
    return headers
  }
}
