import ArgumentParser
import ClusterAPI
import RolloutPlan

/// Which cluster, and as whom: the names are kubectl's.
struct ConnectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "This kubeconfig alone, instead of those that $KUBECONFIG names or ~/.kube/config.", valueName: "file"),
    completion: .file())
  var kubeconfig: String?

  @Option(help: ArgumentHelp("The context of the kubeconfig, instead of its current one.", valueName: "name"))
  var context: String?

  @Option(help: ArgumentHelp("The cluster of the kubeconfig, instead of the context's.", valueName: "name"))
  var cluster: String?

  @Option(help: ArgumentHelp("The user of the kubeconfig, instead of the context's.", valueName: "name"))
  var user: String?

  @Option(
    name: [.customShort("n", allowingJoined: true), .long],
    help: ArgumentHelp("The namespace, where no plan says it.", valueName: "name"))
  var namespace: String?

  @Option(help: ArgumentHelp("The address of the API server.", valueName: "url"))
  var server: String?

  @Option(help: ArgumentHelp("A bearer token.", valueName: "token"))
  var token: String?

  @Option(name: .customLong("as"), help: ArgumentHelp("Act as this user.", valueName: "user"))
  var asUser: String?

  @Option(name: .customLong("as-group"), help: ArgumentHelp("Act as a member of this group.", valueName: "group"))
  var asGroups: [String] = []

  @Option(name: .customLong("as-uid"), help: ArgumentHelp("Act as the user of this UID.", valueName: "uid"))
  var asUID: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How long one request may take: 30s, 1m; 0: no limit of its own.", valueName: "time"))
  var requestTimeout: RequestTimeout?

  @Option(
    name: .customLong("tls-server-name"),
    help: ArgumentHelp("The name that the server's certificate must have.", valueName: "name"))
  var tlsServerName: String?

  @Flag(
    name: .customLong("insecure-skip-tls-verify"),
    help: "Do not check the server's certificate. Whoever is in between can read and change everything.")
  var skipsVerification = false

  @Option(
    help: ArgumentHelp("The certificates that may sign the server's.", valueName: "file"), completion: .file())
  var certificateAuthority: String?

  @Flag(
    name: .customLong("no-exec-plugins"), help: "Do not start programs for credentials.")
  var refusesPlugins = false

  func validate() throws {
    if let requestTimeout, let problem = requestTimeout.problem { throw ValidationError(problem) }
    if let namespace, let problem = namespaceProblem(namespace) {
      throw ValidationError("`--namespace \(namespace)` is no namespace: \(problem)")
    }
  }

  /// A plan says its namespace itself, and another one is a mistake about the plan or about the namespace.
  func check(against plan: Plan) throws {
    guard let namespace, namespace != plan.namespace else { return }
    throw Failure(
      "the plan is for the namespace `\(plan.namespace)`; leave out `--namespace \(namespace)`", code: Exit.usage)
  }

  var overrides: ConnectionOverrides {
    var overrides = ConnectionOverrides()
    overrides.context = context
    overrides.cluster = cluster
    overrides.user = user
    overrides.namespace = namespace
    overrides.server = server
    overrides.token = token.map { ClusterAPI.Secret($0) }
    overrides.asUser = asUser
    overrides.asGroups = asGroups
    overrides.asUID = asUID
    if let requestTimeout, requestTimeout.duration > .zero { overrides.requestTimeout = requestTimeout.duration }
    overrides.tlsServerName = tlsServerName
    if skipsVerification { overrides.insecureSkipTLSVerify = true }
    overrides.certificateAuthority = certificateAuthority
    overrides.allowsPlugins = !refusesPlugins
    return overrides
  }
}

/// What is wrong with a name for a namespace; nil: nothing.
func namespaceProblem(_ name: String) -> String? {
  name.contains(".") ? "only `a` to `z`, `0` to `9` and `-` may stand in it" : dnsSubdomainProblem(name)
}

/// `--request-timeout` as kubectl reads it: a number of seconds, or what Go calls a duration (`1.5s`, `1m30s`).
struct RequestTimeout: ExpressibleByArgument {
  var duration: Duration = .zero
  private(set) var problem: String?

  /// Takes anything, and says what is wrong with it.
  init(argument: String) {
    if let read = Self.read(argument) {
      duration = read
    } else {
      problem = "`--request-timeout \(argument)` is no time: write seconds, or `30s`, `1m30s`"
    }
  }

  private static func read(_ text: String) -> Duration? {
    if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      return Int64(text).flatMap { $0 <= 1_000_000_000 ? .seconds($0) : nil }
    }
    var rest = text[...]
    var sum = 0.0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard digits.first != nil, let number = Double("0" + digits), let scale = units[String(unit)] else { return nil }
      sum += number * scale
    }
    return sum <= 1e9 ? .milliseconds(Int((sum * 1000).rounded(.up))) : nil
  }

  /// In seconds.
  private static let units = ["ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600]
}

/// A span of time on the command line, written as in a plan: `90s`, `1m30s`; also `0`.
struct TimeSpan: ExpressibleByArgument, Hashable {
  var duration: Duration
  /// What was written and is no span of time.
  private var unread: String?

  init(_ duration: Duration) { self.duration = duration }

  /// Takes anything, so that `check` can say what is wrong with it.
  init(argument: String) {
    let milliseconds = argument == "0" ? 0 : parseDuration(argument)
    duration = .milliseconds(milliseconds ?? 0)
    if milliseconds == nil { unread = argument }
  }

  /// For `validate` of the options around it.
  func check(_ option: String) throws {
    guard let unread else { return }
    let isNumber = !unread.isEmpty && unread.utf8.allSatisfy { (0x30...0x39).contains($0) }
    throw ValidationError(
      isNumber
        ? "`\(option) \(unread)` has no unit: write `\(unread)s` or `\(unread)m`"
        : "`\(option) \(unread)` is no time: write whole numbers with `ms`, `s`, `m`, `h` or `d`, as `30s` or `1m30s`")
  }

  var defaultValueDescription: String { durationText(Int(duration / .milliseconds(1))) }
}
