internal import KubernetesModel

private struct Column: Sendable {
  var name: String
  var type: String
  /// 0 is always shown; 1 only with `-o wide`.
  var priority = 0
  var cell: @Sendable (Value, Timestamp) -> Value
}

/// A `Table` as the API server prints it for `kubectl get`. Kubernetes: `pkg/printers/internalversion`.
func table(_ items: [Value], _ type: ResourceType, metadata: Fields, at now: Timestamp, include: String) -> Value {
  let columns = columns(of: type)
  let definitions: [Value] = columns.map { column in
    [
      "name": .string(column.name), "type": .string(column.type), "format": column.name == "Name" ? "name" : "",
      "description": .string(column.name), "priority": .int(column.priority),
    ]
  }
  let rows: [Value] = items.map { object in
    var row: Fields = ["cells": .array(columns.map { $0.cell(object, now) })]
    switch include {
    case "None": break
    case "Object": row["object"] = object
    default:
      row["object"] = [
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.metadata,
      ]
    }
    return .object(row)
  }
  return [
    "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": .object(metadata),
    "columnDefinitions": .array(definitions), "rows": .array(rows),
  ]
}

private let nameColumn = Column(name: "Name", type: "string") { object, _ in .string(object.name) }
private let ageColumn = Column(name: "Age", type: "string") { object, now in
  .string(age(object.at("metadata", "creationTimestamp")?.string, now))
}

private func age(_ text: String?, _ now: Timestamp) -> String {
  text.flatMap { Timestamp(rfc3339: $0) }?.age(at: now) ?? "<unknown>"
}

private func number(_ name: String, _ path: String...) -> Column {
  Column(name: name, type: "integer") { object, _ in
    var value: Value? = object
    for key in path { value = value?[key] }
    return .int(value?.int ?? 0)
  }
}

private func text(_ name: String, priority: Int = 0, _ make: @escaping @Sendable (Value) -> String) -> Column {
  Column(name: name, type: "string", priority: priority) { object, _ in .string(make(object)) }
}

private func containers(_ object: Value) -> [Value] {
  (object.at("spec", "template", "spec", "containers") ?? object.at("spec", "containers"))?.array ?? []
}

private let containerColumns = [
  text("Containers", priority: 1) { containers($0).compactMap { $0["name"]?.string }.joined(separator: ",") },
  text("Images", priority: 1) { containers($0).compactMap { $0["image"]?.string }.joined(separator: ",") },
  text("Selector", priority: 1) { selectorText($0.at("spec", "selector", "matchLabels")) },
]

private func selectorText(_ labels: Value?) -> String {
  let pairs = strings(labels).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
  return pairs.isEmpty ? "<none>" : pairs.joined(separator: ",")
}

private func ratio(_ object: Value) -> String {
  "\(object.at("status", "readyReplicas")?.int ?? 0)/\(object.at("spec", "replicas")?.int ?? 1)"
}

private func columns(of type: ResourceType) -> [Column] {
  switch type.resource {
  case "deployments.apps":
    return [
      nameColumn, text("Ready", ratio), number("Up-to-date", "status", "updatedReplicas"),
      number("Available", "status", "availableReplicas"), ageColumn,
    ] + containerColumns
  case "replicasets.apps":
    return [
      nameColumn, number("Desired", "spec", "replicas"), number("Current", "status", "replicas"),
      number("Ready", "status", "readyReplicas"), ageColumn,
    ] + containerColumns
  case "statefulsets.apps": return [nameColumn, text("Ready", ratio), ageColumn] + Array(containerColumns.prefix(2))
  case "daemonsets.apps":
    return [
      nameColumn, number("Desired", "status", "desiredNumberScheduled"),
      number("Current", "status", "currentNumberScheduled"), number("Ready", "status", "numberReady"),
      number("Up-to-date", "status", "updatedNumberScheduled"), number("Available", "status", "numberAvailable"),
      text("Node Selector") { selectorText($0.at("spec", "template", "spec", "nodeSelector")) }, ageColumn,
    ] + containerColumns
  case "pods":
    return [
      nameColumn,
      text("Ready") { pod in
        let statuses = pod.at("status", "containerStatuses")?.array ?? []
        return "\(statuses.filter { $0["ready"] == true }.count)/\(containers(pod).count)"
      },
      text("Status", podStatus),
      text("Restarts") { pod in
        String((pod.at("status", "containerStatuses")?.array ?? []).reduce(0) { $0 + ($1["restartCount"]?.int ?? 0) })
      },
      ageColumn,
      text("IP", priority: 1) { $0.at("status", "podIP")?.string ?? "<none>" },
      text("Node", priority: 1) { $0.at("spec", "nodeName")?.string ?? "<none>" },
      text("Nominated Node", priority: 1) { _ in "<none>" },
      text("Readiness Gates", priority: 1) { _ in "<none>" },
    ]
  case "services":
    return [
      nameColumn, text("Type") { $0.at("spec", "type")?.string ?? "" },
      text("Cluster-IP") { $0.at("spec", "clusterIP")?.string ?? "<none>" },
      text("External-IP") { service in
        let ingress = service.at("status", "loadBalancer", "ingress")?.array ?? []
        let addresses = ingress.compactMap { ($0["ip"] ?? $0["hostname"])?.string }
        if !addresses.isEmpty { return addresses.joined(separator: ",") }
        return service.at("spec", "type")?.string == "LoadBalancer" ? "<pending>" : "<none>"
      },
      text("Port(s)") { service in
        (service.at("spec", "ports")?.array ?? []).map { port in
          let node = port["nodePort"]?.int.map { ":\($0)" } ?? ""
          return "\(port["port"]?.int ?? 0)\(node)/\(port["protocol"]?.string ?? "TCP")"
        }.joined(separator: ",")
      },
      ageColumn, text("Selector", priority: 1) { selectorText($0.at("spec", "selector")) },
    ]
  case "namespaces": return [nameColumn, text("Status") { $0.at("status", "phase")?.string ?? "" }, ageColumn]
  case "configmaps":
    return [
      nameColumn,
      Column(name: "Data", type: "string") { object, _ in
        .string(String((object["data"]?.fields?.count ?? 0) + (object["binaryData"]?.fields?.count ?? 0)))
      }, ageColumn,
    ]
  case "secrets":
    return [
      nameColumn, text("Type") { $0["type"]?.string ?? "" },
      Column(name: "Data", type: "integer") { object, _ in .int(object["data"]?.fields?.count ?? 0) }, ageColumn,
    ]
  case "serviceaccounts":
    return [
      nameColumn, Column(name: "Secrets", type: "string") { object, _ in .int(object["secrets"]?.array?.count ?? 0) },
      ageColumn,
    ]
  case "persistentvolumeclaims":
    return [
      nameColumn,
      text("Status") { $0.isDeleting ? "Terminating" : $0.at("status", "phase")?.string ?? "" },
      text("Volume") { $0.at("spec", "volumeName")?.string ?? "" },
      text("Capacity") { $0.at("status", "capacity", "storage")?.string ?? "" },
      text("Access Modes") { accessModes($0.at("status", "accessModes")) },
      text("StorageClass") { $0.at("spec", "storageClassName")?.string ?? "" },
      text("VolumeAttributesClass") { _ in "<unset>" }, ageColumn,
    ]
  case "persistentvolumes":
    return [
      nameColumn, text("Capacity") { $0.at("spec", "capacity", "storage")?.string ?? "" },
      text("Access Modes") { accessModes($0.at("spec", "accessModes")) },
      text("Reclaim Policy") { $0.at("spec", "persistentVolumeReclaimPolicy")?.string ?? "" },
      text("Status") { $0.at("status", "phase")?.string ?? "" },
      text("Claim") { volume in
        guard let claim = volume.at("spec", "claimRef") else { return "" }
        return (claim["namespace"]?.string ?? "") + "/" + (claim["name"]?.string ?? "")
      },
      text("StorageClass") { $0.at("spec", "storageClassName")?.string ?? "" }, ageColumn,
    ]
  case "nodes":
    return [
      nameColumn, text("Status") { _ in "Ready" }, text("Roles") { _ in "<none>" }, ageColumn,
      text("Version") { $0.at("status", "nodeInfo", "kubeletVersion")?.string ?? "" },
    ]
  case "endpoints":
    return [
      nameColumn,
      text("Endpoints") { endpoints in
        let all = (endpoints["subsets"]?.array ?? []).flatMap { subset in
          (subset["addresses"]?.array ?? []).flatMap { address in
            (subset["ports"]?.array ?? []).map { "\(address["ip"]?.string ?? ""):\($0["port"]?.int ?? 0)" }
          }
        }
        if all.isEmpty { return "<none>" }
        return all.prefix(3).joined(separator: ",") + (all.count > 3 ? " + \(all.count - 3) more..." : "")
      }, ageColumn,
    ]
  case "events", "events.events.k8s.io":
    return [
      Column(name: "Last Seen", type: "string") { object, now in .string(age(object["lastTimestamp"]?.string, now)) },
      text("Type") { $0["type"]?.string ?? "" }, text("Reason") { $0["reason"]?.string ?? "" },
      text("Object") { event in
        let object = event["involvedObject"] ?? event["regarding"]
        return (object?["kind"]?.string ?? "").lowercased() + "/" + (object?["name"]?.string ?? "")
      },
      text("Message") { ($0["message"] ?? $0["note"])?.string ?? "" },
    ]
  case "jobs.batch":
    return [
      nameColumn,
      text("Status") { job in
        let conditions = job.at("status", "conditions")?.array ?? []
        return conditions.first { $0["status"] == "True" }?["type"]?.string ?? "Running"
      },
      text("Completions") {
        "\($0.at("status", "succeeded")?.int ?? 0)/\($0.at("spec", "completions")?.int ?? 1)"
      },
      text("Duration") { _ in "" }, ageColumn,
    ]
  case "leases.coordination.k8s.io":
    return [nameColumn, text("Holder") { $0.at("spec", "holderIdentity")?.string ?? "" }, ageColumn]
  case "storageclasses.storage.k8s.io":
    return [
      Column(name: "Name", type: "string") { object, _ in
        let isDefault = object.annotations["storageclass.kubernetes.io/is-default-class"] == "true"
        return .string(object.name + (isDefault ? " (default)" : ""))
      },
      text("Provisioner") { $0["provisioner"]?.string ?? "" },
      text("ReclaimPolicy") { $0["reclaimPolicy"]?.string ?? "" },
      text("VolumeBindingMode") { $0["volumeBindingMode"]?.string ?? "" },
      Column(name: "AllowVolumeExpansion", type: "string") { object, _ in
        .bool(object["allowVolumeExpansion"]?.bool ?? false)
      }, ageColumn,
    ]
  case "customresourcedefinitions.apiextensions.k8s.io":
    return [nameColumn, text("Created At") { $0.at("metadata", "creationTimestamp")?.string ?? "" }]
  default: break
  }
  let custom = type.columns.filter { $0["name"] != "Age" }.map { column in
    let path = (column["jsonPath"]?.string ?? "").split(separator: ".").map(String.init)
    return Column(
      name: column["name"]?.string ?? "", type: column["type"]?.string ?? "string",
      priority: column["priority"]?.int ?? 0
    ) { object, _ in
      var value: Value? = object
      for key in path { value = value?[key] }
      switch value {
      case .array, .object: return .string(value.map(compactJSON) ?? "")
      case nil: return .null
      case let value?: return value
      }
    }
  }
  return [nameColumn] + custom + [ageColumn]
}

private func accessModes(_ modes: Value?) -> String {
  let short = ["ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"]
  return (modes?.array ?? []).compactMap { $0.string.flatMap { short[$0] } }.joined(separator: ",")
}

/// The word that `kubectl get pods` shows: a reason before a phase.
private func podStatus(_ pod: Value) -> String {
  if pod.isDeleting { return "Terminating" }
  for status in pod.at("status", "containerStatuses")?.array ?? [] {
    if let reason = (status.at("state", "waiting", "reason") ?? status.at("state", "terminated", "reason"))?.string {
      return reason
    }
  }
  return pod.at("status", "reason")?.string ?? pod.at("status", "phase")?.string ?? "Unknown"
}
