import RolloutSyntax
import TestSupport
import Testing

/// What a block of this kind is written around a statement, so that it stands where its row says.
private func wrapped(_ statement: String, in context: Context) -> String {
  let inner = statement + "\n"
  return switch context {
  case .file: inner
  case .step: "step \"s\" {\n\(inner)}\n"
  case .failure: "on failure {\n\(inner)}\n"
  case .component: "component c {\n\(inner)}\n"
  case .version: "component c {\nversion 1 {\n\(inner)}\n}\n"
  case .release: "release r {\n\(inner)}\n"
  case .environment: "environment e {\n\(inner)}\n"
  case .rehearsal: "rehearsal \"r\" {\n\(inner)}\n"
  }
}

@Suite struct TableTests {
  @Test(arguments: Form.allCases) func everyFormHasARowAndDetails(_ form: Form) {
    #expect(StatementTable.rows.count { $0.form == form } == 1)
    #expect(StatementTable.shared[form].row.form == form, "the rows stand in the order of the forms")
    let details = StatementTable.details(of: form)
    #expect(!details.meaning.isEmpty)
    #expect(!details.examples.isEmpty)
  }

  @Test(arguments: Form.allCases) func everyExampleParsesWhereItsRowSays(_ form: Form) throws {
    for context in StatementTable.shared[form].row.contexts {
      for example in StatementTable.details(of: form).examples {
        let tree = parse(wrapped(example, in: context))
        #expect(tree.diagnostics.isEmpty, "\(example) in \(context):\n\(tree.problems)")
        let node = tree.statements.first { $0.context == context && $0.form == form }
        #expect(node != nil, "\(example) in \(context) is a \(form)")
      }
    }
  }

  /// Every keyword, sign and slot of a row, in every alternative and option, is used by an example, present and absent.
  /// A parameter that is named like a word of the language is refused (R0220).
  @Test(arguments: Form.allCases) func examplesNameParametersByOtherWords(_ form: Form) {
    for example in StatementTable.details(of: form).examples {
      let uses = example.matches(of: /\$\{?([a-z0-9-]+)/).map { String($0.1) }
      let declared = example.firstMatch(of: /^parameter ([a-z0-9-]+)/).map { [String($0.1)] } ?? []
      for name in uses + declared { #expect(Keyword(name) == nil, "\(example)") }
    }
  }

  @Test(arguments: Form.allCases) func examplesCoverTheWholeShape(_ form: Form) {
    let compiled = StatementTable.shared[form]
    var keywords: Set<Keyword> = []
    var slots: Set<Slot> = []
    for example in StatementTable.details(of: form).examples {
      let tree = parse(wrapped(example, in: compiled.row.contexts[0]))
      for node in tree.statements where node.form == form {
        for capture in tree.captures[node.captures] {
          if let keyword = capture.keyword { keywords.insert(keyword) }
          if let slot = capture.slot { slots.insert(slot) }
        }
      }
    }
    func visit(_ shape: Shape) {
      switch shape {
      case .keyword(let keyword): #expect(keywords.contains(keyword), "no example of \(form) has `\(keyword.text)`")
      case .slot(let slot): #expect(slots.contains(slot), "no example of \(form) has \(slot.notation)")
      case .sequence(let items), .choice(let items): items.forEach(visit)
      case .optional(let item), .list(let item), .repeated(let item): visit(item)
      case .arrow, .comma, .equals, .block: break
      }
    }
    visit(StatementTable.shared.shape(of: compiled))
  }

  @Test(arguments: Context.allCases) func headsAreUniqueInAPlace(_ context: Context) {
    let heads = StatementTable.shared.heads(in: context)
    #expect(Set(heads).count == heads.count)
    #expect(
      StatementTable.rows.count { $0.contexts.contains(context) && StatementTable.shared[$0.form].head == nil } <= 1)
    for head in heads { #expect(StatementTable.shared.row(for: head, in: context)?.head == head) }
  }

  /// A word of the notation that is no keyword would be read as a slot.
  @Test(arguments: StatementTable.rows.map(\.notation)) func everyWordOfTheNotationIsKnown(_ notation: String) {
    var word = ""
    var before: Character = " "
    func check() {
      defer { word = "" }
      guard !word.isEmpty else { return }
      if before == "{" {
        #expect(Context.allCases.contains { "\($0)" == word }, "{\(word)")
      } else if before == "@" {
        #expect(Slot.allCases.contains { $0.notation == "@" + word }, "@\(word)")
      } else if word.first?.isLowercase ?? false {
        #expect(Keyword(word) != nil, "\(word)")
      } else {
        #expect(Slot.allCases.contains { $0.notation == word }, "\(word)")
      }
    }
    for character in notation.replacing("->", with: " ") {
      if character.isLetter || character.isNumber || character == "-" {
        word.append(character)
      } else {
        check()
        before = character
      }
    }
    check()
  }

  /// No keyword stands in the list that no row uses, and each is found by its spelling.
  @Test func keywordsAreThoseOfTheRows() {
    var used: Set<Keyword> = []
    func visit(_ shape: Shape) {
      switch shape {
      case .keyword(let keyword): used.insert(keyword)
      case .sequence(let items), .choice(let items): items.forEach(visit)
      case .optional(let item), .list(let item), .repeated(let item): visit(item)
      case .slot, .arrow, .comma, .equals, .block: break
      }
    }
    for compiled in StatementTable.shared.compiled { visit(StatementTable.shared.shape(of: compiled)) }
    #expect(Set(Keyword.allCases) == used)
    for keyword in Keyword.allCases {
      #expect(Keyword(keyword.text) == keyword)
      #expect(Keyword(keyword.text + "x") == nil)
    }
  }

  /// A quoted word is never a keyword, and an unquoted keyword wins over a name.
  @Test func quotesMakeAName() {
    let tree = parse(
      "release r {\n\"release\" 1\n}\ncomponent \"on\" {\nenv \"from\" = 1\n}\nstep \"s\" {\nroute \"on\" all -> 1\n}\n"
    )
    #expect(tree.diagnostics.isEmpty, "\(tree.problems)")
    #expect(tree.statements.contains { $0.form == .member })
    #expect(tree.statements.contains { $0.form == .env && tree.captures[$0.captures].contains { $0.slot == .envName } })
  }
}
