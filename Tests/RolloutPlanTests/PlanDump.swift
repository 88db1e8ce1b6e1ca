import KubernetesModel
import RolloutPlan

/// A plan as text, for golden files: what the declarations came to, and the state after each segment.
struct PlanDump {
  private let plan: Plan
  private(set) var text = ""

  init(_ plan: Plan) {
    self.plan = plan
    header()
    for component in plan.components { dump(component) }
    for step in plan.steps { dump(step) }
    dump(plan.onFailure, indent: "")
    for rehearsal in plan.rehearsals {
      line(
        "rehearsal \"\(rehearsal.name)\": \(rehearsal.stubs.count) stubs, \(rehearsal.expectations.count) expectations")
    }
  }

  private mutating func line(_ text: String) { self.text += text + "\n" }

  private mutating func header() {
    line("plan \(plan.name), namespace \(plan.namespace)\(plan.namespaceExists ? " (existing)" : ""), \(plan.routing)")
    if let environment = plan.environment {
      line("environment \(environment.name), context \(environment.context ?? "-")")
    }
    for exposure in plan.exposures {
      line(
        "expose \(plan[exposure.component].name) \(exposure.port) \(exposure.hosts) \(exposure.path)"
          + (exposure.tlsSecret.map { " tls \($0)" } ?? "") + (exposure.gateway.map { " gateway \($0)" } ?? ""))
    }
    for release in plan.releases {
      let members = release.members.map { member in
        "\(plan[member.component].name) \(member.versions.map { plan[$0].name }.joined(separator: " -> "))"
      }
      line("release \(release.name): \(members.joined(separator: ", "))")
    }
    for cookie in plan.cookies { line("cookie \(cookie.name): \(describe(cookie.selector))") }
    for header in plan.headers { line("header \(header.name): \(describe(header.selector))") }
    for probe in plan.probes {
      let on = probe.component.index < 0 ? "?" : plan[probe.component].name
      line(
        "probe \(probe.name): \(probe.method) \(probe.path) on \(on)" + (probe.element.map { ", text of \($0)" } ?? "")
          + (probe.visitor.map { ", as \(describe($0))" } ?? ""))
    }
    for metric in plan.metrics {
      line("metric \(metric.name): \(metric.source) \(metric.comparison) \(metric.threshold)")
    }
    for patch in plan.patches { line("patch \(patch.target): \(jsonText(patch.value))") }
    for manifest in plan.manifests { line("manifest \(manifest.path): \(manifest.objects.count) objects") }
  }

  private mutating func dump(_ component: Component) {
    line("component \(component.name), service \(component.service)")
    for version in component.versions {
      line(
        "  version \(version.name): \(version.image), \(version.replicas) replicas"
          + (version.pull.map { ", pull \($0)" } ?? ""))
      if !version.ports.isEmpty {
        line(
          "    ports \(version.ports.map { "\($0.number) \($0.proto.rawValue)" + ($0.target == $0.number ? "" : " target \($0.target)") }.joined(separator: ", "))"
        )
      }
      if !version.calls.isEmpty { line("    calls \(version.calls.map { plan[$0].name }.joined(separator: ", "))") }
      if !version.args.isEmpty { line("    args \(version.args)") }
      for variable in version.env {
        switch variable.source {
        case .literal(let value): line("    env \(variable.name) = \(value.debugDescription)")
        case .secret(let name, let key): line("    env \(variable.name) from secret \(name) \(key)")
        }
      }
      for volume in version.volumes { line("    volume \(volume.claim) \(volume.size) at \(volume.path)") }
    }
  }

  private mutating func dump(_ step: Step) {
    line("step \(step.index + 1) \"\(step.name)\" (\(step.slug))")
    for segment in step.segments { dump(segment, indent: "  ") }
    if let failure = step.onFailure { dump(failure, indent: "  ") }
  }

  private mutating func dump(_ segment: Segment, indent: String) {
    for change in segment.changes { line("\(indent)+ \(change.text)") }
    if segment.before != segment.after { dump(segment.after, indent: indent + "  ") }
    for observation in segment.observations { line("\(indent)? \(describe(observation))") }
  }

  private mutating func dump(_ failure: FailurePath, indent: String) {
    switch failure {
    case .hold: line("\(indent)on failure: hold")
    case .rollback: line("\(indent)on failure: rollback")
    case .block(let block):
      for start in block.starts {
        line(
          "\(indent)on failure in step \(start.place.step + 1), \(start.place.segments) reached\(start.place.isBroken ? ", the last one broken" : ""):"
        )
        for segment in start.segments { dump(segment, indent: indent + "  ") }
      }
    }
  }

  private mutating func dump(_ state: State, indent: String) {
    if !state.exists {
      line("\(indent)(nothing)")
      return
    }
    if let mtls = state.mtls { line("\(indent)mtls \(mtls.rawValue)") }
    for (index, component) in state.components.enumerated() {
      let declared = plan.components[index]
      guard !component.deployed.isEmpty || component.isPinned || component.lanes.contains(where: { !$0.isEmpty }) else {
        continue
      }
      let running = component.deployed.map { "\(declared.versions[$0.version].name) x\($0.replicas)" }
      line("\(indent)\(declared.name): \(running.joined(separator: ", "))\(component.isPinned ? "" : " (not pinned)")")
      if let entry = component.entry { line("\(indent)  entry: \(describe(entry, declared))") }
      for (lane, table) in component.lanes.enumerated() where !table.isEmpty {
        let name =
          component.lanes.count > 1 || declared.versions.contains { !$0.releases.isEmpty }
          ? plan.releases[lane].name : "inside"
        line("\(indent)  \(name): \(describe(table, declared))")
      }
      if let mirror = component.mirror {
        line("\(indent)  mirror: \(mirror.percent)% -> \(declared.versions[mirror.version].name)")
      }
    }
    if !state.volumes.isEmpty { line("\(indent)volumes \(state.volumes.sorted().joined(separator: ", "))") }
  }

  private func describe(_ table: RouteTable, _ component: Component) -> String {
    let name = { (version: Int) in component.versions[version].name }
    var parts = table.rules.map { "\(describe($0.selector)) -> \(name($0.version))" }
    parts += table.shares.map { share in
      "\(share.percent)% -> \(name(share.version))" + (share.stickyMilliseconds.map { " (sticky \($0) ms)" } ?? "")
    }
    parts.append(table.fallback.map { "else \(name($0))" } ?? "else nothing")
    return parts.joined(separator: "; ")
  }

  private func describe(_ selector: Selector) -> String {
    switch selector {
    case .cookie(let key, let value): value.map { "cookie \(key)=\($0)" } ?? "cookie \(key)"
    case .header(let key, let value): "header \(key)=\(value)"
    case .headerMatches(let key, let pattern): "header \(key) matches \(pattern)"
    }
  }

  private func describe(_ observation: Observation) -> String {
    switch observation.kind {
    case .verify(let verification):
      "verify \(plan.probes[verification.probe].name) \(verification.expectation), \(verification.count) times within "
        + "\(verification.withinMilliseconds) ms" + (verification.visitor.map { " as \(describe($0))" } ?? "")
    case .verifyMetric(let metric, let time): "verify \(plan.metrics[metric].name) for \(time) ms"
    case .wait(let time): "wait \(time) ms"
    case .waitUntilReady(let version, let time):
      "wait until \(plan[version.component].name) \(plan[version].name) ready" + (time.map { " within \($0) ms" } ?? "")
    case .pause(let time, let message): "pause \(time.map { "\($0) ms" } ?? "-") \(message ?? "-")"
    case .approve(let message, let by, let time):
      "approve \(message ?? "-") by \(by) within \(time.map { "\($0) ms" } ?? "-")"
    case .hold(let time, let metrics, let version, let percent):
      "hold \(percent)% of \(plan[version].name) for \(time) ms while \(metrics.map { plan.metrics[$0].name })"
    }
  }
}
