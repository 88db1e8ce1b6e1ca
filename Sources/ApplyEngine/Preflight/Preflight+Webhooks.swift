internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension Preflight {
  /// Webhooks that are called for what the plan writes: one whose service does not answer stops every write, and one with
  /// side effects makes trials impossible. Whoever may not see them is not told.
  func webhookFindings() async -> [Diagnostic] {
    async let mutating = webhookConfigurations("mutating")
    async let validating = webhookConfigurations("validating")
    let configurations = (await mutating ?? []) + (await validating ?? [])
    let webhooks = configurations.flatMap { $0["webhooks"]?.array ?? [] }.filter(isCalled)
    return await concurrently(webhooks) { webhook -> [Diagnostic] in
      let name = webhook["name"]?.string ?? "?"
      var found: [Diagnostic] = []
      if let effects = webhook["sideEffects"]?.string, effects != "None", effects != "NoneOnDryRun" {
        found.append(.webhookWithEffects(name, effects, at: plan.nameRange))
      }
      if webhook["failurePolicy"]?.string != "Ignore", let service = webhook.at("clientConfig", "service"),
        await isDown(service)
      {
        let id = "\(service["namespace"]?.string ?? "")/\(service["name"]?.string ?? "")"
        found.append(.webhookDown(name, service: id, at: plan.nameRange))
      }
      return found
    }.flatMap { $0 }
  }

  /// Nil where we may not see them.
  func webhookConfigurations(_ kind: String) async -> [Value]? {
    let type = ResourceType(
      groupVersion: GroupVersion(group: "admissionregistration.k8s.io", version: "v1"),
      kind: kind == "mutating" ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration",
      plural: "\(kind)webhookconfigurations", isNamespaced: false)
    return try? await cluster.list(type.collection(in: nil)).items
  }

  /// Whether it is called for something that the plan writes. A selector that we cannot decide counts as one that fits.
  private func isCalled(_ webhook: Value) -> Bool {
    if let labels = webhook.at("namespaceSelector", "matchLabels")?.fields,
      let name = labels["kubernetes.io/metadata.name"]?.string, name != plan.namespace
    {
      return false
    }
    return (webhook["rules"]?.array ?? []).contains { rule in
      func strings(_ key: String) -> [String] { (rule[key]?.array ?? []).compactMap(\.string) }
      let (groups, resources) = (strings("apiGroups"), strings("resources"))
      return kinds.contains { kind in
        (groups.contains("*") || groups.contains(kind.group))
          && (resources.contains("*") || resources.contains("*/*") || resources.contains(guessedPlural(kind.kind)))
      }
    }
  }

  /// Sure only where we may see its endpoints, and there is none.
  private func isDown(_ service: Value) async -> Bool {
    guard let namespace = service["namespace"]?.string, let name = service["name"]?.string else { return false }
    do throws(ClusterError) {
      let endpoints = try await cluster.get(ResourceType.endpoints.named(name, in: namespace))
      return !(endpoints["subsets"]?.array ?? []).contains { $0["addresses"]?.array?.isEmpty == false }
    } catch {
      return error.isNotFound
    }
  }
}

/// Who else may hold an object: what its labels and annotations say, or at least who wrote it. For people.
func owner(of object: Value) -> String? {
  let labels = object.at("metadata", "labels")
  let notes = object.at("metadata", "annotations")
  if let id = notes?["argocd.argoproj.io/tracking-id"]?.string ?? labels?["argocd.argoproj.io/instance"]?.string {
    return "Argo CD's application `\(id.prefix { $0 != ":" })`"
  }
  for (key, word) in [("kustomize", "Kustomization"), ("helm", "HelmRelease")] {
    if let name = labels?["\(key).toolkit.fluxcd.io/name"]?.string {
      let namespace = labels?["\(key).toolkit.fluxcd.io/namespace"]?.string ?? "?"
      return "Flux's \(word) `\(namespace)/\(name)`"
    }
  }
  if let release = notes?["meta.helm.sh/release-name"]?.string { return "the Helm release `\(release)`" }
  if let app = labels?["kapp.k14s.io/app"]?.string { return "the kapp app `\(app)`" }
  if labels?["app.kubernetes.io/managed-by"]?.string == "rolloutc",
    let plan = labels?["app.kubernetes.io/part-of"]?.string
  {
    return "the plan `\(plan)`"
  }
  if let controller = (object.at("metadata", "ownerReferences")?.array ?? []).first(where: {
    $0["controller"]?.bool == true
  }) {
    return "`\(controller["kind"]?.string ?? "?")/\(controller["name"]?.string ?? "?")`"
  }
  let managers = (object.at("metadata", "managedFields")?.array ?? []).filter { $0["subresource"] == nil }
    .compactMap { $0["manager"]?.string }
  return managers.isEmpty ? nil : "written by `\(managers[0])`"
}
