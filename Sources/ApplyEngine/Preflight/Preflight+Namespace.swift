internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension Preflight {
  /// A namespace of somebody else's: it must be there, stay, and give pods their proxies. Our own is made as it should be.
  func namespaceFindings() async -> [Diagnostic] {
    guard plan.namespaceExists else { return [] }
    let live: Value
    do throws(ClusterError) {
      live = try await cluster.get(ResourceType.namespaces.named(plan.namespace, in: ""))
    } catch {
      return error.isNotFound ? [.namespaceMissing(plan.namespace, at: plan.nameRange)] : []
    }
    if live.at("metadata", "deletionTimestamp")?.string != nil {
      return [.namespaceEnding(plan.namespace, at: plan.nameRange)]
    }
    return await injectionFindings(live.at("metadata", "labels"))
  }

  /// `istio.io/dataplane-mode=ambient` needs no sidecar.
  private func injectionFindings(_ labels: Value?) async -> [Diagnostic] {
    let injection = labels?["istio-injection"]?.string
    let revision = labels?["istio.io/rev"]?.string
    if labels?["istio.io/dataplane-mode"]?.string == "ambient" { return [] }
    guard injects(labels) else {
      return [.notInjected(plan.namespace, isDisabled: injection == "disabled", at: plan.nameRange)]
    }
    guard injection == nil, let revision, let configurations = await webhookConfigurations("mutating") else {
      return []
    }
    let known = configurations.compactMap { configuration in
      configuration.at("metadata", "labels").flatMap { ($0["istio.io/tag"] ?? $0["istio.io/rev"])?.string }
    }
    return known.contains(revision)
      ? [] : [.unknownRevision(revision, known: Set(known).sorted(), namespace: plan.namespace, at: plan.nameRange)]
  }

  // MARK: - Secrets

  /// Declared Secrets that are used from here on, by their metadata alone: which keys they have shows in who manages them. Values are not asked for.
  func secretFindings() async -> [Diagnostic] {
    let used = Set(writes.compactMap(\.object).flatMap(secretNames))
    return await concurrently(plan.secrets.filter { used.contains($0.name) }) { secret in
      do throws(ClusterError) {
        let metadata = try await cluster.metadata(of: ResourceType.secrets.named(secret.name, in: plan.namespace))
        let keys = managedKeys(metadata)
        // Who wrote it is not always known; then its keys are not either.
        let missing = keys.isEmpty ? [] : secret.keys.filter { !keys.contains($0) }
        return missing.isEmpty ? nil : .secretWithoutKeys(secret.name, missing, has: keys.sorted(), at: secret.range)
      } catch {
        guard error.isNotFound else { return nil }
        var found = Diagnostic.secretMissing(
          secret.name, in: plan.namespace, namespaceIsThere: await isNamespaceThere(), at: secret.range)
        // It cannot be there before its namespace is; a later step may be the first to use it.
        if !plan.namespaceExists, inventory.entries.isEmpty { found.severity = .warning }
        return found
      }
    }.compactMap { $0 }
  }

  /// Who may not see it takes it for one that is there.
  private func isNamespaceThere() async -> Bool {
    do throws(ClusterError) {
      _ = try await cluster.get(ResourceType.namespaces.named(plan.namespace, in: ""))
      return true
    } catch {
      return !error.isNotFound
    }
  }

  /// The certificates that the plan's gateways show. Istio looks for them where the gateway's pods are, whose namespace the
  /// Service in front of them tells.
  func certificateFindings() async -> [Diagnostic] {
    struct Use: Sendable {
      var gateway: ObjectID
      var secret: String
      var selector: Fields
      var port: Int
      var origin: SourceRange
    }
    var uses: [Use] = []
    for write in writes where write.id.kind == "Gateway" && write.id.group == "networking.istio.io" {
      for server in write.object?.at("spec", "servers")?.array ?? [] {
        // A name with a scheme or a path is not one of a Secret beside the pods.
        guard let secret = server.at("tls", "credentialName")?.string, !secret.contains(where: { ":/".contains($0) }),
          let port = server.at("port", "number")?.int, let selector = write.object?.at("spec", "selector")?.fields,
          !uses.contains(where: { $0.secret == secret && $0.selector == selector })
        else { continue }
        uses.append(Use(gateway: write.id, secret: secret, selector: selector, port: port, origin: write.origin))
      }
    }
    guard !uses.isEmpty, let services = try? await cluster.services(near: plan.namespace) else { return [] }
    return await concurrently(uses) { use in
      let fronts = services.ingresses(of: use.selector, port: use.port)
      let places = Set(fronts.compactMap { $0.at("metadata", "namespace")?.string }).sorted()
      for place in places {
        do throws(ClusterError) {
          _ = try await cluster.metadata(of: ResourceType.secrets.named(use.secret, in: place))
          return nil
        } catch {
          // Who may not look finds out when the first visitor comes.
          if !error.isNotFound { return nil }
        }
      }
      return places.isEmpty ? nil : .gatewaySecretMissing(use.secret, in: places, use.gateway, at: use.origin)
    }.compactMap { $0 }
  }

  // MARK: - Quota

  /// What the legs to come add at most at one moment, against what the quotas of the namespace leave.
  func quotaFindings() async -> [Diagnostic] {
    guard let quotas = try? await cluster.list(ResourceType.resourceQuotas.collection(in: plan.namespace)).items,
      !quotas.isEmpty
    else {
      return []
    }
    let growth = peakGrowth()
    var found: [Diagnostic] = []
    for quota in quotas where quota.at("spec", "scopeSelector") == nil && quota.at("spec", "scopes") == nil {
      let name = quota.at("metadata", "name")?.string ?? ""
      for limit in (quota.at("status", "hard") ?? quota.at("spec", "hard"))?.fields?.entries ?? [] {
        // `cpu` and `memory` are the older names of the requests.
        let resource = ["cpu": "requests.cpu", "memory": "requests.memory"][limit.key] ?? limit.key
        guard let needed = growth[resource], needed > 0, let hard = quantity(limit.value),
          let used = quantity(quota.at("status", "used")?[limit.key] ?? "0"), used + needed > hard * 1.000_001
        else { continue }
        found.append(
          .quotaShort(
            name, resource, needed: quantityText(needed, resource), left: quantityText(max(0, hard - used), resource),
            at: plan.nameRange))
      }
    }
    return found
  }

  /// By the names that quotas use. Each Deployment counts with the most that it has before or after a leg, so that what
  /// runs side by side is counted twice, and with the pod that a rolling update adds.
  private func peakGrowth() -> [String: Double] {
    guard let first = legs.first else { return [:] }
    var standing = standing(before: first)
    let now = totals(standing)
    var peak: [String: Double] = [:]
    for leg in legs {
      let next = leg.after?.image ?? standing
      for (resource, amount) in totals(standing, next) {
        peak[resource] = max(peak[resource] ?? 0, amount - (now[resource] ?? 0))
      }
      standing = next
    }
    return peak
  }

  func standing(before leg: Leg) -> ObjectSet {
    guard case .forward(let step, let segment) = leg.role else { return itinerary.compiled.start.image }
    return itinerary.compiled.steps[step].segments[segment].before.image
  }

  private func totals(_ images: ObjectSet...) -> [String: Double] {
    var largest: [ObjectID: [String: Double]] = [:]
    for image in images {
      for entry in image.entries {
        largest[entry.id, default: [:]].merge(amounts(of: entry.plain)) { max($0, $1) }
      }
    }
    return largest.values.reduce(into: [:]) { sum, amounts in sum.merge(amounts) { $0 + $1 } }
  }
}

/// Whether a namespace with these labels asks for proxies. Istio: `istio-injection` wins over `istio.io/rev`.
func injects(_ labels: Value?) -> Bool {
  guard let injection = labels?["istio-injection"]?.string else { return labels?["istio.io/rev"]?.string != nil }
  return injection == "enabled"
}

/// What an object counts for in a quota.
private func amounts(of object: Value) -> [String: Double] {
  switch object["kind"]?.string {
  case "Deployment":
    let replicas = Double(object.at("spec", "replicas")?.int ?? 1)
    let surge = object.at("spec", "strategy", "type")?.string == "Recreate" || replicas == 0 ? 0.0 : 1.0
    var sum: [String: Double] = ["pods": replicas + surge, "count/deployments.apps": 1]
    for container in containers(of: object) {
      for kind in ["requests", "limits"] {
        for entry in container.at("resources", kind)?.fields?.entries ?? [] {
          sum["\(kind).\(entry.key)", default: 0] += (quantity(entry.value) ?? 0) * (replicas + surge)
        }
      }
    }
    return sum
  case "PersistentVolumeClaim":
    let size = object.at("spec", "resources", "requests", "storage").flatMap(quantity) ?? 0
    return ["persistentvolumeclaims": 1, "requests.storage": size]
  case "Service": return ["services": 1, "count/services": 1]
  case "ConfigMap": return ["configmaps": 1, "count/configmaps": 1]
  default: return [:]
  }
}

/// Of a Deployment's pods; none of any other object.
func containers(of object: Value) -> [Value] { object.at("spec", "template", "spec", "containers")?.array ?? [] }

/// A Kubernetes quantity as a number; exact enough to compare sums.
func quantity(_ value: Value) -> Double? {
  switch value {
  case .int(let number): Double(number)
  case .double(let number): number
  case .string(let text): Quantity(text)?.value
  case .null, .bool, .array, .object: nil
  }
}

func quantityText(_ number: Double, _ resource: String) -> String {
  func whole(_ number: Double) -> String {
    let rounded = (number - 1e-6).rounded(.up)
    return Int(exactly: rounded).map { "\($0)" } ?? floatText(rounded)
  }
  if resource.hasSuffix("memory") || resource.hasSuffix("storage") { return "\(whole(number / 0x1p20))Mi" }
  return number == number.rounded() ? whole(number) : "\(whole(number * 1000))m"
}

/// The Secrets that a Deployment's containers take variables from.
private func secretNames(_ object: Value) -> [String] {
  containers(of: object).flatMap { container in
    (container["env"]?.array ?? []).compactMap { $0.at("valueFrom", "secretKeyRef", "name")?.string }
  }
}

/// The keys below `data` that somebody manages, from `managedFields` alone.
private func managedKeys(_ metadata: Value) -> Set<String> {
  var keys: Set<String> = []
  for entry in metadata.at("metadata", "managedFields")?.array ?? [] {
    for field in entry.at("fieldsV1", "f:data")?.fields?.keys ?? [] where field.hasPrefix("f:") {
      keys.insert(String(field.dropFirst(2)))
    }
  }
  return keys
}
