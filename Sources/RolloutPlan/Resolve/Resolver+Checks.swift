import Diagnostics
import KubernetesModel

/// What can be told from the declarations alone, once all of them are resolved.
extension Resolver {
  func checkDeclarations() {
    guard !taint.everything else { return }
    checkObjectNames()
    if !hasBrokenRelease { checkReleases() }
    checkPorts()
    reportUnservedPorts()
    checkVolumes()
    checkPatchedPods()
    checkPatchedPolicies()
    checkPatchedRetries()
  }

  // MARK: - Names in the cluster

  private func checkObjectNames() {
    var services: [String: Int] = [:]
    var deployments: [String: SourceRange] = [:]
    services.reserveCapacity(plan.components.count)
    deployments.reserveCapacity(plan.components.reduce(0) { $0 + $1.versions.count })
    for (c, component) in plan.components.enumerated() {
      let twin = services.updateValue(c, forKey: component.service)
      if let twin {
        report(
          .nameCollision(
            "two components would be the Service `\(component.service)`", at: component.nameRange,
            earlier: plan.components[twin].nameRange, help: "rename one of them, or give it another `service`"))
      }
      var names: [(name: String, range: SourceRange)] = []
      for (v, version) in component.versions.enumerated() where !brokenVersions.contains(VersionID(ComponentID(c), v)) {
        let name = component.service + "-" + version.slug
        names.append((name, version.range))
        // Two components that are one Service share all that is named after it.
        if twin == nil, let earlier = deployments.updateValue(version.range, forKey: name) {
          report(
            .nameCollision(
              "two versions would be the Deployment `\(name)`", at: version.range, earlier: earlier,
              help: "rename one of them; in a Deployment's name `.` and `_` are `-`, and capitals are small letters"))
        }
      }
      if plan.exposure(of: ComponentID(c)) != nil {
        names += ["-mesh", "-gateway"].map { (component.service + $0, component.nameRange) }
      }
      reportTooLong(names, of: component)
    }
    for manifest in plan.manifests where !plan.namespaceExists {
      let own = manifest.objects.contains {
        ObjectID($0).map { $0.kind == "Namespace" && $0.name == plan.namespace } ?? false
      }
      if own {
        report(
          .nameCollision(
            "the plan makes the namespace `\(plan.namespace)` itself", at: manifest.range, earlier: plan.nameRange,
            help: "leave it out of `\(manifest.path)`; `patch Namespace \(plan.namespace) …` adds labels to it"))
      }
    }
    if meshless.contains(plan.namespace) {
      report(.meshlessNamespace(plan.namespace, at: namespaceRange ?? plan.nameRange))
    }
    checkPodsOfManifests()
    checkMetrics()
    for component in plan.components {
      var sizes: [String: Volume] = [:]
      for volume in component.versions.flatMap(\.volumes) {
        if let earlier = sizes[volume.claim], earlier.size != volume.size {
          report(
            .duplicateSetting(
              "the volume `\(volume.claim)` is of \(volume.size) here, and of \(earlier.size) before", at: volume.range,
              earlier: earlier.range))
        } else {
          sizes[volume.claim] = volume
        }
      }
    }
    checkForeignGateways()
    let meetings = meetings()
    for (e, exposure) in plan.exposures.enumerated() {
      let component = plan[exposure.component]
      for earlier in meetings[e] { checkMeeting(exposure, plan.exposures[earlier]) }
      let ports = component.versions.flatMap(\.ports)
      checkTLS(exposure)
      checkTarget(exposure)
      if exposure.path != "/", !speaksHTTP(exposure), !taint.covers(exposure.component) {
        report(
          .needsHTTP(
            component.name, what: "a path is read from requests", help: "leave `path` out", at: exposure.range,
            ports: ports))
      }
      if plan.exposure(of: exposure.component)?.range != exposure.range { continue }
      for suffix in ["-mesh", "-gateway"] {
        let name = component.service + suffix
        if suffix == "-mesh", let other = services[name].map({ plan.components[$0] }) {
          report(
            .nameCollision(
              "the VirtualService of `\(component.name)` inside the mesh and that of `\(other.name)` would be `\(name)`",
              at: other.nameRange, earlier: exposure.range, help: "rename one of them, or give it another `service`"))
        }
      }
    }
  }

  /// Visitors of a line send requests, as far as that is known: of a component without a port another error tells.
  func speaksHTTP(_ exposure: Exposure) -> Bool {
    let component = plan[exposure.component]
    return component.versions.allSatisfy(\.ports.isEmpty) || !exposure.isTCP(component)
  }

  /// Istio counts requests, and measures them, only where it sees them.
  private func checkMetrics() {
    // What stands in for one that could not be read has the place of the next.
    var seen: Set<SourceRange> = []
    for metric in plan.metrics where seen.insert(metric.range).inserted {
      guard case .istio(let source, let component) = metric.source else { continue }
      let blind: ComponentID?
      if let component {
        let ports = plan[component].versions.flatMap(\.ports)
        blind = ports.isEmpty || ports.contains { $0.proto.isHTTP } ? nil : component
      } else {
        blind = plan.exposures.contains(where: speaksHTTP) ? nil : plan.exposures.first?.component
      }
      guard let blind, !taint.covers(blind), !hasBrokenExposure else { continue }
      report(
        .needsHTTP(
          plan[blind].name, what: "\(source.rawValue) is measured of requests",
          help: component == nil
            ? "say of which component it is, as `of NAME`" : "measure a component that speaks http",
          at: metric.range, ports: plan[blind].versions.flatMap(\.ports)))
    }
  }

  /// A name that is too long by itself was reported where it is given, and one that is too long for all that is made of
  /// it is one fault.
  private func reportTooLong(_ names: [(name: String, range: SourceRange)], of component: Component) {
    let long = names.filter { $0.name.utf8.count > 63 }
    guard component.service.utf8.count <= 63, let longest = long.max(by: { $0.name.utf8.count < $1.name.utf8.count })
    else { return }
    let isShared = long.contains { $0.range != longest.range }
    report(.nameTooLong(longest.name, at: isShared ? component.nameRange : longest.range))
  }

  /// By line: the earlier ones at its port that it may be at odds with, in order.
  ///
  /// Requests for hosts without a wildcard meet only where two lines name one host, if the gateways are the plan's own and
  /// speak TLS for both or for none, and if no component has other hosts at another port. Of such lines there may be many,
  /// and not all pairs are looked at.
  private func meetings() -> [[Int]] {
    struct Port {
      var lines: [Int] = []
      var odd: [Int] = []
      /// The rest, with TLS and without.
      var plain: [Bool: [Int]] = [:]
      var byHost: [String: [Int]] = [:]
    }
    var ports: [Int: Port] = [:]
    return plan.exposures.enumerated().map { e, exposure in
      let hasTLS = exposure.tlsSecret != nil
      var port = ports.removeValue(forKey: exposure.port) ?? Port()
      defer {
        port.lines.append(e)
        ports[exposure.port] = port
      }
      guard isPlain(exposure) else {
        port.odd.append(e)
        return port.lines
      }
      var earlier = Set(port.odd).union(port.plain[!hasTLS] ?? [])
      for host in exposure.hosts {
        earlier.formUnion(port.byHost[host] ?? [])
        port.byHost[host, default: []].append(e)
      }
      port.plain[hasTLS, default: []].append(e)
      return earlier.sorted()
    }
  }

  private func isPlain(_ exposure: Exposure) -> Bool {
    guard exposure.gateway == nil, speaksHTTP(exposure), !exposure.hosts.contains(where: { $0.hasPrefix("*") }) else {
      return false
    }
    let others = plan.exposures.lines(of: exposure.component)
    return others.count == 1 || others.flatMap(\.hosts).allSatisfy(Set(exposure.hosts).contains)
  }

  /// Pods in a manifest that a Service of the plan would take for its own.
  private func checkPodsOfManifests() {
    if plan.manifests.isEmpty { return }
    let components = Dictionary(plan.components.map { ($0.service, $0) }, uniquingKeysWith: { first, _ in first })
    for manifest in plan.manifests {
      for object in manifest.objects {
        guard let id = ObjectID(object), id.namespace.isEmpty || id.namespace == plan.namespace else { continue }
        let template =
          id.kind == "Pod"
          ? object : object.at("spec", "template") ?? object.at("spec", "jobTemplate", "spec")?["template"]
        guard let app = template?.at("metadata", "labels", "app")?.string,
          let component = components[app]
        else { continue }
        report(
          .notFollowed(
            "\(id)", "its pods carry `app: \(app)`, and get requests that are meant for `\(component.name)`",
            at: manifest.range))
      }
    }
  }

  /// A VirtualService is bound to each server of a gateway with each of its hosts. The plan's own servers have just the hosts
  /// of their lines; what those of others have, nobody knows, so that one line's visitors could come by the other's port.
  /// Of paths each route says for which port it is.
  private func checkForeignGateways() {
    guard brokenExposures.isEmpty else { return }
    for (e, exposure) in plan.exposures.enumerated() where speaksHTTP(exposure) && !taint.covers(exposure.component) {
      let earlier = plan.exposures.indices(of: exposure.component).prefix { $0 < e }.map { plan.exposures[$0] }.last {
        speaksHTTP($0) && ($0.gateway ?? exposure.gateway) != nil
      }
      guard let earlier, Set(earlier.hosts) != Set(exposure.hosts) else { continue }
      report(
        .exposeConflict(
          "`\(plan[exposure.component].name)` has other hosts here, through a gateway that is not the plan's: its routes would be for the hosts of both lines, at both ports",
          at: exposure.range, earlier: earlier.range,
          help: "give both lines the same hosts, or let the plan make its own gateway"))
    }
  }

  /// Where TLS ends: at the gateway with `tls secret`, else in the pods, if they speak it.
  private func checkTLS(_ exposure: Exposure) {
    if taint.covers(exposure.component) { return }
    let taken = exposure.passedPorts(plan[exposure.component])
    if exposure.tlsSecret != nil {
      if let port = taken.first(where: { $0.proto.isTLS || $0.proto.isServerFirst }) {
        report(.tlsEndsEarly(plan[exposure.component].name, port, exposed: exposure.port, at: exposure.range))
      }
    } else if exposure.port == 443, exposure.gateway == nil, taken.isEmpty || !taken.allSatisfy(\.proto.isTLS) {
      report(.exposeNeedsTLS(taken.first { $0.proto.isServerFirst }, at: exposure.range))
    }
  }

  /// Which port visitors come to, where its number does not say it. Behind 80 and 443 the only http port is meant.
  private func checkTarget(_ exposure: Exposure) {
    if taint.covers(exposure.component) { return }
    let component = plan[exposure.component]
    let isTCP = exposure.isTCP(component)
    for version in component.versions where version.ports.count > 1 {
      let fitting = version.ports.filter { $0.proto.isHTTP != isTCP }
      guard let first = fitting.first, !fitting.contains(where: { $0.number == exposure.port }) else { continue }
      if fitting.count == 1, isTCP || [80, 443].contains(exposure.port) { continue }
      return report(
        .guessedPort(
          exposure.port, of: component.name, led: first, isFirst: fitting.count > 1, at: exposure.range))
    }
  }

  /// Two ways in at one port of a gateway. Istio makes one listener of all Gateways that ask for a port, and one list of
  /// routes of all VirtualServices of a host; what does not fit into them is left out without a word (`MergeGateways`).
  private func checkMeeting(_ exposure: Exposure, _ earlier: Exposure) {
    if taint.covers(exposure.component) || taint.covers(earlier.component) { return }
    if brokenExposures.contains(exposure.range) || brokenExposures.contains(earlier.range) { return }
    func conflict(_ message: String, _ help: String) {
      // One host and path of both was told where the line stands.
      let isTold = diagnostics.contains { told in
        told.code == .exposeConflict && told.primary.range == exposure.range
          && told.secondary.contains { $0.range == earlier.range }
      }
      if isTold { return }
      report(.exposeConflict(message, at: exposure.range, earlier: earlier.range, help: help))
    }
    let isOwn = exposure.gateway == nil && earlier.gateway == nil
    let isHTTP = speaksHTTP(exposure)
    // Of clients that speak TLS the gateway knows the host that they ask for, be it the end of it or not.
    let speaksTLS = [exposure, earlier].map { $0.tlsSecret != nil || $0.passesTLS(plan[$0.component]) }
    let showsHosts = speaksTLS == [true, true]
    let isToldApart = showsHosts && !exposure.meets(earlier)
    if exposure.gateway == earlier.gateway, !isToldApart, !isHTTP || !speaksHTTP(earlier) {
      if showsHosts {
        return conflict(
          "hosts of two components overlap at port \(exposure.port), where nothing but the host tells connections apart",
          "give each hosts of its own, or one of them another port")
      }
      let what = isHTTP == speaksHTTP(earlier) ? "two components take connections" : "connections and requests come in"
      return conflict(
        "\(what) at port \(exposure.port): the gateway cannot tell them apart", "give one of them another port")
    }
    if isOwn, speaksTLS[0] != speaksTLS[1] {
      return conflict(
        "port \(exposure.port) is to speak TLS for one component and not for the other", "give one of them another port"
      )
    }
    guard exposure.gateway == earlier.gateway else {
      // Another gateway, by name, is taken for another proxy; whether it is, the plan cannot know.
      if exposure.sharesHost(earlier), exposure.covers(earlier.path) || earlier.covers(exposure.path) {
        report(
          .notFollowed(
            "`\(exposure.gateway ?? earlier.gateway ?? "")`, if the ingress of `\(plan[earlier.component].name)` is the same",
            "which of the two gets the requests that both may take would then be a matter of age", at: exposure.range))
      }
      return
    }
    // The routes of a component are for all hosts of all its lines, wherever a server of its gateway takes one of them.
    for (one, other) in [(exposure, earlier), (earlier, exposure)] {
      let all = plan.exposures.lines(of: one.component).filter {
        speaksHTTP($0) || $0.passesTLS(plan[one.component]) || $0.hosts != ["*"]
      }
      let own = Set(one.hosts)
      func isOwn(_ host: String) -> Bool { own.contains(host) || one.hosts.contains { hostsMeet(host, within: $0) } }
      let strays = all.flatMap(\.hosts).filter { !isOwn($0) }
      if strays.isEmpty { continue }
      let others = other.hosts.filter { !isOwn($0) }
      guard let host = strays.first(where: { stray in others.contains { hostsMeet(stray, $0) } }) else { continue }
      return conflict(
        "`\(host)` is `\(plan[one.component].name)`'s at another port, so that its routes would take the visitors of `\(plan[other.component].name)` at port \(exposure.port)",
        "expose `\(plan[one.component].name)` for the same hosts at each port, or give `\(plan[other.component].name)` another host or port"
      )
    }
    guard exposure.meets(earlier) else { return }
    if isOwn, exposure.tlsSecret != earlier.tlsSecret {
      return conflict(
        "two certificates are for one host at port \(exposure.port): visitors get one of them, and browsers that have a connection find nothing of the other component",
        "give both one certificate, or one of them another host")
    }
    // A host of its own is no part of a wider one: who asks for it is asked about by that one's routes alone, and finds
    // nothing beside them (Envoy: "domain search order" of virtual hosts).
    for host in exposure.hosts {
      for other in earlier.hosts where host != other && hostsMeet(host, other) {
        let (narrow, wide) = hostsMeet(host, within: other) ? (exposure, earlier) : (earlier, exposure)
        guard narrow.path.contains(where: { $0 != "/" }) else { continue }
        let name = narrow.range == exposure.range ? host : other
        if isTaken(name, of: wide, beside: narrow) { continue }
        return conflict(
          "visitors of `\(name)` would find `\(plan[narrow.component].name)` at `\(narrow.path)` and nothing of `\(plan[wide.component].name)` any more",
          "expose both for the same hosts, or `\(plan[narrow.component].name)` for all of `\(name)`")
      }
    }
    // What a component is exposed for everything is asked last; of all else the older VirtualService is asked first, unless
    // the outer one leaves the inner paths out.
    let (outer, inner) = earlier.surrounds(exposure) ? (earlier, exposure) : (exposure, earlier)
    if outer.path != "/", plan.mayTake(outer, from: inner) {
      conflict(
        "`\(inner.path)` lies in `\(outer.path)`, and which of two components gets its requests is a matter of age",
        "expose both for the same hosts, or give one of them another host or path")
    }
  }

  /// A line other than `narrow` has `host` for itself, with all that `wide` would take there.
  private func isTaken(_ host: String, of wide: Exposure, beside narrow: Exposure) -> Bool {
    plan.exposures.contains { line in
      line.range != narrow.range && line.port == wide.port && line.gateway == wide.gateway
        && line.hosts.contains(host) && line.covers(wide.path) && speaksHTTP(line)
    }
  }

  // MARK: - Releases

  private func checkReleases() {
    guard plan.hasReleases else { return }
    // Each call of each component is looked up in each release.
    let members = plan.releases.map { release in
      Dictionary(release.members.map { ($0.component, $0) }, uniquingKeysWith: { first, _ in first })
    }
    // Such a version serves nobody, which is the same fault.
    var unlisted: Set<ComponentID> = []
    defer { taint.components.formUnion(unlisted) }
    for (c, component) in plan.components.enumerated() {
      let id = ComponentID(c)
      let stands = component.versions.contains { !$0.releases.isEmpty }
      for (v, version) in component.versions.enumerated() {
        if stands, version.releases.isEmpty, !taint.covers(id) {
          var listed =
            plan.releases.reversed().lazy.compactMap { $0.members.first { $0.component == id } }.first?.versions
            ?? []
          listed.append(VersionID(id, v))
          let names = listed.sorted().map { plan[$0].name }.joined(separator: " -> ")
          report(
            .versionInNoRelease(component.name, version.name, line: "\(component.name) \(names)", at: version.range))
          unlisted.insert(id)
          continue
        }
        checkCallees(VersionID(id, v), members)
      }
    }
  }

  /// A version in one release needs its callees there; one in several, or a shared one, needs the same callees in all.
  private func checkCallees(_ id: VersionID, _ members: [[ComponentID: Release.Member]]) {
    let version = plan[id]
    let releases = version.releases.isEmpty ? plan.releases.indices.map { ReleaseID($0) } : version.releases
    guard !taint.covers(id.component) else { return }
    for callee in version.calls where !taint.covers(callee) {
      guard plan[callee].versions.contains(where: { !$0.releases.isEmpty }) else { continue }
      var seen: (release: ReleaseID, versions: [VersionID])?
      for release in releases {
        guard let member = members[release.index][callee] else {
          if !version.releases.isEmpty {
            report(
              .callerWithoutCallee(
                plan[id.component].name, callee: plan[callee].name, release: plan[release].name,
                at: members[release.index][id.component]?.range ?? plan[release].range, calls: version.callsRange))
          }
          continue
        }
        if let seen, seen.versions != member.versions {
          let conflict = Diagnostic.sharedCallerConflict(
            plan[id.component].name, version.name, callee: plan[callee].name,
            releases: (plan[seen.release].name, plan[release].name), isShared: version.releases.isEmpty,
            at: version.callsRange ?? version.range)
          // Versions have their `calls` from one line.
          if !diagnostics.contains(conflict) { report(conflict) }
          break
        }
        seen = (release, member.versions)
      }
    }
  }

  // MARK: - Ports and volumes

  private func checkPorts() {
    var called = [SourceRange?](repeating: nil, count: plan.components.count)
    for component in plan.components {
      for version in component.versions {
        for callee in version.calls where called[callee.index] == nil {
          called[callee.index] = version.callsRange ?? version.range
        }
      }
    }
    // A line may be of several versions.
    var plaintext: Set<SourceRange> = []
    for (c, component) in plan.components.enumerated() {
      let id = ComponentID(c)
      let exposure = plan.exposure(of: id)
      var seen: [Port] = []
      // Health checks.
      var unanswered: [SourceRange] = []
      var wrongPort: Port?
      var isLive = false
      for (v, version) in component.versions.enumerated() {
        for port in version.ports {
          if let k = seen.firstIndex(where: { $0.number == port.number }) {
            if seen[k].proto != port.proto { reportClash(seen[k], port) }
            seen[k] = port
          } else {
            seen.append(port)
          }
          if port.proto.isServerFirst, plan.mtls == .permissive, plaintext.insert(port.range).inserted {
            report(.serverFirstPlaintext(port.proto.rawValue, at: port.range, mesh: plan.meshRange, isSaid: true))
          }
        }
        if version.ports.isEmpty, called[c] != nil || exposure != nil, !brokenVersions.contains(VersionID(id, v)) {
          report(
            .missingPort(
              component.name, version.name, isExposed: exposure != nil, at: version.range,
              because: exposure?.range ?? called[c]))
        } else {
          for line in checksWithoutPort[VersionID(id, v)] ?? [] where !unanswered.contains(line.range) {
            if unanswered.isEmpty { (wrongPort, isLive) = (version.ports.first, line.isLive) }
            unanswered.append(line.range)
          }
        }
      }
      if let first = unanswered.first {
        report(
          .noPortToAsk(component.name, wrongPort, isLive: isLive, at: first, more: Array(unanswered.dropFirst())))
      }
    }
  }

  /// One port of two versions speaks two protocols. Where one of them does not say what it speaks, that is the fault.
  private func reportClash(_ earlier: Port, _ port: Port) {
    let silent = [port, earlier].first { portsWithoutProtocol.contains($0.range) }
    guard let silent, let other = [port, earlier].first(where: { $0.range != silent.range }),
      Diagnostic.maySpeak(other.proto, silent), let file = sources[silent.range.file]
    else {
      return report(.protocolClash(port.number, at: port.range, earlier: earlier.range, isSameVersion: false))
    }
    let number = "port \(silent.number)"
    let isWritten = file.text(silent.range).hasPrefix(number)
    let end = silent.range.start + UInt32(number.utf8.count)
    let place = SourceRange(file: silent.range.file, start: end, end: end)
    let diagnostic = Diagnostic.unsaidProtocol(silent, as: other, at: isWritten ? place : nil)
    // In place of what was said of this port alone.
    let said = diagnostics.firstIndex { $0.code == .portWithoutProtocol && $0.primary.range == silent.range }
    if let said { diagnostics[said] = diagnostic } else if !diagnostics.contains(diagnostic) { report(diagnostic) }
  }

  private func checkVolumes() {
    var owners: [String: (component: Int, range: SourceRange)] = [:]
    for (c, component) in plan.components.enumerated() {
      for version in component.versions {
        for volume in version.volumes {
          if let owner = owners[volume.claim], owner.component != c {
            report(
              .sharedVolume(
                volume.claim, "`\(plan.components[owner.component].name)` and `\(component.name)` both mount it",
                at: volume.range, declared: owner.range))
          }
          owners[volume.claim] = (c, volume.range)
        }
      }
    }
  }
}

/// Namespaces where Istio injects no sidecars, and its own, whose policies are for the whole mesh.
private let meshless: Set = ["istio-system", "kube-node-lease", "kube-public", "kube-system"]
