import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import SafetyChecks
import TestSupport
import Testing

/// A rule of the transition taken away, and what the checker must then say.
struct Mutation: Sendable, CustomTestStringConvertible {
  var rule: OrderingRule
  var name: String
  var plan: String?
  var mutate: @Sendable (inout Case) throws -> Void
  var code: Code
  /// Words that the diagnostic must hold: the moment, who it hits, on which way, what they see.
  var words: [String]

  init(
    _ rule: OrderingRule, _ name: String, plan: String? = nil, _ code: Code, _ words: [String],
    _ mutate: @escaping @Sendable (inout Case) throws -> Void
  ) {
    self.rule = rule
    self.name = name
    self.plan = plan
    self.mutate = mutate
    self.code = code
    self.words = words
  }

  var testDescription: String { "\(rule) — \(name)" }
}

struct MutationTests {
  /// The three faults of the order in which the scenario's own instructions go.
  static let handMade: [Mutation] = [
    Mutation(
      .subsetsFirst, "the route names a subset before its DestinationRule", .undefinedSubset,
      [
        "cookie `featureflag=on`", "subset `v2-0` of `voting-app`", "changes VirtualService/voting-app",
        "\"Canary 2.0 for flagged users\"", "phase `switch-entry`", "503 NC",
      ]
    ) { c in try c.move(2, 0, .switchEntry, before: .widenSubsets) },
    Mutation(
      .podsFirst, "the cookie route opens before the pods are ready", .noReadyPods,
      [
        "cookie `featureflag=on`", "subset `v2-0` of `voting-app`", "changes VirtualService/voting-app",
        "\"Canary 2.0 for flagged users\"", "phase `switch-entry`", "503 UH",
      ]
    ) { c in try c.move(2, 0, .switchEntry, before: .startWorkloads) },
    Mutation(
      .subsetsLast, "the DestinationRule is trimmed before the routes stop naming it", .undefinedSubset,
      [
        "visitors without a rule", "subset `v1-0` of `voting-app`", "changes DestinationRule/voting-app", "\"Finish\"",
        "phase `narrow-subsets`", "503 NC",
      ]
    ) { c in
      let trim = c[3, 1].remove(at: try c.phase(3, 1, .narrowSubsets))
      c[3, 0].insert(trim, at: 0)
    },
  ]

  static let rules: [Mutation] = [
    Mutation(
      .podsFirst, "a route moves in the phase that starts its pods", .noReadyPods,
      ["calls of `voting-app 1.0` to `analytics`", "gateway port 80", "503 UH", "Update analytics"]
    ) { c in try c.merge(1, 0, .startWorkloads, .switchInner) },
    Mutation(
      .podsReady, "nobody waits for the pods", .noReadyPods,
      ["calls of `voting-app 1.0` to `analytics`", "phase `switch-inner`"]
    ) { c in try c.dropGates(1, 0, .startWorkloads) },
    Mutation(
      .subsetsFirst, "subsets are never widened", .undefinedSubset,
      ["calls of `voting-app 1.0` to `analytics`", "503 NC"]
    ) { c in try c.drop(1, 0, .widenSubsets) },
    Mutation(
      .lanesSettle, "the entry moves before the lanes of the release have settled", .mixedReleases,
      ["entered by `voting-app 2.0`", "`analytics 1.1`", "two releases"]
    ) { c in
      try c.move(2, 0, .openLanes, after: .startWorkloads)
      try c.merge(2, 0, .openLanes, .switchEntry)
    },
    Mutation(
      .lanesBeforePods, "a lane of the new release is forgotten", .mixedReleases,
      ["entered by `voting-app 2.0`", "`analytics 1.1`"]
    ) { c in try c.drop(2, 0, .openLanes) },
    Mutation(
      .portsFirst, "the Service gains its port too late", .wrongPort,
      ["calls of `voting-app 2.0` to `storage`", "3306"]
    ) { c in try c.drop(2, 0, .prepare, "voting-storage") },
    Mutation(
      .entryMoves, "the entry is never moved", .strayTraffic, ["cookie `featureflag=on`", "`voting-app 1.0`"]
    ) { c in
      try c.drop(2, 0, .switchEntry); c[2, 0].append(try c.idle())
    },
    Mutation(
      .entryDrains, "pods are stopped before requests have drained", .stillInUse,
      ["Deployment/voting-app-1-0", "\"Finish\"", "phase `stop-workloads`"]
    ) { c in try c.dropGates(3, 0, .switchEntry) { if case .drained = $0 { true } else { false } } },
    Mutation(
      .innerDrains, "inner pods are stopped before requests have drained", .stillInUse,
      ["Deployment/voting-storage-1-0", "phase `stop-workloads`"]
    ) { c in
      let place = try c.phase(3, 0, .switchEntry)
      c[3, 0][place].gates = c[3, 0][place].gates.map { gate in
        if case .drained(let quiet, byTime: _) = gate { return .drained(quiet, byTime: []) }
        return gate
      }
    },
    Mutation(
      .podsStopLast, "a version that the entry names is stopped", .noReadyPods,
      ["visitors without a rule", "subset `v1-0` of `voting-app`", "Deployment/voting-app-1-0"]
    ) { c in
      let stop = c[3, 1].remove(at: try c.phase(3, 1, .stopWorkloads))
      c[3, 0].insert(stop, at: 0)
    },
    Mutation(
      .volumesWithConsent, "volumes are deleted without consent", .stillInUse,
      ["PersistentVolumeClaim/mysql-pv-claim", "\"Finish\""]
    ) { c in
      let id = ObjectID(group: "", kind: "PersistentVolumeClaim", namespace: "voting", name: "mysql-pv-claim")
      let last = try c.phase(3, 1, .remove)
      let origin = c[3, 1][last].writes[0].origin
      c[3, 1][last].writes.append(Write(action: .delete, id: id, object: nil, previous: nil, origin: origin))
    },
    Mutation(
      .gatewaysLast, "the gateway leaves before its requests", .noRoute,
      ["visitors without a rule", "served them before", "404"]
    ) { c in
      let id = ObjectID(
        group: "networking.istio.io", kind: "VirtualService", namespace: "voting", name: "voting-app")
      let phase = try c.phase(1, 0, .switchInner)
      let origin = c[1, 0][phase].writes[0].origin
      c[1, 0][phase].writes.append(Write(action: .delete, id: id, object: nil, previous: nil, origin: origin))
    },
    Mutation(
      .mtlsTightensLast, "mTLS is tightened before the clients have changed", plan: tightening, .tlsMismatch,
      ["visitors without a rule", "`web`", "503"]
    ) { c in try c.move(1, 0, .tighten, before: .widenSubsets) },
    Mutation(
      .mtlsLoosensFirst, "mTLS is loosened after the clients have changed", plan: loosening, .tlsMismatch, ["`web`"]
    ) { c in try c.drop(1, 0, .prepare) },
    Mutation(
      .subsetsLast, "the rule is trimmed with the route", plan: simple, .undefinedSubset,
      ["calls of `web 1` to `api`", "`v1`", "503 NC"]
    ) { c in try c.merge(2, 0, .switchInner, .narrowSubsets) },
    Mutation(
      .podsStopLast, "pods are scaled down before the route moves", plan: simple, .noReadyPods,
      ["calls of `web 1` to `api`", "503 UH"]
    ) { c in try c.move(2, 0, .stopWorkloads, before: .switchInner) },
    Mutation(
      .pinnedBeforePods, "a component is pinned after its new pods have come", plan: open, .strayTraffic,
      ["`web 2`", "visitors"]
    ) { c in try c.move(1, 0, .startWorkloads, before: .widenSubsets) },
    Mutation(
      .lanesBeforePods, "a worker of a new release starts before its lane", plan: worker, .mixedReleases,
      ["`worker 2`", "`store 1`"]
    ) { c in try c.move(1, 0, .openLanes, after: .startWorkloads) },
    Mutation(
      .podsStopLast, "a scale-down comes before its traffic has moved", plan: scaling, .tooFewPods,
      ["`web 1`", "before and after"]
    ) { c in
      let phase = try c.phase(1, 0, .startWorkloads)
      guard let id = c[0, 0].flatMap(\.writes).first(where: { $0.id.name == "web-1" })?.id,
        let object = c[0, 0].flatMap(\.writes).first(where: { $0.id.name == "web-1" })?.object,
        case .object(var fields) = object, var spec = fields["spec"]?.fields
      else { return }
      spec["replicas"] = 1
      fields["spec"] = .object(spec)
      let origin = c[1, 0][phase].writes[0].origin
      c[1, 0][phase].writes.append(
        Write(action: .update, id: id, object: .object(fields), previous: object, origin: origin))
    },
  ]

  static let more: [Mutation] = [
    Mutation(
      .namespaceFirst, "the namespace comes with the Services", .stillInUse,
      [
        "Service/voting-storage is written before Namespace/voting", "\"Deploy 1.0\"", "phase `establish`",
        "visitors without a rule",
      ]
    ) { c in try c.merge(0, 0, .establish, .prepare) },
    Mutation(
      .claimsFirst, "a claim comes after its pods", .stillInUse,
      [
        "Deployment/voting-storage-2-0 is written before PersistentVolumeClaim/mysql-pv-claim",
        "\"Canary 2.0 for flagged users\"", "phase `start-workloads`",
        "calls of `voting-app 2.0` to `storage` wait for it",
      ]
    ) { c in try c.move(2, 0, .prepare, after: .startWorkloads) },
    Mutation(
      .claimsFirst, "a ConfigMap of a manifest comes after the pods that read it", .stillInUse,
      [
        "Deployment/voting-app-1-0 is written before ConfigMap/settings", "phase `start-workloads`",
        "visitors without a rule",
      ]
    ) { c in try c.mount("settings", isWrittenBefore: false) },
    Mutation(
      .gatewaysFirst, "the gateway is never written", .noRoute,
      ["visitors without a rule", "\"Deploy 1.0\"", "still so when phase"]
    ) { c in
      let place = try c.phase(0, 0, .prepare)
      c[0, 0][place].writes.removeAll { $0.id.kind == "Gateway" }
    },
    Mutation(
      .subsetsSettle, "nobody waits until rules are known", plan: atOnce, .undefinedSubset,
      ["calls of `web 1` to `api`", "\"two and three\"", "503 NC"]
    ) { c in
      try c.dropGates(1, 0, .widenSubsets); try c.settleNothing(1, 0)
    },
    Mutation(
      .callersStay, "an open lane leads its old callers to the new version", plan: atOnce, .noReadyPods,
      ["calls of `web 1` to `api`", "subset `v2`", "\"two and three\"", "phase `open-lanes`"]
    ) { c in
      let phase = c[1, 0][try c.phase(1, 0, .switchInner)]
      c[1, 0].insert(
        Phase(kind: .openLanes, writes: phase.writes, gates: phase.gates), at: try c.phase(1, 0, .startWorkloads))
    },
    Mutation(
      .lanesSettle, "nobody waits until lanes are known", .mixedReleases,
      ["entered by `voting-app 2.0`", "`analytics 1.1`", "\"Canary 2.0 for flagged users\"", "cookie `featureflag=on`"]
    ) { c in try c.dropGates(2, 0, .openLanes) },
    Mutation(
      .volumesFreed, "a version takes a volume over that another one still has", plan: handover, .stillInUse,
      [
        "Deployment/db-2 is started while Deployment/db-1 may still have its volume", "\"two\"",
        "phase `start-workloads`",
        "calls of `web 1` to `db` wait for it",
      ]
    ) { c in try c.drop(1, 0, .freeVolumes) },
    Mutation(
      .volumesFreed, "nobody waits until the volume is free", plan: handover, .noReadyPods,
      ["Deployment/db-2 is started while Deployment/db-1 may still have its volume", "\"two\"", "calls of `web 1`"]
    ) { c in try c.dropGates(1, 0, .freeVolumes) },
    Mutation(
      .switchesSettle, "nobody waits until the new route is known", plan: atOnce, .undefinedSubset,
      ["calls of `web 1` to `api`", "`v1`", "\"two and three\"", "phase `narrow-subsets`", "503 NC"]
    ) { c in try c.dropGates(1, 0, .switchInner) { if case .settled = $0 { true } else { false } } },
    Mutation(
      .entryBeforeLanes, "lanes close while visitors still come by them", plan: releases, .mixedReleases,
      ["entered by `web 1`", "`api 2`", "\"two\"", "phase `close-lanes`", "visitors without a rule"]
    ) { c in try c.move(1, 0, .closeLanes, before: .switchEntry) },
    Mutation(
      .quitDone, "nobody waits until a worker is gone", plan: leaving, .mixedReleases,
      ["`worker 1`", "`store 2`", "\"three\"", "phase `close-lanes`"]
    ) { c in try c.dropGates(2, 0, .stopWorkloads) },
    Mutation(
      .quitBeforeLanes, "a worker loses its lane while it runs", plan: leaving, .mixedReleases,
      ["`worker 1`", "`store 2`", "\"three\"", "phase `close-lanes`"]
    ) { c in try c.move(2, 0, .stopWorkloads, after: .closeLanes) },
    Mutation(
      .lanesOutlivePods, "lanes close while pods that nobody visits still run", plan: releases, .strayTraffic,
      ["calls of `web 1` to `api`", "`api 2`", "\"two\"", "phase `close-lanes`"]
    ) { c in try c.move(1, 0, .closeLanes, before: .stopWorkloads) },
    Mutation(
      .podsReady, "nobody waits for the pods that somebody asks whom nobody asks yet", plan: idle, .noReadyPods,
      ["calls of `jobs 1` to `api`", "503 UH", "\"two\""]
    ) { c in try c.dropGates(1, 0, .startWorkloads) },
    Mutation(
      .lanesCloseSettled, "rules are taken away before closed lanes are known", plan: open, .undefinedSubset,
      ["visitors without a rule", "\"two\"", "503 NC"]
    ) { c in
      try c.appendWayBack(1)
      try c.dropGates(1, 1, .closeLanes)
    },
    Mutation(
      .unpinnedLast, "a component is unpinned while other pods are left", plan: open, .strayTraffic,
      ["visitors without a rule", "`web 2`", "in step \"two\", phase `close-lanes`"]
    ) { c in
      try c.appendWayBack(1)
      try c.move(1, 1, .stopWorkloads, after: .closeLanes)
    },
    Mutation(
      .portsLast, "a Service loses a port that is dialled", plan: ports, .wrongPort,
      ["calls of `web 1` to `api`", "\"two\"", "phase `remove`"]
    ) { c in
      let place = try c.phase(1, 0, .remove)
      let services = c[1, 0][place].writes.filter { $0.id.kind == "Service" }
      c[1, 0][place].writes.removeAll { $0.id.kind == "Service" }
      c[1, 0].insert(
        Phase(kind: .remove, writes: services, gates: [.settled(stamp: nil)]), at: try c.phase(1, 0, .switchInner))
    },
    Mutation(
      .claimsLast, "a claim goes before its pods", plan: consented, .stillInUse,
      [
        "PersistentVolumeClaim/data", "\"two\"", "phase `remove`", "the data of `db 1` is on it",
        "calls of `web 1` to `db`",
      ]
    ) { c in
      let place = try c.phase(1, 0, .remove)
      let claims = c[1, 0][place].writes.filter { $0.id.kind == "PersistentVolumeClaim" }
      c[1, 0][place].writes.removeAll { $0.id.kind == "PersistentVolumeClaim" }
      c[1, 0].insert(Phase(kind: .remove, writes: claims, gates: []), at: 0)
    },
    Mutation(
      .claimsLast, "a ConfigMap goes before the pods that read it", .stillInUse,
      ["ConfigMap/settings is deleted while `voting-app 1.0` needs it", "\"Deploy 1.0\"", "visitors without a rule"]
    ) { c in
      try c.mount("settings", isWrittenBefore: true)
      let write = try #require(c[0, 0].flatMap(\.writes).first { $0.id.name == "settings" })
      c[0, 0].append(
        Phase(
          kind: .remove,
          writes: [Write(action: .delete, id: write.id, object: nil, previous: write.object, origin: write.origin)],
          gates: []))
    },
  ]

  static let all = handMade + rules + more

  @Test(arguments: all) func isFound(_ mutation: Mutation) throws {
    var subject = try mutation.plan.map { try Case($0) } ?? Case.voting()
    let clean = subject.report()
    #expect(
      subject.resolution.allowances.filter(clean.diagnostics).isEmpty, "the plan itself: \(text(clean))")
    try mutation.mutate(&subject)
    let report = subject.report()
    let matching = report.diagnostics.filter { diagnostic in
      diagnostic.code == mutation.code && mutation.words.allSatisfy { text(diagnostic).contains($0) }
    }
    #expect(!matching.isEmpty, "\(mutation.name):\n\(text(report))")
    for diagnostic in matching {
      #expect(Self.namesItsMoment(text(diagnostic)), "when:\n\(text(diagnostic))")
      #expect(Self.namesAUser(text(diagnostic)), "who:\n\(text(diagnostic))")
    }
  }

  @Test func everyRuleIsTakenAwayByAMutation() {
    let taken = Set(Self.all.map(\.rule))
    for rule in OrderingRule.allCases { #expect(taken.contains(rule), "no mutation takes this away: \(rule)") }
  }

  private static func namesItsMoment(_ text: String) -> Bool {
    (text.contains("in step \"") || text.contains("rolling step \"")) && text.contains("phase `")
  }

  private static func namesAUser(_ text: String) -> Bool {
    ["visitors with", "calls of `", "a request that entered by"].contains(where: text.contains)
  }

  // MARK: - What may be in any order

  @Test(arguments: FreeOrder.allCases) func isFree(_ order: FreeOrder) throws {
    for plan in [nil, simple, atOnce, releases, ports, leaving, consented] {
      let subject = try plan.map { try Case($0) } ?? Case.voting()
      let faults = try order.faults(in: subject)
      #expect(faults.isEmpty, "\(order):\n\(faults.joined(separator: "\n"))")
    }
  }

  /// And in plans that nobody has thought of.
  @Test(arguments: FreeOrder.allCases) func isFreeInRandomPlans(_ order: FreeOrder) throws {
    var tried = 0
    for seed in 0..<100 as Range<UInt64> {
      var source = RandomText(seed: SeededGenerator.seed &+ seed)
      let words = source.plan()
      guard resolve(path: "p.rollout", bytes: Array(words.utf8)).checked != nil else { continue }
      let subject = try Case(words)
      guard subject.compiled.problems.isEmpty, subject.report().diagnostics.isEmpty else { continue }
      tried += 1
      let faults = try order.faults(in: subject)
      #expect(faults.isEmpty, "\(order), seed \(seed):\n\(words)\n\(faults.joined(separator: "\n"))")
    }
    #expect(tried > 20)
  }
}

extension FreeOrder {
  func faults(in subject: Case) throws -> [String] {
    var subject = subject
    for s in subject.compiled.steps.indices {
      for p in subject.compiled.steps[s].segments.indices { disturb(&subject[s, p]) }
    }
    return subject.resolution.allowances.filter(subject.report().diagnostics).map(text)
  }

  private func disturb(_ phases: inout [Phase]) {
    switch self {
    case .insidePhases: for p in phases.indices { phases[p].writes.reverse() }
    case .innerThenEntry:
      guard let entry = phases.firstIndex(where: { $0.kind == .switchEntry }), entry > 0,
        phases[entry - 1].kind == .switchInner
      else { return }
      phases.swapAt(entry - 1, entry)
      // Gates wait for both, wherever they stand.
      (phases[entry - 1].gates, phases[entry].gates) = (phases[entry].gates, phases[entry - 1].gates)
    case .innerSettles:
      for p in phases.indices.dropLast() where phases[p].kind == .switchInner && phases[p + 1].kind == .switchEntry {
        phases[p].gates.removeAll { if case .settled = $0 { true } else { false } }
      }
    case .narrowedThenStopped:
      guard let narrow = phases.lastIndex(where: { $0.kind == .narrowSubsets }),
        let stop = phases.lastIndex(where: { $0.kind == .stopWorkloads }), narrow + 1 == stop
      else { return }
      phases.swapAt(narrow, stop)
    case .narrowingSettles: for p in phases.indices where phases[p].kind == .narrowSubsets { phases[p].gates = [] }
    case .stoppedThenDeleted:
      for p in phases.indices.dropLast() where phases[p].kind == .stopWorkloads && phases[p + 1].kind == .remove {
        phases[p].gates.removeAll { if case .stopped = $0 { true } else { false } }
      }
    }
  }
}

private let head = """
  plan p
  language 1
  mesh istio
  expose web on port 80

  """

private let simple =
  head + """
    component web {
      image web
      port 8080 http
      calls api
      version 1
    }
    component api {
      image api
      port 9090 http
      version 1, 2
    }
    step "one" {
      deploy web 1
      deploy api 1
    }
    step "two" {
      deploy api 2
    }
    step "three" {
      route api all -> 2
      retire api 1
    }
    """

/// The same in one step: what is deployed is routed to at once.
private let atOnce = simple.replacing("}\nstep \"three\" {\n", with: "").replacing(
  "step \"two\"", with: "step \"two and three\"")

/// A database hands its volume to the next version.
private let handover =
  head + """
    component web {
      image web
      port 8080 http
      calls db
      version 1
    }
    component db {
      image db
      port 5432 tcp
      volume data 1Gi at /data
      version 1, 2
    }
    step "one" {
      deploy web 1
      deploy db 1
    }
    step "two" {
      deploy db 1 replicas 0 # rolloutc: allow downtime -- the volume has one owner
      deploy db 2
      route db all -> 2
    }
    """

/// The callee's port changes with the version.
private let ports =
  head + """
    component web {
      image web
      port 8080 http
      calls api
      version 1, 2
    }
    component api {
      image api
      version 1 {
        port 9090 http
      }
      version 2 {
        port 9091 http
      }
    }
    step "one" {
      deploy web 1
      deploy api 1
    }
    step "two" {
      deploy web 2
      deploy api 2
      route api all -> 2
      route web all -> 2
      retire web 1
      retire api 1
    }
    """

private let releases =
  head + """
    component web {
      image web
      port 8080 http
      calls api
      version 1, 2
    }
    component api {
      image api
      port 9090 http
      version 1, 2
    }
    release 1 {
      web 1
      api 1
    }
    release 2 {
      web 2
      api 2
    }
    step "one" {
      deploy release 1
    }
    step "two" {
      deploy release 2
      route web all -> 2
      retire 1
    }
    """

private let leaving =
  worker + """

    step "three" {
      retire 1
    }
    """

private let consented =
  head + """
    component web {
      image web
      port 8080 http
      version 1 {
        calls db
      }
      version 2
    }
    component db {
      image db
      port 5432 tcp
      volume data 1Gi at /data
      version 1
    }
    step "one" {
      deploy web 1
      deploy db 1
    }
    step "two" {
      deploy web 2
      route web all -> 2
      retire web 1
      retire db 1 with volumes
    }
    """

private let tightening =
  head.replacing("mesh istio", with: "mesh istio mtls off") + """
    component web {
      image web
      port 8080 http
      version 1
    }
    step "one" {
      deploy web 1
    }
    step "two" {
      mtls strict
    }
    """

private let loosening =
  head.replacing("mesh istio", with: "mesh istio mtls strict") + """
    component web {
      image web
      port 8080 http
      version 1
    }
    step "one" {
      deploy web 1
    }
    step "two" {
      mtls off
    }
    """

private let open =
  head + """
    routing open
    component web {
      image web
      port 8080 http
      version 1, 2
    }
    step "one" {
      deploy web 1
    }
    step "two" {
      deploy web 2
      route web all -> 1
    }
    """

private let worker = """
  plan p
  language 1
  mesh istio
  component worker {
    image worker
    port 8080 http
    calls store
    version 1, 2
  }
  component store {
    image store
    port 9090 http
    version 1, 2
  }
  release 1 {
    worker 1
    store 1
  }
  release 2 {
    worker 2
    store 2
  }
  step "one" {
    deploy release 1
  }
  step "two" {
    deploy release 2
  }
  """

/// `jobs` is called by a version that comes later.
private let idle =
  head + """
    component web {
      image web
      port 8080 http
      version 1
      version 2 {
        calls jobs
      }
    }
    component jobs {
      image jobs
      port 7070 http
      calls api
      version 1
    }
    component api {
      image api
      port 9090 http
      version 1, 2
    }
    step "one" {
      deploy web 1
      deploy api 1
      deploy jobs 1
    }
    step "two" {
      deploy api 2
      route api all -> 2
      retire api 1
    }
    step "three" {
      deploy web 2
      route web all -> 2
    }
    """

private let scaling =
  head + """
    component web {
      image web
      port 8080 http
      replicas 3
      version 1, 2
    }
    step "one" {
      deploy web 1
    }
    step "two" {
      deploy web 2
      route web 10% -> 2
    }
    """

extension Case {
  mutating func move(_ step: Int, _ segment: Int, _ kind: PhaseKind, before other: PhaseKind) throws {
    let phase = self[step, segment].remove(at: try self.phase(step, segment, kind))
    self[step, segment].insert(phase, at: try self.phase(step, segment, other))
  }

  mutating func move(_ step: Int, _ segment: Int, _ kind: PhaseKind, after other: PhaseKind) throws {
    let phase = self[step, segment].remove(at: try self.phase(step, segment, kind))
    self[step, segment].insert(phase, at: try self.phase(step, segment, other) + 1)
  }

  /// One phase with the writes and gates of both.
  mutating func merge(_ step: Int, _ segment: Int, _ first: PhaseKind, _ second: PhaseKind) throws {
    let phase = self[step, segment].remove(at: try self.phase(step, segment, second))
    let place = try self.phase(step, segment, first)
    self[step, segment][place].writes += phase.writes
    self[step, segment][place].gates += phase.gates
  }

  mutating func drop(_ step: Int, _ segment: Int, _ kind: PhaseKind, _ name: String? = nil) throws {
    let place = try phase(step, segment, kind)
    guard let name else {
      self[step, segment].remove(at: place)
      return
    }
    self[step, segment][place].writes.removeAll { $0.id.name == name }
  }

  mutating func dropGates(
    _ step: Int, _ segment: Int, _ kind: PhaseKind, where isGone: (Gate) -> Bool = { _ in true }
  ) throws {
    let place = try phase(step, segment, kind)
    self[step, segment][place].gates.removeAll(where: isGone)
  }

  /// The way back from a step as if somebody had written it: only there a component is unpinned again.
  mutating func appendWayBack(_ step: Int) throws {
    let segment = try #require(compiled.steps[step].segments.last)
    let start = segment.before
    let back = compiled.renderer.rollback(from: segment.after, to: start.state, stamp: "back")
    var way = segment
    (way.stamp, way.before, way.after) = ("back", segment.after, start)
    (way.phases, way.stages) = (back.phases, back.stages)
    compiled.steps[step].segments.append(way)
    #expect(!report().findings.contains { $0.moment.course == .forward })
  }

  /// No gate of the segment waits until proxies know what was written.
  mutating func settleNothing(_ step: Int, _ segment: Int) throws {
    for p in self[step, segment].indices {
      self[step, segment][p].gates.removeAll { if case .settled = $0 { true } else { false } }
    }
  }

  /// The pods of the first version of `voting-app` read a ConfigMap that the plan writes before they start, or after.
  mutating func mount(_ name: String, isWrittenBefore: Bool) throws {
    let place = try phase(0, 0, .startWorkloads)
    let n = try #require(self[0, 0][place].writes.firstIndex { $0.id.name == "voting-app-1-0" })
    let write = self[0, 0][place].writes[n]
    var pod = try #require(write.object?.at("spec", "template", "spec")?.fields)
    pod["volumes"] = [["name": "settings", "configMap": ["name": .string(name)]]]
    guard case .object(var object)? = write.object, var spec = object["spec"]?.fields,
      var template = spec["template"]?.fields
    else { return }
    template["spec"] = .object(pod)
    spec["template"] = .object(template)
    object["spec"] = .object(spec)
    self[0, 0][place].writes[n].object = .object(object)
    let id = ObjectID(group: "", kind: "ConfigMap", namespace: "voting", name: name)
    let map: Value = [
      "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(name), "namespace": "voting"],
    ]
    self[0, 0].insert(
      Phase(
        kind: isWrittenBefore ? .prepare : .tighten,
        writes: [Write(action: .create, id: id, object: map, previous: nil, origin: write.origin)], gates: []),
      at: isWrittenBefore ? place : place + 1)
  }

  /// A phase that writes nothing.
  func idle() throws -> Phase { Phase(kind: .closeLanes, writes: [], gates: [.settled(stamp: nil)]) }
}
