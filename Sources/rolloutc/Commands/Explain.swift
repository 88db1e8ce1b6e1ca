import ArgumentParser
import Diagnostics
import RolloutSyntax

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Explain a diagnostic's code: what it means, a bad plan, a good plan, the fix.",
    discussion: """
      A word that begins a statement is explained as the reference does.

      EXAMPLES:
        rolloutc explain R0202
        rolloutc explain undeclared-cookie
        rolloutc explain deploy
      """)

  @Argument(
    help: "A code such as R0202, or its name such as undeclared-cookie; all codes unless given.",
    completion: .list(Catalogue.codes.map(\.id) + Catalogue.codes.map(\.slug)))
  var code: String?

  func run() throws {
    guard let code else {
      IO.standardOutput(Catalogue.pages.map { "\($0.code.id)  \($0.code.slug): \($0.title)\n" }.joined())
      return
    }
    guard let found = Catalogue.code(named: code) ?? Catalogue.code(named: code.lowercased()),
      let page = Catalogue.page(for: found)
    else {
      if let reference = ReferenceExport.statements(code.lowercased()) { return IO.standardOutput(reference) }
      if let words = OtherNames.status(code) { throw Failure(words, code: Exit.usage) }
      let similar =
        nearest(to: code.uppercased(), in: Catalogue.codes.map(\.id))
        ?? nearest(to: code.lowercased(), in: Catalogue.codes.map(\.slug))
      throw Failure(
        "there is no code `\(code)`"
          + (similar.map { "; a similar one is `\($0)`" } ?? "; `rolloutc explain` lists all"),
        code: Exit.usage)
    }
    IO.standardOutput(page.text)
  }
}
