internal import KubernetesModel

/// What a request proves its sender with. May change from call to call.
package struct Credentials: Hashable, Sendable {
  /// The whole value of the header `Authorization`.
  package var authorization: Secret<String>?
  /// PEM, the chain.
  package var clientCertificate: [UInt8]?
  package var clientKey: Secret<[UInt8]>?

  /// What a server knows of them and may quote: the token, or user name and password as they were sent, and the password.
  var quotable: [String] {
    guard let value = authorization?.revealed, let blank = value.firstIndex(of: " ") else { return [] }
    let sent = String(value[value.index(after: blank)...])
    var texts = [sent]
    if value.hasPrefix("Basic "), let plain = decodeBase64(sent), let colon = plain.firstIndex(of: 0x3A) {
      texts.append(String(decoding: plain[(colon + 1)...], as: UTF8.self))
    }
    return texts.filter { $0.utf8.count >= 3 }
  }

  package init(
    authorization: Secret<String>? = nil, clientCertificate: [UInt8]? = nil, clientKey: Secret<[UInt8]>? = nil
  ) {
    self.authorization = authorization
    self.clientCertificate = clientCertificate
    self.clientKey = clientKey
  }
}

/// Where credentials come from: the kubeconfig itself, a file that is replaced from time to time, a plugin.
package protocol CredentialSource: Sendable {
  /// Those of this moment; from memory while they are good.
  func current() async throws(ClusterError) -> Credentials
  /// The server did not accept `used` (401): the next `current()` must not give the same ones from memory.
  func discard(_ used: Credentials) async
}

/// Credentials that never change.
package struct FixedCredentials: CredentialSource {
  private let credentials: Credentials

  package init(_ credentials: Credentials = .init()) { self.credentials = credentials }

  package func current() async throws(ClusterError) -> Credentials { credentials }
  package func discard(_ used: Credentials) async {}
}

/// A token in a file, read again each minute: service account tokens live for about an hour and are replaced in place.
package actor TokenFileCredentials: CredentialSource {
  private let path: String
  private let base: Credentials
  private let files: FileReader
  private let now: @Sendable () -> Int
  private var remembered: (credentials: Credentials, readAt: Int)?

  private static let lifetime = 60

  /// - Parameter now: seconds since 1970.
  package init(path: String, base: Credentials, files: FileReader, now: @escaping @Sendable () -> Int) {
    self.path = path
    self.base = base
    self.files = files
    self.now = now
  }

  package func current() async throws(ClusterError) -> Credentials {
    let time = now()
    if let remembered, time >= remembered.readAt, time - remembered.readAt < Self.lifetime {
      return remembered.credentials
    }
    let bytes: [UInt8]
    switch files.read(path) {
    case .success(let content): bytes = content
    case .failure(let problem):
      // A token that is being replaced may be missing for an instant; the old one is still good.
      if let remembered { return remembered.credentials }
      throw .unauthenticated("the token file \(path) cannot be read: \(problem)")
    }
    let token = trimmedText(bytes)
    guard !token.isEmpty else { throw .unauthenticated("the token file \(path) is empty") }
    var credentials = base
    credentials.authorization = Secret("Bearer \(token)")
    remembered = (credentials, time)
    return credentials
  }

  package func discard(_ used: Credentials) async {
    if remembered?.credentials == used { remembered = nil }
  }
}

/// `bytes` as text without blanks and line ends at both ends.
func trimmedText(_ bytes: [UInt8]) -> String {
  let isBlank: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0d).contains($0) }
  var slice = bytes[...]
  while let first = slice.first, isBlank(first) { slice.removeFirst() }
  while let last = slice.last, isBlank(last) { slice.removeLast() }
  return String(decoding: slice, as: UTF8.self)
}
