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
    guard !hostName.isEmpty else { return nil }
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
