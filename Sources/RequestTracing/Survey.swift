internal import MeshModel
package import SafetyChecks

/// Every live route at one moment: whatever any kind of request meets, on every hop that some request gets to.
package struct Survey: Sendable {
  package struct Route: Sendable {
    /// Index into the model's flows.
    package var flow: Int
    package var answer: Answer
  }

  package let model: FlowModel
  /// Entries first, then caller by caller.
  package private(set) var routes: [Route] = []
  /// By version: some request gets there, a copy among them, or it runs without being asked.
  package private(set) var isReached: [Bool]
  /// Versions that copies of requests are sent to, and the largest share of some route that is copied.
  package private(set) var copies: [Answer.Copy] = []
  /// By version: its pods; nil where it is not deployed.
  package let replicas: [Int?]
  /// By version: somebody gets its answers, and not copies of requests alone reach it.
  package private(set) var isAsked: [Bool]

  package init(_ mesh: MeshSnapshot) {
    let model = mesh.model
    self.model = model
    replicas = model.versions.indices.map { mesh.replicas(of: $0) }
    isReached = [Bool](repeating: false, count: model.versions.count)
    isAsked = isReached
    var queue: [Int] = []
    var next = 0
    var copied: [Int: Double] = [:]
    for f in model.entryFlows { take(f, mesh, &queue, &copied) }
    for version in model.sources where replicas[version] ?? 0 > 0 {
      isAsked[version] = true
      reach(version, &queue)
    }
    while next < queue.count {
      let version = queue[next]
      next += 1
      var answered: [(flow: Int, answer: Answer)] = []
      for f in model.flowsFrom[version] {
        let flow = model.flows[f]
        answered.append((f, mesh.answer(flow.client, flow.traffic, isHTTP: flow.isHTTP)))
      }
      for (f, answer) in answered {
        // Which of a callee's ports it dials is not known: see `Trace.calls`.
        let callee = model.flows[f].callee
        if answer.isUnanswered,
          answered.contains(where: { model.flows[$0.flow].callee == callee && !$0.answer.isUnanswered })
        {
          continue
        }
        take(f, answer, &queue, &copied)
      }
    }
    copies = copied.sorted { $0.key < $1.key }.map { Answer.Copy(version: $0.key, probability: $0.value) }
  }

  private mutating func take(_ f: Int, _ mesh: MeshSnapshot, _ queue: inout [Int], _ copied: inout [Int: Double]) {
    let flow = model.flows[f]
    take(f, mesh.answer(flow.client, flow.traffic, isHTTP: flow.isHTTP), &queue, &copied)
  }

  private mutating func take(_ f: Int, _ answer: Answer, _ queue: inout [Int], _ copied: inout [Int: Double]) {
    routes.append(Route(flow: f, answer: answer))
    for way in answer.ways {
      guard case .version(let version) = way.end else { continue }
      isAsked[version] = true
      reach(version, &queue)
    }
    for copy in answer.copies {
      copied[copy.version] = max(copied[copy.version] ?? 0, copy.probability)
      reach(copy.version, &queue)
    }
  }

  private mutating func reach(_ version: Int, _ queue: inout [Int]) {
    if isReached[version] { return }
    isReached[version] = true
    queue.append(version)
  }

  /// Deployed, and nothing gets there.
  package var dark: [Int] { replicas.indices.filter { replicas[$0] != nil && !isReached[$0] } }
}
