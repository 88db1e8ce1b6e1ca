internal import KubernetesModel
internal import RolloutPlan

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

  /// Where the object is kept among those of its component; nil where it is cheaper to make it again than to look it up.
  fileprivate var place: Int? {
    switch self {
    case .claim, .gateway: nil
    case .service: 0
    case .rule: 1
    case .entry: 2
    case .mesh: 3
    case .deployment(let v, _): 4 + v
    }
  }
}

/// The objects of a plan that were rendered, by what they depend on.
///
/// The ways back from a step write the same objects again and again. Whoever asks twice gets the same value in memory,
/// so that to compare the two costs nothing.
package final class RenderedObjects {
  /// All of them at one moment: whoever goes on from there shares what was made before.
  package struct Stock: Sendable {
    /// By component and place of the object in it.
    fileprivate var entries: [[Entries]]

    init(_ renderer: Renderer) {
      entries = [[Entries]](repeating: [], count: renderer.components.count)
    }
  }

  fileprivate struct Entry: Sendable {
    var plain: Value?
    var stamped: [(stamp: String, object: Value)] = []
  }

  /// What was rendered of one object: mostly little differs, and the latest is asked for most.
  fileprivate struct Entries: Sendable {
    var facts = Numbered<ObjectFacts>()
    var entries: [Entry] = []
  }

  package private(set) var stock: Stock

  package convenience init(_ renderer: Renderer) { self.init(Stock(renderer)) }

  package init(_ stock: Stock) { self.stock = stock }

  /// The object without a stamp, made by `render` where nobody has asked for it. Where it is equal to what stands, it is
  /// that very value.
  ///
  /// Inlined: nothing is copied for a closure that is mostly not called.
  @inline(__always)
  func plain(_ component: Int, _ facts: ObjectFacts, standing: Value?, _ render: () -> Value?) -> Value? {
    if let known = known(component, facts) { return known }
    return keep(render(), component, facts, standing: standing)
  }

  /// Nil where nobody has asked for the object; nil within where it does not exist.
  private func known(_ component: Int, _ facts: ObjectFacts) -> Value?? {
    guard let slot = facts.place, slot < stock.entries[component].count,
      let known = stock.entries[component][slot].facts.number(of: facts)
    else { return nil }
    return .some(stock.entries[component][slot].entries[known].plain)
  }

  private func keep(_ new: Value?, _ component: Int, _ facts: ObjectFacts, standing: Value?) -> Value? {
    guard let slot = facts.place else { return new }
    var plain = new
    if let new, let standing, new == standing { plain = standing }
    while stock.entries[component].count <= slot { stock.entries[component].append(Entries()) }
    stock.entries[component][slot].facts.append(facts)
    stock.entries[component][slot].entries.append(Entry(plain: plain))
    return plain
  }

  /// `plain`, which has these facts, with a stamp.
  func stamped(_ component: Int, _ facts: ObjectFacts, _ plain: Value, _ stamp: String, isEntry: Bool) -> Value {
    guard let slot = facts.place, let place = stock.entries[component][slot].facts.number(of: facts) else {
      return Lowering.stamped(plain, stamp, isEntry: isEntry)
    }
    for known in stock.entries[component][slot].entries[place].stamped where known.stamp == stamp {
      return known.object
    }
    let object = Lowering.stamped(plain, stamp, isEntry: isEntry)
    stock.entries[component][slot].entries[place].stamped.append((stamp, object))
    return object
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
