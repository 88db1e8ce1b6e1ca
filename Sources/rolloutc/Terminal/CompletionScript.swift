/// A shell's completion script, as ArgumentParser makes it, with the main job in it: behind `rolloutc` may stand a plan
/// as well as a command, since `rolloutc PLAN` is `rolloutc build PLAN`. ArgumentParser offers only the commands there
/// (1.7: `CompletionsGenerator`); a script that has no such place is given back as it is.
func completionScript(_ script: String) -> String {
  var lines: [Substring] = []
  for line in script.split(separator: "\n", omittingEmptySubsequences: false) {
    let indentation = line.prefix { $0 == " " }
    let isBashChoice = line.contains("COMPREPLY+=($(compgen -W 'build check ")
    if isBashChoice {
      // Behind a plan stand the options of `build`.
      lines += [
        "if [[ \"${subcommand}\" == *.rollout && \"${COMP_CWORD}\" -gt 1 ]]; then",
        "    unparsed_words=(\"${subcommand}\" \"${unparsed_words[@]}\")", "    _rolloutc_build", "    return", "fi",
      ].map { indentation + $0 }
    }
    lines.append(line)
    if isBashChoice {
      lines.append(indentation + "COMPREPLY+=($(compgen -d -- \"${cur}\") $(compgen -f -X '!*.rollout' -- \"${cur}\"))")
    } else if line.contains("_describe -V subcommand subcommands"), !lines.contains(where: { $0.contains("_files -g") })
    {
      lines.append(indentation + "_files -g '*.rollout' && ret=0")
    } else if line.contains("_for_positional \"rolloutc build\" -eq 1' -fa ") {
      lines.append(Substring(line.replacing("\"rolloutc build\"", with: "\"rolloutc\"")))
    }
  }
  return lines.joined(separator: "\n")
}
