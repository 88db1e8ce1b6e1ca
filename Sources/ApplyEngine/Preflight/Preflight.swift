package import ClusterAPI
package import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

/// Everything that can be known to go wrong before the first write, looked at all at once. It only reads, and asks the
/// server what we may do.
///
/// Each look is a file of this folder. A look that is itself not allowed says so, or is left out where it is for the
/// cluster's owner alone (webhooks): rights that a run does not need are no reason to stop it.
package struct Preflight: Sendable {
  let itinerary: Itinerary
  let cluster: any Cluster
  /// What the plan owns already.
  let inventory: Inventory
  let decisions: WriteDecisions
  /// The legs that are still to come; what is done is not looked at again.
  let legs: [Leg]
  let writes: [Write]
  /// Each kind that is written, once.
  let kinds: Set<WrittenKind>
  /// Nobody said where visitors come in.
  let looksForIngress: Bool

  struct WrittenKind: Hashable {
    var group: String
    /// `Deployment`
    var kind: String
  }

  package init(
    _ itinerary: Itinerary, legs: [Leg], inventory: Inventory, decisions: WriteDecisions = WriteDecisions(),
    cluster: any Cluster, looksForIngress: Bool = false
  ) {
    self.itinerary = itinerary
    self.legs = legs
    writes = legs.flatMap(\.phases).flatMap(\.writes)
    kinds = Set(writes.map { WrittenKind(group: $0.id.group, kind: $0.id.kind) })
    self.inventory = inventory
    self.decisions = decisions
    self.cluster = cluster
    self.looksForIngress = looksForIngress
  }

  var plan: Plan { itinerary.plan }

  /// Errors say why a run would fail; warnings what it will not be able to see or what may be in its way.
  package func findings() async -> [Diagnostic] {
    async let rights = accessFindings()
    async let kinds = kindFindings()
    async let namespace = namespaceFindings()
    async let secrets = secretFindings()
    async let certificates = certificateFindings()
    async let quotas = quotaFindings()
    async let limits = limitFindings()
    async let webhooks = webhookFindings()
    async let owners = ownerFindings()
    async let routes = routeFindings()
    async let gateways = gatewayFindings()
    async let sidecars = sidecarFindings()
    async let ingress = ingressFindings()
    let (a, b, c, d) = await (rights, kinds, namespace, secrets)
    let (e, f, g) = await (quotas, webhooks, owners)
    let (h, i, j, k) = await (certificates, limits, routes, gateways)
    let (l, m) = await (sidecars, ingress)
    return [a, b, c, d, e, f, g, h, i, j, k, l, m].flatMap { $0 }.inReadingOrder
  }

  // MARK: - Kinds

  /// Kinds that the server does not have, and that no manifest of the plan defines.
  private func kindFindings() async -> [Diagnostic] {
    var firsts: [String: (apiVersion: String, kind: String, origin: SourceRange)] = [:]
    var defined: Set<String> = []
    for write in writes {
      guard let object = write.object, let apiVersion = object["apiVersion"]?.string else { continue }
      if write.id.kind == "CustomResourceDefinition", let kind = object.at("spec", "names", "kind")?.string,
        let group = object.at("spec", "group")?.string
      {
        defined.insert("\(group)/\(kind)")
      }
      let key = "\(apiVersion) \(write.id.kind)"
      if firsts[key] == nil { firsts[key] = (apiVersion, write.id.kind, write.origin) }
    }
    let uses = firsts.sorted { $0.key < $1.key }.map(\.value).filter { use in
      !defined.contains("\(GroupVersion(use.apiVersion)?.group ?? "")/\(use.kind)")
    }
    return await concurrently(uses) { use in
      guard let version = GroupVersion(use.apiVersion) else { return nil }
      do throws(ClusterError) {
        _ = try await cluster.resourceType(of: use.kind, in: version)
        return nil
      } catch {
        guard error.isNotFound else { return nil }
        return .missingKind(
          use.kind, in: version, others: (try? await cluster.versions(of: version.group)) ?? [], at: use.origin)
      }
    }.compactMap { $0 }
  }

  // MARK: - Owners

  /// Objects that stand where the plan would write, and are not the plan's.
  private func ownerFindings() async -> [Diagnostic] {
    var known: Set<ObjectID> = []
    var targets: [(id: ObjectID, target: ObjectReference)] = []
    var firsts: [ObjectID: Write] = [:]
    for write in writes {
      guard let object = write.object, inventory[write.id] == nil, known.insert(write.id).inserted else { continue }
      do throws(ClusterError) {
        targets.append((write.id, try await cluster.reference(to: object, write.id)))
        firsts[write.id] = write
      } catch {
        // Kinds that are missing are told by `kindFindings`; a silent server is not asked about each object.
        if error.isSilence { return [] }
      }
    }
    let seen = await cluster.glance(at: targets, isOurs: false)
    return await concurrently(targets) { [firsts] id, target in
      let live: Value?
      switch seen[id] {
      case .there(let object): live = object
      case .absent: live = nil
      case nil: live = try? await cluster.get(target)
      }
      guard let live, !isMade(live, by: plan.name), let write = firsts[id] else { return nil }
      if decisions.adopt(id) {
        if isHeadless(live), let object = write.object, !isHeadless(object) {
          return .headlessService(id, at: write.origin)
        }
        return await conflict(of: write, target, over: live)
      }
      return .foreignObject(
        id, owner: owner(of: live), isLabelled: isLabelled(live, plan.name), at: write.origin)
    }.compactMap { $0 }
  }

  /// What keeps an adoption from being done: fields of others that nobody said to take. In the middle of a run it would come
  /// too late.
  private func conflict(of write: Write, _ target: ObjectReference, over live: Value) async -> Diagnostic? {
    guard let object = write.object else { return nil }
    var request = ApplyRequest(
      object, to: target, fieldManager: ObjectWriter.fieldManager, dryRun: true, uid: live.at("metadata", "uid")?.string
    )
    guard let error = await refusal(of: request) else { return nil }
    let all = error.status?.fieldConflicts ?? []
    if all.isEmpty { return .writeFailed(.cluster(write.id, error), write) }
    let conflicts = all.filter { !$0.isClientSide(in: live) }
    guard decisions.take(conflicts, of: write.id, writing: object, over: live) else {
      return .writeFailed(.conflicts(write.id, conflicts), write)
    }
    // Conflicts come first; what the server makes of the rest shows when they are taken.
    request.force = true
    return await refusal(of: request).map { .writeFailed(.cluster(write.id, $0), write) }
  }

  /// Why the server would not take it. Rights are told by `accessFindings`, and whether it answers by everything else.
  private func refusal(of request: ApplyRequest) async -> ClusterError? {
    do throws(ClusterError) {
      _ = try await cluster.apply(request)
      return nil
    } catch {
      return error.isForbidden || error.status == nil ? nil : error
    }
  }
}

/// A Service without an address of its own: `clusterIP` is given when it is made, and never changes.
private func isHeadless(_ object: Value) -> Bool {
  object["kind"]?.string == "Service" && object.at("spec", "clusterIP")?.string == "None"
}

/// Whether an interrupted run of the plan may have made it.
func isMade(_ object: Value, by plan: String) -> Bool {
  isApplied(by: ObjectWriter.fieldManager, object) && isLabelled(object, plan)
}

extension Cluster {
  /// Where `object` goes, by the version that it is written in.
  func reference(to object: Value, _ id: ObjectID) async throws(ClusterError) -> ObjectReference {
    try await resourceType(of: object).named(id.name, in: id.namespace)
  }
}

/// `body` of every item, some at a time; the results in the order of the items.
func concurrently<T: Sendable, R: Sendable>(
  _ items: [T], limit: Int = 16, _ body: @escaping @Sendable (T) async -> R
) async -> [R] {
  await withTaskGroup(of: (Int, R).self) { group in
    var results = [R?](repeating: nil, count: items.count)
    var next = 0
    while next < min(limit, items.count) {
      let (i, item) = (next, items[next])
      group.addTask { (i, await body(item)) }
      next += 1
    }
    while let (i, result) = await group.next() {
      results[i] = result
      if next < items.count {
        let (i, item) = (next, items[next])
        group.addTask { (i, await body(item)) }
        next += 1
      }
    }
    return results.compactMap { $0 }
  }
}
