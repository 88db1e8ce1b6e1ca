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
}
