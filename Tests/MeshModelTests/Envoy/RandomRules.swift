import KubernetesModel
import TestSupport

/// Random `http` rules and requests that have a chance to meet: both come from the same small pools.
enum RandomRules {
  static let paths = ["/", "/a", "/a/b", "/ab", "/A", "/a/", "//", "/x", "/x/y", "/a%20b", "/none", "/b"]
  static let pathRegexes = [
    "/.*", "/a.*", "/a/?", "/(a|x)(/.*)?", "/[a-z]+", ".*", "/a", "(?i)/A", "/a%20.*", #"/\w+/\w+"#,
  ]
  static let headerNames = [
    "x-a", "X-B", "cookie", "accept", "user-agent", "uri", "method", "x-forwarded-proto", "content-type", "via",
    "x-forwarded-host", ":authority", ":method",
  ]
  static let values = [
    "a", "b", "A", "ann", "ann,bob", "a b", "flag=on", "a=1; flag=on", "flag=on; b=2", "xflag=on", "https", "é", "GET",
    "ann, bob", "http",
    "a=1; flag=on; b=é",
  ]
  static let valueRegexes = [
    "a", ".*", "a.*", "[^b]+", #"(?:.*;[ \t]*)?flag=on(?:[ \t]*;.*)?"#, "(?:.*;[ \\t]*)?flag=[^;]*(?:;.*)?", "ann|bob",
    ".*on", "(?i)ANN.*", ".",
    "h.*", ".+",
  ]
  static let queryValues = ["1", "2", "", "ab", "a=b", "%31", "x"]
  static let methods = ["GET", "POST", "PUT", "DELETE", "PATCH"]
  static let subsets = ["v1", "v2", "v3", "v9"]

  static func stringMatch(_ values: [String], _ regexes: [String], presence: Bool, _ random: inout SeededGenerator)
    -> Value
  {
    switch random.below(presence ? 8 : 6) {
    case 0, 1, 2: return ["exact": .string(random.pick(values))]
    case 3:
      let value = random.pick(values)
      return ["prefix": .string(value.isEmpty ? "x" : String(value.prefix(1 + random.below(3))))]
    case 4, 5: return ["regex": .string(random.pick(regexes))]
    default: return [:]
    }
  }

  static func match(_ name: String, host: String, _ random: inout SeededGenerator) -> Value {
    var parts: [(String, Value)] = [("name", .string(name))]
    if random.chance(0.5) {
      parts.append(("uri", stringMatch(paths, pathRegexes, presence: false, &random)))
      if random.chance(0.3) { parts.append(("ignoreUriCase", true)) }
    }
    for key in ["headers", "withoutHeaders"] where random.chance(key == "headers" ? 0.45 : 0.25) {
      var headers: [(String, Value)] = []
      for _ in 0...random.below(2) {
        let name = random.pick(headerNames)
        if !headers.contains(where: { $0.0 == name }) {
          headers.append((name, stringMatch(values, valueRegexes, presence: true, &random)))
        }
      }
      // What an outer path leaves out for an inner one, query and all.
      if key == "withoutHeaders", random.chance(0.4) {
        headers.append(
          (":path", ["regex": .string(random.pick(pathRegexes + ["/a(?:[/?].*)?", "/(?:a|b)(?:[/?].*)?"]))]))
      }
      parts.append((key, fields(headers)))
    }
    if random.chance(0.15) {
      parts.append(("method", stringMatch(methods, ["GET|PUT", "P.*"], presence: false, &random)))
    }
    if random.chance(0.12) {
      parts.append(
        ("authority", stringMatch([host, host + ".shop", host + ":8080"], [host + ".*"], presence: false, &random)))
    }
    if random.chance(0.08) { parts.append(("scheme", ["exact": .string(random.pick(["http", "https"]))])) }
    if random.chance(0.2) {
      parts.append(
        (
          "queryParams",
          fields([
            (random.pick(["q", "Q", "r"]), stringMatch(queryValues, ["[0-9]+", ".*", "a.*"], presence: true, &random))
          ])
        )
      )
    }
    return fields(parts)
  }

  static func headerOperations(_ random: inout SeededGenerator) -> Value {
    func side(_ name: String) -> Value {
      var parts: [(String, Value)] = []
      if random.chance(0.4) { parts.append(("set", fields([(name, .string("s\(random.below(3))"))]))) }
      if random.chance(0.3) { parts.append(("add", fields([(name, .string("a\(random.below(3))"))]))) }
      if random.chance(0.3) { parts.append(("remove", .array([.string(name)]))) }
      return fields(parts)
    }
    return ["request": side("x-req"), "response": side("x-resp")]
  }

  static func rule(_ index: Int, host: String, isLast: Bool, _ random: inout SeededGenerator) -> Value {
    var parts: [(String, Value)] = [("name", .string("r\(index)"))]
    // A rule without match ends the list; let it stand there rather more often than elsewhere.
    if !random.chance(isLast ? 0.4 : 0.03) {
      parts.append(("match", .array((0...random.below(3)).map { match("m\($0)", host: host, &random) })))
    }
    if random.chance(0.25) { parts.append(("headers", headerOperations(&random))) }
    switch random.below(10) {
    case 0:
      var redirect: [(String, Value)] = []
      if random.chance(0.6) { redirect.append(("uri", .string(random.pick(["/new", "/new?own=1", "/"])))) }
      if random.chance(0.5) { redirect.append(("authority", .string(random.pick(["other.test", "other.test:99"])))) }
      if random.chance(0.4) { redirect.append(("scheme", .string(random.pick(["https", "http"])))) }
      switch random.below(4) {
      case 0: redirect.append(("port", .int(random.pick([80, 443, 8443]))))
      case 1: redirect.append(("derivePort", .string(random.pick(["FROM_REQUEST_PORT", "FROM_PROTOCOL_DEFAULT"]))))
      default: break
      }
      if random.chance(0.5) { redirect.append(("redirectCode", .int(random.pick([301, 302, 303, 307, 308])))) }
      parts.append(("redirect", fields(redirect)))
    case 1:
      parts.append(
        (
          "directResponse",
          ["status": .int(random.pick([200, 403, 503])), "body": ["string": .string("body \(index)")]]
        ))
    default:
      let count = random.pick([1, 1, 1, 2, 3])
      var routes = (0..<count).map { _ in to("web", random.pick(subsets), port: 8080, weight: random.pick([0, 1, 100]))
      }
      if count > 1 { routes[0] = to("web", "v1", port: 8080, weight: 50) }
      routes = routes.map { route in
        guard random.chance(0.2), case .object(var object) = route else { return route }
        object["headers"] = headerOperations(&random)
        return .object(object)
      }
      parts.append(("route", .array(routes)))
      if random.chance(0.25) {
        var rewrite: [(String, Value)] = [("uri", .string(random.pick(["/", "/def", "/a/"])))]
        if random.chance(0.4) { rewrite.append(("authority", "rewritten.test")) }
        parts.append(("rewrite", fields(rewrite)))
      }
      if random.chance(0.06) {
        let percent: [(String, Value)] = random.chance(0.6) ? [("percentage", ["value": 100])] : []
        parts.append(("fault", ["abort": fields([("httpStatus", 418)] + percent)]))
      }
    }
    return fields(parts)
  }

  static func table(_ host: String, _ random: inout SeededGenerator) -> [Value] {
    let count = 1 + random.below(5)
    return (0..<count).map { rule($0, host: host, isLast: $0 == count - 1, &random) }
  }

  struct Request {
    var host: String
    var method: String
    var target: String
    var headers: [(String, String)]
  }

  static func request(_ host: String, _ random: inout SeededGenerator) -> Request {
    var authority = host + random.pick(["", ".shop", ".shop.svc.cluster.local"])
    if random.chance(0.1) { authority = authority.uppercased() }
    if random.chance(0.25) { authority += random.pick([":8080", ":80", ":443", ":9"]) }
    var target = random.pick(paths)
    if random.chance(0.3) { target += random.pick(["b", "/c", "/", "bc"]) }
    if random.chance(0.4) {
      let parameters = (0...random.below(3)).map { _ in
        let name = random.pick(["q", "Q", "r", "qq", ""])
        return random.chance(0.2) ? name : name + "=" + random.pick(queryValues)
      }
      target += "?" + parameters.joined(separator: "&")
    }
    var headers: [(String, String)] = []
    for _ in 0..<random.below(5) {
      let name = random.pick(headerNames)
      guard !name.hasPrefix(":") else { continue }
      headers.append((random.chance(0.2) ? name.uppercased() : name, random.chance(0.06) ? "" : random.pick(values)))
    }
    if random.chance(0.2) { headers.append(("x-req", "c")) }
    return Request(host: authority, method: random.pick(methods), target: target, headers: headers)
  }
}
