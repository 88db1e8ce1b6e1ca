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
  /// How many flows were followed: one as often as its caller is a node.
  private(set) var followed: Int
  /// Some request of a flow that was followed may fail.
  private(set) var meetsFaults = false
  /// Reached by a request, not only running by itself.
  private(set) var isAsked: [Bool]
  /// Those of the model, and what was left of some of them on the way.
  private var sets: [[Int]]
  /// By version: in which sets it was visited, one bit each; and the rest, of plans with many releases.
  private var seen: [UInt64]
  private var seenBeyond: Set<SIMD2<Int>> = []

  /// - Parameters:
  ///   - flowsFrom: by version, the flows that it sends.
  ///   - entries: flows through gateways that are followed.
  ///   - sources: versions that run by themselves.
  ///   - followsCopies: mirrored requests count; nobody waits for their answers, but what they do they do.
  ///   - isAbandoned: flows that the plan gives up: what they reach is not asked any more.
  init(
    _ model: FlowModel, _ flowsFrom: [[Int]], entries: [Int], sources: [Int], _ outcomes: Outcomes,
    followsCopies: Bool = false,
    isAbandoned: (Int) -> Bool = { _ in false }
  ) {
    isReached = [Bool](repeating: false, count: model.versions.count)
    isAsked = isReached
    seen = [UInt64](repeating: 0, count: model.versions.count)
    sets = model.releaseSets
    followed = entries.count
    nodes.reserveCapacity(model.versions.count)
    for version in sources { visit(version, model.releaseSet[version], parent: -1, flow: -1, isAbandoned) }
    for f in entries {
      let outcome = outcomes[of: f]
      if !outcome.faults.isEmpty { meetsFaults = true }
      for target in outcome.targets + (followsCopies ? outcome.copies : []) {
        visit(target, model.releaseSet[target], parent: -1, flow: f, isAbandoned)
      }
    }
    var next = 0
    while next < nodes.count {
      let version = nodes[next].version
      followed += flowsFrom[version].count
      for f in flowsFrom[version] {
        if let target = outcomes.soleTarget(of: f) {
          pass(to: target, model, from: next, flow: f, isAbandoned)
          continue
        }
        let outcome = outcomes[of: f]
        if !outcome.faults.isEmpty { meetsFaults = true }
        for target in outcome.targets { pass(to: target, model, from: next, flow: f, isAbandoned) }
        if followsCopies {
          // A copy is a request of the version that it is sent to.
          for target in outcome.copies {
            visit(target, model.releaseSet[target], parent: next, flow: f, isAbandoned)
          }
        }
      }
      next += 1
    }
  }

  /// A request goes on from a node to a version.
  private mutating func pass(
    to target: Int, _ model: FlowModel, from node: Int, flow: Int, _ isAbandoned: (Int) -> Bool
  ) {
    let own = nodes[node].releases
    let releases = model.releaseSet[target]
    if own < 0 || releases < 0 || own == releases {
      // A shared component passes on what release its caller belongs to.
      visit(target, own, parent: node, flow: flow, isAbandoned)
      return
    }
    let common = sets[own].filter(sets[releases].contains)
    if common.isEmpty { leaks.append(Leak(flow: flow, target: target, node: node)) }
    visit(target, common.isEmpty ? releases : intern(common), parent: node, flow: flow, isAbandoned)
  }

  private mutating func visit(
    _ version: Int, _ releases: Int, parent: Int, flow: Int, _ isAbandoned: (Int) -> Bool
  ) {
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
