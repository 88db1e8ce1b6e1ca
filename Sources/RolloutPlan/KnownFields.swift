internal import Diagnostics
package import KubernetesModel

/// The fields of the objects that patches are about, as far as a patch usually goes: what is not among them is most likely a
/// slip, and would be refused by the server, or dropped without a word by an older one.
///
/// From the API of Kubernetes 1.33 (`apps/v1` Deployment, `v1` Service, `v1` PodSpec, Container) and of Istio 1.27
/// (`networking.istio.io/v1`). What is missing here is a lint, and no error: later versions have more.
enum KnownFields {
  /// By kind and path; `[]` stands for the elements of a list.
  private static let fields: [String: [String: Set<String>]] = [
    "Deployment": [
      "spec": [
        "minReadySeconds", "paused", "progressDeadlineSeconds", "replicas", "revisionHistoryLimit", "selector",
        "strategy", "template",
      ],
      "spec.strategy": ["rollingUpdate", "type"],
      "spec.strategy.rollingUpdate": ["maxSurge", "maxUnavailable"],
      "spec.template": ["metadata", "spec"],
      "spec.template.spec": [
        "activeDeadlineSeconds", "affinity", "automountServiceAccountToken", "containers", "dnsConfig", "dnsPolicy",
        "enableServiceLinks", "ephemeralContainers", "hostAliases", "hostIPC", "hostNetwork", "hostPID", "hostUsers",
        "hostname", "imagePullSecrets", "initContainers", "nodeName", "nodeSelector", "os", "overhead",
        "preemptionPolicy", "priority", "priorityClassName", "readinessGates", "resourceClaims", "resources",
        "restartPolicy", "runtimeClassName", "schedulerName", "schedulingGates", "securityContext", "serviceAccount",
        "serviceAccountName", "setHostnameAsFQDN", "shareProcessNamespace", "subdomain",
        "terminationGracePeriodSeconds", "tolerations", "topologySpreadConstraints", "volumes",
      ],
      "spec.template.spec.containers[]": container,
      "spec.template.spec.initContainers[]": container,
    ],
    "Service": [
      "spec": [
        "allocateLoadBalancerNodePorts", "clusterIP", "clusterIPs", "externalIPs", "externalName",
        "externalTrafficPolicy", "healthCheckNodePort", "internalTrafficPolicy", "ipFamilies", "ipFamilyPolicy",
        "loadBalancerClass", "loadBalancerIP", "loadBalancerSourceRanges", "ports", "publishNotReadyAddresses",
        "selector", "sessionAffinity", "sessionAffinityConfig", "trafficDistribution", "type",
      ],
      "spec.ports[]": ["appProtocol", "name", "nodePort", "port", "protocol", "targetPort"],
    ],
    "VirtualService": [
      "spec": ["exportTo", "gateways", "hosts", "http", "tcp", "tls"],
      "spec.http[]": [
        "corsPolicy", "delegate", "directResponse", "fault", "headers", "match", "mirror", "mirrorPercent",
        "mirrorPercentage", "mirrors", "name", "redirect", "retries", "rewrite", "route", "timeout",
      ],
      "spec.http[].retries": [
        "attempts", "backoff", "perTryTimeout", "retryIgnorePreviousHosts", "retryOn", "retryRemoteLocalities",
      ],
      "spec.tcp[]": ["match", "route"],
    ],
    "DestinationRule": [
      "spec": ["exportTo", "host", "subsets", "trafficPolicy", "workloadSelector"],
      "spec.trafficPolicy": trafficPolicy.union(["portLevelSettings", "proxyProtocol", "tunnel"]),
      "spec.trafficPolicy.portLevelSettings[]": trafficPolicy.union(["port"]),
      "spec.subsets[]": ["labels", "name", "trafficPolicy"],
      "spec.subsets[].trafficPolicy": trafficPolicy.union(["portLevelSettings", "proxyProtocol", "tunnel"]),
    ],
    "Gateway": [
      "spec": ["selector", "servers"],
      "spec.servers[]": ["bind", "defaultEndpoint", "hosts", "name", "port", "tls"],
    ],
  ]

  private static let container: Set<String> = [
    "args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "name", "ports",
    "readinessProbe", "resizePolicy", "resources", "restartPolicy", "restartPolicyRules", "securityContext",
    "startupProbe", "stdin", "stdinOnce", "terminationMessagePath", "terminationMessagePolicy", "tty", "volumeDevices",
    "volumeMounts", "workingDir",
  ]

  private static let trafficPolicy: Set<String> = [
    "connectionPool", "loadBalancer", "outlierDetection", "retryBudget", "tls",
  ]

  /// The fields of `patch` that objects of `kind` do not have, each with a known one that it is like.
  static func unknown(in patch: Value, of kind: String) -> [(path: String, similar: String?)] {
    guard let known = fields[kind] else { return [] }
    var found: [(String, String?)] = []
    func look(_ value: Value, _ path: String) {
      if let items = value.array {
        for item in items { look(item, path + "[]") }
        return
      }
      for entry in value.fields?.entries ?? [] {
        // What steers a strategic merge is no field.
        if entry.key.hasPrefix("$") { continue }
        let inner = path.isEmpty ? entry.key : "\(path).\(entry.key)"
        if let names = known[path], !names.contains(entry.key) {
          found.append((inner, nearest(to: entry.key, in: names.sorted())))
        } else {
          look(entry.value, inner)
        }
      }
    }
    look(patch, "")
    return found
  }
}

extension Patch.Target {
  /// What kind of object it is.
  package var kind: String {
    switch self {
    case .deployment: "Deployment"
    case .service: "Service"
    case .route: "VirtualService"
    case .rule: "DestinationRule"
    case .object(let kind, _): kind
    }
  }

  /// The API group of that kind; of a kind that only a manifest knows, one that says nothing about its fields.
  var group: String {
    switch kind {
    case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet": "apps"
    case "Job", "CronJob": "batch"
    case "ConfigMap", "Namespace", "PersistentVolumeClaim", "Pod", "Secret", "Service", "ServiceAccount": ""
    case "DestinationRule", "Gateway", "ServiceEntry", "Sidecar", "VirtualService": "networking.istio.io"
    case "AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication": "security.istio.io"
    default: "unknown"
    }
  }
}
