internal import MeshModel

/// The calls that a pod's environment speaks of: `ANALYTICS_HOST=voting-analytics` and the like.
extension StandInPod {
  /// The host and port that a variable names, with `port` where it says none.
  func target(_ variable: String, port: Int) -> (host: String, port: Int)? {
    guard let value = environment[variable], !value.isEmpty else { return nil }
    return StandInPod.target(value, port: port)
  }

  /// `host`, `host:port` or `http://host:port/path`.
  static func target(_ value: String, port: Int) -> (host: String, port: Int) {
    var rest = value[...]
    if let scheme = rest.range(of: "://") { rest = rest[scheme.upperBound...] }
    rest = rest.prefix { $0 != "/" }
    guard let colon = rest.lastIndex(of: ":"), let stated = Int(rest[rest.index(after: colon)...]) else {
      return (String(rest), port)
    }
    return (String(rest[..<colon]), stated)
  }
}

extension Substring {
  /// The first place of `text`.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}

extension Received {
  /// The headers that a well-behaved program hands on to what it calls, so that rules on them hold for the whole way:
  /// cookies, and those of its own kind (`x-user`), but not those that a proxy sets.
  var passedOn: [(String, String)] {
    headers.filter { header in
      header.name == "cookie"
        || header.name.hasPrefix("x-") && !header.name.hasPrefix("x-envoy-") && !header.name.hasPrefix("x-forwarded-")
    }.map { ($0.name, $0.value) }
  }
}

/// Text that may stand in a page.
func htmlEscaped(_ text: String) -> String {
  var result = ""
  for character in text {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    default: result.append(character)
    }
  }
  return result
}
