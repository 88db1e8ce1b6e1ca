internal import Diagnostics
internal import KubernetesModel
internal import MeshModel

/// Services and the pods behind them.
extension FolderLints {
  mutating func findSelector(_ service: FolderObjects.Front) {
    let selector = service.service.selector
    guard service.hasSelector else { return }
    if !objects.pods.isEmpty, objects.pods(behind: service).isEmpty {
      report(
        .serviceSelector, "\(service.id) selects `\(words(selector))`, and no pod has these labels",
        at: service.object, notes: ["whoever calls it gets 503 UH"],
        help: "select labels that the pods' template has", host: service.service.host, causes: [.noReadyPods])
    }
    for rule in objects.rules(for: service.service.host) {
      for subset in rule.subsets {
        guard
          let key = subset.labels.keys.sorted().first(where: { key in
            selector[key].map { $0 != subset.labels[key] } ?? false
          })
        else { continue }
        report(
          .serviceSelector,
          "subset `\(subset.name)` of `\(service.id.name)` is always empty: the Service selects `\(key): \(selector[key] ?? "")`",
          at: service.object, notes: ["a subset is chosen among the pods that the Service selects"],
          help: "leave `\(key)` out of the Service's selector", host: service.service.host, causes: [.noReadyPods])
      }
    }
  }

  /// Pods of several kinds behind one Service: a numeric target port takes all of them, a named one only those that have
  /// it.
  mutating func findMixedPods(_ service: FolderObjects.Front) {
    let pods = objects.pods(behind: service).filter { !$0.ports.isEmpty }
    for port in service.service.ports where port.proto != .udp {
      guard case .number(let number) = port.target else { continue }
      let deaf = pods.filter { pods in !pods.ports.contains { $0.number == number } }
      if deaf.isEmpty || deaf.count == pods.count { continue }
      report(
        .serviceSelector,
        "\(service.id) leads port \(port.number) to \(names(deaf)), which \(deaf.count == 1 ? "does" : "do") not listen on \(number)",
        at: service.object,
        notes: ["only a route that names a subset keeps requests away from them; all others meet them by turns"],
        help: "write `targetPort` as the name of a port that only the right pods have", host: service.service.host,
        causes: [.wrongPort])
    }
  }

  /// Istio then looks at the first bytes; that costs time, fails where the server speaks first, and makes http rules and
  /// tcp rules change places.
  mutating func findUndeclaredProtocols(_ service: FolderObjects.Front) {
    let host = service.service.host
    guard objects.routes.contains(where: { $0.hosts.contains(host) }) || !objects.rules(for: host).isEmpty else {
      return
    }
    for port in service.service.ports where port.proto == .sniffed {
      report(
        .undeclaredProtocol, "port \(port.number) of \(service.id) does not say what it speaks", at: service.object,
        notes: ["Istio guesses from the first bytes, which is too late for a server that speaks first"],
        help: "write `appProtocol: http`, or name the port `http-…`, `tcp-…`", host: host)
    }
  }

  /// Without a readiness probe, a pod counts as ready as soon as its process runs.
  mutating func findMissingProbes() {
    for pods in objects.pods where !pods.isPod && pods.replicas > 0 {
      let isRouted = objects.services.contains { service in
        service.id.namespace == pods.id.namespace && service.hasSelector && pods.has(service.service.selector)
          && objects.rules(for: service.service.host).flatMap(\.subsets).contains { pods.has($0.labels) }
      }
      let containers = pods.template.at("spec", "containers")?.array ?? []
      guard isRouted, !containers.isEmpty, !containers.contains(where: { $0["readinessProbe"] != nil }) else {
        continue
      }
      report(
        .noReadinessProbe, "\(pods.id) has no readiness probe, and is a version that requests are led to",
        at: pods.object, notes: ["its pods get requests as soon as their process runs: until it listens, 503 UF"],
        help: "write a `readinessProbe`")
    }
  }
}
