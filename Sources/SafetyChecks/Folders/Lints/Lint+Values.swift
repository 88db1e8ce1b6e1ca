internal import Diagnostics
internal import KubernetesModel
internal import RegularExpressions

/// What stands in single fields.
extension FolderLints {
  // MARK: - Cookies

  /// A cookie header holds all cookies of a site, `a=1; b=2`, and a match is about all of it.
  mutating func findLooseCookies(_ routes: FolderObjects.Routes) {
    for (n, rule) in routes.http.enumerated() {
      for match in matches(rule) {
        for header in match["headers"]?.fields?.entries ?? [] where header.key.lowercased() == "cookie" {
          guard let fault = cookieFault(header.value) else { continue }
          report(
            .looseCookie, "the cookie match of http[\(n)] of \(routes.id) \(fault)", at: routes.object,
            notes: ["the header holds every cookie of the site, as in `a=1; b=2`, and the whole of it is matched"],
            help: "write `regex: '^(.*?; ?)?(NAME=VALUE)(;.*)?$'`, with `.` in the value as `\\.`")
        }
      }
    }
  }

  private func cookieFault(_ match: Value) -> String? {
    if let text = match["exact"]?.string ?? match["prefix"]?.string {
      return "misses `\(text)` when the browser sends another cookie before it"
    }
    guard let pattern = match["regex"]?.string, pattern != "*", let pair = cookie(in: pattern),
      let expression = try? RegularExpression(pattern, encoding: .latin1)
    else { return nil }
    func takes(_ text: String) -> Bool { expression.matchesFully(text) }
    if !takes("other=1; \(pair)") || !takes("\(pair); other=1") {
      return "misses `\(pair)` beside other cookies"
    }
    if takes("x\(pair)") { return "takes a cookie of another name too: `x\(pair)`" }
    guard pair.last != "=" else { return nil }
    if takes("\(pair)x") { return "takes other values too: `\(pair)x`" }
    for (place, character) in pair.enumerated() where character == "." {
      var other = Array(pair)
      other[place] = "x"
      if takes(String(other)) { return "takes `\(String(other))` for `\(pair)`: a `.` is any character" }
    }
    return nil
  }

  /// `name=value`, as it stands in a pattern: what is written around the first `=` as plain text.
  private func cookie(in pattern: String) -> String? {
    let bytes = Array(pattern.utf8)
    guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else { return nil }
    func isPlain(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || [UInt8(ascii: "-"), UInt8(ascii: "_")].contains(byte)
    }
    var start = equals
    while start > 0, isPlain(bytes[start - 1]) { start -= 1 }
    guard start < equals else { return nil }
    var value: [UInt8] = []
    var i = equals + 1
    while i < bytes.count {
      let byte = bytes[i]
      if isPlain(byte) {
        value.append(byte)
      } else if byte == UInt8(ascii: "\\"), i + 1 < bytes.count, bytes[i + 1] == UInt8(ascii: ".") {
        value.append(UInt8(ascii: "."))
        i += 1
      } else if byte == UInt8(ascii: "."), i + 1 < bytes.count, !"*+?{".utf8.contains(bytes[i + 1]) {
        value.append(byte)
      } else {
        // A class, a group or a quantifier: the value is a pattern of its own, on purpose.
        let ends = ")$;.*".utf8.contains(byte)
        if !ends { return nil }
        break
      }
      i += 1
    }
    return String(decoding: bytes[start...equals] + value, as: UTF8.self)
  }

  // MARK: - Weights

  mutating func findOddWeights(_ routes: FolderObjects.Routes) {
    for (kind, rules) in [("http", routes.http), ("tcp", routes.tcp)] {
      for (n, rule) in rules.enumerated() {
        let all = rule["route"]?.array ?? []
        guard all.count > 1 else { continue }
        let sum = all.reduce(0) { $0 + ($1["weight"]?.int32 ?? 0) }
        if sum != 100 {
          report(
            .oddWeights, "the weights of \(kind)[\(n)] of \(routes.id) add up to \(sum), not to 100", at: routes.object,
            notes: ["Istio before 1.15 refuses them; later ones make shares of them that nobody has written"],
            help: "write shares that add up to 100")
        }
        let hosts = Set(all.compactMap { $0.at("destination", "host")?.string }).sorted()
        for host in hosts.map({ objects.fullName($0, routes.id.namespace) }) {
          guard
            let rule = objects.rules(for: host).first(where: { rule in
              rule.policies.contains { $0.at("loadBalancer", "consistentHash") != nil }
            })
          else { continue }
          report(
            .oddWeights,
            "\(rule.id) hashes visitors to pods, and \(kind)[\(n)] of \(routes.id) draws their version anew",
            at: routes.object,
            notes: ["`consistentHash` holds inside one subset; which subset is drawn for every request"],
            help: "keep visitors to a version by a cookie rule in front of the weights", host: host)
        }
      }
    }
  }

  // MARK: - Texts

  /// `version: 1.0` is a number to YAML, and the API server takes only text there.
  mutating func findUnquoted() {
    let placed =
      objects.routes.map(\.object) + objects.rules.map(\.object) + objects.services.map(\.object)
      + objects.pods.map(\.object)
    for object in placed {
      let texts = unquotedTexts(in: object.value, group: object.id.group, kind: object.id.kind)
      // A label often stands in the selector beside it, too.
      guard let text = texts.first(where: { $0.holder == "labels" }) ?? texts.first else { continue }
      report(
        .unquotedText, "`\(text.key)` in the `\(text.holder)` of \(object.id) is \(text.what) and has to be text",
        at: object, notes: ["the API server refuses the object, and no label equals it"], help: "write it in quotes",
        causes: [.noReadyPods, .undefinedSubset, .strayTraffic, .noRoute])
    }
  }
}
