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
  /// The states that were asked about last, the latest at the end.
  private var answers: [IntentAnswers] = []
  /// By version of a component: the number of its Deployment.
  private(set) var workloads: [Int] = []

  private struct Object {
    let id: ObjectID
    let isWorkload: Bool
    /// Routing depends on it.
    let isMeshObject: Bool
    var versions: [Version] = []
    /// What was written last, with the number of its version: most of it is written again.
    var seen: [(fields: Fields, version: Int)] = []
    /// The flows that may read it.
    var readers: Set<Int> = []
  }

  private struct Version {
    /// What the mesh can read of it.
    var essence: Value
    /// Nil where routing does not depend on it.
    var object: MeshObject?
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

  func number(_ id: ObjectID) -> Int {
    if let known = numbers[id] { return known }
    let n = superposition.addObject(isWorkload: id.isWorkload)
    objects.append(Object(id: id, isWorkload: id.isWorkload, isMeshObject: id.isMeshObject))
    numbers[id] = n
    return n
  }

  func intern(_ holding: Superposition.Holding, of n: Int) -> Int32 { superposition.intern(holding, of: n) }

  /// The number of the version of object `n` that reads like `value`, -1 for none at all.
  func version(of n: Int, _ value: Value?) -> Int {
    guard let value else { return -1 }
    guard let fields = value.fields else { return version(of: n, essentially: value) }
    if let known = objects[n].seen.last(where: { $0.fields.isIdentical(to: fields) }) { return known.version }
    let version = version(of: n, essentially: value)
    if objects[n].seen.count == 6 { objects[n].seen.removeFirst() }
    objects[n].seen.append((fields, version))
    return version
  }

  private func version(of n: Int, essentially value: Value) -> Int {
    let essence = objects[n].id.essence(of: value)
    if let known = objects[n].versions.firstIndex(where: { $0.essence == essence }) { return known }
    let object = MeshObject.parse(value, options: model.options)
    let version = objects[n].versions.count
    objects[n].versions.append(Version(essence: essence, object: object))
    if let object {
      let flows = model.flows(in: model.scope(objects[n].id, value))
      objects[n].readers.formUnion(flows)
      superposition.add(object, of: n, as: version, for: flows)
    }
    return version
  }

  // MARK: - Outcomes

  /// The flows whose outcome may depend on one of these objects, some perhaps twice.
  func readers(of changed: [Int]) -> [Int] { changed.flatMap { objects[$0].readers } }

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
      read: { objects[$0].readers.insert(f) }, visit: visit)
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
