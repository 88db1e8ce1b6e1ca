internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension Preflight {
  /// Pods that stand without Istio's proxy, while the proof takes it that each pod of the plan has one. They were made before
  /// the namespace asked for proxies, while the injector was down, or they say `sidecar.istio.io/inject: "false"`.
  ///
  /// - Without `mtls strict` a caller without a proxy follows no route. Told of are pods behind the plan's components that call
  ///   others and outlive the first leg: what that replaces or takes away is not worth a word.
  /// - With it, such a caller is reset by servers that have a proxy, and a server without one is sent mTLS by its
  ///   DestinationRule. Told of is every pod of the namespace that is still there when the first of the two is written. It is
  ///   an error where a run of the plan makes it so, and it is sure.
  func sidecarFindings() async -> [Diagnostic] {
    // Who may not see pods is not told.
    guard let pods = try? await cluster.list(ResourceType.pods.collection(in: plan.namespace)).items else { return [] }
    let running = pods.filter(isRunning)
    if running.allSatisfy(hasProxy) { return [] }
    let namespace = try? await cluster.get(ResourceType.namespaces.named(plan.namespace, in: ""))
    let labels = namespace?.at("metadata", "labels")
    let without = await workloads(of: running.filter { !hasProxy($0) && !isAmbient($0, in: labels) })
    if without.isEmpty { return [] }
    // Where nobody injects anything no pod is an exception: a hollow cluster, or one that is not Istio's.
    var isInjecting = running.contains(where: hasProxy)
    if !isInjecting { isInjecting = await isInjectorThere() }
    guard isInjecting else { return [] }

    let isAsked = namespace == nil || injects(labels)
    var found: [Diagnostic] = []
    var cutOff: Set<String> = []
    if var strict = strictMoment() {
      // A run that goes on in the middle of a leg may have written it.
      if !strict.isOld, let policy = try? await cluster.reference(to: strict.policy),
        let live = try? await cluster.get(policy)
      {
        strict.isOld = isStrict(live)
      }
      let sure = without.filter { $0.leaves > strict.phase && isSurelyCutOff($0, by: strict, among: without) }
      // Who was cut off before this run, and is not the plan's, is no business of it.
      let rest = without.filter { workload in
        workload.leaves > strict.first && !sure.contains { $0.name == workload.name }
          && (!strict.isOld || workload.component != nil)
      }
      found += [
        cutOffFinding(sure, by: strict, isSure: true, isAsked), cutOffFinding(rest, by: strict, isSure: false, isAsked),
      ].compactMap { $0 }
      cutOff = Set((sure + rest).map(\.name))
    }
    // Of a namespace that asks for no proxies `namespaceFindings` tells, for all of its pods.
    if plan.namespaceExists, !isAsked { return found }
    let firstLeg = legs.first?.phases.count ?? 0
    let lost = without.filter { $0.calls && $0.leaves >= firstLeg && !cutOff.contains($0.name) }
    if let component = lost.lazy.compactMap(\.component).min() {
      found.append(
        .withoutProxy(lost, in: plan.namespace, isAsked: isAsked, at: plan[component].nameRange))
    }
    return found
  }

  // MARK: - Pods

  /// Those of one owner that have no proxy.
  fileprivate struct Workload: Sendable {
    /// `Deployment/web-1-0`
    var name: String
    var pods = 0
    /// Of these, those that want none.
    var refusing = 0
    /// The version whose Deployment it is.
    var version: VersionID?
    /// The component whose Service leads to it.
    var component: ComponentID?
    var calls = false
    /// The phase that replaces or removes its pods, counted over all legs to come; of none that does, `Int.max`.
    var leaves = Int.max
  }

  /// By their owners, in order of names. What the plan itself wants without a proxy is left out: the proof knows it.
  private func workloads(of pods: [Value]) async -> [Workload] {
    let renderer = itinerary.compiled.renderer
    var versions: [String: VersionID] = [:]
    var services: [String: ComponentID] = [:]
    for (i, component) in plan.components.enumerated() {
      services[component.service] = ComponentID(i)
      for j in component.versions.indices {
        let id = VersionID(ComponentID(i), j)
        versions["Deployment/\(renderer.deploymentID(of: id).name)"] = id
      }
    }
    var known: [String: Workload] = [:]
    for pod in pods {
      let name = workloadName(of: pod)
      var workload = known[name] ?? Workload(name: name, version: versions[name])
      workload.pods += 1
      if refusesProxy(pod) { workload.refusing += 1 }
      workload.component =
        workload.version?.component ?? workload.component
        ?? pod.at("metadata", "labels", "app")?.string.flatMap { services[$0] }
      known[name] = workload
    }
    return await concurrently(known.values.sorted { $0.name < $1.name }) { workload in
      var workload = workload
      if let version = workload.version {
        let id = renderer.deploymentID(of: version)
        if let template = planned(id)?.at("spec", "template"), refusesProxy(template) { return nil }
        workload.calls = !plan[version].calls.isEmpty
        workload.leaves = await departure(of: id)
      } else if let component = workload.component {
        workload.calls = plan[component].versions.contains { !$0.calls.isEmpty }
      }
      return workload
    }.compactMap { $0 }
  }

  /// What the plan writes as this object in the end, else what stands of it now.
  private func planned(_ id: ObjectID) -> Value? {
    writes.last { $0.id == id && $0.object != nil }?.object
      ?? legs.first.flatMap { standing(before: $0)[id]?.plain }
  }

  /// The first phase that removes the pods of a Deployment or gives it others. Its pods stay where the template that is
  /// written has no field that the live one has not; a Deployment that cannot be read is not judged.
  private func departure(of id: ObjectID) async -> Int {
    var live: Value?
    for (i, phase) in legs.flatMap(\.phases).enumerated() {
      for write in phase.writes where write.id == id {
        guard let object = write.object, object.at("spec", "replicas")?.int != 0 else { return i }
        if live == nil { live = try? await cluster.get(ResourceType.deployments.named(id.name, in: id.namespace)) }
        guard let before = live?.at("spec", "template"), let after = object.at("spec", "template") else { return i }
        // What the server or an injector filled in the plan does not name.
        let isReplaced = fieldChanges(from: before, to: after).contains {
          $0.new != nil && !$0.path.hasSuffix("(order)")
        }
        if isReplaced { return i }
      }
    }
    return Int.max
  }

  // MARK: - mtls strict

  fileprivate struct StrictMoment {
    /// The phase from which on servers take mTLS alone.
    var phase: Int
    /// The phase from which on some caller sends nothing else.
    var first: Int
    var origin: SourceRange
    var policy: ObjectID
    /// What stands after its leg.
    var after: ObjectSet?
    /// It is strict before this run.
    var isOld = false
  }

  /// Nil where the legs to come are not strict.
  private func strictMoment() -> StrictMoment? {
    var (phase, first) = (0, Int.max)
    if let leg = legs.first {
      let now = standing(before: leg)
      if let policy = now.entries.first(where: { isStrict($0.plain) }) {
        return StrictMoment(phase: 0, first: 0, origin: policy.origin, policy: policy.id, after: now, isOld: true)
      }
    }
    for leg in legs {
      for writes in leg.phases.map(\.writes) {
        if writes.contains(where: { $0.object.map(sendsMTLS) ?? false }) { first = min(first, phase) }
        if let write = writes.first(where: { $0.object.map(isStrict) ?? false }) {
          return StrictMoment(
            phase: phase, first: min(first, phase), origin: write.origin, policy: write.id, after: leg.after?.image)
        }
        phase += 1
      }
    }
    return nil
  }

  /// Sure is that a version of the plan that stands is sent mTLS by who calls it, or calls one that takes nothing else.
  private func isSurelyCutOff(_ workload: Workload, by strict: StrictMoment, among without: [Workload]) -> Bool {
    let renderer = itinerary.compiled.renderer
    guard let version = workload.version, let after = strict.after, after[renderer.deploymentID(of: version)] != nil
    else { return false }
    let standing = plan.components.indices.flatMap { i in
      plan.components[i].versions.indices.map { VersionID(ComponentID(i), $0) }
    }.filter { after[renderer.deploymentID(of: $0)] != nil }
    let rule = ObjectID(
      group: networking, kind: "DestinationRule", namespace: plan.namespace,
      name: plan[version.component].service)
    let isCalled =
      plan.exposure(of: version.component) != nil
      || standing.contains { caller in
        plan[caller].calls.contains(version.component) && !without.contains { $0.version == caller }
      }
    if isCalled, let rule = after[rule]?.plain, sendsMTLS(rule) { return true }
    return plan[version].calls.contains { callee in
      standing.contains { $0.component == callee } && !without.contains { $0.component == callee }
    }
  }

  private func cutOffFinding(
    _ workloads: [Workload], by strict: StrictMoment, isSure: Bool, _ isAsked: Bool
  ) -> Diagnostic? {
    if workloads.isEmpty { return nil }
    var found = Diagnostic.cutOff(workloads, in: plan.namespace, isSure: isSure, isAsked: isAsked, at: strict.origin)
    // What is so already does not make the run fail, which may even mend it.
    if !isSure || strict.isOld { found.severity = .warning }
    return found
  }

  /// Whoever may not see webhooks is not told.
  private func isInjectorThere() async -> Bool {
    (await webhookConfigurations("mutating") ?? []).contains { configuration in
      let name = configuration.at("metadata", "name")?.string ?? ""
      return ["istio-sidecar-injector", "istio-revision-tag-"].contains(where: name.hasPrefix)
        || configuration.at("metadata", "labels", "app")?.string == "sidecar-injector"
    }
  }
}

private func isRunning(_ pod: Value) -> Bool {
  pod.at("status", "phase")?.string == "Running" && pod.at("metadata", "deletionTimestamp")?.string == nil
}

/// A native sidecar is an init container.
private func hasProxy(_ pod: Value) -> Bool {
  ["containers", "initContainers"].contains { key in
    (pod.at("spec", key)?.array ?? []).contains { $0["name"]?.string == "istio-proxy" }
  }
}

/// In ambient mode a node's proxy stands in. A pod's own label wins over that of its namespace; the annotation is what Istio's
/// CNI leaves on those that it caught.
private func isAmbient(_ pod: Value, in namespace: Value?) -> Bool {
  let key = "istio.io/dataplane-mode"
  if pod.at("metadata", "annotations")?["ambient.istio.io/redirection"]?.string == "enabled" { return true }
  return (pod.at("metadata", "labels")?[key] ?? namespace?[key])?.string == "ambient"
}

/// A pod or a template of pods. Istio: the label wins over the annotation, and none goes where the node's network is shared.
private func refusesProxy(_ pod: Value) -> Bool {
  let key = "sidecar.istio.io/inject"
  let asked = pod.at("metadata", "labels")?[key] ?? pod.at("metadata", "annotations")?[key]
  return asked?.string == "false" || pod.at("spec", "hostNetwork")?.bool == true
}

/// By its owner; a ReplicaSet of a Deployment has that one's name and a hash, which each pod bears.
private func workloadName(of pod: Value) -> String {
  let owners = pod.at("metadata", "ownerReferences")?.array ?? []
  guard let owner = owners.first(where: { $0["controller"]?.bool == true }), let kind = owner["kind"]?.string,
    let name = owner["name"]?.string
  else { return "Pod/\(pod.at("metadata", "name")?.string ?? "?")" }
  if kind == "ReplicaSet", let hash = pod.at("metadata", "labels", "pod-template-hash")?.string,
    name.hasSuffix("-\(hash)")
  {
    return "Deployment/\(name.dropLast(hash.count + 1))"
  }
  return "\(kind)/\(name)"
}

/// A PeerAuthentication for the whole namespace.
private func isStrict(_ object: Value) -> Bool {
  object["kind"]?.string == "PeerAuthentication" && object.at("spec", "selector") == nil
    && object.at("spec", "mtls", "mode")?.string == "STRICT"
}

private func sendsMTLS(_ object: Value) -> Bool {
  object["kind"]?.string == "DestinationRule"
    && object.at("spec", "trafficPolicy", "tls", "mode")?.string == "ISTIO_MUTUAL"
}

extension Diagnostic {
  fileprivate static func withoutProxy(
    _ workloads: [Preflight.Workload], in namespace: String, isAsked: Bool, at range: SourceRange
  ) -> Diagnostic {
    let (pods, isOne) = podsText(workloads)
    return Diagnostic(
      .withoutProxy, "\(pods) \(isOne ? "has" : "have") no proxy of Istio",
      at: Label(range, "what stands behind it calls others"),
      notes: ["without a proxy a caller follows no route: it reaches all versions"] + whyNotes(workloads),
      help: restartHelp(workloads, in: namespace, isAsked: isAsked))
  }

  fileprivate static func cutOff(
    _ workloads: [Preflight.Workload], in namespace: String, isSure: Bool, isAsked: Bool, at range: SourceRange
  ) -> Diagnostic {
    let (pods, isOne) = podsText(workloads)
    return Diagnostic(
      .cutOff,
      "`mtls strict` \(isSure ? "cuts" : "may cut") off \(pods), which \(isOne ? "has" : "have") no proxy of Istio",
      at: Label(range, "pods that have one take mTLS alone"),
      notes: [
        "what they send in plaintext is reset; and whoever calls them by a Service of the plan sends mTLS, which they do not speak"
      ] + whyNotes(workloads),
      help: restartHelp(workloads, in: namespace, isAsked: isAsked) + "; until then, `mtls permissive`")
  }

  /// `2 pods of `Deployment/web-1-0``, and whether it is one.
  private static func podsText(_ workloads: [Preflight.Workload]) -> (text: String, isOne: Bool) {
    let count = workloads.reduce(0) { $0 + $1.pods }
    var names = workloads.prefix(shown).map { "`\($0.name)`" }.joined(separator: ", ")
    if workloads.count > shown { names += " and \(workloads.count - shown) more" }
    return ("\(count) \(count == 1 ? "pod" : "pods") of \(names)", count == 1)
  }

  private static func whyNotes(_ workloads: [Preflight.Workload]) -> [String] {
    let refusing = workloads.filter { $0.refusing > 0 }
    guard let first = refusing.first else {
      return ["a pod is given its proxy when it is made: one that is older than the namespace's label has none"]
    }
    let others = refusing.count == 1 ? "" : ", and \(refusing.count - 1) more,"
    return [
      "the pods of `\(first.name)`\(others) want none: `sidecar.istio.io/inject: \"false\"` or `hostNetwork`"
    ]
  }

  private static func restartHelp(
    _ workloads: [Preflight.Workload], in namespace: String, isAsked: Bool
  ) -> String {
    let label = isAsked ? "" : "`kubectl label namespace \(namespace) istio-injection=enabled`, then "
    let restarted = workloads.filter {
      ["Deployment/", "StatefulSet/", "DaemonSet/"].contains(where: $0.name.hasPrefix)
    }
    if restarted.isEmpty { return label + "make them anew" }
    let names = restarted.prefix(shown).map { workload in
      let parts = workload.name.split(separator: "/", maxSplits: 1)
      return "\(parts[0].lowercased())/\(parts[1])"
    }
    let isAll = restarted.count == workloads.count && restarted.count <= shown
    return label + "`kubectl rollout restart \(names.joined(separator: " ")) -n \(namespace)`"
      + (isAll ? "" : ", and the others likewise")
  }

  /// How many names are told.
  private static let shown = 3
}
