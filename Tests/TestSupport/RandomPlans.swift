internal import Diagnostics
package import RolloutPlan

/// Small plans of every shape, and states that such a plan may reach.
package struct RandomPlan {
  package var random: SeededGenerator
  package var plan = Plan(name: "demo", nameRange: SourceRange(file: FileID(0), 0..<1))

  private var line = 1

  package init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    plan.routing = random.chance(0.3) ? .open : .pinned
    plan.namespaceExists = random.chance(0.2)
    let count = 1 + random.below(5)
    let hasReleases = random.chance(0.6)
    if hasReleases {
      for r in 0..<(1 + random.below(3)) { plan.releases.append(Release(name: "r\(r)", range: next())) }
    }
    for c in 0..<count { addComponent(c, of: count, hasReleases: hasReleases) }
    for c in 0..<count where random.chance(0.4) {
      plan.exposures.append(
        Exposure(
          component: ComponentID(c), port: random.pick([80, 6379]), hosts: ["*"], path: random.pick(["/", "/app"]),
          tlsSecret: nil, gateway: random.chance(0.2) ? "other/shared" : nil, range: next()))
    }
  }

  private mutating func next() -> SourceRange {
    line += 1
    return SourceRange(file: FileID(0), line..<(line + 1))
  }

  private mutating func addComponent(_ c: Int, of count: Int, hasReleases: Bool) {
    let name = "c\(c)"
    var component = Component(name: name, service: "svc-" + name, range: next(), nameRange: next())
    let isShared = !hasReleases || random.chance(0.3)
    let versions = 1 + random.below(3)
    let isVaried = random.chance(0.4)
    for v in 0..<versions {
      var version = ComponentVersion(name: "\(v + 8).0", range: next(), image: "i:\(v)", imageRange: next())
      let choices: [(Int, PortProtocol)] = [(8080, .http), (9090, .grpc), (6379, .redis), (3306, .mysql)]
      let ports = isVaried ? [random.pick(choices), random.pick(choices)] : [choices[0]]
      for (number, proto) in ports where !version.ports.contains(where: { $0.number == number }) {
        // The second version listens elsewhere.
        version.ports.append(Port(number: number, proto: proto, target: v == 1 ? number - 1000 : nil, range: next()))
      }
      for callee in 0..<count where callee != c && random.chance(0.4) { version.calls.append(ComponentID(callee)) }
      if random.chance(0.15) {
        version.volumes = [Volume(claim: "claim-\(c)", size: "1Gi", path: "/data", range: next())]
      }
      if random.chance(0.3) {
        version.readiness = HealthCheck(
          action: .tcp(port: version.ports[0].target), withinMilliseconds: 1500, range: next())
      }
      if !isShared { version.releases = [ReleaseID(random.below(plan.releases.count))] }
      component.versions.append(version)
    }
    plan.components.append(component)
    for r in plan.releases.indices {
      let own = component.versions.indices.filter { component.versions[$0].releases == [ReleaseID(r)] }
      if own.isEmpty { continue }
      plan.releases[r].members.append(
        Release.Member(
          component: ComponentID(c), versions: own.map { VersionID(ComponentID(c), $0) }, range: next()))
    }
  }

  /// A state in which every table leads to deployed versions, and every release to its own.
  package mutating func state() -> State {
    if random.chance(0.1) { return State() }
    var state = State()
    state.exists = true
    state.mtls = random.pick([nil, .strict, .permissive, .off])
    for c in plan.components.indices {
      let versions = plan.components[c].versions
      var component = ComponentState()
      let isSplit = versions.contains { !$0.releases.isEmpty }
      for v in versions.indices where random.chance(0.6) {
        component.deployed.append(DeployedVersion(version: v, replicas: 1 + random.below(3)))
      }
      let deployed = component.deployed.map(\.version)
      if !deployed.isEmpty {
        component.isPinned = plan.routing == .pinned || random.chance(0.5)
        if isSplit {
          component.lanes = plan.releases.indices.map { r in
            table(deployed.filter { versions[$0].releases == [ReleaseID(r)] })
          }
        } else {
          component.lanes = [table(deployed)]
        }
        if plan.exposure(of: ComponentID(c)) != nil { component.entry = table(deployed) }
        if random.chance(0.15) { component.mirror = Mirror(version: random.pick(deployed), percent: 10) }
      } else {
        component.lanes = isSplit ? plan.releases.map { _ in RouteTable() } : [RouteTable()]
      }
      for version in versions {
        for volume in version.volumes where random.chance(0.7) { state.volumes.insert(volume.claim) }
      }
      state.components.append(component)
    }
    return state
  }

  private mutating func table(_ versions: [Int]) -> RouteTable {
    guard !versions.isEmpty else { return RouteTable() }
    var table = RouteTable(fallback: random.pick(versions))
    if random.chance(0.3) {
      table.rules.append(
        RouteTable.Rule(
          selector: random.pick([
            .cookie(key: "flag", value: "on"), .cookie(key: "any", value: nil), .header(key: "x-user", value: "ann"),
          ]), version: random.pick(versions)))
    }
    if random.chance(0.3) {
      table.shares.append(
        RouteTable.Share(
          version: random.pick(versions), percent: 1 + random.below(99),
          stickyMilliseconds: random.chance(0.5) ? 60_000 : nil))
    }
    return table
  }
}
