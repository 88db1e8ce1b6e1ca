internal import Glibc

/// Where a run writes its journal. `append` returns only when the record outlives a loss of power.
package protocol Journal: Sendable {
  func append(_ record: JournalRecord) async throws(JournalError)
}

/// For what writes nothing, or does not outlive its process.
package struct NoJournal: Journal {
  package init() {}
  package func append(_ record: JournalRecord) async throws(JournalError) {}
}

package enum JournalError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A call of the system failed: what, and errno.
  case system(String, Int32)
  /// Another process has it open.
  case inUse
  /// It cannot be appended to: damaged, foreign, or by a newer tool.
  case unusable(JournalContent.Rest)
  case recordTooLong
  /// An earlier append failed, so what stands in the file is not known.
  case broken

  package var description: String {
    switch self {
    case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
    case .inUse: "another run has the journal open"
    case .unusable(.damaged): "the journal was changed after it was written"
    case .unusable(.unknown): "the journal is by a newer version of rolloutc"
    case .unusable: "the file is no journal"
    case .recordTooLong: "an object is too long for the journal"
    case .broken: "the journal could not be written before"
    }
  }
}

/// A journal in a file that only its owner may read.
///
/// Records that come while the disk is busy are written and synced together, as databases do (group commit): a thousand
/// writes side by side cost some hundred syncs instead of two thousand, one after another. The disk is waited for on a
/// thread beside those of tasks, which have other things to do: a lock to renew, a watch to read.
package actor JournalFile: Journal {
  private struct Waiting {
    var payload: [UInt8]
    var continuation: CheckedContinuation<JournalError?, Never>
  }

  private let file: OwnedDescriptor
  /// An old journal goes on as it began.
  private let version: JournalFormat.Version
  private var isBroken = false
  private var isStoring = false
  /// Records whose `append` waits, in their order.
  private var waiting: [Waiting] = []

  /// Opens or makes the file, takes it for this process alone, and cuts off a torn end.
  package static func open(_ path: String) throws(JournalError) -> (JournalFile, JournalContent) {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .system("open", errno) }
    let file = OwnedDescriptor(descriptor)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system("fstat", errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .unusable(.foreign) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      if errno == EWOULDBLOCK { throw .inUse }
      throw .system("flock", errno)
    }
    var content = JournalFormat.read(try readAll(descriptor))
    switch content.rest {
    case .none: break
    case .torn:
      guard ftruncate(descriptor, off_t(content.validLength)) == 0 else { throw .system("ftruncate", errno) }
    case .damaged, .foreign, .unknown: throw .unusable(content.rest)
    }
    guard lseek(descriptor, 0, SEEK_END) >= 0 else { throw .system("lseek", errno) }
    if content.validLength == 0 {
      try writeAll(descriptor, content.version.signature)
      content.validLength = content.version.signature.count
    }
    guard fsync(descriptor) == 0 else { throw .system("fsync", errno) }
    try syncFolder(of: path)
    return (JournalFile(file, content.version), content)
  }

  private init(_ file: OwnedDescriptor, _ version: JournalFormat.Version) {
    self.file = file
    self.version = version
  }

  package func append(_ record: JournalRecord) async throws(JournalError) {
    if isBroken { throw .broken }
    guard let payload = JournalFormat.payload(of: record) else { throw .recordTooLong }
    let failure = await withCheckedContinuation { continuation in
      waiting.append(Waiting(payload: payload, continuation: continuation))
      if isStoring { return }
      isStoring = true
      Task { await store() }
    }
    if let failure { throw failure }
  }

  /// Stores what waits, and what comes meanwhile.
  private func store() async {
    while !waiting.isEmpty {
      // Those who came during the last sync join before this one goes on.
      await Task.yield()
      let group = nextGroup()
      let failure = isBroken ? .broken : await stored(version.frames(of: group.map(\.payload)))
      // After a failed fsync a second one may succeed without the data (LWN 752063): never try again.
      if failure != nil { isBroken = true }
      for one in group { one.continuation.resume(returning: failure) }
    }
    isStoring = false
  }

  /// As many as a frame may hold.
  private func nextGroup() -> [Waiting] {
    var (count, size) = (0, 0)
    while count < waiting.count {
      size += waiting[count].payload.count + 1
      if count > 0, size > JournalFormat.longestPayload { break }
      count += 1
    }
    defer { waiting.removeFirst(count) }
    return Array(waiting.prefix(count))
  }

  private func stored(_ frames: [UInt8]) async -> JournalError? {
    await withCheckedContinuation { continuation in
      // The actor, which waits here, keeps it open.
      let descriptor = file.number
      let body: @Sendable () -> Void = {
        do throws(JournalError) {
          try writeAll(descriptor, frames)
          guard fsync(descriptor) == 0 else { throw .system("fsync", errno) }
          continuation.resume(returning: nil)
        } catch {
          continuation.resume(returning: error)
        }
      }
      if startDetachedThread(body) != 0 { body() }
    }
  }
}

/// A descriptor that is closed with its last reference.
private final class OwnedDescriptor: Sendable {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  deinit { close(number) }
}

private func readAll(_ descriptor: Int32) throws(JournalError) -> [UInt8] {
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(descriptor, &chunk, chunk.count)
    if count == 0 { return bytes }
    if count > 0 {
      bytes += chunk.prefix(count)
    } else if errno != EINTR {
      throw .system("read", errno)
    }
  }
}

private func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) throws(JournalError) {
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if count > 0 {
      rest = rest.dropFirst(count)
    } else if count == 0 || errno != EINTR {
      throw .system("write", errno)
    }
  }
}

/// A new file is only there after its folder is, too.
private func syncFolder(of path: String) throws(JournalError) {
  let folder = path.utf8.lastIndex(of: 0x2f).map { String(path[..<$0]) }
  let descriptor = open(folder.map { $0.isEmpty ? "/" : $0 } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .system("open", errno) }
  defer { close(descriptor) }
  guard fsync(descriptor) == 0 else { throw .system("fsync", errno) }
}
