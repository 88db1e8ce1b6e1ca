internal import KubernetesModel
package import Sandbox

/// Istio's ingress gateway as an operator finds it in a cluster: a Deployment whose log has a line for each visitor, and
/// a Service with an address.
extension SandboxCluster {
  /// What Gateways select its pods by.
  package static let ingressLabels = ["istio": "ingressgateway"]

  /// - Parameter port: where visitors are answered on 127.0.0.1; nil for nowhere, in a rehearsal.
  package mutating func installIngressGateway(port: Int? = nil) {
    var all: Fields = ["app": "istio-ingressgateway"]
    for (name, value) in SandboxCluster.ingressLabels { all[name] = .string(value) }
    let labels = Value.object(all)
    let name: Value = ["name": "istio-ingressgateway", "namespace": "istio-system", "labels": labels]
    install("/api/v1/namespaces", ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "istio-system"]])
    install(
      "/apis/apps/v1/namespaces/istio-system/deployments",
      [
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": name,
        "spec": [
          "selector": ["matchLabels": labels],
          "template": [
            "metadata": ["labels": labels, "annotations": ["sidecar.istio.io/inject": "false"]],
            "spec": [
              "containers": [
                [
                  "name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.24.0", "args": ["proxy", "router"],
                  "ports": [["containerPort": 8080, "name": "http2"]],
                ]
              ]
            ],
          ],
        ],
      ])
    install(
      "/api/v1/namespaces/istio-system/services",
      [
        "apiVersion": "v1", "kind": "Service", "metadata": name,
        "spec": [
          "type": "LoadBalancer", "selector": labels,
          // A plan is for port 80, whatever port was free here: it is found by where it leads.
          "ports": [["name": "http2", "port": .int(port ?? 80), "targetPort": .int(port == nil ? 8080 : 80)]],
        ],
      ])
    guard port != nil else { return }
    _ = respond(
      to: APIRequest(
        "PATCH", "/api/v1/namespaces/istio-system/services/istio-ingressgateway/status",
        body: ["status": ["loadBalancer": ["ingress": [["ip": "127.0.0.1", "ipMode": "VIP"]]]]],
        contentType: "application/merge-patch+json", userAgent: "istio-operator"))
  }

  private mutating func install(_ path: String, _ object: Value) {
    _ = respond(to: APIRequest("POST", path, body: object, userAgent: "istio-operator"))
  }
}
