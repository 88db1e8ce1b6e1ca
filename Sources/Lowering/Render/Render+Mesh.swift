package import KubernetesModel
package import RolloutPlan

extension Renderer {
  func peerAuthentication(_ mode: MTLSMode) -> Value {
    let name =
      switch mode {
      case .strict: "STRICT"
      case .permissive: "PERMISSIVE"
      case .off: "DISABLE"
      }
    return patched(
      object(
        text("apiVersion", security), text("kind", "PeerAuthentication"),
        record(
          "metadata", text("name", "default"), text("namespace", plan.namespace),
          field("labels", .object(Fields(ownershipLabels(plan.name))))),
        record("spec", record("mtls", text("mode", name)))
      ), by: [], id: peerAuthenticationID)
  }

  func gateway(_ i: Int, _ view: ComponentView) -> Value? {
    let names = components[i]
    guard view.hasGateway, !names.gatewayServers.isEmpty else { return nil }
    let servers = names.gatewayServers.map { server in
      var fields = [
        record(
          "port", number("number", server.port), text("name", server.name), text("protocol", server.proto)),
        list("hosts", server.hosts.map { .string($0) }),
      ]
      if let secret = server.tlsSecret {
        fields.append(record("tls", text("mode", "SIMPLE"), text("credentialName", secret)))
      } else if server.passesTLS {
        fields.append(record("tls", text("mode", "PASSTHROUGH")))
      }
      return Value.object(Fields(fields))
    }
    return patched(
      object(
        text("apiVersion", networking), text("kind", "Gateway"),
        record(
          "metadata", text("name", names.gatewayID.name), text("namespace", plan.namespace),
          field("labels", names.labels)),
        record("spec", field("selector", .object(Fields(Plan.istioIngressLabels.map(text)))), list("servers", servers))
      ), by: [], id: names.gatewayID)
  }

  func rule(_ i: Int, _ view: ComponentView) -> Value? {
    guard view.hasRule, !view.subsets.isEmpty else { return nil }
    let names = components[i]
    var spec = [text("host", names.host)]
    switch view.tls {
    case .strict: spec.append(record("trafficPolicy", record("tls", text("mode", "ISTIO_MUTUAL"))))
    case .off: spec.append(record("trafficPolicy", record("tls", text("mode", "DISABLE"))))
    // Nothing said: the client finds out by itself whether the server takes mTLS.
    case .permissive, nil: break
    }
    spec.append(list("subsets", view.subsets.map { names.versions[$0].subsetValue }))
    return patched(
      object(
        text("apiVersion", networking), text("kind", "DestinationRule"),
        record(
          "metadata", text("name", names.service), text("namespace", plan.namespace), field("labels", names.labels)),
        field("spec", .object(Fields(spec)))
      ), by: names.rulePatches, id: names.ruleID)
  }
}

extension Renderer {
  /// The Gateway that an exposure is bound to, the plan's own or somebody else's.
  package func gatewayID(of component: ComponentID, _ exposure: Exposure) -> ObjectID {
    let own = components[component.index].gatewayID
    guard let parts = exposure.gateway?.split(separator: "/").map(String.init), let name = parts.last else {
      return own
    }
    return ObjectID(
      group: own.group, kind: own.kind, namespace: parts.count == 2 ? parts[0] : plan.namespace, name: name)
  }
}
