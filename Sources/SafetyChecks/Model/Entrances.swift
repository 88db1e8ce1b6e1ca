internal import RolloutPlan

/// Which `expose` line a visitor means: of those at a port the one with the closest host, and of those that name this host
/// the one with the longest path (language reference, `expose`). It says what is meant; what the objects do is another
/// question.
struct Entrances {
  private struct Door: Hashable {
    let port: Int
    /// A gateway of others, by name, may be another proxy.
    let gateway: String?

    init(_ exposure: Exposure) {
      port = exposure.port
      gateway = exposure.gateway
    }
  }

  private let plan: Plan
  /// By host as the lines write it: indices into the plan's exposures.
  private var lines: [Door: [String: [Int]]] = [:]
  /// The hosts with `*`, the closest first.
  private var wildcards: [Door: [String]] = [:]
  /// Every host, and every path, of some line.
  private(set) var hosts: Set<String> = []
  private(set) var paths: Set<String> = []

  init(_ plan: Plan) {
    self.plan = plan
    for (e, exposure) in plan.exposures.enumerated() {
      guard plan.components.indices.contains(exposure.component.index) else { continue }
      guard !exposure.isTCP(plan[exposure.component]) else { continue }
      let door = Door(exposure)
      for host in exposure.hosts.isEmpty ? ["*"] : exposure.hosts {
        hosts.insert(host)
        if host.hasPrefix("*"), lines[door]?[host] == nil { wildcards[door, default: []].append(host) }
        lines[door, default: [:]][host, default: []].append(e)
      }
      paths.insert(prefix(exposure.path))
    }
    for door in wildcards.keys { wildcards[door]?.sort { $0.utf8.count > $1.utf8.count } }
  }

  /// The line by which a visitor of `host` and `path` comes in at the port of line `e`; nil: nobody is exposed there.
  func line(beside e: Int, host: String, path: String) -> Int? {
    let door = Door(plan.exposures[e])
    guard let all = lines[door] else { return nil }
    let pattern = all[host] == nil ? wildcards[door]?.first { hostsMeet(host, within: $0) } : host
    return all[pattern ?? host]?.filter { covers(plan.exposures[$0].path, path) }
      .max { prefix(plan.exposures[$0].path).utf8.count < prefix(plan.exposures[$1].path).utf8.count }
  }

  /// Paths that visitors of line `e` ask for: its own, one below it, and those of other lines that lie in it.
  func paths(of e: Int) -> [String] {
    let own = prefix(plan.exposures[e].path)
    let inner = paths.filter { $0 != own && covers(own, $0) }.sorted()
    return (own.isEmpty ? ["/"] : [own, own + "/page"]) + inner
  }
}

/// Without a slash at the end; empty for everything.
private func prefix(_ path: String) -> String { path.hasSuffix("/") ? String(path.dropLast()) : path }

/// A prefix by segments.
private func covers(_ outer: String, _ path: String) -> Bool {
  let outer = prefix(outer)
  return outer.isEmpty || path == outer || path.hasPrefix(outer + "/")
}
