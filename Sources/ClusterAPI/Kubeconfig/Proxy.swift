/// Whether a text can be a proxy: the schemes that Go's client takes, and libcurl too.
func isProxy(_ text: String) -> Bool {
  ["http://", "https://", "socks5://", "socks5h://"].contains { text.lowercased().hasPrefix($0) }
}

/// The proxy that the environment asks for, as Go's `httpproxy` reads it: `HTTPS_PROXY` or `HTTP_PROXY` by the URL's
/// scheme (the lower-case names second), unless `NO_PROXY` names the host. Loopback is never proxied.
package func proxyFromEnvironment(for url: URLParts, _ environment: [String: String]) -> String? {
  func variable(_ name: String) -> String? {
    [environment[name], environment[name.lowercased()]].compactMap(\.self).first { !$0.isEmpty }
  }
  guard let proxy = variable(url.scheme == "https" ? "HTTPS_PROXY" : "HTTP_PROXY") else { return nil }
  let host = url.hostName.lowercased()
  let address = IPAddress(host)
  if host == "localhost" || address?.isLoopback == true { return nil }
  for item in (variable("NO_PROXY") ?? "").split(separator: ",") {
    var rule = item.trimmingBlanks().lowercased()
    if rule.isEmpty { continue }
    if rule == "*" { return nil }
    if let slash = rule.firstIndex(of: "/") {
      guard let address, let network = IPAddress(String(rule[..<slash])),
        let length = Int(rule[rule.index(after: slash)...])
      else { continue }
      if network.contains(address, prefix: length) { return nil }
      continue
    }
    if let exact = IPAddress(rule) {
      if address == exact { return nil }
      continue
    }
    if let colon = rule.lastIndex(of: ":"), let port = Int(rule[rule.index(after: colon)...]) {
      guard port == url.port else { continue }
      rule = String(rule[..<colon])
      if let exact = IPAddress(rule) {
        if address == exact { return nil }
        continue
      }
    }
    if rule.hasPrefix("*.") { rule.removeFirst() }
    // ".example.com" is for subdomains alone, "example.com" for itself and them.
    if rule.hasPrefix(".") ? host.hasSuffix(rule) : host == rule || host.hasSuffix(".\(rule)") { return nil }
  }
  return proxy.contains("://") ? proxy : "http://\(proxy)"
}

/// An IPv4 or IPv6 address in its text form.
private struct IPAddress: Equatable {
  /// 4 or 16.
  var bytes: [UInt8]

  init?(_ text: String) {
    let text = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
    if text.contains(":") {
      guard let bytes = Self.v6(text) else { return nil }
      self.bytes = bytes
    } else {
      guard let bytes = Self.v4(text) else { return nil }
      self.bytes = bytes
    }
  }

  private static func v4(_ text: String) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let bytes = parts.compactMap { $0.allSatisfy(\.isNumber) ? UInt8($0) : nil }
    return parts.count == 4 && bytes.count == 4 ? bytes : nil
  }

  private static func v6(_ text: String) -> [UInt8]? {
    let halves = text.split(separator: ":", omittingEmptySubsequences: false)
    guard halves.count <= 9 else { return nil }
    guard let gap = text.firstRange(of: "::") else { return groups(text, count: 8) }
    let head = text[..<gap.lowerBound]
    let tail = text[gap.upperBound...]
    guard let front = groups(String(head), count: nil), let back = groups(String(tail), count: nil),
      front.count + back.count <= 14
    else { return nil }
    return front + [UInt8](repeating: 0, count: 16 - front.count - back.count) + back
  }

  private static func groups(_ text: String, count: Int?) -> [UInt8]? {
    if text.isEmpty { return count == nil ? [] : nil }
    var bytes: [UInt8] = []
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    for (i, part) in parts.enumerated() {
      if i == parts.count - 1, part.contains("."), let last = v4(String(part)) {
        bytes += last
      } else {
        guard (1...4).contains(part.utf8.count), let value = UInt16(part, radix: 16) else { return nil }
        bytes += [UInt8(value >> 8), UInt8(value & 255)]
      }
    }
    if let count, bytes.count != count * 2 { return nil }
    return bytes
  }

  var isLoopback: Bool {
    bytes.count == 4 ? bytes[0] == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1]
  }

  func contains(_ other: IPAddress, prefix: Int) -> Bool {
    guard bytes.count == other.bytes.count, (0...bytes.count * 8).contains(prefix) else { return false }
    for i in 0..<prefix {
      let bit = UInt8(0x80) >> UInt8(i % 8)
      if bytes[i / 8] & bit != other.bytes[i / 8] & bit { return false }
    }
    return true
  }
}

extension Substring {
  fileprivate func trimmingBlanks() -> String {
    var text = self
    while text.first == " " || text.first == "\t" { text.removeFirst() }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return String(text)
  }
}
