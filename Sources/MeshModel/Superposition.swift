/// A mesh of which nobody knows exactly what each proxy holds: of every object some versions, of every workload perhaps
/// pods and perhaps none.
///
/// A request has one answer for every way of choosing a version of each object, and there are exponentially many ways.
/// But its way reads few objects, one after the other: the first that takes it ends the search. So nothing is chosen
/// beforehand. Where the way of a request comes to an object that is not chosen yet, the first version is taken; when
/// the answer is there, the last choice is changed and the request is sent again, until no choice is left. That is a
/// walk over the decision tree of this one request, with a leaf for each way of choosing that it can tell apart, and
/// every leaf is visited: nothing is left out and nothing is sampled.
///
/// Pods are not chosen at all. Each version of a workload takes its requests or does not, whatever the others do; so all
/// that may be ready are taken together, and one more question, whether all of them may be missing at once, is the rest.
package final class Superposition {
  /// What may be held of one object.
  package struct Holding: Hashable, Sendable {
    /// The numbers of its versions, in the order in which they are tried.
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

  private let choices = Choices()
  private var view: MeshView

  package init(options: MeshOptions) {
    view = MeshView(options: options, choices: choices)
  }

  /// A new object, of which nothing is there yet. Its first number in a situation is 0: it is not there.
  package func addObject() -> Int { choices.addObject() }

  /// Adds a version of an object. The same parsed object may stand for one version only.
  package func add(_ version: MeshObject, of object: Int, as variant: Int) {
    choices.places[version.token] = Choices.Place(object: object, variant: variant)
    view.insert(version)
  }

  package func intern(_ holding: Holding, of object: Int) -> Int32 { choices.intern(holding, of: object) }

  /// Calls `body` with each thing that may happen to `traffic`, and gives the numbers of the objects on which that
  /// depends: as long as their places in the situation stay and no version is added that the request could meet, the
  /// answers stay.
  package func visit(
    _ client: Client, _ traffic: Traffic, in situation: Situation, _ body: (RouteResult) -> Void
  ) -> [Int] {
    choices.begin(situation)
    repeat { body(view.route(client, traffic)) } while choices.advance()
    return choices.reads
  }

  /// What was chosen for the answer that is being visited, where it is not the first version.
  package var chosen: [Choice] { choices.decisions }

  package struct Choice: Hashable, Sendable {
    package var object: Int
    package var variant: Int
    /// The place of the version among those that may be held.
    package var index: Int
  }
}

/// Which version of each object is looked at. One question at a time: it belongs to one ``Superposition``.
final class Choices: @unchecked Sendable {
  struct Place {
    var object: Int
    var variant: Int
  }

  var places: [ObjectIdentifier: Place] = [:]
  private var holdings: [[Superposition.Holding]] = []
  private var situation: Superposition.Situation = []
  /// By object: the place of its choice in `decided`; -1 while it is open.
  private var decision: [Int] = []
  private var decided: [(object: Int, index: Int)] = []
  private(set) var reads: [Int] = []
  private var isRead: [Bool] = []

  func addObject() -> Int {
    holdings.append([Superposition.Holding(variants: [], mayBeEmpty: true, mayBeReady: false)])
    decision.append(-1)
    isRead.append(false)
    return holdings.count - 1
  }

  func intern(_ holding: Superposition.Holding, of object: Int) -> Int32 {
    if let known = holdings[object].firstIndex(of: holding) { return Int32(known) }
    holdings[object].append(holding)
    return Int32(holdings[object].count - 1)
  }

  func begin(_ situation: Superposition.Situation) {
    self.situation = situation
    for object in reads { isRead[object] = false }
    for choice in decided { decision[choice.object] = -1 }
    reads.removeAll(keepingCapacity: true)
    decided.removeAll(keepingCapacity: true)
  }

  /// Changes the last choice that can be changed; false when there is none.
  func advance() -> Bool {
    while let last = decided.last {
      if last.index + 1 < holding(last.object).variants.count {
        decided[decided.count - 1].index += 1
        return true
      }
      decided.removeLast()
      decision[last.object] = -1
    }
    return false
  }

  var decisions: [Superposition.Choice] {
    decided.compactMap { object, index in
      if index == 0 { return nil }
      return Superposition.Choice(object: object, variant: holding(object).variants[index], index: index)
    }
  }

  /// Whether this version is the one that is held.
  func holds(_ version: ObjectIdentifier) -> Bool {
    guard let place = places[version] else { return true }
    read(place.object)
    let variants = holding(place.object).variants
    if variants.count < 2 { return variants.first == place.variant }
    if decision[place.object] < 0 {
      // A version that nobody holds is known without a choice.
      guard variants.contains(place.variant) else { return false }
      decision[place.object] = decided.count
      decided.append((place.object, 0))
    }
    return variants[decided[decision[place.object]].index] == place.variant
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

  private func holding(_ object: Int) -> Superposition.Holding {
    object < situation.count ? holdings[object][Int(situation[object])] : holdings[object][0]
  }

  private func read(_ object: Int) {
    if isRead[object] { return }
    isRead[object] = true
    reads.append(object)
  }
}
