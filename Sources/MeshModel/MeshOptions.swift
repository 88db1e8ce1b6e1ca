/// What the mesh's operator has chosen, as far as routes depend on it.
package struct MeshOptions: Hashable, Sendable {
  /// Whose routes are modelled. They differ in a few predicates and in how several VirtualServices meet.
  package enum Version: Hashable, Sendable {
    /// Istio 1.14.
    case istio114
    /// Istio 1.24 and later.
    case newer
  }

  /// What a sidecar does with a host it does not know (`meshConfig.outboundTrafficPolicy`).
  package enum OutboundTraffic: Hashable, Sendable {
    case allowAny, registryOnly
  }

  package var version: Version
  package var outboundTraffic: OutboundTraffic
  package var autoMutualTLS: Bool
  package var rootNamespace: String
  package var clusterDomain: String

  package init(
    version: Version = .newer, outboundTraffic: OutboundTraffic = .allowAny, autoMutualTLS: Bool = true,
    rootNamespace: String = "istio-system", clusterDomain: String = "cluster.local"
  ) {
    self.version = version
    self.outboundTraffic = outboundTraffic
    self.autoMutualTLS = autoMutualTLS
    self.rootNamespace = rootNamespace
    self.clusterDomain = clusterDomain
  }
}
