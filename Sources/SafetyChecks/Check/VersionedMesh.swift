internal import KubernetesModel
internal import Lowering
internal import MeshModel

/// Every object of a run in all its versions, and what is known of each flow: shared by all the ways that a run may take.
///
/// A rollback writes what the way forward has taken away, so most of what it asks has been answered before. An answer is
/// kept with the objects that it depends on, which ``Superposition`` finds out, and holds wherever they are the same.
package final class VersionedMesh {
  let model: FlowModel
  private let superposition: Superposition
  private var numbers: [ObjectID: Int] = [:]
  private var objects: [Object] = []
  private var answers: [[Answer]]
  private let table = OutcomeTable()
  /// By version of a component: the number of its Deployment.
  private(set) var workloads: [Int] = []
  /// How many ways of choosing were followed to their end.
  private(set) var configurations = 0
  /// How many answers are kept for one flow.
  private let limit = 24

  private struct Object {
    var id: ObjectID
    var versions: [Version] = []
    /// The flows that may read it, in order.
    var readers: Set<Int> = []
  }

  private struct Version {
    var value: Value
    /// Nil where routing does not depend on it.
    var object: MeshObject?
  }

  private struct Answer {
    var reads: [Int]
    var places: [Int32]
    var outcome: Int32
  }

  package init(_ model: FlowModel) {
    self.model = model
    superposition = Superposition(options: model.options)
    answers = [[Answer]](repeating: [], count: model.flows.count)
    workloads = model.deployments.map(number)
  }

  // MARK: - Objects

  func id(_ n: Int) -> ObjectID { objects[n].id }

  func known(_ id: ObjectID) -> Int? { numbers[id] }

  func number(_ id: ObjectID) -> Int {
    if let known = numbers[id] { return known }
    let n = superposition.addObject()
    objects.append(Object(id: id))
    numbers[id] = n
    return n
  }

  func intern(_ holding: Superposition.Holding, of n: Int) -> Int32 { superposition.intern(holding, of: n) }

  /// The number of the version of object `n` that reads like `value`, -1 for none at all. The stamp of a step and, of a
  /// workload, whatever only its own pods see, make no new version.
  func version(of n: Int, _ value: Value?) -> Int {
    guard let value else { return -1 }
    let plain = unstamped(value)
    if let known = objects[n].versions.firstIndex(where: { $0.value == plain }) { return known }
    let object = MeshObject.parse(plain, options: model.options)
    if let object, let known = objects[n].versions.firstIndex(where: { $0.object?.routesLike(object) == true }) {
      return known
    }
    let version = objects[n].versions.count
    objects[n].versions.append(Version(value: plain, object: object))
    if let object { superposition.add(object, of: n, as: version) }
    // What was found out of these flows was found out without it.
    for f in model.flows(in: model.scope(objects[n].id, plain)) {
      objects[n].readers.insert(f)
      answers[f] = []
    }
    return version
  }

  // MARK: - Outcomes

  /// Nothing is known yet.
  var noOutcomes: Outcomes { Outcomes(count: model.flows.count, table) }

  /// The flows that may depend on one of these objects, in order.
  func readers(of changed: Set<Int>) -> [Int] {
    var flows: Set<Int> = []
    for n in changed { flows.formUnion(objects[n].readers) }
    return flows.sorted()
  }

  /// Everything that may happen to a flow's requests.
  func outcome(of f: Int, in situation: Superposition.Situation) -> Int32 {
    func place(_ n: Int) -> Int32 { n < situation.count ? situation[n] : 0 }
    let known = answers[f].last { answer in
      for (i, n) in answer.reads.enumerated() where place(n) != answer.places[i] { return false }
      return true
    }
    if let known { return known.outcome }
    var outcome = FlowOutcome()
    let reads = visit(f, in: situation) { one, _ in outcome.formUnion(one) }
    for n in reads { objects[n].readers.insert(f) }
    let number = table.number(of: outcome)
    if answers[f].count == limit { answers[f].removeFirst() }
    answers[f].append(Answer(reads: reads, places: reads.map(place), outcome: number))
    return number
  }

  /// Each way of choosing that the flow's requests can tell apart, with what is chosen that is not the oldest; gives the
  /// objects on which all that depends.
  func visit(
    _ f: Int, in situation: Superposition.Situation, _ body: (FlowOutcome, [Superposition.Choice]) -> Void
  ) -> [Int] {
    let flow = model.flows[f]
    return superposition.visit(flow.client, flow.traffic, in: situation) { result in
      configurations += 1
      body(model.outcome(of: flow, result), superposition.chosen)
    }
  }
}

/// Outcomes by their number: there are few that differ.
package final class OutcomeTable {
  private(set) var all: [FlowOutcome] = [FlowOutcome()]
  private var numbers: [FlowOutcome: Int32] = [FlowOutcome(): 0]

  func number(of outcome: FlowOutcome) -> Int32 {
    if let known = numbers[outcome] { return known }
    all.append(outcome)
    numbers[outcome] = Int32(all.count - 1)
    return Int32(all.count - 1)
  }
}

/// The outcome of each flow at one moment.
package struct Outcomes {
  private var numbers: [Int32]
  private let table: OutcomeTable

  init(count: Int, _ table: OutcomeTable) {
    numbers = [Int32](repeating: 0, count: count)
    self.table = table
  }

  package var count: Int { numbers.count }

  package subscript(of f: Int) -> FlowOutcome { table.all[Int(numbers[f])] }

  subscript(f: Int) -> Int32 {
    get { numbers[f] }
    set { numbers[f] = newValue }
  }
}
