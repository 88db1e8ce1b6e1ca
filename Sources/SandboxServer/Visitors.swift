internal import HTTPTypes
internal import Hummingbird

/// Whether a request may come from a page of another site in a browser on this computer, which reaches every port of it:
/// straight, and then names that site as its origin, or by a name of its own that leads here, and then names that as the
/// host. Other clients say no origin, and a loopback name or address.
func isForeign(_ request: Request) -> Bool {
  let authority = request.head.authority?.lowercased()
  if let authority, !isLoopback(authority) { return true }
  guard let origin = request.headers[.origin]?.lowercased() else { return false }
  return authority.map { origin != "http://" + $0 } ?? true
}

/// `127.0.0.1`, `localhost` or `[::1]`, with or without a port.
private func isLoopback(_ authority: String) -> Bool {
  ["127.0.0.1", "localhost", "[::1]"].contains { name in
    guard authority.hasPrefix(name) else { return false }
    let rest = authority.dropFirst(name.count)
    return rest.isEmpty || rest.first == ":" && rest.dropFirst().utf8.allSatisfy { (0x30...0x39).contains($0) }
  }
}

/// The media types of objects that kube-apiserver reads, and those of patches.
func isReadable(_ contentType: String, of method: HTTPRequest.Method) -> Bool {
  var media = contentType.prefix { $0 != ";" }.lowercased()
  media.removeAll { $0 == " " || $0 == "\t" }
  if method == .patch {
    return [
      "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
      "application/apply-patch+yaml",
    ].contains(media)
  }
  return ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"].contains(media)
}
