internal import KubernetesModel

extension ClusterStore {
  /// The commonest mistakes, in the server's words. Kubernetes: `pkg/apis/*/validation`.
  func validated(_ object: Value, _ type: ResourceType, old: Value? = nil) throws(APIError) {
    try checkNumbers(object, type)
    var causes: [Cause] = []
    if old == nil { checkName(object, type, &causes) }
    checkLabels(object.at("metadata", "labels"), "metadata.labels", &causes)
    switch type.resource {
    case "deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps":
      checkWorkload(object, type, old, &causes)
    case "jobs.batch":
      if let old, old.at("spec", "template") != object.at("spec", "template") {
        causes.append(.bad("spec.template", "core.PodTemplateSpec{…}", "field is immutable"))
      }
      checkPodSpec(object.at("spec", "template", "spec"), "spec.template.spec", &causes)
    case "pods":
      checkPodSpec(object["spec"], "spec", &causes)
      if let old, !isPodUpdateAllowed(old, object) {
        causes.append(
          Cause(
            reason: "FieldValueForbidden",
            message: "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
              + "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
              + "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
              + "previously negative)",
            field: "spec"))
      }
    case "services": checkService(object, old, &causes)
    case "configmaps":
      if old?["immutable"]?.bool == true, old?["data"] != object["data"] {
        causes.append(
          Cause(
            reason: "FieldValueForbidden", message: "Forbidden: field is immutable when `immutable` is set",
            field: "data"))
      }
    case "secrets":
      if let old, old["type"] != object["type"] {
        causes.append(.bad("type", "\"\(object["type"]?.string ?? "")\"", "field is immutable"))
      }
    case "persistentvolumeclaims":
      if (object.at("spec", "accessModes")?.array ?? []).isEmpty {
        causes.append(.required("spec.accessModes", "at least 1 access mode is required"))
      }
      if object.at("spec", "resources", "requests", "storage") == nil {
        causes.append(.required("spec.resources[storage]"))
      }
      if let old { checkClaimUpdate(old, object, &causes) }
    case "customresourcedefinitions.apiextensions.k8s.io":
      let expected =
        (object.at("spec", "names", "plural")?.string ?? "") + "." + (object.at("spec", "group")?.string ?? "")
      if object.name != expected {
        causes.append(
          .bad("metadata.name", "\"\(object.name)\"", "must be spec.names.plural+\".\"+spec.group"))
      }
    default: break
    }
    if !causes.isEmpty { throw .invalid(type, object.name, causes) }
  }

  /// Everything after this may calculate with these fields.
  private func checkNumbers(_ object: Value, _ type: ResourceType) throws(APIError) {
    for field in Int32Field.all(of: type) {
      for value in field.values(in: object) {
        if let number = value.int, Int32(exactly: number) != nil { continue }
        let kind = goKind(value)
        let shown = kind == "number" ? "number \(compactJSON(value))" : kind
        throw .badRequest(
          "\(type.kind) in version \"\(type.versions[0])\" cannot be handled as a \(type.kind): json: cannot unmarshal "
            + "\(shown) into Go struct field \(field.owner).\(field.name) of type int32")
      }
    }
  }

  private func checkName(_ object: Value, _ type: ResourceType, _ causes: inout [Cause]) {
    let name = object.name
    if name.isEmpty {
      causes.append(.required("metadata.name", "name or generateName is required"))
      return
    }
    if type.group == "rbac.authorization.k8s.io" { return }
    let bytes = Array(name.utf8)
    func isAlphanumeric(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) }
    func isLabel(_ bytes: ArraySlice<UInt8>) -> Bool {
      guard let first = bytes.first, let last = bytes.last else { return false }
      return isAlphanumeric(first) && isAlphanumeric(last)
        && bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }
    let problem: String?
    switch type.resource {
    case "services":
      let startsWithLetter = bytes.first.map { (0x61...0x7A).contains($0) } ?? false
      problem =
        bytes.count > 63
        ? "must be no more than 63 characters"
        : isLabel(bytes[...]) && startsWithLetter
          ? nil
          : "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            + "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
            + "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
    case "namespaces":
      problem =
        bytes.count > 63
        ? "must be no more than 63 characters"
        : isLabel(bytes[...])
          ? nil
          : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
            + "end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
            + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    default:
      let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      problem =
        bytes.count > 253
        ? "must be no more than 253 characters"
        : parts.allSatisfy(isLabel)
          ? nil
          : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            + "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
            + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    }
    if let problem { causes.append(.bad("metadata.name", "\"\(name)\"", problem)) }
  }

  private func checkLabels(_ labels: Value?, _ path: String, _ causes: inout [Cause]) {
    for (_, value) in strings(labels).sorted(by: { $0.key < $1.key }) {
      let bytes = Array(value.utf8)
      func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte)
      }
      if bytes.isEmpty { continue }
      let isGood =
        isAlphanumeric(bytes[0]) && isAlphanumeric(bytes[bytes.count - 1])
        && bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E }
      if bytes.count > 63 {
        causes.append(.bad(path, "\"\(value)\"", "must be no more than 63 characters"))
      } else if !isGood {
        causes.append(
          .bad(
            path, "\"\(value)\"",
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
              + "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
              + "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"))
      }
    }
  }

  private func checkWorkload(_ object: Value, _ type: ResourceType, _ old: Value?, _ causes: inout [Cause]) {
    if let replicas = object.at("spec", "replicas")?.int, replicas < 0 {
      causes.append(.bad("spec.replicas", String(replicas), "must be greater than or equal to 0"))
    }
    let selector = object.at("spec", "selector")
    let labels = strings(object.at("spec", "template", "metadata", "labels"))
    if let selector {
      if LabelSelector(selector).requirements.isEmpty {
        causes.append(
          .bad("spec.selector", goSelector(selector), "empty selector is invalid for \(type.kind.lowercased())"))
      } else if !LabelSelector(selector).matches(labels) {
        let shown = labels.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ", ")
        causes.append(
          .bad(
            "spec.template.metadata.labels", "map[string]string{\(shown)}",
            "`selector` does not match template `labels`"))
      }
    } else {
      causes.append(.required("spec.selector"))
      causes.append(
        .bad(
          "spec.template.metadata.labels",
          "map[string]string{"
            + labels.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ", ") + "}",
          "`selector` does not match template `labels`"))
    }
    if type.kind == "Deployment" {
      let strategy = object.at("spec", "strategy")
      if strategy?["type"]?.string == "Recreate", strategy?["rollingUpdate"] != nil {
        causes.append(
          Cause(
            reason: "FieldValueForbidden",
            message: "Forbidden: may not be specified when strategy `type` is 'Recreate'",
            field: "spec.strategy.rollingUpdate"))
      }
      if let rolling = strategy?["rollingUpdate"], isZero(rolling["maxSurge"]), isZero(rolling["maxUnavailable"]) {
        causes.append(
          .bad(
            "spec.strategy.rollingUpdate.maxUnavailable", "0",
            "may not be 0 when `maxSurge` is 0"))
      }
      let deadline = object.at("spec", "progressDeadlineSeconds")?.int ?? 600
      if deadline <= object.at("spec", "minReadySeconds")?.int ?? 0 {
        causes.append(
          .bad("spec.progressDeadlineSeconds", String(deadline), "must be greater than minReadySeconds"))
      }
    }
    if let restart = object.at("spec", "template", "spec", "restartPolicy")?.string, restart != "Always" {
      causes.append(.unsupported("spec.template.spec.restartPolicy", restart, ["Always"]))
    }
    checkLabels(object.at("spec", "template", "metadata", "labels"), "spec.template.metadata.labels", &causes)
    // Each pod of a StatefulSet gets a volume of every claim's name.
    let claims = (object.at("spec", "volumeClaimTemplates")?.array ?? []).compactMap {
      $0.at("metadata", "name")?.string
    }
    checkPodSpec(
      object.at("spec", "template", "spec"), "spec.template.spec",
      otherVolumes: type.kind == "StatefulSet" ? Set(claims) : [], &causes)
    if let old, let before = old.at("spec", "selector"), before != selector, type.kind != "StatefulSet" {
      causes.append(.bad("spec.selector", goSelector(selector ?? .null), "field is immutable"))
    }
    if let old, type.kind == "StatefulSet" {
      let mutable = [
        "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
      ]
      func fixed(_ value: Value) -> Value {
        var spec = value["spec"] ?? .null
        spec.update { fields in fields.entries.removeAll { mutable.contains($0.key) } }
        return spec
      }
      if fixed(old) != fixed(object) {
        causes.append(
          Cause(
            reason: "FieldValueForbidden",
            message: "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
              + "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
              + "'minReadySeconds' are forbidden",
            field: "spec"))
      }
    }
  }

  private func isZero(_ value: Value?) -> Bool { value == 0 || value == "0%" || value == "0" }

  private func goSelector(_ selector: Value) -> String {
    let labels = strings(selector["matchLabels"]).sorted { $0.key < $1.key }
    let shown = labels.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ", ")
    let map = selector["matchLabels"] == nil ? "map[string]string(nil)" : "map[string]string{\(shown)}"
    return "v1.LabelSelector{MatchLabels:\(map), MatchExpressions:[]v1.LabelSelectorRequirement(nil)}"
  }

  private func checkPodSpec(
    _ spec: Value?, _ path: String, otherVolumes: Set<String> = [], _ causes: inout [Cause]
  ) {
    let containers = spec?["containers"]?.array ?? []
    if containers.isEmpty { causes.append(.required(path + ".containers")) }
    let volumes = otherVolumes.union((spec?["volumes"]?.array ?? []).compactMap { $0["name"]?.string })
    var names: Set<String> = []
    for (i, container) in containers.enumerated() {
      let at = "\(path).containers[\(i)]"
      let name = container["name"]?.string ?? ""
      if name.isEmpty {
        causes.append(.required(at + ".name"))
      } else if !names.insert(name).inserted {
        causes.append(.duplicate(at + ".name", "\"\(name)\""))
      }
      if (container["image"]?.string ?? "").isEmpty { causes.append(.required(at + ".image")) }
      var portNames: Set<String> = []
      for (j, port) in (container["ports"]?.array ?? []).enumerated() {
        let number = port["containerPort"]?.int ?? 0
        if number == 0 {
          causes.append(.required("\(at).ports[\(j)].containerPort"))
        } else if !(1...65_535).contains(number) {
          causes.append(
            .bad("\(at).ports[\(j)].containerPort", String(number), "must be between 1 and 65535, inclusive"))
        }
        if let name = port["name"]?.string, !portNames.insert(name).inserted {
          causes.append(.duplicate("\(at).ports[\(j)].name", "\"\(name)\""))
        }
      }
      for (j, mount) in (container["volumeMounts"]?.array ?? []).enumerated() {
        let name = mount["name"]?.string ?? ""
        if !volumes.contains(name) {
          causes.append(
            Cause(
              reason: "FieldValueNotFound", message: "Not found: \"\(name)\"", field: "\(at).volumeMounts[\(j)].name"))
        }
      }
      if let policy = container["imagePullPolicy"]?.string, !["Always", "IfNotPresent", "Never"].contains(policy) {
        causes.append(.unsupported(at + ".imagePullPolicy", policy, ["Always", "IfNotPresent", "Never"]))
      }
    }
  }

  private func isPodUpdateAllowed(_ old: Value, _ new: Value) -> Bool {
    func fixed(_ value: Value) -> Value {
      var spec = value["spec"] ?? .null
      spec.update { fields in
        for key in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName"] {
          fields[key] = nil
        }
        for list in ["containers", "initContainers"] { fields.updateItems(list) { $0["image"] = nil } }
      }
      return spec
    }
    return fixed(old) == fixed(new)
  }

  private func checkService(_ object: Value, _ old: Value?, _ causes: inout [Cause]) {
    let spec = object["spec"] ?? .null
    let ports = spec["ports"]?.array ?? []
    let type = spec["type"]?.string ?? ""
    if ports.isEmpty, type != "ExternalName", spec["clusterIP"]?.string != "None" {
      causes.append(.required("spec.ports"))
    }
    if !["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"].contains(type) {
      causes.append(.unsupported("spec.type", type, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]))
    }
    var names: Set<String> = []
    var numbers: Set<String> = []
    for (i, port) in ports.enumerated() {
      let name = port["name"]?.string ?? ""
      if name.isEmpty {
        if ports.count > 1 { causes.append(.required("spec.ports[\(i)].name")) }
      } else if !names.insert(name).inserted {
        causes.append(.duplicate("spec.ports[\(i)].name", "\"\(name)\""))
      }
      let number = port["port"]?.int ?? 0
      if !(1...65_535).contains(number) {
        causes.append(.bad("spec.ports[\(i)].port", String(number), "must be between 1 and 65535, inclusive"))
      }
      let transport = port["protocol"]?.string ?? "TCP"
      if !numbers.insert("\(number)/\(transport)").inserted {
        causes.append(
          .duplicate(
            "spec.ports[\(i)]", "core.ServicePort{Name:\"\(name)\", Protocol:\"\(transport)\", Port:\(number)}"))
      }
    }
    if let old, let before = old.at("spec", "clusterIP")?.string, !before.isEmpty,
      old.at("spec", "type")?.string != "ExternalName", type != "ExternalName",
      let address = spec["clusterIP"]?.string, address != before
    {
      causes.append(.bad("spec.clusterIPs[0]", "[]string{\"\(address)\"}", "may not change once set"))
    }
  }

  private func checkClaimUpdate(_ old: Value, _ new: Value, _ causes: inout [Cause]) {
    func fixed(_ value: Value) -> Value {
      var spec = value["spec"] ?? .null
      spec.set(nil, at: "resources")
      spec.set(nil, at: "volumeName")
      return spec
    }
    if fixed(old) != fixed(new) {
      causes.append(
        Cause(
          reason: "FieldValueForbidden",
          message:
            "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName "
            + "for bound claims",
          field: "spec"))
    }
  }
}
