extension Value {
  /// This value with a merge patch applied (RFC 7386): members of `patch` replace or extend ours, `null` removes one,
  /// and anything but an object replaces the whole.
  package func mergePatched(by patch: Value) -> Value {
    guard case .object(let changes) = patch else { return patch }
    var result = fields ?? Fields()
    for change in changes.entries {
      if case .null = change.value {
        result[change.key] = nil
      } else {
        result[change.key] = (result[change.key] ?? .null).mergePatched(by: change.value)
      }
    }
    return .object(result)
  }

  /// The same value with the members of every object in the order of their keys' bytes: equal values become equal
  /// bytes, whatever order they were built in.
  package var canonical: Value {
    switch self {
    case .null, .bool, .int, .double, .string: self
    case .array(let items): .array(items.map(\.canonical))
    case .object(let fields):
      .object(
        Fields(
          fields.entries
            .map { Fields.Entry(key: $0.key, value: $0.value.canonical) }
            .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        )
      )
    }
  }
}
