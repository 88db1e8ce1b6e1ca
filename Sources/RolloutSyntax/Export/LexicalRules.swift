/// The lexical rules, as data for the exports. The lexer is written by hand; a test runs each example through it.
enum LexicalRules {
  struct Rule: Sendable {
    var name: String
    /// In the notation of the XML specification's EBNF.
    var production: String
    var comment: String
  }

  static let tokens: [Rule] = [
    Rule(
      name: "WORD", production: #"( [^#x00-#x20{},="'#x7F] - '->' )+"#,
      comment: "the longest run; it may hold `-`, never `->`; `#` may stand inside it, not first"),
    Rule(
      name: "TEXT", production: ##"'"' ( [^"\#x0A#x0D] | ESCAPE | SUBSTITUTION )* '"'"##,
      comment: "on one line; wherever a word may stand a text may too, and is then never a keyword"),
    Rule(
      name: "ESCAPE", production: ##"'\' ( '"' | '\' | 'n' | 't' | '$' | 'u{' [0-9A-Fa-f]+ '}' )"##,
      comment: "at most six digits, a Unicode scalar and not NUL"),
    Rule(name: "SUBSTITUTION", production: "'${' NAME '}'", comment: "the value of a parameter"),
    Rule(name: "RAW", production: ##""'" [^'#x0A#x0D]* "'""##, comment: "nothing is special; on one line"),
    Rule(
      name: "BLOCKTEXT", production: ##"'"""' ( CHAR* - ( CHAR* '"""' CHAR* ) ) '"""'"##,
      comment: "no escapes; the first line break is dropped, and the indentation that all lines share"),
    Rule(
      name: "PARAMETER", production: "'$' NAME",
      comment: "a whole word; stands in any value slot, never for a declared name or a keyword"),
    Rule(
      name: "EOL", production: "#x0A | #x0D #x0A",
      comment: "ends a statement; behind a comma it is a blank, and the statement goes on"),
    Rule(name: "BLANK", production: "( #x20 | #x09 )+", comment: "between tokens, anywhere"),
    Rule(
      name: "COMMENT", production: "'#' [^#x0A#x0D]*", comment: "where a token could begin, up to the end of the line"),
    Rule(name: "BOM", production: "#xFEFF", comment: "skipped at the start of the file"),
    Rule(
      name: "CHAR", production: "#x09 | #x0A | #x0D #x0A | [#x20-#x7E] | [#x80-#x10FFFF]",
      comment: "no control characters, no lone CR; outside of texts no blanks but space and tab, nothing invisible"),
  ]
}

extension Slot {
  /// What the slot is in the grammar, in the notation of the XML specification's EBNF. Values that a token may have and
  /// still be wrong (`110%`, an unknown name) are no matter of the grammar.
  var production: String {
    switch self {
    case .component, .release, .version, .cookie, .header, .probe, .pattern, .metric, .secret, .visitor, .target,
      .subject:
      "name"
    case .name, .newVersion, .key, .envName, .kind, .host: "name"
    case .int, .percent, .duration, .number, .status: "PARAMETER | TEXT | WORD /* beginning with a digit, `-` or `.` */"
    case .size, .cpu: "PARAMETER | TEXT | WORD /* beginning with a digit, `-` or `.` */"
    case .path, .image, .file, .word: "PARAMETER | TEXT | WORD"
    case .value: "PARAMETER | TEXT | WORD | RAW | BLOCKTEXT"
    case .text: "PARAMETER | TEXT | RAW | BLOCKTEXT"
    case .regex: "RAW"
    case .method: "TEXT | WORD /* GET HEAD POST PUT PATCH DELETE OPTIONS */"
    case .selector: "PARAMETER | TEXT"
    }
  }

  /// The rule for a good value, for the reference.
  var rule: String {
    switch self {
    case .component, .release, .version, .cookie, .header, .probe, .pattern, .metric, .secret:
      "The name of something that is declared. A reserved word needs quotes."
    case .visitor: "The name of a cookie or a header, whichever the word before it says."
    case .target: "The name of a release, else a version; before a version, the name of a component."
    case .subject: "The name of a probe or a metric."
    case .name: "A name: a DNS label, `a` to `z`, digits and `-`, at most 63 characters. A reserved word needs quotes."
    case .newVersion:
      "A version: 1 to 63 letters, digits, `.`, `_` and `-`; the first and the last are letters or digits. `1.10` is not `1.1`."
    case .int: "A whole number."
    case .percent: "A whole number from 0 to 100 and `%`: `10%`."
    case .duration:
      """
      Whole numbers with `ms`, `s`, `m`, `h` or `d`: `30s`, `1h30m`. What is waited or measured for may be `0s`, so that \
      an environment can leave it out; what bounds something, and a level of `shift`, is longer than nothing.
      """
    case .size: "An amount of bytes as Kubernetes writes it: `1Gi`, `500Mi`."
    case .cpu: "An amount of CPU as Kubernetes writes it: `250m`, `2`."
    case .path: "A path that begins with `/`."
    case .image: "A reference to a container image, with or without a tag or a digest."
    case .host: "A host name, with or without a `*.` in front, or `\"*\"`."
    case .file: "A path relative to the file it stands in, with `/`."
    case .envName: "The name of an environment variable."
    case .kind: "The kind of a Kubernetes or Istio object: `Gateway`."
    case .key: "A key of a Secret, or the name of a cookie or header as it is sent."
    case .value: "A word, a text in double or single quotes, or `$name`."
    case .text:
      "A text in double quotes, with escapes and `${name}`; a text in single quotes; a text block; or `$name`."
    case .regex: "A regular expression (RE2) in single quotes."
    case .number: "A number with the unit that fits: `99%`, `300ms`, `0.5`."
    case .word: "Any word, or a text in double quotes."
    case .method: "One of `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`."
    case .status: "An HTTP status from 100 to 599."
    case .selector: "A CSS selector in double quotes."
    }
  }
}
