internal import CSSSelectors

extension HTMLPage {
  /// The first element that `selector` finds, in the order of the page.
  func first(_ selector: ElementSelector) -> Int? {
    nodes.indices.first { node in selector.paths.contains { matches(node, $0) } }
  }

  private func matches(_ node: Int, _ path: ElementSelector.Path) -> Bool {
    let compounds = [path.first] + path.rest.map(\.1)
    return matches(node, compounds[...], path.rest.map(\.0)[...])
  }

  /// From the inside out. A descendant may have to try several ancestors: what stands before it may fit only one of them.
  private func matches(
    _ node: Int, _ compounds: ArraySlice<ElementSelector.Compound>,
    _ combinators: ArraySlice<ElementSelector.Combinator>
  ) -> Bool {
    guard let compound = compounds.last else { return true }
    guard isElement(node, compound) else { return false }
    guard let combinator = combinators.last else { return true }
    var ancestor = nodes[node].parent
    while ancestor >= 0 {
      if matches(ancestor, compounds.dropLast(), combinators.dropLast()) { return true }
      switch combinator {
      case .child: return false
      case .descendant: ancestor = nodes[ancestor].parent
      }
    }
    return false
  }

  private func isElement(_ node: Int, _ compound: ElementSelector.Compound) -> Bool {
    guard case .element(let name, let attributes) = nodes[node].content else { return false }
    func value(_ key: String) -> String? { attributes.first { $0.name == key }?.value }
    if let element = compound.element, element != name { return false }
    if compound.ids.contains(where: { $0 != value("id") }) { return false }
    if !compound.classes.isEmpty {
      let words = words(value("class") ?? "")
      if compound.classes.contains(where: { !words.contains($0) }) { return false }
    }
    return compound.attributes.allSatisfy { attribute in
      guard let text = value(attribute.name) else { return false }
      let wanted = attribute.value
      switch attribute.comparison {
      case .exists: return true
      case .equals: return text == wanted
      case .hasWord: return words(text).contains(wanted)
      // An empty text is in everything, and CSS has it find nothing.
      case .begins: return !wanted.isEmpty && text.hasPrefix(wanted)
      case .ends: return !wanted.isEmpty && text.hasSuffix(wanted)
      case .contains: return !wanted.isEmpty && text.firstRange(of: wanted) != nil
      case .isOrHasDash: return text == wanted || text.hasPrefix(wanted + "-")
      }
    }
  }

  private func words(_ text: String) -> [String] {
    text.unicodeScalars.split { isHTMLBlank($0) }.map { String($0) }
  }
}

/// HTML: ASCII whitespace.
func isHTMLBlank(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar {
  case " ", "\t", "\n", "\r", "\u{C}": true
  default: false
  }
}
