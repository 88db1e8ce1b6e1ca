internal import KubernetesModel
internal import Lowering
internal import MeshModel

/// Every object of a run in all its versions, and what is known of each flow: shared by all the ways that a run may take.
///
/// A rollback writes what the way forward has taken away, so most of what it asks has been answered before:
/// ``Superposition`` keeps every answer with what it depends on.
package final class VersionedMesh {
  let model: FlowModel
  private let superposition: Superposition
  private var numbers: [ObjectID: Int] = [:]
  private var objects: [Object] = []
  private let table: OutcomeTable
  private var expressions = ExpressionTable()
  /// The states that were asked about last, the latest at the end.
  private var answers: [IntentAnswers] = []
  /// By version of a component: the number of its Deployment.
  private(set) var workloads: [Int] = []
  /// The numbers of all workloads, in order; manifests may bring some.
  private(set) var allWorkloads: [Int] = []

  private struct Object {
    let id: ObjectID
    let isWorkload: Bool
    /// Routing depends on it.
    let isMeshObject: Bool
    /// What clients know of it, where that is an object of its own; and whether it is such a one.
    var hint: Int?
    let isHint: Bool
    /// What the mesh can read of each version.
    var essences = Numbered<Value>()
    /// Everything that it has been, as it was written, and what is to be known of each: most of it is written again.
    var editions: [(value: Value, edition: Edition)] = []
    /// The flows that may read it, each once.
    var readers: [Int] = []
    var isReader: Set<Int> = []
    /// What was held of it, with the number that the mesh knows it by.
    var held: [(holding: Held, number: Int32)] = []

    mutating func insert(reader flow: Int) {
      // The ways of one flow are found one after another.
      if readers.last != flow, isReader.insert(flow).inserted { readers.append(flow) }
    }
  }

  /// What is to be known of a value that an object has. Nothing in it is counted: there is one for each object in every
  /// run that goes another way.
  struct Edition {
    /// The number of the value; -1: the object is not there.
    var number: Int32 = -1
    /// The number of the version that it reads like; -1: the object is not there, or routing does not depend on it.
    var version: Int32 = -1
    /// How many pods it asks for.
    var replicas = 0

    var isThere: Bool { number >= 0 }
  }

  /// One or two versions of an object, of which either may be held.
  struct Held: Equatable {
    var old: Int32
    var new: Int32
    var mayBeEmpty: Bool
    var mayBeReady: Bool
  }

  package init(_ model: FlowModel) {
    self.model = model
    table = OutcomeTable(versions: model.versions.count)
    superposition = Superposition(options: model.options)
    for flow in model.flows { _ = superposition.addRequest(flow.client, flow.traffic) }
    workloads = model.deployments.map(number)
  }

  /// How many configurations were followed to their end.
  var configurations: Int { superposition.leaves }

  // MARK: - Objects

  func id(_ n: Int) -> ObjectID { objects[n].id }
  func isWorkload(_ n: Int) -> Bool { objects[n].isWorkload }
  func isMeshObject(_ n: Int) -> Bool { objects[n].isMeshObject }

  func known(_ id: ObjectID) -> Int? { numbers[id] }

  /// What clients know of object `n`, as an object of its own; nil where that is the object.
  func hint(of n: Int) -> Int? { objects[n].hint }

  func number(_ id: ObjectID) -> Int {
    if let known = numbers[id] { return known }
    let n = add(id)
    numbers[id] = n
    if id.kind == "PeerAuthentication", id.isMeshObject { objects[n].hint = add(id, isHint: true) }
    return n
  }

  private func add(_ id: ObjectID, isHint: Bool = false) -> Int {
    if id.isWorkload { allWorkloads.append(objects.count) }
    objects.append(Object(id: id, isWorkload: id.isWorkload, isMeshObject: id.isMeshObject, isHint: isHint))
    return superposition.addObject(isWorkload: id.isWorkload)
  }

  func intern(_ holding: Superposition.Holding, of n: Int) -> Int32 { superposition.intern(holding, of: n) }

  /// The same for one or two versions; of each object few pairs are ever held.
  func intern(_ held: Held, of n: Int) -> Int32 {
    for i in objects[n].held.indices.reversed() where objects[n].held[i].holding == held {
      return objects[n].held[i].number
    }
    let number = superposition.intern(
      Superposition.Holding(
        variants: held.old == held.new ? [Int(held.old)] : [Int(held.old), Int(held.new)], mayBeEmpty: held.mayBeEmpty,
        mayBeReady: held.mayBeReady),
      of: n)
    objects[n].held.append((held, number))
    return number
  }

  /// The edition of object `n` that is `value`.
  func edition(of n: Int, _ value: Value?) -> Edition {
    guard let value else { return Edition() }
    if let fields = value.fields {
      for i in objects[n].editions.indices.reversed()
      where objects[n].editions[i].value.fields?.isIdentical(to: fields) == true {
        return objects[n].editions[i].edition
      }
    }
    var edition = Edition(number: Int32(objects[n].editions.count))
    if objects[n].isMeshObject { edition.version = Int32(version(of: n, essentially: value)) }
    if objects[n].isWorkload { edition.replicas = replicas(value) }
    objects[n].editions.append((value, edition))
    return edition
  }

  /// What object `n` is in an edition of that number; nil where it is not there.
  func value(of n: Int, _ number: Int32) -> Value? { number < 0 ? nil : objects[n].editions[Int(number)].value }

  private func version(of n: Int, essentially value: Value) -> Int {
    let essence = objects[n].id.essence(of: value)
    if let known = objects[n].essences.number(of: essence) { return known }
    let parsed = model.meshObject(value, &expressions)
    let object = objects[n].isHint ? parsed?.seenByClients : parsed
    let version = objects[n].essences.count
    objects[n].essences.append(essence)
    if let object {
      var flows = model.flows(in: model.scope(objects[n].id, value))
      if objects[n].isHint { flows.removeAll { !superposition.asksHints($0) } }
      for flow in flows { objects[n].insert(reader: flow) }
      superposition.add(object, of: n, as: version, for: flows)
    }
    return version
  }

  // MARK: - Outcomes

  /// The flows whose outcome may depend on one of these objects, some perhaps twice.
  func readers(of changed: [Int]) -> [Int] {
    var all: [Int] = []
    for n in changed { all += objects[n].readers }
    return all
  }

  func outcome(numbered number: Int32) -> FlowOutcome { table[number] }

  /// Everything that may happen to a flow's requests.
  func outcome(of f: Int, in situation: Superposition.Situation) -> Int32 {
    var outcome = table.none
    explore(f, situation) { outcome = table.union(outcome, $0) }
    return outcome
  }

  /// Each configuration that the flow's requests can tell apart: what happens, what is chosen that is not the oldest, and
  /// the workloads that it depends on.
  func visit(
    _ f: Int, in situation: Superposition.Situation, _ body: (FlowOutcome, [Superposition.Choice], [Int]) -> Void
  ) {
    explore(f, situation) { body(table[$0], superposition.chosen, superposition.workloads) }
  }

  /// What states say, kept for the few that are asked about by turns.
  func goal(of intent: Intent) -> Goal {
    Goal(
      intent: intent,
      states: intent.parts.map { part in
        if let known = answers.last(where: { $0.intent === part }) { return known }
        let new = IntentAnswers(part, model, table, near: answers.last)
        if answers.count == 6 { answers.removeFirst() }
        answers.append(new)
        return new
      })
  }

  private func explore(_ f: Int, _ situation: Superposition.Situation, _ visit: (Int32) -> Void) {
    superposition.explore(
      f, in: situation, answer: { table.number(of: model.outcome(of: model.flows[f], $0)) },
      read: { objects[$0].insert(reader: f) }, visit: visit)
  }
}

extension ObjectID {
  /// All that the mesh can read of an object of this name: without the stamp of a step, and of a workload without what
  /// only its own pods see.
  fileprivate func essence(of value: Value) -> Value {
    if isWorkload {
      let template = kind == "Pod" ? value : value.at("spec", "template") ?? .null
      let containers =
        (template.at("spec", "containers")?.array ?? []) + (template.at("spec", "initContainers")?.array ?? [])
      return .array(
        [template["metadata"] ?? .null] + containers.map { .array([$0["name"] ?? .null, $0["ports"] ?? .null]) })
    }
    let plain = unstamped(value)
    return .array([plain["metadata"] ?? .null, plain["spec"] ?? .null])
  }
}
