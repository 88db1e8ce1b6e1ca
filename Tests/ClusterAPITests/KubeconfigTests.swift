import ClusterAPI
import KubernetesModel
import Synchronization
import TestSupport
import Testing

@Suite struct KubeconfigTests {
  static let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

  func connection(
    _ files: [String: String], kubeconfig: String? = nil, explicit: String? = nil,
    _ overrides: ConnectionOverrides = .init(), environment: [String: String] = [:]
  ) throws -> ClusterConnection {
    var environment = environment
    environment["KUBECONFIG"] = kubeconfig
    return try KubeconfigSources(explicitPath: explicit, environment: environment, files: .inMemory(files))
      .connection(overrides)
  }

  static func config(cluster: String = "server: https://a.example", user: String = "token: t", context: String = "")
    -> String
  {
    """
    apiVersion: v1
    kind: Config
    current-context: c
    contexts: [{name: c, context: {cluster: k, user: u\(context)}}]
    clusters: [{name: k, cluster: {\(cluster)}}]
    users: [{name: u, user: {\(user)}}]
    """
  }

  @Test func `the first file that has an entry gives the whole of it`() throws {
    let files = [
      "/a/one": "clusters: [{name: k, cluster: {server: 'https://one.example'}}]",
      "/b/two": """
      current-context: c
      clusters: [{name: k, cluster: {server: 'https://two.example', tls-server-name: two}}]
      contexts: [{name: c, context: {cluster: k, user: u, namespace: shop}}]
      """,
      "/c/three": "current-context: other\nusers: [{name: u, user: {token: secret}}]",
      "/d/empty": "",
    ]
    let merged = try connection(files, kubeconfig: "/a/one:/missing:/d/empty:/b/two:/b/two:/c/three")
    #expect(merged.endpoint.server == "https://one.example")
    #expect(merged.endpoint.options.serverName == nil)
    #expect(merged.namespace == "shop" && merged.context == "c")
    #expect(merged.authentication == .token(Secret("secret")))
  }

  @Test func `paths count from their own file, commands only with a slash`() throws {
    let files = [
      "/a/b/config": Self.config(
        cluster: "server: https://a.example, certificate-authority: pki/ca.crt", user: "tokenFile: token"),
      "/a/b/pki/ca.crt": Self.pem,
    ]
    let found = try connection(files, kubeconfig: "/a/b/config")
    #expect(found.endpoint.options.certificateAuthority == Array(Self.pem.utf8))
    #expect(found.authentication == .tokenFile("/a/b/token"))
    for (command, path) in [
      ("./plug", "/a/b/./plug"), ("bin/plug", "/a/b/bin/plug"), ("plug", "plug"), ("/x/plug", "/x/plug"),
    ] {
      let user = "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: '\(command)'}"
      let result = try connection(["/a/b/config": Self.config(user: user)], kubeconfig: "/a/b/config")
      guard case .plugin(let plugin) = result.authentication else {
        Issue.record("no plugin")
        continue
      }
      #expect(plugin.command == path)
      #expect(plugin.interaction == .ifAvailable)
    }
  }

  @Test func `data wins over files, and may have line breaks`() throws {
    let data = encodeBase64(Array(Self.pem.utf8))
    let broken = data.prefix(20) + "\\n" + data.dropFirst(20)
    let cluster =
      "server: https://a.example, certificate-authority: /nowhere, certificate-authority-data: \"\(broken)\""
    let found = try connection(["/c": Self.config(cluster: cluster)], explicit: "/c")
    #expect(found.endpoint.options.certificateAuthority == Array(Self.pem.utf8))
  }

  struct Bad: Sendable, CustomTestStringConvertible {
    var config: String
    var says: [String]
    var testDescription: String { says.joined(separator: " ") }
  }

  static let bad: [Bad] = [
    Bad(
      config: "current-context: prod\ncontexts: [{name: dev, context: {}}]", says: ["/c", "no context \"prod\"", "dev"]),
    Bad(config: "contexts: [{name: dev, context: {}}]", says: ["/c", "current-context", "dev"]),
    Bad(config: "", says: ["/c", "no contexts"]),
    Bad(config: "kind: Deployment", says: ["/c", "kind is Deployment"]),
    Bad(config: "- a", says: ["/c", "no mapping"]),
    Bad(config: "a: [", says: ["/c", "no YAML"]),
    Bad(config: "clusters: {a: b}", says: ["/c", "`clusters` is no list"]),
    Bad(config: "users: [{name: a}, {name: a}]", says: ["/c", "user \"a\"", "twice"]),
    Bad(
      config: "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]",
      says: ["context \"c\" in /c", "cluster \"k\", which no file defines"]),
    Bad(
      config:
        "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: p1}}]\nclusters: [{name: k, cluster: {server: 'https://a'}}]",
      says: ["context \"c\" in /c", "user \"p1\", which no file defines"]),
    Bad(config: config(cluster: ""), says: ["cluster \"k\" in /c", "no `server`"]),
    Bad(config: config(cluster: "server: 'ftp://x'"), says: ["cluster \"k\" in /c", "no http or https URL"]),
    Bad(
      config: config(cluster: "server: 'https://u:hunter2@x'"),
      says: ["cluster \"k\" in /c", "https://‹hidden›@x", "user name"]),
    Bad(config: config(cluster: "server: 'https://u:hunter2/@x'"), says: ["https://‹hidden›@x", "user name"]),
    Bad(config: config(cluster: "server: 'https://x/?token=hunter2'"), says: ["https://x/?‹hidden›", "query"]),
    Bad(
      config: config(
        cluster:
          "server: https://a, insecure-skip-tls-verify: true, certificate-authority-data: \(encodeBase64(Array(pem.utf8)))"
      ), says: ["cluster \"k\" in /c", "exclude each other"]),
    Bad(config: config(cluster: "server: https://a, insecure-skip-tls-verify: maybe"), says: ["true or false"]),
    Bad(
      config: config(cluster: "server: https://a, certificate-authority-data: '%%'"),
      says: ["certificate-authority-data", "no base64"]),
    Bad(
      config: config(cluster: "server: https://a, certificate-authority: ca"),
      says: ["cluster \"k\" in /c", "/ca", "no such file"]),
    Bad(config: config(cluster: "server: https://a, proxy-url: 'gopher://x'"), says: ["proxy-url"]),
    Bad(
      config: config(user: "token: hunter2, username: a, password: hunter2"),
      says: ["user \"u\" in /c", "only one way"]),
    Bad(
      config: config(user: "client-certificate-data: \(encodeBase64(Array(pem.utf8)))"),
      says: ["user \"u\" in /c", "client-key"]),
    Bad(config: config(user: "token: [hunter2]"), says: ["user \"u\" in /c", "`token` is no text"]),
    Bad(config: config(user: "auth-provider: {name: gcp}"), says: ["user \"u\" in /c", "gke-gcloud-auth-plugin"]),
    Bad(config: config(user: "auth-provider: {name: azure}"), says: ["kubelogin"]),
    Bad(config: config(user: "as-groups: [a]"), says: ["user \"u\" in /c", "need a user"]),
    Bad(
      config: config(user: "exec: {apiVersion: client.authentication.k8s.io/v1, command: x}"), says: ["interactiveMode"]
    ),
    Bad(
      config: config(user: "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}"),
      says: ["1.24", "update"]),
    Bad(config: config(user: "exec: {apiVersion: client.authentication.k8s.io/v1beta1}"), says: ["no `command`"]),
    Bad(
      config: config(
        cluster: "server: 'http://a'", user: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x}"),
      says: ["https"]),
  ]

  @Test(arguments: bad) func `every error names its file and entry, and no secret`(_ bad: Bad) throws {
    do {
      _ = try connection(["/c": bad.config], explicit: "/c")
      Issue.record("no error")
    } catch let error as KubeconfigError {
      for part in bad.says { #expect(error.description.contains(part), "\(error)") }
      #expect(!error.description.contains("hunter2"))
    }
  }

  @Test func `an explicit file must exist, and nothing at all says what was looked for`() {
    #expect(throws: KubeconfigError.self) { try connection([:], explicit: "/nowhere") }
    do {
      _ = try connection([:])
      Issue.record("no error")
    } catch {
      #expect("\(error)".contains("KUBECONFIG"))
    }
  }

  @Test func `the overrides of the command line`() throws {
    var overrides = ConnectionOverrides()
    overrides.server = "https://[::1]:6443/"
    overrides.token = Secret("other")
    overrides.asUser = "jane"
    overrides.asGroups = ["dev", "ops"]
    overrides.namespace = "n"
    let cluster = "server: https://a.example, tls-server-name: a.internal"
    let found = try connection(["/c": Self.config(cluster: cluster)], explicit: "/c", overrides)
    #expect(found.endpoint.server == "https://[::1]:6443")
    // The name was right for the file's server alone.
    #expect(found.endpoint.options.serverName == nil)
    #expect(found.authentication == .token(Secret("other")))
    #expect(found.endpoint.impersonation.values(of: "impersonate-group") == ["dev", "ops"])
    #expect(found.namespace == "n")
    var insecure = ConnectionOverrides()
    insecure.insecureSkipTLSVerify = true
    let withCA = "server: https://a.example, certificate-authority-data: \(encodeBase64(Array(Self.pem.utf8)))"
    #expect(
      try connection(["/c": Self.config(cluster: withCA)], explicit: "/c", insecure).endpoint.options
        .certificateAuthority == nil)
  }

  @Test func `an address needs no file, and what the command line names is to be blamed alone`() throws {
    var overrides = ConnectionOverrides()
    overrides.server = "https://b.example:6443"
    overrides.token = Secret("hunter2")
    for files in [[:], ["/c": "kind: Config"]] {
      let found = try connection(files, kubeconfig: "/c", overrides)
      #expect(found.endpoint.server == "https://b.example:6443" && found.context == nil && !found.isOfThisPod)
      #expect(found.authentication == .token(Secret("hunter2")))
    }
    // A context that is there has the rest.
    let merged = try connection(["/c": Self.config(user: "as: jane")], kubeconfig: "/c", overrides)
    #expect(merged.context == "c" && merged.endpoint.impersonation["impersonate-user"] == "jane")
    for (change, says) in [
      ({ $0.server = "https://u:hunter2@x" }, "`--server` is no address of a server, https://‹hidden›@x"),
      ({ $0.cluster = "nope" }, "/c: there is no cluster \"nope\"; there are: k"),
      ({ $0.user = "nope" }, "/c: there is no user \"nope\"; there are: u"),
      ({ $0.context = "nope" }, "/c: there is no context \"nope\"; there are: c"),
    ] as [((inout ConnectionOverrides) -> Void, String)] {
      var overrides = ConnectionOverrides()
      change(&overrides)
      do {
        _ = try connection(["/c": Self.config()], explicit: "/c", overrides)
        Issue.record("no error")
      } catch {
        #expect("\(error)".hasPrefix(says), "\(error)")
      }
    }
  }

  @Test func `inside a pod, and only without any kubeconfig`() throws {
    let directory = "/var/run/secrets/kubernetes.io/serviceaccount"
    let environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443", "HOME": "/h"]
    var files = ["\(directory)/ca.crt": Self.pem, "\(directory)/namespace": "shop\n"]
    let pod = try connection(files, environment: environment)
    #expect(pod.endpoint.server == "https://[fd00::1]:443" && pod.namespace == "shop")
    #expect(pod.authentication == .tokenFile("\(directory)/token"))
    files["/h/.kube/config"] = Self.config()
    #expect(try connection(files, environment: environment).endpoint.server == "https://a.example")
  }

  @Test(
    arguments: [
      ("https://a.example", "", "http://p:1"), ("https://a.example", "a.example", nil),
      ("https://x.a.example", "a.example", nil),
      ("https://a.example", ".a.example", "http://p:1"), ("https://x.a.example", "*.a.example", nil),
      ("https://xa.example", "a.example", "http://p:1"), ("https://10.1.2.3", "10.0.0.0/8", nil),
      ("https://11.1.2.3", "10.0.0.0/8", "http://p:1"), ("https://[fd00::7]", "fd00::/8", nil),
      ("https://a.example:6443", "a.example:6443", nil), ("https://a.example:443", "a.example:6443", "http://p:1"),
      ("https://127.0.0.1:6443", "", nil), ("https://localhost", "", nil), ("https://a.example", "*", nil),
      ("http://a.example", "", nil), ("https://10.1.2.3", "10.0.0.0/99, bad/8,,10.1.2.3", nil),
    ] as [(String, String, String?)])
  func `NO_PROXY as Go reads it`(url: String, exceptions: String, proxy: String?) throws {
    let parts = try #require(URLParts(url))
    #expect(proxyFromEnvironment(for: parts, ["HTTPS_PROXY": "p:1", "no_proxy": exceptions]) == proxy)
  }

  @Test func `base64 there and back`() {
    for count in 0..<40 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
      #expect(decodeBase64(encodeBase64(bytes)) == bytes)
    }
    for text in ["A", "AA", "AAA", "AA=A", "====", "AA\u{0}=", "é"] { #expect(decodeBase64(text) == nil) }
  }

  @Test(
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2026-03-01T12:00:00.123456Z", 1_772_366_400),
      ("2026-03-01T14:00:00+02:00", 1_772_366_400),
      ("2000-02-29T23:59:59-00:30", 951_870_599), ("2026-03-01", nil), ("2026-13-01T00:00:00Z", nil),
      ("2026-03-01T12:00:00", nil),
      ("2026-03-01T12:00:00.Z", nil), ("", nil),
    ] as [(String, Int?)])
  func `times of RFC 3339`(text: String, seconds: Int?) { #expect(secondsSince1970(text) == seconds) }
}

@Suite struct ExecCredentialsTests {
  final class Runner: CommandRunner {
    let answers: Mutex<[CommandResult]>
    let commands = Mutex<[Command]>([])
    let hasTerminal: Bool

    init(_ answers: [CommandResult], hasTerminal: Bool = false) {
      self.answers = Mutex(answers)
      self.hasTerminal = hasTerminal
    }

    func run(_ command: Command) async -> CommandResult {
      commands.withLock { $0.append(command) }
      await Task.yield()
      return answers.withLock { $0.isEmpty ? .killed(signal: 9) : $0.removeFirst() }
    }
  }

  static func answer(_ status: String, version: String = "v1") -> CommandResult {
    .exited(
      code: 0,
      output: Secret(
        Array(
          #"{"apiVersion":"client.authentication.k8s.io/\#(version)","kind":"ExecCredential","status":\#(status)}"#.utf8
        )))
  }

  func source(
    _ runner: Runner, now: @escaping @Sendable () -> Int = { 0 }, change: (inout ExecPlugin) -> Void = { _ in }
  )
    -> ExecCredentials
  {
    var plugin = ExecPlugin(command: "plug", installHint: "get it\u{1b}[31m", origin: "user \"u\" in /c")
    change(&plugin)
    return ExecCredentials(plugin, environment: ["A": "1"], runner: runner, now: now)
  }

  @Test func `kept until shortly before the end`() async throws {
    let runner = Runner([
      Self.answer(#"{"token":"one","expirationTimestamp":"1970-01-01T00:10:00Z"}"#), Self.answer(#"{"token":"two"}"#),
    ])
    let time = Mutex(0)
    let clock: @Sendable () -> Int = { time.withLock { $0 } }
    let source = source(runner, now: clock)
    for _ in 0..<3 { #expect(try await source.current().authorization == Secret("Bearer one")) }
    time.withLock { $0 = 589 }
    #expect(try await source.current().authorization == Secret("Bearer one"))
    time.withLock { $0 = 590 }
    #expect(try await source.current().authorization == Secret("Bearer two"))
    // Without an end it is kept for ever, unless the server refuses it. An older one says nothing about the newer.
    await source.discard(Credentials(authorization: Secret("Bearer one")))
    #expect(try await source.current().authorization == Secret("Bearer two"))
    #expect(runner.commands.withLock { $0.count } == 2)
  }

  @Test func `many requests, one run`() async throws {
    let runner = Runner([Self.answer(#"{"token":"one"}"#)])
    let source = source(runner)
    try await withThrowingTaskGroup(of: Credentials.self) { group in
      for _ in 0..<50 { group.addTask { try await source.current() } }
      for try await credentials in group { #expect(credentials.authorization == Secret("Bearer one")) }
    }
    #expect(runner.commands.withLock { $0.count } == 1)
    #expect(runner.commands.withLock { $0.first?.environment["A"] } == "1")
  }

  @Test(
    arguments: [
      (answer(#"{"token":"hunter2"}"#, version: "v1beta1"), "v1beta1"), (answer("{}"), "neither a token"),
      (answer(#"{"clientCertificateData":"x","token":"hunter2"}"#), "only one of"), (answer("null"), "no `status`"),
      (answer(#"{"token":"hunter2","expirationTimestamp":"soon"}"#), "expirationTimestamp"),
      (.exited(code: 0, output: Secret(Array("hunter2".utf8))), "no JSON"),
      (.exited(code: 3, output: Secret([])), "exit code 3"),
      (.notStarted("x", isMissing: true), "not found; get it"), (.killed(signal: 15), "signal 15"),
    ] as [(CommandResult, String)])
  func `what a plugin can do wrong`(result: CommandResult, says: String) async throws {
    let error = try await refusal { () async throws(ClusterError) in try await source(Runner([result])).current() }
    #expect("\(error)".contains(says), "\(error)")
    #expect("\(error)".contains("user \"u\" in /c"))
    #expect(!"\(error)".contains("hunter2") && !"\(error)".contains("\u{1b}"))
  }

  @Test func `a plugin that needs a terminal says so where there is none`() async throws {
    let error = try await refusal { () async throws(ClusterError) in
      try await source(Runner([]), change: { $0.interaction = .always }).current()
    }
    #expect("\(error)".contains("terminal"))
  }

  @Test func `programs are really run`() async throws {
    let runner = PosixCommandRunner()
    let echo = Command(
      program: "sh", arguments: ["-c", "printf %s \"$X\"; cat; exit 4"],
      environment: ["X": "é", "PATH": "/usr/bin:/bin"], isInteractive: false)
    #expect(await runner.run(echo) == .exited(code: 4, output: Secret(Array("é".utf8))))
    let missing = Command(program: "/no/such/program", arguments: [], environment: [:], isInteractive: false)
    guard case .notStarted(_, isMissing: true) = await runner.run(missing) else {
      Issue.record("it ran")
      return
    }
    let killed = Command(program: "/bin/sh", arguments: ["-c", "kill -9 $$"], environment: [:], isInteractive: false)
    #expect(await runner.run(killed) == .killed(signal: 9))
  }
}
