import CSSSelectors
import TestSupport
import Testing

@testable import HTMLText

/// What a person reads in an element.
@Suite struct ElementTextTests {
  private static let page = """
    <!DOCTYPE html>
    <html><head><title>Voting</title><meta charset="utf-8"></head>
    <body class="page wide">
      <div id="results">  Cats: 3/7&nbsp;(42%)
          |   Dogs:  <b>4</b>/7 (57%) </div>
      <ul lang="en-GB"><li class="first">one<li class="item second">two <i>and</i> a half</ul>
      <table><tr><th>Name</th><td>Ann</td></tr><tr><th>Age</th><td>30</td></tr></table>
      <p>a<br>b<br/>c</p><p>d</p>
      <pre>x  y
     z</pre>
      <div hidden>secret</div><div class="note">seen<script>var unseen = "</b>"</script><style>b { }</style><span hidden>no</span></div>
      <div id="empty"></div><input id="name" value="v"><a href="/login?next=1" title="Sign in">Sign&shy;in</a>
      <section><div><p class="deep">deep</p></div></section>
      <p id="chars">&lt;b&gt; &amp; &#233; &#x1F600; caf\u{E9}</p>
    </body></html>
    """

  @Test(arguments: [
    ("#results", "Cats: 3/7 (42%) | Dogs: 4/7 (57%)"),
    ("ul", "one\ntwo and a half"),
    ("li", "one"),
    ("li.second", "two and a half"),
    (".item.second i", "and"),
    ("table", "Name Ann\nAge 30"),
    ("p", "a\nb\nc"),
    ("pre", "x y\nz"),
    (".note", "seen"),
    // The element itself is read even where a browser would not show it.
    ("[hidden]", "secret"),
    ("title", "Voting"),
    ("#empty", ""),
    ("input", ""),
    ("[href^='/login']", "Signin"),
    ("[href$='next=1']", "Signin"),
    ("[title*=gn]", "Signin"),
    ("[title=\"Sign in\"]", "Signin"),
    ("[lang|=en] > li", "one"),
    ("[class~=wide] section p", "deep"),
    ("section > div > .deep", "deep"),
    ("body > section p.deep", "deep"),
    ("section > p, #empty, ul i", "and"),
    ("#chars", "<b> & é 😀 café"),
    ("DIV#results > B", "4"),
  ])
  func texts(_ selector: String, _ text: String) throws {
    #expect(try Self.text(selector, Array(Self.page.utf8)) == text)
  }

  @Test(arguments: [
    "#Results", ".First", "section > p", "li > ul", "[lang=en]", "[title^='']", "[class~='item second']", "#nowhere",
    "section li",
  ])
  func findsNone(_ selector: String) throws {
    #expect(try Self.text(selector, Array(Self.page.utf8)) == nil)
  }

  /// The charset of the response is stronger than the page's own, and UTF-8 needs no saying.
  @Test func encodings() throws {
    let latin = Array("<p>caf".utf8) + [0xE9] + Array("</p>".utf8)
    #expect(try Self.text("p", latin, "text/html; charset=ISO-8859-1") == "café")
    #expect(try Self.text("p", latin, "text/html;Charset=\"latin1\"; q=1") == "café")
    #expect(try Self.text("p", Array("<p>café €</p>".utf8)) == "café €")
    let declared = Array("<meta charset=iso-8859-15><p>".utf8) + [0xA4] + Array("</p>".utf8)
    #expect(try Self.text("p", declared) == "€")
    #expect(try Self.text("p", declared, "text/html; charset=iso-8859-1") == "¤")
    let wide: [UInt8] = [0xFF, 0xFE] + "<p>né</p>".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    #expect(try Self.text("p", wide, "text/html; charset=utf-16") == "né")
    #expect(try Self.text("p", Array("<p>a</p>".utf8), "text/html; charset=no-such-thing") == "a")
  }

  @Test func pagesThatAreNone() throws {
    for bytes in [[], [0x00], [0x3C], Array("{\"a\": 1}".utf8), [0xFF, 0xFE], Array("<div".utf8), Array("</p>".utf8)] {
      #expect(try Self.text("#x", bytes) == nil)
    }
    #expect(try Self.text("div", Array("<div>open <b>and".utf8)) == "open and")
  }

  /// Cut anywhere, nested deeply: an answer, never a trap.
  @Test func brokenPages() throws {
    let bytes = Array(Self.page.utf8)
    for count in stride(from: 0, to: bytes.count, by: 7) { _ = try Self.text("p, .note", Array(bytes[..<count])) }
    let deep = String(repeating: "<div>", count: 20_000) + "x"
    _ = try Self.text("div", Array(deep.utf8))
    _ = try Self.text("b > i", Array(String(repeating: "<b><i>", count: 5_000).utf8))
  }

  static func text(_ selector: String, _ page: [UInt8], _ contentType: String? = nil) throws -> String? {
    try elementText(in: page, contentType: contentType, selector: ElementSelector(selector))
  }
}
