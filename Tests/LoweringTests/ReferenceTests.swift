import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import Testing

private let hasReference = ReferenceObjects.exist("aks-voting")

/// What stands after each step, beside what the scenario applies by hand.
struct ReferenceTests {
  /// What we mean to do otherwise, by kind and path. A path stands for everything below it.
  private static let intended: [(kind: String, path: String, why: String)] = [
    ("*", "apiVersion", "networking.istio.io/v1 of today"),
    ("*", "metadata/labels", "ownership labels"),
    ("*", "metadata/namespace", "never left to the context"),
    ("Deployment", "spec/strategy", "no pod less while rolling; Recreate on a volume"),
    ("Deployment", "spec/template/spec/containers/*/readinessProbe", "S2 is judged by readiness"),
    ("Deployment", "spec/template/spec/containers/*/ports/*/protocol", "a key of the list, spelled out"),
    ("Deployment", "spec/template/spec/containers/*/env", "compared as a set below: the plan has its own order"),
    ("Deployment", "spec/template/spec/containers/*/volumeMounts/*/name", "volumes are named after their claim"),
    ("Deployment", "spec/template/spec/volumes/*/name", "volumes are named after their claim"),
    ("Service", "spec/ports/*/protocol", "a key of the list, spelled out"),
    ("Service", "spec/ports/*/appProtocol", "wins over the name"),
    ("Service", "spec/ports/*/targetPort", "by name: redis pods do not answer for mysql"),
    ("VirtualService", "spec", "routes are compared one by one below"),
    ("DestinationRule", "spec/subsets", "a superset: see below"),
  ]

  /// What only we have, and after which of the scenario's steps.
  private static let added: [(object: String, steps: ClosedRange<Int>, why: String)] = [
    ("Namespace/voting", 1...3, "the scenario makes it by hand"),
    ("PeerAuthentication/default", 1...1, "mutual TLS from the first step on: nothing is ever sent in plaintext"),
    ("DestinationRule/voting-app", 1...1, "routes are pinned from the first step on"),
    ("DestinationRule/voting-analytics", 1...1, "the same"),
    ("DestinationRule/voting-storage", 1...1, "the same"),
    ("VirtualService/voting-analytics", 1...1, "the same"),
    ("VirtualService/voting-storage", 1...1, "the same"),
    (
      "VirtualService/voting-app-mesh", 1...3,
      "who calls it from inside is pinned as well; the scenario leaves it to chance"
    ),
  ]

  /// The files of the scenario, by the step that applies them.
  private static let files = [
    ["kubernetes/step-1-create-voting-app.yaml", "istio/step-1-create-voting-app-gateway.yaml"],
    [
      "kubernetes/step-2-update-voting-analytics-to-1.1.yaml",
      "istio/step-2-update-and-add-routing-for-all-components.yaml",
      "istio/step-2a-update-voting-app-virtualservice.yaml",
      "istio/step-2b-add-routing-for-all-components.yaml",
    ],
    ["kubernetes/step-3-update-voting-app-with-new-storage.yaml", "istio/step-3-add-routing-for-2.0-components.yaml"],
  ]

  @Test(.enabled(if: hasReference, "../shared/reference is not here"), arguments: VotingSource.allCases)
  func nothingElseIsThere(_ source: VotingSource) throws {
    let steps = compile(try source.plan()).steps
    var theirs: Set<String> = []
    for (step, files) in Self.files.enumerated() {
      for object in try files.flatMap({ try ReferenceObjects.read("aks-voting/" + $0) }) {
        let kind = object["kind"]?.string ?? ""
        // Secrets are referenced, never written; the Policy of then is the PeerAuthentication of today.
        if kind == "Secret" { continue }
        theirs.insert(
          kind == "Policy" ? "PeerAuthentication/default" : "\(kind)/\(object.at("metadata", "name")?.string ?? "")")
      }
      let ours = Set(steps[step].segments[0].after.image.entries.map { "\($0.id)" })
      let expected = Set(Self.added.filter { $0.steps.contains(step + 1) }.map(\.object))
      #expect(ours.subtracting(theirs) == expected, "after step \(step + 1)")
    }
  }

  /// Every line of the table is a difference that is there.
  @Test(.enabled(if: hasReference, "../shared/reference is not here")) func theTableIsExact() throws {
    var open = Self.intended
    for source in VotingSource.allCases {
      let steps = compile(try source.plan()).steps
      for (step, files) in Self.files.enumerated() {
        let image = steps[step].segments[0].after.image
        for wanted in try files.flatMap({ try ReferenceObjects.read("aks-voting/" + $0) }) {
          let (kind, name) = (wanted["kind"]?.string ?? "", wanted.at("metadata", "name")?.string ?? "")
          guard let actual = image.entries.first(where: { $0.id.kind == kind && $0.id.name == name })?.plain else {
            continue
          }
          _ = ReferenceObjects.differences(wanted, actual) { path in
            let isKnown = Self.intended.contains { ($0.kind == "*" || $0.kind == kind) && $0.path == path }
            if isKnown { open.removeAll { ($0.kind == "*" || $0.kind == kind) && $0.path == path } }
            return isKnown
          }
        }
      }
    }
    #expect(open.isEmpty, "no difference any more: \(open.map { "\($0.kind) \($0.path)" })")
  }

  @Test(.enabled(if: hasReference, "../shared/reference is not here"), arguments: VotingSource.allCases)
  func firstStep(_ source: VotingSource) throws {
    let image = compile(try source.plan()).steps[0].segments[0].after.image
    try compare("kubernetes/step-1-create-voting-app.yaml", image)
    // Routes are pinned from the first step on, so that the entry names a subset.
    try compare("istio/step-1-create-voting-app-gateway.yaml", image, pinsEntry: true)
  }

  @Test(.enabled(if: hasReference, "../shared/reference is not here"), arguments: VotingSource.allCases)
  func secondStep(_ source: VotingSource) throws {
    let image = compile(try source.plan()).steps[1].segments[0].after.image
    try compare("kubernetes/step-2-update-voting-analytics-to-1.1.yaml", image)
    try compareRouting(image)
  }

  @Test(.enabled(if: hasReference, "../shared/reference is not here"), arguments: VotingSource.allCases)
  func thirdStep(_ source: VotingSource) throws {
    let image = compile(try source.plan()).steps[2].segments[0].after.image
    try compareCanary(image)
  }

  /// `plans/aks-voting-as-written.rollout`: the scenario's own order, its first step without any rule, and its second
  /// in two.
  @Test(.enabled(if: hasReference, "../shared/reference is not here")) func asWritten() throws {
    let steps = compile(try resolvedPlan("plans/aks-voting-as-written.rollout")).steps
    try #require(steps.count == 6)
    let deployed = steps[0].segments[0].after.image
    try compare("kubernetes/step-1-create-voting-app.yaml", deployed)
    try compare("istio/step-1-create-voting-app-gateway.yaml", deployed)
    for image in [deployed, steps[1].segments[0].after.image] {
      #expect(!image.entries.contains { $0.id.kind == "DestinationRule" || $0.id.kind == "PeerAuthentication" })
      #expect(image.entries.filter { $0.id.kind == "VirtualService" }.count == 1)
    }
    try compare("kubernetes/step-2-update-voting-analytics-to-1.1.yaml", steps[1].segments[0].after.image)
    // Routes first, then mTLS: the scenario writes both at once.
    #expect(steps[2].segments.count == 2)
    try compareRouting(try #require(steps[2].segments.last?.after.image))
    try compareCanary(try #require(steps[3].segments.last?.after.image))
  }

  /// The plan file and the plan that these tests build by hand mean the same objects after each step.
  @Test func thePlanFileMeansWhatTheStatesMean() throws {
    let (file, states) = (compile(try VotingSource.file.plan()), compile(try VotingSource.states.plan()))
    #expect(file.problems.isEmpty)
    try #require(file.steps.count == states.steps.count)
    for (a, b) in zip(file.steps, states.steps) {
      #expect(a.folder == b.folder)
      try #require(a.segments.count == b.segments.count)
      for (x, y) in zip(a.segments, b.segments) {
        #expect(x.after.image.entries.map(\.object) == y.after.image.entries.map(\.object), "\(x.stamp)")
        #expect(x.phases.map(\.kind) == y.phases.map(\.kind), "\(x.stamp)")
        #expect(x.phases.map { $0.writes.map(\.id) } == y.phases.map { $0.writes.map(\.id) }, "\(x.stamp)")
        #expect(x.phases.map(\.gates) == y.phases.map(\.gates), "\(x.stamp)")
      }
    }
  }

  /// `routing open` gives the scenario's own first step: no subsets, no rules, one route to the Service.
  @Test(.enabled(if: hasReference, "../shared/reference is not here")) func firstStepWithOpenRouting() throws {
    var plan = votingPlan()
    plan.routing = .open
    var state = plan.steps[0].segments[0].after
    for i in state.components.indices { state.components[i].isPinned = false }
    plan.steps[0].segments[0].after = state
    plan.steps = [plan.steps[0]]
    let image = compile(plan).end.image
    try compare("istio/step-1-create-voting-app-gateway.yaml", image)
    #expect(!image.entries.contains { $0.id.kind == "DestinationRule" })
    #expect(image.entries.filter { $0.id.kind == "VirtualService" }.count == 1)
  }

  private func compareRouting(_ image: ObjectSet) throws {
    try compare("istio/step-2-update-and-add-routing-for-all-components.yaml", image)
    try compare("istio/step-2a-update-voting-app-virtualservice.yaml", image)
    try compare("istio/step-2b-add-routing-for-all-components.yaml", image)
  }

  private func compareCanary(_ image: ObjectSet) throws {
    try compare("kubernetes/step-3-update-voting-app-with-new-storage.yaml", image)
    try compare("istio/step-3-add-routing-for-2.0-components.yaml", image)
  }

  private func compare(_ file: String, _ image: ObjectSet, pinsEntry: Bool = false) throws {
    for wanted in try ReferenceObjects.read("aks-voting/" + file) {
      let kind = wanted["kind"]?.string ?? ""
      let name = wanted.at("metadata", "name")?.string ?? ""
      // Secrets are referenced, never written.
      if kind == "Secret" { continue }
      if kind == "Policy" {
        // The PeerAuthentication of today.
        let entry = image.entries.first { $0.id.kind == "PeerAuthentication" }
        #expect(entry?.plain.at("spec", "mtls", "mode") == wanted.at("spec", "peers")?[0]?.at("mtls", "mode"))
        continue
      }
      let actual = try #require(
        image.entries.first { $0.id.kind == kind && $0.id.name == name }?.plain, "\(file): no \(kind)/\(name)")
      let problems = ReferenceObjects.differences(wanted, actual) { path in
        Self.intended.contains { ($0.kind == "*" || $0.kind == kind) && $0.path == path }
      }
      #expect(problems.isEmpty, "\(file): \(kind)/\(name): \(problems)")
      switch kind {
      case "Deployment": compareEnvironment(wanted, actual)
      case "DestinationRule":
        // The scenario trims subsets of pods that still run; we keep them as long as their pods.
        for subset in wanted.at("spec", "subsets")?.array ?? [] {
          #expect(actual.at("spec", "subsets")?.array?.contains(subset) == true)
        }
      case "VirtualService": compareRoutes(wanted, actual, pinsEntry: pinsEntry)
      default: break
      }
    }
  }

  private func compareEnvironment(_ wanted: Value, _ actual: Value) {
    func environment(_ object: Value) -> Set<Value> {
      Set(object.at("spec", "template", "spec", "containers")?[0]?["env"]?.array ?? [])
    }
    #expect(environment(wanted) == environment(actual))
  }

  /// Each route of the scenario is there, in its order. Ours may have more: names, tcp ports, explicit defaults, lanes
  /// of callers that the scenario leaves to chance (analytics 1.0 still runs), and its cookie expression is stricter.
  private func compareRoutes(_ wanted: Value, _ actual: Value, pinsEntry: Bool) {
    #expect(wanted.at("spec", "hosts") == actual.at("spec", "hosts"))
    #expect(wanted.at("spec", "gateways") == actual.at("spec", "gateways"))
    func lines(_ object: Value) -> [String] {
      let routes = (object.at("spec", "http")?.array ?? []) + (object.at("spec", "tcp")?.array ?? [])
      return routes.map { route in
        #expect((route["match"]?.array?.count ?? 1) == 1 || object == actual)
        #expect(route["route"]?.array?.count == 1 && (route["route"]?[0]?["weight"]?.int ?? 100) == 100)
        let match = route["match"]?[0]
        let cookie = match?.at("headers", "cookie", "regex")?.string
        let destination = route["route"]?[0]?["destination"]
        let labels = match?["sourceLabels"]?.fields?.entries.map { "\($0.key)=\($0.value.string ?? "")" }.sorted() ?? []
        return [
          match?.at("uri", "prefix")?.string ?? "",
          // Theirs takes the same cookie, and what only ends in its name as well.
          cookie == #"^(.*?; ?)?(featureflag=on)(;.*)?$"# ? cookieExpression("featureflag", "on") : cookie ?? "",
          labels.joined(separator: ","),
          destination?["host"]?.string ?? "", pinsEntry ? "" : destination?["subset"]?.string ?? "",
          "\(destination?.at("port", "number")?.int ?? 0)",
        ].joined(separator: " ")
      }
    }
    let ours = lines(actual)
    var next = 0
    for line in lines(wanted) {
      let place = ours.firstIndex(of: line)
      #expect(place != nil, "\(line) is not among \(ours)")
      // The order counts where matches can overlap: at the entry, where nobody is told apart by labels.
      if wanted.at("spec", "gateways") != nil, let place {
        #expect(place >= next)
        next = place
      }
    }
  }
}
