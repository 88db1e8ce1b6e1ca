import Diagnostics
import Lowering
import RolloutPlan
import TestSupport
import Testing

/// The catalogue: every code has one page, and the page's examples say what it says.
@Suite struct PageTests {
  static let pages = Catalogue.pages.filter { $0.stage == .plan }

  @Test func everyCodeIsUniqueAndHasOnePage() {
    #expect(Set(Catalogue.codes.map(\.id)).count == Catalogue.codes.count)
    #expect(Set(Catalogue.codes.map(\.slug)).count == Catalogue.codes.count)
    for code in Catalogue.codes {
      #expect(Catalogue.pages.filter { $0.code == code }.count == 1, "\(code.id) \(code.slug)")
    }
    #expect(Catalogue.pages.map(\.code) == Catalogue.codes, "the pages stand in the order of the codes")
  }

  @Test func codesAreWellFormed() {
    for code in Catalogue.codes {
      #expect(
        code.id.utf8.count == 5 && code.id.first == "R" && code.id.dropFirst().allSatisfy(\.isNumber), "\(code.id)")
      #expect(
        code.slug.utf8.allSatisfy { $0 == 0x2D || (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) },
        "\(code.slug)")
      #expect(Catalogue.code(named: code.slug) == code && Catalogue.code(named: code.id.lowercased()) == code)
    }
  }

  @Test func pagesSpeakInSentences() {
    for page in Catalogue.pages {
      for text in [page.title, page.why, page.fix] {
        #expect(text.last == "." || text.last == ")" || text.last == "`", "\(page.code.id): \(text)")
        #expect(text.first.map { $0.isUppercase || $0 == "`" } ?? false, "\(page.code.id): \(text)")
        for word in ["invalid", "please", "failed to"] {
          #expect(!text.lowercased().contains(word), "\(page.code.id): \(text)")
        }
      }
      #expect(!page.title.contains("\n"))
    }
  }

  @Test(arguments: pages) func theBadPlanEarnsTheCode(_ page: CodePage) {
    let resolution = page.bad.resolved()
    #expect(resolution.diagnostics.contains { $0.code == page.code }, "\(resolution.problems)")
    let others = resolution.diagnostics.filter { $0.severity == .error && $0.code != page.code }
    #expect(others.isEmpty, "other errors:\n\(resolution.problems)")
    #expect(resolution.badRanges.isEmpty)
  }

  @Test(arguments: Catalogue.pages.filter { $0.stage == .running })
  func aPlanThatMayMeetItChecks(_ page: CodePage) {
    let resolution = page.bad.resolved()
    #expect(!resolution.diagnostics.hasErrors, "\(resolution.problems)")
  }

  @Test(arguments: Catalogue.pages.filter { !$0.good.isYAML }) func theGoodPlanDoesNot(_ page: CodePage) {
    let resolution = page.good.resolved()
    #expect(
      !resolution.diagnostics.contains { $0.code == page.code || $0.severity == .error }, "\(resolution.problems)")
    // What only the rendering finds counts, too.
    if let plan = resolution.checked {
      let problems = compile(plan).problems
      #expect(problems.isEmpty, "\(problems)")
    }
  }

  @Test(arguments: Catalogue.pages.filter { !$0.good.isYAML }) func editsRemoveWhatTheyMend(_ page: CodePage) {
    for example in [page.bad, page.good] {
      let problems = example.resolved().uselessFixIts { example.resolved($0) }
      #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
    }
  }

  /// The messages themselves: a clause, without a full stop, with names in backquotes.
  @Test(arguments: pages) func messagesAreClauses(_ page: CodePage) {
    for diagnostic in page.bad.resolved().diagnostics {
      for text in [diagnostic.message, diagnostic.primary.text] + diagnostic.secondary.map(\.text) {
        #expect(text.last != "." && !(text.first?.isUppercase ?? true), "\(diagnostic.code.id): \(text)")
      }
      for text in diagnostic.notes + [diagnostic.help].compactMap({ $0 }) {
        #expect(text.last != "." && !text.isEmpty, "\(diagnostic.code.id): \(text)")
      }
      #expect(!diagnostic.primary.text.isEmpty && diagnostic.severity == diagnostic.code.severity)
    }
  }

  @Test func theDocumentIsMadeOfThePages() {
    var text = """
      # Diagnostics

      Every code that rolloutc reports, as `rolloutc explain CODE` prints it. This file is made from the pages in
      `Sources/Diagnostics/Catalogue`; their examples are test inputs. A code is never reused. Warnings are lints: they can be
      silenced in place with a reason, and `--strict` makes them count.

      | code | name | |
      | --- | --- | --- |

      """
    for page in Catalogue.pages {
      text +=
        "| [\(page.code.id)](#\(page.code.id.lowercased())-\(page.code.slug)) | `\(page.code.slug)` | \(page.title) |\n"
    }
    for page in Catalogue.pages {
      var lines = page.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      // The page's own headings are one level lower here, except in its plans, where `#` begins a comment.
      var isPlan = false
      for i in lines.indices {
        if lines[i].hasPrefix("```") { isPlan.toggle() }
        if lines[i].hasPrefix("#"), !isPlan { lines[i] = "#" + lines[i] }
      }
      // Anchors without the severity in them.
      lines[0] = "## \(page.code.id) \(page.code.slug)"
      lines.insert(contentsOf: ["", page.code.severity == .warning ? "A warning." : "An error."], at: 1)
      text += "\n" + lines.joined(separator: "\n")
    }
    Goldens.check(text, against: "docs/diagnostics.md")
  }
}
