internal import KubernetesModel
internal import RolloutPlan

extension Renderer {
  func namespaceObject() -> Value {
    patched(
      object(
        text("apiVersion", "v1"), text("kind", "Namespace"),
        record(
          "metadata", text("name", plan.namespace),
          field("labels", .object(Fields([text("istio-injection", "enabled")] + ownershipLabels(plan.name))))
        )), by: [], id: namespaceID)
  }

  func service(_ i: Int, _ view: ComponentView) -> Value? {
    guard !view.ports.isEmpty else { return nil }
    let names = components[i]
    return patched(
      object(
        text("apiVersion", "v1"), text("kind", "Service"),
        record(
          "metadata", text("name", names.service), text("namespace", plan.namespace), field("labels", names.labels)),
        record(
          "spec", list("ports", view.ports.map { names.ports[$0].value }),
          record("selector", text("app", names.service)))
      ), by: names.servicePatches, id: names.serviceID)
  }

  func deployment(_ i: Int, _ deployed: DeployedVersion) -> Value {
    let names = components[i]
    let version = names.versions[deployed.version]
    var spec: [Fields.Entry] = []
    spec.reserveCapacity(version.specBehindReplicas.count + 1)
    spec.append(number("replicas", deployed.replicas))
    spec.append(contentsOf: version.specBehindReplicas)
    let value = object(
      text("apiVersion", "apps/v1"), text("kind", "Deployment"), field("metadata", version.metadata),
      field("spec", .object(Fields(spec))))
    if names.deploymentPatches.isEmpty, objectPatches.isEmpty { return value }
    let patches = names.deploymentPatches.filter { p in
      guard case .deployment(_, let only) = plan.patches[p].target else { return false }
      return only == nil || only?.index == deployed.version
    }
    return patched(value, by: patches, id: version.deploymentID)
  }

  func claim(_ i: Int, _ c: Int) -> Value {
    let claim = components[i].claims[c]
    return patched(
      object(
        text("apiVersion", "v1"), text("kind", "PersistentVolumeClaim"),
        record(
          "metadata", text("name", claim.name), text("namespace", plan.namespace),
          field("labels", components[i].labels)),
        record(
          "spec", list("accessModes", ["ReadWriteOnce"]),
          record("resources", record("requests", text("storage", claim.size))))
      ), by: [], id: claim.id)
  }
}

/// A Deployment's spec but for its replicas. Kubernetes fills in what is left out; inside lists that merge by keys the
/// keys are spelled out (`protocol`), or server-side apply would not find the element again.
func deploymentSpec(
  service: String, _ version: ComponentVersion, ports: [PortNames], selector: Value
) -> [Fields.Entry] {
  var spec: [Fields.Entry] = []
  spec.reserveCapacity(4)
  if let within = version.readiness?.withinMilliseconds {
    spec.append(number("progressDeadlineSeconds", max(1, seconds(within))))
  }
  spec.append(record("selector", field("matchLabels", selector)))
  // A ReadWriteOnce volume cannot be mounted by the new pod while the old one holds it.
  spec.append(
    version.volumes.isEmpty
      ? record(
        "strategy", text("type", "RollingUpdate"),
        record("rollingUpdate", number("maxUnavailable", 0), number("maxSurge", 1)))
      : record("strategy", text("type", "Recreate")))

  var container = [text("name", service), text("image", version.image)]
  container.reserveCapacity(10)
  if let pull = version.pull { container.append(text("imagePullPolicy", pull.kubernetes)) }
  if !version.args.isEmpty { container.append(list("args", version.args.map { .string($0) })) }
  if !ports.isEmpty {
    container.append(
      list(
        "ports",
        zip(version.ports, ports).map { port, names in
          object(number("containerPort", port.target), text("name", names.name), text("protocol", "TCP"))
        }))
  }
  if !version.env.isEmpty { container.append(list("env", version.env.map(environmentVariable))) }
  if let resources = version.resources { container.append(contentsOf: resourceFields(resources)) }
  if let readiness = version.readiness {
    container.append(field("readinessProbe", .object(Fields(probe(readiness, version.ports)))))
  } else if let first = version.ports.first {
    container.append(record("readinessProbe", record("tcpSocket", number("port", first.target))))
  }
  if let liveness = version.liveness {
    var fields = probe(liveness, version.ports)
    if let within = liveness.withinMilliseconds { fields.append(number("initialDelaySeconds", seconds(within))) }
    container.append(field("livenessProbe", .object(Fields(fields))))
  }
  if !version.volumes.isEmpty {
    container.append(
      list(
        "volumeMounts",
        version.volumes.map { object(text("name", $0.podName), text("mountPath", $0.path)) }))
  }

  var pod = [list("containers", [.object(Fields(container))])]
  if !version.volumes.isEmpty {
    pod.append(
      list(
        "volumes",
        version.volumes.map {
          object(
            text("name", $0.podName), record("persistentVolumeClaim", text("claimName", $0.claim)))
        }))
  }
  spec.append(
    record("template", record("metadata", field("labels", selector)), field("spec", .object(Fields(pod)))))
  return spec
}

private func environmentVariable(_ variable: EnvVar) -> Value {
  switch variable.source {
  case .literal(let value):
    object(text("name", variable.name), text("value", value))
  case .secret(let name, let key):
    object(
      text("name", variable.name),
      record("valueFrom", record("secretKeyRef", text("name", name), text("key", key))))
  }
}

private func resourceFields(_ resources: Resources) -> [Fields.Entry] {
  func amounts(_ cpu: String?, _ memory: String?) -> [Fields.Entry] {
    var fields: [Fields.Entry] = []
    if let cpu { fields.append(text("cpu", cpu)) }
    if let memory { fields.append(text("memory", memory)) }
    return fields
  }
  let requests = amounts(resources.cpu, resources.memory)
  let limits = amounts(resources.cpuLimit, resources.memoryLimit)
  var fields: [Fields.Entry] = []
  if !requests.isEmpty { fields.append(field("requests", .object(Fields(requests)))) }
  if !limits.isEmpty { fields.append(field("limits", .object(Fields(limits)))) }
  return fields.isEmpty ? [] : [field("resources", .object(Fields(fields)))]
}

private func probe(_ check: HealthCheck, _ ports: [Port]) -> [Fields.Entry] {
  switch check.action {
  case .http(_, let path, let port):
    // The kubelet asks in plaintext unless told otherwise.
    ports.contains { $0.target == port && $0.proto == .https }
      ? [record("httpGet", text("path", path), number("port", port), text("scheme", "HTTPS"))]
      : [record("httpGet", text("path", path), number("port", port))]
  case .tcp(let port): [record("tcpSocket", number("port", port))]
  case .grpc(let port): [record("grpc", number("port", port))]
  }
}

/// Whole seconds, rounded up.
private func seconds(_ milliseconds: Int) -> Int {
  milliseconds / 1000 + (milliseconds % 1000 > 0 ? 1 : 0)
}
