internal import KubernetesModel
package import MeshModel
internal import RolloutPlan

/// What the mesh must never break. The numbers are those of the diagnostics' codes.
package enum Invariant: Int, Hashable, Sendable, CaseIterable, Comparable {
  /// Every reachable destination's subset is defined: 503 NC.
  case subsetDefined = 1
  /// Every reachable subset has a ready pod: 503 UH.
  case podsReady
  /// Some route matches every request that was served: 404 NR.
  case routeMatches
  /// A request that entered a release stays in it.
  case releaseIsolated
  /// A version gets traffic only if the state routes to it.
  case versionRouted
  /// The port and protocol fit the pods behind it.
  case portFits
  /// Client and server agree on mTLS.
  case tlsAgrees
  /// No fewer ready replicas than both states have.
  case replicasKept
  /// Nothing that is in use is deleted.
  case inUseKept

  package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// One way in which requests of a flow fail.
package struct Fault: Hashable, Sendable {
  package var invariant: Invariant
  package var flag: EnvoyFlag?
  package var httpStatus: Int?
  /// What there is too little of, for the message.
  package var reason: Failure.Reason?
  package var host: String?
  package var subset: String?
  package var port: Int?

  package init(
    invariant: Invariant, flag: EnvoyFlag? = nil, httpStatus: Int? = nil, reason: Failure.Reason? = nil,
    host: String? = nil, subset: String? = nil, port: Int? = nil
  ) {
    self.invariant = invariant
    self.flag = flag
    self.httpStatus = httpStatus
    self.reason = reason
    self.host = host
    self.subset = subset
    self.port = port
  }
}

/// Everything that may happen to the requests of one flow.
package struct FlowOutcome: Hashable, Sendable {
  /// Versions that may answer, sorted.
  package var targets: [Int] = []
  /// Versions that may get a copy that nobody waits for, sorted.
  package var copies: [Int] = []
  package var faults: [Fault] = []

  package init() {}

  package var isServed: Bool { !targets.isEmpty && faults.isEmpty }
  package var isAnswered: Bool { faults.isEmpty }

  package mutating func add(target: Int) { FlowOutcome.add(target, to: &targets) }

  package mutating func add(copy target: Int) { FlowOutcome.add(target, to: &copies) }

  private static func add(_ target: Int, to sorted: inout [Int]) {
    if let place = sorted.firstIndex(where: { $0 >= target }) {
      if sorted[place] != target { sorted.insert(target, at: place) }
    } else {
      sorted.append(target)
    }
  }

  package mutating func add(_ fault: Fault) { if !faults.contains(fault) { faults.append(fault) } }

  package mutating func formUnion(_ other: FlowOutcome) {
    for target in other.targets { add(target: target) }
    for target in other.copies { add(copy: target) }
    for fault in other.faults { add(fault) }
  }
}

extension FlowModel {
  /// Follows one request of `flow` through one configuration.
  package func outcome(of flow: Flow, in view: MeshView) -> FlowOutcome {
    outcome(of: flow, view.route(flow.client, flow.traffic))
  }

  /// What `result` means for a request of `flow`.
  func outcome(of flow: Flow, _ result: RouteResult) -> FlowOutcome {
    var outcome = FlowOutcome()
    for branch in result.branches {
      switch branch.outcome {
      case .destination(let destination):
        for endpoint in (destination.forwarding?.mirrors ?? []).flatMap(\.endpoints) {
          if let version = versionOfDeployment[endpoint.workload.name] { outcome.add(copy: version) }
        }
        for endpoint in destination.endpoints {
          guard let version = versionOfDeployment[endpoint.workload.name] else { continue }
          outcome.add(target: version)
          if let fault = portFault(flow, version, endpoint, destination) { outcome.add(fault) }
        }
      case .failure(let failure): outcome.add(fault(flow, failure))
      case .passthrough(let host, let port):
        outcome.add(Fault(invariant: .inUseKept, host: host, port: port))
      case .redirect, .directResponse, .abort, .delegated: break
      }
    }
    return outcome
  }

  private func fault(_ flow: Flow, _ failure: Failure) -> Fault {
    let invariant: Invariant =
      switch failure.reason {
      case .undefinedSubset, .noDestination: .subsetDefined
      case .unknownHost, .unknownPort: failure.flag == .noClusterFound ? .subsetDefined : .portFits
      case .noReadyEndpoints: .podsReady
      case .noListener, .noVirtualHost, .noRoute, .blackHole: .routeMatches
      case .portNotServed: .portFits
      case .mutualTLS, .serverFirst: .tlsAgrees
      }
    return Fault(
      invariant: invariant, flag: failure.flag, httpStatus: failure.httpStatus, reason: failure.reason,
      host: failure.host, subset: failure.subset, port: failure.port)
  }

  /// A connection must arrive at a port that speaks what was dialled.
  private func portFault(
    _ flow: Flow, _ version: Int, _ endpoint: Endpoint, _ destination: Destination
  ) -> Fault? {
    let id = versions[version]
    let ports = plan.components[id.component.index].versions[id.index].ports
    let actual = ports.first { $0.target == endpoint.targetPort }
    let fits: Bool
    if flow.isEntry {
      fits = actual.map { $0.proto.isHTTP == flow.isHTTP } ?? false
    } else if flow.isHTTP {
      fits = actual?.proto.isHTTP ?? false
    } else {
      fits = actual?.number == flow.port
    }
    if fits { return nil }
    return Fault(
      invariant: .portFits, reason: .portNotServed, host: destination.host, subset: destination.subset,
      port: destination.port)
  }
}
