import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import SafetyChecks
import Testing

/// A rule of the transition taken away, and what the checker must then say.
struct Mutation: Sendable, CustomTestStringConvertible {
  var name: String
  var plan: String?
  var mutate: @Sendable (inout Case) throws -> Void
  var code: Code
  /// Words that the diagnostic must hold: the moment, who it hits, on which way, what they see.
  var words: [String]

  init(
    _ name: String, plan: String? = nil, _ code: Code, _ words: [String],
    _ mutate: @escaping @Sendable (inout Case) throws -> Void
  ) {
    self.name = name
    self.plan = plan
    self.mutate = mutate
    self.code = code
    self.words = words
  }

  var testDescription: String { name }
}

struct MutationTests {
  /// The three faults of the order in which the scenario's own instructions go.
  static let handMade: [Mutation] = [
    Mutation(
      "the route names a subset before its DestinationRule", .undefinedSubset,
      [
        "cookie `featureflag=on`", "subset `v2-0` of `voting-app`", "changes VirtualService/voting-app",
        "\"Canary 2.0 for flagged users\"", "phase `switch-entry`", "503 NC",
      ]
    ) { c in try c.move(2, 0, .switchEntry, before: .widenSubsets) },
    Mutation(
      "the cookie route opens before the pods are ready", .noReadyPods,
      [
        "cookie `featureflag=on`", "subset `v2-0` of `voting-app`", "changes VirtualService/voting-app",
        "\"Canary 2.0 for flagged users\"", "phase `switch-entry`", "503 UH",
      ]
    ) { c in try c.move(2, 0, .switchEntry, before: .startWorkloads) },
    Mutation(
      "the DestinationRule is trimmed before the routes stop naming it", .undefinedSubset,
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
      "a route moves in the phase that starts its pods", .noReadyPods,
      ["calls of `voting-app 1.0` to `analytics`", "gateway port 80", "503 UH", "Update analytics"]
    ) { c in try c.merge(1, 0, .startWorkloads, .switchInner) },
    Mutation(
      "nobody waits for the pods", .noReadyPods, ["calls of `voting-app 1.0` to `analytics`", "phase `switch-inner`"]
    ) { c in try c.dropGates(1, 0, .startWorkloads) },
    Mutation(
      "subsets are never widened", .undefinedSubset, ["calls of `voting-app 1.0` to `analytics`", "503 NC"]
    ) { c in try c.drop(1, 0, .widenSubsets) },
    Mutation(
      "the entry moves before the lanes of the release have settled", .mixedReleases,
      ["entered by `voting-app 2.0`", "`analytics 1.1`", "two releases"]
    ) { c in
      try c.move(2, 0, .openLanes, after: .startWorkloads)
      try c.merge(2, 0, .openLanes, .switchEntry)
    },
    Mutation(
      "a lane of the new release is forgotten", .mixedReleases, ["entered by `voting-app 2.0`", "`analytics 1.1`"]
    ) { c in try c.drop(2, 0, .openLanes) },
    Mutation(
      "the Service gains its port too late", .wrongPort, ["calls of `voting-app 2.0` to `storage`", "3306"]
    ) { c in try c.drop(2, 0, .prepare, "voting-storage") },
    Mutation(
      "the entry is never moved", .strayTraffic, ["cookie `featureflag=on`", "`voting-app 1.0`"]
    ) { c in
      try c.drop(2, 0, .switchEntry); c[2, 0].append(try c.idle())
    },
    Mutation(
      "pods are stopped before requests have drained", .stillInUse,
      ["Deployment/voting-app-1-0", "\"Finish\"", "phase `stop-workloads`"]
    ) { c in try c.dropGates(3, 0, .switchEntry) { if case .drained = $0 { true } else { false } } },
    Mutation(
      "inner pods are stopped before requests have drained", .stillInUse,
      ["Deployment/voting-storage-1-0", "phase `stop-workloads`"]
    ) { c in try c.dropGates(3, 1, .closeLanes) { if case .drained = $0 { true } else { false } } },
    Mutation(
      "a version that the entry names is stopped", .noReadyPods,
      ["visitors without a rule", "subset `v1-0` of `voting-app`", "Deployment/voting-app-1-0"]
    ) { c in
      let stop = c[3, 1].remove(at: try c.phase(3, 1, .stopWorkloads))
      c[3, 0].insert(stop, at: 0)
    },
    Mutation(
      "volumes are deleted without consent", .stillInUse, ["PersistentVolumeClaim/mysql-pv-claim", "\"Finish\""]
    ) { c in
      let id = ObjectID(group: "", kind: "PersistentVolumeClaim", namespace: "voting", name: "mysql-pv-claim")
      let last = try c.phase(3, 1, .remove)
      let origin = c[3, 1][last].writes[0].origin
      c[3, 1][last].writes.append(Write(action: .delete, id: id, object: nil, previous: nil, origin: origin))
    },
    Mutation(
      "the gateway leaves before its requests", .noRoute, ["visitors without a rule", "served them before", "404"]
    ) { c in
      let id = ObjectID(
        group: "networking.istio.io", kind: "VirtualService", namespace: "voting", name: "voting-app")
      let phase = try c.phase(1, 0, .switchInner)
      let origin = c[1, 0][phase].writes[0].origin
      c[1, 0][phase].writes.append(Write(action: .delete, id: id, object: nil, previous: nil, origin: origin))
    },
    Mutation(
      "mTLS is tightened before the clients have changed", plan: tightening, .tlsMismatch,
      ["visitors without a rule", "`web`", "503"]
    ) { c in try c.move(1, 0, .tighten, before: .widenSubsets) },
    Mutation(
      "mTLS is loosened after the clients have changed", plan: loosening, .tlsMismatch, ["`web`"]
    ) { c in try c.drop(1, 0, .prepare) },
    Mutation(
      "the rule is trimmed with the route", plan: simple, .undefinedSubset,
      ["calls of `web 1` to `api`", "`v1`", "503 NC"]
    ) { c in try c.merge(2, 0, .switchInner, .narrowSubsets) },
    Mutation(
      "pods are scaled down before the route moves", plan: simple, .noReadyPods,
      ["calls of `web 1` to `api`", "503 UH"]
    ) { c in try c.move(2, 0, .stopWorkloads, before: .switchInner) },
    Mutation(
      "a component is pinned after its new pods have come", plan: open, .strayTraffic, ["`web 2`", "visitors"]
    ) { c in try c.move(1, 0, .startWorkloads, before: .widenSubsets) },
    Mutation(
      "a worker of a new release starts before its lane", plan: worker, .mixedReleases, ["`worker 2`", "`store 1`"]
    ) { c in try c.move(1, 0, .openLanes, after: .startWorkloads) },
    Mutation(
      "a scale-down comes before its traffic has moved", plan: scaling, .tooFewPods, ["`web 1`", "before and after"]
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

  @Test(arguments: handMade + rules) func isFound(_ mutation: Mutation) throws {
    var subject = try mutation.plan.map { try Case($0) } ?? Case.voting()
    let clean = subject.report()
    #expect(clean.diagnostics.isEmpty, "the plan itself: \(text(clean))")
    try mutation.mutate(&subject)
    let report = subject.report()
    let matching = report.diagnostics.filter { diagnostic in
      diagnostic.code == mutation.code && mutation.words.allSatisfy { text(diagnostic).contains($0) }
    }
    #expect(!matching.isEmpty, "\(mutation.name):\n\(text(report))")
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

  /// A phase that writes nothing.
  func idle() throws -> Phase { Phase(kind: .closeLanes, writes: [], gates: [.settled(stamp: nil)]) }
}
