package import KubernetesModel
package import RolloutPlan

extension FlowModel {
  /// Namespaces and gateways that the plan uses and never writes.
  package var objectsOfOthers: [Value] { objectsOfOthers { plan.ingressLabels(of: $0) } }

  /// - Parameter ingress: the labels of the pods that the gateway of a line selects.
  package func objectsOfOthers(ingress: (Exposure) -> [String: String]) -> [Value] {
    var all: [Value] = []
    if plan.namespaceExists {
      all.append([
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": ["name": .string(plan.namespace), "labels": ["istio-injection": "enabled"]],
      ])
    }
    for (e, exposure) in plan.exposures.enumerated() {
      guard let gateway = exposure.gateway else { continue }
      let (namespace, name) = plan.place(ofGateway: gateway)
      let passesTLS = exposure.passesTLS(plan[exposure.component])
      let isHTTP = entryFlows.contains { flows[$0].source == .entry(e) && flows[$0].isHTTP }
      var server: Fields = [
        "port": [
          "number": .int(exposure.port), "name": .string("port-\(e)"),
          "protocol": .string(
            isHTTP ? (exposure.tlsSecret == nil ? "HTTP" : "HTTPS") : passesTLS ? "TLS" : "TCP"),
        ],
        "hosts": ["*"],
      ]
      if let secret = exposure.tlsSecret { server["tls"] = ["mode": "SIMPLE", "credentialName": .string(secret)] }
      if passesTLS { server["tls"] = ["mode": "PASSTHROUGH"] }
      if let i = all.firstIndex(where: {
        $0["kind"]?.string == "Gateway" && $0.at("metadata", "name")?.string == name
          && $0.at("metadata", "namespace")?.string == namespace
      }) {
        if case .object(var object) = all[i], var spec = object["spec"]?.fields, let servers = spec["servers"]?.array {
          spec["servers"] = .array(servers + [.object(server)])
          object["spec"] = .object(spec)
          all[i] = .object(object)
        }
        continue
      }
      let labels = ingress(exposure).sorted { $0.key < $1.key }
      let selector = Value.object(labels.reduce(into: Fields()) { $0[$1.key] = .string($1.value) })
      all.append([
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
        "metadata": ["name": .string(name), "namespace": .string(namespace)],
        "spec": ["selector": selector, "servers": [.object(server)]],
      ])
    }
    return all
  }
}
