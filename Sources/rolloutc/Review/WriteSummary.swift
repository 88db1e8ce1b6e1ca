import KubernetesModel
import Lowering

/// What a segment writes, counted by kind: each object once for what becomes of it, in the order of writing.
struct WriteSummary {
  struct Group {
    var action: Write.Action
    var kind: String
    var count: Int
  }

  /// First what is created, then what is changed, then what is deleted.
  private(set) var groups: [Group] = []
  /// Names of the objects that take data with them which no way back brings again.
  let destroyed: [String]

  init(_ segment: CompiledSegment) {
    let writes = segment.phases.flatMap(\.writes)
    destroyed = writes.filter(\.destroysData).map(\.id.name)
    let created = Set(writes.filter { $0.action == .create }.map(\.id))
    for action in [Write.Action.create, .update, .delete] {
      var seen: Set<ObjectID> = []
      // A route that is written again while its object is new is a part of making it.
      for write in writes where write.action == action && seen.insert(write.id).inserted {
        if action != .update || !created.contains(write.id) { add(action, write.id.kind) }
      }
    }
  }

  private mutating func add(_ action: Write.Action, _ kind: String) {
    if let i = groups.firstIndex(where: { $0.action == action && $0.kind == kind }) {
      groups[i].count += 1
    } else {
      groups.append(Group(action: action, kind: kind, count: 1))
    }
  }

  /// `creates 3 Deployment; changes 1 Service`.
  var words: String {
    [(Write.Action.create, "creates"), (.update, "changes"), (.delete, "deletes")].compactMap { action, verb in
      let kinds = groups.filter { $0.action == action }.map { "\($0.count) \($0.kind)" }
      return kinds.isEmpty ? nil : "\(verb) \(kinds.joined(separator: ", "))"
    }.joined(separator: "; ")
  }
}
