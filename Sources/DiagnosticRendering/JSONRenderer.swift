package import Diagnostics
package import KubernetesModel

/// Diagnostics as JSON for other programs, `rolloutc.diagnostics/1`:
///
/// `{"schema": …, "diagnostics": [{code, slug, severity, message, label, location, labels: [{text, location}], notes,
/// help, fixes: [{message, edits: [{location, replacement}]}]}]}`, where a location is
/// `{file, bytes: [start, end], start: {line, column}, end: {line, column}}`.
///
/// Lines and columns count from 1, columns count Unicode scalars, ends are exclusive; `help` and `location` are null
/// where there is none. Members may be added within version 1; none is removed or changes its meaning.
package struct JSONRenderer {
  package static let schema = "rolloutc.diagnostics/1"

  private let places: Places

  package init(sources: SourceSet) { places = Places(sources) }

  /// One JSON object and a line break.
  package func rendered(_ diagnostics: [Diagnostic]) -> [UInt8] {
    let value: Value = ["schema": .string(Self.schema), "diagnostics": .array(diagnostics.map(value))]
    return jsonBytes(value, pretty: true) + [0x0A]
  }

  /// One of the members of `diagnostics`.
  package func value(_ diagnostic: Diagnostic) -> Value {
    [
      "code": .string(diagnostic.code.id),
      "slug": .string(diagnostic.code.slug),
      "severity": .string(diagnostic.severity.rawValue),
      "message": .string(diagnostic.message),
      "label": .string(diagnostic.primary.text),
      "location": location(diagnostic.primary.range),
      "labels": .array(
        diagnostic.secondary.map { ["text": .string($0.text), "location": location($0.range)] }
      ),
      "notes": .array(diagnostic.notes.map(Value.string)),
      "help": diagnostic.help.map(Value.string) ?? .null,
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
