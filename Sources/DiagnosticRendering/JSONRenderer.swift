package import Diagnostics
package import KubernetesModel

/// Diagnostics as JSON for other programs, `rolloutc.diagnostics/1`:
///
/// `{"schema": …, "diagnostics": [{code, slug, severity, message, label, location, labels: [{text, location}], notes,
/// help, fixes: [{message, edits: [{location, replacement}]}]}]}`, where a location is
/// `{file, bytes: [start, end], start: {line, column}, end: {line, column}}`.
///
/// Lines and columns count from 1, columns count Unicode scalars, ends are exclusive; `help` and `location` are null
/// where there is none; `leftOff`, where it is there, counts the diagnostics that are not. Members may be added within version 1; none is removed or changes its meaning.
package struct JSONRenderer {
  package static let schema = "rolloutc.diagnostics/1"

  private let places: Places

  package init(sources: SourceSet) { places = Places(sources) }

  /// One JSON object and a line break.
  ///
  /// - Parameter outcome: members besides, of what the diagnostics are about.
  /// - Parameter others: what else is found, each with the renderer of its sources.
  package func rendered(
    _ diagnostics: [Diagnostic], with others: [(JSONRenderer, [Diagnostic])] = [], outcome: Fields = [:]
  ) -> [UInt8] {
    let all = ([(self, diagnostics)] + others).flatMap { renderer, found in found.map { (renderer, $0) } }
    var fields: Fields = [
      "schema": .string(Self.schema), "diagnostics": .array(all.prefix(longestResult).map { $0.value($1) }),
    ]
    if all.count > longestResult { fields["leftOff"] = .int(all.count - longestResult) }
    for entry in outcome.entries { fields[entry.key] = entry.value }
    return jsonBytes(.object(fields), pretty: true) + [0x0A]
  }

  /// One of the members of `diagnostics`.
  package func value(_ diagnostic: Diagnostic) -> Value {
    [
      "code": .string(diagnostic.code.id),
      "slug": .string(diagnostic.code.slug),
      "severity": .string(diagnostic.severity.rawValue),
      "message": .string(clipped(diagnostic.message)),
      "label": .string(clipped(diagnostic.primary.text)),
      "location": location(diagnostic.primary.range),
      "labels": .array(
        diagnostic.secondary.map { ["text": .string(clipped($0.text)), "location": location($0.range)] }
      ),
      "notes": .array(diagnostic.notes.map { .string(clipped($0)) }),
      "help": diagnostic.help.map { .string(clipped($0)) } ?? .null,
      "fixes": .array(
        diagnostic.fixIts.map { fixIt in
          [
            "message": .string(fixIt.message),
            "edits": .array(
              fixIt.edits.map { ["location": location($0.range), "replacement": .string($0.replacement)] }
            ),
          ]
        }
      ),
    ]
  }

  private func location(_ range: SourceRange) -> Value {
    guard let place = places.place(range) else { return .null }
    func position(_ position: LineColumn) -> Value {
      ["line": .int(position.line), "column": .int(position.column)]
    }
    return [
      "file": .string(place.path),
      "bytes": [.int(Int(range.start)), .int(Int(range.end))],
      "start": position(place.start),
      "end": position(place.end),
    ]
  }
}
