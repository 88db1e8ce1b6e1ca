/// How much a diagnostic weighs. A warning is a lint: `--strict` makes it count.
package enum Severity: String, Hashable, Sendable, Comparable {
  case error, warning, note

  private var rank: Int {
    switch self {
    case .error: 0
    case .warning: 1
    case .note: 2
    }
  }

  package static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
}

/// A range and what to say under it.
package struct Label: Hashable, Sendable {
  package var range: SourceRange
  package var text: String

  package init(_ range: SourceRange, _ text: String) {
    self.range = range
    self.text = text
  }
}

/// Replaces the bytes of `range` by `replacement`.
package struct Edit: Hashable, Sendable {
  package var range: SourceRange
  package var replacement: String

  package init(_ range: SourceRange, _ replacement: String) {
    self.range = range
    self.replacement = replacement
  }
}

/// A change that is certain: applying all its edits removes the diagnostic that carries it.
package struct FixIt: Hashable, Sendable {
  package var message: String
  package var edits: [Edit]

  package init(_ message: String, _ edits: [Edit]) {
    self.message = message
    self.edits = edits
  }
}

/// One thing a person should know about a plan, complete enough for every rendering.
///
/// Voice: a lower-case clause, names in backquotes, no full stop. The message says what is wrong, the label shows
/// where, a note says why it matters, the help says what to write.
package struct Diagnostic: Hashable, Sendable {
  package var code: Code
  package var severity: Severity
  package var message: String
  package var primary: Label
  package var secondary: [Label]
  package var notes: [String]
  package var help: String?
  package var fixIts: [FixIt]
  /// What no rendering shows of the source: a secret that should not stand there. The place is named all the same.
  package var hidden: SourceRange?

  package init(
    _ code: Code,
    _ message: String,
    at primary: Label,
    secondary: [Label] = [],
    notes: [String] = [],
    help: String? = nil,
    fixIts: [FixIt] = []
  ) {
    self.code = code
    self.severity = code.severity
    self.message = message
    self.primary = primary
    self.secondary = secondary
    self.notes = notes
    self.help = help
    self.fixIts = fixIts
  }
}

extension Sequence where Element == Diagnostic {
  /// The order in which diagnostics are shown: by file and place, errors before warnings at one place.
  package var inReadingOrder: [Diagnostic] {
    let all = Array(self)
    // Mostly there are none, and what sorting takes at its first use is a tenth of a millisecond.
    if all.count < 2 { return all }
    return all.enumerated().sorted { a, b in
      let (x, y) = (a.element, b.element)
      if x.primary.range != y.primary.range { return x.primary.range < y.primary.range }
      if x.severity != y.severity { return x.severity < y.severity }
      if x.code != y.code { return x.code.id < y.code.id }
      return a.offset < b.offset
    }.map(\.element)
  }

  package var hasErrors: Bool { contains { $0.severity == .error } }
}
