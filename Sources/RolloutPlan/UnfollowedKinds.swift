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
  case ("apps", "ReplicaSet"), ("", "ReplicationController"), ("apps.openshift.io", _), ("apps.kruise.io", _),
    ("serving.knative.dev", _):
    "it has pods of its own, which may answer requests"
  case ("", "ResourceQuota"), ("", "LimitRange"): "it may keep pods from being made"
  case ("autoscaling", _), ("keda.sh", _): "it may change how many pods there are"
  default: nil
  }
}

/// What a field of an object, or of a patch of one, does to requests that the proof of a plan does not follow.
package struct UnfollowedEffect: Hashable, Sendable {
  package var field: String
  package var reason: String
  /// What stands there, and where: two of one field that differ in it are two effects.
  package var content: Value
  /// The mesh's model knows it. A plan asks only about the requests that it names; who asks about all that the rules tell
  /// apart follows it.
  package var isModelled: Bool
  /// What comes of it is unknown also while nobody touches it: nothing is known of the request that meets it.
  package var isStanding: Bool

  fileprivate init(
    _ field: String, _ reason: String, _ content: Value = .null, isModelled: Bool = false, isStanding: Bool = false
  ) {
    (self.field, self.reason, self.content) = (field, reason, content)
    (self.isModelled, self.isStanding) = (isModelled, isStanding)
  }
}

/// What an object, or a patch of one, may do to requests that the proof of a plan does not follow.
package func unfollowedEffects(of patch: Value) -> [UnfollowedEffect] {
  var effects = unfollowedEffects(ofPods: patch) + unfollowedEffects(ofRules: patch)
  if patch.at("spec", "publishNotReadyAddresses") == .bool(true) {
    effects.append(UnfollowedEffect("publishNotReadyAddresses", "pods that are not ready get requests from then on"))
  }
  if patch.at("spec", "internalTrafficPolicy")?.string == "Local" {
    effects.append(UnfollowedEffect("internalTrafficPolicy", "callers on nodes without a pod of it find none"))
  }
  if patch.at("spec", "paused") == .bool(true) {
    effects.append(UnfollowedEffect("paused", "a Deployment that is paused never rolls out, and the run waits for it"))
  }
  if patch.at("spec", "type")?.string == "ExternalName" {
    effects.append(UnfollowedEffect("type: ExternalName", "callers are sent to another name, past the pods"))
  }
  if patch.at("spec", "clusterIP")?.string == "None" {
    effects.append(
      UnfollowedEffect(
        "clusterIP: None", "callers dial pods by themselves, past the shares and lanes of a Service", isModelled: true))
  }
  let labels = patch.at("metadata", "labels")
  if labels?["istio.io/rev"]?.string != nil, labels?["istio-injection"] == nil {
    effects.append(
      UnfollowedEffect(
        "istio.io/rev",
        "`istio-injection` counts where a namespace has both: take it away with `istio-injection: null`",
        isModelled: true))
  }
  if let waypoint = labels?["istio.io/use-waypoint"], waypoint.string != nil {
    effects.append(
      UnfollowedEffect(
        "istio.io/use-waypoint", "a waypoint takes the place of the callers' proxies, and knows no lanes", waypoint))
  }
  for (place, policy) in trafficPolicies(patch) {
    func add(_ field: String, _ reason: String, _ content: Value?) {
      guard let content, content != .null else { return }
      effects.append(UnfollowedEffect(field, reason, [.string(place), content]))
    }
    if policy.at("loadBalancer", "simple")?.string == "PASSTHROUGH" {
      add("PASSTHROUGH", "connections go to the address that the caller dialled, past every route", "PASSTHROUGH")
    }
    add("tunnel", "requests take another way than that of the route", policy["tunnel"])
    add(
      "localityLbSetting", "requests may be sent to a place where no pod is",
      policy.at("loadBalancer", "localityLbSetting", "distribute"))
    add(
      "connectionPool", "what is beyond its limits is answered with 503 by the proxies themselves",
      policy["connectionPool"])
    add(
      "outlierDetection", "pods that answered with errors get no requests for a while", policy["outlierDetection"])
  }
  for server in patch.at("spec", "servers")?.array ?? [] {
    let port = server["port"] ?? .null
    if server.at("tls", "httpsRedirect") == .bool(true) {
      effects.append(
        UnfollowedEffect(
          "httpsRedirect", "visitors are sent to the https port, whoever listens there", port, isModelled: true))
    }
    if let mode = server.at("tls", "mode")?.string, mode == "MUTUAL" || mode == "OPTIONAL_MUTUAL" {
      effects.append(
        UnfollowedEffect("tls.mode", "visitors without a certificate that the gateway trusts are refused", port))
    }
    if server["bind"] != nil {
      effects.append(UnfollowedEffect("bind", "the gateway may listen where no visitor comes", port))
    }
  }
  return effects
}

/// Of a Deployment: what takes its pods out of the mesh, or lets requests come to them too early.
private func unfollowedEffects(ofPods patch: Value) -> [UnfollowedEffect] {
  var effects: [UnfollowedEffect] = []
  let template = patch.at("spec", "template")
  for key in ["annotations", "labels"] {
    for entry in template?.at("metadata", key)?.fields?.entries ?? [] {
      if let reason = unfollowedEffect(ofAnnotation: entry.key) {
        effects.append(UnfollowedEffect(entry.key, reason, entry.value))
      }
    }
  }
  let containers = template?.at("spec", "containers")?.array ?? []
  for holder in [template?["spec"]].compactMap(\.self) + containers {
    for key in ["runAsUser", "runAsGroup"] where holder.at("securityContext", key) == .int(1337) {
      effects.append(
        UnfollowedEffect(key, "what runs as 1337 is taken for the proxy itself, and its calls meet no route"))
    }
  }
  if template?["spec"]?["dnsPolicy"]?.string == "Default" {
    effects.append(
      UnfollowedEffect("dnsPolicy", "the pod does not find the Services that it calls by their names"))
  }
  for container in containers {
    if container["readinessProbe"] == .null || container.at("readinessProbe", "$patch")?.string == "delete" {
      effects.append(UnfollowedEffect("readinessProbe", "without it a pod gets requests before it listens"))
    }
    for port in container["ports"]?.array ?? [] where port["protocol"].map({ $0 != "TCP" }) == true {
      effects.append(
        UnfollowedEffect("protocol", "a Service finds a port by its name only where the protocol is the same", port))
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
private func unfollowedEffects(ofRules patch: Value) -> [UnfollowedEffect] {
  var effects: [UnfollowedEffect] = []
  func add(_ field: String, _ reason: String) { effects.append(UnfollowedEffect(field, reason, isModelled: true)) }
  for rule in patch.at("spec", "http")?.array ?? [] {
    if rule.at("fault", "abort") != nil {
      add("fault.abort", "requests are answered with an error by the proxies themselves")
    }
    if let response = rule["directResponse"] {
      add("directResponse", "requests are answered with \(response["status"]?.int ?? 200) by the proxies themselves")
    }
    if rule["redirect"] != nil { add("redirect", "visitors are sent elsewhere, and calls get a redirect") }
    if let delegate = rule["delegate"], delegate != .null {
      effects.append(
        UnfollowedEffect(
          "delegate", "the rules of another VirtualService decide, whatever they say", delegate, isStanding: true))
    }
    for match in rule["match"]?.array ?? [] {
      let apart = ["method", "authority", "scheme", "queryParams", "headers", "withoutHeaders"].filter {
        match[$0] != nil
      }
      let paths = ["exact", "regex"].filter { match.at("uri", $0) != nil }.map { "uri.\($0)" }
      let isInner = match.at("uri", "prefix")?.string.map { $0 != "/" } ?? false
      if let field = (apart + paths + (isInner ? ["uri.prefix"] : [])).first {
        add(field, "the proof asks for a page or two of each path: what else does not fit meets another rule")
      }
    }
  }
  return effects
}

/// All that a DestinationRule says about connections: for the host, for its ports, for subsets. Each with where it stands.
private func trafficPolicies(_ rule: Value) -> [(place: String, policy: Value)] {
  let subsets = (rule.at("spec", "subsets")?.array ?? []).map { ($0["name"]?.string ?? "", $0) }
  let holders = [("", rule["spec"] ?? .null)] + subsets
  return holders.flatMap { name, holder in
    guard let policy = holder["trafficPolicy"] else { return [(place: String, policy: Value)]() }
    let ports = (policy["portLevelSettings"]?.array ?? []).map { setting in
      (place: "\(name):\(setting.at("port", "number")?.int ?? 0)", policy: setting)
    }
    return [(place: name, policy: policy)] + ports
  }
}

/// The probes of a container.
package let probeNames = ["readinessProbe", "livenessProbe", "startupProbe"]

/// What a probe may ask: one of them (Kubernetes: `ProbeHandler`).
package let probeHandlers = ["exec", "httpGet", "tcpSocket", "grpc"]

/// Kubernetes: `validateProbe`, and what it has for each of the three.
private func refusal(ofProbe probe: Value, _ name: String) -> String? {
  let handlers = probeHandlers.filter { probe[$0].map { $0 != .null } ?? false }
  if handlers.count > 1 {
    return "a `\(name)` asks in one way, and this one has \(handlers.map { "`\($0)`" }.joined(separator: " and "))"
  }
  let counts = ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
  if let field = counts.first(where: { probe[$0]?.int.map { $0 < 0 } ?? false }) {
    return "the `\(field)` of a `\(name)` is not below 0"
  }
  if let field = counts.first(where: { probe[$0]?.int.map { $0 > Int(Int32.max) } ?? false }) {
    return "the `\(field)` of a `\(name)` is \(Int32.max) at most"
  }
  let grace = probe["terminationGracePeriodSeconds"]
  if name == "readinessProbe" {
    return grace.map { $0 != .null } ?? false
      ? "a `readinessProbe` has no `terminationGracePeriodSeconds`: it ends no pod" : nil
  }
  if let seconds = grace?.int, seconds < 1 { return "the `terminationGracePeriodSeconds` of a `\(name)` is above 0" }
  // 0 is what is not said.
  if let count = probe["successThreshold"]?.int, count > 1 { return "the `successThreshold` of a `\(name)` is 1" }
  return nil
}

/// Why Kubernetes would not take a Deployment with this in it; nil where nothing is known against it.
func refusal(ofDeploymentPatch patch: Value) -> String? {
  if let policy = patch.at("spec", "template", "spec")?["restartPolicy"]?.string, policy != "Always" {
    return "the `restartPolicy` of a Deployment's pods is `Always`"
  }
  for list in ["containers", "initContainers"] {
    for container in patch.at("spec", "template", "spec")?[list]?.array ?? [] {
      if container["image"] == .string("") { return "a container has an `image`" }
      for port in container["ports"]?.array ?? [] {
        for field in ["containerPort", "hostPort"] {
          // 0 is a `hostPort` that is not said.
          guard let number = port[field], number != .null else { continue }
          let isTaken = number.int.map { ((field == "hostPort" ? 0 : 1)...65_535).contains($0) } ?? false
          if !isTaken { return "a `\(field)` is a number from 1 to 65535" }
        }
      }
      for name in probeNames {
        if let reason = container[name].flatMap({ refusal(ofProbe: $0, name) }) { return reason }
      }
    }
  }
  func isNothing(_ value: Value?) -> Bool { value == .int(0) || value == .string("0%") || value == .string("0") }
  if let update = patch.at("spec", "strategy", "rollingUpdate"), isNothing(update["maxSurge"]),
    update["maxUnavailable"] == nil || isNothing(update["maxUnavailable"])
  {
    return "with `maxSurge` and `maxUnavailable` of 0 no pod could be replaced"
  }
  for field in ["maxSurge", "maxUnavailable"] {
    guard let amount = patch.at("spec", "strategy", "rollingUpdate", field), amount != .null else { continue }
    let percent = amount.string.flatMap { text in
      text.hasSuffix("%") && text.first?.isNumber == true ? Int(text.dropLast()) : nil
    }
    let limit = field == "maxUnavailable" ? 100 : Int(Int32.max)
    let isTaken = amount.int.map { (0...Int(Int32.max)).contains($0) } ?? percent.map { (0...limit).contains($0) }
    if isTaken != true {
      return "`\(field)` is a number of pods, or a share of them, as `25%`"
        + (percent == nil ? "" : ", up to \(limit)%")
    }
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
