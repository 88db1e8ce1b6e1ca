package import Diagnostics

/// Diagnostics as GitHub's workflow commands, which annotate the lines of a pull request
/// (docs.github.com, "Workflow commands for GitHub Actions": `::error file=…,line=…::message`).
package struct GitHubRenderer {
  private let places: Places

  package init(sources: SourceSet) { places = Places(sources) }

  /// One line for each diagnostic.
  package func rendered(_ diagnostics: [Diagnostic]) -> String {
    let shown = diagnostics.prefix(longestResult).map { command($0) + "\n" }.joined()
    guard diagnostics.count > longestResult else { return shown }
    return shown + "::warning::\(diagnostics.count - longestResult) more are left off\n"
  }

  /// An error that belongs to no line.
  package static func command(error message: String) -> String { "::error::\(escaped(message, isProperty: false))" }

  private func command(_ diagnostic: Diagnostic) -> String {
    let name =
      switch diagnostic.severity {
      case .error: "error"
      case .warning: "warning"
      case .note: "notice"
      }
    var properties: [(String, String)] = []
    if let place = places.place(diagnostic.primary.range) {
      properties = [
        ("file", pathInRepository(place.path)), ("line", String(place.start.line)), ("endLine", String(place.end.line)),
      ]
      properties.append(("col", String(place.start.column)))
      // GitHub refuses an end column unless both ends stand in one line.
      if place.start.line == place.end.line { properties.append(("endColumn", String(place.end.column))) }
    }
    properties.append(("title", "\(diagnostic.code.id) \(diagnostic.code.slug)"))
    var lines = [diagnostic.message]
    if !diagnostic.primary.text.isEmpty { lines[0] += " (\(diagnostic.primary.text))" }
    lines += diagnostic.notes.map { "note: \($0)" }
    if let help = diagnostic.help { lines.append("help: \(help)") }
    let list = properties.map { "\($0.0)=\(Self.escaped($0.1, isProperty: true))" }.joined(separator: ",")
    return "::\(name) \(list)::\(Self.escaped(clipped(lines.joined(separator: "\n")), isProperty: false))"
  }

  /// The escaping of actions/toolkit, `command.ts`: `escapeData` and `escapeProperty`. Other controls are made visible.
  private static func escaped(_ text: String, isProperty: Bool) -> String {
    var output = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "%": output += "%25"
      case "\r": output += "%0D"
      case "\n": output += "%0A"
      case ":" where isProperty: output += "%3A"
      case "," where isProperty: output += "%2C"
      default: output += isUnsafe(scalar) ? safeText(String(scalar)) : String(scalar)
      }
    }
    return output
  }
}
