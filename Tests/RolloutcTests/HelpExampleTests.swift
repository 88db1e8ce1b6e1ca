import Foundation
import TestSupport
import Testing

/// The commands below `EXAMPLES:` in a help text do what they are shown for.
@Suite(.enabled(if: Tool.isBuilt)) struct HelpExampleTests {
  @Test(arguments: ["build", "check", "explain", "fmt", "graph", "rehearse", "steps", "trace"])
  func examplesWork(_ command: String) throws {
    let scratch = try Scratch(withPlans: true)
    let help = try scratch.rolloutc("help", command).output
    let start = try #require(help.range(of: "EXAMPLES:\n"), "\(command) shows no example").upperBound
    let examples = help[start...].split(separator: "\n", omittingEmptySubsequences: false)
      .prefix { !$0.isEmpty }.map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(!examples.isEmpty)
    for example in examples {
      #expect(example.hasPrefix("rolloutc "), "\(example)")
      let outcome = try scratch.shell(example)
      #expect(outcome.code == 0, "\(example)\n\(outcome.errors)")
    }
  }
}
