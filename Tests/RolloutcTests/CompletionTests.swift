import Foundation
import TestSupport
import Testing

/// Scripts that shells complete our commands with.
@Suite(.enabled(if: Tool.isBuilt)) struct CompletionTests {
  @Test(arguments: ["bash", "fish", "zsh"]) func aScriptThatItsShellCanRead(_ shell: String) throws {
    let scratch = try Scratch()
    let outcome = try scratch.rolloutc("--generate-completion-script", shell)
    #expect(outcome.code == 0)
    #expect(outcome.errors.isEmpty)
    for word in [
      "build", "check", "explain", "fmt", "graph", "steps", "trace", "mermaid", "cluster-domain", "rollout", "sarif",
    ] {
      #expect(outcome.output.contains(word), "\(word)")
    }
    guard Tool.installed(shell) != nil else {
      return Tool.announce("\(shell) is not installed, so it does not read its completion script")
    }
    try scratch.write(outcome.output, to: "script")
    let read = try scratch.shell("\(shell) -n script")
    #expect(read.code == 0, "\(read.errors)")
  }

  @Test func bashCompletesCommandsAndPlans() throws {
    guard Tool.installed("bash") != nil else { return Tool.announce("bash is not installed") }
    let scratch = try Scratch(withPlans: true)
    try scratch.write(try scratch.rolloutc("--generate-completion-script", "bash").output, to: "script")
    try scratch.write(
      """
      source ./script
      complete_words() {
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
        _rolloutc "$1" "${@: -1}" "${@: -2:1}"
        printf '%s\\n' "${COMPREPLY[@]}" | sort
      }
      complete_words rolloutc ch
      complete_words rolloutc check --form
      complete_words rolloutc check --format sa
      """, to: "try")
    let outcome = try scratch.shell("bash try")
    #expect(
      outcome.output.split(whereSeparator: \.isWhitespace) == ["check", "--format", "sarif"],
      "\(outcome.output)\(outcome.errors)")
  }

  @Test func anUnknownShellIsUsage() throws {
    let outcome = try Scratch().rolloutc("--generate-completion-script", "cmd")
    #expect(outcome.code == 2)
  }
}
