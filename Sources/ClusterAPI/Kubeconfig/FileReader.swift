internal import Glibc

/// Reads whole files. A value, so that kubeconfigs can be tested without a disk.
package struct FileReader: Sendable {
  package enum Problem: Error, Hashable, Sendable, CustomStringConvertible {
    case missing
    case unreadable(String)

    package var description: String {
      switch self {
      case .missing: "there is no such file"
      case .unreadable(let why): why
      }
    }
  }

  package var read: @Sendable (_ path: String) -> Result<[UInt8], Problem>

  package init(read: @escaping @Sendable (_ path: String) -> Result<[UInt8], Problem>) { self.read = read }

  /// Files of a dictionary.
  package static func inMemory(_ files: [String: String]) -> FileReader {
    FileReader { path in files[path].map { .success(Array($0.utf8)) } ?? .failure(.missing) }
  }

  /// The file system. At most 64 MiB: nothing that is read this way is larger.
  package static let disk = FileReader { path in
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      return .failure(errno == ENOENT || errno == ENOTDIR ? .missing : .unreadable(String(cString: strerror(errno))))
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count == 0 { return .success(bytes) }
      if count < 0 {
        if errno == EINTR { continue }
        return .failure(.unreadable(String(cString: strerror(errno))))
      }
      bytes += chunk[..<count]
      if bytes.count > 64 << 20 { return .failure(.unreadable("it is larger than 64 MiB")) }
    }
  }
}
