/// A mesh of which nobody knows exactly what each proxy holds: of every object some versions, of every workload perhaps
/// pods and perhaps none.
///
/// A request has one answer for every way of choosing a version of each object, and there are exponentially many ways.
/// But its way reads few objects, one after the other: the first that takes it ends the search. So nothing is chosen
/// beforehand. For each request there is a tree: at a node stands the object that is read next, an edge is a version of
/// it, and a leaf is the answer. A leaf holds for every way of choosing that agrees with the edges above it, whatever all
/// the other objects are. What may happen is the leaves that can be reached by versions that may be held: every one of
/// them is visited, none is sampled, and one that was followed once is never followed again.
///
/// Pods are not chosen at all. Each version of a workload takes its requests or does not, whatever the others do; so all
/// that may be ready are taken together, and one more question, whether all of them may be missing at once, is the rest.
package final class Superposition {
  /// What may be held of one object.
  package struct Holding: Hashable, Sendable {
    /// The numbers of its versions, the oldest first; -1: it is not there.
    package var variants: [Int]
    /// Of a workload: that no pod is ready, and that some is.
    package var mayBeEmpty: Bool
    package var mayBeReady: Bool

    package init(variants: [Int], mayBeEmpty: Bool = false, mayBeReady: Bool = true) {
      self.variants = variants
      self.mayBeEmpty = mayBeEmpty
      self.mayBeReady = mayBeReady
    }
  }

  /// What may be held of every object: for each the number that ``intern(_:of:)`` gave.
  package typealias Situation = [Int32]

  /// A version that a leaf asks for.
  package struct Choice: Hashable, Sendable {
    package var object: Int
    package var variant: Int
    /// Its place among the versions that may be held.
    package var index: Int
  }

  private struct Node {
    enum Kind {
      /// Nobody has been here.
      case unknown
      case leaf(Int32)
      /// A version of an object; of a workload, what may be held of it. -1: there is no edge yet.
      case choice(object: Int, edges: Int)
      /// What came before version `variant` of `object` was known, and what is where that is held.
      case split(object: Int, variant: Int, held: Int, other: Int)
    }

    var kind: Kind
  }

  /// Edges of one node are a list: a node is looked at far more often than made, and no memory is managed for it.
  private struct Edge {
    var key: Int32
    var child: Int
    /// -1: it is the last.
    var next: Int
  }

  private struct Request {
    var client: Client
    var traffic: Traffic
    var root: Int
    /// Some answer depended on what clients know of a server's policy.
    var asksHints = false
  }

  private let choices = Choices()
  private var view: MeshView
  private var nodes: [Node] = []
  private var edges: [Edge] = []
  private var requests: [Request] = []
  /// How many leaves there are.
  package private(set) var leaves = 0

  package init(options: MeshOptions) {
    view = MeshView(options: options, choices: choices)
  }

  /// A new object, of which nothing is there yet: its number in a situation is 0.
  package func addObject(isWorkload: Bool) -> Int { choices.addObject(isWorkload: isWorkload) }

  package func addRequest(_ client: Client, _ traffic: Traffic) -> Int {
    requests.append(Request(client: client, traffic: traffic, root: add(.unknown)))
    return requests.count - 1
  }

  /// Adds a version of an object, which may matter to `requests`. One parsed object stands for one version.
  package func add(_ version: MeshObject, of object: Int, as variant: Int, for requests: [Int]) {
    choices.places[version.token] = Choices.Place(object: object, variant: variant)
    view.insert(version)
    for r in requests {
      // Who never asked what clients know of a policy has answers that hold whatever they know.
      if version.isHint, !self.requests[r].asksHints { continue }
      let root = self.requests[r].root
      if case .unknown = nodes[root].kind { continue }
      // All that was found out holds where this version is not held.
      self.requests[r].root = add(.split(object: object, variant: variant, held: add(.unknown), other: root))
    }
  }

  /// Whether some answer of the request depended on what clients know of a policy.
  package func asksHints(_ request: Int) -> Bool { requests[request].asksHints }

  package func intern(_ holding: Holding, of object: Int) -> Int32 { choices.intern(holding, of: object) }

  // MARK: - Walking the tree

  /// Visits every answer that a request may get. `answer` makes a number of what happens; `visit` gets it; `read` hears
  /// of each object on which an answer was found to depend, once for each new leaf.
  package func explore(
    _ request: Int, in situation: Situation, answer: (RouteResult) -> Int32, read: (Int) -> Void = { _ in },
    visit: (Int32) -> Void
  ) {
    choices.situation = situation
    walk(requests[request].root, request, answer, read, visit)
  }

  /// What is chosen on the way to the answer that is being visited, and is not the oldest.
  package var chosen: [Choice] {
    choices.path.compactMap { object in
      let variant = choices.fixed[object]
      guard !choices.isWorkload[object], let index = choices.holding(object).variants.firstIndex(of: variant), index > 0
      else { return nil }
      return Choice(object: object, variant: variant, index: index)
    }
  }

  /// The workloads whose pods the answer that is being visited depends on.
  package var workloads: [Int] { choices.path.filter { choices.isWorkload[$0] } }

  private func walk(
    _ node: Int, _ request: Int, _ answer: (RouteResult) -> Int32, _ read: (Int) -> Void, _ visit: (Int32) -> Void
  ) {
    switch nodes[node].kind {
    case .leaf(let number): visit(number)
    case .unknown:
      follow(request, from: node, answer, read)
      walk(node, request, answer, read, visit)
    case .choice(let object, _):
      if choices.isWorkload[object] {
        choices.path.append(object)
        walk(child(of: node, choices.place(object)), request, answer, read, visit)
        choices.path.removeLast()
      } else if choices.isFixed[object] {
        walk(child(of: node, Int32(choices.fixed[object])), request, answer, read, visit)
      } else {
        for variant in choices.holding(object).variants where !choices.excluded[object].contains(variant) {
          choices.fix(object, variant)
          walk(child(of: node, Int32(variant)), request, answer, read, visit)
          choices.release(object)
        }
      }
    case .split(let object, let variant, let held, let other):
      let variants = choices.holding(object).variants
      if choices.isWorkload[object] {
        walk(variants.contains(variant) ? held : other, request, answer, read, visit)
      } else if choices.isFixed[object] {
        walk(choices.fixed[object] == variant ? held : other, request, answer, read, visit)
      } else {
        let open = variants.filter { !choices.excluded[object].contains($0) }
        if open.contains(variant) {
          choices.fix(object, variant)
          walk(held, request, answer, read, visit)
          choices.release(object)
        }
        if open.contains(where: { $0 != variant }) {
          choices.excluded[object].append(variant)
          walk(other, request, answer, read, visit)
          choices.excluded[object].removeLast()
        }
      }
    }
  }

  /// The end of the edge `key` of a choice.
  private func child(of node: Int, _ key: Int32) -> Int {
    guard case .choice(let object, let first) = nodes[node].kind else { return node }
    var edge = first
    while edge >= 0 {
      if edges[edge].key == key { return edges[edge].child }
      edge = edges[edge].next
    }
    let child = add(.unknown)
    edges.append(Edge(key: key, child: child, next: first))
    nodes[node].kind = .choice(object: object, edges: edges.count - 1)
    return child
  }

  /// Sends the request where nobody has been, the oldest version of each object that is open; what it reads becomes the
  /// way to its leaf.
  private func follow(_ request: Int, from node: Int, _ answer: (RouteResult) -> Int32, _ read: (Int) -> Void) {
    choices.begin()
    choices.asksHints = false
    let number = answer(view.route(requests[request].client, requests[request].traffic))
    leaves += 1
    if choices.asksHints { requests[request].asksHints = true }
    var node = node
    for object in choices.reads {
      read(object)
      let key: Int32
      if choices.isWorkload[object] {
        if choices.path.contains(object) { continue }
        key = choices.place(object)
      } else {
        if choices.isFixed[object] { continue }
        key = Int32(choices.variant(object))
      }
      nodes[node].kind = .choice(object: object, edges: -1)
      node = child(of: node, key)
    }
    nodes[node].kind = .leaf(number)
  }

  private func add(_ kind: Node.Kind) -> Int {
    nodes.append(Node(kind: kind))
    return nodes.count - 1
  }
}

/// Which version of each object is looked at. It belongs to one ``Superposition``, which asks one question at a time.
final class Choices: @unchecked Sendable {
  struct Place {
    var object: Int
    var variant: Int
  }

  var places: [ObjectIdentifier: Place] = [:]
  var situation: Superposition.Situation = []
  private(set) var isWorkload: [Bool] = []
  /// The versions that the way through the tree has chosen, and those that it has passed over.
  private(set) var isFixed: [Bool] = []
  private(set) var fixed: [Int] = []
  var excluded: [[Int]] = []
  /// The objects on the way through the tree.
  var path: [Int] = []
  /// What the request that is followed has read, in order.
  private(set) var reads: [Int] = []
  private var isRead: [Bool] = []
  /// The request that is followed has asked what clients know of a policy.
  var asksHints = false
  private var holdings: [[Superposition.Holding]] = []

  func addObject(isWorkload: Bool) -> Int {
    holdings.append([Superposition.Holding(variants: [-1], mayBeEmpty: true, mayBeReady: false)])
    self.isWorkload.append(isWorkload)
    isFixed.append(false)
    fixed.append(-1)
    excluded.append([])
    isRead.append(false)
    return holdings.count - 1
  }

  func intern(_ holding: Superposition.Holding, of object: Int) -> Int32 {
    if let known = holdings[object].firstIndex(of: holding) { return Int32(known) }
    holdings[object].append(holding)
    return Int32(holdings[object].count - 1)
  }

  func place(_ object: Int) -> Int32 { object < situation.count ? situation[object] : 0 }

  func holding(_ object: Int) -> Superposition.Holding { holdings[object][Int(place(object))] }

  func fix(_ object: Int, _ variant: Int) {
    isFixed[object] = true
    fixed[object] = variant
    path.append(object)
  }

  func release(_ object: Int) {
    isFixed[object] = false
    path.removeLast()
  }

  func begin() {
    for object in reads { isRead[object] = false }
    reads.removeAll(keepingCapacity: true)
  }

  /// The version that the request which is followed meets.
  func variant(_ object: Int) -> Int {
    if isFixed[object] { return fixed[object] }
    let excluded = excluded[object]
    let variants = holdings[object][Int(place(object))].variants
    if excluded.isEmpty { return variants.first ?? -1 }
    return variants.first { !excluded.contains($0) } ?? -1
  }

  /// Whether this version is the one that is held.
  func holds(_ version: ObjectIdentifier) -> Bool {
    guard let place = places[version] else { return true }
    read(place.object)
    return variant(place.object) == place.variant
  }

  /// Whether a pod of this version of a workload may be ready.
  func mayBeReady(_ version: ObjectIdentifier) -> Bool {
    guard let place = places[version] else { return true }
    read(place.object)
    let holding = holding(place.object)
    return holding.mayBeReady && holding.variants.contains(place.variant)
  }

  /// Whether one of these is ready whatever is held: a workload that always has pods, in each of its versions.
  func isSomeSurelyReady(_ versions: [ObjectIdentifier]) -> Bool {
    let found = versions.compactMap { places[$0] }
    return found.contains { place in
      let holding = holding(place.object)
      return !holding.mayBeEmpty
        && holding.variants.allSatisfy { v in found.contains { $0.object == place.object && $0.variant == v } }
    }
  }

  private func read(_ object: Int) {
    if isRead[object] { return }
    isRead[object] = true
    reads.append(object)
  }
}
