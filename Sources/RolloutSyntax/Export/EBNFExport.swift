/// The normative grammar, made from the table, in the notation of the XML specification (§6).
package enum EBNFExport {
  package static var text: String {
    var out = """
      /* The grammar of .rollout plans, edition 1.

         Made from the statement table: change the table, not this file. The notation is that of the XML specification:
         'x' a literal, [..] a set of characters, ( ) a group, | a choice, ? optional, * any number, + one or more,
         A - B what A is and B is not.

         Blanks and comments may stand between any two tokens and are left out below. A choice takes the first
         alternative that fits. A literal word is a WORD without quotes; words are keywords by their place only, so that a
         component may be called `route`. Where a literal and a name both fit, the literal wins. */


      """
    out += "/* Files and blocks */\n\n"
    out += production("file", "BOM? ( \(Context.file.statement)? EOL )* \(Context.file.statement)?")
    for context in Context.allCases where context != .file {
      out += production(
        context.block, "'{' ( \(context.statement)? EOL )* \(context.statement)? '}'")
    }
    for context in Context.allCases {
      let forms = StatementTable.rows.filter { $0.contexts.contains(context) }.map { name(of: $0.form) }
      out += production(context.statement, forms.joined(separator: " | "))
    }
    out += "\n/* Statements */\n"
    for compiled in StatementTable.shared.compiled {
      let shape = StatementTable.shared.shape(of: compiled)
      out += "\n" + production(name(of: compiled.row.form), expression(shape, isInner: false))
    }
    out += "\n/* Slots. `name` is a word that is not reserved, or any text. */\n\n"
    out += production("name", "TEXT | WORD - reserved")
    out += production("reserved", Keyword.allCases.filter(\.isReserved).map { "'\($0.text)'" }.joined(separator: " | "))
    for slot in Slot.allCases { out += production(slot.nonterminal, slot.production) }
    out += "\n/* Tokens */\n\n"
    for rule in LexicalRules.tokens {
      out += production(rule.name, rule.production)
      out += "  /* \(rule.comment) */\n"
    }
    return out
  }

  static func name(of form: Form) -> String {
    switch form {
    case .onFailure: "on-failure"
    default: "\(form)"
    }
  }

  /// Wraps before a part, so that no line is wider than 120 and none ends in `|` or `(`.
  private static func production(_ name: String, _ right: String) -> String {
    var lines = ["\(name) ::="]
    var parts: [String] = []
    var pending = ""
    for part in right.split(separator: " ") {
      pending += (pending.isEmpty ? "" : " ") + part
      if part == "|" || part == "(" { continue }
      parts.append(pending)
      pending = ""
    }
    for part in parts {
      let last = lines[lines.count - 1]
      if last.utf8.count + part.utf8.count + 1 > 118 {
        lines.append("    " + part)
      } else {
        lines[lines.count - 1] += " " + part
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func expression(_ shape: Shape, isInner: Bool) -> String {
    switch shape {
    case .keyword(let keyword): return "'\(keyword.text)'"
    case .slot(let slot): return slot.nonterminal
    case .arrow: return "'->'"
    case .comma: return "','"
    case .equals: return "'='"
    case .block(let context): return context.block
    case .sequence(let items):
      let inner = items.map { expression($0, isInner: true) }.joined(separator: " ")
      return inner
    case .choice(let items):
      let inner = items.map { expression($0, isInner: true) }.joined(separator: " | ")
      return isInner ? "( \(inner) )" : inner
    case .optional(let item): return group(item) + "?"
    case .list(let item): return "\(expression(item, isInner: true)) ( ',' \(expression(item, isInner: true)) )*"
    case .repeated(let item): return group(item) + "*"
    }
  }

  private static func group(_ shape: Shape) -> String {
    switch shape {
    case .sequence, .list, .choice: "( \(expression(shape, isInner: false)) )"
    default: expression(shape, isInner: true)
    }
  }
}

extension Context {
  var block: String { self == .file ? "file" : "\(self)-block" }
  var statement: String { "\(self)-statement" }
}

extension Slot {
  /// `@component` is `component-ref`, `NAME` is `name-slot`.
  var nonterminal: String {
    let text = notation
    if text.first == "@" { return text.dropFirst() + "-ref" }
    return text.lowercased() + "-slot"
  }
}
