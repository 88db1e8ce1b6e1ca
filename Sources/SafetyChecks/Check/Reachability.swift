/// Which versions requests may arrive at, by what way, and which releases each request may belong to.
///
/// Each hop is decided by the caller's own proxy, on its own configuration, so the ways through the mesh are the ways
/// through the graph of hops. Every version is visited once for each set of releases that a request may have there.
struct Reachability {
  struct Node {
    var version: Int
    /// Place in `sets`; -1: the request entered no release.
    var releases: Int
    var parent: Int
    /// The flow that led here; -1: the version runs by itself.
    var flow: Int
  }

  struct Leak {
    var flow: Int
    var target: Int
    /// The node of the caller, -1 for an entry.
    var node: Int
  }

  private(set) var nodes: [Node] = []
  private(set) var leaks: [Leak] = []
  private(set) var isReached: [Bool]
  /// Reached by a request, not only running by itself.
  private(set) var isAsked: [Bool]
  private var sets: [[Int]] = []
  /// By version: in which sets it was visited, one bit each; and the rest, of plans with many releases.
  private var seen: [UInt64]
  private var seenBeyond: Set<[Int]> = []

  private let isAbandoned: (Int) -> Bool

  /// - Parameters:
  ///   - entries: flows through gateways that are followed.
  ///   - sources: versions that run by themselves.
  ///   - followsCopies: mirrored requests count; nobody waits for their answers, but what they do they do.
  ///   - isAbandoned: flows that the plan gives up: what they reach is not asked any more.
  init(
    _ model: FlowModel, entries: [Int], sources: [Int], _ outcomes: Outcomes, followsCopies: Bool = false,
    isAbandoned: @escaping (Int) -> Bool = { _ in false }
  ) {
    self.isAbandoned = isAbandoned
    isReached = [Bool](repeating: false, count: model.versions.count)
    isAsked = isReached
    seen = [UInt64](repeating: 0, count: model.versions.count)
    for version in sources {
      visit(version, intern(model.releases(of: version)), parent: -1, flow: -1)
    }
    for f in entries {
      let outcome = outcomes[of: f]
      for target in outcome.targets { visit(target, intern(model.releases(of: target)), parent: -1, flow: f) }
      if followsCopies {
        for target in outcome.copies { visit(target, intern(model.releases(of: target)), parent: -1, flow: f) }
      }
    }
    var next = 0
    while next < nodes.count {
      let node = nodes[next]
      let own = node.releases < 0 ? nil : sets[node.releases]
      for f in model.flowsFrom[node.version] {
        let outcome = outcomes[of: f]
        for target in outcome.targets {
          let releases = model.releases(of: target)
          guard let own, !releases.isEmpty else {
            // A shared component passes on what release its caller belongs to.
            visit(target, node.releases, parent: next, flow: f)
            continue
          }
          if own == releases {
            visit(target, node.releases, parent: next, flow: f)
            continue
          }
          let common = own.filter(releases.contains)
          if common.isEmpty {
            leaks.append(Leak(flow: f, target: target, node: next))
            visit(target, intern(releases), parent: next, flow: f)
          } else {
            visit(target, intern(common), parent: next, flow: f)
          }
        }
        if followsCopies {
          // A copy is a request of the version that it is sent to.
          for target in outcome.copies { visit(target, intern(model.releases(of: target)), parent: next, flow: f) }
        }
      }
      next += 1
    }
  }

  private mutating func visit(_ version: Int, _ releases: Int, parent: Int, flow: Int) {
    if flow >= 0, !isAsked[version], !isAbandoned(flow) { isAsked[version] = true }
    if releases < 62 {
      let bit: UInt64 = 1 << UInt64(releases + 1)
      if seen[version] & bit != 0 { return }
      seen[version] |= bit
    } else if !seenBeyond.insert([version, releases]).inserted {
      return
    }
    isReached[version] = true
    nodes.append(Node(version: version, releases: releases, parent: parent, flow: flow))
  }

  private mutating func intern(_ releases: [Int]) -> Int {
    if releases.isEmpty { return -1 }
    if let known = sets.firstIndex(of: releases) { return known }
    sets.append(releases)
    return sets.count - 1
  }

  /// The flows from the outside to `node`, in order.
  func path(to node: Int) -> [(flow: Int, version: Int)] {
    var path: [(flow: Int, version: Int)] = []
    var current = node
    while current >= 0, current < nodes.count {
      path.append((nodes[current].flow, nodes[current].version))
      current = nodes[current].parent
    }
    return path.reversed()
  }

  /// The first way on which `version` is reached.
  func path(toVersion version: Int) -> [(flow: Int, version: Int)] {
    nodes.firstIndex { $0.version == version }.map { path(to: $0) } ?? []
  }
}
