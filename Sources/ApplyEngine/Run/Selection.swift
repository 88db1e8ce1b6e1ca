internal import KubernetesModel

extension Fields {
  /// Whether a selector of these labels is for what has `labels`. One without labels is for nothing.
  func selects(_ labels: Value?) -> Bool { !isEmpty && entries.allSatisfy { labels?[$0.key] == $0.value } }
}

/// What tells an item of a list from the others, as `fieldsV1` has it: `k:{"name":"http"}`.
struct ItemKey {
  private let key: Fields

  init?(_ member: String) {
    guard member.hasPrefix("k:"), let key = (try? parseJSON(Array(member.utf8.dropFirst(2))))?.fields else {
      return nil
    }
    self.key = key
  }

  /// Whether it is the key of an item as the server has it.
  func isOf(_ item: Value) -> Bool { key.entries.allSatisfy { item[$0.key] == $0.value } }

  /// The same of one as a person may write it: of a key they may leave out what has a default.
  func mayBeOf(_ item: Value) -> Bool { key.entries.allSatisfy { item[$0.key] == nil || item[$0.key] == $0.value } }
}
