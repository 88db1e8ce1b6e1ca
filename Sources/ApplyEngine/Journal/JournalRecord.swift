package import KubernetesModel

/// What a run wrote down, in order. The wire format is JSON with `t` for the case; unknown members are ignored, an
/// unknown case ends the reading: an older tool must not act on a journal that it does not understand.
package enum JournalRecord: Hashable, Sendable {
  case started(RunStart)
  /// Before a request that changes something leaves.
  case intent(WriteIntent)
  /// What came of the intent of that number. An intent without one may or may not have been done.
  case result(number: Int, WriteOutcome)
  /// All writes and gates of the phase are done.
  case phaseDone(Int)
}

package struct RunStart: Hashable, Sendable {
  package var run: String
  /// Of the plan's phases: a journal is only for them.
  package var planHash: String
  /// The cluster, by the UID of `kube-system`: a journal is only for that one.
  package var cluster: String

  package init(run: String, planHash: String, cluster: String) {
    self.run = run
    self.planHash = planHash
    self.cluster = cluster
  }
}

package enum WriteOutcome: Hashable, Sendable {
  /// `uid` is empty for a deletion.
  case done(uid: String, resourceVersion: String, wasCreated: Bool)
  /// The server said no; nothing changed.
  case refused(String)
}

/// One write that is about to be sent: enough to find out, after a crash, whether it was done, and to undo it.
package struct WriteIntent: Hashable, Sendable {
  package enum Method: String, Hashable, Sendable { case apply, create, delete, patch }

  package var number: Int
  package var phase: Int
  package var method: Method
  package var apiVersion: String
  package var id: ObjectID
  /// The object it must be; nil where it must not exist yet.
  package var uid: String?
  /// Of the canonical body. Empty for a deletion, and for a Secret: a hash of a short secret can be guessed.
  package private(set) var bodyHash: String
  /// What stood there. For a Secret only what names it.
  package private(set) var preImage: Value?

  package init(
    number: Int, phase: Int, method: Method, apiVersion: String, id: ObjectID, uid: String?, body: Value?,
    preImage: Value?
  ) {
    let isSecret = id.kind == "Secret"
    self.number = number
    self.phase = phase
    self.method = method
    self.apiVersion = apiVersion
    self.id = id
    self.uid = uid
    bodyHash = isSecret ? "" : body.map(contentHash) ?? ""
    self.preImage = preImage.map { isSecret ? nameOnly($0) : withoutNoise($0) }
  }

  fileprivate init?(_ value: Value) {
    guard let number = value["n"]?.int, let phase = value["phase"]?.int,
      let method = value["method"]?.string.flatMap(Method.init), let apiVersion = value["apiVersion"]?.string,
      let kind = value["kind"]?.string, let name = value["name"]?.string
    else { return nil }
    let id = ObjectID(
      group: value["group"]?.string ?? "", kind: kind, namespace: value["namespace"]?.string ?? "", name: name)
    self.init(
      number: number, phase: phase, method: method, apiVersion: apiVersion, id: id, uid: value["uid"]?.string,
      body: nil, preImage: value["pre"])
    bodyHash = value["hash"]?.string ?? ""
  }

  fileprivate var value: Value {
    var fields: Fields = [
      "t": "intent", "n": .int(number), "phase": .int(phase), "method": .string(method.rawValue),
      "apiVersion": .string(apiVersion), "group": .string(id.group), "kind": .string(id.kind),
      "namespace": .string(id.namespace), "name": .string(id.name), "hash": .string(bodyHash),
    ]
    if let uid { fields["uid"] = .string(uid) }
    if let preImage { fields["pre"] = preImage }
    return .object(fields)
  }
}

/// SHA-256 over the canonical JSON: the same for equal objects, whatever the order of their members.
package func contentHash(_ value: Value) -> String { sha256Hex(canonicalJSONBytes(value)) }

/// What identifies a Secret, and nothing that it holds: annotations can carry its data, too.
private func nameOnly(_ secret: Value) -> Value {
  var metadata = Fields()
  for key in ["name", "namespace", "uid", "resourceVersion"] { metadata[key] = secret.at("metadata", key) }
  var fields = Fields()
  fields["apiVersion"] = secret["apiVersion"]
  fields["kind"] = secret["kind"]
  fields["metadata"] = .object(metadata)
  return .object(fields)
}

private func withoutNoise(_ object: Value) -> Value {
  guard var fields = object.fields else { return object }
  fields["status"] = nil
  return .object(fields)
}

extension JournalRecord {
  package var value: Value {
    switch self {
    case .started(let start):
      [
        "t": "started", "v": 1, "run": .string(start.run), "plan": .string(start.planHash),
        "cluster": .string(start.cluster),
      ]
    case .intent(let intent): intent.value
    case .result(let number, .done(let uid, let version, let wasCreated)):
      [
        "t": "done", "n": .int(number), "uid": .string(uid), "resourceVersion": .string(version),
        "created": .bool(wasCreated),
      ]
    case .result(let number, .refused(let why)): ["t": "refused", "n": .int(number), "why": .string(why)]
    case .phaseDone(let phase): ["t": "phase", "phase": .int(phase)]
    }
  }

  /// Nil for anything that this version did not write.
  package init?(_ value: Value) {
    switch value["t"]?.string {
    case "started":
      guard value["v"]?.int == 1, let run = value["run"]?.string, let plan = value["plan"]?.string,
        let cluster = value["cluster"]?.string
      else { return nil }
      self = .started(RunStart(run: run, planHash: plan, cluster: cluster))
    case "intent":
      guard let intent = WriteIntent(value) else { return nil }
      self = .intent(intent)
    case "done":
      guard let number = value["n"]?.int, let uid = value["uid"]?.string,
        let version = value["resourceVersion"]?.string, let wasCreated = value["created"]?.bool
      else { return nil }
      self = .result(number: number, .done(uid: uid, resourceVersion: version, wasCreated: wasCreated))
    case "refused":
      guard let number = value["n"]?.int, let why = value["why"]?.string else { return nil }
      self = .result(number: number, .refused(why))
    case "phase":
      guard let phase = value["phase"]?.int else { return nil }
      self = .phaseDone(phase)
    default: return nil
    }
  }
}
