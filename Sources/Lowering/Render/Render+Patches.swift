internal import KubernetesModel
internal import RolloutPlan

extension Renderer {
  /// `value` after the patches of its component and those of objects by kind and name, in the order of the plan.
  func patched(_ value: Value, by own: [Int], id: ObjectID) -> Value {
    if own.isEmpty, objectPatches.isEmpty { return value }
    let all = (own + (objectPatches[.object(kind: id.kind, name: id.name)] ?? [])).sorted()
    if all.isEmpty { return value }
    var result = value
    for p in all {
      var patch = plan.patches[p].value
      if id.kind == "VirtualService" {
        (result, patch) = mergingRules(of: patch, into: result, takesMatch: takesMatch(plan.patches[p].target, id))
      }
      result = isBuiltIn(id.group) ? strategicallyMerged(result, patch) : result.mergePatched(by: patch)
    }
    // `strategy` keeps the fields of its type alone (Kubernetes: `patchStrategy: retainKeys`).
    if result.at("spec", "strategy", "type")?.string == "Recreate" {
      result = replacing(result, ["spec", "strategy", "rollingUpdate"], nil)
    }
    // What the plan puts to sleep sleeps, whoever says how many pods it has awake.
    if value.at("spec", "replicas") == .int(0) { result = replacing(result, ["spec", "replicas"], .int(0)) }
    return withProtectedFields(of: value, in: result)
  }

  /// What a rule asks of a request is asked of visitors, where the component has some: inside the mesh the rule of the same
  /// name is for every caller, whatever path it asks for. `patch VirtualService NAME` means one object.
  private func takesMatch(_ target: Patch.Target, _ id: ObjectID) -> Bool {
    guard case .route(let component) = target, components.indices.contains(component.index) else { return true }
    let names = components[component.index]
    return names.exposures.isEmpty || id == names.entryID
  }

  /// The objects that a patch is about, in whatever state they exist.
  func targets(of patch: Patch) -> [ObjectID] {
    func names(_ id: ComponentID) -> ComponentNames? { id.index < components.count ? components[id.index] : nil }
    switch patch.target {
    case .deployment(let id, let version):
      guard let names = names(id) else { return [] }
      return names.versions.indices.filter { version == nil || version?.index == $0 }.map {
        names.versions[$0].deploymentID
      }
    case .service(let id): return names(id).map { [$0.serviceID] } ?? []
    case .route(let id): return names(id).map { [$0.entryID, $0.meshID] } ?? []
    case .rule(let id): return names(id).map { [$0.ruleID] } ?? []
    case .object: return patchedObjects[patch.target] ?? []
    }
  }
}

/// Merges what a patch says of rules into the rules that are there, and leaves the rest of it.
///
/// A rule without an action is none: Istio refuses it. In a patch it is what every rule is to have besides, or the rule of
/// its `name`: a timeout, retries, headers, and with a name another `match`. Were the list replaced, as RFC 7386 has it, the
/// routes of the plan would be gone. A list in which some rule has an action is meant as it stands.
private func mergingRules(
  of patch: Value, into object: Value, takesMatch: Bool
) -> (object: Value, rest: Value) {
  guard var rest = patch.fields, var wanted = rest["spec"]?.fields, var result = object.fields,
    var spec = result["spec"]?.fields
  else { return (object, patch) }
  for list in ["http", "tcp", "tls"] {
    guard let additions = wanted[list]?.array, !additions.isEmpty, additions.allSatisfy(isMergedRule) else { continue }
    wanted[list] = nil
    guard let rules = spec[list]?.array else { continue }
    spec[list] = .array(
      rules.map { rule in
        additions.reduce(rule) { rule, addition in
          guard addition["name"] == nil || addition["name"] == rule["name"] else { return rule }
          guard !takesMatch, var fields = addition.fields else { return rule.mergePatched(by: addition) }
          fields["match"] = nil
          return rule.mergePatched(by: .object(fields))
        }
      })
  }
  result["spec"] = .object(spec)
  rest["spec"] = .object(wanted)
  return (.object(result), .object(rest))
}

/// Without a name, a `match` would be that of every rule, and one rule would take everything.
private func isMergedRule(_ rule: Value) -> Bool {
  rule.fields != nil && !isRoutingRule(rule) && (rule["match"] == nil || rule["name"] != nil)
}

/// A directive such as `$patch: replace` takes away what is around it, too: what no patch may change stays all the same.
private func withProtectedFields(of original: Value, in patched: Value) -> Value {
  var result = patched
  for path in protectedPaths(ofKind: original["kind"]?.string ?? "") {
    let wanted = value(original, path[...])
    if value(result, path[...]) != wanted { result = replacing(result, path[...], wanted) }
  }
  return result
}

private func value(_ value: Value, _ path: ArraySlice<String>) -> Value? {
  guard let key = path.first else { return value }
  return value[key].flatMap { Lowering.value($0, path.dropFirst()) }
}

private func replacing(_ value: Value?, _ path: ArraySlice<String>, _ new: Value?) -> Value {
  guard let key = path.first else { return new ?? .null }
  var fields = value?.fields ?? Fields()
  if path.count == 1 {
    fields[key] = new
  } else {
    fields[key] = replacing(fields[key], path.dropFirst(), new)
  }
  return .object(fields)
}
