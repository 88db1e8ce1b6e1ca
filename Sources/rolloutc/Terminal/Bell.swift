import ApplyEngine
import Glibc

/// Wakes a thread that waits in `poll`.
final class Bell: Sendable {
  /// To poll for reading.
  let descriptor: Int32
  private let ringer: Int32

  init() throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Failure("cannot open a pipe: \(IO.reason(errno))") }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (descriptor, ringer) = (ends[0], ends[1])
  }

  deinit {
    close(descriptor)
    close(ringer)
  }

  func ring() {
    var byte: UInt8 = 1
    // A full pipe is a bell that rings already.
    _ = write(ringer, &byte, 1)
  }

  func quiet() {
    var bytes = [UInt8](repeating: 0, count: 256)
    while read(descriptor, &bytes, bytes.count) == bytes.count {}
  }

  /// - Parameter milliseconds: nil for as long as it takes.
  func wait(milliseconds: Int? = nil) {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&poller, 1, milliseconds.map { Int32(clamping: $0) } ?? -1) < 0, errno == EINTR {}
  }
}

/// Runs `body` on a thread of its own, for what blocks.
func startThread(_ body: @escaping @Sendable () -> Void) throws {
  let code = startDetachedThread(body)
  if code != 0 { throw Failure("no thread can be started: \(IO.reason(code))") }
}
