internal import KubernetesModel

/// One pod behind a service.
private struct Backend {
  var pod: Value
  var address: String
  var isReady: Bool
  var isTerminating: Bool
  var ports: [Value]
}

extension SandboxCluster {
  /// Endpoints and EndpointSlices. A port with a named `targetPort` has only the pods that declare that name.
  /// Kubernetes: `pkg/controller/{endpoint,endpointslice}`.
  mutating func reconcileService(_ key: ObjectKey) {
    guard let service = store[key], !service.isDeleting else { return }
    if service.at("spec", "type")?.string == "LoadBalancer" {
      if (service.at("status", "loadBalancer", "ingress")?.array ?? []).isEmpty {
        schedule(.loadBalancer(key, uid: service.uid), after: timing.loadBalancerDelay)
      }
    }
    let selector = strings(service.at("spec", "selector"))
    guard !selector.isEmpty, service.at("spec", "type")?.string != "ExternalName" else { return }
    let backends = backends(of: service, selector)
    writeEndpoints(service, backends)
    writeSlices(service, backends)
  }

  private func backends(of service: Value, _ selector: [String: String]) -> [Backend] {
    let publishes = service.at("spec", "publishNotReadyAddresses")?.bool == true
    return store.all("pods", namespace: service.namespace).compactMap { pod -> Backend? in
      guard LabelSelector(labels: selector).matches(pod.labels), let address = pod.at("status", "podIP")?.string,
        !["Succeeded", "Failed"].contains(pod.at("status", "phase")?.string ?? "")
      else { return nil }
      let ports = (service.at("spec", "ports")?.array ?? []).compactMap { port -> Value? in
        guard let number = targetPort(port, pod) else { return nil }
        var result = Fields()
        if let name = port["name"] { result["name"] = name }
        result["port"] = .int(number)
        result["protocol"] = port["protocol"] ?? "TCP"
        result["appProtocol"] = port["appProtocol"]
        return .object(result)
      }
      return Backend(
        pod: pod, address: address, isReady: publishes || isReady(pod) && !pod.isDeleting,
        isTerminating: pod.isDeleting, ports: ports)
    }
  }

  private func targetPort(_ port: Value, _ pod: Value) -> Int? {
    guard let name = port["targetPort"]?.string else { return port["targetPort"]?.int ?? port["port"]?.int }
    for container in pod.at("spec", "containers")?.array ?? [] {
      for candidate in container["ports"]?.array ?? []
      where candidate["name"]?.string == name
        && (candidate["protocol"]?.string ?? "TCP") == (port["protocol"]?.string ?? "TCP")
      {
        return candidate["containerPort"]?.int
      }
    }
    return nil
  }

  private func reference(_ pod: Value) -> Value {
    [
      "kind": "Pod", "name": .string(pod.name), "namespace": .string(pod.namespace), "uid": .string(pod.uid),
    ]
  }

  private mutating func writeEndpoints(_ service: Value, _ backends: [Backend]) {
    var groups: [(ports: [Value], ready: [Value], notReady: [Value])] = []
    for backend in backends where !backend.isTerminating && !backend.ports.isEmpty {
      let address: Value = [
        "ip": .string(backend.address), "nodeName": .string(SandboxCluster.nodeName),
        "targetRef": reference(backend.pod),
      ]
      var index = groups.firstIndex { $0.ports == backend.ports }
      if index == nil {
        groups.append((backend.ports, [], []))
        index = groups.count - 1
      }
      if let index {
        if backend.isReady { groups[index].ready.append(address) } else { groups[index].notReady.append(address) }
      }
    }
    let subsets: [Value] = groups.map { group in
      var subset = Fields()
      if !group.ready.isEmpty { subset["addresses"] = .array(group.ready) }
      if !group.notReady.isEmpty { subset["notReadyAddresses"] = .array(group.notReady) }
      subset["ports"] = .array(group.ports)
      return .object(subset)
    }
    let key = ObjectKey("endpoints", service.namespace, service.name)
    guard var endpoints = store[key] else {
      var object: Value = [
        "kind": "Endpoints", "apiVersion": "v1", "metadata": ["name": .string(service.name)],
      ]
      object.set(service.at("metadata", "labels"), at: "metadata", "labels")
      if !subsets.isEmpty { object.set(.array(subsets), at: "subsets") }
      make("endpoints", service.namespace, object, by: "kube-controller-manager")
      // Kubernetes has no owner here; ours goes with its service all the same.
      if var made = store[key] {
        made.updateMetadata { $0["ownerReferences"] = [owner(service)] }
        server.store.put(made, at: key)
      }
      return
    }
    endpoints.set(subsets.isEmpty ? nil : .array(subsets), at: "subsets")
    write(endpoints, key, by: "kube-controller-manager")
  }

  private static let sliceController = "endpointslice-controller.k8s.io"

  private mutating func writeSlices(_ service: Value, _ backends: [Backend]) {
    var wanted: [(ports: [Value], endpoints: [Value])] = []
    for backend in backends {
      let endpoint: Value = [
        "addresses": [.string(backend.address)],
        "conditions": [
          "ready": .bool(backend.isReady), "serving": .bool(isReady(backend.pod)),
          "terminating": .bool(backend.isTerminating),
        ],
        "nodeName": .string(SandboxCluster.nodeName), "targetRef": reference(backend.pod),
      ]
      if let i = wanted.firstIndex(where: { $0.ports == backend.ports }) {
        wanted[i].endpoints.append(endpoint)
      } else {
        wanted.append((backend.ports, [endpoint]))
      }
    }
    if wanted.isEmpty { wanted = [([], [])] }
    // A slice that somebody else keeps for the service is left alone.
    var existing = store.all("endpointslices.discovery.k8s.io", namespace: service.namespace).filter {
      $0.labels["kubernetes.io/service-name"] == service.name
        && $0.labels["endpointslice.kubernetes.io/managed-by"] == Self.sliceController
    }
    for (unnamed, endpoints) in wanted {
      // A slice's port always has a name, if an empty one: kubectl relies on it.
      let ports = unnamed.map { port in
        var port = port
        if port["name"] == nil { port.set("", at: "name") }
        return port
      }
      if let i = existing.firstIndex(where: { ($0["ports"]?.array ?? []) == ports }) ?? existing.indices.first {
        var slice = existing.remove(at: i)
        slice.set(.array(endpoints), at: "endpoints")
        slice.set(.array(ports), at: "ports")
        let key = ObjectKey("endpointslices.discovery.k8s.io", service.namespace, slice.name)
        if let old = store[key], old["endpoints"] != slice["endpoints"] || old["ports"] != slice["ports"] {
          slice.set(.int(old.generation + 1), at: "metadata", "generation")
          write(slice, key, by: "kube-controller-manager")
        }
        continue
      }
      make(
        "endpointslices.discovery.k8s.io", service.namespace,
        [
          "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
          "metadata": [
            "generateName": .string(service.name + "-"),
            "labels": .object(
              Fields(
                service.labels.sorted { $0.key < $1.key }.map { Fields.Entry(key: $0.key, value: .string($0.value)) }
                  + [
                    Fields.Entry(
                      key: "endpointslice.kubernetes.io/managed-by", value: .string(Self.sliceController)),
                    Fields.Entry(key: "kubernetes.io/service-name", value: .string(service.name)),
                  ])),
            "ownerReferences": [owner(service)],
          ],
          "addressType": "IPv4", "endpoints": .array(endpoints), "ports": .array(ports),
        ], by: "kube-controller-manager")
    }
    for slice in existing { erase(ObjectKey("endpointslices.discovery.k8s.io", service.namespace, slice.name)) }
  }

  mutating func giveLoadBalancer(_ key: ObjectKey, _ uid: String) {
    guard var service = store[key], service.uid == uid, service.at("spec", "type")?.string == "LoadBalancer",
      (service.at("status", "loadBalancer", "ingress")?.array ?? []).isEmpty
    else { return }
    let address = "203.0.113.\(nextLoadBalancer % 250 + 1)"
    nextLoadBalancer += 1
    service.set(
      ["ingress": [["ip": .string(address), "ipMode": "VIP"]]], at: "status", "loadBalancer")
    write(service, key, by: "cloud-controller-manager", subresource: "status")
  }

  // MARK: - Volumes

  /// Binds a claim, at once or when a pod was placed, and lets a deleted one go when no pod uses it. Kubernetes:
  /// `pkg/controller/volume/{persistentvolume,pvcprotection}`.
  mutating func reconcileClaim(_ key: ObjectKey) {
    guard var claim = store[key] else { return }
    if claim.isDeleting {
      let isUsed = store.all("pods", namespace: key.namespace).contains { claims(of: $0).contains(key.name) }
      if !isUsed, claim.finalizers.contains("kubernetes.io/pvc-protection") {
        let kept = claim.finalizers.filter { $0 != "kubernetes.io/pvc-protection" }
        claim.updateMetadata { $0["finalizers"] = kept.isEmpty ? nil : .array(kept.map(Value.string)) }
        let volume = claim.at("spec", "volumeName")?.string
        write(claim, key, by: "kube-controller-manager")
        if let volume, store[key] == nil { server.store.remove(ObjectKey("persistentvolumes", "", volume)) }
      }
      return
    }
    guard claim.at("status", "phase")?.string == "Pending" else { return }
    let name = claim.at("spec", "storageClassName")?.string ?? ""
    guard let storage = store.object("storageclasses.storage.k8s.io", "", name) else { return }
    if storage["volumeBindingMode"]?.string == "WaitForFirstConsumer",
      claim.annotations["volume.kubernetes.io/selected-node"] == nil
    {
      tell(
        claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding",
        by: "persistentvolume-controller")
      return
    }
    schedule(.bind(key, uid: claim.uid), after: timing.volumeDelay)
  }

  mutating func bindClaim(_ key: ObjectKey, _ uid: String) {
    guard var claim = store[key], claim.uid == uid, claim.at("status", "phase")?.string == "Pending" else { return }
    let volume = "pvc-" + uid
    let capacity = claim.at("spec", "resources", "requests", "storage") ?? "1Gi"
    let modes = claim.at("spec", "accessModes") ?? ["ReadWriteOnce"]
    make(
      "persistentvolumes", "",
      [
        "kind": "PersistentVolume", "apiVersion": "v1", "metadata": ["name": .string(volume)],
        "spec": [
          "accessModes": modes, "capacity": ["storage": capacity], "persistentVolumeReclaimPolicy": "Delete",
          "storageClassName": claim.at("spec", "storageClassName") ?? "",
          "claimRef": [
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": .string(key.namespace),
            "name": .string(key.name), "uid": .string(uid),
          ],
          "hostPath": ["path": .string("/var/lib/volumes/" + volume)],
        ],
      ], by: "kube-controller-manager")
    let volumeKey = ObjectKey("persistentvolumes", "", volume)
    if var object = store[volumeKey] {
      object.set(["phase": "Bound"], at: "status")
      write(object, volumeKey, by: "kube-controller-manager", subresource: "status")
    }
    claim.set(.string(volume), at: "spec", "volumeName")
    claim.updateMetadata {
      $0.update("annotations") {
        $0["pv.kubernetes.io/bind-completed"] = "yes"
        $0["pv.kubernetes.io/bound-by-controller"] = "yes"
      }
    }
    claim.set(
      ["phase": "Bound", "accessModes": modes, "capacity": ["storage": capacity]], at: "status")
    write(claim, key, by: "kube-controller-manager")
    for runtime in pods.values where runtime.key.namespace == key.namespace {
      guard let pod = store[runtime.key], claims(of: pod).contains(key.name),
        (pod.at("spec", "nodeName")?.string ?? "").isEmpty
      else { continue }
      schedule(.pod(runtime.key, uid: pod.uid, .schedule), after: 10)
    }
  }
}
