import ApplyEngine

/// The command lines that go on from here: the same plan, options and cluster with another verb, ready to be copied.
struct Invocation: Sendable {
  private var words: [String]
  /// In place of them where the plan goes on behind a saved one: its file, with the options that it was saved with.
  private var wordsBeyond: [String]
  /// What only a run takes: where its journal is, and how it asks the outside.
  private let runWords: [String]
  /// What was decided about objects of others: they are met again. `apply` of a saved plan has its own.
  private let decisionWords: [String]
  private let isSaved: Bool
  /// The plan is its file, not only its name.
  private let namesFile: Bool

  /// Tokens are left out: a command line is no place for them.
  init(
    plan: PlanRequest, savedAt: String? = nil, connection: ConnectionOptions, journal: String? = nil,
    decisions: WriteDecisions = WriteDecisions(), _ observation: ObservationOptions? = nil
  ) {
    var words: [String] = []
    namesFile = plan.namesFile
    isSaved = savedAt != nil
    func add(_ name: String, _ value: String?) { if let value { words += [name, value] } }
    add("--env", plan.env)
    for setting in plan.settings { add("--set", setting) }
    add("--root", plan.root)
    let ofPlan = [plan.plan] + words
    words = []
    if plan.clusterDomain != "cluster.local" { add("--cluster-domain", plan.clusterDomain) }
    add("--kubeconfig", connection.kubeconfig)
    add("--context", connection.context)
    add("--cluster", connection.cluster)
    add("--user", connection.user)
    add("--namespace", connection.namespace)
    add("--server", connection.server)
    add("--as", connection.asUser)
    for group in connection.asGroups { add("--as-group", group) }
    add("--as-uid", connection.asUID)
    add("--tls-server-name", connection.tlsServerName)
    if connection.skipsVerification { words.append("--insecure-skip-tls-verify") }
    add("--certificate-authority", connection.certificateAuthority)
    if connection.refusesPlugins { words.append("--no-exec-plugins") }
    self.words = (savedAt.map { [$0] } ?? ofPlan) + words
    wordsBeyond = ofPlan + words
    words = []
    add("--journal", journal)
    if let observation {
      add("--gateway", observation.gateway)
      add("--gateway-ca", observation.gatewayCA)
      if observation.gatewayInsecure { words.append("--gateway-insecure") }
      add("--prometheus", observation.prometheus)
      add("--prometheus-ca", observation.prometheusCA)
      add("--prometheus-token-file", observation.prometheusTokenFile)
    }
    runWords = words
    words = []
    for field in decisions.takes.sorted() { add("--take", field) }
    for name in decisions.adopts.sorted() { add("--adopt", name) }
    for name in decisions.recreates.sorted() { add("--recreate", name) }
    decisionWords = words
  }

  /// With what a run was begun with, where nobody says otherwise: `--env prod`, `--set copies=3`.
  func with(_ options: [String]) -> Invocation {
    // A saved plan has its own.
    if wordsBeyond.contains("--env") || wordsBeyond.contains("--set") { return self }
    var copy = self
    let added = options.flatMap { $0.split(separator: " ", maxSplits: 1).map(String.init) }
    copy.words.insert(contentsOf: added, at: 1)
    copy.wordsBeyond.insert(contentsOf: added, at: 1)
    return copy
  }

  /// `rolloutc resume plans/aks-voting.rollout --env prod`
  ///
  /// What needs the plan itself has `FILE` in place of a mere name.
  func command(_ verb: String, _ more: String...) -> String {
    command(verb, words, decisions: isSaved && verb == "apply" ? [] : decisionWords, more)
  }

  /// `rolloutc apply plans/aks-voting.rollout`: a saved plan is for its own steps, and this goes on with those behind them.
  /// What was decided for these is done.
  var onward: String { command("apply", wordsBeyond, decisions: [], []) }

  private func command(_ verb: String, _ words: [String], decisions: [String], _ more: [String]) -> String {
    let isRun = ["apply", "resume", "rollback"].contains(verb)
    let words = isRun && !namesFile ? ["FILE"] + words.dropFirst() : words
    return (["rolloutc", verb] + words + (isRun ? runWords + decisions : []) + more).map(shellWord)
      .joined(separator: " ")
  }
}
