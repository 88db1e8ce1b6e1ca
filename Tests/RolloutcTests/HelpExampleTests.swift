import Foundation
import TestSupport
import Testing

/// The commands below `EXAMPLES:` in a help text do what they are shown for.
@Suite(.enabled(if: Tool.isBuilt)) struct HelpExampleTests {
  @Test(arguments: ["build", "check", "explain", "fmt", "graph", "rbac", "rehearse", "steps", "trace"])
  func examplesWork(_ command: String) throws {
    let scratch = try Scratch(withPlans: true)
    for example in try examples(of: command, scratch.rolloutc("help", command).output) {
      let outcome = try scratch.shell(example)
      #expect(outcome.code == 0, "\(example)\n\(outcome.errors)")
    }
  }

  /// One after another: what stands after the second is what the third shows.
  @Test("those that need a cluster, in the sandbox") func examplesInACluster() async throws {
    try await SandboxSession.run { session in
      for command in ["plan", "apply", "status"] {
        for example in try examples(of: command, session.scratch.rolloutc("help", command).output) {
          let outcome = try await session.shell(example)
          #expect(outcome.code == 0, "\(example)\n\(outcome.errors)")
        }
      }
      #expect(await session.deployments == ["web-1-0"])
    }
  }

  private func examples(of command: String, _ help: String) throws -> [String] {
    let start = try #require(help.range(of: "EXAMPLES:\n"), "\(command) shows no example").upperBound
    let examples = help[start...].split(separator: "\n", omittingEmptySubsequences: false)
      .prefix { !$0.isEmpty }.map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(!examples.isEmpty && examples.allSatisfy { $0.hasPrefix("rolloutc ") }, "\(examples)")
    return examples
  }
}
