/// The reference page, made from the table and its details.
package enum ReferenceExport {
  package static var text: String {
    var out = """
      # The `.rollout` language, edition 1: reference

      <!-- Made from the statement table. Change the table or its details, then run the tests with UPDATE_GOLDENS=1. -->

      A plan is a list of statements, one per line, in blocks with braces. This page lists every statement, by the place
      where it may stand. The grammar in full is in [`grammar/rollout.ebnf`](../grammar/rollout.ebnf).

      In the notation, small words stand for themselves, `CAPITALS` for a value, `@x` for the name of a declared x, `( | )`
      for a choice, `[ ]` for what may be left out, `*` for a comma list, `...` for what may stand several times, and
      `{ … }` for a block. The slots are explained [at the end](#slots).


      """
    var seen: Set<Form> = []
    for section in sections {
      let rows = StatementTable.rows.filter { section.forms.contains($0.form) }
      out += "## \(section.title)\n\n\(section.text)\n\n"
      for row in rows where seen.insert(row.form).inserted { out += statement(row) }
    }
    out += lexicalRules
    out += slots
    out += contexts
    return out
  }

  /// The statements that begin with the word, or have it as their heading, as the page has them; nil where none does.
  package static func statements(_ word: String) -> String? {
    let keyword = Keyword(word)
    let rows = StatementTable.rows.filter { row in
      let head = StatementTable.shared[row.form].head
      return head != nil && head == keyword || title(of: row).replacing("`", with: "").lowercased() == word
    }
    return rows.isEmpty ? nil : String(rows.map(statement).joined().dropLast())
  }

  private struct Section {
    var title: String
    var text: String
    var forms: [Form]
  }

  private static var sections: [Section] {
    func forms(_ range: ClosedRange<UInt8>) -> [Form] { Form.allCases.filter { range.contains($0.rawValue) } }
    return [
      Section(
        title: "The plan",
        text:
          "At the top level of the file. `plan` is required, once; the others have a meaning when they are left out.",
        forms: [.plan, .language, .include, .namespace, .mesh, .routing, .expose, .patch, .manifest]),
      Section(
        title: "Declarations",
        text: "At the top level, in any order. Names are looked up in the whole plan, whatever stands first.",
        forms: [
          .parameter, .environment, .secret, .component, .release, .cookie, .header, .probe, .pattern, .metric, .step,
          .onFailure, .rehearsal,
        ]),
      Section(
        title: "Steps",
        text: """
          In a `step`, in an `on failure` block, and at the top level, where each changing line is a step of its own.

          After every statement that changes something, the plan has a state: which versions are deployed, and who is sent
          where. Changing statements with no observing one (`verify`, `wait`, `pause`, `approve`, a level of `shift`) between
          them form one segment, and a segment is one transition: nothing in the cluster depends on the order of its lines.
          Traffic moves only when a line says so.
          """,
        forms: forms(Form.deploy.rawValue...Form.mtls.rawValue)),
      Section(
        title: "Components and versions",
        text: "In a `component`, for all its versions; in a `version` block, for these only.",
        forms: forms(Form.image.rawValue...Form.version.rawValue)),
      Section(title: "Releases", text: "In a `release`.", forms: [.member]),
      Section(title: "Environments", text: "In an `environment`.", forms: [.context, .require, .override]),
      Section(title: "Rehearsals", text: "In a `rehearsal`.", forms: [.stub, .expect]),
    ]
  }

  private static func statement(_ row: Row) -> String {
    let details = StatementTable.details(of: row.form)
    var out = "### \(title(of: row))\n\n"
    out += "```\n\(wrapped(row.notation.replacingBlocks()))\n```\n\n"
    out += "\(row.summary)\n\n"
    out += "May stand \(alternatives(row.contexts.map(\.place))).\n\n"
    for paragraph in details.meaning.paragraphs { out += wrapped(paragraph) + "\n\n" }
    out += "```rollout\n"
    for example in details.examples { out += example + "\n" }
    out += "```\n\n"
    return out
  }

  private static func title(of row: Row) -> String {
    switch row.form {
    case .onFailure: "`on failure`"
    case .member: "A member"
    case .override: "The value of a parameter"
    default: StatementTable.shared[row.form].head.map { "`\($0.text)`" } ?? ""
    }
  }

  private static var lexicalRules: String {
    """
    ## Lexical rules

    A plan is UTF-8 with LF or CRLF. A byte order mark is skipped. A lone carriage return, NUL, a control character, a blank
    that is neither space nor tab, and bytes that are no UTF-8 are errors, each with an edit where one is certain.

    - A **word** is the longest run without blanks and `{ } , = " '`, never across `->`. What it means is decided by the
      slot it stands in, never by its spelling: `1.10` is not `1.1`, `no` is a word, `2` in a version's slot is the version
      `2`.
    - A **text** `"…"` knows `\\"`, `\\\\`, `\\n`, `\\t`, `\\$` and `\\u{…}`, and takes parameters as `${name}`. A text may
      stand wherever a word may, and is then never a keyword: that is how a component called `release` is written.
    - In `'…'` nothing is special: regular expressions need no escapes.
    - `\"\"\"…\"\"\"` is a text of several lines: the first line break is dropped, and the indentation that all lines
      share; no escapes.
    - `$name` as a whole word is the value of a parameter.
    - `#` where a token could begin starts a comment, up to the end of the line.
    - A statement ends at the end of its line or before `}`. A line goes on in the next one after a comma only.

    Keywords are words by their place: a component may be called `route`. A few small words are never names without
    quotes, so that a forgotten name is seen where it is missing: \(reserved).

    A lint is silenced at the end of its line, or alone before a statement or block, or before `plan` for the whole file:
    `# rolloutc: allow mutable-image-tag -- pinned by digest in production`.


    """
  }

  private static var reserved: String {
    Keyword.allCases.filter(\.isReserved).map { "`\($0.text)`" }.joined(separator: " ")
  }

  private static var slots: String {
    var out = "## Slots\n\n| slot | what stands there |\n| --- | --- |\n"
    for slot in Slot.allCases { out += "| `\(slot.notation)` | \(slot.rule) |\n" }
    return out + "\n"
  }

  private static var contexts: String {
    var out = "## Places\n\n| place | statements |\n| --- | --- |\n"
    for context in Context.allCases {
      var words = StatementTable.shared.heads(in: context).map { "`\($0.text)`" }
      if let row = StatementTable.shared.slotRow(in: context) { words.append("`\(row.row.notation)`") }
      out += "| \(context.place) | \(words.joined(separator: ", ")) |\n"
    }
    return out
  }

  /// Breaks lines of more than 120 at a blank.
  private static func wrapped(_ text: String) -> String {
    var lines = [""]
    for word in text.split(separator: " ") {
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if last.utf8.count + word.utf8.count + 1 > 118 {
        lines.append(String(word))
      } else {
        lines[lines.count - 1] += " " + word
      }
    }
    return lines.joined(separator: "\n")
  }
}

extension String {
  /// The parts between empty lines.
  fileprivate var paragraphs: [String] {
    var result: [String] = []
    var current = ""
    for line in split(separator: "\n", omittingEmptySubsequences: false) {
      if line.isEmpty {
        if !current.isEmpty { result.append(current) }
        current = ""
      } else {
        current += (current.isEmpty ? "" : " ") + line
      }
    }
    if !current.isEmpty { result.append(current) }
    return result
  }
}
