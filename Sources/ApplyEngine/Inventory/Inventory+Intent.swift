internal import KubernetesModel

extension Inventory {
  /// What an entry remembers of an intent: enough to know it again. Nil for a Secret: a hash of a short one can be guessed.
  static func fingerprint(of intent: Value) -> String? {
    // 128 bits tell intents apart, and an entry is kept for each of thousands of objects.
    intent["kind"]?.string == "Secret" ? nil : String(contentHash(intent).prefix(32))
  }

  /// Whether `intent` is what we applied last, and `live` still holds all of it.
  func holds(_ intent: Value, as id: ObjectID, in live: Value) -> Bool {
    guard let known = self[id]?.intent, live.holds(intent), ownFields(live, ObjectWriter.fieldManager) != nil else {
      return false
    }
    return known == Self.fingerprint(of: intent)
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
