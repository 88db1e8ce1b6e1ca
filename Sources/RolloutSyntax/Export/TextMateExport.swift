/// A TextMate grammar for editors, made from the table.
///
/// A TextMate grammar sees one line at a time and no slots, so a word counts as a keyword at the head of a statement, and
/// elsewhere where it stands alone; names after a declaring head are names whatever they are.
package enum TextMateExport {
  package static var text: String {
    JSONText.object([
      ("$schema", .string("https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json")),
      ("name", .string("Rollout plan")),
      ("scopeName", .string("source.rollout")),
      ("fileTypes", .array([.string("rollout")])),
      ("patterns", .array(order.map { .object([("include", .string("#" + $0))]) })),
      ("repository", .object(repository)),
    ]).rendered() + "\n"
  }

  private static let order = [
    "comment", "block-text", "text", "raw", "declaration", "head", "arrow", "parameter", "duration", "percent", "size",
    "keyword", "version", "number", "punctuation",
  ]

  /// Nothing of a word stands before or behind.
  private static let before = #"(?<![^\s{},="'])"#
  private static let behind = #"(?![^\s{},="']|->)"#
  /// The beginning of a line or of a block on one line.
  private static let start = #"(?:^|(?<=[{}]))\s*"#

  private static var repository: [(String, JSONText)] {
    [
      ("comment", match(before + "#.*$", "comment.line.number-sign.rollout")),
      (
        "block-text",
        .object([
          ("name", .string("string.quoted.triple.rollout")), ("begin", .string("\"\"\"")), ("end", .string("\"\"\"")),
        ])
      ),
      (
        "text",
        .object([
          ("name", .string("string.quoted.double.rollout")), ("begin", .string("\"")), ("end", .string("\"|$")),
          (
            "patterns",
            .array([
              match(#"\\(?:["\\nt$]|u\{[0-9A-Fa-f]{1,6}\})"#, "constant.character.escape.rollout"),
              match(#"\\."#, "invalid.illegal.escape.rollout"),
              match(#"\$\{[^}"]*\}"#, "variable.parameter.rollout"),
            ])
          ),
        ])
      ),
      ("raw", match("'[^']*'", "string.quoted.single.regexp.rollout")),
      (
        "declaration",
        .object([
          ("match", .string("\(start)(\(alternation(declaring)))\\s+(?:(\(word))|(?=\"))")),
          (
            "captures",
            .object([
              ("1", .object([("name", .string("keyword.declaration.rollout"))])),
              ("2", .object([("name", .string("entity.name.type.rollout"))])),
            ])
          ),
        ])
      ),
      (
        "head",
        .object([
          ("match", .string("\(start)(\(alternation(heads)))\(behind)")),
          ("captures", .object([("1", .object([("name", .string("keyword.control.rollout"))]))])),
        ])
      ),
      ("arrow", match("->", "keyword.operator.arrow.rollout")),
      ("parameter", match(before + #"\$[a-z][a-z0-9-]*"# + behind, "variable.parameter.rollout")),
      ("duration", match(before + #"(?:\d+(?:ms|s|m|h|d))+"# + behind, "constant.numeric.duration.rollout")),
      ("percent", match(before + #"\d+(?:\.\d+)?%"# + behind, "constant.numeric.percent.rollout")),
      ("size", match(before + #"\d+(?:\.\d+)?(?:[KMGTPE]i?|k)"# + behind, "constant.numeric.size.rollout")),
      ("keyword", match(before + "(?:\(alternation(others)))" + behind, "keyword.other.rollout")),
      ("version", match(before + #"\d+(?:\.[A-Za-z0-9_-]+)+"# + behind, "constant.other.version.rollout")),
      ("number", match(before + #"\d+"# + behind, "constant.numeric.rollout")),
      (
        "punctuation",
        .object([
          (
            "patterns",
            .array([
              match(#"[{}]"#, "punctuation.section.block.rollout"), match("=", "keyword.operator.assignment.rollout"),
              match(",", "punctuation.separator.rollout"),
            ])
          )
        ])
      ),
    ]
  }

  private static let word = #"(?:(?!->)[^\s{},="'])+"#

  private static func match(_ pattern: String, _ name: String) -> JSONText {
    .object([("match", .string(pattern)), ("name", .string(name))])
  }

  private static var declaring: [Keyword] {
    unique(StatementTable.shared.compiled.filter { $0.declares != nil }.compactMap(\.head))
  }

  private static var heads: [Keyword] { unique(StatementTable.shared.compiled.compactMap(\.head)) }

  /// Every keyword may stand elsewhere than at the head of its line.
  private static var others: [Keyword] {
    var found: Set<Keyword> = []
    func visit(_ shape: Shape, isHead: Bool) {
      switch shape {
      case .keyword(let keyword): if !isHead { found.insert(keyword) }
      case .sequence(let items):
        for (index, item) in items.enumerated() { visit(item, isHead: isHead && index == 0) }
      case .choice(let items): for item in items { visit(item, isHead: false) }
      case .optional(let item), .list(let item), .repeated(let item): visit(item, isHead: false)
      case .slot, .arrow, .comma, .equals, .block: break
      }
    }
    for compiled in StatementTable.shared.compiled { visit(StatementTable.shared.shape(of: compiled), isHead: true) }
    return Keyword.allCases.filter(found.contains)
  }

  private static func unique(_ keywords: [Keyword]) -> [Keyword] {
    var seen: Set<Keyword> = []
    return keywords.filter { seen.insert($0).inserted }
  }

  /// The longest first: `grpc-web` before `grpc`.
  private static func alternation(_ keywords: [Keyword]) -> String {
    keywords.map(\.text).sorted { ($1.utf8.count, $0) < ($0.utf8.count, $1) }.joined(separator: "|")
  }
}

/// Just enough JSON to write one file, in the order given.
indirect enum JSONText {
  case string(String)
  case array([JSONText])
  case object([(String, JSONText)])

  func rendered(indentation: String = "") -> String {
    let inner = indentation + "  "
    switch self {
    case .string(let text): return JSONText.quoted(text)
    case .array(let items):
      let lines = items.map { inner + $0.rendered(indentation: inner) }
      return "[\n" + lines.joined(separator: ",\n") + "\n" + indentation + "]"
    case .object(let members):
      let lines = members.map { "\(inner)\(JSONText.quoted($0.0)): \($0.1.rendered(indentation: inner))" }
      return "{\n" + lines.joined(separator: ",\n") + "\n" + indentation + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}
