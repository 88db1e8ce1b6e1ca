internal import KubernetesModel

package final class DestinationRule: Sendable {
  /// The part of a traffic policy that decides about TLS.
  struct TLSPolicy: Hashable, Sendable {
    var mode: ClientTLS?
    /// Replaces the rest for its port, also where it says nothing about TLS.
    var byPort: [Int: ClientTLS?]

    init(_ policy: Value?) {
      mode = TLSPolicy.mode(policy)
      byPort = [:]
      for setting in policy?["portLevelSettings"]?.array ?? [] {
        if let port = setting.at("port", "number")?.int { byPort.updateValue(TLSPolicy.mode(setting), forKey: port) }
      }
    }

    private static func mode(_ policy: Value?) -> ClientTLS? {
      switch policy?.at("tls", "mode")?.string {
      case "DISABLE": .plaintext
      case "ISTIO_MUTUAL": .istioMutual
      case "SIMPLE", "MUTUAL": .originated
      default: policy?["tls"] == nil ? nil : .plaintext
      }
    }
  }

  struct Subset: Hashable, Sendable {
    var name: String
    var labels: [String: String]
    var policy: TLSPolicy
  }

  package let metadata: Metadata
  let host: String
  let subsets: [Subset]
  let policy: TLSPolicy
  let hasPolicy: Bool
  let visibility: Visibility
  /// The clients it is for; nil: all.
  let clientSelector: [String: String]?

  init(_ object: Value, _ metadata: Metadata, options: MeshOptions) {
    let spec = object["spec"] ?? .null
    self.metadata = metadata
    host = HostName.resolved(
      spec["host"]?.string ?? "", namespace: metadata.namespace, domain: options.clusterDomain
    )
    policy = TLSPolicy(spec["trafficPolicy"])
    hasPolicy = spec["trafficPolicy"] != nil
    clientSelector = spec.at("workloadSelector", "matchLabels")?.strings
    // With a selector it is never seen from another namespace.
    visibility = Visibility(
      clientSelector == nil ? spec["exportTo"]?.stringArray : ["."], namespace: metadata.namespace
    )
    subsets = (spec["subsets"]?.array ?? []).compactMap { subset in
      subset["name"]?.string.map {
        Subset(name: $0, labels: subset["labels"]?.strings ?? [:], policy: TLSPolicy(subset["trafficPolicy"]))
      }
    }
  }
}

/// What a client sees of the DestinationRules for one host: those of one namespace, merged.
struct SelectedDestinationRule {
  let rules: [DestinationRule]

  var id: ObjectID? { rules.first?.metadata.id }

  /// A subset that is defined twice is the one that was defined first.
  func subset(_ name: String) -> DestinationRule.Subset? {
    for rule in rules {
      for subset in rule.subsets where sameBytes(subset.name, name) { return subset }
    }
    return nil
  }

  /// The client's TLS for a port; nil: left to auto mTLS. Port-level settings replace, a subset overrides.
  func tls(port: Int, subset: DestinationRule.Subset?) -> ClientTLS? {
    var mode: ClientTLS?
    if let policy = rules.first(where: \.hasPolicy)?.policy { mode = policy.byPort[port] ?? policy.mode }
    if let subset {
      mode = subset.policy.mode ?? mode
      if let override = subset.policy.byPort[port] { mode = override }
    }
    return mode
  }
}
