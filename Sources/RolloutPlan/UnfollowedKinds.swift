package import KubernetesModel

/// What an object may do to requests that no proof here follows; nil where it does nothing to them, or is followed.
package func unfollowedEffect(of id: ObjectID) -> String? {
  switch (id.group, id.kind) {
  case ("security.istio.io", "AuthorizationPolicy"), ("security.istio.io", "RequestAuthentication"):
    "it may refuse requests: 401, 403"
  case ("networking.k8s.io", "NetworkPolicy"): "it may cut connections"
  case ("networking.istio.io", "Sidecar"): "it says which services a proxy knows at all"
  case ("networking.istio.io", "ServiceEntry"), ("networking.istio.io", "WorkloadEntry"):
    "it adds hosts and endpoints to the mesh"
  case ("networking.istio.io", "EnvoyFilter"), ("extensions.istio.io", "WasmPlugin"): "it changes what proxies do"
  case ("networking.k8s.io", "Ingress"), ("gateway.networking.k8s.io", _): "it may lead requests elsewhere"
  default: nil
  }
}
