internal import Diagnostics
internal import KubernetesModel
internal import RolloutPlan

/// Works out the names of a plan, and what is wrong with them.
struct Naming {
  let plan: Plan
  var problems: [LoweringProblem] = []
  var slots: [ObjectID: ObjectPlace] = [:]
  private let ownership: [Fields.Entry]

  init(_ plan: Plan) {
    self.plan = plan
    ownership = ownershipLabels(plan.name)
    let versions = plan.components.reduce(0) { $0 + $1.versions.count }
    slots.reserveCapacity(plan.components.count * 5 + versions)
  }

  mutating func components() -> [ComponentNames] {
    var callers = [[VersionID]](repeating: [], count: plan.components.count)
    for (c, component) in plan.components.enumerated() {
      for (v, version) in component.versions.enumerated() {
        var seen: [ComponentID] = []
        for callee in version.calls where callee.index < callers.count && !seen.contains(callee) {
          seen.append(callee)
          callers[callee.index].append(VersionID(ComponentID(c), v))
        }
      }
    }
    var inReleases = [Bool](repeating: false, count: plan.components.count)
    for release in plan.releases {
      for member in release.members where member.component.index < inReleases.count {
        inReleases[member.component.index] = true
      }
    }
    var exposures: [Int: [Exposure]] = [:]
    for exposure in plan.exposures { exposures[exposure.component.index, default: []].append(exposure) }
    let gateways = OwnGateways(plan)
    let byThemselves = plan.byThemselves

    var all: [ComponentNamesDraft] = []
    all.reserveCapacity(plan.components.count)
    for (i, component) in plan.components.enumerated() {
      all.append(
        names(
          i, component, callers: callers[i], isInReleases: inReleases[i], exposures: exposures[i] ?? [],
          gateways: gateways))
      all[i].runsByItself = byThemselves[i]
    }
    for (p, patch) in plan.patches.enumerated() {
      switch patch.target {
      case .deployment(let id, _): if id.index < all.count { all[id.index].deploymentPatches.append(p) }
      case .service(let id): if id.index < all.count { all[id.index].servicePatches.append(p) }
      case .route(let id): if id.index < all.count { all[id.index].routePatches.append(p) }
      case .rule(let id): if id.index < all.count { all[id.index].rulePatches.append(p) }
      case .object: break
      }
    }
    return all.map { ComponentNames($0) }
  }

  private mutating func names(
    _ index: Int, _ component: Component, callers: [VersionID], isInReleases: Bool, exposures: [Exposure],
    gateways: OwnGateways
  ) -> ComponentNamesDraft {
    let namespace = plan.namespace
    let service = component.service
    func id(_ group: String, _ kind: String, _ name: String) -> ObjectID {
      ObjectID(group: group, kind: kind, namespace: namespace, name: name)
    }
    let istio = "networking.istio.io"
    let order = component.versions.indices.sorted {
      isVersionOrdered(component.versions[$0].name, component.versions[$1].name)
    }
    let ports = portNames(component, order)
    let gatewayName = plan.components[gateways.owner(of: index)].service + "-gateway"
    let exposed = exposureNames(component, exposures, gateway: gatewayName)
    let hasEntry = !exposed.isEmpty
    let needsPort = gateways.needsPort(index, exposures)
    let isAlike = exposed.allSatisfy {
      !$0.isTCP && $0.path == exposed[0].path && $0.leftOut == exposed[0].leftOut && $0.hosts == exposed[0].hosts
    }
    let splitsExposures = exposed.count > 1 && (needsPort || !isAlike)
    let splitsPorts = splitsExposures && Set(exposed.map(\.port)).count > 1

    var names = ComponentNamesDraft(
      service: service,
      host: "\(service).\(namespace).svc.\(plan.clusterDomain)",
      serviceID: id("", "Service", service),
      gatewayID: id(istio, "Gateway", gatewayName),
      gatewayServers: gateways.servers[index] ?? [],
      ruleID: id(istio, "DestinationRule", service),
      entryID: id(istio, "VirtualService", service),
      meshID: id(istio, "VirtualService", hasEntry ? service + "-mesh" : service),
      standsInReleases: isInReleases,
      versions: [],
      versionOrder: order,
      isOrdered: zip(order, order.indices).allSatisfy { $0 == $1 },
      ports: ports,
      hasSeveralHTTPPorts: ports.reduce(0) { $0 + ($1.isHTTP ? 1 : 0) } > 1,
      callers: callerNames(callers),
      claims: claims(index, component),
      exposures: exposed,
      splitsExposures: splitsExposures,
      splitsPorts: splitsPorts,
      needsPort: splitsPorts || needsPort,
      labels: .object(Fields([text("app", service)] + ownership)),
      stickyCookie: "rolloutc-\(plan.name)-\(component.name)"
    )
    if service.utf8.count > 63 { problems.append(.nameTooLong(service, component.nameRange)) }
    claim(names.serviceID, index, .service, component.nameRange)
    claim(names.ruleID, index, .rule, component.nameRange)
    claim(names.meshID, index, .mesh, component.nameRange)
    if hasEntry {
      claim(names.entryID, index, .entry, exposed[0].range)
      if !names.gatewayServers.isEmpty { claim(names.gatewayID, index, .gateway, exposed[0].range) }
    }
    for (c, volume) in names.claims.enumerated() { claim(volume.id, index, .claim(c), volume.range) }

    names.versions.reserveCapacity(component.versions.count)
    for (v, version) in component.versions.enumerated() {
      let slug = version.slug
      let subset = ComponentVersion.subset(slug: slug)
      let deployment = id("apps", "Deployment", service + "-" + slug)
      claim(deployment, index, .deployment(v), version.range)
      if deployment.name.utf8.count > 63 { problems.append(.nameTooLong(deployment.name, version.range)) }
      let selector: Value = object(text("app", service), text("version", version.name))
      let portIndices = version.ports.compactMap { port in ports.firstIndex { $0.number == port.number } }
      names.versions.append(
        VersionNames(
          name: version.name,
          subset: subset,
          deploymentID: deployment,
          ports: portIndices,
          claims: version.volumes.compactMap { volume in names.claims.firstIndex { $0.name == volume.claim } },
          entryPorts: exposed.map { entryPort($0, portIndices, ports) },
          metadata: object(
            text("name", deployment.name), text("namespace", namespace),
            field("labels", .object(Fields([text("app", service), text("version", version.name)] + ownership)))),
          specBehindReplicas: deploymentSpec(
            service: service, version, ports: portIndices.map { ports[$0] }, selector: selector),
          subsetValue: object(text("name", subset), field("labels", selector))
        ))
      for check in [version.readiness, version.liveness] {
        if let check, case .http(let method, _, _) = check.action, method != "GET" {
          problems.append(.probeMethod(method, check.range))
        }
      }
    }
    return names
  }

  /// Notes that `id` is written for this component; a second owner is a problem, and the first one keeps it.
  private mutating func claim(_ id: ObjectID, _ component: Int, _ slot: ObjectSlot, _ range: SourceRange) {
    if let first = slots[id] {
      problems.append(.sameObject(id, first: first.range, second: range))
    } else {
      slots[id] = ObjectPlace(component: component, slot: slot, range: range)
    }
  }

  /// One name per number of the Service, the same in every state: pods of every version must give it the same meaning,
  /// for a Service finds its target port by name, in each pod at a number of its own.
  private mutating func portNames(_ component: Component, _ order: [Int]) -> [PortNames] {
    var ports: [PortNames] = []
    var seen: [Port] = []
    var counts: [PortProtocol: Int] = [:]
    for v in order {
      for port in component.versions[v].ports {
        if let known = seen.first(where: { $0.number == port.number }) {
          if known.proto != port.proto {
            let problem = LoweringProblem.portWithTwoProtocols(
              number: port.number, first: known.range, second: port.range)
            if !problems.contains(problem) { problems.append(problem) }
          }
          continue
        }
        seen.append(port)
        let count = counts[port.proto, default: 0] + 1
        counts[port.proto] = count
        // A connection that the workload encrypts itself is opaque to the mesh. As `https` or `tls` Istio would route
        // it by its SNI, which callers set to whatever name they dial; as `tcp` a lane holds for every connection.
        let isOpaque = port.proto == .https || port.proto == .tls
        let base = isOpaque ? "tcp-" + port.proto.rawValue : port.proto.rawValue
        let name = count == 1 ? base : "\(base)-\(count)"
        ports.append(
          PortNames(
            number: port.number,
            name: name,
            isHTTP: port.proto.isHTTP,
            value: object(
              text("name", name), number("port", port.number), text("protocol", "TCP"),
              text("appProtocol", isOpaque ? "tcp" : port.proto.rawValue), text("targetPort", name))
          ))
      }
    }
    return ports
  }

  private func callerNames(_ callers: [VersionID]) -> [CallerNames] {
    let named = callers.map { id in
      let service = plan.components[id.component.index].service
      return (id: id, service: service, version: plan.components[id.component.index].versions[id.index].name)
    }
    let sorted = named.sorted { a, b in
      a.service == b.service ? isVersionOrdered(a.version, b.version) : a.service < b.service
    }
    return sorted.map { id, service, version in
      CallerNames(
        id: id, lane: "lane-" + service + "-" + version,
        labels: object(text("app", service), text("version", version)))
    }
  }

  private func claims(_ index: Int, _ component: Component) -> [ClaimNames] {
    var claims: [ClaimNames] = []
    for version in component.versions {
      for volume in version.volumes where !claims.contains(where: { $0.name == volume.claim }) {
        let id = ObjectID(
          group: "", kind: "PersistentVolumeClaim", namespace: plan.namespace, name: volume.claim)
        // Two components with one claim: an error elsewhere; here the first one has it.
        if slots[id] != nil { continue }
        claims.append(ClaimNames(name: volume.claim, id: id, size: volume.size, range: volume.range))
      }
    }
    return claims.count > 1 ? claims.sorted { $0.name < $1.name } : claims
  }

  private func exposureNames(
    _ component: Component, _ exposures: [Exposure], gateway: String
  ) -> [ExposureNames] {
    exposures.map { exposure in
      ExposureNames(
        port: exposure.port, isTCP: exposure.isTCP(component), passesTLS: exposure.passesTLS(component),
        mayEndTLS: exposure.passesTLS(component) && mayEndTLS(exposure),
        hosts: exposure.hosts.isEmpty ? ["*"] : exposure.hosts,
        path: exposure.path, leftOut: plan.pathsLeftOut(of: exposure),
        gateway: exposure.gateway ?? gateway, range: exposure.range)
    }
  }

  private func mayEndTLS(_ exposure: Exposure) -> Bool {
    guard let gateway = exposure.gateway else { return false }
    return !plan.exposures.contains { other in
      other.gateway == gateway && other.port == exposure.port && other.component != exposure.component
        && other.isTCP(plan[other.component])
    }
  }

  /// The port of its own number and kind, else the first of its kind.
  private func entryPort(_ exposure: ExposureNames, _ indices: [Int], _ ports: [PortNames]) -> Int? {
    let fitting = indices.filter { ports[$0].isHTTP != exposure.isTCP }
    return fitting.first { ports[$0].number == exposure.port } ?? fitting.first
  }

  mutating func manifests() -> [ManifestObject] {
    var all: [ManifestObject] = []
    var ranges: [ObjectID: SourceRange] = [:]
    for manifest in plan.manifests {
      for document in manifest.objects {
        guard case .object(var fields) = document, var metadata = fields["metadata"]?.fields,
          let kind = fields["kind"]?.string
        else { continue }
        if metadata["namespace"] == nil, !clusterScopedKinds.contains(kind) {
          metadata["namespace"] = .string(plan.namespace)
        }
        var labels = metadata["labels"]?.fields ?? Fields()
        for entry in ownership { labels[entry.key] = entry.value }
        metadata["labels"] = .object(labels)
        fields["metadata"] = .object(metadata)
        let value = Value.object(fields)
        guard let id = ObjectID(value) else { continue }
        if let first = slots[id]?.range ?? ranges[id] {
          problems.append(.sameObject(id, first: first, second: manifest.range))
          continue
        }
        ranges[id] = manifest.range
        all.append(ManifestObject(id: id, value: value, range: manifest.range, isKept: keptKinds.contains(kind)))
      }
    }
    return all
  }
}

/// The labels by which our objects are found again.
func ownershipLabels(_ plan: String) -> [Fields.Entry] {
  [text("app.kubernetes.io/managed-by", "rolloutc"), text("app.kubernetes.io/part-of", plan)]
}

/// Kinds without a namespace that a manifest is likely to hold.
private let clusterScopedKinds: Set<String> = [
  "APIService", "CSIDriver", "CertificateSigningRequest", "ClusterIssuer", "ClusterRole", "ClusterRoleBinding",
  "CustomResourceDefinition", "GatewayClass", "IngressClass", "MutatingWebhookConfiguration", "Namespace", "Node",
  "PersistentVolume", "PodSecurityPolicy", "PriorityClass", "RuntimeClass", "StorageClass",
  "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
  "VolumeSnapshotClass",
]

/// Deleting one of these takes data, or everything inside it, with it.
private let keptKinds: Set<String> = [
  "CustomResourceDefinition", "Namespace", "PersistentVolume", "PersistentVolumeClaim",
]
