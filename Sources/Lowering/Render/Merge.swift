package import KubernetesModel
internal import RolloutPlan

/// Strategic merge as `kubectl patch` does it: as RFC 7386, but lists whose elements have a key merge by it, and
/// `$patch: delete` and `$patch: replace` are followed (Kubernetes: `patchMergeKey` in k8s.io/api). Other than there, what a
/// probe asks takes the place of what it asked before: two of them in one probe are refused.
package func strategicallyMerged(_ base: Value?, _ patch: Value) -> Value {
  guard case .object(let changes) = patch else { return patch }
  var result = base?.fields ?? Fields()
  if changes["$patch"]?.string == "replace" { result = Fields() }
  for entry in changes.entries {
    if entry.key == "$patch" { continue }
    switch entry.value {
    case .null:
      result[entry.key] = nil
    case .array(let elements):
      if let key = mergeKey(entry.key, elements) {
        result[entry.key] = .array(
          mergedList(result[entry.key]?.array ?? [], elements, by: key))
      } else {
        result[entry.key] = entry.value
      }
    case .object:
      if entry.value["$patch"]?.string == "delete" {
        result[entry.key] = nil
      } else {
        let former = result[entry.key]
        result[entry.key] = strategicallyMerged(
          probeNames.contains(entry.key) ? leavingOutHandlers(of: former, by: entry.value) : former, entry.value)
      }
    case .bool, .int, .double, .string:
      result[entry.key] = entry.value
    }
  }
  return .object(result)
}

/// A probe without the handlers that another one of `patch` takes the place of.
private func leavingOutHandlers(of probe: Value?, by patch: Value) -> Value? {
  let given = probeHandlers.filter { patch[$0]?.fields != nil && patch.at($0, "$patch")?.string != "delete" }
  guard !given.isEmpty, var fields = probe?.fields else { return probe }
  for handler in probeHandlers where !given.contains(handler) { fields[handler] = nil }
  return .object(fields)
}

private func mergeKey(_ field: String, _ elements: [Value]) -> String? {
  switch field {
  case "containers", "initContainers", "ephemeralContainers", "env", "volumes", "imagePullSecrets", "secrets":
    "name"
  case "volumeMounts": "mountPath"
  case "volumeDevices": "devicePath"
  case "hostAliases": "ip"
  case "topologySpreadConstraints": "topologyKey"
  case "ports": elements.contains { $0["containerPort"] != nil } ? "containerPort" : "port"
  default: nil
  }
}

private func mergedList(
  _ base: [Value], _ elements: [Value], by key: String
) -> [Value] {
  var result = elements.contains { $0["$patch"]?.string == "replace" } ? [] : base
  for element in elements {
    let directive = element["$patch"]?.string
    if directive == "replace" { continue }
    let place = element[key].flatMap { wanted in result.firstIndex { $0[key] == wanted } }
    switch (directive, place) {
    case ("delete", let place?): result.remove(at: place)
    case ("delete", nil): break
    case (_, let place?): result[place] = strategicallyMerged(result[place], element)
    case (_, nil): result.append(strategicallyMerged(nil, element))
    }
  }
  return result
}
