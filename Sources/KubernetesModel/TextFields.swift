/// A number or a truth value in a place where the API takes text alone: `version: 1.0` in labels, `value: no` in `env`.
package struct UnquotedText: Hashable, Sendable {
  /// The key that it stands at; of lists, the name of the list.
  package var key: String
  /// What holds it: `labels`, `env`.
  package var holder: String
  /// `a number`.
  package var what: String
}

/// Whether the API takes only text at `path`, in objects of that group and kind. Lists add nothing to a path.
///
/// Kubernetes: `map[string]string` of ObjectMeta, selectors and ConfigMaps, `EnvVar`, `command` and `args` of Container.
/// Istio: `map<string, string>` of workload selectors and of header operations. Other resources have only metadata that
/// is known.
package func takesOnlyText(at path: [String], group: String, kind: String) -> Bool {
  guard let key = path.last else { return false }
  let holder = path.count > 1 ? path[path.count - 2] : ""
  // In a schema `labels` is a property that somebody describes.
  let isKnown = group != "apiextensions.k8s.io" && (isBuiltIn(group) || group.hasSuffix(".istio.io"))
  if holder == "labels" || holder == "annotations" {
    return isKnown || path.count == 3 && path[0] == "metadata"
  }
  guard isKnown else { return false }
  if group.isEmpty, kind == "ConfigMap" || kind == "Secret", path.count == 2 {
    return holder == "data" || holder == "binaryData" || holder == "stringData"
  }
  switch holder {
  case "matchLabels", "nodeSelector", "sourceLabels": return true
  case "selector":
    return kind == "Service" && path.count == 3 || kind == "Gateway" && path.count == 3
  case "env": return key == "name" || key == "value"
  case "set", "add":
    // `headers: {request: {set: {…}}}`.
    return path.count > 3 && path[path.count - 4] == "headers"
  case "request", "response": return key == "remove" && path.count > 2 && path[path.count - 3] == "headers"
  default: break
  }
  switch key {
  case "args", "command": return path.contains("containers") || path.contains("initContainers")
  case "image": return holder == "containers" || holder == "initContainers"
  case "exact", "prefix", "regex": return group == "networking.istio.io"
  default: return false
  }
}

/// The numbers and truth values in `object`, or in a patch of one, that have to be text. Null is none: it takes a value
/// away in a patch, and is empty text elsewhere.
package func unquotedTexts(in object: Value, group: String, kind: String) -> [UnquotedText] {
  var found: [UnquotedText] = []
  var path: [String] = []
  func look(_ value: Value) {
    switch value {
    case .object(let fields):
      for entry in fields.entries {
        path.append(entry.key)
        look(entry.value)
        path.removeLast()
      }
    case .array(let items):
      for item in items { look(item) }
    case .null, .string: break
    case .bool, .int, .double:
      guard let key = path.last, takesOnlyText(at: path, group: group, kind: kind) else { return }
      let isTruth = if case .bool = value { true } else { false }
      found.append(
        UnquotedText(
          key: key, holder: path.count > 1 ? path[path.count - 2] : kind, what: isTruth ? "a truth value" : "a number"))
    }
  }
  look(object)
  return found
}

/// Whether the API server itself defines the kinds of a group. Others are custom resources, also under `k8s.io`: the
/// server refuses a strategic merge for them (Kubernetes: staging/src/k8s.io/api).
package func isBuiltIn(_ group: String) -> Bool { builtInGroups.contains(group) }

private let builtInGroups: Set<String> = [
  "", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps", "authentication.k8s.io",
  "authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io",
  "events.k8s.io", "extensions", "flowcontrol.apiserver.k8s.io", "internal.apiserver.k8s.io", "networking.k8s.io",
  "node.k8s.io", "policy", "rbac.authorization.k8s.io", "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io",
  "storagemigration.k8s.io",
]
