internal import KubernetesModel

/// What the API server fills in. Kubernetes: `pkg/apis/{core,apps,batch,storage}/v1/defaults.go`.
func setDefaults(_ object: inout Value, _ type: ResourceType) {
  switch type.resource {
  case "deployments.apps":
    object.update("spec") { spec in
      spec.setDefault("replicas", 1)
      spec.update("strategy") { strategy in
        strategy.setDefault("type", "RollingUpdate")
        if strategy["type"] == "RollingUpdate" {
          strategy.update("rollingUpdate") {
            $0.setDefault("maxSurge", "25%")
            $0.setDefault("maxUnavailable", "25%")
          }
        }
      }
      spec.setDefault("revisionHistoryLimit", 10)
      spec.setDefault("progressDeadlineSeconds", 600)
    }
    setTemplateDefaults(&object)
  case "replicasets.apps":
    object.update("spec") { $0.setDefault("replicas", 1) }
    setTemplateDefaults(&object)
  case "statefulsets.apps":
    object.update("spec") { spec in
      spec.setDefault("replicas", 1)
      spec.setDefault("podManagementPolicy", "OrderedReady")
      spec.setDefault("revisionHistoryLimit", 10)
      spec.update("updateStrategy") { strategy in
        strategy.setDefault("type", "RollingUpdate")
        if strategy["type"] == "RollingUpdate" { strategy.update("rollingUpdate") { $0.setDefault("partition", 0) } }
      }
      spec.setDefault("persistentVolumeClaimRetentionPolicy", ["whenDeleted": "Retain", "whenScaled": "Retain"])
    }
    setTemplateDefaults(&object)
  case "daemonsets.apps":
    object.update("spec") { spec in
      spec.setDefault("revisionHistoryLimit", 10)
      spec.update("updateStrategy") { strategy in
        strategy.setDefault("type", "RollingUpdate")
        if strategy["type"] == "RollingUpdate" {
          strategy.update("rollingUpdate") {
            $0.setDefault("maxUnavailable", 1)
            $0.setDefault("maxSurge", 0)
          }
        }
      }
    }
    setTemplateDefaults(&object)
  case "jobs.batch":
    object.update("spec") { spec in
      if spec["completions"] == nil, spec["parallelism"] == nil { spec["completions"] = 1 }
      spec.setDefault("parallelism", 1)
      spec.setDefault("backoffLimit", 6)
      spec.setDefault("completionMode", "NonIndexed")
      spec.setDefault("manualSelector", false)
      spec.setDefault("podReplacementPolicy", "TerminatingOrFailed")
      spec.setDefault("suspend", false)
    }
    setTemplateDefaults(&object)
  case "pods":
    object.update("spec") { spec in
      setPodDefaults(&spec)
      spec.setDefault("enableServiceLinks", true)
    }
  case "services": setServiceDefaults(&object)
  case "secrets":
    object.setDefault("Opaque", "type")
    if let texts = object["stringData"]?.fields {
      object.update("data") { data in
        for entry in texts.entries { data[entry.key] = .string(encodeBase64(Array((entry.value.string ?? "").utf8))) }
      }
      object.set(nil, at: "stringData")
    }
  case "persistentvolumeclaims":
    object.update("spec") { $0.setDefault("volumeMode", "Filesystem") }
  case "persistentvolumes":
    object.update("spec") {
      $0.setDefault("volumeMode", "Filesystem")
      $0.setDefault("persistentVolumeReclaimPolicy", "Retain")
    }
  case "storageclasses.storage.k8s.io":
    object.setDefault("Delete", "reclaimPolicy")
    object.setDefault("Immediate", "volumeBindingMode")
  case "namespaces":
    let name = object.name
    object.updateMetadata { metadata in
      metadata.update("labels") { $0.setDefault("kubernetes.io/metadata.name", .string(name)) }
    }
  case "customresourcedefinitions.apiextensions.k8s.io":
    object.update("spec") { spec in
      spec.update("conversion") { $0.setDefault("strategy", "None") }
      spec.update("names") { names in
        let kind = names["kind"]?.string ?? ""
        names.setDefault("singular", .string(kind.lowercased()))
        names.setDefault("listKind", .string(kind + "List"))
      }
    }
  default: break
  }
}

extension Fields {
  mutating func setDefault(_ key: String, _ value: Value) {
    if self[key] == nil || self[key] == .null { self[key] = value }
  }

  mutating func update(_ key: String, _ change: (inout Fields) -> Void) {
    var inner = self[key]?.fields ?? Fields()
    change(&inner)
    self[key] = .object(inner)
  }

  mutating func updateItems(_ key: String, _ change: (inout Fields) -> Void) {
    guard case .array(var items)? = self[key] else { return }
    for i in items.indices { if case .object = items[i] { items[i].update(change) } }
    self[key] = .array(items)
  }
}

private func setTemplateDefaults(_ object: inout Value) {
  guard object.at("spec", "template") != nil else { return }
  object.update("spec") { spec in spec.update("template") { $0.update("spec", setPodDefaults) } }
}

private func setPodDefaults(_ spec: inout Fields) {
  spec.setDefault("dnsPolicy", "ClusterFirst")
  spec.setDefault("restartPolicy", "Always")
  spec.setDefault("schedulerName", "default-scheduler")
  spec.setDefault("securityContext", [:])
  spec.setDefault("terminationGracePeriodSeconds", 30)
  if let account = spec["serviceAccountName"] { spec["serviceAccount"] = account }
  for list in ["initContainers", "containers", "ephemeralContainers"] { spec.updateItems(list, setContainerDefaults) }
  spec.updateItems("volumes") { volume in
    for source in ["configMap", "secret", "projected", "downwardAPI"] where volume[source] != nil {
      volume.update(source) { $0.setDefault("defaultMode", 420) }
    }
    if volume["hostPath"] != nil { volume.update("hostPath") { $0.setDefault("type", "") } }
    if volume.count == 1 { volume["emptyDir"] = [:] }
  }
}

private func setContainerDefaults(_ container: inout Fields) {
  let image = container["image"]?.string ?? ""
  let tag = image.split(separator: "/").last.flatMap { String($0).split(at: ":")?.1 }
  let isLatest = !image.contains("@") && (tag == nil || tag == "latest")
  container.setDefault("imagePullPolicy", isLatest ? "Always" : "IfNotPresent")
  container.setDefault("resources", [:])
  container.setDefault("terminationMessagePath", "/dev/termination-log")
  container.setDefault("terminationMessagePolicy", "File")
  container.updateItems("ports") { $0.setDefault("protocol", "TCP") }
  container.updateItems("env") { variable in
    guard variable["valueFrom"]?["fieldRef"] != nil else { return }
    variable.update("valueFrom") { $0.update("fieldRef") { $0.setDefault("apiVersion", "v1") } }
  }
  for name in ["livenessProbe", "readinessProbe", "startupProbe"] where container[name] != nil {
    container.update(name) { probe in
      probe.setDefault("failureThreshold", 3)
      probe.setDefault("periodSeconds", 10)
      probe.setDefault("successThreshold", 1)
      probe.setDefault("timeoutSeconds", 1)
      if probe["httpGet"] != nil {
        probe.update("httpGet") {
          $0.setDefault("path", "/")
          $0.setDefault("scheme", "HTTP")
        }
      }
      if probe["grpc"] != nil { probe.update("grpc") { $0.setDefault("service", "") } }
    }
  }
  if let limits = container["resources"]?["limits"]?.fields {
    container.update("resources") { resources in
      resources.update("requests") { requests in
        for entry in limits.entries { requests.setDefault(entry.key, entry.value) }
      }
    }
  }
}

private func setServiceDefaults(_ object: inout Value) {
  object.update("spec") { spec in
    spec.setDefault("type", "ClusterIP")
    spec.setDefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "ClientIP" {
      spec.update("sessionAffinityConfig") { $0.update("clientIP") { $0.setDefault("timeoutSeconds", 10800) } }
    }
    let type = spec["type"]?.string ?? ""
    spec.updateItems("ports") { port in
      port.setDefault("protocol", "TCP")
      if port["targetPort"] == nil || port["targetPort"] == 0 || port["targetPort"] == "" {
        port["targetPort"] = port["port"] ?? 0
      }
    }
    guard type != "ExternalName" else { return }
    spec.setDefault("internalTrafficPolicy", "Cluster")
    if type == "NodePort" || type == "LoadBalancer" { spec.setDefault("externalTrafficPolicy", "Cluster") }
    if type == "LoadBalancer" { spec.setDefault("allocateLoadBalancerNodePorts", true) }
  }
}
