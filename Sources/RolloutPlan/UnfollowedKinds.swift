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
  case ("", "ResourceQuota"), ("", "LimitRange"): "it may keep pods from being made"
  case ("autoscaling", _): "it may change how many pods there are"
  default: nil
  }
}

/// What a patch may do to requests that no proof here follows: the field, and why.
func unfollowedEffects(ofPatch patch: Value) -> [(field: String, reason: String)] {
  var effects: [(String, String)] = []
  if patch.at("spec", "publishNotReadyAddresses") == .bool(true) {
    effects.append(("publishNotReadyAddresses", "pods that are not ready get requests from then on"))
  }
  if patch.at("spec", "internalTrafficPolicy")?.string == "Local" {
    effects.append(("internalTrafficPolicy", "callers on nodes without a pod of it find none"))
  }
  if patch.at("spec", "paused") == .bool(true) {
    effects.append(("paused", "a Deployment that is paused never rolls out, and the run waits for it"))
  }
  for container in patch.at("spec", "template", "spec", "containers")?.array ?? []
  where container["readinessProbe"] == .null {
    effects.append(("readinessProbe", "without it a pod gets requests before it listens"))
  }
  for rule in patch.at("spec", "http")?.array ?? [] {
    if rule.at("fault", "abort") != nil {
      effects.append(("fault.abort", "requests are answered with an error by the proxies themselves"))
    }
    if let response = rule["directResponse"] {
      effects.append(
        ("directResponse", "requests are answered with \(response["status"]?.int ?? 200) by the proxies themselves"))
    }
    if rule["redirect"] != nil { effects.append(("redirect", "visitors are sent elsewhere, and calls get a redirect")) }
  }
  for server in patch.at("spec", "servers")?.array ?? [] where server.at("tls", "httpsRedirect") == .bool(true) {
    effects.append(("httpsRedirect", "visitors are sent to the https port, whoever listens there"))
  }
  return effects
}
