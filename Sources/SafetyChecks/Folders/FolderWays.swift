internal import KubernetesModel

/// How requests get from outside to each workload, over all that may happen: the shortest way.
struct FolderWays {
  struct Hop {
    var flow: Int
    var workload: ObjectID
  }

  private let flows: [FolderFlow]
  private var ways: [ObjectID: [Hop]] = [:]

  init(_ flows: [FolderFlow], _ fates: [FolderChange.Fates]) {
    self.flows = flows
    var flowsFrom: [ObjectID: [Int]] = [:]
    for (f, flow) in flows.enumerated() { for sender in flow.senders { flowsFrom[sender, default: []].append(f) } }
    var queue: [ObjectID] = []
    for (f, flow) in flows.enumerated() where flow.service == nil {
      for target in fates[f].during.targets.sorted() where ways[target] == nil {
        ways[target] = [Hop(flow: f, workload: target)]
        queue.append(target)
      }
    }
    var next = 0
    while next < queue.count {
      let sender = queue[next]
      for f in flowsFrom[sender] ?? [] {
        for target in fates[f].during.targets.sorted() where ways[target] == nil {
          ways[target] = (ways[sender] ?? []) + [Hop(flow: f, workload: target)]
          queue.append(target)
        }
      }
      next += 1
    }
  }

  /// Whether requests from outside come to one of them.
  func reach(_ workloads: [ObjectID]) -> Bool { workloads.contains { ways[$0] != nil } }

  /// `the way of the request: gateway port 80 (visitors with …) -> web-1 -> \`store\` port 6379, which fails`; or where it
  /// arrives, or nothing where a proxy answers.
  func words(_ f: Int, end: ObjectID?, fails: Bool = true) -> String {
    let flow = flows[f]
    var parts: [String] = []
    if flow.service == nil {
      parts.append("\(flow.callee) (\(flow.who))")
    } else {
      if let sender = flow.senders.first(where: { ways[$0] != nil }) {
        parts += words(ways[sender] ?? [])
      } else {
        parts.append(flow.senders.first?.name ?? "a caller in the mesh")
      }
      parts.append(flow.callee)
    }
    if let end { parts.append(end.name) }
    return "the way of the request: " + parts.joined(separator: " -> ") + (end == nil && fails ? ", which fails" : "")
  }

  private func words(_ way: [Hop]) -> [String] {
    var parts: [String] = []
    for hop in way {
      let flow = flows[hop.flow]
      if flow.service == nil { parts.append("\(flow.callee) (\(flow.who))") }
      parts.append(hop.workload.name)
    }
    return parts
  }
}
