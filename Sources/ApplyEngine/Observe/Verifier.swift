package import RolloutPlan

/// Why a `verify` does not hold.
package struct VerifyFailure: Error, Hashable, Sendable {
  /// A clause: "`results-div` does not match `percent`".
  package var message: String
  /// What came back, and from which version; one line each.
  package var notes: [String]
  package var help: String?

  package init(_ message: String, notes: [String] = [], help: String? = nil) {
    self.message = message
    self.notes = notes
    self.help = help
  }
}

/// Carries out `verify` statements: asks as a visitor, `count` times, until all answers match or the time is over.
package struct Verifier: Sendable {
  private let plan: Plan
  private let environment: RunEnvironment
  private let progress: @Sendable (String) -> Void

  /// - Parameter progress: takes what is known so far, for people who wait.
  package init(_ plan: Plan, environment: RunEnvironment, progress: @escaping @Sendable (String) -> Void) {
    self.plan = plan
    self.environment = environment
    self.progress = progress
  }

  /// What held, in a few words: `5 of 5 answers`. Cancelling the task ends the wait.
  package func verify(_ verification: Verification) async throws(VerifyFailure) -> String {
    throw VerifyFailure("nothing can be asked here")
  }
}
