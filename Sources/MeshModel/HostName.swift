/// Rules about names of hosts.
enum HostName {
  /// `web.shop:8080` → `web.shop`.
  static func withoutPort(_ authority: String) -> String {
    guard let colon = authority.utf8.lastIndex(of: UInt8(ascii: ":")) else { return authority }
    let port = authority.utf8[authority.utf8.index(after: colon)...]
    guard !port.isEmpty, port.allSatisfy({ (0x30...0x39).contains($0) }) else { return authority }
    return String(authority[..<colon])
  }

  /// The port that `authority` names.
  static func port(of authority: String) -> Int? {
    let host = withoutPort(authority)
    guard host.utf8.count < authority.utf8.count else { return nil }
    return Int(authority.utf8.dropFirst(host.utf8.count + 1).map { String(Unicode.Scalar($0)) }.joined())
  }

  /// A name without a dot belongs to the namespace of the object that says it; every other name stays as it is, also a
  /// half-qualified one, which then names nothing (Istio: `ResolveShortnameToFQDN`).
  static func resolved(_ name: String, namespace: String, domain: String) -> String {
    if name == "*" || name.utf8.contains(UInt8(ascii: ".")) { return name }
    return "\(name).\(namespace).svc.\(domain)"
  }

  static func isWildcard(_ name: String) -> Bool { name.utf8.first == UInt8(ascii: "*") }

  /// Whether `pattern`, a name or `*` or `*.suffix`, covers `name`, which may be a pattern too.
  static func matches(_ name: String, pattern: String) -> Bool {
    guard isWildcard(pattern) else { return name.utf8.elementsEqual(pattern.utf8) }
    let suffix = pattern.utf8.dropFirst()
    let name = isWildcard(name) ? name.utf8.dropFirst() : name.utf8[...]
    return name.count >= suffix.count && name.suffix(suffix.count).elementsEqual(suffix)
  }

  /// The more specific of two names that meet, nil where they do not (Istio: `host.Names.Intersection`).
  static func intersection(_ a: String, _ b: String) -> String? {
    if matches(a, pattern: b) { return a }
    return matches(b, pattern: a) ? b : nil
  }
}

/// Equal byte for byte. Swift's `==` on strings also equates different normal forms, which no proxy does.
func sameBytes(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }
