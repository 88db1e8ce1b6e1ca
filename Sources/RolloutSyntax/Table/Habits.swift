/// What other tools call what this language calls otherwise. Nothing here is part of the language: it is what is said, and
/// often what is mended, where such a word stands.
package enum Habits {
  /// A word that begins no statement.
  struct Head {
    /// The keyword that is meant, where a line with it in place of the word may mean the same.
    var keyword: Keyword?
    var help: String
  }

  /// The statement that is meant by a line that begins with `word`; nil where nothing is known of it.
  static func head(_ word: String, in context: Context) -> Head? {
    let word = word.lowercased()
    return switch context {
    case .file: steps[word] ?? declarations[word] ?? objects[word]
    case .step, .failure: steps[word] ?? objects[word]
    case .component, .version:
      settings[word] ?? objects[word] ?? (isTarget(word) ? Head(help: targetHelp("8080")) : nil)
    case .release, .environment, .rehearsal: nil
    }
  }

  /// The keyword that is meant by `word`, where one of `expected` is; and why the word is none.
  static func keyword(_ word: String, among expected: [Keyword]) -> (keyword: Keyword, note: String?)? {
    let word = word.lowercased()
    if expected.contains(.tcp), expected.contains(.http), let keyword = protocols[word] {
      return (keyword, keyword == .tcp ? "Istio has no word for `\(word)`: as tcp it is passed on as it is" : nil)
    }
    if expected.contains(.target), targets.contains(word) { return (.target, nil) }
    if expected.contains(.ready), isReady(word) { return (.ready, nil) }
    return bounds[word].flatMap { expected.contains($0) ? ($0, nil) : nil }
  }

  /// `target` at the beginning of a line, with or without a colon, and what else is said of it.
  static func isTarget(_ word: String) -> Bool {
    let word = word.lowercased()
    let name = word.hasSuffix(":") ? String(word.dropLast()) : word
    return name == "target" || name.hasSuffix("port") && targets.contains(name)
  }

  static func targetHelp(_ port: String) -> String {
    "it stands behind the port that callers dial, and what that speaks: `port 80 http target \(port)`"
  }

  /// What else is said of pods that are ready.
  static func isReady(_ word: String) -> Bool {
    ["available", "complete", "completed", "done", "finished", "healthy", "running", "started", "up"]
      .contains(word.lowercased())
  }

  /// What begins a check that a command makes.
  package static func isCommand(_ word: String) -> Bool {
    ["cmd", "command", "exec", "run", "script", "sh"].contains(word.lowercased())
  }

  package static func isConfigMap(_ word: String) -> Bool {
    ["cm", "config", "config-map", "config_map", "configmap", "configmapref"].contains(word.lowercased())
  }

  /// What a patch calls an object of a component, by the word that kubectl has for its kind.
  static func patched(_ word: String) -> Keyword? {
    switch word.lowercased() {
    case "virtualservice", "virtualservices", "vs", "routes": .route
    case "destinationrule", "destinationrules", "dr", "rules": .rule
    case "deploy", "deployments", "deployment": .deployment
    case "svc", "services", "service": .service
    default: nil
    }
  }

  /// What is said of a statement that stands where it cannot, beside where it belongs.
  static func misplaced(_ keyword: Keyword, in context: Context) -> String? {
    switch (context, keyword) {
    case (.environment, .namespace), (.environment, .image), (.environment, .replicas), (.environment, .expose),
      (.environment, .env), (.environment, .args), (.environment, .resources), (.environment, .volume):
      "an environment gives parameters other values: declare `parameter NAME = VALUE`, use `$NAME` in the `\(keyword.text)` line, and write `NAME = VALUE` here"
    case (.environment, .mesh):
      "an environment gives parameters other values, and cannot change a word such as `strict`: the line stands at the top level, and its version may be a parameter, as `mesh istio $NAME`"
    case (.step, .manifest), (.failure, .manifest):
      "it belongs at the top level: its objects are made in the first step, before the pods, and nothing waits for a Job (docs/recipes.md, \"Change a database between two steps\")"
    default: nil
    }
  }

  /// What else is written for a protocol, at a port. What Istio does not know by name it passes on as tcp.
  private static let protocols: [String: Keyword] = {
    var words: [String: Keyword] = [
      "mongodb": .mongo, "mariadb": .mysql, "h2": .http2, "h2c": .http2, "http/2": .http2, "http/1.1": .http,
      "http1": .http, "ws": .http, "websocket": .http, "websockets": .http, "rest": .http, "ssl": .tls,
      "grpcweb": .grpcWeb, "grpc_web": .grpcWeb,
    ]
    for word in [
      "amqp", "cassandra", "cql", "ftp", "imap", "kafka", "ldap", "memcache", "memcached", "mqtt", "mssql", "nats",
      "oracle", "pop3", "postgres", "postgresql", "psql", "rabbitmq", "sftp", "smtp", "sqlserver", "ssh", "stomp",
      "zookeeper",
    ] {
      words[word] = .tcp
    }
    return words
  }()

  /// What else is said of the port that a container listens on.
  private static let targets: Set = [
    "container", "container-port", "container_port", "containerport", "target-port", "target_port", "targetport",
  ]

  /// The bounds of a metric.
  private static let bounds: [String: Keyword] = ["<": .below, "under": .below, ">": .above, "over": .above]

  /// In a step, and at the top level.
  private static let steps = heads([
    ("delete undeploy destroy remove uninstall", .retire, nil),
    ("apply install upgrade launch", .deploy, nil),
    ("sleep", .wait, nil),
    ("check test assert", .verify, nil),
    ("undo revert", .rollback, nil),
    ("approval", .approve, nil),
    ("scale", nil, "`deploy COMPONENT VERSION replicas INT` scales"),
    (
      "canary setweight set-weight traffic split weight", nil,
      "`route COMPONENT PERCENT -> VERSION` sends a share, and `shift` moves it step by step"
    ),
    ("promote", nil, "`route COMPONENT all -> VERSION` sends everybody there"),
    (
      "setmirrorroute set-mirror-route shadow", nil,
      "`mirror COMPONENT PERCENT -> VERSION` copies a share of the requests, and `0%` ends it"
    ),
    (
      "setheaderroute set-header-route", nil,
      "`route COMPONENT header KEY=VALUE -> VERSION` leads who has the header, and `unroute` ends it"
    ),
    (
      "experiment", nil,
      "no statement runs versions for a time: `deploy` one, lead some visitors to it by a cookie or a header, `verify` it as one of them, and `retire` it"
    ),
    (
      "analysis analyze analyse analysistemplate", nil,
      "declare a `metric`: `verify METRIC for DURATION` holds the run while it is good, and so does `while METRIC` of a `shift`"
    ),
    (
      "notify notification notifications alert hook hooks webhook webhooks", nil,
      "no statement calls anybody: `approve` waits for a person, and what runs `rolloutc apply` tells others by its exit code (docs/exit-codes.md)"
    ),
    (
      "abort", nil,
      "a step fails by a `verify` that does not hold, and `on failure` says what follows; who watches a run stops it by the command `rolloutc abort`"
    ),
    (
      "scaledown scale-down scaleup scale-up setcanaryscale", nil,
      "`deploy COMPONENT VERSION replicas INT` scales, and `retire` takes a version away"
    ),
    (
      "sticky stickiness session", nil,
      "`sticky for DURATION` stands at the end of a `shift` line: it keeps visitors by a cookie"
    ),
    ("restart", nil, "no statement restarts pods: what runs changes with its version"),
    (
      "job exec migrate migration run script shell", nil,
      "no statement runs a Job or a command: stop with `approve`, and let a person or a pipeline do it (docs/recipes.md, \"Change a database between two steps\")"
    ),
  ])

  /// At the top level.
  private static let declarations = heads([
    ("service microservice app application deployment", .component, nil),
    ("var variable set param", .parameter, nil),
    ("import", .include, nil),
    ("stage phase", .step, nil),
    (
      "ingress gateway host", nil,
      "`expose COMPONENT on port INT hosts HOST` lets traffic in; `through gateway NAME` names a gateway of yours"
    ),
  ])

  /// In a component or a version.
  private static let settings = heads([
    ("depends depends_on dependson needs uses requires", .calls, nil),
    ("environment", .env, nil),
    ("containerport", .port, nil),
    (
      "cpu memory limits requests", nil,
      "`resources cpu CPU to CPU, memory SIZE to SIZE` says what it asks for, and its limits behind `to`"
    ),
    (
      "readiness readinessprobe startupprobe health healthcheck", nil,
      "`ready when GET PATH` says when it may get traffic"
    ),
    ("liveness livenessprobe", nil, "`live when GET PATH` says when it counts as alive"),
    ("mount mounts volumemount volumemounts", nil, "`volume NAME SIZE at PATH` mounts a volume"),
    (
      "command entrypoint", nil,
      "`args` go to the image's entry point; another one is a `patch deployment of COMPONENT` at the top level"
    ),
  ])

  /// What a patch or a manifest says: in a component, and at the top level.
  private static let objects = heads([
    (
      "label labels annotation annotations serviceaccount strategy affinity securitycontext nodeselector tolerations "
        + "initcontainer initcontainers sidecar emptydir lifecycle", nil,
      "no statement sets it: write `patch deployment of COMPONENT` at the top level"
    ),
    (
      "timeout timeouts retry retries fault faults cors corspolicy", nil,
      "no statement sets it: write `patch route of COMPONENT` at the top level"
    ),
    (
      "circuitbreaker outlierdetection connectionpool loadbalancer", nil,
      "no statement sets it: write `patch rule of COMPONENT` at the top level"
    ),
    (
      "hpa autoscale autoscaler autoscaling horizontalpodautoscaler", nil,
      "an autoscaler comes by `manifest FILE`, and a `patch deployment of COMPONENT` leaves the number of pods to it (docs/recipes.md, \"Leave the number of pods to an autoscaler\")"
    ),
    (
      "configmap configmaps", nil,
      "a ConfigMap comes by `manifest FILE`, and `patch deployment of COMPONENT` mounts it, both at the top level"
    ),
    ("pdb poddisruptionbudget networkpolicy", nil, "no statement makes one: it comes by `manifest FILE`"),
  ])

  /// - Parameter rows: words with blanks between them, what they mean, and what is said where that is not enough.
  private static func heads(_ rows: [(words: String, keyword: Keyword?, help: String?)]) -> [String: Head] {
    var heads: [String: Head] = [:]
    for row in rows {
      let help = row.help ?? row.keyword.map { "write `\($0.text)`" } ?? ""
      for word in row.words.split(separator: " ") { heads[String(word)] = Head(keyword: row.keyword, help: help) }
    }
    return heads
  }
}
