package import KubernetesModel

/// Everything that may happen to a request, each with its probability; they add up to 1.
package struct RouteResult: Hashable, Sendable {
  package var branches: [Branch]
  /// What decided.
  package var decision: Decision

  /// The outcome where there is only one.
  package var only: Outcome? { branches.count == 1 ? branches[0].outcome : nil }
}

package struct Branch: Hashable, Sendable {
  package var probability: Double
  package var outcome: Outcome
}

/// Which object and which of its rules chose the route. All nil: no VirtualService had a say.
package struct Decision: Hashable, Sendable {
  package var virtualService: ObjectID?
  /// The rule's `name`.
  package var rule: String?
  /// The rule's place in `http`, `tcp` or `tls`.
  package var ruleIndex: Int?
  /// The match's place in the rule; nil where the rule has none.
  package var matchIndex: Int?
  package var gateway: ObjectID?
  /// What the VirtualService says that this model does not follow.
  package var notSimulated: [String] = []

  package static let none = Decision()
}

package enum Outcome: Hashable, Sendable {
  /// A pod answers.
  case destination(Destination)
  /// The proxy answers.
  case redirect(Redirect)
  case directResponse(status: Int, body: String?)
  case abort(httpStatus: Int)
  case failure(Failure)
  /// The rules of another VirtualService decide, which this model does not follow: `namespace/name`.
  case delegated(to: String)
  /// The connection goes to an address outside of what is known here.
  case passthrough(host: String, port: Int)
}

package struct Redirect: Hashable, Sendable {
  package var status: Int
  package var location: String
}

/// Where a request arrives.
package struct Destination: Hashable, Sendable {
  /// How it got there.
  package enum Via: Hashable, Sendable {
    /// A cluster of Envoy.
    case cluster
    /// A sidecar that does not know the host passes it on, unencrypted and unrouted.
    case passthrough
    /// A client without a sidecar.
    case kubeProxy
  }

  package enum Security: Hashable, Sendable {
    case plaintext, mutualTLS
    /// The client's proxy speaks TLS of its own (DestinationRule SIMPLE or MUTUAL); whether the server does too is not
    /// known.
    case originatedTLS
  }

  /// The Service's full name.
  package var host: String
  package var service: ObjectID
  package var subset: String?
  package var port: Int
  package var via: Via
  package var security: Security
  /// The pods that may answer, each as likely as it has ready replicas.
  package var endpoints: [Endpoint]
  /// The DestinationRule that the client sees for the host.
  package var destinationRule: ObjectID?
  /// Nil for connections.
  package var forwarding: Forwarding?
}

/// How an HTTP request is changed on its way, and its answer on the way back.
package struct Forwarding: Hashable, Sendable {
  package var path: String
  package var authority: String
  package var headers: HeaderOperations
  package var mirrors: [Mirror]
}

/// A copy of a request that nobody waits for.
package struct Mirror: Hashable, Sendable {
  package var host: String
  package var subset: String?
  package var port: Int
  package var probability: Double
  /// Where the copy arrives; empty where nowhere.
  package var endpoints: [Endpoint]
  package var failure: Failure?
}

/// One workload behind a destination.
package struct Endpoint: Hashable, Sendable {
  package var workload: ObjectID
  package var ready: Int
  package var targetPort: Int

  package init(workload: ObjectID, ready: Int, targetPort: Int) {
    self.workload = workload
    self.ready = ready
    self.targetPort = targetPort
  }
}

package struct Failure: Hashable, Sendable {
  /// Envoy's response flag; nil where no proxy is there to write one.
  package var flag: EnvoyFlag?
  /// What an HTTP client sees; nil where its connection is closed or refused.
  package var httpStatus: Int?
  package var reason: Reason
  /// The cluster that was meant.
  package var host: String?
  package var subset: String?
  package var port: Int?
  /// The workloads that refused, where some were reached.
  package var workloads: [ObjectID] = []

  package init(
    flag: EnvoyFlag?, httpStatus: Int?, reason: Reason, host: String? = nil, subset: String? = nil, port: Int? = nil,
    workloads: [ObjectID] = []
  ) {
    self.flag = flag
    self.httpStatus = httpStatus
    self.reason = reason
    self.host = host
    self.subset = subset
    self.port = port
    self.workloads = workloads
  }

  package enum Reason: Hashable, Sendable {
    /// No server of a Gateway listens on the port.
    case noListener
    /// No VirtualService is bound to the gateway for the host.
    case noVirtualHost
    /// The host's rules are there, and none matches.
    case noRoute
    /// `REGISTRY_ONLY`, and the host is unknown.
    case blackHole
    case unknownHost
    case unknownPort
    case undefinedSubset
    case noReadyEndpoints
    /// The pods do not listen on the port that they are sent to.
    case portNotServed
    case mutualTLS(client: ClientTLS, server: ServerTLS)
    /// The server speaks first, so a server that waits to see TLS or not waits for ever.
    case serverFirst
    /// A rule without a destination, or without any weight.
    case noDestination
  }
}

/// Envoy's `%RESPONSE_FLAGS%`.
package enum EnvoyFlag: String, Hashable, Sendable {
  case noClusterFound = "NC"
  case noRouteFound = "NR"
  case noHealthyUpstream = "UH"
  case upstreamConnectionFailure = "UF"
  case upstreamConnectionTermination = "UC"
}

package enum ClientTLS: Hashable, Sendable {
  case plaintext
  case istioMutual
  /// SIMPLE or MUTUAL of a DestinationRule.
  case originated
}

package enum ServerTLS: Hashable, Sendable {
  case strict, permissive, disabled, noSidecar
}

/// Changes to headers, in the order in which Envoy makes them.
package struct HeaderOperations: Hashable, Sendable {
  package struct Operation: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case set, add, remove }
    package var kind: Kind
    /// In lower case.
    package var name: String
    /// Empty for `remove`.
    package var value: String
  }

  package var request: [Operation] = []
  package var response: [Operation] = []

  /// The operations of a rule and of its only destination, which Istio writes into one list.
  func merged(with other: HeaderOperations) -> HeaderOperations {
    func merge(_ a: [Operation], _ b: [Operation]) -> [Operation] {
      // Envoy removes, then overwrites, then adds, whatever the order in the list (`HeaderParser::evaluateHeaders`).
      let all = a + b
      return [Operation.Kind.remove, .set, .add].flatMap { kind in all.filter { $0.kind == kind } }
    }
    return HeaderOperations(request: merge(request, other.request), response: merge(response, other.response))
  }

  /// One after the other: of several destinations each makes its own changes before the rule's.
  func followed(by other: HeaderOperations) -> HeaderOperations {
    HeaderOperations(request: request + other.request, response: response + other.response)
  }

  /// The values of one header after `operations`, given those before.
  package static func values(
    of name: String, after operations: [Operation], given values: [String] = []
  ) -> [String] {
    var values = values
    for operation in operations where operation.name == name {
      switch operation.kind {
      case .remove: values = []
      case .set: values = [operation.value]
      case .add: values.append(operation.value)
      }
    }
    return values
  }
}
