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
  case ("argoproj.io", "Rollout"), ("flagger.app", _): "it changes routes and pods by itself"
  case ("", "ResourceQuota"), ("", "LimitRange"): "it may keep pods from being made"
  case ("autoscaling", _), ("keda.sh", _): "it may change how many pods there are"
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
  for policy in trafficPolicies(patch) {
    if policy.at("loadBalancer", "simple")?.string == "PASSTHROUGH" {
      effects.append(("PASSTHROUGH", "connections go to the address that the caller dialled, past every route"))
    }
    if policy["connectionPool"].map({ $0 != .null }) == true {
      effects.append(("connectionPool", "what is beyond its limits is answered with 503 by the proxies themselves"))
    }
    if policy["outlierDetection"].map({ $0 != .null }) == true {
      effects.append(("outlierDetection", "pods that answered with errors get no requests for a while"))
    }
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

/// All that a DestinationRule says about connections: for the host, for its ports, for subsets.
private func trafficPolicies(_ rule: Value) -> [Value] {
  let holders = [rule["spec"]].compactMap(\.self) + (rule.at("spec", "subsets")?.array ?? [])
  return holders.compactMap { $0["trafficPolicy"] }.flatMap { policy in
    [policy] + (policy["portLevelSettings"]?.array ?? [])
  }
}

/// Why Kubernetes would not take a Deployment with this in it; nil where nothing is known against it.
func refusal(ofDeploymentPatch patch: Value) -> String? {
  if let policy = patch.at("spec", "template", "spec")?["restartPolicy"]?.string, policy != "Always" {
    return "the `restartPolicy` of a Deployment's pods is `Always`"
  }
  func isNothing(_ value: Value?) -> Bool { value == .int(0) || value == .string("0%") || value == .string("0") }
  if let update = patch.at("spec", "strategy", "rollingUpdate"), isNothing(update["maxSurge"]),
    update["maxUnavailable"] == nil || isNothing(update["maxUnavailable"])
  {
    return "with `maxSurge` and `maxUnavailable` of 0 no pod could be replaced"
  }
  if let replicas = patch.at("spec", "replicas"), replicas.int.map({ $0 < 0 }) ?? true {
    return "`replicas` is a number"
  }
  for field in ["minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit"] {
    if let value = patch.at("spec", field), value != .null, value.int.map({ $0 < 0 }) ?? true {
      return "`\(field)` is a number"
    }
  }
  return nil
}
