internal import Glibc
internal import Hummingbird
internal import NIOCore

/// A server could not begin to listen.
package struct ListenError: Error, CustomStringConvertible {
  package let port: Int
  package let reason: String

  package var description: String { "cannot listen on port \(port): \(reason)" }
}

/// Serves until the task is cancelled; what goes wrong at a socket is said in the system's words.
func serve(_ app: some ApplicationProtocol, on port: Int) async throws {
  do {
    try await app.run()
  } catch let error as IOError {
    throw ListenError(port: port, reason: String(cString: strerror(error.errnoCode)).lowercased())
  }
}
