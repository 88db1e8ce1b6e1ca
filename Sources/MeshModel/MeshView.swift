package import KubernetesModel

/// One configuration of the mesh, as some proxy may hold it, and the pods that are there: answers where a request goes.
///
/// A view is a value. `put` and `remove` swap one object in time that does not depend on the number of others, and
/// look-ups by host, namespace and label are by hash, so that a checker can walk through many configurations.
package struct MeshView: Sendable {
  package let options: MeshOptions
  /// Where there are several versions of one object: which of them is looked at.
  let choices: Choices?
  private var objects: [ObjectID: MeshObject] = [:]

  // Workloads live in slots; the label index holds their numbers, in the order of their ids.
  var slots: [Slot] = []
  private var freeSlots: [Int] = []
  private var slotOf: [ObjectID: Int] = [:]
  private(set) var workloadsByLabel: [LabelKey: [Int]] = [:]

  private var services: [String: [Service]] = [:]
  private var servicesByIP: [String: [Service]] = [:]
  private var namespaces: [String: [Namespace]] = [:]
  /// Bound to the mesh, by host; each list the oldest first.
  private(set) var meshRules: [String: [VirtualService]] = [:]
  /// The same, of those with a wildcard.
  private(set) var meshWildcards: [(host: String, rules: [VirtualService])] = []
  /// By the name of the gateway that they are bound to.
  private(set) var gatewayRules: [String: GatewayRules] = [:]
  private(set) var gateways: [Gateway] = []
  private var destinationRules: [String: DestinationRulesOfNamespace] = [:]
  private var peerAuthentications: [String: [PeerAuthentication]] = [:]
  /// The same as clients know them, where that may be something else.
  private var hints: [String: [PeerAuthentication]] = [:]
  /// Clients may know other policies than servers act on: see ``MeshObject/seenByClients``.
  package let tellsClientsApart: Bool

  struct Slot: Sendable {
    var workload: Workload
    var ready: Int
  }

  private struct DestinationRulesOfNamespace: Sendable {
    var exact: [String: [DestinationRule]] = [:]
    /// The longest first.
    var wildcards: [DestinationRule] = []
  }

  package init(
    objects: some Sequence<MeshObject> = [], options: MeshOptions = MeshOptions(), tellsClientsApart: Bool = false
  ) {
    self.options = options
    self.tellsClientsApart = tellsClientsApart
    choices = nil
    for object in objects { put(object) }
  }

  /// A view of several versions of each object, for which only ``insert(_:)`` is meant.
  init(options: MeshOptions, choices: Choices) {
    self.options = options
    self.choices = choices
    tellsClientsApart = true
  }

  /// Parses each value; kinds that do not matter are left out.
  package init(parsing values: some Sequence<Value>, options: MeshOptions = MeshOptions()) {
    self.init(objects: values.compactMap { MeshObject.parse($0, options: options) }, options: options)
  }

  package subscript(id: ObjectID) -> MeshObject? { objects[id] }
  package var ids: [ObjectID] { objects.keys.sorted() }

  // MARK: - Changing it

  /// Adds `object`, in place of the one of the same name if there is one. A workload that stays keeps its number of
  /// ready pods only if the new object says the same.
  package mutating func put(_ object: MeshObject) {
    remove(object.id)
    objects[object.id] = object
    insert(object)
  }

  /// Adds `object` beside whatever has its name.
  mutating func insert(_ object: MeshObject) {
    switch object.content {
    case .destinationRule(let rule):
      // In place: a copy of the rules of a namespace for each new one would be quadratic.
      let namespace = object.id.namespace
      if HostName.isWildcard(rule.host) {
        destinationRules[namespace, default: DestinationRulesOfNamespace()].wildcards.insert(rule) { a, b in
          a.host.utf8.count != b.host.utf8.count
            ? a.host.utf8.count > b.host.utf8.count : a.metadata.precedes(b.metadata)
        }
      } else {
        destinationRules[namespace, default: DestinationRulesOfNamespace()].exact[rule.host, default: []].insert(rule) {
          $0.metadata.precedes($1.metadata)
        }
      }
    case .gateway(let gateway): gateways.insert(gateway) { $0.metadata.precedes($1.metadata) }
    case .namespace(let namespace): namespaces[object.id.name, default: []].append(namespace)
    case .peerAuthentication(let policy) where policy.isHint:
      hints[object.id.namespace, default: []].insert(policy) { $0.metadata.precedes($1.metadata) }
    case .peerAuthentication(let policy):
      peerAuthentications[object.id.namespace, default: []].insert(policy) { $0.metadata.precedes($1.metadata) }
    case .service(let service):
      services[service.host, default: []].append(service)
      if let address = service.clusterIP { servicesByIP[address, default: []].append(service) }
    case .virtualService(let rule): index(rule)
    case .workload(let workload):
      let slot = Slot(workload: workload, ready: workload.declaredReady)
      let number: Int
      if let free = freeSlots.popLast() {
        number = free
        slots[free] = slot
      } else {
        number = slots.count
        slots.append(slot)
      }
      slotOf[object.id] = number
      for (key, value) in workload.labels {
        let label = LabelKey(namespace: object.id.namespace, key: key, value: value)
        workloadsByLabel[label, default: []].insert(number) { [slots] in
          slots[$0].workload.metadata.id < slots[$1].workload.metadata.id
        }
      }
    }
  }

  package mutating func remove(_ id: ObjectID) {
    guard let old = objects.removeValue(forKey: id) else { return }
    switch old.content {
    case .destinationRule(let rule):
      destinationRules[id.namespace]?.wildcards.removeAll { $0 === rule }
      destinationRules[id.namespace]?.exact[rule.host]?.removeAll { $0 === rule }
      if destinationRules[id.namespace]?.exact[rule.host]?.isEmpty == true {
        destinationRules[id.namespace]?.exact[rule.host] = nil
      }
    case .gateway(let gateway): gateways.removeAll { $0 === gateway }
    case .namespace: namespaces[id.name] = nil
    case .peerAuthentication(let policy):
      peerAuthentications[id.namespace]?.removeAll { $0 === policy }
      hints[id.namespace]?.removeAll { $0 === policy }
    case .service(let service):
      services[service.host]?.removeAll { $0 === service }
      if let address = service.clusterIP { servicesByIP[address]?.removeAll { $0 === service } }
    case .virtualService(let rule):
      for host in rule.hosts {
        meshRules[host]?.removeAll { $0 === rule }
        if meshRules[host]?.isEmpty == true { meshRules[host] = nil }
        if let i = meshWildcards.firstIndex(where: { $0.host == host }) {
          meshWildcards[i].rules.removeAll { $0 === rule }
          if meshWildcards[i].rules.isEmpty { meshWildcards.remove(at: i) }
        }
      }
      for gateway in rule.gateways { gatewayRules[gateway]?.remove(rule) }
    case .workload(let workload):
      guard let number = slotOf.removeValue(forKey: id) else { return }
      freeSlots.append(number)
      for (key, value) in workload.labels {
        let label = LabelKey(namespace: id.namespace, key: key, value: value)
        workloadsByLabel[label]?.removeAll { $0 == number }
        if workloadsByLabel[label]?.isEmpty == true { workloadsByLabel[label] = nil }
      }
    }
  }

  /// Says how many pods of a workload are ready; nothing happens where there is no such workload.
  package mutating func setReady(_ workload: ObjectID, _ count: Int) {
    if let number = slotOf[workload] { slots[number].ready = max(0, count) }
  }

  package func ready(_ workload: ObjectID) -> Int? { slotOf[workload].map { slots[$0].ready } }

  private mutating func index(_ rule: VirtualService) {
    if rule.gateways.contains(VirtualService.mesh) {
      for host in Set(rule.hosts).sorted() {
        guard HostName.isWildcard(host) else {
          meshRules[host, default: []].insert(rule) { $0.metadata.precedes($1.metadata) }
          continue
        }
        if let i = meshWildcards.firstIndex(where: { $0.host == host }) {
          meshWildcards[i].rules.insert(rule) { $0.metadata.precedes($1.metadata) }
        } else {
          meshWildcards.insert((host, [rule])) { a, b in
            a.host.utf8.count != b.host.utf8.count ? a.host.utf8.count > b.host.utf8.count : a.host < b.host
          }
        }
      }
    }
    for gateway in Set(rule.gateways) where gateway != VirtualService.mesh {
      gatewayRules[gateway, default: GatewayRules()].insert(rule)
    }
  }

  // MARK: - Looking things up

  /// Whether this is the version of its object that is looked at.
  func holds(_ object: AnyObject) -> Bool { choices?.holds(ObjectIdentifier(object)) ?? true }

  /// The Service of that full name.
  func service(_ host: String) -> Service? { held(services[host]) }

  // A loop, here and below: a method that is handed over as a closure takes a copy of the whole view along.
  private func held(_ services: [Service]?) -> Service? {
    guard let services else { return nil }
    for service in services where holds(service) { return service }
    return nil
  }

  func injects(_ namespace: String) -> Bool {
    for object in namespaces[namespace] ?? [] where holds(object) { return object.injects }
    return false
  }

  /// The Service that `host` names for a client in `namespace`: `name`, `name.ns`, `name.ns.svc`, the full name or the
  /// address. Case does not count.
  func service(named host: String, from namespace: String) -> Service? {
    let host = host.utf8.contains { (0x41...0x5A).contains($0) } ? host.lowercased() : host
    if let service = service(host) { return service }
    if !servicesByIP.isEmpty, let service = held(servicesByIP[host]) { return service }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    switch parts.count {
    case 1: return service("\(host).\(namespace).svc.\(options.clusterDomain)")
    case 2: return service("\(host).svc.\(options.clusterDomain)")
    case 3 where parts[2] == "svc": return service("\(host).\(options.clusterDomain)")
    default: return nil
    }
  }

  /// The DestinationRules that `client` uses for a service: those of the first namespace that has any for the host, of
  /// its own, the service's and the root (Istio: `PushContext.destinationRule`).
  func destinationRule(for service: Service, client: Client) -> SelectedDestinationRule {
    let (own, root) = (client.namespace, options.rootNamespace)
    let rulesInOwn = select(service.host, in: own, client) { rule in own != root || rule.visibility.isPrivate }
    if !rulesInOwn.isEmpty { return SelectedDestinationRule(rules: rulesInOwn) }
    let rules = select(service.host, in: service.metadata.namespace, client) { $0.visibility.includes(own) }
    if !rules.isEmpty { return SelectedDestinationRule(rules: rules) }
    return SelectedDestinationRule(rules: select(service.host, in: root, client) { $0.visibility.includes(own) })
  }

  private func select(
    _ host: String, in namespace: String, _ client: Client, where isVisible: (DestinationRule) -> Bool
  ) -> [DestinationRule] {
    guard let all = destinationRules[namespace] else { return [] }
    var rules: [DestinationRule] = []
    for rule in all.exact[host] ?? [] where isVisible(rule) && holds(rule) { rules.append(rule) }
    if rules.isEmpty {
      // The first that is held says which wildcard counts.
      for rule in all.wildcards {
        let isMeant = rules.first.map { rule.host == $0.host } ?? HostName.matches(host, pattern: rule.host)
        if isMeant, isVisible(rule), holds(rule) { rules.append(rule) }
      }
    }
    if rules.allSatisfy({ $0.clientSelector == nil }) { return rules }
    // Those for some clients are not merged with the others.
    if let special = rules.first(where: { $0.clientSelector?.isSubset(of: client.labels) == true }) {
      return [special]
    }
    return rules.filter { $0.clientSelector == nil }
  }

  /// How the pods of a workload take connections on one of their ports; nil where it is not there.
  package func serverTLS(of id: ObjectID, port: Int) -> ServerTLS? {
    slotOf[id].map { serverTLS(slots[$0].workload, port: port) }
  }

  /// How `workload` takes connections on one of its ports (Istio: `policy_applier.go`; the oldest of each level wins).
  func serverTLS(_ workload: Workload, port: Int) -> ServerTLS {
    serverTLS(workload, port: port, by: peerAuthentications)
  }

  /// How clients believe that it takes them.
  func expectedTLS(_ workload: Workload, port: Int) -> ServerTLS {
    choices?.asksHints = true
    return serverTLS(workload, port: port, by: tellsClientsApart ? hints : peerAuthentications)
  }

  private func serverTLS(
    _ workload: Workload, port: Int, by peerAuthentications: [String: [PeerAuthentication]]
  ) -> ServerTLS {
    let namespace = workload.metadata.namespace
    let isInjected =
      switch workload.sidecar {
      case .present: true
      case .absent: false
      case .byNamespace: injects(namespace)
      }
    guard isInjected else { return .noSidecar }
    let own = peerAuthentications[namespace] ?? []
    if let policy = own.first(where: { $0.selector?.isSubset(of: workload.labels) == true && holds($0) }) {
      if let mode = policy.byPort[port] ?? policy.mode { return mode }
    }
    if namespace != options.rootNamespace, let mode = own.first(where: { $0.selector == nil && holds($0) })?.mode {
      return mode
    }
    let root = peerAuthentications[options.rootNamespace] ?? []
    return root.first { $0.selector == nil && holds($0) }?.mode ?? .permissive
  }
}

extension Array {
  /// Keeps the array sorted by `precedes`; equal elements stay in the order of their insertion.
  mutating func insert(_ element: Element, by precedes: (Element, Element) -> Bool) {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if precedes(element, self[middle]) { high = middle } else { low = middle + 1 }
    }
    insert(element, at: low)
  }
}
