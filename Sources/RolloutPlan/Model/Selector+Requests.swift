internal import RegularExpressions

extension Selector {
  /// What a cookie is sent with where any value will do.
  package static let anyCookieValue = "1"

  /// The name of the cookie or header that it asks for.
  package var key: String {
    switch self {
    case .cookie(let key, _), .header(let key, _), .headerMatches(let key, _): key
    }
  }

  /// Both ask for the same cookie, or for the same header.
  package func asksForSame(as other: Selector) -> Bool { isCookie == other.isCookie && key == other.key }

  /// Whether a rule for these requests takes one whose cookie or header of that name is `value`.
  package func takes(_ value: String) -> Bool { takesValue(value) }

  /// ``takes(_:)-(String)`` for many values: a pattern is compiled once.
  package var takesValue: (String) -> Bool {
    switch self {
    case .cookie(_, nil): return { _ in true }
    case .cookie(_, let wanted?), .header(_, let wanted): return { $0 == wanted }
    case .headerMatches(_, let pattern):
      // Envoy matches the bytes of a header.
      let expression = try? RegularExpression(pattern, encoding: .latin1)
      return { expression?.matchesFully($0) ?? false }
    }
  }

  /// Whether a rule for these requests is for a visitor who sends just what `visitor` says: nobody sends a pattern.
  package func takes(_ visitor: Selector) -> Bool {
    guard asksForSame(as: visitor) else { return false }
    return switch visitor {
    case .cookie(_, let value): takes(value ?? Selector.anyCookieValue)
    case .header(_, let value): takes(value)
    case .headerMatches: false
    }
  }
}
