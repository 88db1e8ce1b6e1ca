internal import KubernetesModel
package import MeshModel
internal import SafetyChecks

/// What may happen to one request on one hop.
package struct Answer: Hashable, Sendable {
  /// The ways, in the order of versions, what fails last; their probabilities add up to 1.
  package var ways: [Way]
  package var rule: DecidingRule?
  package var copies: [Copy]

  package struct Way: Hashable, Sendable {
    package var probability: Double
    package var end: End
  }

  package enum End: Hashable, Sendable {
    /// Index into the model's versions.
    case version(Int)
    case failure(Failure)
    /// The proxy answers: a redirect, an answer of its own, an injected fault. Only a patch can ask for it.
    case proxy(status: Int)
    /// The request leaves for a host that the mesh does not know.
    case outside(host: String, port: Int)
  }

  /// A copy of the request, for whose answer nobody waits.
  package struct Copy: Hashable, Sendable {
    package var version: Int
    package var probability: Double
  }

  /// The service is not there, or nobody has the port: where a caller's own ports are not known, it does not dial this
  /// one.
  var isUnanswered: Bool {
    guard ways.count == 1 else { return false }
    switch ways[0].end {
    case .outside: return true
    case .failure(let failure):
      return failure.reason == .unknownPort || failure.reason == .unknownHost || failure.reason == .blackHole
    case .version, .proxy: return false
    }
  }
}

extension MeshSnapshot {
  /// Sends `traffic` of `client`. Where several versions stand behind one destination, each answers as often as it has
  /// ready pods.
  func answer(_ client: Client, _ traffic: Traffic, isHTTP: Bool) -> Answer {
    let result = view.route(client, traffic)
    var versions: [Int: Double] = [:]
    var others: [Answer.Way] = []
    var copies: [Int: Double] = [:]
    func other(_ probability: Double, _ end: Answer.End) {
      if let i = others.firstIndex(where: { $0.end == end }) {
        others[i].probability += probability
      } else {
        others.append(Answer.Way(probability: probability, end: end))
      }
    }
    for branch in result.branches {
      switch branch.outcome {
      case .destination(let destination):
        let known = destination.endpoints.compactMap { endpoint in
          model.versionOfDeployment[endpoint.workload.name].map { (version: $0, ready: endpoint.ready) }
        }
        let total = destination.endpoints.reduce(0) { $0 + $1.ready }
        for (version, ready) in known where total > 0 {
          versions[version, default: 0] += branch.probability * Double(ready) / Double(total)
        }
        let left = total - known.reduce(0) { $0 + $1.ready }
        if left > 0 {
          // Pods of somebody else's behind a Service of the plan.
          other(
            branch.probability * Double(left) / Double(total),
            .outside(host: destination.host, port: destination.port))
        }
        for mirror in destination.forwarding?.mirrors ?? [] {
          for endpoint in mirror.endpoints {
            guard let version = model.versionOfDeployment[endpoint.workload.name] else { continue }
            copies[version] = max(copies[version] ?? 0, mirror.probability)
          }
        }
      case .failure(let failure): other(branch.probability, .failure(failure))
      case .redirect(let redirect): other(branch.probability, .proxy(status: redirect.status))
      case .directResponse(let status, _), .abort(let status): other(branch.probability, .proxy(status: status))
      case .delegated(let name):
        // Who answers is for the other VirtualService to say.
        other(branch.probability, .outside(host: "VirtualService \(name)", port: 0))
      case .passthrough(let host, let port): other(branch.probability, .outside(host: host, port: port))
      }
    }
    let served = versions.sorted { $0.key < $1.key }.map { Answer.Way(probability: $0.value, end: .version($0.key)) }
    return Answer(
      ways: served + others, rule: rule(result.decision, isHTTP: isHTTP),
      copies: copies.sorted { $0.key < $1.key }.map { Answer.Copy(version: $0.key, probability: $0.value) })
  }
}
