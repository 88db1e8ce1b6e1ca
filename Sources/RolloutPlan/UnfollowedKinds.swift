package import KubernetesModel

/// What an object may do to requests that no proof here follows; nil where it does nothing to them, or is followed.
package func unfollowedEffect(of id: ObjectID) -> String? {
  switch (id.group, id.kind) {
  case ("security.istio.io", "AuthorizationPolicy"), ("security.istio.io", "RequestAuthentication"):
    "it may refuse requests: 401, 403"
  case ("networking.k8s.io", "NetworkPolicy"), ("policy.networking.k8s.io", _), ("cilium.io", _),
    ("crd.projectcalico.org", _), ("projectcalico.org", _):
    "it may cut connections"
  case ("kyverno.io", _), ("constraints.gatekeeper.sh", _), ("templates.gatekeeper.sh", _):
    "it may refuse or change what is written"
  case ("batch", "Job"):
    "it is made before the first pods, and nobody waits until it is done: run it before, or behind a `pause`"
  case ("networking.istio.io", "Sidecar"): "it says which services a proxy knows at all"
  case ("networking.istio.io", "ServiceEntry"), ("networking.istio.io", "WorkloadEntry"):
    "it adds hosts and endpoints to the mesh"
  case ("discovery.k8s.io", "EndpointSlice"), ("", "Endpoints"): "it adds addresses to a Service that are no version's"
  case ("networking.istio.io", "EnvoyFilter"), ("extensions.istio.io", "WasmPlugin"): "it changes what proxies do"
  case ("networking.k8s.io", "Ingress"), ("gateway.networking.k8s.io", _): "it may lead requests elsewhere"
  case ("argoproj.io", "Rollout"), ("flagger.app", _): "it changes routes and pods by itself"
  case ("", "ResourceQuota"), ("", "LimitRange"): "it may keep pods from being made"
  case ("autoscaling", _), ("keda.sh", _): "it may change how many pods there are"
  default: nil
  }
}

/// What an object, or a patch of one, may do to requests that no proof here follows: the field, and why.
func unfollowedEffects(of patch: Value) -> [(field: String, reason: String)] {
  var effects = unfollowedEffects(ofPods: patch) + unfollowedEffects(ofRules: patch)
  if patch.at("spec", "publishNotReadyAddresses") == .bool(true) {
    effects.append(("publishNotReadyAddresses", "pods that are not ready get requests from then on"))
  }
  if patch.at("spec", "internalTrafficPolicy")?.string == "Local" {
    effects.append(("internalTrafficPolicy", "callers on nodes without a pod of it find none"))
  }
  if patch.at("spec", "paused") == .bool(true) {
    effects.append(("paused", "a Deployment that is paused never rolls out, and the run waits for it"))
  }
  if patch.at("spec", "type")?.string == "ExternalName" {
    effects.append(("type: ExternalName", "callers are sent to another name, past the pods"))
  }
  if patch.at("spec", "clusterIP")?.string == "None" {
    effects.append(("clusterIP: None", "callers dial pods by themselves, past the shares and lanes of a Service"))
  }
  let labels = patch.at("metadata", "labels")
  if labels?["istio.io/rev"]?.string != nil, labels?["istio-injection"] == nil {
    effects.append(
      ("istio.io/rev", "`istio-injection` counts where a namespace has both: take it away with `istio-injection: null`")
    )
  }
  if labels?["istio.io/use-waypoint"]?.string != nil {
    effects.append(("istio.io/use-waypoint", "a waypoint takes the place of the callers' proxies, and knows no lanes"))
  }
  for policy in trafficPolicies(patch) {
    if policy.at("loadBalancer", "simple")?.string == "PASSTHROUGH" {
      effects.append(("PASSTHROUGH", "connections go to the address that the caller dialled, past every route"))
    }
    if policy["tunnel"].map({ $0 != .null }) == true {
      effects.append(("tunnel", "requests take another way than that of the route"))
    }
    if policy.at("loadBalancer", "localityLbSetting", "distribute").map({ $0 != .null }) == true {
      effects.append(("localityLbSetting", "requests may be sent to a place where no pod is"))
    }
    if policy["connectionPool"].map({ $0 != .null }) == true {
      effects.append(("connectionPool", "what is beyond its limits is answered with 503 by the proxies themselves"))
    }
    if policy["outlierDetection"].map({ $0 != .null }) == true {
      effects.append(("outlierDetection", "pods that answered with errors get no requests for a while"))
    }
  }
  for server in patch.at("spec", "servers")?.array ?? [] {
    if server.at("tls", "httpsRedirect") == .bool(true) {
      effects.append(("httpsRedirect", "visitors are sent to the https port, whoever listens there"))
    }
    if let mode = server.at("tls", "mode")?.string, mode == "MUTUAL" || mode == "OPTIONAL_MUTUAL" {
      effects.append(("tls.mode", "visitors without a certificate that the gateway trusts are refused"))
    }
    if server["bind"] != nil { effects.append(("bind", "the gateway may listen where no visitor comes")) }
  }
  return effects
}

/// Of a Deployment: what takes its pods out of the mesh, or lets requests come to them too early.
private func unfollowedEffects(ofPods patch: Value) -> [(field: String, reason: String)] {
  var effects: [(String, String)] = []
  let template = patch.at("spec", "template")
  for key in ["annotations", "labels"] {
    for entry in template?.at("metadata", key)?.fields?.entries ?? [] {
      if let reason = unfollowedEffect(ofAnnotation: entry.key) { effects.append((entry.key, reason)) }
    }
  }
  let containers = template?.at("spec", "containers")?.array ?? []
  for holder in [template?["spec"]].compactMap(\.self) + containers {
    for key in ["runAsUser", "runAsGroup"] where holder.at("securityContext", key) == .int(1337) {
      effects.append((key, "what runs as 1337 is taken for the proxy itself, and its calls meet no route"))
    }
  }
  for container in containers {
    if container["readinessProbe"] == .null || container.at("readinessProbe", "$patch")?.string == "delete" {
      effects.append(("readinessProbe", "without it a pod gets requests before it listens"))
    }
    for port in container["ports"]?.array ?? [] where port["protocol"].map({ $0 != "TCP" }) == true {
      effects.append(("protocol", "a Service finds a port by its name only where the protocol is the same"))
    }
  }
  return effects
}

/// What a label or annotation of a pod does to the way of its requests; nil where it does nothing to them.
private func unfollowedEffect(ofAnnotation name: String) -> String? {
  if name.hasPrefix("traffic.sidecar.istio.io/") { return "what goes past the proxy of a pod meets no route" }
  if name.hasPrefix("inject.istio.io/") { return "the pod gets another proxy than the one that is followed" }
  return switch name {
  case "sidecar.istio.io/interceptionMode": "what goes past the proxy of a pod meets no route"
  case "sidecar.istio.io/rewriteAppHTTPProbers":
    "a probe that is not rewritten is answered by the proxy: always, or under mutual TLS never"
  case "proxy.istio.io/config", "proxy.istio.io/overrides", "sidecar.istio.io/bootstrapOverride",
    "sidecar.istio.io/discoveryAddress":
    "it changes what the pod's proxy does"
  default: nil
  }
}

/// Of a VirtualService: what answers requests, or tells more of them apart than the proof asks about.
private func unfollowedEffects(ofRules patch: Value) -> [(field: String, reason: String)] {
  var effects: [(String, String)] = []
  for rule in patch.at("spec", "http")?.array ?? [] {
    if rule.at("fault", "abort") != nil {
      effects.append(("fault.abort", "requests are answered with an error by the proxies themselves"))
    }
    if let response = rule["directResponse"] {
      effects.append(
        ("directResponse", "requests are answered with \(response["status"]?.int ?? 200) by the proxies themselves"))
    }
    if rule["redirect"] != nil { effects.append(("redirect", "visitors are sent elsewhere, and calls get a redirect")) }
    for match in rule["match"]?.array ?? [] {
      let apart = ["method", "authority", "scheme", "queryParams", "headers", "withoutHeaders"].filter {
        match[$0] != nil
      }
      let paths = ["exact", "regex"].filter { match.at("uri", $0) != nil }.map { "uri.\($0)" }
      let isInner = match.at("uri", "prefix")?.string.map { $0 != "/" } ?? false
      if let field = (apart + paths + (isInner ? ["uri.prefix"] : [])).first {
        effects.append(
          (field, "the proof asks for a page or two of each path: what else does not fit meets another rule"))
      }
    }
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
  for list in ["containers", "initContainers"] {
    for container in patch.at("spec", "template", "spec")?[list]?.array ?? [] {
      if container["image"] == .string("") { return "a container has an `image`" }
      for probe in ["livenessProbe", "startupProbe"] {
        // 0 is what is not said.
        if let count = container.at(probe, "successThreshold")?.int, count != 0, count != 1 {
          return "the `successThreshold` of a `\(probe)` is 1"
        }
      }
    }
  }
  func isNothing(_ value: Value?) -> Bool { value == .int(0) || value == .string("0%") || value == .string("0") }
  if let update = patch.at("spec", "strategy", "rollingUpdate"), isNothing(update["maxSurge"]),
    update["maxUnavailable"] == nil || isNothing(update["maxUnavailable"])
  {
    return "with `maxSurge` and `maxUnavailable` of 0 no pod could be replaced"
  }
  for field in ["replicas", "minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit"] {
    if let value = patch.at("spec", field), value != .null,
      value.int.map({ !(0...Int(Int32.max)).contains($0) }) ?? true
    {
      return "`\(field)` is a number from 0 to \(Int32.max)"
    }
  }
  return nil
}
