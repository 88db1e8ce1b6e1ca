internal import KubernetesModel

extension Registry {
  private static let podBaseline: Value = ["metadata": [:], "spec": [:], "status": [:]]
  /// The finalizer is put in after ownership is noted: nobody owns it.
  private static let namespaceBaseline: Value = [
    "metadata": [:], "spec": ["finalizers": ["kubernetes"]], "status": [:],
  ]
  private static let templateBaseline: Value = [
    "metadata": [:],
    "spec": ["strategy": [:], "updateStrategy": [:], "template": ["metadata": [:], "spec": [:]]],
    "status": [:],
  ]
  private static let specBaseline: Value = ["metadata": [:], "spec": [:], "status": ["loadBalancer": [:]]]

  /// The kinds that a release touches, and those that kubectl asks for on the way. Kubernetes 1.32.
  package static let builtIn: [ResourceType] =
    core + apps + others
    + istio(
      "networking.istio.io", ["v1", "v1beta1", "v1alpha3"],
      [
        ("gateways", "Gateway", ["gw"]), ("virtualservices", "VirtualService", ["vs"]),
        ("destinationrules", "DestinationRule", ["dr"]), ("serviceentries", "ServiceEntry", ["se"]),
        ("sidecars", "Sidecar", []), ("workloadentries", "WorkloadEntry", ["we"]),
        ("workloadgroups", "WorkloadGroup", ["wg"]),
      ])
    + istio("networking.istio.io", ["v1alpha3"], [("envoyfilters", "EnvoyFilter", [])])
    + istio(
      "security.istio.io", ["v1", "v1beta1"],
      [
        ("peerauthentications", "PeerAuthentication", ["pa"]),
        ("authorizationpolicies", "AuthorizationPolicy", ["ap"]),
        ("requestauthentications", "RequestAuthentication", ["ra"]),
      ])
    + istio("telemetry.istio.io", ["v1", "v1alpha1"], [("telemetries", "Telemetry", ["telemetry"])])

  private static let core: [ResourceType] = [
    ResourceType(
      group: "", versions: ["v1"], plural: "namespaces", kind: "Namespace", scope: .cluster, shortNames: ["ns"],
      traits: .status, schema: .namespace, baseline: namespaceBaseline, selectableFields: ["status.phase"]),
    ResourceType(
      group: "", versions: ["v1"], plural: "pods", kind: "Pod", scope: .namespaced, shortNames: ["po"],
      categories: ["all"], traits: [.status, .log], schema: .pod, baseline: podBaseline,
      selectableFields: ["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "status.phase", "status.podIP"]),
    ResourceType(
      group: "", versions: ["v1"], plural: "services", kind: "Service", scope: .namespaced, shortNames: ["svc"],
      categories: ["all"], traits: [.status, .proxy], schema: .service, baseline: specBaseline,
      selectableFields: ["spec.clusterIP", "spec.type"]),
    ResourceType(
      group: "", versions: ["v1"], plural: "endpoints", kind: "Endpoints", scope: .namespaced, shortNames: ["ep"],
      schema: .structure(["metadata": Schema.objectMeta, "subsets": .atomic]), singularName: "endpoints"),
    ResourceType(
      group: "", versions: ["v1"], plural: "events", kind: "Event", scope: .namespaced, shortNames: ["ev"],
      selectableFields: [
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.fieldPath", "involvedObject.resourceVersion", "reason", "type",
        "source", "reportingComponent",
      ]),
    ResourceType(
      group: "", versions: ["v1"], plural: "configmaps", kind: "ConfigMap", scope: .namespaced, shortNames: ["cm"],
      schema: .keyValue),
    ResourceType(
      group: "", versions: ["v1"], plural: "secrets", kind: "Secret", scope: .namespaced, schema: .keyValue,
      selectableFields: ["type"]),
    ResourceType(
      group: "", versions: ["v1"], plural: "serviceaccounts", kind: "ServiceAccount", scope: .namespaced,
      shortNames: ["sa"], schema: .serviceAccount),
    ResourceType(
      group: "", versions: ["v1"], plural: "persistentvolumeclaims", kind: "PersistentVolumeClaim", scope: .namespaced,
      shortNames: ["pvc"], traits: .status, schema: .claim,
      baseline: ["metadata": [:], "spec": ["resources": [:]], "status": [:]]),
    ResourceType(
      group: "", versions: ["v1"], plural: "persistentvolumes", kind: "PersistentVolume", scope: .cluster,
      shortNames: ["pv"], traits: .status, baseline: podBaseline),
    ResourceType(
      group: "", versions: ["v1"], plural: "nodes", kind: "Node", scope: .cluster, shortNames: ["no"], traits: .status,
      baseline: podBaseline),
  ]

  private static let apps: [ResourceType] = [
    ResourceType(
      group: "apps", versions: ["v1"], plural: "deployments", kind: "Deployment", scope: .namespaced,
      shortNames: ["deploy"], categories: ["all"], traits: [.status, .generation, .scale], schema: .workload,
      baseline: templateBaseline),
    ResourceType(
      group: "apps", versions: ["v1"], plural: "replicasets", kind: "ReplicaSet", scope: .namespaced,
      shortNames: ["rs"], categories: ["all"], traits: [.status, .generation, .scale], schema: .workload,
      baseline: templateBaseline, selectableFields: ["status.replicas"]),
    ResourceType(
      group: "apps", versions: ["v1"], plural: "statefulsets", kind: "StatefulSet", scope: .namespaced,
      shortNames: ["sts"], categories: ["all"], traits: [.status, .generation, .scale], schema: .workload,
      baseline: templateBaseline),
    ResourceType(
      group: "apps", versions: ["v1"], plural: "daemonsets", kind: "DaemonSet", scope: .namespaced,
      shortNames: ["ds"], categories: ["all"], traits: [.status, .generation], schema: .workload,
      baseline: templateBaseline),
  ]

  private static let others: [ResourceType] = [
    ResourceType(
      group: "batch", versions: ["v1"], plural: "jobs", kind: "Job", scope: .namespaced, categories: ["all"],
      traits: [.status, .generation], schema: .workload, baseline: templateBaseline,
      selectableFields: ["status.successful"]),
    ResourceType(
      group: "discovery.k8s.io", versions: ["v1"], plural: "endpointslices", kind: "EndpointSlice", scope: .namespaced,
      traits: .generation, schema: .structure(["metadata": Schema.objectMeta, "endpoints": .atomic, "ports": .atomic])),
    ResourceType(
      group: "coordination.k8s.io", versions: ["v1"], plural: "leases", kind: "Lease", scope: .namespaced,
      baseline: ["metadata": [:], "spec": [:]]),
    ResourceType(
      group: "events.k8s.io", versions: ["v1"], plural: "events", kind: "Event", scope: .namespaced,
      shortNames: ["ev"]),
    ResourceType(
      group: "storage.k8s.io", versions: ["v1"], plural: "storageclasses", kind: "StorageClass", scope: .cluster,
      shortNames: ["sc"],
      schema: .structure(["metadata": Schema.objectMeta, "parameters": .map, "allowedTopologies": .atomic])),
    rbac("clusterroles", "ClusterRole", .cluster), rbac("clusterrolebindings", "ClusterRoleBinding", .cluster),
    rbac("roles", "Role", .namespaced), rbac("rolebindings", "RoleBinding", .namespaced),
    ResourceType(
      group: "authorization.k8s.io", versions: ["v1"], plural: "selfsubjectaccessreviews",
      kind: "SelfSubjectAccessReview", scope: .cluster, traits: .review),
    ResourceType(
      group: "authorization.k8s.io", versions: ["v1"], plural: "selfsubjectrulesreviews",
      kind: "SelfSubjectRulesReview", scope: .cluster, traits: .review),
    ResourceType(
      group: "apiextensions.k8s.io", versions: ["v1"], plural: "customresourcedefinitions",
      kind: "CustomResourceDefinition", scope: .cluster, shortNames: ["crd", "crds"], categories: ["api-extensions"],
      traits: [.status, .generation], schema: .structure(["metadata": Schema.objectMeta]),
      baseline: ["metadata": [:], "spec": ["names": [:]], "status": [:]]),
  ]

  private static func rbac(_ plural: String, _ kind: String, _ scope: ResourceType.Scope) -> ResourceType {
    ResourceType(
      group: "rbac.authorization.k8s.io", versions: ["v1"], plural: plural, kind: kind, scope: scope,
      schema: .structure(["metadata": Schema.objectMeta, "rules": .atomic, "subjects": .atomic, "roleRef": .atomic]),
      baseline: ["metadata": [:], "roleRef": [:]])
  }

  private static func istio(
    _ group: String, _ versions: [String], _ kinds: [(String, String, [String])]
  ) -> [ResourceType] {
    kinds.map { plural, kind, shortNames in
      ResourceType(
        group: group, versions: versions, plural: plural, kind: kind, scope: .namespaced, shortNames: shortNames,
        categories: ["istio-io", group.hasPrefix("net") ? "networking-istio-io" : "security-istio-io"],
        traits: [.status, .generation, .custom],
        schema: .structure([
          "metadata": Schema.objectMeta,
          "spec": .structure(["selector": kind == "Gateway" ? .map : .structure(["matchLabels": .map])]),
          "status": .structure(["conditions": .atomic]),
        ]),
        columns: istioColumns[kind] ?? [])
    }
  }

  private static let age: Value = ["name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"]
  private static let istioColumns: [String: [Value]] = [
    "Gateway": [],
    "VirtualService": [
      ["name": "Gateways", "type": "string", "jsonPath": ".spec.gateways"],
      ["name": "Hosts", "type": "string", "jsonPath": ".spec.hosts"], age,
    ],
    "DestinationRule": [["name": "Host", "type": "string", "jsonPath": ".spec.host"], age],
    "PeerAuthentication": [["name": "Mode", "type": "string", "jsonPath": ".spec.mtls.mode"], age],
  ]
}
