package import Diagnostics

/// Why a `verify` does not hold.
package struct VerifyFailure: Error, Hashable, Sendable {
  package var code: Code
  /// A clause: "`results-div` does not match `percent`".
  package var message: String
  /// What was expected, what came back, and from which version; one line each.
  package var notes: [String]
  package var help: String?

  package init(
    _ message: String, code: Code = .verifyFailed, notes: [String] = [], help: String? = nil
  ) {
    self.code = code
    self.message = message
    self.notes = notes
    self.help = help
  }
}
