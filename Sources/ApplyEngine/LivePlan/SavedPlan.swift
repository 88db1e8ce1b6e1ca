internal import KubernetesModel
internal import Lowering

/// A plan that a person approves: what was read, for which cluster, and what would become of each object. A run of it is
/// that, or nothing.
///
/// What counts is what would change of the fields that we own. Versions of objects, their status and the fields of others
/// may move between the approval and the run (carvel-dev/kapp#1037: hundreds of objects are never as they were).
package struct SavedPlan: Hashable, Sendable {
  package struct Source: Hashable, Sendable {
    package var path: String
    package var bytes: [UInt8]

    package init(path: String, bytes: [UInt8]) {
      self.path = path
      self.bytes = bytes
    }
  }

  package struct Entry: Hashable, Sendable {
    /// For people: `step 3: Deployment/web-2-0`, or `drift: …`.
    package var place: String
    /// Group, kind, namespace and name. Empty in a plan that was saved before it was told.
    package var object: String
    package var action: String
    package var uid: String
    /// Of the fields that change, as they stand.
    package var before: String
    /// Of the same fields, as they become.
    package var after: String
  }

  package var tool: String
  /// The plan first, then what it includes and reads.
  package var sources: [Source]
  package var environment: String?
  package var settings: [String]
  package var root: String?
  package var clusterDomain: String
  /// For how many steps it is to stand.
  package var steps: Int
  package var planHash: String
  /// The UID of `kube-system`; empty where it may not be read.
  package var cluster: String
  /// For people.
  package var server: String
  package var takes: [String]
  package var adopts: [String]
  package var recreates: [String]
  package var entries: [Entry]

  package init(
    tool: String, sources: [Source], environment: String?, settings: [String], root: String?, clusterDomain: String,
    steps: Int, planHash: String, cluster: String, server: String, decisions: WriteDecisions, plan: LivePlan
  ) {
    self.tool = tool
    self.sources = sources
    self.environment = environment
    self.settings = settings
    self.root = root
    self.clusterDomain = clusterDomain
    self.steps = steps
    self.planHash = planHash
    self.cluster = cluster
    self.server = server
    takes = decisions.takes.sorted()
    adopts = decisions.adopts.sorted()
    recreates = decisions.recreates.sorted()
    entries = Self.entries(of: plan)
  }

  package var decisions: WriteDecisions {
    WriteDecisions(takes: Set(takes), adopts: Set(adopts), recreates: Set(recreates))
  }

  private static func entries(of plan: LivePlan) -> [Entry] {
    func entry(_ place: String, _ change: LivePlan.Change) -> Entry {
      Entry(
        place: "\(place): \(change.id)", object: Self.object(change.id), action: change.action.rawValue,
        uid: change.uid ?? "",
        before: contentHash(.array(change.fields.map { ["f": .string($0.path), "v": $0.old ?? .null] })),
        after: contentHash(.array(change.fields.map { ["f": .string($0.path), "v": $0.new ?? .null] })))
    }
    return plan.drift.map { entry("drift", $0) }
      + plan.steps.flatMap { step in step.changes.map { entry("step \(step.index + 1)", $0) } }
  }

  private static func object(_ id: ObjectID) -> String { "\(id.group)/\(id.kind)/\(id.namespace)/\(id.name)" }

  /// What one entry is about: two objects of a step may differ by their namespace or group alone.
  private struct Key: Hashable {
    var place: String
    var object: String
  }

  /// What would be otherwise than it was approved, one line each; empty where the approval holds.
  package func differences(from plan: LivePlan) -> [String] {
    let isOld = entries.contains { $0.object.isEmpty }
    func key(_ entry: Entry) -> Key { Key(place: entry.place, object: isOld ? "" : entry.object) }
    func byKey(_ entries: [Entry]) -> [Key: Entry] {
      Dictionary(entries.map { (key($0), $0) }, uniquingKeysWith: { first, _ in first })
    }
    let coming = Self.entries(of: plan)
    let (now, then) = (byKey(coming), byKey(entries))
    var lines: [String] = []
    /// Said behind what would be done otherwise.
    var unneeded: [String] = []
    for entry in entries {
      guard var current = now[key(entry)] else {
        unneeded.append("\(entry.place): it would not be changed any more")
        continue
      }
      current.object = entry.object
      if current == entry { continue }
      if current.action != entry.action {
        lines.append("\(entry.place): \(entry.action) was approved, and now it is \(current.action)")
      } else if current.uid != entry.uid {
        lines.append("\(entry.place): it is another object of that name now")
      } else if current.before != entry.before {
        lines.append("\(entry.place): somebody changed fields that the plan changes")
      } else {
        lines.append("\(entry.place): it would become something else")
      }
    }
    for entry in coming where then[key(entry)] == nil {
      lines.append("\(entry.place): \(entry.action) was not approved")
    }
    return lines + unneeded
  }
}

package enum SavedPlanError: Error, Hashable, Sendable {
  /// It is something else; a plan file, perhaps.
  case notSaved
  /// By a newer version of the tool.
  case newer
  case damaged(String)
}

// MARK: - Wire format

extension SavedPlan {
  private static let mark = "rolloutc.saved-plan"
  private static let version = 1

  private var content: Value {
    var fields: Fields = [
      "tool": .string(tool),
      "sources": .array(
        sources.map { ["path": .string($0.path), "text": .string(String(decoding: $0.bytes, as: UTF8.self))] }),
      "settings": .array(settings.map { .string($0) }), "clusterDomain": .string(clusterDomain), "steps": .int(steps),
      "planHash": .string(planHash), "cluster": .string(cluster), "server": .string(server),
      "takes": .array(takes.map { .string($0) }), "adopts": .array(adopts.map { .string($0) }),
      "recreates": .array(recreates.map { .string($0) }),
      "objects": .array(
        entries.map { entry in
          [
            "place": .string(entry.place), "object": .string(entry.object), "action": .string(entry.action),
            "uid": .string(entry.uid), "before": .string(entry.before), "after": .string(entry.after),
          ]
        }),
    ]
    fields["environment"] = environment.map { .string($0) }
    fields["root"] = root.map { .string($0) }
    return .object(fields)
  }

  /// Nil where a source is no UTF-8; no such plan checks.
  package var bytes: [UInt8]? {
    guard sources.allSatisfy({ Array(String(decoding: $0.bytes, as: UTF8.self).utf8) == $0.bytes }) else { return nil }
    let content = content
    let whole: Value = [
      "format": .string(Self.mark), "version": .int(Self.version), "checksum": .string(contentHash(content)),
      "plan": content,
    ]
    return jsonBytes(whole, pretty: true) + [0x0a]
  }

  /// Whether bytes are meant to be a saved plan, damaged or not: a plan file never begins with a brace.
  package static func isSaved(_ bytes: [UInt8]) -> Bool {
    bytes.first { ![0x20, 0x09, 0x0a, 0x0d].contains($0) } == UInt8(ascii: "{")
  }

  /// Whether bytes are a saved plan, also of another version, or what is left of one.
  package static func isOurs(_ bytes: [UInt8]) -> Bool {
    isSaved(bytes) && bytes.prefix(200).firstRange(of: "\"\(mark)\"".utf8) != nil
  }

  package static func read(_ bytes: [UInt8]) throws(SavedPlanError) -> SavedPlan {
    guard isSaved(bytes) else { throw .notSaved }
    guard let whole = try? parseJSON(bytes) else { throw .damaged("it is cut off, or no JSON") }
    guard whole["format"]?.string == mark else { throw .notSaved }
    guard whole["version"]?.int == version else { throw .newer }
    guard let content = whole["plan"], whole["checksum"]?.string == contentHash(content) else {
      throw .damaged("it was changed after it was written")
    }
    guard let plan = SavedPlan(content) else { throw .damaged("something is missing") }
    return plan
  }

  private init?(_ value: Value) {
    func strings(_ key: String) -> [String]? { value[key]?.array?.compactMap(\.string) }
    guard let tool = value["tool"]?.string, let settings = strings("settings"),
      let clusterDomain = value["clusterDomain"]?.string, let steps = value["steps"]?.int,
      let planHash = value["planHash"]?.string, let cluster = value["cluster"]?.string,
      let server = value["server"]?.string, let takes = strings("takes"), let adopts = strings("adopts"),
      let files = value["sources"]?.array, !files.isEmpty, let objects = value["objects"]?.array
    else { return nil }
    self.tool = tool
    self.settings = settings
    self.clusterDomain = clusterDomain
    self.steps = steps
    self.planHash = planHash
    self.cluster = cluster
    self.server = server
    self.takes = takes
    self.adopts = adopts
    // A plan that was saved before there was this says nothing of it.
    recreates = strings("recreates") ?? []
    environment = value["environment"]?.string
    root = value["root"]?.string
    sources = []
    for file in files {
      guard let path = file["path"]?.string, let text = file["text"]?.string else { return nil }
      sources.append(Source(path: path, bytes: Array(text.utf8)))
    }
    entries = []
    for object in objects {
      guard let place = object["place"]?.string, let action = object["action"]?.string,
        let uid = object["uid"]?.string, let before = object["before"]?.string, let after = object["after"]?.string
      else { return nil }
      entries.append(
        Entry(
          place: place, object: object["object"]?.string ?? "", action: action, uid: uid, before: before, after: after))
    }
  }
}
