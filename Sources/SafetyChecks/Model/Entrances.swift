internal import RolloutPlan

/// Which `expose` line a visitor means: of those at a port the one with the closest host, and of those that name this host
/// the one with the longest path (language reference, `expose`). It says what is meant; what the objects do is another
/// question.
struct Entrances {
  private struct Door: Hashable {
    let port: Int
    /// A gateway of others, by name, may be another proxy.
    let ingress: [String: String]

    init(_ exposure: Exposure, of plan: Plan) {
      port = exposure.port
      ingress = plan.ingressLabels(of: exposure)
    }
  }

  private let plan: Plan
  /// By line.
  private let doors: [Door]
  /// By host as the lines write it: indices into the plan's exposures.
  private var lines: [Door: [String: [Int]]] = [:]
  /// The hosts with `*`, the closest first.
  private var wildcards: [Door: [String]] = [:]
  /// Every host, and every path, of some line.
  private(set) var hosts: Set<String> = []
  private(set) var paths: Set<String> = []

  init(_ plan: Plan) {
    self.plan = plan
    doors = plan.exposures.map { Door($0, of: plan) }
    for (e, exposure) in plan.exposures.enumerated() {
      guard plan.components.indices.contains(exposure.component.index) else { continue }
      guard !exposure.isTCP(plan[exposure.component]) else { continue }
      let door = doors[e]
      for host in exposure.hosts.isEmpty ? ["*"] : exposure.hosts {
        hosts.insert(host)
        if host.hasPrefix("*"), lines[door]?[host] == nil { wildcards[door, default: []].append(host) }
        lines[door, default: [:]][host, default: []].append(e)
      }
      paths.insert(exposure.prefix)
    }
    for door in wildcards.keys { wildcards[door]?.sort { $0.utf8.count > $1.utf8.count } }
  }

  /// The line by which a visitor of `host` and `path` comes in at the port of line `e`; nil: nobody is exposed there.
  func line(beside e: Int, host: String, path: String) -> Int? {
    let door = doors[e]
    guard let all = lines[door] else { return nil }
    let pattern = all[host] == nil ? wildcards[door]?.first { hostsMeet(host, within: $0) } : host
    return all[pattern ?? host]?.filter { plan.exposures[$0].covers(path) }
      .max { plan.exposures[$0].prefix.utf8.count < plan.exposures[$1].prefix.utf8.count }
  }

  /// Paths that visitors of line `e` ask for: its own, one below it, and those of other lines that lie in it.
  func paths(of e: Int) -> [String] {
    let own = plan.exposures[e].prefix
    let inner = paths.filter { $0 != own && plan.exposures[e].covers($0) }.sorted()
    return (own.isEmpty ? ["/"] : [own, own + "/page"]) + inner
  }
}
