import KubernetesModel
import Lowering
import MeshModel
import RolloutPlan
import SafetyChecks

/// The check as its definition reads: every combination of every object's versions with every number of ready pods of
/// every workload, each flow followed in each of them. Nothing is shared between phases, nothing left out because it
/// cannot matter.
struct BruteForce {
  let model: FlowModel
  let judge: SlowJudge
  private var variants: [ObjectID: [Value?]] = [:]
  private var pods: [ObjectID: ClosedRange<Int>] = [:]
  private var parsed: [Value: MeshObject] = [:]
  private var hints: [Value: MeshObject] = [:]
  private var inUse: Set<Int> = []
  private var atSegmentStart: [Fate] = []
  /// What may have happened in the phase that was taken last; and in one that broke off, until something has settled.
  private var during: [Fate] = []
  private var doubt: [Fate]?
  private var dialed: [Call: Set<Int>] = [:]
  private var askersAtEnd: [Int: Set<Int>] = [:]
  /// By version that was waited for: the flows that have reached it since.
  private var askedSince: [Int: Set<Int>] = [:]
  /// How many combinations the last phase had.
  private(set) var combinations = 0
  let limit: Int

  init(_ model: FlowModel, limit: Int) {
    self.model = model
    self.limit = limit
    judge = SlowJudge(plan: model.plan, model: model)
    for object in model.objectsOfOthers { if let id = ObjectID(object) { variants[id] = [object] } }
  }

  mutating func begin(dialing dialed: [Call: Set<Int>]? = nil) {
    atSegmentStart = doubt ?? settled()
    if let dialed { self.dialed = dialed }
  }

  mutating func breakOff() { doubt = during }

  private func count(_ value: Value?) -> Int { value?.at("spec", "replicas")?.int ?? 0 }

  private mutating func object(_ value: Value) -> MeshObject? {
    if let known = parsed[value] { return known }
    let object = model.meshObject(value)
    parsed[value] = object
    return object
  }

  /// What an object of this name is to the mesh: clients have an own idea of a policy.
  private mutating func object(_ value: Value, _ id: ObjectID) -> MeshObject? {
    let object = object(value)
    guard let object, object.id != id else { return object }
    if let known = hints[value] { return known }
    hints[value] = object.seenByClients
    return hints[value]
  }

  /// Every object in its newest version, all pods ready.
  private mutating func settled() -> [Fate] {
    var objects: [MeshObject] = []
    for id in variants.keys.sorted() {
      if let value = variants[id]?.last ?? nil, let object = object(value, id) { objects.append(object) }
    }
    let view = MeshView(objects: objects, options: model.options, tellsClientsApart: true)
    return model.flows.map { Fate(model.outcome(of: $0, in: view)) }
  }

  /// Nil where there are too many combinations.
  mutating func take(
    _ phase: Phase, from: [State], to: State, isLast: Bool, keepsVolumes: Bool = false
  ) -> (fates: [Fate], verdict: SlowJudge.Verdict)? {
    let atStart = doubt ?? settled()
    for write in phase.writes {
      let old = variants[write.id]?.last ?? nil
      variants[write.id, default: [nil]].append(write.object)
      if write.id.kind == "PeerAuthentication" {
        variants[write.id.seenByClients, default: [nil]].append(write.object)
      }
      guard write.id.kind == "Deployment" else { continue }
      let known = pods[write.id] ?? count(old)...count(old)
      var least = 0
      if let old, let new = write.object {
        least = min(count(old), count(new))
        if old.at("spec", "template") != new.at("spec", "template"),
          new.at("spec", "strategy", "type")?.string == "Recreate"
        {
          least = 0
        }
      }
      pods[write.id] = min(known.lowerBound, least)...max(known.upperBound, count(write.object))
    }

    // One place per object: its version, and for a workload how many pods are ready.
    let ids = variants.keys.sorted()
    var choices: [[(value: Value?, ready: Int?)]] = []
    combinations = 1
    for id in ids {
      guard let versions = variants[id] else { continue }
      var distinct: [Value?] = []
      for version in versions where !distinct.contains(version) { distinct.append(version) }
      if id.kind == "Deployment" {
        let range = pods[id] ?? count(versions.last ?? nil)...count(versions.last ?? nil)
        choices.append(
          distinct.flatMap { value -> [(Value?, Int?)] in
            guard let value else { return [(nil, nil)] }
            return range.map { (value, $0) }
          })
      } else {
        choices.append(distinct.map { ($0, nil) })
      }
      combinations *= choices[choices.count - 1].count
      if combinations > limit { return nil }
    }
    var union = [Fate](repeating: Fate(), count: model.flows.count)
    var place = [Int](repeating: 0, count: ids.count)
    var view = MeshView(options: model.options, tellsClientsApart: true)
    var changed = Array(ids.indices)
    while true {
      for i in changed {
        let (value, ready) = choices[i][place[i]]
        if let value, let object = object(value, ids[i]) {
          view.put(object)
          if let ready { view.setReady(ids[i], ready) }
        } else {
          view.remove(ids[i])
        }
      }
      for f in model.flows.indices { union[f].formUnion(Fate(model.outcome(of: model.flows[f], in: view))) }
      changed = []
      for i in ids.indices {
        place[i] += 1
        changed.append(i)
        if place[i] < choices[i].count { break }
        place[i] = 0
      }
      if place.allSatisfy({ $0 == 0 }) { break }
    }

    var standing: [ObjectID: Value] = [:]
    for (id, versions) in variants { if let value = versions.last ?? nil { standing[id] = value } }
    let ready = model.versions.indices.map { version in
      let id = model.deployment(version)
      return pods[id] ?? count(standing[id])...count(standing[id])
    }
    let facts = SlowJudge.Facts(
      before: from, after: to, phase: phase, isLast: isLast, keepsVolumes: keepsVolumes,
      atSegmentStart: atSegmentStart, atStart: atStart, atEnd: settled(), during: union, dialed: dialed, inUse: inUse,
      askedSince: askedSince, leastReady: ready.map(\.lowerBound), mostReady: ready.map(\.upperBound),
      declared: model.versions.indices.map { count(standing[model.deployment($0)]) },
      routes: variants.filter { $0.key.kind == "VirtualService" }.flatMap(\.value).compactMap(\.self))
    let verdict = judge.judge(facts)
    during = union
    inUse.formUnion(verdict.askers.keys)
    askersAtEnd = verdict.askersAtEnd
    for version in askedSince.keys { askedSince[version]?.formUnion(verdict.askers[version] ?? []) }
    return (union, verdict)
  }

  mutating func pass(_ gates: [Gate]) {
    func finish(_ id: ObjectID) {
      if let versions = variants[id] { variants[id] = [versions.last ?? nil] }
      pods[id] = nil
    }
    for gate in gates {
      switch gate {
      case .ready(let targets): for target in targets { finish(target.deployment) }
      case .stopped(let ids), .established(let ids):
        for id in ids { finish(id) }
        if case .stopped = gate {
          for version in model.versions.indices where ids.contains(model.deployment(version)) {
            inUse.remove(version)
            askedSince[version] = nil
          }
        }
      case .settled:
        doubt = nil
        for id in variants.keys where id.kind != "Deployment" { finish(id) }
      case .drained(let quiet, let byTime):
        let refs = quiet + byTime
        for version in model.versions.indices {
          let id = model.versions[version]
          guard refs.contains(WorkloadRef(app: model.plan[id.component].service, version: model.plan[id].name)) else {
            continue
          }
          askedSince[version] = askersAtEnd[version] ?? []
          if askersAtEnd[version] == nil { inUse.remove(version) }
        }
      }
    }
  }
}
