internal import KubernetesModel
internal import RolloutPlan
internal import Synchronization

/// What one object of a component depends on, besides the plan.
enum ObjectFacts: Hashable, Sendable {
  case claim(Int, exists: Bool)
  case service(ports: [Int])
  case gateway(exists: Bool)
  case rule(exists: Bool, subsets: [Int], MTLSMode?)
  case entry(RouteTable?, isPinned: Bool, Mirror?)
  case mesh(LaneList?, ports: [Int], isPinned: Bool, Mirror?)
  /// Nil: it does not exist.
  case deployment(Int, DeployedVersion?)

  /// Kept where it is cheaper to look it up than to make it again.
  var isKept: Bool {
    switch self {
    case .claim, .gateway: false
    case .service, .rule, .entry, .mesh, .deployment: true
    }
  }
}

/// The objects of a plan that were rendered, by what they depend on.
///
/// The ways back from a step write the same objects again and again. Whoever asks twice gets the same value in memory,
/// so that to compare the two costs nothing.
final class RenderedObjects: Sendable {
  private struct Entry {
    var facts: ObjectFacts
    var plain: Value?
    var stamped: [(stamp: String, object: Value)] = []
  }

  /// By component: few each.
  private let entries: Mutex<[[Entry]]>

  init(components: Int) { entries = Mutex([[Entry]](repeating: [], count: components)) }

  /// The object without a stamp, made by `render` where nobody has asked for it.
  func plain(_ component: Int, _ facts: ObjectFacts, _ render: () -> Value?) -> Value? {
    guard facts.isKept else { return render() }
    let known: Value?? = entries.withLock { entries in
      entries[component].firstIndex { $0.facts == facts }.map { entries[component][$0].plain }
    }
    if let known { return known }
    let plain = render()
    entries.withLock { $0[component].append(Entry(facts: facts, plain: plain)) }
    return plain
  }

  /// `plain`, which has these facts, with a stamp.
  func stamped(_ component: Int, _ facts: ObjectFacts, _ plain: Value, _ stamp: String, isEntry: Bool) -> Value {
    entries.withLock { entries in
      guard let place = entries[component].firstIndex(where: { $0.facts == facts }) else {
        return Lowering.stamped(plain, stamp, isEntry: isEntry)
      }
      if let known = entries[component][place].stamped.first(where: { $0.stamp == stamp }) { return known.object }
      let object = Lowering.stamped(plain, stamp, isEntry: isEntry)
      entries[component][place].stamped.append((stamp, object))
      return object
    }
  }
}

extension Renderer {
  /// The facts of one object in `view`.
  func facts(_ slot: ObjectSlot, _ view: ComponentView) -> ObjectFacts {
    switch slot {
    case .claim(let c): .claim(c, exists: view.claims.contains(c))
    case .service: .service(ports: view.ports)
    case .gateway: .gateway(exists: view.hasGateway)
    case .rule: .rule(exists: view.hasRule, subsets: view.subsets, view.tls)
    case .entry: .entry(view.entry, isPinned: view.isEntryPinned, view.entryMirror)
    case .mesh: .mesh(view.lanes, ports: view.lanePorts, isPinned: view.isMeshPinned, view.meshMirror)
    case .deployment(let v): .deployment(v, view.workloads.first { $0.version == v })
    }
  }

  /// One object of component `i` as it is in `view`, without a stamp; nil where it does not exist.
  func render(_ slot: ObjectSlot, _ i: Int, _ view: ComponentView) -> Value? {
    switch slot {
    case .claim(let c): view.claims.contains(c) ? claim(i, c) : nil
    case .service: service(i, view)
    case .gateway: gateway(i, view)
    case .rule: rule(i, view)
    case .entry: entryRoute(i, view)
    case .mesh: meshRoute(i, view)
    case .deployment(let v): view.workloads.first { $0.version == v }.map { deployment(i, $0) }
    }
  }
}
