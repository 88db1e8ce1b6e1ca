internal import Diagnostics
internal import RolloutSyntax

/// What the values of `env` say of the plan's own components.
extension Resolver {
  /// Once all components are known.
  func reportUnsaidCalls() {
    for var unsaid in unsaidCalls where !taint.covers(unsaid.caller) {
      // An address that cannot be had is another fault.
      unsaid.lines.removeAll { line in
        diagnostics.contains { $0.severity == .error && $0.primary.range == line.range }
      }
      guard let file = sources[unsaid.place.file], !unsaid.lines.isEmpty else { continue }
      var callees: [ComponentID] = []
      for line in unsaid.lines where !callees.contains(line.callee) { callees.append(line.callee) }
      let names = callees.map { plan[$0].name }
      func written(_ ids: [ComponentID]) -> String {
        ids.map { plan[$0].name }.map { Keyword($0)?.isReserved ?? false ? "\"\($0)\"" : $0 }.joined(separator: ", ")
      }
      let end = SourceRange(file: file.id, start: unsaid.place.end, end: unsaid.place.end)
      var edit = Edit(end, ", " + written(callees))
      let list = "calls " + written(unsaid.others + callees)
      if !unsaid.isList {
        let start = Int(unsaid.place.start)
        let blanks = file.bytes[..<start].reversed().prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        let line = SourceRange(file: file.id, start: unsaid.place.start, end: unsaid.place.start)
        edit = Edit(line, "\(list)\n" + String(decoding: blanks.reversed(), as: UTF8.self))
      }
      unsaidCallees[unsaid.lines[0].range, default: []] += callees
      report(
        .callUnsaid(
          plan[unsaid.caller].name, names, at: unsaid.lines[0].range, more: unsaid.lines.dropFirst().map(\.range),
          list: unsaid.isList ? unsaid.place : nil, line: list, edit: edit))
    }
  }

  /// `http://api:3000` and `api:3000`, where the Service of `api` has no such port. Once patches are known.
  func reportUnservedPorts() {
    var services: [String: ComponentID] = [:]
    for (c, component) in plan.components.enumerated() where isOfKnownPorts(ComponentID(c)) {
      services[component.service] = ComponentID(c)
    }
    let (scope, domain) = (plan.namespace, plan.clusterDomain)
    let tails = ["", ".\(scope)", ".\(scope).svc", ".\(scope).svc.\(domain)", ".\(scope).svc.\(domain)."]
    var seen: Set<SourceRange> = []
    for (_, lines) in pendingEnv {
      for line in lines {
        guard case .ready(.literal(let value)) = line.source, let place = line.value, seen.insert(place).inserted,
          !diagnostics.contains(where: { $0.hidden == place })
        else { continue }
        for address in addresses(in: value) {
          let dot = address.host.firstIndex(of: ".") ?? address.host.endIndex
          guard
            tails.contains(String(address.host[dot...])), let callee = services[String(address.host[..<dot])]
          else { continue }
          // `web:3,api:5` are levels, or counts.
          if !address.isURL, address.port < 10 { continue }
          let ports = plan[callee].versions.flatMap(\.ports)
          if ports.contains(where: { $0.number == address.port }) { continue }
          // `redis:7` is an image.
          if !address.isURL, plan[callee].versions.contains(where: { $0.name == String(address.port) }) { continue }
          let numbers = Set(ports.map(\.number)).sorted()
          let meant = Set(ports.filter { $0.target == address.port }.map(\.number))
          report(
            .portUnserved(
              address.port, of: plan[callee].name, ports: numbers, isTarget: !meant.isEmpty, at: place,
              edit: meant.count == 1 ? meant.first.flatMap { number(address.port, in: place, becomes: $0) } : nil))
        }
      }
    }
  }

  /// Its Service has the ports of its versions, and no others.
  private func isOfKnownPorts(_ id: ComponentID) -> Bool {
    let isPatched = plan.patches.contains { patch in
      switch patch.target {
      case .service(let other): other == id
      case .object(let kind, let name): kind == "Service" && name == plan[id].service
      case .deployment, .route, .rule: false
      }
    }
    let versions = plan[id].versions
    return !isPatched && !taint.covers(id) && versions.contains { !$0.ports.isEmpty }
      && !versions.indices.contains { brokenVersions.contains(VersionID(id, $0)) }
  }

  /// Hosts with ports, in a URL or alone, several with commas.
  private func addresses(in value: String) -> [(host: String, port: Int, isURL: Bool)] {
    value.split(separator: ",").compactMap { part in
      var rest = part.drop { $0 == " " }
      var isURL = false
      if let scheme = rest.firstRange(of: "://") {
        rest = rest[scheme.upperBound...]
        isURL = true
      }
      let authority = rest.prefix { !"/?#".contains($0) }
      let place = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? authority
      let parts = place.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, let port = Int(parts[1]), (1...65535).contains(port) else { return nil }
      return (parts[0].lowercased(), port, isURL)
    }
  }

  /// Where the number stands once behind a colon in the plan's own text.
  private func number(_ port: Int, in range: SourceRange, becomes new: Int) -> Edit? {
    guard let file = sources[range.file] else { return nil }
    let bytes = Array(file.bytes[Int(range.start)..<Int(range.end)])
    let wanted = Array(":\(port)".utf8)
    let places = bytes.indices.filter { start in
      let end = start + wanted.count
      guard end <= bytes.count, bytes[start..<end].elementsEqual(wanted) else { return false }
      return end == bytes.count || !(0x30...0x39).contains(bytes[end])
    }
    guard places.count == 1, let place = places.first else { return nil }
    let start = range.start + UInt32(place + 1)
    return Edit(SourceRange(file: range.file, start: start, end: start + UInt32(wanted.count - 1)), String(new))
  }
}
