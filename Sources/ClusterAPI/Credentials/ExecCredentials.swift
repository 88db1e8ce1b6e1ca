internal import KubernetesModel

/// A program to run for its output.
package struct Command: Hashable, Sendable {
  package var program: String
  package var arguments: [String]
  package var environment: [String: String]
  /// Whether it gets our standard input; otherwise it gets an empty one.
  package var isInteractive: Bool

  package init(program: String, arguments: [String], environment: [String: String], isInteractive: Bool) {
    self.program = program
    self.arguments = arguments
    self.environment = environment
    self.isInteractive = isInteractive
  }
}

package enum CommandResult: Hashable, Sendable {
  case exited(code: Int, output: Secret<[UInt8]>)
  case killed(signal: Int)
  /// It was not started at all.
  case notStarted(String, isMissing: Bool)
}

/// Runs programs. Its standard error is ours: plugins ask there for a code to be typed elsewhere.
package protocol CommandRunner: Sendable {
  /// Whether standard input is a terminal.
  var hasTerminal: Bool { get }
  func run(_ command: Command) async -> CommandResult
}

/// Credentials from a plugin, kept until shortly before they expire or the server refuses them. However many requests
/// wait, one plugin runs.
package actor ExecCredentials: CredentialSource {
  private let plugin: ExecPlugin
  private let base: Credentials
  private let environment: [String: String]
  private let runner: any CommandRunner
  private let now: @Sendable () -> Int
  private var remembered: (credentials: Credentials, expiry: Int?)?
  private var underWay: Task<Result<Credentials, ClusterError>, Never>?

  /// Tokens are replaced so many seconds before their end: a request may take a while.
  private static let margin = 10

  /// - Parameters:
  ///   - environment: ours, which the plugin gets with its own additions.
  ///   - now: seconds since 1970.
  package init(
    _ plugin: ExecPlugin, base: Credentials = .init(), environment: [String: String], runner: any CommandRunner,
    now: @escaping @Sendable () -> Int
  ) {
    self.plugin = plugin
    self.base = base
    self.environment = environment
    self.runner = runner
    self.now = now
  }

  package func current() async throws(ClusterError) -> Credentials {
    if let remembered, remembered.expiry.map({ now() < $0 - Self.margin }) ?? true { return remembered.credentials }
    let task: Task<Result<Credentials, ClusterError>, Never>
    if let underWay {
      task = underWay
    } else {
      // A task of its own: the request that happened to come first may be cancelled, the others still want the answer.
      task = Task { await self.renew() }
      underWay = task
    }
    return try await task.value.get()
  }

  package func discard(_ used: Credentials) async {
    if remembered?.credentials == used { remembered = nil }
  }

  private func renew() async -> Result<Credentials, ClusterError> {
    defer { underWay = nil }
    do throws(ClusterError) {
      let answer = try await runPlugin()
      remembered = answer
      return .success(answer.credentials)
    } catch {
      return .failure(error)
    }
  }

  private func runPlugin() async throws(ClusterError) -> (credentials: Credentials, expiry: Int?) {
    let isInteractive = plugin.interaction != .never && runner.hasTerminal
    if plugin.interaction == .always, !isInteractive {
      throw failure("it needs a terminal (`interactiveMode: Always`), and standard input is none")
    }
    var variables = environment.merging(plugin.environment.revealed) { _, own in own }
    variables["KUBERNETES_EXEC_INFO"] = plugin.info(isInteractive: isInteractive)
    let command = Command(
      program: plugin.command, arguments: plugin.arguments.revealed, environment: variables,
      isInteractive: isInteractive)
    switch await runner.run(command) {
    case .exited(0, let output): return try read(output.revealed)
    case .exited(let code, _): throw failure("it ended with exit code \(code)", withHint: true)
    case .killed(let signal): throw failure("it was ended by signal \(signal)")
    case .notStarted(let why, let isMissing):
      throw failure(isMissing ? "the program was not found" : why, withHint: true)
    }
  }

  private func read(_ output: [UInt8]) throws(ClusterError) -> (credentials: Credentials, expiry: Int?) {
    guard let value = try? parseJSON(output) else { throw failure("its output is no JSON") }
    guard value["kind"]?.string == "ExecCredential" else { throw failure("its output is no ExecCredential") }
    guard value["apiVersion"]?.string == plugin.apiVersion else {
      throw failure(
        "it answers in \(printable(value["apiVersion"]?.string ?? "no version")), and the kubeconfig asks for \(plugin.apiVersion)"
      )
    }
    guard let status = value["status"], status != .null else { throw failure("its answer has no `status`") }
    var credentials = base
    if let token = status["token"]?.string, !token.isEmpty { credentials.authorization = Secret("Bearer \(token)") }
    let certificate = status["clientCertificateData"]?.string ?? ""
    let key = status["clientKeyData"]?.string ?? ""
    guard certificate.isEmpty == key.isEmpty else {
      throw failure("its answer has only one of `clientCertificateData` and `clientKeyData`")
    }
    if !certificate.isEmpty {
      credentials.clientCertificate = Array(certificate.utf8)
      credentials.clientKey = Secret(Array(key.utf8))
    }
    guard credentials.authorization != nil || credentials.clientCertificate != nil else {
      throw failure("its answer has neither a token nor a client certificate")
    }
    var expiry: Int?
    if let text = status["expirationTimestamp"]?.string {
      guard let time = secondsSince1970(text) else { throw failure("its `expirationTimestamp` is no RFC 3339 time") }
      expiry = time
    }
    return (credentials, expiry)
  }

  private func failure(_ why: String, withHint: Bool = false) -> ClusterError {
    // Not the arguments: they may hold a password.
    var text = "the credential plugin \(printable(plugin.command)) of \(plugin.origin): \(why)"
    if withHint, let hint = plugin.installHint.map(printable), !hint.isEmpty { text += "; \(hint)" }
    return .unauthenticated(text)
  }
}
