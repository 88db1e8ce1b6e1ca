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

  @Test(.needs("bash")) func bashCompletesCommandsAndPlans() throws {
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
      complete_words rolloutc pl
      complete_words rolloutc plans/book
      complete_words rolloutc plans/bookinfo.rollout --unp
      complete_words rolloutc plans/bookinfo.rollout -o j
      complete_words rolloutc --sta
      complete_words rolloutc help stat
      complete_words rolloutc explain R0202
      complete_words rolloutc explain undeclared-coo
      """, to: "try")
    let outcome = try scratch.shell("bash try")
    #expect(
      outcome.output.split(whereSeparator: \.isWhitespace) == [
        "check", "--format", "sarif", "plan", "plans", "plans/bookinfo.rollout", "--unproved", "json",
        "--state", "status", "R0202", "undeclared-cookie",
      ],
      "\(outcome.output)\(outcome.errors)")
  }

  /// fish loads the script and completes from it.
  @Test(.needs("fish")) func fishCompletesCommandsAndValues() throws {
    let scratch = try Scratch(withPlans: true)
    try scratch.write(try scratch.rolloutc("--generate-completion-script", "fish").output, to: "script")
    let outcome = try scratch.shell(
      "HOME=$PWD fish --no-config -c 'source script; complete -C \"rolloutc ch\"; complete -C \"rolloutc check --format sa\"; "
        + "complete -C \"rolloutc plans/book\"; complete -C \"rolloutc a.rollout --format gi\"; "
        + "complete -C \"rolloutc a.rollout --unp\"; complete -C \"rolloutc --sta\"; complete -C \"rolloutc help stat\"; "
        + "complete -C \"rolloutc explain undeclared-coo\"'"
    )
    #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    let words = outcome.output.split(separator: "\n").map { $0.prefix { $0 != "\t" } }
    #expect(
      words == [
        "check", "sarif", "plans/bookinfo.rollout", "github", "--unproved", "--state", "status", "undeclared-cookie",
      ], "\(outcome.output)")
  }

  /// zsh finds the script by its name, as an installed one is found.
  @Test(.needs("zsh")) func zshLoadsTheScript() throws {
    let scratch = try Scratch()
    try scratch.write(try scratch.rolloutc("--generate-completion-script", "zsh").output, to: "_rolloutc")
    let outcome = try scratch.shell(
      "HOME=$PWD zsh -f -c 'fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D; "
        + "print $_comps[rolloutc]; autoload -Uz +X _rolloutc && functions _rolloutc | grep -c explain'")
    #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("_rolloutc\n"), "\(outcome.output)")
  }

  /// What zsh offers for a command, for a flag and for a value, as its completion hands it to `compadd`.
  @Test(.needs("zsh")) func zshCompletesCommandsAndValues() throws {
    let scratch = try Scratch(withPlans: true)
    try scratch.write(try scratch.rolloutc("--generate-completion-script", "zsh").output, to: "_rolloutc")
    try scratch.write(
      """
      fpath=($PWD $fpath)
      autoload -Uz compinit
      compinit -u -D
      # Each completion ends the line editor by the way of a widget: what it would insert is written to a file.
      zmodload zsh/zpty
      cat >rc <<'END'
      PROMPT= ; unsetopt zle_bracketed_paste 2>/dev/null
      fpath=($PWD $fpath)
      autoload -Uz compinit
      compinit -u -D
      show() { print -r -- "$BUFFER" >$PWD/result; BUFFER=; zle .accept-line }
      zle -N show
      bindkey '^X' show
      bindkey '^I' complete-word
      print ready
      END
      mkdir home && cp rc home/.zshrc && print "cd $PWD" | cat - rc >home/.zshrc
      zpty -b shell "HOME=$PWD/home ZDOTDIR=$PWD/home TERM=dumb zsh -i"
      zpty -r shell out '*ready*'
      for line in 'rolloutc ch' 'rolloutc check --form' 'rolloutc check --format sa' 'rolloutc plans/book' 'rolloutc a.rollout --format gi' 'rolloutc --sta' 'rolloutc help stat' 'rolloutc explain undeclared-coo'; do
        rm -f result
        zpty -w -n shell "$line"$'\\t\\x18'
        tries=0
        until [[ -s result ]] || (( tries++ > 600 )); do zpty -r -t shell out; zselect -t 5 2>/dev/null || sleep 0.05; done
        cat result
      done
      zpty -d shell
      """, to: "try")
    let outcome = try scratch.shell("HOME=$PWD zsh -f try")
    let lines = outcome.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(
      lines == [
        "rolloutc check", "rolloutc check --format", "rolloutc check --format sarif", "rolloutc plans/bookinfo.rollout",
        "rolloutc a.rollout --format github", "rolloutc --state", "rolloutc help status",
        "rolloutc explain undeclared-cookie",
      ],
      "\(outcome.output)\(outcome.errors)")
  }

  @Test func anUnknownShellIsUsage() throws {
    let outcome = try Scratch().rolloutc("--generate-completion-script", "cmd")
    #expect(outcome.code == 2)
  }
}
