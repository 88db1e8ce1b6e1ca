/// Why a kubeconfig gives no connection. Names the file and the entry, never a value of it.
package struct KubeconfigError: Error, Hashable, Sendable, CustomStringConvertible {
  package var file: String?
  /// `context "prod"`, `user "p1"`.
  package var entry: String?
  package var message: String

  package init(file: String? = nil, entry: String? = nil, _ message: String) {
    self.file = file
    self.entry = entry
    self.message = message
  }

  package var description: String {
    switch (entry, file) {
    case (let entry?, let file?): "\(entry) in \(file): \(message)"
    case (nil, let file?): "\(file): \(message)"
    case (let entry?, nil): "\(entry): \(message)"
    case (nil, nil): message
    }
  }
}
