internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension Preflight {
  /// The Gateways of `through gateway`: routes that are bound to one that is not there, or that does not listen for them, are
  /// followed by nobody, and the run would wait for their answers in vain.
  func gatewayFindings() async -> [Diagnostic] {
    let renderer = itinerary.compiled.renderer
    let written = Set(writes.filter { $0.object != nil }.map(\.id))
    let entries = Set(written.compactMap { renderer.exposedComponent(of: $0) })
    let exposures = plan.exposures.filter { exposure in
      exposure.gateway != nil && entries.contains(exposure.component)
        && !written.contains(renderer.gatewayID(of: exposure.component, exposure))
    }
    if exposures.isEmpty { return [] }
    // A cluster without Istio is told of by `kindFindings`.
    guard let type = await gatewayType() else { return [] }
    return await concurrently(exposures) { exposure in
      let id = renderer.gatewayID(of: exposure.component, exposure)
      do throws(ClusterError) {
        let gateway = try await cluster.get(type.named(id.name, in: id.namespace))
        let servers = gateway.at("spec", "servers")?.array ?? []
        let open = servers.filter { $0.at("port", "number")?.int == exposure.port }
        if open.isEmpty {
          let ports = Set(servers.compactMap { $0.at("port", "number")?.int }).sorted()
          return .gatewayWithoutPort(id, exposure.port, has: ports, at: exposure.range)
        }
        let listened = open.flatMap { listenedHosts(of: $0, in: id.namespace, for: plan.namespace) }
        let unheard = exposure.hosts.filter { host in !listened.contains { hostsMeet(host, $0) } }
        return unheard.isEmpty ? nil : .gatewayWithoutHost(id, unheard, has: listened, at: exposure.range)
      } catch {
        // Who may not read it finds out where the run asks the gateway.
        guard error.isNotFound else { return nil }
        var missing = Diagnostic.gatewayMissing(id, at: exposure.range)
        // It cannot be there before its namespace is.
        if id.namespace == plan.namespace, !plan.namespaceExists, inventory.entries.isEmpty {
          missing.severity = .warning
        }
        return missing
      }
    }.compactMap { $0 }
  }
}

extension Preflight {
  /// Nil in a cluster without Istio.
  func gatewayType() async -> ResourceType? {
    guard let version = try? await cluster.versions(of: networking).first else { return nil }
    return try? await cluster.resourceType(of: "Gateway", in: GroupVersion(group: networking, version: version))
  }
}

let networking = "networking.istio.io"

/// The hosts of a Gateway's server that it has for VirtualServices of `namespace`. Istio: `NAMESPACE/HOST`, `./HOST` for those
/// beside the Gateway, `*/HOST` and `HOST` for all.
func listenedHosts(of server: Value, in gatewayNamespace: String, for namespace: String) -> [String] {
  (server["hosts"]?.array ?? []).compactMap(\.string).compactMap { text in
    guard let slash = text.firstIndex(of: "/") else { return text }
    let scope = text[..<slash] == "." ? gatewayNamespace : String(text[..<slash])
    return scope == "*" || scope == namespace ? String(text[text.index(after: slash)...]) : nil
  }
}

extension Diagnostic {
  fileprivate static func gatewayMissing(_ id: ObjectID, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .gatewayUnusable, "there is no `\(id)` in the namespace `\(id.namespace)`",
      at: Label(range, "visitors come by it"),
      notes: ["routes that are bound to it would be followed by nobody"],
      help: "create it, correct the name, or leave out `through gateway`: then the plan makes its own")
  }

  fileprivate static func gatewayWithoutPort(
    _ id: ObjectID, _ port: Int, has ports: [Int], at range: SourceRange
  ) -> Diagnostic {
    var found = Diagnostic(
      .gatewayUnusable, "`\(id)` in the namespace `\(id.namespace)` has no server for port \(port)",
      at: Label(range, "visitors come by it"),
      notes: ports.isEmpty ? [] : ["it listens on \(ports.map(String.init).joined(separator: ", "))"],
      help: "let its owner add the port, or expose on one that it has")
    found.severity = .warning
    return found
  }

  fileprivate static func gatewayWithoutHost(
    _ id: ObjectID, _ hosts: [String], has others: [String], at range: SourceRange
  ) -> Diagnostic {
    let names = hosts.map { "`\($0)`" }.joined(separator: ", ")
    var found = Diagnostic(
      .gatewayUnusable, "`\(id)` in the namespace `\(id.namespace)` does not listen for \(names)",
      at: Label(range, "visitors come by it"),
      notes: others.isEmpty
        ? ["it has no host for routes of this namespace"]
        : ["for routes of this namespace it has \(others.map { "`\($0)`" }.joined(separator: ", "))"],
      help: "let its owner add the host, or expose for one that it has")
    found.severity = .warning
    return found
  }
}
