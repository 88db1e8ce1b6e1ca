import Diagnostics
import KubernetesModel

/// What patches make of the pods of a version, as far as the plan knows it: containers without an image, mounts without
/// a volume, variables with two values. Kubernetes refuses such a Deployment.
extension Resolver {
  func checkPatchedPods() {
    checkPatchedReplicas()
    checkReplicasOfAutoscaler()
    checkPatchedDeadlines()
    guard plan.patches.contains(where: { $0.value.at("spec", "template", "spec") != nil }) else { return }
    var reported: Set<String> = []
    var unasked: Set<String> = []
    for (c, component) in plan.components.enumerated() where !taint.covers(ComponentID(c)) {
      for v in component.versions.indices where !brokenVersions.contains(VersionID(ComponentID(c), v)) {
        for problem in problems(ofPods: VersionID(ComponentID(c), v))
        // Versions share most patches.
        where reported.insert("\(problem.range.start) \(problem.text)").inserted {
          report(
            .badYAML(
              "the patch makes a Deployment that Kubernetes does not take: \(problem.text)", at: problem.range,
              help: problem.help))
        }
        for found in patchedChecks(of: VersionID(ComponentID(c), v))
        where unasked.insert("\(found.primary.range.start) \(found.message)").inserted {
          report(found)
        }
      }
    }
  }

  /// One ReadWriteOnce volume, one pod, whoever says how many there are.
  private func checkPatchedReplicas() {
    // Claims of another mode may be for many.
    if plan.patches.contains(where: { $0.value.at("spec", "accessModes") != nil }) { return }
    for patch in plan.patches {
      guard case .deployment(let component, let only) = patch.target, !taint.covers(component),
        let replicas = patch.value.at("spec", "replicas")?.int, replicas > 1
      else { continue }
      let versions = only.map { [plan[$0]] } ?? plan[component].versions
      guard let volume = versions.lazy.flatMap(\.volumes).first else { continue }
      report(
        .sharedVolume(volume.claim, "\(replicas) replicas would mount it", at: patch.range, declared: volume.range))
    }
  }

  /// `replicas` of a component, where a patch takes the number out of its Deployments.
  private func checkReplicasOfAutoscaler() {
    var seen: Set<SourceRange> = []
    for (c, component) in plan.components.enumerated() where !taint.covers(ComponentID(c)) {
      for (v, version) in component.versions.enumerated() {
        guard let range = version.replicasRange, version.replicas > 0,
          let patch = plan.autoscalingPatch(of: VersionID(ComponentID(c), v)), seen.insert(range).inserted
        else { continue }
        // A line of the component may be another version's, too, which keeps it.
        let isKept = component.versions.indices.contains { other in
          component.versions[other].replicasRange == range
            && plan.autoscalingPatch(of: VersionID(ComponentID(c), other)) == nil
        }
        if isKept { continue }
        report(.replicasLeft(version.replicas, isLine: true, patch: patch.range, at: range))
      }
    }
  }

  /// A roll-out gets longer than its pods have to be ready to count (Kubernetes: `ValidateDeploymentSpec`).
  private func checkPatchedDeadlines() {
    for patch in plan.patches {
      guard case .deployment(let component, let only) = patch.target, !taint.covers(component),
        let ready = patch.value.at("spec", "minReadySeconds")?.int
      else { continue }
      for version in only.map({ [plan[$0]] }) ?? plan[component].versions {
        let deadline =
          patch.value.at("spec", "progressDeadlineSeconds")?.int
          ?? version.readiness?.withinMilliseconds.map { $0 / 1_000 } ?? 600
        guard ready >= deadline else { continue }
        report(
          .badYAML(
            "the patch makes a Deployment that Kubernetes does not take: `minReadySeconds` of \(ready) is no less than the \(deadline) seconds in which it is to be ready",
            at: patch.range, help: "let it be less, or give the roll-out longer, with `ready when … within`"))
        break
      }
    }
  }

  /// Patches of a version's pods, each with what it says of them.
  private func podPatches(of id: VersionID) -> [(spec: Value, range: SourceRange)] {
    let deployment = "\(plan[id.component].service)-\(plan[id].slug)"
    return plan.patches.filter { $0.changes(id, deployment: deployment) }.compactMap { patch in
      patch.value.at("spec", "template", "spec").map { (spec: $0, range: patch.range) }
    }
  }

  /// Health checks that a patch brings to the plan's own container, at a port that it does not declare.
  private func patchedChecks(of id: VersionID) -> [Diagnostic] {
    let (component, version) = (plan[id.component], plan[id])
    if version.ports.isEmpty { return [] }
    let containers = podPatches(of: id).flatMap { patch in
      (patch.spec["containers"]?.array ?? []).filter { $0["name"]?.string == component.service }.map {
        (value: $0, range: patch.range)
      }
    }
    let added = containers.flatMap { $0.value["ports"]?.array ?? [] }
    func isKnown(_ port: Value) -> Bool {
      switch port {
      case .int(let number):
        return version.ports.contains { $0.target == number } || added.contains { $0["containerPort"] == port }
      case .string(let name):
        return added.contains { $0["name"] == port }
          || version.ports.contains { port in
            [port.proto.rawValue, "tcp-" + port.proto.rawValue].contains { base in
              name == base || name.hasPrefix(base + "-") && Int(name.dropFirst(base.utf8.count + 1)) != nil
            }
          }
      default: return true
      }
    }
    return containers.flatMap { container, range in
      ["readinessProbe", "livenessProbe", "startupProbe"].flatMap { probe in
        ["httpGet", "tcpSocket", "grpc"].compactMap { action -> Diagnostic? in
          guard let port = container.at(probe, action, "port"), !isKnown(port) else { return nil }
          let words = port.int.map(String.init) ?? port.string.map { "`\($0)`" } ?? ""
          return .unknownPatchedPort(
            words, of: component.name, probe: probe, known: version.ports.map(\.target), at: range)
        }
      }
    }
  }

  private func problems(ofPods id: VersionID) -> [(text: String, help: String, range: SourceRange)] {
    let (component, version) = (plan[id.component], plan[id])
    var problems: [(text: String, help: String, range: SourceRange)] = []
    let pods = podPatches(of: id)
    guard !pods.isEmpty else { return [] }
    // What is replaced or taken away is another pod than the plan's, and a person's own.
    guard !pods.contains(where: { hasDirective($0.spec) }) else { return [] }

    var volumes = Set(version.volumes.map(\.podName))
    for pod in pods { volumes.formUnion((pod.spec["volumes"]?.array ?? []).compactMap { $0["name"]?.string }) }
    for list in ["containers", "initContainers"] {
      var images: [String: Bool] = [:]
      var values: [String: [String: (value: Bool, from: Bool)]] = [:]
      if list == "containers" {
        images[component.service] = true
        values[component.service] = Dictionary(
          version.env.map { variable in
            // An empty `value` is none to Kubernetes.
            switch variable.source {
            case .literal(let text): return (variable.name, (!text.isEmpty, false))
            default: return (variable.name, (false, true))
            }
          }, uniquingKeysWith: { first, _ in first })
      }
      let containers = pods.flatMap { pod in (pod.spec[list]?.array ?? []).map { ($0, pod.range) } }
      for (container, _) in containers {
        guard let name = container["name"]?.string else { continue }
        images[name] = images[name] ?? false || container["image"].map { $0 != .null } ?? false
      }
      for (container, range) in containers {
        guard let name = container["name"]?.string else { continue }
        if images[name] == false {
          let help =
            list == "containers"
            ? "the container of `\(component.name)` is called `\(component.service)`; one of another name needs an `image`"
            : "give it an `image`"
          problems.append(("there is no container `\(name)`, and a new one has no image", help, range))
          images[name] = true
        }
        for mount in container["volumeMounts"]?.array ?? [] {
          guard let volume = mount["name"]?.string, !volumes.contains(volume) else { continue }
          problems.append(
            (
              "`\(volume)` is mounted, and no volume has that name",
              volumes.isEmpty
                ? "add it to `volumes`"
                : "add it to `volumes`; there are \(volumes.sorted().map { "`\($0)`" }.joined(separator: ", "))", range
            ))
        }
        for variable in container["env"]?.array ?? [] {
          guard let key = variable["name"]?.string else { continue }
          var (value, from) = values[name]?[key] ?? (false, false)
          if let new = variable["value"] { value = new != .null && new != .string("") }
          if let new = variable["valueFrom"] { from = new != .null }
          values[name, default: [:]][key] = (value, from)
          if value, from {
            problems.append(
              (
                "the variable `\(key)` would have both `value` and `valueFrom`",
                "take the other one away, as `{name: \(key), \(variable["value"] == nil ? "value: null" : "valueFrom: null"), …}`",
                range
              ))
          }
        }
      }
    }
    return problems + unmetRequests(ofPods: id, pods)
  }

  /// Containers that ask for more than they may have, by all that patches and the plan say of them.
  private func unmetRequests(ofPods id: VersionID, _ pods: [(spec: Value, range: SourceRange)])
    -> [(text: String, help: String, range: SourceRange)]
  {
    var problems: [(text: String, help: String, range: SourceRange)] = []
    for list in ["containers", "initContainers"] {
      var amounts: [String: ContainerAmounts] = [:]
      if list == "containers" {
        amounts[plan[id.component].service] = ContainerAmounts(plan[id].resources ?? Resources())
      }
      for pod in pods {
        for container in pod.spec[list]?.array ?? [] {
          guard let name = container["name"]?.string, let resources = container["resources"] else { continue }
          amounts[name, default: ContainerAmounts()].patch(by: resources, at: pod.range)
        }
      }
      for (name, amounts) in amounts.sorted(by: { $0.key < $1.key }) {
        problems += amounts.unmet.map { unmet in
          (
            "container `\(name)` asks for \(unmet.request) of `\(unmet.resource)`, and its limit is \(unmet.limit)",
            "raise the limit, or ask for less", unmet.range
          )
        }
      }
    }
    return problems
  }

  /// `$patch` and its like, anywhere in it.
  private func hasDirective(_ value: Value) -> Bool {
    switch value {
    case .object(let fields): fields.entries.contains { $0.key.hasPrefix("$") || hasDirective($0.value) }
    case .array(let items): items.contains(where: hasDirective)
    case .null, .bool, .int, .double, .string: false
    }
  }
}

/// What a container asks for, and its limits, patch by patch.
private struct ContainerAmounts {
  private struct Amount {
    var text: String
    var value: Double
    /// The patch that says it; nil where the plan does.
    var range: SourceRange?
  }

  private var requests: [String: Amount] = [:]
  private var limits: [String: Amount] = [:]

  init() {}

  init(_ resources: Resources) {
    func amounts(_ cpu: String?, _ memory: String?) -> [String: Amount] {
      ["cpu": cpu, "memory": memory].compactMapValues { text in
        text.flatMap { text in Quantity(text).map { Amount(text: text, value: $0.value) } }
      }
    }
    requests = amounts(resources.cpu, resources.memory)
    limits = amounts(resources.cpuLimit, resources.memoryLimit)
  }

  mutating func patch(by resources: Value, at range: SourceRange) {
    func patched(_ amounts: [String: Amount], _ list: String) -> [String: Amount] {
      if resources == .null || resources[list] == .null { return [:] }
      var amounts = amounts
      for entry in resources[list]?.fields?.entries ?? [] {
        let text: String? =
          switch entry.value {
          case .int(let number): String(number)
          case .double(let number): String(number)
          case .string(let text): text
          case .null, .bool, .object, .array: nil
          }
        amounts[entry.key] = text.flatMap { text in
          Quantity(text).map { Amount(text: text, value: $0.value, range: range) }
        }
      }
      return amounts
    }
    requests = patched(requests, "requests")
    limits = patched(limits, "limits")
  }

  /// What is asked for beyond its limit, and the patch that makes it so.
  var unmet: [(resource: String, request: String, limit: String, range: SourceRange)] {
    requests.sorted { $0.key < $1.key }.compactMap { resource, request in
      guard let limit = limits[resource], request.value > limit.value,
        let range = [request.range, limit.range].compactMap(\.self).max()
      else { return nil }
      return (resource, request.text, limit.text, range)
    }
  }
}

/// The element of a list in a patch that does not say which one it is: it would be one more, with nothing else in it.
func keylessElement(in patch: Value) -> (list: String, key: String)? {
  func look(_ value: Value, _ lists: [String: [String]]) -> (list: String, key: String)? {
    for entry in value.fields?.entries ?? [] {
      guard let keys = lists[entry.key], let items = entry.value.array else { continue }
      for item in items where item.fields != nil && item["$patch"] == nil {
        if !keys.contains(where: { item[$0] != nil && item[$0] != .null }) { return (entry.key, keys[0]) }
        if let inner = look(item, containerLists) { return inner }
      }
    }
    return nil
  }
  guard let pod = patch.at("spec", "template", "spec") else { return nil }
  return look(pod, podLists)
}

/// Kubernetes: `patchMergeKey` in `PodSpec` and `Container`.
private let podLists = [
  "containers": ["name"], "initContainers": ["name"], "volumes": ["name"], "hostAliases": ["ip"],
  "imagePullSecrets": ["name"],
]
private let containerLists = [
  "env": ["name"], "volumeMounts": ["mountPath"], "volumeDevices": ["devicePath"], "ports": ["containerPort"],
]
