internal import KubernetesModel

extension ClusterStore {
  /// What admission plugins and allocators add to a new object. Kubernetes: `plugin/pkg/admission`, service IP
  /// allocator, strategies' `PrepareForCreate`.
  mutating func admitCreate(_ object: inout Value, _ type: ResourceType) throws(APIError) {
    switch type.resource {
    case "services":
      allocateAddress(&object)
      object.set(["loadBalancer": [:]], at: "status")
    case "namespaces":
      object.set(["finalizers": ["kubernetes"]], at: "spec")
      object.set(["phase": "Active"], at: "status")
    case "persistentvolumeclaims":
      if object.at("spec", "storageClassName") == nil,
        object.annotations["volume.beta.kubernetes.io/storage-class"] == nil, let name = defaultStorageClass
      {
        object.set(.string(name), at: "spec", "storageClassName")
      }
      object.set(["phase": "Pending"], at: "status")
      object.updateMetadata { $0["finalizers"] = ["kubernetes.io/pvc-protection"] }
    case "persistentvolumes":
      object.set(["phase": "Available"], at: "status")
      object.updateMetadata { $0["finalizers"] = ["kubernetes.io/pv-protection"] }
    case "pods":
      let namespace = object.namespace
      object.update("spec") { spec in
        spec.setDefault("serviceAccountName", "default")
        spec["serviceAccount"] = spec["serviceAccountName"]
        spec.setDefault("preemptionPolicy", "PreemptLowerPriority")
        spec.setDefault("priority", 0)
        spec.setDefault(
          "tolerations",
          [
            [
              "effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists",
              "tolerationSeconds": 300,
            ],
            [
              "effect": "NoExecute", "key": "node.kubernetes.io/unreachable", "operator": "Exists",
              "tolerationSeconds": 300,
            ],
          ])
      }
      let account = object.at("spec", "serviceAccountName")?.string ?? "default"
      if self.object("serviceaccounts", namespace, account) == nil {
        throw .forbidden(
          type, object.name,
          "error looking up service account \(namespace)/\(account): serviceaccount \"\(account)\" not found")
      }
      injectSidecar(&object)
      object.set(["phase": "Pending", "qosClass": .string(qualityOfService(object))], at: "status")
    case "jobs.batch":
      if object.at("spec", "selector") == nil {
        let uid = object.uid
        object.update("spec") { spec in
          spec["selector"] = ["matchLabels": ["batch.kubernetes.io/controller-uid": .string(uid)]]
        }
        for (key, value) in [
          ("batch.kubernetes.io/controller-uid", uid), ("batch.kubernetes.io/job-name", object.name),
          ("controller-uid", uid), ("job-name", object.name),
        ] {
          object.set(.string(value), at: "spec", "template", "metadata", "labels", key)
        }
      }
      object.set([:], at: "status")
    case "deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps":
      object.set(type.kind == "Deployment" ? [:] : type.kind == "DaemonSet" ? [:] : ["replicas": 0], at: "status")
    case "customresourcedefinitions.apiextensions.k8s.io": object.set([:], at: "status")
    default: break
    }
  }

  /// What an update may leave out and keeps. Kubernetes: `PrepareForUpdate`, `patchAllocatedValues`.
  mutating func carryOver(_ object: inout Value, _ live: Value, _ type: ResourceType) {
    switch type.resource {
    case "services":
      let wasExternal = live.at("spec", "type")?.string == "ExternalName"
      if !wasExternal {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]
        where object.at("spec", field) == nil || object.at("spec", field) == "" {
          object.set(live.at("spec", field), at: "spec", field)
        }
      }
      let old = live.at("spec", "ports")?.array ?? []
      if object.at("spec", "type")?.string == live.at("spec", "type")?.string {
        object.update("spec") { spec in
          spec.updateItems("ports") { port in
            let match = old.first { $0["port"] == port["port"] && $0["protocol"] == port["protocol"] }
            if port["nodePort"] == nil, let node = match?["nodePort"] { port["nodePort"] = node }
          }
        }
      }
      allocateAddress(&object)
    case "namespaces": object.set(live["spec"], at: "spec")
    case "persistentvolumeclaims":
      for field in ["storageClassName", "volumeName"] where object.at("spec", field) == nil {
        object.set(live.at("spec", field), at: "spec", field)
      }
    case "pods":
      for field in ["nodeName", "serviceAccountName", "serviceAccount", "tolerations", "priority", "preemptionPolicy"]
      where object.at("spec", field) == nil {
        object.set(live.at("spec", field), at: "spec", field)
      }
    case "jobs.batch":
      if object.at("spec", "selector") == nil {
        object.set(live.at("spec", "selector"), at: "spec", "selector")
        for (key, value) in strings(live.at("spec", "template", "metadata", "labels"))
        where object.at("spec", "template", "metadata", "labels", key) == nil {
          object.set(.string(value), at: "spec", "template", "metadata", "labels", key)
        }
      }
    default: break
    }
  }

  private mutating func allocateAddress(_ object: inout Value) {
    let kind = object.at("spec", "type")?.string ?? "ClusterIP"
    guard kind != "ExternalName" else { return }
    var address = object.at("spec", "clusterIP")?.string ?? ""
    if address.isEmpty { address = makeServiceAddress() }
    let needsNodePorts =
      kind == "NodePort"
      || kind == "LoadBalancer" && object.at("spec", "allocateLoadBalancerNodePorts")?.bool != false
    var nodePorts = usedNodePorts()
    object.update("spec") { spec in
      spec["clusterIP"] = .string(address)
      spec["clusterIPs"] = [.string(address)]
      spec.setDefault("ipFamilies", ["IPv4"])
      spec.setDefault("ipFamilyPolicy", "SingleStack")
      guard needsNodePorts else {
        spec.updateItems("ports") { $0["nodePort"] = nil }
        return
      }
      spec.updateItems("ports") { port in
        if port["nodePort"] == nil || port["nodePort"] == 0 {
          var next = 30_000
          while nodePorts.contains(next), next < 32_767 { next += 1 }
          nodePorts.insert(next)
          port["nodePort"] = .int(next)
        }
      }
    }
  }

  private func usedNodePorts() -> Set<Int> {
    var used: Set<Int> = []
    for service in all("services") {
      for port in service.at("spec", "ports")?.array ?? [] {
        if let number = port["nodePort"]?.int { used.insert(number) }
      }
    }
    return used
  }

  var defaultStorageClass: String? {
    all("storageclasses.storage.k8s.io").last {
      $0.annotations["storageclass.kubernetes.io/is-default-class"] == "true"
    }?.name
  }
}

/// Kubernetes: `qos.GetPodQOS`.
private func qualityOfService(_ pod: Value) -> String {
  let containers = pod.at("spec", "containers")?.array ?? []
  let resources = containers.map { $0["resources"] ?? .null }
  if resources.allSatisfy({ $0["requests"]?.fields?.isEmpty ?? true && $0["limits"]?.fields?.isEmpty ?? true }) {
    return "BestEffort"
  }
  let isGuaranteed = resources.allSatisfy {
    $0["limits"]?["cpu"] != nil && $0["limits"]?["memory"] != nil && $0["limits"] == $0["requests"]
  }
  return isGuaranteed ? "Guaranteed" : "Burstable"
}
