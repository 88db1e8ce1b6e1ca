internal import KubernetesModel

/// What Istio's webhook does with a new pod.
extension ClusterStore {
  static let sidecar = "istio-proxy"

  /// Whether a new pod gets a sidecar: its own word first, else its namespace's label. Istio: `injectRequired`.
  private func needsSidecar(_ pod: Value) -> Bool {
    guard injectsSidecars, pod.at("spec", "hostNetwork")?.bool != true,
      !(pod.at("spec", "containers")?.array ?? []).contains(where: { $0["name"]?.string == ClusterStore.sidecar })
    else { return false }
    let namespace = object("namespaces", "", pod.namespace)?.labels ?? [:]
    if namespace["istio-injection"] == "disabled" { return false }
    let asked = pod.labels["sidecar.istio.io/inject"] ?? pod.annotations["sidecar.istio.io/inject"]
    if let asked { return asked == "true" }
    return namespace["istio-injection"] == "enabled"
      || namespace["istio-injection"] == nil && namespace["istio.io/rev"] != nil
  }

  func injectSidecar(_ pod: inout Value) {
    guard needsSidecar(pod) else { return }
    let first = pod.at("spec", "containers")?[0]?["name"]
    pod.update("spec") { spec in
      spec["containers"] = .array(
        (spec["containers"]?.array ?? []) + [
          [
            "name": .string(ClusterStore.sidecar), "image": "docker.io/istio/proxyv2:1.24.0",
            "args": ["proxy", "sidecar"],
            "ports": [["containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"]], "resources": [:],
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            "imagePullPolicy": "IfNotPresent",
          ]
        ])
    }
    pod.updateMetadata { metadata in
      metadata.update("annotations") { annotations in
        // kubectl asks for the logs of this one unless it is told another.
        if let first { annotations.setDefault("kubectl.kubernetes.io/default-container", first) }
        annotations["sidecar.istio.io/status"] = #"{"containers":["istio-proxy"]}"#
      }
      metadata.update("labels") { $0["security.istio.io/tlsMode"] = "istio" }
    }
  }
}
