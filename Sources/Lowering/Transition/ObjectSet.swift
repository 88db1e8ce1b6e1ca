package import Diagnostics
package import KubernetesModel
internal import RolloutPlan

/// What stands in the cluster at one moment of a plan: the image of a state, or of a configuration in between.
///
/// Objects are kept by component, so that the images of neighbouring states share whatever did not change.
package struct ObjectSet: Sendable {
  package struct Entry: Hashable, Sendable {
    package var id: ObjectID
    /// As it was written, with the stamp of the segment that did.
    package var object: Value
    /// Without the stamp: what two states are compared by.
    package var plain: Value
    /// The plan's range that the last write came from.
    package var origin: SourceRange
    package var stamp: String?
  }

  let renderer: Renderer
  /// What belongs to no component.
  private(set) var shared: [ObjectID: Entry] = [:]
  private(set) var components: Chunked<[Slotted]>

  struct Slotted: Sendable {
    var slot: ObjectSlot
    var entry: Entry
  }

  init(_ renderer: Renderer) {
    self.renderer = renderer
    components = Chunked([[Slotted]](repeating: [], count: renderer.components.count))
  }

  /// Namespace, PeerAuthentication and manifests, claims, Services, Gateways, DestinationRules, VirtualServices,
  /// Deployments; within a kind callees before callers. O(objects).
  package var entries: [Entry] {
    var all: [Entry] = []
    all.reserveCapacity(count)
    all += shared.values.sorted { (renderer.sharedRank($0.id), $0.id) < (renderer.sharedRank($1.id), $1.id) }
    for rank in 0...ObjectSlot.lastRank {
      for i in renderer.callOrder {
        for slotted in components[i] where slotted.slot.rank == rank { all.append(slotted.entry) }
      }
    }
    return all
  }

  package var count: Int { components.indices.reduce(shared.count) { $0 + components[$1].count } }

  /// O(objects of its component).
  package subscript(id: ObjectID) -> Entry? {
    if let place = renderer.slots[id] { return self[place.component, place.slot] }
    return shared[id]
  }

  subscript(component: Int, slot: ObjectSlot) -> Entry? {
    get {
      // By index: an object has a dozen references, and none is copied to look at its slot.
      let slotted = components[component]
      for i in slotted.indices where slotted[i].slot == slot { return slotted[i].entry }
      return nil
    }
    set {
      let place = components[component].firstIndex { $0.slot == slot }
      switch (place, newValue) {
      case (let place?, let entry?): components[component][place].entry = entry
      case (let place?, nil): components[component].remove(at: place)
      case (nil, let entry?):
        // Mostly they come in their order.
        if let next = components[component].firstIndex(where: { $0.slot.order > slot.order }) {
          components[component].insert(Slotted(slot: slot, entry: entry), at: next)
        } else {
          components[component].append(Slotted(slot: slot, entry: entry))
        }
      case (nil, nil): break
      }
    }
  }

  subscript(shared id: ObjectID) -> Entry? {
    get { shared[id] }
    set { shared[id] = newValue }
  }

  /// Does what `write` does.
  ///
  /// - Parameter later: what stands after it, perhaps after other writes too. An object that is the same there is known
  ///   without its stamp.
  package mutating func apply(_ write: Write, knownIn later: ObjectSet? = nil) {
    func entry(_ known: Entry?) -> Entry? {
      guard let object = write.object else { return nil }
      if var known, let fields = object.fields, known.object.fields?.isIdentical(to: fields) == true {
        known.origin = write.origin
        return known
      }
      return Entry(
        id: write.id, object: object, plain: unstamped(object), origin: write.origin,
        stamp: object.at("metadata", "annotations", stampAnnotation)?.string)
    }
    if let place = renderer.slots[write.id] {
      self[place.component, place.slot] = entry(later?[place.component, place.slot])
    } else {
      self[shared: write.id] = entry(later?[shared: write.id])
    }
  }

  /// The same objects, whatever their stamps and origins.
  package func holdsSame(as other: ObjectSet) -> Bool {
    func plain(_ set: ObjectSet) -> [ObjectID: Value] {
      Dictionary(set.entries.map { ($0.id, $0.plain) }, uniquingKeysWith: { first, _ in first })
    }
    return plain(self) == plain(other)
  }
}

extension ObjectSlot {
  static let lastRank = 5

  var rank: Int {
    switch self {
    case .claim: 0
    case .service: 1
    case .gateway: 2
    case .rule: 3
    case .entry, .mesh: 4
    case .deployment: 5
    }
  }

  /// Within one component.
  var order: (Int, Int) {
    switch self {
    case .claim(let c): (0, c)
    case .service: (1, 0)
    case .gateway: (2, 0)
    case .rule: (3, 0)
    case .entry: (4, 0)
    case .mesh: (4, 1)
    case .deployment(let v): (5, v)
    }
  }
}

extension Renderer {
  /// What comes first of what belongs to no component.
  fileprivate func sharedRank(_ id: ObjectID) -> Int {
    if id == namespaceID { return 0 }
    if id == peerAuthenticationID { return 1 }
    return 2 + (manifestNumbers[id] ?? 0)
  }

  /// Nothing stands.
  package var nothing: ObjectSet { ObjectSet(self) }

  /// Everything that stands where `view` holds, unstamped. O(objects).
  package func objects(_ view: View, origins: Origins? = nil) -> ObjectSet {
    var set = ObjectSet(self)
    let origins = origins ?? Origins(plan, changes: [])
    func entry(_ id: ObjectID, _ value: Value, _ origin: SourceRange) -> ObjectSet.Entry {
      ObjectSet.Entry(id: id, object: value, plain: value, origin: origin, stamp: nil)
    }
    if view.exists {
      if !plan.namespaceExists {
        set[shared: namespaceID] = entry(namespaceID, namespaceObject(), plan.nameRange)
      }
      for manifest in manifests {
        set[shared: manifest.id] = entry(manifest.id, manifestObject(manifest), manifest.range)
      }
    }
    if let mtls = view.mtls {
      set[shared: peerAuthenticationID] = entry(
        peerAuthenticationID, peerAuthentication(mtls), origins.mtls())
    }
    for i in components.indices {
      let names = components[i]
      let component = view.components[i]
      for c in component.claims { set[i, .claim(c)] = entry(names.claims[c].id, claim(i, c), names.claims[c].range) }
      if let value = service(i, component) {
        set[i, .service] = entry(names.serviceID, value, origins.of(i, .workload))
      }
      if let value = gateway(i, component) {
        set[i, .gateway] = entry(names.gatewayID, value, origins.of(i, .exposure))
      }
      if let value = rule(i, component) { set[i, .rule] = entry(names.ruleID, value, origins.of(i, .routing)) }
      if let value = entryRoute(i, component) {
        set[i, .entry] = entry(names.entryID, value, origins.of(i, .routing))
      }
      if let value = meshRoute(i, component) { set[i, .mesh] = entry(names.meshID, value, origins.of(i, .routing)) }
      for workload in component.workloads {
        set[i, .deployment(workload.version)] = entry(
          names.versions[workload.version].deploymentID, deployment(i, workload), origins.of(i, .workload))
      }
    }
    return set
  }

  func manifestObject(_ manifest: ManifestObject) -> Value {
    patched(manifest.value, by: [], id: manifest.id)
  }
}
