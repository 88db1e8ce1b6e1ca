internal import KubernetesModel
internal import RegularExpressions
package import RolloutPlan

extension Selector {
  /// The header that the rule asks for, and Istio's match of it.
  var headerMatch: (key: String, match: Value) {
    switch self {
    case .cookie(let key, let value):
      ("cookie", object(text("regex", cookieExpression(key, value))))
    case .header(let key, let value):
      // An empty string in a custom resource is taken for null by some servers.
      (key, value.isEmpty ? object(text("regex", "^$")) : object(text("exact", value)))
    case .headerMatches(let key, let pattern):
      (key, object(text("regex", pattern)))
    }
  }

  /// `cookie-featureflag-on`: says which rule a route is, and stays the same while the rule does.
  package var routeName: String {
    switch self {
    case .cookie(let key, nil): "cookie-" + routeWord(key)
    case .cookie(let key, let value?): "cookie-" + routeWord(key) + "-" + routeWord(value)
    case .header(let key, let value): "header-" + routeWord(key) + "-" + routeWord(value)
    case .headerMatches(let key, let pattern): "header-" + routeWord(key) + "-matches-" + routeWord(pattern)
    }
  }
}

/// An RE2 expression for the whole `cookie` header: this cookie among any others, and never inside another's name or
/// value. Envoy matches the full value, so that no anchors are needed.
package func cookieExpression(_ name: String, _ value: String?) -> String {
  if let value {
    return #"(?:.*;[ \t]*)?"# + quoted(name) + "=" + quoted(value) + #"(?:[ \t]*;.*)?"#
  }
  return #"(?:.*;[ \t]*)?"# + quoted(name) + #"=[^;]*(?:;.*)?"#
}

private func routeWord(_ text: String) -> String {
  String(
    decoding: text.utf8.prefix(40).map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        byte
      default: UInt8(ascii: "-")
      }
    }, as: UTF8.self)
}
