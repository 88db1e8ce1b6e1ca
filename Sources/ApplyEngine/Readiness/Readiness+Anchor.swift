internal import KubernetesModel

/// The rules that hold for every kind: it is the object that we wrote, it is not older than our write, nobody took it over,
/// and its controller has looked at it. Nil where all hold.
///
/// Watches and lists may replay older objects, whose status would tell of the rollout before ours.
func anchored(_ object: Value, to written: Value, options: ReadinessOptions) -> Readiness? {
  let name = subject(object)
  if let ours = written.at("metadata", "uid")?.string, let uid = object.at("metadata", "uid")?.string, uid != ours {
    return .failed(Cause("Replaced", "it was deleted and made anew while we waited", in: name))
  }
  if object.at("metadata", "deletionTimestamp")?.string != nil {
    return .failed(Cause("Terminating", "it is being deleted", in: name))
  }
  let anchor = generation(written) ?? 0
  let current = generation(object) ?? 0
  if current < anchor { return .waiting("an older version was seen") }
  if current > anchor, let takers = takers(of: object, since: written, manager: options.fieldManager) {
    let who = takers.isEmpty ? "another writer" : takers.joined(separator: ", ")
    return .failed(Cause("Superseded", "\(who) changed what we had written", in: name))
  }
  if alwaysObserves(object), (object.at("status", "observedGeneration")?.int ?? 0) < current {
    return .waiting("its controller has not looked at it yet")
  }
  return nil
}

/// The managers that wrote since and took fields from us; nil where what we owned is still ours. An autoscaler that sets a
/// field of its own makes a new generation, and is no reason to stop.
private func takers(of object: Value, since written: Value, manager: String) -> [String]? {
  guard let before = ownFields(written, manager) else { return nil }
  if ownFields(object, manager) == before { return nil }
  let known = Set((written.at("metadata", "managedFields")?.array ?? []).filter { $0["subresource"] == nil })
  var names: [String] = []
  for entry in object.at("metadata", "managedFields")?.array ?? [] {
    guard let name = entry["manager"]?.string, name != manager, entry["subresource"] == nil else { continue }
    if !known.contains(entry), !names.contains(name) { names.append(name) }
  }
  return names
}

/// The kinds whose controllers always say which generation they saw: without it, the status is of no use.
private func alwaysObserves(_ object: Value) -> Bool {
  guard let id = ObjectID(object) else { return false }
  return id.group == "apps" && ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"].contains(id.kind)
}

func generation(_ object: Value) -> Int? { object.at("metadata", "generation")?.int }

func subject(_ object: Value) -> String { ObjectID(object).map { "\($0)" } ?? "the object" }

/// A condition is read by type and status together; `Failed` with status `False` is no failure.
struct Condition {
  var status: String
  var reason: String
  var message: String
  var lastUpdateTime: String?

  var isTrue: Bool { status == "True" }
  var isFalse: Bool { status == "False" }
}

func condition(_ type: String, of object: Value) -> Condition? {
  guard let value = (object.at("status", "conditions")?.array ?? []).first(where: { $0["type"]?.string == type })
  else { return nil }
  // A condition about an older generation is history.
  if let seen = value["observedGeneration"]?.int, let current = generation(object), seen < current { return nil }
  return Condition(
    status: value["status"]?.string ?? "Unknown", reason: value["reason"]?.string ?? "",
    message: value["message"]?.string ?? "", lastUpdateTime: value["lastUpdateTime"]?.string)
}

/// A count of the status; absent is zero, as Go's encoder leaves zeros out.
func count(_ key: String, _ object: Value) -> Int { object.at("status", key)?.int ?? 0 }
