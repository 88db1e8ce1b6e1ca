package import KubernetesModel
internal import Lowering
internal import MeshModel
internal import RolloutPlan

/// The cluster while phases run: which versions of each object some proxy may act on, and what that makes of each flow.
///
/// A route is decided by few objects: those of the host that is called, and for the gateway those that are bound to it.
/// So configurations are enumerated per component, over the versions of its own objects only; everything else keeps the
/// outcome it had. That no other object has a say is what ``Scope`` is for.
struct TrackedCluster {
  let model: FlowModel
  private(set) var view: MeshView
  private(set) var pending: [ObjectID: Tracked] = [:]
  /// What stands: the newest version of each object.
  private(set) var current: [ObjectID: Value] = [:]
  /// The outcome of each flow where every proxy has the newest version and every pod that is wanted is ready.
  private(set) var nominal: [FlowOutcome]
  private(set) var configurations = 0
  /// Too many objects of one component changed at once: not every combination was looked at.
  private(set) var isSampled = false
  /// How many combinations of one component's objects are enumerated.
  private let limit = 1 << 13

  init(_ model: FlowModel) {
    self.model = model
    view = MeshView(options: model.options)
    nominal = [FlowOutcome](repeating: FlowOutcome(), count: model.flows.count)
    addWhatOthersOwn()
    for f in model.flows.indices { nominal[f] = model.outcome(of: model.flows[f], in: view) }
  }

  /// A namespace or a gateway that the plan only uses is there from the start.
  private mutating func addWhatOthersOwn() {
    for object in model.objectsOfOthers {
      if let parsed = MeshObject.parse(object, options: model.options) { view.put(parsed) }
    }
  }

  // MARK: - Writing

  mutating func write(_ write: Write) {
    let id = write.id
    guard id.isMeshObject else {
      current[id] = write.object
      return
    }
    let object = write.object.flatMap { MeshObject.parse($0, options: model.options) }
    var tracked = pending[id] ?? Tracked(current[id], view[id])
    tracked.add(write, object)
    pending[id] = tracked
    current[id] = write.object
    if let object { view.put(object) } else { view.remove(id) }
  }

  /// What the gates of a phase prove.
  mutating func pass(_ gates: [Gate]) {
    for gate in gates {
      switch gate {
      case .ready(let targets): for target in targets { finish(target.deployment) }
      case .stopped(let ids): for id in ids { finish(id) }
      case .settled:
        for (id, tracked) in pending where !id.isWorkload {
          var tracked = tracked
          tracked.settle()
          pending[id] = tracked.isPending ? tracked : nil
        }
      case .established(let ids):
        for id in ids where !id.isWorkload { pending[id] = nil }
      case .drained: break
      }
    }
    for (id, tracked) in pending where id.isWorkload && tracked.ready == 0...0 && current[id] == nil {
      pending[id] = nil
    }
  }

  private mutating func finish(_ id: ObjectID) { pending[id] = nil }

  /// Whatever was written is taken as acted on: where a run begins that nothing went before.
  mutating func settleAll() { pending = [:] }

  /// How few pods of a workload may be ready.
  func leastReady(_ id: ObjectID) -> Int {
    pending[id]?.ready.lowerBound ?? current[id].map(replicas) ?? 0
  }

  // MARK: - Outcomes

  /// The outcomes of the flows that what is pending may change, in every configuration that some proxy may hold; and
  /// `nominal` brought up to date.
  mutating func outcomes() -> [Int: FlowOutcome] {
    if pending.isEmpty { return [:] }
    var byComponent: [Int: [ObjectID]] = [:]
    var general: [ObjectID] = []
    var entries: [ObjectID] = []
    for id in pending.keys.sorted() {
      guard let tracked = pending[id] else { continue }
      var components: Set<Int> = []
      var isGeneral = false
      var isEntry = false
      for variant in tracked.variants {
        guard let value = variant.value else { continue }
        let scope = model.scope(id, value)
        switch scope.kind {
        case .components: components.formUnion(scope.components)
        case .entries: isEntry = true
        case .everything: isGeneral = true
        case .nothing: break
        }
      }
      if isGeneral {
        general.append(id)
      } else {
        for c in components { byComponent[c, default: []].append(id) }
        if isEntry { entries.append(id) }
      }
    }

    var result: [Int: FlowOutcome] = [:]
    for c in model.plan.components.indices {
      let own = byComponent[c] ?? []
      if own.isEmpty, general.isEmpty, entries.isEmpty, model.entryPeers[c].allSatisfy({ byComponent[$0] == nil }) {
        continue
      }
      var inner: [Int] = []
      var entry: [Int] = []
      for f in model.flowsInto[c] { if model.flows[f].isEntry { entry.append(f) } else { inner.append(f) } }
      if !inner.isEmpty, !own.isEmpty || !general.isEmpty {
        enumerate(own + general, of: c, inner, &result)
      }
      if !entry.isEmpty {
        let relevant = relevantEntries(entries, for: entry, c)
        let theirs = model.entryPeers[c].flatMap { byComponent[$0] ?? [] }.filter { !own.contains($0) }
        if !own.isEmpty || !general.isEmpty || !relevant.isEmpty || !theirs.isEmpty {
          enumerate(own + theirs + general + relevant, of: c, entry, &result)
        }
      }
    }
    return result
  }

  /// The gateways' objects that can have a say in these flows. Of another component's route, only one that takes such a
  /// request at all has.
  private func relevantEntries(_ ids: [ObjectID], for flows: [Int], _ c: Int) -> [ObjectID] {
    let service = model.plan.components[c].service
    var named: Set<String> = [service + "-gateway"]
    for peer in model.entryPeers[c] { named.insert(model.plan.components[peer].service + "-gateway") }
    var relevant: Set<ObjectID> = []
    for id in ids where id.kind == "VirtualService" {
      guard let tracked = pending[id] else { continue }
      if id.name == service || tracked.variants.contains(where: { takes($0, flows) }) {
        relevant.insert(id)
        for variant in tracked.variants {
          for gateway in variant.value?.at("spec", "gateways")?.array ?? [] {
            if let name = gateway.string { named.insert(name.split(separator: "/").last.map(String.init) ?? name) }
          }
        }
      }
    }
    // Routes that stay as they are may share the gateway too.
    return ids.filter { id in
      relevant.contains(id)
        || id.kind == "Gateway" && (named.contains(id.name) || isBoundElsewhere(id, flows))
    }
  }

  private func isBoundElsewhere(_ gateway: ObjectID, _ flows: [Int]) -> Bool {
    // Only a gateway that somebody wrote by hand can carry a route that is not its component's.
    !gateway.name.hasSuffix("-gateway")
      || model.componentOfService[String(gateway.name.dropLast("-gateway".count))] == nil
  }

  /// Whether the route, alone with all gateways, takes a request of these flows.
  private func takes(_ variant: Tracked.Variant, _ flows: [Int]) -> Bool {
    guard let object = variant.object else { return false }
    var alone = MeshView(options: model.options)
    for id in view.ids where id.kind == "Gateway" { if let gateway = view[id] { alone.put(gateway) } }
    for (id, tracked) in pending where id.kind == "Gateway" && view[id] == nil {
      if let gateway = tracked.variants.compactMap(\.object).last { alone.put(gateway) }
    }
    alone.put(object)
    return flows.contains { f in
      let result = alone.route(model.flows[f].client, model.flows[f].traffic)
      return result.decision.ruleIndex != nil
    }
  }

  private mutating func enumerate(
    _ ids: [ObjectID], of c: Int, _ flows: [Int], _ result: inout [Int: FlowOutcome]
  ) {
    let objects = ids.filter { (pending[$0]?.variants.count ?? 0) > 1 && !isOnlyReadiness($0) }
    let workloads = ids.filter { $0.isWorkload }
    var choice = [Int](repeating: 0, count: objects.count)
    let sizes = objects.map { pending[$0]?.variants.count ?? 1 }
    var total = 1
    for size in sizes { total = min(limit + 1, total * size) }

    func evaluate(_ self: inout TrackedCluster) {
      for (i, id) in objects.enumerated() {
        guard let tracked = self.pending[id] else { continue }
        self.put(tracked.variants[choice[i]].object, id)
      }
      // The most pods show every place where a request may end; the fewest, every place where nobody answers. No set in
      // between shows more: a subset is empty for some set of ready pods if it is for the smallest.
      for takesMost in [true, false] {
        if !takesMost, workloads.isEmpty { continue }
        for id in workloads {
          guard let tracked = self.pending[id] else { continue }
          if self.view[id] == nil {
            guard takesMost || tracked.ready.lowerBound > 0,
              let object = tracked.variants.last(where: { $0.object != nil })?.object
            else { continue }
            self.view.put(object)
          }
          self.view.setReady(id, takesMost ? tracked.ready.upperBound : tracked.ready.lowerBound)
        }
        self.configurations += 1
        for f in flows {
          let outcome = self.model.outcome(of: self.model.flows[f], in: self.view)
          result[f, default: FlowOutcome()].formUnion(outcome)
        }
      }
    }

    if total <= limit {
      repeat { evaluate(&self) } while advance(&choice, sizes)
    } else {
      isSampled = true
      sampled(sizes) {
        choice = $0; evaluate(&self)
      }
    }
    restore(ids)
    for f in flows { nominal[f] = model.outcome(of: model.flows[f], in: view) }
  }

  /// A workload whose versions are all the same to a proxy but for their number of pods.
  private func isOnlyReadiness(_ id: ObjectID) -> Bool {
    guard id.isWorkload, let tracked = pending[id] else { return false }
    let templates = tracked.variants.compactMap { $0.value.map(TemplateKey.init) }
    return Set(templates).count <= 1
  }

  private func advance(_ choice: inout [Int], _ sizes: [Int]) -> Bool {
    for i in choice.indices {
      choice[i] += 1
      if choice[i] < sizes[i] { return true }
      choice[i] = 0
    }
    return false
  }

  /// All old, all new, and each object and each pair of them against the rest.
  private func sampled(_ sizes: [Int], _ body: ([Int]) -> Void) {
    for base in [sizes.map { _ in 0 }, sizes.map { $0 - 1 }] {
      body(base)
      for i in sizes.indices {
        var one = base
        one[i] = sizes[i] - 1 - base[i]
        body(one)
        for j in sizes.indices where j > i {
          var two = one
          two[j] = sizes[j] - 1 - base[j]
          body(two)
        }
      }
    }
  }

  private mutating func put(_ object: MeshObject?, _ id: ObjectID) {
    if let object { view.put(object) } else { view.remove(id) }
  }

  /// Every object in its newest version, every wanted pod ready.
  private mutating func restore(_ ids: [ObjectID]) {
    for id in ids { if let tracked = pending[id] { put(tracked.current.object, id) } }
  }

  // MARK: - Whose fault it is

  /// The write that makes a fault of a flow possible, or its arrival at `target`: of all configurations that show it,
  /// the one with the least that is new is taken, and of that the route before the rule before the rest.
  func culprit(_ f: Int, _ fault: Fault?, target: Int?) -> Write? {
    let flow = model.flows[f]
    let ids = pending.keys.sorted().filter { id in
      pending[id]?.variants.contains { variant in
        guard let value = variant.value else { return false }
        let scope = model.scope(id, value)
        return switch scope.kind {
        case .components: scope.components.contains(flow.callee)
        case .entries: flow.isEntry
        case .everything: true
        case .nothing: false
        }
      } ?? false
    }
    let sizes = ids.map { pending[$0]?.variants.count ?? 1 }
    var choice = [Int](repeating: 0, count: ids.count)
    var best: [Int]?
    var copy = view
    var tries = 0
    repeat {
      tries += 1
      if let best, best.reduce(0, +) <= choice.reduce(0, +) { continue }
      for least in [false, true] {
        for (i, id) in ids.enumerated() {
          guard let tracked = pending[id] else { continue }
          if let object = tracked.variants[choice[i]].object {
            copy.put(object)
          } else if id.isWorkload, let object = tracked.variants.last(where: { $0.object != nil })?.object {
            copy.put(object)
          } else {
            copy.remove(id)
          }
          if id.isWorkload { copy.setReady(id, least ? tracked.ready.lowerBound : tracked.ready.upperBound) }
        }
        let outcome = model.outcome(of: flow, in: copy)
        let shows =
          fault.map { fault in outcome.faults.contains { $0.invariant == fault.invariant } }
          ?? target.map(outcome.targets.contains) ?? false
        if shows {
          best = choice
          break
        }
      }
    } while tries < 2048 && advance(&choice, sizes)
    guard let best else { return nil }
    let order = ["VirtualService", "Gateway", "DestinationRule", "Service", "PeerAuthentication"]
    let chosen = ids.indices.filter { best[$0] > 0 }.min { a, b in
      (order.firstIndex(of: ids[a].kind) ?? order.count) < (order.firstIndex(of: ids[b].kind) ?? order.count)
    }
    if let chosen { return pending[ids[chosen]]?.variants[best[chosen]].write }
    // Nothing new is needed but pods that are not ready.
    let short = ids.first { id in id.isWorkload && pending[id].map { $0.ready.lowerBound < $0.ready.upperBound } == true
    }
    return short.flatMap { pending[$0]?.current.write }
  }
}

/// What a proxy can tell of a workload besides its pods' number.
private struct TemplateKey: Hashable {
  var metadata: Value?
  var ports: [Value]

  init(_ value: Value) {
    let template = value["kind"]?.string == "Pod" ? value : value.at("spec", "template") ?? .null
    metadata = template["metadata"]
    ports = (template.at("spec", "containers")?.array ?? []).map { container in
      .array([container["name"] ?? .null, container["ports"] ?? .null])
    }
  }
}

extension FlowModel {
  /// Namespaces and gateways that the plan uses and never writes.
  package var objectsOfOthers: [Value] {
    var all: [Value] = []
    if plan.namespaceExists {
      all.append([
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": ["name": .string(plan.namespace), "labels": ["istio-injection": "enabled"]],
      ])
    }
    for (e, exposure) in plan.exposures.enumerated() {
      guard let gateway = exposure.gateway else { continue }
      let parts = gateway.split(separator: "/").map(String.init)
      let name = parts.last ?? gateway
      let namespace = parts.count > 1 ? parts[0] : plan.namespace
      let isHTTP = entryFlows.contains { flows[$0].source == .entry(e) && flows[$0].isHTTP }
      var server: Fields = [
        "port": [
          "number": .int(exposure.port), "name": .string("port-\(e)"),
          "protocol": .string(isHTTP ? (exposure.tlsSecret == nil ? "HTTP" : "HTTPS") : "TCP"),
        ],
        "hosts": ["*"],
      ]
      if let secret = exposure.tlsSecret { server["tls"] = ["mode": "SIMPLE", "credentialName": .string(secret)] }
      if let i = all.firstIndex(where: {
        $0["kind"]?.string == "Gateway" && $0.at("metadata", "name")?.string == name
          && $0.at("metadata", "namespace")?.string == namespace
      }) {
        if case .object(var object) = all[i], var spec = object["spec"]?.fields, let servers = spec["servers"]?.array {
          spec["servers"] = .array(servers + [.object(server)])
          object["spec"] = .object(spec)
          all[i] = .object(object)
        }
        continue
      }
      all.append([
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
        "metadata": ["name": .string(name), "namespace": .string(namespace)],
        "spec": ["selector": ["istio": "ingressgateway"], "servers": [.object(server)]],
      ])
    }
    return all
  }
}
