import RolloutSyntax
import TestSupport
import Testing

/// What is made from the table is committed, and is what the table gives.
@Suite struct ExportTests {
  @Test func grammarIsCurrent() { Goldens.check(EBNFExport.text, against: "grammar/rollout.ebnf") }

  @Test func editorGrammarIsCurrent() { Goldens.check(TextMateExport.text, against: "grammar/rollout.tmLanguage.json") }

  @Test func referenceIsCurrent() { Goldens.check(ReferenceExport.text, against: "docs/language-reference.md") }
}
