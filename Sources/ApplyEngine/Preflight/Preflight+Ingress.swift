internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension Preflight {
  /// Ways in: a Gateway tells the pods that it selects to listen, and visitors come to these by a Service. One that selects
  /// nobody, or a port that the Service has not, is open to nobody. How else they may come in, the cluster does not say.
  func ingressFindings() async -> [Diagnostic] {
    guard looksForIngress else { return [] }
    var gateways: [ObjectID: Value] = [:]
    for write in writes where write.id.kind == "Gateway" && write.id.group == networking {
      gateways[write.id] = write.object
    }
    let entries = Set(
      writes.compactMap { $0.object == nil ? nil : itinerary.compiled.renderer.exposedComponent(of: $0.id) })
    let exposures = plan.exposures.filter { entries.contains($0.component) }
    // Who may not see all of them cannot say that one is missing.
    guard !exposures.isEmpty, let live = try? await cluster.list(ResourceType.services.collection(in: nil)).items
    else { return [] }
    let services = withWritten(live)
    var found: [Diagnostic] = []
    for exposure in exposures {
      let id = itinerary.compiled.renderer.gatewayID(of: exposure.component, exposure)
      let isOwn = gateways[id] != nil
      if !isOwn { gateways[id] = await standing(id) }
      guard let selector = gateways[id]?.at("spec", "selector")?.fields, !selector.isEmpty else { continue }
      if !services.ingresses(of: selector, port: exposure.port).isEmpty { continue }
      let pods = await pods(of: selector)
      let fronts = services.filter { service in
        service.isIngress(of: selector) || pods.contains { service.selects($0) }
      }
      if fronts.contains(where: { $0.mayLead(to: exposure.port) }) { continue }
      let missing: Diagnostic =
        fronts.isEmpty
        ? .noIngress(of: id, selector, others: services.filter(isIngress), isOwn: isOwn, at: exposure.range)
        : .ingressWithoutPort(exposure.port, fronts, of: id, at: exposure.range)
      if !found.contains(where: { $0.message == missing.message }) { found.append(missing) }
    }
    return found
  }

  /// The Services as they will be: an ingress may come with the plan, as a manifest.
  private func withWritten(_ live: [Value]) -> [Value] {
    var services: [ObjectID: Value] = [:]
    for write in writes where write.id.kind == "Service" && write.id.group.isEmpty {
      services[write.id] = write.object
    }
    let others = live.filter { service in
      let (namespace, name) = place(of: service)
      return services[ObjectID(group: "", kind: "Service", namespace: namespace, name: name)] == nil
    }
    return others + services.values.sorted { place(of: $0) < place(of: $1) }
  }

  /// Those that a Gateway selects, wherever they are, and those that the plan brings; none of the others where they may not
  /// be seen.
  private func pods(of selector: Fields) async -> [Value] {
    let collection = ResourceType.pods.collection(in: nil).selecting(selectorText(selector))
    let live = (try? await cluster.list(collection).items) ?? []
    return live
      + writes.compactMap { write -> Value? in
        guard let labels = write.object?.at("spec", "template", "metadata", "labels"), selector.selects(labels) else {
          return nil
        }
        return ["metadata": ["namespace": .string(write.id.namespace), "labels": labels]]
      }
  }

  private func standing(_ id: ObjectID) async -> Value? {
    guard let type = await gatewayType() else { return nil }
    return try? await cluster.get(type.named(id.name, in: id.namespace))
  }

  /// By the label that Istio's charts and AKS's add-on give.
  private func isIngress(_ service: Value) -> Bool {
    service.at("spec", "selector", "istio")?.string?.contains("ingress") ?? false
  }
}

extension Diagnostic {
  fileprivate static func ingressWithoutPort(
    _ port: Int, _ services: [Value], of id: ObjectID, at range: SourceRange
  ) -> Diagnostic {
    var found = Diagnostic(
      .gatewayUnusable, "no Service in front of `\(id)` has port \(port)",
      at: Label(range, "nobody comes in here"),
      notes: services.map { service in
        let ports = (service.at("spec", "ports")?.array ?? []).compactMap { $0["port"]?.int }.map(String.init)
        return "\(words(of: service)) has \(ports.isEmpty ? "none" : ports.joined(separator: ", "))"
      },
      help:
        "add the port to it, expose on one that it has, or say with `--gateway` or `ROLLOUTC_GATEWAY` where visitors come in"
    )
    found.severity = .warning
    return found
  }

  fileprivate static func noIngress(
    of id: ObjectID, _ selector: Fields, others: [Value], isOwn: Bool, at range: SourceRange
  ) -> Diagnostic {
    let label = others.lazy.compactMap { $0.at("spec", "selector", "istio")?.string }.first
    let help =
      if let label, isOwn, selector == ["istio": "ingressgateway"] {
        "let the Gateway select them: `patch Gateway \(id.name) \"spec: {selector: {istio: \(label)}}\"`"
      } else if label != nil {
        "let `spec.selector` of the Gateway have the labels of one of them"
      } else {
        "install an ingress gateway, or say with `--gateway` or `ROLLOUTC_GATEWAY` where visitors come in"
      }
    var found = Diagnostic(
      .gatewayUnusable, "no Service stands in front of the pods that `\(id)` selects",
      at: Label(range, "nobody comes in here"),
      notes: ["it selects `\(selectorText(selector))`"]
        + others.map { "\(words(of: $0)) has those of `\(selectorText($0.at("spec", "selector")?.fields ?? [:]))`" },
      help: help)
    found.severity = .warning
    return found
  }
}

extension Value {
  /// Whether this Service is for a pod with these labels.
  fileprivate func selects(_ pod: Value) -> Bool {
    at("metadata", "namespace") == pod.at("metadata", "namespace")
      && at("spec", "selector")?.fields?.selects(pod.at("metadata", "labels")) ?? false
  }

  /// Which number a port is that leads to a named one, the pods say.
  fileprivate func mayLead(to number: Int) -> Bool {
    ingressPort(number) != nil || (at("spec", "ports")?.array ?? []).contains { $0["targetPort"]?.string != nil }
  }
}

private func words(of service: Value) -> String {
  let (namespace, name) = place(of: service)
  return "Service/\(name) in \(namespace)"
}
