internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension Preflight {
  /// What pods and volumes ask for, against the LimitRanges of the namespace, by the rules of Kubernetes' LimitRanger.
  func limitFindings() async -> [Diagnostic] {
    // A namespace that is still to be made has none, and who may not look meets them later.
    guard let ranges = try? await cluster.list(ResourceType.limitRanges.collection(in: plan.namespace)).items,
      !ranges.isEmpty
    else {
      return []
    }
    var found: [Diagnostic] = []
    var told: Set<[String]> = []
    for range in ranges {
      let name = range.at("metadata", "name")?.string ?? ""
      for limit in range.at("spec", "limits")?.array ?? [] {
        for write in writes {
          guard let object = write.object else { continue }
          for breach in breaches(of: limit, by: object) {
            // Of many versions of one object each is told of once.
            guard told.insert(["\(write.id)", breach.resource, breach.bound, name]).inserted else { continue }
            found.append(
              .outsideLimits(
                write.id, breach.resource, wants: breach.wants, breach.bound, for: breach.whose, of: name,
                at: write.origin))
          }
        }
      }
    }
    return found
  }
}

private struct Breach {
  var resource: String
  /// As the object has it.
  var wants: String
  /// `allows at most 500m`.
  var bound: String
  var whose: String
}

/// By Kubernetes' plugin/pkg/admission/limitranger: each container, the sum of a pod, the size of a claim.
private func breaches(of limit: Value, by object: Value) -> [Breach] {
  switch (limit["type"]?.string, object["kind"]?.string) {
  case ("Container", "Deployment"):
    return containers(of: object).flatMap { breaches(of: limit, $0["resources"] ?? [:], "a container") }
  case ("Pod", "Deployment"):
    // Istio's proxy is in each pod besides: a pod that is too small without it may not be with it.
    let sums = sum(containers(of: object))
    return sums.keys.sorted().compactMap { key in
      guard let most = limit.at("max", key), let allowed = quantity(most), let wants = sums[key], wants > allowed else {
        return nil
      }
      return Breach(
        resource: key, wants: quantityText(wants, key), bound: "allows at most \(text(most))", whose: "a pod")
    }
  case ("PersistentVolumeClaim", "PersistentVolumeClaim"):
    return breaches(of: limit, object.at("spec", "resources") ?? [:], "a volume")
  default: return []
  }
}

private func sum(_ containers: [Value]) -> [String: Double] {
  var sums: [String: Double] = [:]
  for container in containers {
    for entry in container.at("resources", "requests")?.fields?.entries ?? [] {
      sums[entry.key, default: 0] += quantity(entry.value) ?? 0
    }
  }
  return sums
}

private func breaches(of limit: Value, _ resources: Value, _ whose: String) -> [Breach] {
  var found: [Breach] = []
  func compare(_ key: String, _ value: Value?, _ bound: Value?, _ words: String, _ isBroken: (Double, Double) -> Bool) {
    guard let value, let bound, let wants = quantity(value), let number = quantity(bound), isBroken(wants, number),
      !found.contains(where: { $0.resource == key })
    else { return }
    found.append(Breach(resource: key, wants: text(value), bound: "\(words) \(text(bound))", whose: whose))
  }
  let keys = Set(["requests", "limits"].flatMap { resources[$0]?.fields?.keys ?? [] })
  for key in keys.sorted() {
    let (request, most) = (resources.at("requests", key), resources.at("limits", key))
    compare(key, request, limit.at("max", key), "allows at most", >)
    compare(key, most, limit.at("max", key), "allows at most", >)
    // Without a request of its own a container asks for its limit.
    compare(key, request ?? most, limit.at("min", key), "wants at least", <)
    // A limit that the container does not have is given to it.
    if most == nil { compare(key, request, limit.at("default", key), "gives it a limit of", >) }
  }
  return found
}

private func text(_ quantity: Value) -> String {
  switch quantity {
  case .string(let text): text
  case .int(let number): "\(number)"
  default: "\(quantity)"
  }
}
