internal import KubernetesModel

/// Merge rules of the built-in kinds, as Kubernetes 1.32 publishes them in `/openapi/v2`.
extension Schema {
  static let objectMeta: Schema = .structure([
    "annotations": .map,
    "finalizers": .set,
    "labels": .map,
    "ownerReferences": .list(by: "uid", .atomic),
  ])

  static let labelSelector: Schema = .atomic

  private static let probe: Schema = .structure(["httpGet": .structure(["httpHeaders": .atomic])])
  private static let lifecycle: Schema = .structure(["postStart": probe, "preStop": probe])
  private static let resources: Schema = .structure([
    "claims": .list(by: "name"), "limits": .map, "requests": .map,
  ])
  private static let ports = Schema.keyed(
    ["containerPort", "protocol"], patchKey: "containerPort", defaults: ["protocol": "TCP"], .leaf
  )

  private static let container: Schema = .structure([
    "env": .list(
      by: "name",
      .structure([
        "valueFrom": .structure([
          "configMapKeyRef": .atomic, "fieldRef": .atomic, "resourceFieldRef": .atomic, "secretKeyRef": .atomic,
        ])
      ])),
    "lifecycle": lifecycle,
    "livenessProbe": probe,
    "ports": ports,
    "readinessProbe": probe,
    "resources": resources,
    "startupProbe": probe,
    "volumeDevices": .list(by: "devicePath"),
    "volumeMounts": .list(by: "mountPath"),
  ])

  static let podSpec: Schema = .structure([
    "containers": .list(by: "name", container),
    "ephemeralContainers": .list(by: "name", container),
    "hostAliases": .list(by: "ip"),
    "imagePullSecrets": .list(by: "name"),
    "initContainers": .list(by: "name", container),
    "nodeSelector": .atomic,
    "overhead": .map,
    "securityContext": .structure([:]),
    "topologySpreadConstraints": .keyed(
      ["topologyKey", "whenUnsatisfiable"], patchKey: "topologyKey", defaults: [:],
      .structure(["labelSelector": .atomic])),
    "volumes": .list(
      by: "name",
      .structure([
        "configMap": .structure([:]),
        "persistentVolumeClaim": .structure([:]),
      ])),
  ])

  static let podTemplate: Schema = .structure(["metadata": objectMeta, "spec": podSpec])

  private static let conditions: Schema = .list(by: "type")
  private static let status: Schema = .structure([
    "conditions": conditions,
    "loadBalancer": .structure(["ingress": .atomic]),
    "capacity": .map,
    "podIPs": .list(by: "ip"),
  ])

  static func object(_ fields: [String: Schema]) -> Schema {
    .structure(fields.merging(["metadata": objectMeta, "status": status]) { a, _ in a })
  }

  static let pod = object(["spec": podSpec])
  static let workload = object([
    "spec": .structure([
      "selector": labelSelector, "template": podTemplate,
      "volumeClaimTemplates": .atomic,
    ])
  ])
  static let service = object([
    "spec": .structure([
      "clusterIPs": .atomic,
      "externalIPs": .atomic,
      "ipFamilies": .atomic,
      "ports": .keyed(["port", "protocol"], patchKey: "port", defaults: ["protocol": "TCP"], .leaf),
      "selector": .atomic,
    ])
  ])
  static let keyValue = object(["binaryData": .map, "data": .map, "stringData": .map])
  static let serviceAccount = object(["imagePullSecrets": .atomic, "secrets": .list(by: "name")])
  static let claim = object([
    "spec": .structure([
      "dataSource": .atomic, "dataSourceRef": .leaf, "resources": resources, "selector": labelSelector,
    ])
  ])
  static let namespace = object(["spec": .structure(["finalizers": .atomic])])
  static let plain = object([:])

  /// A custom resource without a published schema.
  static let custom: Schema = .structure(["metadata": objectMeta, "spec": .structure([:]), "status": .structure([:])])

  /// Reads the structural schema of a CustomResourceDefinition's version. Kubernetes: apiextensions
  /// `x-kubernetes-list-type`; what is not declared is atomic (lists) or granular (objects).
  static func custom(openAPI: Value?, depth: Int = 0) -> Schema {
    guard let openAPI, depth < 60 else { return .deduced }
    if openAPI["x-kubernetes-map-type"]?.string == "atomic" { return .atomic }
    if let items = openAPI["items"] {
      switch openAPI["x-kubernetes-list-type"]?.string {
      case "map":
        let keys = openAPI["x-kubernetes-list-map-keys"]?.array?.compactMap(\.string) ?? []
        var defaults: [String: Value] = [:]
        for key in keys {
          if let value = items["properties"]?[key]?["default"] { defaults[key] = value }
        }
        return .keyed(
          keys, patchKey: keys.first ?? "name", defaults: defaults, custom(openAPI: items, depth: depth + 1))
      case "set": return .set
      default: return .atomic
      }
    }
    if let properties = openAPI["properties"]?.fields {
      var fields: [String: Schema] = [:]
      for entry in properties.entries { fields[entry.key] = custom(openAPI: entry.value, depth: depth + 1) }
      if depth == 0 { fields["metadata"] = objectMeta }
      return .structure(fields)
    }
    if case .object? = openAPI["additionalProperties"] { return .map }
    if openAPI["x-kubernetes-preserve-unknown-fields"]?.bool == true { return .deduced }
    return .leaf
  }
}
