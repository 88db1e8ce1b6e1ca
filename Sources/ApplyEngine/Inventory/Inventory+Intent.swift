internal import KubernetesModel

extension Inventory {
  /// What an entry remembers of an intent: enough to know it again. Nil for a Secret: a hash of a short one can be guessed.
  static func fingerprint(of intent: Value) -> String? {
    // 128 bits tell intents apart, and an entry is kept for each of thousands of objects.
    intent["kind"]?.string == "Secret" ? nil : String(contentHash(intent).prefix(32))
  }

  /// Whether `intent` is what we applied last, and `live` still holds all of it.
  func holds(_ intent: Value, as id: ObjectID, in live: Value) -> Bool {
    guard let known = self[id]?.intent, known == Self.fingerprint(of: intent) else { return false }
    return live.stands(as: intent)
  }

  /// The same, also where it is not known yet what we wrote: a run that was killed had no time to note it.
  func holdsOrMay(_ intent: Value, as id: ObjectID, in live: Value) -> Bool {
    self[id]?.intent == nil ? live.stands(as: intent) : holds(intent, as: id, in: live)
  }
}

extension Value {
  /// Whether this object holds all of what we applied, and each field of it is still ours. Whoever adds something to a list
  /// or a mapping that is one field as a whole has taken it over.
  fileprivate func stands(as intent: Value) -> Bool {
    guard holds(intent), let fields = ownFields(self, ObjectWriter.fieldManager)?.fields else { return false }
    return (intent.fields?.entries ?? []).allSatisfy { member in
      switch member.key {
      case "apiVersion", "kind": true
      case "metadata":
        (member.value.fields?.entries ?? []).allSatisfy { entry in
          !["labels", "annotations"].contains(entry.key)
            || fields["f:metadata"]?["f:\(entry.key)"]?.owns(entry.value) ?? false
        }
      default: fields["f:\(member.key)"]?.owns(member.value) ?? false
      }
    }
  }

  /// Whether this `fieldsV1` is of all that is in `value` (Kubernetes: structured-merge-diff, `f:` members, `k:` items by
  /// their keys, `v:` items by their values). What has nothing below it is one field as a whole.
  private func owns(_ value: Value) -> Bool {
    guard let below = fields?.entries.filter({ $0.key != "." }), !below.isEmpty else { return true }
    switch value {
    case .object(let members):
      return members.entries.allSatisfy { self["f:\($0.key)"]?.owns($0.value) ?? false }
    case .array(let items):
      let keyed = below.compactMap { entry in ItemKey(entry.key).map { (key: $0, fields: entry.value) } }
      let values = Set(below.filter { $0.key.hasPrefix("v:") }.map { String($0.key.dropFirst(2)) })
      return items.allSatisfy { item in
        if item.fields == nil { return values.contains(jsonText(item)) }
        return keyed.contains { $0.key.mayBeOf(item) && $0.fields.owns(item) }
      }
    default: return true
    }
  }
}

extension Value {
  /// Whether everything in `part` is here with the same value: members of objects may be joined by others, as servers add
  /// defaults; a list is the same length, element by element.
  func holds(_ part: Value) -> Bool {
    switch (self, part) {
    case (.object(let whole), .object(let members)):
      members.entries.allSatisfy { member in whole[member.key].map { $0.holds(member.value) } ?? false }
    case (.array(let whole), .array(let items)):
      whole.count == items.count && zip(whole, items).allSatisfy { $0.holds($1) }
    default: self == part
    }
  }
}
