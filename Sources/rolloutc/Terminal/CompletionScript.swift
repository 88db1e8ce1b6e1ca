import ArgumentParser

/// A shell's completion script, as ArgumentParser makes it, with the main job in it: behind `rolloutc` may stand a plan
/// as well as a command, since `rolloutc PLAN` is `rolloutc build PLAN`. ArgumentParser offers only the commands there
/// (1.7: `CompletionsGenerator`). Options in place of a command are those of `build`, and behind `help` stands a command.
/// A script that has no such place is given back as it is.
func completionScript(_ script: String) -> String {
  let source = script.split(separator: "\n", omittingEmptySubsequences: false)
  var lines: [Substring] = []
  let commands = Rolloutc.configuration.subcommands.compactMap { $0._commandName }.joined(separator: " ")
  var function = ""
  for (index, line) in source.enumerated() {
    if line.hasSuffix("() {") { function = String(line.dropLast(4)) }
    let indentation = line.prefix { $0 == " " }
    func add(_ more: String...) { lines += more.map { indentation + $0 } }
    if function == "_rolloutc", line.hasSuffix("__rolloutc_offer_flags_options 0") {
      add("if [[ \"${COMP_WORDS[1]}\" == -* ]]; then", "    _rolloutc_build", "    return", "fi")
    } else if function == "_rolloutc", line.hasSuffix("local -ar arg_specs=("), line.hasPrefix("    local") {
      add(
        "if [[ \"${words[2]}\" == -* ]]; then", "    words=(build \"${words[@]:1}\")",
        "    _rolloutc_build && ret=0", "    return \"${ret}\"", "fi")
    } else if function == "_rolloutc_help", line.hasSuffix("'*:subcommands:'") {
      add("'*:subcommands:(\(commands))'")
      continue
    }
    let isBashChoice = line.contains("COMPREPLY+=($(compgen -W 'build check ")
    if isBashChoice {
      // Behind a plan stand the options of `build`.
      add(
        "if [[ \"${subcommand}\" == *.rollout && \"${COMP_CWORD}\" -gt 1 ]]; then",
        "    unparsed_words=(\"${subcommand}\" \"${unparsed_words[@]}\")", "    _rolloutc_build", "    return", "fi")
    }
    lines.append(line)
    if isBashChoice {
      add("COMPREPLY+=($(compgen -d -- \"${cur}\") $(compgen -f -X '!*.rollout' -- \"${cur}\"))")
    } else if line.contains("_describe -V subcommand subcommands"), !lines.contains(where: { $0.contains("_files -g") })
    {
      add("_files -g '*.rollout' && ret=0")
    } else if line.hasSuffix("case \"${words[1]}\" in"), source.dropFirst(index + 1).first?.contains("build|") == true {
      // zsh: the same, as if `build` stood before it.
      add(
        "*.rollout)", "    words=(build \"${words[@]}\")", "    (( CURRENT++ ))", "    _rolloutc_build && ret=0",
        "    ;;")
    } else if index > 0, source[index - 1].hasSuffix("case 'build'"), line.contains("__rolloutc_parse_subcommand") {
      // fish.
      lines.append(source[index - 1].replacing("'build'", with: "'*.rollout'")[...])
      add("set -p unparsed_tokens build")
      lines.append(line)
    } else if line.contains("_for_positional \"rolloutc build\" -eq 1' -fa ") {
      lines.append(Substring(line.replacing("\"rolloutc build\"", with: "\"rolloutc\"")))
      lines.append(
        """
        complete -c 'rolloutc' -n '__rolloutc_should_offer_completions_for_positional "rolloutc help" -eq 1' -fa '\(commands)'
        """)
    } else if line.contains("_for_flags_or_options \"rolloutc build\" "), !line.contains(" version' -l "),
      !line.contains(" h help' ")
    {
      lines.append(Substring(line.replacing("\"rolloutc build\"", with: "\"rolloutc\"")))
    } else if function == "_rolloutc_help", line.hasSuffix("__rolloutc_offer_flags_options -1") {
      add("COMPREPLY+=($(compgen -W '\(commands)' -- \"${cur}\"))")
    }
  }
  return lines.joined(separator: "\n")
}
