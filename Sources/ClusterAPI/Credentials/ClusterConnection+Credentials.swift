internal import Glibc
internal import KubernetesModel

extension ClusterConnection {
  /// The source of this connection's credentials.
  package func credentialSource(
    environment: [String: String], files: FileReader = .disk, runner: any CommandRunner = PosixCommandRunner(),
    now: @escaping @Sendable () -> Int = { Glibc.time(nil) }
  ) -> any CredentialSource {
    let base = Credentials(clientCertificate: clientCertificate, clientKey: clientKey)
    switch authentication {
    case .none: return FixedCredentials(base)
    case .token(let token):
      return FixedCredentials(base.authorized("Bearer \(token.revealed)"))
    case .basic(let user, let password):
      return FixedCredentials(base.authorized("Basic \(encodeBase64(Array("\(user):\(password.revealed)".utf8)))"))
    case .tokenFile(let path): return TokenFileCredentials(path: path, base: base, files: files, now: now)
    case .plugin(let plugin):
      return ExecCredentials(plugin, base: base, environment: environment, runner: runner, now: now)
    }
  }
}

extension Credentials {
  fileprivate func authorized(_ value: String) -> Credentials {
    var copy = self
    copy.authorization = Secret(value)
    return copy
  }
}
