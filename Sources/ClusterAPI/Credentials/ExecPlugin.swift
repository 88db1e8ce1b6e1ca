package import KubernetesModel

/// The `exec` section of a user: a program that gives credentials.
package struct ExecPlugin: Hashable, Sendable {
  package enum Interaction: String, Hashable, Sendable {
    case always = "Always"
    case ifAvailable = "IfAvailable"
    case never = "Never"
  }

  package var command: String
  /// People write passwords into both.
  package var arguments: Secret<[String]>
  package var environment: Secret<[String: String]>
  /// `client.authentication.k8s.io/v1` or `…/v1beta1`.
  package var apiVersion: String
  package var installHint: String?
  package var interaction: Interaction
  /// `spec.cluster` of what the plugin is told; nil where it does not ask for it.
  package var cluster: Secret<Value>?
  /// `user "p1" in /home/x/.kube/config`, for errors.
  package var origin: String

  static let group = "client.authentication.k8s.io"

  package init(
    command: String, arguments: [String] = [], environment: [String: String] = [:],
    apiVersion: String = "client.authentication.k8s.io/v1", installHint: String? = nil,
    interaction: Interaction = .never, cluster: Value? = nil, origin: String
  ) {
    self.command = command
    self.arguments = Secret(arguments)
    self.environment = Secret(environment)
    self.apiVersion = apiVersion
    self.installHint = installHint
    self.interaction = interaction
    self.cluster = cluster.map(Secret.init)
    self.origin = origin
  }

  init(
    _ exec: Value, user: EntryReader, endpoint: ClusterEndpoint, clusterConfig: Value?
  ) throws(KubeconfigError) {
    let section = EntryReader(
      kind: "user", entry: Kubeconfig.Entry(name: user.entry.name, body: exec, file: user.entry.file))
    origin = "user \"\(user.entry.name)\" in \(user.entry.file)"
    guard let command = try section.text("command") else { throw section.error("`exec` has no `command`") }
    // Only a name without any slash is looked up in PATH.
    self.command = command.contains("/") ? section.path(command) : command
    arguments = Secret(try section.texts("args"))
    var environment: [String: String] = [:]
    for item in section.value("env")?.array ?? [] {
      guard let name = item["name"]?.string, !name.isEmpty, !name.contains("=") else {
        throw section.error("`exec.env` has an item without a usable `name`")
      }
      environment[name] = item["value"]?.string ?? ""
    }
    self.environment = Secret(environment)
    installHint = try section.text("installHint")
    guard let apiVersion = try section.text("apiVersion") else { throw section.error("`exec` has no `apiVersion`") }
    switch apiVersion {
    case "\(Self.group)/v1", "\(Self.group)/v1beta1": break
    case "\(Self.group)/v1alpha1":
      throw section.error(
        "`exec` uses \(apiVersion), which Kubernetes 1.24 took out; update the plugin and write this entry anew (for EKS: `aws eks update-kubeconfig`)"
      )
    default: throw section.error("`exec` has the unknown `apiVersion` \(printable(apiVersion))")
    }
    self.apiVersion = apiVersion
    switch try section.text("interactiveMode") {
    case nil where apiVersion.hasSuffix("/v1"):
      throw section.error("`exec` has no `interactiveMode` (Never, IfAvailable or Always), which \(apiVersion) demands")
    case nil: interaction = .ifAvailable
    case let mode?:
      guard let known = Interaction(rawValue: mode) else {
        throw section.error("`exec.interactiveMode` is Never, IfAvailable or Always")
      }
      interaction = known
    }
    if try section.flag("provideClusterInfo") {
      var cluster: Fields = ["server": .string(endpoint.server)]
      if let name = endpoint.options.serverName { cluster["tls-server-name"] = .string(name) }
      if endpoint.options.verification == .none { cluster["insecure-skip-tls-verify"] = true }
      if let authority = endpoint.options.certificateAuthority {
        cluster["certificate-authority-data"] = .string(encodeBase64(authority))
      }
      if let proxy = endpoint.options.proxy { cluster["proxy-url"] = .string(proxy.revealed) }
      if !endpoint.options.compression { cluster["disable-compression"] = true }
      cluster["config"] = clusterConfig
      self.cluster = Secret(.object(cluster))
    }
  }

  /// The content of `KUBERNETES_EXEC_INFO`.
  func info(isInteractive: Bool) -> String {
    var spec: Fields = ["interactive": .bool(isInteractive)]
    spec["cluster"] = cluster?.revealed
    let value: Value = [
      "apiVersion": .string(apiVersion), "kind": "ExecCredential", "spec": .object(spec),
    ]
    return jsonText(value)
  }
}
