import CSSSelectors
import Testing

@Suite struct SelectorTests {
  @Test(arguments: [
    "#results", "div", "*", ".a.b", "div#x.y[z]", "ul > li a", "a,b , c", "[data-x='1']", "[data-x=\"a b\"]",
    "[lang|=en]", "[href^=\"/\"][href$='.png']", "[class~=one]", "[title*=x]", "#\\31 2", ".\\:x", "#größe", "a>b",
    " #x ", "text of",
  ])
  func takes(_ text: String) throws {
    #expect(try ElementSelector(text).text == text)
  }

  @Test(arguments: [
    ("", "something is missing at its end", 0),
    ("  ", "something is missing at its end", 2),
    ("a >", "something is missing at its end", 3),
    ("a,", "something is missing at its end", 2),
    (",a", "`,` cannot stand here", 0),
    ("> a", "`>` cannot stand here", 0),
    ("a + b", "`+` cannot stand here", 2),
    ("a~b", "`~` cannot stand here", 1),
    ("é:hover", "`:hover` cannot be used here", 2),
    ("p::first-line", "`::first-line` cannot be used here", 1),
    ("li:nth-child(2)", "`:nth-child` cannot be used here", 2),
    ("#", "something is missing at its end", 1),
    ("a.#b", "`#` cannot stand here", 2),
    ("[x", "`[` is not closed", 0),
    ("[x=1", "`[` is not closed", 0),
    ("[x='1]", "a quote is not closed", 3),
    ("[x!=1]", "`!` cannot stand here", 2),
    ("a|b", "`|` cannot stand here", 1),
    ("a\\", "something is missing at its end", 1),
    ("a\\0 b", "an escape stands for no character", 1),
    ("1a", "`1` cannot stand here", 0),
  ])
  func refuses(_ text: String, _ message: String, _ offset: Int) {
    let error = #expect(throws: SelectorError.self) { try ElementSelector(text) }
    #expect(error?.message == message && error?.offset == offset, "\(String(describing: error))")
  }

  @Test func whatItReads() throws {
    let selector = try ElementSelector("UL > li.A.b #c [D~='e f']")
    #expect(selector.paths.count == 1)
    #expect(selector.paths[0].first.element == "ul")
    let rest = selector.paths[0].rest
    #expect(rest.map(\.0) == [.child, .descendant, .descendant])
    #expect(rest[0].1.classes == ["A", "b"] && rest[1].1.ids == ["c"])
    let attribute = try #require(rest[2].1.attributes.first)
    #expect(attribute.name == "d" && attribute.comparison == .hasWord && attribute.value == "e f")
  }

  @Test func everyPrefixOfAnythingIsReadOrRefused() {
    let text = "div#x.y[z*='q\\'\\41 '] > a, *:not(b) + \\1F600 [k=v]"
    for count in 0...text.unicodeScalars.count {
      _ = try? ElementSelector(String(text.unicodeScalars.prefix(count)))
      _ = try? ElementSelector(String(text.unicodeScalars.dropFirst(count)))
    }
  }
}
