internal import Pictures

/// A piece of HTML or XML that is written as it grows. Elements are closed where they were opened, and every text and
/// attribute is escaped: there is no way to put a plan's text in as it is.
struct Markup {
  private(set) var text = ""

  typealias Attributes = KeyValuePairs<String, String>

  mutating func element(_ name: String, _ attributes: Attributes = [:], _ content: (inout Markup) -> Void) {
    open(name, attributes, ending: ">")
    content(&self)
    text += "</\(name)>\n"
  }

  mutating func element(_ name: String, _ words: String) { element(name, [:], words) }

  mutating func element(_ name: String, _ attributes: Attributes, _ words: String) {
    open(name, attributes, ending: ">")
    write(words)
    text += "</\(name)>\n"
  }

  /// An element that cannot hold anything: `<meta>`, and what HTML and SVG close by `/>`.
  mutating func empty(_ name: String, _ attributes: Attributes) { open(name, attributes, ending: "/>\n") }

  mutating func write(_ words: String) { text += Text.xml(words) }

  /// A sentence, in which backquotes stand around names.
  mutating func prose(_ sentence: String) {
    let parts = sentence.split(separator: "`", omittingEmptySubsequences: false)
    if parts.count.isMultiple(of: 2) { return write(sentence) }
    for (n, part) in parts.enumerated() where !part.isEmpty {
      if n.isMultiple(of: 2) { write(String(part)) } else { text += "<code>\(Text.xml(String(part)))</code>" }
    }
  }

  /// Something that was made here, not taken from a plan.
  mutating func raw(_ markup: StaticString) { text += "\(markup)" }

  /// The pictures' own markup, in which texts are escaped, too.
  mutating func picture(_ picture: GraphPicture) { text += picture.svg }

  mutating func style(_ rules: String) { text += "<style>\n\(rules)</style>\n" }

  private mutating func open(_ name: String, _ attributes: Attributes, ending: String) {
    text += "<\(name)"
    for (key, value) in attributes { text += " \(key)=\"\(Text.xml(value))\"" }
    text += ending
  }
}
