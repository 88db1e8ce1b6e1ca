import Diagnostics
import KubernetesModel
import RolloutPlan
import TestSupport
import Testing

/// Where a test has the voting plan from.
enum VotingSource: String, CaseIterable, Sendable {
  /// Built by hand, below: no parser has a part in it.
  case states
  /// `plans/aks-voting.rollout`, as a person compiles it.
  case file

  func plan() throws -> Plan {
    switch self {
    case .states: votingPlan()
    case .file: try resolvedPlan("plans/aks-voting.rollout")
    }
  }
}

/// A plan of the repository, through parser and resolver.
func resolvedPlan(_ path: String) throws -> Plan {
  let resolution = resolve(path: path, bytes: try #require(Goldens.bytes(path)))
  return try #require(resolution.checked, "\(resolution.diagnostics.map(\.message))")
}

/// The AKS voting plan of the language brief, as the resolver makes it. Ranges are line numbers.
func votingPlan() -> Plan {
  let file = FileID(0)
  func at(_ line: Int) -> SourceRange { SourceRange(file: file, line..<(line + 1)) }
  func secret(_ keys: String...) -> [EnvVar] {
    keys.map { EnvVar(name: $0, source: .secret(name: "voting-storage-secret", key: $0), range: at(0)) }
  }
  func literal(_ name: String, _ value: String) -> EnvVar {
    EnvVar(name: name, source: .literal(value), range: at(0))
  }
  let app = ComponentID(0)
  let analytics = ComponentID(1)
  let storage = ComponentID(2)
  let one = ReleaseID(0)
  let two = ReleaseID(1)
  let samples = "mcr.microsoft.com/aks/samples/voting/"
  let mysql = ["MYSQL_USER", "MYSQL_PASSWORD", "MYSQL_DATABASE"]

  var plan = Plan(name: "voting", nameRange: at(1))
  plan.mtls = .strict
  plan.meshRange = at(5)

  var votingApp = Component(name: "voting-app", service: "voting-app", range: at(10), nameRange: at(10))
  for (name, release) in [("1.0", one), ("2.0", two)] {
    var version = ComponentVersion(name: name, range: at(20), image: samples + "app:" + name, imageRange: at(11))
    version.pull = .always
    version.ports = [Port(number: 8080, proto: .http, range: at(13))]
    version.replicas = 3
    version.calls = [analytics, storage]
    version.env = [
      literal("SHOWDETAILS", "true"), literal("FEATUREFLAG", "true"), literal("ANALYTICS_HOST", "voting-analytics"),
    ]
    version.env +=
      release == one
      ? [literal("REDIS_HOST", "voting-storage")]
      : [literal("MYSQL_HOST", "voting-storage")] + mysql.flatMap { secret($0) }
    version.releases = [release]
    votingApp.versions.append(version)
  }

  var votingAnalytics = Component(
    name: "analytics", service: "voting-analytics", range: at(30), nameRange: at(30))
  for (name, release) in [("1.0", one), ("1.1", one), ("2.0", two)] {
    var version = ComponentVersion(
      name: name, range: at(35), image: samples + "analytics:" + name, imageRange: at(31))
    version.pull = .always
    version.ports = [Port(number: 8080, proto: .http, range: at(33))]
    version.calls = [storage]
    version.env =
      release == one
      ? [literal("REDIS_HOST", "voting-storage")]
      : [literal("MYSQL_HOST", "voting-storage")] + mysql.flatMap { secret($0) }
    version.releases = [release]
    votingAnalytics.versions.append(version)
  }

  var votingStorage = Component(name: "storage", service: "voting-storage", range: at(50), nameRange: at(50))
  var redis = ComponentVersion(name: "1.0", range: at(51), image: "redis:4.0.10", imageRange: at(52))
  redis.ports = [Port(number: 6379, proto: .redis, range: at(53))]
  redis.releases = [one]
  var mysqlStorage = ComponentVersion(
    name: "2.0", range: at(56), image: samples + "storage:2.0", imageRange: at(57))
  mysqlStorage.args = ["--ignore-db-dir=lost+found"]
  mysqlStorage.ports = [Port(number: 3306, proto: .mysql, range: at(59))]
  mysqlStorage.volumes = [Volume(claim: "mysql-pv-claim", size: "1Gi", path: "/var/lib/mysql", range: at(60))]
  mysqlStorage.env = secret("MYSQL_ROOT_PASSWORD") + mysql.flatMap { secret($0) }
  mysqlStorage.releases = [two]
  votingStorage.versions = [redis, mysqlStorage]
  plan.components = [votingApp, votingAnalytics, votingStorage]

  func member(_ id: ComponentID, _ versions: Int...) -> Release.Member {
    Release.Member(component: id, versions: versions.map { VersionID(id, $0) }, range: at(70))
  }
  var first = Release(name: "1.0", range: at(70))
  first.members = [member(app, 0), member(analytics, 0, 1), member(storage, 0)]
  var second = Release(name: "2.0", range: at(76))
  second.members = [member(app, 1), member(analytics, 2), member(storage, 1)]
  plan.releases = [first, second]
  plan.exposures = [
    Exposure(component: app, port: 80, hosts: ["*"], path: "/", tlsSecret: nil, gateway: nil, range: at(6))
  ]

  let states = votingStates()
  func step(_ index: Int, _ name: String, _ slug: String, _ changes: [Change]) {
    var step = Step(index: index, name: name, slug: slug, range: at(90 + index * 10))
    step.segments = [Segment(before: states[index], after: states[index + 1], changes: changes)]
    plan.steps.append(step)
  }
  func change(_ kind: Change.Kind, _ line: Int, _ text: String, _ components: ComponentID...) -> Change {
    Change(kind: kind, range: at(line), text: text, components: components)
  }
  step(
    0, "Deploy 1.0", "deploy-1-0", [change(.deploy, 91, "deploy release 1.0", app, analytics, storage)])
  step(
    1, "Update analytics to 1.1", "update-analytics-to-1-1",
    [
      change(.deploy, 101, "deploy analytics 1.1", analytics),
      change(.route, 102, "route analytics all -> 1.1", analytics),
    ])
  step(
    2, "Canary 2.0 for flagged users", "canary-2-0-for-flagged-users",
    [
      change(.deploy, 111, "deploy release 2.0", app, analytics, storage),
      change(.route, 112, "route voting-app cookie flag -> 2.0", app),
    ])
  var finish = Step(index: 3, name: "Finish", slug: "finish", range: at(120))
  finish.segments = [
    Segment(before: states[3], after: states[4], changes: [change(.route, 121, "route voting-app all -> 2.0", app)]),
    Segment(
      before: states[4], after: states[5], changes: [change(.retire, 123, "retire 1.0", app, analytics, storage)]),
  ]
  plan.steps.append(finish)
  return plan
}

/// Before the first step, after each of the first three, and after both segments of the last.
func votingStates() -> [State] {
  let flag = Selector.cookie(key: "featureflag", value: "on")
  var first = State()
  first.exists = true
  first.mtls = .strict
  first.components = [
    component([(0, 3)], lanes: [RouteTable(fallback: 0), RouteTable()], entry: RouteTable(fallback: 0)),
    component([(0, 1)], lanes: [RouteTable(fallback: 0), RouteTable()]),
    component([(0, 1)], lanes: [RouteTable(fallback: 0), RouteTable()]),
  ]
  var second = first
  second.components[1] = component([(0, 1), (1, 1)], lanes: [RouteTable(fallback: 1), RouteTable()])
  var third = second
  var entry = RouteTable(fallback: 0)
  entry.rules = [RouteTable.Rule(selector: flag, version: 1)]
  third.components = [
    component([(0, 3), (1, 3)], lanes: [RouteTable(fallback: 0), RouteTable(fallback: 1)], entry: entry),
    component([(0, 1), (1, 1), (2, 1)], lanes: [RouteTable(fallback: 1), RouteTable(fallback: 2)]),
    component([(0, 1), (1, 1)], lanes: [RouteTable(fallback: 0), RouteTable(fallback: 1)]),
  ]
  third.volumes = ["mysql-pv-claim"]
  var fourth = third
  fourth.components[0].entry = RouteTable(fallback: 1)
  var last = fourth
  last.components = [
    component([(1, 3)], lanes: [RouteTable(), RouteTable(fallback: 1)], entry: RouteTable(fallback: 1)),
    component([(2, 1)], lanes: [RouteTable(), RouteTable(fallback: 2)]),
    component([(1, 1)], lanes: [RouteTable(), RouteTable(fallback: 1)]),
  ]
  return [State(), first, second, third, fourth, last]
}

func component(
  _ deployed: [(version: Int, replicas: Int)], lanes: [RouteTable], entry: RouteTable? = nil
) -> ComponentState {
  var state = ComponentState()
  state.deployed = deployed.map { DeployedVersion(version: $0.version, replicas: $0.replicas) }
  state.lanes = lanes
  state.entry = entry
  state.isPinned = !deployed.isEmpty
  return state
}
