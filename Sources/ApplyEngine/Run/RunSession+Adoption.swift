internal import ClusterAPI
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

/// A Service that the plan takes over has pods behind it, that somebody is served by. Written before the plan's own pods are
/// ready, with the plan's selector and ports, it would lose the old ones and have none; and the rule and the routes for it
/// would lead to versions that are not there. So all of these wait until the gate of the pods holds.
extension RunSession {
  /// What phase `index` of `leg` has, and leaves for then.
  func heldBack(from index: Int, of leg: Leg) async throws(RunBreak) -> Set<ObjectID> {
    guard case .forward = leg.role, let start = leg.startOfWorkloads, index < start else { return [] }
    var hosts: Set<String> = []
    for (place, phase) in leg.phases[...index].enumerated() {
      for write in phase.writes where leg.isTakenOverLate(write, inventory) {
        // An earlier phase of this leg has left it.
        var isHeld = place < index
        if !isHeld, options.decisions.adopt(write.id), let live = try await live(write.id) {
          isHeld = !isMade(live, by: plan.name)
          // Pods that are replaced where they stand serve by the plan's Service as well as by their own: by it both they and
          // those that take their place do.
          if isHeld { isHeld = try await !servesStanding(write, in: leg.phases[start]) }
        }
        if isHeld { hosts.formUnion(hostNames(of: write.id)) }
      }
    }
    if hosts.isEmpty { return [] }
    return Set(
      leg.phases[index].writes.filter { write in
        guard let object = write.object, inventory[write.id]?.outcome != .applied else { return false }
        switch write.id.kind {
        case "Service": return !hosts.isDisjoint(with: hostNames(of: write.id))
        case "DestinationRule": return object.at("spec", "host")?.string.map(hosts.contains) ?? false
        case "VirtualService":
          return (object.at("spec", "hosts")?.array ?? []).compactMap(\.string).contains(where: hosts.contains)
        default: return false
        }
      }.map(\.id))
  }

  /// Writes what was left until the pods of `leg` were ready. It is what the inventory does not have of the phases before,
  /// so that a run that is resumed knows it, too.
  func takeOver(in leg: Leg) async throws(RunBreak) {
    guard case .forward = leg.role, let start = leg.startOfWorkloads, start == record.progress.phase else {
      return
    }
    for phase in leg.phases[..<start] {
      let owed = phase.writes.filter { $0.action != .delete && inventory[$0.id]?.outcome != .applied }
      if owed.isEmpty { continue }
      tell(.phaseEnded(place))
      tell(.phaseBegan(place, phase.kind, writes: owed))
      try await write(Phase(kind: phase.kind, writes: owed, gates: []))
      var gates = phase.gates.filter { if case .settled = $0 { true } else { false } }
      if owed.contains(where: \.id.isService) { gates = leg.phases[start].gates + gates }
      for gate in gates {
        tell(.gateBegan(place, gate))
        try await wait(for: gate, of: phase, in: leg)
        tell(.gateEnded(place, gate))
      }
    }
  }

  /// The Services of others that the leg in which the run stands has left for later, so far. By them requests come to the
  /// pods that were there.
  func servicesOwed(at progress: Progress) -> [Write] {
    guard let legs = itinerary.legs(of: record.course), legs.indices.contains(progress.leg) else { return [] }
    return legs[progress.leg].servicesOwed(before: progress.phase, inventory)
  }

  /// Deployments that stand, are somebody else's and are taken over by `start`, have pods that `service` selects, with the ports
  /// that it names; and there is such a one.
  private func servesStanding(_ service: Write, in start: Phase) async throws(RunBreak) -> Bool {
    let selector = service.object?.at("spec", "selector")?.fields?.entries ?? []
    let names = (service.object?.at("spec", "ports")?.array ?? []).compactMap { $0["targetPort"]?.string }
    var isServed = false
    for write in start.writes {
      guard let labels = write.object?.at("spec", "template", "metadata", "labels"),
        selector.allSatisfy({ labels[$0.key] == $0.value }),
        inventory[write.id]?.outcome != .applied, let live = try await live(write.id), !isMade(live, by: plan.name)
      else { continue }
      let template = live.at("spec", "template")
      let ports = (template?.at("spec", "containers")?.array ?? []).flatMap { $0["ports"]?.array ?? [] }
      let isSuited =
        selector.allSatisfy { template?.at("metadata", "labels")?[$0.key] == $0.value }
        && names.allSatisfy { name in ports.contains { $0["name"]?.string == name } }
      if !isSuited { return false }
      isServed = true
    }
    return isServed
  }

  /// As a rule or a route of the same namespace may call the Service.
  private func hostNames(of service: ObjectID) -> [String] {
    [service.name, "\(service.name).\(service.namespace).svc.\(plan.clusterDomain)"]
  }
}

extension Leg {
  /// The Services of others that it takes over, has left until pods are ready, and comes by in the phases before `phase`.
  func servicesOwed(before phase: Int, _ inventory: Inventory) -> [Write] {
    guard case .forward = role, let start = startOfWorkloads, phase <= start else { return [] }
    return phases[..<phase].flatMap(\.writes).filter { isTakenOverLate($0, inventory) }
  }

  fileprivate var startOfWorkloads: Int? {
    phases.firstIndex { phase in
      phase.kind == .startWorkloads && phase.gates.contains { if case .ready = $0 { true } else { false } }
    }
  }

  /// A Service that is not the plan's yet, and that pods are to stand behind which the leg waits for.
  fileprivate func isTakenOverLate(_ write: Write, _ inventory: Inventory) -> Bool {
    guard write.id.isService, inventory[write.id]?.outcome != .applied, let start = startOfWorkloads,
      let selector = write.object?.at("spec", "selector")?.fields
    else { return false }
    return phases[start].writes.contains { workload in
      selector.selects(workload.object?.at("spec", "template", "metadata", "labels"))
    }
  }
}

extension ObjectID {
  fileprivate var isService: Bool { kind == "Service" && group.isEmpty }
}
