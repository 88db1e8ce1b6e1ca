/// A CSS selector, as far as a plan may use it to name one element of a page: element, `#id`, `.class`, `[attribute]`
/// with CSS's operators, blanks and `>` between them, and commas.
///
///     main > .results [data-kind="total"], #results
///
/// Pseudo-classes, `+` and `~` are refused by name: what a page looks like to them depends on more than its text.
/// (W3C: Selectors Level 3.)
package struct ElementSelector: Hashable, Sendable {
  /// What one element must be.
  package struct Compound: Hashable, Sendable {
    /// In lower case, as HTML's names compare; nil for any.
    package var element: String?
    package var ids: [String] = []
    package var classes: [String] = []
    package var attributes: [Attribute] = []

    package init() {}

    var isEmpty: Bool { element == nil && ids.isEmpty && classes.isEmpty && attributes.isEmpty }
  }

  package struct Attribute: Hashable, Sendable {
    package enum Operator: String, Hashable, Sendable, CaseIterable {
      case exists = ""
      case equals = "="
      case hasWord = "~="
      case begins = "^="
      case ends = "$="
      case contains = "*="
      case isOrHasDash = "|="
    }

    /// In lower case.
    package var name: String
    package var comparison: Operator
    package var value: String
  }

  /// How an element must stand below the one before it.
  package enum Combinator: Hashable, Sendable { case descendant, child }

  /// Compounds from the outermost to the element itself; the combinator is the one before the compound.
  package struct Path: Hashable, Sendable {
    package var first: Compound
    package var rest: [(Combinator, Compound)] { zip(combinators, compounds).map { ($0, $1) } }
    var combinators: [Combinator] = []
    var compounds: [Compound] = []
  }

  /// The alternatives between commas.
  package let paths: [Path]
  package let text: String

  package init(_ text: String) throws(SelectorError) {
    var reader = SelectorReader(text)
    paths = try reader.paths()
    self.text = text
  }
}

/// Why a text is no selector that can be used here.
package struct SelectorError: Error, Hashable, Sendable {
  /// A clause: "`:hover` cannot be used here".
  package var message: String
  /// Where it begins, in bytes.
  package var offset: Int
}
