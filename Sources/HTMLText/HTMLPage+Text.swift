extension HTMLPage {
  /// What a person reads in an element, much like a browser's `innerText`: blanks count as one, blocks and `<br>` begin a
  /// new line, cells of a table stand side by side, scripts, styles and hidden parts are left out. There are no blank
  /// lines, and a blank that may not break is a blank.
  func text(of root: Int) -> String {
    var text = TextBuilder()
    var open: [(node: Int, isBlock: Bool, isPreformatted: Bool)] = []
    var isPreformatted = false
    func close(before node: Int) {
      while let last = open.last, nodes[last.node].end <= node {
        if last.isBlock { text.breakLine() }
        isPreformatted = last.isPreformatted
        open.removeLast()
      }
    }
    var node = root
    while node < nodes[root].end {
      close(before: node)
      switch nodes[node].content {
      case .text(let content):
        if isPreformatted { text.addPreformatted(content) } else { text.add(content) }
      case .element(let name, let attributes):
        if node != root, Self.unseen.contains(name) || attributes.contains(where: { $0.name == "hidden" }) {
          node = nodes[node].end
          continue
        }
        let isBlock = Self.blocks.contains(name)
        open.append((node, isBlock, isPreformatted))
        if isBlock { text.breakLine() }
        switch name {
        case "br": text.breakLine()
        case "td", "th": text.addBlank()
        case "pre", "textarea": isPreformatted = true
        default: break
        }
      }
      node += 1
    }
    return text.finished
  }

  /// Not part of what a person reads (HTML: rendering, hidden elements).
  private static let unseen: Set<String> = [
    "area", "base", "datalist", "head", "link", "meta", "noembed", "noframes", "noscript", "param", "rp", "script",
    "style", "template", "title",
  ]

  /// HTML: rendering, `display: block` and what stands in a line of its own like it.
  private static let blocks: Set<String> = [
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hgroup", "hr", "html", "legend", "li", "listing", "main", "menu", "nav", "ol", "optgroup", "option", "p",
    "plaintext", "pre", "search", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul", "xmp",
  ]
}

/// Text with single blanks and line breaks, and neither at its ends.
private struct TextBuilder {
  private var scalars = String.UnicodeScalarView()
  private var pending: Unicode.Scalar?

  var finished: String { String(scalars) }

  mutating func breakLine() { pending = "\n" }
  mutating func addBlank() { pending = pending ?? " " }

  mutating func add(_ text: String) {
    for scalar in text.unicodeScalars {
      if isHTMLBlank(scalar) || scalar == "\u{A0}" { addBlank() } else { append(scalar) }
    }
  }

  mutating func addPreformatted(_ text: String) {
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": breakLine()
      case " ", "\t", "\u{A0}": addBlank()
      case "\r": break
      default: append(scalar)
      }
    }
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    // A soft hyphen and a zero-width space are places to break at, and nothing to read.
    if scalar == "\u{AD}" || scalar == "\u{200B}" { return }
    if let pending, !scalars.isEmpty { scalars.append(pending) }
    pending = nil
    scalars.append(scalar)
  }
}
