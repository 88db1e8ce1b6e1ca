/// The parts of an `http` or `https` URL that connecting needs. Not a general parser: what it does not know stays in
/// `path` as it was written.
package struct URLParts: Hashable, Sendable {
  package var scheme: String
  /// Without the brackets of an IPv6 address.
  package var hostName: String
  package var port: Int
  package var hasPort: Bool
  /// From the first `/` on, with query; empty where there is none.
  package var path: String
  package var text: String

  /// Nil where the scheme is another one, the host is missing, or it holds user information: a password in a URL would
  /// be printed with it.
  package init?(_ text: String) {
    guard let separator = text.firstRange(of: "://") else { return nil }
    scheme = text[..<separator.lowerBound].lowercased()
    guard scheme == "http" || scheme == "https" else { return nil }
    let rest = text[separator.upperBound...]
    let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
    let authority = rest[..<end]
    guard !authority.contains("@"), !text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) else { return nil }
    let portText: Substring?
    if authority.hasPrefix("[") {
      guard let close = authority.firstIndex(of: "]") else { return nil }
      hostName = String(authority[authority.index(after: authority.startIndex)..<close])
      let after = authority[authority.index(after: close)...]
      guard after.isEmpty || after.hasPrefix(":") else { return nil }
      portText = after.isEmpty ? nil : after.dropFirst()
    } else {
      let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2 else { return nil }
      hostName = String(parts[0])
      portText = parts.count == 2 ? parts[1] : nil
    }
    guard !hostName.isEmpty, hostName.unicodeScalars.allSatisfy(isOfHost) else { return nil }
    if let portText {
      guard let port = Int(portText), (1...65535).contains(port) else { return nil }
      self.port = port
    } else {
      port = scheme == "https" ? 443 : 80
    }
    hasPort = portText != nil
    path = String(rest[end...])
    self.text = text
  }

  /// The host as a URL writes it: IPv6 in brackets.
  package var host: String { hostName.contains(":") ? "[\(hostName)]" : hostName }

  /// `host`, or `host:port` where the URL has one.
  package var authority: String { hasPort ? "\(host):\(port)" : host }

  package func replacingHost(_ name: String) -> String { "\(scheme)://\(name):\(port)\(path)" }
}

/// Names, addresses, and the zone of one (`fe80::1%25eth0`).
private func isOfHost(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar {
  case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_", ":", "%", "~": true
  default: !scalar.isASCII
  }
}

/// Why `text` is no address that a server can be reached at and that can be printed; nil where it is one.
package func addressProblem(_ text: String) -> String? {
  if let parts = URLParts(text) {
    return parts.path.contains("?") || parts.path.contains("#")
      ? "it has a query, which would be printed with it" : nil
  }
  let rest = text.firstRange(of: "://").map { text[$0.upperBound...] } ?? text[...]
  if rest.contains("@") { return "it holds a user name, and a password would be printed with it" }
  return "it is no http or https URL"
}

/// `url` as it may be printed, whatever it holds: without user name and password, query and fragment.
package func withoutSecrets(_ url: String) -> String {
  let start = url.firstRange(of: "://")?.upperBound ?? url.startIndex
  var rest = url[start...]
  var text = String(url[..<start])
  // A password that is not encoded may hold any character.
  if let at = rest.lastIndex(of: "@") {
    text += "‹hidden›@"
    rest = rest[rest.index(after: at)...]
  }
  guard let end = rest.firstIndex(where: { $0 == "?" || $0 == "#" }) else { return printable(text + rest) }
  return printable(text + rest[...end] + "‹hidden›")
}
